//! After a write, look: until it is clear what the write did, and nothing of it can land any more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::look::within;
use super::stop::{Stop, StopSignal};
use super::world::World;
use crate::clock::Stamp;
use crate::dns::RecordSet;
use crate::event::Pulse;
use crate::plan::{Edit, Entry, Part, Side, Value, Way};
use crate::step::Pulses;
use crate::words::count;

/// How long a place that cannot be read is tried after the last moment at which a write may land.
const PATIENCE: Duration = Duration::from_secs(30);

/// The shortest and the longest time between two looks.
const PACE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What looking showed.
pub(super) struct Settlement {
    pub side: Option<Side>,
    /// What the place holds, where it could be read.
    pub seen: Option<Value>,
    pub detail: Option<String>,
    /// The parts that hold what was written but for their TTL.
    pub stored: Value,
}

/// A write whose effect is looked for.
pub(super) struct Settling<'r> {
    pub entry: &'r Entry,
    pub edit: &'r Edit,
    pub way: Way,
    /// What somebody else wrote of the place is left: only what is ours is looked for.
    pub leaves_parts: bool,
    /// How the write ended is not known: a place that holds neither value may be left so by it.
    pub torn: bool,
    /// It was seen as it was written, and is looked at again, or it was never written: another TTL is somebody else's.
    pub no_stored_ttl: bool,
    /// It said that it was done, and nothing came between: a TTL is the server's doing. Where it said nothing, that is so
    /// only of one TTL for all that was written with one.
    pub said_done: bool,
    /// It said no, and nothing of it is there: the place is held against what it held before.
    pub said_no: bool,
    /// Until when it may still land; now, where it surely did nothing.
    pub until: &'r Stamp,
}

/// Looks at the place until its state is final. `None` when somebody asked to stop waiting.
pub(super) async fn settle<W: World>(
    world: &W,
    settling: &Settling<'_>,
    stop: &StopSignal,
    pulses: &Pulses,
) -> Option<Settlement> {
    let Settling {
        entry, edit, way, ..
    } = *settling;
    let clock = world.clock();
    let goal = match way {
        Way::There => Side::After,
        Way::Back => Side::Before,
    };
    let expected = match (way, settling.said_no) {
        (Way::There, true) => Side::Before,
        (Way::Back, true) => Side::After,
        (_, false) => goal,
    };
    let give_up = settling.until.plus(PATIENCE.max(entry.pace.timeout));
    let mut pause = PACE.0;
    loop {
        // Taken before the look: only a look that began after the last landing shows the last word.
        let began = clock.now();
        let nothing_can_land = settling.until.left(&began).is_zero();
        let settlement = tokio::select! {
            read = within(entry.pace.timeout, world.read(entry, edit)) => match read {
                Ok(seen) => {
                    let theirs = settling.no_stored_ttl
                        || !settling.said_done && !is_one_rule(edit, way, &seen);
                    let side = match way {
                        Way::There if theirs => edit.side(&seen),
                        Way::There => edit.side_of_written(&seen),
                        Way::Back if settling.leaves_parts => edit.side_of_ours(&seen),
                        Way::Back => edit.side(&seen),
                    };
                    let mut stored = edit.stored(way, &seen);
                    // Where more differs, somebody else wrote.
                    if settling.leaves_parts
                        || theirs
                        || edit.foreign(&seen).any(|key| !stored.0.contains_key(key))
                    {
                        stored = Value::default();
                    }
                    Settlement {
                        side: Some(side),
                        detail: match stored.is_empty() {
                            true if settling.leaves_parts => {
                                Some(format!("all but {}", others(edit, &seen)))
                            }
                            true => describe(side, edit, expected, &seen, settling.torn),
                            false => Some(told(edit.along(way).1, &stored, settling.said_done)),
                        },
                        seen: Some(seen),
                        stored,
                    }
                }
                Err(unseen) => Settlement {
                    side: None,
                    seen: None,
                    detail: Some(unseen.detail),
                    stored: Value::default(),
                },
            },
            () = stop.at_least(Stop::Now) => return None,
        };
        let final_look = match settlement.side {
            Some(side) if side == goal => true,
            Some(_) => nothing_can_land,
            None => give_up.left(&began).is_zero(),
        };
        if final_look {
            return Some(settlement);
        }
        pulses.note(format!(
            "looking whether the write of `{}` came through",
            entry.id
        ));
        let left = match settlement.side {
            Some(_) => settling.until.left(&clock.now()),
            None => give_up.left(&clock.now()),
        };
        tokio::select! {
            () = clock.sleep(pause.min(left.max(Duration::from_millis(1)))) => {}
            () = stop.at_least(Stop::Now) => return None,
        }
        pause = (pause * 2).min(PACE.1);
    }
}

/// What somebody else wrote of a place, which is left as it is.
fn others(edit: &Edit, seen: &Value) -> String {
    let mut theirs = edit.foreign(seen);
    let Some(first) = theirs.next() else {
        return "what somebody else wrote".to_owned();
    };
    let more = match theirs.count() {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("`{first}`{more}, which somebody else wrote")
}

/// So many parts that somebody else wrote are told.
const TOLD: usize = 3;

/// What there is to say of a state that nobody asked for; `expected` is the side of the edit that was. `torn` says that a
/// write of this run may have left it so.
pub(super) fn describe(
    side: Side,
    edit: &Edit,
    expected: Side,
    seen: &Value,
    torn: bool,
) -> Option<String> {
    match side {
        Side::Before | Side::After => None,
        Side::Mixed => Some("a part of the change is there, the rest is not".to_owned()),
        Side::Foreign => {
            let expected = match expected {
                Side::Before => &edit.before,
                _ => &edit.after,
            };
            let told = first(foreign(edit, expected, seen));
            Some(match torn {
                true => format!(
                    "a write of this run that came to no known end may have left it so, or somebody else wrote here: \
                     {told}"
                ),
                false => format!("somebody else wrote here: {told}"),
            })
        }
    }
}

/// Each part that somebody else wrote, and what it holds instead of what was expected.
pub(super) fn foreign(edit: &Edit, expected: &Value, seen: &Value) -> Vec<String> {
    (edit.foreign(seen))
        .map(|key| {
            let (is, was) = (held(seen.0.get(key)), held(expected.0.get(key)));
            format!("`{key}` holds {is} instead of {was}")
        })
        .collect()
}

/// The first of these, and how many more there are.
pub(super) fn first(mut told: Vec<String>) -> String {
    let more = told.len().saturating_sub(TOLD);
    told.truncate(TOLD);
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    told.join("; ")
}

fn ttl(part: Option<&Part>) -> Option<u64> {
    part.and_then(|part| part.json().get("ttl")?.as_u64())
}

/// Whether the TTLs of what was written can be the doing of a server: each TTL that was asked became one, and the same
/// wherever it was asked.
fn is_one_rule(edit: &Edit, way: Way, seen: &Value) -> bool {
    let written = edit.along(way).1;
    let stored = edit.stored(way, seen);
    let whole = (written.0.iter()).filter(|(key, part)| seen.0.get(*key) == Some(*part));
    let others = (stored.0.iter()).map(|(key, part)| (ttl(written.0.get(key)), ttl(Some(part))));
    let pairs = whole
        .map(|(_, part)| (ttl(Some(part)), ttl(Some(part))))
        .chain(others);
    let mut rule = BTreeMap::new();
    let mut pairs = pairs.into_iter();
    pairs.all(|(asked, is)| *rule.entry(asked).or_insert(is) == is)
}

/// That a server stored other TTLs than it was given: each pair of TTLs once. Where the write did not say that it was
/// done, somebody may have given them since.
fn told(written: &Value, stored: &Value, said_done: bool) -> String {
    let mut pairs: BTreeMap<(Option<u64>, Option<u64>), Vec<&String>> = BTreeMap::new();
    for (key, part) in &stored.0 {
        let pair = (ttl(Some(part)), ttl(written.0.get(key)));
        pairs.entry(pair).or_default().push(key);
    }
    let pairs = pairs.into_iter().map(|((is, was), keys)| {
        let [is, was] = [is, was].map(|ttl| ttl.map_or("none".to_owned(), |ttl| ttl.to_string()));
        let of = match keys.as_slice() {
            [one] => format!("`{one}`"),
            many => count(many.len(), "record set"),
        };
        match said_done {
            true => format!("the server stored TTL {is} instead of {was} for {of}"),
            false => format!(
                "TTL {is} is there instead of {was} for {of}: the server stored it so, or somebody gave it since"
            ),
        }
    });
    pairs.collect::<Vec<_>>().join("; ")
}

/// What the place of a change held before it, in words.
pub fn told_before(edit: &Edit) -> String {
    let keys = edit.before.0.keys().chain(edit.after.0.keys());
    let keys: BTreeSet<&String> = keys.collect();
    let told = |key: &&String| format!("`{key}`: {}", held(edit.before.0.get(*key)));
    first(keys.iter().map(told).collect())
}

/// What a part holds, in words.
pub(super) fn held(part: Option<&Part>) -> String {
    let Some(part) = part else {
        return "nothing".into();
    };
    if let Ok(set) = part.read() {
        return RecordSet::told(Some(&set));
    }
    let text = part.told();
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("`{}…`", &text[..at]),
        None => format!("`{text}`"),
    }
}

impl Settling<'_> {
    /// Tells the display what is waited for, and until when.
    pub(super) fn announce(&self, index: usize, pulses: &Pulses) {
        pulses.send(Pulse {
            entry: Some(index),
            note: "looking whether it came through".to_owned(),
            until: Some(self.until.clone()),
            fraction: None,
        });
    }
}

#[cfg(test)]
mod tests;
