//! A store above another one, which appends in a way of its own.

use super::{
    Append, AppendError, Claim, Hash, Held, Lock, LockError, Memo, Reply, Row, Store, Stored,
};

/// Appends in a way of its own, and hands everything else down as it is.
pub trait Overlay: Send + Sync {
    /// The store below.
    fn below(&self) -> &dyn Store;

    /// What it does with a record; see [`Store::append`].
    fn add(&self, entry: Append) -> Reply<'_, (), AppendError>;
}

impl<S: Overlay> Store for S {
    fn append(&self, entry: Append) -> Reply<'_, (), AppendError> {
        self.add(entry)
    }

    fn create<'a>(&'a self, run: &'a str, meta: Vec<u8>) -> Reply<'a, ()> {
        self.below().create(run, meta)
    }

    fn read<'a>(&'a self, run: &'a str, from: u64) -> Reply<'a, Stored> {
        self.below().read(run, from)
    }

    fn holds<'a>(&'a self, run: &'a str, count: u64, head: Hash) -> Reply<'a, ()> {
        self.below().holds(run, count, head)
    }

    fn runs(&self) -> Reply<'_, Vec<Row>> {
        self.below().runs()
    }

    fn set_meta<'a>(&'a self, run: &'a str, meta: Vec<u8>) -> Reply<'a, ()> {
        self.below().set_meta(run, meta)
    }

    fn lock<'a>(&'a self, scopes: &'a [String], claim: Claim) -> Reply<'a, Lock, LockError> {
        self.below().lock(scopes, claim)
    }

    fn unlock<'a>(&'a self, token: &'a str) -> Reply<'a, ()> {
        self.below().unlock(token)
    }

    fn still_held<'a>(&'a self, lock: &'a Lock) -> Reply<'a, bool> {
        self.below().still_held(lock)
    }

    fn locks(&self) -> Reply<'_, Vec<Held>> {
        self.below().locks()
    }

    fn send<'a>(&'a self, run: &'a str, message: Vec<u8>) -> Reply<'a, ()> {
        self.below().send(run, message)
    }

    fn messages<'a>(&'a self, run: &'a str) -> Reply<'a, Vec<Vec<u8>>> {
        self.below().messages(run)
    }

    fn take<'a>(&'a self, run: &'a str) -> Reply<'a, Vec<Vec<u8>>> {
        self.below().take(run)
    }

    fn remember(&self, memos: Vec<Memo>) -> Reply<'_, ()> {
        self.below().remember(memos)
    }

    fn recall<'a>(&'a self, key: &'a str) -> Reply<'a, Option<Memo>> {
        self.below().recall(key)
    }
}
