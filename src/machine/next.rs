//! What comes next: the whole policy of a run, without doing any of it.

use super::parts::{Hold, Phase, Stage};
use super::state::State;
use crate::event::{Ending, Round};
use crate::plan::{Nature, Plan, Way};

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Look at the checks of a batch, side by side. Answered by `Judged`.
    Look { round: Round, entries: Vec<usize> },
    /// Take the sights that must be taken before the first write. Answered by `BaselineTaken`.
    TakeBaseline,
    /// Read the place before writing. Answered by `Compared`.
    Compare { entry: usize, way: Way },
    /// Record the intent, then write (or act). Answered by `Intended` and `Answered`.
    Write { entry: usize, way: Way },
    /// Look at the place until it is clear what the write did. Answered by `Settled`.
    Settle { entry: usize, way: Way },
    /// Wait. Answered by `Waited`.
    Wait { entry: usize },
    /// Ask a person to approve. Answered by `Approved`.
    Approve { entry: usize },
    /// A drill stays on the other side. Answered by `HoldOver`, or `Decided`.
    Stay,
    /// Ask a person how to go on. Answered by `Decided`.
    Decide { hold: Hold },
    /// Record the end.
    End { ending: Ending },
    /// It has ended.
    Rest,
}

/// The next move.
///
/// The order of the questions is the policy: what has ended has ended; a write in flight is settled before
/// anything else, also when somebody asked to stop; then a decided end, a stop, a person who must decide.
pub fn next(plan: &Plan, state: &State) -> Move {
    if state.ended.is_some() {
        return Move::Rest;
    }
    if let (Some(motion), None) = (state.motion, state.held) {
        let (entry, way) = (usize::from(motion.entry), motion.way);
        match motion.stage {
            Stage::InFlight | Stage::Answered(_) => return Move::Settle { entry, way },
            Stage::Compare | Stage::Write if state.stopping => {}
            Stage::Compare if !state.baseline => return Move::TakeBaseline,
            Stage::Compare => return Move::Compare { entry, way },
            Stage::Write => return Move::Write { entry, way },
        }
    }
    if let Some(ending) = state.closing {
        return Move::End { ending };
    }
    if state.stopping {
        let ending = Ending::Stopped;
        return Move::End { ending };
    }
    if let Some(hold) = state.held {
        return Move::Decide { hold };
    }
    if state.phase == Phase::Stay {
        return Move::Stay;
    }
    let entries: Vec<usize> = state.batch(plan).collect();
    if !entries.is_empty() {
        let round = state.round(plan);
        return Move::Look { round, entries };
    }
    let entry = usize::from(state.at);
    match plan.entries.get(entry).map(|e| &e.nature) {
        Some(Nature::Wait { .. }) => Move::Wait { entry },
        Some(Nature::Ask { .. }) => Move::Approve { entry },
        // `advance` leaves no other state: a check is in a batch, a write is a motion, and at the end of
        // the list the phase changes or the end is decided.
        Some(Nature::Check | Nature::Change(_) | Nature::Act(_)) | None => Move::End {
            ending: Ending::Held,
        },
    }
}
