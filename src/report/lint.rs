//! What lint found, for programs: one JSON object per line, JUnit XML, annotations of GitHub.

use serde::Serialize;

use super::github::{Annotation, Span};
use super::json;
use super::junit::{Came, Case, Suite};
use super::numbers::{count, count_of};
use crate::problem::Severity;

/// One playbook that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linted {
    pub file: String,
    /// Whether it can be used at all: the rules of lint are tried only then.
    pub valid: bool,
    pub found: Vec<Found>,
    /// The rules of lint, whether it keeps them or not.
    pub rules: Vec<LintRule>,
}

/// What a rule of lint is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintRule {
    /// As problems name it.
    pub code: String,
    pub name: String,
}

/// One problem, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Found {
    /// The playbook, or the file that it includes.
    pub file: String,
    /// From 1; nothing where it is about the file as a whole, or about an override of the command line.
    pub line: Option<usize>,
    pub column: Option<usize>,
    pub end_line: Option<usize>,
    /// Behind the last character.
    pub end_column: Option<usize>,
    /// Stable.
    pub code: String,
    pub severity: Severity,
    pub message: String,
    pub label: Option<String>,
    /// Other places that have to do with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Elsewhere>,
    pub hint: Option<String>,
}

/// Another place that a problem has to do with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Elsewhere {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub label: String,
}

impl Found {
    fn span(&self) -> Option<Span> {
        Some(Span {
            line: self.line?,
            column: self.column?,
            end_line: self.end_line?,
            end_column: self.end_column?,
        })
    }

    /// Message, label, other places and hint.
    fn text(&self) -> String {
        let mut lines = vec![self.message.clone()];
        lines.extend(self.label.clone());
        for at in &self.related {
            lines.push(format!(
                "{}:{}:{}: {}",
                at.file, at.line, at.column, at.label
            ));
        }
        lines.extend(self.hint.iter().map(|hint| format!("help: {hint}")));
        lines.join("\n")
    }

    /// The same behind its place: `site.toml:12:3: message`.
    fn text_with_place(&self) -> String {
        let place = match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", self.file),
            _ => self.file.clone(),
        };
        format!("{place}: {}", self.text())
    }
}

/// One object per problem and line.
pub fn lint_json(all: &[Linted]) -> serde_json::Result<String> {
    let found = all.iter().flat_map(|one| &one.found);
    found.map(|found| Ok(json::line(found)? + "\n")).collect()
}

/// One annotation per problem. `from_root` gives the path of a file from the root of the repository.
pub fn lint_github(all: &[Linted], from_root: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    for found in all.iter().flat_map(|one| &one.found) {
        let annotation = Annotation {
            severity: found.severity,
            file: &from_root(&found.file),
            span: found.span(),
            title: &format!("cutover: {}", found.code),
            message: &found.text(),
        };
        out += &format!("{annotation}\n");
    }
    out
}

/// One suite per playbook, one case per rule; the parser's rules are cases only where they are broken, besides
/// one for all of them.
pub fn lint_junit(all: &[Linted]) -> Vec<Suite> {
    all.iter().map(suite).collect()
}

/// The case of everything that the parser holds against a playbook.
const VALID: &str = "valid";

fn suite(one: &Linted) -> Suite {
    let case = |name: String, came: Came| Case {
        name,
        class: one.file.clone(),
        file: Some(one.file.clone()),
        time: None,
        came,
    };
    let of = |code: &str| came(one.found.iter().filter(|found| found.code == code));
    let mut cases = vec![case(VALID.to_owned(), valid(one))];
    for rule in &one.rules {
        let came = match one.valid {
            true => of(&rule.code),
            false => Came::Skip {
                message: "the playbook is not valid".to_owned(),
            },
        };
        cases.push(case(format!("{} {}", rule.code, rule.name), came));
    }
    let mut of_parser: Vec<&str> = (one.found.iter())
        .map(|found| found.code.as_str())
        .filter(|code| one.rules.iter().all(|rule| rule.code != *code))
        .collect();
    of_parser.sort_unstable();
    of_parser.dedup();
    cases.extend((of_parser.into_iter()).map(|code| case(code.to_owned(), of(code))));
    Suite {
        name: one.file.clone(),
        cases,
    }
}

fn valid(one: &Linted) -> Came {
    match one.valid {
        true => Came::Pass,
        false => Came::Fail {
            message: "the playbook is not valid".to_owned(),
            text: "The cases below say why. The rules of lint are tried once it is.".to_owned(),
        },
    }
}

fn came<'a>(found: impl Iterator<Item = &'a Found>) -> Came {
    let found: Vec<&Found> = found.collect();
    let text: Vec<String> = found.iter().map(|one| one.text_with_place()).collect();
    let text = text.join("\n\n");
    // The first of the worst.
    let worst = found.iter().rev().max_by_key(|one| one.severity);
    match (worst, found.len()) {
        (None, _) => Came::Pass,
        (Some(worst), _) if worst.severity == Severity::Warning => Came::Warn { text },
        (Some(worst), 1) => Came::Fail {
            message: worst.message.clone(),
            text,
        },
        (Some(worst), many) => Came::Fail {
            message: format!("{}, and {} more", worst.message, many - 1),
            text,
        },
    }
}

fn errors(found: &[Found]) -> usize {
    let errors = found.iter().filter(|one| one.severity == Severity::Error);
    errors.count()
}

/// The last line for people: `2 errors and 1 warning in 2 of 12 playbooks`.
pub fn lint_summary(all: &[Linted]) -> String {
    let playbooks = |n| count_of(n, "playbook", "playbooks");
    let errors: usize = all.iter().map(|one| errors(&one.found)).sum();
    let warnings = all.iter().map(|one| one.found.len()).sum::<usize>() - errors;
    let found: Vec<String> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| count(n, what))
        .collect();
    let touched = all.iter().filter(|one| !one.found.is_empty()).count();
    let found = found.join(" and ");
    match (touched, all) {
        (0, [_]) => "1 playbook, fine".to_owned(),
        (0, _) => format!("{}, all fine", playbooks(all.len())),
        (_, [one]) => format!("{found} in {}", one.file),
        _ => format!("{found} in {touched} of {}", playbooks(all.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, at: Option<usize>, code: &str, severity: Severity) -> Found {
        Found {
            file: file.to_owned(),
            line: at,
            column: at.map(|_| 3),
            end_line: at,
            end_column: at.map(|_| 8),
            code: code.to_owned(),
            severity,
            message: format!("`{code}` is wrong"),
            label: Some("here".to_owned()),
            related: Vec::new(),
            hint: None,
        }
    }

    /// A valid one with a warning, one that is not valid and includes a file, one that is fine.
    fn three() -> Vec<Linted> {
        let rules = vec![
            LintRule {
                code: "L101".to_owned(),
                name: "no-check".to_owned(),
            },
            LintRule {
                code: "L102".to_owned(),
                name: "no-verification".to_owned(),
            },
        ];
        let hint = Found {
            related: vec![Elsewhere {
                file: "b.toml".to_owned(),
                line: 12,
                column: 1,
                label: "put over it here".to_owned(),
            }],
            hint: Some("leave it out, or:\nsay why".to_owned()),
            ..found("lib/mirror.toml", Some(7), "bad-span", Severity::Error)
        };
        vec![
            Linted {
                file: "a.toml".to_owned(),
                valid: true,
                found: vec![
                    found("a.toml", Some(2), "L101", Severity::Warning),
                    found("a.toml", Some(9), "L101", Severity::Warning),
                ],
                rules: rules.clone(),
            },
            Linted {
                file: "b.toml".to_owned(),
                valid: false,
                found: vec![
                    found("b.toml", Some(1), "unknown-key", Severity::Error),
                    found("b.toml", Some(4), "unknown-key", Severity::Error),
                    hint,
                    found("b.toml", None, "bad-set", Severity::Error),
                ],
                rules: rules.clone(),
            },
            Linted {
                file: "c.toml".to_owned(),
                valid: true,
                found: Vec::new(),
                rules,
            },
        ]
    }

    #[test]
    fn json_is_one_object_per_problem() {
        insta::assert_snapshot!(lint_json(&three()).unwrap(), @r#"
        {"file":"a.toml","line":2,"column":3,"end-line":2,"end-column":8,"code":"L101","severity":"warning","message":"`L101` is wrong","label":"here","hint":null}
        {"file":"a.toml","line":9,"column":3,"end-line":9,"end-column":8,"code":"L101","severity":"warning","message":"`L101` is wrong","label":"here","hint":null}
        {"file":"b.toml","line":1,"column":3,"end-line":1,"end-column":8,"code":"unknown-key","severity":"error","message":"`unknown-key` is wrong","label":"here","hint":null}
        {"file":"b.toml","line":4,"column":3,"end-line":4,"end-column":8,"code":"unknown-key","severity":"error","message":"`unknown-key` is wrong","label":"here","hint":null}
        {"file":"lib/mirror.toml","line":7,"column":3,"end-line":7,"end-column":8,"code":"bad-span","severity":"error","message":"`bad-span` is wrong","label":"here","related":[{"file":"b.toml","line":12,"column":1,"label":"put over it here"}],"hint":"leave it out, or:\nsay why"}
        {"file":"b.toml","line":null,"column":null,"end-line":null,"end-column":null,"code":"bad-set","severity":"error","message":"`bad-set` is wrong","label":"here","hint":null}
        "#);
        assert_eq!(lint_json(&three()[2..]).unwrap(), "");
    }

    #[test]
    fn annotations_name_files_from_the_root() {
        let text = lint_github(&three(), |file| format!("ops/{file}"));
        insta::assert_snapshot!(text, @r#"
        ::warning file=ops/a.toml,line=2,endLine=2,col=3,endColumn=8,title=cutover%3A L101::`L101` is wrong%0Ahere
        ::warning file=ops/a.toml,line=9,endLine=9,col=3,endColumn=8,title=cutover%3A L101::`L101` is wrong%0Ahere
        ::error file=ops/b.toml,line=1,endLine=1,col=3,endColumn=8,title=cutover%3A unknown-key::`unknown-key` is wrong%0Ahere
        ::error file=ops/b.toml,line=4,endLine=4,col=3,endColumn=8,title=cutover%3A unknown-key::`unknown-key` is wrong%0Ahere
        ::error file=ops/lib/mirror.toml,line=7,endLine=7,col=3,endColumn=8,title=cutover%3A bad-span::`bad-span` is wrong%0Ahere%0Ab.toml:12:1: put over it here%0Ahelp: leave it out, or:%0Asay why
        ::error file=ops/b.toml,title=cutover%3A bad-set::`bad-set` is wrong%0Ahere
        "#);
    }

    #[test]
    fn junit_has_a_case_for_each_rule() {
        let suites = lint_junit(&three());
        let xml = super::super::junit::document("cutover lint", &suites).unwrap();
        insta::assert_snapshot!(xml, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="cutover lint" tests="12" skipped="2" failures="4" errors="0">
            <testsuite name="a.toml" tests="3" skipped="0" errors="0" failures="0">
                <testcase name="valid" classname="a.toml" file="a.toml"/>
                <testcase name="L101 no-check" classname="a.toml" file="a.toml">
                    <system-out>a.toml:2:3: `L101` is wrong
        here

        a.toml:9:3: `L101` is wrong
        here</system-out>
                </testcase>
                <testcase name="L102 no-verification" classname="a.toml" file="a.toml"/>
            </testsuite>
            <testsuite name="b.toml" tests="6" skipped="2" errors="0" failures="4">
                <testcase name="valid" classname="b.toml" file="b.toml">
                    <failure message="the playbook is not valid">The cases below say why. The rules of lint are tried once it is.</failure>
                </testcase>
                <testcase name="L101 no-check" classname="b.toml" file="b.toml">
                    <skipped message="the playbook is not valid"/>
                </testcase>
                <testcase name="L102 no-verification" classname="b.toml" file="b.toml">
                    <skipped message="the playbook is not valid"/>
                </testcase>
                <testcase name="bad-set" classname="b.toml" file="b.toml">
                    <failure message="`bad-set` is wrong">b.toml: `bad-set` is wrong
        here</failure>
                </testcase>
                <testcase name="bad-span" classname="b.toml" file="b.toml">
                    <failure message="`bad-span` is wrong">lib/mirror.toml:7:3: `bad-span` is wrong
        here
        b.toml:12:1: put over it here
        help: leave it out, or:
        say why</failure>
                </testcase>
                <testcase name="unknown-key" classname="b.toml" file="b.toml">
                    <failure message="`unknown-key` is wrong, and 1 more">b.toml:1:3: `unknown-key` is wrong
        here

        b.toml:4:3: `unknown-key` is wrong
        here</failure>
                </testcase>
            </testsuite>
            <testsuite name="c.toml" tests="3" skipped="0" errors="0" failures="0">
                <testcase name="valid" classname="c.toml" file="c.toml"/>
                <testcase name="L101 no-check" classname="c.toml" file="c.toml"/>
                <testcase name="L102 no-verification" classname="c.toml" file="c.toml"/>
            </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn the_summary_counts() {
        let all = three();
        let cases = [
            (&all[..], "4 errors and 2 warnings in 2 of 3 playbooks"),
            (&all[..1], "2 warnings in a.toml"),
            (&all[1..], "4 errors in 1 of 2 playbooks"),
            (&all[2..], "1 playbook, fine"),
            (&[all[2].clone(), all[2].clone()], "2 playbooks, all fine"),
        ];
        for (some, text) in cases {
            assert_eq!(lint_summary(some), text);
        }
    }
}
