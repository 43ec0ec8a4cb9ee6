//! Hosts: their sites, partners, addresses, and the ways to them.

use std::path::Path;

use insta::assert_snapshot;

use super::{Input, Playbook, Probe, changed, parse, problems};

#[test]
fn a_host_that_is_not_defined_is_told() {
    assert_snapshot!(problems(&changed(r#"from = "primary""#, r#"from = "primry""#)), @r#"
error: no host is called `primry`
  --> lab.toml:43:8
   |
43 | from = "primry"
   |        ^^^^^^^^ not defined
   |
   = help: did you mean `primary`?

1 error in lab.toml
"#);
}

#[test]
fn a_site_with_nobody_on_the_other_side_is_told() {
    assert_snapshot!(problems(&changed(r#"site = "cloud""#, r#"site = "dedicated""#)), @r#"
error: all hosts belong to one site, `dedicated`; a playbook has two
 --> lab.toml:5:2
  |
5 | [hosts.primary]
  |  ^^^^^ a second site is missing
  |
  = help: give the hosts of the other site a `site` of their own

1 error in lab.toml
"#);
}

#[test]
fn a_third_site_is_told() {
    assert_snapshot!(problems(&changed(r#"[providers.lab]"#, r#"[hosts.extra]

[providers.lab]"#)), @r#"
error: `extra` is a third site; a playbook has two
  --> lab.toml:18:8
   |
18 | [hosts.extra]
   |        ^^^^^ of site `extra`
   |
   = help: the others are `dedicated` and `cloud`; give the host `site = …`

1 error in lab.toml
"#);
}

#[test]
fn a_host_that_nobody_stands_in_for_is_told() {
    assert_snapshot!(problems(&changed(r#"[providers.lab]"#, r#"[hosts.files]
site = "dedicated"
addresses = ["192.0.2.11"]

[providers.lab]"#)), @r#"
error: it is not said which host stands in for which
  --> lab.toml:13:8
   |
13 | [hosts.standby]
   |        ^^^^^^^ stands in for whom of `primary` and `files`?
   |
   = help: a site has several hosts: add `stands-in-for = ["HOST"]` to those of one site, or a
           `role` to all

1 error in lab.toml
"#);
}

#[test]
fn a_host_that_is_left_over_is_told() {
    let text = changed(
        "site = \"cloud\"",
        "site = \"cloud\"\nstands-in-for = \"primary\"",
    );
    let extra =
        "[hosts.files]\nsite = \"dedicated\"\naddresses = [\"192.0.2.11\"]\n\n[providers.lab]";
    assert_snapshot!(problems(&text.replace("[providers.lab]", extra)), @r#"
error: no host of the other site stands in for `files`
  --> lab.toml:19:8
   |
19 | [hosts.files]
   |        ^^^^^ where shall its names lead?
   |
   = help: add `stands-in-for = ["files"]` to the host that takes over its work

1 error in lab.toml
"#);
}

#[test]
fn a_host_that_two_stand_in_for_is_told() {
    assert_snapshot!(problems(&changed(r#"[hosts.standby]"#, r#"[hosts.other]
site = "cloud"
stands-in-for = "primary"
addresses = ["198.51.100.21", "2001:db8:1::21"]

[hosts.standby]
stands-in-for = ["primary"]"#)), @r#"
error: `other` and `standby` stand in for host `primary`; it must be one of them
 --> lab.toml:5:8
  |
5 | [hosts.primary]
  |        ^^^^^^^ its names can lead to one host only

1 error in lab.toml
"#);
}

#[test]
fn a_stand_in_of_the_same_site_is_refused() {
    assert_snapshot!(problems(&changed(r#"[providers.lab]"#, r#"[hosts.files]
site = "dedicated"
stands-in-for = ["primary", "stanby"]

[providers.lab]"#)), @r#"
error: host `files` cannot stand in for `primary`: both belong to `dedicated`
  --> lab.toml:20:17
   |
20 | stands-in-for = ["primary", "stanby"]
   |                 ^^^^^^^^^^^^^^^^^^^^^ must name a host of the other site

error: no host is called `stanby`
  --> lab.toml:20:17
   |
20 | stands-in-for = ["primary", "stanby"]
   |                 ^^^^^^^^^^^^^^^^^^^^^ not defined
   |
   = help: did you mean `standby`?

2 errors in lab.toml
"#);
}

#[test]
fn an_address_of_both_sites_is_refused() {
    assert_snapshot!(problems(&changed(r#""198.51.100.20""#, r#""192.0.2.10""#)), @r#"
error: `192.0.2.10` belongs to host `primary` and to host `standby`
  --> lab.toml:16:13
   |
16 | addresses = ["192.0.2.10", "2001:db8:1::20"]
   |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `192.0.2.10` again
   |
   = help: each address must tell which host it leads to

1 error in lab.toml
"#);
}

#[test]
fn an_address_that_is_none_is_told() {
    assert_snapshot!(problems(&changed(r#""198.51.100.20""#, r#""198.51.100.256", "::""#)), @r#"
error: `198.51.100.256` is no IP address
  --> lab.toml:16:14
   |
16 | addresses = ["198.51.100.256", "::", "2001:db8:1::20"]
   |              ^^^^^^^^^^^^^^^^ in `addresses`
   |
   = help: write `addresses = ["192.0.2.10", "2001:db8::10"]`

error: `::` is no address of one machine
  --> lab.toml:16:32
   |
16 | addresses = ["198.51.100.256", "::", "2001:db8:1::20"]
   |                                ^^^^ in `addresses`
   |
   = help: write `addresses = ["192.0.2.10", "2001:db8::10"]`

2 errors in lab.toml
"#);
}

#[test]
fn a_detour_needs_ports() {
    assert_snapshot!(problems(&changed(r#""[::1]:8443""#, r#""::1""#)), @r#"
error: `::1` is no address with a port
  --> lab.toml:11:9
   |
11 | reach = { "[2001:db8::10]:443" = "::1" }
   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ in `reach`
   |
   = help: write `reach = { "[2001:db8::10]:443" = "[::1]:8443" }`

1 error in lab.toml
"#);
}

#[test]
fn a_host_cannot_be_local_and_far() {
    assert_snapshot!(problems(&changed(r#"local = true"#, r#"local = true
ssh = "standby""#)), @r#"
error: host `standby` is `local` and has `ssh`
  --> lab.toml:16:7
   |
16 | ssh = "standby"
   |       ^^^^^^^^^ which of the two?

1 error in lab.toml
"#);
}

#[test]
fn ssh_takes_a_port_in_a_url_only() {
    let with = |ssh: &str| {
        changed(
            r#"ssh = "ops@primary.example""#,
            &format!("ssh = \"{ssh}\""),
        )
    };
    assert_snapshot!(problems(&with("ops@primary.example:2222")), @r#"
error: `ops@primary.example:2222` is taken for the name of a host, as a whole
 --> lab.toml:7:7
  |
7 | ssh = "ops@primary.example:2222"
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^ ssh knows no port here
  |
  = help: write `ssh = "ssh://ops@primary.example:2222"`

1 error in lab.toml
"#);
    for fine in [
        "ssh://ops@primary.example:2222",
        "ops@2001:db8::22",
        "[::1]",
    ] {
        parse(&with(fine)).unwrap();
    }
}

#[test]
fn ssh_takes_no_options() {
    assert_snapshot!(problems(&changed(r#"ssh = "ops@primary.example""#, r#"ssh = "-oProxyCommand=id""#)), @r#"
error: `-oProxyCommand=id` is no destination for ssh
 --> lab.toml:7:7
  |
7 | ssh = "-oProxyCommand=id"
  |       ^^^^^^^^^^^^^^^^^^^ expected a host, `user@host` or `ssh://user@host:port`
  |
  = help: options belong in the configuration that `ssh-config` names

1 error in lab.toml
"#);
}

#[test]
fn a_log_needs_a_way_to_its_host() {
    assert_snapshot!(problems(&changed(r#"local = true"#, r#"access-log = "/var/log/access.log""#)), @r#"
error: `access-log` of host `standby` needs a way to reach it
  --> lab.toml:15:14
   |
15 | access-log = "/var/log/access.log"
   |              ^^^^^^^^^^^^^^^^^^^^^ nothing can run there
   |
   = help: add `ssh = "user@host"`, or `local = true` for this machine

1 error in lab.toml
"#);
}

#[test]
fn a_family_without_a_partner_is_a_warning() {
    let playbook = parse(&changed(r#", "2001:db8:1::20""#, "")).unwrap();
    assert_snapshot!(playbook.warnings(), @r#"
warning: host `standby` has no IPv6 address, but its partner `primary` has one
  --> lab.toml:16:13
   |
16 | addresses = ["198.51.100.20"]
   |             ^^^^^^^^^^^^^^^^^ no IPv6 address
   |
   = help: IPv6 records that lead to `primary` have nowhere to go

1 warning in lab.toml
"#);
}

#[test]
fn a_file_counts_from_the_folder_of_the_playbook_wherever_cutover_runs() {
    let text = |config: &str, key: &str, ca: &str| {
        format!(
            "[playbook]\nname = \"shop\"\n\
             [hosts.a]\nssh = \"a\"\nssh-config = \"{config}\"\naddresses = [\"192.0.2.1\"]\n\
             [hosts.b]\nssh = \"b\"\naddresses = [\"192.0.2.2\"]\n\
             [providers.p]\nkind = \"powerdns\"\nurl = \"http://192.0.2.3\"\napi-key = {{ file = \"{key}\" }}\n\
             [zones.\"site.example\"]\nprovider = \"p\"\n\
             [services.web]\nnames = [\"site.example\"]\nprobes = [{{ http = \"/\", ca = \"{ca}\" }}]\n\
             [[step]]\nid = \"look\"\nkind = \"http\"\nat = \"target\"\nurl = \"https://site.example/\"\nca = \"{ca}\"\n"
        )
    };
    let read = |text: &str, folder: &str| {
        let input = Input {
            folder: Path::new(folder),
            ..Input::alone("shop.toml", &[])
        };
        Playbook::read(text.as_bytes(), &input).unwrap_or_else(|problems| panic!("{problems}"))
    };
    let named = |book: &Playbook| {
        let places = book.places();
        let config = places.host("a").unwrap().text("ssh-config").unwrap();
        let key = book.providers()["p"].fields.secret("api-key").unwrap();
        let Probe::Http(probe) = &book.services()["web"].probes[0] else {
            panic!("an HTTP probe");
        };
        let ca = places.step("look").unwrap().text("ca").unwrap();
        let probe = probe.ca.as_ref().unwrap().display().to_string();
        [config.to_owned(), key.to_string(), probe, ca.to_owned()]
    };
    let beside = text("lab/config", "../key", "ca.pem");
    let book = read(&beside, "/srv/ops/books");
    let (config, ca) = ("/srv/ops/books/lab/config", "/srv/ops/books/ca.pem");
    let key = "file `/srv/ops/books/../key`";
    assert_eq!(named(&book), [config, key, ca, ca]);
    assert_eq!(book.folder(), Some("/srv/ops/books"));
    // What is from the root stays, and then the folder is nobody's concern.
    let rooted = read(&text("/a", "/b", "/c"), "/srv/ops/books");
    assert_eq!(named(&rooted), ["/a", "file `/b`", "/c", "/c"]);
    assert_eq!(rooted.folder(), None);
    // Where the folder is not known, the paths stay as they are written.
    let alone = Playbook::parse(&beside, "shop.toml", &[]).unwrap();
    assert_eq!(
        named(&alone),
        ["lab/config", "file `../key`", "ca.pem", "ca.pem"]
    );
    // A plan keeps the folder, and its playbook is the same wherever it is read.
    let mut plan = crate::journal::samples::plan();
    (plan.text, plan.folder) = (beside.clone(), book.folder().map(str::to_owned));
    assert_eq!(named(&Playbook::of_plan(&plan).unwrap()), named(&book));
}
