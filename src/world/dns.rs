//! Typed questions to DNS servers: one question to one address, over UDP and, where it is cut short, TCP.
//!
//! Each question has a random id and a source port of its own, so that two of them are two samples of a
//! load-balanced server. Nothing is cached.
#![expect(
    clippy::disallowed_methods,
    reason = "this module is where name servers are asked"
)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
pub use hickory_resolver::proto::rr::RecordType;
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

use crate::event::{Cause, Unseen};

/// What we say fits into one UDP answer: small enough to pass every network unbroken.
const PAYLOAD: u16 = 1232;

/// How often a question is put over UDP before the time is up.
const TRIES: u32 = 3;

/// How many CNAME links of one answer are followed.
const LINKS: usize = 16;

/// What a server answered to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DnsSeen {
    /// `NOERROR`, `NXDOMAIN`, `SERVFAIL`, …
    pub rcode: String,
    /// The server answers for the zone itself.
    pub authoritative: bool,
    /// The answer came over TCP.
    pub over_tcp: bool,
    /// The data of the type that was asked for, at the end of the chain of aliases; sorted.
    pub records: Vec<String>,
    /// The highest TTL among them.
    pub ttl: Option<u32>,
    /// Their TTLs differ.
    pub uneven: bool,
    /// Where the aliases lead, one after the other: lower case, with the last dot.
    pub cname_chain: Vec<String>,
    /// The SOA that came along, in the answer or beside a negative one.
    pub soa: Option<SoaSeen>,
}

impl DnsSeen {
    /// The addresses among the records.
    pub fn addresses(&self) -> Vec<IpAddr> {
        (self.records.iter())
            .filter_map(|text| text.parse().ok())
            .collect()
    }

    /// It says that there is data, or that there is none; not that it cannot tell.
    pub fn is_telling(&self) -> bool {
        self.rcode == "NOERROR" || self.rcode == "NXDOMAIN"
    }
}

/// What matters of a start of authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoaSeen {
    pub serial: u32,
    pub minimum: u32,
    pub ttl: u32,
}

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
    let query = question(name, rtype, rd)?;
    let message = over_tcp(server, &query, Instant::now() + timeout).await?;
    Ok(digest(&message, rtype, true))
}

/// The whole answer, and whether it came over TCP.
pub(super) async fn exchange(
    server: SocketAddr,
    name: &str,
    rtype: RecordType,
    rd: bool,
    timeout: Duration,
) -> Result<(Message, bool), Unseen> {
    let query = question(name, rtype, rd)?;
    let deadline = Instant::now() + timeout;
    let message = over_udp(server, &query, timeout, deadline).await?;
    if message.metadata.truncation {
        Ok((over_tcp(server, &query, deadline).await?, true))
    } else {
        Ok((message, false))
    }
}

fn question(name: &str, rtype: RecordType, rd: bool) -> Result<Message, Unseen> {
    let mut fqdn = Name::from_ascii(name)
        .map_err(|_| Unseen::new(Cause::NoName, format!("`{name}` is no domain name")))?;
    fqdn.set_fqdn(true);
    let mut query = Message::query();
    query.metadata.recursion_desired = rd;
    query.add_query(Query::query(fqdn, rtype));
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD);
    query.set_edns(edns);
    Ok(query)
}

async fn over_udp(
    server: SocketAddr,
    query: &Message,
    timeout: Duration,
    deadline: Instant,
) -> Result<Message, Unseen> {
    let bytes = encode(query)?;
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let failed = |error: std::io::Error| lost(server, "udp", &error);
    let socket = UdpSocket::bind((any, 0)).await.map_err(failed)?;
    socket.connect(server).await.map_err(failed)?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    for _ in 0..TRIES {
        socket.send(&bytes).await.map_err(failed)?;
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

/// What matters of an answer.
fn digest(message: &Message, rtype: RecordType, over_tcp: bool) -> DnsSeen {
    let mut seen = nothing(message, over_tcp);
    let Some(query) = message.queries.first() else {
        return seen;
    };
    let mut owner = query.name.clone();
    if rtype != RecordType::CNAME {
        for _ in 0..LINKS {
            let link = of_owner(message, &owner).find_map(|record| match &record.data {
                RData::CNAME(to) => Some(to.0.clone()),
                _ => None,
            });
            match link {
                Some(to) => {
                    seen.cname_chain.push(host_text(&to));
                    owner = to;
                }
                None => break,
            }
        }
    }
    let mut lowest = None;
    for record in of_owner(message, &owner) {
        if record.record_type() != rtype {
            continue;
        }
        seen.records.push(text(&record.data));
        seen.ttl = seen.ttl.max(Some(record.ttl));
        lowest = Some(lowest.map_or(record.ttl, |low: u32| low.min(record.ttl)));
    }
    seen.uneven = lowest != seen.ttl;
    seen.records.sort();
    seen.records.dedup();
    seen
}

/// What an answer says besides its records.
fn nothing(message: &Message, over_tcp: bool) -> DnsSeen {
    let soa = (message.answers.iter().chain(&message.authorities)).find_map(|record| match &record
        .data
    {
        RData::SOA(soa) => Some(SoaSeen {
            serial: soa.serial,
            minimum: soa.minimum,
            ttl: record.ttl,
        }),
        _ => None,
    });
    DnsSeen {
        rcode: rcode(message.metadata.response_code),
        authoritative: message.metadata.authoritative,
        over_tcp,
        records: Vec::new(),
        ttl: None,
        uneven: false,
        cname_chain: Vec::new(),
        soa,
    }
}

fn of_owner<'a>(message: &'a Message, owner: &'a Name) -> impl Iterator<Item = &'a Record> {
    (message.answers.iter())
        .filter(move |record| record.name == *owner && record.dns_class == DNSClass::IN)
}

fn text(data: &RData) -> String {
    match data {
        RData::CNAME(name) => host_text(&name.0),
        RData::NS(name) => host_text(&name.0),
        other => match other.ip_addr() {
            Some(ip) => ip.to_string(),
            None => other.to_string(),
        },
    }
}

/// Lower case, with the last dot.
pub(super) fn host_text(name: &Name) -> String {
    let text = name.to_lowercase().to_ascii();
    if text.ends_with('.') {
        text
    } else {
        format!("{text}.")
    }
}

fn rcode(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".into(),
        ResponseCode::FormErr => "FORMERR".into(),
        ResponseCode::ServFail => "SERVFAIL".into(),
        ResponseCode::NXDomain => "NXDOMAIN".into(),
        ResponseCode::NotImp => "NOTIMP".into(),
        ResponseCode::Refused => "REFUSED".into(),
        ResponseCode::NotAuth => "NOTAUTH".into(),
        other => format!("RCODE{}", u16::from(other)),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, NS, SOA};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    /// Long enough for a busy machine; nothing waits for it unless the test fails.
    pub(crate) const LONG: Duration = Duration::from_secs(20);

    /// A name server that answers by a function of the question and the transport.
    pub(crate) struct Scripted {
        pub(crate) at: SocketAddr,
        tasks: [JoinHandle<()>; 2],
    }

    impl Drop for Scripted {
        fn drop(&mut self) {
            for task in &self.tasks {
                task.abort();
            }
        }
    }

    /// Which bytes to send back; several are several datagrams.
    type Script = dyn Fn(&Message, bool) -> Vec<Vec<u8>> + Send + Sync;

    impl Scripted {
        pub(crate) async fn start(
            at: SocketAddr,
            script: impl Fn(&Message, bool) -> Vec<Vec<u8>> + Send + Sync + 'static,
        ) -> Scripted {
            let script: Arc<Script> = Arc::new(script);
            let mut tries = 0;
            let (udp, tcp) = loop {
                let tcp = TcpListener::bind(at).await.unwrap();
                match UdpSocket::bind(tcp.local_addr().unwrap()).await {
                    Ok(udp) => break (udp, tcp),
                    Err(error) => assert!(tries < 20, "{error}"),
                }
                tries += 1;
            };
            let at = tcp.local_addr().unwrap();
            let for_udp = script.clone();
            let one = tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
                    let query = Message::from_vec(&buffer[..length]).unwrap();
                    for bytes in for_udp(&query, false) {
                        udp.send_to(&bytes, from).await.unwrap();
                    }
                }
            });
            let other = tokio::spawn(async move {
                let mut open = Vec::new();
                while let Ok((mut stream, _)) = tcp.accept().await {
                    let length = stream.read_u16().await.unwrap();
                    let mut buffer = vec![0; length.into()];
                    stream.read_exact(&mut buffer).await.unwrap();
                    let query = Message::from_vec(&buffer).unwrap();
                    for bytes in script(&query, true) {
                        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
                        stream.write_all(&length).await.unwrap();
                        stream.write_all(&bytes).await.unwrap();
                    }
                    open.push(stream);
                }
            });
            Scripted {
                at,
                tasks: [one, other],
            }
        }
    }

    pub(crate) fn anywhere() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    pub(crate) fn name(text: &str) -> Name {
        let mut name = Name::from_ascii(text).unwrap();
        name.set_fqdn(true);
        name
    }

    pub(crate) fn reply(query: &Message) -> Message {
        let mut reply = Message::response(query.metadata.id, OpCode::Query);
        reply.add_queries(query.queries.clone());
        reply.metadata.authoritative = true;
        reply
    }

    pub(crate) fn a(owner: &str, ttl: u32, ip: &str) -> Record {
        let data = match ip.parse().unwrap() {
            IpAddr::V4(ip) => RData::A(A(ip)),
            IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
        };
        Record::from_rdata(name(owner), ttl, data)
    }

    pub(crate) fn ns(owner: &str, to: &str) -> Record {
        Record::from_rdata(name(owner), 300, RData::NS(NS(name(to))))
    }

    fn bytes(message: &Message) -> Vec<Vec<u8>> {
        vec![message.to_vec().unwrap()]
    }

    #[tokio::test]
    async fn an_answer_is_read_with_chain_ttl_and_authority() {
        let server = Scripted::start(anywhere(), |query, _| {
            assert!(!query.metadata.recursion_desired);
            assert_eq!(query.max_payload(), PAYLOAD);
            let mut reply = reply(query);
            let to = RData::CNAME(CNAME(name("Web.example.org")));
            reply.add_answer(Record::from_rdata(name("www.example.org"), 900, to));
            reply.add_answer(a("web.example.org", 60, "2001:db8::2"));
            reply.add_answer(a("WEB.example.org", 30, "2001:db8::1"));
            reply.add_answer(a("other.example.org", 5, "2001:db8::9"));
            bytes(&reply)
        })
        .await;
        let seen = ask(server.at, "www.example.org", RecordType::AAAA, false, LONG)
            .await
            .unwrap();
        assert_eq!(seen.rcode, "NOERROR");
        assert!(seen.authoritative && !seen.over_tcp && seen.uneven && seen.is_telling());
        assert_eq!(seen.records, ["2001:db8::1", "2001:db8::2"]);
        assert_eq!(seen.ttl, Some(60));
        assert_eq!(seen.cname_chain, ["web.example.org."]);
    }

    #[tokio::test]
    async fn a_truncated_answer_is_asked_for_over_tcp() {
        let server = Scripted::start(anywhere(), |query, tcp| {
            let mut reply = reply(query);
            reply.metadata.truncation = !tcp;
            if tcp {
                reply.add_answer(a("www.example.org", 60, "192.0.2.1"));
            }
            bytes(&reply)
        })
        .await;
        let seen = ask(server.at, "www.example.org.", RecordType::A, false, LONG)
            .await
            .unwrap();
        assert!(seen.over_tcp);
        assert_eq!(seen.records, ["192.0.2.1"]);
        let seen = ask_over_tcp(server.at, "www.example.org", RecordType::A, false, LONG)
            .await
            .unwrap();
        assert_eq!(seen.records, ["192.0.2.1"]);
    }

    #[tokio::test]
    async fn a_negative_answer_carries_its_soa() {
        let server = Scripted::start(anywhere(), |query, _| {
            let mut reply = reply(query);
            reply.metadata.response_code = ResponseCode::NXDomain;
            let soa = SOA::new(name("ns"), name("root"), 7, 1, 1, 1, 60);
            reply.add_authority(Record::from_rdata(
                name("example.org"),
                300,
                RData::SOA(soa),
            ));
            bytes(&reply)
        })
        .await;
        let seen = ask(server.at, "gone.example.org", RecordType::A, true, LONG)
            .await
            .unwrap();
        assert_eq!((seen.rcode.as_str(), seen.ttl), ("NXDOMAIN", None));
        let soa = seen.soa.unwrap();
        assert_eq!((soa.serial, soa.minimum, soa.ttl), (7, 60, 300));
    }

    #[tokio::test]
    async fn forged_answers_are_passed_over() {
        let server = Scripted::start(anywhere(), |query, _| {
            let mut wrong_id = reply(query);
            wrong_id.metadata.id = query.metadata.id.wrapping_add(1);
            wrong_id.add_answer(a("www.example.org", 60, "203.0.113.66"));
            let mut other_question = reply(query);
            other_question.queries = vec![Query::query(name("evil.example"), RecordType::A)];
            let mut right = reply(query);
            right.add_answer(a("www.example.org", 60, "192.0.2.1"));
            [wrong_id, other_question, right]
                .iter()
                .flat_map(bytes)
                .collect()
        })
        .await;
        let seen = ask(server.at, "www.example.org", RecordType::A, false, LONG)
            .await
            .unwrap();
        assert_eq!(seen.records, ["192.0.2.1"]);
    }

    #[tokio::test]
    async fn a_lost_question_is_put_again() {
        let asked = AtomicUsize::new(0);
        let server = Scripted::start(anywhere(), move |query, _| {
            if asked.fetch_add(1, Ordering::Relaxed) == 0 {
                return Vec::new();
            }
            bytes(&reply(query))
        })
        .await;
        let patience = Duration::from_secs(6);
        let seen = ask(server.at, "www.example.org", RecordType::A, false, patience).await;
        assert_eq!(seen.unwrap().records, [""; 0]);
    }

    #[tokio::test]
    async fn what_cannot_be_told_has_its_cause() {
        let ms = Duration::from_millis(300);
        let silent = Scripted::start(anywhere(), |_, _| Vec::new()).await;
        let garbled = Scripted::start(anywhere(), |query, _| {
            let mut bytes = reply(query).to_vec().unwrap();
            bytes[5] = 9;
            vec![bytes]
        })
        .await;
        let closed = {
            let socket = UdpSocket::bind(anywhere()).await.unwrap();
            socket.local_addr().unwrap()
        };
        let cause = |seen: Result<DnsSeen, Unseen>| seen.unwrap_err().cause;
        let udp = |at, time| ask(at, "www.example.org", RecordType::A, false, time);
        let tcp = |at, time| ask_over_tcp(at, "www.example.org", RecordType::A, false, time);
        assert_eq!(cause(udp(silent.at, ms).await), Cause::TimedOut);
        assert_eq!(cause(tcp(silent.at, ms).await), Cause::Frozen);
        assert_eq!(cause(udp(garbled.at, LONG).await), Cause::Garbled);
        assert_eq!(cause(udp(closed, LONG).await), Cause::Refused);
        assert_eq!(cause(tcp(closed, LONG).await), Cause::Refused);
        let long = "x".repeat(64);
        let bad = ask(silent.at, &long, RecordType::A, false, LONG).await;
        assert_eq!(cause(bad), Cause::NoName);
    }

    #[tokio::test]
    async fn ipv6_servers_are_asked_like_others() {
        let at = "[::1]:0".parse().unwrap();
        let server = Scripted::start(at, |query, _| {
            let mut reply = reply(query);
            reply.add_answer(a("www.example.org", 60, "192.0.2.1"));
            bytes(&reply)
        })
        .await;
        let seen = ask(server.at, "www.example.org", RecordType::A, false, LONG).await;
        assert_eq!(seen.unwrap().records, ["192.0.2.1"]);
    }
}
