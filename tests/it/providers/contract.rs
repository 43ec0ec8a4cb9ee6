//! The contract that every provider keeps.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cutover::dns::{Honesty, Provider, RecordSet};
use cutover::event::{Answer, Cause};
use hickory_resolver::proto::rr::RecordType;
use tempfile::TempDir;

use super::{Desk, TEXT, ZONE, done, powerdns, read, refused, rfc2136, set, write};
use crate::lab::dns::{Bind, Knot, PowerDns, Tsig, answers, serial};
use crate::lab::have;

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
        let mut sets = self.provider.list(ZONE).await.unwrap().sets;
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
        (
            "other data",
            before.clone(),
            vec![
                set(www, 60, &["203.0.113.1"]),
                set(www6, 60, &["2001:db8::99"]),
            ],
        ),
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
    assert_eq!(rig.provider.limits().honesty, Honesty::Atomic);
    contract(rig).await;
    race(server.v6, &key).await;
}
