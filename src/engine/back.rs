//! What a rollback will meet: each place as it is now, and the side to which it leads back.

use futures::future::join_all;
use tokio::sync::watch;

use super::look::{Looker, within};
use super::stop::StopSwitch;
use super::world::{NoMemory, World};
use crate::event::{Finding, Round, Sight};
use crate::plan::{Nature, Outcome, Plan, Side, Then, Value};
use crate::site::Aim;
use crate::step::Pulses;

/// What was seen before a rollback was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// The entry of each change, with what its place holds now, or why it cannot be read.
    pub places: Vec<(usize, Result<Side, String>)>,
    /// What the checks find that a drill looks at before its way back.
    pub gates: Vec<(usize, Finding)>,
}

impl Ahead {
    /// What speaks against it: gates that would stop a drill on its way back, and places that somebody else wrote.
    pub fn obstacles(&self, plan: &Plan) -> Vec<String> {
        let id = |entry: &usize| plan.entries[*entry].id.clone();
        let foreign = (self.places.iter())
            .filter(|(_, seen)| *seen == Ok(Side::Foreign))
            .map(|(entry, _)| format!("somebody else wrote `{}` since", id(entry)));
        let gates = (self.gates.iter()).filter(|(entry, finding)| {
            !matches!(finding.outcome, Outcome::Pass | Outcome::Warn)
                && plan.entries[*entry].rule.then(finding.outcome) != Then::Note
        });
        let gates = gates.map(|(entry, finding)| {
            let (id, outcome) = (id(entry), finding.outcome);
            format!("`{id}` {outcome}: {}", finding.headline)
        });
        foreign.chain(gates).collect()
    }
}

/// Looks once at the places of `entries`, side by side.
pub async fn look_at_places<W: World>(
    plan: &Plan,
    world: &W,
    entries: &[usize],
) -> Vec<(usize, Result<Side, String>)> {
    let side = |(index, seen): (usize, Result<Value, String>)| match &plan.entries[index].nature {
        Nature::Change(edit) => Some((index, seen.map(|seen| edit.side(&seen)))),
        _ => None,
    };
    let seen = see_places(plan, world, entries).await;
    seen.into_iter().filter_map(side).collect()
}

/// Reads the places of `entries` once, side by side: the value, or why there is none.
pub async fn see_places<W: World>(
    plan: &Plan,
    world: &W,
    entries: &[usize],
) -> Vec<(usize, Result<Value, String>)> {
    join_all(entries.iter().filter_map(|index| {
        let entry = &plan.entries[*index];
        let Nature::Change(edit) = &entry.nature else {
            return None;
        };
        let read = within(entry.pace.timeout, world.read(entry, edit));
        Some(async move { (*index, read.await.map_err(|unseen| unseen.detail)) })
    }))
    .await
}

/// Looks once more at what a run of the past did not see, as it would have looked: what it finds now. Each of
/// `entries` was looked at last in this round.
pub async fn look_once_more<W: World>(
    plan: &Plan,
    world: &W,
    baseline: &[Sight],
    entries: &[(usize, Round)],
) -> Vec<(usize, Finding)> {
    let (_switch, stop) = StopSwitch::new();
    let pulses = Pulses::none();
    let looker = Looker {
        plan,
        world,
        memory: &NoMemory,
        stop: &stop,
        pulses: &pulses,
        baseline,
        once: true,
        decided: watch::Sender::new(false),
        before: Default::default(),
    };
    join_all(entries.iter().map(|(index, round)| {
        let (looker, pulses) = (&looker, &pulses);
        async move {
            let moved = plan.first_write().is_some_and(|first| *index > first);
            let aim = match round {
                Round::There => Aim::there(&plan.direction, moved),
                Round::Return | Round::Probe | Round::Verify => Aim::back(&plan.direction, moved),
            };
            (
                *index,
                looker.once(&plan.entries[*index], &aim, pulses).await,
            )
        }
    }))
    .await
}

/// Looks once at the places of `entries`, and, where `gates` is set, at all that a drill looks at before it comes
/// back: whether the old side is up to date, works, and has what it needs. Writes nothing.
pub async fn look_ahead<W: World>(plan: &Plan, world: &W, entries: &[usize], gates: bool) -> Ahead {
    let (_switch, stop) = StopSwitch::new();
    let pulses = Pulses::none();
    let looker = Looker {
        plan,
        world,
        memory: &NoMemory,
        stop: &stop,
        pulses: &pulses,
        baseline: &[],
        once: true,
        decided: watch::Sender::new(false),
        before: Default::default(),
    };
    let aim = Aim::back(&plan.direction, false);
    let places = look_at_places(plan, world, entries);
    let first = plan.first_write().unwrap_or(plan.entries.len());
    let before = plan.entries[..first].iter().enumerate();
    let checks = before.filter(|(_, entry)| {
        let returns = gates && entry.back || entry.probes_old_side;
        entry.is_check() && returns
    });
    let found = join_all(checks.map(|(index, entry)| {
        let (looker, aim, pulses) = (&looker, &aim, &pulses);
        async move { (index, looker.once(entry, aim, pulses).await) }
    }));
    let (places, gates) = tokio::join!(places, found);
    Ahead { places, gates }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::fake::{FakeWorld, plan};
    use crate::plan::Mode;

    #[tokio::test(start_paused = true)]
    async fn places_and_the_old_side_are_looked_at_before_anything_is_put_back() {
        let plan = plan(Mode::Failover, "pkc");
        let clock = Clock::following_tokio("2026-11-22T03:05:00Z".parse().unwrap());
        let world = FakeWorld::new(&plan, clock);
        let change = plan.first_write().unwrap();
        let ahead = look_ahead(&plan, &world, &[change], true).await;
        assert_eq!(ahead.places, [(change, Ok(Side::Before))]);
        let looked: Vec<usize> = ahead.gates.iter().map(|(entry, _)| *entry).collect();
        assert_eq!(looked, [0, 1]);
        let probes = look_ahead(&plan, &world, &[change], false).await;
        assert_eq!(probes.gates.len(), 1, "{probes:?}");
    }
}
