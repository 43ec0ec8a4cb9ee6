//! A power cut at every moment: before and after every journal line, look and write, singly and in pairs.
//!
//! After each the run is resumed by a new process that knows only the journal and the world. The world must
//! end all new or all old, and the writes must have come in the right order.

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
            let meta = Meta {
                playbook: self.plan.playbook.clone(),
                mode: self.plan.mode,
                direction: self.plan.direction.clone(),
                by: "test".into(),
                version: "0".into(),
                began: self.clock.now(),
            };
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
        let run = self.disk.runs().await.unwrap().remove(0).run;
        let records = cutover::journal::read(&*self.disk, &run).await.unwrap();
        let lines = records.iter().skip(1);
        lines
            .map(|record| format!("{:?}\n", record.event))
            .collect()
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

async fn counted(case: &Case) -> (u64, u64) {
    let machine = Machine::new(plan(case.mode, case.sketch), &case.set_up);
    let (ending, moments) = machine.process(Cut::Never).await;
    assert_eq!(ending, Some(case.ending), "{}", case.name);
    assert!(machine.sides().iter().all(|side| *side == case.side));
    machine.check_order(case.undo);
    (moments, machine.disk.appends())
}

fn cuts(moments: u64, lines: u64) -> Vec<Cut> {
    let world = (0..moments).map(Cut::World);
    let before = (0..lines).map(|n| Cut::Journal(n, Blow::Before));
    let after = (0..lines).map(|n| Cut::Journal(n, Blow::After));
    world.chain(before).chain(after).collect()
}

/// Cuts the power once or more often, lets the last process finish, and looks at what stands.
async fn survives(case: &Case, cuts: &[Cut]) {
    let machine = Machine::new(plan(case.mode, case.sketch), &case.set_up);
    for cut in cuts {
        machine.process(*cut).await;
    }
    let (ending, _) = machine.process(Cut::Never).await;
    let what = format!("{} with {cuts:?}", case.name);
    let sides = machine.sides();
    match ending {
        Some(Ending::Done) => {
            let side = match case.mode {
                Mode::Drill => Side::Before,
                _ => Side::After,
            };
            assert!(sides.iter().all(|s| *s == side), "{what}: {sides:?}");
        }
        Some(Ending::Undone | Ending::Refused) => {
            assert!(
                sides.iter().all(|s| *s == Side::Before),
                "{what}: {sides:?}"
            );
        }
        other => panic!(
            "{what}: ended {other:?} with {sides:?} after\n{}",
            machine.story().await
        ),
    }
    machine.check_order(case.undo);
    // A resume after the end does nothing.
    let writes = machine.world.writes();
    let lines = machine.disk.appends();
    machine.process(Cut::Never).await;
    assert_eq!(machine.world.writes(), writes, "{what}");
    assert_eq!(machine.disk.appends(), lines, "{what}");
}

#[tokio::test(start_paused = true)]
async fn one_power_cut_anywhere() {
    for case in cases() {
        let (moments, lines) = counted(&case).await;
        assert!(
            moments > 8 && lines > 8,
            "{}: {moments}, {lines}",
            case.name
        );
        for cut in cuts(moments, lines) {
            survives(&case, &[cut]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_power_cuts_anywhere() {
    for case in cases() {
        let (moments, lines) = counted(&case).await;
        let all = cuts(moments, lines);
        for first in &all {
            for second in &all {
                survives(&case, &[*first, *second]).await;
            }
        }
    }
}
