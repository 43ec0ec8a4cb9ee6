//! A model from a playbook alone: nothing is asked of any network.
//!
//! What a real survey would see is imagined: every name leads to the source, with the TTL that the playbook
//! gives it or else a usual one, and every other change finds its old value. Whatever a dry run has really seen is taken instead.

mod usual;
mod zones;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::model::{Model, Sees, Timing, Traits};
use crate::clock::Clock;
use crate::dns::{Honesty, RecordKey, RecordSet};
use crate::engine::{Actual, Intention, SurveyError, Surveyor, survey_by};
use crate::event::{Cause, Unseen};
use crate::plan::{Direction, Edit, Entry, Mode, Nature, Place, Plan, Value};
use crate::playbook::Playbook;
use crate::seen::SeenWorld;
use crate::site::{Aim, Host, Site};
use crate::step::{About, Change, Pulses, Step, Survey, Work};
use crate::world::exec::Exec;
use zones::Contents;

/// Why nothing can be imagined.
#[derive(Debug, thiserror::Error)]
pub enum Unimaginable {
    #[error(transparent)]
    Survey(#[from] SurveyError),
    #[error("it was seen for the playbook `{seen}`, and this one is `{given}`")]
    OtherPlaybook { seen: String, given: String },
    #[error("it was seen on the way to `{seen}`, and shows nothing of the way to `{given}`")]
    OtherWay { seen: String, given: String },
}

/// Imagines what a run of a playbook would meet.
///
/// `mode` is the kind of run; `to` the site that it goes to, by default the one that `seen` went to, else the
/// second of the playbook.
pub async fn imagine(
    book: &Arc<Playbook>,
    mode: Mode,
    to: Option<&str>,
    seen: Option<&SeenWorld>,
) -> Result<Model, Unimaginable> {
    let known = seen.map(|seen| seen.plan.direction.target.as_str());
    let target = to.or(known).unwrap_or(book.sites().1);
    match (seen, known) {
        (Some(seen), _) if seen.playbook != book.name() => {
            return Err(Unimaginable::OtherPlaybook {
                seen: seen.playbook.clone(),
                given: book.name().to_owned(),
            });
        }
        (_, Some(known)) if known != target => {
            return Err(Unimaginable::OtherWay {
                seen: known.to_owned(),
                given: target.to_owned(),
            });
        }
        _ => {}
    }
    let source = match target == book.sites().1 {
        true => book.sites().0,
        false => book.sites().1,
    };
    let direction = Direction {
        source: source.to_owned(),
        target: target.to_owned(),
    };
    // The wall clock of the simulation begins anywhere: nothing depends on it.
    let clock = Clock::following_tokio(jiff::Timestamp::UNIX_EPOCH);
    let live = book.live(clock, Exec::new());
    let contents = Contents {
        source: (live.hosts_of(source)).flat_map(Host::public).collect(),
        ttl: usual::TTL,
        seen: seen.map(record_sets),
    };
    let actual = Actual {
        book: Arc::clone(book),
        site: zones::imagined(live, contents),
    };
    let intention = Intention {
        mode,
        like: match mode {
            Mode::Check | Mode::Plan => Mode::Failover,
            mode => mode,
        },
        to: Some(target.to_owned()),
        hold: None,
    };
    let surveyor = Imagination {
        site: &actual.site,
        emergency: mode == Mode::Emergency,
        seen,
    };
    let mut plan = survey_by(&actual, &intention, &surveyor).await?;
    // Each simulated run writes and reads back a journal of its own: what nothing depends on is left out.
    plan.text.clear();
    Ok(model(&actual, &direction, plan, seen))
}

/// Every record set that the dry run would change, as it found it.
fn record_sets(seen: &SeenWorld) -> BTreeMap<RecordKey, RecordSet> {
    (seen.plan.edits())
        .flat_map(|(_, edit)| RecordSet::sets_of(&edit.before).unwrap_or_default())
        .map(|set| (set.key.clone(), set))
        .collect()
}

/// What the changes of a playbook would find.
struct Imagination<'a> {
    site: &'a Site,
    emergency: bool,
    seen: Option<&'a SeenWorld>,
}

impl Surveyor for Imagination<'_> {
    fn survey<'a>(
        &'a self,
        step: &'a Step,
        change: &'a dyn Change,
        aim: &'a Aim,
    ) -> BoxFuture<'a, Result<Survey, Unseen>> {
        if self.emergency && change.only_where_it_leaves(self.site, aim) {
            let dead = Unseen::new(Cause::Unreachable, "the site that is left is dead");
            return Box::pin(std::future::ready(Err(dead)));
        }
        if step.kind.name == "dns" {
            let is_imagined = self.seen.is_none();
            return Box::pin(async move {
                let mut found = change.survey(self.site, aim).await?;
                if is_imagined {
                    found.edits.iter_mut().for_each(kept_at_its_ttl);
                    // Where names lead that are in no imagined zone is nothing that could be imagined.
                    found.left.clear();
                    found.astray.clear();
                }
                Ok(found)
            });
        }
        let value = |text: &str| Value([("value".to_owned(), text.into())].into());
        let seen: Vec<Edit> = (self.seen.iter())
            .flat_map(|seen| seen.plan.edits())
            .filter(|(_, edit)| edit.place.step == step.id)
            .map(|(_, edit)| edit.clone())
            .collect();
        if !seen.is_empty() {
            let edits = seen;
            let found = Survey {
                edits,
                ..Survey::default()
            };
            return Box::pin(std::future::ready(Ok(found)));
        }
        let found = Survey {
            edits: vec![Edit {
                place: Place {
                    step: step.id.clone(),
                    name: step.kind.name.to_owned(),
                },
                before: value("as before"),
                after: value("as the playbook says"),
            }],
            ..Survey::default()
        };
        Box::pin(std::future::ready(Ok(found)))
    }
}

/// Where the playbook names a TTL, its author keeps the zone at that one: nobody moves names whose caches hold
/// for longer than that.
fn kept_at_its_ttl(edit: &mut Edit) {
    let sets = |value: &Value| RecordSet::sets_of(value).unwrap_or_default();
    let after = sets(&edit.after);
    let mut before = sets(&edit.before);
    for set in &mut before {
        if let Some(after) = after.iter().find(|after| after.key == set.key) {
            set.ttl = after.ttl;
        }
    }
    edit.before = RecordSet::value_of(&before);
}

/// The plan with what its entries depend on.
fn model(actual: &Actual, direction: &Direction, plan: Plan, seen: Option<&SeenWorld>) -> Model {
    let aim = Aim::there(direction, true);
    let lag = Lag::of(actual, &plan);
    let traits = (plan.entries.iter())
        .map(|entry| {
            let mut traits = traits(actual, entry, &aim, lag);
            let measured = seen.and_then(|seen| seen.check(&entry.id)?.took_ms);
            if let Some(ms) = measured {
                traits.timing.takes = Duration::from_millis(ms).min(entry.pace.timeout);
            }
            traits
        })
        .collect();
    Model { plan, traits }
}

/// What passes between the last change and the moment when it is seen.
#[derive(Clone, Copy)]
struct Lag {
    /// Until all name servers have it.
    published: Duration,
    /// Until the slowest cache has let go of what was there before.
    cached: Duration,
}

impl Lag {
    fn of(actual: &Actual, plan: &Plan) -> Lag {
        let mut lag = Lag {
            published: Duration::ZERO,
            cached: Duration::ZERO,
        };
        for (_, edit) in plan.edits() {
            for set in RecordSet::sets_of(&edit.before).unwrap_or_default() {
                let kind = (actual.site.zone_of(&set.key.name))
                    .and_then(|zone| actual.book.providers().get(&zone.provider_name))
                    .map_or("", |provider| provider.kind.name);
                lag.published = lag.published.max(usual::publication(kind));
                lag.cached = lag.cached.max(Duration::from_secs(u64::from(set.ttl)));
            }
        }
        lag
    }

    /// Until a check of this kind sees the change. Clients hold on to a name for about as long as caches do.
    fn of_kind(self, kind: &str) -> Duration {
        let Lag { published, cached } = self;
        match kind {
            "traffic" => published + cached * 2,
            _ => published + cached,
        }
    }
}

fn traits(actual: &Actual, entry: &Entry, aim: &Aim, lag: Lag) -> Traits {
    let work = actual.book.step(&entry.step).map(|step| &step.work);
    let kind = entry.kind.as_str();
    let serves = matches!(kind, "services" | "http" | "tcp" | "rsync");
    let sees = match work {
        // The looks are only counted: one that nobody polls asks nothing.
        Some(Work::Check(check)) => {
            let nobody = Pulses::none();
            let looks = match check.before() {
                Some(before) if entry.foresees => before.looks_before(&actual.site, aim, &nobody),
                _ => check.looks(&actual.site, aim, &nobody),
            };
            let sees = |site: &str| {
                (looks.iter()).any(|look| matches!(&look.about, About::Site(of) if of == site))
            };
            Sees {
                active: sees(&aim.active) || serves,
                idle: sees(&aim.idle),
            }
        }
        Some(Work::Change(change)) => {
            let back = Aim {
                active: aim.idle.clone(),
                idle: aim.active.clone(),
                moved: aim.moved,
            };
            Sees {
                active: change.only_where_it_leaves(&actual.site, &back),
                idle: change.only_where_it_leaves(&actual.site, aim),
            }
        }
        _ => Sees::default(),
    };
    let lag = match (&entry.nature, entry.after_change) {
        (Nature::Check, true) => lag.of_kind(kind),
        _ => Duration::ZERO,
    };
    Traits {
        sees,
        serves,
        whole: all_zones(actual, entry, |honesty| honesty != Honesty::OneSet)
            && fits_into_one_message(actual, entry),
        compares: entry.moves_names()
            && all_zones(actual, entry, |honesty| honesty == Honesty::CompareAndSwap),
        timing: Timing {
            // Whoever sets a short time-out knows that it does not take longer.
            takes: usual::takes(kind).min(entry.pace.timeout / 2),
            lag,
        },
    }
}

/// Whether the providers of all record sets that an entry writes are so honest. One that writes none is.
fn all_zones(actual: &Actual, entry: &Entry, is_so: impl Fn(Honesty) -> bool) -> bool {
    let Nature::Change(edit) = &entry.nature else {
        return true;
    };
    let sets = RecordSet::sets_of(&edit.before).unwrap_or_default();
    sets.iter().all(|set| {
        (actual.site.zone_of(&set.key.name))
            .is_some_and(|zone| is_so(zone.provider.limits().honesty))
    })
}

/// Whether all record sets that an entry writes fit into one message, which does all that it holds or nothing.
fn fits_into_one_message(actual: &Actual, entry: &Entry) -> bool {
    let Nature::Change(edit) = &entry.nature else {
        return true;
    };
    let sets = |value| RecordSet::sets_of(value).unwrap_or_default();
    let sets: Vec<_> = sets(&edit.before)
        .into_iter()
        .zip(sets(&edit.after))
        .collect();
    let zone = (sets.first()).and_then(|(before, _)| actual.site.zone_of(&before.key.name));
    zone.is_none_or(|zone| (zone.provider.limits().cut)(&sets).len() <= 1)
}

#[cfg(test)]
mod tests;
