//! Playbooks that include a file.

mod overrides;
mod problems;
mod skips;

use std::path::Path;

use jiff::civil::Date;

use crate::playbook::{Included, Input, Playbook, Problems};

const SHARED: &str = r#"
[providers.dns]
kind = "mythic-beasts"
key-id = { env = "MYTHIC_KEY_ID" }
secret = { file = "/etc/cutover/mythic.secret" }

[services.website]
probes = [{ http = "/health", contains = "ok" }]

[[step]]
id = "mirror"
kind = "mirror"
path = "/srv/www/"
max-lag = "6h"
max-files = 100

[[step]]
id = "works"
kind = "services"
at = "target"

[[step]]
id = "flip"
kind = "dns"
services = "all"
ttl = "60s"

[[step]]
id = "public"
kind = "services"
at = "public"
"#;

const SHOP: &str = r#"
[playbook]
name = "shop"
include = "../lib/site.toml"

[hosts.web]
ssh = "web"
addresses = ["192.0.2.10"]

[hosts.spare]
ssh = "spare"
addresses = ["198.51.100.20"]

[zones."shop.example"]
provider = "dns"

[services.website]
names = ["shop.example"]
"#;

fn today() -> Date {
    jiff::civil::date(2026, 11, 22)
}

fn read(text: &str, shared: &[u8], sets: &[&str]) -> Result<Playbook, Problems> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let input = Input {
        file: "playbooks/shop.toml",
        folder: Path::new(""),
        sets: &sets,
        today: Some(today()),
        read: &|path| match path {
            "../lib/site.toml" => Ok(Included {
                file: Input::beside("playbooks/shop.toml", path),
                bytes: shared.to_vec(),
            }),
            _ => Err("no such file".to_owned()),
        },
    };
    Playbook::read(text.as_bytes(), &input)
}

#[track_caller]
fn good(text: &str) -> Playbook {
    let book = read(text, SHARED.as_bytes(), &[]).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(book.warnings().is_empty(), "{}", book.warnings());
    // Whatever it is made of, its text alone gives it again, on any day.
    for text in [book.text(), book.resolved()] {
        let again = Playbook::parse(text, "alone.toml", &[]).unwrap_or_else(|p| panic!("{p}"));
        assert_eq!(
            without_places(&again),
            without_places(&book).replace(book.digest(), again.digest())
        );
        assert_eq!(commons(&again), commons(&book));
        assert_eq!(again.text(), text);
    }
    book
}

fn without_places(book: &Playbook) -> String {
    let debug = format!("{book:?}");
    let parts = debug
        .split("..")
        .map(|part| part.trim_matches(|c: char| c.is_ascii_digit()));
    parts.collect()
}

#[track_caller]
fn bad(text: &str, shared: &str) -> String {
    match read(text, shared.as_bytes(), &[]) {
        Ok(_) => panic!("it is taken"),
        Err(problems) => problems.to_string(),
    }
}

fn commons(book: &Playbook) -> Vec<String> {
    (book.steps().iter())
        .map(|step| format!("{} {} {:?}", step.id, step.title, step.common))
        .collect()
}

fn ids(book: &Playbook) -> Vec<&str> {
    book.steps().iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn the_included_list_is_the_list() {
    let book = good(SHOP);
    assert_eq!(ids(&book), ["mirror", "works", "flip", "public"]);
    assert_eq!(book.services()["website"].names, ["shop.example"]);
    assert_eq!(book.services()["website"].probes.len(), 1);
    assert_eq!(book.providers()["dns"].kind.name, "mythic-beasts");
}

#[test]
fn own_steps_come_last_or_where_they_say() {
    let wait = |id: &str, place: &str| {
        format!("[[step]]\nid = \"{id}\"\nkind = \"wait\"\ntime = \"1s\"\n{place}\n")
    };
    let text = [
        SHOP.to_owned(),
        wait("last", ""),
        wait("first", "before = \"mirror\""),
        wait("second", "after = \"first\""),
        wait("a", "after = \"works\""),
        wait("b", "after = \"works\""),
        wait("c", "before = \"flip\""),
        wait("very-last", ""),
    ]
    .concat();
    assert_eq!(
        ids(&good(&text)),
        [
            "first",
            "second",
            "mirror",
            "works",
            "a",
            "b",
            "c",
            "flip",
            "public",
            "last",
            "very-last"
        ]
    );
}

#[test]
fn files_are_called_from_where_the_playbook_is_called() {
    let cases = [
        ("playbooks/shop.toml", "../lib/site.toml", "lib/site.toml"),
        ("shop.toml", "lib/site.toml", "lib/site.toml"),
        ("shop.toml", "../lib/site.toml", "../lib/site.toml"),
        (
            "../../shop.toml",
            "../lib/site.toml",
            "../../../lib/site.toml",
        ),
        (
            "/etc/cutover/shop.toml",
            "./site.toml",
            "/etc/cutover/site.toml",
        ),
        ("a/b.toml", "/etc/site.toml", "/etc/site.toml"),
    ];
    for (playbook, included, called) in cases {
        assert_eq!(Input::beside(playbook, included), called);
    }
}
