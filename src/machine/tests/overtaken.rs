//! What somebody else writes between the last look and a write, which compares for itself.

use super::life::{Life, done, refused, unclear};
use crate::event::{Answer, Decision, Ending, Event, Round};
use crate::machine::{Hold, Mark, Move, Phase};
use crate::plan::{Mode, Side, Value, Way};

const MODES: [Mode; 3] = [Mode::Drill, Mode::Failover, Mode::Emergency];

/// Also the very value that the run was to write, or a part of it.
const THEIRS: [Side; 3] = [Side::Foreign, Side::Mixed, Side::After];

#[test]
fn a_write_that_was_refused_for_it_touched_nothing() {
    for mode in MODES {
        for side in THEIRS {
            let mut life = Life::new(mode, "kck");
            life.writes(Some(refused()), side);
            assert_eq!(life.ends(), Ending::Stale, "{mode} {side:?}");
            assert!(!life.state.wrote() && life.state.never_stood(), "{mode}");
            assert!(!life.state.stands(), "{mode} {side:?}");
        }
    }
}

#[test]
fn what_was_taken_for_a_moment_is_no_more_and_that_the_place_is_not_as_before_is_seen() {
    let put_back = || Answer::PutBack { why: String::new() };
    for mode in MODES {
        for side in THEIRS {
            let mut life = Life::new(mode, "kck");
            life.writes(Some(put_back()), side);
            let (round, entries) = (Round::Verify, vec![1, 2]);
            assert_eq!(life.next(), Move::Look { round, entries }, "{mode}");
            assert!(life.state.wrote() && !life.state.never_stood(), "{mode}");
        }
    }
}

#[test]
fn behind_another_change_it_is_as_if_it_had_been_seen_in_the_look_before() {
    for mode in MODES {
        for side in THEIRS {
            let mut life = Life::new(mode, "kcck");
            life.writes(Some(done()), Side::After);
            life.writes(Some(refused()), side);
            match mode {
                Mode::Emergency => assert_eq!(life.state.held(), Some(Hold::Foreign)),
                _ => assert_eq!(life.state.phase(), Phase::Undo, "{mode}"),
            }
            // What he wrote is not led home.
            assert!(!life.state.mark(2).stands(), "{mode} {side:?}");
        }
    }
}

#[test]
fn whoever_asks_meanwhile_to_go_back_leaves_it() {
    for side in THEIRS {
        let mut life = Life::new(Mode::Failover, "kcck");
        life.writes(Some(done()), Side::After);
        life.until(|mv| matches!(mv, Move::Write { .. }));
        life.written(2, Way::There, Some(refused()));
        life.decides(Decision::Back);
        life.settled(side);
        assert_eq!(life.state.mark(2), Mark::Unmade, "{side:?}");
        assert_eq!(life.state.mark(1), Mark::Standing, "{side:?}");
        assert!(life.state.phase().undoes(), "{:?}", life.state.phase());
    }
}

/// A try that nobody saw the end of may have come through, and is why the next one is refused.
#[test]
fn what_may_be_of_a_try_before_is_ours() {
    for mode in MODES {
        let mut life = Life::new(mode, "kck");
        life.writes(Some(unclear()), Side::Before);
        life.writes(Some(refused()), Side::After);
        assert_eq!(life.state.mark(1), Mark::Standing, "{mode}");

        // Also where somebody has it looked at again, which lowers the number of tries.
        let mut life = Life::new(mode, "kck");
        life.writes(Some(unclear()), Side::Before);
        life.until(|mv| matches!(mv, Move::Write { .. }));
        life.written(1, Way::There, Some(refused()));
        life.happens(Event::Settled {
            entry: 1,
            way: Way::There,
            side: None,
            detail: None,
            stored: Value::default(),
        });
        assert_eq!(life.state.held(), Some(Hold::Unreadable), "{mode}");
        life.decides(Decision::Again);
        for side in THEIRS {
            assert!(!life.state.is_overtaken(1, Some(side)), "{mode} {side:?}");
        }
        life.settled(Side::Foreign);
        assert_eq!(life.state.held(), Some(Hold::Foreign), "{mode}");

        // Whoever said no and may have written all the same proves nothing.
        let mut life = Life::new(mode, "kck");
        let declined = Answer::Declined { why: String::new() };
        life.writes(Some(declined), Side::Foreign);
        assert_eq!(life.state.held(), Some(Hold::Foreign), "{mode}");
    }
}

#[test]
fn it_is_told_only_behind_a_first_write_that_was_refused() {
    let overtaken = |side| Event::Overtaken {
        entry: 1,
        side,
        detail: None,
    };
    let written = |answer: Option<Answer>| {
        let mut life = Life::new(Mode::Failover, "kck");
        life.until(|mv| matches!(mv, Move::Write { .. }));
        life.written(1, Way::There, answer);
        life
    };
    for answer in [None, Some(done()), Some(unclear())] {
        let mut life = written(answer);
        let plan = life.plan.clone();
        assert!(life.state.fold(&plan, &overtaken(Side::After)).is_err());
    }
    let mut life = written(Some(refused()));
    let plan = life.plan.clone();
    assert!(life.state.fold(&plan, &overtaken(Side::Before)).is_err());
    life.state.fold(&plan, &overtaken(Side::After)).unwrap();
}
