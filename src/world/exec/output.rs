//! Attends to a running program: feeds it, reads it within bounds, waits for its end.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{KEEP, LINE, Output};

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
    /// must not come before their own.
    pub(super) outputs_first: Duration,
    pub(super) stdout: O,
    pub(super) stderr: E,
}

/// Feeds `input`, reads both outputs at the same time, and waits. `end` tells the exit status.
pub(super) async fn attend<I, O, E, X>(
    streams: Streams<I, O, E>,
    input: &[u8],
    sink: Sink<'_>,
    end: impl Future<Output = Result<Option<i32>, X>>,
) -> Result<Output, X>
where
    I: AsyncWrite + Unpin,
    O: AsyncRead + Unpin,
    E: AsyncRead + Unpin,
{
    let (mut out, mut err) = (Kept::default(), Kept::default());
    let outputs_first = streams.outputs_first;
    let mut held = None;
    let (status, whole) = {
        let mut reading = pin!(async {
            let feed = async {
                if let Some(mut stdin) = streams.stdin {
                    // A program that does not read all of its input ends the pipe; that is its right.
                    let _ = stdin.write_all(input).await;
                    if streams.hold {
                        held = Some(stdin);
                    } else {
                        let _ = stdin.shutdown().await;
                    }
                }
            };
            let read_out = async {
                match sink {
                    Sink::Keep => keep(streams.stdout, &mut out).await,
                    Sink::Lines(line) => lines(streams.stdout, line, &mut out.truncated).await,
                }
            };
            let read_err = keep(streams.stderr, &mut err);
            // A stream that breaks has ended: the exit status tells the rest.
            let _ = tokio::join!(feed, read_out, read_err);
        });
        let mut end = pin!(end);
        tokio::select! {
            () = &mut reading => (end.await?, true),
            status = async { tokio::time::sleep(outputs_first).await; end.as_mut().await } => {
                let status = status?;
                let rest = tokio::time::timeout(AFTER_END, reading).await;
                (status, rest.is_ok())
            }
        }
    };
    drop(held);
    Ok(Output {
        status,
        stdout: out.bytes,
        stderr: err.bytes,
        truncated: out.truncated || err.truncated || !whole,
    })
}

#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    truncated: bool,
}

/// Keeps what fits, and reads the rest away so that the program can end.
async fn keep(mut from: impl AsyncRead + Unpin, kept: &mut Kept) -> io::Result<()> {
    let mut chunk = vec![0; 16 << 10];
    loop {
        let n = from.read(&mut chunk).await?;
        if n == 0 {
            return Ok(());
        }
        let fits = n.min(KEEP - kept.bytes.len());
        kept.bytes.extend_from_slice(&chunk[..fits]);
        kept.truncated |= fits < n;
    }
}

/// Hands over each line, the last one also where its newline is missing.
pub(super) async fn lines(
    mut from: impl AsyncRead + Unpin,
    line: &mut (dyn FnMut(&[u8]) + Send),
    truncated: &mut bool,
) -> io::Result<()> {
    let mut chunk = vec![0; 64 << 10];
    let mut begun: Vec<u8> = Vec::new();
    let mut open = false;
    loop {
        let n = from.read(&mut chunk).await?;
        if n == 0 {
            break;
        }
        let mut rest = &chunk[..n];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            push(&mut begun, &rest[..end], truncated);
            line(&begun);
            begun.clear();
            open = false;
            rest = &rest[end + 1..];
        }
        if !rest.is_empty() {
            push(&mut begun, rest, truncated);
            open = true;
        }
    }
    if open {
        line(&begun);
    }
    Ok(())
}

fn push(begun: &mut Vec<u8>, more: &[u8], truncated: &mut bool) {
    let fits = more.len().min(LINE - begun.len());
    begun.extend_from_slice(&more[..fits]);
    *truncated |= fits < more.len();
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn split(text: &[u8]) -> (Vec<Vec<u8>>, bool) {
        let (mut got, mut truncated) = (Vec::new(), false);
        lines(text, &mut |line| got.push(line.to_vec()), &mut truncated)
            .await
            .unwrap();
        (got, truncated)
    }

    #[tokio::test]
    async fn lines_come_without_their_newline_and_the_last_one_needs_none() {
        let (got, truncated) = split(b"a\n\nb\nc").await;
        assert_eq!(
            got,
            [b"a".to_vec(), b"".to_vec(), b"b".to_vec(), b"c".to_vec()]
        );
        assert!(!truncated);
        assert!(split(b"").await.0.is_empty());
    }

    #[tokio::test]
    async fn a_line_without_end_is_cut_off_and_the_next_one_is_whole() {
        let mut text = vec![b'x'; 3 * LINE];
        text.extend_from_slice(b"\nnext\n");
        let (got, truncated) = split(&text).await;
        assert_eq!(got.len(), 2);
        assert_eq!(got[0].len(), LINE);
        assert_eq!(got[1], b"next");
        assert!(truncated);
    }

    #[tokio::test]
    async fn output_is_kept_up_to_the_bound() {
        let mut kept = Kept::default();
        keep(&vec![b'x'; KEEP][..], &mut kept).await.unwrap();
        assert!(!kept.truncated);
        keep(&b"y"[..], &mut kept).await.unwrap();
        assert!(kept.truncated);
        assert_eq!(kept.bytes.len(), KEEP);
    }
}
