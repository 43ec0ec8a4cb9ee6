//! What a dry run really saw, as one document: the plan, each finding, what stayed unseen.
//!
//! `cutover plan --out-world` writes it, `simulate --world` starts its made-up world from it, and
//! `plan --compare` tells what has changed since. It is made from the records of a dry run and what the
//! playbook says of its zones, and holds nothing that the plan and the journal may not hold: no secret.

mod compare;

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::Stamp;
use crate::dns::Honesty;
use crate::event::{Ending, Event, Finding, Record, Sight};
use crate::plan::{self, Entry, Mode, Outcome, Plan};

pub use compare::{Change, How, changes};

/// The version of the document.
pub const FORMAT: u32 = 1;

/// The largest document that is read: that of 100,000 record sets has room in it.
pub const LARGEST: usize = 64 << 20;

/// What one dry run saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SeenWorld {
    pub format: u32,
    /// The playbook's name.
    pub playbook: String,
    /// SHA-256 of the resolved text of the playbook ([`Plan::text`]), in hexadecimal digits.
    pub digest: String,
    /// The version of cutover that looked.
    pub version: String,
    /// When the looking began; the survey stands just before it.
    pub began: Timestamp,
    pub took_ms: u64,
    /// Whose rules it followed: a failover's or an emergency's.
    pub mode: Mode,
    /// Direction, each edit with the record sets before and after, what stays as it is.
    pub plan: Plan,
    /// Every check of the plan, in its order.
    pub checks: Vec<SeenCheck>,
    /// By name. Empty where it was made from a journal alone, which does not tell.
    pub zones: Vec<SeenZone>,
    /// How it ended; `None` where it was cut off.
    pub ending: Option<Ending>,
}

/// What was seen of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SeenCheck {
    /// The id of its entry in the plan.
    pub id: String,
    pub kind: String,
    pub finding: Option<Finding>,
    /// Why there is no finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_looked_at: Option<String>,
    /// From the beginning of its batch until it was judged.
    pub took_ms: Option<u64>,
    /// Rows of the finding that are unknown, and sights from before the first write that failed.
    pub unseen: Vec<NotSeen>,
}

/// One thing that could not be told, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NotSeen {
    pub what: String,
    pub why: String,
}

/// A zone, and what a write to it can promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SeenZone {
    pub name: String,
    /// The provider's id in the playbook.
    pub provider: String,
    /// The provider's kind: `rfc2136`.
    pub kind: String,
    pub promise: Honesty,
    /// In seconds.
    pub smallest_ttl: u32,
}

/// Why a file tells of no dry run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoWorld {
    #[error("it is larger than {} MiB", LARGEST >> 20)]
    TooLarge,
    #[error(
        "it is neither a file of `plan --out-world` nor the output of `plan --format json`: {0}"
    )]
    Garbled(String),
    #[error(
        "it has format {0}, and this program knows {FORMAT}; make it anew with `plan --out-world`"
    )]
    Format(u32),
    #[error(
        "its plan has format {given}, and this program knows {known}; make it anew with `plan --out-world`",
        known = plan::FORMAT
    )]
    PlanFormat { given: u32 },
    #[error("it tells of a {0}, and only a dry run (`cutover plan`) can be compared")]
    NoDryRun(Mode),
}

impl SeenWorld {
    /// What the records of a dry run tell. `zones` is what the playbook knows of its zones.
    pub fn of(records: &[Record], zones: Vec<SeenZone>) -> Result<SeenWorld, NoWorld> {
        let Some((first, last)) = records.first().zip(records.last()) else {
            return Err(NoWorld::Garbled("it is empty".to_owned()));
        };
        let Event::Started { plan, version, .. } = &first.event else {
            let why = "its first record is not the beginning of a run".to_owned();
            return Err(NoWorld::Garbled(why));
        };
        let ending = records.iter().rev().find_map(|record| match record.event {
            Event::Ended { ending } => Some(ending),
            _ => None,
        });
        let checks = plan.entries.iter().enumerate();
        let checks = checks
            .filter(|(_, entry)| entry.is_check())
            .map(|(index, entry)| check(index, entry, records))
            .collect();
        SeenWorld {
            format: FORMAT,
            playbook: plan.playbook.clone(),
            digest: HEXLOWER.encode(&Sha256::digest(plan.text.as_bytes())),
            version: version.clone(),
            began: first.at.wall,
            took_ms: millis(&first.at, &last.at),
            mode: match plan.goes_back {
                true => Mode::Failover,
                false => Mode::Emergency,
            },
            plan: Plan::clone(plan),
            checks,
            zones,
            ending,
        }
        .checked()
    }

    /// Reads a document, or the records that `plan --format json` prints, one in each line.
    pub fn read(bytes: &[u8]) -> Result<SeenWorld, NoWorld> {
        /// What tells a document from a record, and one format from another.
        #[derive(Deserialize)]
        struct Head {
            format: Option<u32>,
        }
        if bytes.len() > LARGEST {
            return Err(NoWorld::TooLarge);
        }
        let garbled = |error: serde_json::Error| NoWorld::Garbled(error.to_string());
        let mut lines = serde_json::Deserializer::from_slice(bytes).into_iter::<Head>();
        match lines.next() {
            Some(Ok(Head {
                format: Some(FORMAT),
            })) => {
                let world: SeenWorld = serde_json::from_slice(bytes).map_err(garbled)?;
                world.checked()
            }
            Some(Ok(Head {
                format: Some(other),
            })) => Err(NoWorld::Format(other)),
            Some(Ok(Head { format: None })) => {
                let records = serde_json::Deserializer::from_slice(bytes).into_iter::<Record>();
                let records: Vec<Record> = records.collect::<Result<_, _>>().map_err(garbled)?;
                SeenWorld::of(&records, Vec::new())
            }
            Some(Err(error)) => Err(garbled(error)),
            None => Err(NoWorld::Garbled("it is empty".to_owned())),
        }
    }

    fn checked(self) -> Result<SeenWorld, NoWorld> {
        match (self.plan.format, self.plan.mode) {
            (plan::FORMAT, Mode::Plan) => Ok(self),
            (plan::FORMAT, other) => Err(NoWorld::NoDryRun(other)),
            (given, _) => Err(NoWorld::PlanFormat { given }),
        }
    }

    /// Whether every check that could be looked at was seen to be good.
    pub fn is_all_seen(&self) -> bool {
        let good = |check: &SeenCheck| {
            let mut found = check.finding.iter();
            check.unseen.is_empty() && found.all(|finding| finding.outcome <= Outcome::Warn)
        };
        self.ending.is_some() && self.checks.iter().all(good)
    }

    /// What was seen of a check, by the id of its entry.
    pub fn check(&self, id: &str) -> Option<&SeenCheck> {
        self.checks.iter().find(|check| check.id == id)
    }
}

/// What the records tell of one check.
fn check(index: usize, entry: &Entry, records: &[Record]) -> SeenCheck {
    let mut unseen = BTreeSet::new();
    let mut found = None;
    // A batch begins with the fact that stands before its first finding. The sights from before the first
    // write are taken meanwhile.
    let mut began: Option<&Stamp> = None;
    for record in records {
        match &record.event {
            Event::Looked { entry, finding, .. } if *entry == index => {
                let took = began.map(|began| millis(began, &record.at));
                found = Some((finding.clone(), took));
            }
            Event::Looked { .. } => {}
            Event::BaselineTaken { sights } => {
                unseen.extend(sights.iter().filter_map(|sight| not_seen(entry, sight)));
            }
            _ => began = Some(&record.at),
        }
    }
    let (finding, took_ms) = found.unzip();
    let facts = finding.iter().flat_map(|finding| &finding.facts);
    let unknown = facts.filter(|fact| fact.outcome == Outcome::Unknown);
    unseen.extend(unknown.map(|fact| NotSeen {
        what: fact.what.clone(),
        why: fact.actual.clone(),
    }));
    let why = match (entry.there, entry.after_change) {
        (_, true) => "it shows itself only after the change",
        (false, _) => "it takes no part in this kind of run",
        (true, _) => "the dry run ended before it",
    };
    let not_looked_at = finding.is_none().then(|| why.to_owned());
    SeenCheck {
        id: entry.id.clone(),
        kind: entry.kind.clone(),
        finding,
        not_looked_at,
        took_ms: took_ms.flatten(),
        unseen: unseen.into_iter().collect(),
    }
}

fn not_seen(entry: &Entry, sight: &Sight) -> Option<NotSeen> {
    let why = sight.seen.as_ref().err()?;
    (sight.step == entry.step).then(|| NotSeen {
        what: sight.key.clone(),
        why: why.detail.clone(),
    })
}

fn millis(from: &Stamp, to: &Stamp) -> u64 {
    u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
