//! What somebody else writes between the last look and a write, which compares for itself.

use super::life::{Life, done, refused, unclear};
use crate::event::{Answer, Decision, Ending, Event, Round};
use crate::machine::{Doubt, Hold, Mark, Move, Phase};
use crate::plan::{Mode, Side, Way};

const MODES: [Mode; 3] = [Mode::Drill, Mode::Failover, Mode::Emergency];

/// Also the very value that the run was to write, or a part of it.
const THEIRS: [Side; 3] = [Side::Foreign, Side::Mixed, Side::After];

/// The very value that the run was to write, or a part of it.
const OURS_OR_THEIRS: [Side; 2] = [Side::Mixed, Side::After];

#[test]
fn a_write_that_was_refused_for_it_touched_nothing() {
    for mode in MODES {
        let mut life = Life::new(mode, "kck");
        life.writes(Some(refused()), Side::Foreign);
        assert_eq!(life.ends(), Ending::Stale, "{mode}");
        assert!(!life.state.wrote() && life.state.never_stood(), "{mode}");
        assert!(!life.state.stands(), "{mode}");
    }
}

#[test]
fn what_was_taken_for_a_moment_is_no_more_and_that_the_place_is_not_as_before_is_seen() {
    let put_back = || Answer::PutBack { why: String::new() };
    for mode in MODES {
        let mut life = Life::new(mode, "kck");
        life.writes(Some(put_back()), Side::Foreign);
        let (round, entries) = (Round::Verify, vec![1, 2]);
        assert_eq!(life.next(), Move::Look { round, entries }, "{mode}");
        assert!(life.state.wrote() && !life.state.never_stood(), "{mode}");
    }
}

#[test]
fn behind_another_change_it_is_as_if_it_had_been_seen_in_the_look_before() {
    for mode in MODES {
        let mut life = Life::new(mode, "kcck");
        life.writes(Some(done()), Side::After);
        life.writes(Some(refused()), Side::Foreign);
        match mode {
            Mode::Emergency => assert_eq!(life.state.held(), Some(Hold::Foreign)),
            _ => assert_eq!(life.state.phase(), Phase::Undo, "{mode}"),
        }
        assert!(!life.state.mark(2).stands(), "{mode}");
    }
}

#[test]
fn whose_the_value_of_the_run_is_behind_a_refused_write_a_person_says() {
    for (mode, side) in MODES
        .into_iter()
        .flat_map(|m| OURS_OR_THEIRS.map(|s| (m, s)))
    {
        let held = || {
            let mut life = Life::new(mode, "kcck");
            life.writes(Some(done()), Side::After);
            life.writes(Some(refused()), side);
            assert_eq!(life.state.held(), Some(Hold::Foreign), "{mode} {side:?}");
            assert_eq!(
                life.state.doubts(2),
                Some(Doubt::Refused),
                "{mode} {side:?}"
            );
            life
        };
        // Who looks again is told the same again.
        let mut life = held();
        life.decides(Decision::Again);
        life.settled(side);
        assert_eq!(life.state.held(), Some(Hold::Foreign), "{mode} {side:?}");
        // Whoever accepts it leaves it to whoever wrote it.
        life.decides(Decision::On);
        assert_eq!(life.state.mark(2), Mark::Left, "{mode} {side:?}");
        // Nobody leads it home.
        let mut life = held();
        life.decides(Decision::Back);
        assert_eq!(life.state.mark(2), Mark::Left, "{mode} {side:?}");
        assert_eq!(life.state.mark(1), Mark::Standing, "{mode} {side:?}");
        assert!(life.state.phase().undoes(), "{mode} {side:?}");
        // Where nothing else stands it is over at once, and no undo.
        let mut life = Life::new(mode, "kck");
        life.writes(Some(refused()), side);
        life.decides(Decision::Back);
        assert_eq!(life.ends(), Ending::Held, "{mode} {side:?}");
    }
}

#[test]
fn whoever_asks_meanwhile_to_go_back_leaves_it() {
    for (side, mark) in [
        (Side::Foreign, Mark::Unmade),
        (Side::Mixed, Mark::Left),
        (Side::After, Mark::Left),
    ] {
        let mut life = Life::new(Mode::Failover, "kcck");
        life.writes(Some(done()), Side::After);
        life.until(|mv| matches!(mv, Move::Write { .. }));
        life.written(2, Way::There, Some(refused()));
        life.decides(Decision::Back);
        life.settled(side);
        assert_eq!(life.state.mark(2), mark, "{side:?}");
        assert_eq!(life.state.mark(1), Mark::Standing, "{side:?}");
        assert!(life.state.phase().undoes(), "{:?}", life.state.phase());
    }
}

/// Where nobody can read the place, its word is that nothing of it is there.
#[test]
fn what_was_refused_and_cannot_be_read_is_not_led_home() {
    for mode in MODES {
        let mut life = Life::new(mode, "kcck");
        life.writes(Some(done()), Side::After);
        life.writes(Some(refused()), None);
        life.decides(Decision::On);
        assert_eq!(life.state.mark(2), Mark::Left, "{mode}");
    }
}

/// What said that it was done, and was seen in part, is in doubt whatever the tries behind it say.
#[test]
fn what_was_done_and_seen_in_part_is_not_unmade_by_a_later_no() {
    let declined = || Answer::Declined { why: String::new() };
    for mode in MODES {
        for answer in [refused(), declined()] {
            let mut life = Life::new(mode, "kck");
            life.writes(Some(done()), Side::Mixed);
            assert_eq!(life.state.doubts(1), Some(Doubt::There), "{mode}");
            life.writes(Some(answer), Side::Before);
            assert_eq!(life.state.held(), Some(Hold::NotSeen), "{mode}");
        }
        // Seen in part again, and undone: the way back writes, whatever the place shows then.
        let mut life = Life::new(mode, "kck");
        life.writes(Some(done()), Side::Mixed);
        life.writes(Some(refused()), Side::Mixed);
        assert_eq!(life.state.mark(1), Mark::Claimed, "{mode}");
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
        life.writes(Some(refused()), None);
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
