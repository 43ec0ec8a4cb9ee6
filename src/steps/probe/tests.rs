//! Verdicts of single probes, on recorded replies.

use super::*;
use crate::steps::testing::http_probe;

fn http(change: impl FnOnce(&mut HttpProbe)) -> Probe {
    let mut probe = http_probe();
    change(&mut probe);
    Probe::Http(probe)
}

fn page(status: u16, headers: &[(&str, &str)], holds: Option<bool>, millis: u64) -> Reply {
    Reply::Http {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        holds,
        unread: None,
        begins: "<html>".into(),
        millis,
        connect: Duration::ZERO,
    }
}

#[test]
fn an_http_answer_is_judged_by_all_that_was_asserted() {
    let plain = http(|_| ());
    let moved = http(|p| p.status = Some(301));
    let text = http(|p| p.contains = Some("Raspbian".into()));
    let header = http(|p| p.header = vec![("x-site".into(), "cloud".into())]);
    let quick = http(|p| p.slower_than_ms = Some(100));
    let to = [("location", "https://elsewhere.example/")];
    let cases = [
        (&plain, page(200, &[], None, 5), Outcome::Pass),
        (&plain, page(204, &[], None, 5), Outcome::Pass),
        (&plain, page(301, &to, None, 5), Outcome::Fail),
        (&plain, page(502, &[], None, 5), Outcome::Fail),
        (&moved, page(301, &to, None, 5), Outcome::Pass),
        (&moved, page(200, &[], None, 5), Outcome::Fail),
        (&text, page(200, &[], Some(true), 5), Outcome::Pass),
        (&text, page(200, &[], Some(false), 5), Outcome::Fail),
        (&text, page(404, &[], Some(true), 5), Outcome::Fail),
        (
            &header,
            page(200, &[("x-site", "the cloud")], None, 5),
            Outcome::Pass,
        ),
        (
            &header,
            page(200, &[("x-site", "old")], None, 5),
            Outcome::Fail,
        ),
        (&header, page(200, &[], None, 5), Outcome::Fail),
        (&quick, page(200, &[], None, 100), Outcome::Pass),
        (&quick, page(200, &[], None, 101), Outcome::Warn),
    ];
    for (probe, reply, outcome) in cases {
        assert_eq!(verdict(probe, &reply).0, outcome, "{probe:?} {reply:?}");
    }
    let (_, text) = verdict(&plain, &page(301, &to, None, 5));
    assert_eq!(
        text,
        "status 301 to `https://elsewhere.example/`, which is not followed"
    );
}

#[test]
fn a_text_that_was_not_found_is_said_to_be_missing_where_it_was_looked_for() {
    let text = http(|p| p.contains = Some("Raspbian".into()));
    let cases = [
        (
            None,
            Outcome::Fail,
            "status 200, the text is not in the body, which begins `<html>`",
        ),
        (
            Some(Unread::Beyond(256 << 10)),
            Outcome::Unknown,
            "status 200, the text is not in the first 256 KiB of the answer, which begins `<html>`, and no more is read",
        ),
        (
            Some(Unread::Damaged("gzip".into())),
            Outcome::Fail,
            "status 200, the body cannot be unpacked: it is no sound `gzip`, as its head says",
        ),
        (
            Some(Unread::Coding("br".into())),
            Outcome::Unknown,
            "status 200, the body is compressed with `br`, which is not read here",
        ),
    ];
    for (why, outcome, words) in cases {
        let mut reply = page(200, &[], Some(false), 5);
        if let Reply::Http { unread, .. } = &mut reply {
            *unread = why;
        }
        assert_eq!(verdict(&text, &reply), (outcome, words.to_owned()));
    }
    // What no client can read is no good answer, though the text came before the fault or none is asked for.
    for (probe, holds) in [(&text, Some(true)), (&http(|_| ()), None)] {
        let mut reply = page(200, &[], holds, 5);
        if let Reply::Http { unread, .. } = &mut reply {
            *unread = Some(Unread::Damaged("gzip".into()));
        }
        assert_eq!(verdict(probe, &reply).0, Outcome::Fail);
    }
}

#[test]
fn silence_is_unknown_and_a_refusal_is_a_failure() {
    let cases = [
        (Cause::Refused, Outcome::Fail),
        (Cause::Denied, Outcome::Fail),
        (Cause::Garbled, Outcome::Fail),
        (Cause::Missing, Outcome::Fail),
        (Cause::Error, Outcome::Fail),
        (Cause::Unreachable, Outcome::Unknown),
        (Cause::Unable, Outcome::Unknown),
        (Cause::Frozen, Outcome::Unknown),
        (Cause::TimedOut, Outcome::Unknown),
    ];
    for (cause, outcome) in cases {
        let reply = Reply::None(Unseen::new(cause, "no"));
        assert_eq!(verdict(&http(|_| ()), &reply).0, outcome, "{cause:?}");
    }
}

#[test]
fn tcp_and_rsync_answers_are_judged() {
    let tcp = Probe::Tcp {
        port: 25,
        send: None,
        expect: Some("220".into()),
    };
    let rsync = Probe::Rsync {
        module: "archive".into(),
        port: 873,
    };
    let version = String::from("31.0");
    let said = |holds| Reply::Tcp {
        holds,
        unread: None,
        begins: "220 hello".into(),
    };
    let cases = [
        (&tcp, said(Some(true)), Outcome::Pass),
        (&tcp, said(Some(false)), Outcome::Fail),
        (
            &tcp,
            Reply::Tcp {
                holds: Some(false),
                unread: Some(Unread::Beyond(64 << 10)),
                begins: "hello".into(),
            },
            Outcome::Unknown,
        ),
        (
            &rsync,
            Reply::Rsync(RsyncSeen::Open {
                version: version.clone(),
                beside: None,
            }),
            Outcome::Pass,
        ),
        (
            &rsync,
            Reply::Rsync(RsyncSeen::Open {
                version: version.clone(),
                beside: Some("opendir \"lost+found\" failed: Permission denied (13)".into()),
            }),
            Outcome::Warn,
        ),
        (
            &rsync,
            Reply::Rsync(RsyncSeen::Listed {
                version: version.clone(),
            }),
            Outcome::Warn,
        ),
        (
            &rsync,
            Reply::Rsync(RsyncSeen::Unread {
                version: version.clone(),
                text: "send_files failed to open \"f\": Permission denied (13)".into(),
            }),
            Outcome::Fail,
        ),
        (
            &rsync,
            Reply::Rsync(RsyncSeen::Empty {
                version: version.clone(),
            }),
            Outcome::Fail,
        ),
        (
            &rsync,
            Reply::Rsync(RsyncSeen::Locked {
                version: version.clone(),
            }),
            Outcome::Fail,
        ),
        (
            &rsync,
            Reply::Rsync(RsyncSeen::Error {
                version,
                text: "@ERROR: Unknown module".into(),
            }),
            Outcome::Fail,
        ),
        (&rsync, said(None), Outcome::Unknown),
    ];
    for (probe, reply, outcome) in cases {
        assert_eq!(verdict(probe, &reply).0, outcome, "{reply:?}");
    }
}

#[test]
fn a_spot_says_what_is_asked_and_how_to_ask_it_by_hand() {
    let spot = Spot {
        service: "website".into(),
        name: Some("www.example.org".into()),
        probe: http(|p| p.port = 8443),
        host: Some("standby".into()),
        site: Some("cloud".into()),
        address: "2001:db8::20".parse().unwrap(),
    };
    assert_eq!(
        spot.what(),
        "website https://www.example.org:8443/ at standby [2001:db8::20]:8443"
    );
    assert_eq!(
        spot.by_hand(),
        "curl -sv --resolve 'www.example.org:8443:[2001:db8::20]' 'https://www.example.org:8443/'"
    );
}

#[test]
fn the_families_are_counted_apart() {
    let mut tally = Tally::default();
    for outcome in [Outcome::Pass, Outcome::Warn] {
        tally.add(Family::V4, outcome);
    }
    tally.add(Family::V6, Outcome::Pass);
    assert_eq!(
        tally.to_string(),
        "3 of 3 probes pass (2 over IPv4, 1 over IPv6)"
    );
    tally.add(Family::V6, Outcome::Fail);
    assert_eq!(
        tally.to_string(),
        "3 of 4 probes pass (2 over IPv4, 1 of 2 over IPv6)"
    );
}

#[test]
fn an_excerpt_is_one_short_line_without_control_characters() {
    assert_eq!(excerpt("a\x1b[31mb\nc  "), "a [31mb c");
    assert_eq!(excerpt(&"x".repeat(100)).chars().count(), EXCERPT + 1);
}
