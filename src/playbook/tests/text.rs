//! The file as text: what cannot be read at all, and how problems are shown.

use insta::assert_snapshot;

use super::{GOOD, changed, parse, problems};
use crate::playbook::{Input, LARGEST, Playbook};

#[test]
fn broken_toml_is_told() {
    assert_snapshot!(problems(&changed(r#"name = "lab""#, r#"name = "lab"#)), @r#"
error: not TOML: invalid basic string, expected `"`
 --> lab.toml:2:12
  |
2 | name = "lab
  |            ^ here

1 error in lab.toml
"#);
}

#[test]
fn what_stands_twice_is_told_with_the_brackets_of_a_list() {
    assert_snapshot!(problems(&changed(r#"rto = "15m""#, r#"name = "again""#)), @r#"
error: not TOML: duplicate key
 --> lab.toml:3:1
  |
3 | name = "again"
  | ^^^^ stands further up too
  |
  = help: give each key and table once; steps are a list, each with two brackets: `[[step]]`

1 error in lab.toml
"#);
}

#[test]
fn the_mark_at_the_beginning_is_no_column() {
    let text = format!("\u{feff}nmae = 1\n{GOOD}");
    let problems = Playbook::parse(&text, "lab.toml", &[]).unwrap_err();
    let unknown = problems.list.iter().find(|one| one.code == "unknown-key");
    let at = problems.position(unknown.unwrap()).unwrap();
    assert_eq!((at.line, at.column), (1, 1));
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let text = changed(r#"from = "primary""#, r#"from = "\u001b[31mred""#);
    assert_snapshot!(problems(&text), @r#"
error: no host is called `�[31mred`
  --> lab.toml:43:8
   |
43 | from = "\u001b[31mred"
   |        ^^^^^^^^^^^^^^^ not defined
   |
   = help: the playbook defines `primary` and `standby`

1 error in lab.toml
"#);
}

#[test]
fn an_empty_file_lacks_everything() {
    assert_snapshot!(problems(""), @r#"
error: the file has no `[playbook]`
 --> lab.toml:1:1
  |
1 |
  | ^ `[playbook]` is missing
  |
  = help: begin with `[playbook]` and `name = "…"`

error: the playbook has no hosts
 --> lab.toml:1:1
  |
1 |
  | ^ a second site is missing
  |
  = help: add `[hosts.NAME]` for each machine of both sites

error: the playbook has no steps
 --> lab.toml:1:1
  |
1 |
  | ^ nothing would happen
  |
  = help: add `[[step]]` with an `id` and a `kind`; `cutover kinds` lists the kinds

3 errors in lab.toml
"#);
}

#[test]
fn a_file_that_is_no_text_is_told() {
    let mut bytes = GOOD.as_bytes().to_vec();
    bytes[12] = 0xff;
    let problems = Playbook::read(&bytes, &Input::alone("lab.toml", &[])).unwrap_err();
    assert_snapshot!(problems, @r#"
error: the file is not UTF-8 text
 --> lab.toml:2:2
  |
2 | n�me = "lab"
  |  ^ no character begins with this byte
  |
  = help: save the file as UTF-8

1 error in lab.toml
"#);
}

#[test]
fn a_file_that_is_too_large_is_told() {
    let text = "#".repeat(LARGEST + 1);
    assert_snapshot!(parse(&text).unwrap_err(), @r#"
error: the file is larger than 1 MiB
 --> lab.toml:1:1
  |
1 |
  | ^ not read
  |
  = help: a playbook has a few hundred lines; is this the right file?

1 error in lab.toml
"#);
}

#[test]
fn problems_come_in_the_order_of_the_text_with_their_number() {
    let text = changed("rto = ", "rot = ").replace("share = \"80%\"", "share = 101");
    assert_snapshot!(problems(&text), @r#"
error: unknown key `rot` in `[playbook]`
 --> lab.toml:3:1
  |
3 | rot = "15m"
  | ^^^ not known here
  |
  = help: did you mean `rto`?

error: `share` must be a share from 0% to 100%
  --> lab.toml:44:9
   |
44 | share = 101
   |         ^^^ not a share
   |
   = help: write `share = "80%"`

2 errors in lab.toml
"#);
}

#[test]
fn colour_is_only_where_it_is_asked_for() {
    let problems = parse(&changed("rto = ", "rot = ")).unwrap_err();
    assert!(problems.render(true, None).contains('\u{1b}'));
    assert!(!problems.render(false, None).contains('\u{1b}'));
    let position = problems.position(&problems.list[0]);
    let place = position.map(|at| (at.file, at.line, at.column));
    assert_eq!(place, Some(("lab.toml", 3, 1)));
}

#[test]
fn lines_that_end_with_a_carriage_return_alone_are_one_problem() {
    let old = GOOD.replace('\n', "\r");
    let told = problems(&old);
    assert_snapshot!(told, @r#"
error: not TOML: a line ends with a carriage return alone
 --> lab.toml:1:11
  |
1 | [playbook]
  |           ^ no line feed follows
  |
  = help: save the file with Unix line ends: `tr '\r' '\n' < OLD > NEW`

1 error in lab.toml
"#);
    // Some lines only.
    let mixed = GOOD.replacen("\n", "\r\n", 5).replacen("\"\n", "\"\r", 1);
    assert!(problems(&mixed).contains("carriage return alone"));
    assert!(parse(&GOOD.replace('\n', "\r\n")).is_ok());
}

#[test]
fn a_scheme_in_upper_case_is_the_same_scheme() {
    for written in ["HTTP://[::1]:8081", "hTTp://[::1]:8081"] {
        let book = parse(&changed("http://[::1]:8081", written)).unwrap();
        let fields = &book.providers()["lab"].fields;
        assert_eq!(fields.text("url"), Some("http://[::1]:8081"), "{written}");
    }
    for wrong in ["HTTPX://[::1]:8081", "ftp://[::1]", "http:/[::1]"] {
        assert!(
            parse(&changed("http://[::1]:8081", wrong)).is_err(),
            "{wrong}"
        );
    }
}
