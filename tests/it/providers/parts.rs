//! Record sets that need several messages: each does all that it holds or nothing, and what one write did is told.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cutover::dns::{Provider, RecordKey, RecordSet};
use cutover::event::Answer;

use super::{TEXT, ZONE, done, put_back, refused, rfc2136, set, write};
use crate::lab::dns::{Bind, Knot, PowerDns, Tsig, serial};
use crate::lab::relay::{Fate, Relay};
use crate::lab::{have, program, put, read as read_file};

/// With names of this length some 160 fit into one message.
const SETS: usize = 500;

fn name(n: usize) -> String {
    let long = "a-label-of-which-few-fit-into-a-message";
    format!("h{n:03}.{long}.{long}.lab.example")
}

fn zone() -> String {
    let mut text = TEXT.to_owned();
    for n in 0..SETS {
        writeln!(text, "{}. 300 IN A 192.0.2.10", name(n)).unwrap();
    }
    text
}

fn sets(ttl: u32, address: &str) -> Vec<RecordSet> {
    let all = (0..SETS).map(|n| set(&format!("{}. A", name(n)), ttl, &[address]));
    all.collect()
}

fn before() -> Vec<RecordSet> {
    sets(300, "192.0.2.10")
}

fn after() -> Vec<RecordSet> {
    sets(60, "198.51.100.20")
}

async fn all(provider: &dyn Provider) -> Vec<RecordSet> {
    let keys: Vec<RecordKey> = before().into_iter().map(|set| set.key).collect();
    let mut sets = provider.read(ZONE, &keys).await.unwrap();
    sets.sort_by(|one, other| one.key.cmp(&other.key));
    sets
}

/// A relay in front of a server that does something just before it hands on the n-th update, counted from 1; what it
/// does says whether the update meets the relay's fate.
fn before_the(
    nth: usize,
    server: SocketAddr,
    fate: Fate,
    act: impl Fn() -> bool + Send + Sync + 'static,
) -> Relay {
    let seen = Arc::new(AtomicUsize::new(0));
    let is_it = move |piece: &[u8]| {
        // The header of an update of one zone; what follows in further pieces is data.
        let is_update = piece.get(4..8) == Some(&[5 << 3, 0, 0, 1]);
        is_update && seen.fetch_add(1, Ordering::SeqCst) + 1 == nth && act()
    };
    Relay::start(server, is_it, fate)
}

/// How many messages a note tells of.
fn messages(note: &str) -> usize {
    let told = note.split_once(" took the update in ").unwrap().1;
    told.split_once(" messages").unwrap().0.parse().unwrap()
}

async fn many_are_written_in_one_go(at: SocketAddr, key: &Tsig) {
    let dir = tempfile::tempdir().unwrap();
    let provider = rfc2136(dir.path(), at, key);
    for (from, to) in [(before(), after()), (after(), before())] {
        assert_eq!(all(&*provider).await, from);
        match write(&*provider, &from, &to).await {
            Answer::Done { note } => assert!((3..9).contains(&messages(&note)), "{note}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(all(&*provider).await, to);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_one_message_is_written_in_several() {
    let (key, text) = (Tsig::new("cutover"), zone());
    if have(&["named"]) {
        let server = Bind::primary(&[(ZONE, &text)], &key);
        many_are_written_in_one_go(server.v4, &key).await;
    }
    if have(&["knotd"]) {
        let server = Knot::primary(&[(ZONE, &text)], &key);
        many_are_written_in_one_go(server.v6, &key).await;
    }
    if have(&["pdns_server"]) {
        let server = PowerDns::primary(&[(ZONE, &text)], &key);
        many_are_written_in_one_go(server.v4, &key).await;
    }
}

/// What is there after a write that was stopped on its way: what was asked for of the first of them, and what was there
/// before of the rest.
fn moved(seen: &[RecordSet]) -> usize {
    let moved = (seen.iter().zip(after())).take_while(|(seen, after)| *seen == after);
    let moved = moved.count();
    assert_eq!(seen[moved..], before()[moved..]);
    moved
}

/// Somebody else writes a set of the last message while the first ones are on their way.
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_writes_between_two_messages_is_not_written_over() {
    if !have(&["named"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = Bind::primary(&[(ZONE, &zone())], &key);
    let direct = rfc2136(dir.path(), server.v4, &key);
    let last = SETS - 1;
    for nth in [1, 3] {
        let theirs = rfc2136(dir.path(), server.v6, &key);
        let handle = tokio::runtime::Handle::current();
        let somebody = move || {
            let (was, mut is) = (before().split_off(last), after().split_off(last));
            is[0] = set(&is[0].key.to_string(), 77, &["203.0.113.77"]);
            done(handle.block_on(write(&*theirs, &was, &is)));
            false
        };
        let relay = before_the(nth, server.v4, Fate::Silence, somebody);
        let ours = rfc2136(dir.path(), relay.at, &key);
        let why = put_back(write(&*ours, &before(), &after()).await);
        let told = format!(
            "messages were taken, and then: the name server `{}`",
            relay.at
        );
        assert!(
            why.contains(&told)
                && why.contains("somebody else wrote it")
                && why.contains("what was taken was put back at once"),
            "{why}"
        );
        // Nothing of it is there, and what is theirs is.
        let mut seen = all(&*direct).await;
        assert_eq!(seen[last].data, ["203.0.113.77"]);
        done(write(&*direct, &seen[last..], &before()[last..]).await);
        seen[last] = before()[last].clone();
        assert_eq!(seen, before());
    }
}

/// The server took it, or never saw it; nobody knows which until somebody looks.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_one_of_several_messages_is_told_with_what_was_taken_before() {
    if !have(&["named"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = Bind::primary(&[(ZONE, &zone())], &key);
    let direct = rfc2136(dir.path(), server.v4, &key);
    for nth in [1, 2, 3] {
        let relay = before_the(nth, server.v4, Fate::CutAfter, || true);
        let ours = rfc2136(dir.path(), relay.at, &key);
        let answer = write(&*ours, &before(), &after()).await;
        let Answer::Unclear { why } = &answer else {
            panic!("{answer:?}");
        };
        assert!(why.contains("answer is missing"), "{why}");
        let taken = format!("{} of ", nth - 1);
        assert_eq!(
            why.starts_with(&taken) && why.contains("messages were taken"),
            nth > 1,
            "{why}"
        );
        let seen = all(&*direct).await;
        let moved = moved(&seen);
        assert!(moved > 100 * nth && moved < SETS, "{nth}: {moved}");
        // The rest is written, or what is there goes back.
        match nth {
            1 => done(write(&*direct, &seen, &before()).await),
            _ => {
                done(write(&*direct, &seen, &after()).await);
                assert_eq!(all(&*direct).await, after());
                done(write(&*direct, &after(), &before()).await);
            }
        }
        assert_eq!(all(&*direct).await, before());
    }
}

/// Where the first one is refused nothing was written.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_first_of_several_messages_is_a_refusal_of_all() {
    if !have(&["named"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = Bind::primary(&[(ZONE, &zone())], &key);
    let direct = rfc2136(dir.path(), server.v4, &key);
    let theirs = rfc2136(dir.path(), server.v6, &key);
    let handle = tokio::runtime::Handle::current();
    let somebody = move || {
        let (was, is) = (before(), after());
        done(handle.block_on(write(&*theirs, &was[..1], &is[..1])));
        false
    };
    let relay = before_the(1, server.v4, Fate::Silence, somebody);
    let ours = rfc2136(dir.path(), relay.at, &key);
    let why = refused(write(&*ours, &before(), &after()).await);
    assert!(why.contains("somebody else wrote it"), "{why}");
    assert_eq!(moved(&all(&*direct).await), 1);
}

/// The zone as `dnssec-signzone` signs it, with a key of its own.
fn signed_elsewhere(dir: &Path) -> String {
    let run = |name: &str, arguments: &[&str]| {
        let mut command = Command::new(program(name));
        let done = command.args(arguments).current_dir(dir).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    put(dir, "plain", &zone());
    run(
        "dnssec-keygen",
        &["-q", "-a", "ECDSAP256SHA256", "-f", "KSK", ZONE],
    );
    let signs = ["-q", "-S", "-z", "-o", ZONE, "-f", "signed", "plain"];
    run("dnssec-signzone", &signs);
    read_file(&dir.join("signed"))
}

/// A server that does not sign what is written shows that with the first message: it is taken back, and no other is sent.
#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_signs_the_first_of_several_messages_is_taken_back_alone() {
    if !have(&["knotd", "dnssec-keygen", "dnssec-signzone"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = Knot::primary(&[(ZONE, &signed_elsewhere(dir.path()))], &key);
    let provider = rfc2136(dir.path(), server.v4, &key);
    let began = serial(server.v4, ZONE).unwrap();
    let why = put_back(write(&*provider, &before(), &after()).await);
    assert!(why.contains("so it was taken back at once"), "{why}");
    assert_eq!(all(&*provider).await, before());
    assert_eq!(serial(server.v4, ZONE), Some(began + 2));
}
