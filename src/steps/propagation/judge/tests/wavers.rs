//! Addresses whose answers differ, or are too few.

use super::*;
use crate::steps::propagation::seen::Short;

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
    one.unsigned_soa = true;
    assert_eq!(of_servers(vec![one]).outcome, Outcome::Warn);
}
