//! What both layers found, in the words of the report.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Args, Explored, tell};
use crate::event::Ending;
use crate::plan::Plan;
use crate::report::simulation::{Cell, Column, Matrix, Row, Rule, Simulated, Simulation, Story};
use crate::report::simulation::{Times, Took};
use crate::simulate::{self, Fault, Model, Property, Script, Twist};

/// A column of the table: faults that a reader need not tell apart.
struct Group {
    name: &'static str,
    sentence: &'static str,
    holds: fn(Fault) -> bool,
}

const fn group(name: &'static str, sentence: &'static str, holds: fn(Fault) -> bool) -> Group {
    Group {
        name,
        sentence,
        holds,
    }
}

static GROUPS: [Group; 19] = [
    group("fails", "a check fails, this time", |f| f == Fault::Fails),
    group("late", "a check is late, this time", |f| f == Fault::Late),
    group("hangs", "a look never answers", |f| f == Fault::Hangs),
    group("refused", "a write is refused", |f| f == Fault::Refused),
    group("lost", "a write never arrives, and nothing answers", |f| {
        f == Fault::Lost
    }),
    group("lands", "nothing answers, and the write lands later", |f| {
        f == Fault::LandsLate
    }),
    group(
        "unsaid",
        "a write happens, and answers with an error",
        |f| f == Fault::Unsaid,
    ),
    group("lies", "a write claims success, and does nothing", |f| {
        f == Fault::Lies
    }),
    group("half", "a part of a write happens", |f| {
        matches!(f, Fault::Half | Fault::HalfUnsaid)
    }),
    group("foreign", "somebody else writes in between", |f| {
        f == Fault::Foreign
    }),
    group("same", "somebody else writes the same in between", |f| {
        f == Fault::Anticipated
    }),
    group("killed", "the process is killed", |f| {
        matches!(f, Fault::Killed(_))
    }),
    group("lock", "the lock is lost", |f| f == Fault::LockLost),
    group("disk", "the state disk is full", |f| f == Fault::DiskFull),
    group("ctrl-c", "the operator presses Ctrl-C", |f| {
        f == Fault::CtrlC
    }),
    group("source", "the source dies", |f| f == Fault::SourceDies),
    group("target", "the target dies", |f| f == Fault::TargetDies),
    group("clock", "the wall clock jumps", |f| f == Fault::ClockJumps),
    group("declined", "somebody declines", |f| f == Fault::Declined),
];

/// The row of what strikes no single step.
const RUN: &str = "the run itself";

/// All that was found out about one playbook.
pub(super) fn simulation(file: &str, args: &Args, explored: Vec<Explored>) -> Simulation {
    let first = explored.first().map(|one| Arc::clone(&one.model));
    let runs: Vec<Simulated> = explored.into_iter().map(simulated).collect();
    let rules = Property::ALL.map(|property| {
        let broken = |run: &Simulated| run.broken.iter().any(|story| story.rule == property.name());
        Rule {
            name: property.name().to_owned(),
            sentence: property.sentence().to_owned(),
            holds: !runs.iter().any(broken),
        }
    });
    Simulation {
        file: file.to_owned(),
        playbook: (first.as_ref()).map_or_else(String::new, |model| model.plan.playbook.clone()),
        direction: first.map_or_else(
            || crate::plan::Direction {
                source: String::new(),
                target: String::new(),
            },
            |model| model.plan.direction.clone(),
        ),
        faults: args.faults,
        pairs: args.pairs,
        rules: rules.into(),
        runs,
    }
}

fn simulated(explored: Explored) -> Simulated {
    let Explored {
        model,
        space,
        rehearsal,
    } = explored;
    let broken = broken(&model, &space.breaches, &rehearsal.found);
    let names: Vec<&str> = broken.iter().map(|story| story.name.as_str()).collect();
    Simulated {
        mode: model.plan.mode,
        states: space.states as u64,
        transitions: space.transitions,
        complete: space.is_whole(),
        performed: rehearsal.performed,
        endings: space.endings.clone().into_iter().collect(),
        matrix: matrix(&model.plan, &rehearsal.singles, &names),
        times: times(&model.plan, &rehearsal.times),
        broken,
    }
}

/// The shortest story of each property that does not hold, from both layers.
fn broken(
    model: &Arc<Model>,
    breaches: &[simulate::Breach],
    found: &[simulate::Found],
) -> Vec<Story> {
    let mut shortest: BTreeMap<Property, (&Script, String)> = BTreeMap::new();
    let both = (breaches.iter())
        .map(|breach| (breach.property, &breach.script, breach.seen.to_owned()))
        .chain((found.iter()).map(|found| (found.property, &found.script, found.seen.clone())));
    for (property, script, seen) in both {
        let kept = shortest.get(&property);
        if kept.is_none_or(|(kept, _)| kept.0.len() > script.0.len()) {
            shortest.insert(property, (script, seen));
        }
    }
    (shortest.into_iter())
        .map(|(property, (script, seen))| tell::broken(model, property, script, &seen))
        .collect()
}

/// How much an ending asks of people, from nothing on.
fn weight(ending: Option<Ending>) -> u8 {
    match ending {
        Some(Ending::Done) => 0,
        Some(Ending::DoneUnproven) => 1,
        Some(Ending::Undone | Ending::Refused | Ending::Stale) => 2,
        Some(Ending::Stopped) => 3,
        Some(Ending::Held) => 4,
        None => 5,
    }
}

/// Step by fault: the worst ending of each.
fn matrix(plan: &Plan, singles: &[(Twist, Option<Ending>)], broken: &[&str]) -> Matrix {
    let mut rows: Vec<Row> = Vec::new();
    for (twist, ending) in singles {
        let Some(column) = GROUPS.iter().position(|group| (group.holds)(twist.fault)) else {
            continue;
        };
        let entry = twist
            .at
            .entry
            .and_then(|at| plan.entries.get(usize::from(at)));
        let step = entry.map_or(RUN, |entry| entry.step.as_str());
        let at = rows.iter().position(|row| row.step == step);
        let at = at.unwrap_or_else(|| {
            rows.push(Row {
                step: step.to_owned(),
                cells: vec![None; GROUPS.len()],
            });
            rows.len() - 1
        });
        let story = Script(vec![*twist]).name(plan);
        let cell = Cell {
            ending: ending.unwrap_or(Ending::Stopped),
            broken: broken.contains(&story.as_str()),
            story,
        };
        let slot = &mut rows[at].cells[column];
        let worse = slot.as_ref().is_none_or(|kept| {
            (cell.broken, weight(Some(cell.ending))) > (kept.broken, weight(Some(kept.ending)))
        });
        if worse {
            *slot = Some(cell);
        }
    }
    let order = |row: &Row| {
        let at = plan.entries.iter().position(|entry| entry.step == row.step);
        at.unwrap_or(usize::MAX)
    };
    rows.sort_by_key(order);
    // What cannot strike in this kind of run is left out.
    let used: Vec<usize> = (0..GROUPS.len())
        .filter(|column| rows.iter().any(|row| row.cells[*column].is_some()))
        .collect();
    for row in &mut rows {
        row.cells = used
            .iter()
            .map(|column| row.cells[*column].take())
            .collect();
    }
    Matrix {
        columns: (used.iter())
            .map(|column| Column {
                name: GROUPS[*column].name.to_owned(),
                sentence: GROUPS[*column].sentence.to_owned(),
            })
            .collect(),
        rows,
    }
}

fn times(plan: &Plan, found: &simulate::Times) -> Option<Times> {
    let took = |took: &simulate::Took| Took {
        median: took.median,
        worst: took.worst,
        story: (!took.script.0.is_empty()).then(|| took.script.name(plan)),
    };
    Some(Times {
        rto: found.rto,
        whole: found.whole.as_ref().map(took)?,
        steps: (found.steps.iter())
            .map(|(entry, one)| (plan.entries[*entry].id.clone(), took(one)))
            .collect(),
    })
}
