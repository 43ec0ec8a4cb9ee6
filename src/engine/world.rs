//! The door between the engine and everything outside, at the level of sights and places.

use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value as Json;

use crate::clock::{Clock, Stamp};
use crate::event::{Answer, Finding, Unseen};
use crate::journal::Permit;
use crate::plan::{Edit, Entry, Value};
use crate::site::Aim;
use crate::step::{Evidence, Look, Moving, Pulses};

/// What a run can do to the world. The real one runs the steps of a playbook; the fake one is a table.
pub trait World: Send + Sync {
    fn clock(&self) -> &Clock;

    /// What a check looks at.
    fn looks<'a>(&'a self, entry: &'a Entry, aim: &'a Aim, pulses: &'a Pulses) -> Vec<Look<'a>>;

    /// What a check must see before the first write.
    fn baseline<'a>(&'a self, entry: &'a Entry, aim: &'a Aim, pulses: &'a Pulses) -> Vec<Look<'a>>;

    /// Tells a check what the run moves.
    fn expect(&self, _: &Entry, _: &Moving<'_>) {}

    /// The pure judgement of a check.
    fn judge(&self, entry: &Entry, aim: &Aim, evidence: &Evidence) -> Finding;

    /// How long an earlier sight of this check may stand in for a new look.
    fn reuse(&self, entry: &Entry) -> Option<Duration>;

    /// Whether what did not pass at first is looked at several times in a row before it passes. A place is no less
    /// behind several servers than a check.
    fn repeats(&self, entry: &Entry) -> bool;

    /// What a place holds now, restricted to the parts of the edit.
    fn read<'a>(&'a self, entry: &'a Entry, edit: &'a Edit)
    -> BoxFuture<'a, Result<Value, Unseen>>;

    /// Writes a place.
    fn write<'a>(&'a self, entry: &'a Entry, permit: Permit<'a>) -> BoxFuture<'a, Answer>;

    /// Does an act, or undoes it.
    fn act<'a>(
        &'a self,
        entry: &'a Entry,
        aim: &'a Aim,
        permit: Permit<'a>,
    ) -> BoxFuture<'a, Answer>;

    /// How long after its time-out a write may still land.
    fn landing(&self, entry: &Entry) -> Duration;
}

/// The baseline: the newest live sight of each thing, kept from earlier runs.
pub trait Memory: Send + Sync {
    fn recall<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Option<(Json, Stamp)>>;

    /// Keeps a sight. What cannot be kept is lost without harm: the baseline is a help, not the truth.
    fn keep<'a>(&'a self, key: &'a str, fact: &'a Json, at: &'a Stamp) -> BoxFuture<'a, ()>;
}

/// Remembers nothing.
pub struct NoMemory;

impl Memory for NoMemory {
    fn recall<'a>(&'a self, _key: &'a str) -> BoxFuture<'a, Option<(Json, Stamp)>> {
        Box::pin(async { None })
    }

    fn keep<'a>(&'a self, _key: &'a str, _fact: &'a Json, _at: &'a Stamp) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}
