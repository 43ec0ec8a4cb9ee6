//! What a run leaves to be done.

use std::collections::BTreeSet;

use crate::event::{Answer, Ending, Event, Fact, Finding, LOOK_AT, Owed, Round, still_behind};
use crate::machine::{Mark, Said, Stage, State};
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

fn seen(findings: &[Option<(Round, Finding)>], entry: usize, round: Round) -> Option<&Finding> {
    match findings.get(entry) {
        Some(Some((seen, finding))) if *seen == round => Some(finding),
        _ => None,
    }
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
}

impl Places {
    /// Takes in a fact, with the state before it.
    pub(super) fn take_in(&mut self, state: &State, event: &Event) {
        match event {
            Event::Intended { entry, .. } => {
                self.written.insert(*entry);
                self.unread.insert(*entry);
                self.unended.insert(*entry);
            }
            Event::Answered {
                entry,
                answer: Answer::Done { .. } | Answer::Refused { .. },
                ..
            } => {
                self.unended.remove(entry);
            }
            Event::Compared { entry, side, .. } => self.seen(state, *entry, *side),
            Event::Settled { entry, side, .. } => {
                let ended = state.motion().is_some_and(|motion| {
                    matches!(motion.stage, Stage::Answered(Said::Done | Said::Refused))
                });
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

/// How the key of what must be kept from serving begins: the name of its site follows.
pub const FENCE: &str = "fence ";

/// What is owed at the end of a run: what was not seen, what was left, an old side that may come back.
pub(super) fn owed(
    plan: &Plan,
    state: &State,
    ending: Ending,
    findings: &[Option<(Round, Finding)>],
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
    if matches!(ending, Ending::Done | Ending::DoneUnproven) && plan.mode != Mode::Drill {
        let still = still_behind(plan, |entry| seen(findings, entry, Round::There));
        list.extend(still.into_iter().map(|stay| Owed {
            key: format!("{MOVE}{}", stay.what),
            what: format!("{} does not move: {}", stay.what, stay.why),
            how: "move it by hand, or say in the playbook what shall move it".to_owned(),
        }));
    }
    let back = (0..plan.entries.len()).filter_map(|entry| {
        let finding = seen(findings, entry, Round::Verify)?;
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
    for (at, (entry, finding)) in plan.entries.iter().zip(findings).enumerate() {
        let Some((_, finding)) = finding else {
            continue;
        };
        // What was foreseen is owed where nobody looked afterwards.
        let looked_later = entry.foresees
            && (plan.entries.iter().zip(findings))
                .any(|(of, found)| !of.foresees && of.step == entry.step && found.is_some());
        // What was left is told as such, and once.
        let left = state.mark(at) == Mark::Left;
        let open = !entry.by_hand
            && !left
            && (finding.outcome > Outcome::Warn
                || plan.needs_all_told(entry) && finding.has_unknowns())
            && !looked_later;
        if open && matches!(ending, Ending::Done | Ending::DoneUnproven) {
            list.push(Owed {
                key: format!("see {}", entry.id),
                what: format!(
                    "`{}` {}: {}",
                    entry.id,
                    was(finding.outcome),
                    finding.headline
                ),
                how: (finding.advice.first()).map_or_else(
                    || "look again with `cutover owed`".to_owned(),
                    |advice| advice.text().to_owned(),
                ),
            });
        }
    }
    // Whoever went back all the same has its users on a side that was not seen to serve.
    for (at, entry) in plan.entries.iter().enumerate() {
        if let Some(finding) = seen(findings, at, Round::Probe)
            && ending == Ending::Undone
            && finding.outcome > Outcome::Warn
        {
            list.push(Owed {
                key: format!("see {}", entry.id),
                what: format!(
                    "`{source}` was not seen to serve, and was gone back to: `{}` {}: {}",
                    entry.id,
                    was(finding.outcome),
                    finding.headline
                ),
                how: "look again with `cutover owed`".to_owned(),
            });
        }
    }
    // Where a place was left to others, it speaks for what the checks see of it.
    let left = (0..plan.entries.len()).any(|i| state.mark(i) == Mark::Left);
    let accepted = ending == Ending::Held && state.left_something() && !state.stands() && !left;
    for (entry, finding) in plan.entries.iter().zip(findings) {
        if let Some((Round::Verify, finding)) = finding
            && accepted
            && entry.is_check()
            && !entry.by_hand
            && finding.outcome != Outcome::Pass
        {
            list.push(Owed {
                key: format!("see {}", entry.id),
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
                        "`{}` was left as it is: this run never wrote it, and it is not as before",
                        entry.id
                    ),
                },
                how: "compare it with the plan, and set it by hand".to_owned(),
            }),
            Mark::Standing if entry.temporary && ending != Ending::Stopped => list.push(Owed {
                key: format!("put back {}", entry.id),
                what: format!("the temporary change `{}` still stands", entry.id),
                how: "put it back by hand, as `cutover show` tells it; `cutover rollback` puts back all of the run"
                    .to_owned(),
            }),
            mark => list.extend(unproven(entry, mark, ending, places.unended.contains(&i))),
        }
    }
    list
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
            format!("look whether it was done: {}", act.does),
        ),
        (Nature::Act(act), Mark::Back) if unended && (there || ending == Ending::Undone) => (
            format!(
                "putting back `{}` was begun, and how that ended is not known",
                entry.id
            ),
            format!(
                "look whether it was done: {}",
                act.undo.as_deref().unwrap_or_default()
            ),
        ),
        _ => return None,
    };
    Some(Owed {
        key: format!("see {}", entry.id),
        what,
        how,
    })
}

#[cfg(test)]
mod tests;
