use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::dns::providers::Limits;
use crate::dns::{Honesty, RecordKey, RecordSet};
use crate::event::{Answer, Unseen};
use crate::field::{Field, Form};
use crate::journal::Permit;
use crate::plan::{IfInterrupted, Question, Value, Way};
use crate::site::{Aim, Probe};
use crate::step::{Act, Blocks, Built, Defaults, Given, OnFail, When, Work};

struct Nothing;

impl Act for Nothing {
    fn act<'a>(&'a self, _: &'a Site, _: &'a Aim, _: Permit<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(async {
            Answer::Done {
                note: String::new(),
            }
        })
    }

    fn command(&self, _: Way) -> Option<String> {
        None
    }

    fn if_interrupted(&self) -> IfInterrupted {
        IfInterrupted::Hold
    }

    fn landing(&self) -> Duration {
        Duration::ZERO
    }
}

impl Provider for Nothing {
    fn list<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<RecordSet>, Unseen>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn read<'a>(
        &'a self,
        _: &'a str,
        _: &'a [RecordKey],
    ) -> BoxFuture<'a, Result<Vec<RecordSet>, Unseen>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn write<'a>(&'a self, _: &'a str, _: Permit<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(async {
            Answer::Done {
                note: String::new(),
            }
        })
    }

    fn honesty(&self) -> Honesty {
        Honesty::Atomic
    }

    fn smallest_ttl(&self) -> u32 {
        1
    }

    fn published<'a>(
        &'a self,
        _: &'a str,
        _: &'a [RecordKey],
    ) -> BoxFuture<'a, Option<Result<(), Unseen>>> {
        Box::pin(async { None })
    }

    fn commands(&self, _: &str, _: &Value, _: &Value) -> Vec<String> {
        Vec::new()
    }
}

fn built(work: Work) -> Built {
    Built {
        title: "does it".into(),
        work,
        probes_old_side: false,
        after_change: false,
        answers: Some(Question::Moves),
    }
}

fn ask(fields: &Fields, given: &Given) -> Result<Built, Vec<Problem>> {
    if fields.text("to") == Some("nobody") {
        let problem = Problem::error("no-person", fields.span_of("to"), "nobody cannot answer");
        return Err(vec![problem]);
    }
    let question = format!("{} {:?}", given.id, fields.texts("services"));
    Ok(built(Work::Ask { question }))
}

const INNER: &[Field] = &[
    Field::new(
        "algorithm",
        Form::Choice(&["hmac-sha256", "hmac-sha512"]),
        "its algorithm",
    ),
    Field::new("secret", Form::Secret, "its secret").required(),
];

const DEFAULTS: Defaults = Defaults {
    within: Duration::ZERO,
    every: Duration::from_secs(5),
    timeout: Duration::from_secs(10),
    blocks: Blocks::Planned,
    on_fail: OnFail::Back,
};

static ASK: Kind = Kind {
    name: "ask",
    summary: "asks a person",
    example: "[[step]]\nid = \"ask\"\nkind = \"ask\"\n",
    fields: &[
        Field::new("to", Form::Text, "whom"),
        Field::new("services", Form::Services, "about what"),
        Field::new("at", Form::Where, "where"),
        Field::new("from", Form::Host, "from where"),
        Field::new("share", Form::Percent, "how much"),
        Field::new("most", Form::Count, "how many"),
        Field::new("loud", Form::Bool, "whether"),
        Field::new("words", Form::Texts, "which words"),
        Field::new("password", Form::Secret, "what opens it"),
    ],
    defaults: DEFAULTS,
    build: ask,
};

static ACT: Kind = Kind {
    name: "act",
    summary: "does something",
    example: "[[step]]\nid = \"act\"\nkind = \"act\"\n",
    fields: &[],
    defaults: DEFAULTS,
    build: |_, _| Ok(built(Work::Act(Box::new(Nothing)))),
};

static LAB: ProviderKind = ProviderKind {
    name: "lab",
    summary: "holds records for tests",
    example: "[providers.lab]\nkind = \"lab\"\n",
    fields: &[
        Field::new("url", Form::Url, "where it listens"),
        Field::new("api-key", Form::Secret, "what it asks for"),
        Field::new("key", Form::Table(INNER), "a key"),
    ],
    limits: Limits {
        honesty: Honesty::Atomic,
        smallest_ttl: 0,
        cut: |sets| vec![sets],
    },
    build: |_| Ok(Arc::new(Nothing)),
};

fn registry() -> Registry {
    static KINDS: &[&Kind] = &[&ASK, &ACT];
    static PROVIDERS: &[&ProviderKind] = &[&LAB];
    Registry {
        kinds: KINDS,
        providers: PROVIDERS,
    }
}

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
fn an_unknown_key_is_told_with_what_was_meant() {
    assert_snapshot!(problems(&changed(r#"rto = "#, r#"rot = "#)), @r#"
error: unknown key `rot` in `[playbook]`
 --> lab.toml:3:1
  |
3 | rot = "15m"
  | ^^^ not known here
  |
  = help: did you mean `rto`?

1 error in lab.toml
"#);
}

#[test]
fn an_unknown_key_of_a_step_is_found_among_common_and_own_keys() {
    assert_snapshot!(problems(&changed(r#"within = "#, r#"witin = "#)), @r#"
error: unknown key `witin` in step `ask`
  --> lab.toml:46:1
   |
46 | witin = "10m"
   | ^^^^^ not known here
   |
   = help: did you mean `within`?

1 error in lab.toml
"#);
}

#[test]
fn an_unknown_kind_is_told_with_what_was_meant() {
    assert_snapshot!(problems(&changed(r#"kind = "act""#, r#"kind = "atc""#)), @r#"
error: no kind of step is called `atc`
  --> lab.toml:52:8
   |
52 | kind = "atc"
   |        ^^^^^ not known
   |
   = help: did you mean `act`?

1 error in lab.toml
"#);
}

#[test]
fn an_unknown_table_is_told() {
    assert_snapshot!(problems(&changed(r#"[zones."#, r#"[zone."#)), @r#"
error: unknown table `zone`
  --> lab.toml:24:2
   |
24 | [zone."Lab.example."]
   |  ^^^^ not known here
   |
   = help: did you mean `zones`?

warning: `www.lab.example` lies in no zone of the playbook
  --> lab.toml:29:9
   |
29 | names = ["www.lab.example."]
   |         ^^^^^^^^^^^^^^^^^^^^ it will stay where it leads
   |
   = help: add `[zones."…"]` for the zone, if the playbook shall move the name

1 error and 1 warning in lab.toml
"#);
}

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
fn a_place_that_is_none_is_told() {
    assert_snapshot!(problems(&changed(r#"at = "target""#, r#"at = "targte""#)), @r#"
error: no host is called `targte`
  --> lab.toml:42:6
   |
42 | at = "targte"
   |      ^^^^^^^^ not defined
   |
   = help: did you mean `target`?

1 error in lab.toml
"#);
}

#[test]
fn a_service_that_is_not_defined_is_told() {
    assert_snapshot!(problems(&changed(r#"services = "all""#, r#"services = ["website", "webste"]"#)), @r#"
error: no service is called `webste`
  --> lab.toml:41:24
   |
41 | services = ["website", "webste"]
   |                        ^^^^^^^^ not defined
   |
   = help: did you mean `website`?

1 error in lab.toml
"#);
}

#[test]
fn a_provider_that_is_not_defined_is_told() {
    assert_snapshot!(problems(&changed(r#"provider = "lab""#, r#"provider = "lob""#)), @r#"
error: no provider is called `lob`
  --> lab.toml:25:12
   |
25 | provider = "lob"
   |            ^^^^^ not defined
   |
   = help: did you mean `lab`?

1 error in lab.toml
"#);
}

#[test]
fn a_duration_that_is_none_is_told() {
    assert_snapshot!(problems(&changed(r#"within = "10m""#, r#"within = "10 minuts""#)), @r#"
error: `10 minuts` is no duration
  --> lab.toml:46:10
   |
46 | within = "10 minuts"
   |          ^^^^^^^^^^^ in `within`
   |
   = help: write a number with its unit: `90s`, `15m`, `6h`, `1h 30m`

1 error in lab.toml
"#);
}

#[test]
fn a_number_is_no_duration() {
    assert_snapshot!(problems(&changed(r#"within = "10m""#, r#"within = 600"#)), @r#"
error: `within` is a number without a unit
  --> lab.toml:46:10
   |
46 | within = 600
   |          ^^^ seconds, minutes or hours?
   |
   = help: write `within = "600s"` for seconds

1 error in lab.toml
"#);
}

#[test]
fn a_wrong_type_says_what_was_found() {
    assert_snapshot!(problems(&changed(r#"words = ["a"]"#, r#"words = 5"#)), @r#"
error: `words` must be a list of strings
  --> lab.toml:45:9
   |
45 | words = 5
   |         ^ this is a whole number
   |
   = help: write `words = ["…"]`

1 error in lab.toml
"#);
}

#[test]
fn a_share_is_at_most_all() {
    assert_snapshot!(problems(&changed(r#"share = "80%""#, r#"share = "180%""#)), @r#"
error: `share` must be a share from 0% to 100%
  --> lab.toml:44:9
   |
44 | share = "180%"
   |         ^^^^^^ not a share
   |
   = help: write `share = "80%"`

1 error in lab.toml
"#);
}

#[test]
fn a_probe_that_asserts_nothing_is_refused() {
    assert_snapshot!(problems(&changed(r#"contains = "Welcome""#, r#"contains = """#)), @r#"
error: this probe asserts nothing
  --> lab.toml:31:28
   |
31 |   { http = "/", contains = "", header = { Server = "nginx" }, slower-than = "2s" },
   |                            ^^ every answer contains an empty text
   |
   = help: name some text that only a healthy answer holds

1 error in lab.toml
"#);
}

#[test]
fn a_header_that_asserts_nothing_is_refused() {
    assert_snapshot!(problems(&changed(r#"{ Server = "nginx" }"#, r#"{}"#)), @r#"
error: this probe asserts nothing
  --> lab.toml:31:48
   |
31 |   { http = "/", contains = "Welcome", header = {}, slower-than = "2s" },
   |                                                ^^ every header contains an empty text
   |
   = help: write `header = { content-type = "text/html" }`

1 error in lab.toml
"#);
}

#[test]
fn a_probe_that_asks_nothing_is_refused() {
    assert_snapshot!(problems(&changed(r#"{ tcp = 22, expect = "SSH-2.0" }"#, r#"{ expect = "SSH-2.0" }"#)), @r#"
    error: an entry of `probes` has none of `http`, `tcp` and `rsync`
      --> lab.toml:33:3
       |
    33 |   { expect = "SSH-2.0" },
       |   ^^^^^^^^^^^^^^^^^^^^^^ one of them must be here
       |
       = help: add `http = "…"`: a path, from `/`: it is asked for at each address, with each of the
               service's names

    error: `expect` goes only with `tcp`
      --> lab.toml:33:5
       |
    33 |   { expect = "SSH-2.0" },
       |     ^^^^^^ there is no `tcp` here

    2 errors in lab.toml
    "#);
}

#[test]
fn two_probes_in_one_are_refused() {
    assert_snapshot!(problems(&changed(r#"{ rsync = "archive" }"#, r#"{ rsync = "archive", tcp = 22 }"#)), @r#"
    error: `tcp` and `rsync` exclude each other
      --> lab.toml:34:5
       |
    34 |   { rsync = "archive", tcp = 22 },
       |     ^^^^^ which of them?

    1 error in lab.toml
    "#);
}

#[test]
fn keys_of_another_probe_are_refused() {
    assert_snapshot!(problems(&changed(r#"{ rsync = "archive" }"#, r#"{ rsync = "archive", expect = "x" }"#)), @r#"
    error: `expect` goes only with `tcp`
      --> lab.toml:34:24
       |
    34 |   { rsync = "archive", expect = "x" },
       |                        ^^^^^^ there is no `tcp` here

    1 error in lab.toml
    "#);
}

#[test]
fn a_secret_in_the_file_is_told_and_not_shown() {
    assert_snapshot!(problems(&changed(r#"{ env = "LAB_KEY" }"#, r#""hunter2-in-clear""#)), @r#"
    error: a secret is written into the file: `api-key`
      --> lab.toml:21:11
       |
    21 | api-key = ******************
       |           ^^^^^^^^^^^^^^^^^^ say where the secret is, not what it is
       |
       = help: write `api-key = { env = "NAME" }`, `{ file = "/path" }` or `{ command = ["program"] }`,
               and change the secret: it was in a file

    1 error in lab.toml
    "#);
}

#[test]
fn a_password_in_a_url_is_told_and_not_shown() {
    assert_snapshot!(problems(&changed(r#"http://[::1]:8081"#, r#"http://me:hunter2@lab.example"#)), @r#"
error: a secret is written into the file: `url` holds a user or a password
  --> lab.toml:20:7
   |
20 | url = *******************************
   |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ leave out what stands before `@`

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
fn a_name_must_be_fully_qualified() {
    assert_snapshot!(problems(&changed(r#""www.lab.example.""#, r#""www", "https://lab.example/""#)), @r#"
error: `www` is not fully qualified
  --> lab.toml:29:10
   |
29 | names = ["www", "https://lab.example/"]
   |          ^^^^^ in `names`
   |
   = help: write `names = ["www.site.example"]`

error: `https://lab.example/` is no host name: leave out everything but the name
  --> lab.toml:29:17
   |
29 | names = ["www", "https://lab.example/"]
   |                 ^^^^^^^^^^^^^^^^^^^^^^ in `names`
   |
   = help: write `names = ["www.site.example"]`

2 errors in lab.toml
"#);
}

#[test]
fn ids_are_unique() {
    assert_snapshot!(problems(&changed(r#"id = "act""#, r#"id = "ask""#)), @r#"
error: two steps are called `ask`
  --> lab.toml:51:6
   |
51 | id = "ask"
   |      ^^^^^ taken by an earlier step
   |
   = help: reports and journals tell steps apart by their ids

1 error in lab.toml
"#);
}

#[test]
fn ids_are_kebab_case() {
    assert_snapshot!(problems(&changed(r#"id = "act""#, r#"id = "Act now""#)), @r#"
    error: `Act now` is no `id`
      --> lab.toml:51:6
       |
    51 | id = "Act now"
       |      ^^^^^^^^^ not in kebab-case
       |
       = help: use lower-case letters and digits, with `-` between words

    1 error in lab.toml
    "#);
}

#[test]
fn a_step_without_a_kind_is_told() {
    assert_snapshot!(problems(&changed(r#"kind = "act"
"#, r#""#)), @r#"
error: step `act` has no `kind`
  --> lab.toml:50:1
   |
50 | [[step]]
   | ^^^^^^^^ `kind` is missing
   |
   = help: `cutover kinds` lists what a step can do

1 error in lab.toml
"#);
}

#[test]
fn one_bracket_is_not_two() {
    assert_snapshot!(problems(&changed(r#"[[step]]
id = "act""#, r#"[step.act]"#)), @r"
error: unknown key `act` in step `ask`
  --> lab.toml:50:7
   |
50 | [step.act]
   |       ^^^ not known here
   |
   = help: step `ask` takes `id`, `kind`, `within`, `every`, `timeout`, `when`, `blocks`,
           `on-fail`, `temporary`, `allow`, `skip`, `before`, `after`, `to`, `services`, `at`,
           `from`, `share`, `most`, `loud`, `words` and `password`

1 error in lab.toml
");
}

#[test]
fn a_word_of_when_is_checked() {
    assert_snapshot!(problems(&changed(r#"["failover", "drill"]"#, r#"["failover", "drils"]"#)), @r#"
    error: `when` cannot be `drils`
      --> lab.toml:47:21
       |
    47 | when = ["failover", "drils"]
       |                     ^^^^^^^ not one of its words
       |
       = help: did you mean `drill`?

    1 error in lab.toml
    "#);
}

#[test]
fn a_change_that_no_way_there_makes_is_refused() {
    let returning = |more: &str| {
        changed(
            "kind = \"act\"\ntemporary = true",
            &format!("kind = \"act\"\nwhen = [\"return\"{more}]"),
        )
    };
    assert_snapshot!(problems(&returning("")), @r#"
error: step `act` would never change anything
  --> lab.toml:53:8
   |
53 | when = ["return"]
   |        ^^^^^^^^^^ a way back only puts back what was changed on the way there
   |
   = help: name a way there too, `drill`, `failover` or `emergency`

1 error in lab.toml
"#);
    assert!(parse(&returning(", \"drill\"")).is_ok());
    // What changes nothing may well be asked on the way back alone.
    let asked = changed(r#"["failover", "drill"]"#, r#"["return"]"#);
    assert!(parse(&asked).is_ok());
}

#[test]
fn a_pace_slower_than_the_deadline_is_refused() {
    assert_snapshot!(problems(&changed(r#"within = "10m""#, r#"within = "10m"
every = "1h""#)), @r#"
error: `every` (1h) is longer than `within` (10m)
  --> lab.toml:47:9
   |
47 | every = "1h"
   |         ^^^^ it would never look a second time
   |
   = help: make `every` shorter, or `within` longer

1 error in lab.toml
"#);
}

#[test]
fn what_changes_nothing_is_not_temporary() {
    assert_snapshot!(problems(&changed(r#"share = "80%""#, r#"temporary = true"#)), @r#"
error: step `ask` cannot be `temporary`: it changes nothing
  --> lab.toml:44:13
   |
44 | temporary = true
   |             ^^^^ only a change can be undone

1 error in lab.toml
"#);
}

#[test]
fn what_a_kind_refuses_is_told() {
    assert_snapshot!(problems(&changed(r#"to = "ops""#, r#"to = "nobody""#)), @r#"
error: nobody cannot answer
  --> lab.toml:40:6
   |
40 | to = "nobody"
   |      ^^^^^^^^

1 error in lab.toml
"#);
}

#[test]
fn broken_toml_is_told() {
    assert_snapshot!(problems(&changed(r#"name = "lab""#, r#"name = "lab"#)), @r#"
error: not TOML: invalid basic string, expected `"`
 --> lab.toml:2:12
  |
2 | name = "lab
  |            ^ here

1 error in lab.toml
"#);
}

#[test]
fn a_broken_line_shows_no_secret() {
    assert_snapshot!(problems(&changed(r#"api-key = { env = "LAB_KEY" }"#, r#"api-key = "hunter2"#)), @r#"
error: not TOML: invalid basic string, expected `"`
  --> lab.toml:21:19
   |
21 | api-key =*********
   |                   ^ here

1 error in lab.toml
"#);
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let text = changed(r#"from = "primary""#, r#"from = "\u001b[31mred""#);
    assert_snapshot!(problems(&text), @r#"
error: no host is called `�[31mred`
  --> lab.toml:43:8
   |
43 | from = "\u001b[31mred"
   |        ^^^^^^^^^^^^^^^ not defined
   |
   = help: the playbook defines `primary` and `standby`

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
fn a_name_in_no_zone_stays() {
    let playbook = parse(&changed(
        r#""www.lab.example.""#,
        r#""www.lab.example", "mylab.example""#,
    ));
    assert_snapshot!(playbook.unwrap().warnings(), @r#"
warning: `mylab.example` lies in no zone of the playbook
  --> lab.toml:29:9
   |
29 | names = ["www.lab.example", "mylab.example"]
   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ it will stay where it leads
   |
   = help: add `[zones."…"]` for the zone, if the playbook shall move the name

1 warning in lab.toml
"#);
}

#[test]
fn a_service_of_one_side_is_a_warning() {
    let playbook = parse(&changed("probes = [", "hosts = [\"primary\"]\nprobes = ["));
    assert_snapshot!(playbook.unwrap().warnings(), @r#"
warning: no host of site `cloud` offers service `website`
  --> lab.toml:30:9
   |
30 | hosts = ["primary"]
   |         ^^^^^^^^^^^ it cannot move
   |
   = help: name its hosts of both sites, or leave `hosts` out

1 warning in lab.toml
"#);
}

#[test]
fn an_empty_file_lacks_everything() {
    assert_snapshot!(problems(""), @r#"
error: the file has no `[playbook]`
 --> lab.toml:1:1
  |
1 |
  | ^ `[playbook]` is missing
  |
  = help: begin with `[playbook]` and `name = "…"`

error: the playbook has no hosts
 --> lab.toml:1:1
  |
1 |
  | ^ a second site is missing
  |
  = help: add `[hosts.NAME]` for each machine of both sites

error: the playbook has no steps
 --> lab.toml:1:1
  |
1 |
  | ^ nothing would happen
  |
  = help: add `[[step]]` with an `id` and a `kind`; `cutover kinds` lists the kinds

3 errors in lab.toml
"#);
}

#[test]
fn a_file_that_is_no_text_is_told() {
    let mut bytes = GOOD.as_bytes().to_vec();
    bytes[12] = 0xff;
    let problems = Playbook::read(&bytes, &Input::alone("lab.toml", &[])).unwrap_err();
    assert_snapshot!(problems, @r#"
error: the file is not UTF-8 text
 --> lab.toml:2:2
  |
2 | n�me = "lab"
  |  ^ no character begins with this byte
  |
  = help: save the file as UTF-8

1 error in lab.toml
"#);
}

#[test]
fn a_file_that_is_too_large_is_told() {
    let text = "#".repeat(LARGEST + 1);
    assert_snapshot!(parse(&text).unwrap_err(), @r#"
error: the file is larger than 1 MiB
 --> lab.toml:1:1
  |
1 |
  | ^ not read
  |
  = help: a playbook has a few hundred lines; is this the right file?

1 error in lab.toml
"#);
}

#[test]
fn problems_come_in_the_order_of_the_text_with_their_number() {
    let text = changed("rto = ", "rot = ").replace("share = \"80%\"", "share = 101");
    assert_snapshot!(problems(&text), @r#"
error: unknown key `rot` in `[playbook]`
 --> lab.toml:3:1
  |
3 | rot = "15m"
  | ^^^ not known here
  |
  = help: did you mean `rto`?

error: `share` must be a share from 0% to 100%
  --> lab.toml:44:9
   |
44 | share = 101
   |         ^^^ not a share
   |
   = help: write `share = "80%"`

2 errors in lab.toml
"#);
}

#[test]
fn a_set_that_finds_nothing_is_told_by_its_own_text() {
    let sets = ["hosts.stanby.addresses=['127.0.0.2']", "step.ask.witin=5m"];
    assert_snapshot!(with(GOOD, &sets).unwrap_err(), @r#"
error: `--set` finds no `hosts.stanby` in the playbook
 --> --set:1:7
  |
1 | hosts.stanby.addresses=*************
  |       ^^^^^^ not in the playbook
  |
  = help: did you mean `hosts.standby`?

error: unknown key `witin` in step `ask`
 --> --set:1:10
  |
1 | step.ask.witin=5m
  |          ^^^^^ not known here
  |
  = help: did you mean `within`?

2 errors in lab.toml
"#);
}

#[test]
fn a_set_that_cannot_be_read_is_told() {
    let sets = [
        "rubbish",
        "a b=1",
        "playbook=1",
        "playbook.name.x=1",
        "step.9.id=x",
    ];
    assert_snapshot!(with(GOOD, &sets).unwrap_err(), @r#"
error: `--set` needs a key and a value
 --> --set:1:1
  |
1 | *******
  | ^^^^^^^ no `=` here
  |
  = help: write `--set KEY=VALUE`: `--set hosts.web.addresses='["192.0.2.1"]'`

error: `--set a b` has no key that can be read
 --> --set:1:1
  |
1 | a b=*
  | ^^^^^ not a dotted key
  |
  = help: write `--set KEY=VALUE`: `--set hosts.web.addresses='["192.0.2.1"]'`

error: `--set playbook` would replace a whole table
 --> --set:1:1
  |
1 | playbook=*
  | ^^^^^^^^ a table of the playbook
  |
  = help: name one value: `--set playbook.KEY=VALUE`

error: `--set` cannot go into `playbook.name`
 --> --set:1:1
  |
1 | playbook.name.x=*
  | ^^^^^^^^^^^^^^^^^ a key of a table was expected
  |
  = help: `playbook.name` is a string

error: `--set` finds no `step.9` in the playbook
 --> --set:1:6
  |
1 | step.9.id=*
  |      ^ not in the playbook
  |
  = help: the playbook has `ask` and `act`

5 errors in lab.toml
"#);
}

#[test]
fn a_secret_on_the_command_line_is_not_shown() {
    let sets = [
        "providers.lab.api-key=hunter2",
        "providers.lba.api-key=hunter2",
        "providers.lab.apikey=hunter2",
    ];
    let problems = with(GOOD, &sets).unwrap_err();
    assert_eq!(problems.errors(), 3, "{problems}");
    assert!(
        !format!("{problems}{problems:?}").contains("hunter2"),
        "{problems:?}"
    );
}

#[test]
fn sets_are_kept_in_the_text_and_read_back() {
    let sets = [
        r#"hosts.standby.addresses=["127.0.0.2", "::1"]"#,
        r#"zones."Lab.example.".servers=["127.0.0.1:5353"]"#,
        "step.ask.within=20m",
        "step.1.temporary=false",
        "playbook.summary=two words",
        "services.website.probes.0.contains=\"a = b\"",
    ];
    let playbook = with(GOOD, &sets).unwrap();
    let check = |playbook: &Playbook| {
        let standby = &playbook.hosts()["standby"];
        assert_eq!(
            standby.addresses,
            [
                "127.0.0.2".parse::<std::net::IpAddr>().unwrap(),
                "::1".parse().unwrap()
            ]
        );
        assert_eq!(
            playbook.zones()["lab.example"].servers,
            ["127.0.0.1:5353".parse().unwrap()]
        );
        assert_eq!(playbook.steps()[0].common.within, Duration::from_secs(1200));
        assert!(!playbook.steps()[1].common.temporary);
        assert_eq!(playbook.summary(), "two words");
    };
    check(&playbook);
    assert!(playbook.text().starts_with(GOOD));
    assert_ne!(playbook.digest(), parse(GOOD).unwrap().digest());

    let again = parse(playbook.text()).unwrap();
    check(&again);
    assert_eq!(again.digest(), playbook.digest());

    let more = with(playbook.text(), &["playbook.summary=other"]).unwrap();
    assert_eq!(more.summary(), "other");
    assert_eq!(more.steps()[0].common.within, Duration::from_secs(1200));
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

#[test]
fn colour_is_only_where_it_is_asked_for() {
    let problems = parse(&changed("rto = ", "rot = ")).unwrap_err();
    assert!(problems.render(true, None).contains('\u{1b}'));
    assert!(!problems.render(false, None).contains('\u{1b}'));
    let position = problems.position(&problems.list[0]);
    let place = position.map(|at| (at.file, at.line, at.column));
    assert_eq!(place, Some(("lab.toml", 3, 1)));
}

/// A place in the good playbook where somebody may write a secret, with the text around it.
fn slips() -> Vec<(&'static str, &'static str)> {
    vec![
        (r#"api-key = { env = "LAB_KEY" }"#, r#"api-key = "@""#),
        (
            r#"api-key = { env = "LAB_KEY" }"#,
            r#"api-key = { env = "@-" }"#,
        ),
        (
            r#"api-key = { env = "LAB_KEY" }"#,
            r#"api-key = { value = "@" }"#,
        ),
        (r#"api-key = { env = "LAB_KEY" }"#, r#"api-key = ["@"]"#),
        (
            r#"api-key = { env = "LAB_KEY" }"#,
            "api-key = \"\"\"\n@\n\"\"\"",
        ),
        (r#"api-key = { env = "LAB_KEY" }"#, "api-key = \"\"\"\n@\n"),
        (r#"api-key = { env = "LAB_KEY" }"#, r#"api-key = "@"#),
        (r#"api-key = { env = "LAB_KEY" }"#, r#"api-key = @"#),
        (r#"api-key = { env = "LAB_KEY" }"#, r#"api-key "@""#),
        (r#"api-key = { env = "LAB_KEY" }"#, r#"apikey = "@""#),
        (
            r#"api-key = { env = "LAB_KEY" }"#,
            r#"pin = { is = ["@"] }"#,
        ),
        (r#"secret = { file = "/etc/key" }"#, r#"secret = "@""#),
        (r#"secret = { file = "/etc/key" }"#, r#"secrt = "@""#),
        (r#"kind = "lab""#, "kind = \"lob\"\npin = \"@\""),
        ("[providers.lab]\nkind", "[provider.lab]\npin = \"@\"\nkind"),
        ("[providers.lab]\nkind", "[providers.lab\npin = \"@\"\nkind"),
        ("[providers.lab]", "providers.pin = \"@\"\n[providers.lab]"),
        ("http://[::1]:8081", "http://me:@@host.example"),
        (r#"to = "ops""#, r#"password = "@""#),
        (r#"to = "ops""#, r#"token = "@""#),
        (r#"to = "ops""#, r#"token = "@"#),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Err(problems) = Playbook::read(&bytes, &Input::alone("x.toml", &[])) {
            prop_assert!(problems.errors() > 0);
            prop_assert!(!problems.render(true, Some(40)).is_empty());
        }
    }

    #[test]
    fn no_change_of_a_good_one_makes_it_panic(
        at in 0..GOOD.len(),
        cut in 0..40usize,
        put in "[\\[\\]{}=\"'a-z0-9.,\n#\u{e9}\u{1f600}\u{0}-]{0,12}",
        set in "[a-z.=\"'\\[\\]{} ]{0,20}",
    ) {
        let end = (at + cut).min(GOOD.len());
        let text = format!("{}{put}{}", &GOOD[..at], &GOOD[end..]);
        let sets = if cut % 2 == 0 { vec![set] } else { Vec::new() };
        match Playbook::read_with(&registry(), text.as_bytes(), &Input::alone("x.toml", &sets)) {
            Ok(playbook) => {
                let again = parse(playbook.text()).expect("its own text is good");
                prop_assert_eq!(again.digest(), playbook.digest());
            }
            Err(problems) => {
                prop_assert!(problems.errors() > 0);
                prop_assert!(!problems.render(true, Some(40)).is_empty());
                for problem in &problems.list {
                    prop_assert!(problem.span.start <= problem.span.end);
                }
            }
        }
    }

    #[test]
    fn a_planted_secret_is_never_shown(
        slip in prop::sample::select(slips()),
        secret in "[a-zA-Z0-9+/=]{3}zQx7[a-zA-Z0-9+/=]{0,12}",
        other in prop::sample::select(slips()),
    ) {
        let (from, to) = slip;
        prop_assert!(GOOD.contains(from), "{}", from);
        let mut text = GOOD.replacen(from, &to.replacen('@', &secret, 1), 1);
        let (from, to) = other;
        text = text.replacen(from, &to.replacen('@', &secret, 1), 1);
        let shown = match parse(&text) {
            Ok(playbook) => format!("{playbook:?}{}", playbook.warnings()),
            Err(problems) => format!("{problems}{problems:?}{}", problems.render(true, Some(200))),
        };
        prop_assert!(!shown.contains("zQx7"), "{text}\n\n{shown}");
    }
}

#[test]
fn the_page_of_a_kind_tells_its_keys_and_defaults() {
    assert_snapshot!(reference::page(&registry(), "act").unwrap(), @r#"
    act: does something


    Common to all steps:
      id  (a name in kebab-case, required)
          its name, unique in the playbook
      kind  (a string, required)
          what it does; see `cutover kinds`
      within  (a duration)
          the deadline: any verdict but pass is looked at again until then
      every  (a duration)
          the time between two looks
      timeout  (a duration)
          the hard deadline of one look
      when  (`drill`, `failover`, `emergency` or `return`, or a list of them)
          the runs in which it takes part; all by default
      blocks  (`always`, `planned` or `never`)
          in which runs a failed or unseen check stops before the first write
      on-fail  (`back`, `hold` or `warn`)
          what a failure after a write leads to
      temporary  (true or false)
          the change is undone however the run ends
      allow  (a list of tables)
          rules of `cutover lint` that this step may break: `{ rule = "…", reason = "…" }`
          rule  (a string, required)
              the rule, by name or code; `cutover explain` lists them
          reason  (a string, required)
              why it is right here
          until  (a day)
              the last day on which it counts; without it, for good
      skip  (a table)
          leaves the step out until a day: `skip = { reason = "…", until = 2026-12-31 }`
          reason  (a string, required)
              why, for those who read the plan
          until  (a day, required)
              the last day (in UTC) on which it is left out; afterwards the playbook is not valid
      before  (a string)
          with `include`: the step of the included list that it is put before
      after  (a string)
          with `include`: the step of the list that it is put after; the end of the list by default

    By default: within = "0s", every = "5s", timeout = "10s", blocks = "planned", on-fail = "back"

    Example:

        [[step]]
        id = "act"
        kind = "act"
    "#);
    assert_snapshot!(reference::page(&registry(), "lab").unwrap(), @r#"
lab: holds records for tests

  url  (a URL)
      where it listens
  api-key  (the place of a secret)
      what it asks for
  key  (a table)
      a key
      algorithm  (`hmac-sha256` or `hmac-sha512`)
          its algorithm
      secret  (the place of a secret, required)
          its secret

Example:

    [providers.lab]
    kind = "lab"
"#);
    assert_snapshot!(reference::page(&registry(), "zones").unwrap(), @r#"
[zones."ZONE"]: a DNS zone that the playbook may write

  provider  (a string, required)
      the provider that can write it
  servers  (an address with a port, or a list of them)
      authoritative servers, where the delegation cannot be asked
  resolvers  (an address with a port, or a list of them)
      caches to watch; the system's by default
"#);
    assert_snapshot!(reference::page(&registry(), "host").unwrap_err(), @r#"
nothing is called `host`; did you mean `hosts`?
"#);
}
