//! One TCP probe as a step of its own.

use super::services::{AT, At, DEFAULTS, Probing, What};
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
        Field::new("port", Form::Port, "The port").required(),
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
    let probe = Probe::Tcp {
        port,
        send: fields.text("send").map(str::to_owned),
        expect: fields.text("expect").map(str::to_owned),
    };
    one_probe(fields, given, probe, &format!("connect to port {port}"))
}

/// A step's port; `usual` where it names none.
pub(super) fn port(fields: &Fields, usual: u16) -> u16 {
    let port = fields.count("port").and_then(|count| count.try_into().ok());
    port.unwrap_or(usual)
}

/// A step of one probe that is not bound to a name.
pub(super) fn one_probe(
    fields: &Fields,
    given: &Given,
    probe: Probe,
    does: &str,
) -> Result<Built, Vec<Problem>> {
    let at = At::of(fields);
    if at == At::Public && !fields.has("services") && !fields.has("names") {
        let problem = Problem::error(
            "no-names",
            fields.span_of("at"),
            "the public is asked by name, and the step gives none",
        )
        .hint("write `names = [\"www.example.org\"]` or `services = \"all\"`");
        return Err(vec![problem]);
    }
    let title = format!("{does} {at}");
    let what = What::one(fields, given, probe);
    Ok(Probing::new(at, what, fields).built(title))
}
