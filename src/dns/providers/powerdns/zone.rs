//! A zone as the API shows it, and the one call that changes it.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::dns::providers::common::Swap;
use crate::dns::{RecordKey, RecordSet, RecordType};

/// A zone as the API shows it, as far as we must know it.
#[derive(Debug, Deserialize)]
pub(super) struct Zone {
    #[serde(default)]
    pub(super) kind: String,
    /// Signed by the server.
    #[serde(default)]
    pub(super) dnssec: bool,
    /// The server puts the order of names right by itself after a change by the API.
    #[serde(default)]
    pub(super) api_rectify: bool,
    rrsets: Vec<Rrset>,
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
    pub(super) fn take_sets(&mut self) -> Result<Vec<RecordSet>, String> {
        std::mem::take(&mut self.rrsets)
            .into_iter()
            .filter_map(Rrset::understood)
            .collect()
    }
}

impl Rrset {
    /// The set in our words; `None` for other types. Disabled members and comments are kept in `extra`.
    fn understood(mut self) -> Option<Result<RecordSet, String>> {
        let rtype: RecordType = self.rtype.parse().ok()?;
        let key = RecordKey::new(&self.name, rtype);
        let (disabled, served): (Vec<_>, Vec<_>) =
            self.records.into_iter().partition(|member| member.disabled);
        let Ok(ttl) = u32::try_from(self.ttl) else {
            return Some(Err(format!("the TTL {} of `{key}` is none", self.ttl)));
        };
        let mut extra = serde_json::Map::new();
        if !disabled.is_empty() {
            let mut contents: Vec<_> = disabled.into_iter().map(|member| member.content).collect();
            contents.sort();
            extra.insert("disabled".into(), json!(contents));
        }
        if !self.comments.is_empty() {
            self.comments.sort_by_key(Json::to_string);
            extra.insert("comments".into(), json!(self.comments));
        }
        let set = RecordSet::new(key, ttl, served.iter().map(|member| &member.content));
        Some(set.map(|set| match extra.is_empty() {
            true => set,
            false => set.with_extra(Json::Object(extra)),
        }))
    }
}

/// One entry of a PATCH. Comments that stay as they are are left out, which keeps them.
fn entry(key: &RecordKey, from: Option<&RecordSet>, to: Option<&RecordSet>) -> Json {
    let name = format!("{}.", key.name);
    let rtype = key.rtype.to_string();
    let Some(to) = to else {
        return json!({ "name": name, "type": rtype, "changetype": "DELETE" });
    };
    let disabled = to.extra.get("disabled").and_then(Json::as_array);
    let records: Vec<_> = (to
        .data
        .iter()
        .map(|data| json!({ "content": data, "disabled": false })))
    .chain(
        disabled
            .into_iter()
            .flatten()
            .map(|content| json!({ "content": content, "disabled": true })),
    )
    .collect();
    let mut entry = json!({
        "name": name,
        "type": rtype,
        "ttl": to.ttl,
        "changetype": "REPLACE",
        "records": records,
    });
    let none = json!([]);
    let comments = |set: &RecordSet| set.extra.get("comments").unwrap_or(&none).clone();
    let (before, after) = (from.map_or(json!([]), comments), comments(to));
    if before != after {
        entry["comments"] = after;
    }
    entry
}

/// The body of the one call: deletions first, since the order counts where an alias becomes addresses.
pub(super) fn patch(swap: &Swap) -> Json {
    let pairs = swap.pairs();
    let (gone, kept): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(.., to)| to.is_none());
    let entries: Vec<_> = (gone.iter().chain(&kept))
        .map(|(key, from, to)| entry(key, *from, *to))
        .collect();
    json!({ "rrsets": entries })
}

/// A record cannot be served and disabled in one set.
pub(super) fn twice(swap: &Swap) -> Option<String> {
    swap.to.iter().find_map(|set| {
        let disabled = set.extra.get("disabled")?.as_array()?;
        let both = (set.data.iter()).find(|data| disabled.contains(&json!(data)))?;
        Some(format!(
            "`{}` already holds `{both}` as a disabled record; remove or enable it first",
            set.key
        ))
    })
}
