//! Whether two ways of asking one server lead to the same zone.
//!
//! A server may select by the key what it shows (views), and what is written by one way is then never seen by the
//! other, even where the sets in question look the same now. The serials tell: that of one zone only rises, so what is
//! asked for between two other questions lies between their answers, however fast somebody writes there.

use std::time::Duration;

use super::TIMEOUT;
use super::look::Reader;
use super::message;
use super::reply::Reply;
use crate::world::wire::ask_all;

/// One contradiction may be an old copy that somebody keeps for a moment: it is asked so often.
const TIMES: usize = 2;
const PAUSE: Duration = Duration::from_millis(500);

/// The serials that were told, one after the other.
#[derive(Clone, Copy)]
struct Told {
    before: u32,
    /// The other way of asking.
    between: u32,
    after: u32,
}

impl Told {
    /// Serials are compared around the end of their numbers (RFC 1982). Where one was set back, nothing is known.
    fn of_one_zone(self) -> bool {
        let risen = self.after.wrapping_sub(self.before);
        risen > 1 << 31 || self.between.wrapping_sub(self.before) <= risen
    }
}

impl Reader<'_> {
    /// How the zone that this key shows differs, by its serial, from the one that another key shows, or from the one
    /// that whoever has no key is shown; `None` where it does not, and where a serial is not told at all: a server that
    /// answers nobody without a key proves nothing.
    pub(super) async fn unlike_serial(&self, other: Option<&Reader<'_>>) -> Option<String> {
        let mut unlike = None;
        for time in 0..TIMES {
            if time > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let before = self.serial().await?;
            let between = match other {
                Some(other) => other.serial().await?,
                None => self.serial_without_key().await?,
            };
            let after = self.serial().await?;
            let told = Told {
                before,
                between,
                after,
            };
            if told.of_one_zone() {
                return None;
            }
            unlike = Some(format!(
                "the serial of the zone is {between} there, and {after} here"
            ));
        }
        unlike
    }

    async fn serial_without_key(&self) -> Option<u32> {
        let question = message::soa(self.zone).ok()?.to_vec().ok()?;
        let answers = ask_all(self.server, &[question], TIMEOUT).await.ok()?;
        let reply = Reply::read(answers.first()?).ok()?;
        reply
            .serial_of(self.zone)
            .filter(|_| reply.authoritative && reply.code == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::Told;

    #[test]
    fn what_lies_between_is_of_one_zone() {
        for (before, between, after, one) in [
            (1, 1, 1, true),
            (1, 77, 1, false),
            (77, 1, 77, false),
            // Somebody writes.
            (5, 6, 6, true),
            (5, 5, 6, true),
            (5, 7, 6, false),
            (5, 4, 6, false),
            (u32::MAX, 0, 1, true),
            (u32::MAX, 2, 1, false),
            (9, 3, 2, true),
            (9, 1, 2, true),
        ] {
            let told = Told {
                before,
                between,
                after,
            };
            assert_eq!(told.of_one_zone(), one, "{before} {between} {after}");
        }
    }
}
