//! The disk of the fake world: a store in memory that knows which process asks.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::stage::Stage;
use super::theatre::Fate;
use crate::store::{
    Append, AppendError, Blow, Claim, Held, Lock, LockError, Memo, Memory, Reply, Row, Store,
    Stored,
};

/// What one process sees of the disk.
///
/// A process that was killed gets no answer any more. One whose lock was taken over is answered after the
/// process that took it has written its first line, as the real store would answer it.
pub(super) struct Disk {
    pub(super) stage: Stage,
    pub(super) memory: Arc<Memory>,
}

/// A line that is not, or just, written when the process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Severed {
    /// The number of the line, from 0.
    pub line: u64,
    /// [`Blow::Before`] or [`Blow::After`]; [`Blow::Full`] is the fault of a script instead.
    pub blow: Blow,
}

impl Disk {
    async fn add(&self, entry: Append) -> Result<(), AppendError> {
        match self.stage.fate() {
            Fate::Killed => std::future::pending().await,
            Fate::Robbed => {
                self.stage.robbed_until_another_wrote().await;
                let added = self.memory.append(entry).await;
                if added.is_ok() {
                    self.stage.wrote_a_line_without_the_lock();
                }
                return added;
            }
            Fate::Alive => {}
        }
        if let Ok(line) = std::str::from_utf8(&entry.bytes) {
            self.stage.wrote_down(line);
        }
        if self.stage.take_full() {
            return Err(AppendError::Full);
        }
        let severed = self.stage.severs(entry.seq);
        if severed == Some(Blow::Before) {
            self.stage.die();
            std::future::pending::<()>().await;
        }
        self.memory.append(entry).await?;
        self.stage.line_is_durable();
        if severed == Some(Blow::After) {
            self.stage.die();
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

impl Store for Disk {
    fn create<'a>(&'a self, run: &'a str, meta: Vec<u8>) -> Reply<'a, ()> {
        self.memory.create(run, meta)
    }

    fn append(&self, entry: Append) -> BoxFuture<'_, Result<(), AppendError>> {
        Box::pin(self.add(entry))
    }

    fn read<'a>(&'a self, run: &'a str, from: u64) -> Reply<'a, Stored> {
        self.memory.read(run, from)
    }

    fn runs(&self) -> Reply<'_, Vec<Row>> {
        self.memory.runs()
    }

    fn set_meta<'a>(&'a self, run: &'a str, meta: Vec<u8>) -> Reply<'a, ()> {
        self.memory.set_meta(run, meta)
    }

    fn lock<'a>(&'a self, scopes: &'a [String], claim: Claim) -> Reply<'a, Lock, LockError> {
        self.memory.lock(scopes, claim)
    }

    fn unlock<'a>(&'a self, token: &'a str) -> Reply<'a, ()> {
        self.memory.unlock(token)
    }

    fn still_held<'a>(&'a self, lock: &'a Lock) -> Reply<'a, bool> {
        self.memory.still_held(lock)
    }

    fn locks(&self) -> Reply<'_, Vec<Held>> {
        self.memory.locks()
    }

    fn send<'a>(&'a self, run: &'a str, message: Vec<u8>) -> Reply<'a, ()> {
        self.memory.send(run, message)
    }

    fn take<'a>(&'a self, run: &'a str) -> Reply<'a, Vec<Vec<u8>>> {
        self.memory.take(run)
    }

    fn remember(&self, memos: Vec<Memo>) -> Reply<'_, ()> {
        self.memory.remember(memos)
    }

    fn recall<'a>(&'a self, key: &'a str) -> Reply<'a, Option<Memo>> {
        self.memory.recall(key)
    }
}
