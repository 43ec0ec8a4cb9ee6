use std::time::Duration;

use futures::future::{join, join_all};
use serde_json::json;
use tokio::time::sleep;

use super::*;
use crate::clock::Clock;

const SHORT: Duration = Duration::from_millis(20);

/// Names the answer after whoever asked.
async fn answers(who: &str) -> Json {
    sleep(SHORT).await;
    json!(who)
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_since_a_look_began_serves_that_look() {
    let asking = Asking::default();
    let (one, other) = (asking.since(), asking.since());
    let first = asking.once("a", one, answers("first"));
    let beside = asking.once("a", other, answers("beside"));
    assert_eq!(join(first, beside).await, (json!("first"), json!("first")));
    assert_eq!(asking.once("a", other, answers("late")).await, "first");
    assert_eq!(asking.once("b", one, answers("b")).await, "b");
    // What was asked before a look began proves nothing to it.
    let next = asking.since();
    assert_eq!(asking.once("a", next, answers("next")).await, "next");
    assert_eq!(asking.once("a", one, answers("any")).await, "next");
}

/// A check that begins a moment later in the same batch is served too.
#[tokio::test(start_paused = true)]
async fn checks_of_one_batch_ask_once() {
    let asking = Asking::default();
    let check = async |who| asking.once("a", asking.since(), answers(who)).await;
    assert_eq!(
        join(check("one"), check("two")).await,
        (json!("one"), json!("one"))
    );
}

#[tokio::test(start_paused = true)]
async fn where_whoever_asks_is_cut_off_the_next_one_asks() {
    let asking = Asking::default();
    let since = asking.since();
    let cut = tokio::time::timeout(SHORT / 2, asking.once("a", since, answers("cut")));
    let (cut, next) = join(cut, asking.once("a", since, answers("next"))).await;
    assert!(cut.is_err());
    assert_eq!(next, "next");
}

/// A server at some address, which served, and the time.
async fn limited(server: &Server, wait: Option<Duration>, clock: &Clock) {
    server.serves(80);
    assert!(server.is_asked_too_often(80, false, wait, clock).await);
}

#[tokio::test(start_paused = true)]
async fn what_a_server_showed_holds_for_half_a_minute() {
    let clock = Clock::following_tokio(jiff::Timestamp::UNIX_EPOCH);
    let asking = Asking::default();
    let at = |ip: &str| asking.server(ip.parse().unwrap(), &clock.now());
    limited(&at("192.0.2.1"), None, &clock).await;
    assert!(at("192.0.2.1").is_limited());
    assert!(!at("2001:db8::1").is_limited());
    clock.sleep(Duration::from_secs(29)).await;
    assert!(at("192.0.2.1").is_limited());
    clock.sleep(Duration::from_secs(2)).await;
    assert!(!at("192.0.2.1").is_limited());
}

/// Where it says how long to wait, it is not asked before that.
#[tokio::test(start_paused = true)]
async fn a_server_is_asked_alone_after_a_pause_or_when_it_says() {
    let clock = Clock::following_tokio(jiff::Timestamp::UNIX_EPOCH);
    for (wait, millis) in [(None, 300), (Some(Duration::from_secs(2)), 2_000)] {
        let server = Server::default();
        let began = clock.now();
        let until = began.plus(Duration::from_secs(5));
        limited(&server, wait, &clock).await;
        let turn = server.turn(&clock, &until).await.unwrap();
        assert_eq!(clock.now().since(&began), Duration::from_millis(millis));
        // Nobody else asks meanwhile.
        let soon = clock.now().plus(Duration::from_millis(200));
        assert!(server.turn(&clock, &soon).await.is_none());
        let mark = server.mark();
        turn.serves(&clock.now());
        assert_eq!(server.row(mark), 1);
        assert!(server.turn(&clock, &soon).await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn the_pauses_grow_and_have_an_end() {
    let clock = Clock::following_tokio(jiff::Timestamp::UNIX_EPOCH);
    let server = Server::default();
    limited(&server, None, &clock).await;
    let until = clock.now().plus(Duration::from_secs(9));
    for (pause, again) in [(300, true), (1_050, false)] {
        let began = clock.now();
        let turn = server.turn(&clock, &until).await.unwrap();
        assert_eq!(clock.now().since(&began), Duration::from_millis(pause));
        assert_eq!(turn.is_asked_too_often(None, &clock.now()), again);
    }
    // It was no limit.
    assert!(!server.is_limited());
    assert!(!server.is_asked_too_often(80, false, None, &clock).await);
}

/// The answer that says so may be quicker than the good ones that were asked before it.
#[tokio::test(start_paused = true)]
async fn an_answer_on_its_way_tells_whether_a_server_serves() {
    let clock = Clock::following_tokio(jiff::Timestamp::UNIX_EPOCH);
    for (port, good) in [(80, true), (80, false), (443, true)] {
        let server = Server::default();
        let until = clock.now().plus(SHORT * 2);
        let at = (port, Room::for_one_of(5));
        let ask = server.beside(at, &clock, &until, async {
            sleep(SHORT).await;
            if good {
                server.serves(port);
            }
            ((), None)
        });
        let limits = async {
            tokio::task::yield_now().await;
            server.is_asked_too_often(80, false, None, &clock).await
        };
        let (asked, limits) = join(ask, limits).await;
        assert_eq!(asked, Beside::Asked((), Duration::ZERO));
        assert_eq!(limits, good && port == 80);
    }
}

/// So many questions at one port, each of which takes so long: when the last one ended, and what came of each.
async fn beside(questions: usize, takes: Duration) -> (Duration, Vec<Beside<()>>) {
    let clock = &Clock::following_tokio(jiff::Timestamp::UNIX_EPOCH);
    let server = &Server::default();
    let began = clock.now();
    let until = &began.plus(Duration::from_millis(8_500));
    let at = (25, Room::for_one_of(5));
    let ask = async || (sleep(takes).await, None);
    let all = (0..questions).map(|_| server.beside(at, clock, until, ask()));
    let all = join_all(all).await;
    (clock.now().since(&began), all)
}

#[tokio::test(start_paused = true)]
async fn at_one_port_a_few_are_asked_at_once() {
    let asked = |all: &[Beside<()>]| all.iter().filter(|of| **of != Beside::NoRoom).count();
    let (took, all) = beside(5, SHORT).await;
    assert_eq!((took, asked(&all)), (SHORT, 5));
    let (took, all) = beside(15, SHORT).await;
    assert_eq!((took, asked(&all)), (SHORT * 3, 15));
    assert_eq!(all[14], Beside::Asked((), SHORT * 2));
    // What hangs makes room after a second, and nobody waits for longer than its look.
    let (took, all) = beside(60, Duration::from_secs(10)).await;
    assert_eq!((took, asked(&all)), (Duration::from_secs(18), 45));
}

/// Who waits while a server says that it is asked too often does not ask beside others.
#[tokio::test(start_paused = true)]
async fn who_waits_for_room_hears_of_a_limit() {
    let clock = Clock::following_tokio(jiff::Timestamp::UNIX_EPOCH);
    let server = Server::default();
    let until = clock.now().plus(Duration::from_secs(9));
    let at = (80, Room::for_one_of(1));
    let first = server.beside(at, &clock, &until, async {
        sleep(SHORT).await;
        limited(&server, None, &clock).await;
        ((), None)
    });
    let second = server.beside(at, &clock, &until, async { (sleep(SHORT).await, None) });
    let (_, second) = join(first, second).await;
    assert_eq!(second, Beside::Limited);
}
