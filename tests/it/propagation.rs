//! A flip through real name servers: the step that writes it, and the step that watches it arrive.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cutover::clock::Clock;
use cutover::dns::Provider;
use cutover::event::{Answer, Fact, Finding};
use cutover::field::{Datum, Fields};
use cutover::plan::{Edit, Outcome, Side, Way};
use cutover::site::{Aim, Host, Site, Zone};
use cutover::step::{Change, Check, Evidence, Given, Known, Pulses, Work};
use cutover::steps::KINDS;
use cutover::world::dns::{RecordType, ask};
use cutover::world::exec::Exec;
use futures::future::join_all;

use crate::lab::dns::{Bind, Tsig, Unbound};
use crate::lab::have;
use crate::providers::{Desk, rfc2136};

const ZONE: &str = "lab.example";

/// How long a poll may take on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// Longer than any answer takes, shorter than a person waits.
const ONE: Duration = Duration::from_secs(30);

fn zone_text(more: &str) -> String {
    format!(
        "$ORIGIN lab.example.\n$TTL 300\n\
         @ IN SOA ns.lab.example. hostmaster.lab.example. 1 3600 600 86400 60\n\
         @ IN NS ns.lab.example.\nns IN A 127.0.0.1\n\
         www 6 IN A 192.0.2.10\nwww 6 IN A 203.0.113.9\nwww 6 IN AAAA 2001:db8::10\n{more}"
    )
}

fn site(provider: Arc<dyn Provider>, servers: Vec<SocketAddr>, resolvers: Vec<SocketAddr>) -> Site {
    let host = |name: &str, site: &str, addresses: [&str; 2]| Host {
        name: name.into(),
        site: site.into(),
        reach: None,
        addresses: addresses.map(|ip| ip.parse::<IpAddr>().unwrap()).to_vec(),
        access_log: Vec::new(),
        stands_in_for: Vec::new(),
        role: None,
        proxy: Vec::new(),
        detours: [].into(),
    };
    let zone = Zone {
        name: ZONE.into(),
        provider_name: "dyn".into(),
        provider,
        servers,
        resolvers: Some(resolvers),
    };
    Site {
        hosts: [
            host("primary", "dedicated", ["192.0.2.10", "2001:db8::10"]),
            host("standby", "cloud", ["198.51.100.20", "2001:db8:1::20"]),
        ]
        .map(|host| (host.name.clone(), host))
        .into(),
        services: [].into(),
        zones: [(ZONE.to_owned(), zone)].into(),
        exec: Exec::new(),
        clock: Clock::real(),
        asking: Arc::default(),
    }
}

fn aim(active: &str, idle: &str) -> Aim {
    Aim {
        active: active.into(),
        idle: idle.into(),
        moved: true,
    }
}

fn build(kind: &str, id: &str) -> Work {
    let kind = KINDS.iter().find(|row| row.name == kind).unwrap();
    let mut fields = Fields::default();
    let names = Datum::Texts(vec!["www.lab.example".into()]);
    fields.insert("names", names, 0..0);
    let given = Given {
        id,
        services: &[],
        hosts: &[],
    };
    (kind.build)(&fields, &given).unwrap().work
}

fn flip() -> Box<dyn Change> {
    match build("dns", "flip") {
        Work::Change(change) => change,
        _ => panic!("a flip is a change"),
    }
}

fn published() -> Box<dyn Check> {
    match build("propagation", "published") {
        Work::Check(check) => check,
        _ => panic!("propagation is a check"),
    }
}

/// The only edit that reaches this aim.
async fn edit(flip: &dyn Change, site: &Site, aim: &Aim) -> Edit {
    let mut survey = flip.survey(site, aim).await.unwrap();
    assert_eq!(survey.refusals, [""; 0]);
    assert_eq!(survey.edits.len(), 1, "one zone is one edit");
    survey.edits.remove(0)
}

/// Writes one way of an edit, with a permit, and reads it back.
async fn write(flip: &dyn Change, site: &Site, edit: &Edit, way: Way) -> Answer {
    let mut desk = Desk::new().await;
    let (from, to) = edit.along(way);
    let answer = flip
        .write(site, desk.permit_for(from, to, LONG).await)
        .await;
    let parts: Vec<String> = edit.before.0.keys().cloned().collect();
    let seen = flip.read(site, &edit.place, &parts).await.unwrap();
    let side = match way {
        Way::There => Side::After,
        Way::Back => Side::Before,
    };
    assert_eq!(edit.side(&seen), side, "{answer:?}");
    answer
}

async fn look(check: &dyn Check, site: &Site, aim: &Aim) -> Finding {
    let pulses = Pulses::none();
    let items = join_all(
        check
            .looks(site, aim, &pulses)
            .into_iter()
            .map(|look| async move {
                let known = match tokio::time::timeout(LONG, look.ask).await.unwrap() {
                    Ok(fact) => Known::Live(fact),
                    Err(unseen) => Known::Unseen(unseen),
                };
                (look.key, known)
            }),
    );
    let evidence = Evidence {
        items: items.await,
        baseline: Vec::new(),
    };
    check.judge(aim, &evidence)
}

/// Looks again and again until the outcome is this, and these servers are seen so. On a busy machine one may not
/// answer in time now and then.
async fn until(
    outcome: Outcome,
    seen: &[(SocketAddr, Outcome)],
    check: &dyn Check,
    site: &Site,
    aim: &Aim,
) -> Finding {
    let deadline = Instant::now() + LONG;
    loop {
        let finding = look(check, site, aim).await;
        let as_said = (seen.iter()).all(|(at, outcome)| row(&finding, *at).outcome == *outcome);
        if finding.outcome == outcome && as_said {
            return finding;
        }
        assert!(
            Instant::now() < deadline,
            "not {outcome} with {seen:?}: {finding:#?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn row(finding: &Finding, at: SocketAddr) -> &Fact {
    let at = at.to_string();
    let found = finding.facts.iter().find(|fact| fact.what.ends_with(&at));
    found.unwrap_or_else(|| panic!("no row for {at}: {finding:#?}"))
}

#[tokio::test]
async fn a_flip_is_seen_to_arrive_at_every_server_and_to_leave_the_caches() {
    if !have(&["named", "unbound"]) {
        return;
    }
    let key = Tsig::new("lab-key");
    let text = zone_text("");
    let zones = [(ZONE, text.as_str())];
    let dir = tempfile::tempdir().unwrap();
    let (primary, secondary) = Bind::pair(&zones, &key);
    // Nobody tells this one of a change: it lags until it is updated by hand.
    let lagging = Bind::primary(&zones, &key);
    let cache = Unbound::cache(ZONE, secondary.v4, "");

    let servers = vec![
        primary.v4,
        primary.v6,
        secondary.v4,
        secondary.v6,
        lagging.v6,
    ];
    let site_of = |at| {
        site(
            rfc2136(dir.path(), at, &key),
            servers.clone(),
            vec![cache.v4],
        )
    };
    let (real, other) = (site_of(primary.v4), site_of(lagging.v4));
    let (flip, published) = (flip(), published());
    let there = aim("cloud", "dedicated");

    // Before the flip everything is old, the cache too, and from now on it holds that for its TTL.
    let old = [(cache.v4, Outcome::Late)];
    until(Outcome::Late, &old, &*published, &real, &there).await;

    let edit = edit(&*flip, &real, &there).await;
    let lines = flip.describe(&edit.after);
    assert_eq!(
        lines,
        [
            "www.lab.example. 6 IN A 198.51.100.20",
            "www.lab.example. 6 IN A 203.0.113.9",
            "www.lab.example. 6 IN AAAA 2001:db8:1::20",
        ],
        "the foreign member stays"
    );
    let answer = write(&*flip, &real, &edit, Way::There).await;
    assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");

    // One server lags: that is late, by name, however long one waits.
    let behind = [
        (secondary.v4, Outcome::Pass),
        (primary.v6, Outcome::Pass),
        (lagging.v6, Outcome::Late),
    ];
    let late = until(Outcome::Late, &behind, &*published, &real, &there).await;
    assert!(
        late.headline.contains(&lagging.v6.to_string()),
        "{}",
        late.headline
    );

    write(&*flip, &other, &edit, Way::There).await;
    let new = [(cache.v4, Outcome::Pass)];
    // The foreign member beside is told: whoever gets it is served by neither site.
    let moved = until(Outcome::Warn, &new, &*published, &real, &there).await;
    for says in [
        "but www.lab.example. A: it also holds 203.0.113.9, of neither site",
        "caches that keep to the rules",
    ] {
        assert!(moved.headline.contains(says), "{}", moved.headline);
    }

    // The way back is the same, with the roles swapped; the value comes back exactly.
    let home = aim("dedicated", "cloud");
    write(&*flip, &real, &edit, Way::Back).await;
    let behind = [(lagging.v6, Outcome::Late)];
    until(Outcome::Late, &behind, &*published, &real, &home).await;
    write(&*flip, &other, &edit, Way::Back).await;
    until(Outcome::Warn, &[], &*published, &real, &home).await;
}

#[tokio::test]
async fn a_server_without_authority_is_unknown() {
    if !have(&["named", "unbound"]) {
        return;
    }
    let key = Tsig::new("lab-key");
    let text = zone_text("");
    let primary = Bind::primary(&[(ZONE, &text)], &key);
    let cache = Unbound::cache(ZONE, primary.v4, "");
    let dir = tempfile::tempdir().unwrap();
    let provider = rfc2136(dir.path(), primary.v4, &key);
    let site = site(provider, vec![primary.v4, cache.v4], vec![primary.v6]);
    let seen = [(cache.v4, Outcome::Unknown), (primary.v4, Outcome::Pass)];
    let home = aim("dedicated", "cloud");
    until(Outcome::Unknown, &seen, &*published(), &site, &home).await;
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_fetched_over_tcp() {
    if !have(&["named"]) {
        return;
    }
    let many: String = (0..90)
        .map(|n| format!("many IN AAAA 2001:db8::{n:x}\n"))
        .collect();
    let key = Tsig::new("lab-key");
    let text = zone_text(&many);
    let primary = Bind::primary(&[(ZONE, &text)], &key);
    for at in [primary.v4, primary.v6] {
        let seen = ask(at, "many.lab.example", RecordType::AAAA, false, ONE)
            .await
            .unwrap();
        assert!(seen.over_tcp && seen.authoritative);
        assert_eq!(seen.addresses().len(), 90);
        let seen = ask(at, "www.lab.example", RecordType::A, false, ONE)
            .await
            .unwrap();
        assert!(!seen.over_tcp);
        assert_eq!(seen.ttl, Some(6));
        let seen = ask(at, "gone.lab.example", RecordType::A, false, ONE)
            .await
            .unwrap();
        assert_eq!(seen.rcode, "NXDOMAIN");
        assert_eq!(seen.soa.map(|soa| soa.minimum), Some(60));
    }
}
