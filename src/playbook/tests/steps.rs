//! Steps: their ids, kinds, and the keys that all share.

use insta::assert_snapshot;

use super::{changed, parse, problems};

#[test]
fn an_unknown_kind_is_told_with_what_was_meant() {
    assert_snapshot!(problems(&changed(r#"kind = "act""#, r#"kind = "atc""#)), @r#"
error: no kind of step is called `atc`
  --> lab.toml:52:8
   |
52 | kind = "atc"
   |        ^^^^^ not known
   |
   = help: did you mean `act`?

1 error in lab.toml
"#);
}

#[test]
fn a_place_that_is_none_is_told() {
    assert_snapshot!(problems(&changed(r#"at = "target""#, r#"at = "targte""#)), @r#"
error: no host is called `targte`
  --> lab.toml:42:6
   |
42 | at = "targte"
   |      ^^^^^^^^ not defined
   |
   = help: did you mean `target`?

1 error in lab.toml
"#);
}

#[test]
fn ids_are_unique() {
    assert_snapshot!(problems(&changed(r#"id = "act""#, r#"id = "ask""#)), @r#"
error: two steps are called `ask`
  --> lab.toml:51:6
   |
51 | id = "ask"
   |      ^^^^^ taken by an earlier step
   |
   = help: reports and journals tell steps apart by their ids

1 error in lab.toml
"#);
}

#[test]
fn ids_are_kebab_case() {
    assert_snapshot!(problems(&changed(r#"id = "act""#, r#"id = "Act now""#)), @r#"
    error: `Act now` is no `id`
      --> lab.toml:51:6
       |
    51 | id = "Act now"
       |      ^^^^^^^^^ not in kebab-case
       |
       = help: use lower-case letters and digits, with `-` between words

    1 error in lab.toml
    "#);
}

#[test]
fn a_step_without_a_kind_is_told() {
    assert_snapshot!(problems(&changed(r#"kind = "act"
"#, r#""#)), @r#"
error: step `act` has no `kind`
  --> lab.toml:50:1
   |
50 | [[step]]
   | ^^^^^^^^ `kind` is missing
   |
   = help: `cutover kinds` lists what a step can do

1 error in lab.toml
"#);
}

#[test]
fn one_bracket_is_not_two() {
    assert_snapshot!(problems(&changed(r#"[[step]]
id = "act""#, r#"[step.act]"#)), @r"
error: unknown key `act` in step `ask`
  --> lab.toml:50:7
   |
50 | [step.act]
   |       ^^^ not known here
   |
   = help: step `ask` takes `id`, `kind`, `within`, `every`, `timeout`, `when`, `blocks`,
           `on-fail`, `temporary`, `allow`, `skip`, `before`, `after`, `to`, `services`, `at`,
           `from`, `share`, `most`, `loud`, `words` and `password`

1 error in lab.toml
");
}

#[test]
fn a_word_of_when_is_checked() {
    assert_snapshot!(problems(&changed(r#"["failover", "drill"]"#, r#"["failover", "drils"]"#)), @r#"
    error: `when` cannot be `drils`
      --> lab.toml:47:21
       |
    47 | when = ["failover", "drils"]
       |                     ^^^^^^^ not one of its words
       |
       = help: did you mean `drill`?

    1 error in lab.toml
    "#);
}

#[test]
fn a_change_that_no_way_there_makes_is_refused() {
    let returning = |more: &str| {
        changed(
            "kind = \"act\"\ntemporary = true",
            &format!("kind = \"act\"\nwhen = [\"return\"{more}]"),
        )
    };
    assert_snapshot!(problems(&returning("")), @r#"
error: step `act` would never change anything
  --> lab.toml:53:8
   |
53 | when = ["return"]
   |        ^^^^^^^^^^ a way back only puts back what was changed on the way there
   |
   = help: name a way there too, `drill`, `failover` or `emergency`

1 error in lab.toml
"#);
    assert!(parse(&returning(", \"drill\"")).is_ok());
    // What changes nothing may well be asked on the way back alone.
    let asked = changed(r#"["failover", "drill"]"#, r#"["return"]"#);
    assert!(parse(&asked).is_ok());
}

#[test]
fn a_pace_slower_than_the_deadline_is_refused() {
    assert_snapshot!(problems(&changed(r#"within = "10m""#, r#"within = "10m"
every = "1h""#)), @r#"
error: `every` (1h) is longer than `within` (10m)
  --> lab.toml:47:9
   |
47 | every = "1h"
   |         ^^^^ it would never look a second time
   |
   = help: make `every` shorter, or `within` longer

1 error in lab.toml
"#);
}

#[test]
fn what_changes_nothing_is_not_temporary() {
    assert_snapshot!(problems(&changed(r#"share = "80%""#, r#"temporary = true"#)), @r#"
error: step `ask` cannot be `temporary`: it changes nothing
  --> lab.toml:44:13
   |
44 | temporary = true
   |             ^^^^ only a change can be undone

1 error in lab.toml
"#);
}

#[test]
fn what_a_kind_refuses_is_told() {
    assert_snapshot!(problems(&changed(r#"to = "ops""#, r#"to = "nobody""#)), @r#"
error: nobody cannot answer
  --> lab.toml:40:6
   |
40 | to = "nobody"
   |      ^^^^^^^^

1 error in lab.toml
"#);
}
