//! Questions to name servers that answer by a script.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, NS, SOA};
use hickory_resolver::proto::rr::{RData, Record};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

use super::*;

/// Long enough for a busy machine; nothing waits for it unless the test fails.
pub(crate) const LONG: Duration = Duration::from_secs(60);

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

/// A port at which nobody listens, and that nobody else can take.
pub(crate) struct Closed {
    pub(crate) at: SocketAddr,
    _tcp: TcpSocket,
    _udp: UdpSocket,
}

impl Closed {
    pub(crate) async fn port() -> Closed {
        let mut tries = 0;
        loop {
            let tcp = TcpSocket::new_v4().unwrap();
            tcp.bind(anywhere()).unwrap();
            let at = tcp.local_addr().unwrap();
            let udp = UdpSocket::bind(at).await;
            if let Ok(udp) = udp {
                // It takes what comes from there alone.
                udp.connect("127.0.0.1:1").await.unwrap();
                break Closed {
                    at,
                    _tcp: tcp,
                    _udp: udp,
                };
            }
            tries += 1;
            assert!(tries < 20, "{udp:?}");
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

pub(crate) fn cname(owner: &str, to: &str) -> Record {
    Record::from_rdata(name(owner), 60, RData::CNAME(CNAME(name(to))))
}

pub(crate) fn ns(owner: &str, to: &str) -> Record {
    Record::from_rdata(name(owner), 300, RData::NS(NS(name(to))))
}

fn bytes(message: &Message) -> Vec<Vec<u8>> {
    vec![message.to_vec().unwrap()]
}

/// RFC 6891, 7.
#[tokio::test]
async fn a_server_that_knows_no_edns_is_asked_again_without() {
    for code in [
        ResponseCode::FormErr,
        ResponseCode::NotImp,
        ResponseCode::BADVERS,
    ] {
        let server = Scripted::start(anywhere(), move |query, _| {
            let mut reply = reply(query);
            match query.edns {
                Some(_) => {
                    reply.metadata.response_code = code;
                    reply.set_edns(Edns::new());
                }
                None => {
                    reply.add_answer(a("example.org", 60, "192.0.2.1"));
                }
            }
            vec![reply.to_vec().unwrap()]
        })
        .await;
        for over_tcp in [false, true] {
            let seen = match over_tcp {
                false => ask(server.at, "example.org", RecordType::A, false, LONG).await,
                true => ask_over_tcp(server.at, "example.org", RecordType::A, false, LONG).await,
            };
            assert_eq!(seen.unwrap().records, ["192.0.2.1"], "{code} {over_tcp}");
        }
    }
}

/// Some servers, and firewalls before them, say nothing to what they do not know.
#[tokio::test]
async fn a_server_that_says_nothing_to_edns_is_asked_again_without() {
    let server = Scripted::start(anywhere(), |query, over_tcp| {
        let mut reply = reply(query);
        reply.add_answer(a("example.org", 60, "192.0.2.1"));
        // What is cut short over UDP is asked over TCP without EDNS, too.
        reply.metadata.truncation = !over_tcp;
        match query.edns {
            Some(_) => Vec::new(),
            None => bytes(&reply),
        }
    })
    .await;
    let time = Duration::from_secs(6);
    let seen = ask(server.at, "example.org", RecordType::A, false, time).await;
    assert_eq!(seen.unwrap().records, ["192.0.2.1"]);
    let seen = ask_over_tcp(server.at, "example.org", RecordType::A, false, time).await;
    assert_eq!(seen.unwrap().records, ["192.0.2.1"]);
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
    let patience = Duration::from_secs(15);
    let seen = ask(server.at, "www.example.org", RecordType::A, false, patience).await;
    assert_eq!(seen.unwrap().records, [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_told_has_its_cause() {
    let short = Duration::from_secs(2);
    let silent = Scripted::start(anywhere(), |_, _| Vec::new()).await;
    let garbled = Scripted::start(anywhere(), |query, _| {
        let mut bytes = reply(query).to_vec().unwrap();
        bytes[5] = 9;
        vec![bytes]
    })
    .await;
    let closed = Closed::port().await;
    let cause = |seen: Result<DnsSeen, Unseen>| seen.unwrap_err().cause;
    let udp = |at, time| ask(at, "www.example.org", RecordType::A, false, time);
    let tcp = |at, time| ask_over_tcp(at, "www.example.org", RecordType::A, false, time);
    assert_eq!(cause(udp(silent.at, short).await), Cause::TimedOut);
    assert_eq!(cause(tcp(silent.at, short).await), Cause::Frozen);
    assert_eq!(cause(udp(garbled.at, LONG).await), Cause::Garbled);
    assert_eq!(cause(udp(closed.at, LONG).await), Cause::Refused);
    assert_eq!(cause(tcp(closed.at, LONG).await), Cause::Refused);
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

/// As zone files have it, in decimal (RFC 1035, 5.1).
#[test]
fn a_name_with_escapes_is_asked_for_by_its_bytes() {
    let query = question(r"sp\032ace.v.test", RecordType::A, false).unwrap();
    let asked = query.queries[0].name();
    assert_eq!(asked.iter().next(), Some(&b"sp ace"[..]));
    assert!(asked.is_fqdn());
    assert_eq!(host_text(asked), r"sp\032ace.v.test.");
    assert!(question("a..b", RecordType::A, false).is_err());
}
