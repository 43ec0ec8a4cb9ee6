mod figures;
mod logs;
mod unserved;

use serde_json::json;

use super::count::Tally;
use super::*;
use crate::plan::Outcome;
use crate::step::Known;

fn traffic() -> Traffic {
    Traffic {
        at_least: 0.8,
        drain_below: 0.1,
        max_errors: 0.05,
        floor: 0.2,
        below_floor: BelowFloor::Refuse,
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

/// Ten seconds at one host, and the same in the ten before: requests over IPv4 and IPv6, and how many of them were errors.
fn seen(site: &str, host: &str, v4: u64, v6: u64, errors: u64) -> (String, Json) {
    let tally = Tally {
        requests: v4 + v6,
        errors,
        v4,
        v6,
        ..Tally::default()
    };
    let seen = Seen {
        site: site.into(),
        host: host.into(),
        of: 1,
        count: Count {
            millis: 10_000,
            now: tally,
            earlier: tally,
            ..Count::default()
        },
        served: site == "dedicated",
    };
    (
        format!("{site}/{host}"),
        serde_json::to_value(seen).unwrap(),
    )
}

/// What was seen before the change: requests at the source, and none at the target.
fn before(v4: u64, v6: u64, errors: u64) -> Vec<(String, Json)> {
    vec![
        seen("cloud", "standby", 0, 0, 0),
        seen("dedicated", "primary", v4, v6, errors),
    ]
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
        baseline: before(base[0], base[1], 0),
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
fn errors_that_the_source_had_too_are_no_failure_of_the_target_and_no_proof_that_it_works() {
    let judged = |before: u64, now: u64| {
        let evidence = Evidence {
            items: vec![
                live(seen("cloud", "standby", 100, 0, now)),
                live(seen("dedicated", "primary", 0, 0, 0)),
            ],
            baseline: self::before(100, 0, before),
        };
        traffic().judge(&aim(), &evidence)
    };
    for (before, now, outcome) in [
        (25, 5, Outcome::Pass),
        (25, 20, Outcome::Warn),
        (25, 30, Outcome::Fail),
        (0, 100, Outcome::Fail),
        (100, 100, Outcome::Unknown),
        (100, 50, Outcome::Unknown),
        (100, 0, Outcome::Pass),
    ] {
        assert_eq!(judged(before, now).outcome, outcome, "{before} {now}");
    }
    let said = judged(100, 100).headline;
    assert!(
        said.starts_with(
            "whether cloud works cannot be told: 200 of 200 answers are 5xx, as many as before the change"
        ),
        "{said}"
    );
}

#[test]
fn the_share_and_the_rate_of_a_headline_are_of_one_interval() {
    let finding = found(400, 0, [140, 220], [260, 20]);
    assert_eq!(
        finding.headline,
        "35% arrives at cloud (14.0/s: 14.0 over IPv4, 0.0 over IPv6); 65% still goes to dedicated"
    );
    let said = "26.0/s: 26.0 over IPv4, 0.0 over IPv6, 65%";
    assert_eq!(row(&finding, "drains"), said);
}

/// What the first row that begins so shows.
fn row<'f>(finding: &'f Finding, begin: &str) -> &'f str {
    let mut facts = finding.facts.iter();
    let fact = facts.find(|fact| fact.what.starts_with(begin));
    &fact.unwrap().actual
}

#[test]
fn the_targets_own_few_errors_of_before_excuse_no_more_than_themselves() {
    let judged = |errors| {
        let mut baseline = before(100, 0, 0);
        baseline.retain(|(key, _)| key != "cloud/standby");
        baseline.push(seen("cloud", "standby", 10, 0, 10));
        let evidence = Evidence {
            items: vec![
                live(seen("cloud", "standby", 110, 0, errors)),
                live(seen("dedicated", "primary", 0, 0, 0)),
            ],
            baseline,
        };
        traffic().judge(&aim(), &evidence).outcome
    };
    assert_eq!(
        judged(110),
        Outcome::Fail,
        "whoever was moved sees nothing else"
    );
    assert_eq!(judged(10), Outcome::Pass);
}

#[test]
fn what_was_not_seen_is_never_a_pass() {
    let base = || before(100, 100, 0);
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
        baseline: before(100, 100, 0),
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
        baseline: vec![seen("cloud", "standby", 0, 0, 0), (key, half)],
    };
    assert_eq!(traffic().judge(&aim(), &evidence).outcome, Outcome::Unknown);

    let (key, mut odd) = seen("cloud", "standby", 0, 0, 0);
    odd["count"]["odd"] = json!(100);
    let mut items = items();
    items[0] = (key, Known::Live(odd));
    let evidence = Evidence {
        items,
        baseline: before(100, 0, 0),
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
        baseline: before(100, 0, 0),
    };
    assert_eq!(traffic().judge(&aim(), &evidence).outcome, Outcome::Unknown);
}

/// What is found where the target had requests of its own before the change, and then so many in each interval, the
/// newer one first.
fn found(base: u64, own: u64, new: [u64; 2], old: [u64; 2]) -> Finding {
    let of = |site: &str, host: &str, [now, earlier]: [u64; 2]| {
        let (key, mut fact) = seen(site, host, now, 0, 0);
        for of in ["requests", "v4"] {
            fact["count"]["earlier"][of] = json!(earlier);
        }
        (key, fact)
    };
    let evidence = Evidence {
        items: vec![
            live(of("cloud", "standby", new)),
            live(of("dedicated", "primary", old)),
        ],
        baseline: vec![
            of("cloud", "standby", [own, own]),
            of("dedicated", "primary", [base, base]),
        ],
    };
    traffic().judge(&aim(), &evidence)
}

#[test]
fn what_the_target_had_of_its_own_has_not_arrived() {
    // Nobody comes, and the target goes on with its own twenty a second.
    let finding = found(200, 200, [205, 203], [0, 0]);
    assert_eq!(finding.outcome, Outcome::Late, "{finding:?}");
    assert!(
        finding.headline.starts_with("2% arrives at cloud"),
        "{}",
        finding.headline
    );
    assert_eq!(found(200, 200, [400, 390], [2, 1]).outcome, Outcome::Pass);
    // A thousand a second vary by more than the ten that shall come.
    assert_eq!(
        found(100, 10_000, [10_100, 10_100], [0, 0]).outcome,
        Outcome::Unknown
    );
    // Nobody looked at the target before.
    let evidence = Evidence {
        items: vec![
            live(seen("cloud", "standby", 200, 0, 0)),
            live(seen("dedicated", "primary", 0, 0, 0)),
        ],
        baseline: vec![seen("dedicated", "primary", 200, 0, 0)],
    };
    assert_eq!(traffic().judge(&aim(), &evidence).outcome, Outcome::Unknown);
}

#[test]
fn one_lucky_interval_is_not_enough() {
    for (new, old) in [
        ([200, 100], [0, 0]),
        ([100, 200], [0, 0]),
        ([200, 200], [100, 0]),
        ([200, 200], [0, 100]),
    ] {
        let finding = found(200, 0, new, old);
        assert_eq!(finding.outcome, Outcome::Late, "{new:?} {old:?}");
    }
    assert_eq!(found(200, 0, [190, 200], [3, 9]).outcome, Outcome::Pass);
}

#[test]
fn both_sides_together_have_about_what_the_source_had() {
    // The rest is in no log: the old one is silent.
    let mut traffic = traffic();
    traffic.at_least = 0.6;
    let judged = |new: u64, silent: bool| {
        let (key, mut old) = seen("dedicated", "primary", 0, 0, 0);
        old["count"]["silent"] = json!(silent);
        let evidence = Evidence {
            items: vec![
                live(seen("cloud", "standby", new, 0, 0)),
                (key, Known::Live(old)),
            ],
            baseline: before(200, 0, 0),
        };
        traffic.judge(&aim(), &evidence)
    };
    let finding = judged(134, true);
    assert_eq!(finding.outcome, Outcome::Late, "{finding:?}");
    let said = "67% of it: the rest is in no log of that time, and a silent log proves nothing";
    assert_eq!(row(&finding, "both sides"), said);
    assert_eq!(judged(134, false).outcome, Outcome::Pass);
    assert_eq!(judged(170, true).outcome, Outcome::Pass);
    // Other people's requests that begin after the change prove no move, and a busier hour looks the same.
    for silent in [true, false] {
        let finding = judged(800, silent);
        assert_eq!(finding.outcome, Outcome::Unknown, "{finding:?}");
        assert!(!finding.final_, "a later look may tell more");
        let said = "more arrives than left: 80.0/s at both sides together, 20.0/s before the change; a busier hour or \
                    other people's requests";
        assert!(finding.headline.starts_with(said), "{finding:?}");
        assert_eq!(finding.advice.len(), 1);
    }
    assert_eq!(judged(280, true).outcome, Outcome::Pass);
    // One interval of the two is enough for a doubt.
    let finding = found(200, 0, [200, 800], [0, 0]);
    assert_eq!(finding.outcome, Outcome::Unknown, "{finding:?}");
    let said = row(&finding, "both sides");
    assert!(said.starts_with("400% of it: more than"), "{said}");
}

#[test]
fn what_was_too_little_before_the_change_is_not_waited_for_after_it() {
    for below in [BelowFloor::Note, BelowFloor::Refuse] {
        let mut traffic = traffic();
        traffic.below_floor = below;
        let evidence = Evidence {
            items: vec![
                live(seen("cloud", "standby", 3, 0, 0)),
                live(seen("dedicated", "primary", 0, 0, 0)),
            ],
            baseline: before(2, 0, 0),
        };
        let finding = traffic.judge(&aim(), &evidence);
        assert_eq!(finding.outcome, Outcome::Unknown, "{finding:?}");
        assert!(finding.final_);
        let said = "whether the traffic moved cannot be told: 4 requests in 20s are too few to tell at dedicated \
                    before the change; ";
        assert!(finding.headline.starts_with(said), "{}", finding.headline);
        assert_eq!(traffic.notes_unknown(), below == BelowFloor::Note);
    }
}

#[test]
fn lines_without_a_time_and_addresses_that_are_not_told_are_unknown() {
    let judged = |change: fn(&mut Json)| {
        let (key, mut new) = seen("cloud", "standby", 100, 100, 0);
        change(&mut new["count"]);
        let evidence = Evidence {
            items: vec![
                (key, Known::Live(new)),
                live(seen("dedicated", "primary", 2, 2, 0)),
            ],
            baseline: before(100, 100, 0),
        };
        traffic().judge(&aim(), &evidence).outcome
    };
    assert_eq!(judged(|_| {}), Outcome::Pass);
    assert_eq!(
        judged(|count| count["untimed"] = json!(500)),
        Outcome::Unknown
    );
    assert_eq!(
        judged(|count| count["short"] = json!(true)),
        Outcome::Unknown
    );
    let hidden = |count: &mut Json| {
        for interval in ["now", "earlier"] {
            count[interval]["v6"] = json!(0);
        }
    };
    assert_eq!(judged(hidden), Outcome::Unknown);
}

#[test]
fn before_the_change_it_is_told_whether_anything_can_be_told_after_it() {
    let foreseen = |base: u64, own: u64, below| {
        let mut traffic = traffic();
        traffic.below_floor = below;
        let evidence = Evidence {
            items: vec![
                live(seen("cloud", "standby", own, 0, 0)),
                live(seen("dedicated", "primary", base, 0, 0)),
            ],
            baseline: Vec::new(),
        };
        let finding = traffic.foresee(&aim(), &evidence);
        (finding.outcome, finding.headline)
    };
    use BelowFloor::{Note, Refuse};
    for (base, own, outcome) in [
        (200, 0, Outcome::Pass),
        (200, 200, Outcome::Pass),
        (1, 0, Outcome::Unknown),
        (0, 0, Outcome::Unknown),
        // Above the floor, and four requests in all.
        (2, 0, Outcome::Unknown),
        (100, 10_000, Outcome::Unknown),
    ] {
        let (refused, headline) = foreseen(base, own, Refuse);
        assert_eq!(refused, outcome, "{base} {own}: {headline}");
        let (noted, _) = foreseen(base, own, Note);
        let expected = match outcome {
            Outcome::Unknown => Outcome::Warn,
            clear => clear,
        };
        assert_eq!(noted, expected, "{base} {own}");
    }
    // It says how to go on: the line to write in the step.
    assert_eq!(
        foreseen(2, 0, Refuse).1,
        "nothing can be told after the change: 4 requests in 20s are too few to tell; a longer `interval` counts \
         more, and `below-floor = \"note\"` in the step goes on all the same"
    );
    assert!(!foreseen(2, 0, Note).1.contains("below-floor"));
    // What was not seen is unknown, whatever the playbook says of a low rate.
    let mut traffic = traffic();
    traffic.below_floor = Note;
    let why = Unseen::new(Cause::Denied, "`/var/log/pipe` is a named pipe");
    let evidence = Evidence {
        items: vec![
            live(seen("cloud", "standby", 0, 0, 0)),
            ("dedicated/primary".into(), Known::Unseen(why)),
        ],
        baseline: Vec::new(),
    };
    let finding = traffic.foresee(&aim(), &evidence);
    assert_eq!(finding.outcome, Outcome::Unknown);
    assert!(
        finding.headline.contains("is a named pipe"),
        "{}",
        finding.headline
    );
}
