//! What a place holds, held against what the run says of it.

use std::collections::BTreeSet;

use super::settle::held;
use crate::event::{Fact, Finding, Unseen};
use crate::plan::{Edit, Outcome, Side, Value};

/// The finding of one look at a place that should hold the value of `side`.
pub(super) fn judge(edit: &Edit, side: Side, read: Result<Value, Unseen>) -> Finding {
    let expected = match side {
        Side::After => &edit.after,
        _ => &edit.before,
    };
    let name = &edit.place.name;
    match read {
        Err(unseen) => {
            let why = format!("`{name}` cannot be read: {}", unseen.detail);
            Finding::new(Outcome::Unknown, why)
        }
        Ok(seen) if edit.side(&seen) == side => {
            let held = format!("`{name}` holds what it should");
            Finding::new(Outcome::Pass, held).side(side)
        }
        Ok(seen) => {
            let what = match edit.side(&seen) {
                Side::Before => "holds what it held before",
                Side::After => "holds the new value",
                Side::Mixed => "holds a part of the change",
                Side::Foreign => "holds what somebody else wrote",
            };
            Finding::new(Outcome::Fail, format!("`{name}` {what}"))
                .facts(differ(expected, &seen))
                .side(edit.side(&seen))
        }
    }
}

/// The parts that differ, expected beside actual.
fn differ(expected: &Value, seen: &Value) -> Vec<Fact> {
    let told = |value: &Value, key: &str| held(value.0.get(key));
    let keys: BTreeSet<&String> = expected.0.keys().chain(seen.0.keys()).collect();
    (keys.into_iter())
        .filter(|key| expected.0.get(*key) != seen.0.get(*key))
        .map(|key| Fact {
            outcome: Outcome::Fail,
            what: key.clone(),
            expected: told(expected, key),
            actual: told(seen, key),
        })
        .collect()
}

#[cfg(test)]
mod tests;
