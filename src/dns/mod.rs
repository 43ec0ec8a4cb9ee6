//! Record sets, the trait of the providers, and propagation.

mod active;
pub mod caches;
pub mod chain;
mod listing;
pub mod moves;
pub mod providers;
mod record;

pub use active::{Active, active_site};
pub use listing::{Holds, Listing, Other, above};
pub use record::{RecordKey, RecordSet, RecordType};

use std::collections::BTreeMap;

use std::net::SocketAddr;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::event::{Answer, Unseen};
use crate::journal::Permit;
use crate::plan::Value;
use providers::Limits;

/// How much a provider's write can promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Honesty {
    /// The far side compares and swaps all record sets in one message; or in several, each all or nothing.
    CompareAndSwap,
    /// All record sets of a zone are replaced in one call; the comparison is a read just before it.
    Atomic,
    /// One record set is replaced in one call; the comparison is a read just before it, and the answer
    /// tells afterwards whether somebody else wrote in between.
    OneSet,
}

/// What a look at a zone shows, besides its records, that decides whether it can be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grounds {
    /// Why nothing in the zone may be written: it is a copy, it was signed elsewhere.
    pub zone: Vec<String>,
    /// Why these sets may not be: a wildcard answers for the name, another zone does. Each reason names its set.
    pub sets: BTreeMap<RecordKey, String>,
    /// Why those who ask the server that is written may not see what is written there.
    pub hidden: Vec<String>,
    /// Why the servers that have the zone from the one that is written do not fetch what is written there.
    pub unfetched: Vec<String>,
    /// What a person should know before the zone is written. It forbids nothing.
    pub notes: Vec<String>,
    /// Whether each record has the TTL that its set is said to have could not be told: a way back gives it that one.
    pub ttls_untold: bool,
}

impl Grounds {
    /// Tells that TTLs could not be told, and why.
    pub fn ttls_are_untold(&mut self, why: String) {
        self.notes.push(why);
        self.ttls_untold = true;
    }

    /// The reasons that speak against writing sets of these keys.
    pub fn against(&self, keys: &[RecordKey]) -> Vec<String> {
        let sets = keys.iter().filter_map(|key| self.sets.get(key));
        self.zone.iter().chain(sets).cloned().collect()
    }
}

/// A DNS provider: lists the record sets of a zone, and writes several of them.
///
/// What a write can know to be impossible without sending it, [`judge`](Provider::judge) knows: the survey asks
/// it both ways, and a write sends nothing that it refuses, so that a plan without refusals can be carried out.
///
/// Implementations live in [`providers`], one file each.
pub trait Provider: Send + Sync {
    /// All of the zone, complete: an error while listing is never a shorter list.
    fn list<'a>(&'a self, zone: &'a str) -> BoxFuture<'a, Result<Listing, Unseen>>;

    /// Why the zone must not be written here, whatever the change: it is the copy of another server, say. A look.
    fn barred<'a>(&'a self, zone: &'a str) -> BoxFuture<'a, Result<Option<String>, Unseen>> {
        let _ = zone;
        Box::pin(std::future::ready(Ok(None)))
    }

    /// The name server that takes the writes, where it is one.
    fn written_at(&self) -> Option<SocketAddr> {
        None
    }

    /// The sets at exactly these keys, read from the provider itself; absent ones are left out. What else the
    /// zone holds does not matter, readable or not.
    fn read<'a>(
        &'a self,
        zone: &'a str,
        keys: &'a [RecordKey],
    ) -> BoxFuture<'a, Result<Vec<RecordSet>, Unseen>>;

    /// The record sets at these names that are never moved though visitors may follow them, HTTPS and SVCB among them.
    /// It is asked where the zone could not be listed.
    fn others<'a>(
        &'a self,
        zone: &'a str,
        names: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Other>, Unseen>> {
        async move {
            let mut others = self.list(zone).await?.others;
            others.retain(|other| names.contains(&other.name));
            Ok(others)
        }
        .boxed()
    }

    /// Looks at what decides whether the sets at these keys can be written, besides what they hold.
    fn grounds<'a>(
        &'a self,
        zone: &'a str,
        keys: &'a [RecordKey],
    ) -> BoxFuture<'a, Result<Grounds, Unseen>> {
        let _ = keys;
        async move {
            Ok(Grounds {
                zone: self.barred(zone).await?.into_iter().collect(),
                ..Grounds::default()
            })
        }
        .boxed()
    }

    /// Why `to` cannot be written over `from`, as far as it can be known without sending it: the very message
    /// is built. Pure. A write asks it too, with the grounds of that moment.
    fn judge(
        &self,
        zone: &str,
        grounds: &Grounds,
        from: &Value,
        to: &Value,
    ) -> Result<(), Vec<String>>;

    /// Replaces the record sets named by the permit: `permit.from()` is what they hold now, `permit.to()`
    /// what they shall hold. Both are maps of [`RecordKey`] texts to [`RecordSet`]s in JSON; see
    /// [`RecordSet::sets_of`]. Unequal at the far side is [`Answer::Refused`].
    fn write<'a>(&'a self, zone: &'a str, permit: Permit<'a>) -> BoxFuture<'a, Answer>;

    /// What is known of it without asking it.
    fn limits(&self) -> Limits;

    /// Whether the provider itself says that all its name servers publish the present data; `None` where
    /// it cannot tell, and its name servers must be asked.
    /// An [`Unseen`] with [`Cause::Missing`](crate::event::Cause::Missing) says "not yet".
    fn published<'a>(
        &'a self,
        zone: &'a str,
        keys: &'a [RecordKey],
    ) -> BoxFuture<'a, Option<Result<(), Unseen>>> {
        let _ = (zone, keys);
        Box::pin(std::future::ready(None))
    }

    /// The commands that a person would type to write `to` over `from`: `curl` or `nsupdate`, secrets
    /// as the name of a variable or file.
    fn commands(&self, zone: &str, from: &Value, to: &Value) -> Vec<String>;
}
