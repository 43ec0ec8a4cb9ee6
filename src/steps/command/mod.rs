//! Runs a program on a host or here: a look by declaration, a change that can be read, or an act.

mod act;
mod change;
mod look;

use std::time::Duration;

use crate::clock::short;
use crate::event::{Cause, Unseen};
use crate::field::{Field, Fields, Form};
use crate::plan::IfInterrupted;
use crate::problem::{Problem, did_you_mean};
use crate::site::{Aim, Site};
use crate::step::{Blocks, Built, Defaults, Given, Kind, OnFail, Work};
use crate::world::exec::{LEAST, Output, Reach, Via, quoted};

pub(super) static KIND: Kind = Kind {
    name: "command",
    summary: "a program on a host: one that only looks, a change with `read`, or an act with `undo`",
    example: r#"[[step]]
id = "jobs"
kind = "command"
on = "target"
read = ["systemctl", "is-active", "jobs.timer"]
want = "active"
run = ["systemctl", "start", "jobs.timer"]
undo = ["systemctl", "stop", "jobs.timer"]
"#,
    fields: &[
        Field::new(
            "run",
            Form::Program,
            "The program and its arguments; no shell reads them",
        )
        .one_of(RUN),
        Field::new("shell", Form::Text, "A line for `sh -c`, instead of `run`").one_of(RUN),
        Field::new(
            "on",
            Form::Text,
            "Where it runs: `source`, `target`, a host, or `local`",
        )
        .required(),
        Field::new(
            "looks-only",
            Form::Bool,
            "It changes nothing, on your word: exit status 0 passes, and a dry run runs it too",
        ),
        Field::new(
            "expect",
            Form::Text,
            "With `looks-only`: a text that it must print",
        ),
        Field::new(
            "read",
            Form::Program,
            "A program that only looks and prints the present value: makes the step a change",
        ),
        Field::new(
            "want",
            Form::Text,
            "With `read`: what it shall print afterwards; `run` gets this on its standard input",
        ),
        Field::new(
            "undo",
            Form::Program,
            "What puts it back; a change gives it on its standard input what `read` printed before, byte by byte",
        ),
        Field::new(
            "if-interrupted",
            Form::Choice(&["again", "skip", "hold"]),
            "What to do with an act that was cut off between intent and answer; `hold` by default; whoever resumes the run makes it `again` after the looks that led to it",
        ),
    ],
    defaults: Defaults {
        within: Duration::ZERO,
        every: Duration::from_secs(5),
        timeout: TIMEOUT,
        blocks: Blocks::Planned,
        on_fail: OnFail::Back,
    },
    build,
};

const TIMEOUT: Duration = Duration::from_secs(60);

/// How long after the time-out a program that writes has surely been ended, here and on the far side.
const LANDING: Duration = Duration::from_secs(5);

/// How many lines of output are kept, from the end.
const LINES: usize = 40;
/// How much of each of them, in characters.
const LINE: usize = 300;

const RUN: &[&str] = &["run", "shell"];

fn build(fields: &Fields, given: &Given) -> Result<Built, Vec<Problem>> {
    let mut problems = Vec::new();
    let run = match fields.text("shell") {
        Some(line) => vec!["sh".into(), "-c".into(), line.to_owned()],
        None => fields.texts("run").to_vec(),
    };
    let place = fields.text("on").unwrap_or_default();
    let on = On::of(place, given).unwrap_or_else(|near| {
        let mut problem = Problem::error(
            "no-such-host",
            fields.span_of("on"),
            format!("`{place}` is no host of the playbook"),
        )
        .label("not `source`, `target`, `local`, nor a host");
        if let Some(near) = near {
            problem = problem.hint(format!("did you mean `{near}`?"));
        }
        problems.push(problem);
        On::Local
    });
    let looks_only = fields.bool("looks-only") == Some(true);
    let nature = if looks_only {
        "a step that only looks"
    } else if fields.has("read") {
        "a change"
    } else {
        "an act"
    };
    let unfit: &[(&str, &str)] = if looks_only {
        &[
            ("read", "leave `looks-only` out"),
            ("want", "write `expect`"),
            ("undo", "there is nothing to undo"),
            ("if-interrupted", "it is run again"),
        ]
    } else if fields.has("read") {
        &[
            ("expect", "write `want`"),
            ("if-interrupted", "its `read` shows how far it came"),
        ]
    } else {
        &[
            ("want", "write the `read` that shows it"),
            ("expect", "write `looks-only = true`, if it changes nothing"),
        ]
    };
    for (key, hint) in unfit {
        if fields.has(key) {
            problems.push(
                Problem::error(
                    "does-not-fit",
                    fields.span_of(key),
                    format!("`{key}` does not fit {nature}"),
                )
                .hint(*hint),
            );
        }
    }
    if fields.has("read") && !looks_only {
        for (key, hint) in [
            ("want", "write what `read` prints when the change is made"),
            (
                "undo",
                "write what puts it back; without `read` the step may be an act that cannot be undone",
            ),
        ] {
            if !fields.has(key) {
                problems.push(
                    Problem::error(
                        "incomplete-change",
                        fields.span_of("read"),
                        format!("a change with `read` needs `{key}`"),
                    )
                    .hint(hint),
                );
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let title = format!("run {} {on}", super::probe::excerpt(&quoted(&run)));
    let undo = fields.texts("undo").to_vec();
    let timeout = fields.span("timeout").unwrap_or(TIMEOUT);
    let work = if looks_only {
        Work::Check(Box::new(look::Looking {
            run,
            on,
            expect: fields.text("expect").map(str::to_owned),
            timeout,
        }))
    } else if fields.has("read") {
        Work::Change(Box::new(change::Changing {
            step: given.id.to_owned(),
            read: fields.texts("read").to_vec(),
            want: fields.text("want").unwrap_or_default().trim().to_owned(),
            run,
            undo,
            on,
            timeout,
        }))
    } else {
        Work::Act(Box::new(act::Acting {
            run,
            undo: Some(undo).filter(|undo| !undo.is_empty()),
            on,
            if_interrupted: match fields.text("if-interrupted") {
                Some("again") => IfInterrupted::Again,
                Some("skip") => IfInterrupted::Skip,
                _ => IfInterrupted::Hold,
            },
            timeout,
        }))
    };
    Ok(Built {
        title,
        work,
        probes_old_side: false,
        after_change: false,
        answers: None,
    })
}

/// Where a program runs.
#[derive(Clone, Debug, PartialEq, Eq)]
enum On {
    Source,
    Target,
    Host(String),
    Local,
}

impl On {
    /// The place that a playbook names; else the nearest that it may have meant.
    fn of<'a>(word: &str, given: &Given<'a>) -> Result<On, Option<&'a str>> {
        if given.hosts.iter().any(|host| host == word) {
            return Ok(On::Host(word.to_owned()));
        }
        match word {
            "source" => Ok(On::Source),
            "target" => Ok(On::Target),
            "local" => Ok(On::Local),
            _ => {
                let known = given.hosts.iter().map(String::as_str);
                Err(did_you_mean(
                    word,
                    known.chain(["source", "target", "local"]),
                ))
            }
        }
    }

    /// The ids of the hosts, or `local`.
    fn hosts(&self, site: &Site, aim: &Aim) -> Vec<String> {
        let of = |name: &str| site.hosts_of(name).map(|host| host.name.clone()).collect();
        match self {
            On::Target => of(&aim.active),
            On::Source => of(&aim.idle),
            On::Host(name) => vec![name.clone()],
            On::Local => vec![HERE.to_owned()],
        }
    }
}

impl std::fmt::Display for On {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            On::Source => f.write_str("on the source"),
            On::Target => f.write_str("on the target"),
            On::Host(name) => write!(f, "on {name}"),
            On::Local => f.write_str("here"),
        }
    }
}

/// The name of this machine where a host's id belongs; a host of this name comes first.
const HERE: &str = "local";

/// How a host of [`On::hosts`] is reached.
fn reach(site: &Site, host: &str) -> Result<Reach, Unseen> {
    match site.hosts.get(host) {
        Some(found) => found.reach.clone().ok_or_else(|| {
            let detail = format!("nothing can be run on `{host}`: it names no `ssh`");
            Unseen::new(Cause::Missing, detail)
        }),
        None if host == HERE => Ok(Reach {
            name: HERE.into(),
            via: Via::Local,
            sudo: false,
        }),
        None => Err(Unseen::new(
            Cause::Missing,
            format!("`{host}` is no host of the playbook"),
        )),
    }
}

/// Which machine a host is, whatever its playbook calls it. Colleagues who share a store of runs each have a machine
/// that is here.
fn machine(site: &Site, host: &str, here: &str) -> String {
    match reach(site, host).map(|reach| reach.via) {
        Ok(Via::Local) => format!("here ({here})"),
        // Where the configuration of ssh lies is no matter of the machine: a copy of a playbook may have it elsewhere.
        Ok(Via::Ssh { destination, .. }) => format!("on {destination}"),
        Err(_) => format!("on {host}"),
    }
}

/// Why a write would be refused wherever it runs, with this time-out; it is asked before anything is written.
fn too_short(timeout: Duration) -> Option<String> {
    // Until it runs, the intent is made durable.
    let least = (LEAST + Duration::from_secs(1)).saturating_sub(LANDING);
    (timeout < least).then(|| {
        format!(
            "the step's `timeout` of {} leaves no time to run a program and to end it: give it {} or more",
            short(timeout),
            short(least)
        )
    })
}

/// The exit status of a program that ran; why it tells nothing where it did not.
fn ran(argv: &[String], output: &Output) -> Result<i32, Unseen> {
    let program = argv.first().map_or("", String::as_str);
    match output.status {
        _ if output.missing => Err(Unseen::new(
            Cause::Missing,
            format!("`{program}` cannot be run there: there is no such program that may be run"),
        )),
        Some(status) => Ok(status),
        None => Err(Unseen::new(
            Cause::Error,
            format!("`{program}` was ended by a signal"),
        )),
    }
}

/// The last lines of an output, fit for the screen.
fn tail(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(LINES)..]
        .iter()
        .map(|line| super::probe::one_line(line, LINE))
        .collect()
}

#[cfg(test)]
mod tests;
