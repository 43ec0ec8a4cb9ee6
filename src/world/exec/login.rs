//! The line for whatever login shell stands before `sh`.

use std::fmt::Write as _;

/// The line that any login shell hands on to `sh` as it is, whatever it is itself: csh knows other quotes, fish another
/// backslash. So the line goes as one word of plain signs, and `sh` reads the rest out of it.
pub(super) fn for_any_shell(line: &str) -> String {
    let mut coded = String::from(r#"sh -c 'eval "$(printf %b "$1")"' sh '"#);
    for byte in line.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => coded.push(char::from(byte)),
            _ if b" -_./:=@%+,\"$(){}[]<>|&;*?".contains(&byte) => coded.push(char::from(byte)),
            _ => {
                let _ = write!(coded, "\\0{byte:03o}");
            }
        }
    }
    coded.push('\'');
    coded
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the shells themselves say what the words are"
)]
mod tests {
    use super::super::quoted;
    use super::for_any_shell;

    #[test]
    fn every_login_shell_hands_the_same_words_on_to_sh() {
        let words = [
            "a b", "$HOME", "`id`", "it's", "\"", "\\", "\\\\", "\n", "", "*", "~", "-n", "!x",
            "!!", "ü", "a;b", "#", "^a^b", "%1", "{a,b}", "\\0101", "%s",
        ];
        let line = format!("PATH=\"$PATH:/x\" printf '%s\\0' {}", quoted(&words));
        for shell in [
            "sh", "bash", "dash", "csh", "tcsh", "fish", "zsh", "ksh", "mksh",
        ] {
            let out = std::process::Command::new(shell)
                .args(["-c", &for_any_shell(&line)])
                .output();
            // Each machine has some of them.
            let Ok(out) = out else { continue };
            let back = String::from_utf8(out.stdout).unwrap();
            let back: Vec<&str> = back.split_terminator('\0').collect();
            assert_eq!(back, words, "{shell}");
        }
    }
}
