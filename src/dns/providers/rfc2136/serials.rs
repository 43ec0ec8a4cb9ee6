//! Whether two ways of asking one server lead to the same zone.
//!
//! A server may select by the key what it shows (views), and what is written by one way is then never seen by the
//! other, even where the sets in question look the same now. The serials tell: that of one zone only rises, so what is
//! asked for between two other questions lies between their answers, however fast somebody writes there.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::proto::op::{Edns, Message};

use super::look::Reader;
use super::message;
use super::reply::Reply;
use super::{TIMEOUT, two_views};
use crate::dns::providers::common::pairs;
use crate::dns::{RecordKey, RecordSet};
use crate::event::{Cause, Unseen};
use crate::world::wire::ask_all;

/// One contradiction may be an old copy that somebody keeps for a moment: it is asked so often.
const TIMES: usize = 2;
const PAUSE: Duration = Duration::from_millis(500);

/// The sizes that a question offers: so many from this one on, in bytes.
const SMALLEST: u16 = 1232;
const SIZES: u16 = 2048;

/// The serials that were told, one after the other.
#[derive(Clone, Copy)]
struct Told {
    before: u32,
    /// The other way of asking.
    between: u32,
    after: u32,
}

impl Told {
    /// Serials are compared around the end of their numbers (RFC 1982). Where one was set back, nothing is known.
    fn of_one_zone(self) -> bool {
        let risen = self.after.wrapping_sub(self.before);
        risen > 1 << 31 || self.between.wrapping_sub(self.before) <= risen
    }
}

impl Reader<'_> {
    /// How what another key shows differs, or what whoever has no key is shown, where these two answers to one question
    /// do; `None` where it was an old copy, or where somebody wrote in between: then the serials alone tell.
    pub(super) async fn unlike_still(
        &self,
        sets: &[RecordSet],
        others: &[RecordSet],
        other: Option<&Reader<'_>>,
    ) -> Option<String> {
        let mut why = unlike(sets, others)?;
        let differing = pairs(sets, others).into_iter();
        let differing = differing.filter(|(_, one, other)| one != other);
        let keys: Vec<RecordKey> = differing.map(|(key, ..)| key.clone()).collect();
        for _ in 0..TIMES {
            let before = self.serial().await;
            let Ok(here) = self.answered(&keys).await else {
                return Some(why);
            };
            let there = match other {
                Some(other) => other.answered(&keys).await.ok(),
                None => {
                    let question = |key: &RecordKey| message::question(key).map(like_no_other);
                    self.read_unsigned(&keys, question).await.map(|told| told.0)
                }
            };
            let Some(there) = there else {
                return Some(why);
            };
            why = unlike(&here, &there)?;
            if self.serial().await == before {
                return Some(why);
            }
            tokio::time::sleep(PAUSE).await;
        }
        None
    }

    /// What this key shows, and another one too. What they show in turn while somebody writes there proves nothing of
    /// either.
    pub(super) async fn read_with(
        &self,
        other: &Reader<'_>,
        keys: &[RecordKey],
    ) -> Result<Vec<RecordSet>, Unseen> {
        let garbled = |why: String| Unseen::new(Cause::Garbled, why);
        let (sets, others) = (self.read(keys).await?, other.read(keys).await?);
        if unlike(&sets, &others).is_none() {
            return Ok(others);
        }
        let why = match self.unlike_still(&sets, &others, Some(other)).await {
            None => self.unlike_serial(Some(other)).await,
            why => why,
        };
        if let Some(why) = why {
            return Err(garbled(two_views(&why)));
        }
        let (sets, others) = (self.read(keys).await?, other.read(keys).await?);
        match unlike(&sets, &others) {
            None => Ok(others),
            Some(why) => Err(garbled(format!(
                "the key for looking and the key for writing were not seen to show the same ({why}), while somebody \
                 writes to `{}`: look again when nobody does",
                self.zone
            ))),
        }
    }

    /// How the zone that this key shows differs, by its serial, from the one that another key shows, or from the one
    /// that whoever has no key is shown; `None` where it does not, and where a serial is not told at all: a server that
    /// answers nobody without a key proves nothing.
    pub(super) async fn unlike_serial(&self, other: Option<&Reader<'_>>) -> Option<String> {
        let mut unlike = None;
        for time in 0..TIMES {
            if time > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let before = self.serial().await?;
            let between = match other {
                Some(other) => other.serial().await?,
                None => public_serial(self.server, self.zone).await?,
            };
            let after = self.serial().await?;
            let told = Told {
                before,
                between,
                after,
            };
            if told.of_one_zone() {
                return None;
            }
            unlike = Some(format!(
                "the serial of the zone is {between} there, and {after} here"
            ));
        }
        unlike
    }
}

/// How the sets at some keys differ that were asked for by two ways, for a sentence.
fn unlike(one: &[RecordSet], other: &[RecordSet]) -> Option<String> {
    let mut pairs = pairs(one, other).into_iter();
    let (key, one, other) = pairs.find(|(_, one, other)| one != other)?;
    let (is, was) = (RecordSet::told(other), RecordSet::told(one));
    Some(format!("`{key}` is {is} there, and {was} here"))
}

/// A server may answer the same packet with the answer of a while ago (PowerDNS, `cache-ttl`: 20 s), and never one with
/// a signature: so no two of these questions are the same, by the size that they offer for an answer (RFC 6891, 6.2.3).
fn like_no_other(mut question: Message) -> Message {
    let mut edns = Edns::new();
    let some = RandomState::new().build_hasher().finish();
    edns.set_max_payload(SMALLEST + (some % u64::from(SIZES)) as u16);
    question.set_edns(edns);
    question
}

/// The serial that whoever has no key is shown.
async fn public_serial(server: SocketAddr, zone: &str) -> Option<u32> {
    let question = like_no_other(message::soa(zone).ok()?);
    let answers = ask_all(server, &[question.to_vec().ok()?], TIMEOUT)
        .await
        .ok()?;
    let reply = Reply::read(answers.first()?).ok()?;
    reply
        .serial_of(zone)
        .filter(|_| reply.authoritative && reply.code == 0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use hickory_resolver::proto::rr::rdata::SOA;
    use hickory_resolver::proto::rr::{RData, Record};

    use super::*;
    use crate::world::dns::tests::{Scripted, anywhere, name, reply};

    /// A server that answers the same question as it did before, whatever the zone has become.
    #[tokio::test]
    async fn what_a_server_answered_a_while_ago_is_not_its_serial() {
        let serial = std::sync::Arc::new(AtomicU32::new(1));
        let now = std::sync::Arc::clone(&serial);
        let cache = Mutex::new(BTreeMap::new());
        let server = Scripted::start(anywhere(), move |query, _| {
            let offered = query.edns.as_ref().map(Edns::max_payload);
            let mut cache = cache.lock().unwrap();
            let told = *(cache.entry(offered)).or_insert_with(|| now.load(Ordering::SeqCst));
            let [host, person] = ["ns1.example.org", "h.example.org"].map(name);
            let soa = SOA::new(host, person, told, 3600, 600, 86_400, 60);
            let mut out = reply(query);
            out.add_answer(Record::from_rdata(name("example.org"), 60, RData::SOA(soa)));
            vec![out.to_vec().unwrap()]
        })
        .await;
        // Two of ten questions may offer the same; all of them do not.
        let mut seen = Vec::new();
        for n in 1..=10 {
            serial.store(n, Ordering::SeqCst);
            seen.push(public_serial(server.at, "example.org").await.unwrap() == n);
        }
        assert!(seen.iter().filter(|fresh| **fresh).count() >= 8, "{seen:?}");
    }

    #[test]
    fn what_lies_between_is_of_one_zone() {
        for (before, between, after, one) in [
            (1, 1, 1, true),
            (1, 77, 1, false),
            (77, 1, 77, false),
            // Somebody writes.
            (5, 6, 6, true),
            (5, 5, 6, true),
            (5, 7, 6, false),
            (5, 4, 6, false),
            (u32::MAX, 0, 1, true),
            (u32::MAX, 2, 1, false),
            (9, 3, 2, true),
            (9, 1, 2, true),
        ] {
            let told = Told {
                before,
                between,
                after,
            };
            assert_eq!(told.of_one_zone(), one, "{before} {between} {after}");
        }
    }
}
