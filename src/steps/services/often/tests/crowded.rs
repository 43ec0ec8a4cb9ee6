//! A web server that takes so many at once.

use super::*;
use crate::steps::testing::http_probe;

/// Pages behind one port, each answered after its own time; what is said in place of an answer is a matter of how many are
/// on their way, and of how many were asked before.
struct Web<S> {
    clock: Clock,
    server: Server,
    on_their_way: AtomicUsize,
    asked: AtomicUsize,
    most: AtomicUsize,
    refuses: S,
}

fn page(status: u16) -> Reply {
    Reply::Http {
        status,
        headers: Vec::new(),
        holds: None,
        unread: None,
        begins: String::new(),
        millis: 1,
        connect: Duration::from_millis(1),
    }
}

fn closes() -> Reply {
    let detail = "closed the connection without an answer";
    Reply::None(Unseen::new(Cause::Garbled, detail))
}

impl<S: Fn(usize, usize) -> Option<Reply> + Sync> Web<S> {
    fn new(refuses: S) -> Web<S> {
        Web {
            clock: Clock::following_tokio(Timestamp::UNIX_EPOCH),
            server: Server::default(),
            on_their_way: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            refuses,
        }
    }

    async fn once(&self, takes: Duration) -> Reply {
        let now = self.on_their_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let before = self.asked.fetch_add(1, Ordering::SeqCst);
        let refusal = (self.refuses)(now, before);
        let takes = match refusal {
            Some(_) => Duration::from_millis(1),
            None => takes,
        };
        self.clock.sleep(takes).await;
        self.on_their_way.fetch_sub(1, Ordering::SeqCst);
        refusal.unwrap_or_else(|| page(200))
    }

    /// How many pass, of pages that take so long.
    async fn look(&self, takes: impl Iterator<Item = u64>) -> usize {
        let takes: Vec<Duration> = takes.map(Duration::from_millis).collect();
        let number = takes.len();
        let (probe, until) = (Probe::Http(http_probe()), self.clock.now().plus(WAIT));
        let all = takes.iter().map(|takes| {
            let asks = Asks {
                probe: &probe,
                once: |_| self.once(*takes).boxed(),
                server: &self.server,
                port: 443,
                clock: &self.clock,
                timeout: WAIT,
                until: until.clone(),
                pace: Pace::of(number),
            };
            asks.ask()
        });
        let all = join_all(all).await;
        let passes = |answer: &&Answer| verdict(&probe, &answer.reply).0 == Outcome::Pass;
        all.iter().filter(passes).count()
    }
}

#[tokio::test(start_paused = true)]
async fn who_takes_so_many_at_once_is_asked_fewer_and_all_pass() {
    for (most, refusal) in [
        (8, page(503)),
        (8, page(429)),
        (8, closes()),
        (20, closes()),
    ] {
        let web = Web::new(|now, _| (now > most).then(|| refusal.clone()));
        assert_eq!(web.look((0..300).map(|_| 10)).await, 300, "{refusal:?}");
        assert!(!web.server.is_limited());
        let few = Web::new(|now, _| (now > most).then(|| refusal.clone()));
        assert_eq!(few.look((0..25).map(|_| 100)).await, 25, "{refusal:?}");
    }
    // One after the other, it is no matter of how many.
    let web = Web::new(|_, before| (before >= 100).then(|| page(503)));
    assert!(web.look((0..300).map(|_| 10)).await <= 100);
    let web = Web::new(|_, _| Some(closes()));
    assert_eq!(web.look((0..300).map(|_| 10)).await, 0);
}

/// Whether one of several servers is not well, or all are asked too much: also beside fewer it shows.
#[tokio::test(start_paused = true)]
async fn what_fails_now_and_then_does_not_pass_as_crowded() {
    let mut passes = 0;
    for seed in 0..40 {
        let random = Mutex::new(sick(2, seed));
        let web = Web::new(|_, _| (random.lock().unwrap()(0.0) != "220 a").then(|| page(503)));
        passes += usize::from(web.look((0..300).map(|_| 10)).await == 300);
    }
    assert!(passes <= 2, "{passes} of 40");
}

#[tokio::test(start_paused = true)]
async fn pages_of_all_kinds_are_asked_in_time() {
    let pages = |quick: usize, slow: usize, takes: u64| {
        let quick = std::iter::repeat_n(1, quick);
        quick.chain(std::iter::repeat_n(takes, slow))
    };
    for (quick, slow, takes) in [
        (1, 600, 400),
        (30, 570, 400),
        (0, 300, 1_100),
        (0, 60, 4_000),
    ] {
        let web = Web::new(|_, _| None);
        let passes = web.look(pages(quick, slow, takes)).await;
        assert_eq!(passes, quick + slow, "{takes} ms");
    }
}
