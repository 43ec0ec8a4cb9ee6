//! Every address that answers for a zone: what the parent delegates to, and what the zone says of itself.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::future::join_all;
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{Name, RData};
use serde::{Deserialize, Serialize};

use crate::event::{Cause, Unseen};
use crate::world::dns::{self, DnsSeen, RecordType};

/// The port that name servers listen on.
pub const PORT: u16 = 53;

/// How many servers of the parent are asked, and how many of the zone itself.
const PARENTS: usize = 4;
const CHILDREN: usize = 16;

/// How many name servers one zone may have; what a far side says beyond that is left out.
const MOST: usize = 32;

/// A name server of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NameServer {
    /// Lower case, with the last dot.
    pub name: String,
    /// Every address, IPv4 and IPv6, glue included; empty where none was found.
    pub addresses: Vec<SocketAddr>,
    /// The parent zone delegates to it.
    pub at_parent: bool,
    /// The zone itself names it.
    pub at_apex: bool,
    /// Why it may have addresses that are not known: no resolver could tell those of a family.
    pub unseen: Option<Unseen>,
}

/// Whom to ask where a zone is: the resolvers that it names; where it names none, or an empty list, those of this
/// machine.
pub fn resolvers_or_system(named: Option<&[SocketAddr]>) -> Result<Vec<SocketAddr>, Unseen> {
    match named {
        None | Some([]) => system_resolvers(),
        Some(named) => Ok(named.to_vec()),
    }
}

/// The resolvers of this machine.
pub fn system_resolvers() -> Result<Vec<SocketAddr>, Unseen> {
    let (config, _) = hickory_resolver::system_conf::read_system_conf().map_err(|error| {
        let detail = format!("cannot tell the resolvers of this machine: {error}");
        Unseen::new(Cause::Missing, detail)
    })?;
    let servers = config.name_servers.iter();
    Ok(servers
        .map(|server| SocketAddr::new(server.ip, PORT))
        .collect())
}

/// The addresses of a host, both families, as these resolvers tell them. An error where neither family
/// could be told.
pub async fn addresses(
    host: &str,
    resolvers: &[SocketAddr],
    timeout: Duration,
) -> Result<Vec<IpAddr>, Unseen> {
    match both_families(host, resolvers, timeout).await {
        (Err(unseen), Err(_)) => Err(unseen),
        (v4, v6) => {
            let both = [v4, v6].into_iter().flatten();
            Ok(both.flat_map(|seen| seen.addresses()).collect())
        }
    }
}

async fn both_families(
    host: &str,
    resolvers: &[SocketAddr],
    timeout: Duration,
) -> (Result<DnsSeen, Unseen>, Result<DnsSeen, Unseen>) {
    futures::join!(
        resolve(host, RecordType::A, resolvers, timeout),
        resolve(host, RecordType::AAAA, resolvers, timeout),
    )
}

/// What the first resolver says that can tell.
async fn resolve(
    name: &str,
    rtype: RecordType,
    resolvers: &[SocketAddr],
    timeout: Duration,
) -> Result<DnsSeen, Unseen> {
    let mut last = Unseen::new(Cause::Missing, "there is no resolver to ask");
    for resolver in resolvers {
        match dns::ask(*resolver, name, rtype, true, timeout).await {
            Ok(seen) if seen.is_telling() => return Ok(seen),
            Ok(seen) => {
                let detail = format!("`{resolver}` answered {} for `{name}`", seen.rcode);
                last = Unseen::new(Cause::Error, detail);
            }
            Err(unseen) => last = unseen,
        }
    }
    Err(last)
}

/// The addresses of the name servers of a zone: those that are given, else those that its delegation names. `named` are the
/// resolvers of the zone.
pub async fn servers(
    zone: &str,
    given: &[SocketAddr],
    named: Option<&[SocketAddr]>,
    timeout: Duration,
) -> Result<Vec<SocketAddr>, Unseen> {
    if !given.is_empty() {
        return Ok(given.to_vec());
    }
    let resolvers = resolvers_or_system(named)?;
    let found = delegation(zone, &resolvers, PORT, timeout).await?;
    Ok(found.into_iter().flat_map(|ns| ns.addresses).collect())
}

/// The name servers of `zone`, with every address of each: the parent's view and the zone's own, united.
/// `timeout` bounds each question; there are at most a few rounds of them.
pub async fn delegation(
    zone: &str,
    resolvers: &[SocketAddr],
    port: u16,
    timeout: Duration,
) -> Result<Vec<NameServer>, Unseen> {
    let zone = zone.trim_end_matches('.').to_ascii_lowercase();
    let parents = parent_servers(&zone, resolvers, port, timeout).await?;
    let mut found: BTreeMap<String, NameServer> = BTreeMap::new();
    let mut why = None;
    let asked = parents.iter().take(PARENTS);
    let views = asked.map(|at| dns::exchange(*at, &zone, RecordType::NS, false, timeout));
    for view in join_all(views).await {
        match view {
            Ok((message, _)) => referral(&message, &zone, port, &mut found),
            Err(unseen) => why = Some(unseen),
        }
    }
    if found.is_empty() {
        let detail = match why {
            Some(unseen) => unseen.detail,
            None => format!("the servers of its parent delegate `{zone}` to nobody"),
        };
        return Err(cannot(&zone, detail));
    }
    add_addresses(&mut found, resolvers, port, timeout).await;

    let own: Vec<SocketAddr> = (found.values())
        .flat_map(|server| server.addresses.iter().copied())
        .take(CHILDREN)
        .collect();
    let views = own
        .iter()
        .map(|at| dns::ask(*at, &zone, RecordType::NS, false, timeout));
    for seen in join_all(views).await.into_iter().flatten() {
        if seen.authoritative {
            for name in seen.records {
                if let Some(server) = entry(&mut found, name) {
                    server.at_apex = true;
                }
            }
        }
    }
    add_addresses(&mut found, resolvers, port, timeout).await;
    Ok(found.into_values().collect())
}

fn cannot(zone: &str, why: String) -> Unseen {
    let detail =
        format!("cannot find the name servers of `{zone}` (list them in its `servers`): {why}");
    Unseen::new(Cause::NoName, detail)
}

/// The addresses of the servers of the zone above, both families in turn.
async fn parent_servers(
    zone: &str,
    resolvers: &[SocketAddr],
    port: u16,
    timeout: Duration,
) -> Result<Vec<SocketAddr>, Unseen> {
    let mut name = zone;
    loop {
        let Some((_, above)) = name
            .split_once('.')
            .or((!name.is_empty()).then_some(("", "")))
        else {
            return Err(cannot(zone, "no zone above it was found".into()));
        };
        name = above;
        let asked = if name.is_empty() { "." } else { name };
        let seen = resolve(asked, RecordType::NS, resolvers, timeout)
            .await
            .map_err(|unseen| cannot(zone, unseen.detail))?;
        if seen.records.is_empty() || !seen.cname_chain.is_empty() {
            continue;
        }
        let hosts = seen.records.iter().take(MOST);
        let hosts = hosts.map(|host| addresses(host, resolvers, timeout));
        let ips: Vec<IpAddr> = join_all(hosts)
            .await
            .into_iter()
            .flatten()
            .flatten()
            .collect();
        let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = ips.into_iter().partition(IpAddr::is_ipv4);
        let turns = v4.len().max(v6.len());
        let mixed: Vec<SocketAddr> = (0..turns)
            .flat_map(|turn| [v4.get(turn), v6.get(turn)])
            .flatten()
            .map(|ip| SocketAddr::new(*ip, port))
            .collect();
        if mixed.is_empty() {
            let why = format!("no address of the servers of `{asked}` was found");
            return Err(cannot(zone, why));
        }
        return Ok(mixed);
    }
}

/// Takes the delegation out of the parent's answer: name servers, and the glue beside them.
fn referral(message: &Message, zone: &str, port: u16, found: &mut BTreeMap<String, NameServer>) {
    let is_zone = |name: &Name| dns::host_text(name).trim_end_matches('.') == zone;
    for record in message.answers.iter().chain(&message.authorities) {
        if let RData::NS(to) = &record.data
            && is_zone(&record.name)
            && let Some(server) = entry(found, dns::host_text(&to.0))
        {
            server.at_parent = true;
        }
    }
    for record in &message.additionals {
        if let Some(ip) = record.data.ip_addr()
            && let Some(server) = found.get_mut(&dns::host_text(&record.name))
        {
            add(server, SocketAddr::new(ip, port));
        }
    }
}

fn entry(found: &mut BTreeMap<String, NameServer>, name: String) -> Option<&mut NameServer> {
    if found.len() >= MOST && !found.contains_key(&name) {
        return None;
    }
    Some(found.entry(name.clone()).or_insert(NameServer {
        name,
        addresses: Vec::new(),
        at_parent: false,
        at_apex: false,
        unseen: None,
    }))
}

fn add(server: &mut NameServer, at: SocketAddr) {
    if !server.addresses.contains(&at) {
        server.addresses.push(at);
        server.addresses.sort();
    }
}

/// Adds what the resolvers know, where a parent's glue may be less than the truth. Where they cannot tell of a
/// family, and the glue has nothing of it either, an address may be missing.
async fn add_addresses(
    found: &mut BTreeMap<String, NameServer>,
    resolvers: &[SocketAddr],
    port: u16,
    timeout: Duration,
) {
    let names: Vec<String> = found.keys().cloned().collect();
    let told = names
        .iter()
        .map(|name| both_families(name, resolvers, timeout));
    for (name, (v4, v6)) in names.iter().zip(join_all(told).await) {
        let Some(server) = found.get_mut(name) else {
            continue;
        };
        server.unseen = None;
        for (told, is_of_family) in [
            (v4, SocketAddr::is_ipv4 as fn(&SocketAddr) -> bool),
            (v6, SocketAddr::is_ipv6),
        ] {
            match told {
                Ok(seen) => {
                    for ip in seen.addresses() {
                        add(server, SocketAddr::new(ip, port));
                    }
                }
                Err(unseen) if !server.addresses.iter().any(is_of_family) => {
                    server.unseen.get_or_insert(unseen);
                }
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::op::ResponseCode;

    use super::*;
    use crate::world::dns::tests::{LONG, Scripted, a, anywhere, ns, reply};

    /// One server that is everything by turns: resolver (asked with RD), the parent's server, and the
    /// zone's own, all on one port of several loopback addresses.
    async fn world(lame: bool) -> (Scripted, Scripted, Scripted) {
        let answer = move |query: &Message, role: &str| {
            let mut out = reply(query);
            let asked = &query.queries[0];
            let name = dns::host_text(asked.name());
            match (role, name.as_str(), asked.query_type()) {
                ("resolver", "test.", RecordType::NS) => {
                    out.add_answer(ns("test", "a.nic.test"));
                }
                ("resolver", "a.nic.test.", RecordType::A) => {
                    out.add_answer(a("a.nic.test", 60, "127.0.0.2"));
                }
                ("resolver", "ns1.zone.test.", RecordType::A) => {
                    out.add_answer(a("ns1.zone.test", 60, "127.0.0.3"));
                }
                ("resolver", "ns2.zone.test.", _) => {
                    out.metadata.response_code = ResponseCode::ServFail;
                }
                ("resolver", "ns3.zone.test.", RecordType::AAAA) => {
                    out.add_answer(a("ns3.zone.test", 60, "2001:db8::3"));
                }
                ("parent", "zone.test.", RecordType::NS) if !lame => {
                    out.metadata.authoritative = false;
                    out.add_authority(ns("zone.test", "NS1.zone.test"));
                    out.add_authority(ns("zone.test", "ns2.zone.test"));
                    out.add_additional(a("ns2.zone.test", 60, "2001:db8::2"));
                    out.add_additional(a("stray.test", 60, "192.0.2.66"));
                }
                ("child", "zone.test.", RecordType::NS) => {
                    out.add_answer(ns("zone.test", "ns1.zone.test"));
                    out.add_answer(ns("zone.test", "ns3.zone.test"));
                }
                _ => {}
            }
            vec![out.to_vec().unwrap()]
        };
        let resolver = Scripted::start(anywhere(), move |q, _| answer(q, "resolver")).await;
        let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), resolver.at.port());
        let parent = Scripted::start(at("127.0.0.2"), move |q, _| answer(q, "parent")).await;
        let child = Scripted::start(at("127.0.0.3"), move |q, _| answer(q, "child")).await;
        (resolver, parent, child)
    }

    #[tokio::test]
    async fn who_is_given_is_asked_in_place_of_the_delegation() {
        let (resolver, _parent, _child) = world(true).await;
        let (given, named) = ([([192, 0, 2, 1], 53).into()], [resolver.at]);
        let told = servers("zone.test", &given, Some(&named), LONG).await;
        assert_eq!(told.unwrap(), given);
        let short = Duration::from_secs(2);
        (servers("zone.test", &[], Some(&named), short).await).unwrap_err();
    }

    #[tokio::test]
    async fn parent_and_apex_are_united_with_every_address() {
        let (resolver, _parent, _child) = world(false).await;
        let port = resolver.at.port();
        let short = Duration::from_secs(2);
        let servers = delegation("Zone.test.", &[resolver.at], port, short)
            .await
            .unwrap();
        let told: Vec<_> = servers
            .iter()
            .map(|s| (s.name.as_str(), s.at_parent, s.at_apex, s.addresses.clone()))
            .collect();
        // Its IPv6 address is glue; whether it has one of IPv4, nobody could tell.
        let untold: Vec<_> = servers
            .iter()
            .map(|server| server.unseen.as_ref().map(|unseen| unseen.detail.clone()))
            .collect();
        let why = format!("`{}` answered SERVFAIL for `ns2.zone.test.`", resolver.at);
        assert_eq!(untold, [None, Some(why), None]);
        let at = |ip: &str| vec![SocketAddr::new(ip.parse().unwrap(), port)];
        assert_eq!(
            told,
            [
                ("ns1.zone.test.", true, true, at("127.0.0.3")),
                ("ns2.zone.test.", true, false, at("2001:db8::2")),
                ("ns3.zone.test.", false, true, at("2001:db8::3")),
            ]
        );
    }

    #[tokio::test]
    async fn a_zone_without_a_delegation_says_what_to_do() {
        let (resolver, _parent, _child) = world(true).await;
        let unseen = delegation("zone.test", &[resolver.at], resolver.at.port(), LONG)
            .await
            .unwrap_err();
        assert!(unseen.detail.contains("`servers`"), "{}", unseen.detail);
        let unseen = delegation("zone.test", &[], 53, LONG).await.unwrap_err();
        assert!(unseen.detail.contains("no resolver"), "{}", unseen.detail);
    }
}
