use super::*;
use crate::event::Finding;
use crate::event::{Answer, Event};
use crate::fake;
use crate::machine::{Move, next};
use crate::plan::{Side, Value, Way};

mod places;
mod remains;
mod sides;

fn keys(
    plan: &Plan,
    state: &State,
    ending: Ending,
    findings: &[Option<(Round, Finding)>],
) -> Vec<String> {
    let list = owed(plan, state, ending, &of(findings), &Places::default());
    list.into_iter().map(|owed| owed.key).collect()
}

/// Each entry with its finding.
fn of(list: &[Option<(Round, Finding)>]) -> Findings {
    let mut findings = Findings::default();
    for (entry, found) in list.iter().enumerate() {
        if let Some((round, finding)) = found {
            findings.keep(*round, entry, finding.clone());
        }
    }
    findings
}

fn seen(outcome: Outcome) -> Option<(Round, Finding)> {
    Some((Round::There, Finding::new(outcome, "as it was seen")))
}

#[test]
fn what_was_late_or_not_seen_is_owed_after_a_success() {
    let plan = fake::plan(Mode::Failover, "kk");
    let state = State::new(&plan);
    let findings = [seen(Outcome::Late), seen(Outcome::Unknown)];
    for ending in [Ending::Done, Ending::DoneUnproven] {
        assert_eq!(keys(&plan, &state, ending, &findings), ["see k0", "see k1"]);
    }
    assert!(keys(&plan, &state, Ending::Undone, &findings).is_empty());
    // What the run went on over though it failed is no better.
    let failed = [seen(Outcome::Pass), seen(Outcome::Fail)];
    assert_eq!(
        keys(&plan, &state, Ending::DoneUnproven, &failed),
        ["see k1"]
    );
    let good = [seen(Outcome::Pass), seen(Outcome::Warn)];
    assert!(keys(&plan, &state, Ending::Done, &good).is_empty());
    assert!(keys(&plan, &state, Ending::Done, &[None, None]).is_empty());
    let dry = fake::plan(Mode::Plan, "kk");
    assert!(keys(&dry, &state, Ending::Done, &findings).is_empty());
}

#[test]
fn what_was_foreseen_is_owed_where_nobody_looked_afterwards() {
    let mut plan = fake::plan(Mode::Failover, "kkk");
    plan.entries[0].foresees = true;
    plan.entries[1].step = plan.entries[0].step.clone();
    let state = State::new(&plan);
    let late = seen(Outcome::Late);
    let told = |later| keys(&plan, &state, Ending::Done, &[late.clone(), later, None]);
    assert_eq!(told(None), ["see k0"]);
    assert!(told(seen(Outcome::Pass)).is_empty());
    // A look of another step says nothing of it; and what looks afterwards is owed itself.
    let other = [late.clone(), None, seen(Outcome::Pass)];
    assert_eq!(keys(&plan, &state, Ending::Done, &other), ["see k0"]);
    let both = [late.clone(), late.clone(), None];
    assert_eq!(keys(&plan, &state, Ending::Done, &both), ["see k1"]);
}

#[test]
fn an_old_side_that_may_come_back_is_fenced() {
    let plan = fake::plan(Mode::Emergency, "k");
    let state = State::new(&plan);
    assert_eq!(keys(&plan, &state, Ending::Done, &[None]), ["fence old"]);
    assert!(keys(&plan, &state, Ending::Undone, &[None]).is_empty());
    let plan = fake::plan(Mode::Failover, "k");
    assert!(keys(&plan, &state, Ending::Done, &[None]).is_empty());
}

/// One change that stands, was not seen so, and was left as it is.
fn left_to_others() -> (Plan, State) {
    let (plan, mut state) = stands("c");
    let event = Event::Judged {
        round: Round::There,
        outcomes: vec![(0, Outcome::Fail)],
    };
    state.fold(&plan, &event).unwrap();
    let event = Event::Decided {
        decision: crate::event::Decision::On,
        by: String::new(),
        parts: false,
    };
    state.fold(&plan, &event).unwrap();
    (plan, state)
}

/// A plan of this sketch after its first write, which stands.
fn stands(sketch: &str) -> (Plan, State) {
    let plan = fake::plan(Mode::Failover, sketch);
    let mut state = State::new(&plan);
    let (entry, way) = (0, Way::There);
    assert_eq!(next(&plan, &state), Move::Compare { entry, way });
    for event in written(way) {
        state.fold(&plan, &event).unwrap();
    }
    (plan, state)
}

/// The write of the first entry, that said it was done and was seen so.
fn written(way: Way) -> [Event; 4] {
    let (entry, note) = (0, String::new());
    let (from, to) = match way {
        Way::There => (Side::Before, Side::After),
        Way::Back => (Side::After, Side::Before),
    };
    let [compared, intended] = begins(entry, way, from);
    let answer = Answer::Done { note };
    let answered = Event::Answered { entry, way, answer };
    let settled = Event::Settled {
        entry,
        way,
        side: Some(to),
        detail: None,
        stored: Value::default(),
    };
    [compared, intended, answered, settled]
}

#[test]
fn what_is_temporary_and_stands_is_put_back_and_what_was_left_is_looked_at() {
    let (plan, state) = stands("tc");
    let told = |ending| keys(&plan, &state, ending, &[None, None]);
    assert_eq!(told(Ending::Held), ["put back t0"]);
    // The words put back that, and nothing more.
    let how = |ending| {
        let list = owed(&plan, &state, ending, &of(&[]), &Places::default());
        list.into_iter().map(|owed| owed.how).collect::<Vec<_>>()
    };
    assert_eq!(
        how(Ending::Held),
        ["put it back by hand; before the run `one`: `old`; `two`: `old`"]
    );
    // A stopped run is open: whoever resumes it puts it back.
    assert!(told(Ending::Stopped).is_empty());
    let (plan, state) = stands("cc");
    assert!(keys(&plan, &state, Ending::Held, &[None, None]).is_empty());
    let (plan, state) = left_to_others();
    assert_eq!(state.mark(0), Mark::Left);
    assert_eq!(
        keys(&plan, &state, Ending::DoneUnproven, &[None]),
        ["look at c0"]
    );
    let what = |sets: [&[usize]; 3]| {
        let [foreign, written, torn] = sets.map(|of| of.iter().copied().collect());
        let places = Places {
            foreign,
            written,
            torn,
            ..Places::default()
        };
        let mut list = owed(&plan, &state, Ending::DoneUnproven, &of(&[]), &places);
        list.remove(0).what
    };
    // That somebody else wrote there is said where that was read, and nowhere else.
    assert_eq!(
        what([&[0], &[0], &[]]),
        "`c0` was left as it is: somebody else wrote there"
    );
    assert_eq!(
        what([&[], &[0], &[]]),
        "`c0` was left as it is, as accepted: it was not seen to hold what was written"
    );
    // Nobody read it.
    assert_eq!(
        what([&[], &[], &[]]),
        "`c0` was left as it is: this run never wrote it, and it could not be read: nobody saw whether it is as before"
    );
    for round in [Round::Verify, Round::There] {
        let mut found = Findings::default();
        found.keep(round, 0, Finding::new(Outcome::Fail, "").side(Side::After));
        let list = owed(&plan, &state, Ending::Held, &found, &Places::default());
        assert_eq!(
            list[0].what,
            "`c0` was left as it is: this run never wrote it, and it is not as before"
        );
    }
    assert_eq!(
        what([&[0], &[0], &[0]]),
        "`c0` was left as it is, and holds neither value: a write of this run may have left it so"
    );
}

/// The first write of an entry is begun.
fn begun(entry: usize) -> [Event; 2] {
    begins(entry, Way::There, Side::Before)
}

/// A write of an entry is begun, whose place holds the value of this side.
fn begins(entry: usize, way: Way, side: Side) -> [Event; 2] {
    [
        Event::Compared {
            entry,
            way,
            side: Some(side),
            detail: None,
        },
        Event::Intended {
            entry,
            way,
            from: Value::default(),
            to: Value::default(),
            until: crate::clock::Stamp::at(0),
        },
    ]
}

/// A plan of this sketch whose first entry was begun, and accepted without a word of how it ended.
fn accepted(sketch: &str, answer: Option<Answer>, sides: &[Side]) -> (Plan, State, Places) {
    let plan = fake::plan(Mode::Failover, sketch);
    let (mut state, mut places) = (State::new(&plan), Places::default());
    let (entry, way) = (0, Way::There);
    let mut events = begun(entry).to_vec();
    events.extend(answer.map(|answer| Event::Answered { entry, way, answer }));
    events.extend(sides.iter().map(|side| Event::Settled {
        entry,
        way,
        side: Some(*side),
        detail: None,
        stored: Value::default(),
    }));
    let by = String::new();
    if state.held().is_none() {
        for event in &events {
            places.take_in(&state, event);
            state.fold(&plan, event).unwrap();
        }
    }
    if state.held().is_some() {
        let decision = crate::event::Decision::On;
        let event = Event::Decided {
            decision,
            by,
            parts: true,
        };
        state.fold(&plan, &event).unwrap();
    }
    (plan, state, places)
}

#[test]
fn what_nobody_saw_come_to_its_end_is_owed() {
    let owes = |(plan, state, places): &(Plan, State, Places), ending| {
        let list = owed(plan, state, ending, &of(&[]), places).into_iter();
        list.map(|owed| (owed.key, owed.what)).collect::<Vec<_>>()
    };
    let told = |key: &str, what: &str| vec![(key.to_owned(), what.to_owned())];
    let note = String::new();
    let done = || Some(Answer::Done { note: note.clone() });
    let unclear = Some(Answer::Unclear { why: note.clone() });
    // Said to be done, and seen not to be.
    let change = accepted("c", done(), &[Side::Before]);
    assert_eq!(change.1.mark(0), Mark::Claimed);
    assert_eq!(
        owes(&change, Ending::DoneUnproven),
        told(
            "see c0",
            "the write of `c0` said that it was done, and it was not seen so"
        )
    );
    assert!(owes(&change, Ending::Held).is_empty());
    let seen = accepted("c", done(), &[Side::After]);
    assert!(owes(&seen, Ending::Done).is_empty());
    let act = accepted("a", unclear, &[]);
    assert_eq!(act.1.mark(0), Mark::Standing);
    assert_eq!(
        owes(&act, Ending::DoneUnproven),
        told("see a0", "`a0` was begun, and how it ended is not known")
    );
    assert!(owes(&act, Ending::Stopped).is_empty());
    // Its own word is all that there is.
    let said = accepted("a", done(), &[]);
    assert!(owes(&said, Ending::Done).is_empty());
}

#[test]
fn what_the_playbook_skips_where_it_was_cut_off_is_owed_both_ways() {
    let (mut plan, ..) = accepted("a", None, &[]);
    let Nature::Act(act) = &mut plan.entries[0].nature else {
        panic!("it is an act");
    };
    act.if_interrupted = crate::plan::IfInterrupted::Skip;
    let (mut state, mut places) = (State::new(&plan), Places::default());
    let take = |state: &mut State, places: &mut Places, event: Event| {
        places.take_in(state, &event);
        state.fold(&plan, &event).unwrap();
    };
    let (entry, resumed) = (0, || Event::Resumed {
        by: String::new(),
        version: String::new(),
        anew: true,
    });
    let begins = |way| {
        let until = crate::clock::Stamp::at(0);
        let (from, to) = (Value::default(), Value::default());
        [
            Event::Compared {
                entry,
                way,
                side: None,
                detail: None,
            },
            Event::Intended {
                entry,
                way,
                from,
                to,
                until,
            },
        ]
    };
    for event in begins(Way::There) {
        take(&mut state, &mut places, event);
    }
    take(&mut state, &mut places, resumed());
    let what = |state: &State, places: &Places, ending| {
        let list = owed(&plan, state, ending, &of(&[]), places).into_iter();
        list.map(|owed| (owed.what, owed.how)).collect::<Vec<_>>()
    };
    assert_eq!(
        what(&state, &places, Ending::DoneUnproven),
        [(
            "`a0` was begun, and how it ended is not known".to_owned(),
            "look for what it does; do not type it, it would be done again: do 0".to_owned()
        )]
    );
    let back = Event::Decided {
        decision: crate::event::Decision::Back,
        by: String::new(),
        parts: true,
    };
    take(&mut state, &mut places, back);
    for event in begins(Way::Back) {
        take(&mut state, &mut places, event);
    }
    take(&mut state, &mut places, resumed());
    assert_eq!(state.mark(0), Mark::Back);
    assert_eq!(
        what(&state, &places, Ending::Undone),
        [(
            "putting back `a0` was begun, and how that ended is not known".to_owned(),
            "look for what it does; do not type it, it would be done again: undo 0".to_owned()
        )]
    );
}

#[test]
fn what_was_begun_and_not_ended_is_owed_by_what_the_run_came_to() {
    let act = &fake::plan(Mode::Drill, "a").entries[0];
    let begun = |mark, ending, unended| {
        unproven(act, mark, ending, unended).map(|owed| owed.what.contains("putting back"))
    };
    use Ending::{Done, DoneUnproven, Held, Stopped, Undone};
    for ending in [Done, DoneUnproven, Undone, Held, Stopped] {
        let there = matches!(ending, Done | DoneUnproven);
        let back = there || ending == Undone;
        assert_eq!(begun(Mark::Back, ending, true), back.then_some(true));
        assert_eq!(begun(Mark::Standing, ending, true), there.then_some(false));
        // What came to its end owes nothing.
        assert_eq!(begun(Mark::Back, ending, false), None);
        assert_eq!(begun(Mark::Standing, ending, false), None);
    }
}

#[test]
fn what_puts_back_one_thing_by_hand_is_told() {
    let mut plan = fake::plan(Mode::Drill, "cak");
    let told = |plan: &Plan, at: usize| put_back_by_hand(&plan.entries[at]);
    assert!(told(&plan, 0).starts_with("put it back by hand; before the run "));
    assert_eq!(told(&plan, 1), "put it back by hand: undo 1");
    if let Nature::Act(act) = &mut plan.entries[1].nature {
        act.undo = None;
    }
    assert_eq!(told(&plan, 1), "put it back by hand: it cannot be undone");
    assert_eq!(told(&plan, 2), "");
}

#[test]
fn what_was_left_is_told_once() {
    let (plan, state) = left_to_others();
    let found = [seen(Outcome::Fail)];
    let told = keys(&plan, &state, Ending::DoneUnproven, &found);
    assert_eq!(told, ["look at c0"]);
}

#[test]
fn an_old_side_that_was_gone_back_to_all_the_same_is_owed() {
    let plan = fake::plan(Mode::Failover, "pc");
    let state = State::new(&plan);
    let seen_in = |round, outcome| {
        let finding = Finding::new(outcome, "0 of 1 probe passes");
        [Some((round, finding)), None]
    };
    let probed = |outcome| seen_in(Round::Probe, outcome);
    for outcome in [Outcome::Late, Outcome::Unknown, Outcome::Fail] {
        // A drill that was to return may have looked at it only then.
        for round in [Round::Probe, Round::Return] {
            let found = seen_in(round, outcome);
            assert_eq!(keys(&plan, &state, Ending::Undone, &found), ["see back p0"]);
        }
    }
    assert!(keys(&plan, &state, Ending::Undone, &probed(Outcome::Warn)).is_empty());
    let what = owed(
        &plan,
        &state,
        Ending::Undone,
        &of(&probed(Outcome::Fail)),
        &Places::default(),
    );
    assert_eq!(
        what[0].what,
        "`old` was not seen to serve, and was gone back to: `p0` failed: 0 of 1 probe passes"
    );
}

#[test]
fn a_drill_owes_what_each_side_did_not_show() {
    let plan = fake::plan(Mode::Drill, "kc");
    let state = State::new(&plan);
    let told = |there: Outcome, back: Outcome| {
        let mut findings = Findings::default();
        findings.keep(Round::There, 0, Finding::new(there, "seen there"));
        findings.keep(Round::Return, 0, Finding::new(back, "seen back"));
        let ending = Ending::DoneUnproven;
        let list = owed(&plan, &state, ending, &findings, &Places::default());
        list.into_iter()
            .map(|owed| (owed.key, owed.what))
            .collect::<Vec<_>>()
    };
    let there = (
        "see k0".to_owned(),
        "`k0` failed while new was to serve: seen there".to_owned(),
    );
    let back = (
        "see back k0".to_owned(),
        "`k0` was late while old was to serve: seen back".to_owned(),
    );
    // That the way back passes says nothing of the side that was to serve.
    assert_eq!(
        told(Outcome::Fail, Outcome::Pass),
        std::slice::from_ref(&there)
    );
    assert_eq!(
        told(Outcome::Pass, Outcome::Late),
        std::slice::from_ref(&back)
    );
    assert_eq!(told(Outcome::Fail, Outcome::Late), [there, back]);
    assert!(told(Outcome::Pass, Outcome::Pass).is_empty());
}

#[test]
fn an_undo_owes_what_its_last_looks_did_not_see() {
    let plan = fake::plan(Mode::Failover, "pck");
    let state = State::new(&plan);
    let told = |probe: Outcome, verify: &[(usize, Outcome)]| {
        let mut findings = Findings::default();
        findings.keep(Round::There, 2, Finding::new(Outcome::Fail, "there"));
        findings.keep(Round::Probe, 0, Finding::new(probe, "before"));
        for (entry, outcome) in verify {
            findings.keep(Round::Verify, *entry, Finding::new(*outcome, "after"));
        }
        let list = owed(&plan, &state, Ending::Undone, &findings, &Places::default());
        list.into_iter().map(|owed| owed.what).collect::<Vec<_>>()
    };
    let (pass, late) = (Outcome::Pass, Outcome::Late);
    assert_eq!(
        told(pass, &[(2, late)]),
        ["all was put back, and `k2` was late: after"]
    );
    assert!(told(pass, &[(2, Outcome::Warn)]).is_empty());
    // It was seen to serve after the undo.
    assert!(told(late, &[(0, pass), (2, pass)]).is_empty());
    assert_eq!(told(late, &[(2, pass)]).len(), 1);
}
