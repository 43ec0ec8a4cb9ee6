//! `cutover failover`

use std::path::PathBuf;
use std::time::Duration;

use super::common::{Desk, Failure, PlaybookArgs};
use super::keyboard::interactive;
use super::people::confirm;
use super::perform::Performance;
use super::plan::{DryRun, differs, dry_run, load};
use super::{Exit, Format, compare};
use crate::engine::{Intention, survey};
use crate::event::{Ending, Event, Record};
use crate::journal;
use crate::plan::{Given, Mode, Plan};
use crate::report::{self, Tally};
use crate::store::Store;

/// Fails over and stays
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    playbook: PlaybookArgs,
    /// Goes to this site, whatever DNS says
    #[arg(long, value_name = "SITE")]
    to: Option<String>,
    /// The old side is dead: what is unseen there warns, nothing waits for it, nothing goes back unasked
    #[arg(long)]
    emergency: bool,
    /// Carries out exactly this saved plan, or nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to", "dry_run"])]
    plan: Option<PathBuf>,
    /// Shows what it would do, like `cutover plan`
    #[arg(long)]
    dry_run: bool,
    /// Does not ask for the playbook's name, and approves what asks for approval
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let mode = match args.emergency {
        true => Mode::Emergency,
        false => Mode::Failover,
    };
    let reviewed = args.plan.as_deref().map(load).transpose()?;
    if args.dry_run {
        let how = DryRun {
            to: args.to.clone(),
            like: mode,
            out: None,
            out_world: None,
            compare: compare::Compare::default(),
            commands: false,
        };
        return dry_run(desk, &args.playbook, &how).await;
    }
    let going = Going {
        mode,
        to: args.to.clone(),
        hold: None,
        yes: args.yes,
        reviewed,
        saved: (args.plan.as_ref()).map(|file| file.display().to_string()),
    };
    go(desk, &args.playbook, going).await
}

/// How a run that changes things is asked for.
pub(super) struct Going {
    pub mode: Mode,
    pub to: Option<String>,
    pub hold: Option<Duration>,
    pub yes: bool,
    /// The plan that was reviewed; carried out exactly, or not at all.
    pub reviewed: Option<Plan>,
    /// The file that it came from.
    pub saved: Option<String>,
}

/// Surveys, shows the plan, asks, and carries it out.
pub(super) async fn go(
    desk: &Desk,
    playbook: &PlaybookArgs,
    going: Going,
) -> Result<Exit, Failure> {
    if !going.yes && !interactive() {
        let why = "nobody can be asked here; say `--yes` to go without asking";
        return Err(Failure::new(Exit::Usage, why));
    }
    let book = desk.playbook(playbook)?;
    let store = desk.store()?;
    let of_this = |run: &journal::Run| run.meta.playbook == book.name();
    unfinished(desk, &*store, of_this, None, going.mode).await?;
    let actual = desk.actual(&book);
    let to = match &going.reviewed {
        Some(plan) => Some(plan.direction.target.clone()),
        None => going.to,
    };
    let told = to.clone();
    let intention = Intention {
        mode: going.mode,
        like: going.mode,
        to,
        hold: going.hold,
    };
    if going.yes {
        // Its hosts are asked right after the survey; a person may take long to say yes.
        actual.connect_ahead();
    }
    let plan = survey(&actual, &intention).await?;
    if let Some(reviewed) = &going.reviewed
        && let Some(why) = differs(reviewed, &plan)
    {
        let message = format!("the plan is stale: {why}; make it anew with `cutover plan --out`");
        return Err(Failure::new(Exit::Busy, message));
    }
    // Of a living run of another playbook the lock tells.
    let of_another = |run: &journal::Run| !of_this(run) && run.writer.is_none();
    unfinished(desk, &*store, of_another, Some(&plan), going.mode).await?;
    if desk.format == Format::Text && going.reviewed.is_none() {
        let state = desk.state_to_type();
        desk.print(&report::plan(&plan, &[], state.as_deref(), &desk.style()));
        desk.print_text("\n");
    }
    if !going.yes {
        confirm(book.name()).await?;
    }
    let performance = Performance {
        desk,
        actual: &actual,
        store,
        playbook: playbook.playbook.display().to_string(),
        given: Given {
            sets: playbook.set.clone(),
            to: told,
            emergency: going.mode == Mode::Emergency,
            plan: going.saved,
        },
        yes: going.yes,
    };
    performance.live(plan).await
}

/// An earlier run that was cut off or stopped with changes must be finished first: a new plan would take what
/// it left for the state to come back to, and a write of it may still land. `plan` is what will be done, where
/// only runs matter that change the same: their locks are gone with their processes.
async fn unfinished(
    desk: &Desk,
    store: &dyn Store,
    matters: impl Fn(&journal::Run) -> bool,
    plan: Option<&Plan>,
    mode: Mode,
) -> Result<(), Failure> {
    let mut open = None;
    for run in journal::runs(store).await? {
        let unended = run.summary.as_ref().is_some_and(|summary| {
            summary.wrote && matches!(summary.ending, None | Some(Ending::Held | Ending::Stopped))
        });
        if !unended || !matters(&run) {
            continue;
        }
        let records = match journal::read(store, &run.id).await {
            Ok(records) => records,
            // The journal of another playbook stops nothing.
            Err(_) if plan.is_some() => continue,
            Err(error) => return Err(error.into()),
        };
        let same = plan.is_none_or(|plan| changes_the_same(&records, plan));
        if same && Tally::of(&records).anything_stands() {
            open = Some(run);
            break;
        }
    }
    let Some(open) = open else { return Ok(()) };
    let whose = match plan {
        None => "this playbook".to_owned(),
        Some(_) => format!(
            "the playbook `{}`, which changes the same,",
            open.meta.playbook
        ),
    };
    let id = &open.id;
    let message = match &open.writer {
        Some(writer) => format!(
            "run `{id}` of {whose} is alive ({writer}); follow it with {}",
            desk.to_type(&format!("show --follow {id}"))
        ),
        None => format!(
            "run `{id}` of {whose} has not come to an end and may have left changes; \
             {} or {} first",
            desk.to_type(&format!("resume {id}")),
            desk.to_type(&format!("rollback {id}")),
        ),
    };
    if mode == Mode::Emergency {
        desk.complain(&message);
        return Ok(());
    }
    Err(Failure::new(Exit::Busy, message))
}

/// Whether a run locked anything that a plan locks.
fn changes_the_same(records: &[Record], plan: &Plan) -> bool {
    match records.first().map(|record| &record.event) {
        Some(Event::Started { plan: other, .. }) => {
            other.locks.iter().any(|lock| plan.locks.contains(lock))
        }
        _ => false,
    }
}
