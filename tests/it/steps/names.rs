//! Addresses of names, as DNS gives them now, and the public probed by name.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use cutover::event::Cause;
use cutover::world::names::{Asked, addresses};
use tempfile::TempDir;

use crate::lab::{Guard, free_port, have, program, put, v4, v6, wait_for_port};

const ZONE: &str = "$ORIGIN lab.example.
@ 60 IN SOA ns hostmaster 1 3600 600 86400 30
@ 60 IN NS ns
ns 60 IN A 127.0.0.1
www 45 IN A 198.51.100.20
www 45 IN AAAA 2001:db8:1::20
alias 60 IN CNAME www
text 60 IN TXT \"no address\"
";

/// A real name server of one zone.
struct Knot {
    port: u16,
    _server: Guard,
    _folder: TempDir,
}

fn knot() -> Knot {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let at = folder.path();
    put(at, "lab.zone", ZONE);
    let config = format!(
        "server:\n  rundir: {0}\n  listen: [127.0.0.1@{port}, ::1@{port}]\n\
         database:\n  storage: {0}\n\
         zone:\n  - domain: lab.example\n    storage: {0}\n    file: lab.zone\n",
        at.display()
    );
    let config = put(at, "knot.conf", &config);
    let mut command = Command::new(program("knotd"));
    command.arg("-c").arg(config);
    let mut server = Guard::start(command, at.join("log"));
    wait_for_port(&mut server, v4(port));
    wait_for_port(&mut server, v6(port));
    Knot {
        port,
        _server: server,
        _folder: folder,
    }
}

async fn asked(at: SocketAddr, name: &str) -> Result<Vec<(String, u32)>, Cause> {
    let asked = Asked::Authoritative(vec![at]);
    addresses(name, &asked, Duration::from_secs(20))
        .await
        .map(|found| {
            found
                .into_iter()
                .map(|address| (address.ip.to_string(), address.ttl))
                .collect()
        })
        .map_err(|unseen| unseen.cause)
}

#[tokio::test]
async fn both_families_are_asked_for_and_aliases_are_followed() {
    if !have(&["knotd"]) {
        return;
    }
    let knot = knot();
    let www = || {
        Ok(vec![
            ("198.51.100.20".to_owned(), 45),
            ("2001:db8:1::20".to_owned(), 45),
        ])
    };
    for at in [v4(knot.port), v6(knot.port)] {
        assert_eq!(asked(at, "www.lab.example").await, www());
        assert_eq!(asked(at, "alias.lab.example.").await, www());
        // The name is there without an address, or is not there at all: both are answers.
        assert_eq!(asked(at, "text.lab.example").await, Ok(Vec::new()));
        assert_eq!(asked(at, "absent.lab.example").await, Ok(Vec::new()));
        // Somebody else's zone is no answer.
        assert!(asked(at, "www.elsewhere.example").await.is_err());
    }
}

#[tokio::test]
async fn a_dead_server_is_no_empty_answer() {
    let at = v4(free_port());
    let asked = Asked::Resolver(at);
    let unseen = addresses("www.lab.example", &asked, Duration::from_secs(2))
        .await
        .unwrap_err();
    assert!(unseen.detail.contains("www.lab.example"), "{unseen:?}");
}
