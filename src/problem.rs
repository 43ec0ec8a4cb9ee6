//! What is wrong with a text that somebody wrote: the place, the sentence, the way out.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// How bad it is. Only an error keeps a playbook from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Warning,
    Error,
}

/// One problem, with the bytes of the source that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable name of the rule: `unknown-key`, `no-such-host`.
    pub code: &'static str,
    pub severity: Severity,
    /// A lowercase sentence without a full stop; values in backticks.
    pub message: String,
    /// Byte range in the source texts: those of a playbook stand one behind the other, the playbook first.
    pub span: Range<usize>,
    /// What the caret says: a few words.
    pub label: String,
    /// Other places that have to do with it, in the same file or in the one that it includes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Another place that a problem has to do with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Related {
    pub span: Range<usize>,
    pub label: String,
}

impl Problem {
    pub fn error(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Problem {
        Problem {
            code,
            severity: Severity::Error,
            message: message.into(),
            span,
            label: String::new(),
            related: Vec::new(),
            hint: None,
        }
    }

    pub fn warning(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Problem {
        Problem {
            severity: Severity::Warning,
            ..Problem::error(code, span, message)
        }
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    pub fn label(mut self, label: impl Into<String>) -> Problem {
        self.label = label.into();
        self
    }

    pub fn related(mut self, span: Range<usize>, label: impl Into<String>) -> Problem {
        let label = label.into();
        self.related.push(Related { span, label });
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }
}

/// The nearest of `known` to what was typed, where it is near enough to be meant.
pub fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    known
        .into_iter()
        .map(|name| (likeness(&typed, &name.to_lowercase()), name))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// From 0 to 1. One slip in a short word counts more than its share of letters.
fn likeness(typed: &str, name: &str) -> f64 {
    let one_slip = name.len() > 2 && strsim::osa_distance(typed, name) == 1;
    let score = strsim::jaro_winkler(typed, name);
    if one_slip { score.max(0.9) } else { score }
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn suggests_what_is_near_and_nothing_else() {
        let known = ["within", "every", "timeout"];
        assert_eq!(did_you_mean("witin", known), Some("within"));
        assert_eq!(did_you_mean("EVERY", known), Some("every"));
        assert_eq!(did_you_mean("colour", known), None);
        assert_eq!(did_you_mean("rot", ["rpo", "rto"]), Some("rto"));
    }
}
