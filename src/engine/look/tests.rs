use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::json;

use super::*;
use crate::clock::{Clock, Stamp};
use crate::engine::stop::StopSwitch;
use crate::engine::world::NoMemory;
use crate::fake::{FakeWorld, plan};

const SITES: [&str; 2] = ["old", "new"];

#[test]
fn a_check_wants_the_side_of_its_round_and_knows_whether_the_names_lead_there() {
    let (to_new, to_old) = ("new", "old");
    let cases = [
        (Round::There, to_new, [false, false, true]),
        (Round::Return, to_old, [false, false, true]),
        (Round::Probe, to_old, [false, false, false]),
        (Round::Verify, to_old, [true, true, true]),
    ];
    for mode in [Mode::Drill, Mode::Failover, Mode::Emergency, Mode::Plan] {
        let plan = plan(mode, "kck");
        for (round, active, moved) in cases {
            for (entry, moved) in moved.into_iter().enumerate() {
                let aim = aim(&plan, round, entry);
                assert_eq!(aim.active, active, "{mode} {round:?}");
                assert_ne!(aim.idle, active, "{mode} {round:?}");
                // In a dry run nothing moves.
                let moved = moved && (mode != Mode::Plan || round == Round::Verify);
                assert_eq!(aim.moved, moved, "{mode} {round:?} {entry}");
            }
        }
    }
    assert!(!aim(&plan(Mode::Check, "kk"), Round::There, 1).moved);
}

#[test]
fn a_check_is_told_what_the_run_moves_and_what_it_found_moved() {
    let mut plan = plan(Mode::Failover, "ckck");
    let own: Vec<String> = (plan.entries.iter())
        .filter_map(|entry| match &entry.nature {
            Nature::Change(edit) => Some(edit.before.0.keys().cloned()),
            _ => None,
        })
        .flatten()
        .collect();
    let already = "www.example.org. A".to_owned();
    plan.locks = vec![format!("playbook {}", plan.playbook), already.clone()];
    plan.locks.extend(own.iter().cloned());
    let moves = moving(&plan, &plan.entries[1]);
    assert_eq!(moves.target, "new");
    assert!(!moves.changed.is_empty() && moves.changed.len() < 2 * own.len());
    assert!(moves.changed.iter().all(|part| own.contains(part)));
    // What a later change moves was not so already.
    assert_eq!(moves.already, [&already]);
}

/// Remembers one sight of everything.
pub(super) struct Remembers(Stamp);

impl Memory for Remembers {
    fn recall<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Option<(Json, Stamp)>> {
        Box::pin(async { Some((json!(Outcome::Pass), self.0.clone())) })
    }

    fn keep<'a>(&'a self, _: &'a str, _: &'a Json, _: &'a Stamp) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}

fn clock() -> Clock {
    Clock::following_tokio("2026-11-22T03:05:00Z".parse().unwrap())
}

/// What `ask` finds out of somebody who looks for this plan, with this baseline.
pub(super) async fn looking<T>(
    plan: &Plan,
    baseline: &[Sight],
    ask: impl AsyncFnOnce(&Looker<'_, FakeWorld, Remembers>, &FakeWorld) -> T,
) -> T {
    let world = FakeWorld::new(plan, clock());
    let memory = Remembers(world.clock().now());
    let (_switch, stop) = StopSwitch::new();
    let pulses = Pulses::none();
    let looker = Looker {
        plan,
        world: &world,
        memory: &memory,
        stop: &stop,
        pulses: &pulses,
        baseline,
        once: true,
        decided: watch::Sender::new(false),
        before: Mutex::default(),
        theirs: Default::default(),
    };
    ask(&looker, &world).await
}

/// Nobody waits for the dead, and only of the dead nobody asks more than what they showed before.
#[tokio::test(start_paused = true)]
async fn only_of_the_side_that_an_emergency_leaves_memory_answers() {
    let sites = SITES.map(|site| About::Site(site.to_owned()));
    let cases = [
        (Mode::Emergency, false, [true, false]),
        (Mode::Failover, true, [false, false]),
        (Mode::Drill, true, [false, false]),
        (Mode::Check, true, [false, false]),
        (Mode::Plan, true, [false, false]),
        // The dry run of an emergency.
        (Mode::Check, false, [true, false]),
        (Mode::Plan, false, [true, false]),
    ];
    for (mode, goes_back, recalls) in cases {
        let mut plan = plan(mode, "k");
        plan.goes_back = goes_back;
        let entry = plan.entries[0].clone();
        let mut hasty = entry.clone();
        hasty.pace.timeout = Duration::from_secs(2);
        looking(&plan, &[], async |looker, _| {
            for (about, recalls) in sites.iter().zip(recalls) {
                assert_eq!(looker.may_recall(about), recalls, "{mode} {goes_back}");
                let longest = if recalls { 5 } else { 10 };
                assert_eq!(looker.timeout(&entry, about).as_secs(), longest, "{mode}");
                assert_eq!(looker.timeout(&hasty, about).as_secs(), 2, "{mode}");
            }
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_seen_in_an_emergency_is_told_as_it_was() {
    for (mode, outcome) in [
        (Mode::Emergency, Outcome::Warn),
        (Mode::Failover, Outcome::Unknown),
    ] {
        let plan = plan(mode, "k");
        let found = looking(&plan, &[], async |looker, world| {
            world.script("k0", [Err(Cause::Unreachable)]);
            // It is the old side that is asked about.
            let aim = aim(&plan, Round::There, 0);
            looker.once(&plan.entries[0], &aim, &Pulses::none()).await
        })
        .await;
        assert_eq!(found.outcome, outcome, "{mode}: {found:?}");
    }
}

/// What this machine has no way to says nothing of the far side; nobody is held up for it who must go.
#[tokio::test(start_paused = true)]
async fn what_this_machine_has_no_route_to_is_told_and_stops_no_emergency() {
    for (mode, goes_back, cause, outcome) in [
        (Mode::Emergency, false, Cause::NoRoute, Outcome::Warn),
        (Mode::Plan, false, Cause::NoRoute, Outcome::Warn),
        (Mode::Failover, true, Cause::NoRoute, Outcome::Unknown),
        (Mode::Drill, true, Cause::NoRoute, Outcome::Unknown),
        (Mode::Emergency, false, Cause::TimedOut, Outcome::Unknown),
    ] {
        let mut plan = plan(mode, "k");
        plan.goes_back = goes_back;
        let world = FakeWorld::new(&plan, clock());
        world.script("k0", [Err(cause), Err(cause)]);
        let (_switch, stop) = StopSwitch::new();
        let pulses = Pulses::none();
        let looker = Looker {
            plan: &plan,
            world: &world,
            memory: &NoMemory,
            stop: &stop,
            pulses: &pulses,
            baseline: &[],
            once: true,
            decided: watch::Sender::new(false),
            before: Mutex::default(),
            theirs: Default::default(),
        };
        let there = Aim::there(&plan.direction, false);
        let found = looker.once(&plan.entries[0], &there, &pulses).await;
        // That it is as it was before is not said of what nobody saw.
        let back = Aim::back(&plan.direction, true);
        let verified = looker.once(&plan.entries[0], &back, &pulses).await;
        assert_eq!(verified.outcome, Outcome::Unknown, "{mode} {cause:?}");
        assert_eq!(found.outcome, outcome, "{mode} {cause:?}: {found:?}");
        let told = found.headline.ends_with("has no route to is not proven");
        assert_eq!(told, outcome == Outcome::Warn, "{mode}: {found:?}");
        assert_eq!(found.has_unknowns(), told, "{mode}: {found:?}");
    }
}

fn steps(sights: &[Sight]) -> Vec<&str> {
    let mut steps: Vec<&str> = sights.iter().map(|sight| &*sight.step).collect();
    steps.sort_unstable();
    steps
}

/// What is looked at twice before the change is looked at once.
#[tokio::test(start_paused = true)]
async fn the_baseline_is_taken_of_what_needs_one_and_is_not_foreseen_now() {
    let mut plan = plan(Mode::Failover, "kkbbc");
    // The first two look before the change at what the third looks at after it; one of them foresees.
    for entry in &mut plan.entries[..2] {
        entry.step = "b2".into();
    }
    plan.entries[0].foresees = true;
    let there = aim(&plan, Round::There, 0);
    let cases: [(&[usize], &[&str]); 5] = [
        (&[], &["b2", "b3"]),
        (&[0], &["b3"]),
        (&[1], &["b2", "b3"]),
        (&[1, 0], &["b3"]),
        (&[3], &["b2", "b3"]),
    ];
    for (batch, wanted) in cases {
        let sights = looking(&plan, &[], async |looker, _| {
            looker.take_baseline(&there, batch).await
        })
        .await;
        assert_eq!(steps(&sights), wanted, "{batch:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_is_given_the_baseline_of_its_own_step_as_far_as_it_was_seen() {
    let plan = plan(Mode::Failover, "bb");
    let sight = |step: &str, key: &str, seen: bool| Sight {
        key: key.into(),
        step: step.into(),
        seen: match seen {
            true => Ok(json!(key)),
            false => Err(Unseen::new(Cause::TimedOut, "silent")),
        },
    };
    let baseline = [
        sight("b0", "one", true),
        sight("b0", "two", false),
        sight("b1", "three", true),
    ];
    let keys = async |entry: usize| {
        looking(&plan, &baseline, async |looker, _| {
            looker.baseline_of(&plan.entries[entry])
        })
        .await
    };
    assert_eq!(keys(0).await, [("one".to_owned(), json!("one"))]);
    assert_eq!(keys(1).await, [("three".to_owned(), json!("three"))]);
}

/// Whoever looks on tells which check a note is about.
#[tokio::test(start_paused = true)]
async fn a_note_carries_the_check_that_it_is_about() {
    let plan = plan(Mode::Failover, "kk");
    let told = Arc::new(Mutex::new(Vec::new()));
    let world = FakeWorld::new(&plan, clock());
    world.script("k1", [Ok(Outcome::Late)]);
    let memory = Remembers(world.clock().now());
    let (_switch, stop) = StopSwitch::new();
    let heard = Arc::clone(&told);
    let pulses = Pulses::new(move |pulse| {
        heard.lock().unwrap().push((pulse.entry, pulse.note));
    });
    let looker = Looker {
        plan: &plan,
        world: &world,
        memory: &memory,
        stop: &stop,
        pulses: &pulses,
        baseline: &[],
        once: false,
        decided: watch::Sender::new(false),
        before: Mutex::default(),
        theirs: Default::default(),
    };
    let wanted = Wanted::Aim(aim(&plan, Round::There, 1));
    let found = looker.until_clear(1, &wanted).await.unwrap();
    assert_eq!(found.outcome, Outcome::Pass);
    let row = (1..5).map(|good| format!("k1 is pass: {good} of 5 looks in a row"));
    let notes = ["k1 is late".to_owned()].into_iter().chain(row);
    let notes: Vec<_> = notes.map(|note| (Some(1), note)).collect();
    assert_eq!(*told.lock().unwrap(), notes);
}

#[test]
fn where_no_name_moves_the_way_back_leads_to_the_side_that_was_active() {
    let mut plan = plan(Mode::Failover, "kck");
    let active = |plan: &Plan, round| {
        let aim = aim(plan, round, 2);
        (aim.active, aim.moved)
    };
    let back = [Round::Return, Round::Probe, Round::Verify];
    assert!(back.iter().all(|round| active(&plan, *round).0 == "old"));
    assert_eq!(active(&plan, Round::There), ("new".to_owned(), true));
    plan.led_there = true;
    assert!((back.iter()).all(|round| active(&plan, *round) == ("new".to_owned(), true)));
    assert_eq!(plan.home(), "new");
}
