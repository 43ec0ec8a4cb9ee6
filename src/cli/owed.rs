//! `cutover owed`

use std::collections::BTreeSet;

use super::common::{Desk, Failure};
use super::{Exit, Format};
use crate::journal;
use crate::report::{OwedRow, Tally, owed_table, to_type};

/// Lists what earlier runs have left to be done
///
/// The newest run of a playbook that changed something speaks for all of them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(desk: &Desk, _: &Args) -> Result<Exit, Failure> {
    let store = desk.store_that_is_there()?;
    let now = desk.clock.now();
    let mut rows: Vec<OwedRow> = Vec::new();
    let mut heard = BTreeSet::new();
    for run in journal::runs(&*store).await? {
        let wrote = run.summary.as_ref().is_some_and(|summary| summary.wrote);
        if !wrote || !heard.insert(run.meta.playbook.clone()) {
            continue;
        }
        let records = journal::read(&*store, &run.id).await?;
        rows.extend(Tally::of(&records).owed().iter().map(|owed| OwedRow {
            run: run.id.clone(),
            playbook: run.meta.playbook.clone(),
            age: now.since(&run.meta.began),
            owed: owed.clone(),
        }));
    }
    if desk.format == Format::Json {
        for row in &rows {
            let line = serde_json::json!({
                "run": row.run, "playbook": row.playbook, "owed": row.owed,
            });
            desk.print_text(&format!("{line}\n"));
        }
    } else {
        let state = desk.state_to_type();
        for row in &mut rows {
            row.owed.how = to_type(&row.owed.how, state.as_deref());
        }
        desk.print(&owed_table(&rows, &desk.style()));
    }
    Ok(Exit::Done)
}
