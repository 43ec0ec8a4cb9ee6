//! A small HTTP server: bounded in connections, in time, and in what it reads.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// How many connections are open at once; the next waits.
const CONNECTIONS: usize = 256;

/// How long a client may take for the head of its request, and for its body.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest body of a request.
const BODY: usize = 1 << 20;

pub(super) type Answer = Response<Full<Bytes>>;

/// A request whose body was read.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) from: SocketAddr,
    pub(super) head: hyper::http::request::Parts,
    pub(super) body: Bytes,
}

impl Asked {
    /// The text of a header, or nothing.
    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.head.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

/// Answers until it is dropped; its connections end with it.
pub(super) async fn serve<F, R>(listener: TcpListener, answer: F)
where
    F: Fn(Asked) -> R + Clone + Send + 'static,
    R: Future<Output = Answer> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS {
            connections.join_next().await;
            continue;
        }
        let Ok((stream, from)) = listener.accept().await else {
            // Out of file descriptors, most likely: they come back as connections end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let answer = answer.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| one(request, from, answer.clone()));
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(stream), service);
            // A client that goes away in the middle is its own affair.
            let _ended = served.await;
        });
    }
}

async fn one<F, R>(
    request: Request<Incoming>,
    from: SocketAddr,
    answer: F,
) -> Result<Answer, Infallible>
where
    F: Fn(Asked) -> R,
    R: Future<Output = Answer>,
{
    let (head, body) = request.into_parts();
    let body = tokio::time::timeout(PATIENCE, Limited::new(body, BODY).collect()).await;
    Ok(match body {
        Ok(Ok(body)) => {
            let body = body.to_bytes();
            answer(Asked { from, head, body }).await
        }
        Ok(Err(_)) => text(StatusCode::PAYLOAD_TOO_LARGE, "too large\n"),
        Err(_) => text(StatusCode::REQUEST_TIMEOUT, "too slow\n"),
    })
}

/// An answer of plain text.
pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    typed(status, "text/plain; charset=utf-8", body)
}

/// An answer of some type.
pub(super) fn typed(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static(kind);
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}
