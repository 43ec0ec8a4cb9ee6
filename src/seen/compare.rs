//! What has changed between two dry runs of one playbook: pure, and silent where nothing has.
//!
//! A dry run of every night is read by nobody who was told of nothing three times. So texts that differ from
//! run to run (ages, durations, counts, what a far side printed) are not compared: a row of a finding is
//! known by what was looked at, and compared by its outcome. Only rows whose text is made of stable values
//! ([`TELLS_VALUES`]) are compared by it too.

mod facts;
mod records;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{SeenCheck, SeenWorld};
use crate::clock::short;
use crate::plan::{Direction, Outcome};
use crate::words::count;
use facts::rows;

/// Kinds whose rows name values that stay the same until somebody changes them: versions of packages.
const TELLS_VALUES: &[&str] = &["packages"];

/// A check became slow where it takes so many times as long, and at least so much longer. Where it took less
/// than the last, it may not have looked at all, but reused what another run saw just before.
const SLOWER: u64 = 3;
const SLOWER_BY_MS: u64 = 10_000;
const LOOKED_MS: u64 = 1_000;

/// How many lines of a playbook are told on each side; the rest is counted.
const LINES: usize = 20;

/// One thing that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// The id of a step, or `playbook`, `cutover`, `direction`, `left as it is`.
    pub about: String,
    pub how: How,
    pub what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
    /// What was seen now, or then where it has vanished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    Appeared,
    Vanished,
    Changed,
}

impl Change {
    fn new(about: &str, how: How, what: impl Into<String>) -> Change {
        Change {
            about: about.to_owned(),
            how,
            what: what.into(),
            was: None,
            is: None,
            why: None,
        }
    }

    fn appeared(about: &str, what: impl Into<String>, is: impl Into<String>) -> Change {
        Change {
            is: Some(is.into()),
            ..Change::new(about, How::Appeared, what)
        }
    }

    fn vanished(about: &str, what: impl Into<String>, was: impl Into<String>) -> Change {
        Change {
            was: Some(was.into()),
            ..Change::new(about, How::Vanished, what)
        }
    }

    fn changed(
        about: &str,
        what: impl Into<String>,
        was: impl Into<String>,
        is: impl Into<String>,
    ) -> Change {
        Change {
            was: Some(was.into()),
            is: Some(is.into()),
            ..Change::new(about, How::Changed, what)
        }
    }

    fn because(self, why: impl Into<String>) -> Change {
        let why = Some(why.into()).filter(|why| !why.is_empty());
        Change { why, ..self }
    }
}

impl How {
    /// How it is marked in a list.
    pub fn sign(self) -> &'static str {
        match self {
            How::Appeared => "+",
            How::Vanished => "-",
            How::Changed => "~",
        }
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.how.sign(), self.what)?;
        match (&self.was, &self.is) {
            (Some(was), Some(is)) => write!(f, ": {is}, was {was}")?,
            (None, Some(one)) | (Some(one), None) => write!(f, ": {one}")?,
            (None, None) => {}
        }
        match &self.why {
            Some(why) => write!(f, ": {why}"),
            None => Ok(()),
        }
    }
}

/// What is not as it was, in the order of the playbook; or why the two cannot be compared.
pub fn changes(then: &SeenWorld, now: &SeenWorld) -> Result<Vec<Change>, String> {
    if then.playbook != now.playbook {
        return Err(format!(
            "it tells of the playbook `{}`, and this is `{}`",
            then.playbook, now.playbook
        ));
    }
    if then.mode != now.mode {
        return Err(format!(
            "it follows the rules of a {}, and this dry run those of a {}",
            then.mode, now.mode
        ));
    }
    let mut list = Vec::new();
    list.extend(playbook(&then.plan.text, &now.plan.text));
    if then.version != now.version {
        list.push(Change::changed(
            "cutover",
            "version",
            &then.version,
            &now.version,
        ));
    }
    let same_way = then.plan.direction == now.plan.direction;
    if !same_way {
        let text = |way: &Direction| format!("{} -> {}", way.source, way.target);
        let (was, is) = (text(&then.plan.direction), text(&now.plan.direction));
        list.push(Change::changed("direction", "goes", was, is));
    }
    // Seen from the other side every record set and every row is another one; that it is, was said.
    let mut edits = match same_way {
        true => records::changes(&then.plan, &now.plan),
        false => BTreeMap::new(),
    };
    let entries = now.plan.entries.iter();
    let gone = (then.plan.entries.iter())
        .filter(|entry| now.plan.entries.iter().all(|other| other.id != entry.id));
    for entry in entries.chain(gone) {
        list.extend(edits.remove(&entry.step).unwrap_or_default());
        list.extend(check(then.check(&entry.id), now.check(&entry.id), same_way));
    }
    if same_way {
        list.extend(records::stays(&then.plan, &now.plan));
    }
    Ok(list)
}

/// What was edited in the playbook, line by line.
fn playbook(then: &str, now: &str) -> Vec<Change> {
    if then == now {
        return Vec::new();
    }
    let mut balance: BTreeMap<&str, i64> = BTreeMap::new();
    for (text, weight) in [(then, -1), (now, 1)] {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            *balance.entry(line).or_default() += weight;
        }
    }
    let mut list = Vec::new();
    for (text, how, sign) in [(then, How::Vanished, -1), (now, How::Appeared, 1)] {
        let mut lines = 0;
        for line in text.lines() {
            if let Some(left) = balance.get_mut(line).filter(|left| **left * sign > 0) {
                *left -= sign;
                lines += 1;
                if lines <= LINES {
                    list.push(Change::new("playbook", how, line.trim()));
                }
            }
        }
        if lines > LINES {
            let more = count(lines - LINES, "more line");
            list.push(Change::new("playbook", how, more));
        }
    }
    if list.is_empty() {
        let what = "its lines stand in another order";
        list.push(Change::new("playbook", How::Changed, what));
    }
    list
}

/// What is not as it was with one check.
fn check(then: Option<&SeenCheck>, now: Option<&SeenCheck>, same_way: bool) -> Vec<Change> {
    let (was, is) = match (then, now) {
        (Some(was), Some(is)) => (was, is),
        (None, Some(is)) => {
            let new = Change::appeared(&is.id, "check", outcome(is)).because(headline(is));
            return vec![new];
        }
        (Some(was), None) => return vec![Change::vanished(&was.id, "check", outcome(was))],
        (None, None) => return Vec::new(),
    };
    let about = &is.id;
    let mut list = Vec::new();
    if outcome(was) != outcome(is) {
        let turned = Change::changed(about, "outcome", outcome(was), outcome(is));
        list.push(turned.because(headline(is)));
    }
    // Sights from before the first write are there even where the check shows itself only after it.
    if same_way && was.finding.is_some() == is.finding.is_some() {
        list.extend(rows(was, is));
    }
    list.extend(slower(was, is));
    list
}

fn outcome(check: &SeenCheck) -> String {
    (check.finding.as_ref()).map_or("not looked at".to_owned(), |f| f.outcome.to_string())
}

fn headline(check: &SeenCheck) -> String {
    let headline = check.finding.as_ref().map(|finding| &finding.headline);
    headline
        .or(check.not_looked_at.as_ref())
        .cloned()
        .unwrap_or_default()
}

/// A check that passes as before and takes much longer. One that does not pass is looked at until its
/// deadline, so its time says nothing.
fn slower(was: &SeenCheck, is: &SeenCheck) -> Option<Change> {
    let passes = |check: &SeenCheck| {
        (check.finding.as_ref()).is_some_and(|finding| finding.outcome <= Outcome::Warn)
    };
    let (before, after) = (was.took_ms?, is.took_ms?);
    let longer = before >= LOOKED_MS
        && after >= before.saturating_mul(SLOWER)
        && after.saturating_sub(before) >= SLOWER_BY_MS
        && passes(was)
        && passes(is);
    let text = |ms| short(std::time::Duration::from_millis(ms));
    longer.then(|| Change::changed(&is.id, "time to look", text(before), text(after)))
}

#[cfg(test)]
mod tests;
