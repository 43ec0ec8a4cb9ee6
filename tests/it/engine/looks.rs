//! Checks: deadlines, polling, what is recalled and reused, and what follows from a finding.

use std::time::Duration;

use cutover::engine::{GoOn, Memory};
use cutover::event::{Cause, Decision, Ending, Event, Finding, Round};
use cutover::machine::Hold;
use cutover::plan::{Mode, Outcome, Side};
use serde_json::json;

use super::bench::{Bench, Scripted};

fn found(events: &[Event], wanted: usize) -> Vec<&Finding> {
    (events.iter())
        .filter_map(|event| match event {
            Event::Looked { entry, finding, .. } if *entry == wanted => Some(finding),
            _ => None,
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_look_that_never_answers_is_unknown_and_delays_no_other() {
    let bench = Bench::new(Mode::Failover, "kkck");
    bench.world.freeze("k0");
    assert_eq!(bench.run().await.unwrap(), Ending::Refused);
    let events = bench.events().await;
    assert_eq!(found(&events, 0)[0].outcome, Outcome::Unknown);
    assert_eq!(found(&events, 1)[0].outcome, Outcome::Pass);
    assert_eq!(bench.world.looks_taken("k1"), 1);
    // Until the deadline of 20 seconds, and the time-out of the last look of 10.
    assert!(
        bench.elapsed() <= Duration::from_secs(31),
        "{:?}",
        bench.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_check_is_looked_at_until_it_passes_and_no_longer() {
    let bench = Bench::new(Mode::Failover, "kck");
    let odd = [Ok(Outcome::Fail), Err(Cause::Refused), Ok(Outcome::Late)];
    bench.world.script("k0", odd);
    assert_eq!(bench.run().await.unwrap(), Ending::Done);
    // Three that did not pass, and five in a row that did.
    assert_eq!(bench.world.looks_taken("k0"), 8);
    let took = bench.elapsed();
    assert!(
        took >= Duration::from_secs(15) && took < Duration::from_secs(17),
        "{took:?}"
    );
}

/// Behind one address there may be several servers, and one of them may be well.
#[tokio::test(start_paused = true)]
async fn a_lucky_look_is_no_pass_before_a_change_nor_after_it() {
    for check in ["k0", "k2"] {
        let bench = Bench::new(Mode::Failover, "kck");
        let seven_of_ten = [Ok(Outcome::Fail), Ok(Outcome::Pass), Ok(Outcome::Fail)];
        let looks = seven_of_ten.into_iter().cycle().take(90);
        bench.world.script(check, looks);
        assert_ne!(bench.run().await.unwrap(), Ending::Done, "{check}");
        let events = bench.events().await;
        let entry = usize::from(check == "k2") * 2;
        let finding = found(&events, entry)[0];
        assert_eq!(finding.outcome, Outcome::Fail, "{check}: {finding:?}");
        let said = &finding.headline;
        assert!(said.contains("it wavers: other looks pass"), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_never_passes_ends_at_its_deadline() {
    let bench = Bench::new(Mode::Failover, "kck");
    bench.world.broken("k0", "new");
    assert_eq!(bench.run().await.unwrap(), Ending::Refused);
    let took = bench.elapsed();
    assert!(
        took >= Duration::from_secs(20) && took < Duration::from_secs(21),
        "{took:?}"
    );
    assert_eq!(bench.world.looks_taken("k0"), 5);
}

#[tokio::test(start_paused = true)]
async fn a_final_finding_is_not_looked_at_again() {
    let bench = Bench::new(Mode::Failover, "kck");
    bench.world.broken("k0", "new");
    bench.world.final_findings("k0");
    assert_eq!(bench.run().await.unwrap(), Ending::Refused);
    assert_eq!(bench.world.looks_taken("k0"), 1);
    assert!(bench.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_earlier_sight_is_reused_while_it_is_young_enough() {
    for (age, looks) in [(50, 0), (70, 1)] {
        let bench = Bench::new(Mode::Failover, "kck");
        bench.world.reuses("k0", Duration::from_secs(60));
        let at = bench.clock.now();
        bench
            .baseline
            .keep("sketch/k0/k0 new", &json!("pass"), &at)
            .await;
        tokio::time::sleep(Duration::from_secs(age)).await;
        assert_eq!(bench.run().await.unwrap(), Ending::Done);
        assert_eq!(bench.world.looks_taken("k0"), looks);
        let events = bench.events().await;
        let said = found(&events, 0)[0].headline.contains("reused");
        assert_eq!(said, looks == 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sight_of_a_time_that_has_not_come_is_not_reused() {
    let bench = Bench::new(Mode::Failover, "kck");
    bench.world.reuses("k0", Duration::from_secs(60));
    // Since then the machine was started again, and its wall clock is behind.
    let mut at = bench.clock.now().plus(Duration::from_secs(86_400));
    at.boot_id = "an earlier boot".into();
    bench
        .baseline
        .keep("sketch/k0/k0 new", &json!("pass"), &at)
        .await;
    assert_eq!(bench.run().await.unwrap(), Ending::Done);
    assert_eq!(bench.world.looks_taken("k0"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_unseen_blocks_a_planned_run_and_not_an_emergency_that_remembers_it() {
    for mode in [Mode::Failover, Mode::Drill, Mode::Emergency] {
        let bench = Bench::new(mode, "kck");
        let at = bench.clock.now();
        bench
            .baseline
            .keep("sketch/k0/k0 new", &json!("pass"), &at)
            .await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let gone = || std::iter::repeat_n(Err(Cause::Unreachable), 20);
        bench.world.script("k0", gone());
        bench.world.script("k2", gone());
        let ending = bench.run().await.unwrap();
        if mode == Mode::Emergency {
            assert_eq!(ending, Ending::DoneUnproven);
            assert!(bench.people.asked().is_empty(), "nobody is waited for");
            assert!(bench.all(Side::After));
            let events = bench.events().await;
            let recalled = found(&events, 0)[0];
            assert_eq!(recalled.outcome, Outcome::Warn);
            assert!(recalled.headline.contains("1h 00m ago"), "{recalled:?}");
            assert_eq!(found(&events, 2)[0].outcome, Outcome::Unknown);
            assert!(events.iter().any(|e| matches!(e, Event::Owes { .. })));
        } else {
            assert_eq!(ending, Ending::Refused, "{mode}");
            assert!(bench.world.writes().is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn late_and_unknown_after_the_write_hold_and_ask() {
    for (odd, hold) in [
        (Ok(Outcome::Late), Hold::Late),
        (Err(Cause::TimedOut), Hold::Unknown),
    ] {
        for (decision, ending, side) in [
            (Decision::On, Ending::DoneUnproven, Side::After),
            (Decision::Again, Ending::Done, Side::After),
            (Decision::Back, Ending::Undone, Side::Before),
            (Decision::Stop, Ending::Held, Side::After),
        ] {
            let bench = Bench::new(Mode::Failover, "pck").with(Scripted::decide([decision]));
            bench.world.script("k2", std::iter::repeat_n(odd, 5));
            assert_eq!(bench.run().await.unwrap(), ending, "{odd:?} {decision:?}");
            assert_eq!(bench.people.asked(), [hold], "{odd:?} {decision:?}");
            assert!(bench.all(side), "{odd:?} {decision:?}");
            if ending == Ending::Held {
                assert_eq!(bench.resume(GoOn::Finish).await.unwrap(), Ending::Done);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_newly_behind_a_write_is_asked_of_and_told_to_whoever_accepted_something_else() {
    let bench = Bench::new(Mode::Failover, "pck");
    let late = || std::iter::repeat_n(Ok(Outcome::Late), 5);
    bench.world.script("k2", late());
    assert_eq!(bench.run().await.unwrap(), Ending::Held);
    // It stands before the first write, and leads nobody back behind it.
    bench.world.broken("p0", "new");
    bench.world.script("k2", late());
    assert_eq!(bench.resume(GoOn::Accept).await.unwrap(), Ending::Held);
    assert!(bench.all(Side::After));
    let heard = std::mem::take(&mut *bench.people.heard.lock().unwrap());
    let [words] = heard.as_slice() else {
        panic!("{heard:?}");
    };
    assert!(words.contains("and not `p0`"), "{words}");
    bench.world.script("k2", late());
    assert_eq!(
        bench.resume(GoOn::Accept).await.unwrap(),
        Ending::DoneUnproven
    );
    assert!(bench.people.heard.lock().unwrap().is_empty());
    assert!(bench.all(Side::After));
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_of_one_check_is_not_accepted_of_another() {
    let bench = Bench::new(Mode::Failover, "pckwk");
    let late = || std::iter::repeat_n(Ok(Outcome::Late), 5);
    bench.world.script("k2", late());
    bench.world.script("k4", late());
    assert_eq!(bench.run().await.unwrap(), Ending::Held);
    // The first one passes when it is looked at again; the second was never spoken of.
    assert_eq!(bench.resume(GoOn::Accept).await.unwrap(), Ending::Held);
    assert_eq!(bench.people.asked(), [Hold::Late, Hold::Late]);

    bench.world.script("k4", late());
    assert_eq!(
        bench.resume(GoOn::Accept).await.unwrap(),
        Ending::DoneUnproven
    );
    assert_eq!(bench.people.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_a_write_leads_back_but_in_an_emergency_it_asks() {
    for (mode, ending, side) in [
        (Mode::Failover, Ending::Undone, Side::Before),
        (Mode::Drill, Ending::Undone, Side::Before),
        (Mode::Emergency, Ending::Held, Side::After),
    ] {
        let bench = Bench::new(mode, "pck");
        bench.world.broken("k2", "new");
        assert_eq!(bench.run().await.unwrap(), ending, "{mode}");
        assert!(bench.all(side), "{mode}");
        let verified = bench.events().await.iter().any(|event| {
            matches!(
                event,
                Event::Judged {
                    round: Round::Verify,
                    ..
                }
            )
        });
        assert_eq!(verified, ending == Ending::Undone, "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_drill_stays_as_long_as_it_should_or_until_somebody_ends_it() {
    let bench = Bench::new(Mode::Drill, "pck");
    assert_eq!(bench.run().await.unwrap(), Ending::Done);
    assert!(bench.elapsed() >= Duration::from_secs(60));

    for (decision, ending) in [
        (Decision::On, Ending::Done),
        (Decision::Again, Ending::Done),
        (Decision::Back, Ending::Undone),
        (Decision::Stay, Ending::DoneUnproven),
        (Decision::Stop, Ending::Stopped),
    ] {
        let bench = Bench::new(Mode::Drill, "pck").with(Scripted::visit(move || decision));
        assert_eq!(bench.run().await.unwrap(), ending);
        let back = matches!(ending, Ending::Done | Ending::Undone);
        assert!(bench.all(if back { Side::Before } else { Side::After }));
        assert!(bench.elapsed() < Duration::from_secs(60));
    }
}

#[tokio::test(start_paused = true)]
async fn a_drill_that_changes_nothing_can_be_ended_too() {
    let bench = Bench::new(Mode::Drill, "kk").with(Scripted::visit(|| Decision::Back));
    assert_eq!(bench.run().await.unwrap(), Ending::Refused);
    let bench = Bench::new(Mode::Drill, "kk");
    assert_eq!(bench.run().await.unwrap(), Ending::Done);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_get_better_by_waiting_is_looked_at_once() {
    let there = 5;
    for (mode, decisions, looks) in [
        // After a planned run has gone back, its checks get their time; what was accepted is looked at once more.
        (Mode::Failover, &[Decision::Stop][..], there + 5),
        (Mode::Failover, &[Decision::On][..], there + 5 + 1),
        (
            Mode::Emergency,
            &[Decision::Back, Decision::Stop][..],
            there + 1,
        ),
    ] {
        let people = Scripted::decide(decisions.iter().copied());
        let bench = Bench::new(mode, "pck").with(people);
        let fails = std::iter::repeat_n(Ok(Outcome::Fail), 5);
        let late = std::iter::repeat_n(Ok(Outcome::Late), 9);
        bench.world.script("k2", fails.chain(late));
        assert_eq!(bench.run().await.unwrap(), Ending::Held, "{mode}");
        assert_eq!(bench.world.looks_taken("k2"), looks, "{mode} {decisions:?}");
        assert!(bench.all(Side::Before), "{mode}");
    }
}
