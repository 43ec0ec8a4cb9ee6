//! One write: its place, the value before and the value after, and what a look shows of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::part::Part;

/// `before` and `after` of one place; its inverse is the way back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    pub place: Place,
    pub before: Value,
    pub after: Value,
}

impl Edit {
    /// The value that this way leads from, and the value that it leads to.
    pub fn along(&self, way: Way) -> (&Value, &Value) {
        match way {
            Way::There => (&self.before, &self.after),
            Way::Back => (&self.after, &self.before),
        }
    }

    /// What `seen` is for this edit, whichever way it is going. Bookkeeping (`aside`) is not compared.
    pub fn side(&self, seen: &Value) -> Side {
        self.side_of(seen, &["aside"])
    }

    /// What `seen` is just after a write: a part that holds what was written, but for its TTL, is after, since a
    /// provider may store another TTL than it was given. Later another TTL is somebody's, and is not overwritten.
    pub fn side_of_written(&self, seen: &Value) -> Side {
        self.side_of(seen, &["aside", "ttl"])
    }

    /// The parts of `seen` that hold what a write in this direction wrote, but for their TTL.
    pub fn stored(&self, way: Way, seen: &Value) -> Value {
        let (_, written) = self.along(way);
        let differs = |(key, part): &(&String, &Part)| {
            let written = written.0.get(*key);
            !same(Some(part), written, &["aside"]) && same(Some(part), written, &["aside", "ttl"])
        };
        seen.taken(differs)
    }

    /// Whether a part of `seen` still holds what was written, whatever TTL somebody gave it since.
    pub fn still_holds_written(&self, seen: &Value) -> bool {
        let holds = |key: &String| {
            let (before, after) = self.part(key, seen, &["aside", "ttl"]);
            after && !before
        };
        self.keys(seen).into_iter().any(holds)
    }

    /// Takes over what was really stored: whoever comes back expects it at the place.
    pub fn take_over(&mut self, stored: &Value) {
        self.after.0.extend(stored.taken(|_| true).0);
    }

    /// `stored` are the members that may differ in what was written.
    fn side_of(&self, seen: &Value, stored: &[&str]) -> Side {
        let (mut before, mut after) = (true, true);
        for key in self.keys(seen) {
            match self.part(key, seen, stored) {
                (false, false) => return Side::Foreign,
                (is_before, is_after) => {
                    before &= is_before;
                    after &= is_after;
                }
            }
        }
        match (before, after) {
            (_, true) => Side::After,
            (true, _) => Side::Before,
            _ => Side::Mixed,
        }
    }

    /// The parts of `seen` that are neither as before nor as after: somebody else wrote them.
    pub fn foreign<'a>(&'a self, seen: &'a Value) -> impl Iterator<Item = &'a String> {
        (self.keys(seen).into_iter())
            .filter(|key| self.part(key, seen, &["aside"]) == (false, false))
    }

    /// What is ours of a place of which somebody else wrote parts: the edit without these, and what is seen of it.
    pub fn ours(&self, seen: &Value) -> (Edit, Value) {
        let foreign: BTreeSet<&String> = self.foreign(seen).collect();
        let ours = |value: &Value| value.taken(|(key, _)| !foreign.contains(key));
        let edit = Edit {
            place: self.place.clone(),
            before: ours(&self.before),
            after: ours(&self.after),
        };
        (edit, ours(seen))
    }

    /// What the parts of `seen` that nobody else wrote are. Where none is ours there is nothing to put back.
    pub fn side_of_ours(&self, seen: &Value) -> Side {
        let (edit, seen) = self.ours(seen);
        match edit.before.is_empty() && edit.after.is_empty() {
            true => Side::Before,
            false => edit.side(&seen),
        }
    }

    /// Each part of the place, and what `seen` is for it. A part that the edit leaves alone is before.
    pub fn sides<'a>(&'a self, seen: &'a Value) -> impl Iterator<Item = (&'a String, Side)> {
        (self.keys(seen).into_iter()).map(|key| {
            let side = match self.part(key, seen, &["aside"]) {
                (true, _) => Side::Before,
                (false, true) => Side::After,
                (false, false) => Side::Foreign,
            };
            (key, side)
        })
    }

    fn keys<'a>(&'a self, seen: &'a Value) -> BTreeSet<&'a String> {
        let ours = self.before.0.keys().chain(self.after.0.keys());
        ours.chain(seen.0.keys()).collect()
    }

    /// Whether a part of `seen` is as before, and whether it is as after.
    fn part(&self, key: &str, seen: &Value, stored: &[&str]) -> (bool, bool) {
        let [seen, before, after] = [seen, &self.before, &self.after].map(|value| value.0.get(key));
        let exactly = |ours| same(seen, ours, &["aside"]);
        let as_written = || same(seen, after, stored) && !same(before, after, stored);
        (exactly(before), exactly(after) || as_written())
    }
}

/// Whether two parts are the same, but for these members.
fn same(a: Option<&Part>, b: Option<&Part>, but: &[&str]) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.is_like(b, but),
        _ => a.is_none() && b.is_none(),
    }
}

/// Which way a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    There,
    Back,
}

/// What a look at a place shows, in the words of its edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    Before,
    After,
    /// Some parts are before, some after, none is foreign: a write of ours was done by half.
    Mixed,
    /// Somebody else wrote here.
    Foreign,
}

/// Where a change writes: the one thing that a permit names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The id of the step in the playbook that owns it.
    pub step: String,
    /// Unique within the step: a zone, a file.
    pub name: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.step, self.name)
    }
}

/// What a place holds: named parts, so that a write done by half can be told from a foreign one.
///
/// The parts of a `dns` place are record sets (`www.example.org. A`); a missing part is an absent set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Value(pub BTreeMap<String, Part>);

impl Value {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parts that are wanted.
    pub(crate) fn taken(&self, wanted: impl Fn(&(&String, &Part)) -> bool) -> Value {
        let parts = self.0.iter().filter(wanted);
        Value(
            parts
                .map(|(key, part)| (key.clone(), part.clone()))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn value(parts: &[(&str, u32)]) -> Value {
        Value(
            parts
                .iter()
                .map(|(key, n)| ((*key).to_owned(), json!(n).into()))
                .collect(),
        )
    }

    #[test]
    fn a_look_is_before_after_mixed_or_foreign() {
        let edit = Edit {
            place: Place {
                step: "flip".into(),
                name: "zone".into(),
            },
            before: value(&[("a", 1), ("b", 1)]),
            after: value(&[("a", 2), ("b", 2), ("c", 2)]),
        };
        let cases = [
            (value(&[("a", 1), ("b", 1)]), Side::Before),
            (value(&[("a", 2), ("b", 2), ("c", 2)]), Side::After),
            (value(&[("a", 2), ("b", 1)]), Side::Mixed),
            (value(&[("a", 1), ("b", 1), ("c", 2)]), Side::Mixed),
            (value(&[("a", 3), ("b", 1)]), Side::Foreign),
            (value(&[("a", 1)]), Side::Foreign),
            (value(&[("a", 1), ("b", 1), ("d", 1)]), Side::Foreign),
        ];
        for (seen, side) in cases {
            assert_eq!(edit.side(&seen), side, "{seen:?}");
        }
    }

    #[test]
    fn what_was_written_is_held_whatever_its_ttl_until_something_else_is_there() {
        let set = |to: &str, ttl: u32| json!({ "data": [to], "ttl": ttl });
        let both = |www: Json, web: Json| {
            let parts = [("www", www), ("web", web)];
            let parts = parts.map(|(key, part)| (key.to_owned(), part.into()));
            Value(parts.into())
        };
        let edit = Edit {
            place: Place::default(),
            before: both(set("old", 300), set("old", 300)),
            after: both(set("new", 60), set("new", 60)),
        };
        let (old, theirs) = (|| set("old", 300), || set("other", 60));
        let cases = [
            (both(set("new", 60), set("new", 60)), true),
            (both(old(), set("new", 60)), true),
            (both(old(), set("new", 77)), true),
            // Beside what is somebody else's.
            (both(theirs(), set("new", 77)), true),
            (both(theirs(), old()), false),
            (both(old(), old()), false),
            (both(old(), theirs()), false),
            (Value::default(), false),
        ];
        for (seen, holds) in cases {
            assert_eq!(edit.still_holds_written(&seen), holds, "{seen:?}");
        }
        // One that only got another TTL is as before with that one.
        let timed = Edit {
            place: Place::default(),
            before: both(set("old", 300), old()),
            after: both(set("old", 60), old()),
        };
        assert!(timed.still_holds_written(&timed.after));
        assert!(!timed.still_holds_written(&timed.before));
        assert!(!timed.still_holds_written(&both(set("old", 77), old())));
    }

    #[test]
    fn bookkeeping_is_no_value_and_another_ttl_is_somebody_s_but_just_after_the_write() {
        let one = |part: Json| Value([("www".to_owned(), part.into())].into());
        let edit = Edit {
            place: Place::default(),
            before: one(json!({ "data": ["old"], "ttl": 300, "aside": { "comments": ["ours"] } })),
            after: one(json!({ "data": ["new"], "ttl": 60 })),
        };
        let cases = [
            (json!({ "data": ["old"], "ttl": 300 }), Side::Before),
            (
                json!({ "data": ["old"], "ttl": 300, "aside": 7 }),
                Side::Before,
            ),
            (
                json!({ "data": ["new"], "ttl": 60, "aside": 7 }),
                Side::After,
            ),
            (json!({ "data": ["new"], "ttl": 300 }), Side::Foreign),
            // Before, the TTL is the value that comes back: another one is somebody's.
            (json!({ "data": ["old"], "ttl": 60 }), Side::Foreign),
            (
                json!({ "data": ["new"], "ttl": 60, "extra": 7 }),
                Side::Foreign,
            ),
        ];
        for (seen, side) in cases {
            let seen = one(seen);
            assert_eq!(edit.side(&seen), side, "{seen:?}");
            assert_eq!(
                edit.foreign(&seen).count(),
                usize::from(side == Side::Foreign)
            );
        }
        let stored = one(json!({ "data": ["new"], "ttl": 300 }));
        assert_eq!(edit.side_of_written(&stored), Side::After);
        // What was really stored is what the way back expects, and nothing else.
        assert_eq!(edit.stored(Way::There, &stored), stored);
        assert_eq!(edit.stored(Way::Back, &stored), Value::default());
        let mut made = edit.clone();
        made.take_over(&stored);
        assert_eq!(made.side(&stored), Side::After);
        assert_eq!(made.stored(Way::There, &stored), Value::default());
        assert_eq!(made.side(&edit.after), Side::Foreign);
        assert_eq!(made.side(&edit.before), Side::Before);
        let kept = one(json!({ "data": ["old"], "ttl": 600 }));
        assert_eq!(edit.stored(Way::Back, &kept), kept);
        // Where the TTL is all that is written, it is compared.
        let slower = Edit {
            after: one(json!({ "data": ["old"], "ttl": 60 })),
            ..edit
        };
        let seen = one(json!({ "data": ["old"], "ttl": 61 }));
        assert_eq!(slower.side_of_written(&seen), Side::Foreign);
    }
}
