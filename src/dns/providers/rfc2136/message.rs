//! The messages of RFC 2136.

use std::collections::{BTreeSet, HashSet};
use std::net::{Ipv4Addr, Ipv6Addr};

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

/// The one message that swaps all sets of a zone, or none.
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
    for key in swap.keys() {
        if !origin.zone_of(&name(&key.name)?) {
            return Err(format!("`{key}` does not lie in the zone `{zone}`"));
        }
    }
    for key in absent(swap) {
        message.add_pre_requisite(bare(&key, DNSClass::NONE)?);
    }
    for set in &swap.from {
        message.add_pre_requisites(records(set, 0)?);
    }
    for set in &swap.from {
        message.add_update(bare(&set.key, DNSClass::ANY)?);
    }
    for set in &swap.to {
        message.add_updates(records(set, set.ttl)?);
    }
    Ok(message)
}

/// Whether a message still fits into 65,535 bytes (RFC 1035, 4.2.2) once it is signed with this key.
pub(super) fn fits(key: &Key, message: &Message) -> Result<(), String> {
    // A signature is as long with any secret.
    let signer = signer(key, &Secret::new("AAAA")).map_err(|unseen| unseen.detail)?;
    Sealed::seal(message.clone(), signer, 0).map(drop)
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
fn bare(key: &RecordKey, class: DNSClass) -> Result<Record, String> {
    let mut record = Record::update0(name(&key.name)?, 0, rtype(key.rtype));
    record.dns_class = class;
    Ok(record)
}

fn records(set: &RecordSet, ttl: u32) -> Result<Vec<Record>, String> {
    let owner = name(&set.key.name)?;
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
    let mut groups = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (i, (before, after)) in sets.iter().enumerate() {
        let more = weight(before, after);
        if size + more > LARGEST && i > start {
            groups.push(&sets[start..i]);
            (start, size) = (i, 0);
        }
        size += more;
    }
    groups.push(&sets[start..]);
    groups
}

/// The most bytes that the change of one set takes, names uncompressed: each old record as a condition, one
/// deletion, each new record.
fn weight(before: &RecordSet, after: &RecordSet) -> usize {
    // Owner name with its length bytes; type, class, TTL, length of the data.
    let head = before.key.name.len() + 2 + 10;
    let record = |data: &String| head + data.len().max(16) + 2;
    let records = before.data.iter().chain(&after.data);
    records.map(record).sum::<usize>() + head
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretRef;

    fn set(name: &str, rtype: RecordType, ttl: u32, data: &[&str]) -> RecordSet {
        RecordSet::new(RecordKey::new(name, rtype), ttl, data).unwrap()
    }

    fn swap(from: &[RecordSet], to: &[RecordSet]) -> Swap {
        Swap::new(&RecordSet::value_of(from), &RecordSet::value_of(to)).unwrap()
    }

    #[test]
    fn deletions_go_before_additions_and_every_set_has_its_condition() {
        let swap = swap(
            &[set(
                "www.example.org",
                RecordType::Cname,
                300,
                &["old.example.org."],
            )],
            &[
                set(
                    "www.example.org",
                    RecordType::A,
                    60,
                    &["192.0.2.1", "192.0.2.2"],
                ),
                set("www.example.org", RecordType::Aaaa, 60, &["2001:db8::1"]),
            ],
        );
        let message = update("example.org", &swap).unwrap();
        let classes: Vec<_> = message
            .prerequisites()
            .iter()
            .map(|r| r.dns_class)
            .collect();
        assert_eq!(classes, [DNSClass::NONE, DNSClass::NONE, DNSClass::IN]);
        assert!(message.prerequisites().iter().all(|r| r.ttl == 0));
        let classes: Vec<_> = message.updates().iter().map(|r| r.dns_class).collect();
        assert_eq!(
            classes,
            [DNSClass::ANY, DNSClass::IN, DNSClass::IN, DNSClass::IN]
        );
        assert_eq!(message.updates()[1].ttl, 60);
    }

    #[test]
    fn a_thousand_sets_are_cut_into_messages_that_fit() {
        let pair = |n: usize| {
            let name = format!("a-host-with-a-long-name-{n}.a-department.example.org");
            let of = |ip: &str| set(&name, RecordType::Aaaa, 300, &[ip, "2001:db8::ffff"]);
            (of("2001:db8::10"), of("2001:db8:1::20"))
        };
        let sets: Vec<_> = (0..1000).map(pair).collect();
        let groups = groups(&sets);
        assert!(groups.len() > 1);
        assert_eq!(groups.concat(), sets);
        for group in groups {
            let (before, after): (Vec<_>, Vec<_>) = group.iter().cloned().unzip();
            let message = update("example.org", &swap(&before, &after)).unwrap();
            assert!(message.to_vec().unwrap().len() < 64_000);
        }
    }

    #[test]
    fn an_alias_must_not_come_beside_addresses() {
        let swap = swap(
            &[],
            &[set(
                "www.example.org",
                RecordType::Cname,
                60,
                &["x.example.org."],
            )],
        );
        let keys: Vec<_> = absent(&swap).iter().map(|key| key.rtype).collect();
        assert_eq!(keys, [RecordType::A, RecordType::Aaaa, RecordType::Cname]);
    }

    #[test]
    fn a_name_outside_the_zone_is_refused() {
        let swap = swap(
            &[],
            &[set("www.example.net", RecordType::A, 60, &["192.0.2.1"])],
        );
        assert!(update("example.org", &swap).is_err());
    }

    #[test]
    fn an_error_about_a_secret_does_not_hold_it() {
        let key = Key {
            name: "k".into(),
            algorithm: "hmac-sha256".into(),
            secret: SecretRef::Env("TSIG".into()),
        };
        let error = signer(&key, &Secret::new("!planted-secret!"))
            .err()
            .unwrap();
        assert!(!error.detail.contains("planted"), "{error:?}");
        assert!(error.detail.contains("`TSIG`"), "{error:?}");
    }

    #[test]
    fn an_answer_to_another_question_is_refused() {
        let key = Key {
            name: "k".into(),
            algorithm: "hmac-sha512".into(),
            secret: SecretRef::Env("TSIG".into()),
        };
        let signer = signer(&key, &Secret::new("c2VjcmV0")).unwrap();
        let message = question(&RecordKey::new("www.example.org", RecordType::A)).unwrap();
        let id = message.metadata.id;
        let (_, mut sealed) = Sealed::seal(message, signer, 1_000).unwrap();
        let answer = |id| Message::response(id, OpCode::Query).to_vec().unwrap();
        assert!(sealed.open(&answer(id.wrapping_add(1)), 1_000).is_err());
        let opened = sealed.open(&answer(id), 1_000).unwrap();
        assert!(!opened.signed);
        assert!(sealed.open(&[1, 2, 3], 1_000).is_err());
    }
}
