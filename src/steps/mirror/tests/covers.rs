//! What the sentences of a finding cover.

use serde_json::json;

use super::{END, evidence, judge, plain, stamp, tree, with};
use crate::plan::Outcome;
use crate::step::Known;

fn links(outside: u64, names: &[&str]) -> Known {
    Known::Live(json!({
        "host": "standby",
        "links": {
            "outside": {"lines": outside, "first": ["pool -> /mnt/disk2/pool"]},
            "dangling": names.len(), "names": names,
        },
    }))
}

#[test]
fn all_is_not_said_where_links_lead_out_or_nowhere() {
    for (known, outcome, words) in [
        (links(1, &[]), Outcome::Warn, "pool -> /mnt/disk2/pool"),
        (
            links(0, &["pool"]),
            Outcome::Fail,
            "on `primary` it is: pool",
        ),
    ] {
        let finding = with("links standby", known);
        assert_eq!(finding.outcome, outcome, "{finding:#?}");
        assert!(finding.headline.contains(words), "{finding:#?}");
        assert!(!finding.headline.contains("holds all"), "{finding:#?}");
    }
    let mut items = evidence();
    items.insert("links standby", links(0, &["pool"]));
    items.remove("readable primary");
    let finding = judge(&plain(), items);
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
    assert!(
        finding.headline.contains("was not seen: pool"),
        "{finding:#?}"
    );
    assert_eq!(with("links standby", links(0, &[])).outcome, Outcome::Pass);
}

#[test]
fn a_way_that_leads_back_is_refused() {
    let way = |there: Option<&str>, own: Option<&str>| {
        Known::Live(json!({"here": "5a 1:2", "there": there, "own": own, "way": "root@192.0.2.22"}))
    };
    let with = |known| {
        let mut items = evidence();
        let mut seen = stamp("primary", 1, Some(2026112202));
        seen["folder"] = json!("5a 1:3");
        items.insert("stamps primary", Known::Live(seen));
        items.insert("way primary -> standby", known);
        judge(&plain(), items)
    };
    let finding = with(way(Some("5a 1:2"), None));
    assert_eq!(finding.outcome, Outcome::Fail);
    assert!(finding.final_ && finding.headline.contains("compared with itself"));
    let finding = with(way(None, Some("192.0.2.22")));
    assert_eq!(finding.outcome, Outcome::Fail);
    assert!(finding.headline.contains("its own address"), "{finding:#?}");
    let finding = with(way(Some("77 1:3"), None));
    assert_eq!(finding.outcome, Outcome::Unknown);
    assert!(finding.headline.contains("another folder"), "{finding:#?}");
    assert_eq!(with(way(Some("5a 1:3"), None)).outcome, Outcome::Pass);
    assert_eq!(with(way(None, None)).outcome, Outcome::Pass);
}

#[test]
fn what_differs_by_the_time_alone_is_told_apart() {
    let stdout = format!("CUT >f..t...... 7 a\nCUT >f.st...... 7 b\n{END}");
    let finding = with("tree primary -> standby", tree(&stdout, "", 0));
    assert_eq!(finding.outcome, Outcome::Fail);
    assert!(
        finding.headline.contains(
            "lacks 0 and holds 2 other than `primary`, 1 of them by the time alone, of 103 files, folders and links"
        ),
        "{finding:#?}"
    );
    let fact = |what: &str| finding.facts.iter().find(|fact| fact.what == what).unwrap();
    assert_eq!(
        fact("other than at the source, on standby").expected,
        "none"
    );
    // What is not looked at is no part of "holds all".
    let unseen = &fact("not compared, on standby").actual;
    assert!(
        unseen.contains("ACLs") && unseen.contains("all but root"),
        "{unseen}"
    );
}

#[test]
fn a_way_is_proven_by_what_the_source_itself_shows() {
    let with = |own: serde_json::Value, loopback: bool| {
        let mut items = evidence();
        let Known::Live(mut seen) = tree(END, "", 0) else {
            unreachable!()
        };
        seen["daemon"] = json!(true);
        seen["own"] = own;
        items.insert("tree primary -> standby", Known::Live(seen));
        let leads = json!({"here": "5a 1:2", "loopback": loopback, "way": "rsync://localhost/m"});
        items.insert("way primary -> standby", Known::Live(leads));
        judge(&plain(), items)
    };
    let other = json!({"other": {"entries": 12, "bytes": 12}});
    let unseen = json!({"unseen": "no rsync there"});
    for (own, loopback, outcome, words) in [
        (json!("same"), false, Outcome::Pass, "holds all"),
        (
            json!("same"),
            true,
            Outcome::Warn,
            "over the loopback of `standby`",
        ),
        (
            json!("moving"),
            false,
            Outcome::Warn,
            "changed while it was counted",
        ),
        (
            other.clone(),
            false,
            Outcome::Unknown,
            "and `primary` itself 11 files",
        ),
        (
            other,
            true,
            Outcome::Unknown,
            "leads to another folder or host",
        ),
        (unseen.clone(), false, Outcome::Pass, "holds all"),
        (
            unseen,
            true,
            Outcome::Unknown,
            "was not counted: no rsync there",
        ),
        (json!(null), false, Outcome::Pass, "holds all"),
        (json!(null), true, Outcome::Warn, "was not seen"),
    ] {
        let finding = with(own.clone(), loopback);
        assert_eq!(finding.outcome, outcome, "{own} {loopback} {finding:#?}");
        assert!(finding.headline.contains(words), "{own} {finding:#?}");
        // Where it could not be told, a person is told how to.
        let by_hand = format!("{:?}", finding.advice).contains("compare with the folder on");
        assert_eq!(by_hand, outcome == Outcome::Unknown, "{own} {finding:#?}");
    }
}

/// A balancer or a translated address may lead back to a target that serves rsync itself.
#[test]
fn a_daemon_that_may_be_the_targets_own_is_no_proof() {
    let with = |leads: serde_json::Value, line: &str, own: serde_json::Value| {
        let mut items = evidence();
        let Known::Live(mut seen) = tree(&format!("{line}{END}"), "", 0) else {
            unreachable!()
        };
        seen["daemon"] = json!(true);
        seen["own"] = own;
        items.insert("tree primary -> standby", Known::Live(seen));
        items.insert("way primary -> standby", Known::Live(leads));
        judge(&plain(), items)
    };
    let way = |loopback: bool, by: &[&str], serves: bool| {
        json!({
            "here": "5a 1:2", "daemon": true, "loopback": loopback, "listeners": by, "serves": serves,
            "way": "rsync://192.0.2.21:8730/m",
        })
    };
    let extra = "CUT *deleting   0 a\n";
    let finding = with(way(true, &["rsync"], true), "", json!("same"));
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");
    assert!(finding.final_ && finding.headline.contains("compared with itself"));
    // Who listens there is not seen: it may be a tunnel. With itself nothing could differ, a time neither.
    let aged = "CUT .d..t...... 0 a/\n";
    for by in [&[][..], &["rsync", "ssh"]] {
        let finding = with(way(true, by, true), "", json!("same"));
        assert_eq!(finding.outcome, Outcome::Unknown, "{by:?} {finding:#?}");
        assert!(!finding.final_ && finding.headline.contains("was not seen"));
        for line in [extra, aged] {
            let finding = with(way(true, by, true), line, json!("same"));
            assert_eq!(finding.outcome, Outcome::Warn, "{by:?} {finding:#?}");
        }
    }
    let finding = with(way(false, &[], true), aged, json!("same"));
    assert!(!format!("{finding:?}").contains("nothing at all differs"));
    for own in [json!("same"), json!(null), json!({"unseen": "no rsync"})] {
        let finding = with(way(false, &[], true), "", own.clone());
        assert_eq!(finding.outcome, Outcome::Warn, "{own} {finding:#?}");
        let told = "whether `rsync://192.0.2.21:8730/m` leads to another machine cannot be told";
        assert!(finding.headline.contains(told), "{finding:#?}");
        // It serves no rsync, or what it shows is not what it holds.
        let finding = with(way(false, &[], false), "", own.clone());
        assert_eq!(finding.outcome, Outcome::Pass, "{own} {finding:#?}");
        let finding = with(way(false, &[], true), extra, own.clone());
        assert_eq!(finding.outcome, Outcome::Pass, "{own} {finding:#?}");
    }
}
