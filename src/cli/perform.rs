//! Performs a run: journal, displays, signals, the loop, and what is said at the end.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::came_back::code_of;
use super::common::{Desk, Failure, from_the_root, size};
use super::keyboard::{count_unread_lines, interactive, typed_lines};
use super::people::Present;
use super::plan::commands;
use super::signals::{Notices, Signals};
use super::{Exit, Format};
use crate::engine::{
    Actual, Bar, GoOn, NoMemory, Nobody, Outfit, Remembered, RunError, StopSignal, drive,
    drive_dry, may_go_on, resume,
};
use crate::event::{Ending, Record};
use crate::journal::{Dry, JournalError, Live, Meta, run_id};
use crate::plan::{Given, Plan};
use crate::report::{
    Bars, Fanout, JournalLost, JsonLines, Lines, MustEnd, Names, Reporter, Style, Tally, Times,
    by_hand, render,
};
use crate::step::Pulses;
use crate::store::Store;

/// How long the displays may take to show what is left.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a live run is given.
pub(super) struct Performance<'a> {
    pub desk: &'a Desk,
    pub actual: &'a Actual,
    pub store: Arc<dyn Store>,
    /// The playbook as it was typed.
    pub playbook: String,
    /// What was asked for beside it.
    pub given: Given,
    /// What must end before a failover may begin.
    pub first: MustEnd,
    /// A drill of the same would come back.
    pub comes_back: bool,
    /// Questions are answered with yes beforehand.
    pub yes: bool,
}

/// What stays of a run that only looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Its journal, and what it saw.
    All,
    /// What it saw, as the baseline of an emergency; no entry in the history.
    Sights,
    Nothing,
}

/// What a run that only looks has recorded so far.
pub(super) type Seen = Arc<Mutex<Vec<Record>>>;

/// All of it.
pub(super) fn all(seen: &Seen) -> Vec<Record> {
    seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The displays of a run.
pub(super) struct Displays {
    fanout: Arc<Fanout>,
    /// Set before they close, where the journal is lost.
    lost: JournalLost,
}

impl Displays {
    /// The same, where nobody reads what is typed.
    pub(super) fn unattended(
        desk: &Desk,
        names: Names,
        past: &[Record],
    ) -> Result<Displays, Failure> {
        count_unread_lines();
        Displays::start(desk, names, past)
    }

    /// Bars on a terminal, plain lines in a pipe, or one event per line.
    fn start(desk: &Desk, names: Names, past: &[Record]) -> Result<Displays, Failure> {
        let out = std::io::stdout();
        let style = desk.style();
        let lost = names.journal.clone();
        let reporter: Box<dyn Reporter> = match desk.format {
            Format::Json => Box::new(JsonLines::new(out)),
            Format::Nagios | Format::Junit | Format::Github => return Displays::none(desk),
            Format::Text if desk.moves() => {
                let clock = desk.clock.clone();
                let bars = Bars::new(out, Box::new(size), clock, style, names);
                Box::new(bars.minding(typed_lines).knowing(past))
            }
            Format::Text => Box::new(Lines::new(out, style, Times::OfDay, names).knowing(past)),
        };
        let displays = Displays::of(desk, vec![("standard output".to_owned(), reporter)])?;
        Ok(Displays { lost, ..displays })
    }

    /// Nothing is shown.
    pub(super) fn none(desk: &Desk) -> Result<Displays, Failure> {
        Displays::of(desk, Vec::new())
    }

    fn of(desk: &Desk, reporters: Vec<(String, Box<dyn Reporter>)>) -> Result<Displays, Failure> {
        // A reader that goes away is no news: the run goes on, and `show` tells the rest.
        let fanout = Fanout::start(reporters, desk.on_lost_display());
        fanout
            .map(|fanout| Displays {
                fanout: Arc::new(fanout),
                lost: JournalLost::default(),
            })
            .map_err(|error| {
                Failure::new(Exit::Error, format!("failed to start a display: {error}"))
            })
    }

    fn publisher(&self) -> crate::journal::Publisher {
        self.fanout.publisher()
    }

    fn pulses(&self) -> Pulses {
        let to = self.fanout.pulses();
        Pulses::new(move |pulse| to(pulse))
    }

    /// Says something at once: between the moving lines where there are some, else on standard error.
    fn notices(&self, desk: &Desk) -> Notices {
        let bars = desk.format == Format::Text && desk.moves();
        let to = self.fanout.notices();
        Box::new(move |text| {
            if bars {
                to(text);
            }
            let mut err = std::io::stderr().lock();
            if !bars || !err.is_terminal() {
                let _gone = writeln!(err, "\ncutover: {text}");
            }
        })
    }

    pub(super) fn show(&self, record: &Record) {
        (self.fanout.publisher())(record);
    }

    /// Waits until everything is shown that has happened, before somebody is asked about it.
    fn caught_up(&self) -> Arc<dyn Fn() + Send + Sync> {
        let fanout = Arc::clone(&self.fanout);
        Arc::new(move || {
            fanout.caught_up(PATIENCE);
        })
    }

    pub(super) fn close(self) {
        self.fanout.close(PATIENCE);
    }
}

/// What a run comes to, kept beside its journal, and who shows each record. The displays begin once the journal is
/// open: whoever may not write it, as another process does, has nothing to tell of the run.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<(Tally, Option<crate::journal::Publisher>)>>);

impl Told {
    fn with<T>(
        &self,
        with: impl FnOnce(&mut (Tally, Option<crate::journal::Publisher>)) -> T,
    ) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn begin(&self, displays: &Displays, past: &[Record]) {
        self.with(|told| *told = (Tally::of(past), Some(displays.publisher())));
    }

    fn publisher(&self) -> crate::journal::Publisher {
        let told = self.clone();
        Arc::new(move |record| {
            let show = told.with(|(tally, show)| {
                tally.fold(record);
                show.clone()
            });
            if let Some(show) = show {
                show(record);
            }
        })
    }

    fn tally(&self) -> Tally {
        self.with(|(tally, _)| tally.clone())
    }
}

/// What a run on the screen is carried out with.
type Shown<'a> = Outfit<'a, Actual, Remembered, Present>;

impl Performance<'_> {
    /// Carries out a plan.
    pub(super) async fn live(&self, plan: Plan) -> Result<Exit, Failure> {
        let run = run_id(&self.desk.clock.now(), plan.mode);
        let meta = self.meta(&plan);
        let told = Told::default();
        let begun = Live::begin(
            Arc::clone(&self.store),
            &run,
            &meta,
            &plan.locks,
            self.desk.clock.clone(),
            told.publisher(),
        );
        let opened = (begun.await?, &[][..]);
        let go = async |journal: &mut Live, outfit: Shown<'_>| drive(plan, journal, outfit).await;
        self.shown(&run, meta.by, opened, &told, false, go).await
    }

    /// Goes on with a run, or puts it back.
    pub(super) async fn again(&self, run: &str, how: GoOn) -> Result<Exit, Failure> {
        let past = crate::journal::read(&*self.store, run).await?;
        // What cannot be done is said alone, without the story of the run.
        may_go_on(&past, how).map_err(|error| self.failure(run, &error))?;
        let back = match how {
            GoOn::Back | GoOn::BackAnyway => true,
            GoOn::Finish | GoOn::Accept | GoOn::Stay => Tally::of(&past).is_on_its_way_back(),
        };
        let (store, told) = (Arc::clone(&self.store), Told::default());
        let reopened = Live::reopen(store, run, self.desk.clock.clone(), told.publisher());
        let (journal, records) = reopened.await?;
        let go = async |journal: &mut Live, outfit: Shown<'_>| {
            resume(&records, journal, outfit, how).await
        };
        let opened = (journal, &records[..]);
        self.shown(run, self.desk.by(), opened, &told, back, go)
            .await
    }

    /// Shows what an open journal takes in, and asks and listens for it, while `go` carries the run out. `back`: it was
    /// to be put back.
    async fn shown(
        &self,
        run: &str,
        by: String,
        (mut journal, records): (Live, &[Record]),
        told: &Told,
        back: bool,
        go: impl AsyncFnOnce(&mut Live, Shown<'_>) -> Result<Ending, RunError>,
    ) -> Result<Exit, Failure> {
        let displays = self.displays(run, records)?;
        told.begin(&displays, records);
        let (_signals, stop) = Signals::listen(self.desk, run, displays.notices(self.desk))
            .map_err(|e| Failure::new(Exit::Error, e))?;
        let memory = Remembered(Arc::clone(&self.store));
        let people = self.people(run, &by, &displays);
        let outfit = Outfit {
            world: self.actual,
            memory: &memory,
            people: &people,
            stop,
            pulses: displays.pulses(),
            by,
        };
        let result = go(&mut journal, outfit).await;
        journal.close().await;
        self.end_of_writer(displays, run, result, told, back).await
    }

    /// Looks, and changes nothing: a check or a dry run. What is recorded is added to `records` as it comes; `bars` tells
    /// what else would stop a failover.
    pub(super) async fn dry(
        &self,
        plan: Plan,
        keep: Keep,
        shown: bool,
        records: &Seen,
        bars: impl Future<Output = Vec<Bar>>,
    ) -> Result<Exit, Failure> {
        let run = run_id(&self.desk.clock.now(), plan.mode);
        let meta = self.meta(&plan);
        let names = self.names(&run).kept(keep == Keep::All);
        let displays = match shown {
            true => Displays::unattended(self.desk, names, &[])?,
            false => Displays::none(self.desk)?,
        };
        let show = displays.publisher();
        let records = Arc::clone(records);
        let publish: crate::journal::Publisher = Arc::new(move |record| {
            show(record);
            records
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(record.clone());
        });
        let clock = self.desk.clock.clone();
        let mut journal = match keep {
            Keep::All => Dry::kept(Arc::clone(&self.store), &run, &meta, clock, publish).await?,
            Keep::Sights | Keep::Nothing => Dry::shown(clock, publish),
        };
        let (_signals, stop) = Signals::listen(self.desk, &run, displays.notices(self.desk))
            .map_err(|e| Failure::new(Exit::Error, e))?;
        let remembered = Remembered(Arc::clone(&self.store));
        let by = meta.by;
        let result = match keep {
            Keep::All | Keep::Sights => {
                let outfit = self.looking(&remembered, stop, &displays, by);
                drive_dry(plan, &mut journal, outfit, bars).await
            }
            Keep::Nothing => {
                let outfit = self.looking(&NoMemory, stop, &displays, by);
                drive_dry(plan, &mut journal, outfit, bars).await
            }
        };
        journal.close().await;
        self.end(displays, &run, result).await
    }

    /// What a run that asks nobody is given.
    fn looking<'m, M>(
        &'m self,
        memory: &'m M,
        stop: StopSignal,
        displays: &Displays,
        by: String,
    ) -> Outfit<'m, Actual, M, Nobody> {
        Outfit {
            world: self.actual,
            memory,
            people: &Nobody,
            stop,
            pulses: displays.pulses(),
            by,
        }
    }

    fn displays(&self, run: &str, past: &[Record]) -> Result<Displays, Failure> {
        match interactive() {
            true => Displays::start(self.desk, self.names(run), past),
            false => Displays::unattended(self.desk, self.names(run), past),
        }
    }

    fn names(&self, run: &str) -> Names {
        Names::new(run, &self.playbook)
            .with_state(self.desk.state_to_type())
            .with_somebody(interactive())
            .with_given(self.given.clone())
            .with_first(self.first.clone())
            .coming_back(self.comes_back)
    }

    fn people(&self, run: &str, by: &str, displays: &Displays) -> Present {
        let store = Arc::clone(&self.store);
        let clock = self.desk.clock.clone();
        let people = Present::new(store, clock, run, by, self.yes, displays.caught_up());
        // The moving lines say it themselves; a line in between would disturb them.
        let bars = self.desk.format == Format::Text && self.desk.moves();
        people.inviting(!bars)
    }

    fn meta(&self, plan: &Plan) -> Meta {
        Meta {
            file: Some(from_the_root(&self.playbook)),
            given: Given {
                plan: self.given.plan.as_deref().map(from_the_root),
                ..self.given.clone()
            },
            ..Meta::of(plan, self.desk.by(), self.desk.clock.now())
        }
    }

    /// The same for a run that writes: where its journal is lost, the way back is on the screen. `back`: it was to be put
    /// back.
    async fn end_of_writer(
        &self,
        displays: Displays,
        run: &str,
        result: Result<Ending, RunError>,
        told: &Told,
        back: bool,
    ) -> Result<Exit, Failure> {
        let lost = is_lost(&result);
        let tally = told.tally();
        let found = lost && self.is_found(run, &tally).await;
        if lost && !found {
            displays.lost.set();
        }
        let ended = self.end(displays, run, result).await;
        let failure = match ended {
            Ok(Exit::Undone) => return Ok(code_of(&told.tally(), back)),
            Ok(exit) => return Ok(exit),
            Err(failure) => failure,
        };
        if !lost {
            return Err(failure);
        }
        let commands = tally.plan().map(|plan| commands(self.actual, plan));
        let rollback = found.then(|| self.desk.to_type(&format!("rollback {run}")));
        let commands = commands.unwrap_or_default();
        let lines = by_hand(&tally, &commands, rollback.as_deref(), &Style::plain());
        self.desk.say(render(&lines, &Style::plain()).trim_end());
        Err(Failure {
            exit: match tally.anything_stands() {
                true => Exit::Held,
                false => failure.exit,
            },
            ..failure
        })
    }

    /// Whether whoever opens the state folder now finds all that this run told.
    async fn is_found(&self, run: &str, told: &Tally) -> bool {
        let Ok(store) = self.desk.store_that_is_there() else {
            return false;
        };
        let found = crate::journal::read(&*store, run).await;
        found.is_ok_and(|records| Tally::of(&records).standing_entries() == told.standing_entries())
    }

    /// Shows what is left, closes what is open, and says how it ended.
    async fn end(
        &self,
        displays: Displays,
        run: &str,
        result: Result<Ending, RunError>,
    ) -> Result<Exit, Failure> {
        displays.close();
        self.actual.site.exec.close().await;
        match result {
            Ok(ending) => Ok(ending.into()),
            Err(RunError::CutOff) => Err(Failure::new(
                Exit::Stopped,
                format!(
                    "{}; {} looks at it first",
                    RunError::CutOff,
                    self.desk.to_type(&format!("resume {run}"))
                ),
            )),
            Err(error) => Err(self.failure(run, &error)),
        }
    }

    fn failure(&self, run: &str, error: &RunError) -> Failure {
        if lost_by(error) {
            return Failure::new(Exit::Error, error);
        }
        if matches!(error, RunError::NothingStands | RunError::LeftToOthers) {
            return Failure::new(Exit::Refused, error);
        }
        let show = self.desk.to_type(&format!("show {run}"));
        Failure::new(
            Exit::Error,
            format!("{error}; {show} tells how far it came"),
        )
    }
}

/// Whether a run lost its journal: it cannot be written any more, or not where anybody finds it.
fn is_lost(result: &Result<Ending, RunError>) -> bool {
    result.as_ref().is_err_and(lost_by)
}

fn lost_by(error: &RunError) -> bool {
    matches!(
        error,
        RunError::Journal(JournalError::Gone(_) | JournalError::Write(_) | JournalError::Store(_))
    )
}
