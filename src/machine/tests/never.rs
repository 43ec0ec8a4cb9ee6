//! What an undo says of changes that were never begun, or were so already.

use super::life::{Life, done};
use crate::event::{Decision, Ending, Event, Round};
use crate::machine::{Hold, Mark, Move};
use crate::plan::{Mode, Outcome, Side, Way};

/// A run of two changes that is stopped before the second one, and put back.
fn put_back(mode: Mode) -> Life {
    let mut life = Life::new(mode, "kcckc");
    life.writes(Some(done()), Side::After);
    life.happens(Event::StopAsked { by: String::new() });
    assert_eq!(life.ends(), Ending::Stopped);
    life.resumes();
    life.decides(Decision::Back);
    life.until(|mv| matches!(mv, Move::Look { round, .. } if *round == Round::Verify));
    life
}

fn judged(life: &mut Life, bad: usize, outcome: Outcome) {
    let (round, entries) = life.looks();
    let of = |i: usize| if i == bad { outcome } else { Outcome::Pass };
    let outcomes = entries.into_iter().map(|i| (i, of(i))).collect();
    life.happens(Event::Judged { round, outcomes });
}

#[test]
fn what_was_never_begun_is_read_before_all_is_said_to_be_as_before() {
    for mode in [Mode::Failover, Mode::Emergency, Mode::Drill] {
        let mut life = put_back(mode);
        assert_eq!(life.looks().1, [1, 2, 3, 4], "{mode}");
        life.judged(Outcome::Pass);
        // Once more when the checks are done: somebody may have written meanwhile.
        assert_eq!(life.looks().1, [1, 2, 4], "{mode}");
        assert_eq!(life.ends(), Ending::Undone, "{mode}");
    }
}

#[test]
fn what_was_never_begun_and_is_not_as_before_is_no_undo() {
    for outcome in [Outcome::Fail, Outcome::Unknown] {
        for again in [false, true] {
            let mut life = put_back(Mode::Failover);
            if again {
                life.judged(Outcome::Pass);
            }
            judged(&mut life, 4, outcome);
            assert_eq!(life.state.held(), Some(Hold::NotAsBefore));
            // Somebody accepts it, which makes a warning of what was shown: it is left, and nothing more is said of it.
            life.decides(Decision::On);
            judged(&mut life, 4, Outcome::Warn);
            assert_eq!(life.state.mark(4), Mark::Left);
            assert_eq!(life.ends(), Ending::Held);
        }
    }
}

#[test]
fn what_was_so_already_is_read_after_an_undo_too() {
    let mut life = Life::new(Mode::Failover, "kcck");
    life.until(|mv| matches!(mv, Move::Compare { entry: 1, .. }));
    life.compared(1, Way::There, Side::After);
    assert_eq!(life.state.mark(1), Mark::Unneeded);
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[3]));
    life.judged(Outcome::Fail);
    life.until(|mv| matches!(mv, Move::Look { round, .. } if *round == Round::Verify));
    assert_eq!(life.looks().1, [1, 2, 3]);
    judged(&mut life, 1, Outcome::Fail);
    assert_eq!(life.state.held(), Some(Hold::NotAsBefore));
}
