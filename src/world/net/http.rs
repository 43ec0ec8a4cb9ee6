//! One HTTP request to one address, and what came back.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::{tcp, tls};
use crate::clock::short;
use crate::event::{Cause, Unseen};

/// One HTTP request to one address, with the real host name in `Host`, SNI and the certificate check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAsk {
    /// The full URL, with the public name: `https://www.example.org/health`.
    pub url: String,
    pub method: String,
    /// Where to connect instead of asking DNS, port included.
    pub at: SocketAddr,
    pub headers: Vec<(String, String)>,
    /// How much of the body is read, in bytes.
    pub body_limit: usize,
    /// A PEM file of certificate authorities that are trusted besides the system's.
    pub ca: Option<PathBuf>,
}

/// What an HTTP server answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpSeen {
    pub status: u16,
    /// Lower-case names, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// At most `body_limit` bytes, as UTF-8 with replacement characters.
    pub body: String,
    /// From the first byte sent to the last byte read, in milliseconds.
    pub millis: u64,
}

/// The user agent of every request, so that traffic counts can leave our own probes out.
pub const USER_AGENT: &str = concat!("cutover/", env!("CARGO_PKG_VERSION"));

/// The most that the head of an answer may take.
const HEAD_LIMIT: usize = 64 << 10;

/// The most headers that an answer may have.
const HEADERS: usize = 4096;

/// Asks once. No proxy is used and no redirect is followed: the answer is that of this address.
pub async fn http(ask: &HttpAsk, timeout: Duration) -> Result<HttpSeen, Unseen> {
    let deadline = Instant::now() + timeout;
    let question = Question::of(ask)?;
    let at = ask.at;
    let stream = tcp::connect(at, deadline, timeout).await?;
    if !question.tls {
        return question.put(stream, ask, deadline, timeout).await;
    }
    let handshake = tls::handshake(stream, at, &question.host, ask.ca.as_deref());
    match timeout_at(deadline, handshake).await {
        Ok(stream) => question.put(stream?, ask, deadline, timeout).await,
        Err(_) => Err(tcp::frozen(at, timeout)),
    }
}

/// A request that is known to be sound.
struct Question {
    tls: bool,
    host: String,
    request: Request<Empty<Bytes>>,
}

impl Question {
    fn of(ask: &HttpAsk) -> Result<Question, Unseen> {
        let wrong = |what: String| Unseen::new(Cause::Error, what);
        let uri: Uri = ask
            .url
            .parse()
            .map_err(|error| wrong(format!("`{}` is not a URL: {error}", ask.url)))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong(format!("`{}` is not an http or https URL", ask.url))),
        };
        let (Some(host), Some(path)) = (uri.host(), uri.path_and_query()) else {
            return Err(wrong(format!("`{}` names no host", ask.url)));
        };
        // The public port, not the one of a detour: the far side must not notice the difference.
        let public = match uri.port_u16() {
            Some(port) if port != if tls { 443 } else { 80 } => format!("{host}:{port}"),
            _ => host.to_owned(),
        };
        let method = Method::from_bytes(ask.method.as_bytes())
            .map_err(|_| wrong(format!("`{}` is not an HTTP method", ask.method)))?;
        let mut request = Request::new(Empty::new());
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from(path.clone());
        let headers = request.headers_mut();
        let public = HeaderValue::try_from(public)
            .map_err(|_| wrong(format!("`{}` names no host", ask.url)))?;
        headers.insert(HOST, public);
        headers.insert(
            hyper::header::USER_AGENT,
            HeaderValue::from_static(USER_AGENT),
        );
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        for (name, value) in &ask.headers {
            let parsed = HeaderName::try_from(name)
                .ok()
                .zip(HeaderValue::try_from(value).ok());
            // The value may be a secret: only the name is told.
            let (key, value) =
                parsed.ok_or_else(|| wrong(format!("header `{name}` cannot be sent")))?;
            headers.insert(key, value);
        }
        Ok(Question {
            tls,
            host: host.to_owned(),
            request,
        })
    }

    /// Sends it, and reads the answer within the bounds.
    async fn put(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        ask: &HttpAsk,
        deadline: Instant,
        timeout: Duration,
    ) -> Result<HttpSeen, Unseen> {
        let (at, tls) = (ask.at, self.tls);
        let handshake = hyper::client::conn::http1::Builder::new()
            .max_buf_size(HEAD_LIMIT)
            // What curl and browsers take proves nothing against the service.
            .max_headers(HEADERS)
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .ignore_invalid_headers_in_responses(true)
            .handshake(TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.map_err(|error| broken(at, &error))?;
        let _driver = Driver(tokio::spawn(async move {
            // Its errors reach the request as well.
            let _ = connection.await;
        }));
        let begun = Instant::now();
        let answer = match timeout_at(deadline, sender.send_request(self.request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(broken(at, &error)),
            Err(_) if tls => {
                return Err(Unseen::new(
                    Cause::TimedOut,
                    format!(
                        "`{at}` set up a secure connection and did not answer within {}",
                        short(timeout)
                    ),
                ));
            }
            Err(_) => return Err(tcp::frozen(at, timeout)),
        };
        let (head, body) = Response::into_parts(answer);
        let mut bytes = Vec::new();
        match timeout_at(deadline, read(body, ask.body_limit, &mut bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(broken(at, &error)),
            Err(_) => {
                return Err(Unseen::new(
                    Cause::TimedOut,
                    format!(
                        "`{at}` answered {} and did not send all of it within {}",
                        head.status.as_u16(),
                        short(timeout)
                    ),
                ));
            }
        }
        let headers = head.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().to_owned(), value.into_owned())
        });
        Ok(HttpSeen {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: String::from_utf8_lossy(&bytes).into_owned(),
            millis: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// Reads up to `limit` bytes; the rest is left where it is.
async fn read(mut body: Incoming, limit: usize, bytes: &mut Vec<u8>) -> Result<(), hyper::Error> {
    while bytes.len() < limit {
        let Some(frame) = body.frame().await else {
            break;
        };
        if let Ok(data) = frame?.into_data() {
            let fits = data.len().min(limit - bytes.len());
            bytes.extend_from_slice(&data[..fits]);
        }
    }
    Ok(())
}

fn broken(at: SocketAddr, error: &hyper::Error) -> Unseen {
    let what = if error.is_parse() {
        "sends something that is not HTTP".to_owned()
    } else if error.is_incomplete_message() {
        "closed the connection before its answer was complete".to_owned()
    } else {
        format!("broke off: {error}")
    };
    Unseen::new(Cause::Garbled, format!("`{at}` {what}"))
}

/// The task that moves the bytes; it ends with the question.
struct Driver(tokio::task::JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}
