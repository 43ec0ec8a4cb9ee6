mod counts;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::*;
use crate::field::Datum;
use crate::step::Known;

fn host(name: &str, packages: &[(&str, &str)]) -> Json {
    let installed: BTreeMap<&str, &str> = packages.iter().copied().collect();
    let beside = if name == "standby" {
        vec!["primary"]
    } else {
        vec![]
    };
    json!({
        "host": name, "beside": beside, "shell": format!("ssh ops@{name} sudo"),
        "system": {"id": "debian", "version": "12"}, "installed": installed,
    })
}

fn check(values: &[(&'static str, Datum)]) -> Box<dyn Check> {
    let mut fields = Fields::new(0..0);
    for (name, datum) in values {
        fields.insert(name, datum.clone(), 0..0);
    }
    let hosts = ["primary".to_owned(), "standby".to_owned()];
    let given = Given {
        id: "packages",
        services: &[],
        hosts: &hosts,
    };
    match build(&fields, &given) {
        Ok(Built {
            work: Work::Check(check),
            ..
        }) => check,
        _ => panic!("a packages step is a check"),
    }
}

fn judge(values: &[(&'static str, Datum)], primary: Known, standby: Known) -> Finding {
    let items = vec![
        ("packages standby".to_owned(), standby),
        ("packages primary".to_owned(), primary),
    ];
    let aim = Aim {
        active: "cloud".into(),
        idle: "dedicated".into(),
        moved: false,
    };
    check(values).judge(
        &aim,
        &Evidence {
            items,
            baseline: Vec::new(),
        },
    )
}

fn live(primary: &[(&str, &str)], standby: &[(&str, &str)]) -> Finding {
    judge(
        &[],
        Known::Live(host("primary", primary)),
        Known::Live(host("standby", standby)),
    )
}

#[test]
fn each_difference_has_its_grade() {
    type Case<'a> = (&'a [(&'a str, &'a str)], Outcome, &'a str);
    let cases: &[Case<'_>] = &[
        (
            &[("nginx", "1.22.1-9"), ("php", "2:8.2")],
            Outcome::Pass,
            "none differ",
        ),
        (
            &[("nginx", "1.22.1-9"), ("php", "2:8.02")],
            Outcome::Pass,
            "none differ",
        ),
        (&[("nginx", "1.22.1-9")], Outcome::Fail, "1 missing"),
        (
            &[("nginx", "1.18.0-6"), ("php", "2:8.2")],
            Outcome::Warn,
            "1 older",
        ),
        (
            &[("nginx", "1.24.0-1"), ("php", "2:8.2")],
            Outcome::Warn,
            "1 newer",
        ),
        (
            &[("nginx", "1.22.1-9"), ("php", "2:8.2"), ("vim", "9")],
            Outcome::Pass,
            "1 extra",
        ),
        (
            &[("nginx", "1.22.1-9"), ("php", "2:8.2"), ("grub-pc", "2")],
            Outcome::Pass,
            "none differ",
        ),
    ];
    for (standby, outcome, words) in cases {
        let finding = live(&[("nginx", "1.22.1-9"), ("php", "2:8.2")], standby);
        assert_eq!(finding.outcome, *outcome, "{finding:#?}");
        assert!(finding.headline.contains(words), "{}", finding.headline);
    }
}

#[test]
fn the_playbook_may_grade_and_ignore() {
    let text = |text: &str| Datum::Text(text.into());
    let run = |values: &[(&'static str, Datum)]| {
        let primary = host("primary", &[("a", "1"), ("b", "2")]);
        let standby = host("standby", &[("b", "1"), ("c", "1")]);
        judge(values, Known::Live(primary), Known::Live(standby)).outcome
    };
    assert_eq!(run(&[]), Outcome::Fail);
    assert_eq!(run(&[("missing", text("warn"))]), Outcome::Warn);
    assert_eq!(
        run(&[("missing", text("inform")), ("version", text("fail"))]),
        Outcome::Fail
    );
    assert_eq!(
        run(&[("ignore", Datum::Texts(vec!["a".into(), "b*".into()]))]),
        Outcome::Pass
    );
    assert_eq!(
        run(&[
            ("ignore", Datum::Texts(vec!["a".into(), "b".into()])),
            ("extra", text("warn"))
        ]),
        Outcome::Warn
    );
}

#[test]
fn the_mend_can_be_pasted_and_is_never_long() {
    let finding = live(
        &[("nginx", "1.22.1-9"), ("php", "2:8.2")],
        &[("nginx", "1.18.0-6")],
    );
    let mend = finding.mended_by().unwrap();
    assert!(
        mend.starts_with("ssh ops@standby sudo apt-get install php=2:8.2 nginx=1.22.1-9"),
        "{mend}"
    );

    let names: Vec<String> = (0..500).map(|n| format!("lib{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let finding = live(&many, &[]);
    assert!(finding.facts.len() < 30);
    let mend = finding.mended_by().unwrap();
    assert!(
        mend.contains("460 more follow") && mend.len() < 1000,
        "{mend}"
    );
}

#[test]
fn a_half_installed_package_is_not_there() {
    let mut standby = host("standby", &[]);
    standby["broken"] = json!({"nginx": "iF"});
    let finding = judge(
        &[],
        Known::Live(host("primary", &[("nginx", "1")])),
        Known::Live(standby),
    );
    assert_eq!(finding.outcome, Outcome::Fail);
    assert!(finding.headline.contains("1 half-installed") && !finding.headline.contains("missing"));
    assert_eq!(
        finding.mended_by(),
        Some("ssh ops@standby sudo dpkg --configure -a")
    );
}

#[test]
fn versions_of_two_releases_are_not_compared() {
    let mut standby = host("standby", &[("nginx", "1.18")]);
    standby["system"]["version"] = json!("11");
    let finding = judge(
        &[],
        Known::Live(host("primary", &[("nginx", "1.22")])),
        Known::Live(standby.clone()),
    );
    assert_eq!(finding.outcome, Outcome::Warn);
    assert!(
        finding.headline.contains("debian 11 beside debian 12"),
        "{}",
        finding.headline
    );

    let primary = host("primary", &[("nginx", "1.22"), ("php", "1")]);
    let finding = judge(&[], Known::Live(primary), Known::Live(standby));
    assert_eq!(
        finding.outcome,
        Outcome::Fail,
        "a name is compared all the same"
    );
    assert!(finding.mended_by().unwrap().contains("install php "));
}

#[test]
fn what_is_unseen_is_unknown_and_a_record_says_its_age() {
    let gone = || Unseen::new(Cause::Unreachable, "no route to `primary`");
    let standby = || Known::Live(host("standby", &[("nginx", "1")]));
    let finding = judge(&[], Known::Unseen(gone()), standby());
    assert_eq!(finding.outcome, Outcome::Unknown);
    assert!(
        finding.headline.contains("no route"),
        "{}",
        finding.headline
    );

    let recorded = Known::Recorded {
        fact: host("primary", &[("nginx", "1")]),
        age: Duration::from_secs(7200),
        why: gone(),
    };
    let finding = judge(&[], recorded, standby());
    assert_eq!(finding.outcome, Outcome::Warn);
    assert!(
        finding.headline.contains("as of 2h 00m ago"),
        "{}",
        finding.headline
    );

    let finding = judge(&[], Known::Live(json!(3)), standby());
    assert_eq!(finding.outcome, Outcome::Unknown);
    let finding = live(&[], &[]);
    assert_eq!(
        finding.outcome,
        Outcome::Unknown,
        "no list is not the same list"
    );
    let aim = Aim {
        active: "a".into(),
        idle: "b".into(),
        moved: false,
    };
    assert_eq!(
        check(&[]).judge(&aim, &Evidence::default()).outcome,
        Outcome::Unknown
    );
}

#[test]
fn refuses_a_bad_pattern_and_an_unknown_host() {
    let hosts = ["primary".to_owned()];
    let given = Given {
        id: "p",
        services: &[],
        hosts: &hosts,
    };
    for (name, value) in [("ignore", "["), ("hosts", "nobody")] {
        let mut fields = Fields::new(0..0);
        fields.insert(name, Datum::Texts(vec![value.into()]), 0..0);
        assert_eq!(build(&fields, &given).err().unwrap().len(), 1);
    }
}

#[test]
fn a_root_is_an_absolute_path_of_a_known_host() {
    let problems = |host: &str, root: &str| {
        let mut fields = Fields::new(0..0);
        let roots = BTreeMap::from([(host.to_owned(), root.to_owned())]);
        fields.insert("roots", Datum::Map(roots), 0..0);
        let hosts = ["primary".to_owned(), "standby".to_owned()];
        let given = Given {
            id: "packages",
            services: &[],
            hosts: &hosts,
        };
        let problems = build(&fields, &given).err().unwrap_or_default();
        let messages = problems.into_iter().map(|problem| problem.message);
        messages.collect::<Vec<_>>().join("; ")
    };
    assert_eq!(problems("primary", "/srv/chroot/"), "");
    assert_eq!(problems("third", "/srv"), "no host is called `third`");
    assert_eq!(problems("primary", "srv"), "`srv` is not an absolute path");
    let script = dpkg::script(Some("/srv/it's"));
    assert!(script.starts_with(r"root='/srv/it'\''s'"), "{script}");
    assert!(dpkg::script(None).starts_with("root=''\n"));
}

#[test]
fn what_is_to_be_ignored_is_ignored_in_every_list() {
    let broken = |name: &str, broken: &[&str]| {
        let mut host = host(name, &[("a", "1")]);
        let broken: BTreeMap<&str, &str> = broken.iter().map(|name| (*name, "iF")).collect();
        host["broken"] = json!(broken);
        host["held"] = json!(["grub-pc"]);
        Known::Live(host)
    };
    let run = |values: &[_], primary: &[&str], standby: &[&str]| {
        judge(
            values,
            broken("primary", primary),
            broken("standby", standby),
        )
    };
    assert_eq!(run(&[], &[], &["x"]).outcome, Outcome::Fail);
    let ignore = ("ignore", Datum::Texts(vec!["x".into()]));
    let finding = run(&[ignore], &[], &["x", "grub-pc"]);
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    assert_eq!(finding.mended_by(), None);
    let told = |finding: &Finding, words: &str| {
        let mut facts = finding.facts.iter();
        facts.any(|fact| fact.actual.contains(words))
    };
    assert!(told(&finding, "2 packages that differ"), "{finding:#?}");

    let finding = run(&[], &["x"], &["x"]);
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
    assert!(
        told(&finding, "half-installed (iF), as on `primary`"),
        "{finding:#?}"
    );
}

#[test]
fn what_is_half_installed_on_both_hosts_in_two_versions_is_told() {
    let host = |name: &str, version: Option<&str>, codename: &str| {
        let mut host = host(name, &[("a", "1")]);
        host["broken"] = json!({"x": "iU"});
        if let Some(version) = version {
            host["broken-versions"] = json!({ "x": version });
        }
        host["system"]["version"] = json!(codename);
        Known::Live(host)
    };
    let run = |there, here, release| {
        let (source, target) = (host("primary", there, "12"), host("standby", here, release));
        judge(&[], source, target)
    };
    let finding = run(Some("2.0-1"), Some("1.9-1"), "12");
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");
    assert!(
        finding.headline.contains("1 half-installed"),
        "{finding:#?}"
    );
    let row = (finding.facts.iter()).find(|fact| fact.actual.contains("(iU) 1.9-1"));
    assert_eq!(row.unwrap().expected, "half-installed (iU) 2.0-1");
    for (there, here, release) in [
        (Some("2.0-1"), Some("2.0-1"), "12"),
        (Some("2.0-1"), None, "12"),
        (Some("2.0-1"), Some("1.9-1"), "13"),
    ] {
        let finding = run(there, here, release);
        assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
        let both = "1 half-installed on both";
        assert!(finding.headline.contains(both), "{finding:#?}");
    }
}

#[test]
fn packages_that_are_broken_at_the_source_are_told() {
    let source = |state: &str| {
        let mut primary = host("primary", &[("a", "1")]);
        primary["broken"] = json!({ "b": state });
        primary["broken-versions"] = json!({ "b": "1" });
        primary
    };
    let judged = |values: &[(&'static str, Datum)], standby: &[(&str, &str)]| {
        judge(
            values,
            Known::Live(source("iF")),
            Known::Live(host("standby", standby)),
        )
    };
    // What is missing there is missing, though it is half-configured at the source.
    let finding = judged(&[], &[("a", "1")]);
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");
    assert!(finding.headline.contains("1 missing"), "{finding:#?}");
    assert!(finding.mended_by().unwrap().ends_with("apt-get install b=1  # as on primary; without `=version` where the archive has moved on"), "{finding:#?}");
    // Whether the target has it whole, or what was broken off at the source can serve nobody.
    for (state, standby, there) in [
        ("iF", &[("a", "1"), ("b", "2")][..], "2"),
        ("iH", &[("a", "1")], "not installed"),
        ("rF", &[("a", "1")], "not installed"),
    ] {
        let finding = judge(
            &[],
            Known::Live(source(state)),
            Known::Live(host("standby", standby)),
        );
        assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
        assert!(
            finding
                .headline
                .contains("1 half-installed at the source of 1 package"),
            "{finding:#?}"
        );
        let row = finding
            .facts
            .iter()
            .find(|fact| fact.what.starts_with("b on"));
        let row = row.unwrap();
        assert_eq!(
            (row.expected.as_str(), row.actual.as_str()),
            (format!("half-installed ({state})").as_str(), there)
        );
        assert!(
            !finding.headline.contains("extra"),
            "it is no extra: {finding:#?}"
        );
    }
    // What is ignored is counted, and what may be missing warns of nothing.
    let ignored = judged(&[("ignore", Datum::Texts(vec!["b".into()]))], &[("a", "1")]);
    assert_eq!(ignored.outcome, Outcome::Pass, "{ignored:#?}");
    assert!(format!("{ignored:?}").contains("1 package that differs is to be ignored"));
    let inform = Datum::Text("inform".into());
    let informed = judged(&[("missing", inform)], &[("a", "1")]);
    assert_eq!(informed.outcome, Outcome::Pass, "{informed:#?}");
    // Broken on both sides, it is as at the source, and does not pass without a word.
    let mut both = host("standby", &[("a", "1")]);
    both["broken"] = json!({ "b": "iU" });
    let finding = judge(&[], Known::Live(source("iF")), Known::Live(both.clone()));
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
    let words = "1 half-installed on both of 1 package";
    assert!(finding.headline.contains(words), "{finding:#?}");
    let inform = ("missing", Datum::Text("inform".into()));
    let finding = judge(&[inform], Known::Live(source("iF")), Known::Live(both));
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
}

#[test]
fn a_list_that_is_far_shorter_than_the_targets_is_doubted() {
    let names: Vec<String> = (0..12).map(|n| format!("p{n}")).collect();
    let of = |n: usize| -> Vec<(&str, &str)> {
        (names.iter().take(n))
            .map(|name| (name.as_str(), "1"))
            .collect()
    };
    let finding = live(&of(4), &of(12));
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
    let said = "`primary` lists 4 packages, and `standby` has 8 beyond them: is the list of `primary` whole";
    assert!(format!("{finding:?}").contains(said), "{finding:#?}");
    assert_eq!(live(&of(6), &of(12)).outcome, Outcome::Pass);
}
