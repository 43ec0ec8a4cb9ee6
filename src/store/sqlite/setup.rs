//! The folder, the database with its schema, and the reserve for a full disk.
#![expect(
    clippy::disallowed_methods,
    reason = "this module makes the files of the store, before anything async runs"
)]

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use rustix::fs::FallocateFlags;

use super::LOOK;
use crate::store::StoreError;

/// `PRAGMA application_id`: tells our files from other programs'.
const APPLICATION: i64 = 0x6375_746f;

/// `PRAGMA user_version`: the schema that this program knows.
pub(super) const SCHEMA: i64 = 1;

const TABLES: &str = "
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        run TEXT NOT NULL UNIQUE,
        meta BLOB NOT NULL,
        state BLOB NOT NULL,
        head BLOB,
        count INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE records (
        run TEXT NOT NULL REFERENCES runs (run),
        seq INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        UNIQUE (run, seq)
    ) STRICT;
    CREATE TABLE locks (
        scope TEXT PRIMARY KEY,
        token TEXT NOT NULL,
        held TEXT NOT NULL
    ) STRICT;
    CREATE TABLE inbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL REFERENCES runs (run),
        message BLOB NOT NULL
    ) STRICT;
    CREATE TABLE memos (
        key TEXT PRIMARY KEY,
        bytes BLOB NOT NULL,
        at TEXT NOT NULL
    ) STRICT;
";

/// How much is kept free for the way back, in bytes.
const RESERVE: u32 = 1 << 20;

const PAGE: u32 = 4096;

/// What opening a database takes on a disk without room, in bytes: its shared index (32 KiB), and some of its log.
const TO_OPEN: u32 = 1 << 18;

/// Space that is given up when the disk is full.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    kept: bool,
    /// The disk is full, and no append was told so yet.
    news: bool,
    /// An append was told so.
    told: bool,
    pages: Option<u32>,
}

impl Reserve {
    fn keep(path: PathBuf, pages: Option<u32>) -> Result<Reserve, StoreError> {
        let whole = match fill(&path) {
            Ok(()) => true,
            // There is no room for all of it now: the run is told at its first append, and what there is helps it
            // back.
            Err(error) if error.kind() == ErrorKind::StorageFull => false,
            Err(error) => return Err(denied(&path, error)),
        };
        Ok(Reserve {
            kept: std::fs::metadata(&path).is_ok_and(|file| file.len() > 0),
            path,
            news: !whole,
            told: false,
            pages,
        })
    }

    /// Gives up what opening the database takes, and keeps the rest; false where there is none to give.
    fn lend(&mut self) -> bool {
        let lend = || {
            let file = OpenOptions::new().write(true).open(&self.path)?;
            let size = file.metadata()?.len();
            file.set_len(size.saturating_sub(TO_OPEN.into()))?;
            std::io::Result::Ok(size)
        };
        self.news = true;
        lend().is_ok_and(|size| size > 0)
    }

    /// Gives the space up; false where there is none to give.
    pub(super) fn free(&mut self, db: &Connection) -> bool {
        if !self.kept {
            return false;
        }
        self.kept = false;
        self.news = !self.told;
        if let Some(pages) = self.pages
            && limit(db, pages + RESERVE / PAGE).is_err()
        {
            return false;
        }
        let given = std::fs::remove_file(&self.path).is_ok();
        if given && let Some(database) = db.path() {
            take(&beside(Path::new(database), "-wal"));
        }
        given
    }

    /// Whether no append was told yet that the disk is full; now one is.
    pub(super) fn take_news(&mut self) -> bool {
        self.told |= self.news;
        std::mem::take(&mut self.news)
    }
}

/// Takes what was just given up for the log of the database, before another writer of the disk does: blocks behind its
/// end, which the next records need. A file system that cannot do that gives them to whoever comes first.
///
/// SQLite holds its locks on other files: of this one a handle may be closed.
fn take(log: &Path) {
    let Ok(file) = OpenOptions::new().write(true).open(log) else {
        return;
    };
    let end = file.metadata().map_or(0, |log| log.len());
    // Some of it is what the file system needs to say where the rest is.
    let most = u64::from(RESERVE - RESERVE / 8);
    let _taken = rustix::fs::fallocate(&file, FallocateFlags::KEEP_SIZE, end, most);
}

/// Makes the folder (for its owner alone), an empty database and the reserve, where they are missing.
pub(super) fn folder(dir: &Path, file: &Path, pages: Option<u32>) -> Result<Reserve, StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| denied(dir, error))?;
    if !is_there(file)? {
        make(dir, file)?;
    }
    Reserve::keep(dir.join("reserve"), pages)
}

/// Makes a database under another name and moves it to its place when it is whole: what is found there is never
/// half made, so an empty file is one that was cut to nothing.
fn make(dir: &Path, file: &Path) -> Result<(), StoreError> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!(".{}-{number}.new", std::process::id());
    let new = dir.join(name);
    let _left_by_a_dead_process = std::fs::remove_file(&new);
    let made = made_at(&new).and_then(|()| match std::fs::hard_link(&new, file) {
        // Another process was faster; both are alike.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == ErrorKind::StorageFull => Err(denied(file, error)),
        // Not every file system has links.
        Err(_) => std::fs::rename(&new, file).map_err(|error| denied(file, error)),
        Ok(()) => Ok(()),
    });
    let _moved = std::fs::remove_file(&new);
    made
}

fn made_at(new: &Path) -> Result<(), StoreError> {
    for_whom(new).and_then(|()| {
        let mut db = Connection::open(new).map_err(|error| told(new, &error))?;
        match prepare(&mut db).map_err(|error| told(new, &error))? {
            Found::NoWal => Err(no_wal(new)),
            _ => db.close().map_err(|(_, error)| told(new, &error)),
        }
    })
}

/// Makes an empty file, for its owner alone, or for the group of a folder that hands its group on.
fn for_whom(new: &Path) -> Result<(), StoreError> {
    let file = private().open(new).map_err(|error| denied(new, error))?;
    share(&file, new).map_err(|error| denied(new, error))
}

/// Whether the files of this folder are its group's as well: it is a team's, set up with `chmod 2770`.
fn is_shared(dir: &Path) -> bool {
    const HANDS_ITS_GROUP_ON: u32 = 0o2020;
    std::fs::metadata(dir)
        .is_ok_and(|dir| dir.permissions().mode() & HANDS_ITS_GROUP_ON == HANDS_ITS_GROUP_ON)
}

/// Gives a new file to the owner of its folder where root makes it: monitoring that looks as root shuts nobody out.
/// Opens a file of a shared folder to its group, whatever the umask is. SQLite gives the files beside it the same
/// owner and mode.
fn share(file: &File, path: &Path) -> std::io::Result<()> {
    let Some(dir) = path.parent() else {
        return Ok(());
    };
    if rustix::process::geteuid().is_root() {
        let whose = std::fs::metadata(dir)?;
        // Where not even root may do that (a network file system), the file stays as it was made.
        let _given = fchown(file, Some(whose.uid()), Some(whose.gid()));
    }
    match is_shared(dir) {
        true => file.set_permissions(Permissions::from_mode(0o660)),
        false => Ok(()),
    }
}

/// Whether there is a database; an error where that cannot be told. One that was cut to nothing, or of which only
/// the log of its newest records is left, held journals: it is not taken for one that was never made. Nor is one
/// whose log is gone taken for whole.
pub(super) fn is_there(file: &Path) -> Result<bool, StoreError> {
    let damaged = |why: &str| StoreError::Damaged {
        path: file.display().to_string(),
        why: why.to_owned(),
    };
    match std::fs::metadata(file) {
        Ok(found) if found.len() == 0 => Err(damaged(
            "it is empty, as no database ever is (remove it only if this folder never held a run)",
        )),
        Ok(_) if lost_its_log(file) => Err(damaged(
            "its log `-wal` with the newest records is missing, while `-shm`, which comes and goes with it, is \
             there: a process was cut off, and what it wrote last is gone (find the log; or look at each place of \
             the newest run by hand, and remove `-shm`)",
        )),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            match std::fs::metadata(beside(file, "-wal")) {
                Ok(found) if found.len() > 0 => Err(damaged(
                    "it is missing, and its log `-wal` with the newest records is still there",
                )),
                _ => Ok(false),
            }
        }
        Err(error) => Err(denied(file, error)),
    }
}

/// SQLite makes the log before the index of it, and removes it after: an index without a log was left by a process
/// that was cut off, whose log somebody has taken away. Both are looked at twice, as a process may open or close the
/// database between two looks.
fn lost_its_log(file: &Path) -> bool {
    let is_alone = || !beside(file, "-wal").exists() && beside(file, "-shm").exists();
    is_alone() && is_alone()
}

/// The database, or a file that SQLite keeps beside it, by the ending of its name.
pub(super) fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Opens the database and brings it to the schema of this program.
pub(super) fn database(
    path: &Path,
    pages: Option<u32>,
    reserve: &mut Reserve,
) -> Result<Connection, StoreError> {
    let open = || -> rusqlite::Result<(Found, Connection)> {
        let mut db = Connection::open(path)?;
        Ok((retrying(|| prepare(&mut db))?, db))
    };
    let opened = match open() {
        Err(error) if is_full(path, &error) && reserve.lend() => open(),
        opened => opened,
    };
    let (found, db) = opened.map_err(|error| told(path, &error))?;
    match found {
        Found::Ours => {}
        Found::Newer(found) => {
            return Err(StoreError::Newer {
                path: path.display().to_string(),
                found,
                known: SCHEMA,
            });
        }
        Found::Foreign => {
            return Err(StoreError::Damaged {
                path: path.display().to_string(),
                why: "it is a database of another program".into(),
            });
        }
        Found::NoWal => return Err(no_wal(path)),
    }
    if let Some(pages) = pages {
        limit(&db, pages).map_err(|error| told(path, &error))?;
    }
    Ok(db)
}

fn no_wal(path: &Path) -> StoreError {
    StoreError::Denied {
        path: path.display().to_string(),
        why: "its file system allows no write-ahead log (a network file system?)".into(),
    }
}

enum Found {
    Ours,
    Newer(i64),
    Foreign,
    NoWal,
}

fn prepare(db: &mut Connection) -> rusqlite::Result<Found> {
    db.busy_timeout(LOOK)?;
    // Seen in one transaction: another process may be making the tables right now.
    let look = db.transaction()?;
    let (application, version) = identity(&look)?;
    let fresh = (application, version) == (0, 0) && !has_tables(&look)?;
    look.commit()?;
    if application == APPLICATION && version > SCHEMA {
        return Ok(Found::Newer(version));
    }
    if application != APPLICATION && !fresh {
        return Ok(Found::Foreign);
    }
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    let mode: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    // Whoever only reads waits for nobody who writes.
    if mode == "wal" && version == SCHEMA {
        return Ok(Found::Ours);
    }
    let mode: String = db.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0))?;
    if mode != "wal" {
        return Ok(Found::NoWal);
    }
    // Two processes may come here at once: the second one finds the work done.
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if identity(&transaction)? == (0, 0) {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", SCHEMA)?;
    }
    transaction.commit()?;
    Ok(Found::Ours)
}

fn identity(db: &Connection) -> rusqlite::Result<(i64, i64)> {
    let pragma = |name| db.pragma_query_value(None, name, |row| row.get(0));
    Ok((pragma("application_id")?, pragma("user_version")?))
}

fn has_tables(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", (), |row| {
        row.get(0)
    })
}

/// SQLite does not wait for others while it changes the kind of its journal, so this does.
fn retrying<T>(mut attempt: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let began = std::time::Instant::now();
    loop {
        match attempt() {
            Err(error) if is_busy(&error) && began.elapsed() < LOOK => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            answer => return answer,
        }
    }
}

fn limit(db: &Connection, pages: u32) -> rusqlite::Result<()> {
    db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

/// Takes real blocks: a file with holes would free nothing.
fn fill(path: &Path) -> std::io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|file| file.len() >= u64::from(RESERVE)) {
        return Ok(());
    }
    let mut file: File = private().open(path)?;
    share(&file, path)?;
    match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, u64::from(RESERVE)) {
        Ok(()) => {}
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
            file.write_all(&vec![0xa5; RESERVE as usize])?;
        }
        Err(error) => return Err(error.into()),
    }
    file.sync_all()
}

fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}

/// Whether there was no room: SQLite says of some files no more than that they could not be made or written.
pub(super) fn is_full(path: &Path, error: &rusqlite::Error) -> bool {
    match code(error) {
        Some(ErrorCode::DiskFull) => true,
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => no_room(path),
        _ => false,
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        code(error),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// An error of SQLite in words that say what to do.
pub(super) fn told(path: &Path, error: &rusqlite::Error) -> StoreError {
    let file = path.display().to_string();
    let why = error.to_string();
    match code(error) {
        _ if is_full(path, error) => StoreError::Full(file),
        Some(ErrorCode::SystemIoFailure) => StoreError::Disk { path: file, why },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) if !is_readable(path) => {
            let why = "its disk does not answer as it should".to_owned();
            StoreError::Disk { path: file, why }
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            StoreError::Denied { path: file, why }
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Damaged { path: file, why }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(file),
        _ => StoreError::Failed(format!("failed to use `{file}`: {why}")),
    }
}

/// Whether the file system has less room left than a database needs to be opened.
pub(super) fn no_room(path: &Path) -> bool {
    let dir = path.parent().unwrap_or(path);
    rustix::fs::statvfs(dir)
        .is_ok_and(|fs| fs.f_bavail.saturating_mul(fs.f_frsize) < TO_OPEN.into())
}

/// Whether there is no room for a new run, or was none for the whole reserve: its first append would be told so.
pub(super) fn no_room_for_a_run(path: &Path) -> bool {
    let reserve = std::fs::metadata(path.with_file_name("reserve"));
    no_room(path) || reserve.map_or(0, |file| file.len()) < RESERVE.into()
}

/// Whether all of a file can be read and its disk takes what is written: else what was read of it shows no damage.
fn is_readable(path: &Path) -> bool {
    let read = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        std::io::copy(&mut file, &mut std::io::sink())?;
        file.sync_all()
    };
    match read() {
        Err(error) => error.raw_os_error() != Some(rustix::io::Errno::IO.raw_os_error()),
        Ok(()) => true,
    }
}

fn denied(path: &Path, error: std::io::Error) -> StoreError {
    let file = path.display().to_string();
    if error.kind() == ErrorKind::StorageFull {
        return StoreError::Full(file);
    }
    StoreError::Denied {
        path: file,
        why: error.to_string(),
    }
}
