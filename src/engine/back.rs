//! What a rollback will meet: each place as it is now, and the side to which it leads back.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;

use super::look::{Looker, aim, within};
use super::settle::{first, foreign};
use super::stop::{StopSignal, StopSwitch};
use super::world::{NoMemory, World};
use crate::clock::{Stamp, short};
use crate::event::{Answer, Event, Finding, Record, Round, Sight};
use crate::plan::{Entry, Nature, Outcome, Plan, Side, Then, Value};
use crate::step::Pulses;

/// What was seen before a rollback was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// The place of each change.
    pub places: Vec<PlaceNow>,
    /// What the checks find that a drill looks at before its way back.
    pub gates: Vec<(usize, Finding)>,
}

/// What the place of a change holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceNow {
    pub entry: usize,
    /// Or why it cannot be read.
    pub side: Result<Side, String>,
    /// Each part that somebody else wrote, in words.
    pub foreign: Vec<String>,
    /// Until when a write of the run may still land there.
    pub lands: Option<Stamp>,
}

/// The entries whose write was begun and not looked at since, each with the time until which it may still land.
pub fn may_land(records: &[Record]) -> BTreeMap<usize, Stamp> {
    let mut open = BTreeMap::new();
    let mut acts = Vec::new();
    for record in records {
        match &record.event {
            Event::Started { plan, .. } => {
                let is_act = |(index, entry): (usize, &Entry)| {
                    matches!(entry.nature, Nature::Act(_)).then_some(index)
                };
                acts = (plan.entries.iter().enumerate())
                    .filter_map(is_act)
                    .collect();
            }
            // Nobody can look at what an act did: its program has ended, and that is all there is to know.
            Event::Answered {
                entry,
                answer: Answer::Done { .. },
                ..
            } if acts.contains(entry) => {
                open.remove(entry);
            }
            Event::Intended { entry, until, .. } => {
                open.insert(*entry, until.clone());
            }
            // Nothing of it is on its way.
            Event::Answered { entry, answer, .. } if answer.is_final_no() => {
                open.remove(entry);
            }
            Event::Settled { entry, .. } | Event::Overtaken { entry, .. } => {
                open.remove(entry);
            }
            _ => {}
        }
    }
    open
}

impl Ahead {
    /// The places that somebody else wrote, or that a write of the run itself may have left with neither value (`torn`):
    /// what may not be ours is never overwritten.
    pub fn foreign(&self, plan: &Plan, torn: impl Fn(usize) -> bool) -> Vec<String> {
        (self.places.iter())
            .filter(|place| place.side == Ok(Side::Foreign))
            .map(|place| {
                let id = &plan.entries[place.entry].id;
                let told = first(place.foreign.clone());
                match torn(place.entry) {
                    true => format!(
                        "`{id}` holds neither value, which a write of this run may have left so: {told}"
                    ),
                    false => format!("somebody else wrote `{id}` since: {told}"),
                }
            })
            .collect()
    }

    /// The places that cannot be read: what cannot be compared is not written.
    pub fn unreadable(&self, plan: &Plan) -> Vec<String> {
        (self.places.iter())
            .filter_map(|place| {
                let id = &plan.entries[place.entry].id;
                let why = place.side.as_ref().err()?;
                Some(format!("`{id}` cannot be read: {why}"))
            })
            .collect()
    }

    /// The gates that would stop a drill on its way back.
    pub fn sick(&self, plan: &Plan) -> Vec<String> {
        let id = |entry: &usize| plan.entries[*entry].id.clone();
        let gates = (self.gates.iter()).filter(|(entry, finding)| {
            !matches!(finding.outcome, Outcome::Pass | Outcome::Warn)
                && plan.entries[*entry].rule.then(finding.outcome) != Then::Note
        });
        let gates = gates.map(|(entry, finding)| {
            let (id, outcome) = (id(entry), finding.outcome);
            format!("`{id}` {outcome}: {}", finding.headline)
        });
        gates.collect()
    }
}

/// Looks once at the places of `entries`, side by side, and waits for none longer than `most`.
pub async fn look_at_places<W: World>(
    plan: &Plan,
    world: &W,
    entries: &[usize],
    most: Duration,
) -> Vec<(usize, Result<Side, String>)> {
    let side = |(index, seen): (usize, Result<Value, String>)| match &plan.entries[index].nature {
        Nature::Change(edit) => Some((index, seen.map(|seen| edit.side(&seen)))),
        _ => None,
    };
    let seen = see_places(plan, world, entries, most).await;
    seen.into_iter().filter_map(side).collect()
}

/// Reads the places of `entries` once, side by side: the value, or why there is none. None is waited for longer than
/// `most`, so that one that hangs hides no other.
pub async fn see_places<W: World>(
    plan: &Plan,
    world: &W,
    entries: &[usize],
    most: Duration,
) -> Vec<(usize, Result<Value, String>)> {
    join_all(entries.iter().filter_map(|index| {
        let entry = &plan.entries[*index];
        let edit = entry.place()?;
        let read = within(entry.pace.timeout.min(most), world.read(entry, edit));
        Some(async move { (*index, read.await.map_err(|unseen| unseen.detail)) })
    }))
    .await
}

/// Who looks once, and remembers nothing.
fn looks_once<'a, W: World>(
    plan: &'a Plan,
    world: &'a W,
    baseline: &'a [Sight],
    stop: &'a StopSignal,
    pulses: &'a Pulses,
) -> Looker<'a, W, NoMemory> {
    Looker {
        plan,
        world,
        memory: &NoMemory,
        stop,
        pulses,
        baseline,
        once: true,
        decided: watch::Sender::new(false),
        theirs: watch::Sender::new(false),
        before: Default::default(),
    }
}

/// Looks once more at what a run of the past did not see, as it would have looked: what it finds now, in the order of
/// `entries`, each of which was looked at last in this round. None is waited for longer than `most`, so that one that
/// hangs hides no other.
pub async fn look_once_more<W: World>(
    plan: &Plan,
    world: &W,
    baseline: &[Sight],
    entries: &[(usize, Round)],
    most: Duration,
) -> Vec<(usize, Finding)> {
    let (_switch, stop) = StopSwitch::new();
    let pulses = Pulses::none();
    let looker = looks_once(plan, world, baseline, &stop, &pulses);
    join_all(entries.iter().map(|(index, round)| {
        let (looker, pulses) = (&looker, &pulses);
        async move {
            let aim = aim(plan, *round, *index);
            let look = looker.once(&plan.entries[*index], &aim, pulses);
            let found = tokio::time::timeout(most, look).await;
            let late = |_| {
                let why = format!("looking again took longer than {}", short(most));
                Finding::new(Outcome::Unknown, why)
            };
            (*index, found.unwrap_or_else(late))
        }
    }))
    .await
}

/// Looks once at the places of `entries`, and at the old side. Where users are led to the other side, or may be, that
/// is all that a drill looks at before it comes back: whether the old side is up to date, works, and has what it
/// needs; else whether it works. Writes nothing.
///
/// `landing` is what [`may_land`] says of the run. `moved` says that its journal tells that users are led there.
pub async fn look_ahead<W: World>(
    plan: &Plan,
    world: &W,
    entries: &[usize],
    landing: &BTreeMap<usize, Stamp>,
    moved: bool,
) -> Ahead {
    let (_switch, stop) = StopSwitch::new();
    let pulses = Pulses::none();
    let looker = looks_once(plan, world, &[], &stop, &pulses);
    let aim = |index| aim(plan, Round::Probe, index);
    let places = see_places(plan, world, entries, Duration::MAX).await;
    let now = world.clock().now();
    let place = |(entry, seen): (usize, Result<Value, String>)| {
        let Nature::Change(edit) = &plan.entries[entry].nature else {
            return None;
        };
        let differs = |seen: &Value| foreign(edit, &edit.after, seen);
        Some(PlaceNow {
            entry,
            foreign: seen.as_ref().map(differs).unwrap_or_default(),
            side: seen.map(|seen| edit.side(&seen)),
            lands: (landing.get(&entry))
                .filter(|until| !until.left(&now).is_zero())
                .cloned(),
        })
    };
    let places: Vec<PlaceNow> = places.into_iter().filter_map(place).collect();
    let moved = !plan.led_there && (moved || may_have_moved(plan, entries, &places));
    let checks = plan.entries.iter().enumerate().filter(|(index, entry)| {
        let returns = moved && entry.back && gates_the_way_back(plan, *index);
        entry.is_check() && (returns || entry.probes_old_side)
    });
    let gates = join_all(checks.map(|(index, entry)| {
        let (looker, aim, pulses) = (&looker, aim(index), &pulses);
        async move { (index, looker.once(entry, &aim, pulses).await) }
    }))
    .await;
    Ahead { places, gates }
}

fn leads(entry: &Entry) -> bool {
    matches!(entry.nature, Nature::Change(_)) && !entry.temporary
}

/// Whether a check comes before what leads users away, and can be seen before that is put back.
fn gates_the_way_back(plan: &Plan, index: usize) -> bool {
    let before = |first: Option<usize>| first.is_none_or(|first| index < first);
    let unmoved = before(plan.entries.iter().position(leads)) && !plan.entries[index].after_change;
    before(plan.first_write()) || plan.entries.iter().any(leads) && unmoved
}

/// Whether users may be led to the other side, as the places of `entries` show: what is temporary leads nobody, nor does
/// an act where changes do.
fn may_have_moved(plan: &Plan, entries: &[usize], places: &[PlaceNow]) -> bool {
    let changes = plan.entries.iter().any(leads);
    let as_before = |entry: usize| {
        let place = places.iter().find(|place| place.entry == entry);
        place.is_some_and(|place| place.side == Ok(Side::Before) && place.lands.is_none())
    };
    entries.iter().any(|index| {
        let entry = &plan.entries[*index];
        match changes {
            true => leads(entry) && !as_before(*index),
            false => !entry.temporary,
        }
    })
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
        let later = clock.now().plus(Duration::from_secs(9));
        let world = FakeWorld::new(&plan, clock);
        let change = plan.first_write().unwrap();
        let none = BTreeMap::new();
        let ahead = look_ahead(&plan, &world, &[change], &none, true).await;
        assert_eq!(ahead.places[0].side, Ok(Side::Before));
        assert_eq!(ahead.places[0].lands, None);
        let looked: Vec<usize> = ahead.gates.iter().map(|(entry, _)| *entry).collect();
        assert_eq!(looked, [0, 1]);
        // Nobody was led away: what was written there is not lost.
        let probes = look_ahead(&plan, &world, &[change], &none, false).await;
        assert_eq!(probes.gates.len(), 1, "{probes:?}");
        // It may still land, and a place that shows the new value has led users away, whatever the journal tells.
        let landing = BTreeMap::from([(change, later.clone())]);
        let lands = look_ahead(&plan, &world, &[change], &landing, false).await;
        assert_eq!(lands.places[0].lands, Some(later));
        assert_eq!(lands.gates.len(), 2, "{lands:?}");
        let Nature::Change(edit) = &plan.entries[change].nature else {
            panic!("no change");
        };
        world.somebody_writes(&edit.place, edit.after.clone());
        let there = look_ahead(&plan, &world, &[change], &none, false).await;
        assert_eq!(there.places[0].side, Ok(Side::After));
        assert_eq!(there.gates.len(), 2, "{there:?}");
    }

    #[test]
    fn a_gate_is_what_comes_before_the_change_that_leads_users_away() {
        let gates = |plan: &Plan| -> Vec<usize> {
            let all = 0..plan.entries.len();
            all.filter(|i| gates_the_way_back(plan, *i)).collect()
        };
        assert_eq!(gates(&plan(Mode::Failover, "kckck")), [0]);
        // A TTL that is lowered before leads nobody, nor does an act where changes do.
        for before in ["ktkck", "kakck"] {
            let mut plan = plan(Mode::Failover, before);
            assert_eq!(gates(&plan), [0]);
            plan.entries[2].after_change = false;
            assert_eq!(gates(&plan), [0, 2]);
            assert!(!may_have_moved(&plan, &[1], &[]), "{before}");
            assert!(may_have_moved(&plan, &[1, 3], &[]), "{before}");
        }
        assert!(may_have_moved(&plan(Mode::Failover, "ka"), &[1], &[]));
    }

    #[test]
    fn a_write_may_land_until_it_was_refused_or_looked_at() {
        let (entry, way) = (1, crate::plan::Way::There);
        let started = |letters| Event::Started {
            plan: Box::new(plan(Mode::Failover, letters)),
            by: "root@ops1".into(),
            version: "0.1.0".into(),
        };
        let intended = |seconds| Event::Intended {
            entry,
            way,
            from: Value::default(),
            to: Value::default(),
            until: Stamp::at(seconds),
        };
        let answered = |answer| Event::Answered { entry, way, answer };
        let why = String::new;
        let (refused, unclear) = (
            Answer::Refused { why: why() },
            Answer::Unclear { why: why() },
        );
        let declined = Answer::Declined { why: why() };
        let done = Answer::Done { note: why() };
        let settled = Event::Settled {
            entry,
            way,
            side: None,
            detail: None,
            stored: Value::default(),
        };
        let cases = [
            (vec![], None),
            (vec![intended(5)], Some(Stamp::at(5))),
            (
                vec![started("kc"), intended(5), answered(done.clone())],
                Some(Stamp::at(5)),
            ),
            // An act is never looked at.
            (vec![started("ka"), intended(5), answered(done)], None),
            (
                vec![started("ka"), intended(5), answered(unclear.clone())],
                Some(Stamp::at(5)),
            ),
            (vec![intended(5), answered(unclear)], Some(Stamp::at(5))),
            (vec![intended(5), answered(declined)], Some(Stamp::at(5))),
            (vec![intended(5), answered(refused)], None),
            (vec![intended(5), settled.clone()], None),
            (vec![intended(5), settled, intended(9)], Some(Stamp::at(9))),
        ];
        for (events, lands) in cases {
            let records: Vec<Record> = (0..)
                .zip(events)
                .map(|(seq, event)| Record {
                    seq,
                    at: Stamp::at(0),
                    event,
                })
                .collect();
            assert_eq!(may_land(&records).remove(&entry), lands, "{records:?}");
        }
    }

    #[test]
    fn what_a_rollback_will_meet_is_told_of_each_place_and_gate() {
        let plan = plan(Mode::Failover, "kkckc");
        let place = |entry, side: Result<Side, String>, foreign: &[&str]| PlaceNow {
            entry,
            side,
            foreign: foreign.iter().map(|told| (*told).to_owned()).collect(),
            lands: None,
        };
        let found = |outcome| Finding::new(outcome, "as it was seen");
        let ahead = Ahead {
            places: vec![
                place(2, Ok(Side::Foreign), &["`one` holds `else`"]),
                place(4, Err("no answer".into()), &[]),
                place(2, Ok(Side::After), &[]),
                place(4, Ok(Side::Mixed), &[]),
            ],
            gates: vec![
                (0, found(Outcome::Fail)),
                (0, found(Outcome::Pass)),
                (1, found(Outcome::Warn)),
                // A check before the change notes that.
                (1, found(Outcome::Late)),
                (3, found(Outcome::Unknown)),
            ],
        };
        let told = ["somebody else wrote `c2` since: `one` holds `else`"];
        assert_eq!(ahead.foreign(&plan, |_| false), told);
        assert_eq!(ahead.unreadable(&plan), ["`c4` cannot be read: no answer"]);
        assert_eq!(
            ahead.sick(&plan),
            ["`k0` fail: as it was seen", "`k3` unknown: as it was seen"]
        );
        let none = Ahead::default();
        assert!(none.foreign(&plan, |_| true).is_empty() && none.sick(&plan).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_hides_no_other() {
        let mut plan = plan(Mode::Failover, "kck");
        plan.entries[0].pace.timeout = Duration::from_secs(3600);
        let clock = Clock::following_tokio("2026-11-22T03:05:00Z".parse().unwrap());
        let world = FakeWorld::new(&plan, clock);
        world.freeze("k0");
        let both = [(0, Round::There), (2, Round::Verify)];
        let found = look_once_more(&plan, &world, &[], &both, Duration::from_secs(20)).await;
        let told = |of: usize| (found[of].0, found[of].1.outcome);
        assert_eq!(
            [told(0), told(1)],
            [(0, Outcome::Unknown), (2, Outcome::Pass)]
        );
        assert_eq!(found[0].1.headline, "looking again took longer than 20s");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_seen_is_looked_at_once_more_as_the_run_looked_at_it() {
        let plan = plan(Mode::Failover, "kck");
        let world = FakeWorld::new(
            &plan,
            Clock::following_tokio("2026-11-22T03:05:00Z".parse().unwrap()),
        );
        let look = async |entry, round| {
            let found = look_once_more(&plan, &world, &[], &[(entry, round)], Duration::MAX).await;
            let told: Vec<_> = found
                .iter()
                .map(|(of, found)| (*of, found.outcome))
                .collect();
            told
        };
        // Nothing has moved: what stands behind the change says so, of each side.
        assert_eq!(look(2, Round::There).await, [(2, Outcome::Fail)]);
        assert_eq!(look(2, Round::Verify).await, [(2, Outcome::Pass)]);
        assert_eq!(look(0, Round::There).await, [(0, Outcome::Pass)]);
        world.broken("k0", "new");
        assert_eq!(look(0, Round::There).await, [(0, Outcome::Fail)]);
        assert_eq!(look(0, Round::Probe).await, [(0, Outcome::Pass)]);
        assert_eq!(world.looks_taken("k0"), 3, "once each");
        // A check has no place.
        let sides = look_at_places(&plan, &world, &[0, 1], Duration::MAX).await;
        assert_eq!(sides, [(1, Ok(Side::Before))]);
        world.unreadable(1);
        let sides = look_at_places(&plan, &world, &[1], Duration::MAX).await;
        assert_eq!(sides, [(1, Err("as scripted".to_owned()))]);
    }
}
