//! What matters of the answer of a name server.

use std::net::IpAddr;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType};
use serde::{Deserialize, Serialize};

use super::name;

/// How many CNAME links of one answer are followed.
const LINKS: usize = 16;

/// What a server answered to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DnsSeen {
    /// `NOERROR`, `NXDOMAIN`, `SERVFAIL`, …
    pub rcode: String,
    /// The server answers for the zone itself.
    pub authoritative: bool,
    /// The answer came over TCP.
    pub over_tcp: bool,
    /// The data of the type that was asked for, at the end of the chain of aliases; sorted.
    pub records: Vec<String>,
    /// The highest TTL among them.
    pub ttl: Option<u32>,
    /// Their TTLs differ.
    pub uneven: bool,
    /// Where the aliases lead, one after the other: lower case, with the last dot.
    pub cname_chain: Vec<String>,
    /// The SOA that came along, in the answer or beside a negative one.
    pub soa: Option<SoaSeen>,
    /// It answers nothing itself and refers to the servers of this name (RFC 1034, 4.3.1): the name is delegated, or
    /// the server is lame. Lower case, with the last dot.
    #[serde(default)]
    pub referral: Option<String>,
}

impl DnsSeen {
    /// The addresses among the records.
    pub fn addresses(&self) -> Vec<IpAddr> {
        (self.records.iter())
            .filter_map(|text| text.parse().ok())
            .collect()
    }

    /// It says that there is data, or that there is none; not that it cannot tell.
    pub fn is_telling(&self) -> bool {
        self.rcode == "NOERROR" || self.rcode == "NXDOMAIN"
    }
}

/// What matters of a start of authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoaSeen {
    pub serial: u32,
    pub minimum: u32,
    pub ttl: u32,
    /// What it says besides, as a text: copies of one zone differ by their serials alone.
    #[serde(default)]
    pub rest: String,
}

/// What matters of an answer.
pub(super) fn digest(message: &Message, rtype: RecordType, over_tcp: bool) -> DnsSeen {
    let mut seen = nothing(message, over_tcp);
    let Some(query) = message.queries.first() else {
        return seen;
    };
    let mut owner = query.name.clone();
    if rtype != RecordType::CNAME {
        for _ in 0..LINKS {
            let link = of_owner(message, &owner).find_map(|record| match &record.data {
                RData::CNAME(to) => Some(to.0.clone()),
                _ => None,
            });
            match link {
                Some(to) => {
                    seen.cname_chain.push(host_text(&to));
                    owner = to;
                }
                None => break,
            }
        }
    }
    let mut lowest = None;
    for record in of_owner(message, &owner) {
        if record.record_type() != rtype {
            continue;
        }
        seen.records.push(text(&record.data));
        let ttl = plain_ttl(record.ttl);
        seen.ttl = seen.ttl.max(Some(ttl));
        lowest = Some(lowest.map_or(ttl, |low: u32| low.min(ttl)));
    }
    seen.uneven = lowest != seen.ttl;
    seen.records.sort();
    seen.records.dedup();
    seen
}

/// A TTL as a cache takes it: one whose highest bit is set counts as zero (RFC 2181, 8). It is taken so before
/// any two are compared: the highest number is not the longest hold.
pub fn plain_ttl(ttl: u32) -> u32 {
    if ttl > i32::MAX as u32 { 0 } else { ttl }
}

/// What an answer says besides its records.
fn nothing(message: &Message, over_tcp: bool) -> DnsSeen {
    let soa = (message.answers.iter().chain(&message.authorities)).find_map(|record| match &record
        .data
    {
        RData::SOA(soa) => Some(SoaSeen {
            serial: soa.serial,
            minimum: soa.minimum,
            ttl: plain_ttl(record.ttl),
            rest: format!(
                "{} {} {} {} {} {}",
                host_text(&soa.mname),
                host_text(&soa.rname),
                soa.refresh,
                soa.retry,
                soa.expire,
                soa.minimum
            ),
        }),
        _ => None,
    });
    DnsSeen {
        rcode: rcode(message.metadata.response_code),
        authoritative: message.metadata.authoritative,
        over_tcp,
        records: Vec::new(),
        ttl: None,
        uneven: false,
        cname_chain: Vec::new(),
        soa,
        referral: referral(message),
    }
}

fn referral(message: &Message) -> Option<String> {
    let itself = message.metadata.authoritative || !message.answers.is_empty();
    let mut servers = (message.authorities.iter())
        .filter(|record| !itself && matches!(record.data, RData::NS(_)));
    servers.next().map(|record| host_text(&record.name))
}

fn of_owner<'a>(message: &'a Message, owner: &'a Name) -> impl Iterator<Item = &'a Record> {
    (message.answers.iter())
        .filter(move |record| record.name == *owner && record.dns_class == DNSClass::IN)
}

fn text(data: &RData) -> String {
    match data {
        RData::CNAME(name) => host_text(&name.0),
        RData::NS(name) => host_text(&name.0),
        other => match other.ip_addr() {
            Some(ip) => ip.to_string(),
            None => other.to_string(),
        },
    }
}

/// Lower case, with the last dot.
pub(in crate::world) fn host_text(name: &Name) -> String {
    format!("{}.", name::text(name.iter()))
}

fn rcode(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".into(),
        ResponseCode::FormErr => "FORMERR".into(),
        ResponseCode::ServFail => "SERVFAIL".into(),
        ResponseCode::NXDomain => "NXDOMAIN".into(),
        ResponseCode::NotImp => "NOTIMP".into(),
        ResponseCode::Refused => "REFUSED".into(),
        ResponseCode::NotAuth => "NOTAUTH".into(),
        other => format!("RCODE{}", u16::from(other)),
    }
}
