//! Kinds of step against real servers.

mod names;
mod services;
mod traffic;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use cutover::clock::Clock;
use cutover::event::{Finding, Unseen};
use cutover::field::{Datum, Fields};
use cutover::site::{Aim, Host, Service, Site};
use cutover::step::{Check, Evidence, Given, Known, Look, Pulses, Work};
use cutover::steps::KINDS;
use cutover::world::exec::{Exec, Reach, Via};
use serde_json::Value as Json;

/// A host whose public addresses lead to servers of the lab.
fn host(name: &str, site: &str, detours: &[(&str, SocketAddr)]) -> Host {
    let detours: BTreeMap<SocketAddr, SocketAddr> = detours
        .iter()
        .map(|(public, at)| (public.parse().unwrap(), *at))
        .collect();
    let mut addresses: Vec<_> = detours.keys().map(SocketAddr::ip).collect();
    addresses.dedup();
    Host {
        name: name.into(),
        site: site.into(),
        reach: Some(Reach {
            name: name.into(),
            via: Via::Local,
            sudo: false,
        }),
        addresses,
        access_log: Vec::new(),
        stands_in_for: Vec::new(),
        role: None,
        proxy: Vec::new(),
        detours,
    }
}

fn site(hosts: Vec<Host>, services: Vec<Service>) -> Site {
    Site {
        hosts: hosts
            .into_iter()
            .map(|host| (host.name.clone(), host))
            .collect(),
        services: services
            .into_iter()
            .map(|service| (service.name.clone(), service))
            .collect(),
        zones: BTreeMap::new(),
        exec: Exec::new(),
        clock: Clock::real(),
        asking: Arc::default(),
    }
}

fn aim() -> Aim {
    Aim {
        active: "cloud".into(),
        idle: "dedicated".into(),
        moved: true,
    }
}

/// A check as a playbook would build it.
fn check(kind: &str, site: &Site, values: Vec<(&'static str, Datum)>) -> Box<dyn Check> {
    let mut fields = Fields::new(0..1);
    for (key, datum) in values {
        fields.insert(key, datum, 0..1);
    }
    let services: Vec<String> = site.services.keys().cloned().collect();
    let hosts: Vec<String> = site.hosts.keys().cloned().collect();
    let given = Given {
        id: "step",
        services: &services,
        hosts: &hosts,
    };
    let kind = KINDS.iter().find(|known| known.name == kind).unwrap();
    match (kind.build)(&fields, &given).map(|built| built.work) {
        Ok(Work::Check(check)) => check,
        Ok(_) => panic!("{} is no check", kind.name),
        Err(problems) => panic!("{problems:?}"),
    }
}

fn text(text: &str) -> Datum {
    Datum::Text(text.into())
}

async fn taken(looks: Vec<Look<'_>>) -> Vec<(String, Result<Json, Unseen>)> {
    let looks = looks
        .into_iter()
        .map(|look| async move { (look.key, look.ask.await) });
    futures::future::join_all(looks).await
}

/// Looks at everything, and judges it.
async fn judged(check: &dyn Check, site: &Site) -> Finding {
    let (aim, pulses) = (aim(), Pulses::none());
    let items = taken(check.looks(site, &aim, &pulses))
        .await
        .into_iter()
        .map(|(key, seen)| (key, seen.map_or_else(Known::Unseen, Known::Live)))
        .collect();
    let evidence = Evidence {
        items,
        baseline: Vec::new(),
    };
    check.judge(&aim, &evidence)
}
