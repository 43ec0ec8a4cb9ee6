//! What the machine lacks on which this runs.

use super::Looker;
use crate::engine::world::{Memory, World};
use crate::event::{Cause, Fact, Finding};
use crate::plan::{Entry, Outcome};
use crate::site::Aim;
use crate::step::{Evidence, Known};

impl<W: World, M: Memory> Looker<'_, W, M> {
    /// In an emergency nobody is held up by what the machine lacks on which this runs: where nothing else speaks
    /// against it, what it has no route to is told, and owed. Not on the way back: that it is as before is to be seen.
    pub(super) fn beyond_our_lack(
        &self,
        entry: &Entry,
        aim: &Aim,
        evidence: &Evidence,
        mut finding: Finding,
    ) -> Finding {
        let lacks = |known: &Known| match known {
            Known::Unseen(why) | Known::Recorded { why, .. } if why.cause == Cause::NoRoute => {
                Some(why.clone())
            }
            _ => None,
        };
        let items = evidence.items.iter();
        let ours: Vec<_> = (items.clone())
            .filter_map(|(key, known)| Some((key, lacks(known)?)))
            .collect();
        let there = aim.active == self.plan.direction.target;
        if !there || !self.is_emergency() || finding.outcome != Outcome::Unknown || ours.is_empty()
        {
            return finding;
        }
        let rest: Vec<_> = items
            .filter(|(_, known)| lacks(known).is_none())
            .cloned()
            .collect();
        let worst = match rest.is_empty() {
            true => Outcome::Warn,
            false => {
                let baseline = evidence.baseline.clone();
                let items = rest;
                let rest = (self.world).judge(entry, aim, &Evidence { items, baseline });
                let facts = rest.facts.iter().map(|fact| fact.outcome);
                facts.max().unwrap_or(rest.outcome).max(Outcome::Warn)
            }
        };
        if worst < Outcome::Unknown {
            finding.outcome = worst;
            finding.headline += "; what this machine has no route to is not proven";
            let told = |fact: &Fact| fact.outcome == Outcome::Unknown;
            if !finding.facts.iter().any(told) {
                finding
                    .facts
                    .extend(ours.into_iter().map(|(key, why)| Fact {
                        outcome: Outcome::Unknown,
                        what: key.clone(),
                        expected: "an answer".into(),
                        actual: why.detail,
                    }));
            }
        }
        finding
    }
}

#[cfg(test)]
mod tests;
