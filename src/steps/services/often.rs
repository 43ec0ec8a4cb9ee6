//! One answer is no state: behind one address there may be several servers, and one of them may be well. Each probe is
//! asked several times in one look, over a connection of its own each time.

use std::time::Duration;

use crate::clock::Clock;
use crate::plan::Outcome;
use crate::site::Host;
use crate::steps::probe::{Reply, Spot, verdict};

/// How often one probe is asked at one address in one look. Where seven answers of ten are bad, five good ones come
/// once in four hundred times.
pub(super) const TIMES: usize = 5;

/// How many questions of one look are asked again at most: a server that all of them reach has to bear them. Where there
/// are so many probes that each is asked less often, they are that many questions themselves.
const MOST: usize = 500;

/// How often each of so many probes is asked.
pub(super) fn times(probes: usize) -> usize {
    (MOST / probes.max(1)).clamp(1, TIMES)
}

/// Asks so often, one after the other, until an answer fails or half of the time is over: an answer that takes long is
/// not asked for again. Returns the worst answer, and how many that were better came before it.
pub(super) async fn ask(
    spot: &Spot,
    host: Option<&Host>,
    clock: &Clock,
    timeout: Duration,
    times: usize,
) -> (Reply, usize) {
    let began = clock.now();
    let mut worst = spot.ask(host, timeout).await;
    let judged = |reply: &Reply| verdict(&spot.probe, reply).0;
    let mut before = 0;
    for asked in 1..times {
        let left = timeout.saturating_sub(clock.now().since(&began));
        if judged(&worst) > Outcome::Warn || left < timeout / 2 {
            break;
        }
        let reply = spot.ask(host, left).await;
        if judged(&reply) > judged(&worst) {
            (worst, before) = (reply, asked);
        }
    }
    (worst, before)
}

#[cfg(test)]
mod tests;
