//! Runs that have not come to an end, with changes of theirs standing: held, stopped, or cut off.

use std::sync::Arc;
use std::time::Duration;

use super::common::Desk;
use super::resume::book_of;
use crate::engine::look_at_places;
use crate::event::{Ending, Event, Owed, Record};
use crate::journal::{self, Damaged, JournalError, Listed, Run};
use crate::machine::State;
use crate::plan::{Mode, Nature, Plan, Side};
use crate::report::Tally;
use crate::store::Store;

/// How long the places of a run are looked at.
const PATIENCE: Duration = Duration::from_secs(3);

/// A run that waits for a person.
pub(super) struct Stuck {
    pub run: Run,
    /// Something that it changed stands or may stand.
    pub stands: bool,
    /// What it is, and which site is active as far as it tells: `run x was stopped, changes stand`.
    pub what: String,
    /// The words to type.
    pub how: String,
}

impl Stuck {
    pub(super) fn owed(&self) -> Owed {
        Owed {
            key: format!("end {}", self.run.id),
            what: self.what.clone(),
            how: self.how.clone(),
        }
    }
}

/// The runs of a playbook, or of all, that wait for a person; and those of which it cannot be told. Where nobody
/// holds a run any more, its places are looked at: what was put back by hand, or changed by a later run, is settled.
pub(super) async fn stuck(
    desk: &Desk,
    store: &dyn Store,
    playbook: Option<&str>,
) -> Result<(Vec<Stuck>, Vec<Damaged>), JournalError> {
    find(Some(desk), store, playbook).await
}

/// The same, as their journals tell.
pub(super) async fn stuck_as_recorded(
    store: &dyn Store,
    playbook: Option<&str>,
) -> Result<(Vec<Stuck>, Vec<Damaged>), JournalError> {
    find(None, store, playbook).await
}

async fn find(
    desk: Option<&Desk>,
    store: &dyn Store,
    playbook: Option<&str>,
) -> Result<(Vec<Stuck>, Vec<Damaged>), JournalError> {
    let Listed { runs, mut damaged } = journal::list(store).await?;
    let mut list = Vec::new();
    for run in runs {
        let open = run.summary.as_ref().is_some_and(|summary| {
            summary.wrote && matches!(summary.ending, None | Some(Ending::Held | Ending::Stopped))
        });
        let looks_only = matches!(run.meta.mode, Mode::Check | Mode::Plan);
        let another = playbook.is_some_and(|name| name != run.meta.playbook);
        if !open || looks_only || another {
            continue;
        }
        match journal::read(store, &run.id).await {
            Ok(records) => list.extend(of(desk, run, &records).await),
            Err(why) => damaged.push(Damaged {
                why: why.to_string(),
                id: run.id,
                writer: run.writer,
            }),
        }
    }
    Ok((list, damaged))
}

async fn of(desk: Option<&Desk>, run: Run, records: &[Record]) -> Option<Stuck> {
    let tally = Tally::of(records);
    let plan = tally.plan()?;
    let alive = run.writer.is_some();
    // A living run that is not held is on its way, or stays on the other side as it should.
    if alive && !is_held(plan, records) {
        return None;
    }
    let mut stands = tally.anything_stands();
    if let (true, false, Some(desk)) = (stands, alive, desk) {
        stands = still_stands(desk, plan, &tally).await;
        if !stands {
            return None;
        }
    }
    let why = match (alive, tally.ending()) {
        (true, _) | (_, Some(Ending::Held)) => "is held",
        (_, Some(Ending::Stopped)) => "was stopped",
        _ => "was cut off",
    };
    if !stands && why != "is held" {
        return None;
    }
    let id = &run.id;
    let stand = match stands {
        true => "changes stand",
        false => "nothing stands, and not all is seen as it was",
    };
    let active = match tally.active_site() {
        Some(site) => format!("{site} is active"),
        None => "which site is active cannot be told from it".to_owned(),
    };
    let how = match alive {
        true => format!(
            "answer it where it runs, follow it with `cutover show --follow {id}`, or `cutover rollback {id}`"
        ),
        false => format!("`cutover resume {id}` or `cutover rollback {id}`"),
    };
    Some(Stuck {
        stands,
        what: format!("run {id} ({}) {why}, {stand}: {active}", run.meta.mode),
        how,
        run,
    })
}

fn is_held(plan: &Plan, records: &[Record]) -> bool {
    let events = records.iter().map(|record| &record.event);
    let events = events.filter(|event| !matches!(event, Event::Ended { .. }));
    State::of(plan, events).is_ok_and(|state| state.held().is_some())
}

/// Whether anything of a run is still seen to stand; yes, where that cannot be told.
async fn still_stands(desk: &Desk, plan: &Plan, tally: &Tally) -> bool {
    let entries = tally.standing_entries();
    let only_changes =
        (entries.iter()).all(|entry| matches!(plan.entries[*entry].nature, Nature::Change(_)));
    // Nothing can be read back of an act.
    if !only_changes {
        return true;
    }
    let Ok(book) = book_of(desk, plan) else {
        return true;
    };
    let actual = desk.actual(&Arc::new(book));
    let looks = look_at_places(plan, &actual, &entries);
    let seen = tokio::time::timeout(PATIENCE, looks).await;
    let _late = tokio::time::timeout(PATIENCE, actual.site.exec.close()).await;
    match seen {
        Ok(seen) => !seen
            .iter()
            .all(|(_, side)| matches!(side, Ok(Side::Before | Side::Foreign))),
        Err(_) => true,
    }
}
