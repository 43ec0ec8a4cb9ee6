//! BIND, as a primary that takes updates, or as the secondary of one.

use std::fmt::Write;
use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use super::{Tsig, serial};
use crate::lab::{Guard, free_port, program, put, v4, v6};

#[derive(Debug)]
pub struct Bind {
    pub v4: SocketAddr,
    pub v6: SocketAddr,
    pub guard: Guard,
    _dir: TempDir,
}

impl Bind {
    /// A primary of these zones (name, text) that gives and takes everything on the word of the key.
    pub fn primary(zones: &[(&str, &str)], key: &Tsig) -> Bind {
        Bind::primary_at(free_port(), zones, key, None)
    }

    /// A primary and a secondary that is told of each change.
    pub fn pair(zones: &[(&str, &str)], key: &Tsig) -> (Bind, Bind) {
        let (first, second) = (free_port(), free_port());
        let primary = Bind::primary_at(first, zones, key, Some(second));
        let names: Vec<_> = zones.iter().map(|(name, _)| *name).collect();
        let secondary = Bind::secondary_at(second, &names, key, first);
        (primary, secondary)
    }

    /// A primary of one zone that shows one text to whoever has the key, and another to everybody else; that one takes
    /// updates of somebody else.
    pub fn in_views(zone: &str, key: &Tsig, with_key: &str, without: &str) -> Bind {
        let dir = tempfile::tempdir().unwrap();
        let mut config = String::new();
        let somebody = Bind::somebody();
        for (view, clients, text, writes) in [
            ("inside", format!("key {}", key.name), with_key, key),
            ("outside", "any".to_owned(), without, &somebody),
        ] {
            put(dir.path(), &format!("{view}.zone"), text);
            writeln!(
                config,
                "view {view} {{ match-clients {{ {clients}; }};\n\
                 zone \"{zone}\" {{ type primary; file \"{view}.zone\";\n\
                 update-policy {{ grant {key} zonesub ANY; }}; allow-transfer {{ any; }}; }}; }};",
                key = writes.name
            )
            .unwrap();
        }
        Bind::start(free_port(), dir, key, &config, zone)
    }

    /// A key that every one of these servers knows, and that may only ask.
    pub fn powerless() -> Tsig {
        Tsig::new("powerless")
    }

    /// A key that every one of these servers knows, and that may write what is shown to everybody.
    pub fn somebody() -> Tsig {
        Tsig::new("somebody")
    }

    fn primary_at(port: u16, zones: &[(&str, &str)], key: &Tsig, tells: Option<u16>) -> Bind {
        let dir = tempfile::tempdir().unwrap();
        let mut config = String::new();
        for (name, text) in zones {
            put(dir.path(), &format!("{name}.zone"), text);
            let tells = tells.map_or(String::new(), |to| {
                format!("also-notify {{ 127.0.0.1 port {to}; }}; notify explicit; notify-delay 0;")
            });
            writeln!(
                config,
                "zone \"{name}\" {{ type primary; file \"{name}.zone\"; check-names ignore; {tells}\n\
                 update-policy {{ grant {key} zonesub ANY; }};\n\
                 allow-transfer {{ key {key}; }}; }};",
                key = key.name
            )
            .unwrap();
        }
        Bind::start(port, dir, key, &config, zones[0].0)
    }

    fn secondary_at(port: u16, zones: &[&str], key: &Tsig, of: u16) -> Bind {
        let dir = tempfile::tempdir().unwrap();
        let mut config = format!("server 127.0.0.1 {{ keys {{ {}; }}; }};\n", key.name);
        for name in zones {
            writeln!(
                config,
                "zone \"{name}\" {{ type secondary; file \"{name}.copy\"; masterfile-format text;\n\
                 primaries port {of} {{ 127.0.0.1; }}; allow-notify {{ 127.0.0.1; }}; }};"
            )
            .unwrap();
        }
        Bind::start(port, dir, key, &config, zones[0])
    }

    fn start(port: u16, dir: TempDir, key: &Tsig, zones: &str, first: &str) -> Bind {
        let path = dir.path().display();
        let others: String = [Bind::powerless(), Bind::somebody(), key.clone()]
            .map(|key| {
                format!(
                    "key \"{}\" {{ algorithm hmac-sha256; secret \"{}\"; }};\n",
                    key.name, key.secret
                )
            })
            .concat();
        let config = format!(
            "options {{ directory \"{path}\"; pid-file none; session-keyfile \"{path}/session.key\";\n\
             listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 port {port} {{ ::1; }};\n\
             recursion no; dnssec-validation no; notify no; min-refresh-time 1; min-retry-time 1; }};\n\
             controls {{ }};\n\
             {others}{zones}"
        );
        let config = put(dir.path(), "named.conf", &config);
        let mut command = Command::new(program("named"));
        command.arg("-g").args(["-n", "1"]).arg("-c").arg(config);
        let mut guard = Guard::start(command, dir.path().join("named.log"));
        guard.ready("named", || serial(v4(port), first));
        Bind {
            v4: v4(port),
            v6: v6(port),
            guard,
            _dir: dir,
        }
    }
}
