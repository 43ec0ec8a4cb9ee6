//! Many probes at one port of a server that takes few connections at once.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use super::*;

/// A service with these probes at the target passes.
async fn passes(probes: Vec<Probe>, at: SocketAddr) {
    let service = Service {
        name: "mirror".into(),
        names: vec![NAME.into()],
        probes,
        hosts: Vec::new(),
    };
    let public = format!("198.51.100.20:{}", at.port());
    let host = host("standby", "cloud", &[(&public, at)]);
    let site = site(vec![host], vec![service]);
    let finding = at_target_within(&site, Duration::from_secs(25)).await;
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
}

/// The queue of a daemon takes five connections (`listen backlog`), and whoever is silent in a full one stays there.
#[tokio::test]
async fn an_rsync_daemon_of_many_modules_is_asked_a_few_at_once() {
    if !have(&["rsync"]) {
        return;
    }
    let names: Vec<String> = (0..100).map(|number| format!("m{number}")).collect();
    let open: Vec<&str> = names.iter().map(String::as_str).collect();
    let daemon = RsyncDaemon::start(V4, &open, &[]);
    let probe = |module: &String| {
        std::fs::write(daemon.module(module).join("README"), "x").unwrap();
        Probe::Rsync {
            module: module.clone(),
            port: daemon.at.port(),
        }
    };
    passes(names.iter().map(probe).collect(), daemon.at).await;
}

/// One process that greets one client after the other, each after a moment, with a queue of five.
#[tokio::test]
async fn a_server_with_a_short_queue_greets_all_who_wait_for_it() {
    const PROBES: usize = 15;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(V4, 0)).unwrap();
    let listener = socket.listen(5).unwrap();
    let at = listener.local_addr().unwrap();
    let greeter = tokio::spawn(async move {
        let words = (0..PROBES).map(|n| format!(" word-{n};"));
        let greeting = format!("220{}\r\n", words.collect::<String>());
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::time::sleep(Duration::from_millis(60)).await;
            let _ = stream.write_all(greeting.as_bytes()).await;
        }
    });
    let probe = |n| Probe::Tcp {
        port: at.port(),
        send: None,
        expect: Some(format!(" word-{n};")),
    };
    let began = Instant::now();
    passes((0..PROBES).map(probe).collect(), at).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    greeter.abort();
}

/// A web server that serves one client after the other, with a queue of five: whoever finds no place there is told nothing
/// for a second, and then for two.
#[tokio::test]
async fn a_web_server_with_a_short_queue_is_asked_as_many_as_it_takes() {
    const PROBES: usize = 150;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(V4, 0)).unwrap();
    let listener = socket.listen(5).unwrap();
    let at = listener.local_addr().unwrap();
    let serves = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            tokio::time::sleep(Duration::from_millis(25)).await;
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
            let _ = stream.write_all(answer).await;
        }
    });
    let probe = |n| {
        Probe::Http(HttpProbe {
            path: format!("/{n}"),
            tls: false,
            port: at.port(),
            status: None,
            contains: None,
            header: Vec::new(),
            slower_than_ms: None,
            ca: None,
        })
    };
    passes((0..PROBES).map(probe).collect(), at).await;
    serves.abort();
}
