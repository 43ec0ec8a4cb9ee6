//! What is counted, and what is told of it.

use super::*;

fn hosts(source: Json, target: Json, values: &[(&'static str, Datum)]) -> Finding {
    judge(values, Known::Live(source), Known::Live(target))
}

fn told(finding: &Finding, what: &str) -> Option<String> {
    let mut facts = finding.facts.iter();
    let fact = facts.find(|fact| fact.what == what)?;
    Some(fact.actual.clone())
}

#[test]
fn what_is_ignored_is_counted_where_it_differs() {
    let ignore = || ("ignore", Datum::Texts(vec!["linux-*".into()]));
    let left = |source: &[(&str, &str)], target: &[(&str, &str)]| {
        let finding = hosts(
            host("primary", source),
            host("standby", target),
            &[ignore()],
        );
        assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
        told(&finding, "left out on standby")
    };
    let a = ("a", "1");
    assert_eq!(left(&[a], &[a]), None);
    assert_eq!(left(&[a, ("linux-1", "1")], &[a, ("linux-1", "1")]), None);
    let one = Some("1 package that differs is to be ignored".to_owned());
    let two = Some("2 packages that differ are to be ignored".to_owned());
    assert_eq!(left(&[a, ("linux-1", "1")], &[a, ("linux-1", "2")]), one);
    assert_eq!(left(&[a, ("linux-1", "1")], &[a]), one);
    assert_eq!(left(&[a], &[a, ("linux-1", "1")]), one);
    assert_eq!(left(&[a, ("linux-1", "1"), ("linux-2", "1")], &[a]), two);
    assert_eq!(left(&[a], &[a, ("linux-1", "1"), ("linux-2", "1")]), two);
    assert_eq!(left(&[a, ("linux-1", "1")], &[a, ("linux-2", "1")]), two);
    // Broken at the source as well as on the target it is counted once.
    let mut source = host("primary", &[a]);
    source["broken"] = json!({"linux-1": "iF", "linux-2": "iU"});
    let mut target = host("standby", &[a]);
    target["broken"] = json!({"linux-1": "iF"});
    let finding = hosts(source, target, &[ignore()]);
    assert_eq!(told(&finding, "left out on standby"), two);
}

#[test]
fn twenty_are_told_by_name_and_the_rest_is_counted() {
    let names: Vec<String> = (0..25).map(|n| format!("lib{n:02}")).collect();
    let more = |n: usize| {
        let many: Vec<(&str, &str)> = names[..n].iter().map(|name| (name.as_str(), "1")).collect();
        let finding = live(&many, &[]);
        told(&finding, "more on standby, missing")
    };
    assert_eq!(more(19), None);
    assert_eq!(more(20), None);
    assert_eq!(more(21), Some("1 more package".into()));
    assert_eq!(more(25), Some("5 more packages".into()));
}

#[test]
fn what_is_held_on_the_target_alone_is_told() {
    let held = |source: &[&str], target: &[&str]| {
        let of = |name: &str, held: &[&str]| {
            let mut host = host(name, &[("a", "1")]);
            host["held"] = json!(held);
            host
        };
        let ignore = ("ignore", Datum::Texts(vec!["linux-*".into()]));
        let finding = hosts(of("primary", source), of("standby", target), &[ignore]);
        assert_eq!(finding.outcome, Outcome::Pass);
        told(&finding, "held on standby only")
    };
    assert_eq!(held(&[], &[]), None);
    assert_eq!(held(&["a"], &["a"]), None);
    assert_eq!(held(&["a"], &[]), None);
    assert_eq!(held(&["b"], &["a", "b", "c"]), Some("a, c".into()));
    assert_eq!(held(&[], &["linux-image"]), None);
}

#[test]
fn a_command_is_proposed_only_where_it_mends_something_that_counts() {
    let inform = || Datum::Text("inform".into());
    let of = |values: &[(&'static str, Datum)], target: &[(&str, &str)]| {
        hosts(
            host("primary", &[("a", "2")]),
            host("standby", target),
            values,
        )
    };
    assert!(of(&[], &[]).mended_by().is_some());
    let pass = of(&[("missing", inform())], &[]);
    assert_eq!((pass.outcome, pass.mended_by()), (Outcome::Pass, None));
    // No command takes a newer version back.
    let newer = of(&[], &[("a", "3")]);
    assert_eq!((newer.outcome, newer.mended_by()), (Outcome::Warn, None));
}

#[test]
fn of_two_releases_no_version_is_compared_and_what_is_missing_still_counts() {
    let mut target = host("standby", &[("a", "1"), ("b", "9")]);
    target["system"] = json!({"id": "debian", "version": "13"});
    let source = || host("primary", &[("a", "2"), ("b", "2"), ("c", "1")]);
    let finding = hosts(source(), target.clone(), &[]);
    assert_eq!(
        finding.headline,
        "`standby` beside `primary`: 1 missing of 3 packages, versions not compared (debian 13 beside debian 12)"
    );
    // Nor where one of the hosts, or neither, says what it is.
    let nameless = |mut host: Json| {
        host["system"] = json!({});
        host
    };
    let finding = |source, target| hosts(source, target, &[]);
    for finding in [
        finding(nameless(source()), target.clone()),
        finding(source(), nameless(target.clone())),
        finding(nameless(source()), nameless(target)),
    ] {
        let said = "1 missing of 3 packages, versions not compared";
        assert!(finding.headline.contains(said), "{finding:?}");
        let release = told(&finding, "release of standby").unwrap();
        assert!(release.contains("/etc/os-release"), "{release}");
    }
}

/// dpkg configures what is unpacked; what it wants installed again it does not unpack by itself.
#[test]
fn what_is_to_be_installed_again_is_mended_so() {
    let mended = |states: &[(&str, &str)]| {
        let mut standby = host("standby", &[]);
        let states: BTreeMap<&str, &str> = states.iter().copied().collect();
        standby["broken"] = json!(states);
        let primary = Known::Live(host("primary", &[("a", "1")]));
        let finding = judge(&[], primary, Known::Live(standby));
        finding.mended_by().unwrap().to_owned()
    };
    let again = "ssh ops@standby sudo apt-get install --reinstall ";
    let configure = "ssh ops@standby sudo dpkg --configure -a";
    for state in ["iiR", "iHR", "iH"] {
        assert_eq!(mended(&[("a", state)]), format!("{again}a"), "{state}");
    }
    for state in ["iU", "iF"] {
        assert_eq!(mended(&[("a", state)]), configure, "{state}");
    }
    let both = mended(&[("a", "iFR"), ("b", "iF"), ("c", "iHR")]);
    assert_eq!(both, format!("{again}a c\n{configure}"));
}

/// `dpkg --configure -a` leaves what is to go away as it is, and exits 0.
#[test]
fn what_was_broken_off_while_it_was_to_go_away_is_not_configured() {
    for state in ["rF", "rU", "pF", "rHR"] {
        for (primary, verb) in [
            (
                &[("a", "1"), ("x", "1")][..],
                "apt-get install --reinstall x",
            ),
            (&[("a", "1")], "apt-get remove x"),
        ] {
            let mut target = host("standby", &[("a", "1")]);
            target["broken"] = json!({ "x": state });
            let finding = hosts(host("primary", primary), target, &[]);
            let mend = finding.mended_by().unwrap();
            assert_eq!(mend, format!("ssh ops@standby sudo {verb}"), "{state}");
        }
    }
}

#[test]
fn a_version_that_cannot_be_read_counts_by_itself() {
    let source = || host("primary", &[("a", "1"), ("b", "")]);
    let finding = hosts(source(), host("standby", &[("a", "1"), ("b", "2")]), &[]);
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
    let actual = told(&finding, "b on standby, of a version that cannot be read");
    assert_eq!(actual.unwrap(), "2");
    // Whether it is there is known all the same.
    let finding = hosts(source(), host("standby", &[("a", "1")]), &[]);
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");
    let mend = finding.mended_by().unwrap();
    assert!(mend.contains("apt-get install b "), "{mend}");
    let ignored = [("ignore", Datum::Texts(vec!["b".into()]))];
    let finding = hosts(
        source(),
        host("standby", &[("a", "1"), ("b", "")]),
        &ignored,
    );
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
}
