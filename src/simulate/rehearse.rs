//! Every single fault, and pairs, through the real loop; held against what the model says of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::disk::Severed;
use super::fault::{Script, Twist};
use super::model::Model;
use super::perform::{Parts, Performance, Performer, Print, Real, is_dry};
use super::property::Property;
use super::rules::Machine;
use super::timing::{Clocked, Times};
use super::walk::{Walk, points, points_after, walk};
use crate::event::Ending;

/// What the real loop was put through, and what came of it.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// How many lives of a run were performed.
    pub performed: u64,
    /// How each life with one fault ended.
    pub singles: Vec<(Twist, Option<Ending>)>,
    pub found: Vec<Found>,
    pub times: Times,
}

/// A property that does not hold in the real loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub property: Property,
    pub script: Script,
    /// What was seen instead.
    pub seen: String,
}

/// Who is told how far a rehearsal is.
pub trait Watch: Sync {
    /// So many lives are going to be performed.
    fn expects(&self, lives: u64);

    /// One more was performed.
    fn performed(&self);
}

/// Nobody is.
impl Watch for () {
    fn expects(&self, _lives: u64) {}

    fn performed(&self) {}
}

/// How many findings of one property are kept of all pairs: they are many millions where a long playbook breaks
/// in each of them.
const KEPT: usize = 3;

/// One life to be performed.
#[derive(Clone, Debug)]
struct Part {
    script: Script,
    severed: Option<Severed>,
}

/// Performs every single fault, and with `pairs` every second one behind it.
///
/// What `print` makes of a run must hold no secret. All of it happens in threads of its own, and may be asked for
/// in the midst of a runtime.
pub fn rehearse(
    model: &Arc<Model>,
    pairs: bool,
    print: Print,
    watch: &dyn Watch,
) -> std::io::Result<Rehearsal> {
    rehearse_with(model, pairs, &Real { print }, watch)
}

/// The same with parts of a run that may have a planted defect.
pub(super) fn rehearse_with<P>(
    model: &Arc<Model>,
    pairs: bool,
    parts: &P,
    watch: &dyn Watch,
) -> std::io::Result<Rehearsal>
where
    P: Parts + Clone + Send + Sync,
{
    thread::scope(|scope| {
        joined(
            scope
                .spawn(|| rehearse_here(model, pairs, parts, watch))
                .join(),
        )
    })
}

/// A worker that panicked has shown its message; its share is missing, and that is an error.
fn joined<T>(done: thread::Result<std::io::Result<T>>) -> std::io::Result<T> {
    done.unwrap_or_else(|_| Err(std::io::Error::other("a worker of the rehearsal panicked")))
}

fn rehearse_here<P>(
    model: &Arc<Model>,
    pairs: bool,
    parts: &P,
    watch: &dyn Watch,
) -> std::io::Result<Rehearsal>
where
    P: Parts + Clone + Send + Sync,
{
    let performer = Performer::with(parts.clone())?;
    let usual = performer.perform(model, &Script::default());
    let singles = points(model, &Machine);
    let mut cast = vec![Part {
        script: Script::default(),
        severed: None,
    }];
    cast.extend(singles.iter().map(|twist| Part {
        script: Script(vec![*twist]),
        severed: None,
    }));
    let counted = cast.len();
    // A dry run has no journal on a disk.
    if !is_dry(&model.plan) {
        let cut = usual.severances().map(|(at, twist)| (at, Some(twist)));
        cast.extend(cut.chain(usual.full_disks()).map(|(severed, twist)| Part {
            script: Script(twist.into_iter().collect()),
            severed: Some(severed),
        }));
    }
    // Pairs are too many to be listed: what can follow a fault is found out anew when its turn has come.
    let firsts = if pairs { &singles[..] } else { &[] };
    let seconds = |first: &Twist| points_after(model, &Machine, &Script(vec![*first]));
    let behind = on_all_cores(firsts.len(), parts, |_, i| long(seconds(&firsts[i]).len()))?;
    let performed = long(cast.len()) + behind.iter().sum::<u64>();
    watch.expects(performed);
    let perform = |performer: &Performer<P>, part: &Part| {
        let life = life(performer, model, part);
        watch.performed();
        life
    };
    let lives = on_all_cores(cast.len(), parts, |performer, i| {
        perform(performer, &cast[i])
    })?;
    let paired = on_all_cores(firsts.len(), parts, |performer, i| {
        let scripts = (seconds(&firsts[i]).into_iter()).map(|second| Part {
            script: Script(vec![firsts[i], second]),
            severed: None,
        });
        some_of_each(scripts.flat_map(|part| perform(performer, &part).found))
    })?;
    let mut rehearsal = Rehearsal {
        performed,
        singles: Vec::new(),
        found: Vec::new(),
        times: Times::of(
            &model.plan,
            lives[..counted].iter().map(|life| &life.clocked),
        ),
    };
    rehearsal.singles = singles
        .into_iter()
        .zip(lives[1..].iter().map(|life| life.clocked.ending))
        .collect();
    rehearsal.found = lives.into_iter().flat_map(|life| life.found).collect();
    let paired = some_of_each(paired.into_iter().flatten());
    rehearsal.found.extend(paired);
    Ok(rehearsal)
}

fn long(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The first few of each property, in the same order.
fn some_of_each(all: impl Iterator<Item = Found>) -> Vec<Found> {
    let mut kept: Vec<Found> = Vec::new();
    for found in all {
        let same = kept.iter().filter(|one| one.property == found.property);
        if same.count() < KEPT {
            kept.push(found);
        }
    }
    kept
}

/// Does `work` for each number below `count`, on as many cores as there are; the results are in order.
fn on_all_cores<P, T>(
    count: usize,
    parts: &P,
    work: impl Fn(&Performer<P>, usize) -> T + Sync,
) -> std::io::Result<Vec<T>>
where
    P: Parts + Clone + Send + Sync,
    T: Send,
{
    let next = AtomicUsize::new(0);
    let worker = || -> std::io::Result<Vec<(usize, T)>> {
        let performer = Performer::with(parts.clone())?;
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= count {
                return Ok(done);
            }
            done.push((i, work(&performer, i)));
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let mut all = Vec::with_capacity(count);
    thread::scope(|scope| {
        let others: Vec<_> = (1..workers.min(count))
            .map(|_| scope.spawn(worker))
            .collect();
        all.extend(worker()?);
        for other in others {
            all.extend(joined(other.join())?);
        }
        Ok::<_, std::io::Error>(())
    })?;
    all.sort_by_key(|(i, _)| *i);
    Ok(all.into_iter().map(|(_, done)| done).collect())
}

/// What is kept of one performance.
struct Life {
    clocked: Clocked,
    found: Vec<Found>,
}

fn life<P: Parts>(performer: &Performer<P>, model: &Arc<Model>, part: &Part) -> Life {
    let said = walk(model, &Machine, &part.script);
    let performance = match part.severed {
        None => performer.perform(model, &part.script),
        severed => performer.cut(model, &Script::default(), severed),
    };
    let lapses = performance.lapses.iter().map(|lapse| Found {
        property: lapse.property,
        script: part.script.clone(),
        seen: lapse.what.clone(),
    });
    let differs = difference(model, &said, &performance).map(|seen| Found {
        property: Property::Agreement,
        script: part.script.clone(),
        seen,
    });
    Life {
        found: lapses.chain(differs).collect(),
        clocked: Clocked::of(&model.plan, part.script.clone(), &performance),
    }
}

/// In what the real loop differs from the model, in one line; of a script that cannot happen nothing is said.
pub fn difference(model: &Model, said: &Walk, performed: &Performance) -> Option<String> {
    let entries = &model.plan.entries;
    if !said.unused.is_empty() {
        return None;
    }
    if said.ending != performed.ending {
        let word = |ending: Option<Ending>| match ending {
            Some(ending) => format!("{ending:?}"),
            None => "without an end".to_owned(),
        };
        return Some(format!(
            "the model ends it {}, and the real loop {}",
            word(said.ending),
            word(performed.ending)
        ));
    }
    let sides = said.last.ground.sides();
    let differs = |i: &usize| {
        (entries[*i].writes() || entries[*i].has_place()) && sides[*i] != performed.sides[*i]
    };
    (0..entries.len()).find(differs).map(|i| {
        format!(
            "in the model `{}` is {:?} in the end, and in the real loop {:?}",
            entries[i].id, sides[i], performed.sides[i]
        )
    })
}
