//! What every provider of the list refuses without asking anybody, in the plan and in the write alike.

use std::sync::Arc;

use super::*;
use crate::dns::{Grounds, RecordKey, RecordType};
use crate::field::{Datum, Form};
use crate::plan::Value;
use crate::secret::SecretRef;

/// The fields, each filled with something of its form.
fn filled(fields: &[Field]) -> Fields {
    let mut given = Fields::default();
    for field in fields {
        let datum = match field.form {
            Form::Secret => Datum::Secret(SecretRef::Env("SECRET".into())),
            Form::Url => Datum::Text("http://192.0.2.53:8081".into()),
            Form::Sockets => Datum::Texts(vec!["192.0.2.54:53".into()]),
            Form::Choice(words) => Datum::Text(words[0].into()),
            Form::Table(inner) => Datum::Table(filled(inner)),
            _ => Datum::Text("text".into()),
        };
        given.insert(field.name, datum, 0..0);
    }
    given
}

/// Every provider of the list, built as a playbook would.
fn each() -> impl Iterator<Item = (&'static str, Arc<dyn Provider>)> {
    (PROVIDERS.iter()).map(|kind| (kind.name, (kind.build)(&filled(kind.fields)).unwrap()))
}

fn set(name: &str, ttl: u32, data: &[&str]) -> RecordSet {
    RecordSet::new(RecordKey::new(name, RecordType::A), ttl, data).unwrap()
}

fn judged(provider: &dyn Provider, grounds: &Grounds, from: &RecordSet, to: &RecordSet) -> String {
    let value = |set| RecordSet::value_of([set]);
    let judged = provider.judge("example.org", grounds, &value(from), &value(to));
    judged.err().unwrap_or_default().join("; ")
}

const WWW: &str = "www.example.org";

#[test]
fn a_plain_change_is_not_refused() {
    let (from, to) = (set(WWW, 300, &["192.0.2.1"]), set(WWW, 60, &["192.0.2.2"]));
    for (name, provider) in each() {
        assert_eq!(
            judged(&*provider, &Grounds::default(), &from, &to),
            "",
            "{name}"
        );
        assert_eq!(
            judged(&*provider, &Grounds::default(), &to, &from),
            "",
            "{name}"
        );
    }
}

#[test]
fn a_set_that_cannot_be_written_or_put_back_is_refused() {
    let plain = set(WWW, 300, &["192.0.2.1"]);
    let cases = [
        (
            set(WWW, 300, &["192.0.2.9"]).with_extra(serde_json::json!({ "ttls": [5, 300] })),
            "several TTLs",
        ),
        (set(WWW, 1 << 31, &["192.0.2.9"]), "2147483648"),
        (set(WWW, u32::MAX, &["192.0.2.9"]), "4294967295"),
    ];
    for (name, provider) in each() {
        for (odd, told) in &cases {
            let why = judged(&*provider, &Grounds::default(), &plain, odd);
            assert!(why.contains(told) && why.contains(WWW), "{name}: {why}");
        }
        let elsewhere = |data| set("www.example.net", 300, &[data]);
        let (from, to) = (elsewhere("192.0.2.1"), elsewhere("192.0.2.9"));
        let why = judged(&*provider, &Grounds::default(), &from, &to);
        assert!(
            name == "powerdns" || why.contains("www.example.net"),
            "{name}: {why}"
        );
    }
}

#[test]
fn what_a_look_at_the_zone_showed_is_refused_and_of_its_sets_alone() {
    let (from, to) = (set(WWW, 300, &["192.0.2.1"]), set(WWW, 60, &["192.0.2.2"]));
    let zone = Grounds {
        zone: vec!["the zone is a copy".into()],
        ..Grounds::default()
    };
    let of = |name: &str| Grounds {
        sets: [(
            RecordKey::new(name, RecordType::A),
            "a wildcard answers".to_owned(),
        )]
        .into(),
        ..Grounds::default()
    };
    for (name, provider) in each() {
        let judge = |grounds: &Grounds| judged(&*provider, grounds, &from, &to);
        assert_eq!(judge(&zone), "the zone is a copy", "{name}");
        assert_eq!(judge(&of(WWW)), "a wildcard answers", "{name}");
        assert_eq!(judge(&of("mail.example.org")), "", "{name}");
    }
}

/// Whatever is cut into groups fits into one write each, signature included; what cannot be cut is refused.
#[test]
fn each_group_can_be_written_and_one_set_that_is_too_large_is_refused() {
    let sets: Vec<_> = (0..2000)
        .map(|n| {
            let name = format!("a-host-with-a-long-name-{n}.a-department.example.org");
            (
                set(&name, 300, &["192.0.2.1"]),
                set(&name, 60, &["192.0.2.2"]),
            )
        })
        .collect();
    let many: Vec<String> = (0..4000_u32)
        .map(|n| format!("10.0.{}.{}", n / 250, n % 250))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let large = (set(WWW, 300, &many), set(WWW, 60, &["192.0.2.2"]));
    for (name, provider) in each() {
        for group in (provider.limits().cut)(&sets) {
            let (from, to): (Vec<_>, Vec<_>) = group.iter().cloned().unzip();
            let (from, to) = (RecordSet::value_of(&from), RecordSet::value_of(&to));
            let judged = provider.judge("example.org", &Grounds::default(), &from, &to);
            assert_eq!(judged, Ok(()), "{name}");
        }
        if name == "rfc2136" {
            for (from, to) in [(&large.0, &large.1), (&large.1, &large.0)] {
                let why = judged(&*provider, &Grounds::default(), from, to);
                assert!(why.contains("65,535 bytes"), "{name}: {why}");
            }
        }
    }
}

/// What is typed by hand is what would be written: nothing that is refused.
#[test]
fn there_are_no_commands_for_what_is_refused() {
    let from = RecordSet::value_of([&set(WWW, 300, &["192.0.2.1"])]);
    let to = RecordSet::value_of([&set(WWW, u32::MAX, &["192.0.2.1"])]);
    for (name, provider) in each() {
        assert_eq!(
            provider.commands("example.org", &from, &to),
            [""; 0],
            "{name}"
        );
        assert_ne!(
            provider.commands("example.org", &to, &from),
            [""; 0],
            "{name}"
        );
        assert_ne!(
            provider.commands("example.org", &Value::default(), &from),
            [""; 0],
            "{name}"
        );
    }
}
