//! One HTTP request to one address, and what came back.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Uri};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::answer::{Fault, Frame, Head, Reader};
use super::text::Body;
use super::{tcp, tls};
use crate::clock::short;
use crate::event::{Cause, Unseen};
use crate::words::count;

/// One HTTP request to one address, with the real host name in `Host`, SNI and the certificate check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAsk {
    /// The full URL, with the public name: `https://www.example.org/health`.
    pub url: String,
    pub method: String,
    /// Where to connect instead of asking DNS, port included.
    pub at: SocketAddr,
    pub headers: Vec<(String, String)>,
    /// A text that is looked for in the body.
    pub text: Option<String>,
    /// How much of the body is read, in bytes; of a compressed one, how much of what it holds as well.
    pub body_limit: usize,
    /// A PEM file of certificates that are trusted besides the system's: authorities, or the server's own.
    pub ca: Option<PathBuf>,
}

/// What an HTTP server answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpSeen {
    pub status: u16,
    /// Lower-case names, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// At most `body_limit` bytes, unpacked, with replacement characters for what is no text.
    pub body: String,
    /// Whether the text that was looked for is in it.
    pub holds: Option<bool>,
    /// Where it is not: why that says nothing of all of the body. A body that no client can read is told in any case.
    pub unread: Option<Unread>,
    /// From the first byte sent to the last byte read, in milliseconds.
    pub millis: u64,
    /// Until the connection was there, before anything was said over it.
    #[serde(skip)]
    pub connect: Duration,
}

/// Why a body was not looked through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unread {
    /// It is longer than what is read, which is so many bytes.
    Beyond(usize),
    /// It is compressed in this way, which is not known here.
    Coding(String),
    /// It is not compressed in this way, as it says, or its data, its checksum or its length is wrong: no client can read
    /// it, whatever it looks for.
    Damaged(String),
}

/// The user agent of every request, so that traffic counts can leave our own probes out.
pub const USER_AGENT: &str = concat!("cutover/", env!("CARGO_PKG_VERSION"));

/// Asks once. No proxy is used and no redirect is followed: the answer is that of this address.
pub async fn http(ask: &HttpAsk, timeout: Duration) -> Result<HttpSeen, Unseen> {
    let begun = Instant::now();
    let deadline = begun + timeout;
    let question = Question::of(ask)?;
    let at = ask.at;
    let stream = tcp::connect(at, deadline, timeout).await?;
    let connect = begun.elapsed();
    let seen = |seen| HttpSeen { connect, ..seen };
    if !question.tls {
        let put = question.put(stream, ask, deadline, timeout).await;
        return put.map(seen);
    }
    let handshake = tls::handshake(stream, at, &question.host, ask.ca.as_deref());
    match timeout_at(deadline, handshake).await {
        Ok(stream) => (question.put(stream?, ask, deadline, timeout).await).map(seen),
        Err(_) => Err(Unseen::new(
            Cause::Frozen,
            format!(
                "`{at}` accepts connections and did not set up a secure one within {}",
                short(timeout)
            ),
        )),
    }
}

/// A request that is known to be sound.
struct Question {
    tls: bool,
    host: String,
    request: Vec<u8>,
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
        let public = HeaderValue::try_from(public)
            .map_err(|_| wrong(format!("`{}` names no host", ask.url)))?;
        let mut headers = vec![
            ("host", public),
            ("user-agent", HeaderValue::from_static(USER_AGENT)),
            ("accept", HeaderValue::from_static("*/*")),
            ("connection", HeaderValue::from_static("close")),
        ];
        for (name, value) in &ask.headers {
            // The value may be a secret: only the name is told.
            let refused = || wrong(format!("header `{name}` cannot be sent"));
            HeaderName::try_from(name).map_err(|_| refused())?;
            let value = HeaderValue::try_from(value).map_err(|_| refused())?;
            headers.retain(|(known, _)| !name.eq_ignore_ascii_case(known));
            headers.push((name, value));
        }
        let mut request = format!("{method} {path} HTTP/1.1\r\n").into_bytes();
        for (name, value) in headers {
            request.extend_from_slice(name.as_bytes());
            request.extend_from_slice(b": ");
            request.extend_from_slice(value.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        Ok(Question {
            tls,
            host: host.to_owned(),
            request,
        })
    }

    /// Sends it, and reads the answer within the bounds.
    async fn put(
        self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        ask: &HttpAsk,
        deadline: Instant,
        timeout: Duration,
    ) -> Result<HttpSeen, Unseen> {
        let at = ask.at;
        let broken = |fault: Fault| match &fault {
            // In TLS 1.3 a server judges the client only after the handshake of the client has ended.
            Fault::Broken(error) if tls::tls_error(error).is_some() => {
                tls::explain(at, &self.host, error)
            }
            _ => Unseen::new(Cause::Garbled, format!("`{at}` {}", fault.words())),
        };
        let late = |cause, what: String| {
            Unseen::new(cause, format!("`{at}` {what} within {}", short(timeout)))
        };
        let begun = Instant::now();
        let sent = async {
            stream.write_all(&self.request).await?;
            stream.flush().await
        };
        // A server may answer and close before it has read all: its answer counts.
        let sent = timeout_at(deadline, sent).await;
        let mut reader = Reader::new(stream);
        let head = match timeout_at(deadline, reader.head()).await {
            Ok(Ok(head)) => head,
            Ok(Err(Fault::Nothing)) if matches!(sent, Ok(Err(_))) => {
                return Err(broken(Fault::CutOff));
            }
            Ok(Err(fault)) => return Err(broken(fault)),
            Err(_) if reader.came > 0 => {
                let what = "began to answer and did not end the head of its answer";
                return Err(late(Cause::TimedOut, what.into()));
            }
            Err(_) if self.tls => {
                let what = "set up a secure connection and did not answer";
                return Err(late(Cause::TimedOut, what.into()));
            }
            Err(_) => return Err(tcp::frozen(at, timeout)),
        };
        let mut frame = head.frame(&ask.method).map_err(broken)?;
        let mut body = Body::new(&head, ask.body_limit, ask.text.as_deref());
        let mut last = Instant::now();
        let end = loop {
            if body.is_full() {
                break End::Limit;
            }
            // What has no end of its own need not end.
            if frame == Frame::Close && body.is_found() {
                break End::Found;
            }
            match timeout_at(deadline, reader.piece(&mut frame)).await {
                Ok(Ok(Some(piece))) => body.add(&piece),
                Ok(Ok(None)) => {
                    body.end();
                    break End::Whole;
                }
                Ok(Err(fault)) => return Err(broken(fault)),
                Err(_) => break End::Late,
            }
            last = Instant::now();
        };
        let holds = body.holds();
        if end == End::Late && holds != Some(true) {
            let mut what = format!("answered {} and did not send all of it", head.status);
            if holds == Some(false) {
                what += &format!(
                    " (the text is not in the {} that came)",
                    count(body.came, "byte")
                );
            }
            return Err(late(Cause::TimedOut, what));
        }
        let beyond = (end == End::Limit).then_some(Unread::Beyond(ask.body_limit));
        let unread = body.unread().or(beyond);
        let Head { status, headers } = head;
        Ok(HttpSeen {
            status,
            headers,
            body: body.text(),
            unread: unread.filter(|why| holds == Some(false) || matches!(why, Unread::Damaged(_))),
            holds,
            millis: u64::try_from((last - begun).as_millis()).unwrap_or(u64::MAX),
            connect: Duration::ZERO,
        })
    }
}

/// Why no more of a body is read.
#[derive(PartialEq, Eq)]
enum End {
    Whole,
    Limit,
    Found,
    Late,
}
