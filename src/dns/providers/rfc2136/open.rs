//! A zone as a server hands it to anybody, without a signature: what it tells stops a write, and never makes one.

use std::net::SocketAddr;
use std::time::Duration;

use super::message;
use super::reply::{Entry, Reply, SOA};
use super::transfer::listing;
use crate::dns::Listing;
use crate::world::wire::Wire;

/// How long it may take, and how much of it is read, in bytes.
const PATIENCE: Duration = Duration::from_secs(2);
const LIMIT: usize = 1 << 20;

/// The zone, where the server hands it to everybody and it is not large.
pub(super) async fn listed(server: SocketAddr, zone: &str) -> Option<Listing> {
    let listed = tokio::time::timeout(PATIENCE, transfer(server, zone)).await;
    listed.ok().flatten()
}

async fn transfer(server: SocketAddr, zone: &str) -> Option<Listing> {
    let question = message::transfer(zone).ok()?.to_vec().ok()?;
    let mut wire = Wire::connect(server, PATIENCE).await.ok()?;
    wire.ask(&question).await.ok()?;
    let (mut records, mut others) = (Vec::new(), Vec::new());
    let (mut heads, mut size) = (0, 0);
    while heads < 2 {
        let bytes = wire.receive().await.ok()?;
        size += bytes.len();
        let reply = Reply::read(&bytes).ok()?;
        let answers = &reply.answers;
        heads += answers.iter().filter(|entry| entry.rtype == SOA).count();
        if reply.code != 0 || answers.is_empty() || heads == 0 || size > LIMIT {
            return None;
        }
        records.extend(answers.iter().filter_map(Entry::understood));
        others.extend(answers.iter().filter_map(Entry::other));
    }
    Some(listing(records, others))
}
