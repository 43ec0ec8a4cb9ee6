//! What one address showed of how often it may be asked.
//!
//! A limit depends on how often a server is asked, and one that is not well does not: asked alone, with pauses, the first
//! answers each time, and the second one fails its share. So whoever says that he is asked too often is asked alone, from
//! then on, and with a longer pause each time he says it again; after the longest one it was no limit, and nothing more is
//! forgiven.
//!
//! Nor is any asked by all at once: the queue of a daemon may take five connections, and what comes on top of that waits
//! for seconds, or is refused.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Semaphore, watch};

use super::lanes::{Lanes, Showed};
use crate::clock::{Clock, Stamp};

/// The pauses between two questions. Where few questions are to be asked, the first one is left out.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(105),
    Duration::from_millis(300),
    Duration::from_millis(1_050),
];

/// How many good answers in a row count at each of them: as many as there is time for. A server of which one answer of
/// four is bad gives 15 good ones once in 75 times, and 8 once in ten.
const ROWS: [u32; 3] = [30, 15, 8];

/// Limits are counted over seconds, seldom over minutes.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// How many places there are at a port for questions that are on their way: a small one takes one, see [`Room`].
const PLACES: u32 = 60;

/// After so long a question makes room for others: its connection is out of the queue by then, and what hangs is not to
/// hide what does not.
const HELD: Duration = Duration::from_secs(1);

/// How much room a question takes at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    places: u32,
    /// How many there is room for is found out.
    is_found_out: bool,
}

impl Room {
    /// As many of them are asked at once at the most.
    pub const fn for_one_of(questions: u32) -> Room {
        assert!(0 < questions && questions <= PLACES, "more than there are");
        Room {
            places: PLACES / questions,
            is_found_out: false,
        }
    }

    /// At most so many, and fewer where the port takes fewer.
    pub const fn for_up_to(questions: u32) -> Room {
        Room {
            is_found_out: true,
            ..Room::for_one_of(questions)
        }
    }
}

/// What came of asking beside others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beside<T> {
    /// It was asked, after it had waited for so long for room.
    Asked(T, Duration),
    /// So was it, beside too many as it seems: it is to be asked again beside fewer.
    Crowded(T),
    /// While it waited, the server said that it is asked too often.
    Limited,
    /// There was no room in time.
    NoRoom,
}

/// One address, as it showed itself in the last half minute.
#[derive(Default)]
pub struct Server {
    state: watch::Sender<State>,
    /// Held by whoever asks alone.
    turn: Mutex<()>,
    /// The places at its ports.
    places: SyncMutex<BTreeMap<u16, Arc<Semaphore>>>,
    lanes: SyncMutex<BTreeMap<u16, Arc<Lanes>>>,
}

#[derive(Default)]
struct State {
    ports: BTreeMap<u16, Port>,
    /// Which of the pauses it is given; none yet where it took all that it was asked.
    pause: Option<usize>,
    /// It said so at the longest pause too: how often it is asked makes no difference to it.
    never_enough: bool,
    /// How often it said that it is asked too often, and how many good answers it gave since to questions asked alone.
    refusals: u64,
    row: u32,
    /// It said how long to wait.
    not_before: Option<Stamp>,
    last: Option<Stamp>,
}

#[derive(Default)]
struct Port {
    /// How many questions are on their way that others may be asked beside.
    beside: usize,
    /// Whether it gave a good answer.
    served: bool,
}

/// A moment in the answers of a server.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    refusals: u64,
    row: u32,
}

impl Server {
    pub(super) fn is_forgotten(&self, now: &Stamp) -> bool {
        let state = self.state.borrow();
        let idle = (state.last.as_ref()).is_some_and(|last| now.since(last) > FORGOTTEN);
        let beside = state.ports.values().any(|port| port.beside > 0);
        idle && !beside && self.turn.try_lock().is_ok()
    }

    /// Whether it is to be asked alone.
    pub fn is_limited(&self) -> bool {
        let state = self.state.borrow();
        state.pause.is_some() && !state.never_enough
    }

    /// Asks a question that others may be asked beside, as soon as there is room for it. With the answer comes what it
    /// showed of how many the port takes at once.
    pub async fn beside<T>(
        &self,
        (port, room): (u16, Room),
        clock: &Clock,
        until: &Stamp,
        ask: impl Future<Output = (T, Option<Showed>)>,
    ) -> Beside<T> {
        let on_its_way = OnItsWay::new(self, port);
        let began = clock.now();
        let (places, lanes) = (self.places(port), self.lanes(port));
        let room = async {
            let lane = match room.is_found_out {
                true => lanes.one().await,
                false => None,
            };
            (lane, places.acquire_many(room.places).await.ok())
        };
        let place = tokio::select! {
            biased;
            place = room => place,
            () = clock.sleep(until.left(&began)) => return Beside::NoRoom,
        };
        if self.is_limited() {
            return Beside::Limited;
        }
        let now = clock.now();
        if until.left(&now).is_zero() {
            return Beside::NoRoom;
        }
        let waited = now.since(&began);
        let asked = (place.0.as_ref()).map(|lane| lane.asked);
        let mut ask = pin!(ask);
        let (answer, showed) = tokio::select! {
            biased;
            answer = &mut ask => answer,
            () = clock.sleep(HELD) => {
                drop(place);
                ask.await
            }
        };
        drop(on_its_way);
        self.state
            .send_modify(|state| state.last = Some(clock.now()));
        // What is no matter of how often it is asked is none of how many are.
        let showed = match showed {
            Some(Showed::Refusal) if self.state.borrow().never_enough => None,
            showed => showed,
        };
        match asked.zip(showed) {
            Some((asked, showed)) if lanes.learn(asked, showed) => Beside::Crowded(answer),
            _ => Beside::Asked(answer, waited),
        }
    }

    fn places(&self, port: u16) -> Arc<Semaphore> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let all = || Arc::new(Semaphore::new(PLACES as usize));
        Arc::clone(places.entry(port).or_insert_with(all))
    }

    fn lanes(&self, port: u16) -> Arc<Lanes> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(port).or_default())
    }

    /// How many good answers in a row came from a port to questions that were asked beside others.
    pub fn row_beside(&self, port: u16) -> u32 {
        self.lanes(port).row()
    }

    /// It gave a good answer at a port.
    pub fn serves(&self, port: u16) {
        self.state
            .send_modify(|state| state.port(port).served = true);
    }

    /// Whether it gave a good answer at this port; those that are on their way are waited for.
    async fn has_served(&self, port: u16) -> bool {
        let mut state = self.state.subscribe();
        let served = |state: &State| state.ports.get(&port).is_some_and(|port| port.served);
        let silent = |state: &State| state.ports.get(&port).is_none_or(|port| port.beside == 0);
        let told = state.wait_for(|state| served(state) || silent(state));
        told.await.is_ok_and(|state| served(&state))
    }

    /// It said that it is asked too often, and perhaps how long to wait. Returns whether it may be asked again, alone: what
    /// never served at this port was not asked too often. With `many` questions to ask, the pauses are short at first.
    pub async fn is_asked_too_often(
        &self,
        port: u16,
        many: bool,
        wait: Option<Duration>,
        clock: &Clock,
    ) -> bool {
        if !self.has_served(port).await {
            return false;
        }
        self.state.send_modify(|state| {
            if state.pause.is_none() {
                state.refused(usize::from(!many), wait, &clock.now());
            }
        });
        self.is_limited()
    }

    pub fn mark(&self) -> Mark {
        let state = self.state.borrow();
        Mark {
            refusals: state.refusals,
            row: state.row,
        }
    }

    /// How many good answers to questions asked alone it gave in a row, no further back than this mark.
    pub fn row(&self, since: Mark) -> u32 {
        let state = self.state.borrow();
        match state.refusals == since.refusals {
            true => state.row - since.row,
            false => state.row,
        }
    }

    /// Whether these are so many that it was a limit, and no server that is not well.
    pub fn is_enough(&self, since: Mark) -> bool {
        let wanted = self.state.borrow().pause.map_or(0, |pause| ROWS[pause]);
        self.row(since) >= wanted
    }

    /// Waits until this one may ask alone; `None` where that would be after `until`.
    pub async fn turn(&self, clock: &Clock, until: &Stamp) -> Option<Turn<'_>> {
        let alone = tokio::select! {
            alone = self.turn.lock() => alone,
            () = clock.sleep(until.left(&clock.now())) => return None,
        };
        let turn = Turn {
            server: self,
            _alone: alone,
        };
        turn.when_due(clock, until).await
    }
}

impl State {
    fn port(&mut self, port: u16) -> &mut Port {
        self.ports.entry(port).or_default()
    }

    fn refused(&mut self, pause: usize, wait: Option<Duration>, now: &Stamp) {
        self.pause = Some(pause);
        self.refusals += 1;
        self.row = 0;
        self.last = Some(now.clone());
        self.not_before = wait.map(|wait| now.plus(wait));
    }

    /// How long to wait until the next question.
    fn wait(&self, now: &Stamp) -> Duration {
        // No pause helps what is no limit.
        let limited = self.pause.filter(|_| !self.never_enough);
        let pause = limited.map_or(Duration::ZERO, |pause| PAUSES[pause]);
        let since = self
            .last
            .as_ref()
            .map_or(Duration::MAX, |last| now.since(last));
        let asked = self
            .not_before
            .as_ref()
            .map_or(Duration::ZERO, |at| at.left(now));
        pause.saturating_sub(since).max(asked)
    }
}

/// The right to ask alone.
pub struct Turn<'a> {
    server: &'a Server,
    _alone: MutexGuard<'a, ()>,
}

impl Turn<'_> {
    /// Waits until the pause is over; `None` where that would be after `until`.
    pub async fn when_due(self, clock: &Clock, until: &Stamp) -> Option<Self> {
        let now = clock.now();
        let pause = self.server.state.borrow().wait(&now);
        if pause >= until.left(&now) {
            return None;
        }
        clock.sleep(pause).await;
        Some(self)
    }

    /// A good answer came.
    pub fn serves(self, now: &Stamp) {
        self.server.state.send_modify(|state| {
            state.row += 1;
            state.last = Some(now.clone());
        });
    }

    /// It said once more that it is asked too often. Returns whether it may be asked again.
    pub fn is_asked_too_often(&self, wait: Option<Duration>, now: &Stamp) -> bool {
        let mut again = false;
        self.server.state.send_modify(|state| {
            let next = state.pause.unwrap_or_default() + 1;
            again = next < PAUSES.len();
            state.never_enough |= !again;
            state.refused(next.min(PAUSES.len() - 1), wait, now);
        });
        if !again {
            let lanes = &self.server.lanes;
            let lanes = lanes.lock().unwrap_or_else(PoisonError::into_inner);
            lanes.values().for_each(|port| port.begin_anew());
        }
        again
    }
}

/// Counts a question that is on its way, also where it is cut off.
struct OnItsWay<'a>(&'a Server, u16);

impl OnItsWay<'_> {
    fn new(server: &Server, port: u16) -> OnItsWay<'_> {
        server
            .state
            .send_modify(|state| state.port(port).beside += 1);
        OnItsWay(server, port)
    }
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        self.0
            .state
            .send_modify(|state| state.port(self.1).beside -= 1);
    }
}
