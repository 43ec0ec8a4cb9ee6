//! A power cut at a chosen moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Counts moments, and cuts the power at one of them: whoever comes to it never goes on.
#[derive(Clone, Debug)]
pub struct Fuse(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    passed: AtomicU64,
    /// The moment at which it blows; `u64::MAX` is never.
    at: AtomicU64,
    blown: Notify,
}

impl Fuse {
    /// A fuse that never blows, and counts.
    pub fn never() -> Fuse {
        Fuse::at(u64::MAX)
    }

    /// A fuse that blows at the moment with this number, counted from 0.
    pub fn at(moment: u64) -> Fuse {
        Fuse(Arc::new(Inner {
            passed: AtomicU64::new(0),
            at: AtomicU64::new(moment),
            blown: Notify::new(),
        }))
    }

    /// How many moments have passed.
    pub fn passed(&self) -> u64 {
        self.0.passed.load(Ordering::SeqCst)
    }

    /// One moment: passes, or never returns.
    pub async fn moment(&self) {
        let now = self.0.passed.fetch_add(1, Ordering::SeqCst);
        if now == self.0.at.load(Ordering::SeqCst) {
            self.0.blown.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// Resolves when it has blown.
    pub async fn blown(&self) {
        self.0.blown.notified().await;
    }
}
