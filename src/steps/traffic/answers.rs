//! Whether those who came were served: errors, what is denied or not found, and what leads elsewhere.

use super::judge::{ENOUGH, Judging};
use super::side::{Side, percent};
use crate::plan::Outcome;
use crate::site::Aim;
use crate::words::{part_of, verb_of};

/// From this share of answers with errors on, a side is not seen to work, however many the other one had.
const MOSTLY: f64 = 0.5;

/// How many answers of one kind a side gave.
type Count = fn(&Side) -> u64;

impl Judging<'_> {
    /// Whether the new side answers with more errors than it may, and than the old one did; as many as it had before of
    /// its own requests are not those of whom was moved. `before` is the old side's, and its own. Where the old side
    /// had as many, they are no failure of the new one; where most answers are errors, it is not seen to work either.
    pub(super) fn errors(&mut self, name: &str, before: [Option<&Side>; 2], side: &Side) {
        if side.requests == 0 {
            return;
        }
        let [base, own] = before;
        let own = own.map_or(0.0, |own| own.errors as f64 / side.requests as f64);
        let may = (self.traffic.max_errors + own).min(1.0);
        let former = base.map_or(0.0, Side::error_share);
        let share = side.error_share();
        let errors = format!(
            "{} {} 5xx",
            part_of(side.errors, side.requests, "answer"),
            verb_of(side.requests, "is", "are")
        );
        let (outcome, actual) = if share <= may {
            (Outcome::Pass, errors)
        } else if share <= (former + own).min(1.0) {
            let as_before = format!("{errors}, as many as before the change");
            if share < MOSTLY {
                (Outcome::Warn, as_before)
            } else {
                self.doubt.get_or_insert_with(|| {
                    format!("whether {name} works cannot be told: {as_before}")
                });
                (Outcome::Unknown, as_before)
            }
        } else {
            self.final_ |= side.requests >= ENOUGH;
            (Outcome::Fail, errors)
        };
        self.row(
            outcome,
            format!("errors at {name}"),
            format!("{} of answers or less", percent(may)),
            actual,
        );
    }

    /// Whether a side has so many errors before the change that as many after it tell nothing.
    pub(super) fn errors_before(&mut self, name: &str, side: &Side) {
        let most = self.traffic.max_errors;
        if side.requests < ENOUGH || side.error_share() <= most {
            return;
        }
        self.row(
            Outcome::Warn,
            format!("errors at {name} before the change"),
            format!("{} of answers or less (`max-errors`)", percent(most)),
            format!("{} are 5xx", part_of(side.errors, side.requests, "answer")),
        );
    }

    /// Whether far more answers than at the old side before deny what was asked for, or lead elsewhere: a request that
    /// arrives is not served by a page that is not there. Some are denied everywhere, so the shares are compared; what
    /// the new side had of its own is taken off.
    pub(super) fn unserved(&mut self, aim: &Aim, base: &Side, own: Option<&Side>, side: &Side) {
        let kinds: [(Count, &str); 2] =
            [(|side| side.denied, "4xx"), (|side| side.led, "redirects")];
        for (of, kind) in kinds {
            let may = base.share_of(of(base))
                + side.share_of(own.map_or(0, of))
                + self.traffic.max_errors
                + chance(of(base), base, side);
            if side.share_of(of(side)) <= may {
                continue;
            }
            let are = |side: &Side, are: &str| {
                format!(
                    "{} {are} {kind}",
                    part_of(of(side), side.requests, "answer")
                )
            };
            let now = are(side, verb_of(side.requests, "is", "are"));
            let was = are(base, verb_of(base.requests, "was", "were"));
            let name = &aim.active;
            // A site may lead its users to another name on purpose; that a page is not there is no purpose.
            let outcome = match kind {
                "4xx" => {
                    self.final_ |= side.requests >= ENOUGH;
                    Outcome::Fail
                }
                _ => {
                    let doubt = || format!("whether {name} serves cannot be told: {now}");
                    self.doubt.get_or_insert_with(doubt);
                    Outcome::Unknown
                }
            };
            self.row(
                outcome,
                format!("{kind} at {name}"),
                format!("{} of answers or less, as before the change", percent(may)),
                format!("{now}; {was} before the change"),
            );
        }
    }
}

/// By how much two shares differ by chance: three standard deviations of the difference. The share is reckoned as if
/// two more had been asked, one of each kind, as none of few does not mean never.
fn chance(n: u64, base: &Side, side: &Side) -> f64 {
    let all = base.requests as f64;
    let share = (n as f64 + 1.0) / (all + 2.0);
    let of = 1.0 / all.max(1.0) + 1.0 / (side.requests as f64).max(1.0);
    3.0 * (share * (1.0 - share).max(0.0) * of).sqrt()
}
