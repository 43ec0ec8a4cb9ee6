//! `cutover lint`

use std::path::{Component, Path, PathBuf};

use super::common::{Desk, Failure, PlaybookArgs};
use super::folder::PlaybooksArgs;
use super::{Exit, Format};
use crate::lint::{self, Rule};
use crate::playbook::Problems;
use crate::problem::{Problem, Severity};
use crate::report::{
    Elsewhere, Found, LintRule, Linted, clean, count, junit, lint_github, lint_json, lint_junit,
    lint_summary,
};

/// Checks playbooks, offline: everything that can be known to be wrong without a network
///
/// Each finding has a code; `cutover explain CODE` says why it matters, how to mend it, and how to allow it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    playbooks: PlaybooksArgs,
    /// Writes the result to a file, and says here only what it comes to
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Writes annotations of GitHub to a file as well
    #[arg(long, value_name = "FILE")]
    annotations: Option<PathBuf>,
    /// Warnings are errors too, with exit code 3
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    let mut all = Vec::new();
    let mut text = String::new();
    for playbook in &args.playbooks.each()? {
        let looked = match look(desk, playbook, args.strict) {
            Ok(looked) => looked,
            // The others are looked at all the same.
            Err(failure) => {
                desk.complain(&failure.message);
                exit = failure.exit;
                all.push(refused(&playbook.playbook, UNREADABLE, failure.message));
                continue;
            }
        };
        if looked.problems.errors() > 0 && exit == Exit::Done {
            exit = Exit::Playbook;
        }
        text += &match &looked.fine {
            Some(fine) if looked.problems.is_empty() => format!("{fine}\n"),
            _ => snippets(desk, args, &looked.problems),
        };
        all.push(looked.linted);
    }
    let summary = lint_summary(&all);
    if desk.format == Format::Text {
        let one_fine = all.len() == 1 && all[0].found.is_empty();
        if !one_fine {
            text += &format!("{summary}\n");
        }
    }
    let failed = |why: &dyn std::fmt::Display| {
        Failure::new(Exit::Error, format!("failed to print the result: {why}"))
    };
    let result = match desk.format {
        Format::Json => lint_json(&all).map_err(|why| failed(&why))?,
        Format::Junit => {
            let suites = lint_junit(&all);
            junit::document("cutover lint", &suites).map_err(|why| failed(&why))?
        }
        Format::Github => annotations(&all),
        Format::Text | Format::Nagios => text,
    };
    if let Some(file) = &args.annotations {
        write(file, &annotations(&all))?;
    }
    match &args.out {
        Some(out) => write(out, &result)?,
        None => desk.print_text(&result),
    }
    if desk.format != Format::Text || args.out.is_some() {
        desk.say(&summary);
    }
    Ok(exit)
}

/// One playbook that could be read.
struct Looked {
    linted: Linted,
    problems: Problems,
    /// What a valid one holds, in a line.
    fine: Option<String>,
}

fn look(desk: &Desk, playbook: &PlaybookArgs, strict: bool) -> Result<Looked, Failure> {
    let file = playbook.playbook.display().to_string();
    let (mut problems, fine) = match desk.parse(playbook)? {
        Ok(book) => {
            let left_out = book.steps().iter().filter_map(|step| {
                let skip = step.common.skip.as_ref()?;
                Some(clean(&format!("; `{}` is left out {skip}", step.id)))
            });
            let fine = format!(
                "{file}: fine: {}, {}, {}{}",
                count(book.hosts().len(), "host"),
                count(book.services().len(), "service"),
                count(book.steps().len(), "step"),
                left_out.collect::<String>(),
            );
            (lint::lint(&book, desk.today()), Some(fine))
        }
        Err(problems) => (problems, None),
    };
    if strict {
        for problem in &mut problems.list {
            problem.severity = Severity::Error;
        }
    }
    let linted = Linted {
        found: all_found(&problems),
        valid: fine.is_some(),
        rules: lint::rules().map(named).collect(),
        file,
    };
    Ok(Looked {
        linted,
        problems,
        fine,
    })
}

fn named(rule: &Rule) -> LintRule {
    LintRule {
        code: rule.code.to_owned(),
        name: rule.name.to_owned(),
    }
}

/// Each problem with its place.
pub(super) fn all_found(problems: &Problems) -> Vec<Found> {
    let found = problems.list.iter().map(|one| found(problems, one));
    found.collect()
}

fn found(problems: &Problems, problem: &Problem) -> Found {
    let start = problems.position(problem);
    let end = problems.at(problem.span.end);
    // It ends in the file that it begins in.
    let end = end.filter(|end| start.is_some_and(|start| start.file == end.file));
    let end = end.or(start);
    let file = start.map_or(problems.file.as_str(), |start| start.file);
    let label = match start {
        Some(_) => problem.label.clone(),
        None if problem.label.is_empty() => "in `--set`".to_owned(),
        None => format!("in `--set`: {}", problem.label),
    };
    Found {
        file: file.to_owned(),
        line: start.map(|at| at.line),
        column: start.map(|at| at.column),
        end_line: end.map(|at| at.line),
        end_column: end.map(|at| at.column),
        code: problem.code.to_owned(),
        severity: problem.severity,
        message: problem.message.clone(),
        label: Some(label).filter(|label| !label.is_empty()),
        related: (problem.related.iter())
            .filter_map(|related| {
                let at = problems.at(related.span.start)?;
                Some(Elsewhere {
                    file: at.file.to_owned(),
                    line: at.line,
                    column: at.column,
                    label: related.label.clone(),
                })
            })
            .collect(),
        hint: problem.hint.clone(),
    }
}

/// The code of a playbook that could not be read.
pub(super) const UNREADABLE: &str = "unreadable";

/// A playbook that comes to nothing, for a reason that has no place in it.
pub(super) fn refused(playbook: &Path, code: &str, message: String) -> Linted {
    let file = playbook.display().to_string();
    let found = Found {
        file: file.clone(),
        line: None,
        column: None,
        end_line: None,
        end_column: None,
        code: code.to_owned(),
        severity: Severity::Error,
        message,
        label: None,
        related: Vec::new(),
        hint: None,
    };
    Linted {
        file,
        found: vec![found],
        ..Linted::default()
    }
}

/// Annotations of GitHub, with paths as it knows them.
pub(super) fn annotations(all: &[Linted]) -> String {
    let root = Root::here();
    lint_github(all, |file| root.to(file))
}

fn snippets(desk: &Desk, args: &Args, problems: &Problems) -> String {
    let style = desk.style();
    let colour = style.colour && args.out.is_none();
    problems.snippets(colour, Some(style.width))
}

#[expect(clippy::disallowed_methods, reason = "the command line is an edge")]
pub(super) fn write(path: &Path, result: &str) -> Result<(), Failure> {
    std::fs::write(path, result).map_err(|error| {
        let message = format!("failed to write `{}`: {error}", path.display());
        Failure::new(Exit::Usage, message)
    })
}

/// Where paths of annotations begin: GitHub knows files by their paths from the root of the repository.
struct Root {
    here: PathBuf,
    root: PathBuf,
}

impl Root {
    fn here() -> Root {
        let here = std::env::current_dir().unwrap_or_default();
        let workspace = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
        let root = workspace
            .filter(|workspace| here.starts_with(workspace))
            .or_else(|| repository(&here))
            .unwrap_or_else(|| here.clone());
        Root { here, root }
    }

    fn to(&self, file: &str) -> String {
        let mut path = PathBuf::new();
        for part in self.here.join(file).components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => {
                    path.pop();
                }
                part => path.push(part),
            }
        }
        let below = path.strip_prefix(&self.root);
        below.map_or_else(|_| file.to_owned(), |path| path.display().to_string())
    }
}

/// The root of the repository that a folder lies in.
#[expect(clippy::disallowed_methods, reason = "the command line is an edge")]
fn repository(folder: &Path) -> Option<PathBuf> {
    let mut above = folder.ancestors();
    above
        .find(|above| std::fs::symlink_metadata(above.join(".git")).is_ok())
        .map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_the_root_of_the_repository() {
        let root = Root {
            here: "/repo/ops".into(),
            root: "/repo".into(),
        };
        let cases = [
            ("site.toml", "ops/site.toml"),
            ("./a/../site.toml", "ops/site.toml"),
            ("../other/site.toml", "other/site.toml"),
            ("/repo/site.toml", "site.toml"),
            ("/elsewhere/site.toml", "/elsewhere/site.toml"),
        ];
        for (file, path) in cases {
            assert_eq!(root.to(file), path);
        }
    }
}
