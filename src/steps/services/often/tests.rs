use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;
use crate::site::Probe;

/// A port where each connection gets the next of these greetings, after some time; and how many came.
#[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
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
    let pace = |again| Pace {
        again,
        every: Duration::from_millis(5),
    };
    let cases: [(&[&str], usize, Outcome, usize, usize); 5] = [
        (&["220 a"], 4, Outcome::Pass, 0, 5),
        (&["220 a"], 0, Outcome::Pass, 0, 1),
        (&["421 b", "220 a"], 4, Outcome::Fail, 0, 1),
        (&["220 a", "220 a", "421 b"], 4, Outcome::Fail, 2, 3),
        (&["220 a", "220 a", "421 b"], 1, Outcome::Pass, 0, 2),
    ];
    for (greetings, again, outcome, better, questions) in cases {
        let (spot, asked) = greets(greetings, Duration::ZERO).await;
        let (reply, before) = ask(&spot, None, &clock, WAIT, pace(again)).await;
        assert_eq!(verdict(&spot.probe, &reply).0, outcome, "{greetings:?}");
        let seen = (before, asked.load(Ordering::SeqCst));
        assert_eq!(seen, (better, questions), "{greetings:?} {again}");
    }
}

/// What takes long is not made to take five times as long.
#[tokio::test]
async fn an_answer_that_takes_half_of_the_time_is_not_asked_for_again() {
    let (spot, asked) = greets(&["220 a"], Duration::from_millis(500)).await;
    let wait = Duration::from_millis(900);
    ask(&spot, None, &Clock::real(), wait, Pace::of(1)).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

/// A look for a monitoring system has few seconds in all.
#[tokio::test]
async fn whatever_a_look_may_take_asking_again_ends_soon() {
    let (spot, asked) = greets(&["220 a"], Duration::from_millis(900)).await;
    ask(
        &spot,
        None,
        &Clock::real(),
        Duration::from_secs(60),
        Pace::of(1),
    )
    .await;
    // The third one begins after two seconds; where this machine is slow, it is too late for that.
    assert!((2..=3).contains(&asked.load(Ordering::SeqCst)));
}

#[test]
fn the_more_probes_there_are_the_less_often_each_is_asked() {
    let cases = [
        (0, 4),
        (1, 4),
        (5, 4),
        (6, 3),
        (8, 2),
        (10, 2),
        (11, 1),
        (19, 1),
    ];
    for (probes, again) in cases.into_iter().chain([(20, 0), (2_000, 0)]) {
        let pace = Pace::of(probes);
        assert_eq!(pace.again, again, "{probes}");
        let takes = pace.every * u32::try_from(pace.again).unwrap();
        assert!(takes <= MOST, "{probes}: {takes:?}");
    }
}

/// What web servers are commonly told: ten requests a second from one client, and a burst of twenty (`limit_req` of nginx).
#[test]
fn an_ordinary_limit_takes_a_look_and_a_row_of_looks() {
    const RATE: f64 = 10.0;
    const BURST: f64 = 20.0;
    for probes in 1..=20 {
        let pace = Pace::of(probes);
        let (mut excess, mut last, mut now) = (0.0_f64, 0.0, 0.0);
        for look in 0..40 {
            for again in 0..=pace.again {
                if again > 0 {
                    now += pace.every.as_secs_f64();
                }
                for _ in 0..probes {
                    excess = (excess - (now - last) * RATE).max(0.0) + 1.0;
                    last = now;
                    assert!(excess <= BURST, "{probes} probes, look {look}: {excess}");
                }
            }
            now += politely(probes).as_secs_f64();
        }
    }
}
