//! The append-only truth of a run, and the only source of permits.
//!
//! [`Live`] records and issues permits. [`Dry`] records and cannot: the type of its permits has no values,
//! so the branch of the engine that writes is compiled for a dry run and cannot be entered.

mod permit;

use std::future::Future;

use crate::event::{Event, Record};
pub use permit::{Intent, Permit};

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

/// Why a fact could not be made durable. The run stops before its next write.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("failed to write the journal: {0}")]
    Write(String),
    #[error("the journal is damaged at record {seq}: {why}")]
    Damaged { seq: u64, why: String },
    #[error("the lock `{0}` was lost to another run")]
    LockLost(String),
}
