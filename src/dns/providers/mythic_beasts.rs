//! The Primary DNS API of Mythic Beasts, version 2.
//!
//! It was built and is tested against recorded answers of the service, never against the live one: what is
//! marked as such in the recordings of other open-source clients is what this file relies on. It replaces
//! one record set in one call. There is no compare-and-swap, but the answer counts what was removed and
//! added, so that a write of somebody else in between shows afterwards.

mod records;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use self::records::{Counts, Records, body, host, sendable, understood};
use super::common::{differs, find, in_shell, quoted, refusal};
use super::{Limits, ProviderKind};
use crate::dns::{
    Grounds, Holds, Honesty, Listing, Other, Provider, RecordKey, RecordSet, RecordType,
};
use crate::event::{Answer, Cause, Unseen};
use crate::field::{Field, Fields, Form};
use crate::journal::Permit;
use crate::plan::Value;
use crate::problem::Problem;
use crate::secret::{Secret, SecretRef};
use crate::words::count;
use crate::world::api::{Api, Auth, Method};
use crate::world::secrets::reveal;

const API: &str = "https://api.mythic-beasts.com/dns/v2";
const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) static KIND: ProviderKind = ProviderKind {
    name: "mythic-beasts",
    summary: "the Primary DNS API of Mythic Beasts, version 2; tested against recorded answers only",
    keeps: "The way back puts back data and TTLs. Records that come from a template or from the service itself are \
            not written.",
    example: r#"[providers.mythic]
kind = "mythic-beasts"
key-id = { env = "MYTHIC_KEY_ID" }
secret = { file = "/etc/cutover/mythic.secret" }
"#,
    fields: &[
        Field::new(
            "key-id",
            Form::Secret,
            "Where the id of the API key is, for looking and for writing",
        ),
        Field::new("secret", Form::Secret, "Where the secret of the API key is"),
        Field::new(
            "read-key-id",
            Form::Secret,
            "The id of another key for looking",
        ),
        Field::new(
            "read-secret",
            Form::Secret,
            "The secret of the key for looking",
        ),
        Field::new(
            "write-key-id",
            Form::Secret,
            "The id of another key for writing",
        ),
        Field::new(
            "write-secret",
            Form::Secret,
            "The secret of the key for writing, asked for only when a run will write",
        ),
        Field::new(
            "url",
            Form::Url,
            "Another address of the API, by default `https://api.mythic-beasts.com/dns/v2`",
        ),
    ],
    limits: Limits {
        honesty: Honesty::OneSet,
        // The vendor documents no minimum; a smaller one than a minute is not asked for.
        smallest_ttl: 60,
        cut: |sets| sets.chunks(1).collect(),
        messages: 1,
    },
    build,
};

/// An API key: its two halves, still where the playbook says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    id: SecretRef,
    secret: SecretRef,
}

impl Key {
    async fn reveal(&self) -> Result<(Secret, Secret), Unseen> {
        Ok((reveal(&self.id).await?, reveal(&self.secret).await?))
    }
}

#[derive(Debug)]
struct MythicBeasts {
    api: Api,
    read_key: Key,
    write_key: Key,
}

fn build(fields: &Fields) -> Result<Arc<dyn Provider>, Vec<Problem>> {
    let mut problems = Vec::new();
    let api = Api::new(fields.text("url").unwrap_or(API), TIMEOUT)
        .map_err(|why| {
            problems.push(Problem::error(
                "bad-url",
                fields.span_of("url"),
                format!("the provider's `url` cannot be used: {why}"),
            ));
        })
        .ok();
    let half = |own: &str, common: &str| {
        fields
            .secret(own)
            .or_else(|| fields.secret(common))
            .cloned()
    };
    let mut key =
        |what: &str, id: &str, secret: &str| match (half(id, "key-id"), half(secret, "secret")) {
            (Some(id), Some(secret)) => Some(Key { id, secret }),
            _ => {
                problems.push(
                    Problem::error(
                        "no-key",
                        fields.span.clone(),
                        format!("the provider has no API key for {what}"),
                    )
                    .hint(format!(
                        "give `key-id` and `secret`, or `{id}` and `{secret}`"
                    )),
                );
                None
            }
        };
    let read_key = key("looking", "read-key-id", "read-secret");
    let write_key = key("writing", "write-key-id", "write-secret");
    match (api, read_key, write_key) {
        (Some(api), Some(read_key), Some(write_key)) => Ok(Arc::new(MythicBeasts {
            api,
            read_key,
            write_key,
        })),
        _ => Err(problems),
    }
}

fn trimmed(zone: &str) -> String {
    zone.trim_end_matches('.').to_ascii_lowercase()
}

impl MythicBeasts {
    fn set_url(&self, zone: &str, key: &RecordKey, query: Option<&str>) -> Result<String, String> {
        let (host, rtype) = (host(zone, key)?, key.rtype.to_string());
        let parts = ["zones", zone, "records", &host, &rtype];
        Ok(self.api.url(parts, query))
    }

    async fn records(
        &self,
        zone: &str,
        url: &str,
        key: &(Secret, Secret),
    ) -> Result<Listing, Unseen> {
        let auth = Auth::Basic {
            user: &key.0,
            secret: &key.1,
        };
        let reply = self.api.ask(url, &auth).await?;
        let what = || format!("reading records of `{zone}` from Mythic Beasts failed");
        if !reply.is_success() {
            return Err(reply.unseen(&match reply.status {
                401 => format!("{}, since it does not take the key", what()),
                403 => format!("{}, since the key may not see them", what()),
                _ => what(),
            }));
        }
        let records: Records = reply.json()?;
        Ok(understood(zone, records.records))
    }

    async fn one(
        &self,
        zone: &str,
        asked: &RecordKey,
        key: &(Secret, Secret),
    ) -> Result<Option<RecordSet>, Unseen> {
        let url = self
            .set_url(zone, asked, None)
            .map_err(|why| Unseen::new(Cause::Missing, why))?;
        let listing = self.records(zone, &url, key).await?;
        let unread = |other: &Other| match &other.holds {
            Holds::Unread(why) => Some(why.clone()),
            Holds::Text(_) => None,
        };
        match listing.others.iter().find_map(unread) {
            Some(why) => Err(Unseen::new(
                Cause::Garbled,
                format!("`{asked}` of Mythic Beasts cannot be read: {why}"),
            )),
            None => Ok(find(&listing.sets, asked).cloned()),
        }
    }

    /// Replaces one set. An error is what the write said instead of "done".
    async fn put(
        &self,
        zone: &str,
        permit: &Permit<'_>,
        secrets: &(Secret, Secret),
        (key, from, to): (&RecordKey, Option<&RecordSet>, Option<&RecordSet>),
    ) -> Result<(), Answer> {
        let fresh = self
            .one(zone, key, secrets)
            .await
            .map_err(|unseen| Answer::Refused {
                why: format!("nothing was sent: {}", unseen.detail),
            })?;
        if fresh.as_ref() != to
            && let Some(why) = differs(key, from, fresh.as_ref())
        {
            return Err(Answer::Refused { why });
        }
        let refused = |why| Answer::Refused { why };
        let url = self.set_url(zone, key, None).map_err(refused)?;
        let host = host(zone, key).map_err(refused)?;
        let body = to.map(|set| body(set, &host).to_string());
        let method = match to {
            Some(_) => Method::Put,
            None => Method::Delete,
        };
        let auth = Auth::Basic {
            user: &secrets.0,
            secret: &secrets.1,
        };
        let reply = self
            .api
            .write(permit, method, &url, &auth, body.as_deref())
            .await
            .map_err(|lost| lost.answer())?;
        if !reply.is_success() {
            return Err(reply.refusal(&format!("Mythic Beasts did not change `{key}`")));
        }
        let counts: Counts = reply
            .json()
            .map_err(|unseen| Answer::Unclear { why: unseen.detail })?;
        let members = |set: Option<&RecordSet>| set.map_or(0, |set| set.data.len());
        let expected = (members(fresh.as_ref()), members(to));
        if expected != (counts.records_removed, counts.records_added) {
            return Err(Answer::Unclear {
                why: format!(
                    "Mythic Beasts removed {} and added {} of `{key}` instead of {} and {}: somebody else wrote in between",
                    count(counts.records_removed, "record"),
                    counts.records_added,
                    expected.0,
                    expected.1
                ),
            });
        }
        Ok(())
    }

    async fn swap(&self, zone: &str, permit: &Permit<'_>) -> Result<String, Answer> {
        let swap = sendable(zone, &Grounds::default(), permit.from(), permit.to())
            .map_err(|reasons| refusal(&reasons))?;
        let secrets = self
            .write_key
            .reveal()
            .await
            .map_err(|unseen| Answer::Refused { why: unseen.detail })?;
        let mut pairs = swap.pairs();
        pairs.sort_by_key(|(.., to)| to.is_some());
        for (done, (key, from, to)) in pairs.iter().enumerate() {
            let answer = self.put(zone, permit, &secrets, (key, *from, *to)).await;
            match answer {
                Ok(()) => {}
                // What went before was done, so the whole is not refused any more.
                Err(Answer::Refused { why } | Answer::Declined { why }) if done > 0 => {
                    return Err(Answer::Unclear { why });
                }
                Err(answer) => return Err(answer),
            }
        }
        Ok("Mythic Beasts took the change and counted the records that we expected".into())
    }
}

impl Provider for MythicBeasts {
    fn list<'a>(&'a self, zone: &'a str) -> BoxFuture<'a, Result<Listing, Unseen>> {
        async move {
            let zone = trimmed(zone);
            let key = self.read_key.reveal().await?;
            let url = self.api.url(["zones", &zone, "records"], None);
            self.records(&zone, &url, &key).await
        }
        .boxed()
    }

    fn read<'a>(
        &'a self,
        zone: &'a str,
        keys: &'a [RecordKey],
    ) -> BoxFuture<'a, Result<Vec<RecordSet>, Unseen>> {
        async move {
            let zone = trimmed(zone);
            let key = self.read_key.reveal().await?;
            let mut sets = Vec::new();
            for asked in keys {
                sets.extend(self.one(&zone, asked, &key).await?);
            }
            Ok(sets)
        }
        .boxed()
    }

    fn others<'a>(
        &'a self,
        zone: &'a str,
        names: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Other>, Unseen>> {
        async move {
            let zone = trimmed(zone);
            let key = self.read_key.reveal().await?;
            let mut others = Vec::new();
            for name in names {
                let host = host(&zone, &RecordKey::new(name, RecordType::A))
                    .map_err(|why| Unseen::new(Cause::Missing, why))?;
                let url = self.api.url(["zones", &zone, "records", &host], None);
                others.extend(self.records(&zone, &url, &key).await?.others);
            }
            Ok(others)
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
        sendable(&trimmed(zone), grounds, from, to).map(drop)
    }

    fn write<'a>(&'a self, zone: &'a str, permit: Permit<'a>) -> BoxFuture<'a, Answer> {
        async move {
            match self.swap(&trimmed(zone), &permit).await {
                Ok(note) => Answer::Done { note },
                Err(answer) => answer,
            }
        }
        .boxed()
    }

    fn limits(&self) -> Limits {
        KIND.limits
    }

    fn published<'a>(
        &'a self,
        zone: &'a str,
        keys: &'a [RecordKey],
    ) -> BoxFuture<'a, Option<Result<(), Unseen>>> {
        async move { Some(self.verified(&trimmed(zone), keys).await) }.boxed()
    }

    fn commands(&self, zone: &str, from: &Value, to: &Value) -> Vec<String> {
        let zone = trimmed(zone);
        let Ok(swap) = sendable(&zone, &Grounds::default(), from, to) else {
            return Vec::new();
        };
        let mut pairs = swap.pairs();
        pairs.sort_by_key(|(.., to)| to.is_some());
        let user = format!(
            "-u \"{}:{}\"",
            in_shell(&self.write_key.id),
            in_shell(&self.write_key.secret)
        );
        let command = |(key, _, to): &(&RecordKey, Option<&RecordSet>, Option<&RecordSet>)| {
            let url = quoted(&self.set_url(&zone, key, None).ok()?);
            let host = host(&zone, key).ok()?;
            Some(match to {
                None => format!("curl -fsS -X DELETE {user} {url}"),
                Some(set) => format!(
                    "curl -fsS -X PUT {user} -H 'Content-Type: application/json' --data {} {url}",
                    quoted(&body(set, &host).to_string())
                ),
            })
        };
        pairs.iter().filter_map(command).collect()
    }
}

impl MythicBeasts {
    /// Whether the service sees the sets on all its name servers. [`Cause::Missing`] says "not yet".
    async fn verified(&self, zone: &str, keys: &[RecordKey]) -> Result<(), Unseen> {
        let secrets = self.read_key.reveal().await?;
        let auth = Auth::Basic {
            user: &secrets.0,
            secret: &secrets.1,
        };
        for key in keys {
            let url = self
                .set_url(zone, key, Some("verify"))
                .map_err(|why| Unseen::new(Cause::Missing, why))?;
            let reply = self.api.ask(&url, &auth).await?;
            if reply.status == 409 {
                return Err(Unseen::new(
                    Cause::Missing,
                    format!(
                        "`{key}` is not yet on every name server of Mythic Beasts: {}",
                        reply.told()
                    ),
                ));
            }
            if !reply.is_success() {
                return Err(reply.unseen(&format!(
                    "asking Mythic Beasts whether `{key}` is published failed"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
