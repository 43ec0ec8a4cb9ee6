//! The people that a run asks: at the terminal, and through the inbox from another one.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio::time::Instant;

use super::Exit;
use super::common::Failure;
use super::inbox::{self, Message};
use super::keyboard::{Typed, interactive, lines, single_keys};
use crate::clock::{Clock, Stamp};
use crate::engine::{ANYWAY, Heeds, People, Told};
use crate::event::Decision;
use crate::machine::Hold;
use crate::plan::Entry;
use crate::report::ENDS_A_HOLD;
use crate::store::{Holder, Store};

/// How often the inbox is looked into.
const PACE: Duration = Duration::from_millis(300);

/// Said where a plain `rollback` from another terminal is no answer.
const PLAINLY: &str = "\nSomebody at another terminal wants it put back, and did not say `--anyway`: that is no \
                       answer to this.";

/// Said where `resume --stay` from another terminal is no answer.
const NO_REMAINING: &str =
    "\nSomebody at another terminal wants it to remain where it is: that is no answer to this.";

/// The word with which a run remains where it is.
const STAY: &str = "stay";

/// Who left a message.
const ELSEWHERE: &str = "somebody at another terminal";

/// What was typed longer than this before a hold began does not end it: somebody may answer as soon as the
/// display says that they can.
pub(super) const PROMPT: Duration = Duration::from_secs(1);

/// What comes from a terminal.
enum Input {
    Line(String),
    /// Ctrl-D.
    End,
    /// There is no terminal any more: nobody answers there.
    Gone,
}

/// Who is said to answer where the terminal is gone.
const GONE: &str = "nobody (the terminal is gone)";

/// Somebody at a terminal, or at another one, or nobody.
pub(super) struct Present {
    store: Arc<dyn Store>,
    clock: Clock,
    run: String,
    by: String,
    /// Lines that were typed; `None` where nobody sits at a terminal.
    typed: Option<AsyncMutex<mpsc::UnboundedReceiver<Typed>>>,
    /// `--yes`: approvals are given beforehand.
    yes: bool,
    /// Says what ends a hold: the display does not.
    invites: bool,
    /// Waits until the display has shown everything that the question is about.
    caught_up: Arc<dyn Fn() + Send + Sync>,
    /// This process, and since when it can be told something.
    process: Holder,
    born: Stamp,
    /// What was in the inbox and answered nothing yet.
    unread: Mutex<Vec<Message>>,
}

impl Present {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Clock,
        run: &str,
        by: &str,
        yes: bool,
        caught_up: Arc<dyn Fn() + Send + Sync>,
    ) -> Present {
        Present {
            caught_up,
            unread: Mutex::default(),
            process: Holder::this_process(),
            born: clock.now(),
            store,
            clock,
            run: run.to_owned(),
            by: by.to_owned(),
            typed: interactive().then(|| AsyncMutex::new(lines())),
            yes,
            invites: false,
        }
    }

    /// The same, and it says itself what ends a hold.
    pub(super) fn inviting(self, invites: bool) -> Present {
        Present { invites, ..self }
    }

    /// Asks once everything is shown that the question is about. What was typed before is no answer.
    async fn ask(&self, question: &str) {
        (self.caught_up)();
        if let Some(typed) = &self.typed {
            let mut typed = typed.lock().await;
            while typed.try_recv().is_ok() {}
        }
        ask(question);
    }

    /// The next line that somebody types, or typed at `since` or later. It does not end where there never was a terminal.
    async fn line(&self, since: Option<Instant>) -> Input {
        let Some(typed) = &self.typed else {
            return std::future::pending().await;
        };
        let mut typed = typed.lock().await;
        while let Some(Typed { line, at }) = typed.recv().await {
            if since.is_none_or(|since| at >= since) {
                return line.map_or(Input::End, Input::Line);
            }
        }
        Input::Gone
    }

    fn unread(&self) -> MutexGuard<'_, Vec<Message>> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is in the inbox. What was said to another process is void.
    async fn fetch(&self) {
        let messages = self.store.take(&self.run).await.unwrap_or_default();
        let mine = |message: &Message| message.is_for(&self.process, &self.born);
        self.unread().extend(inbox::read(&messages).filter(mine));
    }

    /// What somebody leaves in the inbox as an answer to a question that was asked `since` then. Of several
    /// answers at once, the one that asks to go back counts, and `--anyway` before all. What the question does not
    /// take stays.
    async fn message(&self, since: &Stamp, takes: fn(&Message) -> bool) -> Told {
        loop {
            tokio::time::sleep(PACE).await;
            self.fetch().await;
            let mut unread = self.unread();
            let (taken, left): (Vec<_>, Vec<_>) = unread.drain(..).partition(takes);
            *unread = left;
            drop(unread);
            let answers = taken.into_iter().filter(|one| one.answers(since));
            if let Some(answer) = answers.min_by_key(rank) {
                return elsewhere(&answer);
            }
        }
    }
}

/// Which of several messages at once counts: the least.
fn rank(message: &Message) -> (bool, bool) {
    (message.decision != Decision::Back, !message.anyway)
}

fn elsewhere(message: &Message) -> Told {
    Told {
        anyway: message.anyway,
        ..Told::here(message.decision, ELSEWHERE)
    }
}

/// Whether it answers the question of an `approve` step: what else a run can be told is heard as in any other wait.
fn is_of_an_approval(message: &Message) -> bool {
    !matches!(message.decision, Decision::Back | Decision::Stay)
}

/// Asks on standard error, where it is not part of the output.
fn ask(question: &str) {
    let mut err = std::io::stderr().lock();
    let _gone = write!(err, "{question} ").and_then(|()| err.flush());
}

/// Asks once for a line and waits for it; `None` where nobody can answer.
async fn ask_line(question: &str) -> Option<String> {
    if !interactive() {
        return None;
    }
    let mut typed = lines();
    ask(question);
    typed.recv().await?.line
}

/// A person confirms by typing the playbook's name; `what` says what happens then, since the plan may have scrolled away.
pub(super) async fn confirm(name: &str, what: &str) -> Result<(), Failure> {
    let question = format!("Type {name} to {what}:");
    let typed = tokio::select! {
        typed = ask_line(&question) => typed,
        _ = tokio::signal::ctrl_c() => {
            let _gone = writeln!(std::io::stderr());
            None
        }
    };
    let why = match typed.as_deref().map(str::trim) {
        Some(typed) if typed == name => return Ok(()),
        None | Some("" | "n" | "no") => "declined".to_owned(),
        Some(other) => format!("declined: `{other}` is not `{name}`"),
    };
    let message = format!("{why}; nothing was touched");
    Err(Failure::new(Exit::Refused, message))
}

pub(super) fn why(hold: Hold) -> &'static str {
    match hold {
        Hold::Failed => "something failed, and changes stand",
        Hold::Late => "something has not moved yet",
        Hold::Unknown => "something could not be seen",
        Hold::Declined => "somebody declined, and changes stand",
        Hold::Foreign => "a place of this run holds what this run is not known to have written",
        Hold::NotSeen => {
            "a write was answered with done, and its place shows the value from before it"
        }
        Hold::Unreadable => "what the change did cannot be read",
        Hold::Half => "a change was made by half",
        Hold::NotBack => "a change could not be put back",
        Hold::Interrupted => "it is not known whether a command ran",
        Hold::OldSideSick => {
            "the old side was not seen to serve, so nothing goes back to it by itself"
        }
        Hold::NotAsBefore => "everything was put back, but not everything is seen as it was",
    }
}

/// What can be typed at a hold. Nobody leads users to a side that does not serve by the letter that is right everywhere
/// else: that takes a word of its own, as it takes `--anyway` elsewhere. That it remains at the other side for good is a
/// word, too.
fn ways_on(hold: Hold, may_remain: bool) -> String {
    let ways = match hold {
        Hold::OldSideSick => "put it back onto a side that does not serve (type `anyway`)",
        _ => "[g]o on all the same, put it [b]ack",
    };
    let remains = match may_remain {
        true => ", let it remain where it is for good (type `stay`)",
        false => "",
    };
    format!("Look [a]gain, {ways}{remains}, or [s]top here?")
}

/// What somebody typed at a hold, where it is an answer to that.
fn answer(hold: Hold, may_remain: bool, line: &str) -> Option<Decision> {
    match (hold, decision(line)) {
        _ if may_remain && line.trim().eq_ignore_ascii_case(STAY) => Some(Decision::Stay),
        (Hold::OldSideSick, _) if line.trim().eq_ignore_ascii_case("anyway") => {
            Some(Decision::Back)
        }
        (Hold::OldSideSick, Some(Decision::On | Decision::Back)) => None,
        (_, decision) => decision,
    }
}

/// What somebody typed while a drill stays, where it is an answer to that: Enter comes back early, and nothing that nobody
/// understands does.
fn ends_a_hold(may_remain: bool, line: &str) -> Option<Decision> {
    match line.trim() {
        "" => Some(Decision::On),
        line if line.eq_ignore_ascii_case(STAY) => may_remain.then_some(Decision::Stay),
        line => decision(line),
    }
}

fn decision(line: &str) -> Option<Decision> {
    match line.trim().to_ascii_lowercase().as_str() {
        "a" | "again" => Some(Decision::Again),
        "g" | "go on" | "on" => Some(Decision::On),
        "b" | "back" => Some(Decision::Back),
        "s" | "stop" => Some(Decision::Stop),
        _ => None,
    }
}

impl People for Present {
    fn approve<'a>(
        &'a self,
        _: &'a Entry,
        question: &'a str,
    ) -> BoxFuture<'a, (Option<bool>, String)> {
        Box::pin(async move {
            if self.yes {
                return (Some(true), format!("{} (--yes)", self.by));
            }
            if self.typed.is_none() {
                return (Some(false), "nobody (no terminal)".to_owned());
            }
            let question = crate::report::clean(question);
            let since = self.clock.now();
            loop {
                self.ask(&format!("\n{question} [yes/no]")).await;
                let line = tokio::select! {
                    line = self.line(None) => line,
                    told = self.message(&since, is_of_an_approval) => match told.decision {
                        // Whoever wants it to go on has not said yes: `resume --accept` does.
                        Decision::Again => continue,
                        decision => {
                            let yes = decision == Decision::On;
                            return (Some(yes), ELSEWHERE.to_owned());
                        }
                    },
                };
                let line = match line {
                    Input::Line(line) => line,
                    Input::End => return (Some(false), format!("{} (end of input)", self.by)),
                    Input::Gone => return (None, GONE.to_owned()),
                };
                match line.trim().to_ascii_lowercase().as_str() {
                    "y" | "yes" => return (Some(true), self.by.clone()),
                    "n" | "no" => return (Some(false), self.by.clone()),
                    _ => {}
                }
            }
        })
    }

    fn decide<'a>(&'a self, hold: Hold, may_remain: bool) -> BoxFuture<'a, Told> {
        Box::pin(async move {
            if self.typed.is_none() {
                return Told::here(Decision::Stop, "nobody (no terminal)");
            }
            let began = self.clock.now();
            let mut plainly = "";
            loop {
                self.ask(&format!(
                    "{plainly}\nHeld: {}.\n{}",
                    why(hold),
                    ways_on(hold, may_remain)
                ))
                .await;
                tokio::select! {
                    line = self.line(None) => match line {
                        Input::Line(line) => match answer(hold, may_remain, &line) {
                            Some(decision) => return Told::here(decision, &self.by),
                            None => plainly = "",
                        },
                        Input::End => {
                            let by = format!("{} (end of input)", self.by);
                            return Told::here(Decision::Stop, by);
                        }
                        Input::Gone => return Told::here(Decision::Stop, GONE),
                    },
                    told = self.message(&began, |_| true) => {
                        match told.decision {
                            Decision::Stay if !may_remain => plainly = NO_REMAINING,
                            Decision::On if hold == Hold::OldSideSick => plainly = PLAINLY,
                            Decision::Back if !told.anyway && ANYWAY.contains(&hold) => {
                                plainly = PLAINLY;
                            }
                            _ => return told,
                        }
                    }
                }
            }
        })
    }

    fn hear(&self, words: &str) {
        (self.caught_up)();
        let _gone = writeln!(std::io::stderr(), "cutover: {words}");
    }

    fn said<'a>(&'a self, heeds: Heeds) -> BoxFuture<'a, Option<Told>> {
        Box::pin(async move {
            self.fetch().await;
            let mut unread = self.unread();
            let heeded = |message: &Message| heeds.takes(message.decision);
            let (told, left): (Vec<_>, Vec<_>) = unread.drain(..).partition(heeded);
            *unread = left;
            told.iter()
                .min_by_key(|message| rank(message))
                .map(elsewhere)
        })
    }

    fn hears<'a>(&'a self, heeds: Heeds) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            loop {
                self.fetch().await;
                if (self.unread().iter()).any(|message| heeds.takes(message.decision)) {
                    return;
                }
                tokio::time::sleep(PACE).await;
            }
        })
    }

    fn end_stay<'a>(&'a self, may_remain: bool) -> BoxFuture<'a, Told> {
        Box::pin(async move {
            let since = Instant::now().checked_sub(PROMPT);
            let began = self.clock.now();
            let _keys = single_keys();
            let invite = |why: &str| {
                if self.invites && self.typed.is_some() {
                    (self.caught_up)();
                    ask(&format!("{why}{ENDS_A_HOLD}\n"));
                }
            };
            invite("");
            let typed = async {
                loop {
                    // The end of input ends no hold: that ends by itself.
                    match self.line(since).await {
                        Input::Line(line) => match ends_a_hold(may_remain, &line) {
                            Some(decision) => return Told::here(decision, &self.by),
                            None => invite(""),
                        },
                        Input::End => {}
                        Input::Gone => return std::future::pending().await,
                    }
                }
            };
            let elsewhere = async {
                loop {
                    let told = self.message(&began, |_| true).await;
                    match told.decision {
                        Decision::Stay if !may_remain => invite(&format!("{NO_REMAINING}\n")),
                        _ => return told,
                    }
                }
            };
            tokio::select! {
                told = typed => told,
                told = elsewhere => told,
            }
        })
    }
}

#[cfg(test)]
mod tests;
