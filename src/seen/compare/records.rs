//! What two plans would change, record set by record set, and what they leave alone.

use std::collections::{BTreeMap, BTreeSet};

use super::Change;
use crate::dns::RecordSet;
use crate::plan::{Part as Held, Plan, Stay};

/// Both values of one part of a change: a record set, a setting.
#[derive(Clone, Copy, PartialEq)]
struct Part<'a> {
    before: Option<&'a Held>,
    after: Option<&'a Held>,
}

/// What is not as it was, by the id of the step that makes the change.
pub(super) fn changes(then: &Plan, now: &Plan) -> BTreeMap<String, Vec<Change>> {
    let (was, is) = (parts(then), parts(now));
    let mut found: BTreeMap<String, Vec<Change>> = BTreeMap::new();
    for key in was.keys().chain(is.keys()).collect::<BTreeSet<_>>() {
        let (step, part) = *key;
        let list = match (was.get(key), is.get(key)) {
            (None, Some(is)) => vec![Change::appeared(step, part, moves(is))],
            (Some(was), None) => vec![Change::vanished(step, part, moves(was))],
            (Some(was), Some(is)) if was != is => part_changes(step, part, was, is),
            _ => continue,
        };
        found.entry(step.to_owned()).or_default().extend(list);
    }
    let (was, is) = (promises(then), promises(now));
    for (step, promise) in &is {
        if let Some(old) = was.get(step).filter(|old| *old != promise) {
            let turned = Change::changed(step, "what a write promises", *old, *promise);
            found.entry((*step).to_owned()).or_default().push(turned);
        }
    }
    found
}

fn parts(plan: &Plan) -> BTreeMap<(&str, &str), Part<'_>> {
    let mut parts = BTreeMap::new();
    for (entry, edit) in plan.edits() {
        for key in edit.before.0.keys().chain(edit.after.0.keys()) {
            let part = Part {
                before: edit.before.0.get(key),
                after: edit.after.0.get(key),
            };
            parts.insert((entry.step.as_str(), key.as_str()), part);
        }
    }
    parts
}

fn promises(plan: &Plan) -> BTreeMap<&str, &str> {
    let entries = plan.entries.iter();
    entries
        .filter_map(|entry| Some((entry.step.as_str(), entry.promise.as_deref()?)))
        .collect()
}

/// What differs in one part: the time to live and the data of a record set are told apart.
fn part_changes(step: &str, key: &str, was: &Part<'_>, is: &Part<'_>) -> Vec<Change> {
    let mut list = Vec::new();
    let held = side(step, key, "", was.before, is.before);
    // Where no TTL is asked for, it stays as it is on both sides, and was told of once.
    let follows =
        |part: &Part<'_>| ttl(part.before).is_some() && ttl(part.before) == ttl(part.after);
    let told = follows(was) && follows(is);
    list.extend(held);
    let will = side(step, key, " after the change", was.after, is.after);
    list.extend(
        will.into_iter()
            .filter(|change| !(told && change.what.starts_with("TTL"))),
    );
    list
}

/// What differs on one side of a part: what it holds, or what it would hold.
fn side(step: &str, key: &str, when: &str, was: Option<&Held>, is: Option<&Held>) -> Vec<Change> {
    if was == is {
        return Vec::new();
    }
    let (Some(old), Some(new)) = (set(was), set(is)) else {
        return vec![Change::changed(
            step,
            format!("{key}{when}"),
            text(was),
            text(is),
        )];
    };
    let mut list = Vec::new();
    if old.ttl != new.ttl {
        let word = match old.ttl < new.ttl {
            true => "raised",
            false => "lowered",
        };
        let (was, is) = (format!("{}s", old.ttl), format!("{}s", new.ttl));
        list.push(Change::changed(
            step,
            format!("TTL of {key} {word}{when}"),
            was,
            is,
        ));
    }
    if old.data != new.data {
        let what = format!("{key}{when}");
        list.push(Change::changed(
            step,
            what,
            old.data.join(", "),
            new.data.join(", "),
        ));
    }
    if list.is_empty() {
        let what = format!("what else the provider keeps with {key}{when}");
        list.push(Change::changed(
            step,
            what,
            old.extra.to_string(),
            new.extra.to_string(),
        ));
    }
    list
}

fn set(part: Option<&Held>) -> Option<RecordSet> {
    part?.read().ok()
}

fn ttl(part: Option<&Held>) -> Option<u32> {
    set(part).map(|set| set.ttl)
}

/// `192.0.2.10 (TTL 300s) -> 198.51.100.20 (TTL 60s)`.
fn moves(part: &Part<'_>) -> String {
    format!("{} -> {}", text(part.before), text(part.after))
}

/// The value of a part, on one line.
fn text(part: Option<&Held>) -> String {
    match (set(part), part) {
        (Some(set), _) => format!("{} (TTL {}s)", set.data.join(", "), set.ttl),
        (None, Some(part)) => part.told(),
        (None, None) => "nothing".to_owned(),
    }
}

/// What is left alone now and was not, and the other way round.
pub(super) fn stays(then: &Plan, now: &Plan) -> Vec<Change> {
    // An emergency leaves out what is dead, and why it gave no answer reads differently each time.
    let mut list = rows("left as it is", &then.stays, &now.stays, now.goes_back);
    list.extend(rows("left out", &then.left_out, &now.left_out, true));
    list
}

fn rows(about: &'static str, then: &[Stay], now: &[Stay], tells_why: bool) -> Vec<Change> {
    let by_what = |stays: &[Stay]| -> BTreeMap<String, String> {
        let pair = |stay: &Stay| (stay.what.clone(), stay.why.clone());
        stays.iter().map(pair).collect()
    };
    let (was, is) = (by_what(then), by_what(now));
    let mut list = Vec::new();
    for what in was.keys().chain(is.keys()).collect::<BTreeSet<_>>() {
        match (was.get(what), is.get(what)) {
            (None, Some(is)) => list.push(Change::appeared(about, what, is)),
            (Some(was), None) => list.push(Change::vanished(about, what, was)),
            (Some(was), Some(is)) if was != is && tells_why => {
                list.push(Change::changed(about, what, was, is));
            }
            _ => {}
        }
    }
    list
}
