//! How many sessions a far host allows over one connection: learnt where it refuses one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::sleep;

/// Sessions at one time over one connection. sshd allows ten unless it is told otherwise.
const MOST: usize = 6;

/// How long it may take until a session that has ended here is free there.
const PAUSE: Duration = Duration::from_millis(50);

/// The sessions of one connection.
pub(super) struct Sessions {
    free: Semaphore,
    allowed: AtomicUsize,
    /// Whether one was ever refused.
    refused: AtomicBool,
    /// Whether one was ever given.
    given: AtomicBool,
}

impl Sessions {
    pub(super) fn new() -> Sessions {
        Sessions {
            free: Semaphore::new(MOST),
            allowed: AtomicUsize::new(MOST),
            refused: false.into(),
            given: false.into(),
        }
    }

    /// Waits for a session to be free.
    pub(super) async fn take(&self) -> Option<SemaphorePermit<'_>> {
        self.free.acquire().await.ok()
    }

    /// The far side has given a session.
    pub(super) fn give(&self) {
        self.given.store(true, Ordering::Relaxed);
    }

    /// The far side has refused a session. Where others are open, it allows no more than those: from now on one less
    /// is asked for at a time. Where none is, the last one has not ended there yet.
    pub(super) async fn refuse(&self, place: SemaphorePermit<'_>) {
        self.refused.store(true, Ordering::Relaxed);
        let allowed = self.allowed.load(Ordering::Relaxed);
        let open = allowed.saturating_sub(self.free.available_permits());
        let fewer = allowed.saturating_sub(1);
        let learn = open > 1
            && (self.allowed)
                .compare_exchange(allowed, fewer, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if learn {
            place.forget();
        } else {
            sleep(PAUSE).await;
        }
    }

    /// Why no session was free in time.
    pub(super) fn busy(&self) -> &'static str {
        let refused = self.refused.load(Ordering::Relaxed);
        match (refused, self.given.load(Ordering::Relaxed)) {
            (false, _) => "is busy with other questions",
            (true, true) => {
                "is busy with other questions: it refuses more sessions at a time (`MaxSessions` in its sshd_config)"
            }
            (true, false) => {
                "lets the account in and refuses it every session (`MaxSessions` in its sshd_config may be 0)"
            }
        }
    }
}
