//! Every single fault, and pairs, through the real loop; held against what the model says of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::disk::Severed;
use super::fault::{Script, Twist};
use super::model::Model;
use super::perform::{Parts, Performance, Performer, Print, Real};
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
pub fn rehearse(model: &Arc<Model>, pairs: bool, print: Print) -> std::io::Result<Rehearsal> {
    rehearse_with(model, pairs, &Real { print })
}

/// The same with parts of a run that may have a planted defect.
pub(super) fn rehearse_with<P>(
    model: &Arc<Model>,
    pairs: bool,
    parts: &P,
) -> std::io::Result<Rehearsal>
where
    P: Parts + Clone + Send + Sync,
{
    thread::scope(|scope| joined(scope.spawn(|| rehearse_here(model, pairs, parts)).join()))
}

/// A worker that panicked has shown its message; its share is missing, and that is an error.
fn joined<T>(done: thread::Result<std::io::Result<T>>) -> std::io::Result<T> {
    done.unwrap_or_else(|_| Err(std::io::Error::other("a worker of the rehearsal panicked")))
}

fn rehearse_here<P>(model: &Arc<Model>, pairs: bool, parts: &P) -> std::io::Result<Rehearsal>
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
    cast.extend(usual.severances().map(|(severed, twist)| Part {
        script: Script(vec![twist]),
        severed: Some(severed),
    }));
    if pairs {
        for first in &singles {
            let one = Script(vec![*first]);
            let seconds = points_after(model, &Machine, &one);
            cast.extend(seconds.into_iter().map(|second| Part {
                script: Script(vec![*first, second]),
                severed: None,
            }));
        }
    }
    let lives = perform_all(model, &cast, parts)?;
    let mut rehearsal = Rehearsal {
        performed: u64::try_from(lives.len()).unwrap_or(u64::MAX),
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
    Ok(rehearsal)
}

/// What is kept of one performance.
struct Life {
    clocked: Clocked,
    found: Vec<Found>,
}

/// Performs all of them, on as many cores as there are; in the same order as given.
fn perform_all<P>(model: &Arc<Model>, cast: &[Part], parts: &P) -> std::io::Result<Vec<Life>>
where
    P: Parts + Clone + Send + Sync,
{
    let next = AtomicUsize::new(0);
    let work = || -> std::io::Result<Vec<(usize, Life)>> {
        let performer = Performer::with(parts.clone())?;
        let mut done = Vec::new();
        while let Some((i, part)) = {
            let i = next.fetch_add(1, Ordering::Relaxed);
            cast.get(i).map(|part| (i, part))
        } {
            done.push((i, life(&performer, model, part)));
        }
        Ok(done)
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let mut lives = Vec::with_capacity(cast.len());
    thread::scope(|scope| {
        let others: Vec<_> = (1..workers.min(cast.len()))
            .map(|_| scope.spawn(work))
            .collect();
        lives.extend(work()?);
        for other in others {
            lives.extend(joined(other.join())?);
        }
        Ok::<_, std::io::Error>(())
    })?;
    lives.sort_by_key(|(i, _)| *i);
    Ok(lives.into_iter().map(|(_, life)| life).collect())
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
    let differs = |i: &usize| entries[*i].writes() && sides[*i] != performed.sides[*i];
    (0..entries.len()).find(differs).map(|i| {
        format!(
            "in the model `{}` is {:?} in the end, and in the real loop {:?}",
            entries[i].id, sides[i], performed.sides[i]
        )
    })
}
