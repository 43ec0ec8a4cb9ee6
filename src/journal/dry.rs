//! The journal of a run that changes nothing.

use std::sync::Arc;

use super::log::{Guard, Log, Shelf};
use super::{Intent, Journal, JournalError, Meta, Permit, Publisher, sealed};
use crate::clock::Clock;
use crate::event::{Event, Record};
use crate::store::Store;

/// Records what would be done, and cannot issue a permit.
pub struct Dry(Log);

/// What a dry journal issues: nothing, ever. The type has no values.
#[derive(Clone, Copy, Debug)]
pub enum Never {}

impl From<Never> for Permit<'_> {
    fn from(never: Never) -> Self {
        match never {}
    }
}

impl Dry {
    /// A journal that is shown and not kept.
    pub fn shown(clock: Clock, publish: Publisher) -> Dry {
        Dry(Log::new(None, clock, publish))
    }

    /// A journal that is kept as well, so that `show` can tell of it.
    pub async fn kept(
        store: Arc<dyn Store>,
        run: &str,
        meta: &Meta,
        clock: Clock,
        publish: Publisher,
    ) -> Result<Dry, JournalError> {
        let shelf = Shelf::lock(store, run, &[], &clock).await?;
        shelf.create(meta).await?;
        Ok(Dry(Log::new(Some(shelf), clock, publish)))
    }

    /// Says that this process no longer writes the journal.
    pub async fn close(self) {
        if let Some(shelf) = self.0.shelf() {
            shelf.unlock().await;
        }
    }
}

impl sealed::Sealed for Dry {}

impl Journal for Dry {
    type Leave<'j> = Never;

    async fn record(&mut self, event: Event) -> Result<Record, JournalError> {
        self.0.append(event, Guard::None).await
    }

    async fn intend(&mut self, intent: Intent) -> Result<Option<Never>, JournalError> {
        let event = Event::WouldChange {
            entry: intent.entry,
        };
        self.0.append(event, Guard::None).await?;
        Ok(None)
    }
}
