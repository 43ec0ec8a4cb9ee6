//! What a change found as it shall be: the run counts on it and does not write it, so it is read before an end says
//! anything of it.

use std::collections::HashSet;
use std::time::Duration;

use super::Intention;
use crate::plan::{Entry, Mode, Nature, Pace};
use crate::step::{Found, Step};

/// Adds a look at each of them, behind all checks, but for what another step writes.
pub(super) fn look_at(
    entries: &mut Vec<Entry>,
    found: Vec<(&Step, Found)>,
    writes: &HashSet<String>,
    intention: &Intention,
) {
    let looks_only = matches!(intention.mode, Mode::Check | Mode::Plan);
    for (step, Found { of, edit }) in found {
        if writes.contains(&of) {
            continue;
        }
        let place = &edit.place.name;
        entries.push(Entry {
            id: format!("{}/as-found/{place}", step.id),
            title: format!("what is so already at {place}"),
            nature: Nature::Check,
            pace: Pace {
                within: Duration::ZERO,
                every: step.common.every,
                timeout: step.common.timeout,
            },
            there: !looks_only,
            back: true,
            temporary: false,
            after_change: true,
            answers: None,
            holds: Some(edit),
            ..super::entry(step, intention)
        });
    }
}
