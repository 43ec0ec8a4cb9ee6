//! How a run is asked to stop: each request is stronger than the one before, and none is taken back.

use tokio::sync::watch;

/// How urgently somebody asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    #[default]
    No,
    /// Finish the present write and what it settles to; start nothing.
    AfterWrite,
    /// Stop waiting, too.
    Now,
    /// Leave at once. The journal makes this safe.
    Exit,
}

impl Stop {
    /// What one more request makes of it.
    pub fn more(self) -> Stop {
        match self {
            Stop::No => Stop::AfterWrite,
            Stop::AfterWrite => Stop::Now,
            Stop::Now | Stop::Exit => Stop::Exit,
        }
    }
}

/// The end that asks.
#[derive(Debug)]
pub struct StopSwitch(watch::Sender<Stop>);

/// The end that a run listens to.
#[derive(Clone, Debug)]
pub struct StopSignal(watch::Receiver<Stop>);

impl StopSwitch {
    /// A switch and the signal that it moves.
    pub fn new() -> (StopSwitch, StopSignal) {
        let (send, receive) = watch::channel(Stop::No);
        (StopSwitch(send), StopSignal(receive))
    }

    /// Asks once more, and returns how urgent it is now.
    pub fn ask(&self) -> Stop {
        self.0.send_modify(|stop| *stop = stop.more());
        *self.0.borrow()
    }
}

impl StopSignal {
    pub fn level(&self) -> Stop {
        *self.0.borrow()
    }

    /// Resolves when the request is at least this urgent; never, where nobody can ask any more.
    pub async fn at_least(&self, level: Stop) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|stop| *stop >= level).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_stronger_and_the_last_stays() {
        let (switch, signal) = StopSwitch::new();
        assert_eq!(signal.level(), Stop::No);
        let levels: Vec<_> = (0..4).map(|_| switch.ask()).collect();
        assert_eq!(
            levels,
            [Stop::AfterWrite, Stop::Now, Stop::Exit, Stop::Exit]
        );
    }
}
