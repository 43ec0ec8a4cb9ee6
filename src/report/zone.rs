//! Values as a person reads them: record sets as lines of a zone file, the rest as `key: value`.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::numbers::count;
use super::text::{Line, Role};
use crate::plan::{Edit, Value};

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

fn noun(values: &[&Value]) -> &'static str {
    let mut parts = values.iter().flat_map(|value| value.0.values()).peekable();
    if parts.peek().is_some() && parts.all(|part| record_set(part).is_some()) {
        "record set"
    } else {
        "setting"
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

fn part_rows(key: &str, part: Option<&Json>) -> Vec<Row> {
    let Some(part) = part else {
        return Vec::new();
    };
    let Some((ttl, data, extra)) = record_set(part) else {
        let value = match part {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        return vec![Row::Other(format!("{key}: {value}"))];
    };
    let (name, rtype) = key.rsplit_once(' ').unwrap_or((key, "?"));
    let mut rows: Vec<Row> = data
        .iter()
        .map(|data| Row::Record {
            name: name.to_owned(),
            ttl: ttl.to_string(),
            rtype: rtype.to_owned(),
            data: (*data).to_owned(),
        })
        .collect();
    if !extra.is_null() {
        rows.push(Row::Other(format!("; {name} {rtype} also keeps {extra}")));
    }
    rows
}

/// TTL, data and what else is kept, where the part is a record set.
fn record_set(part: &Json) -> Option<(u64, Vec<&str>, &Json)> {
    let ttl = part.get("ttl")?.as_u64()?;
    let data = part.get("data")?.as_array()?;
    part.get("key")?;
    let data = data.iter().map(Json::as_str).collect::<Option<Vec<_>>>()?;
    Some((ttl, data, part.get("extra").unwrap_or(&Json::Null)))
}
