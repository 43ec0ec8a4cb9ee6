//! Every moment that was ever seen, kept whole, and how it was come to.

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;

use super::fault::Fault;
use super::turns::Strike;

/// A moment: where it lies in the table's memory.
pub(super) type Id = u32;

/// The first moment that was kept.
pub(super) const FIRST: Id = 0;

/// Decisions, then turns.
pub(super) type Effort = (u8, u16);

/// How a moment was come to, by the cheapest way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Came {
    /// From which moment; the first one comes from itself.
    pub(super) from: Id,
    pub(super) by: Strike,
    /// With how many faults.
    pub(super) faults: u8,
    /// With how many decisions that are not the usual ones, and after how many turns.
    pub(super) effort: Effort,
}

/// How far a way back was followed through a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walked {
    No,
    Now,
    ToItsEnd,
}

/// Moments one after the other in one piece of memory, found by a table of where they lie.
///
/// Each begins with what is known of it, of fixed length; then how many bytes follow, and these. So whoever
/// looks one up finds all of it in one place.
///
/// A search waits for its memory more than for anything else. So a slot holds the hash as well: one that is new
/// is known to be by one look at the slots, and they are moved to more of them without a look at the moments.
#[derive(Default)]
pub(super) struct Table {
    memory: Vec<u8>,
    /// Ordered by the hash, but for those that had to give way to their neighbours.
    slots: Vec<Slot>,
    length: usize,
    hasher: DefaultHashBuilder,
}

/// Where a moment lies, and the upper half of its hash.
#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    id: Id,
}

const NOTHING: Slot = Slot {
    hash: 0,
    id: Id::MAX,
};

/// How many slots there are at first.
const SLOTS: usize = 64;

/// What came of looking a moment up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    New(Id),
    Before(Id),
    /// There is no room for another one.
    Full,
}

/// The bytes in front of each moment: `from` 4, entry 2, fault 1, faults 1, decisions 1, turns 2, walked 1.
const HEAD: usize = 12;

/// Stands for no entry.
const NO_ENTRY: u16 = u16::MAX;

impl Table {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// The bytes of a moment.
    pub(super) fn bytes(&self, id: Id) -> &[u8] {
        moment(&self.memory, id)
    }

    pub(super) fn came(&self, id: Id) -> Came {
        let head = &self.memory[id as usize..][..HEAD];
        let short = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        let entry = short(4);
        Came {
            from: u32::from_le_bytes([head[0], head[1], head[2], head[3]]),
            by: Strike {
                entry: (entry != NO_ENTRY).then_some(entry),
                fault: Fault::from_code(head[6]),
            },
            faults: head[7],
            effort: (head[8], short(9)),
        }
    }

    pub(super) fn set_came(&mut self, id: Id, came: Came) {
        let head = &mut self.memory[id as usize..][..HEAD];
        head[0..4].copy_from_slice(&came.from.to_le_bytes());
        head[4..6].copy_from_slice(&came.by.entry.unwrap_or(NO_ENTRY).to_le_bytes());
        head[6] = Fault::code(came.by.fault);
        head[7] = came.faults;
        head[8] = came.effort.0;
        head[9..11].copy_from_slice(&came.effort.1.to_le_bytes());
    }

    pub(super) fn walked(&self, id: Id) -> Walked {
        match self.memory[id as usize + 11] {
            0 => Walked::No,
            1 => Walked::Now,
            _ => Walked::ToItsEnd,
        }
    }

    pub(super) fn set_walked(&mut self, id: Id, walked: Walked) {
        self.memory[id as usize + 11] = walked as u8;
    }

    /// Finds a moment that was seen.
    pub(super) fn find(&self, packed: &[u8]) -> Option<Id> {
        if self.slots.is_empty() {
            return None;
        }
        let slot = self.slots[self.slot_of(packed, self.hash(packed))];
        (slot.id != NOTHING.id).then_some(slot.id)
    }

    /// Reads what [`Table::keep`] will ask for, all of it together: the memory answers many questions almost as
    /// quickly as one. Changes nothing.
    pub(super) fn call_up(&self, hashes: impl Iterator<Item = u32>) {
        let read = |hash: u32| {
            let slot = *self.slots.get(first_slot(hash, self.slots.len()))?;
            (slot.hash == hash).then(|| self.memory.get(slot.id as usize).copied())?
        };
        std::hint::black_box(hashes.filter_map(read).fold(0, u8::wrapping_add));
    }

    /// Finds a moment, or keeps it, where there are fewer than `most`.
    pub(super) fn keep(&mut self, packed: &[u8], hash: u32, came: Came, most: usize) -> Seen {
        // Three quarters of the slots are taken at most.
        if 4 * (self.length + 1) > 3 * self.slots.len() {
            self.grow();
        }
        let slot = self.slot_of(packed, hash);
        let seen = self.slots[slot].id;
        if seen != NOTHING.id {
            return Seen::Before(seen);
        }
        let (Ok(id), Ok(bytes)) = (Id::try_from(self.memory.len()), u16::try_from(packed.len()))
        else {
            return Seen::Full;
        };
        if self.length >= most || id == NOTHING.id {
            return Seen::Full;
        }
        self.memory.resize(self.memory.len() + HEAD, 0);
        crate::machine::pack_number(bytes, &mut self.memory);
        self.memory.extend_from_slice(packed);
        self.slots[slot] = Slot { hash, id };
        self.length += 1;
        self.set_came(id, came);
        Seen::New(id)
    }

    pub(super) fn hash(&self, packed: &[u8]) -> u32 {
        (self.hasher.hash_one(packed) >> 32) as u32
    }

    /// The slot that holds a moment, or that is free for it.
    fn slot_of(&self, packed: &[u8], hash: u32) -> usize {
        let mut at = first_slot(hash, self.slots.len());
        loop {
            let slot = self.slots[at];
            let here = slot.hash == hash && slot.id != NOTHING.id;
            if slot.id == NOTHING.id || here && self.bytes(slot.id) == packed {
                return at;
            }
            at = slot_after(at, self.slots.len());
        }
    }

    /// Moves to half as many slots again, in order.
    fn grow(&mut self) {
        let more = SLOTS.max(self.slots.len() / 2 * 3);
        let old = std::mem::replace(&mut self.slots, vec![NOTHING; more]);
        for slot in old.into_iter().filter(|slot| slot.id != NOTHING.id) {
            let mut at = first_slot(slot.hash, more);
            while self.slots[at].id != NOTHING.id {
                at = slot_after(at, more);
            }
            self.slots[at] = slot;
        }
    }

    /// How many bytes all of it takes, what is reserved and not used yet included.
    pub(super) fn memory(&self) -> usize {
        self.memory.capacity() + self.slots.capacity() * size_of::<Slot>()
    }

    /// How many bytes are used for all moments together.
    pub(super) fn used(&self) -> usize {
        self.memory.len() + self.len() * size_of::<Slot>()
    }
}

/// The slot that a hash leads to: a greater one never to one before it.
fn first_slot(hash: u32, slots: usize) -> usize {
    ((u64::from(hash) * slots as u64) >> 32) as usize
}

fn slot_after(at: usize, slots: usize) -> usize {
    match at + 1 {
        end if end == slots => 0,
        next => next,
    }
}

fn moment(memory: &[u8], id: Id) -> &[u8] {
    let mut rest = &memory[id as usize + HEAD..];
    let length = crate::machine::unpack_number(&mut rest).unwrap_or_default();
    &rest[..usize::from(length)]
}
