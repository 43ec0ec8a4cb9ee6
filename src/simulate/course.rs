//! Follows the journal of a run: in which move it is, and what strikes there.

use std::collections::BTreeMap;

use super::fault::{Cut, Fault, Moment, Point, Script, Twist};
use crate::event::{Decision, Event, Round};
use crate::machine::{Impossible, Move, State, next};
use crate::plan::{Outcome, Plan, Way};

/// Where a run is, told by the lines of its journal alone.
///
/// A point of a script means the same here and in the model: a move is entered when the line before it is
/// durable, and each time that it is entered counts once, over all processes of the run.
pub(super) struct Course {
    state: State,
    mv: Move,
    /// The points of the present move: one for each check of a batch.
    here: Vec<Point>,
    counts: BTreeMap<(Option<u16>, Moment), u16>,
    /// What has not struck yet.
    waiting: Vec<Twist>,
    /// What strikes in the present move.
    struck: Vec<Twist>,
    visited: Vec<Point>,
    /// Entries whose state a person accepted unseen, or that were skipped where they were cut off.
    accepted: Vec<bool>,
    /// It is gone on with to be put back: that decision is a line of its own, and no move comes before it.
    to_be_put_back: bool,
    outcomes: BTreeMap<(Round, usize), Outcome>,
}

/// What a line did to the course.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Passage {
    /// It was the last line of its move.
    pub(super) left: bool,
    /// Another move begins.
    pub(super) entered: bool,
}

impl Course {
    pub(super) fn new(plan: &Plan, script: &Script) -> Course {
        Course {
            state: State::new(plan),
            mv: Move::Rest,
            here: Vec::new(),
            counts: BTreeMap::new(),
            waiting: script.0.clone(),
            struck: Vec::new(),
            visited: Vec::new(),
            accepted: vec![false; plan.entries.len()],
            to_be_put_back: false,
            outcomes: BTreeMap::new(),
        }
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn mv(&self) -> &Move {
        &self.mv
    }

    /// The first point of the present move.
    pub(super) fn here(&self) -> Option<Point> {
        self.here.first().copied()
    }

    /// Every point that was come to, in order.
    pub(super) fn visited(&self) -> &[Point] {
        &self.visited
    }

    pub(super) fn accepted(&self, entry: usize) -> bool {
        self.accepted[entry]
    }

    /// What the last judgement of each check was, round by round. What the old side showed before an undo is no part
    /// of what an ending says.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (usize, Outcome)> {
        (self.outcomes.iter())
            .filter(|((round, _), _)| *round != Round::Probe)
            .map(|((_, entry), outcome)| (*entry, *outcome))
    }

    /// A process begins, or goes on.
    pub(super) fn begin(&mut self, to_be_put_back: bool) {
        self.to_be_put_back = to_be_put_back;
        self.mv = Move::Rest;
        self.struck.clear();
    }

    /// Takes one more line in.
    pub(super) fn take(&mut self, plan: &Plan, event: &Event) -> Result<Passage, Impossible> {
        self.accept(plan, event);
        self.state.fold(plan, event)?;
        if let Event::Judged { round, outcomes } = event {
            for (entry, outcome) in outcomes {
                self.outcomes.insert((*round, *entry), *outcome);
            }
        }
        let passage = self.passage(event);
        self.to_be_put_back &= !matches!(event, Event::Decided { .. });
        Ok(passage)
    }

    fn passage(&self, event: &Event) -> Passage {
        match event {
            Event::Looked { .. }
            | Event::Owes { .. }
            | Event::StaysSo { .. }
            | Event::Intended { .. } => Passage::default(),
            // Taken while others look, it is no move of its own.
            Event::BaselineTaken { .. } if self.mv != Move::TakeBaseline => Passage::default(),
            Event::Started { .. } => Passage {
                left: false,
                entered: true,
            },
            Event::Resumed { .. } => Passage {
                left: false,
                entered: !self.to_be_put_back,
            },
            Event::Decided { .. } if self.to_be_put_back => Passage {
                left: false,
                entered: true,
            },
            Event::Ended { .. } => Passage {
                left: true,
                entered: false,
            },
            Event::StopAsked { .. } => Passage {
                left: false,
                entered: true,
            },
            _ => Passage {
                left: true,
                entered: true,
            },
        }
    }

    /// What a person accepts without its being seen is not ours to answer for.
    fn accept(&mut self, plan: &Plan, event: &Event) {
        let Some(motion) = self.state.motion() else {
            return;
        };
        let entry = usize::from(motion.entry);
        let accepts = match event {
            Event::Decided { decision, .. } => *decision == Decision::On,
            Event::Resumed { .. } => self.state.is_skipped_by_a_resume(plan),
            _ => false,
        };
        self.accepted[entry] |= accepts;
    }

    /// Enters the move that comes next, and says what strikes there.
    pub(super) fn enter_next(&mut self, plan: &Plan) -> Vec<Fault> {
        self.enter(next(plan, &self.state))
    }

    /// The process has ended: says what somebody does then.
    pub(super) fn rest(&mut self) -> Option<Decision> {
        let struck = self.enter(Move::Rest);
        struck.into_iter().find_map(|fault| match fault {
            Fault::Person(decision) => Some(decision),
            _ => None,
        })
    }

    fn enter(&mut self, mv: Move) -> Vec<Fault> {
        let moment = Moment::of(&mv);
        let short = |entry: &usize| u16::try_from(*entry).ok();
        let entries: Vec<Option<u16>> = match &mv {
            Move::Look { entries, .. } => entries.iter().map(short).collect(),
            Move::Compare { entry, .. }
            | Move::Write { entry, .. }
            | Move::Settle { entry, .. }
            | Move::Wait { entry }
            | Move::Approve { entry } => vec![short(entry)],
            Move::TakeBaseline
            | Move::Stay
            | Move::Decide { .. }
            | Move::End { .. }
            | Move::Rest => vec![None],
        };
        self.here.clear();
        for entry in entries {
            let count = self.counts.entry((entry, moment)).or_default();
            self.here.push(Point {
                entry,
                moment,
                nth: *count,
            });
            *count += 1;
        }
        self.visited.extend_from_slice(&self.here);
        self.mv = mv;
        self.struck = self.strike();
        self.struck.iter().map(|twist| twist.fault).collect()
    }

    /// What strikes here, taken out of the script: all that is silent; then one thing, or in a look one for each
    /// check.
    fn strike(&mut self) -> Vec<Twist> {
        let here = &self.here;
        let at_hand = self
            .waiting
            .extract_if(.., |twist| here.contains(&twist.at));
        let (mut struck, others): (Vec<_>, Vec<_>) =
            at_hand.partition(|twist| twist.fault.is_silent());
        let is_of_a_check =
            |twist: &Twist| matches!(twist.fault, Fault::Fails | Fault::Late | Fault::Hangs);
        let looks = matches!(self.mv, Move::Look { .. });
        for twist in others {
            let first = struck.last().is_none_or(|last| last.fault.is_silent());
            let beside = looks
                && is_of_a_check(&twist)
                && struck.iter().all(|other| {
                    other.fault.is_silent()
                        || is_of_a_check(other) && other.at.entry != twist.at.entry
                });
            if first || beside {
                struck.push(twist);
            }
        }
        struck
    }

    /// Whether this fault strikes in the present move.
    pub(super) fn strikes(&self, fault: Fault) -> bool {
        self.struck.iter().any(|twist| twist.fault == fault)
    }

    /// The place that somebody writes while the present look waits.
    pub(super) fn strikes_meanwhile(&self) -> Option<usize> {
        let mut struck = self.struck.iter();
        let twist = struck.find(|twist| twist.fault == Fault::Meanwhile)?;
        twist.at.entry.map(usize::from)
    }

    /// What strikes the looks of a check in the present move.
    pub(super) fn strikes_check(&self, entry: usize) -> Option<Fault> {
        let strikes = |twist: &&Twist| {
            twist.at.entry.map(usize::from) == Some(entry)
                && matches!(twist.fault, Fault::Fails | Fault::Late | Fault::Hangs)
        };
        self.struck.iter().find(strikes).map(|twist| twist.fault)
    }

    /// What strikes the present write.
    pub(super) fn strikes_write(&self) -> Option<Fault> {
        let strikes = |twist: &&Twist| {
            matches!(
                twist.fault,
                Fault::Refused
                    | Fault::RefusedLands
                    | Fault::Old
                    | Fault::Lost
                    | Fault::LandsLate
                    | Fault::Unsaid
                    | Fault::Lies
                    | Fault::Half
                    | Fault::HalfUnsaid
                    | Fault::Killed(Cut::Written | Cut::InFlight)
            )
        };
        self.struck.iter().find(strikes).map(|twist| twist.fault)
    }

    /// What a person decides where the run asks now.
    pub(super) fn decides(&self) -> Option<Decision> {
        self.struck.iter().find_map(|twist| match twist.fault {
            Fault::Person(decision) => Some(decision),
            _ => None,
        })
    }

    /// The way of the present read or write.
    pub(super) fn way(&self) -> Way {
        match &self.mv {
            Move::Compare { way, .. } | Move::Write { way, .. } | Move::Settle { way, .. } => *way,
            Move::Look {
                round: Round::Return | Round::Probe | Round::Verify,
                ..
            } => Way::Back,
            _ => Way::There,
        }
    }
}
