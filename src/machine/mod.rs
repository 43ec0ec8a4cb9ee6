//! The state machine of a run: what has happened folds into a state, and the state says what comes next.
//!
//! Both halves are pure. They know the plan and the events, and nothing of time, text, counts or I/O; so the
//! same machine runs the real thing, the dry run, the resume after a crash and the simulation, and all that
//! can happen to a playbook can be explored.

mod doubt;
mod ending;
mod fold;
mod next;
mod pack;
mod parts;
mod remain;
mod state;
mod weigh;

pub use doubt::Doubt;
pub use fold::Impossible;
pub use next::{Move, next};
pub use pack::{byte, pack_number, unpack_number};
pub use parts::{Hold, Mark, Motion, Phase, Said, Stage};
pub use state::State;

#[cfg(test)]
mod tests;
