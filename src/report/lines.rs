//! Plain lines, for a pipe, a log, a terminal without tricks: one line per fact, with its time.

use std::io::{self, Write};

use super::Reporter;
use super::card::{Names, card};
use super::now::Cursor;
use super::numbers::{elapsed, time_of_day};
use super::say::{Sentence, Tone};
use super::tally::Tally;
use super::text::{Line, Role, Style};
use crate::clock::Stamp;
use crate::event::{Fact, Record};
use crate::plan::Plan;

/// So many rows of one finding are shown; the journal has all.
const ROWS: usize = 20;

/// The widest column of step ids.
const ID_WIDTH: usize = 28;

/// What stands at the beginning of each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The time of day, UTC.
    OfDay,
    /// Time since the start.
    Elapsed,
}

/// Writes a line per fact, and the card at the end.
pub struct Lines<W> {
    to: W,
    style: Style,
    times: Times,
    names: Names,
    tally: Tally,
    cursor: Cursor,
}

impl<W: Write + Send> Lines<W> {
    pub fn new(to: W, style: Style, times: Times, names: Names) -> Lines<W> {
        Lines {
            to,
            style,
            times,
            names,
            tally: Tally::new(),
            cursor: Cursor::new(),
        }
    }

    /// Takes in what the run did before, without showing it: a resume.
    pub fn knowing(mut self, past: &[Record]) -> Lines<W> {
        for record in past {
            self.tally.fold(record);
            self.cursor.fold(&self.tally, record);
        }
        self
    }

    fn write(&mut self, at: &Stamp, sentences: &[Sentence]) -> io::Result<()> {
        let Some(plan) = self.tally.plan() else {
            return Ok(());
        };
        let time = match (self.times, self.tally.started()) {
            (Times::Elapsed, Some(started)) => elapsed(at.since(started)),
            _ => time_of_day(at),
        };
        let id_width = id_width(plan, ID_WIDTH);
        for sentence in sentences {
            let id = Line::new()
                .text(sentence.subject(plan))
                .cut(id_width, &self.style);
            let head = Line::new()
                .and(Role::Dim, format!("{time:>9}  "))
                .and(tone_role(sentence.tone), sentence.tone.word())
                .pad_to(20)
                .line(id)
                .pad_to(20 + id_width + 2);
            let indent = head.width();
            let mut lines = vec![head.text(&sentence.text)];
            lines.extend(fact_rows(&sentence.facts, indent, ROWS));
            lines.extend(advice_rows(sentence, indent, &self.names));
            for line in lines {
                writeln!(self.to, "{}", line.render(&self.style))?;
            }
        }
        Ok(())
    }
}

impl<W: Write + Send> Reporter for Lines<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        self.tally.fold(record);
        let sentences = self.cursor.tell(&self.tally, record, false);
        self.write(&record.at, &sentences)?;
        self.to.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        for line in card(&self.tally, &self.names, &self.style) {
            writeln!(self.to, "{}", line.render(&self.style))?;
        }
        self.to.flush()
    }
}

/// The column that holds all ids of a plan, at most `most` wide.
pub(super) fn id_width(plan: &Plan, most: usize) -> usize {
    (plan.entries.iter())
        .map(|entry| entry.id.chars().count())
        .max()
        .unwrap_or(0)
        .min(most)
}

pub(super) fn tone_role(tone: Tone) -> Role {
    match tone {
        Tone::Judged(outcome) => outcome.into(),
        Tone::Run => Role::Dim,
        Tone::Change => Role::Strong,
        Tone::Ask => Role::Unclear,
        Tone::Owed => Role::Caution,
    }
}

/// What to do about a sentence, if it says so.
pub(super) fn advice_rows(sentence: &Sentence, indent: usize, names: &Names) -> Vec<Line> {
    (sentence.advice.iter())
        .flat_map(|(label, text)| labelled_rows(label, &names.to_type(text), indent))
        .collect()
}

/// Expected beside actual.
pub(super) fn fact_rows(facts: &[Fact], indent: usize, most: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = (facts.iter().take(most))
        .map(|fact| {
            let line = Line::new()
                .text(" ".repeat(indent))
                .and(fact.outcome.into(), &fact.what)
                .text(": ");
            match (fact.expected.is_empty(), fact.actual.is_empty()) {
                (true, _) => line.text(&fact.actual),
                (false, true) => line.text(format!("expected {}", fact.expected)),
                (false, false) => {
                    line.text(format!("expected {}, seen {}", fact.expected, fact.actual))
                }
            }
        })
        .collect();
    if facts.len() > most {
        let more = super::numbers::thousands(facts.len() - most);
        lines.push(
            Line::new()
                .text(" ".repeat(indent))
                .and(Role::Dim, format!("and {more} more")),
        );
    }
    lines
}

/// What to do, as it can be pasted: text of several lines keeps them.
pub(super) fn labelled_rows(label: &str, text: &str, indent: usize) -> Vec<Line> {
    let label = format!("{label}: ");
    let after = " ".repeat(label.chars().count());
    (text.lines().enumerate())
        .map(|(i, text)| {
            Line::new()
                .text(" ".repeat(indent))
                .and(Role::Dim, if i == 0 { &label } else { &after })
                .and(Role::Command, text)
        })
        .collect()
}
