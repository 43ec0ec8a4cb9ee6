use super::*;
use crate::dns::Honesty;
use crate::plan::Outcome;
use crate::step::Known;
use crate::steps::testing::{Book, site};
use crate::world::dns::tests::{Closed, Scripted, a, anywhere, cname, reply};
use hickory_resolver::proto::op::ResponseCode;
use std::sync::atomic::{AtomicBool, Ordering};

mod serials;

fn check() -> Propagation {
    Propagation {
        services: Vec::new(),
        names: vec!["www.example.org".into()],
        floor: Duration::from_secs(30),
        within: Duration::from_secs(600),
        patience: Duration::from_secs(30),
        pause: Duration::from_millis(1),
        budget: Duration::from_secs(30),
        memory: Mutex::default(),
    }
}

fn aim(active: &str, idle: &str) -> Aim {
    Aim {
        active: active.into(),
        idle: idle.into(),
        moved: true,
    }
}

/// A server whose records lead to the target as soon as `moved` is set.
async fn server(moved: Arc<AtomicBool>) -> Scripted {
    Scripted::start(anywhere(), move |query, _| {
        let mut out = reply(query);
        let ips = match moved.load(Ordering::Relaxed) {
            true => ["198.51.100.20", "2001:db8:1::20"],
            false => ["192.0.2.10", "2001:db8::10"],
        };
        let record = match query.queries[0].query_type() {
            dns::RecordType::A => a("www.example.org", 60, ips[0]),
            _ => a("www.example.org", 120, ips[1]),
        };
        out.add_answer(record);
        vec![out.to_vec().unwrap()]
    })
    .await
}

async fn evidence(check: &Propagation, site: &Site, aim: &Aim) -> Evidence {
    let pulses = Pulses::none();
    let looks = check.looks(site, aim, &pulses);
    let items = join_all(looks.into_iter().map(|look| async move {
        let known = match look.ask.await {
            Ok(fact) => Known::Live(fact),
            Err(unseen) => Known::Unseen(unseen),
        };
        (look.key, known)
    }));
    Evidence {
        items: items.await,
        baseline: Vec::new(),
    }
}

#[test]
fn caches_are_those_of_the_system_or_those_that_are_named_or_none() {
    let keys = |resolvers| {
        let mut site = site(Book::new(Honesty::Atomic, &[]));
        site.zones.get_mut("example.org").unwrap().resolvers = resolvers;
        let (check, there, pulses) = (check(), aim("cloud", "dedicated"), Pulses::none());
        let looks = check.looks(&site, &there, &pulses);
        looks.into_iter().map(|look| look.key).collect::<Vec<_>>()
    };
    let caches = |keys: &[String]| keys.iter().filter(|key| key.contains("resolver")).count();
    let of_the_system = keys(None);
    assert!(
        of_the_system.iter().any(|key| key.ends_with(judge::SYSTEM)),
        "{of_the_system:?}"
    );
    assert_eq!(
        caches(&keys(Some(vec!["192.0.2.55:53".parse().unwrap()]))),
        1
    );
    let none = keys(Some(Vec::new()));
    assert_eq!(caches(&none), 0, "{none:?}");
    assert_eq!(none.len(), of_the_system.len() - 1);
}

#[tokio::test]
async fn lag_is_late_then_passes_and_the_way_back_starts_late_again() {
    let moved = Arc::new(AtomicBool::new(false));
    let fresh = server(Arc::new(AtomicBool::new(true))).await;
    let lagging = server(moved.clone()).await;
    let mut site = site(Book::new(Honesty::Atomic, &[]));
    let zone = site.zones.get_mut("example.org").unwrap();
    zone.servers = vec![fresh.at, lagging.at];
    zone.resolvers = Some(vec![fresh.at]);
    let check = check();
    let there = aim("cloud", "dedicated");

    let first = evidence(&check, &site, &there).await;
    let keys: Vec<&str> = first.items.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            format!("example.org at {}", fresh.at),
            format!("example.org at {}", lagging.at),
            format!("example.org at resolver {}", fresh.at),
            "example.org at provider book".to_owned(),
        ]
    );
    let late = check.judge(&there, &first);
    assert_eq!(late.outcome, Outcome::Late, "{late:?}");
    assert!(
        late.headline.contains(&lagging.at.to_string()),
        "{}",
        late.headline
    );

    moved.store(true, Ordering::Relaxed);
    let second = evidence(&check, &site, &there).await;
    let pass = check.judge(&there, &second);
    assert_eq!(pass.outcome, Outcome::Pass, "{pass:?}");
    assert!(
        pass.headline.contains("may hold the old records until"),
        "{}",
        pass.headline
    );
    // The old TTL was seen at the lagging server: the highest of the two sets.
    let seen: Sighting = match &second.items[0].1 {
        Known::Live(json) => serde_json::from_value(json.clone()).unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(seen.old_ttl, Some(120));
    let since = seen.asked[0].new_since.clone().unwrap();
    assert!(since.boot_ms <= seen.asked[0].taken.boot_ms);

    let back = check.judge(&aim("dedicated", "cloud"), &second);
    assert_eq!(back.outcome, Outcome::Late, "{back:?}");
}

/// Several servers behind one address: each question goes to the next one, and one of `of` is stale.
async fn one_stale_of(of: usize) -> Scripted {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    Scripted::start(anywhere(), move |query, _| {
        let mut out = reply(query);
        let turn = asked.fetch_add(1, Ordering::Relaxed) + 1;
        let ips = match turn % of {
            0 => ["192.0.2.10", "2001:db8::10"],
            _ => ["198.51.100.20", "2001:db8:1::20"],
        };
        out.add_answer(match query.queries[0].query_type() {
            dns::RecordType::A => a("www.example.org", 60, ips[0]),
            _ => a("www.example.org", 60, ips[1]),
        });
        vec![out.to_vec().unwrap()]
    })
    .await
}

#[tokio::test]
async fn one_new_look_at_an_address_with_several_servers_is_no_state() {
    // The first look (two questions over UDP, one over TCP) sees nothing stale.
    for (of, as_cache) in [
        (4, false),
        (7, false),
        (13, false),
        (40, false),
        (3, true),
        (9, true),
        (40, true),
    ] {
        let turns = one_stale_of(of).await;
        let fresh = server(Arc::new(AtomicBool::new(true))).await;
        let mut site = site(Book::new(Honesty::Atomic, &[]));
        let zone = site.zones.get_mut("example.org").unwrap();
        (zone.servers, zone.resolvers) = match as_cache {
            true => (vec![fresh.at], Some(vec![turns.at])),
            false => (vec![turns.at], Some(Vec::new())),
        };
        let check = check();
        let there = aim("cloud", "dedicated");
        let finding = check.judge(&there, &evidence(&check, &site, &there).await);
        assert_eq!(finding.outcome, Outcome::Late, "{of} {finding:?}");
        assert!(
            finding.headline.contains("more than one server"),
            "{}",
            finding.headline
        );
        // Nor are new ones only in the second look.
        let finding = check.judge(&there, &evidence(&check, &site, &there).await);
        assert_eq!(finding.outcome, Outcome::Late, "{of} {finding:?}");
    }
}

#[tokio::test]
async fn an_address_whose_first_answers_are_new_is_asked_often_there_and_back() {
    let asked = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counted = asked.clone();
    let back = Arc::new(AtomicBool::new(false));
    let goes_back = back.clone();
    let server = Scripted::start(anywhere(), move |query, _| {
        let mut out = reply(query);
        let is_a = query.queries[0].query_type() == dns::RecordType::A;
        if is_a {
            counted.fetch_add(1, Ordering::Relaxed);
            let ip = match goes_back.load(Ordering::Relaxed) {
                true => "192.0.2.10",
                false => "198.51.100.20",
            };
            out.add_answer(a("www.example.org", 60, ip));
        }
        vec![out.to_vec().unwrap()]
    })
    .await;
    let mut site = site(Book::new(Honesty::Atomic, &[]));
    let zone = site.zones.get_mut("example.org").unwrap();
    (zone.servers, zone.resolvers) = (vec![server.at], Some(Vec::new()));
    let check = check();
    for (aim, at_least) in [
        (aim("cloud", "dedicated"), 50),
        (aim("cloud", "dedicated"), 10),
        (aim("dedicated", "cloud"), 50),
    ] {
        back.store(aim.active == "dedicated", Ordering::Relaxed);
        asked.store(0, Ordering::Relaxed);
        let finding = check.judge(&aim, &evidence(&check, &site, &aim).await);
        assert_eq!(finding.outcome, Outcome::Pass, "{finding:?}");
        let asked = asked.load(Ordering::Relaxed);
        assert!((at_least..at_least + 15).contains(&asked), "{asked}");
    }
}

#[tokio::test]
async fn one_of_several_servers_that_lacks_a_set_or_refuses_is_not_passed_by_luck() {
    for refuses in [true, false] {
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let server = Scripted::start(anywhere(), move |query, _| {
            let mut out = reply(query);
            let is_a = query.queries[0].query_type() == dns::RecordType::A;
            let turn = asked.fetch_add(1, Ordering::Relaxed) + 1;
            if turn.is_multiple_of(11) && refuses {
                out.metadata.response_code = ResponseCode::Refused;
            } else if is_a && !turn.is_multiple_of(11) {
                out.add_answer(a("www.example.org", 60, "198.51.100.20"));
            }
            vec![out.to_vec().unwrap()]
        })
        .await;
        let mut site = site(Book::new(Honesty::Atomic, &[]));
        let zone = site.zones.get_mut("example.org").unwrap();
        (zone.servers, zone.resolvers) = (vec![server.at], Some(Vec::new()));
        let (check, there) = (check(), aim("cloud", "dedicated"));
        for _ in 0..5 {
            let finding = check.judge(&there, &evidence(&check, &site, &there).await);
            let waits = matches!(finding.outcome, Outcome::Late | Outcome::Unknown);
            assert!(waits, "{refuses} {finding:?}");
        }
    }
}

#[tokio::test]
async fn an_address_that_was_new_and_is_old_again_starts_anew() {
    let moved = Arc::new(AtomicBool::new(true));
    let server = server(moved.clone()).await;
    let mut site = site(Book::new(Honesty::Atomic, &[]));
    let zone = site.zones.get_mut("example.org").unwrap();
    (zone.servers, zone.resolvers) = (vec![server.at], Some(Vec::new()));
    let check = check();
    let there = aim("cloud", "dedicated");
    use Outcome::{Late, Pass};
    let mut outcomes = Vec::new();
    // What was old after it was new has to be new far more often, over several looks.
    for new in [true, false, true, true, true] {
        moved.store(new, Ordering::Relaxed);
        let finding = check.judge(&there, &evidence(&check, &site, &there).await);
        outcomes.push(finding.outcome);
        let waits = finding.outcome == Late;
        assert_eq!(finding.headline.contains("more than one server"), waits);
    }
    assert_eq!(outcomes, [Pass, Late, Late, Late, Pass]);
    // What the way back waits for is not what an earlier way there saw.
    let back = aim("dedicated", "cloud");
    moved.store(false, Ordering::Relaxed);
    let finding = check.judge(&back, &evidence(&check, &site, &back).await);
    assert_eq!(finding.outcome, Late, "{finding:?}");
}

#[tokio::test]
async fn a_dead_server_is_unknown() {
    let closed = Closed::port().await;
    let dead = closed.at;
    let mut site = site(Book::new(Honesty::Atomic, &[]));
    let zone = site.zones.get_mut("example.org").unwrap();
    (zone.servers, zone.resolvers) = (vec![dead], Some(vec![dead]));
    let check = check();
    let there = aim("cloud", "dedicated");
    let finding = check.judge(&there, &evidence(&check, &site, &there).await);
    assert_eq!(finding.outcome, Outcome::Unknown);
    assert!(
        finding.headline.contains(&dead.to_string()),
        "{}",
        finding.headline
    );
}

#[tokio::test]
async fn a_name_in_no_zone_is_said() {
    let mut check = check();
    check.names = vec!["www.example.net".into()];
    let site = site(Book::new(Honesty::Atomic, &[]));
    let there = aim("cloud", "dedicated");
    let finding = check.judge(&there, &evidence(&check, &site, &there).await);
    assert_eq!(finding.outcome, Outcome::Unknown);
    assert!(format!("{:?}", finding.facts).contains("www.example.net"));
}

#[test]
fn a_delegation_that_differs_is_described() {
    let server = |name: &str, at_parent, at_apex| NameServer {
        name: name.into(),
        addresses: vec![anywhere()],
        at_parent,
        at_apex,
        unseen: None,
    };
    let mut homeless = server("ns4.", true, true);
    homeless.addresses.clear();
    let servers = [
        server("ns1.", true, true),
        server("ns2.", true, false),
        server("ns3.", false, true),
        homeless,
    ];
    let notes = differences(&servers);
    assert_eq!(notes.len(), 3, "{notes:?}");
    // Whether it has one could not be told, and is said as such.
    let mut unknown = servers[3].clone();
    unknown.unseen = Some(Unseen::new(Cause::TimedOut, "no answer"));
    assert_eq!(differences(&[unknown]), [""; 0]);
    assert!(notes[0].contains("not by the zone") && notes[1].contains("not by its parent"));
    assert_eq!(differences(&[server("ns2.", true, false)]), [""; 0]);
}

#[test]
fn without_names_every_service_is_meant() {
    let given = Given {
        id: "published",
        services: &["website".to_owned()],
        hosts: &[],
    };
    let built = build(&Fields::new(0..1), &given).unwrap();
    assert!(built.after_change && matches!(built.work, Work::Check(_)));
    assert_eq!(built.answers, Some(Question::Moves));
}

#[tokio::test]
async fn what_else_the_run_moves_is_asked_of_the_name_servers_there_and_back() {
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = asked.clone();
    // The name of the service follows, and the other one never does.
    let server = Scripted::start(anywhere(), move |query, _| {
        let mut out = reply(query);
        let name = query.queries[0].name().to_ascii();
        seen.lock().unwrap().insert(name.clone());
        if query.queries[0].query_type() == dns::RecordType::A {
            let ip = match name.starts_with("www.") {
                true => "198.51.100.20",
                false => "192.0.2.10",
            };
            out.add_answer(a(&name, 60, ip));
        }
        vec![out.to_vec().unwrap()]
    })
    .await;
    let mut site = site(Book::new(Honesty::Atomic, &[]));
    let zone = site.zones.get_mut("example.org").unwrap();
    (zone.servers, zone.resolvers) = (vec![server.at], Some(Vec::new()));
    let (check, there) = (check(), aim("cloud", "dedicated"));
    let moved = ["www.example.org. A", "n1.example.org. A", "no name"].map(String::from);
    for (expected, outcome) in [(&moved[..1], Outcome::Pass), (&moved[..], Outcome::Late)] {
        check.expect(&Moving {
            target: "cloud",
            changed: expected.iter().collect(),
            already: Vec::new(),
        });
        let finding = check.judge(&there, &evidence(&check, &site, &there).await);
        assert_eq!(finding.outcome, outcome, "{finding:?}");
    }
    assert!(asked.lock().unwrap().contains("n1.example.org."));
    let back = aim("dedicated", "cloud");
    let finding = check.judge(&back, &evidence(&check, &site, &back).await);
    assert_eq!(finding.outcome, Outcome::Late, "{finding:?}");
}

/// What an alias leads to in another zone of the playbook is asked of all servers of that zone, once the run moves it.
#[tokio::test]
async fn what_an_alias_leads_to_in_another_zone_is_asked_of_all_servers_there() {
    let alias = Scripted::start(anywhere(), |query, _| {
        let mut out = reply(query);
        out.add_answer(cname("www.example.org", "www.example.net"));
        vec![out.to_vec().unwrap()]
    });
    let serving = |ip: &'static str| {
        Scripted::start(anywhere(), move |query, _| {
            let mut out = reply(query);
            let asked = &query.queries[0];
            let is_set = asked.name().to_ascii() == "www.example.net.";
            if is_set && asked.query_type() == dns::RecordType::A {
                out.add_answer(a("www.example.net", 60, ip));
            }
            vec![out.to_vec().unwrap()]
        })
    };
    let (new, old) = ("198.51.100.20", "192.0.2.10");
    let (alias, first, second) = (alias.await, serving(new).await, serving(new).await);
    let behind = serving(old).await;
    let mut site = site(Book::new(Honesty::Atomic, &[]));
    let zone = site.zones.get_mut("example.org").unwrap();
    (zone.servers, zone.resolvers) = (vec![alias.at], Some(Vec::new()));
    let mut other = zone.clone();
    other.name = "example.net".into();
    site.zones.insert("example.net".into(), other);
    let (check, there) = (check(), aim("cloud", "dedicated"));
    let moved = "www.example.net. A".into();
    check.expect(&Moving {
        target: "cloud",
        changed: vec![&moved],
        already: Vec::new(),
    });
    for (second, outcome) in [(second.at, Outcome::Pass), (behind.at, Outcome::Late)] {
        let zone = site.zones.get_mut("example.net").unwrap();
        zone.servers = vec![first.at, second];
        let finding = check.judge(&there, &evidence(&check, &site, &there).await);
        assert_eq!(finding.outcome, outcome, "{finding:#?}");
    }
}

/// Somebody puts back during the run what was at the target before it.
#[tokio::test]
async fn what_was_at_the_target_already_is_asked_for_too_and_stays_there_on_the_way_back() {
    let [moved, put_back] = [false, false].map(|is| Arc::new(AtomicBool::new(is)));
    let (led, other) = (moved.clone(), put_back.clone());
    let server = Scripted::start(anywhere(), move |query, _| {
        let mut out = reply(query);
        let name = query.queries[0].name().to_ascii();
        if query.queries[0].query_type() == dns::RecordType::A {
            let there = match name.starts_with("www.") {
                true => led.load(Ordering::Relaxed),
                false => !other.load(Ordering::Relaxed),
            };
            let ip = if there { "198.51.100.20" } else { "192.0.2.10" };
            out.add_answer(a(&name, 60, ip));
        }
        vec![out.to_vec().unwrap()]
    })
    .await;
    let mut site = site(Book::new(Honesty::Atomic, &[]));
    let zone = site.zones.get_mut("example.org").unwrap();
    (zone.servers, zone.resolvers) = (vec![server.at], Some(Vec::new()));
    let (changed, already) = ("www.example.org. A".into(), "n1.example.org. A".into());
    for named in [false, true] {
        let mut check = check();
        // It may be a name of a service, and so asked for anyhow.
        (check.names).extend(named.then(|| "n1.example.org".to_owned()));
        check.expect(&Moving {
            target: "cloud",
            changed: vec![&changed],
            already: vec![&already],
        });
        let judged = async |active: &str, idle: &str| {
            let aim = aim(active, idle);
            check
                .judge(&aim, &evidence(&check, &site, &aim).await)
                .outcome
        };
        for (led, back, there, home) in [
            (true, false, Outcome::Pass, Outcome::Late),
            (true, true, Outcome::Late, Outcome::Late),
            (false, false, Outcome::Late, Outcome::Pass),
        ] {
            moved.store(led, Ordering::Relaxed);
            put_back.store(back, Ordering::Relaxed);
            assert_eq!(judged("cloud", "dedicated").await, there, "{led} {back}");
            assert_eq!(judged("dedicated", "cloud").await, home, "{led} {back}");
        }
    }
}
