//! What a run comes to: a pure fold over its records, so that a past run reads like a live one.

mod doubt;
mod fold;
mod places;
mod stays;

pub use doubt::REFUSED_AND_SO;
pub use stays::Stays;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::clock::Stamp;
use crate::event::{Advice, Ending, Fact, Finding, LOOK_AT, Owed, Record, Round, last_of_undo};
use crate::machine::{Hold, Mark, Phase, State};
use crate::plan::{Outcome, Plan, Question, Seconds, Way};

/// The sum of a run's records so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub(super) plan: Option<Box<Plan>>,
    by: String,
    started: Option<Stamp>,
    last: Option<Stamp>,
    pub(super) findings: BTreeMap<(Round, usize), Finding>,
    /// When the age of the target's data was last measured by each check, and when the first write began.
    aged: BTreeMap<usize, Stamp>,
    wrote: Option<Stamp>,
    pub(super) changes: BTreeMap<usize, Change>,
    /// The changes whose places were not read since the run was last resumed.
    unread: BTreeSet<usize>,
    because: Vec<Because>,
    owed: Vec<Owed>,
    stays: Vec<Stays>,
    ending: Option<Ending>,
    /// The last moment of the way there at which something was settled or judged, after the first write.
    forward: Option<Stamp>,
    /// The way there came to its end, so that `forward` is the moment of verification.
    arrived: bool,
    /// It came to an end of which not everything was seen, whatever came after.
    unproven: bool,
    pub(super) hold_over: Option<Stamp>,
    accepted_by: Option<String>,
    state: Option<State>,
    /// What the checks that follow the services, and the probes of a side, saw since the last write, and the way of that
    /// look.
    serving: BTreeMap<usize, (Way, Outcome)>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Change {
    pub(super) standing: Standing,
    /// So many intents of this run are on record.
    intents: u32,
    /// It was seen to stand at some time.
    pub(super) stood: bool,
    /// How the last write ended is not known.
    open: bool,
    /// Why the last answer did not tell whether the write was done.
    unclear: Option<String>,
    /// The last write was refused, and its place held what was to be written.
    refused_and_so: bool,
    /// A part of what was written was seen, and never all of it.
    in_part: bool,
    /// It was left to others while what reads as before may be an old copy.
    left_in_doubt: bool,
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
    /// It holds neither value, and a write of this run that came to no known end may have left it so.
    Torn,
    /// It was begun, and could not be read since.
    Unclear,
    /// Its write was answered with done, and it was seen not to be.
    Contradicted,
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
    pub advice: Vec<Advice>,
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

    /// What it owed, and a person said that it shall stay so.
    pub fn stays(&self) -> &[Stays] {
        &self.stays
    }

    pub fn because(&self) -> &[Because] {
        &self.because
    }

    /// The checks that were not seen to be good on the way there, though nothing was stopped by them.
    pub(super) fn not_seen_good(&self) -> Vec<Because> {
        let Some(plan) = &self.plan else {
            return Vec::new();
        };
        let found = self.findings.iter();
        found
            .filter(|((round, entry), finding)| {
                *round == Round::There && plan.is_not_seen_good(&[(*entry, finding.outcome)])
            })
            .filter_map(|((round, entry), finding)| {
                Some(Because {
                    origin: Origin::Looked(*round),
                    subject: plan.entries.get(*entry)?.id.clone(),
                    outcome: finding.outcome,
                    text: finding.headline.clone(),
                    facts: Vec::new(),
                    advice: finding.advice.clone(),
                })
            })
            .collect()
    }

    /// Who accepted what was not proven, and let the run go on.
    pub fn accepted_by(&self) -> Option<&str> {
        self.accepted_by.as_deref()
    }

    /// The last finding of a check in one pass.
    pub fn finding(&self, round: Round, entry: usize) -> Option<&Finding> {
        self.findings.get(&(round, entry))
    }

    /// Whether the old side was looked at before the way back, and not seen to serve.
    pub fn old_side_is_sick(&self) -> bool {
        self.old_side_sick().is_some()
    }

    /// Whether it was put back, and the last looks of the way back did not see all of it good.
    pub fn is_undone_unseen(&self) -> bool {
        let Some(plan) = self
            .plan
            .as_ref()
            .filter(|_| self.ending == Some(Ending::Undone))
        else {
            return false;
        };
        (plan.entries.iter().enumerate()).any(|(i, entry)| {
            let last = last_of_undo(entry, |round| self.finding(round, i));
            // What a person moves is owed as such.
            !entry.by_hand && last.is_some_and(|(_, found)| found.leaves_unseen(plan, entry))
        })
    }

    /// The entry that did not see the old side serve before the way back, and what it found.
    pub(super) fn old_side_sick(&self) -> Option<(usize, &Finding)> {
        let entries = self.plan()?.entries.iter().enumerate();
        let mut looks = entries.filter_map(|(i, entry)| {
            let before = |round| self.finding(round, i).filter(|_| round != Round::Verify);
            let (_, finding) = last_of_undo(entry, before).filter(|_| entry.probes_old_side)?;
            Some((i, finding))
        });
        looks.find(|(_, finding)| finding.outcome > Outcome::Warn)
    }

    /// The phase that it goes on with: who was told to go back in a write goes back once that is settled.
    pub fn goes_on_with(&self) -> Option<Phase> {
        let state = self.state.as_ref()?;
        Some(match state.turning() {
            true => Phase::Probe,
            false => state.phase(),
        })
    }

    /// What it is held for.
    pub fn held_for(&self) -> Option<Hold> {
        self.state.as_ref()?.held()
    }

    /// The entry at which it is.
    pub(super) fn held_at(&self) -> Option<usize> {
        Some(usize::from(self.state.as_ref()?.position().1))
    }

    /// Whether not everything was seen when it had gone there, whatever came after.
    pub(super) fn is_unproven(&self) -> bool {
        self.unproven
    }

    /// Whether whoever resumes it goes on with putting back.
    pub fn is_on_its_way_back(&self) -> bool {
        (self.state.as_ref()).is_some_and(State::is_on_its_way_back)
    }

    /// Whether somebody said that it remains where it is, and nothing was put back.
    pub fn remains(&self) -> bool {
        (self.state.as_ref()).is_some_and(State::remains)
    }

    /// Whether whoever resumes it can let it remain where it is.
    pub fn may_remain(&self) -> bool {
        let (Some(plan), Some(state)) = (&self.plan, &self.state) else {
            return false;
        };
        state.may_remain(plan)
    }

    /// Whether somebody else's value was left in a place of this run, and all the rest was put back: then nothing is
    /// left that a resume or a rollback could do.
    pub fn is_left_to_others(&self) -> bool {
        (self.state.as_ref()).is_some_and(|state| state.left_something() && !state.stands())
    }

    /// Whether a person left the place of this entry as it is.
    pub(super) fn is_left(&self, entry: usize) -> bool {
        (self.state.as_ref()).is_some_and(|state| state.mark(entry) == Mark::Left)
    }

    /// Whether the change of this entry was put back, whatever its place holds since.
    pub(super) fn is_put_back(&self, entry: usize) -> bool {
        (self.state.as_ref()).is_some_and(|state| state.mark(entry) == Mark::Back)
    }

    /// Whether a person said of the place of an entry, which was left to others, that it shall stay as it is.
    pub fn is_said_to_stay(&self, entry: usize) -> bool {
        let entries = self.plan.as_ref().map(|plan| &plan.entries);
        let Some(entry) = entries.and_then(|entries| entries.get(entry)) else {
            return false;
        };
        let key = format!("{LOOK_AT}{}", entry.id);
        self.stays.iter().any(|stays| stays.owed.key == key)
    }

    /// The same of all that was left to others.
    pub fn is_to_stay(&self) -> bool {
        let open = |owed: &Owed| owed.key.starts_with(LOOK_AT);
        !self.stays.is_empty() && !self.owed.iter().any(open)
    }

    /// The changes that a person left as they are though nobody else was seen to have written there.
    pub(super) fn left_as_accepted(&self) -> usize {
        self.left().filter(|wrote| *wrote).count()
    }

    /// The changes that this run never made, and whose places a person left as they are though they are not as before.
    pub(super) fn never_written(&self) -> usize {
        self.left().filter(|wrote| !*wrote).count()
    }

    /// The changes that were left though nobody else was seen to have written there: whether this run wrote there.
    fn left(&self) -> impl Iterator<Item = bool> {
        let entries = self.plan.as_ref().map_or(0, |plan| plan.entries.len());
        let mark = |entry: &usize| self.state.as_ref().map(|state| state.mark(*entry));
        (0..entries)
            .filter(move |entry| mark(entry) == Some(Mark::Left))
            .filter(|entry| self.standing(*entry) != Standing::Foreign)
            .map(|entry| (self.changes.get(&entry)).is_some_and(|change| change.intents > 0))
    }

    /// The side that a check of this run has seen serving since the last write, as the way that leads there.
    /// `false` beside it: not all of them saw it.
    pub(super) fn seen_serving(&self) -> Option<(Way, bool)> {
        let good = |outcome: Outcome| outcome <= Outcome::Warn;
        let moves = |entry: usize| {
            let entry = self.plan.as_ref()?.entries.get(entry)?;
            Some(entry.answers == Some(Question::Moves))
        };
        let of = |follow: bool| {
            let looks = self.serving.iter();
            looks.filter_map(move |(entry, look)| (moves(*entry) == Some(follow)).then_some(look))
        };
        let (way, _) = of(true).find(|(_, outcome)| good(*outcome))?;
        // That names lead to a side is not that it serves.
        let sick = of(false).any(|(other, outcome)| other == way && !good(*outcome));
        if sick || *way == Way::Back && self.old_side_is_sick() {
            return None;
        }
        let all = of(true).all(|(other, outcome)| other == way && good(*outcome));
        Some((*way, all))
    }

    /// The checks of this run that have looked since the last write and saw no side serving, each with what it found.
    pub(super) fn seen_not_serving(&self) -> Vec<String> {
        let Some(plan) = &self.plan else {
            return Vec::new();
        };
        let bad = (self.serving.iter()).filter(|(_, (_, outcome))| *outcome > Outcome::Warn);
        bad.filter_map(|(entry, (_, outcome))| {
            let entry = plan.entries.get(*entry)?;
            Some(format!("{} {outcome}", entry.id))
        })
        .collect()
    }

    /// What is not seen to be at the target, though the way there is over: steps with how they came out, and what a
    /// service depends on and does not move.
    pub(super) fn not_seen_there(&self) -> Vec<String> {
        let Some(plan) = self.plan() else {
            return Vec::new();
        };
        let first = plan.first_write().unwrap_or(plan.entries.len());
        let steps = (plan.entries.iter().enumerate()).filter_map(|(i, entry)| {
            let how = match self.finding(Round::There, i) {
                Some(finding) if i < first || finding.outcome <= Outcome::Warn => return None,
                Some(finding) => finding.outcome.to_string(),
                None if !entry.writes() || !entry.there => return None,
                None => match self.standing(i) {
                    Standing::Stands | Standing::Already => return None,
                    _ => "not seen to stand".to_owned(),
                },
            };
            Some(format!("{}: {how}", entry.id))
        });
        let behind = plan.behind.iter();
        steps
            .chain(behind.map(|left| format!("{} does not move", left.what)))
            .collect()
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

    /// The age of the data that the target served when the first write began, where a check measured it: what came to the
    /// source since that look, while somebody was asked or a step waited, may not be there.
    pub fn rpo(&self) -> Option<Duration> {
        let since = |entry: &usize| {
            let waited = self.wrote.as_ref()?.since(self.aged.get(entry)?);
            Some(Duration::from_secs(waited.as_secs()))
        };
        (self.findings.iter())
            .filter(|((round, _), _)| *round == Round::There)
            .filter_map(|((_, entry), finding)| Some((entry, finding.data_age?)))
            .map(|(entry, Seconds(age))| age + since(entry).unwrap_or_default())
            .max()
    }

    /// How long the way back of a drill took.
    pub fn way_back(&self) -> Option<Duration> {
        match (self.ending, &self.hold_over, &self.last) {
            (Some(Ending::Done | Ending::DoneUnproven), Some(over), Some(last))
                if !self.remains() =>
            {
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

    /// Whether a place of this run was seen to hold what somebody else wrote, and be it only in part.
    pub(super) fn somebody_wrote(&self) -> bool {
        let mut changes = self.changes.iter();
        changes.any(|(entry, change)| {
            change.standing == Standing::Foreign || self.mark(*entry) == Some(Mark::Shared)
        })
    }

    /// Whether a place holds neither value, and a write of this run may have left it so.
    pub fn is_torn(&self, entry: usize) -> bool {
        self.standing(entry) == Standing::Torn
    }

    /// Whether a rollback would have anything to put back. What a person left to others is theirs: it stands in
    /// nobody's way.
    pub fn can_go_back(&self) -> bool {
        match &self.state {
            Some(state) => state.stands(),
            None => self.anything_stands(),
        }
    }

    /// Whether nothing that this run wrote ever stood, and nothing of it was left to others.
    pub fn never_stood(&self) -> bool {
        (self.state.as_ref()).is_some_and(|state| state.never_stood() && !state.left_something())
    }

    /// Whether this run ever wrote, or began to.
    pub fn ever_wrote(&self) -> bool {
        self.changes.values().any(|change| change.intents > 0)
    }

    /// The site to which the names lead, as far as the changes tell.
    pub fn active_site(&self) -> Option<&str> {
        let direction = &self.plan()?.direction;
        match self.serves() {
            // Where the names led to both before the run, they do so again.
            Serves::Source if !self.plan()?.apart.is_empty() => None,
            Serves::Source => Some(self.plan()?.home()),
            Serves::Target => Some(&direction.target),
            Serves::Unsure => None,
        }
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
}
