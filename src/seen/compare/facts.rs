//! The rows of two findings, side by side.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, SeenCheck, TELLS_VALUES};
use crate::event::Fact;
use crate::plan::Outcome;

/// What is compared of all rows of one finding that look at one thing.
struct Row {
    /// The worst.
    outcome: Outcome,
    /// The value that it tells, where its kind tells values.
    value: Option<String>,
    /// What was seen, for people: it is not compared.
    seen: String,
}

/// The rows of two findings of one check that are not as they were.
pub(super) fn rows(then: &SeenCheck, now: &SeenCheck) -> Vec<Change> {
    let about = &now.id;
    let (was, is) = (by_what(then), by_what(now));
    let values = tells_values(now);
    let mut list = Vec::new();
    for what in was.keys().chain(is.keys()).collect::<BTreeSet<_>>() {
        match (was.get(what), is.get(what)) {
            (Some(was), Some(is)) if was.outcome != is.outcome => {
                let (old, new) = (was.outcome.to_string(), is.outcome.to_string());
                list.push(Change::changed(about, *what, old, new).because(&is.seen));
            }
            (Some(was), Some(is)) => {
                if let (Some(old), Some(new)) = (&was.value, &is.value)
                    && old != new
                {
                    list.push(Change::changed(about, *what, old, new));
                }
            }
            (None, Some(is)) if counts(is, values) && !cut_off(then, what) => {
                let new = Change::appeared(about, *what, is.outcome.to_string());
                list.push(new.because(&is.seen));
            }
            (Some(was), None) if counts(was, values) && !cut_off(now, what) => {
                let gone = Change::vanished(about, *what, was.outcome.to_string());
                list.push(gone.because(&was.seen));
            }
            _ => {}
        }
    }
    list
}

/// A row that is well comes and goes with what there is to look at. It is news only where rows are values.
fn counts(row: &Row, values: bool) -> bool {
    values || row.outcome != Outcome::Pass
}

fn tells_values(check: &SeenCheck) -> bool {
    TELLS_VALUES.contains(&check.kind.as_str())
}

fn by_what(check: &SeenCheck) -> BTreeMap<&str, Row> {
    let values = tells_values(check);
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    let facts = check.finding.iter().flat_map(|finding| &finding.facts);
    for fact in facts.filter(|fact| !(values && sums_up(fact))) {
        let row = Row {
            outcome: fact.outcome,
            value: (values && is_value(fact)).then(|| seen(fact)),
            seen: seen(fact),
        };
        match rows.get(fact.what.as_str()) {
            Some(other) if other.outcome >= row.outcome => {}
            _ => {
                rows.insert(&fact.what, row);
            }
        }
    }
    // Sights from before the change have no row of their own.
    for unseen in &check.unseen {
        rows.entry(&unseen.what).or_insert_with(|| Row {
            outcome: Outcome::Unknown,
            value: None,
            seen: unseen.why.clone(),
        });
    }
    rows
}

/// What a row says, on one line.
fn seen(fact: &Fact) -> String {
    match fact.expected.is_empty() {
        true => fact.actual.clone(),
        false => format!("{} (expected {})", fact.actual, fact.expected),
    }
}

/// A row that counts what other rows name, or what nobody wants to know of.
fn sums_up(fact: &Fact) -> bool {
    fact.outcome == Outcome::Pass
        && (fact.what.starts_with("packages of ") || fact.what.starts_with("left out on "))
}

/// Why something was not seen, and how old an answer is, differs from run to run.
fn is_value(fact: &Fact) -> bool {
    fact.outcome != Outcome::Unknown && fact.expected != "a look now"
}

/// Whether a list that names only its first rows may have held this one too: `zsh on new, missing` beside
/// `more on new, missing`.
fn cut_off(check: &SeenCheck, what: &str) -> bool {
    let Some(sort) = what.find(" on ").map(|at| &what[at..]) else {
        return false;
    };
    let facts = check.finding.iter().flat_map(|finding| &finding.facts);
    let mut names = facts.filter_map(|fact| fact.what.strip_suffix(sort));
    let more = names.clone().any(|name| name == "more");
    more && !names.any(|name| name != "more" && name > &what[..what.len() - sort.len()])
}
