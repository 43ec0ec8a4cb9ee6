//! What earlier looks saw, and what the run moves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::steady::Streak;
use crate::dns::RecordKey;
use crate::site::Aim;
use crate::world::delegation::NameServer;

/// What earlier looks of this check saw, that a single look cannot know.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// For each zone and address: how many answers in a row were new.
    pub(super) streaks: BTreeMap<(String, String), Streak>,
    /// For each zone and site: the highest TTL that an authoritative server served for a set leading there.
    pub(super) ttls: BTreeMap<(String, String), u32>,
    /// What the run moves.
    pub(super) moves: Moves,
    /// The name servers of each zone, once found.
    pub(super) servers: BTreeMap<String, Arc<Vec<NameServer>>>,
    /// The record sets that are seen to exist; others cannot be published.
    pub(super) existing: BTreeSet<RecordKey>,
    /// For each zone and address: the serials that it told.
    pub(super) serials: BTreeMap<(String, String), Serials>,
    /// Zones that the provider calls published, and the site that shall be active.
    pub(super) published: BTreeSet<(String, String)>,
}

/// The serials of one zone at one address, look after look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Serials {
    first: u32,
    highest: u32,
    /// One was older than one before it: several servers answer there, one of which may be stale, or its zone was
    /// restored.
    fell: bool,
}

impl Serials {
    pub(super) fn new(first: u32) -> Serials {
        Serials {
            first,
            highest: first,
            fell: false,
        }
    }

    pub(super) fn add(&mut self, serial: u32) {
        match is_older(serial, self.highest) {
            true => self.fell = true,
            false => self.highest = serial,
        }
    }

    /// Whether they rose, and none was ever older than the one before.
    pub(super) fn rise(&self) -> bool {
        !self.fell && is_older(self.first, self.highest)
    }
}

/// Whether a serial is older than another one (RFC 1982, 3.2).
pub(super) fn is_older(one: u32, than: u32) -> bool {
    one != than && than.wrapping_sub(one) < 1 << 31
}

/// The record sets that the run moves, and those that were at its target already.
#[derive(Debug, Default)]
pub(super) struct Moves {
    pub(super) target: String,
    pub(super) moved: BTreeSet<RecordKey>,
    pub(super) already: BTreeSet<RecordKey>,
    /// The names of the latter.
    pub(super) stay: BTreeSet<String>,
}

impl Moves {
    /// Whether a record set shall lead to the active side: on the way back not what stays at the target, where it was
    /// before, nor the other family of that.
    pub(super) fn is_asked(&self, aim: &Aim, key: &RecordKey) -> bool {
        let back = aim.active != self.target && !self.moved.is_empty();
        !back || self.moved.contains(key) || !self.stay.contains(&key.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_rise_where_none_is_older_than_the_one_before() {
        const END: u32 = u32::MAX;
        for (told, rise) in [
            (&[5][..], false),
            (&[5, 5], false),
            (&[5, 7], true),
            (&[5, 7, 7, 9], true),
            (&[END, 0, 3], true),
            // Two servers behind one address, and a zone that was restored.
            (&[5, 7, 5], false),
            (&[7, 5, 7, 9], false),
            (&[5, 7, 6, 8], false),
            (&[9, 7], false),
            (&[3, END], false),
            // Neither older nor newer (RFC 1982, 3.2).
            (&[0, 1 << 31], false),
        ] {
            let mut serials = Serials::new(told[0]);
            told[1..].iter().for_each(|serial| serials.add(*serial));
            assert_eq!(serials.rise(), rise, "{told:?}");
        }
    }
}
