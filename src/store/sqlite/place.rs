//! Whether the files that are open are the ones at their paths: a folder can be removed, moved or replaced under a
//! living process, which would go on writing where nobody finds it.
#![expect(
    clippy::disallowed_methods,
    reason = "the files of the store are looked at, and nothing else can tell what lies at a path"
)]

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::BUSY;
use super::setup::beside;
use crate::store::{Hash, StoreError};

/// The files of a database as they were when it was opened. SQLite keeps all of them for as long as it is open, and
/// none becomes shorter.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    files: Vec<OneFile>,
}

#[derive(Debug)]
struct OneFile {
    path: PathBuf,
    device: u64,
    inode: u64,
    length: u64,
}

impl Place {
    /// The files of a database that was just opened.
    pub(super) fn of(path: &Path) -> Result<Place, StoreError> {
        let mut files = Vec::new();
        for ending in ["", "-wal", "-shm"] {
            let file = beside(path, ending);
            match std::fs::metadata(&file) {
                Ok(found) => files.push(OneFile {
                    device: found.dev(),
                    inode: found.ino(),
                    length: found.len(),
                    path: file,
                }),
                Err(error) if ending.is_empty() => {
                    return Err(gone(path, &format!("cannot be seen: {error}")));
                }
                Err(_) => {}
            }
        }
        Ok(Place {
            path: path.to_owned(),
            files,
        })
    }

    /// Whether each file is still the one at its path.
    pub(super) fn check(&mut self) -> Result<(), StoreError> {
        for file in &mut self.files {
            let found = std::fs::metadata(&file.path)
                .map_err(|error| gone(&file.path, &format!("cannot be seen any more: {error}")))?;
            if (found.dev(), found.ino()) != (file.device, file.inode) {
                return Err(gone(&file.path, "was replaced by another file"));
            }
            if found.len() < file.length {
                return Err(gone(&file.path, "was cut off"));
            }
            file.length = found.len();
        }
        Ok(())
    }

    /// Whether who opens the database now finds a run with this many records and this head.
    pub(super) fn holds(&mut self, run: &str, count: u64, head: Hash) -> Result<(), StoreError> {
        self.check()?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let read = || -> rusqlite::Result<Option<(Option<Hash>, i64)>> {
            let db = Connection::open_with_flags(&self.path, flags)?;
            db.busy_timeout(BUSY)?;
            db.query_row(
                "SELECT head, count FROM runs WHERE run = ?1",
                [run],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
        };
        let found =
            read().map_err(|error| gone(&self.path, &format!("cannot be read: {error}")))?;
        let Some((found_head, found_count)) = found else {
            return Err(gone(&self.path, &format!("holds no run `{run}`")));
        };
        let same_count = u64::try_from(found_count) == Ok(count);
        if !same_count || found_head.unwrap_or_default() != head {
            return Err(gone(
                &self.path,
                &format!("holds another journal of run `{run}`"),
            ));
        }
        Ok(())
    }
}

fn gone(path: &Path, what: &str) -> StoreError {
    StoreError::Gone(format!("`{}` {what}", path.display()))
}
