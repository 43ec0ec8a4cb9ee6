//! Which record sets change so that names lead to the other site: pure, over record sets.
//!
//! A member of a set that is an address of the idle site gives way to the addresses of the hosts that stand
//! in for it, family by family. Every other member stays. A set is never left empty and never loses a family
//! silently: where the active side has nothing to offer, the change is refused.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use super::chain::{Known, target};
use super::listing::delegated;
use super::{Listing, Other};
use crate::dns::{RecordKey, RecordSet, RecordType};
use crate::plan::Stay;

use left::Remains;

mod left;

pub use left::{Leads, Left};

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
        Fate::Elsewhere(neither(set))
    }

    /// Which addresses of neither site a set holds beside others: whoever gets one of those is not moved.
    fn of_neither(&self, set: &RecordSet) -> Option<String> {
        let ours = |ip: &IpAddr| self.gives_way.contains_key(ip) || self.stays.contains(ip);
        let strangers: Vec<String> = (set.addresses().iter())
            .filter(|ip| !ours(ip))
            .map(ToString::to_string)
            .collect();
        let held = strangers.join(" and ");
        (!held.is_empty())
            .then(|| format!("it also holds {held}, of neither site, which stays in it"))
    }

    /// Whether a set holds addresses, and each of them is of neither site.
    fn is_of_neither(&self, set: &RecordSet) -> bool {
        let addresses = set.addresses();
        let ours = |ip: &IpAddr| self.gives_way.contains_key(ip) || self.stays.contains(ip);
        !addresses.is_empty() && !addresses.iter().any(ours)
    }

    /// Whether a set holds an address of the idle site.
    fn leaves(&self, set: &RecordSet) -> bool {
        let mut addresses = set.addresses().into_iter();
        addresses.any(|ip| self.gives_way.contains_key(&ip))
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

fn neither(set: &RecordSet) -> String {
    let data = set.data.join(", ");
    format!(
        "it leads to neither site: {data}; where that is one of theirs, name it in `addresses` of its host"
    )
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
#[derive(Clone, Debug, Default)]
pub struct ZoneSets {
    pub zone: String,
    /// The names that shall move, lower case, without the last dot; `None` is every name of the zone.
    pub names: Option<Vec<String>>,
    /// A, AAAA and CNAME sets.
    pub sets: Vec<RecordSet>,
    /// The names of services that shall be moved with it.
    pub served: BTreeSet<String>,
    /// The names of services that shall not.
    pub unmoved: BTreeSet<String>,
    /// The whole zone, where it could be listed.
    pub around: Option<Listing>,
    /// Where it could not: what was asked for at names of services and at the ends of their aliases.
    pub beside: Vec<Other>,
}

impl ZoneSets {
    /// What is known of record sets that are never moved.
    fn others(&self) -> impl Iterator<Item = &Other> {
        let listed = self.around.iter().flat_map(|listing| &listing.others);
        listed.chain(&self.beside)
    }
}

/// What a change of several zones amounts to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moves {
    /// For each zone its record sets as they are and as they shall be.
    pub zones: BTreeMap<String, Vec<(RecordSet, RecordSet)>>,
    /// For each zone the record sets that lead to the active site already.
    pub there: BTreeMap<String, Vec<RecordSet>>,
    pub stays: Vec<Stay>,
    pub refusals: Vec<String>,
    /// Every record set that leads to either site.
    pub ours: BTreeSet<RecordKey>,
    /// What leads to the idle site on, though a service depends on it.
    pub left: Vec<Left>,
    /// What leads a share of the visitors of a service to neither site, before and after.
    pub shares: Vec<Left>,
    /// What a service depends on and leads out of all that was read.
    pub beyond: Vec<Beyond>,
}

/// Something that a service depends on and that leads to a name of which nothing was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beyond {
    /// A name of the service, or a record set at it.
    pub what: String,
    pub target: String,
    /// The service shall not be moved: it matters only where that leads to the idle site.
    pub unmoved: bool,
}

/// Works out what moves, what stays and why, and what must be refused.
pub fn moves(swap: &Swap, zones: &[ZoneSets], ttl: Option<u32>) -> Moves {
    let mut found = Moves::default();
    let (mut aliases, mut asked) = (Vec::new(), HashSet::new());
    let (mut left, mut beyond) = (Vec::new(), Vec::new());
    let around = || zones.iter().filter_map(|zone| zone.around.as_ref());
    let sets = (zones.iter().flat_map(|zone| &zone.sets)).chain(around().flat_map(|all| &all.sets));
    let known = Known::new(
        sets.filter(|set| !set.is_off()),
        around().flat_map(|all| all.others.iter().map(|other| other.name.as_str())),
    );
    for of_zone in zones {
        let ZoneSets {
            zone,
            names,
            sets,
            served,
            around,
            ..
        } = of_zone;
        let meant: Option<HashSet<&str>> =
            (names.as_ref()).map(|names| names.iter().map(String::as_str).collect());
        let mut there = HashSet::new();
        for set in sets {
            let name = set.key.name.as_str();
            if meant.as_ref().is_some_and(|meant| !meant.contains(name)) {
                continue;
            }
            if set.is_off() {
                let why = "its records are disabled, so it leads nowhere";
                found.stays.push(stay(set.key.to_string(), why.into()));
                continue;
            }
            there.insert(name);
            asked.insert(&set.key);
            if set.key.rtype == RecordType::Cname {
                aliases.push(set);
                continue;
            }
            let cut = (around.as_ref()).and_then(|all| all.cut_over(name));
            let fate = match (swap.of(set, ttl), cut) {
                (Fate::Elsewhere(why), _) => Fate::Elsewhere(why),
                (fate, None) => fate,
                (Fate::Already, Some(cut)) => Fate::Elsewhere(glue(cut)),
                (_, Some(cut)) if names.is_none() => Fate::Elsewhere(glue(cut)),
                (_, Some(cut)) => Fate::Refused(delegated(&set.key, cut)),
            };
            if matches!(fate, Fate::Moves(_) | Fate::Already) {
                let beside = swap.of_neither(set);
                found
                    .stays
                    .extend(beside.map(|why| stay(set.key.to_string(), why)));
            }
            match fate {
                Fate::Moves(after) => {
                    found.ours.insert(set.key.clone());
                    let edits = found.zones.entry(zone.clone()).or_default();
                    edits.push((set.clone(), after));
                }
                Fate::Already => {
                    found.ours.insert(set.key.clone());
                    let already = found.there.entry(zone.clone()).or_default();
                    already.push(set.clone());
                }
                Fate::Elsewhere(why) => found.stays.push(stay(set.key.to_string(), why)),
                Fate::Refused(why) => found.refusals.push(why),
            }
        }
        let wanted = match names {
            Some(names) => names.iter().collect(),
            None => served.iter().collect::<Vec<_>>(),
        };
        for name in wanted {
            let is_there = there.contains(name.as_str());
            // Another zone answers for it: what is named and stands here all the same is refused.
            let cut = (around.as_ref()).is_some_and(|all| all.cut_over(name).is_some());
            if cut && (names.is_none() || !is_there) {
                beyond.push(Beyond {
                    what: name.clone(),
                    target: name.clone(),
                    unmoved: false,
                });
            }
            if cut || is_there {
                continue;
            }
            match missing(of_zone, &known, name) {
                Missing::Answered(why) => found.stays.push(stay(name.clone(), why)),
                Missing::Nowhere(why) => {
                    found.stays.push(stay(name.clone(), why.clone()));
                    left.extend(served.contains(name).then(|| Left {
                        what: name.clone(),
                        why,
                        leads: Leads::Neither(Some(Vec::new())),
                        by: BTreeSet::new(),
                        hint: true,
                    }));
                }
            }
        }
    }
    for edits in found.zones.values_mut() {
        edits.sort_by(|a, b| a.0.key.cmp(&b.0.key));
        edits.dedup();
    }
    for set in aliases {
        let why = alias(&known, &found.ours, set);
        found.stays.push(stay(set.key.to_string(), why));
    }
    let remains = Remains::new(swap, &known, &found, asked, zones);
    let mut shares = Vec::new();
    for zone in zones {
        left.extend(remains.names(zone));
        left.extend(remains.of_neither(zone));
        shares.extend(remains.shares(zone));
        beyond.extend(remains.beyond(zone));
        let (stays, beside) = remains.beside(zone);
        found.stays.extend(stays);
        left.extend(beside);
    }
    // Where such a name leads is asked, and then told of it once.
    let asked_of: HashSet<&str> = beyond.iter().map(|end| end.what.as_str()).collect();
    found.stays.retain(|stay| {
        let name = stay.what.strip_suffix(". CNAME");
        name.is_none_or(|name| !asked_of.contains(name))
    });
    (found.left, found.beyond, found.shares) = (left, beyond, shares);
    found
}

/// Why what stands below a delegation is left alone.
pub fn glue(cut: &str) -> String {
    format!(
        "`{cut}` is delegated, so another zone answers for it, and what stands here is glue at most: name the zone \
         `{cut}` in the playbook where it shall move"
    )
}

/// What there is of a name that has no set of its own.
enum Missing {
    /// A wildcard, or a set of a type that leads somewhere: that is told of by itself.
    Answered(String),
    /// Nothing that leads anywhere.
    Nowhere(String),
}

fn missing(zone: &ZoneSets, known: &Known<'_>, name: &str) -> Missing {
    if let Some(wildcard) = known.at(name).first() {
        return Missing::Answered(format!("the wildcard `{}` answers for it", wildcard.key));
    }
    let none = format!(
        "it has no A, AAAA or CNAME record in the zone `{}`",
        zone.zone
    );
    let types: BTreeSet<&str> = (zone.others())
        .filter(|other| other.name == *name)
        .map(|other| other.rtype.as_str())
        .collect();
    if types.is_empty() {
        return Missing::Nowhere(none);
    }
    let leads = ["ALIAS", "ANAME", "LUA"];
    let answered = types.iter().any(|rtype| leads.contains(rtype));
    let types: Vec<&str> = types.into_iter().collect();
    let why = format!("{none}, but {}, which is not moved", types.join(", "));
    match answered {
        true => Missing::Answered(why),
        false => Missing::Nowhere(why),
    }
}

/// Where an alias leads, and whether it moves with that.
fn alias(known: &Known<'_>, ours: &BTreeSet<RecordKey>, set: &RecordSet) -> String {
    // The root has no address: whoever writes that says that there is nothing.
    let Some(first) = target(set).filter(|first| !first.is_empty()) else {
        return "it is a CNAME to nothing".into();
    };
    let ends = known.ends(first);
    if ends.iter().any(|set| ours.contains(&set.key)) {
        format!("it is a CNAME to `{first}` and goes with it")
    } else {
        format!(
            "it is a CNAME to `{first}`, which this step does not move: where that leads to the source, name \
             it in this step as well"
        )
    }
}

fn stay(what: String, why: String) -> Stay {
    Stay { what, why }
}

#[cfg(test)]
mod tests;
