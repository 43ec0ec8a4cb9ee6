//! Record sets in one canonical form, whatever a provider calls them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::plan::{Part, Value};
use crate::world::dns::name;

/// The types that a failover moves or must know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RecordType {
    A,
    #[serde(rename = "AAAA")]
    Aaaa,
    #[serde(rename = "CNAME")]
    Cname,
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RecordType::A => "A",
            RecordType::Aaaa => "AAAA",
            RecordType::Cname => "CNAME",
        })
    }
}

impl FromStr for RecordType {
    type Err = String;

    fn from_str(text: &str) -> Result<RecordType, String> {
        match text {
            "A" => Ok(RecordType::A),
            "AAAA" => Ok(RecordType::Aaaa),
            "CNAME" => Ok(RecordType::Cname),
            other => Err(format!("`{other}` is no record type that cutover moves")),
        }
    }
}

/// Owner name and type of a record set. Its text form is `www.example.org. A`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordKey {
    /// Fully qualified, lower case, without the last dot; odd bytes as `\DDD`, in decimal.
    pub name: String,
    pub rtype: RecordType,
}

impl RecordKey {
    pub fn new(name: &str, rtype: RecordType) -> RecordKey {
        // What is no name is kept as it is, and is said where it is used.
        let name = name::canonical(name)
            .unwrap_or_else(|_| name.trim_end_matches('.').to_ascii_lowercase());
        RecordKey { name, rtype }
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.name, self.rtype)
    }
}

impl FromStr for RecordKey {
    type Err = String;

    fn from_str(text: &str) -> Result<RecordKey, String> {
        let (name, rtype) = text
            .split_once(' ')
            .ok_or_else(|| format!("`{text}` is no record key"))?;
        Ok(RecordKey::new(name, rtype.parse()?))
    }
}

/// One record set: all the data of one name and type. Two are equal where data, TTL and `extra` are.
///
/// [`RecordSet::new`] brings data into the canonical form, and so does reading one from JSON.
#[derive(Clone, Debug, Eq, Serialize, Deserialize)]
#[serde(try_from = "Loose")]
pub struct RecordSet {
    pub key: RecordKey,
    /// Seconds.
    pub ttl: u32,
    /// Canonical text (IPv6 as RFC 5952, names lower case with the last dot), sorted, without duplicates.
    pub data: Vec<String>,
    /// What else the provider keeps with the set and serves or could serve (disabled members). Compared like
    /// the rest.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub extra: Json,
    /// The provider's bookkeeping (comments): put back where a set was removed, and never compared, since a
    /// colleague's comment is no other value. [`crate::plan::Edit::side`] leaves it out by this name.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub aside: Json,
}

impl PartialEq for RecordSet {
    fn eq(&self, other: &RecordSet) -> bool {
        let RecordSet {
            key,
            ttl,
            data,
            extra,
            aside: _,
        } = self;
        (key, *ttl, data, extra) == (&other.key, other.ttl, &other.data, &other.extra)
    }
}

/// A record set as it stands in a file, before it is known to be canonical.
#[derive(Deserialize)]
struct Loose {
    key: RecordKey,
    ttl: u32,
    data: Vec<String>,
    #[serde(default)]
    extra: Json,
    #[serde(default)]
    aside: Json,
}

impl TryFrom<Loose> for RecordSet {
    type Error = String;

    fn try_from(loose: Loose) -> Result<RecordSet, String> {
        let key = RecordKey::new(&loose.key.name, loose.key.rtype);
        Ok(RecordSet {
            extra: loose.extra,
            aside: loose.aside,
            ..RecordSet::new(key, loose.ttl, loose.data)?
        })
    }
}

impl RecordSet {
    /// A record set in canonical form. Data that is not of the key's type is an error; none at all is
    /// allowed, since a provider may keep a set whose members are all switched off or are an alias.
    pub fn new<S: AsRef<str>>(
        key: RecordKey,
        ttl: u32,
        data: impl IntoIterator<Item = S>,
    ) -> Result<RecordSet, String> {
        let mut data = data
            .into_iter()
            .map(|datum| canonical(&key, datum.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        sort(key.rtype, &mut data);
        Ok(RecordSet {
            key,
            ttl,
            data,
            extra: Json::Null,
            aside: Json::Null,
        })
    }

    /// One record set of single records, each with its TTL. Differing TTLs are an error: such a set cannot be
    /// put back as it was, and RFC 2181 forbids it.
    pub fn of_records<S: AsRef<str>>(
        key: RecordKey,
        records: impl IntoIterator<Item = (u32, S)>,
    ) -> Result<RecordSet, String> {
        let (ttls, data): (Vec<u32>, Vec<S>) = records.into_iter().unzip();
        let Some(&ttl) = ttls.first() else {
            return Err(format!("the record set `{key}` holds no record"));
        };
        if let Some(other) = ttls.iter().find(|other| **other != ttl) {
            return Err(format!(
                "the records of `{key}` differ in their TTL, {ttl} and {other}: give them the same one"
            ));
        }
        RecordSet::new(key, ttl, data)
    }

    /// The same set with what else the provider keeps beside it.
    pub fn with_extra(mut self, extra: Json) -> RecordSet {
        self.extra = extra;
        self
    }

    /// The same set with other addresses; they are of the type of the set.
    pub fn with_addresses(&self, addresses: impl IntoIterator<Item = IpAddr>) -> RecordSet {
        let mut data: Vec<String> = addresses.into_iter().map(|ip| ip.to_string()).collect();
        sort(self.key.rtype, &mut data);
        RecordSet {
            data,
            ..self.clone()
        }
    }

    /// The addresses of an A or AAAA set, in its order; none for other types.
    pub fn addresses(&self) -> Vec<IpAddr> {
        match self.key.rtype {
            RecordType::A | RecordType::Aaaa => {
                (self.data.iter()).filter_map(|d| d.parse().ok()).collect()
            }
            RecordType::Cname => Vec::new(),
        }
    }

    /// What the provider keeps of it and does not serve.
    pub fn disabled(&self) -> impl Iterator<Item = &str> {
        let disabled = self.extra.get("disabled").and_then(Json::as_array);
        disabled.into_iter().flatten().filter_map(Json::as_str)
    }

    /// Whether the set is kept and nothing of it is served: whoever asks finds none.
    pub fn is_off(&self) -> bool {
        self.data.is_empty() && self.disabled().next().is_some()
    }

    /// The record sets as the value of a place.
    pub fn value_of<'a>(sets: impl IntoIterator<Item = &'a RecordSet>) -> Value {
        Value(
            sets.into_iter()
                .map(|set| (set.key.to_string(), Part::of(set)))
                .collect(),
        )
    }

    /// The record sets in the value of a place. A part that is no record set is an error of ours or of a
    /// damaged journal.
    pub fn sets_of(value: &Value) -> Result<Vec<RecordSet>, String> {
        value
            .0
            .iter()
            .map(|(key, part)| {
                let set: RecordSet = (part.read())
                    .map_err(|error| format!("`{key}` holds no record set: {error}"))?;
                if set.key.to_string() == *key {
                    Ok(set)
                } else {
                    Err(format!("`{key}` holds the record set `{}`", set.key))
                }
            })
            .collect()
    }

    /// What a set holds, for a sentence: `192.0.2.1` (TTL 60).
    pub fn told(set: Option<&RecordSet>) -> String {
        let Some(set) = set else {
            return "nothing".into();
        };
        let mut beside = format!("TTL {}", set.ttl);
        if set.extra.get("disabled").is_some() {
            let all: Vec<_> = set.disabled().collect();
            beside.push_str(&format!(", disabled: {}", all.join(" ")));
        } else if !set.extra.is_null() {
            beside.push_str(&format!(", {}", set.extra));
        }
        match set.data.is_empty() {
            true => format!("no record ({beside})"),
            false => format!("`{}` ({beside})", set.data.join(" ")),
        }
    }

    /// Lines in zone-file form: `www.example.org. 60 IN A 192.0.2.1`.
    pub fn zone_lines(&self) -> Vec<String> {
        self.data
            .iter()
            .map(|data| {
                format!(
                    "{}. {} IN {} {data}",
                    self.key.name, self.ttl, self.key.rtype
                )
            })
            .collect()
    }
}

/// One datum in its canonical text.
fn canonical(key: &RecordKey, datum: &str) -> Result<String, String> {
    let datum = datum.trim();
    match key.rtype {
        RecordType::A => (datum.parse::<Ipv4Addr>())
            .map(|ip| ip.to_string())
            .map_err(|_| format!("`{datum}` in `{key}` is no IPv4 address")),
        RecordType::Aaaa => (datum.parse::<Ipv6Addr>())
            .map(|ip| ip.to_string())
            .map_err(|_| format!("`{datum}` in `{key}` is no IPv6 address")),
        RecordType::Cname => {
            let name = name::canonical(datum)
                .map_err(|why| format!("`{datum}` in `{key}` is no host name: {why}"))?;
            Ok(format!("{name}."))
        }
    }
}

/// Sorts by the value of an address, by text otherwise, and drops duplicates.
fn sort(rtype: RecordType, data: &mut Vec<String>) {
    match rtype {
        RecordType::A | RecordType::Aaaa => data.sort_by_key(|d| d.parse::<IpAddr>().ok()),
        RecordType::Cname => data.sort(),
    }
    data.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn key(text: &str) -> RecordKey {
        text.parse().unwrap()
    }

    #[test]
    fn data_becomes_canonical_sorted_and_unique() {
        let cases: [(&str, &[&str], &[&str]); 3] = [
            (
                "www.example.org. A",
                &["192.0.2.10", "192.0.2.9", " 192.0.2.10 "],
                &["192.0.2.9", "192.0.2.10"],
            ),
            (
                "www.example.org. AAAA",
                &["2001:DB8:0:0::10", "2001:db8::9", "2001:0db8::0010"],
                &["2001:db8::9", "2001:db8::10"],
            ),
            (
                "www.example.org. CNAME",
                &["Web.Example.ORG"],
                &["web.example.org."],
            ),
        ];
        for (name, data, canonical) in cases {
            let set = RecordSet::new(key(name), 60, data).unwrap();
            assert_eq!(set.data, canonical, "{name}");
        }
    }

    #[test]
    fn an_alias_may_lead_to_the_root_and_to_any_bytes() {
        let of = |data: &str| {
            RecordSet::new(key("odd.example.org. CNAME"), 60, [data]).map(|set| set.data)
        };
        assert_eq!(of(".").unwrap(), ["."]);
        assert_eq!(of(r"Sp\032ace.example.").unwrap(), [r"sp\032ace.example."]);
        // More than 255 characters of text, and fewer bytes.
        let long = [r"\200".repeat(60).as_str(); 3].join(".");
        assert_eq!(of(&long).unwrap(), [format!("{long}.")]);
    }

    #[test]
    fn data_of_another_type_is_refused_with_its_place() {
        let cases = [
            ("www.example.org. A", "2001:db8::1"),
            ("www.example.org. A", "192.0.2.010"),
            ("www.example.org. AAAA", "192.0.2.1"),
            ("www.example.org. AAAA", "fe80::1%eth0"),
            ("www.example.org. CNAME", "a..b"),
            ("www.example.org. CNAME", ""),
            ("www.example.org. CNAME", "two words"),
        ];
        for (name, datum) in cases {
            let error = RecordSet::new(key(name), 60, [datum]).unwrap_err();
            assert!(error.contains(name) && error.contains(datum), "{error}");
        }
    }

    #[test]
    fn records_with_two_ttls_are_no_set() {
        let of = |ttls: [u32; 2]| {
            let records = [(ttls[0], "192.0.2.1"), (ttls[1], "192.0.2.2")];
            RecordSet::of_records(key("www.example.org. A"), records)
        };
        assert_eq!(of([60, 60]).unwrap().ttl, 60);
        assert!(of([60, 300]).unwrap_err().contains("60 and 300"));
        let none: [(u32, &str); 0] = [];
        assert!(RecordSet::of_records(key("www.example.org. A"), none).is_err());
    }

    #[test]
    fn equality_ignores_bookkeeping_alone() {
        let set = RecordSet::new(key("www.example.org. A"), 60, ["192.0.2.1"]).unwrap();
        let disabled = set.clone().with_extra(json!({ "disabled": ["192.0.2.7"] }));
        assert_ne!(set, disabled);
        assert!(RecordSet::told(Some(&disabled)).contains("disabled: 192.0.2.7"));
        let commented = RecordSet {
            aside: json!({ "comments": ["x"] }),
            ..set.clone()
        };
        assert_eq!(set, commented);
        let read: RecordSet = serde_json::from_value(json!(commented)).unwrap();
        assert_eq!(read.aside, commented.aside);
        let slower = RecordSet {
            ttl: 61,
            ..set.clone()
        };
        assert_ne!(set, slower);
    }

    #[test]
    fn a_value_is_read_back_and_a_wrong_part_is_an_error() {
        let set = RecordSet::new(key("WWW.example.org. A"), 60, ["192.0.2.1"]).unwrap();
        let mut value = RecordSet::value_of([&set]);
        assert_eq!(
            RecordSet::sets_of(&value).unwrap(),
            std::slice::from_ref(&set)
        );
        value
            .0
            .insert("other.example.org. A".into(), Part::of(&set));
        assert!(RecordSet::sets_of(&value).is_err());
        value
            .0
            .insert("other.example.org. A".into(), json!(7).into());
        assert!(RecordSet::sets_of(&value).is_err());
    }

    #[test]
    fn a_set_from_a_file_is_made_canonical() {
        let json = json!({
            "key": { "name": "WWW.Example.org.", "rtype": "AAAA" },
            "ttl": 60,
            "data": ["2001:DB8::2", "2001:db8::1"],
        });
        let set: RecordSet = serde_json::from_value(json).unwrap();
        assert_eq!(set.key.to_string(), "www.example.org. AAAA");
        assert_eq!(set.data, ["2001:db8::1", "2001:db8::2"]);
        assert_eq!(
            set.zone_lines()[0],
            "www.example.org. 60 IN AAAA 2001:db8::1"
        );
    }

    proptest! {
        #[test]
        fn order_and_repetition_of_data_do_not_matter(
            ips in proptest::collection::vec(any::<Ipv6Addr>(), 1..8),
            turn in 0usize..8,
        ) {
            let texts: Vec<String> = ips.iter().map(Ipv6Addr::to_string).collect();
            let mut turned = texts.clone();
            turned.rotate_left(turn % texts.len());
            turned.push(texts[0].to_uppercase());
            let a = RecordSet::new(key("x.example.org. AAAA"), 1, &texts).unwrap();
            let b = RecordSet::new(key("x.example.org. AAAA"), 1, &turned).unwrap();
            prop_assert_eq!(&a, &b);
            prop_assert_eq!(&a.with_addresses(b.addresses()), &a);
            prop_assert_eq!(RecordSet::new(a.key.clone(), 1, &a.data).unwrap(), a);
        }

        #[test]
        fn any_text_is_either_canonical_or_an_error(text in ".{0,40}", rtype in 0usize..3) {
            let rtype = [RecordType::A, RecordType::Aaaa, RecordType::Cname][rtype];
            if let Ok(set) = RecordSet::new(RecordKey::new("x.example.org", rtype), 1, [&text]) {
                let again = RecordSet::new(set.key.clone(), 1, &set.data).unwrap();
                prop_assert_eq!(again, set);
            }
        }

        #[test]
        fn keys_survive_their_text(name in "[a-z0-9*_-]{1,10}(\\.[a-z0-9-]{1,10}){1,3}") {
            let key = RecordKey::new(&name, RecordType::Cname);
            prop_assert_eq!(key.to_string().parse::<RecordKey>().unwrap(), key);
        }
    }
}
