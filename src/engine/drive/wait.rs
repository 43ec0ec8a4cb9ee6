//! What a run waits for: time, and people.

use std::time::Duration;

use super::{Foregone, Run, RunError, decided};
use crate::engine::people::People;
use crate::engine::stop::Stop;
use crate::engine::world::{Memory, World};
use crate::event::{Decision, Event};
use crate::journal::Journal;
use crate::machine::{Hold, Impossible, Phase};
use crate::plan::{Mode, Nature};
use crate::words::list;

impl<J: Journal, W: World, M: Memory, P: People> Run<'_, J, W, M, P> {
    pub(super) async fn wait(&mut self, entry: usize) -> Result<(), RunError> {
        let Nature::Wait { time } = self.plan.entries[entry].nature else {
            return Err(Impossible { event: "waited" }.into());
        };
        // A dry run has nothing to wait for.
        let over = self.plan.mode == Mode::Plan
            || tokio::select! {
                over = self.sleep_unless_stopped(Some(entry), time) => over,
                () = self.told() => false,
            };
        if over {
            self.record(Event::Waited { entry }).await?;
        }
        Ok(())
    }

    /// Sleeps, and returns whether the time is up; a request to stop wakes it.
    async fn sleep_unless_stopped(&self, entry: Option<usize>, time: Duration) -> bool {
        let clock = self.outfit.world.clock();
        self.outfit.pulses.send(crate::event::Pulse {
            entry,
            note: String::new(),
            until: Some(clock.now().plus(time)),
            fraction: None,
        });
        tokio::select! {
            () = clock.sleep(time) => true,
            () = self.outfit.stop.at_least(Stop::AfterWrite) => false,
        }
    }

    pub(super) async fn approve(&mut self, entry: usize) -> Result<(), RunError> {
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
            () = self.told() => None,
            () = self.outfit.stop.at_least(Stop::AfterWrite) => None,
        };
        match answer {
            Some((Some(yes), by)) => self.record(Event::Approved { entry, yes, by }).await,
            // Nobody declined: whoever resumes it is asked.
            Some((None, by)) => self.record(Event::StopAsked { by }).await,
            None => Ok(()),
        }
    }

    pub(super) async fn stay(&mut self) -> Result<(), RunError> {
        debug_assert_eq!(self.state.phase(), Phase::Stay);
        let people = self.outfit.people;
        let may_remain = self.state.may_remain(self.plan);
        let event = tokio::select! {
            over = self.sleep_unless_stopped(None, self.plan.hold) => {
                over.then(|| Event::HoldOver { by: "the clock".to_owned() })
            }
            told = people.end_stay(may_remain) => Some(match told.decision {
                Decision::Back | Decision::Stay => return self.decides(told).await,
                Decision::Stop => Event::StopAsked { by: told.by },
                Decision::On | Decision::Again => Event::HoldOver { by: told.by },
            }),
        };
        match event {
            Some(event) => self.record(event).await,
            None => Ok(()),
        }
    }

    /// What somebody who accepted something beforehand is told where it does not cover what the run is held for.
    fn is_newer_than_accepted(&self) -> Option<String> {
        let accepted = |said: &&Foregone| said.decision == Decision::On;
        let (_, of) = self.answers.iter().find(accepted)?.at.as_ref()?;
        let newer: Vec<String> = (of.lacks(&self.shown).into_iter())
            .map(|entry| format!("`{}`", self.plan.entries[entry].id))
            .collect();
        let what = match newer.as_slice() {
            [] => "this is another hold than the one that was accepted".to_owned(),
            newer => format!(
                "what was accepted is what was shown at the hold before, and not {}, which is new since",
                list(newer)
            ),
        };
        Some(format!(
            "{what}: look at it; whoever accepts that as well says so again"
        ))
    }

    pub(super) async fn decide(&mut self, hold: Hold) -> Result<(), RunError> {
        let here = self.state.position();
        let fits = |said: &Foregone| said.answers(hold, here, &self.shown);
        if let Some(at) = self.answers.iter().position(fits) {
            let (decision, by) = (self.answers[at].decision, self.answers[at].by.clone());
            if self.answers[at].is_used_up(hold, here) {
                self.answers.swap_remove(at);
            }
            return self.record(decided(decision, by)).await;
        }
        let people = self.outfit.people;
        if let Some(newer) = self.is_newer_than_accepted() {
            people.hear(&newer);
        }
        let may_remain = self.state.may_remain(self.plan);
        let answer = tokio::select! {
            answer = people.decide(hold, may_remain) => Some(answer),
            () = self.outfit.stop.at_least(Stop::AfterWrite) => None,
        };
        match answer {
            Some(told) => self.decides(told).await,
            None => Ok(()),
        }
    }
}
