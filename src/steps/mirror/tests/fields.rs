//! The fields of the step.

use std::time::Duration;

use crate::field::{Datum, Fields};
use crate::problem::Problem;
use crate::step::{Check, Given, Work};
use crate::steps::mirror::fields::{build, globs};

const HOSTS: &[&str] = &["primary", "standby"];

fn fields(values: &[(&'static str, Datum)]) -> Fields {
    let mut fields = Fields::new(0..0);
    for (name, datum) in values {
        fields.insert(name, datum.clone(), 0..0);
    }
    fields
}

fn text(text: &str) -> Datum {
    Datum::Text(text.into())
}

fn map(pairs: &[(&str, &str)]) -> Datum {
    let pairs = pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Datum::Map(pairs.collect())
}

fn built(values: &[(&'static str, Datum)]) -> Result<Box<dyn Check>, Vec<Problem>> {
    let hosts: Vec<String> = HOSTS.iter().map(|host| (*host).to_owned()).collect();
    let given = Given {
        id: "mirror",
        services: &[],
        hosts: &hosts,
    };
    let Work::Check(check) = build(&fields(values), &given)?.work else {
        panic!("a mirror is a check")
    };
    Ok(check)
}

#[test]
fn says_what_is_wrong_with_the_fields() {
    let bad: &[&[(&'static str, Datum)]] = &[
        &[("path", text("srv/a"))],
        &[("paths", map(&[("elsewhere", "/a")]))],
        &[
            ("path", text("/a")),
            ("from", map(&[("primary", "-oProxyCommand=x")])),
        ],
        &[
            ("path", text("/a")),
            ("hosts", Datum::Texts(vec!["nobody".into()])),
        ],
        &[
            ("path", text("/a")),
            ("exclude", Datum::Texts(vec!["!".into()])),
        ],
        &[("path", text("/a")), ("stamp", text("/abs"))],
        &[
            ("path", text("/a")),
            ("ssh-options", Datum::Texts(vec!["-i /k".into()])),
        ],
    ];
    for values in bad {
        assert!(built(values).is_err(), "{values:?}");
    }
    assert!(
        built(&[
            ("path", text("/a")),
            ("reuse", Datum::Span(Duration::from_secs(60)))
        ])
        .unwrap()
        .reuse()
        .is_some()
    );
}

#[test]
fn patterns_match_what_rsync_would_leave_out() {
    let matches = |pattern: &str, path: &str| {
        globs(pattern)
            .unwrap()
            .iter()
            .any(|glob| glob.compile_matcher().is_match(path))
    };
    for (pattern, path, expected) in [
        ("/tmp/", "tmp", true),
        ("/tmp/", "tmp/a/b", true),
        ("/tmp/", "a/tmp", false),
        ("*.new", "a/b.new", true),
        ("*.new", "b.new", true),
        ("cache", "a/cache/x", true),
        ("/pool/*/x", "pool/a/x", true),
        ("/pool/*/x", "pool/a/b/x", false),
    ] {
        assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
    }
}
