//! Every moment that was ever seen, kept whole, and how it was come to.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

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
#[derive(Default)]
pub(super) struct Table {
    memory: Vec<u8>,
    ids: HashTable<Id>,
    hasher: DefaultHashBuilder,
}

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
        self.ids.len()
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
        let hash = self.hasher.hash_one(packed);
        let same = |id: &Id| self.bytes(*id) == packed;
        self.ids.find(hash, same).copied()
    }

    /// Finds a moment, or keeps it, where there are fewer than `most`.
    pub(super) fn keep(&mut self, packed: &[u8], came: Came, most: usize) -> Seen {
        let Table {
            memory,
            ids,
            hasher,
        } = self;
        let hash = hasher.hash_one(packed);
        if let Some(id) = ids.find(hash, |id| moment(memory, *id) == packed) {
            return Seen::Before(*id);
        }
        let (Ok(id), Ok(length)) = (u32::try_from(memory.len()), u16::try_from(packed.len()))
        else {
            return Seen::Full;
        };
        if ids.len() >= most {
            return Seen::Full;
        }
        memory.resize(memory.len() + HEAD, 0);
        crate::machine::pack_number(length, memory);
        memory.extend_from_slice(packed);
        ids.insert_unique(hash, id, |id| hasher.hash_one(moment(memory, *id)));
        self.set_came(id, came);
        Seen::New(id)
    }

    /// How many bytes all of it takes, what is reserved and not used yet included.
    pub(super) fn memory(&self) -> usize {
        self.memory.capacity() + self.ids.allocation_size()
    }

    /// How many bytes are used for all moments together.
    pub(super) fn used(&self) -> usize {
        self.memory.len() + self.len() * (size_of::<Id>() + 1)
    }
}

fn moment(memory: &[u8], id: Id) -> &[u8] {
    let mut rest = &memory[id as usize + HEAD..];
    let length = crate::machine::unpack_number(&mut rest).unwrap_or_default();
    &rest[..usize::from(length)]
}
