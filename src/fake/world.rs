//! The world of a sketched plan.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::{Value as Json, json};

use super::Fuse;
use crate::clock::{Clock, Stamp};
use crate::engine::World;
use crate::event::{Answer, Cause, Finding, Unseen};
use crate::journal::Permit;
use crate::plan::{Edit, Entry, Nature, Outcome, Place, Plan, Side, Value, Way};
use crate::site::Aim;
use crate::step::{About, Evidence, Known, Look, Pulses};

/// What goes wrong with one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteFault {
    /// It is refused, and does nothing.
    Refused,
    /// It happens, and the answer is an error.
    DoneUnsaid,
    /// It does nothing, and the answer is an error.
    LostUnsaid,
    /// It claims success, and does nothing.
    Lies,
    /// One part of it happens, and it claims success.
    Half,
    /// The answer is an error, and it lands this much later.
    Lands(Duration),
}

/// Places that hold values, checks with outcomes, writes with faults.
#[derive(Clone)]
pub struct FakeWorld {
    clock: Clock,
    fuse: Fuse,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Clone, Debug, Default)]
struct Inner {
    places: BTreeMap<Place, Value>,
    /// Writes that are still on their way.
    pending: Vec<(Stamp, Place, Value)>,
    /// The outcomes of the next looks of a check, by id; afterwards it tells the truth.
    scripts: BTreeMap<String, VecDeque<Result<Outcome, Cause>>>,
    /// Checks that fail whenever this side shall be active.
    broken: Vec<(String, String)>,
    faults: BTreeMap<String, VecDeque<WriteFault>>,
    /// Every write that reached a place, in order.
    writes: Vec<(Place, Way)>,
    acts: Vec<(String, Way)>,
    unreadable: u32,
    /// Checks whose looks never answer.
    frozen: BTreeSet<String>,
    /// Checks whose findings are final.
    finals: BTreeSet<String>,
    /// Checks that take an earlier sight, and how old it may be.
    reuse: BTreeMap<String, Duration>,
    /// How often each check was looked at.
    looks: BTreeMap<String, u32>,
}

impl FakeWorld {
    /// The world as it was when the plan was made.
    pub fn new(plan: &Plan, clock: Clock) -> FakeWorld {
        let so_already = plan.entries.iter().filter_map(|entry| entry.holds.as_ref());
        let places = plan
            .edits()
            .map(|(_, edit)| edit)
            .chain(so_already)
            .map(|edit| (edit.place.clone(), edit.before.clone()))
            .collect();
        let inner = Inner {
            places,
            ..Inner::default()
        };
        FakeWorld {
            clock,
            fuse: Fuse::never(),
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// The same world, with another fuse: as a new process meets it after a power cut.
    pub fn with_fuse(&self, fuse: Fuse) -> FakeWorld {
        FakeWorld {
            fuse,
            ..self.clone()
        }
    }

    /// A world of its own with the same in it, at the same moment of another clock.
    pub fn copy(&self, clock: Clock) -> FakeWorld {
        FakeWorld {
            clock,
            fuse: Fuse::never(),
            inner: Arc::new(Mutex::new(self.inner().clone())),
        }
    }

    /// All that is in it, in words: worlds with the same words have the same future.
    pub fn words(&self) -> String {
        self.land();
        format!("{:?}", self.inner())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next looks of a check show; afterwards it tells the truth again.
    pub fn script(&self, id: &str, outcomes: impl IntoIterator<Item = Result<Outcome, Cause>>) {
        let mut inner = self.inner();
        inner
            .scripts
            .entry(id.to_owned())
            .or_default()
            .extend(outcomes);
    }

    /// A check fails whenever `site` shall be active.
    pub fn broken(&self, id: &str, site: &str) {
        self.inner().broken.push((id.to_owned(), site.to_owned()));
    }

    /// What goes wrong with the next writes of a change or an act.
    pub fn fault(&self, id: &str, faults: impl IntoIterator<Item = WriteFault>) {
        let mut inner = self.inner();
        inner
            .faults
            .entry(id.to_owned())
            .or_default()
            .extend(faults);
    }

    /// Somebody else writes a place.
    pub fn somebody_writes(&self, place: &Place, value: Value) {
        self.inner().places.insert(place.clone(), value);
    }

    /// The next reads of places fail.
    pub fn unreadable(&self, reads: u32) {
        self.inner().unreadable = reads;
    }

    /// The looks of a check never answer.
    pub fn freeze(&self, id: &str) {
        self.inner().frozen.insert(id.to_owned());
    }

    /// What a check finds is final.
    pub fn final_findings(&self, id: &str) {
        self.inner().finals.insert(id.to_owned());
    }

    /// A check takes an earlier sight that is not older than this.
    pub fn reuses(&self, id: &str, age: Duration) {
        self.inner().reuse.insert(id.to_owned(), age);
    }

    /// How often a check was looked at.
    pub fn looks_taken(&self, id: &str) -> u32 {
        self.inner().looks.get(id).copied().unwrap_or_default()
    }

    /// Every write that reached a place, in order.
    pub fn writes(&self) -> Vec<(Place, Way)> {
        self.inner().writes.clone()
    }

    /// Every act that was done, in order.
    pub fn acts(&self) -> Vec<(String, Way)> {
        self.inner().acts.clone()
    }

    /// Where the places of a plan stand, in its order.
    pub fn sides(&self, plan: &Plan) -> Vec<Side> {
        self.land();
        let inner = self.inner();
        plan.edits()
            .map(|(_, edit)| {
                inner
                    .places
                    .get(&edit.place)
                    .map_or(Side::Foreign, |value| edit.side(value))
            })
            .collect()
    }

    /// Lets everything land whose time has come.
    fn land(&self) {
        let now = self.clock.now();
        let mut inner = self.inner();
        let pending = std::mem::take(&mut inner.pending);
        for (at, place, value) in pending {
            if at.left(&now).is_zero() {
                inner.places.insert(place, value);
            } else {
                inner.pending.push((at, place, value));
            }
        }
    }

    /// A check behind a change tells whether the places lead to the side that it wants.
    fn truth(&self, entry: &Entry, aim: &Aim) -> Outcome {
        self.land();
        let broken = (entry.id.clone(), aim.active.clone());
        if self.inner().broken.contains(&broken) {
            return Outcome::Fail;
        }
        let led = |value: &Value| value.0.values().all(|part| *part == json!(aim.active));
        if !entry.after_change || !aim.moved || self.inner().places.values().all(led) {
            Outcome::Pass
        } else {
            Outcome::Fail
        }
    }

    async fn see(&self, entry: &Entry, aim: &Aim) -> Result<Json, Unseen> {
        self.fuse.moment().await;
        let frozen = {
            let mut inner = self.inner();
            *inner.looks.entry(entry.id.clone()).or_default() += 1;
            inner.frozen.contains(&entry.id)
        };
        if frozen {
            std::future::pending::<()>().await;
        }
        let scripted = {
            let mut inner = self.inner();
            inner
                .scripts
                .get_mut(&entry.id)
                .and_then(VecDeque::pop_front)
        };
        match scripted {
            Some(Ok(outcome)) => Ok(json!(outcome)),
            Some(Err(cause)) => Err(Unseen::new(cause, "as scripted")),
            None => Ok(json!(self.truth(entry, aim))),
        }
    }

    fn next_fault(&self, id: &str) -> Option<WriteFault> {
        let mut inner = self.inner();
        inner.faults.get_mut(id).and_then(VecDeque::pop_front)
    }

    fn apply(&self, place: &Place, way: Way, value: Value) {
        let mut inner = self.inner();
        inner.writes.push((place.clone(), way));
        inner.places.insert(place.clone(), value);
    }
}

impl World for FakeWorld {
    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn looks<'a>(&'a self, entry: &'a Entry, aim: &'a Aim, _: &'a Pulses) -> Vec<Look<'a>> {
        vec![Look {
            key: format!("{} {}", entry.id, aim.active),
            about: About::Site(aim.idle.clone()),
            ask: Box::pin(self.see(entry, aim)),
        }]
    }

    fn baseline<'a>(&'a self, entry: &'a Entry, aim: &'a Aim, p: &'a Pulses) -> Vec<Look<'a>> {
        self.looks(entry, aim, p)
    }

    fn judge(&self, entry: &Entry, _: &Aim, evidence: &Evidence) -> Finding {
        let mut finding = match evidence.items.first() {
            Some((_, Known::Live(fact))) => {
                let outcome = serde_json::from_value(fact.clone()).unwrap_or(Outcome::Unknown);
                Finding::new(outcome, format!("{} is {outcome}", entry.id))
            }
            Some((_, Known::Recorded { age, .. })) => {
                let age = crate::clock::short(*age);
                Finding::new(
                    Outcome::Warn,
                    format!("{} was last seen {age} ago", entry.id),
                )
            }
            Some((_, Known::Unseen(why))) => Finding::new(Outcome::Unknown, why.detail.clone()),
            None => Finding::new(Outcome::Unknown, "nothing was looked at"),
        };
        finding.final_ = self.inner().finals.contains(&entry.id);
        finding
    }

    fn reuse(&self, entry: &Entry) -> Option<Duration> {
        self.inner().reuse.get(&entry.id).copied()
    }

    fn repeats(&self, _: &Entry) -> bool {
        true
    }

    fn read<'a>(&'a self, _: &'a Entry, edit: &'a Edit) -> BoxFuture<'a, Result<Value, Unseen>> {
        Box::pin(async move {
            self.fuse.moment().await;
            self.land();
            let mut inner = self.inner();
            if inner.unreadable > 0 {
                inner.unreadable -= 1;
                return Err(Unseen::new(Cause::Error, "as scripted"));
            }
            inner
                .places
                .get(&edit.place)
                .cloned()
                .ok_or_else(|| Unseen::new(Cause::Missing, "no such place"))
        })
    }

    fn write<'a>(&'a self, entry: &'a Entry, permit: Permit<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            self.fuse.moment().await;
            let (place, way) = (permit.place().clone(), permit.way());
            let to = permit.to().clone();
            let unclear = || Answer::Unclear {
                why: "the connection was lost".into(),
            };
            let answer = match self.next_fault(&entry.id) {
                Some(WriteFault::Refused) => Answer::Refused {
                    why: "as scripted".into(),
                },
                Some(WriteFault::LostUnsaid) => unclear(),
                Some(WriteFault::Lies) => Answer::Done {
                    note: String::new(),
                },
                Some(WriteFault::DoneUnsaid) => {
                    self.apply(&place, way, to);
                    unclear()
                }
                Some(WriteFault::Half) => {
                    let mut half = permit.from().clone();
                    let part =
                        to.0.iter()
                            .find(|(key, part)| half.0.get(*key) != Some(*part));
                    if let Some((key, part)) = part {
                        half.0.insert(key.clone(), part.clone());
                    }
                    self.apply(&place, way, half);
                    Answer::Done {
                        note: String::new(),
                    }
                }
                Some(WriteFault::Lands(after)) => {
                    let at = self.clock.now().plus(after);
                    let mut inner = self.inner();
                    inner.writes.push((place.clone(), way));
                    inner.pending.push((at, place, to));
                    unclear()
                }
                None => {
                    self.apply(&place, way, to);
                    Answer::Done {
                        note: String::new(),
                    }
                }
            };
            self.fuse.moment().await;
            answer
        })
    }

    fn act<'a>(
        &'a self,
        entry: &'a Entry,
        _: &'a Aim,
        permit: Permit<'a>,
    ) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            self.fuse.moment().await;
            let fault = self.next_fault(&entry.id);
            if !matches!(
                fault,
                Some(WriteFault::Refused | WriteFault::LostUnsaid | WriteFault::Lies)
            ) {
                self.inner().acts.push((entry.id.clone(), permit.way()));
            }
            self.fuse.moment().await;
            match fault {
                None | Some(WriteFault::Lies) => Answer::Done {
                    note: String::new(),
                },
                Some(WriteFault::Refused) => Answer::Refused {
                    why: "as scripted".into(),
                },
                Some(_) => Answer::Unclear {
                    why: "the connection was lost".into(),
                },
            }
        })
    }

    fn landing(&self, entry: &Entry) -> Duration {
        match entry.nature {
            Nature::Act(_) => Duration::ZERO,
            _ => Duration::from_secs(30),
        }
    }
}
