//! Keys, tables and values, wherever they stand.

use insta::assert_snapshot;

use super::{changed, problems};

#[test]
fn an_unknown_key_is_told_with_what_was_meant() {
    assert_snapshot!(problems(&changed(r#"rto = "#, r#"rot = "#)), @r#"
error: unknown key `rot` in `[playbook]`
 --> lab.toml:3:1
  |
3 | rot = "15m"
  | ^^^ not known here
  |
  = help: did you mean `rto`?

1 error in lab.toml
"#);
}

#[test]
fn an_unknown_key_of_a_step_is_found_among_common_and_own_keys() {
    assert_snapshot!(problems(&changed(r#"within = "#, r#"witin = "#)), @r#"
error: unknown key `witin` in step `ask`
  --> lab.toml:46:1
   |
46 | witin = "10m"
   | ^^^^^ not known here
   |
   = help: did you mean `within`?

1 error in lab.toml
"#);
}

#[test]
fn an_unknown_table_is_told() {
    assert_snapshot!(problems(&changed(r#"[zones."#, r#"[zone."#)), @r#"
error: unknown table `zone`
  --> lab.toml:24:2
   |
24 | [zone."Lab.example."]
   |  ^^^^ not known here
   |
   = help: did you mean `zones`?

warning: `www.lab.example` lies in no zone of the playbook
  --> lab.toml:29:9
   |
29 | names = ["www.lab.example."]
   |         ^^^^^^^^^^^^^^^^^^^^ it will stay where it leads
   |
   = help: add `[zones."…"]` for the zone, if the playbook shall move the name

1 error and 1 warning in lab.toml
"#);
}

#[test]
fn a_duration_that_is_none_is_told() {
    assert_snapshot!(problems(&changed(r#"within = "10m""#, r#"within = "10 minuts""#)), @r#"
error: `10 minuts` is no duration
  --> lab.toml:46:10
   |
46 | within = "10 minuts"
   |          ^^^^^^^^^^^ in `within`
   |
   = help: write a number with its unit: `90s`, `15m`, `6h`, `1h 30m`

1 error in lab.toml
"#);
}

#[test]
fn a_number_is_no_duration() {
    assert_snapshot!(problems(&changed(r#"within = "10m""#, r#"within = 600"#)), @r#"
error: `within` is a number without a unit
  --> lab.toml:46:10
   |
46 | within = 600
   |          ^^^ seconds, minutes or hours?
   |
   = help: write `within = "600s"` for seconds

1 error in lab.toml
"#);
}

#[test]
fn a_wrong_type_says_what_was_found() {
    assert_snapshot!(problems(&changed(r#"words = ["a"]"#, r#"words = 5"#)), @r#"
error: `words` must be a list of strings
  --> lab.toml:45:9
   |
45 | words = 5
   |         ^ this is a whole number
   |
   = help: write `words = ["…"]`

1 error in lab.toml
"#);
}

#[test]
fn a_share_is_at_most_all() {
    assert_snapshot!(problems(&changed(r#"share = "80%""#, r#"share = "180%""#)), @r#"
error: `share` must be a share from 0% to 100%
  --> lab.toml:44:9
   |
44 | share = "180%"
   |         ^^^^^^ not a share
   |
   = help: write `share = "80%"`

1 error in lab.toml
"#);
}
