//! What an rsync daemon gives of a module, asked as a client asks: its list, and the beginning of one file. No rsync
//! program is needed.
//!
//! The list and the file are those of protocol 29, which daemons of any age speak:
//! <https://github.com/RsyncProject/rsync>, `flist.c`, `sender.c`.

mod list;
mod talk;

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout_at};

use self::list::{Entry, Is};
use self::talk::{Opened, Session};
use super::tcp::frozen;
use crate::event::{Cause, Unseen};

/// What an rsync daemon gave of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RsyncSeen {
    /// The module is there and open, and a file of it was read.
    Open {
        version: String,
        /// What could not be read before that file, and why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        beside: Option<String>,
    },
    /// It lists folders; no file is near enough to the top to be read.
    Listed { version: String },
    /// It is open, and its list is empty.
    Empty { version: String },
    /// It is open and lists something, of which no file could be read: the first reason.
    Unread { version: String, text: String },
    /// It is there and asks for a password.
    Locked { version: String },
    /// `@ERROR` and its text.
    Error { version: String, text: String },
}

/// How many times the daemon is asked at the most, over a connection each: for the list of one folder, or for one file.
const QUESTIONS: usize = 24;

/// A daemon that takes few connections counts one that has just ended for a moment longer.
const AGAIN: Duration = Duration::from_millis(100);
const TRIES: usize = 6;

/// How many files of one folder are asked for until one can be read.
const FILES: usize = 3;

/// Asks the daemon at `at` for the list of a module and for a file near its top, and leaves once that begins to come.
/// Folders are entered one by one and not further than to the first file that can be read, so that an archive of any
/// size costs the same.
pub async fn rsync_module(
    at: SocketAddr,
    module: &str,
    timeout: Duration,
) -> Result<RsyncSeen, Unseen> {
    if module.is_empty() || module.starts_with('#') || module.contains(char::is_control) {
        return Err(Unseen::new(
            Cause::Missing,
            format!(
                "`{}` is not the name of an rsync module",
                module.escape_debug()
            ),
        ));
    }
    let mut client = Client {
        at,
        module,
        timeout,
        deadline: Instant::now() + timeout,
        asked: 0,
        deep: false,
        came: false,
    };
    match timeout_at(client.deadline, client.walk()).await {
        Ok(seen) => seen,
        Err(_) if !client.came => Err(frozen(at, timeout)),
        Err(_) => Err(Unseen::new(
            Cause::TimedOut,
            format!("the rsync daemon at `{at}` greeted and did not answer for module `{module}`"),
        )),
    }
}

struct Client<'a> {
    at: SocketAddr,
    module: &'a str,
    timeout: Duration,
    deadline: Instant,
    asked: usize,
    /// It refuses to list one folder alone, which clients hardly ask for.
    deep: bool,
    /// Something came from the daemon.
    came: bool,
}

/// What there was of one folder.
enum Folder {
    Entries(String, Vec<Entry>),
    /// It could not be listed, and why.
    Closed(String, String),
    /// The daemon does not open the module.
    Not(RsyncSeen),
}

impl Client<'_> {
    /// Goes down from the top until a file can be read.
    async fn walk(&mut self) -> Result<RsyncSeen, Unseen> {
        let mut folders = vec![Vec::new()];
        let mut beside = None;
        let mut version = String::new();
        while let Some(folder) = folders.pop() {
            if self.asked >= QUESTIONS {
                return Ok(RsyncSeen::Listed { version });
            }
            let is_top = folder.is_empty();
            let entries = match self.list(&folder).await? {
                Folder::Entries(of, entries) => {
                    version = of;
                    entries
                }
                Folder::Not(seen) => return Ok(seen),
                Folder::Closed(..) if is_top && !self.deep => {
                    self.deep = true;
                    folders.push(folder);
                    continue;
                }
                Folder::Closed(version, text) if is_top => {
                    return Ok(RsyncSeen::Error { version, text });
                }
                Folder::Closed(_, text) => {
                    beside.get_or_insert(text);
                    continue;
                }
            };
            if is_top && entries.is_empty() {
                return Ok(RsyncSeen::Empty { version });
            }
            let path = |entry: &Entry| [&folder[..], &entry.asked()].concat();
            let files = entries.iter().filter(|entry| entry.is == Is::File);
            for file in files.take(FILES) {
                match self.read(&path(file)).await? {
                    None => return Ok(RsyncSeen::Open { version, beside }),
                    Some(text) => {
                        beside.get_or_insert(text);
                    }
                }
            }
            // The first one is entered first; links after folders, as they may lead nowhere.
            for is in [Is::Link, Is::Folder] {
                let some = entries.iter().rev().filter(|entry| entry.is == is);
                folders.extend(some.map(|entry| [&path(entry)[..], b"/"].concat()));
            }
        }
        let text = beside.unwrap_or_else(|| "there is no file in it".to_owned());
        Ok(RsyncSeen::Unread { version, text })
    }

    async fn open(&mut self, path: &[u8]) -> Result<Opened, Unseen> {
        self.asked += 1;
        let until = (self.deadline, self.timeout);
        let mut tries = 0;
        loop {
            tries += 1;
            let (module, deep) = (self.module, self.deep);
            let opened =
                Session::open(self.at, (module, path, deep), until, &mut self.came).await?;
            let Opened::Not(RsyncSeen::Error { text, .. }) = &opened else {
                return Ok(opened);
            };
            if tries >= TRIES || !text.contains("max connections") {
                return Ok(opened);
            }
            sleep(AGAIN).await;
        }
    }

    /// What is in one folder, by its path with a slash at the end; nothing for the top.
    async fn list(&mut self, folder: &[u8]) -> Result<Folder, Unseen> {
        let mut session = match self.open(folder).await? {
            Opened::Session(session) => session,
            Opened::Not(seen) => return Ok(Folder::Not(seen)),
        };
        let entries = session.list().await?;
        let version = std::mem::take(&mut session.version);
        Ok(match (session.said(), entries.is_empty()) {
            (Some(text), true) => Folder::Closed(version, text),
            _ => Folder::Entries(version, entries),
        })
    }

    /// Reads the beginning of one file; why not, where that is not to be had.
    async fn read(&mut self, file: &[u8]) -> Result<Option<String>, Unseen> {
        let mut session = match self.open(file).await? {
            Opened::Session(session) => session,
            Opened::Not(RsyncSeen::Error { text, .. }) => return Ok(Some(text)),
            Opened::Not(_) => return Ok(Some("it was not opened again".to_owned())),
        };
        let entries = session.list().await?;
        if let Some(text) = session.said() {
            return Ok(Some(text));
        }
        if entries.is_empty() {
            return Ok(Some("what it listed is not there".to_owned()));
        }
        session.read_first().await
    }
}
