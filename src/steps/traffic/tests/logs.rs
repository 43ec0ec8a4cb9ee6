//! What the state of a log says of the numbers in it.

use super::*;

/// What is found where nothing is left in the source's log, which was written as `was` says and is now as `now` says.
fn silent(was: Json, now: Json) -> Finding {
    silent_beside(1, was, now)
}

/// The same, with so many times as many requests.
fn silent_beside(times: u64, was: Json, now: Json) -> Finding {
    let with = |mut fact: Json, log: &Json| {
        fact["count"]["open"] = log.get("open").unwrap_or(&json!([])).clone();
        let mut whole = json!({
            "path": "/var/log/www.log", "file": "1", "requests": 400, "newest": 0, "holds": 0, "used": true, "off": 0
        });
        for (key, value) in log.as_object().unwrap() {
            whole[key] = value.clone();
        }
        fact["count"]["logs"] = json!([whole]);
        fact
    };
    let (key, mut old) = seen("dedicated", "primary", 0, 0, 0);
    old["count"]["silent"] = json!(true);
    let mut baseline = before(100 * times, 100 * times, 0);
    baseline[1].1 = with(baseline[1].1.clone(), &was);
    let evidence = Evidence {
        items: vec![
            live(seen("cloud", "standby", 90 * times, 80 * times, 0)),
            (key, Known::Live(with(old, &now))),
        ],
        baseline,
    };
    traffic().judge(&aim(), &evidence)
}

#[test]
fn a_silent_log_proves_what_its_buffer_cannot_hold() {
    use Outcome::{Late, Pass, Unknown};
    let cases = [
        // Written line by line.
        (json!({}), json!({"newest": 11}), Pass),
        // Two hundred of 20/s are held back: 100 s of silence are less than 2/s.
        (json!({"holds": 200}), json!({"newest": 11}), Late),
        (json!({"holds": 200}), json!({"newest": 99}), Late),
        (json!({"holds": 200}), json!({"newest": 101}), Pass),
        // It was not seen to write.
        (json!({"holds": null}), json!({"newest": 150}), Late),
        (json!({"holds": null}), json!({"newest": 201}), Pass),
        // It was rotated: what is in place of it proves something once somebody writes there.
        (
            json!({}),
            json!({"file": "2", "newest": 11, "used": false}),
            Unknown,
        ),
        (
            json!({}),
            json!({"file": "2", "newest": null, "used": false}),
            Unknown,
        ),
        (
            json!({}),
            json!({"file": "2", "newest": null, "open": ["2"]}),
            Pass,
        ),
        (
            json!({}),
            json!({"file": "2", "newest": 11, "open": ["2"]}),
            Pass,
        ),
        // One line there may be of anybody; but of 400 requests, 15 % vary.
        (json!({}), json!({"file": "2", "newest": 11}), Pass),
        (
            json!({}),
            json!({"file": "2", "newest": 11, "open": ["2", "1"]}),
            Unknown,
        ),
        // The same file is no other one, whoever has it open.
        (json!({}), json!({"newest": 11, "open": ["1"]}), Pass),
        // A new file without a line has been silent since it was made.
        (
            json!({"holds": 200}),
            json!({"file": "2", "newest": null, "empty-for": 99}),
            Late,
        ),
        (
            json!({"holds": 200}),
            json!({"file": "2", "newest": null, "empty-for": 101, "open": ["2"]}),
            Pass,
        ),
        // A log into which nothing came says nothing, now as before.
        (
            json!({"requests": 0, "holds": null, "newest": null}),
            json!({"newest": null}),
            Pass,
        ),
    ];
    for (was, now, outcome) in cases {
        let finding = silent(was.clone(), now.clone());
        assert_eq!(finding.outcome, outcome, "{was} {now} {finding:#?}");
        assert!(!finding.final_);
    }
    // What is in no log may have stayed.
    let late = silent_beside(10, json!({}), json!({"file": "2", "newest": 11}));
    assert_eq!(late.outcome, Late, "{late:#?}");
    let late = silent(json!({"holds": 200}), json!({"newest": 20}));
    let said = "not known what still goes to dedicated: 0% is in its log, and up to 50% may be in none yet";
    assert!(late.headline.ends_with(said), "{}", late.headline);
    let drains = late
        .facts
        .iter()
        .find(|fact| fact.what.starts_with("drains"));
    let actual = &drains.unwrap().actual;
    assert!(actual.starts_with("not known: 0.0/s"), "{actual}");
    let late = format!("{late:?}");
    assert!(late.contains("200 requests at a time, so up to 50% may not be in the log yet"));
}

/// What a web server holds back is not zero, in the figures either.
#[test]
fn what_a_silent_log_of_the_new_side_may_hide_is_not_said_to_be_nothing() {
    let judged = |silent: bool| {
        let (key, mut new) = seen("cloud", "standby", 40, 40, 0);
        new["count"]["silent"] = json!(silent);
        let evidence = Evidence {
            items: vec![
                (key, Known::Live(new)),
                live(seen("dedicated", "primary", 0, 0, 0)),
            ],
            baseline: before(100, 100, 0),
        };
        traffic().judge(&aim(), &evidence)
    };
    let finding = judged(true);
    assert_eq!(finding.outcome, Outcome::Late, "{finding:#?}");
    let said = "not known what arrives at cloud: 40% is in its log";
    assert!(finding.headline.starts_with(said), "{}", finding.headline);
    let arrives = &finding
        .facts
        .iter()
        .find(|fact| fact.what == "arrives at cloud");
    let actual = &arrives.unwrap().actual;
    assert!(
        actual.starts_with("not known, its log has no line"),
        "{actual}"
    );
    let headline = judged(false).headline;
    assert!(headline.starts_with("40% arrives at cloud"), "{headline}");
}

#[test]
fn lines_whose_times_are_off_and_files_named_twice_are_told() {
    let (key, mut source) = seen("dedicated", "primary", 100, 100, 0);
    let log = json!({
        "path": "/var/log/www.log", "file": "1", "requests": 400, "newest": 0, "holds": 0, "used": true, "off": 20
    });
    source["count"]["logs"] = json!([log]);
    source["count"]["again"] = json!(["/var/log/link.log"]);
    let foreseen = |source: &Json, target: &Json| {
        let evidence = Evidence {
            items: vec![
                ("cloud/standby".to_owned(), Known::Live(target.clone())),
                (key.clone(), Known::Live(source.clone())),
            ],
            baseline: Vec::new(),
        };
        traffic().foresee(&aim(), &evidence)
    };
    let (_, target) = seen("cloud", "standby", 0, 0, 0);
    let finding = foreseen(&source, &target);
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
    let told = format!("{finding:?}");
    assert!(told.contains("they lie 20s before it"), "{told}");
    assert!(
        told.contains("`/var/log/link.log` on primary is the same file"),
        "{told}"
    );
    // One file for both sides tells nothing of either.
    let mut same = target;
    same["count"]["logs"] = source["count"]["logs"].clone();
    let finding = foreseen(&source, &same);
    assert_eq!(finding.outcome, Outcome::Unknown, "{finding:#?}");
    assert!(
        finding
            .headline
            .contains("is the same file as one of standby (cloud)")
    );
}

#[test]
fn what_lasts_is_not_looked_at_again() {
    let why = Unseen::new(Cause::Denied, "`/var/log/pipe` is a named pipe").lasting();
    let evidence = Evidence {
        items: vec![
            live(seen("cloud", "standby", 0, 0, 0)),
            ("dedicated/primary".into(), Known::Unseen(why)),
        ],
        baseline: Vec::new(),
    };
    assert!(traffic().foresee(&aim(), &evidence).final_);
    assert!(traffic().judge(&aim(), &evidence).final_);
}

/// What is found where it is not known whether the source's log is off by `off` seconds: as its times are, nobody came;
/// with those taken away, six a second did.
fn unsure(was_off: Option<i64>, off: i64) -> Finding {
    let log = |off: i64| {
        json!({
            "path": "/var/log/www.log", "file": "1", "requests": 400, "newest": 0, "holds": 0, "used": true, "off": off
        })
    };
    let mut baseline = before(100, 100, 0);
    if let Some(off) = was_off {
        baseline[1].1["count"]["logs"] = json!([log(off)]);
    }
    let (key, mut old) = seen("dedicated", "primary", 0, 0, 0);
    let none = json!({"requests": 0, "errors": 0, "v4": 0, "v6": 0});
    let many = json!({"requests": 60, "errors": 0, "v4": 60, "v6": 0});
    old["count"]["logs"] = json!([log(off)]);
    old["count"]["logs"][0]["either"] = json!([
        {"newest": off + 1, "now": none, "earlier": none},
        {"newest": 1, "now": many, "earlier": many},
    ]);
    let evidence = Evidence {
        items: vec![
            live(seen("cloud", "standby", 90, 90, 0)),
            (key, Known::Live(old)),
        ],
        baseline,
    };
    traffic().judge(&aim(), &evidence)
}

#[test]
fn nobody_is_said_to_have_gone_where_the_times_of_a_log_are_not_known() {
    // Before the change the times were right: the last one had a slow request.
    assert_eq!(unsure(Some(0), 10_800).outcome, Outcome::Pass);
    assert_eq!(unsure(Some(3), 700).outcome, Outcome::Pass);
    // They were off as far as they seem to be.
    assert_eq!(unsure(Some(10_802), 10_800).outcome, Outcome::Late);
    let finding = unsure(None, 10_800);
    assert_eq!(finding.outcome, Outcome::Unknown, "{finding:#?}");
    assert!(
        format!("{finding:?}").contains(
            "the newest line of `/var/log/www.log` on primary tells a time 10800s before the log was written"
        ),
        "{finding:#?}"
    );
}

#[test]
fn many_errors_before_the_change_are_told_before_it() {
    let foreseen = |source: u64, target: u64| {
        let evidence = Evidence {
            items: vec![
                live(seen("cloud", "standby", 20, 0, target)),
                live(seen("dedicated", "primary", 100, 0, source)),
            ],
            baseline: Vec::new(),
        };
        traffic().foresee(&aim(), &evidence)
    };
    assert_eq!(foreseen(5, 0).outcome, Outcome::Pass);
    for (source, target, said) in [
        (100, 0, "errors at dedicated before the change"),
        (0, 20, "errors at cloud before the change"),
    ] {
        let finding = foreseen(source, target);
        assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
        assert!(format!("{finding:?}").contains(said));
    }
}
