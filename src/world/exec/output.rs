//! Attends to a running program: feeds it, reads it within bounds, waits for its end.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::coded::Whose;
use super::envelope::Heard;
use super::feed::{feed, word};
use super::{Job, KEEP, LINE};

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
    /// How long only the outputs are waited for, and not the end: where taking the end closes the outputs, it
    /// must not come before the marks in them.
    pub(super) outputs_first: Duration,
    pub(super) stdout: O,
    pub(super) stderr: E,
}

/// How long the end of a session is waited for once the program in it has ended: then the next one finds it free.
const SETTLES: Duration = Duration::from_secs(1);

/// How a program was attended to.
pub(super) enum Attended {
    /// What is the program's, and the status of the session.
    Ended((Keep, Keep), Option<i32>),
    /// A write that was not ready in time; it was never told to begin.
    NotReady,
}

/// Tells a write to begin, feeds the program, reads both outputs at the same time, and waits until the marks tell that
/// it ended, or the session ends, which `end` tells.
pub(super) async fn attend<I, O, E, X>(
    streams: Streams<I, O, E>,
    job: &Job<'_>,
    heard: &mut Heard,
    sink: Sink<'_>,
    end: impl Future<Output = Result<Option<i32>, X>>,
) -> Result<Attended, X>
where
    I: AsyncWrite + Unpin,
    O: AsyncRead + Unpin,
    E: AsyncRead + Unpin,
{
    let mut own = Own::new(sink);
    let mut end = pin!(end);
    let (go, told) = oneshot::channel::<String>();
    let feed = async {
        match streams.stdin {
            Some(stdin) => feed(stdin, job, told).await,
            None => std::future::pending().await,
        }
    };
    let ended = {
        let (stdout, stderr) = (streams.stdout, streams.stderr);
        let mut reading = pin!(read(stdout, stderr, job, heard, &mut own, go));
        let mut reading = pin!(async {
            tokio::select! {
                () = &mut reading => true,
                () = feed => false,
            }
        });
        tokio::select! {
            ready = &mut reading => match ready {
                true => None,
                false => return Ok(Attended::NotReady),
            },
            status = async { sleep(streams.outputs_first).await; end.as_mut().await } => {
                let status = status?;
                let _ = timeout(AFTER_END, reading).await;
                Some(status)
            }
        }
    };
    let status = match ended {
        Some(status) => status,
        None if heard.ended() => {
            let end = timeout(SETTLES, end).await;
            end.ok().and_then(Result::ok).flatten()
        }
        None => end.await?,
    };
    Ok(Attended::Ended(own.close(), status))
}

/// How long lines gather before they are read. rsync writes each of a million lines by itself, and waking up for each
/// costs more than the line.
const GATHER: Duration = Duration::from_millis(2);

/// Reads both streams up to their last marks, or to their end. One that breaks has ended: the marks tell the rest.
async fn read(
    mut stdout: impl AsyncRead + Unpin,
    mut stderr: impl AsyncRead + Unpin,
    job: &Job<'_>,
    heard: &mut Heard,
    own: &mut Own<'_>,
    go: oneshot::Sender<String>,
) {
    let (mut out, mut err) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let (mut out_open, mut err_open) = (true, true);
    let mut go = Some(go);
    while (out_open || err_open) && !heard.ended() {
        let (whose, chunk) = tokio::select! {
            n = stdout.read(&mut out), if out_open => {
                let n = n.unwrap_or(0);
                out_open = n > 0;
                (Whose::Out, &out[..n])
            }
            n = stderr.read(&mut err), if err_open => {
                let n = n.unwrap_or(0);
                err_open = n > 0;
                (Whose::Err, &err[..n])
            }
        };
        let few = whose == Whose::Out && !chunk.is_empty() && chunk.len() < (64 << 10) / 2;
        heard.take(whose, chunk, own);
        if few && own.lines.is_some() && !heard.ended() {
            sleep(GATHER).await;
        }
        if go.is_some()
            && let Some(word) = word(job, heard)
            && let (Some(go), Some(word)) = (go.take(), word)
            && go.send(word).is_ok()
        {
            heard.tell();
        }
    }
}

/// Where the outputs of a program go.
pub(super) struct Own<'a> {
    out: Keep,
    err: Keep,
    lines: Option<(Lines, Taker<'a>)>,
}

/// What takes each line.
type Taker<'a> = &'a mut (dyn FnMut(&[u8]) + Send);

impl<'a> Own<'a> {
    pub(super) fn new(sink: Sink<'a>) -> Own<'a> {
        Own {
            out: Keep::default(),
            err: Keep::default(),
            lines: match sink {
                Sink::Keep => None,
                Sink::Lines(line) => Some((Lines::default(), line)),
            },
        }
    }

    pub(super) fn out(&mut self, bytes: &[u8]) {
        match &mut self.lines {
            None => self.out.push(bytes),
            Some((lines, line)) => lines.push(bytes, line),
        }
    }

    pub(super) fn err(&mut self, bytes: &[u8]) {
        self.err.push(bytes);
    }

    pub(super) fn close(mut self) -> (Keep, Keep) {
        if let Some((mut lines, line)) = self.lines {
            lines.close(line);
            self.out.truncated = lines.truncated;
        }
        (self.out, self.err)
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
