//! What `cutover explain` prints, from the rules themselves.

use std::fmt::Write as _;

use super::codes::{self, CODES, Code};
use super::example::joined;
use super::{Rule, rule, rules};
use crate::problem::{Severity, did_you_mean};

/// How wide the sentences are.
const WIDTH: usize = 76;

/// Every rule, and every problem of the parser, one line each.
pub fn index() -> String {
    let mut out = "Rules of `cutover lint`:\n".to_owned();
    let width = rules().map(|rule| rule.name.len()).max().unwrap_or(0);
    for rule in rules() {
        let _ = writeln!(
            out,
            "  {}  {:width$}  {:7}  {}",
            rule.code,
            rule.name,
            level(rule.severity),
            rule.what
        );
    }
    out.push_str(
        "\nProblems of the text, which keep a playbook from being used where they are errors:\n",
    );
    let width = CODES.iter().map(|one| one.code.len()).max().unwrap_or(0);
    for one in CODES {
        let (code, what) = (one.code, one.what);
        let _ = writeln!(out, "  {code:width$}  {:7}  {what}", level(one.severity));
    }
    out.push_str("\n`cutover explain RULE` tells more about one of them, by code or name.\n");
    out
}

/// One rule or problem in full; where there is none, what may be meant.
pub fn explain(word: &str) -> Result<String, String> {
    if let Some(rule) = rule(word) {
        return Ok(page(rule));
    }
    if let Some(code) = codes::find(word) {
        return Ok(page_of_code(code));
    }
    let known = rules().map(|rule| rule.name);
    let known = known.chain(CODES.iter().map(|one| one.code));
    Err(match did_you_mean(word, known) {
        Some(near) => format!("no rule is called `{word}`; did you mean `{near}`?"),
        None => format!("no rule is called `{word}`; `cutover explain` lists them"),
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn page_of_code(code: &Code) -> String {
    let end = match code.severity {
        Severity::Error => {
            "A playbook with this problem cannot be used, and it cannot be allowed.\n".to_owned()
        }
        Severity::Warning => {
            let allow = allowance(code.code);
            format!(
                "To allow it, write this in `[playbook]`:\n\n{}",
                indented(&allow)
            )
        }
    };
    format!(
        "{} ({})\n\n{}\nHow to mend it:\n\n{}\n{end}",
        code.code,
        level(code.severity),
        filled(&sentence(code.what)),
        filled(code.fix)
    )
}

fn page(rule: &Rule) -> String {
    let mut out = format!(
        "{} {} ({})\n\n{}\n",
        rule.code,
        rule.name,
        level(rule.severity),
        filled(&sentence(rule.what))
    );
    let _ = writeln!(out, "Why it matters:\n\n{}", filled(rule.why));
    let _ = writeln!(out, "How to mend it:\n\n{}", filled(rule.fix));
    let _ = writeln!(out, "This breaks it:\n\n{}", indented(&joined(rule.breaks)));
    let _ = writeln!(out, "This keeps it:\n\n{}", indented(&joined(rule.keeps)));
    if rule.code < "L9" {
        let allow = allowance(rule.name);
        let _ = writeln!(
            out,
            "To allow it, write this in the step or provider that it is about, or in `[playbook]` for all of them:\n\n{}",
            indented(&allow)
        );
    }
    out.trim_end().to_owned() + "\n"
}

fn allowance(name: &str) -> String {
    format!("allow = [{{ rule = \"{name}\", reason = \"why it is right here\" }}]")
}

/// What a table's cell says, as a sentence.
fn sentence(what: &str) -> String {
    let mut letters = what.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

/// A paragraph in lines of a readable width.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "  {line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(out, "  {line}");
    out
}

fn indented(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let _ = match line {
            "" => writeln!(out),
            line => writeln!(out, "    {line}"),
        };
    }
    out
}
