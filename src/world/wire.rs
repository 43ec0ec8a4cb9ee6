//! DNS messages over TCP, to one name server.
//!
//! The bytes are somebody else's business; this module connects, frames, bounds and times. A message that
//! changes something needs a permit.
#![expect(
    clippy::disallowed_methods,
    reason = "this module opens the connections for signed DNS messages"
)]

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::event::{Cause, Unseen};
use crate::journal::Permit;
use crate::words::count;
use crate::world::patience;
use crate::world::route::lacking;

/// A connection to a name server, with one deadline for everything that is done with it.
#[derive(Debug)]
pub struct Wire {
    stream: BufReader<TcpStream>,
    at: SocketAddr,
    deadline: Instant,
}

impl Wire {
    pub async fn connect(at: SocketAddr, timeout: Duration) -> Result<Wire, Unseen> {
        let timeout = patience::at_most(timeout);
        let deadline = Instant::now() + timeout;
        match timeout_at(deadline, TcpStream::connect(at)).await {
            Ok(Ok(stream)) => {
                // What is asked goes at once, and does not wait for more; where that is not to be had, it waits.
                let _ = stream.set_nodelay(true);
                Ok(Wire {
                    stream: BufReader::new(stream),
                    at,
                    deadline,
                })
            }
            Ok(Err(error)) => Err(lacking(at).unwrap_or_else(|| {
                let detail =
                    format!("failed to connect to the name server `{at}` over TCP: {error}");
                Unseen::new(cause_of(&error), detail)
            })),
            Err(_) => Err(Unseen::new(
                Cause::Unreachable,
                format!("the name server `{at}` did not take a TCP connection within {timeout:?}"),
            )),
        }
    }

    /// Sends a question. A message of another kind is refused here: it would need a permit.
    pub async fn ask(&mut self, message: &[u8]) -> Result<(), Unseen> {
        if !is_question(message) {
            return Err(Unseen::new(
                Cause::Error,
                "a message that is no question was not sent without a permit",
            ));
        }
        self.send(message).await
    }

    /// Sends a message that changes something.
    pub async fn update(&mut self, _permit: &Permit<'_>, message: &[u8]) -> Result<(), Unseen> {
        self.send(message).await
    }

    /// Sends several questions at once.
    async fn ask_several(&mut self, questions: &[&[u8]]) -> Result<(), Unseen> {
        let mut framed = Vec::new();
        for question in questions {
            if !is_question(question) {
                return self.ask(question).await;
            }
            framed.extend_from_slice(&u16::try_from(question.len()).unwrap_or(0).to_be_bytes());
            framed.extend_from_slice(question);
        }
        match timeout_at(self.deadline, self.stream.write_all(&framed)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.lost(&error)),
            Err(_) => Err(self.silent()),
        }
    }

    async fn send(&mut self, message: &[u8]) -> Result<(), Unseen> {
        let Ok(length) = u16::try_from(message.len()) else {
            return Err(Unseen::new(
                Cause::Error,
                format!(
                    "a message of {} is too long for DNS",
                    count(message.len(), "byte")
                ),
            ));
        };
        let mut framed = Vec::with_capacity(message.len() + 2);
        framed.extend_from_slice(&length.to_be_bytes());
        framed.extend_from_slice(message);
        match timeout_at(self.deadline, self.stream.write_all(&framed)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.lost(&error)),
            Err(_) => Err(self.silent()),
        }
    }

    /// Receives the next message.
    pub async fn receive(&mut self) -> Result<Vec<u8>, Unseen> {
        if self.stream.buffer().is_empty() {
            // Each answer is a segment of its own, and many a server sends the next one only when this machine has
            // acknowledged the last, which it would put off for 40 ms where it has nothing to say. That holds until
            // the next one; where it is not to be had, it waits.
            let _ = self.stream.get_ref().set_quickack(true);
        }
        let mut length = [0; 2];
        self.fill(&mut length).await?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        self.fill(&mut message).await?;
        Ok(message)
    }

    async fn fill(&mut self, into: &mut [u8]) -> Result<(), Unseen> {
        match timeout_at(self.deadline, self.stream.read_exact(into)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.lost(&error)),
            Err(_) => Err(self.silent()),
        }
    }

    fn lost(&self, error: &io::Error) -> Unseen {
        Unseen::new(
            Cause::Garbled,
            format!(
                "the connection to the name server `{}` was lost: {error}",
                self.at
            ),
        )
    }

    fn silent(&self) -> Unseen {
        Unseen::new(
            Cause::Frozen,
            format!(
                "the name server `{}` took the connection and did not answer in time",
                self.at
            ),
        )
    }
}

/// So many connections at once to one server.
const CONNECTIONS: usize = 4;

/// So many questions in flight on each. What is sent of them fits into the buffers of a socket, so that nobody
/// waits for the other to read.
const IN_FLIGHT: usize = 64;

/// Puts questions to one server, many in flight together over few connections (RFC 7766, 6.2.1), and gives the
/// answers in the order of the questions, which need ids of their own. A server that closes a connection after
/// some answers is asked the rest on another. `patience` is for each connection, and for each answer.
pub async fn ask_all(
    at: SocketAddr,
    questions: &[Vec<u8>],
    patience: Duration,
) -> Result<Vec<Vec<u8>>, Unseen> {
    let patience = patience::at_most(patience);
    let share = questions.len().div_ceil(CONNECTIONS).max(IN_FLIGHT);
    let shares = questions
        .chunks(share)
        .map(|share| ask_share(at, share, patience));
    let answers = futures::future::try_join_all(shares).await?;
    Ok(answers.into_iter().flatten().collect())
}

async fn ask_share(
    at: SocketAddr,
    questions: &[Vec<u8>],
    patience: Duration,
) -> Result<Vec<Vec<u8>>, Unseen> {
    let mut answers: Vec<Option<Vec<u8>>> = vec![None; questions.len()];
    let mut together = IN_FLIGHT;
    loop {
        let open = (0..questions.len()).filter(|i| answers[*i].is_none());
        let open: VecDeque<usize> = open.collect();
        if open.is_empty() {
            return Ok(answers.into_iter().flatten().collect());
        }
        let before = open.len();
        let mut wire = Wire::connect(at, patience).await?;
        let over = wire
            .ask_rest(questions, open, together, patience, &mut answers)
            .await;
        let answered = before - answers.iter().filter(|answer| answer.is_none()).count();
        match over {
            // It takes fewer at a time.
            Err(lost) if answered > 0 && lost.cause == Cause::Garbled => {
                together = answered.min(together);
            }
            over => over?,
        }
    }
}

impl Wire {
    /// Asks what is `open`, so many `together`: as soon as half of them are answered, more are asked, so that neither
    /// side waits for the other.
    async fn ask_rest(
        &mut self,
        questions: &[Vec<u8>],
        mut open: VecDeque<usize>,
        together: usize,
        patience: Duration,
        answers: &mut [Option<Vec<u8>>],
    ) -> Result<(), Unseen> {
        let id = |message: &[u8]| message.get(..2).map(<[u8]>::to_vec);
        let mut waiting: HashMap<Option<Vec<u8>>, usize> = HashMap::new();
        loop {
            self.deadline = Instant::now() + patience;
            if waiting.len() <= together / 2 && !open.is_empty() {
                let room = (together - waiting.len()).min(open.len());
                let next: Vec<usize> = open.drain(..room).collect();
                let asked: Vec<&[u8]> = next.iter().map(|i| questions[*i].as_slice()).collect();
                self.ask_several(&asked).await?;
                waiting.extend(next.iter().map(|i| (id(&questions[*i]), *i)));
            }
            if waiting.is_empty() {
                return Ok(());
            }
            let answer = self.receive().await?;
            let Some(question) = waiting.remove(&id(&answer)) else {
                return Err(Unseen::new(
                    Cause::Garbled,
                    format!("the name server `{}` answered what was not asked", self.at),
                ));
            };
            answers[question] = Some(answer);
        }
    }
}

/// Whether the header's operation code is QUERY.
fn is_question(message: &[u8]) -> bool {
    message.get(2).is_some_and(|flags| flags & 0x78 == 0)
}

/// What an error of a socket says about the far side.
pub(super) fn cause_of(error: &io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Cause::Refused,
        io::ErrorKind::TimedOut
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable => Cause::Unreachable,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::InvalidData => Cause::Garbled,
        _ => Cause::Error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpSocket};

    #[test]
    fn only_a_question_goes_without_a_permit() {
        let mut message = vec![0; 12];
        assert!(is_question(&message));
        message[2] = 5 << 3;
        assert!(!is_question(&message));
        assert!(!is_question(&[]));
    }

    #[tokio::test]
    async fn a_silent_server_is_frozen_and_a_closed_port_refused() {
        let sockets = [
            (TcpSocket::new_v4().unwrap(), "127.0.0.1:0"),
            (TcpSocket::new_v6().unwrap(), "[::1]:0"),
        ];
        for (closed, host) in sockets {
            let listener = TcpListener::bind(host).await.unwrap();
            let at = listener.local_addr().unwrap();
            let mut wire = Wire::connect(at, Duration::from_secs(2)).await.unwrap();
            wire.ask(&[0; 12]).await.unwrap();
            assert_eq!(wire.receive().await.unwrap_err().cause, Cause::Frozen);
            // Nobody listens at this socket, and nobody else can take its port.
            closed.bind(host.parse().unwrap()).unwrap();
            let at = closed.local_addr().unwrap();
            let patience = Duration::from_secs(60);
            let error = Wire::connect(at, patience).await.unwrap_err();
            assert_eq!(error.cause, Cause::Refused, "{error:?}");
        }
    }

    /// Some servers answer a few questions on a connection, in any order, and close it.
    #[tokio::test]
    async fn many_questions_are_answered_over_few_connections() {
        for most in [1, 7, usize::MAX] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let at = listener.local_addr().unwrap();
            let server = tokio::spawn(async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    tokio::spawn(async move {
                        let (read, mut write) = stream.into_split();
                        let mut read = BufReader::new(read);
                        let mut answers = Vec::new();
                        let mut answered = 0;
                        while answered < most {
                            let Ok(length) = read.read_u16().await else {
                                return;
                            };
                            let mut message = vec![0; length.into()];
                            read.read_exact(&mut message).await.unwrap();
                            answered += 1;
                            answers.insert(0, [&length.to_be_bytes()[..], &message].concat());
                            if read.buffer().is_empty() || answered == most {
                                write.write_all(&answers.concat()).await.unwrap();
                                answers.clear();
                            }
                        }
                    });
                }
            });
            let questions: Vec<Vec<u8>> = (0..500_u16)
                .map(|n| [&n.to_be_bytes()[..], &[0; 10]].concat())
                .collect();
            let answers = ask_all(at, &questions, Duration::from_secs(20)).await;
            assert_eq!(answers.unwrap(), questions, "{most}");
            server.abort();
        }
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_garbled() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let mut wire = Wire::connect(at, Duration::from_secs(60)).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&[0, 40, 1, 2, 3]).await.unwrap();
        drop(stream);
        assert_eq!(wire.receive().await.unwrap_err().cause, Cause::Garbled);
    }
}
