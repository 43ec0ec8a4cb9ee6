//! Typed questions to DNS servers: one question to one address, over UDP and, where it is cut short, TCP.
//!
//! Each question has a random id and a source port of its own, so that two of them are two samples of a
//! load-balanced server. Nothing is cached.
#![expect(
    clippy::disallowed_methods,
    reason = "this module is where name servers are asked"
)]

pub(crate) mod name;
mod seen;
pub mod signed;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::Name;
pub use hickory_resolver::proto::rr::RecordType;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

use self::seen::digest;
pub(super) use self::seen::host_text;
pub use self::seen::{DnsSeen, SoaSeen, plain_ttl};
use crate::event::{Cause, Unseen};
use crate::world::route::lacking;

/// What we say fits into one UDP answer: small enough to pass every network unbroken.
const PAYLOAD: u16 = 1232;

/// How often a question is put over UDP before the time is up.
const TRIES: u32 = 3;

/// Asks over UDP, and again over TCP where the answer is cut short.
pub async fn ask(
    server: SocketAddr,
    name: &str,
    rtype: RecordType,
    rd: bool,
    timeout: Duration,
) -> Result<DnsSeen, Unseen> {
    let (message, over_tcp) = exchange(server, name, rtype, rd, timeout).await?;
    Ok(digest(&message, rtype, over_tcp))
}

/// Asks over TCP alone.
pub async fn ask_over_tcp(
    server: SocketAddr,
    name: &str,
    rtype: RecordType,
    rd: bool,
    timeout: Duration,
) -> Result<DnsSeen, Unseen> {
    let mut query = question(name, rtype, rd)?;
    let now = Instant::now();
    let deadline = now + timeout;
    let first = over_tcp(server, &query, now + timeout / 2).await;
    let again = match &first {
        Ok(message) => knows_no_edns(message),
        // Some that know no EDNS say nothing to it.
        Err(unseen) => unseen.cause == Cause::Frozen,
    };
    query.edns = query.edns.filter(|_| !again);
    let message = match again {
        true => over_tcp(server, &query, deadline).await,
        false => first,
    };
    Ok(digest(&message?, rtype, true))
}

/// The whole answer, and whether it came over TCP.
pub(super) async fn exchange(
    server: SocketAddr,
    name: &str,
    rtype: RecordType,
    rd: bool,
    timeout: Duration,
) -> Result<(Message, bool), Unseen> {
    let mut query = question(name, rtype, rd)?;
    let deadline = Instant::now() + timeout;
    let mut message = over_udp(server, &mut query, timeout, deadline).await?;
    if query.edns.is_some() && knows_no_edns(&message) {
        query.edns = None;
        message = over_udp(server, &mut query, timeout, deadline).await?;
    }
    if message.metadata.truncation {
        Ok((over_tcp(server, &query, deadline).await?, true))
    } else {
        Ok((message, false))
    }
}

/// Whether a server refuses a question for its EDNS: it is to be asked again without (RFC 6891, 7).
fn knows_no_edns(answer: &Message) -> bool {
    // FORMERR, NOTIMP, BADVERS.
    matches!(u16::from(answer.metadata.response_code), 1 | 4 | 16)
}

fn question(name: &str, rtype: RecordType, rd: bool) -> Result<Message, Unseen> {
    let no_name = || Unseen::new(Cause::NoName, format!("`{name}` is no domain name"));
    let labels = name::labels(name).map_err(|_| no_name())?;
    let mut fqdn = Name::from_labels(labels).map_err(|_| no_name())?;
    fqdn.set_fqdn(true);
    let mut query = Message::query();
    query.metadata.recursion_desired = rd;
    query.add_query(Query::query(fqdn, rtype));
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD);
    query.set_edns(edns);
    Ok(query)
}

/// The last try is one without EDNS: some servers, and things in between, say nothing to a question that has it.
async fn over_udp(
    server: SocketAddr,
    query: &mut Message,
    timeout: Duration,
    deadline: Instant,
) -> Result<Message, Unseen> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let failed = |error: std::io::Error| lost(server, "udp", &error);
    let socket = UdpSocket::bind((any, 0)).await.map_err(failed)?;
    socket.connect(server).await.map_err(failed)?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    for left in (0..TRIES).rev() {
        if left == 0 {
            query.edns = None;
        }
        socket.send(&encode(query)?).await.map_err(failed)?;
        let until = deadline.min(Instant::now() + timeout / TRIES);
        while let Ok(received) = timeout_at(until, socket.recv(&mut buffer)).await {
            let length = received.map_err(failed)?;
            if let Some(message) = answer_to(query, &buffer[..length], server)? {
                return Ok(message);
            }
        }
    }
    Err(Unseen::new(
        Cause::TimedOut,
        format!("`{server}` did not answer over udp within {timeout:?}"),
    ))
}

async fn over_tcp(
    server: SocketAddr,
    query: &Message,
    deadline: Instant,
) -> Result<Message, Unseen> {
    let bytes = encode(query)?;
    let failed = |error: std::io::Error| lost(server, "tcp", &error);
    let silent = |cause, what| {
        move |_| Unseen::new(cause, format!("`{server}` {what} over tcp within the time"))
    };
    let mut stream = timeout_at(deadline, TcpStream::connect(server))
        .await
        .map_err(silent(Cause::Unreachable, "took no connection"))?
        .map_err(failed)?;
    let talk = async {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        let framed = [&length.to_be_bytes()[..], &bytes].concat();
        stream.write_all(&framed).await?;
        let length = stream.read_u16().await?;
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    let answer = timeout_at(deadline, talk)
        .await
        .map_err(silent(Cause::Frozen, "took the question and said nothing"))?
        .map_err(failed)?;
    answer_to(query, &answer, server)?.ok_or_else(|| {
        let detail = format!("`{server}` answered another question over tcp");
        Unseen::new(Cause::Garbled, detail)
    })
}

fn encode(query: &Message) -> Result<Vec<u8>, Unseen> {
    (query.to_vec()).map_err(|error| Unseen::new(Cause::NoName, error.to_string()))
}

/// The message, where it is the answer to `query`; `None` where it belongs to something else.
fn answer_to(query: &Message, bytes: &[u8], server: SocketAddr) -> Result<Option<Message>, Unseen> {
    let id = query.metadata.id.to_be_bytes();
    if bytes.len() < 12 || bytes[..2] != id {
        return Ok(None);
    }
    let message = Message::from_vec(bytes).map_err(|error| {
        let detail = format!("the answer of `{server}` cannot be read: {error}");
        Unseen::new(Cause::Garbled, detail)
    })?;
    let is_answer = message.metadata.message_type == MessageType::Response
        && message.metadata.op_code == OpCode::Query;
    let failed = message.metadata.response_code != ResponseCode::NoError;
    let is_ours = message.queries == query.queries || (failed && message.queries.is_empty());
    Ok((is_answer && is_ours).then_some(message))
}

/// Why a connection came to nothing.
fn lost(server: SocketAddr, over: &str, error: &std::io::Error) -> Unseen {
    use std::io::ErrorKind as Kind;
    if let Some(unseen) = lacking(server) {
        return unseen;
    }
    let cause = match error.kind() {
        Kind::ConnectionRefused => Cause::Refused,
        Kind::NetworkUnreachable | Kind::HostUnreachable | Kind::AddrNotAvailable => {
            Cause::Unreachable
        }
        Kind::UnexpectedEof | Kind::ConnectionReset | Kind::BrokenPipe => Cause::Garbled,
        Kind::TimedOut => Cause::TimedOut,
        _ => Cause::Error,
    };
    Unseen::new(cause, format!("cannot ask `{server}` over {over}: {error}"))
}

#[cfg(test)]
pub(crate) mod tests;
