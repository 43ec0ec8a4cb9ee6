//! A zone as one transfer showed it, shared by all reads that it answers as well as a transfer of their own would.
//!
//! It answers a read that was asked for before the transfer began. A later one it answers where the server says by the
//! serial of the zone, asked for after the read was, that nobody has written since (RFC 1035, 3.3.13; a server that takes
//! updates raises it with each: RFC 2136, 3.6). Not every way into a server's data keeps to that: so a view is good for a
//! moment only, for none at all once a zone was seen to change under one serial, nor once an update of this run was sent
//! whose answer is missing, which may land at any time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use super::look::Reader;
use super::transfer::{TRANSFER_TIMEOUT, Whole};
use super::{TIMEOUT, message};
use crate::clock::{Clock, Stamp, short};
use crate::dns::Listing;
use crate::event::{Cause, Unseen};

/// For so long the serial alone may say that a view is still right.
const MOMENT: Duration = Duration::from_secs(1);

/// What was seen of the zones of one server.
#[derive(Debug, Default)]
pub(super) struct Views {
    /// By the name of the key, which may select what a server shows, and the zone.
    slots: Mutex<BTreeMap<(String, String), Arc<Slot>>>,
    /// Numbers what happens, in order.
    last: AtomicU64,
    updates: Mutex<Updates>,
    /// A zone changed under one serial.
    serials_stand_still: AtomicBool,
}

/// How many updates this run sent, and how many of them were answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Updates {
    sent: u64,
    answered: u64,
}

type Slot = tokio::sync::Mutex<Option<View>>;

#[derive(Clone, Debug)]
struct View {
    zone: Arc<Listing>,
    serial: u32,
    /// When the transfer began, or the newest question for the serial that found it unchanged.
    seen: u64,
    began: Stamp,
    /// What this run had written by then.
    updates: Updates,
}

impl Views {
    fn slot(&self, key: &str, zone: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry((key.to_owned(), zone.to_owned())).or_default())
    }

    /// What happens now is after all that happened before.
    fn now(&self) -> u64 {
        self.last.fetch_add(1, Ordering::SeqCst)
    }

    fn updates(&self) -> MutexGuard<'_, Updates> {
        self.updates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An update is about to be sent.
    pub(super) fn sends(&self) {
        self.updates().sent += 1;
    }

    /// The update was answered for certain, so it has done what it does.
    pub(super) fn was_answered(&self) {
        self.updates().answered += 1;
    }

    /// Whether a view may answer a later read, if the serial still is what it was.
    fn may_serve(&self, view: &View, now: &Stamp) -> bool {
        let updates = *self.updates();
        view.updates == updates
            && updates.sent == updates.answered
            && !self.serials_stand_still.load(Ordering::Relaxed)
            && now.since(&view.began) < MOMENT
    }

    /// Learns from two transfers of a zone, one after the other.
    fn compare(&self, old: &View, new: &View) {
        if old.serial == new.serial && old.zone != new.zone {
            self.serials_stand_still.store(true, Ordering::Relaxed);
        }
    }
}

impl Reader<'_> {
    /// The zone as it is at the moment, where a transfer of it is no longer than `limit`, in bytes.
    pub(super) async fn view(&self, limit: usize) -> Option<Arc<Listing>> {
        let asked = self.views.now();
        let slot = self.views.slot(&self.key.name, self.zone);
        // Whoever holds it waits for a server, and not for long.
        let mut held = timeout(TIMEOUT, slot.lock()).await.ok()?;
        if let Some(view) = held.as_mut()
            && self.is_still(view, asked).await
        {
            return Some(Arc::clone(&view.zone));
        }
        if limit <= self.no_transfer.load(Ordering::Relaxed) {
            return None;
        }
        let taken = timeout(TIMEOUT, self.take(&mut held, limit)).await;
        let taken = taken.ok().and_then(Result::ok);
        if taken.is_none() {
            self.no_transfer.fetch_max(limit, Ordering::Relaxed);
        }
        taken
    }

    /// The same, transferred anew.
    pub(super) async fn view_anew(&self, limit: usize) -> Result<Arc<Listing>, Unseen> {
        let slot = self.views.slot(&self.key.name, self.zone);
        // Whoever holds it transfers the zone, and not for longer than that.
        let Ok(mut held) = timeout(TRANSFER_TIMEOUT, slot.lock()).await else {
            let (zone, server) = (self.zone, self.server);
            let detail = format!(
                "other transfers of `{zone}` from `{server}` took longer than {}",
                short(TRANSFER_TIMEOUT)
            );
            return Err(Unseen::new(Cause::Frozen, detail));
        };
        self.take(&mut held, limit).await
    }

    /// Whether a view answers what was asked for at a time.
    async fn is_still(&self, view: &mut View, asked: u64) -> bool {
        let views = self.views;
        if view.seen >= asked && view.updates == *views.updates() {
            return true;
        }
        if !views.may_serve(view, &Clock::real().now()) {
            return false;
        }
        let now = views.now();
        let still = self.serial().await == Some(view.serial);
        // The answer took its time, in which this run may have written.
        let still = still && views.may_serve(view, &Clock::real().now());
        if still {
            view.seen = now;
        }
        still
    }

    /// The serial of the zone at the server.
    pub(super) async fn serial(&self) -> Option<u32> {
        let question = message::soa(self.zone).ok()?;
        let replies = self
            .ask(vec![(self.zone.to_owned(), question)])
            .await
            .ok()?;
        replies.first()?.serial_of(self.zone)
    }

    /// Transfers the zone, in place of an older view of it.
    async fn take(&self, held: &mut Option<View>, limit: usize) -> Result<Arc<Listing>, Unseen> {
        let views = self.views;
        let (updates, seen) = (*views.updates(), views.now());
        let began = Clock::real().now();
        let old = held.take();
        let Whole { listing, serial } = self.transfer(limit).await?;
        let new = View {
            zone: Arc::new(listing),
            serial,
            seen,
            began,
            updates,
        };
        if let Some(old) = old {
            views.compare(&old, &new);
        }
        Ok(Arc::clone(&held.insert(new).zone))
    }
}

#[cfg(test)]
mod tests;
