//! Runs told line by line, and as JSON.

use super::{Paper, fixture, lines_of, names, stories};
use crate::event::{Pulse, Record};
use crate::report::{JsonLines, Lines, Reporter, Style, Times};

#[test]
fn every_story_reads_well_in_lines() {
    for (name, records) in stories() {
        let text = lines_of(&records, Style::plain());
        assert!(text.is_ascii(), "{name}: our own text is ASCII in a pipe");
        insta::assert_snapshot!(name, text);
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
