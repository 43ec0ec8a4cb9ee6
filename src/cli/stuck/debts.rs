//! What runs that have come to their end left, and what they left where another one went over them.

use std::sync::Arc;

use super::super::common::Desk;
use super::super::resume::book_of;
use super::super::stays::tally_now;
use super::Stuck;
use super::places::{PATIENCE, baseline, named};
use crate::engine::{RETURN, leads_in_dns, look_once_more, see_places, to_see, told_before};
use crate::event::{Ending, LOOK_AT, Record, Round};
use crate::journal::Run;
use crate::plan::{Edit, Nature, Outcome, Plan, Side};
use crate::report::Tally;

/// The places of a run of which one holds something else than it shall, as far as is seen. `looks`: they are read.
async fn not_so(
    desk: &Desk,
    plan: &Plan,
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
    let is_so = |entry: &usize| {
        let found = seen.iter().find(|(other, _)| other == entry);
        match (found, &plan.entries[*entry].nature) {
            (Some((_, Ok(value))), Nature::Change(edit)) => edit.side(value) == wanted,
            // It cannot be told.
            _ => false,
        }
    };
    entries.into_iter().filter(|entry| !is_so(entry)).collect()
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
    let (left, remains) = tokio::join!(
        left(desk, run.clone(), &tally, looks),
        remains(desk, run, &tally, looks),
    );
    left.into_iter().chain(remains).collect()
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
    let open = not_so(desk, plan, entries.collect(), wanted, looks).await;
    if open.is_empty() {
        return None;
    }
    let id = &run.id;
    Some(Stuck {
        stands: false,
        theirs: true,
        what: format!(
            "run {id} ({}) left {} to others, not {how}",
            run.meta.mode,
            ids(plan, &open)
        ),
        site: None,
        how: format!("set it by hand; `cutover show {id}` tells what it was"),
        run,
    })
}

/// A drill that remains at the other side, until all names lead back, or somebody says that it shall stay so.
pub(super) async fn remains(desk: &Desk, run: Run, tally: &Tally, looks: bool) -> Option<Stuck> {
    let plan = tally.plan()?;
    tally.ending()?;
    let owed = (tally.owed().iter()).find(|owed| owed.key.starts_with(RETURN))?;
    if looks && let Ok(book) = book_of(desk, plan) {
        let actual = desk.actual(&Arc::new(book));
        let leads = leads_in_dns(&actual.book, &actual.site);
        let leads = tokio::time::timeout(PATIENCE, leads).await;
        let _late = tokio::time::timeout(PATIENCE, actual.site.exec.close()).await;
        if leads.ok().flatten().as_ref() == Some(&plan.direction.source) {
            return None;
        }
    }
    let names = desk.names(&run);
    Some(Stuck {
        stands: false,
        theirs: false,
        what: format!("run {}: {}", run.id, owed.what),
        site: None,
        how: format!(
            "{}; or, where it shall stay so: `{}`",
            names.to_type(&owed.how),
            names.letting_stay(&owed.key)
        ),
        run,
    })
}

/// What a run wrote and no newer one held, though one went over it: temporary changes until they are seen as before, and
/// record sets until none of them holds what the run wrote, whatever its TTL.
pub(super) async fn forgotten(
    desk: &Desk,
    run: Run,
    tally: &Tally,
    mut left: Vec<(usize, Edit)>,
    looks: bool,
) -> Option<Stuck> {
    let plan = tally.plan()?;
    if looks
        && !left.is_empty()
        && let Ok(book) = book_of(desk, plan)
    {
        let actual = desk.actual(&Arc::new(book));
        let entries: Vec<usize> = left.iter().map(|(entry, _)| *entry).collect();
        let seen = see_places(plan, &actual, &entries, PATIENCE).await;
        let _late = tokio::time::timeout(PATIENCE, actual.site.exec.close()).await;
        left.retain(|(entry, edit)| {
            let found = seen.iter().find(|(other, _)| other == entry);
            // It cannot be told.
            let Some((_, Ok(value))) = found else {
                return true;
            };
            let has =
                |key: &String| edit.before.0.contains_key(key) || edit.after.0.contains_key(key);
            let value = value.taken(|(key, _)| has(key));
            match plan.entries[*entry].temporary {
                true => edit.side(&value) != Side::Before,
                // With another TTL it leads where the run led it.
                false => edit.still_holds_written(&value),
            }
        });
    }
    if left.is_empty() {
        return None;
    }
    let id = &run.id;
    let what = left.iter().map(|(entry, edit)| {
        let keys: Vec<String> = edit.after.0.keys().cloned().collect();
        match plan.entries[*entry].temporary {
            true => format!("its temporary change {}", ids(plan, &[*entry])),
            false => format!("what it wrote to {}", named(&keys)),
        }
    });
    let what: Vec<String> = what.collect();
    let told: Vec<String> = left.iter().map(|(_, edit)| told_before(edit)).collect();
    Some(Stuck {
        stands: false,
        theirs: false,
        what: format!(
            "a newer run went over run {id} ({}), and {} is not seen to be put back",
            run.meta.mode,
            what.join(" and ")
        ),
        site: None,
        how: format!("put it back by hand; before the run {}", told.join("; ")),
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
    let mut open: Vec<(usize, Round)> = (tally.owed().iter())
        .filter_map(|owed| to_see(plan, records, owed))
        .filter(|(index, round)| {
            plan.entries[*index].is_check() && matches!(round, Round::Probe | Round::Verify)
        })
        .collect();
    if looks
        && !open.is_empty()
        && let Ok(book) = book_of(desk, plan)
    {
        let actual = desk.actual(&Arc::new(book));
        let look = look_once_more(plan, &actual, baseline(records), &open);
        let found = tokio::time::timeout(PATIENCE, look)
            .await
            .unwrap_or_default();
        let _late = tokio::time::timeout(PATIENCE, actual.site.exec.close()).await;
        let good = |index: usize| {
            (found.iter())
                .any(|(other, finding)| *other == index && finding.outcome <= Outcome::Warn)
        };
        open.retain(|(index, _)| !good(*index));
    }
    if open.is_empty() {
        return None;
    }
    let entries: Vec<usize> = open.iter().map(|(index, _)| *index).collect();
    let (id, source) = (&run.id, plan.home());
    let serves_not = (open.iter())
        .any(|(index, round)| *round == Round::Probe || plan.entries[*index].probes_old_side);
    let unseen = match serves_not {
        true => format!("all the same, and {source} is not seen to serve since"),
        false => "and not all is seen as it was before since".to_owned(),
    };
    Some(Stuck {
        stands: serves_not,
        // The list of what is owed tells it by itself.
        theirs: accepted,
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
        run,
    })
}
