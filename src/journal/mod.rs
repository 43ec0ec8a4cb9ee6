//! The append-only truth of a run, and the only source of permits.
//!
//! [`Live`] records and issues permits. [`Dry`] records and cannot: the type of its permits has no values,
//! so the branch of the engine that writes is compiled for a dry run and cannot be entered.

pub mod codec;
mod dry;
mod live;
mod log;
mod permit;
mod runs;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;

use crate::event::{Event, Record};
use crate::store::{Held, StoreError};
pub use dry::{Dry, Never};
pub use live::Live;
pub use permit::{Intent, Permit};
pub use runs::{Damaged, Follower, Listed, Meta, Run, Summary, first, list, read, run_id, runs};

/// Shows a record. It is called once a record is durable, in the order of the records, and must not block.
pub type Publisher = Arc<dyn Fn(&Record) + Send + Sync>;

/// A journal, live or dry.
pub trait Journal: sealed::Sealed + Send {
    /// What it hands out for a write: a [`Permit`], or a type with no values.
    type Leave<'j>: Into<Permit<'j>> + Send
    where
        Self: 'j;

    /// Makes a fact durable, and shows it afterwards.
    fn record(&mut self, event: Event)
    -> impl Future<Output = Result<Record, JournalError>> + Send;

    /// Makes an intent durable and hands out the key to that one write. `None` from a dry journal, which
    /// records that it would have written.
    fn intend(
        &mut self,
        intent: Intent,
    ) -> impl Future<Output = Result<Option<Self::Leave<'_>>, JournalError>> + Send;
}

mod sealed {
    /// Keeps journals to this module: a journal is a promise about writes.
    pub trait Sealed {}
}

/// Why a journal could not be written or read. A run stops before its next write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    #[error("failed to write the journal: {0}")]
    Write(String),
    /// Nothing is broken: what leads back can still be recorded.
    #[error("no space is left for the journal; what room there is, is for the way back only")]
    Full,
    #[error(
        "the journal is damaged at record {seq}: {why}; the run cannot go on, look at its changes by hand"
    )]
    Damaged { seq: u64, why: String },
    #[error(
        "record {seq} of the journal was written by another version of cutover, use that one: {why}"
    )]
    Newer { seq: u64, why: String },
    #[error("the lock `{0}` was lost to another run; `cutover runs` lists those that are alive")]
    LockLost(String),
    #[error("{0}; follow it with `cutover show --follow {run}`", run = .0.run)]
    Locked(Box<Held>),
    /// The run stops before its next write: nobody could put back what a journal does not tell.
    #[error("the journal is not under the run any more: {0}; nothing more is written without it")]
    Gone(String),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for JournalError {
    fn from(error: StoreError) -> JournalError {
        match error {
            StoreError::Gone(why) => JournalError::Gone(why),
            other => JournalError::Store(other),
        }
    }
}
