//! Addresses of a name, asked of DNS as a user's machine would: afresh each time, never from `/etc/hosts`.
#![expect(clippy::disallowed_methods, reason = "this module asks resolvers")]

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{RData, RecordType};
use serde::{Deserialize, Serialize};

use crate::event::{Cause, Unseen};
use crate::world::route::lacking;

/// Who is asked for the addresses of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The resolvers of this machine.
    System,
    /// A caching resolver.
    Resolver(SocketAddr),
    /// The zone's own servers, any of which may answer.
    Authoritative(Vec<SocketAddr>),
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Asked::System => f.write_str("the system's resolver"),
            Asked::Resolver(at) => write!(f, "resolver {at}"),
            Asked::Authoritative(_) => f.write_str("the zone's servers"),
        }
    }
}

/// One address of a name, and for how long it may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub ip: IpAddr,
    /// Seconds; from a cache, what is left of them.
    pub ttl: u32,
}

/// The A and AAAA records of a name, aliases followed. None at all is an answer; a family that could not be
/// asked is not.
pub async fn addresses(
    name: &str,
    asked: &Asked,
    timeout: Duration,
) -> Result<Vec<Address>, Unseen> {
    let found = ends(name, asked, timeout).await?;
    let mut found: Vec<Address> = found.into_iter().map(|(_, address)| address).collect();
    found.sort_by_key(|address| address.ip);
    found.dedup_by_key(|address| address.ip);
    Ok(found)
}

/// The same, each with the name at which its record stands: where the aliases end. Lower case, without the last dot.
pub async fn ends(
    name: &str,
    asked: &Asked,
    timeout: Duration,
) -> Result<Vec<(String, Address)>, Unseen> {
    let resolver = resolver(asked, timeout)?;
    let both = futures::future::try_join(
        one_family(&resolver, name, RecordType::A),
        one_family(&resolver, name, RecordType::AAAA),
    );
    let (mut found, v6) = match tokio::time::timeout(timeout, both).await {
        Ok(answer) => answer.map_err(|unseen| {
            if let Some(lacks) = lacking_all(asked) {
                return lacks;
            }
            let detail = format!("asked {asked} for `{name}`: {}", unseen.detail);
            Unseen::new(unseen.cause, detail)
        })?,
        Err(_) => {
            let detail = format!("{asked} did not answer for `{name}` in time");
            return Err(Unseen::new(Cause::TimedOut, detail));
        }
    };
    found.extend(v6);
    Ok(found)
}

/// That this machine has no route to any of those who are asked.
fn lacking_all(asked: &Asked) -> Option<Unseen> {
    let servers = match asked {
        Asked::System => &[],
        Asked::Resolver(at) => std::slice::from_ref(at),
        Asked::Authoritative(servers) => &servers[..],
    };
    let mut lacks = servers.iter().map(|at| lacking(*at));
    let first = lacks.next().flatten()?;
    lacks.all(|lacks| lacks.is_some()).then_some(first)
}

fn resolver(asked: &Asked, timeout: Duration) -> Result<TokioResolver, Unseen> {
    let broken = |error: NetError| {
        let detail = format!("failed to set up {asked}: {error}");
        Unseen::new(Cause::Error, detail)
    };
    let mut builder = match asked {
        Asked::System => TokioResolver::builder_tokio().map_err(broken)?,
        Asked::Resolver(at) => with_servers(std::slice::from_ref(at)),
        Asked::Authoritative(servers) => with_servers(servers),
    };
    let options: &mut ResolverOpts = builder.options_mut();
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.attempts = 1;
    // As the C library asks: what does not fit is asked over TCP, and a server that knows no EDNS is no reason to
    // see nothing (RFC 6891, 7).
    options.edns0 = false;
    options.timeout = timeout / 3;
    if matches!(asked, Asked::Authoritative(_)) {
        options.recursion_desired = false;
    }
    builder.build().map_err(broken)
}

fn with_servers(servers: &[SocketAddr]) -> hickory_resolver::ResolverBuilder<TokioRuntimeProvider> {
    let servers = servers
        .iter()
        .map(|at| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()]
                .into_iter()
                .map(|mut connection| {
                    connection.port = at.port();
                    connection
                })
                .collect();
            NameServerConfig::new(at.ip(), true, connections)
        })
        .collect();
    let config = ResolverConfig::from_name_servers(servers);
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
}

async fn one_family(
    resolver: &TokioResolver,
    name: &str,
    rtype: RecordType,
) -> Result<Vec<(String, Address)>, Unseen> {
    let qualified = format!("{}.", name.trim_end_matches('.'));
    match resolver.lookup(qualified, rtype).await {
        Ok(lookup) => Ok(lookup
            .answers()
            .iter()
            .filter_map(|record| {
                let ip = match &record.data {
                    RData::A(a) => IpAddr::V4(a.0),
                    RData::AAAA(aaaa) => IpAddr::V6(aaaa.0),
                    _ => return None,
                };
                let ttl = record.ttl;
                let name = record.name.to_lowercase().to_ascii();
                let name = name.trim_end_matches('.').to_owned();
                Some((name, Address { ip, ttl }))
            })
            .collect()),
        // A referral is how a server says that the zone is not its own: it knows nothing of the name.
        Err(NetError::Dns(DnsError::NoRecordsFound(none)))
            if none.soa.is_none() && none.ns.is_some() =>
        {
            let detail = format!("the answer for {rtype} is a referral to other servers");
            Err(Unseen::new(Cause::Garbled, detail))
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(_))) => Ok(Vec::new()),
        Err(error) => {
            let cause = match &error {
                NetError::Timeout => Cause::TimedOut,
                NetError::Io(_) | NetError::NoConnections => Cause::Unreachable,
                NetError::Dns(_) => Cause::Error,
                _ => Cause::Garbled,
            };
            Err(Unseen::new(cause, format!("{rtype}: {error}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::op::ResponseCode;

    use super::*;
    use crate::world::dns::tests::{LONG, Scripted, a, anywhere, reply};

    #[tokio::test]
    async fn a_server_that_knows_no_edns_tells_all_the_same() {
        for says in [
            Some(ResponseCode::FormErr),
            Some(ResponseCode::NotImp),
            None,
        ] {
            let server = Scripted::start(anywhere(), move |query, over_tcp| {
                let mut reply = reply(query);
                let asked = query.queries[0].query_type();
                if asked == RecordType::A {
                    reply.add_answer(a("www.example.org", 60, "192.0.2.1"));
                }
                reply.metadata.truncation = asked == RecordType::A && !over_tcp;
                match (&query.edns, says) {
                    (None, _) => {}
                    (Some(_), None) => return Vec::new(),
                    (Some(_), Some(code)) => reply.metadata.response_code = code,
                }
                vec![reply.to_vec().unwrap()]
            })
            .await;
            for asked in [
                Asked::Resolver(server.at),
                Asked::Authoritative(vec![server.at]),
            ] {
                let seen = addresses("www.example.org", &asked, LONG).await.unwrap();
                let seen: Vec<String> = seen.iter().map(|seen| seen.ip.to_string()).collect();
                assert_eq!(seen, ["192.0.2.1"], "{says:?}");
            }
        }
    }
}
