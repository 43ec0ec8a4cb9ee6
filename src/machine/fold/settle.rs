//! What becomes of a write once its place was looked at behind it.

use super::{Folded, impossible};
use crate::machine::doubt::Doubt;
use crate::machine::parts::{Hold, Mark, Motion, Phase, Said, Stage};
use crate::machine::state::{State, TRIES};
use crate::plan::{Plan, Side, Way};

impl State {
    /// Whether what a look shows behind our write is, as far as its answer tells, not of this run: it was the first try,
    /// was refused for certain, and the place is not as it was.
    pub fn is_overtaken(&self, entry: usize, side: Option<Side>) -> bool {
        let is_of = |motion: &Motion| usize::from(motion.entry) == entry;
        self.held.is_none()
            && side.is_some_and(|side| side != Side::Before)
            && (self.motion.as_ref()).is_some_and(|motion| is_of(motion) && motion.did_nothing())
    }

    /// What is neither value was written by somebody else, as if that had been seen before the write; whoever asked
    /// meanwhile to go back is told that it is not as it was. Whose the very value of this run is, or a part of it, cannot
    /// be told: somebody wrote it just before, or the message came through twice. Nobody leads it home, and a person says
    /// what becomes of it.
    pub(super) fn overtaken(&mut self, plan: &Plan, entry: usize, side: Side) {
        if Doubt::Refused.is_about(side) {
            self.stood = true;
            match self.turning {
                true => {
                    self.leave(entry);
                    self.motion = None;
                }
                false => self.held = Some(Hold::Foreign),
            }
            return;
        }
        if self.turning {
            self.mark_as(entry, Mark::Unmade);
            self.motion = None;
            return;
        }
        let nobody = |mark: &Mark| matches!(mark, Mark::None | Mark::Unneeded);
        // What was put back at once stood for a moment.
        if !self.stood && self.marks.iter().all(nobody) {
            self.wrote = false;
        }
        if let Some(motion) = &mut self.motion {
            (motion.stage, motion.tries) = (Stage::Compare, 0);
        }
        self.stale(plan);
    }

    /// The place was looked at after a write, until nothing could land any more.
    pub(super) fn settled(
        &mut self,
        plan: &Plan,
        entry: usize,
        way: Way,
        side: Option<Side>,
    ) -> Folded {
        let motion = *self.moving(entry, way, "settled")?;
        let said = match motion.stage {
            Stage::InFlight => None,
            Stage::Answered(said) => Some(said),
            Stage::Compare | Stage::Write => return impossible("settled"),
        };
        let (from, goal) = match way {
            Way::There => (Side::Before, Side::After),
            Way::Back => (Side::After, Side::Before),
        };
        let claimed = way == Way::Back && self.marks[entry] == Mark::Claimed;
        // A crash is not the write's fault: only a write that was answered uses up a try.
        let again = said.is_none() || motion.tries < TRIES;
        if let (None, Some(motion)) = (said, &mut self.motion) {
            motion.tries = motion.tries.min(TRIES - 1);
        }
        // What was seen in part came through, whatever was said of it: what shows nothing of it later proves nothing.
        if way == Way::There && side == Some(Side::Mixed) && self.phase != Phase::Confirm {
            self.mark_as(entry, Mark::Claimed);
        }
        let unclear = matches!(said, None | Some(Said::Unclear));
        let was_done = way == Way::There && self.marks[entry] == Mark::Claimed;
        let denied = was_done && !(unclear && again);
        match side {
            // Somebody asked to go back meanwhile: whatever came through goes back, and nothing is tried again.
            Some(Side::Foreign) if self.turning => self.turn_from_theirs(entry),
            Some(side) if self.turning && side != goal => {
                if way == Way::There {
                    self.may_stand(entry, motion.stage);
                }
                self.motion = None;
            }
            // Nor does it now: it is gone back from all the same.
            Some(side) if side == goal && claimed && said != Some(Said::Done) && self.turning => {
                self.motion = None;
            }
            // What the place shows proved nothing before this write, and proves nothing where it was not done.
            Some(side) if side == goal && claimed && said != Some(Said::Done) => match said {
                None | Some(Said::Unclear) if again => self.stage(Stage::Compare),
                _ => self.held = Some(Hold::NotSeen),
            },
            Some(side) if side == goal => self.done(entry, way),
            // Two facts contradict each other: what happened is not known.
            Some(side) if side == from && (said == Some(Said::Done) || denied) => {
                self.held = Some(Hold::NotSeen);
            }
            // It was whole when it was written: somebody else took a part away, and nothing is written at the end.
            Some(Side::Mixed) if self.phase == Phase::Confirm => self.held = Some(Hold::Foreign),
            // Done by half: the rest is written. Where that fails on the way there, the half is undone.
            Some(Side::Mixed) if again => self.stage(Stage::Write),
            Some(Side::Mixed) if way == Way::There && plan.goes_back => self.go_back(plan),
            Some(Side::Mixed) => self.held = Some(Hold::Half),
            Some(Side::Foreign) => self.held = Some(Hold::Foreign),
            // It stands where it stood. Without an answer, or with an unclear one, the write never arrived:
            // try again. A no is final.
            Some(_) => match said {
                // It is made by whoever resumed it, after the looks that led to it.
                None | Some(Said::Unclear) if again && self.reached > 0 => {
                    if way == Way::There && !was_done {
                        self.mark_as(entry, Mark::Unmade);
                    }
                    self.motion = None;
                }
                None | Some(Said::Unclear) if again => self.stage(Stage::Compare),
                _ if way == Way::There => self.failed(plan, entry),
                _ => self.held = Some(Hold::NotBack),
            },
            None => self.held = Some(Hold::Unreadable),
        }
        Ok(())
    }
}
