//! What goes wrong between a provider and its server: lost answers, forged ones, keys without power.

use std::sync::Arc;
use std::time::Duration;

use cutover::dns::{Provider, RecordSet};
use cutover::event::{Answer, Cause};
use cutover::field::{Datum, Fields};
use cutover::secret::SecretRef;
use hickory_resolver::proto::rr::RecordType;

use super::{
    Desk, TEXT, ZONE, build, done, powerdns, powerdns_of, read, refused, rfc2136, secret, set,
    write,
};
use crate::lab::dns::{Bind, Knot, Nsd, PowerDns, Tsig, answers, serial};
use crate::lab::relay::{Fate, Relay};
use crate::lab::{FrozenPort, READY, V4, free_port, have, in_time, wait_until};

const WWW: &str = "www.lab.example. A";

fn before() -> [RecordSet; 1] {
    [set(WWW, 300, &["192.0.2.9", "192.0.2.10"])]
}

fn after() -> [RecordSet; 1] {
    [set(WWW, 60, &["198.51.100.20"])]
}

const ERROR_PAGE: &[u8] = b"HTTP/1.1 500 no\r\ncontent-length: 18\r\n\r\nkey lab-api-key no";
const REDIRECT: &[u8] =
    b"HTTP/1.1 302 there\r\nlocation: http://[::1]:1/\r\ncontent-length: 0\r\n\r\n";

fn unclear(answer: Answer) -> String {
    match answer {
        Answer::Unclear { why } => why,
        other => panic!("{other:?}"),
    }
}

/// Whether a piece of a DNS stream begins with an UPDATE.
fn is_update(piece: &[u8]) -> bool {
    piece.get(4).is_some_and(|flags| flags & 0x78 == 5 << 3)
}

/// The update's own header as an unsigned "no error".
fn forged(piece: &[u8]) -> Vec<u8> {
    let mut answer = vec![0, 12];
    answer.extend_from_slice(&piece[2..4]);
    answer.extend([0x80 | 5 << 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    answer
}

fn forged_refusal(piece: &[u8]) -> Vec<u8> {
    let mut answer = forged(piece);
    answer[5] = 5;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_an_update_is_unclear_and_never_done() {
    if !have(&["named"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = Bind::primary(&[(ZONE, TEXT)], &key);
    let direct = rfc2136(dir.path(), server.v4, &key);

    // The server took it; the answer was lost. A second one finds what the first one did.
    let relay = Relay::start(server.v4, is_update, Fate::CutAfter);
    let provider = rfc2136(dir.path(), relay.at, &key);
    let why = unclear(write(&*provider, &before(), &after()).await);
    assert!(why.contains("was sent"), "{why}");
    assert_eq!(read(&*direct, &[WWW]).await, after());
    refused(write(&*direct, &before(), &after()).await);
    done(write(&*direct, &after(), &before()).await);

    // Silence: the write ends when its permit does, long before the provider's own patience.
    let relay = Relay::start(server.v4, is_update, Fate::Silence);
    let provider = rfc2136(dir.path(), relay.at, &key);
    let (from, to) = (
        RecordSet::value_of(&before()),
        RecordSet::value_of(&after()),
    );
    in_time(
        "a write without an answer",
        Duration::from_secs(8),
        async || {
            let mut desk = Desk::new().await;
            let permit = desk.permit_for(&from, &to, Duration::from_secs(3)).await;
            match provider.write(ZONE, permit).await {
                Answer::Unclear { .. } => done(write(&*direct, &after(), &before()).await),
                // On a busy machine the time may be over before anything is sent.
                Answer::Refused { .. } => tokio::time::sleep(Duration::from_secs(8)).await,
                other => panic!("{other:?}"),
            }
        },
    )
    .await;

    // Anybody can say "no error" without a signature.
    let relay = Relay::start(server.v4, is_update, Fate::Forged(forged));
    let provider = rfc2136(dir.path(), relay.at, &key);
    let why = unclear(write(&*provider, &before(), &after()).await);
    assert!(why.contains("without a signature"), "{why}");
    assert_eq!(read(&*direct, &[WWW]).await, before());

    // And "refused": the update may be kept back, and come later.
    let relay = Relay::start(server.v4, is_update, Fate::Forged(forged_refusal));
    let provider = rfc2136(dir.path(), relay.at, &key);
    match write(&*provider, &before(), &after()).await {
        Answer::Declined { why } => assert!(why.contains("without a signature"), "{why}"),
        other => panic!("{other:?}"),
    }

    // A server that cannot be reached, or says nothing, gets no update.
    let frozen = FrozenPort::open(V4);
    let closed = ([127, 0, 0, 1], 1).into();
    let (from, to, key_of_www) = (before(), after(), [WWW.parse().unwrap()]);
    for (at, cause) in [(frozen.at, Cause::Frozen), (closed, Cause::Refused)] {
        let provider = rfc2136(dir.path(), at, &key);
        let (seen, written) = tokio::join!(
            provider.read(ZONE, &key_of_www),
            write(&*provider, &from, &to)
        );
        assert_eq!(seen.unwrap_err().cause, cause);
        let why = refused(written);
        assert!(why.contains("nothing was sent"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_patch_is_unclear_and_never_done() {
    if !have(&["pdns_server"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = PowerDns::primary(&[(ZONE, TEXT)], &key);
    let direct = powerdns_of(dir.path(), &server);
    let is_patch: fn(&[u8]) -> bool = |piece| piece.starts_with(b"PATCH ");
    let relay = Relay::start(server.api, is_patch, Fate::CutAfter);
    let provider = powerdns(dir.path(), &format!("http://{}", relay.at), &server.api_key);
    unclear(write(&*provider, &before(), &after()).await);
    // What is there already is written once more.
    unclear(write(&*provider, &before(), &after()).await);
    assert_eq!(read(&*direct, &[WWW]).await, after());

    // An error page that repeats the key, and an answer that sends us elsewhere.
    type Forger = fn(&[u8]) -> Vec<u8>;
    let answers: [(Forger, &str); 2] = [
        (|_| ERROR_PAGE.to_vec(), "[secret]"),
        (|_| REDIRECT.to_vec(), "302"),
    ];
    for (answer, what) in answers {
        let relay = Relay::start(server.api, is_patch, Fate::Forged(answer));
        let provider = powerdns(dir.path(), &format!("http://{}", relay.at), &server.api_key);
        let now = read(&*direct, &[WWW]).await;
        let why = unclear(write(&*provider, &now, &before()).await);
        assert!(why.contains(what) && !why.contains("lab-api-key"), "{why}");
        assert_eq!(read(&*direct, &[WWW]).await, now);
    }
}

/// The change may have happened, and nobody else would tell the secondaries.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_patch_does_not_leave_the_secondary_behind() {
    if !have(&["pdns_server", "nsd"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let port = free_port();
    let server = PowerDns::telling(&[(ZONE, TEXT)], &key, Some(port));
    let secondary = Nsd::secondary(port, &[ZONE], server.v4, &key);
    wait_until("the secondary has the zone", READY, || {
        serial(secondary.v6, ZONE)
    });
    let is_patch: fn(&[u8]) -> bool = |piece| piece.starts_with(b"PATCH ");
    let relay = Relay::start(server.api, is_patch, Fate::CutAfter);
    let provider = powerdns(dir.path(), &format!("http://{}", relay.at), &server.api_key);
    let why = unclear(write(&*provider, &before(), &after()).await);
    assert!(why.contains("told its secondaries"), "{why}");
    wait_until("the secondary has what was changed", READY, || {
        let seen = answers(secondary.v6, "www.lab.example", RecordType::A);
        (seen == ["60 198.51.100.20"]).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_only_ask_is_told_so() {
    if !have(&["named"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = Bind::primary(&[(ZONE, TEXT)], &key);
    let powerless = rfc2136(dir.path(), server.v4, &Bind::powerless());
    let unseen = powerless.list(ZONE).await.unwrap_err();
    assert_eq!(unseen.cause, Cause::Denied);
    assert!(unseen.detail.contains("name the records"), "{unseen:?}");
    assert_eq!(read(&*powerless, &[WWW]).await, before());
    let held = serial(server.v4, ZONE);
    let why = refused(write(&*powerless, &before(), &after()).await);
    assert!(why.contains("REFUSED"), "{why}");
    assert_eq!(serial(server.v4, ZONE), held);

    // A zone that the server does not have.
    let other = rfc2136(dir.path(), server.v4, &key);
    let unseen = other.list("other.example").await.unwrap_err();
    assert!(unseen.detail.contains("other.example"), "{unseen:?}");
    let key = ["www.other.example. A".parse().unwrap()];
    assert!(other.read("other.example", &key).await.is_err());
}

/// A secret for looking and one for writing; the place of the one that is not needed does not exist.
#[tokio::test(flavor = "multi_thread")]
async fn the_secret_for_writing_is_asked_for_by_a_write_alone() {
    if !have(&["named", "pdns_server"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let bind = Bind::primary(&[(ZONE, TEXT)], &key);
    let server = PowerDns::primary(&[(ZONE, TEXT)], &key);
    let nowhere = || Datum::Secret(SecretRef::File("/nonexistent/write-key".into()));
    let table = |place: Datum| {
        let mut table = Fields::default();
        table.insert("name", Datum::Text(key.name.clone()), 0..0);
        table.insert("secret", place, 0..0);
        Datum::Table(table)
    };
    let providers: [Arc<dyn Provider>; 2] = [
        build("rfc2136", |fields| {
            fields.insert("server", Datum::Text(bind.v6.to_string()), 0..0);
            fields.insert("key", table(secret(dir.path(), "look", &key.secret)), 0..0);
            fields.insert("write-key", table(nowhere()), 0..0);
        }),
        build("powerdns", |fields| {
            fields.insert("url", Datum::Text(format!("http://{}", server.api)), 0..0);
            fields.insert(
                "read-secret",
                secret(dir.path(), "api", &server.api_key),
                0..0,
            );
            fields.insert("write-secret", nowhere(), 0..0);
        }),
    ];
    for provider in providers {
        assert_eq!(read(&*provider, &[WWW]).await, before());
        assert_eq!(provider.list(ZONE).await.unwrap().sets.len(), 5);
        let why = refused(write(&*provider, &before(), &after()).await);
        assert!(why.contains("/nonexistent/write-key"), "{why}");
        assert_eq!(read(&*provider, &[WWW]).await, before());
    }
}

/// Transfers come in many messages, and a server may leave some of them unsigned.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_zone_is_listed_whole() {
    if !have(&["named", "knotd", "pdns_server"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let mut text = TEXT.to_owned();
    for n in 0..6000 {
        text.push_str(&format!("host-{n} IN AAAA 2001:db8::{n:x}\n"));
    }
    let zones = [(ZONE, text.as_str())];
    let bind = Bind::primary(&zones, &key);
    let knot = Knot::primary(&zones, &key);
    let pdns = PowerDns::primary(&zones, &key);
    for at in [bind.v4, knot.v4, pdns.v4] {
        let provider = rfc2136(dir.path(), at, &key);
        assert_eq!(provider.list(ZONE).await.unwrap().sets.len(), 6005);
    }
}
