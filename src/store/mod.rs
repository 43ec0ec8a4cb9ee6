//! Where journals live: bytes, locks, messages, baselines. It knows bytes and never events.
//!
//! A store keeps the two halves of an answer apart: `Ok(None)` or `Ok(false)` is a no, an error is "it cannot
//! be told". [`Sqlite`] is the store of a real run, [`Memory`] that of tests and of the simulation; one suite
//! of tests holds both to the same contract.

mod dir;
mod holder;
mod memory;
mod overlay;
mod sqlite;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::clock::Stamp;
pub use dir::{Found, Hints, NoStateDir, choose, is_missing, is_named, no_state, state_dir};
pub use holder::{Holder, Liveness};
pub use memory::{Blow, Memory};
pub use overlay::Overlay;
pub use sqlite::Sqlite;

/// A SHA-256 sum: the head of a run's chain of records.
pub type Hash = [u8; 32];

/// What a store answers, later.
pub type Reply<'a, T, E = StoreError> = BoxFuture<'a, Result<T, E>>;

/// Keeps the journals of runs, and what runs share: locks, messages, baselines.
///
/// Whatever was answered with `Ok` is durable.
pub trait Store: Send + Sync {
    /// Makes an empty journal. Refused where the run is there already.
    fn create<'a>(&'a self, run: &'a str, meta: Vec<u8>) -> Reply<'a, ()>;

    /// Adds one record, and in the same step sets the run's head, count and state.
    ///
    /// A number that is not the next one is refused. The very record that is the newest already is answered
    /// with `Ok`, so that an append whose answer was lost may be asked again.
    fn append(&self, entry: Append) -> Reply<'_, (), AppendError>;

    /// The records of a run from number `from` on, with its head and count as of the same moment.
    fn read<'a>(&'a self, run: &'a str, from: u64) -> Reply<'a, Stored>;

    /// Whether whoever opens the store now finds this journal: so many records of a run, and this head. An error
    /// is a no as well: the files were removed, moved, replaced or cut off.
    fn holds<'a>(&'a self, run: &'a str, count: u64, head: Hash) -> Reply<'a, ()>;

    /// All runs, newest first.
    fn runs(&self) -> Reply<'_, Vec<Row>>;

    /// Replaces what is said about a run.
    fn set_meta<'a>(&'a self, run: &'a str, meta: Vec<u8>) -> Reply<'a, ()>;

    /// Takes every scope or none. Scopes of dead holders are taken over.
    fn lock<'a>(&'a self, scopes: &'a [String], claim: Claim) -> Reply<'a, Lock, LockError>;

    /// Gives back all that was locked under a token. Nothing happens where it is not held any more.
    fn unlock<'a>(&'a self, token: &'a str) -> Reply<'a, ()>;

    /// Whether every scope of a lock is still held under its token.
    fn still_held<'a>(&'a self, lock: &'a Lock) -> Reply<'a, bool>;

    /// Everything that is locked, by the living and the dead.
    fn locks(&self) -> Reply<'_, Vec<Held>>;

    /// Leaves a message for a run.
    fn send<'a>(&'a self, run: &'a str, message: Vec<u8>) -> Reply<'a, ()>;

    /// A run's messages, oldest first; they stay where they are.
    fn messages<'a>(&'a self, run: &'a str) -> Reply<'a, Vec<Vec<u8>>>;

    /// Takes a run's messages out, oldest first.
    fn take<'a>(&'a self, run: &'a str) -> Reply<'a, Vec<Vec<u8>>>;

    /// Keeps each memo under its key, over what was there.
    fn remember(&self, memos: Vec<Memo>) -> Reply<'_, ()>;

    /// What was kept under a key.
    fn recall<'a>(&'a self, key: &'a str) -> Reply<'a, Option<Memo>>;
}

/// One record on its way into a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    pub run: String,
    pub seq: u64,
    /// Shared: a plan of thousands of record sets makes them long, and an append may have to be asked for again.
    pub bytes: Arc<[u8]>,
    /// The new head of the run.
    pub hash: Hash,
    /// What a list of runs shows of it without reading its records.
    pub state: Vec<u8>,
    /// Refused unless this lock is still held, which is looked at in the same transaction.
    pub under: Option<Lock>,
}

/// What a store holds of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub row: Row,
    /// From the number that was asked for, without a gap; the store has compared them with the count.
    pub records: Vec<Vec<u8>>,
}

/// One run in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub run: String,
    pub meta: Vec<u8>,
    /// From the newest record; empty before the first.
    pub state: Vec<u8>,
    /// The hash of the newest record; `None` before the first.
    pub head: Option<Hash>,
    pub count: u64,
}

/// Who asks for a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub run: String,
    pub holder: Holder,
    pub at: Stamp,
}

/// Scopes that this process holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    pub token: String,
    /// Sorted, each once.
    pub scopes: Vec<String>,
    /// What dead holders had left behind.
    pub taken_over: Vec<Held>,
}

/// One scope, and who holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub scope: String,
    pub token: String,
    pub run: String,
    pub holder: Holder,
    pub since: Stamp,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Held {
            scope, run, holder, ..
        } = self;
        let since = self.since.wall.strftime("%Y-%m-%d %H:%M:%S");
        write!(
            f,
            "`{scope}` is locked by run `{run}` ({holder}) since {since} UTC"
        )
    }
}

/// Bytes under a key, and when they were seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memo {
    pub key: String,
    pub bytes: Vec<u8>,
    pub at: Stamp,
}

/// Why a store could not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("there is no run `{0}`; `cutover runs` lists them")]
    NoSuchRun(String),
    #[error("run `{0}` is there already")]
    Exists(String),
    #[error("no space is left for `{0}`; make room and try again")]
    Full(String),
    #[error(
        "`{path}` cannot be opened or written: {why}; check its owner and mode, or choose another folder with `--state`"
    )]
    Denied { path: String, why: String },
    #[error(
        "`{path}` is damaged: {why}; keep a copy, and restore it or choose another folder with `--state`"
    )]
    Damaged { path: String, why: String },
    /// It may be whole: it cannot be read or written now.
    #[error("`{path}` cannot be read or written: {why}; look at its disk")]
    Disk { path: String, why: String },
    #[error(
        "`{path}` was written by a newer cutover (its schema is {found}, this one knows {known}); use that version"
    )]
    Newer {
        path: String,
        found: i64,
        known: i64,
    },
    /// What is written is not where anybody would look for it.
    #[error("{0}")]
    Gone(String),
    #[error(
        "`{0}` is kept busy by another process (a run that hangs, a backup, `sqlite3`?); try again"
    )]
    Busy(String),
    #[error("{0}")]
    Failed(String),
}

/// Why a record was not added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    #[error("record {seq} is there already: another process writes this run")]
    Taken { seq: u64 },
    #[error("record {seq} would leave a gap: {count} are there")]
    Gap { seq: u64, count: u64 },
    #[error("the lock `{0}` is not held any more")]
    LockLost(String),
    /// Told once: the reserve was given up, where there was one, and the same record may be asked for again.
    #[error("no space is left but for the way back")]
    Full,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a lock was not given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// By somebody who is alive, or of whom it cannot be told.
    #[error("{0}")]
    Held(Box<Held>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The scopes of a lock: sorted, each once.
fn sorted(scopes: &[String]) -> Vec<String> {
    let set: std::collections::BTreeSet<&String> = scopes.iter().collect();
    set.into_iter().cloned().collect()
}
