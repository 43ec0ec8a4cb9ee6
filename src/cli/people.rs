//! The people that a run asks: at the terminal, and through the inbox from another one.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio::time::Instant;

use serde::{Deserialize, Serialize};

use super::Exit;
use super::common::Failure;
use super::keyboard::{Typed, interactive, lines, single_keys};
use crate::clock::{Clock, Stamp};
use crate::engine::People;
use crate::event::Decision;
use crate::machine::Hold;
use crate::plan::Entry;
use crate::report::ENDS_A_HOLD;
use crate::store::Store;

/// How often the inbox is looked into.
const PACE: Duration = Duration::from_millis(300);

/// What was typed longer than this before a hold began does not end it: somebody may answer as soon as the
/// display says that they can.
const PROMPT: Duration = Duration::from_secs(1);

/// What somebody leaves in the inbox of a run, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) decision: Decision,
    pub(super) at: Stamp,
}

impl Message {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether it answers a question that was asked `since` then. Whoever asks to go back or to stop means it
    /// whatever comes; nobody accepts what is not there yet.
    fn answers(&self, since: &Stamp) -> bool {
        matches!(self.decision, Decision::Back | Decision::Stop) || since.since(&self.at) <= PROMPT
    }
}

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

    /// The next line that somebody types, or typed at `since` or later; `None` at the end of input.
    async fn line(&self, since: Option<Instant>) -> Option<String> {
        if let Some(typed) = &self.typed {
            let mut typed = typed.lock().await;
            while let Some(Typed { line, at }) = typed.recv().await {
                if since.is_none_or(|since| at >= since) {
                    return line;
                }
            }
        }
        std::future::pending().await
    }

    fn unread(&self) -> MutexGuard<'_, Vec<Message>> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is in the inbox.
    async fn fetch(&self) {
        let messages = self.store.take(&self.run).await.unwrap_or_default();
        let messages = (messages.iter()).filter_map(|bytes| serde_json::from_slice(bytes).ok());
        self.unread().extend(messages);
    }

    /// What somebody leaves in the inbox as an answer to a question that was asked `since` then. Of several
    /// answers at once, the one that asks to go back counts.
    async fn message(&self, since: &Stamp) -> Decision {
        loop {
            tokio::time::sleep(PACE).await;
            self.fetch().await;
            let answers: Vec<Decision> = (self.unread().drain(..))
                .filter(|message| message.answers(since))
                .map(|message| message.decision)
                .collect();
            let back = answers.iter().find(|answer| **answer == Decision::Back);
            if let Some(answer) = back.or(answers.first()) {
                return *answer;
            }
        }
    }
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

fn why(hold: Hold) -> &'static str {
    match hold {
        Hold::Failed => "something failed, and changes stand",
        Hold::Late => "something has not moved yet",
        Hold::Unknown => "something could not be seen",
        Hold::Declined => "somebody declined, and changes stand",
        Hold::Foreign => "a place of this run holds what this run did not write",
        Hold::NotSeen => {
            "a write was answered with done, and its place shows the value from before it"
        }
        Hold::Unreadable => "what the change did cannot be read",
        Hold::Half => "a change was made by half",
        Hold::NotBack => "a change could not be put back",
        Hold::Interrupted => "it is not known whether a command ran",
        Hold::OldSideSick => "the old side was not seen to serve, so nothing was put back",
        Hold::NotAsBefore => "everything was put back, but not everything is seen as it was",
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
    fn approve<'a>(&'a self, _: &'a Entry, question: &'a str) -> BoxFuture<'a, (bool, String)> {
        Box::pin(async move {
            if self.yes {
                return (true, format!("{} (--yes)", self.by));
            }
            if self.typed.is_none() {
                return (false, "nobody (no terminal)".to_owned());
            }
            let question = crate::report::clean(question);
            let since = self.clock.now();
            loop {
                self.ask(&format!("\n{question} [yes/no]")).await;
                let line = tokio::select! {
                    line = self.line(None) => line,
                    decision = self.message(&since) => match decision {
                        // Whoever wants it to go on has not said yes: `resume --accept` does.
                        Decision::Again => continue,
                        decision => {
                            let yes = decision == Decision::On;
                            return (yes, "somebody at another terminal".to_owned());
                        }
                    },
                };
                let Some(line) = line else {
                    return (false, format!("{} (end of input)", self.by));
                };
                match line.trim().to_ascii_lowercase().as_str() {
                    "y" | "yes" => return (true, self.by.clone()),
                    "n" | "no" => return (false, self.by.clone()),
                    _ => {}
                }
            }
        })
    }

    fn decide<'a>(&'a self, hold: Hold) -> BoxFuture<'a, (Decision, String)> {
        Box::pin(async move {
            if self.typed.is_none() {
                return (Decision::Stop, "nobody (no terminal)".to_owned());
            }
            let began = self.clock.now();
            loop {
                self.ask(&format!(
                    "\nHeld: {}.\nLook [a]gain, [g]o on all the same, put it [b]ack, or [s]top here?",
                    why(hold)
                ))
                .await;
                tokio::select! {
                    line = self.line(None) => match line.as_deref().map(decision) {
                        Some(Some(decision)) => return (decision, self.by.clone()),
                        Some(None) => {}
                        None => return (Decision::Stop, format!("{} (end of input)", self.by)),
                    },
                    decision = self.message(&began) => {
                        return (decision, "somebody at another terminal".to_owned());
                    }
                }
            }
        })
    }

    fn wants_back<'a>(&'a self) -> BoxFuture<'a, Option<String>> {
        Box::pin(async move {
            self.fetch().await;
            let mut unread = self.unread();
            let back = |message: &Message| message.decision == Decision::Back;
            let asked = unread.iter().any(back);
            unread.retain(|message| !back(message));
            asked.then(|| "somebody at another terminal".to_owned())
        })
    }

    fn end_stay<'a>(&'a self) -> BoxFuture<'a, (Decision, String)> {
        Box::pin(async move {
            let since = Instant::now().checked_sub(PROMPT);
            let began = self.clock.now();
            let _keys = single_keys();
            if self.invites && self.typed.is_some() {
                (self.caught_up)();
                ask(&format!("{ENDS_A_HOLD}\n"));
            }
            let typed = async {
                loop {
                    // The end of input ends no hold: that ends by itself.
                    if let Some(line) = self.line(since).await {
                        return line;
                    }
                }
            };
            tokio::select! {
                line = typed => {
                    // Enter comes back early, `b` undoes.
                    let decision = decision(&line).unwrap_or(Decision::On);
                    (decision, self.by.clone())
                }
                decision = self.message(&began) => {
                    (decision, "somebody at another terminal".to_owned())
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Memory;

    /// Somebody at a terminal, and what types there.
    fn present() -> (Present, impl Fn(&str)) {
        let (present, send) = sent();
        let types = move |line: &str| {
            let (line, at) = (Some(line.to_owned()), Instant::now());
            assert!(send.send(Typed { line, at }).is_ok());
        };
        (present, types)
    }

    /// The same, with all that can be typed.
    fn sent() -> (Present, mpsc::UnboundedSender<Typed>) {
        let (send, receive) = mpsc::unbounded_channel();
        let present = Present {
            store: Arc::new(Memory::new()),
            clock: Clock::following_tokio("2026-11-22T03:00:00Z".parse().unwrap()),
            run: "r1".into(),
            by: "ops@here".into(),
            typed: Some(AsyncMutex::new(receive)),
            yes: false,
            invites: false,
            caught_up: Arc::new(|| {}),
            unread: Mutex::default(),
        };
        (present, send)
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_typed_before_a_question_is_no_answer_to_it() {
        let (present, types) = present();
        types("b");
        let later = async {
            for line in ["what?", "s"] {
                tokio::time::sleep(Duration::from_millis(100)).await;
                types(line);
            }
        };
        let ((decision, by), ()) = tokio::join!(present.decide(Hold::Failed), later);
        assert_eq!((decision, by.as_str()), (Decision::Stop, "ops@here"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_input_is_the_answer_that_changes_nothing() {
        let (present, send) = sent();
        let later = || async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let (line, at) = (None, Instant::now());
            assert!(send.send(Typed { line, at }).is_ok());
        };
        let plan = crate::fake::plan(crate::plan::Mode::Failover, "kc");
        let approve = present.approve(&plan.entries[0], "go?");
        let ((yes, by), ()) = tokio::join!(approve, later());
        assert_eq!((yes, by.as_str()), (false, "ops@here (end of input)"));
        for hold in [Hold::Failed, Hold::Foreign, Hold::OldSideSick] {
            let ((decision, _), ()) = tokio::join!(present.decide(hold), later());
            assert_eq!(decision, Decision::Stop, "{hold:?}");
        }
        let stays = tokio::time::timeout(Duration::from_secs(60), present.end_stay());
        let (stays, ()) = tokio::join!(stays, later());
        assert!(stays.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_impatient_enter_does_not_end_a_hold_that_begins_later() {
        let (present, types) = present();
        types("");
        tokio::time::advance(Duration::from_secs(5)).await;
        let soon = tokio::time::timeout(Duration::from_secs(60), present.end_stay());
        assert!(soon.await.is_err());
        types("");
        assert_eq!(present.end_stay().await.0, Decision::On);
    }

    async fn leaves(present: &Present, decision: Decision) {
        let at = present.clock.now();
        let message = Message { decision, at }.to_bytes();
        present.store.send("r1", message).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_at_another_terminal_accepts_what_is_not_there_yet() {
        let (present, _types) = present();
        present.store.create("r1", Vec::new()).await.unwrap();
        let minute = Duration::from_secs(60);
        for early in [Decision::On, Decision::Again] {
            leaves(&present, early).await;
            tokio::time::advance(minute).await;
            let decided = tokio::time::timeout(minute, present.decide(Hold::Foreign));
            assert!(decided.await.is_err(), "{early:?}");
        }
        let later = async {
            tokio::time::sleep(minute).await;
            leaves(&present, Decision::On).await;
        };
        let ((decision, _), ()) = tokio::join!(present.decide(Hold::Foreign), later);
        assert_eq!(decision, Decision::On);
        // Whoever asked to put it back means it whatever comes.
        leaves(&present, Decision::Again).await;
        leaves(&present, Decision::Back).await;
        tokio::time::advance(minute).await;
        assert_eq!(present.decide(Hold::Late).await.0, Decision::Back);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_to_go_on_neither_approves_nor_declines() {
        let (present, _types) = present();
        present.store.create("r1", Vec::new()).await.unwrap();
        let plan = crate::fake::plan(crate::plan::Mode::Failover, "kc");
        let later = async {
            for decision in [Decision::Again, Decision::On] {
                tokio::time::sleep(Duration::from_secs(5)).await;
                leaves(&present, decision).await;
            }
        };
        let approve = present.approve(&plan.entries[0], "go?");
        let ((yes, _), ()) = tokio::join!(approve, later);
        assert!(yes);
    }
}
