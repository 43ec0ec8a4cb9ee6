//! The resolved playbook as one text of TOML: what was included, overridden and set stands where it works.
//!
//! It is what `cutover show-playbook` prints, and what plan and journal keep of a playbook that includes
//! another file: parsing it gives the same playbook, and needs no other file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::tables::ROOT;

/// Longer values are not repeated in a comment.
const LONGEST_OLD: usize = 40;

/// A longer list of tables has one line for each.
const LONGEST_LIST: usize = 80;

/// What a key of the playbook stands over.
#[derive(Clone, Debug)]
pub(super) struct Was {
    /// Where the included key stands.
    pub(super) place: usize,
    /// Its value; `None` where it may be a secret, or is a table.
    pub(super) value: Option<String>,
}

/// Where the values of a resolved playbook were written.
pub(super) struct Origins<'a> {
    /// Where the playbook's own text ends, and the overrides of the command line begin.
    pub(super) body: usize,
    /// The included file, as the playbook writes it, and where its text begins.
    pub(super) included: Option<(&'a str, usize)>,
    pub(super) was: &'a BTreeMap<usize, Was>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Playbook,
    CommandLine,
    Included,
}

/// The tables of a playbook as text. `include` is left out: what it brought is there.
pub(super) fn playbook(root: &DeTable<'_>, origins: &Origins<'_>) -> String {
    let mut out = String::new();
    let _ = match origins.included {
        Some((path, _)) => writeln!(
            out,
            "# Resolved by cutover: what came from {} is marked.",
            plain(path)
        ),
        None => writeln!(
            out,
            "# Resolved by cutover: what `--set` put here is marked."
        ),
    };
    for name in ROOT {
        let Some((_, value)) = root.get_key_value(*name) else {
            continue;
        };
        match value.get_ref() {
            DeValue::Table(table) if *name == "playbook" => {
                origins.table(&mut out, "[playbook]", table, value.span().start);
            }
            DeValue::Table(tables) => {
                for (key, value) in in_order(tables, |key, _| (false, key)) {
                    let heading = format!("[{name}.{}]", bare(key.get_ref()));
                    if let DeValue::Table(table) = value.get_ref() {
                        origins.table(&mut out, &heading, table, key.span().start);
                    }
                }
            }
            DeValue::Array(steps) => {
                for step in steps {
                    if let DeValue::Table(table) = step.get_ref() {
                        let place = table.get("id").map_or(step.span(), Spanned::span);
                        origins.table(&mut out, "[[step]]", table, place.start);
                    }
                }
            }
            _ => {}
        }
    }
    out
}

type Entry<'t, 'a> = (&'t Spanned<Cow<'a, str>>, &'t Spanned<DeValue<'a>>);

/// The entries of a table by the place of their keys.
fn in_order<'t, 'a>(
    table: &'t DeTable<'a>,
    order: impl Fn(usize, &DeValue<'_>) -> (bool, usize),
) -> Vec<Entry<'t, 'a>> {
    let mut entries: Vec<Entry<'t, 'a>> = table.iter().collect();
    entries.sort_by_key(|(key, value)| order(key.span().start, value.get_ref()));
    entries
}

impl Origins<'_> {
    fn of(&self, place: usize) -> Origin {
        match self.included {
            Some((_, start)) if place >= start => Origin::Included,
            _ if place > self.body => Origin::CommandLine,
            _ => Origin::Playbook,
        }
    }

    fn path(&self) -> String {
        plain(self.included.map_or("", |(path, _)| path))
    }

    fn table(&self, out: &mut String, heading: &str, table: &DeTable<'_>, place: usize) {
        let home = self.of(place);
        out.push('\n');
        if home == Origin::Included {
            let _ = writeln!(out, "# from {}", self.path());
        }
        let _ = writeln!(out, "{heading}");
        // A key that stands over an included one takes its place; what is added comes last.
        let order = |at: usize, _: &DeValue<'_>| match self.was.get(&at) {
            Some(was) if home == Origin::Included => (false, was.place),
            _ => (self.of(at) != home, at),
        };
        for (key, value) in in_order(table, order) {
            if heading == "[playbook]" && key.get_ref() == "include" {
                continue;
            }
            let at = key.span().start;
            let note = match self.of(at) {
                origin if origin == home && !self.was.contains_key(&at) => String::new(),
                Origin::Included => format!("  # from {}", self.path()),
                Origin::CommandLine => "  # --set".to_owned(),
                Origin::Playbook => self.over(at),
            };
            let name = bare(key.get_ref());
            let _ = writeln!(out, "{name} = {}{note}", lines(value.get_ref()));
        }
    }

    /// What a key of the playbook did to an included table.
    fn over(&self, at: usize) -> String {
        match self.was.get(&at) {
            None => "  # added".to_owned(),
            Some(Was {
                value: Some(old), ..
            }) if old.chars().count() <= LONGEST_OLD => {
                format!("  # instead of {old} from {}", self.path())
            }
            Some(_) => format!("  # instead of that from {}", self.path()),
        }
    }
}

/// Without what would end a comment, or steer a terminal.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// A key, in quotes where it needs them.
fn bare(key: &str) -> String {
    let is_bare = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    match !key.is_empty() && key.bytes().all(is_bare) {
        true => key.to_owned(),
        false => string(key),
    }
}

/// A value; a long list of tables has a line for each of them.
fn lines(of: &DeValue<'_>) -> String {
    let whole = value(of);
    match of {
        DeValue::Array(items)
            if whole.chars().count() > LONGEST_LIST
                && items.iter().all(|item| item.get_ref().is_table()) =>
        {
            let items = items
                .iter()
                .map(|item| format!("  {},\n", value(item.get_ref())));
            format!("[\n{}]", items.collect::<String>())
        }
        _ => whole,
    }
}

/// A value on one line.
pub(super) fn value(of: &DeValue<'_>) -> String {
    match of {
        DeValue::String(text) => string(text),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| value(item.get_ref())).collect();
            format!("[{}]", items.join(", "))
        }
        DeValue::Table(table) if table.is_empty() => "{}".to_owned(),
        DeValue::Table(table) => {
            let entries: Vec<String> = in_order(table, |key, _| (false, key))
                .into_iter()
                .map(|(key, below)| format!("{} = {}", bare(key.get_ref()), value(below.get_ref())))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// A string in quotes, on one line.
fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
