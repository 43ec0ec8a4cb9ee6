//! A model checker looks at the same turns, and must come to the same states and endings.
//!
//! It is given more than our own search takes: the faults that are left are a part of each of its states, and
//! its moments forget nothing. So it also shows that what our search forgets makes no difference.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use stateright::{Checker, Model as Checked};

use super::ground::{Node, Places};
use super::rules::Machine;
use super::turns::{Strike, Turns};
use super::{Limits, Model, explore};
use crate::event::Ending;
use crate::plan::Mode;

/// A moment, and how many faults are left.
type Moment = (Node, u8);

struct Opinion<'m> {
    model: &'m Model,
    faults: u8,
    /// Every moment that it came to, without what makes no difference.
    seen: &'m Mutex<HashSet<Node>>,
}

impl<'m> Opinion<'m> {
    fn turns(&self, node: &Node) -> Turns<'m, Machine> {
        let mut turns = Turns::new(self.model, &Machine);
        turns.forgets = false;
        turns.here.clone_from(node);
        turns.look_around();
        turns
    }
}

impl Checked for Opinion<'static> {
    type State = Moment;
    type Action = Strike;

    fn init_states(&self) -> Vec<Moment> {
        vec![(Node::first(self.model), self.faults)]
    }

    fn actions(&self, (node, left): &Moment, actions: &mut Vec<Strike>) {
        self.turns(node).strikes(actions);
        actions.retain(|strike| strike.cost() <= *left);
    }

    fn next_state(&self, (node, left): &Moment, strike: Strike) -> Option<Moment> {
        let mut turns = self.turns(node);
        turns.take(&[strike]);
        Some((turns.there.clone(), left - strike.cost()))
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        // A checker without anything to look for stops at once.
        vec![stateright::Property::always("it goes on", |_, _| true)]
    }

    fn within_boundary(&self, (node, _): &Moment) -> bool {
        let mut node = node.clone();
        node.forget(self.model, &Places::of(&self.model.plan));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(node);
        true
    }
}

pub(super) fn endings(seen: &HashSet<Node>) -> BTreeMap<Ending, u64> {
    let mut endings = BTreeMap::new();
    let up = seen.iter().filter(|node| !node.ground.down);
    for ending in up.filter_map(|node| node.state.ended()) {
        *endings.entry(ending).or_default() += 1;
    }
    endings
}

#[test]
fn a_model_checker_comes_to_the_same_states_and_endings() {
    let cases = [
        (Mode::Plan, "kck", 2),
        (Mode::Drill, "kck", 2),
        (Mode::Drill, "pcc", 2),
        (Mode::Failover, "pkct", 2),
        (Mode::Failover, "ka?xk", 2),
        (Mode::Emergency, "pbck", 2),
        (Mode::Drill, "ca", 3),
        (Mode::Failover, "kc", 4),
    ];
    for (mode, letters, faults) in cases {
        // The checker works in threads, which take nothing on loan.
        let model: &'static Model = Box::leak(Box::new(Model::sketch(mode, letters)));
        let seen: &'static Mutex<HashSet<Node>> = Box::leak(Box::default());
        let opinion = Opinion {
            model,
            faults,
            seen,
        };
        let checker = opinion.checker().spawn_bfs().join();
        assert!(checker.is_done());
        let limits = Limits {
            faults,
            ..Limits::default()
        };
        let space = explore(model, &Machine, limits);
        let mut seen = seen.lock().unwrap();
        seen.insert(Node::first(model));
        let what = format!("{mode} of `{letters}` with {faults} faults");
        assert_eq!(space.states, seen.len(), "{what}");
        assert_eq!(space.endings, endings(&seen), "{what}");
        // It counts states that we hold for the same.
        assert!(checker.unique_state_count() >= seen.len(), "{what}");
    }
}
