//! The TTLs of disabled records, which neither the zone as the API shows it nor its text tells: the server serves
//! such a record with the TTL that is stored with it, once it is enabled, and a write gives it that of its set.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::PowerDns;
use super::zone::{is_speakable, several};
use crate::dns::{Grounds, Listing, RecordKey, RecordSet};
use crate::event::Unseen;
use crate::secret::Secret;

/// Of so many sets with disabled records it is searched what these are: the server goes through all that it holds.
const SEARCHES: usize = 50;

/// All of them together get so long: a plan has other questions, and each of these is only a note where it is not told.
const TIME: Duration = Duration::from_secs(5);

/// So many go together; the API has few threads.
const AT_ONCE: usize = 4;

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
        listing: &Listing,
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
        let until = Instant::now() + TIME;
        let told = sets.enumerate().map(|(at, set)| {
            let told = async move {
                if at >= SEARCHES {
                    return (
                        set,
                        Err(format!("{SEARCHES} others are enough to search for")),
                    );
                }
                let took = format!("{}s", TIME.as_secs());
                if Instant::now() >= until {
                    return (set, Err(format!("the searches before it took {took}")));
                }
                let told = match timeout_at(until, self.search(zone, &set.key.name, key)).await {
                    Ok(Ok(hits)) => uneven(zone, set, &hits)
                        .ok_or_else(|| "a search does not find them".to_owned()),
                    Ok(Err(unseen)) => Err(unseen.detail),
                    Err(_) => Err(format!("no answer within {took}")),
                };
                (set, told)
            };
            told.boxed()
        });
        let told: Vec<BoxFuture<'_, _>> = told.collect();
        let mut told = std::pin::pin!(stream::iter(told).buffered(AT_ONCE));
        while let Some((set, told)) = told.next().await {
            match told {
                Ok(why) => (grounds.sets).extend(why.map(|why| (set.key.clone(), why))),
                Err(untold) => grounds.ttls_are_untold(format!(
                    "whether the disabled records of `{}` have a TTL of their own, which the way back would not put back, \
                     could not be told: {untold}",
                    set.key
                )),
            }
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

/// Why a set cannot be written, where its records have several TTLs, of which the API gives it one; `None` where not
/// all of its disabled ones were found.
fn uneven(zone: &str, set: &RecordSet, hits: &[Hit]) -> Option<Option<String>> {
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    let of_set = |hit: &&Hit| {
        let rtype = hit.rtype.parse();
        let key = rtype.map(|rtype| RecordKey::new(&hit.name, rtype));
        plain(&hit.zone) == plain(zone) && key.is_ok_and(|key| key == set.key)
    };
    let found: Vec<&Hit> = (hits.iter().filter(of_set))
        .filter(|hit| hit.ttl.is_some())
        .collect();
    let disabled = found.iter().filter(|hit| hit.disabled).count();
    let ttls: BTreeSet<u32> = found.iter().filter_map(|hit| hit.ttl).collect();
    let is_whole = disabled >= set.disabled().count();
    is_whole.then(|| several(&set.key, &(&ttls | &BTreeSet::from([set.ttl]))))
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a server that takes each question and answers none"
)]
mod tests {
    use serde_json::json;

    use super::super::Api;
    use super::*;
    use crate::secret::SecretRef;

    #[tokio::test(start_paused = true)]
    async fn what_was_never_searched_for_is_told_so() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let provider = PowerDns {
            api: Api::new(&url, Duration::from_secs(60)).unwrap(),
            server_id: "localhost".into(),
            read_key: SecretRef::Env("NONE".into()),
            write_key: SecretRef::Env("NONE".into()),
        };
        let sets: Vec<RecordSet> = (0..10)
            .map(|n| {
                let key = format!("w{n}.p.test. A").parse().unwrap();
                let set = RecordSet::new(key, 5, ["192.0.2.1"]).unwrap();
                set.with_extra(json!({ "disabled": ["192.0.2.2"] }))
            })
            .collect();
        let keys: Vec<RecordKey> = sets.iter().map(|set| set.key.clone()).collect();
        let listing = Listing {
            sets,
            ..Listing::default()
        };
        let (key, mut grounds) = (Secret::new("k".to_owned()), Grounds::default());
        (provider.disabled("p.test", &listing, &keys, &key, &mut grounds)).await;
        let told = |why: &str| {
            grounds
                .notes
                .iter()
                .filter(|note| note.ends_with(why))
                .count()
        };
        assert_eq!(told("could not be told: no answer within 5s"), AT_ONCE);
        assert_eq!(
            told("could not be told: the searches before it took 5s"),
            10 - AT_ONCE
        );
    }

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
        // The set has the TTL of its disabled records, and what is served another one.
        let served_longer = hit("www.p.test.", 300, "p.test.", false);
        let why = judged(&[served_longer, even.clone(), even.clone()]).flatten();
        assert!(why.is_some_and(|why| why.contains("several TTLs (5 and 300)")));
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
