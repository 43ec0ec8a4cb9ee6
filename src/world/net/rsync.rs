//! The rsync daemon's greeting and its answer for one module; no rsync program is needed.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::tcp::{broken, connect, frozen};
use crate::event::{Cause, Unseen};

/// What an rsync daemon said of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RsyncSeen {
    /// The module is there and open.
    Open { version: String },
    /// It is there and asks for a password.
    Locked { version: String },
    /// `@ERROR` and its text.
    Error { version: String, text: String },
}

/// The version that we claim: the newest that needs no list of digests behind it.
const CLAIM: &[u8] = b"@RSYNCD: 31.0\n";

/// The longest line, and the most in all: a message of the day may be long.
const LINE: u64 = 4 << 10;
const ALL: usize = 256 << 10;

/// Asks the daemon at `at` for one module, and leaves once it has answered.
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
    let deadline = Instant::now() + timeout;
    let mut lines = Lines {
        at,
        stream: BufReader::new(connect(at, deadline, timeout).await?),
        left: ALL,
        came: false,
    };
    match timeout_at(deadline, talk(&mut lines, module)).await {
        Ok(seen) => seen,
        Err(_) if !lines.came => Err(frozen(at, timeout)),
        Err(_) => Err(Unseen::new(
            Cause::TimedOut,
            format!("the rsync daemon at `{at}` greeted and did not answer for module `{module}`"),
        )),
    }
}

async fn talk(lines: &mut Lines, module: &str) -> Result<RsyncSeen, Unseen> {
    let greeting = lines.next().await?;
    let version = match parse(&greeting) {
        Said::Daemon(words) => words.split(' ').next().unwrap_or("").to_owned(),
        Said::Error(text) => {
            let version = String::new();
            return Ok(RsyncSeen::Error { version, text });
        }
        Said::Other => {
            return Err(lines.garbled("does not greet as an rsync daemon does"));
        }
    };
    lines.send(CLAIM).await?;
    lines.send(format!("{module}\n").as_bytes()).await?;
    loop {
        let line = lines.next().await?;
        match parse(&line) {
            Said::Daemon("OK") => return Ok(RsyncSeen::Open { version }),
            Said::Daemon(words) if words.starts_with("AUTHREQD") => {
                return Ok(RsyncSeen::Locked { version });
            }
            Said::Daemon("EXIT") => {
                return Err(lines.garbled("ended without an answer for the module"));
            }
            Said::Error(text) => return Ok(RsyncSeen::Error { version, text }),
            // Anything else is the message of the day.
            Said::Daemon(_) | Said::Other => {}
        }
    }
}

enum Said<'a> {
    Daemon(&'a str),
    Error(String),
    Other,
}

fn parse(line: &str) -> Said<'_> {
    if let Some(words) = line.strip_prefix("@RSYNCD: ") {
        return Said::Daemon(words.trim_end());
    }
    match line.strip_prefix("@ERROR") {
        Some(text) => {
            let text = text.trim_start_matches(':').trim();
            Said::Error(text.chars().filter(|c| !c.is_control()).collect())
        }
        None => Said::Other,
    }
}

/// The far side, line by line, within bounds.
struct Lines {
    at: SocketAddr,
    stream: BufReader<TcpStream>,
    left: usize,
    came: bool,
}

impl Lines {
    async fn next(&mut self) -> Result<String, Unseen> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.stream).take(LINE);
        match bounded.read_until(b'\n', &mut line).await {
            Ok(0) => return Err(self.garbled("closed the connection without an answer")),
            Ok(n) => {
                self.came = true;
                self.left = match self.left.checked_sub(n) {
                    Some(left) => left,
                    None => return Err(self.garbled("says too much")),
                };
            }
            Err(error) => return Err(broken(self.at, &error)),
        }
        let text = String::from_utf8_lossy(&line);
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Unseen> {
        let sent = self.stream.get_mut().write_all(bytes).await;
        sent.map_err(|error| broken(self.at, &error))
    }

    fn garbled(&self, what: &str) -> Unseen {
        Unseen::new(Cause::Garbled, format!("`{}` {what}", self.at))
    }
}
