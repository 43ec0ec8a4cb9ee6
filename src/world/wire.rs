//! DNS messages over TCP, to one name server.
//!
//! The bytes are somebody else's business; this module connects, frames, bounds and times. A message that
//! changes something needs a permit.
#![expect(
    clippy::disallowed_methods,
    reason = "this module opens the connections for signed DNS messages"
)]

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::event::{Cause, Unseen};
use crate::journal::Permit;

/// A connection to a name server, with one deadline for everything that is done with it.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    at: SocketAddr,
    deadline: Instant,
}

impl Wire {
    pub async fn connect(at: SocketAddr, timeout: Duration) -> Result<Wire, Unseen> {
        let deadline = Instant::now() + timeout;
        match timeout_at(deadline, TcpStream::connect(at)).await {
            Ok(Ok(stream)) => Ok(Wire {
                stream,
                at,
                deadline,
            }),
            Ok(Err(error)) => Err(Unseen::new(
                cause_of(&error),
                format!("failed to connect to the name server `{at}` over TCP: {error}"),
            )),
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

    async fn send(&mut self, message: &[u8]) -> Result<(), Unseen> {
        let Ok(length) = u16::try_from(message.len()) else {
            return Err(Unseen::new(
                Cause::Error,
                format!("a message of {} bytes is too long for DNS", message.len()),
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
