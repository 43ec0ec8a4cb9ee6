//! Kinds and providers that exist for these tests only.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::dns::providers::{Limits, ProviderKind};
use crate::dns::{Grounds, Honesty, Listing, Provider, RecordKey, RecordSet};
use crate::event::{Answer, Unseen};
use crate::field::{Field, Fields, Form};
use crate::journal::Permit;
use crate::plan::{IfInterrupted, Question, Value, Way};
use crate::playbook::Registry;
use crate::problem::Problem;
use crate::site::{Aim, Site};
use crate::step::{Act, Blocks, Built, Defaults, Given, Kind, OnFail, Work};

struct Nothing;

impl Act for Nothing {
    fn act<'a>(&'a self, _: &'a Site, _: &'a Aim, _: Permit<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(async {
            Answer::Done {
                note: String::new(),
            }
        })
    }

    fn could<'a>(
        &'a self,
        _: &'a Site,
        _: &'a Aim,
        _: bool,
    ) -> BoxFuture<'a, Result<Option<String>, Unseen>> {
        Box::pin(async { Ok(None) })
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
    fn list<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Listing, Unseen>> {
        Box::pin(async { Ok(Listing::default()) })
    }

    fn read<'a>(
        &'a self,
        _: &'a str,
        _: &'a [RecordKey],
    ) -> BoxFuture<'a, Result<Vec<RecordSet>, Unseen>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn judge(&self, _: &str, _: &Grounds, _: &Value, _: &Value) -> Result<(), Vec<String>> {
        Ok(())
    }

    fn write<'a>(&'a self, _: &'a str, _: Permit<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(async {
            Answer::Done {
                note: String::new(),
            }
        })
    }

    fn limits(&self) -> Limits {
        LAB.limits
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

pub(super) const DEFAULTS: Defaults = Defaults {
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
    keeps: "It keeps everything.",
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
        messages: 1,
    },
    build: |_| Ok(Arc::new(Nothing)),
};

pub(super) fn registry() -> Registry {
    static KINDS: &[&Kind] = &[&ASK, &ACT];
    static PROVIDERS: &[&ProviderKind] = &[&LAB];
    Registry {
        kinds: KINDS,
        providers: PROVIDERS,
    }
}
