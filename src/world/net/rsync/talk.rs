//! One connection to an rsync daemon: what is said before a list, the list, and the beginning of a file.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::RsyncSeen;
use super::list::{Entry, Read, read};
use crate::event::{Cause, Unseen};
use crate::world::net::tcp::{broken, connect};

/// The version that we claim: the newest whose list is plain to read.
const CLAIM: &[u8] = b"@RSYNCD: 29.0\n";

/// The longest line, and the most in all: a message of the day may be long.
const LINE: u64 = 4 << 10;
const ALL: usize = 256 << 10;

/// What begins each message beside the data.
const DATA: u8 = 7;

/// A filter that leaves out what is in the folders at the top, with its length.
const TOP: &[u8] = b"\x06\0\0\0- /*/*";

pub(super) enum Opened {
    Session(Session),
    /// It is locked, or refused.
    Not(RsyncSeen),
}

/// The far side, within bounds, once it takes questions about a module.
pub(super) struct Session {
    at: SocketAddr,
    stream: BufReader<TcpStream>,
    left: usize,
    pub(super) version: String,
    data: Vec<u8>,
    messages: Vec<u8>,
}

impl Session {
    /// Asks for `path` in a module: of a folder for what is in it, and not for what is further down; as one that is
    /// `deep`, where it is not listed by itself. `came` tells that the daemon said something.
    pub(super) async fn open(
        at: SocketAddr,
        (module, path, deep): (&str, &[u8], bool),
        (deadline, timeout): (Instant, Duration),
        came: &mut bool,
    ) -> Result<Opened, Unseen> {
        let mut session = Session {
            at,
            stream: BufReader::new(connect(at, deadline, timeout).await?),
            left: ALL,
            version: String::new(),
            data: Vec::new(),
            messages: Vec::new(),
        };
        // As `rsync` does, before the daemon greets: a queue of connections that is full for a moment takes nobody who
        // is silent (the last packet of the handshake is sent again only with data; tcp(7), `tcp_abort_on_overflow`).
        session.send(CLAIM).await?;
        let greeting = session.line().await?;
        *came = true;
        match parse(&greeting) {
            Said::Daemon(words) => {
                session.version = words.split(' ').next().unwrap_or("").to_owned();
            }
            Said::Error(text) => return Ok(session.not(text)),
            Said::Other => return Err(session.garbled("does not greet as an rsync daemon does")),
        }
        session.send(format!("{module}\n").as_bytes()).await?;
        loop {
            let line = session.line().await?;
            match parse(&line) {
                Said::Daemon("OK") => break,
                Said::Daemon(words) if words.starts_with("AUTHREQD") => {
                    let version = session.version;
                    return Ok(Opened::Not(RsyncSeen::Locked { version }));
                }
                Said::Daemon("EXIT") => {
                    return Err(session.garbled("ended without an answer for the module"));
                }
                Said::Error(text) => return Ok(session.not(text)),
                // Anything else is the message of the day.
                Said::Daemon(_) | Said::Other => {}
            }
        }
        // As `rsync -rt`, so that what is refused to clients is refused here. The empty line ends the arguments; a
        // filter keeps a deep list to what is at the top, and four zero bytes end the filters.
        let how: &[u8] = if deep { b"-tr\n" } else { b"-tr\n--no-r\n-d\n" };
        let top: &[u8] = if deep { TOP } else { b"" };
        let module = module.as_bytes();
        // The daemon takes the module away, and what begins with `-` is no option then.
        let here: &[u8] = if path.starts_with(b"-") { b"./" } else { b"" };
        let ask = [
            b"--server\n--sender\n",
            how,
            b".\n",
            module,
            b"/",
            here,
            path,
            b"\n\n",
            top,
            &[0; 4],
        ];
        session.send(&ask.concat()).await?;
        let mut seed = [0; 4];
        session.fill(&mut seed).await?;
        Ok(Opened::Session(session))
    }

    fn not(self, text: String) -> Opened {
        let version = self.version;
        Opened::Not(RsyncSeen::Error { version, text })
    }

    /// What the list holds; nothing where it ended before it was complete, which [`Session::said`] explains.
    pub(super) async fn list(&mut self) -> Result<Vec<Entry>, Unseen> {
        loop {
            if let Read::Entries(entries) = read(&self.data) {
                return Ok(entries);
            }
            if let Err(unseen) = self.more().await {
                return match self.said() {
                    Some(_) => Ok(Vec::new()),
                    None => Err(unseen),
                };
            }
        }
    }

    /// What it said beside the data: the first line of it.
    pub(super) fn said(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.messages);
        let line = text.lines().find(|line| !line.trim().is_empty())?;
        Some(line.chars().filter(|c| !c.is_control()).collect())
    }

    /// Asks for the first entry of the list, and reads until its data begin; why they do not, where they do not.
    pub(super) async fn read_first(&mut self) -> Result<Option<String>, Unseen> {
        const TRANSFER: [u8; 2] = 0x8000_u16.to_le_bytes();
        // Its number, that it shall be sent, and that nothing of it is here: four numbers of a sum.
        self.send(&[&[0; 4][..], &TRANSFER, &[0; 16]].concat())
            .await?;
        // The same comes back, and the length of the first part.
        const BEGUN: usize = 4 + 2 + 16 + 4;
        self.data.clear();
        while self.data.len() < BEGUN {
            let came = self.more().await;
            if let Some(text) = self.said() {
                return Ok(Some(text));
            }
            came?;
        }
        Ok(None)
    }

    /// Takes in the next message.
    async fn more(&mut self) -> Result<(), Unseen> {
        let mut head = [0; 4];
        self.fill(&mut head).await?;
        // Three bytes of length, and what it is: 7 for data, above for messages.
        let [a, b, c, what] = head;
        let length = u32::from_le_bytes([a, b, c, 0]) as usize;
        if length > self.left {
            return Err(self.garbled("says too much"));
        }
        let mut bytes = vec![0; length];
        self.fill(&mut bytes).await?;
        match what {
            DATA => self.data.extend(bytes),
            8.. => self.messages.extend(bytes),
            _ => return Err(self.garbled("does not list a module as an rsync daemon does")),
        }
        Ok(())
    }

    async fn line(&mut self) -> Result<String, Unseen> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.stream).take(LINE);
        match bounded.read_until(b'\n', &mut line).await {
            Ok(0) => return Err(self.garbled("closed the connection without an answer")),
            Ok(n) => {
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
            // Older protocols have no word for it.
            Err(_) => Err(self.garbled(
                "opened the module and ended without a list of it, as it does where the module is `write only`",
            )),
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
