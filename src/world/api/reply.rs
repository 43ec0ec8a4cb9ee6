//! What came back of a request to an API: an answer with its status, or why there is none.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::Url;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::event::{Answer, Cause, Unseen};
use crate::world::net::tls::fault;
use crate::world::wire::cause_of;

/// The most of an answer that is read: a whole zone of some hundred thousand records fits.
const BODY_LIMIT: usize = 64 << 20;
/// How much of an error text is shown.
const TOLD: usize = 400;

/// Why there is no answer.
#[derive(Debug)]
pub enum Lost {
    /// The request surely did not reach the far side.
    Unsent(Unseen),
    /// It may have.
    Sent(Unseen),
}

impl Lost {
    pub fn unseen(self) -> Unseen {
        match self {
            Lost::Unsent(unseen) | Lost::Sent(unseen) => unseen,
        }
    }

    /// What it means for a write.
    pub fn answer(self) -> Answer {
        match self {
            Lost::Unsent(unseen) => Answer::Refused { why: unseen.detail },
            Lost::Sent(unseen) => Answer::Unclear { why: unseen.detail },
        }
    }
}

/// An answer, whatever its status.
pub struct Reply {
    pub status: u16,
    pub(super) body: Vec<u8>,
    /// What must not be shown of it.
    pub(super) hidden: Vec<String>,
}

impl Reply {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text; what is no UTF-8 in it is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON of a known form.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Unseen> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Unseen::new(
                Cause::Garbled,
                format!(
                    "the answer (status {}) is not the JSON that was expected, at {line}:{column}",
                    self.status
                ),
            )
        })
    }

    /// The status and what the far side says about it, in one line, without secrets.
    pub fn told(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text = serde_json::from_str::<Json>(&text)
            .ok()
            .and_then(|json| said(&json))
            .unwrap_or_else(|| text.into_owned());
        let shown =
            (self.hidden.iter()).fold(text, |text, hidden| text.replace(hidden, "[secret]"));
        let line = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        let line: String = line
            .chars()
            .filter(|c| !c.is_control())
            .take(TOLD)
            .collect();
        match line.is_empty() {
            true => format!("status {}", self.status),
            false => format!("status {}: {line}", self.status),
        }
    }

    /// Why it is no answer to a question.
    pub fn unseen(&self, what: &str) -> Unseen {
        let cause = match self.status {
            401 | 403 => Cause::Denied,
            // What it does not offer, or a gate before it does not let through.
            404 | 405 | 501 => Cause::Missing,
            _ => Cause::Error,
        };
        Unseen::new(cause, format!("{what}: {}", self.told()))
    }

    /// What a status other than success means for a write: after a client error it may still happen, until the write has
    /// run out of time; of all else nothing is known.
    pub fn refusal(&self, what: &str) -> Answer {
        let why = format!("{what}: {}", self.told());
        match self.status {
            408 => Answer::Unclear { why },
            // Nobody has asked for anything yet.
            401 => Answer::Refused { why },
            400..=499 => Answer::Declined { why },
            _ => Answer::Unclear { why },
        }
    }
}

/// The error text in the forms that APIs use: `error`, `errors`, `message`.
fn said(json: &Json) -> Option<String> {
    let mut parts = Vec::new();
    for key in ["error", "error_description", "message", "errors"] {
        match json.get(key) {
            Some(Json::String(text)) => parts.push(text.clone()),
            Some(Json::Array(list)) => parts.extend(list.iter().map(|item| match item {
                Json::String(text) => text.clone(),
                other => other.to_string(),
            })),
            _ => {}
        }
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

pub(super) async fn read(
    mut response: reqwest::Response,
    url: &Url,
    timeout: Duration,
) -> Result<Vec<u8>, Lost> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > BODY_LIMIT => {
                return Err(Lost::Sent(Unseen::new(
                    Cause::Garbled,
                    format!(
                        "the answer of `{}` is longer than {} MiB",
                        host(url),
                        BODY_LIMIT >> 20
                    ),
                )));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) if error.is_timeout() => {
                return Err(Lost::Sent(Unseen::new(
                    Cause::TimedOut,
                    format!("`{}` did not end its answer within {timeout:?}", host(url)),
                )));
            }
            Err(_) => {
                return Err(Lost::Sent(Unseen::new(
                    Cause::Garbled,
                    format!("the answer of `{}` was cut off", host(url)),
                )));
            }
        }
    }
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Tells the ways of failing apart. The client's own text is not used: it may quote the request.
pub(super) fn lost(url: &Url, timeout: Duration, error: reqwest::Error) -> Lost {
    let host = host(url);
    let unsent = error.is_connect() || error.is_builder();
    let (cause, why) = if error.is_dns() {
        (
            Cause::NoName,
            format!("the name of `{host}` does not resolve"),
        )
    } else if let Some(io) = io_error(&error).filter(|_| error.is_connect()) {
        match io.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(tls) => {
                let (cause, what) = fault(tls, url.host_str().unwrap_or_default());
                (cause, format!("`{host}` {what}"))
            }
            None => (cause_of(io), format!("failed to connect to `{host}`: {io}")),
        }
    } else if error.is_connect() && error.is_timeout() {
        (
            Cause::Unreachable,
            format!("`{host}` did not take a connection within {timeout:?}"),
        )
    } else if error.is_connect() {
        (Cause::Unreachable, format!("failed to connect to `{host}`"))
    } else if error.is_timeout() {
        (
            Cause::Frozen,
            format!("`{host}` did not answer within {timeout:?}"),
        )
    } else {
        (
            Cause::Garbled,
            format!("the connection to `{host}` was lost before an answer came"),
        )
    };
    let unseen = Unseen::new(cause, why);
    match unsent {
        true => Lost::Unsent(unseen),
        false => Lost::Sent(unseen),
    }
}

/// The innermost error of a socket or of TLS in the chain of sources.
fn io_error(error: &reqwest::Error) -> Option<&io::Error> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(mut io) = error.downcast_ref::<io::Error>() {
            while let Some(inner) = io.get_ref().and_then(|inner| inner.downcast_ref()) {
                io = inner;
            }
            return Some(io);
        }
        next = error.source();
    }
    None
}
