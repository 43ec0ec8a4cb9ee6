//! What a run leaves to be done.

use std::collections::BTreeSet;

use super::findings::Findings;
use super::settle::told_before;
use crate::event::{
    Answer, Ending, Event, Fact, LOOK_AT, Owed, PUT_BACK, Record, Round, SEE, SEE_BACK,
    last_of_undo, still_behind,
};
use crate::machine::{Doubt, Mark, Said, Stage, State};
use crate::plan::{Entry, Mode, Nature, Outcome, Plan, Side};

/// How the key of what a person has to move begins, and of what has to be moved back: its name follows.
pub const MOVE: &str = "move ";
pub const MOVE_BACK: &str = "move back ";

/// Whether something that a person moved does not lead back.
pub fn is_astray(fact: &Fact) -> bool {
    !matches!(fact.outcome, Outcome::Pass | Outcome::Warn)
}

/// How a check came out, said afterwards.
fn was(outcome: Outcome) -> String {
    match outcome {
        Outcome::Fail => "failed".to_owned(),
        // It is owed for what it could not tell.
        Outcome::Warn => "was not seen as a whole".to_owned(),
        other => format!("was {other}"),
    }
}

/// The entry of which a run owes that something of it is seen, and the round in which it looked at that.
pub fn to_see(plan: &Plan, records: &[Record], owed: &Owed) -> Option<(usize, Round)> {
    let back = owed.key.strip_prefix(SEE_BACK);
    let id = back.or_else(|| owed.key.strip_prefix(SEE))?;
    let index = plan.entries.iter().position(|entry| entry.id == id)?;
    let looks = || {
        (records.iter().rev()).filter_map(|record| match &record.event {
            Event::Looked {
                entry,
                round,
                finding,
            } if *entry == index => Some((*round, finding)),
            _ => None,
        })
    };
    let there = looks().find(|(round, _)| *round == Round::There);
    let round = match back {
        Some(_) => looks().map(|(round, _)| round).find(|r| *r != Round::There),
        // Version 0.1.0 had one key for both.
        None => there
            .filter(|(_, found)| found.leaves_unseen(plan, &plan.entries[index]))
            .or_else(|| looks().next())
            .map(|(round, _)| round),
    };
    Some((index, round.unwrap_or(Round::There)))
}

/// What was seen of the places of a run beyond its state, by entry.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// They were last seen to hold what somebody else wrote, or what is neither value.
    foreign: BTreeSet<usize>,
    /// The run wrote them, or began to.
    written: BTreeSet<usize>,
    /// A write of this run was begun there, and they were not read since.
    unread: BTreeSet<usize>,
    /// A write or an act of this run was begun there, and did not say how it ended.
    unended: BTreeSet<usize>,
    /// They held neither value after a write of this run of which nobody knows how it ended: it may have left them so.
    torn: BTreeSet<usize>,
    /// Their write was refused, and they held what was to be written.
    refused_and_so: BTreeSet<usize>,
}

impl Places {
    /// Takes in a fact, with the state before it.
    pub(super) fn take_in(&mut self, state: &State, event: &Event) {
        match event {
            Event::Intended { entry, .. } => {
                self.written.insert(*entry);
                self.unread.insert(*entry);
                self.unended.insert(*entry);
                self.refused_and_so.remove(entry);
            }
            Event::Answered { entry, answer, .. }
                if matches!(answer, Answer::Done { .. }) || answer.is_final_no() =>
            {
                self.unended.remove(entry);
            }
            Event::Compared { entry, side, .. } => self.seen(state, *entry, *side),
            Event::Looked { entry, finding, .. } => self.seen(state, *entry, finding.side),
            // A place that holds what it should is told by this alone.
            Event::Judged { outcomes, .. } => {
                for (entry, _) in outcomes.iter().filter(|of| of.1 == Outcome::Pass) {
                    self.foreign.remove(entry);
                    self.torn.remove(entry);
                }
            }
            Event::Overtaken { entry, side, .. } => {
                self.unread.remove(entry);
                self.seen(state, *entry, Some(Side::Foreign));
                if Doubt::Refused.is_about(*side) {
                    self.refused_and_so.insert(*entry);
                } else if state.was_refused() {
                    self.written.remove(entry);
                }
            }
            Event::Settled { entry, side, .. } => {
                let ended = state.motion().is_some_and(
                    |motion| matches!(motion.stage, Stage::Answered(said) if said != Said::Unclear),
                );
                // What was read once after the write was not left so by it.
                if *side == Some(Side::Foreign) && !ended && self.unread.contains(entry) {
                    self.torn.insert(*entry);
                }
                if side.is_some() {
                    self.unread.remove(entry);
                }
                self.seen(state, *entry, *side);
            }
            _ => {}
        }
    }

    fn seen(&mut self, state: &State, entry: usize, side: Option<Side>) {
        match side {
            Some(Side::Foreign) => {
                self.foreign.insert(entry);
            }
            // Of a shared place only what is ours is looked at.
            Some(_) if state.mark(entry) != Mark::Shared => {
                self.foreign.remove(&entry);
                self.torn.remove(&entry);
            }
            _ => {}
        }
    }

    /// Whether a write of this run may have left the place of an entry as it is.
    pub(super) fn is_torn(&self, entry: usize) -> bool {
        self.torn.contains(&entry)
    }
}

/// How the key of a drill that remains at the other side begins: the name of the side that it left follows.
pub const RETURN: &str = "return ";

/// How the key of what must be kept from serving begins: the name of its site follows.
pub const FENCE: &str = "fence ";

/// What is owed at the end of a run: what was not seen, what was left, an old side that may come back.
pub(super) fn owed(
    plan: &Plan,
    state: &State,
    ending: Ending,
    findings: &Findings,
    places: &Places,
) -> Vec<Owed> {
    let mut list = Vec::new();
    if matches!(plan.mode, Mode::Check | Mode::Plan) {
        return list;
    }
    let source = &plan.direction.source;
    if plan.mode == Mode::Emergency && matches!(ending, Ending::Done | Ending::DoneUnproven) {
        list.push(Owed {
            key: format!("{FENCE}{source}"),
            what: format!(
                "`{source}` may come back while `{}` is active",
                plan.direction.target
            ),
            how: format!(
                "keep `{source}` from serving and from running its timers until you fail back"
            ),
        });
    }
    let came_back = plan.mode == Mode::Drill && !state.remains();
    if matches!(ending, Ending::Done | Ending::DoneUnproven) && !came_back {
        let still = still_behind(plan, |entry| findings.seen(Round::There, entry));
        list.extend(still.into_iter().map(|stay| Owed {
            key: format!("{MOVE}{}", stay.what),
            what: format!("{} does not move: {}", stay.what, stay.why),
            how: "move it by hand, or say in the playbook what shall move it".to_owned(),
        }));
    }
    let back = (0..plan.entries.len()).filter_map(|entry| {
        let finding = findings.seen(Round::Verify, entry)?;
        plan.entries[entry].by_hand.then_some(finding)
    });
    list.extend(
        back.flat_map(|finding| &finding.facts)
            .filter(|fact| is_astray(fact))
            .map(|fact| Owed {
                key: format!("{MOVE_BACK}{}", fact.what),
                what: format!(
                    "{} is not as it was before the run: {}",
                    fact.what, fact.actual
                ),
                how: format!("move it back by hand; before the run: {}", fact.expected),
            }),
    );
    if matches!(ending, Ending::Done | Ending::DoneUnproven) {
        list.extend(not_seen(plan, state, findings, Round::There));
        if came_back {
            list.extend(not_seen(plan, state, findings, Round::Return));
        }
        if plan.mode == Mode::Drill && state.remains() {
            list.push(remains(plan));
        }
    }
    if ending == Ending::Undone {
        list.extend(not_seen_back(plan, findings));
    }
    // Where a place was left to others, it speaks for what the checks see of it.
    let left = (0..plan.entries.len()).any(|i| state.mark(i) == Mark::Left);
    let accepted = ending == Ending::Held && state.left_something() && !state.stands() && !left;
    for (at, entry) in plan.entries.iter().enumerate() {
        if let Some(finding) = findings.seen(Round::Verify, at)
            && accepted
            && entry.is_check()
            && !entry.by_hand
            && finding.outcome != Outcome::Pass
        {
            list.push(Owed {
                key: format!("{SEE_BACK}{}", entry.id),
                what: format!("`{}` is not as before: {}", entry.id, finding.headline),
                how: "look again with `cutover owed`".to_owned(),
            });
        }
    }
    for (i, entry) in plan.entries.iter().enumerate() {
        match state.mark(i) {
            Mark::Left => list.push(Owed {
                key: format!("{LOOK_AT}{}", entry.id),
                what: match places.foreign.contains(&i) {
                    true if places.is_torn(i) => format!(
                        "`{}` was left as it is, and holds neither value: a write of this run may have left it so",
                        entry.id
                    ),
                    true if places.refused_and_so.contains(&i) => format!(
                        "`{}` was left as it is: its write was refused, and it held what was to be written",
                        entry.id
                    ),
                    true => format!(
                        "`{}` was left as it is: somebody else wrote there",
                        entry.id
                    ),
                    false if places.written.contains(&i) => format!(
                        "`{}` was left as it is, as accepted: it was not seen to {}",
                        entry.id,
                        match state.phase().undoes() {
                            true => "be put back",
                            false => "hold what was written",
                        }
                    ),
                    false => format!(
                        "`{}` was left as it is: this run never wrote it, and it {}",
                        entry.id,
                        match findings.last_of_place(i).and_then(|found| found.side) {
                            Some(_) => "is not as before",
                            None => "could not be read: nobody saw whether it is as before",
                        }
                    ),
                },
                how: "compare it with the plan, and set it by hand".to_owned(),
            }),
            Mark::Standing if entry.temporary && ending != Ending::Stopped => list.push(Owed {
                key: format!("{PUT_BACK}{}", entry.id),
                what: format!("the temporary change `{}` still stands", entry.id),
                // A rollback puts back more than that.
                how: put_back_by_hand(entry),
            }),
            mark => list.extend(unproven(entry, mark, ending, places.unended.contains(&i))),
        }
    }
    list
}

/// A drill that did not come back, as somebody decided.
fn remains(plan: &Plan) -> Owed {
    let (source, target) = (&plan.direction.source, &plan.direction.target);
    Owed {
        key: format!("{RETURN}{source}"),
        what: format!("the drill remains at `{target}`, and did not come back to `{source}`"),
        how: format!("`cutover rollback` puts it back once `{source}` serves"),
    }
}

/// What the checks of one round did not see to be good, nobody since.
fn not_seen(plan: &Plan, state: &State, findings: &Findings, round: Round) -> Vec<Owed> {
    let found = |(at, _): &(usize, &Entry)| findings.seen(round, *at);
    let entries = || plan.entries.iter().enumerate();
    // What was foreseen is owed where nobody looked afterwards.
    let looked_later = |entry: &Entry| {
        let later = |other: &Entry| !other.foresees && other.step == entry.step;
        entry.foresees && entries().any(|of| later(of.1) && found(&of).is_some())
    };
    // What was left is told as such, and once.
    let told = |at: usize, entry: &Entry| entry.by_hand || state.mark(at) == Mark::Left;
    let open = entries().filter_map(|of| {
        let (at, entry) = of;
        let finding = found(&of)?;
        let open = finding.leaves_unseen(plan, entry) && !told(at, entry) && !looked_later(entry);
        open.then_some((entry, finding))
    });
    open.map(|(entry, finding)| {
        let (key, of) = match round {
            Round::There => (SEE, plan.direction.target.as_str()),
            _ => (SEE_BACK, plan.home()),
        };
        // Which side is meant is plain where a run goes one way.
        let side = match plan.mode {
            Mode::Drill => format!(" while {of} was to serve"),
            _ => String::new(),
        };
        Owed {
            key: format!("{key}{}", entry.id),
            what: format!(
                "`{}` {}{side}: {}",
                entry.id,
                was(finding.outcome),
                finding.headline
            ),
            how: (finding.advice.first()).map_or_else(
                || "look again with `cutover owed`".to_owned(),
                |advice| advice.text().to_owned(),
            ),
        }
    })
    .collect()
}

/// What puts back one change and nothing more.
fn put_back_by_hand(entry: &Entry) -> String {
    match &entry.nature {
        Nature::Change(edit) => {
            format!("put it back by hand; before the run {}", told_before(edit))
        }
        Nature::Act(act) => format!(
            "put it back by hand: {}",
            act.undo.as_deref().unwrap_or("it cannot be undone")
        ),
        _ => String::new(),
    }
}

/// What the last looks of an undo did not see to be good.
fn not_seen_back(plan: &Plan, findings: &Findings) -> impl Iterator<Item = Owed> {
    let entries = plan.entries.iter().enumerate();
    entries.filter_map(|(at, entry)| {
        let (round, finding) = last_of_undo(entry, |round| findings.seen(round, at))?;
        if entry.by_hand || !finding.leaves_unseen(plan, entry) {
            return None;
        }
        let (id, seen) = (&entry.id, was(finding.outcome));
        Some(Owed {
            key: format!("{SEE_BACK}{id}"),
            what: match round {
                Round::Verify => {
                    format!("all was put back, and `{id}` {seen}: {}", finding.headline)
                }
                // Whoever went back all the same has its users on a side that was not seen to serve.
                _ => format!(
                    "`{}` was not seen to serve, and was gone back to: `{id}` {seen}: {}",
                    plan.home(),
                    finding.headline
                ),
            },
            how: (finding.advice.first()).map_or_else(
                || "look again with `cutover owed`".to_owned(),
                |advice| advice.text().to_owned(),
            ),
        })
    })
}

/// What is owed where nobody saw that a write or an act came to its end, and the run came to one all the same: a person
/// accepted it, or the playbook says to skip it.
fn unproven(entry: &Entry, mark: Mark, ending: Ending, unended: bool) -> Option<Owed> {
    let there = matches!(ending, Ending::Done | Ending::DoneUnproven);
    let (what, how) = match (&entry.nature, mark) {
        (Nature::Change(_), Mark::Claimed) if there => (
            format!(
                "the write of `{}` said that it was done, and it was not seen so",
                entry.id
            ),
            "look again with `cutover owed`".to_owned(),
        ),
        (Nature::Act(act), Mark::Standing) if there && unended => (
            format!("`{}` was begun, and how it ended is not known", entry.id),
            format!(
                "look for what it does; do not type it, it would be done again: {}",
                act.does
            ),
        ),
        (Nature::Act(act), Mark::Back) if unended && (there || ending == Ending::Undone) => (
            format!(
                "putting back `{}` was begun, and how that ended is not known",
                entry.id
            ),
            format!(
                "look for what it does; do not type it, it would be done again: {}",
                act.undo.as_deref().unwrap_or_default()
            ),
        ),
        _ => return None,
    };
    Some(Owed {
        key: format!("{SEE}{}", entry.id),
        what,
        how,
    })
}

#[cfg(test)]
mod tests;
