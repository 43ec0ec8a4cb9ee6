//! One TCP probe as a step of its own.

use super::services::{AT, At, DEFAULTS, Probing, TIMEOUT, What};
use crate::field::{Field, Fields, Form};
use crate::problem::Problem;
use crate::site::Probe;
use crate::step::{Built, Given, Kind};

pub(super) static KIND: Kind = Kind {
    name: "tcp",
    summary: "a TCP port at every address: it accepts a connection, or says what is expected",
    example: r#"[[step]]
id = "mail"
kind = "tcp"
at = "target"
port = 25
expect = "220 "
"#,
    fields: &[
        AT,
        Field::new("port", Form::Count, "The port").required(),
        Field::new("send", Form::Text, "What to send once connected"),
        Field::new(
            "expect",
            Form::Text,
            "A text that must come; without it the connection itself is the proof",
        ),
        SERVICES,
        NAMES,
    ],
    defaults: DEFAULTS,
    build,
};

pub(super) const SERVICES: Field = Field::new(
    "services",
    Form::Services,
    "Ask on the hosts, or under the names, of these services",
);

pub(super) const NAMES: Field = Field::new(
    "names",
    Form::Names,
    "The public names to ask under, with `at = \"public\"`",
);

fn build(fields: &Fields, given: &Given) -> Result<Built, Vec<Problem>> {
    let port = port(fields, 0);
    let probe = port.clone().map(|port| Probe::Tcp {
        port,
        send: fields.text("send").map(str::to_owned),
        expect: fields.text("expect").map(str::to_owned),
    });
    let port = port.unwrap_or_default();
    one_probe(fields, given, probe, &format!("connect to port {port}"))
}

/// A step's port; `usual` where it names none.
pub(super) fn port(fields: &Fields, usual: u16) -> Result<u16, Problem> {
    let count = fields.count("port").unwrap_or(usual.into());
    match u16::try_from(count) {
        Ok(port @ 1..) => Ok(port),
        _ => Err(Problem::error(
            "no-such-port",
            fields.span_of("port"),
            format!("`{count}` is no port"),
        )
        .label("from 1 to 65535")),
    }
}

/// A step of one probe that is not bound to a name.
pub(super) fn one_probe(
    fields: &Fields,
    given: &Given,
    probe: Result<Probe, Problem>,
    does: &str,
) -> Result<Built, Vec<Problem>> {
    let at = At::of(fields);
    let mut problems = Vec::new();
    if at == At::Public && !fields.has("services") && !fields.has("names") {
        problems.push(
            Problem::error(
                "no-names",
                fields.span_of("at"),
                "the public is asked by name, and the step gives none",
            )
            .hint("write `names = [\"www.example.org\"]` or `services = \"all\"`"),
        );
    }
    match probe {
        Ok(probe) if problems.is_empty() => Ok(Probing {
            what: What::one(fields, given, probe),
            timeout: fields.span("timeout").unwrap_or(TIMEOUT),
            at: at.clone(),
        }
        .built(format!("{does} {at}"))),
        Ok(_) => Err(problems),
        Err(problem) => {
            problems.push(problem);
            Err(problems)
        }
    }
}
