//! Services, with their probes and names, and zones.

use insta::assert_snapshot;

use super::{changed, parse, problems};

#[test]
fn a_service_that_is_not_defined_is_told() {
    assert_snapshot!(problems(&changed(r#"services = "all""#, r#"services = ["website", "webste"]"#)), @r#"
error: no service is called `webste`
  --> lab.toml:41:24
   |
41 | services = ["website", "webste"]
   |                        ^^^^^^^^ not defined
   |
   = help: did you mean `website`?

1 error in lab.toml
"#);
}

#[test]
fn a_provider_that_is_not_defined_is_told() {
    assert_snapshot!(problems(&changed(r#"provider = "lab""#, r#"provider = "lob""#)), @r#"
error: no provider is called `lob`
  --> lab.toml:25:12
   |
25 | provider = "lob"
   |            ^^^^^ not defined
   |
   = help: did you mean `lab`?

1 error in lab.toml
"#);
}

#[test]
fn a_probe_that_asserts_nothing_is_refused() {
    assert_snapshot!(problems(&changed(r#"contains = "Welcome""#, r#"contains = """#)), @r#"
error: this probe asserts nothing
  --> lab.toml:31:28
   |
31 |   { http = "/", contains = "", header = { Server = "nginx" }, slower-than = "2s" },
   |                            ^^ every answer contains an empty text
   |
   = help: name some text that only a healthy answer holds

1 error in lab.toml
"#);
}

#[test]
fn a_header_that_asserts_nothing_is_refused() {
    assert_snapshot!(problems(&changed(r#"{ Server = "nginx" }"#, r#"{}"#)), @r#"
error: this probe asserts nothing
  --> lab.toml:31:48
   |
31 |   { http = "/", contains = "Welcome", header = {}, slower-than = "2s" },
   |                                                ^^ every header contains an empty text
   |
   = help: write `header = { content-type = "text/html" }`

1 error in lab.toml
"#);
}

#[test]
fn a_probe_that_asks_nothing_is_refused() {
    assert_snapshot!(problems(&changed(r#"{ tcp = 22, expect = "SSH-2.0" }"#, r#"{ expect = "SSH-2.0" }"#)), @r#"
    error: an entry of `probes` has none of `http`, `tcp` and `rsync`
      --> lab.toml:33:3
       |
    33 |   { expect = "SSH-2.0" },
       |   ^^^^^^^^^^^^^^^^^^^^^^ one of them must be here
       |
       = help: add `http = "…"`: a path, from `/`: it is asked for at each address, with each of the
               service's names

    error: `expect` goes only with `tcp`
      --> lab.toml:33:5
       |
    33 |   { expect = "SSH-2.0" },
       |     ^^^^^^ there is no `tcp` here

    2 errors in lab.toml
    "#);
}

#[test]
fn two_probes_in_one_are_refused() {
    assert_snapshot!(problems(&changed(r#"{ rsync = "archive" }"#, r#"{ rsync = "archive", tcp = 22 }"#)), @r#"
    error: `tcp` and `rsync` exclude each other
      --> lab.toml:34:5
       |
    34 |   { rsync = "archive", tcp = 22 },
       |     ^^^^^ which of them?

    1 error in lab.toml
    "#);
}

#[test]
fn keys_of_another_probe_are_refused() {
    assert_snapshot!(problems(&changed(r#"{ rsync = "archive" }"#, r#"{ rsync = "archive", expect = "x" }"#)), @r#"
    error: `expect` goes only with `tcp`
      --> lab.toml:34:24
       |
    34 |   { rsync = "archive", expect = "x" },
       |                        ^^^^^^ there is no `tcp` here

    1 error in lab.toml
    "#);
}

#[test]
fn a_name_must_be_fully_qualified() {
    assert_snapshot!(problems(&changed(r#""www.lab.example.""#, r#""www", "https://lab.example/""#)), @r#"
error: `www` is not fully qualified
  --> lab.toml:29:10
   |
29 | names = ["www", "https://lab.example/"]
   |          ^^^^^ in `names`
   |
   = help: write `names = ["www.site.example"]`

error: `https://lab.example/` is no host name: leave out everything but the name
  --> lab.toml:29:17
   |
29 | names = ["www", "https://lab.example/"]
   |                 ^^^^^^^^^^^^^^^^^^^^^^ in `names`
   |
   = help: write `names = ["www.site.example"]`

2 errors in lab.toml
"#);
}

#[test]
fn a_name_in_no_zone_stays() {
    let playbook = parse(&changed(
        r#""www.lab.example.""#,
        r#""www.lab.example", "mylab.example""#,
    ));
    assert_snapshot!(playbook.unwrap().warnings(), @r#"
warning: `mylab.example` lies in no zone of the playbook
  --> lab.toml:29:9
   |
29 | names = ["www.lab.example", "mylab.example"]
   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ it will stay where it leads
   |
   = help: add `[zones."…"]` for the zone, if the playbook shall move the name

1 warning in lab.toml
"#);
}

#[test]
fn a_service_of_one_side_is_a_warning() {
    let playbook = parse(&changed("probes = [", "hosts = [\"primary\"]\nprobes = ["));
    assert_snapshot!(playbook.unwrap().warnings(), @r#"
warning: no host of site `cloud` offers service `website`
  --> lab.toml:30:9
   |
30 | hosts = ["primary"]
   |         ^^^^^^^^^^^ it cannot move
   |
   = help: name its hosts of both sites, or leave `hosts` out

1 warning in lab.toml
"#);
}
