use insta::assert_snapshot;
use jiff::civil::Date;

use crate::playbook::{Included, Input, LARGEST, Playbook, Problems};
use crate::step::Work;

const SHARED: &str = r#"
[providers.dns]
kind = "mythic-beasts"
key-id = { env = "MYTHIC_KEY_ID" }
secret = { file = "/etc/cutover/mythic.secret" }

[services.website]
probes = [{ http = "/health", contains = "ok" }]

[[step]]
id = "mirror"
kind = "mirror"
path = "/srv/www/"
max-lag = "6h"
max-files = 100

[[step]]
id = "works"
kind = "services"
at = "target"

[[step]]
id = "flip"
kind = "dns"
services = "all"
ttl = "60s"

[[step]]
id = "public"
kind = "services"
at = "public"
"#;

const SHOP: &str = r#"
[playbook]
name = "shop"
include = "../lib/site.toml"

[hosts.web]
ssh = "web"
addresses = ["192.0.2.10"]

[hosts.spare]
ssh = "spare"
addresses = ["198.51.100.20"]

[zones."shop.example"]
provider = "dns"

[services.website]
names = ["shop.example"]
"#;

fn today() -> Date {
    jiff::civil::date(2026, 11, 22)
}

fn read(text: &str, shared: &[u8], sets: &[&str]) -> Result<Playbook, Problems> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let input = Input {
        file: "playbooks/shop.toml",
        sets: &sets,
        today: Some(today()),
        read: &|path| match path {
            "../lib/site.toml" => Ok(Included {
                file: Input::beside("playbooks/shop.toml", path),
                bytes: shared.to_vec(),
            }),
            _ => Err("no such file".to_owned()),
        },
    };
    Playbook::read(text.as_bytes(), &input)
}

#[track_caller]
fn good(text: &str) -> Playbook {
    let book = read(text, SHARED.as_bytes(), &[]).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(book.warnings().is_empty(), "{}", book.warnings());
    // Whatever it is made of, its text alone gives it again, on any day.
    for text in [book.text(), book.resolved()] {
        let again = Playbook::parse(text, "alone.toml", &[]).unwrap_or_else(|p| panic!("{p}"));
        assert_eq!(
            without_places(&again),
            without_places(&book).replace(book.digest(), again.digest())
        );
        assert_eq!(commons(&again), commons(&book));
        assert_eq!(again.text(), text);
    }
    book
}

fn without_places(book: &Playbook) -> String {
    let debug = format!("{book:?}");
    let parts = debug
        .split("..")
        .map(|part| part.trim_matches(|c: char| c.is_ascii_digit()));
    parts.collect()
}

#[track_caller]
fn bad(text: &str, shared: &str) -> String {
    match read(text, shared.as_bytes(), &[]) {
        Ok(_) => panic!("it is taken"),
        Err(problems) => problems.to_string(),
    }
}

fn commons(book: &Playbook) -> Vec<String> {
    (book.steps().iter())
        .map(|step| format!("{} {} {:?}", step.id, step.title, step.common))
        .collect()
}

fn ids(book: &Playbook) -> Vec<&str> {
    book.steps().iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn the_included_list_is_the_list() {
    let book = good(SHOP);
    assert_eq!(ids(&book), ["mirror", "works", "flip", "public"]);
    assert_eq!(book.services()["website"].names, ["shop.example"]);
    assert_eq!(book.services()["website"].probes.len(), 1);
    assert_eq!(book.providers()["dns"].kind.name, "mythic-beasts");
}

#[test]
fn own_steps_come_last_or_where_they_say() {
    let wait = |id: &str, place: &str| {
        format!("[[step]]\nid = \"{id}\"\nkind = \"wait\"\ntime = \"1s\"\n{place}\n")
    };
    let text = [
        SHOP.to_owned(),
        wait("last", ""),
        wait("first", "before = \"mirror\""),
        wait("second", "after = \"first\""),
        wait("a", "after = \"works\""),
        wait("b", "after = \"works\""),
        wait("c", "before = \"flip\""),
        wait("very-last", ""),
    ]
    .concat();
    assert_eq!(
        ids(&good(&text)),
        [
            "first",
            "second",
            "mirror",
            "works",
            "a",
            "b",
            "c",
            "flip",
            "public",
            "last",
            "very-last"
        ]
    );
}

#[test]
fn an_override_changes_and_adds_keys() {
    let text = format!(
        "{SHOP}
[override.mirror]
max-lag = \"12h\"
within = \"5m\"

[override.flip]
ttl = \"5m\"
"
    );
    let book = good(&text);
    assert_snapshot!(book.resolved(), @r#"
    # Resolved by cutover: what came from ../lib/site.toml is marked.

    [playbook]
    name = "shop"

    [hosts.web]
    ssh = "web"
    addresses = ["192.0.2.10"]

    [hosts.spare]
    ssh = "spare"
    addresses = ["198.51.100.20"]

    # from ../lib/site.toml
    [providers.dns]
    kind = "mythic-beasts"
    key-id = { env = "MYTHIC_KEY_ID" }
    secret = { file = "/etc/cutover/mythic.secret" }

    [zones."shop.example"]
    provider = "dns"

    [services.website]
    names = ["shop.example"]
    probes = [{ http = "/health", contains = "ok" }]  # from ../lib/site.toml

    # from ../lib/site.toml
    [[step]]
    id = "mirror"
    kind = "mirror"
    path = "/srv/www/"
    max-lag = "12h"  # instead of "6h" from ../lib/site.toml
    max-files = 100
    within = "5m"  # added

    # from ../lib/site.toml
    [[step]]
    id = "works"
    kind = "services"
    at = "target"

    # from ../lib/site.toml
    [[step]]
    id = "flip"
    kind = "dns"
    services = "all"
    ttl = "5m"  # instead of "60s" from ../lib/site.toml

    # from ../lib/site.toml
    [[step]]
    id = "public"
    kind = "services"
    at = "public"
    "#);
}

#[test]
fn what_the_command_line_sets_is_put_over_everything() {
    let text = format!("{SHOP}\n[override.mirror]\nwithin = \"5m\"\n");
    let sets = [
        "step.mirror.within=9m",
        "hosts.spare.addresses='192.0.2.99'",
    ];
    let book = read(&text, SHARED.as_bytes(), &["step.mirror.within=9m"]).unwrap();
    assert_eq!(book.step("mirror").unwrap().common.within.as_secs(), 540);
    assert!(
        book.text().contains("within = \"9m\"  # --set"),
        "{}",
        book.text()
    );
    let again = Playbook::parse(book.text(), "alone.toml", &[]).unwrap();
    assert_eq!(commons(&again), commons(&book));
    assert_eq!(again.digest(), book.digest());
    let book = read(&text, SHARED.as_bytes(), &sets).unwrap();
    assert_eq!(book.hosts()["spare"].addresses[0].to_string(), "192.0.2.99");
    let problems = read(&text, SHARED.as_bytes(), &["playbook.include=x.toml"]).unwrap_err();
    assert!(
        problems.to_string().contains("comes too late"),
        "{problems}"
    );
}

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
fn what_changes_nothing_is_said() {
    let text = format!(
        "{SHOP}\n[override.mirror]\nmax-lag = \"6h\"\n[override.flip]\n[providers.dns]\nkind = \"mythic-beasts\"\n"
    );
    let book = read(&text, SHARED.as_bytes(), &[]).unwrap();
    assert_snapshot!(book.warnings(), @r#"
warning: `max-lag` of step `mirror` is the same in the included file
  --> playbooks/shop.toml:21:1
   |
21 | max-lag = "6h"
   | ^^^^^^^ changes nothing
   |
  ::: lib/site.toml:14:1
   |
14 | max-lag = "6h"
   | ------- the same value
   |
   = help: leave it out

warning: the override of step `flip` is empty
  --> playbooks/shop.toml:22:11
   |
22 | [override.flip]
   |           ^^^^ changes nothing
   |
   = help: leave it out

warning: `kind` of `providers.dns` is the same in the included file
  --> playbooks/shop.toml:24:1
   |
24 | kind = "mythic-beasts"
   | ^^^^ changes nothing
   |
  ::: lib/site.toml:3:1
   |
 3 | kind = "mythic-beasts"
   | ---- the same value
   |
   = help: leave it out

3 warnings in playbooks/shop.toml
"#);
}

#[test]
fn overrides_and_places_need_an_include() {
    let alone = SHARED.replace("[services", "[service");
    let text = format!(
        "{}\n{}\n[override.flip]\nttl = \"5s\"\n",
        SHOP.replace("include =", "summary ="),
        alone.replace("at = \"target\"", "at = \"target\"\nafter = \"flip\"")
    );
    let problems = read(&text, b"", &[]).unwrap_err();
    let codes: Vec<&str> = problems.list.iter().map(|problem| problem.code).collect();
    assert!(codes.contains(&"override-alone"), "{problems}");
    assert!(codes.contains(&"not-placed"), "{problems}");
}

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

#[test]
fn files_are_called_from_where_the_playbook_is_called() {
    let cases = [
        ("playbooks/shop.toml", "../lib/site.toml", "lib/site.toml"),
        ("shop.toml", "lib/site.toml", "lib/site.toml"),
        ("shop.toml", "../lib/site.toml", "../lib/site.toml"),
        (
            "../../shop.toml",
            "../lib/site.toml",
            "../../../lib/site.toml",
        ),
        (
            "/etc/cutover/shop.toml",
            "./site.toml",
            "/etc/cutover/site.toml",
        ),
        ("a/b.toml", "/etc/site.toml", "/etc/site.toml"),
    ];
    for (playbook, included, called) in cases {
        assert_eq!(Input::beside(playbook, included), called);
    }
}
