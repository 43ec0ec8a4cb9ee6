//! The rules that are explored: the machine's, or in a test a copy with a planted defect.

use crate::event::Event;
use crate::machine::{Impossible, Move, State, next};
use crate::plan::Plan;

/// What comes next, and what follows from what happened.
pub trait Rules {
    /// The next move.
    fn next(&self, plan: &Plan, state: &State) -> Move;

    /// Takes one more event in.
    fn fold(&self, plan: &Plan, state: &mut State, event: &Event) -> Result<(), Impossible>;
}

/// The rules that every real run follows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl Rules for Machine {
    fn next(&self, plan: &Plan, state: &State) -> Move {
        next(plan, state)
    }

    fn fold(&self, plan: &Plan, state: &mut State, event: &Event) -> Result<(), Impossible> {
        state.fold(plan, event)
    }
}
