//! The zone of the lab and its two name servers: the second follows the first a moment later.
//!
//! The zone is kept in a file, so that what a run changed still stands when the lab is started again.
#![expect(
    clippy::disallowed_methods,
    reason = "the zone of the lab lives in a file of its folder"
)]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hickory_server::Server;
use hickory_server::proto::rr::rdata::{A, AAAA, NS, SOA};
use hickory_server::proto::rr::{LowerName, Name, RData, Record, RecordSet as Served, RrKey};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Notify};

use super::DemoError;
use super::ports::Sockets;
use crate::dns::{RecordKey, RecordSet};

/// How long the second server takes to follow.
const LAG: Duration = Duration::from_millis(1_500);

/// How often the second server looks by itself, where nobody tells it.
const REFRESH: Duration = Duration::from_secs(5);

/// The TTL of what is not moved.
const TTL: u32 = 60;

const SERVERS: [&str; 2] = ["ns1.name-servers.example.", "ns2.name-servers.example."];

/// The zone as its two servers have it.
pub(super) struct Zone {
    name: String,
    file: PathBuf,
    data: Mutex<Data>,
    primary: Arc<InMemoryZoneHandler>,
    secondary: Arc<InMemoryZoneHandler>,
    told: Notify,
}

/// What the file holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Data {
    serial: u32,
    sets: Vec<RecordSet>,
}

/// One record set of a change: what it shall be, or that it shall go.
pub(super) type Change = (RecordKey, Option<RecordSet>);

impl Zone {
    /// The zone as it was left, or as it begins.
    pub(super) async fn open(
        name: &str,
        file: &Path,
        begin: Vec<RecordSet>,
    ) -> Result<Zone, DemoError> {
        let data = match std::fs::read(file) {
            Ok(bytes) => {
                let bad_file = |_| DemoError::BadFile { file: file.into() };
                serde_json::from_slice(&bytes).map_err(bad_file)?
            }
            Err(_) => Data {
                serial: 1,
                sets: begin,
            },
        };
        let bad_file = |_: Unfit| DemoError::BadFile { file: file.into() };
        let records = records(name, &data).map_err(bad_file)?;
        let origin = absolute(name).map_err(bad_file)?;
        let server = |kind| {
            let server = InMemoryZoneHandler::empty(origin.clone(), kind, AxfrPolicy::Deny);
            Arc::new(server)
        };
        let zone = Zone {
            name: name.to_owned(),
            file: file.to_owned(),
            primary: server(ZoneType::Primary),
            secondary: server(ZoneType::Secondary),
            data: Mutex::new(data.clone()),
            told: Notify::new(),
        };
        *zone.primary.records_mut().await = records.clone();
        *zone.secondary.records_mut().await = records;
        save(file, &data).map_err(DemoError::io(format!("write `{}`", file.display())))?;
        Ok(zone)
    }

    /// Serves the zone at both servers; it ends when the servers are dropped.
    pub(super) fn serve(&self, primary: Sockets, secondary: Sockets) -> [Server<Catalog>; 2] {
        [
            (Arc::clone(&self.primary), primary),
            (Arc::clone(&self.secondary), secondary),
        ]
        .map(|(handler, sockets)| {
            let mut catalog = Catalog::new();
            let origin = LowerName::from(handler_origin(&self.name));
            catalog.upsert(origin, vec![handler]);
            sockets.name_server(catalog)
        })
    }

    /// The second server, following: told, or at its own pace.
    pub(super) async fn follow(self: Arc<Zone>) {
        loop {
            let _told = tokio::time::timeout(REFRESH, self.told.notified()).await;
            if self.primary.serial().await == self.secondary.serial().await {
                continue;
            }
            tokio::time::sleep(LAG).await;
            let records = self.primary.records().await.clone();
            *self.secondary.records_mut().await = records;
        }
    }

    /// Tells the second server that there is something new.
    pub(super) fn notify(&self) {
        self.told.notify_one();
    }

    /// The record sets as the first server has them, and their serial.
    pub(super) async fn sets(&self) -> (u32, Vec<RecordSet>) {
        let data = self.data.lock().await;
        (data.serial, data.sets.clone())
    }

    /// Whether any record of the zone leads to one of these addresses.
    pub(super) async fn leads_to(&self, addresses: &[IpAddr]) -> bool {
        let data = self.data.lock().await;
        let mut members = data.sets.iter().flat_map(RecordSet::addresses);
        members.any(|ip| addresses.contains(&ip))
    }

    /// Makes all of these changes at the first server, or none.
    pub(super) async fn change(&self, changes: Vec<Change>) -> Result<(), String> {
        let mut data = self.data.lock().await;
        let mut next = data.clone();
        for (key, to) in changes {
            next.sets.retain(|set| set.key != key);
            next.sets.extend(to);
        }
        next.sets.sort_by(|a, b| a.key.cmp(&b.key));
        next.serial += 1;
        let records = records(&self.name, &next).map_err(|Unfit(why)| why)?;
        save(&self.file, &next).map_err(|error| format!("the zone cannot be kept: {error}"))?;
        *self.primary.records_mut().await = records;
        *data = next;
        Ok(())
    }
}

/// The name as the server wants it; it was read when the zone was opened.
fn handler_origin(name: &str) -> Name {
    absolute(name).unwrap_or_else(|_| Name::root())
}

/// Data that no name server takes.
struct Unfit(String);

fn absolute(name: &str) -> Result<Name, Unfit> {
    let mut parsed =
        Name::from_ascii(name).map_err(|_| Unfit(format!("`{name}` is no domain name")))?;
    parsed.set_fqdn(true);
    Ok(parsed)
}

fn save(file: &Path, data: &Data) -> std::io::Result<()> {
    let bytes = serde_json::to_vec_pretty(data).map_err(std::io::Error::other)?;
    let new = file.with_extension("new");
    std::fs::write(&new, bytes)?;
    std::fs::rename(&new, file)
}

/// Everything that the servers serve: the record sets, and what each zone has at its top.
fn records(name: &str, data: &Data) -> Result<BTreeMap<RrKey, Arc<Served>>, Unfit> {
    let origin = absolute(name)?;
    let mut all: Vec<Record> = Vec::new();
    for server in SERVERS {
        let target = NS(absolute(server)?);
        all.push(Record::from_rdata(origin.clone(), TTL, RData::NS(target)));
    }
    let soa = SOA::new(
        absolute(SERVERS[0])?,
        absolute(&format!("hostmaster.{name}"))?,
        data.serial,
        5,
        2,
        86_400,
        1,
    );
    all.push(Record::from_rdata(origin, TTL, RData::SOA(soa)));
    for set in &data.sets {
        let owner = absolute(&set.key.name)?;
        for ip in set.addresses() {
            let member = match ip {
                IpAddr::V4(ip) => RData::A(A(ip)),
                IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
            };
            all.push(Record::from_rdata(owner.clone(), set.ttl, member));
        }
    }
    let mut sets: BTreeMap<RrKey, Served> = BTreeMap::new();
    for record in all {
        let key = RrKey::new(LowerName::from(&record.name), record.record_type());
        match sets.get_mut(&key) {
            Some(set) => {
                set.insert(record, data.serial);
            }
            None => {
                sets.insert(key, Served::from(record));
            }
        }
    }
    Ok((sets.into_iter())
        .map(|(key, set)| (key, Arc::new(set)))
        .collect())
}
