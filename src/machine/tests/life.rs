//! A run that is followed move by move, without a world.

use crate::event::{Answer, Decision, Ending, Event, Round};
use crate::fake::plan;
use crate::machine::{Move, Phase, State, next};
use crate::plan::{Mode, Outcome, Plan, Side, Value, Way};

/// Follows a run: what is not in question goes well.
pub(super) struct Life {
    pub(super) plan: Plan,
    pub(super) state: State,
}

impl Life {
    pub(super) fn new(mode: Mode, sketch: &str) -> Life {
        let plan = plan(mode, sketch);
        let state = State::new(&plan);
        Life { plan, state }
    }

    pub(super) fn next(&self) -> Move {
        next(&self.plan, &self.state)
    }

    pub(super) fn happens(&mut self, event: Event) {
        self.state.fold(&self.plan, &event).unwrap();
    }

    /// Everything goes well until this comes next.
    pub(super) fn until(&mut self, wanted: impl Fn(&Move) -> bool) {
        for _ in 0..100 {
            let mv = self.next();
            if wanted(&mv) {
                return;
            }
            self.goes_well(mv);
        }
        panic!("it never comes; {:?} does", self.next());
    }

    pub(super) fn goes_well(&mut self, mv: Move) {
        match mv {
            Move::Look { .. } => self.judged(Outcome::Pass),
            Move::Compare { entry, way } => {
                let side = match way {
                    Way::There => Side::Before,
                    Way::Back => Side::After,
                };
                self.compared(entry, way, side);
            }
            Move::Write { entry, way } => {
                self.written(entry, way, Some(done()));
            }
            Move::Settle { way, .. } => {
                let side = match way {
                    Way::There => Side::After,
                    Way::Back => Side::Before,
                };
                self.settled(side);
            }
            Move::Stay => self.happens(Event::HoldOver { by: String::new() }),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn judged(&mut self, outcome: Outcome) {
        let (round, entries) = self.looks();
        let outcomes = entries.into_iter().map(|i| (i, outcome)).collect();
        self.happens(Event::Judged { round, outcomes });
    }

    /// Up to the place of this entry, on this way.
    pub(super) fn comes_to(&mut self, entry: usize, way: Way) {
        let wanted = Move::Compare { entry, way };
        self.until(|mv| *mv == wanted);
    }

    /// What is looked at now.
    pub(super) fn looks(&self) -> (Round, Vec<usize>) {
        match self.next() {
            Move::Look { round, entries } => (round, entries),
            other => panic!("{other:?}"),
        }
    }

    /// The place of an entry is read; `None` where it cannot be.
    pub(super) fn compared(&mut self, entry: usize, way: Way, side: impl Into<Option<Side>>) {
        self.happens(Event::Compared {
            entry,
            way,
            side: side.into(),
            detail: None,
        });
    }

    pub(super) fn written(&mut self, entry: usize, way: Way, answer: Option<Answer>) {
        self.happens(Event::Intended {
            entry,
            way,
            from: Value::default(),
            to: Value::default(),
            until: crate::clock::Stamp::at(0),
        });
        if let Some(answer) = answer {
            self.happens(Event::Answered { entry, way, answer });
        }
    }

    /// Its place is looked at behind the write; `None` where it cannot be read.
    pub(super) fn settled(&mut self, side: impl Into<Option<Side>>) {
        let Move::Settle { entry, way } = self.next() else {
            panic!("{:?}", self.next());
        };
        let (side, detail) = (side.into(), None);
        let overtaken = side.filter(|_| self.state.is_overtaken(entry, side));
        self.happens(match overtaken {
            Some(side) => Event::Overtaken {
                entry,
                side,
                detail,
            },
            None => Event::Settled {
                entry,
                way,
                side,
                detail,
                stored: Value::default(),
            },
        });
    }

    pub(super) fn decides(&mut self, decision: Decision) {
        self.decides_of_parts(decision, true);
    }

    /// `parts` as it is recorded; version 0.1.0 knew no parts of a place.
    pub(super) fn decides_of_parts(&mut self, decision: Decision, parts: bool) {
        let by = String::new();
        self.happens(Event::Decided {
            decision,
            by,
            parts,
        });
    }

    pub(super) fn resumes(&mut self) {
        self.happens(Event::Resumed {
            by: String::new(),
            version: String::new(),
            anew: true,
        });
    }

    /// The present end is recorded; where the places are read once more before it, they hold what they should.
    pub(super) fn ends(&mut self) -> Ending {
        if self.state.phase() == Phase::Reread && self.state.closing().is_none() {
            self.judged(Outcome::Pass);
        }
        let Move::End { ending } = self.next() else {
            panic!("{:?}", self.next());
        };
        self.happens(Event::Ended { ending });
        ending
    }

    /// It comes to its end, and somebody asks to go back.
    pub(super) fn ends_and_goes_back(&mut self) {
        self.until(|mv| matches!(mv, Move::End { .. }));
        self.ends();
        self.decides(Decision::Back);
    }

    /// Up to the next write, which is answered and looked at.
    pub(super) fn writes(&mut self, answer: Option<Answer>, side: impl Into<Option<Side>>) {
        self.until(|mv| matches!(mv, Move::Write { .. }));
        let Move::Write { entry, way } = self.next() else {
            unreachable!()
        };
        self.written(entry, way, answer);
        self.settled(side);
    }
}

pub(super) fn done() -> Answer {
    Answer::Done {
        note: String::new(),
    }
}

pub(super) fn refused() -> Answer {
    Answer::Refused { why: String::new() }
}

pub(super) fn unclear() -> Answer {
    Answer::Unclear { why: String::new() }
}
