//! Time as a run needs it: wall time for people, boot time for arithmetic that a clock jump cannot spoil.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One moment, told three ways.
///
/// Two stamps of the same boot are subtracted by boot time, others by wall time (never below zero). Where the
/// kernel does not tell which boot it is, it may be another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Wall clock, UTC.
    pub wall: Timestamp,
    /// Milliseconds since boot, suspend included (`CLOCK_BOOTTIME`).
    pub boot_ms: u64,
    /// `/proc/sys/kernel/random/boot_id`, or empty where there is none.
    pub boot_id: String,
}

impl Stamp {
    /// So many seconds after the epoch, for tests that ask for some moment.
    #[cfg(test)]
    pub(crate) fn at(seconds: u64) -> Stamp {
        let start = Stamp {
            wall: Timestamp::UNIX_EPOCH,
            boot_ms: 0,
            boot_id: String::new(),
        };
        start.plus(Duration::from_secs(seconds))
    }

    /// The time from `earlier` to `self`; zero where the clocks say that it is negative.
    pub fn since(&self, earlier: &Stamp) -> Duration {
        if self.boot_id == earlier.boot_id && !self.boot_id.is_empty() {
            Duration::from_millis(self.boot_ms.saturating_sub(earlier.boot_ms))
        } else {
            let ms = self.wall.as_millisecond() - earlier.wall.as_millisecond();
            Duration::from_millis(u64::try_from(ms).unwrap_or(0))
        }
    }

    /// The moment `span` later.
    pub fn plus(&self, span: Duration) -> Stamp {
        let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX / 2);
        let wall = i64::try_from(ms)
            .ok()
            .and_then(|ms| {
                self.wall
                    .checked_add(jiff::SignedDuration::from_millis(ms))
                    .ok()
            })
            .unwrap_or(Timestamp::MAX);
        Stamp {
            wall,
            boot_ms: self.boot_ms.saturating_add(ms),
            boot_id: self.boot_id.clone(),
        }
    }

    /// The moment for people who read it at `now`: the time of day in UTC, `03:00:04`; on another day with the date,
    /// `2026-11-24 03:00:04`.
    pub fn told_at(&self, now: &Stamp) -> String {
        let day = |stamp: &Stamp| stamp.wall.to_zoned(jiff::tz::TimeZone::UTC).date();
        let format = match day(self) == day(now) {
            true => "%H:%M:%S",
            false => "%Y-%m-%d %H:%M:%S",
        };
        self.wall.strftime(format).to_string()
    }

    /// The time that is left from `now` until `self`; zero once it has passed.
    pub fn left(&self, now: &Stamp) -> Duration {
        self.since(now)
    }
}

/// Tells the time and sleeps. With tokio's paused time, [`Clock::following_tokio`] is a virtual clock.
#[derive(Clone, Debug)]
pub struct Clock {
    kind: Kind,
    boot_id: String,
}

#[derive(Clone, Debug)]
enum Kind {
    Real,
    Tokio {
        origin: tokio::time::Instant,
        start: Box<Stamp>,
        /// By how many milliseconds the wall clock was set since then.
        set_by: Arc<AtomicI64>,
    },
    /// A time since boot that follows the wall clock of another one, less so many milliseconds.
    #[cfg(test)]
    ByTheWall(Box<Clock>, i64),
}

impl Clock {
    /// The clock of this machine.
    pub fn real() -> Clock {
        Clock {
            kind: Kind::Real,
            boot_id: boot_id(),
        }
    }

    /// A clock that starts at `wall` and moves with `tokio::time`, paused or not.
    pub fn following_tokio(wall: Timestamp) -> Clock {
        Clock::following_tokio_from(Stamp {
            wall,
            boot_ms: 0,
            boot_id: "virtual".into(),
        })
    }

    /// A clock that starts at `start` and moves with `tokio::time`: of a machine that was copied, that was
    /// started again, or whose wall clock was set.
    pub fn following_tokio_from(start: Stamp) -> Clock {
        Clock {
            boot_id: start.boot_id.clone(),
            kind: Kind::Tokio {
                origin: tokio::time::Instant::now(),
                start: Box::new(start),
                set_by: Arc::default(),
            },
        }
    }

    /// Sets the wall clock of a virtual machine, and leaves the time since its boot alone; all clones of the
    /// clock follow. The clock of this machine is not touched.
    pub fn set_wall_by(&self, ms: i64) {
        if let Kind::Tokio { set_by, .. } = &self.kind {
            set_by.fetch_add(ms, Ordering::SeqCst);
        }
    }

    /// What a careless program takes for this clock: one whose arithmetic a jump of the wall clock spoils.
    #[cfg(test)]
    pub(crate) fn by_the_wall(&self) -> Clock {
        let now = self.now();
        let less = now.wall.as_millisecond() - i64::try_from(now.boot_ms).unwrap_or(0);
        Clock {
            boot_id: self.boot_id.clone(),
            kind: Kind::ByTheWall(Box::new(self.clone()), less),
        }
    }

    /// Now.
    #[expect(clippy::disallowed_methods, reason = "this module is the clock")]
    pub fn now(&self) -> Stamp {
        match &self.kind {
            Kind::Real => {
                let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
                let ms = u64::try_from(boot.tv_sec).unwrap_or(0) * 1000
                    + u64::try_from(boot.tv_nsec).unwrap_or(0) / 1_000_000;
                Stamp {
                    wall: Timestamp::now(),
                    boot_ms: ms,
                    boot_id: self.boot_id.clone(),
                }
            }
            Kind::Tokio {
                origin,
                start,
                set_by,
            } => {
                let stamp = start.plus(origin.elapsed());
                let set = jiff::SignedDuration::from_millis(set_by.load(Ordering::SeqCst));
                Stamp {
                    wall: stamp.wall.checked_add(set).unwrap_or(stamp.wall),
                    ..stamp
                }
            }
            #[cfg(test)]
            Kind::ByTheWall(clock, less) => {
                let stamp = clock.now();
                let ms = stamp.wall.as_millisecond() - less;
                Stamp {
                    boot_ms: u64::try_from(ms).unwrap_or(0),
                    ..stamp
                }
            }
        }
    }

    /// Sleeps for `span`.
    pub async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

/// The kernel's identity of this boot; empty where it has none. It is read once: a process lives in one boot, and
/// clocks are asked for each message that is signed.
#[expect(clippy::disallowed_methods, reason = "this module is the clock")]
pub fn boot_id() -> String {
    static BOOT_ID: OnceLock<String> = OnceLock::new();
    let read = || {
        let read = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        read.map(|text| text.trim().to_owned()).unwrap_or_default()
    };
    BOOT_ID.get_or_init(read).clone()
}

/// Parses `90s`, `15m`, `6h`, `1h 30m`; a bare number is refused, since nobody remembers its unit.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text.trim()).map_err(|error| error.to_string())
}

/// A short form for people: `4m 05s`, `6h 12m`, `850ms`, `3d 4h`.
pub fn short(span: Duration) -> String {
    let secs = span.as_secs();
    match secs {
        0 => format!("{}ms", span.as_millis()),
        1..=9 => format!("{:.1}s", span.as_secs_f64()),
        10..=59 => format!("{secs}s"),
        60..=3599 => format!("{}m {:02}s", secs / 60, secs % 60),
        3600..=86399 => format!("{}h {:02}m", secs / 3600, secs % 3600 / 60),
        _ => format!("{}d {}h", secs / 86400, secs % 86400 / 3600),
    }
}

/// Serializes a duration as the text that a playbook would hold: `15m`.
pub mod span {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&humantime::format_duration(*span))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(from)?;
        humantime::parse_duration(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(wall: &str, boot_ms: u64, boot_id: &str) -> Stamp {
        Stamp {
            wall: wall.parse().unwrap(),
            boot_ms,
            boot_id: boot_id.into(),
        }
    }

    #[test]
    fn the_same_boot_counts_boot_time_whatever_the_wall_clock_did() {
        let a = stamp("2026-11-22T03:00:00Z", 1_000, "x");
        let b = stamp("2026-11-22T02:00:00Z", 4_000, "x");
        assert_eq!(b.since(&a), Duration::from_secs(3));
    }

    #[test]
    fn another_boot_counts_wall_time_and_never_below_zero() {
        let a = stamp("2026-11-22T03:00:00Z", 9_000, "x");
        let b = stamp("2026-11-22T03:00:05Z", 10, "y");
        assert_eq!(b.since(&a), Duration::from_secs(5));
        assert_eq!(a.since(&b), Duration::ZERO);
        // Whether it is the same boot cannot be told.
        let a = stamp("2026-11-22T03:00:00Z", 9_000, "");
        let b = stamp("2026-11-22T03:00:05Z", 10, "");
        assert_eq!(b.since(&a), Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wall_clock_that_is_set_leaves_the_time_since_boot_alone() {
        let clock = Clock::following_tokio("2026-11-22T03:00:00Z".parse().unwrap());
        let before = clock.clone().now();
        clock.set_wall_by(-86_400_000);
        clock.sleep(Duration::from_secs(5)).await;
        let after = clock.now();
        assert_eq!(after.wall.to_string(), "2026-11-21T03:00:05Z");
        assert_eq!(after.since(&before), Duration::from_secs(5));
    }

    #[test]
    fn a_moment_of_another_day_has_its_date() {
        let now = stamp("2026-11-22T23:30:00Z", 0, "a");
        let later = |minutes: u64| now.plus(Duration::from_secs(60 * minutes)).told_at(&now);
        assert_eq!(later(29), "23:59:00");
        assert_eq!(later(30), "2026-11-23 00:00:00");
        assert_eq!(later(2 * 24 * 60), "2026-11-24 23:30:00");
    }

    #[test]
    fn spans_read_well() {
        let cases = [
            (250, "250ms"),
            (4_200, "4.2s"),
            (61_000, "1m 01s"),
            (7_260_000, "2h 01m"),
        ];
        for (ms, text) in cases {
            assert_eq!(short(Duration::from_millis(ms)), text);
        }
        assert_eq!(short(Duration::from_secs(90_000)), "1d 1h");
        assert!(parse_span("60").is_err());
    }
}
