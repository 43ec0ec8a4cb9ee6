//! NSD, as the secondary of another server.

use std::fmt::Write;
use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use super::{Tsig, serial};
use crate::lab::{Guard, program, put, v4, v6};

#[derive(Debug)]
pub struct Nsd {
    pub v4: SocketAddr,
    pub v6: SocketAddr,
    pub guard: Guard,
    _dir: TempDir,
}

impl Nsd {
    /// A secondary on this port, which its primary was told beforehand, so that it can notify it.
    pub fn secondary(port: u16, zones: &[&str], of: SocketAddr, key: &Tsig) -> Nsd {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().display();
        let mut config = format!(
            "server:\n  ip-address: 127.0.0.1@{port}\n  ip-address: ::1@{port}\n  server-count: 1\n  \
             database: \"\"\n  username: \"\"\n  chroot: \"\"\n  zonesdir: \"{path}\"\n  \
             xfrdfile: \"{path}/xfrd.state\"\n  xfrdir: \"{path}\"\n  zonelistfile: \"{path}/zone.list\"\n  \
             cookie-secret-file: \"{path}/cookie\"\n  pidfile: \"{path}/nsd.pid\"\n\
             remote-control:\n  control-enable: no\n\
             key:\n  name: {key}\n  algorithm: hmac-sha256\n  secret: \"{}\"\n",
            key.secret,
            key = key.name
        );
        for name in zones {
            writeln!(
                config,
                "zone:\n  name: {name}\n  zonefile: {name}.copy\n  \
                 request-xfr: AXFR {}@{} {key}\n  allow-notify: 127.0.0.1 {key}",
                of.ip(),
                of.port(),
                key = key.name
            )
            .unwrap();
        }
        let config = put(dir.path(), "nsd.conf", &config);
        let mut command = Command::new(program("nsd"));
        command.arg("-d").arg("-c").arg(config);
        let mut guard = Guard::start(command, dir.path().join("nsd.log"));
        guard.ready("nsd", || serial(v4(port), zones[0]));
        Nsd {
            v4: v4(port),
            v6: v6(port),
            guard,
            _dir: dir,
        }
    }
}
