//! How long things usually take: what the fake world is paced by where nobody has measured it.
//!
//! The figures are round on purpose. A playbook whose objective holds only with better ones is tight; measured
//! ones come with `--world`.

use std::time::Duration;

/// The TTL of a record set that nobody has looked at: what most zones are published with.
pub(super) const TTL: u32 = 300;

/// One look, or one write with its answer, of a kind of step.
pub(super) fn takes(kind: &str) -> Duration {
    match kind {
        // A tree of a million files on both sides.
        "mirror" => Duration::from_secs(60),
        "packages" => Duration::from_secs(5),
        "services" | "http" | "tcp" | "rsync" | "propagation" => Duration::from_secs(1),
        "traffic" => Duration::from_secs(10),
        // A person who sits at the terminal.
        "approve" => Duration::from_secs(30),
        _ => Duration::from_secs(2),
    }
}

/// From a write to the moment when every name server of the zone has it.
pub(super) fn publication(provider: &str) -> Duration {
    match provider {
        // An API in front of servers that are reloaded now and then.
        "mythic-beasts" => Duration::from_secs(60),
        // A NOTIFY and a transfer.
        _ => Duration::from_secs(5),
    }
}
