//! Requests to stop, each stronger than the one before.

use std::sync::Arc;
use std::time::Duration;

use cutover::engine::{GoOn, RunError, StopSwitch};
use cutover::event::{Ending, Event, Pulse};
use cutover::fake::WriteFault;
use cutover::plan::{Mode, Outcome, Side};
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
