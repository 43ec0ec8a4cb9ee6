//! What both layers found, in the words of the report.

use std::collections::{BTreeMap, HashSet};
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
    group(
        "lands",
        "a write lands after its no, or after no answer",
        |f| matches!(f, Fault::LandsLate | Fault::RefusedLands),
    ),
    group(
        "unsaid",
        "a write happens, and answers with an error",
        |f| f == Fault::Unsaid,
    ),
    group(
        "lies",
        "a write claims success, and its place does not show it",
        |f| matches!(f, Fault::Lies | Fault::Old),
    ),
    group("half", "a part of a write happens", |f| {
        matches!(f, Fault::Half | Fault::HalfUnsaid)
    }),
    group("foreign", "somebody else writes in between", |f| {
        matches!(f, Fault::Foreign | Fault::Meanwhile | Fault::Overrun)
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
    // Every story that breaks something, and not only the shortest of each rule that is told.
    let breaches = space.breaches.iter().map(|breach| &breach.script);
    let scripts: HashSet<&Script> = (rehearsal.found.iter().map(|found| &found.script))
        .chain(breaches)
        .collect();
    Simulated {
        mode: model.plan.mode,
        states: space.states as u64,
        transitions: space.transitions,
        complete: space.is_whole(),
        performed: rehearsal.performed,
        endings: space.endings.clone().into_iter().collect(),
        matrix: matrix(&model.plan, &rehearsal.singles, &scripts),
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
fn matrix(plan: &Plan, singles: &[(Twist, Option<Ending>)], broken: &HashSet<&Script>) -> Matrix {
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
        let script = Script(vec![*twist]);
        let cell = Cell {
            ending: ending.unwrap_or(Ending::Stopped),
            broken: broken.contains(&script),
            story: script.name(plan),
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

#[cfg(test)]
mod tests {
    use super::super::displays;
    use super::*;
    use crate::event::Record;
    use crate::plan::Mode;
    use crate::simulate::{CANARY, Limits, Machine, explore, rehearse};

    #[test]
    fn every_cell_whose_run_breaks_a_rule_says_so() {
        let model = Arc::new(Model::sketch(Mode::Failover, "kck"));
        let tells = |records: &[Record]| Ok(displays::print(records)?.replace("[secret]", CANARY));
        let rehearsal = rehearse(&model, false, tells, &()).unwrap();
        let struck: HashSet<String> = (rehearsal.found.iter())
            .filter(|found| found.property == Property::NoSecret && found.script.0.len() == 1)
            .map(|found| found.script.name(&model.plan))
            .collect();
        let space = explore(model.as_ref(), &Machine, Limits::default());
        let run = simulated(Explored {
            model,
            space,
            rehearsal,
        });
        let cells = run
            .matrix
            .rows
            .iter()
            .flat_map(|row| row.cells.iter().flatten());
        let broken: HashSet<String> = (cells.filter(|cell| cell.broken))
            .map(|cell| cell.story.clone())
            .collect();
        // One rule, and so one story; but several faults after which the secret is shown.
        assert_eq!(run.broken.len(), 1);
        assert!(broken.len() > 1, "{broken:?}");
        assert!(broken.is_subset(&struck), "{broken:?} {struck:?}");
        for column in ["refused", "lost", "unsaid"] {
            let at = run.matrix.columns.iter().position(|it| it.name == column);
            let row = run.matrix.rows.iter().find(|row| row.step == "c1").unwrap();
            let cell = row.cells[at.unwrap()].as_ref().unwrap();
            assert_eq!(cell.broken, struck.contains(&cell.story), "{column}");
        }
    }
}
