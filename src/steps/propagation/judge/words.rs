//! How a judgement of `propagation` is told: its headline, and what stands in its rows.

use std::collections::BTreeSet;
use std::time::Duration;

use super::state::texts;
use crate::clock::Stamp;
use crate::dns::RecordKey;
use crate::dns::caches::Expiry;
use crate::event::{Fact, Unseen};
use crate::plan::Outcome;
use crate::steps::propagation::seen::{Asked, Role, Sighting, Told};
use crate::words;

/// How many record sets of one server a row spells out.
const SPELLED: usize = 3;

pub(super) fn headline(
    outcome: Outcome,
    sightings: &[Sighting],
    facts: &[Fact],
    caches: Option<&Expiry>,
    floor: Duration,
) -> String {
    let of = |role: Role| {
        let of_role = sightings.iter().filter(move |s| s.role == role);
        of_role.flat_map(|sighting| &sighting.asked)
    };
    // One address may be asked for several zones, and under several names.
    let servers: BTreeSet<_> = of(Role::Authoritative).map(|asked| asked.at).collect();
    let servers = servers.len();
    let count = |outcome: Outcome| facts.iter().filter(|fact| fact.outcome == outcome).count();
    let first = |outcome: Outcome| {
        let fact = facts.iter().find(|fact| fact.outcome == outcome);
        fact.map_or_else(String::new, |fact| {
            format!("{}: {}", fact.what, fact.actual)
        })
    };
    let taken = sightings
        .iter()
        .flat_map(|s| &s.asked)
        .map(|asked| &asked.taken);
    let now = taken.max_by_key(|taken| taken.wall);
    let held = match (caches, now) {
        (Some(expiry), Some(now)) if expiry.floored.wall > now.wall => {
            let (strict, floored) = (
                clock_text(&expiry.strict, now),
                clock_text(&expiry.floored, now),
            );
            let longer = match strict == floored {
                true => String::new(),
                false => format!(
                    " ({floored} with a floor of {})",
                    humantime::format_duration(floor)
                ),
            };
            format!(
                "; caches that keep to the rules may hold the old records until {strict}{longer}"
            )
        }
        (Some(_), Some(_)) => "; caches that keep to the rules have let the old records go".into(),
        _ => String::new(),
    };
    match outcome {
        Outcome::Pass | Outcome::Warn => {
            let addresses = words::count(servers, "server address");
            let bad = facts.iter().find(|fact| fact.outcome != Outcome::Pass);
            let warned = bad.map_or_else(String::new, |fact| {
                format!(", but {}: {}", fact.what, fact.actual)
            });
            format!("{addresses} asked, every one has the new records{warned}{held}")
        }
        _ => match count(outcome) {
            0 | 1 => format!("{}{held}", first(outcome)),
            more => format!("{} (and {} more){held}", first(outcome), more - 1),
        },
    }
}

/// From so many questions without an answer on, it is told that there were some.
pub(super) const SILENT: u32 = 3;

/// Why one new answer of this address proves nothing.
pub(super) fn wavering(asked: &Asked) -> &'static str {
    match asked.wavers {
        true => {
            ", though it was new in an answer before: more than one server may answer at this address"
        }
        false => "",
    }
}

/// Why the new answers of this address do not count yet.
pub(super) fn too_few(asked: &Asked) -> Option<String> {
    let short = asked.short?;
    let why = match short.after_old {
        true => ", after one that was not: more than one server may answer at this address",
        false => "",
    };
    let good = words::count(short.good, "answer");
    Some(format!(
        "new in {good} in a row, and it takes {}{why}",
        short.of
    ))
}

/// That an address which has the new records leaves questions unanswered.
pub(super) fn unanswered(asked: &Asked) -> String {
    format!(
        "new, but {} had no answer: it limits equal ones, or a server behind it is dead",
        words::count(asked.silent, "question")
    )
}

pub(super) fn shown(key: &RecordKey, told: &Result<Told, Unseen>) -> String {
    match told {
        Ok(told) => {
            let ttl = told
                .ttl
                .map_or_else(String::new, |ttl| format!(" (ttl {ttl})"));
            format!("{key} {}{ttl}", listed(&texts(told)))
        }
        Err(unseen) => format!("{key} {}", unseen.detail),
    }
}

pub(super) fn listed(addresses: &[String]) -> String {
    match addresses {
        [] => "nothing".into(),
        some => some.join(" "),
    }
}

/// The first few, and how many more there are.
pub(in crate::steps::propagation) fn spelled(texts: &[String]) -> String {
    let shown = texts
        .iter()
        .take(SPELLED)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    match texts.len().saturating_sub(SPELLED) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

/// A moment, as whoever looked at `now` says it.
pub(super) fn clock_text(stamp: &Stamp, now: &Stamp) -> String {
    format!("{} UTC", stamp.told_at(now))
}
