//! The journal of a run that changes things.

use std::sync::Arc;

use super::codec::Chain;
use super::log::{Guard, Log, Shelf};
use super::{Intent, Journal, JournalError, Meta, Permit, Publisher, sealed};
use crate::clock::Clock;
use crate::event::{Event, Record};
use crate::plan::Way;
use crate::store::{Held, Lock, Store};

/// Records durably, and issues permits.
///
/// It holds the locks of its run. Whoever drops it without [`Live::close`] leaves them to the end of the
/// process, after which anybody may take them over.
pub struct Live(Log);

impl Live {
    /// Begins the journal of a new run, and locks `scopes` for it.
    pub async fn begin(
        store: Arc<dyn Store>,
        run: &str,
        meta: &Meta,
        scopes: &[String],
        clock: Clock,
        publish: Publisher,
    ) -> Result<Live, JournalError> {
        let shelf = Shelf::lock(store, run, scopes, &clock).await?;
        shelf.create(meta).await?;
        Ok(Live(Log::new(Some(shelf), clock, publish)))
    }

    /// Goes on with the journal of an earlier run: locks what its plan locks, reads all of it, and checks it.
    pub async fn reopen(
        store: Arc<dyn Store>,
        run: &str,
        clock: Clock,
        publish: Publisher,
    ) -> Result<(Live, Vec<Record>), JournalError> {
        let scopes = scopes(Chain::read_first(&*store, run).await?.as_ref())?;
        let shelf = Shelf::lock(Arc::clone(&store), run, &scopes, &clock).await?;
        // All of it is read under the lock: until then, another process could go on writing.
        match Chain::read_run(&*store, run).await {
            Ok((chain, records)) => {
                let log = Log::new(Some(shelf), clock, publish).continued(chain, &records);
                Ok((Live(log), records))
            }
            Err(error) => {
                shelf.unlock().await;
                Err(error)
            }
        }
    }

    /// What the run has locked; `taken_over` says what dead runs had left behind.
    pub fn lock(&self) -> Option<&Lock> {
        self.0.shelf().map(|shelf| &shelf.lock)
    }

    /// The locks that were taken over from processes that ended without giving them back.
    pub fn taken_over(&self) -> &[Held] {
        self.lock().map_or(&[], |lock| &lock.taken_over)
    }

    /// The disk is full: only the way back may still be written.
    pub fn on_reserve(&self) -> bool {
        self.0.on_reserve()
    }

    /// Gives the locks back.
    pub async fn close(self) {
        if let Some(shelf) = self.0.shelf() {
            shelf.unlock().await;
        }
    }
}

/// What the plan of a journal locks. An empty journal was cut off before it could say so, and before it could
/// write anything.
fn scopes(first: Option<&Record>) -> Result<Vec<String>, JournalError> {
    match first.map(|record| &record.event) {
        Some(Event::Started { plan, .. }) => Ok(plan.locks.clone()),
        None => Ok(Vec::new()),
        Some(_) => Err(JournalError::Damaged {
            seq: 0,
            why: "it does not begin with its plan".into(),
        }),
    }
}

impl sealed::Sealed for Live {}

impl Journal for Live {
    type Leave<'j> = Permit<'j>;

    async fn record(&mut self, event: Event) -> Result<Record, JournalError> {
        self.0.append(event, Guard::None).await
    }

    async fn intend(&mut self, intent: Intent) -> Result<Option<Permit<'_>>, JournalError> {
        if self.0.on_reserve() && intent.way == Way::There {
            return Err(JournalError::Full);
        }
        self.0.is_in_place().await?;
        let event = Event::Intended {
            entry: intent.entry,
            way: intent.way,
            from: intent.from.clone(),
            to: intent.to.clone(),
            until: intent.until.clone(),
        };
        self.0.append(event, Guard::Locked).await?;
        Ok(Some(Permit::issue(self, intent)))
    }
}
