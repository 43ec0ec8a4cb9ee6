//! The line of a shell: its commands, where its output goes, and whether it can fail.

use super::programs::{bare, name};
use crate::playbook::outside_quotes;

/// One command of a line, without what joins it to the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Simple {
    pub(super) words: Vec<String>,
    before: Before,
}

/// What stands before a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    And,
    Or,
    Pipe,
    Next,
}

/// The commands of a shell's line. Quotes, escapes and comments are understood; what stands in brackets counts
/// as a command of its own.
pub(super) fn split(line: &str) -> Vec<Simple> {
    let mut all = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut before = Before::Nothing;
    let mut letters = line.chars().peekable();
    let mut last = ' ';
    while let Some(c) = letters.next() {
        let joins = match c {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                while let Some(inner) = letters.next().filter(|inner| *inner != c) {
                    match inner {
                        '\\' if c == '"' => word.extend(letters.next()),
                        inner => word.push(inner),
                    }
                }
                None
            }
            '\\' => {
                word.get_or_insert_default().extend(letters.next());
                None
            }
            '#' if word.is_none() => {
                while letters.next_if(|c| *c != '\n').is_some() {}
                None
            }
            // A part of `2>&1` and `&>file`.
            '&' if last == '>' || letters.peek() == Some(&'>') => {
                word.get_or_insert_default().push(c);
                None
            }
            '&' if letters.next_if_eq(&'&').is_some() => Some(Before::And),
            '|' if letters.next_if_eq(&'|').is_some() => Some(Before::Or),
            '|' => Some(Before::Pipe),
            ';' | '&' | '\n' | '(' | ')' => Some(Before::Next),
            c if c.is_whitespace() => {
                words.extend(word.take());
                None
            }
            c => {
                word.get_or_insert_default().push(c);
                None
            }
        };
        if let Some(joins) = joins {
            words.extend(word.take());
            // A line break behind `|` or `&&` joins nothing more.
            if !words.is_empty() {
                let words = std::mem::take(&mut words);
                all.push(Simple { words, before });
                before = joins;
            }
        }
        last = c;
    }
    words.extend(word.take());
    if !words.is_empty() {
        all.push(Simple { words, before });
    }
    all
}

/// What a shell is given as `sh -c LINE`.
pub(super) struct Given<'a> {
    pub(super) line: &'a str,
    /// How the shell itself is run: `sudo -n`.
    pub(super) how: &'a [String],
    /// It reads the profile of a user first.
    pub(super) login: bool,
}

/// The line of a list of arguments that runs a shell.
pub(super) fn given(run: &[String]) -> Option<Given<'_>> {
    let (shell, rest) = bare(run).split_first()?;
    if !matches!(name(shell), "sh" | "bash" | "dash" | "ash" | "ksh" | "zsh") {
        return None;
    }
    let how = &run[..run.len() - rest.len() - 1];
    let mut at = 0;
    let mut login = false;
    loop {
        let flag = rest.get(at).filter(|flag| flag.starts_with(['-', '+']))?;
        let is_short = !flag.starts_with("--");
        login |= flag == "--login" || is_short && flag.contains(['l', 'i']);
        if is_short && flag.contains('c') {
            let line = rest.get(at + 1)?;
            return Some(Given { line, how, login });
        }
        // `-o` takes the name of an option.
        at += match is_short && flag.ends_with('o') {
            true => 2,
            false => 1,
        };
    }
}

/// Whether a line sends output into a file.
pub(super) fn redirects(line: &str) -> bool {
    let mut arrows = outside_quotes(line).filter(|(_, c)| *c == '>');
    arrows.any(|(at, _)| {
        let target = line[at..].trim_start_matches('>').trim_start();
        let harmless = target.starts_with(['&', '(']) || target.starts_with("/dev/");
        !harmless
    })
}

/// Programs that end with status 0.
pub(super) fn is_always_well(words: &[String]) -> bool {
    let words = bare(words);
    match words.split_first() {
        Some((program, rest)) => match name(program) {
            "true" | ":" | "echo" | "printf" => true,
            "exit" => rest.first().is_some_and(|status| status == "0"),
            _ => false,
        },
        None => false,
    }
}

/// Whether a line ends with status 0 whatever came before its last command.
pub(super) fn ends_well(line: &str) -> bool {
    let all = split(line);
    let Some(last) = all.last() else {
        return false;
    };
    let in_background = line.trim_end().strip_suffix('&');
    if in_background.is_some_and(|before| !before.ends_with('&')) {
        return true;
    }
    let stops_at_an_error = all.iter().any(|one| {
        let sets = one.words.first().is_some_and(|word| word == "set");
        sets && (one.words.iter()).any(|word| word.starts_with('-') && word.contains('e'))
    });
    let reached = match last.before {
        Before::And => false,
        Before::Next => !stops_at_an_error,
        Before::Nothing | Before::Or | Before::Pipe => true,
    };
    reached && is_always_well(&last.words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_a_shell_would() {
        let joined = |line: &str| {
            let all = split(line).into_iter().map(|one| one.words.join("_"));
            all.collect::<Vec<_>>()
        };
        assert_eq!(joined("a 'b | c' && d\\;e # ; f"), ["a_b | c", "d;e"]);
        assert_eq!(
            joined("a 2>&1 | b &>/dev/null &"),
            ["a_2>&1", "b_&>/dev/null"]
        );
        assert_eq!(joined("if a; then b; fi"), ["if_a", "then_b", "fi"]);
        assert_eq!(joined("(a \"b\\\"c\") ||\n d"), ["a_b\"c", "d"]);
        assert_eq!(joined(" ; 'open"), ["open"]);
    }

    #[test]
    fn a_line_that_cannot_fail_is_told_from_one_that_can() {
        for line in [
            "check || echo bad >&2",
            "check; echo done",
            "check | true # fine",
            "check &",
            "check || :",
            "set -e; check || true",
        ] {
            assert!(ends_well(line), "{line}");
        }
        for line in [
            "check && echo well",
            "set -e; check; echo done",
            "set -eu\ncheck\ntrue",
            "check || exit 1",
            "check || { echo bad; exit 1; }",
            "if check; then echo yes; fi",
            "check || echo bad; exit 1",
            "",
        ] {
            assert!(!ends_well(line), "{line}");
        }
    }

    #[test]
    fn the_line_of_a_shell_is_found_behind_its_flags() {
        let of = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            given(&words).map(|given| (given.line.to_owned(), given.how.len(), given.login))
        };
        assert_eq!(of("sh -c x"), Some(("x".to_owned(), 0, false)));
        assert_eq!(
            of("sudo -n /bin/sh -ec x"),
            Some(("x".to_owned(), 2, false))
        );
        assert_eq!(of("bash -lc x"), Some(("x".to_owned(), 0, true)));
        assert_eq!(
            of("bash -euo pipefail -c x"),
            Some(("x".to_owned(), 0, false))
        );
        assert_eq!(of("sh script.sh -c"), None);
        assert_eq!(of("sh -c"), None);
    }
}
