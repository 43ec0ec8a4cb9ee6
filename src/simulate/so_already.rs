//! What the plan found as it shall be, and what an end says of it.

use super::defects::Planted;
use super::fault::Fault;
use super::model::Model;
use super::property::Property;
use super::rehearse::rehearse;
use super::rules::Machine;
use super::space::{Limits, explore};
use crate::event::Event;
use crate::machine::{Move, Phase, State};
use crate::plan::{Mode, Outcome, Plan};

const MODES: [Mode; 3] = [Mode::Drill, Mode::Failover, Mode::Emergency];

const LETTERS: &str = "kckh";

const SO: usize = 3;

fn limits() -> Limits {
    Limits {
        faults: 2,
        ..Limits::default()
    }
}

#[test]
fn no_end_says_of_it_what_nobody_looked_at() {
    for mode in MODES {
        let model = Model::sketch(mode, LETTERS);
        let space = explore(&model, &Machine, limits());
        let told: Vec<String> = (space.breaches.iter())
            .map(|breach| format!("{}: {}", breach.script.name(&model.plan), breach.seen))
            .collect();
        assert!(space.is_whole());
        assert_eq!(told, [""; 0], "{mode}");
    }
}

#[test]
fn the_real_loop_says_the_same() {
    for mode in MODES {
        let model = std::sync::Arc::new(Model::sketch(mode, LETTERS));
        let rehearsal = rehearse(&model, false, |_| Ok(String::new()), &()).unwrap();
        assert_eq!(rehearsal.found, [], "{mode}");
        let struck = |twist: &super::fault::Twist| twist.fault == Fault::Meanwhile;
        let mut ends = rehearsal.singles.iter();
        assert!(ends.any(|(twist, _)| struck(twist)), "{mode}");
    }
}

/// Beside the last checks, and not behind them: a write while they wait is not found.
#[test]
fn an_end_before_which_it_is_not_read() {
    let hides = |phase: Phase| matches!(phase, Phase::Confirm | Phase::Reread);
    let rules = Planted {
        hears: move |_: &Plan, state: &State, event: &Event| {
            let mut event = event.clone();
            if let Event::Judged { outcomes, .. } = &mut event
                && hides(state.phase())
            {
                outcomes.push((SO, Outcome::Pass));
            }
            vec![event]
        },
        says: move |state: &State, mut mv| {
            if let Move::Look { entries, .. } = &mut mv
                && hides(state.phase())
            {
                entries.retain(|entry| *entry != SO);
            }
            mv
        },
    };
    for mode in MODES {
        let model = Model::sketch(mode, LETTERS);
        let space = explore(&model, &rules, limits());
        let mut breaches = space.breaches.iter();
        let told = breaches.any(|breach| {
            breach.property != Property::SuccessReachable
                && breach.script.name(&model.plan).contains("=meanwhile")
        });
        assert!(told, "{mode}: {:?}", space.breaches);
    }
}
