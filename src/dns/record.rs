//! Record sets in one canonical form, whatever a provider calls them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::plan::Value;

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
    /// Fully qualified, lower case, without the last dot.
    pub name: String,
    pub rtype: RecordType,
}

impl RecordKey {
    pub fn new(name: &str, rtype: RecordType) -> RecordKey {
        RecordKey {
            name: name.trim_end_matches('.').to_ascii_lowercase(),
            rtype,
        }
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

/// One record set: all the data of one name and type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    pub key: RecordKey,
    /// Seconds.
    pub ttl: u32,
    /// Canonical text (IPv6 as RFC 5952, names lower case with the last dot), sorted, without duplicates.
    pub data: Vec<String>,
    /// What else the provider keeps with the set (comments, disabled members), so that the way back is
    /// exact. Compared like the rest.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub extra: Json,
}

impl RecordSet {
    /// The record sets as the value of a place.
    pub fn value_of<'a>(sets: impl IntoIterator<Item = &'a RecordSet>) -> Value {
        Value(
            sets.into_iter()
                .map(|set| {
                    let json = serde_json::to_value(set).unwrap_or(Json::Null);
                    (set.key.to_string(), json)
                })
                .collect(),
        )
    }

    /// The record sets in the value of a place. A part that is no record set is an error of ours or of a
    /// damaged journal.
    pub fn sets_of(value: &Value) -> Result<Vec<RecordSet>, String> {
        value
            .0
            .iter()
            .map(|(key, json)| {
                serde_json::from_value(json.clone())
                    .map_err(|error| format!("`{key}` holds no record set: {error}"))
            })
            .collect()
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
