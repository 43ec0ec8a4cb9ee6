//! Values from the command line.

use std::net::IpAddr;
use std::time::Duration;

use insta::assert_snapshot;

use super::{GOOD, parse, with};
use crate::playbook::Playbook;

#[test]
fn a_set_that_finds_nothing_is_told_by_its_own_text() {
    let sets = ["hosts.stanby.addresses=['127.0.0.2']", "step.ask.witin=5m"];
    assert_snapshot!(with(GOOD, &sets).unwrap_err(), @r#"
error: `--set` finds no `hosts.stanby` in the playbook
 --> --set:1:7
  |
1 | hosts.stanby.addresses=*************
  |       ^^^^^^ not in the playbook
  |
  = help: did you mean `hosts.standby`?

error: unknown key `witin` in step `ask`
 --> --set:1:10
  |
1 | step.ask.witin=5m
  |          ^^^^^ not known here
  |
  = help: did you mean `within`?

2 errors in lab.toml
"#);
}

#[test]
fn a_set_that_cannot_be_read_is_told() {
    let sets = [
        "rubbish",
        "a b=1",
        "playbook=1",
        "playbook.name.x=1",
        "step.9.id=x",
    ];
    assert_snapshot!(with(GOOD, &sets).unwrap_err(), @r#"
error: `--set` needs a key and a value
 --> --set:1:1
  |
1 | *******
  | ^^^^^^^ no `=` here
  |
  = help: write `--set KEY=VALUE`: `--set hosts.web.addresses='["192.0.2.1"]'`

error: `--set a b` has no key that can be read
 --> --set:1:1
  |
1 | a b=*
  | ^^^^^ not a dotted key
  |
  = help: write `--set KEY=VALUE`: `--set hosts.web.addresses='["192.0.2.1"]'`

error: `--set playbook` would replace a whole table
 --> --set:1:1
  |
1 | playbook=*
  | ^^^^^^^^ a table of the playbook
  |
  = help: name one value: `--set playbook.KEY=VALUE`

error: `--set` cannot go into `playbook.name`
 --> --set:1:1
  |
1 | playbook.name.x=*
  | ^^^^^^^^^^^^^^^^^ a key of a table was expected
  |
  = help: `playbook.name` is a string

error: `--set` finds no `step.9` in the playbook
 --> --set:1:6
  |
1 | step.9.id=*
  |      ^ not in the playbook
  |
  = help: the playbook has `ask` and `act`

5 errors in lab.toml
"#);
}

#[test]
fn no_resolvers_are_not_the_same_as_none_given() {
    let resolvers = |sets: &[&str]| {
        let playbook = with(GOOD, sets).unwrap();
        playbook.zones()["lab.example"].resolvers.clone()
    };
    assert_eq!(
        resolvers(&[r#"zones."Lab.example.".resolvers=[]"#]),
        Some(Vec::new())
    );
    assert_eq!(resolvers(&[]), None);
}

#[test]
fn sets_are_kept_in_the_text_and_read_back() {
    let sets = [
        r#"hosts.standby.addresses=["127.0.0.2", "::1"]"#,
        r#"zones."Lab.example.".servers=["127.0.0.1:5353"]"#,
        "step.ask.within=20m",
        "step.1.temporary=false",
        "playbook.summary=two words",
        "services.website.probes.0.contains=\"a = b\"",
    ];
    let playbook = with(GOOD, &sets).unwrap();
    let check = |playbook: &Playbook| {
        let standby = &playbook.hosts()["standby"];
        assert_eq!(
            standby.addresses,
            [
                "127.0.0.2".parse::<IpAddr>().unwrap(),
                "::1".parse().unwrap()
            ]
        );
        assert_eq!(
            playbook.zones()["lab.example"].servers,
            ["127.0.0.1:5353".parse().unwrap()]
        );
        assert_eq!(playbook.steps()[0].common.within, Duration::from_secs(1200));
        assert!(!playbook.steps()[1].common.temporary);
        assert_eq!(playbook.summary(), "two words");
    };
    check(&playbook);
    assert!(playbook.text().starts_with(GOOD));
    assert_ne!(playbook.digest(), parse(GOOD).unwrap().digest());

    let again = parse(playbook.text()).unwrap();
    check(&again);
    assert_eq!(again.digest(), playbook.digest());

    let more = with(playbook.text(), &["playbook.summary=other"]).unwrap();
    assert_eq!(more.summary(), "other");
    assert_eq!(more.steps()[0].common.within, Duration::from_secs(1200));
}
