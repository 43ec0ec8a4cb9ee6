//! What an earlier run wrote and the newest run that went over it has nothing to do with: names and steps that were taken
//! out of a playbook in between.

use std::collections::BTreeSet;

use super::over::took_over;
use crate::event::Event;
use crate::journal::{self, JournalError, Run};
use crate::plan::{Edit, Entry, Nature, Plan};
use crate::playbook::Playbook;
use crate::store::Store;

/// One change of a run of which a newer one knows nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub entry: usize,
    /// The parts of its place; none where it is an act, of which nothing can be read.
    pub parts: BTreeSet<String>,
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
                self.written.extend(writes(&plan));
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
        let has = |step: &str| {
            let newest = self.newest.as_ref();
            newest.is_some_and(|(_, knows)| knows.steps.contains(step))
        };
        Ok(left(&plan, home, speaks, has))
    }
}

/// What the plan of a run has to do with.
#[derive(Default)]
struct Knows {
    /// What it writes, and what it would where that did not hold the value already.
    whats: BTreeSet<String>,
    /// The steps of its playbook.
    steps: BTreeSet<String>,
}

impl Knows {
    fn of(plan: &Plan) -> Knows {
        let mut steps: BTreeSet<String> = (plan.entries.iter())
            .map(|entry| entry.step.clone())
            .collect();
        // What holds its value already has no entry.
        if let Ok(book) = Playbook::of_plan(plan) {
            steps.extend(book.steps().iter().map(|step| step.id.clone()));
        }
        Knows {
            whats: (writes(plan).into_iter())
                .chain(plan.locks.iter().cloned())
                .collect(),
            steps,
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
fn writes(plan: &Plan) -> BTreeSet<String> {
    let locks = locks_of(plan);
    let edits = plan.edits();
    edits
        .flat_map(|(_, edit)| parts_of(edit).map(|part| what_of(plan, &locks, edit, part)))
        .collect()
}

fn locks_of(plan: &Plan) -> BTreeSet<&str> {
    plan.locks.iter().map(String::as_str).collect()
}

fn parts_of(edit: &Edit) -> impl Iterator<Item = &String> {
    let parts: BTreeSet<&String> = edit.before.0.keys().chain(edit.after.0.keys()).collect();
    parts.into_iter()
}

/// A part of a place in words that are the same in each run. What a plan locks has one name whichever step writes it; all
/// else is told by its playbook and its step.
fn what_of(plan: &Plan, locks: &BTreeSet<&str>, edit: &Edit, part: &str) -> String {
    match locks.contains(part) {
        true => part.to_owned(),
        false => format!("{} {} {part}", plan.playbook, edit.place),
    }
}

/// What of the changes of a plan nobody newer speaks for. `home`: the newest left the side that this plan led to.
fn left(
    plan: &Plan,
    home: bool,
    speaks: impl Fn(&str) -> bool,
    has_step: impl Fn(&str) -> bool,
) -> Vec<Left> {
    let locks = locks_of(plan);
    let parts = |entry: &Entry| match &entry.nature {
        _ if !(home || entry.temporary) => None,
        Nature::Change(edit) => {
            let open = |part: &&String| {
                let known = speaks(&what_of(plan, &locks, edit, part));
                // What a step leaves where it holds its value already, it wants so; but not what is to be put back.
                let wanted =
                    !entry.temporary && !locks.contains(part.as_str()) && has_step(&entry.step);
                !known && !wanted
            };
            let open: BTreeSet<String> = parts_of(edit).filter(open).cloned().collect();
            (!open.is_empty()).then_some(open)
        }
        Nature::Act(act) => (act.undo.is_some() && !has_step(&entry.step)).then(BTreeSet::new),
        Nature::Check | Nature::Ask { .. } | Nature::Wait { .. } => None,
    };
    (plan.entries.iter().enumerate())
        .filter_map(|(entry, of)| {
            Some(Left {
                entry,
                parts: parts(of)?,
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
        let written: BTreeSet<String> = newer.iter().flat_map(writes).collect();
        let home = newer[0].direction.target == plan.direction.source;
        let speaks = |what: &str| written.contains(what) || knows.whats.contains(what);
        let left = left(plan, home, speaks, |step| knows.steps.contains(step));
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
}
