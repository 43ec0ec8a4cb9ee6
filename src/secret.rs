//! Secrets: a playbook says where one is; its value is read late, kept short, and never shown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value that must not be seen. It has no `Serialize`, and its debug text is a placeholder.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(value.into())
    }

    /// The value itself: for a header, a key or a standard input, and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Where a secret is. This is all that a playbook, a plan or a journal may hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretRef {
    /// The name of an environment variable.
    Env(String),
    /// A file; its first line is the secret.
    File(String),
    /// A program and its arguments; the first line that it prints is the secret.
    Command(Vec<String>),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretRef::Env(name) => write!(f, "environment variable `{name}`"),
            SecretRef::File(path) => write!(f, "file `{path}`"),
            SecretRef::Command(words) => {
                write!(f, "command `{}`", words.first().map_or("", String::as_str))
            }
        }
    }
}

/// Which words of a command line look like a secret that was written out, by their places.
///
/// What is a variable, a file or a placeholder is none: `--token=$TOKEN`, `--password /run/secrets/db`.
pub fn in_words<S: AsRef<str>>(words: &[S]) -> Vec<usize> {
    let words: Vec<&str> = words.iter().map(|word| unquoted(word.as_ref())).collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| words[at]);
        let after_flag = before.is_some_and(|flag| flag.starts_with("--") && names_secret(flag));
        let after_scheme = before.is_some_and(|scheme| matches!(scheme, "Bearer" | "Basic"));
        let assigned = (word.split_once('=')).is_some_and(|(key, value)| {
            names_secret(key) && !key.contains(char::is_whitespace) && is_value(value)
        });
        let follows = (after_flag || after_scheme) && is_value(word);
        let by_its_program = names_by_program(&words[..at], word);
        if assigned
            || follows
            || by_its_program
            || is_header(word)
            || is_url(word)
            || is_known_token(word)
        {
            found.push(at);
        }
    }
    found
}

/// Whether a text holds what [`in_words`] finds.
pub fn in_text(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    !in_words(&words).is_empty()
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['"', '\''])
}

/// `--api-key`, `PGPASSWORD`; not `--password-file`.
fn names_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('_', "-");
    [
        "password",
        "passwd",
        "passphrase",
        "token",
        "secret",
        "api-key",
        "apikey",
        "access-key",
    ]
    .iter()
    .any(|name| key.ends_with(name))
}

fn is_value(text: &str) -> bool {
    let text = unquoted(text);
    !text.is_empty() && !text.starts_with(['$', '/', '<', '{', '@', '-', '.', '~', '%', '`'])
}

/// Short options that hold a secret, of the programs that have them.
fn names_by_program(before: &[&str], word: &str) -> bool {
    let flag = before.last().copied().unwrap_or_default();
    let attached = |flag: &str| word.strip_prefix(flag).is_some_and(is_value);
    (before.iter().enumerate()).any(|(at, program)| {
        let behind = before.len() - at;
        match program.rsplit('/').next().unwrap_or_default() {
            "mysql" | "mysqldump" | "mysqladmin" | "mariadb" | "mariadb-dump" | "mariadb-admin" => {
                attached("-p")
            }
            // What comes later belongs to the program that it runs.
            "sshpass" => match behind {
                1 => attached("-p"),
                2 => flag == "-p" && is_value(word),
                _ => false,
            },
            "redis-cli" => matches!(flag, "-a" | "--pass") && is_value(word),
            "ldapsearch" | "ldapmodify" | "ldapadd" | "ldapwhoami" => {
                flag == "-w" && is_value(word)
            }
            "openssl" => word.strip_prefix("pass:").is_some_and(is_value),
            "curl" => {
                let user = matches!(flag, "-u" | "--user" | "-U" | "--proxy-user");
                let password = word.split_once(':').map(|(_, password)| password);
                user && password.is_some_and(is_value)
            }
            _ => false,
        }
    })
}

/// `Authorization: Bearer abc`, in one word.
fn is_header(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    ["authorization:", "x-api-key:", "x-auth-token:"]
        .iter()
        .any(|name| {
            lower.strip_prefix(name).is_some_and(|rest| {
                let rest = rest.trim();
                let value = rest.strip_prefix("bearer ").or(rest.strip_prefix("basic "));
                is_value(value.unwrap_or(rest).trim()) && !matches!(rest, "bearer" | "basic")
            })
        })
}

/// `https://user:password@host`
fn is_url(word: &str) -> bool {
    let Some((_, rest)) = word.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.and_then(|user| user.split_once(':'))
        .is_some_and(|(_, password)| is_value(password))
}

/// Tokens that tell by themselves what they are.
fn is_known_token(word: &str) -> bool {
    const BEGINNINGS: &[&str] = &[
        "ghp_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "xoxp-",
        "sk_live_",
    ];
    let is_aws = word.len() == 20
        && word.starts_with("AKIA")
        && word
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    is_aws
        || word.contains("-----BEGIN ")
        || BEGINNINGS
            .iter()
            .any(|begin| word.starts_with(begin) && word.len() > begin.len() + 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_a_command_line_are_found_and_their_places_are_not() {
        let cases: &[(&[&str], &[usize])] = &[
            (&["mysql", "--password=hunter2"], &[1]),
            (&["mysql", "--password", "hunter2", "-e", "select 1"], &[2]),
            (&["PGPASSWORD=hunter2", "psql"], &[0]),
            (&["curl", "-H", "Authorization: Bearer abc123"], &[2]),
            (&["curl", "https://me:hunter2@site.example/"], &[1]),
            (&["tool", "ghp_abcdefghijkl"], &[1]),
            (&["mysql", "--password=$PASSWORD"], &[]),
            (&["mysql", "--password-file=/run/secret"], &[]),
            (
                &["tool", "--token", "/run/secret", "--token", "--quiet"],
                &[],
            ),
            (&["curl", "-H", "Authorization: Bearer $TOKEN"], &[]),
            (
                &[
                    "curl",
                    "https://me@site.example/",
                    "https://site.example/a:b@c",
                ],
                &[],
            ),
            (&["make", "key=value", "passwords"], &[]),
            (&["sudo", "/usr/bin/mysql", "-phunter2", "-e", "x"], &[2]),
            (&["mysql", "-p", "-e", "x", "-p$PASSWORD"], &[]),
            (&["sshpass", "-p", "hunter2", "ssh", "-p", "22"], &[2]),
            (&["sshpass", "-f", "/run/secret", "ssh"], &[]),
            (&["redis-cli", "-a", "hunter2", "ping"], &[2]),
            (&["ldapsearch", "-x", "-w", "hunter2"], &[3]),
            (&["openssl", "rsa", "-passin", "pass:hunter2"], &[3]),
            (&["openssl", "rsa", "-passin", "file:/run/secret"], &[]),
            (&["curl", "-u", "me:hunter2", "http://site.example"], &[2]),
            (&["curl", "-u", "me:$PASSWORD"], &[]),
            (&["mkdir", "-private", "-a", "b", "-u", "a:b"], &[]),
        ];
        for (words, places) in cases {
            assert_eq!(in_words(words), *places, "{words:?}");
        }
        assert!(in_text(
            "curl -H 'Authorization: Bearer abc123' http://site.example"
        ));
        assert!(!in_text(
            "curl -H \"Authorization: Bearer $TOKEN\" http://site.example"
        ));
    }

    #[test]
    fn debug_text_holds_no_secret() {
        let secret = Secret::new("hunter2");
        assert_eq!(
            format!("{secret:?} {:?}", Some(&secret)),
            "[secret] Some([secret])"
        );
        assert_eq!(secret.expose(), "hunter2");
    }
}
