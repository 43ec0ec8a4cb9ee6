//! What an end comes to.

use super::parts::{Mark, Phase};
use super::state::State;
use crate::event::Ending;
use crate::plan::{Mode, Plan};

impl State {
    /// Decides the end.
    pub(super) fn close(&mut self, plan: &Plan, ending: Ending) {
        self.closing = Some(self.truly(plan, ending));
    }

    /// What an ending comes to. What was accepted unseen makes a success an unproven one, and none where the run
    /// changed nothing that could have moved; what still stands, or was left, makes an undo none. Where nothing was
    /// ever written, nothing is held. A plan ends as its run would.
    fn truly(&self, plan: &Plan, ending: Ending) -> Ending {
        let left = self.left;
        let stands = self.marks.iter().any(|mark| mark.stands());
        let touched = match plan.mode {
            // It writes nothing, and what it would write is looked at by its run.
            Mode::Check => true,
            Mode::Plan => plan.first_write().is_some(),
            _ => self.wrote || self.marks.contains(&Mark::Unneeded),
        };
        match ending {
            // A drill that left something has not come back, nor has one that was told to remain.
            Ending::Done if self.remains && plan.mode == Mode::Drill => Ending::DoneUnproven,
            Ending::Done if left && plan.mode == Mode::Drill => Ending::Held,
            Ending::Done if self.unseen && !touched => Ending::Refused,
            Ending::Done if self.unseen || left => Ending::DoneUnproven,
            // What stays with the source has not moved, whoever said that it may.
            Ending::Done if plan.mode != Mode::Check && !plan.behind.is_empty() => {
                Ending::DoneUnproven
            }
            Ending::Undone if left || stands => Ending::Held,
            Ending::Held if !self.wrote => Ending::Refused,
            other => other,
        }
    }

    /// Whether a run of version 0.1.0 could end so here. It looked at nothing between the last write and the end,
    /// nor at anything after an undo of which nothing stood, called a run held that had written nothing, and one done
    /// of which a service had stayed or was not seen to move.
    pub(super) fn ended_before(&self, plan: &Plan, ending: Ending) -> bool {
        let would = match (self.motion, self.held, self.phase) {
            (None, None, Phase::Confirm) => self.truly(plan, Ending::Done),
            (None, None, Phase::Verify | Phase::Reread) => self.truly(plan, Ending::Undone),
            _ => return ending == Ending::Held && self.closing == Some(Ending::Refused),
        };
        // Where the places were looked at before the end, this version ended it.
        let unproven = self.unseen || !plan.behind.is_empty();
        // That includes an end before which no place was to be looked at.
        let looked = self.closing.is_some() && !self.batch_is_empty(plan);
        let behind = ending == Ending::Done && !looked && unproven;
        // Without a change it ended unproven.
        ending == would
            || behind && would == Ending::DoneUnproven
            || ending == Ending::DoneUnproven && would == Ending::Refused
    }
}
