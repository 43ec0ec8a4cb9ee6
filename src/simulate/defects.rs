//! Deliberate defects in copies of the rules, and of playbooks: each is found, with its shortest story.

use super::fault::Script;
use super::model::Model;
use super::property::Property;
use super::rules::{Machine, Rules};
use super::space::{Limits, explore};
use super::unreduced::finds_the_same;
use super::walk::walk;
use crate::event::{Decision, Ending, Event, Round};
use crate::machine::{Hold, Impossible, Move, Phase, State};
use crate::plan::{IfInterrupted, Mode, Nature, Outcome, Plan, Side, Value, Way};

/// The machine, with other words for what happens and for what comes next.
pub(super) struct Planted<F, N> {
    /// What it takes in instead of an event.
    pub(super) hears: F,
    /// What it says instead of a move.
    pub(super) says: N,
}

impl<F, N> Rules for Planted<F, N>
where
    F: Fn(&Plan, &State, &Event) -> Vec<Event>,
    N: Fn(&State, Move) -> Move,
{
    fn next(&self, plan: &Plan, state: &State) -> Move {
        (self.says)(state, Machine.next(plan, state))
    }

    fn fold(&self, plan: &Plan, state: &mut State, event: &Event) -> Result<(), Impossible> {
        for event in (self.hears)(plan, state, event) {
            Machine.fold(plan, state, &event)?;
        }
        Ok(())
    }
}

fn hears(hears: impl Fn(&Plan, &State, &Event) -> Vec<Event>) -> impl Rules {
    Planted {
        hears,
        says: |_: &State, mv| mv,
    }
}

/// Finds the property, and that its shortest story is this one; and that the story can be run again.
fn found(model: &Model, rules: &impl Rules, property: Property, name: &str) {
    let limits = Limits {
        faults: 2,
        ..Limits::default()
    };
    assert_eq!(
        explore(model, &Machine, limits).breaches.len(),
        usize::from(property == Property::SuccessReachable)
    );
    let space = explore(model, rules, limits);
    let breach = space
        .breaches
        .iter()
        .find(|breach| breach.property == property);
    let names: Vec<String> = (space.breaches.iter())
        .map(|breach| format!("{} {}", breach.property, breach.script.name(&model.plan)))
        .collect();
    let breach = breach.unwrap_or_else(|| panic!("{property} holds; found {names:?}"));
    assert_eq!(breach.script.name(&model.plan), name, "{names:?}");
    finds_the_same(model, rules, limits.faults);
    let script = Script::parse(name, &model.plan).unwrap();
    let walk = walk(model, rules, &script);
    assert_eq!(walk.unused, []);
    // What is wrong with a way back shows at its end only; with a success, nowhere.
    if !matches!(property, Property::WayBack | Property::SuccessReachable) {
        assert_eq!(walk.broken.map(|broken| broken.0), Some(property));
    }
}

fn compared(entry: usize, way: Way, side: Side) -> Event {
    Event::Compared {
        entry,
        way,
        side: Some(side),
        detail: None,
    }
}

/// Entry 1 is taken for entry 2 and the other way round, in one phase.
fn swapped(phase: Phase) -> impl Rules {
    let other = |entry: usize| match entry {
        1 => 2,
        2 => 1,
        entry => entry,
    };
    Planted {
        hears: move |_: &Plan, state: &State, event: &Event| {
            let mut event = event.clone();
            if state.phase() == phase
                && let Event::Compared { entry, .. }
                | Event::Intended { entry, .. }
                | Event::Answered { entry, .. }
                | Event::Settled { entry, .. } = &mut event
            {
                *entry = other(*entry);
            }
            vec![event]
        },
        says: move |state: &State, mut mv| {
            if state.phase() == phase
                && let Move::Compare { entry, .. }
                | Move::Write { entry, .. }
                | Move::Settle { entry, .. } = &mut mv
            {
                *entry = other(*entry);
            }
            mv
        },
    }
}

#[test]
fn undo_in_the_wrong_order() {
    let model = Model::sketch(Mode::Drill, "kcc");
    found(
        &model,
        &swapped(Phase::Undo),
        Property::Order,
        "drill:stay=back",
    );
}

#[test]
fn a_return_in_reverse_order() {
    let model = Model::sketch(Mode::Drill, "kcc");
    found(
        &model,
        &swapped(Phase::Return),
        Property::Order,
        "drill:nothing",
    );
}

#[test]
fn believing_what_a_write_says() {
    let rules = hears(|plan, _, event| {
        let mut heard = vec![event.clone()];
        if let Event::Answered {
            entry,
            way,
            answer: crate::event::Answer::Done { .. },
        } = event
            && plan.entries[*entry].writes()
        {
            heard.push(Event::Settled {
                entry: *entry,
                way: *way,
                side: Some(super::ground::goal(*way)),
                detail: None,
                stored: Value::default(),
            });
        }
        heard
    });
    let model = Model::sketch(Mode::Failover, "kc");
    found(
        &model,
        &rules,
        Property::EveryEnding,
        "failover:c1/write=lies+c1/look=hangs",
    );
}

#[test]
fn writing_over_what_somebody_else_wrote() {
    let rules = hears(|_, _, event| match event {
        Event::Compared {
            entry,
            way,
            side: Some(Side::Foreign),
            ..
        } => vec![compared(*entry, *way, Side::Before)],
        event => vec![event.clone()],
    });
    let model = Model::sketch(Mode::Failover, "kc");
    let name = "failover:c1/compare=foreign";
    found(&model, &rules, Property::NotOverOthers, name);
}

#[test]
fn going_on_after_a_check_that_failed() {
    let rules = hears(|_, _, event| {
        let mut event = event.clone();
        if let Event::Judged { outcomes, .. } = &mut event {
            let failed = |outcome: &&mut Outcome| **outcome == Outcome::Fail;
            let failures = outcomes
                .iter_mut()
                .map(|(_, outcome)| outcome)
                .filter(failed);
            failures.for_each(|outcome| *outcome = Outcome::Pass);
        }
        vec![event]
    });
    let model = Model::sketch(Mode::Failover, "kc");
    let name = "failover:k0/look=fails";
    found(&model, &rules, Property::ExitCode, name);
}

/// Takes one more event in, by itself, whenever this move comes next.
struct Skips<S>(S);

impl<S: Fn(&Move) -> Option<Event>> Rules for Skips<S> {
    fn next(&self, plan: &Plan, state: &State) -> Move {
        Machine.next(plan, state)
    }

    fn fold(&self, plan: &Plan, state: &mut State, event: &Event) -> Result<(), Impossible> {
        Machine.fold(plan, state, event)?;
        match (self.0)(&self.next(plan, state)) {
            Some(more) => Machine.fold(plan, state, &more),
            None => Ok(()),
        }
    }
}

#[test]
fn not_comparing_before_writing_back() {
    let rules = Skips(|mv: &Move| match mv {
        Move::Compare {
            entry,
            way: Way::Back,
        } => Some(compared(*entry, Way::Back, Side::After)),
        _ => None,
    });
    let model = Model::sketch(Mode::Drill, "kc");
    let name = "drill:c1/write@back=foreign";
    found(&model, &rules, Property::NotOverOthers, name);
}

#[test]
fn a_rollback_that_leaves_one_change_standing() {
    let rules = Skips(|mv: &Move| match mv {
        Move::Compare {
            entry: 1,
            way: Way::Back,
        } => Some(compared(1, Way::Back, Side::Before)),
        _ => None,
    });
    let model = Model::sketch(Mode::Failover, "kcc");
    // Nothing may go wrong but that somebody wants to go back. The look after it sees the change, so nobody says
    // that it is undone; and nothing that is offered puts it back.
    found(&model, &rules, Property::WayBack, "failover:rest=back");
}

#[test]
fn a_hold_that_cannot_be_left() {
    let rules = hears(|_, state, event| match event {
        Event::Decided {
            decision: Decision::Back,
            ..
        } if state.held() == Some(Hold::Foreign) => Vec::new(),
        event => vec![event.clone()],
    });
    let model = Model::sketch(Mode::Drill, "kc");
    let name = "drill:c1/compare@back=foreign+rest=back+decide#1=back";
    found(&model, &rules, Property::WayBack, name);
}

#[test]
fn a_success_with_something_unseen() {
    let rules = Planted {
        hears: |_: &Plan, state: &State, event: &Event| match (event, state.closing()) {
            (Event::Ended { .. }, Some(ending)) => vec![Event::Ended { ending }],
            (event, _) => vec![event.clone()],
        },
        says: |_: &State, mv| match mv {
            Move::End {
                ending: Ending::DoneUnproven,
            } => Move::End {
                ending: Ending::Done,
            },
            mv => mv,
        },
    };
    let model = Model::sketch(Mode::Failover, "kck");
    found(&model, &rules, Property::ExitCode, "failover:c1/look=hangs");
}

#[test]
fn a_failed_check_that_an_emergency_goes_over_and_forgets() {
    let rules = hears(|plan, _, event| match event {
        Event::Judged { round, outcomes } if plan.mode == Mode::Emergency => {
            let forgets = |(entry, outcome): &(usize, Outcome)| match outcome {
                Outcome::Fail if !plan.entries[*entry].after_change => (*entry, Outcome::Warn),
                _ => (*entry, *outcome),
            };
            vec![Event::Judged {
                round: *round,
                outcomes: outcomes.iter().map(forgets).collect(),
            }]
        }
        event => vec![event.clone()],
    });
    let model = Model::sketch(Mode::Emergency, "kc");
    found(
        &model,
        &rules,
        Property::ExitCode,
        "emergency:k0/look=fails",
    );
}

#[test]
fn an_intent_that_is_recorded_with_the_answer() {
    let rules = hears(|_, _, event| match event {
        Event::Intended { .. } => Vec::new(),
        Event::Answered { entry, way, .. } => {
            let intended = Event::Intended {
                entry: *entry,
                way: *way,
                from: Value::default(),
                to: Value::default(),
                until: crate::clock::Stamp::at(0),
            };
            vec![intended, event.clone()]
        }
        event => vec![event.clone()],
    });
    let model = Model::sketch(Mode::Failover, "kc");
    let name = "failover:c1/write=killed-written";
    found(&model, &rules, Property::IntentFirst, name);
}

#[test]
fn a_resume_that_begins_anew_after_the_end() {
    let rules = hears(|_, state, event| match event {
        Event::Resumed { .. } if state.ended() == Some(Ending::Done) => Vec::new(),
        event => vec![event.clone()],
    });
    let model = Model::sketch(Mode::Failover, "kc");
    found(&model, &rules, Property::ResumeAfterEnd, "failover:nothing");
}

#[test]
fn a_verification_that_comes_before_its_change() {
    let mut model = Model::sketch(Mode::Failover, "kkc");
    model.plan.entries[1].after_change = true;
    found(
        &model,
        &Machine,
        Property::SuccessReachable,
        "failover:nothing",
    );
}

#[test]
fn an_undo_that_nobody_looks_at() {
    let rules = Skips(|mv: &Move| match mv {
        Move::Look {
            round: round @ Round::Verify,
            entries,
        } => Some(Event::Judged {
            round: *round,
            outcomes: entries.iter().map(|i| (*i, Outcome::Pass)).collect(),
        }),
        _ => None,
    });
    let model = Model::sketch(Mode::Drill, "kck");
    found(&model, &rules, Property::SeenSince, "drill:stay=back");
}

#[test]
fn a_success_whose_places_nobody_looks_at_again() {
    let rules = hears(|_, state, event| {
        let mut event = event.clone();
        if let Event::Judged { outcomes, .. } = &mut event
            && state.phase() == Phase::Confirm
        {
            outcomes.iter_mut().for_each(|(_, o)| *o = Outcome::Pass);
        }
        vec![event]
    });
    let model = Model::sketch(Mode::Failover, "kck");
    let name = "failover:c1/look=foreign";
    found(&model, &rules, Property::EveryEnding, name);
}

#[test]
fn accepting_what_was_not_shown() {
    let rules = hears(|_, state, event| {
        let mut event = event.clone();
        if let Event::Judged { outcomes, .. } = &mut event
            && state.phase() == Phase::Accept
        {
            outcomes.iter_mut().for_each(|(_, o)| *o = Outcome::Pass);
        }
        vec![event]
    });
    let model = Model::sketch(Mode::Drill, "kck");
    let name = "drill:stay=back+c1/look@verify=hangs+decide=on+k2/look@verify#1=fails";
    found(&model, &rules, Property::ExitCode, name);
}

#[test]
fn an_undo_whose_places_nobody_reads_again_behind_its_checks() {
    let rules = hears(|_, state, event| {
        let mut event = event.clone();
        if let Event::Judged { outcomes, .. } = &mut event
            && state.phase() == Phase::Reread
        {
            let bad = outcomes.iter_mut().filter(|(_, o)| *o == Outcome::Fail);
            bad.for_each(|(_, o)| *o = Outcome::Pass);
        }
        vec![event]
    });
    let model = Model::sketch(Mode::Drill, "kck");
    let name = "drill:stay=back+c1/look@verify=meanwhile";
    found(&model, &rules, Property::ExitCode, name);
}

#[test]
fn a_resume_that_trusts_what_was_seen_long_ago() {
    let trusts = |before_its_end: bool| {
        hears(move |_, state, event| {
            let ends = state.phase() == Phase::Confirm;
            let trusts = matches!(event, Event::Resumed { .. }) && ends == before_its_end;
            vec![match trusts {
                true => Event::Resumed {
                    by: String::new(),
                    version: String::new(),
                    anew: false,
                },
                false => event.clone(),
            }]
        })
    };
    let model = Model::sketch(Mode::Failover, "kck");
    let before_its_end = "failover:c1/look=killed-before";
    found(&model, &trusts(true), Property::SeenSince, before_its_end);
    let before_its_write = "failover:c1/compare=killed-before";
    let rules = trusts(false);
    found(&model, &rules, Property::SeenSince, before_its_write);
    let mut model = Model::sketch(Mode::Failover, "kak");
    if let Nature::Act(act) = &mut model.plan.entries[1].nature {
        act.if_interrupted = IfInterrupted::Again;
    }
    let again = "failover:a1/compare=killed-before";
    found(&model, &rules, Property::SeenSince, again);
}

#[test]
fn an_old_ending_said_again_without_a_look() {
    let rules = hears(|_, state, event| match event {
        Event::Judged { round, outcomes } if state.remains() => vec![Event::Judged {
            round: *round,
            outcomes: (outcomes.iter())
                .map(|(i, _)| (*i, Outcome::Pass))
                .collect(),
        }],
        event => vec![event.clone()],
    });
    found(
        &Model::sketch(Mode::Failover, "pck"),
        &rules,
        Property::EveryEnding,
        "failover:rest=back+p0/look@probe=fails+c1/look#1=foreign",
    );
}
