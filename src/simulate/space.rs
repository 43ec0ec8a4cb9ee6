//! Everything that can happen to a playbook: every fault at every moment, in every combination up to a bound.
//!
//! The search goes by the number of faults, then by the number of decisions, then by the number of turns. So each moment is followed once, with
//! as many faults left as it can be come to with, and the first that breaks a property has the shortest story.
//! Moments are the same where the state of the run and the world are the same, byte by byte.

use std::collections::BTreeMap;

use super::check::{Broken, all_before, check};
use super::fault::{Fault, Script};
use super::model::Model;
use super::property::Property;
use super::rules::Rules;
use super::table::{Came, Effort, FIRST, Id, Seen, Table, Walked};
use super::turns::{Strike, Turns};
use super::walk::{script_of, walk};
use crate::event::{Decision, Ending};
use crate::machine::{Hold, Move};

/// How far a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many faults there are at most in one life of a run.
    pub faults: u8,
    /// How many moments are kept at most. Each takes about 50 bytes.
    pub states: usize,
    /// How many breaches of each property are told.
    pub breaches: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            faults: 3,
            states: 20_000_000,
            breaches: 3,
        }
    }
}

/// A property that does not hold, and what leads there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    pub property: Property,
    /// What was seen instead, in one line.
    pub seen: &'static str,
    /// The shortest sequence of faults and decisions that shows it.
    pub script: Script,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// How many different moments there are.
    pub states: usize,
    /// How many of them were followed; all, unless there were too many.
    pub explored: usize,
    pub transitions: u64,
    /// How many of the moments are an end, by its kind.
    pub endings: BTreeMap<Ending, u64>,
    /// How many moments the ways back lead through that were followed to their end.
    pub ways_back: usize,
    /// How many breaches were found, of which `breaches` holds the shortest of each property.
    pub broken: BTreeMap<Property, u64>,
    pub breaches: Vec<Breach>,
    /// How many bytes it took to keep all moments, and what each took on average.
    pub memory: usize,
    pub bytes_per_state: usize,
}

impl Space {
    /// Whether nothing was left out.
    pub fn is_whole(&self) -> bool {
        self.explored == self.states
    }
}

/// Explores all that can happen.
pub fn explore<R: Rules>(model: &Model, rules: &R, limits: Limits) -> Space {
    let mut search = Search {
        turns: Turns::new(model, rules),
        table: Table::default(),
        limits: Limits {
            // The moment before anything happened is always kept.
            states: limits.states.max(1),
            ..limits
        },
        packed: Vec::new(),
        ahead: Vec::new(),
        explored: 0,
        transitions: 0,
        full: false,
        endings: BTreeMap::new(),
        standing: Vec::new(),
        broken: BTreeMap::new(),
        found: Vec::new(),
    };
    search.explore();
    let ways_back = search.ways_back();
    let Search {
        table,
        explored,
        transitions,
        full,
        endings,
        mut broken,
        found,
        ..
    } = search;
    let mut breaches: Vec<Breach> = (found.into_iter())
        .map(|Found { broken, from, then }| Breach {
            property: broken.0,
            seen: broken.1,
            script: script_of(model, rules, &path(&table, from, then)),
        })
        .collect();
    // Somebody who has to accept what was not seen is no success; a search that was cut short may have missed one.
    if !full && !endings.contains_key(&Ending::Done) {
        let script = Script::default();
        let calm = walk(model, rules, &script);
        if calm.ending != Some(Ending::DoneUnproven) {
            let property = Property::SuccessReachable;
            let seen = "it never ends well, not even where nothing goes wrong";
            broken.insert(property, 1);
            breaches.push(Breach {
                property,
                seen,
                script,
            });
        }
    }
    Space {
        states: table.len() + usize::from(full),
        explored,
        transitions,
        endings,
        ways_back,
        broken,
        breaches,
        memory: table.memory(),
        bytes_per_state: table.used() / table.len().max(1),
    }
}

/// The strikes that lead to a moment, and on from it.
fn path(table: &Table, to: Id, then: Vec<Strike>) -> Vec<Strike> {
    let mut strikes = then;
    strikes.reverse();
    let mut at = to;
    while at != FIRST {
        let came = table.came(at);
        strikes.push(came.by);
        at = came.from;
    }
    strikes.reverse();
    strikes
}

/// A breach, before its story is known.
struct Found {
    broken: Broken,
    from: Id,
    then: Vec<Strike>,
}

struct Search<'m, R> {
    turns: Turns<'m, R>,
    table: Table,
    limits: Limits,
    /// What the turns lead to that are not looked up yet, one after the other.
    packed: Vec<u8>,
    ahead: Vec<Ahead>,
    explored: usize,
    transitions: u64,
    /// There was no room for some moment.
    full: bool,
    endings: BTreeMap<Ending, u64>,
    /// Ends at which something stands.
    standing: Vec<Id>,
    broken: BTreeMap<Property, u64>,
    found: Vec<Found>,
}

/// Where a turn leads, before it is looked up.
struct Ahead {
    hash: u32,
    /// Where it ends in what is packed.
    end: usize,
    came: Came,
}

/// How many moments are followed before what they lead to is looked up: enough for the memory to answer all of
/// these questions together, few enough to stay near the processor.
const AT_ONCE: usize = 16;

/// Moments that are to be followed, by the effort that leads to them.
type Open = BTreeMap<Effort, Vec<Id>>;

impl<R: Rules> Search<'_, R> {
    fn explore(&mut self) {
        self.turns
            .here
            .pack(&self.turns.places.writers, &mut self.packed);
        let nothing = Strike {
            entry: None,
            fault: None,
        };
        let came = Came {
            from: FIRST,
            by: nothing,
            faults: 0,
            effort: (0, 0),
        };
        let hash = self.table.hash(&self.packed);
        self.table
            .keep(&self.packed, hash, came, self.limits.states);
        self.packed.clear();
        let mut now: Open = BTreeMap::from([((0, 0), vec![FIRST])]);
        let mut strikes = Vec::new();
        for faults in 0..=self.limits.faults {
            let mut later = Open::new();
            while let Some((effort, ids)) = now.pop_first() {
                for some in ids.chunks(AT_ONCE) {
                    for id in some {
                        let came = self.table.came(*id);
                        // A cheaper way was found meanwhile, and it was followed from there.
                        if (came.faults, came.effort) == (faults, effort) {
                            self.follow(*id, came, &mut strikes);
                        }
                    }
                    // What these lead to comes after all of them: it takes a turn more.
                    self.keep_ahead(faults, &mut now, &mut later);
                }
            }
            now = later;
        }
    }

    fn stand_at(&mut self, id: Id) {
        let read = (self.turns.here).unpack(&self.turns.places.writers, self.table.bytes(id));
        debug_assert!(read.is_some(), "a moment was not kept whole");
        self.turns.look_around();
    }

    fn follow(&mut self, id: Id, came: Came, strikes: &mut Vec<Strike>) {
        self.explored += 1;
        self.stand_at(id);
        if let Some(broken) = check(&self.turns) {
            self.breach(broken, id, &[]);
        }
        if let (Move::Rest, Some(ending)) = (self.turns.mv(), self.turns.here.state.ended()) {
            *self.endings.entry(ending).or_default() += 1;
            if self.turns.here.state.stands() {
                self.standing.push(id);
            }
        }
        self.turns.strikes(strikes);
        let usual = self.turns.usual();
        for strike in strikes.iter().copied() {
            let faults = came.faults + strike.cost();
            if faults > self.limits.faults {
                continue;
            }
            self.transitions += 1;
            if !self.take(id, strike) {
                continue;
            }
            let decides = strike.cost() == 0 && usual != Some(strike);
            let (decisions, turns) = came.effort;
            let decisions = decisions.saturating_add(u8::from(decides));
            let effort = (decisions, turns.saturating_add(1));
            let came = Came {
                from: id,
                by: strike,
                faults,
                effort,
            };
            let start = self.packed.len();
            self.turns
                .there
                .pack(&self.turns.places.writers, &mut self.packed);
            self.ahead.push(Ahead {
                hash: self.table.hash(&self.packed[start..]),
                end: self.packed.len(),
                came,
            });
        }
    }

    /// Looks up where the turns lead, and keeps what is new, in the order in which they were taken.
    fn keep_ahead(&mut self, faults: u8, now: &mut Open, later: &mut Open) {
        let hashes = self.ahead.iter().map(|ahead| ahead.hash);
        self.table.call_up(hashes);
        let mut start = 0;
        for Ahead { hash, end, came } in self.ahead.drain(..) {
            let packed = &self.packed[start..end];
            start = end;
            let list = match came.faults == faults {
                true => &mut *now,
                false => &mut *later,
            };
            match self.table.keep(packed, hash, came, self.limits.states) {
                Seen::New(there) => list.entry(came.effort).or_default().push(there),
                Seen::Before(there) => {
                    let other = self.table.came(there);
                    if (came.faults, came.effort) < (other.faults, other.effort) {
                        self.table.set_came(there, came);
                        list.entry(came.effort).or_default().push(there);
                    }
                }
                Seen::Full => self.full = true,
            }
        }
        self.packed.clear();
    }

    /// Takes a turn. What the machine refuses leads nowhere.
    fn take(&mut self, id: Id, strike: Strike) -> bool {
        self.turns.take(&[strike]);
        if self.turns.refused.is_some() {
            let said = "the machine refused what had happened";
            self.breach((Property::EveryEnding, said), id, &[strike]);
            return false;
        }
        true
    }

    fn breach(&mut self, broken: Broken, from: Id, then: &[Strike]) {
        let count = self.broken.entry(broken.0).or_default();
        *count += 1;
        if *count <= self.limits.breaches as u64 {
            let then = then.to_vec();
            self.found.push(Found { broken, from, then });
        }
    }

    /// Where nothing goes wrong any more and somebody asks for it, everything goes back. Returns how many
    /// moments that led through.
    fn ways_back(&mut self) -> usize {
        let mut count = 0;
        for end in std::mem::take(&mut self.standing) {
            let mut taken = Vec::new();
            let mut passed = Vec::new();
            if let Some(broken) = self.way_back(end, &mut taken, &mut passed) {
                self.breach((Property::WayBack, broken), end, &taken);
            }
            count += passed.len();
            for id in passed {
                self.table.set_walked(id, Walked::ToItsEnd);
            }
        }
        count
    }

    /// Follows one way back to its end, or to where one was followed before.
    fn way_back(
        &mut self,
        end: Id,
        taken: &mut Vec<Strike>,
        passed: &mut Vec<Id>,
    ) -> Option<&'static str> {
        let says = |decision| Strike {
            entry: None,
            fault: Some(Fault::Person(decision)),
        };
        let mut at = end;
        loop {
            self.stand_at(at);
            let over = !taken.is_empty() && *self.turns.mv() == Move::Rest;
            if over {
                let node = &self.turns.here;
                let well = matches!(node.state.ended(), Some(Ending::Undone | Ending::Held));
                let said = "somebody asked for it, and not everything was put back";
                let back = all_before(self.turns.model(), node, &self.turns.places.writers);
                return (!well || !back).then_some(said);
            }
            let strike = match self.turns.mv() {
                // It went back as far as it could; what somebody else wrote stays as it is.
                Move::Decide {
                    hold: Hold::NotAsBefore,
                } => says(Decision::Stop),
                // The person who asked for it goes on asking for it.
                Move::Rest | Move::Decide { .. } => says(Decision::Back),
                _ => self.turns.usual().unwrap_or(says(Decision::Back)),
            };
            taken.push(strike);
            if !self.take(at, strike) {
                return Some("somebody asked to put everything back, and was refused");
            }
            self.packed.clear();
            self.turns
                .there
                .pack(&self.turns.places.writers, &mut self.packed);
            // Where the search was cut short, so are the ways back.
            at = self.table.find(&self.packed)?;
            match self.table.walked(at) {
                Walked::ToItsEnd => return None,
                Walked::Now => return Some("the way back has no end"),
                Walked::No => {
                    self.table.set_walked(at, Walked::Now);
                    passed.push(at);
                }
            }
        }
    }
}
