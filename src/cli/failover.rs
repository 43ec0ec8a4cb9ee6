//! `cutover failover`

use std::path::PathBuf;
use std::time::Duration;

use super::common::{Desk, Failure, PlaybookArgs};
use super::keyboard::interactive;
use super::people::confirm;
use super::perform::Performance;
use super::plan::{DryRun, differs, dry_run, load};
use super::unfinished::{self, Unfinished};
use super::whose::Whose;
use super::{Exit, Format, compare};
use crate::engine::{Intention, survey, why_no_way_back};
use crate::plan::{Direction, Given, Mode, Plan};
use crate::report::{self, MustEnd, Names};

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
    pub(super) dry_run: bool,
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
    let whose = Whose::book(&book, &playbook.playbook);
    let earlier = unfinished::of_this(desk, &*store, &whose).await?;
    stands_back(desk, earlier.as_ref(), going.mode)?;
    let actual = desk.actual(&book);
    let to = match &going.reviewed {
        Some(plan) => Some(plan.direction.target.clone()),
        None => going.to,
    };
    let given = Given {
        sets: playbook.set.clone(),
        to: to.clone(),
        emergency: going.mode == Mode::Emergency,
        plan: going.saved,
    };
    let intention = Intention {
        mode: going.mode,
        like: going.mode,
        to,
        hold: going.hold,
    };
    if going.mode == Mode::Drill
        && let Some(to) = &intention.to
        && let Some(why) = why_no_way_back(&book, &actual.site, to).await
    {
        let message = format!("{why}; nothing was touched");
        return Err(Failure::new(Exit::Refused, message));
    }
    if going.yes {
        // Its hosts are asked right after the survey; a person may take long to say yes.
        actual.connect_ahead();
    }
    let plan = survey(&actual, &intention).await?;
    let goes = (going.mode, intention.to.as_deref());
    let earlier = earlier.as_ref();
    let turns = unfinished::turns_round(desk, &*store, &whose, earlier, goes, &plan);
    if let Some(why) = turns.await? {
        return Err(why);
    }
    if let Some(reviewed) = &going.reviewed
        && let Some(why) = differs(reviewed, &plan)
    {
        let names = Names::new("", playbook.playbook.display().to_string())
            .with_state(desk.state_to_type())
            .with_given(given);
        let anew = names.plan_anew();
        let message = format!("the plan is stale: {why}; make it anew with `{anew}`");
        return Err(Failure::new(Exit::Busy, message));
    }
    let earlier = unfinished::of_another(desk, &*store, &whose, &plan).await?;
    stands_back(desk, earlier.as_ref(), going.mode)?;
    if desk.format == Format::Text && going.reviewed.is_none() {
        let state = desk.state_to_type();
        desk.print(&report::plan(&plan, &[], state.as_deref(), &desk.style()));
        desk.print_text("\n");
    }
    if !going.yes {
        confirm(book.name(), &moving(&plan)).await?;
    }
    let performance = Performance {
        desk,
        actual: &actual,
        store,
        playbook: playbook.playbook.display().to_string(),
        given,
        first: MustEnd::default(),
        comes_back: true,
        yes: going.yes,
    };
    performance.live(plan).await
}

/// What a person says yes to.
fn moving(plan: &Plan) -> String {
    let Direction { source, target } = &plan.direction;
    let back = match plan.mode {
        Mode::Drill => " and back",
        _ => "",
    };
    format!("move it from {source} to {target}{back}")
}

/// Nothing begins beside an unfinished run, but an emergency, which says what it goes over.
fn stands_back(desk: &Desk, earlier: Option<&Unfinished>, mode: Mode) -> Result<(), Failure> {
    match earlier {
        Some(earlier) if !earlier.stops(mode) => {
            desk.complain(&earlier.failure.message);
            Ok(())
        }
        Some(Unfinished { failure, .. }) => Err(Failure::new(failure.exit, &failure.message)),
        None => Ok(()),
    }
}
