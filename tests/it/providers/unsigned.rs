//! A server of a signed zone that takes updates and has no keys to sign them with.

use std::path::Path;
use std::process::Command;

use super::*;
use crate::lab::program;

/// The zone with signatures, whose keys nobody keeps.
fn signed(dir: &Path) -> String {
    let run = |name: &str, args: &[&str]| {
        let mut command = Command::new(program(name));
        let output = command.args(args).current_dir(dir).output().unwrap();
        assert!(output.status.success(), "{name}: {output:?}");
    };
    let keys = ["-K", "."];
    put(dir, "plain", TEXT);
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
    let server = Knot::primary(&[(ZONE, &signed(dir.path()))], &key);
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
