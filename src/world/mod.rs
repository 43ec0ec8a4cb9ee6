//! The only modules that touch anything outside: the network, programs here and on far hosts, files.
//!
//! Everything here answers within a deadline, bounds what a far side may send, and tells in an
//! [`Unseen`](crate::event::Unseen) why something could not be told.

pub mod api;
pub mod asking;
pub mod delegation;
pub mod dns;
pub mod exec;
pub mod files;
pub mod names;
pub mod net;
pub mod patience;
mod route;
pub mod secrets;
pub mod wire;
