//! Typed questions to the network: HTTP, TCP, the rsync daemon, DNS. Each is one look at one address.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Unseen;

/// One HTTP request to one address, with the real host name in `Host`, SNI and the certificate check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAsk {
    /// The full URL, with the public name: `https://www.example.org/health`.
    pub url: String,
    pub method: String,
    /// Where to connect instead of asking DNS.
    pub at: SocketAddr,
    pub headers: Vec<(String, String)>,
    /// How much of the body is read, in bytes.
    pub body_limit: usize,
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

pub async fn http(ask: &HttpAsk, timeout: Duration) -> Result<HttpSeen, Unseen> {
    let _ = (ask, timeout);
    todo!()
}

/// Connects, sends `send`, reads up to `limit` bytes until `timeout`, the far side closes, or `expect` came.
pub async fn tcp(
    at: SocketAddr,
    send: &[u8],
    expect: Option<&[u8]>,
    limit: usize,
    timeout: Duration,
) -> Result<Vec<u8>, Unseen> {
    let _ = (at, send, expect, limit, timeout);
    todo!()
}

/// What an rsync daemon said of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RsyncSeen {
    /// The module is there and open.
    Open { version: String },
    /// It is there and asks for a password.
    Locked { version: String },
    /// `@ERROR` and its text.
    Error { version: String, text: String },
}

/// The daemon's greeting and its answer for one module; no rsync program is needed.
pub async fn rsync_module(
    at: SocketAddr,
    module: &str,
    timeout: Duration,
) -> Result<RsyncSeen, Unseen> {
    let _ = (at, module, timeout);
    todo!()
}
