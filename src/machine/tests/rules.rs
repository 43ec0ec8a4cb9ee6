//! One test for each rule of the fold that is easily turned round: who goes back, who holds, and what is left.

use super::life::{Life, done, refused, unclear};
use crate::event::{Answer, Decision, Ending, Event};
use crate::machine::{Doubt, Hold, Mark, Move, Phase};
use crate::plan::{Mode, Outcome, Rule, Side, Then, Way};

const BACK: Way = Way::Back;
const THERE: Way = Way::There;

fn says(life: &mut Life, entry: usize, yes: bool) {
    let by = String::new();
    life.happens(Event::Approved { entry, yes, by });
}

/// The first write on the way back that comes next.
fn first_back(life: &mut Life) -> usize {
    let back = |mv: &Move| matches!(mv, Move::Compare { way: BACK, .. });
    life.until(back);
    match life.next() {
        Move::Compare { entry, .. } => entry,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_no_goes_back_where_that_can_be_done_by_itself_and_holds_else() {
    for mode in [Mode::Failover, Mode::Emergency] {
        let mut life = Life::new(mode, "?c");
        says(&mut life, 0, false);
        assert_eq!(life.ends(), Ending::Refused, "{mode}");
    }
    let mut life = Life::new(Mode::Failover, "kc?");
    life.until(|mv| *mv == Move::Approve { entry: 2 });
    says(&mut life, 2, false);
    assert_eq!(first_back(&mut life), 1);
    let mut life = Life::new(Mode::Emergency, "kc?");
    life.until(|mv| *mv == Move::Approve { entry: 2 });
    says(&mut life, 2, false);
    assert_eq!(life.state.held(), Some(Hold::Declined));
    // A drill that comes back stays where it is, and asks.
    let mut life = Life::new(Mode::Drill, "c?c");
    life.until(|mv| *mv == Move::Approve { entry: 1 });
    says(&mut life, 1, true);
    life.comes_to(2, THERE);
    life.until(|mv| *mv == Move::Approve { entry: 1 });
    says(&mut life, 1, false);
    assert_eq!(life.state.held(), Some(Hold::Declined));
}

#[test]
fn what_was_put_back_and_changed_by_somebody_is_asked_about_on_the_way_back() {
    let mut life = Life::new(Mode::Drill, "kck");
    life.comes_to(1, BACK);
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1]));
    life.judged(Outcome::Fail);
    assert_eq!(life.state.held(), Some(Hold::Foreign));
    assert_eq!(life.state.motion().map(|m| m.way), Some(BACK));
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1]));
    life.judged(Outcome::Fail);
    assert_eq!(life.state.motion().map(|m| m.way), Some(THERE));
}

#[test]
fn a_place_that_holds_the_new_value_already_is_nobodys_change_and_stale_in_a_drill() {
    let mut life = Life::new(Mode::Failover, "kcck");
    life.comes_to(1, THERE);
    life.compared(1, THERE, Side::After);
    assert_eq!(life.state.mark(1), Mark::Unneeded);
    // Somebody changed it before the end: it was never ours, and is left.
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1, 2]));
    let Move::Look { round, .. } = life.next() else {
        unreachable!()
    };
    let outcomes = vec![(1, Outcome::Fail), (2, Outcome::Pass)];
    life.happens(Event::Judged { round, outcomes });
    assert_eq!((life.state.held(), life.state.mark(1)), (None, Mark::Left));
    assert_eq!(life.ends(), Ending::DoneUnproven);

    let mut life = Life::new(Mode::Drill, "kck");
    life.comes_to(1, THERE);
    life.compared(1, THERE, Side::After);
    assert_eq!(life.ends(), Ending::Stale);
    // After a try of ours it is ours.
    for mode in [Mode::Drill, Mode::Failover] {
        let mut life = Life::new(mode, "kck");
        life.writes(Some(unclear()), Side::Before);
        life.compared(1, THERE, Side::After);
        assert_eq!(life.state.mark(1), Mark::Standing, "{mode}");
    }
}

#[test]
fn a_place_that_cannot_be_read_before_its_write_refuses_where_nothing_stands() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.comes_to(1, THERE);
    life.compared(1, THERE, None);
    assert_eq!(life.ends(), Ending::Refused);
    let mut life = Life::new(Mode::Failover, "kcck");
    life.comes_to(2, THERE);
    life.compared(2, THERE, None);
    assert_eq!(life.state.held(), Some(Hold::Unreadable));
    // Something may stand of the write before.
    let mut life = Life::new(Mode::Failover, "kck");
    life.writes(Some(unclear()), Side::Before);
    life.compared(1, THERE, None);
    assert_eq!(life.state.held(), Some(Hold::Unreadable));
}

#[test]
fn what_somebody_wrote_since_the_plan_is_never_overwritten() {
    for side in [Side::Foreign, Side::Mixed] {
        let mut life = Life::new(Mode::Failover, "kck");
        life.comes_to(1, THERE);
        life.compared(1, THERE, Some(side));
        assert_eq!(life.ends(), Ending::Stale, "{side:?}");
        let mut life = Life::new(Mode::Failover, "kcck");
        life.comes_to(2, THERE);
        life.compared(2, THERE, Some(side));
        assert_eq!(first_back(&mut life), 1, "{side:?}");
        // In an emergency nothing goes back by itself, where something stands.
        let mut life = Life::new(Mode::Emergency, "kcck");
        life.comes_to(2, THERE);
        life.compared(2, THERE, Some(side));
        assert_eq!(life.state.held(), Some(Hold::Foreign), "{side:?}");
        let mut life = Life::new(Mode::Emergency, "kcck");
        life.plan.entries[1].rule.fail = Then::Note;
        life.writes(Some(refused()), Side::Before);
        life.comes_to(2, THERE);
        life.compared(2, THERE, Some(side));
        assert_eq!(life.state.phase(), Phase::Verify, "{side:?}");
    }
    // After a try of ours a part of it may be ours.
    let mut life = Life::new(Mode::Failover, "kck");
    life.writes(Some(unclear()), Side::Before);
    life.compared(1, THERE, Side::Mixed);
    assert_eq!(
        life.next(),
        Move::Write {
            entry: 1,
            way: THERE
        }
    );
    let mut life = Life::new(Mode::Failover, "kck");
    life.writes(Some(unclear()), Side::Before);
    life.compared(1, THERE, Side::Foreign);
    assert_eq!(life.state.held(), Some(Hold::Foreign));
}

#[test]
fn on_the_way_back_what_is_as_before_is_not_written() {
    let mut life = Life::new(Mode::Drill, "kck");
    life.comes_to(1, BACK);
    life.compared(1, BACK, Side::Before);
    assert_eq!(life.state.mark(1), Mark::Back);
    assert_ne!(
        life.next(),
        Move::Write {
            entry: 1,
            way: BACK
        }
    );
}

#[test]
fn an_act_has_no_place_to_compare_and_its_word_is_all_there_is() {
    let act = |answer| {
        let mut life = Life::new(Mode::Failover, "kca");
        life.comes_to(2, THERE);
        life.compared(2, THERE, None);
        assert_eq!(
            life.next(),
            Move::Write {
                entry: 2,
                way: THERE
            }
        );
        life.written(2, THERE, Some(answer));
        life
    };
    assert_eq!(act(done()).state.mark(2), Mark::Standing);
    let declined = Answer::Declined { why: String::new() };
    for answer in [declined, unclear()] {
        assert_eq!(act(answer).state.held(), Some(Hold::Interrupted));
    }
    // Refused at once, it surely did nothing: only the change goes back.
    assert_eq!(first_back(&mut act(refused())), 1);
    // Its undo that is refused is not back.
    let mut life = act(done());
    life.until(|mv| matches!(mv, Move::End { .. }));
    life.ends();
    life.decides(Decision::Back);
    assert_eq!(first_back(&mut life), 2);
    life.compared(2, BACK, None);
    life.written(2, BACK, Some(refused()));
    assert_eq!(life.state.held(), Some(Hold::NotBack));
}

#[test]
fn an_act_that_was_cut_off_made_again_and_refused_may_have_happened() {
    let mut life = Life::new(Mode::Failover, "ka");
    life.comes_to(1, THERE);
    life.compared(1, THERE, None);
    life.written(1, THERE, None);
    life.resumes();
    assert_eq!(life.state.held(), Some(Hold::Interrupted));
    life.decides(Decision::Again);
    life.compared(1, THERE, None);
    life.written(1, THERE, Some(refused()));
    assert_eq!(life.state.mark(1), Mark::Standing);
    assert_eq!(first_back(&mut life), 1);
}

#[test]
fn a_refused_write_that_shall_go_back_holds_where_nothing_goes_back_by_itself() {
    for (sketch, last) in [("kcck", 2), ("kca", 2)] {
        let mut life = Life::new(Mode::Emergency, sketch);
        life.plan.entries[last].rule.fail = Then::Back;
        life.comes_to(last, THERE);
        life.compared(last, THERE, Side::Before);
        life.written(last, THERE, Some(refused()));
        if sketch == "kcck" {
            life.settled(Side::Before);
        }
        assert_eq!(life.state.held(), Some(Hold::Failed), "{sketch}");
        // Whoever goes back out of it looks at the place, and undoes no act that surely did nothing.
        life.decides(Decision::Back);
        let first = if sketch == "kcck" { 2 } else { 1 };
        assert_eq!(first_back(&mut life), first, "{sketch}");
    }
    let mut life = Life::new(Mode::Emergency, "kck");
    life.plan.entries[1].rule.fail = Then::Back;
    life.writes(Some(refused()), Side::Before);
    assert_eq!(life.state.phase(), Phase::Verify);
    // Whoever only notes it goes on, and does not say that all was seen.
    let mut life = Life::new(Mode::Failover, "kcck");
    life.plan.entries[1].rule.fail = Then::Note;
    life.writes(Some(refused()), Side::Before);
    life.until(|mv| matches!(mv, Move::End { .. }));
    assert_eq!(life.ends(), Ending::DoneUnproven);
}

#[test]
fn a_look_after_a_change_that_shall_go_back_holds_where_nothing_goes_back_by_itself() {
    let after = |mode| {
        let mut life = Life::new(mode, "kck");
        life.plan.entries[2].rule.fail = Then::Back;
        life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[2]));
        life.judged(Outcome::Fail);
        life
    };
    assert_eq!(after(Mode::Emergency).state.held(), Some(Hold::Failed));
    assert_eq!(first_back(&mut after(Mode::Failover)), 1);
    let mut life = Life::new(Mode::Emergency, "kck");
    life.judged(Outcome::Fail);
    assert_eq!(life.ends(), Ending::Refused);
}

#[test]
fn a_write_done_by_half_is_finished_once_more_and_then_undone() {
    let half = |mode| {
        let mut life = Life::new(mode, "kck");
        life.writes(Some(unclear()), Side::Mixed);
        assert_eq!(
            life.next(),
            Move::Write {
                entry: 1,
                way: THERE
            }
        );
        life.written(1, THERE, Some(unclear()));
        life.settled(Side::Mixed);
        life
    };
    assert_eq!(first_back(&mut half(Mode::Failover)), 1);
    assert_eq!(half(Mode::Emergency).state.held(), Some(Hold::Half));
    // On the way back a person is asked.
    let mut life = Life::new(Mode::Drill, "kck");
    life.comes_to(1, BACK);
    life.compared(1, BACK, Side::After);
    for _ in 0..2 {
        life.written(1, BACK, Some(unclear()));
        life.settled(Side::Mixed);
    }
    assert_eq!(life.state.held(), Some(Hold::Half));
    // At the end nothing is written any more: somebody else took a part away.
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1]));
    life.judged(Outcome::Fail);
    life.decides(Decision::Again);
    life.settled(Side::Mixed);
    assert_eq!(life.state.held(), Some(Hold::Foreign));
}

/// What was seen of it in part may be seen as before by whoever asks an old copy next.
#[test]
fn of_a_write_that_said_done_and_was_seen_by_half_the_old_value_proves_nothing() {
    let mut life = Life::new(Mode::Emergency, "kck");
    life.writes(Some(done()), Side::Mixed);
    life.writes(Some(done()), Side::Mixed);
    assert_eq!(life.state.held(), Some(Hold::Half));
    assert_eq!(life.state.doubts(1), Some(Doubt::There));
}

#[test]
fn a_write_back_that_never_arrived_is_made_again_and_a_no_is_final() {
    let back = |answer: Option<Answer>| {
        let mut life = Life::new(Mode::Drill, "kck");
        life.comes_to(1, BACK);
        life.compared(1, BACK, Side::After);
        life.written(1, BACK, answer);
        life.settled(Side::After);
        life
    };
    let compare = Move::Compare {
        entry: 1,
        way: BACK,
    };
    assert_eq!(back(None).next(), compare);
    assert_eq!(back(Some(unclear())).next(), compare);
    assert_eq!(back(Some(refused())).state.held(), Some(Hold::NotBack));
}

#[test]
fn what_is_seen_as_before_is_back_whatever_its_write_said() {
    for answer in [None, Some(refused()), Some(unclear()), Some(done())] {
        let mut life = Life::new(Mode::Drill, "kck");
        life.comes_to(1, BACK);
        life.compared(1, BACK, Side::After);
        life.written(1, BACK, answer);
        life.settled(Side::Before);
        assert_eq!((life.state.held(), life.state.mark(1)), (None, Mark::Back));
    }
}

#[test]
fn a_sick_old_side_holds_the_way_back_and_a_person_may_go_on() {
    let sick = |outcome| {
        let mut life = Life::new(Mode::Failover, "pck");
        life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[2]));
        life.judged(Outcome::Fail);
        assert_eq!(life.state.phase(), Phase::Probe);
        life.judged(outcome);
        life
    };
    for outcome in [Outcome::Late, Outcome::Fail, Outcome::Unknown] {
        let mut life = sick(outcome);
        assert_eq!(life.state.held(), Some(Hold::OldSideSick), "{outcome:?}");
        life.decides(Decision::Back);
        assert_eq!(life.state.phase(), Phase::Undo, "{outcome:?}");
    }
    assert_eq!(first_back(&mut sick(Outcome::Warn)), 1);
}

#[test]
fn a_place_that_somebody_wrote_before_us_is_looked_at_before_all_is_called_as_before() {
    let mut life = Life::new(Mode::Failover, "cck");
    life.until(|mv| matches!(mv, Move::Compare { entry: 1, .. }));
    life.compared(1, Way::There, Side::Foreign);
    life.until(|mv| matches!(mv, Move::Look { .. }));
    let Move::Look { round, entries } = life.next() else {
        unreachable!()
    };
    assert_eq!(entries, [0, 1, 2]);
    let outcomes = [Outcome::Pass, Outcome::Fail, Outcome::Pass];
    let outcomes = (0..).zip(outcomes).collect();
    life.happens(Event::Judged { round, outcomes });
    assert_eq!(life.state.held(), Some(Hold::NotAsBefore));
}

#[test]
fn what_is_as_before_is_not_left_when_the_rest_was_accepted() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[2]));
    life.judged(Outcome::Fail);
    life.comes_to(1, BACK);
    let verify = |life: &mut Life, check| {
        life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1, 2]));
        let Move::Look { round, .. } = life.next() else {
            unreachable!()
        };
        let outcomes = vec![(1, Outcome::Pass), (2, check)];
        life.happens(Event::Judged { round, outcomes });
    };
    verify(&mut life, Outcome::Fail);
    assert_eq!(life.state.held(), Some(Hold::NotAsBefore));
    life.decides(Decision::On);
    let mut mended = Life {
        plan: life.plan.clone(),
        state: life.state.clone(),
    };
    verify(&mut life, Outcome::Warn);
    assert_eq!(life.state.mark(1), Mark::Back);
    // Nobody says that everything is as before because somebody accepted that it is not.
    assert_eq!(life.ends(), Ending::Held);
    assert!(life.state.left_something() && !life.state.stands());
    verify(&mut mended, Outcome::Pass);
    assert_eq!(mended.ends(), Ending::Undone);
}

#[test]
fn whoever_comes_later_writes_back_once_more_what_said_that_it_was_done() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[2]));
    life.judged(Outcome::Fail);
    life.writes(Some(done()), Side::After);
    assert_eq!(life.state.held(), Some(Hold::NotSeen));
    life.decides(Decision::Stop);
    life.ends();
    life.resumes();
    life.decides(Decision::Back);
    let (entry, way) = (1, Way::Back);
    assert_eq!(life.next(), Move::Compare { entry, way });
    life.writes(Some(done()), Side::Before);
    assert_eq!(life.state.mark(1), Mark::Back);
}

#[test]
fn what_somebody_else_wrote_over_a_write_is_asked_about() {
    for way in [THERE, BACK] {
        let declined = Answer::Declined { why: String::new() };
        for answer in [
            None,
            Some(done()),
            Some(refused()),
            Some(declined),
            Some(unclear()),
        ] {
            // It surely did nothing, and nothing stands of the run.
            if way == THERE && answer == Some(refused()) {
                continue;
            }
            let mut life = Life::new(Mode::Drill, "kck");
            life.comes_to(1, way);
            life.goes_well(life.next());
            life.written(1, way, answer.clone());
            life.settled(Side::Foreign);
            assert_eq!(life.state.held(), Some(Hold::Foreign), "{way:?} {answer:?}");
        }
    }
}

#[test]
fn whatever_stands_returns_whatever_the_playbook_says_of_the_way_back() {
    let mut life = Life::new(Mode::Drill, "kcck");
    life.plan.entries[1].back = false;
    life.plan.entries[2].rule.fail = Then::Note;
    life.comes_to(2, THERE);
    life.compared(2, THERE, Side::Before);
    life.written(2, THERE, Some(refused()));
    life.settled(Side::Before);
    life.until(|mv| *mv == Move::Stay);
    assert_eq!(first_back(&mut life), 1);
    life.writes(Some(done()), Side::Before);
    // What was not made does not.
    life.until(|mv| {
        assert!(!matches!(mv, Move::Compare { .. }), "{mv:?}");
        matches!(mv, Move::End { .. })
    });
}

#[test]
fn what_a_run_went_on_over_is_no_success_until_it_is_seen_good() {
    let goes_on = || {
        let mut life = Life::new(Mode::Emergency, "kck");
        life.plan.entries[0].rule = Rule::NOTE;
        life
    };
    for outcome in [Outcome::Late, Outcome::Unknown, Outcome::Fail] {
        let mut life = goes_on();
        life.judged(outcome);
        life.until(|mv| matches!(mv, Move::End { .. }));
        assert_eq!(life.ends(), Ending::DoneUnproven, "{outcome}");
        // What only foresees is asked again after the change, and that counts.
        let mut life = goes_on();
        life.plan.entries[0].foresees = true;
        life.plan.entries[2].step = life.plan.entries[0].step.clone();
        life.judged(outcome);
        life.until(|mv| matches!(mv, Move::End { .. }));
        assert_eq!(life.ends(), Ending::Done, "{outcome}");
        // Where the check after it takes no part, nobody asks again.
        let mut life = goes_on();
        life.plan.entries[0].foresees = true;
        life.plan.entries[2].step = life.plan.entries[0].step.clone();
        life.plan.entries[2].there = false;
        life.judged(outcome);
        life.until(|mv| matches!(mv, Move::End { .. }));
        assert_eq!(life.ends(), Ending::DoneUnproven, "{outcome}");
    }
    let mut life = goes_on();
    life.judged(Outcome::Warn);
    life.until(|mv| matches!(mv, Move::End { .. }));
    assert_eq!(life.ends(), Ending::Done);
}
