//! What a zone holds as its provider lists it: the record sets that move, and what is beside them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::net::IpAddr;

use super::chain::Known;
use super::{RecordKey, RecordSet};
use crate::world::dns::name;

/// All of a zone. One record set that nobody can read is one of the others, and spoils no other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Every A, AAAA and CNAME set that can be read.
    pub sets: Vec<RecordSet>,
    pub others: Vec<Other>,
    /// The names below the zone's own that hold NS records: other servers, or another zone of these, answer for them
    /// and for what is below them, whatever stands there here (RFC 1034, 4.2.1). Lower case, without the last dot.
    pub cuts: BTreeSet<String>,
}

impl Listing {
    /// Counts the owner of an NS record among the cuts, unless it is the zone itself.
    pub fn cut(&mut self, zone: &str, owner: &str) {
        let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
        let owner = name::canonical(owner).unwrap_or_else(|_| plain(owner));
        if owner != plain(zone) {
            self.cuts.insert(owner);
        }
    }

    /// The name of the delegation at or below which a name lies.
    pub fn cut_over(&self, name: &str) -> Option<&str> {
        let cuts = above(name).filter_map(|name| self.cuts.get(name));
        cuts.last().map(String::as_str)
    }

    /// Of these keys, those whose sets the server makes up when it is asked, each with what it makes them from: the
    /// zone holds no such set, and so none can be written.
    pub fn made_up<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k RecordKey>,
    ) -> BTreeMap<RecordKey, String> {
        let of_others = self.others.iter().map(|other| other.name.as_str());
        let known = Known::new(&self.sets, of_others);
        let makers: BTreeMap<&str, &Other> = (self.others.iter())
            .filter(|other| matches!(other.rtype.as_str(), "LUA" | "ALIAS" | "ANAME"))
            .map(|other| (other.name.as_str(), other))
            .collect();
        let own: HashSet<&RecordKey> = self.sets.iter().map(|set| &set.key).collect();
        let made = |key: &RecordKey| {
            let maker = makers.get(known.owner(&key.name)?)?;
            (!own.contains(key)).then(|| (key.clone(), maker.to_string()))
        };
        keys.into_iter().filter_map(made).collect()
    }

    /// Why sets of these keys cannot be written.
    pub fn bars(&self, keys: &[RecordKey]) -> BTreeMap<RecordKey, String> {
        let bar = |key: &RecordKey| Some((key.clone(), delegated(key, self.cut_over(&key.name)?)));
        keys.iter().filter_map(bar).collect()
    }
}

/// Why a set below a delegation cannot be written: nobody would be told of it.
pub(super) fn delegated(key: &RecordKey, cut: &str) -> String {
    format!(
        "`{key}` cannot be written: `{cut}` is delegated (it has NS records), so another zone answers for it: name \
         the zone `{cut}` in the playbook"
    )
}

/// A name and all names above it.
pub fn above(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| {
        name.split_once('.').map(|(_, rest)| rest)
    })
}

/// A record set that is never moved: it is of another type, or cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Fully qualified, lower case, without the last dot.
    pub name: String,
    pub rtype: String,
    pub holds: Holds,
}

/// What is known of a record set that is never moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Its data as zone-file text, one for each record.
    Text(Vec<String>),
    /// It could not be read, for this reason.
    Unread(String),
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.name, self.rtype)
    }
}

impl Other {
    pub fn new(name: &str, rtype: impl Into<String>, holds: Holds) -> Other {
        Other {
            name: name::canonical(name)
                .unwrap_or_else(|_| name.trim_end_matches('.').to_ascii_lowercase()),
            rtype: rtype.into(),
            holds,
        }
    }

    /// Every address in its data, whatever the type: hints of HTTPS and SVCB, arguments of LUA, SPF.
    pub fn addresses(&self) -> BTreeSet<IpAddr> {
        match &self.holds {
            Holds::Text(data) => data.iter().flat_map(|text| addresses_in(text)).collect(),
            Holds::Unread(_) => BTreeSet::new(),
        }
    }

    /// The names that its records send visitors to: of ALIAS, ANAME and DNAME, and of HTTPS and SVCB whatever their
    /// priority (RFC 9460, 2.4.2 and 2.4.3), of SRV (RFC 2782), MX, NAPTR (RFC 3403) and URI (RFC 7553). `.` is the own
    /// name or none, and no target (2.5).
    pub fn targets(&self) -> Vec<String> {
        let Holds::Text(data) = &self.holds else {
            return Vec::new();
        };
        let target = |text: &String| {
            let mut words = text.split_whitespace();
            let name = match self.rtype.as_str() {
                "ALIAS" | "ANAME" | "DNAME" => words.next()?,
                "HTTPS" | "SVCB" | "MX" => words.nth(1)?,
                "SRV" => words.nth(3)?,
                "NAPTR" => words.next_back()?,
                // `10 1 "https://www.example.org:8443/path"`.
                "URI" => {
                    let after = text.split_once("://")?.1;
                    let host = after.split(['/', '?', '#', '"']).next()?;
                    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
                    host.split_once(':').map_or(host, |(host, _)| host)
                }
                _ => return None,
            };
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            (!name.is_empty() && name != self.name).then_some(name)
        };
        data.iter().filter_map(target).collect()
    }
}

/// Every address that stands in a text, between whatever signs.
fn addresses_in(text: &str) -> Vec<IpAddr> {
    text.split(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':'))
        .flat_map(|word| {
            let word = word.trim_end_matches('.');
            // As in `ip4:192.0.2.1`, and as in `192.0.2.1:443`.
            let after = word.split_once(':').map(|(_, rest)| rest);
            let before = word.rsplit_once(':').map(|(first, _)| first);
            [Some(word), after, before]
        })
        .flatten()
        .filter_map(|word| word.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rtype: &str, data: &str) -> Other {
        Other::new("WWW.example.org.", rtype, Holds::Text(vec![data.into()]))
    }

    #[test]
    fn addresses_are_found_whatever_holds_them() {
        let cases = [
            ("HTTPS", "1 . alpn=h2 ipv4hint=192.0.2.21,192.0.2.22"),
            (
                "SVCB",
                "1 . ipv6hint=2001:db8:0::21 ipv4hint=\"192.0.2.21\"",
            ),
            ("LUA", r#"A "pickrandom({'192.0.2.21','2001:DB8::21'})""#),
            ("TXT", r#""v=spf1 ip4:192.0.2.21/32 ip6:2001:db8::21 -all""#),
            ("TXT", r#""at 192.0.2.21:443 or [2001:db8::21]:443.""#),
        ];
        let (v4, v6) = ("192.0.2.21", "2001:db8::21");
        for (rtype, data) in cases {
            let found = of(rtype, data).addresses();
            assert!(found.contains(&v4.parse().unwrap()), "{rtype} {data}");
            assert_eq!(
                found.contains(&v6.parse().unwrap()),
                data.to_lowercase().contains("2001"),
                "{rtype} {data}"
            );
        }
        assert!(of("MX", "10 mx.other.example.").addresses().is_empty());
    }

    #[test]
    fn what_is_below_a_delegation_is_glue_and_cannot_be_written() {
        let set = |key: &str| RecordSet::new(key.parse().unwrap(), 60, ["192.0.2.1"]).unwrap();
        let key = |text: &str| text.parse::<RecordKey>().unwrap();
        let keys = [
            "sub.e.test. A",
            "a.ns.sub.e.test. A",
            "notsub.e.test. A",
            "e.test. A",
        ];
        let mut listing = Listing {
            sets: keys.map(set).into(),
            ..Listing::default()
        };
        listing.cut("e.test", "e.test.");
        listing.cut("e.test.", "Sub.e.test.");
        listing.cut("e.test", "ns.sub.e.test");
        let bars = listing.bars(&keys.map(key));
        let barred: Vec<String> = bars.keys().map(ToString::to_string).collect();
        assert_eq!(barred, ["a.ns.sub.e.test. A", "sub.e.test. A"]);
        assert!(
            bars.values()
                .all(|why| why.contains("name the zone `sub.e.test`")),
            "{bars:?}"
        );
    }

    #[test]
    fn what_is_made_up_is_told_with_its_maker_and_never_what_the_zone_holds() {
        let set = |key: &str| RecordSet::new(key.parse().unwrap(), 60, ["192.0.2.1"]).unwrap();
        let other = |name: &str, rtype: &str| Other::new(name, rtype, Holds::Text(vec![]));
        let listing = Listing {
            sets: vec![set("own.e.test. A"), set("*.plain.e.test. A")],
            others: vec![
                other("own.e.test", "LUA"),
                other("lua.e.test", "LUA"),
                other("e.test", "ALIAS"),
                other("*.w.e.test", "LUA"),
                other("mail.e.test", "MX"),
            ],
            ..Listing::default()
        };
        for (key, maker) in [
            ("own.e.test. A", None),
            ("own.e.test. AAAA", Some("own.e.test. LUA")),
            ("lua.e.test. A", Some("lua.e.test. LUA")),
            ("e.test. AAAA", Some("e.test. ALIAS")),
            ("any.w.e.test. A", Some("*.w.e.test. LUA")),
            ("any.plain.e.test. A", None),
            ("mail.e.test. A", None),
            ("gone.e.test. A", None),
        ] {
            let key: RecordKey = key.parse().unwrap();
            let made = listing.made_up([&key]);
            assert_eq!(made.get(&key).map(String::as_str), maker, "{key}");
        }
    }

    #[test]
    fn what_sends_visitors_to_another_name_has_a_target() {
        let cases = [
            ("ALIAS", "Web.example.org.", Some("web.example.org")),
            ("HTTPS", "0 web.example.org.", Some("web.example.org")),
            (
                "HTTPS",
                "1 Web.example.org. alpn=h2",
                Some("web.example.org"),
            ),
            (
                "SVCB",
                "16 web.example.org. port=8443",
                Some("web.example.org"),
            ),
            ("HTTPS", "1 . alpn=h2", None),
            ("SVCB", "0 .", None),
            ("HTTPS", "1 www.example.org. alpn=h2", None),
            ("MX", "10 web.example.org.", Some("web.example.org")),
            ("SRV", "1 1 5222 Web.example.org.", Some("web.example.org")),
            ("SRV", "0 0 0 .", None),
            (
                "NAPTR",
                r#"100 10 "s" "SIP+D2T" "" web.example.org."#,
                Some("web.example.org"),
            ),
            ("NAPTR", r#"100 10 "u" "E2U+sip" "!^.*$!sip:a@b!" ."#, None),
            (
                "URI",
                r#"10 1 "https://u@Web.example.org:8443/a""#,
                Some("web.example.org"),
            ),
            ("URI", r#"10 1 "mailto:someone@web.example.org""#, None),
            ("TXT", r#""a web.example.org.""#, None),
        ];
        for (rtype, data, target) in cases {
            assert_eq!(
                of(rtype, data).targets().first().map(String::as_str),
                target
            );
        }
        assert_eq!(of("ALIAS", "x.").to_string(), "www.example.org. ALIAS");
    }
}
