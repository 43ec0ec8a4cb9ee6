//! What the rules find out about names and zones.

use std::collections::BTreeSet;

use super::{is_probed, scope_key};
use crate::lint::view::{At, Does, Finding, View, list, plain};
use crate::words::verb_of;

pub(super) fn unprobed_name(view: &View<'_>) -> Vec<Finding> {
    let owned: BTreeSet<String> = (view.book.services().values())
        .flat_map(|service| service.names.iter().map(plain))
        .collect();
    let mut findings = Vec::new();
    for flip in view.flips() {
        let names: Vec<String> = (view.moved_by(flip).into_iter())
            .filter(|name| !owned.contains(name))
            .filter(|name| {
                let probed =
                    |run| is_probed(view, flip, run, |check| view.asked_by(check).contains(name));
                !flip.runs().all(probed)
            })
            .collect();
        if !names.is_empty() {
            let message = format!(
                "`{}` moves {}, which no probe asks for",
                flip.id(),
                list(&names)
            );
            findings.push(
                flip.finding("names", message)
                    .label("of no service")
                    .hint("put it into the `names` of a service"),
            );
        }
    }
    findings
}

pub(super) fn unseen_name(view: &View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for flip in view.flips() {
        let after = || view.checks().filter(|check| check.index > flip.index);
        let mut unseen: BTreeSet<String> = BTreeSet::new();
        for run in flip.runs() {
            let mut checks = after().filter(|check| check.takes_part(run)).peekable();
            if checks.peek().is_none() {
                continue;
            }
            let seen: BTreeSet<String> = checks
                .filter(|check| matches!(check.does, Does::Propagation | Does::Probe(At::Public)))
                .flat_map(|check| view.asked_by(check))
                .collect();
            unseen.extend(
                view.moved_by(flip)
                    .into_iter()
                    .filter(|name| !seen.contains(name)),
            );
        }
        // Where the traffic of the hosts is counted, their names have been seen to move without being asked for.
        if unseen.is_empty() || after().any(|check| check.does == Does::Traffic) {
            continue;
        }
        let message = format!(
            "no step after `{}` looks where {} {}",
            flip.id(),
            list(&unseen),
            verb_of(unseen.len(), "leads", "lead")
        );
        findings.push(
            flip.finding(scope_key(flip), message)
                .label("moved, and not seen to have moved")
                .hint("add `kind = \"propagation\"`, or ask for them with `at = \"public\"`"),
        );
    }
    findings
}

pub(super) fn no_zone(view: &View<'_>) -> Vec<Finding> {
    let mut findings = view.warned("no-zone");
    for step in view
        .steps
        .iter()
        .filter(|s| matches!(s.does, Does::Flip | Does::Propagation))
    {
        let names: Vec<String> = (step.fields.texts("names").iter().map(plain))
            .filter(|name| view.zone_of(name).is_none())
            .collect();
        if !names.is_empty() {
            let message = format!(
                "{} {} in no zone of the playbook",
                list(&names),
                verb_of(names.len(), "lies", "lie")
            );
            findings.push(
                step.finding("names", message)
                    .label("will stay where it leads")
                    .hint("add `[zones.\"…\"]` for the zone, or take the name out"),
            );
        }
    }
    findings
}

pub(super) fn unknown_zone(view: &View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for flip in view.flips() {
        let zones = flip.fields.texts("zones").iter().map(plain);
        for zone in zones.filter(|zone| !view.book.zones().contains_key(zone)) {
            let message = format!(
                "`{}` is limited to the zone `{zone}`, which the playbook does not define",
                flip.id()
            );
            findings.push(
                flip.finding("zones", message)
                    .label(format!("`{zone}` is not defined"))
                    .hint(format!("add `[zones.\"{zone}\"]`, or mend the name")),
            );
        }
    }
    findings
}

pub(super) fn nothing_to_move(view: &View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let bare = (view.both_sites().into_iter()).find(|site| {
        view.hosts_of(site)
            .all(|host| host.public().next().is_none())
    });
    for flip in view.flips() {
        let why = if let Some(site) = bare {
            format!("no host of site `{site}` has addresses")
        } else if view.zones_of(flip).is_empty() {
            "the playbook has no zone that it could write".to_owned()
        } else if !flip.fields.has("records") && view.moved_by(flip).is_empty() {
            "none of its names lies in a zone that it writes".to_owned()
        } else {
            continue;
        };
        findings.push(
            flip.finding(
                scope_key(flip),
                format!("`{}` can move nothing: {why}", flip.id()),
            )
            .label("nothing moves")
            .hint("hosts of both sites need `addresses`, and each name a zone with a provider"),
        );
    }
    findings
}
