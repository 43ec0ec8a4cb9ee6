//! What the simulation knows of a playbook in one mode: its plan, and what its steps depend on.

use std::time::Duration;

use crate::event::Round;
use crate::machine::{Mark, State};
use crate::plan::{Mode, Nature, Outcome, Plan, Side, Value, Way};

/// A plan, and for each of its entries what decides how the world answers.
///
/// Both layers ask it what a check shows, so that they can only differ in what happens, never in what it
/// means.
#[derive(Clone, Debug)]
pub struct Model {
    pub plan: Plan,
    /// As many as the plan has entries.
    pub traits: Vec<Traits>,
}

/// What the simulation knows of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    pub sees: Sees,
    /// It shows that the site which shall be active serves: where that site is dead, it fails. Any other
    /// check could then not be told.
    pub serves: bool,
    /// A write of it is applied whole or not at all.
    pub whole: bool,
    /// The far side compares as it writes, and refuses where somebody else wrote since the last look.
    pub compares: bool,
    pub timing: Timing,
}

/// Which sites must be alive for a look (or a read, or a write) to be answered, by their role in the plan's
/// direction as the aim of the round turns it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sees {
    /// The site that shall be active.
    pub active: bool,
    /// The other one.
    pub idle: bool,
}

/// How long things take in the fake world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// One look, or one write with its answer.
    pub takes: Duration,
    /// After the last change before it, until a check sees it: publication, caches, clients that stay.
    pub lag: Duration,
}

/// Which sites are dead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dead {
    pub source: bool,
    pub target: bool,
}

impl Model {
    /// Which sites are dead when the run begins: an emergency is one because the source is.
    pub fn dead_at_first(&self) -> Dead {
        Dead {
            source: self.plan.mode == Mode::Emergency,
            target: false,
        }
    }

    /// What a check shows in a round, where nothing goes wrong with the look itself.
    ///
    /// `sides` holds for each entry what its place holds; entries without a place are ignored.
    pub fn truth(&self, entry: usize, round: Round, sides: &[Side], dead: Dead) -> Outcome {
        let traits = &self.traits[entry];
        let there = round == Round::There;
        if self.plan.entries[entry].holds.is_some() {
            return match sides[entry] {
                Side::Foreign => Outcome::Fail,
                _ => Outcome::Pass,
            };
        }
        let (active, idle) = match there {
            true => (dead.target, dead.source),
            false => (dead.source, dead.target),
        };
        if traits.sees.active && active {
            return match traits.serves {
                true => Outcome::Fail,
                false => Outcome::Unknown,
            };
        }
        if traits.sees.idle && idle {
            // What is unseen at the site that an emergency leaves is answered from the baseline.
            return match self.plan.mode == Mode::Emergency && there {
                true => Outcome::Warn,
                false => Outcome::Unknown,
            };
        }
        let wanted = match there {
            true => Side::After,
            false => Side::Before,
        };
        let entries = &self.plan.entries;
        let is_change = |i: &usize| matches!(entries[*i].nature, Nature::Change(_));
        let looks_behind = entries[entry].after_change
            && round != Round::Probe
            // In a dry run nothing moves.
            && !matches!(self.plan.mode, Mode::Check | Mode::Plan);
        // A check that comes before its change waits in vain for all of them.
        let until = match (0..entry).any(|i| is_change(&i)) {
            true => entry,
            false => entries.len(),
        };
        // What is temporary is over some time.
        let led = |i: usize| {
            let over = there && entries[i].temporary && sides[i] == Side::Before;
            sides[i] == wanted || over
        };
        if looks_behind && !(0..until).filter(is_change).all(led) {
            return Outcome::Fail;
        }
        // What arrives only after the deadline is late, however long the steps before it took.
        match looks_behind && traits.timing.lag > entries[entry].pace.within {
            true => Outcome::Late,
            false => Outcome::Pass,
        }
    }

    /// What a check shows in a round where none of its looks is answered.
    pub fn unseen(&self, entry: usize, round: Round) -> Outcome {
        let sees = self.traits[entry].sees;
        // Only the site that an emergency leaves is answered for from the baseline.
        let recalled = self.plan.mode == Mode::Emergency && round == Round::There;
        match recalled && sees.idle && !sees.active {
            true => Outcome::Warn,
            false => Outcome::Unknown,
        }
    }

    /// Whether the place of an entry can be read and written, where nothing goes wrong with the asking itself.
    pub fn reachable(&self, entry: usize, way: Way, dead: Dead) -> bool {
        let sees = self.traits[entry].sees;
        let (active, idle) = match way {
            Way::There => (dead.target, dead.source),
            Way::Back => (dead.source, dead.target),
        };
        !(sees.active && active || sees.idle && idle)
    }

    /// The value that one part of a change leaves behind where the rest of it does not happen; `None` where it
    /// has one part only.
    pub fn half(&self, entry: usize, way: Way) -> Option<Value> {
        let Nature::Change(edit) = &self.plan.entries[entry].nature else {
            return None;
        };
        let (from, to) = edit.along(way);
        let mut half = from.clone();
        let keys = from.0.keys().chain(to.0.keys());
        let mut differing: Vec<&String> = keys
            .filter(|key| from.0.get(*key) != to.0.get(*key))
            .collect();
        differing.sort();
        differing.dedup();
        let [first, _, ..] = differing.as_slice() else {
            return None;
        };
        match to.0.get(*first) {
            Some(part) => half.0.insert((*first).clone(), part.clone()),
            None => half.0.remove(*first),
        };
        Some(half)
    }

    /// Whether a write of an entry can be applied by half.
    pub fn splits(&self, entry: usize) -> bool {
        !self.traits[entry].whole && self.half(entry, Way::There).is_some()
    }

    /// Whether a write of an entry is refused because somebody else was quicker, where its place shows this; `theirs`:
    /// somebody else wrote it last.
    pub fn overtaken(&self, entry: usize, way: Way, side: Side, theirs: bool) -> bool {
        let same = theirs && way == Way::There && side == Side::After;
        self.traits[entry].compares && (side == Side::Foreign || same)
    }

    /// Which place that is so already somebody writes, where somebody does: the last of those of which the run says
    /// something.
    pub(super) fn so_already(&self, state: &State) -> Option<usize> {
        let entries = &self.plan.entries;
        let said = |i: &usize| entries[*i].holds.is_some() && state.mark(*i) != Mark::Left;
        (0..entries.len()).rev().find(said)
    }

    /// The place that somebody writes while a look waits for its checks. Struck at a check, it is one that is so already.
    pub(super) fn meanwhile(&self, struck: usize, state: &State) -> Option<usize> {
        match self.plan.entries[struck].has_place() {
            true => Some(struck),
            false => self.so_already(state),
        }
    }

    /// The state before anything happened.
    pub fn start(&self) -> State {
        State::new(&self.plan)
    }
}
