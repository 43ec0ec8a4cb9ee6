//! One write: compared, sent as one update or as several, and, in a signed zone, looked at for its signatures.

use std::sync::atomic::Ordering;

use super::look::Reader;
use super::signed::Sealed;
use super::signing::Written;
use super::{Rfc2136, TIMEOUT, answer, message, now, signing};
use crate::clock::Clock;
use crate::dns::Grounds;
use crate::dns::providers::common::{Swap, refusal};
use crate::event::{Answer, Unseen};
use crate::journal::Permit;
use crate::plan::Way;
use crate::words::{count, part_of};
use crate::world::wire::Wire;

impl Rfc2136 {
    pub(super) async fn swap(&self, zone: &str, permit: &Permit<'_>) -> Result<String, Answer> {
        let unseen = |unseen: Unseen| Answer::Refused { why: unseen.detail };
        let (swap, parts) = self
            .sendable(zone, &Grounds::default(), permit.from(), permit.to())
            .map_err(|reasons| refusal(&reasons))?;
        let reader = self.writer(zone).await.map_err(unseen)?;
        let keys = swap.keys();
        let own = self.own(zone);
        let looks = reader.before_a_write(&keys, &own).await;
        let (fresh, grounds) = looks.map_err(|unseen| Answer::Refused {
            why: format!(
                "nothing was sent, since what is there could not be compared: {}",
                unseen.detail
            ),
        })?;
        if let Some(why) = swap.foreign(&fresh) {
            return Err(Answer::Refused { why });
        }
        swap.allowed(&grounds, None)
            .map_err(|reasons| refusal(&reasons))?;
        let signed = signing::keys(self.server, zone).await;
        let (mut is_told, mut unsigned) = (false, None);
        let mut next = parts.first().map(|part| seal(&reader, part));
        for (sent, part) in parts.iter().enumerate() {
            let Some(ready) = next.take() else { break };
            // While the server deals with one of them, the next is made.
            let make_next = || next = parts.get(sent + 1).map(|part| seal(&reader, part));
            if let Err(answer) = self.send(&reader, permit, ready, make_next).await {
                let (written, many) = (&parts[..sent], parts.len());
                return Err(self.stopped(&reader, permit, written, many, answer).await);
            }
            // A server that signs one of them signs all, and else none: it is given time for that once. What is only
            // taken away, or was not answered, tells neither.
            if let Some(keys) = signed.as_ref().filter(|_| !is_told) {
                let told = signing::written(self.server, keys, &part.to).await;
                is_told = told != Written::Untold;
                if let Written::Unsigned(why) = told {
                    unsigned = Some(why);
                }
            }
            // What was there before is signed no worse; and whoever says that the server signs has it his way.
            if let Some(why) = &unsigned
                && !self.signs
                && permit.way() == Way::There
            {
                let parts = &parts[..=sent];
                return Err(self.take_back(&reader, zone, permit, parts, why).await);
            }
        }
        let server = self.server;
        let messages = match parts.len() {
            0 | 1 => "one message".to_owned(),
            many => count(many, "message"),
        };
        let note = format!("`{server}` took the update in {messages}");
        Ok(match unsigned {
            None if signed.is_some() && !is_told && !swap.to.is_empty() => {
                format!("{note}; whether it signed that was not seen")
            }
            None => note,
            Some(why) => format!("{note}; but {why}"),
        })
    }

    /// Writes what was there once more, at once: whoever validates has lost the names until then. The one permit covers
    /// it: it names both values, of this place alone, it is still the one write in flight there, its time is not over (see
    /// `send`), and the intent on disk says that the place may hold either. Whoever is killed in between is settled by a
    /// look as after any write. That it was written twice stands in the answer, and so in the journal.
    async fn take_back(
        &self,
        reader: &Reader<'_>,
        zone: &str,
        permit: &Permit<'_>,
        written: &[Swap],
        why: &str,
    ) -> Answer {
        let server = self.server;
        let why = format!("`{server}` took the update and does not sign what is written: {why}");
        let done = format!(
            "so it was taken back at once. The serial of `{zone}` rose, and its SOA is not signed anew either: sign the \
             zone again where it is signed"
        );
        self.put_back(reader, permit, written, &why, &done).await
    }

    /// What is answered where one of `many` messages was not taken. After a no that is certain those before it are taken
    /// back under the same permit, as in `take_back`: then nothing was written, as where there is one message alone. What
    /// came home on the way back stays there. Where it is not certain, a look tells what is there.
    async fn stopped(
        &self,
        reader: &Reader<'_>,
        permit: &Permit<'_>,
        written: &[Swap],
        many: usize,
        answer: Answer,
    ) -> Answer {
        let taken = written.len();
        if taken == 0 {
            return answer;
        }
        let said = told(&answer);
        let taken = part_of(taken, many, "message");
        let why = format!("{taken} were taken, and then: {said}");
        if !matches!(answer, Answer::Refused { .. }) {
            return Answer::Unclear { why };
        }
        if permit.way() == Way::Back {
            return Answer::Partly { why };
        }
        let done = "what was taken was put back at once";
        self.put_back(reader, permit, written, &why, done).await
    }

    /// Puts back what was sent; whoever is told `why` is told that it was `done`, or what of it was not, or that nobody
    /// saw it.
    async fn put_back(
        &self,
        reader: &Reader<'_>,
        permit: &Permit<'_>,
        written: &[Swap],
        why: &str,
        done: &str,
    ) -> Answer {
        match self.unwrite(reader, permit, written).await {
            Ok(refusals) if refusals.is_empty() => Answer::PutBack {
                why: format!("{why}; {done}"),
            },
            // What stands there is known, and somebody else has a part in it.
            Ok(refusals) => Answer::Partly {
                why: format!(
                    "{why}; of {} that were taken {} could not be put back: {}",
                    count(written.len(), "message"),
                    refusals.len(),
                    refusals.join("; ")
                ),
            },
            Err(answer) => Answer::Unclear {
                why: format!(
                    "{why}; that it was put back could not be seen: {}",
                    told(&answer)
                ),
            },
        }
    }

    /// Writes what these parts replaced, the last one first; what was certainly refused is told, and keeps none of the
    /// others.
    async fn unwrite(
        &self,
        reader: &Reader<'_>,
        permit: &Permit<'_>,
        written: &[Swap],
    ) -> Result<Vec<String>, Answer> {
        let mut refusals = Vec::new();
        for part in written.iter().rev() {
            let back = Swap {
                from: part.to.clone(),
                to: part.from.clone(),
            };
            match self.send(reader, permit, seal(reader, &back), || ()).await {
                Ok(()) => {}
                Err(Answer::Refused { why }) => refusals.push(why),
                Err(answer) => return Err(answer),
            }
        }
        Ok(refusals)
    }

    /// Sends one update, and takes its answer; what else there is to do meanwhile is done.
    async fn send(
        &self,
        reader: &Reader<'_>,
        permit: &Permit<'_>,
        ready: Result<(Vec<u8>, Sealed), String>,
        meanwhile: impl FnOnce(),
    ) -> Result<(), Answer> {
        let refused = |why: String| Answer::Refused { why };
        let unseen = |unseen: Unseen| Answer::Refused { why: unseen.detail };
        let (bytes, mut sealed) = ready.map_err(refused)?;
        let left = permit.until().left(&Clock::real().now()).min(TIMEOUT);
        if left.is_zero() {
            return Err(refused(
                "the time for this write was over before it was sent".into(),
            ));
        }
        let mut wire = Wire::connect(self.server, left).await.map_err(unseen)?;
        let unclear = |unseen: Unseen| Answer::Unclear {
            why: format!(
                "the update was sent and its answer is missing: {}",
                unseen.detail
            ),
        };
        self.wrote.store(true, Ordering::Relaxed);
        self.views.sends();
        wire.update(permit, &bytes).await.map_err(unclear)?;
        meanwhile();
        let bytes = wire.receive().await.map_err(unclear)?;
        let opened = sealed
            .open(&bytes, now())
            .map_err(|why| Answer::Unclear { why })?;
        let meant = answer::meaning(self.server, &self.write_key.name, reader.zone, &opened);
        if matches!(meant, Ok(()) | Err(Answer::Refused { .. })) {
            self.views.was_answered();
        }
        meant
    }
}

/// The signed message of a part.
fn seal(reader: &Reader<'_>, part: &Swap) -> Result<(Vec<u8>, Sealed), String> {
    let update = message::update(reader.zone, part)?;
    Sealed::seal(update, reader.signer.clone(), now())
}

/// What an answer that is no success says.
fn told(answer: &Answer) -> &str {
    match answer {
        Answer::Done { note: why }
        | Answer::Refused { why }
        | Answer::PutBack { why }
        | Answer::Partly { why }
        | Answer::Declined { why }
        | Answer::Unclear { why } => why,
    }
}
