//! Beside what somebody else wrote, a run waits for what can still come, and for nothing else.

use std::time::Duration;

use cutover::engine::GoOn;
use cutover::event::{Decision, Ending, Event};
use cutover::fake::edit_of;
use cutover::machine::Hold;
use cutover::plan::{Mode, Side, Value};
use cutover::report::{Names, Style, Tally, card, render};

use super::bench::{Bench, Scripted};

fn somebody_writes(bench: &Bench, id: &str) {
    let theirs = Value([("one".to_owned(), "elsewhere".into())].into());
    bench.world.somebody_writes(&edit_of(id).place, theirs);
}

/// How long the last process took.
async fn took(bench: &Bench, since: Duration) -> Duration {
    let records = bench.records().await;
    let last = records.last().unwrap();
    assert!(matches!(last.event, Event::Ended { .. }), "{last:?}");
    bench.elapsed() - since
}

#[tokio::test(start_paused = true)]
async fn what_goes_back_beside_the_writing_of_somebody_else_is_waited_for_and_that_is_not() {
    // Where nobody said `anyway`, a person decides to leave it.
    for (how, decides) in [
        (GoOn::BackAnyway, vec![]),
        (GoOn::Back, vec![Decision::Back]),
    ] {
        let bench = Bench::new(Mode::Failover, "kpcckk");
        assert_eq!(bench.run().await.unwrap(), Ending::Done);
        somebody_writes(&bench, "c2");
        let bench = bench.with(Scripted::decide(decides));
        let since = bench.elapsed();
        assert_eq!(bench.resume(how).await.unwrap(), Ending::Held);
        assert_eq!(bench.sides(), [Side::Foreign, Side::Before]);
        let took = took(&bench, since).await;
        assert!(
            took >= Duration::from_secs(4) && took <= Duration::from_secs(6),
            "{how:?}: {took:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_the_plan_was_stale_for_is_not_waited_for_on_the_way_back() {
    let bench = Bench::new(Mode::Failover, "kpcckk");
    somebody_writes(&bench, "c3");
    assert_eq!(bench.run().await.unwrap(), Ending::Held);
    assert_eq!(bench.people.asked(), [Hold::NotAsBefore]);
    let first = bench.elapsed();
    assert!(first <= Duration::from_secs(8), "{first:?}");
    for how in [GoOn::Finish, GoOn::Accept] {
        let since = bench.elapsed();
        assert_eq!(bench.resume(how).await.unwrap(), Ending::Held, "{how:?}");
        let took = took(&bench, since).await;
        assert!(took <= Duration::from_secs(6), "{how:?}: {took:?}");
    }
    // It is not said to be a change of this run that was left.
    let style = Style {
        width: 10_000,
        ..Style::plain()
    };
    let tally = Tally::of(&bench.records().await);
    let text = render(&card(&tally, &Names::new("r", "p"), &style), &style);
    let now = "1 change put back, 1 change never made, and left as it is";
    assert!(text.contains(now), "{text}");
}

#[tokio::test(start_paused = true)]
async fn the_write_of_one_place_is_not_waited_for_at_another() {
    for moment in 0.. {
        let bench = Bench::new(Mode::Failover, "kpcc");
        let ended = bench.run_until(moment).await;
        assert!(ended.is_none(), "no such moment");
        let events = bench.events().await;
        if !matches!(events.last(), Some(Event::Settled { entry: 3, .. })) {
            continue;
        }
        somebody_writes(&bench, "c2");
        let bench = bench.with(Scripted::decide([Decision::Again]));
        let since = bench.elapsed();
        assert_eq!(bench.resume(GoOn::Finish).await.unwrap(), Ending::Held);
        assert_eq!(bench.people.asked(), [Hold::Foreign, Hold::Foreign]);
        let took = took(&bench, since).await;
        assert!(took <= Duration::from_secs(6), "{took:?}");
        return;
    }
}
