//! Knot, as a primary that takes updates.

use std::fmt::Write;
use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use super::{Tsig, serial};
use crate::lab::{Guard, free_port, program, put, v4, v6};

#[derive(Debug)]
pub struct Knot {
    pub v4: SocketAddr,
    pub v6: SocketAddr,
    pub guard: Guard,
    _dir: TempDir,
}

impl Knot {
    /// A primary of these zones (name, text) that gives and takes everything on the word of the key.
    pub fn primary(zones: &[(&str, &str)], key: &Tsig) -> Knot {
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let path = dir.path().display();
        let mut config = format!(
            "server:\n  rundir: {path}\n  listen: [127.0.0.1@{port}, \"::1@{port}\"]\n  \
             udp-workers: 1\n  tcp-workers: 2\n  background-workers: 1\n\
             database:\n  storage: {path}\n\
             log:\n  - target: stderr\n    any: info\n\
             key:\n  - id: {name}\n    algorithm: hmac-sha256\n    secret: {secret}\n\
             acl:\n  - id: all\n    key: {name}\n    action: [update, transfer]\n\
             zone:\n",
            name = key.name,
            secret = key.secret
        );
        for (name, text) in zones {
            let file = put(dir.path(), &format!("{name}.zone"), text);
            writeln!(
                config,
                "  - domain: {name}\n    file: {}\n    zonefile-sync: -1\n    acl: all",
                file.display()
            )
            .unwrap();
        }
        let config = put(dir.path(), "knot.conf", &config);
        let mut command = Command::new(program("knotd"));
        command.arg("-c").arg(config);
        let mut guard = Guard::start(command, dir.path().join("knot.log"));
        guard.ready("knotd", || serial(v4(port), zones[0].0));
        Knot {
            v4: v4(port),
            v6: v6(port),
            guard,
            _dir: dir,
        }
    }
}
