//! Programs, here and on far hosts over ssh.

use std::path::PathBuf;
use std::time::Duration;

use crate::event::{Answer, Unseen};
use crate::journal::Permit;

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

/// A program that only looks, on the promise of whoever wrote the line: one search for `looks_only` lists
/// every such promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    argv: Vec<String>,
    stdin: Vec<u8>,
}

impl Inquiry {
    /// A program and its arguments. No shell: each argument reaches the program as it is.
    pub fn looks_only<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Inquiry {
        Inquiry {
            argv: argv.into_iter().map(Into::into).collect(),
            stdin: Vec::new(),
        }
    }

    /// A small POSIX shell script; its text goes through standard input, so that it needs no quoting.
    pub fn script_that_looks_only(script: &str) -> Inquiry {
        Inquiry {
            argv: vec!["sh".into(), "-s".into()],
            stdin: script.as_bytes().to_vec(),
        }
    }

    /// What the program reads from its standard input.
    pub fn stdin(mut self, bytes: Vec<u8>) -> Inquiry {
        self.stdin = bytes;
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

/// What a program left behind. Output is cut off at a bound, and says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The exit status; `None` where a signal ended it.
    pub status: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub truncated: bool,
}

/// The most of each output stream that is kept, in bytes.
pub const KEEP: usize = 4 << 20;

/// Runs programs: one connection per host, kept and reused.
#[derive(Clone, Debug, Default)]
pub struct Exec {}

impl Exec {
    pub fn new() -> Exec {
        Exec::default()
    }

    /// Runs a program that only looks, and returns what it printed. An exit status other than 0 is not an
    /// error here; a host that cannot be asked is.
    pub async fn ask(
        &self,
        host: &Reach,
        inquiry: &Inquiry,
        timeout: Duration,
    ) -> Result<Output, Unseen> {
        let _ = (host, inquiry, timeout);
        todo!()
    }

    /// Like [`Exec::ask`], but hands each line of standard output (without its newline) to `line` as it
    /// comes, and keeps none; `Output::stdout` is empty.
    pub async fn stream(
        &self,
        host: &Reach,
        inquiry: &Inquiry,
        timeout: Duration,
        line: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Output, Unseen> {
        let _ = (host, inquiry, timeout, line);
        todo!()
    }

    /// Runs a program that changes something. Exit status 0 is [`Answer::Done`].
    pub async fn run(&self, host: &Reach, command: &Command, permit: Permit<'_>) -> Answer {
        let _ = (host, command, permit);
        todo!()
    }

    /// Closes every connection, each within a deadline.
    pub async fn close(&self) {}
}
