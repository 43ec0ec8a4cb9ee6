//! One life of a run, from its script.

use std::collections::HashMap;

use super::check::{Broken, check};
use super::fault::{Fault, Moment, Point, Script, Twist};
use super::ground::Node;
use super::model::Model;
use super::property::Property;
use super::rules::Rules;
use super::turns::{Strike, Turns, entry_of};
use crate::event::{Ending, Event};
use crate::machine::Move;

/// What one script leads to.
#[derive(Clone, Debug)]
pub struct Walk {
    pub steps: Vec<Step>,
    /// How it ended; `None` where the process is gone and nobody went on with it.
    pub ending: Option<Ending>,
    /// What was true at its end: what each place holds, which sites are dead.
    pub last: Node,
    /// What the script names and what never came: the run was not at that point, or it cannot happen there.
    pub unused: Vec<Twist>,
    /// The first property that did not hold, if any.
    pub broken: Option<Broken>,
}

/// One turn of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub mv: Move,
    /// What the script said of it; nothing where everything went its usual way.
    pub twists: Vec<Twist>,
    pub facts: Vec<Event>,
}

/// How often each move was said so far.
#[derive(Default)]
struct Visits(HashMap<(Option<u16>, Moment), u16>);

impl Visits {
    fn arrive(&mut self, mv: &Move) {
        let moment = Moment::of(mv);
        let mut count = |entry| *self.0.entry((entry, moment)).or_default() += 1;
        match mv {
            Move::Look { entries, .. } => {
                for entry in entries {
                    count(u16::try_from(*entry).ok());
                }
            }
            mv => count(entry_of(mv)),
        }
    }

    fn point(&self, entry: Option<u16>, moment: Moment) -> Point {
        let count = self.0.get(&(entry, moment)).copied().unwrap_or_default();
        Point {
            entry,
            moment,
            nth: count.saturating_sub(1),
        }
    }
}

/// Follows a script. Where it says nothing, nothing goes wrong; a person who is asked stops, what was cut off or
/// stopped is resumed, and what is held stays so.
pub fn walk<R: Rules>(model: &Model, rules: &R, script: &Script) -> Walk {
    let mut turns = Turns::new(model, rules);
    turns.forgets = false;
    turns.facts = Some(Vec::new());
    let mut walk = Walk {
        steps: Vec::new(),
        ending: None,
        last: turns.here.clone(),
        unused: script.0.clone(),
        broken: None,
    };
    let mut visits = Visits::default();
    let mut strikes = Vec::new();
    let mut silent = false;
    let most = most_turns(model, script);
    while walk.steps.len() < most {
        if !silent {
            visits.arrive(turns.mv());
        }
        walk.broken = walk.broken.or_else(|| check(&turns));
        turns.strikes(&mut strikes);
        let twists = due(&mut walk.unused, &visits, turns.moment(), &strikes);
        let struck = struck(&turns, &twists);
        if struck.is_empty() {
            break;
        }
        turns.take(&struck);
        silent = twists.first().is_some_and(|twist| twist.fault.is_silent());
        walk.steps.push(Step {
            mv: turns.mv().clone(),
            twists,
            facts: turns.facts.as_mut().map(std::mem::take).unwrap_or_default(),
        });
        if turns.refused.is_some() {
            let said = "the machine refused what had happened";
            walk.broken = walk.broken.or(Some((Property::EveryEnding, said)));
            break;
        }
        turns.go();
    }
    walk.ending = turns.here.state.ended();
    walk.last.clone_from(&turns.here);
    walk
}

/// Far more turns than any life of the machine has; only a defect has no end.
fn most_turns(model: &Model, script: &Script) -> usize {
    200 + 40 * model.plan.entries.len() * (script.0.len() + 1)
}

/// What strikes: what the script says, or else what is usual.
fn struck<R: Rules>(turns: &Turns<'_, R>, twists: &[Twist]) -> Vec<Strike> {
    match twists.is_empty() {
        true => turns.usual().into_iter().collect(),
        false => twists.iter().map(strike_of).collect(),
    }
}

fn strike_of(twist: &Twist) -> Strike {
    Strike {
        entry: twist.at.entry,
        fault: Some(twist.fault),
    }
}

/// What the script says of the moment at hand, taken out of it: first what is silent, one by one; then one
/// thing, or in a look one for each check.
fn due(unused: &mut Vec<Twist>, visits: &Visits, moment: Moment, strikes: &[Strike]) -> Vec<Twist> {
    let comes = |twist: &Twist| {
        twist.at == visits.point(twist.at.entry, moment) && strikes.contains(&strike_of(twist))
    };
    let silent = |twist: &Twist| twist.fault.is_silent() && comes(twist);
    let first = (unused.iter().position(silent)).or_else(|| unused.iter().position(comes));
    let Some(first) = first else {
        return Vec::new();
    };
    let mut twists = vec![unused.remove(first)];
    if strikes_one_check(&twists[0]) {
        let mut at = first;
        while at < unused.len() {
            let next = unused[at];
            let struck = twists.iter().any(|twist| twist.at.entry == next.at.entry);
            match strikes_one_check(&next) && comes(&next) && !struck {
                true => twists.push(unused.remove(at)),
                false => at += 1,
            }
        }
    }
    twists
}

fn strikes_one_check(twist: &Twist) -> bool {
    matches!(twist.at.moment, Moment::Look(_))
        && matches!(twist.fault, Fault::Fails | Fault::Late | Fault::Hangs)
}

/// The script of a way through the space: what was not usual of it.
pub(super) fn script_of<R: Rules>(model: &Model, rules: &R, strikes: &[Strike]) -> Script {
    let mut turns = Turns::new(model, rules);
    let mut visits = Visits::default();
    let mut script = Script::default();
    let mut silent = false;
    for strike in strikes {
        if !silent {
            visits.arrive(turns.mv());
        }
        let moment = turns.moment();
        if let Some(fault) = strike.fault
            && turns.usual() != Some(*strike)
        {
            let at = visits.point(strike.entry, moment);
            script.0.push(Twist { at, fault });
        }
        silent = strike.fault.is_some_and(Fault::is_silent);
        turns.take(&[*strike]);
        turns.go();
    }
    script
}

/// Every single fault that can strike a life in which nothing else goes wrong, in the order in which it would.
pub fn points<R: Rules>(model: &Model, rules: &R) -> Vec<Twist> {
    points_after(model, rules, &Script::default())
}

/// Every fault that can still strike a life once all of a script has struck, and where nothing else goes wrong.
pub fn points_after<R: Rules>(model: &Model, rules: &R, script: &Script) -> Vec<Twist> {
    let mut turns = Turns::new(model, rules);
    let mut visits = Visits::default();
    let mut strikes = Vec::new();
    let mut found = Vec::new();
    let mut unused = script.0.clone();
    let mut silent = false;
    let most = most_turns(model, script);
    for _ in 0..most {
        if !silent {
            visits.arrive(turns.mv());
        }
        turns.strikes(&mut strikes);
        if unused.is_empty() {
            let faults = strikes.iter().filter(|strike| strike.cost() > 0);
            found.extend(faults.filter_map(|strike| {
                Some(Twist {
                    at: visits.point(strike.entry, turns.moment()),
                    fault: strike.fault?,
                })
            }));
        }
        let twists = due(&mut unused, &visits, turns.moment(), &strikes);
        let struck = struck(&turns, &twists);
        if struck.is_empty() {
            break;
        }
        silent = twists.first().is_some_and(|twist| twist.fault.is_silent());
        turns.take(&struck);
        turns.go();
    }
    found
}
