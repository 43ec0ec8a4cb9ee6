//! Addresses of names, as DNS gives them now, and the public probed by name.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use cutover::event::Cause;
use cutover::world::names::{Asked, addresses};
use tempfile::TempDir;

use cutover::dns::providers::PROVIDERS;
use cutover::event::Finding;
use cutover::field::{Datum, Fields};
use cutover::plan::Outcome;
use cutover::secret::SecretRef;
use cutover::site::{HttpProbe, Probe, Service, Site, Zone};

use super::{check, host, judged, site, text};
use crate::lab::dns::serial;
use crate::lab::web::Nginx;
use crate::lab::{Guard, V4, V6, free_port, have, program, put, v4, v6};

const ZONE: &str = "$ORIGIN lab.example.
@ 60 IN SOA ns hostmaster 1 3600 600 86400 30
@ 60 IN NS ns
ns 60 IN A 127.0.0.1
www 45 IN A 198.51.100.20
www 45 IN AAAA 2001:db8:1::20
alias 60 IN CNAME www
half 45 IN A 198.51.100.20
half 45 IN AAAA 2001:db8::10
both 45 IN A 203.0.113.5
both 45 IN AAAA 2001:db8:1::20
late 45 IN A 203.0.113.5
late 45 IN AAAA 2001:db8::10
only 45 IN A 203.0.113.5
text 60 IN TXT \"no address\"
";

/// A real name server of one zone.
struct Knot {
    port: u16,
    _server: Guard,
    _folder: TempDir,
}

fn knot() -> Knot {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let at = folder.path();
    put(at, "lab.zone", ZONE);
    let config = format!(
        "server:\n  rundir: {0}\n  listen: [127.0.0.1@{port}, ::1@{port}]\n\
         database:\n  storage: {0}\n\
         zone:\n  - domain: lab.example\n    storage: {0}\n    file: lab.zone\n",
        at.display()
    );
    let config = put(at, "knot.conf", &config);
    let mut command = Command::new(program("knotd"));
    command.arg("-c").arg(config);
    let mut server = Guard::start(command, at.join("log"));
    for at in [v4(port), v6(port)] {
        server.ready("knotd", || serial(at, "lab.example"));
    }
    Knot {
        port,
        _server: server,
        _folder: folder,
    }
}

async fn asked(at: SocketAddr, name: &str) -> Result<Vec<(String, u32)>, Cause> {
    let asked = Asked::Authoritative(vec![at]);
    addresses(name, &asked, Duration::from_secs(20))
        .await
        .map(|found| {
            found
                .into_iter()
                .map(|address| (address.ip.to_string(), address.ttl))
                .collect()
        })
        .map_err(|unseen| unseen.cause)
}

#[tokio::test]
async fn both_families_are_asked_for_and_aliases_are_followed() {
    if !have(&["knotd"]) {
        return;
    }
    let knot = knot();
    let www = || {
        Ok(vec![
            ("198.51.100.20".to_owned(), 45),
            ("2001:db8:1::20".to_owned(), 45),
        ])
    };
    for at in [v4(knot.port), v6(knot.port)] {
        assert_eq!(asked(at, "www.lab.example").await, www());
        assert_eq!(asked(at, "alias.lab.example.").await, www());
        // The name is there without an address, or is not there at all: both are answers.
        assert_eq!(asked(at, "text.lab.example").await, Ok(Vec::new()));
        assert_eq!(asked(at, "absent.lab.example").await, Ok(Vec::new()));
        // Somebody else's zone is no answer.
        assert!(asked(at, "www.elsewhere.example").await.is_err());
    }
}

#[tokio::test]
async fn a_dead_server_is_no_empty_answer() {
    let at = v4(free_port());
    let asked = Asked::Resolver(at);
    let unseen = addresses("www.lab.example", &asked, Duration::from_secs(2))
        .await
        .unwrap_err();
    assert!(unseen.detail.contains("www.lab.example"), "{unseen:?}");
}

/// A zone of these servers; its provider is never asked.
fn zone(servers: Vec<SocketAddr>) -> Zone {
    let mut fields = Fields::new(0..1);
    let key = SecretRef::Env("CUTOVER_TEST_NO_KEY".into());
    fields.insert("url", Datum::Text("http://127.0.0.1:1".into()), 0..1);
    fields.insert("api-key", Datum::Secret(key), 0..1);
    let kind = PROVIDERS.iter().find(|kind| kind.name == "powerdns");
    Zone {
        name: "lab.example".into(),
        provider_name: "lab".into(),
        provider: (kind.unwrap().build)(&fields).unwrap(),
        servers,
        resolvers: None,
    }
}

async fn by_name(site: &Site, path: &str, name: &str) -> Finding {
    let service = Service {
        name: "website".into(),
        names: vec![name.into()],
        probes: vec![Probe::Http(HttpProbe {
            path: path.into(),
            tls: false,
            port: 80,
            status: None,
            contains: None,
            header: Vec::new(),
            slower_than_ms: None,
            ca: None,
        })],
        hosts: Vec::new(),
    };
    let mut site = site.clone();
    site.services.insert(service.name.clone(), service);
    let check = check("services", &site, vec![("at", text("public"))]);
    judged(check.as_ref(), &site).await
}

#[tokio::test]
async fn the_public_is_asked_by_name_at_the_addresses_that_dns_gives_now() {
    if !have(&["knotd", "nginx"]) {
        return;
    }
    let knot = knot();
    let names = ["www.lab.example", "half.lab.example", "alias.lab.example"];
    let web = Nginx::start(&names.map(|name| (name, None)));
    let (four, six) = (web.http_at(V4), web.http_at(V6));
    let target = [("198.51.100.20:80", four), ("[2001:db8:1::20]:80", six)];
    let source = [("192.0.2.10:80", four), ("[2001:db8::10]:80", six)];
    let hosts = vec![
        host("standby", "cloud", &target),
        host("primary", "dedicated", &source),
    ];
    let mut site = site(hosts, Vec::new());
    let servers = vec![v4(knot.port), v6(knot.port)];
    site.zones.insert("lab.example".into(), zone(servers));

    let finding = by_name(&site, "/", "www.lab.example").await;
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    assert_eq!(
        finding.headline,
        "2 of 2 probes pass (1 over IPv4, 1 over IPv6)"
    );
    let finding = by_name(&site, "/absent", "alias.lab.example").await;
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");

    // The AAAA record was left behind.
    let finding = by_name(&site, "/", "half.lab.example").await;
    assert_eq!(finding.outcome, Outcome::Late, "{finding:#?}");
    let row = &finding.facts[1];
    assert_eq!(row.expected, "leads to cloud");
    assert_eq!(
        row.actual,
        "2001:db8::10 of dedicated, which may be kept for 45s more"
    );
    let finding = by_name(&site, "/", "absent.lab.example").await;
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");

    // Nobody answers for the zone: nothing is known, and nothing passes.
    site.zones
        .insert("lab.example".into(), zone(vec![v4(free_port())]));
    let finding = by_name(&site, "/", "www.lab.example").await;
    assert_eq!(finding.outcome, Outcome::Unknown, "{finding:#?}");
}

#[tokio::test]
async fn a_proxy_of_both_sides_is_asked_as_users_do_and_proves_no_move() {
    if !have(&["knotd", "nginx"]) {
        return;
    }
    let knot = knot();
    let names = ["both.lab.example", "late.lab.example", "only.lab.example"];
    let web = Nginx::start(&names.map(|name| (name, None)));
    let behind = |name: &str, side: &str, own: &str, proxy: SocketAddr| {
        let mut host = host(name, side, &[(own, web.http_at(V6))]);
        host.proxy = vec!["203.0.113.5".parse().unwrap()];
        let at = SocketAddr::new(host.proxy[0], 80);
        host.detours.insert(at, proxy);
        host
    };
    let with_proxy = |proxy: SocketAddr| {
        let hosts = vec![
            behind("standby", "cloud", "[2001:db8:1::20]:80", proxy),
            behind("primary", "dedicated", "[2001:db8::10]:80", proxy),
        ];
        let mut site = site(hosts, Vec::new());
        let servers = vec![v4(knot.port), v6(knot.port)];
        site.zones.insert("lab.example".into(), zone(servers));
        site
    };
    let site = with_proxy(web.http_at(V4));

    // The record of the side itself moved; through the proxy the public is served.
    let finding = by_name(&site, "/", "both.lab.example").await;
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    assert_eq!(
        finding.headline,
        "2 of 2 probes pass (1 over IPv4, 1 over IPv6)"
    );
    // Whose answer it is nobody knows, so no host is named.
    assert_eq!(
        finding.facts[0].what,
        "website http://both.lab.example/ at 203.0.113.5:80"
    );
    // The record of the side was left behind: what the proxy answers does not make up for it.
    let finding = by_name(&site, "/", "late.lab.example").await;
    assert_eq!(finding.outcome, Outcome::Late, "{finding:#?}");
    // Nothing but the proxy: it serves, and does not show which side does.
    let finding = by_name(&site, "/", "only.lab.example").await;
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
    assert_eq!(
        finding.facts[0].actual,
        "203.0.113.5, a proxy of both sides: either of them may have answered"
    );
    // The proxy is down: users of IPv4 reach neither side.
    let finding = by_name(&with_proxy(v4(free_port())), "/", "both.lab.example").await;
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");
}
