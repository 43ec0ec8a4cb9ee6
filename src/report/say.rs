//! What an event reads like: pure, in the past tense, the same for every display.

mod landed;

use super::ended::how_it_ended;
use super::numbers::{count, rounded};
use super::zone::extent;
use crate::event::{Answer, Decision, Ending, Event, Fact, Finding, Round};
use crate::plan::{Act, Edit, Entry, Mode, Nature, Outcome, Part, Plan, Side, Value, Way};

use landed::settled;
pub(super) use landed::{NEITHER, contradiction, overtaken};

/// One sentence about one fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    pub tone: Tone,
    /// The plan's entry that it is about; `None` is the run as a whole.
    pub entry: Option<usize>,
    pub text: String,
    /// What was looked at and is not as it should be.
    pub facts: Vec<Fact>,
    /// What to do about it, each with the word that stands before it.
    pub advice: Vec<(&'static str, String)>,
    pub weight: Weight,
}

/// What kind of fact it is; the first column of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Judged(Outcome),
    /// About the run: it began, somebody decided.
    Run,
    /// A write, or what was seen of one.
    Change,
    /// A person is needed.
    Ask,
    Owed,
}

/// Whether a terminal needs it, which shows by its bars what goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    Fact,
    /// A beat of a write that went as it should.
    Detail,
}

impl Tone {
    /// At most seven letters.
    pub fn word(self) -> &'static str {
        match self {
            Tone::Judged(Outcome::Pass) => "pass",
            Tone::Judged(Outcome::Warn) => "warn",
            Tone::Judged(Outcome::Late) => "late",
            Tone::Judged(Outcome::Unknown) => "unknown",
            Tone::Judged(Outcome::Fail) => "fail",
            Tone::Run => "run",
            Tone::Change => "change",
            Tone::Ask => "ask",
            Tone::Owed => "owed",
        }
    }
}

impl Sentence {
    fn new(tone: Tone, entry: Option<usize>, text: impl Into<String>) -> Sentence {
        Sentence {
            tone,
            entry,
            text: text.into(),
            facts: Vec::new(),
            advice: Vec::new(),
            weight: Weight::Fact,
        }
    }

    fn run(text: impl Into<String>) -> Sentence {
        Sentence::new(Tone::Run, None, text)
    }

    fn detail(mut self) -> Sentence {
        self.weight = Weight::Detail;
        self
    }

    /// The id of what it is about.
    pub fn subject<'a>(&self, plan: &'a Plan) -> &'a str {
        self.entry
            .and_then(|i| plan.entries.get(i))
            .map_or("", |entry| entry.id.as_str())
    }
}

/// The sentences about one event. An event that only repeats what others said has none. `remains`: somebody said that the
/// run remains where it is.
pub fn say(plan: &Plan, event: &Event, remains: bool) -> Vec<Sentence> {
    match event {
        Event::Started { plan, by, version } => vec![started(plan, by, version)],
        Event::Looked {
            entry,
            round,
            finding,
        } => vec![looked(*entry, *round, finding)],
        // What follows from it is said by who knows what comes next.
        Event::Judged { .. } => Vec::new(),
        Event::BaselineTaken { sights } => {
            let unseen: Vec<Fact> = (sights.iter())
                .filter_map(|sight| sight.seen.as_ref().err().map(|why| (sight, why)))
                .map(|(sight, why)| Fact {
                    outcome: Outcome::Unknown,
                    what: format!("{} {}", sight.step, sight.key),
                    expected: "seen before the change".into(),
                    actual: why.detail.clone(),
                })
                .collect();
            let why = match plan.mode {
                Mode::Check | Mode::Plan => "taken",
                _ => "taken before the change",
            };
            let seen = count(sights.len() - unseen.len(), "baseline look");
            let text = format!("{seen} {why}");
            let mut sentence = Sentence::run(text);
            if unseen.is_empty() {
                sentence = sentence.detail();
            } else {
                sentence.tone = Tone::Judged(Outcome::Unknown);
                sentence.text += &format!(", {} unseen", unseen.len());
                sentence.facts = unseen;
            }
            vec![sentence]
        }
        Event::Compared {
            entry,
            way,
            side,
            detail,
        } => {
            // Nothing can be read of an act, so there was nothing to compare.
            if is_act(plan, *entry) {
                return Vec::new();
            }
            vec![compared(*entry, *way, *side, detail.as_deref())]
        }
        Event::Intended {
            entry,
            way,
            from,
            to,
            ..
        } => vec![intended(plan, *entry, *way, (from, to))],
        Event::Answered { entry, way, answer } => vec![answered(plan, *entry, *way, answer)],
        Event::Settled {
            entry,
            way,
            side,
            detail,
            stored,
        } => vec![settled(
            plan,
            *entry,
            *way,
            *side,
            detail.as_deref(),
            !stored.is_empty(),
        )],
        Event::Overtaken {
            entry,
            side,
            detail,
        } => vec![Sentence::new(
            Tone::Judged(Outcome::Fail),
            Some(*entry),
            with_detail(overtaken(*side), detail.as_deref()),
        )],
        Event::WouldChange { entry } => vec![would_change(plan, *entry)],
        Event::Waited { entry } => {
            let text = match plan.entries.get(*entry).map(|entry| &entry.nature) {
                Some(Nature::Wait { time }) => format!("waited {}", rounded(*time)),
                _ => "waited".to_owned(),
            };
            vec![Sentence::new(Tone::Run, Some(*entry), text)]
        }
        Event::Approved { entry, yes, by } => {
            let (tone, verb) = if *yes {
                (Tone::Run, "approved")
            } else {
                (Tone::Judged(Outcome::Fail), "declined")
            };
            vec![Sentence::new(tone, Some(*entry), format!("{verb} by {by}"))]
        }
        Event::HoldOver { by } => {
            let home = &plan.direction.source;
            vec![Sentence::run(format!(
                "hold ended by {by}; the way back to {home} began"
            ))]
        }
        Event::Decided { decision, by, .. } => {
            let what = match decision {
                Decision::On => "to go on with what was seen",
                Decision::Again => "to look again",
                Decision::Back => "to go back",
                Decision::Stop => "to leave it as it is",
                Decision::Stay => "to let it remain where it is",
            };
            vec![Sentence::run(format!("{by} decided {what}"))]
        }
        Event::StopAsked { by } => vec![Sentence::run(format!("stop asked by {by}"))],
        Event::Resumed { by, version, .. } => vec![Sentence::run(format!(
            "resumed by {by} with cutover {version}"
        ))],
        Event::Barred { why, .. } => vec![Sentence::new(
            Tone::Judged(Outcome::Fail),
            None,
            would_be_refused(why),
        )],
        Event::Owes { owed } => {
            let mut sentence = Sentence::new(Tone::Owed, None, owed.what.clone());
            if !owed.how.is_empty() {
                sentence.advice.push(("how", owed.how.clone()));
            }
            vec![sentence]
        }
        Event::StaysSo {
            key, by, reason, ..
        } => vec![Sentence::run(format!(
            "{by} said that it shall stay so: `{key}`: {reason}"
        ))],
        Event::Ended { ending } => {
            let mut sentence = Sentence::run(format!(
                "{} ended: {}",
                plan.mode,
                how_it_ended(*ending, plan, remains)
            ));
            sentence.tone = match ending {
                Ending::Done => Tone::Judged(Outcome::Pass),
                Ending::DoneUnproven => Tone::Judged(Outcome::Late),
                Ending::Refused | Ending::Stale | Ending::Undone | Ending::Held => {
                    Tone::Judged(Outcome::Fail)
                }
                Ending::Stopped => Tone::Run,
            };
            vec![sentence]
        }
    }
}

/// Why a failover could not begin, on one line.
pub fn would_be_refused(why: &str) -> String {
    let why: Vec<&str> = why.split_whitespace().collect();
    format!("a failover would be refused: {}", why.join(" "))
}

/// What a pass over the list is about, where it is not the way there.
pub(super) fn round_prefix(round: Round) -> &'static str {
    match round {
        Round::There => "",
        Round::Return => "way back: ",
        Round::Probe => "old side: ",
        Round::Verify => "after the undo: ",
    }
}

fn started(plan: &Plan, by: &str, version: &str) -> Sentence {
    let changes = plan.entries.iter().filter(|entry| entry.writes()).count();
    Sentence::run(format!(
        "{} of {} started by {by}: {} -> {}, {}, {} (cutover {version})",
        plan.mode,
        plan.playbook,
        plan.direction.source,
        plan.direction.target,
        count(plan.entries.len(), "step"),
        count(changes, "change"),
    ))
}

fn looked(entry: usize, round: Round, finding: &Finding) -> Sentence {
    let mut sentence = Sentence::new(
        Tone::Judged(finding.outcome),
        Some(entry),
        format!("{}{}", round_prefix(round), finding.headline),
    );
    sentence.facts = (finding.facts.iter())
        .filter(|fact| fact.outcome != Outcome::Pass)
        .cloned()
        .collect();
    sentence.advice = (finding.advice.iter())
        .map(|advice| (advice.label(), advice.text().to_owned()))
        .collect();
    sentence
}

fn compared(entry: usize, way: Way, side: Option<Side>, detail: Option<&str>) -> Sentence {
    let (from, to) = ends(way);
    let whole = matches!(side, Some(Side::Before | Side::After | Side::Mixed));
    if let Some(detail) = detail.filter(|_| whole && way == Way::Back && side != Some(Side::Mixed))
    {
        let text = format!("compared: {detail}; that is left, and what is ours goes back");
        return Sentence::new(Tone::Judged(Outcome::Fail), Some(entry), text);
    }
    let (tone, text) = match side {
        Some(side) if side == from => {
            let text = "compared: it still holds what it should before the change";
            return Sentence::new(Tone::Change, Some(entry), text).detail();
        }
        Some(side) if side == to => (Tone::Change, "compared: it already holds what it should"),
        Some(Side::Mixed) => (
            Tone::Judged(Outcome::Warn),
            "compared: it holds only part of the change",
        ),
        Some(_) => (
            Tone::Judged(Outcome::Fail),
            "compared: somebody else has changed it",
        ),
        None => (
            Tone::Judged(Outcome::Unknown),
            "compared: it could not be read before writing",
        ),
    };
    Sentence::new(tone, Some(entry), with_detail(text, detail))
}

fn intended(plan: &Plan, entry: usize, way: Way, (from, to): (&Value, &Value)) -> Sentence {
    let text = match (plan.entries.get(entry).map(|e| &e.nature), way) {
        (Some(Nature::Change(edit)), Way::There) => format!("writing {} began", extent(edit)),
        (Some(Nature::Change(edit)), Way::Back) => {
            // What somebody else wrote is left out.
            let written =
                |(key, _): &(&String, &Part)| from.0.contains_key(*key) || to.0.contains_key(*key);
            let ours = Edit {
                place: edit.place.clone(),
                before: edit.before.taken(written),
                after: edit.after.taken(written),
            };
            format!("putting back {} began", extent(&ours))
        }
        (Some(Nature::Act(act)), Way::There) => format!("began `{}`", act.does),
        (
            Some(Nature::Act(Act {
                undo: Some(undo), ..
            })),
            Way::Back,
        ) => format!("began `{undo}`"),
        (_, Way::There) => "writing began".to_owned(),
        (_, Way::Back) => "putting back began".to_owned(),
    };
    Sentence::new(Tone::Change, Some(entry), text).detail()
}

fn answered(plan: &Plan, entry: usize, way: Way, answer: &Answer) -> Sentence {
    let is_act = is_act(plan, entry);
    match answer {
        Answer::Done { note } => {
            let done = match (is_act, way) {
                (true, Way::There) => "done, by its own word",
                (true, Way::Back) => "undone, by its own word",
                (false, _) => "the answer was: done",
            };
            let note = Some(note.as_str()).filter(|note| !note.is_empty());
            let sentence = Sentence::new(Tone::Change, Some(entry), with_detail(done, note));
            if is_act { sentence } else { sentence.detail() }
        }
        Answer::Refused { why }
        | Answer::PutBack { why }
        | Answer::Partly { why }
        | Answer::Declined { why } => Sentence::new(
            Tone::Judged(Outcome::Fail),
            Some(entry),
            format!("the write was refused: {why}"),
        ),
        Answer::Unclear { why } => Sentence::new(
            Tone::Judged(Outcome::Unknown),
            Some(entry),
            format!("whether it was written could not be told: {why}"),
        ),
    }
}

fn would_change(plan: &Plan, entry: usize) -> Sentence {
    let text = match plan.entries.get(entry).map(|entry| &entry.nature) {
        Some(Nature::Change(edit)) => format!("would change {}", extent(edit)),
        Some(Nature::Act(act)) => format!("would run `{}`", act.does),
        _ => "would change".to_owned(),
    };
    Sentence::new(Tone::Change, Some(entry), text)
}

/// What a place holds before and after a write in this direction.
pub(super) fn ends(way: Way) -> (Side, Side) {
    match way {
        Way::There => (Side::Before, Side::After),
        Way::Back => (Side::After, Side::Before),
    }
}

pub(super) fn is_act(plan: &Plan, entry: usize) -> bool {
    matches!(
        plan.entries.get(entry),
        Some(Entry {
            nature: Nature::Act(_),
            ..
        })
    )
}

pub(super) fn with_detail(text: &str, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{text}: {detail}"),
        None => text.to_owned(),
    }
}
