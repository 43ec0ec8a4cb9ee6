//! What a place proves of a write that nobody has seen the end of.

use super::parts::{Hold, Mark, Motion, Phase, Said, Stage};
use super::state::State;
use crate::plan::Way;

impl State {
    /// The way of the write whose answer says otherwise where the place of an entry shows the value from before the run.
    /// A write that said that it was done, and was not seen so since, makes of that value a thing that proves nothing,
    /// whoever reads it and when: until the new value is seen, or a write back has said that it was done.
    pub fn doubts(&self, entry: usize) -> Option<Way> {
        let claimed = self.marks.get(entry) == Some(&Mark::Claimed);
        let motion = (self.motion).filter(|motion| usize::from(motion.entry) == entry);
        match motion {
            Some(Motion {
                way,
                stage: Stage::Answered(Said::Done),
                ..
            }) => (way == Way::There && !self.was_seen_since()).then_some(way),
            Some(Motion { way, tries, .. }) if claimed && tries > 0 => Some(way),
            _ => claimed.then_some(Way::There),
        }
    }

    /// Whether the write that is held was seen to have landed before its place was read to hold something else. Of one
    /// that was seen in part only the rest may still come.
    fn was_seen_since(&self) -> bool {
        self.held == Some(Hold::Foreign) && self.phase == Phase::Confirm
    }
}
