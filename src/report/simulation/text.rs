//! A simulation for people: what was explored, what each fault leads to, how long it takes.

use std::time::Duration;

use super::{Cell, Matrix, Simulated, Simulation, Story, Times, again};
use crate::clock::short;
use crate::event::Ending;
use crate::plan::Mode;
use crate::report::numbers::{count, thousands};
use crate::report::text::{Line, Role, Style};

/// The widest name of a step in a table.
const NAME: usize = 18;

/// All that was found out about one playbook.
pub fn simulation(found: &Simulation, style: &Style) -> Vec<Line> {
    let head = Line::new()
        .and(Role::Strong, &found.playbook)
        .text(format!(
            "  {} -> {}, up to {} in one run",
            found.direction.source,
            found.direction.target,
            count(usize::from(found.faults), "fault"),
        ))
        .and(Role::Dim, format!("  {}", found.file));
    let mut lines = head.wrap(style.width, 2);
    lines.push(Line::new());
    lines.extend(explored(&found.runs, style));
    for run in &found.runs {
        lines.extend(matrix(run, style));
    }
    for run in &found.runs {
        if let Some(times) = &run.times {
            lines.extend(timing(run.mode, times, style));
        }
    }
    lines.push(Line::new());
    for rule in &found.rules {
        let (role, word) = match rule.holds {
            true => (Role::Good, "holds"),
            false => (Role::Bad, "BROKEN"),
        };
        let line = Line::new().text("  ").and(role, word).pad_to(10);
        lines.extend(line.text(&rule.sentence).wrap(style.width, 10));
    }
    for run in &found.runs {
        for story in &run.broken {
            lines.extend(told(run.mode, story, &found.file, style));
        }
    }
    lines
}

/// How much was explored of each kind of run, and how the runs end.
fn explored(runs: &[Simulated], style: &Style) -> Vec<Line> {
    const COLUMNS: [(&str, usize); 7] = [
        ("STATES", 10),
        ("TRANSITIONS", 13),
        ("REAL LOOP", 11),
        ("DONE", 8),
        ("BEFORE", 9),
        ("PERSON", 9),
        ("BROKEN", 8),
    ];
    let mut head = Line::new().pad_to(2).text(" ".repeat(10));
    for (name, width) in COLUMNS {
        head = head.and(Role::Dim, format!("{name:>width$}"));
    }
    let mut lines = vec![head];
    for run in runs {
        let of = |wanted: &[Ending]| -> u64 {
            let ends = run.endings.iter().filter(|(end, _)| wanted.contains(end));
            ends.map(|(_, states)| states).sum()
        };
        let numbers = [
            run.states,
            run.transitions,
            run.performed,
            of(&[Ending::Done, Ending::DoneUnproven]),
            of(&[Ending::Undone, Ending::Refused, Ending::Stale]),
            of(&[Ending::Held, Ending::Stopped]),
            run.broken.len() as u64,
        ];
        let mut line = Line::new().text("  ").and(Role::Strong, name(run.mode));
        line = line.pad_to(12);
        for (i, (number, (_, width))) in numbers.into_iter().zip(COLUMNS).enumerate() {
            let text = thousands(usize::try_from(number).unwrap_or(usize::MAX));
            let role = match i == COLUMNS.len() - 1 && number > 0 {
                true => Role::Bad,
                false => Role::Plain,
            };
            line = line.and(role, format!("{text:>width$}"));
        }
        lines.push(line);
        if !run.complete {
            let more = "    more states than were allowed: this is not all that can happen";
            lines.push(Line::new().and(Role::Bad, more));
        }
    }
    lines
        .iter_mut()
        .for_each(|line| *line = line.clone().cut(style.width.max(80), style));
    lines
}

/// A kind of run, in a word or two.
pub(super) fn name(mode: Mode) -> &'static str {
    match mode {
        Mode::Check => "check",
        Mode::Plan => "dry run",
        Mode::Drill => "drill",
        Mode::Failover => "failover",
        Mode::Emergency => "emergency",
    }
}

/// How a cell reads: what the world is like in the end.
fn word(cell: &Cell) -> (Role, &'static str) {
    if cell.broken {
        return (Role::Bad, "BROKEN");
    }
    match cell.ending {
        Ending::Done => (Role::Good, "done"),
        Ending::DoneUnproven => (Role::Waiting, "unseen"),
        Ending::Undone | Ending::Refused | Ending::Stale => (Role::Plain, "before"),
        Ending::Held => (Role::Caution, "person"),
        Ending::Stopped => (Role::Caution, "stopped"),
    }
}

/// Step by fault, in as many blocks as the width needs. A block has the rows that have something in it.
fn matrix(run: &Simulated, style: &Style) -> Vec<Line> {
    let Matrix { columns, rows } = &run.matrix;
    let widest = rows.iter().map(|row| row.step.chars().count()).max();
    let label = widest.unwrap_or(0).min(NAME) + 2;
    let widths: Vec<usize> = columns
        .iter()
        .map(|column| column.name.chars().count().max(7) + 1)
        .collect();
    let mut lines = Vec::new();
    let mut from = 0;
    while from < columns.len() {
        let mut to = from;
        let mut width = 2 + label;
        while to < columns.len() && (to == from || width + widths[to] <= style.width) {
            width += widths[to];
            to += 1;
        }
        let strikes = |row: &&super::Row| row.cells[from..to].iter().any(Option::is_some);
        if rows.iter().any(|row| strikes(&row)) {
            lines.push(Line::new());
            let mut head = Line::new()
                .text("  ")
                .and(Role::Strong, name(run.mode))
                .pad_to(2 + label);
            for (column, width) in columns[from..to].iter().zip(&widths[from..to]) {
                head = head.and(Role::Dim, format!("{:<width$}", column.name));
            }
            lines.push(head);
        }
        for row in rows.iter().filter(strikes) {
            let mut line = Line::new().text("  ").text(&row.step);
            line = line.cut(1 + label, style).pad_to(2 + label);
            for (cell, width) in row.cells[from..to].iter().zip(&widths[from..to]) {
                let (role, text) = match cell {
                    Some(cell) => word(cell),
                    None => (Role::Dim, if style.ascii { "." } else { "·" }),
                };
                line = line.and(role, format!("{text:<width$}"));
            }
            lines.push(line);
        }
        from = to;
    }
    lines
}

/// Median and worst by step, and in all against the objective.
fn timing(mode: Mode, times: &Times, style: &Style) -> Vec<Line> {
    // So wide that `flip/www.site.example. A` is told from `AAAA`, and the columns of time still have room.
    let widest = times
        .steps
        .iter()
        .map(|(step, _)| step.chars().count())
        .max();
    let most = style.width.saturating_sub(46).clamp(NAME, 34);
    let label_width = widest.unwrap_or(0).clamp(NAME, most);
    let row = |step: &str, median: &str, worst: &str| {
        let label = Line::new()
            .text("  ")
            .text(step)
            .cut(label_width + 2, style);
        label
            .pad_to(label_width + 4)
            .text(format!("{median:>10}{worst:>12}"))
    };
    let mut lines = vec![Line::new()];
    let head =
        row(name(mode), "MEDIAN", "WORST").and(Role::Dim, "  of what arrives, in the fake world");
    lines.push(head.cut(style.width, style));
    for (step, took) in &times.steps {
        if took.worst >= Duration::from_secs(1) {
            let line = row(step, &short(took.median), &short(took.worst));
            lines.extend(named(line, took.story.as_deref(), style));
        }
    }
    let whole = row(
        "in all",
        &short(times.whole.median),
        &short(times.whole.worst),
    );
    let whole = match times.rto {
        None if arrives_once(mode) => whole.and(Role::Dim, "  no rto is promised"),
        None => whole,
        Some(rto) if times.whole.worst <= rto => {
            whole.and(Role::Good, format!("  within the rto of {}", short(rto)))
        }
        Some(rto) if times.whole.median <= rto => whole.and(
            Role::Caution,
            format!("  worst over the rto of {}", short(rto)),
        ),
        Some(rto) => whole.and(Role::Bad, format!("  over the rto of {}", short(rto))),
    };
    lines.extend(whole.wrap(style.width, label_width + 4));
    lines
}

/// Whether it ends at the other site, as an objective asks: a drill comes back, and a dry run goes nowhere.
pub(super) fn arrives_once(mode: Mode) -> bool {
    matches!(mode, Mode::Failover | Mode::Emergency)
}

/// A line with the name of a story behind it, or below it where the width does not hold both: a name that is cut
/// cannot be given to `--story`.
fn named(line: Line, story: Option<&str>, style: &Style) -> Vec<Line> {
    let Some(story) = story else {
        return vec![line];
    };
    match line.width() + 2 + story.chars().count() <= style.width {
        true => vec![line.and(Role::Dim, format!("  {story}"))],
        false => vec![line, Line::new().and(Role::Dim, format!("      {story}"))],
    }
}

/// What breaks a rule, as a story.
fn told(mode: Mode, story: &Story, file: &str, style: &Style) -> Vec<Line> {
    let mut lines = vec![Line::new()];
    let head = Line::new()
        .and(Role::Bad, format!("{} ", story.rule))
        .text(format!("is broken in a {}:", name(mode)));
    lines.extend(head.wrap(style.width, 2));
    for (i, event) in story.lines.iter().enumerate() {
        let line = Line::new()
            .and(Role::Dim, format!("  {:>2}  ", i + 1))
            .text(event);
        lines.extend(line.wrap(style.width, 6));
    }
    if !story.mend.is_empty() {
        let mend = Line::new()
            .and(Role::Strong, "  to mend it: ")
            .text(&story.mend);
        lines.extend(mend.wrap(style.width, 6));
    }
    let again = again(file, &story.name);
    lines.push(Line::new().text("  again: ").and(Role::Command, again));
    lines
}

/// One row for each playbook, for a folder of them.
pub fn simulations_table(all: &[Simulation], style: &Style) -> Vec<Line> {
    let widest = all.iter().map(|found| found.playbook.chars().count()).max();
    let label = widest.unwrap_or(0).clamp(8, 20) + 2;
    let head = format!(
        "{:>12}{:>11}{:>10}{:>10}{:>10}",
        "TRANSITIONS", "REAL LOOP", "MEDIAN", "WORST", "RTO"
    );
    let mut lines = vec![
        Line::new()
            .and(Role::Dim, "PLAYBOOK")
            .pad_to(label)
            .and(Role::Dim, head),
    ];
    for found in all {
        let sum = |of: fn(&Simulated) -> u64| -> String {
            let sum: u64 = found.runs.iter().map(of).sum();
            thousands(usize::try_from(sum).unwrap_or(usize::MAX))
        };
        let failover = (found.runs.iter()).find(|run| run.mode == Mode::Failover);
        let times = failover.and_then(|run| run.times.as_ref());
        let time = |of: fn(&Times) -> Option<Duration>| {
            times.and_then(of).map_or_else(|| "-".to_owned(), short)
        };
        let numbers = format!(
            "{:>12}{:>11}{:>10}{:>10}{:>10}",
            sum(|run| run.transitions),
            sum(|run| run.performed),
            time(|times| Some(times.whole.median)),
            time(|times| Some(times.whole.worst)),
            time(|times| times.rto),
        );
        let broken: usize = found.runs.iter().map(|run| run.broken.len()).sum();
        let late = times.and_then(|times| Some((times.rto?, &times.whole)));
        let (role, verdict) = match (found.holds(), broken) {
            (true, _) if late.is_some_and(|(rto, whole)| whole.median > rto) => {
                (Role::Caution, "holds, over the rto".to_owned())
            }
            (true, _) if late.is_some_and(|(rto, whole)| whole.worst > rto) => {
                (Role::Caution, "holds, worst over the rto".to_owned())
            }
            (true, _) => (Role::Good, "holds".to_owned()),
            (false, 0) => (Role::Bad, "not all explored".to_owned()),
            (false, broken) => (Role::Bad, format!("{broken} broken")),
        };
        let line = Line::new().and(Role::Strong, &found.playbook);
        let line = line.cut(label - 1, style).pad_to(label);
        lines.push(line.text(numbers).text("  ").and(role, verdict));
    }
    lines
}
