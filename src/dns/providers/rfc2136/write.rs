//! One write: compared, sent as one update, and, in a signed zone, looked at for its signatures.

use std::sync::atomic::Ordering;

use hickory_resolver::proto::op::Message;

use super::look::Reader;
use super::signed::Sealed;
use super::{Rfc2136, TIMEOUT, answer, now, signing};
use crate::clock::Clock;
use crate::dns::Grounds;
use crate::dns::providers::common::refusal;
use crate::event::{Answer, Unseen};
use crate::journal::Permit;
use crate::plan::Way;
use crate::world::wire::Wire;

impl Rfc2136 {
    pub(super) async fn swap(&self, zone: &str, permit: &Permit<'_>) -> Result<String, Answer> {
        let unseen = |unseen: Unseen| Answer::Refused { why: unseen.detail };
        let (swap, update) = self
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
        let note = self.send(&reader, zone, permit, update).await?;
        let unsigned = match &signed {
            Some(keys) => signing::missing(self.server, keys, &swap.to).await,
            None => None,
        };
        match unsigned {
            None => Ok(note),
            // What was there before is signed no worse; and whoever says that the server signs has it his way.
            Some(why) if self.signs || permit.way() == Way::Back => {
                Ok(format!("{note}; but {why}"))
            }
            Some(why) => Err(self.take_back(&reader, zone, permit, &why).await),
        }
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
        why: &str,
    ) -> Answer {
        let back = self.sendable(zone, &Grounds::default(), permit.to(), permit.from());
        let sent = match back {
            Ok((_, update)) => self.send(reader, zone, permit, update).await,
            Err(reasons) => Err(refusal(&reasons)),
        };
        let server = self.server;
        let why = format!("`{server}` took the update and does not sign what is written: {why}");
        match sent {
            Ok(_) => Answer::Refused {
                why: format!(
                    "{why}; so it was taken back at once. The serial of `{zone}` rose, and its SOA is not signed anew \
                     either: sign the zone again where it is signed"
                ),
            },
            Err(answer) => Answer::Unclear {
                why: format!(
                    "{why}; that it was taken back could not be seen: {}",
                    told(&answer)
                ),
            },
        }
    }

    /// Sends one update, and takes its answer.
    async fn send(
        &self,
        reader: &Reader<'_>,
        zone: &str,
        permit: &Permit<'_>,
        update: Message,
    ) -> Result<String, Answer> {
        let refused = |why: String| Answer::Refused { why };
        let unseen = |unseen: Unseen| Answer::Refused { why: unseen.detail };
        let (bytes, mut sealed) =
            Sealed::seal(update, reader.signer.clone(), now()).map_err(refused)?;
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
        let bytes = wire.receive().await.map_err(unclear)?;
        let opened = sealed
            .open(&bytes, now())
            .map_err(|why| Answer::Unclear { why })?;
        let meant = answer::meaning(self.server, &self.write_key.name, zone, &opened);
        if matches!(meant, Ok(_) | Err(Answer::Refused { .. })) {
            self.views.was_answered();
        }
        meant
    }
}

/// What an answer that is no success says.
fn told(answer: &Answer) -> &str {
    match answer {
        Answer::Done { note: why }
        | Answer::Refused { why }
        | Answer::Declined { why }
        | Answer::Unclear { why } => why,
    }
}
