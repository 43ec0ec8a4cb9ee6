//! Times that had not come yet when their line was written.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::{append, before, counting, two_sites};

const SPAN: Duration = Duration::from_secs(3);

fn line(ahead: i64, name: &str) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(ahead);
    let at = at.strftime("%d/%b/%Y:%H:%M:%S +0000");
    format!("198.51.100.7 - {name}[{at}] \"GET / HTTP/1.1\" 200 5 \"-\" \"curl/8\"\n")
}

/// Twenty lines a second, and `odd` once, before the look begins; what the look counts.
async fn counted(log: &Path, odd: &str) -> Json {
    let other = log.with_extension("other");
    append(&other, "");
    let site = two_sites(log, &other);
    let check = counting(&site, SPAN);
    let writing = async {
        let began = Instant::now();
        let mut odd = Some(odd);
        while began.elapsed() < SPAN * 5 {
            append(log, &line(0, "- "));
            if began.elapsed() > SPAN {
                append(log, odd.take().unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let looking = async {
        tokio::time::sleep(SPAN * 3).await;
        before(check.as_ref(), &site).await
    };
    let ((), (mut seen, foreseen)) = futures::future::join(writing, looking).await;
    let mut count = seen.remove(1).1.unwrap()["count"].take();
    count["told"] = json!(format!("{foreseen:?}").contains("that has not come yet"));
    count
}

fn is_right(count: &Json, ahead: u64) {
    for interval in ["now", "earlier"] {
        let requests = count[interval]["requests"].as_u64();
        assert!(requests > Some(30), "{count}");
    }
    let log = &count["logs"][0];
    assert_eq!(
        (&count["lag"], &log["off"]),
        (&json!(0), &json!(0)),
        "{count}"
    );
    assert_eq!(
        (&log["ahead"], &count["told"]),
        (&json!(ahead), &json!(ahead > 0)),
        "{count}"
    );
}

/// Anybody may call himself what looks like a time.
#[tokio::test]
async fn one_request_decides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let odd = |name: &str, of: &str| (folder.path().join(name), of.to_owned());
    let cases = [
        (odd("named", &line(0, "[1900000000] ")), 0),
        // Where the format has no place for a name, the time itself.
        (odd("far", &line(400_000_000, "- ")), 1),
    ];
    let looks = cases.iter().map(|((log, odd), ahead)| async move {
        is_right(&counted(log, odd).await, *ahead);
    });
    futures::future::join_all(looks).await;
}

/// A host that came up with its clock an hour ahead, until it was put right.
#[tokio::test]
async fn a_clock_that_was_put_back_empties_no_interval() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    append(&log, &line(3600, "- ").repeat(50));
    is_right(&counted(&log, "").await, 50);
}

/// All lines tell times of a clock that is ahead, but for one.
#[tokio::test]
async fn a_clock_that_is_ahead_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let site = two_sites(&log, &log);
    let check = counting(&site, SPAN);
    append(&log, &line(3600, "- ").repeat(3));
    let writing = async {
        for turn in 0..200 {
            append(&log, &line(3600, "- "));
            if turn == 100 {
                append(&log, &line(9600, "- "));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let looking = async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        before(check.as_ref(), &site).await
    };
    let ((), (seen, _)) = futures::future::join(writing, looking).await;
    let count = &seen[0].1.as_ref().unwrap()["count"];
    let off = count["logs"][0]["off"].as_i64().unwrap();
    assert!((-3603..=-3597).contains(&off), "{count}");
    assert!(count["now"]["requests"].as_u64() > Some(30), "{count}");
    assert_eq!(count["lag"], json!(0), "{count}");
}

/// One log of two web servers, of which the busier one's clock is ahead.
#[tokio::test]
async fn a_log_that_tells_times_of_two_clocks_is_read_where_it_has_both() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let site = two_sites(&log, &log);
    let check = counting(&site, SPAN);
    let other = |text: String| text.replace("198.51.100.7", "2001:db8::7");
    let writing = async {
        let began = Instant::now();
        while began.elapsed() < SPAN * 8 {
            let text = line(10, "- ").repeat(3) + &other(line(0, "- ").repeat(2));
            append(&log, &text);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let looking = async {
        tokio::time::sleep(SPAN * 6).await;
        before(check.as_ref(), &site).await
    };
    let ((), (seen, _)) = futures::future::join(writing, looking).await;
    let count = &seen[0].1.as_ref().unwrap()["count"];
    for interval in ["now", "earlier"] {
        let [v4, v6] = ["v4", "v6"].map(|of| count[interval][of].as_u64().unwrap());
        // The ends of an interval are not of one moment.
        assert!(v6 * 4 > v4 && v6 < v4, "{count}");
    }
}
