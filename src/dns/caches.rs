//! Until when caches may hold old data: arithmetic over what authoritative servers handed out, and when.
//!
//! A resolver that asked a server in the last moment before it switched keeps the old answer for a whole
//! TTL. So the bound counts from the moment when the last server stopped handing the old data out, not from
//! the request to the provider, and it counts the TTL that these servers served, not the new one.

use std::time::Duration;

use crate::clock::Stamp;
use crate::dns::RecordSet;
use crate::plan::Value;
use crate::world::dns::plain_ttl;

/// What resolvers may keep of one version of a record set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The set was there, with this TTL in seconds.
    Set { ttl: u32 },
    /// It was absent: the answer that says so is kept for the lower of these two (RFC 2308).
    Absence { soa_ttl: u32, soa_minimum: u32 },
}

impl Kept {
    /// How long a cache that keeps to the rules holds it.
    pub fn hold(self, clamp: Clamp) -> Duration {
        let seconds = match self {
            Kept::Set { ttl } => plain_ttl(ttl),
            Kept::Absence {
                soa_ttl,
                soa_minimum,
            } => plain_ttl(soa_ttl).min(plain_ttl(soa_minimum)),
        };
        clamp.to(Duration::from_secs(seconds.into()))
    }
}

/// The bounds that a cache puts on the TTLs which it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clamp {
    pub least: Duration,
    pub most: Option<Duration>,
}

impl Clamp {
    /// TTLs as they are published.
    pub const NONE: Clamp = Clamp {
        least: Duration::ZERO,
        most: None,
    };

    /// A cache that keeps everything at least this long.
    pub fn floor(least: Duration) -> Clamp {
        Clamp { least, most: None }
    }

    /// Where the two contradict each other, the floor holds: it is the worse case.
    fn to(self, span: Duration) -> Duration {
        let cut = self.most.map_or(span, |most| span.min(most));
        cut.max(self.least)
    }
}

/// One version of a record set, and the last moment at which any authoritative server may have handed it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub kept: Kept,
    pub last_served: Stamp,
}

/// The latest moment at which a cache may still hold one of these versions; `None` where there are none.
///
/// A history belongs in here, not only the newest old version: a TTL that was cut from an hour to a minute
/// protects only after an hour.
pub fn held_until(versions: &[Version], clamp: Clamp) -> Option<Stamp> {
    versions
        .iter()
        .map(|version| version.last_served.plus(version.kept.hold(clamp)))
        .max_by_key(|end| end.wall)
}

/// Until when caches may hold old data, told twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// For caches that take TTLs as they are published.
    pub strict: Stamp,
    /// For caches that keep everything at least for the floor.
    pub floored: Stamp,
}

/// The expiry of these versions; `None` where there are none.
pub fn expiry(versions: &[Version], floor: Duration) -> Option<Expiry> {
    Some(Expiry {
        strict: held_until(versions, Clamp::NONE)?,
        floored: held_until(versions, Clamp::floor(floor))?,
    })
}

/// What caches may keep of the record sets in the value of a place: the `before` of an edit, for a forecast.
pub fn served(value: &Value) -> Result<Vec<Kept>, String> {
    let sets = RecordSet::sets_of(value)?;
    Ok(sets.iter().map(|set| Kept::Set { ttl: set.ttl }).collect())
}

/// Until when caches would hold what is served now, if names were flipped at `now` and the last server
/// switched `lag` later. `history` is what was served before and may still be held.
pub fn forecast(
    now: &Stamp,
    lag: Duration,
    served: &[Kept],
    history: &[Version],
    floor: Duration,
) -> Option<Expiry> {
    let last_served = now.plus(lag);
    let versions: Vec<Version> = served
        .iter()
        .map(|kept| Version {
            kept: *kept,
            last_served: last_served.clone(),
        })
        .chain(history.iter().cloned())
        .collect();
    expiry(&versions, floor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: u64) -> Stamp {
        let start = Stamp {
            wall: "2026-11-22T03:00:00Z".parse().unwrap(),
            boot_ms: 0,
            boot_id: "test".into(),
        };
        start.plus(Duration::from_millis(ms))
    }

    fn set(ttl: u32, last_served_ms: u64) -> Version {
        Version {
            kept: Kept::Set { ttl },
            last_served: at(last_served_ms),
        }
    }

    #[test]
    fn the_lag_of_the_last_server_counts() {
        // Measured: TTL 10, the secondary switched 4.57 s after the write, and a resolver that had asked it
        // just before kept the old address until 14.40 s.
        let bound = held_until(&[set(10, 4_570)], Clamp::NONE).unwrap();
        assert_eq!(bound, at(14_570));
        assert!(bound.boot_ms >= 14_400);
        let from_the_write = held_until(&[set(10, 0)], Clamp::NONE).unwrap();
        assert!(from_the_write.boot_ms < 14_400, "the wrong origin is wrong");
    }

    #[test]
    fn a_ttl_that_was_cut_protects_only_after_the_old_one() {
        let versions = [set(3600, 0), set(60, 600_000)];
        assert_eq!(held_until(&versions, Clamp::NONE), Some(at(3_600_000)));
        let later = [set(3600, 0), set(60, 4_000_000)];
        assert_eq!(held_until(&later, Clamp::NONE), Some(at(4_060_000)));
    }

    #[test]
    fn holds_follow_the_rules() {
        let floor = Clamp::floor(Duration::from_secs(30));
        let capped = Clamp {
            least: Duration::ZERO,
            most: Some(Duration::from_secs(120)),
        };
        let absent = |soa_ttl, soa_minimum| Kept::Absence {
            soa_ttl,
            soa_minimum,
        };
        let cases = [
            (Kept::Set { ttl: 5 }, Clamp::NONE, 5),
            (Kept::Set { ttl: 5 }, floor, 30),
            (Kept::Set { ttl: 86_400 }, capped, 120),
            (Kept::Set { ttl: u32::MAX }, Clamp::NONE, 0),
            (absent(300, 60), Clamp::NONE, 60),
            (absent(60, 300), Clamp::NONE, 60),
            (absent(0, 300), floor, 30),
        ];
        for (kept, clamp, seconds) in cases {
            assert_eq!(
                kept.hold(clamp),
                Duration::from_secs(seconds),
                "{kept:?} {clamp:?}"
            );
        }
    }

    #[test]
    fn a_forecast_counts_lag_floor_and_history() {
        let served = [Kept::Set { ttl: 10 }, Kept::Set { ttl: 20 }];
        let floor = Duration::from_secs(30);
        let told = forecast(&at(0), Duration::from_secs(5), &served, &[], floor).unwrap();
        assert_eq!((told.strict, told.floored), (at(25_000), at(35_000)));
        let history = [set(3600, 0)];
        let told = forecast(&at(1_000), Duration::ZERO, &served, &history, floor).unwrap();
        assert_eq!(told.strict, at(3_600_000));
        assert_eq!(
            forecast(&at(0), Duration::ZERO, &[], &[], floor),
            None,
            "nothing is served, nothing is held"
        );
    }

    #[test]
    fn the_before_of_an_edit_says_what_is_served() {
        let key = "www.example.org. A".parse().unwrap();
        let www = RecordSet::new(key, 300, ["192.0.2.1"]).unwrap();
        let value = RecordSet::value_of([&www]);
        assert_eq!(served(&value), Ok(vec![Kept::Set { ttl: 300 }]));
        let broken = Value([("x".to_owned(), serde_json::json!(7).into())].into());
        assert!(served(&broken).is_err());
    }

    proptest! {
        #[test]
        fn the_bound_covers_every_version_and_a_floor_never_lowers_it(
            versions in proptest::collection::vec((any::<u32>(), 0u64..10_000_000), 1..6),
            floor in 0u64..4000,
        ) {
            let versions: Vec<_> = versions.into_iter().map(|(ttl, ms)| set(ttl, ms)).collect();
            let told = expiry(&versions, Duration::from_secs(floor)).unwrap();
            prop_assert!(told.floored.wall >= told.strict.wall);
            for version in &versions {
                let end = version.last_served.plus(version.kept.hold(Clamp::NONE));
                prop_assert!(end.wall <= told.strict.wall);
            }
        }
    }
}
