//! `cutover resume`

use std::sync::Arc;

use super::common::{Desk, Failure};
use super::inbox::{Message, unheard};
use super::keyboard::interactive;
use super::over::gone_over_by;
use super::people::{confirm, why};
use super::perform::Performance;
use super::which::{Wish, ended, in_words};
use super::{Exit, Format};
use crate::engine::{ANYWAY, GoOn, held_for, may_go_on, may_turn_back};
use crate::event::{Decision, Ending, Event, Record};
use crate::journal::{self, Run};
use crate::machine::Hold;
use crate::plan::{Direction, Given, Mode, Plan};
use crate::playbook::Playbook;
use crate::report::{self, MustEnd, Tally};
use crate::store::{Holder, Store};

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
    /// Lets it remain at the site that it went to, for good: a drill does not come back, nothing is put back, and what
    /// that comes to is looked at
    #[arg(long, conflicts_with = "accept")]
    stay: bool,
    /// Does not ask for the playbook's name, and approves what asks for approval
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let store = desk.store_that_is_there()?;
    let run = desk.meant(&*store, args.run.as_deref(), Wish::GoOn).await?;
    let (how, message) = match (args.accept, args.stay) {
        (true, _) => (GoOn::Accept, Decision::On),
        (_, true) => (GoOn::Stay, Decision::Stay),
        _ => (GoOn::Finish, Decision::Again),
    };
    let records = journal::read(&*store, &run.id).await?;
    let tally = Tally::of(&records);
    let open = matches!(tally.ending(), None | Some(Ending::Held | Ending::Stopped));
    if let (Some(ending), false, None) = (tally.ending(), open, &run.writer) {
        let why = format!(
            "run `{}` is over: {}; nothing was looked at now, and {} tells what it was",
            run.id,
            ended(&run, ending),
            desk.to_type(&format!("show {}", run.id))
        );
        return Err(Failure::new(Exit::Refused, why));
    }
    if args.accept && tally.held_for() == Some(Hold::OldSideSick) {
        let ways = match tally.may_remain() {
            true => format!(
                "; {} lets it remain where it is",
                desk.to_type(&format!("resume {} --stay", run.id))
            ),
            false => String::new(),
        };
        let why = format!(
            "`--accept` leads nobody to `{}`, which was not seen to serve: {} does{ways}",
            run.meta.direction.source,
            desk.to_type(&format!("rollback {} --anyway", run.id))
        );
        return Err(Failure::new(Exit::Refused, why));
    }
    if run.writer.is_none()
        && let Some(newer) = gone_over_by(&*store, &run).await?
    {
        let why = format!(
            "run `{}` went over what run `{}` wrote, and stays: this one is not gone on with beside it; nothing was touched",
            newer.id, run.id
        );
        return Err(Failure::new(Exit::Refused, why));
    }
    if open && !args.yes && !interactive() {
        let why = format!(
            "run `{}` is meant ({}); nobody can be asked here: say `--yes` to go on with it without asking",
            run.id,
            in_words(&run)
        );
        return Err(Failure::new(Exit::Usage, why));
    }
    if open && run.writer.is_none() && desk.format == Format::Text && !args.stay {
        desk.print(&report::resume(&run.id, &tally, &desk.style()));
        desk.print_text("\n");
    }
    if run.writer.is_none()
        && may_turn_back(&records)
        && let Some(wish) = unheard(&*store, &run.id, None).await?
    {
        let back = desk.to_type(&format!("rollback {}", run.id));
        desk.complain(&format!("{wish}; {back} puts it back"));
    }
    if open && !args.yes {
        let what = match args.stay {
            true => format!(
                "let its {} remain at {}: nothing is put back",
                run.meta.mode, run.meta.direction.target
            ),
            false => asks(
                &run.meta.direction,
                run.meta.mode,
                tally.is_on_its_way_back(),
            ),
        };
        confirm(&run.meta.playbook, &what).await?;
    }
    let back = tally.is_on_its_way_back() && !args.stay;
    let exit = go_on(desk, Arc::clone(&store), &run.id, how, message, args.yes).await?;
    match back {
        true => nothing_was_put_back(&*store, &run, exit).await,
        false => Ok(exit),
    }
}

/// The exit code of what was to be put back. Whoever stopped there left it as it had ended, a drill too that somebody had
/// told to remain: that is well, and not what was asked for, but where he says that it remains.
pub(super) async fn nothing_was_put_back(
    store: &dyn Store,
    run: &Run,
    exit: Exit,
) -> Result<Exit, Failure> {
    let well = matches!(exit, Exit::Done | Exit::Unproven);
    if !well || !is_left_unasked(&journal::read(store, &run.id).await?) {
        return Ok(exit);
    }
    let why = format!(
        "nothing was put back: run `{}` stays as it had ended; mend what the old side lacks, and try again",
        run.id
    );
    Err(Failure::new(Exit::Refused, why))
}

/// Whether a run remains where it was though the last word was not that it shall.
fn is_left_unasked(records: &[Record]) -> bool {
    let last = records.iter().rev().find_map(|record| match &record.event {
        Event::Decided { decision, .. } => Some(*decision),
        _ => None,
    });
    Tally::of(records).remains() && last != Some(Decision::Stay)
}

/// What a person is asked to agree to: a run that was on its way back goes on with that.
fn asks(direction: &Direction, mode: Mode, back: bool) -> String {
    let Direction { source, target } = direction;
    match back {
        true => format!("go on putting back its {mode}, from {target} to {source}"),
        false => format!("go on with its {mode} from {source} to {target}"),
    }
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
    if let Some((run, writer)) = run.and_then(|run| Some((run, run.writer.as_ref()?))) {
        let told = tell(desk, &*store, run, writer, how, message).await?;
        desk.say(&format!("cutover: run `{id}` is alive ({writer}){told}"));
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
        first: MustEnd::default(),
        comes_back: true,
        yes,
    };
    performance.again(id, how).await
}

/// Leaves a message for a living run, and says what it was told.
async fn tell(
    desk: &Desk,
    store: &dyn Store,
    run: &Run,
    writer: &Holder,
    how: GoOn,
    decision: Decision,
) -> Result<String, Failure> {
    let id = &run.id;
    let records = journal::read(store, id).await?;
    let anyway = how == GoOn::BackAnyway;
    if let Some(hold) = held_for(&records)
        && ANYWAY.contains(&hold)
        && how == GoOn::Back
    {
        return Ok(format!(
            " and held: {}. A plain rollback is no answer to that, so it was told nothing: mend it, then {} looks again; \
             {} puts back what can be put back all the same",
            why(hold),
            desk.to_type(&format!("resume {id}")),
            desk.to_type(&format!("rollback {id} --anyway"))
        ));
    }
    if how == GoOn::Stay
        && let Err(why) = may_go_on(&records, how)
    {
        return Ok(format!(", and was told nothing: {why}"));
    }
    let message = Message {
        decision,
        anyway,
        to: Some(writer.clone()),
        at: desk.clock.now(),
    };
    store.send(id, message.to_bytes()).await?;
    let hears = match writer.is_frozen() {
        true => format!(
            "it does not run now (somebody stopped it with SIGSTOP or Ctrl-Z), and hears it when `kill -CONT {}` lets it \
             go on",
            writer.pid
        ),
        false if held_for(&records).is_some() => "it hears it at once".to_owned(),
        false => "it hears it at once, or when its present write is done".to_owned(),
    };
    // Between this look at it and that it hears of it, it may have begun to come back.
    let unless = match how {
        GoOn::Stay => ", and remains where nothing was put back by then",
        GoOn::Finish | GoOn::Accept | GoOn::Back | GoOn::BackAnyway => "",
    };
    Ok(format!(
        ", and was told to {}; {hears}{unless}; follow it with {}",
        match (decision, anyway) {
            (Decision::Again, _) => "go on",
            (Decision::On, _) => "go on all the same",
            (Decision::Back, false) => "put everything back",
            (Decision::Back, true) => "put everything back, `--anyway`",
            (Decision::Stop, _) => "stop",
            (Decision::Stay, _) => "remain where it is",
        },
        desk.to_type(&format!("show --follow {id}"))
    ))
}

/// The playbook of that day: what was planned then is finished or put back as it was planned.
pub(super) fn book_of(desk: &Desk, plan: &Plan) -> Result<Playbook, Failure> {
    Playbook::of_plan(plan).map_err(|problems| {
        let Failure { exit, message, .. } = desk.not_valid(&problems);
        let what = "the playbook in the journal is not valid for this version";
        Failure::new(exit, format!("{what}: {message}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Finding, Round};
    use crate::plan::{Outcome, Way};
    use crate::report::fixture::{FLIP, Story, WORKS, plan};

    #[test]
    fn what_was_to_be_put_back_and_remains_is_well_only_where_somebody_says_so() {
        for mode in [Mode::Failover, Mode::Emergency] {
            let of = |decision: Option<Decision>| {
                let decided = |decision| Event::Decided {
                    decision,
                    by: "root@ops1".into(),
                    parts: true,
                };
                let ending = Ending::Done;
                let sick = Finding::new(Outcome::Fail, "0 of 4 probes pass");
                let mut story = Story::of(plan(mode));
                story.baseline().ready(Round::There).flip(Way::There);
                story.moved(Round::There);
                let outcomes = vec![(FLIP, Outcome::Pass)];
                story.says(Event::Judged {
                    round: Round::There,
                    outcomes,
                });
                story.says(Event::Ended { ending });
                story.says(decided(Decision::Back));
                story.batch(Round::Probe, vec![(WORKS, sick)]);
                if let Some(decision) = decision {
                    story.says(decided(decision));
                }
                is_left_unasked(&story.records)
            };
            assert!(!of(None), "it is held, and remains nowhere yet");
            assert!(of(Some(Decision::Stop)));
            assert!(!of(Some(Decision::Stay)));
            assert!(!of(Some(Decision::Back)));
        }
    }

    #[test]
    fn the_question_says_which_way_it_goes_on() {
        let direction = Direction {
            source: "dedicated".into(),
            target: "cloud".into(),
        };
        let asked = |back| asks(&direction, Mode::Failover, back);
        let there = "go on with its failover from dedicated to cloud";
        let back = "go on putting back its failover, from cloud to dedicated";
        assert_eq!((asked(false).as_str(), asked(true).as_str()), (there, back));
    }
}
