//! What all processes of one run share: the world, the disk, the course of the run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::course::Course;
use super::disk::Severed;
use super::fault::{Cut, Fault, Moment, Point, Script};
use super::model::{Dead, Model};
use super::perform::{Lapse, Line, Span, Written};
use super::property::Property;
use super::stage::{Stage, foreign};
use crate::clock::Clock;
use crate::engine::{StopSignal, StopSwitch};
use crate::event::{Event, Record};
use crate::machine::Move;
use crate::plan::{Entry, Nature, Side, Value, Way};
use crate::secret::Secret;
use crate::store::Memory;

/// What the fake provider logs in with. It must never be seen anywhere.
pub(crate) const CANARY: &str = "canary-3c5f0b91-of-the-fake-provider";

/// The engine, the timers and the journal round to whole milliseconds, a few times in one move.
pub(super) const SLACK: Duration = Duration::from_millis(50);

/// How long after its time-out a write of the fake world may still land.
pub(super) const LANDING: Duration = Duration::from_secs(30);

/// How long the engine tries to read a place after the last moment at which a write may land.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest time between two looks at a place that was written.
const PAUSE: Duration = Duration::from_secs(2);

/// What all processes of one run share.
pub(super) struct Theatre {
    pub(super) model: Arc<Model>,
    pub(super) clock: Clock,
    pub(super) memory: Arc<Memory>,
    pub(super) secret: Secret,
    pub(super) entries: HashMap<String, usize>,
    inner: Mutex<Inner>,
    /// Something happened that somebody may wait for: a process was cut off, or a line was written.
    pub(super) news: Notify,
}

pub(super) struct Inner {
    pub(super) course: Course,
    pub(super) places: Vec<Holding>,
    pub(super) sides: Vec<Side>,
    pub(super) dead: Dead,
    /// A write that lands later: when, by the time since boot in milliseconds, and what.
    pub(super) in_flight: Option<(u64, usize, Way)>,
    /// A place that shows an old copy of what it holds.
    pub(super) old: Option<(usize, Value)>,
    pub(super) processes: Vec<Process>,
    /// The disk is full for the next line.
    pub(super) full: bool,
    /// The wall clock jumps with the next thing that is asked in the present move.
    pub(super) jumps: bool,
    /// The wall clock jumped forward by a day in the present move.
    pub(super) jumped: bool,
    pub(super) severed: Option<Severed>,
    /// Lines that the store has, and lines that were shown.
    pub(super) durable: u64,
    /// The process that wrote the newest line.
    pub(super) last_writer: usize,
    pub(super) shown: u64,
    /// The intent that is open.
    pub(super) intent: Option<(usize, Way)>,
    entered_at: u64,
    pub(super) changed_at: Option<u64>,
    pub(super) records: Vec<Record>,
    pub(super) lines: Vec<Line>,
    pub(super) spans: Vec<Span>,
    pub(super) writes: Vec<Written>,
    pub(super) lapses: Vec<Lapse>,
}

/// One process of the run.
pub(super) struct Process {
    pub(super) fate: Fate,
    pub(super) switch: StopSwitch,
    pub(super) signal: StopSignal,
}

/// What became of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Alive,
    Killed,
    /// Another process took its lock over, and it does not know that yet.
    Robbed,
}

/// What the place of an entry holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Holding {
    pub(super) value: Value,
    /// Somebody else wrote it last.
    pub(super) theirs: bool,
    /// We wrote it, and nobody has looked since.
    pub(super) unlooked: bool,
}

/// Where a write of this way leads.
fn goal(way: Way) -> Side {
    match way {
        Way::There => Side::After,
        Way::Back => Side::Before,
    }
}

impl Theatre {
    pub(super) fn new(model: &Arc<Model>, script: &Script, severed: Option<Severed>) -> Theatre {
        let plan = &model.plan;
        let start = jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(500_000);
        let holding = |entry: &Entry| Holding {
            value: (entry.place()).map_or_else(Value::default, |edit| edit.before.clone()),
            ..Holding::default()
        };
        let inner = Inner {
            course: Course::new(plan, script),
            places: plan.entries.iter().map(holding).collect(),
            sides: vec![Side::Before; plan.entries.len()],
            dead: model.dead_at_first(),
            in_flight: None,
            old: None,
            processes: Vec::new(),
            full: false,
            jumps: false,
            jumped: false,
            severed,
            durable: 0,
            last_writer: 0,
            shown: 0,
            intent: None,
            entered_at: 0,
            changed_at: None,
            records: Vec::new(),
            lines: Vec::new(),
            spans: Vec::new(),
            writes: Vec::new(),
            lapses: Vec::new(),
        };
        let ids = plan.entries.iter().map(|entry| entry.id.clone());
        Theatre {
            model: Arc::clone(model),
            clock: Clock::following_tokio(start),
            memory: Arc::new(Memory::new()),
            secret: Secret::new(CANARY),
            entries: ids.enumerate().map(|(i, id)| (id, i)).collect(),
            inner: Mutex::new(inner),
            news: Notify::new(),
        }
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.now().boot_ms
    }

    /// The power is on, and another process begins: whoever held a lock before it is gone.
    pub(super) fn begin(self: &Arc<Theatre>, to_be_put_back: bool) -> Stage {
        self.memory.restart();
        let mut inner = self.inner();
        inner.course.begin(to_be_put_back);
        inner.full = false;
        inner.old = None;
        if to_be_put_back {
            // Whoever asks for it does so once the sites are up again.
            inner.dead = Dead::default();
        }
        let (switch, signal) = StopSwitch::new();
        inner.processes.push(Process {
            fate: Fate::Alive,
            switch,
            signal,
        });
        let process = inner.processes.len() - 1;
        drop(inner);
        Stage::of(Arc::clone(self), process)
    }

    /// Notes that a property does not hold.
    pub(super) fn lapse(&self, property: Property, what: impl Into<String>) {
        self.inner().lapse(property, what);
    }

    /// Notes where the secret is in a text.
    pub(super) fn holds_no_secret(&self, what: &str, text: &str) {
        if let Some((before, _)) = text.split_once(CANARY) {
            let near = before.rsplit(['"', '\n']).next().unwrap_or_default();
            let what = format!("{what} held the secret behind `{}`", near.trim_start());
            self.lapse(Property::NoSecret, what);
        }
    }

    /// Lets arrive what is still on its way.
    pub(super) fn land_all(&self) {
        let now = self.now();
        self.inner().land(&self.model, u64::MAX, now);
    }
}

impl Inner {
    pub(super) fn lapse(&mut self, property: Property, what: impl Into<String>) {
        let what = what.into();
        if self.lapses.iter().all(|b| b.property != property) {
            self.lapses.push(Lapse { property, what });
        }
    }

    /// A place gets another value.
    pub(super) fn put(
        &mut self,
        model: &Model,
        entry: usize,
        value: Value,
        theirs: bool,
        now: u64,
    ) {
        if let Nature::Change(edit) = &model.plan.entries[entry].nature {
            self.sides[entry] = edit.side(&value);
        }
        if let Some(edit) = &model.plan.entries[entry].holds {
            self.sides[entry] = match edit.side(&value) {
                Side::Foreign => Side::Foreign,
                _ => Side::Before,
            };
        }
        self.old.take_if(|(old, _)| *old == entry);
        let place = &mut self.places[entry];
        place.value = value;
        place.theirs = theirs;
        self.changed_at = Some(now);
    }

    /// A write or an act of ours does all that it shall.
    pub(super) fn succeed(&mut self, model: &Model, entry: usize, way: Way, now: u64) {
        match &model.plan.entries[entry].nature {
            Nature::Change(edit) => {
                let to = edit.along(way).1.clone();
                self.put(model, entry, to, false, now);
            }
            _ => {
                self.sides[entry] = goal(way);
                self.changed_at = Some(now);
            }
        }
    }

    /// What is on its way arrives, if its time has come.
    pub(super) fn land(&mut self, model: &Model, until: u64, now: u64) {
        if let Some((_, entry, way)) = self.in_flight.take_if(|(at, ..)| *at <= until) {
            self.succeed(model, entry, way, now);
        }
    }

    /// What `move` a deadline gives: the longest that it may take.
    fn longest(&self, model: &Model) -> Option<Duration> {
        let entries = &model.plan.entries;
        let pace = |i: &usize| entries[*i].pace;
        match self.course.mv() {
            // A last look may begin just before the deadline.
            Move::Look { entries, .. } => entries
                .iter()
                .map(|i| pace(i).within + pace(i).timeout)
                .max(),
            Move::TakeBaseline => entries.iter().map(|entry| entry.pace.timeout).max(),
            Move::Compare { entry, .. } | Move::Write { entry, .. } => Some(pace(entry).timeout),
            Move::Settle { entry, .. } => {
                let timeout = pace(entry).timeout;
                // The last look begins after it was given up, behind one that began just before.
                Some(timeout + LANDING + timeout.max(PATIENCE) + PAUSE + timeout * 2)
            }
            Move::Wait { entry } => match &entries[*entry].nature {
                Nature::Wait { time } => Some(*time),
                _ => None,
            },
            Move::Stay => Some(model.plan.hold),
            Move::Approve { .. } | Move::Decide { .. } | Move::End { .. } | Move::Rest => None,
        }
    }

    /// The present move is over: how long did it take?
    fn leave(&mut self, model: &Model, now: u64) {
        let took = Duration::from_millis(now.saturating_sub(self.entered_at));
        if let Some(longest) = self.longest(model)
            && took > longest + SLACK
        {
            let mv = self.course.mv();
            let what = format!("{mv:?} took {took:?}, and may take {longest:?}");
            self.lapse(Property::Deadline, what);
        }
        if let Some(here) = self.course.here()
            && !matches!(here.moment, Moment::Look(_))
        {
            self.spans.push(Span { at: here, took });
        }
    }
}

impl Inner {
    /// Takes a line in, and says what strikes in the move that begins with it.
    pub(super) fn take(&mut self, model: &Model, record: &Record, now: u64) -> Vec<Fault> {
        let event = &record.event;
        let before = self.course.here();
        self.shown += 1;
        let passage = match self.course.take(&model.plan, event) {
            Ok(passage) => passage,
            Err(error) => {
                self.lapse(Property::Agreement, format!("{error}"));
                return Vec::new();
            }
        };
        self.note(record, now);
        let mut struck = Vec::new();
        if let Event::Intended { .. } = event
            && self.course.strikes(Fault::Killed(Cut::Intended))
        {
            struck.push(Fault::Killed(Cut::Before));
        }
        if passage.left {
            self.leave(model, now);
            let struck = self.course.strikes_meanwhile();
            if let Some(entry) = struck.and_then(|i| model.meanwhile(i, self.course.state()))
                && let Some(edit) = model.plan.entries[entry].place()
            {
                self.put(model, entry, foreign(edit), true, now);
            }
            if self.course.strikes(Fault::Killed(Cut::After)) {
                self.lines.push(Line::of(event, before, before));
                return vec![Fault::Killed(Cut::Before)];
            }
        }
        if passage.entered {
            self.entered_at = now;
            self.jumps = false;
            self.jumped = false;
            struck.extend(self.course.enter_next(&model.plan));
        }
        self.lines.push(Line::of(event, before, self.course.here()));
        struck
    }

    /// A line that was written, and that nobody was told of.
    pub(super) fn catch_up(&mut self, model: &Model, record: &Record, now: u64) {
        self.shown += 1;
        if let Err(error) = self.course.take(&model.plan, &record.event) {
            self.lapse(Property::Agreement, format!("{error}"));
        }
        self.note(record, now);
    }

    fn note(&mut self, record: &Record, now: u64) {
        match &record.event {
            Event::Intended { entry, way, .. } => self.intent = Some((*entry, *way)),
            Event::Answered { .. } | Event::Resumed { .. } => self.intent = None,
            Event::Looked { entry, round, .. } => {
                let took = Duration::from_millis(now.saturating_sub(self.entered_at));
                let at = Point {
                    entry: u16::try_from(*entry).ok(),
                    moment: Moment::Look(*round),
                    nth: 0,
                };
                self.spans.push(Span { at, took });
            }
            _ => {}
        }
        self.records.push(record.clone());
    }
}
