use std::time::Duration;

use serde_json::json;

use super::*;
use crate::dns::{RecordKey, RecordSet, RecordType};
use crate::event::{Cause, Fact, Round, Unseen};
use crate::plan::{Edit, Nature, Place, Stay};

/// The records of a dry run with these findings, one second after the other.
pub(crate) fn records(plan: &Plan, findings: Vec<(usize, Finding)>) -> Vec<Record> {
    let mut at = Stamp {
        wall: "2026-11-22T03:05:00Z".parse().unwrap(),
        boot_ms: 0,
        boot_id: "one".into(),
    };
    let mut events = vec![Event::Started {
        plan: Box::new(plan.clone()),
        by: "root@ops1".into(),
        version: "0.1.0".into(),
    }];
    let outcomes = findings.iter().map(|(entry, f)| (*entry, f.outcome));
    let round = Round::There;
    let judged = Event::Judged {
        round,
        outcomes: outcomes.collect(),
    };
    events.extend(findings.into_iter().map(|(entry, finding)| Event::Looked {
        entry,
        round,
        finding,
    }));
    events.push(judged);
    events.push(Event::Ended {
        ending: Ending::Done,
    });
    let mut records = Vec::new();
    for (seq, event) in (0..).zip(events) {
        let next = at.plus(Duration::from_secs(1));
        records.push(Record { seq, at, event });
        at = next;
    }
    records
}

pub(crate) fn fact(outcome: Outcome, what: &str, expected: &str, actual: &str) -> Fact {
    Fact {
        outcome,
        what: what.into(),
        expected: expected.into(),
        actual: actual.into(),
    }
}

pub(crate) fn set(name: &str, ttl: u32, address: &str) -> RecordSet {
    let rtype = match address.contains(':') {
        true => RecordType::Aaaa,
        false => RecordType::A,
    };
    RecordSet::new(RecordKey::new(name, rtype), ttl, [address]).unwrap()
}

/// A dry run that looks at `k0` and `k1`, would flip these record sets, and does not look at `k3`.
pub(crate) fn plan(sets: &[(RecordSet, RecordSet)]) -> Plan {
    let mut plan = crate::fake::plan(Mode::Plan, "kkck");
    plan.text = "[playbook]\nname = \"sketch\"\n".into();
    plan.entries[0].kind = "services".into();
    plan.entries[1].kind = "packages".into();
    plan.entries[2].kind = "dns".into();
    plan.entries[2].nature = Nature::Change(Edit {
        place: Place {
            step: "c2".into(),
            name: "example.org".into(),
        },
        before: RecordSet::value_of(sets.iter().map(|(before, _)| before)),
        after: RecordSet::value_of(sets.iter().map(|(_, after)| after)),
    });
    plan.entries[3].there = false;
    plan.stays = vec![Stay {
        what: "mail.example.org. A".into(),
        why: "it leads to neither side".into(),
    }];
    plan
}

pub(crate) fn flip() -> Vec<(RecordSet, RecordSet)> {
    vec![(
        set("www.example.org", 300, "192.0.2.10"),
        set("www.example.org", 60, "198.51.100.20"),
    )]
}

pub(crate) fn zone() -> SeenZone {
    SeenZone {
        name: "example.org".into(),
        provider: "dyn".into(),
        kind: "rfc2136".into(),
        promise: Honesty::CompareAndSwap,
        smallest_ttl: 1,
    }
}

fn seen() -> SeenWorld {
    let works = Finding::new(Outcome::Unknown, "1 of 2 probes pass").facts(vec![
        fact(
            Outcome::Pass,
            "website at new",
            "status 200",
            "status 200 in 4 ms",
        ),
        fact(
            Outcome::Unknown,
            "archive at new",
            "status 200",
            "no answer within 5.0s",
        ),
    ]);
    let packages = Finding::new(Outcome::Pass, "none differ of 12 packages");
    let records = records(&plan(&flip()), vec![(1, packages), (0, works)]);
    SeenWorld::of(&records, vec![zone()]).unwrap()
}

#[test]
fn the_records_of_a_dry_run_tell_what_was_seen_and_what_was_not() {
    let seen = seen();
    assert_eq!(
        (seen.playbook.as_str(), seen.mode),
        ("sketch", Mode::Failover)
    );
    assert_eq!(seen.took_ms, 4000);
    assert_eq!(seen.ending, Some(Ending::Done));
    let took: Vec<_> = seen.checks.iter().map(|check| check.took_ms).collect();
    assert_eq!(took, [Some(2000), Some(1000), None]);
    let unseen: Vec<_> = (seen.checks.iter())
        .flat_map(|check| &check.unseen)
        .map(|one| (one.what.as_str(), one.why.as_str()))
        .collect();
    assert_eq!(unseen, [("archive at new", "no answer within 5.0s")]);
    let left_out: Vec<_> = (seen.checks.iter())
        .map(|check| check.not_looked_at.as_deref())
        .collect();
    let after = Some("it shows itself only after the change");
    assert_eq!(left_out, [None, None, after]);
    assert!(seen.check("k1").unwrap().unseen.is_empty());
}

#[test]
fn a_sight_from_before_the_change_that_failed_is_unseen_and_spends_nobody_s_time() {
    let mut plan = plan(&flip());
    plan.entries[1].needs_baseline = true;
    let found = vec![(1, Finding::new(Outcome::Pass, "well"))];
    let mut records = records(&plan, found);
    let sight = |key: &str, seen| Sight {
        key: key.into(),
        step: "k1".into(),
        seen,
    };
    let sights = vec![
        sight("rate of old", Ok(json!({ "rate": 7 }))),
        sight(
            "rate of new",
            Err(Unseen::new(Cause::TimedOut, "no answer")),
        ),
    ];
    let at = records[0].at.clone();
    let event = Event::BaselineTaken { sights };
    records.insert(1, Record { seq: 1, at, event });
    let seen = SeenWorld::of(&records, Vec::new()).unwrap();
    let check = seen.check("k1").unwrap();
    assert_eq!(check.took_ms, Some(1000));
    let unseen: Vec<_> = check.unseen.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(unseen, ["rate of new"]);
}

#[test]
fn a_document_and_the_lines_of_a_dry_run_are_both_read() {
    let seen = seen();
    let text = serde_json::to_string_pretty(&seen).unwrap();
    assert_eq!(SeenWorld::read(text.as_bytes()).as_ref(), Ok(&seen));

    let found = vec![(0, Finding::new(Outcome::Pass, "well"))];
    let records = records(&plan(&flip()), found);
    let lines: String = (records.iter())
        .map(|record| serde_json::to_string(record).unwrap() + "\n")
        .collect();
    let read = SeenWorld::read(lines.as_bytes()).unwrap();
    assert_eq!(read, SeenWorld::of(&records, Vec::new()).unwrap());
    assert_eq!(read.digest, seen.digest);
}

#[test]
fn the_document_names_its_parts_plainly() {
    let json = serde_json::to_value(seen()).unwrap();
    assert_eq!(json["format"], 1);
    assert_eq!(json["plan"]["direction"]["source"], "old");
    assert_eq!(json["checks"][0]["finding"]["outcome"], "unknown");
    assert_eq!(json["checks"][0]["took-ms"], 2000);
    assert_eq!(
        json["zones"][0],
        json!({
            "name": "example.org", "provider": "dyn", "kind": "rfc2136",
            "promise": "compare-and-swap", "smallest-ttl": 1
        })
    );
    assert_eq!(json["ending"], "done");
}

#[test]
fn what_tells_of_no_dry_run_is_refused_and_says_why() {
    let garbled = |bytes: &[u8]| match SeenWorld::read(bytes) {
        Err(NoWorld::Garbled(_)) => {}
        other => panic!("{other:?}"),
    };
    garbled(b"");
    garbled(b"\xff\xfe");
    garbled(b"[playbook]");
    garbled(b"{}");
    garbled(b"[]");
    garbled(br#"{"format":1}"#);
    let text = serde_json::to_string(&seen()).unwrap();
    garbled(&text.as_bytes()[..text.len() / 2]);
    assert_eq!(SeenWorld::read(br#"{"format":2}"#), Err(NoWorld::Format(2)));
    let check = crate::fake::plan(Mode::Check, "k");
    let records = records(&check, Vec::new());
    let no = SeenWorld::of(&records, Vec::new());
    assert_eq!(no, Err(NoWorld::NoDryRun(Mode::Check)));
    assert_eq!(
        SeenWorld::of(&records[1..], Vec::new())
            .unwrap_err()
            .to_string(),
        "it is neither a file of `plan --out-world` nor the output of `plan --format json`: \
         its first record is not the beginning of a run"
    );
}

#[test]
fn a_document_that_is_too_large_is_not_read_at_all() {
    let large = vec![b' '; LARGEST + 1];
    assert_eq!(SeenWorld::read(&large), Err(NoWorld::TooLarge));
}
