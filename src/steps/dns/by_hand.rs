//! What a `dns` step does not move though a service depends on it: somebody moves that by hand, there and back, and
//! where it leads is known only to who looks.

use std::collections::BTreeSet;

use futures::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Flip, Seen, swap_of};
use crate::dns::RecordKey;
use crate::dns::moves::{Leads, Moves};
use crate::event::{Cause, Fact, Finding, Unseen};
use crate::plan::{Outcome, Stay};
use crate::site::{Aim, Site};
use crate::step::{About, Check, Evidence, Known, Look, Pulses};

/// The one thing that is looked at.
const KEY: &str = "by hand";

/// Something that is moved by nobody here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Thing {
    what: String,
    why: String,
    leads: Leads,
}

/// All of them, and the site that the names led to, or were to leave, when they were looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Things {
    idle: String,
    things: Vec<Thing>,
    /// What leads to `idle` after the change, and would be moved from there by a new one: a name that had no record before
    /// may have got one there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    moves: Vec<Thing>,
}

impl Things {
    fn of<'a>(&'a self, what: &'a str) -> impl Iterator<Item = &'a Thing> {
        let all = self.things.iter().chain(&self.moves);
        all.filter(move |thing| thing.what == what)
    }
}

impl Seen {
    /// What leads to either site, or to neither, and is not moved there nor back; `found` is what moves there.
    fn things(&self, site: &Site, aim: &Aim, found: &Moves) -> Vec<Thing> {
        let back = Aim {
            active: aim.idle.clone(),
            idle: aim.active.clone(),
            moved: aim.moved,
        };
        let home = self.moves(site, &swap_of(site, &back), &back, None);
        let mut things: Vec<Thing> = Vec::new();
        for left in found.left.iter().chain(&home.left) {
            let thing = Thing {
                what: left.what.clone(),
                why: left.why.clone(),
                leads: left.leads.clone(),
            };
            let is_like = |known: &Thing| known.what == thing.what && known.leads == thing.leads;
            if !things.iter().any(is_like) {
                things.push(thing);
            }
        }
        things
    }

    /// What does not lead to the idle site of `aim`, though names move that do: its users are there until then.
    pub(super) fn astray(&self, site: &Site, aim: &Aim, found: &Moves) -> Vec<Stay> {
        if found.zones.is_empty() {
            return Vec::new();
        }
        let things = self.things(site, aim, found).into_iter();
        // What could not be told may lead where it should.
        let elsewhere =
            |thing: &Thing| thing.leads != Leads::Unseen && !leads_to(&aim.idle)(&thing);
        let things = things.filter(elsewhere);
        things
            .map(|Thing { what, why, .. }| Stay { what, why })
            .collect()
    }
}

/// The names that a change would move from a site.
fn moves(found: &Moves, from: &str) -> Vec<Thing> {
    let sets = found.zones.values().flatten();
    // A name without a record is told by itself, a record set of neither site by its type as well.
    let whats = |key: &RecordKey| [key.name.trim_end_matches('.').to_owned(), key.to_string()];
    sets.flat_map(|(set, _)| {
        whats(&set.key).map(|what| Thing {
            what,
            why: format!("it leads to `{from}` by `{}`", set.key),
            leads: Leads::To(from.to_owned()),
        })
    })
    .collect()
}

fn leads_to(site: &str) -> impl Fn(&&Thing) -> bool {
    move |thing| matches!(&thing.leads, Leads::To(to) if to == site)
}

impl Check for Flip {
    fn looks<'a>(&'a self, site: &'a Site, aim: &'a Aim, _: &'a Pulses) -> Vec<Look<'a>> {
        let ask = async move {
            let swap = swap_of(site, aim);
            let seen = self.see(site, &swap).await?;
            let found = seen.moves(site, &swap, aim, None);
            let things = Things {
                idle: aim.idle.clone(),
                things: seen.things(site, aim, &found),
                moves: match aim.moved {
                    true => moves(&found, &aim.idle),
                    false => Vec::new(),
                },
            };
            serde_json::to_value(things)
                .map_err(|error| Unseen::new(Cause::Garbled, error.to_string()))
        };
        vec![Look {
            key: KEY.to_owned(),
            about: About::World,
            ask: ask.boxed(),
        }]
    }

    /// On the way there what leads to the side that is left, or to neither as before, is still to be moved. On the way
    /// back it leads where it led before.
    fn judge(&self, aim: &Aim, evidence: &Evidence) -> Finding {
        let read = |fact: &Json| serde_json::from_value::<Things>(fact.clone()).ok();
        let now = match evidence.get(KEY) {
            Some(Known::Live(fact) | Known::Recorded { fact, .. }) => read(fact),
            Some(Known::Unseen(why)) => return unknown(&why.detail),
            None => None,
        };
        let Some(now) = now else {
            return unknown("nobody looked");
        };
        let baseline = evidence.baseline.iter().find(|(key, _)| key == KEY);
        let Some(before) = baseline.and_then(|(_, fact)| read(fact)) else {
            return unknown("where it led before is not known");
        };
        let back = before.idle == aim.active;
        let all = before.things.iter().chain(&now.things);
        let whats: BTreeSet<&str> = all.map(|thing| thing.what.as_str()).collect();
        let fact = |what: &str| {
            let was: Vec<&Thing> = before.of(what).collect();
            let is: Vec<&Thing> = now.of(what).collect();
            match back {
                true => Some(came_back(aim, what, &was, &is)),
                false => went_there(aim, what, &was, &is),
            }
        };
        told(aim, back, whats.into_iter().filter_map(fact).collect())
    }
}

fn unknown(why: &str) -> Finding {
    Finding::new(
        Outcome::Unknown,
        format!("where that leads which is moved by hand could not be told: {why}"),
    )
}

fn whys(things: &[&Thing]) -> String {
    let whys: Vec<&str> = things.iter().map(|thing| thing.why.as_str()).collect();
    whys.join("; ")
}

/// Whether something no longer leads to the side that is left; `None` where it never did.
fn went_there(aim: &Aim, what: &str, was: &[&Thing], is: &[&Thing]) -> Option<Fact> {
    let stays = leads_to(&aim.idle);
    // What led to neither was moved where it holds something else now.
    let open = |thing: &&&Thing| match &thing.leads {
        Leads::To(_) => stays(thing),
        Leads::Neither(_) => was.iter().any(|was| was.leads == thing.leads),
        Leads::Unseen => true,
    };
    let open: Vec<&Thing> = is.iter().filter(open).copied().collect();
    let elsewhere = |was: &&Thing| matches!(was.leads, Leads::To(_)) && !stays(was);
    if open.is_empty() && was.iter().all(elsewhere) {
        return None;
    }
    let unseen = open.iter().any(|thing| thing.leads == Leads::Unseen);
    let (outcome, actual) = match (open.is_empty(), is.is_empty()) {
        (false, _) if unseen => (Outcome::Unknown, whys(&open)),
        (false, _) => (Outcome::Late, whys(&open)),
        (true, false) => (Outcome::Pass, whys(is)),
        (true, true) => (Outcome::Pass, format!("it does not lead to `{}`", aim.idle)),
    };
    Some(Fact {
        outcome,
        what: what.to_owned(),
        expected: format!("it leads to `{}`", aim.active),
        actual,
    })
}

/// Whether something is as it was before the run.
fn came_back(aim: &Aim, what: &str, was: &[&Thing], is: &[&Thing]) -> Fact {
    let new = || (is.iter()).filter(|is| was.iter().all(|was| was.leads != is.leads));
    let outcome = match was
        .iter()
        .all(|was| is.iter().any(|is| was.leads == is.leads))
    {
        _ if new().any(|thing| thing.leads == Leads::Unseen) => Outcome::Unknown,
        _ if new().any(|thing| !leads_to(&aim.active)(thing)) => Outcome::Fail,
        true if new().next().is_none() => Outcome::Pass,
        // It leads nobody to the wrong side.
        _ => Outcome::Warn,
    };
    Fact {
        outcome,
        what: what.to_owned(),
        expected: match was.is_empty() {
            true => "nothing that leads to either side".to_owned(),
            false => whys(was),
        },
        actual: match is.is_empty() {
            true => "it leads to neither side, or is not there".to_owned(),
            false => whys(is),
        },
    }
}

fn told(aim: &Aim, back: bool, facts: Vec<Fact>) -> Finding {
    let worst = (facts.iter()).map(|fact| fact.outcome).max();
    let worst = worst.unwrap_or(Outcome::Pass);
    let bad: Vec<&str> = (facts.iter())
        .filter(|fact| fact.outcome != Outcome::Pass)
        .map(|fact| fact.what.as_str())
        .collect();
    let (active, idle) = (&aim.active, &aim.idle);
    let first = bad.first().copied().unwrap_or_default();
    let more = match bad.len() {
        0 | 1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    let headline = match (bad.is_empty(), back) {
        (true, false) => format!("all that is moved by hand leads to `{idle}` no more"),
        (true, true) => "what is moved by hand is as it was before".to_owned(),
        (false, false) => format!("still to be moved by hand: {first}{more}"),
        (false, true) => format!("not as it was before: {first}{more}"),
    };
    let mend = match (bad.is_empty(), back) {
        (true, _) => None,
        (false, false) => Some(format!(
            "move {first} to `{active}` by hand, or say in the playbook what shall move it"
        )),
        (false, true) => Some(format!(
            "move {first} back by hand to what it was before, and look again"
        )),
    };
    let finding = Finding::new(worst, headline).facts(facts);
    match mend {
        Some(mend) => finding.mend(mend),
        None => finding,
    }
}

#[cfg(test)]
mod tests;
