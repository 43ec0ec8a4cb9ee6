//! Golden texts of whole runs, and what must hold for all of them.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::fixture::{self, FLIP, PACKAGES, TRAFFIC};
use super::screen::Screen;
use super::*;
use crate::clock::Clock;
use crate::event::{Decision, Ending, Finding, Round};
use crate::event::{Event, Pulse, Record};
use crate::plan::{Act, IfInterrupted, Mode, Nature, Outcome, Question, Side, Way};

fn names() -> Names {
    Names::new("r17", "raspbian.toml")
}

/// Every story, with its name.
fn stories() -> Vec<(&'static str, Vec<Record>)> {
    vec![
        ("happy_drill", fixture::happy_drill()),
        ("undone", fixture::undone()),
        ("held_on_late", fixture::held()),
        ("accepted", fixture::accepted()),
        ("emergency", fixture::emergency()),
        ("refused", fixture::refused()),
        ("stopped", fixture::stopped()),
        ("stale", fixture::stale()),
        ("stuck", fixture::stuck()),
        ("dry_run", fixture::rehearsed()),
    ]
}

/// A writer whose text can be read while somebody else owns it.
#[derive(Clone, Default)]
pub(super) struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lines_of(records: &[Record], style: Style) -> String {
    let paper = Paper::default();
    let mut lines = Lines::new(paper.clone(), style, Times::OfDay, names());
    for record in records {
        lines.record(record).unwrap();
    }
    lines.finish().unwrap();
    paper.text()
}

#[test]
fn every_story_reads_well_in_lines() {
    for (name, records) in stories() {
        let text = lines_of(&records, Style::plain());
        assert!(text.is_ascii(), "{name}: our own text is ASCII in a pipe");
        insta::assert_snapshot!(format!("lines_{name}"), text);
    }
}

#[test]
fn the_plan_reads_well() {
    let mut reviewed = fixture::plan(Mode::Drill);
    let mut act = reviewed.entries[fixture::MIRROR].clone();
    act.id = "quiesce".into();
    act.title = "no mirror job runs".into();
    act.answers = None;
    act.nature = Nature::Act(Act {
        does: "ssh primary sudo systemctl stop mirror.timer".into(),
        undo: Some("ssh primary sudo systemctl start mirror.timer".into()),
        if_interrupted: IfInterrupted::Again,
    });
    let mut last = act.clone();
    last.id = "promote".into();
    last.title = "the database takes writes".into();
    last.nature = Nature::Act(Act {
        does: "ssh standby sudo pg_ctl promote".into(),
        undo: None,
        if_interrupted: IfInterrupted::Hold,
    });
    reviewed.entries.insert(FLIP, act);
    reviewed.entries.insert(FLIP + 1, last);
    let commands = [Commands {
        entry: "flip/raspbian.example".into(),
        there: vec!["nsupdate <<END\nserver 192.0.2.54\nsend\nEND".into()],
        back: vec!["nsupdate <<END\nserver 192.0.2.54\nsend\nEND".into()],
    }];
    let style = Style::plain();
    let text = render(&plan(&reviewed, &commands, &style), &style);
    insta::assert_snapshot!("plan_with_acts_and_commands", text);
    let dry = render(&plan(&fixture::plan(Mode::Plan), &[], &style), &style);
    insta::assert_snapshot!("plan_of_a_dry_run", dry);
}

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
    for line in plan(&fixture::plan(Mode::Drill), &[], &style) {
        assert!(line.width() <= 80, "{}", line.render(&style));
    }
}

#[test]
fn a_narrow_terminal_is_no_reason_to_say_less() {
    let style = Style::terminal(false, 40);
    let tally = Tally::of(&fixture::held());
    let text = render(&card(&tally, &names(), &style), &style);
    insta::assert_snapshot!("card_in_40_columns", text);
}

#[test]
fn pulses_steer_nothing_that_stays() {
    for (name, records) in stories() {
        let quiet = lines_of(&records, Style::plain());
        let paper = Paper::default();
        let mut noisy = Lines::new(paper.clone(), Style::plain(), Times::OfDay, names());
        for record in &records {
            for n in 0..3 {
                let pulse = Pulse {
                    entry: Some(n),
                    note: "12,000 files".into(),
                    until: Some(record.at.clone()),
                    fraction: Some(0.5),
                };
                noisy.pulse(&pulse).unwrap();
                noisy.pulse(&pulse).unwrap();
                noisy.tick().unwrap();
            }
            noisy.record(record).unwrap();
        }
        noisy.finish().unwrap();
        assert_eq!(paper.text(), quiet, "{name}");
    }
}

#[test]
fn a_resumed_display_shows_only_what_is_new_and_the_whole_card() {
    let records = fixture::happy_drill();
    let whole = lines_of(&records, Style::plain());
    let (past, rest) = records.split_at(9);
    let paper = Paper::default();
    let mut lines = Lines::new(paper.clone(), Style::plain(), Times::OfDay, names()).knowing(past);
    for record in rest {
        lines.record(record).unwrap();
    }
    lines.finish().unwrap();
    assert!(whole.ends_with(&paper.text()));
    assert!(paper.text().len() < whole.len());
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
fn json_lines_are_the_records() {
    for (name, records) in stories() {
        let paper = Paper::default();
        let mut json = JsonLines::new(paper.clone());
        for record in &records {
            json.record(record).unwrap();
        }
        json.finish().unwrap();
        let read: Vec<Record> = (paper.text().lines())
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(read, records, "{name}");
    }
}

#[test]
fn hostile_text_reaches_no_terminal() {
    let mut records = fixture::undone();
    for record in &mut records {
        match &mut record.event {
            Event::Looked { finding, .. } => {
                finding.headline += "\x1b]0;owned\x07\r\nroot# ";
                finding.mend = Some("rm -rf /\x1b[8m\ntrue\u{202e}".into());
                for fact in &mut finding.facts {
                    fact.what += "\u{9b}2J";
                    fact.expected += "\x08\x08";
                    fact.actual += "\x1b[1A";
                }
            }
            Event::Started { plan, .. } => {
                for entry in &mut plan.entries {
                    entry.id += "\x1b[31m";
                    entry.title += "\x1b[31m";
                }
                plan.stays[0].why += "\x1b[31m\n";
                plan.locks[0] += "\x1b[31m";
            }
            Event::Answered { answer, .. } => {
                *answer = crate::event::Answer::Refused {
                    why: "\x1b[2J".into(),
                };
            }
            _ => {}
        }
    }
    let paper = Paper::default();
    let mut json = JsonLines::new(paper.clone());
    let tally = Tally::of(&records);
    let style = Style::plain();
    for record in &records {
        json.record(record).unwrap();
    }
    let texts = [
        lines_of(&records, style),
        paper.text(),
        render(&plan(tally.plan().unwrap(), &[], &style), &style),
        render(
            &runs_table(&[RunRow::of("r\x1b17", &tally).unwrap()], &style),
            &style,
        ),
    ];
    for text in texts {
        let bad = text.chars().find(|c| *c != '\n' && text::is_unsafe(*c));
        assert_eq!(bad, None, "{text}");
        assert!(!text.contains("\nroot#"));
    }
}

#[test]
fn tables_read_well() {
    let style = Style::plain();
    let rows: Vec<RunRow> = (stories().iter().enumerate())
        .map(|(i, (_, records))| RunRow::of(format!("r{}", i + 1), &Tally::of(records)).unwrap())
        .collect();
    let wide = Style {
        width: 120,
        ..style
    };
    insta::assert_snapshot!("runs", render(&runs_table(&rows, &wide), &wide));
    let owed: Vec<OwedRow> = (stories().into_iter())
        .flat_map(|(_, records)| Tally::of(&records).owed().to_vec())
        .map(|owed| OwedRow {
            run: "r17".into(),
            playbook: "raspbian".into(),
            age: std::time::Duration::from_secs(7200),
            owed,
        })
        .collect();
    insta::assert_snapshot!("owed", render(&owed_table(&owed, &style), &style));
    assert_eq!(render(&runs_table(&[], &style), &style), "no runs yet\n");
    assert_eq!(
        render(&owed_table(&[], &style), &style),
        "nothing is owed\n"
    );
}

/// A line to a terminal that can be cut.
#[derive(Clone, Debug, Default)]
struct Wire(Arc<AtomicBool>);

impl Wire {
    fn cut(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::BrokenPipe.into()),
            false => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn bars_on<W: Write + Clone + Send + 'static>(screen: &W, style: Style) -> Bars<W> {
    let clock = Clock::following_tokio("2026-11-22T03:00:00Z".parse().unwrap());
    let size: Size = Box::new(move || (u16::try_from(style.width).unwrap(), 100));
    Bars::with_rate(screen.clone(), size, None, clock, style, names())
}

#[tokio::test(start_paused = true)]
async fn whoever_sits_there_is_told_once_what_ends_a_hold() {
    for somebody in [false, true] {
        let screen = Screen::new(80);
        let style = Style::terminal(false, 80);
        let clock = Clock::following_tokio("2026-11-22T03:00:00Z".parse().unwrap());
        let names = names().with_somebody(somebody);
        let size: Size = Box::new(|| (80, 100));
        let mut bars = Bars::with_rate(screen.clone(), size, None, clock, style, names);
        for record in fixture::happy_drill() {
            bars.record(&record).unwrap();
            bars.tick().unwrap();
        }
        bars.finish().unwrap();
        let text = screen.text();
        assert_eq!(
            text.matches(ENDS_A_HOLD).count(),
            usize::from(somebody),
            "{text}"
        );
        if let Some((before, _)) = text.split_once(ENDS_A_HOLD) {
            assert!(before.ends_with("before the way back\n· "), "{before}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_terminal_shows_what_is_waited_for_and_until_when() {
    let screen = Screen::new(80);
    let mut bars = bars_on(&screen, Style::terminal(false, 80));
    let records = fixture::happy_drill();
    let flip = records
        .iter()
        .position(|r| matches!(r.event, Event::Intended { .. }));
    let settled = records
        .iter()
        .position(|r| matches!(r.event, Event::Settled { .. }));
    let held = records
        .iter()
        .position(|r| matches!(r.event, Event::HoldOver { .. }));
    for (i, record) in records.iter().enumerate() {
        if Some(i) == held {
            tokio::time::advance(std::time::Duration::from_secs(230)).await;
            bars.tick().unwrap();
            insta::assert_snapshot!("bars_holding", screen.text());
        }
        bars.record(record).unwrap();
        if i == 2 {
            bars.tick().unwrap();
            insta::assert_snapshot!("bars_checking", screen.text());
        }
        if Some(i) == flip {
            insta::assert_snapshot!("bars_writing", screen.text());
        }
        if Some(i) == settled {
            tokio::time::advance(std::time::Duration::from_secs(42)).await;
            bars.pulse(&Pulse {
                entry: Some(TRAFFIC),
                note: "41% of the rate arrives at standby, of the 80% that are asked for".into(),
                until: None,
                fraction: None,
            })
            .unwrap();
            insta::assert_snapshot!("bars_following", screen.text());
        }
    }
    bars.finish().unwrap();
    insta::assert_snapshot!("bars_at_the_end", screen.text());
}

#[tokio::test(start_paused = true)]
async fn pulses_leave_no_trace_on_a_terminal() {
    for (name, records) in stories() {
        let mut texts = Vec::new();
        for pulses in [0, 1, 2] {
            let screen = Screen::new(80);
            let mut bars = bars_on(&screen, Style::terminal(true, 80));
            for record in &records {
                for entry in 0..7 * pulses {
                    let pulse = Pulse {
                        entry: Some(entry % 7),
                        note: "\x1b[2J12,000 files".into(),
                        until: Some(record.at.clone()),
                        fraction: Some(7.0),
                    };
                    bars.pulse(&pulse).unwrap();
                    bars.tick().unwrap();
                }
                bars.record(record).unwrap();
            }
            bars.finish().unwrap();
            texts.push(screen.text());
        }
        assert_eq!(texts[0], texts[1], "{name}");
        assert_eq!(texts[0], texts[2], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_moving_line_is_wider_than_the_terminal() {
    let mut records = fixture::happy_drill();
    if let Event::Started { plan, .. } = &mut records[0].event {
        for entry in &mut plan.entries {
            entry.id += "-with-a-name-that-goes-on-and-on";
            entry.title += " and a title that goes on and on and on";
        }
    }
    for width in [40, 60, 80] {
        let screen = Screen::new(width);
        let mut bars = bars_on(&screen, Style::terminal(false, width));
        bars.record(&records[0]).unwrap();
        let moving: Vec<String> = (screen.text().lines().map(str::to_owned))
            .filter(|line| line.starts_with(|c| "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏".contains(c)))
            .collect();
        assert_eq!(moving.len(), 3, "{}", screen.text());
        assert!(moving.iter().all(|line| line.contains('…')), "{moving:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn enter_leaves_no_moving_line_standing() {
    use std::sync::atomic::AtomicUsize;
    static TYPED: AtomicUsize = AtomicUsize::new(0);
    let records = fixture::happy_drill();
    let shown = |typing: bool, drawn_in_between: bool| {
        let mut screen = Screen::new(80);
        let bars = bars_on(&screen, Style::terminal(false, 80));
        let mut bars = bars.minding(|| TYPED.load(Ordering::Relaxed));
        for record in &records {
            bars.record(record).unwrap();
            bars.tick().unwrap();
            if typing {
                // The terminal shows it at once; the program hears of it a little later.
                screen.write_all(b"\r\n").unwrap();
                if drawn_in_between {
                    bars.tick().unwrap();
                }
                TYPED.fetch_add(1, Ordering::Relaxed);
            }
        }
        bars.finish().unwrap();
        // Where nothing moved, Enter leaves an empty line as it does anywhere.
        let text = screen.text();
        let lines = text.lines().filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let untouched = shown(false, false);
    assert_eq!(shown(true, false), untouched);
    assert_eq!(shown(true, true), untouched);
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_is_gone_ends_the_bars() {
    let wire = Wire::default();
    let mut bars = bars_on(&wire, Style::terminal(false, 80));
    let records = fixture::happy_drill();
    bars.record(&records[0]).unwrap();
    wire.cut();
    assert!(bars.tick().is_err());
    assert!(bars.record(&records[2]).is_err());
    assert!(bars.finish().is_err());
}

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
        Now::Undoing,
        looking(Round::Verify, &[4, 5, 6]),
    ] {
        assert!(
            course_of_undo.contains(&expected),
            "{expected:?} is missing"
        );
    }
    assert_eq!(course_of_undo.last(), Some(&Now::Ended));
    let held = course(&fixture::held());
    assert_eq!(held[held.len() - 2..], [Now::Deciding, Now::Ended]);
    let drill = course(&fixture::happy_drill());
    assert!(drill.contains(&Now::Holding));
    assert!(drill.contains(&looking(Round::Return, &[0, 1, 2])));
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
    assert_eq!(done.rto(), Some(std::time::Duration::from_secs(972)));
}

#[test]
fn a_rollback_of_a_finished_run_puts_the_card_right() {
    let mut story = fixture::Story::following(fixture::accepted());
    story
        .after(3600)
        .says(Event::Decided {
            decision: Decision::Back,
            by: "anna@ops2".into(),
        })
        .flip(Way::Back);
    let tally = Tally::of(&story.ends(Ending::Undone));
    assert_eq!(tally.ending(), Some(Ending::Undone));
    assert_eq!(tally.standing(FLIP), Standing::PutBack);
    let text = render(&card(&tally, &names(), &Style::plain()), &Style::plain());
    assert!(
        text.contains("dedicated serves, as before; 1 change put back"),
        "{text}"
    );
    assert!(text.contains("anna@ops2 decided to go back"), "{text}");
}

#[test]
fn what_the_playbook_leaves_out_is_in_the_plan_and_on_the_card() {
    let mut records = fixture::happy_drill();
    let Event::Started { plan, .. } = &mut records[0].event else {
        panic!("a story begins with its plan");
    };
    plan.left_out = vec![crate::plan::Stay {
        what: "packages".into(),
        why: "until 2035-03-31: home is upgraded\x1b[2J last".into(),
    }];
    let style = Style::plain();
    let shown = render(&plan::plan(plan, &[], &style), &style);
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
    let cases = [
        (Some(Side::Mixed), Standing::Half, "only part of it stands"),
        (
            Some(Side::Foreign),
            Standing::Foreign,
            "changed by somebody else",
        ),
        (None, Standing::Unclear, "begun, and not seen since"),
        (Some(Side::Before), Standing::Untouched, "not changed"),
    ];
    for (side, standing, words) in cases {
        let mut story = fixture::Story::of(fixture::plan(Mode::Failover));
        let why = "no answer in 30s".to_owned();
        story
            .ready(Round::There)
            .write(Way::There, crate::event::Answer::Unclear { why })
            .settle(Way::There, side);
        let tally = Tally::of(&story.ends(Ending::Held));
        assert_eq!(tally.standing(FLIP), standing);
        let text = render(&card(&tally, &names(), &Style::plain()), &Style::plain());
        assert!(text.contains(words), "{text}");
        assert!(text.contains("Why      flip/raspbian.example"), "{text}");
        let stands = side == Some(Side::Before);
        assert_eq!(text.contains("cutover rollback r17"), !stands, "{text}");
        assert_eq!(
            text.contains("the names lead to dedicated"),
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

/// A plan with an act that can be undone before the flip, and a temporary one.
fn with_acts(mode: Mode) -> crate::plan::Plan {
    let mut plan = fixture::plan(mode);
    for (entry, temporary) in [(fixture::MIRROR, false), (fixture::WORKS, true)] {
        let entry = &mut plan.entries[entry];
        entry.answers = None;
        entry.temporary = temporary;
        entry.nature = Nature::Act(Act {
            does: "systemctl stop mirror.timer".into(),
            undo: Some("systemctl start mirror.timer".into()),
            if_interrupted: IfInterrupted::Again,
        });
    }
    plan
}

fn act(story: &mut fixture::Story, entry: usize, way: Way) {
    let at = story.records[story.records.len() - 1].at.clone();
    story
        .says(Event::Compared {
            entry,
            way,
            side: None,
            detail: None,
        })
        .says(Event::Intended {
            entry,
            way,
            from: Default::default(),
            to: Default::default(),
            until: at,
        })
        .says(Event::Answered {
            entry,
            way,
            answer: crate::event::Answer::Done {
                note: String::new(),
            },
        });
}

#[test]
fn an_act_is_believed_and_what_is_temporary_goes_back() {
    let mut story = fixture::Story::of(with_acts(Mode::Failover));
    act(&mut story, fixture::MIRROR, Way::There);
    act(&mut story, fixture::WORKS, Way::There);
    story.flip(Way::There).moved(Round::There);
    act(&mut story, fixture::WORKS, Way::Back);
    let records = story.ends(Ending::Done);
    let tally = Tally::of(&records);
    assert_eq!(tally.because(), []);
    assert_eq!(tally.standing(fixture::MIRROR), Standing::Stands);
    assert_eq!(tally.standing(fixture::WORKS), Standing::PutBack);
    let course = course(&records);
    assert!(!course.contains(&Now::Undoing), "{course:?}");
    insta::assert_snapshot!("lines_acts", lines_of(&records, Style::plain()));
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
    let failed = || vec![(TRAFFIC, Finding::new(Outcome::Fail, "nothing arrives"))];
    for (mode, asks) in [(Mode::Emergency, true), (Mode::Failover, false)] {
        let mut story = fixture::Story::of(fixture::plan(mode));
        story.flip(Way::There).batch(Round::There, failed());
        let course = course(&story.records);
        assert_eq!(course.last() == Some(&Now::Deciding), asks, "{mode}");
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
        .flip(Way::There)
        .batch(Round::There, vec![(TRAFFIC, failed)])
        .batch(Round::Probe, vec![(fixture::WORKS, sick)]);
    assert_eq!(course(&story.records).last(), Some(&Now::Deciding));
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
        .says(Event::Decided { decision, by })
        .flip(Way::Back)
        .ends(Ending::Undone);
    assert!(Tally::of(&records).owed().is_empty());
}
