//! Typed questions to the network: HTTP, TCP, the rsync daemon. Each is one look at one address.

mod http;
mod rsync;
mod tcp;
mod tls;

pub use http::{HttpAsk, HttpSeen, USER_AGENT, http};
pub use rsync::{RsyncSeen, rsync_module};
pub use tcp::tcp;
