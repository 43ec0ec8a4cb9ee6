use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::clock::Clock;
use crate::plan::Outcome;
use crate::step::Known;
use crate::steps::probe::Reply;
use crate::steps::testing::{host, http_probe};
use crate::world::exec::Exec;
use crate::world::net::RsyncSeen;

mod slowly;

fn page() -> Probe {
    Probe::Http(http_probe())
}

fn module() -> Probe {
    Probe::Rsync {
        module: "archive".into(),
        port: 873,
    }
}

fn site(services: Vec<Service>) -> Site {
    let mut standby = host("standby", "cloud", &["198.51.100.20", "2001:db8:1::20"]);
    standby.stands_in_for = vec!["primary".into()];
    let hosts = [
        host("primary", "dedicated", &["192.0.2.10", "2001:db8::10"]),
        standby,
    ];
    Site {
        hosts: hosts.map(|host| (host.name.clone(), host)).into(),
        services: services
            .into_iter()
            .map(|service| (service.name.clone(), service))
            .collect(),
        zones: BTreeMap::new(),
        exec: Exec::new(),
        clock: Clock::real(),
        asking: Arc::default(),
    }
}

fn service(names: &[&str], probes: Vec<Probe>, hosts: &[&str]) -> Service {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    Service {
        name: "archive".into(),
        names: owned(names),
        probes,
        hosts: owned(hosts),
    }
}

fn aim() -> Aim {
    Aim {
        active: "cloud".into(),
        idle: "dedicated".into(),
        moved: true,
    }
}

fn probing(at: At) -> Probing {
    let what = What::Services(vec!["archive".into()]);
    Probing::new(at, what, &Fields::new(0..1))
}

fn keys(probing: &Probing, site: &Site) -> Vec<String> {
    probing
        .looks(site, &aim(), &Pulses::none())
        .into_iter()
        .map(|look| look.key)
        .collect()
}

#[test]
fn every_probe_of_every_name_is_asked_at_every_address() {
    let site = site(vec![service(
        &["a.example", "b.example"],
        vec![page(), module()],
        &[],
    )]);
    assert_eq!(
        keys(&probing(At::Target), &site),
        [
            "archive https://a.example/ at standby 198.51.100.20:443",
            "archive https://a.example/ at standby [2001:db8:1::20]:443",
            "archive https://b.example/ at standby 198.51.100.20:443",
            "archive https://b.example/ at standby [2001:db8:1::20]:443",
            "archive rsync archive at standby 198.51.100.20:873",
            "archive rsync archive at standby [2001:db8:1::20]:873",
        ]
    );
    assert_eq!(keys(&probing(At::Source), &site).len(), 6);
    assert!(keys(&probing(At::Host("primary".into())), &site)[0].contains("at primary 192.0.2.10"));
    assert_eq!(
        keys(&probing(At::Public), &site),
        [
            "archive a.example by the system's resolver",
            "archive b.example by the system's resolver",
        ]
    );
}

#[tokio::test]
async fn an_address_in_a_url_is_the_only_one_that_is_asked() {
    let site = site(Vec::new());
    let own = |name: &str, at| Probing {
        what: What::Own(service(&[name], vec![page()], &[])),
        ..probing(at)
    };
    for (name, key) in [
        (
            "198.51.100.20",
            "archive https://198.51.100.20/ at standby 198.51.100.20:443",
        ),
        (
            "[2001:db8:1::20]",
            "archive https://[2001:db8:1::20]/ at standby [2001:db8:1::20]:443",
        ),
    ] {
        assert_eq!(keys(&own(name, At::Target), &site), [key]);
    }
    let finding = seen(&own("198.51.100.20", At::Source), &site).await;
    assert_eq!(finding.outcome, Outcome::Unknown);
    assert_eq!(
        finding.facts[0].actual,
        "no host there has the address 198.51.100.20, which its URL names"
    );
}

#[test]
fn a_service_of_one_host_is_asked_at_the_host_that_stands_in_for_it() {
    let site = site(vec![service(&[], vec![module()], &["primary"])]);
    assert_eq!(keys(&probing(At::Target), &site).len(), 2);
}

#[test]
fn two_probes_that_look_the_same_are_two_looks() {
    let site = site(vec![service(&["a.example"], vec![page(), page()], &[])]);
    let keys = keys(&probing(At::Target), &site);
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 4, "{keys:?}");
}

/// Everything that a check would see where no address answers, by judging what its looks are.
async fn seen(probing: &Probing, site: &Site) -> Finding {
    let mut evidence = Evidence::default();
    for look in probing.looks(site, &aim(), &Pulses::none()) {
        let known = match look.ask.await {
            Ok(fact) => Known::Live(fact),
            Err(unseen) => Known::Unseen(unseen),
        };
        evidence.items.push((look.key, known));
    }
    probing.judge(&aim(), &evidence)
}

#[tokio::test]
async fn nothing_to_ask_is_never_a_pass() {
    for service in [
        service(&["a.example"], Vec::new(), &[]),
        service(&["a.example"], vec![page()], &["elsewhere"]),
    ] {
        let finding = seen(&probing(At::Target), &site(vec![service])).await;
        assert_eq!(finding.outcome, Outcome::Unknown);
    }
    let nameless = site(vec![service(&[], vec![module()], &[])]);
    assert_eq!(
        seen(&probing(At::Public), &nameless).await.outcome,
        Outcome::Unknown
    );
    let nothing = probing(At::Target).judge(&aim(), &Evidence::default());
    assert_eq!(nothing.outcome, Outcome::Unknown);
}

fn spot(address: &str, site: Option<&str>) -> Spot {
    Spot {
        service: "archive".into(),
        name: None,
        probe: module(),
        host: site.map(|_| "standby".into()),
        site: site.map(str::to_owned),
        address: address.parse().unwrap(),
    }
}

fn open() -> Reply {
    Reply::Rsync(RsyncSeen::Open {
        version: "31.0".into(),
        beside: None,
    })
}

fn refused() -> Reply {
    Reply::None(Unseen::new(Cause::Refused, "connection refused"))
}

fn live(spot: Spot, reply: Reply) -> (String, Known) {
    let key = spot.what();
    let spot = Box::new(spot);
    let answer = reply.into();
    let fact = json(&Shown::Probe { spot, answer }).unwrap();
    (key, Known::Live(fact))
}

fn silent(spot: &Spot) -> (String, Known) {
    let why = Unseen::new(Cause::TimedOut, "no answer in 9s");
    (spot.what(), Known::Unseen(why))
}

#[test]
fn any_failure_fails_and_any_silence_is_unknown() {
    let v4 = || spot("198.51.100.20", Some("cloud"));
    let v6 = || spot("2001:db8:1::20", Some("cloud"));
    let cases = [
        (
            vec![live(v4(), open()), live(v6(), open())],
            Outcome::Pass,
            "2 of 2 probes pass (1 over IPv4, 1 over IPv6)",
        ),
        (
            vec![live(v4(), open()), live(v6(), refused())],
            Outcome::Fail,
            "1 of 2 probes pass (1 over IPv4, 0 of 1 over IPv6)",
        ),
        (
            vec![live(v4(), open()), silent(&v6())],
            Outcome::Unknown,
            "1 of 2 probes pass (1 over IPv4, 0 of 1 over IPv6)",
        ),
    ];
    for (items, outcome, headline) in cases {
        let evidence = Evidence {
            items,
            baseline: Vec::new(),
        };
        let finding = probing(At::Target).judge(&aim(), &evidence);
        assert_eq!(
            (finding.outcome, finding.headline.as_str()),
            (outcome, headline)
        );
        assert_eq!(finding.facts.len(), 2);
        assert_eq!(!finding.advice.is_empty(), outcome == Outcome::Fail);
    }
}

#[test]
fn an_old_answer_warns_at_the_source_and_proves_nothing_at_the_target() {
    let spot = spot("192.0.2.10", Some("dedicated"));
    let evidence = Evidence {
        items: vec![(
            spot.what(),
            Known::Recorded {
                fact: json(&Shown::Probe {
                    spot: Box::new(spot),
                    answer: open().into(),
                })
                .unwrap(),
                age: Duration::from_secs(7200),
                why: Unseen::new(Cause::Unreachable, "no route to host"),
            },
        )],
        baseline: Vec::new(),
    };
    let at = |at| probing(at).judge(&aim(), &evidence);
    assert_eq!(at(At::Source).outcome, Outcome::Warn);
    assert_eq!(at(At::Target).outcome, Outcome::Unknown);
    assert_eq!(
        at(At::Target).facts[0].actual,
        "now: no route to host; 2h 00m ago: open (protocol 31.0)"
    );
}

#[tokio::test]
async fn a_family_that_only_the_other_side_has_is_said() {
    let mut site = site(vec![service(&["a.example"], vec![module()], &[])]);
    if let Some(standby) = site.hosts.get_mut("standby") {
        standby.addresses = vec!["127.0.0.1".parse().unwrap()];
    }
    let check = probing(At::Target);
    let (aim, pulses) = (aim(), Pulses::none());
    let looks = check.looks(&site, &aim, &pulses);
    let look = looks
        .into_iter()
        .find(|look| look.key == "archive over IPv6 at cloud")
        .unwrap();
    let v4 = spot("127.0.0.1", Some("cloud"));
    let evidence = Evidence {
        items: vec![
            live(v4, open()),
            (look.key, Known::Live(look.ask.await.unwrap())),
        ],
        baseline: Vec::new(),
    };
    let finding = check.judge(&aim, &evidence);
    assert_eq!(finding.outcome, Outcome::Warn);
    assert_eq!(
        finding.facts[1].expected,
        "an IPv6 address, as dedicated has"
    );
}

fn lead(address: &str, site: Option<&str>, probed: bool, reply: Reply) -> Lead {
    let probes = if probed {
        vec![(spot(address, site), reply.into())]
    } else {
        Vec::new()
    };
    Lead {
        address: Address {
            ip: address.parse().unwrap(),
            ttl: 45,
        },
        site: site.map(str::to_owned),
        shared: false,
        probes,
    }
}

fn public(leads: Vec<Lead>, aim: &Aim) -> Finding {
    let shown = Shown::Public {
        service: "archive".into(),
        name: "a.example".into(),
        asked: "the system's resolver".into(),
        leads,
    };
    let evidence = Evidence {
        items: vec![(
            "archive a.example by the system's resolver".into(),
            Known::Live(json(&shown).unwrap()),
        )],
        baseline: Vec::new(),
    };
    probing(At::Public).judge(aim, &evidence)
}

#[test]
fn names_are_judged_by_the_side_that_they_lead_to() {
    let new = || lead("198.51.100.20", Some("cloud"), true, open());
    let new6 = || lead("2001:db8:1::20", Some("cloud"), true, open());
    let old6 = || lead("2001:db8::10", Some("dedicated"), false, open());
    let foreign = || lead("203.0.113.9", None, true, open());
    let broken = || lead("198.51.100.20", Some("cloud"), true, refused());
    let cases = [
        (vec![new(), new6()], Outcome::Pass),
        (vec![new(), old6()], Outcome::Late),
        (vec![old6()], Outcome::Late),
        (vec![new(), foreign()], Outcome::Warn),
        (vec![foreign()], Outcome::Fail),
        (vec![broken(), new6()], Outcome::Fail),
        (vec![], Outcome::Fail),
    ];
    for (leads, outcome) in cases {
        let text = format!("{leads:?}");
        assert_eq!(public(leads, &aim()).outcome, outcome, "{text}");
    }
    let finding = public(vec![new(), old6()], &aim());
    assert_eq!(
        finding.headline,
        "`a.example` still leads to dedicated; 1 of 1 probe passes (1 over IPv4, 0 over IPv6)"
    );
    // Where something is worse than that, it is told first.
    let said = public(vec![broken(), old6()], &aim()).headline;
    let at = |words| said.find(words).unwrap_or_else(|| panic!("{said}"));
    assert!(
        at("probe") < at("`a.example` still leads to dedicated"),
        "{said}"
    );
    assert_eq!(
        finding.facts[0].outcome.max(finding.facts[1].outcome),
        Outcome::Late
    );
}

#[test]
fn before_the_change_the_old_side_is_where_names_may_lead() {
    let before = Aim {
        moved: false,
        ..aim()
    };
    let old = lead("192.0.2.10", Some("dedicated"), true, open());
    assert_eq!(public(vec![old], &before).outcome, Outcome::Pass);
}

#[test]
fn a_proxy_of_both_sides_does_not_show_that_a_name_moved() {
    let shared = |reply| Lead {
        shared: true,
        ..lead("203.0.113.5", None, true, reply)
    };
    let new6 = || lead("2001:db8:1::20", Some("cloud"), true, open());
    let old6 = || lead("2001:db8::10", Some("dedicated"), false, open());
    let cases = [
        (vec![shared(open()), new6()], Outcome::Pass),
        (vec![shared(open()), old6()], Outcome::Late),
        (vec![shared(refused()), new6()], Outcome::Fail),
        (vec![shared(open())], Outcome::Warn),
    ];
    for (leads, outcome) in cases {
        let text = format!("{leads:?}");
        assert_eq!(public(leads, &aim()).outcome, outcome, "{text}");
    }
    let finding = public(vec![shared(open())], &aim());
    assert_eq!(
        finding.headline,
        "1 of 1 probe passes (1 over IPv4, 0 over IPv6); `a.example` leads only to a proxy of both sides"
    );
    // Before the change nothing is claimed about a side.
    let before = Aim {
        moved: false,
        ..aim()
    };
    assert_eq!(public(vec![shared(open())], &before).outcome, Outcome::Pass);
}

#[test]
fn where_no_probe_was_asked_nothing_was_shown() {
    let shared = || Lead {
        shared: true,
        ..lead("203.0.113.5", None, false, open())
    };
    let old = lead("192.0.2.10", Some("dedicated"), false, open());
    let finding = public(vec![shared()], &aim());
    assert_eq!(finding.outcome, Outcome::Unknown);
    let said = &finding.headline;
    assert!(said.starts_with("no probe was asked: "), "{said}");
    assert!(
        said.ends_with("; `a.example` leads only to a proxy of both sides"),
        "{said}"
    );
    // That it still leads to the old side is known.
    let finding = public(vec![shared(), old], &aim());
    assert_eq!(finding.outcome, Outcome::Late);
    let said = &finding.headline;
    let known = "`a.example` still leads to dedicated; no probe was asked; `a.example` leads only to a proxy of both \
                 sides";
    assert_eq!(said, known);
}

#[test]
fn an_answer_that_fails_after_others_that_passed_is_told_with_them() {
    let v4 = spot("198.51.100.20", Some("cloud"));
    let shown = Shown::Probe {
        spot: Box::new(v4.clone()),
        answer: Answer {
            better: 2,
            ..refused().into()
        },
    };
    let evidence = Evidence {
        items: vec![(v4.what(), Known::Live(json(&shown).unwrap()))],
        baseline: Vec::new(),
    };
    let finding = probing(At::Target).judge(&aim(), &evidence);
    assert_eq!(finding.outcome, Outcome::Fail);
    let said = "connection refused (after 2 answers that passed)";
    assert_eq!(finding.facts[0].actual, said);
    let mut broken = lead("198.51.100.20", Some("cloud"), true, refused());
    broken.probes[0].1.better = 1;
    let finding = public(vec![broken], &aim());
    let said = "connection refused (after 1 answer that passed)";
    assert_eq!(finding.facts[0].actual, said);
}

/// It is the machine that lacks the family, and not the target: who reads it must know where to go on.
#[test]
fn what_this_machine_has_no_route_to_is_unknown_with_the_words_what_to_do() {
    let v4 = spot("198.51.100.20", Some("cloud"));
    let v6 = spot("2001:db8:1::20", Some("cloud"));
    let none = || {
        let detail = "`[2001:db8:1::20]:873` was not asked: this machine has no route over IPv6";
        Unseen::new(Cause::NoRoute, detail)
    };
    let evidence = Evidence {
        items: vec![live(v4, open()), (v6.what(), Known::Unseen(none()))],
        baseline: Vec::new(),
    };
    let finding = probing(At::Target).judge(&aim(), &evidence);
    assert_eq!(finding.outcome, Outcome::Unknown);
    assert_eq!(finding.facts[1].actual, none().detail);
    assert_eq!(
        finding.mended_by(),
        Some(
            "look from a machine that has a route over IPv6; `blocks = \"never\"` in the step goes on without"
        )
    );
    let finding = public(
        vec![lead(
            "2001:db8:1::20",
            Some("cloud"),
            true,
            Reply::None(none()),
        )],
        &aim(),
    );
    assert_eq!(finding.outcome, Outcome::Unknown);
    let mend = finding.mended_by().unwrap();
    assert!(mend.contains("`on-fail = \"warn\"` in the step"), "{mend}");
}
