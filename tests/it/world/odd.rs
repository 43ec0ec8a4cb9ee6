//! Certificates and answers that are odd: what proves nothing against a service is taken, and what is refused is
//! told as it is.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cutover::event::{Cause, Unseen};
use cutover::world::net::{HttpAsk, HttpSeen, Unread, http};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use crate::lab::have;
use crate::lab::odd::{Then, for_clients_of, odd};
use crate::lab::web::{Authority, Identity, pem_file};

const LONG: Duration = Duration::from_secs(60);
const NAME: &str = "www.lab.example";
const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// Asks for this name at this address, with these certificates in `ca`.
async fn ask(name: &str, at: SocketAddr, ca: Option<&str>) -> Result<HttpSeen, Unseen> {
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
fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
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
fn of_openssl(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

async fn hello(identity: &Identity) -> SocketAddr {
    odd(Some(identity), &[HELLO], Duration::ZERO, Then::Close).await
}

#[tokio::test]
async fn a_certificate_that_is_named_itself_is_trusted_where_name_dates_and_purpose_fit() {
    let no_change = |_: &mut CertificateParams| ();
    let addresses = ["192.0.2.22", "2001:db8::22"];
    for (names, asked) in [
        (&[NAME][..], NAME),
        (&["*.lab.example"], NAME),
        (&addresses, "192.0.2.22"),
        (&addresses, "[2001:db8::22]"),
    ] {
        for identity in [
            self_signed(names, of_openssl),
            self_signed(names, no_change),
        ] {
            let at = hello(&identity).await;
            let seen = ask(asked, at, Some(&identity.certificate)).await.unwrap();
            assert_eq!(seen.holds, Some(true), "{asked}");
        }
    }
    // One that an authority issued is as good, without the authority.
    let issued = Authority::new().issue(&[NAME], 2100);
    let at = hello(&issued).await;
    ask(NAME, at, Some(&issued.certificate)).await.unwrap();

    let other = self_signed(&[NAME], no_change);
    let cases = [
        (
            self_signed(&["other.example", "2001:db8::1"], of_openssl),
            "a certificate for `other.example`, `2001:db8::1`, not for `www.lab.example`",
        ),
        (
            self_signed(&[NAME], |params| {
                params.not_after = date_time_ymd(2021, 2, 3);
            }),
            "a certificate that expired on 2021-02-03",
        ),
        (
            self_signed(&[NAME], |params| {
                params.not_before = date_time_ymd(2099, 2, 3);
            }),
            "a certificate that is not valid before 2099-02-03",
        ),
        (
            self_signed(&[NAME], |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            "a certificate that is not for servers (its extended key usage lacks `serverAuth`)",
        ),
        (
            self_signed(&[NAME], |params| {
                of_openssl(params);
                params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            }),
            "a certificate that is not for servers (its key usage allows no handshake)",
        ),
    ];
    for (identity, words) in cases {
        let at = hello(&identity).await;
        let unseen = ask(NAME, at, Some(&identity.certificate))
            .await
            .unwrap_err();
        assert_eq!(unseen.cause, Cause::Denied);
        assert_eq!(unseen.detail, format!("`{at}` shows {words}"));
    }
    // The same name and another key is another certificate.
    let right = self_signed(&[NAME], no_change);
    let at = hello(&right).await;
    let unseen = ask(NAME, at, Some(&other.certificate)).await.unwrap_err();
    assert_eq!(
        unseen.detail,
        format!(
            "`{at}` shows a certificate that is self-signed (`CN=an internal host`) and is not one of those in `ca`"
        )
    );
    let unseen = ask(NAME, at, None).await.unwrap_err();
    assert_eq!(
        unseen.detail,
        format!(
            "`{at}` shows a certificate that is self-signed (`CN=an internal host`): name its file in `ca` if it is \
             the right one"
        )
    );
}

#[tokio::test]
async fn every_certificate_that_is_refused_is_told_in_words() {
    let (one, two) = (Authority::new(), Authority::called("another"));
    let namesake = Authority::new();
    let issued = one.issue(&[NAME], 2100);
    let chained = Identity {
        certificate: format!("{}{}", issued.certificate, one.pem),
        ..issued.clone()
    };
    let unnamed = one.issue(&[], 2100);
    let many: Vec<String> = (0..8).map(|n| format!("{n}.lab.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let authority = "`CN=authority of the lab`";
    let cases = [
        (
            &issued,
            Some(&two.pem),
            format!("whose issuer {authority} is trusted neither by this machine nor by `ca` (and it sends no intermediate certificate)"),
        ),
        (
            &chained,
            Some(&two.pem),
            format!("whose issuer {authority} is trusted neither by this machine nor by `ca`"),
        ),
        (
            &chained,
            None,
            format!("whose issuer {authority} is not trusted by this machine"),
        ),
        (
            &issued,
            Some(&namesake.pem),
            format!("that the issuer {authority} that is known here did not sign (another one has its name), or not in a way that is trusted today"),
        ),
        (
            &one.issue(&many, 2100),
            Some(&one.pem),
            "for `0.lab.example`, `1.lab.example`, `2.lab.example`, `3.lab.example`, `4.lab.example`, 3 more, not for `www.lab.example`".into(),
        ),
        (
            &one.issue(&["192.0.2.22"], 2100),
            Some(&one.pem),
            "for `192.0.2.22`, not for `www.lab.example`".into(),
        ),
        (
            &unnamed,
            Some(&one.pem),
            "that names no host but as its common name, `rcgen self signed cert`, at which browsers do not look".into(),
        ),
        (&one.issue(&[NAME], 2021), Some(&one.pem), "that expired on 2021-01-01".into()),
    ];
    for (identity, ca, words) in cases {
        let at = hello(identity).await;
        let unseen = ask(NAME, at, ca.map(String::as_str)).await.unwrap_err();
        assert_eq!(unseen.cause, Cause::Denied, "{unseen:?}");
        assert_eq!(unseen.detail, format!("`{at}` shows a certificate {words}"));
    }
}

#[tokio::test]
async fn a_certificate_of_an_old_version_is_told_in_words() {
    if !have(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let openssl = |args: &str| {
        let mut openssl = std::process::Command::new("openssl");
        let done = openssl.args(args.split(' ')).current_dir(folder.path());
        let done = done.output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    openssl("req -newkey rsa:2048 -nodes -keyout key -out request -subj /CN=www.lab.example");
    openssl("x509 -req -in request -signkey key -out pem");
    if version(&folder.path().join("pem")) != 1 {
        return;
    }
    let identity = Identity {
        certificate: read("pem"),
        key: read("key"),
    };
    let at = hello(&identity).await;
    let unseen = ask(NAME, at, Some(&identity.certificate))
        .await
        .unwrap_err();
    let words = "of the old version 1, which has no names: one of version 3 is needed";
    assert_eq!(unseen.detail, format!("`{at}` shows a certificate {words}"));
}

/// Newer OpenSSL makes version 3 of everything.
fn version(pem: &std::path::Path) -> u8 {
    let done = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-text", "-in"])
        .arg(pem)
        .output()
        .unwrap();
    match String::from_utf8_lossy(&done.stdout).contains("Version: 1 ") {
        true => 1,
        false => 3,
    }
}

#[tokio::test]
async fn a_file_of_certificates_that_is_none_is_told() {
    let identity = self_signed(&[NAME], of_openssl);
    let at = hello(&identity).await;
    let damaged = identity.certificate.replacen("MII", "AAA", 1);
    let cut = &identity.certificate[..200];
    for (pem, words) in [
        ("", "holds no certificate in PEM form"),
        (identity.key.as_str(), "holds no certificate in PEM form"),
        (damaged.as_str(), "certificate 1 of `"),
        (cut, "certificate 1 of `"),
    ] {
        let unseen = ask(NAME, at, Some(pem)).await.unwrap_err();
        assert_eq!(unseen.cause, Cause::Error);
        assert!(unseen.detail.contains(words), "{unseen:?}");
    }
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
