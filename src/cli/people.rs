//! The people that a run asks: at the terminal, and through the inbox from another one.

use std::io::{BufRead, IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::{Mutex as AsyncMutex, mpsc};

use crate::engine::People;
use crate::event::Decision;
use crate::machine::Hold;
use crate::plan::Entry;
use crate::report::ENDS_A_HOLD;
use crate::store::Store;

/// How often the inbox is looked into.
const PACE: Duration = Duration::from_millis(300);

/// What can be left in the inbox of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Decide(Decision),
}

impl Message {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let Message::Decide(decision) = self;
        serde_json::to_vec(&decision).unwrap_or_default()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Message> {
        serde_json::from_slice(bytes).ok().map(Message::Decide)
    }
}

/// Somebody at a terminal, or at another one, or nobody.
pub(super) struct Present {
    store: Arc<dyn Store>,
    run: String,
    by: String,
    /// Lines that were typed; `None` where nobody sits at a terminal.
    typed: Option<AsyncMutex<mpsc::UnboundedReceiver<String>>>,
    /// `--yes`: approvals are given beforehand.
    yes: bool,
    /// Says what ends a hold: the display does not.
    invites: bool,
    /// Waits until the display has shown everything that the question is about.
    caught_up: Arc<dyn Fn() + Send + Sync>,
}

impl Present {
    pub(super) fn new(
        store: Arc<dyn Store>,
        run: &str,
        by: &str,
        yes: bool,
        caught_up: Arc<dyn Fn() + Send + Sync>,
    ) -> Present {
        Present {
            caught_up,
            store,
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

    fn ask(&self, question: &str) {
        (self.caught_up)();
        ask(question);
    }

    /// The next line that somebody types.
    async fn line(&self) -> String {
        if let Some(typed) = &self.typed
            && let Some(line) = typed.lock().await.recv().await
        {
            return line;
        }
        std::future::pending().await
    }

    /// What somebody leaves in the inbox.
    async fn message(&self) -> Message {
        loop {
            tokio::time::sleep(PACE).await;
            if let Ok(messages) = self.store.take(&self.run).await
                && let Some(message) = messages.iter().find_map(|m| Message::from_bytes(m))
            {
                return message;
            }
        }
    }
}

/// Whether somebody can answer a question here.
pub(super) fn interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Reads standard input on a thread of its own, once for the whole program: a thread that waits for a line
/// cannot be taken back.
fn lines() -> mpsc::UnboundedReceiver<String> {
    static SUBSCRIBER: Mutex<Option<mpsc::UnboundedSender<String>>> = Mutex::new(None);
    let (send, receive) = mpsc::unbounded_channel();
    let mut subscriber = SUBSCRIBER.lock().unwrap_or_else(|e| e.into_inner());
    let running = subscriber.replace(send).is_some();
    drop(subscriber);
    if !running {
        std::thread::spawn(|| {
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                let subscriber = SUBSCRIBER.lock().unwrap_or_else(|e| e.into_inner());
                if let Some(send) = subscriber.as_ref() {
                    let _nobody = send.send(line);
                }
            }
        });
    }
    receive
}

/// Asks on standard error, where it is not part of the output.
fn ask(question: &str) {
    let mut err = std::io::stderr().lock();
    let _gone = write!(err, "{question} ").and_then(|()| err.flush());
}

/// Asks once for a line and waits for it; `None` where nobody can answer.
pub(super) async fn ask_line(question: &str) -> Option<String> {
    if !interactive() {
        return None;
    }
    let mut typed = lines();
    ask(question);
    typed.recv().await
}

fn why(hold: Hold) -> &'static str {
    match hold {
        Hold::Failed => "something failed, and changes stand",
        Hold::Late => "something has not moved yet",
        Hold::Unknown => "something could not be seen",
        Hold::Declined => "somebody declined, and changes stand",
        Hold::Foreign => "somebody else wrote a record set that this run changes",
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
            loop {
                self.ask(&format!("\n{question} [yes/no]"));
                let line = tokio::select! {
                    line = self.line() => line,
                    Message::Decide(decision) = self.message() => {
                        let yes = decision == Decision::On;
                        return (yes, "somebody at another terminal".to_owned());
                    }
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
            loop {
                self.ask(&format!(
                    "\n{}.\nLook [a]gain, [g]o on all the same, put it [b]ack, or [s]top here?",
                    why(hold)
                ));
                tokio::select! {
                    line = self.line() => {
                        if let Some(decision) = decision(&line) {
                            return (decision, self.by.clone());
                        }
                    }
                    Message::Decide(decision) = self.message() => {
                        return (decision, "somebody at another terminal".to_owned());
                    }
                }
            }
        })
    }

    fn end_stay<'a>(&'a self) -> BoxFuture<'a, (Decision, String)> {
        Box::pin(async move {
            if self.invites && self.typed.is_some() {
                self.ask(&format!("{ENDS_A_HOLD}\n"));
            }
            tokio::select! {
                line = self.line() => {
                    // Enter comes back early, `b` undoes.
                    let decision = decision(&line).unwrap_or(Decision::On);
                    (decision, self.by.clone())
                }
                Message::Decide(decision) = self.message() => {
                    (decision, "somebody at another terminal".to_owned())
                }
            }
        })
    }
}
