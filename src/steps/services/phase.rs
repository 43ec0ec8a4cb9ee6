//! Which looks of one step are answered by what was asked for an earlier one of them.
//!
//! While names take their time to move, it is the names that are looked at again and again. What answers at an address was
//! asked often enough at the first of these looks, if it was well: asking it anew each time would only keep it busy.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Stamp;
use crate::site::{Aim, Site};
use crate::world::asking::Since;

/// For so long what was asked answers other looks of the same step.
const FRESH: Duration = Duration::from_secs(5);

/// The looks of a step since its aim is what it is.
#[derive(Debug, Default)]
pub(super) struct Phase(Mutex<Option<Looks>>);

#[derive(Debug)]
struct Looks {
    aim: Aim,
    since: Since,
    at: Stamp,
    /// Something that was asked was not well: each look asks anew.
    suspect: bool,
}

impl Phase {
    /// Since when what was asked answers a look that begins now.
    pub(super) fn since(&self, site: &Site, aim: &Aim) -> Since {
        let now = site.clock.now();
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = looks.take().filter(|looks| looks.aim == *aim);
        let looks = looks.insert(match before {
            Some(looks) if !looks.suspect && now.since(&looks.at) < FRESH => looks,
            before => Looks {
                aim: aim.clone(),
                since: site.asking.since(),
                at: now,
                suspect: before.is_some_and(|looks| looks.suspect),
            },
        });
        looks.since
    }

    /// Something that was asked was not well.
    pub(super) fn suspects(&self) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(looks) = &mut *looks {
            looks.suspect = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::dns::Honesty;
    use crate::steps::testing::{Book, site};

    #[tokio::test(start_paused = true)]
    async fn what_is_well_is_asked_once_in_some_seconds_and_what_was_not_at_each_look() {
        let mut site = site(Book::new(Honesty::Atomic, &[]));
        site.clock = Clock::following_tokio(jiff::Timestamp::UNIX_EPOCH);
        let aim = |moved| Aim {
            active: "cloud".into(),
            idle: "dedicated".into(),
            moved,
        };
        let phase = Phase::default();
        let look = async |moved, says: &str| {
            let since = phase.since(&site, &aim(moved));
            site.asking.once("a", since, async { json!(says) }).await
        };
        assert_eq!(look(true, "one").await, "one");
        assert_eq!(look(true, "two").await, "one");
        site.clock.sleep(FRESH).await;
        assert_eq!(look(true, "three").await, "three");
        // With another aim it is another phase.
        assert_eq!(look(false, "four").await, "four");
        assert_eq!(look(true, "five").await, "five");
        phase.suspects();
        for says in ["six", "seven", "eight"] {
            assert_eq!(look(true, says).await, says);
        }
        assert_eq!(look(false, "nine").await, "nine");
        assert_eq!(look(false, "ten").await, "nine");
    }
}
