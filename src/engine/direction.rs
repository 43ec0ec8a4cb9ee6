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
/// do not agree, or one does not tell. A provider is not asked: what it shows may be an old copy.
pub async fn leads_in_dns(book: &Playbook, site: &Site) -> Option<String> {
    let names = site.services.values().flat_map(|service| &service.names);
    let mut asked: Vec<(&Zone, RecordKey)> = Vec::new();
    for name in names {
        // Names in no zone of the playbook are moved by nobody here.
        let Some(zone) = site.zone_of(name) else {
            continue;
        };
        let types = [RecordType::A, RecordType::Aaaa];
        asked.extend(types.map(|rtype| (zone, RecordKey::new(name, rtype))));
    }
    let sets = asked.iter().map(|(zone, key)| async move {
        let servers = servers_of(zone).await?;
        let each = servers
            .iter()
            .map(|at| published_set(std::slice::from_ref(at), key));
        let each = join_all(each)
            .await
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?;
        match each.is_empty() {
            true => Err(Unseen::new(Cause::NoName, "there is no name server to ask")),
            false => Ok(each),
        }
    });
    let sets = join_all(sets).await.into_iter();
    let sets = sets.collect::<Result<Vec<_>, Unseen>>().ok()?;
    let (a, b) = book.sites();
    let addresses = [a, b].map(|name| (name.to_owned(), site.leading_to(name)));
    match active_site(&addresses.into(), sets.iter().flatten().flatten()) {
        Active::Site(site) => Some(site),
        Active::Split(_) | Active::Nowhere => None,
    }
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
fn split(leads: &BTreeMap<String, Vec<RecordKey>>) -> String {
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
    // A name server follows an alias by itself.
    let addresses = keys.iter().filter(|key| key.rtype != RecordType::Cname);
    let asked = addresses.map(|key| published_set(&servers, key));
    let sets = join_all(asked).await.into_iter();
    Ok(sets
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect())
}

/// The addresses of the authoritative servers of a zone.
async fn servers_of(zone: &Zone) -> Result<Vec<SocketAddr>, Unseen> {
    Ok(match zone.servers.as_slice() {
        [] => {
            let resolvers = delegation::resolvers_or_system(zone.resolvers.as_deref())?;
            let port = delegation::PORT;
            let found = delegation::delegation(&zone.name, &resolvers, port, ONE_QUESTION).await?;
            found.into_iter().flat_map(|ns| ns.addresses).collect()
        }
        given => given.to_vec(),
    })
}

/// One record set, as the first of these servers publishes it that answers for its zone, be it at the end of a
/// chain of aliases; `None` where there is none.
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
        if seen.records.is_empty() {
            return Ok(None);
        }
        return RecordSet::new(key.clone(), seen.ttl.unwrap_or_default(), &seen.records)
            .map(Some)
            .map_err(|why| Unseen::new(Cause::Garbled, why));
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::dns::Honesty;
    use crate::steps::testing::{Book, site};
    use crate::world::dns::tests::{Scripted, a, anywhere, reply};

    const BOOK: &str = r#"
[playbook]
name = "site"
[hosts.primary]
site = "dedicated"
ssh = "primary"
addresses = ["192.0.2.10", "2001:db8::10"]
[hosts.standby]
site = "cloud"
ssh = "standby"
addresses = ["198.51.100.20", "2001:db8:1::20"]
[services.website]
names = ["example.org"]
probes = [{ http = "/" }]
[[step]]
id = "works"
kind = "services"
at = "target"
"#;

    async fn of(sets: &[(&str, &[&str])], to: Option<&str>) -> Result<Direction, SurveyError> {
        let site = site(Book::new(Honesty::Atomic, sets));
        direction(&book(), &site, to).await
    }

    fn book() -> Playbook {
        match Playbook::parse(BOOK, "site.toml", &[]) {
            Ok(book) => book,
            Err(problems) => panic!("{}", problems.render(false, None)),
        }
    }

    fn from(source: &str, target: &str) -> Direction {
        Direction {
            source: source.into(),
            target: target.into(),
        }
    }

    #[tokio::test]
    async fn whether_the_names_lead_there_already_is_told_of_all_of_them() {
        let old: (&str, &[&str]) = ("example.org. A", &["192.0.2.10"]);
        let new: (&str, &[&str]) = ("example.org. AAAA", &["2001:db8:1::20"]);
        let leads = async |sets: &[(&str, &[&str])]| {
            leads(&book(), &site(Book::new(Honesty::Atomic, sets))).await
        };
        let site = |name: &str| Some(Active::Site(name.to_owned()));
        assert_eq!(leads(&[old]).await, site("dedicated"));
        assert_eq!(leads(&[new]).await, site("cloud"));
        assert_eq!(leads(&[]).await, Some(Active::Nowhere));
        let Some(Active::Split(split)) = leads(&[old, new]).await else {
            panic!("they lead apart");
        };
        let told: Vec<String> = led(&split).iter().map(ToString::to_string).collect();
        let each = [
            "example.org. AAAA leads to cloud",
            "example.org. A leads to dedicated",
        ];
        assert_eq!(told, each);
    }

    #[tokio::test]
    async fn the_source_is_where_the_names_lead() {
        let old: (&str, &[&str]) = ("example.org. A", &["192.0.2.10"]);
        let new: (&str, &[&str]) = ("example.org. AAAA", &["2001:db8:1::20"]);
        let elsewhere: (&str, &[&str]) = ("example.org. A", &["203.0.113.5"]);
        assert_eq!(of(&[old], None).await.unwrap(), from("dedicated", "cloud"));
        assert_eq!(of(&[new], None).await.unwrap(), from("cloud", "dedicated"));

        let split = of(&[old, new], None).await.unwrap_err().to_string();
        assert!(split.contains("1 record set leads to `cloud`"), "{split}");
        assert!(split.contains("--to cloud"), "{split}");
        let nowhere = of(&[elsewhere], None).await.unwrap_err().to_string();
        assert!(nowhere.contains("leads to either site"), "{nowhere}");

        // Through aliases, and the wildcard that covers a name.
        let chain: [(&str, &[&str]); 3] = [
            ("example.org. CNAME", &["www.example.org."]),
            ("www.example.org. CNAME", &["web.example.org."]),
            ("web.example.org. AAAA", &["2001:db8:1::20"]),
        ];
        assert_eq!(of(&chain, None).await.unwrap(), from("cloud", "dedicated"));
        let wildcard: [(&str, &[&str]); 2] = [
            ("example.org. CNAME", &["any.example.org."]),
            ("*.example.org. A", &["192.0.2.10"]),
        ];
        let read = of(&wildcard, None).await.unwrap();
        assert_eq!(read, from("dedicated", "cloud"));
        let far: (&str, &[&str]) = ("example.org. CNAME", &["cdn.example.net."]);
        let nowhere = of(&[far], None).await.unwrap_err().to_string();
        assert!(nowhere.contains("leads to either site"), "{nowhere}");

        // Somebody says where to go: then it does not matter where the names lead.
        let to = of(&[old, new], Some("cloud")).await.unwrap();
        assert_eq!(to, from("dedicated", "cloud"));
        let no_site = of(&[old], Some("moon")).await.unwrap_err();
        assert!(matches!(no_site, SurveyError::NoSuchSite { .. }));
    }

    #[tokio::test]
    async fn a_drill_to_where_it_serves_already_has_no_way_back() {
        let old: (&str, &[&str]) = ("example.org. A", &["192.0.2.10"]);
        let new: (&str, &[&str]) = ("example.org. AAAA", &["2001:db8:1::20"]);
        let nowhere: (&str, &[&str]) = ("example.org. A", &["203.0.113.5"]);
        let why = async |sets: &[(&str, &[&str])]| {
            let site = site(Book::new(Honesty::Atomic, sets));
            why_no_way_back(&book(), &site, "cloud").await
        };
        let there = why(&[new]).await.unwrap();
        assert!(there.starts_with("`cloud` serves already, "), "{there}");
        assert!(there.contains("`--to dedicated`"), "{there}");
        let split = why(&[old, new]).await.unwrap();
        assert!(split.contains("1 record set leads to `cloud`"), "{split}");
        assert_eq!(why(&[old]).await, None);
        assert_eq!(why(&[nowhere]).await, None);
    }

    #[tokio::test]
    async fn where_the_names_lead_in_dns_is_asked_of_every_server_and_not_of_the_provider() {
        // The provider shows an old copy.
        let old: (&str, &[&str]) = ("example.org. A", &["192.0.2.10"]);
        let mut site = site(Book::new(Honesty::Atomic, &[old]));
        let serving = |ip: &'static str| {
            Scripted::start(anywhere(), move |query, _| {
                let mut reply = reply(query);
                let asked = &query.queries[0];
                let apex = asked.name().to_ascii() == "example.org.";
                if apex && asked.query_type() == dns::RecordType::A {
                    reply.add_answer(a("example.org", 60, ip));
                }
                vec![reply.to_vec().unwrap()]
            })
        };
        let (new, also, lags) = (
            serving("198.51.100.20").await,
            serving("198.51.100.20").await,
            serving("192.0.2.10").await,
        );
        let mut of = async |servers: &[SocketAddr]| {
            let zone = site.zones.get_mut("example.org").unwrap();
            zone.servers = servers.to_vec();
            leads_in_dns(&book(), &site).await
        };
        assert_eq!(of(&[new.at, also.at]).await.as_deref(), Some("cloud"));
        assert_eq!(of(&[new.at, lags.at]).await, None);
        assert_eq!(of(&[lags.at]).await.as_deref(), Some("dedicated"));
    }

    #[tokio::test]
    async fn where_the_provider_is_down_the_name_servers_are_asked() {
        let provider = Book::new(Honesty::Atomic, &[]);
        provider.fail();
        let mut site = site(Arc::clone(&provider));
        let server = Scripted::start(anywhere(), |query, _| {
            let mut reply = reply(query);
            let asked = &query.queries[0];
            let name = asked.name().to_ascii();
            if name == "example.org." && asked.query_type() == dns::RecordType::A {
                reply.add_answer(a("example.org", 60, "198.51.100.20"));
            }
            vec![reply.to_vec().unwrap()]
        })
        .await;
        let zone = site.zones.get_mut("example.org").unwrap();
        zone.servers = vec![server.at];
        let read = direction(&book(), &site, None).await.unwrap();
        assert_eq!(read, from("cloud", "dedicated"));

        let lame = Scripted::start(anywhere(), |query, _| {
            let mut reply = reply(query);
            reply.metadata.authoritative = false;
            vec![reply.to_vec().unwrap()]
        })
        .await;
        let zone = site.zones.get_mut("example.org").unwrap();
        zone.servers = vec![lame.at];
        let error = direction(&book(), &site, None)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("the provider did not answer"), "{error}");
        assert!(error.contains("without authority"), "{error}");
    }
}
