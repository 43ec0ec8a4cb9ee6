//! What a transfer of the zone (AXFR, RFC 5936) tells.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;

use super::look::Reader;
use super::reply::{Entry, NS, SOA};
use super::signed::{self, Opened, Sealed};
use super::{message, now};
use crate::dns::providers::common::{by_key, set_of};
use crate::dns::{Holds, Listing, Other, RecordKey, RecordSet};
use crate::event::{Cause, Unseen};
use crate::world::wire::Wire;

/// How long a zone transfer may take.
pub(super) const TRANSFER_TIMEOUT: Duration = Duration::from_secs(60);
/// The most of a zone transfer that is read, in bytes.
pub(super) const TRANSFER_LIMIT: usize = 256 << 20;

/// From so many record sets on, a transfer of the zone is tried in place of questions about each.
const MANY: usize = 64;
/// The most of a transfer that is read for each of them, in bytes: more would take longer than questions. A question
/// takes as long as some 250; and one transfer answers both what a write came to and what is there before the next one,
/// which else is asked twice.
const SET: usize = 768;

/// A zone, and its serial.
pub(super) struct Whole {
    pub(super) listing: Listing,
    pub(super) serial: u32,
}

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
        let sets = listing.sets.iter();
        let sets = sets.filter(|set| wanted.contains(&set.key));
        Some(sets.cloned().collect())
    }

    /// The whole zone, where that takes less than as many questions.
    pub(super) async fn at_once(&self, keys: &[RecordKey]) -> Option<Arc<Listing>> {
        match keys.len() {
            0..MANY => None,
            many => self.view(many * SET).await,
        }
    }

    /// Transfers the zone, where it is no larger than `limit`, in bytes.
    pub(super) async fn transfer(&self, limit: usize) -> Result<Whole, Unseen> {
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
        let mut serial = None;
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
            serial = serial.or_else(|| reply.serial_of(zone));
            records.extend(reply.answers.iter().filter_map(Entry::understood));
            others.extend(reply.answers.iter().filter_map(Entry::other));
            let delegations = reply.answers.iter().filter(|entry| entry.rtype == NS);
            cuts.extend(delegations.map(|entry| entry.owner.clone()));
            if heads == 0 || reply.answers.is_empty() {
                return Err(garbled("it does not begin with the zone's SOA".into()));
            }
            if heads >= 2 {
                if !signed {
                    return Err(garbled("its last message is not signed".into()));
                }
                let serial = serial.ok_or_else(|| garbled("it has no SOA of this zone".into()))?;
                let mut listing = listing(records, others);
                for owner in &cuts {
                    listing.cut(zone, owner);
                }
                return Ok(Whole { listing, serial });
            }
        }
    }
}

/// A whole zone; a set that cannot be understood is one of the others.
pub(super) fn listing(
    mut records: Vec<(RecordKey, u32, String)>,
    mut others: Vec<Other>,
) -> Listing {
    let mut sets = Vec::with_capacity(records.len());
    for records in by_key(&mut records) {
        let Some((key, ..)) = records.first() else {
            continue;
        };
        match set_of(key, records) {
            Ok(set) => sets.push(set),
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
