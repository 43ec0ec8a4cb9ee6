//! The plan as a person reviews it: top to bottom, every edit with its undo.

use super::numbers::{count, list, rounded, some};
use super::text::{Line, Role, Style};
use super::typed::to_type;
use super::zone::{difference, extent};
use crate::plan::{Edit, Entry, IfInterrupted, Mode, Nature, Plan, Seconds, Stay, Way};

/// Columns of the list of steps.
const NATURE: usize = 5;
const ID: usize = 13;
const INDENT: usize = 7;

/// The exact commands of one entry, for both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commands {
    /// The entry's id.
    pub entry: String,
    pub there: Vec<String>,
    pub back: Vec<String>,
}

/// The plan in lines; with `commands` also what would run, as it can be pasted.
pub fn plan(plan: &Plan, commands: &[Commands], state: Option<&str>, style: &Style) -> Vec<Line> {
    let mut lines = head(plan, style);
    lines.push(Line::new());
    let point_of_no_return = plan
        .entries
        .iter()
        .position(|entry| entry.there && no_undo(entry));
    let first_write = plan.first_write();
    for (i, entry) in plan.entries.iter().enumerate() {
        if first_write == Some(i) {
            let text = "nothing is changed before this line";
            lines.push(
                Line::new()
                    .text("    ")
                    .and(Role::Dim, format!("-- {text} --")),
            );
        }
        lines.extend(step(i, entry, plan, style));
        if point_of_no_return == Some(i) {
            let text = "point of no return: what is done above cannot all be undone";
            lines.push(
                Line::new()
                    .text("    ")
                    .and(Role::Bad, format!("-- {text} --")),
            );
        }
    }
    lines.extend(way_back(plan, state, style));
    lines.extend(rows("Left out", &plan.left_out, style));
    let astray = format!("Does not lead to {} now", plan.direction.source);
    lines.extend(rows(&astray, &plan.astray, style));
    lines.extend(rows("Stays as it is", &plan.stays, style));
    lines.extend(locks(plan, style));
    lines.extend(commands_of(commands));
    lines
}

fn head(plan: &Plan, style: &Style) -> Vec<Line> {
    let edits = plan.edits().count();
    let acts = (plan.entries.iter())
        .filter(|entry| matches!(entry.nature, Nature::Act(_)))
        .count();
    let mut what = vec![count(edits, "change")];
    if acts > 0 {
        what.push(count(acts, "act"));
    }
    let mut title = Line::new()
        .and(
            Role::Strong,
            format!("{} of {}", name(plan.mode), plan.playbook),
        )
        .text(format!(
            ": {} -> {}, {}",
            plan.direction.source,
            plan.direction.target,
            list(&what)
        ));
    if plan.mode == Mode::Drill {
        title = title.text(format!(", back after {}", rounded(plan.hold)));
    }
    let mut lines = title.wrap(style.width, 2);
    let promised: Vec<String> = [("RTO", plan.objectives.rto), ("RPO", plan.objectives.rpo)]
        .into_iter()
        .filter_map(|(name, span)| span.map(|Seconds(span)| format!("{name} {}", rounded(span))))
        .collect();
    if !promised.is_empty() {
        let text = format!("promised: {}", list(&promised));
        lines.push(Line::new().text("  ").and(Role::Dim, text));
    }
    let source = &plan.direction.source;
    let failure = match (plan.mode, plan.goes_back) {
        (Mode::Check | Mode::Plan, _) => {
            "looks only; nothing below is changed by this run".to_owned()
        }
        (_, true) => {
            format!("after a failure: puts back what stands, once {source} is seen to serve")
        }
        (_, false) => "after a failure: stops and asks; nothing goes back unasked".to_owned(),
    };
    lines.extend(
        Line::new()
            .text("  ")
            .and(Role::Dim, failure)
            .wrap(style.width, 4),
    );
    lines
}

/// The noun of a plan's mode.
fn name(mode: Mode) -> String {
    match mode {
        Mode::Plan => "plan".into(),
        other => other.to_string(),
    }
}

fn step(i: usize, entry: &Entry, plan: &Plan, style: &Style) -> Vec<Line> {
    let nature = match &entry.nature {
        Nature::Check => "check",
        Nature::Change(_) => "change",
        Nature::Act(_) => "act",
        Nature::Ask { .. } => "ask",
        Nature::Wait { .. } => "wait",
    };
    let role = if entry.writes() {
        Role::Strong
    } else {
        Role::Plain
    };
    let id_width = super::lines::id_width(plan, 24);
    let id = Line::new().and(role, &entry.id).cut(id_width, style);
    let number = Line::new().and(Role::Dim, format!("{:>3}", i + 1));
    let mut head = number
        .pad_to(NATURE)
        .and(role, nature)
        .pad_to(ID)
        .line(id)
        .pad_to(ID + id_width + 2)
        .text(&entry.title);
    let notes = notes(entry, plan.mode);
    if !notes.is_empty() {
        head = head.and(Role::Dim, format!(" ({})", notes.join(", ")));
    }
    let mut lines = head.wrap(style.width, ID + id_width + 2);
    match &entry.nature {
        Nature::Change(edit) => lines.extend(change(entry, edit, style)),
        Nature::Act(act) => {
            lines.push(command("runs: ", &act.does));
            match &act.undo {
                Some(undo) => lines.push(command("undo: ", undo)),
                None => lines.push(
                    Line::new()
                        .text(" ".repeat(INDENT))
                        .and(Role::Bad, "undo: none, this cannot be undone"),
                ),
            }
            let cut_off = match act.if_interrupted {
                IfInterrupted::Again => "it runs again",
                IfInterrupted::Skip => "it counts as done",
                IfInterrupted::Hold => "a person decides",
            };
            lines.extend(note("if it is cut off: ", cut_off, style));
        }
        Nature::Ask { question } => lines.extend(note("asks: ", question, style)),
        Nature::Check | Nature::Wait { .. } => {}
    }
    lines
}

fn change(entry: &Entry, edit: &Edit, style: &Style) -> Vec<Line> {
    let mut lines = difference(edit, INDENT);
    let (_, home) = edit.along(Way::Back);
    let undo = if home.0.is_empty() {
        "removes what was added".to_owned()
    } else {
        format!("puts back {} as marked with - above", extent(edit))
    };
    lines.extend(note("undo: ", &undo, style));
    if let Some(promise) = &entry.promise {
        lines.extend(note("promise: ", promise, style));
    }
    lines
}

fn command(label: &str, text: &str) -> Line {
    Line::new()
        .text(" ".repeat(INDENT))
        .and(Role::Dim, label)
        .and(Role::Command, text)
}

fn note(label: &str, text: &str, style: &Style) -> Vec<Line> {
    Line::new()
        .text(" ".repeat(INDENT))
        .and(Role::Dim, label)
        .text(text)
        .wrap(style.width, INDENT + 2)
}

fn notes(entry: &Entry, mode: Mode) -> Vec<String> {
    let mut notes = Vec::new();
    if let Nature::Wait { time } = &entry.nature {
        notes.push(rounded(*time));
    }
    if !entry.pace.within.is_zero() && entry.is_check() {
        notes.push(format!("within {}", rounded(entry.pace.within)));
    }
    if entry.after_change {
        notes.push(match mode {
            Mode::Check | Mode::Plan => "cannot be seen before the change".into(),
            _ => "after the change".into(),
        });
    }
    if entry.needs_baseline && !matches!(mode, Mode::Check | Mode::Plan) {
        notes.push("first look before the change".into());
    }
    match (entry.there, entry.back) {
        // A dry run leaves out what cannot be seen yet, and has said so.
        (false, true) if !(entry.after_change && matches!(mode, Mode::Check | Mode::Plan)) => {
            notes.push("only on the way back".into());
        }
        (true, false) if mode == Mode::Drill => notes.push("only on the way there".into()),
        _ => {}
    }
    if entry.temporary {
        notes.push("undone in any case".into());
    }
    notes
}

fn no_undo(entry: &Entry) -> bool {
    matches!(&entry.nature, Nature::Act(act) if act.undo.is_none())
}

fn way_back(plan: &Plan, state: Option<&str>, style: &Style) -> Vec<Line> {
    let text = match plan.mode {
        Mode::Drill => format!(
            "after {} on {}: the same list in the same order, {} -> {}; each change goes back to \
             the value that it has now",
            rounded(plan.hold),
            plan.direction.target,
            plan.direction.target,
            plan.direction.source,
        ),
        _ => to_type(
            "`cutover rollback` puts the changes back in reverse order, each to the value that it \
             has now",
            state,
        ),
    };
    if plan.edits().next().is_none() && plan.first_write().is_none() {
        return Vec::new();
    }
    let mut lines = vec![Line::new()];
    lines.extend(heading("Way back", &text, style));
    lines
}

fn rows(heading: &str, stays: &[Stay], style: &Style) -> Vec<Line> {
    if stays.is_empty() {
        return Vec::new();
    }
    let width = (stays.iter())
        .map(|stay| stay.what.chars().count())
        .max()
        .unwrap_or(0)
        .min(36);
    let mut lines = vec![Line::new(), Line::new().and(Role::Strong, heading)];
    for stay in stays {
        let line = Line::new()
            .text("  ")
            .text(&stay.what)
            .pad_to(2 + width + 2)
            .and(Role::Dim, &stay.why);
        lines.extend(line.wrap(style.width, 2 + width + 2));
    }
    lines
}

/// How many names of locks are shown; a zone may hold thousands.
const LOCKS: usize = 20;

fn locks(plan: &Plan, style: &Style) -> Vec<Line> {
    if plan.locks.is_empty() {
        return Vec::new();
    }
    let text = format!(
        "{}, so that no other run writes there: {}",
        count(plan.locks.len(), "name"),
        some(&plan.locks, LOCKS)
    );
    let mut lines = vec![Line::new()];
    lines.extend(heading("Locks", &text, style));
    lines
}

fn heading(title: &str, text: &str, style: &Style) -> Vec<Line> {
    Line::new()
        .and(Role::Strong, title)
        .text("  ")
        .text(text)
        .wrap(style.width, 2)
}

/// Commands are never cut, wrapped or indented, since they are there to be copied: a shell wants the end of a
/// here-document at the beginning of its line.
fn commands_of(commands: &[Commands]) -> Vec<Line> {
    let mut lines = Vec::new();
    for commands in commands {
        for (way, texts) in [("there", &commands.there), ("back", &commands.back)] {
            if texts.is_empty() {
                continue;
            }
            lines.push(Line::new());
            lines.push(
                Line::new()
                    .and(Role::Strong, format!("Commands of {}", commands.entry))
                    .text(format!(", the way {way}")),
            );
            for text in texts.iter().flat_map(|text| text.lines()) {
                lines.push(Line::new().and(Role::Command, text));
            }
        }
    }
    lines
}
