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
    /// For each zone and address: the serial that it told first.
    pub(super) serials: BTreeMap<(String, String), u32>,
    /// Zones that the provider calls published, and the site that shall be active.
    pub(super) published: BTreeSet<(String, String)>,
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
    fn serials_are_compared_as_they_go_round() {
        const END: u32 = u32::MAX;
        for (one, than, older) in [
            (5, 7, true),
            (7, 5, false),
            (5, 5, false),
            (END, 3, true),
            (3, END, false),
            // Neither older nor newer (RFC 1982, 3.2).
            (0, 1 << 31, false),
            (1 << 31, 0, false),
        ] {
            assert_eq!(is_older(one, than), older, "{one} {than}");
        }
    }
}
