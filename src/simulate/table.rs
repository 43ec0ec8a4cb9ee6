//! Every moment that was ever seen, kept whole, and how it was come to.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::turns::Strike;

/// The number of a moment: the how-manieth that was found.
pub(super) type Id = u32;

/// Decisions, then turns.
pub(super) type Effort = (u8, u16);

/// How a moment was come to, by the cheapest way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Came {
    /// From which moment; the first one comes from itself.
    pub(super) from: Id,
    pub(super) by: Strike,
    /// With how many faults.
    pub(super) faults: u8,
    /// With how many decisions that are not the usual ones, and after how many turns.
    pub(super) effort: Effort,
}

/// Moments as bytes in one piece of memory, found by a table of their numbers.
#[derive(Default)]
pub(super) struct Table {
    bytes: Vec<u8>,
    /// Where each begins.
    starts: Vec<u32>,
    came: Vec<Came>,
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

impl Table {
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The bytes of a moment.
    pub(super) fn bytes(&self, id: Id) -> &[u8] {
        slice(&self.bytes, &self.starts, id)
    }

    pub(super) fn came(&self, id: Id) -> Came {
        self.came[id as usize]
    }

    pub(super) fn set_came(&mut self, id: Id, came: Came) {
        self.came[id as usize] = came;
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
            bytes,
            starts,
            ids,
            hasher,
            ..
        } = self;
        let hash = hasher.hash_one(packed);
        if let Some(id) = ids.find(hash, |id| slice(bytes, starts, *id) == packed) {
            return Seen::Before(*id);
        }
        let room = starts.len() < most.min(Id::MAX as usize);
        let (Ok(start), true) = (u32::try_from(bytes.len()), room) else {
            return Seen::Full;
        };
        let id = starts.len() as Id;
        ids.insert_unique(hash, id, |id| hasher.hash_one(slice(bytes, starts, *id)));
        bytes.extend_from_slice(packed);
        starts.push(start);
        self.came.push(came);
        Seen::New(id)
    }

    /// How many bytes all of it takes, what is reserved and not used yet included.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
            + self.starts.capacity() * size_of::<u32>()
            + self.came.capacity() * size_of::<Came>()
            + self.ids.allocation_size()
    }

    /// How many bytes are used for all moments together.
    pub(super) fn used(&self) -> usize {
        let each = size_of::<u32>() + size_of::<Came>() + size_of::<Id>() + 1;
        self.bytes.len() + self.len() * each
    }
}

fn slice<'b>(bytes: &'b [u8], starts: &[u32], id: Id) -> &'b [u8] {
    let id = id as usize;
    let end = starts.get(id + 1).map_or(bytes.len(), |end| *end as usize);
    &bytes[starts[id] as usize..end]
}
