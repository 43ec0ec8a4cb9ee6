//! A store in memory, for tests and the simulation; it can be told to fail.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    Append, AppendError, Claim, Hash, Held, Liveness, Lock, LockError, Memo, Reply, Row, Store,
    StoreError, Stored, sorted,
};

/// Keeps the contract of a store as long as the process lives.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Inner>);

#[derive(Clone, Debug, Default)]
struct Inner {
    /// In the order in which they were made.
    runs: Vec<Run>,
    locks: BTreeMap<String, Held>,
    locks_made: u64,
    inbox: BTreeMap<String, Vec<Vec<u8>>>,
    memos: BTreeMap<String, Memo>,
    /// Appends that were asked for, since the beginning.
    appends: u64,
    fuse: Option<(u64, Blow)>,
    /// Why nothing is answered any more.
    out: bool,
    /// Its files were removed under whoever writes them.
    removed: bool,
}

#[derive(Clone, Debug)]
struct Run {
    id: String,
    meta: Vec<u8>,
    state: Vec<u8>,
    head: Option<Hash>,
    records: Vec<Vec<u8>>,
}

/// How an append fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blow {
    /// The power goes before the record is durable; nothing is answered until [`Memory::restart`].
    Before,
    /// The power goes after the record is durable, and before anybody is told.
    After,
    /// The disk is full; the reserve is freed, and the next append finds room.
    Full,
}

impl Memory {
    pub fn new() -> Memory {
        Memory::default()
    }

    /// Makes append number `number` fail, counted from 0 over the life of the store.
    pub fn fuse(&self, number: u64, blow: Blow) {
        self.inner().fuse = Some((number, blow));
    }

    /// How many appends were asked for so far.
    pub fn appends(&self) -> u64 {
        self.inner().appends
    }

    /// Removes everything while others go on writing it, as `rm -rf` does.
    pub fn remove(&self) {
        self.inner().removed = true;
    }

    /// The machine is on again: what was durable is there, and every process that held a lock is gone.
    pub fn restart(&self) {
        let mut inner = self.inner();
        inner.fuse = None;
        inner.out = false;
        inner.locks.clear();
    }

    /// A store of its own with the same in it.
    pub fn copy(&self) -> Memory {
        Memory(Mutex::new(self.inner().clone()))
    }

    /// Changes one byte of a record behind everybody's back.
    pub fn damage(&self, run: &str, seq: usize, byte: usize) {
        let mut inner = self.inner();
        let record = (inner.run(run).ok()).and_then(|run| run.records.get_mut(seq));
        if let Some(byte) = record.and_then(|record| record.get_mut(byte)) {
            *byte ^= 1;
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers at once, unless the power is out.
    fn answer<'a, T, E>(&self, job: impl FnOnce(&mut Inner) -> Result<T, E>) -> Reply<'a, T, E>
    where
        T: Send + 'a,
        E: From<StoreError> + Send + 'a,
    {
        let mut inner = self.inner();
        let answer = if inner.out {
            Err(out().into())
        } else {
            job(&mut inner)
        };
        Box::pin(std::future::ready(answer))
    }
}

fn out() -> StoreError {
    StoreError::Failed("the power is out".into())
}

impl Inner {
    fn run(&mut self, id: &str) -> Result<&mut Run, StoreError> {
        (self.runs.iter_mut())
            .find(|run| run.id == id)
            .ok_or_else(|| StoreError::NoSuchRun(id.to_owned()))
    }

    /// The first scope of a lock that is not held under its token.
    fn lost<'a>(&self, lock: &'a Lock) -> Option<&'a String> {
        (lock.scopes.iter())
            .find(|scope| (self.locks.get(*scope)).is_none_or(|held| held.token != lock.token))
    }

    fn append(&mut self, entry: Append) -> Result<(), AppendError> {
        if let Some(scope) = entry.under.as_ref().and_then(|lock| self.lost(lock)) {
            return Err(AppendError::LockLost(scope.clone()));
        }
        let run = self.run(&entry.run)?;
        let count = run.records.len() as u64;
        if entry.seq + 1 == count && run.head == Some(entry.hash) {
            return Ok(());
        }
        if entry.seq < count {
            return Err(AppendError::Taken { seq: entry.seq });
        }
        if entry.seq > count {
            let seq = entry.seq;
            return Err(AppendError::Gap { seq, count });
        }
        run.records.push(entry.bytes.to_vec());
        run.head = Some(entry.hash);
        run.state = entry.state;
        Ok(())
    }
}

impl Run {
    fn row(&self) -> Row {
        Row {
            run: self.id.clone(),
            meta: self.meta.clone(),
            state: self.state.clone(),
            head: self.head,
            count: self.records.len() as u64,
        }
    }
}

impl Store for Memory {
    fn create<'a>(&'a self, run: &'a str, meta: Vec<u8>) -> Reply<'a, ()> {
        self.answer(|inner| {
            if inner.run(run).is_ok() {
                return Err(StoreError::Exists(run.to_owned()));
            }
            inner.runs.push(Run {
                id: run.to_owned(),
                meta,
                state: Vec::new(),
                head: None,
                records: Vec::new(),
            });
            Ok(())
        })
    }

    fn append(&self, entry: Append) -> Reply<'_, (), AppendError> {
        self.answer(|inner| {
            let number = inner.appends;
            inner.appends += 1;
            if inner.removed {
                return Err(StoreError::Gone("the store was removed".into()).into());
            }
            let blow = match inner.fuse {
                Some((at, blow)) if at == number => Some(blow),
                _ => None,
            };
            match blow {
                None => inner.append(entry),
                Some(Blow::Full) => Err(AppendError::Full),
                Some(Blow::Before) => {
                    inner.out = true;
                    Err(out().into())
                }
                Some(Blow::After) => {
                    inner.append(entry)?;
                    inner.out = true;
                    Err(out().into())
                }
            }
        })
    }

    fn read<'a>(&'a self, run: &'a str, from: u64) -> Reply<'a, Stored> {
        self.answer(|inner| {
            let run = inner.run(run)?;
            let skip = usize::try_from(from).unwrap_or(usize::MAX);
            Ok(Stored {
                row: run.row(),
                records: run.records.iter().skip(skip).cloned().collect(),
            })
        })
    }

    fn holds<'a>(&'a self, run: &'a str, count: u64, head: Hash) -> Reply<'a, ()> {
        self.answer(|inner| {
            let gone = |what: &str| Err(StoreError::Gone(format!("the store {what}")));
            if inner.removed {
                return gone("was removed");
            }
            match inner.run(run) {
                Ok(run) if run.row().count == count && run.head.unwrap_or_default() == head => {
                    Ok(())
                }
                _ => gone("holds another journal"),
            }
        })
    }

    fn runs(&self) -> Reply<'_, Vec<Row>> {
        self.answer(|inner| Ok(inner.runs.iter().rev().map(Run::row).collect()))
    }

    fn set_meta<'a>(&'a self, run: &'a str, meta: Vec<u8>) -> Reply<'a, ()> {
        self.answer(|inner| {
            inner.run(run)?.meta = meta;
            Ok(())
        })
    }

    fn lock<'a>(&'a self, scopes: &'a [String], claim: Claim) -> Reply<'a, Lock, LockError> {
        self.answer(|inner| {
            let scopes = sorted(scopes);
            let taken: Vec<Held> = (scopes.iter())
                .filter_map(|scope| inner.locks.get(scope).cloned())
                .collect();
            if let Some(held) = (taken.iter()).find(|held| held.holder.liveness() != Liveness::Dead)
            {
                return Err(LockError::Held(Box::new(held.clone())));
            }
            inner.locks_made += 1;
            let token = format!("memory-{}", inner.locks_made);
            for scope in &scopes {
                let held = Held {
                    scope: scope.clone(),
                    token: token.clone(),
                    run: claim.run.clone(),
                    holder: claim.holder.clone(),
                    since: claim.at.clone(),
                };
                inner.locks.insert(scope.clone(), held);
            }
            Ok(Lock {
                token,
                scopes,
                taken_over: taken,
            })
        })
    }

    fn unlock<'a>(&'a self, token: &'a str) -> Reply<'a, ()> {
        self.answer(|inner| {
            inner.locks.retain(|_, held| held.token != token);
            Ok(())
        })
    }

    fn still_held<'a>(&'a self, lock: &'a Lock) -> Reply<'a, bool> {
        self.answer(|inner| Ok(inner.lost(lock).is_none()))
    }

    fn locks(&self) -> Reply<'_, Vec<Held>> {
        self.answer(|inner| Ok(inner.locks.values().cloned().collect()))
    }

    fn send<'a>(&'a self, run: &'a str, message: Vec<u8>) -> Reply<'a, ()> {
        self.answer(|inner| {
            inner.run(run)?;
            inner.inbox.entry(run.to_owned()).or_default().push(message);
            Ok(())
        })
    }

    fn messages<'a>(&'a self, run: &'a str) -> Reply<'a, Vec<Vec<u8>>> {
        self.answer(|inner| Ok(inner.inbox.get(run).cloned().unwrap_or_default()))
    }

    fn take<'a>(&'a self, run: &'a str) -> Reply<'a, Vec<Vec<u8>>> {
        self.answer(|inner| Ok(inner.inbox.remove(run).unwrap_or_default()))
    }

    fn remember(&self, memos: Vec<Memo>) -> Reply<'_, ()> {
        self.answer(|inner| {
            for memo in memos {
                inner.memos.insert(memo.key.clone(), memo);
            }
            Ok(())
        })
    }

    fn recall<'a>(&'a self, key: &'a str) -> Reply<'a, Option<Memo>> {
        self.answer(|inner| Ok(inner.memos.get(key).cloned()))
    }
}
