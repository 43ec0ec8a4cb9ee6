//! HTTP at an address with the real name and certificate, TCP, the rsync daemon.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cutover::event::{Cause, Unseen};
use cutover::world::net::{HttpAsk, HttpSeen, RsyncSeen, USER_AGENT, http, rsync_module};

use crate::lab::rsync::RsyncDaemon;
use crate::lab::web::{Authority, Nginx, pem_file};
use crate::lab::{FrozenPort, V4, V6, free_port, have};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_secs(1);

fn ask(url: &str, at: SocketAddr) -> HttpAsk {
    HttpAsk {
        url: url.to_owned(),
        method: "GET".into(),
        at,
        headers: Vec::new(),
        text: None,
        body_limit: 10_000,
        ca: None,
    }
}

async fn get(url: &str, at: SocketAddr, ca: Option<&PathBuf>) -> Result<HttpSeen, Unseen> {
    let ask = HttpAsk {
        ca: ca.cloned(),
        ..ask(url, at)
    };
    http(&ask, LONG).await
}

#[tokio::test]
async fn the_address_is_asked_with_the_real_name() {
    if !have(&["nginx"]) {
        return;
    }
    let web = Nginx::start(&[("www.lab.example", None), ("lab.example", None)]);
    for ip in [V4, V6] {
        let seen = get("http://www.lab.example/", web.http_at(ip), None)
            .await
            .unwrap();
        assert_eq!(seen.status, 200);
        assert_eq!(seen.body, "<h1>www.lab.example</h1>\n");
        assert!(
            seen.headers
                .contains(&("content-type".into(), "text/html".into()))
        );
        // The public URL has no port, so the far side is told none, wherever the detour leads.
        let seen = get("http://lab.example/host", web.http_at(ip), None)
            .await
            .unwrap();
        assert_eq!(seen.body, format!("lab.example http {ip}"));
        let url = "http://lab.example:8080/host?a=b";
        let seen = get(url, web.http_at(ip), None).await.unwrap();
        assert_eq!(seen.body, format!("lab.example:8080 http {ip}"));
    }
    let seen = get("http://unknown.example/", web.http_at(V4), None)
        .await
        .unwrap();
    assert_eq!(seen.status, 421);
    // The server writes a line after its answer is out.
    let told = || web.accesses().matches(USER_AGENT).count();
    for _ in 0..100 {
        if told() < 7 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    assert_eq!(told(), 7, "{}", web.accesses());
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    if !have(&["nginx"]) {
        return;
    }
    let web = Nginx::start(&[("lab.example", None)]);
    let seen = get("http://lab.example/moved", web.http_at(V6), None)
        .await
        .unwrap();
    assert_eq!(seen.status, 302);
    let to = (
        "location".to_owned(),
        "http://elsewhere.example/".to_owned(),
    );
    assert!(seen.headers.contains(&to));
}

#[tokio::test]
async fn a_long_body_is_cut_off_and_head_has_none() {
    if !have(&["nginx"]) {
        return;
    }
    let web = Nginx::start(&[("lab.example", None)]);
    std::fs::write(web.root("lab.example").join("big"), vec![b'x'; 5_000_000]).unwrap();
    let seen = get("http://lab.example/big", web.http_at(V4), None)
        .await
        .unwrap();
    assert_eq!(seen.body.len(), 10_000);
    let head = HttpAsk {
        method: "HEAD".into(),
        ..ask("http://lab.example/big", web.http_at(V4))
    };
    let seen = http(&head, LONG).await.unwrap();
    assert_eq!((seen.status, seen.body.as_str()), (200, ""));
    assert!(
        seen.headers
            .contains(&("content-length".into(), "5000000".into()))
    );
}

#[tokio::test]
async fn certificates_are_checked_for_the_real_name() {
    if !have(&["nginx"]) {
        return;
    }
    let authority = Authority::new();
    let good = authority.issue(&["www.lab.example"], 2100);
    let other = authority.issue(&["other.lab.example"], 2100);
    let old = authority.issue(&["old.lab.example"], 2021);
    let web = Nginx::start(&[
        ("www.lab.example", Some(&good)),
        ("wrong.lab.example", Some(&other)),
        ("old.lab.example", Some(&old)),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let ca = pem_file(folder.path(), &authority.pem);
    for ip in [V4, V6] {
        let at = web.https_at(ip);
        let seen = get("https://www.lab.example/host", at, Some(&ca))
            .await
            .unwrap();
        assert_eq!(seen.body, format!("www.lab.example https {ip}"));
    }
    let at = web.https_at(V6);
    let cases = [
        (
            "https://wrong.lab.example/",
            Some(&ca),
            "for `other.lab.example`, not for `wrong.lab.example`",
        ),
        (
            "https://old.lab.example/",
            Some(&ca),
            "expired on 2021-01-01",
        ),
        (
            "https://www.lab.example/",
            None,
            "is not trusted by this machine",
        ),
    ];
    for (url, ca, words) in cases {
        let unseen = get(url, at, ca).await.unwrap_err();
        assert_eq!(unseen.cause, Cause::Denied, "{unseen:?}");
        assert!(unseen.detail.contains(words), "{unseen:?}");
    }
}

#[tokio::test]
async fn what_is_not_tls_or_not_http_is_told() {
    if !have(&["nginx", "rsync"]) {
        return;
    }
    let web = Nginx::start(&[("lab.example", None)]);
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let ca = pem_file(folder.path(), &authority.pem);
    let unseen = get("https://lab.example/", web.http_at(V4), Some(&ca))
        .await
        .unwrap_err();
    assert_eq!(unseen.cause, Cause::Garbled, "{unseen:?}");
    let daemon = RsyncDaemon::start(V4, &["archive"], &[]);
    let unseen = get("http://lab.example/", daemon.at, None)
        .await
        .unwrap_err();
    assert_eq!(unseen.cause, Cause::Garbled, "{unseen:?}");
}

#[tokio::test]
async fn refused_and_frozen_are_told_apart_and_in_time() {
    let begun = Instant::now();
    for ip in [V4, V6] {
        let frozen = FrozenPort::open(ip);
        for url in ["http://lab.example/", "https://lab.example/"] {
            let authority = Authority::new();
            let folder = tempfile::tempdir().unwrap();
            let ca = pem_file(folder.path(), &authority.pem);
            let ask = HttpAsk {
                ca: Some(ca),
                ..ask(url, frozen.at)
            };
            let unseen = http(&ask, SHORT).await.unwrap_err();
            assert_eq!(unseen.cause, Cause::Frozen, "{unseen:?}");
            let closed = SocketAddr::new(ip, free_port());
            let unseen = get(url, closed, None).await.unwrap_err();
            assert_eq!(unseen.cause, Cause::Refused, "{unseen:?}");
        }
        let unseen = rsync_module(frozen.at, "archive", SHORT).await.unwrap_err();
        assert_eq!(unseen.cause, Cause::Frozen, "{unseen:?}");
    }
    assert!(begun.elapsed() < LONG);
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_told_without_its_value() {
    let mut ask = ask("http://lab.example/", SocketAddr::new(V4, 1));
    ask.headers = vec![("authorization".into(), "hunter2\n".into())];
    let unseen = http(&ask, LONG).await.unwrap_err();
    assert!(unseen.detail.contains("authorization"), "{unseen:?}");
    assert!(!unseen.detail.contains("hunter2"), "{unseen:?}");
}

#[tokio::test]
async fn an_rsync_daemon_tells_of_its_modules() {
    if !have(&["rsync"]) {
        return;
    }
    for ip in [V4, V6] {
        let daemon = RsyncDaemon::start(ip, &["archive"], &["private"]);
        let seen = rsync_module(daemon.at, "archive", LONG).await.unwrap();
        assert!(matches!(seen, RsyncSeen::Empty { .. }), "{seen:?}");
        // A fresh disk has a folder, and a link leads to a disk that is not there: a client gets nothing of them.
        let folder = daemon.module("archive").join("stable/main");
        std::fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink("/nonexistent/pool", daemon.module("archive").join("pool"))
            .unwrap();
        let seen = rsync_module(daemon.at, "archive", LONG).await.unwrap();
        let RsyncSeen::Unread { text, .. } = &seen else {
            panic!("{seen:?}");
        };
        assert!(text.contains("pool"), "{text}");
        // Deep down there is a file, under a name with a blank and one that is no ASCII.
        std::fs::write(folder.join("Release of März"), "x").unwrap();
        let seen = rsync_module(daemon.at, "archive", LONG).await.unwrap();
        let RsyncSeen::Open { version, beside } = &seen else {
            panic!("{seen:?}");
        };
        assert_eq!(*beside, None);
        assert!(version.parse::<f32>().unwrap() >= 30.0, "{version}");
        let seen = rsync_module(daemon.at, "private", LONG).await.unwrap();
        assert!(matches!(seen, RsyncSeen::Locked { .. }), "{seen:?}");
        let seen = rsync_module(daemon.at, "nope", LONG).await.unwrap();
        let RsyncSeen::Error { text, .. } = &seen else {
            panic!("{seen:?}");
        };
        assert!(text.contains("Unknown module"), "{text}");
        for name in ["", "#list", "a\nb"] {
            let unseen = rsync_module(daemon.at, name, LONG).await.unwrap_err();
            assert_eq!(unseen.cause, Cause::Missing);
        }
    }
}

/// A client that asks for all of a module never names its files.
#[tokio::test]
async fn a_file_of_any_name_is_read_from_an_rsync_daemon() {
    if !have(&["rsync"]) {
        return;
    }
    let daemon = RsyncDaemon::start(V4, &["archive"], &[]);
    let names = [
        "[A] x.iso",
        "b*?.iso",
        "c\\d",
        "e\\[f",
        "a\nb",
        "a\rb",
        "a\tb",
        "\u{7f}",
        "-rf",
        "--delete",
        "]",
    ];
    for name in names {
        for folder in ["", name] {
            let top = daemon.module("archive");
            std::fs::create_dir_all(top.join(folder)).unwrap();
            std::fs::write(top.join(folder).join(name), "x").unwrap();
            let seen = rsync_module(daemon.at, "archive", LONG).await.unwrap();
            let open = matches!(&seen, RsyncSeen::Open { beside: None, .. });
            assert!(open, "{folder:?} {name:?}: {seen:?}");
            match folder {
                "" => std::fs::remove_file(top.join(name)).unwrap(),
                _ => std::fs::remove_dir_all(top.join(folder)).unwrap(),
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_an_rsync_daemon_is_garbled() {
    if !have(&["nginx"]) {
        return;
    }
    // A web server answers the greeting of an rsync client as it answers any request that it cannot read.
    let web = Nginx::start(&[("lab.example", None)]);
    let unseen = rsync_module(web.http_at(V4), "archive", SHORT)
        .await
        .unwrap_err();
    assert_eq!(unseen.cause, Cause::Garbled, "{unseen:?}");
    let listener = tokio::net::TcpListener::bind((V6, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n").await;
        }
    });
    let unseen = rsync_module(at, "archive", LONG).await.unwrap_err();
    assert_eq!(unseen.cause, Cause::Garbled, "{unseen:?}");
}

/// What is refused to the probe and not to clients is no failure of the service.
#[tokio::test]
async fn an_rsync_daemon_that_refuses_some_options_is_asked_as_clients_ask() {
    if !have(&["rsync"]) {
        return;
    }
    for (refused, opens) in [("dirs", true), ("delete", true), ("recursive", false)] {
        let with = format!("refuse options = {refused}\nmax connections = 1\n");
        let daemon = RsyncDaemon::with(V4, &["archive"], &[], &with);
        std::fs::write(daemon.module("archive").join("README"), "x").unwrap();
        // One more connection at once would be one too many.
        for _ in 0..2 {
            let seen = rsync_module(daemon.at, "archive", LONG).await.unwrap();
            let is_open = matches!(seen, RsyncSeen::Open { .. });
            assert_eq!(is_open, opens, "{refused}: {seen:?}");
        }
    }
}
