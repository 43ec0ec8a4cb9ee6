//! `cutover owed`

use super::common::{Desk, Failure};
use super::{Exit, Format};
use crate::journal;
use crate::report::{OwedRow, Tally, owed_table};

/// Lists what earlier runs have left to be done
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(desk: &Desk, _: &Args) -> Result<Exit, Failure> {
    let store = desk.store()?;
    let now = desk.clock.now();
    let mut rows: Vec<OwedRow> = Vec::new();
    for run in journal::runs(&*store).await? {
        let records = journal::read(&*store, &run.id).await?;
        let tally = Tally::of(&records);
        for owed in tally.owed() {
            // The newest run of a playbook that owes a thing speaks for the older ones.
            let known =
                |row: &OwedRow| row.playbook == run.meta.playbook && row.owed.key == owed.key;
            if !rows.iter().any(known) {
                rows.push(OwedRow {
                    run: run.id.clone(),
                    playbook: run.meta.playbook.clone(),
                    age: now.since(&run.meta.began),
                    owed: owed.clone(),
                });
            }
        }
    }
    if desk.format == Format::Json {
        for row in &rows {
            let line = serde_json::json!({
                "run": row.run, "playbook": row.playbook, "owed": row.owed,
            });
            desk.print_text(&format!("{line}\n"));
        }
    } else {
        desk.print(&owed_table(&rows, &desk.style()));
    }
    Ok(Exit::Done)
}
