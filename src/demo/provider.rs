//! The provider of the lab: an HTTP API that writes the zone, in the shapes of PowerDNS.
//!
//! It knows what the real one is asked for by `cutover` and by `curl`: its zones, a zone and its text, a PATCH of record
//! sets, NOTIFY.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::http::{Answer, Asked, typed};
use super::zone::{Change, Zone};
use crate::dns::{RecordKey, RecordSet};

/// The API of one zone.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) zone: Arc<Zone>,
    /// Without a dot at its end.
    pub(super) name: String,
    pub(super) key: String,
}

#[derive(Deserialize)]
struct Patch {
    rrsets: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    changetype: String,
    #[serde(default)]
    ttl: u32,
    #[serde(default)]
    records: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    content: String,
    #[serde(default)]
    disabled: bool,
}

impl Api {
    pub(super) async fn answer(self, asked: Asked) -> Answer {
        if asked.header("x-api-key") != self.key {
            return error(StatusCode::UNAUTHORIZED, "Unauthorized");
        }
        let zones = "/api/v1/servers/localhost/zones";
        let zone = format!("{zones}/{}.", self.name);
        let path = asked.head.uri.path();
        if (&asked.head.method, path) == (&Method::GET, zones) {
            return self.zones(asked.head.uri.query().unwrap_or_default());
        }
        match (&asked.head.method, path.strip_prefix(zone.as_str())) {
            (&Method::GET, Some("")) => self.show().await,
            (&Method::GET, Some("/export")) => self.export().await,
            (&Method::PATCH, Some("")) => match self.patch(&asked.body).await {
                Ok(()) => typed(StatusCode::NO_CONTENT, JSON, ""),
                Err(why) => error(StatusCode::UNPROCESSABLE_ENTITY, &why),
            },
            (&Method::PUT, Some("/notify")) => {
                self.zone.notify();
                let result = json!({ "result": "Notification queued" });
                typed(StatusCode::OK, JSON, result.to_string())
            }
            (_, Some("" | "/notify" | "/export")) => {
                error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
            }
            _ => error(StatusCode::NOT_FOUND, "Not Found"),
        }
    }

    async fn show(&self) -> Answer {
        let (serial, sets) = self.zone.sets().await;
        let rrsets: Vec<Json> = sets.iter().map(shown).collect();
        let zone = json!({
            "id": format!("{}.", self.name),
            "name": format!("{}.", self.name),
            "kind": "Primary",
            "serial": serial,
            "rrsets": rrsets,
        });
        typed(StatusCode::OK, JSON, zone.to_string())
    }

    /// The one zone, or none of them where another is asked for.
    fn zones(&self, query: &str) -> Answer {
        let own = format!("zone={}.", self.name);
        let mut wanted = query.split('&').filter(|part| part.starts_with("zone="));
        let named = match wanted.all(|part| part == own) {
            true => json!([{ "name": format!("{}.", self.name), "kind": "Primary" }]),
            false => json!([]),
        };
        typed(StatusCode::OK, JSON, named.to_string())
    }

    /// The zone as zone-file text.
    async fn export(&self) -> Answer {
        let (_, sets) = self.zone.sets().await;
        let mut text = String::new();
        for set in &sets {
            for data in &set.data {
                let RecordKey { name, rtype, .. } = &set.key;
                text += &format!("{name}.\t{}\tIN\t{rtype}\t{data}\n", set.ttl);
            }
        }
        typed(StatusCode::OK, "text/plain", text)
    }

    async fn patch(&self, body: &[u8]) -> Result<(), String> {
        let patch: Patch = serde_json::from_slice(body)
            .map_err(|error| format!("the body cannot be read: {error}"))?;
        let changes = patch.rrsets.into_iter().map(|entry| self.change(entry));
        let changes = changes.collect::<Result<Vec<_>, _>>()?;
        self.zone.change(changes).await
    }

    fn change(&self, entry: Entry) -> Result<Change, String> {
        let key = RecordKey::new(&entry.name, entry.rtype.parse()?);
        let inside = (key.name.strip_suffix(&self.name))
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if !inside || !entry.name.ends_with('.') {
            return Err(format!("`{}` is out of the zone", entry.name));
        }
        if entry.records.iter().any(|member| member.disabled) {
            return Err("the demo keeps no disabled records".into());
        }
        match entry.changetype.as_str() {
            "DELETE" => Ok((key, None)),
            "REPLACE" => {
                let data = entry.records.iter().map(|member| &member.content);
                let set = RecordSet::new(key.clone(), entry.ttl, data)?;
                if set.addresses().len() != set.data.len() {
                    return Err(format!("the demo serves addresses only, and no `{key}`"));
                }
                Ok((key, Some(set).filter(|set| !set.data.is_empty())))
            }
            other => Err(format!("`{other}` is no changetype")),
        }
    }
}

const JSON: &str = "application/json";

fn error(status: StatusCode, why: &str) -> Answer {
    typed(status, JSON, json!({ "error": why }).to_string())
}

fn shown(set: &RecordSet) -> Json {
    let records: Vec<Json> = (set.data.iter())
        .map(|data| json!({ "content": data, "disabled": false }))
        .collect();
    json!({
        "name": format!("{}.", set.key.name),
        "type": set.key.rtype.to_string(),
        "ttl": set.ttl,
        "records": records,
        "comments": [],
    })
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use hyper::Request;

    use super::*;

    async fn api(folder: &tempfile::TempDir) -> Api {
        let key = RecordKey::new("www.demo.example", crate::dns::RecordType::A);
        let sets = vec![RecordSet::new(key, 2, ["192.0.2.1"]).unwrap()];
        let file = folder.path().join("zone.json");
        let zone = Zone::open("demo.example", &file, sets).await;
        Api {
            zone: Arc::new(zone.unwrap_or_else(|error| panic!("{error}"))),
            name: "demo.example".into(),
            key: "secret".into(),
        }
    }

    async fn ask(api: &Api, method: &str, key: &str, below: &str, body: Json) -> (u16, Json) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/servers/localhost/zones/{below}"))
            .header("x-api-key", key)
            .body(())
            .unwrap();
        let asked = Asked {
            from: "127.0.0.1:9".parse().unwrap(),
            head: request.into_parts().0,
            body: body.to_string().into(),
        };
        let answer = api.clone().answer(asked).await;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Json::Null))
    }

    fn replace(name: &str, data: &str) -> Json {
        json!({ "name": name, "type": "A", "ttl": 1, "changetype": "REPLACE",
                "records": [{ "content": data, "disabled": false }] })
    }

    #[tokio::test]
    async fn only_who_has_the_key_is_answered_and_only_about_its_zone() {
        let folder = tempfile::tempdir().unwrap();
        let api = api(&folder).await;
        let none = json!({});
        let cases = [
            ("GET", "wrong", "demo.example.", 401),
            ("GET", "", "demo.example.", 401),
            ("GET", "secret", "other.example.", 404),
            ("DELETE", "secret", "demo.example.", 405),
            ("PATCH", "secret", "demo.example.", 422),
            ("PUT", "secret", "demo.example./notify", 200),
            ("GET", "secret", "demo.example.", 200),
            ("GET", "secret", "demo.example./export", 200),
            ("PUT", "secret", "demo.example./export", 405),
        ];
        for (method, key, below, expected) in cases {
            let (status, _) = ask(&api, method, key, below, none.clone()).await;
            assert_eq!(status, expected, "{method} {below}");
        }
    }

    #[tokio::test]
    async fn a_patch_is_made_as_a_whole_or_not_at_all_and_outlives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let api = api(&folder).await;
        let (_, before) = ask(&api, "GET", "secret", "demo.example.", json!({})).await;
        let good = replace("www.demo.example.", "198.51.100.1");
        for bad in [
            replace("www.other.example.", "192.0.2.1"),
            replace("xdemo.example.", "192.0.2.1"),
            replace("www.demo.example", "192.0.2.1"),
            replace("a.demo.example.", "no address"),
        ] {
            let body = json!({ "rrsets": [good, bad] });
            let (status, why) = ask(&api, "PATCH", "secret", "demo.example.", body).await;
            assert_eq!(status, 422, "{why}");
            let (_, now) = ask(&api, "GET", "secret", "demo.example.", json!({})).await;
            assert_eq!(now, before);
        }
        let body = json!({ "rrsets": [good] });
        let (status, _) = ask(&api, "PATCH", "secret", "demo.example.", body).await;
        assert_eq!(status, 204);
        let again = self::api(&folder).await;
        let (_, now) = ask(&again, "GET", "secret", "demo.example.", json!({})).await;
        assert_eq!(now["rrsets"][0]["records"][0]["content"], "198.51.100.1");
        assert_eq!(now["serial"], 2);
    }
}
