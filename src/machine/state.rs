//! The state of a run: small, hashable, the same after the same events.

use super::parts::{Hold, Mark, Motion, Phase, Stage, Stayed};
use crate::event::{Ending, Round};
use crate::plan::{Mode, Nature, Plan, Side, Way};

/// How often a write that did not happen is made before it counts as failed.
pub(super) const TRIES: u8 = 2;

/// Where a run stands. 200 entries take less than 300 bytes.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub(super) phase: Phase,
    /// The next entry of the list, on the way there and on a drill's way back.
    pub(super) at: u16,
    /// How far it had come when it was resumed: up to here some of what is looked at is done again, and nothing else.
    pub(super) reached: u16,
    /// The one write that is being made.
    pub(super) motion: Option<Motion>,
    /// What each entry has done to the world.
    pub(super) marks: Box<[Mark]>,
    /// It stands still, and a person must decide.
    pub(super) held: Option<Hold>,
    /// The end is decided, and not yet recorded.
    pub(super) closing: Option<Ending>,
    pub(super) ended: Option<Ending>,
    /// The sights that must be taken before the first write were taken.
    pub(super) baseline: bool,
    /// Somebody asked it to stop.
    pub(super) stopping: bool,
    /// Somebody asked to go back while a write was in flight.
    pub(super) turning: bool,
    /// Whoever did said that what somebody else wrote is left, and the rest of the place goes back.
    pub(super) shares: bool,
    /// Something was accepted that was late or not seen.
    pub(super) unseen: bool,
    /// An intent was recorded: from here on the world may differ.
    pub(super) wrote: bool,
    /// Something was left to a person, or to somebody else.
    pub(super) left: bool,
    /// Something stood once, or may have.
    pub(super) stood: bool,
    /// It was resumed while it put back what is temporary: what is behind the last write is looked at again.
    pub(super) looks_anew: bool,
    /// Where it was when somebody asked to go back: as long as the old side is looked at, it can stay there.
    pub(super) stayed: Option<Stayed>,
    /// Somebody said that it remains where it is: it is looked at once more, and nothing goes back by itself.
    pub(super) remains: bool,
    /// A drill has begun to put something back.
    pub(super) returned: bool,
}

impl Clone for State {
    fn clone(&self) -> State {
        State {
            marks: self.marks.clone(),
            ..*self
        }
    }

    /// Takes the place of `self` without a new allocation: a search does this millions of times.
    fn clone_from(&mut self, other: &State) {
        let mut marks = std::mem::take(&mut self.marks);
        marks.clone_from(&other.marks);
        *self = State { marks, ..*other };
    }
}

impl State {
    /// The state before anything happened.
    pub fn new(plan: &Plan) -> State {
        let mut state = State {
            phase: Phase::Forward,
            at: 0,
            reached: 0,
            motion: None,
            marks: vec![Mark::None; plan.entries.len()].into_boxed_slice(),
            held: None,
            closing: None,
            ended: None,
            baseline: !plan.entries.iter().any(|e| e.needs_baseline),
            stopping: false,
            turning: false,
            shares: false,
            unseen: false,
            wrote: false,
            left: false,
            stood: false,
            looks_anew: false,
            stayed: None,
            remains: false,
            returned: false,
        };
        state.advance(plan);
        state
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    pub fn held(&self) -> Option<Hold> {
        self.held
    }

    /// The end that is decided and not yet recorded.
    pub fn closing(&self) -> Option<Ending> {
        self.closing
    }

    pub fn ended(&self) -> Option<Ending> {
        self.ended
    }

    pub fn motion(&self) -> Option<Motion> {
        self.motion
    }

    pub fn mark(&self, entry: usize) -> Mark {
        self.marks.get(entry).copied().unwrap_or(Mark::None)
    }

    /// Where it is: two holds of the same kind at the same position are about the same thing.
    pub fn position(&self) -> (Phase, u16, Option<u16>) {
        let moving = self.motion.map(|motion| motion.entry);
        let at = match self.phase {
            Phase::Forward | Phase::Return => moving.unwrap_or(self.at.max(self.reached)),
            _ => self.at,
        };
        (self.phase, at, moving)
    }

    /// Where it is in its course; where it can stay, that is where it was.
    pub fn course(&self) -> (Phase, u16) {
        match self.stayed {
            Some(Stayed { phase, at, .. }) => (phase, at),
            None => (self.phase, self.position().1),
        }
    }

    /// Whether sights that must be taken before the first write are still to be taken.
    pub fn lacks_baseline(&self) -> bool {
        !self.baseline
    }

    /// Whether somebody asked it to stop.
    pub fn stopping(&self) -> bool {
        self.stopping
    }

    /// Whether whoever goes on with it goes on with putting back.
    pub fn is_on_its_way_back(&self) -> bool {
        self.turning || self.phase.undoes() || self.phase == Phase::Return
    }

    /// Whether somebody asked to go back while a write was in flight: once that is settled, it goes back.
    pub fn turning(&self) -> bool {
        self.turning
    }

    /// Whether somebody asked to go back who can still leave the run where it was.
    pub fn can_stay(&self) -> bool {
        self.stayed.is_some()
    }

    /// Whether an intent was ever recorded.
    pub fn wrote(&self) -> bool {
        self.wrote
    }

    /// Whether something was accepted that was late or not seen.
    pub fn unseen(&self) -> bool {
        self.unseen
    }

    /// Whether anything stands, or may stand, that this run changed.
    pub fn stands(&self) -> bool {
        self.marks.iter().any(|mark| mark.stands())
            || self
                .motion
                .is_some_and(|m| m.way == Way::There && m.tries > 0)
    }

    /// Whether something was left to a person, or to somebody else.
    pub fn left_something(&self) -> bool {
        self.left
    }

    /// Whether nothing of this run ever stood, as far as was seen: then what else the world shows is not its doing.
    pub fn never_stood(&self) -> bool {
        !self.stood && !self.stands()
    }

    pub(super) fn mark_as(&mut self, entry: usize, mark: Mark) {
        self.marks[entry] = mark;
        self.stood |= mark.stands() || mark == Mark::Left;
    }

    /// Forgets what nothing depends on any more, so that states with the same future are equal.
    ///
    /// Of what nobody answers for nothing is asked any more; whoever goes back does not end in success.
    /// Tries are counted for a change until it is done, and for an act on its way there; on its way back only whether
    /// there was one. Every way out of a hold leaves one of them at least.
    pub fn forget(&mut self, plan: &Plan) {
        let (undoes, stood) = (self.phase.undoes() && self.stayed.is_none(), self.stood);
        for (mark, entry) in self.marks.iter_mut().zip(&plan.entries) {
            // What was found so can be left, too.
            let change = entry.has_place();
            *mark = match *mark {
                // Both hold the old value.
                Mark::Unmade if stood => Mark::Back,
                Mark::Back | Mark::Left if !change => Mark::None,
                mark => mark,
            };
        }
        if undoes {
            (self.unseen, self.returned) = (false, false);
        }
        if let Some(motion) = &mut self.motion {
            let act = matches!(
                plan.entries[usize::from(motion.entry)].nature,
                Nature::Act(_)
            );
            if act && motion.way == Way::Back {
                // Until it undoes, whoever was tried to be put back can stay nowhere.
                motion.tries = motion.tries.min(u8::from(!self.phase.undoes()));
            } else if self.held.is_some() {
                motion.tries = motion.tries.min(TRIES - 1);
            }
        }
    }

    /// The round that a look belongs to now.
    pub(super) fn round(&self, plan: &Plan) -> Round {
        match self.phase {
            Phase::Forward | Phase::Stay | Phase::Tidy => Round::There,
            Phase::Return => Round::Return,
            Phase::Probe => Round::Probe,
            Phase::Undo | Phase::Verify | Phase::Accept | Phase::Reread => Round::Verify,
            Phase::Confirm if plan.mode == Mode::Drill && !self.remains => Round::Return,
            Phase::Confirm => Round::There,
        }
    }

    /// What is looked at now, in the order of the plan; none where nothing is due. Most are checks; before an end
    /// they are also the places that it speaks of.
    pub(super) fn batch<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = usize> + 'a {
        let length = plan.entries.len();
        let from = match self.phase {
            Phase::Forward | Phase::Return => usize::from(self.at),
            Phase::Probe | Phase::Confirm | Phase::Reread => 0,
            Phase::Verify | Phase::Accept => plan.first_write().unwrap_or(length),
            Phase::Stay | Phase::Tidy | Phase::Undo => length,
        };
        // On a pass over the list a batch ends at what is no check; the looks of an undo leave that out.
        let passing = matches!(self.phase, Phase::Forward | Phase::Return);
        (from.min(length)..length)
            .filter(move |i| {
                let entry = &plan.entries[*i];
                match self.phase {
                    Phase::Probe => entry.is_check() && entry.probes_old_side,
                    Phase::Verify | Phase::Accept => {
                        let check = entry.is_check() && !entry.has_place();
                        check && entry.there || self.is_claimed(plan, *i)
                    }
                    Phase::Reread | Phase::Confirm => self.is_claimed(plan, *i),
                    _ => self.takes_part(plan, *i),
                }
            })
            .take_while(move |i| !passing || plan.entries[*i].is_check())
    }

    /// Whether the run says of the place of an entry what it holds: of a change, and of what was found as it shall be.
    fn is_claimed(&self, plan: &Plan, i: usize) -> bool {
        let entry = &plan.entries[i];
        match entry.nature {
            Nature::Change(_) => self.mark(i).claims().is_some(),
            _ if entry.holds.is_none() || self.mark(i) == Mark::Left => false,
            _ if self.round(plan) == Round::Return => entry.back,
            _ => entry.there,
        }
    }

    /// Whether no look is due.
    pub(super) fn batch_is_empty(&self, plan: &Plan) -> bool {
        self.batch(plan).next().is_none()
    }

    /// Whether an entry has something to do in the present pass over the list.
    fn takes_part(&self, plan: &Plan, i: usize) -> bool {
        let entry = &plan.entries[i];
        if i < usize::from(self.reached) && !self.is_looked_at_anew(plan, i) {
            return false;
        }
        match self.phase {
            // What was found so is read behind all checks, which may wait for long: but for a drill that is about to
            // stay, whose end is far.
            Phase::Forward | Phase::Return if entry.holds.is_some() => {
                self.phase == Phase::Forward
                    && plan.mode == Mode::Drill
                    && !self.remains
                    && self.is_claimed(plan, i)
            }
            Phase::Forward => entry.there,
            // Whatever stands goes back, whatever `when` says.
            Phase::Return if entry.writes() => self.can_go_back(plan, i),
            Phase::Return => entry.back,
            _ => false,
        }
    }

    /// Whether whoever resumed it looks once more at what the run had passed: at what was seen since the last write,
    /// and at whether the side serves that it leads to.
    fn is_looked_at_anew(&self, plan: &Plan, i: usize) -> bool {
        // What was temporary and is over says nothing of what is looked at behind it, but for the checks of itself.
        let before = |i: usize| {
            let change = matches!(plan.entries[i].nature, Nature::Change(_));
            change && self.marks[i].claims() == Some(Side::Before)
        };
        let over = |i: usize| plan.entries[i].temporary && before(i);
        let made = |i: usize| match self.phase {
            Phase::Forward => {
                let unneeded = self.marks[i] == Mark::Unneeded;
                self.marks[i].stands() || unneeded || before(i) && !over(i)
            }
            _ => before(i),
        };
        let entry = &plan.entries[i];
        let of_what_is_over = self.phase == Phase::Forward
            && (0..i)
                .rev()
                .find(|i| plan.entries[*i].writes())
                .is_some_and(over);
        entry.is_check()
            && (entry.probes_old_side
                || !of_what_is_over && !(i..usize::from(self.reached)).any(made))
    }

    /// Whether the entry stands and can be put back.
    fn can_go_back(&self, plan: &Plan, i: usize) -> bool {
        self.marks[i].stands()
            && match &plan.entries[i].nature {
                Nature::Change(_) => true,
                Nature::Act(act) => act.undo.is_some(),
                Nature::Check | Nature::Ask { .. } | Nature::Wait { .. } => false,
            }
    }

    pub(super) fn something_goes_back(&self, plan: &Plan) -> bool {
        (0..self.marks.len()).any(|i| self.can_go_back(plan, i))
    }

    /// Moves on to the next entry that has something to do, and to the next phase where there is none, so
    /// that states with the same future are equal.
    pub(super) fn advance(&mut self, plan: &Plan) {
        while self.motion.is_none() && self.held.is_none() && self.closing.is_none() {
            if self.turning {
                (self.turning, self.shares) = (false, false);
                self.go_back(plan);
                continue;
            }
            match self.phase {
                Phase::Forward | Phase::Return => {
                    if self.advance_list(plan) {
                        return;
                    }
                }
                Phase::Tidy => {
                    match self.last(|s, i| s.can_go_back(plan, i) && plan.entries[i].temporary) {
                        Some(i) => self.start(i, Way::Back),
                        None if self.looks_anew => self.look_behind(plan),
                        None => self.phase = Phase::Confirm,
                    }
                }
                Phase::Undo => match self.last(|s, i| s.can_go_back(plan, i)) {
                    Some(i) => self.start(i, Way::Back),
                    None => self.verify(plan),
                },
                Phase::Probe if self.batch_is_empty(plan) => self.phase = Phase::Undo,
                Phase::Verify | Phase::Accept | Phase::Reread if self.batch_is_empty(plan) => {
                    self.close(plan, Ending::Undone);
                }
                Phase::Confirm if self.batch_is_empty(plan) => self.close(plan, Ending::Done),
                Phase::Probe
                | Phase::Verify
                | Phase::Accept
                | Phase::Reread
                | Phase::Confirm
                | Phase::Stay => return,
            }
        }
    }

    /// Goes over the list once more for what is looked at behind the last write; nothing is made there.
    pub(super) fn look_behind(&mut self, plan: &Plan) {
        self.looks_anew = false;
        self.phase = match plan.mode {
            Mode::Drill if !self.remains => Phase::Return,
            _ => Phase::Forward,
        };
        self.at = 0;
        self.reached = u16::try_from(plan.entries.len()).unwrap_or(u16::MAX);
    }

    /// Moves along the list. Returns whether something is due there; at the end of the list, the phase
    /// changes and it is not.
    fn advance_list(&mut self, plan: &Plan) -> bool {
        while usize::from(self.at) < plan.entries.len()
            && !self.takes_part(plan, usize::from(self.at))
        {
            self.at += 1;
        }
        if self.at >= self.reached {
            self.reached = 0;
        }
        if let Some(entry) = plan.entries.get(usize::from(self.at)) {
            if entry.writes() {
                let way = match self.phase {
                    Phase::Forward => Way::There,
                    _ => Way::Back,
                };
                let entry = usize::from(self.at);
                self.start(self.at, way);
                // An act that was cut off and is made again.
                if let Some(motion) = &mut self.motion
                    && way == Way::There
                {
                    motion.tries = u8::from(self.marks[entry].stands());
                }
            }
            return true;
        }
        self.at = 0;
        match (self.phase, plan.mode) {
            (Phase::Forward, Mode::Drill) if !self.remains => self.phase = Phase::Stay,
            (Phase::Forward, _) => self.phase = Phase::Tidy,
            _ => self.phase = Phase::Confirm,
        }
        false
    }

    /// Everything is put back. That all is as it was before is said of the changes that were never begun, too.
    pub(super) fn verify(&mut self, plan: &Plan) {
        self.phase = Phase::Verify;
        for (mark, entry) in self.marks.iter_mut().zip(&plan.entries) {
            if *mark == Mark::None && entry.there && matches!(entry.nature, Nature::Change(_)) {
                *mark = Mark::Unmade;
            }
        }
    }

    pub(super) fn start(&mut self, entry: u16, way: Way) {
        self.motion = Some(Motion {
            entry,
            way,
            stage: Stage::Compare,
            tries: 0,
            tried_before: way == Way::There && self.marks[usize::from(entry)] != Mark::None,
        });
    }

    fn last(&self, wanted: impl Fn(&State, usize) -> bool) -> Option<u16> {
        (0..self.marks.len())
            .rev()
            .find(|i| wanted(self, *i))
            .and_then(|i| u16::try_from(i).ok())
    }

    /// Begins to put back what stands; where nothing stands, the run is over.
    pub(super) fn go_back(&mut self, plan: &Plan) {
        // What was written once may stand, in part at least: the way back has to look at it.
        if let Some(motion) = self.motion.take()
            && motion.way == Way::There
            && motion.tries > 0
        {
            self.may_stand(usize::from(motion.entry), motion.stage);
        }
        (self.at, self.reached) = (0, 0);
        (self.looks_anew, self.remains) = (false, false);
        if self.something_goes_back(plan) {
            self.phase = Phase::Probe;
        } else if self.wrote {
            // That nothing stands any more is seen, and not concluded. Where something stands that cannot go back,
            // or was left, nobody says that all is as before. Whoever resumes it looks at what there is.
            self.verify(plan);
            if self.left || self.marks.iter().any(|mark| mark.stands()) {
                self.close(plan, Ending::Undone);
            }
        } else {
            self.close(plan, Ending::Refused);
        }
    }
}
