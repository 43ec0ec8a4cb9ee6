//! What a transfer of the zone (AXFR, RFC 5936) tells.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;

use super::look::Reader;
use super::reply::{Entry, NS, SOA};
use super::signed::{self, Opened, Sealed};
use super::{TIMEOUT, message, now};
use crate::dns::providers::common::gather;
use crate::dns::{Holds, Listing, Other, RecordKey, RecordSet};
use crate::event::{Cause, Unseen};
use crate::world::wire::Wire;

/// How long a zone transfer may take.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(60);
/// The most of a zone transfer that is read, in bytes.
pub(super) const TRANSFER_LIMIT: usize = 256 << 20;

/// From so many record sets on, a transfer of the zone is tried in place of questions about each.
const MANY: usize = 64;
/// The most of a transfer that is read for each of them, in bytes: more would take longer than questions.
const SET: usize = 256;

impl Reader<'_> {
    /// The sets at these keys as a transfer tells them; `None` where it does not, or where something else answers for
    /// one of them than what stands in the zone.
    pub(super) async fn transferred(&self, keys: &[RecordKey]) -> Option<Vec<RecordSet>> {
        let listing = self.at_once(keys).await?;
        let others = listing.others.iter();
        let odd: HashSet<&str> = (others.clone())
            .filter(|other| matches!(other.holds, Holds::Unread(_)))
            .map(|other| other.name.as_str())
            .collect();
        let hides = others.into_iter().any(|other| other.rtype == "DNAME");
        let is_asked_for =
            |key: &RecordKey| listing.cut_over(&key.name).is_some() || odd.contains(&*key.name);
        if hides || keys.iter().any(is_asked_for) {
            return None;
        }
        let wanted: HashSet<&RecordKey> = keys.iter().collect();
        let mut sets = listing.sets;
        sets.retain(|set| wanted.contains(&set.key));
        Some(sets)
    }

    /// The zone's own sets, where a transfer tells them for less than as many questions take; none where it does not.
    pub(super) async fn own(&self, keys: &[RecordKey]) -> BTreeMap<RecordKey, RecordSet> {
        let listing = self.at_once(keys).await;
        let sets = listing.into_iter().flat_map(|listing| listing.sets);
        sets.map(|set| (set.key.clone(), set)).collect()
    }

    /// The whole zone, where that takes less than as many questions.
    async fn at_once(&self, keys: &[RecordKey]) -> Option<Listing> {
        let limit = keys.len() * SET;
        if keys.len() < MANY || limit <= self.no_transfer.load(Ordering::Relaxed) {
            return None;
        }
        let listing = tokio::time::timeout(TIMEOUT, self.transfer(limit)).await;
        let listing = listing.ok().and_then(Result::ok);
        if listing.is_none() {
            self.no_transfer.fetch_max(limit, Ordering::Relaxed);
        }
        listing
    }

    /// Transfers the zone, where it is no larger than `limit`, in bytes.
    pub(super) async fn transfer(&self, limit: usize) -> Result<Listing, Unseen> {
        let (server, zone) = (self.server, self.zone);
        let garbled = |why: String| {
            let detail = format!("the transfer of `{zone}` from `{server}` failed: {why}");
            Unseen::new(Cause::Garbled, detail)
        };
        let question = message::transfer(zone).map_err(garbled)?;
        let (bytes, mut sealed) =
            Sealed::seal(question, self.signer.clone(), now()).map_err(garbled)?;
        let mut wire = Wire::connect(server, TRANSFER_TIMEOUT).await?;
        wire.ask(&bytes).await?;
        let (mut records, mut others, mut cuts) = (Vec::new(), Vec::new(), BTreeSet::new());
        let (mut heads, mut size) = (0, 0);
        loop {
            let bytes = wire.receive().await?;
            size += bytes.len();
            if size > limit {
                return Err(garbled("the zone is too large".into()));
            }
            let Opened { reply, signed } = sealed.open(&bytes, now()).map_err(garbled)?;
            if let Some(why) = signed::denial(&reply, &self.key.name, zone) {
                return Err(Unseen::new(
                    Cause::Denied,
                    format!(
                        "the name server `{server}` does not hand over the zone `{zone}`: {why}; allow the transfer to this key, or name the records in the playbook"
                    ),
                ));
            }
            if reply.code != 0 {
                let code = ResponseCode::from(0, (reply.code & 15) as u8);
                return Err(Unseen::new(
                    Cause::Error,
                    format!(
                        "the name server `{server}` answers `{code}` to the transfer of `{zone}`; name the records in the playbook where it cannot be had"
                    ),
                ));
            }
            if !signed && heads == 0 {
                return Err(garbled("its first message is not signed".into()));
            }
            heads += reply
                .answers
                .iter()
                .filter(|entry| entry.rtype == SOA)
                .count();
            records.extend(reply.answers.iter().filter_map(Entry::understood));
            others.extend(reply.answers.iter().filter_map(Entry::other));
            let delegations = reply.answers.iter().filter(|entry| entry.rtype == NS);
            cuts.extend(delegations.map(|entry| entry.owner.clone()));
            if heads == 0 || reply.answers.is_empty() {
                return Err(garbled("it does not begin with the zone's SOA".into()));
            }
            if heads >= 2 {
                return match signed {
                    true => Ok(cuts
                        .iter()
                        .fold(listing(records, others), |mut all, owner| {
                            all.cut(zone, owner);
                            all
                        })),
                    false => Err(garbled("its last message is not signed".into())),
                };
            }
        }
    }
}

/// A whole zone; a set that cannot be understood is one of the others.
pub(super) fn listing(records: Vec<(RecordKey, u32, String)>, mut others: Vec<Other>) -> Listing {
    let mut grouped: BTreeMap<RecordKey, Vec<(RecordKey, u32, String)>> = BTreeMap::new();
    for record in records {
        grouped.entry(record.0.clone()).or_default().push(record);
    }
    let mut sets = Vec::new();
    for (key, records) in grouped {
        match gather(records) {
            Ok(one) => sets.extend(one),
            Err(why) => {
                let rtype = key.rtype.to_string();
                others.push(Other::new(&key.name, rtype, Holds::Unread(why)));
            }
        }
    }
    Listing {
        sets,
        others,
        ..Listing::default()
    }
}
