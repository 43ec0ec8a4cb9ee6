//! The HTTP API of a PowerDNS Authoritative Server (version 4.7 and later).
//!
//! All record sets of a zone are replaced in one call, or none. The server cannot compare, so what is there
//! is read just before; where that is not enough, the same server takes dynamic updates (`rfc2136`). What
//! this one can and that one cannot is to keep comments and disabled records.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::common::{Swap, in_shell, quoted};
use super::{Limits, ProviderKind};
use crate::dns::{Honesty, Provider, RecordKey, RecordSet, RecordType};
use crate::event::{Answer, Cause, Unseen};
use crate::field::{Field, Fields, Form};
use crate::journal::Permit;
use crate::plan::Value;
use crate::problem::Problem;
use crate::secret::{Secret, SecretRef};
use crate::world::api::{Api, Auth, Method};
use crate::world::secrets::reveal;

const TIMEOUT: Duration = Duration::from_secs(20);

pub(super) static KIND: ProviderKind = ProviderKind {
    name: "powerdns",
    summary: "the HTTP API of a PowerDNS Authoritative Server",
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

/// A zone as the API shows it, as far as we must know it.
#[derive(Debug, Deserialize)]
struct Zone {
    #[serde(default)]
    kind: String,
    /// Signed by the server.
    #[serde(default)]
    dnssec: bool,
    /// The server puts the order of names right by itself after a change by the API.
    #[serde(default)]
    api_rectify: bool,
    rrsets: Vec<Rrset>,
}

#[derive(Debug, Deserialize)]
struct Rrset {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    ttl: i64,
    records: Vec<Member>,
    #[serde(default)]
    comments: Vec<Json>,
}

#[derive(Debug, Deserialize)]
struct Member {
    content: String,
    #[serde(default)]
    disabled: bool,
}

impl Rrset {
    /// The set in our words; `None` for other types. Disabled members and comments are kept in `extra`.
    fn understood(mut self) -> Option<Result<RecordSet, String>> {
        let rtype: RecordType = self.rtype.parse().ok()?;
        let key = RecordKey::new(&self.name, rtype);
        let (disabled, served): (Vec<_>, Vec<_>) =
            self.records.into_iter().partition(|member| member.disabled);
        let Ok(ttl) = u32::try_from(self.ttl) else {
            return Some(Err(format!("the TTL {} of `{key}` is none", self.ttl)));
        };
        let mut extra = serde_json::Map::new();
        if !disabled.is_empty() {
            let mut contents: Vec<_> = disabled.into_iter().map(|member| member.content).collect();
            contents.sort();
            extra.insert("disabled".into(), json!(contents));
        }
        if !self.comments.is_empty() {
            self.comments.sort_by_key(Json::to_string);
            extra.insert("comments".into(), json!(self.comments));
        }
        let set = RecordSet::new(key, ttl, served.iter().map(|member| &member.content));
        Some(set.map(|set| match extra.is_empty() {
            true => set,
            false => set.with_extra(Json::Object(extra)),
        }))
    }
}

/// One entry of a PATCH. Comments that stay as they are are left out, which keeps them.
fn entry(key: &RecordKey, from: Option<&RecordSet>, to: Option<&RecordSet>) -> Json {
    let name = format!("{}.", key.name);
    let rtype = key.rtype.to_string();
    let Some(to) = to else {
        return json!({ "name": name, "type": rtype, "changetype": "DELETE" });
    };
    let disabled = to.extra.get("disabled").and_then(Json::as_array);
    let records: Vec<_> = (to
        .data
        .iter()
        .map(|data| json!({ "content": data, "disabled": false })))
    .chain(
        disabled
            .into_iter()
            .flatten()
            .map(|content| json!({ "content": content, "disabled": true })),
    )
    .collect();
    let mut entry = json!({
        "name": name,
        "type": rtype,
        "ttl": to.ttl,
        "changetype": "REPLACE",
        "records": records,
    });
    let none = json!([]);
    let comments = |set: &RecordSet| set.extra.get("comments").unwrap_or(&none).clone();
    let (before, after) = (from.map_or(json!([]), comments), comments(to));
    if before != after {
        entry["comments"] = after;
    }
    entry
}

/// The body of the one call: deletions first, since the order counts where an alias becomes addresses.
fn patch(swap: &Swap) -> Json {
    let pairs = swap.pairs();
    let (gone, kept): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(.., to)| to.is_none());
    let entries: Vec<_> = (gone.iter().chain(&kept))
        .map(|(key, from, to)| entry(key, *from, *to))
        .collect();
    json!({ "rrsets": entries })
}

impl PowerDns {
    fn zone_url(&self, zone: &str, below: Option<&str>) -> String {
        let zone = format!("{}.", zone.trim_end_matches('.'));
        let parts = ["api", "v1", "servers", &self.server_id, "zones", &zone];
        self.api.url(parts.into_iter().chain(below), None)
    }

    /// The whole zone: where it is asked for one set, the server hides disabled records.
    async fn zone(&self, zone: &str, key: &Secret) -> Result<(Zone, Vec<RecordSet>), Unseen> {
        let url = self.zone_url(zone, None);
        let reply = self.api.ask(&url, &Auth::Header("x-api-key", key)).await?;
        let what = || format!("reading the zone `{zone}` from PowerDNS failed");
        if !reply.is_success() {
            return Err(reply.unseen(&match reply.status {
                401 | 403 => format!("{}, since it does not take the API key", what()),
                404 | 422 => format!("{}, since it does not know the zone", what()),
                _ => what(),
            }));
        }
        let mut seen: Zone = reply.json()?;
        let sets = std::mem::take(&mut seen.rrsets)
            .into_iter()
            .filter_map(Rrset::understood)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|why| Unseen::new(Cause::Garbled, format!("{}: {why}", what())))?;
        Ok((seen, sets))
    }

    async fn swap(&self, zone: &str, permit: &Permit<'_>) -> Result<String, Answer> {
        let swap = Swap::new(permit.from(), permit.to()).map_err(|why| Answer::Refused { why })?;
        if let Some(why) = twice(&swap) {
            return Err(Answer::Refused { why });
        }
        let unseen = |unseen: Unseen| Answer::Refused {
            why: format!("nothing was sent: {}", unseen.detail),
        };
        let key = reveal(&self.write_key).await.map_err(unseen)?;
        let (seen, sets) = self.zone(zone, &key).await.map_err(unseen)?;
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

/// A record cannot be served and disabled in one set.
fn twice(swap: &Swap) -> Option<String> {
    swap.to.iter().find_map(|set| {
        let disabled = set.extra.get("disabled")?.as_array()?;
        let both = (set.data.iter()).find(|data| disabled.contains(&json!(data)))?;
        Some(format!(
            "`{}` already holds `{both}` as a disabled record; remove or enable it first",
            set.key
        ))
    })
}

impl Provider for PowerDns {
    fn list<'a>(&'a self, zone: &'a str) -> BoxFuture<'a, Result<Vec<RecordSet>, Unseen>> {
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
            let mut sets = self.zone(zone, &key).await?.1;
            sets.retain(|set| keys.contains(&set.key));
            Ok(sets)
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
        let curl = |method: &str, rest: &str| {
            format!(
                "curl -fsS -X {method} -H \"X-API-Key: {}\"{rest}",
                in_shell(&self.write_key)
            )
        };
        let body = format!(
            " -H 'Content-Type: application/json' --data {} {}",
            quoted(&patch(&swap).to_string()),
            quoted(&self.zone_url(zone, None))
        );
        let notify = format!(" {}", quoted(&self.zone_url(zone, Some("notify"))));
        vec![curl("PATCH", &body), curl("PUT", &notify)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Datum;

    fn provider() -> Arc<dyn Provider> {
        let mut fields = Fields::default();
        fields.insert(
            "url",
            Datum::Text("http://[2001:db8::53]:8081/".into()),
            0..0,
        );
        fields.insert(
            "api-key",
            Datum::Secret(SecretRef::Env("PDNS".into())),
            0..0,
        );
        build(&fields).unwrap()
    }

    fn sets(zone: &str) -> Vec<RecordSet> {
        let zone: Zone = serde_json::from_str(zone).unwrap();
        zone.rrsets
            .into_iter()
            .filter_map(Rrset::understood)
            .collect::<Result<_, _>>()
            .unwrap()
    }

    const ZONE: &str = r#"{"kind":"Native","rrsets":[
        {"name":"www.example.org.","type":"A","ttl":300,
         "records":[{"content":"192.0.2.2","disabled":true},{"content":"192.0.2.1","disabled":false}],
         "comments":[{"content":"ours","account":"ops","modified_at":1}]},
        {"name":"example.org.","type":"SOA","ttl":300,"records":[{"content":"a. b. 1 2 3 4 5","disabled":false}]}]}"#;

    #[test]
    fn comments_and_disabled_records_are_kept_and_other_types_are_not_ours() {
        let before = sets(ZONE);
        assert_eq!(before.len(), 1);
        assert_eq!(before[0].data, ["192.0.2.1"]);
        let mut after = before.clone();
        after[0].data = vec!["198.51.100.1".into()];
        let value = |sets: &[RecordSet]| RecordSet::value_of(sets);
        let swap = Swap::new(&value(&before), &value(&after)).unwrap();
        assert_eq!(
            patch(&swap),
            json!({ "rrsets": [{
                "name": "www.example.org.", "type": "A", "ttl": 300, "changetype": "REPLACE",
                "records": [
                    { "content": "198.51.100.1", "disabled": false },
                    { "content": "192.0.2.2", "disabled": true },
                ],
            }] })
        );
        let swap = Swap::new(&Value::default(), &value(&before)).unwrap();
        assert_eq!(
            patch(&swap)["rrsets"][0]["comments"],
            json!([{ "content": "ours", "account": "ops", "modified_at": 1 }])
        );
        after[0].data = vec!["192.0.2.2".into()];
        let swap = Swap::new(&value(&before), &value(&after)).unwrap();
        assert!(twice(&swap).is_some());
    }

    #[test]
    fn deletions_go_first() {
        let alias =
            RecordSet::new("z.example.org. CNAME".parse().unwrap(), 60, ["x.org."]).unwrap();
        let address =
            RecordSet::new("z.example.org. A".parse().unwrap(), 60, ["192.0.2.1"]).unwrap();
        let swap = Swap::new(
            &RecordSet::value_of(&[alias]),
            &RecordSet::value_of(&[address]),
        )
        .unwrap();
        let body = patch(&swap);
        assert_eq!(body["rrsets"][0]["changetype"], "DELETE");
        assert_eq!(body["rrsets"][1]["changetype"], "REPLACE");
    }

    #[test]
    fn commands_name_the_place_of_the_key() {
        let before = sets(ZONE);
        let commands = provider().commands(
            "example.org",
            &RecordSet::value_of(&before),
            &Value::default(),
        );
        assert_eq!(
            commands,
            [
                r#"curl -fsS -X PATCH -H "X-API-Key: ${PDNS}" -H 'Content-Type: application/json' --data '{"rrsets":[{"changetype":"DELETE","name":"www.example.org.","type":"A"}]}' 'http://[2001:db8::53]:8081/api/v1/servers/localhost/zones/example.org.'"#,
                r#"curl -fsS -X PUT -H "X-API-Key: ${PDNS}" 'http://[2001:db8::53]:8081/api/v1/servers/localhost/zones/example.org./notify'"#,
            ]
        );
    }

    #[test]
    fn a_password_in_the_url_is_refused_without_showing_it() {
        let mut fields = Fields::default();
        fields.insert(
            "url",
            Datum::Text("http://ops:planted@[::1]:8081".into()),
            0..0,
        );
        fields.insert(
            "api-key",
            Datum::Secret(SecretRef::Env("PDNS".into())),
            0..0,
        );
        let problems = build(&fields).err().unwrap();
        assert!(!format!("{problems:?}").contains("planted"), "{problems:?}");
    }
}
