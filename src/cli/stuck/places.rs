//! The places of a run that nobody holds any more, each record set by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::common::Desk;
use super::super::resume::book_of;
use crate::clock::short;
use crate::engine::{look_at_places, look_once_more, may_land, see_places};
use crate::event::{Event, Record, Round, Sight};
use crate::plan::{Nature, Outcome, Plan, Side, Value, Way};
use crate::report::{REFUSED_AND_SO, Standing, Tally, count};

/// How long the places of a run are looked at.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// How many record sets are named of each sort.
const MOST: usize = 3;

/// How the places of a run are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// Something stands, may stand, or may still be written.
    pub stands: bool,
    /// In words.
    pub what: String,
    /// All that the run changed is as it left it, so that one site is active.
    pub one_side: bool,
    /// Something holds what the run wrote, or may: else what is there is as before, or somebody else's.
    pub ours: bool,
    /// One of them could not be read.
    pub unread: bool,
    /// One of them holds what somebody else wrote: a rollback leaves that, and must be told so.
    pub foreign: bool,
}

impl Places {
    /// It put back all that it changed, and was held all the same.
    pub(super) fn nothing_stands() -> Places {
        Places {
            stands: false,
            what: "nothing stands, and not all is seen as it was".to_owned(),
            // Who has moved it since is not in its journal.
            one_side: false,
            ours: false,
            unread: false,
            foreign: false,
        }
    }

    /// The same where a place of it holds what the run wrote all the same: it never went back, or somebody led it there
    /// once more.
    /// Or one that cannot be read, which may hold anything.
    fn not_at_rest(again: &[String], unseen: &[String]) -> Places {
        let sorts = [
            (again, "as the run wrote it, now"),
            (unseen, "cannot be read now"),
        ];
        let told: Vec<String> = (sorts.into_iter())
            .filter(|(list, _)| !list.is_empty())
            .map(|(list, how)| format!("{}: {how}", named(list)))
            .collect();
        Places {
            what: format!("all was put back, and {}", told.join(", ")),
            one_side: false,
            unread: !unseen.is_empty(),
            ..Places::as_recorded()
        }
    }

    /// The same where all of it is seen as it was, by somebody else than the run.
    pub(super) fn as_before() -> Places {
        Places {
            what: "all that it changed is seen as it was before, and the run is not ended"
                .to_owned(),
            ..Places::nothing_stands()
        }
    }

    /// The same where somebody else wrote meanwhile, and nobody looked since.
    pub(super) fn left_to_others() -> Places {
        Places {
            stands: true,
            what: "what somebody else wrote was left".to_owned(),
            one_side: false,
            ours: false,
            unread: false,
            foreign: false,
        }
    }

    /// Nobody looked.
    pub(super) fn as_recorded() -> Places {
        Places {
            stands: true,
            what: "changes stand".to_owned(),
            one_side: true,
            ours: true,
            unread: false,
            foreign: false,
        }
    }
}

/// What is told of places that are not seen to hold what was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Doubted {
    pub what: String,
    /// Somebody else wrote one of them since.
    pub foreign: bool,
    /// One of them could not be read.
    pub unread: bool,
}

/// How long a write of a run may still land; `None` where none may.
pub(in crate::cli) fn lands(desk: &Desk, records: &[Record]) -> Option<Duration> {
    let now = desk.clock.now();
    let left = may_land(records);
    let left = left.values().map(|until| until.left(&now)).max();
    left.filter(|left| !left.is_zero())
}

/// Whether what a run did not see as before at its end, or did not come to look at, is seen so now.
pub(super) async fn is_as_before_now(
    desk: &Desk,
    plan: &Plan,
    tally: &Tally,
    records: &[Record],
) -> bool {
    let bad = |index: &usize| match tally.finding(Round::Verify, *index) {
        Some(finding) => !matches!(finding.outcome, Outcome::Pass | Outcome::Warn),
        // It was cut off before it looked.
        None => !tally.anything_stands() && is_looked_at_after_an_undo(plan, tally, *index),
    };
    let (checks, places): (Vec<usize>, Vec<usize>) = (0..plan.entries.len())
        .filter(bad)
        .partition(|index| plan.entries[*index].is_check());
    let Ok(book) = book_of(desk, plan) else {
        return false;
    };
    if checks.is_empty() && places.is_empty() {
        return false;
    }
    let rounds: Vec<(usize, Round)> = (checks.iter())
        .map(|index| (*index, Round::Verify))
        .collect();
    let actual = desk.actual(&Arc::new(book));
    let (found, sides) = tokio::join!(
        look_once_more(plan, &actual, baseline(records), &rounds, PATIENCE),
        look_at_places(plan, &actual, &places, PATIENCE),
    );
    let _late = tokio::time::timeout(PATIENCE, actual.site.exec.close()).await;
    found.iter().all(|(_, finding)| finding.is_seen_good())
        && sides.iter().all(|(_, side)| *side == Ok(Side::Before))
}

/// Whether an entry is looked at before an undo is said to be whole.
fn is_looked_at_after_an_undo(plan: &Plan, tally: &Tally, index: usize) -> bool {
    let entry = &plan.entries[index];
    match &entry.nature {
        Nature::Check => entry.there && plan.first_write().is_some_and(|first| index >= first),
        Nature::Change(_) => tally.standing(index) == Standing::PutBack,
        _ => false,
    }
}

/// The sights that a run took before its first write.
pub(in crate::cli) fn baseline(records: &[Record]) -> &[Sight] {
    let taken = (records.iter().rev()).find_map(|record| match &record.event {
        Event::BaselineTaken { sights } => Some(sights.as_slice()),
        _ => None,
    });
    taken.unwrap_or_default()
}

/// What was seen of each part of the places.
#[derive(Debug, Default)]
struct Parts {
    before: Vec<String>,
    after: Vec<String>,
    /// As the run wrote it but for its TTL, which is somebody else's: it leads where the run led it.
    retimed: Vec<String>,
    foreign: Vec<String>,
    unseen: Vec<String>,
    /// What is read contradicts the answer of a write: an old copy, or somebody else wrote it. By what is said of it.
    doubtful: BTreeMap<&'static str, Vec<String>>,
    /// What the run found as it should be, and is something else now, or cannot be read.
    astray: Vec<String>,
    untold: Vec<String>,
    /// Steps of which nothing can be read back.
    acts: Vec<String>,
    /// How long a write may still land.
    lands: Option<Duration>,
}

/// Looks at the places of a run, and says how they are.
pub(super) async fn look(desk: &Desk, plan: &Plan, tally: &Tally, records: &[Record]) -> Places {
    let mut entries = tally.standing_entries();
    entries.extend(found_so(plan));
    // What somebody said shall stay as it is waits for nobody.
    entries.retain(|entry| !tally.is_said_to_stay(*entry));
    let seen = read(desk, plan, &entries).await;
    // Neither that place nor a name server that may be it ends a doubt.
    let doubt = |entry, side| tally.doubt(entry, side);
    parts(plan, &entries, &seen, doubt, lands(desk, records)).told()
}

/// Looks at places whose writes were answered with done and not seen to be so, of a run that stayed all the same; `None`
/// where all of them are seen to hold what was written.
pub(super) async fn look_at_doubted(
    desk: &Desk,
    plan: &Plan,
    tally: &Tally,
    entries: &[usize],
) -> Option<Doubted> {
    let seen = read(desk, plan, entries).await;
    let doubt = |entry, side| tally.doubt(entry, side);
    parts(plan, entries, &seen, doubt, None).doubted()
}

/// What the places of these entries hold; of one that is not in the list it cannot be told.
async fn read(desk: &Desk, plan: &Plan, entries: &[usize]) -> Vec<(usize, Result<Value, String>)> {
    if entries.is_empty() {
        return Vec::new();
    }
    let Ok(book) = book_of(desk, plan) else {
        return Vec::new();
    };
    let actual = desk.actual(&Arc::new(book));
    let seen = see_places(plan, &actual, entries, PATIENCE).await;
    let _late = tokio::time::timeout(PATIENCE, actual.site.exec.close()).await;
    seen
}

/// The entries of what a run found as it should be: it counts on them, and what it says of a site is said of them too.
fn found_so(plan: &Plan) -> impl Iterator<Item = usize> {
    let entries = plan.entries.iter().enumerate();
    entries
        .filter(|(_, entry)| entry.there && entry.holds.is_some())
        .map(|(index, _)| index)
}

/// Looks at the places that a run put back and that may hold something else by now.
pub(super) async fn look_at_put_back(desk: &Desk, plan: &Plan, tally: &Tally) -> Places {
    let entries: Vec<usize> = (0..plan.entries.len())
        .filter(|entry| tally.standing(*entry) == Standing::PutBack)
        .filter(|entry| matches!(plan.entries[*entry].nature, Nature::Change(_)))
        .collect();
    let seen = read(desk, plan, &entries).await;
    parts(plan, &entries, &seen, |_, _| None, None).put_back()
}

fn parts(
    plan: &Plan,
    entries: &[usize],
    seen: &[(usize, Result<Value, String>)],
    doubt: impl Fn(usize, Side) -> Option<&'static str>,
    lands: Option<Duration>,
) -> Parts {
    let mut parts = Parts {
        lands,
        ..Parts::default()
    };
    for index in entries {
        let entry = &plan.entries[*index];
        let value = seen.iter().find(|(other, _)| other == index);
        if let Some(edit) = &entry.holds {
            match value {
                Some((_, Ok(value))) => {
                    let differs = edit.sides(value).filter(|(_, side)| *side == Side::Foreign);
                    parts.astray.extend(differs.map(|(part, _)| part.clone()));
                }
                Some((_, Err(_))) | None => parts.untold.push(entry.id.clone()),
            }
            continue;
        }
        let Nature::Change(edit) = &entry.nature else {
            parts.acts.push(entry.id.clone());
            continue;
        };
        let value = match value {
            Some((_, Ok(value))) => value,
            Some((_, Err(_))) | None => {
                parts.unseen.push(entry.id.clone());
                continue;
            }
        };
        let retimed = edit.stored(Way::There, value);
        for (part, side) in edit.sides(value) {
            let list = match (side, doubt(*index, side)) {
                (_, Some(why)) => parts.doubtful.entry(why).or_default(),
                // Of what was refused nothing was written that somebody could give another TTL.
                (Side::Foreign, _)
                    if retimed.0.contains_key(part) && doubt(*index, Side::After).is_none() =>
                {
                    &mut parts.retimed
                }
                (Side::Before, None) => &mut parts.before,
                (Side::After, None) => &mut parts.after,
                (Side::Mixed | Side::Foreign, None) => &mut parts.foreign,
            };
            list.push(part.clone());
        }
    }
    parts
}

impl Parts {
    /// How they are where all of them were put back.
    fn put_back(&self) -> Places {
        let again = [&self.after[..], &self.retimed].concat();
        match again.is_empty() && self.unseen.is_empty() {
            true => Places::nothing_stands(),
            false => Places::not_at_rest(&again, &self.unseen),
        }
    }

    fn told(&self) -> Places {
        let others = [&self.retimed, &self.foreign, &self.unseen, &self.acts];
        let settled = self.after.is_empty()
            && self.doubtful.is_empty()
            && others.iter().all(|list| list.is_empty());
        let found = self.found();
        if settled && self.lands.is_none() {
            return match found {
                None => Places::as_before(),
                Some(found) => Places {
                    what: format!("all that it changed is seen as it was before, but not {found}"),
                    unread: !self.untold.is_empty(),
                    foreign: self.is_foreign(),
                    ..Places::nothing_stands()
                },
            };
        }
        let one_side = found.is_none()
            && self.before.is_empty()
            && self.retimed.is_empty()
            && self.foreign.is_empty()
            && self.unseen.is_empty()
            && self.doubtful.is_empty()
            && self.lands.is_none();
        if one_side {
            return Places::as_recorded();
        }
        let mut told = self.sorted();
        told.extend(found);
        if let Some(left) = self.lands {
            told.push(format!("a write of it may still land for {}", short(left)));
        }
        Places {
            stands: true,
            what: format!("not all is as it was before: {}", told.join(", ")),
            one_side: false,
            ours: [&self.after, &self.retimed, &self.unseen, &self.acts]
                .iter()
                .any(|list| !list.is_empty())
                || !self.doubtful.is_empty()
                || self.lands.is_some(),
            unread: !self.unseen.is_empty() || !self.untold.is_empty(),
            foreign: self.is_foreign(),
        }
    }

    /// What is told of those that a run was to leave as it wrote them.
    fn doubted(&self) -> Option<Doubted> {
        let others = [
            &self.before,
            &self.retimed,
            &self.foreign,
            &self.unseen,
            &self.acts,
        ];
        let is_new = self.doubtful.is_empty() && others.iter().all(|list| list.is_empty());
        (!is_new).then(|| Doubted {
            what: format!(
                "not all that it wrote is seen there: {}",
                self.sorted().join(", ")
            ),
            foreign: self.is_foreign(),
            unread: !self.unseen.is_empty(),
        })
    }

    /// Whether somebody else wrote one of them since, or may have. Who gave it another TTL did.
    fn is_foreign(&self) -> bool {
        let theirs = [&self.foreign, &self.retimed, &self.astray];
        theirs.iter().any(|list| !list.is_empty()) || self.doubtful.contains_key(REFUSED_AND_SO)
    }

    /// The parts by what they hold, and what is said of that.
    fn sorted(&self) -> Vec<String> {
        let mut told = Vec::new();
        let sorts = [
            (&self.after, "as the run wrote it"),
            (
                &self.retimed,
                "as the run wrote it, with another TTL that somebody gave it",
            ),
            (&self.foreign, "as somebody else wrote it"),
            (&self.unseen, "cannot be read"),
            (&self.acts, "cannot be read back"),
        ];
        let doubtful = self.doubtful.iter().map(|(how, list)| (list, *how));
        for (list, how) in sorts.into_iter().chain(doubtful) {
            if !list.is_empty() {
                told.push(format!("{}: {how}", named(list)));
            }
        }
        if !self.before.is_empty() {
            told.push(format!("{}: as before", named(&self.before)));
        }
        told
    }

    /// What of the things that were found as they should be is not seen so.
    fn found(&self) -> Option<String> {
        let sorts = [
            (&self.astray, "was so already, and is something else now"),
            (&self.untold, "was so already, and cannot be read"),
        ];
        let told: Vec<String> = (sorts.iter())
            .filter(|(list, _)| !list.is_empty())
            .map(|(list, how)| format!("{}: {how}", named(list)))
            .collect();
        (!told.is_empty()).then(|| told.join(", "))
    }
}

pub(super) fn named(list: &[String]) -> String {
    let first: Vec<String> = (list.iter().take(MOST))
        .map(|name| format!("`{name}`"))
        .collect();
    let more = list.len().saturating_sub(MOST);
    match more {
        0 => first.join(" "),
        _ => format!("{} and {}", first.join(" "), count(more, "more place")),
    }
}

#[cfg(test)]
mod tests;
