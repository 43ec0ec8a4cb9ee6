//! The world as far as a run can tell, and the moments of a run in it.

use super::model::{Dead, Model};
use crate::machine::{
    Mark, Phase, Stage, State, byte, pack_number, pack_runs, unpack_number, unpack_runs,
};
use crate::plan::{Nature, Side, Way};

/// What is true, whatever the run believes.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Ground {
    /// What the place of each entry holds; of an act, whether it was done.
    sides: Box<[Side]>,
    /// Whether somebody else answers for what is there: who wrote after us or instead of us, a person who
    /// accepted it unseen, or the playbook, which says that it is skipped where it was cut off.
    theirs: Box<[bool]>,
    /// A write that may still land.
    pub in_flight: Option<(u16, Side)>,
    /// The place that we wrote and that nobody looked at since.
    pub unlooked: Option<u16>,
    /// The place of the present write was looked at just before it.
    pub looked: bool,
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
            ..*self
        }
    }

    /// Takes the place of `self` without a new allocation.
    fn clone_from(&mut self, other: &Ground) {
        let mut sides = std::mem::take(&mut self.sides);
        let mut theirs = std::mem::take(&mut self.theirs);
        sides.clone_from(&other.sides);
        theirs.clone_from(&other.theirs);
        *self = Ground {
            sides,
            theirs,
            ..*other
        };
    }
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
            in_flight: None,
            unlooked: None,
            looked: false,
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
        self.sides[entry] = side;
        self.theirs[entry] = true;
    }

    pub fn we_write(&mut self, entry: usize, side: Side) {
        self.sides[entry] = side;
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
        self.sides[entry]
    }

    /// A person, or the playbook, answers for what is there where the run is wrong about it.
    pub(super) fn accept(&mut self, entry: usize, mark: Mark) {
        let believed = match mark {
            Mark::Standing => Side::After,
            _ => Side::Before,
        };
        self.theirs[entry] |= self.sides[entry] != believed;
        // Whoever accepts it has looked.
        if self.unlooked.map(usize::from) == Some(entry) {
            self.unlooked = None;
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
    pub(super) fn forget(&mut self, model: &Model, writers: &[u16]) {
        self.state.forget();
        let writes = (self.state.motion()).is_some_and(|motion| motion.stage == Stage::Write);
        let back = matches!(
            self.state.phase(),
            Phase::Probe | Phase::Undo | Phase::Verify
        );
        let ground = &mut self.ground;
        ground.looked &= writes;
        ground.doubt &= !back;
        // Without a branch for each entry: a search comes here with every turn.
        if !ground.theirs.iter().fold(false, |any, theirs| any | theirs) {
            return;
        }
        let mut first = true;
        for i in writers.iter().map(|i| usize::from(*i)) {
            let stands = self.state.mark(i) == Mark::Standing;
            if !ground.theirs[i] || stands {
                continue;
            }
            // Who wrote what was there before does not matter.
            if ground.sides[i] == Side::Before {
                ground.theirs[i] = false;
            } else if back {
                // Nothing of it is ours, and nobody writes there any more. It fails the checks behind it, and of
                // several the first does; an act has no place that a check could see.
                let change = matches!(model.plan.entries[i].nature, Nature::Change(_));
                let seen = change && std::mem::take(&mut first);
                ground.theirs[i] = seen;
                ground.sides[i] = match seen {
                    true => Side::Foreign,
                    false => Side::Before,
                };
            }
        }
    }

    /// Appends it to `out`, exactly: equal nodes become equal bytes, different nodes different ones.
    pub(super) fn pack(&self, writers: &[u16], out: &mut Vec<u8>) {
        self.state.pack(writers, out);
        let ground = &self.ground;
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
        let cell = |i: &u16| {
            let i = usize::from(*i);
            ground.sides[i] as u8 | u8::from(ground.theirs[i]) << 2
        };
        pack_runs(writers.iter().map(cell), out);
    }

    /// Takes a node of the same model back. `None` where the bytes are no node.
    pub(super) fn unpack(&mut self, writers: &[u16], mut bytes: &[u8]) -> Option<()> {
        const SIDES: [Side; 4] = [Side::Before, Side::After, Side::Mixed, Side::Foreign];
        let bytes = &mut bytes;
        self.state.unpack(writers, bytes)?;
        let flags = byte(bytes)?;
        let flag = |i: u8| flags >> i & 1 == 1;
        let ground = &mut self.ground;
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
        unpack_runs(bytes, writers.len(), |at, cell| {
            if let Some(i) = writers.get(at).map(|i| usize::from(*i)) {
                ground.sides[i] = SIDES[usize::from(cell & 3)];
                ground.theirs[i] = cell >> 2 == 1;
            }
        })
    }
}
