//! What a program reads: its own input, and before it what proves that nobody else has read of it.

use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::Job;
use super::envelope::Heard;
use super::output::AFTER_END;

/// How long nothing may be heard of a program before its input is ended: what reads it to the end in its place goes on
/// then, and is found out.
pub(super) const HEARD: Duration = Duration::from_secs(3);

/// Feeds a program. It ends only where one that begins when it is told was not ready in time.
pub(super) async fn feed(
    mut stdin: impl AsyncWrite + Unpin,
    job: &Job<'_>,
    mut told: oneshot::Receiver<String>,
) {
    let mut input = job.input();
    if let Some(ready) = job.ready {
        // Where something else reads the first line, the second one comes in its place, and that is told at once.
        let lines = job.line.mark.input().repeat(2);
        let _ = stdin.write_all(lines.as_bytes()).await;
        match timeout(ready, &mut told).await {
            Ok(Ok(go)) => {
                input.splice(0..0, go.into_bytes());
            }
            // It was ready too late, or cannot be ready any more; the end of its input tells it so.
            Ok(Err(_)) => {
                drop(stdin);
                return std::future::pending().await;
            }
            Err(_) => {
                drop(stdin);
                // It may still tell why.
                return sleep(AFTER_END).await;
            }
        }
    }
    // A program that does not read all of its input ends the pipe; that is its right.
    let _ = stdin.write_all(&input).await;
    if job.line.watched {
        // Its input stays open until the end: its end tells the far side that we gave up.
        if let Ok(Ok(_)) = timeout(HEARD.min(job.timeout / 2), told).await {
            std::future::pending::<()>().await;
        }
        let _ = stdin.write_all(job.line.mark.stays().as_bytes()).await;
    }
    let _ = stdin.shutdown().await;
    drop(stdin);
    std::future::pending().await
}

/// What is told to a program as soon as it is heard: to begin, or nothing but that. It may not be told any more.
pub(super) fn word(job: &Job<'_>, heard: &Heard) -> Option<Option<String>> {
    match job.line.watched {
        true => heard.begun().then(|| Some(String::new())),
        false => (job.waits() && heard.waits()).then(|| job.go()),
    }
}
