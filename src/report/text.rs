//! Lines of text with a meaning for each part, and the one place where foreign text is made harmless.

use anstyle::{AnsiColor, Effects, Style as Ansi};

use crate::plan::Outcome;

/// How text may look: given by the caller, who knows the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    pub colour: bool,
    /// Columns; what can be wrapped is wrapped there.
    pub width: usize,
    /// Only ASCII of our own: marks, ellipsis, spinner.
    pub ascii: bool,
}

impl Style {
    /// No colour, ASCII, 80 columns: a pipe, a log, a test.
    pub fn plain() -> Style {
        Style {
            colour: false,
            width: 80,
            ascii: true,
        }
    }

    /// A terminal that shows UTF-8. Very narrow ones are treated as if they had 40 columns.
    pub fn terminal(colour: bool, width: usize) -> Style {
        Style {
            colour,
            width: width.max(40),
            ascii: false,
        }
    }

    pub(super) fn ellipsis(&self) -> &'static str {
        if self.ascii { "..." } else { "…" }
    }
}

/// What a part of a line means. The colour follows from it, never the other way round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    #[default]
    Plain,
    Strong,
    Dim,
    Good,
    Caution,
    Waiting,
    Unclear,
    Bad,
    Added,
    Removed,
    /// Something to type.
    Command,
}

impl From<Outcome> for Role {
    fn from(outcome: Outcome) -> Role {
        match outcome {
            Outcome::Pass => Role::Good,
            Outcome::Warn => Role::Caution,
            Outcome::Late => Role::Waiting,
            Outcome::Unknown => Role::Unclear,
            Outcome::Fail => Role::Bad,
        }
    }
}

impl Role {
    fn ansi(self) -> Ansi {
        let coloured = |colour: AnsiColor| Ansi::new().fg_color(Some(colour.into()));
        match self {
            Role::Plain => Ansi::new(),
            Role::Strong => Ansi::new().effects(Effects::BOLD),
            Role::Dim => Ansi::new().effects(Effects::DIMMED),
            Role::Good | Role::Added => coloured(AnsiColor::Green),
            Role::Caution => coloured(AnsiColor::Yellow),
            Role::Waiting => coloured(AnsiColor::Blue),
            Role::Unclear => coloured(AnsiColor::Magenta),
            Role::Bad => coloured(AnsiColor::Red).effects(Effects::BOLD),
            Role::Removed => coloured(AnsiColor::Red),
            Role::Command => coloured(AnsiColor::Cyan),
        }
    }
}

/// One line, in parts. All text enters through [`Line::and`], which makes it harmless.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    spans: Vec<(Role, String)>,
}

impl Line {
    pub fn new() -> Line {
        Line::default()
    }

    /// Appends a part.
    pub fn and(mut self, role: Role, text: impl AsRef<str>) -> Line {
        let text = clean(text.as_ref());
        if !text.is_empty() {
            self.spans.push((role, text));
        }
        self
    }

    /// Appends a part without a meaning of its own.
    pub fn text(self, text: impl AsRef<str>) -> Line {
        self.and(Role::Plain, text)
    }

    /// Appends all parts of another line.
    pub fn line(mut self, other: Line) -> Line {
        self.spans.extend(other.spans);
        self
    }

    /// Fills up with spaces, so that the next part begins at `column`; at least one space follows text.
    pub fn pad_to(self, column: usize) -> Line {
        let width = self.width();
        let missing = column.saturating_sub(width);
        let at_least = usize::from(width > 0);
        self.text(" ".repeat(missing.max(at_least)))
    }

    /// Columns, counting each character as one.
    pub fn width(&self) -> usize {
        self.spans
            .iter()
            .map(|(_, text)| text.chars().count())
            .sum()
    }

    /// Cuts what is beyond `width`, and marks the cut.
    pub fn cut(self, width: usize, style: &Style) -> Line {
        if self.width() <= width {
            return self;
        }
        let mark = style.ellipsis();
        let mut left = width.saturating_sub(mark.chars().count());
        let mut spans = Vec::new();
        for (role, text) in self.spans {
            let kept: String = text.chars().take(left).collect();
            let done = kept.chars().count() < text.chars().count();
            left -= kept.chars().count();
            if done {
                spans.push((role, kept + mark));
                break;
            }
            spans.push((role, kept));
        }
        Line { spans }
    }

    /// Breaks at spaces, so that each line fits `width`; the following lines begin at column `hang`.
    /// A word that is wider than that stays whole, since it may be there to be copied.
    /// On a narrow terminal they begin further left.
    pub fn wrap(self, width: usize, hang: usize) -> Vec<Line> {
        let hang = hang.min(width * 2 / 3);
        let chars: Vec<(Role, char)> = (self.spans.iter())
            .flat_map(|(role, text)| text.chars().map(|c| (*role, c)))
            .collect();
        let is_space = |(_, c): &(Role, char)| *c == ' ';
        let mut rest = chars.as_slice();
        let mut lines = Vec::new();
        let mut indent = 0;
        loop {
            let room = width.saturating_sub(indent).max(1);
            let at = if rest.len() <= room {
                None
            } else {
                let first_word = (rest.iter()).position(|c| !is_space(c));
                let spaces = || {
                    (first_word.unwrap_or(rest.len())..rest.len()).filter(|i| is_space(&rest[*i]))
                };
                spaces()
                    .take_while(|i| *i <= room)
                    .last()
                    .or_else(|| spaces().next())
            };
            let (mut line, tail) = rest.split_at(at.unwrap_or(rest.len()));
            while let Some((last, before)) = line.split_last()
                && is_space(last)
            {
                line = before;
            }
            lines.push(Line::from_chars(indent, line));
            let spaces = tail.iter().take_while(|c| is_space(c)).count();
            rest = &tail[spaces..];
            if rest.is_empty() {
                return lines;
            }
            indent = hang;
        }
    }

    fn from_chars(indent: usize, chars: &[(Role, char)]) -> Line {
        let mut spans: Vec<(Role, String)> = Vec::new();
        if indent > 0 {
            spans.push((Role::Plain, " ".repeat(indent)));
        }
        for (role, c) in chars {
            match spans.last_mut() {
                Some((last, text)) if last == role => text.push(*c),
                _ => spans.push((*role, (*c).into())),
            }
        }
        Line { spans }
    }

    /// The text, coloured where the style wants it, without a line end.
    pub fn render(&self, style: &Style) -> String {
        let mut out = String::new();
        for (role, text) in &self.spans {
            let ansi = role.ansi();
            if style.colour && ansi != Ansi::new() {
                out.push_str(&format!("{ansi}{text}{ansi:#}"));
            } else {
                out.push_str(text);
            }
        }
        let end = out.trim_end_matches(' ').len();
        out.truncate(end);
        out
    }
}

/// Renders lines one below the other, each with its line end.
pub fn render(lines: &[Line], style: &Style) -> String {
    lines
        .iter()
        .map(|line| line.render(style) + "\n")
        .collect::<String>()
}

/// Makes text of unknown origin safe for a terminal: what would steer it, or hide or reorder what a
/// person reads, is shown in escaped form.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Control characters, line separators, and the invisible ones that reorder or hide text.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{00ad}'
                | '\u{061c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_a_far_side_steers_the_terminal() {
        let cases = [
            ("plain, grüße", "plain, grüße"),
            ("\x1b[2Jgone", "\\u{1b}[2Jgone"),
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{7}\u{7f}", "\\u{7}\\u{7f}"),
            ("exe\u{202e}gpj", "exe\\u{202e}gpj"),
            ("a\u{2028}b\u{200b}", "a\\u{2028}b\\u{200b}"),
        ];
        for (text, safe) in cases {
            assert_eq!(clean(text), safe);
            assert_eq!(Line::new().text(text).render(&Style::plain()), safe);
        }
    }

    #[test]
    fn long_text_is_cut_with_a_mark_and_short_text_is_not() {
        let line = || {
            Line::new()
                .and(Role::Strong, "archive")
                .text(".raspbian.example")
        };
        let wide = Style::terminal(false, 80);
        assert_eq!(line().cut(24, &wide).render(&wide), line().render(&wide));
        assert_eq!(line().cut(10, &wide).render(&wide), "archive.r…");
        assert_eq!(
            line().cut(10, &Style::plain()).render(&Style::plain()),
            "archive..."
        );
        assert_eq!(line().cut(7, &wide).render(&wide), "archiv…");
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_stay_whole() {
        let plain = Style::plain();
        let wrapped = |text: &str, width, hang| {
            let lines = Line::new().text(text).wrap(width, hang);
            lines.iter().map(|l| l.render(&plain)).collect::<Vec<_>>()
        };
        assert_eq!(wrapped("  one two three", 9, 4), ["  one two", "    three"]);
        assert_eq!(
            wrapped("go https://example.org/long there", 10, 2),
            ["go", "  https://example.org/long", "  there"]
        );
        assert_eq!(wrapped("short", 10, 2), ["short"]);
        assert_eq!(wrapped("", 10, 2), [""]);
        assert_eq!(wrapped("trailing   ", 8, 2), ["trailing"]);
    }

    #[test]
    fn colour_is_an_addition_to_the_same_text() {
        let line = Line::new().and(Role::Good, "pass").text(" works");
        assert_eq!(line.render(&Style::plain()), "pass works");
        let coloured = line.render(&Style::terminal(true, 80));
        assert_eq!(coloured, "\x1b[32mpass\x1b[0m works");
    }
}
