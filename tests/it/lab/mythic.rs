//! A stand-in for the Mythic Beasts DNS API, in the shapes of recorded answers. Nothing else is known of the
//! real service's behaviour here.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the service holds, and how it misbehaves next.
#[derive(Debug, Default)]
pub struct State {
    /// Record objects: `host`, `ttl`, `type`, `data`.
    pub records: Vec<Json>,
    /// Every request: method, path and query.
    pub asked: Vec<String>,
    /// How often `?verify` still says that a name server lags.
    pub lags: u32,
    /// How often a write is answered with "rate limited", and the pause that it asks for.
    pub busy: u32,
    /// Somebody else adds this record just before the next write.
    pub intruder: Option<Json>,
    /// The next write is answered with this status and body instead.
    pub fault: Option<(u16, String)>,
}

#[derive(Debug)]
pub struct Mythic {
    pub at: SocketAddr,
    pub state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

impl Drop for Mythic {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Mythic {
    /// Serves one zone to whoever has this key.
    pub async fn start(zone: &str, id: &str, secret: &str, records: Vec<Json>) -> Mythic {
        let listener = TcpListener::bind("[::1]:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            records,
            ..State::default()
        }));
        let coded = data_encoding::BASE64.encode(format!("{id}:{secret}").as_bytes());
        let (auth, base) = (
            format!("Basic {coded}"),
            format!("/dns/v2/zones/{zone}/records"),
        );
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, auth, base) = (Arc::clone(&shared), auth.clone(), base.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let (state, auth, base) = (Arc::clone(&state), auth.clone(), base.clone());
                        async move { Ok::<_, Infallible>(serve(request, &state, &auth, &base).await) }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Mythic { at, state, server }
    }

    pub fn url(&self) -> String {
        format!("http://{}/dns/v2", self.at)
    }
}

fn answer(status: u16, body: &Json) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap()
}

async fn serve(
    request: Request<Incoming>,
    state: &Mutex<State>,
    auth: &str,
    base: &str,
) -> Response<Full<Bytes>> {
    let given = request
        .headers()
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let method = request.method().as_str().to_owned();
    let uri = request.uri().clone();
    let content_types = request.headers().get_all("content-type").iter().count();
    let bytes = request.into_body().collect().await.unwrap().to_bytes();
    let mut state = state.lock().unwrap();
    state.asked.push(format!("{method} {uri}"));
    if given != auth {
        // A careless service, which repeats what it was given.
        return answer(401, &json!({ "error": format!("bad credentials {given}") }));
    }
    let Some(selector) = uri.path().strip_prefix(base) else {
        return answer(403, &json!({ "errors": ["no permission for this zone"] }));
    };
    let wanted: Vec<_> = selector
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let selected = |record: &Json| {
        wanted
            .first()
            .is_none_or(|host| record["host"] == json!(host))
            && wanted
                .get(1)
                .is_none_or(|rtype| record["type"] == json!(rtype))
    };
    if method == "GET" {
        if uri.query() == Some("verify") && state.lags > 0 {
            state.lags -= 1;
            let errors = [
                "Received 0 record(s), expected 1 from ns1.mythic-beasts.com.",
                "Received 0 record(s), expected 1 from ns2.mythic-beasts.com.",
            ];
            return answer(409, &json!({ "errors": errors }));
        }
        let records: Vec<_> = state
            .records
            .iter()
            .filter(|r| selected(r))
            .cloned()
            .collect();
        return answer(200, &json!({ "records": records }));
    }
    if state.busy > 0 {
        state.busy -= 1;
        let mut busy = answer(429, &json!({ "message": "Rate limited" }));
        busy.headers_mut()
            .insert("retry-after", "0".parse().unwrap());
        return busy;
    }
    if let Some((status, body)) = state.fault.take() {
        return answer(status, &json!({ "errors": [body] }));
    }
    if let Some(record) = state.intruder.take() {
        state.records.push(record);
    }
    let before = state.records.len();
    state.records.retain(|record| !selected(record));
    let removed = before - state.records.len();
    match method.as_str() {
        "DELETE" => answer(200, &json!({ "records_removed": removed })),
        "PUT" if content_types == 1 => {
            let body: Json = serde_json::from_slice(&bytes).unwrap();
            let added: Vec<Json> = body["records"].as_array().unwrap().clone();
            let count = added.len();
            state.records.extend(added);
            answer(
                200,
                &json!({
                    "message": format!("{count} records added"),
                    "records_added": count,
                    "records_removed": removed,
                }),
            )
        }
        _ => answer(400, &json!({ "error": "invalid_request" })),
    }
}
