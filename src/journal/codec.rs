//! Records as bytes: numbered, hash-chained, versioned.
//!
//! One record is one line of JSON, `{"hash":"…","record":{…}}`. The hash is the SHA-256 sum of the inner
//! object's bytes as they stand, and the inner object names the hash of the record before it. So a changed
//! byte is told at the record that holds it, and a missing, doubled or moved record at its place.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::JournalError;
use crate::clock::Stamp;
use crate::event::{Event, Record};
use crate::store::Hash;

/// The version of a record's serialized form.
pub const FORMAT: u32 = 1;

const OPEN: &[u8] = br#"{"hash":""#;
const MIDDLE: &[u8] = br#"","record":"#;
const CLOSE: &[u8] = b"}";

/// The place in a journal that has been reached: the next number, and the hash to chain it to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    next: u64,
    head: Hash,
}

/// One record, ready to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub record: Record,
    /// One line, without its newline.
    pub bytes: Arc<[u8]>,
    pub hash: Hash,
}

/// The inner object, as it is written.
#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    seq: u64,
    prev: String,
    at: &'a Stamp,
    event: &'a Event,
}

/// The inner object, as it is read: the event is looked at last, so that a newer one can be told.
#[derive(Deserialize)]
struct Found {
    format: u32,
    seq: u64,
    prev: String,
    at: Json,
    event: Json,
}

impl Chain {
    /// The number of the next record.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The hash of the newest record; zeros before the first.
    pub fn head(&self) -> Hash {
        self.head
    }

    /// Makes the next record. The chain moves when it is told that the record is durable.
    pub fn seal(&self, at: Stamp, event: Event) -> Result<Sealed, JournalError> {
        // Written once: a plan of thousands of record sets makes a long line.
        let mut line = [OPEN, [b'0'; 2 * size_of::<Hash>()].as_slice(), MIDDLE].concat();
        let begins = line.len();
        let written = Written {
            format: FORMAT,
            seq: self.next,
            prev: HEXLOWER.encode(&self.head),
            at: &at,
            event: &event,
        };
        serde_json::to_writer(&mut line, &written)
            .map_err(|error| JournalError::Write(error.to_string()))?;
        let hash: Hash = Sha256::digest(&line[begins..]).into();
        line[OPEN.len()..][..2 * size_of::<Hash>()]
            .copy_from_slice(HEXLOWER.encode(&hash).as_bytes());
        line.extend_from_slice(CLOSE);
        let seq = self.next;
        Ok(Sealed {
            record: Record { seq, at, event },
            bytes: line.into(),
            hash,
        })
    }

    /// Moves on past a record that is durable.
    pub fn advance(&mut self, sealed: &Sealed) {
        self.next = sealed.record.seq + 1;
        self.head = sealed.hash;
    }

    /// Reads the next record and moves on, or says what is wrong with it.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Record, JournalError> {
        let seq = self.next;
        let damaged = |why: &str| JournalError::Damaged {
            seq,
            why: why.to_owned(),
        };
        let (hash, inner) = unwrap(bytes).ok_or_else(|| damaged("it is not a record"))?;
        let sum: Hash = Sha256::digest(inner).into();
        if HEXLOWER.encode(&sum).as_bytes() != hash {
            return Err(damaged("its bytes do not match its hash"));
        }
        let version = |why: String| JournalError::Newer { seq, why };
        // From here on the bytes are as they were written: what is not understood is of another version.
        let found: Found =
            serde_json::from_slice(inner).map_err(|error| version(error.to_string()))?;
        if found.format > FORMAT {
            let format = found.format;
            return Err(version(format!("its format is {format}")));
        }
        if found.seq != seq {
            return Err(damaged(&format!("its number is {}", found.seq)));
        }
        if found.prev != HEXLOWER.encode(&self.head) {
            return Err(damaged("it does not follow the record before it"));
        }
        let at = serde_json::from_value(found.at).map_err(|error| version(error.to_string()))?;
        let event =
            serde_json::from_value(found.event).map_err(|error| version(error.to_string()))?;
        self.next += 1;
        self.head = sum;
        Ok(Record { seq, at, event })
    }
}

/// Takes a line apart: the hash as text, and the inner object.
fn unwrap(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_prefix(OPEN)?;
    let (hash, rest) = rest.split_at_checked(2 * size_of::<Hash>())?;
    let inner = rest.strip_prefix(MIDDLE)?.strip_suffix(CLOSE)?;
    Some((hash, inner))
}

/// A journal as a text file, one record a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    pub records: Vec<Record>,
    /// The last line was cut off in mid-write, and was left out.
    pub torn: bool,
}

/// Reads a journal from a text file. What follows the last newline was cut off while it was written and is
/// left out; any other damage is an error.
pub fn read_lines(text: &[u8]) -> Result<Lines, JournalError> {
    let whole = text.iter().rposition(|byte| *byte == b'\n');
    let (lines, rest) = text.split_at(whole.map_or(0, |at| at + 1));
    let mut chain = Chain::default();
    let records = lines
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| chain.read(line.strip_suffix(b"\n").unwrap_or(line)))
        .collect::<Result<_, _>>()?;
    Ok(Lines {
        records,
        torn: !rest.is_empty(),
    })
}

#[cfg(test)]
mod tests;
