//! What PowerDNS keeps beside the records.

use cutover::dns::{Grounds, RecordKey, RecordSet};
use cutover::event::{Answer, Cause};
use hickory_resolver::proto::rr::RecordType;
use serde_json::{Value as Json, json};

use super::{TEXT, ZONE, done, powerdns, powerdns_of, read, refused, set, write};
use crate::lab::dns::{PowerDns, Tsig, answers};
use crate::lab::relay::{Fate, Relay};
use crate::lab::{free_port, have};

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

    // A comment of somebody else is bookkeeping: it stops nothing, and survives there and back.
    let theirs = json!([{ "content": "theirs", "account": "bob", "modified_at": 5678 }]);
    server.call(
        "PATCH",
        "/zones/lab.example.",
        &json!({ "rrsets": [{ "name": "www.lab.example.", "type": "A", "changetype": "REPLACE", "comments": theirs }] }),
    );
    done(write(&*provider, &before, &after).await);
    assert_eq!(raw()["comments"], theirs);
    done(write(&*provider, &after, &before).await);
    let mut expected = start.clone();
    expected["comments"] = theirs;
    assert_eq!(sorted(raw()), sorted(expected));

    // A disabled record of somebody else is a foreign write, and is told.
    let mut stale = before.clone();
    stale[0].extra = json!({ "disabled": ["192.0.2.67"] });
    let why = refused(write(&*provider, &stale, &after).await);
    assert!(
        why.contains("192.0.2.66") && why.contains("192.0.2.67"),
        "{why}"
    );

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
    let provider = powerdns_of(dir.path(), &server);
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

#[tokio::test(flavor = "multi_thread")]
async fn powerdns_does_not_write_what_is_written_elsewhere() {
    if !have(&["pdns_server"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = PowerDns::primary(&[(ZONE, TEXT)], &key);
    let provider = powerdns_of(dir.path(), &server);
    assert_eq!(provider.barred(ZONE).await.unwrap(), None);
    let before = read(&*provider, &["archive.lab.example. A"]).await;
    let after = [set("archive.lab.example. A", 60, &["198.51.100.20"])];
    let raw = || server.rrset(ZONE, "archive.lab.example", "A").unwrap();
    let start = raw();
    for (kind, says) in [
        ("Slave", "a secondary of 192.0.2.54"),
        ("Consumer", "catalog"),
    ] {
        let zone = json!({ "kind": kind, "masters": ["192.0.2.54"] });
        server.call("PUT", "/zones/lab.example.", &zone);
        let plan = provider.barred(ZONE).await.unwrap().unwrap();
        assert!(
            plan.contains(says) && plan.contains("write there"),
            "{plan}"
        );
        assert_eq!(refused(write(&*provider, &before, &after).await), plan);
        assert_eq!(raw(), start);
    }
}

/// A gate before the API may keep back what says that a zone was signed elsewhere; its signatures say it as well.
#[tokio::test(flavor = "multi_thread")]
async fn powerdns_does_not_write_what_was_signed_elsewhere() {
    if !have(&["pdns_server"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = PowerDns::primary(&[(ZONE, TEXT)], &key);
    let before = [set("archive.lab.example. A", 600, &["192.0.2.10"])];
    let after = [set("archive.lab.example. A", 60, &["198.51.100.20"])];
    let back = [set("archive.lab.example. A", 600, &["192.0.2.10"])];
    let keys = [before[0].key.clone()];
    for gate in [denied, missing, not_offered] {
        let relay = Relay::start(server.api, is_metadata, Fate::Forged(gate));
        let gated = powerdns(dir.path(), &format!("http://{}", relay.at), &server.api_key);
        let grounds = gated.grounds(ZONE, &keys).await.unwrap();
        assert_eq!(grounds, Grounds::default());
        done(write(&*gated, &before, &after).await);
        done(write(&*gated, &after, &back).await);
    }
    server.store(
        "insert into records (domain_id, name, type, content, ttl, disabled, auth) select id, name, 'RRSIG', \
         'SOA 13 2 300 20300101000000 20200101000000 638 lab.example. AAAA', 300, 0, 1 from domains",
    );
    for gate in [denied, missing, not_offered] {
        let relay = Relay::start(server.api, is_metadata, Fate::Forged(gate));
        let gated = powerdns(dir.path(), &format!("http://{}", relay.at), &server.api_key);
        let plan = gated.barred(ZONE).await.unwrap().unwrap();
        assert!(
            plan.contains("signatures that were made elsewhere"),
            "{plan}"
        );
        let grounds = gated.grounds(ZONE, &keys).await.unwrap();
        assert_eq!(grounds.zone.concat(), plan);
        assert_eq!(refused(write(&*gated, &before, &after).await), plan);
    }
    // What says that they mean nothing counts more.
    let open = powerdns_of(dir.path(), &server);
    assert_eq!(open.barred(ZONE).await.unwrap(), None);
    server.store(
        "insert into domainmetadata (domain_id, kind, content) select id, 'PRESIGNED', '1' from domains",
    );
    let plan = open.barred(ZONE).await.unwrap().unwrap();
    assert!(plan.contains("PRESIGNED"), "{plan}");
}

fn asks_for(piece: &[u8], part: &str) -> bool {
    let line = piece.split(|byte| *byte == b'\r').next();
    line.is_some_and(|line| String::from_utf8_lossy(line).contains(part))
}

fn is_metadata(piece: &[u8]) -> bool {
    asks_for(piece, "/metadata")
}

fn denied(_: &[u8]) -> Vec<u8> {
    b"HTTP/1.1 403 no\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec()
}

fn missing(_: &[u8]) -> Vec<u8> {
    b"HTTP/1.1 404 no\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec()
}

fn not_offered(_: &[u8]) -> Vec<u8> {
    b"HTTP/1.1 405 no\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec()
}

/// The API gives a set one TTL, and the server stores one with each record, disabled or not.
#[tokio::test(flavor = "multi_thread")]
async fn powerdns_writes_no_set_whose_disabled_records_have_another_ttl() {
    if !have(&["pdns_server"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = PowerDns::primary(&[(ZONE, TEXT)], &key);
    let provider = powerdns_of(dir.path(), &server);
    let store = |ttl: u32| {
        server.store(&format!(
            "insert into records (domain_id, name, type, content, ttl, disabled, auth) select id, 'archive.lab.example', \
             'A', '192.0.2.{}', {ttl}, 1, 1 from domains",
            ttl % 256
        ));
    };
    let keys = ["archive.lab.example. A".parse().unwrap()];
    let judge = async || {
        let before = read(&*provider, &["archive.lab.example. A"]).await;
        let mut after = before.clone();
        after[0].data = vec!["198.51.100.20".into()];
        let grounds = provider.grounds(ZONE, &keys).await.unwrap();
        assert!(
            grounds.notes.is_empty() && grounds.zone.is_empty(),
            "{grounds:?}"
        );
        let [from, to] = [&before, &after].map(RecordSet::value_of);
        let judged = provider.judge(ZONE, &grounds, &from, &to);
        judged.err().unwrap_or_default().concat()
    };
    assert_eq!(judge().await, "");
    store(600);
    assert_eq!(judge().await, "");
    // The API gives the set now the one TTL, now the other.
    for (ttl, told) in [(5, "(5 and 600)"), (77, "(77 and 600)")] {
        server.store("delete from records where disabled = 1");
        store(ttl);
        let why = judge().await;
        assert!(why.contains(&format!("several TTLs {told}")), "{why}");
    }
}

/// What a gate keeps back, or the server takes too long to find, is said, and is no reason to plan nothing.
#[tokio::test(flavor = "multi_thread")]
async fn powerdns_says_what_could_not_be_told_of_ttls() {
    if !have(&["pdns_server"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = PowerDns::primary(&[(ZONE, TEXT)], &key);
    for at in 1..=3 {
        server.store(&format!(
            "insert into records (domain_id, name, type, content, ttl, disabled, auth) select id, 'x{at}.lab.example', \
             'A', '192.0.2.10', 60, 1, 1 from domains"
        ));
    }
    let keys: Vec<RecordKey> = (1..=3)
        .map(|at| format!("x{at}.lab.example. A").parse().unwrap())
        .collect();
    let told = async |which: fn(&[u8]) -> bool, fate: Fate| {
        let relay = Relay::start(server.api, which, fate);
        let gated = powerdns(dir.path(), &format!("http://{}", relay.at), &server.api_key);
        let begun = std::time::Instant::now();
        let grounds = gated.grounds(ZONE, &keys).await.unwrap();
        assert!(begun.elapsed() < std::time::Duration::from_secs(15));
        assert!(grounds.sets.is_empty(), "{grounds:?}");
        grounds.notes
    };
    let [export] = told(|piece| asks_for(piece, "/export"), Fate::Forged(denied))
        .await
        .try_into()
        .unwrap();
    assert!(export.contains("have several TTLs"), "{export}");
    let searches = told(|piece| asks_for(piece, "/search-data"), Fate::Silence).await;
    assert_eq!(searches.len(), 3, "{searches:?}");
    assert!(
        searches
            .iter()
            .all(|why| why.contains("no answer within 5s")),
        "{searches:?}"
    );
}

/// A name that the API refuses would stop the whole call, and the API says so of a zone of that name as well.
#[tokio::test(flavor = "multi_thread")]
async fn powerdns_takes_no_odd_owner_names() {
    if !have(&["pdns_server"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = PowerDns::primary(&[(ZONE, TEXT)], &key);
    let provider = powerdns_of(dir.path(), &server);
    for name in [
        "s\\032p", "a\\064b", "*.w", "_u", "0/25", "x-y", "a\\043b", "a*b",
    ] {
        let name = format!("{name}.lab.example");
        server.store(&format!(
            "insert into records (domain_id, name, type, content, ttl, disabled, auth) select id, '{name}', 'A', \
             '192.0.2.10', 60, 0, 1 from domains"
        ));
        let before = read(&*provider, &[&format!("{name}. A")]).await;
        let mut after = before.clone();
        after[0].data = vec!["198.51.100.20".into()];
        let keys = [before[0].key.clone()];
        let grounds = provider.grounds(ZONE, &keys).await.unwrap();
        assert_eq!(grounds, Grounds::default(), "{name}");
        let [from, to] = [&before, &after].map(RecordSet::value_of);
        let refusal = provider.judge(ZONE, &grounds, &from, &to).err();
        // What the plan refuses the API does, and nothing else.
        let body = json!({ "rrsets": [{ "name": format!("{name}."), "type": "A", "ttl": 60,
            "changetype": "REPLACE", "records": [{ "content": "198.51.100.20" }] }] });
        let (status, text) = server.try_call("PATCH", "/zones/lab.example.", &body);
        assert_eq!(refusal.is_some(), status == 422, "{name}: {status} {text}");
        if status == 422 {
            assert!(text.contains("unsupported characters"), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn powerdns_does_not_write_what_another_zone_answers_for() {
    if !have(&["pdns_server"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = PowerDns::primary(&[(ZONE, TEXT)], &key);
    let provider = powerdns_of(dir.path(), &server);
    let sets = ["www.child", "www.cut", "archive"].map(|name| {
        json!({ "name": format!("{name}.lab.example."), "type": "A", "ttl": 300, "changetype": "REPLACE",
            "records": [{ "content": "192.0.2.10" }] })
    });
    let cut = json!({ "name": "cut.lab.example.", "type": "NS", "ttl": 300, "changetype": "REPLACE",
        "records": [{ "content": "ns.other.example." }] });
    let rrsets: Vec<Json> = sets.into_iter().chain([cut]).collect();
    server.call("PATCH", "/zones/lab.example.", &json!({ "rrsets": rrsets }));
    // Nothing in the parent tells of this one.
    let child = json!({ "name": "child.lab.example.", "kind": "Native", "nameservers": ["ns.other.example."] });
    server.call("POST", "/zones", &child);
    let keys = [
        "www.child.lab.example. A",
        "www.cut.lab.example. A",
        "archive.lab.example. A",
    ];
    let before = read(&*provider, &keys).await;
    let grounds = provider
        .grounds(ZONE, &keys.map(|key| key.parse().unwrap()))
        .await
        .unwrap();
    let [why] = grounds.sets.values().collect::<Vec<_>>()[..] else {
        panic!("{grounds:?}");
    };
    assert!(
        why.contains("holds the zone `child.lab.example` as well"),
        "{why}"
    );
    assert!(
        grounds.notes.is_empty() && grounds.zone.is_empty(),
        "{grounds:?}"
    );
    let listing = provider.list(ZONE).await.unwrap();
    assert_eq!(
        listing.cut_over("www.cut.lab.example"),
        Some("cut.lab.example")
    );
    assert_eq!(listing.cut_over("www.lab.example"), None);
    for (key, says) in keys.iter().zip(["as well", "delegated", ""]) {
        let from: Vec<_> = before
            .iter()
            .filter(|set| set.key.to_string() == *key)
            .cloned()
            .collect();
        let mut to = from.clone();
        to[0].data = vec!["198.51.100.20".into()];
        match says {
            "" => done(write(&*provider, &from, &to).await),
            says => {
                let why = refused(write(&*provider, &from, &to).await);
                assert!(why.contains(says), "{why}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn powerdns_moves_a_name_beside_one_that_cannot_be_read() {
    if !have(&["pdns_server"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = PowerDns::primary(&[(ZONE, TEXT)], &key);
    let provider = powerdns_of(dir.path(), &server);
    let before = read(&*provider, &["archive.lab.example. A"]).await;
    let after = [set("archive.lab.example. A", 60, &["198.51.100.20"])];
    done(write(&*provider, &before, &after).await);
    let label = r"\001".repeat(60);
    let long = format!("{label}.{label}.{label}.");
    let odd = |name: &str, target: &str| {
        json!({ "name": name, "type": "CNAME", "ttl": 60, "changetype": "REPLACE",
            "records": [{ "content": target }] })
    };
    let sets = [
        odd("odd.lab.example.", "."),
        odd("long.lab.example.", &long),
    ];
    server.call("PATCH", "/zones/lab.example.", &json!({ "rrsets": sets }));
    let listing = provider.list(ZONE).await.unwrap();
    assert!(listing.sets.contains(&after[0]), "{listing:?}");
    done(write(&*provider, &after, &before).await);
    assert_eq!(read(&*provider, &["archive.lab.example. A"]).await, before);
}

/// An API object with its records in one order.
fn sorted(mut set: Json) -> Json {
    if let Some(records) = set["records"].as_array_mut() {
        records.sort_by_key(Json::to_string);
    }
    set
}
