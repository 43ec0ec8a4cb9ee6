//! DNS as the simulation imagines it: every name of the playbook leads to the source.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::dns::providers::Limits;
use crate::dns::{Grounds, Listing, Provider, RecordKey, RecordSet, RecordType};
use crate::event::{Answer, Cause, Unseen};
use crate::journal::Permit;
use crate::plan::Value;
use crate::site::Site;

/// What an imagined zone holds.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    /// What was really seen of the zones, by key; then there is nothing else in them.
    pub seen: Option<BTreeMap<RecordKey, RecordSet>>,
    /// Where a name that was not seen leads: the public addresses of the source.
    pub source: BTreeSet<IpAddr>,
    /// The TTL of a record set that was not seen, in seconds.
    pub ttl: u32,
}

/// A zone of a playbook whose contents are imagined. What the provider promises, and its limits, are its own.
struct Imagined {
    real: Arc<dyn Provider>,
    contents: Arc<Contents>,
    /// Every name of the playbook in this zone.
    names: Vec<String>,
}

/// The same site with imagined zones: nothing of it asks a network for a record set.
pub(super) fn imagined(mut site: Site, contents: Contents) -> Site {
    let contents = Arc::new(contents);
    let names: Vec<String> = (site.services.values())
        .flat_map(|service| service.names.iter().cloned())
        .collect();
    let zone_names: Vec<(String, Vec<String>)> = (site.zones.keys())
        .map(|zone| {
            let of_zone = |name: &&String| site.zone_of(name).is_some_and(|z| z.name == *zone);
            let names = names.iter().filter(of_zone).cloned().collect();
            (zone.clone(), names)
        })
        .collect();
    for (zone, names) in zone_names {
        if let Some(zone) = site.zones.get_mut(&zone) {
            zone.provider = Arc::new(Imagined {
                real: Arc::clone(&zone.provider),
                contents: Arc::clone(&contents),
                names,
            });
        }
    }
    site
}

impl Contents {
    fn at(&self, key: &RecordKey) -> Option<RecordSet> {
        if let Some(seen) = &self.seen {
            return seen.get(key).cloned();
        }
        let is_v6 = match key.rtype {
            RecordType::A => false,
            RecordType::Aaaa => true,
            RecordType::Cname => return None,
        };
        let data: Vec<String> = (self.source.iter())
            .filter(|address| address.is_ipv6() == is_v6)
            .map(IpAddr::to_string)
            .collect();
        match data.is_empty() {
            true => None,
            false => RecordSet::new(key.clone(), self.ttl, data).ok(),
        }
    }
}

impl Provider for Imagined {
    fn list<'a>(&'a self, zone: &'a str) -> BoxFuture<'a, Result<Listing, Unseen>> {
        let within = |name: &str| name == zone || name.ends_with(&format!(".{zone}"));
        let sets = match &self.contents.seen {
            None => (self.names.iter())
                .flat_map(|name| [RecordType::A, RecordType::Aaaa].map(|t| RecordKey::new(name, t)))
                .filter_map(|key| self.contents.at(&key))
                .collect(),
            Some(seen) => (seen.values())
                .filter(|set| within(&set.key.name))
                .cloned()
                .collect(),
        };
        let others = Vec::new();
        Box::pin(std::future::ready(Ok(Listing {
            sets,
            others,
            ..Listing::default()
        })))
    }

    fn read<'a>(
        &'a self,
        _: &'a str,
        keys: &'a [RecordKey],
    ) -> BoxFuture<'a, Result<Vec<RecordSet>, Unseen>> {
        let sets = keys.iter().filter_map(|key| self.contents.at(key));
        Box::pin(std::future::ready(Ok(sets.collect())))
    }

    fn judge(
        &self,
        zone: &str,
        grounds: &Grounds,
        from: &Value,
        to: &Value,
    ) -> Result<(), Vec<String>> {
        self.real.judge(zone, grounds, from, to)
    }

    fn write<'a>(&'a self, _: &'a str, _: Permit<'a>) -> BoxFuture<'a, Answer> {
        let why = "an imagined zone is never written".to_owned();
        Box::pin(std::future::ready(Answer::Refused { why }))
    }

    fn limits(&self) -> Limits {
        self.real.limits()
    }

    fn published<'a>(
        &'a self,
        _: &'a str,
        _: &'a [RecordKey],
    ) -> BoxFuture<'a, Option<Result<(), Unseen>>> {
        let unseen = Unseen::new(Cause::Missing, "an imagined zone is never published");
        Box::pin(std::future::ready(Some(Err(unseen))))
    }

    fn commands(&self, zone: &str, from: &Value, to: &Value) -> Vec<String> {
        self.real.commands(zone, from, to)
    }
}
