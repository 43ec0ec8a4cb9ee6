//! What every provider promises, held against real servers.

mod contract;
mod faults;
mod many;
mod mythic_beasts;
mod own;
mod parts;
mod powerdns;
mod unsigned;
mod views;

use std::net::SocketAddr;
use std::path::Path;
use std::slice::from_ref;
use std::sync::Arc;
use std::time::Duration;

use cutover::clock::Clock;
use cutover::dns::providers::PROVIDERS;
use cutover::dns::{Provider, RecordKey, RecordSet};
use cutover::event::Answer;
use cutover::field::{Datum, Fields};
use cutover::journal::{Intent, Journal, Live, Meta, Permit};
use cutover::plan::{Direction, Given, Mode, Place, Value, Way};
use cutover::secret::SecretRef;
use cutover::store::Memory;
use hickory_resolver::proto::rr::RecordType;

use crate::lab::dns::{Bind, Knot, Nsd, PowerDns, Tsig, Unbound, answers, ask, serial};
use crate::lab::{READY, free_port, have, put, wait_until};

const ZONE: &str = "lab.example";

const TEXT: &str = "\
$ORIGIN lab.example.
$TTL 300
@ IN SOA ns.lab.example. hostmaster.lab.example. 1 3600 600 86400 60
@ IN NS ns.lab.example.
ns IN A 127.0.0.1
www 300 IN A 192.0.2.10
www 300 IN A 192.0.2.9
www 300 IN AAAA 2001:db8::10
archive 600 IN A 192.0.2.10
alias 120 IN CNAME www.lab.example.
mail 300 IN MX 10 mx.other.example.
";

/// A journal that gives out permits, one at a time.
pub struct Desk(Live);

impl Desk {
    pub async fn new() -> Desk {
        let clock = Clock::real();
        let meta = Meta {
            playbook: "lab".into(),
            file: None,
            mode: Mode::Drill,
            direction: Direction {
                source: "a".into(),
                target: "b".into(),
            },
            by: "test".into(),
            version: "0".into(),
            began: clock.now(),
            given: Given::default(),
        };
        let live = Live::begin(
            Arc::new(Memory::new()),
            "run",
            &meta,
            &["lab".into()],
            clock,
            Arc::new(|_| {}),
        )
        .await
        .unwrap();
        Desk(live)
    }

    pub async fn permit_for(&mut self, from: &Value, to: &Value, time: Duration) -> Permit<'_> {
        let intent = Intent {
            entry: 0,
            place: Place {
                step: "flip".into(),
                name: ZONE.into(),
            },
            way: Way::There,
            from: from.clone(),
            to: to.clone(),
            until: Clock::real().now().plus(time),
        };
        self.0.intend(intent).await.unwrap().unwrap()
    }
}

/// Writes `to` over `from` with a permit of its own.
async fn write(provider: &dyn Provider, from: &[RecordSet], to: &[RecordSet]) -> Answer {
    let (from, to) = (RecordSet::value_of(from), RecordSet::value_of(to));
    let mut desk = Desk::new().await;
    let permit = desk.permit_for(&from, &to, Duration::from_secs(60)).await;
    provider.write(ZONE, permit).await
}

async fn read(provider: &dyn Provider, keys: &[&str]) -> Vec<RecordSet> {
    let keys: Vec<RecordKey> = keys.iter().map(|key| key.parse().unwrap()).collect();
    let mut sets = provider.read(ZONE, &keys).await.unwrap();
    sets.sort_by(|a, b| a.key.cmp(&b.key));
    sets
}

fn set(key: &str, ttl: u32, data: &[&str]) -> RecordSet {
    RecordSet::new(key.parse().unwrap(), ttl, data).unwrap()
}

fn done(answer: Answer) {
    assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
}

fn refused(answer: Answer) -> String {
    match answer {
        Answer::Refused { why } | Answer::Declined { why } => why,
        other => panic!("{other:?}"),
    }
}

/// It was written for a moment, and is no more.
fn put_back(answer: Answer) -> String {
    match answer {
        Answer::PutBack { why } => why,
        other => panic!("{other:?}"),
    }
}

/// Builds a provider as a playbook would; its secrets are files.
fn build(kind: &str, fill: impl FnOnce(&mut Fields)) -> Arc<dyn Provider> {
    let kind = (PROVIDERS.iter().find(|row| row.name == kind)).expect("the list has the provider");
    let mut fields = Fields::default();
    fill(&mut fields);
    (kind.build)(&fields).unwrap()
}

fn secret(dir: &Path, name: &str, value: &str) -> Datum {
    let path = put(dir, name, &format!("{value}\n"));
    Datum::Secret(SecretRef::File(path.display().to_string()))
}

/// A TSIG key as a playbook has it.
fn table(dir: &Path, key: &Tsig) -> Datum {
    let mut table = Fields::default();
    table.insert("name", Datum::Text(key.name.clone()), 0..0);
    let file = format!("{}-{}", key.name, key.secret.len());
    table.insert("secret", secret(dir, &file, &key.secret), 0..0);
    Datum::Table(table)
}

pub fn rfc2136(dir: &Path, at: SocketAddr, key: &Tsig) -> Arc<dyn Provider> {
    build("rfc2136", |fields| {
        fields.insert("server", Datum::Text(at.to_string()), 0..0);
        fields.insert("key", table(dir, key), 0..0);
    })
}

fn powerdns(dir: &Path, url: &str, key: &str) -> Arc<dyn Provider> {
    let key = secret(dir, &format!("api-{}", key.len()), key);
    build("powerdns", |fields| {
        fields.insert("url", Datum::Text(url.to_owned()), 0..0);
        fields.insert("api-key", key, 0..0);
    })
}

/// The provider of a server that runs here.
fn powerdns_of(dir: &Path, server: &PowerDns) -> Arc<dyn Provider> {
    powerdns(dir, &format!("http://{}", server.api), &server.api_key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secondary_hears_of_a_change_at_once() {
    if !have(&["pdns_server", "nsd", "named"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let port = free_port();
    let primary = PowerDns::telling(&[(ZONE, TEXT)], &key, Some(port));
    let nsd = Nsd::secondary(port, &[ZONE], primary.v4, &key);
    let (first, second) = Bind::pair(&[(ZONE, TEXT)], &key);
    let before = set("www.lab.example. AAAA", 300, &["2001:db8::10"]);
    let after = set("www.lab.example. AAAA", 60, &["2001:db8:1::20"]);
    let providers = [
        (
            powerdns(
                dir.path(),
                &format!("http://{}", primary.api),
                &primary.api_key,
            ),
            nsd.v6,
        ),
        (rfc2136(dir.path(), first.v4, &key), second.v6),
    ];
    for (provider, secondary) in providers {
        done(write(&*provider, from_ref(&before), from_ref(&after)).await);
        wait_until("the secondary has it", READY, || {
            let seen = answers(secondary, "www.lab.example", RecordType::AAAA);
            (seen == ["60 2001:db8:1::20"]).then_some(())
        });
    }
}

#[test]
fn a_cache_keeps_what_it_has() {
    if !have(&["knotd", "unbound"]) {
        return;
    }
    let key = Tsig::new("cutover");
    let server = Knot::primary(&[(ZONE, TEXT)], &key);
    let cache = Unbound::cache(ZONE, server.v4, "cache-max-ttl: 100");
    for at in [cache.v4, cache.v6] {
        let answer = ask(at, "www.lab.example", RecordType::A, true).unwrap();
        assert_eq!(answer.answers.len(), 2);
        assert!(answer.answers.iter().all(|record| record.ttl <= 100));
        assert!(!answer.metadata.authoritative);
    }
}
