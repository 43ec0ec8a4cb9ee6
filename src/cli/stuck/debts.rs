//! What runs that have come to their end left, and what they left where another one went over them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::super::common::Desk;
use super::super::forgotten::Left;
use super::super::resume::book_of;
use super::super::stays::tally_now;
use super::places::{PATIENCE, baseline, named};
use super::{Debt, Stuck};
use crate::dns::RecordSet;
use crate::engine::{RETURN, leads_in_dns, look_once_more, see_places, to_see, told_before};
use crate::event::{Ending, LOOK_AT, PUT_BACK, Record, Round};
use crate::journal::Run;
use crate::plan::{Edit, Nature, Outcome, Part, Plan, Side, Value};
use crate::report::{Tally, count};

/// The places of a run of which one holds something else than it shall, as far as is seen. `looks`: they are read.
async fn not_so(
    desk: &Desk,
    plan: &Plan,
    entries: Vec<usize>,
    wanted: Side,
    looks: bool,
) -> Vec<usize> {
    if entries.is_empty() || !looks {
        return entries;
    }
    let Ok(book) = book_of(desk, plan) else {
        return entries;
    };
    let actual = desk.actual(&Arc::new(book));
    let seen = see_places(plan, &actual, &entries, PATIENCE).await;
    let _late = tokio::time::timeout(PATIENCE, actual.site.exec.close()).await;
    let is_so = |entry: &usize| {
        let found = seen.iter().find(|(other, _)| other == entry);
        match (found, &plan.entries[*entry].nature) {
            (Some((_, Ok(value))), Nature::Change(edit)) => edit.side(value) == wanted,
            // It cannot be told.
            _ => false,
        }
    };
    entries.into_iter().filter(|entry| !is_so(entry)).collect()
}

fn ids(plan: &Plan, entries: &[usize]) -> String {
    let ids: Vec<String> = (entries.iter())
        .map(|entry| plan.entries[*entry].id.clone())
        .collect();
    named(&ids)
}

/// All of what a run that has come to its end left.
pub(super) async fn of_ended(desk: &Desk, run: Run, records: &[Record], looks: bool) -> Vec<Stuck> {
    let tally = tally_now(desk, records, looks).await;
    if let Some(sick) = sick(desk, run.clone(), &tally, records, looks).await {
        return vec![sick];
    }
    let (left, remains) = tokio::join!(
        left(desk, run.clone(), &tally, looks),
        remains(desk, run, &tally, looks),
    );
    left.into_iter().chain(remains).collect()
}

/// What was left to others by a run that has ended, and is not as the run was to leave it.
pub(super) async fn left(desk: &Desk, run: Run, tally: &Tally, looks: bool) -> Option<Stuck> {
    let plan = tally.plan()?;
    let (wanted, how) = match run.stayed() {
        true => (Side::After, "as planned"),
        false => (Side::Before, "as before"),
    };
    let entries = (tally.owed().iter())
        .filter_map(|owed| owed.key.strip_prefix(LOOK_AT))
        .filter_map(|id| plan.entries.iter().position(|entry| entry.id == id));
    let open = not_so(desk, plan, entries.collect(), wanted, looks).await;
    if open.is_empty() {
        return None;
    }
    let id = &run.id;
    Some(Stuck {
        stands: false,
        theirs: true,
        what: format!(
            "run {id} ({}) left {} to others, not {how}",
            run.meta.mode,
            ids(plan, &open)
        ),
        site: None,
        how: format!("set it by hand; `cutover show {id}` tells what it was"),
        debt: None,
        run,
    })
}

/// A drill that remains at the other side, until all names lead back, or somebody says that it shall stay so.
pub(super) async fn remains(desk: &Desk, run: Run, tally: &Tally, looks: bool) -> Option<Stuck> {
    let plan = tally.plan()?;
    tally.ending()?;
    let owed = (tally.owed().iter()).find(|owed| owed.key.starts_with(RETURN))?;
    if looks && let Ok(book) = book_of(desk, plan) {
        let actual = desk.actual(&Arc::new(book));
        let leads = leads_in_dns(&actual.book, &actual.site);
        let leads = tokio::time::timeout(PATIENCE, leads).await;
        let _late = tokio::time::timeout(PATIENCE, actual.site.exec.close()).await;
        if leads.ok().flatten().as_ref() == Some(&plan.direction.source) {
            return None;
        }
    }
    let names = desk.names(&run);
    Some(Stuck {
        stands: false,
        theirs: false,
        what: format!("run {}: {}", run.id, owed.what),
        site: None,
        how: format!(
            "{}; or, where it shall stay so: `{}`",
            names.to_type(&owed.how),
            names.letting_stay(&owed.key)
        ),
        debt: None,
        run,
    })
}

/// What a run wrote and the newest one that went over it has nothing to do with, one debt for each step: temporary changes
/// until they are seen as before, acts until somebody says that they may stay, all else until it holds nothing any more
/// that the run wrote, and leads nowhere where the run led it.
pub(super) async fn forgotten(
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
    let mut open: Vec<Open> = left.map(|left| Open::of(plan, left)).collect();
    if looks
        && !open.is_empty()
        && let Ok(book) = book_of(desk, plan)
    {
        let actual = desk.actual(&Arc::new(book));
        let entries: Vec<usize> = open.iter().map(|open| open.entry).collect();
        let seen = see_places(plan, &actual, &entries, PATIENCE).await;
        let _late = tokio::time::timeout(PATIENCE, actual.site.exec.close()).await;
        let there = actual.site.leading_to(&plan.direction.target);
        for (entry, value) in seen {
            let of = open.iter_mut().find(|open| open.entry == entry);
            if let (Some(open), Ok(value)) = (of, value) {
                open.see(&value);
            }
        }
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
        Stuck {
            stands: false,
            theirs: false,
            what: format!(
                "a newer run went over run {} ({}), and {} is not seen to be put back",
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

/// What is left of one change, and what was seen of it.
struct Open {
    entry: usize,
    temporary: bool,
    /// What of the change is left; `None` of an act.
    edit: Option<Edit>,
    seen: Option<Value>,
}

impl Open {
    fn of(plan: &Plan, left: Left) -> Open {
        let Left { entry, parts } = left;
        let of = &plan.entries[entry];
        let ours = |value: &Value| value.taken(|(part, _)| parts.contains(part.as_str()));
        Open {
            entry,
            temporary: of.temporary,
            edit: match &of.nature {
                Nature::Change(edit) => Some(Edit {
                    place: edit.place.clone(),
                    before: ours(&edit.before),
                    after: ours(&edit.after),
                }),
                _ => None,
            },
            seen: None,
        }
    }

    fn see(&mut self, value: &Value) {
        let Some(edit) = &self.edit else { return };
        let has =
            |part: &String| edit.before.0.contains_key(part) || edit.after.0.contains_key(part);
        self.seen = Some(value.taken(|(part, _)| has(part)));
    }

    /// Whether it is to be put back, as far as is seen. `there` are the addresses of the site that the run led to.
    fn is_open(&self, there: &BTreeSet<IpAddr>) -> bool {
        let (Some(edit), Some(seen)) = (&self.edit, &self.seen) else {
            // It cannot be told.
            return true;
        };
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
        // With another TTL it leads where the run led it.
        edit.still_holds_written(seen) || seen.0.iter().any(still_leads)
    }

    fn told(&self, plan: &Plan) -> String {
        let id = &plan.entries[self.entry].id;
        match &self.edit {
            Some(_) if self.temporary => format!("its temporary change `{id}`"),
            Some(edit) => {
                let parts: BTreeSet<&String> =
                    edit.before.0.keys().chain(edit.after.0.keys()).collect();
                let parts: Vec<String> = parts.into_iter().cloned().collect();
                format!("what it wrote to {}", self.named(plan, &parts))
            }
            None => format!("what `{id}` did"),
        }
    }

    /// Record sets have names of their own; a setting is known by its step.
    fn named(&self, plan: &Plan, parts: &[String]) -> String {
        let locks = &plan.locks;
        match parts.iter().all(|part| locks.contains(part)) {
            true => named(parts),
            false => named(&[plan.entries[self.entry].id.clone()]),
        }
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

/// A run that was put back though not all was seen as before, or the old side not seen to serve, until that is seen.
pub(super) async fn sick(
    desk: &Desk,
    run: Run,
    tally: &Tally,
    records: &[Record],
    looks: bool,
) -> Option<Stuck> {
    let plan = tally.plan()?;
    // Held: a person accepted it.
    let accepted = match tally.ending()? {
        Ending::Undone => false,
        Ending::Held => true,
        _ => return None,
    };
    let mut open: Vec<(usize, Round)> = (tally.owed().iter())
        .filter_map(|owed| to_see(plan, records, owed))
        .filter(|(index, round)| {
            plan.entries[*index].is_check() && matches!(round, Round::Probe | Round::Verify)
        })
        .collect();
    if looks
        && !open.is_empty()
        && let Ok(book) = book_of(desk, plan)
    {
        let actual = desk.actual(&Arc::new(book));
        let look = look_once_more(plan, &actual, baseline(records), &open);
        let found = tokio::time::timeout(PATIENCE, look)
            .await
            .unwrap_or_default();
        let _late = tokio::time::timeout(PATIENCE, actual.site.exec.close()).await;
        let good = |index: usize| {
            (found.iter())
                .any(|(other, finding)| *other == index && finding.outcome <= Outcome::Warn)
        };
        open.retain(|(index, _)| !good(*index));
    }
    if open.is_empty() {
        return None;
    }
    let entries: Vec<usize> = open.iter().map(|(index, _)| *index).collect();
    let (id, source) = (&run.id, plan.home());
    let serves_not = (open.iter())
        .any(|(index, round)| *round == Round::Probe || plan.entries[*index].probes_old_side);
    let unseen = match serves_not {
        true => format!("all the same, and {source} is not seen to serve since"),
        false => "and not all is seen as it was before since".to_owned(),
    };
    Some(Stuck {
        stands: serves_not,
        // The list of what is owed tells it by itself.
        theirs: accepted,
        what: format!(
            "run {id} ({}) was put back to {source} {unseen}: {}",
            run.meta.mode,
            ids(plan, &entries)
        ),
        site: None,
        how: match serves_not {
            true => format!("mend {source}; `cutover owed` looks again"),
            false => "`cutover owed` looks again".to_owned(),
        },
        debt: None,
        run,
    })
}
