//! What every provider promises, held against real servers.

mod faults;
mod mythic_beasts;

use std::net::SocketAddr;
use std::path::Path;
use std::slice::from_ref;
use std::sync::Arc;
use std::time::Duration;

use cutover::clock::Clock;
use cutover::dns::providers::PROVIDERS;
use cutover::dns::{Honesty, Provider, RecordKey, RecordSet};
use cutover::event::{Answer, Cause};
use cutover::field::{Datum, Fields};
use cutover::journal::{Intent, Journal, Live, Meta, Permit};
use cutover::plan::{Direction, Mode, Place, Value, Way};
use cutover::secret::SecretRef;
use cutover::store::Memory;
use hickory_resolver::proto::rr::RecordType;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::lab::dns::{Bind, Knot, Nsd, PowerDns, Tsig, Unbound, answers, ask, serial};
use crate::lab::{free_port, have, put, wait_until};

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
        Answer::Refused { why } => why,
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

pub fn rfc2136(dir: &Path, at: SocketAddr, key: &Tsig) -> Arc<dyn Provider> {
    let mut table = Fields::default();
    table.insert("name", Datum::Text(key.name.clone()), 0..0);
    let file = format!("{}-{}", key.name, key.secret.len());
    table.insert("secret", secret(dir, &file, &key.secret), 0..0);
    build("rfc2136", |fields| {
        fields.insert("server", Datum::Text(at.to_string()), 0..0);
        fields.insert("key", Datum::Table(table), 0..0);
    })
}

fn powerdns(dir: &Path, url: &str, key: &str) -> Arc<dyn Provider> {
    let key = secret(dir, &format!("api-{}", key.len()), key);
    build("powerdns", |fields| {
        fields.insert("url", Datum::Text(url.to_owned()), 0..0);
        fields.insert("api-key", key, 0..0);
    })
}

/// A provider, the server behind it, and the same provider with wrong keys.
struct Rig {
    provider: Arc<dyn Provider>,
    wrong: Vec<Arc<dyn Provider>>,
    at: SocketAddr,
}

impl Rig {
    fn rfc2136(dir: &TempDir, at: SocketAddr, key: &Tsig) -> Rig {
        let bad_secret = Tsig {
            name: key.name.clone(),
            secret: data_encoding::BASE64.encode(b"planted-and-wrong"),
        };
        let unknown = Tsig::new("stranger");
        Rig {
            provider: rfc2136(dir.path(), at, key),
            wrong: vec![
                rfc2136(dir.path(), at, &bad_secret),
                rfc2136(dir.path(), at, &unknown),
            ],
            at,
        }
    }

    /// The whole zone as the provider tells it, and its serial.
    async fn all(&self) -> (Vec<RecordSet>, Option<u32>) {
        let mut sets = self.provider.list(ZONE).await.unwrap();
        sets.sort_by(|a, b| a.key.cmp(&b.key));
        (sets, serial(self.at, ZONE))
    }
}

/// The contract. It leaves the zone as it was.
async fn contract(rig: Rig) {
    let provider = &*rig.provider;
    let (www, www6) = ("www.lab.example. A", "www.lab.example. AAAA");

    // What is listed is what is read, in canonical form, and what is absent is left out.
    let (start, _) = rig.all().await;
    let keys: Vec<_> = start.iter().map(|set| set.key.to_string()).collect();
    assert_eq!(
        keys,
        [
            "alias.lab.example. CNAME",
            "archive.lab.example. A",
            "ns.lab.example. A",
            "www.lab.example. A",
            "www.lab.example. AAAA",
        ]
    );
    let before = read(
        provider,
        &[www, www6, "nobody.lab.example. A", "mail.lab.example. A"],
    )
    .await;
    let first = set(www, 300, &["192.0.2.9", "192.0.2.10"]);
    assert_eq!(before, [first.clone(), set(www6, 300, &["2001:db8::10"])]);

    // Two sets at once, another TTL; read and served as they were written.
    let after = [
        set(www, 60, &["198.51.100.20"]),
        set(www6, 60, &["2001:db8:1::20", "2001:db8:1::21"]),
    ];
    done(write(provider, &before, &after).await);
    assert_eq!(read(provider, &[www, www6]).await, after);
    assert_eq!(
        answers(rig.at, "www.lab.example", RecordType::A),
        ["60 198.51.100.20"]
    );

    // Stale: the plan saw other data, another TTL, a set that is gone, no set where there is one.
    let (held, held_serial) = rig.all().await;
    let stale: [(&str, Vec<RecordSet>, Vec<RecordSet>); 5] = [
        ("other data", before.clone(), after.to_vec()),
        (
            "another TTL",
            vec![set(www, 61, &["198.51.100.20"])],
            vec![set(www, 60, &["203.0.113.1"])],
        ),
        (
            "a set that is gone",
            vec![set("gone.lab.example. A", 60, &["192.0.2.1"])],
            vec![set("gone.lab.example. A", 60, &["192.0.2.2"])],
        ),
        (
            "a set that is there",
            vec![],
            vec![set(www, 60, &["203.0.113.1"])],
        ),
        (
            "one of two",
            vec![
                set("archive.lab.example. A", 600, &["192.0.2.10"]),
                set(www, 60, &["192.0.2.77"]),
            ],
            vec![
                set("archive.lab.example. A", 60, &["203.0.113.1"]),
                set(www, 60, &["203.0.113.1"]),
            ],
        ),
    ];
    for (what, from, to) in stale {
        let why = refused(write(provider, &from, &to).await);
        assert!(why.contains("somebody else"), "{what}: {why}");
        assert_eq!(rig.all().await, (held.clone(), held_serial), "{what}");
    }

    // The exact way back, TTL included.
    done(write(provider, &after, &before).await);
    assert_eq!(rig.all().await.0, start);

    // A set goes and comes back.
    let gone = &before[1..];
    done(write(provider, gone, &[]).await);
    assert_eq!(read(provider, &[www6]).await, []);
    assert_eq!(
        answers(rig.at, "www.lab.example", RecordType::AAAA),
        [""; 0]
    );
    done(write(provider, &[], gone).await);
    assert_eq!(rig.all().await.0, start);

    // An alias becomes addresses, and an alias again.
    let alias = [set("alias.lab.example. CNAME", 120, &["www.lab.example."])];
    let addresses = [
        set("alias.lab.example. A", 60, &["192.0.2.50"]),
        set("alias.lab.example. AAAA", 60, &["2001:db8::50"]),
    ];
    done(write(provider, &alias, &addresses).await);
    assert_eq!(
        answers(rig.at, "alias.lab.example", RecordType::A),
        ["60 192.0.2.50"]
    );
    done(write(provider, &addresses, &alias).await);
    assert_eq!(rig.all().await.0, start);

    // An alias beside addresses is never "done".
    let (_, held_serial) = rig.all().await;
    let beside = [set("archive.lab.example. CNAME", 60, &["www.lab.example."])];
    refused(write(provider, &[], &beside).await);
    assert_eq!(rig.all().await, (start.clone(), held_serial));

    // A time that is over writes nothing.
    let mut desk = Desk::new().await;
    let value = |sets: &[RecordSet]| RecordSet::value_of(sets);
    let permit = desk
        .permit_for(&value(&before), &value(&after), Duration::ZERO)
        .await;
    refused(provider.write(ZONE, permit).await);
    assert_eq!(rig.all().await, (start.clone(), held_serial));

    // A wrong key is told as one, when looking and when writing.
    for wrong in &rig.wrong {
        let key = [www.parse().unwrap()];
        for unseen in [
            wrong.list(ZONE).await.unwrap_err(),
            wrong.read(ZONE, &key).await.unwrap_err(),
        ] {
            assert_eq!(unseen.cause, Cause::Denied, "{unseen:?}");
            assert!(unseen.detail.contains("key"), "{unseen:?}");
        }
        let why = refused(write(&**wrong, &before, &after).await);
        assert!(why.contains("key") && !why.contains("planted"), "{why}");
        assert_eq!(rig.all().await, (start.clone(), held_serial));
    }

    // What a person would type names the place of the secret.
    let lines = provider.commands(ZONE, &value(&before), &value(&after));
    assert!(
        lines.iter().all(|line| line.contains("head -n 1")),
        "{lines:?}"
    );
}

/// Many writers that all saw the same; exactly one wins.
async fn race(at: SocketAddr, key: &Tsig) {
    let dir = tempfile::tempdir().unwrap();
    let provider = rfc2136(dir.path(), at, key);
    let from = read(&*provider, &["www.lab.example. A"]).await;
    let writers = (0..24).map(|n| {
        let (provider, from) = (Arc::clone(&provider), from.clone());
        tokio::spawn(async move {
            let to = [set("www.lab.example. A", 60, &[&format!("203.0.113.{n}")])];
            write(&*provider, &from, &to).await
        })
    });
    let mut winners = Vec::new();
    for (n, writer) in writers.collect::<Vec<_>>().into_iter().enumerate() {
        match writer.await.unwrap() {
            Answer::Done { .. } => winners.push(n),
            Answer::Refused { why } => assert!(why.contains("somebody else"), "{why}"),
            unclear => panic!("{unclear:?}"),
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(
        answers(at, "www.lab.example", RecordType::A),
        [format!("60 203.0.113.{}", winners[0])]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bind_keeps_the_contract() {
    if !have(&["named"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = Bind::primary(&[(ZONE, TEXT)], &key);
    contract(Rig::rfc2136(&dir, server.v4, &key)).await;
    contract(Rig::rfc2136(&dir, server.v6, &key)).await;
    race(server.v4, &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn knot_keeps_the_contract() {
    if !have(&["knotd"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = Knot::primary(&[(ZONE, TEXT)], &key);
    contract(Rig::rfc2136(&dir, server.v6, &key)).await;
    race(server.v4, &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn powerdns_keeps_the_contract() {
    if !have(&["pdns_server"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = PowerDns::primary(&[(ZONE, TEXT)], &key);
    contract(Rig::rfc2136(&dir, server.v4, &key)).await;
    let url = format!("http://{}", server.api);
    let rig = Rig {
        provider: powerdns(dir.path(), &url, &server.api_key),
        wrong: vec![powerdns(dir.path(), &url, "planted-api-key")],
        at: server.v4,
    };
    assert_eq!(rig.provider.honesty(), Honesty::Atomic);
    contract(rig).await;
    race(server.v6, &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn powerdns_brings_back_comments_and_disabled_records() {
    if !have(&["pdns_server"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = PowerDns::primary(&[(ZONE, TEXT)], &key);
    let provider = powerdns(
        dir.path(),
        &format!("http://{}/", server.api),
        &server.api_key,
    );
    server.call(
        "PATCH",
        "/zones/lab.example.",
        &json!({ "rrsets": [{
            "name": "www.lab.example.", "type": "A", "ttl": 300, "changetype": "REPLACE",
            "records": [
                { "content": "192.0.2.10", "disabled": false },
                { "content": "192.0.2.66", "disabled": true },
            ],
            "comments": [{ "content": "ours", "account": "ops", "modified_at": 1234 }],
        }] }),
    );
    let raw = || server.rrset(ZONE, "www.lab.example", "A").unwrap();
    let start = raw();
    let before = read(&*provider, &["www.lab.example. A"]).await;
    assert_eq!(before[0].data, ["192.0.2.10"]);
    assert_eq!(before[0].extra["disabled"], json!(["192.0.2.66"]));

    // Moved: what else is kept stays as it is.
    let mut after = before.clone();
    after[0].data = vec!["198.51.100.20".into()];
    done(write(&*provider, &before, &after).await);
    assert_eq!(read(&*provider, &["www.lab.example. A"]).await, after);
    assert_eq!(raw()["comments"], start["comments"]);
    done(write(&*provider, &after, &before).await);
    assert_eq!(sorted(raw()), sorted(start.clone()));

    // Removed, and put back with all that belonged to it.
    done(write(&*provider, &before, &[]).await);
    assert_eq!(server.rrset(ZONE, "www.lab.example", "A"), None);
    done(write(&*provider, &[], &before).await);
    assert_eq!(sorted(raw()), sorted(start.clone()));

    // A comment of somebody else is a foreign write.
    let mut stale = before.clone();
    stale[0].extra["comments"][0]["content"] = json!("theirs");
    refused(write(&*provider, &stale, &after).await);
    assert_eq!(sorted(raw()), sorted(start));

    // An unknown zone and a closed port are told apart from a wrong key.
    let unseen = provider.list("other.example").await.unwrap_err();
    assert_eq!(unseen.cause, Cause::Missing, "{unseen:?}");
    let closed = powerdns(
        dir.path(),
        &format!("http://127.0.0.1:{}", free_port()),
        "k",
    );
    let unseen = closed.list(ZONE).await.unwrap_err();
    assert_eq!(unseen.cause, Cause::Refused, "{unseen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn powerdns_keeps_a_signed_zone_in_order() {
    if !have(&["pdns_server"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = PowerDns::primary(&[(ZONE, TEXT)], &key);
    let provider = powerdns(
        dir.path(),
        &format!("http://{}", server.api),
        &server.api_key,
    );
    let signed = json!({ "dnssec": true, "api_rectify": false });
    server.call("PUT", "/zones/lab.example.", &signed);
    let new = [set("new.lab.example. A", 60, &["192.0.2.1"])];
    let answer = write(&*provider, &[], &new).await;
    let Answer::Done { note } = &answer else {
        panic!("{answer:?}");
    };
    assert!(note.contains("put its signed order right"), "{note}");
    assert_eq!(read(&*provider, &["new.lab.example. A"]).await, new);
    assert_eq!(
        answers(server.v6, "new.lab.example", RecordType::A),
        ["60 192.0.2.1"]
    );
}

/// An API object with its records in one order.
fn sorted(mut set: Json) -> Json {
    if let Some(records) = set["records"].as_array_mut() {
        records.sort_by_key(Json::to_string);
    }
    set
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
        wait_until("the secondary has it", Duration::from_secs(30), || {
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
