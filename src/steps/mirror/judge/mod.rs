//! The judgement of a mirror: pure, and never a pass where something could hide a difference.

mod covers;
mod files;
mod freshness;
mod since;

use std::iter;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::Limits;
use crate::clock::short;
use crate::event::{Advice, Cause, Fact, Finding, Unseen};
use crate::plan::Outcome;
use crate::step::{Evidence, Known};
use crate::words::count;

/// What is known of one look, in the words of this kind.
enum Seen<T> {
    /// Live, or recorded with its age and why it could not be seen now.
    Yes(T, Option<(Duration, Unseen)>),
    No(Unseen),
}

fn seen<T: DeserializeOwned>(evidence: &Evidence, key: &str) -> Option<Seen<T>> {
    let (json, recorded) = match evidence.get(key)? {
        Known::Live(json) => (json, None),
        Known::Recorded { fact, age, why } => (fact, Some((*age, why.clone()))),
        Known::Unseen(unseen) => return Some(Seen::No(unseen.clone())),
    };
    Some(match serde_json::from_value(json.clone()) {
        Ok(fact) => Seen::Yes(fact, recorded),
        Err(error) => Seen::No(Unseen::new(
            Cause::Garbled,
            format!("the record of an earlier run cannot be read: {error}"),
        )),
    })
}

/// The rows of a finding, and what its head is made of.
#[derive(Default)]
struct Rows {
    facts: Vec<Fact>,
    /// The sentence of the worst row so far.
    worst: Option<(Outcome, String)>,
    advice: Vec<Advice>,
    /// Sentences of what is well, for the head of a pass.
    well: Vec<String>,
    /// What is left out of each comparison: it is told beside whatever else is.
    left: Vec<String>,
    data_age: Option<Duration>,
    /// Repeating the look cannot mend it.
    lasting: bool,
}

impl Rows {
    fn row(
        &mut self,
        outcome: Outcome,
        what: &str,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) {
        let actual = actual.into();
        if self
            .worst
            .as_ref()
            .is_none_or(|(worst, _)| outcome > *worst)
        {
            self.worst = Some((outcome, actual.clone()));
        }
        self.facts.push(Fact {
            outcome,
            what: what.to_owned(),
            expected: expected.into(),
            actual,
        });
    }

    fn unseen(&mut self, what: &str, expected: &str, unseen: &Unseen) {
        self.row(
            Outcome::Unknown,
            what,
            expected,
            format!("{what} could not be told: {}", unseen.detail),
        );
    }

    /// Says that what follows was answered from an earlier run.
    fn recorded(&mut self, what: &str, recorded: Option<&(Duration, Unseen)>) {
        if let Some((age, why)) = recorded {
            let actual = format!("{what} as it was {} ago; now: {}", short(*age), why.detail);
            self.row(Outcome::Warn, what, "a look now", actual);
        }
    }

    /// The oldest of what was measured is what would be served.
    fn data_age(&mut self, age: Duration) {
        self.data_age = Some(self.data_age.map_or(age, |other| other.max(age)));
    }
}

pub(super) fn judge(limits: &Limits, evidence: &Evidence) -> Finding {
    let mut rows = Rows::default();
    let pairs: Vec<(&str, &str)> = (evidence.items.iter())
        .filter_map(|(key, _)| key.strip_prefix("tree ")?.split_once(" -> "))
        .collect();
    if pairs.is_empty() {
        return Finding::new(Outcome::Unknown, "no two hosts hold a mirror of each other")
            .mend("name the host that it takes over from in `stands-in-for` of a host")
            .is_final();
    }
    for (source, target) in pairs {
        let first = rows.facts.len();
        let same = files::trees(&mut rows, limits, evidence, source, target);
        covers::way(&mut rows, evidence, source, target);
        files::readable(&mut rows, evidence, source);
        files::samples(&mut rows, evidence, source, target);
        let compared = rows.facts[first..].iter().map(|fact| fact.outcome).max();
        let lag = freshness::stamps(&mut rows, limits, evidence, source, target);
        if let Some(age) = age(lag, same, compared.unwrap_or(Outcome::Unknown)) {
            rows.data_age(age);
        }
    }
    let (outcome, sentence) = match rows.worst {
        Some((Outcome::Pass, _)) | None => (Outcome::Pass, rows.well.join("; ")),
        // Nothing stops at a warning, and a person may read no further.
        Some((Outcome::Warn, sentence)) => {
            let all: Vec<String> = iter::once(sentence).chain(rows.left).collect();
            (Outcome::Warn, all.join("; "))
        }
        Some((outcome, sentence)) => (outcome, sentence),
    };
    let mut finding = Finding::new(outcome, sentence).facts(rows.facts);
    if outcome != Outcome::Pass {
        finding.advice = rows.advice;
    }
    finding.final_ = rows.lasting;
    if let Some(age) = rows.data_age {
        finding = finding.data_age(age);
    }
    finding
}

/// How old the data of the target is, by how far its stamp is behind, and by what its files showed. What is not the same is
/// not in step, whatever a stamp says; and that all is the same says nothing where something else was compared.
fn age(lag: Option<Duration>, same: bool, compared: Outcome) -> Option<Duration> {
    match lag {
        Some(lag) if lag.is_zero() => (compared != Outcome::Fail).then_some(lag),
        Some(lag) => Some(lag),
        None => (same && compared <= Outcome::Warn).then_some(Duration::ZERO),
    }
}

/// `1.5 GiB`.
fn size(bytes: u64) -> String {
    const UNITS: &[&str] = &["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return count(bytes, "byte");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}
