//! What a card claims: the answers to the three questions, why it ended so, and the measured times.

use super::super::lines::{fact_rows, labelled_rows};
use super::super::numbers::rounded;
use super::super::proof::Proof;
use super::super::tally::{Because, Tally};
use super::super::text::{Line, Role, Style};
use super::{LABEL, Names, label};
use crate::clock::short;
use crate::event::Ending;
use crate::plan::{Mode, Outcome, Plan, Question, Seconds};

/// Where the answers to the questions begin.
const ANSWER: usize = 45;

/// So many rows of one cause are shown.
const ROWS: usize = 4;

pub(super) fn questions(tally: &Tally, style: &Style) -> Vec<Line> {
    let asked = [
        (
            Question::Ready,
            "Is the target up to date, and does it work?",
        ),
        (Question::Fast, "Is it fast enough for the load?"),
        (Question::Moves, "Does every service move?"),
    ];
    (asked.into_iter())
        .flat_map(|(question, text)| {
            let (role, word, reason) = match tally.answer(question) {
                Proof::Yes(reason) => (Role::Good, "yes", reason),
                Proof::No(reason) => (Role::Bad, "no", reason),
                Proof::NotProven(reason) => (Role::Unclear, "not proven", reason),
            };
            let answer = Line::new().and(role, word).text(format!(": {reason}"));
            if style.width < ANSWER + 24 {
                let mut lines = Line::new().text(text).wrap(style.width, 0);
                lines.extend(Line::new().text("  ").line(answer).wrap(style.width, 4));
                return lines;
            }
            let line = Line::new().text(text).pad_to(ANSWER).line(answer);
            line.wrap(style.width, ANSWER)
        })
        .collect()
}

pub(super) fn why(tally: &Tally, names: &Names, style: &Style) -> Vec<Line> {
    let mut lines = Vec::new();
    let answers: Vec<String> = [Question::Ready, Question::Fast, Question::Moves]
        .into_iter()
        .filter_map(|question| match tally.answer(question) {
            Proof::No(reason) => Some(reason),
            Proof::Yes(_) | Proof::NotProven(_) => None,
        })
        .collect();
    for (
        i,
        Because {
            subject,
            outcome,
            text,
            facts,
            advice,
            ..
        },
    ) in reasons(tally).iter().enumerate()
    {
        let mut line = label(if i == 0 { "Why" } else { "" });
        if !subject.is_empty() {
            line = line.and(Role::Strong, subject).text(" ");
        }
        if *outcome > Outcome::Warn {
            let colon = if answers.contains(text) { "" } else { ": " };
            line = line.and((*outcome).into(), outcome.to_string()).text(colon);
        }
        // What is the answer to a question already stands once.
        if !answers.contains(text) {
            line = line.text(text);
        }
        lines.extend(line.wrap(style.width, LABEL + 2));
        for row in fact_rows(facts, LABEL + 2, ROWS) {
            lines.extend(row.wrap(style.width, LABEL + 4));
        }
        for advice in advice {
            lines.extend(labelled_rows(
                advice.label(),
                &names.to_type(advice.text()),
                LABEL + 2,
            ));
        }
    }
    lines
}

/// Why it ended so. Where nothing stopped it, that is what was not seen to be good.
fn reasons(tally: &Tally) -> Vec<Because> {
    let known = tally.because().to_vec();
    let looks_only = tally
        .plan()
        .is_some_and(|plan| matches!(plan.mode, Mode::Check | Mode::Plan));
    let unexplained = match tally.ending() {
        Some(Ending::Refused) => true,
        Some(Ending::DoneUnproven) => looks_only,
        _ => false,
    };
    match unexplained && known.is_empty() {
        true => tally.not_seen_good(),
        false => known,
    }
}

pub(super) fn times(tally: &Tally, plan: &Plan, style: &Style) -> Vec<Line> {
    let looks_only = matches!(plan.mode, Mode::Check | Mode::Plan);
    let mut rows = Vec::new();
    if !looks_only {
        let promised = plan.objectives.rto;
        rows.push(match (tally.rto(), promised) {
            (None, _) if is_without_change(tally, plan) => {
                Line::new().text("RTO not measured: no change was needed")
            }
            (Some(took), _) => measured("RTO", took, promised).text(match tally.is_unproven() {
                true => ", from the decision to the last look; not everything was seen",
                false => ", from the decision to the verified target",
            }),
            (None, Some(Seconds(most))) => {
                Line::new().text(format!("RTO not reached; {} promised", rounded(most)))
            }
            (None, None) => Line::new().text("RTO not reached; none promised"),
        });
    }
    match (tally.rpo(), plan.objectives.rpo) {
        (Some(age), promised) => {
            rows.push(measured("RPO", age, promised).text(", the age of the target's data"));
        }
        (None, Some(Seconds(most))) => {
            rows.push(Line::new().text(format!("RPO not measured; {} promised", rounded(most))));
        }
        (None, None) => {}
    }
    if let Some(back) = tally.way_back() {
        rows.push(Line::new().text(format!("the way back took {}", short(back))));
    }
    (rows.into_iter().enumerate())
        .flat_map(|(i, row)| {
            label(if i == 0 { "Times" } else { "" })
                .line(row)
                .wrap(style.width, LABEL + 2)
        })
        .collect()
}

/// Whether a run has nothing to show a time of: it needed no change.
fn is_without_change(tally: &Tally, plan: &Plan) -> bool {
    let writes = plan
        .entries
        .iter()
        .any(|entry| entry.writes() && entry.there);
    match tally.ending() {
        Some(Ending::Done | Ending::DoneUnproven) => !tally.ever_wrote(),
        Some(Ending::Refused) => !writes,
        _ => false,
    }
}

fn measured(what: &str, took: std::time::Duration, promised: Option<Seconds>) -> Line {
    let line = Line::new().text(format!("{what} "));
    match promised {
        None => line.text(format!("{}, none promised", short(took))),
        Some(Seconds(most)) if took <= most => {
            line.and(Role::Good, format!("{} of {}", short(took), rounded(most)))
        }
        Some(Seconds(most)) => line.and(
            Role::Bad,
            format!("missed: {} of {}", short(took), rounded(most)),
        ),
    }
}
