//! Any name server that takes dynamic updates (RFC 2136), signed with TSIG (RFC 8945).
//!
//! The strongest provider: all record sets of a zone are compared and swapped by the server in one message.
//! The message does not compare TTLs, so those are read just before. A PowerDNS server drops the comments and the
//! disabled records of a set that is updated so, and no question shows them; where they matter, its own API is
//! the better way (`powerdns`).

mod message;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{self, TSigner};

use super::common::{Swap, gather, in_shell};
use super::{Limits, ProviderKind};
use crate::clock::Clock;
use crate::dns::{Honesty, Listing, Provider, RecordKey, RecordSet};
use crate::event::{Answer, Cause, Unseen};
use crate::field::{Field, Fields, Form};
use crate::journal::Permit;
use crate::plan::Value;
use crate::problem::Problem;
use crate::secret::SecretRef;
use crate::world::secrets::reveal;
use crate::world::wire::Wire;
use message::{Opened, Sealed};

/// How long one question or one update may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a zone transfer may take.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(60);
/// The most of a zone transfer that is read, in bytes.
const TRANSFER_LIMIT: usize = 256 << 20;

static KEY: &[Field] = &[
    Field::new("name", Form::Text, "The key's name, as the server knows it").required(),
    Field::new(
        "algorithm",
        Form::Choice(message::ALGORITHMS),
        "The key's algorithm, by default `hmac-sha256`",
    ),
    Field::new(
        "secret",
        Form::Secret,
        "Where the key's secret is, in base64",
    )
    .required(),
];

pub(super) static KIND: ProviderKind = ProviderKind {
    name: "rfc2136",
    summary: "dynamic updates to a name server, signed with TSIG",
    keeps: "The way back puts back data and TTLs, which is all that a question shows. What a server keeps beside them \
            is not seen: PowerDNS deletes the comments and the disabled records of a set with each update, and they \
            do not come back. Where there are any, `powerdns` is the better provider.",
    example: r#"[providers.dyn]
kind = "rfc2136"
server = "192.0.2.54:53"
key = { name = "cutover", algorithm = "hmac-sha256", secret = { env = "TSIG_SECRET" } }
"#,
    fields: &[
        Field::new(
            "server",
            Form::Sockets,
            "Address of the primary name server; the port is 53 where none is given",
        )
        .required(),
        Field::new(
            "key",
            Form::Table(KEY),
            "The TSIG key, for looking and for writing",
        ),
        Field::new(
            "read-key",
            Form::Table(KEY),
            "Another key for looking: queries and zone transfers",
        ),
        Field::new(
            "write-key",
            Form::Table(KEY),
            "Another key for updates, asked for only when a run will write",
        ),
    ],
    limits: Limits {
        honesty: Honesty::CompareAndSwap,
        smallest_ttl: 0,
        cut: message::groups,
    },
    build,
};

/// A TSIG key, its secret still where the playbook says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    name: String,
    algorithm: String,
    secret: SecretRef,
}

#[derive(Debug)]
struct Rfc2136 {
    server: SocketAddr,
    read_key: Key,
    write_key: Key,
}

fn build(fields: &Fields) -> Result<Arc<dyn Provider>, Vec<Problem>> {
    let mut problems = Vec::new();
    let server = match fields.texts("server") {
        [one] => socket(one),
        _ => None,
    };
    if server.is_none() {
        problems.push(
            Problem::error(
                "bad-server",
                fields.span_of("server"),
                "a dynamic update goes to one name server",
            )
            .label("not one address")
            .hint("give the address of the primary: `server = \"192.0.2.54:53\"`"),
        );
    }
    let key = |name: &str| {
        fields
            .table(name)
            .or_else(|| fields.table("key"))
            .and_then(key)
    };
    let (read_key, write_key) = (key("read-key"), key("write-key"));
    if read_key.is_none() || write_key.is_none() {
        problems.push(
            Problem::error(
                "no-key",
                fields.span.clone(),
                "the provider has no TSIG key for looking and for writing",
            )
            .hint("give `key`, or both `read-key` and `write-key`"),
        );
    }
    match (server, read_key, write_key) {
        (Some(server), Some(read_key), Some(write_key)) => Ok(Arc::new(Rfc2136 {
            server,
            read_key,
            write_key,
        })),
        _ => Err(problems),
    }
}

fn key(table: &Fields) -> Option<Key> {
    Some(Key {
        name: table.text("name")?.to_owned(),
        algorithm: table.text("algorithm").unwrap_or("hmac-sha256").to_owned(),
        secret: table.secret("secret")?.clone(),
    })
}

/// An address with or without a port.
fn socket(text: &str) -> Option<SocketAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    text.parse()
        .ok()
        .or_else(|| bare.parse::<IpAddr>().ok().map(|ip| (ip, 53).into()))
}

/// Seconds since 1970, for signatures.
fn now() -> u64 {
    u64::try_from(Clock::real().now().wall.as_second()).unwrap_or(0)
}

impl Rfc2136 {
    /// Asks one question on a connection of its own.
    async fn ask(
        &self,
        signer: &TSigner,
        key: &Key,
        zone: &str,
        asked: &RecordKey,
    ) -> Result<Vec<(RecordKey, u32, String)>, Unseen> {
        let garbled = |why: String| {
            let detail = format!("asking `{}` for `{asked}` failed: {why}", self.server);
            Unseen::new(Cause::Garbled, detail)
        };
        let question = message::question(asked).map_err(garbled)?;
        let (bytes, mut sealed) = Sealed::seal(question, signer.clone(), now()).map_err(garbled)?;
        let mut wire = Wire::connect(self.server, TIMEOUT).await?;
        wire.ask(&bytes).await?;
        let Opened { message, signed } = sealed
            .open(&wire.receive().await?, now())
            .map_err(garbled)?;
        if let Some(why) = message::denial(&message, &key.name, zone) {
            return Err(Unseen::new(
                Cause::Denied,
                format!("the name server `{}` does not answer: {why}", self.server),
            ));
        }
        let code = message.metadata.response_code;
        if !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) {
            return Err(Unseen::new(
                Cause::Error,
                format!(
                    "the name server `{}` answers `{code}` for `{asked}`",
                    self.server
                ),
            ));
        }
        if !signed {
            return Err(garbled("the answer is not signed".into()));
        }
        if !message.metadata.authoritative {
            return Err(Unseen::new(
                Cause::Error,
                format!(
                    "the name server `{}` is not authoritative for `{asked}`; `server` must be the zone's primary",
                    self.server
                ),
            ));
        }
        if message.metadata.truncation {
            return Err(garbled("the answer is cut off".into()));
        }
        Ok(message
            .answers
            .iter()
            .filter_map(message::understood)
            .filter(|(key, ..)| key == asked)
            .collect())
    }

    async fn read_with(
        &self,
        signer: &TSigner,
        key: &Key,
        zone: &str,
        keys: &[RecordKey],
    ) -> Result<Vec<RecordSet>, Unseen> {
        let mut records = Vec::new();
        for asked in keys {
            records.extend(self.ask(signer, key, zone, asked).await?);
        }
        gather(records).map_err(|why| Unseen::new(Cause::Garbled, why))
    }

    /// Transfers the zone.
    async fn transfer(&self, zone: &str) -> Result<Listing, Unseen> {
        let garbled = |why: String| {
            let detail = format!(
                "the transfer of `{zone}` from `{}` failed: {why}",
                self.server
            );
            Unseen::new(Cause::Garbled, detail)
        };
        let signer = message::signer(&self.read_key, &reveal(&self.read_key.secret).await?)?;
        let question = message::transfer(zone).map_err(garbled)?;
        let (bytes, mut sealed) = Sealed::seal(question, signer, now()).map_err(garbled)?;
        let mut wire = Wire::connect(self.server, TRANSFER_TIMEOUT).await?;
        wire.ask(&bytes).await?;
        let (mut records, mut others) = (Vec::new(), Vec::new());
        let (mut heads, mut size) = (0, 0);
        loop {
            let bytes = wire.receive().await?;
            size += bytes.len();
            if size > TRANSFER_LIMIT {
                return Err(garbled("the zone is too large".into()));
            }
            let Opened { message, signed } = sealed.open(&bytes, now()).map_err(garbled)?;
            if let Some(why) = message::denial(&message, &self.read_key.name, zone) {
                return Err(Unseen::new(
                    Cause::Denied,
                    format!(
                        "the name server `{}` does not hand over the zone `{zone}`: {why}; allow the transfer to this key, or name the records in the playbook",
                        self.server
                    ),
                ));
            }
            let code = message.metadata.response_code;
            if code != ResponseCode::NoError {
                return Err(Unseen::new(
                    Cause::Error,
                    format!(
                        "the name server `{}` answers `{code}` to the transfer of `{zone}`; name the records in the playbook where it cannot be had",
                        self.server
                    ),
                ));
            }
            let is_soa = |record: &&rr::Record| record.record_type() == rr::RecordType::SOA;
            heads += message.answers.iter().filter(is_soa).count();
            records.extend(message.answers.iter().filter_map(message::understood));
            others.extend(message.answers.iter().filter_map(message::other));
            if heads == 0 || message.answers.is_empty() {
                return Err(garbled("it does not begin with the zone's SOA".into()));
            }
            if heads >= 2 {
                return match signed {
                    true => Ok(Listing {
                        sets: gather(records).map_err(garbled)?,
                        others,
                    }),
                    false => Err(garbled("its last message is not signed".into())),
                };
            }
        }
    }

    async fn swap(&self, zone: &str, permit: &Permit<'_>) -> Result<String, Answer> {
        let refused = |why: String| Answer::Refused { why };
        let unseen = |unseen: Unseen| Answer::Refused { why: unseen.detail };
        let swap = Swap::new(permit.from(), permit.to()).map_err(refused)?;
        let secret = reveal(&self.write_key.secret).await.map_err(unseen)?;
        let signer = message::signer(&self.write_key, &secret).map_err(unseen)?;
        let fresh = self
            .read_with(&signer, &self.write_key, zone, &swap.keys())
            .await
            .map_err(|unseen| Answer::Refused {
                why: format!(
                    "nothing was sent, since what is there could not be compared: {}",
                    unseen.detail
                ),
            })?;
        if let Some(why) = swap.foreign(&fresh) {
            return Err(Answer::Refused { why });
        }
        let update = message::update(zone, &swap).map_err(refused)?;
        let (bytes, mut sealed) = Sealed::seal(update, signer, now()).map_err(refused)?;
        let left = permit.until().left(&Clock::real().now()).min(TIMEOUT);
        if left.is_zero() {
            return Err(refused(
                "the time for this write was over before it was sent".into(),
            ));
        }
        let mut wire = Wire::connect(self.server, left).await.map_err(unseen)?;
        let unclear = |unseen: Unseen| Answer::Unclear {
            why: format!(
                "the update was sent and its answer is missing: {}",
                unseen.detail
            ),
        };
        wire.update(permit, &bytes).await.map_err(unclear)?;
        let bytes = wire.receive().await.map_err(unclear)?;
        let opened = sealed
            .open(&bytes, now())
            .map_err(|why| Answer::Unclear { why })?;
        self.judge(zone, &opened)
    }

    /// What the answer to an update means.
    fn judge(&self, zone: &str, opened: &Opened) -> Result<String, Answer> {
        let Opened { message, signed } = opened;
        let server = self.server;
        if let Some(why) = message::denial(message, &self.write_key.name, zone) {
            return Err(Answer::Refused {
                why: format!("the name server `{server}` did not take the update: {why}"),
            });
        }
        let code = message.metadata.response_code;
        let refused = |why: &str| Answer::Refused {
            why: format!("the name server `{server}` did not take the update: {why}"),
        };
        match code {
            ResponseCode::FormErr | ResponseCode::NotImp | ResponseCode::NotZone => {
                Err(refused(&format!("it answers `{code}`")))
            }
            _ if !signed => Err(Answer::Unclear {
                why: format!(
                    "the name server `{server}` answered `{code}` without a signature, so anybody may have said it"
                ),
            }),
            ResponseCode::NoError => Ok(format!("`{server}` took the update in one message")),
            ResponseCode::NXRRSet => Err(refused(
                "a record set is not what it was (NXRRSET): somebody else wrote it, or it comes from a wildcard",
            )),
            ResponseCode::YXRRSet | ResponseCode::YXDomain => Err(refused(
                "a record set that must not exist does (YXRRSET): somebody else wrote it",
            )),
            ResponseCode::NXDomain => Err(refused("a name is gone (NXDOMAIN)")),
            _ => Err(Answer::Unclear {
                why: format!("the name server `{server}` answered `{code}` to the update"),
            }),
        }
    }
}

impl Provider for Rfc2136 {
    fn list<'a>(&'a self, zone: &'a str) -> BoxFuture<'a, Result<Listing, Unseen>> {
        self.transfer(zone).boxed()
    }

    fn read<'a>(
        &'a self,
        zone: &'a str,
        keys: &'a [RecordKey],
    ) -> BoxFuture<'a, Result<Vec<RecordSet>, Unseen>> {
        async move {
            let secret = reveal(&self.read_key.secret).await?;
            let signer = message::signer(&self.read_key, &secret)?;
            self.read_with(&signer, &self.read_key, zone, keys).await
        }
        .boxed()
    }

    fn write<'a>(&'a self, zone: &'a str, permit: Permit<'a>) -> BoxFuture<'a, Answer> {
        async move {
            match self.swap(zone, &permit).await {
                Ok(note) => Answer::Done { note },
                Err(answer) => answer,
            }
        }
        .boxed()
    }

    fn honesty(&self) -> Honesty {
        KIND.limits.honesty
    }

    fn groups<'s>(&self, sets: &'s [(RecordSet, RecordSet)]) -> Vec<&'s [(RecordSet, RecordSet)]> {
        (KIND.limits.cut)(sets)
    }

    fn smallest_ttl(&self) -> u32 {
        KIND.limits.smallest_ttl
    }

    fn commands(&self, zone: &str, from: &Value, to: &Value) -> Vec<String> {
        let Ok(swap) = Swap::new(from, to) else {
            return Vec::new();
        };
        let key = &self.write_key;
        let mut lines = vec![
            "nsupdate -v <<END".to_owned(),
            format!("server {} {}", self.server.ip(), self.server.port()),
            format!(
                "key {}:{} {}",
                key.algorithm,
                key.name,
                in_shell(&key.secret)
            ),
            format!("zone {}.", zone.trim_end_matches('.')),
        ];
        for key in message::absent(&swap) {
            lines.push(format!("prereq nxrrset {}. IN {}", key.name, key.rtype));
        }
        for set in &swap.from {
            for data in &set.data {
                lines.push(format!(
                    "prereq yxrrset {}. IN {} {data}",
                    set.key.name, set.key.rtype
                ));
            }
        }
        for set in &swap.from {
            lines.push(format!(
                "update delete {}. IN {}",
                set.key.name, set.key.rtype
            ));
        }
        for set in &swap.to {
            lines.extend(
                set.zone_lines()
                    .iter()
                    .map(|line| format!("update add {line}")),
            );
        }
        lines.extend(["send".to_owned(), "END".to_owned()]);
        vec![lines.join("\n")]
    }
}

#[cfg(test)]
mod tests;
