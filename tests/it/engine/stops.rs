//! Requests to stop, each stronger than the one before.

use std::sync::Arc;
use std::time::Duration;

use cutover::engine::{GoOn, RunError, StopSwitch};
use cutover::event::{Decision, Ending, Event, Pulse};
use cutover::fake::WriteFault;
use cutover::plan::{Mode, Outcome, Side, Way};
use cutover::report::Tally;
use cutover::step::Pulses;

use super::bench::Bench;

/// Somebody asks to stop, this often, when the display shows this note.
fn stopping_at(bench: Bench, note: &'static str, times: u32) -> Bench {
    stopping_when(bench, times, move |pulse| pulse.note.contains(note))
}

/// Somebody asks to stop, this often, when this is shown first.
fn stopping_when(
    bench: Bench,
    times: u32,
    shown: impl Fn(&Pulse) -> bool + Send + Sync + 'static,
) -> Bench {
    let (switch, stop) = StopSwitch::new();
    let switch = Arc::new(switch);
    let asked = std::sync::atomic::AtomicBool::new(false);
    let pulses = Pulses::new(move |pulse| {
        let first = shown(&pulse) && !asked.swap(true, std::sync::atomic::Ordering::SeqCst);
        for _ in 0..if first { times } else { 0 } {
            switch.ask();
        }
    });
    Bench {
        stop,
        pulses,
        ..bench
    }
}

/// The same run, met by a process that nobody stops.
fn calm(bench: Bench) -> Bench {
    let (_, stop) = StopSwitch::new();
    let pulses = Pulses::none();
    Bench {
        stop,
        pulses,
        ..bench
    }
}

fn late() -> Bench {
    let bench = Bench::new(Mode::Failover, "kpck");
    let after = Duration::from_secs(15);
    bench.world.fault("c2", [WriteFault::Lands(after)]);
    bench
}

#[tokio::test(start_paused = true)]
async fn the_first_request_finishes_the_present_write_and_what_it_settles_to() {
    let bench = stopping_at(late(), "came through", 1);
    assert_eq!(bench.run().await.unwrap(), Ending::Stopped);
    assert!(bench.all(Side::After));
    let events = bench.events().await;
    let settled = |event: &Event| {
        matches!(
            event,
            Event::Settled {
                side: Some(Side::After),
                ..
            }
        )
    };
    assert!(events.iter().any(settled));
    assert_eq!(bench.world.looks_taken("k3"), 0, "nothing was started");
    let bench = calm(bench);
    assert_eq!(bench.resume(GoOn::Finish).await.unwrap(), Ending::Done);
    assert_eq!(bench.world.writes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_second_request_cuts_off_the_settling() {
    let bench = stopping_at(late(), "came through", 2);
    let cut = bench.run().await;
    assert!(matches!(cut, Err(RunError::CutOff)), "{cut:?}");
    assert!(bench.elapsed() < Duration::from_secs(15));
    let bench = calm(bench);
    assert_eq!(bench.resume(GoOn::Finish).await.unwrap(), Ending::Done);
    assert_eq!(
        bench.world.writes().len(),
        1,
        "it was settled, and not made again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_during_a_batch_of_looks_leaves_no_judgement() {
    for times in [1, 2] {
        let bench = Bench::new(Mode::Failover, "kkck");
        bench.world.script("k1", [Ok(Outcome::Late)]);
        let bench = stopping_at(bench, "late", times);
        assert_eq!(bench.run().await.unwrap(), Ending::Stopped);
        let judged = |event: &Event| matches!(event, Event::Judged { .. });
        let events = bench.events().await;
        assert!(!events.iter().any(judged));
        // It had time left: it is neither late nor failed.
        let late = |event: &Event| matches!(event, Event::Looked { finding, .. } if finding.outcome == Outcome::Late);
        assert!(!events.iter().any(late), "{events:?}");
        let bench = calm(bench);
        assert_eq!(bench.resume(GoOn::Finish).await.unwrap(), Ending::Done);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_ends_a_wait_and_a_stay_at_once_and_both_can_be_resumed() {
    for (mode, sketch, side) in [
        (Mode::Failover, "kcwk", Side::After),
        (Mode::Drill, "kck", Side::Before),
    ] {
        // What waits for a time alone has nothing to say but until when.
        let waits = |pulse: &Pulse| pulse.note.is_empty() && pulse.until.is_some();
        let bench = stopping_when(Bench::new(mode, sketch), 1, waits);
        assert_eq!(bench.run().await.unwrap(), Ending::Stopped);
        assert!(bench.all(Side::After));
        assert!(bench.elapsed() < Duration::from_secs(5));
        let bench = calm(bench);
        assert_eq!(bench.resume(GoOn::Finish).await.unwrap(), Ending::Done);
        assert!(bench.all(side));
    }
}

/// A terminal that is gone has declined nothing.
#[tokio::test(start_paused = true)]
async fn an_approval_that_nobody_can_give_stops_the_run_and_a_resume_asks_again() {
    for (mode, side) in [(Mode::Failover, Side::After), (Mode::Drill, Side::Before)] {
        let mut bench = Bench::new(mode, "kc?k");
        bench.people.gone = true;
        assert_eq!(bench.run().await.unwrap(), Ending::Stopped, "{mode}");
        assert!(bench.all(Side::After), "{mode}");
        bench.people.gone = false;
        // A drill asks on its way back, too.
        bench.people.approvals.get_mut().unwrap().extend([true; 2]);
        let bench = calm(bench);
        assert_eq!(
            bench.resume(GoOn::Finish).await.unwrap(),
            Ending::Done,
            "{mode}"
        );
        assert!(bench.all(side), "{mode}");
    }
}

/// Whoever tells a living run to put everything back is heard before its next step, wherever it is.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_told_to_go_back_makes_no_further_change() {
    for step in 0..12 {
        let mut bench = Bench::new(Mode::Failover, "kcck");
        *bench.people.back_at.get_mut().unwrap() = Some(step);
        let ending = bench.run().await.unwrap();
        let told = bench.people.back_at.get_mut().unwrap().is_none();
        let events = bench.events().await;
        let decided = events
            .iter()
            .position(|event| matches!(event, Event::Decided { .. } | Event::StopAsked { .. }));
        match decided {
            None => {
                assert!(!told || step > 9, "step {step}: {events:?}");
                assert_eq!(ending, Ending::Done, "step {step}");
            }
            Some(at) => {
                let there = |event: &&Event| {
                    matches!(
                        event,
                        Event::Intended {
                            way: Way::There,
                            ..
                        }
                    )
                };
                assert_eq!(events[at..].iter().filter(there).count(), 0, "step {step}");
                let wrote = events
                    .iter()
                    .any(|event| matches!(event, Event::Intended { .. }));
                let expected = if wrote {
                    Ending::Undone
                } else {
                    Ending::Stopped
                };
                assert_eq!(ending, expected, "step {step}: {events:?}");
                assert!(bench.all(Side::Before), "step {step}");
            }
        }
    }
}

/// Whoever tells a living run to put everything back ends its wait as Ctrl-C does: a check that looks again, a step
/// that waits, a question.
#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_once_where_somebody_wants_it_put_back() {
    let second = Duration::from_secs(1);
    for sketch in ["pcwk", "pc?k", "pck"] {
        let mut bench = Bench::new(Mode::Failover, sketch);
        if sketch == "pck" {
            bench.world.script("k2", [Ok(Outcome::Late); 2]);
        }
        *bench.people.back_after.get_mut().unwrap() = Some(second);
        let ending = bench.run().await.unwrap();
        assert_eq!(ending, Ending::Undone, "{sketch}");
        assert!(bench.all(Side::Before), "{sketch}");
        let took = bench.elapsed();
        assert!(took < Duration::from_secs(4), "{sketch}: {took:?}");
    }
}

/// It has said so in its journal before it stops, and whoever resumes it goes on with that.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_told_to_go_back_and_stopped_goes_back_when_it_is_resumed() {
    let mut bench = Bench::new(Mode::Failover, "pcwk");
    let (switch, stop) = StopSwitch::new();
    bench.stop = stop;
    let stops = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        // It is told, and stopped before it has heard.
        *bench.people.back_at.lock().unwrap() = Some(0);
        switch.ask();
    };
    let (ending, ()) = tokio::join!(bench.run(), stops);
    assert_eq!(ending.unwrap(), Ending::Stopped);
    let events = bench.events().await;
    assert!(events.iter().any(|event| matches!(
        event,
        Event::Decided {
            decision: Decision::Back,
            ..
        }
    )));
    // Whoever reads of it is told so.
    assert!(Tally::of(&bench.records().await).is_on_its_way_back());
    let bench = calm(bench);
    assert_eq!(bench.resume(GoOn::Finish).await.unwrap(), Ending::Undone);
    assert!(bench.all(Side::Before));
}

/// What a living run is told goes as far as it was said: a sick old side holds a plain wish, and `--anyway` goes over
/// it.
#[tokio::test(start_paused = true)]
async fn a_living_run_goes_back_onto_a_sick_side_only_where_somebody_said_anyway() {
    for anyway in [false, true] {
        let mut bench = Bench::new(Mode::Failover, "pcwk");
        bench.people.anyway = anyway;
        *bench.people.back_after.get_mut().unwrap() = Some(Duration::from_secs(1));
        bench.world.broken("p0", "old");
        let ending = bench.run().await.unwrap();
        let (ends, side) = match anyway {
            true => (Ending::Undone, Side::Before),
            false => (Ending::Held, Side::After),
        };
        assert_eq!(ending, ends, "{anyway}");
        assert!(bench.all(side), "{anyway}");
    }
}
