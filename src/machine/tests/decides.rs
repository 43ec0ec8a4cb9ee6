//! What a person's word does, out of a hold and after an end.

use super::life::{Life, done, unclear};
use crate::event::{Decision, Ending, Event};
use crate::machine::{Hold, Mark, Move, Phase};
use crate::plan::{Mode, Outcome, Side, Way};

fn may_go_back(life: &Life) -> bool {
    let by = String::new();
    let decision = Decision::Back;
    let mut state = life.state.clone();
    let event = Event::Decided {
        decision,
        by,
        parts: false,
    };
    state.fold(&life.plan, &event).is_ok()
}

#[test]
fn whoever_stops_where_something_stands_leaves_it_held() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[2]));
    life.judged(Outcome::Late);
    life.decides(Decision::Stop);
    assert_eq!(life.ends(), Ending::Held);
}

#[test]
fn only_a_write_that_said_done_is_taken_at_its_word() {
    for (answer, mark) in [(done(), Mark::Claimed), (unclear(), Mark::Standing)] {
        let mut life = Life::new(Mode::Failover, "kck");
        life.until(|mv| matches!(mv, Move::Write { .. }));
        life.written(1, Way::There, Some(answer));
        life.happens(Event::Settled {
            entry: 1,
            way: Way::There,
            side: None,
            detail: None,
            stored: crate::plan::Value::default(),
        });
        assert_eq!(life.state.held(), Some(Hold::Unreadable));
        life.decides(Decision::On);
        assert_eq!(life.state.mark(1), mark);
    }
}

#[test]
fn whoever_goes_on_after_a_no_goes_on_behind_the_question() {
    let mut life = Life::new(Mode::Emergency, "kc?k");
    life.until(|mv| *mv == Move::Approve { entry: 2 });
    life.happens(Event::Approved {
        entry: 2,
        yes: false,
        by: String::new(),
    });
    life.decides(Decision::On);
    assert!(matches!(life.next(), Move::Look { entries, .. } if entries == [3]));
}

#[test]
fn there_is_a_way_back_only_where_there_is_something_to_go_back_from() {
    // Nothing was written yet.
    assert!(!may_go_back(&Life::new(Mode::Failover, "kck")));
    // A drill that stays can be ended, also where nothing was changed; one that was stopped there cannot.
    let mut life = Life::new(Mode::Drill, "k");
    life.until(|mv| *mv == Move::Stay);
    assert!(may_go_back(&life));
    life.happens(Event::StopAsked { by: String::new() });
    assert_eq!(life.ends(), Ending::Stopped);
    assert!(!may_go_back(&life));
    // Something stands, while it goes on and at its end.
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[2]));
    assert!(may_go_back(&life));
    life.until(|mv| matches!(mv, Move::End { .. }));
    life.ends();
    assert!(may_go_back(&life));
    // All of it was put back.
    life.decides(Decision::Back);
    life.until(|mv| matches!(mv, Move::End { .. }));
    assert_eq!(life.ends(), Ending::Undone);
    assert!(!may_go_back(&life));
}

#[test]
fn what_somebody_else_wrote_stays_and_is_left_only_where_it_may_be_ours() {
    // Nothing was tried there.
    let mut life = Life::new(Mode::Emergency, "kcck");
    life.comes_to(2, Way::There);
    life.compared(2, Way::There, Side::Foreign);
    life.decides(Decision::Back);
    assert_eq!(life.state.mark(2), Mark::None);
    life.comes_to(1, Way::Back);
    // A try of ours went before.
    for (parts, mark) in [(false, Mark::Left), (true, Mark::Shared)] {
        let mut life = Life::new(Mode::Emergency, "kck");
        life.writes(Some(unclear()), Side::Before);
        life.compared(1, Way::There, Side::Foreign);
        life.decides_of_parts(Decision::Back, parts);
        assert_eq!(life.state.mark(1), mark);
    }
    // What differs at the end is compared on the way back.
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1]));
    life.judged(Outcome::Fail);
    life.decides(Decision::Back);
    assert_ne!(life.state.mark(1), Mark::Left);
    life.comes_to(1, Way::Back);
}

#[test]
fn on_a_drills_way_back_the_rest_is_put_back_without_more_gates() {
    for (parts, mark) in [(false, Mark::Left), (true, Mark::Shared)] {
        let mut life = Life::new(Mode::Drill, "kcc");
        life.comes_to(1, Way::Back);
        life.compared(1, Way::Back, Side::Foreign);
        assert_eq!(life.state.held(), Some(Hold::Foreign));
        life.decides_of_parts(Decision::Back, parts);
        assert_eq!(life.state.mark(1), mark);
        assert_eq!(life.state.phase(), Phase::Undo);
        life.comes_to(2, Way::Back);
    }
}
