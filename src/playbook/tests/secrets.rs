//! A secret that somebody wrote into the playbook is told, and shown nowhere.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::{GOOD, changed, parse, problems, with};

#[test]
fn a_secret_in_the_file_is_told_and_not_shown() {
    assert_snapshot!(problems(&changed(r#"{ env = "LAB_KEY" }"#, r#""hunter2-in-clear""#)), @r#"
    error: a secret is written into the file: `api-key`
      --> lab.toml:21:11
       |
    21 | api-key = ******************
       |           ^^^^^^^^^^^^^^^^^^ say where the secret is, not what it is
       |
       = help: write `api-key = { env = "NAME" }`, `{ file = "/path" }` or `{ command = ["program"] }`,
               and change the secret: it was in a file

    1 error in lab.toml
    "#);
}

#[test]
fn a_password_in_a_url_is_told_and_not_shown() {
    assert_snapshot!(problems(&changed(r#"http://[::1]:8081"#, r#"http://me:hunter2@lab.example"#)), @r#"
error: a secret is written into the file: `url` holds a user or a password
  --> lab.toml:20:7
   |
20 | url = *******************************
   |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ leave out what stands before `@`

1 error in lab.toml
"#);
}

#[test]
fn a_broken_line_shows_no_secret() {
    assert_snapshot!(problems(&changed(r#"api-key = { env = "LAB_KEY" }"#, r#"api-key = "hunter2"#)), @r#"
error: not TOML: invalid basic string, expected `"`
  --> lab.toml:21:19
   |
21 | api-key =*********
   |                   ^ here

1 error in lab.toml
"#);
}

#[test]
fn a_secret_on_the_command_line_is_not_shown() {
    let sets = [
        "providers.lab.api-key=hunter2",
        "providers.lba.api-key=hunter2",
        "providers.lab.apikey=hunter2",
    ];
    let problems = with(GOOD, &sets).unwrap_err();
    assert_eq!(problems.errors(), 3, "{problems}");
    assert!(
        !format!("{problems}{problems:?}").contains("hunter2"),
        "{problems:?}"
    );
}

/// A place in the good playbook where somebody may write a secret, with the text around it.
fn slips() -> Vec<(&'static str, &'static str)> {
    vec![
        (r#"api-key = { env = "LAB_KEY" }"#, r#"api-key = "@""#),
        (
            r#"api-key = { env = "LAB_KEY" }"#,
            r#"api-key = { env = "@-" }"#,
        ),
        (
            r#"api-key = { env = "LAB_KEY" }"#,
            r#"api-key = { value = "@" }"#,
        ),
        (r#"api-key = { env = "LAB_KEY" }"#, r#"api-key = ["@"]"#),
        (
            r#"api-key = { env = "LAB_KEY" }"#,
            "api-key = \"\"\"\n@\n\"\"\"",
        ),
        (r#"api-key = { env = "LAB_KEY" }"#, "api-key = \"\"\"\n@\n"),
        (r#"api-key = { env = "LAB_KEY" }"#, r#"api-key = "@"#),
        (r#"api-key = { env = "LAB_KEY" }"#, r#"api-key = @"#),
        (r#"api-key = { env = "LAB_KEY" }"#, r#"api-key "@""#),
        (r#"api-key = { env = "LAB_KEY" }"#, r#"apikey = "@""#),
        (
            r#"api-key = { env = "LAB_KEY" }"#,
            r#"pin = { is = ["@"] }"#,
        ),
        (r#"secret = { file = "/etc/key" }"#, r#"secret = "@""#),
        (r#"secret = { file = "/etc/key" }"#, r#"secrt = "@""#),
        (r#"kind = "lab""#, "kind = \"lob\"\npin = \"@\""),
        ("[providers.lab]\nkind", "[provider.lab]\npin = \"@\"\nkind"),
        ("[providers.lab]\nkind", "[providers.lab\npin = \"@\"\nkind"),
        ("[providers.lab]", "providers.pin = \"@\"\n[providers.lab]"),
        ("http://[::1]:8081", "http://me:@@host.example"),
        (r#"to = "ops""#, r#"password = "@""#),
        (r#"to = "ops""#, r#"token = "@""#),
        (r#"to = "ops""#, r#"token = "@"#),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_planted_secret_is_never_shown(
        slip in prop::sample::select(slips()),
        secret in "[a-zA-Z0-9+/=]{3}zQx7[a-zA-Z0-9+/=]{0,12}",
        other in prop::sample::select(slips()),
    ) {
        let (from, to) = slip;
        prop_assert!(GOOD.contains(from), "{}", from);
        let mut text = GOOD.replacen(from, &to.replacen('@', &secret, 1), 1);
        let (from, to) = other;
        text = text.replacen(from, &to.replacen('@', &secret, 1), 1);
        let shown = match parse(&text) {
            Ok(playbook) => format!("{playbook:?}{}", playbook.warnings()),
            Err(problems) => format!("{problems}{problems:?}{}", problems.render(true, Some(200))),
        };
        prop_assert!(!shown.contains("zQx7"), "{text}\n\n{shown}");
    }
}
