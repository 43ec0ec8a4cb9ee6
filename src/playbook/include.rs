//! `include`: one file whose tables and steps a playbook shares with others.
//!
//! The included file holds `[[step]]`, and may hold hosts, providers, zones and services. Its list of steps
//! is the list. The playbook changes keys of its steps with `[override.ID]`, and adds steps of its own: at
//! the end, or where `before` or `after` says. A table that both define is the included one with the
//! playbook's keys over it. What comes out is one set of tables as if somebody had written them into one
//! file; each value still knows the file that it was written in, because its place says so.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check::{Checker, list};
use super::overrides::{self, Added};
use super::read::syntax;
use super::show::{self, Was};
use super::sources::Sources;
use super::{Input, LARGEST, hide};
use crate::field::Form;
use crate::problem::{Problem, did_you_mean};

/// The file that a playbook includes, as the playbook writes it; none where it includes none, or is broken.
pub fn included_by(playbook: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(playbook).ok()?;
    let (root, _) = DeTable::parse_recoverable(text);
    let head = root.get_ref().get("playbook")?.get_ref().as_table()?;
    head.get("include")?.get_ref().as_str().map(str::to_owned)
}

/// A file that was read for an `include`.
#[derive(Clone, Debug)]
pub struct Included {
    /// How problems call it.
    pub file: String,
    /// At most a little more than [`LARGEST`] bytes of it.
    pub bytes: Vec<u8>,
}

/// The tables that an included file may hold.
const SHARED: &[&str] = &["hosts", "providers", "zones", "services"];

/// An included file, ready to be parsed.
pub(super) struct Fetched {
    /// The file as the playbook writes it.
    pub(super) path: String,
    /// Where its text begins among all texts.
    pub(super) start: usize,
    /// Its text behind as many blanks as keep the places right that the parser tells.
    pub(super) document: String,
}

/// What a merge leaves besides the tables.
#[derive(Default)]
pub(super) struct Merged {
    pub(super) problems: Vec<Problem>,
    /// What was replaced and must not be shown.
    pub(super) hidden: Vec<Range<usize>>,
    /// For each key that stands over an included one, by its place: what it stands over.
    pub(super) was: BTreeMap<usize, Was>,
    /// Keys of overrides, each with the place of the step that it changes.
    pub(super) changes: Vec<(Range<usize>, Range<usize>)>,
}

/// Gets the file that the playbook includes; `None` where it includes none.
pub(super) fn fetch(
    root: &DeTable<'_>,
    sources: &mut Sources,
    input: &Input<'_>,
) -> Result<Option<Fetched>, Vec<Problem>> {
    let head = root
        .get("playbook")
        .and_then(|head| head.get_ref().as_table());
    let Some(value) = head.and_then(|head| head.get("include")) else {
        return Ok(None);
    };
    let mut checker = Checker::default();
    if checker.plain(value, Form::Text, "include").is_none() {
        return Err(checker.problems);
    }
    let path = value.get_ref().as_str().unwrap_or_default().to_owned();
    let named = value.span();
    let refuse = |code, why: &str, hint: &str| {
        Problem::error(
            code,
            named.clone(),
            format!("the included file `{path}` {why}"),
        )
        .label("included here")
        .hint(hint)
    };
    let included = (input.read)(&path).map_err(|why| {
        let hint = "its path counts from the folder of the playbook";
        vec![refuse("not-read", &format!("cannot be read: {why}"), hint)]
    })?;
    if included.bytes.len() > LARGEST {
        let hint = "shared steps fill a few hundred lines; is this the right file?";
        return Err(vec![refuse("too-large", "is larger than 1 MiB", hint)]);
    }
    let text = match std::str::from_utf8(&included.bytes) {
        Ok(text) => text,
        Err(error) => {
            let text = String::from_utf8_lossy(&included.bytes);
            let start = sources.append(&included.file, &text, &named) + error.valid_up_to();
            let bad = start..start + char::REPLACEMENT_CHARACTER.len_utf8();
            let problem = Problem::error(
                "not-utf8",
                bad,
                format!("the included file `{path}` is not UTF-8 text"),
            );
            return Err(vec![
                problem
                    .label("no character begins with this byte")
                    .related(named, "included here")
                    .hint("save the file as UTF-8"),
            ]);
        }
    };
    let start = sources.append(&included.file, text, &named);
    // A mark at the beginning is none where blanks stand before it.
    let document = match text.strip_prefix('\u{feff}') {
        Some(rest) => " ".repeat(start + '\u{feff}'.len_utf8()) + rest,
        None => " ".repeat(start) + text,
    };
    Ok(Some(Fetched {
        path,
        start,
        document,
    }))
}

/// Parses an included file, and refuses one that is none.
pub(super) fn parse(fetched: &Fetched) -> Result<DeTable<'_>, Vec<Problem>> {
    let (root, errors) = DeTable::parse_recoverable(&fetched.document);
    if !errors.is_empty() {
        return Err(syntax(&fetched.document, &errors, fetched.document.len()));
    }
    let mut root = root.into_inner();
    let mut problems = Vec::new();
    let head = root.remove_entry("playbook");
    if let Some((key, value)) = head {
        let inner = value
            .get_ref()
            .as_table()
            .and_then(|head| head.get("include"));
        problems.push(match inner {
            Some(include) => Problem::error(
                "include-in-include",
                include.span(),
                "an included file cannot include another one",
            )
            .label("a second level")
            .hint("include goes one level deep; put the shared steps into one file"),
            None => Problem::error(
                "not-shared",
                key.span(),
                format!("`{}` is a playbook of its own", fetched.path),
            )
            .label("an included file has no `[playbook]`")
            .hint("put the steps that are shared into a file without `[playbook]`"),
        });
        return Err(problems);
    }
    for key in root.keys() {
        let name: &str = key.get_ref();
        if SHARED.contains(&name) || name == "step" {
            continue;
        }
        let known = SHARED.iter().copied().chain(["step"]);
        let hint = match did_you_mean(name, known.clone()) {
            _ if name == "override" => "write `[override.ID]` into the playbook".to_owned(),
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it can have {}", list(&known.collect::<Vec<_>>())),
        };
        problems.push(
            Problem::error(
                "unknown-key",
                key.span(),
                format!("an included file has no `{name}`"),
            )
            .label("not known here")
            .hint(hint),
        );
    }
    if problems.is_empty() {
        Ok(root)
    } else {
        Err(problems)
    }
}

/// Puts the tables and steps of an included file beneath those of the playbook.
pub(super) fn merge<'a>(root: &mut DeTable<'a>, mut included: DeTable<'a>) -> Merged {
    let mut merged = Merged::default();
    for name in SHARED {
        let Some((key, value)) = included.remove_entry(*name) else {
            continue;
        };
        match (
            root.get_mut(*name).map(Spanned::get_mut),
            value.into_inner(),
        ) {
            (Some(DeValue::Table(own)), DeValue::Table(shared)) => {
                tables(own, shared, name, &mut merged);
            }
            // One of the two is no table; the checks of the playbook say so.
            (Some(_), _) => {}
            (None, value) => {
                let span = key.span();
                root.insert(key, Spanned::new(span, value));
            }
        }
    }
    let Some((key, shared)) = included.remove_entry("step") else {
        return merged;
    };
    let span = shared.span();
    let shared = match list_of_tables(shared) {
        Ok(shared) => shared,
        Err(bad) => {
            root.insert(key, bad);
            return merged;
        }
    };
    let own = match root.remove_entry("step") {
        None => Vec::new(),
        Some((key, value)) => match list_of_tables(value) {
            Ok(own) => own,
            Err(bad) => {
                root.insert(key, bad);
                return merged;
            }
        },
    };
    let mut steps = shared;
    if let Some(over) = root.remove("override") {
        overrides::apply(&mut steps, over, &own, &mut merged);
    }
    let mut added = Added::default();
    for step in own {
        added.put(&mut steps, step, &mut merged.problems);
    }
    let steps = steps.into_iter().collect();
    root.insert(key, Spanned::new(span, DeValue::Array(steps)));
    merged
}

/// Says where an override stands that has nothing to change.
pub(super) fn override_alone(root: &DeTable<'_>) -> Option<Problem> {
    let (key, _) = root.get_key_value("override")?;
    Some(
        Problem::error(
            "override-alone",
            key.span(),
            "`[override.ID]` changes a step of an included file, and the playbook includes none",
        )
        .label("nothing to change")
        .hint("change the step itself, or add `include = \"…\"` to `[playbook]`"),
    )
}

type Tables<'a> = Vec<Spanned<DeValue<'a>>>;

fn list_of_tables(value: Spanned<DeValue<'_>>) -> Result<Tables<'_>, Spanned<DeValue<'_>>> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Array(items) if items.iter().all(|item| item.get_ref().is_table()) => {
            Ok(items.into_iter().collect())
        }
        other => Err(Spanned::new(span, other)),
    }
}

/// `[hosts.*]`, `[services.*]` and so on: those of one name become one.
fn tables<'a>(own: &mut DeTable<'a>, shared: DeTable<'a>, what: &str, merged: &mut Merged) {
    for (name, value) in shared {
        let span = value.span();
        let both = own.get_mut(name.get_ref().as_ref()).map(Spanned::get_mut);
        match (both, value.into_inner()) {
            (Some(DeValue::Table(own)), DeValue::Table(shared)) => {
                for (key, below) in shared {
                    match own.get_key_value(key.get_ref().as_ref()) {
                        Some((over, value)) => {
                            let of = format!("`{}` of `{what}.{}`", key.get_ref(), name.get_ref());
                            let is_secret = what == "providers" && key.get_ref() != "kind";
                            merged.replace((over, value), (&key, &below), &of, is_secret);
                        }
                        None => {
                            own.insert(key, below);
                        }
                    }
                }
            }
            (Some(_), _) => {}
            (None, value) => {
                own.insert(name, Spanned::new(span, value));
            }
        }
    }
}

type Pair<'p, 'a> = (
    &'p Spanned<std::borrow::Cow<'a, str>>,
    &'p Spanned<DeValue<'a>>,
);

impl Merged {
    /// Notes that a key of the playbook stands over an included one.
    pub(super) fn replace(
        &mut self,
        (over, value): Pair<'_, '_>,
        (under, below): Pair<'_, '_>,
        of: &str,
        secret: bool,
    ) {
        let hidden = hide::replaced(under.get_ref(), below, secret);
        let old = show::value(below.get_ref());
        if old == show::value(value.get_ref()) {
            self.problems.push(
                Problem::warning(
                    "no-change",
                    over.span(),
                    format!("{of} is the same in the included file"),
                )
                .label("changes nothing")
                .related(under.span(), "the same value")
                .hint("leave it out"),
            );
        }
        let shown = hidden.is_empty() && !matches!(below.get_ref(), DeValue::Table(_));
        self.was.insert(
            over.span().start,
            Was {
                place: under.span().start,
                value: shown.then_some(old),
            },
        );
        self.hidden.extend(hidden);
    }
}

#[cfg(test)]
mod tests;
