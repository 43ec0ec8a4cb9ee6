//! Changes: what stands before them, what stands after them, and whether there is a way back.

use std::collections::BTreeMap;

use super::Rule;
use super::example::{FLIP, PUBLIC, START, START_READ, WORKS};
use super::view::{Does, Finding, Seen, THERE, View, list, sentence};
use crate::plan::Way;
use crate::problem::Severity;
use crate::step::{Blocks, When, Work};

const PUBLISHED: &str = r#"[[step]]
id = "published"
kind = "propagation"
within = "5m"
"#;

const FREEZE: &str = r#"[[step]]
id = "freeze"
kind = "command"
on = "local"
run = ["deploy", "lock"]
undo = ["deploy", "unlock"]
if-interrupted = "again"
temporary = true
"#;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "L101",
        name: "unchecked-change",
        severity: Severity::Error,
        what: "a change without a check before it",
        why: "Whatever is changed unseen is changed for the worse sooner or later: a hook that was meant to look \
              first failed and nobody heard it, because the topology had been rewritten by then. A switchover \
              tool ran its dry run green and left the primary shut down.",
        fix: "Put a check above the change that stops the run: `services` with `at = \"target\"`, `mirror`, \
              `packages`.",
        breaks: &[FLIP, WORKS, PUBLIC],
        keeps: &[WORKS, FLIP, PUBLIC],
        find: unchecked_change,
    },
    Rule {
        code: "L102",
        name: "unverified-change",
        severity: Severity::Error,
        what: "a change without a verification after it",
        why: "Tools say done and it was not: a migration was recorded as completed while its task had been \
              aborted; a switchover script ended with status 0 on every error. Success is what was seen \
              afterwards, on the way there and on a drill's way back.",
        fix: "Put checks below the change: `propagation`, `services` with `at = \"public\"`, `traffic`.",
        breaks: &[WORKS, FLIP],
        keeps: &[WORKS, FLIP, PUBLIC],
        find: unverified_change,
    },
    Rule {
        code: "L103",
        name: "toothless-verification",
        severity: Severity::Error,
        what: "every verification of a change is only noted when it fails",
        why: "A step that failed was written to the log, and the plan went on: that is how commands at the top of \
              a recovery plan behave in a well-known product. A verification whose failure changes nothing is a \
              line of text.",
        fix: "Leave out `on-fail = \"warn\"` at one verification at least.",
        breaks: &[
            WORKS,
            FLIP,
            r#"[[step]]
id = "public"
kind = "services"
at = "public"
on-fail = "warn"
"#,
        ],
        keeps: &[
            WORKS,
            FLIP,
            r#"[[step]]
id = "public"
kind = "services"
at = "public"
on-fail = "hold"
"#,
        ],
        find: toothless_verification,
    },
    Rule {
        code: "L104",
        name: "early-verification",
        severity: Severity::Error,
        what: "a verification stands before the change that it shall verify",
        why: "Before the names move, no name server has the new records and no request arrives at the target: such \
              a step stops every run, or, where it is told not to block, shows nothing. Records that are changed \
              in seconds while the traffic follows after a quarter of an hour are the usual case, so the look \
              must come afterwards.",
        fix: "Move the step below the `dns` step.",
        breaks: &[WORKS, PUBLISHED, FLIP, PUBLIC],
        keeps: &[WORKS, FLIP, PUBLISHED, PUBLIC],
        find: early_verification,
    },
    Rule {
        code: "L105",
        name: "point-of-no-return",
        severity: Severity::Warning,
        what: "a step cannot be undone: whatever fails after it, there is no whole way back",
        why: "A partition of 43 seconds became a day of repair because both sides had written and neither could be \
              left; a rollback that restores the network and not the daemon is no rollback. Where there is no way \
              back, a person should have said so beforehand.",
        fix: "Give the step an `undo`; or a `read`, a `want` and an `undo`, which make it a change; or allow it with \
              the reason why nothing need be put back.",
        breaks: &[r#"[[step]]
id = "start-timers"
kind = "command"
on = "target"
run = ["systemctl", "start", "billing.timer"]
if-interrupted = "again"
"#],
        keeps: &[START],
        find: point_of_no_return,
    },
    Rule {
        code: "L106",
        name: "unsettled-act",
        severity: Severity::Warning,
        what: "nobody can tell whether a step was done when it is cut off, and it does not say what to do then",
        why: "The operator's connection broke in the middle of the switch, at two switches a year apart. A change \
              that can be read is settled by looking; an act cannot be, so after such a cut the run waits for a \
              person, at three in the morning, who does not know either.",
        fix: "Say whether it may run twice: `if-interrupted = \"again\"`, `\"skip\"` or `\"hold\"`; or give a `read` \
              and a `want`.",
        breaks: &[r#"[[step]]
id = "start-timers"
kind = "command"
on = "target"
run = ["systemctl", "start", "billing.timer"]
undo = ["systemctl", "stop", "billing.timer"]
"#],
        keeps: &[START_READ],
        find: unsettled_act,
    },
    Rule {
        code: "L107",
        name: "moved-twice",
        severity: Severity::Error,
        what: "two steps of one run move the same names",
        why: "The second step finds nothing to move, or another value than the plan has seen, and then the run stops \
              as if somebody else had written. Two writers of one record set are how a cloud's own endpoint lost \
              its last address in 2025.",
        fix: "Let each name be moved by one step; or let the steps take part in different runs with `when`.",
        breaks: &[
            WORKS,
            FLIP,
            r#"[[step]]
id = "flip-www"
kind = "dns"
names = ["www.site.example"]
ttl = "60s"
"#,
            PUBLIC,
        ],
        keeps: &[WORKS, FLIP, PUBLIC],
        find: moved_twice,
    },
    Rule {
        code: "L108",
        name: "pointless-temporary",
        severity: Severity::Warning,
        what: "a temporary change after which nothing happens",
        why: "What is temporary is undone when the run ends. A freeze of deployments that stands at the end of the \
              list is made and lifted in one breath, and protects nothing: one large failover locked its \
              deployments a quarter of an hour too late.",
        fix: "Move it above the steps that need it, or take `temporary` out.",
        breaks: &[WORKS, FLIP, PUBLIC, FREEZE],
        keeps: &[FREEZE],
        find: pointless_temporary,
    },
    Rule {
        code: "L109",
        name: "temporary-for-good",
        severity: Severity::Error,
        what: "a temporary change has no undo",
        why: "`temporary` promises that the change is gone when the run has ended. Without an `undo` it stays, and the \
              next deployment, backup or cron job finds the lock that nobody lifted.",
        fix: "Write the `undo`.",
        breaks: &[r#"[[step]]
id = "freeze"
kind = "command"
on = "local"
run = ["deploy", "lock"]
if-interrupted = "again"
temporary = true
allow = [{ rule = "point-of-no-return", reason = "the other rule is shown here" }]
"#],
        keeps: &[FREEZE],
        find: temporary_for_good,
    },
];

/// A check that stops the run, and looks at something that is there before the change.
fn is_gate(check: &Seen<'_>, view: &View<'_>, run: When) -> bool {
    match view.is_before_first_write(check, run) {
        true => !check.step.after_change && check.step.common.blocks != Blocks::Never,
        false => check.has_teeth(),
    }
}

fn unchecked_change(view: &View<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<usize, Vec<When>> = BTreeMap::new();
    for run in THERE {
        let Some(first) = view.lasting().find(|step| step.takes_part(run)) else {
            continue;
        };
        let checked = view
            .checks()
            .take_while(|check| check.index < first.index)
            .any(|check| check.takes_part(run) && is_gate(check, view, run));
        if !checked {
            found.entry(first.index).or_default().push(run);
        }
    }
    (found.into_iter())
        .map(|(index, runs)| {
            let step = &view.steps[index];
            let rest = format!("`{}` changes something with no check before it", step.id());
            step.finding("id", sentence(&runs, &rest))
                .label("nothing that was looked at can stop this")
                .hint("put a check above it: `kind = \"services\"` with `at = \"target\"`")
        })
        .collect()
}

/// The checks after a change in one kind of run.
fn verifications<'v, 'a>(
    view: &'v View<'a>,
    change: &'v Seen<'a>,
    run: When,
) -> impl Iterator<Item = &'v Seen<'a>> {
    view.checks()
        .filter(move |check| check.index > change.index && check.takes_part(run))
}

fn unverified_change(view: &View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for change in view.lasting() {
        // A drill comes back by the same list, so what it changed is verified there once more.
        let returns = change.takes_part(When::Drill).then_some(When::Return);
        let lacking: Vec<When> = (change.runs().chain(returns))
            .filter(|run| verifications(view, change, *run).next().is_none())
            .collect();
        if lacking.is_empty() {
            continue;
        }
        let rest = format!("nothing verifies `{}`", change.id());
        findings.push(
            change
                .finding("id", sentence(&lacking, &rest))
                .label("no check stands below this")
                .hint(
                    "look afterwards: `propagation`, `services` with `at = \"public\"`, `traffic`",
                ),
        );
    }
    findings
}

fn toothless_verification(view: &View<'_>) -> Vec<Finding> {
    let mut blamed: BTreeMap<usize, &Seen<'_>> = BTreeMap::new();
    for change in view.lasting() {
        for run in change.runs() {
            let checks: Vec<&Seen<'_>> = verifications(view, change, run).collect();
            if let Some(last) = checks.last()
                && checks.iter().all(|check| !check.has_teeth())
            {
                blamed.entry(last.index).or_insert(change);
            }
        }
    }
    (blamed.into_iter())
        .map(|(index, change)| {
            let check = &view.steps[index];
            let message = format!(
                "when `{}` fails, nothing follows from it, and no other check verifies `{}`",
                check.id(),
                change.id()
            );
            check
                .finding("on-fail", message)
                .label("a failure is only noted")
                .hint("write `on-fail = \"back\"`, which goes back by itself, or `\"hold\"`, which asks a person")
        })
        .collect()
}

fn early_verification(view: &View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for check in view.checks() {
        if !matches!(check.does, Does::Propagation | Does::Traffic) {
            continue;
        }
        let early = |run: &When| {
            let flips = || view.flips().filter(|flip| flip.takes_part(*run));
            flips().next().is_some() && flips().all(|flip| flip.index > check.index)
        };
        let runs: Vec<When> = check.runs().filter(early).collect();
        let Some(flip) = view.flips().find(|flip| flip.index > check.index) else {
            continue;
        };
        if !runs.is_empty() {
            let rest = format!(
                "`{}` looks for what `{}` has yet to change",
                check.id(),
                flip.id()
            );
            findings.push(
                check
                    .finding("id", sentence(&runs, &rest))
                    .label(format!("stands above `{}`", flip.id()))
                    .beside(flip, "changes it")
                    .hint(format!("move it below `{}`", flip.id())),
            );
        }
    }
    findings
}

fn has_no_undo(step: &Seen<'_>) -> bool {
    matches!(&step.step.work, Work::Act(act) if act.command(Way::Back).is_none())
}

fn point_of_no_return(view: &View<'_>) -> Vec<Finding> {
    (view.writes().filter(|step| has_no_undo(step)))
        .map(|step| {
            let before: Vec<&str> = (view.writes())
                .take_while(|earlier| earlier.index < step.index)
                .map(Seen::id)
                .collect();
            let label = match before.as_slice() {
                [] => "the point of no return; no change stands before it".to_owned(),
                some => format!("the point of no return; before it stands {}", list(some)),
            };
            let message = format!("`{}` cannot be undone: it has no `undo`", step.id());
            step.finding("run", message).label(label).hint(
                "write `undo = [\"…\"]`, or allow it with the reason why nothing need be put back",
            )
        })
        .collect()
}

fn unsettled_act(view: &View<'_>) -> Vec<Finding> {
    let declares = |step: &Seen<'_>| {
        let mut fields = step.step.kind.fields.iter();
        fields.any(|field| field.name == "if-interrupted")
    };
    (view.writes())
        .filter(|step| matches!(step.step.work, Work::Act(_)) && declares(step))
        .filter(|step| !step.fields.has("if-interrupted"))
        .map(|step| {
            let message = format!(
                "cut off in the middle of `{}`, a run cannot tell whether it was done",
                step.id()
            );
            step.finding("id", message)
                .label("nothing shows whether this was done")
                .hint("add `if-interrupted = \"again\"` where it may run twice, else `\"skip\"` or `\"hold\"`")
        })
        .collect()
}

fn moved_twice(view: &View<'_>) -> Vec<Finding> {
    let flips: Vec<&Seen<'_>> = view.flips().collect();
    let mut findings = Vec::new();
    for (i, later) in flips.iter().enumerate() {
        for earlier in &flips[..i] {
            let together = earlier.runs().any(|run| later.takes_part(run));
            let names = view.moved_by(earlier);
            let both: Vec<String> = (view.moved_by(later).into_iter())
                .filter(|name| names.contains(name))
                .collect();
            if together && !both.is_empty() {
                let key = ["records", "names", "services"]
                    .into_iter()
                    .find(|key| later.fields.has(key))
                    .unwrap_or("id");
                let message = format!("`{}` moves {} once more", later.id(), list(&both));
                findings.push(
                    later
                        .finding(key, message)
                        .label(format!("moved by `{}` already", earlier.id()))
                        .beside(earlier, "moves it first")
                        .hint("let one step move each name, or let them take part in different runs with `when`"),
                );
            }
        }
    }
    findings
}

fn temporary<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = &'v Seen<'a>> {
    view.writes().filter(|step| step.step.common.temporary)
}

fn pointless_temporary(view: &View<'_>) -> Vec<Finding> {
    temporary(view)
        .filter(|step| {
            !view.steps[step.index + 1..].iter().any(|later| {
                later.runs().any(|run| step.takes_part(run)) && !later.step.common.temporary
            })
        })
        .map(|step| {
            let message = format!("nothing happens between `{}` and its undo", step.id());
            step.finding("temporary", message)
                .label("undone as soon as it is made")
                .hint("move it above the steps that need it")
        })
        .collect()
}

fn temporary_for_good(view: &View<'_>) -> Vec<Finding> {
    temporary(view)
        .filter(|step| has_no_undo(step))
        .map(|step| {
            let message = format!("`{}` is temporary and cannot be undone", step.id());
            step.finding("temporary", message)
                .label("it would stay for good")
                .hint("write `undo = [\"…\"]`")
        })
        .collect()
}
