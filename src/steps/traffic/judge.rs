//! The judgement of `traffic`: pure, over the counts of both sides.

use std::time::Duration;

use super::count::Count;
use super::{Seen, Traffic};
use crate::event::{Fact, Finding};
use crate::plan::Outcome;
use crate::site::Aim;
use crate::step::{Evidence, Known};
use crate::steps::probe::Family;

/// From how many requests on a share is more than chance.
const ENOUGH: u64 = 20;

/// Tells whether enough arrives at the active side and drains from the idle one.
pub(super) fn judge(traffic: &Traffic, aim: &Aim, evidence: &Evidence) -> Finding {
    let mut judging = Judging {
        traffic,
        facts: Vec::new(),
        final_: false,
    };
    let base = judging.base(evidence);
    let active = judging.side(&aim.active, evidence);
    let idle = judging.side(&aim.idle, evidence);
    let arrives = active
        .as_ref()
        .and_then(|side| judging.arrives(&aim.active, base.as_ref(), side));
    if let Some(side) = &active {
        judging.errors(&aim.active, base.as_ref(), side);
    }
    let stays = idle
        .as_ref()
        .and_then(|side| judging.drains(&aim.idle, base.as_ref(), side));
    let arrived = match (&active, arrives) {
        (Some(side), Some(share)) => {
            format!("{} arrives at {} ({side})", percent(share), aim.active)
        }
        (Some(side), None) => format!("{side} at {}", aim.active),
        (None, _) => format!("{} was not seen", aim.active),
    };
    let left = match (&idle, stays) {
        (_, Some(share)) => format!("{} still goes to {}", percent(share), aim.idle),
        (Some(side), None) => format!("{side} at {}", aim.idle),
        (None, None) => format!("{} was not seen", aim.idle),
    };
    judging.finding(format!("{arrived}; {left}"))
}

/// The rates of one side: the sum over its hosts.
#[derive(Clone, Debug, Default, PartialEq)]
struct Side {
    /// Requests per second.
    rate: f64,
    /// The same by address family.
    by: [f64; 2],
    /// How many requests were counted, by address family.
    counted: [u64; 2],
    requests: u64,
    errors: u64,
    odd: u64,
    nameless: u64,
    lost: bool,
}

impl Side {
    fn add(&mut self, count: &Count) {
        let seconds = Duration::from_millis(count.millis.max(1)).as_secs_f64();
        let rate = |n: u64| n as f64 / seconds;
        self.rate += rate(count.requests);
        for (family, n) in [(Family::V4, count.v4), (Family::V6, count.v6)] {
            self.by[family as usize] += rate(n);
            self.counted[family as usize] += n;
        }
        self.requests += count.requests;
        self.errors += count.errors;
        self.odd += count.odd;
        self.nameless += count.nameless;
        self.lost |= count.lost;
    }

    fn error_share(&self) -> f64 {
        if self.requests == 0 {
            0.0
        } else {
            self.errors as f64 / self.requests as f64
        }
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [v4, v6] = self.by;
        write!(
            f,
            "{:.1}/s: {v4:.1} over IPv4, {v6:.1} over IPv6",
            self.rate
        )
    }
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

struct Judging<'a> {
    traffic: &'a Traffic,
    facts: Vec<Fact>,
    final_: bool,
}

impl Judging<'_> {
    fn row(
        &mut self,
        outcome: Outcome,
        what: impl Into<String>,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) {
        self.facts.push(Fact {
            outcome,
            what: what.into(),
            expected: expected.into(),
            actual: actual.into(),
        });
    }

    /// The rate from before the first write; none where it is too little to compare with, or not all of it.
    fn base(&mut self, evidence: &Evidence) -> Option<Side> {
        let seen: Vec<Seen> = evidence
            .baseline
            .iter()
            .filter_map(|(_, fact)| serde_json::from_value(fact.clone()).ok())
            .collect();
        let floor = self.traffic.floor;
        let what = "rate before the change";
        let expected = format!("{floor}/s or more");
        let Some(first) = seen.first() else {
            self.row(Outcome::Unknown, what, expected, "no measurement");
            return None;
        };
        if seen.len() < first.of {
            let actual = format!("seen on {} of {} hosts", seen.len(), first.of);
            self.row(Outcome::Unknown, what, expected, actual);
            return None;
        }
        let mut side = Side::default();
        for one in &seen {
            side.add(&one.count);
        }
        if side.rate < floor {
            let actual = format!("{:.2}/s, too little to tell", side.rate);
            self.row(Outcome::Unknown, what, expected, actual);
            return None;
        }
        self.row(Outcome::Pass, what, expected, side.to_string());
        Some(side)
    }

    /// The rates of one side now; none where a host of it was not seen.
    fn side(&mut self, name: &str, evidence: &Evidence) -> Option<Side> {
        let mut side = Side::default();
        let (mut any, mut all) = (false, true);
        for (key, item) in &evidence.items {
            let Some(host) = key
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('/'))
            else {
                continue;
            };
            any = true;
            let what = if host.is_empty() {
                name.to_owned()
            } else {
                format!("{host} ({name})")
            };
            let seen = match item {
                Known::Live(fact) => serde_json::from_value::<Seen>(fact.clone())
                    .map_err(|_| "the sight cannot be read".to_owned()),
                // A rate of another day says nothing about this flip.
                Known::Recorded { why, .. } | Known::Unseen(why) => Err(why.detail.clone()),
            };
            match seen {
                Ok(seen) => side.add(&seen.count),
                Err(why) => {
                    all = false;
                    self.row(Outcome::Unknown, what, "its requests", why);
                }
            }
        }
        if !any {
            self.row(Outcome::Unknown, name, "its requests", "was not looked at");
        }
        if side.odd > side.requests {
            let actual = format!("{} lines are no requests in a known form", side.odd);
            self.row(
                Outcome::Unknown,
                format!("access logs of {name}"),
                "the combined form, or JSON",
                actual,
            );
            return None;
        }
        (any && all).then_some(side)
    }

    /// Whether enough arrives, over each family that had enough to compare.
    fn arrives(&mut self, name: &str, base: Option<&Side>, side: &Side) -> Option<f64> {
        let base = base?;
        let at_least = self.traffic.at_least;
        let mut row = |what: String, now: f64, before: f64| {
            let share = now / before;
            let outcome = if share >= at_least {
                Outcome::Pass
            } else {
                Outcome::Late
            };
            let expected = format!("{} of {before:.1}/s or more", percent(at_least));
            let actual = format!("{now:.1}/s, {}", percent(share));
            self.row(outcome, what, expected, actual);
            share
        };
        let share = row(format!("arrives at {name}"), side.rate, base.rate);
        for family in Family::BOTH {
            let at = family as usize;
            if base.counted[at] >= ENOUGH && base.counted[at] < base.requests {
                row(
                    format!("arrives at {name} over {family}"),
                    side.by[at],
                    base.by[at],
                );
            }
        }
        if side.nameless > 0 {
            self.row(
                Outcome::Warn,
                format!("access logs of {name}"),
                "user agents in every line",
                "some lines have none, so cutover's own requests may count",
            );
        }
        Some(share)
    }

    /// Whether little enough is left at the old side.
    fn drains(&mut self, name: &str, base: Option<&Side>, side: &Side) -> Option<f64> {
        let base = base?;
        let below = self.traffic.drain_below;
        let share = side.rate / base.rate;
        let outcome = match (share <= below, side.lost) {
            (true, false) => Outcome::Pass,
            (true, true) => Outcome::Unknown,
            (false, _) => Outcome::Late,
        };
        let lost = if side.lost {
            ", and a part of a rotated log was not found"
        } else {
            ""
        };
        self.row(
            outcome,
            format!("drains from {name}"),
            format!("{} of {:.1}/s or less", percent(below), base.rate),
            format!("{side}, {}{lost}", percent(share)),
        );
        Some(share)
    }

    /// Whether the new side answers with more errors than it may and than the old one did.
    fn errors(&mut self, name: &str, base: Option<&Side>, side: &Side) {
        if side.requests == 0 {
            return;
        }
        let before = base.map_or(0.0, Side::error_share);
        let most = self.traffic.max_errors.max(before);
        let share = side.error_share();
        let expected = if most > self.traffic.max_errors {
            format!("{} of answers or less, as before the change", percent(most))
        } else {
            format!("{} of answers or less", percent(most))
        };
        let outcome = if share > most {
            self.final_ |= side.requests >= ENOUGH;
            Outcome::Fail
        } else {
            Outcome::Pass
        };
        self.row(
            outcome,
            format!("errors at {name}"),
            expected,
            format!("{} of {} answers are 5xx", side.errors, side.requests),
        );
    }

    fn finding(self, headline: String) -> Finding {
        let worst = self.facts.iter().map(|fact| fact.outcome).max();
        let finding = Finding::new(worst.unwrap_or(Outcome::Unknown), headline).facts(self.facts);
        if self.final_ {
            finding.is_final()
        } else {
            finding
        }
    }
}
