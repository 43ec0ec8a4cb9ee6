//! The answer of a name server, read by wire (RFC 1035, 4.1).
//!
//! Only what is needed is understood: a zone may hold records without data, of types that nobody knows, or with
//! names of any bytes, and none of them may keep the others from being read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_resolver::proto::rr::{self, Record};
use hickory_resolver::proto::serialize::binary::{BinDecodable, BinDecoder};

use crate::dns::{Holds, Other, RecordKey, RecordType};
use crate::world::dns::name;

/// Types and classes, as numbers.
pub(super) const A: u16 = 1;
pub(super) const NS: u16 = 2;
pub(super) const CNAME: u16 = 5;
pub(super) const SOA: u16 = 6;
pub(super) const AAAA: u16 = 28;
pub(super) const DNAME: u16 = 39;
/// Types of PowerDNS, from which it makes up addresses when it is asked: a name, and a type with a program.
const ALIAS: u16 = 65_401;
const LUA: u16 = 65_402;
/// An address of the web (RFC 7553).
const URI: u16 = 256;
const OPT: u16 = 41;
const TSIG: u16 = 250;
const IN: u16 = 1;
const ANY: u16 = 255;

/// Signatures and what belongs to them; they lead nowhere.
const DNSSEC: &[u16] = &[24, 25, 30, 43, 46, 47, 48, 50, 51, 59, 60];

/// The EDNS option EXPIRE (RFC 7314).
const EXPIRE: u16 = 9;

/// An answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) id: u16,
    pub(super) is_response: bool,
    pub(super) authoritative: bool,
    pub(super) truncated: bool,
    /// With the bits of EDNS, where there are any.
    pub(super) code: u16,
    pub(super) answers: Vec<Entry>,
    pub(super) authorities: Vec<Entry>,
    /// For how long a secondary still takes its copy for good, in seconds; a primary says the SOA's own figure.
    pub(super) expire: Option<u32>,
    pub(super) signature: Option<Signature>,
}

/// One record.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// As [`name::text`] writes it, which is how a [`RecordKey`] has it.
    pub(super) owner: String,
    pub(super) rtype: u16,
    class: u16,
    pub(super) ttl: u32,
    pub(super) data: Data,
}

/// What matters of a record's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    Address(IpAddr),
    /// Of a CNAME, DNAME or NS.
    Name(String),
    Soa {
        primary: String,
        serial: u32,
        expire: u32,
    },
    /// Of an ALIAS, LUA or URI record, as text.
    Text(String),
    /// Anything else, as text, or why it cannot be read.
    Other(Holds),
}

/// A TSIG record (RFC 8945, 4.2).
#[derive(Clone, Debug)]
pub(super) struct Signature {
    pub(super) key: String,
    pub(super) algorithm: String,
    pub(super) time: u64,
    pub(super) fudge: u16,
    pub(super) mac: Vec<u8>,
    pub(super) original: u16,
    pub(super) error: u16,
    pub(super) rest: Vec<u8>,
    /// Where it begins in the message.
    pub(super) begins: usize,
}

impl Entry {
    /// A record of one of the types that move, in our words.
    pub(super) fn understood(&self) -> Option<(RecordKey, u32, String)> {
        let (rtype, data) = match (&self.data, self.rtype) {
            (Data::Address(ip @ IpAddr::V4(_)), A) => (RecordType::A, ip.to_string()),
            (Data::Address(ip @ IpAddr::V6(_)), AAAA) => (RecordType::Aaaa, ip.to_string()),
            (Data::Name(to), CNAME) => (RecordType::Cname, format!("{to}.")),
            _ => return None,
        };
        let key = RecordKey {
            name: self.owner.clone(),
            rtype,
        };
        (self.class == IN).then_some((key, self.ttl, data))
    }

    /// A record of another type that may lead somewhere; the types that cannot are left out.
    pub(super) fn other(&self) -> Option<Other> {
        let holds = match &self.data {
            Data::Text(text) => {
                let rtype = match self.rtype {
                    ALIAS => "ALIAS",
                    LUA => "LUA",
                    _ => "URI",
                };
                let holds = Holds::Text(vec![text.clone()]);
                return Some(Other::new(&self.owner, rtype, holds));
            }
            Data::Other(holds) => holds,
            _ => return None,
        };
        // As RFC 3597 writes those without a name.
        let rtype = match rr::RecordType::from(self.rtype) {
            rr::RecordType::Unknown(number) => format!("TYPE{number}"),
            named => named.to_string(),
        };
        (!DNSSEC.contains(&self.rtype)).then(|| Other::new(&self.owner, rtype, holds.clone()))
    }
}

/// A place in a message.
struct Cursor<'m> {
    bytes: &'m [u8],
    at: usize,
}

type Read<T> = Result<T, String>;

impl<'m> Cursor<'m> {
    fn take(&mut self, count: usize) -> Read<&'m [u8]> {
        let end = self.at.checked_add(count).ok_or("it is too long")?;
        let taken = self.bytes.get(self.at..end).ok_or("it is cut off")?;
        self.at = end;
        Ok(taken)
    }

    fn number(&mut self, count: usize) -> Read<u64> {
        let bytes = self.take(count)?;
        Ok(bytes
            .iter()
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
    }

    /// The data of an ALIAS, LUA or URI record that ends there, as PowerDNS writes it.
    fn text(&mut self, rtype: u16, end: usize) -> Read<String> {
        let text = match rtype {
            ALIAS => self.name().map(|name| format!("{name}."))?,
            URI => {
                let (priority, weight) = (self.u16()?, self.u16()?);
                let target = self.take(end.saturating_sub(self.at))?;
                format!(
                    "{priority} {weight} \"{}\"",
                    String::from_utf8_lossy(target)
                )
            }
            _ => {
                let mut text = rr::RecordType::from(self.u16()?).to_string();
                while self.at < end {
                    let size = self.number(1)? as usize;
                    let part = String::from_utf8_lossy(self.take(size)?);
                    text += &format!(" \"{part}\"");
                }
                text
            }
        };
        match self.at == end {
            true => Ok(text),
            false => Err("it has another length than its record".into()),
        }
    }

    fn u16(&mut self) -> Read<u16> {
        self.number(2).map(|number| number as u16)
    }

    fn u32(&mut self) -> Read<u32> {
        self.number(4).map(|number| number as u32)
    }

    /// A name, which may go on at an earlier place (RFC 1035, 4.1.4).
    fn name(&mut self) -> Read<String> {
        let mut labels: Vec<&[u8]> = Vec::new();
        let (mut back, mut size, mut limit) = (None, 1, self.at);
        loop {
            let length = self.number(1)? as usize;
            match length {
                0 => break,
                1..=63 => {
                    labels.push(self.take(length)?);
                    size += length + 1;
                    if size > 255 {
                        return Err("a name is longer than 255 bytes".into());
                    }
                }
                192.. => {
                    let to = ((length & 63) << 8) | self.number(1)? as usize;
                    back = back.or(Some(self.at));
                    // Each one leads further back, so there is an end.
                    if to >= limit {
                        return Err("a name points forward".into());
                    }
                    (self.at, limit) = (to, to);
                }
                _ => return Err("a name has a label of an unknown kind".into()),
            }
        }
        self.at = back.unwrap_or(self.at);
        Ok(name::text(labels))
    }
}

impl Reply {
    pub(super) fn read(bytes: &[u8]) -> Result<Reply, String> {
        let read = || -> Read<Reply> {
            let mut cursor = Cursor { bytes, at: 0 };
            let (id, flags) = (cursor.u16()?, cursor.u16()?);
            let mut reply = Reply {
                id,
                is_response: flags & 0x8000 != 0,
                authoritative: flags & 0x0400 != 0,
                truncated: flags & 0x0200 != 0,
                code: flags & 15,
                ..Reply::default()
            };
            let (questions, answers) = (cursor.u16()?, cursor.u16()?);
            let (authorities, additionals) = (cursor.u16()?, cursor.u16()?);
            for _ in 0..questions {
                cursor.name()?;
                cursor.take(4)?;
            }
            for _ in 0..answers {
                reply.answers.push(entry(&mut cursor)?);
            }
            for _ in 0..authorities {
                reply.authorities.push(entry(&mut cursor)?);
            }
            for _ in 0..additionals {
                if reply.signature.is_some() {
                    return Err("something comes after the signature".into());
                }
                reply.additional(&mut cursor)?;
            }
            Ok(reply)
        };
        read().map_err(|why| format!("the answer is no DNS message: {why}"))
    }

    /// The serial of a zone, where the answer has its SOA.
    pub(super) fn serial_of(&self, zone: &str) -> Option<u32> {
        self.answers.iter().find_map(|entry| match entry.data {
            Data::Soa { serial, .. } if entry.owner == zone => Some(serial),
            _ => None,
        })
    }

    fn additional(&mut self, cursor: &mut Cursor) -> Read<()> {
        let begins = cursor.at;
        let owner = cursor.name()?;
        let (rtype, class, ttl) = (cursor.u16()?, cursor.u16()?, cursor.u32()?);
        let length = cursor.u16()?;
        let end = cursor.at + usize::from(length);
        match rtype {
            OPT => {
                self.code |= ((ttl >> 24) as u16) << 4;
                let mut options = Cursor {
                    bytes: cursor.take(length.into())?,
                    at: 0,
                };
                while options.at < options.bytes.len() {
                    let (option, size) = (options.u16()?, options.u16()?);
                    match (option, size) {
                        (EXPIRE, 4) => self.expire = Some(options.u32()?),
                        _ => drop(options.take(size.into())?),
                    }
                }
            }
            // Its sum covers both as they must be (RFC 8945, 4.2).
            TSIG if (class, ttl) != (ANY, 0) => {
                return Err("a signature has a class and a TTL that none has".into());
            }
            TSIG => {
                let algorithm = cursor.name()?;
                let (time, fudge) = (cursor.number(6)?, cursor.u16()?);
                let size = cursor.u16()?;
                let mac = cursor.take(size.into())?.to_vec();
                let (original, error, size) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
                let rest = cursor.take(size.into())?.to_vec();
                self.signature = Some(Signature {
                    key: owner,
                    algorithm,
                    time,
                    fudge,
                    mac,
                    original,
                    error,
                    rest,
                    begins,
                });
            }
            _ => drop(cursor.take(length.into())?),
        }
        match cursor.at == end {
            true => Ok(()),
            false => Err("a record has another length than it says".into()),
        }
    }
}

fn entry(cursor: &mut Cursor) -> Read<Entry> {
    let begins = cursor.at;
    let owner = cursor.name()?;
    let (rtype, class, ttl) = (cursor.u16()?, cursor.u16()?, cursor.u32()?);
    let length = usize::from(cursor.u16()?);
    let bytes = cursor.bytes;
    let mut inner = Cursor {
        bytes,
        at: cursor.at,
    };
    let raw = cursor.take(length)?;
    let data = match (rtype, raw.len()) {
        (A, 4) => Data::Address(Ipv4Addr::from(inner.u32()?).into()),
        (AAAA, 16) => {
            let mut octets = [0; 16];
            octets.copy_from_slice(raw);
            Data::Address(Ipv6Addr::from(octets).into())
        }
        (CNAME | DNAME | NS, 1..) => Data::Name(inner.name()?),
        (SOA, 1..) => {
            let primary = inner.name()?;
            inner.name()?;
            let (serial, _refresh, _retry) = (inner.u32()?, inner.u32()?, inner.u32()?);
            let expire = inner.u32()?;
            Data::Soa {
                primary,
                serial,
                expire,
            }
        }
        (_, 0) => Data::Other(Holds::Text(vec![String::new()])),
        // On other servers these numbers may be anything.
        (ALIAS | LUA | URI, size) => match inner.text(rtype, inner.at + size) {
            Ok(text) => Data::Text(text),
            Err(_) => Data::Other(text(bytes, begins)),
        },
        _ => Data::Other(text(bytes, begins)),
    };
    Ok(Entry {
        owner,
        rtype,
        class,
        ttl,
        data,
    })
}

/// The data of any other record, as text.
fn text(bytes: &[u8], begins: usize) -> Holds {
    let read = u16::try_from(begins).ok().map(|begins| {
        let mut decoder = BinDecoder::new(bytes).clone(begins);
        Record::read(&mut decoder)
    });
    match read {
        Some(Ok(record)) => Holds::Text(vec![record.data.to_string()]),
        Some(Err(error)) => {
            Holds::Unread(format!("what it holds is no data of its type ({error})"))
        }
        None => Holds::Unread("it is beyond the end".into()),
    }
}
