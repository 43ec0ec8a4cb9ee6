//! What earlier runs have to say before a new one may begin.

use super::Exit;
use super::common::{Desk, Failure};
use super::over::{Takers, is_nothing_left};
use super::stuck::{is_open, may_have_written};
use super::whose::{Same, Whose};
use crate::event::{Event, Record};
use crate::journal::{self, Listed, Run};
use crate::plan::{Mode, Plan};
use crate::report::{First, Tally};
use crate::store::{Liveness, Store};

/// A run that must end before another one may begin, or whose end nobody can tell.
pub(super) struct Unfinished {
    pub failure: Failure,
    pub first: First,
    /// It is of the playbook that is to run.
    pub own: bool,
    /// Its id and where it led, where it has not come to its end.
    led: Option<(String, String)>,
}

impl Unfinished {
    /// Whether a run of this mode does not begin before that one has ended: an emergency goes over what the dead have
    /// left, and over no lock.
    pub(super) fn stops(&self, mode: Mode) -> bool {
        mode != Mode::Emergency || matches!(self.first, First::Alive(_))
    }
}

/// An earlier run that was cut off or stopped with changes must be finished first: a new plan would take what
/// it left for the state to come back to, and a write of it may still land. Of a run that cannot be read nobody can
/// tell that it left nothing. `whose` is the playbook that is to run.
pub(super) async fn of_this(
    desk: &Desk,
    store: &dyn Store,
    whose: &Whose,
) -> Result<Option<Unfinished>, Failure> {
    let Listed { runs, damaged } = journal::list(store).await?;
    let takers = Takers::of(&runs);
    for run in runs.into_iter().filter(is_open) {
        if whose.is_of(store, &run).await == Same::No {
            continue;
        }
        let over = !takers.over(store, &run).await.is_empty();
        match journal::read(store, &run.id).await {
            Ok(records) if over && is_nothing_left(desk, &run, &records) => {}
            Ok(records) if Tally::of(&records).can_go_back() => {
                return Ok(Some(in_the_way(desk, &run, "this playbook", true)));
            }
            Ok(_) => {}
            Err(why) => {
                let what = "began to write and has not come to an end, and what stands of it cannot be told";
                return Ok(Some(unreadable(&run.id, what, &why.to_string())));
            }
        }
    }
    let first = damaged.iter().find(|one| may_have_written(one));
    Ok(first.map(|one| {
        let what =
            "cannot be read, so that nobody can tell whether it changed the same and is finished";
        unreadable(&one.id, what, &one.why)
    }))
}

/// The same for a run that changes what `plan` changes, whatever its playbook: a living one holds the lock that the
/// plan would ask for; the locks of the others are gone with their processes, and their journals tell.
pub(super) async fn of_another(
    desk: &Desk,
    store: &dyn Store,
    whose: &Whose,
    plan: &Plan,
) -> Result<Option<Unfinished>, Failure> {
    let locks = store.locks().await?;
    let held = (locks.into_iter())
        .find(|held| plan.locks.contains(&held.scope) && held.holder.liveness() != Liveness::Dead);
    if let Some(held) = held {
        let mut own = false;
        for run in journal::runs(store).await? {
            own |= run.id == held.run && whose.is_of(store, &run).await == Same::Yes;
        }
        let follow = desk.to_type(&format!("show --follow {}", held.run));
        return Ok(Some(Unfinished {
            failure: Failure::new(Exit::Busy, format!("{held}; follow it with {follow}")),
            first: First::Alive(held.run),
            own,
            led: None,
        }));
    }
    let runs = journal::runs(store).await?;
    let takers = Takers::of(&runs);
    for run in runs.into_iter().filter(is_open) {
        if run.writer.is_some() || whose.is_of(store, &run).await != Same::No {
            continue;
        }
        let over = !takers.over(store, &run).await.is_empty();
        let Ok(records) = journal::read(store, &run.id).await else {
            continue;
        };
        if over && is_nothing_left(desk, &run, &records) {
            continue;
        }
        if changes_the_same(&records, plan) && Tally::of(&records).can_go_back() {
            let playbook = &run.meta.playbook;
            let playbook = format!("the playbook `{playbook}`, which changes the same,");
            return Ok(Some(in_the_way(desk, &run, &playbook, false)));
        }
    }
    Ok(None)
}

/// Why an emergency without a word of where it shall go does not begin: the same line, typed once more, would lead back to
/// the side that an emergency left, whether that has come to its end or not. `to` is where somebody said that it shall go.
pub(super) async fn turns_round(
    desk: &Desk,
    store: &dyn Store,
    whose: &Whose,
    earlier: Option<&Unfinished>,
    (mode, to): (Mode, Option<&str>),
    plan: &Plan,
) -> Result<Option<Failure>, Failure> {
    if mode != Mode::Emergency || to.is_some() {
        return Ok(None);
    }
    let target = &plan.direction.target;
    let led = earlier.and_then(|earlier| earlier.led.as_ref());
    if let Some((run, led)) = led.filter(|(_, led)| led != target) {
        let message = format!(
            "run `{run}` of this playbook led to {led} and has not come to an end, and this would lead from there to {target}: \
             say which side is meant, with `--to {led}` or `--to {target}`; or {} goes on with it",
            desk.to_type(&format!("resume {run}")),
        );
        return Ok(Some(Failure::new(Exit::Busy, message)));
    }
    let takers = Takers::of(&journal::runs(store).await?);
    let left =
        |run: &&Run| run.meta.mode == Mode::Emergency && run.meta.direction.source == *target;
    let fled = takers.newest(store, whose).await.filter(left);
    Ok(fled.map(|run| {
        let message = format!(
            "run `{}` left {target} in an emergency, and this would lead back there: where that is meant, say `--to {target}`",
            run.id
        );
        Failure::new(Exit::Busy, message)
    }))
}

fn in_the_way(desk: &Desk, run: &Run, whose: &str, own: bool) -> Unfinished {
    let id = &run.id;
    let message = match &run.writer {
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
    Unfinished {
        failure: Failure::new(Exit::Busy, message),
        first: match run.writer {
            Some(_) => First::Alive(id.clone()),
            None => First::Unfinished(id.clone()),
        },
        own,
        led: Some((id.clone(), run.meta.direction.target.clone())),
    }
}

fn unreadable(id: &str, what: &str, why: &str) -> Unfinished {
    let message = format!(
        "run `{id}` {what}: {why}. Look at what it was to change, and put that right by hand; then restore a copy of the \
         state folder, or keep it and choose another one with `--state`"
    );
    Unfinished {
        failure: Failure::new(Exit::Refused, message),
        first: First::Unreadable(id.to_owned()),
        own: false,
        led: None,
    }
}

/// Whether a run locked anything that a plan locks, beside the name of its playbook.
fn changes_the_same(records: &[Record], plan: &Plan) -> bool {
    match records.first().map(|record| &record.event) {
        Some(Event::Started { plan: other, .. }) => (other.locks.iter())
            .any(|lock| !lock.starts_with("playbook ") && plan.locks.contains(lock)),
        _ => false,
    }
}
