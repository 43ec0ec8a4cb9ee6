//! How many questions are on their way to a port at once, where nobody knows how many it takes: some at first, and one
//! more (or a few) with each answer that was not held up by the others. Fewer after a connection that was taken late, and
//! after an answer that says, or looks as if, too many were asked.
//!
//! The queue of a server that answers one after the other may have five places; who finds none is told nothing for
//! seconds, and finds none then either while others keep it full. Another one answers 503 to whom it has no place for, or
//! closes the connection.

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

/// Who waits no longer than this is not held up, whatever the others take: also where one page is answered after the
/// other, none comes too late for that.
const QUICK: Duration = Duration::from_millis(500);

/// Where each answer takes longer, one after the other is too slow for many anyway, and more are asked at once sooner.
const MORE: usize = 4;

/// What one question showed of the port.
#[derive(Clone, Copy, Debug)]
pub enum Showed {
    /// It was answered: after how long, and how much of that it took until the connection was there.
    Answer { all: Duration, connect: Duration },
    /// There was no connection in time.
    NoConnection,
    /// That it may be asked too often: it said so, or closed the connection in place of an answer.
    Refusal,
}

pub(super) struct Lanes {
    free: Arc<Semaphore>,
    state: Mutex<State>,
}

struct State {
    /// How many there are, on their way or free, and how many there are to be, at the most too.
    there: usize,
    wanted: usize,
    most: usize,
    /// A connection was late before: one packet may be lost by chance.
    was_late: bool,
    /// What the first answers took, until there are enough of them to tell what is usual.
    first: Vec<Duration>,
    usual: Option<Duration>,
    /// How often fewer were to be asked since too many were.
    crowds: u64,
    /// How many were answered in a row.
    row: u32,
}

/// How a question was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// With how many others, and how often there were too many before.
    beside: usize,
    crowds: u64,
}

impl Default for Lanes {
    fn default() -> Lanes {
        Lanes {
            free: Arc::new(Semaphore::new(FIRST)),
            state: Mutex::new(State {
                there: FIRST,
                wanted: FIRST,
                most: MOST,
                was_late: false,
                first: Vec::new(),
                usual: None,
                crowds: 0,
                row: 0,
            }),
        }
    }
}

impl Lanes {
    pub(super) async fn one(self: &Arc<Lanes>) -> Option<Lane> {
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        let state = self.state();
        let asked = Asked {
            beside: self.on_their_way(&state),
            crowds: state.crowds,
        };
        drop(state);
        Some(Lane {
            lanes: Arc::clone(self),
            permit: Some(permit),
            asked,
        })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on_their_way(&self, state: &State) -> usize {
        state.there.saturating_sub(self.free.available_permits())
    }

    /// Learns of a question that was asked so. Returns whether it is to be asked again, since others were asked beside it
    /// and fewer can be.
    pub(super) fn learn(&self, asked: Asked, showed: Showed) -> bool {
        let mut state = self.state();
        match showed {
            Showed::Refusal => {
                state.row = 0;
                if asked.beside.max(self.on_their_way(&state)) <= FEWEST {
                    return false;
                }
                // Those that were asked before that are of the same crowd.
                if asked.crowds == state.crowds {
                    state.crowds += 1;
                    self.narrow(&mut state);
                    state.most = state.wanted;
                }
                return true;
            }
            Showed::NoConnection => self.late(&mut state),
            Showed::Answer { connect, .. } if connect >= LATE => self.late(&mut state),
            Showed::Answer { all, .. } => {
                state.row = state.row.saturating_add(1);
                let more = state.room_for(all);
                self.widen(&mut state, more);
            }
        }
        false
    }

    /// A connection came late or not at all. From the second one on there are never as many again: who finds no place in a
    /// queue may find none for seconds.
    fn late(&self, state: &mut State) {
        if state.was_late {
            state.most = (state.wanted - 1).max(FEWEST);
        }
        state.was_late = true;
        self.narrow(state);
    }

    fn narrow(&self, state: &mut State) {
        state.wanted = (state.wanted / 2).max(FEWEST);
        let spare = state.there.saturating_sub(state.wanted);
        state.there -= self.free.forget_permits(spare);
    }

    fn widen(&self, state: &mut State, more: usize) {
        state.wanted = (state.wanted + more).min(state.most);
        let new = state.wanted.saturating_sub(state.there);
        state.there += new;
        self.free.add_permits(new);
    }

    /// How many were answered in a row.
    pub(super) fn row(&self) -> u32 {
        self.state().row
    }

    /// What looked like too many was something else.
    pub(super) fn begin_anew(&self) {
        let mut state = self.state();
        (state.most, state.was_late) = (MOST, false);
        let more = FIRST.saturating_sub(state.wanted);
        self.widen(&mut state, more);
    }
}

impl State {
    /// For how many more an answer that took so long makes room. Of several at once each one waits for the others where
    /// they are answered one after the other, and one page may take a hundred times as long as another.
    fn room_for(&mut self, all: Duration) -> usize {
        if self.usual.is_none() {
            self.first.push(all);
            if self.first.len() == FIRST {
                self.first.sort_unstable();
                self.usual = Some(self.first[FIRST / 2]);
                self.first = Vec::new();
            }
        }
        match self.usual {
            _ if all <= QUICK => 1,
            Some(usual) if all <= usual + usual / 2 => MORE,
            _ => 0,
        }
    }
}

/// The place of one question.
pub(super) struct Lane {
    lanes: Arc<Lanes>,
    permit: Option<OwnedSemaphorePermit>,
    pub(super) asked: Asked,
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

    const ALONE: Asked = Asked {
        beside: 1,
        crowds: 0,
    };
    const LATELY: Showed = Showed::Answer {
        all: Duration::from_millis(1_100),
        connect: Duration::from_millis(1_050),
    };

    fn after(ms: u64) -> Showed {
        Showed::Answer {
            all: Duration::from_millis(ms),
            connect: Duration::from_millis(1),
        }
    }

    /// How many there are after these, the last of which was asked last.
    fn room(showed: impl IntoIterator<Item = Showed>) -> usize {
        let lanes = Arc::new(Lanes::default());
        for showed in showed {
            lanes.learn(ALONE, showed);
        }
        lanes.free.available_permits()
    }

    #[test]
    fn who_is_not_held_up_makes_room() {
        assert_eq!(room([]), FIRST);
        assert_eq!(room((0..100).map(|_| after(10))), MOST);
        // Whatever the quickest took, and however long the handshake.
        let mixed = (0..60).map(|n| after(if n == 0 { 0 } else { 400 }));
        assert_eq!(room(mixed), MOST);
        let handshakes = (0..60).map(|_| after(1_100));
        assert_eq!(room(handshakes), MOST);
        // One after the other: each of twenty waits for the others.
        let first = (1..=20).map(|n| after(n * 100));
        let then = (0..100).map(|_| after(2_000));
        assert_eq!(room(first.chain(then)), FIRST + 5);
    }

    #[test]
    fn late_connections_take_room_away_for_good_where_it_is_more_than_one() {
        assert_eq!(room([LATELY]), FIRST / 2);
        assert_eq!(room([Showed::NoConnection; 3]), FEWEST);
        let lost_once = [LATELY].into_iter().chain((0..200).map(|_| after(10)));
        assert_eq!(room(lost_once), MOST);
        let often = [LATELY; 3].into_iter().chain((0..70).map(|_| after(10)));
        assert_eq!(room(often), FEWEST);
        let twice = (0..100).map(|_| after(10)).chain([LATELY]);
        let twice = twice.chain((0..100).map(|_| after(10))).chain([LATELY]);
        assert_eq!(room(twice.chain((0..100).map(|_| after(10)))), MOST - 1);
    }

    #[tokio::test]
    async fn where_many_are_refused_fewer_are_asked_and_those_again() {
        let lanes = Arc::new(Lanes::default());
        let crowd = async || {
            let mut crowd = Vec::new();
            while lanes.free.available_permits() > 0 {
                crowd.push(lanes.one().await.unwrap());
            }
            crowd
        };
        for left in [10, 5] {
            let asked = crowd().await;
            // All of them tell of one crowd.
            for lane in &asked[8.min(asked.len() - 1)..] {
                assert!(lanes.learn(lane.asked, Showed::Refusal));
            }
            drop(asked);
            assert_eq!(lanes.free.available_permits(), left);
        }
        // So few are no crowd, and no more of them are asked than that.
        let asked = crowd().await;
        assert!(!lanes.learn(asked[4].asked, Showed::Refusal));
        for _ in 0..100 {
            assert!(!lanes.learn(asked[0].asked, after(10)));
        }
        assert_eq!(lanes.row(), 100);
        drop(asked);
        assert_eq!(lanes.free.available_permits(), FEWEST);
        lanes.begin_anew();
        assert_eq!(lanes.free.available_permits(), FIRST);
    }
}
