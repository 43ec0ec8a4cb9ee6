//! Whether those who validate (DNSSEC) get the records too: in a signed zone a set whose signature does not cover it is lost
//! for them (RFC 4035, 5.5).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use futures::future::join_all;

use super::memory::is_older;
use super::seen::{Asked, Role, Sighting, Soa, asked_type};
use super::{AT_ONCE, Round};
use crate::event::Unseen;
use crate::world::dns::signed::{self, KeyId, Signed};
use crate::world::dns::{self, RecordType};

/// How often a serial that rose is asked for once more.
const AGAIN: usize = 10;

impl Round<'_> {
    /// Which copy of the zone one server has.
    pub(super) async fn soa(&self, server: &str, at: SocketAddr) -> Option<Soa> {
        let (zone, patience) = (&self.zone.name, self.check.patience);
        let ask = async || {
            let told = dns::ask(at, zone, RecordType::SOA, false, patience).await;
            told.ok().filter(|told| told.authoritative)?.soa
        };
        let told = ask().await?;
        let of = (zone.clone(), server.to_owned());
        let first = *self.check.memory().serials.entry(of).or_insert(told.serial);
        let mut rises = is_older(first, told.serial);
        if rises {
            // Of two servers behind one address, one of them stale, one answer tells nothing.
            let again = join_all((0..AGAIN).map(|_| ask())).await;
            rises = (again.iter().flatten()).all(|soa| is_older(first, soa.serial));
        }
        Some(Soa {
            rises,
            serial: told.serial,
            rest: told.rest,
        })
    }

    /// Looks at what the signatures of a server cover. Who signs one set signs all, so that some of them are enough.
    pub(super) async fn signatures(&self, asked: &mut Asked) {
        let (at, patience) = (asked.at, self.check.patience);
        let Ok(Some(keys)) = signed::keys(at, &self.zone.name, patience).await else {
            return;
        };
        let now = asked.taken.wall;
        let ask = async |name: &str, rtype| signed::signed(at, &keys, name, rtype, patience).await;
        let soa = ask(&self.zone.name, RecordType::SOA).await;
        match &soa {
            // Keys alone sign nothing.
            Ok(Signed::Not) | Err(_) => return,
            Ok(told) => {
                let set = format!("{}. SOA", self.zone.name);
                asked.unsigned_soa = told.lacks(&set, now);
            }
        }
        let sets = asked.answers.iter().filter_map(|(key, told)| {
            let told = told.as_ref().ok()?;
            let rtype = match &told.cname {
                Some(_) => RecordType::CNAME,
                None if told.addresses.is_empty() => return None,
                None => asked_type(key.rtype),
            };
            Some((key.name.clone(), rtype))
        });
        let sets: BTreeSet<(String, RecordType)> = sets.take(AT_ONCE).collect();
        let looks = sets.iter().map(|(name, rtype)| ask(name, *rtype));
        let told: Vec<Result<Signed, Unseen>> = join_all(looks).await;
        asked.unsigned = (sets.iter().zip(&told))
            .filter_map(|((name, rtype), told)| {
                told.as_ref().ok()?.lacks(&format!("{name}. {rtype}"), now)
            })
            .collect();
        asked.signers = (told.iter().chain([&soa]))
            .filter_map(|told| match told {
                Ok(Signed::Right(spans)) => {
                    let holding = spans.iter().filter(|span| span.holds(now));
                    Some(holding.map(|span| span.by).collect())
                }
                _ => None,
            })
            .filter(|by: &BTreeSet<KeyId>| !by.is_empty())
            .collect();
        asked.zone_keys = keys.ids();
    }
}

/// What the signatures of a server lack for those who validate, in words.
///
/// Whoever validates takes the keys from any server of the zone and keeps them, so a key that signs at one of them
/// must be known at all others that sign (RFC 8901, 2.1); of several keys of one set, one of them.
pub(super) fn lacking(
    sightings: &[Sighting],
    sighting: &Sighting,
    asked: &Asked,
) -> Option<String> {
    if !asked.unsigned.is_empty() {
        return Some(super::judge::spelled(&asked.unsigned));
    }
    let of_zone = |of: &&Sighting| of.role == Role::Authoritative && of.zone == sighting.zone;
    let mut others = (sightings.iter().filter(of_zone))
        .flat_map(|of| &of.asked)
        .filter(|other| !other.signers.is_empty());
    others.find_map(|other| {
        let is_unknown = |by: &&BTreeSet<KeyId>| by.is_disjoint(&other.zone_keys);
        let unknown = asked.signers.iter().find(is_unknown)?.first()?;
        Some(format!(
            "its signatures are of the key {unknown}, which the zone does not have at {}",
            other.server
        ))
    })
}

/// What each server lacked before the change, by zone and address.
pub(super) fn lacked_before(before: &[Sighting]) -> BTreeMap<(&str, SocketAddr), String> {
    let asked = (before.iter()).flat_map(|of| of.asked.iter().map(move |asked| (of, asked)));
    asked
        .filter_map(|(of, asked)| {
            let why = lacking(before, of, asked)?;
            Some(((of.zone.as_str(), asked.at), why))
        })
        .collect()
}
