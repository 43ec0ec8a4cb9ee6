//! Random plans, faults, scripts, decisions and power cuts: no dry run writes, and every ending is true.

use std::time::Duration;

use cutover::engine::GoOn;
use cutover::event::{Cause, Decision, Ending, Event};
use cutover::fake::WriteFault;
use cutover::machine::State;
use cutover::plan::{Mode, Nature, Outcome, Side};
use proptest::prelude::*;

use super::bench::{Bench, Scripted};

#[derive(Clone, Debug)]
struct Story {
    sketch: String,
    /// For each entry: what its looks show, and what goes wrong with its writes.
    looks: Vec<Vec<Result<Outcome, Cause>>>,
    faults: Vec<Vec<WriteFault>>,
    decisions: Vec<Decision>,
    approvals: Vec<bool>,
    unreadable: u32,
    cut: Option<u64>,
    /// A person puts it back after the cut, and does not finish it.
    back: bool,
}

fn outcome() -> impl Strategy<Value = Result<Outcome, Cause>> {
    prop_oneof![
        4 => Just(Ok(Outcome::Pass)),
        1 => Just(Ok(Outcome::Warn)),
        1 => Just(Ok(Outcome::Late)),
        1 => Just(Ok(Outcome::Fail)),
        1 => Just(Err(Cause::TimedOut)),
    ]
}

fn fault() -> impl Strategy<Value = WriteFault> {
    prop_oneof![
        Just(WriteFault::Refused),
        Just(WriteFault::DoneUnsaid),
        Just(WriteFault::LostUnsaid),
        Just(WriteFault::Lies),
        Just(WriteFault::Half),
        (1_u64..39).prop_map(|s| WriteFault::Lands(Duration::from_secs(s))),
    ]
}

fn decision() -> impl Strategy<Value = Decision> {
    prop_oneof![
        Just(Decision::On),
        Just(Decision::Again),
        Just(Decision::Back),
        Just(Decision::Stop),
    ]
}

fn story() -> impl Strategy<Value = Story> {
    (
        "[kkpbcctasx?w]{1,8}",
        prop::collection::vec(prop::collection::vec(outcome(), 0..8), 8),
        prop::collection::vec(prop::collection::vec(fault(), 0..2), 8),
        prop::collection::vec(decision(), 0..6),
        prop::collection::vec(prop::bool::weighted(0.8), 0..6),
        prop_oneof![3 => Just(0_u32), 1 => 1_u32..3],
        prop::option::of(0_u64..30),
        any::<bool>(),
    )
        .prop_map(
            |(sketch, looks, faults, decisions, approvals, unreadable, cut, back)| Story {
                sketch,
                looks,
                faults,
                decisions,
                approvals,
                unreadable,
                cut,
                back,
            },
        )
}

impl Story {
    fn bench(&self, mode: Mode) -> Bench {
        let people = Scripted::decide(self.decisions.iter().copied());
        *people.approvals.lock().unwrap() = self.approvals.iter().copied().collect();
        let bench = Bench::new(mode, &self.sketch).with(people);
        bench.world.unreadable(self.unreadable);
        for (i, entry) in bench.plan.entries.iter().enumerate() {
            bench.world.script(&entry.id, self.looks[i].iter().copied());
            bench.world.fault(&entry.id, self.faults[i].iter().copied());
        }
        bench
    }
}

/// Runs a future in virtual time.
fn virtually<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(future)
}

/// What an ending says must be so.
fn check(bench: &Bench, ending: Ending, what: &str) {
    let edits = bench
        .plan
        .entries
        .iter()
        .filter_map(|entry| match entry.nature {
            Nature::Change(_) => Some(entry.temporary),
            _ => None,
        });
    for (side, temporary) in bench.sides().into_iter().zip(edits) {
        let goes_back = bench.plan.mode == Mode::Drill || temporary;
        let right = match ending {
            Ending::Done if goes_back => side == Side::Before,
            Ending::Done => side == Side::After,
            Ending::Undone | Ending::Refused => side == Side::Before,
            Ending::Stale => panic!("nobody else wrote: {what}"),
            Ending::DoneUnproven | Ending::Held | Ending::Stopped => true,
        };
        assert!(right, "{ending:?} with {side:?}: {what}");
    }
    if ending == Ending::Refused {
        assert!(bench.world.writes().is_empty(), "{what}");
        assert!(bench.world.acts().is_empty(), "{what}");
    }
}

async fn live(story: &Story, mode: Mode) {
    let bench = story.bench(mode);
    let what = format!("{mode}: {story:?}");
    let first = match story.cut {
        Some(moment) => bench.run_until(moment).await,
        None => Some(bench.run().await),
    };
    let events = bench.events().await;
    let Some(Event::Started { plan, .. }) = events.first() else {
        return;
    };
    assert_eq!(**plan, bench.plan);
    let ending = match first {
        Some(ending) => ending.unwrap(),
        None => {
            let stands = State::of(&bench.plan, &events).unwrap().stands();
            let how = if story.back && stands {
                GoOn::Back
            } else {
                GoOn::Finish
            };
            let ending = bench.resume(how).await.unwrap();
            assert!(
                how == GoOn::Finish || matches!(ending, Ending::Undone | Ending::Held),
                "put back, and {ending:?}: {what}"
            );
            ending
        }
    };
    check(&bench, ending, &what);

    // The journal alone leads to the same state.
    let state = State::of(&bench.plan, &bench.events().await).unwrap();
    assert_eq!(state.ended(), Some(ending), "{what}");
    // What has ended well is not touched by a resume; what was held can be resumed, and ends.
    let (lines, writes) = (bench.disk.appends(), bench.world.writes());
    let again = bench.resume(GoOn::Finish).await.unwrap();
    if !matches!(ending, Ending::Held | Ending::Stopped) {
        assert_eq!(again, ending, "{what}");
        assert_eq!(bench.disk.appends(), lines, "{what}");
        assert_eq!(bench.world.writes(), writes, "{what}");
    }
    check(&bench, again, &what);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_dry_run_writes_nothing(story in story()) {
        for mode in [Mode::Check, Mode::Plan] {
            virtually(async {
                let bench = story.bench(mode);
                let ending = bench.dry().await.unwrap();
                assert!(bench.world.writes().is_empty());
                assert!(bench.world.acts().is_empty());
                assert!(bench.people.asked().is_empty(), "nobody is asked in a dry run");
                assert!(
                    matches!(ending, Ending::Done | Ending::DoneUnproven | Ending::Refused),
                    "{ending:?}"
                );
            });
        }
    }

    #[test]
    fn every_ending_is_true(story in story()) {
        for mode in [Mode::Drill, Mode::Failover, Mode::Emergency] {
            virtually(live(&story, mode));
        }
    }
}
