//! A server of a signed zone that takes updates and has no keys to sign them with.

use std::path::Path;
use std::process::Command;

use super::*;
use crate::lab::program;

/// This zone with signatures, whose keys nobody keeps.
fn signed(dir: &Path, text: &str) -> String {
    let run = |name: &str, args: &[&str]| {
        let mut command = Command::new(program(name));
        let output = command.args(args).current_dir(dir).output().unwrap();
        assert!(output.status.success(), "{name}: {output:?}");
    };
    let keys = ["-K", "."];
    put(dir, "plain", text);
    let key = ["-a", "ECDSAP256SHA256", "-f", "KSK", ZONE];
    run("dnssec-keygen", &[&keys[..], &key].concat());
    let sign = ["-S", "-z", "-o", ZONE, "-f", "signed", "plain"];
    run("dnssec-signzone", &[&keys[..], &sign].concat());
    std::fs::read_to_string(dir.join("signed")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_takes_and_does_not_sign_is_taken_back() {
    if !have(&["knotd", "dnssec-keygen", "dnssec-signzone"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let server = Knot::primary(&[(ZONE, &signed(dir.path(), TEXT))], &key);
    let provider = rfc2136(dir.path(), server.v4, &key);
    let name = "archive.lab.example. A";
    let before = set(name, 600, &["192.0.2.10"]);
    let after = set(name, 60, &["198.51.100.20"]);
    let serial_before = serial(server.v4, ZONE);
    let why = put_back(write(&*provider, from_ref(&before), from_ref(&after)).await);
    assert!(why.contains("does not sign what is written"), "{why}");
    assert!(why.contains("so it was taken back at once"), "{why}");
    assert_eq!(read(&*provider, &[name]).await, [before]);
    let seen = answers(server.v6, "archive.lab.example", RecordType::A);
    assert_eq!(seen, ["600 192.0.2.10"]);
    // It was written, and written again.
    assert_ne!(serial(server.v4, ZONE), serial_before);
}

/// What is taken away has no signature, and so the first messages tell nothing of whether the server signs.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_later_message_shows_to_be_unsigned_is_taken_back_too() {
    if !have(&["knotd", "dnssec-keygen", "dnssec-signzone"]) {
        return;
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let addresses: Vec<String> = (1..=40).map(|n| format!("192.0.2.{n}")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let names = (0..160).map(|n| format!("gone-{n:04}.{ZONE}"));
    let gone: Vec<RecordSet> = names
        .map(|name| set(&format!("{name} A"), 600, &addresses))
        .collect();
    let lines = |set: &RecordSet| -> String {
        let lines = (set.data.iter()).map(|at| format!("{}. 600 IN A {at}\n", set.key.name));
        lines.collect()
    };
    let more: String = gone.iter().map(lines).collect();
    let server = Knot::primary(
        &[(ZONE, &signed(dir.path(), &format!("{TEXT}\n{more}")))],
        &key,
    );
    let provider = rfc2136(dir.path(), server.v4, &key);
    let new = set("zzz.lab.example. A", 60, &["198.51.100.20"]);
    let why = put_back(write(&*provider, &gone, from_ref(&new)).await);
    assert!(why.contains("does not sign what is written"), "{why}");
    let seen = answers(server.v6, &gone[0].key.name, RecordType::A);
    assert_eq!(seen.len(), addresses.len(), "{seen:?}");
}
