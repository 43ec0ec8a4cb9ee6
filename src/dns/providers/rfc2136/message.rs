//! The messages of RFC 2136.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use hickory_resolver::proto::op::update_message::UpdateMessage;
use hickory_resolver::proto::op::{Edns, Message, OpCode, Query};
use hickory_resolver::proto::rr::rdata::opt::EdnsOption;
use hickory_resolver::proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME};
use hickory_resolver::proto::rr::{self, DNSClass, Name, RData, Record, TSigner};

use super::Key;
use super::signed::Sealed;
use crate::dns::providers::common::Swap;
use crate::dns::{RecordKey, RecordSet, RecordType};
use crate::event::{Cause, Unseen};
use crate::secret::Secret;
use crate::world::dns::name;

/// How far the clocks of both sides may differ, in seconds.
const FUDGE: u16 = 300;
/// The names of the signature algorithms that a playbook can give.
pub(super) const ALGORITHMS: &[&str] = &["hmac-sha256", "hmac-sha384", "hmac-sha512"];

/// A key with its secret, ready to sign.
pub(super) fn signer(key: &Key, secret: &Secret) -> Result<TSigner, Unseen> {
    let refuse = |why: &str| {
        Unseen::new(
            Cause::Denied,
            format!("the secret of key `{}` ({}) {why}", key.name, key.secret),
        )
    };
    let bytes = data_encoding::BASE64
        .decode(secret.expose().trim().as_bytes())
        .map_err(|_| refuse("is not base64, as `tsig-keygen` prints it"))?;
    if bytes.is_empty() {
        return Err(refuse("is empty"));
    }
    let algorithm = match key.algorithm.as_str() {
        "hmac-sha384" => TsigAlgorithm::HmacSha384,
        "hmac-sha512" => TsigAlgorithm::HmacSha512,
        _ => TsigAlgorithm::HmacSha256,
    };
    let name = name(&key.name).map_err(|why| Unseen::new(Cause::Denied, why))?;
    TSigner::new(bytes, algorithm, name, FUDGE).map_err(|_| refuse("cannot be used to sign"))
}

/// The question for one set, without recursion.
pub(super) fn question(key: &RecordKey) -> Result<Message, String> {
    Ok(query(name(&key.name)?, rtype(key.rtype)))
}

/// The question for the SOA of a name.
pub(super) fn soa(of: &str) -> Result<Message, String> {
    of_type(of, rr::RecordType::SOA)
}

/// The question for a set of any type.
pub(super) fn of_type(of: &str, rtype: rr::RecordType) -> Result<Message, String> {
    Ok(query(name(of)?, rtype))
}

/// The question for the SOA of a zone that also asks how long a copy of it is still good (RFC 7314).
pub(super) fn apex(zone: &str) -> Result<Message, String> {
    let mut message = soa(zone)?;
    let mut edns = Edns::new();
    edns.options_mut()
        .insert(EdnsOption::Unknown(9, Vec::new()));
    message.set_edns(edns);
    Ok(message)
}

/// The question for a whole zone.
pub(super) fn transfer(zone: &str) -> Result<Message, String> {
    Ok(query(name(zone)?, rr::RecordType::AXFR))
}

fn query(name: Name, rtype: rr::RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = false;
    message.add_query(Query::query(name, rtype));
    message
}

/// The one message that swaps all sets of a swap, or none.
///
/// Every set that it touches must be exactly what is expected. Where it brings an alias, or an address
/// beside an alias, the other types must be absent: servers skip such an addition without a word.
/// Deletions go first, since the order of the message is the order of execution.
pub(super) fn update(zone: &str, swap: &Swap) -> Result<Message, String> {
    let origin = name(zone)?;
    let mut message = Message::query();
    message.metadata.op_code = OpCode::Update;
    message.metadata.recursion_desired = false;
    message.add_zone(Query::query(origin.clone(), rr::RecordType::SOA));
    let mut names: HashMap<&str, Name> = HashMap::new();
    for set in swap.from.iter().chain(&swap.to) {
        if !names.contains_key(&*set.key.name) {
            let name = name(&set.key.name)?;
            if !origin.zone_of(&name) {
                return Err(outside(&set.key, zone));
            }
            names.insert(&set.key.name, name);
        }
    }
    let named = |key: &RecordKey| match names.get(&*key.name) {
        Some(name) => Ok(name.clone()),
        None => name(&key.name),
    };
    for key in absent(swap) {
        message.add_pre_requisite(bare(&key, named(&key)?, DNSClass::NONE));
    }
    for set in &swap.from {
        message.add_pre_requisites(records(set, &named(&set.key)?, 0)?);
    }
    for set in &swap.from {
        message.add_update(bare(&set.key, named(&set.key)?, DNSClass::ANY));
    }
    for set in &swap.to {
        message.add_updates(records(set, &named(&set.key)?, set.ttl)?);
    }
    Ok(message)
}

/// Why the message of a part could not be made, or sent. Made it is only where it may be too large.
pub(super) fn judged(key: &Key, zone: &str, part: &Swap) -> Result<(), String> {
    let origin = name::canonical(zone)?;
    let mut most = 0;
    for (key, from, to) in part.pairs() {
        let name = name::canonical(&key.name)?;
        if !is_within(&name, &origin) {
            return Err(outside(key, zone));
        }
        most += weight(from, to);
        if from.is_none() {
            // What must not be there: the set itself, and those that cannot live beside it.
            most += 3 * head(key);
        }
    }
    match most <= LARGEST {
        true => Ok(()),
        false => fits(key, update(zone, part)?),
    }
}

/// Whether a name is the zone's or lies below it.
pub(super) fn is_within(name: &str, zone: &str) -> bool {
    let zone = zone.trim_end_matches('.');
    let rest = name.strip_suffix(zone);
    rest.is_some_and(|rest| rest.is_empty() || zone.is_empty() || rest.ends_with('.'))
}

fn outside(key: &RecordKey, zone: &str) -> String {
    format!("`{key}` does not lie in the zone `{zone}`")
}

/// Whether a message still fits into 65,535 bytes (RFC 1035, 4.2.2) once it is signed with this key.
fn fits(key: &Key, message: Message) -> Result<(), String> {
    // A signature is as long with any secret.
    let signer = signer(key, &Secret::new("AAAA")).map_err(|unseen| unseen.detail)?;
    Sealed::seal(message, signer, 0).map(drop)
}

/// The keys at which nothing may be: new ones, and those that cannot live beside a new one.
pub(super) fn absent(swap: &Swap) -> Vec<RecordKey> {
    let mut keys: BTreeSet<RecordKey> = BTreeSet::new();
    let held: HashSet<&RecordKey> = swap.from.iter().map(|set| &set.key).collect();
    for (key, from, to) in swap.pairs() {
        if from.is_some() || to.is_none() {
            continue;
        }
        let rivals: &[RecordType] = match key.rtype {
            RecordType::Cname => &[RecordType::A, RecordType::Aaaa],
            RecordType::A | RecordType::Aaaa => &[RecordType::Cname],
        };
        for rtype in rivals {
            let rival = RecordKey::new(&key.name, *rtype);
            if !held.contains(&rival) {
                keys.insert(rival);
            }
        }
        keys.insert(key.clone());
    }
    keys.into_iter().collect()
}

/// A record without data: "no such set" or "delete the set", by its class.
fn bare(key: &RecordKey, owner: Name, class: DNSClass) -> Record {
    let mut record = Record::update0(owner, 0, rtype(key.rtype));
    record.dns_class = class;
    record
}

fn records(set: &RecordSet, owner: &Name, ttl: u32) -> Result<Vec<Record>, String> {
    set.data
        .iter()
        .map(|text| {
            Ok(Record::from_rdata(
                owner.clone(),
                ttl,
                rdata(set.key.rtype, text)?,
            ))
        })
        .collect()
}

fn rdata(rtype: RecordType, text: &str) -> Result<RData, String> {
    let wrong = || format!("`{text}` is no data of type {rtype}");
    Ok(match rtype {
        RecordType::A => RData::A(A(text.parse::<Ipv4Addr>().map_err(|_| wrong())?)),
        RecordType::Aaaa => RData::AAAA(AAAA(text.parse::<Ipv6Addr>().map_err(|_| wrong())?)),
        RecordType::Cname => RData::CNAME(CNAME(name(text)?)),
    })
}

pub(super) fn name(text: &str) -> Result<Name, String> {
    let labels = name::labels(text)?;
    let mut name = Name::from_labels(labels.iter().map(Vec::as_slice))
        .map_err(|error| format!("`{text}` is no name: {error}"))?;
    name.set_fqdn(true);
    Ok(name)
}

fn rtype(rtype: RecordType) -> rr::RecordType {
    match rtype {
        RecordType::A => rr::RecordType::A,
        RecordType::Aaaa => rr::RecordType::AAAA,
        RecordType::Cname => rr::RecordType::CNAME,
    }
}

/// What one message may hold of changes, in bytes. A DNS message holds 65,535 (RFC 1035, 4.2.2); the rest is
/// for the header, the signature and the conditions against aliases.
const LARGEST: usize = 60_000;

/// Cuts changes (before, after) into groups that each fit into one message.
pub(super) fn groups(sets: &[(RecordSet, RecordSet)]) -> Vec<&[(RecordSet, RecordSet)]> {
    let weights =
        (sets.iter()).map(|(before, after)| (&before.key, weight(Some(before), Some(after))));
    ranges(weights)
        .into_iter()
        .map(|range| &sets[range])
        .collect()
}

/// Cuts a swap into swaps that each fit into one message, in the order of their keys. What reads as it shall be already
/// is sent as well: where updates reach one server and looks another, that is no proof.
pub(super) fn parts(swap: &Swap) -> Vec<Swap> {
    let pairs = swap.pairs();
    let weights = (pairs.iter()).map(|(key, from, to)| (*key, weight(*from, *to)));
    let ranges = ranges(weights).into_iter();
    ranges
        .map(|range| {
            let some = &pairs[range];
            Swap {
                from: some
                    .iter()
                    .filter_map(|(_, from, _)| from.cloned())
                    .collect(),
                to: some.iter().filter_map(|(.., to)| to.cloned()).collect(),
            }
        })
        .collect()
}

/// Which changes go together, by their keys and weights. Those of one name stay together, since they are conditions of
/// each other.
fn ranges<'k>(weights: impl Iterator<Item = (&'k RecordKey, usize)>) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut size) = (0, 0);
    // The changes of the newest name: where they begin, and what they weigh.
    let (mut begins, mut of_name, mut name) = (0, 0, "");
    let mut end = 0;
    for (key, more) in weights {
        if key.name != name {
            (begins, of_name, name) = (end, 0, key.name.as_str());
        }
        if size + more > LARGEST && begins > start {
            ranges.push(start..begins);
            (start, size) = (begins, of_name);
        }
        size += more;
        of_name += more;
        end += 1;
    }
    ranges.push(start..end);
    ranges
}

/// The most bytes that the change of one set takes, names uncompressed: each old record as a condition, one
/// deletion, each new record.
fn weight(before: Option<&RecordSet>, after: Option<&RecordSet>) -> usize {
    let of = |set: &RecordSet| -> usize {
        let head = head(&set.key);
        let data = set.data.iter().map(|data| head + data.len().max(16) + 2);
        data.sum()
    };
    let key = before.or(after).map(|set| &set.key);
    key.map_or(0, head) + before.map_or(0, of) + after.map_or(0, of)
}

/// What a record takes without its data: its owner's name with its length bytes, type, class, TTL, length of the data.
fn head(key: &RecordKey) -> usize {
    key.name.len() + 2 + 10
}

#[cfg(test)]
mod tests;
