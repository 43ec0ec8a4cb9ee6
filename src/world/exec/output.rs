//! Attends to a running program: feeds it, reads it within bounds, waits for its end.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::envelope::{Heard, Stream};
use super::{KEEP, LINE};

/// How long output may still come after the program ended. A busy connection delivers the end first; and
/// something that the program started may hold its streams for ever.
pub(super) const AFTER_END: Duration = Duration::from_secs(3);

/// Where standard output goes.
pub(super) enum Sink<'a> {
    Keep,
    Lines(&'a mut (dyn FnMut(&[u8]) + Send)),
}

/// The three streams of a program.
pub(super) struct Streams<I, O, E> {
    pub(super) stdin: Option<I>,
    /// Whether standard input stays open until the end: its end tells the far side that we gave up.
    pub(super) hold: bool,
    /// How long only the outputs are waited for, and not the end: where taking the end closes the outputs, it
    /// must not come before the marks in them.
    pub(super) outputs_first: Duration,
    pub(super) stdout: O,
    pub(super) stderr: E,
}

/// How long the end of a session is waited for once the program in it has ended: then the next one finds it free.
const SETTLES: Duration = Duration::from_secs(1);

/// Feeds `input`, reads both outputs at the same time, and waits until the marks tell that the program ended, or the
/// session ends. Returns what is the program's, and the status of the session, which `end` tells.
pub(super) async fn attend<I, O, E, X>(
    streams: Streams<I, O, E>,
    input: &[u8],
    heard: &mut Heard,
    sink: Sink<'_>,
    end: impl Future<Output = Result<Option<i32>, X>>,
) -> Result<((Keep, Keep), Option<i32>), X>
where
    I: AsyncWrite + Unpin,
    O: AsyncRead + Unpin,
    E: AsyncRead + Unpin,
{
    let (mut out, mut err) = (Keep::default(), Keep::default());
    let mut end = pin!(end);
    let ended = {
        let feed = async {
            if let Some(mut stdin) = streams.stdin {
                // A program that does not read all of its input ends the pipe; that is its right.
                let _ = stdin.write_all(input).await;
                if streams.hold {
                    std::future::pending::<()>().await;
                }
                let _ = stdin.shutdown().await;
            }
            std::future::pending::<Infallible>().await
        };
        let read_out = async {
            match sink {
                Sink::Keep => {
                    let mut own = |bytes: &[u8]| out.push(bytes);
                    read(streams.stdout, &mut heard.out, Duration::ZERO, &mut own).await;
                }
                Sink::Lines(line) => {
                    let mut lines = Lines::default();
                    let mut own = |bytes: &[u8]| lines.push(bytes, line);
                    read(streams.stdout, &mut heard.out, GATHER, &mut own).await;
                    lines.close(line);
                    out.truncated = lines.truncated;
                }
            }
        };
        let mut own = |bytes: &[u8]| err.push(bytes);
        let read_err = read(streams.stderr, &mut heard.err, Duration::ZERO, &mut own);
        let mut reading = pin!(async {
            tokio::select! {
                _ = async { tokio::join!(read_out, read_err) } => {}
                never = feed => match never {},
            }
        });
        tokio::select! {
            () = &mut reading => None,
            status = async { tokio::time::sleep(streams.outputs_first).await; end.as_mut().await } => {
                let status = status?;
                let _ = tokio::time::timeout(AFTER_END, reading).await;
                Some(status)
            }
        }
    };
    let status = match ended {
        Some(status) => status,
        None if heard.ended() => {
            let end = tokio::time::timeout(SETTLES, end).await;
            end.ok().and_then(Result::ok).flatten()
        }
        None => end.await?,
    };
    Ok(((out, err), status))
}

/// How long lines gather before they are read. rsync writes each of a million lines by itself, and waking up for each
/// costs more than the line.
const GATHER: Duration = Duration::from_millis(2);

/// Reads one stream up to its last mark, or to its end. One that breaks has ended: the marks tell the rest.
async fn read(
    mut from: impl AsyncRead + Unpin,
    stream: &mut Stream,
    gather: Duration,
    own: &mut impl FnMut(&[u8]),
) {
    let mut chunk = vec![0; 64 << 10];
    while !stream.ended() {
        match from.read(&mut chunk).await {
            Ok(n) if n > 0 => {
                stream.take(&chunk[..n], own);
                if !gather.is_zero() && n < chunk.len() / 2 && !stream.ended() {
                    tokio::time::sleep(gather).await;
                }
            }
            _ => return stream.close(own),
        }
    }
}

/// Output up to the bound.
#[derive(Debug, Default)]
pub(super) struct Keep {
    pub(super) bytes: Vec<u8>,
    pub(super) truncated: bool,
}

impl Keep {
    /// Keeps what fits.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let fits = bytes.len().min(KEEP - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..fits]);
        self.truncated |= fits < bytes.len();
    }
}

/// Splits into lines, the last one also where its newline is missing.
#[derive(Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
    open: bool,
    truncated: bool,
}

impl Lines {
    pub(super) fn push(&mut self, mut rest: &[u8], line: &mut (dyn FnMut(&[u8]) + Send)) {
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.add(&rest[..end]);
            line(&self.begun);
            self.begun.clear();
            self.open = false;
            rest = &rest[end + 1..];
        }
        if !rest.is_empty() {
            self.add(rest);
            self.open = true;
        }
    }

    pub(super) fn close(&mut self, line: &mut (dyn FnMut(&[u8]) + Send)) {
        if std::mem::take(&mut self.open) {
            line(&self.begun);
        }
    }

    fn add(&mut self, more: &[u8]) {
        let fits = more.len().min(LINE - self.begun.len());
        self.begun.extend_from_slice(&more[..fits]);
        self.truncated |= fits < more.len();
    }
}

/// Hands over each line of a stream.
pub(super) async fn lines(
    mut from: impl AsyncRead + Unpin,
    line: &mut (dyn FnMut(&[u8]) + Send),
) -> io::Result<()> {
    let mut chunk = vec![0; 64 << 10];
    let mut lines = Lines::default();
    loop {
        let n = from.read(&mut chunk).await?;
        if n == 0 {
            break;
        }
        lines.push(&chunk[..n], line);
    }
    lines.close(line);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &[u8]) -> (Vec<Vec<u8>>, bool) {
        let (mut got, mut lines) = (Vec::new(), Lines::default());
        let mut line = |line: &[u8]| got.push(line.to_vec());
        for chunk in text.chunks(7) {
            lines.push(chunk, &mut line);
        }
        lines.close(&mut line);
        (got, lines.truncated)
    }

    #[test]
    fn lines_come_without_their_newline_and_the_last_one_needs_none() {
        let (got, truncated) = split(b"a\n\nb\nc");
        assert_eq!(
            got,
            [b"a".to_vec(), b"".to_vec(), b"b".to_vec(), b"c".to_vec()]
        );
        assert!(!truncated);
        assert!(split(b"").0.is_empty());
    }

    #[test]
    fn a_line_without_end_is_cut_off_and_the_next_one_is_whole() {
        let mut text = vec![b'x'; 3 * LINE];
        text.extend_from_slice(b"\nnext\n");
        let (got, truncated) = split(&text);
        assert_eq!(got.len(), 2);
        assert_eq!(got[0].len(), LINE);
        assert_eq!(got[1], b"next");
        assert!(truncated);
    }

    #[test]
    fn output_is_kept_up_to_the_bound() {
        let mut kept = Keep::default();
        kept.push(&vec![b'x'; KEEP]);
        assert!(!kept.truncated);
        kept.push(b"y");
        assert!(kept.truncated);
        assert_eq!(kept.bytes.len(), KEEP);
    }
}
