//! What runs that have come to their end left.

use std::sync::Arc;

use super::super::common::Desk;
use super::super::looked::Looked;
use super::super::resume::book_of;
use super::super::stays::tally_now;
use super::Stuck;
use super::places::{Doubted, PATIENCE, baseline, look_at_doubted, named};
use crate::engine::{RETURN, leads_in_dns, look_once_more, see_places, to_see};
use crate::event::{Ending, Finding, LOOK_AT, Owed, Record, Round};
use crate::journal::Run;
use crate::plan::{Nature, Outcome, Plan, Side};
use crate::report::Tally;

/// The places of a run of which one holds something else than it shall, as far as is seen. `looks`: they are read.
async fn not_so(
    desk: &Desk,
    (plan, tally): (&Plan, &Tally),
    entries: Vec<usize>,
    wanted: Side,
    looks: bool,
) -> Vec<usize> {
    if entries.is_empty() || !looks {
        return entries;
    }
    let Ok(book) = book_of(desk, plan) else {
        return entries;
    };
    let actual = desk.actual(&Arc::new(book));
    let seen = see_places(plan, &actual, &entries, PATIENCE).await;
    let _late = tokio::time::timeout(PATIENCE, actual.site.exec.close()).await;
    let looked = Looked {
        plan,
        tally,
        seen: &seen,
    };
    (entries.into_iter())
        .filter(|entry| !looked.is(*entry, wanted))
        .collect()
}

fn ids(plan: &Plan, entries: &[usize]) -> String {
    let ids: Vec<String> = (entries.iter())
        .map(|entry| plan.entries[*entry].id.clone())
        .collect();
    named(&ids)
}

/// All of what a run that has come to its end left.
pub(super) async fn of_ended(desk: &Desk, run: Run, records: &[Record], looks: bool) -> Vec<Stuck> {
    let tally = tally_now(desk, records, looks).await;
    if let Some(sick) = sick(desk, run.clone(), &tally, records, looks).await {
        return vec![sick];
    }
    let (left, remains, doubted, failed) = tokio::join!(
        left(desk, run.clone(), &tally, looks),
        remains(desk, run.clone(), &tally, looks),
        doubted(desk, run.clone(), &tally, records, looks),
        failed_there(desk, run, &tally, records, looks),
    );
    (left.into_iter().chain(remains))
        .chain(doubted)
        .chain(failed)
        .collect()
}

/// A run that stays where it went though a write was not seen to be so, or nobody could see it, as a person accepted, until
/// its place is seen to hold the new value.
async fn doubted(
    desk: &Desk,
    run: Run,
    tally: &Tally,
    records: &[Record],
    looks: bool,
) -> Option<Stuck> {
    let plan = tally.plan().filter(|_| run.stayed())?;
    let open = (tally.owed().iter())
        .filter_map(|owed| to_see(plan, records, owed))
        .map(|(index, _)| index)
        .filter(|index| matches!(plan.entries[*index].nature, Nature::Change(_)));
    let open: Vec<usize> = open.collect();
    let doubts = |index: &usize| tally.doubt(*index, Side::Before).is_some();
    let Doubted {
        what,
        foreign,
        unread,
    } = match looks && !open.is_empty() {
        true => look_at_doubted(desk, plan, tally, &open).await?,
        false => Doubted {
            what: format!(
                "{} was not seen to hold what was written",
                ids(plan, (!open.is_empty()).then_some(&open)?)
            ),
            foreign: false,
            unread: false,
        },
    };
    // What would be refused is not proposed: what cannot be compared is not written.
    let refused = foreign || unread || tally.rollback_leaves().is_some();
    let (id, target) = (&run.id, &plan.direction.target);
    Some(Stuck {
        stands: true,
        theirs: false,
        unread,
        what: format!("run {id} ({}) stays at {target}, and {what}", run.meta.mode),
        site: None,
        // What somebody else wrote is not written over, nor what is seen as it was and never said to be otherwise.
        how: match !refused && open.iter().any(doubts) {
            true => format!(
                "`cutover owed` looks again; `cutover rollback {id}` writes it back, whatever it shows"
            ),
            false => format!(
                "`cutover owed` looks again; `cutover rollback {id} --dry-run` shows what can be put back"
            ),
        },
        debt: None,
        run,
    })
}

/// A run that stays where it went though a check behind its last write failed there, until that is seen to pass.
async fn failed_there(
    desk: &Desk,
    run: Run,
    tally: &Tally,
    records: &[Record],
    looks: bool,
) -> Option<Stuck> {
    let plan = tally.plan().filter(|_| run.stayed())?;
    let first = plan.first_write()?;
    let failed = |(index, round): &(usize, Round)| {
        let found = tally.finding(Round::There, *index);
        let entry = &plan.entries[*index];
        *round == Round::There
            && *index > first
            && entry.is_check()
            && !entry.by_hand
            && found.is_some_and(|finding| finding.outcome == Outcome::Fail)
    };
    let open: Vec<(usize, Round)> = (tally.owed().iter())
        .filter_map(|owed| to_see(plan, records, owed))
        .filter(failed)
        .collect();
    let open = not_seen_good(desk, plan, records, open, looks).await;
    if open.is_empty() {
        return None;
    }
    let (id, target) = (&run.id, &plan.direction.target);
    Some(Stuck {
        stands: true,
        theirs: false,
        unread: false,
        what: format!(
            "run {id} ({}) stays at {target}, where {} failed and is not seen to pass since",
            run.meta.mode,
            ids(plan, &open)
        ),
        site: None,
        how: format!(
            "mend {target}, and look again with `cutover owed`; or `cutover rollback {id}` puts it back"
        ),
        debt: None,
        run,
    })
}

/// The checks of these that are still not seen to be good; all of them where nobody looks.
async fn not_seen_good(
    desk: &Desk,
    plan: &Plan,
    records: &[Record],
    mut open: Vec<(usize, Round)>,
    looks: bool,
) -> Vec<usize> {
    if looks
        && !open.is_empty()
        && let Ok(book) = book_of(desk, plan)
    {
        let actual = desk.actual(&Arc::new(book));
        let baseline = baseline(records);
        let found = look_once_more(plan, &actual, baseline, &open, PATIENCE).await;
        let _late = tokio::time::timeout(PATIENCE, actual.site.exec.close()).await;
        open = still_open(&open, &found);
    }
    open.into_iter().map(|(index, _)| index).collect()
}

/// The looks that did not see all to be good; `found` is in their order. One of which nothing was found is among them.
fn still_open(looks: &[(usize, Round)], found: &[(usize, Finding)]) -> Vec<(usize, Round)> {
    let found = found.iter().map(Some).chain(std::iter::repeat(None));
    (looks.iter().zip(found))
        .filter(|(_, found)| found.is_none_or(|(_, finding)| !finding.is_seen_good()))
        .map(|(look, _)| *look)
        .collect()
}

/// What was left to others by a run that has ended, and is not as the run was to leave it.
pub(super) async fn left(desk: &Desk, run: Run, tally: &Tally, looks: bool) -> Option<Stuck> {
    let plan = tally.plan()?;
    let (wanted, how) = match run.stayed() {
        true => (Side::After, "as planned"),
        false => (Side::Before, "as before"),
    };
    let entries = (tally.owed().iter())
        .filter_map(|owed| owed.key.strip_prefix(LOOK_AT))
        .filter_map(|id| plan.entries.iter().position(|entry| entry.id == id));
    let open = not_so(desk, (plan, tally), entries.collect(), wanted, looks).await;
    if open.is_empty() {
        return None;
    }
    let id = &run.id;
    Some(Stuck {
        stands: false,
        theirs: true,
        unread: false,
        what: format!(
            "run {id} ({}) left {} to others, not {how}",
            run.meta.mode,
            ids(plan, &open)
        ),
        site: None,
        how: format!("set it by hand; `cutover show {id}` tells what it was"),
        debt: None,
        run,
    })
}

/// What a drill that remains owes where the names lead back, and all else that it wrote does not.
pub(in crate::cli) fn came_back_in_part(plan: &Plan, still: &[usize], owed: Owed) -> Owed {
    let source = &plan.direction.source;
    Owed {
        what: format!(
            "the drill did not come back to `{source}` by itself: the names lead there again, and {} is not seen to be \
             put back",
            ids(plan, still)
        ),
        ..owed
    }
}

/// A drill that remains at the other side, until all names lead back and nothing else holds what it wrote, or somebody
/// says that it shall stay so.
pub(super) async fn remains(desk: &Desk, run: Run, tally: &Tally, looks: bool) -> Option<Stuck> {
    let plan = tally.plan()?;
    tally.ending()?;
    let owed = (tally.owed().iter()).find(|owed| owed.key.starts_with(RETURN))?;
    let mut owed = owed.clone();
    if looks && let Ok(book) = book_of(desk, plan) {
        let actual = desk.actual(&Arc::new(book));
        let mut wrote = tally.standing_entries();
        wrote.retain(|entry| matches!(plan.entries[*entry].nature, Nature::Change(_)));
        let leads = leads_in_dns(&actual.book, &actual.site);
        let (leads, seen) = tokio::join!(
            tokio::time::timeout(PATIENCE, leads),
            see_places(plan, &actual, &wrote, PATIENCE),
        );
        let _late = tokio::time::timeout(PATIENCE, actual.site.exec.close()).await;
        let leads = leads.ok().and_then(Result::ok).flatten();
        if leads.as_ref() == Some(&plan.direction.source) {
            let looked = Looked {
                plan,
                tally,
                seen: &seen,
            };
            wrote.retain(|entry| !looked.is_put_back(*entry));
            if wrote.is_empty() {
                return None;
            }
            owed = came_back_in_part(plan, &wrote, owed);
        }
    }
    let names = desk.names(&run);
    Some(Stuck {
        stands: false,
        theirs: false,
        unread: false,
        what: format!("run {}: {}", run.id, owed.what),
        site: None,
        how: format!(
            "{}; or, where it shall stay so: `{}`",
            names.to_type(&owed.how),
            names.letting_stay(&owed.key)
        ),
        debt: None,
        run,
    })
}

/// A run that was put back though not all was seen as before, or the old side not seen to serve, until that is seen.
pub(super) async fn sick(
    desk: &Desk,
    run: Run,
    tally: &Tally,
    records: &[Record],
    looks: bool,
) -> Option<Stuck> {
    let plan = tally.plan()?;
    // Held: a person accepted it.
    let accepted = match tally.ending()? {
        Ending::Undone => false,
        Ending::Held => true,
        _ => return None,
    };
    let open: Vec<(usize, Round)> = (tally.owed().iter())
        .filter_map(|owed| to_see(plan, records, owed))
        .filter(|(index, round)| {
            plan.entries[*index].is_check() && matches!(round, Round::Probe | Round::Verify)
        })
        .collect();
    let entries = not_seen_good(desk, plan, records, open.clone(), looks).await;
    if entries.is_empty() {
        return None;
    }
    let (id, source) = (&run.id, plan.home());
    let serves_not = (open.iter())
        .filter(|(index, _)| entries.contains(index))
        .any(|(index, round)| *round == Round::Probe || plan.entries[*index].probes_old_side);
    let unseen = match serves_not {
        true => format!("all the same, and {source} is not seen to serve since"),
        false => "and not all is seen as it was before since".to_owned(),
    };
    Some(Stuck {
        stands: serves_not,
        // The list of what is owed tells it by itself.
        theirs: accepted,
        unread: false,
        what: format!(
            "run {id} ({}) was put back to {source} {unseen}: {}",
            run.meta.mode,
            ids(plan, &entries)
        ),
        site: None,
        how: match serves_not {
            true => format!("mend {source}; `cutover owed` looks again"),
            false => "`cutover owed` looks again".to_owned(),
        },
        debt: None,
        run,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Fact;

    /// What a monitoring system is told to be over was seen: each look for itself, and all of what it looked at.
    #[test]
    fn a_look_that_warns_and_could_not_tell_something_settles_nothing() {
        let found = |outcome, fact: Option<Outcome>| {
            let mut finding = Finding::new(outcome, "as it was seen");
            finding.facts.extend(fact.map(|outcome| Fact {
                outcome,
                what: "v6".into(),
                expected: "an answer".into(),
                actual: "no route to it".into(),
            }));
            finding
        };
        for (finding, open) in [
            (found(Outcome::Pass, None), false),
            (found(Outcome::Warn, Some(Outcome::Warn)), false),
            (found(Outcome::Warn, Some(Outcome::Unknown)), true),
            (found(Outcome::Warn, Some(Outcome::Late)), true),
            (found(Outcome::Late, None), true),
            (found(Outcome::Unknown, None), true),
            (found(Outcome::Fail, None), true),
        ] {
            let look = (3, Round::There);
            let left = still_open(&[look], &[(3, finding.clone())]);
            assert_eq!(left, if open { vec![look] } else { vec![] }, "{finding:?}");
        }
        // One check may be looked at for each side.
        let looks = [(3, Round::Probe), (3, Round::Verify), (4, Round::Verify)];
        let found = [
            (3, found(Outcome::Pass, None)),
            (3, found(Outcome::Fail, None)),
        ];
        assert_eq!(still_open(&looks, &found), looks[1..]);
    }
}
