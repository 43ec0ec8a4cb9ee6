//! The answer of an HTTP/1 server, read as curl and browsers read it.
//!
//! What is odd and means only one thing is taken (RFC 9112 says how): it proves nothing against the service. What
//! cannot be understood is told in words. All of it is bounded.

use std::io::{Error, ErrorKind};

use tokio::io::{AsyncRead, AsyncReadExt};

use super::tcp::reason;
use crate::world::exec::printable;

/// The most that the head of an answer may take, with all that comes before it; as in curl.
const HEAD: usize = 300 << 10;
/// The most that the line before a chunk may take.
const CHUNK_LINE: usize = 16 << 10;
/// How much room is made before the first bytes come, for each of thousands of answers that are awaited at once.
const FIRST: usize = 1 << 10;
/// How much is asked of the system at once when more comes.
const PIECE: usize = 16 << 10;

/// Status and headers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Lower-case names, in the order in which they came.
    pub(super) headers: Vec<(String, String)>,
}

impl Head {
    /// The values of a header.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(seen, _)| seen == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The words of a header that is a list: lower-case, without what follows a `;`.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        (self.all(name).flat_map(|value| value.split(',')))
            .filter_map(|one| one.split(';').next())
            .map(|one| one.trim().to_ascii_lowercase())
            .filter(|one| !one.is_empty())
            .collect()
    }

    /// How the end of the body is told (RFC 9112, 6.3).
    pub(super) fn frame(&self, method: &str) -> Result<Frame, Fault> {
        let bare = method == "HEAD" || matches!(self.status, 100..=199 | 204 | 304);
        if bare {
            return Ok(Frame::Length(0));
        }
        if self
            .list("transfer-encoding")
            .iter()
            .any(|coding| coding == "chunked")
        {
            return Ok(Frame::Chunks {
                left: 0,
                first: true,
            });
        }
        // As curl has it: of several the last one counts, digits at the beginning of it do, and a length that no
        // number holds is none.
        let values = self.all("content-length");
        let Some(value) = values.filter(|value| !value.is_empty()).last() else {
            return Ok(Frame::Close);
        };
        let digits = value.strip_prefix('+').unwrap_or(value);
        let digits = digits.split(|c: char| !c.is_ascii_digit()).next();
        match digits.unwrap_or_default() {
            "" => Err(Fault::Odd(format!(
                "gives a length of its body that is no number: `{}`",
                printable(value)
            ))),
            digits => Ok(digits.parse().map_or(Frame::Close, Frame::Length)),
        }
    }
}

/// What of a body is still to come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// So many bytes.
    Length(u64),
    /// So many bytes of this chunk, and perhaps more chunks.
    Chunks { left: u64, first: bool },
    /// All until the connection is closed.
    Close,
}

/// Why an answer cannot be read.
#[derive(Debug)]
pub(super) enum Fault {
    /// The connection was closed before anything came.
    Nothing,
    /// It was closed before the end.
    CutOff,
    /// It broke.
    Broken(Error),
    /// What came is something else; how it begins.
    NotHttp(Vec<u8>),
    /// It cannot be understood, in words that follow the address.
    Odd(String),
}

impl Fault {
    /// In words that follow the address.
    pub(super) fn words(&self) -> String {
        match self {
            Fault::Nothing => "closed the connection without an answer".into(),
            Fault::CutOff => "closed the connection before its answer was complete".into(),
            Fault::Broken(error) => format!("broke the connection off: {}", reason(error)),
            // An alert or a handshake record (RFC 8446, 5.1).
            Fault::NotHttp(begin) if matches!(begin[..], [0x15 | 0x16, 3, ..]) => {
                "speaks TLS on this port, and the URL begins with `http:`".into()
            }
            Fault::NotHttp(begin) => {
                let text = String::from_utf8_lossy(begin);
                let line = text.trim_start().lines().next().unwrap_or_default();
                format!("sends something that is not HTTP: `{}`", printable(line))
            }
            Fault::Odd(what) => what.clone(),
        }
    }
}

/// Reads one answer from a stream.
pub(super) struct Reader<S> {
    stream: S,
    /// What came and was not taken yet.
    buffer: Vec<u8>,
    /// How many bytes came in all.
    pub(super) came: u64,
}

impl<S: AsyncRead + Unpin> Reader<S> {
    pub(super) fn new(stream: S) -> Reader<S> {
        Reader {
            stream,
            buffer: Vec::new(),
            came: 0,
        }
    }

    /// Reads the head of the answer; those of status 1xx before it are passed over.
    pub(super) async fn head(&mut self) -> Result<Head, Fault> {
        let mut left = HEAD;
        loop {
            let status = self.status(&mut left).await?;
            let mut headers: Vec<(String, String)> = Vec::new();
            loop {
                let line = self.line(&mut left).await?;
                if line.is_empty() {
                    break;
                }
                let text = String::from_utf8_lossy(&line);
                if text.starts_with([' ', '\t']) {
                    // A folded line: its break stands for a space (RFC 9112, 5.2).
                    if let Some((_, value)) = headers.last_mut() {
                        *value += " ";
                        *value += text.trim();
                    }
                } else if let Some((name, value)) = text.split_once(':') {
                    let name = name.trim().to_ascii_lowercase();
                    headers.push((name, value.trim().to_owned()));
                }
            }
            // 101 is the last one on this connection.
            if !matches!(status, 100 | 102..=199) {
                return Ok(Head { status, headers });
            }
        }
    }

    /// Reads the first line, and tells early what will be no HTTP.
    async fn status(&mut self, left: &mut usize) -> Result<u16, Fault> {
        loop {
            let begin = self.buffer.trim_ascii_start();
            let word = &begin[..begin.len().min(5)];
            if !b"http/"[..word.len()].eq_ignore_ascii_case(word) {
                return Err(Fault::NotHttp(begin[..begin.len().min(80)].to_vec()));
            }
            if word.len() == 5 {
                break;
            }
            *left = left.checked_sub(1).ok_or_else(too_long)?;
            if !self.more().await? {
                return Err(match self.came {
                    0 => Fault::Nothing,
                    _ => Fault::CutOff,
                });
            }
        }
        let mut line = self.line(left).await?;
        while line.trim_ascii().is_empty() {
            line = self.line(left).await?;
        }
        let rest = line.iter().position(|byte| byte.is_ascii_whitespace());
        let rest = rest.map_or(&b""[..], |at| line[at..].trim_ascii_start());
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let status = std::str::from_utf8(&rest[..digits]).ok();
        match status.and_then(|text| text.parse().ok()) {
            Some(status @ 100..=999) if digits == 3 => Ok(status),
            _ => Err(Fault::Odd(format!(
                "sends a first line without a status: `{}`",
                printable(&String::from_utf8_lossy(&line[..line.len().min(80)]))
            ))),
        }
    }

    /// The next bytes of the body; none at its end.
    pub(super) async fn piece(&mut self, frame: &mut Frame) -> Result<Option<Vec<u8>>, Fault> {
        if let Frame::Chunks { left: 0, first } = *frame {
            let size = self.chunk(first).await?;
            *frame = match size {
                0 => Frame::Length(0),
                left => Frame::Chunks { left, first: false },
            };
        }
        let left = match frame {
            Frame::Length(0) => return Ok(None),
            Frame::Length(left) | Frame::Chunks { left, .. } => Some(left),
            Frame::Close => None,
        };
        if self.buffer.is_empty() && !self.more().await? {
            return match left {
                Some(_) => Err(Fault::CutOff),
                None => Ok(None),
            };
        }
        let here = self.buffer.len();
        let Some(left) = left else {
            return Ok(Some(std::mem::take(&mut self.buffer)));
        };
        let take = usize::try_from(*left).map_or(here, |left| left.min(here));
        *left -= take as u64;
        Ok(Some(self.buffer.drain(..take).collect()))
    }

    /// How many bytes the next chunk has (RFC 9112, 7.1). What follows the last one is not read.
    async fn chunk(&mut self, first: bool) -> Result<u64, Fault> {
        let mut room = CHUNK_LINE;
        let mut line = self.line(&mut room).await?;
        if !first && line.is_empty() {
            // The end of the chunk before.
            line = self.line(&mut room).await?;
        }
        let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let size = std::str::from_utf8(size.trim_ascii()).ok();
        size.and_then(|text| u64::from_str_radix(text, 16).ok())
            .ok_or_else(|| Fault::Odd("sends a body whose chunks cannot be told apart".into()))
    }

    /// The next line, without its end, which may lack the carriage return (RFC 9112, 2.2).
    async fn line(&mut self, room: &mut usize) -> Result<Vec<u8>, Fault> {
        let mut looked = 0;
        loop {
            let end = self.buffer[looked..].iter().position(|byte| *byte == b'\n');
            if let Some(end) = end.map(|end| looked + end) {
                *room = room.checked_sub(end + 1).ok_or_else(too_long)?;
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                while line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            looked = self.buffer.len();
            if looked > *room {
                return Err(too_long());
            }
            if !self.more().await? {
                return Err(Fault::CutOff);
            }
        }
    }

    /// Waits for more bytes; false where the far side has closed the connection.
    async fn more(&mut self) -> Result<bool, Fault> {
        self.buffer
            .reserve(if self.came == 0 { FIRST } else { PIECE });
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.came += count as u64;
                Ok(true)
            }
            // TLS that ends without its own goodbye. What is cut off is told by its length or its chunks.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(Fault::Broken(error)),
        }
    }
}

fn too_long() -> Fault {
    Fault::Odd(format!(
        "sends a head of more than {} KiB, and no more is read",
        HEAD >> 10
    ))
}

#[cfg(test)]
mod tests;
