//! Golden texts of whole runs, and what must hold for all of them.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::fixture;
use super::*;
use crate::event::{Event, Pulse, Record};
use crate::plan::{Act, IfInterrupted, Mode, Nature};

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
    reviewed.entries.insert(fixture::FLIP, act);
    reviewed.entries.insert(fixture::FLIP + 1, last);
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
                tally.ever_wrote(),
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
