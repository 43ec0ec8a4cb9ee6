//! The sentences, figures and limits of a finding, one by one.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{END, evidence, gone, judge, plain, stamp, tree, with};
use crate::event::{Fact, Finding};
use crate::plan::{Outcome, Seconds};
use crate::step::Known;
use crate::steps::mirror::Mirror;

mod left_out;

/// The tree of two folders that are the same, with these fields changed.
fn seen(changes: &Json) -> Known {
    let Known::Live(mut tree) = tree(END, "", 0) else {
        unreachable!()
    };
    for (name, value) in changes.as_object().unwrap() {
        tree[name] = value.clone();
    }
    Known::Live(tree)
}

fn of_tree(mirror: &Mirror, changes: &Json) -> Finding {
    let mut items = evidence();
    items.insert("tree primary -> standby", seen(changes));
    judge(mirror, items)
}

fn row<'a>(finding: &'a Finding, what: &str) -> Vec<&'a Fact> {
    let rows = finding.facts.iter().filter(|fact| fact.what == what);
    rows.collect()
}

/// What a finding says of one thing: the only row of it.
fn said(finding: &Finding, what: &str) -> String {
    match row(finding, what)[..] {
        [fact] => fact.actual.clone(),
        ref rows => panic!("{what}: {rows:#?}"),
    }
}

fn says(finding: &Finding, words: &str) -> bool {
    (finding.facts.iter()).any(|fact| fact.actual.contains(words))
}

#[test]
fn an_amount_is_told_in_the_unit_that_fits() {
    for (bytes, told) in [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1,023 bytes"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        ((1 << 20) - 1024, "1023.0 KiB"),
        (1 << 20, "1.0 MiB"),
        (3 << 30, "3.0 GiB"),
        (5 << 39, "2.5 TiB"),
        (1 << 52, "4096.0 TiB"),
    ] {
        let mut mirror = plain();
        mirror.limits.max_bytes = Some(bytes);
        let finding = judge(&mirror, evidence());
        let rows = row(&finding, "files of primary on standby");
        assert_eq!(rows[0].expected, format!("at most 0 and {told} differ"));
    }
}

#[test]
fn a_limit_that_is_just_kept_is_kept() {
    let of = |limits: fn(&mut super::Limits), changes: &Json| {
        let mut mirror = plain();
        limits(&mut mirror.limits);
        of_tree(&mirror, changes).outcome
    };
    let files = |n| json!({"files": n, "entries": n + 4});
    assert_eq!(of(|l| l.min_files = 100, &files(100)), Outcome::Pass);
    assert_eq!(of(|l| l.min_files = 100, &files(99)), Outcome::Fail);
    // 100 of 200 files of the target are gone at the source.
    let fewer = json!({"extra": {"items": 100, "folders": 0, "bytes": 0, "first": ["a"]}});
    assert_eq!(of(|l| l.shrink = 50, &fewer), Outcome::Pass);
    assert_eq!(of(|l| l.shrink = 49, &fewer), Outcome::Fail);
    let behind = |hours| {
        let known = Known::Live(stamp("standby", hours, Some(2026112201)));
        with("stamps standby", known).outcome
    };
    assert_eq!((behind(7), behind(8)), (Outcome::Pass, Outcome::Fail));
}

#[test]
fn a_source_that_did_not_rest_is_told() {
    let what = "the comparison of primary and standby";
    for (changes, told) in [
        (
            json!({"vanished": 3}),
            "3 files vanished while `primary` was read",
        ),
        (
            json!({"vanished": 1}),
            "1 file vanished while `primary` was read",
        ),
        (
            json!({"status": 24}),
            "1 file vanished while `primary` was read",
        ),
        (
            json!({"special": 2}),
            "2 sockets, pipes or devices are not compared: exclude them",
        ),
        (
            json!({"special": 1}),
            "1 socket, pipe or device is not compared: exclude it",
        ),
    ] {
        let finding = of_tree(&plain(), &changes);
        assert_eq!(finding.outcome, Outcome::Warn, "{changes}");
        assert_eq!(said(&finding, what), told);
    }
    let well = judge(&plain(), evidence());
    assert_eq!(row(&well, what), Vec::<&Fact>::new());
}

#[test]
fn of_many_names_the_first_are_told_and_that_there_are_more() {
    let tally = |items, first: &[&str]| json!({"missing": {"items": items, "folders": 0, "bytes": 0, "first": first}});
    let what = "missing, on standby";
    let told = |items, first: &[&str]| said(&of_tree(&plain(), &tally(items, first)), what);
    assert_eq!(told(2, &["a", "b"]), "2 missing: a, b");
    assert_eq!(told(1200, &["a", "b"]), "1,200 missing: a, b, …");
    let complains = |lines, first: &[&str]| {
        let finding = of_tree(
            &plain(),
            &json!({"complaints": {"lines": lines, "first": first}}),
        );
        assert_eq!(finding.outcome, Outcome::Unknown);
        said(&finding, "the comparison of primary and standby")
    };
    assert_eq!(complains(2, &["x", "y"]), "rsync complains: x | y");
    assert_eq!(
        complains(9, &["x", "y"]),
        "rsync complains: x | y and 7 more"
    );
}

#[test]
fn what_mends_it_is_said_where_something_is_to_be_mended() {
    let missing = json!({"missing": {"items": 1, "folders": 0, "bytes": 0, "first": ["a"]}});
    let finding = of_tree(&plain(), &missing);
    assert_eq!(finding.mended_by(), Some("run the sync of the mirror"));
    assert!(judge(&plain(), evidence()).advice.is_empty());
}

#[test]
fn where_it_differs_is_told_where_that_is_more_than_one_folder() {
    let what = "where it differs, on standby";
    let folders = |folders: Json| of_tree(&plain(), &json!({ "folders": folders }));
    assert!(row(&folders(json!({"pool": 3})), what).is_empty());
    let two = folders(json!({"pool": 3, "dists": 3, "doc": 2000}));
    assert_eq!(said(&two, what), "doc 2,000, dists 3, pool 3");
}

/// Where no stamp tells how old the data is, the trees do, if they are the same now.
#[test]
fn the_data_is_as_new_as_the_source_only_where_all_of_it_was_seen_to_be_the_same() {
    let age = |change: &dyn Fn(&mut BTreeMap<&'static str, Known>)| {
        let mut mirror = plain();
        mirror.limits.max_lag = None;
        let mut items = evidence();
        items.remove("stamps primary");
        items.remove("stamps standby");
        change(&mut items);
        judge(&mirror, items).data_age
    };
    assert_eq!(age(&|_| {}), Some(Seconds(Duration::ZERO)));
    let tree = "tree primary -> standby";
    let missing = json!({"missing": {"items": 1, "folders": 0, "bytes": 0, "first": ["a"]}});
    assert_eq!(age(&|items| drop(items.insert(tree, seen(&missing)))), None);
    let recorded = |items: &mut BTreeMap<&'static str, Known>| {
        let Some(Known::Live(fact)) = items.remove(tree) else {
            unreachable!()
        };
        let (age, why) = (Duration::from_secs(60), gone());
        items.insert(tree, Known::Recorded { fact, age, why });
    };
    assert_eq!(age(&recorded), None);
    // The same sizes and times are not the same data where a content is another, or the target was read twice.
    let other = json!({"chosen": 9, "compared": 9, "other": 9, "first": ["a"]});
    let itself = json!({"here": "5a 1:2", "own": "192.0.2.22", "way": "rsync://192.0.2.22/m"});
    for (key, fact) in [
        ("sample primary -> standby", other),
        ("way primary -> standby", itself),
    ] {
        let fact = Known::Live(fact);
        assert_eq!(age(&|items| drop(items.insert(key, fact.clone()))), None);
    }
    // What lacks files is not in step, whatever its stamp says; what is behind may lack some.
    for (hours, told) in [(1, None), (3, Some(Seconds(Duration::from_secs(2 * 3600))))] {
        let lags = |items: &mut BTreeMap<&'static str, Known>| {
            items.insert("stamps primary", Known::Live(stamp("primary", 1, None)));
            items.insert("stamps standby", Known::Live(stamp("standby", hours, None)));
            items.insert(tree, seen(&missing));
        };
        assert_eq!(age(&lags), told, "{hours}");
    }
    for links in [
        json!({"outside": {"lines": 1, "first": ["a -> /b"]}}),
        json!({"dangling": 1, "names": ["a"]}),
    ] {
        let links = Known::Live(json!({"host": "standby", "links": links}));
        assert_eq!(
            age(&|items| drop(items.insert("links standby", links.clone()))),
            None
        );
    }
}

#[test]
fn links_are_counted_in_the_right_words() {
    let of = |outside: u64, dangling: &[&str], there: &[&str]| {
        let links = json!({
            "host": "standby",
            "links": {
                "outside": {"lines": outside, "first": ["pool -> /mnt/pool"]},
                "dangling": dangling.len(), "names": dangling,
            },
        });
        let source = json!({"host": "primary", "links": {"dangling": there.len(), "names": there}});
        let mut items = evidence();
        items.insert("links standby", Known::Live(links));
        items.insert("readable primary", Known::Live(source));
        judge(&plain(), items)
    };
    let what = "links on standby";
    assert!(said(&of(1, &[], &[]), what).starts_with("1 link on `standby` leads out of what"));
    assert!(said(&of(2, &[], &[]), what).starts_with("2 links on `standby` lead out of what"));
    // Broken at the source as well: it is a copy all the same.
    let both = of(0, &["a"], &["a"]);
    assert_eq!(both.outcome, Outcome::Warn);
    assert_eq!(
        said(&both, what),
        "1 link on `standby` leads to what is on neither host: a"
    );
    let here = of(0, &["a", "b"], &["a"]);
    assert_eq!(here.outcome, Outcome::Fail);
    assert_eq!(
        said(&here, what),
        "1 link on `standby` leads to what is not there, and on `primary` it is: b"
    );
    let more = of(2, &["a"], &["a"]);
    let tree = said(&more, "files of primary on standby");
    assert_eq!(
        tree,
        "`standby` holds all 100 files of `primary`, but for what is behind 3 links"
    );
}

/// The mirror of a playbook that asks for no stamp.
fn unasked() -> Mirror {
    let mut mirror = plain();
    mirror.limits.max_lag = None;
    mirror
}

fn stamps(mirror: &Mirror, there: Option<Json>, here: Option<Json>) -> Finding {
    let mut items = evidence();
    for (key, stamps) in [("stamps primary", there), ("stamps standby", here)] {
        match stamps {
            Some(stamps) => items.insert(key, Known::Live(stamps)),
            None => items.remove(key),
        };
    }
    judge(mirror, items)
}

#[test]
fn a_stamp_that_nobody_asked_for_stops_nobody() {
    let none = |host| {
        let mut none = stamp(host, 1, None);
        none["stamp"] = Json::Null;
        none
    };
    let there = || stamp("primary", 1, Some(2));
    let here = || stamp("standby", 1, Some(2));
    let mut other = here();
    other["stamp"]["file"] = json!("lastsync");
    let (fail, unknown, pass, warn) = (
        Outcome::Fail,
        Outcome::Unknown,
        Outcome::Pass,
        Outcome::Warn,
    );
    let cases = [
        ("neither side tells", None, None, unknown, pass),
        ("the source does not", None, Some(here()), unknown, pass),
        ("the target does not", Some(there()), None, unknown, pass),
        (
            "no stamp",
            Some(none("primary")),
            Some(none("standby")),
            unknown,
            pass,
        ),
        (
            "none at the source",
            Some(none("primary")),
            Some(here()),
            unknown,
            pass,
        ),
        (
            "none at the target",
            Some(there()),
            Some(none("standby")),
            fail,
            warn,
        ),
        ("another file", Some(there()), Some(other), unknown, warn),
    ];
    for (name, there, here, asked, not) in cases {
        let finding = stamps(&plain(), there.clone(), here.clone());
        assert_eq!(finding.outcome, asked, "{name}: {finding:#?}");
        let finding = stamps(&unasked(), there, here);
        assert_eq!(finding.outcome, not, "{name}: {finding:#?}");
    }
    // Where neither has one, and none was asked for, nothing is said of it.
    let finding = stamps(&unasked(), Some(none("primary")), Some(none("standby")));
    assert!(row(&finding, "stamp of standby").is_empty(), "{finding:#?}");
    // What is asked for stands beside what was seen.
    let expected = |mirror: &Mirror| {
        let finding = stamps(mirror, Some(there()), Some(here()));
        row(&finding, "stamp of standby")[0].expected.clone()
    };
    assert_eq!(expected(&plain()), "at most 6h 00m behind");
    assert_eq!(expected(&unasked()), "");
    let mut only_stamp = unasked();
    only_stamp.limits.stamp = true;
    let finding = stamps(&only_stamp, None, None);
    assert_eq!(finding.outcome, unknown, "it names a stamp: {finding:#?}");
    // The target's own word, where the source says nothing, only where it was asked for.
    let alone = |mirror: &Mirror| says(&stamps(mirror, None, Some(here())), "by its own clock");
    assert!(alone(&plain()) && !alone(&unasked()));
}

#[test]
fn which_side_is_newer_is_told_by_the_serial_and_by_the_time() {
    let of = |hours, serial| {
        let mut here = stamp("standby", hours, serial);
        here["stamp"]["sum"] = json!("another");
        with("stamps standby", Known::Live(here))
    };
    let what = "stamp of standby";
    let source = Some(2026112202);
    for (hours, serial, outcome, words) in [
        (1, source, Outcome::Pass, "is in step with `primary`"),
        (3, source, Outcome::Pass, "is in step with `primary`"),
        (
            1,
            Some(2026112201),
            Outcome::Pass,
            "is 0ms behind `primary`",
        ),
        (
            3,
            Some(2026112201),
            Outcome::Pass,
            "is 2h 00m behind `primary`",
        ),
        (
            0,
            Some(2026112201),
            Outcome::Warn,
            "is newer than `primary` by 1h 00m",
        ),
        (
            0,
            Some(2026112203),
            Outcome::Warn,
            "is newer than `primary` by 1h 00m",
        ),
        (
            1,
            Some(2026112203),
            Outcome::Warn,
            "has a later serial than `primary`",
        ),
        // It says two things at once.
        (
            3,
            Some(2026112203),
            Outcome::Warn,
            "has a later serial than `primary`, and a time 2h 00m before",
        ),
    ] {
        let finding = of(hours, serial);
        assert_eq!(finding.outcome, outcome, "{hours} {serial:?} {finding:#?}");
        let told = said(&finding, what);
        assert!(told.contains(words), "{hours} {serial:?}: {told}");
        let age = match outcome {
            Outcome::Warn => None,
            _ if told.contains("in step") => Some(Seconds(Duration::ZERO)),
            _ => Some(Seconds(Duration::from_secs(
                3600 * (hours.unsigned_abs() - 1),
            ))),
        };
        // Where the stamps tell nothing, the trees do: they are the same.
        assert_eq!(
            finding.data_age,
            age.or(Some(Seconds(Duration::ZERO))),
            "{told}"
        );
    }
    // A serial on one side only is no later one.
    let mut items = evidence();
    items.insert("stamps primary", Known::Live(stamp("primary", 1, None)));
    items.insert("stamps standby", Known::Live(stamp("standby", 3, Some(1))));
    let told = said(&judge(&plain(), items), what);
    assert!(told.contains("is 2h 00m behind `primary`"), "{told}");
}

#[test]
fn what_the_target_held_and_holds_is_told_in_figures() {
    let mut items = evidence();
    let Known::Live(fact) = seen(&json!({"held": {"entries": 101, "bytes": 1000}})) else {
        unreachable!()
    };
    let (age, why) = (Duration::from_secs(60), gone());
    items.insert(
        "tree primary -> standby",
        Known::Recorded { fact, age, why },
    );
    let holds = Known::Live(json!({"entries": 2, "bytes": 2048, "folder": "1:2"}));
    items.insert("holds primary -> standby", holds);
    let finding = judge(&plain(), items);
    let told =
        "100 files, folders and links (1,000 bytes) then, 1 file, folder or link (2.0 KiB) now";
    assert!(says(&finding, told), "{finding:#?}");
}
