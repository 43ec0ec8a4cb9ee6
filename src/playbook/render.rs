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

/// What line numbers of three digits take, with the spaces around them.
const MARGIN: usize = 4;

/// Sentences are not folded to less than this, however narrow the terminal is.
const NARROWEST: usize = 24;

impl Problems {
    pub(super) fn new(sources: Arc<Sources>, mut list: Vec<Problem>) -> Problems {
        for problem in &mut list {
            sources.name_both(problem);
        }
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
        let mut out = self.snippets(colour, width);
        if !self.list.is_empty() {
            out.push_str(&self.count());
            out.push('\n');
        }
        out
    }

    /// All problems, as a compiler would print them, each with an empty line behind it.
    pub fn snippets(&self, colour: bool, width: Option<usize>) -> String {
        let width = width.unwrap_or(WIDTH);
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        }
        .term_width(width);
        let snippet = |problem| self.one(problem, &renderer, width) + "\n\n";
        self.list.iter().map(snippet).collect()
    }

    fn one(&self, problem: &Problem, renderer: &Renderer, width: usize) -> String {
        let (level, word) = match problem.severity {
            Severity::Error => (Level::ERROR, "error"),
            Severity::Warning => (Level::WARNING, "warning"),
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
        // The rules of `lint` have codes in capitals, by which `cutover explain` knows them.
        let code = Some(problem.code).filter(|code| code.starts_with(|c: char| c.is_uppercase()));
        let before = word.len() + code.map_or(0, |code| code.len() + "[]".len()) + ": ".len();
        let mut title = level.primary_title(folded(&problem.message, width, before));
        if let Some(code) = code {
            title = title.id(code);
        }
        let mut group = title.element(snippet).elements(others);
        if let Some(hint) = &problem.hint {
            let before = MARGIN + "= help: ".len();
            group = group.element(Level::HELP.message(folded(hint, width, before)));
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

    /// `2 errors and 1 warning in site.toml`
    pub fn count(&self) -> String {
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

/// Breaks a sentence at spaces, so that it fits behind what stands `before` it; a long word stays whole.
fn folded(text: &str, width: usize, before: usize) -> String {
    let room = width.saturating_sub(before).max(NARROWEST);
    let mut out = String::new();
    let mut column = 0;
    for word in readable(text).split(' ') {
        let wide = word.chars().count();
        if column > 0 && column + 1 + wide > room {
            out.push('\n');
            column = 0;
        } else if !out.is_empty() {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += wide;
    }
    out
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false, None))
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_folded_at_spaces() {
        let text = "no host of the playbook is called `standby-of-the-other-site`";
        assert_eq!(
            folded(text, 40, 10),
            "no host of the playbook is\ncalled\n`standby-of-the-other-site`"
        );
        assert_eq!(folded("short", 10, 9), "short");
        assert_eq!(folded("a  b", 80, 0), "a  b");
        assert_eq!(folded("", 80, 0), "");
    }

    #[test]
    fn a_long_problem_fits_a_terminal_of_80_columns() {
        let text = "[playbook]\nname = \"site\"\n";
        let problem = Problem::warning(
            "L203",
            11..15,
            "the change `flip` has no verification after it: nothing would show that users reach \
             the other side",
        )
        .label("written here")
        .hint(
            "add a `propagation` and a `services` step with `at = \"public\"` behind it; `cutover \
             explain L203` says more",
        );
        let sources = Sources::new("site.toml", text, text.len());
        let problems = Problems::new(Arc::new(sources), vec![problem]);
        let shown = problems.render(false, Some(80));
        let widest = shown.lines().map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|widest| widest <= 80), "{shown}");
        insta::assert_snapshot!(shown, @r#"
        warning[L203]: the change `flip` has no verification after it: nothing would
                       show that users reach the other side
         --> site.toml:2:1
          |
        2 | name = "site"
          | ^^^^ written here
          |
          = help: add a `propagation` and a `services` step with `at = "public"`
                  behind it; `cutover explain L203` says more

        1 warning in site.toml
        "#);
    }
}
