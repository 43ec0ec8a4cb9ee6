//! The kinds of step, one file each, and their list.

mod dns;
#[cfg(test)]
mod testing;

use crate::step::Kind;

/// Every kind of step that a playbook can ask for.
pub static KINDS: &[&Kind] = &[&dns::KIND];
