//! Whether what a server answers is what its signatures cover (DNSSEC, RFC 4034 and 4035).
//!
//! Only that is asked: whether the zone's own keys made a signature of just this data, and whether it holds now. Which
//! keys are trusted is for those to judge who validate. Questions go over TCP, so that none is put again without EDNS,
//! which would hide the signatures.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData, RRSIG};
use hickory_resolver::proto::dnssec::{Algorithm, PublicKey, Verifier};
use hickory_resolver::proto::rr::{DNSClass, RData, Record};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{RecordType, over_tcp, question};
use crate::event::{Cause, Unseen};

/// The keys with which a zone is signed, as one server tells them.
#[derive(Debug)]
pub struct Keys(Vec<DNSKEY>);

/// Which key it is, as a signature says it (RFC 4034, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyId {
    pub tag: u16,
    pub algorithm: u8,
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of algorithm {}", self.tag, self.algorithm)
    }
}

/// When a signature begins and ends to hold, in seconds since 1970 (RFC 4034, 3.1.5), and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub inception: u32,
    pub expiration: u32,
    pub by: KeyId,
}

/// How long before its beginning and past its end a signature is told of, in seconds: clocks differ.
const SKEW: u32 = 300;

/// Half of what the numbers of times count to.
const HALF: u32 = 1 << 31;

impl Span {
    /// Whether it was made after another one, as far as their beginnings tell (serials of RFC 1982).
    pub fn is_younger_than(&self, other: &Span) -> bool {
        let later = self.inception.wrapping_sub(other.inception);
        (1..HALF).contains(&later)
    }

    /// Whether those who validate take it at a time.
    pub fn holds(&self, now: Timestamp) -> bool {
        !self.is_to_come(now) && !(SKEW..HALF).contains(&age(now, self.expiration))
    }

    fn is_to_come(&self, now: Timestamp) -> bool {
        (SKEW..HALF).contains(&age(now, self.inception).wrapping_neg())
    }
}

/// How long ago a time of a signature was; above [`HALF`] it is to come (RFC 4034, 3.1.5: as serial numbers).
fn age(now: Timestamp, at: u32) -> u32 {
    let now = u32::try_from(now.as_second().rem_euclid(1 << 32)).unwrap_or_default();
    now.wrapping_sub(at)
}

/// What is said of one record set by its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// There is no such set.
    Absent,
    /// It has no signature.
    Not,
    /// These cover it, one at least: it is enough that one of them holds (RFC 6840, 5.11).
    Right(Vec<Span>),
    /// None of them does, though the keys are there that would have made them.
    Wrong,
    /// All of them are of keys that the zone does not have, as of this one: nobody can use them (RFC 4035, 5.3.1).
    Foreign(KeyId),
    /// They are of algorithms that are not known here.
    Unclear,
}

impl Signed {
    /// What a set, as it is called, lacks for those who validate at a time.
    pub fn lacks(&self, set: &str, now: Timestamp) -> Option<String> {
        match self {
            Signed::Not => Some(format!("{set} has no signature")),
            Signed::Wrong => Some(format!("the signature of {set} does not cover it")),
            Signed::Foreign(key) => Some(format!(
                "the signature of {set} is of the key {key}, which the zone does not have"
            )),
            Signed::Right(spans) if !spans.iter().any(|span| span.holds(now)) => {
                // One that begins to hold says more than those that it takes the place of.
                let to_come = spans.iter().find(|span| span.is_to_come(now));
                let last = || {
                    spans
                        .iter()
                        .max_by_key(|span| age(now, span.expiration).wrapping_neg())
                };
                let (what, at) = match to_come {
                    Some(span) => ("does not hold yet, but from", span.inception),
                    None => ("ran out at", last()?.expiration),
                };
                let at = Timestamp::from_second(at.into()).ok()?;
                Some(format!("the signature of {set} {what} {at}"))
            }
            Signed::Right(_) | Signed::Absent | Signed::Unclear => None,
        }
    }
}

/// The keys of a zone; `None` where the zone has none at this server.
pub async fn keys(
    server: SocketAddr,
    zone: &str,
    timeout: Duration,
) -> Result<Option<Keys>, Unseen> {
    let answers = ask(server, zone, RecordType::DNSKEY, timeout).await?;
    let keys = answers.into_iter().filter_map(|record| match record.data {
        RData::DNSSEC(DNSSECRData::DNSKEY(key)) => Some(key),
        _ => None,
    });
    let keys: Vec<DNSKEY> = keys.collect();
    Ok((!keys.is_empty()).then_some(Keys(keys)))
}

/// What the signatures say of the set of a name and type.
pub async fn signed(
    server: SocketAddr,
    keys: &Keys,
    name: &str,
    rtype: RecordType,
    timeout: Duration,
) -> Result<Signed, Unseen> {
    let answers = ask(server, name, rtype, timeout).await?;
    Ok(keys.judge(name, rtype, &answers))
}

/// What a server that answers for the zone itself says, with signatures.
async fn ask(
    server: SocketAddr,
    name: &str,
    rtype: RecordType,
    timeout: Duration,
) -> Result<Vec<Record>, Unseen> {
    let mut query = question(name, rtype, false)?;
    if let Some(edns) = &mut query.edns {
        edns.set_dnssec_ok(true);
    }
    let message = over_tcp(server, &query, Instant::now() + timeout).await?;
    let code = u16::from(message.metadata.response_code);
    if !matches!(code, 0 | 3) || !message.metadata.authoritative {
        let detail = format!("`{server}` does not answer for `{name}` itself");
        return Err(Unseen::new(Cause::Error, detail));
    }
    Ok(message.answers)
}

fn id_of(key: &DNSKEY) -> Option<KeyId> {
    Some(KeyId {
        tag: key.calculate_key_tag().ok()?,
        algorithm: key.public_key().algorithm().into(),
    })
}

impl Keys {
    /// Which keys they are.
    pub fn ids(&self) -> BTreeSet<KeyId> {
        self.0.iter().filter_map(id_of).collect()
    }

    fn judge(&self, name: &str, rtype: RecordType, answers: &[Record]) -> Signed {
        let Ok(query) = question(name, rtype, false) else {
            return Signed::Absent;
        };
        let Some(owner) = query.queries.first().map(|query| query.name().clone()) else {
            return Signed::Absent;
        };
        let at = || answers.iter().filter(|record| record.name == owner);
        let set: Vec<&Record> = at().filter(|of| of.record_type() == rtype).collect();
        if set.is_empty() {
            return Signed::Absent;
        }
        let signatures = at().filter_map(|record| match &record.data {
            RData::DNSSEC(DNSSECRData::RRSIG(made)) if made.input().type_covered == rtype => {
                Some(made)
            }
            _ => None,
        });
        let signatures: Vec<&RRSIG> = signatures.collect();
        let mut right = Vec::new();
        let mut worst = Signed::Not;
        for made in signatures {
            let by = made.input();
            let id = KeyId {
                tag: by.key_tag,
                algorithm: by.algorithm.into(),
            };
            let mut keys = (self.0.iter()).filter(|key| id_of(key) == Some(id));
            let is_right = |key: &DNSKEY| {
                let records = set.iter().copied();
                key.verify_rrsig(&owner, DNSClass::IN, made, records)
                    .is_ok()
            };
            let known =
                !matches!(by.algorithm, Algorithm::Unknown(_)) && by.algorithm.is_supported();
            let any_key = keys.clone().next().is_some();
            if keys.any(is_right) {
                right.push(Span {
                    inception: by.sig_inception.get(),
                    expiration: by.sig_expiration.get(),
                    by: id,
                });
                continue;
            }
            worst = match (any_key, known, worst) {
                (_, _, Signed::Unclear) | (true, false, _) => Signed::Unclear,
                (true, true, _) | (_, _, Signed::Wrong) => Signed::Wrong,
                (false, _, _) => Signed::Foreign(id),
            };
        }
        match right.is_empty() {
            true => worst,
            false => Signed::Right(right),
        }
    }
}

#[cfg(test)]
mod tests;
