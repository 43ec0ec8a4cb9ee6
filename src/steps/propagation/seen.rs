//! What the looks of `propagation` bring back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::clock::Stamp;
use crate::dns::{RecordKey, RecordType};
use crate::event::Unseen;
use crate::site::Aim;
use crate::world::delegation::NameServer;
use crate::world::dns::signed::KeyId;
use crate::world::dns::{self, DnsSeen};

/// One look: servers of one role that were asked about names of one zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Sighting {
    pub(super) zone: String,
    pub(super) role: Role,
    /// The addresses of both sites, as the playbook had them.
    pub(super) sites: BTreeMap<String, BTreeSet<IpAddr>>,
    pub(super) asked: Vec<Asked>,
    /// What is odd about the delegation.
    pub(super) notes: Vec<String>,
    /// Name servers that may have addresses which could not be told, and why.
    #[serde(default)]
    pub(super) unseen: Vec<(String, Unseen)>,
    /// The name server that takes the writes, where that is known.
    #[serde(default)]
    pub(super) written_at: Option<SocketAddr>,
    /// The highest TTL that was served with addresses of the side that shall be idle, as far as it was seen.
    pub(super) old_ttl: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Role {
    Authoritative,
    /// A cache that the playbook names.
    Resolver,
    /// A cache of this machine: it may not know the zone at all.
    SystemResolver,
}

/// The answers of one server, each with its question.
pub(super) type Answers = Vec<(RecordKey, Result<Told, Unseen>)>;

/// One server at one address, and what it said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Asked {
    /// Its name and address.
    pub(super) server: String,
    pub(super) at: SocketAddr,
    pub(super) answers: Answers,
    /// The first question, over TCP.
    pub(super) over_tcp: Option<Result<Told, Unseen>>,
    pub(super) taken: Stamp,
    /// Since when every answer was new, look after look.
    pub(super) new_since: Option<Stamp>,
    /// It was new in one answer and not in a later one.
    #[serde(default)]
    pub(super) wavers: bool,
    /// Every answer is new, and they are too few in a row to count.
    #[serde(default)]
    pub(super) short: Option<Short>,
    /// How many questions of this look were not answered, of those that were put once more.
    #[serde(default)]
    pub(super) silent: u32,
    /// Sets of a signed zone whose signatures do not cover what is answered, in words.
    #[serde(default)]
    pub(super) unsigned: Vec<String>,
    /// The SOA of the zone at this server, where it was asked before the change.
    #[serde(default)]
    pub(super) soa: Option<Soa>,
    /// What the signature of the zone's SOA lacks, in words.
    #[serde(default)]
    pub(super) unsigned_soa: Option<String>,
    /// The keys of the zone at this server, and by which of them each set is signed rightly there; none where it does not
    /// sign.
    #[serde(default)]
    pub(super) zone_keys: BTreeSet<KeyId>,
    #[serde(default)]
    pub(super) signers: BTreeSet<BTreeSet<KeyId>>,
}

/// Which copy of a zone a server has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Soa {
    pub(super) serial: u32,
    /// The SOA but for its serial: what is no copy of the same zone has another one.
    pub(super) rest: String,
    /// Each answer of this look has a newer one than that of the first look.
    #[serde(default)]
    pub(super) rises: bool,
}

/// How many answers in a row were new, and how many it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Short {
    pub(super) good: u32,
    pub(super) of: u32,
    /// An earlier one was not, after one that was.
    pub(super) after_old: bool,
}

impl Asked {
    /// What a server said to these questions; nothing more is known of it yet.
    pub(super) fn new(server: String, at: SocketAddr, answers: Answers, taken: Stamp) -> Asked {
        Asked {
            server,
            at,
            answers,
            over_tcp: None,
            taken,
            new_since: None,
            wavers: false,
            short: None,
            silent: 0,
            unsigned: Vec::new(),
            soa: None,
            unsigned_soa: None,
            zone_keys: BTreeSet::new(),
            signers: BTreeSet::new(),
        }
    }

    /// Every answer that was seen, over UDP and TCP.
    pub(super) fn told(&self) -> impl Iterator<Item = &Told> {
        let tcp = self.over_tcp.iter().flatten();
        self.answers.iter().flat_map(|(_, told)| told).chain(tcp)
    }

    /// The same, each with its record set.
    pub(super) fn told_of(&self) -> impl Iterator<Item = (&RecordKey, &Told)> {
        let first = self.answers.first().map(|(key, _)| key);
        let tcp = first.zip(self.over_tcp.as_ref().and_then(|told| told.as_ref().ok()));
        let answers = self.answers.iter();
        (answers.filter_map(|(key, told)| Some((key, told.as_ref().ok()?)))).chain(tcp)
    }

    /// Every question over UDP was answered as this role must answer: a name server with authority.
    pub(super) fn all_told(&self, role: Role) -> bool {
        (self.answers.iter()).all(|(_, told)| is_told(told, role))
    }
}

/// An answer that counts, from a server of this role.
pub(super) fn is_told(told: &Result<Told, Unseen>, role: Role) -> bool {
    told.as_ref().is_ok_and(|told| told.counts(role))
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Told {
    pub(super) rcode: String,
    pub(super) is_telling: bool,
    pub(super) authoritative: bool,
    pub(super) addresses: BTreeSet<IpAddr>,
    pub(super) ttl: Option<u32>,
    /// Where the last alias of the answer leads.
    pub(super) cname: Option<String>,
    /// Whose servers it refers to, in place of an answer.
    #[serde(default)]
    pub(super) referral: Option<String>,
}

impl Told {
    /// Whether it is an answer as this role must give it: a name server with authority.
    pub(super) fn counts(&self, role: Role) -> bool {
        self.is_telling && (self.authoritative || role != Role::Authoritative)
    }
}

impl From<DnsSeen> for Told {
    fn from(seen: DnsSeen) -> Told {
        Told {
            is_telling: seen.is_telling(),
            addresses: seen.addresses().into_iter().collect(),
            rcode: seen.rcode,
            authoritative: seen.authoritative,
            ttl: seen.ttl,
            cname: seen.cname_chain.into_iter().next_back(),
            referral: seen.referral,
        }
    }
}

/// The type as a question.
pub(super) fn asked_type(rtype: RecordType) -> dns::RecordType {
    match rtype {
        RecordType::A => dns::RecordType::A,
        RecordType::Aaaa => dns::RecordType::AAAA,
        RecordType::Cname => dns::RecordType::CNAME,
    }
}

/// The addresses of the two sides. From a proxy of both nobody can tell which of them serves.
#[derive(Clone, Debug, Default)]
pub(super) struct Sides {
    pub(super) active: BTreeSet<IpAddr>,
    pub(super) idle: BTreeSet<IpAddr>,
    shared: BTreeSet<IpAddr>,
}

impl Sides {
    pub(super) fn new(sites: &BTreeMap<String, BTreeSet<IpAddr>>, aim: &Aim) -> Sides {
        let active = sites.get(&aim.active).cloned().unwrap_or_default();
        let idle = sites.get(&aim.idle).cloned().unwrap_or_default();
        Sides {
            shared: idle.intersection(&active).copied().collect(),
            active: active.difference(&idle).copied().collect(),
            idle: idle.difference(&active).copied().collect(),
        }
    }

    /// Whether an address is one of a side.
    pub(super) fn holds(&self, ip: &IpAddr) -> bool {
        [&self.active, &self.idle, &self.shared]
            .iter()
            .any(|side| side.contains(ip))
    }

    pub(super) fn is_shared(&self, told: &Told) -> bool {
        !told.addresses.is_disjoint(&self.shared)
    }

    pub(super) fn is_old(&self, told: &Told) -> bool {
        !told.addresses.is_disjoint(&self.idle)
    }

    /// Its addresses that belong to neither side.
    pub(super) fn strangers<'t>(&self, told: &'t Told) -> Vec<&'t IpAddr> {
        let addresses = told.addresses.iter();
        addresses.filter(|ip| !self.holds(ip)).collect()
    }

    /// Whether any of its addresses belongs to a side.
    pub(super) fn is_of_either(&self, told: &Told) -> bool {
        self.strangers(told).len() < told.addresses.len()
    }

    pub(super) fn is_new(&self, told: &Told) -> bool {
        !self.is_old(told) && !told.addresses.is_disjoint(&self.active)
    }
}

/// Where the parent's view and the zone's own differ, in words.
pub(super) fn differences(servers: &[NameServer]) -> Vec<String> {
    let knows_itself = servers.iter().any(|server| server.at_apex);
    (servers.iter())
        .filter_map(|server| {
            let name = &server.name;
            if server.addresses.is_empty() && server.unseen.is_none() {
                Some(format!("{name} has no address"))
            } else if !server.at_parent {
                Some(format!("{name} is named by the zone and not by its parent"))
            } else if !server.at_apex && knows_itself {
                Some(format!("{name} is named by the parent and not by the zone"))
            } else {
                None
            }
        })
        .collect()
}
