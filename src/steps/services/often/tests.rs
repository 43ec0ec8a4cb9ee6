use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;
use crate::site::Probe;

/// A port where each connection gets the next of these greetings, after some time; and how many came.
async fn greets(greetings: &'static [&'static str], after: Duration) -> (Spot, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let came = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let turn = came.fetch_add(1, Ordering::SeqCst);
            let greeting = greetings[turn % greetings.len()];
            tokio::time::sleep(after).await;
            let _ = stream.write_all(greeting.as_bytes()).await;
        }
    });
    let spot = Spot {
        service: "mail".into(),
        name: None,
        probe: Probe::Tcp {
            port: at.port(),
            send: None,
            expect: Some("220".into()),
        },
        host: None,
        site: None,
        address: at.ip(),
    };
    (spot, asked)
}

#[tokio::test]
async fn one_server_of_several_that_is_not_well_shows() {
    const WAIT: Duration = Duration::from_secs(9);
    let clock = Clock::real();
    let cases: [(&[&str], usize, Outcome, usize, usize); 5] = [
        (&["220 a"], 5, Outcome::Pass, 0, 5),
        (&["220 a"], 1, Outcome::Pass, 0, 1),
        (&["421 b", "220 a"], 5, Outcome::Fail, 0, 1),
        (&["220 a", "220 a", "421 b"], 5, Outcome::Fail, 2, 3),
        (&["220 a", "220 a", "421 b"], 2, Outcome::Pass, 0, 2),
    ];
    for (greetings, times, outcome, better, questions) in cases {
        let (spot, asked) = greets(greetings, Duration::ZERO).await;
        let (reply, before) = ask(&spot, None, &clock, WAIT, times).await;
        assert_eq!(verdict(&spot.probe, &reply).0, outcome, "{greetings:?}");
        let seen = (before, asked.load(Ordering::SeqCst));
        assert_eq!(seen, (better, questions), "{greetings:?} {times}");
    }
}

/// What takes long is not made to take five times as long.
#[tokio::test]
async fn an_answer_that_takes_half_of_the_time_is_not_asked_for_again() {
    let (spot, asked) = greets(&["220 a"], Duration::from_millis(500)).await;
    let wait = Duration::from_millis(900);
    ask(&spot, None, &Clock::real(), wait, 5).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn many_probes_are_asked_less_often_each() {
    let cases = [(0, 5), (1, 5), (100, 5), (101, 4), (250, 2), (251, 1)];
    for (probes, often) in cases.into_iter().chain([(100_000, 1)]) {
        assert_eq!(times(probes), often, "{probes}");
    }
}
