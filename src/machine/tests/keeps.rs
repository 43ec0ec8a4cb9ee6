//! What a state keeps, tells and forgets, and what of an older version it still takes.

use super::life::{Life, done, refused, unclear};
use super::refuses::reached;
use crate::event::{Decision, Ending, Event, Round};
use crate::fake::plan;
use crate::machine::parts::Stayed;
use crate::machine::{
    Hold, Mark, Motion, Move, Phase, Said, Stage, State, byte, pack_number, unpack_number,
};
use crate::plan::{Mode, Outcome, Side, Way};

fn takes(life: &Life, ending: Ending) -> bool {
    let mut state = life.state.clone();
    state.fold(&life.plan, &Event::Ended { ending }).is_ok()
}

#[test]
fn numbers_take_as_many_bytes_as_they_need() {
    for (number, length) in [
        (0, 1),
        (1, 1),
        (127, 1),
        (128, 2),
        (300, 2),
        (16_383, 2),
        (16_384, 3),
        (u16::MAX, 3),
    ] {
        let mut out = Vec::new();
        pack_number(number, &mut out);
        assert_eq!(out.len(), length, "{number}");
        out.push(77);
        let mut bytes = out.as_slice();
        assert_eq!(unpack_number(&mut bytes), Some(number));
        assert_eq!(byte(&mut bytes), Some(77), "{number}");
        assert_eq!(byte(&mut bytes), None, "{number}");
    }
}

/// A state, and the same with each of what few have.
fn with_what_few_have(state: State) -> Vec<State> {
    let stayed = Stayed {
        phase: Phase::Return,
        at: 2,
        ended: Some(Ending::Done),
    };
    let last = Stage::Answered(Said::Declined);
    let moving = |state: &mut State, change: &dyn Fn(&mut Motion)| {
        state.motion.iter_mut().for_each(change);
    };
    let changes: [&dyn Fn(&mut State); 8] = [
        &|state| state.stood = true,
        &|state| state.stayed = Some(stayed),
        &|state| state.looks_anew = true,
        &|state| state.remains = true,
        &|state| state.returned = true,
        &|state| state.shares = true,
        &|state| moving(state, &|motion| motion.stage = last),
        &|state| moving(state, &|motion| motion.tried_before = true),
    ];
    let changed = changes.map(|change| {
        let mut state = state.clone();
        change(&mut state);
        state
    });
    std::iter::once(state).chain(changed).collect()
}

#[test]
fn every_state_is_packed_and_unpacked_as_it_was() {
    for (mode, sketch) in [(Mode::Drill, "bkck"), (Mode::Failover, "kc?ac")] {
        let plan = plan(mode, sketch);
        let writes = |i: &u16| plan.entries[usize::from(*i)].writes();
        let length = u16::try_from(sketch.len()).unwrap();
        let writers: Vec<u16> = (0..length).filter(writes).collect();
        for state in reached(&plan).into_iter().flat_map(with_what_few_have) {
            let mut out = Vec::new();
            state.pack(&writers, |i| i as u8, &mut out);
            let few = if state.stayed.is_some() { 2 } else { 0 };
            assert!(out.len() <= 12 + few, "{out:?}");
            out.push(77);
            let mut bytes = out.as_slice();
            let mut again = State::new(&plan);
            let mut beside = Vec::new();
            let told = again.unpack(&writers, &mut bytes, |i, b| beside.push((i, b)));
            assert_eq!((told, bytes), (Some(()), &[77][..]));
            assert_eq!(again, state);
            assert!(
                beside.iter().all(|(i, b)| *i == usize::from(*b)),
                "{beside:?}"
            );
            // A copy into another state is a copy.
            let mut copy = State::new(&plan);
            copy.clone_from(&state);
            assert_eq!(copy, state);
        }
    }
}

/// Of equal neighbours one is kept, and how many.
#[test]
fn a_state_of_many_equal_marks_takes_a_few_bytes() {
    let plan = plan(Mode::Failover, &("c".repeat(300) + "kcc"));
    let writers: Vec<u16> = (0..300).chain([301, 302]).collect();
    let mut state = State::new(&plan);
    state.marks[..300].fill(Mark::Standing);
    state.marks[302] = Mark::Back;
    let mut out = Vec::new();
    state.pack(&writers, |i| u8::from(i < 300) * 9, &mut out);
    assert!(out.len() <= 14, "{out:?}");
    let mut again = State::new(&plan);
    let mut beside = Vec::new();
    let told = again.unpack(&writers, &mut out.as_slice(), |i, b| beside.push((i, b)));
    assert_eq!((told, &again), (Some(()), &state));
    let expected = |(i, b): &(usize, u8)| *b == u8::from(*i < 300) * 9;
    assert!(beside.len() == 302 && beside.iter().all(expected));
}

#[test]
fn a_state_tells_what_it_is_asked_for() {
    let mut life = Life::new(Mode::Failover, "bck");
    assert!(life.state.lacks_baseline() && !life.state.stopping());
    life.until(|mv| *mv == Move::TakeBaseline);
    life.happens(Event::BaselineTaken { sights: Vec::new() });
    assert!(!life.state.lacks_baseline());
    assert!(!life.state.wrote() && !life.state.unseen() && !life.state.left_something());
    life.writes(Some(done()), Side::After);
    assert!(life.state.wrote());
    let by = String::new();
    life.happens(Event::StopAsked { by });
    assert!(life.state.stopping());
    assert_eq!(life.ends(), Ending::Stopped);
    // What was accepted was not seen; what was left is not ours any more.
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[2]));
    life.judged(Outcome::Late);
    life.decides(Decision::On);
    assert!(life.state.unseen() && !life.state.left_something());
    life.judged(Outcome::Fail);
    life.decides(Decision::On);
    assert!(life.state.left_something());
    assert_eq!(life.state.closing(), Some(Ending::DoneUnproven));
}

#[test]
fn a_drill_that_left_something_has_not_come_back() {
    let mut life = Life::new(Mode::Drill, "kck");
    life.until(|mv| *mv == Move::Stay);
    life.happens(Event::HoldOver { by: String::new() });
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1]));
    let Move::Look { round, .. } = life.next() else {
        unreachable!()
    };
    assert_eq!(round, Round::Return);
    life.judged(Outcome::Fail);
    assert_eq!(life.state.held(), Some(Hold::Foreign));
    life.decides(Decision::On);
    assert_eq!(life.state.mark(1), Mark::Left);
    assert_eq!(life.ends(), Ending::Held);
}

#[test]
fn where_nothing_can_be_looked_at_an_undo_ends_all_the_same() {
    let mut life = Life::new(Mode::Failover, "a");
    life.until(|mv| matches!(mv, Move::Write { .. }));
    life.written(0, Way::There, Some(done()));
    assert_eq!(life.ends(), Ending::Done);
    life.decides(Decision::Back);
    life.until(|mv| matches!(mv, Move::Write { .. }));
    life.written(0, Way::Back, Some(done()));
    assert_eq!(life.ends(), Ending::Undone);
}

/// A search asks of two states whether they have the same future.
#[test]
fn what_nothing_depends_on_is_forgotten_and_nothing_else() {
    let plan = plan(Mode::Failover, "kccca");
    let forgot = |stood: bool, phase: Phase| {
        let mut state = State::new(&plan);
        (state.stood, state.phase, state.unseen) = (stood, phase, true);
        let marks = [Mark::Unmade, Mark::Left, Mark::Unneeded, Mark::Back];
        state.marks[1..].copy_from_slice(&marks);
        state.forget(&plan);
        (state.marks[1..].to_vec(), state.unseen)
    };
    let none = Mark::None;
    let (unmade, unneeded) = (Mark::Unmade, Mark::Unneeded);
    let kept = |first, third| vec![first, Mark::Left, third, none];
    assert_eq!(
        forgot(true, Phase::Forward),
        (kept(Mark::Back, unneeded), true)
    );
    assert_eq!(
        forgot(false, Phase::Forward),
        (kept(unmade, unneeded), true)
    );
    // An undo says what each of them holds, but for what was left.
    let undone = (kept(Mark::Back, unneeded), false);
    assert_eq!(forgot(true, Phase::Undo), undone);
    // What a change holds is asked for once more.
    let mut state = State::new(&plan);
    state.marks[1] = Mark::Back;
    state.forget(&plan);
    assert_eq!(state.mark(1), Mark::Back);
    let tries_in = |phase, entry: u16, way, held| {
        let mut state = State::new(&plan);
        state.start(entry, way);
        (state.phase, state.held) = (phase, held);
        if let Some(motion) = &mut state.motion {
            motion.tries = 2;
        }
        state.forget(&plan);
        state.motion.map(|m| m.tries)
    };
    let tries = |entry, way, held| tries_in(Phase::Forward, entry, way, held);
    let held = Some(Hold::Foreign);
    assert_eq!(tries(1, Way::There, None), Some(2));
    assert_eq!(tries(1, Way::Back, None), Some(2));
    assert_eq!(
        tries(1, Way::There, held),
        Some(1),
        "each way out leaves one"
    );
    assert_eq!(tries(4, Way::There, None), Some(2));
    assert_eq!(tries_in(Phase::Undo, 4, Way::Back, None), Some(0));
    assert_eq!(tries_in(Phase::Undo, 4, Way::Back, held), Some(0));
    // Where it returns, what was tried can stay nowhere.
    assert_eq!(tries_in(Phase::Return, 4, Way::Back, None), Some(1));
}

#[test]
fn an_old_journal_may_end_only_as_that_version_did() {
    // It looked at nothing before it said so.
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1]));
    let ends = |life: &Life| -> Vec<Ending> {
        let all = Ending::ALL.into_iter();
        let mut told: Vec<Ending> = all.filter(|ending| takes(life, *ending)).collect();
        told.sort();
        told
    };
    assert_eq!(ends(&life), [Ending::Done]);
    let mut life = Life::new(Mode::Failover, "kck");
    life.writes(Some(refused()), Side::Before);
    assert_eq!(ends(&life), [Ending::Undone]);
    // It called a run held that had written nothing, and one unproven that had changed nothing.
    let mut life = Life::new(Mode::Failover, "kck");
    life.judged(Outcome::Fail);
    let mut expected = [Ending::Refused, Ending::Held];
    expected.sort();
    assert_eq!(ends(&life), expected);
    let mut life = Life::new(Mode::Failover, "k");
    life.judged(Outcome::Late);
    let mut expected = [Ending::Refused, Ending::DoneUnproven];
    expected.sort();
    assert_eq!(ends(&life), expected);
    // Nowhere else.
    let mut life = Life::new(Mode::Drill, "kck");
    assert_eq!(ends(&life), []);
    life.until(|mv| matches!(mv, Move::Write { .. }));
    assert_eq!(ends(&life), []);
    life.written(1, Way::There, Some(unclear()));
    assert_eq!(ends(&life), []);
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1]));
    life.judged(Outcome::Fail);
    assert_eq!(ends(&life), [], "it is held");
    // Where the places were looked at before the end, this version ended it: what was not seen counts.
    let mut life = Life::new(Mode::Failover, "kck");
    life.judged(Outcome::Late);
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1]));
    let mut expected = [Ending::Done, Ending::DoneUnproven];
    expected.sort();
    assert_eq!(ends(&life), expected, "it looked at nothing there");
    life.judged(Outcome::Pass);
    assert_eq!(ends(&life), [Ending::DoneUnproven]);
    // Where there is no place to look at, nothing tells them apart.
    let mut life = Life::new(Mode::Failover, "ka");
    life.judged(Outcome::Late);
    life.until(|mv| matches!(mv, Move::End { .. }));
    assert_eq!(ends(&life), expected);
}

#[test]
fn a_look_stops_a_run_by_what_it_is_a_look_at() {
    let life = Life::new(Mode::Failover, "kck");
    let stops = |round, entry, outcome| life.state.stops(&life.plan, round, entry, outcome);
    for round in [Round::There, Round::Return] {
        // A place: what cannot be read was seen after its write.
        assert!(stops(round, 1, Outcome::Fail) && stops(round, 1, Outcome::Late));
        assert!(!stops(round, 1, Outcome::Unknown) && !stops(round, 1, Outcome::Pass));
        // A check: as its rule says.
        assert!(!stops(round, 0, Outcome::Late), "it notes that");
        assert!(stops(round, 0, Outcome::Unknown) && stops(round, 2, Outcome::Late));
        assert!(!stops(round, 2, Outcome::Warn));
    }
    assert!(stops(Round::Verify, 1, Outcome::Unknown) && !stops(Round::Verify, 1, Outcome::Warn));
    assert!(stops(Round::Probe, 0, Outcome::Late) && !stops(Round::Probe, 0, Outcome::Warn));
    assert!(!stops(Round::There, 9, Outcome::Fail));
}
