//! Typed questions to the network: HTTP, TCP, the rsync daemon. Each is one look at one address.

mod answer;
mod certificate;
mod http;
mod path;
mod rsync;
mod tcp;
mod text;
pub(in crate::world) mod tls;
mod trust;

pub use http::{HttpAsk, HttpSeen, USER_AGENT, Unread, http};
pub use rsync::{RsyncSeen, rsync_module};
pub use tcp::{contains, tcp};
