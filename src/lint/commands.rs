//! Programs that a playbook runs.

mod line;
mod programs;

use line::{Given, ends_well, given, is_always_well, redirects};
use programs::{BUILTINS, changes, for_a_shell, only_looks};

use super::Rule;
use super::view::{Does, Finding, Seen, View};
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
    Rule {
        code: "L706",
        name: "no-shell-reads-this",
        severity: Severity::Error,
        what: "a list of arguments holds what only a shell understands",
        why: "No shell reads a list of arguments: `|` and `&&` go to the first program as words, `~` and `$(…)` stay as \
              they are, and a whole line in one word is looked for as a program of that name. The dry run passes over \
              an act, and the real run breaks at it.",
        fix: "Write each word of the command by itself, and what is to be joined as steps of their own; or give the line \
              to a shell, with `shell`.",
        breaks: &[r#"[[step]]
id = "disk"
kind = "command"
on = "target"
looks-only = true
run = ["df", "/srv", "|", "grep", "-q", "ext4"]
"#],
        keeps: &[r#"[[step]]
id = "disk"
kind = "command"
on = "target"
looks-only = true
shell = "df /srv | grep -q ext4"
"#],
        find: no_shell_reads_this,
    },
];

/// The steps that run a program of their own.
fn commands<'v, 'a>(view: &'v View<'a>) -> impl Iterator<Item = &'v Seen<'a>> {
    view.steps
        .iter()
        .filter(|step| matches!(step.does, Does::Run(_)))
}

/// The commands of a step's line: one, or those that a shell would run one after the other.
fn programs(step: &Seen<'_>) -> Vec<Vec<String>> {
    match shell_line(step) {
        Some(given) => {
            let all = line::split(given.line).into_iter();
            all.map(|one| one.words).collect()
        }
        None => vec![step.fields.texts("run").to_vec()],
    }
}

/// What a shell is given: by `shell`, or as `sh -c`.
fn shell_line<'a>(step: &Seen<'a>) -> Option<Given<'a>> {
    match step.fields.text("shell") {
        Some(line) => Some(Given {
            line,
            how: &[],
            login: false,
        }),
        None => given(step.fields.texts("run")),
    }
}

/// Where a step says what it runs.
fn program_key(step: &Seen<'_>) -> &'static str {
    match step.fields.has("shell") {
        true => "shell",
        false => "run",
    }
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
            let line = shell_line(step).map_or("", |given| given.line);
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
                (None, Some(given)) if redirects(given.line) => "`>` writes a file".to_owned(),
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

fn needless_shell(view: &View<'_>) -> Vec<Finding> {
    commands(view)
        .filter_map(|step| {
            let given = shell_line(step).filter(|given| !given.login)?;
            let line = given.line;
            let first = line.split_whitespace().next()?;
            if line.contains(SHELL) || first.contains('=') || BUILTINS.contains(&first) {
                return None;
            }
            let words: Vec<String> = (given.how.iter().map(String::as_str))
                .chain(line.split_whitespace())
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
        .filter(|step| match shell_line(step) {
            Some(given) => ends_well(given.line),
            None => is_always_well(step.fields.texts("run")),
        })
        .map(|step| {
            let message = format!("`{}` passes whatever it sees", step.id());
            step.finding(program_key(step), message)
                .label("always ends with status 0")
                .hint("let the status tell, or say with `expect` what must be printed")
        })
        .collect()
}

fn no_shell_reads_this(view: &View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for step in commands(view) {
        for key in ["run", "read", "undo"] {
            let words = step.fields.texts(key);
            if given(words).is_some() {
                continue;
            }
            let Some((word, why)) = for_a_shell(words) else {
                continue;
            };
            let what = match secret::in_text(word) {
                true => "a word".to_owned(),
                false => format!("`{word}`"),
            };
            let message = format!("no shell reads {what} in `{key}` of `{}`", step.id());
            let hint = match key {
                "run" => "write each word by itself; or give the line to a shell: `shell = \"…\"`",
                _ => {
                    "write each word by itself; or give the line to a shell: `[\"sh\", \"-c\", \"…\"]`"
                }
            };
            findings.push(step.finding(key, message).label(why).hint(hint));
        }
    }
    findings
}
