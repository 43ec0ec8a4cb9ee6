//! What a run does now, and what of it counts in the end.

use std::time::Duration;

use super::fixture::{self, FLIP, PACKAGES, TRAFFIC};
use super::{act, lines_of, names, with_acts};
use crate::event::{Answer, Decision, Ending, Event, Finding, Record, Round};
use crate::machine::Hold;
use crate::plan::{Mode, Outcome, Side, Way};
use crate::report::{Cursor, Now, SeenNow, Standing, Style, Tally, card, render, resume, rollback};

/// What the run does now, after each record, in a few words.
fn course(records: &[Record]) -> Vec<Now> {
    let mut tally = Tally::new();
    let mut cursor = Cursor::new();
    let mut course = Vec::new();
    for record in records {
        tally.fold(record);
        cursor.fold(&tally, record);
        course.push(cursor.now().clone());
    }
    course.dedup();
    course
}

/// The batch after the flip, where all but the traffic is well.
fn moved_but(traffic: Finding) -> Vec<(usize, Finding)> {
    vec![
        (fixture::PUBLISHED, fixture::pass("all answer the new")),
        (fixture::PUBLIC, fixture::pass("4 probes pass")),
        (TRAFFIC, traffic),
    ]
}

fn decides(now: Option<&Now>) -> bool {
    matches!(now, Some(Now::Deciding { .. }))
}

#[test]
fn the_cursor_knows_what_comes_before_it_is_recorded() {
    let looking = |round, left: &[usize]| Now::Looking {
        round,
        left: left.to_vec(),
    };
    let course_of_undo = course(&fixture::undone());
    for expected in [
        looking(Round::There, &[0, 1, 2]),
        looking(Round::There, &[PACKAGES]),
        Now::Writing {
            entry: FLIP,
            way: Way::There,
        },
        looking(Round::There, &[4, 5, 6]),
        looking(Round::Probe, &[1]),
        Now::Writing {
            entry: FLIP,
            way: Way::Back,
        },
        looking(Round::Verify, &[FLIP, 4, 5, 6]),
    ] {
        assert!(
            course_of_undo.contains(&expected),
            "{expected:?} is missing"
        );
    }
    assert_eq!(course_of_undo.last(), Some(&Now::Ended));
    let held = course(&fixture::held());
    let hold = Hold::Late;
    assert_eq!(held[held.len() - 2..], [Now::Deciding { hold }, Now::Ended]);
    let drill = course(&fixture::happy_drill());
    assert!(drill.contains(&Now::Holding));
    assert!(drill.contains(&looking(Round::Return, &[0, 1, 2])));
}

#[test]
fn a_hold_says_what_is_not_seen_at_the_target() {
    let said = |records: &[Record]| {
        let mut story = Tally::new();
        let mut cursor = Cursor::new();
        let mut texts = Vec::new();
        for record in records {
            story.fold(record);
            texts.extend(
                (cursor.tell(&story, record, false))
                    .into_iter()
                    .map(|it| it.text),
            );
        }
        let holds: Vec<String> = texts
            .into_iter()
            .filter(|it| it.contains("; holding"))
            .collect();
        holds.concat()
    };
    let all = "all is on cloud; holding 10m before the way back";
    assert_eq!(said(&fixture::happy_drill()), all);
    let mut story = fixture::Story::of(fixture::plan(Mode::Drill));
    let late = Finding::new(Outcome::Late, "32% of the rate arrives");
    story.baseline().ready(Round::There).flip(Way::There);
    story.batch(
        Round::There,
        vec![
            (fixture::PUBLISHED, fixture::pass("all answer the new")),
            (fixture::PUBLIC, fixture::pass("4 probes pass by name")),
            (TRAFFIC, late),
        ],
    );
    story.says(Event::Decided {
        decision: Decision::On,
        by: "anna@ops2".into(),
        parts: false,
    });
    assert_eq!(
        said(&story.records),
        "not all is seen on cloud (traffic: late); holding 10m before the way back"
    );
}

#[test]
fn a_later_look_overtakes_an_earlier_reason() {
    let mut records = fixture::held();
    let mut story = fixture::Story::following(std::mem::take(&mut records));
    story
        .after(60)
        .says(Event::Resumed {
            by: "anna@ops2".into(),
            version: "0.1.0".into(),
            anew: true,
        })
        .batch(
            Round::There,
            vec![(
                TRAFFIC,
                Finding::new(Outcome::Late, "79% of the rate arrives"),
            )],
        );
    let again = Tally::of(&story.records);
    assert_eq!(again.ending(), None);
    assert_eq!(again.because().len(), 1);
    assert_eq!(again.because()[0].text, "79% of the rate arrives");
    story.batch(Round::There, vec![(TRAFFIC, fixture::pass("81%"))]);
    let done = Tally::of(&story.ends(Ending::Done));
    assert_eq!(done.because(), []);
    assert_eq!(done.rto(), Some(Duration::from_secs(972)));
}

#[test]
fn an_act_is_believed_and_what_is_temporary_goes_back() {
    let mut story = fixture::Story::of(with_acts(Mode::Failover));
    story.baseline();
    act(&mut story, fixture::MIRROR, Way::There);
    act(&mut story, fixture::WORKS, Way::There);
    story.batch(Round::There, vec![(PACKAGES, fixture::packages())]);
    story.flip(Way::There).moved(Round::There);
    act(&mut story, fixture::WORKS, Way::Back);
    let records = story.ends(Ending::Done);
    let tally = Tally::of(&records);
    assert_eq!(tally.because(), []);
    assert_eq!(tally.standing(fixture::MIRROR), Standing::Stands);
    assert_eq!(tally.standing(fixture::WORKS), Standing::PutBack);
    let course = course(&records);
    let tidied = Now::Writing {
        entry: fixture::WORKS,
        way: Way::Back,
    };
    assert!(course.contains(&tidied), "{course:?}");
    insta::assert_snapshot!("acts", lines_of(&records, Style::plain()));
}

#[test]
fn what_was_so_already_is_not_ours_to_put_back() {
    let mut story = fixture::Story::of(fixture::plan(Mode::Failover));
    story.ready(Round::There).says(Event::Compared {
        entry: FLIP,
        way: Way::There,
        side: Some(Side::After),
        detail: None,
    });
    let tally = Tally::of(&story.records);
    assert_eq!(tally.standing(FLIP), Standing::Already);
    assert!(!tally.anything_stands());
    assert!(!tally.ever_wrote());
}

#[test]
fn an_emergency_asks_before_it_goes_back() {
    let failed = || moved_but(Finding::new(Outcome::Fail, "nothing arrives"));
    for (mode, asks) in [(Mode::Emergency, true), (Mode::Failover, false)] {
        let mut story = fixture::Story::of(fixture::plan(mode));
        story.baseline().ready(Round::There);
        story.flip(Way::There).batch(Round::There, failed());
        let course = course(&story.records);
        assert_eq!(decides(course.last()), asks, "{mode}");
        let text = lines_of(&story.records, Style::plain());
        assert_eq!(text.contains("stopped for a decision"), asks, "{text}");
    }
}

#[test]
fn a_sick_old_side_is_a_reason_to_ask() {
    let mut story = fixture::Story::of(fixture::plan(Mode::Failover));
    let sick = Finding::new(Outcome::Unknown, "no answer from primary in 10s");
    let failed = Finding::new(Outcome::Fail, "nothing arrives");
    story
        .baseline()
        .ready(Round::There)
        .flip(Way::There)
        .batch(Round::There, moved_but(failed))
        .batch(Round::Probe, vec![(fixture::WORKS, sick)]);
    assert!(decides(course(&story.records).last()));
    let text = lines_of(&story.ends(Ending::Held), Style::plain());
    assert!(text.contains("before anything is put back"), "{text}");
    assert!(text.contains("cutover rollback r17 --anyway\n"), "{text}");
}

#[test]
fn what_a_run_owed_is_over_when_it_was_put_back() {
    let emergency = fixture::emergency();
    assert!(!Tally::of(&emergency).owed().is_empty());
    let mut story = fixture::Story::following(emergency);
    let by = "anna@ops2".to_owned();
    let decision = Decision::Back;
    let records = story
        .says(Event::Decided {
            decision,
            by,
            parts: true,
        })
        .flip(Way::Back)
        .ends(Ending::Undone);
    assert!(Tally::of(&records).owed().is_empty());
}

#[test]
fn who_was_told_to_go_back_in_a_write_goes_on_with_that() {
    let mut story = fixture::Story::of(fixture::plan(Mode::Failover));
    story.baseline().ready(Round::There);
    let answer = Answer::Unclear { why: "-".into() };
    story.write(Way::There, answer);
    assert!(!Tally::of(&story.records).is_on_its_way_back());
    story.says(Event::Decided {
        decision: Decision::Back,
        by: "anna@ops2".into(),
        parts: true,
    });
    // It was cut off before its write was settled.
    let tally = Tally::of(&story.records);
    assert!(tally.is_on_its_way_back());
    let style = Style::plain();
    let told = render(&resume("r17", &tally, &style), &style);
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains("it puts back what stands: dedicated is active then"),
        "{told}"
    );
    let next = render(&card(&tally, &names(), &style), &style);
    assert!(next.contains("go on putting it back"), "{next}");
}

#[test]
fn what_was_left_on_the_way_there_is_not_promised_by_a_rollback() {
    let mut story = fixture::Story::of(fixture::plan(Mode::Failover));
    story.baseline().ready(Round::There);
    let note = String::new();
    story.write(Way::There, Answer::Done { note });
    story.settle(Way::There, Some(Side::Foreign));
    let seen = SeenNow {
        places: &[],
        gates: &[],
        led_again: false,
        by_hand: &[],
    };
    let style = Style::plain();
    let told = |records: &[Record]| {
        let told = render(&rollback("r17", &Tally::of(records), seen, &style), &style);
        told.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(told(&story.records).contains("1 change to put back"));
    story.says(Event::Decided {
        decision: Decision::On,
        by: "anna@ops2".into(),
        parts: true,
    });
    let told = told(&story.records);
    assert!(told.contains("0 changes to put back"), "{told}");
    assert!(
        told.contains("was left as it is, as a person accepted: it is not put back"),
        "{told}"
    );
    assert_eq!(Tally::of(&story.records).entries_left_there(), [FLIP]);
}
