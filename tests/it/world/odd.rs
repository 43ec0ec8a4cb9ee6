//! Answers that are odd: what proves nothing against a service is taken, and what is refused is told as it is.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cutover::event::{Cause, Unseen};
use cutover::world::net::{HttpAsk, HttpSeen, Unread, http};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, date_time_ymd};

use crate::lab::odd::{Then, for_clients_of, odd};
use crate::lab::web::{Authority, Identity, pem_file};

const LONG: Duration = Duration::from_secs(60);
pub(super) const NAME: &str = "www.lab.example";
pub(super) const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// Asks for this name at this address, with these certificates in `ca`.
pub(super) async fn ask(name: &str, at: SocketAddr, ca: Option<&str>) -> Result<HttpSeen, Unseen> {
    let folder = tempfile::tempdir().unwrap();
    let ask = HttpAsk {
        url: format!("https://{name}/"),
        method: "GET".into(),
        at,
        headers: Vec::new(),
        text: Some("hello".into()),
        body_limit: 1000,
        ca: ca.map(|pem| pem_file(folder.path(), pem)),
    };
    http(&ask, LONG).await
}

/// What curl makes of it, which is the measure.
pub(super) async fn curl(args: &[&str]) -> std::process::Output {
    let mut curl = std::process::Command::new("curl");
    curl.args(["-q", "-sS", "-m", "20", "--noproxy", "*"])
        .args(args);
    let done = tokio::task::spawn_blocking(move || curl.output());
    done.await.unwrap().unwrap()
}

async fn look(at: SocketAddr, timeout: Duration) -> Result<HttpSeen, Unseen> {
    let ask = HttpAsk {
        url: format!("http://{NAME}/"),
        method: "GET".into(),
        at,
        headers: Vec::new(),
        text: Some("hello".into()),
        body_limit: 1000,
        ca: None,
    };
    http(&ask, timeout).await
}

/// A certificate that signed itself.
pub(super) fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, "an internal host");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    Identity {
        certificate: params.self_signed(&key).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

/// As `openssl req -x509` makes it.
pub(super) fn of_openssl(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

pub(super) async fn hello(identity: &Identity) -> SocketAddr {
    odd(Some(identity), &[HELLO], Duration::ZERO, Then::Close).await
}

#[tokio::test]
async fn tls_that_ends_without_goodbye_ends_a_body_without_a_length() {
    let identity = self_signed(&[NAME], of_openssl);
    let close = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhel lo";
    let at = odd(Some(&identity), &[close], Duration::ZERO, Then::Drop).await;
    let seen = ask(NAME, at, Some(&identity.certificate)).await.unwrap();
    assert_eq!((seen.body.as_str(), seen.holds), ("hel lo", Some(false)));
    // What has a length is cut off.
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello";
    for then in [Then::Drop, Then::Close] {
        let at = odd(Some(&identity), &[cut], Duration::ZERO, then).await;
        let unseen = ask(NAME, at, Some(&identity.certificate))
            .await
            .unwrap_err();
        assert_eq!(unseen.cause, Cause::Garbled);
        let words = "closed the connection before its answer was complete";
        assert_eq!(unseen.detail, format!("`{at}` {words}"));
    }
}

#[tokio::test]
async fn a_text_that_came_is_seen_though_the_connection_stays_open() {
    let begun = Instant::now();
    let close = b"HTTP/1.1 200 OK\r\n\r\nhello";
    let at = odd(None, &[close], Duration::ZERO, Then::Stay).await;
    assert_eq!(look(at, LONG).await.unwrap().holds, Some(true));
    assert!(begun.elapsed() < LONG / 2, "it waits for nothing more");
    // Chunks have an end of their own, which is waited for.
    let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let at = odd(None, &[chunks], Duration::ZERO, Then::Stay).await;
    let short = Duration::from_secs(3);
    let seen = look(at, short).await.unwrap();
    assert_eq!(seen.holds, Some(true));
    assert!(
        seen.millis < 3000,
        "{} ms: it answered at once",
        seen.millis
    );
    let at = odd(
        None,
        &[b"HTTP/1.1 200 OK\r\n\r\nhel"],
        Duration::ZERO,
        Then::Stay,
    )
    .await;
    let unseen = look(at, short).await.unwrap_err();
    assert_eq!(unseen.cause, Cause::TimedOut);
    assert_eq!(
        unseen.detail,
        format!(
            "`{at}` answered 200 and did not send all of it (the text is not in the 3 bytes that came) within 3.0s"
        )
    );
}

#[tokio::test]
async fn a_head_that_comes_slowly_is_no_silence() {
    let pieces: Vec<&[u8]> = HELLO.chunks(1).collect();
    let at = odd(None, &pieces, Duration::from_millis(500), Then::Close).await;
    let unseen = look(at, Duration::from_secs(3)).await.unwrap_err();
    assert_eq!(unseen.cause, Cause::TimedOut);
    assert_eq!(
        unseen.detail,
        format!("`{at}` began to answer and did not end the head of its answer within 3.0s")
    );
}

#[tokio::test]
async fn what_was_not_looked_through_is_said() {
    let gzip = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nno gzip at all";
    let coded = b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n\x0b\x02\x80";
    let late = format!("HTTP/1.1 200 OK\r\n\r\n{}hello", ".".repeat(1000));
    for (answer, unread) in [
        (&gzip[..], Unread::Damaged("gzip".into())),
        (coded, Unread::Coding("br".into())),
        (late.as_bytes(), Unread::Beyond(1000)),
    ] {
        let at = odd(None, &[answer], Duration::ZERO, Then::Close).await;
        let seen = look(at, LONG).await.unwrap();
        assert_eq!((seen.holds, seen.unread), (Some(false), Some(unread)));
    }
}

/// With TLS 1.3 the server says so when the handshake of the client has ended.
#[tokio::test]
async fn a_server_that_wants_the_certificate_of_a_client_says_so() {
    let authority = Authority::new();
    let at = for_clients_of(&authority.pem, &authority.issue(&[NAME], 2100)).await;
    let unseen = ask(NAME, at, Some(&authority.pem)).await.unwrap_err();
    assert_eq!(unseen.cause, Cause::Error);
    assert_eq!(
        unseen.detail,
        format!(
            "`{at}` refuses a secure connection for `{NAME}`: it asks for the certificate of a client"
        )
    );
}
