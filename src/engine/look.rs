//! Looks at a batch of checks: side by side, each look under its deadline, each check until its own.

mod lack;
mod row;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use serde_json::Value as Json;
use tokio::sync::watch;

use self::row::Row;
use super::place;
use super::stop::{Stop, StopSignal};
use super::world::{Memory, World};
use crate::event::{Cause, Finding, Pulse, Round, Sight, Unseen};
use crate::plan::{Edit, Entry, Mode, Nature, Outcome, Plan, Seconds, Side, Then};
use crate::site::Aim;
use crate::step::{About, Evidence, Known, Look, Moving, Pulses};

/// How long an emergency gives the side that it leaves to answer one look.
const DEAD: Duration = Duration::from_secs(5);

/// How long what goes back beside the writing of somebody else is given to be seen everywhere.
const BESIDE: Duration = Duration::from_secs(5);

/// Whatever a playbook says, a check does not spin.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// What a look wants to see.
pub(super) enum Wanted {
    /// A check: that this side is active.
    Aim(Aim),
    /// The place of a change: that it holds the value of this side; of the edit that was made, where it is not the
    /// one of the plan.
    Holds(Side, Option<Box<Edit>>),
}

/// What a look at a batch is given.
pub(super) struct Looker<'r, W, M> {
    pub plan: &'r Plan,
    pub world: &'r W,
    pub memory: &'r M,
    pub stop: &'r StopSignal,
    pub pulses: &'r Pulses,
    /// The sights that were taken before the first write.
    pub baseline: &'r [Sight],
    /// Whether each check is looked at once only: what was accepted, and what an emergency left, does not get
    /// better by waiting.
    pub once: bool,
    /// Set once the batch is decided: what was found already leads back, so nobody polls any longer.
    pub decided: watch::Sender<bool>,
    /// Set once a place is seen to hold what somebody else wrote: what depends on that does not come by waiting, and
    /// all the rest comes soon.
    pub theirs: watch::Sender<bool>,
    /// What the looks of entries that foresee saw at last, by entry: it is the baseline of their steps.
    pub before: Mutex<BTreeMap<String, Vec<Sight>>>,
}

/// Which side a check of this round wants active, and whether the names lead there already.
pub(super) fn aim(plan: &Plan, round: Round, entry: usize) -> Aim {
    // In a dry run nothing moves.
    let behind = plan.mode != Mode::Plan && plan.first_write().is_some_and(|first| entry > first);
    let direction = &plan.direction;
    match round {
        Round::There => Aim::there(direction, behind),
        // No name was led away, and none is led back.
        Round::Return | Round::Probe | Round::Verify if plan.led_there => {
            Aim::there(direction, true)
        }
        Round::Return => Aim::back(direction, behind),
        Round::Probe => Aim::back(direction, false),
        Round::Verify => Aim::back(direction, true),
    }
}

/// What is moved before the check of a step, wherever else it is looked at too, and what the plan found moved.
fn moving<'p>(plan: &'p Plan, entry: &Entry) -> Moving<'p> {
    fn parts(entry: &Entry) -> impl Iterator<Item = &String> {
        let edit = match &entry.nature {
            Nature::Change(edit) => Some(edit),
            _ => None,
        };
        edit.into_iter()
            .flat_map(|edit| edit.before.0.keys().chain(edit.after.0.keys()))
    }
    let last = plan.entries.iter().rposition(|of| of.step == entry.step);
    let before = plan.entries.iter().take(last.unwrap_or_default());
    let all: HashSet<&String> = plan.entries.iter().flat_map(parts).collect();
    // Beside the record sets that it may write the plan locks its playbook.
    let playbook = format!("playbook {}", plan.playbook);
    let locked = plan.locks.iter();
    Moving {
        target: &plan.direction.target,
        changed: before.flat_map(parts).collect(),
        already: locked
            .filter(|lock| **lock != playbook && !all.contains(lock))
            .collect(),
    }
}

/// The key of a sight in the memory: runs of one playbook share it.
fn memory_key(plan: &Plan, entry: &Entry, key: &str) -> String {
    // Under a name of its own: a look after the flip must not pass for one from before.
    let before = if entry.foresees { "before " } else { "" };
    format!("{}/{}/{before}{key}", plan.playbook, entry.step)
}

impl<W: World, M: Memory> Looker<'_, W, M> {
    /// Looks at one check again and again: until it passes (often enough, where it did not at first), until its
    /// finding is final, until its deadline, until another check of the batch decides it, or until somebody asks to
    /// stop.
    /// `None` where the last of these cut it short: then it has found nothing.
    pub(super) async fn until_clear(&self, index: usize, wanted: &Wanted) -> Option<Finding> {
        let finding = self.poll(index, wanted).await?;
        if self.plan.entries[index].rule.then(finding.outcome) == Then::Back {
            self.decided.send_replace(true);
        }
        Some(finding)
    }

    async fn poll(&self, index: usize, wanted: &Wanted) -> Option<Finding> {
        let entry = &self.plan.entries[index];
        let pulses = self.pulses_of(index);
        let clock = self.world.clock();
        let patience = match self.once {
            true => Duration::ZERO,
            false => entry.pace.within,
        };
        let mut deadline = clock.now().plus(patience);
        let (mut decided, mut theirs) = (self.decided.subscribe(), self.theirs.subscribe());
        let mut hurried = false;
        let mut row = Row::new(!self.world.repeats(entry));
        loop {
            if *theirs.borrow() && !hurried {
                hurried = true;
                let now = clock.now();
                deadline = now.plus(deadline.left(&now).min(BESIDE));
            }
            let began = clock.now();
            let finding = tokio::select! {
                finding = self.ask(entry, wanted, &pulses) => finding,
                () = self.stop.at_least(Stop::Now) => return None,
            };
            let now = clock.now();
            row.take(&finding, now.since(&began));
            let left = deadline.left(&now);
            let over = *decided.borrow() || left.is_zero() && !row.may_end();
            if row.passes() || finding.final_ || over {
                return Some(row.ends(finding));
            }
            if self.stop.level() >= Stop::AfterWrite {
                return None;
            }
            self.pulses.send(Pulse {
                entry: Some(index),
                note: row.note(&finding),
                until: Some(deadline.clone()),
                fraction: None,
            });
            let pause = match row.is_good() {
                true => entry.pace.every.min(row::BETWEEN),
                false => left.min(entry.pace.every),
            };
            tokio::select! {
                () = clock.sleep(pause.max(SHORTEST_PAUSE)) => {}
                () = self.stop.at_least(Stop::AfterWrite) => {}
                _ = decided.wait_for(|decided| *decided) => {}
                _ = theirs.wait_for(|theirs| *theirs), if !hurried => {}
            }
        }
    }

    /// One look at a place, or one round of looks at a check, and the judgement.
    async fn ask(&self, entry: &Entry, wanted: &Wanted, pulses: &Pulses) -> Finding {
        match (wanted, &entry.nature) {
            (Wanted::Holds(side, made), Nature::Change(planned)) => {
                let edit = made.as_deref().unwrap_or(planned);
                let read = within(entry.pace.timeout, self.world.read(entry, edit)).await;
                if read
                    .as_ref()
                    .is_ok_and(|seen| edit.side(seen) == Side::Foreign)
                {
                    self.theirs.send_replace(true);
                }
                place::judge(edit, *side, read)
            }
            (Wanted::Aim(aim), _) => self.once(entry, aim, pulses).await,
            (Wanted::Holds(..), _) => Finding::new(Outcome::Unknown, "it has no place to look at"),
        }
    }

    /// One round of looks at one check, and the judgement.
    pub(super) async fn once(&self, entry: &Entry, aim: &Aim, pulses: &Pulses) -> Finding {
        if let Some(edit) = &entry.holds {
            let read = within(entry.pace.timeout, self.world.read(entry, edit)).await;
            return place::judge(edit, Side::After, read);
        }
        self.world.expect(entry, &moving(self.plan, entry));
        let looks = self.world.looks(entry, aim, pulses);
        let taken = looks.into_iter().map(|look| async move {
            let memory_key = memory_key(self.plan, entry, &look.key);
            self.known(entry, &memory_key, look).await
        });
        let taken = join_all(taken).await;
        let reused = taken.iter().filter_map(|(_, _, reused)| *reused).max();
        let evidence = Evidence {
            items: taken.into_iter().map(|(k, known, _)| (k, known)).collect(),
            baseline: self.baseline_of(entry),
        };
        let finding = self.world.judge(entry, aim, &evidence);
        let mut finding = self.beyond_our_lack(entry, aim, &evidence, finding);
        if entry.foresees {
            let items = evidence.items.into_iter();
            let sights = items.map(|(key, known)| sight(entry, key, known)).collect();
            let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
            before.insert(entry.id.clone(), sights);
        }
        if let Some(age) = reused {
            // What came to the source since then may not be at the target.
            if let Some(Seconds(data)) = &mut finding.data_age {
                *data += Duration::from_secs(age.as_secs());
            }
            let age = crate::clock::short(age);
            finding.headline = format!("{} (looked at {age} ago, reused)", finding.headline);
        }
        finding
    }

    /// Whether this is an emergency, or its dry run.
    fn is_emergency(&self) -> bool {
        let dry = matches!(self.plan.mode, Mode::Check | Mode::Plan);
        self.plan.mode == Mode::Emergency || dry && !self.plan.goes_back
    }

    /// One look: a live sight, one that is recent enough to be reused, or, in an emergency, what the
    /// source was like when it was last seen.
    async fn known(
        &self,
        entry: &Entry,
        memory_key: &str,
        look: Look<'_>,
    ) -> (String, Known, Option<Duration>) {
        let Look { key, about, ask } = look;
        let now = self.world.clock().now();
        if let Some(reuse) = self.world.reuse(entry)
            && let Some((fact, at)) = self.memory.recall(memory_key).await
            && now.since(&at) <= reuse
            // After a reboot with a wall clock that was set back, nobody knows how old it is.
            && at.since(&now).is_zero()
        {
            return (key, Known::Live(fact), Some(now.since(&at)));
        }
        let known = match within(self.timeout(entry, &about), ask).await {
            Ok(fact) => {
                let at = self.world.clock().now();
                self.memory.keep(memory_key, &fact, &at).await;
                Known::Live(fact)
            }
            Err(why) if self.may_recall(&about) => match self.memory.recall(memory_key).await {
                Some((fact, at)) => Known::Recorded {
                    fact,
                    age: self.world.clock().now().since(&at),
                    why,
                },
                None => Known::Unseen(why),
            },
            Err(why) => Known::Unseen(why),
        };
        (key, known, None)
    }

    /// Only an emergency, or its dry run, answers from memory, and only for the side that it leaves.
    fn may_recall(&self, about: &About) -> bool {
        self.is_emergency()
            && matches!(about, About::Site(site) if *site == self.plan.direction.source)
    }

    /// How long a look may take. Nobody waits for the dead.
    fn timeout(&self, entry: &Entry, about: &About) -> Duration {
        match self.may_recall(about) {
            true => entry.pace.timeout.min(DEAD),
            false => entry.pace.timeout,
        }
    }

    fn baseline_of(&self, entry: &Entry) -> Vec<(String, Json)> {
        self.baseline
            .iter()
            .filter(|sight| sight.step == entry.step)
            .filter_map(|sight| Some((sight.key.clone(), sight.seen.as_ref().ok()?.clone())))
            .collect()
    }

    /// Takes the sights that must be taken before the first write, side by side; those of the entries of `batch`
    /// that foresee are taken by them.
    pub(super) async fn take_baseline(&self, aim: &Aim, batch: &[usize]) -> Vec<Sight> {
        let entries = self.plan.entries.iter().enumerate();
        let foreseen = |entry: &Entry| {
            let mut foreseeing = batch.iter().map(|at| &self.plan.entries[*at]);
            foreseeing.any(|by| by.foresees && by.step == entry.step)
        };
        let wanted = entries.filter(|(_, entry)| entry.needs_baseline && !foreseen(entry));
        let taken = wanted.map(|(index, entry)| async move {
            let pulses = self.pulses_of(index);
            self.world.expect(entry, &moving(self.plan, entry));
            let looks = self.world.baseline(entry, aim, &pulses);
            join_all(looks.into_iter().map(|look| async {
                let memory_key = memory_key(self.plan, entry, &format!("before {}", look.key));
                let (key, known, _) = self.known(entry, &memory_key, look).await;
                sight(entry, key, known)
            }))
            .await
        });
        join_all(taken).await.into_iter().flatten().collect()
    }

    /// Passing news of one entry carries its index.
    fn pulses_of(&self, index: usize) -> Pulses {
        let pulses = self.pulses.clone();
        Pulses::new(move |pulse| {
            pulses.send(Pulse {
                entry: Some(index),
                ..pulse
            });
        })
    }
}

fn sight(entry: &Entry, key: String, known: Known) -> Sight {
    Sight {
        key,
        step: entry.step.clone(),
        seen: match known {
            Known::Live(fact) | Known::Recorded { fact, .. } => Ok(fact),
            Known::Unseen(why) => Err(why),
        },
    }
}

/// Asks under a hard deadline: whoever does not answer by then was not seen.
pub(super) async fn within<T>(
    timeout: Duration,
    ask: impl Future<Output = Result<T, Unseen>>,
) -> Result<T, Unseen> {
    match tokio::time::timeout(timeout, ask).await {
        Ok(answer) => answer,
        Err(_) => Err(Unseen::new(
            Cause::TimedOut,
            format!("no answer within {}", crate::clock::short(timeout)),
        )),
    }
}

#[cfg(test)]
mod tests;
