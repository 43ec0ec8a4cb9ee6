//! Who had asked to go back, and leaves the run where it was.

use super::life::Life;
use crate::event::{Answer, Decision, Ending, Event, Round};
use crate::machine::{Hold, Mark, Move, Phase};
use crate::plan::{Mode, Outcome, Side, Way};

/// The first look of a drill's way back.
fn returns(mv: &Move) -> bool {
    matches!(
        mv,
        Move::Look {
            round: Round::Return,
            ..
        }
    )
}

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
        // What it says then is looked at: the checks behind the last write, and the places.
        for entries in [vec![0, 3], vec![2]] {
            assert_eq!(life.looks(), (Round::There, entries));
            life.judged(Outcome::Pass);
        }
        assert_eq!(life.ends(), Ending::Done);
        assert!(life.state.remains());
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

#[test]
fn what_stays_ends_as_it_is_seen_now() {
    // The checks behind the last write, the place, and how it ends where that is not good.
    let cases = [
        ([Outcome::Fail, Outcome::Pass], None),
        ([Outcome::Pass, Outcome::Fail], None),
        (
            [Outcome::Pass, Outcome::Unknown],
            Some(Ending::DoneUnproven),
        ),
        ([Outcome::Pass, Outcome::Pass], Some(Ending::Done)),
    ];
    for ([check, place], ending) in cases {
        let mut life = Life::new(Mode::Failover, "pck");
        life.until(|mv| matches!(mv, Move::End { .. }));
        life.ends();
        life.decides(Decision::Back);
        life.judged(Outcome::Fail);
        life.decides(Decision::Stop);
        for outcome in [check, place] {
            if life.state.held().is_none() {
                life.judged(outcome);
            }
        }
        match ending {
            Some(ending) => assert_eq!(life.ends(), ending),
            // Somebody is asked; nothing goes back by itself.
            None => {
                assert!(life.state.held().is_some(), "{check} {place}");
                life.decides(Decision::Stop);
                assert_eq!(life.ends(), Ending::Held);
            }
        }
    }
}

#[test]
fn a_drill_whose_old_side_is_sick_asks_and_can_remain() {
    let sick = || {
        let mut life = Life::new(Mode::Drill, "pck");
        life.until(returns);
        life.judged(Outcome::Fail);
        assert_eq!(life.state.held(), Some(Hold::OldSideSick));
        assert!(life.state.may_remain(&life.plan));
        life
    };
    // Whoever stops is asked again by the resume.
    let mut life = sick();
    life.decides(Decision::Stop);
    assert_eq!(life.ends(), Ending::Held);
    assert!(life.state.is_on_its_way_back() && life.state.may_remain(&life.plan));
    life.resumes();
    life.judged(Outcome::Unknown);
    assert_eq!(life.state.held(), Some(Hold::OldSideSick));
    // Whoever says that it remains has that looked at, and it is no drill that came back.
    life.decides(Decision::Stay);
    for entries in [vec![0, 2], vec![1]] {
        assert_eq!(life.looks(), (Round::There, entries));
        life.judged(Outcome::Pass);
    }
    assert_eq!(life.ends(), Ending::DoneUnproven);
    assert!(life.state.remains() && life.state.stands());
    // It can be put back later.
    life.decides(Decision::Back);
    assert!(!life.state.remains());
    life.until(|mv| matches!(mv, Move::End { .. }));
    assert_eq!(life.ends(), Ending::Undone);
    // Whoever wants it back all the same gets it undone, in reverse and with the look at all behind it.
    for decision in [Decision::Back, Decision::On] {
        let mut life = sick();
        life.decides(decision);
        life.comes_to(1, Way::Back);
        assert_eq!(life.state.phase(), Phase::Undo);
    }
    // Version 0.1.0, whose word had no parts, looked at it once more, and held it there.
    let mut life = sick();
    life.decides_of_parts(Decision::Back, false);
    assert_eq!(life.looks(), (Round::Probe, vec![0]));
    life.judged(Outcome::Fail);
    assert_eq!(life.state.held(), Some(Hold::OldSideSick));
    // Also where somebody asked to put it back before its return.
    let mut life = Life::new(Mode::Drill, "pck");
    life.until(|mv| *mv == Move::Stay);
    life.decides(Decision::Back);
    life.judged(Outcome::Fail);
    assert!(life.state.may_remain(&life.plan));
    life.decides(Decision::Stay);
    life.until(|mv| matches!(mv, Move::End { .. }));
    assert_eq!(life.ends(), Ending::DoneUnproven);
}

#[test]
fn a_drill_that_has_put_something_back_remains_nowhere() {
    let mut life = Life::new(Mode::Drill, "pcpck");
    life.comes_to(1, Way::Back);
    life.compared(1, Way::Back, Side::After);
    life.written(1, Way::Back, Some(super::life::done()));
    life.settled(Side::Before);
    assert_eq!(life.looks(), (Round::Return, vec![2]));
    life.judged(Outcome::Fail);
    // Users would still be led there.
    assert_eq!(life.state.held(), Some(Hold::OldSideSick));
    assert!(!life.state.may_remain(&life.plan));
    let stays = Event::Decided {
        decision: Decision::Stay,
        by: String::new(),
        parts: true,
    };
    assert!(life.state.clone().fold(&life.plan, &stays).is_err());
    // Where nothing goes back any more, a letter is enough.
    let mut life = Life::new(Mode::Drill, "ckp");
    life.until(returns);
    life.judged(Outcome::Fail);
    assert_eq!(life.state.held(), Some(Hold::Failed));
}

#[test]
fn what_is_temporary_goes_back_where_a_drill_remains() {
    let mut life = Life::new(Mode::Drill, "ptck");
    life.until(returns);
    life.judged(Outcome::Fail);
    life.decides(Decision::Stay);
    life.comes_to(1, Way::Back);
    life.until(|mv| matches!(mv, Move::End { .. }));
    assert_eq!(life.ends(), Ending::DoneUnproven);
    assert_eq!(life.state.mark(2), Mark::Standing);
}

#[test]
fn of_what_stands_nowhere_nothing_remains() {
    let mut life = Life::new(Mode::Drill, "k");
    life.until(|mv| *mv == Move::Stay);
    assert!(!life.state.may_remain(&life.plan));
}

#[test]
fn what_another_check_finds_on_the_way_back_is_no_sick_side() {
    let mut life = Life::new(Mode::Drill, "pckck");
    life.until(
        |mv| matches!(mv, Move::Look { round: Round::Return, entries } if !entries.contains(&0)),
    );
    assert!(life.state.stands(), "something goes back yet");
    life.judged(Outcome::Fail);
    assert_eq!(life.state.held(), Some(Hold::Failed));
    // A letter is enough, and the return goes on.
    life.decides(Decision::On);
    assert_eq!(life.state.phase(), Phase::Return);
    // So did version 0.1.0 whatever it was held for.
    let mut life = Life::new(Mode::Drill, "pck");
    life.until(returns);
    life.judged(Outcome::Fail);
    life.decides_of_parts(Decision::On, false);
    assert_eq!(life.state.phase(), Phase::Return);
}

/// In a journal of version 0.1.0 too: a newer resume looks first.
#[test]
fn an_act_that_was_not_begun_is_not_taken_for_one_that_was_cut_off() {
    let mut life = Life::new(Mode::Failover, "a");
    life.until(|mv| matches!(mv, Move::Write { .. }));
    life.happens(Event::Resumed {
        by: String::new(),
        version: String::new(),
        anew: false,
    });
    assert_eq!(life.state.held(), None);
    assert_eq!(
        life.next(),
        Move::Compare {
            entry: 0,
            way: Way::There
        }
    );
}
