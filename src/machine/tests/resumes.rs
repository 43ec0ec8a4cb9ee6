//! What whoever resumes a run looks at once more.

use super::life::{Life, done, refused, unclear};
use crate::event::{Answer, Decision, Ending, Event, Round};
use crate::machine::{Mark, Move};
use crate::plan::{Mode, Outcome, Side, Way};

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
    // After it, only what follows it.
    life.judged(Outcome::Pass);
    life.resumes();
    assert_eq!(life.looks(), (Round::There, vec![1]), "the place itself");
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
