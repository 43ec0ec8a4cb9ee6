//! What the providers share: gathering, comparison, and how a command names a secret.

use std::collections::{BTreeSet, HashSet};

use serde_json::json;

use crate::dns::{Grounds, RecordKey, RecordSet};
use crate::event::Answer;
use crate::plan::Value;
use crate::secret::SecretRef;

/// The largest TTL that the protocol knows (RFC 2181).
pub(super) const LARGEST_TTL: u32 = 2_147_483_647;

/// Single records gathered into sets. A set whose records have several TTLs keeps them in `extra`, and the
/// greatest as its own: it can be looked at and not be written.
pub(super) fn gather(
    records: impl IntoIterator<Item = (RecordKey, u32, String)>,
) -> Result<Vec<RecordSet>, String> {
    let mut records: Vec<_> = records.into_iter().collect();
    let sets = by_key(&mut records);
    sets.filter_map(|records| Some(set_of(&records.first()?.0, records)))
        .collect()
}

/// The records of each set, sorted by key.
pub(super) fn by_key(
    records: &mut [(RecordKey, u32, String)],
) -> impl Iterator<Item = &[(RecordKey, u32, String)]> {
    records.sort_by(|one, other| one.0.cmp(&other.0));
    records.chunk_by(|one, other| one.0 == other.0)
}

/// The one set of all records of a key.
pub(super) fn set_of(
    key: &RecordKey,
    records: &[(RecordKey, u32, String)],
) -> Result<RecordSet, String> {
    let ttls = || records.iter().map(|(_, ttl, _)| *ttl);
    let members = records.iter().map(|(.., data)| data);
    let most = ttls().max().unwrap_or(0);
    let set = RecordSet::new(key.clone(), most, members)?;
    Ok(match ttls().all(|ttl| ttl == most) {
        true => set,
        false => set.with_extra(json!({ "ttls": ttls().collect::<BTreeSet<u32>>() })),
    })
}

/// Several reasons as one answer.
pub(super) fn refusal(reasons: &[String]) -> Answer {
    Answer::Refused {
        why: reasons.join("; "),
    }
}

/// What a permit says: the sets that are there, and the sets that shall be.
pub(super) struct Swap {
    pub(super) from: Vec<RecordSet>,
    pub(super) to: Vec<RecordSet>,
}

impl Swap {
    /// Both sides of an edit, checked. The errors are the reasons to refuse the write.
    pub(super) fn new(from: &Value, to: &Value) -> Result<Swap, Vec<String>> {
        let sets = |value| RecordSet::sets_of(value).map_err(|why| vec![why]);
        let swap = Swap {
            from: sets(from)?,
            to: sets(to)?,
        };
        let mut reasons = BTreeSet::new();
        for set in &swap.to {
            if set.ttl > LARGEST_TTL {
                reasons.insert(format!(
                    "the TTL {} of `{}` is larger than {LARGEST_TTL}, the largest of RFC 2181; give it a smaller one first",
                    set.ttl, set.key
                ));
            }
        }
        for set in swap.from.iter().chain(&swap.to) {
            if set.extra.get("ttls").is_some() {
                reasons.insert(format!(
                    "the records of `{}` have several TTLs, which one write cannot keep; give them one TTL first",
                    set.key
                ));
            }
        }
        match reasons.is_empty() {
            true => Ok(swap),
            false => Err(reasons.into_iter().collect()),
        }
    }

    /// Every key of either side, sorted.
    pub(super) fn keys(&self) -> Vec<RecordKey> {
        let pairs = self.pairs().into_iter();
        pairs.map(|(key, ..)| key.clone()).collect()
    }

    /// What speaks against the swap: the grounds, and `more` of the provider's own.
    pub(super) fn allowed(
        &self,
        grounds: &Grounds,
        more: impl IntoIterator<Item = String>,
    ) -> Result<(), Vec<String>> {
        let mut reasons = grounds.against(&self.keys());
        reasons.extend(more);
        match reasons.is_empty() {
            true => Ok(()),
            false => Err(reasons),
        }
    }

    /// Each key with the set that is there and the set that shall be, sorted by key.
    pub(super) fn pairs(&self) -> Vec<(&RecordKey, Option<&RecordSet>, Option<&RecordSet>)> {
        pairs(&self.from, &self.to)
    }

    /// How what was just read differs from what must be there; `None` where it does not, and where it reads as if all
    /// were written already: that may be an old copy, and to write it once more changes nothing.
    pub(super) fn foreign(&self, fresh: &[RecordSet]) -> Option<String> {
        let ours: HashSet<&RecordKey> = (self.from.iter().chain(&self.to))
            .map(|set| &set.key)
            .collect();
        let beside = |sets| {
            let pairs = pairs(sets, fresh).into_iter();
            pairs.filter(|(key, ..)| ours.contains(key))
        };
        if beside(&self.to).all(|(_, to, fresh)| to == fresh) {
            return None;
        }
        let differences: Vec<_> = beside(&self.from)
            .filter_map(|(key, from, fresh)| differs(key, from, fresh))
            .collect();
        (!differences.is_empty()).then(|| differences.join("; "))
    }
}

/// Each key of two lists with the set that each has there, sorted by key.
pub(super) fn pairs<'s>(
    one: &'s [RecordSet],
    two: &'s [RecordSet],
) -> Vec<(&'s RecordKey, Option<&'s RecordSet>, Option<&'s RecordSet>)> {
    let mut pairs: Vec<(&RecordKey, Option<&RecordSet>, Option<&RecordSet>)> = (one.iter())
        .map(|set| (&set.key, Some(set), None))
        .chain(two.iter().map(|set| (&set.key, None, Some(set))))
        .collect();
    // Both are nearly sorted already, and those of one key stay in their order.
    pairs.sort_by(|one, other| one.0.cmp(other.0));
    pairs.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        if is_same {
            (kept.1, kept.2) = (next.1.or(kept.1), next.2.or(kept.2));
        }
        is_same
    });
    pairs
}

pub(super) fn find<'a>(sets: &'a [RecordSet], key: &RecordKey) -> Option<&'a RecordSet> {
    sets.iter().find(|set| set.key == *key)
}

/// How a set that was read differs from the one that is expected.
pub(super) fn differs(
    key: &RecordKey,
    expected: Option<&RecordSet>,
    actual: Option<&RecordSet>,
) -> Option<String> {
    (expected != actual).then(|| {
        format!(
            "`{key}` holds {} instead of {}: somebody else wrote it",
            RecordSet::told(actual),
            RecordSet::told(expected)
        )
    })
}

/// How a shell gets at a secret: its place, never its value.
pub(super) fn in_shell(place: &SecretRef) -> String {
    match place {
        SecretRef::Env(name) => format!("${{{name}}}"),
        SecretRef::File(path) => format!("$(head -n 1 {})", quoted(path)),
        SecretRef::Command(words) => {
            let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
            format!("$({} | head -n 1)", words.join(" "))
        }
    }
}

/// A text as one word of a POSIX shell.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::RecordType;

    fn set(name: &str, ttl: u32, data: &[&str]) -> RecordSet {
        RecordSet::new(RecordKey::new(name, RecordType::A), ttl, data).unwrap()
    }

    #[test]
    fn records_become_sets_and_two_ttls_are_kept_in_mind() {
        let key = RecordKey::new("www.example.org", RecordType::A);
        let records = [(60, "192.0.2.2"), (300, "192.0.2.1"), (60, "192.0.2.2")];
        let sets = gather(records.map(|(ttl, data)| (key.clone(), ttl, data.to_owned()))).unwrap();
        assert_eq!(sets.len(), 1);
        assert_eq!((sets[0].ttl, sets[0].data.len()), (300, 2));
        let value = RecordSet::value_of(&sets);
        let refusal = Swap::new(&value, &Value::default()).err().unwrap();
        assert!(refusal[0].contains("several TTLs"), "{refusal:?}");
    }

    #[test]
    fn a_swap_says_what_is_foreign() {
        let from = RecordSet::value_of(&[set("a.example.org", 60, &["192.0.2.1"])]);
        let to = RecordSet::value_of(&[set("b.example.org", 60, &["192.0.2.1"])]);
        let swap = Swap::new(&from, &to).unwrap();
        assert_eq!(swap.keys().len(), 2);
        assert_eq!(
            swap.foreign(&[set("a.example.org", 60, &["192.0.2.1"])]),
            None
        );
        let why = swap
            .foreign(&[set("a.example.org", 61, &["192.0.2.1"])])
            .unwrap();
        assert!(why.contains("TTL 61") && why.contains("TTL 60"), "{why}");
        // An old copy, perhaps.
        assert_eq!(
            swap.foreign(&[set("b.example.org", 60, &["192.0.2.1"])]),
            None
        );
        let too_large = RecordSet::value_of(&[set("a.example.org", u32::MAX, &["192.0.2.1"])]);
        assert!(Swap::new(&from, &too_large).is_err());
    }

    #[test]
    fn a_shell_gets_the_place_of_a_secret() {
        assert_eq!(in_shell(&SecretRef::Env("KEY".into())), "${KEY}");
        assert_eq!(
            in_shell(&SecretRef::File("/etc/my key".into())),
            "$(head -n 1 '/etc/my key')"
        );
        assert_eq!(
            in_shell(&SecretRef::Command(vec!["pass".into(), "it's".into()])),
            r"$(pass 'it'\''s' | head -n 1)"
        );
    }
}
