//! Caches that were filled when the TTL was longer.

use super::*;
use crate::event::Sight;
use crate::plan::Direction;
use crate::steps::propagation::in_caches;

/// A cache that holds the old A set for so many seconds more.
fn cache(role: Role, left: u32) -> Sighting {
    let old = but(told(OLD4), |told| {
        (told.authoritative, told.ttl) = (false, Some(left));
    });
    let new = but(told(NEW6), |told| told.authoritative = false);
    let mut cache = sighting(role, vec![asked("192.0.2.55:53", old, new)]);
    cache.old_ttl = Some(5);
    cache
}

fn servers(v4: &[&str], v6: &[&str]) -> Sighting {
    let mut server = asked("ns1", told(v4), told(v6));
    server.new_since = Some(at(90));
    let mut servers = sighting(Role::Authoritative, vec![server]);
    servers.old_ttl = Some(5);
    servers
}

#[test]
fn a_cache_that_outlives_the_look_after_the_change_stops_a_run_before_it() {
    let before = Aim {
        moved: false,
        ..aim()
    };
    let of = |role, left| {
        let items = evidence(vec![servers(OLD4, OLD6), cache(role, left)]);
        foresee(&before, &items, Duration::from_secs(30))
    };
    for role in [Role::Resolver, Role::SystemResolver] {
        let late = of(role, 172);
        assert_eq!(late.outcome, Outcome::Late);
        let why = "holds www.example.org. A for 2m 52s more, until 03:04:32 UTC";
        assert!(late.headline.contains(why), "{}", late.headline);
        assert!(late.mended_by().is_some_and(|mend| mend.contains("within")));
        assert_eq!(of(role, 30).outcome, Outcome::Pass);
    }
    // Where a server is named for a cache, nothing is counted down.
    let server = sighting(Role::Resolver, vec![asked("ns1", told(OLD4), told(OLD6))]);
    let items = evidence(vec![servers(OLD4, OLD6), server]);
    let found = foresee(&before, &items, Duration::from_secs(1));
    assert_eq!(found.outcome, Outcome::Pass);
    // The way back leads the other way round.
    let home = Aim {
        active: "dedicated".into(),
        idle: "cloud".into(),
        moved: false,
    };
    let items = evidence(vec![servers(NEW4, NEW6), cache(Role::Resolver, 172)]);
    let v6 = "holds www.example.org. AAAA for 1m 00s";
    let found = foresee(&home, &items, Duration::from_secs(30));
    assert!(found.headline.contains(v6), "{}", found.headline);
}

#[test]
fn one_sentence_tells_one_thing_of_what_caches_hold() {
    let items = evidence(vec![servers(NEW4, NEW6), cache(Role::Resolver, 44)]);
    let late = judge(&aim(), &items, Duration::from_secs(1));
    assert_eq!(late.outcome, Outcome::Late);
    let until = "caches that keep to the rules may hold the old records until 03:02:24 UTC";
    assert!(late.headline.contains(until), "{}", late.headline);
    assert!(!late.headline.contains("have let"), "{}", late.headline);
}

#[test]
fn a_forecast_knows_what_the_watched_caches_hold() {
    let sight = |sighting: Sighting| Sight {
        key: "k".into(),
        step: "published".into(),
        seen: Ok(serde_json::to_value(sighting).unwrap()),
    };
    let direction = Direction {
        source: "dedicated".into(),
        target: "cloud".into(),
    };
    let sights = [servers(OLD4, OLD6), cache(Role::Resolver, 74)].map(sight);
    let held = in_caches(&direction, &sights);
    let expiry = expiry(&held, Duration::ZERO).unwrap();
    assert_eq!(expiry.strict.wall, at(174).wall);
}
