//! The kinds of step, one file each, and their list.

mod approve;
mod command;
mod dns;
mod http;
mod lacks;
mod mirror;
mod packages;
mod probe;
mod propagation;
mod rsync;
mod services;
mod tcp;
#[cfg(test)]
pub(crate) mod testing;
mod traffic;
mod wait;

pub(crate) use self::propagation::in_caches;
use crate::step::Kind;

/// Every kind of step that a playbook can ask for.
pub static KINDS: &[&Kind] = &[
    &services::KIND,
    &http::KIND,
    &tcp::KIND,
    &rsync::KIND,
    &dns::KIND,
    &propagation::KIND,
    &mirror::KIND,
    &packages::KIND,
    &traffic::KIND,
    &command::KIND,
    &approve::KIND,
    &wait::KIND,
];
