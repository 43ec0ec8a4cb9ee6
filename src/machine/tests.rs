//! Explores all that can happen to a playbook: every fault at every point, equal states merged.
#![expect(
    clippy::print_stdout,
    reason = "the sizes of what was explored are worth a look"
)]

use std::collections::{HashMap, HashSet, VecDeque};

use super::*;
use crate::clock::Stamp;
use crate::event::{Answer, Decision, Ending, Event};
use crate::fake::plan;
use crate::plan::{Mode, Nature, Outcome, Plan, Side, Value, Way};

/// The world as far as a run can tell: what each place holds, and a write that may still land.
#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    sides: Box<[Side]>,
    pending: Option<(usize, Side)>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Node {
    state: State,
    world: World,
    faults: u8,
}

fn goal(way: Way) -> Side {
    match way {
        Way::There => Side::After,
        Way::Back => Side::Before,
    }
}

fn now() -> Stamp {
    Stamp {
        wall: jiff::Timestamp::UNIX_EPOCH,
        boot_ms: 0,
        boot_id: String::new(),
    }
}

fn judged(
    plan_round: crate::event::Round,
    entries: &[usize],
    odd: Option<(usize, Outcome)>,
) -> Event {
    let outcomes = entries
        .iter()
        .map(|i| match odd {
            Some((j, outcome)) if j == *i => (*i, outcome),
            _ => (*i, Outcome::Pass),
        })
        .collect();
    Event::Judged {
        round: plan_round,
        outcomes,
    }
}

struct Explorer<'p> {
    plan: &'p Plan,
    seen: HashSet<Node>,
    queue: VecDeque<Node>,
    transitions: u64,
    endings: HashMap<Ending, u64>,
}

impl<'p> Explorer<'p> {
    fn explore(plan: &'p Plan, faults: u8) -> Explorer<'p> {
        let start = Node {
            state: State::new(plan),
            world: World {
                sides: vec![Side::Before; plan.entries.len()].into(),
                pending: None,
            },
            faults,
        };
        let mut explorer = Explorer {
            plan,
            seen: HashSet::from([start.clone()]),
            queue: VecDeque::from([start]),
            transitions: 0,
            endings: HashMap::new(),
        };
        while let Some(node) = explorer.queue.pop_front() {
            explorer.step(&node);
        }
        explorer
    }

    /// Follows one transition: some events, in this world, at this cost.
    fn go(&mut self, from: &Node, cost: u8, world: &World, events: &[Event]) {
        if cost > from.faults {
            return;
        }
        self.transitions += 1;
        let mut node = Node {
            state: from.state.clone(),
            world: world.clone(),
            faults: from.faults - cost,
        };
        for event in events {
            if let Err(error) = node.state.fold(self.plan, event) {
                panic!("{error} after {:?}: {event:?}", from.state);
            }
        }
        if self.seen.insert(node.clone()) {
            self.queue.push_back(node);
        }
    }

    fn step(&mut self, node: &Node) {
        let (plan, world) = (self.plan, &node.world);
        let resumed = Event::Resumed {
            by: String::new(),
            version: String::new(),
        };
        if node.state.ended().is_none() {
            self.go(node, 1, world, std::slice::from_ref(&resumed));
            let stop = Event::StopAsked { by: String::new() };
            self.go(node, 1, world, &[stop]);
        }
        match next(plan, &node.state) {
            Move::Look { round, entries } => {
                self.go(node, 0, world, &[judged(round, &entries, None)]);
                for i in &entries {
                    for odd in [Outcome::Late, Outcome::Unknown, Outcome::Fail] {
                        self.go(node, 1, world, &[judged(round, &entries, Some((*i, odd)))]);
                    }
                }
            }
            Move::TakeBaseline => {
                self.go(
                    node,
                    0,
                    world,
                    &[Event::BaselineTaken { sights: Vec::new() }],
                );
            }
            Move::Compare { entry, way } => self.compare(node, entry, way),
            Move::Write { entry, way } => self.write(node, entry, way),
            Move::Settle { entry, way } => self.settle(node, entry, way),
            Move::Wait { entry } => self.go(node, 0, world, &[Event::Waited { entry }]),
            Move::Approve { entry } => {
                for (cost, yes) in [(0, true), (1, false)] {
                    let by = String::new();
                    self.go(node, cost, world, &[Event::Approved { entry, yes, by }]);
                }
            }
            Move::Stay => {
                self.go(node, 0, world, &[Event::HoldOver { by: String::new() }]);
                self.decide(node, 1, Decision::Back);
            }
            Move::Decide { hold } => {
                for decision in [
                    Decision::Back,
                    Decision::Again,
                    Decision::Stop,
                    Decision::On,
                ] {
                    // Looking again without end is no new state; going on is a person's word.
                    let _ = hold;
                    self.decide(node, 0, decision);
                }
            }
            Move::End { ending } => {
                self.check_ending(node, ending);
                self.go(node, 0, world, &[Event::Ended { ending }]);
            }
            Move::Rest => {
                let ending = node.state.ended().unwrap();
                *self.endings.entry(ending).or_default() += 1;
                if matches!(ending, Ending::Stopped | Ending::Held) {
                    self.go(node, 1, world, &[resumed]);
                }
                if node.state.stands() {
                    self.decide(node, 1, Decision::Back);
                }
            }
        }
    }

    fn decide(&mut self, node: &Node, cost: u8, decision: Decision) {
        let by = String::new();
        self.go(node, cost, &node.world, &[Event::Decided { decision, by }]);
    }

    fn compare(&mut self, node: &Node, entry: usize, way: Way) {
        assert!(
            node.world.pending.is_none(),
            "compared while a write was in flight"
        );
        let compared = |side| Event::Compared {
            entry,
            way,
            side,
            detail: None,
        };
        self.go(
            node,
            0,
            &node.world,
            &[compared(Some(node.world.sides[entry]))],
        );
        self.go(node, 1, &node.world, &[compared(None)]);
        let mut foreign = node.world.clone();
        foreign.sides[entry] = Side::Foreign;
        self.go(node, 1, &foreign, &[compared(Some(Side::Foreign))]);
    }

    fn write(&mut self, node: &Node, entry: usize, way: Way) {
        let act = matches!(self.plan.entries[entry].nature, Nature::Act(_));
        assert!(node.world.pending.is_none(), "two writes in flight");
        assert!(
            act || node.world.sides[entry] != Side::Foreign,
            "wrote over somebody else's value"
        );
        if node.state.phase() == Phase::Undo {
            let later = entry + 1..self.plan.entries.len();
            let later: Vec<_> = later
                .filter(|i| node.state.mark(*i) == Mark::Standing)
                .filter(|i| match &self.plan.entries[*i].nature {
                    Nature::Act(act) => act.undo.is_some(),
                    _ => true,
                })
                .collect();
            assert!(
                later.is_empty(),
                "undone in the wrong order: {entry} before {later:?}"
            );
        }
        let intended = Event::Intended {
            entry,
            way,
            from: Value::default(),
            to: Value::default(),
            until: now(),
        };
        let say = |answer| Event::Answered { entry, way, answer };
        let done = || {
            say(Answer::Done {
                note: String::new(),
            })
        };
        let refused = || say(Answer::Refused { why: String::new() });
        let unclear = || say(Answer::Unclear { why: String::new() });
        let resumed = || Event::Resumed {
            by: String::new(),
            version: String::new(),
        };
        let old = node.world.clone();
        let mut new = old.clone();
        new.sides[entry] = goal(way);
        let mut half = old.clone();
        half.sides[entry] = Side::Mixed;
        let mut pending = old.clone();
        pending.pending = Some((entry, goal(way)));
        let i = || intended.clone();
        self.go(node, 0, &new, &[i(), done()]);
        self.go(node, 1, &old, &[i(), refused()]);
        self.go(node, 1, &new, &[i(), unclear()]);
        self.go(node, 1, &old, &[i(), unclear()]);
        self.go(node, 1, &old, &[i(), resumed()]);
        self.go(node, 1, &new, &[i(), resumed()]);
        self.go(node, 1, &new, &[i(), done(), resumed()]);
        if !act {
            self.go(node, 1, &old, &[i(), done()]);
            self.go(node, 1, &half, &[i(), done()]);
            self.go(node, 1, &half, &[i(), unclear()]);
            self.go(node, 1, &pending, &[i(), unclear()]);
            self.go(node, 1, &pending, &[i(), resumed()]);
        }
    }

    fn settle(&mut self, node: &Node, entry: usize, way: Way) {
        let settled = |side| Event::Settled {
            entry,
            way,
            side,
            detail: None,
        };
        // A settling look is over when nothing can land any more: it has landed, or it never will.
        let mut lost = node.world.clone();
        lost.pending = None;
        let mut landed = lost.clone();
        if let Some((i, side)) = node.world.pending {
            landed.sides[i] = side;
        }
        for world in [&lost, &landed] {
            self.go(node, 0, world, &[settled(Some(world.sides[entry]))]);
            self.go(node, 1, world, &[settled(None)]);
            let mut foreign = world.clone();
            foreign.sides[entry] = Side::Foreign;
            self.go(node, 1, &foreign, &[settled(Some(Side::Foreign))]);
        }
    }

    /// Every ending is all new, all old, or stopped for a person.
    fn check_ending(&self, node: &Node, ending: Ending) {
        let plan = self.plan;
        assert!(
            node.world.pending.is_none(),
            "ended while a write could still land"
        );
        for (i, entry) in plan.entries.iter().enumerate() {
            if !entry.writes() {
                continue;
            }
            let side = node.world.sides[i];
            let mark = node.state.mark(i);
            let what = format!(
                "{ending:?} with entry {i} {side:?}, marked {mark:?}: {:?}",
                node.state
            );
            let new = match (plan.mode, &entry.nature) {
                (Mode::Drill, Nature::Act(act)) if act.undo.is_none() => Side::After,
                (Mode::Drill, _) => Side::Before,
                _ if entry.temporary => Side::Before,
                _ => Side::After,
            };
            match ending {
                Ending::Done => assert_eq!(side, new, "{what}"),
                // A person accepted something that was not seen: a place that was left, an act.
                Ending::DoneUnproven => assert!(
                    side == new
                        || mark == Mark::Left
                        || node.state.unseen()
                            && matches!(
                                side,
                                Side::Before | Side::After | Side::Mixed | Side::Foreign
                            ),
                    "{what}"
                ),
                Ending::Refused | Ending::Stale => {
                    assert!(!node.state.wrote(), "{what}");
                    assert!(matches!(side, Side::Before | Side::Foreign), "{what}");
                }
                Ending::Undone => assert!(
                    side == Side::Before
                        || mark == Mark::None && side == Side::Foreign
                        || matches!(entry.nature, Nature::Act(_)) && node.state.unseen(),
                    "{what}"
                ),
                Ending::Held | Ending::Stopped => {}
            }
        }
    }
}

#[test]
fn every_ending_is_all_new_all_old_or_stopped_for_a_person() {
    for mode in [Mode::Drill, Mode::Failover, Mode::Emergency] {
        let plan = plan(mode, "kpk?tkckkbcawkckkkkk");
        assert_eq!(plan.entries.len(), 20);
        let explorer = Explorer::explore(&plan, 3);
        let reached = |ending| explorer.endings.contains_key(&ending);
        for ending in [
            Ending::Done,
            Ending::DoneUnproven,
            Ending::Refused,
            Ending::Stale,
            Ending::Undone,
            Ending::Held,
            Ending::Stopped,
        ] {
            assert!(reached(ending), "{mode}: {ending:?} is never reached");
        }
        println!(
            "{mode}: {} states, {} transitions, endings {:?}",
            explorer.seen.len(),
            explorer.transitions,
            explorer.endings
        );
    }
}

#[test]
fn two_acts_one_of_them_beyond_return() {
    for mode in [Mode::Drill, Mode::Failover, Mode::Emergency] {
        let plan = plan(mode, "pcaxck");
        let explorer = Explorer::explore(&plan, 3);
        assert!(explorer.endings.contains_key(&Ending::Done));
    }
}

#[test]
fn a_state_of_200_steps_is_under_one_kilobyte() {
    let plan = plan(Mode::Drill, &"kc".repeat(100));
    let state = State::new(&plan);
    assert!(size_of::<State>() + state.marks.len() * size_of::<Mark>() < 1024);
}

#[test]
fn an_event_that_cannot_have_happened_is_refused() {
    let plan = plan(Mode::Failover, "kc");
    let mut state = State::new(&plan);
    let settled = Event::Settled {
        entry: 1,
        way: Way::There,
        side: Some(Side::After),
        detail: None,
    };
    assert!(state.fold(&plan, &settled).is_err());
    let short = Event::Judged {
        round: crate::event::Round::There,
        outcomes: Vec::new(),
    };
    assert!(state.fold(&plan, &short).is_err());
}

#[test]
fn the_dry_run_walks_to_the_end_without_a_write() {
    let plan = plan(Mode::Plan, "kcck");
    let mut state = State::new(&plan);
    let mut moves = Vec::new();
    loop {
        let mv = next(&plan, &state);
        let event = match &mv {
            Move::Look { round, entries } => judged(*round, entries, None),
            Move::Compare { entry, way } => Event::Compared {
                entry: *entry,
                way: *way,
                side: Some(Side::Before),
                detail: None,
            },
            Move::Write { entry, .. } => Event::WouldChange { entry: *entry },
            Move::End { ending } => Event::Ended { ending: *ending },
            Move::Rest => break,
            other => panic!("{other:?}"),
        };
        state.fold(&plan, &event).unwrap();
        moves.push(mv);
    }
    assert!(!state.wrote());
    assert_eq!(state.ended(), Some(Ending::Done));
    assert_eq!(moves.len(), 7);
}
