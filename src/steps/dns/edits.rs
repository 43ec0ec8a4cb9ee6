//! How what moves in a zone is cut into edits, and what writing them can promise.

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
    let writes: Vec<usize> = (messages.chunks(limits.messages.max(1)))
        .map(|some| some.iter().map(|sets| sets.len()).sum())
        .collect();
    let mut rest = sets;
    let groups = writes.iter().map(|count| {
        let (group, others) = rest.split_at(*count);
        rest = others;
        group
    });
    let all = match writes.len() {
        0 | 1 => vec![edit(zone.name.clone(), sets)],
        _ => (groups.enumerate())
            .map(|(i, group)| edit(format!("{}#{}", zone.name, i + 1), group))
            .collect(),
    };
    let promise = promise(limits.honesty, messages.len());
    Edits { all, promise }
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
