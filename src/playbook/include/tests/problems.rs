//! Problems of two files, each told in the right one.

use insta::assert_snapshot;

use super::{SHARED, SHOP, bad, read};
use crate::playbook::{LARGEST, Playbook};

#[test]
fn errors_name_both_files() {
    let over = |text: &str| bad(&format!("{SHOP}\n{text}\n"), SHARED);
    assert_snapshot!(over("[override.mirror]\nmax-lg = \"12h\""), @r#"
        error: unknown key `max-lg` in step `mirror`
          --> playbooks/shop.toml:21:1
           |
        21 | max-lg = "12h"
           | ^^^^^^ not known here
           |
          ::: lib/site.toml:11:6
           |
        11 | id = "mirror"
           |      -------- the included step that this changes
           |
           = help: did you mean `max-lag`?

        1 error in playbooks/shop.toml
        "#);
    assert_snapshot!(over("[override.miror]\nmax-lag = \"12h\""), @r"
error: no step of the included file is called `miror`
  --> playbooks/shop.toml:20:11
   |
20 | [override.miror]
   |           ^^^^^ not in the included file
   |
   = help: did you mean `mirror`?

1 error in playbooks/shop.toml
");
    assert_snapshot!(over("[override.flip]\nkind = \"wait\""), @r#"
    error: an override cannot change `kind` of step `flip`
      --> playbooks/shop.toml:21:1
       |
    21 | kind = "wait"
       | ^^^^ stays as it is included
       |
      ::: lib/site.toml:23:6
       |
    23 | id = "flip"
       |      ------ the included step
       |
       = help: leave the included step out with `skip`, and add a `[[step]]` of your own beside it

    1 error in playbooks/shop.toml
    "#);
    assert_snapshot!(bad(SHOP, &SHARED.replace("max-files = 100", "max-files = true")), @r#"
    error: `max-files` must be a whole number
      --> lib/site.toml:15:13
       |
    15 | max-files = true
       |             ^^^^ this is true or false
       |
      ::: playbooks/shop.toml:4:11
       |
     4 | include = "../lib/site.toml"
       |           ------------------ the file above is included here
       |
       = help: write `max-files = 10`

    1 error in playbooks/shop.toml
    "#);
    assert_snapshot!(bad(SHOP, &SHARED.replace("[[step]]\nid = \"flip\"", "[[step]\nid = \"flip\"")), @r#"
    error: not TOML: unclosed array table, expected `]`
      --> lib/site.toml:22:8
       |
    22 | [[step]
       |        ^ here
       |
      ::: playbooks/shop.toml:4:11
       |
     4 | include = "../lib/site.toml"
       |           ------------------ the file above is included here

    1 error in playbooks/shop.toml
    "#);
    assert_snapshot!(over("[[step]]\nid = \"flip\"\nkind = \"wait\"\ntime = \"1s\""), @r#"
    error: two steps are called `flip`
      --> playbooks/shop.toml:21:6
       |
    21 | id = "flip"
       |      ^^^^^^ taken
       |
      ::: lib/site.toml:23:6
       |
    23 | id = "flip"
       |      ------ by this step
       |
       = help: to change keys of an included step write `[override.flip]`

    1 error in playbooks/shop.toml
    "#);
    assert_snapshot!(over("[[step]]\nid = \"x\"\nkind = \"wait\"\ntime = \"1s\"\nafter = \"fliip\""), @r#"
    error: `after` names no step of the list: `fliip`
      --> playbooks/shop.toml:24:9
       |
    24 | after = "fliip"
       |         ^^^^^^^ not in the list
       |
       = help: did you mean `flip`?

    1 error in playbooks/shop.toml
    "#);
}

#[test]
fn a_file_that_cannot_be_included_is_told() {
    let named = |path: &str| SHOP.replace("../lib/site.toml", path);
    assert_snapshot!(bad(&named("gone.toml"), SHARED), @r#"
error: the included file `gone.toml` cannot be read: no such file
 --> playbooks/shop.toml:4:11
  |
4 | include = "gone.toml"
  |           ^^^^^^^^^^^ included here
  |
  = help: its path counts from the folder of the playbook

1 error in playbooks/shop.toml
"#);
    assert_snapshot!(bad(SHOP, SHOP), @r#"
    error: an included file cannot include another one
     --> lib/site.toml:4:11
      |
    4 | include = "../lib/site.toml"
      |           ^^^^^^^^^^^^^^^^^^ a second level
      |
     ::: playbooks/shop.toml:4:11
      |
    4 | include = "../lib/site.toml"
      |           ------------------ the file above is included here
      |
      = help: include goes one level deep; put the shared steps into one file

    1 error in playbooks/shop.toml
    "#);
    assert_snapshot!(bad(SHOP, "[playbook]\nname = \"other\"\n"), @r#"
    error: `../lib/site.toml` is a playbook of its own
     --> lib/site.toml:1:2
      |
    1 | [playbook]
      |  ^^^^^^^^ an included file has no `[playbook]`
      |
     ::: playbooks/shop.toml:4:11
      |
    4 | include = "../lib/site.toml"
      |           ------------------ the file above is included here
      |
      = help: put the steps that are shared into a file without `[playbook]`

    1 error in playbooks/shop.toml
    "#);
    assert_snapshot!(bad(SHOP, "[override.mirror]\nwithin = \"1s\"\n[hots.web]\nsite = \"x\"\n"), @r#"
    error: an included file has no `override`
     --> lib/site.toml:1:2
      |
    1 | [override.mirror]
      |  ^^^^^^^^ not known here
      |
     ::: playbooks/shop.toml:4:11
      |
    4 | include = "../lib/site.toml"
      |           ------------------ the file above is included here
      |
      = help: write `[override.ID]` into the playbook

    error: an included file has no `hots`
     --> lib/site.toml:3:2
      |
    3 | [hots.web]
      |  ^^^^ not known here
      |
     ::: playbooks/shop.toml:4:11
      |
    4 | include = "../lib/site.toml"
      |           ------------------ the file above is included here
      |
      = help: did you mean `hosts`?

    2 errors in playbooks/shop.toml
    "#);
    assert_snapshot!(bad(&named(""), SHARED), @r#"
    error: `include` is empty
     --> playbooks/shop.toml:4:11
      |
    4 | include = ""
      |           ^^ nothing stands here

    1 error in playbooks/shop.toml
    "#);
    let large = read(SHOP, &vec![b'#'; LARGEST + 1], &[]).unwrap_err();
    assert_eq!(large.list[0].code, "too-large");
    assert!(large.to_string().contains("../lib/site.toml"), "{large}");
    let bytes = read(SHOP, b"[[step]]\nid = \"\xff\"\n", &[]).unwrap_err();
    assert_snapshot!(bytes, @r#"
    error: the included file `../lib/site.toml` is not UTF-8 text
     --> lib/site.toml:2:7
      |
    2 | id = "�"
      |       ^ no character begins with this byte
      |
     ::: playbooks/shop.toml:4:11
      |
    4 | include = "../lib/site.toml"
      |           ------------------ included here
      |
      = help: save the file as UTF-8

    1 error in playbooks/shop.toml
    "#);
    let alone = Playbook::parse(SHOP, "shop.toml", &[]).unwrap_err();
    assert_eq!(alone.list[0].code, "not-read");
}

#[test]
fn a_place_in_the_included_file_has_its_own_line() {
    let shared = SHARED.replace("max-files = 100", "max-fils = 100");
    let problems = read(SHOP, shared.as_bytes(), &[]).unwrap_err();
    let problem = &problems.list[0];
    let at = problems.position(problem).unwrap();
    assert_eq!((at.file, at.line, at.column), ("lib/site.toml", 15, 1));
    let from = problems.at(problem.related[0].span.start).unwrap();
    assert_eq!(
        (from.file, from.line, from.column),
        ("playbooks/shop.toml", 4, 11)
    );
}

#[test]
fn a_secret_in_an_included_file_is_never_shown() {
    let planted = "hunter2hunter2";
    let shared = [
        SHARED.replace("{ env = \"MYTHIC_KEY_ID\" }", &format!("\"{planted}\"")),
        SHARED.replace("{ env = \"MYTHIC_KEY_ID\" }", &format!("\"{planted}")),
        SHARED.replace("key-id = {", &format!("pin = \"{planted}\"\nkey-id = {{")),
        SHARED.replace("ttl = \"60s\"", &format!("api-token = \"{planted}\"")),
        SHARED.replace(
            "[[step]]\nid = \"flip\"",
            &format!("[[step]]\npassword = {planted}\nid = \"flip\""),
        ),
    ];
    let own = [
        SHOP.to_owned(),
        format!("{SHOP}\n[providers.dns]\nsecret = \"{planted}\"\n"),
        format!("{SHOP}\n[override.nothing]\nwords = [\"{planted}\"]\n"),
        format!("{SHOP}\n[override.flip]\ntoken = \"{planted}\"\n"),
        SHOP.replace("../lib", "../gone") + &format!("[providers.dns]\nsecret = \"{planted}\"\n"),
    ];
    let mut seen = 0;
    for text in &own {
        for shared in shared.iter().chain([&SHARED.to_owned()]) {
            if let Err(problems) = read(text, shared.as_bytes(), &[]) {
                assert!(!problems.to_string().contains(planted), "{problems}");
                assert!(!format!("{problems:?}").contains(planted), "{problems:?}");
                seen += 1;
            }
        }
    }
    assert!(seen > 25, "{seen}");
    // One that is replaced is not shown either.
    let text = format!("{SHOP}\n[providers.dns]\nkey-id = {{ env = \"SHOP_KEY_ID\" }}\n");
    let book = read(&text, shared[0].as_bytes(), &[]).unwrap();
    assert!(!book.text().contains(planted), "{}", book.text());
    assert!(!book.warnings().to_string().contains(planted));
}
