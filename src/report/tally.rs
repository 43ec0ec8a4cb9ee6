//! What a run comes to: a pure fold over its records, so that a past run reads like a live one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::say::{ends, is_act, with_detail};
use crate::clock::Stamp;
use crate::event::{Answer, Decision, Ending, Event, Fact, Finding, Owed, Record, Round};
use crate::plan::{Entry, Outcome, Plan, Seconds, Side, Then, Way};

/// The sum of a run's records so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub(super) plan: Option<Box<Plan>>,
    by: String,
    started: Option<Stamp>,
    last: Option<Stamp>,
    pub(super) findings: BTreeMap<(Round, usize), Finding>,
    pub(super) changes: BTreeMap<usize, Change>,
    because: Vec<Because>,
    owed: Vec<Owed>,
    ending: Option<Ending>,
    /// The last moment of the way there at which something was settled or judged, after the first write.
    forward: Option<Stamp>,
    /// The way there came to its end, so that `forward` is the moment of verification.
    arrived: bool,
    pub(super) hold_over: Option<Stamp>,
    accepted_by: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Change {
    pub(super) standing: Standing,
    /// So many intents of this run are on record.
    intents: u32,
    /// It was seen to stand at some time.
    pub(super) stood: bool,
}

/// Where a change is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    #[default]
    Untouched,
    Stands,
    /// It already held what it should, not by a write of this run; an undo leaves it alone.
    Already,
    PutBack,
    /// Part of it stands.
    Half,
    /// Somebody else has written there.
    Foreign,
    /// It was begun, and could not be read since.
    Unclear,
}

/// Why a run did not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    pub origin: Origin,
    /// The id of an entry, or empty.
    pub subject: String,
    pub outcome: Outcome,
    pub text: String,
    pub facts: Vec<Fact>,
    pub mend: Option<String>,
}

/// Where a reason comes from: a later and better fact of the same origin overtakes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Looked(Round),
    Wrote(Way),
    Person,
}

/// Which side serves, as far as the changes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Serves {
    Source,
    Target,
    Unsure,
}

impl Tally {
    pub fn new() -> Tally {
        Tally::default()
    }

    /// The sum of all records of a run.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Tally {
        let mut tally = Tally::new();
        for record in records {
            tally.fold(record);
        }
        tally
    }

    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_deref()
    }

    pub fn by(&self) -> &str {
        &self.by
    }

    pub fn started(&self) -> Option<&Stamp> {
        self.started.as_ref()
    }

    /// From the first record to the last.
    pub fn took(&self) -> Duration {
        match (&self.started, &self.last) {
            (Some(started), Some(last)) => last.since(started),
            _ => Duration::ZERO,
        }
    }

    /// How it ended; `None` while it runs, or where it was cut off.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    pub fn owed(&self) -> &[Owed] {
        &self.owed
    }

    pub fn because(&self) -> &[Because] {
        &self.because
    }

    /// Who accepted what was not proven, and let the run go on.
    pub fn accepted_by(&self) -> Option<&str> {
        self.accepted_by.as_deref()
    }

    /// The last finding of a check in one pass.
    pub fn finding(&self, round: Round, entry: usize) -> Option<&Finding> {
        self.findings.get(&(round, entry))
    }

    /// Whether the old side was looked at before an undo, and not seen to serve.
    pub(super) fn old_side_sick(&self) -> bool {
        self.findings.iter().any(|((round, _), finding)| {
            *round == Round::Probe && !matches!(finding.outcome, Outcome::Pass | Outcome::Warn)
        })
    }

    /// Where the change of an entry is.
    pub fn standing(&self, entry: usize) -> Standing {
        self.changes
            .get(&entry)
            .map_or(Standing::Untouched, |c| c.standing)
    }

    /// The time from the decision until the target was verified; `None` where it was not.
    pub fn rto(&self) -> Option<Duration> {
        match (&self.started, &self.forward) {
            (Some(started), Some(forward)) if self.arrived => Some(forward.since(started)),
            _ => None,
        }
    }

    /// The age of the data that the target serves, where a check measured it.
    pub fn rpo(&self) -> Option<Duration> {
        (self.findings.iter())
            .filter(|((round, _), _)| *round == Round::There)
            .filter_map(|(_, finding)| finding.data_age)
            .map(|Seconds(age)| age)
            .max()
    }

    /// How long the way back of a drill took.
    pub fn way_back(&self) -> Option<Duration> {
        match (self.ending, &self.hold_over, &self.last) {
            (Some(Ending::Done | Ending::DoneUnproven), Some(over), Some(last)) => {
                Some(last.since(over))
            }
            _ => None,
        }
    }

    /// Whether anything that was written is not seen to be as before.
    pub fn anything_stands(&self) -> bool {
        self.changes.values().any(|change| {
            use Standing::{Already, PutBack, Untouched};
            !matches!(change.standing, Untouched | Already | PutBack)
        })
    }

    /// Whether this run ever wrote, or began to.
    pub fn ever_wrote(&self) -> bool {
        self.changes.values().any(|change| change.intents > 0)
    }

    pub(super) fn serves(&self) -> Serves {
        let Some(plan) = &self.plan else {
            return Serves::Unsure;
        };
        let mut writes = (plan.entries.iter().enumerate())
            .filter(|(_, entry)| entry.writes() && entry.there && !entry.temporary)
            .map(|(i, _)| self.standing(i));
        if !self.anything_stands() {
            Serves::Source
        } else if writes.all(|standing| matches!(standing, Standing::Stands | Standing::Already)) {
            Serves::Target
        } else {
            Serves::Unsure
        }
    }

    /// Takes in the next record.
    pub fn fold(&mut self, record: &Record) {
        self.last = Some(record.at.clone());
        match &record.event {
            Event::Started { plan, by, .. } => {
                self.plan = Some(plan.clone());
                self.by.clone_from(by);
                self.started = Some(record.at.clone());
            }
            Event::Looked {
                entry,
                round,
                finding,
            } => {
                if *round == Round::Return {
                    self.arrived = true;
                }
                self.findings.insert((*round, *entry), finding.clone());
            }
            Event::Judged { round, outcomes } => self.judged(&record.at, *round, outcomes),
            Event::Compared {
                entry,
                way,
                side,
                detail,
            } => {
                self.compared(*entry, *way, *side, detail.as_deref());
            }
            Event::Intended { entry, .. } => {
                let change = self.changes.entry(*entry).or_default();
                change.intents = change.intents.saturating_add(1);
                change.standing = Standing::Unclear;
            }
            Event::Answered { entry, way, answer } => {
                self.answered(&record.at, *entry, *way, answer);
            }
            Event::Settled {
                entry,
                way,
                side,
                detail,
            } => {
                self.settled(&record.at, *entry, *way, *side, detail.as_deref());
            }
            Event::Waited { .. } => self.moved_on(&record.at, Way::There),
            Event::Approved { entry, yes, by } => {
                if *yes {
                    self.moved_on(&record.at, Way::There);
                } else {
                    self.blame(
                        Some(*entry),
                        Origin::Person,
                        Outcome::Fail,
                        format!("declined by {by}"),
                    );
                }
            }
            Event::HoldOver { .. } => {
                self.arrived = true;
                self.hold_over = Some(record.at.clone());
            }
            Event::Decided { decision, by } => {
                self.reopen();
                match decision {
                    Decision::On => {
                        self.accepted_by = Some(by.clone());
                        self.because.clear();
                        self.moved_on(&record.at, Way::There);
                    }
                    Decision::Again => self.because.clear(),
                    Decision::Back => self.blame(
                        None,
                        Origin::Person,
                        Outcome::Warn,
                        format!("{by} decided to go back"),
                    ),
                    Decision::Stop => self.blame(
                        None,
                        Origin::Person,
                        Outcome::Warn,
                        format!("{by} decided to leave it as it is"),
                    ),
                }
            }
            Event::StopAsked { by } => {
                self.blame(
                    None,
                    Origin::Person,
                    Outcome::Warn,
                    format!("{by} asked the run to stop"),
                );
            }
            Event::Resumed { .. } => {
                self.reopen();
                // What led back still leads back; that somebody asked to stop is over.
                (self.because).retain(|because| because.origin != Origin::Person);
            }
            Event::Owes { owed } => match self.owed.iter_mut().find(|o| o.key == owed.key) {
                Some(known) => known.clone_from(owed),
                None => self.owed.push(owed.clone()),
            },
            Event::Ended { ending } => {
                self.ending = Some(*ending);
                if matches!(ending, Ending::Done | Ending::DoneUnproven) {
                    self.arrived = true;
                }
            }
            Event::BaselineTaken { .. } | Event::WouldChange { .. } => {}
        }
    }

    /// A run that had ended goes on: what it leaves to be done is said anew at its next end.
    fn reopen(&mut self) {
        if self.ending.take().is_some() {
            self.owed.clear();
        }
    }

    fn judged(&mut self, at: &Stamp, round: Round, outcomes: &[(usize, Outcome)]) {
        if round == Round::There {
            self.moved_on(at, Way::There);
        }
        let origin = Origin::Looked(round);
        for (i, outcome) in outcomes {
            self.overtake(*i, origin);
            let Some(entry) = self.entry(*i) else {
                continue;
            };
            let stops = match round {
                Round::There => entry.rule.then(*outcome) > Then::Note,
                Round::Return | Round::Probe | Round::Verify => *outcome > Outcome::Warn,
            };
            if !stops {
                continue;
            }
            let subject = entry.id.clone();
            let finding = self.findings.get(&(round, *i));
            let prefix = super::say::round_prefix(round);
            let because = Because {
                origin,
                text: format!(
                    "{prefix}{}",
                    finding.map_or("no finding on record", |f| f.headline.as_str())
                ),
                facts: (finding.iter())
                    .flat_map(|finding| &finding.facts)
                    .filter(|fact| fact.outcome > Outcome::Warn)
                    .cloned()
                    .collect(),
                mend: finding.and_then(|finding| finding.mend.clone()),
                outcome: *outcome,
                subject,
            };
            self.because.push(because);
        }
    }

    fn compared(&mut self, entry: usize, way: Way, side: Option<Side>, detail: Option<&str>) {
        if self.plan.as_ref().is_some_and(|plan| is_act(plan, entry)) {
            return;
        }
        let (from, to) = ends(way);
        let change = self.changes.entry(entry).or_default();
        match side {
            Some(side) if side == from => {}
            Some(side) if side == to => {
                change.standing = match way {
                    Way::There if change.intents == 0 => Standing::Already,
                    Way::There => Standing::Stands,
                    Way::Back => Standing::PutBack,
                };
                change.stood |= way == Way::There;
                self.overtake(entry, Origin::Wrote(way));
            }
            Some(Side::Mixed) => change.standing = Standing::Half,
            Some(_) => {
                if change.intents > 0 {
                    change.standing = Standing::Foreign;
                }
                let text = "somebody else has changed it since the plan was made";
                self.blame(
                    Some(entry),
                    Origin::Wrote(way),
                    Outcome::Fail,
                    with_detail(text, detail),
                );
            }
            None => {
                let text = "it could not be read before writing";
                self.blame(
                    Some(entry),
                    Origin::Wrote(way),
                    Outcome::Unknown,
                    with_detail(text, detail),
                );
            }
        }
    }

    fn answered(&mut self, at: &Stamp, entry: usize, way: Way, answer: &Answer) {
        let is_act = self.plan.as_ref().is_some_and(|plan| is_act(plan, entry));
        let change = self.changes.entry(entry).or_default();
        match answer {
            Answer::Done { .. } => {
                if is_act {
                    change.standing = match way {
                        Way::There => Standing::Stands,
                        Way::Back => Standing::PutBack,
                    };
                    change.stood |= way == Way::There;
                    self.moved_on(at, way);
                }
            }
            Answer::Refused { why } => {
                if is_act {
                    change.standing = match way {
                        // An earlier try may have happened after all.
                        Way::There if change.intents > 1 => Standing::Unclear,
                        Way::There => Standing::Untouched,
                        Way::Back => Standing::Stands,
                    };
                }
                let text = format!("the write was refused: {why}");
                self.blame(Some(entry), Origin::Wrote(way), Outcome::Fail, text);
            }
            Answer::Unclear { why } => {
                if is_act {
                    let text = format!("whether it was done could not be told: {why}");
                    self.blame(Some(entry), Origin::Wrote(way), Outcome::Unknown, text);
                }
            }
        }
    }

    fn settled(
        &mut self,
        at: &Stamp,
        entry: usize,
        way: Way,
        side: Option<Side>,
        detail: Option<&str>,
    ) {
        let (_, to) = ends(way);
        let is_act = self.plan.as_ref().is_some_and(|plan| is_act(plan, entry));
        let change = self.changes.entry(entry).or_default();
        change.standing = match side {
            Some(Side::After) => Standing::Stands,
            Some(Side::Before) if change.stood => Standing::PutBack,
            Some(Side::Before) => Standing::Untouched,
            Some(Side::Mixed) => Standing::Half,
            Some(Side::Foreign) => Standing::Foreign,
            None if is_act => change.standing,
            None => Standing::Unclear,
        };
        change.stood |= side == Some(Side::After);
        if side == Some(to) {
            self.overtake(entry, Origin::Wrote(way));
            self.moved_on(at, way);
            return;
        }
        let (outcome, text) = match side {
            Some(Side::Mixed) => (Outcome::Fail, "only part of it was written"),
            Some(Side::Foreign) => (Outcome::Fail, "somebody else has changed it meanwhile"),
            Some(_) if way == Way::There => (Outcome::Fail, "the write had no effect"),
            Some(_) => (Outcome::Fail, "the change was not put back"),
            None if is_act => return,
            None => (Outcome::Unknown, "it could not be read after writing"),
        };
        self.blame(
            Some(entry),
            Origin::Wrote(way),
            outcome,
            with_detail(text, detail),
        );
    }

    fn moved_on(&mut self, at: &Stamp, way: Way) {
        if way == Way::There && !self.arrived && self.ever_wrote() {
            self.forward = Some(at.clone());
        }
    }

    /// Forgets what an earlier fact of the same origin said of an entry.
    fn overtake(&mut self, entry: usize, origin: Origin) {
        let Some(id) = self.entry(entry).map(|entry| entry.id.clone()) else {
            return;
        };
        self.because
            .retain(|because| because.origin != origin || because.subject != id);
    }

    fn blame(&mut self, entry: Option<usize>, origin: Origin, outcome: Outcome, text: String) {
        let subject = entry
            .and_then(|i| self.entry(i))
            .map_or_else(String::new, |entry| entry.id.clone());
        let because = Because {
            origin,
            subject,
            outcome,
            text,
            facts: Vec::new(),
            mend: None,
        };
        if !self.because.contains(&because) {
            self.because.push(because);
        }
    }

    fn entry(&self, i: usize) -> Option<&Entry> {
        self.plan.as_ref().and_then(|plan| plan.entries.get(i))
    }
}
