//! What a check keeps a run from.

use crate::event::Round;
use crate::plan::{Outcome, Plan, Then};

/// Whether an outcome keeps the run from going on by itself in this round: it refuses, leads back or holds.
pub fn stops(plan: &Plan, round: Round, entry: usize, outcome: Outcome) -> bool {
    let Some(entry) = plan.entries.get(entry) else {
        return false;
    };
    let good = matches!(outcome, Outcome::Pass | Outcome::Warn);
    match round {
        Round::There | Round::Return => entry.rule.then(outcome) > Then::Note,
        // The old side is seen whole.
        Round::Probe => !good,
        // What only warns when it fails says nothing against an undo.
        Round::Verify => !good && entry.rule.fail != Then::Note,
    }
}
