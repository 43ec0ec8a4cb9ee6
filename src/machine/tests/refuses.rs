//! In every state that a small plan can come to: which events are taken, and which are refused.

use std::collections::HashSet;

use super::life::{done, refused, unclear};
use crate::clock::Stamp;
use crate::event::{Decision, Event, Round};
use crate::fake::plan;
use crate::machine::{Move, Phase, Stage, State, next};
use crate::plan::{Mode, Outcome, Plan, Side, Value, Way};

const WAYS: [Way; 2] = [Way::There, Way::Back];
const ROUNDS: [Round; 4] = [Round::There, Round::Return, Round::Probe, Round::Verify];

fn intended(entry: usize, way: Way) -> Event {
    Event::Intended {
        entry,
        way,
        from: Value::default(),
        to: Value::default(),
        until: Stamp::at(0),
    }
}

fn compared(entry: usize, way: Way, side: Option<Side>) -> Event {
    Event::Compared {
        entry,
        way,
        side,
        detail: None,
    }
}

fn settled(entry: usize, way: Way, side: Option<Side>) -> Event {
    Event::Settled {
        entry,
        way,
        side,
        detail: None,
        stored: Value::default(),
    }
}

fn judged(round: Round, entries: &[usize], outcome: Outcome) -> Event {
    let outcomes = entries.iter().map(|i| (*i, outcome)).collect();
    Event::Judged { round, outcomes }
}

fn approved(entry: usize, yes: bool) -> Event {
    let by = String::new();
    Event::Approved { entry, yes, by }
}

fn resumed(anew: bool) -> Event {
    Event::Resumed {
        by: String::new(),
        version: String::new(),
        anew,
    }
}

fn decided(decision: Decision) -> Event {
    let by = String::new();
    Event::Decided {
        decision,
        by,
        parts: false,
    }
}

/// All that can follow, as the world, a person or a crash would have it.
fn answers(mv: &Move) -> Vec<Event> {
    let sides = [
        Some(Side::Before),
        Some(Side::After),
        Some(Side::Mixed),
        Some(Side::Foreign),
        None,
    ];
    match mv {
        Move::Look { round, entries } => [
            Outcome::Pass,
            Outcome::Late,
            Outcome::Fail,
            Outcome::Unknown,
        ]
        .map(|outcome| judged(*round, entries, outcome))
        .into(),
        Move::TakeBaseline => vec![Event::BaselineTaken { sights: Vec::new() }],
        Move::Compare { entry, way } => sides.map(|side| compared(*entry, *way, side)).into(),
        Move::Write { entry, way } => vec![intended(*entry, *way)],
        Move::Settle { entry, way } => {
            let (entry, way) = (*entry, *way);
            let mut all: Vec<Event> = sides.map(|side| settled(entry, way, side)).into();
            for answer in [done(), refused(), unclear()] {
                all.push(Event::Answered { entry, way, answer });
            }
            all
        }
        Move::Wait { entry } => vec![Event::Waited { entry: *entry }],
        Move::Approve { entry } => [true, false].map(|yes| approved(*entry, yes)).into(),
        Move::Stay => vec![
            Event::HoldOver { by: String::new() },
            decided(Decision::Back),
        ],
        Move::Decide { .. } => [
            Decision::On,
            Decision::Again,
            Decision::Back,
            Decision::Stop,
        ]
        .map(decided)
        .into(),
        Move::End { ending } => vec![Event::Ended { ending: *ending }, resumed(true)],
        Move::Rest => vec![resumed(true), resumed(false)],
    }
}

/// The states that a plan can come to.
pub(super) fn reached(plan: &Plan) -> HashSet<State> {
    let mut found = HashSet::from([State::new(plan)]);
    let mut open: Vec<State> = found.iter().cloned().collect();
    while let Some(state) = open.pop() {
        for event in answers(&next(plan, &state)) {
            let mut then = state.clone();
            if then.fold(plan, &event).is_ok() && !found.contains(&then) {
                found.insert(then.clone());
                open.push(then);
            }
        }
        assert!(found.len() < 200_000, "there is no end of it");
    }
    found
}

/// Whether nothing keeps the run from going on: no hold, no stop, and no end that is decided.
fn next_is_free(state: &State) -> bool {
    state.held().is_none() && state.closing().is_none() && !state.stopping()
}

/// Whether this state may have this event, where that is to be said without more.
fn may_have(plan: &Plan, state: &State, event: &Event) -> Option<bool> {
    let open = state.ended().is_none();
    let at = |entry: usize, way: Way, wanted: fn(Stage) -> bool| {
        let moving = state.motion();
        Some(
            open && moving
                .is_some_and(|m| usize::from(m.entry) == entry && m.way == way && wanted(m.stage)),
        )
    };
    let mv = next(plan, state);
    match event {
        Event::Compared { entry, way, .. } => at(*entry, *way, |s| s == Stage::Compare),
        Event::Intended { entry, way, .. } => at(*entry, *way, |s| s == Stage::Write),
        Event::WouldChange { entry } => at(*entry, Way::There, |s| s == Stage::Write),
        Event::Answered { entry, way, .. } => at(*entry, *way, |s| s == Stage::InFlight),
        Event::Settled { entry, way, .. } => at(*entry, *way, Stage::may_have_happened),
        Event::Waited { entry } => Some(mv == Move::Wait { entry: *entry }),
        Event::Approved { entry, .. } => Some(mv == Move::Approve { entry: *entry }),
        Event::HoldOver { .. } => Some(open && state.phase() == Phase::Stay),
        Event::BaselineTaken { .. } if !open => Some(false),
        Event::Decided { decision, .. } if *decision != Decision::Back => {
            Some(open && state.held().is_some())
        }
        Event::Judged { .. } if !open => Some(false),
        Event::Judged { round, outcomes } if state.motion().is_none() && next_is_free(state) => {
            let Move::Look { round: of, entries } = &mv else {
                return Some(false);
            };
            let told: Vec<usize> = outcomes.iter().map(|(i, _)| *i).collect();
            let checks = entries.iter().filter(|i| plan.entries[**i].is_check());
            // Version 0.1.0 looked at no place after an undo.
            let old = *round == Round::Verify
                && state.phase() == Phase::Verify
                && !told.is_empty()
                && told.iter().eq(checks);
            Some(round == of && (told == *entries || old))
        }
        _ => None,
    }
}

#[test]
fn an_event_is_taken_where_it_answers_what_is_being_done_and_nowhere_else() {
    for mode in [Mode::Drill, Mode::Failover] {
        for sketch in ["kck", "wtck", "k?ak", "kxk"] {
            let plan = plan(mode, sketch);
            let mut events = Vec::new();
            for entry in 0..=sketch.len() {
                for way in WAYS.into_iter().filter(|_| entry < sketch.len()) {
                    let side = Some(Side::After);
                    let answer = done();
                    events.push(compared(entry, way, side));
                    events.push(intended(entry, way));
                    events.push(settled(entry, way, side));
                    events.push(Event::Answered { entry, way, answer });
                }
                events.push(Event::WouldChange { entry });
                events.push(Event::Waited { entry });
                events.push(approved(entry, true));
            }
            for round in ROUNDS {
                events.push(judged(round, &[], Outcome::Pass));
                for first in 0..sketch.len() {
                    events.push(judged(round, &[first], Outcome::Pass));
                    for second in first + 1..sketch.len() {
                        events.push(judged(round, &[first, second], Outcome::Pass));
                    }
                }
            }
            events.push(Event::HoldOver { by: String::new() });
            events.push(Event::BaselineTaken { sights: Vec::new() });
            events.extend([Decision::On, Decision::Again, Decision::Stop].map(decided));
            for state in reached(&plan) {
                for event in &events {
                    if let Some(may) = may_have(&plan, &state, event) {
                        let had = state.clone().fold(&plan, event).is_ok();
                        assert_eq!(had, may, "{mode} {sketch}: {event:?} in {state:?}");
                    }
                }
            }
        }
    }
}

/// What was asked of a write that came to its end is never asked again, whatever happens to be said.
#[test]
fn an_end_is_the_end() {
    let plan = plan(Mode::Failover, "kck");
    for state in reached(&plan).into_iter().filter(|s| s.ended().is_some()) {
        assert_eq!(next(&plan, &state), Move::Rest);
        let mut then = state.clone();
        let stop = Event::StopAsked { by: String::new() };
        then.fold(&plan, &stop).unwrap();
        assert!(!then.stopping(), "{state:?}");
    }
}
