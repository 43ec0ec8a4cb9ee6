//! What the machine refuses, how small its state is, and how it walks through a dry run.
//!
//! All that can happen to it is explored by `simulate`.

mod decides;
mod doubts;
mod found;
mod keeps;
mod life;
mod never;
mod overtaken;
mod refuses;
mod resumes;
mod rules;
mod stays;

use life::{Life, done, refused, unclear};

use super::*;
use crate::event::{Answer, Decision, Ending, Event, Fact, Finding, Round};
use crate::fake::plan;
use crate::plan::{Mode, Outcome, Question, Side, Stay, Then, Value, Way};

#[test]
fn a_state_of_200_steps_is_under_one_kilobyte() {
    let plan = plan(Mode::Drill, &"kc".repeat(100));
    let state = State::new(&plan);
    assert!(size_of::<State>() + state.marks.len() * size_of::<Mark>() < 1024);
}

#[test]
fn an_event_that_cannot_have_happened_is_refused() {
    let plan = plan(Mode::Failover, "kc");
    let mut state = State::new(&plan);
    let settled = Event::Settled {
        entry: 1,
        way: Way::There,
        side: Some(Side::After),
        detail: None,
        stored: Value::default(),
    };
    assert!(state.fold(&plan, &settled).is_err());
    let short = Event::Judged {
        round: Round::There,
        outcomes: Vec::new(),
    };
    assert!(state.fold(&plan, &short).is_err());
}

#[test]
fn what_only_looks_ends_as_a_failover_would() {
    let barred = Event::Barred {
        ending: Ending::Stale,
        why: "another run is not finished".into(),
    };
    let judged = |outcome| Event::Judged {
        round: Round::There,
        outcomes: vec![(0, outcome)],
    };
    for (outcome, ending) in [
        (Outcome::Pass, Ending::Stale),
        (Outcome::Unknown, Ending::Refused),
    ] {
        let plan = plan(Mode::Check, "k");
        let mut state = State::new(&plan);
        assert!(state.fold(&plan, &barred).is_err(), "it has not looked yet");
        state.fold(&plan, &judged(outcome)).unwrap();
        state.fold(&plan, &barred).unwrap();
        assert_eq!(next(&plan, &state), Move::End { ending }, "{outcome:?}");
    }
    let plan = plan(Mode::Failover, "k");
    let mut state = State::new(&plan);
    state.fold(&plan, &judged(Outcome::Pass)).unwrap();
    assert!(state.fold(&plan, &barred).is_err(), "it does not only look");
}

#[test]
fn the_dry_run_walks_to_the_end_without_a_write() {
    let plan = plan(Mode::Plan, "kcck");
    let mut state = State::new(&plan);
    let mut moves = Vec::new();
    loop {
        let mv = next(&plan, &state);
        let event = match &mv {
            Move::Look { round, entries } => Event::Judged {
                round: *round,
                outcomes: entries.iter().map(|i| (*i, Outcome::Pass)).collect(),
            },
            Move::Compare { entry, way } => Event::Compared {
                entry: *entry,
                way: *way,
                side: Some(Side::Before),
                detail: None,
            },
            Move::Write { entry, .. } => Event::WouldChange { entry: *entry },
            Move::End { ending } => Event::Ended { ending: *ending },
            Move::Rest => break,
            other => panic!("{other:?}"),
        };
        state.fold(&plan, &event).unwrap();
        moves.push(mv);
    }
    assert!(!state.wrote());
    assert_eq!(state.ended(), Some(Ending::Done));
    assert_eq!(moves.len(), 7);
}

#[test]
fn done_and_old_is_not_known_in_every_mode_and_both_ways() {
    for mode in [Mode::Drill, Mode::Failover, Mode::Emergency] {
        let mut life = Life::new(mode, "kck");
        life.writes(Some(done()), Side::Before);
        assert_eq!(life.state.held(), Some(Hold::NotSeen), "{mode}");
        assert!(life.state.stands(), "{mode}");
        life.decides(Decision::Stop);
        assert_eq!(life.ends(), Ending::Held, "{mode}");
        // Whoever resumes it looks once more, and sees it.
        life.resumes();
        life.settled(Side::After);
        assert_eq!(life.state.mark(1), Mark::Standing, "{mode}");
    }
    let mut life = Life::new(Mode::Drill, "kck");
    life.until(|mv| *mv == Move::Stay);
    life.happens(Event::HoldOver { by: String::new() });
    life.writes(Some(done()), Side::After);
    assert_eq!(life.state.held(), Some(Hold::NotSeen));
    assert!(life.state.stands());
    // Asked for once more, it is written once more.
    life.decides(Decision::Back);
    life.settled(Side::After);
    life.until(|mv| matches!(mv, Move::Write { way: Way::Back, .. }));
}

#[test]
fn going_back_from_what_no_look_shows_writes_whatever_is_read() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.writes(Some(done()), Side::Before);
    life.decides(Decision::Stop);
    life.ends();
    life.resumes();
    life.decides(Decision::Back);
    life.settled(Side::Before);
    assert_eq!(life.state.mark(1), Mark::Claimed);
    // An old read is no proof: it is written.
    let (entry, way) = (1, Way::Back);
    assert_eq!(life.next(), Move::Compare { entry, way });
    life.compared(entry, way, Side::Before);
    assert_eq!(life.next(), Move::Write { entry, way });
    // Nor is it where that write gets no answer, or a no.
    life.written(entry, way, Some(unclear()));
    life.settled(Side::Before);
    life.compared(entry, way, Side::Before);
    life.written(entry, way, Some(refused()));
    life.settled(Side::Before);
    assert_eq!(life.state.held(), Some(Hold::NotSeen));
    life.decides(Decision::Back);
    life.compared(entry, way, Side::Before);
    life.written(entry, way, Some(done()));
    life.settled(Side::Before);
    assert_eq!(life.state.mark(1), Mark::Back);
    life.judged(Outcome::Pass);
    assert_eq!(life.ends(), Ending::Undone);
}

#[test]
fn a_write_that_did_not_happen_is_looked_at_before_anybody_says_so() {
    for answer in [refused(), Answer::Declined { why: String::new() }] {
        let mut life = Life::new(Mode::Failover, "kck");
        life.writes(Some(answer), Side::Before);
        let (round, entries) = (Round::Verify, vec![1, 2]);
        assert_eq!(life.next(), Move::Look { round, entries });
        life.judged(Outcome::Pass);
        assert_eq!(life.ends(), Ending::Undone);
    }
    // A no that lands all the same stands.
    let mut life = Life::new(Mode::Failover, "kck");
    life.writes(Some(Answer::Declined { why: String::new() }), Side::After);
    assert_eq!(life.state.mark(1), Mark::Standing);
}

#[test]
fn a_refused_write_that_shall_hold_holds_only_where_something_stands() {
    for (sketch, stands) in [("kck", false), ("kcck", true)] {
        let mut life = Life::new(Mode::Failover, sketch);
        let last = sketch.len() - 2;
        life.plan.entries[last].rule.fail = Then::Hold;
        life.until(|mv| matches!(mv, Move::Write { entry, .. } if *entry == last));
        life.written(last, Way::There, Some(refused()));
        life.settled(Side::Before);
        let hold = stands.then_some(Hold::Failed);
        assert_eq!(life.state.held(), hold, "{sketch}");
    }
}

/// A key that was revoked, and a site that is dead: nothing of the run is anywhere, and that is what it says.
#[test]
fn where_nothing_ever_stood_a_sick_old_side_holds_nobody() {
    for mode in [Mode::Drill, Mode::Failover, Mode::Emergency] {
        let mut life = Life::new(mode, "kck");
        life.writes(Some(refused()), Side::Before);
        let Move::Look { round, entries } = life.next() else {
            panic!("{mode}: {:?}", life.next());
        };
        assert_eq!((round, entries), (Round::Verify, vec![1, 2]), "{mode}");
        let outcomes = vec![(1, Outcome::Pass), (2, Outcome::Fail)];
        life.happens(Event::Judged { round, outcomes });
        assert_eq!(life.ends(), Ending::Undone, "{mode}");
        // Its place is another matter: it may have landed after all.
        let mut life = Life::new(mode, "kck");
        life.writes(Some(refused()), Side::Before);
        let outcomes = vec![(1, Outcome::Fail), (2, Outcome::Pass)];
        life.happens(Event::Judged { round, outcomes });
        assert_eq!(life.state.held(), Some(Hold::NotAsBefore), "{mode}");
    }
}

#[test]
fn whoever_stops_where_nothing_ever_stood_leaves_nothing() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.plan.entries[1].rule.fail = Then::Note;
    life.plan.entries[2].rule.late = Then::Hold;
    life.writes(Some(refused()), Side::Before);
    life.judged(Outcome::Late);
    assert_eq!(life.state.held(), Some(Hold::Late));
    life.decides(Decision::Stop);
    life.judged(Outcome::Pass);
    assert_eq!(life.ends(), Ending::Undone);
}

#[test]
fn a_write_without_an_answer_is_made_twice_and_one_that_was_cut_off_again() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.writes(Some(unclear()), Side::Before);
    life.writes(Some(unclear()), Side::Before);
    assert_eq!(life.state.phase(), Phase::Verify);
    let mut life = Life::new(Mode::Failover, "kck");
    for _ in 0..4 {
        life.writes(None, Side::Before);
        let (entry, way) = (1, Way::There);
        assert_eq!(life.next(), Move::Compare { entry, way });
    }
    // It has one try left, and not more.
    life.writes(Some(unclear()), Side::Before);
    assert_eq!(life.state.phase(), Phase::Verify);
}

#[test]
fn whoever_asks_to_go_back_while_a_write_settles_is_heard() {
    for (side, mark) in [
        (Side::Before, Mark::Standing),
        // The rest of it may come.
        (Side::Mixed, Mark::Claimed),
        (Side::After, Mark::Standing),
        // What is ours of it goes back.
        (Side::Foreign, Mark::Shared),
    ] {
        let mut life = Life::new(Mode::Failover, "kcck");
        life.until(|mv| matches!(mv, Move::Write { entry: 2, .. }));
        life.written(2, Way::There, None);
        life.resumes();
        life.decides(Decision::Back);
        life.settled(side);
        assert_eq!(life.state.mark(2), mark, "{side:?}");
        let (entry, way) = (2, Way::Back);
        life.until(|mv| !matches!(mv, Move::Look { .. }));
        assert_eq!(life.next(), Move::Compare { entry, way }, "{side:?}");
    }
}

#[test]
fn what_said_done_and_shows_the_old_value_is_written_back_by_whoever_asked_meanwhile() {
    for (side, mark) in [(Side::Before, Mark::Claimed), (Side::Mixed, Mark::Claimed)] {
        let mut life = Life::new(Mode::Failover, "kck");
        life.until(|mv| matches!(mv, Move::Write { .. }));
        life.written(1, Way::There, Some(done()));
        life.decides(Decision::Back);
        life.settled(side);
        assert_eq!(life.state.mark(1), mark, "{side:?}");
    }
}

#[test]
fn a_place_that_somebody_wrote_meanwhile_is_found_before_the_end() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1]));
    life.judged(Outcome::Fail);
    assert_eq!(life.state.held(), Some(Hold::Foreign));
    life.decides(Decision::Again);
    // It is looked at, and never written again.
    life.settled(Side::Before);
    assert_eq!(life.state.held(), Some(Hold::NotSeen));
    life.decides(Decision::Again);
    life.settled(Side::After);
    life.judged(Outcome::Pass);
    assert_eq!(life.ends(), Ending::Done);
    // What cannot be read at the end is not said to be seen.
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1]));
    life.judged(Outcome::Unknown);
    assert_eq!(life.ends(), Ending::DoneUnproven);
}

#[test]
fn places_are_read_once_more_when_the_checks_behind_an_undo_are_done() {
    let gone_back = || {
        let mut life = Life::new(Mode::Drill, "kcck");
        life.until(|mv| *mv == Move::Stay);
        life.decides(Decision::Back);
        life.until(verifies);
        life
    };
    let mut life = gone_back();
    life.judged(Outcome::Pass);
    assert_eq!(life.looks(), (Round::Verify, vec![1, 2]));
    // Somebody wrote there while the checks were waited for.
    for outcome in [Outcome::Fail, Outcome::Unknown] {
        let mut life = gone_back();
        life.judged(Outcome::Pass);
        life.judged(outcome);
        assert_eq!(life.state.held(), Some(Hold::NotAsBefore), "{outcome:?}");
        // All of it is looked at again.
        life.decides(Decision::Again);
        assert_eq!(life.looks(), (Round::Verify, vec![1, 2, 3]));
        life.judged(Outcome::Pass);
        life.judged(Outcome::Pass);
        assert_eq!(life.ends(), Ending::Undone);
    }
    // Whoever resumes it there looks at all of it: what the checks saw may be long ago.
    let mut life = gone_back();
    life.judged(Outcome::Pass);
    life.resumes();
    assert_eq!(life.looks(), (Round::Verify, vec![1, 2, 3]));
    // A version that did not read them again ended here.
    let mut life = gone_back();
    life.judged(Outcome::Pass);
    let ending = Ending::Undone;
    life.happens(Event::Ended { ending });
}

#[test]
fn what_was_accepted_is_looked_at_once_more() {
    let mut life = Life::new(Mode::Drill, "kck");
    life.until(|mv| *mv == Move::Stay);
    life.decides(Decision::Back);
    life.until(verifies);
    life.judged(Outcome::Late);
    assert_eq!(life.state.held(), Some(Hold::NotAsBefore));
    life.decides(Decision::On);
    assert_eq!(life.state.phase(), Phase::Accept);
    // Something newer is not accepted.
    life.judged(Outcome::Fail);
    assert_eq!(life.state.held(), Some(Hold::NotAsBefore));
    life.decides(Decision::On);
    // The place was accepted as it is, so it is not as before.
    life.judged(Outcome::Warn);
    assert_eq!(life.ends(), Ending::Held);
    assert_eq!(life.state.mark(1), Mark::Left);
}

#[test]
fn a_run_that_wrote_nothing_is_neither_held_nor_done_unseen() {
    let mut life = Life::new(Mode::Failover, "k");
    life.plan.entries[0].rule.late = Then::Hold;
    life.judged(Outcome::Late);
    life.decides(Decision::Stop);
    assert_eq!(life.ends(), Ending::Refused);
    let mut life = Life::new(Mode::Failover, "k");
    life.judged(Outcome::Late);
    assert_eq!(life.ends(), Ending::Refused);
    // A dry run ends as its run would; one that has something to change would not be refused.
    for (steps, ending) in [("k", Ending::Refused), ("kc", Ending::DoneUnproven)] {
        let mut life = Life::new(Mode::Plan, steps);
        life.judged(Outcome::Late);
        life.until(|mv| matches!(mv, Move::End { .. }));
        assert_eq!(life.ends(), ending, "{steps}");
    }
    let mut life = Life::new(Mode::Check, "k");
    life.judged(Outcome::Late);
    assert_eq!(life.ends(), Ending::DoneUnproven);
}

/// Version 0.1.0 ended without the last looks; its journals fold all the same.
#[test]
fn a_journal_that_ended_without_the_last_looks_is_read() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1]));
    life.happens(Event::Ended {
        ending: Ending::Done,
    });
    let mut life = Life::new(Mode::Failover, "kck");
    life.writes(Some(refused()), Side::Before);
    life.happens(Event::Ended {
        ending: Ending::Undone,
    });
    let mut life = Life::new(Mode::Drill, "kck");
    life.until(|mv| *mv == Move::Stay);
    life.decides(Decision::Back);
    life.until(verifies);
    life.happens(Event::Judged {
        round: Round::Verify,
        outcomes: vec![(2, Outcome::Pass)],
    });
    assert_eq!(life.ends(), Ending::Undone);
}

/// Whether this looks at what was put back.
fn verifies(mv: &Move) -> bool {
    let verify = Round::Verify;
    matches!(mv, Move::Look { round, .. } if *round == verify)
}

#[test]
fn what_is_ours_goes_back_beside_what_somebody_else_wrote_and_then_nothing_is_left_to_do() {
    for decision in [Decision::Back, Decision::On] {
        let mut life = Life::new(Mode::Failover, "pcc");
        life.until(|mv| matches!(mv, Move::End { .. }));
        assert_eq!(life.ends(), Ending::Done);
        life.decides(Decision::Back);
        life.until(|mv| matches!(mv, Move::Compare { .. }));
        life.compared(2, Way::Back, Side::Foreign);
        assert_eq!(life.state.held(), Some(Hold::Foreign));
        life.decides(decision);
        assert_eq!(life.state.mark(2), Mark::Shared);
        // Of the rest something still stands.
        life.compared(2, Way::Back, Side::After);
        life.written(2, Way::Back, Some(done()));
        life.settled(Side::Before);
        assert_eq!(life.state.mark(2), Mark::Left);
        life.until(|mv| matches!(mv, Move::End { .. }));
        assert_eq!(life.state.mark(1), Mark::Back, "the other one went back");
        assert_eq!(life.ends(), Ending::Held);
        assert!(life.state.left_something() && !life.state.stands());
    }
}

#[test]
fn a_success_of_which_not_every_service_is_seen_to_move_is_not_proven() {
    let unknown = Finding::new(Outcome::Warn, "one name is in no zone").facts(vec![Fact {
        outcome: Outcome::Unknown,
        what: "www.elsewhere.example".to_owned(),
        expected: "leads to cloud".to_owned(),
        actual: "nobody answered".to_owned(),
    }]);
    for (moves, finding, ending) in [
        (true, unknown.clone(), Ending::DoneUnproven),
        (false, unknown, Ending::Done),
        (true, Finding::new(Outcome::Warn, "no tcp"), Ending::Done),
    ] {
        let mut life = Life::new(Mode::Failover, "kck");
        life.plan.entries[2].answers = moves.then_some(Question::Moves);
        life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[2]));
        life.happens(Event::Looked {
            entry: 2,
            round: Round::There,
            finding,
        });
        // Version 0.1.0 called it done, and looked at no place before.
        life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1]));
        let done = Event::Ended {
            ending: Ending::Done,
        };
        assert!(life.state.clone().fold(&life.plan, &done).is_ok());
        life.until(|mv| matches!(mv, Move::End { .. }));
        let said = life.state.clone().fold(&life.plan, &done);
        assert_eq!(said.is_ok(), ending == Ending::Done);
        assert_eq!(life.ends(), ending);
    }
    // A plan says so before.
    let mut life = Life::new(Mode::Failover, "kck");
    let mut dry = Life::new(Mode::Plan, "k");
    for life in [&mut life, &mut dry] {
        life.plan.behind.push(Stay {
            what: "www HTTPS".to_owned(),
            why: "its hint leads to old".to_owned(),
        });
        life.until(|mv| matches!(mv, Move::End { .. }));
        assert_eq!(life.ends(), Ending::DoneUnproven);
    }
}
