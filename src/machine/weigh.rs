//! What a look keeps a run from.

use super::state::State;
use crate::event::Round;
use crate::plan::{Outcome, Plan, Then};

impl State {
    /// Whether an outcome keeps the run from going on by itself in this round: it refuses, leads back or holds.
    pub fn stops(&self, plan: &Plan, round: Round, entry: usize, outcome: Outcome) -> bool {
        let Some(entry) = plan.entries.get(entry) else {
            return false;
        };
        let good = matches!(outcome, Outcome::Pass | Outcome::Warn);
        match round {
            // A place must hold what the run says of it; before a success, one that cannot be read is told as unseen.
            Round::Verify if !entry.is_check() => !good,
            Round::There | Round::Return if !entry.is_check() => {
                !good && outcome != Outcome::Unknown
            }
            Round::There | Round::Return => entry.rule.then(outcome) > Then::Note,
            // The old side is seen whole.
            Round::Probe => !good,
            // Where nothing ever stood, what the old side shows is told, and is not an undo's to mend.
            Round::Verify if self.never_stood() => false,
            // What only warns when it fails says nothing against an undo.
            Round::Verify => !good && entry.rule.fail != Then::Note,
        }
    }

    /// Whether a drill's way back leads users to a side that was not seen to serve: something still goes back, and what
    /// probes that side stops it.
    pub(super) fn leads_to_sick(&self, plan: &Plan, outcomes: &[(usize, Outcome)]) -> bool {
        let sick = |(i, outcome): &(usize, Outcome)| {
            plan.entries[*i].probes_old_side && self.stops(plan, Round::Return, *i, *outcome)
        };
        self.something_goes_back(plan) && outcomes.iter().any(sick)
    }
}
