//! Which run of a playbook speaks for the others: the one that wrote last, ended well and stayed.

use super::common::Desk;
use super::stuck::lands;
use super::whose::{Same, Whose};
use crate::clock::Stamp;
use crate::event::{Event, Record};
use crate::journal::{self, Run};
use crate::plan::{Edit, Nature, Plan, Value};
use crate::report::Tally;
use crate::store::Store;
use std::time::Duration;

/// Whether a run answers for all that was left of its playbook before it: it began from what was there, ended well, and
/// stayed. One that came back, was held, or came to no end left it as it was.
pub(super) fn took_over(run: &Run) -> bool {
    run.summary.as_ref().is_some_and(|summary| summary.wrote) && run.stayed()
}

/// The newest record of a run, from where it did anything.
fn last(run: &Run) -> Option<&Stamp> {
    run.summary.as_ref().map(|summary| &summary.last)
}

/// Whether a run has done something after the end of another one, whenever it began.
fn is_later(run: &Run, than: &Run) -> bool {
    let both = last(run).zip(last(than));
    both.is_some_and(|(run, than)| run.since(than) > Duration::ZERO)
}

/// The runs that took over, each with its playbook.
pub(super) struct Takers(Vec<(Run, Whose)>);

impl Takers {
    pub(super) async fn of(store: &dyn Store, runs: &[Run]) -> Takers {
        let mut takers = Vec::new();
        for run in runs.iter().filter(|run| took_over(run)) {
            takers.push((run.clone(), Whose::run(store, run).await));
        }
        Takers(takers)
    }

    /// Those of the same playbook that did something after all that a run did, newest first. A run that is not surely
    /// of the same speaks for itself.
    pub(super) async fn over(&self, store: &dyn Store, run: &Run) -> Vec<&Run> {
        let mut over = Vec::new();
        for (taker, whose) in &self.0 {
            let later = taker.id != run.id && is_later(taker, run);
            if later && whose.is_of(store, run).await == Same::Yes {
                over.push(taker);
            }
        }
        over
    }

    /// The newest one of a playbook.
    pub(super) async fn newest(&self, store: &dyn Store, of: &Whose) -> Option<&Run> {
        for (taker, _) in &self.0 {
            if of.is_of(store, taker).await == Same::Yes {
                return Some(taker);
            }
        }
        None
    }
}

/// The run that went over what another one left, and stayed.
pub(super) async fn gone_over_by(
    store: &dyn Store,
    run: &Run,
) -> Result<Option<Run>, journal::JournalError> {
    let takers = Takers::of(store, &journal::runs(store).await?).await;
    Ok(takers.over(store, run).await.first().copied().cloned())
}

/// Whether a run that was gone over stands in nobody's way: its process is gone, and none of its writes can land any
/// more.
pub(super) fn is_nothing_left(desk: &Desk, run: &Run, records: &[Record]) -> bool {
    run.writer.is_none() && lands(desk, records).is_none()
}

/// What a run left standing, as its journal tells, that none of those which went over it holds in its plan: its temporary
/// changes, and, where one of them led home, the record sets that were not in its playbook any more.
pub(super) async fn forgotten(
    store: &dyn Store,
    tally: &Tally,
    over: &[&Run],
) -> Vec<(usize, Edit)> {
    let Some(plan) = tally.plan() else {
        return Vec::new();
    };
    let mut takers = Vec::new();
    for taker in over {
        if let Ok(Some(first)) = journal::first(store, &taker.id).await
            && let Event::Started { plan, .. } = first.event
        {
            takers.push(*plan);
        }
    }
    let standing = tally.standing_entries().into_iter();
    standing
        .filter_map(|entry| Some((entry, left_by(&takers, plan, entry)?)))
        .collect()
}

/// What of the change of an entry these plans have nothing to do with; `None` where that is nothing, or they left it on
/// purpose.
fn left_by(takers: &[Plan], plan: &Plan, entry: usize) -> Option<Edit> {
    let of = &plan.entries[entry];
    let Nature::Change(edit) = &of.nature else {
        return None;
    };
    let led_home = (takers.iter()).any(|by| by.direction.target == plan.direction.source);
    if !(of.temporary || led_home && of.kind == "dns") {
        return None;
    }
    let edits = takers.iter().flat_map(Plan::edits);
    let theirs: Vec<&Edit> = edits.map(|(_, other)| other).collect();
    let is_held = |key: &String| {
        let holds = |other: &&Edit| {
            let has = |value: &Value| value.0.contains_key(key);
            other.place == edit.place && (has(&other.before) || has(&other.after))
        };
        theirs.iter().any(holds)
    };
    let ours = |value: &Value| value.taken(|(key, _)| !is_held(key));
    let left = Edit {
        place: edit.place.clone(),
        before: ours(&edit.before),
        after: ours(&edit.after),
    };
    (!left.before.is_empty() || !left.after.is_empty()).then_some(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Ending;
    use crate::journal::{Meta, Summary};
    use crate::plan::{Direction, Given, Mode};

    fn run(id: &str, last: u64, mode: Mode, ending: Option<Ending>) -> Run {
        Run {
            id: id.into(),
            meta: Meta {
                playbook: "site".into(),
                file: None,
                mode,
                direction: Direction {
                    source: "a".into(),
                    target: "b".into(),
                },
                by: "ops".into(),
                version: "0".into(),
                began: Stamp::at(0),
                given: Given::default(),
            },
            summary: Some(Summary {
                last: Stamp::at(last),
                wrote: true,
                ending,
                owed: Some(0),
                remains: false,
            }),
            records: 1,
            writer: None,
            row_damage: None,
        }
    }

    #[test]
    fn who_did_something_last_is_the_later_whoever_began_first() {
        let first = run("1", 10, Mode::Failover, None);
        let newer = run("2", 20, Mode::Emergency, Some(Ending::Done));
        assert!(is_later(&newer, &first) && !is_later(&first, &newer));
        // The first was gone on with after the newer had ended.
        let resumed = run("1", 30, Mode::Failover, None);
        assert!(is_later(&resumed, &newer) && !is_later(&newer, &resumed));
        assert!(!is_later(&newer, &newer));
    }

    #[test]
    fn only_who_ended_well_and_stayed_takes_over() {
        let of = |mode, ending| took_over(&run("1", 1, mode, ending));
        assert!(of(Mode::Failover, Some(Ending::Done)));
        assert!(of(Mode::Emergency, Some(Ending::DoneUnproven)));
        assert!(!of(Mode::Drill, Some(Ending::Done)));
        // It went there, and somebody said that it remains.
        let mut remains = run("1", 1, Mode::Drill, Some(Ending::DoneUnproven));
        remains.summary.as_mut().unwrap().remains = true;
        assert!(took_over(&remains));
        for ending in [
            Ending::Held,
            Ending::Undone,
            Ending::Stopped,
            Ending::Refused,
        ] {
            assert!(!of(Mode::Failover, Some(ending)));
        }
        assert!(!of(Mode::Failover, None));
    }

    #[test]
    fn what_no_newer_run_holds_is_left_by_it() {
        let mut plan = crate::fake::plan(Mode::Failover, "tc");
        let keys = |takers: &[Plan], plan: &Plan, entry| {
            let left = left_by(takers, plan, entry)?;
            Some(left.after.0.into_keys().collect::<Vec<_>>())
        };
        let both = || Some(vec!["one".to_owned(), "two".to_owned()]);
        // It holds the places that it writes; what is to stay is not left.
        assert_eq!(keys(std::slice::from_ref(&plan), &plan, 0), None);
        let mut other = plan.clone();
        other.entries.remove(0);
        let others = [other];
        assert_eq!(keys(&others, &plan, 0), both());
        assert_eq!(keys(&others, &plan, 1), None);
        // One that led home held one of two record sets.
        plan.entries[1].kind = "dns".into();
        let mut home = plan.clone();
        home.direction = Direction {
            source: plan.direction.target.clone(),
            target: plan.direction.source.clone(),
        };
        let Nature::Change(edit) = &mut home.entries[1].nature else {
            panic!("no change");
        };
        edit.before.0.remove("two");
        edit.after.0.remove("two");
        let homes = [home];
        assert_eq!(keys(&homes, &plan, 1), Some(vec!["two".to_owned()]));
        assert_eq!(keys(&others, &plan, 1), None, "it stays there");
    }
}
