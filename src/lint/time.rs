//! Time: what was promised, and what the steps may take.

use std::time::Duration;

use humantime::format_duration;

use super::Rule;
use super::example::{FLIP, PUBLIC, WORKS};
use super::view::{Finding, Seen, THERE, View, in_runs};
use crate::problem::Severity;
use crate::step::{When, Work};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "L301",
        name: "no-rto",
        severity: Severity::Warning,
        what: "the playbook promises no RTO",
        why: "Without a promise no drill can show that it is kept. The first full switch of a large site was \
              planned for 15 to 30 minutes and took 46; after years of measuring each one against its objective \
              they take three.",
        fix: "Write `rto`: the time from the decision until the target is seen to serve.",
        breaks: &[r#"[playbook]
name = "example"
"#],
        keeps: &[r#"[playbook]
name = "example"
rto = "10m"
"#],
        find: no_rto,
    },
    Rule {
        code: "L302",
        name: "waits-above-rto",
        severity: Severity::Error,
        what: "the waits alone take longer than the RTO",
        why: "A wait always takes its whole time, so this promise is broken by every run, also by the one in which \
              nothing goes wrong.",
        fix: "Wait for something that can be seen, with a check and its `within`, or promise less.",
        breaks: &[r#"[[step]]
id = "settle"
kind = "wait"
time = "15m"
"#],
        keeps: &[r#"[[step]]
id = "settle"
kind = "wait"
time = "30s"
"#],
        find: waits_above_rto,
    },
    Rule {
        code: "L303",
        name: "worst-case-above-rto",
        severity: Severity::Warning,
        what: "waits and deadlines add up to more than the RTO",
        why: "The promise is kept only where things go well, and a failover is not run on such a day. Records \
              changed in seconds and traffic followed after 18 minutes, when the bridge had been closed. \
              Neighbouring checks run side by side and count once; what people take to decide is not counted.",
        fix: "Shorten a `within`, take a `wait` out, or promise what can be kept.",
        breaks: &[r#"[[step]]
id = "public"
kind = "services"
at = "public"
within = "15m"
"#],
        keeps: &[r#"[[step]]
id = "public"
kind = "services"
at = "public"
within = "5m"
"#],
        find: worst_case_above_rto,
    },
    Rule {
        code: "L304",
        name: "ttl-above-rto",
        severity: Severity::Error,
        what: "moved records get a TTL that is longer than the RTO",
        why: "After the move, caches may hold the new records for as long as their TTL. Whatever happens then, the \
              way back, or the next failover, cannot reach everybody within the time that was promised. A TTL that \
              was not lowered early enough is the most told reason of failovers that were late.",
        fix: "Give the `dns` step a `ttl` well below the RTO: `ttl = \"60s\"`.",
        breaks: &[
            WORKS,
            r#"[[step]]
id = "flip"
kind = "dns"
services = "all"
ttl = "1h"
"#,
            PUBLIC,
        ],
        keeps: &[WORKS, FLIP, PUBLIC],
        find: ttl_above_rto,
    },
    Rule {
        code: "L305",
        name: "look-outlasts-deadline",
        severity: Severity::Warning,
        what: "one look may take longer than the deadline of all looks",
        why: "A look that hangs is ended by its `timeout` alone. Where that is longer than `within`, one silent \
              address makes the step late by itself, and it is never looked at a second time: a primary that is \
              dead and does not say so is what such checks wait for.",
        fix: "Make `timeout` shorter than `within`, so that a second look fits in.",
        breaks: &[r#"[[step]]
id = "public"
kind = "services"
at = "public"
within = "20s"
timeout = "1m"
"#],
        keeps: &[r#"[[step]]
id = "public"
kind = "services"
at = "public"
within = "20s"
timeout = "5s"
"#],
        find: look_outlasts_deadline,
    },
    Rule {
        code: "L306",
        name: "look-above-rto",
        severity: Severity::Warning,
        what: "one look may take longer than the whole failover",
        why: "A check that is allowed to hang for longer than the RTO breaks the promise before anything has been \
              decided. A failover that waited for ever for an unreachable primary was mended in a well-known \
              database operator only in 2026.",
        fix: "Give the step a `timeout` that is a small part of the RTO, and look at less: `index-only`, fewer hosts.",
        breaks: &[r#"[[step]]
id = "works"
kind = "services"
at = "target"
timeout = "20m"
"#],
        keeps: &[r#"[[step]]
id = "works"
kind = "services"
at = "target"
timeout = "10s"
"#],
        find: look_above_rto,
    },
    Rule {
        code: "L307",
        name: "ttl-outlasts-look",
        severity: Severity::Warning,
        what: "moved records get a TTL that is longer than the look at the way back waits",
        why: "Caches may hold the moved records for as long as their TTL. On the way back `propagation` looks at the \
              caches that it watches until its `within` is over; where that is shorter than the TTL, one that has \
              just been asked is late, and a drill that has come back is held all the same.",
        fix: "Give `propagation` a `within` that is longer than the `ttl` of the `dns` step, or lower that. \
              `resolvers = []` in the zone watches no cache.",
        breaks: &[
            WORKS,
            FLIP,
            r#"[[step]]
id = "published"
kind = "propagation"
within = "30s"
"#,
            PUBLIC,
        ],
        keeps: &[
            WORKS,
            FLIP,
            r#"[[step]]
id = "published"
kind = "propagation"
within = "2m"
"#,
            PUBLIC,
        ],
        find: ttl_outlasts_look,
    },
];

fn no_rto(view: &View<'_>) -> Vec<Finding> {
    if view.book.objectives().rto.is_some() || view.writes().next().is_none() {
        return Vec::new();
    }
    let head = view.book.places().head();
    let finding = Finding::at(
        head.span_of("name"),
        format!("`{}` promises no RTO", view.book.name()),
    )
    .label("how long may it take?")
    .hint("add `rto = \"15m\"`: from the decision until the target is seen to serve");
    vec![finding]
}

fn rto(view: &View<'_>) -> Option<Duration> {
    view.book.objectives().rto.map(|rto| rto.0)
}

/// How long one step may take by what it says; what runs beside it is another matter.
fn longest(step: &Seen<'_>) -> Duration {
    match step.step.work {
        Work::Wait { time } => time,
        Work::Check(_) | Work::Change(_) => step.step.common.within,
        Work::Act(_) | Work::Ask { .. } => Duration::ZERO,
    }
}

/// The steps that one kind of run waits for, one of each batch of checks, in their order.
fn path<'v, 'a>(view: &'v View<'a>, run: When) -> Vec<&'v Seen<'a>> {
    let mut path: Vec<&Seen<'_>> = Vec::new();
    let mut in_batch = false;
    for step in view.steps.iter().filter(|step| step.takes_part(run)) {
        match path.last_mut() {
            Some(last) if in_batch && step.is_check() => {
                if longest(step) > longest(last) {
                    *last = step;
                }
            }
            _ => path.push(step),
        }
        in_batch = step.is_check();
    }
    path
}

fn waits_above_rto(view: &View<'_>) -> Vec<Finding> {
    let Some(rto) = rto(view) else {
        return Vec::new();
    };
    for run in THERE {
        let waits = view.steps.iter().filter(|step| step.takes_part(run));
        let mut sum = Duration::ZERO;
        for step in waits {
            if let Work::Wait { time } = step.step.work {
                sum += time;
            }
            if sum > rto {
                let message = format!(
                    "the waits of this playbook take {} or more, and its RTO is {}",
                    format_duration(sum),
                    format_duration(rto)
                );
                let finding = step
                    .finding("time", message)
                    .label("from here on the promise is broken")
                    .hint("wait for something that can be seen, with `within`; or promise less");
                return vec![finding];
            }
        }
    }
    Vec::new()
}

fn worst_case_above_rto(view: &View<'_>) -> Vec<Finding> {
    let Some(rto) = rto(view) else {
        return Vec::new();
    };
    if !waits_above_rto(view).is_empty() {
        return Vec::new();
    }
    let sums = THERE.map(|run| {
        (
            path(view, run).into_iter().map(longest).sum::<Duration>(),
            run,
        )
    });
    let Some((worst, run)) = sums.into_iter().max_by_key(|(sum, _)| *sum) else {
        return Vec::new();
    };
    if worst <= rto {
        return Vec::new();
    }
    let mut path = path(view, run);
    path.sort_by_key(|step| std::cmp::Reverse(longest(step)));
    let parts = (path.iter().take(3))
        .filter(|step| !longest(step).is_zero())
        .map(|step| format!("`{}` ({})", step.id(), format_duration(longest(step))));
    let only = match sums.iter().all(|(sum, _)| *sum == worst) {
        true => String::new(),
        false => format!("{} ", in_runs(&[run])),
    };
    let message = format!(
        "{only}the steps may take {}, and the RTO is {}",
        format_duration(worst),
        format_duration(rto)
    );
    let finding = Finding::at(view.book.places().head().span_of("rto"), message)
        .label("kept only where things go well")
        .hint(format!(
            "the longest: {}; shorten a `within`, or promise what can be kept",
            parts.collect::<Vec<_>>().join(", ")
        ));
    vec![finding]
}

fn ttl_above_rto(view: &View<'_>) -> Vec<Finding> {
    let Some(rto) = rto(view) else {
        return Vec::new();
    };
    view.flips()
        .filter_map(|flip| {
            let ttl = flip.fields.span("ttl").filter(|ttl| *ttl > rto)?;
            let message = format!(
                "caches may hold what `{}` writes for {}, and the RTO is {}",
                flip.id(),
                format_duration(ttl),
                format_duration(rto)
            );
            let finding = flip
                .finding("ttl", message)
                .label("the way back would take so long")
                .hint("write `ttl = \"60s\"`");
            Some(finding)
        })
        .collect()
}

fn ttl_outlasts_look(view: &View<'_>) -> Vec<Finding> {
    let mut zones = view.book.zones().values();
    // `[]` means that none is watched; left out, this machine's are.
    let watched = zones.any(|zone| zone.resolvers.as_ref().is_none_or(|all| !all.is_empty()));
    let ttls = view.flips().filter_map(|flip| flip.fields.span("ttl"));
    let Some(ttl) = ttls.max().filter(|_| watched) else {
        return Vec::new();
    };
    view.checks()
        .filter(|check| check.step.kind.name == "propagation" && check.has_teeth())
        .filter(|check| check.step.common.within < ttl)
        .map(|check| {
            let message = format!(
                "caches may hold what is written for {}, and `{}` waits for them for {}",
                format_duration(ttl),
                check.id(),
                format_duration(check.step.common.within)
            );
            check
                .finding("within", message)
                .label("the way back would be late")
                .hint(format!(
                    "write `within = \"{}\"` or more",
                    format_duration(ttl * 2)
                ))
        })
        .collect()
}

fn look_outlasts_deadline(view: &View<'_>) -> Vec<Finding> {
    view.checks()
        .filter_map(|check| {
            let common = &check.step.common;
            let key = (["timeout", "within"].into_iter()).find(|key| check.fields.has(key))?;
            if common.within.is_zero() || common.timeout <= common.within {
                return None;
            }
            let message = format!(
                "one look of `{}` may take {}, and all of them have {}",
                check.id(),
                format_duration(common.timeout),
                format_duration(common.within)
            );
            let finding = check
                .finding(key, message)
                .label("a look that hangs uses up the deadline")
                .hint("give it a `timeout` of half of `within`, or less");
            Some(finding)
        })
        .collect()
}

fn look_above_rto(view: &View<'_>) -> Vec<Finding> {
    let Some(rto) = rto(view) else {
        return Vec::new();
    };
    view.checks()
        .filter_map(|check| {
            let timeout = check
                .fields
                .span("timeout")
                .filter(|timeout| *timeout > rto)?;
            let message = format!(
                "one look of `{}` may take {}, and the whole failover {}",
                check.id(),
                format_duration(timeout),
                format_duration(rto)
            );
            let finding = check
                .finding("timeout", message)
                .label("longer than the RTO")
                .hint("a look that takes so long belongs before the decision: `cutover check`");
            Some(finding)
        })
        .collect()
}
