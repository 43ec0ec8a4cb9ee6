//! The card at the end of a run.

use super::fixture::{self, FLIP};
use super::{act, names, stories, with_acts};
use crate::clock::Stamp;
use crate::event::{Answer, Decision, Ending, Event, Finding, Owed, Record, Round};
use crate::plan::{Entry, Mode, Outcome, Question, Side, Stay, Value, Way};
use crate::report::{Proof, Standing, Style, Tally, card, plan, render};

#[test]
fn cards_and_plans_fit_80_columns_and_colour_adds_nothing_else() {
    let strip = |text: &str| anstream::adapter::strip_str(text).to_string();
    for (name, records) in stories() {
        let tally = Tally::of(&records);
        let style = Style::terminal(true, 80);
        let bare = Style::terminal(false, 80);
        let coloured = render(&card(&tally, &names(), &style), &style);
        let plain = render(&card(&tally, &names(), &bare), &bare);
        assert!(coloured.contains("\x1b["), "{name}");
        assert_eq!(strip(&coloured), plain, "{name}");
        for line in plain.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
    }
    let style = Style::plain();
    for line in plan(&fixture::plan(Mode::Drill), &[], None, &style) {
        assert!(line.width() <= 80, "{}", line.render(&style));
    }
}

#[test]
fn a_narrow_terminal_is_no_reason_to_say_less() {
    let style = Style::terminal(false, 40);
    let tally = Tally::of(&fixture::held());
    let text = render(&card(&tally, &names(), &style), &style);
    insta::assert_snapshot!("in_40_columns", text);
}

#[test]
fn every_prefix_of_a_story_has_a_card() {
    for (name, records) in stories() {
        for n in 1..records.len() {
            let tally = Tally::of(&records[..n]);
            let text = render(&card(&tally, &names(), &Style::plain()), &Style::plain());
            assert!(text.contains("not ended"), "{name} at {n}");
            if tally.plan().unwrap().mode != Mode::Plan {
                assert!(text.contains("cutover resume r17"), "{name} at {n}: {text}");
            }
            assert_eq!(
                text.contains("cutover rollback r17"),
                tally.anything_stands(),
                "{name} at {n}: {text}"
            );
        }
    }
}

#[test]
fn a_rollback_of_a_finished_run_puts_the_card_right() {
    let mut story = fixture::Story::following(fixture::accepted());
    story
        .after(3600)
        .says(Event::Decided {
            decision: Decision::Back,
            by: "anna@ops2".into(),
            parts: true,
        })
        .flip(Way::Back);
    let tally = Tally::of(&story.ends(Ending::Undone));
    assert_eq!(tally.ending(), Some(Ending::Undone));
    assert_eq!(tally.standing(FLIP), Standing::PutBack);
    let text = render(&card(&tally, &names(), &Style::plain()), &Style::plain());
    assert!(
        text.contains("Now      1 change put back; no check has seen since"),
        "{text}"
    );
    assert!(text.contains("anna@ops2 decided to go back"), "{text}");
}

#[test]
fn a_write_without_effect_is_told_with_what_the_server_said() {
    let mut story = fixture::Story::of(fixture::plan(Mode::Failover));
    let why = "the name server `192.0.2.54:53` answered `Server Failure` to the update".to_owned();
    story
        .baseline()
        .ready(Round::There)
        .write(Way::There, Answer::Unclear { why })
        .settle(Way::There, Some(Side::Before));
    let text = render(
        &card(
            &Tally::of(&story.ends(Ending::Undone)),
            &names(),
            &Style::plain(),
        ),
        &Style::plain(),
    );
    let told = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains(
            "the write had no effect: the name server `192.0.2.54:53` answered `Server Failure`"
        ),
        "{text}"
    );
}

#[test]
fn what_the_playbook_leaves_out_is_in_the_plan_and_on_the_card() {
    let mut records = fixture::happy_drill();
    let Event::Started { plan, .. } = &mut records[0].event else {
        panic!("a story begins with its plan");
    };
    plan.left_out = vec![Stay {
        what: "packages".into(),
        why: "until 2035-03-31: home is upgraded\x1b[2J last".into(),
    }];
    let style = Style::plain();
    let shown = render(&plan::plan(plan, &[], None, &style), &style);
    assert!(
        shown.contains("\nLeft out\n  packages  until 2035-03-31: home is upgraded"),
        "{shown}"
    );
    let card = render(&card(&Tally::of(&records), &names(), &style), &style);
    assert!(
        card.contains("\nLeft out packages until 2035-03-31: home is upgraded"),
        "{card}"
    );
    assert!(!(shown + &card).contains('\x1b'));
}

#[test]
fn the_card_tells_what_stands_in_doubt() {
    let unclear = || Answer::Unclear {
        why: "no answer in 30s".to_owned(),
    };
    let done = Answer::Done {
        note: String::new(),
    };
    let cases = [
        (
            unclear(),
            Some(Side::Mixed),
            Standing::Half,
            "only part of it stands",
        ),
        // A write that was cut off in the middle leaves neither value, too.
        (
            unclear(),
            Some(Side::Foreign),
            Standing::Torn,
            "holds neither value, perhaps by a write of this run",
        ),
        (
            done,
            Some(Side::Foreign),
            Standing::Foreign,
            "changed by somebody else",
        ),
        (
            unclear(),
            None,
            Standing::Unclear,
            "begun, and not seen since",
        ),
        (
            unclear(),
            Some(Side::Before),
            Standing::Untouched,
            "not changed",
        ),
    ];
    for (answer, side, standing, words) in cases {
        let mut story = fixture::Story::of(fixture::plan(Mode::Failover));
        story
            .ready(Round::There)
            .write(Way::There, answer)
            .settle(Way::There, side);
        let tally = Tally::of(&story.ends(Ending::Held));
        assert_eq!(tally.standing(FLIP), standing);
        let text = render(&card(&tally, &names(), &Style::plain()), &Style::plain());
        assert!(text.contains(words), "{text}");
        assert!(text.contains("Why      flip/raspbian.example"), "{text}");
        let stands = side == Some(Side::Before);
        assert_eq!(text.contains("cutover rollback r17"), !stands, "{text}");
        assert_eq!(
            text.contains("Now      nothing was changed"),
            stands,
            "{text}"
        );
    }
}

#[test]
fn a_question_that_no_step_answers_is_not_proven() {
    let mut plan = fixture::plan(Mode::Failover);
    for entry in &mut plan.entries {
        entry.answers = None;
    }
    let mut story = fixture::Story::of(plan);
    let tally = Tally::of(&story.flip(Way::There).ends(Ending::Done));
    for question in [Question::Ready, Question::Fast, Question::Moves] {
        assert!(matches!(tally.answer(question), Proof::NotProven(_)));
    }
}

#[test]
fn a_drill_says_what_could_not_be_put_back() {
    let mut plan = with_acts(Mode::Drill);
    plan.entries.remove(fixture::WORKS);
    plan.entries.remove(fixture::WORKS);
    plan.entries.truncate(2);
    let mut story = fixture::Story::of(plan);
    act(&mut story, fixture::MIRROR, Way::There);
    story.says(Event::HoldOver {
        by: "the clock".into(),
    });
    let tally = Tally::of(&story.ends(Ending::Done));
    let text = render(&card(&tally, &names(), &Style::plain()), &Style::plain());
    assert!(
        text.contains("0 of 2 changes put back, 1 left standing"),
        "{text}"
    );
}

/// The card on a screen where nothing is wrapped.
fn wide(records: &[Record]) -> String {
    let style = Style {
        width: 10_000,
        ..Style::plain()
    };
    render(&card(&Tally::of(records), &names(), &style), &style)
}

#[test]
fn a_time_that_ended_unproven_is_not_verified_by_the_rollback_after_it() {
    for (ending, words) in [
        (Ending::Done, "from the decision to the verified target"),
        (
            Ending::DoneUnproven,
            "from the decision to the last look; not everything was seen",
        ),
    ] {
        let mut story = fixture::Story::of(fixture::plan(Mode::Failover));
        let there = story.ready(Round::There).flip(Way::There).ends(ending);
        assert!(wide(&there).contains(words), "{}", wide(&there));
        let decided = Event::Decided {
            decision: Decision::Back,
            by: "root@ops1".into(),
            parts: true,
        };
        let mut story = fixture::Story::following(there);
        let back = story.says(decided).flip(Way::Back).ends(Ending::Undone);
        assert!(wide(&back).contains(words), "{}", wide(&back));
    }
}

#[test]
fn what_was_so_already_is_not_made() {
    let plan = crate::fake::plan(Mode::Failover, "cc");
    let way = Way::There;
    let compared = |entry, side| Event::Compared {
        entry,
        way,
        side: Some(side),
        detail: None,
    };
    let mut story = fixture::Story::of(plan);
    story
        .says(compared(0, Side::After))
        .says(compared(1, Side::Before))
        .says(Event::Intended {
            entry: 1,
            way,
            from: Value::default(),
            to: Value::default(),
            until: Stamp::at(0),
        })
        .says(Event::Answered {
            entry: 1,
            way,
            answer: Answer::Done {
                note: String::new(),
            },
        })
        .says(Event::Settled {
            entry: 1,
            way,
            side: Some(Side::After),
            detail: None,
            stored: Value::default(),
        })
        .says(Event::Judged {
            round: Round::There,
            outcomes: vec![(0, Outcome::Pass), (1, Outcome::Pass)],
        });
    let text = wide(&story.ends(Ending::Done));
    assert!(
        text.contains("1 change made and seen, 1 was so already"),
        "{text}"
    );
}

#[test]
fn a_run_that_came_to_no_end_owes_it_once_it_wrote() {
    let records = fixture::happy_drill();
    let intended = |record: &Record| matches!(record.event, Event::Intended { .. });
    let begun = records.iter().position(intended).unwrap();
    let owed = "Owed     the end of this run";
    assert!(!wide(&records[..begun]).contains(owed));
    assert!(wide(&records[..=begun]).contains(owed));
    assert!(!wide(&records).contains(owed));
}

#[test]
fn where_nothing_was_to_be_changed_no_time_is_missed() {
    let mut story = fixture::Story::of(fixture::plan(Mode::Failover));
    let text = wide(&story.ready(Round::There).ends(Ending::Done));
    assert!(
        text.contains("RTO not measured: no change was needed"),
        "{text}"
    );
    let mut story = fixture::Story::of(fixture::plan(Mode::Failover));
    let text = wide(&story.ready(Round::There).ends(Ending::Refused));
    assert!(text.contains("RTO not reached"), "{text}");
}

/// What is proposed to be done next, row by row.
fn proposed(records: &[Record]) -> Vec<String> {
    let card = wide(records);
    let rows = card
        .lines()
        .skip_while(|line| !line.starts_with("Next"))
        .take_while(|line| line.starts_with("Next") || line.starts_with(' '));
    rows.map(str::to_owned).collect()
}

#[test]
fn what_is_proposed_second_fits_the_end() {
    let flipped = || {
        let mut story = fixture::Story::of(fixture::plan(Mode::Failover));
        story.ready(Round::There).baseline().flip(Way::There);
        story
    };
    let owes = Event::Owes {
        owed: Owed {
            key: "see traffic".into(),
            what: "`traffic` was late".into(),
            how: "look again".into(),
        },
    };
    let cases = [
        (
            flipped().moved(Round::There).ends(Ending::Done),
            vec!["fail back, data first", "only put back what was changed"],
        ),
        (
            (flipped().moved(Round::There).says(owes)).ends(Ending::DoneUnproven),
            vec![
                "what is left to be seen or done",
                "fail back, data first",
                "only put back what was changed",
            ],
        ),
        (
            flipped().ends(Ending::Held),
            vec![
                "look again, and go on from here",
                "go on with what was not seen: you looked yourself",
                "put back what stands",
            ],
        ),
        (
            flipped().flip(Way::Back).ends(Ending::Undone),
            vec!["what happened, in order", "look again, when it is mended"],
        ),
    ];
    for (records, expected) in cases {
        let rows = proposed(&records);
        assert_eq!(rows.len(), expected.len(), "{rows:#?}");
        for (row, words) in rows.iter().zip(expected) {
            assert!(row.ends_with(words), "{words}: {rows:#?}");
        }
    }
}

#[test]
fn whether_every_service_moves_counts_what_was_seen_after_an_undo() {
    let after = |traffic: Finding| {
        let mut story = fixture::Story::of(fixture::plan(Mode::Failover));
        let there = (story.ready(Round::There).baseline().flip(Way::There))
            .moved(Round::There)
            .ends(Ending::Done);
        let mut story = fixture::Story::following(there);
        let findings = vec![
            (fixture::PUBLISHED, fixture::pass("all answer the old")),
            (fixture::PUBLIC, fixture::pass("4 probes pass by name")),
            (fixture::TRAFFIC, traffic),
        ];
        let back = story.says(Event::Decided {
            decision: Decision::Back,
            by: "root@ops1".into(),
            parts: true,
        });
        let back = back.flip(Way::Back).batch(Round::Verify, findings);
        Tally::of(&back.ends(Ending::Held)).answer(Question::Moves)
    };
    assert!(matches!(
        after(fixture::pass("97% of the rate arrives")),
        Proof::Yes(_)
    ));
    let Proof::No(why) = after(Finding::new(Outcome::Fail, "nobody comes back")) else {
        panic!("a failed look after the undo is overlooked");
    };
    assert!(why.contains("after the undo, nobody comes back"), "{why}");
    let Proof::NotProven(why) = after(Finding::new(Outcome::Late, "3% come back")) else {
        panic!("a late look after the undo is overlooked");
    };
    assert!(why.contains("after the undo, 3% come back"), "{why}");
}

/// A name that led there already, and leads elsewhere when it is looked at behind all else, did not move.
#[test]
fn a_card_says_no_yes_over_a_name_that_was_so_already_and_differs() {
    let answer = |found: Option<Finding>| {
        let mut plan = fixture::plan(Mode::Failover);
        let so = plan.entries.len();
        plan.entries.push(Entry {
            id: "flip/as-found/raspbian.example".into(),
            step: "flip".into(),
            kind: "dns".into(),
            answers: None,
            holds: Some(fixture::edit()),
            ..plan.entries[fixture::TRAFFIC].clone()
        });
        let mut findings = vec![
            (fixture::PUBLISHED, fixture::pass("all answer the new")),
            (fixture::PUBLIC, fixture::pass("4 probes pass by name")),
            (fixture::TRAFFIC, fixture::pass("97% of the rate arrives")),
        ];
        findings.extend(found.map(|found| (so, found)));
        let mut story = fixture::Story::of(plan);
        let story =
            (story.ready(Round::There).baseline().flip(Way::There)).batch(Round::There, findings);
        let records = story.ends(Ending::Held);
        let asked = wide(&records);
        let asked = asked.lines().find(|line| line.starts_with("Does every"));
        asked.unwrap_or_default().to_owned()
    };
    let differs = "it holds what somebody else wrote";
    let text = answer(Some(Finding::new(Outcome::Fail, differs)));
    assert!(text.contains(&format!("no: {differs}")), "{text}");
    let text = answer(Some(Finding::new(Outcome::Unknown, "no answer")));
    assert!(text.contains("not proven: flip/as-found/"), "{text}");
    let text = answer(None);
    assert!(text.contains("not proven: flip/as-found/"), "{text}");
    let text = answer(Some(fixture::pass("as it should be")));
    assert!(text.contains("yes: published"), "{text}");
    assert!(!text.contains("as-found"), "{text}");
}

#[test]
fn a_card_says_why_it_was_refused_where_nothing_stopped_it() {
    for (ending, mode) in [
        (Ending::Refused, Mode::Emergency),
        (Ending::DoneUnproven, Mode::Plan),
    ] {
        let plan = crate::fake::plan(mode, "k");
        let mut story = fixture::Story::of(plan);
        let finding = Finding::new(Outcome::Fail, "exit status 1");
        story
            .says(Event::Looked {
                entry: 0,
                round: Round::There,
                finding,
            })
            .says(Event::Judged {
                round: Round::There,
                outcomes: vec![(0, Outcome::Fail)],
            });
        let mut records = story.ends(ending);
        let Event::Started { plan, .. } = &mut records[0].event else {
            panic!("a story begins with its plan");
        };
        plan.entries[0].rule = crate::plan::Rule::NOTE;
        let text = wide(&records);
        assert!(text.contains("Why      k0 fail: exit status 1"), "{text}");
        assert!(!text.contains("RTO not reached"), "{text}");
    }
}
