//! Hosts, services, zones, baseline: what a step is given.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::dns::Provider;
use crate::plan::Direction;
use crate::world::asking::Asking;
use crate::world::exec::{Exec, Reach};

/// Everything that a step may look at, ready to be asked.
#[derive(Clone)]
pub struct Site {
    /// In the order of the playbook's names.
    pub hosts: BTreeMap<String, Host>,
    pub services: BTreeMap<String, Service>,
    pub zones: BTreeMap<String, Zone>,
    pub exec: Exec,
    pub clock: Clock,
    /// What was asked of services, and how often they may be asked: for all steps.
    pub asking: Arc<Asking>,
}

/// One machine of one site.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    pub name: String,
    /// The site that it belongs to.
    pub site: String,
    /// How it is asked; `None` where nothing is run on it.
    pub reach: Option<Reach>,
    /// Its own addresses, as the public sees them.
    pub addresses: Vec<IpAddr>,
    /// Addresses of proxies that lead the public to it, and perhaps to other hosts too.
    pub proxy: Vec<IpAddr>,
    /// Access logs of its web servers.
    pub access_log: Vec<String>,
    /// The hosts of the other site whose work it takes over.
    pub stands_in_for: Vec<String>,
    /// What it does; a host of the same role at the other site can do it too.
    pub role: Option<String>,
    /// Connect there instead: port forwards, tests.
    pub detours: BTreeMap<SocketAddr, SocketAddr>,
}

impl Host {
    /// Every address at which the public reaches it: its own, and those of its proxies.
    pub fn public(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.addresses.iter().chain(&self.proxy).copied()
    }

    /// Where to connect for one of its public addresses and ports.
    pub fn connect_to(&self, at: SocketAddr) -> SocketAddr {
        self.detours.get(&at).copied().unwrap_or(at)
    }
}

/// What users use: names, and the probes that show that it works.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    pub name: String,
    /// Fully qualified, lower case, without the last dot.
    pub names: Vec<String>,
    pub probes: Vec<Probe>,
    /// The hosts that offer it; empty means every host of the site.
    pub hosts: Vec<String>,
}

/// One assertion about a service. A probe that asserts nothing cannot be built.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    Http(HttpProbe),
    Tcp {
        port: u16,
        send: Option<String>,
        /// Text that must come within the time-out; without it the connection itself is the assertion.
        expect: Option<String>,
    },
    Rsync {
        module: String,
        port: u16,
    },
}

/// An HTTP request and what its answer must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HttpProbe {
    /// Begins with `/`.
    pub path: String,
    pub tls: bool,
    pub port: u16,
    /// One status, or none for any of 200 to 299.
    pub status: Option<u16>,
    pub contains: Option<String>,
    /// Header name and a text that its value must contain.
    pub header: Vec<(String, String)>,
    /// Slower than this is a warning, in milliseconds.
    pub slower_than_ms: Option<u64>,
    /// A PEM file of certificates that are trusted besides the system's: authorities, or the server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
}

/// A DNS zone and the provider that can write it.
#[derive(Clone)]
pub struct Zone {
    /// Lower case, without the last dot.
    pub name: String,
    /// The provider's id in the playbook.
    pub provider_name: String,
    pub provider: Arc<dyn Provider>,
    /// Authoritative servers, where the delegation cannot be asked.
    pub servers: Vec<SocketAddr>,
    /// Caches to watch: none given means the system's, an empty list none at all.
    pub resolvers: Option<Vec<SocketAddr>>,
}

/// Which side shall be active: the one thing that a judgement depends on besides the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aim {
    /// The site that shall serve: the target on the way there, the source on the way back.
    pub active: String,
    /// The other one.
    pub idle: String,
    /// Whether the names lead to `active` already (a check after the change), or will (before it).
    pub moved: bool,
}

impl Aim {
    pub fn there(direction: &Direction, moved: bool) -> Aim {
        Aim {
            active: direction.target.clone(),
            idle: direction.source.clone(),
            moved,
        }
    }

    pub fn back(direction: &Direction, moved: bool) -> Aim {
        Aim {
            active: direction.source.clone(),
            idle: direction.target.clone(),
            moved,
        }
    }
}

impl Site {
    /// The hosts of one site, by name.
    pub fn hosts_of<'a>(&'a self, site: &'a str) -> impl Iterator<Item = &'a Host> + 'a {
        self.hosts.values().filter(move |host| host.site == site)
    }

    /// The proxies that lead to hosts of both sites: from their addresses nobody can tell which site serves.
    pub fn shared_proxies(&self) -> BTreeSet<IpAddr> {
        let mut sites: BTreeMap<IpAddr, &str> = BTreeMap::new();
        let mut shared = BTreeSet::new();
        for host in self.hosts.values() {
            for ip in &host.proxy {
                if *sites.entry(*ip).or_insert(&host.site) != host.site {
                    shared.insert(*ip);
                }
            }
        }
        shared
    }

    /// The addresses that lead the public to this site, and not to the other one as well.
    pub fn leading_to(&self, site: &str) -> BTreeSet<IpAddr> {
        let shared = self.shared_proxies();
        self.hosts_of(site)
            .flat_map(Host::public)
            .filter(|ip| !shared.contains(ip))
            .collect()
    }

    /// Each host of `active` beside the host of `idle` that it stands in for, or the other way round.
    pub fn pairs<'a>(&'a self, active: &'a str, idle: &'a str) -> Vec<(&'a Host, &'a Host)> {
        let mut pairs = Vec::new();
        for a in self.hosts_of(active) {
            for b in self.hosts_of(idle) {
                if a.stands_in_for.contains(&b.name) || b.stands_in_for.contains(&a.name) {
                    pairs.push((a, b));
                }
            }
        }
        if pairs.is_empty() {
            let (a, b): (Vec<_>, Vec<_>) = (
                self.hosts_of(active).collect(),
                self.hosts_of(idle).collect(),
            );
            if let ([a], [b]) = (a.as_slice(), b.as_slice()) {
                pairs.push((a, b));
            }
        }
        pairs
    }

    /// The zone that a name lies in: the longest that matches.
    pub fn zone_of(&self, name: &str) -> Option<&Zone> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.zones
            .values()
            .filter(|zone| {
                name == zone.name
                    || name
                        .strip_suffix(&zone.name)
                        .is_some_and(|rest| rest.ends_with('.'))
            })
            .max_by_key(|zone| zone.name.len())
    }
}
