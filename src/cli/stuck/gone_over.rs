//! What runs left where another one went over them, as far as it is seen to be so still.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use futures::future::join_all;

use super::super::common::Desk;
use super::super::forgotten::Left;
use super::super::resume::book_of;
use super::places::{PATIENCE, named};
use super::{Debt, Stuck};
use crate::dns::{RecordKey, RecordSet};
use crate::engine::{ends_of, see_places, told_before};
use crate::event::PUT_BACK;
use crate::journal::Run;
use crate::plan::{Edit, Nature, Part, Plan, Side, Value};
use crate::report::{Tally, count};
use crate::site::Site;

/// What a run wrote and the newest one that went over it has nothing to do with, one debt for each step: temporary changes
/// until they are seen as before, acts until somebody says that they may stay, all else until it holds nothing any more
/// that the run wrote, and leads nowhere where the run led it.
pub(super) async fn debts(
    desk: &Desk,
    run: &Run,
    tally: &Tally,
    left: Vec<Left>,
    looks: bool,
) -> Vec<Stuck> {
    let Some(plan) = tally.plan() else {
        return Vec::new();
    };
    let standing = tally.standing_entries();
    let said = |step: &str| {
        let key = format!("{PUT_BACK}{step}");
        tally.stays().iter().any(|stays| stays.owed.key == key)
    };
    let left = left
        .into_iter()
        .filter(|left| standing.contains(&left.entry) && !said(&plan.entries[left.entry].step));
    let mut open: Vec<Open> = left.map(|left| Open::of(plan, tally, left)).collect();
    if looks
        && !open.is_empty()
        && let Ok(book) = book_of(desk, plan)
    {
        let actual = desk.actual(&Arc::new(book));
        let entries: Vec<usize> = open.iter().map(|open| open.entry).collect();
        let seen = see_places(plan, &actual, &entries, PATIENCE).await;
        let there = actual.site.leading_to(&plan.direction.target);
        for (entry, value) in seen {
            let of = open.iter_mut().find(|open| open.entry == entry);
            if let (Some(open), Ok(value)) = (of, value) {
                open.see(&value);
            }
        }
        let aliases = open.iter_mut().map(|open| open.follow(&actual.site));
        join_all(aliases).await;
        let _late = tokio::time::timeout(PATIENCE, actual.site.exec.close()).await;
        open.retain(|open| open.is_open(&there));
    }
    let mut steps: BTreeMap<&str, Vec<&Open>> = BTreeMap::new();
    for open in &open {
        steps
            .entry(&plan.entries[open.entry].step)
            .or_default()
            .push(open);
    }
    let names = desk.names(run);
    let told = steps.into_iter().map(|(step, open)| {
        let what: BTreeSet<String> = open.iter().map(|open| open.told(plan)).collect();
        let what: Vec<String> = what.into_iter().collect();
        let how: Vec<String> = open.iter().map(|open| open.back(plan)).collect();
        let more = match how.len().saturating_sub(MOST) {
            0 => String::new(),
            more => format!("; and {}", count(more, "more place")),
        };
        let key = format!("{PUT_BACK}{step}");
        let how = format!(
            "put it back by hand; {}{more}; or, where it shall stay so: `{}`",
            how[..how.len().min(MOST)].join("; "),
            names.letting_stay(&key)
        );
        let unread = looks && open.iter().any(|open| open.is_unread());
        let unseen = match unread {
            true => "; not all of it can be looked at now",
            false => "",
        };
        Stuck {
            stands: false,
            theirs: false,
            unread,
            what: format!(
                "a newer run went over run {} ({}), and {} is not seen to be put back{unseen}",
                run.id,
                run.meta.mode,
                what.join(" and ")
            ),
            site: None,
            how,
            debt: Some(Debt {
                key,
                holds: open.iter().try_fold(Value::default(), |mut all, open| {
                    all.0
                        .extend(named_parts(plan, open.entry, open.seen.as_ref()?).0);
                    Some(all)
                }),
            }),
            run: run.clone(),
        }
    });
    told.collect()
}

/// How many places are told in full.
const MOST: usize = 3;

/// How much is told of what reads a setting, in characters.
const LONGEST: usize = 100;

/// The parts of a place with the id of its entry before each, so that those of several places can be kept together.
pub(in crate::cli) fn named_parts(plan: &Plan, entry: usize, seen: &Value) -> Value {
    let id = &plan.entries[entry].id;
    let parts = seen.0.iter();
    Value(
        parts
            .map(|(part, value)| (format!("{id} {part}"), value.clone()))
            .collect(),
    )
}

/// Where the name of a record set leads now; `None` where that cannot be told in time.
async fn ends(site: &Site, key: &RecordKey) -> Option<BTreeSet<IpAddr>> {
    let looks = ends_of(site, key);
    (tokio::time::timeout(PATIENCE, looks).await.ok()?).ok()
}

/// What is left of one change, and what was seen of it.
struct Open {
    entry: usize,
    temporary: bool,
    /// Where it reads as before, that may be an old copy.
    doubtful: bool,
    /// What of the change is left; `None` of an act.
    edit: Option<Edit>,
    /// What it is, where its step may have another name, or write something else, by now.
    thing: Option<String>,
    seen: Option<Value>,
    /// Where the names of record sets lead that are gone: an alias may stand there instead. `None` where it cannot be told.
    ends: BTreeMap<String, Option<BTreeSet<IpAddr>>>,
}

impl Open {
    fn of(plan: &Plan, tally: &Tally, left: Left) -> Open {
        let Left {
            entry,
            parts,
            thing,
        } = left;
        let of = &plan.entries[entry];
        let ours = |value: &Value| value.taken(|(part, _)| parts.contains(part.as_str()));
        Open {
            entry,
            temporary: of.temporary,
            doubtful: tally.doubt(entry, Side::Before).is_some(),
            edit: match &of.nature {
                Nature::Change(edit) => Some(Edit {
                    place: edit.place.clone(),
                    before: ours(&edit.before),
                    after: ours(&edit.after),
                }),
                _ => None,
            },
            thing,
            seen: None,
            ends: BTreeMap::new(),
        }
    }

    fn see(&mut self, value: &Value) {
        let Some(edit) = &self.edit else { return };
        let has =
            |part: &String| edit.before.0.contains_key(part) || edit.after.0.contains_key(part);
        self.seen = Some(value.taken(|(part, _)| has(part)));
    }

    /// Looks where the names of record sets lead that hold none any more.
    async fn follow(&mut self, site: &Site) {
        let (Some(edit), Some(seen), false) = (&self.edit, &self.seen, self.temporary) else {
            return;
        };
        let gone = (edit.after.0.iter()).filter(|(part, _)| !seen.0.contains_key(*part));
        let sets = gone.filter_map(|(part, set)| Some((part, set.read::<RecordSet>().ok()?.key)));
        let looks = sets.map(|(part, key)| async move { (part.clone(), ends(site, &key).await) });
        self.ends = join_all(looks).await.into_iter().collect();
    }

    /// Whether something of it could not be looked at: what its place holds, or where the alias leads that stands there.
    fn is_unread(&self) -> bool {
        self.edit.is_some() && (self.seen.is_none() || self.ends.values().any(Option::is_none))
    }

    /// Whether it is to be put back, as far as is seen. `there` are the addresses of the site that the run led to.
    fn is_open(&self, there: &BTreeSet<IpAddr>) -> bool {
        let (Some(edit), Some(seen)) = (&self.edit, &self.seen) else {
            // It cannot be told.
            return true;
        };
        if self.doubtful && edit.sides(seen).any(|(_, side)| side == Side::Before) {
            return true;
        }
        if self.temporary {
            return edit.side(seen) != Side::Before;
        }
        // A record set may hold more than the run wrote to it, and still lead there.
        let leads = |value: Option<&Part>| -> BTreeSet<IpAddr> {
            let set = value.and_then(|part| part.read::<RecordSet>().ok());
            let all = set
                .map(|set| set.addresses())
                .unwrap_or_default()
                .into_iter();
            all.filter(|ip| there.contains(ip)).collect()
        };
        let still_leads = |(key, part): (&String, &Part)| {
            !leads(Some(part)).is_subset(&leads(edit.before.0.get(key)))
        };
        let leads_on = |(key, ends): (&String, &Option<BTreeSet<IpAddr>>)| match ends {
            Some(ends) => {
                (ends.intersection(there)).any(|ip| !leads(edit.before.0.get(key)).contains(ip))
            }
            None => true,
        };
        // With another TTL it leads where the run led it.
        edit.still_holds_written(seen)
            || seen.0.iter().any(still_leads)
            || self.ends.iter().any(leads_on)
    }

    fn told(&self, plan: &Plan) -> String {
        let id = &plan.entries[self.entry].id;
        match &self.edit {
            Some(_) if self.temporary => format!("its temporary change `{id}`{}", self.in_words()),
            Some(edit) => {
                let parts: BTreeSet<&String> =
                    edit.before.0.keys().chain(edit.after.0.keys()).collect();
                let parts: Vec<String> = parts.into_iter().cloned().collect();
                format!("what it wrote to {}", self.named(plan, &parts))
            }
            None => format!("what `{id}` did"),
        }
    }

    /// Record sets have names of their own; a setting is known by its step of that day, and by what reads it.
    fn named(&self, plan: &Plan, parts: &[String]) -> String {
        let locks = &plan.locks;
        match parts.iter().all(|part| locks.contains(part)) {
            true => named(parts),
            false => {
                let step = named(&[plan.entries[self.entry].id.clone()]);
                format!("{step}{}", self.in_words())
            }
        }
    }

    fn in_words(&self) -> String {
        let Some(thing) = &self.thing else {
            return String::new();
        };
        let more = if thing.chars().count() > LONGEST {
            "…"
        } else {
            ""
        };
        let thing: String = thing.chars().take(LONGEST).collect();
        format!(" (`{thing}{more}`)")
    }

    /// What it was before the run.
    fn back(&self, plan: &Plan) -> String {
        match (&self.edit, &plan.entries[self.entry].nature) {
            (Some(edit), _) => format!("before the run {}", told_before(edit)),
            (None, Nature::Act(act)) => {
                let undo = act.undo.as_deref().unwrap_or_default();
                format!("what undoes `{}`: {undo}", plan.entries[self.entry].id)
            }
            (None, _) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::Place;

    #[test]
    fn what_leads_where_the_run_led_it_is_open_whatever_else_is_there() {
        let key = "www.site.example. A";
        let set = |data: &[&str], ttl: u32| {
            let set = RecordSet::new(key.parse().unwrap(), ttl, data).unwrap();
            RecordSet::value_of([&set])
        };
        let (old, new, more) = ("192.0.2.10", "198.51.100.20", "198.51.100.21");
        let there = [new, more].map(|ip| ip.parse().unwrap()).into();
        let read = |seen: Value, temporary: bool, doubtful: bool| {
            let open = Open {
                entry: 0,
                temporary,
                doubtful,
                edit: Some(Edit {
                    place: Place::default(),
                    before: set(&[old], 300),
                    after: set(&[new], 60),
                }),
                thing: None,
                ends: BTreeMap::new(),
                seen: Some(seen),
            };
            open.is_open(&there)
        };
        let open = |seen, temporary| read(seen, temporary, false);
        let cases = [
            (set(&[new], 60), true),
            (set(&[new], 77), true),
            // Beside another address, or at another one of that side.
            (set(&[old, new], 300), true),
            (set(&[more], 60), true),
            (set(&[old], 300), false),
            (set(&[old], 77), false),
            (set(&["203.0.113.9"], 60), false),
            (Value::default(), false),
        ];
        for (seen, is_open) in cases {
            assert_eq!(open(seen.clone(), false), is_open, "{seen:?}");
            // What is to be put back however it ends is open until it is as before.
            assert_eq!(
                open(seen.clone(), true),
                seen != set(&[old], 300),
                "{seen:?}"
            );
        }
        // What may be an old copy of its place settles nothing, and what somebody else wrote does.
        for temporary in [false, true] {
            assert!(read(set(&[old], 300), temporary, true));
        }
        assert!(!read(set(&["203.0.113.9"], 60), false, true));
        // It is gone, and what stands there instead is followed.
        for (ends, is_open) in [
            (Some(vec![new]), true),
            (Some(vec![old, more]), true),
            (Some(vec![old]), false),
            (Some(Vec::new()), false),
            (None, true),
        ] {
            let ips = |all: Vec<&str>| all.into_iter().map(|ip| ip.parse().unwrap()).collect();
            let open = Open {
                entry: 0,
                temporary: false,
                doubtful: false,
                edit: Some(Edit {
                    place: Place::default(),
                    before: set(&[old], 300),
                    after: set(&[new], 60),
                }),
                thing: None,
                ends: [(key.to_owned(), ends.clone().map(ips))].into(),
                seen: Some(Value::default()),
            };
            assert_eq!(open.is_open(&there), is_open, "{ends:?}");
            // Whoever could not see where it leads does not say that he has looked.
            assert_eq!(open.is_unread(), ends.is_none(), "{ends:?}");
        }
        // A setting leads nowhere: it holds what was written, or it does not.
        let value = |text: &str| Value([("printed".to_owned(), json!(text).into())].into());
        for (seen, is_open) in [("new", true), ("old", false), ("theirs", false)] {
            let open = Open {
                entry: 0,
                temporary: false,
                doubtful: false,
                edit: Some(Edit {
                    place: Place::default(),
                    before: value("old"),
                    after: value("new"),
                }),
                thing: None,
                ends: BTreeMap::new(),
                seen: Some(value(seen)),
            };
            assert_eq!(open.is_open(&there), is_open, "{seen}");
        }
    }
}
