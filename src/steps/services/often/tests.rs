use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use futures::future::{join, join_all};
use jiff::Timestamp;

use super::*;

mod crowded;

const WAIT: Duration = Duration::from_secs(9);

/// A service at some address, which answers each question after a millisecond: what, is a matter of the time in seconds.
struct Far<'s> {
    clock: Clock,
    began: Stamp,
    server: Server,
    says: Mutex<Box<dyn FnMut(f64) -> &'static str + Send + 's>>,
    takes: Duration,
    asked: AtomicUsize,
}

impl<'s> Far<'s> {
    fn new(says: impl FnMut(f64) -> &'static str + Send + 's) -> Far<'s> {
        let clock = Clock::following_tokio(Timestamp::UNIX_EPOCH);
        Far {
            began: clock.now(),
            clock,
            server: Server::default(),
            says: Mutex::new(Box::new(says)),
            takes: Duration::from_millis(1),
            asked: AtomicUsize::new(0),
        }
    }

    /// Says this, over and over.
    fn turning(says: &'static [&'static str]) -> Far<'s> {
        let mut turn = says.iter().cycle();
        Far::new(move |_| turn.next().unwrap())
    }

    async fn once(&self, timeout: Duration) -> Reply {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.clock.sleep(self.takes.min(timeout)).await;
        let now = self.clock.now().since(&self.began).as_secs_f64();
        let says = (self.says.lock().unwrap())(now);
        match says {
            "" => Reply::None(Unseen::new(Cause::Refused, "refused")),
            "503" => Reply::Http {
                status: 503,
                headers: vec![("retry-after".into(), "3600".into())],
                holds: None,
                unread: None,
                begins: String::new(),
                millis: 1,
                connect: Duration::ZERO,
            },
            _ => Reply::Tcp {
                holds: Some(says.starts_with("220")),
                unread: None,
                begins: says.into(),
            },
        }
    }

    async fn look(&self, probes: usize, timeout: Duration) -> Answer {
        self.look_at(&self.server, probes, timeout).await
    }

    async fn look_at(&self, server: &Server, probes: usize, timeout: Duration) -> Answer {
        let probe = Probe::Tcp {
            port: 25,
            send: None,
            expect: Some("220".into()),
        };
        let asks = Asks {
            probe: &probe,
            once: |timeout| self.once(timeout).boxed(),
            server,
            port: 25,
            clock: &self.clock,
            timeout,
            until: self.clock.now().plus(timeout),
            pace: Pace::of(probes),
        };
        asks.ask().await
    }

    /// One look with so many probes at the address: the worst of them.
    async fn looks(&self, probes: usize) -> Answer {
        let all = join_all((0..probes).map(|_| self.look(probes, WAIT))).await;
        let bad = all.iter().position(|answer| !passes(answer));
        all.into_iter().nth(bad.unwrap_or_default()).unwrap()
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn passes(answer: &Answer) -> bool {
    matches!(
        answer.reply,
        Reply::Tcp {
            holds: Some(true),
            ..
        }
    )
}

/// What nginx does with `limit_req rate=… burst=… nodelay`.
fn limiter(rate: f64, burst: f64) -> impl FnMut(f64) -> &'static str + Send {
    let (mut excess, mut last) = (0.0_f64, 0.0);
    move |now| {
        let next = (excess - (now - last) * rate).max(0.0) + 1.0;
        if next > burst + 1.0 {
            return "421 too many";
        }
        (excess, last) = (next, now);
        "220 a"
    }
}

/// Of ten answers so many are bad, at random.
fn sick(bad: u64, seed: u64) -> impl FnMut(f64) -> &'static str + Send {
    let mut seed = seed.wrapping_mul(2) + 1;
    move |_| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        match (seed >> 33) % 10 < bad {
            true => "421 not well",
            false => "220 a",
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_server_of_several_that_is_not_well_shows() {
    let cases: [(&[&str], usize, bool, usize, usize); 6] = [
        (&["220 a"], 1, true, 0, 5),
        (&["220 a"], 20, true, 0, 1),
        (&["554 b", "220 a"], 1, false, 0, 1),
        // What comes first is no answer to a question too many.
        (&["421 b", "220 a"], 1, false, 0, 1),
        (&["220 a", "220 a", "554 b"], 1, false, 2, 3),
        (&["220 a", "220 a", "554 b"], 11, true, 0, 2),
    ];
    for (says, probes, good, better, questions) in cases {
        let far = Far::turning(says);
        let answer = far.look(probes, WAIT).await;
        assert_eq!(passes(&answer), good, "{says:?}");
        let seen = (answer.better, far.asked());
        assert_eq!(seen, (better, questions), "{says:?} {probes}");
        assert_eq!(answer.slowly, None);
    }
}

/// Asked alone, with pauses, it fails its share as before.
#[tokio::test(start_paused = true)]
async fn one_of_three_that_says_it_is_asked_too_often_shows() {
    for says in [&["220 a", "220 a", "421 b"], &["220 a", "220 a", ""]] {
        let far = Far::turning(says);
        let answer = far.look(1, WAIT).await;
        assert!(!passes(&answer), "{answer:?}");
        assert_eq!((answer.better, far.asked()), (6, 9));
        assert_eq!(answer.slowly, Some(Slowly::Failed));
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_its_share_is_not_taken_for_what_limits_its_clients() {
    for (bad, most) in [(9, 0), (7, 10), (5, 40), (3, 130)] {
        let mut good = 0;
        for seed in 0..500 {
            good += usize::from(passes(&Far::new(sick(bad, seed)).look(1, WAIT).await));
        }
        assert!(good <= most, "{bad} of ten are bad: {good} of 500 pass");
    }
    // With more probes there are more answers to be bad, and no more that are forgiven.
    for probes in [4, 8, 20] {
        let mut good = 0;
        for seed in 0..200 {
            good += usize::from(passes(&Far::new(sick(3, seed)).looks(probes).await));
        }
        assert!(good <= 40, "{probes} probes: {good} of 200 pass");
    }
}

/// A server that is well and limits its clients passes, however strict that is, and in a row of looks too.
#[tokio::test(start_paused = true)]
async fn what_limits_its_clients_is_asked_alone_and_passes() {
    for (rate, burst, probes, first, each) in [
        (1.0, 3.0, 1, 9.0, 8.5),
        (2.0, 5.0, 2, 9.0, 8.5),
        (5.0, 10.0, 8, 5.0, 5.0),
        (5.0, 20.0, 3, 0.2, 5.0),
        (10.0, 20.0, 8, 5.0, 5.0),
        (10.0, 20.0, 60, 9.0, 9.0),
        (3.0, 0.0, 1, 9.0, 8.5),
        (1.0, 0.0, 1, 9.0, 8.5),
        (1_000.0, 100.0, 80, 0.2, 0.2),
    ] {
        let far = Far::new(limiter(rate, burst));
        for look in 0..5 {
            let began = far.clock.now();
            let answer = far.looks(probes).await;
            let took = far.clock.now().since(&began).as_secs_f64();
            assert!(
                passes(&answer),
                "{rate}/s and {burst}, {probes} probes, look {look}: {answer:?}"
            );
            let most = if look == 0 { first } else { each };
            assert!(took <= most, "{rate}/s and {burst}, {probes}: {took} s");
            far.clock.sleep(Duration::from_millis(200)).await;
        }
    }
}

/// A server that takes one session a client, and needs some time after each.
#[tokio::test(start_paused = true)]
async fn what_takes_one_session_at_a_time_passes() {
    let mut free = 0.0;
    let far = Far::new(move |now| match now >= free {
        true => {
            free = now + 0.29;
            "220 a"
        }
        false => "421 4.7.0 too many connections",
    });
    let answer = far.looks(3).await;
    assert!(passes(&answer), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_for_good_after_a_good_answer_fails_soon() {
    let mut first = true;
    let far = Far::new(move |_| match std::mem::take(&mut first) {
        true => "220 a",
        false => "421 closing",
    });
    let began = far.clock.now();
    let answer = far.look(1, WAIT).await;
    assert!(!passes(&answer));
    assert_eq!((answer.better, answer.slowly), (1, Some(Slowly::Failed)));
    assert!(far.clock.now().since(&began) < Duration::from_secs(2));
    // From then on it is known for what it is, and holds up nobody.
    let began = far.clock.now();
    assert!(!passes(&far.look(1, WAIT).await));
    assert!(far.clock.now().since(&began) < Duration::from_millis(10));
}

/// One site of many behind an address is out of order: the others are asked as quickly as before.
#[tokio::test(start_paused = true)]
async fn one_name_that_is_out_of_order_makes_the_others_no_slower() {
    let well = Far::turning(&["220 a"]);
    let closed = Far::turning(&["421 closing"]);
    for look in 0..3 {
        let began = well.clock.now();
        // Both are behind one address.
        let closed = closed.look_at(&well.server, 60, WAIT);
        let (others, one) = join(well.looks(59), closed).await;
        assert!(passes(&others) && !passes(&one));
        let took = well.clock.now().since(&began);
        // Five are asked at once.
        let most = if look == 0 { 2_000 } else { 20 };
        assert!(took < Duration::from_millis(most), "{took:?}");
        well.clock.sleep(Duration::from_secs(5)).await;
    }
}

/// The same among few, in the short look of a monitoring system: who was refused is asked before those who wait.
#[tokio::test(start_paused = true)]
async fn one_name_that_is_out_of_order_among_few_is_known_in_time() {
    const SHORT: Duration = Duration::from_secs(6);
    let well = Far::turning(&["220 a"]);
    let closed = Far::turning(&["421 closing"]);
    let began = well.clock.now();
    let one = closed.look_at(&well.server, 8, SHORT);
    let others = join_all((0..7).map(|_| well.look(8, SHORT)));
    let (others, one) = join(others, one).await;
    assert!(others.iter().all(passes), "{others:?}");
    assert_eq!(one.slowly, Some(Slowly::Failed));
    assert!(well.clock.now().since(&began) < Duration::from_secs(2));
}

/// All but one of many are out of order: that is told as soon as it is known of one of them.
#[tokio::test(start_paused = true)]
async fn many_names_that_are_out_of_order_do_not_wait_for_each_other() {
    let well = Far::turning(&["220 a"]);
    let closed = Far::turning(&["421 closing"]);
    let began = well.clock.now();
    let looks = (0..60).map(|_| closed.look_at(&well.server, 61, WAIT));
    let (one, others) = join(well.look(61, WAIT), join_all(looks)).await;
    assert!(passes(&one));
    for other in &others {
        assert!(!passes(other));
        assert_ne!(other.slowly, Some(Slowly::NoTime));
    }
    assert!(well.clock.now().since(&began) < Duration::from_secs(2));
}

/// A limit at one port of an address is no reason to ask at another one but once.
#[tokio::test(start_paused = true)]
async fn what_is_half_out_of_order_beside_a_limit_shows() {
    let limited = Far::new(limiter(1.0, 1.0));
    let mut half = Far::turning(&["220 a", "500 b"]);
    half.takes = Duration::from_millis(20);
    let mail = limited.look(2, WAIT);
    let (mail, half) = join(mail, half.look_at(&limited.server, 2, WAIT)).await;
    assert!(passes(&mail), "{mail:?}");
    assert!(!passes(&half), "{half:?}");
}

/// One that is being looked after says so for an hour: the others are asked all the same.
#[tokio::test(start_paused = true)]
async fn who_wants_to_be_left_alone_for_longer_than_a_look_holds_up_nobody() {
    let well = Far::turning(&["220 a"]);
    let closed = Far::turning(&["503"]);
    for _ in 0..2 {
        let one = closed.look_at(&well.server, 2, WAIT);
        let (other, one) = join(well.look(2, WAIT), one).await;
        assert!(passes(&other));
        assert_eq!(one.slowly, Some(Slowly::Later(3_600)));
    }
    assert!(!well.server.is_limited());
}

/// Another port of the same address serves: that says nothing of this one.
#[tokio::test(start_paused = true)]
async fn a_port_that_is_closed_fails_at_once_whatever_else_serves() {
    let far = Far::turning(&[""]);
    far.server.serves(80);
    assert!(!passes(&far.look(1, WAIT).await));
    assert!(!far.server.is_limited());
    assert_eq!(far.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_time_to_ask_slowly_it_is_said() {
    let far = Far::new(limiter(1.0, 3.0));
    let answer = far.look(1, Duration::from_secs(3)).await;
    assert!(!passes(&answer));
    assert_eq!(answer.slowly, Some(Slowly::NoTime));
}

/// What takes long is not made to take five times as long.
#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_half_of_the_time_is_not_asked_for_again() {
    let mut far = Far::turning(&["220 a"]);
    far.takes = Duration::from_millis(500);
    far.look(1, Duration::from_millis(900)).await;
    assert_eq!(far.asked(), 1);
}

/// A look for a monitoring system has few seconds in all.
#[tokio::test(start_paused = true)]
async fn whatever_a_look_may_take_asking_again_ends_soon() {
    let mut far = Far::turning(&["220 a"]);
    far.takes = Duration::from_millis(900);
    far.look(1, Duration::from_secs(60)).await;
    assert_eq!(far.asked(), 3);
}

#[test]
fn the_more_probes_there_are_the_less_often_each_is_asked() {
    let cases = [(0, 4), (1, 4), (5, 4), (6, 3), (8, 2), (10, 2), (11, 1)];
    for (probes, again) in cases.into_iter().chain([(19, 1), (20, 0), (2_000, 0)]) {
        assert_eq!(Pace::of(probes).again, again, "{probes}");
    }
}

/// Some hang, and others wait for room behind them: that is told of both, those that were asked late and those that were not.
#[tokio::test(start_paused = true)]
async fn what_waited_for_room_behind_others_says_so() {
    let mut far = Far::turning(&["220 a"]);
    far.takes = Duration::from_secs(60);
    let looks = (0..20).map(|_| far.look(20, Duration::from_millis(2_500)));
    let answers = join_all(looks).await;
    assert_eq!(far.asked(), 15);
    let why = "was not asked in time: other questions to that port were not answered yet";
    let unasked =
        |answer: &&Answer| matches!(&answer.reply, Reply::None(why_not) if why_not.detail == why);
    assert_eq!(answers.iter().filter(unasked).count(), 5);

    let silent = || Reply::None(Unseen::new(Cause::Frozen, "it said nothing within 1.5s"));
    let told = |waited| match after(silent(), Duration::from_millis(waited)) {
        Reply::None(unseen) => unseen.detail,
        other => panic!("{other:?}"),
    };
    assert_eq!(told(100), "it said nothing within 1.5s");
    assert_eq!(
        told(1_000),
        "it said nothing within 1.5s (it was asked after 1.0s, behind other questions to that port)"
    );
}
