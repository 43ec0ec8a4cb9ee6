//! What a DNS provider can and cannot do.

use std::net::IpAddr;

use super::Rule;
use super::example::{FLIP, PUBLIC, WORKS};
use super::view::{Finding, Scope, Seen, View, list};
use crate::dns::{Honesty, RecordKey, RecordSet, RecordType};
use crate::playbook::{ProviderSpec, ZoneSpec};
use crate::problem::Severity;
use crate::words::count;

const SET_BY_SET: &str = r#"[providers.own]
kind = "mythic-beasts"
key-id = { env = "MYTHIC_KEY_ID" }
secret = { env = "MYTHIC_SECRET" }
"#;

const WEBSITE: &str = r#"[services.website]
names = ["www.site.example"]
probes = [{ http = "/", contains = "Welcome" }]
"#;

const BY_API: &str = r#"[providers.own]
kind = "powerdns"
url = "http://192.0.2.53:8081"
api-key = { env = "PDNS_API_KEY" }
"#;

const BY_UPDATES: &str = r#"[providers.own]
kind = "rfc2136"
server = "192.0.2.53"
key = { name = "cutover", secret = { env = "TSIG_SECRET" } }
"#;

const ALLOWED: &str = r#"[playbook]
name = "example"
rto = "10m"
allow = [{ rule = "no-compare-and-swap", reason = "nobody else writes this zone" }]
"#;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "L401",
        name: "ttl-below-provider",
        severity: Severity::Error,
        what: "moved records get a TTL that the provider does not store",
        why: "Such a step is refused when the run is planned, or the provider stores another TTL than was asked for: \
              users of DNS tools meet TTLs outside of a provider's limits in the middle of a push. Then the time that \
              caches hold the old records is not what anybody reckoned with.",
        fix: "Write the smallest `ttl` that the provider stores, or more.",
        breaks: &[
            SET_BY_SET,
            WEBSITE,
            WORKS,
            r#"[[step]]
id = "flip"
kind = "dns"
services = "all"
ttl = "30s"
"#,
            PUBLIC,
        ],
        keeps: &[WORKS, FLIP, PUBLIC],
        find: ttl_below_provider,
    },
    Rule {
        code: "L402",
        name: "no-compare-and-swap",
        severity: Severity::Warning,
        what: "the provider cannot compare before it writes, so a write of somebody else in between is lost",
        why: "What is there is read just before the write; between the two lies a moment. In 2025 a delayed writer put \
              an old plan over a new one in such a moment, a cleaner took the old plan away, and an endpoint of a \
              large cloud had no address left.",
        fix: "See to it that nobody else writes these records during a run, and allow the rule with that reason. \
              Dynamic updates (`rfc2136`) compare and swap in one message; they fit where the server keeps nothing with a \
              record set but data and TTL (BIND, Knot). PowerDNS keeps comments and disabled records, which such an \
              update deletes, and which cutover can neither see so nor put back: keep `powerdns` there.",
        breaks: &[BY_API],
        keeps: &[BY_UPDATES],
        find: no_compare_and_swap,
    },
    Rule {
        code: "L403",
        name: "set-by-set",
        severity: Severity::Warning,
        what: "the provider writes one record set per call, and several names move",
        why: "Between the first call and the last some names lead to the target and others to the source; where a call \
              in the middle is refused, it stays so until the run has gone back. One record that was not valid has \
              blocked whole batches, and rate limits have cut others in two.",
        fix: "Order the steps so that each state in between serves, or allow the rule with the reason why it does no \
              harm.",
        breaks: &[ALLOWED, SET_BY_SET],
        keeps: &[ALLOWED, BY_API],
        find: set_by_set,
    },
    Rule {
        code: "L404",
        name: "more-than-one-write",
        severity: Severity::Warning,
        what: "the record sets that a step moves in a zone do not fit into one write of the provider",
        why: "Between one write and the next the zone is half moved, and others can see it: some of the records lead \
              to the target and the rest to the source. Where a later write is refused, it stays so until the run has \
              gone back. Limits of batches have cut sets of records in two that nobody meant to be cut.",
        fix: "Move fewer record sets: let names be aliases (CNAME) of a few that move. Or use a provider that takes all \
              of them in one write, or allow the rule with the reason why a zone that is half moved does no harm.",
        breaks: &[ALLOWED, SET_BY_SET, WEBSITE],
        keeps: &[BY_UPDATES, WEBSITE],
        find: more_than_one_write,
    },
];

/// The zones in which a `dns` step is known to move names, with these.
fn written<'v, 'a>(
    view: &'v View<'a>,
    flip: &'v Seen<'a>,
) -> impl Iterator<Item = (&'a ZoneSpec, Vec<String>)> {
    let moved = view.moved_by(flip);
    (view.zones_of(flip).into_iter())
        .map(move |zone| {
            let inside = moved.iter().filter(|name| {
                let of = view.zone_of(name);
                of.is_some_and(|of| of.name == zone.name)
            });
            (zone, inside.cloned().collect::<Vec<_>>())
        })
        .filter(|(_, names)| !names.is_empty() || flip.fields.has("records"))
}

fn ttl_below_provider(view: &View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for flip in view.flips() {
        let Some(ttl) = flip.fields.span("ttl") else {
            continue;
        };
        for (zone, _) in written(view, flip) {
            let Some(provider) = view.book.providers().get(&zone.provider) else {
                continue;
            };
            let least = provider.kind.limits.smallest_ttl;
            if ttl.as_secs() < u64::from(least) {
                let message = format!(
                    "`{}` stores no TTL below {least}s for `{}`",
                    provider.kind.name, zone.name
                );
                findings.push(
                    flip.finding("ttl", message)
                        .label("would be refused")
                        .hint(format!("write `ttl = \"{least}s\"` or more")),
                );
            }
        }
    }
    findings
}

/// The providers by which a playbook moves names, each with the names that move by it in one step at most.
fn movers<'a>(view: &View<'a>) -> Vec<(&'a str, Vec<String>)> {
    let mut movers: Vec<(&str, Vec<String>)> = Vec::new();
    for flip in view.flips() {
        for (zone, names) in written(view, flip) {
            match movers.iter_mut().find(|(id, _)| *id == zone.provider) {
                Some((_, most)) if most.len() < names.len() => *most = names,
                Some(_) => {}
                None => movers.push((&zone.provider, names)),
            }
        }
    }
    movers
}

/// A finding about a provider, at its kind.
fn about(id: &str, provider: &ProviderSpec, message: String) -> Finding {
    Finding {
        scope: Scope::Provider(id.to_owned()),
        ..Finding::at(provider.fields.span_of("kind"), message)
    }
}

fn no_compare_and_swap(view: &View<'_>) -> Vec<Finding> {
    (movers(view).into_iter())
        .filter_map(|(id, _)| {
            let provider = view.book.providers().get(id)?;
            if provider.kind.limits.honesty == Honesty::CompareAndSwap {
                return None;
            }
            let hint = match provider.kind.name {
                "powerdns" => "see to it that nobody else writes during a run, and allow this with that reason; dynamic updates \
                               (`kind = \"rfc2136\"`) compare, and delete comments and disabled records without a way back",
                _ => "see to it that nobody else writes during a run, and allow this with that reason",
            };
            let message = format!("provider `{id}` cannot compare and swap");
            let finding = about(id, provider, message)
                .label("compared by a read just before the write")
                .hint(hint);
            Some(finding)
        })
        .collect()
}

fn set_by_set(view: &View<'_>) -> Vec<Finding> {
    (movers(view).into_iter())
        .filter_map(|(id, names)| {
            let provider = view.book.providers().get(id)?;
            if provider.kind.limits.honesty != Honesty::OneSet || names.len() < 2 {
                return None;
            }
            let message = format!("provider `{id}` moves {} one after the other", list(&names));
            let finding = about(id, provider, message)
                .label("one record set per call")
                .hint("allow it with the reason why a state in between does no harm");
            Some(finding)
        })
        .collect()
}

/// The record sets that these names have at least, before and after: an address of each family that both sites
/// have. What a zone really holds is known only when a run is planned.
fn least_sets(view: &View<'_>, names: &[String]) -> Vec<(RecordSet, RecordSet)> {
    let [one, other] = view.both_sites();
    let address = |site, rtype: RecordType| {
        let mut all = view.hosts_of(site).flat_map(|host| host.public());
        all.find(|ip| ip.is_ipv4() == (rtype == RecordType::A))
    };
    let set = |name: &str, rtype, ip: IpAddr| {
        RecordSet::new(RecordKey::new(name, rtype), 0, [ip.to_string()]).ok()
    };
    let mut sets = Vec::new();
    for rtype in [RecordType::A, RecordType::Aaaa] {
        let (Some(from), Some(to)) = (address(one, rtype), address(other, rtype)) else {
            continue;
        };
        let pairs = (names.iter())
            .filter_map(|name| Some((set(name, rtype, from)?, set(name, rtype, to)?)));
        sets.extend(pairs);
    }
    sets
}

fn more_than_one_write(view: &View<'_>) -> Vec<Finding> {
    // That these move name by name is told once.
    let told: Vec<Scope> = (set_by_set(view).into_iter())
        .map(|finding| finding.scope)
        .collect();
    let mut findings: Vec<Finding> = Vec::new();
    for flip in view.flips() {
        for (zone, names) in written(view, flip) {
            let id = &zone.provider;
            let Some(provider) = view.book.providers().get(id) else {
                continue;
            };
            let scope = Scope::Provider(id.clone());
            // One that is exceeded is named once, whatever else moves by it.
            let known = findings.iter().any(|finding| finding.scope == scope);
            if known || told.contains(&scope) {
                continue;
            }
            let sets = least_sets(view, &names);
            let writes = (provider.kind.limits.cut)(&sets);
            let [first, _, ..] = writes.as_slice() else {
                continue;
            };
            let message = format!(
                "`{}` moves {} of `{}` in {}: one write of provider `{id}` holds {} of them",
                flip.id(),
                count(sets.len(), "record set"),
                zone.name,
                count(writes.len(), "write"),
                first.len(),
            );
            let hint = match provider.kind.limits.honesty {
                Honesty::OneSet => "allow it with the reason why a state in between does no harm",
                _ => {
                    "let names be aliases of a few that move, or allow it with the reason why it does no harm"
                }
            };
            findings.push(
                about(id, provider, message)
                    .label("the zone is half moved between two of them")
                    .hint(hint)
                    .beside(flip, "moved here"),
            );
        }
    }
    findings
}
