use proptest::prelude::*;

use super::super::tests::{fact, flip, plan, records, set, zone};
use super::*;
use crate::event::Finding;
use crate::plan::{Mode, Plan, Stay};
use crate::seen::{NotSeen, Record};

fn finding(outcome: Outcome, headline: &str, rows: &[(Outcome, &str, &str, &str)]) -> Finding {
    let rows = rows
        .iter()
        .map(|(o, what, expected, actual)| fact(*o, what, expected, actual));
    Finding::new(outcome, headline).facts(rows.collect())
}

fn works() -> Finding {
    let row = (
        Outcome::Pass,
        "website at new",
        "status 200",
        "status 200 in 4 ms",
    );
    finding(Outcome::Pass, "1 of 1 probe passes", &[row])
}

fn packages(rows: &[(Outcome, &str, &str, &str)]) -> Finding {
    let counted = format!("{} differ", rows.len());
    let sum = (
        Outcome::Pass,
        "packages of old on new",
        "the same",
        counted.as_str(),
    );
    let rows: Vec<_> = std::iter::once(sum).chain(rows.iter().copied()).collect();
    let worst = rows.iter().map(|row| row.0).max().unwrap();
    finding(
        worst,
        &format!("`new` beside `old`: {counted} of 12 packages"),
        &rows,
    )
}

fn night(plan: &Plan, works: Finding, packages: Finding) -> SeenWorld {
    SeenWorld::of(
        &records(plan, vec![(0, works), (1, packages)]),
        vec![zone()],
    )
    .unwrap()
}

fn quiet() -> SeenWorld {
    night(&plan(&flip()), works(), packages(&[]))
}

fn told(then: &SeenWorld, now: &SeenWorld) -> Vec<String> {
    let list = changes(then, now).unwrap();
    list.iter()
        .map(|change| format!("{}: {change}", change.about))
        .collect()
}

#[test]
fn texts_that_differ_from_night_to_night_are_no_change() {
    let row = (
        Outcome::Pass,
        "website at new",
        "status 200",
        "status 200 in 912 ms",
    );
    let works = finding(
        Outcome::Pass,
        "1 of 1 probe passes (looked at 3s ago, reused)",
        &[row],
    );
    let left_out = (
        Outcome::Pass,
        "left out on new",
        "",
        "3 packages that differ are to be ignored",
    );
    let mut later = night(&plan(&flip()), works, packages(&[left_out]));
    later.began = "2026-11-23T03:05:00Z".parse().unwrap();
    later.took_ms *= 7;
    later.zones.clear();
    assert_eq!(told(&quiet(), &later), [""; 0]);
    assert_eq!(told(&quiet(), &quiet()), [""; 0]);
}

#[test]
fn an_outcome_that_turned_is_told_with_its_rows() {
    let row = (
        Outcome::Fail,
        "website at new",
        "status 200",
        "connection refused",
    );
    let broken = finding(Outcome::Fail, "0 of 1 probe passes", &[row]);
    let then = quiet();
    let now = night(&plan(&flip()), broken, packages(&[]));
    assert_eq!(
        told(&then, &now),
        [
            "k0: ~ outcome: fail, was pass: 0 of 1 probe passes",
            "k0: ~ website at new: fail, was pass: connection refused (expected status 200)",
        ]
    );
    assert_eq!(
        told(&now, &then),
        [
            "k0: ~ outcome: pass, was fail: 1 of 1 probe passes",
            "k0: ~ website at new: pass, was fail: status 200 in 4 ms (expected status 200)",
        ]
    );
    // It fails in another way: the same news is not told twice.
    let row = (Outcome::Fail, "website at new", "status 200", "status 502");
    let other = finding(Outcome::Fail, "0 of 1 probe passes", &[row]);
    assert_eq!(
        told(&now, &night(&plan(&flip()), other, packages(&[]))),
        [""; 0]
    );
}

#[test]
fn a_warning_that_comes_or_goes_is_told_and_a_row_that_is_well_is_not() {
    let lacks = (
        Outcome::Warn,
        "website over IPv6 at new",
        "an IPv6 address",
        "none",
    );
    let more = (Outcome::Pass, "archive at new", "status 200", "status 200");
    let now = finding(Outcome::Warn, "2 of 2 probes pass", &[lacks, more]);
    let now = night(&plan(&flip()), now, packages(&[]));
    assert_eq!(
        told(&quiet(), &now),
        [
            "k0: ~ outcome: warn, was pass: 2 of 2 probes pass",
            "k0: + website over IPv6 at new: warn: none (expected an IPv6 address)",
        ]
    );
    let back = told(&now, &quiet());
    assert_eq!(
        back[1],
        "k0: - website over IPv6 at new: warn: none (expected an IPv6 address)"
    );
}

#[test]
fn a_package_that_differs_now_is_named_with_both_versions() {
    let old = (Outcome::Warn, "nginx on new, older", "1.26-1", "1.24-1");
    let then = night(&plan(&flip()), works(), packages(&[old]));
    let older = (Outcome::Warn, "nginx on new, older", "1.27-1", "1.24-1");
    let extra = (Outcome::Pass, "zsh on new, extra", "not installed", "5.9-4");
    let now = night(&plan(&flip()), works(), packages(&[older, extra]));
    assert_eq!(
        told(&then, &now),
        [
            "k1: ~ nginx on new, older: 1.24-1 (expected 1.27-1), was 1.24-1 (expected 1.26-1)",
            "k1: + zsh on new, extra: pass: 5.9-4 (expected not installed)",
        ]
    );
}

#[test]
fn a_list_that_was_cut_off_claims_nothing_of_what_it_did_not_name() {
    let row = |what: &'static str| (Outcome::Warn, what, "1", "not installed");
    let more = |n: &'static str| (Outcome::Warn, "more on new, missing", "", n);
    let then = [
        row("a on new, missing"),
        row("m on new, missing"),
        row("z on new, missing"),
    ];
    let now = [
        row("a on new, missing"),
        row("b on new, missing"),
        row("m on new, missing"),
    ];
    let then = packages(&[&then[..], &[more("1 more packages")]].concat());
    let now = packages(&[&now[..], &[more("2 more packages")]].concat());
    let (then, now) = (
        night(&plan(&flip()), works(), then),
        night(&plan(&flip()), works(), now),
    );
    assert_eq!(
        told(&then, &now),
        [
            "k1: + b on new, missing: warn: not installed (expected 1)",
            "k1: ~ more on new, missing: 2 more packages, was 1 more packages",
        ]
    );
    assert_eq!(
        told(&now, &then)[0],
        "k1: - b on new, missing: warn: not installed (expected 1)"
    );
    assert_eq!(told(&now, &then).len(), 2);
}

#[test]
fn record_sets_that_come_go_or_differ_are_told_one_by_one() {
    let mut sets = flip();
    sets[0].0 = set("www.example.org", 3600, "192.0.2.10");
    sets.push((
        set("new.example.org", 300, "192.0.2.10"),
        set("new.example.org", 60, "198.51.100.20"),
    ));
    let now = night(&plan(&sets), works(), packages(&[]));
    assert_eq!(
        told(&quiet(), &now),
        [
            "c2: + new.example.org. A: 192.0.2.10 (TTL 300s) -> 198.51.100.20 (TTL 60s)",
            "c2: ~ TTL of www.example.org. A raised: 3600s, was 300s",
        ]
    );
    assert_eq!(
        told(&now, &quiet()),
        [
            "c2: - new.example.org. A: 192.0.2.10 (TTL 300s) -> 198.51.100.20 (TTL 60s)",
            "c2: ~ TTL of www.example.org. A lowered: 300s, was 3600s",
        ]
    );
    let sets = vec![(
        set("www.example.org", 300, "192.0.2.11"),
        set("www.example.org", 30, "198.51.100.21"),
    )];
    assert_eq!(
        told(&quiet(), &night(&plan(&sets), works(), packages(&[]))),
        [
            "c2: ~ www.example.org. A: 192.0.2.11, was 192.0.2.10",
            "c2: ~ TTL of www.example.org. A lowered after the change: 30s, was 60s",
            "c2: ~ www.example.org. A after the change: 198.51.100.21, was 198.51.100.20",
        ]
    );
}

#[test]
fn a_ttl_that_stays_on_both_sides_is_told_of_once() {
    let at = |ttl| {
        vec![(
            set("www.example.org", ttl, "192.0.2.10"),
            set("www.example.org", ttl, "198.51.100.20"),
        )]
    };
    let [then, now] = [60, 900].map(|ttl| night(&plan(&at(ttl)), works(), packages(&[])));
    let expected = ["c2: ~ TTL of www.example.org. A raised: 900s, was 60s"];
    assert_eq!(told(&then, &now), expected);
}

#[test]
fn a_new_name_that_leads_to_the_source_is_told() {
    let mut plan = plan(&flip());
    plan.stays.push(Stay {
        what: "cdn.example.org. A".into(),
        why: "it leads to `old` too, and this step does not name it".into(),
    });
    plan.stays[0].why = "it is an alias".into();
    let now = night(&plan, works(), packages(&[]));
    assert_eq!(
        told(&quiet(), &now),
        [
            "left as it is: + cdn.example.org. A: it leads to `old` too, and this step does not name it",
            "left as it is: ~ mail.example.org. A: it is an alias, was it leads to neither side",
        ]
    );
    assert_eq!(told(&now, &quiet()).len(), 2);
}

#[test]
fn a_promise_a_playbook_and_a_program_that_changed_are_told() {
    let with = |promise: &str, text: &str| {
        let mut plan = plan(&flip());
        plan.entries[2].promise = Some(promise.into());
        plan.text = text.into();
        night(&plan, works(), packages(&[]))
    };
    let then = with("compare-and-swap", "a = 1\n\nb = 2\nb = 2\n");
    let mut now = with("one call for each record set", "a = 1\nb = 2\n  c = 3\n");
    now.version = "0.2.0".into();
    assert_eq!(
        told(&then, &now),
        [
            "playbook: - b = 2",
            "playbook: + c = 3",
            "cutover: ~ version: 0.2.0, was 0.1.0",
            "c2: ~ what a write promises: one call for each record set, was compare-and-swap",
        ]
    );
    let turned = with("compare-and-swap", "b = 2\na = 1\nb = 2\n");
    let expected = ["playbook: ~ its lines stand in another order"];
    assert_eq!(told(&then, &turned), expected);
    let long: String = (0..50).map(|n| format!("x{n} = 1\n")).collect();
    let list = told(&with("p", ""), &with("p", &long));
    assert_eq!(list.len(), LINES + 1);
    assert_eq!(list[LINES], "playbook: + 30 more lines");
}

#[test]
fn after_somebody_failed_over_only_that_and_outcomes_are_told() {
    let turn = |plan: &mut Plan| {
        let way = &mut plan.direction;
        std::mem::swap(&mut way.source, &mut way.target);
    };
    let mut other = plan(&[(
        set("www.example.org", 60, "198.51.100.20"),
        set("www.example.org", 60, "192.0.2.10"),
    )]);
    turn(&mut other);
    let row = (Outcome::Pass, "website at old", "status 200", "status 200");
    let works = finding(Outcome::Warn, "slow", &[row]);
    let now = night(&other, works, packages(&[]));
    assert_eq!(
        told(&quiet(), &now),
        [
            "direction: ~ goes: new -> old, was old -> new",
            "k0: ~ outcome: warn, was pass: slow",
        ]
    );
}

#[test]
fn a_check_that_is_new_gone_or_was_not_reached_is_told() {
    let mut other = plan(&flip());
    other.entries[1].id = "k9".into();
    let now = night(&other, works(), packages(&[]));
    assert_eq!(
        told(&quiet(), &now),
        [
            "k9: + check: pass: `new` beside `old`: 0 differ of 12 packages",
            "k1: - check: pass",
        ]
    );
    let cut: Vec<Record> = records(&plan(&flip()), vec![(0, works())]);
    let cut = SeenWorld::of(&cut, Vec::new()).unwrap();
    assert_eq!(
        told(&quiet(), &cut),
        ["k1: ~ outcome: not looked at, was pass: the dry run ended before it"]
    );
}

#[test]
fn a_check_that_became_much_slower_is_told_and_a_little_slower_is_not() {
    let taking = |ms| {
        let mut seen = quiet();
        seen.checks[0].took_ms = Some(ms);
        seen
    };
    let expected = ["k0: ~ time to look: 14s, was 2.0s"];
    assert_eq!(told(&taking(2_000), &taking(14_000)), expected);
    for (then, now) in [
        (100, 90_000),
        (3_000, 12_000),
        (20_000, 40_000),
        (14_000, 2_000),
    ] {
        assert_eq!(told(&taking(then), &taking(now)), [""; 0], "{then} {now}");
    }
}

#[test]
fn another_playbook_and_an_emergency_are_not_compared() {
    let mut other = quiet();
    other.playbook = "other".into();
    let why = changes(&other, &quiet()).unwrap_err();
    assert_eq!(
        why,
        "it tells of the playbook `other`, and this is `sketch`"
    );
    let mut emergency = quiet();
    emergency.mode = Mode::Emergency;
    assert!(
        changes(&emergency, &quiet())
            .unwrap_err()
            .contains("emergency")
    );
}

#[test]
fn a_program_reads_the_same() {
    let row = (
        Outcome::Fail,
        "website at new",
        "status 200",
        "connection refused",
    );
    let broken = finding(Outcome::Fail, "0 of 1", &[row]);
    let list = changes(&quiet(), &night(&plan(&flip()), broken, packages(&[]))).unwrap();
    let json = serde_json::to_value(&list[1]).unwrap();
    let expected = serde_json::json!({
        "about": "k0", "how": "changed", "what": "website at new", "was": "pass", "is": "fail",
        "why": "connection refused (expected status 200)"
    });
    assert_eq!(json, expected);
}

#[test]
fn a_sight_from_before_the_change_that_fails_now_is_told() {
    let mut now = quiet();
    now.checks[2].unseen.push(NotSeen {
        what: "old/".into(),
        why: "permission denied".into(),
    });
    assert_eq!(
        told(&quiet(), &now),
        ["k3: + old/: unknown: permission denied"]
    );
    assert_eq!(
        told(&now, &quiet()),
        ["k3: - old/: unknown: permission denied"]
    );
    assert_eq!(told(&now, &now), [""; 0]);
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    use Outcome::{Fail, Late, Pass, Unknown, Warn};
    prop::sample::select(vec![Pass, Warn, Late, Unknown, Fail])
}

/// Any night: a few record sets, rows and things left alone, of a few names.
fn nights() -> impl Strategy<Value = SeenWorld> {
    let names =
        || prop::sample::select(vec!["a", "b", "more on new, missing", "z on new, missing"]);
    let texts = || prop::sample::select(vec!["", "1.26-1", "a look now", "5 more"]);
    let row = || (outcomes(), names(), texts(), texts());
    let rows = || prop::collection::vec(row(), 0..4);
    let sets = prop::collection::vec((names(), 0..3u32, 0..3u8), 0..3);
    let stays = prop::collection::vec((names(), texts()), 0..3);
    (rows(), rows(), sets, stays, any::<bool>()).prop_map(
        |(works, packages, sets, stays, turned)| {
            let set = |(name, ttl, host): &(&str, u32, u8)| {
                let name = name.split(' ').next().unwrap();
                let at = |net: &str| set(name, *ttl, &format!("{net}.{host}"));
                (at("192.0.2"), at("198.51.100"))
            };
            let mut plan = plan(&sets.iter().map(set).collect::<Vec<_>>());
            plan.stays = (stays.iter())
                .map(|(what, why)| Stay {
                    what: (*what).into(),
                    why: (*why).into(),
                })
                .collect();
            if turned {
                let way = &mut plan.direction;
                std::mem::swap(&mut way.source, &mut way.target);
            }
            let of = |rows: &[(Outcome, &str, &str, &str)]| {
                let worst = rows.iter().map(|row| row.0).max().unwrap_or(Outcome::Pass);
                finding(worst, "head", rows)
            };
            night(&plan, of(&works), of(&packages))
        },
    )
}

proptest! {
    #[test]
    fn there_and_back_tell_the_same_and_the_same_night_tells_nothing(a in nights(), b in nights()) {
        prop_assert_eq!(told(&a, &a), [""; 0]);
        let (there, back) = (changes(&a, &b).unwrap(), changes(&b, &a).unwrap());
        prop_assert_eq!(there.is_empty(), back.is_empty());
        let count = |list: &[Change], how| list.iter().filter(|change| change.how == how).count();
        for (one, other) in [
            (How::Appeared, How::Vanished),
            (How::Vanished, How::Appeared),
            (How::Changed, How::Changed),
        ] {
            prop_assert_eq!(count(&there, one), count(&back, other));
        }
        for change in there.iter().filter(|change| change.how == How::Changed) {
            prop_assert_ne!(&change.was, &change.is);
        }
    }

    #[test]
    fn a_damaged_document_is_refused_and_never_a_panic(
        night in nights(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut text = serde_json::to_vec(&night).unwrap();
        let at = at.index(text.len());
        text[at] = byte;
        if let Ok(read) = SeenWorld::read(&text) {
            let _ = changes(&night, &read);
        }
        prop_assert!(SeenWorld::read(&text[..at]).is_err());
    }
}
