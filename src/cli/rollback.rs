//! `cutover rollback`

use super::Exit;
use super::common::{Desk, Failure};
use super::resume::go_on;
use crate::engine::GoOn;
use crate::event::Decision;
use crate::journal;

/// Puts back what a run changed
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run, or the beginning or end of its id [default: the newest that changed something]
    run: Option<String>,
    /// Goes back also where the old side is not seen to serve
    #[arg(long)]
    anyway: bool,
}

pub(super) async fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let store = desk.store()?;
    let wanted = |run: &journal::Run| run.summary.as_ref().is_some_and(|summary| summary.wrote);
    let id = desk.run_id(&*store, args.run.as_deref(), wanted).await?;
    let how = match args.anyway {
        true => GoOn::BackAnyway,
        false => GoOn::Back,
    };
    let exit = go_on(desk, store, &id, how, Decision::Back, false).await?;
    // Putting back is what was asked for here.
    Ok(match exit {
        Exit::Undone => Exit::Done,
        other => other,
    })
}
