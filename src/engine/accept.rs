//! What a person accepts: the reasons that were shown, and nothing newer.

use std::collections::BTreeSet;

use super::findings::Findings;
use crate::event::{Fact, Finding, Round};
use crate::plan::{Outcome, Plan};

/// The reasons for which a batch was judged as it was.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown(Vec<(usize, Reason)>);

/// Why a finding is not good: how bad it is, and which of the things that were looked at. Not what each of them
/// showed, which may be a rate or a time that differs with every look; of a place it is what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reason {
    outcome: Outcome,
    things: BTreeSet<String>,
}

fn is_good(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Pass | Outcome::Warn)
}

impl Reason {
    fn of(finding: &Finding, place: bool) -> Reason {
        let bad = finding.facts.iter().filter(|fact| !is_good(fact.outcome));
        let thing = |fact: &Fact| match place {
            true => format!("{} {}", fact.what, fact.actual),
            false => fact.what.clone(),
        };
        Reason {
            outcome: finding.outcome,
            things: bad.map(thing).collect(),
        }
    }
}

impl Shown {
    /// What was shown of the entries that were judged, by the last finding of each.
    pub(super) fn of(
        plan: &Plan,
        round: Round,
        outcomes: &[(usize, Outcome)],
        findings: &Findings,
    ) -> Shown {
        let bad = outcomes.iter().filter(|(_, outcome)| !is_good(*outcome));
        let reason = |entry: usize| {
            let place = plan.entries[entry].has_place();
            Some((entry, Reason::of(findings.seen(round, entry)?, place)))
        };
        Shown(bad.filter_map(|(entry, _)| reason(*entry)).collect())
    }

    /// Whether whoever accepted what was shown has accepted this finding.
    pub(super) fn covers(&self, plan: &Plan, entry: usize, finding: &Finding) -> bool {
        let place = plan.entries[entry].has_place();
        is_good(finding.outcome) || self.has(entry, &Reason::of(finding, place))
    }

    /// Whether all of `newer` was shown here already.
    pub(super) fn covers_all(&self, newer: &Shown) -> bool {
        newer
            .0
            .iter()
            .all(|(entry, reason)| self.has(*entry, reason))
    }

    /// What of `newer` was not shown here.
    pub(super) fn lacks(&self, newer: &Shown) -> Vec<usize> {
        (newer.0.iter())
            .filter(|(entry, reason)| !self.has(*entry, reason))
            .map(|(entry, _)| *entry)
            .collect()
    }

    /// This, and what else was shown.
    pub(super) fn and(mut self, other: &Shown) -> Shown {
        self.0.extend(other.0.iter().cloned());
        self
    }

    fn has(&self, entry: usize, new: &Reason) -> bool {
        self.0.iter().any(|(shown, reason)| {
            *shown == entry
                && reason.outcome == new.outcome
                && match reason.things.is_empty() {
                    true => new.things.is_empty(),
                    false => !new.things.is_empty() && new.things.is_subset(&reason.things),
                }
        })
    }
}

/// A finding that was accepted: it counts no more, and is told all the same.
pub(super) fn accept(finding: Finding) -> Finding {
    if is_good(finding.outcome) {
        return finding;
    }
    Finding {
        headline: format!("accepted as {}: {}", finding.outcome, finding.headline),
        outcome: Outcome::Warn,
        ..finding
    }
}

#[cfg(test)]
mod tests;
