//! Programs that a playbook runs.

use super::Rule;
use super::view::{Does, Finding, Seen, View};
use crate::playbook::outside_quotes;
use crate::problem::Severity;
use crate::secret;
use crate::step::Work;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "L701",
        name: "secret-in-command",
        severity: Severity::Error,
        what: "a command's arguments hold a secret",
        why: "Whoever is logged in sees the arguments of every program, and the plan, the journal and the report of each \
              run show them too. A secret in a playbook is also in its repository, for good.",
        fix: "Let the program read it from a file or from its own configuration, and change the secret: it was written \
              down.",
        breaks: &[r#"[[step]]
id = "replica"
kind = "command"
on = "target"
looks-only = true
run = ["mysqladmin", "--password=hunter2", "ping"]
expect = "alive"
"#],
        keeps: &[r#"[[step]]
id = "replica"
kind = "command"
on = "target"
looks-only = true
run = ["mysqladmin", "--defaults-extra-file=/etc/cutover/my.cnf", "ping"]
expect = "alive"
"#],
        find: secret_in_command,
    },
    Rule {
        code: "L702",
        name: "undeclared-look",
        severity: Severity::Warning,
        what: "a command that seems only to look is not declared so",
        why: "Without `looks-only` the step is an act: a dry run leaves it out, its result stops nothing before the first \
              write, and it counts as a change that cannot be undone. The dry run that passed, and the real run that \
              broke on something that could have been seen, is the oldest complaint about switchover tools.",
        fix: "Add `looks-only = true`; then it is a check, and a dry run runs it too.",
        breaks: &[r#"[[step]]
id = "disk"
kind = "command"
on = "target"
run = ["test", "-w", "/srv"]
allow = [
  { rule = "point-of-no-return", reason = "the other rule is shown here" },
  { rule = "unsettled-act", reason = "the other rule is shown here" },
]
"#],
        keeps: &[r#"[[step]]
id = "disk"
kind = "command"
on = "target"
looks-only = true
run = ["test", "-w", "/srv"]
"#],
        find: undeclared_look,
    },
    Rule {
        code: "L703",
        name: "writes-while-looking",
        severity: Severity::Error,
        what: "a command that is declared only to look changes something",
        why: "A dry run believes `looks-only` and runs the program for real. A preview that changed the name servers of a \
              domain, and another that created zones, are known from DNS tools.",
        fix: "Take `looks-only` out, and give the step an `undo`; or run something that only looks.",
        breaks: &[r#"[[step]]
id = "timer"
kind = "command"
on = "target"
looks-only = true
run = ["systemctl", "start", "billing.timer"]
"#],
        keeps: &[r#"[[step]]
id = "timer"
kind = "command"
on = "target"
looks-only = true
run = ["systemctl", "is-enabled", "billing.timer"]
"#],
        find: writes_while_looking,
    },
    Rule {
        code: "L704",
        name: "needless-shell",
        severity: Severity::Warning,
        what: "a shell runs a line that needs none",
        why: "A shell splits words, fills in variables and goes on after an error; a path with a blank in it has removed \
              whole trees. A list of arguments is handed to the program as it is written.",
        fix: "Write `run = [\"program\", \"argument\"]`.",
        breaks: &[r#"[[step]]
id = "replica"
kind = "command"
on = "target"
looks-only = true
shell = "pg_isready --quiet"
"#],
        keeps: &[r#"[[step]]
id = "replica"
kind = "command"
on = "target"
looks-only = true
run = ["pg_isready", "--quiet"]
"#],
        find: needless_shell,
    },
    Rule {
        code: "L705",
        name: "cannot-fail",
        severity: Severity::Error,
        what: "a command that only looks ends with status 0 whatever it sees",
        why: "A switchover script that ended with status 0 on every error, and did nothing where the far side could not be \
              reached, was found only after it had been trusted for a long time.",
        fix: "Take `|| true` out, or say what must be printed with `expect`.",
        breaks: &[r#"[[step]]
id = "replica"
kind = "command"
on = "target"
looks-only = true
shell = "pg_isready --quiet || true"
"#],
        keeps: &[r#"[[step]]
id = "replica"
kind = "command"
on = "target"
looks-only = true
shell = "pg_isready --quiet && pg_lsclusters | grep -q online"
"#],
        find: cannot_fail,
    },
];

/// The steps that run a program of their own.
fn commands<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = &'v Seen<'a>> {
    view.steps
        .iter()
        .filter(|step| matches!(step.does, Does::Run(_)))
}

/// The commands of a step's line: one, or those that a shell would run one after the other.
fn programs<'a>(step: &Seen<'a>) -> Vec<Vec<&'a str>> {
    let run = step.fields.texts("run");
    match shell_line(step) {
        Some(line) => split(line),
        None => vec![run.iter().map(String::as_str).collect()],
    }
}

/// Where a step says what it runs.
fn program_key(step: &Seen<'_>) -> &'static str {
    match step.fields.has("shell") {
        true => "shell",
        false => "run",
    }
}

/// What a shell is given: by `shell`, or as `sh -c`.
fn shell_line<'a>(step: &Seen<'a>) -> Option<&'a str> {
    let run: Vec<&str> = step
        .fields
        .texts("run")
        .iter()
        .map(String::as_str)
        .collect();
    match (step.fields.text("shell"), run.as_slice()) {
        (Some(line), _) => Some(line),
        (None, [shell, "-c", line]) if matches!(name(shell), "sh" | "bash" | "dash") => Some(line),
        _ => None,
    }
}

/// The simple commands of a line, roughly: quotes are not understood.
fn split(line: &str) -> Vec<Vec<&str>> {
    line.split(['|', ';', '&', '\n', '(', ')'])
        .map(|part| part.split_whitespace().collect::<Vec<_>>())
        .filter(|words| !words.is_empty())
        .collect()
}

fn name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// The program and its arguments, without what only says how it is run.
fn bare<'w, 'a>(words: &'w [&'a str]) -> &'w [&'a str] {
    match words {
        ["sudo" | "env", rest @ ..] => match rest {
            ["-n", rest @ ..] => bare(rest),
            rest => bare(rest),
        },
        ["timeout", time, rest @ ..] if time.starts_with(|c: char| c.is_ascii_digit()) => {
            bare(rest)
        }
        words => words,
    }
}

/// Programs that change nothing, whatever their arguments.
const LOOKERS: &[&str] = &[
    "[",
    "cat",
    "cmp",
    "df",
    "diff",
    "dig",
    "du",
    "findmnt",
    "getent",
    "grep",
    "head",
    "host",
    "id",
    "ls",
    "mountpoint",
    "pg_isready",
    "pgrep",
    "ping",
    "sha256sum",
    "ss",
    "stat",
    "tail",
    "test",
    "uptime",
    "wc",
];

/// Programs that change something, whatever their arguments.
const WRITERS: &[&str] = &[
    "chmod", "chown", "cp", "dd", "kill", "killall", "ln", "mkdir", "mkfs", "mv", "pkill",
    "poweroff", "reboot", "rm", "rmdir", "shutdown", "tee", "touch", "truncate", "umount",
    "useradd", "userdel",
];

/// What `systemctl` and `service` are told that changes something.
const ORDERS: &[&str] = &[
    "start",
    "stop",
    "restart",
    "reload",
    "try-restart",
    "reload-or-restart",
    "enable",
    "disable",
    "mask",
    "unmask",
    "kill",
    "daemon-reload",
    "isolate",
    "reboot",
    "poweroff",
];

const QUESTIONS: &[&str] = &[
    "is-active",
    "is-enabled",
    "is-failed",
    "status",
    "show",
    "list-units",
    "list-timers",
    "cat",
];

fn first_order<'a>(words: &[&'a str]) -> Option<&'a str> {
    words
        .iter()
        .skip(1)
        .find(|word| !word.starts_with('-'))
        .copied()
}

fn only_looks(words: &[&str]) -> bool {
    let words = bare(words);
    match words.first().map(|program| name(program)) {
        Some("systemctl") => first_order(words).is_some_and(|order| QUESTIONS.contains(&order)),
        Some(program) => LOOKERS.contains(&program),
        None => false,
    }
}

/// The word that says that a command changes something.
fn changes<'a>(words: &[&'a str]) -> Option<&'a str> {
    let words = bare(words);
    let program = words.first()?;
    match name(program) {
        "systemctl" => first_order(words).filter(|order| ORDERS.contains(order)),
        "service" => words.get(2).copied().filter(|order| ORDERS.contains(order)),
        "sed" => words.iter().find(|word| word.starts_with("-i")).copied(),
        name if WRITERS.contains(&name) => Some(program),
        _ => None,
    }
}

/// Whether a line sends output into a file.
fn redirects(line: &str) -> bool {
    let mut arrows = outside_quotes(line).filter(|(_, c)| *c == '>');
    arrows.any(|(at, _)| {
        let target = line[at..].trim_start_matches('>').trim_start();
        let harmless = target.starts_with(['&', '(']) || target.starts_with("/dev/null");
        !harmless
    })
}

fn secret_in_command(view: &View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for step in commands(view) {
        for key in ["run", "read", "undo", "shell"] {
            let words = match step.fields.text(key) {
                Some(line) => line.split_whitespace().collect(),
                None => step
                    .fields
                    .texts(key)
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>(),
            };
            if !secret::in_words(&words).is_empty()
                || words.iter().any(|word| secret::in_text(word))
            {
                let message = format!("`{key}` of `{}` holds a secret", step.id());
                findings.push(
                    step.finding(key, message)
                        .label("seen by everybody on the host, in plans and in journals")
                        .hint("let the program read it from a file, and change the secret: it was written down"),
                );
            }
        }
    }
    findings
}

fn undeclared_look(view: &View<'_>) -> Vec<Finding> {
    commands(view)
        .filter(|step| matches!(step.step.work, Work::Act(_)) && !step.fields.has("undo"))
        .filter(|step| {
            let programs = programs(step);
            let line = shell_line(step).unwrap_or_default();
            !programs.is_empty()
                && !redirects(line)
                && programs.iter().all(|words| only_looks(words))
        })
        .map(|step| {
            let message = format!(
                "`{}` seems only to look, and is taken for a change",
                step.id()
            );
            step.finding(program_key(step), message)
                .label("a dry run leaves it out")
                .hint("add `looks-only = true`: then it is a check")
        })
        .collect()
}

/// The commands that are declared only to look.
fn declared_looks<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = &'v Seen<'a>> {
    commands(view).filter(|step| step.is_check())
}

fn writes_while_looking(view: &View<'_>) -> Vec<Finding> {
    declared_looks(view)
        .filter_map(|step| {
            let programs = programs(step);
            let word = programs.iter().find_map(|words| changes(words));
            let what = match (word, shell_line(step)) {
                (Some(word), _) => format!("`{word}` changes something"),
                (None, Some(line)) if redirects(line) => "`>` writes a file".to_owned(),
                _ => return None,
            };
            let message = format!("`{}` is declared only to look, but {what}", step.id());
            let finding = step
                .finding("looks-only", message)
                .label("a dry run believes this, and runs it")
                .hint(
                    "take `looks-only` out and write an `undo`, or run something that only looks",
                );
            Some(finding)
        })
        .collect()
}

/// What only a shell understands.
const SHELL: &[char] = &[
    '|', '&', ';', '<', '>', '(', ')', '$', '`', '\\', '*', '?', '[', ']', '#', '~', '{', '}', '!',
    '\n',
];

/// Words that are no programs.
const BUILTINS: &[&str] = &[
    ".", ":", "cd", "eval", "exec", "exit", "export", "for", "if", "read", "set", "source", "trap",
    "type", "ulimit", "umask", "unset", "until", "wait", "while", "command",
];

fn needless_shell(view: &View<'_>) -> Vec<Finding> {
    commands(view)
        .filter_map(|step| {
            let line = shell_line(step)?;
            let first = line.split_whitespace().next()?;
            if line.contains(SHELL) || first.contains('=') || BUILTINS.contains(&first) {
                return None;
            }
            let words: Vec<String> = line
                .split_whitespace()
                .map(|word| format!("\"{word}\""))
                .collect();
            let hint = match line.contains(['"', '\'']) || secret::in_text(line) {
                true => "write `run = [\"program\", \"argument\"]`".to_owned(),
                false => format!("write `run = [{}]`", words.join(", ")),
            };
            let finding = step
                .finding(program_key(step), format!("`{}` needs no shell", step.id()))
                .label("nothing here is for a shell")
                .hint(hint);
            Some(finding)
        })
        .collect()
}

fn cannot_fail(view: &View<'_>) -> Vec<Finding> {
    declared_looks(view)
        .filter(|step| !step.fields.has("expect"))
        .filter_map(|step| {
            let always = match shell_line(step) {
                Some(line) => ends_well(line),
                None => {
                    let programs = programs(step);
                    let program = programs.first()?.first()?;
                    matches!(name(program), "true" | "echo" | "printf")
                }
            };
            let finding = || {
                step.finding(
                    program_key(step),
                    format!("`{}` passes whatever it sees", step.id()),
                )
                .label("always ends with status 0")
                .hint("let the status tell, or say with `expect` what must be printed")
            };
            always.then(finding)
        })
        .collect()
}

/// Whether the last command of a line succeeds whatever came before.
fn ends_well(line: &str) -> bool {
    let line = line.trim_end().trim_end_matches(';').trim_end();
    let last = line.rsplit([';', '|', '\n']).next().unwrap_or(line).trim();
    let after = &line[..line.len() - last.len()];
    matches!(last, "true" | ":" | "exit 0") && !after.trim_end().ends_with('&')
}
