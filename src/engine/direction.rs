//! Which way a run goes: where the names lead now, unless somebody says where to go.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::future::join_all;

use super::look::within;
use super::survey::SurveyError;
use crate::dns::chain::{self, Known};
use crate::dns::{Active, Listing, RecordKey, RecordSet, RecordType, active_site};
use crate::event::{Cause, Unseen};
use crate::plan::{Direction, Led};
use crate::playbook::Playbook;
use crate::site::{Site, Zone};
use crate::words::{count, verb_of};
use crate::world::names::{Asked, addresses};
use crate::world::{delegation, dns};

/// How long one provider, or the name servers of one zone, may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long DNS may take where a run goes on without its answer.
const AT_ONCE: Duration = Duration::from_secs(5);

/// How long one name server may take for one question.
const ONE_QUESTION: Duration = Duration::from_secs(4);

/// Which way: where the names lead now, unless somebody says where to go.
pub(super) async fn direction(
    book: &Playbook,
    site: &Site,
    to: Option<&str>,
) -> Result<Direction, SurveyError> {
    let (a, b) = book.sites();
    let sites = (a.to_owned(), b.to_owned());
    let other = |one: &str| if one == a { b.to_owned() } else { a.to_owned() };
    if let Some(target) = to {
        if target != a && target != b {
            let given = target.to_owned();
            return Err(SurveyError::NoSuchSite { given, sites });
        }
        return Ok(Direction {
            source: other(target),
            target: target.to_owned(),
        });
    }
    let why = match active(site, &sites).await {
        Ok(Active::Site(source)) => {
            let target = other(&source);
            return Ok(Direction { source, target });
        }
        Ok(Active::Split(leads)) => split(&leads),
        Ok(Active::Nowhere) => "no record set of a service leads to either site".to_owned(),
        Err(unseen) => unseen.detail,
    };
    Err(SurveyError::NoDirection { why, sites })
}

/// The site that every name server of every zone of the services publishes, all of their names alike; `None` where they
/// do not agree. A provider is not asked: what it shows may be an old copy.
pub async fn leads_in_dns(book: &Playbook, site: &Site) -> Result<Option<String>, Unseen> {
    let names = site.services.values().flat_map(|service| &service.names);
    let types = [RecordType::A, RecordType::Aaaa];
    let mut asked: Vec<(&Zone, RecordKey)> = Vec::new();
    for name in names {
        // Names in no zone of the playbook are moved by nobody here.
        let Some(zone) = site.zone_of(name) else {
            continue;
        };
        asked.extend(types.map(|rtype| (zone, RecordKey::new(name, rtype))));
    }
    let (mut sets, mut known) = (Vec::new(), BTreeSet::new());
    for _ in 0..=LINKS {
        let fresh = asked.iter().map(|(zone, key)| at_every_server(zone, key));
        let fresh = join_all(fresh).await.into_iter();
        let fresh: Vec<RecordSet> = (fresh.collect::<Result<Vec<_>, Unseen>>()?.into_iter())
            .flatten()
            .collect();
        known.extend(asked.drain(..).map(|(_, key)| key));
        // A server follows an alias as far as its own zones reach.
        for to in fresh.iter().filter_map(chain::target) {
            let Some(zone) = site.zone_of(to) else {
                continue;
            };
            let keys = types.map(|rtype| RecordKey::new(to, rtype));
            let new = keys.into_iter().filter(|key| !known.contains(key));
            asked.extend(new.map(|key| (zone, key)));
        }
        sets.extend(fresh);
    }
    let (a, b) = book.sites();
    let addresses = [a, b].map(|name| (name.to_owned(), site.leading_to(name)));
    Ok(match active_site(&addresses.into(), &sets) {
        Active::Site(site) => Some(site),
        Active::Split(_) | Active::Nowhere => None,
    })
}

/// One record set as each name server of its zone publishes it, none at all among them.
async fn at_every_server(zone: &Zone, key: &RecordKey) -> Result<Vec<RecordSet>, Unseen> {
    let servers = servers_of(zone).await?;
    if servers.is_empty() {
        return Err(Unseen::new(Cause::NoName, "there is no name server to ask"));
    }
    let each = (servers.iter()).map(|at| published_set(std::slice::from_ref(at), key));
    let each = join_all(each).await.into_iter();
    Ok(each
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect())
}

/// The addresses that a record set leads to now, wherever it stands: as every name server of its zone publishes it, with
/// aliases followed, beyond the zones of the playbook as the resolvers of this machine do.
pub async fn ends_of(site: &Site, key: &RecordKey) -> Result<BTreeSet<IpAddr>, Unseen> {
    let (mut found, mut known) = (BTreeSet::new(), BTreeSet::new());
    let mut names = BTreeSet::from([key.name.clone()]);
    for _ in 0..=LINKS {
        let mut next = BTreeSet::new();
        for name in &names {
            let key = RecordKey::new(name, key.rtype);
            let Some(zone) = site.zone_of(name) else {
                let all = addresses(name, &Asked::System, ONE_QUESTION).await?;
                let family = |ip: &IpAddr| ip.is_ipv4() == (key.rtype == RecordType::A);
                found.extend(all.into_iter().map(|address| address.ip).filter(family));
                continue;
            };
            for set in at_every_server(zone, &key).await? {
                found.extend(set.addresses());
                next.extend(chain::target(&set).map(str::to_owned));
            }
        }
        known.append(&mut names);
        names = next
            .into_iter()
            .filter(|name| !known.contains(name))
            .collect();
        if names.is_empty() {
            return Ok(found);
        }
    }
    let detail = format!("`{key}` is an alias, and does not end after {LINKS} more");
    Err(Unseen::new(Cause::Garbled, detail))
}

/// The same, for a plan.
pub(super) fn led(leads: &BTreeMap<String, Vec<RecordKey>>) -> Vec<Led> {
    let of = |(site, keys): (&String, &Vec<RecordKey>)| {
        let first = keys.first()?.to_string();
        let (site, sets) = (site.clone(), keys.len());
        Some(Led { site, first, sets })
    };
    leads.iter().filter_map(of).collect()
}

/// Which record sets lead to which site.
pub(super) fn split(leads: &BTreeMap<String, Vec<RecordKey>>) -> String {
    let parts: Vec<String> = leads
        .iter()
        .map(|(site, keys)| {
            let first = keys.first().map(ToString::to_string).unwrap_or_default();
            let more = verb_of(keys.len(), "", "…");
            let lead = verb_of(keys.len(), "leads", "lead");
            let sets = count(keys.len(), "record set");
            format!("{sets} {lead} to `{site}` ({first}{more})")
        })
        .collect();
    parts.join(", ")
}

/// Why a drill to `target` could not come back: its way back leads to the other site, and it is only known to have
/// come back where the names led there before. `None` also where DNS does not tell.
pub async fn why_no_way_back(book: &Playbook, site: &Site, target: &str) -> Option<String> {
    let (a, b) = book.sites();
    let other = if a == target { b } else { a };
    match active(site, &(a.to_owned(), b.to_owned())).await {
        Ok(Active::Site(serves)) if serves == target => Some(format!(
            "`{target}` serves already, so a drill would not leave and could not come back; leave `--to` away, or say \
             `--to {other}`"
        )),
        Ok(Active::Split(leads)) => Some(format!(
            "{}, so a drill could not come back to one side; bring them together with a failover first",
            split(&leads)
        )),
        _ => None,
    }
}

/// Where the names of all services lead, as far as DNS tells at once.
pub(super) async fn leads(book: &Playbook, site: &Site) -> Option<Active> {
    let (a, b) = book.sites();
    let sites = (a.to_owned(), b.to_owned());
    let asked = tokio::time::timeout(AT_ONCE, active(site, &sites)).await;
    asked.ok()?.ok()
}

/// How many aliases lead from a name to its addresses at most.
const LINKS: usize = 8;

/// Reads where the names of every service end, side by side: through aliases that lie in a zone of the playbook,
/// and through wildcards.
async fn active(site: &Site, sites: &(String, String)) -> Result<Active, Unseen> {
    let plain = |name: &String| name.trim_end_matches('.').to_ascii_lowercase();
    let services = site.services.values().flat_map(|service| &service.names);
    let names: BTreeSet<String> = services.map(plain).collect();
    let mut sets: Vec<RecordSet> = Vec::new();
    let (mut asked, mut next) = (BTreeSet::new(), names.clone());
    for _ in 0..=LINKS {
        let fresh = read_all(site, &next).await?;
        asked.extend(next);
        let targets = fresh.iter().filter_map(|set| chain::target(set));
        next = targets.map(|to| plain(&to.to_owned())).collect();
        next.retain(|name| !asked.contains(name));
        sets.extend(fresh);
        if next.is_empty() {
            break;
        }
    }
    let known = Known::new(&sets, []);
    let silent = |name: &&String| known.at(name).is_empty();
    let of_zones: BTreeSet<&str> = (asked.iter().filter(silent))
        .filter_map(|name| site.zone_of(name))
        .map(|zone| zone.name.as_str())
        .collect();
    let zones = of_zones.iter().filter_map(|name| site.zones.get(*name));
    let lists = zones.map(|zone| within(PATIENCE, zone.provider.list(&zone.name)));
    // What cannot be listed tells of no wildcard, and its names count as before.
    let lists: Vec<Listing> = join_all(lists).await.into_iter().flatten().collect();
    let known = Known::new(
        (sets.iter()).chain(lists.iter().flat_map(|listing| &listing.sets)),
        (lists.iter()).flat_map(|all| all.others.iter().map(|other| other.name.as_str())),
    );
    let ends: BTreeMap<&RecordKey, &RecordSet> = (names.iter())
        .flat_map(|name| known.ends(name))
        .map(|set| (&set.key, set))
        .collect();
    let addresses: BTreeMap<String, BTreeSet<IpAddr>> = [&sites.0, &sites.1]
        .into_iter()
        .map(|name| (name.clone(), site.leading_to(name)))
        .collect();
    Ok(active_site(&addresses, ends.into_values()))
}

/// Every set of these names, each from its zone, side by side.
async fn read_all(site: &Site, names: &BTreeSet<String>) -> Result<Vec<RecordSet>, Unseen> {
    let mut keys: BTreeMap<&str, Vec<RecordKey>> = BTreeMap::new();
    for name in names {
        if let Some(zone) = site.zone_of(name) {
            let types = [RecordType::A, RecordType::Aaaa, RecordType::Cname];
            let of_name = types.map(|rtype| RecordKey::new(name, rtype));
            keys.entry(&zone.name).or_default().extend(of_name);
        }
    }
    let reads = keys.into_iter().filter_map(|(zone, keys)| {
        let zone = site.zones.get(zone)?;
        Some(async move { sets_of(zone, &keys).await })
    });
    let mut sets = Vec::new();
    for read in join_all(reads).await {
        sets.extend(read?);
    }
    Ok(sets)
}

/// The record sets as the provider keeps them; where it does not answer, as the zone's name servers publish
/// them: a provider that is down must not hide where the names lead.
async fn sets_of(zone: &Zone, keys: &[RecordKey]) -> Result<Vec<RecordSet>, Unseen> {
    let kept = within(PATIENCE, zone.provider.read(&zone.name, keys)).await;
    let Err(why) = kept else {
        return kept;
    };
    match within(PATIENCE, published(zone, keys)).await {
        Ok(sets) => Ok(sets),
        Err(also) => Err(Unseen::new(
            why.cause,
            format!("{}; nor from the name servers: {}", why.detail, also.detail),
        )),
    }
}

/// The record sets as the authoritative servers of a zone publish them.
async fn published(zone: &Zone, keys: &[RecordKey]) -> Result<Vec<RecordSet>, Unseen> {
    let servers = servers_of(zone).await?;
    // A name server follows an alias by itself, as far as its own zones reach.
    let addresses = keys.iter().filter(|key| key.rtype != RecordType::Cname);
    let asked = addresses.map(|key| published_set(&servers, key));
    let sets = join_all(asked).await.into_iter();
    let sets = sets.collect::<Result<Vec<_>, _>>()?;
    let mut sets: Vec<RecordSet> = sets.into_iter().flatten().collect();
    // Of one family there may be an address, and of the other only the alias.
    let addressed: BTreeSet<String> = (sets.iter())
        .filter(|set| set.key.rtype != RecordType::Cname)
        .map(|set| set.key.name.clone())
        .collect();
    sets.retain(|set| set.key.rtype != RecordType::Cname || !addressed.contains(&set.key.name));
    Ok(sets)
}

/// The addresses of the authoritative servers of a zone.
async fn servers_of(zone: &Zone) -> Result<Vec<SocketAddr>, Unseen> {
    let resolvers = zone.resolvers.as_deref();
    delegation::servers(&zone.name, &zone.servers, resolvers, ONE_QUESTION).await
}

/// One record set, as the first of these servers publishes it that answers for its zone, be it at the end of a
/// chain of aliases; where that leads to a name of which the server tells nothing, the alias. `None` where there is none.
async fn published_set(
    servers: &[SocketAddr],
    key: &RecordKey,
) -> Result<Option<RecordSet>, Unseen> {
    let rtype = match key.rtype {
        RecordType::A => dns::RecordType::A,
        RecordType::Aaaa => dns::RecordType::AAAA,
        RecordType::Cname => dns::RecordType::CNAME,
    };
    let mut last = Unseen::new(Cause::NoName, "there is no name server to ask");
    for server in servers {
        let seen = match dns::ask(*server, &key.name, rtype, false, ONE_QUESTION).await {
            Ok(seen) if seen.is_telling() && seen.authoritative => seen,
            Ok(seen) => {
                let said = format!("`{server}` answered {} for `{key}`", seen.rcode);
                last = Unseen::new(Cause::Error, format!("{said}, without authority"));
                continue;
            }
            Err(unseen) => {
                last = unseen;
                continue;
            }
        };
        let set = match (seen.records.is_empty(), seen.cname_chain.last()) {
            (true, None) => return Ok(None),
            (true, Some(to)) => {
                RecordSet::new(RecordKey::new(&key.name, RecordType::Cname), 0, [to])
            }
            (false, _) => RecordSet::new(key.clone(), seen.ttl.unwrap_or_default(), &seen.records),
        };
        return set
            .map(Some)
            .map_err(|why| Unseen::new(Cause::Garbled, why));
    }
    Err(last)
}

#[cfg(test)]
mod tests;
