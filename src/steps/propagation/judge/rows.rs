//! The rows of a judgement, and what they come to.

use crate::event::Fact;
use crate::plan::Outcome;

/// The rows of a judgement.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) facts: Vec<Fact>,
    /// Those of names that no server of the playbook's zones answers for. Waiting does not tell where such a name
    /// leads, and not to know it stops nobody: it warns.
    pub(super) beyond: Vec<Fact>,
}

impl Rows {
    /// What they come to; `None` where there are none.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        let beyond = self.beyond.iter();
        let beyond = beyond.map(|fact| fact.outcome.min(Outcome::Warn));
        let facts = self.facts.iter().map(|fact| fact.outcome);
        facts.chain(beyond).max()
    }

    pub(super) fn all(self) -> Vec<Fact> {
        let mut facts = self.facts;
        facts.extend(self.beyond);
        facts
    }
}
