//! The providers, one file each, and their list.

mod common;
mod mythic_beasts;
mod powerdns;
mod rfc2136;

use std::sync::Arc;

use crate::dns::{Honesty, Provider, RecordSet};
use crate::field::{Field, Fields};
use crate::problem::Problem;

/// Builds a provider from checked fields, or says what is wrong with them together.
pub type Build = fn(&Fields) -> Result<Arc<dyn Provider>, Vec<Problem>>;

/// Cuts changes of a zone (before, after) into groups that each fit into one message to the far side.
pub type Cut = for<'s> fn(&'s [(RecordSet, RecordSet)]) -> Vec<&'s [(RecordSet, RecordSet)]>;

/// A provider that a playbook can name.
pub struct ProviderKind {
    pub name: &'static str,
    /// One line for `cutover kinds`, lowercase, without a full stop.
    pub summary: &'static str,
    /// What of a record set the way back puts back, and what not: whole sentences for its page.
    pub keeps: &'static str,
    /// A `[providers.NAME]` table as a playbook would hold it; tested by parsing it.
    pub example: &'static str,
    pub fields: &'static [Field],
    pub limits: Limits,
    /// Builds it from checked fields. Secrets stay references until the first request.
    pub build: Build,
}

/// What is known of a provider without asking it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How much one write can promise.
    pub honesty: Honesty,
    /// The smallest TTL that it stores, in seconds.
    pub smallest_ttl: u32,
    /// What the far side takes at once, all of it or nothing. Only where several sets go into one write is it asked.
    pub cut: Cut,
    /// So many of these one write sends at most, one after the other.
    pub messages: usize,
}

/// Every provider.
pub static PROVIDERS: &[&ProviderKind] = &[&mythic_beasts::KIND, &powerdns::KIND, &rfc2136::KIND];

#[cfg(test)]
mod tests;
