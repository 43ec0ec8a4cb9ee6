//! What is known of the places of a run beyond its state, and what is owed for it.

use super::*;
use crate::event::Decision;

fn settled(side: Option<Side>) -> Event {
    Event::Settled {
        entry: 0,
        way: Way::There,
        side,
        detail: None,
        stored: Value::default(),
    }
}

fn compared(side: Side) -> Event {
    Event::Compared {
        entry: 0,
        way: Way::Back,
        side: Some(side),
        detail: None,
    }
}

fn judged(outcome: Outcome) -> Event {
    Event::Judged {
        round: Round::Verify,
        outcomes: vec![(0, outcome)],
    }
}

fn decided(decision: Decision, parts: bool) -> Event {
    let by = String::new();
    Event::Decided {
        decision,
        by,
        parts,
    }
}

#[test]
fn a_place_is_foreign_until_it_is_seen_to_hold_what_it_should() {
    let plan = fake::plan(Mode::Emergency, "c");
    let state = State::new(&plan);
    let after = |events: &[Event]| {
        let mut places = Places::default();
        for event in events {
            places.take_in(&state, event);
        }
        (places.foreign.contains(&0), places.is_torn(0))
    };
    let foreign = || compared(Side::Foreign);
    assert_eq!(after(&[foreign()]), (true, false));
    assert_eq!(after(&[foreign(), compared(Side::After)]), (false, false));
    assert_eq!(after(&[foreign(), judged(Outcome::Pass)]), (false, false));
    for bad in [Outcome::Fail, Outcome::Late, Outcome::Unknown] {
        assert_eq!(after(&[foreign(), judged(bad)]), (true, false), "{bad}");
    }
    // What a write of which nobody knows how it ended may have left so.
    let [_, intended] = begun(0);
    let torn = [intended.clone(), settled(Some(Side::Foreign))];
    assert_eq!(after(&torn), (true, true));
    assert_eq!(after(&[intended, settled(None)]), (false, false));
    let [first, second] = torn;
    assert_eq!(
        after(&[first, second, judged(Outcome::Pass)]),
        (false, false)
    );
}

/// Of a place that is shared with somebody else what is ours is looked at, which says nothing of theirs.
#[test]
fn what_somebody_else_wrote_in_a_shared_place_stays_theirs() {
    let plan = fake::plan(Mode::Emergency, "c");
    let (mut state, mut places) = (State::new(&plan), Places::default());
    let why = String::new();
    let (entry, way) = (0, Way::There);
    let answer = Answer::Unclear { why };
    let answered = Event::Answered { entry, way, answer };
    let events = begun(0).into_iter().chain([
        answered,
        settled(Some(Side::Foreign)),
        decided(Decision::Back, true),
    ]);
    for event in events {
        places.take_in(&state, &event);
        state.fold(&plan, &event).unwrap();
    }
    assert_eq!(state.mark(0), Mark::Shared);
    places.take_in(&state, &compared(Side::After));
    assert!(places.foreign.contains(&0));
}

/// What no step moves is for whoever stays there, and for nobody who came back.
#[test]
fn what_does_not_move_is_owed_only_where_the_run_stays() {
    let owes = |mode| {
        let mut plan = fake::plan(mode, "k");
        plan.behind.push(crate::plan::Stay {
            what: "_sip.site.example. SRV".into(),
            why: "it leads to `old`".into(),
        });
        let state = State::new(&plan);
        keys(&plan, &state, Ending::Done, &[None])
    };
    assert_eq!(owes(Mode::Failover), ["move _sip.site.example. SRV"]);
    assert!(owes(Mode::Drill).is_empty());
}

/// A run that was put back, and of which somebody accepted that a check does not see it so.
#[test]
fn what_was_accepted_after_an_undo_is_owed_until_it_is_seen() {
    let plan = fake::plan(Mode::Failover, "ck");
    let mut state = State::new(&plan);
    let mut happens = |event: Event| state.fold(&plan, &event).unwrap();
    let judged = |round, outcomes| Event::Judged { round, outcomes };
    for event in written(Way::There) {
        happens(event);
    }
    happens(judged(Round::There, vec![(1, Outcome::Fail)]));
    for event in written(Way::Back) {
        happens(event);
    }
    let late = |outcome| vec![(0, Outcome::Pass), (1, outcome)];
    happens(judged(Round::Verify, late(Outcome::Late)));
    happens(decided(Decision::On, true));
    // What was accepted is told, and stops nobody.
    happens(judged(Round::Verify, late(Outcome::Warn)));
    assert!(state.left_something() && !state.stands());
    let found = |outcome| Some((Round::Verify, Finding::new(outcome, "3% come back")));
    let told = |ending, outcome| keys(&plan, &state, ending, &[None, found(outcome)]);
    assert_eq!(told(Ending::Held, Outcome::Late), ["see back k1"]);
    assert!(told(Ending::Held, Outcome::Pass).is_empty());
    assert!(told(Ending::Stopped, Outcome::Late).is_empty());
    // Nothing was accepted of a run that only stands still.
    let (other, still) = stands("ck");
    let all = [None, found(Outcome::Late)];
    assert!(keys(&other, &still, Ending::Held, &all).is_empty());
    // What a person moves has a word of its own.
    let mut by_hand = plan.clone();
    by_hand.entries[1].by_hand = true;
    assert!(keys(&by_hand, &state, Ending::Held, &all).is_empty());
}
