//! Traffic as it stands in the access logs of a real nginx.

mod ahead;
mod files;
mod forms;

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cutover::event::{Cause, Finding, Unseen};
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

type Seen = Vec<(String, Result<Json, Unseen>)>;

/// Requests over both families at a steady pace, with some of our own and of a monitor, until it is dropped.
struct Pump {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Pump {
    fn at(webs: &[&Arc<Nginx>], pause: Duration) -> Pump {
        let stop = Arc::new(AtomicBool::new(false));
        let (webs, stopped) = (
            webs.iter().map(|web| Arc::clone(web)).collect::<Vec<_>>(),
            stop.clone(),
        );
        let thread = std::thread::spawn(move || {
            for (turn, web) in webs.iter().cycle().enumerate() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                for ip in [V4, V6] {
                    request(web, ip, "Mozilla/5.0");
                }
                if turn % 5 == 0 {
                    request(web, V4, USER_AGENT);
                    request(web, V6, "monitor/1");
                }
                std::thread::sleep(pause);
            }
        });
        Pump {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

const PACE: Duration = Duration::from_millis(40);

/// A check that counts in intervals of so long. Half of the former rate is enough: other tests run at the same time.
fn counting(site: &Site, span: Duration) -> Box<dyn Check> {
    let fields = vec![
        ("interval", Datum::Span(span)),
        ("timeout", Datum::Span(span + Duration::from_secs(60))),
        ("at-least", Datum::Percent(50)),
        ("ignore-agents", Datum::Texts(vec!["monitor/".into()])),
    ];
    check("traffic", site, fields)
}

fn two_sites(old: &Path, new: &Path) -> Site {
    let mut primary = host("primary", "dedicated", &[]);
    let mut standby = host("standby", "cloud", &[]);
    primary.access_log = vec![old.display().to_string()];
    standby.access_log = vec![new.display().to_string()];
    site(vec![primary, standby], Vec::new())
}

/// Looks before the change, and what they foresee.
async fn before(check: &dyn Check, site: &Site) -> (Seen, Finding) {
    let (aim, pulses) = (aim(), Pulses::none());
    let before = check.before().unwrap();
    let seen = taken(before.looks_before(site, &aim, &pulses)).await;
    let evidence = Evidence {
        items: known(seen.clone()),
        baseline: Vec::new(),
    };
    (seen, before.foresee(&aim, &evidence))
}

fn known(seen: Seen) -> Vec<(String, Known)> {
    let known = |seen: Result<Json, Unseen>| match seen {
        Ok(fact) => Known::Live(fact),
        Err(why) => Known::Unseen(why),
    };
    (seen.into_iter().map(|(key, seen)| (key, known(seen)))).collect()
}

async fn judged(check: &dyn Check, site: &Site, baseline: &Seen) -> Finding {
    let (aim, pulses) = (aim(), Pulses::none());
    let baseline = baseline.iter();
    let evidence = Evidence {
        items: known(taken(check.looks(site, &aim, &pulses)).await),
        baseline: baseline
            .filter_map(|(key, seen)| Some((key.clone(), seen.clone().ok()?)))
            .collect(),
    };
    check.judge(&aim, &evidence)
}

const INTERVAL: Duration = Duration::from_secs(2);

#[tokio::test]
async fn what_moves_is_seen_to_move_and_a_rotation_loses_nothing() {
    if !have(&["nginx", "awk"]) {
        return;
    }
    let old = Arc::new(Nginx::start(&[(NAME, None)]));
    let new = Arc::new(Nginx::start(&[(NAME, None)]));
    let site = two_sites(&old.access_log(), &new.access_log());
    let check = counting(&site, INTERVAL);

    let pump = Pump::at(&[&old], PACE);
    tokio::time::sleep(INTERVAL * 2).await;
    old.rotate();
    let (baseline, foreseen) = before(check.as_ref(), &site).await;
    assert_eq!(foreseen.outcome, Outcome::Pass, "{foreseen:#?}");
    let count = baseline[1].1.as_ref().unwrap();
    assert_eq!(count["count"]["lost"], json!(false));
    assert!(count["count"]["skipped"].as_u64() > Some(0), "{count}");
    let counted = |family: &str| count["count"]["now"][family].as_u64().unwrap();
    assert!(counted("v4").abs_diff(counted("v6")) <= 2, "{count}");

    // Nobody has moved, whatever the target has of its own.
    let late = judged(check.as_ref(), &site, &baseline).await;
    assert_eq!(late.outcome, Outcome::Late, "{late:#?}");
    drop(pump);
    // Half of them move.
    let pump = Pump::at(&[&old, &new], PACE);
    tokio::time::sleep(INTERVAL * 2).await;
    let late = judged(check.as_ref(), &site, &baseline).await;
    assert_eq!(late.outcome, Outcome::Late, "{late:#?}");
    drop(pump);
    // All of them move; the first look still has half of them in its earlier interval.
    let _pump = Pump::at(&[&new], PACE);
    let moved = async {
        loop {
            let finding = judged(check.as_ref(), &site, &baseline).await;
            if finding.outcome == Outcome::Pass {
                return;
            }
        }
    };
    tokio::time::timeout(INTERVAL * 20, moved).await.unwrap();
}

/// The log of nginx with a buffer grows by whole buffers: a look may find all requests of the target and none of the
/// source, though half of them stay.
#[tokio::test]
async fn a_log_that_is_written_in_bursts_is_read_by_the_times_in_its_lines() {
    if !have(&["nginx", "awk"]) {
        return;
    }
    let buffered = || Arc::new(Nginx::logging(&[(NAME, None)], "combined buffer=4k"));
    let (old, new) = (buffered(), buffered());
    let site = two_sites(&old.access_log(), &new.access_log());
    let check = {
        let fields = vec![
            ("interval", Datum::Span(INTERVAL)),
            ("timeout", Datum::Span(Duration::from_secs(60))),
            ("at-least", Datum::Percent(75)),
        ];
        check("traffic", &site, fields)
    };
    let pump = Pump::at(&[&old], PACE);
    tokio::time::sleep(INTERVAL * 3).await;
    let (baseline, _) = before(check.as_ref(), &site).await;
    drop(pump);
    let _pump = Pump::at(&[&old, &new], PACE);
    for look in 0..8 {
        let finding = judged(check.as_ref(), &site, &baseline).await;
        assert_ne!(finding.outcome, Outcome::Pass, "{look}: {finding:#?}");
    }
}

#[tokio::test]
async fn a_web_server_that_goes_on_writing_into_the_old_file_is_not_silent() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    std::fs::write(&log, "").unwrap();
    for kept in ["access.log.1", "access.log-20261122"] {
        let old = folder.path().join(kept);
        std::fs::write(&old, "").unwrap();
        let site = two_sites(&log, &log);
        let check = counting(&site, Duration::from_secs(1));
        let looking = before(check.as_ref(), &site);
        let writing = async {
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                append(
                    &old,
                    &lines(r#"198.51.100.7 - - [NOW] "GET / HTTP/1.1" 200 5 "-" "curl/8""#),
                );
            }
        };
        let ((seen, foreseen), ()) = futures::future::join(looking, writing).await;
        let why = seen[0].1.as_ref().unwrap_err();
        assert!(why.detail.contains("was rotated"), "{kept} {why:?}");
        assert_eq!(foreseen.outcome, Outcome::Unknown);
        std::fs::remove_file(&old).unwrap();
    }
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

/// Lines whose time is now, in place of NOW (as the combined form has it), ISO and EPOCH.
fn lines(text: &str) -> String {
    let date = |form: &str| {
        let output = std::process::Command::new("date")
            .arg(form)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    text.replace("NOW", &date("+%d/%b/%Y:%H:%M:%S %z"))
        .replace("ISO", &date("+%Y-%m-%dT%H:%M:%S%:z"))
        .replace("EPOCH", &date("+%s.123"))
        .trim_end()
        .to_owned()
        + "\n"
}

fn append(log: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(log)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}
