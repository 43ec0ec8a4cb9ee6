//! Words for a POSIX shell.

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
    use super::quoted;

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
