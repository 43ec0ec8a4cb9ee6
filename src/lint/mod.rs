//! What can be known to go wrong with a playbook, without a network: named rules, one list.
//!
//! A rule has a code, a name, the reason why it matters, a way to mend what it finds, and two examples that
//! its test lints: one that breaks it and one that keeps it. It looks at a `View` of the playbook and
//! returns its findings; a playbook can allow one with a reason, in a step or for the whole book.

mod allow;
mod assertions;
mod changes;
mod codes;
mod commands;
mod example;
mod explain;
mod files;
mod hosts;
mod providers;
mod services;
#[cfg(test)]
mod tests;
mod time;
mod view;

use jiff::civil::Date;

use example::Example;
pub use explain::{explain, index};
use view::{Finding, Scope, View};

use crate::playbook::{Playbook, Problems};
use crate::problem::{Problem, Severity};

/// One thing that a playbook may have got wrong.
pub struct Rule {
    /// Stable: `L101`.
    pub code: &'static str,
    /// Stable, in kebab-case: `unchecked-change`.
    pub name: &'static str,
    pub severity: Severity,
    /// What it finds, in one line: lowercase, without a full stop.
    pub what: &'static str,
    /// Why that matters, and where it has hurt.
    pub why: &'static str,
    /// How to mend it.
    pub fix: &'static str,
    /// Tables of a playbook that break it.
    breaks: Example,
    /// The same, mended.
    keeps: Example,
    find: fn(&View<'_>) -> Vec<Finding>,
}

/// The rules by group, in the order of their codes.
static GROUPS: &[&[Rule]] = &[
    changes::RULES,
    services::RULES,
    time::RULES,
    providers::RULES,
    assertions::RULES,
    hosts::RULES,
    commands::RULES,
    files::RULES,
    allow::RULES,
];

/// Every rule, in the order of the codes.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    GROUPS.iter().flat_map(|group| group.iter())
}

/// The rule of a code or a name.
pub fn rule(word: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.code.eq_ignore_ascii_case(word) || rule.name == word)
}

/// Everything that the rules find in a playbook, with the parser's own warnings, in the order of its text.
///
/// What the playbook allows is left out; an allowance that is of no use is a finding itself.
pub fn lint(book: &Playbook, today: Date) -> Problems {
    let view = View::new(book);
    let mut list = Vec::new();
    let mut allowances = allow::Allowances::of(&view, today);
    for rule in rules() {
        for finding in (rule.find)(&view) {
            if !allowances.cover(rule.code, &finding.scope) {
                list.push(rule.problem(finding));
            }
        }
    }
    for problem in &book.warnings().list {
        let adopted = rule(problem.code).is_some();
        if !adopted && !allowances.cover(problem.code, &Scope::Book) {
            list.push(problem.clone());
        }
    }
    list.extend(allowances.findings());
    book.problems(list)
}

impl Rule {
    fn problem(&self, finding: Finding) -> Problem {
        Problem {
            code: self.code,
            severity: self.severity,
            ..finding.problem
        }
    }
}
