//! The kind `propagation`: every authoritative server, every address of it, UDP and TCP; then the caches.
//!
//! What counts is the whole set of addresses at each server, seen in answers of its own authority. A server
//! that still hands out an address of the idle side is late; one that cannot tell is unknown, never new. An address
//! that turns new counts after 50 new answers in a row, over all looks, or after 120 where an old one came between:
//! behind it there may be several servers.

mod caches;
mod judge;
mod lack;
mod memory;
mod outside;
mod seen;
mod signatures;
mod steady;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use serde_json::Value as Json;

pub(crate) use self::caches::in_caches;
use self::memory::{Memory, Moves};
use self::seen::{Answers, Asked, Role, Sighting, Told, differences};
use super::dns::names_of;
use crate::dns::{RecordKey, RecordType};
use crate::event::{Cause, Finding, Unseen};
use crate::field::{Field, Fields, Form};
use crate::plan::Question;
use crate::problem::Problem;
use crate::site::{Aim, Host, Site, Zone};
use crate::step::{
    About, Before, Blocks, Built, Check, Defaults, Evidence, Given, Kind, Look, Moving, OnFail,
    Pulses, Work,
};
use crate::world::delegation::{self, NameServer};
use crate::world::dns;

pub(super) static KIND: Kind = Kind {
    name: "propagation",
    summary: "every authoritative server at every address serves the new records; then the caches",
    example: r#"[[step]]
id = "published"
kind = "propagation"
within = "10m"
"#,
    fields: &[
        Field::new(
            "services",
            Form::Services,
            "the services whose names are asked for; default: all, where `names` is not given either",
        ),
        Field::new("names", Form::Names, "further names that are asked for"),
        Field::new(
            "floor",
            Form::Span,
            "how long some caches keep a record whatever its TTL says; default: 30s",
        ),
    ],
    defaults: Defaults {
        within: Duration::from_secs(600),
        every: Duration::from_secs(2),
        timeout: Duration::from_secs(10),
        blocks: Blocks::Planned,
        on_fail: OnFail::Back,
    },
    build,
};

/// How long one question may take, at most.
const PATIENCE: Duration = Duration::from_millis(2500);

/// How many questions to one server are under way at once.
const AT_ONCE: usize = 32;

fn build(fields: &Fields, given: &Given) -> Result<Built, Vec<Problem>> {
    let named = fields.has("services") || fields.has("names");
    let services = match named {
        true => fields.texts("services").to_vec(),
        false => given.services.to_vec(),
    };
    let timeout = fields.span("timeout").unwrap_or(KIND.defaults.timeout);
    let work = Propagation {
        services,
        names: fields.texts("names").to_vec(),
        floor: fields.span("floor").unwrap_or(Duration::from_secs(30)),
        within: fields.span("within").unwrap_or(KIND.defaults.within),
        patience: PATIENCE.min(timeout / 4),
        pause: steady::PAUSE.min(timeout / 20),
        budget: timeout / 3,
        memory: Mutex::default(),
    };
    Ok(Built {
        title: "every name server has the new records, then the caches".into(),
        work: Work::Check(Box::new(work)),
        probes_old_side: false,
        after_change: true,
        answers: Some(Question::Moves),
    })
}

/// The check.
#[derive(Debug)]
struct Propagation {
    services: Vec<String>,
    names: Vec<String>,
    floor: Duration,
    /// How long it looks again after the change.
    within: Duration,
    patience: Duration,
    /// Between two looks at an address that is asked again.
    pause: Duration,
    /// How long after the beginning of a look it is still asked again.
    budget: Duration,
    memory: Mutex<Memory>,
}

/// What the looks at one zone share.
#[derive(Clone)]
struct Round<'a> {
    check: &'a Propagation,
    site: &'a Site,
    aim: &'a Aim,
    zone: &'a Zone,
    /// Of the names that were given; the caches are asked for these.
    keys: Arc<Vec<RecordKey>>,
    /// These, and what else the run moves: the name servers are asked for all of it.
    all: Arc<Vec<RecordKey>>,
    pulse: &'a Pulses,
}

impl Propagation {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Check for Propagation {
    fn looks<'a>(&'a self, site: &'a Site, aim: &'a Aim, pulse: &'a Pulses) -> Vec<Look<'a>> {
        let mut zones: BTreeMap<&str, (&Zone, Vec<RecordKey>)> = BTreeMap::new();
        let mut outside = Vec::new();
        for name in names_of(site, &self.services, &self.names) {
            match site.zone_of(&name) {
                Some(zone) => {
                    let (_, keys) = zones.entry(&zone.name).or_insert((zone, Vec::new()));
                    keys.extend(
                        [RecordType::A, RecordType::Aaaa].map(|t| RecordKey::new(&name, t)),
                    );
                }
                None => outside.push(name),
            }
        }
        let memory = self.memory();
        let moves = &memory.moves;
        let mut moved: BTreeMap<&str, Vec<RecordKey>> = BTreeMap::new();
        for key in moves.moved.iter().chain(&moves.already) {
            if let Some(zone) = site.zone_of(&key.name) {
                let (_, named) = zones.entry(&zone.name).or_insert((zone, Vec::new()));
                if !named.contains(key) {
                    moved.entry(&zone.name).or_default().push(key.clone());
                }
            }
        }
        let mut looks = Vec::new();
        for (zone, mut keys) in zones.into_values() {
            let mut moved = moved.remove(zone.name.as_str()).unwrap_or_default();
            keys.retain(|key| moves.is_asked(aim, key));
            moved.retain(|key| moves.is_asked(aim, key));
            if keys.is_empty() && moved.is_empty() {
                continue;
            }
            let round = Round {
                check: self,
                site,
                aim,
                zone,
                all: Arc::new(keys.iter().cloned().chain(moved).collect()),
                keys: Arc::new(keys),
                pulse,
            };
            round.looks(&mut looks);
        }
        looks.extend(outside.into_iter().map(|name| {
            look(format!("{name} in no zone"), async move {
                let seen = outside::look(site, aim, name, self.patience).await;
                serde_json::to_value(seen)
                    .map_err(|error| Unseen::new(Cause::Garbled, error.to_string()))
            })
        }));
        looks
    }

    fn expect(&self, moves: &Moving<'_>) {
        let keys = |parts: &[&String]| -> BTreeSet<RecordKey> {
            (parts.iter())
                .filter_map(|part| part.parse().ok())
                .collect()
        };
        let already = keys(&moves.already);
        self.memory().moves = Moves {
            target: moves.target.to_owned(),
            moved: keys(&moves.changed),
            stay: already.iter().map(|key| key.name.clone()).collect(),
            already,
        };
    }

    fn judge(&self, aim: &Aim, evidence: &Evidence) -> Finding {
        lack::told(judge::judge(aim, evidence, self.floor), evidence)
    }

    fn before(&self) -> Option<&dyn Before> {
        Some(self)
    }

    /// A look asks every server several times itself.
    fn repeats(&self) -> bool {
        false
    }
}

/// Which TTLs caches may hold is known only from what was served before the change.
impl Before for Propagation {
    fn foresee(&self, aim: &Aim, evidence: &Evidence) -> Finding {
        lack::told(judge::foresee(aim, evidence, self.within), evidence)
    }
}

fn look<'a>(key: String, ask: impl Future<Output = Result<Json, Unseen>> + Send + 'a) -> Look<'a> {
    Look {
        key,
        about: About::World,
        ask: ask.boxed(),
    }
}

impl<'a> Round<'a> {
    /// One look for each authoritative server that is given, or one for those that the delegation names;
    /// one for each resolver; one for the provider.
    fn looks(self, looks: &mut Vec<Look<'a>>) {
        let zone = self.zone;
        let name = &zone.name;
        if zone.servers.is_empty() {
            let round = self.clone();
            looks.push(look(format!("{name} at its name servers"), async move {
                let servers = round.name_servers().await?;
                let asked = (servers.iter())
                    .flat_map(|server| server.addresses.iter().map(|at| (&server.name, *at)));
                let asked = asked.map(|(name, at)| round.authoritative(format!("{name} {at}"), at));
                let asked = join_all(asked).await;
                round.sighting(Role::Authoritative, asked, &servers)
            }));
        }
        for at in &zone.servers {
            let round = self.clone();
            looks.push(look(format!("{name} at {at}"), async move {
                let asked = round.authoritative(at.to_string(), *at).await;
                round.sighting(Role::Authoritative, vec![asked], &[])
            }));
        }
        let caches = zone.resolvers.iter().flatten();
        for at in caches.filter(|_| !self.keys.is_empty()) {
            let round = self.clone();
            looks.push(look(format!("{name} at resolver {at}"), async move {
                let asked = round.resolver(*at).await;
                round.sighting(Role::Resolver, vec![asked], &[])
            }));
        }
        if zone.resolvers.is_none() && !self.keys.is_empty() {
            let round = self.clone();
            looks.push(look(format!("{name} at {}", judge::SYSTEM), async move {
                let resolvers = delegation::system_resolvers()?;
                let asked = join_all(resolvers.iter().map(|at| round.resolver(*at))).await;
                round.sighting(Role::SystemResolver, asked, &[])
            }));
        }
        looks.push(look(
            format!("{name} at provider {}", zone.provider_name),
            async move { self.provider().await },
        ));
    }

    /// The name servers of the zone; looked for until all of their addresses are found, and kept from then on.
    async fn name_servers(&self) -> Result<Arc<Vec<NameServer>>, Unseen> {
        let zone = &self.zone.name;
        if let Some(servers) = self.check.memory().servers.get(zone) {
            return Ok(servers.clone());
        }
        let resolvers = delegation::resolvers_or_system(self.zone.resolvers.as_deref())?;
        let patience = self.check.patience;
        let found = delegation::delegation(zone, &resolvers, delegation::PORT, patience).await?;
        if found.iter().all(|server| server.addresses.is_empty()) {
            let detail = format!("no name server of `{zone}` has an address");
            return Err(Unseen::new(Cause::NoName, detail));
        }
        let found = Arc::new(found);
        if found.iter().all(|server| server.unseen.is_none()) {
            let mut memory = self.check.memory();
            memory.servers.insert(zone.clone(), found.clone());
        }
        Ok(found)
    }

    /// Asks one server every question without recursion, and one of them over TCP too.
    async fn authoritative(&self, name: String, at: SocketAddr) -> Asked {
        let over_tcp = async {
            let key = self.all.first()?;
            Some(self.ask_tcp(at, key).await)
        };
        let (answers, over_tcp) = futures::join!(self.ask_all(at, &self.all, false), over_tcp);
        let mut asked = Asked::new(name, at, answers, self.site.clock.now());
        asked.over_tcp = over_tcp;
        self.steadily(&mut asked, Role::Authoritative).await;
        if !self.aim.moved {
            asked.soa = self.soa(&asked.server, at).await;
        }
        let over_tcp = !matches!(asked.over_tcp, Some(Err(_)));
        if over_tcp && (!self.aim.moved || asked.new_since.is_some()) {
            self.signatures(&mut asked).await;
        }
        self.remember(&asked);
        asked
    }

    async fn resolver(&self, at: SocketAddr) -> Asked {
        let answers = self.ask_all(at, &self.keys, true).await;
        let mut asked = Asked::new(at.to_string(), at, answers, self.site.clock.now());
        self.steadily(&mut asked, Role::Resolver).await;
        asked
    }

    /// Every question to one server. Where it does not answer the first, the others are not put.
    async fn ask_all(&self, at: SocketAddr, keys: &[RecordKey], rd: bool) -> Answers {
        let mut answers = Vec::with_capacity(keys.len());
        let Some((first, rest)) = keys.split_first() else {
            return answers;
        };
        let told = self.ask(at, first, rd).await;
        if let Err(unseen) = &told {
            answers.extend(keys.iter().map(|key| (key.clone(), Err(unseen.clone()))));
            return answers;
        }
        answers.push((first.clone(), told));
        for keys in rest.chunks(AT_ONCE) {
            let told = join_all(keys.iter().map(|key| self.ask(at, key, rd))).await;
            answers.extend(keys.iter().cloned().zip(told));
        }
        answers
    }

    async fn ask(&self, at: SocketAddr, key: &RecordKey, rd: bool) -> Result<Told, Unseen> {
        let patience = self.check.patience;
        let seen = dns::ask(at, &key.name, seen::asked_type(key.rtype), rd, patience).await;
        seen.map(Told::from)
    }

    async fn ask_tcp(&self, at: SocketAddr, key: &RecordKey) -> Result<Told, Unseen> {
        let rtype = seen::asked_type(key.rtype);
        let seen = dns::ask_over_tcp(at, &key.name, rtype, false, self.check.patience).await;
        seen.map(Told::from)
    }

    /// Keeps what later looks need: which TTLs this server handed out, and which record sets are there.
    fn remember(&self, asked: &Asked) {
        let zone = &self.zone.name;
        let sites = self.addresses_of_sites();
        let mut memory = self.check.memory();
        for told in asked.told().filter(|told| told.authoritative) {
            for site in sites.keys() {
                let addresses = self.site.leading_to(site);
                let leads = told.addresses.iter().any(|ip| addresses.contains(ip));
                if let Some(ttl) = told.ttl.filter(|_| leads) {
                    let highest = memory.ttls.entry((zone.clone(), site.clone())).or_default();
                    *highest = ttl.max(*highest);
                }
            }
        }
        for (key, told) in &asked.answers {
            if let Ok(told) = told
                && !told.addresses.is_empty()
                && told.cname.is_none()
            {
                memory.existing.insert(key.clone());
            }
        }
        let sides = seen::Sides::new(&sites, self.aim);
        if asked.told().any(|told| sides.is_old(told)) {
            self.pulse
                .note(format!("{} still has the old records", asked.server));
            memory
                .published
                .remove(&(zone.clone(), self.aim.active.clone()));
        }
    }

    fn addresses_of_sites(&self) -> BTreeMap<String, BTreeSet<IpAddr>> {
        [&self.aim.active, &self.aim.idle]
            .map(|site| {
                let hosts = self.site.hosts_of(site);
                (site.clone(), hosts.flat_map(Host::public).collect())
            })
            .into()
    }

    /// `servers` are those that the delegation names, where it was asked.
    fn sighting(
        &self,
        role: Role,
        asked: Vec<Asked>,
        servers: &[NameServer],
    ) -> Result<Json, Unseen> {
        let zone = self.zone.name.clone();
        let old_ttl = {
            let memory = self.check.memory();
            let idle = (zone.clone(), self.aim.idle.clone());
            memory.ttls.get(&idle).copied()
        };
        let sighting = Sighting {
            zone,
            role,
            sites: self.addresses_of_sites(),
            asked,
            notes: differences(servers),
            unseen: (servers.iter())
                .filter_map(|server| Some((server.name.clone(), server.unseen.clone()?)))
                .collect(),
            written_at: self.zone.provider.written_at(),
            old_ttl,
        };
        serde_json::to_value(sighting)
            .map_err(|error| Unseen::new(Cause::Garbled, error.to_string()))
    }

    /// What the provider itself says: published, why not yet, or nothing. Once it has said that all is
    /// published, it is not asked again until a server shows old data.
    async fn provider(&self) -> Result<Json, Unseen> {
        let key = (self.zone.name.clone(), self.aim.active.clone());
        let existing: Vec<RecordKey> = {
            let memory = self.check.memory();
            if memory.published.contains(&key) {
                return Ok(Json::Bool(true));
            }
            let exists = |key: &&RecordKey| memory.existing.contains(key);
            self.all.iter().filter(exists).cloned().collect()
        };
        if existing.is_empty() {
            return Ok(Json::Null);
        }
        let provider = &self.zone.provider;
        match provider.published(&self.zone.name, &existing).await {
            None => Ok(Json::Null),
            Some(Ok(())) => {
                self.check.memory().published.insert(key);
                Ok(Json::Bool(true))
            }
            Some(Err(unseen)) if unseen.cause == Cause::Missing => Ok(Json::String(unseen.detail)),
            Some(Err(unseen)) => Err(unseen),
        }
    }
}

#[cfg(test)]
mod tests;
