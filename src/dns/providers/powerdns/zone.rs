//! A zone as the API shows it, and the one call that changes it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::dns::providers::common::Swap;
use crate::dns::{Holds, Listing, Other, RecordKey, RecordSet, RecordType, above};

/// A zone as the API shows it, as far as we must know it.
#[derive(Debug, Deserialize)]
pub(super) struct Zone {
    #[serde(default)]
    name: String,
    #[serde(default)]
    pub(super) kind: String,
    /// Where a secondary has it from.
    #[serde(default)]
    masters: Vec<String>,
    /// Signed by the server.
    #[serde(default)]
    pub(super) dnssec: bool,
    /// The server puts the order of names right by itself after a change by the API.
    #[serde(default)]
    pub(super) api_rectify: bool,
    /// How the serial goes up after a change by the API; absent where the server does not tell.
    #[serde(default)]
    soa_edit_api: Option<String>,
    #[serde(default)]
    rrsets: Vec<Rrset>,
    /// It holds signatures, which a server that signs by itself does not keep there. Known of a zone that was taken.
    #[serde(skip)]
    holds_signatures: bool,
}

/// A zone in the list of zones.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    name: String,
}

/// Why sets of these keys cannot be written: the zone as zone-file text tells the TTL that is stored with each record
/// that is served, a set of the API has that of one of its records, which may be a disabled one, and would put that back.
pub(super) fn uneven(
    export: &str,
    listing: &Listing,
    keys: &[RecordKey],
) -> BTreeMap<RecordKey, String> {
    let keys: HashSet<&RecordKey> = keys.iter().collect();
    let of_api = listing.sets.iter().filter(|set| keys.contains(&set.key));
    let mut ttls: BTreeMap<RecordKey, BTreeSet<u32>> = of_api
        .map(|set| (set.key.clone(), BTreeSet::from([set.ttl])))
        .collect();
    for line in export.lines() {
        let words: Vec<&str> = line.split_whitespace().take(4).collect();
        let [name, ttl, _, rtype] = words[..] else {
            continue;
        };
        if let (Ok(ttl), Ok(rtype)) = (ttl.parse(), rtype.parse()) {
            let key = RecordKey::new(name, rtype);
            if keys.contains(&key) {
                ttls.entry(key).or_default().insert(ttl);
            }
        }
    }
    let bar = |(key, ttls): (RecordKey, BTreeSet<u32>)| Some((key.clone(), several(&key, &ttls)?));
    ttls.into_iter().filter_map(bar).collect()
}

/// Why a set whose records have these TTLs cannot be written.
pub(super) fn several(key: &RecordKey, ttls: &BTreeSet<u32>) -> Option<String> {
    let several: Vec<String> = ttls.iter().map(u32::to_string).collect();
    (several.len() > 1).then(|| {
        format!(
            "`{key}` cannot be written: its records have several TTLs ({}), and the API keeps one for all: give \
             them one TTL first",
            several.join(" and ")
        )
    })
}

/// The names at and above these keys that could be zones of their own below `zone`.
pub(super) fn could_be_zones<'k>(zone: &str, keys: &'k [RecordKey]) -> BTreeSet<&'k str> {
    let zone = zone.trim_end_matches('.');
    let below = |name: &&str| {
        name.strip_suffix(zone)
            .is_some_and(|rest| rest.ends_with('.'))
    };
    let all = keys.iter().flat_map(|key| above(&key.name));
    all.filter(below).collect()
}

/// Why sets of these keys cannot be written: the server holds zones that answer for them, delegated or not.
pub(super) fn other_zones(
    zone: &str,
    keys: &[RecordKey],
    zones: &[Named],
) -> BTreeMap<RecordKey, String> {
    let candidates = could_be_zones(zone, keys);
    let held: BTreeSet<String> = (zones.iter())
        .map(|zone| zone.name.trim_end_matches('.').to_ascii_lowercase())
        .filter(|name| candidates.contains(name.as_str()))
        .collect();
    let bar = |key: &RecordKey| {
        // The deepest of them answers.
        let of = above(&key.name).find_map(|name| held.get(name))?;
        let why = format!(
            "`{key}` cannot be written: PowerDNS holds the zone `{of}` as well, which answers for it: name that zone \
             in the playbook"
        );
        Some((key.clone(), why))
    };
    keys.iter().filter_map(bar).collect()
}

/// What is kept beside the records of a zone, under one name.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    kind: String,
    #[serde(default)]
    metadata: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Rrset {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    ttl: i64,
    records: Vec<Member>,
    #[serde(default)]
    comments: Vec<Json>,
}

#[derive(Debug, Deserialize)]
struct Member {
    content: String,
    #[serde(default)]
    disabled: bool,
}

impl Zone {
    /// Takes its record sets out, in our words.
    pub(super) fn take(&mut self) -> Listing {
        let mut listing = Listing::default();
        for set in std::mem::take(&mut self.rrsets) {
            let served = set.records.iter().any(|member| !member.disabled);
            if set.rtype == "NS" && served {
                listing.cut(&self.name, &set.name);
            }
            self.holds_signatures |= set.rtype == "RRSIG" && served;
            match set.understood() {
                Ok(set) => listing.sets.push(set),
                Err(other) => listing.others.extend(other),
            }
        }
        listing
    }

    /// Why the zone does not get to its secondaries: they look at the serial only (RFC 1034, 4.3.5). A native zone has
    /// none, or they share its database.
    pub(super) fn unraised(&self, zone: &str) -> Option<String> {
        let has_secondaries = matches!(
            self.kind.to_ascii_lowercase().as_str(),
            "master" | "primary" | "producer"
        );
        let edit = self.soa_edit_api.as_deref()?;
        let stands = edit.is_empty() || edit.eq_ignore_ascii_case("off");
        (has_secondaries && stands).then(|| {
            format!(
                "PowerDNS does not raise the serial of `{zone}` after a change by the API (its `soa_edit_api` is {}), so \
                 secondaries do not fetch the change: set it first (`pdnsutil set-meta {zone} SOA-EDIT-API DEFAULT`), or make the \
                 zone native where its servers share a database",
                if edit.is_empty() { "empty" } else { "OFF" }
            )
        })
    }

    /// Why a write here means nothing or does harm. The API takes it all the same: a secondary is then for ever
    /// ahead of its primary, and a zone that was signed elsewhere no longer validates. Where the metadata is kept back,
    /// the signatures that it holds tell.
    pub(super) fn barred(&self, zone: &str, metadata: Option<&[Metadata]>) -> Option<String> {
        let from = match self.masters.as_slice() {
            [] => "another server".to_owned(),
            masters => masters.join(", "),
        };
        let here = match self.kind.to_ascii_lowercase().as_str() {
            "slave" | "secondary" => format!("as a secondary of {from}: write there"),
            "consumer" => format!("as the consumer of a catalog of {from}: write there"),
            _ if metadata.is_some_and(|metadata| is_set(metadata, "PRESIGNED")) => {
                "as it was signed elsewhere (PRESIGNED), and a change here breaks its signatures: write where \
                 it is signed"
                    .to_owned()
            }
            _ if metadata.is_none() && self.holds_signatures => {
                "with signatures that were made elsewhere (RRSIG records), which a change here breaks, and its metadata \
                 is kept back, so that nothing says otherwise: write where it is signed, or let the API key see \
                 `metadata`"
                    .to_owned()
            }
            _ => return None,
        };
        Some(format!("PowerDNS holds `{zone}` {here}"))
    }
}

fn is_set(metadata: &[Metadata], kind: &str) -> bool {
    let of_kind = |entry: &&Metadata| entry.kind.eq_ignore_ascii_case(kind);
    let values = metadata.iter().filter(of_kind).flat_map(|e| &e.metadata);
    values
        .into_iter()
        .any(|value| value != "0" && !value.is_empty())
}

impl Rrset {
    /// The set in our words; else what it is beside, if it can lead anywhere. Disabled members are kept in
    /// `extra`, and comments `aside`.
    fn understood(mut self) -> Result<RecordSet, Option<Other>> {
        let Ok(rtype) = self.rtype.parse::<RecordType>() else {
            let served = self.records.into_iter().filter(|member| !member.disabled);
            let data = Holds::Text(served.map(|member| member.content).collect());
            let leads = !matches!(self.rtype.as_str(), "SOA" | "NS" | "DNSKEY" | "NSEC3PARAM");
            return Err(leads.then(|| Other::new(&self.name, self.rtype, data)));
        };
        let key = RecordKey::new(&self.name, rtype);
        let unread = |why: String| Some(Other::new(&self.name, &self.rtype, Holds::Unread(why)));
        let Ok(ttl) = u32::try_from(self.ttl) else {
            return Err(unread(format!("the TTL {} of `{key}` is none", self.ttl)));
        };
        let (disabled, served): (Vec<_>, Vec<_>) =
            self.records.into_iter().partition(|member| member.disabled);
        let set = RecordSet::new(key, ttl, served.iter().map(|member| &member.content));
        let mut set = set.map_err(unread)?;
        if !disabled.is_empty() {
            let mut contents: Vec<_> = disabled.into_iter().map(|member| member.content).collect();
            contents.sort();
            set.extra = json!({ "disabled": contents });
        }
        if !self.comments.is_empty() {
            self.comments.sort_by_key(Json::to_string);
            set.aside = json!({ "comments": self.comments });
        }
        Ok(set)
    }
}

/// One entry of a PATCH. Where a set stands, comments are left out, which keeps them as they are now, those of
/// a colleague too; a set that was removed comes back with its own.
#[derive(Serialize)]
struct Entry<'s> {
    changetype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comments: Option<&'s Json>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<Vec<Row<'s>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u32>,
    #[serde(rename = "type")]
    rtype: RecordType,
}

#[derive(Serialize)]
struct Row<'s> {
    content: &'s str,
    disabled: bool,
}

impl<'s> Entry<'s> {
    fn of(key: &RecordKey, from: Option<&'s RecordSet>, to: Option<&'s RecordSet>) -> Entry<'s> {
        let name = format!("{}.", key.name);
        let rtype = key.rtype;
        let Some(to) = to else {
            return Entry {
                changetype: "DELETE",
                comments: None,
                name,
                records: None,
                ttl: None,
                rtype,
            };
        };
        let row = |disabled| move |content| Row { content, disabled };
        let disabled = to.disabled();
        let served = to.data.iter().map(String::as_str);
        Entry {
            changetype: "REPLACE",
            comments: (to.aside.get("comments")).filter(|_| from.is_none()),
            name,
            records: Some(
                served
                    .map(row(false))
                    .chain(disabled.map(row(true)))
                    .collect(),
            ),
            ttl: Some(to.ttl),
            rtype,
        }
    }
}

/// The body of the one call: deletions first, since the order counts where an alias becomes addresses.
pub(super) fn patch(swap: &Swap) -> String {
    #[derive(Serialize)]
    struct Body<'s> {
        rrsets: Vec<Entry<'s>>,
    }
    let pairs = swap.pairs();
    let (gone, kept): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(.., to)| to.is_none());
    let pairs = gone.into_iter().chain(kept);
    let rrsets = pairs
        .map(|(key, from, to)| Entry::of(key, from, to))
        .collect();
    serde_json::to_string(&Body { rrsets }).unwrap_or_default()
}

/// A record cannot be served and disabled in one set.
pub(super) fn twice(swap: &Swap) -> impl Iterator<Item = String> {
    swap.to.iter().filter_map(|set| {
        let both = (set.data.iter()).find(|data| set.disabled().any(|off| off == **data))?;
        Some(format!(
            "`{}` already holds `{both}` as a disabled record; remove or enable it first",
            set.key
        ))
    })
}

/// Why the API takes no change of a set with such an owner: of names it takes letters, digits and some signs only, and
/// one that it does not take stops all of the call.
pub(super) fn unspeakable(swap: &Swap) -> impl Iterator<Item = String> {
    let keys = swap.keys().into_iter();
    keys.filter(|key| !is_speakable(&key.name)).map(|key| {
        format!(
            "`{key}` cannot be written: the API of PowerDNS takes no owner name with such characters: move it by \
             `rfc2136`, or leave it out"
        )
    })
}

pub(super) fn is_speakable(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    name.chars()
        .all(|c| c.is_ascii_alphanumeric() || "_/.-".contains(c))
}
