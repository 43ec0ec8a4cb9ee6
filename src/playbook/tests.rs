use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::*;
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
    Playbook::parse_with(&registry(), text, "lab.toml", &[])
}

fn with(text: &str, sets: &[&str]) -> Result<Playbook, Problems> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Playbook::parse_with(&registry(), text, "lab.toml", &sets)
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
