use serde_json::json;

use super::*;
use crate::plan::Outcome;
use crate::step::Known;

fn traffic() -> Traffic {
    Traffic {
        at_least: 0.8,
        drain_below: 0.1,
        max_errors: 0.05,
        floor: 0.2,
        interval: Duration::from_secs(10),
        timeout: TIMEOUT,
        ignore: Vec::new(),
    }
}

fn aim() -> Aim {
    Aim {
        active: "cloud".into(),
        idle: "dedicated".into(),
        moved: true,
    }
}

/// Ten seconds at one host: requests over IPv4 and IPv6, and how many of them were errors.
fn seen(site: &str, host: &str, v4: u64, v6: u64, errors: u64) -> (String, Json) {
    let seen = Seen {
        site: site.into(),
        host: host.into(),
        of: 1,
        count: Count {
            millis: 10_000,
            requests: v4 + v6,
            errors,
            v4,
            v6,
            ..Count::default()
        },
    };
    (
        format!("{site}/{host}"),
        serde_json::to_value(seen).unwrap(),
    )
}

fn live((key, fact): (String, Json)) -> (String, Known) {
    (key, Known::Live(fact))
}

fn judged(base: [u64; 2], new: [u64; 3], old: [u64; 2]) -> Finding {
    let evidence = Evidence {
        items: vec![
            live(seen("cloud", "standby", new[0], new[1], new[2])),
            live(seen("dedicated", "primary", old[0], old[1], 0)),
        ],
        baseline: vec![seen("dedicated", "primary", base[0], base[1], 0)],
    };
    traffic().judge(&aim(), &evidence)
}

#[test]
fn the_rates_decide() {
    use Outcome::*;
    let cases = [
        // Before; then at the target (IPv4, IPv6, errors) and at the source.
        ([100, 100], [100, 95, 0], [2, 2], Pass),
        ([100, 100], [100, 40, 0], [2, 2], Late),
        ([100, 100], [10, 10, 0], [90, 90], Late),
        ([100, 100], [100, 100, 0], [30, 0], Late),
        // The sum is enough, and one family has not moved.
        ([200, 30], [220, 0, 0], [0, 20], Late),
        // One family is too small to say anything of its own.
        ([200, 5], [200, 0, 0], [0, 5], Pass),
        ([100, 100], [100, 100, 50], [0, 0], Fail),
        ([100, 100], [100, 100, 9], [0, 0], Pass),
        ([100, 100], [0, 0, 0], [0, 0], Late),
        // Too little before the change to tell anything.
        ([1, 0], [10, 0, 0], [0, 0], Unknown),
        ([0, 0], [0, 0, 0], [0, 0], Unknown),
    ];
    for (base, new, old, outcome) in cases {
        let finding = judged(base, new, old);
        assert_eq!(finding.outcome, outcome, "{base:?} {new:?} {old:?}");
    }
    let finding = judged([100, 100], [100, 95, 0], [2, 2]);
    assert_eq!(
        finding.headline,
        "98% arrives at cloud (19.5/s: 10.0 over IPv4, 9.5 over IPv6); 2% still goes to dedicated"
    );
}

#[test]
fn many_errors_are_final_and_few_requests_are_not() {
    assert!(judged([100, 0], [100, 0, 50], [0, 0]).final_);
    let few = judged([100, 0], [3, 0, 2], [0, 0]);
    assert_eq!((few.outcome, few.final_), (Outcome::Fail, false));
}

#[test]
fn errors_that_the_source_had_too_are_no_failure_of_the_target() {
    let evidence = Evidence {
        items: vec![
            live(seen("cloud", "standby", 100, 0, 20)),
            live(seen("dedicated", "primary", 0, 0, 0)),
        ],
        baseline: vec![seen("dedicated", "primary", 100, 0, 25)],
    };
    assert_eq!(traffic().judge(&aim(), &evidence).outcome, Outcome::Pass);
}

#[test]
fn what_was_not_seen_is_never_a_pass() {
    let base = || vec![seen("dedicated", "primary", 100, 100, 0)];
    let new = || live(seen("cloud", "standby", 100, 100, 0));
    let old = || live(seen("dedicated", "primary", 0, 0, 0));
    let dead = |key: &str| {
        let why = Unseen::new(Cause::Unreachable, "no route to host");
        (key.to_owned(), Known::Unseen(why))
    };
    let recorded = {
        let (key, fact) = seen("dedicated", "primary", 0, 0, 0);
        let why = Unseen::new(Cause::TimedOut, "no answer");
        let age = Duration::from_secs(3600);
        (key, Known::Recorded { fact, age, why })
    };
    let cases = [
        (vec![new(), dead("dedicated/primary")], base()),
        (vec![new(), recorded], base()),
        (vec![dead("cloud/standby"), old()], base()),
        (vec![new(), old()], Vec::new()),
        (vec![new()], base()),
        (vec![], base()),
    ];
    for (items, baseline) in cases {
        let evidence = Evidence { items, baseline };
        let finding = traffic().judge(&aim(), &evidence);
        assert_eq!(finding.outcome, Outcome::Unknown, "{evidence:?}");
    }
}

#[test]
fn the_same_judgement_serves_the_way_back() {
    let evidence = Evidence {
        items: vec![
            live(seen("dedicated", "primary", 100, 100, 0)),
            live(seen("cloud", "standby", 1, 0, 0)),
        ],
        baseline: vec![seen("dedicated", "primary", 100, 100, 0)],
    };
    let back = Aim {
        active: "dedicated".into(),
        idle: "cloud".into(),
        moved: true,
    };
    assert_eq!(traffic().judge(&back, &evidence).outcome, Outcome::Pass);
    assert_eq!(traffic().judge(&aim(), &evidence).outcome, Outcome::Late);
}

#[test]
fn half_a_baseline_and_logs_in_a_strange_form_are_unknown() {
    let (key, mut half) = seen("dedicated", "primary", 100, 0, 0);
    half["of"] = json!(2);
    let items = || {
        vec![
            live(seen("cloud", "standby", 100, 0, 0)),
            live(seen("dedicated", "primary", 0, 0, 0)),
        ]
    };
    let evidence = Evidence {
        items: items(),
        baseline: vec![(key, half)],
    };
    assert_eq!(traffic().judge(&aim(), &evidence).outcome, Outcome::Unknown);

    let (key, mut odd) = seen("cloud", "standby", 0, 0, 0);
    odd["count"]["odd"] = json!(100);
    let mut items = items();
    items[0] = (key, Known::Live(odd));
    let evidence = Evidence {
        items,
        baseline: vec![seen("dedicated", "primary", 100, 0, 0)],
    };
    assert_eq!(traffic().judge(&aim(), &evidence).outcome, Outcome::Unknown);
}

#[test]
fn a_part_of_the_old_log_that_was_lost_is_no_proof_that_it_drained() {
    let (key, mut lost) = seen("dedicated", "primary", 0, 0, 0);
    lost["count"]["lost"] = json!(true);
    let evidence = Evidence {
        items: vec![
            live(seen("cloud", "standby", 100, 0, 0)),
            (key, Known::Live(lost)),
        ],
        baseline: vec![seen("dedicated", "primary", 100, 0, 0)],
    };
    assert_eq!(traffic().judge(&aim(), &evidence).outcome, Outcome::Unknown);
}
