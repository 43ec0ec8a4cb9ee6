//! The properties, asked of one moment.

use super::ground::Node;
use super::model::Model;
use super::property::Property;
use super::rules::Rules;
use super::turns::Turns;
use crate::event::Ending;
use crate::machine::{Mark, Move, Phase};
use crate::plan::{Mode, Nature, Side, Way};

/// A property that does not hold, and what was seen instead.
pub type Broken = (Property, &'static str);

/// What is wrong with the moment at hand.
pub(super) fn check<R: Rules>(turns: &Turns<'_, R>) -> Option<Broken> {
    let (model, node) = (turns.model(), &turns.here);
    dry_run(model, node)
        .or_else(|| remembered(node))
        .or_else(|| match turns.mv() {
            Move::Compare { .. } => node.ground.in_flight.map(|_| {
                let said = "a place was compared while a write could still land";
                (Property::LookedAt, said)
            }),
            Move::Write { entry, way } => write(model, node, *entry, *way),
            Move::End { ending } => end(model, node, *ending, &turns.places.writers),
            Move::Rest if node.ground.down => None,
            Move::Rest => rest(model, node, &turns.places.writers).or_else(|| {
                let said = "a run that had ended could be resumed";
                (turns.resumes_after_its_end()).then_some((Property::ResumeAfterEnd, said))
            }),
            _ => None,
        })
}

fn dry_run(model: &Model, node: &Node) -> Option<Broken> {
    let dry = matches!(model.plan.mode, Mode::Plan | Mode::Check);
    (dry && node.state.wrote()).then_some((Property::DryRunWritesNothing, "a dry run wrote"))
}

/// What was written and not looked at yet, the journal knows to be possible.
fn remembered(node: &Node) -> Option<Broken> {
    let known = |entry: u16| {
        let mark = node.state.mark(usize::from(entry));
        mark.stands()
            || (node.state.motion()).is_some_and(|motion| {
                motion.entry == entry && (motion.tries > 0 || motion.stage.may_have_happened())
            })
    };
    let in_flight = node.ground.in_flight.map(|(entry, _)| entry);
    let lost = [node.ground.unlooked, in_flight]
        .into_iter()
        .flatten()
        .any(|entry| !known(entry));
    let said = "a write went out, and its intent is not in the journal";
    lost.then_some((Property::IntentFirst, said))
}

fn write(model: &Model, node: &Node, entry: usize, way: Way) -> Option<Broken> {
    let ground = &node.ground;
    if ground.in_flight.is_some() {
        let said = "a second write went out while the first could still land";
        return Some((Property::LookedAt, said));
    }
    if matches!(model.plan.entries[entry].nature, Nature::Change(_)) {
        if ground.sides()[entry] == Side::Foreign
            && !model.overtaken(entry, way, Side::Foreign, true)
        {
            let said = "somebody else's value was written over";
            return Some((Property::NotOverOthers, said));
        }
        if ground.unlooked == Some(u16::try_from(entry).unwrap_or(u16::MAX)) {
            let said = "a place was written twice without a look in between";
            return Some((Property::LookedAt, said));
        }
    }
    let known = is_finished(model, node) || !looks_at(model, node.state.phase(), entry);
    if ground.stale && !known {
        let said = "whoever went on with it wrote before looking again";
        return Some((Property::SeenSince, said));
    }
    order(model, node, entry, way).map(|said| (Property::Order, said))
}

/// Whether the present write does the rest of one that was begun.
fn is_finished(model: &Model, node: &Node) -> bool {
    (node.state.motion()).is_some_and(|motion| {
        let nature = &model.plan.entries[usize::from(motion.entry)].nature;
        motion.tries > 0 && matches!(nature, Nature::Change(_))
    })
}

/// Whether a pass over the list looks at something between the last entry that writes and this one. What is looked at
/// behind something temporary may be about that.
fn looks_at(model: &Model, phase: Phase, until: usize) -> bool {
    let before = model.plan.entries[..until].iter().rev();
    let last = before.clone().find(|entry| entry.writes());
    if until == model.plan.entries.len() && last.is_some_and(|entry| entry.temporary) {
        return false;
    }
    let mut checks = before.take_while(|entry| !entry.writes());
    checks.any(|entry| {
        entry.is_check()
            && !entry.has_place()
            && match phase {
                Phase::Forward => entry.there,
                Phase::Return => entry.back,
                _ => false,
            }
    })
}

/// Forward and on a return in the order of the list; what is undone or tidied up, in reverse.
fn order(model: &Model, node: &Node, entry: usize, way: Way) -> Option<&'static str> {
    let (state, entries) = (&node.state, &model.plan.entries);
    let goes_back = |i: &usize| {
        state.mark(*i).stands()
            && match &entries[*i].nature {
                Nature::Act(act) => act.undo.is_some(),
                nature => matches!(nature, Nature::Change(_)),
            }
    };
    let (mut before, mut after) = (0..entry, entry + 1..entries.len());
    match (way, state.phase()) {
        (Way::There, Phase::Forward) => {
            let first_try = state.motion().is_some_and(|motion| motion.tries == 0);
            if (state.mark(entry).stands() || state.mark(entry) == Mark::Unneeded) && first_try {
                return Some("what stands already was made again");
            }
            (after.any(|i| state.mark(i) != Mark::None))
                .then_some("a change was made after a later one")
        }
        (Way::Back, Phase::Return) => (before.any(|i| goes_back(&i)))
            .then_some("a later change returned before an earlier one"),
        (Way::Back, Phase::Undo) => (after.any(|i| goes_back(&i)))
            .then_some("an earlier change was undone before a later one"),
        (Way::Back, Phase::Tidy) => (after.any(|i| goes_back(&i) && entries[i].temporary))
            .then_some("an earlier change was tidied up before a later one"),
        _ => Some("something was written in a phase that writes nothing of this way"),
    }
}

/// Every ending is all new, all old, or stopped for a person; and says so.
fn end(model: &Model, node: &Node, ending: Ending, writers: &[u16]) -> Option<Broken> {
    let (state, ground, plan) = (&node.state, &node.ground, &model.plan);
    if ground.in_flight.is_some() {
        let said = "it ended while a write could still land";
        return Some((Property::LookedAt, said));
    }
    if ending == Ending::Done && ground.doubt {
        let said =
            "it said that all was seen, and went on with something that was late or not seen";
        return Some((Property::ExitCode, said));
    }
    let well = matches!(ending, Ending::Done | Ending::DoneUnproven | Ending::Undone);
    if well && ground.defied {
        let said = "it ended well although a check had said that it must not go on";
        return Some((Property::ExitCode, said));
    }
    if matches!(ending, Ending::Refused | Ending::Stale) && state.wrote() {
        let said = "it said that nothing was touched, and something was written";
        return Some((Property::ExitCode, said));
    }
    if let Some(broken) = unseen(model, node, ending, writers) {
        return Some(broken);
    }
    let broken = |i: usize| -> Option<Broken> {
        let entry = &plan.entries[i];
        let (side, mark) = (ground.sides()[i], state.mark(i));
        if entry.holds.is_some() {
            let wrong = matches!(ending, Ending::Done | Ending::Undone) && side != Side::Before;
            let said = "it ended well, and what was so already is not so any more";
            return (wrong && state.wrote()).then_some((Property::ExitCode, said));
        }
        let theirs = ground.is_theirs(i);
        let returns = match (plan.mode, &entry.nature) {
            (Mode::Drill, Nature::Act(act)) if !state.remains() => act.undo.is_some(),
            (Mode::Drill, _) if !state.remains() => true,
            _ => entry.temporary,
        };
        let new = match returns || matches!(plan.mode, Mode::Plan | Mode::Check) {
            true => Side::Before,
            false => Side::After,
        };
        // Where somebody else made our change, nothing of it is ours to put back.
        let made_for_us = theirs && !mark.stands() && side == Side::After;
        // The run knows that it did not make it, and that nobody saw whether that matters.
        let known = !mark.stands() && side == Side::Before && ground.doubt;
        match ending {
            Ending::Done if side == new || made_for_us => None,
            Ending::DoneUnproven if side == new || theirs || known => None,
            // A dry run compares, and writes nothing: what others write meanwhile is not its business.
            Ending::Done | Ending::DoneUnproven if theirs && !state.wrote() => None,
            Ending::Done | Ending::DoneUnproven if new == Side::Before => Some((
                Property::RestoredExactly,
                "it ended well, and something is not as it was before",
            )),
            Ending::Done | Ending::DoneUnproven => Some((
                Property::EveryEnding,
                "it ended well, and a change is not made",
            )),
            Ending::Refused | Ending::Stale if side == Side::Before || theirs => None,
            // What somebody else wrote over ours is not as it was before.
            Ending::Undone if side == Side::Before || theirs && !mark.stands() => None,
            Ending::Refused | Ending::Stale | Ending::Undone => {
                let said = "it said that all is as it was before, and something is not";
                Some((Property::RestoredExactly, said))
            }
            Ending::Held | Ending::Stopped => None,
        }
    };
    writers.iter().find_map(|i| broken(usize::from(*i)))
}

/// What an ending says of the world was looked at since the last write by anybody.
fn unseen(model: &Model, node: &Node, ending: Ending, writers: &[u16]) -> Option<Broken> {
    let (state, ground, entries) = (&node.state, &node.ground, &model.plan.entries);
    let undone = ending == Ending::Undone;
    if !undone && !matches!(ending, Ending::Done | Ending::DoneUnproven) {
        return None;
    }
    let last = match model.plan.mode {
        Mode::Drill if !state.remains() => Phase::Return,
        _ => Phase::Forward,
    };
    if !undone && ground.stale && looks_at(model, last, entries.len()) {
        let said = "whoever went on with it ended well before looking again";
        return Some((Property::SeenSince, said));
    }
    let first = model.plan.first_write().unwrap_or(entries.len());
    let looks = (entries[first..].iter()).any(|e| e.is_check() && !e.has_place() && e.there);
    if undone && looks && !ground.verified {
        let said = "it said that all is as before, and nothing was looked at since the last write";
        return Some((Property::SeenSince, said));
    }
    // What the run never saw after it may have landed is told as not seen.
    let place = writers.iter().map(|i| usize::from(*i)).any(|i| {
        let change = matches!(entries[i].nature, Nature::Change(_));
        let mark = state.mark(i);
        let never = matches!(mark, Mark::None | Mark::Unmade) && entries[i].there;
        let claims = matches!(mark, Mark::Standing | Mark::Back) || undone && never;
        let so = entries[i].holds.is_some() && mark != Mark::Left && state.wrote();
        (change && claims || so) && ground.is_unseen(i)
    });
    let said = "it spoke of a place that somebody wrote, and that nobody had looked at since";
    let known = ending == Ending::DoneUnproven && ground.doubt;
    (place && !known).then_some((Property::SeenSince, said))
}

/// What says that nothing of it stands says the truth.
fn rest(model: &Model, node: &Node, writers: &[u16]) -> Option<Broken> {
    if node.state.stands() {
        return None;
    }
    let said = "something stands, and nothing offers to put it back";
    (!all_before(model, node, writers)).then_some((Property::WayBack, said))
}

/// Whether everything is as it was before: but for what somebody else wrote, what cannot be undone, and what a
/// person accepted or left.
pub(super) fn all_before(model: &Model, node: &Node, writers: &[u16]) -> bool {
    writers.iter().map(|i| usize::from(*i)).all(|i| {
        let beyond =
            matches!(&model.plan.entries[i].nature, Nature::Act(act) if act.undo.is_none());
        let ground = &node.ground;
        beyond || ground.sides()[i] == Side::Before || ground.is_theirs(i)
    })
}
