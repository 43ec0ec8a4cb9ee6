//! `cutover rollback`

use std::sync::Arc;
use std::time::Duration;

use super::common::{Desk, Failure};
use super::keyboard::interactive;
use super::over::gone_over_by;
use super::people::confirm;
use super::resume::{book_of, go_on, nothing_was_put_back};
use super::stuck::baseline;
use super::which::{Wish, in_words};
use super::{Exit, Format};
use crate::engine::{
    Actual, Ahead, GoOn, PlaceNow, is_astray, look_ahead, look_once_more, may_go_on, may_land,
    see_places,
};
use crate::event::{Decision, Ending, Fact, Record, Round};
use crate::journal::{self, Run};
use crate::plan::{Plan, Side};
use crate::report::{self, REFUSED_AND_SO, SeenNow, SeenPlace, Tally, json_line};

/// Puts back what a run changed
///
/// Shows each change that it will put back and what that would lose, and asks. Where it is not clear which run is
/// meant it lists them, and puts back none.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run, or the beginning or end of its id [default: the newest, where no other can be meant]
    run: Option<String>,
    /// Goes back also where the old side is not seen to serve, or is not what a drill would come back to; what
    /// somebody else wrote since is left as it is, and all the rest is put back
    #[arg(long)]
    anyway: bool,
    /// Shows what it would put back, and changes nothing
    #[arg(long)]
    pub(super) dry_run: bool,
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
    if !args.anyway
        && let Some(newer) = gone_over_by(&*store, &run).await?
    {
        let why = format!(
            "run `{}` went over what run `{}` wrote, and left it standing: {} puts back that one; with `--anyway` this \
             one is put back beside it",
            newer.id,
            run.id,
            desk.to_type(&format!("rollback {}", newer.id))
        );
        return Err(Failure::new(Exit::Refused, why));
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
    match show(desk, &run, &records, args.anyway).await? {
        Some(Obstacle::Refuses(why)) => return Err(Failure::new(Exit::Refused, why)),
        Some(Obstacle::Holds(why)) if args.dry_run => {
            return Err(Failure::new(Exit::Refused, why));
        }
        Some(Obstacle::Holds(_)) | None => {}
    }
    if args.dry_run {
        return Ok(Exit::Done);
    }
    if !args.yes {
        let direction = &run.meta.direction;
        let tally = Tally::of(&records);
        let of_plan = |what: fn(&Plan) -> bool| tally.plan().is_some_and(what);
        let what = match of_plan(|plan| plan.led_there) {
            true => format!(
                "put back what it changed; the names stay at {}",
                direction.target
            ),
            false if of_plan(|plan| !plan.apart.is_empty()) => {
                "put back what it changed; each name to where it led before".to_owned()
            }
            false => format!(
                "move it back from {} to {}",
                direction.target, direction.source
            ),
        };
        confirm(&run.meta.playbook, &what).await?;
    }
    let exit = go_on(
        desk,
        Arc::clone(&store),
        &run.id,
        how,
        Decision::Back,
        false,
    )
    .await?;
    // Putting back is what was asked for here.
    Ok(match nothing_was_put_back(&*store, &run, exit).await? {
        Exit::Undone => Exit::Done,
        exit => exit,
    })
}

/// The places that a rollback reads at its end and does not write, and that do not hold what they did before the run.
async fn not_as_it_was(plan: &Plan, actual: &Actual, tally: &Tally, alive: bool) -> Vec<String> {
    let wanted = match alive {
        true => Vec::new(),
        false => tally.entries_to_read(),
    };
    let entries: Vec<usize> = wanted.iter().map(|(entry, _)| *entry).collect();
    let seen = see_places(plan, actual, &entries, Duration::MAX).await;
    let told = seen
        .into_iter()
        .zip(wanted)
        .filter_map(|((index, value), (_, side))| {
            let edit = plan.entries[index].place()?;
            let why = match value {
                Ok(value) if edit.side(&value) == side => return None,
                Ok(value) => match edit.side(&value) {
                    Side::Before => "it holds what it held before somebody changed it".to_owned(),
                    Side::After => "it holds the new value".to_owned(),
                    Side::Mixed => "it holds a part of the change".to_owned(),
                    Side::Foreign => "somebody else wrote there".to_owned(),
                },
                Err(why) => format!("it cannot be read: {why}"),
            };
            Some(format!(
                "`{}` is not as before: {why}",
                plan.entries[index].id
            ))
        });
    told.collect()
}

/// What speaks against putting back a run.
enum Obstacle {
    /// It is not begun: what is seen now would stop it, or it would lose what it should not.
    Refuses(String),
    /// It is begun, and would not come to its end.
    Holds(String),
}

/// Looks at what will be put back and at the old side, and shows it. What was seen is judged: nothing is begun that it
/// shows cannot be finished, unless somebody says `--anyway`.
async fn show(
    desk: &Desk,
    run: &Run,
    records: &[Record],
    anyway: bool,
) -> Result<Option<Obstacle>, Failure> {
    let tally = Tally::of(records);
    let Some(plan) = tally.plan() else {
        return Ok(None);
    };
    // What a living run holds changes while it is looked at; whether its old side serves does not depend on that.
    let alive = run.writer.is_some();
    let finished = matches!(tally.ending(), Some(Ending::Done | Ending::DoneUnproven));
    let standing = tally.entries_to_put_back();
    let entries = match alive {
        true => Vec::new(),
        false => standing.clone(),
    };
    let by_hand: Vec<(usize, Round)> = (0..plan.entries.len())
        .filter(|entry| plan.entries[*entry].by_hand)
        .map(|entry| (entry, Round::Verify))
        .collect();
    let actual = desk.actual(&Arc::new(book_of(desk, plan)?));
    let moved = finished || tally.is_in_doubt();
    let landing = may_land(records);
    // Where nothing goes back, the old side is not asked whether it is ready for that.
    let ahead = async {
        match standing.is_empty() {
            true => Ahead::default(),
            false => look_ahead(plan, &actual, &entries, &landing, moved).await,
        }
    };
    let (ahead, by_hand, mut at_rest) = tokio::join!(
        ahead,
        look_once_more(plan, &actual, baseline(records), &by_hand, Duration::MAX),
        not_as_it_was(plan, &actual, &tally, alive),
    );
    actual.site.exec.close().await;
    let mut foreign = ahead.foreign(plan, |entry| tally.is_torn(entry));
    let led_again = standing.is_empty() && !at_rest.is_empty();
    foreign.append(&mut at_rest);
    let (unreadable, sick) = (ahead.unreadable(plan), ahead.sick(plan));
    // What was left on the way there stays, and the rest would go back without it.
    let left = tally.entries_left_there().into_iter().map(|entry| {
        let id = &plan.entries[entry].id;
        format!("`{id}` was left as it is, as a person accepted: a rollback does not put it back")
    });
    let theirs = ahead.places.iter().filter_map(|place| {
        let side = *place.side.as_ref().ok()?;
        let why = tally.doubt(place.entry, side)?;
        (why == REFUSED_AND_SO).then(|| format!("`{}`: {why}", plan.entries[place.entry].id))
    });
    let foreign: Vec<String> = foreign.into_iter().chain(left).chain(theirs).collect();
    let obstacles = [&foreign[..], &unreadable, &sick].concat();
    let to_others = (tally.entries_left_to_others().into_iter()).map(|entry| {
        let id = &plan.entries[entry].id;
        format!("`{id}` was so already, and was left to others")
    });
    let to_others: Vec<String> = to_others.collect();
    // What a person moved is no business of a rollback, and is not as it was before until a person moves it back.
    let by_hand: Vec<&Fact> = (by_hand.iter())
        .flat_map(|(_, finding)| &finding.facts)
        .filter(|fact| is_astray(fact))
        .collect();
    let places = ahead.places.iter().map(|place| seen(place, &tally));
    let places: Vec<SeenPlace> = places.collect();
    match desk.format {
        Format::Json => {
            let unlooked = (standing.iter().filter(|_| alive)).map(|entry| {
                let entry = &plan.entries[*entry];
                serde_json::json!({
                    "entry": entry.id,
                    "nature": entry.nature,
                    "now": null,
                    "unseen": "not looked at: the run is alive, and what it holds may change",
                })
            });
            let places = ahead.places.iter().map(|place| {
                let doubt = doubt(place, &tally);
                let entry = &plan.entries[place.entry];
                serde_json::json!({
                    "entry": entry.id,
                    "nature": entry.nature,
                    "now": place.side.as_ref().ok().filter(|_| doubt.is_none()),
                    "unseen": place.side.as_ref().err().map(String::as_str).or(doubt),
                    "foreign": place.foreign,
                    "may-land-until": place.lands.as_ref().map(|until| until.wall),
                })
            });
            let line = json_line(&serde_json::json!({
                "rollback": run.id,
                "playbook": plan.playbook,
                "alive": run.writer.as_ref().map(ToString::to_string),
                "puts-back": places.chain(unlooked).collect::<Vec<_>>(),
                "obstacles": obstacles.iter().chain(&to_others).collect::<Vec<_>>(),
                "by-hand": by_hand,
            }));
            desk.print_text(&format!("{}\n", line.unwrap_or_default()));
        }
        _ => {
            let seen = SeenNow {
                places: &places,
                gates: &ahead.gates,
                led_again,
                by_hand: &by_hand,
            };
            desk.print(&report::rollback(&run.id, &tally, seen, &desk.style()));
            if let Some(writer) = &run.writer {
                desk.print_text(&format!(
                    "The run is alive ({writer}): what it holds may change and was not looked at; it is told to go back.\n"
                ));
            }
            desk.print_text("\n");
        }
    }
    if obstacles.is_empty() {
        // All that the run changed goes back, and that is no end of it.
        let held = (!to_others.is_empty()).then(|| {
            let why = to_others.join("; ");
            Obstacle::Holds(format!(
                "a rollback would put back what the run changed, and end with 6: {why}; nothing was touched"
            ))
        });
        return Ok(held);
    }
    let why = obstacles.join("; ");
    // Only what is read and what somebody else wrote holds it: whoever says `--anyway` answers for the old side.
    let held = !(foreign.is_empty() && unreadable.is_empty());
    let why = match held {
        true => format!("a rollback would be held: {why}; nothing was touched"),
        false => format!("the old side is not ready: {why}; nothing was touched"),
    };
    // A living run is told all the same, and waits for its old side.
    if anyway || alive {
        return Ok((held || !anyway).then_some(Obstacle::Holds(why)));
    }
    let mut next = Vec::new();
    if finished || !sick.is_empty() || !unreadable.is_empty() {
        next.push("mend it and try again".to_owned());
    }
    let goes = match (foreign.is_empty(), unreadable.is_empty(), sick.is_empty()) {
        (true, true, _) => "goes back all the same",
        (false, true, true) => "puts back all the rest, and leaves that as it is",
        (false, true, false) => "puts back all the rest all the same, and leaves that as it is",
        (_, false, _) => "begins all the same, and is held at what cannot be read",
    };
    let anyway = desk.to_type(&format!("rollback {} --anyway", run.id));
    next.push(format!("{anyway} {goes}"));
    if (finished || led_again) && sick.is_empty() {
        let source = &plan.direction.source;
        let home = desk.names(run).planning_back(source);
        next.push(format!("`{home}` shows whether a failover leads home"));
    }
    let next = next.join("; ");
    let why = format!("{why}. Next: {next}");
    Ok(Some(Obstacle::Refuses(why)))
}

fn doubt(place: &PlaceNow, tally: &Tally) -> Option<&'static str> {
    let side = *place.side.as_ref().ok()?;
    tally.doubt(place.entry, side)
}

fn seen<'a>(place: &'a PlaceNow, tally: &Tally) -> SeenPlace<'a> {
    SeenPlace {
        entry: place.entry,
        side: &place.side,
        foreign: &place.foreign,
        torn: tally.is_torn(place.entry),
        doubt: doubt(place, tally),
        lands: place.lands.as_ref(),
    }
}
