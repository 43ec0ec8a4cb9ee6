//! What a `dns` step sees of a zone before it changes anything.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use crate::dns::chain::Known;
use crate::dns::moves::{Fate, Swap, ZoneSets, glue};
use crate::dns::{Holds, Listing, Other, RecordKey, RecordSet, RecordType};
use crate::event::Unseen;
use crate::plan::Stay;
use crate::site::{Probe, Site, Zone};

/// How long the list of a whole zone may take where only some of its names are moved.
pub(super) const LISTING: Duration = Duration::from_secs(10);

/// Where HTTPS is often found besides, whatever the probes say: IANA's `pcsync-https`.
const HTTPS_TOO: [u16; 1] = [8443];

/// The sets of one zone that matter: those of `names`, or all of them.
pub(super) async fn zone(
    site: &Site,
    zone: &Zone,
    names: Option<&[String]>,
) -> Result<ZoneSets, Unseen> {
    let unread = |unseen: Unseen| {
        let detail = format!("cannot read the zone `{}`: {}", zone.name, unseen.detail);
        Unseen::new(unseen.cause, detail)
    };
    let (mut sets, around, served) = match names {
        Some(names) => {
            let keys: Vec<RecordKey> = (names.iter())
                .flat_map(|name| {
                    [RecordType::A, RecordType::Aaaa, RecordType::Cname]
                        .map(|rtype| RecordKey::new(name, rtype))
                })
                .collect();
            let named = zone.provider.read(&zone.name, &keys);
            // The named ones can be moved all the same where the whole cannot be listed.
            let listed = tokio::time::timeout(LISTING, listed(site, zone));
            let (named, listed) = futures::join!(named, listed);
            let around = listed.ok().and_then(Result::ok);
            (named, around, names.iter().cloned().collect())
        }
        None => {
            let mut all = listed(site, zone).await.map_err(unread)?;
            let sets = std::mem::take(&mut all.sets);
            let names = site.services.values().flat_map(|service| &service.names);
            let here = |name: &&String| site.zone_of(name).is_some_and(|of| of.name == zone.name);
            let served = names.filter(here).map(|name| super::plain(name)).collect();
            (Ok(sets), Some(all), served)
        }
    };
    let mut beside = Vec::new();
    if let Ok(sets) = &mut sets {
        match &around {
            // What it is made from is among the others.
            Some(listing) => {
                let made_up = listing.made_up(sets.iter().map(|set| &set.key));
                sets.retain(|set| !made_up.contains_key(&set.key));
            }
            None => beside = asked_for(site, zone, &served, sets).await,
        }
    }
    Ok(ZoneSets {
        zone: zone.name.clone(),
        names: names.map(<[String]>::to_vec),
        sets: sets.map_err(unread)?,
        served,
        unmoved: BTreeSet::new(),
        around,
        beside,
    })
}

/// Where a zone cannot be listed: the record sets of other types that visitors follow, asked for by name. What could
/// not be told is among them, as unread.
async fn asked_for(
    site: &Site,
    zone: &Zone,
    served: &BTreeSet<String>,
    sets: &[RecordSet],
) -> Vec<Other> {
    let known = Known::new(sets, []);
    let here = |name: &str| site.zone_of(name).is_some_and(|of| of.name == zone.name);
    let ends = (served.iter()).filter_map(|name| Some((*known.links(name).last()?).to_owned()));
    let ends: BTreeSet<String> = ends
        .filter(|end| here(end) && !served.contains(end))
        .collect();
    // For another port there is a name of its own, and visitors come by it without TLS too (RFC 9460, 9.1 and 9.5).
    let ports = (site.services.values()).flat_map(|service| {
        let ports = service.probes.iter().filter_map(|probe| match probe {
            Probe::Http(http) if !matches!(http.port, 80 | 443) => Some(http.port),
            _ => None,
        });
        let ports: BTreeSet<u16> = ports.chain(HTTPS_TOO).collect();
        let names = service.names.iter().filter(|name| served.contains(*name));
        names.flat_map(move |name| {
            ports
                .clone()
                .into_iter()
                .map(move |port| format!("_{port}._https.{name}"))
        })
    });
    let first: BTreeSet<String> = served.iter().cloned().chain(ports).collect();
    let mut others: Vec<Other> = Vec::new();
    for names in [first, ends] {
        let names: Vec<String> = names.into_iter().collect();
        if names.is_empty() {
            continue;
        }
        let asked = zone.provider.others(&zone.name, &names);
        let why = match tokio::time::timeout(LISTING, asked).await {
            Ok(Ok(found)) => {
                for other in found {
                    if !others.contains(&other) {
                        others.push(other);
                    }
                }
                continue;
            }
            Ok(Err(unseen)) => unseen.detail,
            Err(_) => format!("nobody answered within {LISTING:?}"),
        };
        // Of a name for a port it is told with the name itself.
        let names = names.iter().filter(|name| !name.starts_with('_'));
        others.extend(names.map(|name| {
            let why = format!("whether there is one could not be told: {why}");
            Other::new(name, "HTTPS", Holds::Unread(why))
        }));
    }
    others
}

/// The whole zone, but for what a deeper zone of the playbook answers for: that is only glue here.
async fn listed(site: &Site, zone: &Zone) -> Result<Listing, Unseen> {
    let mut listing = zone.provider.list(&zone.name).await?;
    let here = |name: &str| site.zone_of(name).is_some_and(|of| of.name == zone.name);
    listing.sets.retain(|set| here(&set.key.name));
    listing.others.retain(|other| here(&other.name));
    listing.cuts.retain(|name| here(name));
    Ok(listing)
}

/// What leads to the idle site too, and nobody named: a name that was forgotten is seen before the flip.
pub(super) fn unnamed(zone: &ZoneSets, swap: &Swap, idle: &str) -> Vec<Stay> {
    let Some(names) = zone.names.as_ref().filter(|names| !names.is_empty()) else {
        return Vec::new();
    };
    let Some(listing) = &zone.around else {
        return vec![Stay {
            what: zone.zone.clone(),
            why: format!("what else in it leads to `{idle}` could not be listed"),
        }];
    };
    let names: HashSet<&str> = names.iter().map(String::as_str).collect();
    (listing.sets.iter())
        .filter(|set| set.key.rtype != RecordType::Cname && !names.contains(set.key.name.as_str()))
        .filter(|set| matches!(swap.of(set, None), Fate::Moves(_) | Fate::Refused(_)))
        .map(|set| Stay {
            what: set.key.to_string(),
            why: match listing.cut_over(&set.key.name) {
                Some(cut) => glue(cut),
                None => format!("it leads to `{idle}` too, and this step does not name it"),
            },
        })
        .collect()
}
