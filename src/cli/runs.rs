//! `cutover runs`

use std::num::NonZeroUsize;

use super::common::{Desk, Failure};
use super::{Exit, Format};
use crate::journal;
use crate::report::{RunRow, Tally, runs_table};

/// Lists past runs, and those that are alive
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many, newest first
    #[arg(long, short = 'n', default_value_t = NonZeroUsize::MIN.saturating_add(19))]
    number: NonZeroUsize,
}

pub(super) async fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let store = desk.store_that_is_there()?;
    let mut rows = Vec::new();
    let runs = journal::runs(&*store).await?;
    for run in runs.into_iter().take(args.number.get()) {
        let records = journal::read(&*store, &run.id).await?;
        if desk.format == Format::Json {
            let line = serde_json::json!({
                "run": run.id,
                "playbook": run.meta.playbook,
                "mode": run.meta.mode,
                "direction": run.meta.direction,
                "began": run.meta.began.wall,
                "by": run.meta.by,
                "ending": run.summary.as_ref().and_then(|summary| summary.ending),
                "alive": run.writer.is_some(),
            });
            desk.print_text(&format!("{line}\n"));
        } else if let Some(row) = RunRow::of(&run.id, &Tally::of(&records)) {
            rows.push(row);
        }
    }
    if desk.format != Format::Json {
        desk.print(&runs_table(&rows, &desk.style_of_tables()));
    }
    Ok(Exit::Done)
}
