//! How many runs go through the real loop, and how far that is, on standard error.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Desk;
use crate::clock::{Clock, Stamp, short};
use crate::simulate::Watch;
use crate::words::{count_of, part_of};

/// How long it is silent: on a terminal the line is written over, in a log there is one after the other.
const ON_A_TERMINAL: Duration = Duration::from_millis(200);
const IN_A_LOG: Duration = Duration::from_secs(30);

/// How far the runs of one playbook are, all kinds together.
pub(super) struct Progress {
    clock: Clock,
    terminal: bool,
    file: String,
    state: Mutex<State>,
}

struct State {
    /// Kinds of run that did not say yet how many they will be.
    unknown: usize,
    runs: u64,
    performed: u64,
    began: Stamp,
    told: Stamp,
}

impl Progress {
    pub(super) fn new(desk: &Desk, file: &str, kinds: usize) -> Progress {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let now = desk.clock.now();
        Progress {
            clock: desk.clock.clone(),
            terminal: std::io::stderr().is_terminal() && !dumb,
            file: crate::report::clean(file),
            state: Mutex::new(State {
                unknown: kinds,
                runs: 0,
                performed: 0,
                began: now.clone(),
                told: now,
            }),
        }
    }

    /// Nothing more is said; what was written over on a terminal is gone.
    pub(super) fn ends(&self) {
        if self.terminal {
            self.write("\r\x1b[K");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, line: &str) {
        match self.terminal {
            true => self.write(&format!("\r\x1b[K{line}")),
            false => self.write(&format!("{line}\n")),
        }
    }

    fn write(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        let _gone = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }

    /// How far it is, in one line.
    fn line(&self, state: &State, now: &Stamp) -> String {
        let left = (state.runs.saturating_sub(state.performed) as f64)
            * now.since(&state.began).as_secs_f64()
            / (state.performed.max(1) as f64);
        format!(
            "{}: {} through the real loop, about {} left",
            self.file,
            part_of(state.performed, state.runs, "run"),
            short(Duration::from_secs(left as u64))
        )
    }
}

impl Watch for Progress {
    fn expects(&self, lives: u64) {
        let mut state = self.state();
        if state.performed == 0 {
            state.began = self.clock.now();
        }
        state.runs += lives;
        state.unknown = state.unknown.saturating_sub(1);
        if state.unknown == 0 {
            let runs = count_of(state.runs, "run goes", "runs go");
            self.tell(&format!("{}: {runs} through the real loop", self.file));
        }
    }

    fn performed(&self) {
        let mut state = self.state();
        state.performed += 1;
        let now = self.clock.now();
        let pace = match self.terminal {
            true => ON_A_TERMINAL,
            false => IN_A_LOG,
        };
        if state.unknown == 0 && now.since(&state.told) >= pace {
            state.told = now.clone();
            self.tell(&self.line(&state, &now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_far_it_is_and_how_long_the_rest_takes() {
        let clock = Clock::real();
        let began = clock.now();
        let progress = Progress {
            clock,
            terminal: false,
            file: "site.toml".to_owned(),
            state: Mutex::new(State {
                unknown: 1,
                runs: 0,
                performed: 0,
                began: began.clone(),
                told: began,
            }),
        };
        progress.expects(12_000);
        let mut state = progress.state();
        assert_eq!((state.unknown, state.runs), (0, 12_000));
        state.performed = 3_000;
        let now = state.began.plus(Duration::from_secs(60));
        assert_eq!(
            progress.line(&state, &now),
            "site.toml: 3,000 of 12,000 runs through the real loop, about 3m 00s left"
        );
    }
}
