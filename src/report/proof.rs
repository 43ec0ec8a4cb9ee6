//! The three questions of every report, answered from what was recorded.

use super::numbers::list;
use super::tally::{Change, Standing, Tally};
use crate::event::{Finding, Round, still_behind};
use crate::plan::{Entry, Mode, Nature, Outcome, Plan, Question};

/// The answer to one of the three questions, and the reason for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    Yes(String),
    No(String),
    NotProven(String),
}

impl Tally {
    /// The answer to one of the three questions.
    pub fn answer(&self, question: Question) -> Proof {
        let Some(plan) = &self.plan else {
            return Proof::NotProven("nothing was recorded".into());
        };
        let asked: Vec<(usize, &Entry)> = (plan.entries.iter().enumerate())
            .filter(|(_, entry)| entry.answers == Some(question))
            .collect();
        if asked.is_empty() {
            return Proof::NotProven(
                match question {
                    Question::Ready => "no step in this playbook looks at the target",
                    Question::Fast => "no load step in this playbook",
                    Question::Moves => "no step in this playbook follows the services",
                }
                .into(),
            );
        }
        let mut fails = Vec::new();
        let mut open = Vec::new();
        let mut waits = Vec::new();
        let mut unseen = Vec::new();
        let mut warns = Vec::new();
        // A name that led there already must still lead there.
        let so_already = (plan.entries.iter().enumerate()).filter(|(_, entry)| {
            question == Question::Moves && entry.there && entry.found_names_so()
        });
        for (i, entry) in asked.iter().copied().chain(so_already) {
            let i = &i;
            let mut seen = vec![self.shown(*i, entry)];
            if question == Question::Moves && self.hold_over.is_some() && entry.back {
                let returned = self.findings.get(&(Round::Return, *i));
                seen.extend(returned.map(|finding| {
                    let text = format!("on the way back, {}", cause(finding));
                    Some((finding.outcome, text))
                }));
            }
            if question == Question::Moves {
                let undone = self.findings.get(&(Round::Verify, *i));
                seen.extend(undone.map(|finding| {
                    let text = format!("after the undo, {}", cause(finding));
                    Some((finding.outcome, text))
                }));
            }
            for shown in seen {
                match shown {
                    Some((Outcome::Pass, _)) => {}
                    Some((Outcome::Warn, text)) if self.has_unknowns(*i) => {
                        open.push(format!("{} is unknown: {text}", entry.id));
                    }
                    Some((Outcome::Warn, text)) => warns.push(format!("{}: {text}", entry.id)),
                    Some((Outcome::Fail, text)) => fails.push(text),
                    Some((outcome, text)) => {
                        open.push(format!("{} is {outcome}: {text}", entry.id));
                    }
                    None if entry.after_change || entry.writes() => waits.push(entry.id.as_str()),
                    None => unseen.push(entry.id.as_str()),
                }
            }
        }
        if question == Question::Ready {
            fails.extend(self.fails_its_users(plan));
        }
        if question == Question::Moves {
            let seen = |entry| self.findings.get(&(Round::There, entry));
            let behind = still_behind(plan, seen).into_iter();
            fails.extend(behind.map(|stay| format!("{} does not move: {}", stay.what, stay.why)));
        }
        if let [first, ..] = &fails[..] {
            return Proof::No(first.clone());
        }
        if !unseen.is_empty() {
            open.push(format!("{} not looked at", list(&unseen)));
        }
        if !waits.is_empty() {
            open.push(match plan.mode {
                Mode::Check | Mode::Plan => {
                    format!("{} can be seen only after the change", list(&waits))
                }
                _ => format!("{} not reached", list(&waits)),
            });
        }
        if !open.is_empty() {
            return Proof::NotProven(open.join("; "));
        }
        if !warns.is_empty() {
            return Proof::Yes(format!("with a warning: {}", warns.join("; ")));
        }
        let ids: Vec<&str> = asked.iter().map(|(_, entry)| entry.id.as_str()).collect();
        Proof::Yes(list(&ids))
    }

    /// Whether an entry only warned, and could not tell something all the same.
    fn has_unknowns(&self, i: usize) -> bool {
        let finding = |round| self.findings.get(&(round, i));
        [Round::There, Round::Return]
            .into_iter()
            .any(|round| finding(round).is_some_and(Finding::has_unknowns))
    }

    /// What failed once the names led there: whatever was looked at before, the target does not work for its users. Where
    /// the records have come is no word on that.
    fn fails_its_users(&self, plan: &Plan) -> Vec<String> {
        (plan.entries.iter().enumerate())
            .filter(|(_, entry)| entry.is_check() && entry.answers == Some(Question::Moves))
            .filter(|(_, entry)| entry.kind != "propagation")
            .filter_map(|(i, entry)| match self.shown(i, entry) {
                Some((Outcome::Fail, text)) => Some(format!("{}: {text}", entry.id)),
                _ => None,
            })
            .collect()
    }

    /// What an entry showed on the way there.
    fn shown(&self, i: usize, entry: &Entry) -> Option<(Outcome, String)> {
        match &entry.nature {
            Nature::Check => (self.findings.get(&(Round::There, i)))
                .map(|finding| (finding.outcome, cause(finding))),
            Nature::Change(_) | Nature::Act(_) => match self.changes.get(&i) {
                Some(change) if change.stood => Some((Outcome::Pass, String::new())),
                Some(Change {
                    standing: Standing::Half,
                    ..
                }) => Some((Outcome::Fail, "only part of it was changed".into())),
                Some(Change {
                    standing: Standing::Unclear,
                    ..
                }) => Some((Outcome::Unknown, "it could not be read".into())),
                _ => None,
            },
            Nature::Ask { .. } | Nature::Wait { .. } => Some((Outcome::Pass, String::new())),
        }
    }
}

/// What a finding comes to, in one clause: the one thing that decided where it is one itself, else the head's first.
fn cause(finding: &Finding) -> String {
    let mut unknown = (finding.facts.iter())
        .filter(|fact| matches!(fact.outcome, Outcome::Late | Outcome::Unknown));
    if finding.has_unknowns()
        && let Some(one) = unknown.next()
    {
        return format!("{}: {}", one.what, one.actual);
    }
    let mut worst = finding
        .facts
        .iter()
        .filter(|fact| fact.outcome == finding.outcome);
    let clause = match (finding.outcome, worst.next(), worst.next()) {
        (Outcome::Fail, Some(one), None) if one.actual.contains(" are ") => &one.actual,
        _ => &finding.headline,
    };
    clause.split("; ").next().unwrap_or_default().to_owned()
}
