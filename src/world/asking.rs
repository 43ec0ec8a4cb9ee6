//! How servers are asked by all looks of one process: what was asked since a look began serves that look too, and a
//! server that limits its clients is asked as slowly as it wants.

mod lanes;
mod server;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value as Json;
use tokio::sync::OnceCell;

pub use lanes::Showed;
pub use server::{Beside, Room, Server, Turn};

use crate::clock::Stamp;

/// What is kept between looks.
#[derive(Default)]
pub struct Asking {
    servers: Mutex<BTreeMap<IpAddr, Arc<Server>>>,
    answers: Mutex<Answers>,
}

#[derive(Default)]
struct Answers {
    /// Counts the beginnings of looks and of questions.
    last: u64,
    /// When each question was asked last, and what came back.
    of: BTreeMap<String, (u64, Arc<OnceCell<Json>>)>,
}

/// When a look began, among the questions that are asked.
#[derive(Clone, Copy, Debug)]
pub struct Since(u64);

impl Answers {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

impl Asking {
    /// A look begins.
    pub fn since(&self) -> Since {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        Since(answers.next())
    }

    /// What comes back to a question: to that of another look, where it was asked since this one began.
    pub async fn once(
        &self,
        question: &str,
        since: Since,
        ask: impl Future<Output = Json>,
    ) -> Json {
        // The other checks of a batch begin first, so that what one of them asks serves all.
        tokio::task::yield_now().await;
        let cell = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            match answers.of.get(question) {
                Some((asked, cell)) if *asked > since.0 => Arc::clone(cell),
                _ => {
                    let cell = Arc::default();
                    let asked = (answers.next(), Arc::clone(&cell));
                    answers.of.insert(question.to_owned(), asked);
                    cell
                }
            }
        };
        // Where whoever asks is cut off, the next one that waits asks.
        cell.get_or_init(|| ask).await.clone()
    }

    /// What is known of the server at an address, at this time.
    pub fn server(&self, at: IpAddr, now: &Stamp) -> Arc<Server> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let server = servers.entry(at).or_default();
        if server.is_forgotten(now) {
            *server = Arc::default();
        }
        Arc::clone(server)
    }
}

#[cfg(test)]
mod tests;
