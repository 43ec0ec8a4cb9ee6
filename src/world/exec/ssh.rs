//! Far hosts: one ssh connection for each, opened once however many ask, kept and reused.
//!
//! The connection is a master process of ssh(1), so that keys, jumps and known hosts are those of the
//! person who runs cutover; questions go to it over its control socket. A host key that is not known, or
//! has changed, is refused unless that person's own configuration says otherwise.
#![expect(
    clippy::disallowed_methods,
    reason = "this module is where ssh is started"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use openssh::Session;
use tokio::process::Command;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::output::{Sink, Streams, attend};
use super::reason::{self, Hint};
use super::{Job, Lost, Output};
use crate::clock::short;
use crate::event::{Cause, Unseen};

/// Questions at one time over one connection. sshd allows ten sessions unless it is told otherwise.
const SESSIONS: usize = 6;

/// How long ssh waits for one address to accept and to say who it is.
pub(super) const CONNECT: Duration = Duration::from_secs(6);

/// How long a connection may take in all: several addresses, a jump, the keys.
pub(super) const ESTABLISH: Duration = Duration::from_secs(20);

/// How long a failure to connect stands for those who ask next.
const PAUSE: Duration = Duration::from_secs(2);

/// How long a connection that nobody uses stays open, also where we were killed.
const IDLE_SECS: u32 = 120;

/// How long a master may take to end.
const CLOSE: Duration = Duration::from_secs(2);

/// Where and how to connect: hosts that say the same share a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) destination: String,
    pub(super) config: Option<PathBuf>,
}

impl Target {
    /// ssh(1) with what every call has in common.
    pub(super) fn ssh(&self) -> Command {
        let mut ssh = Command::new("ssh");
        if let Some(config) = &self.config {
            ssh.arg("-F").arg(config);
        }
        ssh.stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .env("LC_ALL", "C.UTF-8")
            .process_group(0)
            .kill_on_drop(true);
        ssh
    }
}

/// All connections of one run.
#[derive(Clone, Default)]
pub(super) struct Pool {
    hosts: Arc<Mutex<HashMap<Target, Arc<Far>>>>,
}

/// One far host.
struct Far {
    target: Target,
    state: Mutex<State>,
    sessions: Semaphore,
}

enum State {
    Down,
    Connecting(Attempt),
    Up(Arc<Link>),
    Failed { at: Instant, why: Unseen },
}

/// One attempt to connect, which all who ask meanwhile wait for.
#[derive(Clone)]
struct Attempt {
    end: Shared<BoxFuture<'static, Result<Arc<Link>, Unseen>>>,
    hint: Hint,
}

/// An open connection. Dropping it asks its master to end.
type Link = Session;

impl Pool {
    pub(super) async fn run(
        &self,
        target: Target,
        job: Job<'_>,
        sink: Sink<'_>,
    ) -> Result<Output, Lost> {
        let far = self.far(target);
        far.run(job, sink).await
    }

    fn far(&self, target: Target) -> Arc<Far> {
        let mut hosts = lock(&self.hosts);
        let far = hosts.entry(target.clone()).or_insert_with(|| {
            Arc::new(Far {
                target,
                state: Mutex::new(State::Down),
                sessions: Semaphore::new(SESSIONS),
            })
        });
        Arc::clone(far)
    }

    /// Ends all masters, side by side.
    pub(super) async fn close(&self) {
        let hosts: Vec<Arc<Far>> = lock(&self.hosts).drain().map(|(_, far)| far).collect();
        futures::future::join_all(hosts.iter().map(|far| far.close())).await;
    }
}

impl Far {
    async fn run(self: &Arc<Far>, job: Job<'_>, sink: Sink<'_>) -> Result<Output, Lost> {
        let begun = Instant::now();
        let deadline = begun + job.timeout;
        let (_place, mut child) = self.open(&job, deadline).await?;
        let link = child.session();
        let (stdout, stderr) = match (child.stdout().take(), child.stderr().take()) {
            (Some(stdout), Some(stderr)) => (stdout, stderr),
            _ => {
                return Err(Lost::midway(self.unseen(
                    &job,
                    Cause::Error,
                    "gave no output",
                )));
            }
        };
        let streams = Streams {
            stdin: child.stdin().take(),
            hold: job.line.watched,
            // The far side may tell the end before the last output, and whoever takes the end drops the
            // streams. A look needs all of its output, even where something that it started holds them for
            // long; a write needs its end.
            outputs_first: match job.write {
                true => Duration::ZERO,
                false => job.timeout / 2,
            },
            stdout,
            stderr,
        };
        let end = async {
            match child.wait().await {
                Ok(status) => Ok(status.code()),
                Err(openssh::Error::Remote(_)) => Ok(Some(127)),
                // The program was ended by a signal, or the connection was: the master knows.
                Err(openssh::Error::RemoteProcessTerminated) if link.check().await.is_ok() => {
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        };
        match timeout_at(
            begun + job.patience(),
            attend(streams, job.stdin, sink, end),
        )
        .await
        {
            Ok(Ok(output)) => {
                // A look that ran out of time may have been ended there before it was given up here.
                let ended = matches!(output.status, None | Some(124 | 137 | 143));
                if !job.write && ended && begun.elapsed() >= job.timeout {
                    return Err(job.out_of_time());
                }
                Ok(output)
            }
            Ok(Err(error)) => {
                self.forget(&link);
                Err(Lost::midway(self.unseen(
                    &job,
                    Cause::Unreachable,
                    &format!(
                        "lost its connection while `{}` ran: {error}",
                        job.line.program
                    ),
                )))
            }
            Err(_) => Err(job.out_of_time()),
        }
    }

    /// Starts the program, on a new connection where the old one turns out to have ended. A look is tried
    /// again; a write is not, since nobody knows how far it came.
    async fn open(
        self: &Arc<Far>,
        job: &Job<'_>,
        deadline: Instant,
    ) -> Result<(SemaphorePermit<'_>, openssh::Child<Arc<Link>>), Lost> {
        let Ok(Ok(place)) = timeout_at(deadline, self.sessions.acquire()).await else {
            let why = "is busy with other questions";
            return Err(Lost::before(self.unseen(job, Cause::TimedOut, why)));
        };
        let line = job.line.for_shell(job.host.sudo);
        let mut failed: u32 = 0;
        loop {
            let link = self.link(job, deadline).await.map_err(Lost::before)?;
            if job.write && failed == 0 && link.check().await.is_err() {
                self.forget(&link);
                failed += 1;
                continue;
            }
            let mut command = Arc::clone(&link).arc_raw_command(&line);
            command
                .stdin(if job.stdin.is_empty() && !job.line.watched {
                    openssh::Stdio::null()
                } else {
                    openssh::Stdio::piped()
                })
                .stdout(openssh::Stdio::piped())
                .stderr(openssh::Stdio::piped());
            let error = match timeout_at(deadline, command.spawn()).await {
                Ok(Ok(child)) => return Ok((place, child)),
                Ok(Err(error)) => error,
                Err(_) => {
                    // Nobody knows whether the far side began, nor whether this connection still works.
                    self.forget(&link);
                    let why = "does not answer any more on its open connection";
                    return Err(Lost::midway(self.unseen(job, Cause::Frozen, why)));
                }
            };
            failed += 1;
            let gone = matches!(error, openssh::Error::Disconnected);
            if gone {
                self.forget(&link);
            }
            if job.write || failed > 3 {
                let why = format!("did not start `{}`: {error}", job.line.program);
                return Err(Lost::midway(self.unseen(job, Cause::Error, &why)));
            }
            if !gone {
                // A far side that allows fewer sessions than usual has one free in a moment.
                sleep(Duration::from_millis(150) * failed).await;
            }
        }
    }

    /// The open connection; a new one where there is none.
    async fn link(self: &Arc<Far>, job: &Job<'_>, deadline: Instant) -> Result<Arc<Link>, Unseen> {
        let attempt = {
            let mut state = lock(&self.state);
            match &*state {
                State::Up(link) => return Ok(Arc::clone(link)),
                State::Failed { at, why } if at.elapsed() < PAUSE => return Err(why.clone()),
                State::Connecting(attempt) => attempt.clone(),
                State::Down | State::Failed { .. } => {
                    let attempt = self.attempt(&job.host.name);
                    *state = State::Connecting(attempt.clone());
                    attempt
                }
            }
        };
        match timeout_at(deadline, attempt.end).await {
            Ok(end) => end,
            Err(_) => Err(attempt.hint.take().unwrap_or_else(|| {
                let why = format!("was not connected within {}", short(job.timeout));
                self.unseen(job, Cause::TimedOut, &why)
            })),
        }
    }

    /// Connects in a task of its own, which goes on where the one who asked first gives up.
    fn attempt(self: &Arc<Far>, name: &str) -> Attempt {
        let hint = Hint::default();
        let (far, name, told) = (Arc::clone(self), name.to_owned(), hint.clone());
        let task = tokio::spawn(async move {
            let end = connect(&far.target, &name, &told).await.map(Arc::new);
            let mut state = lock(&far.state);
            *state = match &end {
                Ok(link) => State::Up(Arc::clone(link)),
                Err(why) => State::Failed {
                    at: Instant::now(),
                    why: why.clone(),
                },
            };
            end
        });
        let end = task.map(|end| {
            end.unwrap_or_else(|error| {
                Err(Unseen::new(
                    Cause::Error,
                    format!("the task that connects ended early: {error}"),
                ))
            })
        });
        Attempt {
            end: end.boxed().shared(),
            hint,
        }
    }

    /// Gives this connection up, unless another has taken its place already.
    fn forget(&self, link: &Arc<Link>) {
        let mut state = lock(&self.state);
        if matches!(&*state, State::Up(up) if Arc::ptr_eq(up, link)) {
            *state = State::Down;
        }
    }

    async fn close(&self) {
        let state = std::mem::replace(&mut *lock(&self.state), State::Down);
        let link = match state {
            State::Up(link) => link,
            State::Connecting(attempt) => match timeout(CLOSE, attempt.end).await {
                Ok(Ok(link)) => link,
                _ => return,
            },
            State::Down | State::Failed { .. } => return,
        };
        let mut exit = self.target.ssh();
        exit.arg("-S")
            .arg(link.control_socket())
            .args(["-O", "exit", "--"])
            .arg(&self.target.destination);
        if let Ok(mut exit) = exit.spawn() {
            // Where even this hangs, the master still ends by itself once it was idle for a while.
            let _ = timeout(CLOSE, exit.wait()).await;
        }
    }

    fn unseen(&self, job: &Job<'_>, cause: Cause, what: &str) -> Unseen {
        reason::about(&job.host.name, &self.target.destination, cause, what)
    }
}

/// Starts a master and waits until it is connected. What ssh says of a failure, or what a look at the
/// address meanwhile has shown, is the reason.
async fn connect(target: &Target, name: &str, hint: &Hint) -> Result<Link, Unseen> {
    let unseen = |cause, what: &str| reason::about(name, &target.destination, cause, what);
    let here = |what: &str, error: std::io::Error| {
        unseen(Cause::Error, &format!("cannot be asked: {what}: {error}"))
    };
    if target.destination.is_empty() || target.destination.starts_with('-') {
        return Err(unseen(Cause::NoName, "is not a destination for ssh"));
    }
    let folder = control_folder().map_err(|error| here("no folder for its connection", error))?;
    let said = folder.path().join("said");
    let log = std::fs::File::create(&said).map_err(|error| here("no file for messages", error))?;
    let mut master = target.ssh();
    master
        .stderr(log)
        .args(["-M", "-N", "-f", "-T", "-S"])
        .arg(folder.path().join("master"))
        .args(["-o", "BatchMode=yes"])
        .args(["-o", "LogLevel=ERROR"])
        .args(["-o", "ServerAliveInterval=5"])
        .args(["-o", "ClearAllForwardings=yes"])
        .args(["-o", "ForwardAgent=no"])
        .args(["-o", "ForwardX11=no"])
        .args(["-o", "PermitLocalCommand=no"])
        .args(["-o", "RemoteCommand=none"])
        .arg("-o")
        .arg(format!("ControlPersist={IDLE_SECS}"))
        .arg("-o")
        .arg(format!("ConnectTimeout={}", CONNECT.as_secs()))
        .arg("--")
        .arg(&target.destination);
    let mut child = master.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => unseen(
            Cause::Missing,
            "cannot be asked: `ssh` is not installed here",
        ),
        _ => here("failed to start ssh", error),
    })?;
    let scout = reason::scout(target, name, hint);
    let status = tokio::select! {
        status = timeout(ESTABLISH, child.wait()) => status,
        never = scout => match never {},
    };
    match status {
        Ok(Ok(status)) if status.success() => Ok(Session::new_native_mux(folder)),
        Ok(Ok(_)) => {
            let text = tail(&said);
            let told = match reason::classify(&text) {
                // A master hides what a host on the way says, so that one is asked without a master.
                None | Some((Cause::Error, _)) => match reason::on_the_way(target).await {
                    None => reason::classify(&text),
                    found => found,
                },
                told => told,
            };
            Err(match told {
                Some((cause, what)) => unseen(cause, &what),
                None => hint.take().unwrap_or_else(|| {
                    let last =
                        super::words::printable(text.lines().last().unwrap_or("it said nothing"));
                    unseen(Cause::Error, &format!("cannot be connected to: {last}"))
                }),
            })
        }
        Ok(Err(error)) => Err(here("failed to wait for ssh", error)),
        Err(_) => {
            let _ = child.start_kill();
            let what = format!("was not connected within {}", short(ESTABLISH));
            Err(hint
                .take()
                .unwrap_or_else(|| unseen(Cause::TimedOut, &what)))
        }
    }
}

/// A private folder with a short name: the path of a socket must fit into about a hundred bytes.
fn control_folder() -> std::io::Result<tempfile::TempDir> {
    let own = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute() && path.as_os_str().len() < 50 && path.is_dir());
    let make = |folder: &Path| {
        tempfile::Builder::new()
            .prefix("cutover-ssh-")
            .tempdir_in(folder)
    };
    match own.as_deref().map(make) {
        Some(Ok(folder)) => Ok(folder),
        _ => make(Path::new("/tmp")),
    }
}

/// The end of what ssh said, at most a few lines.
fn tail(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let from = bytes.len().saturating_sub(4 << 10);
    String::from_utf8_lossy(&bytes[from..]).trim().to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change of what is inside is one assignment: a panic elsewhere leaves it whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
