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
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|ip| ip.parse().unwrap()).collect()
    }

    fn set(key: &str, ttl: u32, data: &[&str]) -> RecordSet {
        RecordSet::new(key.parse().unwrap(), ttl, data).unwrap()
    }

    /// One host on each side, with both families.
    fn swap() -> Swap {
        let active = ips(&["198.51.100.20", "2001:db8:1::20"]);
        let idle = ips(&["192.0.2.10", "2001:db8::10"]);
        Swap::new("cloud", "dedicated", active.clone()).host("primary", &idle, &[&active])
    }

    #[test]
    fn members_of_the_idle_site_give_way_and_others_stay() {
        const A: &str = "www.example.org. A";
        const AAAA: &str = "www.example.org. AAAA";
        let cases: [(&str, &[&str], &[&str]); 6] = [
            (A, &["192.0.2.10"], &["198.51.100.20"]),
            (AAAA, &["2001:DB8:0::10"], &["2001:db8:1::20"]),
            // A foreign member stays, and the order is canonical.
            (
                A,
                &["203.0.113.5", "192.0.2.10"],
                &["198.51.100.20", "203.0.113.5"],
            ),
            // Both sides at once: only the idle one leaves.
            (A, &["192.0.2.10", "198.51.100.20"], &["198.51.100.20"]),
            (
                AAAA,
                &["2001:db8::10", "2001:db8:1::20"],
                &["2001:db8:1::20"],
            ),
            (
                AAAA,
                &["2001:db8::10", "2001:db8:ff::1"],
                &["2001:db8:1::20", "2001:db8:ff::1"],
            ),
        ];
        for (key, before, after) in cases {
            assert_eq!(
                swap().of(&set(key, 300, before), None),
                Fate::Moves(set(key, 300, after)),
                "{before:?}"
            );
        }
    }

    #[test]
    fn the_ttl_changes_only_with_the_addresses() {
        let www = set("www.example.org. A", 3600, &["192.0.2.10"]);
        let Fate::Moves(after) = swap().of(&www, Some(60)) else {
            panic!("it leads to the idle site");
        };
        assert_eq!(after.ttl, 60);
        let there = set("www.example.org. A", 3600, &["198.51.100.20"]);
        assert_eq!(swap().of(&there, Some(60)), Fate::Already);
    }

    #[test]
    fn what_the_provider_keeps_beside_a_set_is_carried_over() {
        let extra = serde_json::json!({ "comment": "by hand" });
        let www = set("www.example.org. A", 60, &["192.0.2.10"]).with_extra(extra.clone());
        let Fate::Moves(after) = swap().of(&www, None) else {
            panic!("it leads to the idle site");
        };
        assert_eq!(after.extra, extra);
    }

    #[test]
    fn there_and_back_is_where_it_was() {
        let (old, new) = (ips(&["192.0.2.10"]), ips(&["198.51.100.20"]));
        let there = Swap::new("cloud", "dedicated", new.clone()).host("primary", &old, &[&new]);
        let back = Swap::new("dedicated", "cloud", old.clone()).host("standby", &new, &[&old]);
        let before = set("www.example.org. A", 60, &["192.0.2.10", "203.0.113.5"]);
        let Fate::Moves(after) = there.of(&before, None) else {
            panic!("it leads to the idle site");
        };
        assert_eq!(back.of(&after, None), Fate::Moves(before));
    }

    #[test]
    fn several_hosts_map_one_by_one() {
        let (w1, w2) = (ips(&["192.0.2.1"]), ips(&["192.0.2.2"]));
        let (s1, s2) = (ips(&["198.51.100.1"]), ips(&["198.51.100.2"]));
        let both = [s1.clone(), s2.clone()].concat();
        let each = Swap::new("cloud", "dedicated", both.clone())
            .host("web1", &w1, &[&s1])
            .host("web2", &w2, &[&s2]);
        let all = Swap::new("cloud", "dedicated", s1.clone())
            .host("web1", &w1, &[&s1])
            .host("web2", &w2, &[&s1]);
        let split = Swap::new("cloud", "dedicated", both).host("web1", &w1, &[&s1, &s2]);
        let cases: [(&Swap, &[&str], &[&str]); 5] = [
            (&each, &["192.0.2.2"], &["198.51.100.2"]),
            (
                &each,
                &["192.0.2.1", "192.0.2.2"],
                &["198.51.100.1", "198.51.100.2"],
            ),
            (
                &each,
                &["198.51.100.1", "192.0.2.2"],
                &["198.51.100.1", "198.51.100.2"],
            ),
            (&all, &["192.0.2.1", "192.0.2.2"], &["198.51.100.1"]),
            (&split, &["192.0.2.1"], &["198.51.100.1", "198.51.100.2"]),
        ];
        for (swap, before, after) in cases {
            assert_eq!(
                swap.of(&set("www.example.org. A", 60, before), None),
                Fate::Moves(set("www.example.org. A", 60, after)),
                "{before:?}"
            );
        }
    }

    #[test]
    fn several_addresses_of_one_host_map_by_position_where_they_can() {
        let own = ips(&["192.0.2.1", "192.0.2.2"]);
        let by = ips(&["198.51.100.1", "198.51.100.2"]);
        let even = Swap::new("cloud", "dedicated", by.clone()).host("web", &own, &[&by]);
        let one = Swap::new("cloud", "dedicated", by[..1].to_vec()).host("web", &own, &[&by[..1]]);
        let www = set("www.example.org. A", 60, &["192.0.2.2"]);
        assert_eq!(
            even.of(&www, None),
            Fate::Moves(set("www.example.org. A", 60, &["198.51.100.2"]))
        );
        assert_eq!(
            one.of(&www, None),
            Fate::Moves(set("www.example.org. A", 60, &["198.51.100.1"]))
        );
    }

    #[test]
    fn a_family_that_the_active_side_lacks_is_refused() {
        let old = ips(&["192.0.2.10", "2001:db8::10"]);
        let v4 = ips(&["198.51.100.20"]);
        let v6 = ips(&["2001:db8:1::20"]);
        let cases = [
            (&v4, "www.example.org. AAAA", "2001:db8::10", "IPv6"),
            (&v6, "www.example.org. A", "192.0.2.10", "IPv4"),
        ];
        for (by, key, data, family) in cases {
            let swap = Swap::new("cloud", "dedicated", by.clone()).host("primary", &old, &[by]);
            let Fate::Refused(why) = swap.of(&set(key, 60, &[data]), None) else {
                panic!("{key} must be refused");
            };
            assert!(why.contains(family) && why.contains(key), "{why}");
        }
        // Two sites with IPv6 only are as good as any.
        let old = ips(&["2001:db8::10"]);
        let swap = Swap::new("cloud", "dedicated", v6.clone()).host("primary", &old, &[&v6]);
        assert_eq!(
            swap.of(&set("www.example.org. AAAA", 60, &["2001:db8::10"]), None),
            Fate::Moves(set("www.example.org. AAAA", 60, &["2001:db8:1::20"]))
        );
    }

    #[test]
    fn a_host_without_a_stand_in_is_refused() {
        let swap = Swap::new("cloud", "dedicated", []).host("web2", &ips(&["192.0.2.2"]), &[]);
        let Fate::Refused(why) = swap.of(&set("www.example.org. A", 60, &["192.0.2.2"]), None)
        else {
            panic!("nothing stands in for it");
        };
        assert!(
            why.contains("web2") && why.contains("stands-in-for"),
            "{why}"
        );
    }

    #[test]
    fn an_address_of_both_sites_stays() {
        let shared = ips(&["203.0.113.1"]);
        let swap = Swap::new("cloud", "dedicated", shared.clone()).host("web", &shared, &[&shared]);
        let www = set("www.example.org. A", 60, &["203.0.113.1"]);
        let Fate::Elsewhere(why) = swap.of(&www, None) else {
            panic!("nobody can tell where it leads");
        };
        assert!(why.contains("203.0.113.1"), "{why}");
        // Beside an address of the active side alone it is as good as any other.
        let active = ips(&["203.0.113.1", "198.51.100.1"]);
        let swap = Swap::new("cloud", "dedicated", active.clone()).host("web", &shared, &[&active]);
        let both = set("www.example.org. A", 60, &["203.0.113.1", "198.51.100.1"]);
        assert_eq!(swap.of(&both, None), Fate::Already);
    }

    #[test]
    fn a_proxy_of_several_hosts_gives_way_to_that_of_their_stand_ins() {
        let (old, new) = (ips(&["203.0.113.1"]), ips(&["203.0.113.2"]));
        let swap = Swap::new("cloud", "dedicated", new.clone())
            .host("web1", &old, &[&new])
            .host("web2", &old, &[&new]);
        assert_eq!(
            swap.of(&set("www.example.org. A", 60, &["203.0.113.1"]), None),
            Fate::Moves(set("www.example.org. A", 60, &["203.0.113.2"]))
        );
    }

    #[test]
    fn everything_that_stays_has_a_reason() {
        let zone = ZoneSets {
            zone: "example.org".into(),
            names: Some(
                [
                    "example.org",
                    "www",
                    "alias",
                    "far",
                    "gone",
                    "mail",
                    "there",
                ]
                .iter()
                .map(|name| match *name {
                    "example.org" => (*name).to_owned(),
                    other => format!("{other}.example.org"),
                })
                .collect(),
            ),
            sets: vec![
                set("example.org. A", 60, &["192.0.2.10"]),
                set("www.example.org. CNAME", 60, &["alias.example.org."]),
                set("alias.example.org. CNAME", 60, &["example.org."]),
                set("far.example.org. CNAME", 60, &["cdn.example.net."]),
                set("mail.example.org. A", 60, &["203.0.113.5"]),
                set("there.example.org. A", 60, &["198.51.100.20"]),
                set("not-asked-for.example.org. A", 60, &["192.0.2.10"]),
            ],
        };
        let found = moves(&swap(), &[zone], None);
        let edits = &found.zones["example.org"];
        assert_eq!(edits.len(), 1);
        assert_eq!(edits[0].1.data, ["198.51.100.20"]);
        let why = |what: &str| {
            let stay = found.stays.iter().find(|stay| stay.what.starts_with(what));
            stay.unwrap_or_else(|| panic!("{what} is not said"))
                .why
                .clone()
        };
        assert!(why("www.example.org. CNAME").contains("goes with it"));
        assert!(why("alias.example.org. CNAME").contains("goes with it"));
        assert!(why("far.example.org. CNAME").contains("does not move"));
        assert!(why("gone.example.org").contains("no A, AAAA or CNAME"));
        assert!(why("mail.example.org. A").contains("203.0.113.5"));
        assert_eq!(found.stays.len(), 5, "{:?}", found.stays);
        let ours: Vec<_> = found.ours.iter().map(RecordKey::to_string).collect();
        assert_eq!(ours, ["example.org. A", "there.example.org. A"]);
    }

    #[test]
    fn every_set_of_a_zone_can_be_meant() {
        let zone = ZoneSets {
            zone: "example.org".into(),
            names: None,
            sets: vec![
                set("www.example.org. AAAA", 60, &["2001:db8::10"]),
                set("www.example.org. A", 60, &["192.0.2.10"]),
                set("a.example.org. A", 60, &["192.0.2.10"]),
            ],
        };
        let found = moves(&swap(), &[zone], Some(30));
        let keys: Vec<_> = found.zones["example.org"]
            .iter()
            .map(|(before, after)| (before.key.to_string(), after.ttl))
            .collect();
        assert_eq!(
            keys,
            [
                ("a.example.org. A".to_owned(), 30),
                ("www.example.org. A".to_owned(), 30),
                ("www.example.org. AAAA".to_owned(), 30)
            ]
        );
    }

    #[test]
    fn a_loop_of_aliases_ends() {
        let zone = ZoneSets {
            zone: "example.org".into(),
            names: None,
            sets: vec![
                set("a.example.org. CNAME", 60, &["b.example.org."]),
                set("b.example.org. CNAME", 60, &["a.example.org."]),
            ],
        };
        assert_eq!(moves(&swap(), &[zone], None).stays.len(), 2);
    }
}
