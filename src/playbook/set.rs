//! `--set KEY=VALUE`: single values that are put over those of the file.
//!
//! A playbook that was changed this way must be kept whole: the plan and the journal hold its text, and a
//! resumed run reads it again. So each override becomes one comment line at the end of the text, in a form
//! that the parser knows. That keeps the text of the file as it was, gives every value a place that a caret
//! can point at, and makes the digest differ. Parsing the resulting text gives the same playbook again.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::words;
use crate::problem::{Problem, did_you_mean};

const HEADING: &str = "# cutover put these over the values above:\n";
const LINE: &str = "# --set ";

/// A text with its overrides.
pub(super) struct Resolved {
    pub(super) text: String,
    /// Where the text of the file ends.
    pub(super) body: usize,
    pub(super) sets: Vec<Line>,
}

/// One override in the text.
pub(super) struct Line {
    pub(super) span: Range<usize>,
    /// Where its `=` is.
    equals: Option<usize>,
    /// The value as a document of its own, behind as many blanks as keep the places right that the parser
    /// tells.
    document: String,
    value: Range<usize>,
}

impl Line {
    fn new(set: &str, start: usize) -> Line {
        let equals = outside_quotes(set).find_map(|(at, c)| (c == '=').then_some(at));
        let behind = equals.map_or("", |at| &set[at + 1..]);
        let end = start + set.trim_end().len();
        let at = end - behind.trim().len();
        Line {
            span: start..start + set.len(),
            equals,
            document: " ".repeat(at.saturating_sub(2)) + "v=" + behind.trim(),
            value: at..end,
        }
    }
}

impl Resolved {
    pub(super) fn new(text: &str, sets: &[String]) -> Resolved {
        let (body, inherited) = split(text);
        let mut resolved = Resolved {
            text: body.to_owned(),
            body: body.len(),
            sets: Vec::new(),
        };
        let lines: Vec<String> = inherited
            .lines()
            .filter_map(|line| line.strip_prefix(LINE))
            .map(str::to_owned)
            .chain(sets.iter().map(|set| one_line(set)))
            .collect();
        if lines.is_empty() {
            return resolved;
        }
        if !resolved.text.ends_with('\n') {
            resolved.text.push('\n');
            resolved.body += 1;
        }
        resolved.text.push_str(HEADING);
        for line in lines {
            resolved.text.push_str(LINE);
            let start = resolved.text.len();
            resolved.text.push_str(&line);
            resolved.sets.push(Line::new(&line, start));
            resolved.text.push('\n');
        }
        resolved
    }

    /// The text of the file alone.
    pub(super) fn body(&self) -> &str {
        &self.text[..self.body]
    }

    /// Puts the overrides over the values of `root`; returns the problems, and the places that must not be
    /// shown because nothing is known of them.
    pub(super) fn apply<'a>(&'a self, root: &mut DeTable<'a>) -> (Vec<Problem>, Vec<Range<usize>>) {
        let mut problems = Vec::new();
        let mut hidden = Vec::new();
        for line in &self.sets {
            let set = &self.text[line.span.clone()];
            if let Err(problem) = key_and_value(set, line).and_then(|set| put(root, set)) {
                let value = line
                    .equals
                    .map_or(line.span.start, |at| line.span.start + at + 1);
                hidden.push(value..line.span.end);
                problems.push(*problem);
            }
        }
        (problems, hidden)
    }
}

/// The text of the file, and the lines of its overrides.
fn split(text: &str) -> (&str, &str) {
    let Some(at) = text.rfind(HEADING) else {
        return (text, "");
    };
    let (body, rest) = text.split_at(at);
    let lines = &rest[HEADING.len()..];
    let is_ours = body.is_empty() || body.ends_with('\n');
    if is_ours && !lines.is_empty() && lines.lines().all(|line| line.starts_with(LINE)) {
        (body, lines)
    } else {
        (text, "")
    }
}

/// A line break cannot stand in a comment; inside a value of TOML a space does as well.
fn one_line(set: &str) -> String {
    set.trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

struct Set<'a> {
    path: Vec<Spanned<String>>,
    value: Spanned<DeValue<'a>>,
    span: Range<usize>,
}

type Refusal = Box<Problem>;

fn refusal(span: Range<usize>, message: String, label: &str, hint: String) -> Refusal {
    Box::new(
        Problem::error("bad-set", span, message)
            .label(label)
            .hint(hint),
    )
}

/// Reads `KEY=VALUE`. A value that is no TOML is a string.
fn key_and_value<'a>(set: &str, line: &'a Line) -> Result<Set<'a>, Refusal> {
    let span = line.span.clone();
    let form =
        || "write `--set KEY=VALUE`: `--set hosts.web.addresses='[\"192.0.2.1\"]'`".to_owned();
    let Some(equals) = line.equals else {
        let message = "`--set` needs a key and a value".to_owned();
        return Err(refusal(span, message, "no `=` here", form()));
    };
    let key = &set[..equals];
    let blank = " ".repeat(span.start);
    let path = DeTable::parse(&format!("{blank}{key} = 0"))
        .ok()
        .and_then(|table| path_of(table.get_ref()))
        .ok_or_else(|| {
            let message = format!("`--set {}` has no key that can be read", key.trim());
            refusal(span.clone(), message, "not a dotted key", form())
        })?;
    let parsed = DeTable::parse(&line.document).ok();
    let value = parsed
        .and_then(|mut table| table.get_mut().remove("v"))
        .unwrap_or_else(|| {
            let bare = set[equals + 1..].trim().to_owned();
            Spanned::new(line.value.clone(), DeValue::String(bare.into()))
        });
    Ok(Set { path, value, span })
}

fn path_of(table: &DeTable<'_>) -> Option<Vec<Spanned<String>>> {
    let mut path = Vec::new();
    let mut table = table;
    loop {
        let mut entries = table.iter();
        let (Some((key, value)), None) = (entries.next(), entries.next()) else {
            return None;
        };
        path.push(Spanned::new(key.span(), key.get_ref().to_string()));
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => return Some(path),
        }
    }
}

/// The characters of a line that stand outside its quoted parts, and where.
pub(crate) fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    text.char_indices().filter(move |(_, c)| {
        match quote {
            Some(open) if *c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(*c),
            None => return true,
        }
        false
    })
}

/// Walks down the path, and puts the value at its end. All but the last key must be there.
fn put<'a>(root: &mut DeTable<'a>, set: Set<'a>) -> Result<(), Refusal> {
    let Some((last, path)) = set.path.split_last() else {
        return Ok(());
    };
    if let [table, key] = set.path.as_slice()
        && (table.get_ref().as_str(), key.get_ref().as_str()) == ("playbook", "include")
    {
        let message = "`--set` cannot change what the playbook includes".to_owned();
        let hint = "it is put over what was included: `--set step.ID.KEY=VALUE`".to_owned();
        return Err(refusal(set.span, message, "comes too late", hint));
    }
    let mut table = root;
    let mut walked = String::new();
    let mut path = path.iter();
    while let Some(key) = path.next() {
        let (name, span) = (key.get_ref().as_str(), key.span());
        let known: Vec<String> = table.keys().map(|key| key.get_ref().to_string()).collect();
        let Some(value) = table.get_mut(name) else {
            return Err(no_such_path(&walked, name, span, &known));
        };
        walked = join(&walked, name);
        table = match value.get_mut() {
            DeValue::Table(inner) => inner,
            DeValue::Array(items) => {
                let Some(key) = path.next() else {
                    return Err(not_a_table(&walked, "a list", set.span));
                };
                let name = key.get_ref().as_str();
                let known: Vec<String> = items.iter().filter_map(id_of).collect();
                let found = items.iter_mut().enumerate().find(|(at, item)| {
                    id_of(item).is_some_and(|id| id == name) || name == at.to_string()
                });
                let Some((_, item)) = found else {
                    return Err(no_such_path(&walked, name, key.span(), &known));
                };
                walked = join(&walked, name);
                match item.get_mut() {
                    DeValue::Table(inner) => inner,
                    other => return Err(not_a_table(&walked, words::found(other), set.span)),
                }
            }
            other => return Err(not_a_table(&walked, words::found(other), set.span)),
        };
    }
    if walked.is_empty() {
        let name = last.get_ref();
        let message = format!("`--set {name}` would replace a whole table");
        let hint = format!("name one value: `--set {name}.KEY=VALUE`");
        return Err(refusal(
            last.span(),
            message,
            "a table of the playbook",
            hint,
        ));
    }
    // The old key goes too, so that a problem with the key points at the override.
    table.remove(last.get_ref().as_str());
    table.insert(
        Spanned::new(last.span(), last.get_ref().clone().into()),
        set.value,
    );
    Ok(())
}

fn join(walked: &str, name: &str) -> String {
    if walked.is_empty() {
        name.to_owned()
    } else {
        format!("{walked}.{name}")
    }
}

/// The id of a step, by which its entry of the list is found.
fn id_of(item: &Spanned<DeValue<'_>>) -> Option<String> {
    let id = item.get_ref().as_table()?.get("id")?;
    id.get_ref().as_str().map(str::to_owned)
}

fn no_such_path(walked: &str, name: &str, span: Range<usize>, known: &[String]) -> Refusal {
    let hint = match did_you_mean(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{}`?", join(walked, near)),
        None => format!("the playbook has {}", super::check::list(known)),
    };
    let message = format!("`--set` finds no `{}` in the playbook", join(walked, name));
    refusal(span, message, "not in the playbook", hint)
}

fn not_a_table(walked: &str, found: &str, span: Range<usize>) -> Refusal {
    let message = format!("`--set` cannot go into `{walked}`");
    refusal(
        span,
        message,
        "a key of a table was expected",
        format!("`{walked}` is {found}"),
    )
}
