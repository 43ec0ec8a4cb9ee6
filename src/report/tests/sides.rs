//! Which side a card says to serve: what its last looks saw, and no more.

use super::fixture::{FLIP, PUBLIC, PUBLISHED, Story, TRAFFIC, WORKS, edit, pass, plan};
use super::names;
use crate::event::{Answer, Decision, Ending, Event, Finding, Record, Round};
use crate::machine::Hold;
use crate::plan::{Edit, Entry, Led, Mode, Outcome, Plan, Question, Rule, Side, Value, Way};
use crate::report::{First, MustEnd, Names, SeenNow, Style, Tally, card, render, rollback};

/// Behind the last check of the fixtures.
const AFTER: usize = TRAFFIC + 1;

/// The plan of the fixtures with a probe of the target behind the change, which only warns.
fn with_after() -> Plan {
    let mut plan = plan(Mode::Failover);
    let works = plan.entries[WORKS].clone();
    plan.entries.push(Entry {
        id: "after".into(),
        step: "after".into(),
        rule: Rule::NOTE,
        ..works
    });
    plan
}

/// The card, in words.
fn words(records: &[Record], names: &Names) -> String {
    let style = Style::plain();
    let text = render(&card(&Tally::of(records), names, &style), &style);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn moved(after: Option<Finding>) -> Vec<(usize, Finding)> {
    let mut all = vec![
        (PUBLISHED, pass("all lead there")),
        (PUBLIC, pass("4 probes pass by name")),
        (TRAFFIC, pass("97% of the rate arrives")),
    ];
    all.extend(after.map(|finding| (AFTER, finding)));
    all
}

fn there(plan: Plan, after: Option<Finding>) -> Story {
    let mut story = Story::of(plan);
    story
        .baseline()
        .ready(Round::There)
        .flip(Way::There)
        .batch(Round::There, moved(after));
    story
}

/// The same, put back since, with these last looks.
fn back(mut story: Story, looks: Vec<(usize, Finding)>) -> Vec<Record> {
    story
        .says(Event::Ended {
            ending: Ending::Done,
        })
        .says(Event::Decided {
            decision: Decision::Back,
            by: "root@ops1".into(),
            parts: true,
        })
        .batch(Round::Probe, vec![(WORKS, pass("4 probes pass"))])
        .flip(Way::Back)
        .batch(Round::Verify, looks)
        .ends(Ending::Undone)
}

#[test]
fn a_side_that_a_probe_saw_not_serve_is_not_said_to_serve() {
    for outcome in [Outcome::Late, Outcome::Unknown, Outcome::Fail] {
        let sick = || Some(Finding::new(outcome, "0 of 1 probe passes"));
        let unseen = format!("no side is seen to serve: after {outcome}");
        let gone = there(with_after(), sick()).ends(Ending::DoneUnproven);
        let text = words(&gone, &names());
        assert!(!text.contains("cloud serves"), "{text}");
        let records = back(there(with_after(), None), moved(sick()));
        let text = words(&records, &names());
        assert!(!text.contains("dedicated serves"), "{text}");
        assert!(text.contains(&unseen), "{text}");
    }
    let well = || Some(pass("1 probe passes"));
    let gone = there(with_after(), well()).ends(Ending::Done);
    assert!(words(&gone, &names()).contains("Now cloud serves;"));
    let records = back(there(with_after(), well()), moved(well()));
    let text = words(&records, &names());
    assert!(text.contains("Now dedicated serves, as before;"), "{text}");
    // What was seen before the write says nothing of the side that serves since.
    let mut story = Story::of(with_after());
    let sick = Finding::new(Outcome::Fail, "0 of 1 probe passes");
    story
        .batch(Round::There, vec![(WORKS, sick)])
        .flip(Way::There)
        .batch(Round::There, moved(well()));
    let text = words(&story.ends(Ending::DoneUnproven), &names());
    assert!(text.contains("cloud serves"), "{text}");
}

#[test]
fn what_only_warned_is_told_beside_the_side_that_serves() {
    let mut plan = with_after();
    plan.entries[AFTER].probes_old_side = false;
    plan.entries[AFTER].answers = Some(Question::Ready);
    let late = Finding::new(Outcome::Late, "2 files differ");
    let text = words(&back(there(plan, None), moved(Some(late))), &names());
    let now = "Now dedicated serves, as before; 1 change put back; not everything was seen";
    assert!(text.contains(now), "{text}");
}

#[test]
fn a_drill_that_went_back_to_a_side_that_was_sick_says_so() {
    let mut story = Story::of(plan(Mode::Drill));
    story
        .baseline()
        .ready(Round::There)
        .flip(Way::There)
        .moved(Round::There)
        .says(Event::HoldOver {
            by: "the clock".into(),
        });
    let sick = Finding::new(Outcome::Fail, "0 of 4 probes pass");
    story.batch(Round::Return, vec![(WORKS, sick)]);
    let text = words(
        &story
            .says(Event::Decided {
                decision: Decision::Back,
                by: "root@ops1".into(),
                parts: true,
            })
            .flip(Way::Back)
            .moved(Round::Verify)
            .ends(Ending::Undone),
        &names(),
    );
    assert!(!text.contains("dedicated serves"), "{text}");
    assert!(
        text.contains("put back, but not everything was seen"),
        "{text}"
    );
    let why = "dedicated was not seen to serve: works fail: 0 of 4 probes pass";
    assert!(text.contains(why), "{text}");
}

/// Its names led to both sides before the run.
fn mixed() -> Plan {
    let led = |site: &str, first: &str, sets| Led {
        site: site.into(),
        first: first.into(),
        sets,
    };
    Plan {
        apart: vec![
            led("cloud", "web.example. A", 1),
            led("dedicated", "www.example. A", 3),
        ],
        ..plan(Mode::Failover)
    }
}

#[test]
fn where_names_led_to_both_sides_back_is_to_both() {
    let gone = there(mixed(), None).ends(Ending::Done);
    assert!(words(&gone, &names()).contains("Now cloud serves;"));
    let records = back(there(mixed(), None), moved(None));
    let text = words(&records, &names());
    assert!(!text.contains("dedicated serves"), "{text}");
    let each = "each name was seen to lead where it led before: web.example. A leads to cloud and \
                3 record sets (www.example. A…) lead to dedicated; 1 change put back";
    assert!(text.contains(each), "{text}");
    assert_eq!(Tally::of(&records).active_site(), None);
    let mut late = moved(None);
    late[0].1 = Finding::new(Outcome::Late, "1 server is behind");
    let text = words(&back(there(mixed(), None), late), &names());
    let unseen = "not every name was seen to lead where it led before";
    assert!(text.contains(unseen), "{text}");
}

#[test]
fn a_run_that_is_refused_without_a_change_says_why_and_where_the_names_lead() {
    for mode in [Mode::Emergency, Mode::Plan] {
        let mut plan = plan(mode);
        plan.entries.truncate(FLIP);
        plan.led_there = true;
        for entry in &mut plan.entries {
            entry.rule = Rule::NOTE;
        }
        let failed = Finding::new(Outcome::Fail, "0 of 4 probes pass");
        let mut story = Story::of(plan);
        story.batch(Round::There, vec![(WORKS, failed)]);
        let text = words(&story.ends(Ending::Refused), &names());
        for told in [
            "refused: there is nothing to change, and not everything is seen to be good",
            "Why works fail",
            "0 of 4 probes pass",
            "Now nothing was changed: the names lead to cloud already",
            "look again, when it is mended",
        ] {
            assert!(text.contains(told), "{mode}: {told}: {text}");
        }
    }
}

#[test]
fn what_moved_nobody_proposes_no_way_back() {
    let mut plan = plan(Mode::Failover);
    plan.entries.truncate(FLIP);
    let mut story = Story::of(plan);
    let text = words(&story.ready(Round::There).ends(Ending::Done), &names());
    assert!(!text.contains("fail back"), "{text}");
    assert!(text.contains("Next cutover show r17"), "{text}");
}

#[test]
fn the_plan_of_an_emergency_that_would_turn_round_asks_for_a_side() {
    let mut names = names();
    names.given.emergency = true;
    let mut story = Story::of(plan(Mode::Plan));
    let records = story.ready(Round::There).ends(Ending::Stale);
    let text = words(&records, &names);
    let side = "cutover plan raspbian.toml --to cloud --emergency this way, if it is meant";
    assert!(text.contains(side), "{text}");
    let first = MustEnd::of(Some(First::Unfinished("r9".into())));
    let text = words(&records, &names.with_first(first));
    assert!(text.contains("Owed the end of run r9"), "{text}");
    assert!(text.contains("cutover resume r9"), "{text}");
    assert!(text.contains("--to cloud --emergency"), "{text}");
}

#[test]
fn what_would_be_lost_is_said_where_names_stand_moved() {
    let seen = SeenNow {
        places: &[],
        gates: &[],
        led_again: false,
        by_hand: &[],
    };
    let told = |story: &Story| {
        let style = Style::plain();
        let tally = Tally::of(&story.records);
        let text = render(&rollback("r17", &tally, seen, &style), &style);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let lost = "what was written on cloud since";
    assert!(told(&there(plan(Mode::Failover), None)).contains(lost));
    let mut plan = plan(Mode::Failover);
    let text = told(&Story::of(plan.clone()));
    assert!(text.contains("none of the names stands moved"), "{text}");
    // Where no name moves at all, something else leads there.
    plan.entries[FLIP].kind = "command".into();
    assert!(told(&Story::of(plan)).contains(lost));
}

/// Nobody answers what it is held for.
fn held(mut story: Story) -> Vec<Record> {
    story
        .says(Event::Decided {
            decision: Decision::Stop,
            by: "nobody".into(),
            parts: true,
        })
        .ends(Ending::Held)
}

#[test]
fn what_is_proposed_of_a_held_run_leaves_no_more_than_it_has_to() {
    let bad = |side| Finding::new(Outcome::Fail, "it holds something else").side(side);
    // Somebody took a part of it away: that goes back like the rest.
    let mut story = there(plan(Mode::Failover), None);
    story.batch(Round::There, vec![(FLIP, bad(Side::Mixed))]);
    let records = held(story);
    let tally = Tally::of(&records);
    assert_eq!(tally.held_for(), Some(Hold::Foreign));
    assert_eq!(tally.rollback_leaves(), None);
    let text = words(&records, &names());
    assert!(text.contains("rollback r17 put back what stands"), "{text}");
    assert!(!text.contains("was so already"), "{text}");
    // What was so already is not ours to put back.
    let mut so = plan(Mode::Failover);
    so.entries[PUBLISHED].holds = Some(edit());
    let mut story = there(so, None);
    let place = (PUBLISHED, bad(Side::Foreign));
    story.batch(Round::There, vec![(FLIP, pass("it holds it")), place]);
    let records = held(story);
    assert_eq!(Tally::of(&records).held_for(), Some(Hold::Foreign));
    let text = words(&records, &names());
    let leaves = "rollback r17 --anyway put back all but what was so already, and is not any more";
    assert!(text.contains(leaves), "{text}");
}

/// Went there, and compares a second change at its end, which only warns.
fn with_a_second(mode: Mode, side: Side) -> Story {
    let mut two = plan(mode);
    two.goes_back = mode != Mode::Emergency;
    let flip = two.entries[FLIP].clone();
    two.entries.push(Entry {
        id: "second".into(),
        rule: Rule::NOTE,
        ..flip
    });
    let mut story = there(two, None);
    story.says(Event::Compared {
        entry: AFTER,
        way: Way::There,
        side: Some(side),
        detail: None,
    });
    story
}

#[test]
fn a_run_that_is_held_before_a_write_leaves_what_somebody_wrote_there() {
    let records = held(with_a_second(Mode::Emergency, Side::Foreign));
    assert_eq!(Tally::of(&records).held_for(), Some(Hold::Foreign));
    let text = words(&records, &names());
    let leaves = "rollback r17 --anyway put back all but what somebody else wrote";
    assert!(text.contains(leaves), "{text}");
    // Nor is it made where somebody accepts it so.
    let mut story = with_a_second(Mode::Emergency, Side::Foreign);
    story.says(Event::Decided {
        decision: Decision::On,
        by: "root@ops1".into(),
        parts: true,
    });
    story.batch(Round::There, vec![(FLIP, pass("it holds it"))]);
    let records = story.ends(Ending::DoneUnproven);
    assert_eq!(Tally::of(&records).held_for(), None);
    let text = words(&records, &names());
    assert!(text.contains("1 of 2 changes made; "), "{text}");
    let left = "second not changed by this run, and left as it is";
    assert!(text.contains(left), "{text}");
}

/// The same, where the second is refused.
fn with_a_refused_one(mode: Mode) -> Story {
    let mut story = with_a_second(mode, Side::Before);
    let (way, entry) = (Way::There, AFTER);
    let Edit { before, after, .. } = edit();
    let until = story.records[0]
        .at
        .plus(std::time::Duration::from_secs(999));
    let why = "policy".to_owned();
    story
        .says(Event::Intended {
            entry,
            way,
            from: before,
            to: after,
            until,
        })
        .says(Event::Answered {
            entry,
            way,
            answer: Answer::Refused { why },
        })
        .says(Event::Settled {
            entry,
            way,
            side: Some(Side::Before),
            detail: None,
            stored: Value::default(),
        });
    story
}

#[test]
fn what_was_refused_is_not_counted_as_made() {
    let mut story = with_a_refused_one(Mode::Failover);
    let as_said = || pass("it holds what it should");
    story.batch(Round::There, vec![(FLIP, as_said()), (AFTER, as_said())]);
    let text = words(&story.ends(Ending::DoneUnproven), &names());
    assert!(text.contains("Now 1 of 2 changes made; "), "{text}");
    // Nor where a drill remains.
    let mut story = with_a_refused_one(Mode::Drill);
    let stay = || Event::Decided {
        decision: Decision::Stay,
        by: "root@ops1".into(),
        parts: true,
    };
    story.says(stay());
    story.batch(Round::There, vec![(WORKS, pass("4 probes pass"))]);
    story.batch(Round::There, vec![(FLIP, as_said()), (AFTER, as_said())]);
    let records = story.ends(Ending::DoneUnproven);
    assert!(Tally::of(&records).remains());
    let text = words(&records, &names());
    assert!(
        text.contains("1 of 2 changes made, and none put back"),
        "{text}"
    );
}

#[test]
fn what_only_said_that_it_was_done_is_put_back_and_not_said_to_be_made() {
    let mut story = Story::of(plan(Mode::Drill));
    let done = || Answer::Done {
        note: String::new(),
    };
    story
        .baseline()
        .ready(Round::There)
        .write(Way::There, done())
        .settle(Way::There, Some(Side::Before))
        .says(Event::Decided {
            decision: Decision::On,
            by: "root@ops1".into(),
            parts: true,
        })
        .moved(Round::There)
        .says(Event::HoldOver {
            by: "the clock".into(),
        })
        .ready(Round::Return)
        .write(Way::Back, done())
        .settle(Way::Back, Some(Side::Before))
        .moved(Round::Return)
        .batch(Round::Return, vec![(FLIP, pass("it holds it"))]);
    let text = words(&story.ends(Ending::DoneUnproven), &names());
    assert!(text.contains("1 change put back; not everything"), "{text}");
    assert!(!text.contains(" made"), "{text}");
}

#[test]
fn who_shares_a_place_with_somebody_is_told_to_leave_his_part_also_where_ours_could_not_go_back() {
    let mut story = there(plan(Mode::Failover), None);
    let (way, entry) = (Way::Back, FLIP);
    let compared = |side| Event::Compared {
        entry,
        way,
        side: Some(side),
        detail: Some("somebody else wrote here: `www` holds another".into()),
    };
    let back = || Event::Decided {
        decision: Decision::Back,
        by: "root@ops1".into(),
        parts: true,
    };
    story
        .says(Event::Ended {
            ending: Ending::Done,
        })
        .says(back())
        .batch(Round::Probe, vec![(WORKS, pass("4 probes pass"))])
        .says(compared(Side::Foreign))
        .says(back())
        .says(compared(Side::Mixed));
    let Edit { before, after, .. } = edit();
    let until = story.records[0]
        .at
        .plus(std::time::Duration::from_secs(999));
    let events = [
        Event::Intended {
            entry,
            way,
            from: after,
            to: before,
            until,
        },
        Event::Answered {
            entry,
            way,
            answer: Answer::Refused {
                why: "policy".into(),
            },
        },
        Event::Settled {
            entry,
            way,
            side: Some(Side::Mixed),
            detail: None,
            stored: Value::default(),
        },
    ];
    for event in events {
        story.says(event);
        let tally = Tally::of(&story.records);
        assert!(tally.is_on_its_way_back());
        assert_eq!(tally.rollback_leaves(), Some("what somebody else wrote"));
        let text = words(&story.records, &names());
        let anyway = "rollback r17 --anyway put back all but what somebody else wrote";
        assert!(text.contains(anyway), "{text}");
    }
}
