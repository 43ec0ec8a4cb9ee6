//! The playbooks that come with the program, and the examples of its kinds and providers.

use std::collections::BTreeSet;
use std::path::Path;

use cutover::lint;
use cutover::playbook::{Input, Playbook, Registry, reference};

fn read(path: &Path) -> Playbook {
    let bytes = std::fs::read(path).unwrap();
    let file = path.display().to_string();
    match Playbook::read(&bytes, &Input::alone(&file, &[])) {
        Ok(playbook) => playbook,
        Err(problems) => panic!("{problems}"),
    }
}

#[test]
fn every_playbook_of_the_folder_is_valid_and_keeps_the_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks");
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let playbook = read(&path);
        let found = lint::lint(&playbook, jiff::civil::date(2026, 11, 22));
        assert!(found.is_empty(), "{found}");
        assert!(!playbook.summary().is_empty(), "{}", path.display());
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert_eq!(playbook.name(), stem);
        names.insert(stem);
    }
    for name in ["ipv6-only", "raspbian", "small-site"] {
        assert!(names.contains(name), "{name} is gone");
    }
}

/// The playbook of a small site, which is good.
pub const SMALL: &str = include_str!("../../playbooks/small-site.toml");

/// The small site with a check before the change that it looks for, so that it can never end well.
pub fn verified_too_early() -> String {
    let (before, flip) = SMALL.split_once("[[step]]\nid = \"flip\"").unwrap();
    let (flip, after) = flip.split_once("[[step]]\nid = \"published\"").unwrap();
    let (published, public) = after.split_once("[[step]]\nid = \"public\"").unwrap();
    format!(
        "{before}[[step]]\nid = \"public\"{public}\n[[step]]\nid = \"flip\"{flip}\
         [[step]]\nid = \"published\"{published}"
    )
}

/// What the examples of kinds and providers refer to.
pub const AROUND: &str = r#"
[playbook]
name = "example"

[hosts.primary]
site = "dedicated"
ssh = "primary"
addresses = ["192.0.2.10", "2001:db8::10"]
access-log = "/var/log/nginx/access.log"

[hosts.standby]
site = "cloud"
ssh = "standby"
addresses = ["198.51.100.20", "2001:db8:1::20"]
access-log = "/var/log/nginx/access.log"

[services.website]
names = ["raspbian.example", "www.raspbian.example"]
probes = [{ http = "/", contains = "Raspbian" }]

[services.archive]
names = ["archive.raspbian.example"]
probes = [{ rsync = "archive" }]
"#;

pub const STEP: &str = "[[step]]\nid = \"works\"\nkind = \"services\"\n";

#[test]
fn the_example_of_every_kind_is_valid() {
    for kind in Registry::standard().kinds {
        let text = format!("{AROUND}\n{}", kind.example);
        if let Err(problems) = Playbook::parse(&text, kind.name, &[]) {
            panic!("{problems}");
        }
    }
}

#[test]
fn the_example_of_every_provider_is_valid() {
    for provider in Registry::standard().providers {
        let text = format!("{AROUND}\n{}\n{STEP}", provider.example);
        match Playbook::parse(&text, provider.name, &[]) {
            Ok(playbook) => assert!(
                playbook
                    .providers()
                    .values()
                    .any(|spec| spec.kind.name == provider.name),
                "the example of {} shows another provider",
                provider.name
            ),
            Err(problems) => panic!("{problems}"),
        }
    }
}

#[test]
fn kinds_and_providers_are_declared_well() {
    let registry = Registry::standard();
    let common = reference::common_fields();
    let mut names = BTreeSet::new();
    let kinds = registry
        .kinds
        .iter()
        .map(|kind| (kind.name, kind.summary, kind.fields));
    let providers = registry
        .providers
        .iter()
        .map(|kind| (kind.name, kind.summary, kind.fields));
    for (name, summary, fields) in kinds.chain(providers) {
        assert!(names.insert(name), "{name} is there twice");
        assert!(
            !summary.ends_with('.') && !summary.is_empty(),
            "{name}: {summary}"
        );
        let mut keys = BTreeSet::new();
        for field in fields {
            assert!(
                keys.insert(field.name),
                "{name} declares {} twice",
                field.name
            );
            assert!(
                !common.contains(&field.name),
                "{name} redefines {}",
                field.name
            );
            assert!(
                !field.about.ends_with('.'),
                "{name}.{}: {}",
                field.name,
                field.about
            );
        }
        let page = reference::page(&registry, name).unwrap();
        assert!(keys.iter().all(|key| page.contains(*key)), "{page}");
    }
    let index = reference::index(&registry);
    assert!(names.iter().all(|name| index.contains(name)), "{index}");
    assert!(
        reference::page(&registry, "propogation")
            .unwrap_err()
            .contains("did you mean")
    );
}
