//! What is read behind all checks, before an end says anything of it.

use crate::event::Ending;
use crate::machine::parts::{Hold, Mark, Phase, Said, Stage};
use crate::machine::state::State;
use crate::plan::{Outcome, Plan, Way};

impl State {
    /// All is as it was before. Where checks were waited for, somebody may have written into a place meanwhile.
    pub(super) fn read_again(&mut self, plan: &Plan, outcomes: &[(usize, Outcome)]) {
        match outcomes.iter().any(|(i, _)| !plan.entries[*i].has_place()) {
            true => self.phase = Phase::Reread,
            false => self.close(plan, Ending::Undone),
        }
    }

    /// The places were looked at before a success is said. Somebody wrote into one that holds something else, and
    /// a person is asked, of one after the other.
    pub(super) fn confirmed(&mut self, plan: &Plan, outcomes: &[(usize, Outcome)]) {
        for (i, outcome) in outcomes {
            let way = match self.marks[*i] {
                Mark::Back | Mark::Unmade => Way::Back,
                _ => Way::There,
            };
            match outcome {
                Outcome::Pass | Outcome::Warn => {}
                // It was seen after its write.
                Outcome::Unknown => self.unseen = true,
                // Nothing of it is ours that could be put back.
                Outcome::Late | Outcome::Fail if plan.entries[*i].is_check() => {
                    self.at = u16::try_from(*i).unwrap_or(u16::MAX);
                    self.held = Some(Hold::Foreign);
                    return;
                }
                // What was never ours is not put back.
                Outcome::Late | Outcome::Fail if self.marks[*i] == Mark::Unneeded => self.leave(*i),
                Outcome::Late | Outcome::Fail => {
                    self.start(u16::try_from(*i).unwrap_or(u16::MAX), way);
                    if let Some(motion) = &mut self.motion {
                        motion.stage = Stage::Answered(Said::Done);
                        motion.tries = 1;
                    }
                    self.held = Some(Hold::Foreign);
                    return;
                }
            }
        }
        self.close(plan, Ending::Done);
    }
}
