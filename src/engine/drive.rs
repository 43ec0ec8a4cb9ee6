//! The loop: asks the machine what comes next, does it, records what happened.

mod foregone;
mod wait;
mod write;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;

use super::accept::{Shown, accept};
use super::findings::Findings;
use super::look::{Looker, Wanted, aim};
use super::owed::{Places, owed};
use super::people::{Heeds, People, Told};
use super::stop::{Stop, StopSignal, StopSwitch};
use super::world::{Memory, World};
use crate::clock::Stamp;
use crate::event::{Decision, Ending, Event, Round, Sight};
use crate::journal::{Journal, JournalError};
use crate::machine::{Impossible, Move, Phase, State, next};
use crate::plan::{Edit, Mode, Nature, Outcome, Plan, Side, Value, Way};
use crate::site::Aim;
use crate::step::Pulses;

pub(super) use foregone::{Foregone, back_anyway};

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
    #[error(
        "what was not put back was left as it is, as a person decided; this run puts back no more, and a new run starts \
         from what there is now"
    )]
    LeftToOthers,
    #[error(
        "only a drill that has come to its hold and put nothing back yet, and a run that had ended and was to be put back, \
         can be left where it is for good; what was told so already goes on with that by a plain `resume`"
    )]
    CannotRemain,
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
    let started = started(&plan, &outfit.by);
    let mut run = Run::new(&plan, journal, outfit);
    run.record(started).await?;
    run.go_to_the_end().await
}

/// Why a failover could not begin now, whatever the checks say, and how it would end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    pub ending: Ending,
    pub why: String,
}

/// Runs a plan that only looks. Where it is about to end, what else would stop a failover is asked of `bars`, so that
/// how it ends is how a failover would.
pub async fn drive_dry<J: Journal, W: World, M: Memory, P: People>(
    plan: Plan,
    journal: &mut J,
    outfit: Outfit<'_, W, M, P>,
    bars: impl Future<Output = Vec<Bar>>,
) -> Result<Ending, RunError> {
    let started = started(&plan, &outfit.by);
    let mut run = Run::new(&plan, journal, outfit);
    run.record(started).await?;
    run.go_until_it_ends().await?;
    if run.state.closing().is_some() {
        let stop = run.outfit.stop.clone();
        let bars = tokio::select! {
            bars = bars => bars,
            () = stop.at_least(Stop::AfterWrite) => Vec::new(),
        };
        for Bar { ending, why } in bars {
            run.record(Event::Barred { ending, why }).await?;
        }
    }
    run.go_to_the_end().await
}

fn started(plan: &Plan, by: &str) -> Event {
    Event::Started {
        plan: Box::new(plan.clone()),
        by: by.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
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
    /// What is ours of the place of the present motion, where somebody else wrote the rest of it.
    ours: Option<Edit>,
    /// The changes of which another TTL was stored than was asked, as they were made.
    pub(super) made: BTreeMap<usize, Edit>,
    /// The entry whose write may still land, and until when.
    until: Option<(usize, Stamp)>,
    findings: Findings,
    places: Places,
    /// What the last hold for a finding was for: a decision on it covers that and nothing newer.
    pub(super) shown: Shown,
    /// What a person went on over since the last write.
    pub(super) accepted: Shown,
    /// Decisions that were given beforehand, for when a person is asked.
    pub(super) answers: Vec<Foregone>,
}

/// A decision as this version means it.
pub(super) fn decided(decision: Decision, by: String) -> Event {
    Event::Decided {
        decision,
        by,
        parts: true,
    }
}

/// Ends looks as the run is asked to end, and where somebody has told it something that it heeds.
async fn ends_looks(asked: &StopSignal, told: impl Future<Output = ()>, switch: StopSwitch) {
    tokio::select! {
        () = asked.at_least(Stop::AfterWrite) => {}
        () = told => {}
    }
    switch.ask();
    asked.at_least(Stop::Now).await;
    switch.ask();
    std::future::pending().await
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
            ours: None,
            made: BTreeMap::new(),
            until: None,
            findings: Findings::default(),
            places: Places::default(),
            shown: Shown::default(),
            accepted: Shown::default(),
            answers: Vec::new(),
        }
    }

    /// Takes in what a fact says beyond the state.
    pub(super) fn take_in(&mut self, event: &Event) -> Result<(), RunError> {
        self.places.take_in(&self.state, event);
        match event {
            Event::Decided {
                decision: Decision::On,
                ..
            } if self.state.motion().is_none() => {
                self.accepted = std::mem::take(&mut self.accepted).and(&self.shown);
            }
            Event::Intended { .. } => self.accepted = Shown::default(),
            _ => {}
        }
        self.state.fold(self.plan, event)?;
        // It was looked at until nothing could land any more.
        if matches!(event, Event::Settled { .. } | Event::Overtaken { .. }) {
            self.until = None;
        }
        if let Event::Compared {
            entry,
            side: Some(_),
            ..
        }
        | Event::Settled {
            entry,
            side: Some(_),
            ..
        }
        | Event::Overtaken { entry, .. } = event
        {
            self.findings.forget(*entry);
        }
        match event {
            Event::BaselineTaken { sights } => self.baseline.clone_from(sights),
            Event::Intended { entry, until, .. } => self.until = Some((*entry, until.clone())),
            Event::Settled {
                entry,
                way: Way::There,
                side: Some(Side::After | Side::Mixed),
                stored,
                ..
            } if !stored.is_empty() => {
                if let Some(mut edit) = self.edit(*entry).map(Cow::into_owned) {
                    edit.take_over(stored);
                    self.made.insert(*entry, edit);
                }
            }
            // Nothing of it is on its way.
            Event::Answered { answer, .. } if answer.is_final_no() => self.until = None,
            Event::Judged { round, outcomes } => {
                self.shown = Shown::of(self.plan, *round, outcomes, &self.findings);
                // A place that holds what it should is told by this alone.
                for (entry, outcome) in outcomes {
                    if *outcome == Outcome::Pass && !self.plan.entries[*entry].is_check() {
                        self.findings.forget(*entry);
                    }
                }
            }
            Event::Looked {
                entry,
                round,
                finding,
            } => self.findings.keep(*round, *entry, finding.clone()),
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
        if let Some(ending) = self.go_until_it_ends().await? {
            for owed in owed(self.plan, &self.state, ending, &self.findings, &self.places) {
                self.record(Event::Owes { owed }).await?;
            }
            self.record(Event::Ended { ending }).await?;
        }
        Ok(self.state.ended().unwrap_or(Ending::Held))
    }

    /// Goes on until only its end is to be recorded; `None` where it was.
    async fn go_until_it_ends(&mut self) -> Result<Option<Ending>, RunError> {
        loop {
            // First: a run that stops before it goes back has heard that it shall, and a resume goes on with that.
            if self.turns().await? {
                continue;
            }
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
                    let sights = looker.take_baseline(&aim, &[]).await;
                    self.record(Event::BaselineTaken { sights }).await?;
                }
                Move::Compare { entry, way } => self.compare(entry, way).await?,
                Move::Write { entry, way } => self.write(entry, way).await?,
                Move::Settle { entry, way } => self.settle(entry, way).await?,
                Move::Wait { entry } => self.wait(entry).await?,
                Move::Approve { entry } => self.approve(entry).await?,
                Move::Stay => self.stay().await?,
                Move::Decide { hold } => self.decide(hold).await?,
                Move::End { ending } => return Ok(Some(ending)),
                Move::Rest => return Ok(None),
            }
        }
    }

    /// Whether somebody asked to go back, or to remain, and it does. Where nothing was written, it is over.
    async fn turns(&mut self) -> Result<bool, RunError> {
        let heeds = self.heeds();
        if !heeds.any() {
            return Ok(false);
        }
        let Some(told) = self.outfit.people.said(heeds).await else {
            return Ok(false);
        };
        match self.state.wrote() {
            true => self.decides(told).await?,
            false => self.record(Event::StopAsked { by: told.by }).await?,
        }
        Ok(true)
    }

    fn heeds(&self) -> Heeds {
        let looks_only = matches!(self.plan.mode, Mode::Check | Mode::Plan);
        let may = !looks_only && !self.asked_to_stop();
        Heeds {
            back: may && !self.state.phase().undoes(),
            stay: may && self.state.may_remain(self.plan),
        }
    }

    /// Resolves when somebody wants everything put back that still can be, or that it remains: it ends each wait.
    fn told(&self) -> impl Future<Output = ()> + use<'r, J, W, M, P> {
        let (heeds, people) = (self.heeds(), self.outfit.people);
        async move {
            match heeds.any() {
                true => people.hears(heeds).await,
                false => std::future::pending().await,
            }
        }
    }

    /// Does as somebody says.
    async fn decides(&mut self, told: Told) -> Result<(), RunError> {
        if told.anyway {
            self.answers.extend(back_anyway(&told.by));
        }
        self.record(decided(told.decision, told.by)).await
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
            once: false,
            decided: watch::Sender::new(false),
            theirs: watch::Sender::new(false),
            before: Mutex::default(),
        }
    }

    /// What a look wants to see.
    fn wanted(&self, round: Round, entry: usize) -> Wanted {
        match (
            &self.plan.entries[entry].nature,
            self.state.mark(entry).claims(),
        ) {
            (Nature::Change(_), Some(side)) => {
                Wanted::Holds(side, self.made.get(&entry).cloned().map(Box::new))
            }
            _ => Wanted::Aim(aim(self.plan, round, entry)),
        }
    }

    /// Looks at a batch, and tells what each check found as soon as it is found.
    async fn look(&mut self, round: Round, entries: Vec<usize>) -> Result<(), RunError> {
        let (asked, pulses) = (self.outfit.stop.clone(), self.outfit.pulses.clone());
        let (switch, stop) = StopSwitch::new();
        let mut ends = std::pin::pin!(ends_looks(&asked, self.told(), switch));
        let known = self.baseline.clone();
        let mut looker = self.looker(&known, &stop, &pulses);
        let accepted = self.state.phase() == Phase::Accept;
        looker.once = accepted || round == Round::Verify && self.plan.mode == Mode::Emergency;
        // What was left to somebody else is not as before, however long that is waited for.
        (looker.theirs).send_replace(round == Round::Verify && self.state.left_something());
        let wanted: Vec<Wanted> = (entries.iter())
            .map(|entry| self.wanted(round, *entry))
            .collect();
        let mut looks: FuturesUnordered<_> = (entries.iter().zip(&wanted))
            .map(|(entry, wanted)| {
                let looker = &looker;
                async move { (*entry, looker.until_clear(*entry, wanted).await) }
            })
            .collect();
        // What must be seen before the first write is looked at meanwhile.
        let early = self.state.lacks_baseline() && round == Round::There;
        let there = Aim::there(&self.plan.direction, false);
        let mut baseline = std::pin::pin!(looker.take_baseline(&there, &entries));
        let mut baseline_due = early;
        let mut sights = Vec::new();
        let mut outcomes = Vec::with_capacity(entries.len());
        while baseline_due || !looks.is_empty() {
            tokio::select! {
                () = &mut ends => {}
                taken = &mut baseline, if baseline_due => {
                    baseline_due = false;
                    sights = taken;
                }
                Some((entry, finding)) = looks.next() => {
                    // Cut short: nothing was found.
                    let Some(mut finding) = finding else {
                        continue;
                    };
                    if accepted && self.shown.covers(self.plan, entry, &finding) {
                        finding = accept(finding);
                    }
                    outcomes.push((entry, finding.outcome));
                    // What was found so was told of with the checks.
                    let place = !self.plan.entries[entry].is_check()
                        || self.state.phase() == Phase::Reread;
                    // A place that holds what it should was told of when it was written.
                    if !place || finding.outcome != Outcome::Pass {
                        self.record(Event::Looked { entry, round, finding }).await?;
                    }
                }
            }
        }
        drop(looks);
        if early {
            let before = std::mem::take(
                &mut *(looker.before.lock()).unwrap_or_else(PoisonError::into_inner),
            );
            sights.extend(before.into_values().flatten());
            self.record(Event::BaselineTaken { sights }).await?;
        }
        // Cut short by somebody who asked: what was not looked at to its end was not judged either.
        if stop.level().max(asked.level()) >= Stop::AfterWrite {
            return Ok(());
        }
        outcomes.sort_by_key(|(entry, _)| *entry);
        self.record(Event::Judged { round, outcomes }).await
    }
}

#[cfg(test)]
mod tests;
