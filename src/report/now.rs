//! What a run is doing at this moment: a view of what its own machine does next, and no rules beside it.
//!
//! The same records fold into the same state here and in the loop that carries the run out, so a display knows
//! what comes before it is recorded. Records that the machine refuses (a damaged journal) leave nothing to show.

use super::ended::how_it_came_out;
use super::numbers::{list, rounded, time_of_day};
use super::say::{Sentence, Tone, Weight, contradiction, say};
use super::tally::Tally;
use crate::clock::Stamp;
use crate::event::{Answer, Event, Record, Round};
use crate::machine::{Hold, Move, State, next};
use crate::plan::{Nature, Plan, Way};

/// What a run is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Now {
    /// Nothing is known of it.
    #[default]
    Starting,
    /// A batch of checks, with those that have not yet been judged.
    Looking {
        round: Round,
        left: Vec<usize>,
    },
    /// The looks that must be taken before the first write.
    Preparing,
    /// A change is compared, written, or looked at after it was written.
    Writing {
        entry: usize,
        way: Way,
    },
    Asking {
        entry: usize,
    },
    Waiting {
        entry: usize,
    },
    /// A drill stays on the other side for a while.
    Holding,
    /// A person must decide how to go on.
    Deciding {
        hold: Hold,
    },
    /// Nothing is left but the end.
    Closing,
    Ended,
}

impl Now {
    /// What a move looks like to somebody who watches; `looked` are the checks of the batch that have ended.
    pub fn of(mv: Move, looked: &[usize]) -> Now {
        match mv {
            Move::Look { round, entries } => Now::Looking {
                round,
                left: (entries.into_iter())
                    .filter(|entry| !looked.contains(entry))
                    .collect(),
            },
            Move::TakeBaseline => Now::Preparing,
            Move::Compare { entry, way }
            | Move::Write { entry, way }
            | Move::Settle { entry, way } => Now::Writing { entry, way },
            Move::Wait { entry } => Now::Waiting { entry },
            Move::Approve { entry } => Now::Asking { entry },
            Move::Stay => Now::Holding,
            Move::Decide { hold } => Now::Deciding { hold },
            Move::End { .. } => Now::Closing,
            Move::Rest => Now::Ended,
        }
    }

    /// Whether this is the same work as before, only further on.
    fn goes_on_from(&self, before: &Now) -> bool {
        match (before, self) {
            (Now::Looking { round: a, left: l }, Now::Looking { round: b, left: m }) => {
                a == b && m.iter().all(|entry| l.contains(entry))
            }
            (before, now) => before == now,
        }
    }
}

/// Follows a run.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    state: Option<State>,
    now: Now,
    since: Option<Stamp>,
    /// Until when the last write may still land.
    lands_by: Option<Stamp>,
    /// The checks of the present batch that have ended.
    looked: Vec<usize>,
}

impl Cursor {
    pub fn new() -> Cursor {
        Cursor::default()
    }

    pub fn now(&self) -> &Now {
        &self.now
    }

    /// When it began to do that.
    pub fn since(&self) -> Option<&Stamp> {
        self.since.as_ref()
    }

    /// Takes in the next record; `tally` holds it already.
    pub fn fold(&mut self, tally: &Tally, record: &Record) {
        let Some(plan) = tally.plan() else {
            return;
        };
        match &record.event {
            Event::Started { .. } => self.state = Some(State::new(plan)),
            Event::Intended { until, .. } => self.lands_by = Some(until.clone()),
            Event::Looked { entry, .. } => self.looked.push(*entry),
            Event::Judged { .. } | Event::Resumed { .. } | Event::Decided { .. } => {
                self.looked.clear();
            }
            _ => {}
        }
        let folded = self
            .state
            .as_mut()
            .map(|state| state.fold(plan, &record.event));
        if matches!(folded, Some(Err(_))) {
            self.state = None;
        }
        let now = match &self.state {
            Some(state) => Now::of(next(plan, state), &self.looked),
            None if matches!(record.event, Event::Ended { .. }) => Now::Ended,
            None => Now::Starting,
        };
        if !now.goes_on_from(&self.now) {
            self.since = Some(record.at.clone());
        }
        self.now = now;
    }

    /// Takes in the next record, and says all that is to be said of it and of what begins with it. `somebody` sits
    /// at the terminal and may do something meanwhile.
    pub(super) fn tell(&mut self, tally: &Tally, record: &Record, somebody: bool) -> Vec<Sentence> {
        let before = self.now.clone();
        self.fold(tally, record);
        let Some(plan) = tally.plan() else {
            return Vec::new();
        };
        let settled = matches!(record.event, Event::Settled { .. });
        let contradicts = self
            .state
            .as_ref()
            .filter(|_| settled)
            .and_then(contradiction);
        let mut sentences =
            contradicts.map_or_else(|| say(plan, &record.event, tally.remains()), |it| vec![it]);
        if let (Event::Ended { ending }, [said]) = (&record.event, &mut sentences[..]) {
            let how = how_it_came_out(tally, *ending, plan);
            said.text = format!("{} ended: {how}", plan.mode);
        }
        sentences.extend(self.stopped(plan, &record.event));
        if let Some(doubt) = self.doubt(&record.event) {
            let leave = plain(Tone::Run, doubt.entry, LEAVES_A_DOUBT.to_owned());
            sentences.push(doubt);
            sentences.extend(somebody.then_some(leave));
        }
        if self.now != before {
            sentences.extend(announce(plan, tally, &self.now));
            sentences.extend(invite(plan, &self.now).filter(|_| somebody));
        }
        sentences
    }

    /// A batch that the run does not go on from by itself. Each check has spoken for itself already: only that a
    /// person is needed is news.
    fn stopped(&self, plan: &Plan, event: &Event) -> Option<Sentence> {
        let (Event::Judged { round, outcomes }, Now::Deciding { .. }) = (event, &self.now) else {
            return None;
        };
        let because: Vec<String> = (outcomes.iter())
            .filter(|(i, outcome)| {
                let state = self.state.as_ref();
                state.is_some_and(|state| state.stops(plan, *round, *i, *outcome))
            })
            .filter_map(|(i, outcome)| Some(format!("{} ({outcome})", plan.entries.get(*i)?.id)))
            .collect();
        let what = match round {
            Round::There | Round::Return => "stopped for a decision",
            Round::Probe => "stopped for a decision before anything is put back",
            Round::Verify => "stopped for a decision after all was put back",
        };
        let text = format!("{what}, because of {}", list(&because));
        Some(plain(Tone::Ask, None, text))
    }

    /// What follows a write of which nobody can tell whether it happened: it is looked for, and until when.
    fn doubt(&self, event: &Event) -> Option<Sentence> {
        let Event::Answered {
            entry,
            answer: Answer::Unclear { .. } | Answer::Declined { .. },
            ..
        } = event
        else {
            return None;
        };
        // A person decides about what cannot be read back.
        let settles = matches!(&self.now, Now::Writing { entry: at, .. } if at == entry);
        let until = self.lands_by.as_ref().filter(|_| settles)?;
        let text = format!(
            "looking whether it came through; by {} it has, or never will",
            time_of_day(until)
        );
        Some(plain(Tone::Change, Some(*entry), text))
    }
}

/// What a display says when the run begins something that may take long: a question, a wait, a hold.
fn announce(plan: &Plan, tally: &Tally, now: &Now) -> Option<Sentence> {
    let (tone, entry, text) = match now {
        Now::Asking { entry } => match &plan.entries.get(*entry)?.nature {
            Nature::Ask { question } => (Tone::Ask, Some(*entry), question.clone()),
            _ => return None,
        },
        Now::Waiting { entry } => match &plan.entries.get(*entry)?.nature {
            Nature::Wait { time } => {
                let text = format!("waiting {}", rounded(*time));
                (Tone::Run, Some(*entry), text)
            }
            _ => return None,
        },
        Now::Holding => {
            let target = &plan.direction.target;
            let state = match tally.not_seen_there().as_slice() {
                [] => format!("all is on {target}"),
                open => format!("not all is seen on {target} ({})", list(open)),
            };
            let text = format!(
                "{state}; holding {} before the way back",
                rounded(plan.hold)
            );
            (Tone::Run, None, text)
        }
        _ => return None,
    };
    Some(plain(tone, entry, text))
}

/// What ends a hold before its time, for whoever sits at the terminal.
pub const ENDS_A_HOLD: &str =
    "keys: Enter comes back now, b puts all back at once, `stay` lets it remain";

/// What somebody may type meanwhile.
fn invite(plan: &Plan, now: &Now) -> Option<Sentence> {
    let holds = *now == Now::Holding && !plan.hold.is_zero();
    holds.then(|| plain(Tone::Run, None, ENDS_A_HOLD.to_owned()))
}

/// What somebody may do while a write is in doubt.
const LEAVES_A_DOUBT: &str = "Ctrl-C twice stops waiting; `resume` looks again later";

fn plain(tone: Tone, entry: Option<usize>, text: String) -> Sentence {
    Sentence {
        tone,
        entry,
        text,
        facts: Vec::new(),
        advice: Vec::new(),
        weight: Weight::Fact,
    }
}
