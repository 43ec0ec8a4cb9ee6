//! One HTTP probe as a step of its own.

use std::net::Ipv6Addr;

use super::probe;
use super::services::{AT, At, DEFAULTS, Probing, What};
use crate::field::{Field, Fields, Form};
use crate::problem::Problem;
use crate::site::{HttpProbe, Probe, Service};
use crate::step::{Built, Given, Kind};

pub(super) static KIND: Kind = Kind {
    name: "http",
    summary: "one HTTP request with the real host name, SNI and certificate check, at every address",
    example: r#"[[step]]
id = "login-page"
kind = "http"
url = "https://www.example.org/login"
at = "target"
contains = "Password"
"#,
    fields: &[
        AT,
        Field::new(
            "url",
            Form::Url,
            "What to ask for, with the public name; where it has an address, only that one is asked",
        ).one_of(ASKED),
        Field::new(
            "services",
            Form::Services,
            "Ask for `path` under each name of these services, instead of `url`",
        )
        .one_of(ASKED),
        Field::new(
            "path",
            Form::Text,
            "The path to ask for with `services`; `/` by default",
        )
        .only_with(&["services"]),
        Field::new(
            "status",
            Form::Status,
            "The status that must come; any of 200 to 299 by default",
        ),
        Field::new(
            "contains",
            Form::Text,
            "A text that the body must contain in its first 256 KiB",
        ),
        Field::new(
            "header",
            Form::Map,
            "Headers that must come, each with a text that its value must contain",
        ),
        Field::new(
            "slower-than",
            Form::Span,
            "An answer that takes longer is a warning",
        ),
        Field::new(
            "ca",
            Form::File,
            "A PEM file (its path counts from the folder of the playbook) of certificates that are trusted besides the system's: authorities, or the server's own",
        ),
    ],
    defaults: DEFAULTS,
    build,
};

const ASKED: &[&str] = &["url", "services"];

fn build(fields: &Fields, given: &Given) -> Result<Built, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut http = HttpProbe {
        path: fields.text("path").unwrap_or("/").to_owned(),
        tls: true,
        port: 443,
        status: (fields.count("status")).and_then(|status| status.try_into().ok()),
        contains: fields.text("contains").map(str::to_owned),
        header: fields
            .map("header")
            .into_iter()
            .flatten()
            .map(|(name, part)| (name.to_ascii_lowercase(), part.clone()))
            .collect(),
        slower_than_ms: fields
            .span("slower-than")
            .map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
        ca: fields.text("ca").map(Into::into),
    };
    if !http.path.starts_with('/') {
        problems.push(
            Problem::error(
                "path-without-slash",
                fields.span_of("path"),
                "a path begins with `/`",
            )
            .hint(format!("write `path = \"/{}\"`", http.path)),
        );
    }
    let mut name = None;
    if let Some(text) = fields.text("url") {
        match split(text) {
            Ok(url) => {
                http.tls = url.tls;
                http.port = url.port;
                http.path = url.path;
                name = Some(url.name);
            }
            Err(why) => problems.push(Problem::error(
                "wrong-url",
                fields.span_of("url"),
                format!("`{text}` {why}"),
            )),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let at = At::of(fields);
    if at == At::Public
        && name
            .as_deref()
            .is_some_and(|name| probe::literal(name).is_some())
    {
        return Err(vec![
            Problem::error(
                "wrong-url",
                fields.span_of("url"),
                "the URL has an address, and `at = \"public\"` asks by name",
            )
            .hint("write the public name, or let `at` name a side or a host"),
        ]);
    }
    let path = http.path.clone();
    let (what, of) = match name {
        Some(name) => {
            let service = Service {
                name: given.id.to_owned(),
                names: vec![name.clone()],
                probes: vec![Probe::Http(http)],
                hosts: Vec::new(),
            };
            (What::Own(service), format!("{name}{path}"))
        }
        None => (What::one(fields, given, Probe::Http(http)), path),
    };
    let title = format!("ask for {} {at}", probe::excerpt(&of));
    Ok(Probing::new(at, what, fields).built(title))
}

#[derive(Debug, PartialEq, Eq)]
struct Parts {
    tls: bool,
    name: String,
    port: u16,
    path: String,
}

/// The parts of a URL that a probe needs. An address in it is the only one that is asked.
fn split(url: &str) -> Result<Parts, &'static str> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return Err("begins with neither `https://` nor `http://`"),
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.contains('@') {
        return Err("holds a user or a password, which a playbook must not");
    }
    // The colons of an IPv6 address stand in brackets (RFC 3986, 3.2.2).
    let after_address = authority.find(']').map_or(0, |at| at + 1);
    let (name, port) = match authority[after_address..].split_once(':') {
        Some((rest, port)) => (
            &authority[..after_address + rest.len()],
            port.parse().map_err(|_| "has a port that is none")?,
        ),
        None => (authority, if tls { 443 } else { 80 }),
    };
    if name.is_empty() || port == 0 {
        return Err("has no name or no port");
    }
    let name = match name.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
        None => name.trim_end_matches('.').to_ascii_lowercase(),
        Some(inner) => {
            let address = inner.and_then(|inner| inner.parse::<Ipv6Addr>().ok());
            format!(
                "[{}]",
                address.ok_or("has no IPv6 address in its brackets")?
            )
        }
    };
    Ok(Parts {
        tls,
        name,
        port,
        path: if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_into_what_a_probe_needs() {
        let parts = |tls, name: &str, port, path: &str| {
            Ok(Parts {
                tls,
                name: name.into(),
                port,
                path: path.into(),
            })
        };
        let cases = [
            (
                "https://www.Example.org",
                parts(true, "www.example.org", 443, "/"),
            ),
            (
                "http://www.example.org:8080/a?b=c#d",
                parts(false, "www.example.org", 8080, "/a?b=c"),
            ),
            (
                "HTTP://WWW.Example.org/A",
                parts(false, "www.example.org", 80, "/A"),
            ),
            (
                "http://192.0.2.22:8100/",
                parts(false, "192.0.2.22", 8100, "/"),
            ),
            ("https://192.0.2.22", parts(true, "192.0.2.22", 443, "/")),
            (
                "http://[2001:DB8:0::22]:8100/",
                parts(false, "[2001:db8::22]", 8100, "/"),
            ),
            (
                "https://[2001:db8::22]?x",
                parts(true, "[2001:db8::22]", 443, "/?x"),
            ),
            (
                "https://example.org?x=1",
                parts(true, "example.org", 443, "/?x=1"),
            ),
        ];
        for (url, expected) in cases {
            assert_eq!(split(url), expected, "{url}");
        }
        for url in [
            "ftp://example.org/",
            "https://me:secret@example.org/",
            "https://[2001:db8::1/",
            "https://[192.0.2.1]/",
            "https://[2001:db8::1]:x/",
            "https://[2001:db8::1]x:80/",
            "https://2001:db8::1/",
            "https://example.org:x/",
            "https:///",
        ] {
            assert!(split(url).is_err(), "{url}");
        }
    }
}
