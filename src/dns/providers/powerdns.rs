//! The HTTP API of a PowerDNS Authoritative Server (version 4.7 and later).
//!
//! All record sets of a zone are replaced in one call, or none. The server cannot compare, so what is there
//! is read just before; where that is not enough, the same server takes dynamic updates (`rfc2136`). What
//! this one can and that one cannot is to keep comments and disabled records.

mod disabled;
mod zone;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;

use self::zone::{
    Metadata, Named, Zone, could_be_zones, is_speakable, other_zones, patch, twice, uneven,
    unspeakable,
};
use super::common::{Swap, in_shell, quoted, refusal};
use super::{Limits, ProviderKind};
use crate::dns::{Grounds, Holds, Honesty, Listing, Provider, RecordKey, RecordSet};
use crate::event::{Answer, Cause, Unseen};
use crate::field::{Field, Fields, Form};
use crate::journal::Permit;
use crate::plan::Value;
use crate::problem::Problem;
use crate::secret::{Secret, SecretRef};
use crate::world::api::{Api, Auth, Method, Reply};
use crate::world::secrets::reveal;

const TIMEOUT: Duration = Duration::from_secs(20);

/// How many zones are asked for one by one.
const FEW: usize = 8;

pub(super) static KIND: ProviderKind = ProviderKind {
    name: "powerdns",
    summary: "the HTTP API of a PowerDNS Authoritative Server",
    keeps: "The way back puts back data, TTLs and disabled records. Comments stay as they are at that moment. A zone \
            that is a secondary, the consumer of a catalog or signed elsewhere is not written.",
    example: r#"[providers.lab]
kind = "powerdns"
url = "http://192.0.2.53:8081"
api-key = { env = "PDNS_API_KEY" }
"#,
    fields: &[
        Field::new("url", Form::Url, "Where the API listens, without `/api/v1`").required(),
        Field::new(
            "api-key",
            Form::Secret,
            "Where the API key is, for looking and for writing",
        ),
        Field::new("read-secret", Form::Secret, "Another API key for looking"),
        Field::new(
            "write-secret",
            Form::Secret,
            "Another API key for writing, asked for only when a run will write",
        ),
        Field::new(
            "server-id",
            Form::Text,
            "The server's id in the API, by default `localhost`",
        ),
    ],
    limits: Limits {
        honesty: Honesty::Atomic,
        smallest_ttl: 0,
        // Its API documents no limit.
        cut: |sets| vec![sets],
        messages: 1,
    },
    build,
};

#[derive(Debug)]
struct PowerDns {
    api: Api,
    server_id: String,
    read_key: SecretRef,
    write_key: SecretRef,
}

fn build(fields: &Fields) -> Result<Arc<dyn Provider>, Vec<Problem>> {
    let mut problems = Vec::new();
    let api = Api::new(fields.text("url").unwrap_or_default(), TIMEOUT)
        .map_err(|why| {
            problems.push(Problem::error(
                "bad-url",
                fields.span_of("url"),
                format!("the provider's `url` cannot be used: {why}"),
            ));
        })
        .ok();
    let key = |name| {
        fields
            .secret(name)
            .or_else(|| fields.secret("api-key"))
            .cloned()
    };
    let (read_key, write_key) = (key("read-secret"), key("write-secret"));
    if read_key.is_none() || write_key.is_none() {
        problems.push(
            Problem::error(
                "no-key",
                fields.span.clone(),
                "the provider has no API key for looking and for writing",
            )
            .hint("give `api-key`, or both `read-secret` and `write-secret`"),
        );
    }
    match (api, read_key, write_key) {
        (Some(api), Some(read_key), Some(write_key)) => Ok(Arc::new(PowerDns {
            api,
            server_id: fields.text("server-id").unwrap_or("localhost").to_owned(),
            read_key,
            write_key,
        })),
        _ => Err(problems),
    }
}

impl PowerDns {
    fn zone_url(&self, zone: &str, below: Option<&str>) -> String {
        let zone = format!("{}.", zone.trim_end_matches('.'));
        let parts = ["api", "v1", "servers", &self.server_id, "zones", &zone];
        self.api.url(parts.into_iter().chain(below), None)
    }

    /// Asks for a part of a zone, told by the end of its address.
    async fn ask<T: DeserializeOwned>(
        &self,
        zone: &str,
        url: &str,
        key: &Secret,
    ) -> Result<T, Unseen> {
        self.reply(zone, url, key).await?.json()
    }

    async fn reply(&self, zone: &str, url: &str, key: &Secret) -> Result<Reply, Unseen> {
        let reply = self.api.ask(url, &Auth::Header("x-api-key", key)).await?;
        let what = || format!("reading the zone `{zone}` from PowerDNS failed");
        if !reply.is_success() {
            return Err(reply.unseen(&match reply.status {
                401 | 403 => format!("{}, since it does not take the API key", what()),
                404 | 422 => format!("{}, since it does not know the zone", what()),
                _ => what(),
            }));
        }
        Ok(reply)
    }

    /// The whole zone: where it is asked for one set, the server hides disabled records.
    async fn zone(&self, zone: &str, key: &Secret) -> Result<(Zone, Listing), Unseen> {
        let mut seen: Zone = self.ask(zone, &self.zone_url(zone, None), key).await?;
        let listing = seen.take();
        Ok((seen, listing))
    }

    /// What is kept beside the records. Some put a gate before the API that lets only zones through: then the
    /// zone itself must tell enough.
    async fn metadata(&self, zone: &str, key: &Secret) -> Result<Option<Vec<Metadata>>, Unseen> {
        let url = self.zone_url(zone, Some("metadata"));
        match self.ask(zone, &url, key).await {
            Err(unseen) if is_gate(&unseen) => Ok(None),
            other => other.map(Some),
        }
    }

    /// The zone, and what the server is, for these sets: whether they can be written to this zone of it.
    async fn grounds_of(
        &self,
        zone: &str,
        keys: &[RecordKey],
        key: &Secret,
    ) -> Result<(Zone, Listing, Grounds), Unseen> {
        let ((seen, listing), metadata, zones) =
            futures::try_join!(self.zone(zone, key), self.metadata(zone, key), async {
                Ok(self.zones(zone, keys, key).await)
            })?;
        let mut grounds = Grounds {
            zone: seen.barred(zone, metadata.as_deref()).into_iter().collect(),
            unfetched: seen.unraised(zone).into_iter().collect(),
            ..Grounds::default()
        };
        match zones {
            Ok(zones) => grounds.sets = other_zones(zone, keys, &zones),
            Err(why) => grounds.notes.push(format!(
                "whether another zone of the same PowerDNS answers for some of its names could not be told: {}",
                why.detail
            )),
        }
        Ok((seen, listing, grounds))
    }

    /// The zones of the server, as far as they could answer for these sets.
    async fn zones(
        &self,
        zone: &str,
        keys: &[RecordKey],
        key: &Secret,
    ) -> Result<Vec<Named>, Unseen> {
        let mut candidates = could_be_zones(zone, keys);
        // Of other names the API says that it takes none.
        candidates.retain(|name| is_speakable(name) && !name.starts_with('*'));
        let url = |query: &str| {
            let parts = ["api", "v1", "servers", &self.server_id, "zones"];
            self.api.url(parts, Some(query))
        };
        // One question lists all of them, however many the server holds; a few names are asked for one by one.
        let urls: Vec<String> = match candidates.len() > FEW {
            true => vec![url("dnssec=false")],
            false => {
                let one = |name: &&str| url(&format!("dnssec=false&zone={name}."));
                candidates.iter().map(one).collect()
            }
        };
        let asked = urls
            .iter()
            .map(|url| self.ask::<Vec<Named>>(zone, url, key));
        Ok(futures::future::try_join_all(asked)
            .await?
            .into_iter()
            .flatten()
            .collect())
    }

    async fn swap(&self, zone: &str, permit: &Permit<'_>) -> Result<String, Answer> {
        let refused = |reasons: Vec<String>| refusal(&reasons);
        let swap = sendable(&Grounds::default(), permit.from(), permit.to()).map_err(refused)?;
        let unseen = |unseen: Unseen| Answer::Refused {
            why: format!("nothing was sent: {}", unseen.detail),
        };
        let key = reveal(&self.write_key).await.map_err(unseen)?;
        let keys = swap.keys();
        let looks = self.grounds_of(zone, &keys, &key).await;
        let (seen, listing, mut grounds) = looks.map_err(unseen)?;
        grounds.sets.extend(listing.bars(&keys));
        let sets = asked(listing, &keys).map_err(unseen)?;
        swap.allowed(&grounds, None).map_err(refused)?;
        if let Some(why) = swap.foreign(&sets) {
            return Err(Answer::Refused { why });
        }
        let auth = Auth::Header("x-api-key", &key);
        let url = self.zone_url(zone, None);
        let written = self
            .api
            .write(permit, Method::Patch, &url, &auth, Some(&patch(&swap)))
            .await;
        let answer = match written {
            Ok(reply) if reply.is_success() => {
                let rest = self.follow_up(zone, &seen, permit, &auth).await;
                return Ok(format!("PowerDNS changed `{zone}` in one call{rest}"));
            }
            Ok(reply) => reply.refusal(&format!("PowerDNS did not change the zone `{zone}`")),
            Err(lost) => lost.answer(),
        };
        Err(match answer {
            // It may have happened: then secondaries that are not told would lag until they look by
            // themselves. Where it did not, this changes nothing.
            Answer::Unclear { why } => {
                let rest = self.follow_up(zone, &seen, permit, &auth).await;
                let why = match rest.is_empty() {
                    true => why,
                    false => format!("{why} (in case it was changed all the same{rest})"),
                };
                Answer::Unclear { why }
            }
            other => other,
        })
    }

    /// What a change leaves to be done, and a note of it: the order of a signed zone, the secondaries.
    async fn follow_up(
        &self,
        zone: &str,
        seen: &Zone,
        permit: &Permit<'_>,
        auth: &Auth<'_>,
    ) -> String {
        let mut note = String::new();
        if seen.dnssec && !seen.api_rectify {
            let put = self.put(zone, "rectify", permit, auth).await;
            note.push_str(&match put {
                Ok(()) => ", put its signed order right".to_owned(),
                Err(why) => format!(
                    ", but did not rectify it, so denials of names may not validate (run `pdnsutil rectify-zone {zone}`): {why}"
                ),
            });
        }
        if matches!(seen.kind.as_str(), "Master" | "Primary") {
            let put = self.put(zone, "notify", permit, auth).await;
            note.push_str(&match put {
                Ok(()) if seen.unraised(zone).is_some() => {
                    ", told its secondaries, which do not fetch it as its serial did not rise"
                        .to_owned()
                }
                Ok(()) => ", told its secondaries".to_owned(),
                Err(why) => {
                    format!(
                        ", but did not tell its secondaries, which will look by themselves: {why}"
                    )
                }
            });
        }
        note
    }

    /// A call without a body that follows a change; what was changed stands even if it fails.
    async fn put(
        &self,
        zone: &str,
        what: &str,
        permit: &Permit<'_>,
        auth: &Auth<'_>,
    ) -> Result<(), String> {
        let url = self.zone_url(zone, Some(what));
        match self.api.write(permit, Method::Put, &url, auth, None).await {
            Ok(reply) if reply.is_success() => Ok(()),
            Ok(reply) => Err(reply.told()),
            Err(lost) => Err(lost.unseen().detail),
        }
    }
}

/// Whether a part of the API is kept back: some put a gate before it that lets only zones through.
fn is_gate(unseen: &Unseen) -> bool {
    matches!(unseen.cause, Cause::Denied | Cause::Missing)
}

/// The swap, or why it must not be sent.
fn sendable(grounds: &Grounds, from: &Value, to: &Value) -> Result<Swap, Vec<String>> {
    let swap = Swap::new(from, to)?;
    swap.allowed(grounds, twice(&swap).chain(unspeakable(&swap)))?;
    Ok(swap)
}

/// The sets at these keys. What cannot be read matters only where it was asked for.
fn asked(listing: Listing, keys: &[RecordKey]) -> Result<Vec<RecordSet>, Unseen> {
    let keys: HashSet<&RecordKey> = keys.iter().collect();
    for other in listing.others {
        if let (Holds::Unread(why), Ok(rtype)) = (other.holds, other.rtype.parse())
            && keys.contains(&RecordKey::new(&other.name, rtype))
        {
            let detail = format!("a record set of PowerDNS cannot be read: {why}");
            return Err(Unseen::new(Cause::Garbled, detail));
        }
    }
    let mut sets = listing.sets;
    sets.retain(|set| keys.contains(&set.key));
    Ok(sets)
}

impl Provider for PowerDns {
    fn list<'a>(&'a self, zone: &'a str) -> BoxFuture<'a, Result<Listing, Unseen>> {
        async move {
            let key = reveal(&self.read_key).await?;
            Ok(self.zone(zone, &key).await?.1)
        }
        .boxed()
    }

    fn read<'a>(
        &'a self,
        zone: &'a str,
        keys: &'a [RecordKey],
    ) -> BoxFuture<'a, Result<Vec<RecordSet>, Unseen>> {
        async move {
            let key = reveal(&self.read_key).await?;
            asked(self.zone(zone, &key).await?.1, keys)
        }
        .boxed()
    }

    fn barred<'a>(&'a self, zone: &'a str) -> BoxFuture<'a, Result<Option<String>, Unseen>> {
        async move {
            let key = reveal(&self.read_key).await?;
            let ((seen, _), metadata) =
                futures::try_join!(self.zone(zone, &key), self.metadata(zone, &key))?;
            Ok(seen.barred(zone, metadata.as_deref()))
        }
        .boxed()
    }

    fn grounds<'a>(
        &'a self,
        zone: &'a str,
        keys: &'a [RecordKey],
    ) -> BoxFuture<'a, Result<Grounds, Unseen>> {
        async move {
            let key = reveal(&self.read_key).await?;
            let url = self.zone_url(zone, Some("export"));
            let (grounds, export) = futures::join!(
                self.grounds_of(zone, keys, &key),
                self.reply(zone, &url, &key)
            );
            let (_, listing, mut grounds) = grounds?;
            self.disabled(zone, &listing, keys, &key, &mut grounds)
                .await;
            match export {
                Ok(export) => (grounds.sets).extend(uneven(&export.text(), &listing, keys)),
                Err(why) => grounds.ttls_are_untold(format!(
                    "whether the records of one set have several TTLs, of which the way back would keep one, could \
                     not be told: {}",
                    why.detail
                )),
            }
            Ok(grounds)
        }
        .boxed()
    }

    fn judge(
        &self,
        _: &str,
        grounds: &Grounds,
        from: &Value,
        to: &Value,
    ) -> Result<(), Vec<String>> {
        sendable(grounds, from, to).map(drop)
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
        let Ok(swap) = sendable(&Grounds::default(), from, to) else {
            return Vec::new();
        };
        let curl = |method: &str, rest: &str| {
            format!(
                "curl -fsS -X {method} -H \"X-API-Key: {}\"{rest}",
                in_shell(&self.write_key)
            )
        };
        let body = format!(
            " -H 'Content-Type: application/json' --data {} {}",
            quoted(&patch(&swap)),
            quoted(&self.zone_url(zone, None))
        );
        let notify = format!(" {}", quoted(&self.zone_url(zone, Some("notify"))));
        vec![curl("PATCH", &body), curl("PUT", &notify)]
    }
}

#[cfg(test)]
mod tests;
