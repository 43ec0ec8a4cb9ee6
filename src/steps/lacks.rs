//! What the machine lacks on which this runs: a family of addresses over which it has no route.

use std::collections::BTreeSet;

use super::probe::Family;
use crate::event::{Cause, Finding, Unseen};

/// Over which families this machine has no route to what it was to ask.
#[derive(Default)]
pub(super) struct Lacks(BTreeSet<Family>);

impl Lacks {
    /// Takes in why something at an address of `family` was not seen.
    pub(super) fn take(&mut self, unseen: &Unseen, family: Option<Family>) {
        if unseen.cause == Cause::NoRoute {
            self.0.extend(family);
        }
    }

    /// Says what to do about it; `goes_on` is what the step may say to go on without.
    pub(super) fn told(&self, finding: Finding, goes_on: &str) -> Finding {
        let families: Vec<String> = self.0.iter().map(Family::to_string).collect();
        match families.is_empty() {
            true => finding,
            false => finding.mend(format!(
                "look from a machine that has a route over {}; `{goes_on}` in the step goes on without",
                families.join(" and ")
            )),
        }
    }
}
