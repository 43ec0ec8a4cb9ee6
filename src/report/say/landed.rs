//! What a look behind a write showed.

use super::{Sentence, Tone, ends, with_detail};
use crate::machine::{Hold, Said, Stage, State};
use crate::plan::{Nature, Outcome, Plan, Side, Way};
use crate::report::zone::extent;

/// Said of a place after a write; who wrote there stands beside it.
pub(in crate::report) const NEITHER: &str =
    "it holds neither what it held before nor what was written";

pub(super) fn settled(
    plan: &Plan,
    entry: usize,
    way: Way,
    side: Option<Side>,
    detail: Option<&str>,
    other_ttl: bool,
) -> Sentence {
    let (_, to) = ends(way);
    let extent = match plan.entries.get(entry).map(|entry| &entry.nature) {
        Some(Nature::Change(edit)) => extent(edit),
        _ => "it".to_owned(),
    };
    let (outcome, text) = match (side, way) {
        (Some(side), Way::There) if side == to && other_ttl => {
            (Outcome::Warn, format!("changed {extent}, with another TTL"))
        }
        (Some(side), Way::There) if side == to => {
            (Outcome::Pass, format!("changed {extent}, and seen so"))
        }
        // Not all of it was ours to put back: the detail tells what was not.
        (Some(side), Way::Back) if side == to && detail.is_some() => {
            (Outcome::Pass, "put back, and seen so".to_owned())
        }
        (Some(side), Way::Back) if side == to => {
            (Outcome::Pass, format!("put back {extent}, and seen so"))
        }
        (Some(Side::Mixed), _) => (
            Outcome::Fail,
            "only part of it was written, as far as was seen".into(),
        ),
        (Some(Side::Foreign), Way::Back) if other_ttl => (
            Outcome::Fail,
            format!("put back {extent}, but not as it was"),
        ),
        (Some(Side::Foreign), Way::There) if other_ttl => {
            (Outcome::Fail, format!("changed {extent}, but not as asked"))
        }
        (Some(Side::Foreign), _) => (Outcome::Fail, NEITHER.into()),
        (Some(_), Way::There) => (Outcome::Fail, "it still holds what it held before".into()),
        (Some(_), Way::Back) => (Outcome::Fail, "the change still stands".into()),
        (None, _) => (
            Outcome::Unknown,
            "it could not be read after writing".into(),
        ),
    };
    Sentence::new(
        Tone::Judged(outcome),
        Some(entry),
        with_detail(&text, detail),
    )
}

/// What somebody else wrote just before a write of this run that came to nothing.
pub(in crate::report) fn overtaken(side: Side) -> &'static str {
    match side {
        Side::Before | Side::Foreign => "nothing of this run is there",
        Side::Mixed => {
            "it was refused, and the place holds a part of what was to be written: somebody wrote that just before, or \
             the write came through twice"
        }
        Side::After => {
            "it was refused, and the place holds what was to be written: somebody wrote that just before, or the write \
             came through twice"
        }
    }
}

/// Where the word of a write and the look after it contradict each other: what is known, as a sentence.
pub(in crate::report) fn contradiction(state: &State) -> Option<Sentence> {
    let motion = state
        .motion()
        .filter(|_| state.held() == Some(Hold::NotSeen))?;
    let text = match (motion.stage, motion.way) {
        (Stage::Answered(Said::Done), Way::There) => {
            "its write was answered with done, and it still holds what it held before"
        }
        (Stage::Answered(Said::Done), Way::Back) => {
            "its way back was answered with done, and the change still stands"
        }
        (_, Way::There) => {
            "a part of what was written was seen there, and now it holds what it held before"
        }
        (_, Way::Back) => {
            "its way back was not answered with done, and it holds what it held before all the same"
        }
    };
    let outcome = Tone::Judged(Outcome::Unknown);
    Some(Sentence::new(
        outcome,
        Some(usize::from(motion.entry)),
        text,
    ))
}
