//! Probes at both address families, with the real name and certificate.

mod crowded;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cutover::event::Finding;
use cutover::field::Datum;
use cutover::plan::Outcome;
use cutover::site::{HttpProbe, Probe, Service, Site};

use super::{check, host, judged, site, text};
use crate::lab::rsync::RsyncDaemon;
use crate::lab::web::{Authority, Nginx, pem_file};
use crate::lab::{FrozenPort, V4, V6, free_port, have, v6};

const NAME: &str = "www.lab.example";

fn website(ca: Option<PathBuf>, path: &str) -> Service {
    Service {
        name: "website".into(),
        names: vec![NAME.into()],
        probes: vec![Probe::Http(HttpProbe {
            path: path.into(),
            tls: true,
            port: 443,
            status: None,
            contains: Some(NAME.into()),
            header: vec![("content-type".into(), "text/html".into())],
            slower_than_ms: None,
            ca,
        })],
        hosts: Vec::new(),
    }
}

/// A target whose public addresses lead to these servers, and a source that is never asked.
fn two_sites(service: Service, four: SocketAddr, six: SocketAddr) -> Site {
    let target = [("198.51.100.20:443", four), ("[2001:db8:1::20]:443", six)];
    let source = [("192.0.2.10:443", four), ("[2001:db8::10]:443", six)];
    let hosts = vec![
        host("standby", "cloud", &target),
        host("primary", "dedicated", &source),
    ];
    site(hosts, vec![service])
}

async fn at_target(site: &Site) -> Finding {
    at_target_within(site, Duration::from_secs(60)).await
}

async fn at_target_within(site: &Site, timeout: Duration) -> Finding {
    let timeout = ("timeout", Datum::Span(timeout));
    let check = check("services", site, vec![("at", text("target")), timeout]);
    judged(check.as_ref(), site).await
}

#[tokio::test]
async fn both_families_are_asked_with_the_real_name_and_certificate() {
    if !have(&["nginx"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let ca = pem_file(folder.path(), &authority.pem);
    let right = authority.issue(&[NAME], 2100);
    let web = Nginx::start(&[(NAME, Some(&right))]);
    let (four, six) = (web.https_at(V4), web.https_at(V6));

    let finding = at_target(&two_sites(website(Some(ca.clone()), "/"), four, six)).await;
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    assert_eq!(
        finding.headline,
        "2 of 2 probes pass (1 over IPv4, 1 over IPv6)"
    );
    assert_eq!(
        finding.facts[1].what,
        "website https://www.lab.example/ at standby [2001:db8:1::20]:443"
    );

    // The authority is not known: the certificate proves nothing.
    let finding = at_target(&two_sites(website(None, "/"), four, six)).await;
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");

    // A redirect leads away from the address that is asked.
    let finding = at_target(&two_sites(website(Some(ca.clone()), "/moved"), four, six)).await;
    assert_eq!(finding.outcome, Outcome::Fail);
    assert_eq!(
        finding.facts[0].actual,
        "status 302 to `http://elsewhere.example/`, which is not followed"
    );

    // Nothing listens over one family.
    let down = v6(free_port());
    let finding = at_target(&two_sites(website(Some(ca.clone()), "/"), four, down)).await;
    assert_eq!(finding.outcome, Outcome::Fail);
    assert_eq!(
        finding.headline,
        "1 of 2 probes pass (1 over IPv4, 0 of 1 over IPv6)"
    );
    assert!(
        finding.advice[0].text().contains("[2001:db8:1::20]"),
        "the way to ask by hand names the address that fails"
    );

    // Silence over one family is unknown, and holds up nobody.
    let begun = Instant::now();
    let frozen = FrozenPort::open(V6);
    let site = two_sites(website(Some(ca), "/"), four, frozen.at);
    let finding = at_target_within(&site, Duration::from_secs(8)).await;
    assert_eq!(finding.outcome, Outcome::Unknown, "{finding:#?}");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

/// Passes every connection on, as a proxy for hosts without IPv4 does; returns where it listens.
async fn forwarder(to: SocketAddr) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((V4, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Ok(mut server) = tokio::net::TcpStream::connect(to).await {
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    at
}

#[tokio::test]
async fn a_host_without_ipv4_is_asked_through_its_proxy_too() {
    if !have(&["nginx"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let ca = pem_file(folder.path(), &authority.pem);
    let web = Nginx::start(&[(NAME, Some(&authority.issue(&[NAME], 2100)))]);
    let wrong = Nginx::start(&[(NAME, Some(&authority.issue(&["other.example"], 2100)))]);
    let six = web.https_at(V6);
    let behind = |proxy: &str, leads_to: SocketAddr| {
        let mut standby = host("standby", "cloud", &[("[2001:db8:1::20]:443", six)]);
        standby.proxy = vec![proxy.parse().unwrap()];
        let at = SocketAddr::new(standby.proxy[0], 443);
        standby.detours.insert(at, leads_to);
        let mut primary = host("primary", "dedicated", &[("[2001:db8::10]:443", six)]);
        primary.proxy = vec!["203.0.113.5".parse().unwrap()];
        site(vec![standby, primary], vec![website(Some(ca.clone()), "/")])
    };

    let finding = at_target(&behind("203.0.113.6", forwarder(six).await)).await;
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    assert_eq!(
        finding.headline,
        "2 of 2 probes pass (1 over IPv4, 1 over IPv6)"
    );

    // The proxy knows the name, and leads it elsewhere.
    let elsewhere = forwarder(wrong.https_at(V6)).await;
    let finding = at_target(&behind("203.0.113.6", elsewhere)).await;
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");

    // Behind the proxy of both sides nobody can tell who answers: it is not asked, and counts for nothing.
    let finding = at_target(&behind("203.0.113.5", elsewhere)).await;
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    assert_eq!(
        finding.headline,
        "1 of 1 probe passes (0 over IPv4, 1 over IPv6)"
    );
}

#[tokio::test]
async fn a_certificate_for_another_name_fails() {
    if !have(&["nginx"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let ca = pem_file(folder.path(), &authority.pem);
    let other = authority.issue(&["other.lab.example"], 2100);
    let web = Nginx::start(&[(NAME, Some(&other))]);
    let site = two_sites(website(Some(ca), "/"), web.https_at(V4), web.https_at(V6));
    let finding = at_target(&site).await;
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");
    let text = format!("{:?}", finding.facts);
    assert!(text.contains("certificate"), "{text}");
}

#[tokio::test]
async fn the_rsync_daemon_and_a_port_are_steps_of_their_own() {
    if !have(&["rsync"]) {
        return;
    }
    let daemon = RsyncDaemon::start(V6, &["archive"], &["private"]);
    std::fs::write(daemon.module("archive").join("README"), "x").unwrap();
    let public = format!("[2001:db8:1::20]:{}", daemon.at.port());
    let site = site(
        vec![host("standby", "cloud", &[(&public, daemon.at)])],
        Vec::new(),
    );
    let port = || ("port", Datum::Count(daemon.at.port().into()));
    let cases = [
        (
            "rsync",
            vec![port(), ("module", text("archive"))],
            Outcome::Pass,
        ),
        (
            "rsync",
            vec![port(), ("module", text("private"))],
            Outcome::Fail,
        ),
        (
            "rsync",
            vec![port(), ("module", text("absent"))],
            Outcome::Fail,
        ),
        (
            "tcp",
            vec![port(), ("expect", text("@RSYNCD:"))],
            Outcome::Pass,
        ),
        ("tcp", vec![port()], Outcome::Pass),
    ];
    for (kind, fields, outcome) in cases {
        let check = check(kind, &site, fields.clone());
        let finding = judged(check.as_ref(), &site).await;
        assert_eq!(finding.outcome, outcome, "{kind} {fields:?} {finding:#?}");
    }
}

#[tokio::test]
async fn a_module_that_lets_nobody_read_is_told() {
    if !have(&["rsync"]) {
        return;
    }
    let daemon = RsyncDaemon::with(V4, &["archive"], &[], "write only = yes\n");
    std::fs::write(daemon.module("archive").join("README"), "x").unwrap();
    let public = format!("192.0.2.20:{}", daemon.at.port());
    let site = site(
        vec![host("standby", "cloud", &[(&public, daemon.at)])],
        Vec::new(),
    );
    let port = ("port", Datum::Count(daemon.at.port().into()));
    let check = check("rsync", &site, vec![port, ("module", text("archive"))]);
    let finding = judged(check.as_ref(), &site).await;
    assert_ne!(finding.outcome, Outcome::Pass, "{finding:#?}");
    let told = format!("{finding:?}");
    assert!(told.contains("is `write only`"), "{told}");
}

/// More may follow what is read of an answer, so that a text which is not in it may come yet.
#[tokio::test]
async fn a_text_behind_what_is_read_of_an_answer_is_unknown() {
    use tokio::io::AsyncWriteExt;
    const READ: usize = 64 << 10;
    for (sent, outcome) in [(READ, Outcome::Unknown), (READ - 1, Outcome::Fail)] {
        let server = tokio::net::TcpListener::bind((V4, 0)).await.unwrap();
        let at = server.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = server.accept().await {
                let _ = stream.write_all(&vec![b'.'; sent]).await;
            }
        });
        let public = format!("198.51.100.20:{}", at.port());
        let site = site(vec![host("standby", "cloud", &[(&public, at)])], Vec::new());
        let port = ("port", Datum::Count(at.port().into()));
        let check = check("tcp", &site, vec![port, ("expect", text("ready"))]);
        let finding = judged(check.as_ref(), &site).await;
        assert_eq!(finding.outcome, outcome, "{sent} {finding:#?}");
        let told = finding.facts[0].actual.contains("not in the first 64 KiB");
        assert_eq!(told, outcome == Outcome::Unknown, "{finding:#?}");
    }
}
