//! Single values. The patterns let through whatever the parser takes, and stop the usual slips.

use serde_json::{Value as Json, json};

use crate::field::Form;

/// Names of hosts, services and providers.
pub(super) const PLAIN: &str = "^[A-Za-z0-9_.][A-Za-z0-9_.-]*$";

/// A fully qualified host name, with or without the last dot.
pub(super) const NAME: &str = "^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\\.)+[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\\.?$";

/// One or more numbers, each with its unit: `90s`, `1h 30m`.
const SPAN: &str = "^\\s*([0-9][0-9\\s]*(\\.[0-9\\s]+)?(nanos|nsec|ns|usec|us|µs|millis|msec|ms|seconds|second|secs|sec|s|minutes|minute|min|mins|m|hours|hour|hr|hrs|h|days|day|d|weeks|week|wk|wks|w|months|month|M|years|year|yr|yrs|y)\\s*)+$";

/// `192.0.2.53:53`, `[2001:db8::54]:53`, and both without a port.
const SOCKET: &str = "^([0-9]{1,3}(\\.[0-9]{1,3}){3}(:[0-9]{1,5})?|\\[[0-9A-Fa-f:.]+\\](:[0-9]{1,5})?|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)$";

const KEBAB: &str = "^[a-z0-9]+(-[a-z0-9]+)*$";

const URL: &str = "^[Hh][Tt][Tt][Pp][Ss]?://[^\\s/?#@]+[^\\s@]*$";

/// The name of an environment variable.
const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

/// The schema of a value that is no table with fields.
pub(super) fn value(form: Form) -> Json {
    let text = json!({ "type": "string", "minLength": 1 });
    let texts = json!({ "type": "array", "items": text });
    match form {
        Form::Text | Form::File | Form::Host => text,
        Form::Texts => texts,
        Form::TextOrTexts => json!({ "anyOf": [text, texts] }),
        Form::Kebab => json!({ "type": "string", "pattern": KEBAB }),
        Form::Program => json!({
            "type": "array",
            "minItems": 1,
            "items": { "type": "string" },
            "examples": [["systemctl", "start", "jobs.timer"]],
        }),
        Form::Span => {
            json!({ "type": "string", "pattern": SPAN, "examples": ["90s", "15m", "1h 30m"] })
        }
        Form::Count => json!({ "type": "integer", "minimum": 0 }),
        Form::Port => json!({ "type": "integer", "minimum": 1, "maximum": 65535 }),
        Form::Status => json!({ "type": "integer", "minimum": 100, "maximum": 599 }),
        Form::Percent => json!({
            "anyOf": [
                { "type": "string", "pattern": "^\\s*\\+?0*(100|[0-9]{1,2})\\s*%\\s*$" },
                { "type": "integer", "minimum": 0, "maximum": 100 },
            ],
            "examples": ["80%"],
        }),
        Form::Bool => json!({ "type": "boolean" }),
        Form::Choice(words) => json!({ "enum": words }),
        Form::Choices(words) => json!({
            "anyOf": [{ "enum": words }, { "type": "array", "minItems": 1, "items": { "enum": words } }],
        }),
        Form::Secret => secret(),
        Form::Addresses => one_or_more(address(), "192.0.2.10"),
        Form::Sockets => one_or_more(
            json!({ "type": "string", "pattern": SOCKET }),
            "192.0.2.53:53",
        ),
        Form::Url => {
            json!({ "type": "string", "pattern": URL, "examples": ["https://www.site.example/"] })
        }
        Form::Where => json!({
            "anyOf": [{ "enum": ["source", "target", "public"] }, text],
        }),
        Form::Services => json!({
            "anyOf": [
                { "const": "all" },
                text,
                { "type": "array", "minItems": 1, "items": text },
            ],
        }),
        Form::Names => one_or_more(
            json!({ "type": "string", "pattern": NAME }),
            "www.site.example",
        ),
        // As a day of TOML, which is a text in JSON, or in quotes.
        Form::Date => json!({ "type": "string", "format": "date", "examples": ["2026-12-31"] }),
        Form::Map => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        // Tables are made from their fields.
        Form::Table(_) => json!({ "type": "object" }),
        Form::Tables(_) => json!({ "type": "array", "items": { "type": "object" } }),
    }
}

/// One text, or a list of them.
fn one_or_more(item: Json, example: &str) -> Json {
    json!({ "anyOf": [item, { "type": "array", "items": item }], "examples": [[example]] })
}

fn address() -> Json {
    json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })
}

/// Where a secret is: in exactly one of three places.
fn secret() -> Json {
    json!({
        "type": "object",
        "properties": {
            "env": {
                "type": "string",
                "pattern": VARIABLE,
                "description": "the environment variable that holds it",
            },
            "file": { "type": "string", "minLength": 1, "description": "the file that holds it" },
            "command": {
                "type": "array",
                "minItems": 1,
                "items": { "type": "string", "minLength": 1 },
                "description": "the program that prints it, and its arguments",
            },
        },
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
        "examples": [{ "env": "API_KEY" }, { "file": "/etc/cutover/api.secret" }],
    })
}
