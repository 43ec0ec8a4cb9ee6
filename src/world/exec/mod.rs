//! Programs, here and on far hosts over ssh.
//!
//! Whatever runs, runs under a deadline, in English, in UTC, in one envelope of marks, and with its output cut off at
//! a bound. What stands outside the marks is not the program's, and without them there is no [`Output`]. A look
//! goes through [`Inquiry`]; a write costs a [`Permit`] and holds a lock where it runs, so that a write that
//! an earlier process left behind can never overlap with the next one.
//!
//! A far host has one connection, and short looks that come at about the same time go over it in one round
//! trip, each under its own deadline and each answered as soon as it ends. Long looks, looks that are
//! streamed, and writes go alone.

mod coded;
mod envelope;
mod feed;
mod joined;
mod local;
mod login;
mod master;
mod not_run;
mod output;
mod reason;
mod rehearsal;
mod script;
mod sessions;
mod ssh;
mod together;
mod typed;
mod words;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::{Clock, Stamp, short};
use crate::event::{Answer, Cause, Unseen};
use crate::journal::Permit;
pub use crate::words::quoted;
use envelope::Heard;
pub(in crate::world) use words::printable;

/// How a host is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The host's id in the playbook, for messages.
    pub name: String,
    pub via: Via,
    /// Whether commands run under `sudo -n`.
    pub sudo: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// This machine.
    Local,
    /// Whatever ssh(1) takes as its destination; keys and jumps come from its configuration.
    Ssh {
        destination: String,
        config: Option<PathBuf>,
    },
}

impl Reach {
    /// Where ssh connects to; none for this machine.
    fn target(&self) -> Option<master::Target> {
        match &self.via {
            Via::Local => None,
            Via::Ssh {
                destination,
                config,
            } => Some(master::Target {
                destination: destination.clone(),
                config: config.clone(),
            }),
        }
    }
}

/// A program that only looks, on the promise of whoever wrote the line: one search for `looks_only` lists
/// every such promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    argv: Vec<String>,
    stdin: Vec<u8>,
    nice: bool,
}

impl Inquiry {
    /// A program and its arguments. No shell: each argument reaches the program as it is.
    pub fn looks_only<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Inquiry {
        Inquiry {
            argv: argv.into_iter().map(Into::into).collect(),
            stdin: Vec::new(),
            nice: false,
        }
    }

    /// A small POSIX shell script; its text goes through standard input, so that it needs no quoting.
    pub fn script_that_looks_only(script: &str) -> Inquiry {
        Inquiry {
            argv: vec!["sh".into(), "-s".into()],
            stdin: script.as_bytes().to_vec(),
            nice: false,
        }
    }

    /// What the program reads from its standard input.
    pub fn stdin(mut self, bytes: Vec<u8>) -> Inquiry {
        self.stdin = bytes;
        self
    }

    /// Marks a long look: it runs at the lowest priority, so that it does not slow down what it looks at,
    /// and on a far host it ends when it is given up here.
    pub fn niced(mut self) -> Inquiry {
        self.nice = true;
        self
    }

    pub fn argv(&self) -> &[String] {
        &self.argv
    }
}

/// A program that changes something: it runs against a permit only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub argv: Vec<String>,
    pub stdin: Vec<u8>,
}

/// What a program left behind, without whatever a login shell, sudo or sshd printed around it. Output is cut off at a
/// bound, and says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The exit status; `None` where a signal ended it and the far shell tells so (some tell 128 and its number).
    pub status: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub truncated: bool,
    /// Whether it did not run, since there is no such program there, or nobody may run it. Its status is 127, as in a
    /// shell; a program that ran may end with that status, too.
    pub missing: bool,
    /// Whether its own deadline ended it.
    late: bool,
    /// Whoever makes an output has read its marks.
    marked: envelope::Marked,
}

impl Output {
    /// What a test says that a program left behind.
    #[cfg(test)]
    pub(crate) fn of_a_test(status: Option<i32>, stdout: &[u8], stderr: &[u8]) -> Output {
        Output {
            status,
            stdout: stdout.to_vec(),
            stderr: stderr.to_vec(),
            truncated: false,
            missing: false,
            late: false,
            marked: envelope::Marked::of_a_test(),
        }
    }
}

/// The most of each output stream that is kept, in bytes.
pub const KEEP: usize = 4 << 20;

/// The longest line that a stream hands over, in bytes; what follows until the newline is cut off.
pub const LINE: usize = 64 << 10;

/// How long a program that was told to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// Runs programs: one connection per host, kept and reused.
#[derive(Clone, Default)]
pub struct Exec {
    far: ssh::Pool,
    /// The playbook whose places are written; empty where none is.
    playbook: String,
}

impl fmt::Debug for Exec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exec")
    }
}

/// One program as it is started, with the wrapping that its place needs.
struct Job<'a> {
    host: &'a Reach,
    line: words::Line,
    stdin: &'a [u8],
    timeout: Duration,
    /// How long it may wait for its start.
    start: Duration,
    /// How long what begins when it is told may take to be ready; none where it begins by itself.
    ready: Option<Duration>,
    /// By when a write must have been told to end; none for a look. A write that is given up goes on until then, with
    /// its lock held; a look is ended at once.
    until: Option<Instant>,
}

/// Why a job has no output, and whether the program may have begun.
struct Lost {
    why: Unseen,
    began: bool,
}

impl Lost {
    fn before(why: Unseen) -> Lost {
        Lost { why, began: false }
    }

    fn midway(why: Unseen) -> Lost {
        Lost { why, began: true }
    }
}

impl Exec {
    pub fn new() -> Exec {
        Exec::default()
    }

    /// The same, for the places of this playbook: hosts and steps of others may have the same names, and are not
    /// waited for.
    pub fn of_playbook(self, name: &str) -> Exec {
        Exec {
            playbook: name.to_owned(),
            ..self
        }
    }

    /// Runs a program that only looks, and returns what it printed. An exit status other than 0 is not an
    /// error here; a host that cannot be asked is.
    pub async fn ask(
        &self,
        host: &Reach,
        inquiry: &Inquiry,
        timeout: Duration,
    ) -> Result<Output, Unseen> {
        let job = Job::look(host, inquiry, timeout);
        self.start(job, output::Sink::Keep)
            .await
            .map_err(|lost| lost.why)
    }

    /// Like [`Exec::ask`], but hands each line of standard output (without its newline) to `line` as it
    /// comes, and keeps none; `Output::stdout` is empty. A line longer than [`LINE`] is cut off there, and
    /// `truncated` is set.
    pub async fn stream(
        &self,
        host: &Reach,
        inquiry: &Inquiry,
        timeout: Duration,
        line: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Output, Unseen> {
        let job = Job::look(host, inquiry, timeout);
        self.start(job, output::Sink::Lines(line))
            .await
            .map_err(|lost| lost.why)
    }

    /// Runs a program that changes something. Exit status 0 is [`Answer::Done`].
    ///
    /// The program is ended in time for [`Permit::until`], on the far side too. It holds a lock there, so
    /// that no second write to the same place can begin before it ended.
    pub async fn run(&self, host: &Reach, command: &Command, permit: Permit<'_>) -> Answer {
        let left = permit.until().left(&now());
        let Some((time, start)) = time_to_run(left) else {
            return Answer::Refused {
                why: format!("no time is left to run `{}`", words::program(&command.argv)),
            };
        };
        let lock = words::Lock::of(&self.playbook, &host.name, permit.place());
        let job = Job {
            host,
            line: words::Line::write(host, command, &lock),
            stdin: &command.stdin,
            timeout: time,
            start,
            ready: Some(start),
            until: Some(Instant::now() + time),
        };
        match self.start(job, output::Sink::Keep).await {
            Ok(output) => words::answer(&command.argv, &output),
            Err(Lost { why, began: true }) => Answer::Unclear { why: why.detail },
            Err(Lost { why, began: false }) => Answer::Refused { why: why.detail },
        }
    }

    /// Begins to connect to hosts that will be asked soon, side by side, and waits for none of them.
    pub fn connect_ahead<'a>(&self, hosts: impl IntoIterator<Item = &'a Reach>) {
        for target in hosts.into_iter().filter_map(Reach::target) {
            self.far.connect_ahead(target);
        }
    }

    /// Closes every connection, each within a deadline.
    pub async fn close(&self) {
        self.far.close().await;
    }

    async fn start(&self, job: Job<'_>, sink: output::Sink<'_>) -> Result<Output, Lost> {
        match job.host.target() {
            None => local::run(job, sink).await,
            Some(target) => self.far.run(target, job, sink).await,
        }
    }
}

impl<'a> Job<'a> {
    fn look(host: &'a Reach, inquiry: &'a Inquiry, timeout: Duration) -> Job<'a> {
        Job {
            host,
            line: words::Line::look(host, inquiry, timeout),
            stdin: &inquiry.stdin,
            timeout,
            start: timeout,
            ready: None,
            until: None,
        }
    }

    /// A look that begins where it is told to, and may take so long to be ready.
    fn rehearsal(
        host: &'a Reach,
        inquiry: &'a Inquiry,
        timeout: Duration,
        ready: Duration,
    ) -> Job<'a> {
        Job {
            line: words::Line::rehearsal(host, inquiry, timeout),
            ready: Some(ready),
            ..Job::look(host, inquiry, timeout)
        }
    }

    fn write(&self) -> bool {
        self.until.is_some()
    }

    /// Whether it begins only where it is told to.
    fn waits(&self) -> bool {
        self.ready.is_some()
    }

    /// What tells it now to begin; none where no second is left to a write, or its start has taken too long.
    fn go(&self) -> Option<String> {
        let left = match self.until {
            Some(until) => until.checked_duration_since(Instant::now())?,
            None => self.timeout,
        };
        (left.as_secs() > 0).then(|| self.line.mark.go(left.as_secs()))
    }

    /// How long to wait for the end: a write may use its grace to end in good order.
    fn patience(&self) -> Duration {
        if self.write() {
            self.timeout + SECOND + GRACE
        } else {
            self.timeout
        }
    }

    /// What its program reads, behind the line that proves that nobody has read of it before.
    fn input(&self) -> Vec<u8> {
        match self.stdin {
            // Its lines come first, and the last of them lets it begin.
            stdin if self.waits() => stdin.to_vec(),
            [] if !self.line.watched => Vec::new(),
            stdin => [self.line.mark.input().as_bytes(), stdin].concat(),
        }
    }

    /// How long only its outputs are waited for: in any case until it has told why it was not ready.
    fn outputs_first(&self, begun: Instant) -> Duration {
        let left = (begun + self.timeout).saturating_duration_since(Instant::now());
        let tells = self.ready.map(|ready| ready + output::AFTER_END);
        (left / 2).max(tells.unwrap_or_default())
    }

    /// Whoever shares a destination is told of by the name that it was asked by.
    fn unseen(&self, why: &reason::Reason) -> Unseen {
        match &self.host.via {
            Via::Local => why.of(&self.host.name, &self.host.name),
            Via::Ssh { destination, .. } => why.of(&self.host.name, destination),
        }
    }

    fn out_of_time(&self, heard: &Heard) -> Lost {
        let why = match heard.begun() {
            true => self.too_slow("did not end", self.timeout),
            false => self.not_begun(self.ready.unwrap_or(self.timeout)),
        };
        heard.lost(self, why)
    }

    fn not_begun(&self, time: Duration) -> Unseen {
        let mut why = self.too_slow("did not begin", time);
        if self.host.via != Via::Local {
            why.detail
                .push_str(": its login takes that long, or waits for an answer");
        }
        why
    }

    fn too_slow(&self, what: &str, time: Duration) -> Unseen {
        Unseen::new(
            Cause::TimedOut,
            format!(
                "`{}` on `{}` {what} within {}",
                self.line.program,
                self.host.name,
                short(time)
            ),
        )
    }
}

fn now() -> Stamp {
    Clock::real().now()
}

/// A far clock counts whole seconds, and so may begin to count up to one of them too late.
const SECOND: Duration = Duration::from_secs(1);

/// How long a write needs at least, from when it is to begin until it has surely ended.
pub const LEAST: Duration = Duration::from_secs(GRACE.as_secs() + 3 * SECOND.as_secs());

/// The time that a write gets, so that it has surely ended `left` from now: less the time to end it. The second one is
/// by when it must have begun: a start that takes more than half of the time leaves too little.
fn time_to_run(left: Duration) -> Option<(Duration, Duration)> {
    let time = left.saturating_sub(GRACE + SECOND);
    (left >= LEAST).then_some((time, time / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_ends_before_its_permit_does() {
        assert_eq!(
            time_to_run(Duration::from_secs(40)),
            Some((Duration::from_secs(34), Duration::from_secs(17)))
        );
        assert_eq!(
            time_to_run(Duration::from_millis(12_900)),
            Some((Duration::from_millis(6900), Duration::from_millis(3450)))
        );
        assert_eq!(time_to_run(LEAST - Duration::from_millis(1)), None);
        assert_eq!(time_to_run(LEAST), Some((2 * SECOND, SECOND)));
        assert_eq!(time_to_run(Duration::ZERO), None);
    }
}
