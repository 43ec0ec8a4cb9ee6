//! What differs between the two folders.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::{END, evidence, gone, judge, plain, stamp, tree, with};
use crate::plan::{Outcome, Seconds};
use crate::step::Known;
use crate::steps::mirror::{Grade, Limits};

#[test]
fn the_same_trees_pass() {
    let finding = judge(&plain(), evidence());
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    assert_eq!(
        finding.headline,
        "`standby` holds all 100 files of `primary`; `standby` is in step with `primary` by `project/trace/master`, serial 2026112202"
    );
    assert_eq!(finding.data_age, Some(Seconds(Duration::ZERO)));
    assert!(
        finding
            .facts
            .iter()
            .any(|fact| fact.actual.contains("95 % confidence"))
    );
}

#[test]
fn nothing_that_can_hide_a_difference_passes() {
    let item = |line: &str| format!("CUT {line}\n{END}");
    let only_extras: String = (0..60)
        .map(|n| format!("CUT *deleting   0 f{n}\n"))
        .collect();
    let empty = "\nNumber of files: 1 (dir: 1)\nTotal file size: 0 bytes\n";
    let few = "\nNumber of files: 21 (reg: 20, dir: 1)\nTotal file size: 9 bytes\n";
    let denied = "rsync: [sender] opendir \"/srv/a/x\" failed: Permission denied (13)\n\
        rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1338) [sender=3.5.0]\n";
    let vanished = "directory has vanished: \"/srv/a/x\"\nrsync warning: some files vanished before they could be transferred (code 24) at main.c(1338)\n";
    let cases = [
        (
            "a file is missing",
            tree(&item(">f+++++++++ 2 a"), "", 0),
            Outcome::Fail,
        ),
        (
            "a file is stale",
            tree(&item(">f.st...... 2 a"), "", 0),
            Outcome::Fail,
        ),
        (
            "a mode differs",
            tree(&item(".f...p..... 2 a"), "", 0),
            Outcome::Warn,
        ),
        (
            "an extra file",
            tree(&item("*deleting   0 a"), "", 0),
            Outcome::Pass,
        ),
        (
            "no deletion after an error",
            tree(
                &format!("IO error encountered -- skipping file deletion\n{END}"),
                denied,
                23,
            ),
            Outcome::Unknown,
        ),
        (
            "the note alone",
            tree(
                &format!("IO error encountered -- skipping file deletion\n{END}"),
                "",
                0,
            ),
            Outcome::Unknown,
        ),
        ("a partial run", tree(END, "", 23), Outcome::Unknown),
        (
            "an error with exit 0",
            tree(END, "rsync: something odd\n", 0),
            Outcome::Unknown,
        ),
        (
            "an unmounted source",
            tree(&format!("{only_extras}{empty}"), "", 0),
            Outcome::Fail,
        ),
        (
            "an empty source and target",
            tree(empty, "", 0),
            Outcome::Fail,
        ),
        (
            "a source that lost most of its files",
            tree(&format!("{only_extras}{few}"), "", 0),
            Outcome::Fail,
        ),
        (
            "no target folder",
            tree(&format!("created directory /srv/a\n{END}"), "", 0),
            Outcome::Fail,
        ),
        (
            "a chatty shell",
            tree(&format!("Welcome!\n{END}"), "", 0),
            Outcome::Unknown,
        ),
        (
            "an item cut in two",
            tree(&format!("CUT >f+++\n{END}"), "", 0),
            Outcome::Unknown,
        ),
        ("vanished files", tree(END, vanished, 24), Outcome::Warn),
        (
            "a socket",
            tree(&format!("skipping non-regular file \"s\"\n{END}"), "", 0),
            Outcome::Warn,
        ),
        (
            "cut off before the statistics",
            tree("", "", 0),
            Outcome::Unknown,
        ),
        (
            "ssh failed",
            tree("", "ops@p: Permission denied (publickey).", 255),
            Outcome::Unknown,
        ),
    ];
    for (name, known, outcome) in cases {
        let finding = with("tree primary -> standby", known);
        assert_eq!(finding.outcome, outcome, "{name}: {finding:#?}");
    }
}

#[test]
fn an_unreadable_source_file_and_another_content_are_seen_elsewhere() {
    let names = json!({"host": "primary", "names": {"lines": 2, "first": ["a", "b"]}});
    let finding = with("readable primary", Known::Live(names));
    assert_eq!(finding.outcome, Outcome::Unknown);
    assert!(
        finding.headline.contains("cannot be read"),
        "{}",
        finding.headline
    );

    let sample = json!({"chosen": 9, "compared": 9, "other": 1, "first": ["pool/x"]});
    let finding = with("sample primary -> standby", Known::Live(sample));
    assert_eq!(finding.outcome, Outcome::Fail);
    assert!(
        finding.final_ && finding.headline.contains("pool/x"),
        "{finding:#?}"
    );

    let finding = with(
        "sample primary -> standby",
        Known::Live(json!({"chosen": 9})),
    );
    assert_eq!(finding.outcome, Outcome::Warn);
    let finding = with(
        "sample primary -> standby",
        Known::Live(json!({"chosen": 9, "compared": 8, "unread": 1})),
    );
    assert_eq!(finding.outcome, Outcome::Unknown);

    // What is too large for a checksum is told of where all is well too.
    let large = json!({"chosen": 9, "compared": 9, "large": 2});
    let finding = with("sample primary -> standby", Known::Live(large));
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    let told = "2 files above 64 MiB compared by size and time only";
    assert!(finding.headline.contains(told), "{finding:#?}");

    let all_large = json!({"chosen": 0, "large": 2});
    let finding = with("sample primary -> standby", Known::Live(all_large));
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
    let told =
        "no file was compared by checksum, since none has up to 64 MiB: contents were not seen";
    assert!(finding.headline.contains(told), "{finding:#?}");
    let none = Known::Live(json!({"chosen": 0}));
    assert_eq!(
        with("sample primary -> standby", none).outcome,
        Outcome::Pass
    );

    let mut items = evidence();
    items.remove("sample primary -> standby");
    let finding = judge(&plain(), items);
    assert!(
        finding
            .facts
            .iter()
            .any(|fact| fact.actual.contains("is not seen")),
        "{finding:#?}"
    );
}

#[test]
fn limits_are_limits() {
    let stdout = format!("CUT >f+++++++++ 700 a\nCUT *deleting   0 b\n{END}");
    let outcome = |change: &dyn Fn(&mut Limits)| {
        let mut mirror = plain();
        mirror.limits.max_files = 1;
        change(&mut mirror.limits);
        let mut items = evidence();
        items.insert("tree primary -> standby", tree(&stdout, "", 0));
        judge(&mirror, items).outcome
    };
    assert_eq!(outcome(&|_| {}), Outcome::Pass);
    assert_eq!(outcome(&|limits| limits.max_files = 0), Outcome::Fail);
    assert_eq!(
        outcome(&|limits| limits.max_bytes = Some(700)),
        Outcome::Pass
    );
    assert_eq!(
        outcome(&|limits| limits.max_bytes = Some(699)),
        Outcome::Fail
    );
    assert_eq!(outcome(&|limits| limits.min_files = 101), Outcome::Fail);
    assert_eq!(outcome(&|limits| limits.extra = Grade::Warn), Outcome::Warn);
    assert_eq!(outcome(&|limits| limits.extra = Grade::Fail), Outcome::Fail);
}

#[test]
fn a_dead_source_is_unknown_and_answered_from_the_record_in_an_emergency() {
    let mut items = evidence();
    for key in [
        "tree primary -> standby",
        "readable primary",
        "sample primary -> standby",
        "stamps primary",
    ] {
        items.insert(key, Known::Unseen(gone()));
    }
    let finding = judge(&plain(), items.clone());
    assert_eq!(finding.outcome, Outcome::Unknown);
    assert!(
        finding
            .facts
            .iter()
            .any(|fact| fact.actual.contains("1h 00m ago by its own clock"))
    );

    let recorded = |known: &Known| match known {
        Known::Live(fact) => Known::Recorded {
            fact: fact.clone(),
            age: Duration::from_secs(2 * 3600),
            why: gone(),
        },
        other => other.clone(),
    };
    let mut items = evidence();
    for (key, known) in &mut items {
        if *key != "stamps standby" {
            *known = recorded(known);
        }
    }
    let blind = judge(&plain(), items.clone());
    assert_eq!(blind.outcome, Outcome::Unknown);
    let why = "still holds what it held 2h 00m ago is not known";
    assert!(blind.headline.contains(why), "{}", blind.headline);

    let holding = |entries, bytes, newest, folder| {
        let newest = json!([newest, "dists/Release"]);
        Known::Live(
            json!({ "entries": entries, "bytes": bytes, "newest": newest, "folder": folder }),
        )
    };
    let total = |entries, bytes| holding(entries, bytes, 999, "1:2");
    if let Some(Known::Recorded { fact, .. }) = items.get_mut("tree primary -> standby") {
        fact["held"] = json!({ "entries": 101, "bytes": 1000 });
        fact["moment"] = json!({ "at": 1000, "folder": "1:2" });
    }
    for (entries, bytes, how) in [
        (96, 900, "holds less"),
        (101, 999, "holds less"),
        (102, 1000, "holds more"),
    ] {
        items.insert("holds primary -> standby", total(entries, bytes));
        let changed = judge(&plain(), items.clone());
        assert_eq!(changed.outcome, Outcome::Unknown, "{how}");
        assert!(changed.headline.contains(how), "{}", changed.headline);
    }
    // As much as then, and something else: under other names, or another folder.
    for (newest, folder, why) in [
        (1000, "1:2", "and `dists/Release` was changed since"),
        (999, "1:3", "and it is another folder"),
    ] {
        items.insert(
            "holds primary -> standby",
            holding(101, 1000, newest, folder),
        );
        let changed = judge(&plain(), items.clone());
        assert_eq!(changed.outcome, Outcome::Unknown, "{why}");
        assert!(changed.headline.contains(why), "{}", changed.headline);
    }
    let mut unkept = items.clone();
    if let Some(Known::Recorded { fact, .. }) = unkept.get_mut("tree primary -> standby") {
        fact["moment"] = json!(null);
    }
    unkept.insert("holds primary -> standby", total(101, 1000));
    let unkept = judge(&plain(), unkept);
    assert_eq!(unkept.outcome, Outcome::Unknown);
    assert!(unkept.headline.contains("and names were not compared"));
    items.insert("holds primary -> standby", total(101, 1000));
    let finding = judge(&plain(), items.clone());
    assert_eq!(finding.outcome, Outcome::Warn);
    assert!(
        finding
            .headline
            .contains("as it was 2h 00m ago; now: no route"),
        "{}",
        finding.headline
    );
    assert_eq!(
        finding.data_age,
        Some(Seconds(Duration::from_secs(2 * 3600)))
    );

    items.insert(
        "stamps standby",
        Known::Live(stamp("standby", 9, Some(2026112001))),
    );
    assert_eq!(
        judge(&plain(), items).outcome,
        Outcome::Fail,
        "too far behind what the source last said"
    );
}

#[test]
fn without_a_pair_or_with_a_strange_record_nothing_passes() {
    assert_eq!(judge(&plain(), BTreeMap::new()).outcome, Outcome::Unknown);
    assert_eq!(
        with("tree primary -> standby", Known::Live(json!("x"))).outcome,
        Outcome::Unknown
    );
}
