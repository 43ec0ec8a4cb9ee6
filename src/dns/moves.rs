//! Which record sets change so that names lead to the other site: pure, over record sets.
//!
//! A member of a set that is an address of the idle site gives way to the addresses of the hosts that stand
//! in for it, family by family. Every other member stays. A set is never left empty and never loses a family
//! silently: where the active side has nothing to offer, the change is refused.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::dns::{RecordKey, RecordSet, RecordType};
use crate::plan::Stay;

/// How many CNAME links are followed.
const LINKS: usize = 8;

/// What gives way to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    active: String,
    idle: String,
    /// Addresses of the idle site, each with its host and what takes its place.
    gives_way: BTreeMap<IpAddr, Successor>,
    /// Addresses of the active site.
    stays: BTreeSet<IpAddr>,
    /// Those of them that lead to the idle site as well: proxies of both.
    shared: BTreeSet<IpAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Successor {
    host: String,
    /// Whether any host stands in for it.
    has_stand_in: bool,
    by: Vec<IpAddr>,
}

impl Swap {
    /// From the site `idle` to the site `active`, whose addresses are given. An address of both sites stays.
    pub fn new(active: &str, idle: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Swap {
        Swap {
            active: active.to_owned(),
            idle: idle.to_owned(),
            gives_way: BTreeMap::new(),
            stays: addresses.into_iter().collect(),
            shared: BTreeSet::new(),
        }
    }

    /// A host of the idle site, and the addresses of each host that stands in for it.
    ///
    /// Where both sides have equally many addresses of a family, each has its own successor, in the order
    /// in which they are written; otherwise all of them succeed each.
    pub fn host(mut self, name: &str, own: &[IpAddr], stand_ins: &[&[IpAddr]]) -> Swap {
        let by: Vec<IpAddr> = stand_ins
            .iter()
            .flat_map(|ips| ips.iter().copied())
            .collect();
        for v4 in [true, false] {
            let own = of_family(own, v4);
            let by = of_family(&by, v4);
            for (at, ip) in own.iter().enumerate() {
                if self.stays.contains(ip) {
                    self.shared.insert(*ip);
                    continue;
                }
                let by = match by.get(at) {
                    Some(one) if own.len() == by.len() => vec![*one],
                    _ => by.clone(),
                };
                let successor = Successor {
                    host: name.to_owned(),
                    has_stand_in: !stand_ins.is_empty(),
                    by,
                };
                match self.gives_way.entry(*ip) {
                    Entry::Vacant(entry) => {
                        entry.insert(successor);
                    }
                    // A proxy of several hosts gives way to what stands in for any of them.
                    Entry::Occupied(mut entry) => {
                        let known = &mut entry.get_mut().by;
                        let more = successor.by.into_iter();
                        let more: Vec<IpAddr> = more.filter(|ip| !known.contains(ip)).collect();
                        known.extend(more);
                    }
                }
            }
        }
        self
    }

    /// What becomes of one record set.
    pub fn of(&self, set: &RecordSet, ttl: Option<u32>) -> Fate {
        let addresses = set.addresses();
        if addresses.is_empty() {
            return Fate::Elsewhere("it holds no plain address (an alias of the provider?)".into());
        }
        let mut after = Vec::new();
        let mut leaves = false;
        for ip in &addresses {
            match self.gives_way.get(ip) {
                None => after.push(*ip),
                Some(successor) if successor.by.is_empty() => {
                    return Fate::Refused(self.nothing_to_offer(&set.key, *ip, successor));
                }
                Some(successor) => {
                    leaves = true;
                    after.extend(&successor.by);
                }
            }
        }
        if leaves {
            let mut after = set.with_addresses(after);
            after.ttl = ttl.unwrap_or(set.ttl);
            return Fate::Moves(after);
        }
        let only_there = |ip: &IpAddr| self.stays.contains(ip) && !self.shared.contains(ip);
        if addresses.iter().any(only_there) {
            return Fate::Already;
        }
        if let Some(proxy) = addresses.iter().find(|ip| self.shared.contains(ip)) {
            return Fate::Elsewhere(format!(
                "both sides are behind the same proxy, {proxy}: where it leads is up to the proxy"
            ));
        }
        let neither = format!("it leads to neither site: {}", set.data.join(", "));
        Fate::Elsewhere(neither)
    }

    fn nothing_to_offer(&self, key: &RecordKey, ip: IpAddr, from: &Successor) -> String {
        let Swap { active, idle, .. } = self;
        let host = &from.host;
        if !from.has_stand_in {
            return format!(
                "`{key}` leads to `{host}` ({ip}) of `{idle}`, and no host of `{active}` stands in for it: \
                 name it in `stands-in-for`"
            );
        }
        let family = if ip.is_ipv4() { "IPv4" } else { "IPv6" };
        format!(
            "`{key}` leads to `{host}` ({ip}), and what stands in for it in `{active}` has no {family} \
             address: add one, or take the record set out of DNS first"
        )
    }
}

fn of_family(ips: &[IpAddr], v4: bool) -> Vec<IpAddr> {
    (ips.iter().copied())
        .filter(|ip| ip.is_ipv4() == v4)
        .collect()
}

/// What becomes of one record set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It leads to the idle site, and will be this.
    Moves(RecordSet),
    /// It leads to the active site.
    Already,
    /// It is left alone, for this reason.
    Elsewhere(String),
    /// It leads to the idle site and cannot be moved, for this reason.
    Refused(String),
}

/// What is known of one zone.
#[derive(Clone, Debug)]
pub struct ZoneSets {
    pub zone: String,
    /// The names that shall move, lower case, without the last dot; `None` is every name of the zone.
    pub names: Option<Vec<String>>,
    /// A, AAAA and CNAME sets.
    pub sets: Vec<RecordSet>,
}

/// What a change of several zones amounts to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moves {
    /// For each zone its record sets as they are and as they shall be.
    pub zones: BTreeMap<String, Vec<(RecordSet, RecordSet)>>,
    pub stays: Vec<Stay>,
    pub refusals: Vec<String>,
    /// Every record set that leads to either site.
    pub ours: BTreeSet<RecordKey>,
}

/// Works out what moves, what stays and why, and what must be refused.
pub fn moves(swap: &Swap, zones: &[ZoneSets], ttl: Option<u32>) -> Moves {
    let mut found = Moves::default();
    let mut aliases = Vec::new();
    for ZoneSets { zone, names, sets } in zones {
        for set in sets {
            let wanted = names
                .as_ref()
                .is_none_or(|names| names.contains(&set.key.name));
            if !wanted {
                continue;
            }
            if set.key.rtype == RecordType::Cname {
                aliases.push(set);
                continue;
            }
            match swap.of(set, ttl) {
                Fate::Moves(after) => {
                    found.ours.insert(set.key.clone());
                    let edits = found.zones.entry(zone.clone()).or_default();
                    edits.push((set.clone(), after));
                }
                Fate::Already => {
                    found.ours.insert(set.key.clone());
                }
                Fate::Elsewhere(why) => found.stays.push(stay(set.key.to_string(), why)),
                Fate::Refused(why) => found.refusals.push(why),
            }
        }
        for name in names.iter().flatten() {
            if !sets.iter().any(|set| set.key.name == *name) {
                let why = format!("it has no A, AAAA or CNAME record in the zone `{zone}`");
                found.stays.push(stay(name.clone(), why));
            }
        }
    }
    let links: BTreeMap<&str, &str> = zones
        .iter()
        .flat_map(|zone| &zone.sets)
        .filter(|set| set.key.rtype == RecordType::Cname)
        .filter_map(|set| Some((set.key.name.as_str(), target(set)?)))
        .collect();
    for set in aliases {
        let why = alias(&links, &found.ours, set);
        found.stays.push(stay(set.key.to_string(), why));
    }
    for edits in found.zones.values_mut() {
        edits.sort_by(|a, b| a.0.key.cmp(&b.0.key));
        edits.dedup();
    }
    found
}

/// Where an alias leads, and whether it moves with that.
fn alias(links: &BTreeMap<&str, &str>, ours: &BTreeSet<RecordKey>, set: &RecordSet) -> String {
    let Some(first) = target(set) else {
        return "it is a CNAME to nothing".into();
    };
    let mut last = first;
    for _ in 0..LINKS {
        match links.get(last) {
            Some(next) => last = next,
            None => break,
        }
    }
    if ours.iter().any(|key| key.name == last) {
        format!("it is a CNAME to `{first}` and goes with it")
    } else {
        format!(
            "it is a CNAME to `{first}`, which this step does not move: where that leads to the source, name \
             it in this step as well"
        )
    }
}

fn target(set: &RecordSet) -> Option<&str> {
    set.data.first().map(|name| name.trim_end_matches('.'))
}

fn stay(what: String, why: String) -> Stay {
    Stay { what, why }
}

#[cfg(test)]
mod tests;
