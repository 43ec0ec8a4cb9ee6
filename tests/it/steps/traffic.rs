//! Traffic as it stands in the access logs of a real nginx.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use cutover::event::{Cause, Unseen};
use cutover::field::Datum;
use cutover::plan::Outcome;
use cutover::site::Site;
use cutover::step::{Check, Evidence, Known, Pulses};
use cutover::world::net::USER_AGENT;
use serde_json::{Value as Json, json};

use super::{aim, check, host, site, taken};
use crate::lab::web::Nginx;
use crate::lab::{V4, V6, have};

const NAME: &str = "www.lab.example";

/// How many requests a burst makes over each family.
const BURST: usize = 20;

fn request(web: &Nginx, ip: IpAddr, agent: &str) {
    let mut stream = TcpStream::connect(web.http_at(ip)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: {NAME}\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

/// Requests over both families, some of them of our own, and a rotation in the middle where it is wanted.
fn burst(web: &Nginx, rotate: bool) {
    for ip in [V4, V6] {
        for _ in 0..BURST {
            request(web, ip, "Mozilla/5.0");
        }
        request(web, ip, USER_AGENT);
        request(web, ip, "monitor/1");
        if rotate && ip == V4 {
            web.rotate();
        }
    }
}

type Seen = Vec<(String, Result<Json, Unseen>)>;

/// How long a look counts at first, and how often it is tried again with twice the time: a busy machine may begin
/// to count too late, or make its requests too slowly.
const COUNTS: Duration = Duration::from_secs(4);
const TRIES: u32 = 5;

/// A check that counts for so long.
fn counting(site: &Site, span: Duration) -> Box<dyn Check> {
    let fields = vec![
        ("interval", Datum::Span(span)),
        ("timeout", Datum::Span(span + Duration::from_secs(60))),
        ("ignore-agents", Datum::Texts(vec!["monitor/".into()])),
    ];
    check("traffic", site, fields)
}

/// Looks while there is a burst, until all of it was counted.
async fn during_a_burst(
    site: &Site,
    before: bool,
    key: &str,
    web: &Arc<Nginx>,
    rotate: bool,
) -> Seen {
    let (aim, pulses) = (aim(), Pulses::none());
    let mut seen = Seen::new();
    for span in (0..TRIES).map(|n| COUNTS * 2_u32.pow(n)) {
        let check = counting(site, span);
        let looks = if before {
            check.baseline(site, &aim, &pulses)
        } else {
            check.looks(site, &aim, &pulses)
        };
        let web = web.clone();
        let requests = tokio::task::spawn_blocking(move || {
            std::thread::sleep(span / 4);
            burst(&web, rotate);
        });
        seen = taken(looks).await;
        requests.await.unwrap();
        let counted = seen.iter().find(|(known, _)| known == key);
        let Some((_, Ok(fact))) = counted else {
            panic!("{seen:?}");
        };
        if fact["count"]["requests"] == json!(2 * BURST) {
            return seen;
        }
    }
    panic!("the burst was never counted: {seen:?}");
}

fn facts(seen: Seen) -> Vec<(String, Json)> {
    seen.into_iter()
        .map(|(key, seen)| (key, seen.unwrap()))
        .collect()
}

#[tokio::test]
async fn rates_survive_a_rotation_and_leave_our_own_requests_out() {
    if !have(&["nginx", "awk"]) {
        return;
    }
    let old = Arc::new(Nginx::start(&[(NAME, None)]));
    let new = Arc::new(Nginx::start(&[(NAME, None)]));
    let mut primary = host("primary", "dedicated", &[]);
    let mut standby = host("standby", "cloud", &[]);
    primary.access_log = vec![old.access_log().display().to_string()];
    standby.access_log = vec![new.access_log().display().to_string()];
    let site = site(vec![primary, standby], Vec::new());
    let check = counting(&site, COUNTS);
    // Something is in the logs already, and does not count.
    burst(&old, false);
    burst(&new, false);

    let key = "dedicated/primary";
    let baseline = facts(during_a_burst(&site, true, key, &old, true).await);
    assert_eq!(baseline.len(), 1);
    let count = &baseline[0].1["count"];
    assert_eq!(
        (&count["v4"], &count["v6"], &count["skipped"], &count["odd"]),
        (&json!(BURST), &json!(BURST), &json!(4), &json!(0)),
    );
    assert_eq!(count["lost"], json!(false));

    let judged = |seen: Vec<(String, Json)>| {
        let items = seen
            .into_iter()
            .map(|(key, fact)| (key, Known::Live(fact)))
            .collect();
        let evidence = Evidence {
            items,
            baseline: baseline.clone(),
        };
        check.judge(&aim(), &evidence)
    };
    let key = "cloud/standby";
    let moved = during_a_burst(&site, false, key, &new, true).await;
    let finding = judged(facts(moved));
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");

    let key = "dedicated/primary";
    let stayed = during_a_burst(&site, false, key, &old, false).await;
    let finding = judged(facts(stayed));
    assert_eq!(finding.outcome, Outcome::Late, "{finding:#?}");
}

#[tokio::test]
async fn a_log_that_is_not_there_is_unseen() {
    let mut standby = host("standby", "cloud", &[]);
    standby.access_log = vec!["/nonexistent/access.log".into()];
    let site = site(vec![standby], Vec::new());
    let second = ("interval", Datum::Span(Duration::from_secs(1)));
    let check = check("traffic", &site, vec![second]);
    let (aim, pulses) = (aim(), Pulses::none());
    let seen = taken(check.looks(&site, &aim, &pulses)).await;
    let causes: Vec<_> = seen
        .iter()
        .map(|(key, seen)| (key.as_str(), seen.as_ref().unwrap_err().cause))
        .collect();
    assert_eq!(
        causes,
        [
            ("cloud/standby", Cause::Missing),
            ("dedicated/", Cause::Missing)
        ]
    );
}

/// Lines as different servers write them; the last is cut off where a log begins in the middle of one.
const FORMS: &str = r#"198.51.100.7 - - [22/Nov/2026:15:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8"
2001:db8::7 - - [22/Nov/2026:15:00:00 +0000] "GET /a%20b HTTP/2.0" 503 5 "-" "curl/8"
::ffff:198.51.100.7 - - [22/Nov/2026:15:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8"
cafe.example:443 2001:db8::8 - - [22/Nov/2026:15:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8"
198.51.100.7 - - [22/Nov/2026:15:00:00 +0000] "GET /\"quoted\" HTTP/1.1" 500 5 "-" "a \"b\" c"
198.51.100.7 - - [22/Nov/2026:15:00:00 +0000] "\x16\x03\x01" 400 5 "-" "-"
198.51.100.7 - bob [22/Nov/2026:15:00:00 +0000] "GET /common HTTP/1.0" 200 5
{"time":"x","remote_addr":"2001:db8::9","status": 502,"http_user_agent":"curl/8"}
{"remote_addr":"198.51.100.9","status":"200","http_user_agent":"cutover/9.9"}
198.51.100.7 - - [22/Nov/2026:15:00:00 +0000] "GET /?cutover/1 HTTP/1.1" 200 5 "https://x/cutover/" "curl/8"
"curl/8"
"#;

#[tokio::test]
async fn logs_of_many_forms_are_counted_and_a_copied_log_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("an access log");
    let copy = folder.path().join("an access log.1");
    let mut standby = host("standby", "cloud", &[]);
    standby.access_log = vec![log.display().to_string()];
    let site = site(vec![standby], Vec::new());
    let (aim, pulses) = (aim(), Pulses::none());
    let append = |text: &str| {
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&log)
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    let expected = |times: u64, fact: &Json| {
        json!({
            "millis": fact["count"]["millis"], "requests": 9 * times, "errors": 3 * times,
            "v4": 6 * times, "v6": 3 * times, "skipped": times, "odd": times, "nameless": times,
            "lost": false,
        })
    };
    append(FORMS);
    for copied in [false, true] {
        let times = if copied { 2 } else { 1 };
        let mut fact = Json::Null;
        for span in (0..TRIES).map(|n| COUNTS * 2_u32.pow(n)) {
            let check = counting(&site, span);
            let looking = async { taken(check.looks(&site, &aim, &pulses)).await };
            let writing = async {
                tokio::time::sleep(span / 4).await;
                append(FORMS);
                if copied {
                    // As `copytruncate` does.
                    std::fs::remove_file(&copy).ok();
                    std::fs::copy(&log, &copy).unwrap();
                    std::fs::write(&log, "").unwrap();
                    append(FORMS);
                }
            };
            let (seen, ()) = futures::future::join(looking, writing).await;
            fact = seen.into_iter().next().unwrap().1.unwrap();
            if fact["count"] == expected(times, &fact) {
                break;
            }
        }
        assert_eq!(fact["count"], expected(times, &fact));
    }
}
