//! A plan, a world, a disk and people, and processes that come and go.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cutover::clock::{Clock, Stamp};
use cutover::engine::{GoOn, Heeds, Memory as Baseline, Outfit, People, RunError, StopSignal};
use cutover::engine::{StopSwitch, Told, drive, resume};
use cutover::event::{Decision, Ending, Event, Record};
use cutover::fake::{FakeWorld, Fuse, plan};
use cutover::journal::{Dry, Live, Meta, Publisher, read};
use cutover::machine::Hold;
use cutover::plan::{Entry, Mode, Plan, Side};
use cutover::step::Pulses;
use cutover::store::{Memory, Store};
use futures::future::BoxFuture;
use serde_json::Value as Json;

const RUN: &str = "20261122-030500-test";

/// What is done, and decided, while a drill stays.
type Visit = Box<dyn FnOnce() -> Decision + Send>;

/// People who say what they were told to say; afterwards they stop, and decline.
#[derive(Default)]
pub(super) struct Scripted {
    pub decisions: Mutex<VecDeque<Decision>>,
    pub asked: Mutex<Vec<Hold>>,
    /// What they were told.
    pub heard: Mutex<Vec<String>>,
    pub approvals: Mutex<VecDeque<bool>>,
    /// The terminal at which they sat is gone.
    pub gone: bool,
    pub visit: Mutex<Option<Visit>>,
    /// Somebody asks to go back before the run's step of this number.
    pub back_at: Mutex<Option<u32>>,
    /// Somebody asks to go back when the run has waited this long in one place.
    pub back_after: Mutex<Option<Duration>>,
    /// And that goes over what stands against it.
    pub anyway: bool,
}

impl Scripted {
    pub(super) fn decide(decisions: impl IntoIterator<Item = Decision>) -> Scripted {
        Scripted {
            decisions: Mutex::new(decisions.into_iter().collect()),
            ..Scripted::default()
        }
    }

    pub(super) fn visit(visit: impl FnOnce() -> Decision + Send + 'static) -> Scripted {
        Scripted {
            visit: Mutex::new(Some(Box::new(visit))),
            ..Scripted::default()
        }
    }

    pub(super) fn asked(&self) -> Vec<Hold> {
        self.asked.lock().unwrap().clone()
    }
}

impl People for Scripted {
    fn approve<'a>(&'a self, _: &'a Entry, _: &'a str) -> BoxFuture<'a, (Option<bool>, String)> {
        if self.back_after.lock().unwrap().is_some() {
            return Box::pin(std::future::pending());
        }
        let yes = match self.gone {
            true => None,
            false => Some(self.approvals.lock().unwrap().pop_front().unwrap_or(false)),
        };
        Box::pin(async move { (yes, "somebody".to_owned()) })
    }

    fn decide<'a>(&'a self, hold: Hold, _: bool) -> BoxFuture<'a, Told> {
        self.asked.lock().unwrap().push(hold);
        let decision = self.decisions.lock().unwrap().pop_front();
        Box::pin(async move { Told::here(decision.unwrap_or(Decision::Stop), "somebody") })
    }

    fn hear(&self, words: &str) {
        self.heard.lock().unwrap().push(words.to_owned());
    }

    fn said<'a>(&'a self, heeds: Heeds) -> BoxFuture<'a, Option<Told>> {
        if !heeds.back {
            return Box::pin(async { None });
        }
        let mut left = self.back_at.lock().unwrap();
        *left = match *left {
            Some(0) => None,
            Some(steps) => Some(steps - 1),
            None => return Box::pin(async { None }),
        };
        let now = left.is_none();
        let anyway = self.anyway;
        let told = Told {
            anyway,
            ..Told::here(Decision::Back, "somebody")
        };
        Box::pin(async move { now.then_some(told) })
    }

    fn hears<'a>(&'a self, heeds: Heeds) -> BoxFuture<'a, ()> {
        let after = *self.back_after.lock().unwrap();
        let Some(after) = after.filter(|_| heeds.back) else {
            return Box::pin(std::future::pending());
        };
        Box::pin(async move {
            tokio::time::sleep(after).await;
            // Taken before the next step.
            *self.back_at.lock().unwrap() = Some(0);
            *self.back_after.lock().unwrap() = None;
        })
    }

    fn end_stay<'a>(&'a self, _: bool) -> BoxFuture<'a, Told> {
        let visit = self.visit.lock().unwrap().take();
        Box::pin(async move {
            match visit {
                Some(visit) => Told::here(visit(), "somebody"),
                None => std::future::pending().await,
            }
        })
    }
}

/// A baseline in memory.
#[derive(Default)]
pub(super) struct Recalled(Mutex<BTreeMap<String, (Json, Stamp)>>);

impl Baseline for Recalled {
    fn recall<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Option<(Json, Stamp)>> {
        let known = self.0.lock().unwrap().get(key).cloned();
        Box::pin(async move { known })
    }

    fn keep<'a>(&'a self, key: &'a str, fact: &'a Json, at: &'a Stamp) -> BoxFuture<'a, ()> {
        let kept = (fact.clone(), at.clone());
        self.0.lock().unwrap().insert(key.to_owned(), kept);
        Box::pin(async {})
    }
}

pub(super) struct Bench {
    pub plan: Plan,
    pub clock: Clock,
    pub world: FakeWorld,
    pub disk: Arc<Memory>,
    pub baseline: Recalled,
    pub people: Scripted,
    pub stop: StopSignal,
    pub pulses: Pulses,
}

impl Bench {
    pub(super) fn new(mode: Mode, sketch: &str) -> Bench {
        let clock = Clock::following_tokio("2026-11-22T03:05:00Z".parse().unwrap());
        let plan = plan(mode, sketch);
        let (_, stop) = StopSwitch::new();
        Bench {
            world: FakeWorld::new(&plan, clock.clone()),
            disk: Arc::new(Memory::new()),
            baseline: Recalled::default(),
            people: Scripted::default(),
            pulses: Pulses::none(),
            plan,
            clock,
            stop,
        }
    }

    pub(super) fn with(self, people: Scripted) -> Bench {
        Bench { people, ..self }
    }

    fn outfit<'a>(&'a self, world: &'a FakeWorld) -> Outfit<'a, FakeWorld, Recalled, Scripted> {
        Outfit {
            world,
            memory: &self.baseline,
            people: &self.people,
            stop: self.stop.clone(),
            pulses: self.pulses.clone(),
            by: "test".into(),
        }
    }

    fn nobody() -> Publisher {
        Arc::new(|_| {})
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.disk) as _
    }

    async fn live(&self, world: &FakeWorld) -> Result<Ending, RunError> {
        let meta = Meta::of(&self.plan, "test", self.clock.now());
        let (clock, locks) = (self.clock.clone(), &self.plan.locks);
        let begun = Live::begin(self.store(), RUN, &meta, locks, clock, Bench::nobody());
        let mut journal = begun.await?;
        let ending = drive(self.plan.clone(), &mut journal, self.outfit(world)).await;
        journal.close().await;
        ending
    }

    /// A run from its beginning.
    pub(super) async fn run(&self) -> Result<Ending, RunError> {
        self.live(&self.world).await
    }

    /// A run whose power is cut at a moment of the world; `None` where it was cut.
    pub(super) async fn run_until(&self, moment: u64) -> Option<Result<Ending, RunError>> {
        let fuse = Fuse::at(moment);
        let world = self.world.with_fuse(fuse.clone());
        let result = tokio::select! {
            ending = self.live(&world) => Some(ending),
            () = fuse.blown() => None,
        };
        self.disk.restart();
        result
    }

    /// Goes on with the run in another process.
    pub(super) async fn resume(&self, how: GoOn) -> Result<Ending, RunError> {
        let clock = self.clock.clone();
        let reopened = Live::reopen(self.store(), RUN, clock, Bench::nobody()).await;
        let (mut journal, records) = reopened?;
        let ending = resume(&records, &mut journal, self.outfit(&self.world), how).await;
        journal.close().await;
        ending
    }

    pub(super) async fn dry(&self) -> Result<Ending, RunError> {
        let mut journal = Dry::shown(self.clock.clone(), Bench::nobody());
        drive(self.plan.clone(), &mut journal, self.outfit(&self.world)).await
    }

    pub(super) async fn records(&self) -> Vec<Record> {
        read(&*self.disk, RUN).await.unwrap()
    }

    pub(super) async fn events(&self) -> Vec<Event> {
        let records = self.records().await;
        records.into_iter().map(|record| record.event).collect()
    }

    pub(super) fn sides(&self) -> Vec<Side> {
        self.world.sides(&self.plan)
    }

    pub(super) fn all(&self, side: Side) -> bool {
        self.sides().iter().all(|s| *s == side)
    }

    /// How long it has been since the beginning of the test.
    pub(super) fn elapsed(&self) -> Duration {
        Duration::from_millis(self.clock.now().boot_ms)
    }

    /// Another process meets the same world and disk with a clock that was set or started anew.
    pub(super) fn at(self, clock: Clock) -> Bench {
        Bench {
            world: self.world.copy(clock.clone()),
            clock,
            ..self
        }
    }
}
