//! What the plan found as it shall be is read behind all checks, and not beside them.

use super::life::Life;
use crate::event::{Decision, Ending, Event, Round};
use crate::machine::{Hold, Mark, Move};
use crate::plan::{Mode, Outcome, Way};

/// The entry of `kckh` that is so already.
const SO: usize = 3;

fn confirms(mode: Mode) -> Life {
    let mut life = Life::new(mode, "kckh");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1, SO]));
    life
}

fn judged(life: &mut Life, outcome: Outcome) {
    let (round, entries) = life.looks();
    let of = |i: usize| if i == SO { outcome } else { Outcome::Pass };
    let outcomes = entries.into_iter().map(|i| (i, of(i))).collect();
    life.happens(Event::Judged { round, outcomes });
}

#[test]
fn it_is_read_when_the_last_checks_are_done() {
    for mode in [Mode::Failover, Mode::Emergency, Mode::Drill] {
        let mut life = confirms(mode);
        let round = match mode {
            Mode::Drill => Round::Return,
            _ => Round::There,
        };
        assert_eq!(life.looks(), (round, vec![1, SO]), "{mode}");
        life.judged(Outcome::Pass);
        assert_eq!(life.ends(), Ending::Done, "{mode}");
        // What cannot be read is told as not seen.
        let mut life = confirms(mode);
        judged(&mut life, Outcome::Unknown);
        assert_eq!(life.ends(), Ending::DoneUnproven, "{mode}");
    }
    // A drill looks before it stays, too.
    let mut life = Life::new(Mode::Drill, "kckh");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[2, SO]));
    assert_eq!(life.looks().0, Round::There);
}

#[test]
fn a_person_is_asked_where_it_is_not_so_any_more() {
    for mode in [Mode::Failover, Mode::Emergency, Mode::Drill] {
        let mut life = confirms(mode);
        judged(&mut life, Outcome::Fail);
        assert_eq!(life.state.held(), Some(Hold::Foreign), "{mode}");
        assert_eq!(life.state.motion(), None);
        // It is looked at again, and written by nobody.
        life.decides(Decision::Again);
        assert_eq!(life.looks().1, [1, SO]);
        judged(&mut life, Outcome::Fail);
        // Who leaves it as it is has all else read once more.
        life.decides(Decision::On);
        assert_eq!(life.state.mark(SO), Mark::Left);
        assert_eq!(life.looks().1, [1]);
        life.judged(Outcome::Pass);
        let ending = match mode {
            Mode::Drill => Ending::Held,
            _ => Ending::DoneUnproven,
        };
        assert_eq!(life.ends(), ending, "{mode}");
    }
    // Whoever goes on with it much later has all of it looked at again.
    let mut life = confirms(Mode::Failover);
    judged(&mut life, Outcome::Fail);
    life.decides(Decision::Stop);
    assert_eq!(life.ends(), Ending::Held);
    life.resumes();
    assert_eq!(life.looks().1, [2]);
    life.judged(Outcome::Pass);
    assert_eq!(life.looks().1, [1, SO]);
}

#[test]
fn behind_an_undo_it_is_read_with_the_checks_and_once_more_behind_them() {
    let gone_back = || {
        let mut life = confirms(Mode::Failover);
        life.judged(Outcome::Pass);
        life.ends();
        life.decides(Decision::Back);
        life.until(|mv| matches!(mv, Move::Look { round, .. } if *round == Round::Verify));
        assert_eq!(life.looks().1, [1, 2, SO]);
        life
    };
    for again in [false, true] {
        for outcome in [Outcome::Fail, Outcome::Unknown] {
            let mut life = gone_back();
            if again {
                life.judged(Outcome::Pass);
                assert_eq!(life.looks().1, [1, SO]);
            }
            judged(&mut life, outcome);
            assert_eq!(life.state.held(), Some(Hold::NotAsBefore));
            // What was shown is accepted: it is left, and nothing more is said of it.
            life.decides(Decision::On);
            judged(&mut life, Outcome::Warn);
            assert_eq!(life.state.mark(SO), Mark::Left);
            assert_eq!(life.looks().1, [1]);
            assert_eq!(life.ends(), Ending::Held);
        }
    }
    let mut life = gone_back();
    life.judged(Outcome::Pass);
    life.judged(Outcome::Pass);
    assert_eq!(life.ends(), Ending::Undone);
}

#[test]
fn a_run_that_read_it_beside_the_last_checks_is_still_known() {
    let judges = |life: &mut Life, round: Round, entries: &[usize]| {
        let outcomes = entries.iter().map(|i| (*i, Outcome::Pass)).collect();
        life.happens(Event::Judged { round, outcomes });
    };
    let mut life = Life::new(Mode::Failover, "kckh");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[2]));
    judges(&mut life, Round::There, &[2, SO]);
    judges(&mut life, Round::There, &[1]);
    assert_eq!(life.ends(), Ending::Done);
    life.decides(Decision::Back);
    life.comes_to(1, Way::Back);
    life.until(|mv| matches!(mv, Move::Look { round, .. } if *round == Round::Verify));
    life.judged(Outcome::Pass);
    judges(&mut life, Round::Verify, &[1]);
    assert_eq!(life.ends(), Ending::Undone);
}
