//! What becomes of a state when somebody resumes the run, or decides what it was held for.

use super::{Folded, impossible};
use crate::event::{Decision, Ending};
use crate::machine::parts::{Hold, Mark, Motion, Phase, Said, Stage};
use crate::machine::state::{State, TRIES};
use crate::plan::{IfInterrupted, Nature, Plan, Way};

/// Whether what was held for this is made again by whoever goes on with it, and not only looked at.
fn makes_again(hold: Hold) -> bool {
    matches!(hold, Hold::Failed | Hold::Half | Hold::NotBack)
}

/// Whether this motion is an act that whoever resumes the run makes, or makes again, by itself.
fn is_made_again(plan: &Plan, motion: &Motion) -> bool {
    match &plan.entries[usize::from(motion.entry)].nature {
        Nature::Act(act) => {
            act.if_interrupted == IfInterrupted::Again || !motion.stage.may_have_happened()
        }
        _ => false,
    }
}

impl State {
    /// Whether whoever resumes it takes what was cut off for done, as the playbook says.
    pub fn is_skipped_by_a_resume(&self, plan: &Plan) -> bool {
        !self.held.is_some_and(makes_again) && self.motion.is_some_and(|motion| {
            let nature = &plan.entries[usize::from(motion.entry)].nature;
            motion.stage.may_have_happened()
                && matches!(nature, Nature::Act(act) if act.if_interrupted == IfInterrupted::Skip)
        })
    }

    pub(super) fn resumed(&mut self, plan: &Plan, anew: bool) -> Folded {
        match self.ended {
            None | Some(Ending::Stopped | Ending::Held) => {}
            Some(_) => return impossible("resumed"),
        }
        self.ended = None;
        self.stopping = false;
        // What a person left is taken up. An end that was decided and not reached may be long ago: what it says of
        // the world is looked at anew.
        let untouched = matches!(self.closing, Some(Ending::Refused | Ending::Stale));
        if !untouched || self.held.is_some() {
            self.closing = None;
        }
        let hold = self.held;
        self.look_again();
        if anew {
            self.begin_anew(plan, hold);
        }
        let Some(motion) = self.motion else {
            return Ok(());
        };
        let entry = usize::from(motion.entry);
        match (motion.stage, &plan.entries[entry].nature) {
            (stage, Nature::Act(act)) if stage.may_have_happened() => match act.if_interrupted {
                // It said something unclear, or nothing, and a person has not decided yet.
                IfInterrupted::Hold => self.held = hold.or(Some(Hold::Interrupted)),
                // Version 0.1.0 made it at once.
                IfInterrupted::Again => self.stage(Stage::Compare),
                IfInterrupted::Skip => {
                    self.unseen = true;
                    self.done(entry, motion.way);
                }
            },
            (Stage::Write, _) => self.stage(Stage::Compare),
            _ => {}
        }
        Ok(())
    }

    /// What was looked at since the last write is looked at again before the next one, and whether the side that it
    /// leads to serves, whenever that was seen: it may be long ago. What was waited for or approved is not asked
    /// again.
    fn begin_anew(&mut self, plan: &Plan, hold: Option<Hold>) {
        let change = |m: &Motion| {
            let nature = &plan.entries[usize::from(m.entry)].nature;
            matches!(nature, Nature::Change(_))
        };
        // What goes back, or surely was not made, is compared anew whatever was tried.
        let untouched = |m: &Motion| {
            let unmade = change(m) && hold == Some(Hold::Failed);
            !m.stage.may_have_happened() && (m.tries == 0 || m.way == Way::Back || unmade)
        };
        let (_, came, _) = self.position();
        match self.motion {
            Some(motion) if untouched(&motion) => self.motion = None,
            // Of an act nothing can be looked at: it stands, as far as is known, until it is made again after the looks.
            Some(motion) if is_made_again(plan, &motion) => {
                if motion.way == Way::There {
                    self.mark_as(usize::from(motion.entry), Mark::Standing);
                }
                self.motion = None;
            }
            // It is settled first, also where it was settled before: it is made again only after the looks.
            Some(motion) if change(&motion) && !motion.stage.may_have_happened() => {
                self.stage(Stage::InFlight);
            }
            Some(_) | None => {}
        }
        match self.phase {
            Phase::Forward | Phase::Return => (self.at, self.reached) = (0, came),
            Phase::Undo if self.motion.is_none() => self.phase = Phase::Probe,
            Phase::Reread => self.phase = Phase::Verify,
            // What the checks showed behind the last write may be long ago as well.
            Phase::Tidy if self.motion.is_some() => self.looks_anew = true,
            Phase::Tidy | Phase::Confirm => {
                self.motion = None;
                self.look_behind(plan);
            }
            _ => {}
        }
    }

    /// What was held is looked at once more. A write that has ended is made again; one that may still be on
    /// its way is settled again.
    fn look_again(&mut self) {
        let hold = self.held.take();
        if self.phase == Phase::Confirm {
            self.at = 0;
        }
        let Some((hold, mut motion)) = hold.zip(self.motion) else {
            return;
        };
        motion.tries = motion.tries.min(TRIES - 1);
        if makes_again(hold) {
            motion.stage = Stage::Compare;
        }
        self.motion = Some(motion);
    }

    /// `parts` says that, where somebody else wrote a part of a place, the rest of it is put back.
    pub(super) fn decided(&mut self, plan: &Plan, decision: Decision, parts: bool) -> Folded {
        if decision == Decision::Back {
            return self.decided_back(plan, parts);
        }
        if decision == Decision::Stay {
            if self.ended.is_some() || !self.may_remain(plan) {
                return impossible("decided: stay");
            }
            self.remain(plan);
            return Ok(());
        }
        let (Some(hold), None) = (self.held, self.ended) else {
            return impossible("decided");
        };
        match decision {
            // Nothing was put back: it is left as it was before somebody asked for that.
            Decision::Stop if self.phase == Phase::Probe && self.stayed.is_some() => {
                self.stay(plan);
            }
            // Nothing of it stands: that is looked at, and the run is over.
            Decision::Stop if self.phase == Phase::Forward && self.wrote && self.never_stood() => {
                self.held = None;
                self.go_back(plan);
            }
            Decision::Stop => self.close(plan, Ending::Held),
            Decision::Again => {
                self.look_again();
                if hold == Hold::Interrupted {
                    self.stage(Stage::Compare);
                }
            }
            Decision::On | Decision::Back | Decision::Stay => self.decided_on(plan, hold, parts),
        }
        Ok(())
    }

    /// A person accepts what was seen.
    fn decided_on(&mut self, plan: &Plan, hold: Hold, parts: bool) {
        self.held = None;
        self.unseen = true;
        if let Some(motion) = self.motion {
            let entry = usize::from(motion.entry);
            match (hold, motion.way) {
                (Hold::Foreign, Way::Back) if parts && self.may_share() => {
                    self.mark_as(entry, Mark::Shared);
                    self.start(motion.entry, Way::Back);
                    return;
                }
                (Hold::Foreign, _) => self.leave(entry),
                (Hold::Failed, Way::There) => {}
                // That it reads as before proves nothing, whoever accepts it: all else is put back.
                (Hold::NotSeen, Way::Back) if self.marks[entry] == Mark::Claimed => {
                    self.leave(entry);
                }
                (Hold::NotSeen, Way::Back) => self.is_back(entry),
                // Its word is that nothing of it is there: what is there is not ours to lead home.
                (Hold::Unreadable, Way::There) if motion.did_nothing() => self.leave(entry),
                (_, Way::There) => self.may_stand(entry, motion.stage),
                (Hold::Interrupted, Way::Back) => self.is_back(entry),
                (_, Way::Back) => self.leave(entry),
            }
            self.passed(entry);
            return;
        }
        match self.phase {
            // Nothing leads to a side that does not serve but the wish to put everything back, whatever is seen there.
            Phase::Return if hold == Hold::OldSideSick && parts => self.phase = Phase::Undo,
            Phase::Forward | Phase::Return => match self.batch(plan).last() {
                None => self.at += 1,
                last => self.past(last),
            },
            Phase::Probe => self.phase = Phase::Undo,
            // What was shown is accepted, and nothing newer.
            Phase::Verify => self.phase = Phase::Accept,
            // What was found so, and is not, is nobody's to put back: it is left, and all else is read once more.
            Phase::Confirm => {
                self.leave(usize::from(self.at));
                self.at = 0;
            }
            Phase::Stay | Phase::Tidy | Phase::Undo | Phase::Accept | Phase::Reread => {}
        }
    }

    /// A person asks to go back: out of a hold, during a drill's stay, or after the end.
    fn decided_back(&mut self, plan: &Plan, parts: bool) -> Folded {
        let open = self.ended.is_none();
        // A drill that changed nothing can be ended as well.
        let staying = self.phase == Phase::Stay && open;
        // Nothing may stand any more because the resume before it took the last undo for done.
        let came_back = self.wrote && open && !self.stands();
        if !self.stands() && self.held.is_none() && !staying && !came_back {
            return impossible("decided: back");
        }
        let hold = self.held;
        // Version 0.1.0 put it back, or held it on its way back.
        let stayed = self.stays().filter(|_| parts);
        (self.ended, self.closing) = (None, None);
        (self.stopping, self.remains) = (false, false);
        self.look_again();
        // Version 0.1.0 looked at the old side once more where a drill was to return.
        if hold == Some(Hold::OldSideSick) && (parts || self.phase == Phase::Probe) {
            self.phase = Phase::Undo;
            return Ok(());
        }
        let Some(motion) = self.motion else {
            match self.phase {
                Phase::Undo | Phase::Verify | Phase::Accept | Phase::Reread => {
                    self.phase = Phase::Undo
                }
                // Whether it is as before is seen, and not concluded.
                _ if came_back => {
                    self.at = 0;
                    self.verify(plan);
                }
                _ => {
                    self.go_back(plan);
                    self.stayed = stayed;
                }
            }
            return Ok(());
        };
        let entry = usize::from(motion.entry);
        let act = matches!(plan.entries[entry].nature, Nature::Act(_));
        match (motion.way, hold) {
            // Somebody else's value stays; the rest goes back.
            (Way::There, Some(Hold::Foreign)) => {
                // Where nothing was tried yet, nothing of it is ours. A place that differs at the end is compared
                // on the way back: a part of it may be ours.
                if motion.tries > 0 && self.phase != Phase::Confirm {
                    match parts && !motion.did_nothing() {
                        true => self.mark_as(entry, Mark::Shared),
                        false => self.leave(entry),
                    }
                }
                self.motion = None;
                self.go_back(plan);
            }
            (Way::Back, Some(Hold::Foreign)) => {
                match parts && self.may_share() {
                    true => self.mark_as(entry, Mark::Shared),
                    false => self.leave(entry),
                }
                self.motion = None;
                if self.phase != Phase::Undo {
                    self.go_back(plan);
                }
            }
            // A return has gates that may ask again, and tidying up puts back only what is temporary: neither is
            // what was asked for.
            (way, _) if way == Way::There || self.phase != Phase::Undo => {
                if motion.stage.may_have_happened() && !act {
                    (self.turning, self.shares) = (true, parts);
                } else {
                    self.go_back(plan);
                    self.stayed = stayed;
                }
            }
            // Already on the way back: it is looked at again; what nobody can look at is made again, and what said
            // that it was done and was not seen so.
            _ if act || hold == Some(Hold::NotSeen) => self.stage(Stage::Compare),
            _ if parts && motion.stage == Stage::Answered(Said::Done) => self.stage(Stage::Compare),
            _ => {}
        }
        Ok(())
    }

    /// Whether of a place that somebody else wrote in too what is ours goes back. Of what reads as before that is not known
    /// where the place was in doubt, and whoever tells of it says so.
    fn may_share(&self) -> bool {
        self.phase != Phase::Confirm
    }

    /// Somebody asked to go back while a write was in flight, and somebody else wrote there: what is ours of it goes back
    /// where he said so, as he does who has looked.
    pub(super) fn turn_from_theirs(&mut self, entry: usize) {
        match self.shares {
            true => self.mark_as(entry, Mark::Shared),
            false => self.leave(entry),
        }
        self.motion = None;
    }
}
