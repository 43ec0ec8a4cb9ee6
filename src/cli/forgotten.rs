//! What an earlier run wrote and the newest run that went over it has nothing to do with: names and steps that were taken
//! out of a playbook in between, and steps that write something else by now.

use std::collections::{BTreeMap, BTreeSet};

use super::over::took_over;
use super::whose::{Same, Whose};
use crate::clock::Clock;
use crate::event::Event;
use crate::journal::{self, JournalError, Run};
use crate::plan::{Edit, Entry, Nature, Plan};
use crate::playbook::Playbook;
use crate::site::Aim;
use crate::step::Work;
use crate::store::Store;
use crate::world::exec::Exec;

/// One change of a run of which a newer one knows nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub entry: usize,
    /// The parts of its place; none where it is an act, of which nothing can be read.
    pub parts: BTreeSet<String>,
    /// What is written there, whatever its step is called; `None` where its parts have names of their own.
    pub thing: Option<String>,
}

/// What newer runs speak for, while runs are gone through from the newest to the oldest. Journals are read only where
/// one of them may have left something.
#[derive(Default)]
pub(super) struct Newer {
    /// Runs that stayed where they went, and were not read yet.
    unread: Vec<Run>,
    /// What those wrote that were read.
    written: Written,
    /// The newest of a playbook.
    newest: Option<(String, Knows)>,
}

/// What runs of any playbook wrote.
#[derive(Default)]
struct Written {
    /// What has one name for all: whoever wrote it last speaks for it.
    locks: BTreeSet<String>,
    /// All else, by playbook: what another one calls by the same name may be on another machine.
    things: Vec<(Whose, BTreeSet<String>)>,
}

impl Written {
    fn take_in(&mut self, whose: Whose, plan: &Plan, things: &Things) {
        let locks = locks_of(plan);
        let (shared, own): (BTreeSet<String>, BTreeSet<String>) =
            (writes(plan, things).into_iter()).partition(|what| locks.contains(what.as_str()));
        self.locks.extend(shared);
        let known = self.things.iter_mut().find(|(known, _)| *known == whose);
        match known {
            Some((_, things)) => things.extend(own),
            None => self.things.push((whose, own)),
        }
    }

    fn speaks(&self, whose: &Whose, what: &str) -> bool {
        self.locks.contains(what)
            || (self.things.iter())
                .any(|(by, things)| things.contains(what) && by.same(whose) == Same::Yes)
    }
}

impl Newer {
    /// What a run that stayed wrote, it speaks for.
    pub(super) fn take_in(&mut self, run: &Run) {
        if took_over(run) {
            self.unread.push(run.clone());
        }
    }

    /// What a run wrote that none of these speaks for; `over` went over it, the newest first. What was to be put back
    /// however it ended is left wherever they went, all else where the newest of them left the side that it led to.
    pub(super) async fn left_of(
        &mut self,
        store: &dyn Store,
        run: &Run,
        over: &[&Run],
    ) -> Result<Vec<Left>, JournalError> {
        let Some(newest) = over.first() else {
            return Ok(Vec::new());
        };
        let home = newest.meta.direction.target == run.meta.direction.source;
        let owed = run.summary.as_ref().and_then(|summary| summary.owed);
        if !home && run.stayed() && owed == Some(0) {
            return Ok(Vec::new());
        }
        let Some(plan) = plan_of(store, &run.id).await? else {
            return Ok(Vec::new());
        };
        for run in std::mem::take(&mut self.unread) {
            if let Some(plan) = plan_of(store, &run.id).await? {
                let things = Things::there(&plan, here(&run));
                self.written
                    .take_in(Whose::plan(&run, &plan), &plan, &things);
            }
        }
        if self.newest.as_ref().is_none_or(|(id, _)| *id != newest.id) {
            let plan = plan_of(store, &newest.id).await?;
            let knows = plan.map(|plan| Knows::of(&plan, here(newest)));
            self.newest = Some((newest.id.clone(), knows.unwrap_or_default()));
        }
        let things = Things::there(&plan, here(run));
        let whose = Whose::plan(run, &plan);
        let newest = self.newest.as_ref().map(|(_, knows)| knows);
        let speaks = |what: &str| {
            self.written.speaks(&whose, what)
                || newest.is_some_and(|knows| knows.whats.contains(what))
        };
        let has =
            |step: &str, thing: Option<&String>| newest.is_some_and(|knows| knows.has(step, thing));
        Ok(left(&plan, &things, home, speaks, has))
    }
}

/// The name of the machine on which a run was begun.
fn here(run: &Run) -> &str {
    let by = &run.meta.by;
    by.rsplit_once('@').map_or(by.as_str(), |(_, host)| host)
}

/// What the steps of a playbook write and do, in words that are the same in each run, by step and place; an act has no
/// place. A step may keep its name and write something else, or get another name and write the same.
#[derive(Default)]
struct Things(BTreeMap<(String, String), String>);

impl Things {
    /// What a run wrote. Where its playbook cannot be read any more, its steps have their names alone.
    fn there(plan: &Plan, here: &str) -> Things {
        let locks = locks_of(plan);
        let tells_itself = |entry: &Entry| match &entry.nature {
            Nature::Change(edit) => parts_of(edit).all(|part| locks.contains(part.as_str())),
            nature => !matches!(nature, Nature::Act(_)),
        };
        if plan.entries.iter().all(tells_itself) {
            return Things::default();
        }
        let aim = Aim::there(&plan.direction, false);
        let book = Playbook::of_plan(plan);
        book.map_or_else(|_| Things::default(), |book| Things::of(&book, &aim, here))
    }

    fn of(book: &Playbook, aim: &Aim, here: &str) -> Things {
        // Nobody is asked.
        let site = book.live(Clock::real(), Exec::new());
        let mut things = BTreeMap::new();
        for step in book.steps() {
            let named = match &step.work {
                Work::Change(change) => change.things(&site, aim, here),
                Work::Act(act) => (act.thing(&site, aim, here).into_iter())
                    .map(|thing| (String::new(), thing))
                    .collect(),
                Work::Check(_) | Work::Ask { .. } | Work::Wait { .. } => Vec::new(),
            };
            let of_step = |(place, thing)| ((step.id.clone(), place), thing);
            things.extend(named.into_iter().map(of_step));
        }
        Things(things)
    }

    fn get(&self, entry: &Entry) -> Option<&String> {
        let place = match &entry.nature {
            Nature::Change(edit) => edit.place.name.as_str(),
            _ => "",
        };
        self.0.get(&(entry.step.clone(), place.to_owned()))
    }
}

/// What the plan of a run has to do with.
#[derive(Default)]
struct Knows {
    /// What it writes and does, and what it would write where that did not hold the value already.
    whats: BTreeSet<String>,
    /// The steps of its playbook.
    steps: BTreeSet<String>,
    /// What these write and do, there and back; `None` where it cannot be read.
    things: Option<BTreeSet<String>>,
}

impl Knows {
    fn of(plan: &Plan, here: &str) -> Knows {
        let mut steps: BTreeSet<String> = (plan.entries.iter())
            .map(|entry| entry.step.clone())
            .collect();
        // What holds its value already has no entry.
        let book = Playbook::of_plan(plan).ok();
        let all = book.iter().flat_map(Playbook::steps);
        steps.extend(all.map(|step| step.id.clone()));
        let direction = &plan.direction;
        let aims = [Aim::there(direction, false), Aim::back(direction, false)];
        Knows {
            whats: (writes(plan, &Things::there(plan, here)).into_iter())
                .chain(plan.locks.iter().cloned())
                .collect(),
            steps,
            things: book.map(|book| {
                let of = |aim| Things::of(&book, aim, here).0.into_values();
                aims.iter().flat_map(of).collect()
            }),
        }
    }

    /// Whether its playbook still writes or does something. Where nobody can tell what that is, its step is taken for it.
    fn has(&self, step: &str, thing: Option<&String>) -> bool {
        match (thing, &self.things) {
            (Some(thing), Some(things)) => things.contains(thing),
            _ => self.steps.contains(step),
        }
    }
}

async fn plan_of(store: &dyn Store, run: &str) -> Result<Option<Box<Plan>>, JournalError> {
    let first = journal::first(store, run).await?;
    Ok(first.and_then(|record| match record.event {
        Event::Started { plan, .. } => Some(plan),
        _ => None,
    }))
}

/// All that a plan writes and does: see [`what_of`] and [`deed_of`].
fn writes(plan: &Plan, things: &Things) -> BTreeSet<String> {
    let locks = locks_of(plan);
    let of = |entry: &Entry| -> BTreeSet<String> {
        let thing = things.get(entry);
        match &entry.nature {
            Nature::Change(edit) => parts_of(edit)
                .map(|part| what_of(plan, &locks, edit, thing, part))
                .collect(),
            Nature::Act(_) => [deed_of(plan, entry, thing)].into(),
            Nature::Check | Nature::Ask { .. } | Nature::Wait { .. } => BTreeSet::new(),
        }
    };
    plan.entries.iter().flat_map(of).collect()
}

fn locks_of(plan: &Plan) -> BTreeSet<&str> {
    plan.locks.iter().map(String::as_str).collect()
}

fn parts_of(edit: &Edit) -> impl Iterator<Item = &String> {
    let parts: BTreeSet<&String> = edit.before.0.keys().chain(edit.after.0.keys()).collect();
    parts.into_iter()
}

/// A part of a place in words that are the same in each run. What a plan locks has one name whichever step writes it, and
/// so has a setting that is known by what reads it; all else is told by its playbook and its step.
fn what_of(
    plan: &Plan,
    locks: &BTreeSet<&str>,
    edit: &Edit,
    thing: Option<&String>,
    part: &str,
) -> String {
    match (locks.contains(part), thing) {
        (true, _) => part.to_owned(),
        (false, Some(thing)) => thing.clone(),
        (false, None) => format!("{} {} {part}", plan.playbook, edit.place),
    }
}

/// What an act does, in words that are the same in each run.
fn deed_of(plan: &Plan, entry: &Entry, thing: Option<&String>) -> String {
    thing
        .cloned()
        .unwrap_or_else(|| format!("{} does {}", plan.playbook, entry.step))
}

/// What of the changes and acts of a plan nobody newer speaks for. `home`: the newest left the side that this plan led to; `has`:
/// its playbook has the step, or what it does.
fn left(
    plan: &Plan,
    things: &Things,
    home: bool,
    speaks: impl Fn(&str) -> bool,
    has: impl Fn(&str, Option<&String>) -> bool,
) -> Vec<Left> {
    let locks = locks_of(plan);
    // What a step leaves where it holds its value already, it wants so; but not what is to be put back.
    let wanted = |entry: &Entry| !entry.temporary && has(&entry.step, things.get(entry));
    let parts = |entry: &Entry| match &entry.nature {
        _ if !(home || entry.temporary) => None,
        Nature::Change(edit) => {
            let wanted = wanted(entry);
            let open = |part: &&String| {
                let what = what_of(plan, &locks, edit, things.get(entry), part);
                !speaks(&what) && (!wanted || locks.contains(part.as_str()))
            };
            let open: BTreeSet<String> = parts_of(edit).filter(open).cloned().collect();
            (!open.is_empty()).then_some(open)
        }
        Nature::Act(act) => {
            let known = speaks(&deed_of(plan, entry, things.get(entry)));
            (act.undo.is_some() && !known && !wanted(entry)).then(BTreeSet::new)
        }
        Nature::Check | Nature::Ask { .. } | Nature::Wait { .. } => None,
    };
    (plan.entries.iter().enumerate())
        .filter_map(|(at, entry)| {
            Some(Left {
                entry: at,
                parts: parts(entry)?,
                thing: things.get(entry).cloned(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
