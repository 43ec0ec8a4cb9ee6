//! How many questions are on their way to a port at once, where nobody knows how many it takes: some at first, one more
//! (or a few) with each answer that came as quickly as the first ones did, and half of them after a connection that was taken late.
//! The queue of a server that answers one after the other may have five places; who finds none is told nothing for
//! seconds, and finds none then either while others keep it full.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many at once at first: where pages take seconds, nothing is learnt before the first of them.
const FIRST: usize = 20;

/// The fewest at once, and the most.
pub(super) const FEWEST: usize = 5;
pub(super) const MOST: usize = 60;

/// A connection that takes so long was asked for twice: the first packet found no place, or was lost.
const LATE: Duration = Duration::from_millis(900);

/// Where each answer takes so long, one after the other is too slow for many anyway, and more are asked at once sooner.
const SLOW: Duration = Duration::from_millis(250);
const MORE: usize = 4;

/// Answers differ by so much for no reason.
const JITTER: Duration = Duration::from_millis(5);

/// What one question showed of the port.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// Until it was answered, or given up.
    pub all: Duration,
    /// How much of that it took to connect; `None` where that did not come about.
    pub connect: Option<Duration>,
}

pub(super) struct Lanes {
    free: Arc<Semaphore>,
    state: Mutex<State>,
}

struct State {
    /// How many there are, on their way or free, and how many there are to be.
    there: usize,
    wanted: usize,
    quickest: Option<Duration>,
}

impl Default for Lanes {
    fn default() -> Lanes {
        Lanes {
            free: Arc::new(Semaphore::new(FIRST)),
            state: Mutex::new(State {
                there: FIRST,
                wanted: FIRST,
                quickest: None,
            }),
        }
    }
}

impl Lanes {
    pub(super) async fn one(self: &Arc<Lanes>) -> Option<Lane> {
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        Some(Lane {
            lanes: Arc::clone(self),
            permit: Some(permit),
        })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn learn(&self, took: Took) {
        let mut state = self.state();
        if took.connect.is_none_or(|connect| connect >= LATE) {
            state.wanted = (state.wanted / 2).max(FEWEST);
            return;
        }
        let quickest = state.quickest.map_or(took.all, |known| known.min(took.all));
        state.quickest = Some(quickest);
        if took.all <= quickest * 2 + JITTER {
            let more = if quickest >= SLOW { MORE } else { 1 };
            state.wanted = (state.wanted + more).min(MOST);
            let new = state.wanted.saturating_sub(state.there);
            state.there += new;
            self.free.add_permits(new);
        }
    }
}

/// The place of one question.
pub(super) struct Lane {
    lanes: Arc<Lanes>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut state = self.lanes.state();
        if state.there > state.wanted
            && let Some(permit) = self.permit.take()
        {
            permit.forget();
            state.there -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn quick(ms: u64) -> Took {
        Took {
            all: MS(ms),
            connect: Some(MS(0)),
        }
    }

    #[tokio::test]
    async fn quick_answers_make_room_and_late_connections_take_it_away() {
        let lanes = Arc::new(Lanes::default());
        let free = || lanes.free.available_permits();
        assert_eq!(free(), FIRST);
        for _ in 0..100 {
            lanes.learn(quick(10));
        }
        assert_eq!(free(), MOST);
        // What takes longer is held up by the others.
        let lanes = Arc::new(Lanes::default());
        let free = || lanes.free.available_permits();
        for ms in [10, 20, 25, 26, 40, 50] {
            lanes.learn(quick(ms));
        }
        assert_eq!(free(), FIRST + 3);
        let late = Took {
            all: MS(1_100),
            connect: Some(MS(1_050)),
        };
        let never = Took {
            all: MS(9_000),
            connect: None,
        };
        for (took, left) in [(late, (FIRST + 3) / 2), (never, FEWEST), (never, FEWEST)] {
            let mut taken = Vec::new();
            for _ in 0..free() {
                taken.push(lanes.one().await);
            }
            lanes.learn(took);
            drop(taken);
            assert_eq!(free(), left);
        }
        lanes.learn(quick(10));
        assert_eq!(free(), FEWEST + 1);
        let lanes = Lanes::default();
        lanes.learn(quick(300));
        assert_eq!(lanes.free.available_permits(), FIRST + MORE);
    }
}
