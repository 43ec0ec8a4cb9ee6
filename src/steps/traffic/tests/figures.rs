//! The limits and the figures of a finding, one by one.

use super::*;

/// The evidence of two sites, each with what it counted: `change` spoils it.
fn of(
    new: (u64, u64, u64),
    old: (u64, u64),
    base: (u64, u64),
    own: (u64, u64),
    change: impl Fn(&mut Json, &mut Json),
) -> Finding {
    let (key, mut here) = seen("cloud", "standby", new.0, new.1, new.2);
    let (other, mut there) = seen("dedicated", "primary", old.0, old.1, 0);
    change(&mut here["count"], &mut there["count"]);
    let evidence = Evidence {
        items: vec![live((key, here)), live((other, there))],
        baseline: vec![
            seen("cloud", "standby", own.0, own.1, 0),
            seen("dedicated", "primary", base.0, base.1, 0),
        ],
    };
    traffic().judge(&aim(), &evidence)
}

fn row<'a>(finding: &'a Finding, what: &str) -> Option<&'a crate::event::Fact> {
    finding.facts.iter().find(|fact| fact.what == what)
}

fn said(finding: &Finding, what: &str) -> Option<(Outcome, String)> {
    row(finding, what).map(|fact| (fact.outcome, fact.actual.clone()))
}

fn nothing(_: &mut Json, _: &mut Json) {}

#[test]
fn what_the_target_had_of_its_own_is_told_beside_what_arrives() {
    let arrives = "arrives at cloud";
    let finding = found(200, 100, [300, 280], [0, 0]);
    let told = "30.0/s, 10.0/s of it as before the change: 100%, and 90% in the interval before";
    assert_eq!(said(&finding, arrives), Some((Outcome::Pass, told.into())));
    let finding = found(200, 0, [200, 180], [0, 0]);
    let told = "20.0/s: 100%, and 90% in the interval before";
    assert_eq!(said(&finding, arrives), Some((Outcome::Pass, told.into())));
}

#[test]
fn a_family_is_compared_where_it_had_enough() {
    let v6 = |base: (u64, u64), own: (u64, u64), new: (u64, u64)| {
        let finding = of((new.0, new.1, 0), (0, 0), base, own, nothing);
        said(&finding, "arrives at cloud over IPv6")
    };
    let of = |outcome, told: &str| Some((outcome, told.to_owned()));
    // Twenty in both intervals are enough, and eighteen are not.
    assert_eq!(
        v6((90, 10), (0, 0), (90, 10)),
        of(Outcome::Pass, "1.0/s, 100%")
    );
    assert_eq!(v6((91, 9), (0, 0), (91, 9)), None);
    // Where all came over one family the sum says it already.
    assert_eq!(v6((0, 100), (0, 0), (0, 100)), None);
    // Its own is no arrival.
    assert_eq!(
        v6((100, 100), (0, 20), (100, 70)),
        of(Outcome::Late, "7.0/s, 50%")
    );
    assert_eq!(
        v6((100, 100), (0, 20), (100, 100)),
        of(Outcome::Pass, "10.0/s, 80%")
    );
}

#[test]
fn lines_that_are_no_requests_make_a_log_unknown_where_they_are_the_most() {
    let why = |odd: u64, untimed: u64, v4: u64| {
        let finding = of((v4, 0, 0), (0, 0), (100, 0), (0, 0), |here, _| {
            here["odd"] = json!(odd);
            here["untimed"] = json!(untimed);
        });
        said(&finding, "access logs of cloud").map(|(outcome, why)| {
            assert_eq!(outcome, Outcome::Unknown);
            why
        })
    };
    // 200 requests in both intervals.
    assert_eq!(why(200, 0, 100), None);
    let form = Some("201 lines are no requests in a known form".to_owned());
    assert_eq!(why(201, 0, 100), form);
    assert_eq!(why(201, 200, 100), form);
    let time = Some("201 lines tell no time".to_owned());
    assert_eq!(why(201, 201, 100), time);
    assert_eq!(why(0, 201, 100), time);
    assert_eq!(why(0, 200, 100), None);
    // One odd line in an empty log may be anything.
    assert_eq!(why(1, 0, 0), None);
    assert_eq!(
        why(2, 0, 0),
        Some("2 lines are no requests in a known form".into())
    );
}

/// As many as may stay at the side that is left may be unreadable there.
#[test]
fn few_lines_that_nobody_can_read_hide_nobody() {
    let why = |odd: u64, v4: u64| {
        let finding = of((100, 0, 0), (v4, 0), (100, 0), (0, 0), |_, there| {
            there["odd"] = json!(odd);
        });
        (said(&finding, "access logs of dedicated").map(|(_, why)| why)).is_some()
    };
    // Ten of the hundred that an interval had.
    assert_eq!((why(10, 0), why(11, 0)), (false, true));
    assert_eq!((why(8, 1), why(9, 1)), (false, true));
}

#[test]
fn what_is_odd_about_the_lines_warns() {
    let log = |off: i64| {
        json!([{
            "path": "/var/log/nginx/access.log", "file": "a", "requests": 200, "newest": 0, "holds": 1,
            "used": true, "off": off,
        }])
    };
    let told = |off: i64| {
        let finding = of((100, 0, 0), (0, 0), (100, 0), (0, 0), |here, _| {
            here["logs"] = log(off);
        });
        said(&finding, "times in `/var/log/nginx/access.log` on standby")
    };
    assert_eq!((told(0), told(5), told(-5)), (None, None, None));
    for (off, words) in [(6, "they lie 6s before it"), (-6, "they lie 6s after it")] {
        let (outcome, actual) = told(off).unwrap();
        assert_eq!(outcome, Outcome::Warn);
        assert!(actual.starts_with(words), "{actual}");
    }
    let nameless = |n: u64| {
        let finding = of((100, 0, 0), (0, 0), (100, 0), (0, 0), |here, _| {
            here["nameless"] = json!(n);
        });
        (
            finding.outcome,
            row(&finding, "access logs of cloud").is_some(),
        )
    };
    assert_eq!(nameless(0), (Outcome::Pass, false));
    assert_eq!(nameless(1), (Outcome::Warn, true));
}

/// What is just as much as may be is not more.
#[test]
fn each_limit_may_be_reached() {
    let outcome = |new: (u64, u64, u64), old: u64, what: &str| {
        let finding = of(new, (old, 0), (200, 0), (0, 0), nothing);
        said(&finding, what).unwrap().0
    };
    let (arrives, drains, errors) = (
        "arrives at cloud",
        "drains from dedicated",
        "errors at cloud",
    );
    assert_eq!(outcome((160, 0, 0), 0, arrives), Outcome::Pass);
    assert_eq!(outcome((159, 0, 0), 0, arrives), Outcome::Late);
    assert_eq!(outcome((200, 0, 0), 20, drains), Outcome::Pass);
    assert_eq!(outcome((200, 0, 0), 21, drains), Outcome::Late);
    assert_eq!(outcome((200, 0, 10), 0, errors), Outcome::Pass);
    assert_eq!(outcome((200, 0, 11), 0, errors), Outcome::Fail);
    // From twenty answers on, errors are more than chance.
    let last = |n| of((n, 0, n), (0, 0), (200, 0), (0, 0), nothing).final_;
    assert_eq!((last(9), last(10)), (false, true));
}

#[test]
fn both_sides_together_are_held_against_what_the_source_had() {
    // 36 a second before; 48 times 48 requests vary by an eighth of them.
    let sum = |new: u64, old: u64, silent: bool| {
        let (key, mut here) = seen("cloud", "standby", new, 0, 0);
        let (other, mut there) = seen("dedicated", "primary", old, 0, 0);
        let (first, mut own) = seen("cloud", "standby", 0, 0, 0);
        let (second, mut base) = seen("dedicated", "primary", 288, 0, 0);
        for fact in [&mut here, &mut there, &mut own, &mut base] {
            fact["count"]["millis"] = json!(8_000);
        }
        there["count"]["silent"] = json!(silent);
        let evidence = Evidence {
            items: vec![live((key, here)), live((other, there))],
            baseline: vec![(first, own), (second, base)],
        };
        let finding = traffic().judge(&aim(), &evidence);
        said(&finding, "both sides together").map(|(outcome, told)| {
            let (share, _) = told.split_once(' ').unwrap();
            (outcome, share.to_owned())
        })
    };
    assert_eq!(sum(468, 0, false), None, "162.5 % are just not too many");
    assert_eq!(sum(504, 0, false), Some((Outcome::Unknown, "175%".into())));
    // What stays is a part of it.
    assert_eq!(sum(468, 18, false), Some((Outcome::Unknown, "169%".into())));
    assert_eq!(sum(216, 0, true), Some((Outcome::Late, "75%".into())));
    assert_eq!(sum(216, 18, true), None, "75 % and 6 %");
    assert_eq!(sum(216, 0, false), None, "the log is not silent");
}

/// Those who went to the source until a moment ago, and to the target since, are not counted twice.
#[test]
fn the_sum_of_both_sides_is_of_one_time() {
    let told = |new: u64, from: u64| {
        let at = |(key, mut fact): (String, Json), file: &str, from: u64| {
            fact["count"]["logs"] = json!([{
                "path": "/var/log/www.log", "file": file, "requests": 400, "newest": from, "from": from, "holds": 0,
                "used": true, "off": 0
            }]);
            (key, fact)
        };
        let evidence = Evidence {
            items: vec![
                live(at(seen("cloud", "standby", new, 0, 0), "2", 1)),
                live(at(seen("dedicated", "primary", 360, 0, 0), "1", from)),
            ],
            baseline: vec![
                seen("cloud", "standby", 0, 0, 0),
                at(seen("dedicated", "primary", 360, 0, 0), "1", 1),
            ],
        };
        let finding = traffic().judge(&aim(), &evidence);
        (finding.outcome, finding.headline)
    };
    let (outcome, headline) = told(280, 6);
    assert_eq!(outcome, Outcome::Late, "{headline}");
    assert!(!headline.contains("than left"), "{headline}");
    for (new, from, whose) in [
        (280, 2, "64.0/s at both sides together, 36.0/s before"),
        (640, 6, "64.0/s at cloud alone, 36.0/s before"),
    ] {
        let (outcome, headline) = told(new, from);
        assert_eq!(outcome, Outcome::Unknown, "{headline}");
        assert!(headline.contains(whose), "{headline}");
    }
}
