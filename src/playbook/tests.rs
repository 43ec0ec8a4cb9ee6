//! Playbooks of kinds and providers that exist for these tests only.

mod hosts;
mod keys;
mod random;
mod reference;
mod registry;
mod secrets;
mod services;
mod sets;
mod steps;
mod text;

use std::net::SocketAddr;
use std::time::Duration;

use super::{Input, Playbook, Problems};
use crate::clock::Clock;
use crate::plan::Seconds;
use crate::site::Probe;
use crate::step::{OnFail, When, Work};
use crate::world::exec::Exec;
use registry::{DEFAULTS, registry};

const GOOD: &str = r#"[playbook]
name = "lab"
rto = "15m"

[hosts.primary]
site = "dedicated"
ssh = "ops@primary.example"
addresses = ["192.0.2.10", "2001:db8::10"]
access-log = "/var/log/nginx/access.log"
sudo = true
reach = { "[2001:db8::10]:443" = "[::1]:8443" }

[hosts.standby]
site = "cloud"
local = true
addresses = ["198.51.100.20", "2001:db8:1::20"]

[providers.lab]
kind = "lab"
url = "http://[::1]:8081"
api-key = { env = "LAB_KEY" }
key = { algorithm = "hmac-sha256", secret = { file = "/etc/key" } }

[zones."Lab.example."]
provider = "lab"
servers = ["192.0.2.53", "[2001:db8::54]:5353"]

[services.website]
names = ["www.lab.example."]
probes = [
  { http = "/", contains = "Welcome", header = { Server = "nginx" }, slower-than = "2s" },
  { http = "/plain", tls = false, status = 204 },
  { tcp = 22, expect = "SSH-2.0" },
  { rsync = "archive" },
]

[[step]]
id = "ask"
kind = "ask"
to = "ops"
services = "all"
at = "target"
from = "primary"
share = "80%"
words = ["a"]
within = "10m"
when = ["failover", "drill"]
on-fail = "hold"

[[step]]
id = "act"
kind = "act"
temporary = true
"#;

fn parse(text: &str) -> Result<Playbook, Problems> {
    with(text, &[])
}

fn with(text: &str, sets: &[&str]) -> Result<Playbook, Problems> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let input = Input::alone("lab.toml", &sets);
    Playbook::read_with(&registry(), text.as_bytes(), &input)
}

/// The good playbook with one piece of text replaced, which must be there.
fn changed(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    GOOD.replacen(from, to, 1)
}

fn problems(text: &str) -> String {
    parse(text)
        .expect_err("must not be valid")
        .render(false, Some(100))
}

#[test]
fn a_good_playbook_holds_what_it_says() {
    let playbook = parse(GOOD).unwrap();
    assert_eq!(playbook.name(), "lab");
    assert_eq!(playbook.sites(), ("dedicated", "cloud"));
    assert_eq!(
        playbook.objectives().rto,
        Some(Seconds(Duration::from_secs(900)))
    );
    assert_eq!(playbook.hold(), Duration::ZERO);
    assert!(playbook.warnings().is_empty());
    assert_eq!(playbook.text(), GOOD);

    let primary = &playbook.hosts()["primary"];
    assert!(primary.reach.as_ref().unwrap().sudo);
    let public: SocketAddr = "[2001:db8::10]:443".parse().unwrap();
    assert_eq!(primary.connect_to(public), "[::1]:8443".parse().unwrap());

    let zone = &playbook.zones()["lab.example"];
    let servers: Vec<String> = zone.servers.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["192.0.2.53:53", "[2001:db8::54]:5353"]);

    let website = &playbook.services()["website"];
    assert_eq!(website.names, ["www.lab.example"]);
    let Probe::Http(http) = &website.probes[0] else {
        panic!("{website:?}")
    };
    assert_eq!((http.port, http.slower_than_ms), (443, Some(2000)));
    assert_eq!(http.header, [("server".to_owned(), "nginx".to_owned())]);
    let Probe::Http(plain) = &website.probes[1] else {
        panic!("{website:?}")
    };
    assert_eq!(
        (plain.port, plain.tls, plain.status),
        (80, false, Some(204))
    );
    assert_eq!(website.probes.len(), 4);

    let step = playbook.step("ask").unwrap();
    assert_eq!(step.common.within, Duration::from_secs(600));
    assert_eq!(step.common.every, DEFAULTS.every);
    assert_eq!(step.common.when, [When::Failover, When::Drill]);
    assert_eq!(step.common.on_fail, OnFail::Hold);
    let Work::Ask { question } = &step.work else {
        panic!("not an ask")
    };
    assert_eq!(question, r#"ask ["website"]"#);
    assert!(playbook.steps()[1].common.temporary);
}

#[test]
fn live_gives_the_steps_what_was_defined() {
    let playbook = parse(GOOD).unwrap();
    let site = playbook.live(Clock::real(), Exec::new());
    assert_eq!(&site.hosts, playbook.hosts());
    assert_eq!(&site.services, playbook.services());
    let zone = site.zone_of("www.lab.example").unwrap();
    assert_eq!(
        (zone.name.as_str(), zone.provider_name.as_str()),
        ("lab.example", "lab")
    );
    assert_eq!(zone.servers, playbook.zones()["lab.example"].servers);
}
