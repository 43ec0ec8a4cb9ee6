//! All that can happen to sketched playbooks.

use super::ground::{Node, Places};
use super::turns::Turns;
use super::*;
use crate::event::Ending;
use crate::plan::Mode;

const MODES: [Mode; 3] = [Mode::Drill, Mode::Failover, Mode::Emergency];

const TWENTY: &str = "kpk?tkckkbcawkckkkkk";

fn explored(mode: Mode, letters: &str, faults: u8) -> Space {
    let limits = Limits {
        faults,
        ..Limits::default()
    };
    explore(&Model::sketch(mode, letters), &Machine, limits)
}

/// The names of all stories that break a property.
fn told(mode: Mode, letters: &str, space: &Space) -> String {
    let plan = Model::sketch(mode, letters).plan;
    let line = |breach: &Breach| {
        let Breach {
            property,
            script,
            seen,
        } = breach;
        format!("{property}: {}: {seen}\n", script.name(&plan))
    };
    space.breaches.iter().map(line).collect()
}

#[test]
fn whatever_happens_every_property_holds() {
    assert_eq!(TWENTY.len(), 20);
    for mode in MODES {
        let space = explored(mode, TWENTY, 3);
        assert!(space.is_whole());
        assert_eq!(told(mode, TWENTY, &space), "", "{mode}");
        for ending in Ending::ALL {
            let reached = space.endings.contains_key(&ending);
            assert!(reached, "{mode}: {ending:?} is never reached");
        }
        assert!(space.ways_back > 0);
        // So that it is noticed when they grow without need.
        assert!(space.states < 1_250_000, "{mode}: {} states", space.states);
        let room = space.bytes_per_state;
        assert!(room < 40, "{mode}: {room} bytes for a state");
    }
}

#[test]
fn two_acts_one_of_them_beyond_return() {
    for mode in MODES {
        let letters = "pcaxck";
        let space = explored(mode, letters, 3);
        assert_eq!(told(mode, letters, &space), "", "{mode}");
        assert!(space.endings.contains_key(&Ending::Done));
    }
}

#[test]
fn an_act_that_counts_as_done_where_it_is_cut_off() {
    for mode in MODES {
        let letters = "pcsck";
        let space = explored(mode, letters, 3);
        assert_eq!(told(mode, letters, &space), "", "{mode}");
        assert!(space.endings.contains_key(&Ending::Done));
    }
}

#[test]
fn a_dry_run_writes_nothing_whatever_happens() {
    let space = explored(Mode::Plan, TWENTY, 3);
    assert_eq!(told(Mode::Plan, TWENTY, &space), "");
    let endings: Vec<Ending> = space.endings.keys().copied().collect();
    let stopped = [Ending::Refused, Ending::Stale, Ending::Stopped];
    assert!(endings.contains(&Ending::Done) && stopped.iter().all(|e| endings.contains(e)));
    assert!(!endings.contains(&Ending::Undone) && !endings.contains(&Ending::Held));
}

#[test]
fn what_is_left_out_for_want_of_room_is_said() {
    let model = Model::sketch(Mode::Drill, "kck");
    let limits = Limits {
        states: 100,
        ..Limits::default()
    };
    let space = explore(&model, &Machine, limits);
    assert_eq!(space.explored, 100);
    assert!(!space.is_whole());
}

#[test]
fn each_single_fault_has_a_life_with_an_end() {
    for mode in [Mode::Plan, Mode::Drill, Mode::Failover, Mode::Emergency] {
        let model = Model::sketch(mode, TWENTY);
        let twists = points(&model, &Machine);
        for twist in &twists {
            let script = Script(vec![*twist]);
            let walk = walk(&model, &Machine, &script);
            let name = script.name(&model.plan);
            assert_eq!(walk.unused, [], "{name}");
            assert_eq!(walk.broken, None, "{name}");
            assert!(walk.ending.is_some(), "{name}");
        }
        assert!(twists.len() > 100 || mode == Mode::Plan);
    }
}

#[test]
fn a_script_that_never_comes_is_left_over() {
    let model = Model::sketch(Mode::Drill, "kc");
    for name in [
        "c1/write#7=lies",
        "c1/look=fails",
        "k0/look=lies",
        "stay#1=back",
    ] {
        let script = Script::parse(name, &model.plan).unwrap();
        let walk = walk(&model, &Machine, &script);
        assert_eq!(walk.unused, script.0, "{name}");
        assert_eq!(walk.ending, Some(Ending::Done));
    }
}

#[test]
fn several_checks_can_be_struck_in_one_look() {
    let model = Model::sketch(Mode::Failover, "ckkk");
    let script = Script::parse("k1/look=late+k3/look=hangs", &model.plan).unwrap();
    let walk = walk(&model, &Machine, &script);
    assert_eq!(walk.unused, []);
    assert_eq!(walk.ending, Some(Ending::Held));
    let twists: Vec<usize> = walk.steps.iter().map(|step| step.twists.len()).collect();
    assert!(twists.contains(&2));
}

#[test]
fn a_moment_is_kept_whole() {
    let model = Model::sketch(Mode::Drill, TWENTY);
    let twists = points(&model, &Machine);
    let scripts = twists.chunks(3).map(|some| Script(some.to_vec()));
    let writers = Places::of(&model.plan).writers;
    let mut seen = 0;
    for script in scripts {
        let mut turns = Turns::new(&model, &Machine);
        let mut waiting = script.0;
        // All kinds of moments: whatever of the script fits is done at once.
        for _ in 0..300 {
            let mut packed = Vec::new();
            turns.here.pack(&writers, &mut packed);
            let mut back = Node::first(&model);
            back.unpack(&writers, &packed).unwrap();
            assert_eq!(back, turns.here);
            seen += 1;
            let mut strikes = Vec::new();
            turns.strikes(&mut strikes);
            let fits = (waiting.iter())
                .position(|twist| strikes.iter().any(|s| s.fault == Some(twist.fault)));
            let strike = match fits.map(|at| waiting.remove(at)) {
                Some(twist) => strikes.into_iter().find(|s| s.fault == Some(twist.fault)),
                None => turns.usual(),
            };
            let Some(strike) = strike else {
                break;
            };
            turns.take(&[strike]);
            turns.go();
        }
    }
    assert!(seen > 1000, "{seen}");
}
