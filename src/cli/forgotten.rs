//! What an earlier run wrote and the newest run that went over it has nothing to do with: names and steps that were taken
//! out of a playbook in between, and steps that write something else by now.

use std::collections::{BTreeMap, BTreeSet};

use super::over::took_over;
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
    unread: Vec<String>,
    /// What those wrote that were read.
    written: BTreeSet<String>,
    /// The newest of a playbook.
    newest: Option<(String, Knows)>,
}

impl Newer {
    /// What a run that stayed wrote, it speaks for.
    pub(super) fn take_in(&mut self, run: &Run) {
        if took_over(run) {
            self.unread.push(run.id.clone());
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
        for id in std::mem::take(&mut self.unread) {
            if let Some(plan) = plan_of(store, &id).await? {
                self.written.extend(writes(&plan, &Things::there(&plan)));
            }
        }
        if self.newest.as_ref().is_none_or(|(id, _)| *id != newest.id) {
            let plan = plan_of(store, &newest.id).await?;
            let knows = plan.as_deref().map(Knows::of).unwrap_or_default();
            self.newest = Some((newest.id.clone(), knows));
        }
        let speaks = |what: &str| {
            let newest = self.newest.as_ref();
            self.written.contains(what)
                || newest.is_some_and(|(_, knows)| knows.whats.contains(what))
        };
        let has = |step: &str, thing: Option<&String>| {
            let newest = self.newest.as_ref();
            newest.is_some_and(|(_, knows)| knows.has(step, thing))
        };
        Ok(left(&plan, &Things::there(&plan), home, speaks, has))
    }
}

/// What the steps of a playbook write and do, in words that are the same in each run, by step and place; an act has no
/// place. A step may keep its name and write something else, or get another name and write the same.
#[derive(Default)]
struct Things(BTreeMap<(String, String), String>);

impl Things {
    /// What a run wrote. Where its playbook cannot be read any more, its steps have their names alone.
    fn there(plan: &Plan) -> Things {
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
        book.map_or_else(|_| Things::default(), |book| Things::of(&book, &[aim]))
    }

    fn of(book: &Playbook, aims: &[Aim]) -> Things {
        // Nobody is asked.
        let site = book.live(Clock::real(), Exec::new());
        let mut things = BTreeMap::new();
        for (step, aim) in
            (book.steps().iter()).flat_map(|step| aims.iter().map(move |aim| (step, aim)))
        {
            let named = match &step.work {
                Work::Change(change) => change.things(&site, aim),
                Work::Act(act) => (act.thing(&site, aim).into_iter())
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
    /// What it writes, and what it would where that did not hold the value already.
    whats: BTreeSet<String>,
    /// The steps of its playbook.
    steps: BTreeSet<String>,
    /// What these write and do, there and back; `None` where it cannot be read.
    things: Option<BTreeSet<String>>,
}

impl Knows {
    fn of(plan: &Plan) -> Knows {
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
            whats: (writes(plan, &Things::there(plan)).into_iter())
                .chain(plan.locks.iter().cloned())
                .collect(),
            steps,
            things: book.map(|book| Things::of(&book, &aims).0.into_values().collect()),
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

/// All that a plan writes: see [`what_of`].
fn writes(plan: &Plan, things: &Things) -> BTreeSet<String> {
    let locks = locks_of(plan);
    let edits = plan.edits();
    edits
        .flat_map(|(entry, edit)| {
            let thing = things.get(entry);
            (parts_of(edit)).map(move |part| (edit, thing, part))
        })
        .map(|(edit, thing, part)| what_of(plan, &locks, edit, thing, part))
        .collect()
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

/// What of the changes of a plan nobody newer speaks for. `home`: the newest left the side that this plan led to; `has`:
/// its playbook has the step, or what it does.
fn left(
    plan: &Plan,
    things: &Things,
    home: bool,
    speaks: impl Fn(&str) -> bool,
    has: impl Fn(&str, Option<&String>) -> bool,
) -> Vec<Left> {
    let locks = locks_of(plan);
    let parts = |entry: &Entry| match &entry.nature {
        _ if !(home || entry.temporary) => None,
        Nature::Change(edit) => {
            let thing = things.get(entry);
            let open = |part: &&String| {
                let known = speaks(&what_of(plan, &locks, edit, thing, part));
                // What a step leaves where it holds its value already, it wants so; but not what is to be put back.
                let wanted =
                    !entry.temporary && !locks.contains(part.as_str()) && has(&entry.step, thing);
                !known && !wanted
            };
            let open: BTreeSet<String> = parts_of(edit).filter(open).cloned().collect();
            (!open.is_empty()).then_some(open)
        }
        Nature::Act(act) => {
            let open = act.undo.is_some() && !has(&entry.step, things.get(entry));
            open.then(BTreeSet::new)
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
mod tests {
    use super::*;
    use crate::plan::{Direction, Mode};

    /// What of the runs of `plan` is left where these runs, the newest first, went over it.
    fn told(plan: &Plan, newer: &[Plan]) -> Vec<(usize, Vec<String>)> {
        let knows = Knows::of(&newer[0]);
        let of = |plan| writes(plan, &Things::there(plan));
        let written: BTreeSet<String> = newer.iter().flat_map(of).collect();
        let home = newer[0].direction.target == plan.direction.source;
        let speaks = |what: &str| written.contains(what) || knows.whats.contains(what);
        let has = |step: &str, thing: Option<&String>| knows.has(step, thing);
        let left = left(plan, &Things::there(plan), home, speaks, has);
        (left.into_iter())
            .map(|left| (left.entry, left.parts.into_iter().collect()))
            .collect()
    }

    fn home(plan: &Plan) -> Plan {
        let Direction { source, target } = plan.direction.clone();
        Plan {
            direction: Direction {
                source: target,
                target: source,
            },
            ..plan.clone()
        }
    }

    /// The edits of a plan without these parts.
    fn without(mut plan: Plan, gone: &[&str]) -> Plan {
        plan.locks.retain(|lock| !gone.contains(&lock.as_str()));
        for entry in &mut plan.entries {
            if let Nature::Change(edit) = &mut entry.nature {
                for value in [&mut edit.before, &mut edit.after] {
                    value.0.retain(|part, _| !gone.contains(&part.as_str()));
                }
            }
        }
        plan
    }

    #[test]
    fn what_no_newer_run_holds_is_left_by_it() {
        let plan = crate::fake::plan(Mode::Failover, "tca");
        let both = || vec!["one".to_owned(), "two".to_owned()];
        // It holds the places that it writes.
        assert_eq!(told(&plan, std::slice::from_ref(&plan)), []);
        assert_eq!(told(&plan, &[home(&plan)]), []);
        // A step that was taken out; of what is to stay nothing is left where they went the same way.
        let no_steps = |mut plan: Plan| {
            plan.entries.clear();
            plan.text.clear();
            plan
        };
        assert_eq!(told(&plan, &[no_steps(plan.clone())]), [(0, both())]);
        let all = [(0, both()), (1, both()), (2, Vec::new())];
        assert_eq!(told(&plan, &[no_steps(home(&plan))]), all);
        // One that was there and held its value is no place of that run, and is known to it all the same; what was to be
        // put back is not.
        let mut held = home(&plan);
        held.entries.retain(|entry| !entry.writes());
        held.entries
            .extend(plan.entries.iter().cloned().map(|mut entry| {
                entry.nature = Nature::Check;
                entry
            }));
        assert_eq!(told(&plan, &[held]), [(0, both())]);
    }

    #[test]
    fn a_record_set_is_the_same_whichever_step_moves_it() {
        let mut plan = crate::fake::plan(Mode::Failover, "c");
        plan.locks = vec!["playbook p".into(), "one".into(), "two".into()];
        // A name that left the playbook, though its step is there.
        let one = without(home(&plan), &["two"]);
        assert_eq!(
            told(&plan, std::slice::from_ref(&one)),
            [(0, vec!["two".to_owned()])]
        );
        // A step and a playbook of another name.
        let mut other = home(&plan);
        other.playbook = "q".into();
        let Nature::Change(edit) = &mut other.entries[0].nature else {
            panic!("no change");
        };
        edit.place.step = "renamed".into();
        assert_eq!(told(&plan, std::slice::from_ref(&other)), []);
        // It led there already.
        other.entries.clear();
        assert_eq!(told(&plan, &[other]), []);
        // One in between moved it last, and speaks for it.
        assert_eq!(told(&plan, &[one, home(&plan)]), []);
    }

    /// The plan of a run with one setting and one act, on the standby as it was then.
    fn settings(step: &str, read: &str, does: &str) -> Plan {
        let mut plan = crate::fake::plan(Mode::Failover, "ca");
        plan.text = format!(
            "[playbook]\nname = \"site\"\n\
             [hosts.old]\nsite = \"old\"\nssh = \"old.example\"\naddresses = [\"192.0.2.1\"]\n\
             [hosts.new]\nsite = \"new\"\nssh = \"new.example\"\naddresses = [\"192.0.2.2\"]\n\
             [[step]]\nid = \"{step}\"\nkind = \"command\"\non = \"target\"\nread = [\"cat\", \"{read}\"]\n\
             want = \"new\"\nrun = [\"set\"]\nundo = [\"set\"]\n\
             [[step]]\nid = \"{step}-act\"\nkind = \"command\"\non = \"new\"\nrun = [\"{does}\"]\nundo = [\"back\"]\n"
        );
        for (entry, of) in plan.entries.iter_mut().zip(["", "-act"]) {
            entry.step = format!("{step}{of}");
            if let Nature::Change(edit) = &mut entry.nature {
                edit.place.step = entry.step.clone();
                edit.place.name = "new".into();
                for value in [&mut edit.before, &mut edit.after] {
                    value.0.remove("two");
                }
            }
        }
        let read = Playbook::of_plan(&plan);
        assert!(read.is_ok(), "{:?}", read.err());
        plan
    }

    #[test]
    fn a_setting_is_known_by_what_it_is_and_not_by_its_step() {
        let plan = settings("file", "/etc/one", "begin");
        assert_eq!(told(&plan, &[home(&plan)]), []);
        // The steps keep their names, and write and do something else.
        let moved = home(&settings("file", "/etc/two", "begin"));
        assert_eq!(told(&plan, &[moved]), [(0, vec!["one".to_owned()])]);
        let other = home(&settings("file", "/etc/one", "start"));
        assert_eq!(told(&plan, &[other]), [(1, Vec::new())]);
        // They have other names, and write and do the same; also where it held its value already.
        let mut renamed = home(&settings("setting", "/etc/one", "begin"));
        assert_eq!(told(&plan, std::slice::from_ref(&renamed)), []);
        renamed.entries.clear();
        assert_eq!(told(&plan, &[renamed]), []);
        // The same path on another machine, which has the name of the first.
        let mut machine = home(&plan);
        machine.text = machine.text.replace("new.example", "newer.example");
        let both = [(0, vec!["one".to_owned()]), (1, Vec::new())];
        assert_eq!(told(&plan, &[machine]), both);
    }
}
