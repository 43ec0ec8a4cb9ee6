//! A ride: looks at one host that leave together, and a seat for each of them.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::joined::{self, Answers, News, Raw};
use super::output::{AFTER_END, lines};

/// How far a ride came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    /// For others to come, and for a session to be free.
    Waiting,
    /// The far side was asked to begin.
    Starting,
    /// The session is open, and our script has not begun: its login takes its time.
    Open,
    Running,
}

/// The looks of a ride.
pub(super) struct Looks {
    /// None once they have left.
    waiting: Mutex<Option<Vec<Look>>>,
    stage: AtomicU8,
}

struct Look {
    line: String,
    news: mpsc::UnboundedSender<News>,
}

/// The task that carries them; it ends where nobody waits for it any more.
pub(super) struct Ride {
    looks: Arc<Looks>,
    task: AbortHandle,
}

/// One look's place in a ride.
pub(super) struct Seat {
    ride: Arc<Ride>,
    news: mpsc::UnboundedReceiver<News>,
    /// By when the rest of the answer must have come, once its program has ended.
    rest: Option<Instant>,
}

/// The looks that go in one session.
pub(super) struct Leaving {
    news: Vec<mpsc::UnboundedSender<News>>,
    script: String,
    answers: Answers,
}

impl Ride {
    /// Begins a ride with one look, carried by a task of its own.
    pub(super) fn begin<F>(line: String, carry: impl FnOnce(Arc<Looks>) -> F) -> (Arc<Ride>, Seat)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (look, news) = look(line);
        let looks = Arc::new(Looks {
            waiting: Mutex::new(Some(vec![look])),
            stage: AtomicU8::new(Stage::Waiting as u8),
        });
        let task = tokio::spawn(carry(Arc::clone(&looks))).abort_handle();
        let ride = Arc::new(Ride { looks, task });
        let seat = Seat {
            ride: Arc::clone(&ride),
            news,
            rest: None,
        };
        (ride, seat)
    }

    /// Takes one more look along; gives it back where the ride is full or has left.
    pub(super) fn board(self: Arc<Ride>, line: String) -> Result<Seat, String> {
        let news = match &mut *self.looks.waiting() {
            Some(waiting) if waiting.len() < joined::MOST => {
                let (look, news) = look(line);
                waiting.push(look);
                news
            }
            _ => return Err(line),
        };
        Ok(Seat {
            ride: self,
            news,
            rest: None,
        })
    }
}

impl Drop for Ride {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn look(line: String) -> (Look, mpsc::UnboundedReceiver<News>) {
    let (sender, news) = mpsc::unbounded_channel();
    (Look { line, news: sender }, news)
}

impl Looks {
    fn waiting(&self) -> MutexGuard<'_, Option<Vec<Look>>> {
        // Each change of it is one step: a panic elsewhere leaves it whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the wait. None where nobody is to be carried: a single look has a session for itself.
    pub(super) fn leave(&self) -> Option<Leaving> {
        let mut looks = self.waiting().take()?;
        looks.retain(|look| !look.news.is_closed());
        self.reached(Stage::Starting);
        if looks.len() < 2 {
            return None;
        }
        let (asked, news): (Vec<String>, Vec<_>) =
            (looks.into_iter().map(|look| (look.line, look.news))).unzip();
        let (script, answers) = joined::script(&asked);
        Some(Leaving {
            news,
            script,
            answers,
        })
    }

    /// Notes how far it came.
    pub(super) fn reached(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            0 => Stage::Waiting,
            1 => Stage::Starting,
            2 => Stage::Open,
            _ => Stage::Running,
        }
    }
}

impl Leaving {
    /// What starts the far side of it.
    pub(super) fn line(&self) -> String {
        joined::shell(&self.answers)
    }

    /// Asks, and hands each look its answer as soon as that comes. Where the session ends, or what is printed comes on
    /// the stream of errors, whoever has no answer is told by the end of their news.
    pub(super) async fn attend(
        mut self,
        looks: &Looks,
        mut stdin: impl AsyncWrite + Unpin,
        stdout: impl AsyncRead + Unpin,
        stderr: impl AsyncRead + Unpin,
    ) {
        let script = std::mem::take(&mut self.script);
        let feed = async move {
            // A far shell that does not read to the end tells nothing, and so each is asked alone.
            let _ = stdin.write_all(script.as_bytes()).await;
            let _ = stdin.shutdown().await;
            // A pipe ends with its last holder only: a login that reads to the end waits for it.
            drop(stdin);
            std::future::pending::<()>().await;
        };
        let mark = self.answers.mark().clone();
        let (elsewhere, is_elsewhere) = oneshot::channel();
        let mut elsewhere = Some(elsewhere);
        let mut other = |line: &[u8]| {
            if joined::begun(&mark, line)
                && let Some(elsewhere) = elsewhere.take()
            {
                let _ = elsewhere.send(());
            }
        };
        let mut line = |line: &[u8]| {
            if joined::begun(self.answers.mark(), line) {
                looks.reached(Stage::Running);
            }
            if let Some((n, told)) = self.answers.line(line) {
                // Whoever has given up needs no answer.
                let _ = self.news[n].send(told);
            }
        };
        let read = lines(stdout, &mut line);
        // Nobody reads the errors of a login; but where they are not read, it may wait to write them.
        let noise = async {
            let _ = lines(stderr, &mut other).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = read => {}
            Ok(()) = is_elsewhere => {}
            () = noise => {}
            () = feed => {}
        }
    }
}

impl Seat {
    /// Waits for the answer; none where the look has to be asked alone. What it waited for at the deadline is
    /// the error; then it can be waited for again.
    pub(super) async fn answer(&mut self, deadline: Instant) -> Result<Option<Raw>, Stage> {
        loop {
            let until = self.rest.map_or(deadline, |rest| rest.min(deadline));
            match timeout_at(until, self.news.recv()).await {
                Ok(Some(News::Told(raw))) => return Ok(raw),
                // Where something that the program left behind holds its streams, the rest never comes.
                Ok(Some(News::Ended)) => self.rest = Some(Instant::now() + AFTER_END),
                Ok(None) => return Ok(None),
                Err(_) if until < deadline => return Ok(None),
                Err(_) => return Err(self.ride.looks.stage()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{duplex, sink};
    use tokio::time::{sleep, timeout};

    use super::*;

    /// What becomes of two looks where the login sends what our script prints to the errors.
    #[tokio::test]
    async fn looks_whose_outputs_go_elsewhere_are_asked_alone_at_once() {
        let (ride, mut first) = Ride::begin("true".into(), |looks| async move {
            sleep(Duration::from_millis(50)).await;
            let leaving = looks.leave().unwrap();
            looks.reached(Stage::Open);
            let (stdout, _still_open) = duplex(1 << 10);
            let (stderr, mut login) = duplex(1 << 10);
            let says = format!("hello\n{} begin\n", leaving.answers.mark().as_str());
            login.write_all(says.as_bytes()).await.unwrap();
            leaving.attend(&looks, sink(), stdout, stderr).await;
        });
        let mut second = Arc::clone(&ride).board("true".into()).unwrap();
        let long = Instant::now() + Duration::from_secs(600);
        for seat in [&mut first, &mut second] {
            let told = timeout(Duration::from_secs(60), seat.answer(long)).await;
            assert_eq!(told.unwrap(), Ok(None));
        }
    }

    /// A look that has not begun is told so at each deadline, and answered when it has.
    #[tokio::test]
    async fn an_answer_is_waited_for_again() {
        let (news, received) = mpsc::unbounded_channel();
        let looks = Arc::new(Looks {
            waiting: Mutex::new(None),
            stage: AtomicU8::new(Stage::Open as u8),
        });
        let task = tokio::spawn(std::future::pending::<()>()).abort_handle();
        let mut seat = Seat {
            ride: Arc::new(Ride { looks, task }),
            news: received,
            rest: None,
        };
        assert_eq!(seat.answer(Instant::now()).await, Err(Stage::Open));
        news.send(News::Ended).unwrap();
        let soon = Instant::now() + Duration::from_millis(50);
        assert_eq!(seat.answer(soon).await, Err(Stage::Open));
        // It has ended, and the rest does not come.
        let long = Instant::now() + Duration::from_secs(600);
        let told = timeout(Duration::from_secs(60), seat.answer(long)).await;
        assert_eq!(told.unwrap(), Ok(None));
    }
}
