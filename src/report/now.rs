//! What a run is doing at this moment, as far as its records tell.
//!
//! There is no record of a beginning look: the plan tells what comes next. Where the run takes another way
//! than expected, its next record says so, and only the moving part of a display was wrong for a moment.

use super::numbers::{rounded, time_of_day};
use super::say::{Sentence, Tone, Weight, ends, goes_back, is_act};
use super::tally::Tally;
use crate::clock::Stamp;
use crate::event::{Answer, Decision, Event, Record, Round};
use crate::plan::{Entry, Mode, Nature, Outcome, Plan, Then, Way};

/// What a run is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Now {
    #[default]
    Starting,
    /// A batch of checks, with those that have not yet been judged.
    Looking {
        round: Round,
        left: Vec<usize>,
    },
    Writing {
        entry: usize,
        way: Way,
    },
    /// On the way from one undone change to the next.
    Undoing,
    Asking {
        entry: usize,
    },
    Waiting {
        entry: usize,
    },
    /// A drill stays on the other side for a while.
    Holding,
    /// A person must decide how to go on.
    Deciding,
    /// Nothing is left but the end.
    Closing,
    Ended,
}

/// Follows a run.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    now: Now,
    since: Option<Stamp>,
    /// Until when the last write may still land.
    lands_by: Option<Stamp>,
    /// The last batch, to look at again or to go on from.
    batch: Option<(Round, Vec<usize>)>,
    returning: bool,
    /// Something failed, and what stands is put back.
    undoing: bool,
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
        if let Event::Intended { until, .. } = &record.event {
            self.lands_by = Some(until.clone());
        }
        let next = self.next(plan, tally, &record.event);
        let Some(next) = next else {
            return;
        };
        let same_batch = matches!(
            (&self.now, &next),
            (Now::Looking { round: a, .. }, Now::Looking { round: b, left })
                if a == b && self.batch.as_ref().is_some_and(|(_, all)| all.len() > left.len())
        );
        let same_write = self.now == next;
        if !same_batch && !same_write {
            self.since = Some(record.at.clone());
        }
        self.now = next;
    }

    /// What follows a write of which nobody can tell whether it happened: it is looked for, and until when.
    pub(super) fn doubt(&self, plan: &Plan, event: &Event) -> Option<Sentence> {
        let Event::Answered {
            entry,
            answer: Answer::Unclear { .. },
            ..
        } = event
        else {
            return None;
        };
        let until = self.lands_by.as_ref().filter(|_| !is_act(plan, *entry))?;
        let text = format!(
            "looking whether it came through; by {} it has, or never will",
            time_of_day(until)
        );
        Some(plain(Tone::Change, Some(*entry), text))
    }

    fn next(&mut self, plan: &Plan, tally: &Tally, event: &Event) -> Option<Now> {
        Some(match event {
            Event::Started { .. } => self.go(plan, 0, Way::There),
            Event::Looked { entry, round, .. } => match &self.now {
                Now::Looking { round: at, left } if at == round => Now::Looking {
                    round: *round,
                    left: left.iter().copied().filter(|i| i != entry).collect(),
                },
                _ => Now::Looking {
                    round: *round,
                    left: Vec::new(),
                },
            },
            Event::Judged { round, outcomes } => self.judged(plan, tally, *round, outcomes),
            Event::Compared {
                entry, way, side, ..
            }
            | Event::Settled {
                entry, way, side, ..
            } => {
                let (_, to) = ends(*way);
                if *side == Some(to) && !is_act(plan, *entry) {
                    self.written(plan, tally, *entry, *way)
                } else {
                    Now::Writing {
                        entry: *entry,
                        way: *way,
                    }
                }
            }
            Event::Intended { entry, way, .. } => Now::Writing {
                entry: *entry,
                way: *way,
            },
            Event::Answered {
                entry,
                way,
                answer: Answer::Done { .. },
            } if is_act(plan, *entry) => self.written(plan, tally, *entry, *way),
            Event::WouldChange { entry }
            | Event::Waited { entry }
            | Event::Approved {
                entry, yes: true, ..
            } => self.go(plan, entry + 1, self.way()),
            Event::Approved { .. } => Now::Closing,
            Event::HoldOver { .. } => {
                self.returning = true;
                self.go(plan, 0, Way::Back)
            }
            Event::Decided { decision, .. } => match (decision, self.batch.clone()) {
                (Decision::On, Some((_, batch))) => {
                    self.go(plan, batch.last().map_or(0, |i| i + 1), self.way())
                }
                (Decision::Again, Some((round, left))) => Now::Looking { round, left },
                (Decision::Back, _) => self.going_back(plan, tally),
                (Decision::Stop, _) => Now::Closing,
                (Decision::On | Decision::Again, None) => return None,
            },
            Event::Ended { .. } => Now::Ended,
            Event::Answered { .. }
            | Event::BaselineTaken { .. }
            | Event::StopAsked { .. }
            | Event::Resumed { .. }
            | Event::Owes { .. } => return None,
        })
    }

    fn way(&self) -> Way {
        if self.returning {
            Way::Back
        } else {
            Way::There
        }
    }

    fn judged(
        &mut self,
        plan: &Plan,
        tally: &Tally,
        round: Round,
        outcomes: &[(usize, Outcome)],
    ) -> Now {
        let after = outcomes.iter().map(|(i, _)| i + 1).max().unwrap_or(0);
        let then = (outcomes.iter())
            .filter_map(|(i, outcome)| Some(plan.entries.get(*i)?.rule.then(*outcome)))
            .max()
            .unwrap_or(Then::Note);
        let sound = outcomes.iter().all(|(_, o)| *o <= Outcome::Warn);
        self.batch = Some((round, outcomes.iter().map(|(i, _)| *i).collect()));
        match round {
            Round::There | Round::Return if then == Then::Note => self.go(plan, after, self.way()),
            Round::There if goes_back(plan, round, outcomes) => self.going_back(plan, tally),
            Round::Probe if sound => Now::Undoing,
            Round::Verify if sound => Now::Closing,
            Round::There | Round::Return | Round::Probe | Round::Verify => Now::Deciding,
        }
    }

    fn written(&mut self, plan: &Plan, tally: &Tally, entry: usize, way: Way) -> Now {
        if way == self.way() && !self.undoing {
            self.go(plan, entry + 1, way)
        } else if !self.undoing {
            // What is temporary is put back at the end of the way there.
            Now::Closing
        } else if tally.anything_stands() {
            Now::Undoing
        } else {
            let left = checks(plan, plan.first_write().unwrap_or(0), |_| true);
            if left.is_empty() {
                return Now::Closing;
            }
            self.look(Round::Verify, left)
        }
    }

    /// The next entry that takes part, with its neighbours where it is a check.
    fn go(&mut self, plan: &Plan, from: usize, way: Way) -> Now {
        let looks_only = matches!(plan.mode, Mode::Check | Mode::Plan);
        let takes_part = |entry: &Entry| match way {
            Way::There => entry.there && !(looks_only && entry.after_change),
            Way::Back => entry.back,
        };
        let mut rest = (plan.entries.iter().enumerate())
            .skip(from)
            .filter(|(_, entry)| takes_part(entry))
            .peekable();
        let Some((i, entry)) = rest.peek().copied() else {
            return match (plan.mode, way) {
                (Mode::Drill, Way::There) => Now::Holding,
                _ => Now::Closing,
            };
        };
        match &entry.nature {
            Nature::Check => {
                let round = match way {
                    Way::There => Round::There,
                    Way::Back => Round::Return,
                };
                let left = rest
                    .take_while(|(_, entry)| entry.is_check())
                    .map(|(i, _)| i)
                    .collect();
                self.look(round, left)
            }
            Nature::Change(_) | Nature::Act(_) => Now::Writing { entry: i, way },
            Nature::Ask { .. } => Now::Asking { entry: i },
            Nature::Wait { .. } => Now::Waiting { entry: i },
        }
    }

    fn going_back(&mut self, plan: &Plan, tally: &Tally) -> Now {
        self.undoing = true;
        if !tally.anything_stands() {
            return Now::Closing;
        }
        let probes = checks(plan, 0, |entry| entry.probes_old_side);
        if probes.is_empty() {
            Now::Undoing
        } else {
            self.look(Round::Probe, probes)
        }
    }

    fn look(&mut self, round: Round, left: Vec<usize>) -> Now {
        self.batch = Some((round, left.clone()));
        Now::Looking { round, left }
    }
}

fn checks(plan: &Plan, from: usize, which: impl Fn(&Entry) -> bool) -> Vec<usize> {
    (plan.entries.iter().enumerate())
        .skip(from)
        .filter(|(_, entry)| entry.is_check() && entry.there && which(entry))
        .map(|(i, _)| i)
        .collect()
}

/// What a display says when the run begins something that may take long: a question, a wait, a hold.
pub(super) fn announce(plan: &Plan, now: &Now) -> Option<Sentence> {
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
            let text = format!(
                "all is on {}; holding {} before the way back",
                plan.direction.target,
                rounded(plan.hold)
            );
            (Tone::Run, None, text)
        }
        _ => return None,
    };
    Some(plain(tone, entry, text))
}

/// What ends a hold before its time, for whoever sits at the terminal.
pub const ENDS_A_HOLD: &str = "Enter comes back before the time is up, b puts everything back";

/// What somebody may type meanwhile.
pub(super) fn invite(plan: &Plan, now: &Now) -> Option<Sentence> {
    let holds = *now == Now::Holding && !plan.hold.is_zero();
    holds.then(|| plain(Tone::Run, None, ENDS_A_HOLD.to_owned()))
}

/// What somebody may do while a write is in doubt.
pub(super) fn invite_to_leave(doubt: &Sentence) -> Sentence {
    let text = "Ctrl-C twice stops waiting; `resume` looks again later".to_owned();
    plain(Tone::Run, doubt.entry, text)
}

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
