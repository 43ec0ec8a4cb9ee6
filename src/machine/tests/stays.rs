//! Who had asked to go back, and leaves the run where it was.

use super::life::Life;
use crate::event::{Answer, Decision, Ending, Event};
use crate::machine::{Hold, Mark, Move};
use crate::plan::{Mode, Outcome, Way};

#[test]
fn whoever_cannot_go_back_can_stay_where_the_run_was() {
    // As it had ended.
    let mut life = Life::new(Mode::Failover, "pkck");
    life.until(|mv| matches!(mv, Move::End { .. }));
    life.ends();
    for _ in 0..2 {
        life.decides(Decision::Back);
        life.judged(Outcome::Fail);
        assert_eq!(life.state.held(), Some(Hold::OldSideSick));
        life.decides(Decision::Again);
        life.judged(Outcome::Unknown);
        life.decides(Decision::Stop);
        assert_eq!(life.ends(), Ending::Done);
        assert_eq!(life.next(), Move::Rest);
    }
    // What was begun to be put back stays no more.
    life.decides(Decision::Back);
    life.comes_to(2, Way::Back);
    life.compared(2, Way::Back, None);
    life.decides(Decision::Stop);
    assert_eq!(life.ends(), Ending::Held);
    // Nor does what version 0.1.0 was told.
    let mut life = Life::new(Mode::Failover, "pkck");
    life.until(|mv| matches!(mv, Move::End { .. }));
    life.ends();
    life.decides_of_parts(Decision::Back, false);
    life.judged(Outcome::Fail);
    life.decides(Decision::Stop);
    assert_eq!(life.ends(), Ending::Held);
}

#[test]
fn a_living_run_that_stays_goes_on_from_there() {
    let mut life = Life::new(Mode::Failover, "pckc");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[2]));
    life.decides(Decision::Back);
    life.judged(Outcome::Fail);
    life.decides(Decision::Stop);
    assert_eq!(life.ends(), Ending::Held);
    life.resumes();
    life.until(|mv| matches!(mv, Move::End { .. }));
    assert_eq!(life.ends(), Ending::Done);
    assert_eq!(life.state.mark(1), Mark::Standing);
    assert_eq!(life.state.mark(3), Mark::Standing);
}

#[test]
fn a_return_that_has_tried_an_act_stays_nowhere() {
    for tried in [false, true] {
        let mut life = Life::new(Mode::Drill, "pa");
        life.comes_to(1, Way::Back);
        if tried {
            life.compared(1, Way::Back, None);
            life.written(1, Way::Back, Some(Answer::Unclear { why: "-".into() }));
            life.decides(Decision::Again);
        }
        life.happens(Event::StopAsked { by: String::new() });
        assert_eq!(life.ends(), Ending::Stopped);
        life.decides(Decision::Back);
        assert_eq!(life.state.can_stay(), !tried);
    }
}
