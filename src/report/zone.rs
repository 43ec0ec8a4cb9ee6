//! Values as a person reads them: record sets as lines of a zone file, the rest as `key: value`.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use super::numbers::count;
use super::text::{Line, Role};
use crate::plan::{Edit, Part, Value};

/// One record of a record set, in columns.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Row {
    Record {
        name: String,
        ttl: String,
        rtype: String,
        data: String,
    },
    Other(String),
}

/// The edit as lines that go (`-`), come (`+`) and stay, part by part.
pub(super) fn difference(edit: &Edit, indent: usize) -> Vec<Line> {
    let keys: BTreeSet<&String> = (edit.before.0.keys()).chain(edit.after.0.keys()).collect();
    let mut rows = Vec::new();
    for key in keys {
        let old = part_rows(key, edit.before.0.get(key));
        let new = part_rows(key, edit.after.0.get(key));
        for row in &old {
            let stays = new.contains(row);
            let (sign, role) = if stays {
                (" ", Role::Dim)
            } else {
                ("-", Role::Removed)
            };
            rows.push((sign, role, row.clone()));
        }
        for row in new {
            if !old.contains(&row) {
                rows.push(("+", Role::Added, row));
            }
        }
    }
    let width_of = |pick: fn(&Row) -> usize| rows.iter().map(|(_, _, row)| pick(row)).max();
    let name_width = width_of(Row::name_width).unwrap_or(0).min(48);
    let ttl_width = width_of(Row::ttl_width).unwrap_or(0);
    rows.iter()
        .map(|(sign, role, row)| {
            let text = row.text(name_width, ttl_width);
            Line::new()
                .text(" ".repeat(indent))
                .and(*role, format!("{sign} {text}"))
        })
        .collect()
}

/// How much an edit changes: `4 record sets`, `1 setting`.
pub(super) fn extent(edit: &Edit) -> String {
    let keys: BTreeSet<&String> = (edit.before.0.keys())
        .chain(edit.after.0.keys())
        .filter(|key| edit.before.0.get(*key) != edit.after.0.get(*key))
        .collect();
    count(keys.len(), noun(&[&edit.before, &edit.after]))
}

/// What the parts are: a place holds record sets or settings, and not both.
fn noun(values: &[&Value]) -> &'static str {
    let mut parts = values.iter().flat_map(|value| value.0.values());
    match parts.next().and_then(Set::of) {
        Some(_) => "record set",
        None => "setting",
    }
}

impl Row {
    fn name_width(&self) -> usize {
        match self {
            Row::Record { name, .. } => name.chars().count(),
            Row::Other(_) => 0,
        }
    }

    fn ttl_width(&self) -> usize {
        match self {
            Row::Record { ttl, .. } => ttl.chars().count(),
            Row::Other(_) => 0,
        }
    }

    fn text(&self, name_width: usize, ttl_width: usize) -> String {
        match self {
            Row::Record {
                name,
                ttl,
                rtype,
                data,
            } => format!("{name:name_width$} {ttl:>ttl_width$} IN {rtype:<4} {data}"),
            Row::Other(text) => text.clone(),
        }
    }
}

fn part_rows(key: &str, part: Option<&Part>) -> Vec<Row> {
    let Some(part) = part else {
        return Vec::new();
    };
    let Some(set) = Set::of(part) else {
        return vec![Row::Other(format!("{key}: {}", part.told()))];
    };
    let (name, rtype) = key.rsplit_once(' ').unwrap_or((key, "?"));
    let mut rows: Vec<Row> = (set.data.into_iter())
        .map(|data| Row::Record {
            name: name.to_owned(),
            ttl: set.ttl.to_string(),
            rtype: rtype.to_owned(),
            data,
        })
        .collect();
    if !set.extra.is_null() {
        let extra = set.extra;
        rows.push(Row::Other(format!("; {name} {rtype} also keeps {extra}")));
    }
    rows
}

/// A record set, as far as it is shown.
#[derive(Deserialize)]
struct Set {
    #[serde(rename = "key")]
    _key: IgnoredAny,
    ttl: u64,
    data: Vec<String>,
    #[serde(default)]
    extra: Json,
}

impl Set {
    /// Where the part is one.
    fn of(part: &Part) -> Option<Set> {
        part.read().ok()
    }
}
