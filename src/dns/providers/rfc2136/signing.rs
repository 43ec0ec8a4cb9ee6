//! Whether a server signs what is written to a signed zone (DNSSEC).
//!
//! One that only holds a zone which was signed elsewhere takes an update and leaves the old signature beside the new
//! data: whoever validates loses the name, and the SOA too, whose serial rose. Before a write no question shows for
//! certain which of both it is. What shows it often is how the signatures were made: `dnssec-signzone` and its like
//! make all of them at one time and for whole hours (30 days and the hour by which they begin earlier); BIND spreads
//! the end of those that it makes itself, and says in records of type 65534 that it signs; PowerDNS makes them from a
//! Thursday at 00:00 on; Knot makes them begin 90 minutes earlier and so end at a half hour; and whoever signs at each
//! change has a younger signature at the SOA. After a write the signature itself shows it.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use hickory_resolver::proto::rr::RecordType;
use jiff::Timestamp;

use crate::clock::Clock;
use crate::dns::{RecordKey, RecordSet};
use crate::event::Unseen;
use crate::world::dns::signed::{self, Keys, Signed, Span};

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a server is given to sign what was written: BIND does so a moment later where it signs inline.
const SIGNING: Duration = Duration::from_secs(8);
const PAUSE: Duration = Duration::from_millis(250);

/// Of so many record sets the signatures are looked at: who signs one of them signs all.
const SETS: usize = 8;

/// With these BIND keeps what it has signed of a zone.
const PRIVATE: u16 = 65_534;

const HOUR: u32 = 3_600;
const WEEK: u32 = 604_800;

/// What the signatures of a zone show.
#[derive(Debug)]
pub(super) enum Looked {
    Unsigned,
    Unseen(Unseen),
    Signed(Signatures),
}

#[derive(Debug, Default)]
pub(super) struct Signatures {
    soa: Option<Span>,
    /// The other ones.
    others: Vec<Span>,
    /// Sets without a right signature, and what they have in its place.
    bad: Vec<String>,
    /// The server keeps what it has signed.
    keeps_record: bool,
}

/// What speaks against writing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Against {
    Refuses(String),
    Warns(String),
}

/// Looks at the signatures of a zone and of some of these sets.
pub(super) async fn look(server: SocketAddr, zone: &str, keys: &[RecordKey]) -> Looked {
    match signatures(server, zone, keys).await {
        Ok(None) => Looked::Unsigned,
        Ok(Some(found)) => Looked::Signed(found),
        Err(unseen) => Looked::Unseen(unseen),
    }
}

async fn signatures(
    server: SocketAddr,
    zone: &str,
    sets: &[RecordKey],
) -> Result<Option<Signatures>, Unseen> {
    let Some(keys) = signed::keys(server, zone, PATIENCE).await? else {
        return Ok(None);
    };
    let own = [
        RecordType::SOA,
        RecordType::NS,
        RecordType::DNSKEY,
        RecordType::Unknown(PRIVATE),
    ];
    let own = own.map(|rtype| (zone, rtype)).into_iter();
    let sets = sets.iter().take(SETS);
    let sets = sets.map(|key| (key.name.as_str(), of(key)));
    let asked = own.chain(sets).map(|(name, rtype)| {
        let keys = &keys;
        async move {
            let told = signed::signed(server, keys, name, rtype, PATIENCE).await;
            (name, rtype, told)
        }
    });
    let mut found = Signatures::default();
    for (name, rtype, told) in join_all(asked).await {
        let told = told?;
        match (&told, rtype) {
            (Signed::Absent, _) => continue,
            (_, RecordType::Unknown(_)) => {
                found.keeps_record = true;
                continue;
            }
            // Keys alone sign nothing.
            (Signed::Not, RecordType::SOA) => return Ok(None),
            (Signed::Right(spans), RecordType::SOA) => {
                found.soa = youngest(spans, Clock::real().now().wall);
            }
            (Signed::Right(spans), _) => found.others.extend(spans),
            _ => {}
        }
        found.bad.extend(lacks(&told, name, rtype));
    }
    Ok(Some(found))
}

/// Of several, which other keys made or which ran out, the one that was made last of those that hold.
fn youngest(spans: &[Span], now: Timestamp) -> Option<Span> {
    let holding = spans.iter().filter(|span| span.holds(now)).copied();
    holding.reduce(|one, other| match other.is_younger_than(&one) {
        true => other,
        false => one,
    })
}

fn lacks(told: &Signed, name: &str, rtype: RecordType) -> Option<String> {
    told.lacks(&format!("`{name} {rtype}`"), Clock::real().now().wall)
}

fn of(key: &RecordKey) -> RecordType {
    match key.rtype {
        crate::dns::RecordType::A => RecordType::A,
        crate::dns::RecordType::Aaaa => RecordType::AAAA,
        crate::dns::RecordType::Cname => RecordType::CNAME,
    }
}

impl Looked {
    /// What they say of a server that is to be written to.
    pub(super) fn against(&self, server: SocketAddr, zone: &str) -> Option<Against> {
        let found = match self {
            Looked::Unsigned => return None,
            Looked::Unseen(unseen) => {
                return Some(Against::Warns(format!(
                    "whether `{zone}` is signed, and whether `{server}` signs what is written, could not be told: {}",
                    unseen.detail
                )));
            }
            Looked::Signed(found) => found,
        };
        let mend = "write where the zone is signed; or, where this server signs by itself, say so with `signs = true`";
        if let Some(bad) = found.bad.first() {
            return Some(Against::Refuses(format!(
                "`{zone}` is signed, and at `{server}` {bad}: nothing there signs what is written, and those who validate \
                 lose the name: {mend}"
            )));
        }
        if let Some(at) = found.made_at_once() {
            return Some(Against::Refuses(format!(
                "`{zone}` was signed as a whole ({at}), as `dnssec-signzone` does, and nothing shows that `{server}` signs \
                 what is written: a changed set would keep its old signature, and those who validate would lose the \
                 name: {mend}"
            )));
        }
        (!found.are_the_servers_own()).then(|| {
            Against::Warns(format!(
                "`{zone}` is signed: that `{server}` signs what is written is seen only when it is written; where it does \
                 not, the change is taken back at once"
            ))
        })
    }
}

impl Signatures {
    fn all(&self) -> impl Iterator<Item = &Span> {
        self.soa.iter().chain(&self.others)
    }

    /// Whether the server made them itself.
    fn are_the_servers_own(&self) -> bool {
        let is_weekly = |span: &Span| span.inception.is_multiple_of(WEEK);
        let is_younger = |soa: Span| {
            let mut others = self.others.iter();
            others.any(|of| of.inception < soa.inception)
        };
        self.keeps_record
            || self.soa.is_some_and(is_younger)
            || self.soa.is_some() && self.all().all(is_weekly)
    }

    /// When a tool made them, as it seems, all together.
    fn made_at_once(&self) -> Option<Timestamp> {
        let soa = self.soa?;
        let is_alike = |span: &Span| {
            let lasts = span.expiration.wrapping_sub(span.inception);
            span.inception == soa.inception && lasts.is_multiple_of(HOUR)
        };
        let at_once = self.all().all(is_alike) && !self.are_the_servers_own();
        let at = Timestamp::from_second(soa.inception.into()).ok();
        at.filter(|_| at_once)
    }
}

/// The keys of a zone whose SOA is signed; `None` also where that cannot be told.
pub(super) async fn keys(server: SocketAddr, zone: &str) -> Option<Keys> {
    let keys = signed::keys(server, zone, PATIENCE).await.ok()??;
    let soa = signed::signed(server, &keys, zone, RecordType::SOA, PATIENCE).await;
    (!matches!(soa.ok()?, Signed::Not | Signed::Absent)).then_some(keys)
}

/// What the signatures of sets show just after these were written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    Signed,
    /// What they lack.
    Unsigned(String),
    /// None was seen, right or wrong: nobody answered, or there is no such set.
    Untold,
}

/// Whether a server signs these sets, which were just written; it is given time for that.
pub(super) async fn written(server: SocketAddr, keys: &Keys, sets: &[RecordSet]) -> Written {
    let clock = Clock::real();
    let until = clock.now().plus(SIGNING);
    loop {
        let asked = (sets.iter().take(SETS)).map(|set| {
            let (name, rtype) = (&set.key.name, of(&set.key));
            async move {
                let told = signed::signed(server, keys, name, rtype, PATIENCE)
                    .await
                    .ok()?;
                Some(match lacks(&told, name, rtype) {
                    Some(bad) => Written::Unsigned(bad),
                    None if matches!(told, Signed::Right(_)) => Written::Signed,
                    None => Written::Untold,
                })
            }
        });
        let told = of_all(join_all(asked).await.into_iter().flatten());
        if !matches!(told, Written::Unsigned(_)) || until.left(&clock.now()).is_zero() {
            return told;
        }
        clock.sleep(PAUSE).await;
    }
}

/// Of several sets: who leaves one unsigned does not sign, and who signs one signs all.
fn of_all(told: impl Iterator<Item = Written>) -> Written {
    told.fold(Written::Untold, |all, one| match (all, one) {
        (Written::Unsigned(bad), _) | (_, Written::Unsigned(bad)) => Written::Unsigned(bad),
        (Written::Signed, _) | (_, Written::Signed) => Written::Signed,
        (Written::Untold, Written::Untold) => Written::Untold,
    })
}

#[cfg(test)]
mod tests;
