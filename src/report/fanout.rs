//! Displays on a thread of their own, where they may be slow, stop or fail without touching the run.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::Reporter;
use crate::event::{Pulse, Record};

/// So many pulses wait at most; older ones give way.
const PULSES: usize = 64;

/// So many notices wait at most.
const NOTICES: usize = 16;

/// How often displays are told that time passes.
const TICK: Duration = Duration::from_millis(125);

/// Hands records and pulses to several reporters.
///
/// Records wait in a queue without bound (a run has some hundred), pulses in a short one that forgets the
/// oldest. So a terminal that was stopped with Ctrl-S never pauses a run.
pub struct Fanout {
    shared: Arc<Shared>,
}

/// How long [`Fanout::close`] waits for displays to show what is left.
pub type Patience = Duration;

/// What became of the displays.
#[derive(Debug, Default)]
pub struct Closed {
    /// Reporters that failed on the way, in that order.
    pub dropped: Vec<Dropped>,
    /// Everything was shown. Otherwise a display is stuck, and is left behind.
    pub drained: bool,
}

/// A reporter that failed, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    pub name: String,
    pub error: String,
    /// Whoever read it has gone away: nothing is lost that somebody waits for.
    pub unread: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Something came in.
    news: Condvar,
    /// The thread has shown what it had, or has ended.
    calm: Condvar,
}

#[derive(Default)]
struct State {
    notices: VecDeque<String>,
    records: VecDeque<Record>,
    pulses: VecDeque<Pulse>,
    /// The thread is showing something.
    busy: bool,
    closing: bool,
    ended: bool,
    dropped: Vec<Dropped>,
}

/// What the thread does next.
enum Work {
    Notices(VecDeque<String>),
    Records(VecDeque<Record>),
    Pulses(VecDeque<Pulse>),
    Tick,
    Finish,
}

impl Shared {
    /// A reporter's panic is caught, and no other code runs under the lock: what it guards is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Work {
        let mut state = self.lock();
        state.busy = false;
        if state.records.is_empty() {
            self.calm.notify_all();
        }
        let idle = |state: &State| {
            let queued = state.notices.len() + state.records.len() + state.pulses.len();
            queued == 0 && !state.closing
        };
        if idle(&state) {
            state = (self.news.wait_timeout(state, TICK))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.busy = true;
        if !state.notices.is_empty() {
            Work::Notices(std::mem::take(&mut state.notices))
        } else if !state.records.is_empty() {
            Work::Records(std::mem::take(&mut state.records))
        } else if !state.pulses.is_empty() {
            Work::Pulses(std::mem::take(&mut state.pulses))
        } else if state.closing {
            Work::Finish
        } else {
            Work::Tick
        }
    }
}

/// Says that the thread has ended, however it ended.
struct SayEnd(Arc<Shared>);

impl Drop for SayEnd {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.calm.notify_all();
    }
}

impl Fanout {
    /// Starts the thread. `notice` hears once of each reporter that failed and was dropped.
    pub fn start(
        reporters: Vec<(String, Box<dyn Reporter>)>,
        notice: impl FnMut(&Dropped) + Send + 'static,
    ) -> io::Result<Fanout> {
        let shared = Arc::new(Shared::default());
        let end = SayEnd(shared.clone());
        thread::Builder::new()
            .name("display".into())
            .spawn(move || run(&end.0, reporters, notice))?;
        Ok(Fanout { shared })
    }

    /// Takes records, for the journal to call after each became durable. Never blocks.
    pub fn publisher(&self) -> Arc<dyn Fn(&Record) + Send + Sync> {
        let shared = self.shared.clone();
        Arc::new(move |record| {
            let mut state = shared.lock();
            if !state.ended {
                state.records.push_back(record.clone());
                shared.news.notify_one();
            }
        })
    }

    /// Takes pulses. Never blocks; drops the oldest where the displays are slow.
    pub fn pulses(&self) -> Arc<dyn Fn(Pulse) + Send + Sync> {
        let shared = self.shared.clone();
        Arc::new(move |pulse| {
            let mut state = shared.lock();
            if state.pulses.len() == PULSES {
                state.pulses.pop_front();
            }
            state.pulses.push_back(pulse);
            shared.news.notify_one();
        })
    }

    /// Takes what somebody who is there shall read now. Never blocks.
    pub fn notices(&self) -> Arc<dyn Fn(&str) + Send + Sync> {
        let shared = self.shared.clone();
        Arc::new(move |text| {
            let mut state = shared.lock();
            if !state.ended && state.notices.len() < NOTICES {
                state.notices.push_back(text.to_owned());
                shared.news.notify_one();
            }
        })
    }

    /// Waits until all records so far are shown, before somebody else writes to the same terminal.
    /// Returns whether they are.
    pub fn caught_up(&self, patience: Patience) -> bool {
        let state = self.shared.lock();
        let behind = |state: &mut State| !state.ended && (state.busy || !state.records.is_empty());
        let (mut state, _) = (self.shared.calm)
            .wait_timeout_while(state, patience, behind)
            .unwrap_or_else(PoisonError::into_inner);
        !behind(&mut state)
    }

    /// Shows what is left and ends. A display that is stuck is left behind after `patience`.
    pub fn close(&self, patience: Patience) -> Closed {
        let mut state = self.shared.lock();
        state.closing = true;
        self.shared.news.notify_one();
        let (state, _) = (self.shared.calm)
            .wait_timeout_while(state, patience, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        Closed {
            dropped: state.dropped.clone(),
            drained: state.ended,
        }
    }
}

impl Drop for Fanout {
    /// Without a close, the thread still ends: after it has shown what it has.
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.news.notify_one();
    }
}

fn run(
    shared: &Shared,
    reporters: Vec<(String, Box<dyn Reporter>)>,
    mut notice: impl FnMut(&Dropped),
) {
    let mut reporters: Vec<_> = (reporters.into_iter())
        .map(|(name, reporter)| (name, Some(reporter)))
        .collect();
    loop {
        let work = shared.next();
        for (name, slot) in &mut reporters {
            let Some(reporter) = slot else {
                continue;
            };
            let shown = catch_unwind(AssertUnwindSafe(|| show(reporter.as_mut(), &work)));
            let (error, unread) = match shown {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => {
                    let unread = error.kind() == io::ErrorKind::BrokenPipe;
                    (error.to_string(), unread)
                }
                Err(_) => ("it panicked".to_owned(), false),
            };
            // What failed once may fail again where it is cleaned up.
            let gone = slot.take();
            let _ = catch_unwind(AssertUnwindSafe(|| drop(gone)));
            let dropped = Dropped {
                name: std::mem::take(name),
                error,
                unread,
            };
            shared.lock().dropped.push(dropped.clone());
            notice(&dropped);
        }
        if matches!(work, Work::Finish) {
            return;
        }
    }
}

fn show(reporter: &mut dyn Reporter, work: &Work) -> io::Result<()> {
    match work {
        Work::Records(records) => records
            .iter()
            .try_for_each(|record| reporter.record(record)),
        Work::Notices(notices) => notices.iter().try_for_each(|text| reporter.notice(text)),
        Work::Pulses(pulses) => pulses.iter().try_for_each(|pulse| reporter.pulse(pulse)),
        Work::Tick => reporter.tick(),
        Work::Finish => reporter.finish(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::report::fixture;

    const LONG: Duration = Duration::from_secs(60);

    /// Sends what it is shown; fails or blocks on request.
    struct Probe {
        to: mpsc::Sender<String>,
        fails_at: Option<u64>,
        panics: bool,
        gate: Option<mpsc::Receiver<()>>,
    }

    impl Probe {
        fn new(to: &mpsc::Sender<String>) -> Probe {
            Probe {
                to: to.clone(),
                fails_at: None,
                panics: false,
                gate: None,
            }
        }
    }

    impl Reporter for Probe {
        fn record(&mut self, record: &Record) -> io::Result<()> {
            if let Some(gate) = &self.gate {
                let _ = gate.recv();
            }
            if self.fails_at == Some(record.seq) {
                assert!(!self.panics, "asked to panic");
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let _ = self.to.send(format!("record {}", record.seq));
            Ok(())
        }

        fn pulse(&mut self, pulse: &Pulse) -> io::Result<()> {
            let _ = self.to.send(format!("pulse {}", pulse.note));
            Ok(())
        }

        fn finish(&mut self) -> io::Result<()> {
            let _ = self.to.send("finish".into());
            Ok(())
        }
    }

    fn pulse(note: &str) -> Pulse {
        Pulse {
            entry: None,
            note: note.into(),
            until: None,
            fraction: None,
        }
    }

    #[test]
    fn a_reporter_that_fails_is_dropped_once_and_the_others_go_on() {
        for panics in [false, true] {
            let (to, shown) = mpsc::channel();
            let (broken_to, broken_shown) = mpsc::channel();
            let (noticed_to, noticed) = mpsc::channel();
            let broken = Probe {
                fails_at: Some(2),
                panics,
                ..Probe::new(&broken_to)
            };
            let fanout = Fanout::start(
                vec![
                    ("lines".into(), Box::new(broken) as Box<dyn Reporter>),
                    ("json".into(), Box::new(Probe::new(&to))),
                ],
                move |dropped| noticed_to.send(dropped.clone()).unwrap(),
            )
            .unwrap();
            let publish = fanout.publisher();
            for record in fixture::happy_drill().iter().take(5) {
                publish(record);
            }
            let closed = fanout.close(LONG);
            assert!(closed.drained);
            assert_eq!(closed.dropped.len(), 1);
            assert_eq!(noticed.try_iter().collect::<Vec<_>>(), closed.dropped);
            assert_eq!(closed.dropped[0].name, "lines");
            let seen: Vec<String> = broken_shown.try_iter().collect();
            assert_eq!(seen, ["record 0", "record 1"]);
            let seen: Vec<String> = shown.try_iter().collect();
            assert_eq!(
                seen,
                [
                    "record 0", "record 1", "record 2", "record 3", "record 4", "finish"
                ]
            );
            publish(&fixture::happy_drill()[0]);
        }
    }

    #[test]
    fn a_stopped_terminal_pauses_nobody_and_keeps_few_pulses() {
        let (to, shown) = mpsc::channel();
        let (open, gate) = mpsc::channel();
        let stuck = Probe {
            gate: Some(gate),
            ..Probe::new(&to)
        };
        let fanout = Fanout::start(vec![("bars".into(), Box::new(stuck))], |_| {}).unwrap();
        let publish = fanout.publisher();
        let pulses = fanout.pulses();
        let records = fixture::happy_drill();
        for record in &records {
            publish(record);
        }
        for n in 0..10 * PULSES {
            pulses(pulse(&n.to_string()));
        }
        assert!(shown.try_recv().is_err(), "nothing was shown yet");
        assert!(!fanout.caught_up(Duration::from_millis(20)));
        drop(open);
        assert!(fanout.caught_up(LONG));
        let seen = shown.try_iter().filter(|line| line.starts_with("record"));
        assert_eq!(seen.count(), records.len());
        assert!(fanout.close(LONG).drained);
        let seen: Vec<String> = shown.try_iter().collect();
        let of = |kind: &str| seen.iter().filter(|line| line.starts_with(kind)).count();
        assert!(of("pulse") <= PULSES);
        assert_eq!(seen.last().map(String::as_str), Some("finish"));
    }

    #[test]
    fn closing_does_not_wait_for_a_display_that_is_stuck() {
        let (to, _shown) = mpsc::channel();
        let (_open, gate) = mpsc::channel();
        let stuck = Probe {
            gate: Some(gate),
            ..Probe::new(&to)
        };
        let fanout = Fanout::start(vec![("bars".into(), Box::new(stuck))], |_| {}).unwrap();
        fanout.publisher()(&fixture::happy_drill()[0]);
        assert!(!fanout.close(Duration::from_millis(50)).drained);
    }
}
