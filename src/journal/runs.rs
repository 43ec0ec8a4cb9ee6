//! Runs as a list shows them, and their journals as a reader sees them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::JournalError;
use super::codec::Chain;
use super::log::run_scope;
use crate::clock::Stamp;
use crate::event::{Decision, Ending, Event, Record};
use crate::plan::{Direction, Given, Mode, Plan};
use crate::store::{Holder, Liveness, Row, Store};

/// What is known of a run from its beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Meta {
    pub playbook: String,
    /// The playbook's file, from the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    pub mode: Mode,
    pub direction: Direction,
    /// Who began it, and where: `root@ops1`.
    pub by: String,
    /// The version of cutover.
    pub version: String,
    pub began: Stamp,
    /// What it was asked for beside the playbook.
    #[serde(default, skip_serializing_if = "Given::is_nothing")]
    pub given: Given,
}

impl Meta {
    /// Of a run of this plan by this program, asked for with nothing beside the playbook.
    pub fn of(plan: &Plan, by: impl Into<String>, began: Stamp) -> Meta {
        Meta {
            playbook: plan.playbook.clone(),
            file: None,
            mode: plan.mode,
            direction: plan.direction.clone(),
            by: by.into(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            began,
            given: Given::default(),
        }
    }
}

/// What a list shows of a run without reading its journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// When the newest record was made.
    pub last: Stamp,
    /// It may have written something.
    pub wrote: bool,
    /// How it ended; `None` while it runs, where it was cut off, and once a person reopened it.
    pub ending: Option<Ending>,
    /// How much it left to be done; `None` in what an earlier version wrote.
    #[serde(default)]
    pub owed: Option<usize>,
    /// It remains where it is: somebody said so, or asked to put it back and did not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remains: bool,
    /// It had ended well, or was told to remain, when somebody asked to put it back: where it ends well again, nothing
    /// was, and it remains.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wanted_back: bool,
}

impl Summary {
    /// The summary of a run once `record` is its newest record.
    pub fn after(before: Option<Summary>, record: &Record) -> Summary {
        let intended = matches!(record.event, Event::Intended { .. });
        let owed = before.as_ref().map_or(Some(0), |summary| summary.owed);
        // What is said of it afterwards makes it no longer, and opens it no more.
        if let (Event::StaysSo { what, .. }, Some(before)) = (&record.event, &before) {
            return Summary {
                // What the run did not say that it owes was not counted.
                owed: owed.map(|owed| owed.saturating_sub(usize::from(what.is_none()))),
                ..before.clone()
            };
        }
        let remained = before.as_ref().is_some_and(|summary| summary.remains);
        let had_ended = before.as_ref().is_some_and(Summary::ended_well);
        let wanted = before.as_ref().is_some_and(|summary| summary.wanted_back);
        let back =
            matches!(&record.event, Event::Decided { decision, .. } if *decision == Decision::Back);
        Summary {
            last: record.at.clone(),
            remains: match &record.event {
                Event::Decided { decision, .. } => match decision {
                    Decision::Stay => true,
                    Decision::Back => false,
                    Decision::On | Decision::Again | Decision::Stop => remained,
                },
                Event::Ended { ending } => remained || wanted && is_well(*ending),
                _ => remained,
            },
            wanted_back: wanted || back && (remained || had_ended),
            wrote: intended || before.is_some_and(|summary| summary.wrote),
            owed: match &record.event {
                Event::Owes { .. } => owed.map(|owed| owed + 1),
                // Whoever goes on says anew what is left.
                Event::Resumed { .. } | Event::Decided { .. } => Some(0),
                _ => owed,
            },
            ending: match &record.event {
                Event::Ended { ending } => Some(*ending),
                _ => None,
            },
        }
    }

    fn ended_well(&self) -> bool {
        self.ending.is_some_and(is_well)
    }
}

fn is_well(ending: Ending) -> bool {
    matches!(ending, Ending::Done | Ending::DoneUnproven)
}

/// One run in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub id: String,
    pub meta: Meta,
    /// `None` before the first record.
    pub summary: Option<Summary>,
    pub records: u64,
    /// The process that writes it now; `None` where there is none.
    pub writer: Option<Holder>,
    /// What is wrong with its row in the list, where all of this was told from its journal.
    pub row_damage: Option<String>,
}

impl Run {
    /// Whether it ended well and stayed where it went; a drill did where somebody said that it remains there. What it
    /// leaves is to be as planned then, and as before where it went back.
    pub fn stayed(&self) -> bool {
        self.summary.as_ref().is_some_and(|summary| {
            summary.ended_well()
                && match self.meta.mode {
                    Mode::Check | Mode::Plan => false,
                    Mode::Drill => summary.remains,
                    Mode::Failover | Mode::Emergency => true,
                }
        })
    }
}

/// One run of which nothing can be told: neither its row in the list nor its journal is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    pub id: String,
    pub why: String,
    pub writer: Option<Holder>,
}

/// All that a store keeps of runs: what is damaged hides nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Newest first.
    pub runs: Vec<Run>,
    /// Newest first.
    pub damaged: Vec<Damaged>,
}

/// All runs that can be understood, newest first.
pub async fn runs(store: &dyn Store) -> Result<Vec<Run>, JournalError> {
    Ok(list(store).await?.runs)
}

/// All runs. A journal is read only where the row of its run is damaged: it holds all that the row does.
pub async fn list(store: &dyn Store) -> Result<Listed, JournalError> {
    let locks = store.locks().await?;
    let writer = |run: &str| {
        let scope = run_scope(run);
        (locks.iter())
            .find(|held| held.scope == scope && held.holder.liveness() != Liveness::Dead)
            .map(|held| held.holder.clone())
    };
    let mut listed = Listed::default();
    for row in store.runs().await? {
        let writer = writer(&row.run);
        match understood(&row) {
            Ok((meta, summary)) => listed.runs.push(Run {
                meta,
                summary,
                writer,
                records: row.count,
                id: row.run,
                row_damage: None,
            }),
            Err(why) => match read(store, &row.run).await.ok().and_then(retold) {
                Some((meta, summary)) => listed.runs.push(Run {
                    meta,
                    summary,
                    writer,
                    records: row.count,
                    id: row.run,
                    row_damage: Some(why),
                }),
                None => listed.damaged.push(Damaged {
                    id: row.run,
                    why,
                    writer,
                }),
            },
        }
    }
    Ok(listed)
}

fn understood(row: &Row) -> Result<(Meta, Option<Summary>), String> {
    let meta = understand(&row.meta)?;
    let summary = match row.state.as_slice() {
        [] => None,
        state => Some(understand(state)?),
    };
    Ok((meta, summary))
}

/// The words of the parser are for whoever wrote the bytes, and that was this program.
fn understand<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| {
        let why = match error.is_data() {
            true => "it is of another version of cutover",
            false => "its bytes are not those that were written",
        };
        format!("its row in the list is not understood: {why}")
    })
}

/// What a row holds, told from the journal of its run. Which file its playbook was in, only the row knew.
fn retold(records: Vec<Record>) -> Option<(Meta, Option<Summary>)> {
    let first = records.first()?;
    let Event::Started { plan, by, version } = &first.event else {
        return None;
    };
    // What else it was asked for, a journal does not tell.
    let meta = Meta {
        version: version.clone(),
        ..Meta::of(plan, by, first.at.clone())
    };
    let summary =
        (records.iter()).fold(None, |before, record| Some(Summary::after(before, record)));
    Some((meta, summary))
}

/// Reads and checks the whole journal of a run.
pub async fn read(store: &dyn Store, run: &str) -> Result<Vec<Record>, JournalError> {
    let (_, records) = Chain::read_run(store, run).await?;
    Ok(records)
}

/// The first record of a run, which holds its plan; it is told also where a later one is damaged.
pub async fn first(store: &dyn Store, run: &str) -> Result<Option<Record>, JournalError> {
    Chain::read_first(store, run).await
}

/// Reads a journal that may still grow, each record once.
pub struct Follower {
    store: Arc<dyn Store>,
    run: String,
    chain: Chain,
}

impl Follower {
    pub fn new(store: Arc<dyn Store>, run: impl Into<String>) -> Follower {
        Follower {
            store,
            run: run.into(),
            chain: Chain::default(),
        }
    }

    /// The records that were added since the last call.
    pub async fn news(&mut self) -> Result<Vec<Record>, JournalError> {
        self.chain.catch_up(&*self.store, &self.run).await
    }
}

impl Chain {
    pub(super) async fn read_run(
        store: &dyn Store,
        run: &str,
    ) -> Result<(Chain, Vec<Record>), JournalError> {
        let mut chain = Chain::default();
        let records = chain.catch_up(store, run).await?;
        Ok((chain, records))
    }

    /// Reads and checks the first record alone, which says what its run locks.
    pub(super) async fn read_first(
        store: &dyn Store,
        run: &str,
    ) -> Result<Option<Record>, JournalError> {
        let stored = store.read(run, 0).await?;
        (stored.records.first())
            .map(|bytes| Chain::default().read(bytes))
            .transpose()
    }

    /// Reads what is new, and compares the end with the head that the store keeps apart from the records.
    async fn catch_up(
        &mut self,
        store: &dyn Store,
        run: &str,
    ) -> Result<Vec<Record>, JournalError> {
        let stored = store.read(run, self.next()).await?;
        let mut ahead = self.clone();
        let records = (stored.records.iter())
            .map(|bytes| ahead.read(bytes))
            .collect::<Result<Vec<_>, _>>()?;
        let damaged = |seq: u64, why: &str| JournalError::Damaged {
            seq,
            why: why.to_owned(),
        };
        if ahead.next() != stored.row.count {
            return Err(damaged(ahead.next(), "records are missing at the end"));
        }
        if stored.row.head.unwrap_or_default() != ahead.head() {
            let newest = ahead.next().saturating_sub(1);
            return Err(damaged(
                newest,
                "it is not the one that the store knows as the newest",
            ));
        }
        *self = ahead;
        Ok(records)
    }
}

/// A new run's id, which sorts by time and can be typed: `20261122-030500-drill-k3f`.
pub fn run_id(now: &Stamp, mode: Mode) -> String {
    use std::hash::{BuildHasher, Hasher};
    // Each of these hashers starts with a random key of its own.
    let chance = std::hash::RandomState::new().build_hasher().finish();
    run_id_from(now, mode, chance)
}

/// Without letters that are mistaken for digits, or for each other.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn run_id_from(now: &Stamp, mode: Mode, chance: u64) -> String {
    let name = match mode {
        Mode::Check => "check",
        Mode::Plan => "plan",
        Mode::Drill => "drill",
        Mode::Failover => "failover",
        Mode::Emergency => "emergency",
    };
    let letters: String = (0..3)
        .map(|at| char::from(LETTERS[(chance >> (5 * at)) as usize % LETTERS.len()]))
        .collect();
    format!("{}-{name}-{letters}", now.wall.strftime("%Y%m%d-%H%M%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_sort_by_time_and_can_be_typed() {
        let at = |wall: &str| Stamp {
            wall: wall.parse().unwrap(),
            boot_ms: 0,
            boot_id: String::new(),
        };
        let id = run_id_from(
            &at("2026-11-22T03:05:00Z"),
            Mode::Drill,
            0b00001_00010_00011,
        );
        assert_eq!(id, "20261122-030500-drill-321");
        assert!(id < run_id(&at("2026-11-22T03:05:01Z"), Mode::Check));
        let some: std::collections::BTreeSet<_> = (0..20)
            .map(|_| run_id(&at("2026-11-22T03:05:00Z"), Mode::Drill))
            .collect();
        assert!(some.len() > 1);
    }
}
