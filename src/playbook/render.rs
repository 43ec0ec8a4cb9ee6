//! Problems as text: file, line, caret, and what to do.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Level, Renderer, Snippet};

use super::sources::{Position, Sources};
use crate::problem::{Problem, Severity};

/// What is wrong with one playbook, in the order of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// How the playbook is called. A problem may lie in the file that it includes: see
    /// [`Problems::position`].
    pub file: String,
    pub list: Vec<Problem>,
    sources: Arc<Sources>,
}

/// How wide lines are where nobody says.
const WIDTH: usize = 120;

impl Problems {
    pub(super) fn new(sources: Arc<Sources>, mut list: Vec<Problem>) -> Problems {
        list.sort_by_key(|problem| problem.span.start);
        Problems {
            file: (sources.parts.first()).map_or_else(String::new, |part| part.file.clone()),
            list,
            sources,
        }
    }

    /// Other problems of the same texts.
    pub(super) fn with(&self, list: Vec<Problem>) -> Problems {
        Problems::new(Arc::clone(&self.sources), list)
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn errors(&self) -> usize {
        self.list.iter().filter(|p| p.is_error()).count()
    }

    /// File, line and column of a problem; `None` where it is about a `--set` of the command line.
    pub fn position(&self, problem: &Problem) -> Option<Position<'_>> {
        self.at(problem.span.start)
    }

    /// File, line and column of a place, for the other places that a problem names.
    pub fn at(&self, place: usize) -> Option<Position<'_>> {
        self.sources.position(place)
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
        let home = self.text_around(problem.span.start);
        let mut snippet = home.snippet(AnnotationKind::Primary, &problem.span, &problem.label);
        let mut others = Vec::new();
        for related in &problem.related {
            let text = self.text_around(related.span.start);
            if text.range == home.range {
                snippet = snippet.annotation(home.mark(
                    AnnotationKind::Context,
                    &related.span,
                    &related.label,
                ));
            } else {
                others.push(text.snippet(AnnotationKind::Context, &related.span, &related.label));
            }
        }
        let mut group = level
            .primary_title(readable(&problem.message))
            .element(snippet)
            .elements(others);
        if let Some(hint) = &problem.hint {
            group = group.element(Level::HELP.message(readable(hint)));
        }
        renderer.render(&[group])
    }

    /// The whole file that a place lies in, or the one override of the command line.
    fn text_around(&self, at: usize) -> Text<'_> {
        let text = &self.sources.text;
        let (file, range) = match self.sources.part(at) {
            Some(part) => (part.file.as_str(), part.range.clone()),
            None => {
                let at = text.floor_char_boundary(at.min(text.len()));
                let start = text[..at].rfind("# --set ").map_or(at, |start| start + 8);
                let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
                ("--set", start..end)
            }
        };
        Text {
            file,
            text: &text[range.clone()],
            range,
        }
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

/// One file, or one override of the command line, to show lines of.
struct Text<'a> {
    file: &'a str,
    text: &'a str,
    range: Range<usize>,
}

impl<'a> Text<'a> {
    fn snippet(
        &self,
        kind: AnnotationKind,
        span: &Range<usize>,
        label: &str,
    ) -> Snippet<'a, Annotation<'a>> {
        Snippet::source(self.text)
            .path(readable(self.file))
            .annotation(self.mark(kind, span, label))
    }

    /// A caret within the text and on one line: one under a whole table helps nobody.
    fn mark(&self, kind: AnnotationKind, span: &Range<usize>, label: &str) -> Annotation<'a> {
        let within = |at: usize| at.clamp(self.range.start, self.range.end) - self.range.start;
        let start = self.text.floor_char_boundary(within(span.start));
        let end = self.text.ceil_char_boundary(within(span.end).max(start));
        let line = self.text[start..end]
            .find(['\n', '\r'])
            .map_or(end, |at| start + at);
        let label = Some(readable(label)).filter(|label| !label.is_empty());
        kind.span(start..line).label(label)
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
