//! The texts that a playbook was read from, one behind the other: a place in them tells its file.
//!
//! The text of the playbook comes first, then what the command line puts over it, then the file that it
//! includes. All places of a playbook (the spans of its problems, tables and values) count from the
//! beginning of the first text, so that one number says both the file and where in it.

use std::ops::Range;

use super::read::lone_returns;
use crate::problem::{Problem, Related};

/// Where something stands, for people and for other programs. Line and column count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position<'a> {
    pub file: &'a str,
    pub line: usize,
    /// In characters.
    pub column: usize,
}

/// All texts of one playbook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sources {
    /// What may be a secret is masked once all texts are there, so that the text can be shown.
    pub(super) text: String,
    pub(super) parts: Vec<Part>,
    /// Where the playbook names the file that it includes.
    named: Option<Range<usize>>,
    /// Keys of overrides, each with the place of the included step that it changes.
    pub(super) changes: Vec<(Range<usize>, Range<usize>)>,
}

/// One file of the texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) file: String,
    pub(super) range: Range<usize>,
}

impl Sources {
    /// The playbook's own text: up to `body` it is the file's, behind that are overrides.
    pub(super) fn new(file: &str, text: &str, body: usize) -> Sources {
        Sources {
            text: text.to_owned(),
            parts: vec![Part {
                file: file.to_owned(),
                range: 0..body,
            }],
            ..Sources::default()
        }
    }

    /// Appends the text of the file that the playbook includes, and names at `named`; returns where it begins.
    pub(super) fn append(&mut self, file: &str, text: &str, named: &Range<usize>) -> usize {
        self.named = Some(named.clone());
        self.text.push('\n');
        let start = self.text.len();
        self.text.push_str(text);
        self.parts.push(Part {
            file: file.to_owned(),
            range: start..self.text.len(),
        });
        start
    }

    /// Breaks lines where the file meant to, so that they are counted and shown one by one.
    pub(super) fn break_at_returns(&mut self) {
        let mut bytes = self.text.as_bytes().to_vec();
        for at in lone_returns(&self.text) {
            bytes[at] = b'\n';
        }
        self.text = String::from_utf8_lossy(&bytes).into_owned();
    }

    /// Lets a problem of merged tables name both files.
    pub(super) fn name_both(&self, problem: &mut Problem) {
        let (Some(named), Some(included)) = (&self.named, self.parts.get(1)) else {
            return;
        };
        if !problem.related.is_empty() {
            return;
        }
        let at = problem.span.start;
        let change = self.changes.iter().find(|(key, _)| key.contains(&at));
        let (span, label) = match change {
            _ if at >= included.range.start => (named, "the file above is included here"),
            Some((_, step)) => (step, "the included step that this changes"),
            None => return,
        };
        problem.related.push(Related {
            span: span.clone(),
            label: label.to_owned(),
        });
    }

    /// The file that a place lies in; `None` for an override of the command line.
    pub(super) fn part(&self, at: usize) -> Option<&Part> {
        let part = self.parts.iter().find(|part| at <= part.range.end);
        part.filter(|part| part.range.start <= at)
    }

    pub(super) fn position(&self, at: usize) -> Option<Position<'_>> {
        let part = self.part(at)?;
        let end = self.text.floor_char_boundary(at.min(self.text.len()));
        let before = &self.text[part.range.start..end];
        // No editor counts the mark with which a file may begin.
        let before = before.trim_start_matches('\u{feff}');
        Some(Position {
            file: &part.file,
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or(before).chars().count() + 1,
        })
    }
}
