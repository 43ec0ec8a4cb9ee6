//! The store of a real run: one SQLite database in the state folder.
//!
//! One thread owns the connection and takes requests from a queue. Appends that wait together become durable
//! together, in one transaction; so do memos. Other processes may read and write at the same time: it is a write-ahead
//! log, and every question that decides something is asked inside the transaction that acts on it.

mod place;
mod queries;
mod setup;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use futures::FutureExt;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::{
    Append, AppendError, Claim, Hash, Held, Lock, LockError, Memo, Reply, Row, Store, StoreError,
    Stored,
};
use place::Place;
use setup::Reserve;

/// The file of the database within the state folder.
pub(super) const FILE: &str = "cutover.sqlite3";

/// How long another process may keep the database busy for whoever writes a run.
const BUSY: Duration = Duration::from_secs(5);

/// The same for whoever looks: monitoring wants an answer, and reading waits for nobody who only writes.
const LOOK: Duration = Duration::from_secs(2);

/// After this a disk does not answer any more.
const DEADLINE: Duration = Duration::from_secs(60);

/// The most appends, or memos, that share one transaction.
const GROUP: usize = 64;

/// A store in one file of a folder.
#[derive(Clone, Debug)]
pub struct Sqlite {
    requests: mpsc::Sender<Request>,
    path: PathBuf,
}

enum Request {
    Append(Append, oneshot::Sender<Result<(), AppendError>>),
    Remember(Vec<Memo>, oneshot::Sender<Result<(), StoreError>>),
    Other(Box<dyn FnOnce(&mut Owner) + Send>),
}

/// What the thread owns.
struct Owner {
    db: Connection,
    path: PathBuf,
    place: Place,
    reserve: Reserve,
    /// Of the last record; forgotten with each write that is none.
    seen_held: Option<queries::SeenHeld>,
}

/// Why a transaction did not happen.
#[derive(Debug)]
enum Trouble {
    Sql(rusqlite::Error),
    Store(StoreError),
    Held(Box<Held>),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Trouble {
        Trouble::Sql(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        Trouble::Store(error)
    }
}

impl Sqlite {
    /// Opens the store of a state folder, and makes both where they are missing.
    pub fn open(dir: &Path) -> Result<Sqlite, StoreError> {
        Sqlite::open_within(dir, None)
    }

    /// Opens the store of a state folder as it is; `None` where there is none, and then none is made.
    pub fn open_existing(dir: &Path) -> Result<Option<Sqlite>, StoreError> {
        let there = setup::is_there(&dir.join(FILE))?;
        there.then(|| Sqlite::open(dir)).transpose()
    }

    /// An error where its disk has no room for a new run: what is kept in reserve is for the way back of those that
    /// are there.
    pub fn has_room(&self) -> Result<(), StoreError> {
        match setup::no_room_for_a_run(&self.path) {
            true => Err(StoreError::Full(self.path.display().to_string())),
            false => Ok(()),
        }
    }

    /// Opens a store that finds no room beyond `pages` of 4 KiB, as on a small disk.
    fn open_within(dir: &Path, pages: Option<u32>) -> Result<Sqlite, StoreError> {
        let path = dir.join(FILE);
        let mut reserve = setup::folder(dir, &path, pages)?;
        let db = setup::database(&path, pages, &mut reserve)?;
        let owner = Owner {
            place: Place::of(&path)?,
            db,
            path: path.clone(),
            reserve,
            seen_held: None,
        };
        let (requests, queue) = mpsc::channel();
        std::thread::Builder::new()
            .name("store".into())
            .spawn(move || owner.serve(&queue))
            .map_err(|error| {
                StoreError::Failed(format!("failed to start the store's thread: {error}"))
            })?;
        Ok(Sqlite { requests, path })
    }

    /// Runs `job` in one transaction and waits for its end.
    async fn within<T: Send + 'static>(
        &self,
        behavior: TransactionBehavior,
        job: impl Fn(&Connection) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let (tell, told) = oneshot::channel();
        let work = move |owner: &mut Owner| {
            let answer = owner.transact(behavior, &job);
            // Whoever asked may have gone away.
            let _gone = tell.send(answer);
        };
        self.hand_over(Request::Other(Box::new(work)))?;
        self.await_answer(told).await?
    }

    async fn looking<T: Send + 'static>(
        &self,
        job: impl Fn(&Connection) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, StoreError> {
        let answer = self.within(TransactionBehavior::Deferred, job).await;
        answer.map_err(|trouble| self.error(trouble))
    }

    async fn writing<T: Send + 'static>(
        &self,
        job: impl Fn(&Connection) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, StoreError> {
        let answer = self.within(TransactionBehavior::Immediate, job).await;
        answer.map_err(|trouble| self.error(trouble))
    }

    fn error(&self, trouble: Trouble) -> StoreError {
        told(&self.path, trouble)
    }

    fn hand_over(&self, request: Request) -> Result<(), StoreError> {
        self.requests.send(request).map_err(|_| self.gone())
    }

    async fn await_answer<T>(&self, told: oneshot::Receiver<T>) -> Result<T, StoreError> {
        match tokio::time::timeout(DEADLINE, told).await {
            Ok(answer) => answer.map_err(|_| self.gone()),
            Err(_) => Err(StoreError::Failed(format!(
                "`{}` did not answer within {}; look at its disk",
                self.path.display(),
                crate::clock::short(DEADLINE)
            ))),
        }
    }

    fn gone(&self) -> StoreError {
        StoreError::Failed(format!(
            "the thread that owns `{}` has ended",
            self.path.display()
        ))
    }
}

fn told(path: &Path, trouble: Trouble) -> StoreError {
    match trouble {
        Trouble::Store(error) => error,
        Trouble::Sql(error) => setup::told(path, &error),
        Trouble::Held(held) => StoreError::Failed(held.to_string()),
    }
}

impl Owner {
    /// Answers requests until nobody can ask any more.
    fn serve(mut self, queue: &mpsc::Receiver<Request>) {
        let mut next = queue.recv().ok();
        while let Some(request) = next.take() {
            match request {
                Request::Other(work) => work(&mut self),
                Request::Append(entry, tell) => {
                    let mut group = vec![(entry, tell)];
                    while next.is_none() && group.len() < GROUP {
                        match queue.try_recv() {
                            Ok(Request::Append(entry, tell)) => group.push((entry, tell)),
                            Ok(other) => next = Some(other),
                            Err(_) => break,
                        }
                    }
                    self.append(group);
                }
                Request::Remember(mut memos, tell) => {
                    let mut tell = vec![tell];
                    while next.is_none() && tell.len() < GROUP {
                        match queue.try_recv() {
                            Ok(Request::Remember(more, also)) => {
                                memos.extend(more);
                                tell.push(also);
                            }
                            Ok(other) => next = Some(other),
                            Err(_) => break,
                        }
                    }
                    self.remember(&memos, tell);
                }
            }
            next = next.or_else(|| queue.recv().ok());
        }
    }

    /// Makes a group of records durable in one transaction. One that is refused leaves the others alone.
    fn append(&mut self, group: Vec<(Append, oneshot::Sender<Result<(), AppendError>>)>) {
        let (entries, tell): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        let answers = self.append_all(&entries);
        for (tell, answer) in tell.into_iter().zip(answers) {
            let _gone = tell.send(answer);
        }
    }

    /// Keeps the memos of several looks that ended together in one transaction.
    fn remember(&mut self, memos: &[Memo], tell: Vec<oneshot::Sender<Result<(), StoreError>>>) {
        let job = |db: &Connection| queries::remember(db, memos);
        let answer = self.transact(TransactionBehavior::Immediate, &job);
        let answer = answer.map_err(|trouble| told(&self.path, trouble));
        for tell in tell {
            let _gone = tell.send(answer.clone());
        }
    }

    fn append_all(&mut self, entries: &[Append]) -> Vec<Result<(), AppendError>> {
        let all = |error: AppendError| vec![Err(error); entries.len()];
        if let Err(gone) = self.place.check() {
            return all(gone.into());
        }
        if self.reserve.take_news() {
            return all(AppendError::Full);
        }
        let mut seen = self.seen_held.take();
        let done = self.once(TransactionBehavior::Immediate, |db| {
            (entries.iter())
                .map(|entry| queries::append(db, entry, &mut seen))
                .collect::<Result<Vec<_>, Trouble>>()
        });
        match done {
            // Durable where nobody will look for it is not durable.
            Ok(answers) => match self.place.check() {
                Ok(()) => {
                    self.seen_held = seen;
                    answers
                }
                Err(gone) => all(gone.into()),
            },
            Err(Trouble::Sql(error)) if self.is_full(&error) && self.reserve.free(&self.db) => {
                match self.reserve.take_news() {
                    true => all(AppendError::Full),
                    false => self.append_all(entries),
                }
            }
            Err(Trouble::Sql(error)) => all(setup::told(&self.path, &error).into()),
            Err(Trouble::Store(error)) => all(error.into()),
            Err(Trouble::Held(held)) => all(AppendError::LockLost(held.scope)),
        }
    }

    fn is_full(&self, error: &rusqlite::Error) -> bool {
        setup::is_full(&self.path, error)
    }

    /// Runs `job` in a transaction; where the disk is full, once more in the room of the reserve.
    fn transact<T>(
        &mut self,
        behavior: TransactionBehavior,
        job: &dyn Fn(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        if !matches!(behavior, TransactionBehavior::Deferred) {
            self.seen_held = None;
        }
        match self.once(behavior, job) {
            Err(Trouble::Sql(error)) if self.is_full(&error) && self.reserve.free(&self.db) => {
                self.once(behavior, job)
            }
            answer => answer,
        }
    }

    fn once<T>(
        &mut self,
        behavior: TransactionBehavior,
        job: impl FnOnce(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        self.db.busy_timeout(match behavior {
            TransactionBehavior::Deferred => LOOK,
            _ => BUSY,
        })?;
        let transaction = self.db.transaction_with_behavior(behavior)?;
        let value = job(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }
}

impl Store for Sqlite {
    fn create<'a>(&'a self, run: &'a str, meta: Vec<u8>) -> Reply<'a, ()> {
        let run = run.to_owned();
        self.writing(move |db| queries::create(db, &run, &meta))
            .boxed()
    }

    fn append(&self, entry: Append) -> Reply<'_, (), AppendError> {
        async move {
            let (tell, told) = oneshot::channel();
            self.hand_over(Request::Append(entry, tell))?;
            self.await_answer(told).await?
        }
        .boxed()
    }

    fn read<'a>(&'a self, run: &'a str, from: u64) -> Reply<'a, Stored> {
        let run = run.to_owned();
        let path = self.path.display().to_string();
        self.looking(move |db| queries::read(db, &path, &run, from))
            .boxed()
    }

    fn holds<'a>(&'a self, run: &'a str, count: u64, head: Hash) -> Reply<'a, ()> {
        let run = run.to_owned();
        async move {
            let (tell, told) = oneshot::channel();
            let work = move |owner: &mut Owner| {
                let _gone = tell.send(owner.place.holds(&run, count, head));
            };
            self.hand_over(Request::Other(Box::new(work)))?;
            self.await_answer(told).await?
        }
        .boxed()
    }

    fn runs(&self) -> Reply<'_, Vec<Row>> {
        self.looking(queries::runs).boxed()
    }

    fn set_meta<'a>(&'a self, run: &'a str, meta: Vec<u8>) -> Reply<'a, ()> {
        let run = run.to_owned();
        self.writing(move |db| queries::set_meta(db, &run, &meta))
            .boxed()
    }

    fn lock<'a>(&'a self, scopes: &'a [String], claim: Claim) -> Reply<'a, Lock, LockError> {
        let scopes = super::sorted(scopes);
        async move {
            let job = move |db: &Connection| queries::lock(db, &scopes, &claim);
            match self.within(TransactionBehavior::Immediate, job).await {
                Ok(lock) => Ok(lock),
                Err(Trouble::Held(held)) => Err(LockError::Held(held)),
                Err(trouble) => Err(self.error(trouble).into()),
            }
        }
        .boxed()
    }

    fn unlock<'a>(&'a self, token: &'a str) -> Reply<'a, ()> {
        let token = token.to_owned();
        self.writing(move |db| queries::unlock(db, &token)).boxed()
    }

    fn still_held<'a>(&'a self, lock: &'a Lock) -> Reply<'a, bool> {
        let lock = lock.clone();
        self.looking(move |db| Ok(queries::lost(db, &lock)?.is_none()))
            .boxed()
    }

    fn locks(&self) -> Reply<'_, Vec<Held>> {
        self.looking(queries::locks).boxed()
    }

    fn send<'a>(&'a self, run: &'a str, message: Vec<u8>) -> Reply<'a, ()> {
        let run = run.to_owned();
        self.writing(move |db| queries::send(db, &run, &message))
            .boxed()
    }

    fn messages<'a>(&'a self, run: &'a str) -> Reply<'a, Vec<Vec<u8>>> {
        let run = run.to_owned();
        self.looking(move |db| queries::messages(db, &run)).boxed()
    }

    fn take<'a>(&'a self, run: &'a str) -> Reply<'a, Vec<Vec<u8>>> {
        let run = run.to_owned();
        async move {
            let asked = run.clone();
            // Asked all the time and mostly in vain, so the look comes first: it writes nothing.
            let any = self
                .looking(move |db| queries::has_messages(db, &asked))
                .await?;
            if !any {
                return Ok(Vec::new());
            }
            self.writing(move |db| queries::take(db, &run)).await
        }
        .boxed()
    }

    fn remember(&self, memos: Vec<Memo>) -> Reply<'_, ()> {
        async move {
            let (tell, told) = oneshot::channel();
            self.hand_over(Request::Remember(memos, tell))?;
            self.await_answer(told).await?
        }
        .boxed()
    }

    fn recall<'a>(&'a self, key: &'a str) -> Reply<'a, Option<Memo>> {
        let key = key.to_owned();
        self.looking(move |db| queries::recall(db, &key)).boxed()
    }
}

#[cfg(test)]
mod tests;
