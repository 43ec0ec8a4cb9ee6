//! Checks that pass whatever they see.

use humantime::format_duration;

use super::Rule;
use super::example::{FLIP, WORKS};
use super::view::{Does, Finding, Seen, View};
use crate::problem::Severity;
use crate::site::{HttpProbe, Probe, Service};

const WITH_RPO: &str = r#"[playbook]
name = "example"
rto = "10m"
rpo = "1h"
"#;

const MIRROR: &str = r#"[[step]]
id = "mirror"
kind = "mirror"
path = "/srv/www/"
max-lag = "1h"
"#;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "L501",
        name: "status-only",
        severity: Severity::Warning,
        what: "no probe of a service looks at what is answered, only that something is",
        why: "The default page of a web server, the placeholder of a hoster and an empty shop all come with status \
              200. A standby whose virtual hosts are missing passes such a probe.",
        fix: "Name a text that only the right page holds, with `contains`; or a `header`; or a `status` other than 200.",
        breaks: &[r#"[services.website]
names = ["site.example", "www.site.example"]
probes = [{ http = "/" }]
"#],
        keeps: &[r#"[services.website]
names = ["site.example", "www.site.example"]
probes = [{ http = "/", contains = "Welcome" }]
"#],
        find: status_only,
    },
    Rule {
        code: "L502",
        name: "open-port",
        severity: Severity::Warning,
        what: "all that is known of a service is that its port takes connections",
        why: "A load balancer, a port forward or a daemon that hangs takes connections too. A primary answered each \
              ping and each connect while it could no longer read its disk.",
        fix: "Say what must come, with `expect` (and `send` where the client speaks first); for a web server use \
              `http`.",
        breaks: &[r#"[services.website]
names = ["site.example", "www.site.example"]
probes = [{ tcp = 443 }]
"#],
        keeps: &[r#"[services.website]
names = ["site.example", "www.site.example"]
probes = [{ http = "/", contains = "Welcome" }, { tcp = 22, expect = "SSH-2.0" }]
"#],
        find: open_port,
    },
    Rule {
        code: "L503",
        name: "no-traffic-needed",
        severity: Severity::Error,
        what: "a `traffic` step passes when nothing arrives",
        why: "Records had moved within seconds and most of the traffic had not, a quarter of an hour later. The logs \
              of both sides are what tells; a share of 0% asks them for nothing.",
        fix: "Say which share of the former rate must arrive: `at-least = \"80%\"`.",
        breaks: &[
            WORKS,
            FLIP,
            r#"[[step]]
id = "traffic"
kind = "traffic"
at-least = "0%"
within = "5m"
"#,
        ],
        keeps: &[
            WORKS,
            FLIP,
            r#"[[step]]
id = "traffic"
kind = "traffic"
at-least = "80%"
within = "5m"
"#,
        ],
        find: no_traffic_needed,
    },
    Rule {
        code: "L504",
        name: "empty-source-passes",
        severity: Severity::Error,
        what: "a `mirror` step passes when the source is empty",
        why: "A disk that is not mounted looks like an empty folder: the mirror that follows it deletes everything, and a \
              comparison that accepts it says that all is well.",
        fix: "Leave `min-files` and `shrink-limit` out, or write what a healthy source has.",
        breaks: &[r#"[[step]]
id = "mirror"
kind = "mirror"
path = "/srv/www/"
min-files = 0
"#],
        keeps: &[r#"[[step]]
id = "mirror"
kind = "mirror"
path = "/srv/www/"
min-files = 1000
"#],
        find: empty_source_passes,
    },
    Rule {
        code: "L505",
        name: "lag-above-rpo",
        severity: Severity::Error,
        what: "a mirror may be further behind than the RPO",
        why: "The check passes, and the promise is broken. A replica was 40 GB behind because a maintenance job had just \
              begun, and the site was read-only for an hour; a limit that is wider than the promise sees no wrong in it.",
        fix: "Make `max-lag`, and `reuse` with it, as long as the `rpo`, or shorter.",
        breaks: &[
            WITH_RPO,
            r#"[[step]]
id = "mirror"
kind = "mirror"
path = "/srv/www/"
max-lag = "6h"
"#,
        ],
        keeps: &[
            r#"[playbook]
name = "example"
rto = "10m"
rpo = "6h"
"#,
            MIRROR,
        ],
        find: lag_above_rpo,
    },
    Rule {
        code: "L506",
        name: "unmeasured-rpo",
        severity: Severity::Warning,
        what: "an RPO is promised, and no step says how old the target's data may be",
        why: "rsync ends with status 0 while it has left deletions out because of one error at the source, and the copy \
              is months old. An age that nobody measures is a hope.",
        fix: "Add a `mirror` step, give it a `max-lag`; or take the `rpo` out.",
        breaks: &[WITH_RPO],
        keeps: &[WITH_RPO, MIRROR],
        find: unmeasured_rpo,
    },
];

/// The status of every page, so that to ask for it says nothing about this one.
fn is_any(status: u16) -> bool {
    status == 200
}

fn asserts(probe: &Probe) -> bool {
    match probe {
        Probe::Http(HttpProbe {
            status,
            contains,
            header,
            ..
        }) => {
            status.is_some_and(|status| !is_any(status)) || contains.is_some() || !header.is_empty()
        }
        Probe::Tcp { expect, .. } => expect.is_some(),
        Probe::Rsync { .. } => true,
    }
}

/// The services whose probes assert next to nothing, and whether one of them asks by HTTP.
fn weak<'v>(view: &'v View<'_>) -> impl Iterator<Item = (&'v Service, bool)> {
    (view.book.services().values())
        .filter(|service| !service.probes.iter().any(asserts))
        .map(|service| {
            let http = service
                .probes
                .iter()
                .any(|probe| matches!(probe, Probe::Http(_)));
            (service, http)
        })
}

/// The place of a service's first probe by `key`.
fn first_probe(view: &View<'_>, service: &Service, key: &str) -> std::ops::Range<usize> {
    let Some(fields) = view.book.places().service(&service.name) else {
        return 0..0;
    };
    (fields.tables("probes").iter())
        .find(|probe| probe.has(key))
        .map_or_else(|| fields.span_of("probes"), |probe| probe.span_of(key))
}

fn steps_of<'v, 'a>(view: &'v View<'a>, kind: &'static str) -> impl Iterator<Item = &'v Seen<'a>> {
    view.checks()
        .filter(move |check| check.step.kind.name == kind)
}

fn status_only(view: &View<'_>) -> Vec<Finding> {
    let of_services = weak(view).filter(|(_, http)| *http).map(|(service, _)| {
        let message = format!(
            "every page with status 200 passes as service `{}`",
            service.name
        );
        Finding::at(first_probe(view, service, "http"), message)
            .label("asks only for its status")
            .hint("add `contains = \"…\"`: some text that only the right page holds")
    });
    let of_steps = steps_of(view, "http")
        .filter(|step| {
            let status = step.fields.count("status");
            let says = status.is_some_and(|status| u16::try_from(status).is_ok_and(|s| !is_any(s)));
            !says && !step.fields.has("contains") && !step.fields.has("header")
        })
        .map(|step| {
            let message = format!("every page with status 200 passes `{}`", step.id());
            let key = if step.fields.has("url") {
                "url"
            } else {
                "path"
            };
            step.finding(key, message)
                .label("asks only for its status")
                .hint("add `contains = \"…\"`: some text that only the right page holds")
        });
    of_services.chain(of_steps).collect()
}

/// Ports on which TLS is spoken from the first byte, so that nothing comes by itself.
const TLS: &[u64] = &[443, 465, 636, 853, 990, 993, 995, 8443];

fn open_port(view: &View<'_>) -> Vec<Finding> {
    let hint = |port: Option<u64>| match port {
        Some(port @ (443 | 8443)) => {
            format!("ask for a page instead: `{{ http = \"/\", port = {port}, contains = \"…\" }}`")
        }
        Some(port) if TLS.contains(&port) => {
            "TLS says nothing by itself: probe the plain port too, with `expect`".to_owned()
        }
        _ => "add `expect = \"…\"`: what the service says first, or after `send`".to_owned(),
    };
    let of_services = weak(view).filter(|(_, http)| !*http).map(|(service, _)| {
        let port = service.probes.iter().find_map(|probe| match probe {
            Probe::Tcp { port, .. } => Some(u64::from(*port)),
            _ => None,
        });
        let message = format!(
            "whatever takes connections passes as service `{}`",
            service.name
        );
        Finding::at(first_probe(view, service, "tcp"), message)
            .label("an open port, and nothing more")
            .hint(hint(port))
    });
    let of_steps = steps_of(view, "tcp")
        .filter(|step| !step.fields.has("expect"))
        .map(|step| {
            let message = format!("whatever takes connections passes `{}`", step.id());
            step.finding("port", message)
                .label("an open port, and nothing more")
                .hint(hint(step.fields.count("port")))
        });
    of_services.chain(of_steps).collect()
}

fn no_traffic_needed(view: &View<'_>) -> Vec<Finding> {
    (view.checks())
        .filter(|check| check.does == Does::Traffic && check.fields.percent("at-least") == Some(0))
        .map(|check| {
            let message = format!(
                "`{}` passes when no request arrives at the target",
                check.id()
            );
            check
                .finding("at-least", message)
                .label("nothing need arrive")
                .hint("write `at-least = \"80%\"`: of the rate that the source had before")
        })
        .collect()
}

fn mirrors<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = &'v Seen<'a>> {
    steps_of(view, "mirror")
}

fn empty_source_passes(view: &View<'_>) -> Vec<Finding> {
    mirrors(view)
        .filter_map(|step| {
            let key = if step.fields.count("min-files") == Some(0) {
                "min-files"
            } else if step.fields.percent("shrink-limit") == Some(100) {
                "shrink-limit"
            } else {
                return None;
            };
            let finding = step
                .finding(
                    key,
                    format!("`{}` passes when the source is empty", step.id()),
                )
                .label("a disk that is not mounted would do")
                .hint(format!(
                    "leave `{key}` out, or write what a healthy source has"
                ));
            Some(finding)
        })
        .collect()
}

fn lag_above_rpo(view: &View<'_>) -> Vec<Finding> {
    let Some(rpo) = view.book.objectives().rpo else {
        return Vec::new();
    };
    mirrors(view)
        .filter_map(|step| {
            let lag = step.fields.span("max-lag")?;
            // A look that is used again does not know what came to the source since.
            let reuse = step.fields.span("reuse").unwrap_or_default();
            if lag + reuse <= rpo.0 {
                return None;
            }
            let old = match reuse.is_zero() {
                true => format_duration(lag).to_string(),
                false => format!("{} (`reuse` included)", format_duration(lag + reuse)),
            };
            let message = format!(
                "`{}` passes when the data is {old} old, and the RPO is {}",
                step.id(),
                format_duration(rpo.0)
            );
            let finding = step
                .finding("max-lag", message)
                .label("longer than the promise")
                .hint(format!(
                    "write `max-lag = \"{}\"` or less",
                    format_duration(rpo.0)
                ));
            Some(finding)
        })
        .collect()
}

fn unmeasured_rpo(view: &View<'_>) -> Vec<Finding> {
    let Some(rpo) = view.book.objectives().rpo else {
        return Vec::new();
    };
    let limited = mirrors(view).any(|mirror| mirror.fields.has("max-lag"));
    if limited || view.writes().next().is_none() {
        return Vec::new();
    }
    if let Some(mirror) = mirrors(view).next() {
        let rpo = format_duration(rpo.0);
        let message = format!(
            "`{}` passes however old the target's data is, and the RPO is {rpo}",
            mirror.id()
        );
        let finding = mirror
            .finding("id", message)
            .label("has no `max-lag`")
            .hint(format!("add `max-lag = \"{rpo}\"` or less"));
        return vec![finding];
    }
    let head = view.book.places().head();
    let finding = Finding::at(
        head.span_of("rpo"),
        "no step measures how old the target's data is",
    )
    .label("promised, and never measured")
    .hint("add a `mirror` step with `max-lag`, or take `rpo` out");
    vec![finding]
}
