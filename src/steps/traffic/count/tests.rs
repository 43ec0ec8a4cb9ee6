//! What the script on a host prints is read, or is no count.

use super::*;

const TEN: Duration = Duration::from_secs(10);

fn logs(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("/var/log/{i}.log")).collect()
}

#[test]
fn two_intervals_are_counted_by_the_times_in_the_lines() {
    // The first log is written at once; lines of the second come up to five seconds late.
    let text = "time 100.00 110.50\n\
                log 1 kept 2 0 0 0 0 0 -1 0 3 9 1 0 0 b:1:1\n\
                at 1 0 100 0 0 0 0 0\nat 1 1 3 1 0 1 0 0\nat 1 10 2 0 1 0 0 0\nat 1 11 7 0 0 0 0 0\nat 1 20 1 0 0 0 0 0\nat 1 21 50 0 0 0 0 0\n\
                log 2 rotated 0 1 5 0 2 5 400 -7 -1 5 0 0 0 b:1:2\n\
                at 2 3 100 0 0 0 0 0\nat 2 7 10 0 0 0 0 0\nat 2 16 0 10 0 0 0 0\nat 2 17 0 4 0 0 0 0\nend\n";
    let count = parse(text, TEN, &logs(2)).unwrap();
    let expected = Count {
        millis: 10_000,
        now: Tally {
            requests: 27,
            errors: 1,
            v4: 15,
            v6: 11,
            ..Tally::default()
        },
        earlier: Tally {
            requests: 12,
            errors: 0,
            v4: 8,
            v6: 4,
            ..Tally::default()
        },
        skipped: 2,
        odd: 1,
        nameless: 5,
        lag: 5,
        logs: vec![
            Log {
                path: "/var/log/0.log".into(),
                file: "b:1:1".into(),
                requests: 15,
                newest: Some(0),
                from: 1,
                empty_for: None,
                holds: Some(3),
                used: true,
                ahead: 0,
                off: 0,
                either: None,
            },
            Log {
                path: "/var/log/1.log".into(),
                file: "b:1:2".into(),
                requests: 24,
                newest: Some(2),
                from: 7,
                empty_for: None,
                holds: None,
                used: false,
                ahead: 0,
                off: -7,
                either: None,
            },
        ],
        ..Count::default()
    };
    assert_eq!(count, expected);
}

#[test]
fn a_log_without_new_lines_is_silent_and_one_that_grows_too_fast_is_short() {
    let count = |numbers: &str| {
        let text = format!("time 1 11\nlog 1 kept 0 0 0 0 {numbers} 0 -1 -1 1 0 0 b:1:1\nend\n");
        parse(&text, TEN, &logs(1)).unwrap()
    };
    assert!(count("-1 0 -1").silent);
    assert!(count("11 0 -1").silent);
    assert!(!count("10 0 -1").silent);
    assert!(count("0 0 15").short);
    assert!(count("0 8 25").short);
    assert!(!count("0 0 21").short);
}

#[test]
fn an_answer_that_is_cut_off_or_strange_is_no_count() {
    let good = "log 1 kept 0 0 0 0 0 0 -1 0 1 1 1 0 0 b:1:1\n";
    let cases = [
        String::new(),
        format!("time 1 11\n{good}"),
        "time 1 11\nend\n".to_owned(),
        "time 1 11\nlog 1 kept 1 0 1\nend\n".to_owned(),
        format!("time 1 11\n{}end\n", good.replace(" b:1:1", "")),
        format!("time 1 11\n{}end\n", good.replace("kept 0", "kept none")),
        format!("time 1 11\n{}end\n", good.replace("log 1", "log 0")),
        format!("time 1 11\n{}end\n", good.replace("log 1", "log 7")),
        format!("time 1 11\n{good}at 1 2 18446744073709551615 0 0 0 0 0\nend\n"),
        format!("time 1 11\n{good}at 1 2 18446744073709551615 1 0 0 0 0\nend\n"),
        format!("time 1 11\n{good}at 2 2 1 1 0 0 0 0\nend\n"),
        "time 1 11\nat 1 2 1 1 0 0 0 0\nend\n".to_owned(),
        format!("Welcome to standby!\ntime 1 11\n{good}end\n"),
    ];
    for text in cases {
        let unseen = parse(&text, TEN, &logs(1)).unwrap_err();
        assert_eq!(unseen.cause, Cause::Garbled, "{text}");
    }
}

#[test]
fn a_file_that_is_named_twice_is_counted_once() {
    let text = "time 1 11\nlog 1 kept 2 0 0 0 0 0 -1 0 1 4 1 0 0 b:1:1\nat 1 2 4 0 0 0 0 0\n\
                log 2 kept 2 0 0 0 0 0 -1 0 1 4 1 0 0 b:1:1\nat 2 2 4 0 0 0 0 0\nend\n";
    let count = parse(text, TEN, &logs(2)).unwrap();
    assert_eq!((count.now.requests, count.skipped), (4, 2));
    assert_eq!(count.again, ["/var/log/1.log"]);
}

#[test]
fn lines_of_which_none_is_a_request_are_no_log() {
    let text = "time 1 11\nlog 1 kept 0 3 0 0 -1 0 -1 0 -1 0 1 0 0 b:1:1\nend\n";
    let why = parse(text, TEN, &logs(1)).unwrap_err();
    assert!(why.detail.contains("`/var/log/0.log` has lines"), "{why:?}");
}

#[test]
fn what_is_no_regular_file_is_refused_by_name() {
    for (state, said) in [
        ("missing", "is not there"),
        ("moved", "was rotated"),
        ("fifo", "is a named pipe"),
        ("socket", "is a socket"),
        ("device", "leads to a device"),
        ("folder", "is a folder"),
    ] {
        let text = format!("time 0 0\nlog 1 {state}\nend\n");
        let unseen = parse(&text, TEN, &logs(1)).unwrap_err();
        assert!(unseen.detail.contains(said), "{}", unseen.detail);
        assert_eq!(unseen.lasting, !matches!(state, "missing" | "moved"));
        assert!(
            unseen.detail.contains("`/var/log/0.log`"),
            "{}",
            unseen.detail
        );
    }
}

#[test]
fn times_of_which_nobody_knows_are_read_in_both_ways() {
    // The newest line tells a time three hours and two seconds ago; the log was written two seconds ago.
    let text = "time 1 11\nlog 1 kept 0 0 0 0 10802 0 -1 10800 1 3 1 1 0 b:1:1\n\
                at 1 10802 2 0 0 1 0 0\nat 1 10813 0 1 0 0 0 0\nend\n";
    let count = parse(text, TEN, &logs(1)).unwrap();
    assert_eq!((count.now, count.earlier), Default::default());
    assert!(count.silent);
    let [plain, shifted] = count.logs[0].either.unwrap();
    assert_eq!(
        plain,
        Reading {
            newest: Some(10_802),
            from: 1,
            ..Reading::default()
        }
    );
    let tally = |requests, errors, v4, v6| Tally {
        requests,
        errors,
        v4,
        v6,
        ..Tally::default()
    };
    assert_eq!(
        shifted,
        Reading {
            newest: Some(2),
            from: 2,
            now: tally(2, 1, 2, 0),
            earlier: tally(1, 0, 0, 1),
        }
    );
    assert_eq!((count.logs[0].newest, count.logs[0].requests), (Some(2), 3));
}

#[test]
fn what_is_open_elsewhere_was_no_log_of_these() {
    let text = "time 1 11\nopen b:1:7\nopen b:11:7\nopen b:2:1\nopen b:1:1\n\
                log 1 kept 0 0 0 0 0 0 -1 0 1 4 1 0 0 b:1:1\nend\n";
    let count = parse(text, TEN, &logs(1)).unwrap();
    assert_eq!(count.open, ["b:1:7", "b:1:1"]);
}
