//! A simulation as JUnit XML: a suite for each playbook, a case for each rule, step and objective.

use super::{Cell, Row, Simulated, Simulation, Story, again};
use crate::clock::short;
use crate::plan::Mode;
use crate::report::junit::{Came, Case, Suite};
use crate::report::numbers::count;

/// The simulations as suites.
pub fn simulations_junit(all: &[Simulation]) -> Vec<Suite> {
    all.iter().map(suite).collect()
}

fn suite(found: &Simulation) -> Suite {
    let mut cases = Vec::new();
    for rule in &found.rules {
        let broken: Vec<(Mode, &Story)> = (found.runs.iter())
            .flat_map(|run| run.broken.iter().map(|story| (run.mode, story)))
            .filter(|(_, story)| story.rule == rule.name)
            .collect();
        let came = match (rule.holds, broken.first()) {
            (true, _) => Came::Pass,
            (false, first) => Came::Fail {
                message: match first {
                    Some((mode, story)) => format!("broken in a {mode}: {}", story.name),
                    None => "broken".to_owned(),
                },
                text: broken.iter().map(|(_, story)| told(found, story)).collect(),
            },
        };
        cases.push(case(found, rule.sentence.clone(), came));
    }
    for run in &found.runs {
        let name = format!("{}: all that can happen was explored", run.mode);
        cases.push(case(found, name, explored(run)));
        for row in &run.matrix.rows {
            let name = format!("{}: faults at `{}`", run.mode, row.step);
            cases.push(case(found, name, struck(run, row)));
        }
        if let Some(came) = in_time(run) {
            cases.push(case(found, format!("{}: within the rto", run.mode), came));
        }
    }
    Suite {
        name: found.playbook.clone(),
        cases,
    }
}

fn case(found: &Simulation, name: String, came: Came) -> Case {
    Case {
        name,
        class: found.playbook.clone(),
        file: Some(found.file.clone()),
        time: None,
        came,
    }
}

/// What breaks a rule, a line each.
fn told(found: &Simulation, story: &Story) -> String {
    let mut text = String::new();
    for (i, line) in story.lines.iter().enumerate() {
        text += &format!("{}. {line}\n", i + 1);
    }
    if !story.mend.is_empty() {
        text += &format!("to mend it: {}\n", story.mend);
    }
    text + &format!("again: {}\n\n", again(&found.file, &story.name))
}

fn explored(run: &Simulated) -> Came {
    let states = count(usize::try_from(run.states).unwrap_or(usize::MAX), "state");
    match run.complete {
        true => Came::Pass,
        false => Came::Fail {
            message: format!("there are more than the {states} that were allowed"),
            text: "allow more with --max-states, or fewer faults with --faults\n".to_owned(),
        },
    }
}

/// What each fault at a step leads to.
fn struck(run: &Simulated, row: &Row) -> Came {
    let columns = run.matrix.columns.iter().zip(&row.cells);
    let broken: Vec<(&str, &Cell)> = columns
        .filter_map(|(column, cell)| Some((column.name.as_str(), cell.as_ref()?)))
        .filter(|(_, cell)| cell.broken)
        .collect();
    match broken.first() {
        None => Came::Pass,
        Some((first, _)) => Came::Fail {
            message: format!("a rule is broken by `{first}`"),
            text: (broken.iter())
                .map(|(name, cell)| format!("{name}: {}\n", cell.story))
                .collect(),
        },
    }
}

/// Whether the promised time is kept; `None` where none is promised or nothing arrives.
fn in_time(run: &Simulated) -> Option<Came> {
    let times = run.times.as_ref()?;
    let rto = times.rto?;
    let said = format!(
        "median {}, worst {}, promised {}",
        short(times.whole.median),
        short(times.whole.worst),
        short(rto)
    );
    // The fake world's pace is imagined, so it proves nothing: it is worth a look.
    Some(match times.whole.worst > rto {
        true => Came::Warn { text: said },
        false => Came::Pass,
    })
}
