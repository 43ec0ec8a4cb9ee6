//! The world as one process sees it: places that hold the plan's values, checks that show them, in virtual time.

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use super::fault::{Cut, Fault};
use super::model::{Dead, Model};
use super::perform::{Written, is_dry};
use super::property::Property;
use super::theatre::{Fate, Inner, LANDING, SLACK, Theatre};
use super::turns::overrun;
use crate::engine::{Stop, StopSignal};
use crate::event::{Record, Round};
use crate::machine::Move;
use crate::plan::{Edit, Nature, Outcome, Side, Value, Way};
use crate::store::Blow;

/// A day, in the milliseconds by which a wall clock jumps.
const DAY: i64 = 86_400_000;

/// The world as one process sees it.
#[derive(Clone)]
pub struct Stage {
    pub(super) theatre: Arc<Theatre>,
    /// The number of the process, from 0.
    process: usize,
}

impl Stage {
    pub(super) fn of(theatre: Arc<Theatre>, process: usize) -> Stage {
        Stage { theatre, process }
    }

    pub(super) fn model(&self) -> &Model {
        &self.theatre.model
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.theatre.inner()
    }

    pub(super) fn now(&self) -> u64 {
        self.theatre.now()
    }

    pub(super) fn fate(&self) -> Fate {
        self.inner().processes[self.process].fate
    }

    pub(super) fn signal(&self) -> StopSignal {
        self.inner().processes[self.process].signal.clone()
    }

    pub(super) fn index(&self, id: &str) -> usize {
        self.theatre.entries.get(id).copied().unwrap_or_default()
    }

    /// Whoever was killed does nothing any more.
    pub(super) async fn unless_killed(&self) {
        if self.fate() == Fate::Killed {
            std::future::pending::<()>().await;
        }
        if std::mem::take(&mut self.inner().jumps) {
            self.jump();
        }
    }

    /// Sets the wall clock a day forward.
    fn jump(&self) {
        self.theatre.clock.set_wall_by(DAY);
        self.inner().jumped = true;
    }

    /// Resolves when the process was killed, or robbed of its lock.
    pub(super) async fn cut_off(&self) {
        loop {
            let news = self.theatre.news.notified();
            if self.fate() != Fate::Alive {
                return;
            }
            news.await;
        }
    }

    /// Kills the process.
    pub(super) fn die(&self) {
        self.end_as(Fate::Killed);
    }

    fn end_as(&self, fate: Fate) {
        self.inner().processes[self.process].fate = fate;
        self.theatre.news.notify_waiters();
    }

    /// Resolves when another process has written a line.
    pub(super) async fn robbed_until_another_wrote(&self) {
        loop {
            let news = self.theatre.news.notified();
            if self.inner().last_writer > self.process {
                return;
            }
            news.await;
        }
    }

    pub(super) fn wrote_a_line_without_the_lock(&self) {
        let what = "a process whose lock was taken over wrote a line of the journal";
        self.theatre.lapse(Property::IntentFirst, what);
    }

    /// Whether there is no room for this line; there is for the next.
    pub(super) fn take_full(&self) -> bool {
        std::mem::take(&mut self.inner().full)
    }

    /// How the process is cut off at this line.
    pub(super) fn severs(&self, line: u64) -> Option<Blow> {
        let severed = self.inner().severed.take_if(|severed| severed.line == line);
        severed.map(|severed| severed.blow)
    }

    pub(super) fn line_is_durable(&self) {
        let mut inner = self.inner();
        inner.durable += 1;
        inner.last_writer = self.process;
        drop(inner);
        self.theatre.news.notify_waiters();
    }

    /// Follows a line that was shown.
    pub(super) fn follow(&self, record: &Record) {
        if self.fate() != Fate::Alive {
            return;
        }
        let now = self.now();
        let mut inner = self.inner();
        let jumped = inner.jumped;
        let struck = inner.take(self.model(), record, now);
        // It jumps forward by a day, and by two days back when the next move begins.
        if jumped && !inner.jumped {
            self.theatre.clock.set_wall_by(-2 * DAY);
        }
        drop(inner);
        for fault in struck {
            self.strike(fault);
        }
    }

    /// What was read back is what was shown, but for lines that were written when the process was killed.
    pub(super) fn read_back(&self, records: &[Record]) {
        let now = self.now();
        let mut inner = self.inner();
        let shown = usize::try_from(inner.shown).unwrap_or(usize::MAX);
        for record in records.iter().skip(shown) {
            inner.catch_up(self.model(), record, now);
        }
    }

    /// A fault that strikes as a move begins. The others strike in the midst of it.
    fn strike(&self, fault: Fault) {
        match fault {
            Fault::Killed(Cut::Before) => self.die(),
            Fault::LockLost => {
                self.theatre.memory.restart();
                self.end_as(Fate::Robbed);
            }
            Fault::DiskFull => self.inner().full = true,
            Fault::CtrlC => {
                let inner = self.inner();
                let process = &inner.processes[self.process];
                if process.signal.level() == Stop::No {
                    process.switch.ask();
                }
            }
            Fault::SourceDies => self.inner().dead.source = true,
            Fault::TargetDies => self.inner().dead.target = true,
            Fault::ClockJumps => {
                let mut inner = self.inner();
                // Once deadlines are set: whoever reckons them by the wall clock is wrong then. Who waits, and a
                // dry run that would write, asks nothing.
                let asks = match inner.course.mv() {
                    Move::Look { .. } | Move::Settle { .. } => true,
                    Move::Write { .. } => !is_dry(&self.model().plan),
                    _ => false,
                };
                inner.jumps = asks;
                drop(inner);
                if !asks {
                    self.jump();
                }
            }
            Fault::Foreign | Fault::Anticipated => self.somebody_writes(fault),
            Fault::Overrun => self.overrun(),
            _ => {}
        }
    }

    /// Somebody else writes the place at hand. Whoever writes after our write was overtaken by it, not we by
    /// them.
    fn somebody_writes(&self, fault: Fault) {
        let now = self.now();
        let mut inner = self.inner();
        let (entry, way) = match *inner.course.mv() {
            Move::Compare { entry, way }
            | Move::Write { entry, way }
            | Move::Settle { entry, way } => (entry, way),
            Move::Look { ref entries, .. } => (entries[0], Way::There),
            _ => return,
        };
        let Nature::Change(edit) = &self.model().plan.entries[entry].nature else {
            return;
        };
        inner.land(self.model(), u64::MAX, now);
        let value = match fault {
            Fault::Anticipated => edit.along(way).1.clone(),
            _ => foreign(edit),
        };
        inner.put(self.model(), entry, value, true, now);
    }

    /// Another run goes over all the places.
    fn overrun(&self) {
        let (now, model) = (self.now(), self.model());
        let mut inner = self.inner();
        inner.land(model, u64::MAX, now);
        for (i, entry) in model.plan.entries.iter().enumerate() {
            if let Nature::Change(edit) = &entry.nature {
                let value = match overrun(inner.course.state(), i) {
                    Side::Before => edit.before.clone(),
                    _ => edit.after.clone(),
                };
                inner.put(model, i, value, true, now);
            }
        }
    }

    /// No line of the journal holds a secret.
    pub(super) fn wrote_down(&self, line: &str) {
        self.theatre.holds_no_secret("a line of the journal", line);
    }

    /// Passing news hold no secret either.
    pub(super) fn overheard(&self, note: &str) {
        self.theatre.holds_no_secret("passing news", note);
    }
}

/// A value that is neither of ours.
pub(super) fn foreign(edit: &Edit) -> Value {
    let parts = edit.before.0.keys().chain(edit.after.0.keys());
    Value(
        parts
            .map(|key| (key.clone(), "somebody else's".into()))
            .collect(),
    )
}

/// Asks how long something of an entry takes: it ends by its time-out, or is ended.
pub(super) struct Watch<'s> {
    stage: &'s Stage,
    entry: usize,
    began: u64,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let entry = &self.stage.model().plan.entries[self.entry];
        let took = Duration::from_millis(self.stage.now().saturating_sub(self.began));
        if took > entry.pace.timeout + SLACK && self.stage.fate() == Fate::Alive {
            let timeout = entry.pace.timeout;
            let what = format!(
                "`{}` was asked for {took:?}, and may be for {timeout:?}",
                entry.id
            );
            self.stage.theatre.lapse(Property::Deadline, what);
        }
    }
}

/// Whose answer a look waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The site that shall be active.
    Active,
    /// The other one.
    Idle,
    /// Neither: the public, or one that shows nothing of a site.
    Public,
}

/// What a write of ours does, and what it says.
#[derive(PartialEq)]
pub(super) enum Said {
    Done,
    Refused,
    PutBack,
    Declined,
    Unclear,
    /// Nothing, ever.
    Nothing,
}

impl Stage {
    pub(super) fn watch(&self, entry: usize) -> Watch<'_> {
        Watch {
            stage: self,
            entry,
            began: self.now(),
        }
    }

    /// The round of the looks at hand.
    pub(super) fn round(&self) -> Round {
        match self.inner().course.mv() {
            Move::Look { round, .. } => *round,
            _ => Round::There,
        }
    }

    /// What strikes the looks of a check.
    pub(super) fn strikes_check(&self, entry: usize) -> Option<Fault> {
        match self.fate() {
            Fate::Alive => self.inner().course.strikes_check(entry),
            Fate::Killed | Fate::Robbed => None,
        }
    }

    /// Whether the site that a look asks is dead.
    pub(super) fn is_dead(&self, role: Role, round: Round) -> bool {
        let Dead { source, target } = self.inner().dead;
        let (active, idle) = match round == Round::There {
            true => (target, source),
            false => (source, target),
        };
        match role {
            Role::Active => active,
            Role::Idle => idle,
            Role::Public => false,
        }
    }

    /// What a check shows now, where every site that it asks answers.
    pub(super) fn shows(&self, entry: usize, round: Round) -> Outcome {
        let now = self.now();
        let model = self.model();
        let mut inner = self.inner();
        inner.land(model, now, now);
        let truth = model.truth(entry, round, &inner.sides, Dead::default());
        let lag = model.traits[entry].timing.lag;
        let behind = model.plan.entries[entry].after_change && round != Round::Probe;
        let too_early = inner
            .changed_at
            .is_some_and(|at| Duration::from_millis(now.saturating_sub(at)) < lag);
        match truth {
            Outcome::Pass if behind && too_early => Outcome::Late,
            truth => truth,
        }
    }

    /// What a read of a place shows; `None` where it cannot be reached. Whoever was robbed sees it as well.
    pub(super) fn holds(&self, entry: usize) -> Option<Value> {
        let now = self.now();
        let model = self.model();
        let mut inner = self.inner();
        inner.land(model, now, now);
        let way = inner.course.way();
        if !model.reachable(entry, way, inner.dead) {
            return None;
        }
        inner.places[entry].unlooked = false;
        match &inner.old {
            Some((old, value)) if *old == entry => Some(value.clone()),
            _ => Some(inner.places[entry].value.clone()),
        }
    }

    /// Whether the present read never answers.
    pub(super) fn hangs(&self, entry: usize) -> bool {
        let inner = self.inner();
        let struck = match inner.course.mv() {
            Move::Look { .. } => inner.course.strikes_check(entry) == Some(Fault::Hangs),
            _ => inner.course.strikes(Fault::Hangs),
        };
        drop(inner);
        self.fate() == Fate::Alive && struck
    }

    /// A write or an act goes out: may it?
    pub(super) fn goes_out(&self, entry: usize, way: Way) {
        let at = Duration::from_millis(self.now());
        let robbed = self.fate() == Fate::Robbed;
        let model = self.model();
        let is_change = matches!(model.plan.entries[entry].nature, Nature::Change(_));
        let mut inner = self.inner();
        let id = &model.plan.entries[entry].id;
        if robbed {
            let what = format!("`{id}` was written by a process whose lock was taken over");
            return inner.lapse(Property::IntentFirst, what);
        }
        if inner.intent != Some((entry, way)) || inner.durable < inner.shown {
            let what = format!("`{id}` was written, and the store had no line that said so");
            inner.lapse(Property::IntentFirst, what);
        }
        if inner.in_flight.is_some() {
            let what = format!("`{id}` was written while another write could still land");
            inner.lapse(Property::LookedAt, what);
        }
        let place = &inner.places[entry];
        if is_change && place.unlooked {
            let what = format!("`{id}` was written twice, and nobody looked in between");
            inner.lapse(Property::LookedAt, what);
        } else if is_change
            && place.theirs
            && inner.sides[entry] == Side::Foreign
            && !model.overtaken(entry, way, Side::Foreign, true)
        {
            let what = format!("`{id}` was written over what somebody else wrote");
            inner.lapse(Property::NotOverOthers, what);
        }
        inner.places[entry].unlooked = is_change;
        let phase = inner.course.state().phase();
        let lines = inner.durable;
        inner.writes.push(Written {
            entry,
            way,
            phase,
            lines,
            at,
            refused: false,
        });
    }

    /// What becomes of the present write.
    pub(super) fn lands(&self, entry: usize, way: Way, until: u64) -> Said {
        let now = self.now();
        let model = self.model();
        let mut inner = self.inner();
        if !model.reachable(entry, way, inner.dead) {
            return Said::Unclear;
        }
        let fault = inner.course.strikes_write();
        let in_flight = matches!(
            fault,
            Some(Fault::LandsLate | Fault::RefusedLands | Fault::Killed(Cut::InFlight))
        );
        let overtaken = model.overtaken(entry, way, inner.sides[entry], inner.places[entry].theirs);
        match fault {
            _ if overtaken => {}
            Some(Fault::Refused | Fault::Lost | Fault::Lies) => {}
            _ if in_flight => {
                // Later than any answer would be taken, and before the intent runs out.
                let left = until.saturating_sub(now);
                let landing = u64::try_from(LANDING.as_millis()).unwrap_or(left);
                let at = now + left - (landing / 2).min(left);
                inner.in_flight = Some((at, entry, way));
            }
            Some(Fault::Old) => {
                let value = inner.places[entry].value.clone();
                inner.succeed(model, entry, way, now);
                inner.old = Some((entry, value));
            }
            Some(Fault::Half | Fault::HalfUnsaid) => match model.half(entry, way) {
                Some(half) => inner.put(model, entry, half, false, now),
                None => inner.succeed(model, entry, way, now),
            },
            _ => inner.succeed(model, entry, way, now),
        }
        let said = match fault {
            Some(Fault::Killed(_)) => Said::Nothing,
            Some(Fault::Refused) => Said::Refused,
            Some(Fault::RefusedLands) => Said::Declined,
            Some(Fault::Unsaid | Fault::HalfUnsaid) => Said::Unclear,
            Some(Fault::Lost | Fault::LandsLate) => Said::Nothing,
            Some(Fault::Half) if overtaken => Said::PutBack,
            _ if overtaken && fault != Some(Fault::Lies) => Said::Refused,
            _ => Said::Done,
        };
        if let Some(written) = inner.writes.last_mut() {
            written.refused = said == Said::Refused;
        }
        drop(inner);
        if matches!(fault, Some(Fault::Killed(_))) {
            self.die();
        }
        said
    }
}
