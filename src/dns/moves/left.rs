//! What leads to the idle site and is not moved, though a service depends on it; and what else holds its addresses.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{Beyond, Moves, Swap, ZoneSets, neither, stay};
use crate::dns::chain::Known;
use crate::dns::{Holds, Other, RecordKey};
use crate::plan::Stay;

/// Something that leads to the idle site, that a service depends on, and that this change does not move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// A name of the service, or a record set at it.
    pub what: String,
    pub why: String,
    pub leads: Leads,
    /// The record sets by which it leads there. Where another step moves all of them, it is not left. None:
    /// nothing moves it.
    pub by: BTreeSet<RecordKey>,
    /// It is a hint beside addresses that do move: it is told, and does not stop a run.
    pub hint: bool,
}

/// Where something leads that is not moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leads {
    /// To this site.
    To(String),
    /// To neither, or nowhere: what it holds, where it is a record of our own.
    Neither(Option<Vec<String>>),
    /// It could not be told.
    Unseen,
}

/// What is known when the moves are worked out.
pub(super) struct Remains<'a> {
    swap: &'a Swap,
    known: &'a Known<'a>,
    /// The sets that move.
    moving: HashSet<RecordKey>,
    /// The sets that were asked for: they move, or their refusal is told.
    asked: HashSet<&'a RecordKey>,
    /// The names of services, and those among them that shall not be moved.
    served: BTreeSet<&'a str>,
    unmoved: BTreeSet<&'a str>,
    /// The names at which the visitors of a service look, each with a name of the service: its own, the ends of its
    /// aliases, and the wildcards that answer for these.
    visited: HashMap<&'a str, &'a str>,
}

impl<'a> Remains<'a> {
    pub(super) fn new(
        swap: &'a Swap,
        known: &'a Known<'a>,
        found: &Moves,
        asked: HashSet<&'a RecordKey>,
        zones: &'a [ZoneSets],
    ) -> Remains<'a> {
        let edits = found.zones.values().flatten();
        let of = |names: fn(&ZoneSets) -> &BTreeSet<String>| -> BTreeSet<&str> {
            let names = zones.iter().flat_map(names);
            names.map(String::as_str).collect()
        };
        let (served, unmoved) = (of(|zone| &zone.served), of(|zone| &zone.unmoved));
        let mut visited = HashMap::new();
        for name in served.iter().chain(&unmoved) {
            let end = known.links(name).last().copied();
            let owners = [known.owner(name), end.and_then(|end| known.owner(end))];
            for at in owners.into_iter().flatten().chain([*name]).chain(end) {
                visited.entry(at).or_insert(*name);
            }
        }
        Remains {
            swap,
            known,
            moving: edits.map(|(before, _)| before.key.clone()).collect(),
            asked,
            served: &served | &unmoved,
            unmoved,
            visited,
        }
    }

    /// Names of services that end at sets which lead to the idle site and stay.
    pub(super) fn names(&self, zone: &ZoneSets) -> Vec<Left> {
        let left = |name: &String| {
            let by = self.staying(name);
            let first = by.first()?;
            let how = match self.known.links(name).last() {
                Some(end) => format!("by its alias `{end}`"),
                None => format!("by `{first}`"),
            };
            let idle = &self.swap.idle;
            Some(Left {
                what: name.clone(),
                why: format!(
                    "it leads to `{idle}` {how}, which this step does not move: name that too"
                ),
                leads: Leads::To(idle.clone()),
                by,
                hint: false,
            })
        };
        let names = zone.served.iter().chain(&zone.unmoved);
        names.filter_map(left).collect()
    }

    /// The sets at the ends of names of services that hold addresses of neither site only. Nobody can tell whose they
    /// are (a family that the playbook forgot, somebody else's server), and whoever comes by them is not moved.
    pub(super) fn of_neither(&self, zone: &ZoneSets) -> Vec<Left> {
        let ends = zone.served.iter().flat_map(|name| self.known.ends(name));
        let mut told = BTreeSet::new();
        ends.filter(|set| self.swap.is_of_neither(set) && told.insert(&set.key))
            .map(|set| Left {
                what: set.key.to_string(),
                why: neither(set),
                leads: Leads::Neither(Some(set.data.clone())),
                by: BTreeSet::new(),
                hint: true,
            })
            .collect()
    }

    /// The sets at the ends of names of services that lead to one of the sites, and hold addresses of neither beside:
    /// the share of the visitors who get one of those is not moved.
    pub(super) fn shares(&self, zone: &ZoneSets) -> Vec<Left> {
        let ends = zone.served.iter().flat_map(|name| self.known.ends(name));
        let mut told = BTreeSet::new();
        ends.filter(|set| !self.swap.is_of_neither(set) && told.insert(&set.key))
            .filter_map(|set| {
                let why = self.swap.of_neither(set)?;
                Some(Left {
                    what: set.key.to_string(),
                    leads: Leads::Neither(Some(vec![why.clone()])),
                    why,
                    by: BTreeSet::new(),
                    hint: true,
                })
            })
            .collect()
    }

    /// The sets at the end of a name that lead to the idle site, and that nobody asked to be moved.
    fn staying(&self, name: &str) -> BTreeSet<RecordKey> {
        let ends = self.known.ends(name).into_iter().map(|set| (&set.key, set));
        ends.filter(|(key, set)| {
            self.swap.leaves(set) && !self.moving.contains(key) && !self.asked.contains(key)
        })
        .map(|(key, _)| key.clone())
        .collect()
    }

    fn goes(&self, name: &str) -> bool {
        let mut ends = self.known.ends(name).into_iter();
        ends.any(|set| self.moving.contains(&set.key))
    }

    /// Names of services whose aliases end where nothing is known.
    pub(super) fn beyond(&self, zone: &ZoneSets) -> Vec<Beyond> {
        let ends = zone.served.iter().chain(&zone.unmoved).filter_map(|name| {
            let end = *self.known.links(name).last()?;
            self.known.at(end).is_empty().then(|| Beyond {
                what: name.clone(),
                target: end.to_owned(),
                unmoved: self.unmoved.contains(name.as_str()),
            })
        });
        let unknown = (zone.others())
            .filter(|other| other.rtype != "DNAME")
            .filter_map(|other| Some((other, self.served_by(other)?)))
            .flat_map(|(other, name)| {
                let targets = other.targets().into_iter();
                targets.map(move |target| (other, name, target))
            })
            .map(|(other, name, target)| {
                let end = self
                    .known
                    .links(&target)
                    .last()
                    .map(|end| (*end).to_owned());
                (other, name, end.unwrap_or(target))
            })
            .filter(|(_, _, end)| self.known.at(end).is_empty())
            .map(|(other, name, target)| Beyond {
                what: other.to_string(),
                target,
                unmoved: self.unmoved.contains(name),
            });
        ends.chain(unknown).collect()
    }

    /// What is beside the sets that move: other types, and sets that cannot be read.
    pub(super) fn beside(&self, zone: &ZoneSets) -> (Vec<Stay>, Vec<Left>) {
        let (mut stays, mut left) = (Vec::new(), Vec::new());
        for other in zone.others() {
            let unread = matches!(other.holds, Holds::Unread(_));
            for Beside { why, stays: by } in self.of(other) {
                stays.push(stay(other.to_string(), why.clone()));
                if let Some(by) = by
                    && let Some(name) = self.served_by(other)
                {
                    left.push(Left {
                        what: other.to_string(),
                        why,
                        leads: match unread {
                            true => Leads::Unseen,
                            false => Leads::To(self.swap.idle.clone()),
                        },
                        // Whoever follows a target does not come by the addresses of the name.
                        hint: unread || by.is_empty() && self.goes(name),
                        by,
                    });
                }
            }
        }
        (stays, left)
    }

    /// The name of a service whose visitors follow this set: they look for it where their aliases end, and in that
    /// for another port below the name that they know (`_8443._https`; RFC 9460, 2.3 and 10).
    fn served_by(&self, other: &Other) -> Option<&'a str> {
        if !carries_traffic(other) {
            return None;
        }
        if let Some(name) = self.visited.get(other.name.as_str()) {
            return Some(name);
        }
        let mut below = other.name.as_str();
        while below.starts_with('_') {
            (_, below) = below.split_once('.')?;
        }
        self.served.get(below).copied()
    }

    /// What is told of another record set: the addresses that it holds, the names that it sends to.
    fn of(&self, other: &Other) -> Vec<Beside> {
        if let Holds::Unread(why) = &other.holds {
            let why = format!("it cannot be read, and is left alone: {why}");
            // Nobody knows where it leads.
            let stays = leads(&other.rtype).then(BTreeSet::new);
            return vec![Beside { why, stays }];
        }
        let mut told = Vec::new();
        let idle = &self.swap.idle;
        let held: Vec<String> = (other.addresses().iter())
            .filter(|ip| self.swap.gives_way.contains_key(ip))
            .map(ToString::to_string)
            .collect();
        if !held.is_empty() {
            let held = held.join(" and ");
            let why = format!(
                "it holds {held} of `{idle}`, and records of this type are not moved: change it by hand"
            );
            told.push(Beside {
                why,
                stays: Some(BTreeSet::new()),
            });
        }
        for target in other.targets() {
            let by = self.staying(&target);
            if !by.is_empty() {
                let why = format!(
                    "it leads to `{target}`, which leads to `{idle}`, and which this step does not move"
                );
                told.push(Beside {
                    why,
                    stays: Some(by),
                });
            } else if self.goes(&target) {
                told.push(Beside {
                    why: format!("it leads to `{target}` and goes with it"),
                    stays: None,
                });
            }
        }
        told
    }
}

/// What is told of a record set that no step moves.
struct Beside {
    why: String,
    /// Where it leads to the idle site and stays: the sets by which it does.
    stays: Option<BTreeSet<RecordKey>>,
}

/// Whether visitors follow records of this type; TXT only tells of addresses (SPF).
fn carries_traffic(other: &Other) -> bool {
    !matches!(other.rtype.as_str(), "TXT" | "SPF" | "MX" | "PTR")
}

/// Whether a type is there to lead visitors somewhere.
fn leads(rtype: &str) -> bool {
    let types = [
        "A", "AAAA", "CNAME", "DNAME", "ALIAS", "ANAME", "LUA", "HTTPS", "SVCB",
    ];
    types.contains(&rtype)
}

#[cfg(test)]
mod tests;
