//! Probes services at the addresses of a site, or by name as the public reaches them.
//!
//! Each probe at each address is a look of its own, so that an address that is silent holds up no other and
//! the address families are reported apart. The public is looked at by name: the addresses are those that
//! DNS gives now.

mod judge;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use self::judge::{judge_direct, judge_public};
use super::probe::{Family, Reply, Spot, shows_it_is_down};
use crate::event::{Cause, Finding, Unseen};
use crate::field::{Field, Fields, Form};
use crate::plan::Question;
use crate::problem::Problem;
use crate::site::{Aim, Host, Probe, Service, Site};
use crate::step::{
    About, Blocks, Built, Check, Defaults, Evidence, Given, Kind, Look, OnFail, Pulses, Work,
};
use crate::world::names::{self, Address, Asked};

pub(super) static KIND: Kind = Kind {
    name: "services",
    summary: "every probe of every service, at every address of a site or by public name",
    example: r#"[[step]]
id = "works"
kind = "services"
at = "target"
services = "all"
"#,
    fields: &[
        AT,
        Field::new(
            "services",
            Form::Services,
            "Which services; `all` where it is left out",
        ),
    ],
    defaults: DEFAULTS,
    build,
};

pub(super) const AT: Field = Field::new(
    "at",
    Form::Where,
    "Where to ask: `target` (default), `source`, `public` (by name, as users do), or a host",
);

pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) const DEFAULTS: Defaults = Defaults {
    within: Duration::ZERO,
    every: Duration::from_secs(5),
    timeout: TIMEOUT,
    blocks: Blocks::Always,
    on_fail: OnFail::Back,
};

/// How long names may take until they lead to the right side, where the playbook does not say.
const PUBLIC_WITHIN: Duration = Duration::from_secs(360);

fn build(fields: &Fields, given: &Given) -> Result<Built, Vec<Problem>> {
    let at = At::of(fields);
    let chosen = chosen(fields, given);
    let title = match fields.texts("services") {
        [] => format!("probe every service {at}"),
        [all] if all == "all" => format!("probe every service {at}"),
        some => format!("probe {} {at}", some.join(", ")),
    };
    Ok(Probing {
        at,
        what: What::Services(chosen),
        timeout: fields.span("timeout").unwrap_or(TIMEOUT),
    }
    .built(title))
}

/// The ids of the services that a step names; all of them where it names none.
fn chosen(fields: &Fields, given: &Given) -> Vec<String> {
    match fields.texts("services") {
        [] => given.services.to_vec(),
        some if some.iter().any(|id| id == "all") => given.services.to_vec(),
        some => some.to_vec(),
    }
}

/// Where a step asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    Source,
    Target,
    Public,
    Host(String),
}

impl At {
    pub(super) fn of(fields: &Fields) -> At {
        match fields.text("at") {
            None | Some("target") => At::Target,
            Some("source") => At::Source,
            Some("public") => At::Public,
            Some(host) => At::Host(host.to_owned()),
        }
    }

    /// The site whose hosts are asked; none for the public and for one host.
    fn site<'a>(&self, aim: &'a Aim) -> Option<&'a str> {
        match self {
            At::Target => Some(&aim.active),
            At::Source => Some(&aim.idle),
            At::Public | At::Host(_) => None,
        }
    }
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            At::Source => f.write_str("at the source"),
            At::Target => f.write_str("at the target"),
            At::Public => f.write_str("by public name"),
            At::Host(host) => write!(f, "at {host}"),
        }
    }
}

/// What a step asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// Services of the playbook with their own probes.
    Services(Vec<String>),
    /// One probe, for the names and on the hosts of these services.
    OneFor(Vec<String>, Probe),
    /// One probe of the step's own, for these names and on every host.
    Own(Service),
}

impl What {
    /// A probe that stands in a step: for the services or the names that the step gives.
    pub(super) fn one(fields: &Fields, given: &Given, probe: Probe) -> What {
        if fields.has("services") {
            return What::OneFor(chosen(fields, given), probe);
        }
        What::Own(Service {
            name: given.id.to_owned(),
            names: fields
                .texts("names")
                .iter()
                .map(|name| name.trim_end_matches('.').to_ascii_lowercase())
                .collect(),
            probes: vec![probe],
            hosts: Vec::new(),
        })
    }

    fn services(&self, site: &Site) -> Vec<Service> {
        let of = |ids: &[String]| -> Vec<Service> {
            ids.iter()
                .filter_map(|id| site.services.get(id).cloned())
                .collect()
        };
        match self {
            What::Services(ids) => of(ids),
            What::OneFor(ids, probe) => {
                let mut services = of(ids);
                for service in &mut services {
                    service.probes = vec![probe.clone()];
                }
                services
            }
            What::Own(service) => vec![service.clone()],
        }
    }
}

/// A check that probes: the kinds `services`, `http`, `tcp` and `rsync`.
#[derive(Debug)]
pub(super) struct Probing {
    pub(super) at: At,
    pub(super) what: What,
    /// The time-out of one look. A probe ends a little earlier, so that it can say how it ended.
    pub(super) timeout: Duration,
}

impl Probing {
    pub(super) fn built(self, title: String) -> Built {
        Built {
            title,
            probes_old_side: self.at == At::Target,
            after_change: self.at == At::Public,
            answers: match self.at {
                At::Target => Some(Question::Ready),
                At::Public => Some(Question::Moves),
                At::Source | At::Host(_) => None,
            },
            work: Work::Check(Box::new(self)),
        }
    }
}

/// What one look of this check shows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
enum Shown {
    /// One probe at one address of a host.
    Probe { spot: Box<Spot>, reply: Reply },
    /// One side can be reached over an address family and the other cannot.
    Lacks {
        service: String,
        family: String,
        here: String,
        there: String,
    },
    /// Where a name leads, and what answers there.
    Public {
        service: String,
        name: String,
        asked: String,
        leads: Vec<Lead>,
    },
}

/// One address that a name leads to.
#[derive(Debug, Serialize, Deserialize)]
struct Lead {
    address: Address,
    site: Option<String>,
    /// Empty where it leads to the side that shall be idle: what answers there says nothing.
    probes: Vec<(Spot, Reply)>,
}

impl Check for Probing {
    fn looks<'a>(&'a self, site: &'a Site, aim: &'a Aim, _: &'a Pulses) -> Vec<Look<'a>> {
        let mut looks = match self.at {
            At::Public => self.public(site, aim),
            _ => self.direct(site, aim),
        };
        let mut seen = BTreeMap::<String, usize>::new();
        for look in &mut looks {
            let count = seen.entry(look.key.clone()).or_default();
            *count += 1;
            if *count > 1 {
                look.key += &format!(" #{count}");
            }
        }
        looks
    }

    fn judge(&self, aim: &Aim, evidence: &Evidence) -> Finding {
        match self.at {
            At::Public => judge_public(aim, evidence),
            _ => judge_direct(self.at == At::Source, evidence),
        }
    }

    fn within(&self) -> Option<Duration> {
        (self.at == At::Public).then_some(PUBLIC_WITHIN)
    }

    /// A target that does not serve stops every run; what the others show is for a person to weigh.
    fn blocks(&self) -> Option<Blocks> {
        (self.at != At::Target).then_some(Blocks::Planned)
    }
}

fn json(shown: &Shown) -> Result<Json, Unseen> {
    serde_json::to_value(shown).map_err(|error| Unseen::new(Cause::Garbled, error.to_string()))
}

/// A look that need not go anywhere to know its answer.
fn known<'a>(key: String, about: About, answer: Result<Json, Unseen>) -> Look<'a> {
    Look {
        key,
        about,
        ask: async move { answer }.boxed(),
    }
}

/// Whether a host offers a service: it is named, or its counterpart at the other site is.
fn offers(service: &Service, host: &Host, site: &Site) -> bool {
    let named = |name: &String| service.hosts.contains(name);
    service.hosts.is_empty()
        || named(&host.name)
        || host.stands_in_for.iter().any(named)
        || site
            .hosts
            .values()
            .any(|other| named(&other.name) && other.stands_in_for.contains(&host.name))
}

/// The names that a probe is asked for: each of them for HTTP, which carries a name; once otherwise.
fn names_for(service: &Service, probe: &Probe) -> Vec<Option<String>> {
    match probe {
        Probe::Http(_) if !service.names.is_empty() => {
            service.names.iter().cloned().map(Some).collect()
        }
        _ => vec![None],
    }
}

impl Probing {
    /// Every probe at every address of the hosts.
    fn direct<'a>(&'a self, site: &'a Site, aim: &'a Aim) -> Vec<Look<'a>> {
        let timeout = self.timeout.mul_f64(0.9);
        let mut looks = Vec::new();
        for service in self.what.services(site) {
            let hosts: Vec<&Host> = match &self.at {
                At::Host(name) => site.hosts.get(name).into_iter().collect(),
                at => at
                    .site(aim)
                    .into_iter()
                    .flat_map(|name| site.hosts_of(name))
                    .filter(|host| offers(&service, host, site))
                    .collect(),
            };
            let about = |host: &Host| About::Site(host.site.clone());
            if service.probes.is_empty() || hosts.is_empty() {
                let lack = if hosts.is_empty() {
                    "no host offers it there"
                } else {
                    "it has no probes"
                };
                let unseen = Unseen::new(Cause::Missing, lack);
                looks.push(known(service.name.clone(), About::World, Err(unseen)));
                continue;
            }
            if let Some(here) = self.at.site(aim) {
                looks.extend(lacking(&service, &hosts, here, aim, site));
            }
            for host in hosts {
                // Behind a proxy of both sides it may be the other one that answers.
                let shared = site.shared_proxies();
                let addresses = host.public().filter(|ip| !shared.contains(ip));
                let addresses: Vec<IpAddr> = addresses.collect();
                if addresses.is_empty() {
                    let unseen = Unseen::new(Cause::Missing, "the host names no addresses");
                    let key = format!("{} at {}", service.name, host.name);
                    looks.push(known(key, about(host), Err(unseen)));
                }
                for probe in &service.probes {
                    for name in names_for(&service, probe) {
                        for address in &addresses {
                            let spot = Spot {
                                service: service.name.clone(),
                                name: name.clone(),
                                probe: probe.clone(),
                                host: Some(host.name.clone()),
                                site: Some(host.site.clone()),
                                address: *address,
                            };
                            looks.push(Look {
                                key: spot.what(),
                                about: about(host),
                                ask: async move {
                                    match spot.ask(Some(host), timeout).await {
                                        Reply::None(unseen) if !shows_it_is_down(unseen.cause) => {
                                            Err(unseen)
                                        }
                                        reply => json(&Shown::Probe {
                                            spot: Box::new(spot),
                                            reply,
                                        }),
                                    }
                                }
                                .boxed(),
                            });
                        }
                    }
                }
            }
        }
        looks
    }

    /// Every name, by whoever shall be asked for it.
    fn public<'a>(&'a self, site: &'a Site, aim: &'a Aim) -> Vec<Look<'a>> {
        let mut looks = Vec::new();
        for service in self.what.services(site) {
            if service.probes.is_empty() || service.names.is_empty() {
                let lack = if service.names.is_empty() {
                    "it has no names"
                } else {
                    "it has no probes"
                };
                let unseen = Unseen::new(Cause::Missing, lack);
                looks.push(known(service.name.clone(), About::World, Err(unseen)));
                continue;
            }
            for name in service.names.clone() {
                for asked in asked(site, &name) {
                    let (service, name) = (service.clone(), name.clone());
                    looks.push(Look {
                        key: format!("{} {name} by {asked}", service.name),
                        about: About::World,
                        ask: by_name(site, aim, service, name, asked, self.timeout).boxed(),
                    });
                }
            }
        }
        looks
    }
}

/// Who is asked where a name leads: the caches that the zone names, else its servers, else the system.
fn asked(site: &Site, name: &str) -> Vec<Asked> {
    match site.zone_of(name) {
        Some(zone) if !zone.resolvers.is_empty() => zone
            .resolvers
            .iter()
            .copied()
            .map(Asked::Resolver)
            .collect(),
        Some(zone) if !zone.servers.is_empty() => {
            vec![Asked::Authoritative(zone.servers.clone())]
        }
        _ => vec![Asked::System],
    }
}

async fn by_name(
    site: &Site,
    aim: &Aim,
    service: Service,
    name: String,
    asked: Asked,
    timeout: Duration,
) -> Result<Json, Unseen> {
    let addresses = names::addresses(&name, &asked, timeout.mul_f64(0.4)).await?;
    let leads = join_all(addresses.into_iter().map(|address| {
        // A proxy of both sides shows which one it leads to by nothing but the answer.
        let is_there = |host: &&Host| host.public().any(|ip| ip == address.ip);
        let host = (site.hosts_of(&aim.active).find(is_there))
            .or_else(|| site.hosts_of(&aim.idle).find(is_there));
        let (service, name) = (&service, &name);
        async move {
            let left = aim.moved && host.is_some_and(|host| host.site == aim.idle);
            let probes: &[Probe] = if left { &[] } else { &service.probes };
            let probes = join_all(probes.iter().map(|probe| async move {
                let spot = Spot {
                    service: service.name.clone(),
                    name: matches!(probe, Probe::Http(_)).then(|| name.clone()),
                    probe: probe.clone(),
                    host: host.map(|host| host.name.clone()),
                    site: host.map(|host| host.site.clone()),
                    address: address.ip,
                };
                let reply = spot.ask(host, timeout.mul_f64(0.5)).await;
                (spot, reply)
            }))
            .await;
            Lead {
                address,
                site: host.map(|host| host.site.clone()),
                probes,
            }
        }
    }))
    .await;
    json(&Shown::Public {
        service: service.name,
        name,
        asked: asked.to_string(),
        leads,
    })
}

/// Says where one site can be reached over an address family and the hosts here cannot.
fn lacking<'a>(
    service: &Service,
    hosts: &[&Host],
    here: &str,
    aim: &Aim,
    site: &Site,
) -> Vec<Look<'a>> {
    let there = if here == aim.active {
        &aim.idle
    } else {
        &aim.active
    };
    let has = |host: &Host, family| host.public().any(|ip| Family::of(ip) == family);
    Family::BOTH
        .into_iter()
        .filter(|family| {
            let there = site
                .hosts_of(there)
                .any(|host| offers(service, host, site) && has(host, *family));
            there && !hosts.iter().any(|host| has(host, *family))
        })
        .map(|family| {
            let shown = Shown::Lacks {
                service: service.name.clone(),
                family: family.to_string(),
                here: here.to_owned(),
                there: there.clone(),
            };
            let key = format!("{} over {family} at {here}", service.name);
            known(key, About::Site(here.to_owned()), json(&shown))
        })
        .collect()
}

#[cfg(test)]
mod tests;
