//! What a place proves of a write of which nobody has seen the end.

use super::life::{Life, done, refused, unclear};
use crate::event::{Answer, Decision, Ending, Round};
use crate::machine::{Doubt, Hold, Mark, Move, Phase};
use crate::plan::{Mode, Outcome, Side, Way};

#[test]
fn each_doubt_is_about_what_contradicts_it() {
    let sides = [Side::Before, Side::After, Side::Mixed, Side::Foreign];
    let about = |doubt: Doubt| sides.map(|side| doubt.is_about(side));
    assert_eq!(about(Doubt::There), [true, false, false, false]);
    assert_eq!(about(Doubt::Back), [true, false, false, false]);
    assert_eq!(about(Doubt::Refused), [false, true, true, false]);
}

/// A failover whose first write is under way, or was answered.
fn under_way(sketch: &str, answer: Option<Answer>) -> Life {
    let mut life = Life::new(Mode::Failover, sketch);
    life.until(|mv| matches!(mv, Move::Write { .. }));
    life.written(1, Way::There, answer);
    life
}

#[test]
fn what_is_under_way_is_in_doubt_by_its_answer() {
    for (answer, doubt) in [
        (None, None),
        (Some(unclear()), None),
        (Some(done()), Some(Doubt::There)),
        (Some(refused()), Some(Doubt::Refused)),
    ] {
        let life = under_way("kck", answer);
        assert_eq!(life.state.doubts(1), doubt);
        // Of another change nothing is said.
        assert_eq!(life.state.doubts(2), None);
    }
}

/// A failover that was told to go on though its write said that it was done, and was not seen so.
fn claimed() -> Life {
    let mut life = under_way("kck", Some(done()));
    life.settled(Side::Before);
    life.decides(Decision::On);
    assert_eq!(life.state.mark(1), Mark::Claimed);
    life
}

#[test]
fn what_is_claimed_stays_in_doubt_until_a_way_back_says_that_it_is_done() {
    let mut life = claimed();
    assert_eq!(life.state.doubts(1), Some(Doubt::There));
    life.judged(Outcome::Pass);
    assert_eq!(life.ends(), Ending::DoneUnproven);
    life.decides(Decision::Back);
    life.comes_to(1, Way::Back);
    // Nothing was tried yet.
    assert_eq!(life.state.doubts(1), Some(Doubt::There));
    life.compared(1, Way::Back, Side::Before);
    life.written(1, Way::Back, Some(unclear()));
    assert_eq!(life.state.doubts(1), Some(Doubt::Back));
    let mut other = Life {
        plan: life.plan.clone(),
        state: life.state.clone(),
    };
    life.settled(Side::Before);
    life.until(|mv| matches!(mv, Move::Write { .. }));
    life.written(1, Way::Back, Some(done()));
    assert_eq!(life.state.doubts(1), None);
    // Whoever accepts it leaves it.
    for _ in 0..3 {
        other.settled(Side::Before);
        if other.state.held().is_some() {
            break;
        }
        other.until(|mv| matches!(mv, Move::Write { .. }));
        other.written(1, Way::Back, Some(unclear()));
    }
    assert_eq!(other.state.held(), Some(Hold::NotSeen));
    other.decides(Decision::On);
    assert_eq!(other.state.mark(1), Mark::Left);
}

#[test]
fn what_was_seen_once_and_is_somebody_elses_at_the_end_is_in_no_doubt() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1]));
    life.judged(Outcome::Fail);
    assert_eq!(life.state.held(), Some(Hold::Foreign));
    assert_eq!(life.state.doubts(1), None);
    // Never seen, and somebody else's by now.
    let mut life = under_way("kck", Some(done()));
    life.settled(Side::Foreign);
    assert_eq!(life.state.held(), Some(Hold::Foreign));
    assert_eq!(life.state.doubts(1), Some(Doubt::There));
}

/// Whatever it said, or where nobody heard it.
#[test]
fn what_was_seen_in_part_is_in_doubt_on_the_way_there() {
    let declined = Answer::Declined { why: String::new() };
    for answer in [None, Some(unclear()), Some(declined), Some(done())] {
        let mut life = under_way("kck", answer);
        life.settled(Side::Mixed);
        assert_eq!(life.state.mark(1), Mark::Claimed);
    }
    // What goes back in part goes on doing so.
    let mut life = Life::new(Mode::Failover, "kck");
    life.ends_and_goes_back();
    life.writes(Some(done()), Side::Mixed);
    assert_eq!(life.state.mark(1), Mark::Standing);
}

/// It is tried again as long as any write whose answer is missing.
#[test]
fn what_was_done_in_part_is_tried_again_where_the_next_answer_is_missing() {
    let mut life = under_way("kck", Some(done()));
    life.settled(Side::Mixed);
    life.until(|mv| matches!(mv, Move::Write { .. }));
    life.written(1, Way::There, None);
    life.resumes();
    life.settled(Side::Before);
    assert_eq!(life.state.held(), None);
    assert_eq!(life.state.mark(1), Mark::Claimed);
}

#[test]
fn a_no_that_is_looked_at_again_ends_no_doubt() {
    let mut life = under_way("kck", Some(done()));
    life.settled(Side::Mixed);
    life.writes(Some(refused()), None);
    life.decides(Decision::Again);
    life.settled(Side::Before);
    assert_eq!(life.state.held(), Some(Hold::NotSeen));
}

#[test]
fn what_a_half_said_of_itself_is_kept_by_whoever_goes_on() {
    let mut life = Life::new(Mode::Emergency, "kck");
    life.writes(Some(unclear()), Side::Mixed);
    life.writes(Some(done()), Side::Mixed);
    assert_eq!(life.state.held(), Some(Hold::Half));
    life.decides(Decision::Again);
    assert_eq!(life.state.doubts(1), Some(Doubt::There));
}

#[test]
fn a_way_back_that_is_accepted_unseen_is_one_where_nothing_was_claimed() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.ends_and_goes_back();
    life.writes(Some(done()), Side::After);
    assert_eq!(life.state.held(), Some(Hold::NotSeen));
    life.decides(Decision::On);
    assert_eq!(life.state.mark(1), Mark::Back);
}

#[test]
fn that_a_write_was_tried_before_is_known_of_its_mark() {
    let tried = |mark: Mark, way: Way| {
        let mut life = Life::new(Mode::Drill, "kck");
        life.state.marks[1] = mark;
        life.comes_to(1, way);
        life.state.motion().unwrap().tried_before
    };
    assert!(!tried(Mark::None, Way::There));
    assert!(tried(Mark::Unmade, Way::There));
    assert!(!tried(Mark::None, Way::Back));
}

#[test]
fn where_it_goes_is_told() {
    let mut life = Life::new(Mode::Drill, "kck");
    let told = |life: &Life| (life.state.is_on_its_way_back(), life.state.turning());
    assert_eq!(told(&life), (false, false));
    life.until(|mv| matches!(mv, Move::Write { .. }));
    life.written(1, Way::There, None);
    let mut other = Life {
        plan: life.plan.clone(),
        state: life.state.clone(),
    };
    other.decides(Decision::Back);
    assert_eq!(told(&other), (true, true));
    other.settled(Side::After);
    assert_eq!(told(&other), (true, false));
    life.settled(Side::After);
    assert_eq!(told(&life), (false, false));
    life.comes_to(1, Way::Back);
    assert_eq!(told(&life), (true, false));
}

/// Where no check waits behind an undo, nobody wrote meanwhile.
#[test]
fn places_are_read_once_more_only_behind_checks() {
    for (sketch, phase) in [("kc", Phase::Verify), ("kck", Phase::Reread)] {
        let mut life = Life::new(Mode::Failover, sketch);
        life.ends_and_goes_back();
        let wanted = Round::Verify;
        life.until(|mv| matches!(mv, Move::Look { round, .. } if *round == wanted));
        life.judged(Outcome::Pass);
        assert_eq!(life.state.phase(), phase, "{sketch}");
    }
}

/// Version 0.1.0 said nothing of parts.
#[test]
fn whoever_asked_a_sick_old_side_for_it_once_is_believed() {
    for parts in [true, false] {
        let mut life = Life::new(Mode::Failover, "pck");
        life.ends_and_goes_back();
        life.judged(Outcome::Fail);
        assert_eq!(life.state.held(), Some(Hold::OldSideSick));
        life.decides_of_parts(Decision::Back, parts);
        assert_eq!(life.state.phase(), Phase::Undo, "{parts}");
    }
}
