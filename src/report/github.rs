//! Annotations of GitHub: workflow commands, which show a message on the line of a file that it is about.
//!
//! GitHub shows ten errors and ten warnings of one step at most; the log holds them all.

use std::fmt;

use super::text::is_unsafe;
use crate::problem::Severity;

/// A message for the lines of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Annotation<'a> {
    pub severity: Severity,
    /// From the root of the repository.
    pub file: &'a str,
    /// Lines and columns; without them it is about the file as a whole.
    pub span: Option<Span>,
    pub title: &'a str,
    /// May have several lines.
    pub message: &'a str,
}

/// Lines and columns, counted from 1; the end column is behind the last character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

impl fmt::Display for Annotation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "::{command} file={}", property(self.file))?;
        if let Some(span) = self.span {
            write!(f, ",line={},endLine={}", span.line, span.end_line)?;
            // Columns are taken only where both are on one line.
            if span.line == span.end_line {
                write!(f, ",col={},endColumn={}", span.column, span.end_column)?;
            }
        }
        let (title, message) = (property(self.title), data(self.message));
        write!(f, ",title={title}::{message}")
    }
}

/// A message: it may hold everything but what ends the line, and what begins an escape.
fn data(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%25"),
            '\r' => out.push_str("%0D"),
            '\n' => out.push_str("%0A"),
            // Nothing decodes it; but it cannot steer the terminal of who reads the log either.
            c if is_unsafe(c) => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// A property ends at a comma, and the properties at a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span = Span {
        line: 3,
        column: 5,
        end_line: 3,
        end_column: 9,
    };

    #[test]
    fn an_annotation_is_one_line_whatever_it_says() {
        let one = Annotation {
            severity: Severity::Error,
            file: "play,books/a:b%2C.toml",
            span: Some(SPAN),
            title: "cutover: no, such\nkey",
            message: "100% of `a::b`, c\r\nhelp: take `d`\u{1b}[2J",
        };
        assert_eq!(
            one.to_string(),
            "::error file=play%2Cbooks/a%3Ab%252C.toml,line=3,endLine=3,col=5,endColumn=9,\
             title=cutover%3A no%2C such%0Akey::100%25 of `a::b`, c%0D%0Ahelp: take `d`\\u{1b}[2J"
        );
    }

    #[test]
    fn columns_are_left_out_where_the_lines_differ_and_lines_where_there_are_none() {
        let mut one = Annotation {
            severity: Severity::Warning,
            file: "a.toml",
            span: Some(Span {
                end_line: 7,
                ..SPAN
            }),
            title: "t",
            message: "m",
        };
        assert_eq!(
            one.to_string(),
            "::warning file=a.toml,line=3,endLine=7,title=t::m"
        );
        one.span = None;
        assert_eq!(one.to_string(), "::warning file=a.toml,title=t::m");
    }
}
