//! Looks at the places of changes, and what somebody accepts of a look after an undo.

use super::{Strike, Turns, short};
use crate::event::Round;
use crate::machine::Phase;
use crate::plan::{Outcome, Side, Way};
use crate::simulate::fault::Fault;
use crate::simulate::ground::{Node, Shown};
use crate::simulate::rules::Rules;

impl<R: Rules> Turns<'_, R> {
    /// The entry that a look begins with.
    pub(super) fn looked_at_first(&self) -> Option<usize> {
        self.truths.first().map(|(i, _)| *i)
    }

    /// What a look at the place of a change shows of what the run says of it.
    pub(super) fn place(&self, node: &Node, entry: usize, round: Round) -> Outcome {
        let claims = node.state.mark(entry).claims();
        if !(self.model).reachable(entry, way_of(round), node.ground.dead) {
            return Outcome::Unknown;
        }
        match claims == Some(node.ground.shown_side(entry)) {
            true => Outcome::Pass,
            false => Outcome::Fail,
        }
    }

    /// What was put back was looked at.
    pub(super) fn verified(&mut self, outcomes: &mut [(usize, Outcome)]) {
        let phase = self.here.state.phase();
        self.accepted(phase == Phase::Accept, outcomes);
        // Where the places are read again no check looks any more.
        self.there.ground.verified |= phase != Phase::Reread;
    }

    /// Perhaps somebody wrote a place while the checks were waited for.
    pub(super) fn meanwhile(&mut self, strikes: &[Strike]) {
        let meanwhile = (strikes.iter()).find(|strike| strike.fault == Some(Fault::Meanwhile));
        let struck = meanwhile.and_then(|strike| strike.entry);
        let place = |of| self.model.meanwhile(usize::from(of), &self.there.state);
        if let Some(entry) = struck.and_then(place) {
            (self.there.ground).somebody_writes(entry, Side::Foreign);
        }
    }

    /// What somebody was shown and accepted counts no more; what is newly shown is remembered.
    fn accepted(&mut self, accepted: bool, outcomes: &mut [(usize, Outcome)]) {
        let bad = |o: &Outcome| !matches!(o, Outcome::Pass | Outcome::Warn);
        let known = std::mem::take(&mut self.there.ground.shown);
        for (i, outcome) in outcomes.iter_mut().filter(|(_, o)| bad(o)) {
            let place = self.has_place(*i) && *outcome == Outcome::Fail;
            let shown = match place {
                true => Shown::Holds(self.there.ground.shown_side(*i)),
                false => Shown::Found(*outcome),
            };
            match accepted && known.contains(&(short(*i), shown)) {
                true => *outcome = Outcome::Warn,
                false => self.there.ground.shown.push((short(*i), shown)),
            }
        }
    }

    /// What a look shows that is not answered.
    pub(super) fn unanswered(&self, entry: usize, round: Round) -> Outcome {
        match self.is_change(entry) {
            true => Outcome::Unknown,
            false => self.model.unseen(entry, round),
        }
    }
}

/// Which way a round looks.
fn way_of(round: Round) -> Way {
    match round {
        Round::There => Way::There,
        Round::Return | Round::Probe | Round::Verify => Way::Back,
    }
}
