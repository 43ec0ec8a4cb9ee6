//! Programs on this machine, each in a process group of its own.
#![expect(
    clippy::disallowed_methods,
    reason = "this module is where programs are started"
)]

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::envelope::Heard;
use super::output::{Attended, Sink, Streams, attend};
use super::words::ENVIRONMENT;
use super::{Job, Lost, Output};
use crate::event::{Cause, Unseen};

pub(super) async fn run(job: Job<'_>, sink: Sink<'_>) -> Result<Output, Lost> {
    let mut words = job.line.words.iter();
    let first = words.next().map_or("", String::as_str);
    let spawned = Command::new(first)
        .args(words)
        .envs(ENVIRONMENT)
        .stdin(if job.input().is_empty() && !job.waits() {
            Stdio::null()
        } else {
            Stdio::piped()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let child = match spawned {
        Ok(child) => child,
        Err(error) => {
            return Err(Lost::before(Unseen::new(
                Cause::Error,
                format!("failed to start `{first}`: {error}"),
            )));
        }
    };
    let mut group = Group {
        child,
        spare: job.write(),
    };
    let child = &mut group.child;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Lost::before(Unseen::new(
            Cause::Error,
            format!("`{first}` was started without its output"),
        )));
    };
    let streams = Streams {
        stdin: child.stdin.take(),
        outputs_first: Duration::ZERO,
        stdout,
        stderr,
    };
    let end = async { child.wait().await.map(|status| status.code()) };
    let mut heard = Heard::new(&job.line.mark);
    let attended = attend(streams, &job, &mut heard, sink, end);
    let attended = timeout(job.patience(), attended).await;
    match attended {
        Ok(Ok(Attended::Ended(outputs, status))) => heard.answer(&job, outputs, status),
        Ok(Err(error)) => Err(heard.lost(
            &job,
            Unseen::new(
                Cause::Error,
                format!("failed to wait for `{}`: {error}", job.line.program),
            ),
        )),
        Ok(Ok(Attended::NotReady)) | Err(_) => {
            group.end().await;
            Err(job.out_of_time(&heard))
        }
    }
}

/// A child and all that it started.
struct Group {
    child: Child,
    /// Whether it lives on where the wait for it is given up: a write holds its lock until its own deadline.
    spare: bool,
}

impl Group {
    /// Kills all of it, and reaps the child.
    async fn end(&mut self) {
        self.kill();
        // A killed process is gone at once, unless it hangs in the kernel; then nobody can reap it.
        let _ = timeout(Duration::from_secs(1), self.child.wait()).await;
    }

    /// Nothing is sent once the child was reaped: its number may belong to somebody else by then.
    fn kill(&self) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = id.and_then(Pid::from_raw) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.spare {
            self.kill();
        }
    }
}
