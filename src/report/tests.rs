//! Golden texts of whole runs, and what must hold for all of them.

mod bars;
mod cards;
mod course;
mod lines;
mod moments;
mod plans;
mod sides;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::*;
use crate::event::{Advice, Answer, Event, Record};
use crate::plan::{Act, IfInterrupted, Mode, Nature, Plan, Way};

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
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
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
fn hostile_text_reaches_no_terminal() {
    let mut records = fixture::undone();
    for record in &mut records {
        match &mut record.event {
            Event::Looked { finding, .. } => {
                finding.headline += "\x1b]0;owned\x07\r\nroot# ";
                finding.advice = vec![Advice::Mend("rm -rf /\x1b[8m\ntrue\u{202e}".into())];
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
                *answer = Answer::Refused {
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
        render(&plan(tally.plan().unwrap(), &[], None, &style), &style),
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

/// A plan with an act that can be undone before the flip, and a temporary one.
fn with_acts(mode: Mode) -> Plan {
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
            answer: Answer::Done {
                note: String::new(),
            },
        });
}
