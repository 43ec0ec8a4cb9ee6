//! What is left for a run from another terminal.

use serde::{Deserialize, Serialize};

use super::people::PROMPT;
use crate::clock::Stamp;
use crate::event::Decision;
use crate::report::date_time;
use crate::store::{Holder, Store, StoreError};

/// What somebody leaves in the inbox of a run. It is said to one process: whoever goes on with the run after that
/// one has ended does not answer with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) decision: Decision,
    /// `rollback --anyway`.
    #[serde(default)]
    pub(super) anyway: bool,
    /// The process that wrote the run when it was sent; version 0.1.0 did not say.
    #[serde(default)]
    pub(super) to: Option<Holder>,
    pub(super) at: Stamp,
}

impl Message {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether it was said to `process`, which is there since `born`.
    pub(super) fn is_for(&self, process: &Holder, born: &Stamp) -> bool {
        match &self.to {
            Some(to) => to == process,
            None => born.since(&self.at).is_zero(),
        }
    }

    /// Whether it answers a question that was asked `since` then. Whoever asks to go back or to stop means it
    /// whatever comes; nobody accepts what is not there yet.
    pub(super) fn answers(&self, since: &Stamp) -> bool {
        matches!(self.decision, Decision::Back | Decision::Stop) || since.since(&self.at) <= PROMPT
    }
}

/// The messages that can be read.
pub(super) fn read(messages: &[Vec<u8>]) -> impl Iterator<Item = Message> {
    (messages.iter()).filter_map(|bytes| serde_json::from_slice(bytes).ok())
}

/// That somebody wanted a run put back, said to a process that is not there any more, in words. `writer` is the one
/// that is.
pub(super) async fn unheard(
    store: &dyn Store,
    run: &str,
    writer: Option<&Holder>,
) -> Result<Option<String>, StoreError> {
    let messages = store.messages(run).await?;
    let void = read(&messages).find(|message| {
        message.decision == Decision::Back
            && match (&message.to, writer) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(to), Some(writer)) => to != writer,
            }
    });
    Ok(void.map(|message| {
        format!(
            "somebody asked at {} that everything is put back, and the process that ran it ended before it heard that",
            date_time(&message.at)
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Memory;

    fn stamp(seconds: u64) -> Stamp {
        let clock = crate::clock::Clock::following_tokio("2026-11-22T03:00:00Z".parse().unwrap());
        clock.now().plus(std::time::Duration::from_secs(seconds))
    }

    fn back(to: Option<Holder>, seconds: u64) -> Message {
        Message {
            decision: Decision::Back,
            anyway: false,
            to,
            at: stamp(seconds),
        }
    }

    fn dead() -> Holder {
        Holder {
            started: 1,
            ..Holder::this_process()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_to_a_process_that_ended_answers_nothing_and_is_told() {
        let this = Holder::this_process();
        assert!(back(Some(this.clone()), 5).is_for(&this, &stamp(0)));
        assert!(!back(Some(dead()), 5).is_for(&this, &stamp(0)));
        // As version 0.1.0 wrote them.
        let old = format!(
            r#"{{"decision":"back","at":{}}}"#,
            serde_json::to_string(&stamp(5)).unwrap()
        );
        let old = read(&[old.into_bytes()]).next().unwrap();
        assert_eq!(old, back(None, 5));
        assert!(old.is_for(&this, &stamp(0)) && !old.is_for(&this, &stamp(9)));

        let store = Memory::new();
        store.create("r", Vec::new()).await.unwrap();
        assert_eq!(unheard(&store, "r", None).await.unwrap(), None);
        let message = back(Some(dead()), 5).to_bytes();
        store.send("r", message).await.unwrap();
        for writer in [None, Some(&this)] {
            let told = unheard(&store, "r", writer).await.unwrap().unwrap();
            assert!(told.contains("asked at 2026-11-22 03:00:05Z"), "{told}");
        }
        // The living one is about to hear it.
        assert_eq!(unheard(&store, "r", Some(&dead())).await.unwrap(), None);
    }
}
