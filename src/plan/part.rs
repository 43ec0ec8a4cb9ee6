//! One part of what a place holds.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

/// A part of a value: JSON of any form, kept as its text. A plan of ten thousand record sets is held in several
/// places at once, and as a tree each set would take two kilobytes.
///
/// The text is compact and the members of an object are in the order of their names, so that two parts are equal
/// where their texts are. A copy shares the text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Part(Arc<str>);

impl Part {
    /// Anything that has a form in JSON; what has none is `null`.
    pub fn of(value: &impl Serialize) -> Part {
        serde_json::to_value(value).unwrap_or(Json::Null).into()
    }

    pub fn json(&self) -> Json {
        serde_json::from_str(&self.0).unwrap_or(Json::Null)
    }

    /// The part as a thing of a known form.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// For people: a text as it is, all else as JSON.
    pub fn told(&self) -> String {
        self.read().unwrap_or_else(|_| self.0.to_string())
    }

    /// Whether two parts are the same, but for these members of an object.
    pub(super) fn is_like(&self, other: &Part, but: &[&str]) -> bool {
        if self == other {
            return true;
        }
        let may_have = |part: &Part, name: &str| part.0.contains(&format!("\"{name}\":"));
        if !(but.iter()).any(|name| may_have(self, name) || may_have(other, name)) {
            return false;
        }
        let (Json::Object(mut one), Json::Object(mut two)) = (self.json(), other.json()) else {
            return false;
        };
        for name in but {
            one.remove(*name);
            two.remove(*name);
        }
        one == two
    }
}

impl From<Json> for Part {
    fn from(json: Json) -> Part {
        Part(json.to_string().into())
    }
}

impl From<&str> for Part {
    fn from(text: &str) -> Part {
        Json::from(text).into()
    }
}

impl PartialEq<Json> for Part {
    fn eq(&self, json: &Json) -> bool {
        self.json() == *json
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Part, D::Error> {
        Json::deserialize(from).map(Part::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_part_is_its_json_whatever_the_order_of_its_members() {
        let text = r#"{ "ttl": 60, "key": {"rtype":"A", "name":"www"}, "data": ["192.0.2.1"] }"#;
        let part: Part = serde_json::from_str(text).unwrap();
        let json =
            json!({ "data": ["192.0.2.1"], "key": { "name": "www", "rtype": "A" }, "ttl": 60 });
        assert_eq!(part, Part::of(&json));
        assert_eq!(part, json);
        assert_eq!(serde_json::to_value(&part).unwrap(), json);
        assert_eq!(Part::from("a \"word\"").told(), "a \"word\"");
        assert_eq!(Part::from(json!({ "a": 1 })).told(), r#"{"a":1}"#);
    }

    #[test]
    fn members_that_do_not_count_are_left_out() {
        let of = |ttl: u32, aside: Json| {
            Part::from(json!({ "data": ["\"aside\":"], "ttl": ttl, "aside": aside }))
        };
        assert!(of(1, json!(7)).is_like(&of(1, json!(8)), &["aside"]));
        assert!(!of(1, json!(7)).is_like(&of(2, json!(7)), &["aside"]));
        assert!(of(1, json!(7)).is_like(&of(2, json!(7)), &["ttl"]));
        assert!(!Part::from("a").is_like(&Part::from("b"), &["aside"]));
    }
}
