//! What the machine lacks on which this runs: a family of addresses over which it has no route.

use std::collections::BTreeSet;

use super::probe::Family;
use crate::event::{Cause, Fact, Finding, Unseen};
use crate::plan::Outcome;

/// Over which families this machine has no route to what it was to ask, and the words of that.
#[derive(Default)]
pub(super) struct Lacks {
    families: BTreeSet<Family>,
    words: BTreeSet<String>,
}

impl Lacks {
    /// Takes in why something at an address of `family` was not seen.
    pub(super) fn take(&mut self, unseen: &Unseen, family: Option<Family>) {
        if unseen.cause == Cause::NoRoute {
            self.families.extend(family);
            self.words.insert(unseen.detail.clone());
        }
    }

    /// Whether nothing but that keeps a finding from being good.
    fn are_all(&self, finding: &Finding) -> bool {
        let mut bad = (finding.facts.iter())
            .filter(|fact| fact.outcome > Outcome::Warn)
            .peekable();
        let ours = |fact: &Fact| self.words.iter().any(|words| fact.actual.contains(words));
        bad.peek().is_some() && bad.all(ours)
    }

    /// Says what to do about it; `goes_on` is what the step may say to go on without. A route does not come by waiting:
    /// where only that is lacking, nobody looks again.
    pub(super) fn told(&self, mut finding: Finding, goes_on: &str) -> Finding {
        finding.final_ |= self.are_all(&finding);
        let families: Vec<String> = self.families.iter().map(Family::to_string).collect();
        match families.is_empty() {
            true => finding,
            false => finding.mend(format!(
                "look from a machine that has a route over {}; `{goes_on}` in the step goes on without",
                families.join(" and ")
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What somebody at a machine without IPv6 waits for.
    #[test]
    fn where_only_a_route_is_lacking_nobody_waits_for_it() {
        let fact = |outcome, actual: &str| Fact {
            outcome,
            what: "a name server".into(),
            expected: "an answer".into(),
            actual: actual.into(),
        };
        let detail = "`[2001:db8::53]:53` was not asked: this machine has no route over IPv6";
        let ours = || {
            fact(
                Outcome::Unknown,
                &format!("{detail}, so nothing is seen there"),
            )
        };
        let good = || fact(Outcome::Pass, "new");
        let late = || fact(Outcome::Late, "old");
        let silent = || fact(Outcome::Unknown, "did not answer");
        let cases = [
            (Cause::NoRoute, vec![ours(), good()], true),
            (Cause::NoRoute, vec![ours(), late()], false),
            (Cause::NoRoute, vec![ours(), silent()], false),
            (Cause::NoRoute, vec![good()], false),
            (Cause::NoRoute, vec![], false),
            (Cause::TimedOut, vec![ours()], false),
        ];
        for (cause, facts, is_final) in cases {
            let mut lacks = Lacks::default();
            lacks.take(&Unseen::new(cause, detail), Some(Family::V6));
            let finding = Finding::new(Outcome::Unknown, "not all was seen").facts(facts);
            let told = lacks.told(finding, "blocks = \"never\"");
            assert_eq!(told.final_, is_final, "{told:?}");
        }
    }
}
