//! The world as far as a run can tell, and the moments of a run in it.

use super::model::{Dead, Model};
use crate::machine::{Hold, Mark, Phase, Stage, State, byte, pack_number, unpack_number};
use crate::plan::{Mode, Nature, Outcome, Plan, Side, Way};

/// What is true, whatever the run believes.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Ground {
    /// What the place of each entry holds; of an act, whether it was done.
    sides: Box<[Side]>,
    /// Whether somebody else answers for what is there: who wrote after us or instead of us, a person who
    /// accepted it unseen, or the playbook, which says that it is skipped where it was cut off.
    theirs: Box<[bool]>,
    /// Whether somebody wrote the place of an entry, and nobody has looked at it since.
    unseen: Box<[bool]>,
    /// The checks behind the changes were looked at after an undo, and nobody has written since.
    pub verified: bool,
    /// A place that shows an old copy of what it holds.
    pub old: Option<(u16, Side)>,
    /// What the last look after an undo showed of the entries that were not as before, while somebody may
    /// accept it.
    pub shown: Vec<(u16, Shown)>,
    /// A write that may still land.
    pub in_flight: Option<(u16, Side)>,
    /// The place that we wrote and that nobody looked at since.
    pub unlooked: Option<u16>,
    /// The place of the present write was looked at just before it.
    pub looked: bool,
    /// The run was gone on with, and no check was looked at since.
    pub stale: bool,
    /// The run went on although something was late or not seen.
    pub doubt: bool,
    /// The run went on, or ended well, although a check said that it must not.
    pub defied: bool,
    pub dead: Dead,
    /// The process is gone, and the run has not ended.
    pub down: bool,
}

impl Clone for Ground {
    fn clone(&self) -> Ground {
        Ground {
            sides: self.sides.clone(),
            theirs: self.theirs.clone(),
            unseen: self.unseen.clone(),
            shown: self.shown.clone(),
            ..*self
        }
    }

    /// Takes the place of `self` without a new allocation.
    fn clone_from(&mut self, other: &Ground) {
        let mut sides = std::mem::take(&mut self.sides);
        let mut theirs = std::mem::take(&mut self.theirs);
        let mut unseen = std::mem::take(&mut self.unseen);
        let mut shown = std::mem::take(&mut self.shown);
        sides.clone_from(&other.sides);
        theirs.clone_from(&other.theirs);
        unseen.clone_from(&other.unseen);
        shown.clone_from(&other.shown);
        *self = Ground {
            sides,
            theirs,
            unseen,
            shown,
            ..*other
        };
    }
}

/// What a person was shown of an entry that was not as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    Found(Outcome),
    /// Of a place: what it holds.
    Holds(Side),
}

/// Where a write of this way leads.
pub(super) fn goal(way: Way) -> Side {
    match way {
        Way::There => Side::After,
        Way::Back => Side::Before,
    }
}

impl Ground {
    /// The world as the plan saw it.
    pub fn new(model: &Model) -> Ground {
        let entries = model.plan.entries.len();
        Ground {
            sides: vec![Side::Before; entries].into(),
            theirs: vec![false; entries].into(),
            unseen: vec![false; entries].into(),
            verified: false,
            old: None,
            shown: Vec::new(),
            in_flight: None,
            unlooked: None,
            looked: false,
            stale: false,
            doubt: false,
            defied: false,
            dead: model.dead_at_first(),
            down: false,
        }
    }

    pub fn sides(&self) -> &[Side] {
        &self.sides
    }

    pub fn somebody_writes(&mut self, entry: usize, side: Side) {
        self.written(entry, side);
        self.theirs[entry] = true;
    }

    fn written(&mut self, entry: usize, side: Side) {
        self.sides[entry] = side;
        self.unseen[entry] = true;
        self.verified = false;
        self.old.take_if(|(old, _)| usize::from(*old) == entry);
    }

    /// Whether somebody wrote the place, and nobody has looked at it since.
    pub fn is_unseen(&self, entry: usize) -> bool {
        self.unseen[entry]
    }

    pub fn we_write(&mut self, entry: usize, side: Side) {
        self.written(entry, side);
        self.theirs[entry] = false;
    }

    /// What was in flight arrives.
    pub fn land(&mut self) {
        if let Some((entry, side)) = self.in_flight.take() {
            self.we_write(usize::from(entry), side);
        }
    }

    pub fn is_theirs(&self, entry: usize) -> bool {
        self.theirs[entry]
    }

    /// The place was looked at: nobody has to be believed any more.
    pub(super) fn look(&mut self, entry: usize) -> Side {
        self.looked = true;
        self.unlooked = None;
        self.shows(entry)
    }

    /// What a read of the place shows, by whoever it is taken.
    pub(super) fn shows(&mut self, entry: usize) -> Side {
        self.unseen[entry] = false;
        self.shown_side(entry)
    }

    /// What a read of the place would show.
    pub(super) fn shown_side(&self, entry: usize) -> Side {
        match self.old {
            Some((old, side)) if usize::from(old) == entry => side,
            _ => self.sides[entry],
        }
    }

    /// A person, or the playbook, answers for what is there where the run is wrong about it.
    pub(super) fn accept(&mut self, entry: usize, mark: Mark) {
        let believed = match mark {
            Mark::Standing | Mark::Claimed => Side::After,
            _ => Side::Before,
        };
        self.theirs[entry] |= self.sides[entry] != believed;
        // Whoever accepts it has looked.
        if self.unlooked.map(usize::from) == Some(entry) {
            self.unlooked = None;
        }
    }
}

/// What of a plan decides which moments have the same future.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// The entries that write or are so already; no other has a mark or a place.
    pub(super) writers: Vec<u16>,
    /// Which entries are changes: they have a place that checks see.
    is_change: Vec<bool>,
    /// Which are so already: nobody but the run's last look sees them.
    is_so: Vec<bool>,
}

impl Places {
    pub(super) fn of(plan: &Plan) -> Places {
        let entries = &plan.entries;
        let is_change: Vec<bool> = (entries.iter())
            .map(|entry| matches!(entry.nature, Nature::Change(_)))
            .collect();
        let short = |i: usize| u16::try_from(i).unwrap_or(u16::MAX);
        Places {
            writers: (0..entries.len())
                .filter(|i| entries[*i].writes() || entries[*i].has_place())
                .map(short)
                .collect(),
            is_change,
            is_so: entries.iter().map(|entry| entry.holds.is_some()).collect(),
        }
    }
}

/// One moment of a run: what its journal says, and what is true.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Node {
    pub state: State,
    pub ground: Ground,
}

impl Clone for Node {
    fn clone(&self) -> Node {
        Node {
            state: self.state.clone(),
            ground: self.ground.clone(),
        }
    }

    fn clone_from(&mut self, other: &Node) {
        self.state.clone_from(&other.state);
        self.ground.clone_from(&other.ground);
    }
}

impl Node {
    /// Before anything happened.
    pub fn first(model: &Model) -> Node {
        Node {
            state: model.start(),
            ground: Ground::new(model),
        }
    }

    /// Forgets what makes no difference any more, so that moments with the same future are equal.
    pub(super) fn forget(&mut self, model: &Model, places: &Places) {
        self.state.forget(&model.plan);
        let writes = (self.state.motion()).is_some_and(|motion| motion.stage == Stage::Write);
        let back = self.state.phase().undoes() && !self.state.can_stay();
        let asked = self.state.held() == Some(Hold::NotAsBefore);
        let ground = &mut self.ground;
        if !asked && self.state.phase() != Phase::Accept {
            ground.shown.clear();
        }
        // Of a place that was left nobody asks whether it was seen; an undo speaks of all others.
        let moving = self.state.motion().map(|motion| usize::from(motion.entry));
        for (i, unseen) in ground.unseen.iter_mut().enumerate() {
            let asked = self.state.mark(i) != Mark::Left || moving == Some(i);
            *unseen &= (places.is_change[i] || places.is_so[i]) && asked;
        }
        ground.looked &= writes;
        ground.doubt &= !back;
        // Whoever goes on with it begins anew, and an undo has looks of its own.
        ground.stale &= !ground.down
            && self.state.ended().is_none()
            && (!self.state.phase().undoes() || self.state.can_stay());
        // Without a branch for each entry: a search comes here with every turn.
        if !ground.theirs.iter().fold(false, |any, theirs| any | theirs) {
            return;
        }
        let (passed, mut missed) = self.passed_over(model);
        let ground = &mut self.ground;
        for i in places.writers.iter().map(|i| usize::from(*i)) {
            let (change, side) = (places.is_change[i], ground.sides[i]);
            if places.is_so[i] {
                if self.state.mark(i) == Mark::Left {
                    ground.sides[i] = Side::Before;
                }
                ground.theirs[i] &= ground.sides[i] != Side::Before;
                continue;
            }
            // What the run says of it is looked at before it says so.
            // What was left is read by nobody any more, and what never stood by an undo.
            let left = self.state.mark(i) == Mark::Left;
            if (left || self.state.mark(i) == Mark::None) && ground.theirs[i] {
                // Who wrote what was there before does not matter.
                if side == Side::Before {
                    ground.theirs[i] = false;
                } else if i < passed && change && left && (missed || side != Side::After) {
                    ground.sides[i] = Side::Foreign;
                } else if i < passed && back && (left || !change) {
                    ground.sides[i] = Side::Before;
                    ground.theirs[i] = false;
                }
            }
            let over = model.plan.entries[i].temporary && side == Side::Before;
            missed |= change && side != Side::After && !over;
        }
    }

    /// Up to which entry it makes no difference what somebody else wrote where somebody did, and whether that is so
    /// also where all before it is made.
    ///
    /// What does not stand is read by no move any more once the run has passed it, and nobody writes there. It is
    /// seen by checks only, and asked for by the properties:
    ///
    /// - Of an undo only its last look sees it ([`Model::truth`]). A change that is not as before fails every check
    ///   behind it, whatever it holds; which checks those are is shown to a person, so it stays where it is. An act
    ///   has no place that a check could see.
    /// - On the way there the checks that are still to come, or that whoever resumes the run looks at again, and that see
    ///   it, see all before it, and fail where any change is not made: whatever it holds, where one before it is not.
    /// - Of what is theirs the properties say nothing, but for a success: what a success misses, they excuse only
    ///   where the run knows that it was in doubt. So that has to be the case, or it has to be on its way back.
    ///
    /// A drill returns along the list, with gates in between; there it does matter.
    fn passed_over(&self, model: &Model) -> (usize, bool) {
        let (phase, at) = self.state.course();
        let all = model.plan.entries.len();
        match phase {
            phase if phase.undoes() => (all, true),
            _ if model.plan.mode == Mode::Drill || !self.ground.doubt => (0, false),
            Phase::Tidy | Phase::Confirm => (all, false),
            Phase::Forward => (usize::from(at), false),
            _ => (0, false),
        }
    }

    /// Appends it to `out`, exactly: equal nodes become equal bytes, different nodes different ones.
    pub(super) fn pack(&self, writers: &[u16], out: &mut Vec<u8>) {
        let ground = &self.ground;
        let beside = |i: usize| {
            ground.sides[i] as u8
                | u8::from(ground.theirs[i]) << 2
                | u8::from(ground.unseen[i]) << 3
        };
        self.state.pack(writers, beside, out);
        let flags = [
            ground.looked,
            ground.doubt,
            ground.defied,
            ground.down,
            ground.dead.source,
            ground.dead.target,
            ground.in_flight.is_some(),
            ground.unlooked.is_some(),
        ];
        out.push((flags.iter().enumerate()).fold(0, |all, (i, flag)| all | u8::from(*flag) << i));
        if let Some((entry, side)) = ground.in_flight {
            pack_number(entry, out);
            out.push(side as u8);
        }
        if let Some(entry) = ground.unlooked {
            pack_number(entry, out);
        }
        let shown = ground.shown.len().min(0x1f) as u8;
        let more = u8::from(ground.verified)
            | u8::from(ground.old.is_some()) << 1
            | u8::from(ground.stale) << 2
            | shown << 3;
        out.push(more);
        if let Some((entry, side)) = ground.old {
            pack_number(entry, out);
            out.push(side as u8);
        }
        for (entry, outcome) in &ground.shown {
            pack_number(*entry, out);
            out.push(match outcome {
                Shown::Found(outcome) => *outcome as u8,
                Shown::Holds(side) => 8 + *side as u8,
            });
        }
    }

    /// Takes a node of the same model back. `None` where the bytes are no node.
    pub(super) fn unpack(&mut self, writers: &[u16], mut bytes: &[u8]) -> Option<()> {
        const SIDES: [Side; 4] = [Side::Before, Side::After, Side::Mixed, Side::Foreign];
        const OUTCOMES: [Outcome; 5] = [
            Outcome::Pass,
            Outcome::Warn,
            Outcome::Late,
            Outcome::Unknown,
            Outcome::Fail,
        ];
        let bytes = &mut bytes;
        let Node { state, ground } = self;
        state.unpack(writers, bytes, |i, beside| {
            ground.sides[i] = SIDES[usize::from(beside & 3)];
            ground.theirs[i] = beside >> 2 & 1 == 1;
            ground.unseen[i] = beside >> 3 & 1 == 1;
        })?;
        let flags = byte(bytes)?;
        let flag = |i: u8| flags >> i & 1 == 1;
        ground.looked = flag(0);
        ground.doubt = flag(1);
        ground.defied = flag(2);
        ground.down = flag(3);
        ground.dead = Dead {
            source: flag(4),
            target: flag(5),
        };
        ground.in_flight = match flag(6) {
            true => {
                let entry = unpack_number(bytes)?;
                Some((entry, SIDES[usize::from(byte(bytes)? & 3)]))
            }
            false => None,
        };
        ground.unlooked = match flag(7) {
            true => Some(unpack_number(bytes)?),
            false => None,
        };
        let more = byte(bytes)?;
        ground.verified = more & 1 == 1;
        ground.old = match more >> 1 & 1 {
            0 => None,
            _ => {
                let entry = unpack_number(bytes)?;
                Some((entry, SIDES[usize::from(byte(bytes)? & 3)]))
            }
        };
        ground.stale = more >> 2 & 1 == 1;
        ground.shown.clear();
        for _ in 0..more >> 3 {
            let entry = unpack_number(bytes)?;
            let shown = match usize::from(byte(bytes)?) {
                code @ 8.. => Shown::Holds(SIDES[code & 3]),
                code => Shown::Found(*OUTCOMES.get(code)?),
            };
            ground.shown.push((entry, shown));
        }
        Some(())
    }
}
