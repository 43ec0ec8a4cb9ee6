//! Whether those who validate (DNSSEC) get the new records too: in a signed zone a set whose signature does not cover it
//! is lost for them (RFC 4035, 5.5).

use std::net::SocketAddr;

use futures::future::join_all;

use super::seen::{Asked, asked_type};
use super::{AT_ONCE, Round};
use crate::world::dns::signed::{self, Signed};
use crate::world::dns::{self, RecordType};

impl Round<'_> {
    /// The serial of the zone at one server.
    pub(super) async fn serial(&self, at: SocketAddr) -> Option<u32> {
        let (zone, patience) = (&self.zone.name, self.check.patience);
        let told = dns::ask(at, zone, RecordType::SOA, false, patience).await;
        let told = told.ok().filter(|told| told.authoritative)?;
        told.soa.map(|soa| soa.serial)
    }

    /// Looks at what the signatures cover at a server that has the new records. Who signs one set signs all, so that
    /// some of them are enough.
    pub(super) async fn signatures(&self, asked: &mut Asked) {
        let (at, patience) = (asked.at, self.check.patience);
        let Ok(Some(keys)) = signed::keys(at, &self.zone.name, patience).await else {
            return;
        };
        let ask = async |name: &str, rtype| signed::signed(at, &keys, name, rtype, patience).await;
        match ask(&self.zone.name, RecordType::SOA).await {
            // Keys alone sign nothing.
            Ok(Signed::Not) | Err(_) => return,
            told => asked.unsigned_soa = told == Ok(Signed::Wrong),
        }
        let sets = asked.answers.iter().filter_map(|(key, told)| {
            let told = told
                .as_ref()
                .ok()
                .filter(|told| !told.addresses.is_empty())?;
            let rtype = match told.cname {
                Some(_) => RecordType::CNAME,
                None => asked_type(key.rtype),
            };
            Some((&key.name, rtype))
        });
        let looks = sets
            .take(AT_ONCE)
            .map(async |(name, rtype)| match ask(name, rtype).await {
                Ok(Signed::Not) => Some(format!("{name}. {rtype} has no signature")),
                Ok(Signed::Wrong) => Some(format!(
                    "the signature of {name}. {rtype} does not cover it"
                )),
                _ => None,
            });
        let bad: Vec<String> = join_all(looks).await.into_iter().flatten().collect();
        asked.unsigned = bad;
    }
}
