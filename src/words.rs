//! Numbers with their nouns, lists, and words for a shell: one place, so that all texts say them the same way.

/// `1 record set`, `4 record sets`, `12,000 files`.
pub fn count(n: impl TryInto<u64>, noun: &str) -> String {
    count_of(n, noun, &plural(noun))
}

/// A count whose plural does not end in a plain `s`.
pub fn count_of(n: impl TryInto<u64>, one: &str, many: &str) -> String {
    let n = number(n);
    format!("{} {}", thousands(n), verb_of(n, one, many))
}

/// A part and the whole: `37 of 38 answers`, `0 of 1 host`.
pub fn part_of(n: impl TryInto<u64>, all: impl TryInto<u64>, noun: &str) -> String {
    format!("{} of {}", thousands(n), count(all, noun))
}

/// What is no number here is far above any that is shown.
fn number(n: impl TryInto<u64>) -> u64 {
    n.try_into().unwrap_or(u64::MAX)
}

/// `entries` of `entry`, `addresses` of `address`, `files` of `file`.
fn plural(noun: &str) -> String {
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if noun.ends_with(['s', 'x']) || noun.ends_with("ch") || noun.ends_with("sh") => {
            format!("{noun}es")
        }
        _ => format!("{noun}s"),
    }
}

/// The form of a word that goes with so many: `holds` of one, `hold` of all others.
pub fn verb_of<'a>(n: impl TryInto<u64>, one: &'a str, many: &'a str) -> &'a str {
    if number(n) == 1 { one } else { many }
}

/// `12000` as `12,000`.
pub fn thousands(n: impl TryInto<u64>) -> String {
    let digits = number(n).to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<S: AsRef<str>>(items: &[S]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", most.join(", "), last.as_ref())
        }
    }
}

/// The first of a list that may be long, and how many more there are: `a, b and 9,998 more`.
pub fn some<S: AsRef<str>>(items: &[S], most: usize) -> String {
    if items.len() <= most + 1 {
        return list(items);
    }
    let (shown, more) = items.split_at(most);
    let shown: Vec<&str> = shown.iter().map(AsRef::as_ref).collect();
    format!("{} and {} more", shown.join(", "), thousands(more.len()))
}

/// The command line that a POSIX shell splits into exactly these words. Plain words stay bare.
pub fn quoted<S: AsRef<str>>(argv: &[S]) -> String {
    let mut line = String::new();
    for word in argv {
        if !line.is_empty() {
            line.push(' ');
        }
        push(&mut line, word.as_ref());
    }
    line
}

fn push(line: &mut String, word: &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        line.push_str(word);
        return;
    }
    line.push('\'');
    line.push_str(&word.replace('\'', r"'\''"));
    line.push('\'');
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the shell itself says what the words are"
)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_well() {
        let cases = [
            (0, "0 files"),
            (1, "1 file"),
            (2, "2 files"),
            (999, "999 files"),
            (1_000, "1,000 files"),
            (1_234_567, "1,234,567 files"),
        ];
        for (n, text) in cases {
            assert_eq!(count(n, "file"), text);
        }
        assert_eq!(count(2, "entry"), "2 entries");
        assert_eq!(count(2, "way"), "2 ways");
        assert_eq!(count(2, "address"), "2 addresses");
        assert_eq!(count_of(2, "was", "were"), "2 were");
        assert_eq!(part_of(1_200, 12_000_u64, "file"), "1,200 of 12,000 files");
        assert_eq!(part_of(0, 1, "host"), "0 of 1 host");
        assert_eq!(verb_of(1, "holds", "hold"), "holds");
    }

    #[test]
    fn lists_read_well() {
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(some(&["a", "b", "c"], 2), "a, b and c");
        assert_eq!(some(&["a", "b", "c", "d"], 2), "a, b and 2 more");
    }

    #[test]
    fn plain_words_stay_bare_and_others_do_not() {
        assert_eq!(
            quoted(&["rsync", "-n", "/srv/a b/"]),
            "rsync -n '/srv/a b/'"
        );
        assert_eq!(quoted(&["it's", ""]), r"'it'\''s' ''");
    }

    #[test]
    fn the_shell_gives_back_the_same_words() {
        let words = [
            "a b", "$HOME", "`id`", "it's", "\"", "\\", "\n", "", "*", "~", "-n", "!x", "ü", "a;b",
            "#",
        ];
        let line = format!("printf '%s\\0' {}", quoted(&words));
        let out = std::process::Command::new("sh")
            .args(["-c", &line])
            .output()
            .unwrap();
        let back = String::from_utf8(out.stdout).unwrap();
        let back: Vec<&str> = back.split_terminator('\0').collect();
        assert_eq!(back, words);
    }
}
