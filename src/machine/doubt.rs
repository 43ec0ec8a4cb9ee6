//! What a place proves of a write that nobody has seen the end of.

use super::parts::{Hold, Mark, Motion, Phase, Said, Stage};
use super::state::State;
use crate::plan::{Side, Way};

/// Why what a place shows tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Its write said that it was done, and the place shows the value from before.
    There,
    /// Its way back did not say so.
    Back,
    /// Its write said for certain that nothing of it is there, and the place shows what it was to write.
    Refused,
}

impl Doubt {
    /// Of what place it is in doubt.
    pub fn is_about(self, side: Side) -> bool {
        match self {
            Doubt::There | Doubt::Back => side == Side::Before,
            Doubt::Refused => matches!(side, Side::After | Side::Mixed),
        }
    }
}

impl State {
    /// Which answer the place of an entry may contradict. A write that said that it was done, and was not seen so since,
    /// makes of the value from before the run a thing that proves nothing, whoever reads it and when: until the new value
    /// is seen, or a write back has said that it was done.
    pub fn doubts(&self, entry: usize) -> Option<Doubt> {
        let claimed = self.marks.get(entry) == Some(&Mark::Claimed);
        let motion = (self.motion).filter(|motion| usize::from(motion.entry) == entry);
        match motion {
            Some(motion) if motion.did_nothing() => Some(Doubt::Refused),
            Some(Motion {
                way,
                stage: Stage::Answered(Said::Done),
                ..
            }) => (way == Way::There && !self.was_seen_since()).then_some(Doubt::There),
            Some(Motion { way, tries, .. }) if claimed && tries > 0 => Some(match way {
                Way::There => Doubt::There,
                Way::Back => Doubt::Back,
            }),
            _ => claimed.then_some(Doubt::There),
        }
    }

    /// Whether the write at hand was refused, and nothing of it was ever there. What was put back at once stood for a
    /// moment.
    pub fn was_refused(&self) -> bool {
        (self.motion).is_some_and(|motion| motion.stage == Stage::Answered(Said::Refused))
    }

    /// Whether the write that is held was seen to have landed before its place was read to hold something else. Of one
    /// that was seen in part only the rest may still come.
    fn was_seen_since(&self) -> bool {
        self.held == Some(Hold::Foreign) && self.phase == Phase::Confirm
    }
}
