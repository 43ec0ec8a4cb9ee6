//! Which site is active, read from where names lead.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::dns::{RecordKey, RecordSet};

/// Where the names lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Active {
    /// Every record set that leads to one of the sites leads to this one.
    Site(String),
    /// Some lead to one site, some to another, or one leads to both.
    Split(BTreeMap<String, Vec<RecordKey>>),
    /// No record set leads to any of the sites.
    Nowhere,
}

/// Tells from record sets which site is active. `sites` holds the addresses of each site; a record set
/// leads to a site if it holds one of its addresses.
pub fn active_site<'a>(
    sites: &BTreeMap<String, BTreeSet<IpAddr>>,
    sets: impl IntoIterator<Item = &'a RecordSet>,
) -> Active {
    let mut leads: BTreeMap<String, Vec<RecordKey>> = BTreeMap::new();
    for set in sets {
        let addresses = set.addresses();
        for (site, own) in sites {
            if addresses.iter().any(|ip| own.contains(ip)) {
                leads.entry(site.clone()).or_default().push(set.key.clone());
            }
        }
    }
    for keys in leads.values_mut() {
        keys.sort();
        keys.dedup();
    }
    match leads.len() {
        0 => Active::Nowhere,
        1 => leads
            .into_keys()
            .next()
            .map_or(Active::Nowhere, Active::Site),
        _ => Active::Split(leads),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites() -> BTreeMap<String, BTreeSet<IpAddr>> {
        let of = |ips: &[&str]| ips.iter().map(|ip| ip.parse().unwrap()).collect();
        BTreeMap::from([
            ("cloud".into(), of(&["198.51.100.20", "2001:db8:1::20"])),
            ("dedicated".into(), of(&["192.0.2.10", "2001:db8::10"])),
        ])
    }

    fn set(key: &str, data: &[&str]) -> RecordSet {
        RecordSet::new(key.parse().unwrap(), 60, data).unwrap()
    }

    #[test]
    fn one_site_other_site_split_or_nowhere() {
        let old4 = set("www.example.org. A", &["192.0.2.10"]);
        let old6 = set("www.example.org. AAAA", &["2001:DB8::10"]);
        let new4 = set("www.example.org. A", &["198.51.100.20"]);
        let both = set("both.example.org. A", &["198.51.100.20", "192.0.2.10"]);
        let foreign = set("mail.example.org. A", &["203.0.113.5"]);
        let alias = set("x.example.org. CNAME", &["www.example.org."]);

        let cases = [
            (
                vec![&old4, &old6, &foreign],
                Active::Site("dedicated".into()),
            ),
            (vec![&new4, &alias], Active::Site("cloud".into())),
            (vec![&foreign, &alias], Active::Nowhere),
            (vec![], Active::Nowhere),
        ];
        for (sets, active) in cases {
            assert_eq!(active_site(&sites(), sets), active);
        }

        let Active::Split(leads) = active_site(&sites(), [&new4, &old6]) else {
            panic!("one family moved and the other did not: that is split");
        };
        assert_eq!(leads["cloud"], std::slice::from_ref(&new4.key));
        assert_eq!(leads["dedicated"], std::slice::from_ref(&old6.key));
        assert!(matches!(active_site(&sites(), [&both]), Active::Split(_)));
    }
}
