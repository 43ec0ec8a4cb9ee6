//! A power cut at every moment: before and after every journal line, look and write, singly and in pairs.
//!
//! The machine is copied before each cut, with its disk, its clock and the world around it, so that the second
//! cut of a pair comes at every moment of the process that went on after the first one. Machines that are in
//! the same state, journal and world and time, have the same future and are followed once. After each cut the run is resumed by a new process that knows only the journal and the world. The world must
//! end all new or all old, and the writes must have come in the right order.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use cutover::clock::Clock;
use cutover::engine::{GoOn, NoMemory, Nobody, Outfit, RunError, StopSwitch, drive, resume};
use cutover::event::Ending;
use cutover::fake::{FakeWorld, Fuse, WriteFault, plan};
use cutover::journal::{Live, Meta};
use cutover::plan::{Mode, Plan, Side, Way};
use cutover::step::Pulses;
use cutover::store::{Blow, Memory, Store};

const RUN: &str = "20261122-030500-test";

/// A machine with a disk and a world around it; the processes on it come and go.
struct Machine {
    plan: Plan,
    clock: Clock,
    world: FakeWorld,
    disk: Arc<Memory>,
}

/// Where the power is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    Never,
    /// At a look, a read, or before or after a write takes effect.
    World(u64),
    /// Before or after a journal line is durable, counted over the life of the disk.
    Journal(u64, Blow),
}

impl Machine {
    fn new(plan: Plan, set_up: &dyn Fn(&FakeWorld)) -> Machine {
        let clock = Clock::following_tokio("2026-11-22T03:05:00Z".parse().unwrap());
        let world = FakeWorld::new(&plan, clock.clone());
        set_up(&world);
        Machine {
            plan,
            clock,
            world,
            disk: Arc::new(Memory::new()),
        }
    }

    /// The same machine at the same moment, on a way of its own.
    fn copy(&self) -> Machine {
        let clock = Clock::following_tokio_from(self.clock.now());
        Machine {
            plan: self.plan.clone(),
            world: self.world.copy(clock.clone()),
            disk: Arc::new(self.disk.copy()),
            clock,
        }
    }

    /// What its future depends on: the time, the world, and the events of its journals as they were written.
    async fn state(&self) -> u64 {
        self.disk.restart();
        let mut hasher = DefaultHasher::new();
        (self.clock.now().boot_ms, self.world.words()).hash(&mut hasher);
        for row in self.disk.runs().await.unwrap() {
            row.run.hash(&mut hasher);
            for record in self.disk.read(&row.run, 0).await.unwrap().records {
                let event = record.windows(8).position(|part| part == b"\"event\":");
                record[event.unwrap()..].hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    /// One process: begins the run, or goes on with it, until its end or the cut. Returns the ending and
    /// how many moments passed in the world.
    async fn process(&self, cut: Cut) -> (Option<Ending>, u64) {
        self.disk.restart();
        let fuse = match cut {
            Cut::World(moment) => Fuse::at(moment),
            _ => Fuse::never(),
        };
        if let Cut::Journal(number, blow) = cut {
            self.disk.fuse(self.disk.appends() + number, blow);
        }
        let world = self.world.with_fuse(fuse.clone());
        let ending = tokio::select! {
            ending = self.run(&world) => ending,
            () = fuse.blown() => None,
        };
        (ending, fuse.passed())
    }

    async fn run(&self, world: &FakeWorld) -> Option<Ending> {
        let (_switch, stop) = StopSwitch::new();
        let outfit = Outfit {
            world,
            memory: &NoMemory,
            people: &Nobody,
            stop,
            pulses: Pulses::none(),
            by: "test".into(),
        };
        let store: Arc<dyn Store> = Arc::clone(&self.disk) as _;
        let publish: cutover::journal::Publisher = Arc::new(|_| {});
        let runs = store.runs().await.unwrap();
        let begun = runs
            .iter()
            .find(|run| run.count > 0)
            .map(|run| run.run.clone());
        let result = if let Some(run) = begun {
            let reopened = Live::reopen(store, &run, self.clock.clone(), publish).await;
            let (mut live, records) = reopened.unwrap();
            resume(&records, &mut live, outfit, GoOn::Finish).await
        } else {
            let meta = Meta::of(&self.plan, "test", self.clock.now());
            // A run that was cut off before its first line has done nothing: the next begins anew.
            let run = format!("{RUN}-{}", runs.len());
            let locks = &self.plan.locks;
            match Live::begin(store, &run, &meta, locks, self.clock.clone(), publish).await {
                Ok(mut live) => drive(self.plan.clone(), &mut live, outfit).await,
                Err(_) => return None,
            }
        };
        match result {
            Ok(ending) => Some(ending),
            Err(RunError::Journal(_)) => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// The events of the last run, a line each.
    async fn story(&self) -> String {
        let mut story = String::new();
        for row in self.disk.runs().await.unwrap() {
            let records = cutover::journal::read(&*self.disk, &row.run).await.unwrap();
            story += &format!("{}\n", row.run);
            for record in records.iter().skip(1) {
                story += &format!("{:?}\n", record.event);
            }
        }
        story
    }

    fn sides(&self) -> Vec<Side> {
        self.world.sides(&self.plan)
    }

    /// Changes go there in the order of the list, and back in the order that the way back has.
    fn check_order(&self, undo: bool) {
        let order = |way: Way| {
            let mut order: Vec<usize> = Vec::new();
            for (place, w) in self.world.writes() {
                let at = self.plan.edits().position(|(_, e)| e.place == place);
                let at = at.expect("a write to a place of the plan");
                if w == way && order.last() != Some(&at) {
                    order.push(at);
                }
            }
            order
        };
        let there = order(Way::There);
        assert!(there.is_sorted(), "there: {there:?}");
        let mut back = order(Way::Back);
        if undo {
            back.reverse();
        }
        assert!(back.is_sorted(), "back: {back:?}");
    }
}

struct Case {
    name: &'static str,
    mode: Mode,
    sketch: &'static str,
    set_up: fn(&FakeWorld),
    ending: Ending,
    side: Side,
    undo: bool,
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "a failover that goes well",
            mode: Mode::Failover,
            sketch: "kpcck",
            set_up: |_| {},
            ending: Ending::Done,
            side: Side::After,
            undo: false,
        },
        Case {
            name: "a failover whose last check fails, so that everything is put back",
            mode: Mode::Failover,
            sketch: "pcck",
            set_up: |world| world.broken("k3", "new"),
            ending: Ending::Undone,
            side: Side::Before,
            undo: true,
        },
        Case {
            name: "a drill",
            mode: Mode::Drill,
            sketch: "pcck",
            set_up: |_| {},
            ending: Ending::Done,
            side: Side::Before,
            undo: false,
        },
        Case {
            name: "a write that answers with an error and lands late",
            mode: Mode::Failover,
            sketch: "kcck",
            set_up: |world| {
                let after = std::time::Duration::from_secs(15);
                world.fault("c1", [WriteFault::Lands(after)]);
            },
            ending: Ending::Done,
            side: Side::After,
            undo: false,
        },
    ]
}

fn cuts(moments: u64, lines: u64) -> Vec<Cut> {
    let world = (0..moments).map(Cut::World);
    let before = (0..lines).map(|n| Cut::Journal(n, Blow::Before));
    let after = (0..lines).map(|n| Cut::Journal(n, Blow::After));
    world.chain(before).chain(after).collect()
}

/// Lets the last process finish, and looks at what stands. Returns every cut that could have come instead.
async fn finishes(case: &Case, machine: &Machine, past: &[Cut]) -> Vec<Cut> {
    let before = machine.disk.appends();
    let (ending, moments) = machine.process(Cut::Never).await;
    let cuts = cuts(moments, machine.disk.appends() - before);
    let what = format!("{} with {past:?}", case.name);
    let sides = machine.sides();
    let (ending_is_right, side) = match ending {
        // Cut off before anything was written, or while it was put back: a resume does not repeat what failed.
        Some(Ending::Refused) => (!past.is_empty(), Side::Before),
        Some(Ending::Undone) => (true, Side::Before),
        Some(Ending::Done) => (true, case.side),
        _ => (false, Side::Foreign),
    };
    assert!(
        ending_is_right && (ending == Some(case.ending) || !past.is_empty()),
        "{what}: ended {ending:?} with {sides:?} after\n{}",
        machine.story().await
    );
    assert!(sides.iter().all(|s| *s == side), "{what}: {sides:?}");
    machine.check_order(case.undo);
    if past.len() > 1 {
        return cuts;
    }
    // A resume after the end does nothing.
    let (writes, lines) = (machine.world.writes(), machine.disk.appends());
    machine.process(Cut::Never).await;
    assert_eq!(machine.world.writes(), writes, "{what}");
    assert_eq!(machine.disk.appends(), lines, "{what}");
    cuts
}

/// Cuts the power everywhere, and everywhere again in the processes that go on: as often as `depth`.
/// Returns how many different machines were followed to their end.
async fn survives(case: &Case, depth: usize) -> usize {
    let start = Machine::new(plan(case.mode, case.sketch), &case.set_up);
    let mut seen = HashSet::new();
    let mut machines = vec![(start, Vec::new())];
    let mut missed = 0;
    for left in (0..=depth).rev() {
        let mut next = Vec::new();
        for (machine, past) in machines {
            let cuts = finishes(case, &machine.copy(), &past).await;
            for cut in cuts.into_iter().filter(|_| left > 0) {
                let machine = machine.copy();
                let (ending, _) = machine.process(cut).await;
                // Settling may take one look more or less, by less than a millisecond: then there is no cut.
                let came = ending.is_none();
                missed += u32::from(!came);
                if came && seen.insert(machine.state().await) {
                    let past = past.iter().copied().chain([cut]).collect();
                    next.push((machine, past));
                }
            }
        }
        machines = next;
    }
    let followed = seen.len();
    assert!(
        missed * 8 < followed as u32,
        "{}: {missed} cuts never came",
        case.name
    );
    followed
}

async fn two_power_cuts_anywhere(case: usize) {
    let case = &cases()[case];
    let followed = survives(case, 2).await;
    assert!(followed > 200, "{}: {followed}", case.name);
}

#[tokio::test(start_paused = true)]
async fn two_power_cuts_in_a_failover_that_goes_well() {
    two_power_cuts_anywhere(0).await;
}

#[tokio::test(start_paused = true)]
async fn two_power_cuts_in_a_failover_that_is_put_back() {
    two_power_cuts_anywhere(1).await;
}

#[tokio::test(start_paused = true)]
async fn two_power_cuts_in_a_drill() {
    two_power_cuts_anywhere(2).await;
}

#[tokio::test(start_paused = true)]
async fn two_power_cuts_around_a_write_that_lands_late() {
    two_power_cuts_anywhere(3).await;
}
