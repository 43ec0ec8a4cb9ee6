//! The signatures of RFC 8945, made and checked.
//!
//! The DNS library makes them and computes their sums. Its own verifier is not used: it takes no message of a
//! transfer without a signature, refuses whole messages for one odd record, compares the names of algorithms by
//! case, and hides the reason of an unsigned refusal, so that a wrong secret, an unknown key and a failed
//! prerequisite would look the same.
//!
//! Shortened sums (5.2.2.1) are not taken: no server makes them unasked.

use hickory_resolver::proto::ProtoError;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, TSigner};

use super::reply::{Reply, Signature};
use crate::words::count;
use crate::world::dns::name;

/// The most unsigned messages between two signed ones of a transfer (RFC 8945, 5.3.1).
const UNSIGNED_LIMIT: usize = 99;

/// A message that was sent, and what its answers are checked against.
pub(super) struct Sealed {
    signer: TSigner,
    id: u16,
    /// The signature of the request, then of the newest signed answer.
    previous: Vec<u8>,
    /// Unsigned answers since then; the next signature covers them.
    between: Vec<u8>,
    unsigned: usize,
    first: bool,
}

/// An answer, and whether its signature was seen and is right.
pub(super) struct Opened {
    pub(super) reply: Reply,
    pub(super) signed: bool,
}

impl Sealed {
    /// Signs a message at a time, in seconds since 1970, and returns its bytes.
    pub(super) fn seal(
        mut message: Message,
        signer: TSigner,
        now: u64,
    ) -> Result<(Vec<u8>, Sealed), String> {
        let too_large = || "the record sets do not fit into one message of 65,535 bytes".to_owned();
        let failed = |error: ProtoError| match error {
            ProtoError::MaxBufferSizeExceeded(_) => too_large(),
            error => format!("failed to encode the message: {error}"),
        };
        message.finalize(&signer, now).map_err(failed)?;
        let bytes = message.to_vec().map_err(failed)?;
        if bytes.len() > usize::from(u16::MAX) || message.metadata.truncation {
            return Err(too_large());
        }
        let previous = message
            .signature()
            .map(|tsig| tsig.data.mac.clone())
            .unwrap_or_default();
        let sealed = Sealed {
            signer,
            id: message.metadata.id,
            previous,
            between: Vec::new(),
            unsigned: 0,
            first: true,
        };
        Ok((bytes, sealed))
    }

    /// Reads one answer and checks its signature, if it has one, also where it tells of an error (5.2.3). An answer
    /// that is not to this question, or whose signature is wrong, is an error.
    pub(super) fn open(&mut self, bytes: &[u8], now: u64) -> Result<Opened, String> {
        let reply = Reply::read(bytes)?;
        if reply.id != self.id || !reply.is_response {
            return Err("the answer belongs to another question".into());
        }
        let signature = (reply.signature.as_ref()).filter(|tsig| !tsig.mac.is_empty());
        let Some(tsig) = signature else {
            self.unsigned += 1;
            if self.unsigned > UNSIGNED_LIMIT {
                return Err("too many messages came without a signature".into());
            }
            self.between.extend_from_slice(bytes);
            return Ok(Opened {
                reply,
                signed: false,
            });
        };
        let length = u16::try_from(self.previous.len()).unwrap_or(u16::MAX);
        let mut covered = length.to_be_bytes().to_vec();
        covered.extend_from_slice(&self.previous);
        covered.append(&mut self.between);
        tsig.cover(bytes, self.first, &mut covered)?;
        let text = |name: &Name| name::text(name.iter());
        let known = tsig.key == text(self.signer.signer_name())
            && tsig.algorithm == text(&self.signer.algorithm().to_name());
        if !known || self.signer.verify(&covered, &tsig.mac).is_err() {
            return Err("the signature of the answer is wrong".into());
        }
        if tsig.time.abs_diff(now) > u64::from(tsig.fudge) {
            return Err("the answer was signed at another time: the clocks differ".into());
        }
        self.previous = tsig.mac.clone();
        self.unsigned = 0;
        self.first = false;
        Ok(Opened {
            reply,
            signed: true,
        })
    }
}

impl Signature {
    /// What it covers of its message (RFC 8945, 4.3.3): all before it, as it was before it was signed; then what
    /// it says itself, all of it in the first answer and its time in later ones (5.3.1).
    fn cover(&self, message: &[u8], first: bool, covered: &mut Vec<u8>) -> Result<(), String> {
        let (Some(counts), Some(rest)) = (message.get(2..12), message.get(12..self.begins)) else {
            return Err("the answer is cut off".into());
        };
        covered.extend_from_slice(&self.original.to_be_bytes());
        covered.extend_from_slice(&counts[..8]);
        let additionals = u16::from_be_bytes([counts[8], counts[9]]);
        covered.extend_from_slice(&additionals.saturating_sub(1).to_be_bytes());
        covered.extend_from_slice(rest);
        if first {
            put_name(&self.key, covered)?;
            // The class ANY, and a TTL of zero.
            covered.extend_from_slice(&[0, 255, 0, 0, 0, 0]);
            put_name(&self.algorithm, covered)?;
        }
        covered.extend_from_slice(&self.time.to_be_bytes()[2..]);
        covered.extend_from_slice(&self.fudge.to_be_bytes());
        if first {
            covered.extend_from_slice(&self.error.to_be_bytes());
            let length = u16::try_from(self.rest.len()).unwrap_or(u16::MAX);
            covered.extend_from_slice(&length.to_be_bytes());
            covered.extend_from_slice(&self.rest);
        }
        Ok(())
    }
}

fn put_name(text: &str, bytes: &mut Vec<u8>) -> Result<(), String> {
    for label in name::labels(if text.is_empty() { "." } else { text })? {
        bytes.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(&label);
    }
    bytes.push(0);
    Ok(())
}

/// Why a server does not deal with a message at all, in words; `None` where it did.
pub(super) fn denial(reply: &Reply, key: &str, zone: &str) -> Option<String> {
    let tsig = (reply.signature.as_ref()).map_or(0, |tsig| tsig.error);
    let why = match (tsig, ResponseCode::from(0, (reply.code & 15) as u8)) {
        (16, _) => format!("the secret of key `{key}` is wrong (BADSIG)"),
        (17, _) => format!("it does not know the key `{key}` with this algorithm (BADKEY)"),
        (18, _) => format!("{} (BADTIME)", clocks(reply.signature.as_ref())),
        (1.., _) => format!("the signature failed with error {tsig}"),
        (0, ResponseCode::Refused) => format!(
            "it refuses (REFUSED): the key `{key}` may not do this in `{zone}`, or is not the right one, or this machine's address is not allowed"
        ),
        (0, ResponseCode::NotAuth) => format!(
            "it is not authoritative for `{zone}`, or does not take the key `{key}` (NOTAUTH)"
        ),
        _ => return None,
    };
    Some(why)
}

/// How the clocks differ, where the server says what its own shows (RFC 8945, 5.2.3).
fn clocks(tsig: Option<&Signature>) -> String {
    let theirs = tsig.and_then(|tsig| {
        let shows = <[u8; 6]>::try_from(tsig.rest.as_slice()).ok()?;
        let shows = shows
            .iter()
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
        Some((shows, tsig.time))
    });
    match theirs {
        Some((theirs, ours)) => {
            let side = match theirs > ours {
                true => "ahead of",
                false => "behind",
            };
            let seconds = count(theirs.abs_diff(ours), "second");
            format!("its clock is {seconds} {side} this machine's")
        }
        None => "its clock and this machine's differ by more than five minutes".into(),
    }
}

#[cfg(test)]
mod tests;
