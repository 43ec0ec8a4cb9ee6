//! Who remains where it is: nothing is put back, and what that comes to is looked at.

use super::parts::{Motion, Phase, Stayed};
use super::state::State;
use crate::event::Ending;
use crate::plan::{Mode, Plan};

impl State {
    /// Whether a person can say that it remains where it is for good: a run that had ended and was to be put back, or
    /// a drill of which nothing went back yet.
    pub fn may_remain(&self, plan: &Plan) -> bool {
        let over = |ending| !matches!(ending, Ending::Held | Ending::Stopped);
        if self.ended.is_some_and(over) || !self.stands() {
            return false;
        }
        let drill = |phase| {
            let there = matches!(phase, Phase::Stay | Phase::Return);
            plan.mode == Mode::Drill && there && !self.returned
        };
        match self.stayed {
            Some(stayed) => stayed.ended.is_some() || drill(stayed.phase),
            None => drill(self.phase),
        }
    }

    /// Whether somebody said that it remains where it is, and nothing was put back.
    pub fn remains(&self) -> bool {
        self.remains
    }

    /// Where it is, if it can be left there: nothing was found against it, and nothing is being written.
    pub(super) fn stays(&self) -> Option<Stayed> {
        let untried = |m: Motion| m.tries == 0 && !m.stage.may_have_happened();
        let well = self.held.is_none() && self.motion.is_none_or(untried) && !self.phase.undoes();
        let (phase, at, _) = self.position();
        well.then_some(Stayed {
            phase,
            at,
            ended: self
                .ended
                .filter(|ended| matches!(ended, Ending::Done | Ending::DoneUnproven)),
        })
    }

    /// It remains where it is, for good: what it wrote, and what is behind its last write, is looked at before that is
    /// said, since it may be long ago that anybody looked.
    pub(super) fn remain(&mut self, plan: &Plan) {
        (self.held, self.closing) = (None, None);
        // Nothing was written of what it may be at.
        (self.motion, self.stayed) = (None, None);
        self.remains = true;
        self.look_behind(plan);
    }

    /// Somebody had asked to go back, and leaves it where it was: as it had ended, or held.
    pub(super) fn stay(&mut self, plan: &Plan) {
        let Some(Stayed { phase, at, ended }) = self.stayed.take() else {
            return;
        };
        (self.phase, self.at) = (phase, at);
        match ended {
            Some(_) => self.remain(plan),
            None => self.close(plan, Ending::Held),
        }
    }
}
