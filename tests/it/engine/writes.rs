//! Writes that land late, lie, stop halfway, and meet other people's.

use std::time::Duration;

use cutover::clock::{Clock, Stamp};
use cutover::engine::{GoOn, RunError};
use cutover::event::{Cause, Decision, Ending, Event};
use cutover::fake::{WriteFault, edit_of};
use cutover::machine::Hold;
use cutover::plan::{Mode, Side, Value, Way};
use cutover::store::Blow;

use super::bench::{Bench, Scripted};

const LATE: WriteFault = WriteFault::Lands(Duration::from_secs(15));

fn theirs() -> Value {
    Value([("one".to_owned(), "elsewhere".into())].into())
}

fn settled(events: &[Event], on: Way) -> Vec<Option<Side>> {
    (events.iter())
        .filter_map(|event| match event {
            Event::Settled { way, side, .. } if *way == on => Some(*side),
            _ => None,
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_a_write_says_of_itself_is_not_believed() {
    use WriteFault::{DoneUnsaid, Half, Lies, LostUnsaid, Refused};
    let cases: [(&[WriteFault], Ending, usize); 7] = [
        (&[Refused], Ending::Undone, 0),
        (&[DoneUnsaid], Ending::Done, 1),
        // It never arrived: it is written again, once.
        (&[LostUnsaid], Ending::Done, 1),
        (&[LostUnsaid, LostUnsaid], Ending::Undone, 0),
        // Its word and its place contradict each other.
        (&[Lies], Ending::Held, 0),
        (&[Half], Ending::Done, 2),
        (&[LATE], Ending::Done, 1),
    ];
    for (faults, ending, writes) in cases {
        let bench = Bench::new(Mode::Failover, "kpck");
        bench.world.fault("c2", faults.iter().copied());
        assert_eq!(bench.run().await.unwrap(), ending, "{faults:?}");
        assert_eq!(bench.world.writes().len(), writes, "{faults:?}");
        let side = match ending {
            Ending::Done => Side::After,
            _ => Side::Before,
        };
        assert!(bench.all(side), "{faults:?}: {:?}", bench.sides());
    }
}

/// An act is done, and no place is written for it; on the way back it is undone.
#[tokio::test(start_paused = true)]
async fn an_act_is_done_and_undone_and_writes_no_place() {
    for (mode, ways) in [
        (Mode::Failover, &[Way::There][..]),
        (Mode::Drill, &[Way::There, Way::Back]),
    ] {
        let bench = Bench::new(mode, "ka");
        assert_eq!(bench.run().await.unwrap(), Ending::Done, "{mode}");
        let acts: Vec<_> = ways.iter().map(|way| ("a1".to_owned(), *way)).collect();
        assert_eq!(bench.world.acts(), acts, "{mode}");
        assert_eq!(bench.world.writes(), [], "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_lands_late_is_waited_for_on_the_way_there() {
    let bench = Bench::new(Mode::Failover, "kpck");
    bench.world.fault("c2", [LATE]);
    assert_eq!(bench.run().await.unwrap(), Ending::Done);
    assert_eq!(bench.world.writes().len(), 1);
    let took = bench.elapsed();
    assert!(took >= Duration::from_secs(15), "{took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    let events = bench.events().await;
    assert_eq!(settled(&events, Way::There), [Some(Side::After)]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_lands_late_is_waited_for_on_the_way_back() {
    let bench = Bench::new(Mode::Drill, "pck");
    let world = bench.world.clone();
    let bench = bench.with(Scripted::visit(move || {
        world.fault("c1", [LATE]);
        Decision::On
    }));
    assert_eq!(bench.run().await.unwrap(), Ending::Done);
    assert!(bench.all(Side::Before));
    assert_eq!(bench.world.writes().len(), 2);
    let events = bench.events().await;
    assert_eq!(settled(&events, Way::Back), [Some(Side::Before)]);
    let took = bench.elapsed();
    assert!(took >= Duration::from_secs(15), "{took:?}");
}

/// A run that was cut off when its write was sent and had not arrived yet; and until when it may land.
async fn cut_off_in_flight(lands: Duration) -> (Bench, Stamp) {
    for moment in 0.. {
        let bench = Bench::new(Mode::Failover, "kpck");
        bench.world.fault("c2", [WriteFault::Lands(lands)]);
        assert!(bench.run_until(moment).await.is_none(), "no such moment");
        if let Some(Event::Intended { until, .. }) = bench.events().await.pop()
            && bench.world.writes().len() == 1
        {
            assert!(bench.all(Side::Before), "it has not landed yet");
            return (bench, until);
        }
    }
    unreachable!()
}

#[tokio::test(start_paused = true)]
async fn a_write_that_lands_after_the_process_died_is_waited_for() {
    // 35 seconds is later than the time-out of the write, and earlier than its last moment.
    let (bench, _) = cut_off_in_flight(Duration::from_secs(35)).await;
    assert_eq!(bench.resume(GoOn::Finish).await.unwrap(), Ending::Done);
    assert!(bench.all(Side::After));
    assert_eq!(bench.world.writes().len(), 1, "it was not written again");
    assert!(bench.elapsed() >= Duration::from_secs(35));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_waits_for_a_write_that_may_still_land_before_it_writes() {
    let (bench, _) = cut_off_in_flight(Duration::from_secs(35)).await;
    assert_eq!(bench.resume(GoOn::Back).await.unwrap(), Ending::Undone);
    let ways: Vec<Way> = bench.world.writes().iter().map(|(_, way)| *way).collect();
    assert_eq!(ways, [Way::There, Way::Back]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(bench.all(Side::Before), "nothing landed over the way back");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_never_lands_is_made_again_once_nothing_of_it_can_land() {
    let (bench, until) = cut_off_in_flight(Duration::from_secs(1 << 30)).await;
    assert_eq!(bench.resume(GoOn::Finish).await.unwrap(), Ending::Done);
    let records = bench.records().await;
    let again = (records.iter().rev())
        .find(|record| matches!(record.event, Event::Intended { .. }))
        .unwrap();
    assert!(
        until.left(&again.at).is_zero(),
        "{again:?} before {until:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_jumps_changes_no_wait() {
    let jumps = [
        ("2026-11-22T02:05:00Z", "virtual"),
        ("2026-11-23T03:05:00Z", "virtual"),
        // Started anew, with a clock that lost its battery.
        ("1970-01-01T00:00:00Z", "another boot"),
    ];
    for (wall, boot_id) in jumps {
        let (bench, until) = cut_off_in_flight(Duration::from_secs(1 << 30)).await;
        let same = boot_id == "virtual";
        let start = Stamp {
            wall: wall.parse().unwrap(),
            boot_ms: if same { bench.clock.now().boot_ms } else { 100 },
            boot_id: boot_id.into(),
        };
        let bench = bench.at(Clock::following_tokio_from(start.clone()));
        assert_eq!(bench.resume(GoOn::Finish).await.unwrap(), Ending::Done);
        let waited = bench.clock.now().since(&start);
        assert!(waited <= Duration::from_secs(42), "{wall}: {waited:?}");
        let now = bench.clock.now();
        assert!(!same || until.left(&now).is_zero(), "{wall}: {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_edit_before_the_flip_makes_the_plan_stale() {
    let bench = Bench::new(Mode::Failover, "kpck");
    let place = edit_of("c2").place;
    bench.world.somebody_writes(&place, theirs());
    assert_eq!(bench.run().await.unwrap(), Ending::Stale);
    assert!(bench.world.writes().is_empty());
    assert!(bench.all(Side::Foreign));
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_edit_of_the_second_place_puts_the_first_one_back() {
    let bench = Bench::new(Mode::Failover, "kpcck");
    let place = edit_of("c3").place;
    bench.world.somebody_writes(&place, theirs());
    // The places of a check behind the change are all places: it would never pass with theirs among them.
    bench.world.script("k4", [Ok(cutover::plan::Outcome::Pass)]);
    // Nobody says that all is as before, where one place is not.
    assert_eq!(bench.run().await.unwrap(), Ending::Held);
    assert_eq!(bench.people.asked(), [Hold::NotAsBefore]);
    assert_eq!(bench.sides(), [Side::Before, Side::Foreign]);
    assert!(bench.world.writes().iter().all(|(p, _)| *p != place));
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_edit_before_the_way_back_is_never_overwritten() {
    for decisions in [
        vec![Decision::Stop],
        vec![Decision::Again, Decision::Stop],
        vec![Decision::Back],
        vec![Decision::On],
    ] {
        let bench = Bench::new(Mode::Drill, "pcck");
        let world = bench.world.clone();
        let people = Scripted::decide(decisions.clone());
        let visit = Scripted::visit(move || {
            world.somebody_writes(&edit_of("c1").place, theirs());
            Decision::On
        });
        let bench = bench.with(Scripted {
            decisions: people.decisions,
            ..visit
        });
        assert_eq!(bench.run().await.unwrap(), Ending::Held, "{decisions:?}");
        assert_eq!(bench.people.asked()[0], Hold::Foreign, "{decisions:?}");
        assert_eq!(bench.sides()[0], Side::Foreign, "{decisions:?}");
        let stopped = decisions.contains(&Decision::Stop);
        let second = if stopped { Side::After } else { Side::Before };
        assert_eq!(
            bench.sides()[1],
            second,
            "{decisions:?}: the rest went back"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_cannot_be_read_is_not_written() {
    let bench = Bench::new(Mode::Failover, "kpck");
    bench.world.unreadable(1);
    assert_eq!(bench.run().await.unwrap(), Ending::Refused);
    assert!(bench.world.writes().is_empty());

    let bench = Bench::new(Mode::Drill, "pck");
    let world = bench.world.clone();
    let bench = bench.with(Scripted::visit(move || {
        world.unreadable(1);
        Decision::On
    }));
    assert_eq!(bench.run().await.unwrap(), Ending::Held);
    assert_eq!(bench.people.asked(), [Hold::Unreadable]);
    assert_eq!(bench.world.writes().len(), 1);
    assert_eq!(bench.resume(GoOn::Finish).await.unwrap(), Ending::Done);
    assert!(bench.all(Side::Before));
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_stops_the_way_there_and_allows_the_way_back() {
    let whole = Bench::new(Mode::Failover, "pckck");
    whole.world.broken("k4", "new");
    assert_eq!(whole.run().await.unwrap(), Ending::Undone);
    let (mut stopped, mut undone) = (0, 0);
    for number in 0..whole.disk.appends() {
        let bench = Bench::new(Mode::Failover, "pckck");
        bench.world.broken("k4", "new");
        bench.disk.fuse(number, Blow::Full);
        match bench.run().await.unwrap() {
            Ending::Stopped => {
                stopped += 1;
                let writes = bench.world.writes();
                assert!(writes.iter().all(|(_, way)| *way == Way::There));
                match bench.resume(GoOn::Back).await {
                    Ok(ending) => assert_eq!(ending, Ending::Undone),
                    Err(error) => {
                        assert!(matches!(error, RunError::NothingStands), "{error}");
                        assert!(writes.is_empty());
                    }
                }
            }
            Ending::Undone => undone += 1,
            other => panic!("{number}: {other:?}"),
        }
        assert!(bench.all(Side::Before), "{number}");
    }
    assert!(stopped > 3 && undone > 3, "{stopped} {undone}");
}

#[tokio::test(start_paused = true)]
async fn the_old_side_must_be_seen_before_anything_goes_back_unless_a_person_says_so() {
    let bench = Bench::new(Mode::Failover, "pck");
    bench.world.broken("k2", "new");
    bench.world.broken("p0", "old");
    assert_eq!(bench.run().await.unwrap(), Ending::Held);
    assert_eq!(bench.people.asked(), [Hold::OldSideSick]);
    assert!(bench.all(Side::After));
    assert_eq!(bench.resume(GoOn::Back).await.unwrap(), Ending::Held);
    assert!(bench.all(Side::After));
    assert_eq!(
        bench.resume(GoOn::BackAnyway).await.unwrap(),
        Ending::Undone
    );
    assert!(bench.all(Side::Before));
    let again = bench.resume(GoOn::Back).await;
    assert!(matches!(again, Err(RunError::NothingStands)));
}

#[tokio::test(start_paused = true)]
async fn a_finished_run_stays_as_it_ended_where_its_old_side_does_not_serve() {
    let bench = Bench::new(Mode::Failover, "pck");
    assert_eq!(bench.run().await.unwrap(), Ending::Done);
    bench.world.broken("p0", "old");
    let writes = bench.world.writes();
    for _ in 0..2 {
        assert_eq!(bench.resume(GoOn::Back).await.unwrap(), Ending::Done);
    }
    assert_eq!(bench.people.asked(), [Hold::OldSideSick; 2]);
    // To go on with it changes nothing, whatever is accepted.
    let on = bench.resume(GoOn::Accept).await.unwrap();
    assert_eq!(on, Ending::Done);
    assert!(bench.all(Side::After));
    assert_eq!(bench.world.writes(), writes);
    let back = bench.resume(GoOn::BackAnyway).await.unwrap();
    assert_eq!(back, Ending::Undone);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_was_cut_off_while_it_verified_is_finished_by_another() {
    let bench = Bench::new(Mode::Failover, "pck");
    bench.world.broken("k2", "new");
    let unseen = std::iter::repeat_n(Err(Cause::TimedOut), 5);
    // Five looks on the way there fail truly; then those that verify the undo see nothing.
    bench.world.script(
        "k2",
        std::iter::repeat_n(Ok(cutover::plan::Outcome::Fail), 5),
    );
    bench.world.script("k2", unseen);
    assert_eq!(bench.run().await.unwrap(), Ending::Held);
    assert_eq!(bench.people.asked(), [Hold::NotAsBefore]);
    assert_eq!(bench.resume(GoOn::Back).await.unwrap(), Ending::Undone);
}

/// Who says it of all that others wrote is asked of none of it; and of everything else.
#[tokio::test(start_paused = true)]
async fn whoever_goes_back_anyway_is_asked_about_nothing_that_this_is_about() {
    let bench = Bench::new(Mode::Failover, "pccck");
    assert_eq!(bench.run().await.unwrap(), Ending::Done);
    for id in ["c1", "c3"] {
        bench.world.somebody_writes(&edit_of(id).place, theirs());
    }
    assert_eq!(bench.resume(GoOn::BackAnyway).await.unwrap(), Ending::Held);
    // Only that it is not as before, in the end.
    assert_eq!(bench.people.asked(), [Hold::NotAsBefore]);
    assert_eq!(bench.sides(), [Side::Foreign, Side::Before, Side::Foreign]);
    let bench = Bench::new(Mode::Failover, "pck");
    assert_eq!(bench.run().await.unwrap(), Ending::Done);
    bench.world.fault("c1", [WriteFault::Refused]);
    assert_eq!(bench.resume(GoOn::BackAnyway).await.unwrap(), Ending::Held);
    assert_eq!(bench.people.asked(), [Hold::NotBack]);
}
