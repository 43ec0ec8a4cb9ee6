//! A search in which moments forget nothing, and hold the faults that are left: ours must find the same.

use std::collections::{BTreeSet, HashSet};

use proptest::prelude::*;

use super::check::check;
use super::ground::{Node, Places};
use super::property::Property;
use super::rules::{Machine, Rules};
use super::second_opinion::endings;
use super::turns::Turns;
use super::{Limits, Model, explore};
use crate::plan::{IfInterrupted, Mode, Nature, Rule, Then};

/// What a search comes to that follows every moment as it is.
struct Unreduced {
    /// Its moments, without what makes no difference.
    seen: HashSet<Node>,
    /// What does not hold in some of them.
    broken: BTreeSet<Property>,
}

fn unreduced<R: Rules>(model: &Model, rules: &R, faults: u8) -> Unreduced {
    let places = Places::of(&model.plan);
    let mut turns = Turns::new(model, rules);
    turns.forgets = false;
    let mut broken = BTreeSet::new();
    let first = (Node::first(model), faults);
    let mut all = HashSet::from([first.clone()]);
    let mut open = vec![first];
    let mut strikes = Vec::new();
    while let Some((node, left)) = open.pop() {
        turns.here.clone_from(&node);
        turns.look_around();
        broken.extend(check(&turns).map(|broken| broken.0));
        turns.strikes(&mut strikes);
        for strike in strikes.iter().filter(|strike| strike.cost() <= left) {
            turns.take(&[*strike]);
            if turns.refused.is_some() {
                broken.insert(Property::EveryEnding);
                continue;
            }
            let there = (turns.there.clone(), left - strike.cost());
            if all.insert(there.clone()) {
                open.push(there);
            }
        }
    }
    let forgetful = |(mut node, _): (Node, u8)| {
        node.forget(model, &places);
        node
    };
    Unreduced {
        seen: all.into_iter().map(forgetful).collect(),
        broken,
    }
}

fn limits(faults: u8) -> Limits {
    Limits {
        faults,
        ..Limits::default()
    }
}

/// The same moments, the same endings, and the same properties that do not hold.
fn agrees(model: &Model, faults: u8) {
    let all = unreduced(model, &Machine, faults);
    let space = explore(model, &Machine, limits(faults));
    let ids: Vec<&str> = (model.plan.entries.iter())
        .map(|entry| entry.id.as_str())
        .collect();
    let what = format!("{} of {ids:?} with {faults} faults", model.plan.mode);
    assert_eq!(space.states, all.seen.len(), "{what}");
    assert_eq!(space.endings, endings(&all.seen), "{what}");
    assert_eq!(
        of_moments(space.broken.into_keys()),
        of_moments(all.broken.into_iter()),
        "{what}"
    );
}

/// Without the properties that are asked of the whole space, not of a moment.
fn of_moments(broken: impl Iterator<Item = Property>) -> BTreeSet<Property> {
    let whole = [Property::WayBack, Property::SuccessReachable];
    broken
        .filter(|property| !whole.contains(property))
        .collect()
}

/// A sketch in which each entry answers, counts and is interrupted as a number of its own says.
fn varied(mode: Mode, letters: &str, choices: &[u16]) -> Model {
    const THEN: [Then; 3] = [Then::Note, Then::Hold, Then::Back];
    let mut model = Model::sketch(mode, letters);
    let entries = model.plan.entries.iter_mut().zip(&mut model.traits);
    for ((entry, traits), choice) in entries.zip(choices) {
        let one_of_three = |at: u32| THEN[usize::from(choice / 3_u16.pow(at) % 3)];
        if entry.is_check() && choice & 1 == 1 {
            entry.rule = Rule {
                late: one_of_three(0),
                fail: one_of_three(1),
                unknown: one_of_three(2),
            };
            traits.sees.active = choice & 2 == 2;
            traits.serves = choice & 4 == 4;
            if choice & 0x78 == 0x78 {
                traits.timing.lag = entry.pace.within * 2;
            }
        }
        if let Nature::Act(act) = &mut entry.nature {
            use IfInterrupted::{Again, Hold, Skip};
            act.if_interrupted = [Hold, Again, Skip][usize::from(choice % 3)];
            traits.sees.active = choice & 2 == 2;
        }
    }
    model
}

/// The same properties are broken by rules that have a defect.
pub(super) fn finds_the_same(model: &Model, rules: &impl Rules, faults: u8) {
    let all = unreduced(model, rules, faults).broken;
    let ours = explore(model, rules, limits(faults)).broken;
    let (ours, all) = (of_moments(ours.into_keys()), of_moments(all.into_iter()));
    assert_eq!(ours, all, "{}", model.plan.mode);
}

#[test]
fn what_is_passed_over_makes_no_difference() {
    let cases = [
        (Mode::Emergency, "kcckck", 2),
        (Mode::Emergency, "kctkc", 2),
        (Mode::Emergency, "caack", 2),
        (Mode::Emergency, "ckc", 3),
        (Mode::Failover, "cckct", 2),
        (Mode::Failover, "acxk", 2),
        (Mode::Drill, "ccck", 2),
        (Mode::Drill, "cak", 2),
        (Mode::Drill, "sp", 2),
        (Mode::Drill, "apa", 2),
        (Mode::Failover, "tck", 2),
        (Mode::Failover, "ctk", 2),
    ];
    for (mode, letters, faults) in cases {
        agrees(&Model::sketch(mode, letters), faults);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_of_random_sketches(
        letters in "[kkpbcctasx?w]{1,4}",
        choices in prop::collection::vec(any::<u16>(), 4),
    ) {
        for mode in [Mode::Plan, Mode::Drill, Mode::Failover, Mode::Emergency] {
            agrees(&varied(mode, &letters, &choices), 2);
        }
    }
}
