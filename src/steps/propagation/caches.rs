//! What the caches that are watched hold, as they say it themselves.
//!
//! A cache counts a TTL down, so that what is left of it is until when it holds the set, whatever its servers say by then.
//! An answer with authority comes from no cache.

use std::time::Duration;

use super::seen::{Asked, Role, Sides, Sighting};
use crate::clock::Stamp;
use crate::dns::RecordKey;
use crate::dns::caches::{Kept, Version};
use crate::event::Sight;
use crate::plan::Direction;
use crate::site::Aim;

/// A set that leads to the idle side, in a cache.
pub(super) struct Held<'a> {
    pub(super) key: &'a RecordKey,
    /// Seconds.
    pub(super) left: u32,
    pub(super) taken: &'a Stamp,
}

impl Held<'_> {
    pub(super) fn until(&self) -> Stamp {
        self.taken.plus(Duration::from_secs(self.left.into()))
    }

    fn version(&self) -> Version {
        Version {
            kept: Kept::Set { ttl: self.left },
            last_served: self.taken.clone(),
        }
    }
}

/// The sets that lead to the idle side in one cache.
pub(super) fn held<'a>(
    aim: &Aim,
    sighting: &'a Sighting,
    asked: &'a Asked,
) -> impl Iterator<Item = Held<'a>> {
    let sides = Sides::new(&sighting.sites, aim);
    let is_cache = sighting.role != Role::Authoritative;
    (asked.answers.iter()).filter_map(move |(key, told)| {
        let told = told.as_ref().ok()?;
        let holds = is_cache && told.is_telling && !told.authoritative && sides.is_old(told);
        holds.then_some(Held {
            key,
            left: told.ttl?,
            taken: &asked.taken,
        })
    })
}

/// What all caches among these looks hold.
pub(super) fn versions(aim: &Aim, sightings: &[Sighting]) -> Vec<Version> {
    let asked = sightings
        .iter()
        .flat_map(|of| of.asked.iter().map(move |asked| (of, asked)));
    asked
        .flat_map(|(of, asked)| held(aim, of, asked))
        .map(|held| held.version())
        .collect()
}

/// What the caches that were looked at before a change hold of the side that it leaves.
pub(crate) fn in_caches(direction: &Direction, sights: &[Sight]) -> Vec<Version> {
    let sightings: Vec<Sighting> = (sights.iter())
        .filter_map(|sight| serde_json::from_value(sight.seen.clone().ok()?).ok())
        .collect();
    versions(&Aim::there(direction, false), &sightings)
}
