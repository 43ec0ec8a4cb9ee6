//! Finds what may be a secret in the text of a playbook, so that no rendered line shows it.
//!
//! A playbook names where secrets are and holds none, but people make mistakes, and the report of a mistake
//! must not spread it. Where the text could be parsed, the tables say what is what; where it could not,
//! whole values are hidden rather than one too few.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::tables::{PROVIDER, ROOT, STEP};
use super::{Registry, values};
use crate::field::{Field, Form};
use crate::secret;

type Ranges = Vec<Range<usize>>;

/// The places of everything in a parsed playbook that may be a secret.
pub(super) fn in_tables(root: &DeTable<'_>, registry: &Registry) -> Ranges {
    let mut out = Vec::new();
    for (key, value) in root {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("providers", DeValue::Table(providers)) => {
                for provider in providers.values() {
                    let kind = kind_of(provider.get_ref()).and_then(|kind| registry.provider(kind));
                    let fields = kind.map_or(&[][..], |kind| kind.fields);
                    in_value(provider, &[PROVIDER, fields], true, &mut out);
                }
            }
            ("step", DeValue::Array(steps)) => {
                for step in steps {
                    let kind = kind_of(step.get_ref()).and_then(|kind| registry.kind(kind));
                    let fields = kind.map_or(&[][..], |kind| kind.fields);
                    in_value(step, &[STEP, fields], false, &mut out);
                }
            }
            (name, _) if name == "providers" || !ROOT.contains(&name) => leaves(value, &mut out),
            _ => in_value(value, &[], false, &mut out),
        }
    }
    out
}

/// Like [`in_tables`], without the providers.
pub(super) fn besides_providers(root: &DeTable<'_>, registry: &Registry) -> Ranges {
    let mut root = root.clone();
    root.remove("providers");
    in_tables(&root, registry)
}

/// The places of what may be a secret in a value that another one stands over.
pub(super) fn replaced(name: &str, value: &Value<'_>, secret: bool) -> Ranges {
    let mut out = Vec::new();
    if secret || sounds_secret(name) {
        in_secret(value, &mut out);
    } else {
        in_value(value, &[], false, &mut out);
    }
    out
}

fn kind_of<'v>(value: &'v DeValue<'_>) -> Option<&'v str> {
    value.as_table()?.get("kind")?.get_ref().as_str()
}

type Value<'i> = toml::Spanned<DeValue<'i>>;

/// `strict` hides whatever is not declared; otherwise only what is called like a secret.
fn in_value(value: &Value<'_>, groups: &[&[Field]], strict: bool, out: &mut Ranges) {
    match value.get_ref() {
        DeValue::Table(table) => {
            for (key, value) in table {
                let name: &str = key.get_ref();
                let field = groups
                    .iter()
                    .flat_map(|g| g.iter())
                    .find(|f| f.name == name);
                match field.map(|field| field.form) {
                    Some(Form::Secret) => in_secret(value, out),
                    Some(Form::Table(fields) | Form::Tables(fields)) => {
                        in_value(value, &[fields], strict, out);
                    }
                    Some(Form::Url) => {
                        if value
                            .get_ref()
                            .as_str()
                            .is_none_or(values::url_has_password)
                        {
                            leaves(value, out);
                        }
                    }
                    Some(_) => in_command(value, out),
                    None if strict || sounds_secret(name) => leaves(value, out),
                    None => in_value(value, &[], false, out),
                }
            }
        }
        DeValue::Array(items) => {
            for item in items {
                in_value(item, groups, strict, out);
            }
        }
        _ if strict => out.push(value.span()),
        _ => {}
    }
}

/// Words of a command line that look like a secret which was written out.
fn in_command(value: &Value<'_>, out: &mut Ranges) {
    match value.get_ref() {
        DeValue::String(text) if secret::in_text(text) => out.push(value.span()),
        DeValue::Array(items) => {
            let words: Vec<&str> = (items.iter())
                .map(|item| item.get_ref().as_str().unwrap_or_default())
                .collect();
            let places = secret::in_words(&words);
            let shown = |at: &usize| !places.contains(at) && !secret::in_text(words[*at]);
            out.extend(
                (0..items.len())
                    .filter(|at| !shown(at))
                    .map(|at| items[at].span()),
            );
        }
        _ => {}
    }
}

/// What stands where the place of a secret is expected; only well-formed places stay readable.
fn in_secret(value: &Value<'_>, out: &mut Ranges) {
    let Some(table) = value.get_ref().as_table() else {
        return leaves(value, out);
    };
    for (key, value) in table {
        let is_place = match key.get_ref().as_ref() {
            "env" => value.get_ref().as_str().is_some_and(values::is_variable),
            "file" => value.get_ref().is_str(),
            "command" => value.get_ref().is_array(),
            _ => false,
        };
        if !is_place {
            leaves(value, out);
        }
    }
}

fn leaves(value: &Value<'_>, out: &mut Ranges) {
    match value.get_ref() {
        DeValue::Table(table) => table.values().for_each(|value| leaves(value, out)),
        DeValue::Array(items) => items.iter().for_each(|item| leaves(item, out)),
        _ => out.push(value.span()),
    }
}

fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["secret", "passw", "token", "key", "credential", "providers"]
        .iter()
        .any(|word| name.contains(word))
}

/// The places of everything that may be a secret in a text that could not be parsed.
pub(super) fn in_text(text: &str) -> Ranges {
    let mut out = Vec::new();
    let mut at = 0;
    let mut in_providers = false;
    // Inside a text of several lines nothing is a key. In a broken file nobody can say for sure where one
    // is open; a line after an odd number of triple quotes counts as inside.
    let mut open = false;
    for line in text.split_inclusive('\n') {
        let start = at;
        let end = start + line.trim_end().len();
        at += line.len();
        let is_header = is_header(line);
        if is_header && is_own_header(line) {
            in_providers = false;
            open = false;
        } else if is_header && !open {
            in_providers = true;
        }
        let value = line
            .find('=')
            .filter(|equals| is_bare_key(&line[..*equals]))
            .map_or(0, |equals| equals + 1);
        let from = if open {
            Some(0)
        } else if in_providers {
            (!is_header || value > 0).then_some(value)
        } else {
            (sounds_secret(line) || line.trim_start().starts_with("prov")).then_some(value)
        };
        if let Some(from) = from {
            out.push((start + from).min(end)..end);
        }
        let quotes = line.matches("\"\"\"").count() + line.matches("'''").count();
        open ^= quotes % 2 == 1;
    }
    out
}

fn is_bare_key(text: &str) -> bool {
    text.trim()
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Whether a line opens a table; `["a", "list"]` does not.
fn is_header(line: &str) -> bool {
    let line = line.trim_start();
    let name = line.trim_start_matches('[');
    name.len() < line.len()
        && name
            .trim_start()
            .starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Whether a line opens a table of a playbook that is none of a provider.
fn is_own_header(line: &str) -> bool {
    let name = line.trim_start().trim_start_matches('[').trim_start();
    ROOT.iter()
        .filter(|root| **root != "providers")
        .any(|root| {
            name.strip_prefix(root)
                .is_some_and(|rest| rest.trim_start().starts_with(['.', ']']))
        })
}

/// The text with every hidden byte replaced, so that all places stay where they are.
pub(super) fn mask(text: &str, hidden: &[Range<usize>]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for range in hidden {
        let range = text.floor_char_boundary(range.start)..text.ceil_char_boundary(range.end);
        for byte in bytes.iter_mut().take(range.end).skip(range.start) {
            if *byte != b'\n' {
                *byte = b'*';
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
