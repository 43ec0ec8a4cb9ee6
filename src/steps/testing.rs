//! What the tests of several kinds share: hosts, probes, and a site with one host on each side and one zone, whose provider is a map in memory.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::clock::Clock;
use crate::dns::providers::Limits;
use crate::dns::{Grounds, Holds, Honesty, Listing, Other, Provider, RecordKey, RecordSet};
use crate::event::{Answer, Cause, Unseen};
use crate::journal::Permit;
use crate::plan::Value;
use crate::site::{Host, HttpProbe, Service, Site, Zone};
use crate::world::exec::Exec;

/// A provider in memory.
pub(crate) struct Book {
    honesty: Honesty,
    sets: Mutex<BTreeMap<RecordKey, RecordSet>>,
    fails: AtomicBool,
    pub(crate) grounds: Grounds,
    /// The name server that takes its writes.
    pub(crate) at: Option<SocketAddr>,
    /// What it holds beside the sets.
    pub(crate) others: Vec<Other>,
    /// Sets that it answers with, and does not hold.
    pub(crate) made_up: Vec<RecordSet>,
    /// It answers for names, and does not list the zone.
    pub(crate) unlisted: bool,
}

impl Book {
    pub(crate) fn new(honesty: Honesty, sets: &[(&str, &[&str])]) -> Arc<Book> {
        let sets = sets.iter().map(|(key, data)| {
            let key: RecordKey = key.parse().unwrap();
            (key.clone(), RecordSet::new(key, 300, *data).unwrap())
        });
        Arc::new(Book {
            honesty,
            sets: Mutex::new(sets.collect()),
            fails: AtomicBool::new(false),
            grounds: Grounds::default(),
            at: None,
            others: Vec::new(),
            made_up: Vec::new(),
            unlisted: false,
        })
    }

    pub(crate) fn replace(&self, value: &Value) {
        let mut sets = self.sets.lock().unwrap();
        for set in RecordSet::sets_of(value).unwrap() {
            sets.insert(set.key.clone(), set);
        }
    }

    /// From now on nothing can be read.
    pub(crate) fn fail(&self) {
        self.fails.store(true, Ordering::Relaxed);
    }

    fn sets(&self) -> Result<Vec<RecordSet>, Unseen> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(Unseen::new(Cause::TimedOut, "the provider did not answer"));
        }
        Ok(self.sets.lock().unwrap().values().cloned().collect())
    }
}

impl Provider for Book {
    fn written_at(&self) -> Option<SocketAddr> {
        self.at
    }

    fn list<'a>(&'a self, _zone: &'a str) -> BoxFuture<'a, Result<Listing, Unseen>> {
        async {
            if self.unlisted {
                return Err(Unseen::new(Cause::Denied, "it may not be listed"));
            }
            Ok(Listing {
                sets: self.sets()?,
                others: self.others.clone(),
                ..Listing::default()
            })
        }
        .boxed()
    }

    fn others<'a>(
        &'a self,
        _zone: &'a str,
        names: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Other>, Unseen>> {
        let asked = self
            .others
            .iter()
            .filter(|other| names.contains(&other.name));
        let unread = |other: &&Other| matches!(other.holds, Holds::Unread(_));
        let told = match asked.clone().any(|other| unread(&other)) {
            true => Err(Unseen::new(Cause::TimedOut, "nobody answered")),
            false => Ok(asked.cloned().collect()),
        };
        std::future::ready(told).boxed()
    }

    fn read<'a>(
        &'a self,
        _zone: &'a str,
        keys: &'a [RecordKey],
    ) -> BoxFuture<'a, Result<Vec<RecordSet>, Unseen>> {
        async {
            let mut sets = self.sets()?;
            sets.extend(self.made_up.iter().cloned());
            sets.retain(|set| keys.contains(&set.key));
            Ok(sets)
        }
        .boxed()
    }

    fn grounds<'a>(
        &'a self,
        _zone: &'a str,
        _keys: &'a [RecordKey],
    ) -> BoxFuture<'a, Result<Grounds, Unseen>> {
        async { Ok(self.grounds.clone()) }.boxed()
    }

    /// It refuses what the grounds speak against, and a TTL of zero.
    fn judge(
        &self,
        _zone: &str,
        grounds: &Grounds,
        _from: &Value,
        to: &Value,
    ) -> Result<(), Vec<String>> {
        let sets = RecordSet::sets_of(to).unwrap();
        let keys: Vec<RecordKey> = sets.iter().map(|set| set.key.clone()).collect();
        let mut reasons = grounds.against(&keys);
        let zero = sets.iter().filter(|set| set.ttl == 0);
        reasons.extend(zero.map(|set| format!("`{}` has no TTL", set.key)));
        match reasons.is_empty() {
            true => Ok(()),
            false => Err(reasons),
        }
    }

    fn write<'a>(&'a self, _zone: &'a str, permit: Permit<'a>) -> BoxFuture<'a, Answer> {
        self.replace(permit.to());
        async {
            Answer::Done {
                note: String::new(),
            }
        }
        .boxed()
    }

    fn limits(&self) -> Limits {
        Limits {
            honesty: self.honesty,
            smallest_ttl: 30,
            cut: |sets| vec![sets],
            messages: 1,
        }
    }

    fn commands(&self, _zone: &str, _from: &Value, _to: &Value) -> Vec<String> {
        vec!["edit the book".into()]
    }
}

/// A host that nobody can reach but at its addresses.
pub(crate) fn host(name: &str, site: &str, addresses: &[&str]) -> Host {
    Host {
        name: name.into(),
        site: site.into(),
        reach: None,
        addresses: addresses.iter().map(|ip| ip.parse().unwrap()).collect(),
        access_log: Vec::new(),
        stands_in_for: Vec::new(),
        role: None,
        proxy: Vec::new(),
        detours: BTreeMap::new(),
    }
}

/// A probe that asks for `/` over TLS and asserts nothing.
pub(crate) fn http_probe() -> HttpProbe {
    HttpProbe {
        path: "/".into(),
        tls: true,
        port: 443,
        status: None,
        contains: None,
        header: Vec::new(),
        slower_than_ms: None,
        ca: None,
    }
}

pub(crate) fn site(book: Arc<Book>) -> Site {
    let website = Service {
        name: "website".into(),
        names: ["example.org", "www.example.org", "www.example.net"]
            .map(str::to_owned)
            .to_vec(),
        probes: Vec::new(),
        hosts: Vec::new(),
    };
    let zone = Zone {
        name: "example.org".into(),
        provider_name: "book".into(),
        provider: book,
        servers: Vec::new(),
        resolvers: None,
    };
    Site {
        hosts: [
            host("primary", "dedicated", &["192.0.2.10", "2001:db8::10"]),
            host("standby", "cloud", &["198.51.100.20", "2001:db8:1::20"]),
        ]
        .map(|host| (host.name.clone(), host))
        .into(),
        services: [("website".to_owned(), website)].into(),
        zones: [(zone.name.clone(), zone)].into(),
        exec: Exec::new(),
        clock: Clock::real(),
        asking: Arc::default(),
    }
}
