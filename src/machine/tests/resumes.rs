//! What whoever resumes a run looks at once more.

use super::life::{Life, done, refused, unclear};
use crate::event::{Answer, Decision, Ending, Event, Round};
use crate::machine::{Hold, Mark, Move, Phase};
use crate::plan::{IfInterrupted, Mode, Nature, Outcome, Side, Way};

#[test]
fn an_end_that_was_decided_and_not_reached_is_looked_at_anew() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::End { .. }));
    life.resumes();
    assert!(
        matches!(life.next(), Move::Look { .. }),
        "{:?}",
        life.next()
    );
}

/// What a run had seen before it was cut off may be long ago: the standby may have died meanwhile.
#[test]
fn whoever_resumes_looks_again_before_the_next_write() {
    // Before the first write, by whatever it was cut off; what was waited for is over.
    for write in [false, true] {
        let mut life = Life::new(Mode::Failover, "kwkck");
        life.judged(Outcome::Pass);
        life.happens(Event::Waited { entry: 1 });
        life.judged(Outcome::Pass);
        if write {
            life.compared(3, Way::There, Side::Before);
        }
        life.resumes();
        assert_eq!(life.looks(), (Round::There, vec![0, 2]));
        life.judged(Outcome::Fail);
        assert_eq!(life.ends(), Ending::Refused);
    }
    // A write that was cut off and never arrived is made again only after the looks that led to it.
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Write { .. }));
    life.written(1, Way::There, None);
    life.resumes();
    life.settled(Side::Before);
    assert_eq!(life.looks(), (Round::There, vec![0]));
    life.judged(Outcome::Pass);
    life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[2]));
    // After it, only what follows it, and the place itself.
    life.judged(Outcome::Pass);
    life.resumes();
    assert_eq!(life.looks(), (Round::There, vec![2]));
    let mut life = Life::new(Mode::Failover, "kckkck");
    life.until(|mv| matches!(mv, Move::Compare { entry: 4, .. }));
    life.resumes();
    assert_eq!(life.looks(), (Round::There, vec![2, 3]));
    // On the way back, and before an undo.
    let mut life = Life::new(Mode::Drill, "kck");
    life.until(|mv| matches!(mv, Move::Compare { way: Way::Back, .. }));
    life.resumes();
    assert_eq!(life.looks(), (Round::Return, vec![0]));
    let mut life = Life::new(Mode::Drill, "kck");
    life.plan.entries[0].probes_old_side = true;
    life.until(|mv| *mv == Move::Stay);
    life.decides(Decision::Back);
    life.judged(Outcome::Pass);
    life.resumes();
    assert_eq!(life.looks(), (Round::Probe, vec![0]));
}

/// A site that leads somewhere else for hours is not seen to serve by what was seen before.
#[test]
fn whoever_resumes_sees_whether_the_side_serves_before_the_run_goes_on() {
    let of = |mode, sketch| {
        let mut life = Life::new(mode, sketch);
        life.plan.entries[0].probes_old_side = true;
        life
    };
    // Between two writes, however the first one was cut off.
    let cuts: [(Option<Answer>, Side); 4] = [
        (Some(done()), Side::After),
        (None, Side::After),
        (None, Side::Before),
        (Some(unclear()), Side::Before),
    ];
    for (answer, side) in cuts {
        for settled in [true, false] {
            if settled && side == Side::Before {
                continue;
            }
            let mut life = of(Mode::Failover, "kkckc");
            life.until(|mv| matches!(mv, Move::Write { .. }));
            life.written(2, Way::There, answer.clone());
            if settled {
                life.settled(side);
            }
            life.resumes();
            if !settled {
                life.settled(side);
            }
            let again = match side {
                Side::After => vec![0, 3],
                _ => vec![0, 1],
            };
            assert_eq!(life.looks(), (Round::There, again), "{answer:?} {side:?}");
        }
    }
    // A write that was refused is made again by whoever resumes it, after the look.
    let mut life = of(Mode::Emergency, "kcc");
    life.until(|mv| matches!(mv, Move::Compare { entry: 2, .. }));
    life.compared(2, Way::There, Side::Before);
    life.written(2, Way::There, Some(refused()));
    life.settled(Side::Before);
    life.decides(Decision::Stop);
    life.ends();
    life.resumes();
    assert_eq!(life.looks(), (Round::There, vec![0]));
    // On the way back, between two writes, and behind the last one before its check.
    for last in [1, 2] {
        let mut life = of(Mode::Drill, "kcck");
        life.until(|mv| *mv == Move::Stay);
        life.happens(Event::HoldOver { by: String::new() });
        life.judged(Outcome::Pass);
        while life.state.mark(last) != Mark::Back {
            life.goes_well(life.next());
        }
        life.resumes();
        let behind = if last == 2 { vec![0, 3] } else { vec![0] };
        assert_eq!(life.looks(), (Round::Return, behind), "{last}");
    }
}

/// Of what stood before the first write a person is asked once something stands.
#[test]
fn whoever_resumes_is_asked_where_a_look_before_the_first_write_fails_behind_it() {
    for odd in [Outcome::Fail, Outcome::Unknown] {
        for held in [false, true] {
            let mut life = Life::new(Mode::Failover, "pckk");
            life.writes(Some(done()), Side::After);
            if held {
                life.judged(Outcome::Late);
                life.decides(Decision::Stop);
                assert_eq!(life.ends(), Ending::Held);
            }
            life.resumes();
            let (round, entries) = life.looks();
            assert_eq!((round, entries.as_slice()), (Round::There, &[0, 2, 3][..]));
            let judged = |bad: usize, outcome| {
                let of = |i| if i == bad { outcome } else { Outcome::Pass };
                let outcomes = entries.iter().map(|i| (*i, of(*i))).collect();
                Event::Judged { round, outcomes }
            };
            life.happens(judged(0, odd));
            assert!(life.state.held().is_some(), "{odd:?} {held}");
            assert_eq!(life.state.phase(), Phase::Forward);
            // What stands behind the write follows its own rule.
            life.decides(Decision::Again);
            life.happens(judged(2, Outcome::Fail));
            assert_eq!(life.state.phase(), Phase::Probe);
        }
    }
    // Where nothing stands it stops the run as before.
    let mut life = Life::new(Mode::Failover, "pkck");
    life.until(|mv| matches!(mv, Move::Write { .. }));
    life.written(2, Way::There, None);
    life.resumes();
    life.settled(Side::Before);
    assert_eq!(life.looks(), (Round::There, vec![0, 1]));
    life.judged(Outcome::Fail);
    assert_eq!(life.state.held(), None);
}

/// Version 0.1.0 went on where it was.
#[test]
fn a_journal_that_went_on_with_what_it_had_seen_is_read() {
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::Compare { .. }));
    life.happens(Event::Resumed {
        by: String::new(),
        version: String::new(),
        anew: false,
    });
    life.compared(1, Way::There, Side::Before);
}

/// It was seen that it never arrived, and then the run was stopped or cut off: the look at the sites is as old.
#[test]
fn a_write_that_is_made_again_by_whoever_resumes_it_is_made_after_the_looks() {
    for compared in [false, true] {
        let mut life = Life::new(Mode::Failover, "kckck");
        life.comes_to(3, Way::There);
        life.compared(3, Way::There, Side::Before);
        life.written(3, Way::There, Some(unclear()));
        life.settled(Side::Before);
        if compared {
            life.compared(3, Way::There, Side::Before);
        } else {
            life.happens(Event::StopAsked { by: String::new() });
            assert_eq!(life.ends(), Ending::Stopped);
        }
        life.resumes();
        life.settled(Side::Before);
        assert_eq!(life.state.mark(3), Mark::Unmade);
        assert_eq!(life.looks(), (Round::There, vec![2]));
        life.judged(Outcome::Fail);
        assert_eq!(life.state.phase(), Phase::Undo);
    }
    // Half of it stands: the rest is finished.
    let mut life = Life::new(Mode::Failover, "kckck");
    life.comes_to(3, Way::There);
    life.compared(3, Way::There, Side::Before);
    life.written(3, Way::There, Some(unclear()));
    life.settled(Side::Mixed);
    life.resumes();
    life.settled(Side::Mixed);
    let (entry, way) = (3, Way::There);
    assert_eq!(life.next(), Move::Write { entry, way });
    // The same on a drill's way back; there it still stands.
    let mut life = Life::new(Mode::Drill, "kckck");
    life.comes_to(3, Way::Back);
    life.compared(3, Way::Back, Side::After);
    life.written(3, Way::Back, Some(unclear()));
    life.settled(Side::After);
    life.resumes();
    assert_eq!(life.looks(), (Round::Return, vec![2]));
    life.judged(Outcome::Pass);
    life.comes_to(3, Way::Back);
    life.compared(3, Way::Back, Side::After);
    life.written(3, Way::Back, None);
    life.resumes();
    life.settled(Side::After);
    assert_eq!(life.state.mark(3), Mark::Standing);
    assert_eq!(life.looks(), (Round::Return, vec![2]));
}

/// What is up to here was seen since the last write, or belongs to what went before it.
#[test]
fn whoever_resumes_looks_at_nothing_that_came_before_a_place_that_is_settled() {
    // A place that held the new value already, and one of which nobody knows.
    let unneeded = |life: &mut Life| {
        life.comes_to(1, Way::There);
        life.compared(1, Way::There, Side::After);
    };
    let claimed = |life: &mut Life| {
        life.writes(Some(done()), Side::Before);
        life.decides(Decision::On);
    };
    type Comes = fn(&mut Life);
    let cases: [(Comes, Mark); 2] = [(unneeded, Mark::Unneeded), (claimed, Mark::Claimed)];
    for (comes, mark) in cases {
        let mut life = Life::new(Mode::Failover, "kckc");
        comes(&mut life);
        assert_eq!(life.state.mark(1), mark);
        life.comes_to(3, Way::There);
        let (_, at, _) = life.state.position();
        life.resumes();
        assert_eq!(life.looks(), (Round::There, vec![2]), "{mark:?}");
        let (_, now, _) = life.state.position();
        assert_eq!((at, now), (3, 3), "it is where it was");
    }
    // On a drill's way back a change that is back; of an act nobody can say that it is.
    for (sketch, looks) in [("kckck", vec![2]), ("kakck", vec![0, 2])] {
        let mut life = Life::new(Mode::Drill, sketch);
        life.until(|mv| *mv == Move::Stay);
        life.happens(Event::HoldOver { by: String::new() });
        while life.next()
            != (Move::Compare {
                entry: 3,
                way: Way::Back,
            })
        {
            match life.next() {
                Move::Write { entry: 1, way } if sketch == "kakck" => {
                    life.written(1, way, Some(done()));
                }
                mv => life.goes_well(mv),
            }
        }
        assert_eq!(life.state.mark(1), Mark::Back);
        life.resumes();
        assert_eq!(life.looks(), (Round::Return, looks), "{sketch}");
    }
}

#[test]
fn what_a_person_decided_of_an_act_is_not_asked_again() {
    let mut life = Life::new(Mode::Failover, "kak");
    life.until(|mv| matches!(mv, Move::Write { .. }));
    life.written(1, Way::There, None);
    life.resumes();
    assert_eq!(life.state.held(), Some(Hold::Interrupted));
    life.decides(Decision::Again);
    for _ in 0..2 {
        life.resumes();
        assert_eq!(life.state.held(), None);
        assert_eq!(life.looks(), (Round::There, vec![0]));
        life.judged(Outcome::Pass);
        let (entry, way) = (1, Way::There);
        assert_eq!(life.next(), Move::Compare { entry, way });
        // A comparison is nothing that a cut takes away: it begins with it once more.
        life.compared(entry, way, None);
    }
}

#[test]
fn only_an_act_that_may_have_happened_is_taken_for_done_where_the_playbook_says_so() {
    let cut = |sketch: &str, way: Way, answer: Option<Option<Answer>>| {
        let mut life = Life::new(Mode::Drill, sketch);
        while !matches!(life.next(), Move::Write { entry: 1, way: w } if w == way) {
            match life.next() {
                Move::Write { entry: 1, way } if sketch != "kck" => {
                    life.written(1, way, Some(done()));
                }
                mv => life.goes_well(mv),
            }
        }
        if let Some(answer) = answer {
            life.written(1, way, answer);
        }
        life.state.is_skipped_by_a_resume(&life.plan)
    };
    for way in [Way::There, Way::Back] {
        assert!(cut("ksk", way, Some(None)), "{way:?}");
        assert!(cut("ksk", way, Some(Some(unclear()))), "{way:?}");
        assert!(!cut("ksk", way, None), "{way:?}: it was not begun");
        assert!(!cut("kak", way, Some(None)), "{way:?}: a person is asked");
        assert!(!cut("kck", way, Some(None)), "{way:?}: a place can be read");
    }
    assert!(cut("kxk", Way::There, Some(None)));
    // Refused on its way back, it is made again.
    assert!(!cut("ksk", Way::Back, Some(Some(refused()))));
}

/// The checks that an ending speaks for may have been seen long ago.
#[test]
fn whoever_resumes_behind_the_last_write_looks_before_the_end() {
    // Before its places are read, and when they were.
    for read in [false, true] {
        let mut life = Life::new(Mode::Failover, "kckk");
        life.until(|mv| matches!(mv, Move::Look { entries, .. } if entries == &[1]));
        if read {
            life.judged(Outcome::Pass);
        }
        life.resumes();
        assert_eq!(life.looks(), (Round::There, vec![2, 3]), "{read}");
        life.judged(Outcome::Pass);
        assert_eq!(life.looks(), (Round::There, vec![1]), "{read}");
        life.judged(Outcome::Pass);
        assert_eq!(life.ends(), Ending::Done);
    }
    // What fails now leads back.
    let mut life = Life::new(Mode::Failover, "kck");
    life.until(|mv| matches!(mv, Move::End { .. }));
    life.resumes();
    life.judged(Outcome::Fail);
    life.comes_to(1, Way::Back);
    // A drill that had come back.
    let mut life = Life::new(Mode::Drill, "kck");
    life.until(|mv| matches!(mv, Move::End { .. }));
    life.resumes();
    assert_eq!(life.looks(), (Round::Return, vec![2]));
    life.judged(Outcome::Pass);
    assert_eq!(life.looks(), (Round::Return, vec![1]));
    // What belongs to something temporary that is over is not looked at; what came before it is.
    let mut life = Life::new(Mode::Failover, "ckktk");
    life.until(|mv| matches!(mv, Move::End { .. }));
    life.resumes();
    assert_eq!(life.looks(), (Round::There, vec![1, 2]));
    // While it puts back what is temporary: what is under way is settled first.
    for begun in [false, true] {
        let mut life = Life::new(Mode::Failover, "tck");
        life.comes_to(0, Way::Back);
        life.compared(0, Way::Back, Side::After);
        if begun {
            life.written(0, Way::Back, None);
        }
        life.resumes();
        if begun {
            life.settled(Side::Before);
        }
        assert_eq!(life.looks(), (Round::There, vec![2]), "{begun}");
        life.judged(Outcome::Pass);
        if !begun {
            life.comes_to(0, Way::Back);
        }
        life.until(|mv| matches!(mv, Move::End { .. }));
        assert_eq!(life.ends(), Ending::Done);
    }
}

#[test]
fn an_act_that_is_made_again_is_made_after_the_looks() {
    let of = |mode, sketch| {
        let mut life = Life::new(mode, sketch);
        for entry in &mut life.plan.entries {
            if let Nature::Act(act) = &mut entry.nature {
                act.if_interrupted = IfInterrupted::Again;
            }
        }
        life
    };
    for answer in [None, Some(unclear())] {
        let mut life = of(Mode::Failover, "ckak");
        life.comes_to(2, Way::There);
        life.compared(2, Way::There, None);
        life.written(2, Way::There, answer);
        life.resumes();
        assert_eq!(life.looks(), (Round::There, vec![1]));
        life.judged(Outcome::Pass);
        life.comes_to(2, Way::There);
        life.compared(2, Way::There, None);
        // It may have happened the first time.
        life.written(2, Way::There, Some(refused()));
        assert_eq!(life.state.mark(2), Mark::Standing);
        assert_eq!(life.state.phase(), Phase::Undo);
    }
    // What was seen meanwhile leads back, and the act with it.
    let mut life = of(Mode::Failover, "ckak");
    life.comes_to(2, Way::There);
    life.compared(2, Way::There, None);
    life.written(2, Way::There, None);
    life.resumes();
    life.judged(Outcome::Fail);
    life.comes_to(2, Way::Back);
    // On a drill's way back, and in an undo.
    let mut life = of(Mode::Drill, "kcka");
    life.comes_to(3, Way::Back);
    life.compared(3, Way::Back, None);
    life.written(3, Way::Back, None);
    life.resumes();
    assert_eq!(life.looks(), (Round::Return, vec![2]));
    let mut life = of(Mode::Drill, "pcka");
    life.until(|mv| *mv == Move::Stay);
    life.decides(Decision::Back);
    life.judged(Outcome::Pass);
    life.compared(3, Way::Back, None);
    life.written(3, Way::Back, None);
    life.resumes();
    assert_eq!(life.looks(), (Round::Probe, vec![0]));
}
