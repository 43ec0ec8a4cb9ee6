use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::clock::Clock;
use crate::engine::{NoMemory, Nobody};
use crate::event::{Answer, Finding};
use crate::fake::{FakeWorld, plan};
use crate::journal::Dry;
use crate::machine::Hold;

type Taken<'r> = Run<'r, Dry, FakeWorld, NoMemory, Nobody>;

/// What `ask` finds of a run that has taken in these events.
fn told<T>(plan: &Plan, events: &[Event], ask: impl FnOnce(&mut Taken<'_>) -> T) -> T {
    let clock = Clock::following_tokio("2026-11-22T03:05:00Z".parse().unwrap());
    let world = FakeWorld::new(plan, clock.clone());
    let mut journal = Dry::shown(clock, Arc::new(|_| {}));
    let (_switch, stop) = StopSwitch::new();
    let outfit = Outfit {
        world: &world,
        memory: &NoMemory,
        people: &Nobody,
        stop,
        pulses: Pulses::none(),
        by: "test".into(),
    };
    let mut run = Run::new(plan, &mut journal, outfit);
    for event in events {
        run.take_in(event).unwrap();
    }
    ask(&mut run)
}

fn compared(way: Way, side: Side) -> Event {
    Event::Compared {
        entry: 0,
        way,
        side: Some(side),
        detail: None,
    }
}

fn intended(way: Way) -> Event {
    Event::Intended {
        entry: 0,
        way,
        from: Value::default(),
        to: Value::default(),
        until: Stamp::at(5),
    }
}

fn answered(way: Way, answer: Answer) -> Event {
    let entry = 0;
    Event::Answered { entry, way, answer }
}

fn unclear() -> Answer {
    Answer::Unclear { why: String::new() }
}

fn settled(way: Way, side: Option<Side>, stored: &[&str]) -> Event {
    let stored = stored
        .iter()
        .map(|key| ((*key).to_owned(), "stored".into()));
    Event::Settled {
        entry: 0,
        way,
        side,
        detail: None,
        stored: Value(stored.collect()),
    }
}

/// A write on the way there that was looked at.
fn written(side: Option<Side>, stored: &[&str]) -> Vec<Event> {
    vec![
        compared(Way::There, Side::Before),
        intended(Way::There),
        answered(Way::There, unclear()),
        settled(Way::There, side, stored),
    ]
}

/// What was as before after a write, and holds something else later, was written by somebody else.
#[tokio::test]
async fn a_write_may_have_torn_a_place_only_until_it_is_read() {
    let plan = plan(Mode::Emergency, "c");
    let torn = |first: Option<Side>, more: &[Event]| {
        let mut events = written(first, &[]);
        events.extend(more.iter().cloned());
        told(&plan, &events, |run| run.places.is_torn(0))
    };
    let resumed = Event::Resumed {
        by: String::new(),
        version: String::new(),
        anew: true,
    };
    let again = decided(Decision::Again, "test".into());
    let foreign = settled(Way::There, Some(Side::Foreign), &[]);
    assert!(torn(Some(Side::Foreign), &[]));
    assert!(!torn(
        Some(Side::Before),
        &[resumed.clone(), foreign.clone()]
    ));
    assert!(
        torn(None, &[again.clone(), foreign.clone()]),
        "it was not read"
    );
    assert!(torn(Some(Side::Foreign), &[again.clone(), foreign]));
    let after = settled(Way::There, Some(Side::After), &[]);
    assert!(!torn(Some(Side::Foreign), &[again, after]));
    // A look that finds there what was written has read it as well.
    let finding = Finding::new(Outcome::Pass, "it stands").side(Side::After);
    let looked = Event::Looked {
        entry: 0,
        round: Round::There,
        finding,
    };
    assert!(!torn(Some(Side::Foreign), &[looked]));
}

#[tokio::test]
async fn a_write_may_land_until_it_is_known_that_it_was_refused() {
    let plan = plan(Mode::Failover, "c");
    let until = |answer: Option<Answer>| {
        let mut events = vec![compared(Way::There, Side::Before), intended(Way::There)];
        events.extend(answer.map(|answer| answered(Way::There, answer)));
        told(&plan, &events, |run| {
            run.until.clone().map(|(_, until)| until)
        })
    };
    let why = String::new;
    assert_eq!(until(None), Some(Stamp::at(5)));
    assert_eq!(until(Some(unclear())), Some(Stamp::at(5)));
    assert_eq!(
        until(Some(Answer::Done { note: why() })),
        Some(Stamp::at(5))
    );
    assert_eq!(
        until(Some(Answer::Declined { why: why() })),
        Some(Stamp::at(5))
    );
    assert_eq!(until(Some(Answer::Refused { why: why() })), None);
}

/// A server that stores another TTL than it was given: what was made is held against what it stored.
#[tokio::test]
async fn what_was_stored_instead_is_what_was_made() {
    let plan = plan(Mode::Failover, "c");
    let made = |events: &[Event]| {
        told(&plan, events, |run| {
            run.made.get(&0).map(|edit| edit.after.0["one"].told())
        })
    };
    let stored = Some("stored".to_owned());
    assert_eq!(made(&written(Some(Side::After), &["one"])), stored);
    assert_eq!(made(&written(Some(Side::Mixed), &["one"])), stored);
    assert_eq!(made(&written(Some(Side::After), &[])), None);
    assert_eq!(made(&written(Some(Side::Foreign), &["one"])), None);
}

#[tokio::test]
async fn what_was_seen_is_kept_for_those_who_ask_later() {
    let mut plan = plan(Mode::Failover, "bck");
    plan.entries[0].rule.late = crate::plan::Then::Hold;
    let sights = vec![Sight {
        key: "one".into(),
        step: "b0".into(),
        seen: Ok(json!(1)),
    }];
    let finding = Finding::new(Outcome::Late, "as it was seen");
    let (entry, round) = (0, Round::There);
    let looked = Event::Looked {
        entry,
        round,
        finding: finding.clone(),
    };
    let judged = Event::Judged {
        round,
        outcomes: vec![(0, Outcome::Late)],
    };
    let taken = Event::BaselineTaken {
        sights: sights.clone(),
    };
    told(&plan, &[looked, taken, judged], |run| {
        assert_eq!(run.baseline, sights);
        assert_eq!(run.findings.seen(round, 0), Some(&finding));
        assert!(run.shown.covers(&plan, 0, &finding));
        let worse = Finding::new(Outcome::Fail, "worse");
        assert!(!run.shown.covers(&plan, 0, &worse));
        assert_eq!(run.state.held(), Some(Hold::Late));
    });
}

/// What a check found stands beside its judgement; a bad word of a place is no longer so once the place is well.
#[tokio::test]
async fn only_of_a_place_that_is_well_again_what_was_found_is_forgotten() {
    let round = Round::There;
    let kept = |sketch, before: Vec<Event>, outcome| {
        let plan = plan(Mode::Failover, sketch);
        let looked = Event::Looked {
            entry: 0,
            round,
            finding: Finding::new(outcome, "as it was seen"),
        };
        let judged = Event::Judged {
            round,
            outcomes: vec![(0, outcome)],
        };
        let events = [before, vec![looked, judged]].concat();
        told(&plan, &events, |run| run.findings.seen(round, 0).is_some())
    };
    let write = || written(Some(Side::After), &[]);
    assert!(kept("bck", Vec::new(), Outcome::Pass));
    assert!(kept("c", write(), Outcome::Fail));
    assert!(!kept("c", write(), Outcome::Pass));
}

/// Where it goes back already, or ends, nobody has to be heard.
#[tokio::test]
async fn whoever_wants_it_put_back_is_heard_while_it_goes_on() {
    let hears = |mode, events: &[Event]| told(&plan(mode, "c"), events, |run| run.heeds().back);
    for mode in [Mode::Drill, Mode::Failover, Mode::Emergency] {
        assert!(hears(mode, &[]), "{mode}");
        let stop = Event::StopAsked { by: String::new() };
        assert!(!hears(mode, &[stop]), "{mode}");
        let mut back = written(Some(Side::After), &[]);
        assert!(hears(mode, &back), "{mode}");
        back.push(decided(Decision::Back, "test".into()));
        assert!(!hears(mode, &back), "{mode}");
    }
    for mode in [Mode::Check, Mode::Plan] {
        assert!(!hears(mode, &[]), "{mode}");
    }
    // That it stays is for a drill in its hold.
    let stays = |events: &[Event]| told(&plan(Mode::Drill, "c"), events, |run| run.heeds().stay);
    let mut hold = written(Some(Side::After), &[]);
    assert!(!stays(&[]) && stays(&hold));
    hold.push(Event::StopAsked { by: String::new() });
    assert!(!stays(&hold));
}

/// Whoever resumes accepts with it what was gone over since the last write, and nothing from before it.
#[tokio::test]
async fn what_was_accepted_counts_until_the_next_write() {
    let plan = plan(Mode::Emergency, "ckc");
    let sick = || Finding::new(Outcome::Fail, "0 of 4 probes pass");
    let failed = |entry| {
        let mut findings = Findings::default();
        findings.keep(Round::There, entry, sick());
        Shown::of(&plan, Round::There, &[(entry, Outcome::Fail)], &findings)
    };
    let judged = Event::Judged {
        round: Round::There,
        outcomes: vec![(1, Outcome::Fail)],
    };
    let held = [written(Some(Side::After), &[]), vec![judged]].concat();
    let on = decided(Decision::On, "test".into());
    // What the second change of the plan goes through up to its intent.
    let at_last = |event: Event| match event {
        Event::Compared { way, side, .. } => Event::Compared {
            entry: 2,
            way,
            side,
            detail: None,
        },
        Event::Intended {
            way,
            from,
            to,
            until,
            ..
        } => Event::Intended {
            entry: 2,
            way,
            from,
            to,
            until,
        },
        other => other,
    };
    told(&plan, &held, |run| {
        run.shown = failed(1);
        run.take_in(&on).unwrap();
        assert!(run.accepted.covers_all(&failed(1)));
        run.take_in(&at_last(compared(Way::There, Side::Before)))
            .unwrap();
        assert!(run.accepted.covers_all(&failed(1)), "nothing was written");
        run.take_in(&at_last(intended(Way::There))).unwrap();
        assert!(!run.accepted.covers_all(&failed(1)));
    });
    // Of a place that somebody else wrote in, its own look tells what is so.
    let foreign = written(Some(Side::Foreign), &[]);
    told(&plan, &foreign, |run| {
        run.shown = failed(1);
        run.take_in(&on).unwrap();
        assert!(!run.accepted.covers_all(&failed(1)));
    });
}

#[tokio::test]
async fn a_request_to_stop_is_heard_once() {
    let plan = plan(Mode::Failover, "c");
    let asked = |events: &[Event]| told(&plan, events, |run| run.asked_to_stop());
    let stop = Event::StopAsked { by: String::new() };
    let ended = Event::Ended {
        ending: Ending::Stopped,
    };
    assert!(!asked(&[]));
    assert!(asked(std::slice::from_ref(&stop)));
    assert!(asked(&[stop, ended]));
}

/// What is read of a place in which somebody else wrote is theirs, but for what is ours.
#[tokio::test]
async fn of_a_place_that_others_wrote_in_what_is_ours_goes_back() {
    let plan = plan(Mode::Emergency, "c");
    let edit = crate::fake::edit_of("c0");
    let mut mixed = edit.after.clone();
    mixed.0.insert("one".into(), "theirs".into());
    let kept = |shared: bool, way: Way| {
        let side = if shared { Side::Foreign } else { Side::After };
        let mut events = written(Some(side), &[]);
        events.push(decided(Decision::Back, "test".into()));
        told(&plan, &events, |run| {
            run.keep(0, way, &edit, Some(mixed.clone()));
            let ours = run.ours.as_ref().map(|ours| ours.after.0.len());
            (run.leaves_parts(0, way), ours, run.seen.is_some())
        })
    };
    assert_eq!(kept(true, Way::Back), (true, Some(1), true));
    assert_eq!(kept(true, Way::There), (false, None, true));
    assert_eq!(kept(false, Way::Back), (false, None, true));
}

/// Where nobody knows what a write did, a place that holds neither value may be left so by it; and only of one that said
/// it was done another TTL is the server's doing. What was refused stored none.
#[tokio::test]
async fn what_a_write_said_of_itself_is_known_to_whoever_looks_behind_it() {
    let plan = plan(Mode::Failover, "c");
    let edit = crate::fake::edit_of("c0");
    let told = |answer: Option<Answer>| {
        let mut events = vec![compared(Way::There, Side::Before), intended(Way::There)];
        events.extend(answer.map(|answer| answered(Way::There, answer)));
        told(&plan, &events, |run| {
            let until = Stamp::at(5);
            let of = run.settling(0, Way::There, &edit, &until);
            (of.torn, of.said_done, of.no_stored_ttl)
        })
    };
    let why = String::new;
    assert_eq!(told(None), (true, false, false));
    assert_eq!(told(Some(unclear())), (true, false, false));
    assert_eq!(
        told(Some(Answer::Done { note: why() })),
        (false, true, false)
    );
    assert_eq!(
        told(Some(Answer::Declined { why: why() })),
        (false, false, false)
    );
    assert_eq!(
        told(Some(Answer::Refused { why: why() })),
        (false, false, true)
    );
    // One that was torn before it was tried again is so still, whatever the second one said.
    let mut events = written(Some(Side::Foreign), &[]);
    events.push(decided(Decision::Again, "test".into()));
    let torn = self::told(&plan, &events, |run| {
        run.settling(0, Way::There, &edit, &Stamp::at(5)).torn
    });
    assert!(torn);
}
