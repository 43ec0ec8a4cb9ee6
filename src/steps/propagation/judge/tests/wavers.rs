//! Addresses whose answers differ, or are too few.

use std::collections::BTreeSet;

use super::*;
use crate::steps::propagation::seen::Short;
use crate::world::dns::signed::KeyId;

#[test]
fn an_address_that_wavers_is_late_and_says_why() {
    let mut one = asked("ns1", told(OLD4), told(NEW6));
    one.wavers = true;
    let finding = of_servers(vec![one]);
    assert_eq!(finding.outcome, Outcome::Late);
    assert!(
        finding
            .headline
            .contains("more than one server may answer at this address"),
        "{}",
        finding.headline
    );
}

#[test]
fn new_answers_that_are_too_few_are_late_and_those_that_are_missing_are_told() {
    let new = || asked("ns1", told(NEW4), told(NEW6));
    for (after_old, cause) in [(true, true), (false, false)] {
        let mut one = new();
        one.new_since = None;
        one.short = Some(Short {
            good: 12,
            of: 50,
            after_old,
        });
        let finding = of_servers(vec![one.clone()]);
        assert_eq!(finding.outcome, Outcome::Late);
        let text = &finding.headline;
        assert!(
            text.contains("new in 12 answers in a row, and it takes 50"),
            "{text}"
        );
        assert_eq!(text.contains("more than one server"), cause, "{text}");
        let server = sighting(Role::Authoritative, vec![new()]);
        for (role, outcome) in [
            (Role::Resolver, Outcome::Late),
            (Role::SystemResolver, Outcome::Warn),
        ] {
            let cache = sighting(role, vec![one.clone()]);
            let seen = evidence(vec![server.clone(), cache]);
            assert_eq!(judge(&aim(), &seen, FLOOR).outcome, outcome);
        }
    }
    for (silent, outcome) in [(2, Outcome::Pass), (3, Outcome::Warn)] {
        let mut one = new();
        one.silent = silent;
        assert_eq!(of_servers(vec![one]).outcome, outcome);
    }
}

#[test]
fn new_records_that_no_signature_covers_fail() {
    let mut one = asked("ns1", told(NEW4), told(NEW6));
    one.unsigned = vec!["the signature of www.example.org. A does not cover it".into()];
    let finding = of_servers(vec![one.clone()]);
    assert_eq!(finding.outcome, Outcome::Fail);
    assert!(finding.headline.contains("those who validate"));
    one.unsigned.clear();
    one.unsigned_soa = Some("the signature of example.org. SOA does not cover it".into());
    assert_eq!(of_servers(vec![one]).outcome, Outcome::Warn);
}

#[test]
fn who_signs_with_keys_that_another_server_does_not_know_is_lost_for_those_who_validate() {
    let key = |tag| KeyId { tag, algorithm: 13 };
    let server = |name, keys: &[u16], by: &[u16], ips: &[&str]| Asked {
        zone_keys: keys.iter().map(|tag| key(*tag)).collect(),
        signers: [by.iter().map(|tag| key(*tag)).collect()]
            .into_iter()
            .filter(|by: &BTreeSet<_>| !by.is_empty())
            .collect(),
        ..asked(name, told(ips), told(&[]))
    };
    // Two that sign, one without signatures, and one with old keys of its own.
    let all = |ips: &'static [&str], own: &[u16]| {
        vec![
            server("ns1", &[1, 2], &[1], ips),
            server("ns2", &[1, 2], &[2], ips),
            server("ns3", &[], &[], ips),
            server("ns4", own, &[own[0]], ips),
        ]
    };
    assert_eq!(of_servers(all(NEW4, &[1, 2])).outcome, Outcome::Pass);
    let finding = of_servers(all(NEW4, &[3]));
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:?}");
    let row = &finding.facts[3];
    assert_eq!(
        row.actual,
        "new, and lost for those who validate (DNSSEC): its signatures are of the key 3 of algorithm 13, which the zone \
         does not have at ns1"
    );

    // While a zone changes its keys a set has two signatures, and a server may know one of the keys alone.
    let change = |ours: &[u16]| {
        vec![
            server("ns1", &[1, 2], &[1, 2], NEW4),
            server("ns2", ours, &[1], NEW4),
        ]
    };
    assert_eq!(of_servers(change(&[1])).outcome, Outcome::Pass);
    assert_eq!(of_servers(change(&[3])).outcome, Outcome::Fail);

    // Before the change it refuses a planned run; what was so then is not put back for.
    let before = sighting(Role::Authoritative, all(OLD4, &[3]));
    let foreseen = foresee(
        &Aim {
            moved: false,
            ..aim()
        },
        &evidence(vec![before.clone()]),
        Duration::from_secs(600),
    );
    assert_eq!(foreseen.outcome, Outcome::Late, "{foreseen:?}");
    assert!(foreseen.final_ && foreseen.mended_by().is_some());
    let mut seen = evidence(vec![sighting(Role::Authoritative, all(NEW4, &[3]))]);
    let json = serde_json::to_value(before).unwrap();
    seen.baseline.push(("look 0".into(), json));
    let finding = judge(&aim(), &seen, FLOOR);
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:?}");
    assert!(finding.facts[3].actual.contains("as before the change"));
}
