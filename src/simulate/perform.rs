//! Performs one script: the same loop as a real run, on the fake world, in virtual time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::runtime::{Builder, Runtime};

use super::disk::{Disk, Severed};
use super::fault::{Cut, Fault, Moment, Point, Script, Twist};
use super::model::Model;
use super::property::Property;
use super::stage::Stage;
use super::theatre::{Fate, Theatre};
use super::verdict;
use crate::engine::{GoOn, Outfit, RunError, World, drive, resume};
use crate::event::{Decision, Ending, Event, Record};
use crate::journal::{Dry, Live, Meta, Publisher};
use crate::machine::Phase;
use crate::plan::{Mode, Nature, Plan, Side, Value, Way};
use crate::step::Pulses;
use crate::store::{Blow, Store};

/// No script makes so many processes.
const MOST_PROCESSES: usize = 64;

/// Everything that the displays print of a run, from its records.
pub type Print = fn(&[Record]) -> io::Result<String>;

/// What a run is performed with: the parts of a real run, or, in a test, one of them with a planted defect.
pub trait Parts {
    type World: World;

    /// The world, on this stage.
    fn world(&self, stage: Stage) -> Self::World;

    /// The store that the journal is given.
    fn store(&self, disk: Arc<dyn Store>) -> Arc<dyn Store> {
        disk
    }

    /// The plan that is carried out.
    fn plan(&self, plan: &Plan) -> Plan {
        plan.clone()
    }

    /// What a process that goes on with a run takes for its journal.
    fn read_back(&self, records: Vec<Record>) -> Vec<Record> {
        records
    }

    /// The exit code of an ending.
    fn code(&self, ending: Ending) -> u8 {
        ending.code()
    }

    /// What the displays print.
    fn prints(&self, records: &[Record]) -> io::Result<String> {
        let _ = records;
        Ok(String::new())
    }
}

/// The parts of every real run, and the displays of the caller.
#[derive(Clone, Copy, Debug)]
pub struct Real {
    pub print: Print,
}

impl Parts for Real {
    type World = Stage;

    fn world(&self, stage: Stage) -> Stage {
        stage
    }

    fn prints(&self, records: &[Record]) -> io::Result<String> {
        (self.print)(records)
    }
}

/// A property that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lapse {
    pub property: Property,
    /// What was seen instead.
    pub what: String,
}

/// A write or an act that went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub entry: usize,
    pub way: Way,
    pub phase: Phase,
    /// How many lines of the journal were durable then; the last of them is its intent.
    pub lines: u64,
    /// Since the beginning.
    pub at: Duration,
    /// It was refused, and surely did nothing.
    pub refused: bool,
}

/// How long a move took; of a look, how long until this check was clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub at: Point,
    pub took: Duration,
}

/// A line of a journal, and what a process that is killed around it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Killed before this line is durable; `None` where the model has no word for it.
    pub before: Option<Twist>,
    /// Killed once it is durable, and before anybody is told.
    pub after: Option<Twist>,
}

impl Line {
    /// `from` is the point that the run was at when it wrote the line, `to` where it was afterwards.
    pub(super) fn of(event: &Event, from: Option<Point>, to: Option<Point>) -> Line {
        let killed = |at: Option<Point>, cut| {
            at.map(|at| Twist {
                at,
                fault: Fault::Killed(cut),
            })
        };
        let (before, after) = match event {
            Event::Started { .. } => (None, killed(to, Cut::Before)),
            Event::Intended { .. } => (killed(from, Cut::Before), killed(from, Cut::Intended)),
            Event::Answered { .. } => (killed(from, Cut::Written), killed(from, Cut::After)),
            // Nothing is left to be cut off.
            Event::Ended { .. } => (killed(from, Cut::Before), None),
            Event::StopAsked { .. } | Event::Resumed { .. } => (None, None),
            _ => (killed(from, Cut::Before), killed(to, Cut::Before)),
        };
        Line { before, after }
    }

    /// The write on the way there whose intent it is.
    fn intends(&self) -> Option<Point> {
        let killed = self.after?;
        let is_intent = killed.fault == Fault::Killed(Cut::Intended)
            && killed.at.moment == Moment::Write(Way::There);
        is_intent.then_some(killed.at)
    }
}

/// What came of a script.
#[derive(Clone, Debug)]
pub struct Performance {
    /// `None` where it was cut off and nobody went on with it.
    pub ending: Option<Ending>,
    pub code: Option<u8>,
    /// What each entry's place holds in the end; empty for entries without one.
    pub values: Vec<Value>,
    /// The same in the words of its edit; of an act, whether it was done.
    pub sides: Vec<Side>,
    pub writes: Vec<Written>,
    /// All that was recorded, by all processes.
    pub records: Vec<Record>,
    pub lines: Vec<Line>,
    /// Every point that the run came to.
    pub visited: Vec<Point>,
    pub spans: Vec<Span>,
    /// From the decision to the end.
    pub took: Duration,
    pub processes: usize,
    pub lapses: Vec<Lapse>,
}

/// Performs scripts, one after the other. It has a runtime of its own, so it must be called outside of any other.
pub struct Performer<P = Real> {
    runtime: Runtime,
    parts: P,
}

impl Performer {
    /// With the parts of every real run. What `print` makes of one must hold no secret.
    pub fn new(print: Print) -> io::Result<Performer> {
        Performer::with(Real { print })
    }
}

/// How a process comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    Anew,
    GoOn(GoOn),
}

impl<P: Parts> Performer<P> {
    pub(super) fn with(parts: P) -> io::Result<Performer<P>> {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build()?;
        Ok(Performer { runtime, parts })
    }

    /// Performs a script.
    pub fn perform(&self, model: &Arc<Model>, script: &Script) -> Performance {
        self.cut(model, script, None)
    }

    /// Performs a script, and kills the process around one line of its journal.
    pub fn cut(
        &self,
        model: &Arc<Model>,
        script: &Script,
        severed: Option<Severed>,
    ) -> Performance {
        self.runtime.block_on(async {
            let theatre = Arc::new(Theatre::new(model, script, severed));
            let processes = self.live(&theatre).await;
            // What is still on its way arrives when nobody looks any more.
            let took = Duration::from_millis(theatre.clock.now().boot_ms);
            theatre.land_all();
            let ending = theatre.inner().course.state().ended();
            if let Some(ending) = ending {
                verdict::end(&theatre, ending, self.parts.code(ending));
                self.resume_after_the_end(&theatre, ending).await;
            }
            self.display(&theatre);
            self.performance(&theatre, ending, took, processes)
        })
    }

    /// Nor does anything that is printed of it hold a secret.
    fn display(&self, theatre: &Theatre) {
        let printed = self.parts.prints(&theatre.inner().records);
        match printed {
            Ok(text) => theatre.holds_no_secret("what a display prints", &text),
            Err(why) => {
                let what = format!("nobody knows: it could not be displayed: {why}");
                theatre.lapse(Property::NoSecret, what);
            }
        }
    }

    fn performance(
        &self,
        theatre: &Theatre,
        ending: Option<Ending>,
        took: Duration,
        processes: usize,
    ) -> Performance {
        let mut inner = theatre.inner();
        Performance {
            ending,
            code: ending.map(|ending| self.parts.code(ending)),
            values: (inner.places.iter().map(|place| place.value.clone())).collect(),
            sides: inner.sides.clone(),
            writes: std::mem::take(&mut inner.writes),
            records: std::mem::take(&mut inner.records),
            lines: std::mem::take(&mut inner.lines),
            visited: inner.course.visited().to_vec(),
            spans: std::mem::take(&mut inner.spans),
            took,
            processes,
            lapses: std::mem::take(&mut inner.lapses),
        }
    }

    /// All processes of one run, one after the other. Returns how many there were.
    async fn live(&self, theatre: &Arc<Theatre>) -> usize {
        let mut begin = Begin::Anew;
        let mut robbed = FuturesUnordered::new();
        for number in 1..=MOST_PROCESSES {
            let back = begin == Begin::GoOn(GoOn::Back);
            let stage = theatre.begin(back);
            let mut process = Box::pin(self.process(stage.clone(), begin));
            let end = loop {
                tokio::select! {
                    biased;
                    () = stage.cut_off() => break None,
                    end = &mut process => break Some(end),
                    Some(_) = robbed.next() => {}
                }
            };
            match (stage.fate(), end) {
                // It lives on, and does not know yet that its time is over.
                (Fate::Robbed, None) => robbed.push(process),
                (Fate::Alive, Some(Err(error))) => {
                    theatre.lapse(Property::EveryEnding, format!("it went wrong: {error}"));
                    return number;
                }
                _ => {}
            }
            match self.afterwards(theatre) {
                Some(next) => begin = next,
                None => return number,
            }
        }
        let what = format!("after {MOST_PROCESSES} processes it had not ended");
        theatre.lapse(Property::EveryEnding, what);
        MOST_PROCESSES
    }

    /// What somebody does once a process has ended. Where the script does not say, a run that was cut off or
    /// stopped is resumed.
    fn afterwards(&self, theatre: &Theatre) -> Option<Begin> {
        let mut inner = theatre.inner();
        if is_dry(&theatre.model.plan) {
            return None;
        }
        if inner.durable == 0 {
            return Some(Begin::Anew);
        }
        let said = inner.course.rest();
        let ended = inner.course.state().ended();
        let open = matches!(ended, None | Some(Ending::Stopped | Ending::Held));
        let how = match said {
            Some(Decision::Back) if inner.course.state().stands() => GoOn::Back,
            Some(Decision::Again) if open => GoOn::Finish,
            Some(Decision::On) if open => GoOn::Accept,
            Some(Decision::Stop | Decision::Stay) => return None,
            _ if matches!(ended, None | Some(Ending::Stopped)) => GoOn::Finish,
            _ => return None,
        };
        Some(Begin::GoOn(how))
    }

    async fn process(&self, stage: Stage, begin: Begin) -> Result<Ending, RunError> {
        let theatre = Arc::clone(&stage.theatre);
        let world = self.parts.world(stage.clone());
        let (follower, listener) = (stage.clone(), stage.clone());
        let publish: Publisher = Arc::new(move |record| follower.follow(record));
        let outfit = Outfit {
            world: &world,
            memory: &stage,
            people: &stage,
            stop: stage.signal(),
            pulses: Pulses::new(move |pulse| listener.overheard(&pulse.note)),
            by: "somebody@somewhere".into(),
        };
        let plan = &theatre.model.plan;
        let clock = theatre.clock.clone();
        if is_dry(plan) {
            let mut journal = Dry::shown(clock, publish);
            return drive(self.parts.plan(plan), &mut journal, outfit).await;
        }
        let disk = Disk {
            stage: stage.clone(),
            memory: Arc::clone(&theatre.memory),
        };
        let store = self.parts.store(Arc::new(disk));
        match begin {
            Begin::Anew => {
                let meta = Meta::of(plan, &*outfit.by, clock.now());
                // What was cut off before its first line has done nothing, and is begun anew.
                let run = format!("run-{}", store.runs().await.map_err(journal_error)?.len());
                let begun = Live::begin(store, &run, &meta, &plan.locks, clock, publish);
                let mut journal = begun.await?;
                let ending = drive(self.parts.plan(plan), &mut journal, outfit).await;
                journal.close().await;
                ending
            }
            Begin::GoOn(how) => {
                let runs = store.runs().await.map_err(journal_error)?;
                let run = runs.first().map(|row| row.run.clone()).unwrap_or_default();
                let (mut journal, records) = Live::reopen(store, &run, clock, publish).await?;
                stage.read_back(&records);
                let records = self.parts.read_back(records);
                let ending = resume(&records, &mut journal, outfit, how).await;
                journal.close().await;
                ending
            }
        }
    }

    /// A resume after the end does nothing, whoever asks for it.
    async fn resume_after_the_end(&self, theatre: &Arc<Theatre>, ending: Ending) {
        let closed = !matches!(ending, Ending::Held | Ending::Stopped);
        if !closed || is_dry(&theatre.model.plan) {
            return;
        }
        let before = {
            let inner = theatre.inner();
            (inner.durable, inner.writes.len(), inner.sides.clone())
        };
        let stage = theatre.begin(false);
        // A process that does what it should not may be cut off in it.
        let again = tokio::select! {
            biased;
            () = stage.cut_off() => None,
            again = self.process(stage.clone(), Begin::GoOn(GoOn::Finish)) => Some(again),
        };
        let inner = theatre.inner();
        let after = (inner.durable, inner.writes.len(), inner.sides.clone());
        drop(inner);
        if !matches!(again, Some(Ok(again)) if again == ending) || before != after {
            let again = again.map_or("cut off".to_owned(), |again| format!("{again:?}"));
            let what = format!("a resume after {ending:?} wrote lines, or ended as {again}");
            theatre.lapse(Property::ResumeAfterEnd, what);
        }
    }
}

fn journal_error(error: crate::store::StoreError) -> RunError {
    RunError::Journal(error.into())
}

/// Whether it only looks.
pub(super) fn is_dry(plan: &Plan) -> bool {
    matches!(plan.mode, Mode::Check | Mode::Plan)
}

impl Performance {
    /// What the places of the changes hold, in the order of the plan.
    pub fn places<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = (usize, Side)> + 'a {
        let entries = plan.entries.iter().enumerate();
        let changes = entries.filter(|(_, entry)| matches!(entry.nature, Nature::Change(_)));
        changes.map(|(i, _)| (i, self.sides[i]))
    }

    /// Every line that finds no room on the disk, and what the model calls it: the run lives on what was kept in
    /// reserve until its next write on the way there; `None` where none follows.
    pub fn full_disks(&self) -> impl Iterator<Item = (Severed, Option<Twist>)> + '_ {
        (0_u64..).zip(0..self.lines.len()).map(|(line, i)| {
            let next = self.lines[i..].iter().find_map(Line::intends);
            let blow = Blow::Full;
            let stops = next.map(|at| Twist {
                at,
                fault: Fault::DiskFull,
            });
            (Severed { line, blow }, stops)
        })
    }

    /// Every cut of the process around a line of the journal, and what the model calls it.
    pub fn severances(&self) -> impl Iterator<Item = (Severed, Twist)> + '_ {
        let numbered = (0_u64..).zip(&self.lines);
        numbered.flat_map(|(line, said)| {
            let cut = move |blow, twist: Option<Twist>| {
                twist.map(|twist| (Severed { line, blow }, twist))
            };
            [cut(Blow::Before, said.before), cut(Blow::After, said.after)]
                .into_iter()
                .flatten()
        })
    }
}
