//! Explores all that can happen to a playbook: every fault at every point, equal states merged.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "how much was explored, and how quickly, is worth a look"
)]

use std::collections::{HashMap, HashSet, VecDeque};

use super::*;
use crate::clock::Stamp;
use crate::event::{Answer, Decision, Ending, Event};
use crate::fake::plan;
use crate::plan::{IfInterrupted, Mode, Nature, Outcome, Plan, Side, Value, Way};

/// The world as far as a run can tell: what each place holds, and a write that may still land.
#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    sides: Box<[Side]>,
    pending: Option<(usize, Side)>,
    /// The place that was written and not looked at since.
    unlooked: Option<usize>,
    /// Entries whose state a person accepted without its being seen, or that are skipped when they are cut
    /// off; a bit each.
    accepted: u32,
    /// Entries whose place somebody else wrote after us, or instead of us.
    theirs: u32,
}

impl World {
    fn somebody_writes(&mut self, entry: usize, side: Side) {
        self.sides[entry] = side;
        self.theirs |= 1 << entry;
    }

    fn we_write(&mut self, entry: usize, side: Side) {
        self.sides[entry] = side;
        self.theirs &= !(1 << entry);
    }

    fn is_theirs(&self, entry: usize) -> bool {
        self.theirs & (1 << entry) != 0
    }

    fn accept(&mut self, entry: usize) {
        self.accepted |= 1 << entry;
    }

    fn was_accepted(&self, entry: usize) -> bool {
        self.accepted & (1 << entry) != 0
    }
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

fn back() -> Event {
    Event::Decided {
        decision: Decision::Back,
        by: String::new(),
    }
}

fn intended(entry: usize, way: Way) -> Event {
    Event::Intended {
        entry,
        way,
        from: Value::default(),
        to: Value::default(),
        until: now(),
    }
}

struct Explorer<'p> {
    plan: &'p Plan,
    /// Everything with more faults left is followed first, so that whoever comes to a state and a world a
    /// second time can do nothing there that was not followed.
    seen: HashSet<(State, World)>,
    /// What is still to be followed, by how many faults are left.
    queues: Vec<VecDeque<Node>>,
    transitions: u64,
    endings: HashMap<Ending, u64>,
    /// Nodes whose moves were followed; in the end all that were seen.
    explored: usize,
    /// Worlds and states from which a way back was followed.
    walks: HashSet<(State, World)>,
}

impl<'p> Explorer<'p> {
    fn explore(plan: &'p Plan, faults: u8) -> Explorer<'p> {
        let start = Node {
            state: State::new(plan),
            world: World {
                sides: vec![Side::Before; plan.entries.len()].into(),
                pending: None,
                unlooked: None,
                accepted: 0,
                theirs: 0,
            },
            faults,
        };
        let mut queues = vec![VecDeque::new(); usize::from(faults) + 1];
        let seen = HashSet::from([(start.state.clone(), start.world.clone())]);
        queues[usize::from(faults)].push_back(start);
        let mut explorer = Explorer {
            plan,
            seen,
            queues,
            transitions: 0,
            endings: HashMap::new(),
            explored: 0,
            walks: HashSet::new(),
        };
        while let Some(node) = explorer
            .queues
            .iter_mut()
            .rev()
            .find_map(VecDeque::pop_front)
        {
            explorer.step(&node);
            explorer.explored += 1;
        }
        assert_eq!(explorer.explored, explorer.seen.len());
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
        if self.seen.insert((node.state.clone(), node.world.clone())) {
            self.queues[usize::from(node.faults)].push_back(node);
        }
    }

    fn step(&mut self, node: &Node) {
        let (plan, world) = (self.plan, &node.world);
        let resumed = Event::Resumed {
            by: String::new(),
            version: String::new(),
        };
        if node.state.ended().is_none() {
            self.go(node, 1, &self.skipped(node), std::slice::from_ref(&resumed));
            let stop = Event::StopAsked { by: String::new() };
            self.go(node, 1, world, &[stop]);
            // Cut off, and put back by hand.
            if node.state.stands() {
                self.go(node, 1, &self.skipped(node), &[resumed.clone(), back()]);
            }
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
            // Looking again without end is no new state; going on is a person's word.
            Move::Decide { .. } => {
                for decision in [
                    Decision::Back,
                    Decision::Again,
                    Decision::Stop,
                    Decision::On,
                ] {
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
                let open = matches!(ending, Ending::Stopped | Ending::Held);
                if open {
                    self.go(node, 1, &self.skipped(node), std::slice::from_ref(&resumed));
                }
                if node.state.stands() {
                    let events = [resumed, back()];
                    let events = if open { &events[..] } else { &events[1..] };
                    self.go(node, 1, &self.skipped(node), events);
                    self.check_way_back(node, events);
                } else {
                    self.check_nothing_stands(node);
                }
            }
        }
    }

    fn decide(&mut self, node: &Node, cost: u8, decision: Decision) {
        let by = String::new();
        let mut world = node.world.clone();
        if let (Decision::On, Some(motion)) = (decision, node.state.motion()) {
            world.accept(usize::from(motion.entry));
        }
        self.go(node, cost, &world, &[Event::Decided { decision, by }]);
    }

    /// The world of a resume: an act that is skipped where it was cut off is accepted unseen.
    fn skipped(&self, node: &Node) -> World {
        let mut world = node.world.clone();
        if let Some(motion) = node.state.motion()
            && let Nature::Act(act) = &self.plan.entries[usize::from(motion.entry)].nature
            && act.if_interrupted == IfInterrupted::Skip
        {
            world.accept(usize::from(motion.entry));
        }
        world
    }

    /// Where nothing goes wrong any more and somebody asks for it, everything goes back: but for what somebody
    /// else wrote, what cannot be undone, and what a person accepted or left.
    fn check_way_back(&mut self, node: &Node, events: &[Event]) {
        let (mut state, mut world) = (node.state.clone(), self.skipped(node));
        for event in events {
            state.fold(self.plan, event).unwrap();
        }
        let mut moves = 0;
        loop {
            // The rest of a walk that leads through here was followed already.
            if !self.walks.insert((state.clone(), world.clone())) {
                return;
            }
            moves += 1;
            assert!(moves < 200, "the way back has no end: {state:?}");
            let mut facts = Vec::new();
            match next(self.plan, &state) {
                Move::Look { round, entries } => facts.push(judged(round, &entries, None)),
                Move::Compare { entry, way } => facts.push(Event::Compared {
                    entry,
                    way,
                    side: Some(world.sides[entry]),
                    detail: None,
                }),
                Move::Write { entry, way } => {
                    assert_eq!(way, Way::Back, "wrote forward on the way back: {state:?}");
                    world.we_write(entry, goal(way));
                    let note = String::new();
                    facts.push(intended(entry, way));
                    let answer = Answer::Done { note };
                    facts.push(Event::Answered { entry, way, answer });
                }
                Move::Settle { entry, way } => {
                    if let Some((i, side)) = world.pending.take() {
                        world.we_write(i, side);
                    }
                    facts.push(Event::Settled {
                        entry,
                        way,
                        side: Some(world.sides[entry]),
                        detail: None,
                    });
                }
                // The person who asked for it goes on asking for it.
                Move::Decide { .. } => facts.push(back()),
                Move::End { ending } => facts.push(Event::Ended { ending }),
                Move::Rest => break,
                other => panic!("{other:?} on the way back: {state:?}"),
            }
            for fact in &facts {
                state.fold(self.plan, fact).unwrap();
            }
        }
        for (i, entry) in self.plan.entries.iter().enumerate() {
            let beyond = matches!(&entry.nature, Nature::Act(act) if act.undo.is_none());
            let excused = beyond || world.was_accepted(i) || world.is_theirs(i);
            assert!(
                world.sides[i] == Side::Before || excused,
                "entry {i} is {:?} after the way back from {:?}: {state:?}",
                world.sides[i],
                node.state
            );
        }
        let ending = state.ended().unwrap();
        assert!(
            matches!(ending, Ending::Undone | Ending::Held),
            "the way back ended {ending:?}: {state:?}"
        );
    }

    /// What says that nothing of it stands says the truth.
    fn check_nothing_stands(&self, node: &Node) {
        for i in 0..self.plan.entries.len() {
            let side = node.world.sides[i];
            let excused = node.world.is_theirs(i) || node.world.was_accepted(i);
            assert!(
                side == Side::Before || excused,
                "entry {i} is {side:?} and nothing stands: {:?}",
                node.state
            );
        }
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
        let mut world = node.world.clone();
        world.unlooked = None;
        self.go(node, 0, &world, &[compared(Some(world.sides[entry]))]);
        self.go(node, 1, &world, &[compared(None)]);
        if matches!(self.plan.entries[entry].nature, Nature::Act(_)) {
            return;
        }
        // Somebody else writes: something of their own, or what we would have written.
        for side in [Side::Foreign, goal(way)] {
            let mut theirs = world.clone();
            theirs.somebody_writes(entry, side);
            self.go(node, 1, &theirs, &[compared(Some(side))]);
        }
    }

    fn write(&mut self, node: &Node, entry: usize, way: Way) {
        let act = matches!(self.plan.entries[entry].nature, Nature::Act(_));
        assert!(node.world.pending.is_none(), "two writes in flight");
        assert!(
            act || node.world.sides[entry] != Side::Foreign,
            "wrote over somebody else's value"
        );
        assert!(
            act || node.world.unlooked != Some(entry),
            "wrote twice without a look in between"
        );
        self.check_order(node, entry, way);
        let intended = intended(entry, way);
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
        let mut old = node.world.clone();
        old.unlooked = Some(entry);
        let skipped = |world: &World| {
            let mut world = world.clone();
            match &self.plan.entries[entry].nature {
                Nature::Act(act) if act.if_interrupted == IfInterrupted::Skip => {
                    world.accept(entry);
                }
                _ => {}
            }
            world
        };
        let mut new = old.clone();
        new.we_write(entry, goal(way));
        let mut half = old.clone();
        half.we_write(entry, Side::Mixed);
        let mut pending = old.clone();
        pending.pending = Some((entry, goal(way)));
        let i = || intended.clone();
        self.go(node, 0, &new, &[i(), done()]);
        self.go(node, 1, &old, &[i(), refused()]);
        self.go(node, 1, &new, &[i(), unclear()]);
        self.go(node, 1, &old, &[i(), unclear()]);
        let (old_skipped, new_skipped) = (skipped(&old), skipped(&new));
        self.go(node, 1, &old_skipped, &[i(), resumed()]);
        self.go(node, 1, &new_skipped, &[i(), resumed()]);
        self.go(node, 1, &old_skipped, &[i(), resumed(), back()]);
        self.go(node, 1, &new_skipped, &[i(), resumed(), back()]);
        self.go(node, 1, &new, &[i(), done(), resumed()]);
        if !act {
            self.go(node, 1, &old, &[i(), done()]);
            self.go(node, 1, &half, &[i(), done()]);
            self.go(node, 1, &half, &[i(), unclear()]);
            self.go(node, 1, &pending, &[i(), unclear()]);
            self.go(node, 1, &pending, &[i(), resumed()]);
            self.go(node, 1, &pending, &[i(), resumed(), back()]);
        }
    }

    /// Forward and on a return in the order of the list; what is undone or tidied up, in reverse.
    fn check_order(&self, node: &Node, entry: usize, way: Way) {
        let state = &node.state;
        let goes_back = |i: usize| {
            state.mark(i) == Mark::Standing
                && match &self.plan.entries[i].nature {
                    Nature::Act(act) => act.undo.is_some(),
                    nature => matches!(nature, Nature::Change(_)),
                }
        };
        let (before, after) = (0..entry, entry + 1..self.plan.entries.len());
        let wrong: Vec<usize> = match (way, state.phase()) {
            (Way::There, Phase::Forward) => {
                let again = state.mark(entry) != Mark::None
                    && state.motion().is_some_and(|motion| motion.tries == 0);
                assert!(!again, "made again what stands: {state:?}");
                after.filter(|i| state.mark(*i) != Mark::None).collect()
            }
            (Way::Back, Phase::Return) => before.filter(|i| goes_back(*i)).collect(),
            (Way::Back, Phase::Undo) => after.filter(|i| goes_back(*i)).collect(),
            (Way::Back, Phase::Tidy) => after
                .filter(|i| goes_back(*i) && self.plan.entries[*i].temporary)
                .collect(),
            (way, phase) => panic!("{way:?} in {phase:?}"),
        };
        assert!(wrong.is_empty(), "{entry} before {wrong:?}: {state:?}");
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
        lost.unlooked = None;
        let mut landed = lost.clone();
        if let Some((i, side)) = node.world.pending {
            landed.we_write(i, side);
        }
        for world in [&lost, &landed] {
            self.go(node, 0, world, &[settled(Some(world.sides[entry]))]);
            self.go(node, 1, world, &[settled(None)]);
            let mut foreign = world.clone();
            foreign.somebody_writes(entry, Side::Foreign);
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
            let state = &node.state;
            let what =
                format_args!("{ending:?} with entry {i} {side:?}, marked {mark:?}: {state:?}");
            let new = match (plan.mode, &entry.nature) {
                (Mode::Drill, Nature::Act(act)) if act.undo.is_none() => Side::After,
                (Mode::Drill, _) => Side::Before,
                _ if entry.temporary => Side::Before,
                _ => Side::After,
            };
            let (theirs, accepted) = (node.world.is_theirs(i), node.world.was_accepted(i));
            match ending {
                // Where somebody else made our change, nothing of it is ours to tidy up.
                Ending::Done => assert!(
                    side == new || theirs && mark == Mark::Unneeded && side == Side::After,
                    "{what}"
                ),
                Ending::DoneUnproven => assert!(
                    side == new
                        || theirs && mark == Mark::Unneeded && side == Side::After
                        || accepted,
                    "{what}"
                ),
                Ending::Refused | Ending::Stale => {
                    assert!(!node.state.wrote(), "{what}");
                    assert!(side == Side::Before || theirs, "{what}");
                }
                // What somebody else wrote over ours is not as it was before.
                Ending::Undone => assert!(
                    side == Side::Before
                        || theirs && matches!(mark, Mark::None | Mark::Unneeded)
                        || accepted,
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
        let begun = std::time::Instant::now();
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
            "{mode}: {} states, {} transitions, {} ways back, {:.0} transitions a second, endings {:?}",
            explorer.seen.len(),
            explorer.transitions,
            explorer.walks.len(),
            explorer.transitions as f64 / begun.elapsed().as_secs_f64(),
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
