//! Any name server that takes dynamic updates (RFC 2136), signed with TSIG (RFC 8945).
//!
//! The strongest provider: all record sets of a zone are compared and swapped by the server in one message, or in as
//! many as they need, one after the other, each of which does all that it holds or nothing.
//! No message compares TTLs, so those are read just before; of many sets that may be a transfer less than a
//! second old, where the serial says that nobody has written since. A PowerDNS server drops the comments and the
//! disabled records of a set that is updated so, and no question shows them; where they matter, its own API is
//! the better way (`powerdns`).

mod answer;
mod look;
mod message;
mod open;
mod reply;
mod serials;
mod signed;
mod signing;
mod transfer;
mod view;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use self::look::Reader;
use self::signing::Against;
use self::transfer::TRANSFER_LIMIT;
use self::view::Views;
use super::common::{Swap, in_shell};
use super::{Limits, ProviderKind};
use crate::clock::Clock;
use crate::dns::{Grounds, Honesty, Listing, Other, Provider, RecordKey, RecordSet};
use crate::event::{Answer, Unseen};
use crate::field::{Field, Fields, Form};
use crate::journal::Permit;
use crate::plan::Value;
use crate::problem::Problem;
use crate::secret::SecretRef;
use crate::world::secrets::reveal;

/// Of fewer record sets it is asked whether the zone as everybody may have it shows what they are made up from.
const FEW: usize = 64;

/// So many messages one write sends at most, one after the other: it has one time for all of them, and what they did is
/// looked at only behind the last.
const MESSAGES: usize = 8;

/// How long one question or one update may take.
const TIMEOUT: Duration = Duration::from_secs(10);

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
            "Another key for updates; a plan does without it, and compares what both keys see where it is at hand",
        ),
        Field::new(
            "signs",
            Form::Bool,
            "`true`: the server itself signs what is written to a signed zone (DNSSEC), whatever its signatures look \
             like; what a write lacks is then told, and not taken back",
        ),
    ],
    limits: Limits {
        honesty: Honesty::CompareAndSwap,
        smallest_ttl: 0,
        cut: message::groups,
        messages: MESSAGES,
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
    /// Somebody says that the server signs what is written.
    signs: bool,
    /// An update was sent.
    wrote: AtomicBool,
    /// A transfer of so many bytes did not hold a zone, or was refused: it is not tried again.
    no_transfer: AtomicUsize,
    views: Views,
    /// By zone, the keys whose sets were seen to be the zone's own, and made by no wildcard. That they still are, an
    /// update requires.
    own: Mutex<BTreeMap<String, Arc<BTreeSet<RecordKey>>>>,
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
            signs: fields.bool("signs").unwrap_or(false),
            wrote: AtomicBool::new(false),
            no_transfer: AtomicUsize::new(0),
            views: Views::default(),
            own: Mutex::default(),
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

/// Whether it is the name of a host (RFC 1123, 2.1) or a wildcard.
fn is_host_name(name: &str) -> bool {
    let mut labels = name.strip_prefix("*.").unwrap_or(name).split('.');
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    labels.all(|label| label.chars().all(plain) && !label.starts_with('-') && !label.ends_with('-'))
}

/// Seconds since 1970, for signatures.
fn now() -> u64 {
    u64::try_from(Clock::real().now().wall.as_second()).unwrap_or(0)
}

impl Rfc2136 {
    /// Asks with the key for looking.
    async fn reader<'a>(&'a self, zone: &'a str) -> Result<Reader<'a>, Unseen> {
        self.asks_with(&self.read_key, zone).await
    }

    /// Asks with the key for writing.
    async fn writer<'a>(&'a self, zone: &'a str) -> Result<Reader<'a>, Unseen> {
        self.asks_with(&self.write_key, zone).await
    }

    async fn asks_with<'a>(&'a self, key: &'a Key, zone: &'a str) -> Result<Reader<'a>, Unseen> {
        Ok(Reader {
            server: self.server,
            zone,
            key,
            signer: message::signer(key, &reveal(&key.secret).await?)?,
            no_transfer: &self.no_transfer,
            views: &self.views,
        })
    }

    /// What was seen to be the zone's own.
    fn own(&self, zone: &str) -> Arc<BTreeSet<RecordKey>> {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.get(zone).cloned().unwrap_or_default()
    }

    /// Remembers which of the sets that were read are the zone's own.
    fn remember(&self, zone: &str, sets: &[RecordSet], grounds: &Grounds) {
        let mut zones = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let own = Arc::make_mut(zones.entry(zone.to_owned()).or_default());
        for set in sets {
            match grounds.sets.contains_key(&set.key) {
                true => own.remove(&set.key),
                false => own.insert(set.key.clone()),
            };
        }
    }

    /// The swap, and what of it goes into each message; or why it must not be sent.
    fn sendable(
        &self,
        zone: &str,
        grounds: &Grounds,
        from: &Value,
        to: &Value,
    ) -> Result<(Swap, Vec<Swap>), Vec<String>> {
        let swap = Swap::new(from, to)?;
        let parts = message::parts(&swap);
        let faults: BTreeSet<String> = (parts.iter())
            .filter_map(|part| message::judged(&self.write_key, zone, part).err())
            .collect();
        swap.allowed(grounds, faults)?;
        Ok((swap, parts))
    }

    /// What a person would type in place of one message.
    fn command(&self, zone: &str, part: &Swap) -> String {
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
        // It adds no address at such a name otherwise, and nothing at all then.
        let mut owners = part.to.iter().map(|set| set.key.name.as_str());
        if !owners.all(is_host_name) {
            lines.push("check-names off".to_owned());
        }
        for key in message::absent(part) {
            lines.push(format!("prereq nxrrset {}. IN {}", key.name, key.rtype));
        }
        for set in &part.from {
            for data in &set.data {
                lines.push(format!(
                    "prereq yxrrset {}. IN {} {data}",
                    set.key.name, set.key.rtype
                ));
            }
        }
        for set in &part.from {
            lines.push(format!(
                "update delete {}. IN {}",
                set.key.name, set.key.rtype
            ));
        }
        for set in &part.to {
            lines.extend(
                set.zone_lines()
                    .iter()
                    .map(|line| format!("update add {line}")),
            );
        }
        lines.extend(["send".to_owned(), "END".to_owned()]);
        lines.join("\n")
    }
}

fn two_views(why: &str) -> String {
    format!(
        "the key for looking and the key for writing see different data ({why}): use one key for both"
    )
}

impl Provider for Rfc2136 {
    fn written_at(&self) -> Option<SocketAddr> {
        Some(self.server)
    }

    fn list<'a>(&'a self, zone: &'a str) -> BoxFuture<'a, Result<Listing, Unseen>> {
        async move {
            let zone = self.reader(zone).await?.view_anew(TRANSFER_LIMIT).await?;
            Ok(Listing::clone(&zone))
        }
        .boxed()
    }

    fn read<'a>(
        &'a self,
        zone: &'a str,
        keys: &'a [RecordKey],
    ) -> BoxFuture<'a, Result<Vec<RecordSet>, Unseen>> {
        async move {
            let reader = self.reader(zone).await?;
            // Once a write was sent, its key must see the same.
            match self.write_key != self.read_key && self.wrote.load(Ordering::Relaxed) {
                true => reader.read_with(&self.writer(zone).await?, keys).await,
                false => reader.read(keys).await,
            }
        }
        .boxed()
    }

    fn others<'a>(
        &'a self,
        zone: &'a str,
        names: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Other>, Unseen>> {
        async move { self.reader(zone).await?.others(names).await }.boxed()
    }

    fn grounds<'a>(
        &'a self,
        zone: &'a str,
        keys: &'a [RecordKey],
    ) -> BoxFuture<'a, Result<Grounds, Unseen>> {
        async move {
            let reader = self.reader(zone).await?;
            let open = async {
                Ok(match keys.len() {
                    0..FEW => open::listed(self.server, zone).await,
                    _ => None,
                })
            };
            let signing = async { Ok(signing::look(self.server, zone, keys).await) };
            let serial = async { Ok(reader.unlike_serial(None).await) };
            let looks = futures::try_join!(
                reader.with_grounds(keys),
                reader.apex(),
                open,
                signing,
                serial
            );
            let ((sets, public, mut grounds), notes, open, signing, serial) = looks?;
            grounds.notes.extend(notes);
            match signing.against(self.server, zone).filter(|_| !self.signs) {
                Some(Against::Refuses(why)) => grounds.zone.push(why),
                Some(Against::Warns(why)) => grounds.notes.push(why),
                None => {}
            }
            let made_up = open.map(|open| open.made_up(keys)).unwrap_or_default();
            grounds.sets.extend(made_up.into_iter().map(|(key, maker)| {
                let why = format!(
                    "`{key}` cannot be written: the zone holds no such set, the server makes it up from `{maker}` when it is \
                     asked; change that by hand"
                );
                (key, why)
            }));
            self.remember(zone, &sets, &grounds);
            let public = match public {
                Some(public) => reader.unlike_still(&sets, &public, None).await,
                None => None,
            };
            grounds.hidden.extend(public.or(serial).map(|why| {
                format!(
                    "`{}` tells those who ask without the key `{}` something else ({why}): the key selects a view, and \
                     they do not see what is written there",
                    self.server, self.read_key.name
                )
            }));
            if self.write_key != self.read_key {
                match self.writer(zone).await {
                    Ok(writer) => {
                        let others = writer.answered(keys).await?;
                        let why = match reader.unlike_still(&sets, &others, Some(&writer)).await {
                            None => reader.unlike_serial(Some(&writer)).await,
                            why => why,
                        };
                        grounds.zone.extend(why.map(|why| two_views(&why)));
                    }
                    // The secret for writing may be out of reach of those who only plan.
                    Err(unseen) => grounds.notes.push(format!(
                        "whether the key `{}` sees the same as `{}` is known only when it is written: {}",
                        self.write_key.name, self.read_key.name, unseen.detail
                    )),
                }
            }
            Ok(grounds)
        }
        .boxed()
    }

    fn judge(
        &self,
        zone: &str,
        grounds: &Grounds,
        from: &Value,
        to: &Value,
    ) -> Result<(), Vec<String>> {
        self.sendable(zone, grounds, from, to).map(drop)
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

    fn limits(&self) -> Limits {
        KIND.limits
    }

    fn commands(&self, zone: &str, from: &Value, to: &Value) -> Vec<String> {
        match self.sendable(zone, &Grounds::default(), from, to) {
            Ok((_, parts)) => (parts.iter())
                .map(|part| self.command(zone, part))
                .collect(),
            Err(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
