//! Steps that are left out until a day.

use insta::assert_snapshot;

use super::{SHARED, SHOP, bad, good, read};
use crate::playbook::Playbook;
use crate::step::Work;

#[test]
fn a_skipped_step_is_left_out_until_a_day() {
    let skip = |until: &str| {
        format!(
            "{SHOP}\n[override.mirror]\nskip = {{ reason = \"the mirror moves in spring\", until = {until} }}\n"
        )
    };
    for until in ["2026-11-22", "\"2027-03-31\""] {
        let book = good(&skip(until));
        let skip = book.step("mirror").unwrap().common.skip.clone().unwrap();
        assert_eq!(skip.reason, "the mirror moves in spring");
        assert!(matches!(book.step("mirror").unwrap().work, Work::Check(_)));
    }
    assert_snapshot!(bad(&skip("2026-11-21"), SHARED), @r#"
error: step `mirror` was to be left out until 2026-11-21 only, and today is 2026-11-22
  --> playbooks/shop.toml:21:57
   |
21 | skip = { reason = "the mirror moves in spring", until = 2026-11-21 }
   |                                                         ^^^^^^^^^^ over
   |
  ::: lib/site.toml:11:6
   |
11 | id = "mirror"
   |      -------- the included step that this changes
   |
   = help: take `skip` out, or decide again and set a later day; for this once add `--set
           step.mirror.skip.until=2026-11-22`

1 error in playbooks/shop.toml
"#);
    assert_snapshot!(bad(&skip("2026-02-30"), SHARED), @r#"
    error: not TOML: invalid date, expected day between 01 and 28
      --> playbooks/shop.toml:21:57
       |
    21 | skip = { reason = "the mirror moves in spring", until = 2026-02-30 }
       |                                                         ^^^^^^^^^^ here

    1 error in playbooks/shop.toml
    "#);
    assert_snapshot!(bad(&skip("2027-01-01").replace(", until = 2027-01-01", ""), SHARED), @r#"
error: `skip` has no `until`
  --> playbooks/shop.toml:21:8
   |
21 | skip = { reason = "the mirror moves in spring" }
   |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `until` is missing
   |
  ::: lib/site.toml:11:6
   |
11 | id = "mirror"
   |      -------- the included step that this changes
   |
   = help: add `until = 2026-12-31`: the last day (in UTC) on which it is left out; afterwards the playbook is not
           valid

1 error in playbooks/shop.toml
"#);
    let plain = format!("{SHOP}\n[override.mirror]\nskip = \"later\"\n");
    assert_snapshot!(bad(&plain, SHARED), @r#"
    error: a skip needs the day on which it ends
      --> playbooks/shop.toml:21:8
       |
    21 | skip = "later"
       |        ^^^^^^^ until when?
       |
      ::: lib/site.toml:11:6
       |
    11 | id = "mirror"
       |      -------- the included step that this changes
       |
       = help: write `skip = { reason = "…", until = 2026-12-31 }`

    1 error in playbooks/shop.toml
    "#);
    // Where nobody says which day it is, none is over: a run that is resumed goes on past midnight.
    let over = good(&skip("2026-11-22"))
        .text()
        .replace("2026-11-22", "2026-11-21");
    assert!(Playbook::parse(&over, "alone.toml", &[]).is_ok());
}

#[test]
fn a_skip_that_leaves_nothing_is_seen() {
    let skip = |id: &str| {
        let text =
            format!("{SHOP}\n[override.{id}]\nskip = {{ reason = \"why\", until = 2027-01-01 }}\n");
        read(&text, SHARED.as_bytes(), &[])
            .unwrap()
            .warnings()
            .to_string()
    };
    assert_snapshot!(skip("flip"), @r#"
    warning: the playbook changes nothing while `flip` is left out
      --> playbooks/shop.toml:21:8
       |
    21 | skip = { reason = "why", until = 2027-01-01 }
       |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ until 2027-01-01
       |
      ::: lib/site.toml:23:6
       |
    23 | id = "flip"
       |      ------ the included step that this changes
       |
       = help: change the step so that it fits, instead of leaving it out

    1 warning in playbooks/shop.toml
    "#);
    assert_snapshot!(skip("public"), @r#"
    warning: nobody looks at what `flip` changed while `public` is left out
      --> playbooks/shop.toml:21:8
       |
    21 | skip = { reason = "why", until = 2027-01-01 }
       |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ until 2027-01-01
       |
      ::: lib/site.toml:29:6
       |
    29 | id = "public"
       |      -------- the included step that this changes
       |
       = help: change the step so that it fits, instead of leaving it out

    1 warning in playbooks/shop.toml
    "#);
    assert_eq!(skip("works"), "");
}
