//! How what moves in a zone is cut into edits, and what writing them can promise.

use crate::dns::providers::Limits;
use crate::dns::{Honesty, RecordSet};
use crate::plan::{Edit, Place};
use crate::site::Zone;

/// The edits of one zone.
pub(super) struct Edits {
    pub(super) all: Vec<Edit>,
    /// What writing them can promise, in words.
    pub(super) promise: String,
}

/// Cuts what was found into edits: a zone is one place where the provider writes it in one go (`zone#2` and so on where
/// that is more than one write sends), a record set is one where it does not.
pub(super) fn of(step: &str, zone: &Zone, sets: &[(RecordSet, RecordSet)]) -> Edits {
    let edit = |name: String, sets: &[(RecordSet, RecordSet)]| Edit {
        place: Place {
            step: step.to_owned(),
            name,
        },
        before: RecordSet::value_of(sets.iter().map(|(before, _)| before)),
        after: RecordSet::value_of(sets.iter().map(|(_, after)| after)),
    };
    let limits = zone.provider.limits();
    if limits.honesty == Honesty::OneSet {
        let all = (sets.iter())
            .map(|set| edit(set.0.key.to_string(), std::slice::from_ref(set)))
            .collect();
        let promise = "one call for each record set, compared just before it".to_owned();
        return Edits { all, promise };
    }
    let messages = (limits.cut)(sets);
    let all = match writes(limits, &messages, sets).as_slice() {
        [] | [_] => vec![edit(zone.name.clone(), sets)],
        groups => (groups.iter().enumerate())
            .map(|(i, group)| edit(format!("{}#{}", zone.name, i + 1), group))
            .collect(),
    };
    let promise = promise(limits.honesty, messages.len());
    Edits { all, promise }
}

type Sets<'s> = &'s [(RecordSet, RecordSet)];

/// What goes into each write, where it needs these messages.
fn writes<'s>(limits: Limits, messages: &[Sets<'_>], sets: Sets<'s>) -> Vec<Sets<'s>> {
    let mut rest = sets;
    let writes = messages.chunks(limits.messages.max(1)).map(|some| {
        let count = some.iter().map(|sets| sets.len()).sum();
        let (write, others) = rest.split_at(count);
        rest = others;
        write
    });
    writes.collect()
}

fn promise(honesty: Honesty, messages: usize) -> String {
    let one = match honesty {
        Honesty::CompareAndSwap => {
            "compare-and-swap of all record sets in one message; comments and disabled records that a server keeps with \
             them are not seen, and not put back"
        }
        _ => "all record sets of a zone in one call, compared just before it",
    };
    match messages {
        0 | 1 => one.into(),
        _ => format!(
            "{one}; they do not fit into one, so there are {messages}, one after the other, each all or nothing"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{RecordKey, RecordType};

    #[test]
    fn every_set_is_in_one_write_of_so_many_messages() {
        let sets: Vec<_> = (0..23)
            .map(|n| {
                let key = RecordKey::new(&format!("h{n}.example.org"), RecordType::A);
                let of = |ip| RecordSet::new(key.clone(), 60, [ip]).unwrap();
                (of("192.0.2.1"), of("192.0.2.2"))
            })
            .collect();
        for (messages, sizes) in [
            (1, vec![5, 5, 5, 5, 3]),
            (2, vec![10, 10, 3]),
            (4, vec![20, 3]),
            (5, vec![23]),
            (8, vec![23]),
        ] {
            let limits = Limits {
                honesty: Honesty::CompareAndSwap,
                smallest_ttl: 0,
                cut: |sets| sets.chunks(5).collect(),
                messages,
            };
            let writes = writes(limits, &(limits.cut)(&sets), &sets);
            let found: Vec<usize> = writes.iter().map(|write| write.len()).collect();
            assert_eq!(found, sizes, "{messages}");
            assert_eq!(writes.concat(), sets);
        }
    }

    #[test]
    fn what_needs_several_messages_is_promised_for_each_of_them() {
        let one = promise(Honesty::CompareAndSwap, 1);
        assert!(
            one.contains("one message") && !one.contains("each"),
            "{one}"
        );
        let many = promise(Honesty::CompareAndSwap, 22);
        assert!(
            many.ends_with("there are 22, one after the other, each all or nothing"),
            "{many}"
        );
    }
}
