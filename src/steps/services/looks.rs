//! Which looks a check that probes takes: every address of a site, or every public name.

use std::net::IpAddr;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use serde_json::Value as Json;

use super::often::{Answer, Asks, Pace};
use super::{At, Lead, Probing, Shown, What, json};
use crate::clock::Stamp;
use crate::event::{Cause, Unseen};
use crate::plan::Outcome;
use crate::site::{Aim, Host, Probe, Service, Site, Zone};
use crate::step::{About, Look};
use crate::steps::probe::{Family, Reply, Spot, literal, shows_it_is_down, verdict};
use crate::world::asking::Since;
use crate::world::names::{self, Asked};

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
    /// How the probes are asked again, given how many there are at one address.
    fn pace(services: &[Service]) -> Pace {
        let probes = |service: &Service| -> usize {
            let names = |probe| names_for(service, probe).len();
            service.probes.iter().map(names).sum()
        };
        Pace::of(services.iter().map(probes).sum())
    }

    /// Every probe at every address of the hosts.
    pub(super) fn direct<'a>(&'a self, site: &'a Site, aim: &'a Aim) -> Vec<Look<'a>> {
        let timeout = self.timeout.mul_f64(0.9);
        let mut looks = Vec::new();
        let services = self.what.services(site);
        let (pace, since) = (Probing::pace(&services), site.asking.since());
        for service in services {
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
            let only = match &self.what {
                What::Own(own) => own.names.iter().find_map(|name| literal(name)),
                _ => None,
            };
            if let Some(only) = only
                && !hosts.iter().any(|host| host.public().any(|ip| ip == only))
            {
                let lack = format!("no host there has the address {only}, which its URL names");
                let unseen = Unseen::new(Cause::Missing, lack);
                looks.push(known(service.name.clone(), About::World, Err(unseen)));
                continue;
            }
            if only.is_none()
                && let Some(here) = self.at.site(aim)
            {
                looks.extend(lacking(&service, &hosts, here, aim, site));
            }
            for host in hosts {
                // Behind a proxy of both sides it may be the other one that answers.
                let shared = site.shared_proxies();
                let addresses = host.public().filter(|ip| !shared.contains(ip));
                let addresses: Vec<IpAddr> = addresses.collect();
                if addresses.is_empty() {
                    let lack = match host.public().next() {
                        Some(_) => "only a proxy of both sides leads to it",
                        None => "the host names no addresses",
                    };
                    let unseen = Unseen::new(Cause::Missing, lack);
                    let key = format!("{} at {}", service.name, host.name);
                    looks.push(known(key, about(host), Err(unseen)));
                }
                for probe in &service.probes {
                    for name in names_for(&service, probe) {
                        let asked = |ip: &&IpAddr| only.is_none_or(|only| only == **ip);
                        for address in addresses.iter().filter(asked) {
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
                                    let until = site.clock.now().plus(timeout);
                                    let how = (timeout, until, pace);
                                    match probe_at(site, &spot, Some(host), since, how).await {
                                        Answer {
                                            reply: Reply::None(unseen),
                                            better: 0,
                                            ..
                                        } if !shows_it_is_down(unseen.cause) => Err(unseen),
                                        answer => json(&Shown::Probe {
                                            spot: Box::new(spot),
                                            answer,
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
    pub(super) fn public<'a>(&'a self, site: &'a Site, aim: &'a Aim) -> Vec<Look<'a>> {
        let mut looks = Vec::new();
        let services = self.what.services(site);
        let (pace, since) = (Probing::pace(&services), self.phase.since(site, aim));
        for service in services {
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
                        ask: self
                            .by_name((site, aim), service, name, asked, (pace, since))
                            .boxed(),
                    });
                }
            }
        }
        looks
    }

    /// Where a name leads, and what answers there.
    async fn by_name(
        &self,
        (site, aim): (&Site, &Aim),
        service: Service,
        name: String,
        asked: Asked,
        (pace, since): (Pace, Since),
    ) -> Result<Json, Unseen> {
        let timeout = self.timeout;
        let until = &site.clock.now().plus(timeout.mul_f64(0.95));
        let addresses = names::addresses(&name, &asked, timeout.mul_f64(0.4)).await?;
        let proxies = site.shared_proxies();
        let leads = join_all(addresses.into_iter().map(|address| {
            let is_there = |host: &&Host| host.public().any(|ip| ip == address.ip);
            let host = (site.hosts_of(&aim.active).find(is_there))
                .or_else(|| site.hosts_of(&aim.idle).find(is_there));
            // Users come by a proxy of both sides, so it is asked; whose answer it gives nobody can tell.
            let shared = proxies.contains(&address.ip);
            let known = host.filter(|_| !shared);
            let (service, name) = (&service, &name);
            async move {
                let left = aim.moved && known.is_some_and(|host| host.site == aim.idle);
                let probes: &[Probe] = if left { &[] } else { &service.probes };
                let probes = join_all(probes.iter().map(|probe| async move {
                    let spot = Spot {
                        service: service.name.clone(),
                        name: matches!(probe, Probe::Http(_)).then(|| name.clone()),
                        probe: probe.clone(),
                        host: known.map(|host| host.name.clone()),
                        site: known.map(|host| host.site.clone()),
                        address: address.ip,
                    };
                    let how = (timeout.mul_f64(0.5), until.clone(), pace);
                    let answer = probe_at(site, &spot, host, since, how).await;
                    if verdict(&spot.probe, &answer.reply).0 > Outcome::Warn {
                        self.phase.suspects();
                    }
                    (spot, answer)
                }))
                .await;
                Lead {
                    address,
                    site: known.map(|host| host.site.clone()),
                    shared,
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
}

/// Who is asked where a name leads: the caches that the zone names, else its servers, else the system.
fn asked(site: &Site, name: &str) -> Vec<Asked> {
    match site.zone_of(name) {
        Some(Zone {
            resolvers: Some(resolvers),
            ..
        }) if !resolvers.is_empty() => resolvers.iter().copied().map(Asked::Resolver).collect(),
        Some(zone) if !zone.servers.is_empty() => {
            vec![Asked::Authoritative(zone.servers.clone())]
        }
        _ => vec![Asked::System],
    }
}

/// Asks one probe, once for all looks that began before that.
async fn probe_at(
    site: &Site,
    spot: &Spot,
    host: Option<&Host>,
    since: Since,
    (timeout, until, pace): (Duration, Stamp, Pace),
) -> Answer {
    let at = host.map_or(spot.at(), |host| host.connect_to(spot.at()));
    let question = format!("{} {at} {:?} {:?}", spot.at(), spot.name, spot.probe);
    let ask = async {
        let clock = &site.clock;
        let server = site.asking.server(spot.address, &clock.now());
        let asks = Asks {
            probe: &spot.probe,
            once: |timeout| spot.ask(host, timeout).boxed(),
            server: &server,
            port: spot.at().port(),
            clock,
            timeout,
            until,
            pace,
        };
        serde_json::to_value(asks.ask().await).unwrap_or_default()
    };
    let answer = site.asking.once(&question, since, ask).await;
    serde_json::from_value(answer)
        .unwrap_or_else(|error| Reply::None(Unseen::new(Cause::Garbled, error.to_string())).into())
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
