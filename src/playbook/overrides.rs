//! What a playbook does to the steps of its included file: changes keys, and adds steps of its own.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check::list;
use super::include::Merged;
use super::words;
use crate::problem::{Problem, did_you_mean};

type Item<'a> = Spanned<DeValue<'a>>;

/// The id of a step.
fn id_of<'i>(item: &'i Item<'_>) -> Option<&'i str> {
    item.get_ref().as_table()?.get("id")?.get_ref().as_str()
}

fn ids(steps: &[Item<'_>]) -> Vec<String> {
    let ids = steps.iter().filter_map(id_of);
    ids.map(str::to_owned).collect()
}

/// Puts `[override.ID]` over the included steps. `own` are the playbook's own ones, which it does not change.
pub(super) fn apply<'a>(
    steps: &mut [Item<'a>],
    over: Item<'a>,
    own: &[Item<'a>],
    merged: &mut Merged,
) {
    let span = over.span();
    let DeValue::Table(over) = over.into_inner() else {
        merged.problems.push(
            Problem::error(
                "wrong-type",
                span,
                "`override` must hold one table for each step",
            )
            .label("this is none")
            .hint("write `[override.ID]`"),
        );
        return;
    };
    let known = ids(steps);
    for (id, item) in over {
        let span = item.span();
        let keys = match item.into_inner() {
            DeValue::Table(keys) => keys,
            other => {
                merged.problems.push(
                    Problem::error(
                        "wrong-type",
                        span,
                        format!("`override.{}` must be a table", id.get_ref()),
                    )
                    .label(format!("this is {}", words::found(&other)))
                    .hint(format!("write `[override.{}]`", id.get_ref())),
                );
                continue;
            }
        };
        let name: &str = id.get_ref();
        let step = steps.iter_mut().find(|step| id_of(step) == Some(name));
        let Some(step) = step else {
            for (key, value) in &keys {
                merged
                    .hidden
                    .extend(super::hide::replaced(key.get_ref(), value, true));
            }
            merged.problems.push(nothing_to_change(&id, &known, own));
            continue;
        };
        if keys.is_empty() {
            merged.problems.push(
                Problem::warning(
                    "no-change",
                    id.span(),
                    format!("the override of step `{name}` is empty"),
                )
                .label("changes nothing")
                .hint("leave it out"),
            );
        }
        change(step, name, keys, merged);
    }
}

fn nothing_to_change(
    id: &Spanned<std::borrow::Cow<'_, str>>,
    known: &[String],
    own: &[Item<'_>],
) -> Problem {
    let name: &str = id.get_ref();
    if let Some(step) = own.iter().find(|step| id_of(step) == Some(name)) {
        return Problem::error(
            "not-included",
            id.span(),
            format!("step `{name}` is the playbook's own"),
        )
        .label("changes included steps only")
        .related(step.span(), "the step")
        .hint("change the step itself");
    }
    let hint = match did_you_mean(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the included file has {}", list(known)),
    };
    Problem::error(
        "no-such-step",
        id.span(),
        format!("no step of the included file is called `{name}`"),
    )
    .label("not in the included file")
    .hint(hint)
}

/// Puts the keys of one override over those of one step.
fn change<'a>(step: &mut Item<'a>, id: &str, keys: DeTable<'a>, merged: &mut Merged) {
    let whole = step.span();
    let DeValue::Table(table) = step.get_mut() else {
        return;
    };
    let place = table.get("id").map_or(whole, Spanned::span);
    for (key, value) in keys {
        let name: &str = key.get_ref();
        if let Some(hint) = fixed(name) {
            merged.problems.push(
                Problem::error(
                    "not-changed",
                    key.span(),
                    format!("an override cannot change `{name}` of step `{id}`"),
                )
                .label("stays as it is included")
                .related(place.clone(), "the included step")
                .hint(hint),
            );
            continue;
        }
        let end = value.span().end.max(key.span().end);
        merged.changes.push((key.span().start..end, place.clone()));
        if let Some((under, below)) = table.remove_entry(name) {
            let of = format!("`{name}` of step `{id}`");
            merged.replace((&key, &value), (&under, &below), &of, false);
        }
        table.insert(key, value);
    }
}

/// What an override leaves alone, and what to do instead.
fn fixed(key: &str) -> Option<&'static str> {
    match key {
        "id" | "kind" => Some(
            "leave the included step out with `skip`, and add a `[[step]]` of your own beside it",
        ),
        "before" | "after" => Some("the included list keeps its order; only own steps are placed"),
        _ => None,
    }
}

/// Where the playbook's own steps went, so that several behind one step keep their order.
#[derive(Default)]
pub(super) struct Added {
    behind: BTreeMap<String, usize>,
}

impl Added {
    /// Puts one step of the playbook into the list: at its end, or where it says.
    pub(super) fn put<'a>(
        &mut self,
        steps: &mut Vec<Item<'a>>,
        mut step: Item<'a>,
        problems: &mut Vec<Problem>,
    ) {
        if let Some(id) = id_of(&step)
            && let Some(taken) = steps.iter().find(|other| id_of(other) == Some(id))
        {
            let place = |item: &Item<'a>| {
                let table = item.get_ref().as_table();
                let id = table.and_then(|table| table.get("id"));
                id.map_or(item.span(), Spanned::span)
            };
            problems.push(
                Problem::error(
                    "twice",
                    place(&step),
                    format!("two steps are called `{id}`"),
                )
                .label("taken")
                .related(place(taken), "by this step")
                .hint(format!(
                    "to change keys of an included step write `[override.{id}]`"
                )),
            );
            return;
        }
        match self.index(steps, &mut step) {
            Ok(at) => steps.insert(at, step),
            Err(problem) => problems.push(*problem),
        }
    }

    /// Where the step goes; takes the words that say so out of it.
    fn index(&mut self, steps: &[Item<'_>], step: &mut Item<'_>) -> Result<usize, Box<Problem>> {
        let DeValue::Table(table) = step.get_mut() else {
            return Ok(steps.len());
        };
        let words = ["before", "after"].map(|word| (word, text_of(table, word)));
        let (word, anchor) = match words {
            [(_, None), (_, None)] => return Ok(steps.len()),
            [(word, Some(anchor)), (_, None)] | [(_, None), (word, Some(anchor))] => (word, anchor),
            [_, (_, Some(second))] => {
                return Err(Box::new(
                    Problem::error(
                        "two-places",
                        second.span(),
                        "a step is placed by `before` or by `after`, not by both",
                    )
                    .label("which of the two?"),
                ));
            }
        };
        let name = anchor.get_ref().as_str();
        let Some(at) = steps.iter().position(|step| id_of(step) == Some(name)) else {
            let known = ids(steps);
            let hint = match did_you_mean(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the list has {} so far", list(&known)),
            };
            return Err(Box::new(
                Problem::error(
                    "no-such-step",
                    anchor.span(),
                    format!("`{word}` names no step of the list: `{name}`"),
                )
                .label("not in the list")
                .hint(hint),
            ));
        };
        table.remove(word);
        if word == "before" {
            return Ok(at);
        }
        let count = self.behind.entry(name.to_owned()).or_default();
        *count += 1;
        Ok(at + *count)
    }
}

fn text_of(table: &DeTable<'_>, key: &str) -> Option<Spanned<String>> {
    let value = table.get(key)?;
    let text = value.get_ref().as_str()?;
    Some(Spanned::new(value.span(), text.to_owned()))
}
