//! The TTLs of disabled records, which neither the zone as the API shows it nor its text tells: the server serves
//! such a record with the TTL that is stored with it, once it is enabled, and a write gives it that of its set.

use std::collections::HashSet;

use serde::Deserialize;

use super::PowerDns;
use super::zone::{is_speakable, several};
use crate::dns::{Grounds, Listing, RecordKey, RecordSet};
use crate::event::Unseen;
use crate::secret::Secret;

/// Of so many sets with disabled records it is searched what these are: the server goes through all that it holds.
const SEARCHES: usize = 50;

/// So many records are taken of one search.
const HITS: usize = 1_000;

/// A record as the search of the server finds it, in whatever zone.
#[derive(Debug, Deserialize)]
struct Hit {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "type")]
    rtype: String,
    #[serde(default)]
    zone: String,
    #[serde(default)]
    ttl: Option<u32>,
    #[serde(default)]
    disabled: bool,
}

impl PowerDns {
    /// Adds why sets of these keys cannot be written for the TTLs of their disabled records, and of which these could
    /// not be told.
    pub(super) async fn disabled(
        &self,
        zone: &str,
        listing: Listing,
        keys: &[RecordKey],
        key: &Secret,
        grounds: &mut Grounds,
    ) {
        let keys: HashSet<&RecordKey> = keys.iter().collect();
        let sets = listing.sets.iter().filter(|set| {
            set.disabled().next().is_some()
                && keys.contains(&set.key)
                && is_speakable(&set.key.name)
        });
        for (at, set) in sets.enumerate() {
            let untold = match at {
                0..SEARCHES => match self.search(zone, &set.key.name, key).await {
                    Ok(hits) => match uneven(zone, set, &hits) {
                        Some(why) => {
                            let bar = why.map(|why| (set.key.clone(), why));
                            grounds.sets.extend(bar);
                            continue;
                        }
                        None => "a search does not find them".to_owned(),
                    },
                    Err(unseen) => unseen.detail,
                },
                _ => format!("{SEARCHES} others are enough to search for"),
            };
            grounds.notes.push(format!(
                "whether the disabled records of `{}` have a TTL of their own, which the way back would not put back, \
                 could not be told: {untold}",
                set.key
            ));
        }
    }

    /// The records of a name.
    async fn search(&self, zone: &str, name: &str, key: &Secret) -> Result<Vec<Hit>, Unseen> {
        let query = format!("q={name}&object_type=record&max={HITS}");
        let parts = ["api", "v1", "servers", &self.server_id, "search-data"];
        let url = self.api.url(parts, Some(&query));
        self.ask(zone, &url, key).await
    }
}

/// Why a set cannot be written, where its disabled records have other TTLs than it has; `None` where not all of them
/// were found.
fn uneven(zone: &str, set: &RecordSet, hits: &[Hit]) -> Option<Option<String>> {
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    let of_set = |hit: &&Hit| {
        let rtype = hit.rtype.parse();
        let key = rtype.map(|rtype| RecordKey::new(&hit.name, rtype));
        hit.disabled && plain(&hit.zone) == plain(zone) && key.is_ok_and(|key| key == set.key)
    };
    let found: Vec<u32> = (hits.iter().filter(of_set))
        .filter_map(|hit| hit.ttl)
        .collect();
    let is_whole = found.len() >= set.disabled().count();
    is_whole.then(|| several(&set.key, &found.into_iter().chain([set.ttl]).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_ttl_of_its_own_bars_the_set_and_one_that_is_not_found_is_not_told() {
        let set = RecordSet::new("www.p.test. A".parse().unwrap(), 5, ["192.0.2.1"]).unwrap();
        let set = set.with_extra(json!({ "disabled": ["192.0.2.2", "192.0.2.3"] }));
        let hit = |name: &str, ttl: u32, zone: &str, disabled: bool| {
            json!({ "content": "192.0.2.2", "disabled": disabled, "name": name, "object_type": "record",
                "ttl": ttl, "type": "A", "zone": zone, "zone_id": zone })
        };
        let judged = |hits: &[serde_json::Value]| {
            let hits: Vec<Hit> = serde_json::from_value(json!(hits)).unwrap();
            uneven("p.test", &set, &hits)
        };
        let served = hit("www.p.test.", 5, "p.test.", false);
        let even = hit("WWW.p.test.", 5, "p.test.", true);
        let odd = hit("www.p.test.", 300, "p.test.", true);
        let why = judged(&[served.clone(), even.clone(), odd]).flatten();
        assert!(why.is_some_and(|why| why.contains("several TTLs (5 and 300)")));
        assert_eq!(judged(&[even.clone(), even.clone()]), Some(None));
        let elsewhere = [
            hit("www.p.test.", 300, "other.test.", true),
            hit("x.p.test.", 300, "p.test.", true),
            served,
        ];
        for other in elsewhere {
            assert_eq!(judged(&[even.clone(), other]), None);
        }
    }
}
