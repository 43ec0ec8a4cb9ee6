//! What a log is, whose times it tells, and what becomes of it.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cutover::plan::Outcome;
use serde_json::json;

use super::{append, before, counting, judged, lines, two_sites};

/// What is no regular file is refused at once, by name, and nobody's lines are taken.
#[tokio::test]
async fn what_is_no_regular_file_is_never_opened() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let made = std::process::Command::new("mkfifo")
        .arg(at("pipe"))
        .status();
    assert!(made.unwrap().success());
    std::os::unix::fs::symlink("/dev/stdout", at("stdout")).unwrap();
    std::os::unix::fs::symlink("stdout", at("linked")).unwrap();
    std::os::unix::fs::symlink("pipe", at("to-pipe")).unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    // Both ends, as a reader and a web server have them.
    let mut pipe = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(at("pipe"))
        .unwrap();
    pipe.write_all(b"a line\n").unwrap();
    for (name, said) in [
        ("pipe", "is a named pipe"),
        ("to-pipe", "is a named pipe"),
        ("stdout", "a device or a stream"),
        ("linked", "a device or a stream"),
        ("folder", "is a folder"),
        ("socket", "is a socket"),
        ("/dev/null", "a device or a stream"),
    ] {
        let site = two_sites(&at(name), &at("folder"));
        let check = counting(&site, Duration::from_secs(20));
        let began = Instant::now();
        let (seen, foreseen) = before(check.as_ref(), &site).await;
        assert!(began.elapsed() < Duration::from_secs(15), "{name}");
        let why = seen[1].1.as_ref().unwrap_err();
        assert!(
            why.detail.contains(said) && why.detail.contains(name),
            "{why:?}"
        );
        assert_eq!(foreseen.outcome, Outcome::Unknown);
    }
    let mut line = [0; 64];
    let kept = pipe.read(&mut line).unwrap();
    assert_eq!(&line[..kept], b"a line\n");
}

#[tokio::test]
async fn a_log_that_was_copied_and_cut_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (log, copy) = (folder.path().join("log"), folder.path().join("log.1"));
    let line = r#"198.51.100.7 - - [NOW] "GET / HTTP/1.1" 200 5 "-" "curl/8""#;
    append(&log, &lines(line).repeat(3));
    let site = two_sites(&log, &log);
    let check = counting(&site, Duration::from_secs(4));
    let looking = before(check.as_ref(), &site);
    let writing = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        append(&log, &lines(line).repeat(3));
        // As `copytruncate` does.
        std::fs::copy(&log, &copy).unwrap();
        std::fs::write(&log, "").unwrap();
        append(&log, &lines(line).repeat(3));
    };
    let ((seen, _), ()) = futures::future::join(looking, writing).await;
    let count = &seen[0].1.as_ref().unwrap()["count"];
    let all = |of: &str| count[of]["requests"].as_u64().unwrap();
    assert_eq!(
        (all("now") + all("earlier"), &count["lost"]),
        (9, &json!(false)),
        "{count}"
    );
}

const LINE: &str = r#"198.51.100.7 - - [NOW] "GET / HTTP/1.1" 200 5 "-" "curl/8""#;

/// Writes a line at a time into logs, ten a second in each, for so long; the second is written `off` seconds behind.
async fn written(logs: Vec<&Path>, off: i64, span: Duration) {
    let began = Instant::now();
    while began.elapsed() < span {
        for (log, off) in logs.iter().zip([0, off]) {
            let at = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(off);
            let at = at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
            append(log, &format!("{}\n", LINE.replace("NOW", &at)));
        }
        tokio::time::sleep(Duration::from_millis(90)).await;
    }
}

fn two_logs(folder: &Path) -> (PathBuf, PathBuf) {
    let (old, new) = (folder.join("old.log"), folder.join("new.log"));
    append(&old, "");
    append(&new, "");
    (old, new)
}

const SPAN: Duration = Duration::from_secs(2);

/// What is seen once these logs have been written for two intervals, and are written on.
async fn while_written<T>(logs: Vec<&Path>, off: i64, look: impl Future<Output = T>) -> T {
    let looking = async {
        tokio::time::sleep(SPAN * 2).await;
        look.await
    };
    futures::future::join(written(logs, off, SPAN * 4), looking)
        .await
        .1
}

/// A server that was not told of a rotation goes on with the old file, wherever that was moved or compressed to.
#[tokio::test]
async fn an_empty_file_in_place_of_the_log_is_no_proof_that_nobody_comes() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = two_logs(folder.path());
    let site = two_sites(&old, &new);
    let check = counting(&site, SPAN);
    let looking = while_written(vec![&old], 0, before(check.as_ref(), &site));
    let (baseline, foreseen) = looking.await;
    assert_eq!(foreseen.outcome, Outcome::Pass, "{foreseen:#?}");
    // As gzip does it: the name is another one, and so is the file.
    std::fs::rename(&old, folder.path().join("gone")).unwrap();
    append(&old, "");
    let looking = while_written(vec![&new], 0, judged(check.as_ref(), &site, &baseline));
    let finding = looking.await;
    assert_eq!(finding.outcome, Outcome::Unknown, "{finding:#?}");
    assert!(format!("{finding:?}").contains("is a new file into which nobody has written"));
    // A server that has it open, as after it was told, has nothing to write.
    let open = std::fs::OpenOptions::new().append(true).open(&old).unwrap();
    let looking = while_written(vec![&new], 0, judged(check.as_ref(), &site, &baseline));
    let finding = looking.await;
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    drop(open);
}

/// One line of another program in the new file is no word of the web server, which goes on with the old one.
#[tokio::test]
async fn a_file_that_was_removed_and_is_still_written_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = two_logs(folder.path());
    let site = two_sites(&old, &new);
    let check = counting(&site, SPAN);
    let looking = while_written(vec![&old], 0, before(check.as_ref(), &site));
    let (baseline, foreseen) = looking.await;
    assert_eq!(foreseen.outcome, Outcome::Pass, "{foreseen:#?}");
    // As logrotate does it, and gzip after it.
    let mut server = std::fs::OpenOptions::new().append(true).open(&old).unwrap();
    let rotated = folder.path().join("old.log.1");
    std::fs::rename(&old, &rotated).unwrap();
    std::fs::remove_file(&rotated).unwrap();
    append(&old, &lines(LINE));
    for writes in [false, true] {
        let looking = while_written(vec![&new], 0, judged(check.as_ref(), &site, &baseline));
        let staying = async {
            for _ in 0..if writes { 40 } else { 0 } {
                tokio::time::sleep(SPAN / 10).await;
                server.write_all(lines(LINE).as_bytes()).unwrap();
            }
        };
        let (finding, ()) = futures::future::join(looking, staying).await;
        assert_eq!(finding.outcome, Outcome::Unknown, "{finding:#?}");
        assert!(
            format!("{finding:?}").contains("has the old one open for writing"),
            "{finding:#?}"
        );
    }
}

/// A log that a link leads to, a copy that is being compressed, and the log of another server: none of them is the
/// file that this log was.
#[tokio::test]
async fn a_log_beside_which_others_are_written_is_a_good_one() {
    let cases = [
        ("symbolic", "access.log.20261128", true),
        ("hard", "access.log-20261128", true),
        ("beside", "access.log.1", true),
        ("beside", "access.log-20261127", true),
        ("beside", "access.log.1.gz", true),
        ("beside", "access.log.1.gz", false),
        ("beside", "access.log.8080", true),
        ("beside", "access.log.8080", false),
    ];
    let looks = cases.map(|(how, name, busy)| async move {
        let folder = tempfile::tempdir().unwrap();
        let (log, other) = (folder.path().join("access.log"), folder.path().join(name));
        append(&other, "");
        match how {
            "symbolic" => std::os::unix::fs::symlink(name, &log).unwrap(),
            "hard" => std::fs::hard_link(&other, &log).unwrap(),
            _ => append(&log, ""),
        }
        let open = |path: &Path| std::fs::OpenOptions::new().append(true).open(path).unwrap();
        let (mut server, mut second) = (open(&log), open(&other));
        let site = two_sites(&log, &log);
        let check = counting(&site, SPAN);
        let writing = async {
            let began = Instant::now();
            while began.elapsed() < SPAN * 2 {
                let line = lines(LINE);
                if busy {
                    server.write_all(line.as_bytes()).unwrap();
                }
                second.write_all(line.as_bytes()).unwrap();
                tokio::time::sleep(SPAN / 20).await;
            }
        };
        let ((seen, _), ()) = futures::future::join(before(check.as_ref(), &site), writing).await;
        let why = seen[0].1.as_ref().err();
        // Whoever goes on writing into a rotated one was not told, whatever another server writes.
        let is_rotated = how == "beside" && ["access.log.1", "access.log-20261127"].contains(&name);
        assert_eq!(why.is_some(), is_rotated, "{how} {name} {busy}: {why:?}");
    });
    futures::future::join_all(looks).await;
}

/// The rate is told right, and that the clock is off.
#[tokio::test]
async fn a_clock_that_is_off_changes_no_rate_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (right, late) = two_logs(folder.path());
    let site = two_sites(&late, &right);
    let check = counting(&site, SPAN);
    let looking = while_written(vec![&right, &late], 3600, before(check.as_ref(), &site));
    let (seen, finding) = looking.await;
    let counted = |of: &str| {
        let (_, seen) = seen.iter().find(|(key, _)| key.starts_with(of)).unwrap();
        let count = &seen.as_ref().unwrap()["count"];
        let both = ["now", "earlier"].map(|of| count[of]["requests"].as_u64().unwrap());
        both[0] + both[1]
    };
    let (cloud, dedicated) = (counted("cloud"), counted("dedicated"));
    assert!(
        dedicated > 0 && cloud.abs_diff(dedicated) <= 1 + cloud / 3,
        "{seen:?}"
    );
    let told = format!("{finding:?}");
    assert!(
        told.contains("they lie 3600s before it") || told.contains("3599s"),
        "{told}"
    );
}

#[tokio::test]
async fn a_compressed_file_is_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = two_logs(folder.path());
    std::fs::write(
        &old,
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xcbH\xcd\xc9\n\xc9\xe7\x02",
    )
    .unwrap();
    let site = two_sites(&old, &new);
    let check = counting(&site, Duration::from_secs(1));
    let (_, foreseen) = before(check.as_ref(), &site).await;
    assert_eq!(foreseen.outcome, Outcome::Unknown);
    assert!(
        foreseen.headline.contains("is no access log"),
        "{foreseen:?}"
    );
}

/// Two lines a second for the last minute, written at once, with `clock` for the time of a line of so many seconds ago.
fn at_once(log: &Path, clock: impl Fn(i64) -> String) {
    let line = |age: i64| {
        let line = format!(
            r#"198.51.100.7 - - [{}] "GET / HTTP/1.1" 200 5 "-" "curl/8""#,
            clock(age)
        );
        format!("{line}\n{line}\n")
    };
    append(log, &(1..60).rev().map(line).collect::<String>());
}

/// A log of a server with a buffer, of which no line is written while it is looked at.
#[tokio::test]
async fn a_time_without_a_zone_is_read_by_when_the_log_was_written() {
    let quarter = 900;
    // By how much the clock of the lines is behind UTC, before so many seconds ago and since.
    let cases = [
        (0, 0, 0),
        (20 * quarter, 20 * quarter, 0),
        (-12 * quarter, -12 * quarter, 0),
        (-23 * quarter, -23 * quarter, 0),
        // The end of the summer, in New York.
        (16 * quarter, 20 * quarter, 40),
        // And its beginning.
        (20 * quarter, 16 * quarter, 40),
    ];
    let looks = cases.map(|(before_that, since, when)| async move {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = two_logs(folder.path());
        let now = jiff::Timestamp::now();
        at_once(&old, |age| {
            let behind = if age > when { before_that } else { since };
            let at = now - jiff::SignedDuration::from_secs(age + behind);
            at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
        });
        let site = two_sites(&old, &new);
        let check = counting(&site, Duration::from_secs(4));
        let (seen, _) = before(check.as_ref(), &site).await;
        let count = &seen[1].1.as_ref().unwrap()["count"];
        let log = &count["logs"][0];
        // Nothing was written while it looked, for four seconds; requests of the last eight count.
        let newest = log["newest"].as_u64().unwrap();
        assert!((4..8).contains(&newest), "{since} {count}");
        let from = if newest > 4 { 1 } else { newest };
        let requests = &log["requests"];
        assert_eq!(requests, &json!(2 * (from + 8 - newest)), "{since} {count}");
        let off = if before_that > since {
            since
        } else {
            before_that
        };
        assert_eq!(log["off"], json!(off), "{count}");
    });
    futures::future::join_all(looks).await;
}

/// With a zone, a time that is long before the log was written is of a clock that is off, or of a slow request.
#[tokio::test]
async fn times_that_are_not_known_are_no_silence() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = two_logs(folder.path());
    let now = jiff::Timestamp::now();
    at_once(&old, |age| {
        let at = now - jiff::SignedDuration::from_secs(age + 3 * 3600);
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    });
    let site = two_sites(&old, &new);
    let check = counting(&site, Duration::from_secs(4));
    let (seen, foreseen) = before(check.as_ref(), &site).await;
    let count = &seen[1].1.as_ref().unwrap()["count"];
    let either = &count["logs"][0]["either"];
    for (at, seen) in [(0, false), (1, true)] {
        let requests = either[at]["earlier"]["requests"].as_u64();
        assert_eq!(requests > Some(0), seen, "{count}");
    }
    assert_eq!(foreseen.outcome, Outcome::Unknown);
    assert!(
        foreseen.headline.contains("before the log was written"),
        "{foreseen:#?}"
    );
}

/// A file that another program puts in place of the log, with the lines of half a day, or of few clients.
#[tokio::test]
async fn many_lines_at_once_are_read_in_time() {
    let cases = [(40_000, 1), (100, 120)].map(|(many, pause)| async move {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let site = two_sites(&log, &log);
        let check = counting(&site, SPAN);
        let now = jiff::Timestamp::now();
        let text: String = (0..many)
            .rev()
            .map(|nth| {
                let at = now - jiff::SignedDuration::from_secs(nth * pause);
                let at = at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
                format!("{}\n", LINE.replace("NOW", &at))
            })
            .collect();
        let began = Instant::now();
        let writing = async {
            tokio::time::sleep(SPAN / 2).await;
            append(&log, &text);
        };
        let ((seen, _), ()) = futures::future::join(before(check.as_ref(), &site), writing).await;
        let took = began.elapsed();
        assert!(took < SPAN * 5, "{many}: {took:?}");
        let count = &seen[0].1.as_ref().unwrap()["count"];
        let off = count["logs"][0]["off"].as_i64().unwrap();
        assert!((0..=3).contains(&off), "{many}: {count}");
    });
    futures::future::join_all(cases).await;
}
