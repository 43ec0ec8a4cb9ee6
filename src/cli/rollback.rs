//! `cutover rollback`

use std::sync::Arc;

use super::common::{Desk, Failure};
use super::keyboard::interactive;
use super::people::confirm;
use super::resume::{book_of, go_on};
use super::which::{Wish, in_words};
use super::{Exit, Format};
use crate::engine::{Ahead, GoOn, look_ahead, may_go_on};
use crate::event::{Decision, Ending, Record};
use crate::journal::{self, Run};
use crate::report::{self, SeenNow, Tally, json_line};

/// Puts back what a run changed
///
/// Shows each change that it will put back and what that would lose, and asks. Where it is not clear which run is
/// meant it lists them, and puts back none.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run, or the beginning or end of its id [default: the newest, where no other can be meant]
    run: Option<String>,
    /// Goes back also where the old side is not seen to serve, or is not what a drill would come back to
    #[arg(long)]
    anyway: bool,
    /// Shows what it would put back, and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Does not ask for the playbook's name
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let store = desk.store_that_is_there()?;
    let run = desk
        .meant(&*store, args.run.as_deref(), Wish::PutBack)
        .await?;
    let how = match args.anyway {
        true => GoOn::BackAnyway,
        false => GoOn::Back,
    };
    let records = journal::read(&*store, &run.id).await?;
    if run.writer.is_none() {
        may_go_on(&records, how)
            .map_err(|error| Failure::new(Exit::Refused, format!("run `{}`: {error}", run.id)))?;
    }
    if !args.yes && !args.dry_run && !interactive() {
        let why = format!(
            "run `{}` is meant ({}); nobody can be asked here: say `--yes` to put it back without asking, or `--dry-run` \
             to see what that would do",
            run.id,
            in_words(&run)
        );
        return Err(Failure::new(Exit::Usage, why));
    }
    let Obstacles { refuses, holds } = show(desk, &run, &records).await?;
    if args.dry_run {
        return match (refuses, holds) {
            (Some(why), _) if !args.anyway => Err(Failure::new(Exit::Refused, why)),
            (None, Some(why)) => Err(Failure::new(Exit::Refused, why)),
            _ => Ok(Exit::Done),
        };
    }
    if let Some(why) = refuses
        && !args.anyway
    {
        return Err(Failure::new(Exit::Refused, why));
    }
    if !args.yes {
        confirm(&run.meta.playbook).await?;
    }
    let exit = go_on(desk, store, &run.id, how, Decision::Back, false).await?;
    // Putting back is what was asked for here.
    Ok(match exit {
        Exit::Undone => Exit::Done,
        other => other,
    })
}

/// What speaks against putting back a run.
#[derive(Default)]
struct Obstacles {
    /// It has ended well, and is not touched without `--anyway`.
    refuses: Option<String>,
    /// It has not come to its end: it would go back as a drill does that fails, and be held for this.
    holds: Option<String>,
}

/// Looks at what will be put back and at the old side, and shows it.
async fn show(desk: &Desk, run: &Run, records: &[Record]) -> Result<Obstacles, Failure> {
    let tally = Tally::of(records);
    let Some(plan) = tally.plan() else {
        return Ok(Obstacles::default());
    };
    // What a living run holds changes while it is looked at.
    let alive = run.writer.is_some();
    let finished = matches!(tally.ending(), Some(Ending::Done | Ending::DoneUnproven));
    let entries = tally.standing_entries();
    let ahead = match alive || entries.is_empty() {
        true => Ahead::default(),
        false => {
            let actual = desk.actual(&Arc::new(book_of(desk, plan)?));
            let ahead = look_ahead(plan, &actual, &entries, finished).await;
            actual.site.exec.close().await;
            ahead
        }
    };
    let obstacles = ahead.obstacles(plan);
    let seen = SeenNow {
        places: &ahead.places,
        gates: &ahead.gates,
    };
    match desk.format {
        Format::Json => {
            let places = ahead.places.iter().map(|(entry, seen)| {
                let entry = &plan.entries[*entry];
                serde_json::json!({
                    "entry": entry.id,
                    "nature": entry.nature,
                    "now": seen.as_ref().ok(),
                    "unseen": seen.as_ref().err(),
                })
            });
            let line = json_line(&serde_json::json!({
                "rollback": run.id,
                "playbook": plan.playbook,
                "puts-back": places.collect::<Vec<_>>(),
                "obstacles": obstacles,
            }));
            desk.print_text(&format!("{}\n", line.unwrap_or_default()));
        }
        _ => {
            desk.print(&report::rollback(&run.id, &tally, seen, &desk.style()));
            desk.print_text("\n");
        }
    }
    if obstacles.is_empty() {
        return Ok(Obstacles::default());
    }
    let why = obstacles.join("; ");
    if !finished {
        let why = format!("a rollback would be held: {why}; nothing was touched");
        return Ok(Obstacles {
            holds: Some(why),
            ..Obstacles::default()
        });
    }
    let home = desk.names(run).failing_back(&plan.direction.source);
    Ok(Obstacles {
        refuses: Some(format!(
            "{why}; nothing was touched. Mend it and try again, fail back with `{home}`, or say `--anyway`"
        )),
        ..Obstacles::default()
    })
}
