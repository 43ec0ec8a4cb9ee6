//! What happened becomes state. An event that cannot have happened is refused, not guessed at.

mod confirm;
mod decide;
mod settle;

use super::next::{Move, next};
use super::parts::{Hold, Mark, Motion, Phase, Said, Stage};
use super::state::State;
use crate::event::{Answer, Ending, Event, Finding, Round};
use crate::plan::{Entry, Mode, Nature, Outcome, Plan, Side, Then, Way};

/// An event that does not fit the state: a damaged journal, or an error of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a run in this state cannot have `{event}`")]
pub struct Impossible {
    pub event: &'static str,
}

/// Whether a check of which all must be told warns only, and could not tell something all the same.
fn is_no_proof(plan: &Plan, entry: usize, finding: &Finding) -> bool {
    let counts = |entry: &Entry| plan.needs_all_told(entry);
    plan.mode != Mode::Check
        && finding.has_unknowns()
        && plan.entries.get(entry).is_some_and(counts)
}

type Folded = Result<(), Impossible>;

fn impossible(event: &'static str) -> Folded {
    Err(Impossible { event })
}

impl State {
    /// The state after all of `events`.
    pub fn of<'a>(
        plan: &Plan,
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Result<State, Impossible> {
        let mut state = State::new(plan);
        for event in events {
            state.fold(plan, event)?;
        }
        Ok(state)
    }

    /// Takes one more event in.
    pub fn fold(&mut self, plan: &Plan, event: &Event) -> Folded {
        match event {
            // Not every service is seen to move: what only warns of that stops nobody, and is no proof.
            Event::Looked { entry, finding, .. }
                if self.ended.is_none() && is_no_proof(plan, *entry, finding) =>
            {
                self.unseen = true;
                return Ok(());
            }
            // What people are told steers nothing else.
            Event::Started { .. }
            | Event::Looked { .. }
            | Event::Owes { .. }
            | Event::StaysSo { .. } => return Ok(()),
            Event::StopAsked { .. } => self.stopping = self.ended.is_none(),
            Event::Resumed { anew, .. } => self.resumed(plan, *anew)?,
            Event::Decided {
                decision, parts, ..
            } => self.decided(plan, *decision, *parts)?,
            _ if self.ended.is_some() => return impossible("anything after its end"),
            Event::Ended { ending } => {
                let due = next(plan, self) == (Move::End { ending: *ending });
                if !due && !self.ended_before(plan, *ending) {
                    return impossible("ended");
                }
                self.ended = Some(*ending);
                return Ok(());
            }
            Event::Barred { ending, .. } => return self.barred(plan, *ending),
            Event::BaselineTaken { .. } => self.baseline = true,
            Event::Judged { round, outcomes } => self.judged(plan, *round, outcomes)?,
            Event::Compared {
                entry, way, side, ..
            } => self.compared(plan, *entry, *way, *side)?,
            Event::Intended { entry, way, .. } => {
                let motion = self.moving(*entry, *way, "intended")?;
                if motion.stage != Stage::Write {
                    return impossible("intended");
                }
                motion.stage = Stage::InFlight;
                motion.tried_before |= motion.way == Way::There && motion.tries > 0;
                // Its highest bit is not its own where the state is packed.
                motion.tries = (motion.tries + 1).min(0x7f);
                self.wrote = true;
                self.returned |= self.phase == Phase::Return;
            }
            Event::Answered { entry, way, answer } => self.answered(plan, *entry, *way, answer)?,
            Event::Settled {
                entry, way, side, ..
            } => self.settled(plan, *entry, *way, *side)?,
            Event::Overtaken { entry, side, .. } => {
                if !self.is_overtaken(*entry, Some(*side)) {
                    return impossible("overtaken");
                }
                self.overtaken(plan, *entry, *side);
            }
            Event::WouldChange { entry } => {
                let motion = self.moving(*entry, Way::There, "would-change")?;
                if motion.stage != Stage::Write {
                    return impossible("would-change");
                }
                self.passed(*entry);
            }
            Event::Waited { entry } => {
                if next(plan, self) != (Move::Wait { entry: *entry }) {
                    return impossible("waited");
                }
                self.at += 1;
            }
            Event::Approved { entry, yes, .. } => {
                if next(plan, self) != (Move::Approve { entry: *entry }) {
                    return impossible("approved");
                }
                match yes {
                    true => self.at += 1,
                    false => self.declined(plan),
                }
            }
            Event::HoldOver { .. } => {
                if self.phase != Phase::Stay {
                    return impossible("hold-over");
                }
                self.phase = Phase::Return;
            }
        }
        self.advance(plan);
        // What goes back stays nowhere any more.
        self.stayed.take_if(|_| self.phase != Phase::Probe);
        Ok(())
    }

    fn moving(
        &mut self,
        entry: usize,
        way: Way,
        event: &'static str,
    ) -> Result<&mut Motion, Impossible> {
        match &mut self.motion {
            Some(motion) if usize::from(motion.entry) == entry && motion.way == way => Ok(motion),
            _ => Err(Impossible { event }),
        }
    }

    /// The motion of this entry is over; the pass over the list goes on behind it.
    fn passed(&mut self, entry: usize) {
        self.motion = None;
        // Nothing up to here is done again; whoever resumed it has settled this first, and begins to look.
        if matches!(self.phase, Phase::Forward | Phase::Return) {
            self.reached = u16::try_from(entry + 1).unwrap_or(u16::MAX);
        }
    }

    /// What only looked found nothing against it, and a failover could not begin: it does not end well.
    fn barred(&mut self, plan: &Plan, with: Ending) -> Folded {
        let looks_only = matches!(plan.mode, Mode::Check | Mode::Plan);
        let refuses = matches!(with, Ending::Refused | Ending::Stale);
        let Some(ending) = self.closing.filter(|_| looks_only && refuses) else {
            return impossible("barred");
        };
        if matches!(ending, Ending::Done | Ending::DoneUnproven) {
            self.closing = Some(with);
        }
        Ok(())
    }

    fn declined(&mut self, plan: &Plan) {
        if self.phase == Phase::Forward && (plan.goes_back || !self.stands()) {
            self.go_back(plan);
        } else {
            self.held = Some(Hold::Declined);
        }
    }

    /// A batch was judged: the greatest consequence counts.
    fn judged(&mut self, plan: &Plan, round: Round, outcomes: &[(usize, Outcome)]) -> Folded {
        let said = || outcomes.iter().map(|(i, _)| *i);
        // Version 0.1.0 looked at no place after an undo.
        let checks = |i: &usize| plan.entries[*i].is_check();
        // Before what was found so was read behind all checks, it was read beside the last ones.
        let moved = |i: &usize| plan.entries[*i].holds.is_none();
        let batch = || self.batch(plan);
        let same = said().eq(batch())
            || match self.phase {
                Phase::Verify => said().eq(batch().filter(checks)),
                Phase::Forward | Phase::Return | Phase::Confirm | Phase::Reread => {
                    said().filter(moved).eq(batch().filter(moved))
                }
                _ => false,
            };
        if round != self.round(plan) || outcomes.is_empty() || !same {
            return impossible("judged");
        }
        if self.phase == Phase::Confirm {
            self.confirmed(plan, outcomes);
            return Ok(());
        }
        let weigh =
            |(i, outcome): &(usize, Outcome)| (plan.entries[*i].rule.then(*outcome), *outcome);
        let (then, worst) =
            (outcomes.iter().map(weigh).max()).unwrap_or((Then::Note, Outcome::Pass));
        // A person is asked about what led here, not about something worse that only warns.
        let hold = match worst {
            Outcome::Fail => Hold::Failed,
            Outcome::Unknown => Hold::Unknown,
            Outcome::Pass | Outcome::Warn | Outcome::Late => Hold::Late,
        };
        let good = !(outcomes.iter()).any(|(i, outcome)| self.stops(plan, round, *i, *outcome));
        match (self.phase, then) {
            (Phase::Forward, Then::Back) if self.is_asked_behind_a_write(plan, outcomes) => {
                self.held = Some(hold);
            }
            // Whoever said that it remains is asked, and not led back.
            (Phase::Forward, Then::Back) if (plan.goes_back || !self.stands()) && !self.remains => {
                self.go_back(plan);
            }
            (Phase::Return, Then::Back | Then::Hold) if self.leads_to_sick(plan, outcomes) => {
                self.held = Some(Hold::OldSideSick);
            }
            // The gates of a return lead nowhere by themselves: the run stays and asks.
            (Phase::Forward | Phase::Return, Then::Back | Then::Hold) => self.held = Some(hold),
            (Phase::Forward | Phase::Return, Then::Note) => {
                self.unseen |= plan.is_not_seen_good(outcomes);
                self.past(outcomes.last().map(|(i, _)| *i));
            }
            (Phase::Probe, _) if good => self.phase = Phase::Undo,
            (Phase::Probe, _) => self.held = Some(Hold::OldSideSick),
            (Phase::Verify, _) if good => self.read_again(plan, outcomes),
            (Phase::Accept, _) if good => {
                // A place that is not as before is not ours to answer for, whoever accepted it; what a check did not
                // see as before is not so because somebody accepted it.
                for (i, outcome) in outcomes {
                    let entry = &plan.entries[*i];
                    match (entry.has_place(), outcome) {
                        (_, Outcome::Pass) => {}
                        (true, _) => self.leave(*i),
                        (false, _) => self.left = true,
                    }
                }
                self.read_again(plan, outcomes);
            }
            (Phase::Reread, _) if good => self.close(plan, Ending::Undone),
            (Phase::Verify | Phase::Accept | Phase::Reread, _) => {
                self.phase = Phase::Verify;
                self.held = Some(Hold::NotAsBefore);
            }
            (Phase::Stay | Phase::Tidy | Phase::Undo | Phase::Confirm, _) => {
                return impossible("judged");
            }
        }
        Ok(())
    }

    /// A pass over the list goes on behind the last entry of a batch.
    fn past(&mut self, last: Option<usize>) {
        if let Some(last) = last {
            self.at = u16::try_from(last + 1).unwrap_or(u16::MAX);
        }
    }

    /// The place was read before writing. An act has no place that could be read, so nothing is compared.
    fn compared(&mut self, plan: &Plan, entry: usize, way: Way, side: Option<Side>) -> Folded {
        let motion = *self.moving(entry, way, "compared")?;
        if motion.stage != Stage::Compare {
            return impossible("compared");
        }
        let (from, to) = match way {
            Way::There => (Side::Before, Side::After),
            Way::Back => (Side::After, Side::Before),
        };
        let first_try = way == Way::There && motion.tries == 0;
        match side {
            _ if matches!(plan.entries[entry].nature, Nature::Act(_)) => self.stage(Stage::Write),
            Some(seen) if seen == from => self.stage(Stage::Write),
            // A drill could not put back what somebody else has changed in the meantime.
            Some(seen) if seen == to && first_try && plan.mode == Mode::Drill => self.stale(plan),
            // Its write said that it was done: what shows the value from before it may be an old copy.
            Some(seen) if seen == to && way == Way::Back && self.marks[entry] == Mark::Claimed => {
                self.stage(Stage::Write);
            }
            Some(seen) if seen == to && first_try => {
                self.mark_as(entry, Mark::Unneeded);
                self.passed(entry);
            }
            // Also where a write of ours came through after all.
            Some(seen) if seen == to => self.done(entry, way),
            Some(_) if first_try => self.stale(plan),
            // Parts of it are ours: the rest is finished, or undone.
            Some(Side::Mixed) => self.stage(Stage::Write),
            Some(_) => self.held = Some(Hold::Foreign),
            None if first_try && !self.stands() => self.go_back(plan),
            None => self.held = Some(Hold::Unreadable),
        }
        Ok(())
    }

    /// Somebody wrote between the plan and our first write to this place.
    fn stale(&mut self, plan: &Plan) {
        if !self.wrote {
            self.motion = None;
            self.close(plan, Ending::Stale);
        } else if plan.goes_back || !self.stands() {
            // Nothing of it is ours, and it is not as it was before: whoever says so at the end looks at it.
            if let Some(motion) = self.motion {
                self.mark_as(usize::from(motion.entry), Mark::Unmade);
            }
            self.go_back(plan);
        } else {
            self.held = Some(Hold::Foreign);
        }
    }

    fn stage(&mut self, stage: Stage) {
        if let Some(motion) = &mut self.motion {
            motion.stage = stage;
        }
    }

    fn answered(&mut self, plan: &Plan, entry: usize, way: Way, answer: &Answer) -> Folded {
        let motion = self.moving(entry, way, "answered")?;
        if motion.stage != Stage::InFlight {
            return impossible("answered");
        }
        let act = matches!(plan.entries[entry].nature, Nature::Act(_));
        let said = match answer {
            // Nothing can be looked at that would show what became of it.
            Answer::Declined { .. } if act => Said::Unclear,
            Answer::Done { .. } => Said::Done,
            Answer::Refused { .. } => Said::Refused,
            Answer::PutBack { .. } => Said::PutBack,
            Answer::Partly { .. } | Answer::Declined { .. } => Said::Declined,
            Answer::Unclear { .. } => Said::Unclear,
        };
        motion.stage = Stage::Answered(said);
        // For a moment, in which others may have copied it.
        self.stood |= matches!(answer, Answer::PutBack { .. } | Answer::Partly { .. });
        if !act {
            return Ok(());
        }
        // Nothing can be read back after an act: what it said is all that there is.
        match (said, way) {
            (Said::Done, _) => self.done(entry, way),
            (Said::Refused | Said::PutBack | Said::Declined, Way::There) => {
                self.failed(plan, entry);
            }
            (Said::Refused | Said::PutBack | Said::Declined, Way::Back) => {
                self.held = Some(Hold::NotBack);
            }
            (Said::Unclear, _) => self.held = Some(Hold::Interrupted),
        }
        Ok(())
    }

    /// A write on the way there may stand, as far as is known. Of one that said that it was done, and was not seen so, a look
    /// at the place does not tell.
    pub(super) fn may_stand(&mut self, entry: usize, stage: Stage) {
        let claimed = stage == Stage::Answered(Said::Done) || self.marks[entry] == Mark::Claimed;
        self.mark_as(
            entry,
            if claimed {
                Mark::Claimed
            } else {
                Mark::Standing
            },
        );
    }

    /// What the place holds is left to somebody else.
    fn leave(&mut self, entry: usize) {
        self.mark_as(entry, Mark::Left);
        self.left = true;
    }

    /// The present motion reached its end.
    fn done(&mut self, entry: usize, way: Way) {
        match way {
            Way::There => self.mark_as(entry, Mark::Standing),
            Way::Back => self.is_back(entry),
        }
        self.passed(entry);
    }

    /// What was ours of a place is as before; where somebody else wrote the rest, that is left.
    fn is_back(&mut self, entry: usize) {
        match self.marks[entry] {
            Mark::Shared => self.leave(entry),
            _ => self.mark_as(entry, Mark::Back),
        }
    }

    /// A write on the way there did not happen, and surely will not.
    fn failed(&mut self, plan: &Plan, entry: usize) {
        let motion = self.motion.take();
        let act = matches!(plan.entries[entry].nature, Nature::Act(_));
        if !act {
            self.mark_as(entry, Mark::Unmade);
        } else if motion.is_some_and(|m| m.tries > 1) {
            // An act that was cut off, made again and refused may have happened the first time.
            self.mark_as(entry, Mark::Standing);
        }
        match plan.entries[entry].rule.fail {
            Then::Note => {
                self.unseen = true;
                self.passed(entry);
            }
            Then::Back if plan.goes_back || !self.stands() => self.go_back(plan),
            Then::Hold if !self.stands() => self.go_back(plan),
            Then::Hold | Then::Back => {
                self.held = Some(Hold::Failed);
                // An act that was refused at once surely did nothing: there is nothing to undo.
                self.motion = motion.map(|m| Motion {
                    stage: Stage::Compare,
                    tries: if act && m.tries == 1 { 0 } else { m.tries },
                    ..m
                });
            }
        }
    }
}
