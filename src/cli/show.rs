//! `cutover show`

use std::sync::Arc;
use std::time::Duration;

use super::Exit;
use super::common::{Desk, Failure};
use super::inbox::unheard;
use super::perform::Displays;
use crate::engine::may_turn_back;
use crate::event::{Event, Record};
use crate::journal::{self, Follower, Listed};

/// Tells one run, live or past
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run, or the beginning or end of its id [default: the newest]
    run: Option<String>,
    /// Goes on telling until the run ends
    #[arg(long, short)]
    follow: bool,
}

/// How often a journal is looked at for news.
const PACE: Duration = Duration::from_millis(250);

pub(super) async fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let store = desk.store_that_is_there()?;
    let Listed { runs, damaged } = journal::list(&*store).await?;
    let newest = runs.first().cloned();
    let run = match (args.run.as_deref(), newest) {
        (Some(given), _) => desk.named(runs, &damaged, given)?,
        (None, Some(newest)) => newest,
        (None, None) if damaged.is_empty() => {
            return Err(Failure::new(Exit::Usage, desk.no_runs_yet()));
        }
        (None, None) => return Err(Failure::new(Exit::Usage, "no run fits; see `cutover runs`")),
    };
    let id = run.id.clone();
    let mut follower = Follower::new(Arc::clone(&store), id.clone());
    let records = follower.news().await?;
    let displays = Displays::unattended(desk, desk.names(&run), &[])?;
    for record in &records {
        displays.show(record);
    }
    let mut ended = has_ended(&records);
    while args.follow && !ended {
        let alive =
            (journal::runs(&*store).await?.iter()).any(|run| run.id == id && run.writer.is_some());
        let news = follower.news().await?;
        for record in &news {
            displays.show(record);
        }
        ended = has_ended(&news) || !alive;
        tokio::select! {
            () = tokio::time::sleep(PACE) => {}
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    displays.close();
    let records = journal::read(&*store, &id).await?;
    let writer = journal::runs(&*store).await?;
    let writer = writer.into_iter().find(|run| run.id == id);
    let writer = writer.and_then(|run| run.writer);
    if may_turn_back(&records)
        && let Some(wish) = unheard(&*store, &id, writer.as_ref()).await?
    {
        let back = desk.to_type(&format!("rollback {id}"));
        desk.complain(&format!("{wish}; {back} puts it back"));
    }
    Ok(Exit::Done)
}

fn has_ended(records: &[Record]) -> bool {
    let mut events = records.iter().rev().map(|record| &record.event);
    // What is said of it afterwards makes it no longer.
    let last = events.find(|event| !matches!(event, Event::StaysSo { .. }));
    matches!(last, Some(Event::Ended { .. }))
}
