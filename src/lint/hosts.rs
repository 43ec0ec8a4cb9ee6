//! Hosts: who is looked at, how, and what happens when one of them is dead.

use std::collections::BTreeSet;

use super::Rule;
use super::example::{FLIP, START, START_READ, WORKS};
use super::view::{At, Does, Finding, Seen, View, list};
use crate::problem::Severity;
use crate::site::{Host, Service};
use crate::step::{Blocks, When, Work};
use crate::words::count;

const PACKAGES: &str = r#"[[step]]
id = "packages"
kind = "packages"
"#;

const BACKUP: &str = r#"[hosts.backup]
site = "office"
ssh = "backup.site.example"
"#;

const RENTED: &str = r#"[hosts.rented]
ssh = "admin@rented.site.example"
stands-in-for = ["office"]
addresses = ["203.0.113.80", "2001:db8:81::1"]
access-log = ["/var/log/nginx/access.log"]
"#;

const RENTED_FOR_NOBODY: &str = r#"[hosts.rented]
ssh = "admin@rented.site.example"
addresses = ["203.0.113.80", "2001:db8:81::1"]
"#;

const SECOND: &str = r#"[hosts.second]
site = "rented"
ssh = "second.site.example"
"#;

const RENTED_WITHOUT_LOG: &str = r#"[hosts.rented]
ssh = "admin@rented.site.example"
stands-in-for = ["office"]
addresses = ["203.0.113.80", "2001:db8:81::1"]
"#;

const TRAFFIC: &str = r#"[[step]]
id = "traffic"
kind = "traffic"
within = "5m"
"#;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "L601",
        name: "source-blocks-emergency",
        severity: Severity::Error,
        what: "in an emergency the run is stopped by a check that needs the dead source",
        why: "The tool that does not work exactly when the primary is dead is the first complaint of all: a large code \
              host listed it as the reason to rework its failover, and a well-known automation tool skips its rescue \
              blocks for a machine that cannot be reached.",
        fix: "Leave `blocks` out, or write `blocks = \"planned\"`: then an emergency answers from what was seen earlier, \
              with its age.",
        breaks: &[r#"[[step]]
id = "packages"
kind = "packages"
blocks = "always"
"#],
        keeps: &[PACKAGES],
        find: source_blocks_emergency,
    },
    Rule {
        code: "L602",
        name: "act-on-the-dead",
        severity: Severity::Warning,
        what: "in an emergency a program is to be run on the source, which is dead",
        why: "It cannot be reached, so the act fails and the run waits for a person. And it matters: \"nothing notices \
              that the same guest is now running in two places\" is what a user wrote after such a failover. \
              Stopping the old side must be done by other means then.",
        fix: "Leave emergencies out with `when = [\"drill\", \"failover\"]`; where the source must be kept from coming \
              back, do that from somewhere else, in a step of its own.",
        breaks: &[r#"[[step]]
id = "stop"
kind = "command"
on = "source"
run = ["systemctl", "stop", "billing.timer"]
undo = ["systemctl", "start", "billing.timer"]
if-interrupted = "again"
"#],
        keeps: &[r#"[[step]]
id = "stop"
kind = "command"
on = "source"
when = ["drill", "failover"]
run = ["systemctl", "stop", "billing.timer"]
undo = ["systemctl", "start", "billing.timer"]
if-interrupted = "again"
"#],
        find: act_on_the_dead,
    },
    Rule {
        code: "L603",
        name: "waits-for-the-dead",
        severity: Severity::Warning,
        what: "in an emergency the run looks at a dead source again and again, before it does anything",
        why: "A failover that stalled while it waited for an unreachable primary was mended in a well-known database \
              operator only in 2026. What does not answer is looked at again for as long as `within` says, and until \
              then nobody is served.",
        fix: "Leave `within` out, or the emergencies: `when = [\"drill\", \"failover\", \"return\"]`.",
        breaks: &[r#"[[step]]
id = "packages"
kind = "packages"
within = "5m"
"#],
        keeps: &[PACKAGES],
        find: waits_for_the_dead,
    },
    Rule {
        code: "L604",
        name: "unseen-host",
        severity: Severity::Warning,
        what: "no step ever looks at a host",
        why: "Half of the web servers of a standby were not there when it was needed, and its monitoring had never been \
              allowed in. What no run looks at has been broken for months when it counts.",
        fix: "Name the host in the `hosts` of a service that is probed, or look at it with a `command` step.",
        breaks: &[BACKUP, RENTED],
        keeps: &[
            BACKUP,
            RENTED,
            r#"[[step]]
id = "backup-is-recent"
kind = "command"
on = "backup"
looks-only = true
run = ["/usr/local/bin/backup-is-recent"]
"#,
        ],
        find: unseen_host,
    },
    Rule {
        code: "L605",
        name: "out-of-reach",
        severity: Severity::Error,
        what: "a step runs programs on a host that cannot be reached",
        why: "Such a step fails on every run. The dry run passes and the real run breaks is how users of switchover \
              tools put it; here it is known before either.",
        fix: "Give the host `ssh`, or `local = true` for this machine.",
        breaks: &[
            r#"[hosts.rented]
addresses = ["203.0.113.80", "2001:db8:81::1"]
"#,
            PACKAGES,
        ],
        keeps: &[RENTED_FOR_NOBODY, PACKAGES],
        find: out_of_reach,
    },
    Rule {
        code: "L606",
        name: "act-on-several",
        severity: Severity::Error,
        what: "an act would have to run on several hosts at once",
        why: "Nobody could tell afterwards on which of them it was done. Such a step is refused in the middle of the \
              run, after the names have moved perhaps.",
        fix: "Write one step for each host, with its name in `on`; or give a `read`, a `want` and an `undo`, which make \
              it a change of each host.",
        breaks: &[SECOND, RENTED_WITHOUT_LOG, START],
        keeps: &[SECOND, RENTED_WITHOUT_LOG, START_READ],
        find: act_on_several,
    },
    Rule {
        code: "L607",
        name: "no-access-log",
        severity: Severity::Error,
        what: "`traffic` counts requests, and a site has no access log",
        why: "Records moved in seconds and most of the traffic did not, for a quarter of an hour; only the logs of both \
              sides show that. With one of them alone the step cannot tell, and every run stops there to ask.",
        fix: "Name the logs of the web servers in `access-log` of a host of each site.",
        breaks: &[RENTED_FOR_NOBODY, WORKS, FLIP, TRAFFIC],
        keeps: &[WORKS, FLIP, TRAFFIC],
        find: no_access_log,
    },
];

/// What a check asks of the side that is left: its own state, or that of a host which may be at that side.
fn needs_source<'a>(check: &Seen<'a>) -> Option<&'a str> {
    match check.does {
        Does::Compare | Does::Probe(At::Source) | Does::Run(At::Source) => Some("the source"),
        Does::Probe(At::Host(host)) | Does::Run(At::Host(host)) => Some(host),
        _ => None,
    }
}

/// The checks before the first write of an emergency that need the side that is left.
fn gates_at_source<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = (&'v Seen<'a>, &'a str)> {
    view.checks()
        .filter(|check| check.takes_part(When::Emergency))
        .filter(|check| view.is_before_first_write(check, When::Emergency))
        .filter_map(|check| Some((check, needs_source(check)?)))
}

fn source_blocks_emergency(view: &View<'_>) -> Vec<Finding> {
    gates_at_source(view)
        .filter(|(check, _)| check.step.common.blocks == Blocks::Always)
        .map(|(check, whom)| {
            let message = match whom {
                "the source" => format!("`{}` needs the source, and stops an emergency without it", check.id()),
                host => format!("`{}` needs `{host}`, and stops the emergency in which that is dead", check.id()),
            };
            check
                .finding("blocks", message)
                .label("stops every run, also the one for which there is no other way")
                .hint("write `blocks = \"planned\"`: an emergency then answers from what was seen earlier")
        })
        .collect()
}

fn act_on_the_dead(view: &View<'_>) -> Vec<Finding> {
    view.writes()
        .filter(|step| matches!(step.step.work, Work::Act(_)) && step.takes_part(When::Emergency))
        .filter(|step| matches!(step.does, Does::Run(At::Source | At::Host(_))))
        .map(|step| {
            let at = match step.does {
                Does::Run(At::Host(host)) => format!("`{host}`, which may be the dead side"),
                _ => "the source, which is dead".to_owned(),
            };
            let message = format!("in an emergency `{}` would run on {at}", step.id());
            step.finding("on", message)
                .label("cannot be reached then, and the run would wait for a person")
                .hint("write `when = [\"drill\", \"failover\"]`")
        })
        .collect()
}

fn waits_for_the_dead(view: &View<'_>) -> Vec<Finding> {
    gates_at_source(view)
        .filter(|(check, _)| {
            check
                .fields
                .span("within")
                .is_some_and(|time| !time.is_zero())
        })
        .map(|(check, whom)| {
            let whom = match whom {
                "the source" => whom.to_owned(),
                host => format!("`{host}`"),
            };
            let within = humantime::format_duration(check.step.common.within);
            let message = format!(
                "in an emergency `{}` waits up to {within} for {whom} to answer",
                check.id()
            );
            check
                .finding("within", message)
                .label("nothing is done until then")
                .hint("leave `within` out, or write `when = [\"drill\", \"failover\", \"return\"]`")
        })
        .collect()
}

/// The services that a probe asks for on hosts.
fn services_of<'a>(view: &View<'a>, check: &Seen<'_>) -> Vec<&'a Service> {
    let named = check.fields.texts("services");
    (view.book.services().values())
        .filter(|service| named.is_empty() || named.contains(&service.name))
        .collect()
}

/// Whether a host takes part in a step that compares hosts: by `hosts`, itself or its partner.
fn is_compared(view: &View<'_>, check: &Seen<'_>, host: &Host) -> bool {
    let only = check.fields.texts("hosts");
    let partners: Vec<&Host> = (view.book.hosts().values())
        .filter(|other| other.site != host.site)
        .filter(|other| {
            let alone = view.book.hosts().len() == 2;
            alone
                || other.stands_in_for.contains(&host.name)
                || host.stands_in_for.contains(&other.name)
        })
        .collect();
    let meant = |host: &Host| only.contains(&host.name);
    !partners.is_empty()
        && (only.is_empty() || meant(host) || partners.iter().any(|other| meant(other)))
}

fn looks_at(view: &View<'_>, step: &Seen<'_>, host: &Host) -> bool {
    match step.does {
        Does::Probe(At::Source | At::Target) => {
            let of_its_own = step.step.kind.name != "services" && !step.fields.has("services");
            let offered = || {
                services_of(view, step)
                    .into_iter()
                    .any(|s| view.offers(s, host))
            };
            host.public().next().is_some() && (of_its_own || offered())
        }
        Does::Probe(At::Host(name)) | Does::Run(At::Host(name)) => name == host.name,
        Does::Run(At::Source | At::Target) => true,
        Does::Run(At::Here) => false,
        Does::Probe(_) | Does::Run(_) => host.public().next().is_some(),
        Does::Compare => is_compared(view, step, host),
        Does::Traffic => !host.access_log.is_empty(),
        Does::Flip | Does::Propagation | Does::Pause => false,
        Does::Other => true,
    }
}

fn unseen_host(view: &View<'_>) -> Vec<Finding> {
    (view.book.hosts().values())
        .filter(|host| !view.steps.iter().any(|step| looks_at(view, step, host)))
        .filter_map(|host| {
            let place = view.book.places().host(&host.name)?;
            let key = ["ssh", "addresses", "site"]
                .into_iter()
                .find(|key| place.has(key));
            let span = key.map_or_else(|| place.span.clone(), |key| place.span_of(key));
            let finding = Finding::at(span, format!("no step looks at host `{}`", host.name))
                .label(format!("`{}` may be broken for months", host.name))
                .hint("name it in the `hosts` of a service that is probed, or take it out");
            Some(finding)
        })
        .collect()
}

fn out_of_reach(view: &View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for step in &view.steps {
        let runs_on = |host: &&Host| match step.does {
            Does::Compare => is_compared(view, step, host),
            Does::Run(At::Source | At::Target) => true,
            Does::Run(At::Host(name)) => name == host.name,
            _ => false,
        };
        let deaf: Vec<&str> = (view.book.hosts().values())
            .filter(|host| host.reach.is_none())
            .filter(runs_on)
            .map(|host| host.name.as_str())
            .collect();
        if !deaf.is_empty() {
            let key = if step.fields.has("on") { "on" } else { "kind" };
            let message = format!(
                "`{}` runs programs on {}, which has no `ssh`",
                step.id(),
                list(&deaf)
            );
            findings.push(
                step.finding(key, message)
                    .label("nothing can run there")
                    .hint(format!(
                        "add `ssh = \"user@host\"` to `[hosts.{}]`",
                        deaf[0]
                    )),
            );
        }
    }
    findings
}

fn act_on_several(view: &View<'_>) -> Vec<Finding> {
    let crowded = (view.both_sites().into_iter()).find(|site| view.hosts_of(site).count() > 1);
    let Some(site) = crowded else {
        return Vec::new();
    };
    let hosts: BTreeSet<&str> = view.hosts_of(site).map(|host| host.name.as_str()).collect();
    view.writes()
        .filter(|step| matches!(step.step.work, Work::Act(_)))
        .filter(|step| matches!(step.does, Does::Run(At::Source | At::Target)))
        .map(|step| {
            let message = format!(
                "`{}` would have to run on {} at once",
                step.id(),
                list(&hosts)
            );
            step.finding("on", message)
                .label(format!("site `{site}` has {}", count(hosts.len(), "host")))
                .hint("write one step for each host, or give a `read`, a `want` and an `undo`")
        })
        .collect()
}

fn no_access_log(view: &View<'_>) -> Vec<Finding> {
    let silent = (view.both_sites().into_iter())
        .find(|site| view.hosts_of(site).all(|host| host.access_log.is_empty()));
    let Some(site) = silent else {
        return Vec::new();
    };
    (view.steps.iter().filter(|step| step.does == Does::Traffic))
        .map(|step| {
            let message = format!(
                "`{}` cannot count at site `{site}`: none of its hosts names an access log",
                step.id()
            );
            step.finding("kind", message)
                .label("can tell nothing")
                .hint("add `access-log = [\"/var/log/nginx/access.log\"]` to a host of each site")
        })
        .collect()
}
