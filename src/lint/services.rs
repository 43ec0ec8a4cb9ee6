//! Services and names: what moves must be probed before, and seen afterwards.

mod names;

use std::collections::BTreeSet;

use super::Rule;
use super::example::{PUBLIC, WORKS};
use super::view::{At, Does, Finding, Seen, View, list, plain, sentence};
use crate::problem::Severity;
use crate::site::Service;
use crate::step::{Blocks, When};

const RENTED: &str = r#"[hosts.rented]
ssh = "admin@rented.site.example"
addresses = ["203.0.113.80", "2001:db8:81::1"]
access-log = ["/var/log/nginx/access.log"]
"#;

const MAIL: &str = r#"[services.mail]
names = ["mail.site.example"]
probes = [{ tcp = 25, expect = "220 " }]
"#;

const SHOP: &str = r#"[services.shop]
names = ["shop.example"]
probes = [{ http = "/", contains = "Basket" }]
"#;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "L201",
        name: "family-missing",
        severity: Severity::Warning,
        what: "a host has no address of a family that its partner at the other site has",
        why: "The A records move and the AAAA records stay, or the other way round: half of the users go on to the \
              dead machine, and a monitor that asks over IPv4 shows green. One tool in wide use compares only the \
              first A record.",
        fix: "Give the host an address of that family, or take the records out before, and say so with a reason.",
        breaks: &[r#"[hosts.rented]
ssh = "admin@rented.site.example"
addresses = ["203.0.113.80"]
access-log = ["/var/log/nginx/access.log"]
"#],
        keeps: &[RENTED],
        find: |view| view.warned("family-missing"),
    },
    Rule {
        code: "L202",
        name: "unprobed-service",
        severity: Severity::Error,
        what: "names move to a target at which their service is never probed",
        why: "A standby that had been rebuilt answered with the old server's address in every one of its virtual \
              hosts; another had half of its web servers. Nobody had asked it for a page before its name was \
              moved. A probe at the target asks each of its addresses, in each address family.",
        fix: "Put `services` with `at = \"target\"` above the `dns` step, in every run in which that takes part.",
        breaks: &[
            MAIL,
            r#"[[step]]
id = "works"
kind = "services"
at = "target"
services = ["website"]
"#,
        ],
        keeps: &[
            MAIL,
            r#"[[step]]
id = "works"
kind = "services"
at = "target"
services = ["website", "mail"]
"#,
        ],
        find: unprobed_service,
    },
    Rule {
        code: "L203",
        name: "dead-target-in-emergency",
        severity: Severity::Error,
        what: "in an emergency nothing stops the names from moving to a target that does not serve",
        why: "`blocks = \"planned\"` is meant for comparisons with a source that may be dead. A probe of the target \
              has no such excuse: in its first test one large site's standby went offline altogether, twice. Who \
              fails over to it in an emergency has two dead sites.",
        fix: "Leave `blocks` out at the probe of the target: by default it is `always`.",
        breaks: &[r#"[[step]]
id = "works"
kind = "services"
at = "target"
blocks = "planned"
"#],
        keeps: &[r#"[[step]]
id = "works"
kind = "services"
at = "target"
blocks = "always"
"#],
        find: dead_target,
    },
    Rule {
        code: "L204",
        name: "unprobed-name",
        severity: Severity::Warning,
        what: "a `dns` step names a name that no service owns and no probe asks for",
        why: "A name that is moved along with the others is the one that nobody looks at: the certificate of the \
              standby does not hold it, or no virtual host answers to it. Each name has to be asked for with its \
              own host name and SNI.",
        fix: "Put the name into the `names` of a service, and move it with `services`.",
        breaks: &[
            WORKS,
            r#"[[step]]
id = "flip"
kind = "dns"
services = "all"
names = ["old.site.example"]
ttl = "60s"
"#,
            r#"[[step]]
id = "published"
kind = "propagation"
services = "all"
names = ["old.site.example"]
within = "5m"
"#,
        ],
        keeps: &[r#"[services.website]
names = ["site.example", "www.site.example", "old.site.example"]
probes = [{ http = "/", contains = "Welcome" }]
"#],
        find: names::unprobed_name,
    },
    Rule {
        code: "L205",
        name: "unseen-name",
        severity: Severity::Warning,
        what: "a name is moved, and no step looks afterwards where it leads",
        why: "Two A records were left behind at the old host; a secondary name server kept the old zone because \
              its serial had not been raised. Each name is seen for itself, or it has not been seen to move.",
        fix: "Let `propagation`, or `services` with `at = \"public\"`, ask for every name that moves.",
        breaks: &[
            MAIL,
            r#"[[step]]
id = "public"
kind = "services"
at = "public"
services = ["website"]
"#,
        ],
        keeps: &[MAIL, PUBLIC],
        find: names::unseen_name,
    },
    Rule {
        code: "L206",
        name: "old-side-unprobed",
        severity: Severity::Warning,
        what: "nothing probes the side that a failed run would go back to",
        why: "Before anything is put back, the old side is seen to serve; a rollback to a machine that has died in \
              the meantime makes one broken side into two. Only a probe `at = \"target\"` can be turned round for \
              that, one of a host by name cannot.",
        fix: "Let one probe stand `at = \"target\"`, instead of at each host by name.",
        breaks: &[
            r#"[[step]]
id = "works"
kind = "services"
at = "office"
"#,
            r#"[[step]]
id = "works-there"
kind = "services"
at = "rented"
"#,
        ],
        keeps: &[WORKS],
        find: old_side_unprobed,
    },
    Rule {
        code: "L207",
        name: "one-sided",
        severity: Severity::Warning,
        what: "a service is offered at one site only",
        why: "It cannot move, and what depends on it fails with the site: hidden dependencies that had never been run \
              without the main site made one large outage last for days.",
        fix: "Name its hosts of both sites in `hosts`, or leave `hosts` out.",
        breaks: &[r#"[services.files]
names = ["files.site.example"]
probes = [{ rsync = "files" }]
hosts = ["office"]
"#],
        keeps: &[r#"[services.files]
names = ["files.site.example"]
probes = [{ rsync = "files" }]
hosts = ["office", "rented"]
"#],
        find: |view| view.warned("one-sided"),
    },
    Rule {
        code: "L208",
        name: "no-zone",
        severity: Severity::Warning,
        what: "a name lies in no zone of the playbook, and will stay where it leads",
        why: "What stays behind is seen by users first: two A records that were forgotten kept part of a site on the \
              old host for days.",
        fix: "Add `[zones.\"…\"]` with its provider, or take the name out.",
        breaks: &[SHOP],
        keeps: &[
            SHOP,
            r#"[zones."shop.example"]
provider = "own"
"#,
        ],
        find: names::no_zone,
    },
    Rule {
        code: "L209",
        name: "unknown-zone",
        severity: Severity::Error,
        what: "a `dns` step is limited to a zone that the playbook does not define",
        why: "Such a step is refused when the run is planned: on the one day on which there is no time for it. \
              Previews that pass and real runs that break are what users of DNS tools complain of most.",
        fix: "Define the zone, or mend its name in `zones`.",
        breaks: &[
            WORKS,
            r#"[[step]]
id = "flip"
kind = "dns"
services = "all"
zones = ["site.example", "sight.example"]
ttl = "60s"
"#,
            PUBLIC,
        ],
        keeps: &[
            WORKS,
            r#"[[step]]
id = "flip"
kind = "dns"
services = "all"
zones = ["site.example"]
ttl = "60s"
"#,
            PUBLIC,
        ],
        find: names::unknown_zone,
    },
    Rule {
        code: "L210",
        name: "nothing-to-move",
        severity: Severity::Error,
        what: "a `dns` step can move nothing: no zone, no name, or no addresses to move between",
        why: "A run that changes nothing ends as a success. That is the quietest of all failures: a switchover \
              whose far side could not be reached said nothing, did nothing, and ended with status 0.",
        fix: "Give the hosts of both sites their `addresses`, and the names a zone with a provider.",
        breaks: &[
            r#"[hosts.office]
ssh = "admin@office.site.example"
access-log = ["/var/log/nginx/access.log"]
"#,
            r#"[hosts.rented]
ssh = "admin@rented.site.example"
access-log = ["/var/log/nginx/access.log"]
"#,
        ],
        keeps: &[
            r#"[hosts.office]
ssh = "admin@office.site.example"
addresses = ["192.0.2.80", "2001:db8:80::1"]
access-log = ["/var/log/nginx/access.log"]
"#,
            RENTED,
        ],
        find: names::nothing_to_move,
    },
];

/// The key by which a `dns` step says what it moves.
fn scope_key(flip: &Seen<'_>) -> &'static str {
    ["records", "services", "names"]
        .into_iter()
        .find(|key| flip.fields.has(key))
        .unwrap_or("id")
}

/// Whether a probe asks for a service.
fn asks(view: &View<'_>, check: &Seen<'_>, service: &Service) -> bool {
    let services = check.fields.texts("services");
    if services.contains(&service.name) || check.step.kind.name == "services" && services.is_empty()
    {
        return true;
    }
    let asked = view.asked_by(check);
    service
        .names
        .iter()
        .any(|name| asked.contains(&plain(name)))
}

/// The sites at which the probes before a `dns` step ask for something, in one kind of run.
fn probed_before<'v, 'a>(
    view: &'v View<'a>,
    flip: &'v Seen<'a>,
    run: When,
    asks: impl Fn(&Seen<'_>) -> bool + 'v,
) -> impl Iterator<Item = (&'v Seen<'a>, Vec<&'a str>)> {
    view.checks()
        .take_while(|check| check.index < flip.index)
        .filter(move |check| check.takes_part(run) && check.step.common.blocks != Blocks::Never)
        .filter(move |check| asks(check))
        .map(|check| {
            let sites = match check.does {
                Does::Probe(At::Target) => view.both_sites().to_vec(),
                Does::Probe(At::Host(host)) => {
                    let host = view.book.hosts().get(host);
                    host.map(|host| host.site.as_str()).into_iter().collect()
                }
                _ => Vec::new(),
            };
            (check, sites)
        })
}

fn is_probed(
    view: &View<'_>,
    flip: &Seen<'_>,
    run: When,
    asks: impl Fn(&Seen<'_>) -> bool,
) -> bool {
    let sites: BTreeSet<&str> = probed_before(view, flip, run, asks)
        .flat_map(|(_, sites)| sites)
        .collect();
    sites.len() == 2
}

fn unprobed_service(view: &View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for flip in view.flips() {
        let moved = view.moved_by(flip);
        let moves = |service: &&Service| {
            service
                .names
                .iter()
                .any(|name| moved.contains(&plain(name)))
        };
        for service in view.book.services().values().filter(moves) {
            let lacking: Vec<When> = flip
                .runs()
                .filter(|run| !is_probed(view, flip, *run, |check| asks(view, check, service)))
                .collect();
            if lacking.is_empty() {
                continue;
            }
            let rest = format!(
                "`{}` moves service `{}`, and no probe asks for it at the target before",
                flip.id(),
                service.name
            );
            findings.push(
                flip.finding(scope_key(flip), sentence(&lacking, &rest))
                    .label(format!("{} would go there unseen", list(&service.names)))
                    .hint("put `kind = \"services\"` with `at = \"target\"` above this step"),
            );
        }
    }
    findings
}

fn dead_target(view: &View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for flip in view.flips().filter(|flip| flip.takes_part(When::Emergency)) {
        let probes: Vec<&Seen<'_>> = probed_before(view, flip, When::Emergency, |_| true)
            .filter(|(_, sites)| !sites.is_empty())
            .map(|(check, _)| check)
            .collect();
        let stops = |check: &&Seen<'_>| check.step.common.blocks == Blocks::Always;
        if let Some(last) = probes.last()
            && !probes.iter().any(stops)
        {
            let message = format!(
                "in an emergency `{}` moves names also to a target that does not serve",
                flip.id()
            );
            findings.push(
                last.finding("blocks", message)
                    .label(format!("`{}` stops planned runs only", last.id()))
                    .hint("write `blocks = \"always\"`: it asks the target, not the source that may be dead"),
            );
        }
    }
    findings
}

fn old_side_unprobed(view: &View<'_>) -> Vec<Finding> {
    let probed = view.steps.iter().any(|step| step.step.probes_old_side);
    let Some(first) = view.lasting().next().filter(|_| !probed) else {
        return Vec::new();
    };
    // Where the target is not probed either, another rule says so.
    let by_name = |check: &&Seen<'_>| matches!(check.does, Does::Probe(At::Host(_)));
    let Some(probe) = view
        .checks()
        .take_while(|c| c.index < first.index)
        .find(by_name)
    else {
        return Vec::new();
    };
    let message = format!(
        "should `{}` have to be put back, nothing shows that the old side still serves",
        first.id()
    );
    let finding = probe
        .finding("at", message)
        .label("cannot be asked of the other side")
        .hint("write `at = \"target\"`: on the way back it is the old side");
    vec![finding]
}
