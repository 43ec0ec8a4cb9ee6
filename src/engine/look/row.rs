//! One good look after a bad one is no state: behind one address there may be several servers, and one of them may be
//! well. What did not pass in a phase passes there only after several good looks in a row.

use std::time::Duration;

use crate::event::Finding;
use crate::plan::Outcome;
use crate::words::count;

/// How many good looks in a row count after one that was not: as many as a balancer's `rise` asks for, and some more.
/// Where seven answers of ten are bad, five good looks of one answer each come once in four hundred times.
const ROW: u32 = 5;

/// What was good, bad and good again needs twice as many each time, up to so many. Where one answer of four is bad,
/// forty good ones in a row come once in a hundred thousand times; so looking until a deadline is not trying one's luck.
const MOST: u32 = 40;

/// Good looks that take longer than this cost much: fewer of them count. What a bad one takes is no measure, as what
/// hangs is waited for.
const LONG: Duration = Duration::from_secs(10);

/// How many of those count.
const ROW_OF_LONG: u32 = 2;

/// The time between two looks of a row. Where a server wants to be asked more slowly than that, the looks see to it.
pub(super) const BETWEEN: Duration = Duration::from_millis(200);

/// What the looks at one thing came to, since its phase began.
pub(super) struct Row {
    /// Whether one look is enough, as one says much, or costs much.
    once: bool,
    bad: u32,
    /// Good ones since the last bad one.
    good: u32,
    /// Whether each of those took long.
    long: bool,
    /// How often a bad one followed good ones.
    wavers: u32,
    last_bad: Option<Finding>,
}

impl Row {
    pub(super) fn new(once: bool) -> Row {
        Row {
            once,
            bad: 0,
            good: 0,
            long: true,
            wavers: 0,
            last_bad: None,
        }
    }

    /// Takes one look, and how long that took.
    pub(super) fn take(&mut self, finding: &Finding, took: Duration) {
        if is_good(finding) {
            self.good += 1;
            self.long &= took > LONG;
            return;
        }
        self.wavers += u32::from(self.good > 0);
        self.bad += 1;
        self.good = 0;
        self.long = true;
        self.last_bad = Some(finding.clone());
    }

    /// How many good ones in a row count now.
    fn wanted(&self) -> u32 {
        let row = if self.long { ROW_OF_LONG } else { ROW };
        row.saturating_mul(2_u32.saturating_pow(self.wavers))
            .min(MOST)
    }

    /// Whether the last look was good.
    pub(super) fn is_good(&self) -> bool {
        self.good > 0
    }

    /// Whether what was seen last may be called good.
    pub(super) fn passes(&self) -> bool {
        self.is_good() && (self.once || self.bad == 0 || self.good >= self.wanted())
    }

    /// Whether a row has begun that may be looked at to its end, though the time is up: the first one, which is short.
    pub(super) fn may_end(&self) -> bool {
        self.is_good() && self.wavers == 0
    }

    /// What passes by, while it is looked at again.
    pub(super) fn note(&self, finding: &Finding) -> String {
        match self.good {
            0 => finding.headline.clone(),
            good => format!(
                "{}: {good} of {} looks in a row",
                finding.headline,
                self.wanted()
            ),
        }
    }

    /// What all the looks come to: what was seen last, or, where too few looks in a row were good, what was not.
    pub(super) fn ends(self, finding: Finding) -> Finding {
        let looks = |n: u32| count(n, "look");
        if !is_good(&finding) {
            return match self.wavers > 0 {
                true => Finding {
                    headline: format!("{}; it wavers: other looks pass", finding.headline),
                    ..finding
                },
                false => finding,
            };
        }
        let Some(bad) = self.last_bad.clone() else {
            return finding;
        };
        if self.once {
            return finding;
        }
        if self.good < self.wanted() {
            let (passed, wanted) = (looks(self.good), self.wanted());
            return Finding {
                headline: format!(
                    "{}; then {passed} in a row passed, and {} count",
                    bad.headline, wanted
                ),
                ..bad
            };
        }
        // That names need time to move is no news.
        if bad.outcome == Outcome::Late && self.wavers == 0 {
            return finding;
        }
        Finding {
            headline: format!(
                "{}, after {} that did not pass; {} in a row",
                finding.headline,
                looks(self.bad),
                count(self.good, "good one")
            ),
            ..finding
        }
    }
}

fn is_good(finding: &Finding) -> bool {
    matches!(finding.outcome, Outcome::Pass | Outcome::Warn)
}

#[cfg(test)]
mod tests;
