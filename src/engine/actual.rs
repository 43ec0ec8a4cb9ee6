//! The real world: the steps of a playbook, given its hosts, zones and services.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value as Json;

use super::world::{Memory, World};
use crate::clock::{Clock, Stamp};
use crate::event::{Answer, Cause, Finding, Unseen};
use crate::journal::Permit;
use crate::plan::{Edit, Entry, Outcome, Value};
use crate::playbook::Playbook;
use crate::site::{Aim, Site};
use crate::step::{Check, Evidence, Look, Moving, Pulses, Work};
use crate::store::{Memo, Store};

/// A playbook's steps, ready to look and to write.
pub struct Actual {
    pub book: Arc<Playbook>,
    pub site: Site,
}

impl Actual {
    /// Begins to connect to all hosts, side by side, while something else is looked at.
    pub fn connect_ahead(&self) {
        let hosts = self.site.hosts.values();
        let reached = hosts.filter_map(|host| host.reach.as_ref());
        self.site.exec.connect_ahead(reached);
    }

    fn work(&self, entry: &Entry) -> Option<&Work> {
        self.book.step(&entry.step).map(|step| &step.work)
    }

    /// What looks and judges for an entry that is a check.
    fn check(&self, entry: &Entry) -> Option<&dyn Check> {
        match self.work(entry)? {
            Work::Check(check) => Some(check.as_ref()),
            Work::Change(change) if entry.by_hand => change.by_hand(),
            _ => None,
        }
    }
}

/// A plan that names a step which its own playbook does not have.
fn no_step(entry: &Entry) -> Unseen {
    Unseen::new(
        Cause::Missing,
        format!(
            "the playbook has no step `{}` that could do this",
            entry.step
        ),
    )
}

impl World for Actual {
    fn clock(&self) -> &Clock {
        &self.site.clock
    }

    fn looks<'a>(&'a self, entry: &'a Entry, aim: &'a Aim, pulses: &'a Pulses) -> Vec<Look<'a>> {
        match self.check(entry) {
            Some(_) if entry.foresees => self.baseline(entry, aim, pulses),
            Some(check) => check.looks(&self.site, aim, pulses),
            None => Vec::new(),
        }
    }

    fn baseline<'a>(&'a self, entry: &'a Entry, aim: &'a Aim, pulses: &'a Pulses) -> Vec<Look<'a>> {
        match self.check(entry) {
            Some(check) if entry.by_hand => check.looks(&self.site, aim, pulses),
            Some(check) => (check.before()).map_or_else(Vec::new, |before| {
                before.looks_before(&self.site, aim, pulses)
            }),
            None => Vec::new(),
        }
    }

    fn expect(&self, entry: &Entry, moves: &Moving<'_>) {
        if let Some(check) = self.check(entry) {
            check.expect(moves);
        }
    }

    fn judge(&self, entry: &Entry, aim: &Aim, evidence: &Evidence) -> Finding {
        match self.check(entry) {
            Some(check) => match check.before() {
                Some(before) if entry.foresees => before.foresee(aim, evidence),
                _ => check.judge(aim, evidence),
            },
            None => Finding::new(Outcome::Unknown, no_step(entry).detail),
        }
    }

    fn reuse(&self, entry: &Entry) -> Option<Duration> {
        self.check(entry)?.reuse()
    }

    fn repeats(&self, entry: &Entry) -> bool {
        self.check(entry).is_none_or(|check| check.repeats())
    }

    fn read<'a>(
        &'a self,
        entry: &'a Entry,
        edit: &'a Edit,
    ) -> BoxFuture<'a, Result<Value, Unseen>> {
        Box::pin(async move {
            let Some(Work::Change(change)) = self.work(entry) else {
                return Err(no_step(entry));
            };
            let parts: BTreeSet<&String> =
                edit.before.0.keys().chain(edit.after.0.keys()).collect();
            let parts: Vec<String> = parts.into_iter().cloned().collect();
            change.read(&self.site, &edit.place, &parts).await
        })
    }

    fn write<'a>(&'a self, entry: &'a Entry, permit: Permit<'a>) -> BoxFuture<'a, Answer> {
        match self.work(entry) {
            Some(Work::Change(change)) => change.write(&self.site, permit),
            _ => refused(entry),
        }
    }

    fn act<'a>(
        &'a self,
        entry: &'a Entry,
        aim: &'a Aim,
        permit: Permit<'a>,
    ) -> BoxFuture<'a, Answer> {
        match self.work(entry) {
            Some(Work::Act(act)) => act.act(&self.site, aim, permit),
            _ => refused(entry),
        }
    }

    fn landing(&self, entry: &Entry) -> Duration {
        match self.work(entry) {
            Some(Work::Change(change)) => change.landing(),
            Some(Work::Act(act)) => act.landing(),
            _ => Duration::ZERO,
        }
    }
}

fn refused(entry: &Entry) -> BoxFuture<'static, Answer> {
    let why = no_step(entry).detail;
    Box::pin(async { Answer::Refused { why } })
}

/// The baseline in a store.
pub struct Remembered(pub Arc<dyn Store>);

impl Memory for Remembered {
    fn recall<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Option<(Json, Stamp)>> {
        Box::pin(async move {
            let memo = self.0.recall(key).await.ok()??;
            let fact = serde_json::from_slice(&memo.bytes).ok()?;
            Some((fact, memo.at))
        })
    }

    fn keep<'a>(&'a self, key: &'a str, fact: &'a Json, at: &'a Stamp) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let Ok(bytes) = serde_json::to_vec(fact) else {
                return;
            };
            let memo = Memo {
                key: key.to_owned(),
                bytes,
                at: at.clone(),
            };
            // The baseline is a help: a store that cannot keep it must not stop a failover.
            let _kept = self.0.remember(vec![memo]).await;
        })
    }
}

#[cfg(test)]
mod tests;
