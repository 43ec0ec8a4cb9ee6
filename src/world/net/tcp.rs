//! Plain TCP: connect, say something, wait for something.
#![expect(
    clippy::disallowed_methods,
    reason = "this module is where connections are opened"
)]

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::clock::short;
use crate::event::{Cause, Unseen};
use crate::world::route::lacking;

/// Connects, sends `send`, and reads until `expect` came, `limit` bytes came, the far side closes, or the
/// time is up; returns what came. Without `expect`, the connection itself is what is asked for: where
/// `limit` is 0 as well, nothing is read.
///
/// A far side that says nothing although something is expected is [`Cause::Frozen`].
pub async fn tcp(
    at: SocketAddr,
    send: &[u8],
    expect: Option<&[u8]>,
    limit: usize,
    timeout: Duration,
) -> Result<Vec<u8>, Unseen> {
    let deadline = Instant::now() + timeout;
    let mut stream = connect(at, deadline, timeout).await?;
    let mut came = Vec::new();
    let talk = async {
        stream.write_all(send).await?;
        let mut chunk = [0; 4096];
        while came.len() < limit && !expect.is_some_and(|text| contains(&came, text)) {
            let room = chunk.len().min(limit - came.len());
            match stream.read(&mut chunk[..room]).await? {
                0 => break,
                n => came.extend_from_slice(&chunk[..n]),
            }
        }
        Ok(())
    };
    match timeout_at(deadline, talk).await {
        Ok(Ok(())) => Ok(came),
        // What came before the connection broke still counts.
        Ok(Err(_)) if !came.is_empty() => Ok(came),
        Ok(Err(error)) => Err(broken(at, &error)),
        Err(_) if came.is_empty() && expect.is_some() => Err(frozen(at, timeout)),
        Err(_) => Ok(came),
    }
}

/// Whether these bytes are among those.
pub fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

/// Opens a connection, and tells the ways apart in which that fails.
pub(super) async fn connect(
    at: SocketAddr,
    deadline: Instant,
    timeout: Duration,
) -> Result<TcpStream, Unseen> {
    match timeout_at(deadline, TcpStream::connect(at)).await {
        Ok(Ok(stream)) => {
            // One small question at a time: waiting for more to send only delays it.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Ok(Err(error)) => Err(not_connected(at, &error)),
        Err(_) => Err(Unseen::new(
            Cause::Unreachable,
            format!(
                "`{at}` did not answer to a connection within {}",
                short(timeout)
            ),
        )),
    }
}

fn not_connected(at: SocketAddr, error: &Error) -> Unseen {
    match error.kind() {
        ErrorKind::ConnectionRefused => Unseen::new(
            Cause::Refused,
            format!("`{at}` refuses connections: nothing listens there"),
        ),
        ErrorKind::ConnectionReset => {
            Unseen::new(Cause::Refused, format!("`{at}` resets connections at once"))
        }
        _ => lacking(at).unwrap_or_else(|| {
            let detail = format!("`{at}` cannot be reached: {}", reason(error));
            Unseen::new(Cause::Unreachable, detail)
        }),
    }
}

pub(super) fn frozen(at: SocketAddr, timeout: Duration) -> Unseen {
    Unseen::new(
        Cause::Frozen,
        format!(
            "`{at}` accepts connections and said nothing within {}",
            short(timeout)
        ),
    )
}

pub(super) fn broken(at: SocketAddr, error: &Error) -> Unseen {
    Unseen::new(
        Cause::Garbled,
        format!("`{at}` broke the connection off: {}", reason(error)),
    )
}

/// The system's words, without its number.
pub(super) fn reason(error: &Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or("");
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    const SHORT: Duration = Duration::from_secs(2);
    const LONG: Duration = Duration::from_secs(60);

    /// A server that reads `wait_for` bytes, says `say`, and then keeps the connection open or not.
    async fn server(wait_for: usize, say: &'static [u8], keep: bool) -> SocketAddr {
        let listener = TcpListener::bind("[::1]:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut question = vec![0; wait_for];
                stream.read_exact(&mut question).await.unwrap();
                stream.write_all(say).await.unwrap();
                if keep {
                    tokio::time::sleep(LONG).await;
                }
            }
        });
        at
    }

    #[tokio::test]
    async fn what_is_expected_ends_the_wait() {
        let at = server(4, b"220 ready\r\n", true).await;
        let came = tcp(at, b"ping", Some(b"ready"), 1000, LONG).await.unwrap();
        assert_eq!(came, b"220 ready\r\n");
    }

    #[tokio::test]
    async fn something_else_is_returned_when_the_time_is_up_or_the_far_side_closes() {
        let at = server(0, b"sorry", true).await;
        assert_eq!(
            tcp(at, b"", Some(b"220"), 1000, SHORT).await.unwrap(),
            b"sorry"
        );
        let at = server(0, b"sorry", false).await;
        assert_eq!(
            tcp(at, b"", Some(b"220"), 1000, LONG).await.unwrap(),
            b"sorry"
        );
    }

    #[tokio::test]
    async fn no_more_than_the_limit_is_read() {
        let at = server(0, &[b'x'; 9000], true).await;
        assert_eq!(
            tcp(at, b"", Some(b"y"), 5000, LONG).await.unwrap().len(),
            5000
        );
    }

    #[tokio::test]
    async fn silence_is_frozen_and_a_closed_port_is_refused() {
        let at = server(1, b"", true).await;
        let unseen = tcp(at, b"", Some(b"220"), 1000, SHORT).await.unwrap_err();
        assert_eq!(unseen.cause, Cause::Frozen);
        // Nobody listens at this socket, and nobody else can take its port.
        let closed = tokio::net::TcpSocket::new_v4().unwrap();
        closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let at = closed.local_addr().unwrap();
        let unseen = tcp(at, b"", None, 0, LONG).await.unwrap_err();
        assert_eq!(unseen.cause, Cause::Refused);
        assert!(unseen.detail.contains(&at.to_string()), "{unseen:?}");
    }

    #[tokio::test]
    async fn the_connection_alone_can_be_what_is_asked_for() {
        let at = server(1, b"", true).await;
        assert_eq!(tcp(at, b"", None, 0, LONG).await.unwrap(), b"");
    }
}
