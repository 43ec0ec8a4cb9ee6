//! Servers that tell one key what they do not tell another, or that are not the primary.

use cutover::dns::{Grounds, Provider, RecordKey};
use cutover::event::Cause;
use hickory_resolver::proto::rr::RecordType;

use super::{ZONE, build, done, read, refused, rfc2136, set, table, write};
use crate::lab::dns::{Bind, PowerDns, Tsig, answers};
use crate::lab::have;

const WWW: &str = "www.lab.example. A";

fn zone(ns: &str, www: &str) -> String {
    format!(
        "$ORIGIN lab.example.\n$TTL 300\n\
         @ IN SOA ns.lab.example. hostmaster.lab.example. 1 3600 600 86400 60\n\
         @ IN NS ns.lab.example.\n{ns}\nwww IN A {www}\n"
    )
}

async fn grounds(provider: &dyn Provider) -> Grounds {
    let keys: [RecordKey; 1] = [WWW.parse().unwrap()];
    provider.grounds(ZONE, &keys).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_selects_a_view_is_told() {
    if !have(&["named"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let [inside, outside] = ["192.0.2.10", "192.0.2.99"].map(|ip| zone("ns IN A 127.0.0.1", ip));
    let server = Bind::in_views(ZONE, &key, &inside, &outside);
    let provider = rfc2136(dir.path(), server.v4, &key);
    let seen = grounds(&*provider).await;
    assert!(seen.zone.is_empty() && seen.sets.is_empty(), "{seen:?}");
    let [why] = seen.hidden.as_slice() else {
        panic!("{seen:?}");
    };
    for told in ["selects a view", "192.0.2.10", "192.0.2.99"] {
        assert!(why.contains(told), "{why}");
    }
    assert_eq!(seen.notes, [""; 0]);

    // The set in question is the same, and the zone is another one.
    let later = inside.replace(" 1 3600", " 77 3600");
    let server = Bind::in_views(ZONE, &key, &inside, &later);
    let seen = grounds(&*rfc2136(dir.path(), server.v4, &key)).await;
    let [why] = seen.hidden.as_slice() else {
        panic!("{seen:?}");
    };
    assert!(
        why.contains("selects a view") && why.contains("is 77 there, and 1 here"),
        "{why}"
    );

    // Where both views hold the same there is nothing to tell.
    let server = Bind::in_views(ZONE, &key, &inside, &inside);
    let provider = rfc2136(dir.path(), server.v6, &key);
    assert_eq!(grounds(&*provider).await, Grounds::default());
}

/// A name whose address changes all the time is told another way whenever it is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_somebody_writes_all_the_time_is_no_view() {
    if !have(&["named"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = Bind::primary(&[(ZONE, &zone("ns IN A 127.0.0.1", "192.0.2.10"))], &key);
    let theirs = rfc2136(dir.path(), server.v6, &key);
    let somebody = tokio::spawn(async move {
        let of = |ttl| [set(WWW, ttl, &["192.0.2.10"])];
        let mut ttl = 300;
        loop {
            let next = if ttl == 300 { 120 } else { 300 };
            done(write(&*theirs, &of(ttl), &of(next)).await);
            ttl = next;
        }
    });
    for _ in 0..8 {
        let seen = grounds(&*rfc2136(dir.path(), server.v4, &key)).await;
        assert_eq!(seen.hidden, [""; 0]);
    }
    somebody.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_keys_that_see_different_data_write_nothing() {
    if !have(&["named"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let [inside, outside] = ["192.0.2.10", "192.0.2.99"].map(|ip| zone("ns IN A 127.0.0.1", ip));
    let split = |server: &Bind| {
        build("rfc2136", |fields| {
            let at = cutover::field::Datum::Text(server.v4.to_string());
            fields.insert("server", at, 0..0);
            fields.insert("read-key", table(dir.path(), &Bind::powerless()), 0..0);
            fields.insert("write-key", table(dir.path(), &key), 0..0);
        })
    };
    let server = Bind::in_views(ZONE, &key, &inside, &outside);
    let provider = split(&server);
    let seen = grounds(&*provider).await;
    let [why] = seen.zone.as_slice() else {
        panic!("{seen:?}");
    };
    assert!(why.contains("see different data"), "{why}");
    // What the plan saw is not what the write sees.
    let of = |ip: &str| [set(WWW, 300, &[ip])];
    assert_eq!(read(&*provider, &[WWW]).await, of("192.0.2.99"));
    refused(write(&*provider, &of("192.0.2.99"), &of("192.0.2.20")).await);
    // Once something was sent, both must see it.
    done(write(&*provider, &of("192.0.2.10"), &of("192.0.2.20")).await);
    let unseen = (provider.read(ZONE, &[WWW.parse().unwrap()])).await;
    let unseen = unseen.unwrap_err();
    assert_eq!(unseen.cause, Cause::Garbled);
    assert!(unseen.detail.contains("see different data"), "{unseen:?}");

    // Also where the serial rises whenever it is asked for.
    let writers = ["a", "b", "c"].map(|name| {
        let theirs = rfc2136(dir.path(), server.v6, &Bind::somebody());
        let name = format!("{name}.{ZONE} A");
        tokio::spawn(async move {
            let of = |last: u8| [set(&name, 300, &[&format!("192.0.2.{last}")])];
            done(write(&*theirs, &[], &of(0)).await);
            for last in (0..=u8::MAX).cycle() {
                done(write(&*theirs, &of(last), &of(last.wrapping_add(1))).await);
            }
        })
    });
    for _ in 0..4 {
        let unseen = (provider.read(ZONE, &[WWW.parse().unwrap()])).await;
        assert_eq!(unseen.unwrap_err().cause, Cause::Garbled);
    }
    writers.iter().for_each(|writer| writer.abort());

    // The serial tells of what else is different.
    let server = Bind::in_views(ZONE, &key, &inside, &inside.replace(" 1 3600", " 77 3600"));
    let seen = grounds(&*split(&server)).await;
    let [why] = seen.zone.as_slice() else {
        panic!("{seen:?}");
    };
    assert!(
        why.contains("see different data") && why.contains("is 1 there, and 77 here"),
        "{why}"
    );
    assert!(seen.hidden.is_empty(), "{seen:?}");

    // Two keys for the same data are as good as one.
    let server = Bind::primary(&[(ZONE, &inside)], &key);
    let provider = split(&server);
    assert_eq!(grounds(&*provider).await, Grounds::default());
    done(write(&*provider, &of("192.0.2.10"), &of("192.0.2.20")).await);
    assert_eq!(read(&*provider, &[WWW]).await, of("192.0.2.20"));
}

/// A server that does not say whether it is a secondary: the zone's SOA tells who the primary is.
#[tokio::test(flavor = "multi_thread")]
async fn the_soa_tells_of_another_primary() {
    if !have(&["pdns_server"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    for (ns, of_v4, of_v6) in [
        ("ns IN A 127.0.0.1\nns IN AAAA ::1", false, false),
        ("ns IN A 192.0.2.53\nns IN AAAA 2001:db8::53", true, true),
        // Nothing is known of the other family.
        ("ns IN A 192.0.2.53", true, false),
    ] {
        let server = PowerDns::primary(&[(ZONE, &zone(ns, "192.0.2.10"))], &key);
        for (at, told) in [(server.v4, of_v4), (server.v6, of_v6)] {
            let notes = grounds(&*rfc2136(dir.path(), at, &key)).await.notes;
            let is_told = notes.iter().any(|note| {
                note.contains("names `ns.lab.example` as its primary")
                    && note.contains("lags behind")
            });
            assert_eq!(is_told, told, "{ns} {at}: {notes:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_below_a_dname_is_not_written_and_the_dname_hinders_nobody_else() {
    if !have(&["named"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let ns = "ns IN A 127.0.0.1\nold IN DNAME www.lab.example.\nold IN A 192.0.2.10";
    let server = Bind::primary(&[(ZONE, &zone(ns, "192.0.2.10"))], &key);
    let provider = rfc2136(dir.path(), server.v4, &key);
    let keys = ["x.old", "x.y.old", "old", "www"]
        .map(|name| format!("{name}.lab.example. A").parse().unwrap());
    let seen = provider.grounds(ZONE, &keys).await.unwrap();
    for below in &keys[..2] {
        let why = &seen.sets[below];
        assert!(why.contains("DNAME at `old.lab.example`"), "{why}");
    }
    // The records at its own name are the zone's own.
    assert_eq!(seen.sets.len(), 2, "{seen:?}");
    let of = |ip: &str| [set("old.lab.example. A", 300, &[ip])];
    done(write(&*provider, &of("192.0.2.10"), &of("192.0.2.20")).await);
    assert_eq!(
        answers(server.v4, "old.lab.example", RecordType::A),
        ["300 192.0.2.20"]
    );
}
