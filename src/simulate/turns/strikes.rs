//! What can happen at the moment at hand.

use super::{Strike, Turns, entry_of, short};
use crate::event::{Decision, Ending, Round};
use crate::machine::{Hold, Mark, Move, Phase};
use crate::plan::{Nature, Outcome, Side, Way};
use crate::simulate::fault::{Cut, Fault};
use crate::simulate::ground::goal;
use crate::simulate::model::Dead;
use crate::simulate::rules::Rules;

impl<R: Rules> Turns<'_, R> {
    /// What happens at the moment at hand where nobody says otherwise: a person who is asked stops, a run that
    /// was cut off or stopped is resumed. `None` where the run is over.
    pub(in crate::simulate) fn usual(&self) -> Option<Strike> {
        let (entry, fault) = match &self.mv {
            Move::Decide { .. } => (None, Some(Fault::Person(Decision::Stop))),
            Move::Rest => {
                let ended = self.here.state.ended();
                let goes_on = matches!(ended, None | Some(Ending::Stopped));
                if !goes_on || self.is_dry() {
                    return None;
                }
                (None, Some(Fault::Person(Decision::Again)))
            }
            mv => (entry_of(mv), None),
        };
        Some(Strike { entry, fault })
    }

    /// Everything that can happen at the moment at hand: first what is usual.
    pub(in crate::simulate) fn strikes(&self, found: &mut Vec<Strike>) {
        found.clear();
        found.extend(self.usual());
        let entry = entry_of(&self.mv);
        let mut add = |fault| {
            found.push(Strike {
                entry,
                fault: Some(fault),
            });
        };
        match &self.mv {
            Move::Rest => {
                if !self.is_dry() {
                    let again = matches!(self.here.state.ended(), Some(Ending::Held));
                    if again {
                        add(Fault::Person(Decision::Again));
                    }
                    if self.here.state.stands() {
                        add(Fault::Person(Decision::Back));
                    }
                }
                return;
            }
            Move::Decide { .. } => {
                // Once a look has found something: what is held for a write is looked at again as it is.
                let (state, plan) = (&self.here.state, &self.model.plan);
                let remains = state.may_remain(plan);
                let asked = remains || state.held() == Some(Hold::NotAsBefore);
                if asked && self.model.plan.edits().next().is_some() && !self.is_dry() {
                    add(Fault::Overrun);
                }
                let others = [Decision::Back, Decision::Again, Decision::On];
                let stay = remains.then_some(Decision::Stay);
                for decision in others.into_iter().chain(stay) {
                    add(Fault::Person(decision));
                }
            }
            Move::Stay => {
                add(Fault::Person(Decision::Back));
                if self.here.state.may_remain(&self.model.plan) {
                    add(Fault::Person(Decision::Stay));
                }
            }
            Move::Approve { .. } if !self.is_dry() => add(Fault::Declined),
            _ => {}
        }
        if !self.is_dry() {
            add(Fault::Killed(Cut::Before));
            add(Fault::LockLost);
        }
        if !matches!(self.mv, Move::End { .. }) && !self.here.state.stopping() {
            add(Fault::CtrlC);
        }
        let time_matters = matches!(
            self.mv,
            Move::Look { .. }
                | Move::Write { .. }
                | Move::Settle { .. }
                | Move::Wait { .. }
                | Move::Stay
        );
        if time_matters {
            add(Fault::ClockJumps);
        }
        let asks = matches!(
            self.mv,
            Move::Look { .. } | Move::Compare { .. } | Move::Write { .. } | Move::Settle { .. }
        );
        if asks && self.sites_matter {
            let Dead { source, target } = self.here.ground.dead;
            if !source {
                add(Fault::SourceDies);
            }
            if !target {
                add(Fault::TargetDies);
            }
        }
        match self.mv {
            Move::Look { round, .. } => self.strikes_of_looks(round, found),
            Move::Compare { entry, way } => self.strikes_of_a_compare(entry, way, &mut add),
            Move::Write { entry, way } => self.strikes_of_a_write(entry, way, &mut add),
            Move::Settle { entry, way } => self.strikes_of_a_settle(entry, way, &mut add),
            _ => {}
        }
    }

    /// One check at a time: of several the gravest decides, and it decides as if it were alone.
    fn strikes_of_looks(&self, round: Round, found: &mut Vec<Strike>) {
        // An undo speaks of every place, whether it is looked at or not.
        let last = (self.model.plan.entries.iter())
            .rposition(|entry| entry.there && matches!(entry.nature, Nature::Change(_)));
        let left = |i: usize| self.here.state.mark(i) == Mark::Left;
        let is_looked_at = |i: usize| self.truths.iter().any(|(of, _)| *of == i);
        if round == Round::Verify
            && let Some(last) = last.filter(|i| !left(*i) && !is_looked_at(*i))
        {
            found.push(Strike {
                entry: Some(short(last)),
                fault: Some(Fault::Meanwhile),
            });
        }
        // The last checks may be waited for long.
        let mut checks = self.truths.iter().filter(|(i, _)| !self.has_place(*i));
        if round != Round::Probe
            && !self.is_dry()
            && self.model.so_already(&self.here.state).is_some()
            && let Some((check, _)) = checks.next()
        {
            found.push(Strike {
                entry: Some(short(*check)),
                fault: Some(Fault::Meanwhile),
            });
        }
        for (i, truth) in &self.truths {
            let mut add = |fault| {
                found.push(Strike {
                    entry: Some(short(*i)),
                    fault: Some(fault),
                });
            };
            if self.model.plan.entries[*i].holds.is_some() {
                add(Fault::Hangs);
                continue;
            }
            if self.is_change(*i) {
                if *truth != Outcome::Unknown {
                    add(Fault::Hangs);
                }
                // Before a success nothing else looks at it any more.
                let confirms = self.here.state.phase() == Phase::Confirm;
                if confirms && Some(*i) == self.looked_at_first() && *truth == Outcome::Pass {
                    add(Fault::Foreign);
                }
                // One that was written, and one that was never begun.
                let mut places = self.truths.iter().filter(|(i, _)| self.is_change(*i));
                let (first, last) = (places.clone().next(), places.next_back());
                let waits = self.truths.iter().any(|(i, _)| !self.has_place(*i));
                let this = Some(&(*i, Outcome::Pass));
                if waits && (first == this || last == this) {
                    add(Fault::Meanwhile);
                }
                continue;
            }
            if *truth != Outcome::Fail {
                add(Fault::Fails);
            }
            if matches!(truth, Outcome::Pass | Outcome::Warn) {
                add(Fault::Late);
            }
            if *truth != self.model.unseen(*i, round) {
                add(Fault::Hangs);
            }
        }
    }

    fn strikes_of_a_compare(&self, entry: usize, way: Way, add: &mut impl FnMut(Fault)) {
        if !self.is_change(entry) {
            return;
        }
        let ground = &self.here.ground;
        if self.model.reachable(entry, way, ground.dead) {
            add(Fault::Hangs);
        }
        let side = ground.sides()[entry];
        if side != Side::Foreign {
            add(Fault::Foreign);
        }
        if side != goal(way) {
            add(Fault::Anticipated);
        }
    }

    fn strikes_of_a_settle(&self, entry: usize, way: Way, add: &mut impl FnMut(Fault)) {
        let ground = &self.here.ground;
        if self.model.reachable(entry, way, ground.dead) {
            add(Fault::Hangs);
        }
        if ground.sides()[entry] != Side::Foreign {
            add(Fault::Foreign);
        }
    }

    fn strikes_of_a_write(&self, entry: usize, way: Way, add: &mut impl FnMut(Fault)) {
        if self.is_dry() {
            return;
        }
        let ground = &self.here.ground;
        let change = self.is_change(entry);
        // Between a look and its write only the far side can hold anybody off; without a look before it, we could
        // have.
        let can_be_told = !ground.looked || self.model.traits[entry].compares;
        if change && can_be_told && ground.sides()[entry] != Side::Foreign {
            add(Fault::Foreign);
        }
        let compares = change && self.model.traits[entry].compares;
        if compares && way == Way::There && ground.sides()[entry] != Side::After {
            add(Fault::Anticipated);
        }
        if way == Way::There {
            add(Fault::DiskFull);
        }
        add(Fault::Killed(Cut::Intended));
        if !self.model.reachable(entry, way, ground.dead) {
            return;
        }
        add(Fault::Refused);
        add(Fault::Lost);
        add(Fault::Unsaid);
        add(Fault::Killed(Cut::Written));
        add(Fault::Killed(Cut::After));
        if !change {
            return;
        }
        add(Fault::RefusedLands);
        add(Fault::LandsLate);
        // Where a read shows an old copy of what a lie left, nothing in the world tells.
        if ground.old.is_none_or(|(old, _)| usize::from(old) != entry) {
            add(Fault::Lies);
        }
        add(Fault::Old);
        add(Fault::Killed(Cut::InFlight));
        if self.model.splits(entry) {
            add(Fault::Half);
            add(Fault::HalfUnsaid);
        }
    }
}
