use std::sync::{Arc, Mutex};

use super::*;
use crate::clock::Clock;
use crate::engine::stop::StopSwitch;
use crate::engine::{NoMemory, Nobody};
use crate::event::{Answer, Finding, Round};
use crate::fake::FakeWorld;
use crate::journal::Dry;
use crate::plan::{Mode, Outcome, Plan, Side, Then, Way};
use crate::report::fixture::{self, Story};
use crate::step::Pulses;

/// The whole record but for its last `n` facts.
fn but(mut records: Vec<Record>, n: usize) -> Vec<Record> {
    records.truncate(records.len() - n);
    records
}

/// A run that stands still behind its write.
fn held() -> Vec<Record> {
    but(fixture::held(), 1)
}

fn before_any_write() -> Vec<Record> {
    let mut story = Story::of(fixture::plan(Mode::Failover));
    story.baseline().ready(Round::There);
    story.records
}

/// A write of which this was seen.
fn written(answer: Answer, side: Side) -> Story {
    let mut plan = fixture::plan(Mode::Failover);
    plan.entries[fixture::FLIP].rule.fail = Then::Note;
    let mut story = Story::of(plan);
    story
        .baseline()
        .ready(Round::There)
        .write(Way::There, answer)
        .settle(Way::There, Some(side));
    story
}

/// Somebody else wrote there, and a person let it be.
fn left_to_others() -> Vec<Record> {
    let why = String::new();
    let mut story = written(Answer::Unclear { why }, Side::Foreign);
    story.says(decided(Decision::On, "anna@ops2".into()));
    story.records
}

fn state_of(records: &[Record]) -> State {
    folded(records).unwrap()
}

#[test]
fn how_a_run_can_go_on_is_told_from_its_journal() {
    let held = held();
    for how in [GoOn::Finish, GoOn::Accept, GoOn::Back, GoOn::BackAnyway] {
        assert!(may_go_on(&held, how).is_ok(), "{how:?}");
    }
    assert!(matches!(
        may_go_on(&held, GoOn::Stay),
        Err(RunError::CannotRemain)
    ));
    // A drill in its hold can remain; one that came back cannot.
    let drill = fixture::happy_drill();
    let hold = (drill.iter()).position(|record| matches!(record.event, Event::HoldOver { .. }));
    assert!(may_go_on(&drill[..hold.unwrap()], GoOn::Stay).is_ok());
    assert!(matches!(
        may_go_on(&drill, GoOn::Stay),
        Err(RunError::CannotRemain)
    ));
    assert!(matches!(
        may_go_on(&fixture::undone(), GoOn::Back),
        Err(RunError::NothingStands)
    ));
    assert!(matches!(
        may_go_on(&[], GoOn::Finish),
        Err(RunError::NoPlan)
    ));
}

#[test]
fn what_a_run_is_held_for_and_whether_it_may_turn_back_are_told_from_its_journal() {
    assert_eq!(held_for(&held()), Some(Hold::Late));
    assert_eq!(held_for(&fixture::happy_drill()), None);
    assert_eq!(held_for(&[]), None);
    assert!(may_turn_back(&held()));
    assert!(!may_turn_back(&before_any_write()), "nothing stands");
    assert!(!may_turn_back(&[]));
    // It stands, and goes back already.
    let undone = fixture::undone();
    let probed = (undone.iter()).position(|record| {
        matches!(
            record.event,
            Event::Judged {
                round: Round::Probe,
                ..
            }
        )
    });
    let undoing = &undone[..=probed.unwrap()];
    assert!(state_of(undoing).stands() && !may_turn_back(undoing));
}

#[test]
fn whether_it_is_put_back_depends_on_what_stands_and_on_what_was_seen() {
    let back = |records: &[Record]| goes_back(&state_of(records), GoOn::Back);
    assert!(matches!(back(&held()), Ok(true)));
    for how in [GoOn::Finish, GoOn::Accept, GoOn::Stay] {
        assert!(matches!(goes_back(&state_of(&held()), how), Ok(false)));
    }
    let left = left_to_others();
    let state = state_of(&left);
    assert!(state.left_something() && !state.stands());
    assert!(matches!(back(&left), Err(RunError::LeftToOthers)));
    // An undo that was cut off at its last looks is finished, not begun again.
    let verifying = but(fixture::undone(), 2);
    assert_eq!(state_of(&verifying).phase(), Phase::Verify);
    assert!(matches!(back(&verifying), Ok(false)));
    // It wrote, nothing of it stands, and nobody saw that all is as before.
    let why = String::new();
    let refused = written(Answer::Refused { why }, Side::Before).records;
    let state = state_of(&refused);
    assert!(state.wrote() && !state.stands());
    assert!(matches!(back(&refused), Ok(true)));
    assert!(matches!(
        back(&before_any_write()),
        Err(RunError::NothingStands)
    ));
    assert!(matches!(
        back(&fixture::undone()),
        Err(RunError::NothingStands)
    ));
}

/// How a run of these records goes on, and what is recorded of it.
async fn goes_on(
    plan: &Plan,
    records: &[Record],
    how: GoOn,
) -> (Result<Ending, RunError>, Vec<Event>) {
    let clock = Clock::following_tokio("2026-11-22T04:05:00Z".parse().unwrap());
    let world = FakeWorld::new(plan, clock.clone());
    let told = Arc::new(Mutex::new(Vec::new()));
    let keeps = Arc::clone(&told);
    let mut journal = Dry::shown(
        clock,
        Arc::new(move |record: &Record| keeps.lock().unwrap().push(record.event.clone())),
    );
    let (_switch, stop) = StopSwitch::new();
    let outfit = Outfit {
        world: &world,
        memory: &NoMemory,
        people: &Nobody,
        stop,
        pulses: Pulses::none(),
        by: "test".into(),
    };
    let ending = resume(records, &mut journal, outfit, how).await;
    let told = told.lock().unwrap().clone();
    (ending, told)
}

/// A drill of `ck` that has come to its hold.
fn in_its_hold() -> (Plan, Vec<Record>) {
    let plan = crate::fake::plan(Mode::Drill, "ck");
    let mut story = Story::of(plan.clone());
    let (entry, way) = (0, Way::There);
    let edit = crate::fake::edit_of("c0");
    let note = String::new();
    let events = [
        Event::Compared {
            entry,
            way,
            side: Some(Side::Before),
            detail: None,
        },
        Event::Intended {
            entry,
            way,
            from: edit.before.clone(),
            to: edit.after.clone(),
            until: crate::clock::Stamp::at(5),
        },
        Event::Answered {
            entry,
            way,
            answer: Answer::Done { note },
        },
        Event::Settled {
            entry,
            way,
            side: Some(Side::After),
            detail: None,
            stored: crate::plan::Value::default(),
        },
    ];
    for event in events {
        story.says(event);
    }
    let good = Finding::new(Outcome::Pass, "1 of 1");
    story.batch(Round::There, vec![(1, good)]);
    (plan, story.records)
}

#[tokio::test(start_paused = true)]
async fn whoever_says_that_a_drill_stays_is_on_the_record() {
    let (plan, records) = in_its_hold();
    let (_, told) = goes_on(&plan, &records, GoOn::Stay).await;
    let stays = |event: &Event| {
        matches!(
            event,
            Event::Decided {
                decision: Decision::Stay,
                ..
            }
        )
    };
    assert_eq!(
        told.iter().filter(|event| stays(event)).count(),
        1,
        "{told:?}"
    );
    let (_, told) = goes_on(&plan, &records, GoOn::Finish).await;
    assert!(!told.iter().any(stays));
}

/// Of a run that ended well nothing is recorded that did not happen.
#[tokio::test(start_paused = true)]
async fn a_run_that_ended_well_is_not_gone_on_with() {
    let drill = fixture::happy_drill();
    let Event::Started { plan, .. } = &drill[0].event else {
        panic!("a run begins with its plan");
    };
    for how in [GoOn::Finish, GoOn::Accept, GoOn::Stay] {
        let (ending, told) = goes_on(plan, &drill, how).await;
        assert!(matches!(ending, Ok(Ending::Done)), "{how:?}: {ending:?}");
        assert_eq!(told, [], "{how:?}");
    }
}
