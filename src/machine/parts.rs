//! What a state is made of: the phase, what each entry has done, the write that is being made, and why it is held.

use crate::event::Ending;
use crate::plan::{Side, Way};

/// The phases of a run. The survey is over before a run starts; holding for a person is no phase but a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    Forward,
    /// A drill stays on the other side.
    Stay,
    Return,
    /// What is temporary is put back at the end of a failover.
    Tidy,
    /// Before an undo: does the old side serve?
    Probe,
    Undo,
    /// After an undo: is everything as it was?
    Verify,
    /// Somebody accepted what the look after an undo showed: it is looked at once more, and what was not shown
    /// then is not accepted.
    Accept,
    /// Once the checks behind an undo are done, which may wait for long: does every place still hold what was put back?
    Reread,
    /// Before a success: does every place still hold what the run says of it?
    Confirm,
}

/// What an entry has done to the world so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Nothing.
    None,
    /// Its change stands, or may stand: going back has to look at it.
    Standing,
    /// Its write said that it was done, and no look has shown it: one of the two is wrong. Or a part of it was seen, and the
    /// rest was not. Going back writes, whatever the place shows.
    Claimed,
    /// The place held the new value before we came; it is not ours to put back.
    Unneeded,
    /// It was put back, and seen so.
    Back,
    /// Its write did not happen, and was seen so; or it was never begun, and an undo says that all is as before.
    Unmade,
    /// It could not be put back, or somebody else wrote here, and a person said to leave it.
    Left,
    /// Somebody else wrote here, in part at least, and a person said to leave that: what is ours of it goes back, and
    /// then it is left.
    Shared,
}

/// Where a run was when somebody asked to put it back, until something is: it can stay there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stayed {
    pub(super) phase: Phase,
    /// As `State::position` says it.
    pub(super) at: u16,
    /// How it had ended.
    pub(super) ended: Option<Ending>,
}

impl Phase {
    /// Whether what the run did is put back, and it will not come to a success any more.
    pub fn undoes(self) -> bool {
        matches!(
            self,
            Phase::Probe | Phase::Undo | Phase::Verify | Phase::Accept | Phase::Reread
        )
    }
}

impl Mark {
    /// Whether a change stands, or may stand.
    pub fn stands(self) -> bool {
        matches!(self, Mark::Standing | Mark::Claimed | Mark::Shared)
    }

    /// What the place of a change must show where the run says this of it; `None` where it says nothing.
    pub fn claims(self) -> Option<Side> {
        match self {
            Mark::Standing | Mark::Unneeded => Some(Side::After),
            Mark::Back | Mark::Unmade => Some(Side::Before),
            Mark::None | Mark::Claimed | Mark::Left | Mark::Shared => None,
        }
    }
}

/// A write that is being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Motion {
    pub entry: u16,
    pub way: Way,
    pub stage: Stage,
    /// How many tries were used up; it is lowered where somebody has it tried again.
    pub tries: u8,
    /// A write of this entry was tried before the one that is on its way, and may have come through.
    pub tried_before: bool,
}

impl Motion {
    /// Whether it was tried once on the way there, and said for certain that nothing of it is there.
    pub(super) fn did_nothing(&self) -> bool {
        self.way == Way::There
            && !self.tried_before
            && matches!(self.stage, Stage::Answered(Said::Refused | Said::PutBack))
    }
}

/// How far a write has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The place must be looked at: does it still hold what the plan saw?
    Compare,
    /// It does (or holds parts of a write of ours): write.
    Write,
    /// The intent is durable and there is no answer: the write may have happened, and may still land.
    InFlight,
    Answered(Said),
}

impl Stage {
    /// Whether the world may differ because of this write.
    pub fn may_have_happened(self) -> bool {
        matches!(self, Stage::InFlight | Stage::Answered(_))
    }
}

/// What a write said of itself, without its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Said {
    Done,
    /// It surely did nothing.
    Refused,
    /// Surely nothing of it is there any more.
    PutBack,
    /// It said no, and parts of it may have come through all the same.
    Declined,
    Unclear,
}

/// Why a run stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hold {
    Failed,
    Late,
    Unknown,
    /// Somebody declined.
    Declined,
    /// Somebody else wrote the place: it is never overwritten.
    Foreign,
    /// The place cannot be read.
    Unreadable,
    /// A write said that it was done, and its place still shows the old value.
    NotSeen,
    /// A write was done by half, and finishing it did not work.
    Half,
    /// A write back was refused or did not happen.
    NotBack,
    /// An act was cut off, or its effect is unknown.
    Interrupted,
    /// The old side was not seen to serve, so nothing goes back to it by itself.
    OldSideSick,
    /// Everything was put back, but not everything is seen as it was.
    NotAsBefore,
}
