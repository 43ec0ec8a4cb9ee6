//! Real name servers: BIND, Knot, PowerDNS, NSD, and unbound as a cache.

mod bind;
mod knot;
mod nsd;
mod powerdns;
mod unbound;

pub use bind::Bind;
pub use knot::Knot;
pub use nsd::Nsd;
pub use powerdns::PowerDns;
pub use unbound::Unbound;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use super::{READY, wait_until};

/// A TSIG key: hmac-sha256, with its secret in base64.
#[derive(Clone, Debug)]
pub struct Tsig {
    pub name: String,
    pub secret: String,
}

impl Tsig {
    /// A key whose secret is derived from its name.
    pub fn new(name: &str) -> Tsig {
        let bytes: Vec<u8> = name.bytes().cycle().take(32).collect();
        Tsig {
            name: name.to_owned(),
            secret: data_encoding::BASE64.encode(&bytes),
        }
    }
}

/// How long a server may take to answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks one question over TCP; `None` where nobody answers.
pub fn ask(at: SocketAddr, name: &str, rtype: RecordType, recursive: bool) -> Option<Message> {
    let mut message = Message::query();
    message.metadata.recursion_desired = recursive;
    let mut name = Name::from_ascii(name).unwrap();
    name.set_fqdn(true);
    message.add_query(Query::query(name, rtype));
    let bytes = message.to_vec().unwrap();
    let mut stream = TcpStream::connect_timeout(&at, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut framed = u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    framed.extend(bytes);
    stream.write_all(&framed).ok()?;
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer).ok()?;
    Message::from_vec(&answer).ok()
}

/// The answers to one question as sorted lines `TTL DATA`. A server that begins to use a new zone may drop a
/// connection meanwhile, so it is asked again.
pub fn answers(at: SocketAddr, name: &str, rtype: RecordType) -> Vec<String> {
    let message = wait_until("the name server answers", READY, || {
        ask(at, name, rtype, false)
    });
    let mut lines: Vec<_> = message
        .answers
        .iter()
        .filter(|record| record.record_type() == rtype)
        .map(|record| format!("{} {}", record.ttl, record.data))
        .collect();
    lines.sort();
    lines
}

/// The zone's serial, where the server has the zone.
pub fn serial(at: SocketAddr, zone: &str) -> Option<u32> {
    let message = ask(at, zone, RecordType::SOA, false)?;
    if message.metadata.response_code != ResponseCode::NoError || !message.metadata.authoritative {
        return None;
    }
    message
        .answers
        .iter()
        .find_map(|record| match &record.data {
            RData::SOA(soa) => Some(soa.serial),
            _ => None,
        })
}
