//! Records as the API shows and takes them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::dns::providers::common::{Swap, gather};
use crate::dns::{Grounds, Holds, Listing, Other, RecordKey, RecordSet, RecordType};
use crate::plan::Value;

#[derive(Debug, Deserialize)]
pub(super) struct Records {
    pub(super) records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Record {
    host: String,
    ttl: u32,
    #[serde(rename = "type")]
    rtype: String,
    #[serde(default)]
    data: Option<String>,
    /// What zone files have before the name that the data is.
    #[serde(default)]
    mx_priority: Option<u16>,
    #[serde(default)]
    srv_priority: Option<u16>,
    #[serde(default)]
    srv_weight: Option<u16>,
    #[serde(default)]
    srv_port: Option<u16>,
    /// It comes from a template of the account.
    #[serde(default, rename = "_template")]
    template: bool,
    /// The service itself makes it.
    #[serde(default, rename = "_generated")]
    generated: bool,
}

impl Record {
    /// The data as in a zone file, where it is told.
    fn text(&self, zone: &str) -> Option<String> {
        let data = self.data.as_deref()?;
        // As there, a name without the last dot lies in the zone.
        let name = || match data {
            "@" => format!("{zone}."),
            full if full.ends_with('.') => full.to_owned(),
            within => format!("{within}.{zone}."),
        };
        let number = |number: Option<u16>| number.unwrap_or(0);
        Some(match self.rtype.as_str() {
            "CNAME" | "ANAME" | "DNAME" => name(),
            "MX" => format!("{} {}", number(self.mx_priority), name()),
            "SRV" => format!(
                "{} {} {} {}",
                number(self.srv_priority),
                number(self.srv_weight),
                number(self.srv_port),
                name()
            ),
            _ => data.to_owned(),
        })
    }
}

fn without_data() -> Holds {
    Holds::Unread("the API tells no data of it".into())
}

/// What a write did.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    pub(super) records_added: usize,
    pub(super) records_removed: usize,
}

/// The records of a zone as sets; those that are not the zone's own are marked in `extra`. A set that cannot be
/// read is one of the others.
pub(super) fn understood(zone: &str, records: Vec<Record>) -> Listing {
    let (mut borrowed, mut dark) = (HashSet::new(), BTreeSet::new());
    let mut ours: BTreeMap<RecordKey, Vec<(u32, String)>> = BTreeMap::new();
    let (mut others, mut all) = (Vec::new(), Listing::default());
    for record in records {
        let name = match record.host.as_str() {
            "@" | "" => zone.to_owned(),
            host => format!("{host}.{zone}"),
        };
        if record.rtype == "NS" {
            all.cut(zone, &name);
        }
        let text = record.text(zone);
        let Ok(rtype) = record.rtype.parse::<RecordType>() else {
            if !matches!(record.rtype.as_str(), "SOA" | "NS") {
                let data = text.map_or_else(without_data, |text| Holds::Text(vec![text]));
                others.push(Other::new(&name, record.rtype, data));
            }
            continue;
        };
        let key = RecordKey::new(&name, rtype);
        let Some(data) = text else {
            dark.insert(key);
            continue;
        };
        if record.template || record.generated {
            borrowed.insert(key.clone());
        }
        ours.entry(key).or_default().push((record.ttl, data));
    }
    // Of such a set nobody knows what a write would take away.
    ours.retain(|key, _| !dark.contains(key));
    let dark = dark.into_iter();
    others.extend(dark.map(|key| Other::new(&key.name, key.rtype.to_string(), without_data())));
    let mut sets = Vec::new();
    for (key, members) in ours {
        let (name, rtype) = (key.name.clone(), key.rtype);
        let members = members.into_iter();
        match gather(members.map(|(ttl, data)| (key.clone(), ttl, data))) {
            Ok(one) => sets.extend(one),
            Err(why) => others.push(Other::new(&name, rtype.to_string(), Holds::Unread(why))),
        }
    }
    for set in &mut sets {
        if borrowed.contains(&set.key) {
            if !set.extra.is_object() {
                set.extra = json!({});
            }
            set.extra["template"] = json!(true);
        }
    }
    Listing {
        sets,
        others,
        ..all
    }
}

/// The swap, or why it must not be sent.
pub(super) fn sendable(
    zone: &str,
    grounds: &Grounds,
    from: &Value,
    to: &Value,
) -> Result<Swap, Vec<String>> {
    let swap = Swap::new(from, to)?;
    let pairs = swap.pairs().into_iter();
    let elsewhere = pairs.filter_map(|(key, ..)| host(zone, key).err());
    let borrowed = (swap.from.iter()).filter(|set| set.extra.get("template").is_some());
    let borrowed = borrowed.map(|set| {
        format!(
            "`{}` comes from a template or from the service itself; make it a record of the zone first",
            set.key
        )
    });
    swap.allowed(grounds, elsewhere.chain(borrowed))?;
    Ok(swap)
}

/// The name as the API wants it: relative to the zone.
pub(super) fn host(zone: &str, key: &RecordKey) -> Result<String, String> {
    match key.name.strip_suffix(zone) {
        Some("") => Ok("@".into()),
        Some(rest) if rest.ends_with('.') => Ok(rest.trim_end_matches('.').to_owned()),
        _ => Err(format!("`{key}` does not lie in the zone `{zone}`")),
    }
}

pub(super) fn body(set: &RecordSet, host: &str) -> Json {
    let records: Vec<_> = (set.data.iter())
        .map(|data| {
            json!({ "host": host, "ttl": set.ttl, "type": set.key.rtype.to_string(), "data": data })
        })
        .collect();
    json!({ "records": records })
}
