//! All that can happen to a playbook, explored offline.
//!
//! Two layers look at the same [`Model`] of a playbook, and must agree:
//!
//! 1. The first is exhaustive: the pure machine, every fault at every point, in every combination up to a
//!    bound; equal moments are merged.
//! 2. The second runs one [`Script`] of faults through the same `drive` that real runs
//!    use, on a fake world in virtual time, with the journal written and read back.
//!
//! A script says what goes wrong, and where. The first layer can follow it too: that is what the model says
//! of it, and the ending of the second layer must be the same.

mod answers;
mod check;
mod course;
#[cfg(test)]
mod defects;
mod disk;
pub mod fault;
mod ground;
mod imagine;
pub mod model;
mod name;
#[cfg(test)]
mod never_begun;
pub mod perform;
#[cfg(test)]
mod planted;
pub mod property;
mod rehearse;
mod rules;
#[cfg(test)]
mod second_opinion;
mod sketch;
#[cfg(test)]
mod so_already;
mod space;
mod stage;
#[cfg(test)]
mod stage_tests;
mod story;
mod table;
#[cfg(test)]
mod tests;
mod theatre;
pub mod timing;
mod turns;
#[cfg(test)]
mod unreduced;
mod verdict;
mod walk;

pub use check::Broken;
pub use disk::Severed;
pub use fault::{Cut, Fault, Moment, Point, Script, Twist};
pub use ground::{Ground, Node};
pub use imagine::{Unimaginable, imagine};
pub use model::{Dead, Model, Sees, Timing, Traits};
pub use name::{BadName, mode_name, split_mode};
pub use perform::{Lapse, Performance, Performer, Print};
pub use property::Property;
pub use rehearse::{Found, Rehearsal, Watch, difference, rehearse};
pub use rules::{Machine, Rules};
pub use space::{Breach, Limits, Space, explore};
pub use stage::Stage;
pub use story::{Story, tell};
#[cfg(test)]
pub(crate) use theatre::CANARY;
pub use timing::{Times, Took};
pub use walk::{Step, Walk, points, points_after, walk};
