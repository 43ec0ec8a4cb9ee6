//! `cutover runs`

use std::num::NonZeroUsize;

use super::common::{Desk, Failure};
use super::{Exit, Format};
use crate::journal::{self, Listed, Run};
use crate::report::{RunRow, clean, runs_table};

/// Lists past runs, and those that are alive
///
/// The list needs no journal: one that is damaged is named, and hides nothing else.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many, newest first
    #[arg(long, short = 'n', default_value_t = NonZeroUsize::MIN.saturating_add(19))]
    number: NonZeroUsize,
}

pub(super) async fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let store = desk.store_that_is_there()?;
    let Listed { mut runs, damaged } = journal::list(&*store).await?;
    runs.truncate(args.number.get());
    if desk.format == Format::Json {
        for run in &runs {
            let line = serde_json::json!({
                "run": run.id,
                "playbook": run.meta.playbook,
                "mode": run.meta.mode,
                "direction": run.meta.direction,
                "began": run.meta.began.wall,
                "by": run.meta.by,
                "ending": run.summary.as_ref().and_then(|summary| summary.ending),
                "remains": run.summary.as_ref().is_some_and(|summary| summary.remains),
                "alive": run.writer.is_some(),
            });
            desk.print_text(&format!("{line}\n"));
        }
    } else if runs.is_empty() && damaged.is_empty() {
        desk.print_text(&format!("{}\n", clean(&desk.no_runs_yet())));
    } else if !runs.is_empty() {
        let rows: Vec<RunRow> = runs.iter().map(row).collect();
        desk.print(&runs_table(&rows, &desk.style_of_tables()));
    }
    for one in &damaged {
        let alive = (one.writer.as_ref()).map_or_else(String::new, |w| format!(", alive ({w})"));
        desk.complain(&format!("run `{}`{alive} is damaged: {}", one.id, one.why));
    }
    for run in &runs {
        if let Some(why) = &run.row_damage {
            desk.complain(&format!(
                "run `{}`: {why}; what is told of it is from its journal",
                run.id
            ));
        }
    }
    // The list stands; whether each journal in it can be read is said below it.
    for run in &runs {
        if let Err(why) = journal::read(&*store, &run.id).await {
            desk.complain(&format!(
                "the journal of run `{}` cannot be read: {why}",
                run.id
            ));
        }
    }
    Ok(Exit::Done)
}

/// What is kept beside the journal.
fn row(run: &Run) -> RunRow {
    let summary = run.summary.as_ref();
    RunRow {
        run: run.id.clone(),
        playbook: run.meta.playbook.clone(),
        mode: run.meta.mode,
        direction: run.meta.direction.clone(),
        started: run.meta.began.clone(),
        took: (summary.map(|summary| summary.last.since(&run.meta.began))).unwrap_or_default(),
        ending: summary.and_then(|summary| summary.ending),
        owed: summary.and_then(|summary| summary.owed).unwrap_or(0),
        remains: summary.is_some_and(|summary| summary.remains),
        writer: run.writer.as_ref().map(ToString::to_string),
    }
}
