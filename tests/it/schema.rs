//! The JSON Schema against a validator of somebody else: it takes what the parser takes, and refuses slips.

mod halves;
mod slips;

use std::path::{Path, PathBuf};

use cutover::playbook::{Playbook, Registry};
use cutover::schema::schema;
use jsonschema::Validator;
use serde_json::Value as Json;

use crate::playbooks::{AROUND, STEP};
use crate::readme;
use slips::FULL;

const FRESH: &str = "playbooks/cutover.schema.json";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn validator() -> Validator {
    let schema = schema(&Registry::standard());
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

/// What the schema says against a playbook, each with its place.
fn refusals(validator: &Validator, text: &str) -> Vec<String> {
    let playbook = json(toml::from_str(text).unwrap());
    let errors = validator.iter_errors(&playbook);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// TOML as editors hand it to a validator: a day is a text.
fn json(value: toml::Value) -> Json {
    match value {
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(table) => {
            let each = table.into_iter().map(|(key, value)| (key, json(value)));
            Json::Object(each.collect())
        }
        plain => serde_json::to_value(plain).unwrap(),
    }
}

fn playbooks() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("playbooks")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|ext| ext == "toml") => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

#[test]
fn it_is_a_schema_by_its_meta_schema() {
    let schema = schema(&Registry::standard());
    let valid = jsonschema::meta::validate(&schema);
    assert!(valid.is_ok(), "{valid:?}");
}

#[test]
fn the_copy_beside_the_playbooks_is_fresh() {
    let copy = std::fs::read_to_string(root().join(FRESH)).unwrap_or_default();
    let now = serde_json::to_string_pretty(&schema(&Registry::standard())).unwrap() + "\n";
    assert!(copy == now, "make it anew: cargo run -- schema > {FRESH}");
}

#[test]
fn what_the_readme_types_sets_up_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let playbook = dir.path().join("site.toml");
    std::fs::write(&playbook, FULL).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_cutover")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", program.display());
    let [commands] = &readme::blocks("shell")[..] else {
        panic!("the README sets an editor up in one block")
    };
    let done = std::process::Command::new("sh")
        .args(["-euc", commands])
        .current_dir(&dir)
        .env("PATH", path)
        .status();
    assert!(done.unwrap().success());
    let text = std::fs::read_to_string(&playbook).unwrap();
    let named = text.lines().next().unwrap().strip_prefix("#:schema ");
    let named = std::fs::read(dir.path().join(named.unwrap())).unwrap();
    let written: Json = serde_json::from_slice(&named).unwrap();
    assert_eq!(written, schema(&Registry::standard()));
    assert!(Playbook::parse(&text, "site.toml", &[]).is_ok());
}

#[test]
fn every_playbook_of_the_project_is_as_the_schema_says() {
    let validator = validator();
    let playbooks = playbooks();
    assert!(playbooks.len() > 3, "{playbooks:?}");
    for path in playbooks {
        let text = std::fs::read_to_string(&path).unwrap();
        let refusals = refusals(&validator, &text);
        assert!(refusals.is_empty(), "{}: {refusals:#?}", path.display());
        let line = text.lines().find_map(|line| line.strip_prefix("#:schema "));
        let named = path.with_file_name(line.unwrap_or_default().trim());
        assert_eq!(
            named.canonicalize().ok(),
            root().join(FRESH).canonicalize().ok(),
            "{} has no line `#:schema …` that leads to {FRESH}",
            path.display()
        );
    }
    let refusals = refusals(&validator, &readme::blocks("toml")[..2].concat());
    assert!(refusals.is_empty(), "README.md: {refusals:#?}");
}

#[test]
fn the_examples_of_kinds_and_providers_are_as_the_schema_says() {
    let (validator, registry) = (validator(), Registry::standard());
    let kinds = (registry.kinds.iter()).map(|kind| (kind.name, kind.example.to_owned()));
    let providers =
        (registry.providers.iter()).map(|kind| (kind.name, format!("{}\n{STEP}", kind.example)));
    for (name, example) in kinds.chain(providers) {
        let refusals = refusals(&validator, &format!("{AROUND}\n{example}"));
        assert!(refusals.is_empty(), "{name}: {refusals:#?}");
    }
}
