//! What no step moves though a service depends on it, and who looks at it.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::{Intention, SurveyError};
use crate::dns::moves::Left;
use crate::plan::{Entry, Mode, Nature, Pace, Rule, Stay, Then};
use crate::step::Step;

/// That it stays is told, and the run ends unproven by it. That somebody moved it, and it leads to the wrong side when
/// the run has come back, is for a person; so is what was so already, and is not when the run ends.
pub(super) const RULE: Rule = Rule {
    late: Then::Note,
    fail: Then::Hold,
    unknown: Then::Note,
};

/// What leads to the source on when all steps have moved theirs. A planned run is refused for it, unless the
/// playbook only wants it told; in an emergency the rest moves.
pub(super) fn behind<'s>(
    left: Vec<(&'s Step, Left)>,
    entries: &[Entry],
    like: Mode,
) -> Result<Vec<(&'s Step, Stay)>, SurveyError> {
    let moved: HashSet<&str> = (entries.iter())
        .filter_map(|entry| match &entry.nature {
            Nature::Change(edit) => Some(edit.after.0.keys().map(String::as_str)),
            _ => None,
        })
        .flatten()
        .collect();
    let goes = |left: &Left| {
        let mut by = left.by.iter();
        !left.by.is_empty() && by.all(|key| moved.contains(key.to_string().as_str()))
    };
    // Several steps may leave the same: it is looked at once, and told only where one of them says so.
    let mut once: Vec<(&Step, Left)> = Vec::new();
    for (step, left) in left.into_iter().filter(|(_, left)| !goes(left)) {
        let same =
            |(_, known): &&mut (&Step, Left)| known.what == left.what && known.why == left.why;
        match once.iter_mut().find(same) {
            Some((_, known)) => known.hint |= left.hint,
            None => once.push((step, left)),
        }
    }
    let (mut behind, mut refused) = (Vec::new(), BTreeMap::<&str, Vec<String>>::new());
    for (step, left) in once {
        if !left.hint && like != Mode::Emergency {
            let reason = format!("{}: {}", left.what, left.why);
            refused.entry(step.id.as_str()).or_default().push(reason);
        }
        let (what, why) = (left.what, left.why);
        behind.push((step, Stay { what, why }));
    }
    match refused.pop_first() {
        None => Ok(behind),
        Some((step, mut reasons)) => {
            reasons
                .push("or let it stay, and be told only: `unmoved = \"warn\"` in the step".into());
            Err(SurveyError::Refused {
                step: step.to_owned(),
                reasons,
            })
        }
    }
}

/// Adds the look at it, for each step that leaves something: behind the last change, so that it sees what all of them
/// came to. A person may move it by hand, there and back.
pub(super) fn look_at(entries: &mut Vec<Entry>, left: &[(&Step, Stay)], intention: &Intention) {
    let mut steps: Vec<&Step> = Vec::new();
    for (step, _) in left {
        if steps.iter().all(|known| known.id != step.id) {
            steps.push(step);
        }
    }
    let looks_only = matches!(intention.mode, Mode::Check | Mode::Plan);
    for step in steps.into_iter().rev() {
        let whats: Vec<&str> = (left.iter())
            .filter(|(of, _)| of.id == step.id)
            .map(|(_, stay)| stay.what.as_str())
            .collect();
        let more = match whats.len() {
            0 | 1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        let first = whats.first().copied().unwrap_or_default();
        let last = entries
            .iter()
            .rposition(|entry| matches!(entry.nature, Nature::Change(_)));
        let entry = Entry {
            id: format!("{}/by-hand", step.id),
            title: format!("what a person moves: {first}{more}"),
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
            needs_baseline: !looks_only,
            by_hand: true,
            ..super::entry(step, intention)
        };
        entries.insert(last.map_or(entries.len(), |last| last + 1), entry);
    }
}

#[cfg(test)]
mod tests;
