//! The end of each run on a short card: three questions, what stands, times, what is owed, what to type.

mod claimed;
mod made;
mod proposed;
mod stands;

pub use proposed::{First, JournalLost, MustEnd, Names};

use claimed::{questions, times, why};
use proposed::next;
use stands::now;

use super::ended::{CUT_OFF, how_it_came_out};
use super::lines::labelled_rows;
use super::numbers::date_time;
use super::tally::{Stays, Tally};
use super::text::{Line, Role, Style};
use crate::clock::short;
use crate::event::Ending;
use crate::plan::{Mode, Plan};

/// Where the labels end.
const LABEL: usize = 9;

/// The card of a run, as far as its records go.
pub fn card(tally: &Tally, names: &Names, style: &Style) -> Vec<Line> {
    let Some(plan) = tally.plan() else {
        return vec![Line::new().text("nothing was recorded of this run")];
    };
    let mut lines = vec![Line::new()];
    lines.extend(title(tally, plan, names, style));
    lines.push(Line::new());
    lines.extend(questions(tally, style));
    lines.push(Line::new());
    if tally.ending() != Some(Ending::Done) {
        lines.extend(why(tally, names, style));
    }
    lines.extend(now(tally, plan, style));
    lines.extend(times(tally, plan, style));
    lines.extend(left_out(plan, style));
    lines.extend(owed(tally, names, style));
    lines.extend(stays(tally, style));
    lines.extend(next(tally, plan, names, style));
    lines
}

fn title(tally: &Tally, plan: &Plan, names: &Names, style: &Style) -> Vec<Line> {
    let (role, phrase) = match tally.ending() {
        None if names.journal.is_set() => {
            let text = "not ended: its journal was lost under it";
            (Role::Bad, text.to_owned())
        }
        None => {
            let text = format!("not ended: it still runs, or was {CUT_OFF}");
            (Role::Unclear, text)
        }
        Some(ending) => {
            let role = match ending {
                Ending::Done => Role::Good,
                Ending::DoneUnproven => Role::Waiting,
                Ending::Refused | Ending::Stale | Ending::Undone => Role::Caution,
                Ending::Held | Ending::Stopped => Role::Bad,
            };
            (role, how_it_came_out(tally, ending, plan))
        }
    };
    let first = Line::new()
        .and(Role::Strong, format!("{} of {}", plan.mode, plan.playbook))
        .text(": ")
        .and(role, phrase);
    let mut facts = vec![format!(
        "{} -> {}",
        plan.direction.source, plan.direction.target
    )];
    facts.push(match names.kept {
        true => format!("run {}", names.run),
        false => "kept in no history".to_owned(),
    });
    if let Some(started) = tally.started() {
        facts.push(format!("{} by {}", date_time(started), tally.by()));
    }
    facts.push(match tally.ending() {
        Some(_) => format!("took {}", short(tally.took())),
        None => format!("its last record after {}", short(tally.took())),
    });
    let second = Line::new().and(Role::Dim, facts.join(", "));
    let mut lines = first.wrap(style.width, 2);
    lines.extend(second.wrap(style.width, 2));
    lines
}

/// What the playbook leaves out: whoever reads the answers above must know what nobody looked at.
fn left_out(plan: &Plan, style: &Style) -> Vec<Line> {
    let mut lines = Vec::new();
    for (i, step) in plan.left_out.iter().enumerate() {
        let line = label(if i == 0 { "Left out" } else { "" })
            .and(Role::Caution, &step.what)
            .text(format!(" {}", step.why));
        lines.extend(line.wrap(style.width, LABEL + 2));
    }
    lines
}

fn owed(tally: &Tally, names: &Names, style: &Style) -> Vec<Line> {
    if tally.owed().is_empty() {
        if let Some(open) = not_ended(tally, names) {
            let line = label("Owed").and(Role::Caution, open);
            return line.wrap(style.width, LABEL + 2);
        }
        // What earlier runs left is none of its own, and is not looked at here.
        return match tally.plan().map(|plan| plan.mode) {
            Some(Mode::Check | Mode::Plan) => Vec::new(),
            _ => (label("Owed").text("nothing by this run")).wrap(style.width, LABEL),
        };
    }
    let mut lines = Vec::new();
    for (i, owed) in tally.owed().iter().enumerate() {
        let line = label(if i == 0 { "Owed" } else { "" }).and(Role::Caution, &owed.what);
        lines.extend(line.wrap(style.width, LABEL + 2));
        if !owed.how.is_empty() {
            lines.extend(labelled_rows("how", &names.to_type(&owed.how), LABEL + 2));
        }
    }
    lines
}

/// What a person has said of what was owed.
fn stays(tally: &Tally, style: &Style) -> Vec<Line> {
    let mut lines = Vec::new();
    for (
        i,
        Stays {
            owed, by, reason, ..
        },
    ) in tally.stays().iter().enumerate()
    {
        let line = label(if i == 0 { "Stays so" } else { "" }).text(&owed.what);
        lines.extend(line.wrap(style.width, LABEL + 2));
        lines.extend(labelled_rows(by, reason, LABEL + 2));
    }
    lines
}

/// What is owed by nobody else's word: the end of a run that left changes, this one or an earlier one.
fn not_ended(tally: &Tally, names: &Names) -> Option<String> {
    // A write that was begun and not seen since may stand.
    let open = match tally.ending() {
        Some(Ending::Held) if tally.is_left_to_others() && tally.is_to_stay() => false,
        Some(Ending::Held | Ending::Stopped) | None => true,
        Some(_) => names.journal.is_set() && tally.anything_stands(),
    };
    if open && tally.ever_wrote() {
        return Some("the end of this run".to_owned());
    }
    match names.first.get()? {
        First::Unfinished(run) => Some(format!("the end of run {run}")),
        First::Unreadable(run) => Some(format!("what run {run} left, which cannot be told")),
        First::Alive(_) => None,
    }
}

fn label(text: &str) -> Line {
    Line::new().and(Role::Dim, text).pad_to(LABEL)
}
