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
        // Its servers hand it out for longer than that: waiting would never end.
        let mend = late.mended_by().unwrap();
        let says = "lower the TTL of www.example.org. A to 30s or less, wait 1m 00s";
        assert!(
            mend.contains(says) && !mend.contains("wait until then"),
            "{mend}"
        );
        // It lets it go in time, and whoever asks it just before the change fills it for a minute.
        let late = of(role, 30);
        assert_eq!(late.outcome, Outcome::Late);
        let why = "is served with a TTL of 1m 00s";
        assert!(late.headline.contains(why), "{}", late.headline);
        let mend = late.mended_by().unwrap();
        assert!(mend.contains("`within` of more than 1m 00s"), "{mend}");
        let items = evidence(vec![servers(OLD4, OLD6), cache(role, 30)]);
        let patient = foresee(&before, &items, Duration::from_secs(60));
        assert_eq!(patient.outcome, Outcome::Pass, "{}", patient.headline);
    }
    // Caches that nobody watches hold up nobody.
    let items = evidence(vec![servers(OLD4, OLD6)]);
    assert_eq!(
        foresee(&before, &items, Duration::ZERO).outcome,
        Outcome::Pass
    );
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

/// The TTL was lowered, and a cache that was filled before that lets go by and by.
#[test]
fn waiting_helps_where_the_servers_hand_out_a_shorter_ttl_by_now() {
    let mut servers = servers(OLD4, OLD6);
    for (_, told) in &mut servers.asked[0].answers {
        told.as_mut().unwrap().ttl = Some(30);
    }
    let items = evidence(vec![servers, cache(Role::Resolver, 172)]);
    let late = foresee(&aim(), &items, Duration::from_secs(30));
    assert!(
        late.mended_by()
            .is_some_and(|mend| mend.starts_with("wait until then"))
    );
}

#[test]
fn a_cache_that_says_other_than_the_servers_stops_a_run_before_the_change() {
    const NEITHER: &[&str] = &["203.0.113.9"];
    let no_name = || but(told(&[]), |told| told.rcode = "NXDOMAIN".into());
    let also: &[&str] = &["192.0.2.10", "203.0.113.9"];
    let a = "it says www.example.org. A";
    let six = "it says www.example.org. AAAA nothing, and its servers say 2001:db8::10";
    let cases = [
        (told(OLD4), told(OLD6), None),
        // Of an earlier run: that is where it shall lead.
        (told(NEW4), told(OLD6), None),
        (
            no_name(),
            no_name(),
            Some(format!(
                "{a} nothing (no such name), and its servers say 192.0.2.10"
            )),
        ),
        (
            told(&[]),
            told(OLD6),
            Some(format!("{a} nothing, and its servers say 192.0.2.10")),
        ),
        (told(OLD4), told(&[]), Some(six.to_owned())),
        (
            told(NEITHER),
            told(OLD6),
            Some(format!(
                "{a} 203.0.113.9 (ttl 60), and its servers say 192.0.2.10"
            )),
        ),
        (
            told(also),
            told(OLD6),
            Some(format!(
                "{a} 192.0.2.10 203.0.113.9 (ttl 60), and its servers say 192.0.2.10"
            )),
        ),
    ];
    for (v4, v6, says) in cases {
        for (role, outcome) in [
            (Role::Resolver, Outcome::Late),
            (Role::SystemResolver, Outcome::Warn),
        ] {
            let cache = sighting(role, vec![asked("192.0.2.55:53", v4.clone(), v6.clone())]);
            let items = evidence(vec![servers(OLD4, OLD6), cache]);
            let found = foresee(&aim(), &items, Duration::from_secs(600));
            let Some(says) = &says else {
                assert_eq!(found.outcome, Outcome::Pass, "{found:?}");
                continue;
            };
            assert_eq!(found.outcome, outcome, "{found:?}");
            let headline = format!("example.org at resolver 192.0.2.55:53: {says}");
            assert_eq!(found.headline, headline);
            let mend = found
                .mended_by()
                .is_some_and(|mend| mend.contains("`resolvers = []`"));
            assert_eq!(mend, outcome == Outcome::Late);
        }
    }
    // Where the servers lead to neither side, nothing is waited for in the cache.
    let cache = sighting(
        Role::Resolver,
        vec![asked("192.0.2.55:53", told(&[]), told(&[]))],
    );
    let items = evidence(vec![servers(NEITHER, &[]), cache]);
    let found = foresee(&aim(), &items, Duration::from_secs(600));
    assert_eq!(found.outcome, Outcome::Pass, "{found:?}");
}

#[test]
fn one_sentence_tells_one_thing_of_what_caches_hold() {
    let items = evidence(vec![servers(NEW4, NEW6), cache(Role::Resolver, 44)]);
    let late = judge(&aim(), &items, Duration::from_secs(1));
    assert_eq!(late.outcome, Outcome::Late);
    let until = "caches that keep to the rules may hold the old records until 03:02:24 UTC";
    assert!(late.headline.contains(until), "{}", late.headline);
    assert!(!late.headline.contains("have let"), "{}", late.headline);
    // A day later the time of day alone would be one that is over.
    let items = evidence(vec![servers(NEW4, NEW6), cache(Role::Resolver, 86_400)]);
    let late = judge(&aim(), &items, Duration::from_secs(1));
    let told = format!("{late:?}");
    assert_eq!(told.matches("until 2026-11-23 03:0").count(), 3, "{told}");
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
