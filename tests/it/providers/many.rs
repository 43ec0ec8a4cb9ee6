//! Many record sets of a zone, which are read by transfers that several reads share.

use std::fmt::Write as _;
use std::net::SocketAddr;

use cutover::dns::{Provider, RecordKey, RecordSet};

use super::{TEXT, ZONE, done, refused, rfc2136, set, write};
use crate::lab::dns::{Bind, Knot, PowerDns, Tsig};
use crate::lab::have;
use crate::lab::relay::{Fate, Relay};

const SETS: usize = 200;

fn text() -> String {
    let mut text = TEXT.to_owned();
    for n in 0..SETS {
        writeln!(text, "h{n} 300 IN A 192.0.2.10").unwrap();
    }
    text
}

fn sets(ttl: u32, address: &str) -> Vec<RecordSet> {
    let name = |n| format!("h{n}.lab.example. A");
    (0..SETS).map(|n| set(&name(n), ttl, &[address])).collect()
}

async fn all(provider: &dyn Provider) -> Vec<RecordSet> {
    let keys: Vec<RecordKey> = sets(0, "192.0.2.1")
        .into_iter()
        .map(|set| set.key)
        .collect();
    let mut sets = provider.read(ZONE, &keys).await.unwrap();
    sets.sort_by_key(|set| keys.iter().position(|key| *key == set.key));
    sets
}

/// What somebody else writes right after one read is in the next, and stops a write that goes by the first: a TTL too,
/// which no update compares.
async fn what_others_write_is_seen(at: SocketAddr, key: &Tsig) {
    let dir = tempfile::tempdir().unwrap();
    let [ours, theirs] = [(); 2].map(|()| rfc2136(dir.path(), at, key));
    let (before, after) = (sets(300, "192.0.2.10"), sets(60, "198.51.100.20"));
    assert_eq!(all(&*ours).await, before);
    let mut odd = before.clone();
    odd[7].ttl = 77;
    done(write(&*theirs, &before[7..8], &odd[7..8]).await);
    assert_eq!(all(&*ours).await, odd);
    done(write(&*theirs, &odd[7..8], &before[7..8]).await);
    assert_eq!(all(&*ours).await, before);
    done(write(&*theirs, &before[7..8], &odd[7..8]).await);
    let why = refused(write(&*ours, &before, &after).await);
    assert!(
        why.contains("somebody else") && why.contains("TTL 77"),
        "{why}"
    );

    // What this one writes itself, too; and its way back.
    assert_eq!(all(&*ours).await, odd);
    done(write(&*ours, &odd, &after).await);
    assert_eq!(all(&*ours).await, after);
    done(write(&*ours, &after, &before).await);
    assert_eq!(all(&*ours).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_between_two_reads_is_seen() {
    let key = Tsig::new("cutover");
    let text = text();
    if have(&["named"]) {
        let server = Bind::primary(&[(ZONE, &text)], &key);
        what_others_write_is_seen(server.v4, &key).await;
    }
    if have(&["knotd"]) {
        let server = Knot::primary(&[(ZONE, &text)], &key);
        what_others_write_is_seen(server.v6, &key).await;
    }
    if have(&["pdns_server"]) {
        let server = PowerDns::primary(&[(ZONE, &text)], &key);
        what_others_write_is_seen(server.v4, &key).await;
    }
}

/// Of what nobody has written since, only the serial is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_zone_that_stays_as_it_is_is_transferred_once() {
    if !have(&["named"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = Bind::primary(&[(ZONE, &text())], &key);
    let relay = Relay::start(server.v4, |_| false, Fate::Silence);
    let provider = rfc2136(dir.path(), relay.at, &key);
    let before = sets(300, "192.0.2.10");
    assert_eq!(all(&*provider).await, before);
    let once = relay.handed();
    // On a busy machine more than the moment may pass for which the serial is taken at its word.
    let mut costs = Vec::new();
    while costs.iter().all(|cost| *cost > once / 2) && costs.len() < 20 {
        let begun = relay.handed();
        assert_eq!(all(&*provider).await, before);
        costs.push(relay.handed() - begun);
    }
    assert!(costs.last() < Some(&(once / 2)), "{costs:?} after {once}");
    // What may have changed is read anew.
    let after = sets(60, "198.51.100.20");
    done(write(&*provider, &before, &after).await);
    let written = relay.handed();
    assert_eq!(all(&*provider).await, after);
    assert!(relay.handed() - written > once / 2);
}
