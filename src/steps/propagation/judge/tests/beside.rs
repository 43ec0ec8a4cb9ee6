//! Addresses of neither side, aliases that lead out of the zones, names in none.

use super::*;
use crate::dns::RecordType;

#[test]
fn an_address_of_neither_side_beside_new_ones_is_told_in_each_family_and_direction() {
    let both = |own: &[&str], other: &str| told(&[own[0], other]);
    let (third4, third6) = ("203.0.113.9", "2001:db8:9::9");
    let home = Aim {
        active: "dedicated".into(),
        idle: "cloud".into(),
        moved: true,
    };
    let cases = [
        (
            aim(),
            both(NEW4, third4),
            told(NEW6),
            "www.example.org. A",
            third4,
        ),
        (
            aim(),
            told(NEW4),
            both(NEW6, third6),
            "www.example.org. AAAA",
            third6,
        ),
        (
            home,
            both(OLD4, third4),
            told(OLD6),
            "www.example.org. A",
            third4,
        ),
    ];
    for (aim, v4, v6, key, third) in cases {
        let now = sighting(Role::Authoritative, vec![asked("ns1", v4, v6)]);
        let before = sighting(
            Role::Authoritative,
            vec![asked("ns1", told(OLD4), told(OLD6))],
        );
        let judged = |before: Option<Sighting>| {
            let mut evidence = evidence(vec![now.clone()]);
            let json = |of| ("look 0".to_owned(), serde_json::to_value(of).unwrap());
            evidence.baseline.extend(before.map(json));
            judge(&aim, &evidence, FLOOR)
        };
        let ends = [
            (None, ""),
            (Some(before), ", and was not there before the change"),
            (Some(now.clone()), ", as before the change"),
        ];
        for (before, end) in ends {
            let finding = judged(before);
            assert_eq!(finding.outcome, Outcome::Warn, "{finding:?}");
            let says = format!("but {key}: it also holds {third}, of neither site{end};");
            assert!(finding.headline.contains(&says), "{}", finding.headline);
        }
    }
}

#[test]
fn a_cache_with_an_address_that_no_server_gives_has_another_set() {
    let cache = |role, of_server: &[&str], of_cache: &[&str]| {
        let of_cache = but(told(of_cache), |told| told.authoritative = false);
        let items = vec![
            sighting(
                Role::Authoritative,
                vec![asked("ns1", told(of_server), told(NEW6))],
            ),
            sighting(role, vec![asked("192.0.2.55:53", of_cache, told(NEW6))]),
        ];
        judge(&aim(), &evidence(items), FLOOR).outcome
    };
    let third: &[&str] = &["198.51.100.20", "203.0.113.9"];
    assert_eq!(cache(Role::Resolver, NEW4, third), Outcome::Late);
    assert_eq!(cache(Role::SystemResolver, NEW4, third), Outcome::Warn);
    // The servers give it too: it is told once, of them.
    assert_eq!(cache(Role::Resolver, third, third), Outcome::Warn);
    assert_eq!(cache(Role::Resolver, NEW4, NEW4), Outcome::Pass);
}

#[test]
fn an_alias_that_leads_out_of_the_zones_is_told_by_caches_or_unknown() {
    let alias = |ips: &[&str]| but(told(ips), |told| told.cname = Some("web.cdn.test".into()));
    let ask = |of_cache: Option<&[&str]>| {
        let of = |server, a, aaaa| Asked {
            over_tcp: None,
            ..asked(server, a, aaaa)
        };
        let mut other = of("ns1", told(NEW4), told(NEW6));
        other
            .answers
            .iter_mut()
            .for_each(|(key, _)| key.name = "web.example.org".into());
        let mut one = of("ns1", alias(&[]), alias(&[]));
        one.answers.extend(other.answers);
        let servers = vec![one];
        let mut items = vec![sighting(Role::Authoritative, servers)];
        if let Some(ips) = of_cache {
            items.push(sighting(
                Role::Resolver,
                vec![of("192.0.2.55:53", alias(ips), alias(&[]))],
            ));
        }
        judge(&aim(), &evidence(items), FLOOR)
    };
    let finding = ask(None);
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:?}");
    let row = finding
        .facts
        .iter()
        .find(|fact| fact.what == "www.example.org")
        .unwrap();
    assert_eq!(row.outcome, Outcome::Unknown);
    assert!(
        finding
            .headline
            .contains("no cache that was asked tells where that leads"),
        "{}",
        finding.headline
    );
    assert_eq!(ask(Some(&[])).outcome, Outcome::Warn);
    assert_eq!(ask(Some(NEW4)).outcome, Outcome::Pass);
    assert_eq!(ask(Some(OLD4)).outcome, Outcome::Late);
}

/// A service whose only name is an alias out of the zones: whoever keeps it out there moves it.
#[test]
fn an_alias_out_of_the_zones_as_the_only_name_is_followed_through_caches() {
    let alias = |ips: &[&str]| but(told(ips), |told| told.cname = Some("web.cdn.test".into()));
    let of = |server, ips: &[&str]| Asked {
        over_tcp: None,
        ..asked(server, alias(ips), alias(&[]))
    };
    let seen = |caches: &[&[&str]]| {
        let servers = sighting(Role::Authoritative, vec![of("ns1", &[])]);
        let caches = caches.iter().map(|ips| of("192.0.2.55:53", ips));
        let caches = caches.map(|cache| sighting(Role::Resolver, vec![cache]));
        [servers].into_iter().chain(caches).collect::<Vec<_>>()
    };
    let home = Aim {
        active: "dedicated".into(),
        idle: "cloud".into(),
        moved: true,
    };
    let other: &[&str] = &["203.0.113.9"];
    let row = |aim: &Aim, caches: &[&[&str]], before: &[&[&str]]| {
        let mut evidence = evidence(seen(caches));
        for (at, of) in seen(before).into_iter().enumerate() {
            let json = serde_json::to_value(of).unwrap();
            evidence.baseline.push((format!("look {at}"), json));
        }
        let finding = judge(aim, &evidence, FLOOR);
        let servers = &finding.facts[0];
        assert_eq!(servers.outcome, Outcome::Pass, "{servers:?}");
        assert_eq!(servers.actual, "an alias of web.cdn.test");
        let found = finding
            .facts
            .iter()
            .find(|fact| fact.what == "www.example.org");
        (finding.outcome, found.map(|fact| fact.actual.clone()))
    };
    let says = |text: &str| Some(format!("it is an alias of web.cdn.test, {text}"));
    // There, and back again after an undo.
    assert_eq!(row(&aim(), &[NEW4], &[OLD4]), (Outcome::Pass, None));
    assert_eq!(row(&home, &[OLD4], &[OLD4]), (Outcome::Pass, None));
    assert_eq!(row(&aim(), &[OLD4], &[OLD4]).0, Outcome::Late);
    let untold = says("and no cache that was asked tells where that leads");
    assert_eq!(row(&aim(), &[], &[]), (Outcome::Warn, untold.clone()));
    assert_eq!(row(&home, &[], &[]), (Outcome::Warn, untold));
    let nobody = says("which leads to neither site (203.0.113.9)");
    assert_eq!(row(&aim(), &[other], &[other]), (Outcome::Warn, nobody));
    let gone = says("which leads to neither site any more (203.0.113.9)");
    assert_eq!(row(&aim(), &[other], &[OLD4]), (Outcome::Fail, gone));
    let some = says("which leads to neither site by what some caches say (203.0.113.9)");
    assert_eq!(row(&aim(), &[NEW4, other], &[OLD4]), (Outcome::Warn, some));

    // The plan says what will not be told.
    let foreseen = |caches: &[&[&str]]| {
        let within = Duration::from_secs(600);
        foresee(
            &Aim {
                moved: false,
                ..aim()
            },
            &evidence(seen(caches)),
            within,
        )
    };
    assert_eq!(foreseen(&[OLD4]).outcome, Outcome::Pass);
    let finding = foreseen(&[]);
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:?}");
    assert!(finding.has_unknowns(), "{finding:?}");
}

/// Of many aliases each is told of by its own answers, and by those of no other.
#[test]
fn of_many_aliases_each_is_told_of_by_itself() {
    const NAMES: usize = 4_000;
    let name = |number| format!("n{number}.example.org");
    let of = |server, ips: &dyn Fn(usize) -> Option<&'static [&'static str]>| {
        let answers = (0..NAMES).filter_map(|number| {
            let alias = but(told(ips(number)?), |told| {
                told.cname = Some("web.cdn.test".into());
            });
            Some((RecordKey::new(&name(number), RecordType::A), alias))
        });
        Asked {
            answers: answers.collect(),
            over_tcp: None,
            ..asked(server, told(&[]), told(&[]))
        }
    };
    let other: &[&str] = &["203.0.113.9"];
    let seen = |caches: [&dyn Fn(usize) -> Option<&'static [&'static str]>; 2]| {
        let servers = sighting(Role::Authoritative, vec![of("ns1", &|_| Some(&[]))]);
        let caches = caches.map(|ips| sighting(Role::Resolver, vec![of("192.0.2.55:53", ips)]));
        [servers].into_iter().chain(caches).collect::<Vec<_>>()
    };
    let one = |number: usize| match number % 4 {
        0 => Some(NEW4),
        1 => None,
        _ => Some(other),
    };
    let two = |number: usize| (number % 4 == 2).then_some(NEW4);
    let mut now = evidence(seen([&one, &two]));
    for (at, of) in seen([&|_| Some(OLD4), &|_| None]).into_iter().enumerate() {
        let json = serde_json::to_value(of).unwrap();
        now.baseline.push((format!("look {at}"), json));
    }
    let finding = judge(&aim(), &now, FLOOR);
    let says = |number: usize| {
        let name = name(number);
        let mut rows = finding.facts.iter().filter(|fact| fact.what == name);
        let (row, more) = (rows.next(), rows.next());
        assert!(more.is_none(), "{more:?}");
        row.map(|row| {
            row.actual
                .trim_start_matches("it is an alias of web.cdn.test, ")
        })
    };
    for first in [0, NAMES / 2, NAMES - 4] {
        let rows = [0, 1, 2, 3].map(|kind| says(first + kind));
        let right = [
            None,
            Some("and no cache that was asked tells where that leads"),
            Some("which leads to neither site by what some caches say (203.0.113.9)"),
            Some("which leads to neither site any more (203.0.113.9)"),
        ];
        assert_eq!(rows, right, "{first}");
    }
}

#[test]
fn a_name_in_no_zone_is_told_where_it_leads() {
    use serde_json::json;
    let ask = |of: Json, active: &[&str], idle: &[&str]| {
        let good = sighting(
            Role::Authoritative,
            vec![asked("ns1", told(NEW4), told(NEW6))],
        );
        let mut evidence = evidence(vec![good]);
        let seen = json!({ "name": "www.else.test", "told": of, "active": active, "idle": idle });
        (evidence.items).push(("www.else.test in no zone".into(), Known::Live(seen)));
        let after = judge(&aim(), &evidence, FLOOR);
        let before = foresee(&aim(), &evidence, Duration::from_secs(600));
        assert_eq!(before.outcome, after.outcome, "{before:?}");
        let row = after.facts.last().unwrap();
        (after.outcome, row.outcome, row.actual.clone())
    };
    let unseen = Unseen::new(Cause::TimedOut, "nobody answered");
    let cases = [
        (
            json!({ "Ok": ["192.0.2.10"] }),
            &[][..],
            OLD4,
            Outcome::Warn,
            Outcome::Late,
            "and leads to dedicated (192.0.2.10)",
        ),
        (
            json!({ "Ok": ["198.51.100.20"] }),
            NEW4,
            &[][..],
            Outcome::Pass,
            Outcome::Pass,
            "and leads to cloud",
        ),
        (
            json!({ "Ok": ["203.0.113.9"] }),
            &[],
            &[],
            Outcome::Warn,
            Outcome::Unknown,
            "and leads to neither site (203.0.113.9)",
        ),
        (
            json!({ "Ok": [] }),
            &[],
            &[],
            Outcome::Warn,
            Outcome::Unknown,
            "and has no address",
        ),
        (
            json!({ "Err": unseen }),
            &[],
            &[],
            Outcome::Warn,
            Outcome::Unknown,
            "and where it leads could not be told: nobody answered",
        ),
    ];
    for (of, active, idle, all, row, says) in cases {
        let (outcome, of_row, actual) = ask(of, active, idle);
        assert_eq!((outcome, of_row), (all, row), "{says}");
        assert_eq!(actual, format!("it is in no zone of the playbook, {says}"));
    }
}
