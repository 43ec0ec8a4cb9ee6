//! What `cutover kinds` prints, generated from the declarations.

use std::fmt::Write as _;
use std::time::Duration;

use super::tables::{STEP, TABLES, Table};
use super::words::words;
use super::{Registry, check::list};
use crate::field::{Field, Form};
use crate::problem::did_you_mean;
use crate::step::Defaults;

/// Every kind of step and every provider, one line each.
pub fn index(registry: &Registry) -> String {
    let steps = registry.kinds.iter().map(|kind| (kind.name, kind.summary));
    let providers = registry
        .providers
        .iter()
        .map(|kind| (kind.name, kind.summary));
    let mut out = String::new();
    section(&mut out, "Kinds of step", steps.collect());
    section(&mut out, "DNS providers", providers.collect());
    let tables = TABLES.iter().map(|table| (table.heading, table.about));
    section(&mut out, "Tables of a playbook", tables.collect());
    out.push_str(
        "`cutover kinds NAME` explains one of them: `cutover kinds dns`, `cutover kinds hosts`.\n",
    );
    out
}

fn section(out: &mut String, heading: &str, rows: Vec<(&str, &str)>) {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or(0);
    let _ = writeln!(out, "{heading}:");
    for (name, about) in rows {
        let _ = writeln!(out, "  {name:width$}  {about}");
    }
    out.push('\n');
}

/// The kind of step, the provider and the table of one name in full; where there is none, what may be meant.
pub fn page(registry: &Registry, name: &str) -> Result<String, String> {
    let mut pages = Vec::new();
    if let Some(kind) = registry.kind(name) {
        let mut out = format!("{name}: {}\n\n", kind.summary);
        fields(&mut out, kind.fields, 0);
        let _ = writeln!(out, "Common to all steps:");
        fields(&mut out, STEP, 0);
        defaults(&mut out, &kind.defaults);
        example(&mut out, kind.example);
        pages.push(out);
    }
    if let Some(kind) = registry.provider(name) {
        let mut out = format!("{name}: {}\n\n{}\n\n", kind.summary, kind.keeps);
        fields(&mut out, kind.fields, 0);
        example(&mut out, kind.example);
        pages.push(out);
    }
    for table in TABLES.iter().filter(|table| table.name() == name) {
        let mut out = format!("{}: {}\n\n", table.heading, table.about);
        fields(&mut out, table.fields, 0);
        pages.push(out.trim_end().to_owned() + "\n");
    }
    if !pages.is_empty() {
        return Ok(pages.join("\n"));
    }
    let known: Vec<&str> = registry
        .kinds
        .iter()
        .map(|kind| kind.name)
        .chain(registry.providers.iter().map(|kind| kind.name))
        .chain(TABLES.iter().map(Table::name))
        .collect();
    Err(match did_you_mean(name, known.iter().copied()) {
        Some(near) => format!("nothing is called `{name}`; did you mean `{near}`?"),
        None => format!("nothing is called `{name}`; there is {}", list(&known)),
    })
}

fn fields(out: &mut String, fields: &[Field], depth: usize) {
    let indent = "  ".repeat(depth + 1);
    for field in fields {
        let required = match field {
            _ if field.required => ", required".to_owned(),
            Field { one_of: keys, .. } if !keys.is_empty() => {
                format!(", one of {} is required", list(keys))
            }
            Field { any_of: keys, .. } if !keys.is_empty() => {
                format!(", some of {} are required", list(keys))
            }
            _ => String::new(),
        };
        let _ = writeln!(
            out,
            "{indent}{}  ({}{required})\n{indent}    {}",
            field.name,
            words(field.form),
            field.about
        );
        if let Form::Table(inner) | Form::Tables(inner) = field.form {
            self::fields(out, inner, depth + 2);
        }
    }
    if depth == 0 {
        out.push('\n');
    }
}

fn defaults(out: &mut String, defaults: &Defaults) {
    let span = |span: Duration| humantime::format_duration(span).to_string();
    let (blocks, on_fail) = (defaults.blocks.word(), defaults.on_fail.word());
    let _ = writeln!(
        out,
        "By default: within = \"{}\", every = \"{}\", timeout = \"{}\", blocks = \"{blocks}\", on-fail = \"{on_fail}\"\n",
        span(defaults.within),
        span(defaults.every),
        span(defaults.timeout),
    );
}

fn example(out: &mut String, example: &str) {
    let _ = writeln!(out, "Example:\n");
    for line in example.trim().lines() {
        let _ = writeln!(out, "    {line}");
    }
}

/// The keys that every step takes, which no kind may declare again.
pub fn common_fields() -> Vec<&'static str> {
    STEP.iter().map(|field| field.name).collect()
}
