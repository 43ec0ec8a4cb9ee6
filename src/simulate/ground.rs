//! The world as far as a run can tell, and the moments of a run in it.

use super::model::{Dead, Model};
use crate::machine::{Mark, Phase, Stage, State, byte, pack_number, unpack_number};
use crate::plan::{Mode, Nature, Plan, Side, Then, Way};

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

/// What of a plan decides which moments have the same future.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// The entries that write; no other has a mark or a place.
    pub(super) writers: Vec<u16>,
    /// Which entries are changes: they have a place that checks see.
    is_change: Vec<bool>,
    /// A change before this entry is seen, after an undo, by a check that counts.
    verified: usize,
}

impl Places {
    pub(super) fn of(plan: &Plan) -> Places {
        let entries = &plan.entries;
        let is_change: Vec<bool> = (entries.iter())
            .map(|entry| matches!(entry.nature, Nature::Change(_)))
            .collect();
        let counts = |i: &usize| {
            let entry = &entries[*i];
            let looks = entry.is_check() && entry.there && entry.after_change;
            looks && entry.rule.fail != Then::Note
        };
        let first = plan.first_write().unwrap_or(entries.len());
        let counting = (first..entries.len()).filter(counts);
        // A check that comes before all changes sees all of them.
        let sees = |check: usize| match is_change[..check].contains(&true) {
            true => check,
            false => entries.len(),
        };
        let short = |i: usize| u16::try_from(i).unwrap_or(u16::MAX);
        Places {
            writers: (0..entries.len())
                .filter(|i| entries[*i].writes())
                .map(short)
                .collect(),
            verified: counting.map(sees).max().unwrap_or(0),
            is_change,
        }
    }
}

/// Whether the run puts back what it did, and will not come to a success any more.
fn goes_back(state: &State) -> bool {
    matches!(state.phase(), Phase::Probe | Phase::Undo | Phase::Verify)
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
        let back = goes_back(&self.state);
        let ground = &mut self.ground;
        ground.looked &= writes;
        ground.doubt &= !back;
        // Without a branch for each entry: a search comes here with every turn.
        if !ground.theirs.iter().fold(false, |any, theirs| any | theirs) {
            return;
        }
        let passed = self.passed_over(model, places);
        let ground = &mut self.ground;
        let mut spoils = None;
        let mut spoilt = false;
        for i in places.writers.iter().map(|i| usize::from(*i)) {
            if self.state.mark(i) == Mark::Standing {
                continue;
            }
            let change = places.is_change[i];
            if i < passed && change && i < places.verified {
                spoils = Some(i);
            }
            if !ground.theirs[i] {
                continue;
            }
            // Who wrote what was there before does not matter.
            if ground.sides[i] == Side::Before {
                ground.theirs[i] = false;
            } else if i < passed && (change || back) {
                spoilt |= change && i < places.verified;
                ground.sides[i] = Side::Before;
                ground.theirs[i] = false;
            }
        }
        if spoilt && let Some(last) = spoils {
            ground.somebody_writes(last, Side::Foreign);
        }
    }

    /// Up to which entry it makes no difference what somebody else wrote where, as long as it is known whether
    /// somebody did.
    ///
    /// What does not stand is read by no move any more once the run has passed it, and nobody writes there. It is
    /// seen by checks only, and asked for by the properties:
    ///
    /// - Of an undo only its last look sees it ([`Model::truth`]). A change that is not as before fails every check
    ///   behind it. Where one of them counts, that look comes to the same, whatever the other checks show, and
    ///   wherever before it the change is; where none does, it makes no difference at all. An act has no place that
    ///   a check could see.
    /// - On the way there all checks that are still to come are behind it, and fail where any change is not made,
    ///   whichever it is. So it makes no difference which is not, where one is not.
    /// - Of what is theirs the properties say nothing, but for a success: what a success misses, they excuse only
    ///   where the run knows that it was in doubt. So that has to be the case, or it has to be on its way back.
    ///
    /// A drill returns along the list, with gates in between; there it does matter.
    fn passed_over(&self, model: &Model, places: &Places) -> usize {
        let (phase, at, _) = self.state.position();
        let (at, all) = (usize::from(at), model.plan.entries.len());
        let missed = |i: &&u16| {
            let i = usize::from(**i);
            i < at && places.is_change[i] && self.ground.sides[i] != Side::After
        };
        match phase {
            Phase::Probe | Phase::Undo | Phase::Verify => all,
            _ if model.plan.mode == Mode::Drill || !self.ground.doubt => 0,
            Phase::Tidy => all,
            Phase::Forward if places.writers.iter().any(|i| missed(&i)) => at,
            Phase::Forward | Phase::Stay | Phase::Return => 0,
        }
    }

    /// Appends it to `out`, exactly: equal nodes become equal bytes, different nodes different ones.
    pub(super) fn pack(&self, writers: &[u16], out: &mut Vec<u8>) {
        let ground = &self.ground;
        let beside = |i: usize| ground.sides[i] as u8 | u8::from(ground.theirs[i]) << 2;
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
    }

    /// Takes a node of the same model back. `None` where the bytes are no node.
    pub(super) fn unpack(&mut self, writers: &[u16], mut bytes: &[u8]) -> Option<()> {
        const SIDES: [Side; 4] = [Side::Before, Side::After, Side::Mixed, Side::Foreign];
        let bytes = &mut bytes;
        let Node { state, ground } = self;
        state.unpack(writers, bytes, |i, beside| {
            ground.sides[i] = SIDES[usize::from(beside & 3)];
            ground.theirs[i] = beside >> 2 == 1;
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
        Some(())
    }
}
