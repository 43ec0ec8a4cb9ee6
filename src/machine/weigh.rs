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
            Round::Verify if entry.has_place() => !good,
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

    /// Whether all that would lead back stood before the first write, and something stands: whoever resumed it looks there
    /// again. It was to stop the run before it began. Now a person goes on with it, who is asked, and not led back in
    /// silence.
    pub(super) fn is_asked_behind_a_write(
        &self,
        plan: &Plan,
        outcomes: &[(usize, Outcome)],
    ) -> bool {
        let first = plan.first_write().unwrap_or_default();
        let gate = |(i, outcome): &(usize, Outcome)| {
            *i < first || plan.entries[*i].rule.then(*outcome) != Then::Back
        };
        self.reached > 0 && self.stands() && outcomes.iter().all(gate)
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
