//! Problems as text: file, line, caret, and what to do.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::problem::{Problem, Severity};

/// What is wrong with one playbook, in the order of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// How the file is called.
    pub file: String,
    pub list: Vec<Problem>,
    /// What may be a secret is masked, so the text can be shown.
    text: String,
    /// Where the text of the file ends and the overrides of the command line begin.
    body: usize,
}

/// How wide lines are where nobody says.
const WIDTH: usize = 120;

impl Problems {
    pub(super) fn new(file: &str, text: String, body: usize, mut list: Vec<Problem>) -> Problems {
        list.sort_by_key(|problem| problem.span.start);
        Problems {
            file: file.to_owned(),
            list,
            text,
            body,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn errors(&self) -> usize {
        self.list.iter().filter(|p| p.is_error()).count()
    }

    /// Line and column of a problem, from 1; `None` where it is about a `--set` of the command line.
    pub fn position(&self, problem: &Problem) -> Option<(usize, usize)> {
        if problem.span.start > self.body {
            return None;
        }
        let before = &self.text[..self.text.floor_char_boundary(problem.span.start)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
        Some((line, column))
    }

    /// All problems, as a compiler would print them, and their number.
    pub fn render(&self, colour: bool, width: Option<usize>) -> String {
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        }
        .term_width(width.unwrap_or(WIDTH));
        let mut out = String::new();
        for problem in &self.list {
            out.push_str(&self.one(problem, &renderer));
            out.push_str("\n\n");
        }
        if !self.list.is_empty() {
            out.push_str(&self.count());
            out.push('\n');
        }
        out
    }

    fn one(&self, problem: &Problem, renderer: &Renderer) -> String {
        let level = match problem.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let on_line = self.position(problem).is_none();
        let (source, path, span) = if on_line {
            let span = self.one_line(&problem.span, self.text.len());
            let start = self.text[..span.start]
                .rfind("# --set ")
                .map_or(span.start, |at| at + 8);
            let end = self.text[span.start..]
                .find('\n')
                .map_or(self.text.len(), |at| span.start + at);
            let inside = span.start - start..span.end.clamp(span.start, end) - start;
            (&self.text[start..end], "--set", inside)
        } else {
            let span = self.one_line(&problem.span, self.body);
            (&self.text[..self.body], self.file.as_str(), span)
        };
        let label = Some(readable(&problem.label)).filter(|label| !label.is_empty());
        let snippet = Snippet::source(source)
            .path(readable(path))
            .annotation(AnnotationKind::Primary.span(span).label(label));
        let mut group = level
            .primary_title(readable(&problem.message))
            .element(snippet);
        if let Some(hint) = &problem.hint {
            group = group.element(Level::HELP.message(readable(hint)));
        }
        renderer.render(&[group])
    }

    /// The span within the text and on one line: a caret under a whole table helps nobody.
    fn one_line(&self, span: &Range<usize>, len: usize) -> Range<usize> {
        let start = self.text.floor_char_boundary(span.start.min(len));
        let end = self.text.ceil_char_boundary(span.end.clamp(start, len));
        let line = self.text[start..end]
            .find(['\n', '\r'])
            .map_or(end, |at| start + at);
        start..line
    }

    fn count(&self) -> String {
        let many = |count: usize, what: &str| match count {
            0 => None,
            1 => Some(format!("1 {what}")),
            _ => Some(format!("{count} {what}s")),
        };
        let errors = self.errors();
        let parts: Vec<String> = [
            many(errors, "error"),
            many(self.list.len() - errors, "warning"),
        ]
        .into_iter()
        .flatten()
        .collect();
        format!("{} in {}", parts.join(" and "), readable(&self.file))
    }
}

/// Without control characters: values of the file stand in messages, and must not steer a terminal.
fn readable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false, None))
    }
}

impl std::error::Error for Problems {}
