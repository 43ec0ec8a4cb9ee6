//! What a playbook allows, with its reasons.

use std::ops::Range;

use jiff::civil::Date;

use super::codes;
use super::view::{Finding, Scope, View};
use super::{Rule, rule, rules};
use crate::problem::{Problem, Severity, did_you_mean};

const ALLOWED: &str = r#"[playbook]
name = "example"
allow = [{ rule = "no-rto", reason = "nobody was promised anything" }]
"#;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "L901",
        name: "unknown-rule",
        severity: Severity::Warning,
        what: "an allowance names a rule that there is not",
        why: "An allowance with a slip in its name allows nothing, and whoever reads it believes that the matter \
              was settled.",
        fix: "Name the rule as `cutover explain` lists it.",
        breaks: &[r#"[playbook]
name = "example"
rto = "10m"
allow = [{ rule = "unchecked-chance", reason = "the checks are made by hand" }]
"#],
        keeps: &[r#"[playbook]
name = "example"
rto = "10m"
"#],
        find: spoken_last,
    },
    Rule {
        code: "L902",
        name: "stale-allowance",
        severity: Severity::Warning,
        what: "an allowance allows nothing: the rule is kept",
        why: "An exception that nobody needs any more hides the next one: when the rule is broken again, in another \
              way, the old reason still silences it.",
        fix: "Take the allowance out.",
        breaks: &[r#"[playbook]
name = "example"
rto = "10m"
allow = [{ rule = "no-rto", reason = "nobody was promised anything" }]
"#],
        keeps: &[ALLOWED],
        find: spoken_last,
    },
    Rule {
        code: "L903",
        name: "no-reason",
        severity: Severity::Warning,
        what: "an allowance gives no reason",
        why: "In a year nobody knows whether `-` or `ok` was a decision or a way to make the build green.",
        fix: "Say in a few words why the rule need not be kept here.",
        breaks: &[r#"[playbook]
name = "example"
allow = [{ rule = "no-rto", reason = "-" }]
"#],
        keeps: &[ALLOWED],
        find: spoken_last,
    },
    Rule {
        code: "L904",
        name: "expired-allowance",
        severity: Severity::Warning,
        what: "the last day of an allowance has passed",
        why: "What is put up with until spring is forgotten by summer, and found again in the next outage.",
        fix: "Mend what it allows, or think again and write a later day.",
        breaks: &[r#"[playbook]
name = "example"
allow = [{ rule = "no-rto", reason = "it is still being negotiated", until = 2020-03-31 }]
"#],
        keeps: &[r#"[playbook]
name = "example"
allow = [{ rule = "no-rto", reason = "it is still being negotiated", until = 2999-03-31 }]
"#],
        find: spoken_last,
    },
];

/// What is wrong with an allowance is known when every other rule has spoken: see [`Allowances::findings`].
fn spoken_last(_: &View<'_>) -> Vec<Finding> {
    Vec::new()
}

/// The code of what a playbook can allow.
fn code(word: &str) -> Option<&'static str> {
    let warning = || codes::find(word).filter(|one| one.severity == Severity::Warning);
    rule(word)
        .map(|rule| rule.code)
        .or(warning().map(|one| one.code))
}

/// Every allowance of a playbook, and whether it was of use.
pub(super) struct Allowances {
    list: Vec<Allowance>,
    today: Date,
}

struct Allowance {
    /// As it is written.
    word: String,
    /// The code of the rule, or of the parser's warning.
    code: Option<&'static str>,
    reason: String,
    scope: Scope,
    rule_span: Range<usize>,
    reason_span: Range<usize>,
    /// Its last day.
    until: Option<Date>,
    until_span: Range<usize>,
    /// It stands in an included file, for every playbook that includes it.
    shared: bool,
    used: bool,
}

impl Allowances {
    pub(super) fn of(view: &View<'_>, today: Date) -> Allowances {
        let head = (Scope::Book, view.book.places().head());
        let steps = view
            .steps
            .iter()
            .map(|seen| (Scope::Step(seen.index), seen.fields));
        let providers = (view.book.providers().iter())
            .map(|(id, provider)| (Scope::Provider(id.clone()), &provider.fields));
        let texts = view.book.warnings();
        let is_shared = |span: &Range<usize>| {
            let at = texts.at(span.start);
            at.is_some_and(|at| at.file != texts.file)
        };
        let mut list = Vec::new();
        for (scope, fields) in std::iter::once(head).chain(steps).chain(providers) {
            for allow in fields.tables("allow") {
                let word = allow.text("rule").unwrap_or_default();
                list.push(Allowance {
                    word: word.to_owned(),
                    code: code(word),
                    reason: allow.text("reason").unwrap_or_default().to_owned(),
                    scope: scope.clone(),
                    rule_span: allow.span_of("rule"),
                    reason_span: allow.span_of("reason"),
                    until: allow.text("until").and_then(|day| day.parse().ok()),
                    until_span: allow.span_of("until"),
                    shared: is_shared(&allow.span_of("rule")),
                    used: false,
                });
            }
        }
        Allowances { list, today }
    }

    /// Whether a finding of this rule, about this, is allowed.
    pub(super) fn cover(&mut self, code: &str, scope: &Scope) -> bool {
        let mut covered = false;
        for allowance in &mut self.list {
            let meant = allowance.code == Some(code);
            let here = allowance.scope == Scope::Book || allowance.scope == *scope;
            if meant && here && allowance.counts(self.today) {
                allowance.used = true;
                covered = true;
            }
        }
        covered
    }

    /// What is wrong with the allowances themselves.
    pub(super) fn findings(&self) -> Vec<Problem> {
        let today = self.today;
        self.list
            .iter()
            .filter_map(|one| one.finding(today))
            .collect()
    }
}

impl Allowance {
    /// A word with a letter or two says nothing.
    fn has_reason(&self) -> bool {
        self.reason.chars().filter(|c| c.is_alphanumeric()).count() > 4
    }

    /// The last day, where it has passed.
    fn passed(&self, today: Date) -> Option<Date> {
        self.until.filter(|day| *day < today)
    }

    fn counts(&self, today: Date) -> bool {
        self.has_reason() && self.passed(today).is_none()
    }

    fn finding(&self, today: Date) -> Option<Problem> {
        let problem = |name: &str, finding| Some(rule(name)?.problem(finding));
        if self.code.is_none() {
            let hint = match did_you_mean(&self.word, rules().map(|rule| rule.name)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`cutover explain` lists the rules".to_owned(),
            };
            let message = format!("no rule is called `{}`", self.word);
            let finding = Finding::at(self.rule_span.clone(), message)
                .label("allows nothing")
                .hint(hint);
            return problem("unknown-rule", finding);
        }
        if !self.has_reason() {
            let message = format!("`{}` is allowed without a reason", self.word);
            let finding = Finding::at(self.reason_span.clone(), message)
                .label("no reason, so nothing is allowed")
                .hint("say why the rule need not be kept here");
            return problem("no-reason", finding);
        }
        if let Some(day) = self.passed(today) {
            let message = format!("`{}` was allowed until {day}", self.word);
            let finding = Finding::at(self.until_span.clone(), message)
                .label("this day has passed")
                .hint("mend what it allows, or think again and write a later day");
            return problem("expired-allowance", finding);
        }
        // What is shared may be of use to another playbook.
        if self.used || self.shared {
            return None;
        }
        let scope = match self.scope {
            Scope::Step(_) => "this step keeps it",
            Scope::Provider(_) => "this provider keeps it",
            Scope::Book => "the playbook keeps it",
        };
        let finding = Finding::at(
            self.rule_span.clone(),
            format!("nothing breaks `{}` here", self.word),
        )
        .label(scope)
        .hint("take the allowance out: it would hide the next finding");
        problem("stale-allowance", finding)
    }
}
