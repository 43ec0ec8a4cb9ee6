//! One answer is no state: behind one address there may be several servers, and one of them may be well. Each probe is
//! asked several times in one look, over a connection of its own each time, and not faster than a careful client asks:
//! servers limit how often they are asked, and a look must not be what trips that.

use std::time::Duration;

use crate::clock::Clock;
use crate::plan::Outcome;
use crate::site::Host;
use crate::step::politely;
use crate::steps::probe::{Reply, Spot, verdict};

/// How often one probe is asked again in one look at the most. Where seven answers of ten are bad, five good ones come
/// once in four hundred times.
const AGAIN: usize = 4;

/// How long all of that may take.
const MOST: Duration = Duration::from_secs(2);

/// After so long nothing is asked again, however quickly it was to be: a look may have little time, as one for a
/// monitoring system.
const LATEST: Duration = Duration::from_millis(2_500);

/// How the probes of a step are asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    again: usize,
    /// From one question of a probe to its next one.
    every: Duration,
}

impl Pace {
    /// For so many probes at one address. From twenty on they are not asked again: they tell of the address together.
    pub(super) fn of(probes: usize) -> Pace {
        let every = politely(probes);
        let fit = usize::try_from(MOST.as_millis() / every.as_millis()).unwrap_or(AGAIN);
        let again = if probes >= 20 { 0 } else { fit.min(AGAIN) };
        Pace { again, every }
    }
}

/// Asks so often, until an answer fails, or half of the time or [`LATEST`] is over: an answer that takes long is not
/// asked for again. Returns the worst answer, and how many that were better came before it.
pub(super) async fn ask(
    spot: &Spot,
    host: Option<&Host>,
    clock: &Clock,
    timeout: Duration,
    pace: Pace,
) -> (Reply, usize) {
    let began = clock.now();
    let mut worst = spot.ask(host, timeout).await;
    let judged = |reply: &Reply| verdict(&spot.probe, reply).0;
    let mut before = 0;
    let last = LATEST.min(timeout / 2);
    for asked in 1..=pace.again {
        if judged(&worst) > Outcome::Warn || clock.now().since(&began) + pace.every > last {
            break;
        }
        clock.sleep(pace.every).await;
        let left = timeout.saturating_sub(clock.now().since(&began));
        let reply = spot.ask(host, left).await;
        if judged(&reply) > judged(&worst) {
            (worst, before) = (reply, asked);
        }
    }
    (worst, before)
}

#[cfg(test)]
mod tests;
