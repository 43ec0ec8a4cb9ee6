//! Tables: past runs, and what they have left to be done.

use std::time::Duration;

use super::ended::{CUT_OFF, UNSEEN, phrase};
use super::numbers::{count, rounded};
use super::tally::Tally;
use super::text::{Line, Role, Style};
use crate::clock::{Stamp, short};
use crate::event::{Ending, Owed};
use crate::plan::{Direction, Mode};

/// One run of the past, or one that still runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    pub run: String,
    pub playbook: String,
    pub mode: Mode,
    pub direction: Direction,
    pub started: Stamp,
    pub took: Duration,
    /// `None`: it still runs, or was cut off.
    pub ending: Option<Ending>,
    pub owed: usize,
    /// Somebody said that it remains where it is.
    pub remains: bool,
    /// The process that writes it now.
    pub writer: Option<String>,
}

impl RunRow {
    /// The row of a run from its records; `None` where there are none.
    pub fn of(run: impl Into<String>, tally: &Tally) -> Option<RunRow> {
        let plan = tally.plan()?;
        Some(RunRow {
            run: run.into(),
            playbook: plan.playbook.clone(),
            mode: plan.mode,
            direction: plan.direction.clone(),
            started: tally.started()?.clone(),
            took: tally.took(),
            ending: tally.ending(),
            owed: tally.owed().len(),
            remains: tally.remains(),
            writer: None,
        })
    }
}

/// Something that a run has left to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedRow {
    pub run: String,
    pub playbook: String,
    pub age: Duration,
    pub owed: Owed,
    /// What to type where it shall stay so; `None` where it cannot.
    pub stays: Option<String>,
    /// Who said that it shall stay so, and why.
    pub said: Option<(String, String)>,
}

/// The table of `cutover runs`, in the order given.
pub fn runs_table(rows: &[RunRow], style: &Style) -> Vec<Line> {
    // When it began and what it was is in its id.
    let head = ["RUN", "PLAYBOOK", "DIRECTION", "TOOK", "ENDED"];
    let body = rows.iter().map(|row| {
        let (role, mut ended) = match row.ending {
            _ if row.writer.is_some() => {
                let writer = row.writer.as_deref().unwrap_or_default();
                (Role::Waiting, format!("not ended: alive, {writer}"))
            }
            None => (Role::Unclear, format!("not ended: was {CUT_OFF}")),
            Some(ending) => (
                match ending {
                    Ending::Done => Role::Good,
                    Ending::DoneUnproven => Role::Waiting,
                    Ending::Refused | Ending::Stale | Ending::Undone => Role::Caution,
                    Ending::Held | Ending::Stopped => Role::Bad,
                },
                match ending == Ending::Undone && row.owed > 0 {
                    true => UNSEEN.to_owned(),
                    false => phrase(ending, row.mode, &row.direction, row.remains),
                },
            ),
        };
        if row.owed > 0 {
            ended += &format!("; {} owed at its end", count(row.owed, "thing"));
        }
        vec![
            (Role::Strong, row.run.clone()),
            (Role::Plain, row.playbook.clone()),
            (
                Role::Plain,
                format!("{} -> {}", row.direction.source, row.direction.target),
            ),
            (Role::Plain, short(row.took)),
            (role, ended),
        ]
    });
    table(&head, body.collect(), style)
}

/// The list of `cutover owed`, in the order given.
pub fn owed_table(rows: &[OwedRow], style: &Style) -> Vec<Line> {
    if rows.is_empty() {
        return vec![Line::new().text("nothing is owed")];
    }
    let mut lines = Vec::new();
    for row in rows {
        let line = Line::new().and(Role::Caution, &row.owed.what).and(
            Role::Dim,
            format!(
                "  ({}, run {}, for {})",
                row.playbook,
                row.run,
                rounded(row.age)
            ),
        );
        lines.extend(line.wrap(style.width, 2));
        for how in row.owed.how.lines() {
            lines.push(Line::new().text("  ").and(Role::Command, how));
        }
        match (&row.said, &row.stays) {
            (Some((by, reason)), _) => {
                let line = Line::new().text(format!("  {by} said that it shall stay so: {reason}"));
                lines.extend(line.wrap(style.width, 4));
            }
            (None, Some(words)) => lines.push(
                Line::new()
                    .text("  ")
                    .and(Role::Dim, "or, where it shall stay so: ")
                    .and(Role::Command, format!("`{words}`")),
            ),
            (None, None) => {}
        }
    }
    lines
}

/// Columns as wide as their widest cell, of which the last takes what is left of the line and wraps; where
/// nearly nothing is left it has lines of its own. The first is never cut: it is what a person copies.
fn table(head: &[&str], rows: Vec<Vec<(Role, String)>>, style: &Style) -> Vec<Line> {
    const WIDEST: usize = 24;
    let cells = |text: &str| Line::new().text(text).width();
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            (rows.iter().map(|row| cells(&row[column].1)))
                .chain([cells(head[column])])
                .max()
                .unwrap_or(0)
                .min(if column == 0 { usize::MAX } else { WIDEST })
        })
        .collect();
    let heads: Vec<(Role, String)> = head
        .iter()
        .map(|text| (Role::Dim, (*text).to_owned()))
        .collect();
    let mut lines = Vec::new();
    for row in std::iter::once(heads).chain(rows) {
        let mut line = Line::new();
        let mut column = 0;
        let last = row.len() - 1;
        for (i, (role, text)) in row.into_iter().enumerate() {
            let cell = Line::new().and(role, text);
            if i == last {
                if column + WIDEST <= style.width {
                    lines.extend(line.line(cell).wrap(style.width, column));
                } else {
                    let below = Line::new().text("  ").line(cell);
                    lines.push(line);
                    lines.extend(below.wrap(style.width, 2));
                }
                break;
            }
            line = line.line(cell.cut(widths[i], style));
            column += widths[i] + 2;
            line = line.pad_to(column);
        }
    }
    lines
}
