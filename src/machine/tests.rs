//! What the machine refuses, how small its state is, and how it walks through a dry run.
//!
//! All that can happen to it is explored by `simulate`.

use super::*;
use crate::event::{Ending, Event, Round};
use crate::fake::plan;
use crate::plan::{Mode, Outcome, Side, Value, Way};

#[test]
fn a_state_of_200_steps_is_under_one_kilobyte() {
    let plan = plan(Mode::Drill, &"kc".repeat(100));
    let state = State::new(&plan);
    assert!(size_of::<State>() + state.marks.len() * size_of::<Mark>() < 1024);
}

#[test]
fn an_event_that_cannot_have_happened_is_refused() {
    let plan = plan(Mode::Failover, "kc");
    let mut state = State::new(&plan);
    let settled = Event::Settled {
        entry: 1,
        way: Way::There,
        side: Some(Side::After),
        detail: None,
        stored: Value::default(),
    };
    assert!(state.fold(&plan, &settled).is_err());
    let short = Event::Judged {
        round: Round::There,
        outcomes: Vec::new(),
    };
    assert!(state.fold(&plan, &short).is_err());
}

#[test]
fn the_dry_run_walks_to_the_end_without_a_write() {
    let plan = plan(Mode::Plan, "kcck");
    let mut state = State::new(&plan);
    let mut moves = Vec::new();
    loop {
        let mv = next(&plan, &state);
        let event = match &mv {
            Move::Look { round, entries } => Event::Judged {
                round: *round,
                outcomes: entries.iter().map(|i| (*i, Outcome::Pass)).collect(),
            },
            Move::Compare { entry, way } => Event::Compared {
                entry: *entry,
                way: *way,
                side: Some(Side::Before),
                detail: None,
            },
            Move::Write { entry, .. } => Event::WouldChange { entry: *entry },
            Move::End { ending } => Event::Ended { ending: *ending },
            Move::Rest => break,
            other => panic!("{other:?}"),
        };
        state.fold(&plan, &event).unwrap();
        moves.push(mv);
    }
    assert!(!state.wrote());
    assert_eq!(state.ended(), Some(Ending::Done));
    assert_eq!(moves.len(), 7);
}
