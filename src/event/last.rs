//! What the last looks of a run say, for whoever tells it and for what is owed.

use super::{Fact, Finding, Round};
use crate::plan::{Entry, Outcome, Plan, Stay};

/// What of the things that a plan leaves behind does not lead to the target, as far as it was looked at: `seen` gives
/// what the look on the way there found at an entry.
pub fn still_behind<'f>(plan: &Plan, seen: impl Fn(usize) -> Option<&'f Finding>) -> Vec<Stay> {
    let hands = (0..plan.entries.len()).filter(|entry| plan.entries[*entry].by_hand);
    let facts: Vec<&Fact> = (hands.filter_map(seen))
        .flat_map(|finding| &finding.facts)
        .collect();
    let still = |stay: &Stay| match facts.iter().find(|fact| fact.what == stay.what) {
        Some(fact) if fact.outcome == Outcome::Pass => None,
        Some(fact) => Some(Stay {
            what: stay.what.clone(),
            why: fact.actual.clone(),
        }),
        None => Some(stay.clone()),
    };
    plan.behind.iter().filter_map(still).collect()
}

/// The last look at a check on a way back that undid a run: after it, else before it. A drill that was to return to a side
/// that was not seen to serve, and went back all the same, may have looked at it only then.
pub fn last_of_undo<'f>(
    entry: &Entry,
    seen: impl Fn(Round) -> Option<&'f Finding>,
) -> Option<(Round, &'f Finding)> {
    [Round::Verify, Round::Probe, Round::Return]
        .into_iter()
        .filter(|round| *round != Round::Return || entry.probes_old_side)
        .find_map(|round| Some((round, seen(round)?)))
}
