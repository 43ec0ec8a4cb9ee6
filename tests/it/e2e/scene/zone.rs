//! The zone of a scene: what its servers hold, and what somebody else writes into it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::process::Command;

use hickory_resolver::proto::rr::RecordType;

use super::{ARCHIVE, Dns, OLD, Place, Scene, WWW, ZONE};
use crate::lab::dns::{answers, serial};
use crate::lab::{READY, program, wait_until};

impl Scene {
    pub fn primary(&self) -> SocketAddr {
        match &self.dns {
            Dns::Bind(primary, _) => primary.v4,
            Dns::Knot(primary) => primary.v4,
            Dns::PowerDns(primary, _) => primary.v4,
        }
    }

    pub fn secondary(&self) -> SocketAddr {
        match &self.dns {
            Dns::Bind(_, secondary) => secondary.v4,
            Dns::Knot(primary) => primary.v4,
            Dns::PowerDns(_, secondary) => secondary.v4,
        }
    }

    /// Every authoritative server, at both families.
    pub fn servers(&self) -> Vec<SocketAddr> {
        let all = match &self.dns {
            Dns::Bind(one, two) => vec![one.v4, one.v6, two.v4, two.v6],
            Dns::Knot(one) => vec![one.v4, one.v6],
            Dns::PowerDns(one, two) => vec![one.v4, one.v6, two.v4, two.v6],
        };
        let six = |at: &SocketAddr| !self.plot.only_v6 || at.is_ipv6();
        all.into_iter().filter(six).collect()
    }

    /// What the zone holds at its primary, with TTLs.
    pub fn zone(&self) -> BTreeMap<String, Vec<String>> {
        let names = [WWW, ARCHIVE, "mail.site.example"];
        let asked = names
            .iter()
            .flat_map(|name| [RecordType::A, RecordType::AAAA].map(|rtype| (name, rtype)));
        asked
            .map(|(name, rtype)| {
                let key = format!("{name} {rtype}");
                (key, answers(self.primary(), name, rtype))
            })
            .collect()
    }

    pub fn serial(&self) -> u32 {
        wait_until("the primary has the zone", READY, || {
            serial(self.primary(), ZONE)
        })
    }

    /// Whether a name leads to this place, over the family that the scene has.
    pub fn leads_to(&self, place: &Place) -> bool {
        let zone = self.zone();
        place.addresses.iter().all(|address| {
            let family = match address.contains(':') {
                true => "AAAA",
                false => "A",
            };
            let lines = &zone[&format!("{WWW} {family}")];
            lines.len() == 1 && lines[0].ends_with(&format!(" {address}"))
        })
    }

    pub fn wait_for_flip_to(&self, place: &Place) {
        wait_until(&format!("the names lead to {}", place.name), READY, || {
            self.leads_to(place).then_some(())
        });
    }

    /// Somebody else changes the A (or, without IPv4, AAAA) record of www, past the program.
    pub fn somebody_else_writes(&self, address: &str) {
        let rtype = if address.contains(':') { "AAAA" } else { "A" };
        self.update_zone(&format!(
            "update delete {WWW} {rtype}\nupdate add {WWW} 300 {rtype} {address}\n"
        ));
    }

    /// Somebody else changes the zone, past the program; every server that answers has it then.
    pub fn update_zone(&self, updates: &str) {
        let at = self.primary();
        let script = format!(
            "server {} {}\nzone {ZONE}\n{updates}send\n",
            at.ip(),
            at.port()
        );
        let key = self.folder.path().join("somebody.key");
        let text = format!(
            "key \"{}\" {{ algorithm hmac-sha256; secret \"{}\"; }};\n",
            self.key.name, self.key.secret
        );
        std::fs::write(&key, text).unwrap();
        let file = self.folder.path().join("somebody.update");
        std::fs::write(&file, script).unwrap();
        let done = Command::new(program("nsupdate"))
            .arg("-k")
            .args([&key, &file])
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        let servers = self.servers();
        wait_until("the servers have it", READY, || {
            let newest = serial(at, ZONE)?;
            let mut told = servers.iter().filter_map(|server| serial(*server, ZONE));
            told.all(|told| told == newest).then_some(())
        });
    }

    /// How many lines of updates the primary has logged.
    pub fn updates(&self) -> usize {
        match &self.dns {
            Dns::Bind(primary, _) => primary.guard.said().matches(": updating zone").count(),
            _ => panic!("only BIND's log is read"),
        }
    }
}

pub fn zone_text(only_v6: bool) -> String {
    let mut text = "$ORIGIN site.example.\n$TTL 300\n\
         @ IN SOA ns.site.example. hostmaster.site.example. 1 3600 600 86400 1\n\
         @ IN NS ns.site.example.\nns IN AAAA ::1\nmail IN AAAA 2001:db8:9::25\n"
        .to_owned();
    for name in ["www", "archive"] {
        if !only_v6 {
            writeln!(text, "{name} 2 IN A {}", OLD[0]).unwrap();
        }
        writeln!(text, "{name} 2 IN AAAA {}", OLD[1]).unwrap();
    }
    text
}
