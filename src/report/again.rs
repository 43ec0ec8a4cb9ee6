//! What a resume goes on with, as a person reviews it.

use super::back::inverse;
use super::numbers::date_time;
use super::tally::{Standing, Tally};
use super::text::{Line, Role, Style};
use super::zone::difference;
use crate::machine::Phase;
use crate::plan::{Entry, Mode, Nature, Way};

const INDENT: usize = 7;

/// What is still to be written, in the order in which it is: on the way back the last one first.
pub fn resume(run: &str, tally: &Tally, style: &Style) -> Vec<Line> {
    let (Some(plan), Some(phase)) = (tally.plan(), tally.goes_on_with()) else {
        return Vec::new();
    };
    let (source, target) = (&plan.direction.source, &plan.direction.target);
    let what = match phase {
        Phase::Forward if tally.remains() => {
            format!("it looks again at {target}, where it remains")
        }
        Phase::Forward if plan.mode == Mode::Drill => {
            format!("it looks again, goes on to {target}, and then comes back to {source}")
        }
        Phase::Forward => format!("it looks again, and goes on to {target}"),
        Phase::Stay => format!("it stays on {target}, and then comes back to {source}"),
        Phase::Return => format!("it looks again, and goes on with the way back to {source}"),
        Phase::Probe | Phase::Undo => format!("it puts back what stands: {source} is active then"),
        Phase::Tidy => "it puts back what is temporary".to_owned(),
        Phase::Verify | Phase::Accept | Phase::Reread | Phase::Confirm => {
            "it looks again at what it wrote, before it ends".to_owned()
        }
    };
    let began = tally.started().map_or_else(String::new, date_time);
    let head = Line::new()
        .and(Role::Strong, format!("resume of run {run}"))
        .text(format!(
            ": {} of {}, {source} -> {target}, begun {began}; {what}",
            plan.mode, plan.playbook
        ));
    let mut lines = head.wrap(style.width, 2);
    let way = match phase {
        Phase::Forward => Way::There,
        _ => Way::Back,
    };
    let due = |entry: &usize| is_due(phase, &plan.entries[*entry], tally.standing(*entry));
    let mut entries: Vec<usize> = (0..plan.entries.len()).filter(due).collect();
    if way == Way::Back {
        entries.reverse();
    }
    if entries.is_empty() {
        lines.push(Line::new().text("  nothing is still to be written"));
    }
    for i in entries {
        lines.extend(to_write(&plan.entries[i], way, tally.standing(i), style));
    }
    lines
}

/// Whether a change or an act is still to be written.
fn is_due(phase: Phase, entry: &Entry, standing: Standing) -> bool {
    use Standing::{Already, PutBack, Stands, Untouched};
    let stands = !matches!(standing, Untouched | Already | PutBack);
    let due = match phase {
        Phase::Verify | Phase::Accept | Phase::Reread | Phase::Confirm => false,
        Phase::Forward => entry.there && !matches!(standing, Stands | Already),
        Phase::Tidy => stands && entry.temporary,
        Phase::Probe | Phase::Undo | Phase::Stay | Phase::Return => stands,
    };
    entry.writes() && due
}

fn to_write(entry: &Entry, way: Way, standing: Standing, style: &Style) -> Vec<Line> {
    let indented = || Line::new().text(" ".repeat(INDENT));
    let head = Line::new().text("  ").and(Role::Strong, &entry.id);
    let mut lines = vec![Line::new()];
    lines.extend(head.text("  ").text(&entry.title).wrap(style.width, 4));
    match (&entry.nature, way) {
        (Nature::Change(edit), Way::There) => lines.extend(difference(edit, INDENT)),
        (Nature::Change(edit), Way::Back) => lines.extend(difference(&inverse(edit), INDENT)),
        (Nature::Act(act), way) => {
            let does = match way {
                Way::There => Some(&act.does),
                Way::Back => act.undo.as_ref(),
            };
            lines.push(match does {
                Some(does) => (indented().and(Role::Dim, "runs: ")).and(Role::Command, does),
                None => indented().and(Role::Bad, "cannot be undone, and stays as it is"),
            });
        }
        (Nature::Check | Nature::Ask { .. } | Nature::Wait { .. }, _) => {}
    }
    if standing == Standing::Unclear {
        let text = "begun already: it is looked at first";
        lines.push(indented().and(Role::Unclear, text));
    }
    lines
}
