//! The loop: asks the machine what comes next, does it, records what happened.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;

use super::look::{Looker, within};
use super::owed;
use super::people::People;
use super::settle::{Settling, describe, settle};
use super::stop::{Stop, StopSignal};
use super::world::{Memory, World};
use crate::clock::Stamp;
use crate::event::{Answer, Decision, Ending, Event, Finding, Round, Sight};
use crate::journal::{Intent, Journal, JournalError, Permit};
use crate::machine::{Hold, Impossible, Move, Phase, Said, Stage, State, next};
use crate::plan::{Direction, Edit, Entry, Mode, Nature, Place, Plan, Value, Way};
use crate::site::Aim;
use crate::step::Pulses;

/// Why a run could not go on. What it wrote so far is in the journal.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the journal does not fit its plan: {0}")]
    Impossible(#[from] Impossible),
    #[error("the journal does not begin with a plan")]
    NoPlan,
    #[error("nothing of this run stands, so there is nothing to put back")]
    NothingStands,
    /// Somebody asked twice to stop, and a write is not settled: a resume looks at it first.
    #[error("stopped while a write was not settled yet")]
    CutOff,
}

/// What a run is given besides its plan and its journal.
pub struct Outfit<'r, W, M, P> {
    pub world: &'r W,
    pub memory: &'r M,
    pub people: &'r P,
    pub stop: StopSignal,
    pub pulses: Pulses,
    /// Who runs it, and where: `root@ops1`.
    pub by: String,
}

/// Runs a plan from its beginning. The journal must be empty.
pub async fn drive<J: Journal, W: World, M: Memory, P: People>(
    plan: Plan,
    journal: &mut J,
    outfit: Outfit<'_, W, M, P>,
) -> Result<Ending, RunError> {
    let started = Event::Started {
        plan: Box::new(plan.clone()),
        by: outfit.by.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let mut run = Run::new(&plan, journal, outfit);
    run.record(started).await?;
    run.go_to_the_end().await
}

/// What became of an intent.
enum Written {
    Answer(Answer),
    WouldBe,
    NoSpace,
}

impl<W: World, M, P> Outfit<'_, W, M, P> {
    /// Writes or acts, under the time-out of the entry. Whoever gives no answer may have done it.
    async fn answer(&self, entry: &Entry, direction: &Direction, permit: Permit<'_>) -> Answer {
        // The side that an act serves is the same on both ways; what it does there is not.
        let aim = match permit.way() {
            Way::There => Aim::there(direction, false),
            Way::Back => Aim::back(direction, false),
        };
        // A slow disk has used up some of the time in which the write may land.
        let left = permit.until().left(&self.world.clock().now());
        let time = left.saturating_sub(self.world.landing(entry));
        if time.is_zero() {
            let why = "it took too long to record the intent, so nothing was sent".to_owned();
            return match entry.nature {
                Nature::Act(_) => Answer::Refused { why },
                // A look shows that nothing was written, and it is written again.
                _ => Answer::Unclear { why },
            };
        }
        let writing = match entry.nature {
            Nature::Act(_) => self.world.act(entry, &aim, permit),
            _ => self.world.write(entry, permit),
        };
        let answer = tokio::time::timeout(time, writing).await;
        answer.unwrap_or_else(|_| Answer::Unclear {
            why: format!("no answer within {}", crate::clock::short(time)),
        })
    }
}

pub(super) struct Run<'r, J, W, M, P> {
    plan: &'r Plan,
    journal: &'r mut J,
    outfit: Outfit<'r, W, M, P>,
    pub(super) state: State,
    baseline: Vec<Sight>,
    /// What the place of the present motion was seen to hold.
    seen: Option<Value>,
    /// Until when the present write may still land.
    until: Option<Stamp>,
    /// The last finding of each entry.
    findings: Vec<Option<(Round, Finding)>>,
    /// A decision that was given beforehand, for the next time that a person is asked.
    pub(super) answer: Option<Foregone>,
}

/// What somebody said beforehand, of one hold and of no other.
#[derive(Clone, Copy)]
pub(super) struct Foregone {
    pub(super) hold: Hold,
    /// Where it must be; `None` is anywhere.
    pub(super) at: Option<(Phase, u16, Option<u16>)>,
    pub(super) decision: Decision,
}

impl<'r, J: Journal, W: World, M: Memory, P: People> Run<'r, J, W, M, P> {
    pub(super) fn new(
        plan: &'r Plan,
        journal: &'r mut J,
        outfit: Outfit<'r, W, M, P>,
    ) -> Run<'r, J, W, M, P> {
        Run {
            plan,
            journal,
            outfit,
            state: State::new(plan),
            baseline: Vec::new(),
            seen: None,
            until: None,
            findings: vec![None; plan.entries.len()],
            answer: None,
        }
    }

    /// Takes in what a fact says beyond the state.
    pub(super) fn take_in(&mut self, event: &Event) -> Result<(), RunError> {
        self.state.fold(self.plan, event)?;
        match event {
            Event::BaselineTaken { sights } => self.baseline.clone_from(sights),
            Event::Intended { until, .. } => self.until = Some(until.clone()),
            Event::Looked {
                entry,
                round,
                finding,
            } => {
                if let Some(slot) = self.findings.get_mut(*entry) {
                    *slot = Some((*round, finding.clone()));
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) async fn record(&mut self, event: Event) -> Result<(), RunError> {
        // Folded first: what the machine refuses must not become a fact.
        self.take_in(&event)?;
        self.journal.record(event).await?;
        Ok(())
    }

    pub(super) async fn go_to_the_end(mut self) -> Result<Ending, RunError> {
        loop {
            if self.outfit.stop.level() > Stop::No && !self.asked_to_stop() {
                let by = self.outfit.by.clone();
                self.record(Event::StopAsked { by }).await?;
            }
            match next(self.plan, &self.state) {
                Move::Look { round, entries } => self.look(round, entries).await?,
                Move::TakeBaseline => {
                    let aim = Aim::there(&self.plan.direction, false);
                    let (stop, pulses) = (self.outfit.stop.clone(), self.outfit.pulses.clone());
                    let looker = self.looker(&[], &stop, &pulses);
                    let sights = looker.take_baseline(&aim).await;
                    self.record(Event::BaselineTaken { sights }).await?;
                }
                Move::Compare { entry, way } => self.compare(entry, way).await?,
                Move::Write { entry, way } => self.write(entry, way).await?,
                Move::Settle { entry, way } => self.settle(entry, way).await?,
                Move::Wait { entry } => self.wait(entry).await?,
                Move::Approve { entry } => self.approve(entry).await?,
                Move::Stay => self.stay().await?,
                Move::Decide { hold } => self.decide(hold).await?,
                Move::End { ending } => {
                    for owed in owed::owed(self.plan, &self.state, ending, &self.findings) {
                        self.record(Event::Owes { owed }).await?;
                    }
                    self.record(Event::Ended { ending }).await?;
                }
                Move::Rest => return Ok(self.state.ended().unwrap_or(Ending::Held)),
            }
        }
    }

    fn asked_to_stop(&self) -> bool {
        self.state.stopping() || self.state.ended().is_some()
    }

    fn looker<'a>(
        &self,
        baseline: &'a [Sight],
        stop: &'a StopSignal,
        pulses: &'a Pulses,
    ) -> Looker<'a, W, M>
    where
        'r: 'a,
    {
        Looker {
            plan: self.plan,
            world: self.outfit.world,
            memory: self.outfit.memory,
            stop,
            pulses,
            baseline,
            decided: watch::Sender::new(false),
        }
    }

    /// Which side a check of this round wants active, and whether the names lead there already.
    fn aim(&self, round: Round, entry: usize) -> Aim {
        // In a dry run nothing moves.
        let behind = self.plan.mode != Mode::Plan
            && (self.plan.first_write()).is_some_and(|first| entry > first);
        let direction = &self.plan.direction;
        match round {
            Round::There => Aim::there(direction, behind),
            Round::Return => Aim::back(direction, behind),
            Round::Probe => Aim::back(direction, false),
            Round::Verify => Aim::back(direction, true),
        }
    }

    /// Looks at a batch, and tells what each check found as soon as it is found.
    async fn look(&mut self, round: Round, entries: Vec<usize>) -> Result<(), RunError> {
        let (stop, pulses) = (self.outfit.stop.clone(), self.outfit.pulses.clone());
        let known = self.baseline.clone();
        let looker = self.looker(&known, &stop, &pulses);
        let aims: Vec<Aim> = entries
            .iter()
            .map(|entry| self.aim(round, *entry))
            .collect();
        let mut looks: FuturesUnordered<_> = entries
            .iter()
            .zip(&aims)
            .map(|(entry, aim)| {
                let looker = &looker;
                async move { (*entry, looker.until_clear(*entry, aim).await) }
            })
            .collect();
        // What must be seen before the first write is looked at meanwhile.
        let early = self.state.lacks_baseline() && round == Round::There;
        let there = Aim::there(&self.plan.direction, false);
        let mut baseline = std::pin::pin!(looker.take_baseline(&there));
        let mut baseline_due = early;
        let mut outcomes = Vec::with_capacity(entries.len());
        while baseline_due || !looks.is_empty() {
            tokio::select! {
                sights = &mut baseline, if baseline_due => {
                    baseline_due = false;
                    self.record(Event::BaselineTaken { sights }).await?;
                }
                Some((entry, finding)) = looks.next() => {
                    outcomes.push((entry, finding.outcome));
                    self.record(Event::Looked { entry, round, finding }).await?;
                }
            }
        }
        // Cut short by somebody who asked to stop: what was not looked at to its end was not judged either.
        if stop.level() >= Stop::AfterWrite {
            return Ok(());
        }
        outcomes.sort_by_key(|(entry, _)| *entry);
        self.record(Event::Judged { round, outcomes }).await
    }

    fn edit(&self, entry: usize) -> Option<&'r Edit> {
        match &self.plan.entries[entry].nature {
            Nature::Change(edit) => Some(edit),
            _ => None,
        }
    }

    async fn compare(&mut self, entry: usize, way: Way) -> Result<(), RunError> {
        let (side, detail) = match self.edit(entry) {
            // Nothing can be read back of an act, so there is nothing to compare.
            None => (None, None),
            Some(edit) => {
                let entry = &self.plan.entries[entry];
                let read = self.outfit.world.read(entry, edit);
                match within(entry.pace.timeout, read).await {
                    Ok(seen) => {
                        let side = edit.side(&seen);
                        let detail = describe(side);
                        self.seen = Some(seen);
                        (Some(side), detail)
                    }
                    Err(unseen) => (None, Some(unseen.detail)),
                }
            }
        };
        self.record(Event::Compared {
            entry,
            way,
            side,
            detail,
        })
        .await
    }

    async fn write(&mut self, index: usize, way: Way) -> Result<(), RunError> {
        let entry = &self.plan.entries[index];
        let (place, from, to) = match self.edit(index) {
            Some(edit) => {
                let (from, to) = edit.along(way);
                let from = self.seen.take().unwrap_or_else(|| from.clone());
                (edit.place.clone(), from, to.clone())
            }
            None => {
                let place = Place {
                    step: entry.step.clone(),
                    name: "act".to_owned(),
                };
                (place, Value::default(), Value::default())
            }
        };
        let world = self.outfit.world;
        let until = world
            .clock()
            .now()
            .plus(entry.pace.timeout + world.landing(entry));
        let intended = Event::Intended {
            entry: index,
            way,
            from: from.clone(),
            to: to.clone(),
            until: until.clone(),
        };
        let intent = Intent {
            entry: index,
            place,
            way,
            from,
            to,
            until,
        };
        let said = match self.journal.intend(intent).await {
            Ok(Some(leave)) => Written::Answer(
                self.outfit
                    .answer(entry, &self.plan.direction, leave.into())
                    .await,
            ),
            Ok(None) => Written::WouldBe,
            Err(JournalError::Full) => Written::NoSpace,
            Err(error) => return Err(error.into()),
        };
        match said {
            Written::Answer(answer) => {
                self.take_in(&intended)?;
                self.record(Event::Answered {
                    entry: index,
                    way,
                    answer,
                })
                .await
            }
            // The dry journal has recorded it.
            Written::WouldBe => self.take_in(&Event::WouldChange { entry: index }),
            // What is kept in reserve is for the way back: the run stops, and can be resumed or put back.
            Written::NoSpace => {
                let by = "the full disk".to_owned();
                self.record(Event::StopAsked { by }).await
            }
        }
    }

    async fn settle(&mut self, index: usize, way: Way) -> Result<(), RunError> {
        let Some(edit) = self.edit(index) else {
            // An act in flight is met only by a resume, which decides without looking.
            return Err(Impossible { event: "settled" }.into());
        };
        let said = match self.state.motion().map(|motion| motion.stage) {
            Some(Stage::Answered(said)) => Some(said),
            _ => None::<Said>,
        };
        let entry = &self.plan.entries[index];
        let now = self.outfit.world.clock().now();
        // After a reboot only the wall clock tells, and it may be wrong by years: no intent lasts that long.
        let longest = entry.pace.timeout + self.outfit.world.landing(entry);
        let until = match &self.until {
            Some(until) if until.left(&now) <= longest => until.clone(),
            Some(_) => now.plus(longest),
            None => now,
        };
        let settling = Settling {
            entry,
            edit,
            way,
            said,
            until: &until,
        };
        settling.announce(index, &self.outfit.pulses);
        let outfit = &self.outfit;
        let Some(settlement) = settle(outfit.world, &settling, &outfit.stop, &outfit.pulses).await
        else {
            return Err(RunError::CutOff);
        };
        self.seen = settlement.seen;
        self.record(Event::Settled {
            entry: index,
            way,
            side: settlement.side,
            detail: settlement.detail,
        })
        .await
    }

    async fn wait(&mut self, entry: usize) -> Result<(), RunError> {
        let Nature::Wait { time } = self.plan.entries[entry].nature else {
            return Err(Impossible { event: "waited" }.into());
        };
        // A dry run has nothing to wait for.
        if self.plan.mode == Mode::Plan || self.sleep_unless_stopped(Some(entry), time).await {
            self.record(Event::Waited { entry }).await?;
        }
        Ok(())
    }

    /// Sleeps, and returns whether the time is up; a request to stop wakes it.
    async fn sleep_unless_stopped(&self, entry: Option<usize>, time: Duration) -> bool {
        let clock = self.outfit.world.clock();
        self.outfit.pulses.send(crate::event::Pulse {
            entry,
            note: "waiting".to_owned(),
            until: Some(clock.now().plus(time)),
            fraction: None,
        });
        tokio::select! {
            () = clock.sleep(time) => true,
            () = self.outfit.stop.at_least(Stop::AfterWrite) => false,
        }
    }

    async fn approve(&mut self, entry: usize) -> Result<(), RunError> {
        let Nature::Ask { question } = &self.plan.entries[entry].nature else {
            return Err(Impossible { event: "approved" }.into());
        };
        if self.plan.mode == Mode::Plan {
            // Nobody is asked in a dry run.
            let by = "dry run".to_owned();
            let yes = true;
            return self.record(Event::Approved { entry, yes, by }).await;
        }
        let people = self.outfit.people;
        let answer = tokio::select! {
            answer = people.approve(&self.plan.entries[entry], question) => Some(answer),
            () = self.outfit.stop.at_least(Stop::AfterWrite) => None,
        };
        match answer {
            Some((yes, by)) => self.record(Event::Approved { entry, yes, by }).await,
            None => Ok(()),
        }
    }

    async fn stay(&mut self) -> Result<(), RunError> {
        debug_assert_eq!(self.state.phase(), Phase::Stay);
        let people = self.outfit.people;
        let event = tokio::select! {
            over = self.sleep_unless_stopped(None, self.plan.hold) => {
                over.then(|| Event::HoldOver { by: "the clock".to_owned() })
            }
            (decision, by) = people.end_stay() => Some(match decision {
                Decision::Back => Event::Decided { decision, by },
                Decision::On | Decision::Again | Decision::Stop => Event::HoldOver { by },
            }),
        };
        match event {
            Some(event) => self.record(event).await,
            None => Ok(()),
        }
    }

    async fn decide(&mut self, hold: Hold) -> Result<(), RunError> {
        let here = self.state.position();
        let fits = |said: &mut Foregone| said.hold == hold && said.at.is_none_or(|at| at == here);
        if let Some(Foregone { decision, .. }) = self.answer.take_if(fits) {
            let by = self.outfit.by.clone();
            return self.record(Event::Decided { decision, by }).await;
        }
        let people = self.outfit.people;
        let answer = tokio::select! {
            answer = people.decide(hold) => Some(answer),
            () = self.outfit.stop.at_least(Stop::AfterWrite) => None,
        };
        match answer {
            Some((decision, by)) => self.record(Event::Decided { decision, by }).await,
            None => Ok(()),
        }
    }
}
