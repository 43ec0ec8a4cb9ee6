//! Goes on with a run that was cut off, stopped or held, or puts it back.

use super::drive::{Foregone, Outfit, Run, RunError, back_anyway, decided};
use super::people::People;
use super::world::{Memory, World};
use crate::event::{Decision, Ending, Event, Record};
use crate::journal::Journal;
use crate::machine::{Hold, Phase, State};

/// How somebody wants a run to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoOn {
    /// Look again, and finish.
    Finish,
    /// Finish; what the run was held for is accepted if it is still so.
    Accept,
    /// It remains where it is: nothing is put back, and what that comes to is looked at.
    Stay,
    /// Put back what stands.
    Back,
    /// Put back what stands, also where the old side is not seen to serve; what somebody else wrote is left, and all
    /// the rest put back.
    BackAnyway,
}

/// Goes on with a run from what its journal holds. A run that has ended well is only put back, never gone on
/// with: resuming it does nothing.
pub async fn resume<J: Journal, W: World, M: Memory, P: People>(
    records: &[Record],
    journal: &mut J,
    outfit: Outfit<'_, W, M, P>,
    how: GoOn,
) -> Result<Ending, RunError> {
    let Some(Event::Started { plan, .. }) = records.first().map(|record| &record.event) else {
        return Err(RunError::NoPlan);
    };
    let by = outfit.by.clone();
    let mut run = Run::new(plan, journal, outfit);
    for record in records {
        run.take_in(&record.event)?;
    }
    let accepted = run.state.held().map(|hold| Foregone {
        hold,
        at: Some((run.state.position(), run.accepted.clone().and(&run.shown))),
        decision: Decision::On,
        by: by.clone(),
    });
    let back = goes_back(&run.state, how)?;
    match run.state.ended() {
        None | Some(Ending::Stopped | Ending::Held) => {
            let version = env!("CARGO_PKG_VERSION").to_owned();
            let by = by.clone();
            let anew = true;
            run.record(Event::Resumed { by, version, anew }).await?;
        }
        Some(ending) if !back => return Ok(ending),
        Some(_) => {}
    }
    let decision = match how {
        GoOn::Stay => Some(Decision::Stay),
        _ => back.then_some(Decision::Back),
    };
    if let Some(decision) = decision {
        run.record(decided(decision, by.clone())).await?;
    }
    run.answers = match how {
        GoOn::Accept => accepted.into_iter().collect(),
        GoOn::BackAnyway => back_anyway(&by).into(),
        GoOn::Finish | GoOn::Stay | GoOn::Back => Vec::new(),
    };
    run.go_to_the_end().await
}

/// Whether a run can be gone on with in this way, as far as its journal tells.
pub fn may_go_on(records: &[Record], how: GoOn) -> Result<(), RunError> {
    let Some(Event::Started { plan, .. }) = records.first().map(|record| &record.event) else {
        return Err(RunError::NoPlan);
    };
    let state = State::of(plan, records.iter().map(|record| &record.event))?;
    goes_back(&state, how)?;
    match how == GoOn::Stay && !state.may_remain(plan) {
        true => Err(RunError::CannotRemain),
        false => Ok(()),
    }
}

/// What a run stands still for, as far as its journal tells.
pub fn held_for(records: &[Record]) -> Option<Hold> {
    folded(records)?.held()
}

/// Whether something of a run stands, and it does not go back already.
pub fn may_turn_back(records: &[Record]) -> bool {
    folded(records).is_some_and(|state| state.stands() && !state.phase().undoes())
}

fn folded(records: &[Record]) -> Option<State> {
    let Some(Event::Started { plan, .. }) = records.first().map(|record| &record.event) else {
        return None;
    };
    State::of(plan, records.iter().map(|record| &record.event)).ok()
}

/// Whether it is put back now, or finished.
fn goes_back(state: &State, how: GoOn) -> Result<bool, RunError> {
    let open = matches!(state.ended(), None | Some(Ending::Stopped | Ending::Held));
    // An undo that was cut off while it looked at what it had put back is finished.
    let looks = matches!(state.phase(), Phase::Verify | Phase::Accept | Phase::Reread);
    let verifying = looks && open;
    match how {
        GoOn::Finish | GoOn::Accept | GoOn::Stay => Ok(false),
        GoOn::Back | GoOn::BackAnyway if state.stands() => Ok(true),
        // To look once more at what others wrote settles nothing.
        GoOn::Back | GoOn::BackAnyway if state.left_something() => Err(RunError::LeftToOthers),
        GoOn::Back | GoOn::BackAnyway if verifying => Ok(false),
        // Nothing stands any more, and nobody has seen that everything is as it was before.
        GoOn::Back | GoOn::BackAnyway if open && state.wrote() => Ok(true),
        GoOn::Back | GoOn::BackAnyway => Err(RunError::NothingStands),
    }
}

#[cfg(test)]
mod tests;
