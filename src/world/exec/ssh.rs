//! Far hosts: one ssh connection for each, opened once however many ask, kept and reused.
//!
//! The connection is a master process of ssh(1), so that keys, jumps and known hosts are those of the
//! person who runs cutover; questions go to it over its control socket. A host key that is not known, or
//! has changed, is refused unless that person's own configuration says otherwise. Looks that come at about
//! the same time share a session of it, as `together` tells; all else has a session of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::sync::SemaphorePermit;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::envelope::{self, Heard};
use super::joined;
use super::master::{self, Link, Target};
use super::output::{Attended, Sink, Streams, attend};
use super::reason::{Hint, Reason};
use super::sessions::Sessions;
use super::together::{Looks, Ride, Seat, Stage};
use super::{Job, Lost, Output};
use crate::clock::short;
use crate::event::{Cause, Unseen};

/// How long a look waits for others to go with it: looks of one batch come one right after the other.
const GATHER: Duration = Duration::from_millis(3);

/// How long looks that went together wait for their script to begin, before each is asked alone as well.
const BEGINS: Duration = Duration::from_secs(2);

/// How long a failure to connect stands for those who ask next.
const PAUSE: Duration = Duration::from_secs(2);

/// How long a master may take to end.
const CLOSE: Duration = Duration::from_secs(2);

/// All connections of one run.
#[derive(Clone, Default)]
pub(super) struct Pool {
    hosts: Arc<Mutex<HashMap<Target, Arc<Far>>>>,
}

/// One far host.
struct Far {
    target: Target,
    state: Mutex<State>,
    sessions: Sessions,
    /// Looks that have not left yet, and take others along.
    ride: Mutex<Weak<Ride>>,
}

enum State {
    Down,
    Connecting(Attempt),
    Up(Arc<Link>),
    Failed { at: Instant, why: Reason },
}

/// One attempt to connect, which all who ask meanwhile wait for.
#[derive(Clone)]
struct Attempt {
    end: Shared<BoxFuture<'static, Result<Arc<Link>, Reason>>>,
    hint: Hint,
    task: AbortHandle,
}

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

    /// Begins to connect, so that whoever asks soon waits less. What becomes of it is told to them.
    pub(super) fn connect_ahead(&self, target: Target) {
        let far = self.far(target);
        let mut state = lock(&far.state);
        if matches!(&*state, State::Down) {
            *state = State::Connecting(far.attempt());
        }
    }

    fn far(&self, target: Target) -> Arc<Far> {
        let mut hosts = lock(&self.hosts);
        let far = hosts.entry(target.clone()).or_insert_with(|| {
            Arc::new(Far {
                target,
                state: Mutex::new(State::Down),
                sessions: Sessions::new(),
                ride: Mutex::default(),
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
        let keeps = matches!(sink, Sink::Keep);
        if let Some(line) = joined::line(&job).filter(|_| keeps)
            && let Some(output) = self.together(&job, line, begun).await?
        {
            return Ok(output);
        }
        self.alone(&job, sink, begun).await
    }

    /// Asks in one session with what else is asked at about the same time. None: to be asked alone.
    async fn together(
        self: &Arc<Far>,
        job: &Job<'_>,
        line: String,
        begun: Instant,
    ) -> Result<Option<Output>, Lost> {
        let deadline = begun + job.timeout;
        let link = self.link(job, deadline).await.map_err(Lost::before)?;
        let mut seat = self.board(line);
        let begins = BEGINS.min(job.timeout / 2);
        let mut until = deadline.min(Instant::now() + begins);
        let told = loop {
            match seat.answer(until).await {
                // Something in the login may have read the script, or keep back what it says. What is asked alone may
                // come through all the same, or tells why not.
                // Where a host has one session only, that one holds up the other: then what it waits for is the reason.
                Err(Stage::Open) if until < deadline => tokio::select! {
                    biased;
                    told = seat.answer(deadline) => break told,
                    alone = self.alone(job, Sink::Keep, begun) => return alone.map(Some),
                },
                Err(Stage::Running) if until < deadline => until = deadline,
                Err(_) if until < deadline => until = deadline.min(Instant::now() + begins),
                told => break told,
            }
        };
        match told {
            // What did not come whole, or never ran, is asked alone: that tells why.
            Ok(raw) => Ok(raw.and_then(|raw| envelope::opened(&job.line.mark, &raw.out, &raw.err))),
            Err(Stage::Waiting) => Err(Lost::before(self.busy(job))),
            Err(Stage::Open) => Err(Lost::before(job.not_begun(job.timeout))),
            Err(Stage::Starting) => {
                self.forget(&link);
                let why = "does not answer any more on its open connection";
                Err(Lost::midway(unseen(job, Cause::Frozen, why)))
            }
            Err(Stage::Running) => Err(Lost::midway(job.too_slow("did not end", job.timeout))),
        }
    }

    /// A seat beside the looks that wait to leave; where there are none, or no more than these, in a ride of
    /// its own.
    fn board(self: &Arc<Far>, line: String) -> Seat {
        let mut last = lock(&self.ride);
        let line = match last.upgrade() {
            Some(ride) => match ride.board(line) {
                Ok(seat) => return seat,
                Err(line) => line,
            },
            None => line,
        };
        let far = Arc::clone(self);
        let (ride, seat) = Ride::begin(line, |looks| async move { far.carry(looks).await });
        *last = Arc::downgrade(&ride);
        seat
    }

    /// Carries the looks of one ride. Whatever goes wrong here ends it, and they are asked alone.
    async fn carry(self: Arc<Far>, looks: Arc<Looks>) {
        sleep(GATHER).await;
        let Some(mut place) = self.sessions.take().await else {
            return;
        };
        let link = match &*lock(&self.state) {
            State::Up(link) => Arc::clone(link),
            _ => return,
        };
        let Some(leaving) = looks.leave() else { return };
        let line = leaving.line();
        // It ends where all who wait have given up.
        let mut child = loop {
            let mut command = Arc::clone(&link).arc_raw_command(&line);
            command
                .stdin(openssh::Stdio::piped())
                .stdout(openssh::Stdio::piped())
                .stderr(openssh::Stdio::piped());
            match command.spawn().await {
                Ok(child) => {
                    self.sessions.give();
                    break child;
                }
                Err(error) if is_refusal(&error) => {
                    looks.reached(Stage::Waiting);
                    self.sessions.refuse(place).await;
                    place = match self.sessions.take().await {
                        Some(place) => place,
                        None => return,
                    };
                }
                Err(_) => return,
            }
        };
        let streams = (
            child.stdin().take(),
            child.stdout().take(),
            child.stderr().take(),
        );
        if let (Some(stdin), Some(stdout), Some(stderr)) = streams {
            looks.reached(Stage::Open);
            leaving.attend(&looks, stdin, stdout, stderr).await;
        }
        drop(place);
    }

    /// Asks in a session of its own.
    async fn alone(
        self: &Arc<Far>,
        job: &Job<'_>,
        sink: Sink<'_>,
        begun: Instant,
    ) -> Result<Output, Lost> {
        let (_place, mut child) = self.open(job, begun + job.start).await?;
        let link = child.session();
        let (stdout, stderr) = match (child.stdout().take(), child.stderr().take()) {
            (Some(stdout), Some(stderr)) => (stdout, stderr),
            _ => {
                return Err(Lost::before(unseen(job, Cause::Error, "gave no output")));
            }
        };
        let streams = Streams {
            stdin: child.stdin().take(),
            // The far side may tell the end before the last output, and whoever takes the end drops the
            // streams, with the marks in them.
            outputs_first: job.outputs_first(begun),
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
        let mut heard = Heard::coded(&job.line.mark);
        let attended = attend(streams, job, &mut heard, sink, end);
        let attended = timeout_at(begun + job.patience(), attended).await;
        match attended {
            Ok(Ok(Attended::Ended(outputs, status))) => {
                let output = heard.answer(job, outputs, status)?;
                // A look that ran out of time may have been ended there before it was given up here.
                let ended = matches!(output.status, None | Some(124 | 137 | 143));
                if !job.write() && ended && begun.elapsed() >= job.timeout {
                    return Err(Lost::midway(job.too_slow("did not end", job.timeout)));
                }
                Ok(output)
            }
            Ok(Err(error)) => {
                self.forget(&link);
                let why = format!(
                    "lost its connection while `{}` ran: {error}",
                    job.line.program
                );
                Err(heard.lost(job, unseen(job, Cause::Unreachable, &why)))
            }
            Ok(Ok(Attended::NotReady)) | Err(_) => Err(job.out_of_time(&heard)),
        }
    }

    /// Starts the program, on a new connection where the old one turns out to have ended. What was not told to begin
    /// can be tried again, a write too.
    async fn open(
        self: &Arc<Far>,
        job: &Job<'_>,
        deadline: Instant,
    ) -> Result<(SemaphorePermit<'_>, openssh::Child<Arc<Link>>), Lost> {
        let free = async || {
            timeout_at(deadline, self.sessions.take())
                .await
                .ok()
                .flatten()
        };
        let mut place = free().await.ok_or_else(|| Lost::before(self.busy(job)))?;
        let line = job.line.for_login();
        let mut failed: u32 = 0;
        let mut refused = false;
        loop {
            let link = self.link(job, deadline).await.map_err(Lost::before)?;
            if job.write() && failed == 0 && link.check().await.is_err() {
                self.forget(&link);
                failed += 1;
                continue;
            }
            let mut command = Arc::clone(&link).arc_raw_command(&line);
            command
                .stdin(if job.input().is_empty() && !job.waits() {
                    openssh::Stdio::null()
                } else {
                    openssh::Stdio::piped()
                })
                .stdout(openssh::Stdio::piped())
                .stderr(openssh::Stdio::piped());
            let error = match timeout_at(deadline, command.spawn()).await {
                Ok(Ok(child)) => {
                    self.sessions.give();
                    return Ok((place, child));
                }
                // Nothing was begun, and there is time: a session will be free.
                Ok(Err(error)) if is_refusal(&error) => {
                    refused = true;
                    self.sessions.refuse(place).await;
                    place = free().await.ok_or_else(|| Lost::before(self.busy(job)))?;
                    continue;
                }
                Ok(Err(error)) => error,
                Err(_) if refused => return Err(Lost::before(self.busy(job))),
                Err(_) => {
                    // Nobody knows whether this connection still works.
                    self.forget(&link);
                    let why = "does not answer any more on its open connection";
                    return Err(Lost::before(unseen(job, Cause::Frozen, why)));
                }
            };
            failed += 1;
            let gone = matches!(error, openssh::Error::Disconnected);
            if gone {
                self.forget(&link);
            }
            if failed > 3 {
                let why = format!("did not start `{}`: {error}", job.line.program);
                return Err(Lost::before(unseen(job, Cause::Error, &why)));
            }
            if !gone {
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
                State::Failed { at, why } if at.elapsed() < PAUSE => {
                    return Err(job.unseen(why));
                }
                State::Connecting(attempt) => attempt.clone(),
                State::Down | State::Failed { .. } => {
                    let attempt = self.attempt();
                    *state = State::Connecting(attempt.clone());
                    attempt
                }
            }
        };
        match timeout_at(deadline, attempt.end).await {
            Ok(end) => end.map_err(|why| job.unseen(&why)),
            Err(_) => {
                let why = attempt.hint.get().unwrap_or_else(|| {
                    let why = format!("was not connected within {}", short(job.timeout));
                    Reason::new(Cause::TimedOut, why)
                });
                Err(job.unseen(&why))
            }
        }
    }

    /// Connects in a task of its own, which goes on where the one who asked first gives up.
    fn attempt(self: &Arc<Far>) -> Attempt {
        let hint = Hint::default();
        let (far, told) = (Arc::clone(self), hint.clone());
        let task = tokio::spawn(async move {
            let end = master::connect(&far.target, &told).await.map(Arc::new);
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
        let handle = task.abort_handle();
        let end = task.map(|end| {
            end.unwrap_or_else(|error| {
                let why = format!("cannot be asked: the task that connects ended early: {error}");
                Err(Reason::new(Cause::Error, why))
            })
        });
        Attempt {
            end: end.boxed().shared(),
            hint,
            task: handle,
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
            // Nobody waits for it any more; a host that is dead would take its whole time.
            State::Connecting(attempt) => {
                attempt.task.abort();
                return;
            }
            State::Down | State::Failed { .. } => return,
        };
        // Where even this hangs, the master still ends by itself once it was idle for a while.
        let _ = timeout(CLOSE, master::end(&self.target, &link)).await;
    }

    fn busy(&self, job: &Job<'_>) -> Unseen {
        unseen(job, Cause::TimedOut, self.sessions.busy())
    }
}

fn unseen(job: &Job<'_>, cause: Cause, what: &str) -> Unseen {
    job.unseen(&Reason::new(cause, what))
}

/// Whether the far side took no more sessions; then nothing was begun.
fn is_refusal(error: &openssh::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.to_string().contains("open refused") {
            return true;
        }
        source = error.source();
    }
    false
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change of what is inside is one assignment: a panic elsewhere leaves it whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
