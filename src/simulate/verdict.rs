//! Whether an ending says the truth about the world.

use super::property::Property;
use super::theatre::{Inner, Theatre};
use crate::event::Ending;
use crate::machine::{Mark, Phase};
use crate::plan::{Mode, Nature, Outcome, Plan, Side, Way};
use crate::words::count;

/// Holds an ending and its exit code against what stands, and the writes against their order.
pub(super) fn end(theatre: &Theatre, ending: Ending, code: u8) {
    let plan = &theatre.model.plan;
    let mut inner = theatre.inner();
    let found = places(plan, &inner, ending)
        .into_iter()
        .chain(exit_code(plan, &inner, code))
        .chain(order(plan, &inner))
        .chain(dry_run(plan, &inner))
        .collect::<Vec<_>>();
    for (property, what) in found {
        inner.lapse(property, what);
    }
}

type Found = (Property, String);

fn dry_run(plan: &Plan, inner: &Inner) -> Option<Found> {
    let dry = matches!(plan.mode, Mode::Check | Mode::Plan);
    (dry && !inner.writes.is_empty()).then(|| {
        let what = format!("a dry run wrote {}", count(inner.writes.len(), "time"));
        (Property::DryRunWritesNothing, what)
    })
}

/// What the place of an entry holds when all went well.
fn new_side(plan: &Plan, remains: bool, entry: usize) -> Side {
    let entry = &plan.entries[entry];
    let returns = match (plan.mode, &entry.nature) {
        (Mode::Check | Mode::Plan, _) => true,
        (Mode::Drill, Nature::Act(act)) if !remains => act.undo.is_some(),
        (Mode::Drill, _) if !remains => true,
        _ => entry.temporary,
    };
    match returns || !entry.there {
        true => Side::Before,
        false => Side::After,
    }
}

/// What is not as the ending says.
fn places(plan: &Plan, inner: &Inner, ending: Ending) -> Option<Found> {
    let state = inner.course.state();
    let wrong = |i: usize| -> Option<Property> {
        if plan.entries[i].holds.is_some() {
            let well = matches!(ending, Ending::Done | Ending::Undone) && state.wrote();
            let said = state.mark(i) != Mark::Left && inner.sides[i] != Side::Before;
            return (well && said).then_some(Property::ExitCode);
        }
        let (side, mark, theirs) = (inner.sides[i], state.mark(i), inner.places[i].theirs);
        let accepted = inner.course.accepted(i);
        let new = new_side(plan, state.remains(), i);
        // Where somebody else made our change, nothing of it is ours to put back.
        let made_for_us = theirs && mark == Mark::Unneeded && side == Side::After;
        let untouched = theirs && !state.wrote();
        // Somebody wrote it after our last look at it, and it is told as not seen.
        let unseen = || {
            let mut outcomes = inner.course.outcomes();
            theirs && outcomes.any(|(entry, o)| entry == i && o == Outcome::Unknown)
        };
        let right = match ending {
            Ending::Done => side == new || made_for_us || untouched,
            Ending::DoneUnproven => side == new || made_for_us || accepted || untouched || unseen(),
            Ending::Refused | Ending::Stale => side == Side::Before || theirs,
            Ending::Undone => {
                // What was never begun is read before it is said, too.
                side == Side::Before || accepted || made_for_us
            }
            Ending::Held | Ending::Stopped => true,
        };
        let all_new = matches!(ending, Ending::Done | Ending::DoneUnproven) && new == Side::After;
        (!right).then_some(match all_new {
            true => Property::EveryEnding,
            false => Property::RestoredExactly,
        })
    };
    let entries = plan.entries.iter().enumerate();
    entries
        .filter(|(_, entry)| entry.writes() || entry.has_place())
        .find_map(|(i, entry)| {
            let what = format!(
                "it ended {ending:?}, and `{}` is {:?}",
                entry.id, inner.sides[i]
            );
            wrong(i).map(|property| (property, what))
        })
}

/// What a script that reads only the exit code would get wrong.
fn exit_code(plan: &Plan, inner: &Inner, code: u8) -> Option<Found> {
    let touched = || {
        let mut writes = inner.writes.iter().filter(|written| !written.refused);
        let first = writes.next()?;
        Some(format!("it wrote `{}`", plan.entries[first.entry].id))
    };
    let unseen = || {
        let mut outcomes = inner.course.outcomes();
        let unseen = outcomes.find(|outcome| plan.is_not_seen_good(&[*outcome]));
        unseen.map(|(i, outcome)| format!("`{}` was {outcome}", plan.entries[i].id))
    };
    let lie = match code {
        0 => unseen().or_else(|| places(plan, inner, Ending::Done).map(|(_, what)| what)),
        9 => places(plan, inner, Ending::DoneUnproven).map(|(_, what)| what),
        4 | 8 => touched(),
        5 => places(plan, inner, Ending::Undone).map(|(_, what)| what),
        6 | 7 => None,
        _ => Some("no ending has this code".to_owned()),
    };
    lie.map(|what| {
        (
            Property::ExitCode,
            format!("the exit code is {code}, and {what}"),
        )
    })
}

/// There and on a return in the order of the list; what is undone or tidied up, in reverse.
fn order(plan: &Plan, inner: &Inner) -> Option<Found> {
    let mut last: Option<(Phase, usize)> = None;
    for written in &inner.writes {
        let reverse = matches!(written.phase, Phase::Undo | Phase::Tidy);
        let wrong = last.is_some_and(|(phase, entry)| {
            phase == written.phase
                && match reverse {
                    true => written.entry > entry,
                    false => written.entry < entry,
                }
        });
        let right_way = match written.way {
            Way::There => written.phase == Phase::Forward,
            Way::Back => written.phase != Phase::Forward,
        };
        if wrong || !right_way {
            let id = &plan.entries[written.entry].id;
            let what = format!("`{id}` was written out of its order, {:?}", written.phase);
            return Some((Property::Order, what));
        }
        last = Some((written.phase, written.entry));
    }
    None
}
