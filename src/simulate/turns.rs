//! One moment of a run, and what each thing that can happen there leads to.

mod people;
mod places;
mod strikes;

use super::fault::{Cut, Fault, Moment};
use super::ground::{Node, Places, goal};
use super::model::Model;
use super::rules::Rules;
use crate::clock::Stamp;
use crate::event::{Answer, Decision, Ending, Event, Round};
use crate::machine::{Impossible, Mark, Move, Phase, State};
use crate::plan::{Mode, Nature, Outcome, Side, Then, Value, Way};

/// One thing that can happen at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Strike {
    /// What it is about, as in a [`Point`](super::Point).
    pub(super) entry: Option<u16>,
    /// `None`: nothing goes wrong.
    pub(super) fault: Option<Fault>,
}

impl Strike {
    pub(super) fn cost(self) -> u8 {
        self.fault.map_or(0, Fault::cost)
    }
}

/// What can happen, moment by moment.
pub(super) struct Turns<'m, R> {
    model: &'m Model,
    rules: &'m R,
    pub(super) places: Places,
    /// Whether the death of a site can be noticed at all.
    sites_matter: bool,
    /// The moment at hand.
    pub(super) here: Node,
    mv: Move,
    /// What the looks at hand show where nothing goes wrong.
    truths: Vec<(usize, Outcome)>,
    /// What the strike that was taken last led to.
    pub(super) there: Node,
    /// What the machine would not believe of it.
    pub(super) refused: Option<Impossible>,
    /// The events of it, where somebody wants to know.
    pub(super) facts: Option<Vec<Event>>,
    judged: Event,
    /// Whether moments forget what makes no difference any more.
    pub(super) forgets: bool,
}

fn nobody() -> String {
    String::new()
}

fn no_time() -> Stamp {
    Stamp {
        wall: jiff::Timestamp::UNIX_EPOCH,
        boot_ms: 0,
        boot_id: String::new(),
    }
}

fn short(entry: usize) -> u16 {
    u16::try_from(entry).unwrap_or(u16::MAX)
}

impl<'m, R: Rules> Turns<'m, R> {
    /// Stands before the first moment.
    pub(super) fn new(model: &'m Model, rules: &'m R) -> Turns<'m, R> {
        let mut turns = Turns {
            model,
            rules,
            places: Places::of(&model.plan),
            sites_matter: (model.traits.iter()).any(|t| t.sees.active || t.sees.idle),
            here: Node::first(model),
            mv: Move::Rest,
            truths: Vec::new(),
            there: Node::first(model),
            refused: None,
            facts: None,
            judged: Event::Judged {
                round: Round::There,
                outcomes: Vec::new(),
            },
            forgets: true,
        };
        turns.look_around();
        turns
    }

    pub(super) fn model(&self) -> &'m Model {
        self.model
    }

    /// The move at hand.
    pub(super) fn mv(&self) -> &Move {
        &self.mv
    }

    /// What kind of move it is.
    pub(super) fn moment(&self) -> Moment {
        Moment::of(&self.mv)
    }

    /// Whether a resume after the end would do something.
    pub(super) fn resumes_after_its_end(&self) -> bool {
        let mut state = self.here.state.clone();
        let resumed = Event::Resumed {
            by: nobody(),
            version: nobody(),
            anew: true,
        };
        !self.is_open() && (self.rules.fold(&self.model.plan, &mut state, &resumed)).is_ok()
    }

    /// Goes on to what the last strike led to.
    pub(super) fn go(&mut self) {
        std::mem::swap(&mut self.here, &mut self.there);
        self.look_around();
    }

    /// Finds the move that is at hand `here`; call it whenever `here` was set.
    pub(super) fn look_around(&mut self) {
        let node = &self.here;
        self.mv = match node.ground.down {
            true => Move::Rest,
            false => self.rules.next(&self.model.plan, &node.state),
        };
        self.truths.clear();
        if let Move::Look { round, entries } = &self.mv {
            let (sides, dead) = (node.ground.sides(), node.ground.dead);
            let truth = |i: &usize| match self.is_change(*i) {
                true => (*i, self.place(node, *i, *round)),
                false => (*i, self.model.truth(*i, *round, sides, dead)),
            };
            let mut truths: Vec<_> = entries.iter().map(truth).collect();
            self.truths.append(&mut truths);
        }
    }

    /// The run has not ended, or can be gone on with all the same.
    fn is_open(&self) -> bool {
        let ended = self.here.state.ended();
        matches!(ended, None | Some(Ending::Stopped | Ending::Held))
    }

    /// Whether nothing of it is kept that could be resumed.
    fn is_dry(&self) -> bool {
        matches!(self.model.plan.mode, Mode::Plan | Mode::Check)
    }

    fn is_change(&self, entry: usize) -> bool {
        matches!(self.model.plan.entries[entry].nature, Nature::Change(_))
    }

    fn has_place(&self, entry: usize) -> bool {
        self.model.plan.entries[entry].has_place()
    }

    /// What strikes leads `there`. More than one can strike only in a look, each another check.
    pub(super) fn take(&mut self, strikes: &[Strike]) {
        self.there.clone_from(&self.here);
        self.refused = None;
        if let Some(facts) = &mut self.facts {
            facts.clear();
        }
        let fault = strikes.first().and_then(|strike| strike.fault);
        let silent = fault.is_some_and(Fault::is_silent);
        // A look counts for the move that follows it.
        self.there.ground.looked &= silent;
        match fault {
            Some(fault) if silent => self.silent(fault),
            Some(Fault::Killed(Cut::Before) | Fault::LockLost) => self.there.ground.down = true,
            Some(Fault::CtrlC | Fault::DiskFull) => self.happen(&Event::StopAsked { by: nobody() }),
            _ => self.move_on(strikes, fault),
        }
        if self.forgets {
            self.there.forget(self.model, &self.places);
        }
    }

    fn happen(&mut self, event: &Event) {
        if self.refused.is_none() {
            let folded = (self.rules).fold(&self.model.plan, &mut self.there.state, event);
            self.refused = folded.err();
        }
        if let Some(facts) = &mut self.facts {
            facts.push(event.clone());
        }
    }

    fn silent(&mut self, fault: Fault) {
        let ground = &mut self.there.ground;
        match fault {
            Fault::SourceDies => ground.dead.source = true,
            Fault::TargetDies => ground.dead.target = true,
            Fault::Foreign | Fault::Anticipated => {
                let (entry, way) = match self.mv {
                    Move::Compare { entry, way }
                    | Move::Write { entry, way }
                    | Move::Settle { entry, way } => (entry, way),
                    Move::Look { ref entries, .. } => (entries[0], Way::There),
                    _ => return,
                };
                // Whoever writes after our write was overtaken by it, not we by them.
                ground.land();
                let side = match fault {
                    Fault::Foreign => Side::Foreign,
                    _ => goal(way),
                };
                ground.somebody_writes(entry, side);
            }
            Fault::Overrun => {
                ground.land();
                let entries = self.model.plan.entries.iter().enumerate();
                for (i, _) in entries.filter(|(_, e)| matches!(e.nature, Nature::Change(_))) {
                    ground.somebody_writes(i, overrun(&self.here.state, i));
                }
            }
            // The machine knows no time.
            _ => {}
        }
    }

    fn move_on(&mut self, strikes: &[Strike], fault: Option<Fault>) {
        match self.mv {
            Move::Look { round, .. } => self.look(round, strikes),
            Move::TakeBaseline => self.happen(&Event::BaselineTaken { sights: Vec::new() }),
            Move::Compare { entry, way } => self.compare(entry, way, fault),
            Move::Write { entry, way } => self.write(entry, way, fault),
            Move::Settle { entry, way } => self.settle(entry, way, fault),
            Move::Wait { entry } => self.happen(&Event::Waited { entry }),
            Move::Approve { entry } => {
                let (yes, by) = (fault != Some(Fault::Declined), nobody());
                self.happen(&Event::Approved { entry, yes, by });
                self.there.ground.defied |= !yes && self.went_on();
            }
            Move::Stay => match fault {
                None => self.happen(&Event::HoldOver { by: nobody() }),
                Some(_) => self.decide(fault),
            },
            Move::Decide { .. } => self.decide(fault),
            Move::End { ending } => self.happen(&Event::Ended { ending }),
            Move::Rest => self.reopen(fault == Some(Fault::Person(Decision::Back))),
        }
    }

    fn look(&mut self, round: Round, strikes: &[Strike]) {
        // Both are looked at side by side.
        if round == Round::There && self.here.state.lacks_baseline() {
            self.happen(&Event::BaselineTaken { sights: Vec::new() });
        }
        let blank = Event::HoldOver { by: nobody() };
        let mut judged = std::mem::replace(&mut self.judged, blank);
        if let Event::Judged {
            round: asked,
            outcomes,
        } = &mut judged
        {
            *asked = round;
            outcomes.clone_from(&self.truths);
            // What the old side shows says nothing of where a run remains.
            let looked = round != Round::Probe && outcomes.iter().any(|(i, _)| !self.has_place(*i));
            self.there.ground.stale &= !looked;
            for (i, outcome) in outcomes.iter_mut() {
                let struck = |strike: &&Strike| strike.entry == Some(short(*i));
                match strikes.iter().find(struck).and_then(|s| s.fault) {
                    Some(Fault::Fails) => *outcome = Outcome::Fail,
                    Some(Fault::Late) => *outcome = Outcome::Late,
                    Some(Fault::Hangs) => *outcome = self.unanswered(*i, round),
                    _ => {}
                }
                if self.has_place(*i) && *outcome != Outcome::Unknown {
                    self.there.ground.shows(*i);
                }
            }
            if round == Round::Verify {
                self.verified(outcomes);
            }
        }
        self.happen(&judged);
        self.meanwhile(strikes);
        if let Event::Judged { outcomes, .. } = &judged {
            self.weigh(round, outcomes);
        }
        self.judged = judged;
    }

    /// Whether the run is on its way to a success, and not held.
    fn went_on(&self) -> bool {
        let state = &self.there.state;
        state.held().is_none()
            && matches!(
                state.phase(),
                Phase::Forward | Phase::Return | Phase::Stay | Phase::Tidy | Phase::Confirm
            )
            && matches!(
                state.closing(),
                None | Some(Ending::Done | Ending::DoneUnproven)
            )
    }

    /// Remembers what the run went on with.
    fn weigh(&mut self, round: Round, outcomes: &[(usize, Outcome)]) {
        let entries = &self.model.plan.entries;
        match round {
            Round::There | Round::Return if self.went_on() => {
                let stops = |(i, o): &(usize, Outcome)| {
                    entries[*i].is_check() && entries[*i].rule.then(*o) > Then::Note
                };
                let plan = &self.model.plan;
                let unsure = |of: &(usize, Outcome)| match entries[of.0].is_check() {
                    true => plan.is_not_seen_good(&[*of]),
                    // What a place holds is a matter of its own.
                    false => matches!(of.1, Outcome::Late | Outcome::Unknown),
                };
                self.there.ground.doubt |= outcomes.iter().any(unsure);
                self.there.ground.defied |= outcomes.iter().any(stops);
            }
            Round::Verify => {
                // Of a run of which nothing ever stood only the places are asked.
                let stood = !self.there.state.never_stood();
                let bad = |(i, o): &(usize, Outcome)| {
                    entries[*i].rule.fail > Then::Note
                        && !matches!(o, Outcome::Pass | Outcome::Warn)
                        && (stood || entries[*i].has_place())
                };
                let there = &mut self.there;
                let reads = there.state.phase() == Phase::Reread;
                let closes = reads || there.state.closing() == Some(Ending::Undone);
                // What the checks before it said still counts where the places are read again.
                let known = self.here.state.phase() == Phase::Reread && there.ground.defied;
                there.ground.defied = closes && (known || outcomes.iter().any(bad));
            }
            Round::There | Round::Return | Round::Probe => {}
        }
    }

    /// What a read of the place shows.
    fn read(&mut self, entry: usize, way: Way, fault: Option<Fault>) -> Option<Side> {
        let ground = &mut self.there.ground;
        let answered = fault != Some(Fault::Hangs) && self.model.reachable(entry, way, ground.dead);
        if !answered {
            return None;
        }
        let side = ground.look(entry);
        // Whoever writes takes the whole place: nothing of it is ours.
        let left = way == Way::Back && self.here.state.mark(entry) == Mark::Shared;
        Some(match side {
            Side::Foreign if left => Side::Before,
            side => side,
        })
    }

    fn compare(&mut self, entry: usize, way: Way, fault: Option<Fault>) {
        let side = match self.is_change(entry) {
            true => self.read(entry, way, fault),
            false => None,
        };
        let detail = None;
        self.happen(&Event::Compared {
            entry,
            way,
            side,
            detail,
        });
    }

    fn write(&mut self, entry: usize, way: Way, fault: Option<Fault>) {
        if self.is_dry() {
            return self.happen(&Event::WouldChange { entry });
        }
        self.happen(&Event::Intended {
            entry,
            way,
            from: Value::default(),
            to: Value::default(),
            until: no_time(),
        });
        let reachable = self.model.reachable(entry, way, self.here.ground.dead);
        let change = self.is_change(entry);
        let ground = &self.here.ground;
        let (side, theirs) = (ground.sides()[entry], ground.is_theirs(entry));
        let overtaken = self.model.overtaken(entry, way, side, theirs);
        let ground = &mut self.there.ground;
        if change && fault != Some(Fault::Killed(Cut::Intended)) {
            ground.unlooked = Some(short(entry));
        }
        match fault {
            _ if !reachable || overtaken => {}
            Some(Fault::Refused | Fault::Lost | Fault::Lies | Fault::Killed(Cut::Intended)) => {}
            Some(Fault::LandsLate | Fault::Killed(Cut::InFlight)) => {
                ground.in_flight = Some((short(entry), goal(way)));
            }
            Some(Fault::RefusedLands) => ground.in_flight = Some((short(entry), goal(way))),
            Some(Fault::Old) => {
                let shows = ground.sides()[entry];
                ground.we_write(entry, goal(way));
                ground.old = Some((short(entry), shows));
            }
            Some(Fault::Half | Fault::HalfUnsaid) => ground.we_write(entry, Side::Mixed),
            _ => ground.we_write(entry, goal(way)),
        }
        let answer = match fault {
            Some(Fault::Killed(cut)) if cut != Cut::After => None,
            Some(Fault::Refused) => Some(Answer::Refused { why: nobody() }),
            Some(Fault::RefusedLands) => Some(Answer::Declined { why: nobody() }),
            Some(Fault::Lost | Fault::LandsLate | Fault::Unsaid | Fault::HalfUnsaid) => {
                Some(Answer::Unclear { why: nobody() })
            }
            _ if !reachable => Some(Answer::Unclear { why: nobody() }),
            // Of several messages some were taken.
            Some(Fault::Half) if overtaken => Some(Answer::PutBack { why: nobody() }),
            _ if overtaken && fault != Some(Fault::Lies) => Some(Answer::Refused { why: nobody() }),
            _ => Some(Answer::Done { note: nobody() }),
        };
        self.there.ground.down = matches!(fault, Some(Fault::Killed(_)));
        if let Some(answer) = answer {
            self.happen(&Event::Answered { entry, way, answer });
        }
    }

    fn settle(&mut self, entry: usize, way: Way, fault: Option<Fault>) {
        // Looking goes on until nothing can land any more.
        self.there.ground.land();
        let side = self.read(entry, way, fault);
        let overtaken = self.there.state.is_overtaken(entry, side);
        let detail = None;
        self.happen(&match side.filter(|_| overtaken) {
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
}

/// What another run makes of a place that goes over it while this one is held.
pub(super) fn overrun(state: &State, entry: usize) -> Side {
    match state.mark(entry).stands() {
        true => Side::Before,
        false => Side::After,
    }
}

/// The entry of a move; of a look the first.
pub(super) fn entry_of(mv: &Move) -> Option<u16> {
    match mv {
        Move::Look { entries, .. } => entries.first().copied().map(short),
        Move::Compare { entry, .. }
        | Move::Write { entry, .. }
        | Move::Settle { entry, .. }
        | Move::Wait { entry }
        | Move::Approve { entry } => Some(short(*entry)),
        Move::TakeBaseline | Move::Stay | Move::Decide { .. } | Move::End { .. } | Move::Rest => {
            None
        }
    }
}
