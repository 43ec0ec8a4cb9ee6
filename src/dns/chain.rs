//! Where a name ends: through aliases and wildcards, over the record sets that are known.

use std::collections::{HashMap, HashSet};

use super::{RecordSet, RecordType};

/// How many CNAME links are followed.
const LINKS: usize = 8;

/// Record sets, by their names.
pub struct Known<'a> {
    by_name: HashMap<&'a str, Vec<&'a RecordSet>>,
    /// Every name that exists, with those above it: no wildcard answers for such a name (RFC 4592, 3.3.1).
    present: HashSet<&'a str>,
}

impl<'a> Known<'a> {
    /// These sets, and further names that exist.
    pub fn new(
        sets: impl IntoIterator<Item = &'a RecordSet>,
        others: impl IntoIterator<Item = &'a str>,
    ) -> Known<'a> {
        let mut known = Known {
            by_name: HashMap::new(),
            present: HashSet::new(),
        };
        for set in sets {
            let of_name = known.by_name.entry(set.key.name.as_str()).or_default();
            if !of_name.iter().any(|other| other.key == set.key) {
                of_name.push(set);
            }
            known.exists(&set.key.name);
        }
        for name in others {
            known.exists(name);
        }
        known
    }

    fn exists(&mut self, name: &'a str) {
        let mut name = Some(name);
        while let Some(here) = name
            && self.present.insert(here)
        {
            name = above(here);
        }
    }

    /// The sets that answer for a name: its own, or those of the wildcard that covers it.
    pub fn at(&self, name: &str) -> &[&'a RecordSet] {
        let own = (self.owner(name)).and_then(|owner| self.by_name.get(owner));
        own.map_or(&[], Vec::as_slice)
    }

    /// The name whose records, of whatever type, answer for a name: itself, or the wildcard that covers it.
    pub fn owner(&self, name: &str) -> Option<&'a str> {
        if let Some(own) = self.present.get(name) {
            return Some(own);
        }
        let mut encloser = above(name);
        while let Some(here) = encloser {
            let wildcard = format!("*.{here}");
            if let Some(wildcard) = self.present.get(wildcard.as_str()) {
                return Some(wildcard);
            }
            if self.present.contains(here) {
                break;
            }
            encloser = above(here);
        }
        None
    }

    /// The names of the chain of aliases that begins here, without its beginning; a loop is cut.
    pub fn links(&self, name: &str) -> Vec<&'a str> {
        let mut links: Vec<&str> = Vec::new();
        while links.len() < LINKS {
            let at = links.last().copied().unwrap_or(name);
            match self.at(at).iter().find_map(|set| target(set)) {
                Some(next) if !links.contains(&next) => links.push(next),
                _ => break,
            }
        }
        links
    }

    /// The address sets at the end of the chain that begins at a name.
    pub fn ends(&self, name: &str) -> Vec<&'a RecordSet> {
        let links = self.links(name);
        let end = self.at(links.last().copied().unwrap_or(name));
        (end.iter().copied())
            .filter(|set| set.key.rtype != RecordType::Cname)
            .collect()
    }
}

/// Where an alias leads, without the last dot; `None` for other sets.
pub fn target(set: &RecordSet) -> Option<&str> {
    match set.key.rtype {
        RecordType::Cname => set.data.first().map(|name| name.trim_end_matches('.')),
        RecordType::A | RecordType::Aaaa => None,
    }
}

fn above(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(key: &str, data: &str) -> RecordSet {
        RecordSet::new(key.parse().unwrap(), 60, [data]).unwrap()
    }

    #[test]
    fn a_name_ends_behind_aliases_and_wildcards() {
        let sets = [
            set("shop.v.test. CNAME", "www.v.test."),
            set("www.v.test. CNAME", "web.v.test."),
            set("web.v.test. A", "192.0.2.1"),
            set("web.v.test. AAAA", "2001:db8::1"),
            set("*.v.test. A", "192.0.2.2"),
            set("*.w.v.test. CNAME", "web.v.test."),
            set("loop.v.test. CNAME", "pool.v.test."),
            set("pool.v.test. CNAME", "loop.v.test."),
            set("far.v.test. CNAME", "cdn.example.net."),
            set("a.deep.v.test. A", "192.0.2.3"),
        ];
        let known = Known::new(&sets, ["text.v.test"]);
        let ends = |name: &str| -> Vec<String> {
            let ends = known.ends(name);
            ends.iter().map(|set| set.key.to_string()).collect()
        };
        let web = ["web.v.test. A", "web.v.test. AAAA"];
        for name in ["web.v.test", "www.v.test", "shop.v.test", "x.w.v.test"] {
            assert_eq!(ends(name), web, "{name}");
        }
        assert_eq!(known.links("shop.v.test"), ["www.v.test", "web.v.test"]);
        assert_eq!(ends("new.v.test"), ["*.v.test. A"]);
        assert_eq!(ends("b.new.v.test"), ["*.v.test. A"]);
        // Names that exist are answered by no wildcard: with other types, with nothing, below one that exists.
        for name in [
            "text.v.test",
            "deep.v.test",
            "b.deep.v.test",
            "x.web.v.test",
        ] {
            assert_eq!(ends(name), [""; 0], "{name}");
        }
        for name in ["loop.v.test", "far.v.test", "v.test", "other.test"] {
            assert_eq!(ends(name), [""; 0], "{name}");
        }
    }
}
