//! Names of services that a step does not move: whoever uses one that leads to the side that is left is not moved, and
//! is told of before the change.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use super::look::LISTING;
use super::names_of;
use crate::dns::moves::ZoneSets;
use crate::dns::{Holds, Other, RecordKey, RecordSet, RecordType};
use crate::site::{Site, Zone};

/// Adds to the zones what is known of the names of services that are not moved in them, and gives back those that are in
/// no zone of the playbook, but for `outside`, which are asked for already.
pub(super) async fn look(
    site: &Site,
    zones: &mut Vec<ZoneSets>,
    outside: &[String],
) -> Vec<String> {
    let services: Vec<String> = site.services.keys().cloned().collect();
    let moved = |name: &String| zones.iter().any(|zone| zone.served.contains(name));
    let names: Vec<String> = (names_of(site, &services, &[]).into_iter())
        .filter(|name| !moved(name) && !outside.contains(name))
        .collect();
    let mut of_zones: BTreeMap<&str, (&Zone, BTreeSet<String>)> = BTreeMap::new();
    let mut in_none = Vec::new();
    for name in names {
        match site.zone_of(&name) {
            Some(zone) => {
                let (_, names) = (of_zones.entry(&zone.name)).or_insert((zone, BTreeSet::new()));
                names.insert(name);
            }
            None => in_none.push(name),
        }
    }
    let reads = of_zones.into_values().map(|(zone, names)| {
        let known = zones.iter().find(|known| known.zone == zone.name);
        let is_listed = known.is_some_and(|known| known.around.is_some());
        async move {
            let read = match is_listed {
                // What there is of them stands in the list.
                true => Ok(Vec::new()),
                false => read(zone, &names).await,
            };
            (zone, names, read)
        }
    });
    let reads = join_all(reads).await;
    for (zone, names, read) in reads {
        let at = (zones.iter().position(|known| known.zone == zone.name)).unwrap_or_else(|| {
            zones.push(ZoneSets {
                zone: zone.name.clone(),
                names: Some(Vec::new()),
                ..ZoneSets::default()
            });
            zones.len() - 1
        });
        let of_zone = &mut zones[at];
        match read {
            Ok(sets) => of_zone.sets.extend(sets),
            // The step does not need it: what it moves can be moved all the same.
            Err(why) => {
                let unread = |name: &String| Other::new(name, "A", Holds::Unread(why.clone()));
                of_zone.beside.extend(names.iter().map(unread));
            }
        }
        of_zone.unmoved = names;
    }
    in_none
}

async fn read(zone: &Zone, names: &BTreeSet<String>) -> Result<Vec<RecordSet>, String> {
    let types = [RecordType::A, RecordType::Aaaa, RecordType::Cname];
    let keys: Vec<RecordKey> = (names.iter())
        .flat_map(|name| types.map(|rtype| RecordKey::new(name, rtype)))
        .collect();
    let read = zone.provider.read(&zone.name, &keys);
    match tokio::time::timeout(LISTING, read).await {
        Ok(read) => read.map_err(|unseen| unseen.detail),
        Err(_) => Err(format!("nobody answered within {LISTING:?}")),
    }
}
