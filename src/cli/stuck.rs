//! Runs that have not come to an end, with changes of theirs standing: held, stopped, or cut off.

mod debts;
mod gone_over;
mod places;

use super::common::Desk;
use super::forgotten::{Left, Newer};
use super::inbox::unheard;
use super::over::{Takers, is_nothing_left, took_over};
use super::stays::tally_now;
use super::whose::{Same, Whose};
use crate::engine::{ANYWAY, may_turn_back};
use crate::event::{Ending, Event, Owed, Record};
use crate::journal::{self, Damaged, JournalError, Listed, Run};
use crate::machine::{Hold, State};
use crate::plan::{Mode, Outcome, Plan, Value};
use crate::report::{CUT_OFF, Tally};
use crate::store::Store;
use places::{Places, is_as_before_now, look, look_at_put_back};

pub(super) use debts::came_back_in_part;
pub(super) use gone_over::named_parts;
pub(super) use places::{baseline, lands};

/// A run that waits for a person.
pub(super) struct Stuck {
    pub run: Run,
    /// Something that it changed stands or may stand, or may still be written.
    pub stands: bool,
    /// Only what others wrote is not as before, and a person left it to them.
    pub theirs: bool,
    /// A place of it could not be read.
    pub unread: bool,
    /// What it is: `run x (drill) was stopped on its way back, changes stand`.
    pub what: String,
    /// The site that is active, where all that it changed tells the same.
    pub site: Option<String>,
    /// The words to type.
    pub how: String,
    /// What it owes where that is not its end, and can be said to stay.
    pub debt: Option<Debt>,
}

/// One thing that a run owes and did not say itself.
pub(super) struct Debt {
    pub key: String,
    /// What its places hold, where all of them could be read.
    pub holds: Option<Value>,
}

impl Stuck {
    pub(super) fn owed(&self) -> Owed {
        let what = match &self.site {
            Some(site) => format!("{}: {site} is active", self.what),
            None => self.what.clone(),
        };
        Owed {
            key: (self.debt.as_ref())
                .map_or_else(|| format!("end {}", self.run.id), |debt| debt.key.clone()),
            what,
            how: self.how.clone(),
        }
    }
}

/// A run of which nobody can tell what it left.
pub(super) struct Untold {
    pub run: Damaged,
    /// It began to write, and came to no end.
    pub open: bool,
}

impl Untold {
    fn of(run: Run, open: bool, why: &JournalError) -> Untold {
        Untold {
            open,
            run: Damaged {
                why: why.to_string(),
                id: run.id,
                writer: run.writer,
            },
        }
    }
}

/// What earlier runs have left open.
#[derive(Default)]
pub(super) struct Waiting {
    pub stuck: Vec<Stuck>,
    pub untold: Vec<Untold>,
    /// There is no run at all.
    pub nothing_ran: bool,
}

/// The runs of a playbook, or of all, that wait for a person; and those of which it cannot be told. Their places are
/// looked at: a run waits until each of them is seen to hold what it held before, and nothing of it can land any more;
/// then it wants to be ended all the same.
pub(super) async fn stuck(
    desk: &Desk,
    store: &dyn Store,
    whose: Option<&Whose>,
) -> Result<Waiting, JournalError> {
    find(desk, store, whose, true).await
}

/// The same, as their journals tell.
pub(super) async fn stuck_as_recorded(
    desk: &Desk,
    store: &dyn Store,
    whose: Option<&Whose>,
) -> Result<Waiting, JournalError> {
    find(desk, store, whose, false).await
}

async fn find(
    desk: &Desk,
    store: &dyn Store,
    whose: Option<&Whose>,
    looks: bool,
) -> Result<Waiting, JournalError> {
    let Listed { runs, damaged } = journal::list(store).await?;
    let nothing_ran = runs.is_empty() && damaged.is_empty();
    // Of whose playbook they are cannot be told either.
    let damaged = damaged.into_iter().filter(may_have_written);
    let untold = damaged.map(|run| Untold { run, open: false });
    let mut waiting = Waiting {
        nothing_ran,
        stuck: Vec::new(),
        untold: untold.collect(),
    };
    let takers = Takers::of(&runs);
    let mut newer = Newer::default();
    let mut lefts: Vec<Whose> = Vec::new();
    for run in runs {
        let (open, owes) = (is_open(&run), owes_in_silence(&run));
        if !open && !owes && !took_over(&run) {
            continue;
        }
        if let Some(whose) = whose
            && whose.is_of(store, &run).await == Same::No
        {
            continue;
        }
        let over = takers.over(store, &run).await;
        let left = match newer.left_of(store, &run, &over).await {
            Ok(left) => left,
            Err(why) => {
                waiting.untold.push(Untold::of(run, open, &why));
                continue;
            }
        };
        newer.take_in(&run);
        let nothing = match over.is_empty() {
            true => !owes,
            false => left.is_empty(),
        };
        if !open && nothing {
            continue;
        }
        match journal::read(store, &run.id).await {
            Ok(records) => {
                let stuck = match open {
                    true => open_run(desk, store, run, &records, (&over, left), looks).await?,
                    false if over.is_empty() => debts::of_ended(desk, run, &records, looks).await,
                    false => {
                        let tally = tally_now(desk, &records, looks).await;
                        gone_over::debts(desk, &run, &tally, left, looks).await
                    }
                };
                for stuck in stuck {
                    // The newest that left something to others says how it is now.
                    if stuck.theirs {
                        let mut told = false;
                        for whose in &lefts {
                            told |= whose.is_of(store, &stuck.run).await == Same::Yes;
                        }
                        if told {
                            continue;
                        }
                        lefts.push(Whose::run(store, &stuck.run).await);
                    }
                    waiting.stuck.push(stuck);
                }
            }
            Err(why) if open || !over.is_empty() => {
                waiting.untold.push(Untold::of(run, open, &why));
            }
            // Whoever lists what is owed says that it cannot be read.
            Err(_) => {}
        }
    }
    Ok(waiting)
}

/// A run that has not come to its end; `over` went over it since, and has nothing to do with what it `left`.
async fn open_run(
    desk: &Desk,
    store: &dyn Store,
    run: Run,
    records: &[Record],
    (over, left): (&[&Run], Vec<Left>),
    looks: bool,
) -> Result<Vec<Stuck>, JournalError> {
    let tally = tally_now(desk, records, looks).await;
    if !over.is_empty() && is_nothing_left(desk, &run, records) {
        return Ok(gone_over::debts(desk, &run, &tally, left, looks).await);
    }
    let wish = match may_turn_back(records) {
        true => unheard(store, &run.id, run.writer.as_ref()).await?,
        false => None,
    };
    let alive = run.writer.is_some();
    let stuck = match of(desk, run.clone(), records, &tally, looks).await {
        None if !alive => match debts::left(desk, run.clone(), &tally, looks).await {
            None => debts::sick(desk, run, &tally, records, looks).await,
            left => left,
        },
        stuck => stuck,
    };
    let stuck = stuck.map(|mut stuck| {
        stuck.what.extend(wish.map(|wish| format!(" ({wish})")));
        if let (Some(newer), false) = (over.first(), alive) {
            stuck.how = format!(
                "run {} went over it and stays: look again when nothing of it can land any more",
                newer.id
            );
        }
        stuck
    });
    Ok(stuck.into_iter().collect())
}

/// Whether a run that has come to its end may owe what a monitoring system is told of: a place that was left to others,
/// an old side that was not seen to serve, or a drill that remains at the other side.
fn owes_in_silence(run: &Run) -> bool {
    let owes = run.summary.as_ref().is_some_and(|summary| {
        let owes = match summary.ending {
            // What was said to stay may hold something else by now.
            Some(Ending::DoneUnproven) => true,
            Some(Ending::Undone) => summary.owed.is_some_and(|owed| owed > 0),
            _ => false,
        };
        summary.wrote && owes
    });
    owes && !matches!(run.meta.mode, Mode::Check | Mode::Plan)
}

/// Whether a run may have written something and has not come to its end, as far as its row in the list tells.
pub(super) fn is_open(run: &Run) -> bool {
    let open = run.summary.as_ref().is_some_and(|summary| {
        summary.wrote && matches!(summary.ending, None | Some(Ending::Held | Ending::Stopped))
    });
    open && !matches!(run.meta.mode, Mode::Check | Mode::Plan)
}

/// Whether a run that cannot be read is one that changes things: its id says what kind it is.
pub(super) fn may_have_written(run: &Damaged) -> bool {
    ![Mode::Check, Mode::Plan]
        .iter()
        .any(|mode| run.id.contains(&format!("-{mode}-")))
}

async fn of(
    desk: &Desk,
    run: Run,
    records: &[Record],
    tally: &Tally,
    looks: bool,
) -> Option<Stuck> {
    let plan = tally.plan()?;
    let alive = run.writer.is_some();
    // A living run that is not held is on its way, or stays on the other side as it should.
    let hold = held(plan, records);
    let frozen = (run.writer.as_ref()).filter(|writer| writer.is_frozen());
    if alive && hold.is_none() && frozen.is_none() {
        return None;
    }
    let cut_off = format!("was {CUT_OFF}");
    let why = match (alive, tally.ending()) {
        (true, _) if frozen.is_some() => {
            "does not run: somebody stopped its process (SIGSTOP or Ctrl-Z)"
        }
        (true, _) | (_, Some(Ending::Held)) => "is held",
        (_, Some(Ending::Stopped)) => "was stopped",
        _ => cut_off.as_str(),
    };
    let back = tally.is_on_its_way_back();
    let stands = tally.anything_stands();
    if !stands && why != "is held" && tally.never_stood() {
        return None;
    }
    let left = tally.is_left_to_others();
    if left && !alive && tally.ending().is_some() && tally.is_to_stay() {
        return None;
    }
    let Places {
        stands,
        what,
        one_side,
        ours,
        unread,
        foreign,
    } = match (stands, looks) {
        (false, true) if !alive => look_at_put_back(desk, plan, tally).await,
        (false, _) => Places::nothing_stands(),
        (true, false) if left => Places::left_to_others(),
        (true, false) => Places {
            // Where what led there already is not seen to, the names are mixed.
            one_side: tally
                .looks_at_what_was_so()
                .all(|seen| seen <= Outcome::Warn),
            ..Places::as_recorded()
        },
        // A living run that is held writes nothing.
        (true, true) => look(desk, plan, tally, records).await,
    };
    // What others hold is not ours; that it is not as before is told until it is, or a newer run goes over it.
    let theirs = left && !ours && !alive;
    if theirs && !stands {
        return None;
    }
    let mut what = what;
    if looks && !alive && !stands && !left && is_as_before_now(desk, plan, tally, records).await {
        // Whoever resumes it looks itself, and ends it.
        what = Places::as_before().what;
    }
    let id = &run.id;
    // What others hold refuses a rollback that is told no more.
    let rollback = match foreign || tally.rollback_leaves().is_some() {
        true => format!("`cutover rollback {id} --anyway`"),
        false => format!("`cutover rollback {id}`"),
    };
    let how = match alive {
        true if frozen.is_some() => {
            let pid = frozen.map_or(0, |writer| writer.pid);
            format!("`kill -CONT {pid}` lets it go on")
        }
        false if left => format!("set it by hand; `cutover show {id}` tells what it was"),
        false if stands && unread && tally.entries_to_put_back().is_empty() => {
            format!("`cutover resume {id}` looks again, once it can be read")
        }
        // What was put back is not written again.
        false if stands && ours && tally.entries_to_put_back().is_empty() => format!(
            "`cutover failover {} --to {}` leads home; `cutover resume {id}` looks again",
            desk.playbook_to_type(&run),
            plan.home()
        ),
        true => {
            // Said plainly from elsewhere, it is no answer to these.
            let anyway = match hold.is_some_and(|hold| ANYWAY.contains(&hold)) {
                true => " --anyway",
                false => "",
            };
            format!(
                "answer it where it runs, or from here: `cutover resume {id}` looks again, `cutover rollback \
                 {id}{anyway}` puts it back; `cutover show --follow {id}` follows it"
            )
        }
        false if back && stands && tally.may_remain() => {
            format!(
                "`cutover resume {id}`, which goes on putting it back, `cutover rollback {id} --anyway`, or `cutover resume \
                 {id} --stay`, which lets it remain where it is"
            )
        }
        // Where nobody else wrote, both are refused as long as the old side does not serve.
        false if back && stands => format!(
            "`cutover resume {id}`, which goes on putting it back, or {rollback}; where {} does not serve, \
             `cutover failover {} --emergency --to {}` takes over",
            plan.direction.source,
            desk.playbook_to_type(&run),
            plan.direction.target
        ),
        false => format!("`cutover resume {id}` or {rollback}"),
    };
    Some(Stuck {
        stands: stands && !theirs,
        theirs,
        unread,
        what: match back && stands && !left && frozen.is_none() {
            true => format!("run {id} ({}) {why} on its way back, {what}", run.meta.mode),
            false => format!("run {id} ({}) {why}, {what}", run.meta.mode),
        },
        site: one_side
            .then(|| tally.active_site().map(str::to_owned))
            .flatten(),
        how,
        debt: None,
        run,
    })
}

fn held(plan: &Plan, records: &[Record]) -> Option<Hold> {
    let events = records.iter().map(|record| &record.event);
    let events = events.filter(|event| !matches!(event, Event::Ended { .. }));
    State::of(plan, events).ok()?.held()
}
