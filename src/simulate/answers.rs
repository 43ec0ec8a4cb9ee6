//! What the fake world and its people answer, at the doors that the engine has for them.

use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::{Value as Json, json};

use super::fault::Fault;
use super::stage::{Role, Said, Stage};
use super::theatre::{Fate, LANDING};
use crate::clock::{Clock, Stamp};
use crate::engine::{Memory, People, Told, World};
use crate::event::{Answer, Cause, Decision, Finding, Round, Unseen};
use crate::journal::Permit;
use crate::machine::Hold;
use crate::plan::{Edit, Entry, Nature, Outcome, Value};
use crate::site::Aim;
use crate::step::{About, Evidence, Known, Look, Pulses};

/// How long a host that is gone lets others wait until they are told that there is no route to it.
const NO_ROUTE: Duration = Duration::from_secs(3);

/// The names of the looks of a check.
const KEYS: [(Role, &str); 3] = [
    (Role::Active, "active"),
    (Role::Idle, "idle"),
    (Role::Public, "public"),
];

fn nobody_there() -> Unseen {
    Unseen::new(Cause::Unreachable, "no route to the host")
}

impl Stage {
    /// What the fake provider says when something went wrong. Like every provider it has a secret at hand, and
    /// like a careless one it names its login.
    fn complaint(&self, what: &str) -> String {
        format!("{what} (logged in with {:?})", self.theatre.secret)
    }

    async fn takes(&self, entry: usize) {
        let takes = self.model().traits[entry].timing.takes;
        if !takes.is_zero() {
            self.theatre.clock.sleep(takes).await;
        }
    }

    async fn see(&self, entry: usize, role: Role, round: Round) -> Result<Json, Unseen> {
        self.unless_killed().await;
        let _watch = self.watch(entry);
        let struck = self.strikes_check(entry);
        if struck == Some(Fault::Hangs) {
            std::future::pending::<()>().await;
        }
        if self.is_dead(role, round) && struck.is_none() {
            let timeout = self.model().plan.entries[entry].pace.timeout;
            self.theatre.clock.sleep(NO_ROUTE.min(timeout / 2)).await;
            return Err(nobody_there());
        }
        // What a dead site is said to show comes at once: an emergency gives it no time to take.
        if !self.is_dead(role, round) {
            self.takes(entry).await;
        }
        Ok(json!(match struck {
            Some(Fault::Fails) => Outcome::Fail,
            Some(Fault::Late) => Outcome::Late,
            _ => self.shows(entry, round),
        }))
    }

    /// Which sites a check asks; one that asks neither asks the public. What goes wrong with the check itself is
    /// told by one answer, whatever its sites would say.
    fn roles(&self, entry: usize) -> impl Iterator<Item = (Role, &'static str)> {
        let sees = self.model().traits[entry].sees;
        let struck = self.strikes_check(entry);
        let itself = matches!(struck, Some(Fault::Fails | Fault::Late));
        KEYS.into_iter().filter(move |(role, _)| match role {
            Role::Active => sees.active && !itself,
            Role::Idle => sees.idle && !itself,
            Role::Public => itself || !sees.active && !sees.idle,
        })
    }

    fn looks_at<'a>(&'a self, entry: usize, aim: &Aim, round: Round) -> Vec<Look<'a>> {
        let roles = self.roles(entry);
        let look = |(role, key): (Role, &str)| Look {
            key: key.to_owned(),
            about: match role {
                Role::Active => About::Site(aim.active.clone()),
                Role::Idle => About::Site(aim.idle.clone()),
                Role::Public => About::World,
            },
            ask: Box::pin(self.see(entry, role, round)),
        };
        roles.map(look).collect()
    }

    async fn written(&self, index: usize, permit: Permit<'_>) -> Answer {
        self.unless_killed().await;
        let _watch = self.watch(index);
        let way = permit.way();
        self.goes_out(index, way);
        if self.fate() == Fate::Robbed {
            let why = "the lock is held by another process".to_owned();
            return Answer::Refused { why };
        }
        self.takes(index).await;
        match self.lands(index, way, permit.until().boot_ms) {
            Said::Done => Answer::Done {
                note: String::new(),
            },
            Said::Refused => Answer::Refused {
                why: self.complaint("the provider refused it"),
            },
            Said::PutBack => Answer::PutBack {
                why: self.complaint("the provider refused a part of it"),
            },
            Said::Declined => Answer::Declined {
                why: self.complaint("the provider refused it"),
            },
            Said::Unclear => Answer::Unclear {
                why: self.complaint("the connection was lost"),
            },
            Said::Nothing => std::future::pending().await,
        }
    }
}

/// What one look says of its check.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Is(Outcome),
    /// Answered from the baseline.
    Recalled,
    Gone,
    Unanswered,
}

fn seen(known: &Known) -> Seen {
    let gone = |why: &Unseen| match why.cause {
        Cause::Unreachable => Seen::Gone,
        _ => Seen::Unanswered,
    };
    match known {
        Known::Live(fact) => {
            Seen::Is(serde_json::from_value(fact.clone()).unwrap_or(Outcome::Unknown))
        }
        Known::Recorded { .. } => Seen::Recalled,
        Known::Unseen(why) => gone(why),
    }
}

impl World for Stage {
    fn clock(&self) -> &Clock {
        &self.theatre.clock
    }

    fn looks<'a>(&'a self, entry: &'a Entry, aim: &'a Aim, _: &'a Pulses) -> Vec<Look<'a>> {
        self.looks_at(self.index(&entry.id), aim, self.round())
    }

    fn baseline<'a>(&'a self, entry: &'a Entry, aim: &'a Aim, _: &'a Pulses) -> Vec<Look<'a>> {
        self.looks_at(self.index(&entry.id), aim, Round::There)
    }

    fn judge(&self, entry: &Entry, _: &Aim, evidence: &Evidence) -> Finding {
        let serves = self.model().traits[self.index(&entry.id)].serves;
        let of = |key: &str| evidence.get(key);
        // What is recalled of the site that shall be active is no proof that it serves now.
        let active = match of("active") {
            Some(Known::Recorded { why, .. }) => Some(seen(&Known::Unseen(why.clone()))),
            known => known.map(seen),
        };
        let idle = of("idle").map(seen);
        let (outcome, why) = match (active, idle, of("public").map(seen)) {
            (Some(Seen::Gone), ..) if serves => (Outcome::Fail, "nothing serves there"),
            (Some(Seen::Gone), ..) => (Outcome::Unknown, "the active site is gone"),
            (Some(Seen::Unanswered), ..) => (Outcome::Unknown, "no answer"),
            (_, Some(Seen::Gone | Seen::Unanswered), _) => {
                (Outcome::Unknown, "the other site does not answer")
            }
            (_, Some(Seen::Recalled), _) => (Outcome::Warn, "as it was when it was last seen"),
            (Some(Seen::Is(outcome)), ..)
            | (_, Some(Seen::Is(outcome)), _)
            | (.., Some(Seen::Is(outcome))) => (outcome, "as it is"),
            _ => (Outcome::Unknown, "no answer"),
        };
        Finding::new(outcome, format!("{} is {outcome}: {why}", entry.id))
    }

    fn reuse(&self, _: &Entry) -> Option<Duration> {
        None
    }

    /// What is behind one address here is one server.
    fn repeats(&self, _: &Entry) -> bool {
        false
    }

    fn read<'a>(&'a self, entry: &'a Entry, _: &'a Edit) -> BoxFuture<'a, Result<Value, Unseen>> {
        Box::pin(async move {
            self.unless_killed().await;
            let index = self.index(&entry.id);
            let _watch = self.watch(index);
            if self.hangs(index) {
                std::future::pending::<()>().await;
            }
            self.takes(index).await;
            self.holds(index).ok_or_else(nobody_there)
        })
    }

    fn write<'a>(&'a self, entry: &'a Entry, permit: Permit<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(self.written(self.index(&entry.id), permit))
    }

    fn act<'a>(
        &'a self,
        entry: &'a Entry,
        _: &'a Aim,
        permit: Permit<'a>,
    ) -> BoxFuture<'a, Answer> {
        Box::pin(self.written(self.index(&entry.id), permit))
    }

    fn landing(&self, entry: &Entry) -> Duration {
        match entry.nature {
            Nature::Act(_) => Duration::ZERO,
            _ => LANDING,
        }
    }
}

impl Memory for Stage {
    /// Everything was seen once, and was well then.
    fn recall<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Option<(Json, Stamp)>> {
        Box::pin(async { Some((json!(Outcome::Pass), self.theatre.clock.now())) })
    }

    fn keep<'a>(&'a self, _: &'a str, _: &'a Json, _: &'a Stamp) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}

impl Stage {
    /// Whoever was killed or robbed asks nobody any more.
    async fn asks<T>(&self, answer: T) -> T {
        if self.fate() != Fate::Alive {
            std::future::pending::<()>().await;
        }
        answer
    }
}

impl People for Stage {
    fn approve<'a>(&'a self, _: &'a Entry, _: &'a str) -> BoxFuture<'a, (Option<bool>, String)> {
        let yes = !self.inner().course.strikes(Fault::Declined);
        Box::pin(self.asks((Some(yes), "somebody".to_owned())))
    }

    fn decide<'a>(&'a self, _: Hold, _: bool) -> BoxFuture<'a, Told> {
        let decision = self.inner().course.decides().unwrap_or(Decision::Stop);
        Box::pin(self.asks(Told::here(decision, "somebody")))
    }

    fn end_stay<'a>(&'a self, _: bool) -> BoxFuture<'a, Told> {
        let decision = self.inner().course.decides();
        Box::pin(async move {
            match decision {
                Some(decision) => self.asks(Told::here(decision, "somebody")).await,
                None => std::future::pending().await,
            }
        })
    }
}
