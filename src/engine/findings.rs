//! What was found at each entry of a run, each round by itself: what one side showed says nothing of the other.

use std::collections::BTreeMap;

use crate::event::{Finding, Round};

/// The last finding of each entry in each round.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings(BTreeMap<(usize, Round), Finding>);

impl Findings {
    pub(super) fn keep(&mut self, round: Round, entry: usize, finding: Finding) {
        self.0.insert((entry, round), finding);
    }

    /// What the place of an entry was found to hold is overtaken by a newer look at it.
    pub(super) fn forget(&mut self, entry: usize) {
        self.0.retain(|(of, _), _| *of != entry);
    }

    /// What the place of a change was found to hold at the end, whichever way the run ended.
    pub(super) fn last_of_place(&self, entry: usize) -> Option<&Finding> {
        [Round::Verify, Round::Return, Round::There]
            .into_iter()
            .find_map(|round| self.seen(round, entry))
    }

    pub(super) fn seen(&self, round: Round, entry: usize) -> Option<&Finding> {
        self.0.get(&(entry, round))
    }
}
