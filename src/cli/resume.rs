//! `cutover resume`

use std::sync::Arc;

use super::common::{Desk, Failure};
use super::keyboard::interactive;
use super::people::{Message, confirm};
use super::perform::Performance;
use super::which::{Wish, in_words};
use super::{Exit, Format};
use crate::engine::GoOn;
use crate::event::{Decision, Ending, Event};
use crate::journal;
use crate::plan::{Direction, Given, Plan};
use crate::playbook::Playbook;
use crate::report::{self, Tally};
use crate::store::Store;

/// Finishes a run that was cut off or stopped
///
/// Shows what is still to be written, and asks for the playbook's name.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run, or the beginning or end of its id [default: the newest, where no other can be meant]
    run: Option<String>,
    /// Accepts what the run was held for, if it is still so; this is asked for as well
    #[arg(long)]
    accept: bool,
    /// Does not ask for the playbook's name, and approves what asks for approval
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let store = desk.store_that_is_there()?;
    let run = desk.meant(&*store, args.run.as_deref(), Wish::GoOn).await?;
    let (how, message) = match args.accept {
        true => (GoOn::Accept, Decision::On),
        false => (GoOn::Finish, Decision::Again),
    };
    let records = journal::read(&*store, &run.id).await?;
    let tally = Tally::of(&records);
    let open = matches!(tally.ending(), None | Some(Ending::Held | Ending::Stopped));
    // What has come to an end is only told once more.
    if open && !args.yes && !interactive() {
        let why = format!(
            "run `{}` is meant ({}); nobody can be asked here: say `--yes` to go on with it without asking",
            run.id,
            in_words(&run)
        );
        return Err(Failure::new(Exit::Usage, why));
    }
    if open && run.writer.is_none() && desk.format == Format::Text {
        desk.print(&report::resume(&run.id, &tally, &desk.style()));
        desk.print_text("\n");
    }
    if open && !args.yes {
        let Direction { source, target } = &run.meta.direction;
        let what = format!("go on with its {} from {source} to {target}", run.meta.mode);
        confirm(&run.meta.playbook, &what).await?;
    }
    go_on(desk, store, &run.id, how, message, args.yes).await
}

/// Goes on with a run: in this process, or, where another one is alive, by leaving it a message.
pub(super) async fn go_on(
    desk: &Desk,
    store: Arc<dyn Store>,
    id: &str,
    how: GoOn,
    message: Decision,
    yes: bool,
) -> Result<Exit, Failure> {
    let runs = journal::runs(&*store).await?;
    let run = runs.iter().find(|run| run.id == id);
    if let Some(writer) = run.and_then(|run| run.writer.as_ref()) {
        let at = desk.clock.now();
        let message = Message {
            decision: message,
            at,
        };
        store.send(id, message.to_bytes()).await?;
        desk.say(&format!(
            "cutover: run `{id}` is alive ({writer}), and was told to {}; it hears it at the end of what it does now; \
             follow it with {}",
            match message.decision {
                Decision::Again => "go on",
                Decision::On => "go on all the same",
                Decision::Back => "put everything back",
                Decision::Stop => "stop",
            },
            desk.to_type(&format!("show --follow {id}"))
        ));
        // It was asked for, and is not done.
        return Ok(Exit::Busy);
    }
    let records = journal::read(&*store, id).await?;
    let Some(Event::Started { plan, .. }) = records.first().map(|record| &record.event) else {
        let why = format!("run `{id}` was cut off before it began; nothing was touched");
        return Err(Failure::new(Exit::Refused, why));
    };
    let book = Arc::new(book_of(desk, plan)?);
    let actual = desk.actual(&book);
    let performance = Performance {
        desk,
        actual: &actual,
        store,
        playbook: run.map_or_else(|| plan.playbook.clone(), |run| desk.playbook_to_type(run)),
        given: run.map_or_else(Given::default, |run| desk.given_to_type(run)),
        first: None,
        comes_back: true,
        yes,
    };
    performance.again(id, how).await
}

/// The playbook of that day: what was planned then is finished or put back as it was planned.
pub(super) fn book_of(desk: &Desk, plan: &Plan) -> Result<Playbook, Failure> {
    Playbook::parse(&plan.text, &plan.playbook, &[]).map_err(|problems| {
        let Failure { exit, message } = desk.not_valid(&problems);
        let what = "the playbook in the journal is not valid for this version";
        Failure::new(exit, format!("{what}: {message}"))
    })
}
