//! The rsync daemon's greeting, and its list of one module as a client asks for it; no rsync program is needed.
//!
//! The list is that of protocol 29, which daemons of any age speak: <https://github.com/RsyncProject/rsync>, `flist.c`.

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
    /// The module is there and open, and holds something.
    Open { version: String },
    /// It is open, and its list is empty.
    Empty { version: String },
    /// It is there and asks for a password.
    Locked { version: String },
    /// `@ERROR` and its text.
    Error { version: String, text: String },
}

/// The version that we claim: the newest whose list is plain to read.
const CLAIM: &[u8] = b"@RSYNCD: 29.0\n";

/// The longest line, and the most in all: a message of the day may be long.
const LINE: u64 = 4 << 10;
const ALL: usize = 256 << 10;

/// Asks the daemon at `at` for one module and the beginning of its list, and leaves once that came.
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
            Said::Daemon("OK") => return list(lines, module, version).await,
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

/// Asks for what is at the top of the module, and reads until it is known whether anything is.
async fn list(lines: &mut Lines, module: &str, version: String) -> Result<RsyncSeen, Unseen> {
    // The empty line ends the arguments; four zero bytes are an empty list of filters.
    let ask = format!("--server\n--sender\n-dt\n.\n{module}/\n\n\0\0\0\0");
    lines.send(ask.as_bytes()).await?;
    let mut seed = [0; 4];
    lines.fill(&mut seed).await?;
    let (mut data, mut said) = (Vec::new(), Vec::new());
    loop {
        match entries(&data) {
            Entries::Some => return Ok(RsyncSeen::Open { version }),
            Entries::None if said.is_empty() => return Ok(RsyncSeen::Empty { version }),
            Entries::None => break,
            Entries::Unknown => {}
        }
        let mut head = [0; 4];
        if let Err(unseen) = lines.fill(&mut head).await {
            if said.is_empty() {
                return Err(unseen);
            }
            break;
        }
        // Three bytes of length, and what it is: 7 for data, above for messages.
        let [a, b, c, what] = head;
        let mut bytes = vec![0; u32::from_le_bytes([a, b, c, 0]) as usize];
        if bytes.len() > ALL {
            return Err(lines.garbled("says too much"));
        }
        lines.fill(&mut bytes).await?;
        match what {
            7 => data.extend(bytes),
            8.. => said.extend(bytes),
            _ => return Err(lines.garbled("does not list a module as an rsync daemon does")),
        }
    }
    let text = String::from_utf8_lossy(&said);
    let text = text.lines().find(|line| !line.trim().is_empty());
    let text = text.unwrap_or("it lists nothing, and does not say why");
    let text = text.chars().filter(|c| !c.is_control()).collect();
    Ok(RsyncSeen::Error { version, text })
}

/// Whether the beginning of a list shows that the module holds something.
#[derive(Debug, PartialEq, Eq)]
enum Entries {
    Some,
    None,
    /// More bytes are needed.
    Unknown,
}

/// Reads the list up to its second entry: the first is the folder itself.
fn entries(data: &[u8]) -> Entries {
    match after_first(data).and_then(|rest| rest.first().copied()) {
        _ if data.first() == Some(&0) => Entries::None,
        None => Entries::Unknown,
        Some(0) => Entries::None,
        Some(_) => Entries::Some,
    }
}

/// What follows the first entry; none where that is not complete.
fn after_first(data: &[u8]) -> Option<&[u8]> {
    const MORE_FLAGS: u8 = 0x04;
    const SAME_NAME: u8 = 0x20;
    const LONG_NAME: u8 = 0x40;
    const SAME_MODE: u8 = 0x02;
    const SAME_TIME: u8 = 0x80;
    let number = |data: &[u8]| data.first_chunk().copied().map(i32::from_le_bytes);
    let (flags, mut rest) = data.split_first()?;
    let has = |flag: u8| flags & flag != 0;
    for skipped in [MORE_FLAGS, SAME_NAME] {
        rest = rest.get(usize::from(has(skipped))..)?;
    }
    let name = if has(LONG_NAME) {
        let length = usize::try_from(number(rest)?).ok()?;
        length.checked_add(4)?
    } else {
        usize::from(*rest.first()?) + 1
    };
    rest = rest.get(name..)?;
    // The size; where it does not fit into four bytes, eight follow.
    rest = rest.get(if number(rest)? == -1 { 12 } else { 4 }..)?;
    for same in [SAME_TIME, SAME_MODE] {
        rest = rest.get(if has(same) { 0 } else { 4 }..)?;
    }
    Some(rest)
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

    /// Reads as many bytes as fit into `bytes`.
    async fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Unseen> {
        self.left = match self.left.checked_sub(bytes.len()) {
            Some(left) => left,
            None => return Err(self.garbled("says too much")),
        };
        match self.stream.read_exact(bytes).await {
            Ok(_) => Ok(()),
            Err(_) => Err(self.garbled("opened the module and ended without a list of it")),
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Unseen> {
        let sent = self.stream.get_mut().write_all(bytes).await;
        sent.map_err(|error| broken(self.at, &error))
    }

    fn garbled(&self, what: &str) -> Unseen {
        Unseen::new(Cause::Garbled, format!("`{}` {what}", self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_tells_whether_anything_is_there() {
        let folder = b"\x19\x01.\x00\x10\x00\x00\x153\tk\xedA\x00\x00".as_slice();
        let with = |more: &[u8]| entries(&[folder, more].concat());
        assert_eq!(with(b"\x98\x01f\x03\0\0\0"), Entries::Some);
        assert_eq!(with(b"\0\0\0\0\0"), Entries::None);
        assert_eq!(entries(b"\0\0\0\0\0"), Entries::None);
        for end in 0..folder.len() {
            assert_eq!(entries(&folder[..end]), Entries::Unknown, "{end}");
        }
        let long = b"\x5b\x02\0\0\0./\xff\xff\xff\xff12345678tttt\x98";
        assert_eq!(entries(long), Entries::Some);
        assert_eq!(entries(&long[..long.len() - 1]), Entries::Unknown);
    }
}
