use insta::assert_snapshot;

use crate::playbook::{Playbook, Problems};

/// A playbook with these hosts: name, and the lines of its table.
fn with(hosts: &[(&str, &str)], service: &str) -> Result<Playbook, Problems> {
    let hosts: String = (hosts.iter())
        .map(|(name, lines)| format!("[hosts.{name}]\n{}\n\n", lines.replace("; ", "\n")))
        .collect();
    let text = format!(
        r#"
[playbook]
name = "site"

{hosts}
[providers.dns]
kind = "mythic-beasts"
key-id = {{ env = "MYTHIC_KEY_ID" }}
secret = {{ env = "MYTHIC_SECRET" }}

[zones."site.example"]
provider = "dns"

[services.website]
names = ["site.example"]
probes = [{{ http = "/", status = 200 }}]
{service}

[[step]]
id = "flip"
kind = "dns"
services = "all"
"#
    );
    Playbook::parse(&text, "site.toml", &[])
}

fn bad(hosts: &[(&str, &str)], service: &str) -> String {
    with(hosts, service).unwrap_err().to_string()
}

/// Who stands in for whom.
fn pairs(hosts: &[(&str, &str)]) -> Vec<String> {
    let book = with(hosts, "").unwrap_or_else(|problems| panic!("{problems}"));
    (book.hosts().values())
        .filter(|host| !host.stands_in_for.is_empty())
        .map(|host| format!("{} for {}", host.name, host.stands_in_for.join(", ")))
        .collect()
}

const WEB1: (&str, &str) = (
    "web1",
    "site = \"home\"; role = \"web\"; addresses = [\"192.0.2.1\"]",
);
const WEB2: (&str, &str) = (
    "web2",
    "site = \"home\"; role = \"web\"; addresses = [\"192.0.2.2\"]",
);
const DB: (&str, &str) = ("db", "site = \"home\"; role = \"db\"");
const SPARE1: (&str, &str) = (
    "spare1",
    "site = \"cloud\"; role = \"web\"; addresses = [\"198.51.100.1\"]",
);
const SPARE2: (&str, &str) = (
    "spare2",
    "site = \"cloud\"; role = \"web\"; addresses = [\"198.51.100.2\"]",
);
const SPARE_DB: (&str, &str) = ("spare-db", "site = \"cloud\"; role = \"db\"");

#[test]
fn hosts_of_one_role_stand_in_for_each_other() {
    assert_eq!(pairs(&[WEB1, SPARE1]), ["spare1 for web1"]);
    assert_eq!(
        pairs(&[WEB1, WEB2, DB, SPARE1, SPARE_DB]),
        ["spare-db for db", "spare1 for web1, web2"]
    );
    // One host of the first site beside several: names that led to it will lead to all of them.
    assert_eq!(pairs(&[WEB1, SPARE1, SPARE2]), ["web1 for spare1, spare2"]);
    // What is said counts before the role.
    let named = (
        "spare1",
        "site = \"cloud\"; role = \"web\"; stands-in-for = [\"web1\"]; addresses = [\"198.51.100.1\"]",
    );
    let other = (
        "spare2",
        "site = \"cloud\"; role = \"web\"; stands-in-for = [\"web2\"]; addresses = [\"198.51.100.2\"]",
    );
    assert_eq!(
        pairs(&[WEB1, WEB2, named, other]),
        ["spare1 for web1", "spare2 for web2"]
    );
}

#[test]
fn a_role_of_several_hosts_at_both_sites_says_too_little() {
    assert_snapshot!(bad(&[WEB1, WEB2, SPARE1, SPARE2], ""), @r#"
error: several hosts of both sites have the role `web`
 --> site.toml:7:8
  |
7 | role = "web"
  |        ^^^^^ which of `spare1` and `spare2` is meant?
  |
  = help: say so with `stands-in-for = ["HOST"]` at the hosts of one site

1 error in site.toml
"#);
}

#[test]
fn a_role_that_nobody_takes_over_is_told() {
    assert_snapshot!(with(&[WEB1, DB, SPARE1], "").unwrap().warnings(), @r#"
warning: no host of the other site has the role `db`
  --> site.toml:12:8
   |
12 | role = "db"
   |        ^^^^ who takes over its work?
   |
   = help: give a host of the other site this role, or `stands-in-for`

1 warning in site.toml
"#);
    let alone = (
        "mail",
        "site = \"home\"; role = \"mail\"; addresses = [\"192.0.2.3\"]",
    );
    assert_snapshot!(bad(&[WEB1, alone, SPARE1], ""), @r#"
error: no host of the other site stands in for `mail`
  --> site.toml:10:8
   |
10 | [hosts.mail]
   |        ^^^^ where shall its names lead?
   |
   = help: add `stands-in-for = ["mail"]` to the host that takes over its work

1 error in site.toml
"#);
}

#[test]
fn a_service_is_offered_by_the_hosts_of_a_role() {
    let hosts = [WEB1, WEB2, DB, SPARE1, SPARE_DB];
    let book = with(&hosts, "role = \"web\"").unwrap();
    assert_eq!(book.services()["website"].hosts, ["spare1", "web1", "web2"]);
    assert_snapshot!(bad(&hosts, "role = \"wbe\""), @r#"
error: no host has the role `wbe`
  --> site.toml:40:8
   |
40 | role = "wbe"
   |        ^^^^^ nobody would offer it
   |
   = help: did you mean `web`?

1 error in site.toml
"#);
    assert_snapshot!(bad(&hosts, "role = \"web\"\nhosts = [\"web1\"]"), @r#"
error: a service is offered by `hosts` or by the hosts of a `role`, not by both
  --> site.toml:40:8
   |
40 | role = "web"
   |        ^^^^^ which of the two?

1 error in site.toml
"#);
}

#[test]
fn a_host_without_ipv4_is_reached_by_its_proxy() {
    let home = (
        "home",
        "addresses = [\"2001:db8::1\"]; proxy = [\"203.0.113.5\"]",
    );
    let dual = ("cloud", "addresses = [\"198.51.100.1\", \"2001:db8:1::1\"]");
    let book = with(&[home, dual], "").unwrap();
    assert!(book.warnings().is_empty(), "{}", book.warnings());
    let public: Vec<String> = (book.hosts()["home"].public())
        .map(|ip| ip.to_string())
        .collect();
    assert_eq!(public, ["2001:db8::1", "203.0.113.5"]);
    // The same proxy before both sides is no mistake.
    let both = (
        "cloud",
        "addresses = [\"2001:db8:1::1\"]; proxy = [\"203.0.113.5\"]",
    );
    assert!(with(&[home, both], "").unwrap().warnings().is_empty());
    let only_six = ("cloud", "addresses = [\"2001:db8:1::1\"]");
    assert_snapshot!(with(&[home, only_six], "").unwrap().warnings(), @r#"
warning: host `cloud` has no IPv4 address, but its partner `home` has one
  --> site.toml:10:13
   |
10 | addresses = ["2001:db8:1::1"]
   |             ^^^^^^^^^^^^^^^^^ no IPv4 address
   |
   = help: IPv4 records that lead to `home` have nowhere to go

1 warning in site.toml
"#);
}

#[test]
fn an_address_is_a_hosts_own_or_a_proxys() {
    let home = ("home", "addresses = [\"2001:db8::1\", \"203.0.113.5\"]");
    let cloud = (
        "cloud",
        "addresses = [\"2001:db8:1::1\"]; proxy = [\"203.0.113.5\"]",
    );
    assert_snapshot!(bad(&[home, cloud], ""), @r#"
error: `203.0.113.5` is a proxy of host `cloud` and an address of host `home` itself
  --> site.toml:10:9
   |
10 | proxy = ["203.0.113.5"]
   |         ^^^^^^^^^^^^^^^ `203.0.113.5` again
   |
   = help: an address is a host's own, or that of a proxy before it

1 error in site.toml
"#);
    let twice = (
        "cloud",
        "addresses = [\"198.51.100.1\"]; proxy = [\"203.0.113.6\", \"203.0.113.6\"]",
    );
    assert!(bad(&[home, twice], "").contains("listed twice as a proxy"));
}

#[test]
fn hosts_behind_one_proxy_move_together() {
    let host = |name, site: &str, ip: &str, more: &str| {
        let lines = format!("site = \"{site}\"; addresses = [\"{ip}\"]; {more}");
        (name, lines)
    };
    let hosts = |proxies: [&str; 2]| {
        let stands =
            |of: &str, proxy: &str| format!("stands-in-for = [\"{of}\"]; proxy = [\"{proxy}\"]");
        let hosts = [
            host("a", "home", "2001:db8::a", "proxy = [\"203.0.113.5\"]"),
            host("b", "home", "2001:db8::b", "proxy = [\"203.0.113.5\"]"),
            host("c", "cloud", "2001:db8:1::a", &stands("a", proxies[0])),
            host("d", "cloud", "2001:db8:1::b", &stands("b", proxies[1])),
        ];
        let hosts: Vec<(&str, &str)> = (hosts.iter())
            .map(|(name, lines)| (*name, lines.as_str()))
            .collect();
        with(&hosts, "")
    };
    assert!(hosts(["203.0.113.6", "203.0.113.6"]).is_ok());
    assert!(hosts(["203.0.113.5", "203.0.113.5"]).is_ok());
    assert_snapshot!(hosts(["203.0.113.6", "203.0.113.7"]).unwrap_err(), @r#"
error: `203.0.113.5` leads to host `a` and to host `b`, and other addresses stand in for each
  --> site.toml:13:9
   |
 8 | proxy = ["203.0.113.5"]
   |         --------------- the same proxy
...
13 | proxy = ["203.0.113.5"]
   |         ^^^^^^^^^^^^^^^ where shall names go that lead here?
   |
   = help: hosts behind one proxy need stand-ins behind one proxy

1 error in site.toml
"#);
}
