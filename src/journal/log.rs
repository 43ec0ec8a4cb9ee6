//! What both journals do: number a fact, make it durable, then show it.

use std::sync::Arc;

use super::codec::{Chain, Sealed};
use super::{JournalError, Meta, Publisher, Summary};
use crate::clock::Clock;
use crate::event::{Event, Record};
use crate::plan::Way;
use crate::store::{Append, AppendError, Claim, Holder, Lock, LockError, Store, StoreError};

pub(super) struct Log {
    clock: Clock,
    publish: Publisher,
    chain: Chain,
    shelf: Option<Shelf>,
    summary: Option<Summary>,
    /// A record whose caller went away before its answer came. It may be durable: it is asked for again
    /// before anything else.
    unanswered: Option<(Sealed, Guard)>,
    broken: Option<String>,
    on_reserve: bool,
}

/// Where a log is kept, under a lock of this process.
pub(super) struct Shelf {
    pub(super) store: Arc<dyn Store>,
    pub(super) run: String,
    pub(super) lock: Lock,
}

/// What must still be true for a record to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    None,
    /// Every lock is held.
    Locked,
}

impl Shelf {
    /// Locks a run and its scopes. The run is a scope of its own, so that two processes cannot write it.
    pub(super) async fn lock(
        store: Arc<dyn Store>,
        run: &str,
        scopes: &[String],
        clock: &Clock,
    ) -> Result<Shelf, JournalError> {
        let mut all = vec![run_scope(run)];
        all.extend_from_slice(scopes);
        let claim = Claim {
            run: run.to_owned(),
            holder: Holder::this_process(),
            at: clock.now(),
        };
        let lock = store.lock(&all, claim).await.map_err(|error| match error {
            LockError::Held(held) => JournalError::Locked(held),
            LockError::Store(error) => JournalError::Store(error),
        })?;
        Ok(Shelf {
            store,
            run: run.to_owned(),
            lock,
        })
    }

    /// Makes the journal of a new run; without it the locks are of no use.
    pub(super) async fn create(&self, meta: &Meta) -> Result<(), JournalError> {
        let made = match serde_json::to_vec(meta) {
            Ok(bytes) => {
                let made = self.store.create(&self.run, bytes).await;
                made.map_err(JournalError::Store)
            }
            Err(error) => Err(JournalError::Write(error.to_string())),
        };
        if made.is_err() {
            self.unlock().await;
        }
        made
    }

    /// Gives the locks back. Where that fails they are taken over once this process has ended.
    pub(super) async fn unlock(&self) {
        let _left_to_the_next = self.store.unlock(&self.lock.token).await;
    }
}

/// The lock that says which process writes a run.
pub(super) fn run_scope(run: &str) -> String {
    format!("run {run}")
}

impl Log {
    pub(super) fn new(shelf: Option<Shelf>, clock: Clock, publish: Publisher) -> Log {
        Log {
            clock,
            publish,
            chain: Chain::default(),
            shelf,
            summary: None,
            unanswered: None,
            broken: None,
            on_reserve: false,
        }
    }

    /// Goes on behind records that were read.
    pub(super) fn continued(mut self, chain: Chain, records: &[Record]) -> Log {
        self.chain = chain;
        for record in records {
            self.summary = Some(Summary::after(self.summary.take(), record));
        }
        self
    }

    pub(super) fn shelf(&self) -> Option<&Shelf> {
        self.shelf.as_ref()
    }

    /// The disk was full, and the log lives on what was kept for the way back.
    pub(super) fn on_reserve(&self) -> bool {
        self.on_reserve
    }

    pub(super) async fn append(
        &mut self,
        event: Event,
        guard: Guard,
    ) -> Result<Record, JournalError> {
        self.land_unanswered().await?;
        let sealed = self.chain.seal(self.clock.now(), event)?;
        self.land(sealed, guard).await
    }

    /// Whether what was recorded so far is where whoever goes on with the run will look for it.
    pub(super) async fn is_in_place(&mut self) -> Result<(), JournalError> {
        self.land_unanswered().await?;
        let Some(shelf) = &self.shelf else {
            return Ok(());
        };
        let (count, head) = (self.chain.next(), self.chain.head());
        Ok(shelf.store.holds(&shelf.run, count, head).await?)
    }

    async fn land_unanswered(&mut self) -> Result<(), JournalError> {
        match self.unanswered.take() {
            Some((sealed, guard)) => self.land(sealed, guard).await.map(|_| ()),
            None => Ok(()),
        }
    }

    async fn land(&mut self, sealed: Sealed, guard: Guard) -> Result<Record, JournalError> {
        if let Some(why) = &self.broken {
            return Err(JournalError::Write(why.clone()));
        }
        let summary = Summary::after(self.summary.clone(), &sealed.record);
        if let Some(shelf) = &self.shelf {
            let entry = Append {
                run: shelf.run.clone(),
                seq: sealed.record.seq,
                bytes: sealed.bytes.clone(),
                hash: sealed.hash,
                state: serde_json::to_vec(&summary)
                    .map_err(|error| JournalError::Write(error.to_string()))?,
                under: (guard == Guard::Locked).then(|| shelf.lock.clone()),
            };
            let store = Arc::clone(&shelf.store);
            self.unanswered = Some((sealed.clone(), guard));
            let answer = self.stubbornly(&*store, entry, &sealed.record.event).await;
            self.unanswered = None;
            answer?;
        }
        self.chain.advance(&sealed);
        self.summary = Some(summary);
        (self.publish)(&sealed.record);
        Ok(sealed.record)
    }

    /// Asks a second time where that is safe and may help: the store answers `Ok` to a record that is there.
    async fn stubbornly(
        &mut self,
        store: &dyn Store,
        entry: Append,
        event: &Event,
    ) -> Result<(), JournalError> {
        let first = match store.append(entry.clone()).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if first == AppendError::Full {
            self.on_reserve = true;
            if leads_on(event) {
                return Err(JournalError::Full);
            }
        }
        let last = match first {
            AppendError::Full | AppendError::Store(_) => match store.append(entry).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            },
            definite => definite,
        };
        if let AppendError::LockLost(scope) = last {
            return Err(JournalError::LockLost(scope));
        }
        if let AppendError::Store(StoreError::Gone(why)) = last {
            self.broken = Some(why.clone());
            return Err(JournalError::Gone(why));
        }
        let why = last.to_string();
        self.broken = Some(why.clone());
        Err(JournalError::Write(why))
    }
}

/// Whether a fact leads to a write on the way there: on a full disk only the way back is allowed.
fn leads_on(event: &Event) -> bool {
    matches!(event, Event::Intended { way, .. } if *way == Way::There)
}
