//! What a person's word does, out of a hold and after an end.

use super::life::{Life, done, refused, unclear};
use crate::event::{Answer, Decision, Ending, Event};
use crate::machine::{Doubt, Hold, Mark, Move, Phase, Stage};
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

/// A write that has ended is made again, which begins with a comparison; what may be on its way is looked at.
#[test]
fn whoever_says_again_makes_again_what_has_ended_and_looks_at_the_rest() {
    let (there, back) = (Way::There, Way::Back);
    let compare = |way| Move::Compare { entry: 1, way };
    let settle = |way| Move::Settle { entry: 1, way };
    let cases = [
        (back, refused(), Side::After, Hold::NotBack, compare(back)),
        (back, unclear(), Side::Mixed, Hold::Half, compare(back)),
        (back, done(), Side::After, Hold::NotSeen, settle(back)),
        (back, unclear(), Side::Foreign, Hold::Foreign, settle(back)),
        (there, refused(), Side::Before, Hold::Failed, compare(there)),
        (there, unclear(), Side::Mixed, Hold::Half, compare(there)),
        (there, done(), Side::Before, Hold::NotSeen, settle(there)),
        (
            there,
            unclear(),
            Side::Foreign,
            Hold::Foreign,
            settle(there),
        ),
    ];
    for (way, answer, side, hold, then) in cases {
        // In an emergency nothing goes back by itself; what stands keeps a refusal from ending it.
        let mut life = match way {
            Way::There => Life::new(Mode::Emergency, "kckc"),
            Way::Back => Life::new(Mode::Drill, "kck"),
        };
        life.plan.entries[1].rule.fail = crate::plan::Then::Hold;
        let told = format!("{way:?} {hold:?}");
        if hold == Hold::Failed {
            life = Life::new(Mode::Emergency, "cck");
            life.comes_to(1, way);
            life.compared(1, way, Side::Before);
            life.written(1, way, Some(answer.clone()));
            life.settled(side);
        } else {
            life.comes_to(1, way);
            while life.state.held().is_none() {
                match life.next() {
                    Move::Compare { .. } => life.goes_well(life.next()),
                    Move::Write { .. } => life.written(1, way, Some(answer.clone())),
                    _ => life.settled(side),
                }
            }
        }
        assert_eq!(life.state.held(), Some(hold), "{told}");
        life.decides(Decision::Again);
        assert_eq!(life.next(), then, "{told}");
    }
}

/// What becomes of a write is not known when somebody asks to go back, and somebody else has a part of the place.
#[test]
fn what_is_ours_of_a_torn_place_goes_back_too() {
    let declined = Answer::Declined { why: String::new() };
    for answer in [None, Some(unclear()), Some(declined)] {
        for (parts, mark) in [(true, Mark::Shared), (false, Mark::Left)] {
            let mut life = Life::new(Mode::Failover, "kck");
            life.writes(answer.clone(), Side::Foreign);
            assert_eq!(life.state.held(), Some(Hold::Foreign));
            life.decides(Decision::Stop);
            life.ends();
            life.resumes();
            life.decides_of_parts(Decision::Back, parts);
            life.settled(Side::Foreign);
            assert_eq!(life.state.mark(1), mark, "{answer:?}");
            if parts {
                life.until(|mv| matches!(mv, Move::Write { way: Way::Back, .. }));
            }
        }
    }
}

#[test]
fn whoever_stops_while_it_is_not_as_before_leaves_it_held() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.writes(Some(refused()), Side::Before);
    let (round, _) = life.looks();
    let outcomes = vec![(1, Outcome::Fail), (2, Outcome::Pass)];
    life.happens(Event::Judged { round, outcomes });
    assert_eq!(life.state.held(), Some(Hold::NotAsBefore));
    life.decides(Decision::Stop);
    assert_eq!(life.ends(), Ending::Held);
}

/// An act without an undo stands for ever: what is asked is whether the rest is as before.
#[test]
fn whoever_asks_to_go_back_once_more_gets_a_new_look() {
    let mut life = Life::new(Mode::Failover, "kxck");
    life.until(|mv| matches!(mv, Move::End { .. }));
    life.ends();
    life.decides(Decision::Back);
    life.until(|mv| matches!(mv, Move::Look { .. }));
    life.judged(Outcome::Fail);
    assert_eq!(life.state.held(), Some(Hold::NotAsBefore));
    life.decides(Decision::Back);
    assert_eq!(life.state.phase(), Phase::Verify);
    life.judged(Outcome::Pass);
    assert_eq!(life.ends(), Ending::Held, "the act stands");
    // Also of what was left on a drill's way back, where the last undo was taken for done.
    let mut life = Life::new(Mode::Drill, "csk");
    life.comes_to(0, Way::Back);
    life.compared(0, Way::Back, Side::Foreign);
    life.decides_of_parts(Decision::On, false);
    assert_eq!(life.state.mark(0), Mark::Left);
    life.until(|mv| matches!(mv, Move::Write { entry: 1, .. }));
    life.written(1, Way::Back, None);
    life.resumes();
    assert_eq!(life.state.mark(1), Mark::Back);
    life.decides(Decision::Back);
    assert_eq!(life.state.phase(), Phase::Verify);
    assert!(matches!(life.next(), Move::Look { .. }));
}

/// Two writes to one place would be on their way at once.
#[test]
fn whoever_asks_to_go_back_meanwhile_waits_for_the_write_that_goes_back_already() {
    for parts in [false, true] {
        for answer in [None, Some(unclear()), Some(refused()), Some(done())] {
            let mut life = Life::new(Mode::Failover, "kck");
            life.until(|mv| matches!(mv, Move::End { .. }));
            life.ends();
            life.decides(Decision::Back);
            life.until(|mv| matches!(mv, Move::Write { way: Way::Back, .. }));
            life.written(1, Way::Back, answer.clone());
            life.decides_of_parts(Decision::Back, parts);
            // What said that it was done has landed.
            let again = parts && answer == Some(done());
            let stage = life.state.motion().map(|m| m.stage);
            let expected = if again {
                Stage::Compare
            } else {
                stage.unwrap()
            };
            assert_eq!(stage, Some(expected), "{parts} {answer:?}");
            assert_eq!(
                matches!(life.next(), Move::Settle { .. }),
                !again,
                "{parts} {answer:?}"
            );
        }
    }
}

#[test]
fn whoever_goes_back_before_a_write_is_made_again_is_taken_at_once() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.writes(Some(unclear()), Side::Before);
    assert!(matches!(
        life.next(),
        Move::Compare {
            way: Way::There,
            ..
        }
    ));
    life.decides(Decision::Back);
    let (entry, way) = (1, Way::Back);
    assert_eq!(life.next(), Move::Compare { entry, way });
    // Nothing can be looked at after an act.
    let mut life = Life::new(Mode::Failover, "ka");
    life.until(|mv| matches!(mv, Move::Write { .. }));
    life.written(1, Way::There, None);
    life.decides(Decision::Back);
    assert_eq!(life.next(), Move::Compare { entry, way });
}

#[test]
fn a_stop_is_heard_before_the_next_write_and_its_comparison() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Compare { .. }));
    for _ in 0..2 {
        let mut stopped = Life {
            plan: life.plan.clone(),
            state: life.state.clone(),
        };
        stopped.happens(Event::StopAsked { by: String::new() });
        assert_eq!(stopped.ends(), Ending::Stopped);
        life.goes_well(life.next());
    }
}

#[test]
fn a_way_back_that_was_not_done_is_none_because_somebody_accepts_it() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Write { .. }));
    life.written(1, Way::There, Some(done()));
    life.settled(Side::Before);
    assert_eq!(life.state.held(), Some(Hold::NotSeen));
    life.decides(Decision::Back);
    life.settled(Side::Before);
    life.until(|mv| matches!(mv, Move::Compare { .. }));
    life.compared(1, Way::Back, Side::Before);
    life.written(1, Way::Back, Some(refused()));
    life.settled(Side::Before);
    assert_eq!(life.state.held(), Some(Hold::NotSeen));
    assert_eq!(life.state.doubts(1), Some(Doubt::Back));
    life.decides(Decision::On);
    assert_eq!(life.state.mark(1), Mark::Left);
    while matches!(life.next(), Move::Look { .. }) {
        life.judged(Outcome::Pass);
    }
    assert_eq!(life.ends(), Ending::Held);
}

/// A drill that comes back to a place whose write said that it was done, and was not seen so.
fn claimed_on_its_way_back() -> Life {
    let mut life = Life::new(Mode::Drill, "pck");
    life.writes(Some(done()), Side::Before);
    life.decides(Decision::On);
    assert_eq!(life.state.mark(1), Mark::Claimed);
    life.comes_to(1, Way::Back);
    life
}

/// It proved nothing before, and somebody asked to go back meanwhile: the way back goes by the old side first.
#[test]
fn what_no_look_shows_is_gone_back_from_by_whoever_asks_meanwhile() {
    let answers = [None, Some(unclear()), Some(refused()), Some(done())];
    for answer in answers {
        let mut life = claimed_on_its_way_back();
        life.compared(1, Way::Back, Side::Before);
        life.written(1, Way::Back, answer.clone());
        life.decides(Decision::Back);
        life.settled(Side::Before);
        let (phase, mark) = match answer {
            Some(Answer::Done { .. }) => (Phase::Verify, Mark::Back),
            _ => (Phase::Probe, Mark::Claimed),
        };
        assert_eq!(
            (life.state.phase(), life.state.mark(1)),
            (phase, mark),
            "{answer:?}"
        );
    }
}

/// What is seen to be ours goes back; whoever tells of the rest says that it is not known.
#[test]
fn a_place_that_said_done_and_was_never_seen_so_is_shared_where_somebody_wrote_in_it() {
    for (anyway, mark) in [(true, Mark::Shared), (false, Mark::Left)] {
        let mut life = claimed_on_its_way_back();
        life.compared(1, Way::Back, Side::Foreign);
        assert_eq!(life.state.held(), Some(Hold::Foreign));
        life.decides_of_parts(Decision::Back, anyway);
        assert_eq!(life.state.mark(1), mark, "{anyway}");
    }
}
