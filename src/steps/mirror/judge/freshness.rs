//! How far the target is behind the source, by what each says of itself.

use std::time::Duration;

use super::{Rows, Seen, seen};
use crate::clock::short;
use crate::event::{Cause, Unseen};
use crate::plan::Outcome;
use crate::step::Evidence;
use crate::steps::mirror::Limits;
use crate::steps::mirror::stamps::{By, Stamp, Stamps};

/// A sync that has run for longer than this was cut off, and left its mark behind.
const STUCK: u64 = 2 * 3600;

/// Judges the stamps; how old the target's data is, where that can be told.
pub(super) fn stamps(
    rows: &mut Rows,
    limits: &Limits,
    evidence: &Evidence,
    source: &str,
    target: &str,
) -> Option<Duration> {
    let asked = limits.asks_for_stamps();
    let expected = limits.lag();
    let mut sides = Vec::new();
    for (host, is_target) in [(source, false), (target, true)] {
        let what = format!("stamp of {host}");
        match seen::<Stamps>(evidence, &format!("stamps {host}")) {
            None if asked => {
                let why = Unseen::new(Cause::Missing, format!("nothing can be run on `{host}`"));
                rows.unseen(&what, &expected, &why);
            }
            None => {}
            Some(Seen::No(unseen)) => rows.unseen(&what, &expected, &unseen),
            Some(Seen::Yes(stamps, recorded)) => {
                rows.recorded(&what, recorded.as_ref());
                if recorded.is_none() {
                    live(rows, &stamps, is_target);
                }
                sides.push((is_target, stamps, recorded.map(|(age, _)| age)));
            }
        }
    }
    let [(_, source, age), (_, target, None)] = sides.as_slice() else {
        if asked
            && let [(true, target, None)] = sides.as_slice()
            && let Some(stamp) = &target.stamp
        {
            let old = Duration::from_secs(u64::try_from(target.now - stamp.at).unwrap_or(0));
            let actual = format!(
                "`{}` was last in step {} ago by its own clock",
                target.host,
                short(old)
            );
            rows.row(
                Outcome::Pass,
                &format!("stamp of {}", target.host),
                "",
                actual,
            );
        }
        return None;
    };
    if age.is_none()
        && source.folder == target.folder
        && source.folder.contains(' ')
        && !source.folder.starts_with(' ')
    {
        let actual = format!(
            "`{}` and `{}` are looking at one and the same folder",
            source.host, target.host
        );
        rows.row(Outcome::Fail, "the two folders", "two", actual);
        rows.lasting = true;
    }
    compare(rows, limits, source, target, *age)
}

/// Compares the two stamps; how old the data of the target is. `age` is that of a recorded source.
fn compare(
    rows: &mut Rows,
    limits: &Limits,
    source: &Stamps,
    target: &Stamps,
    age: Option<Duration>,
) -> Option<Duration> {
    let asked = limits.asks_for_stamps();
    let expected = limits.lag();
    if source.absent.is_some() || target.absent.is_some() {
        return None;
    }
    let what = format!("stamp of {}", target.host);
    let (there, here) = match (&source.stamp, &target.stamp) {
        (Some(there), Some(here)) => (there, here),
        (None, None) if !asked => return None,
        (None, _) => {
            let actual = format!(
                "`{}` has no stamp, so how far `{}` is behind cannot be told: name one with `stamp`",
                source.host, target.host
            );
            rows.row(
                if asked {
                    Outcome::Unknown
                } else {
                    Outcome::Pass
                },
                &what,
                expected,
                actual,
            );
            return None;
        }
        (Some(there), None) => {
            let actual = format!(
                "`{}` has no `{}`: it was never in step with `{}`",
                target.host, there.file, source.host
            );
            rows.row(
                if asked { Outcome::Fail } else { Outcome::Warn },
                &what,
                expected,
                actual,
            );
            return None;
        }
    };
    if there.file != here.file {
        let actual = format!(
            "`{}` has `{}` and `{}` has `{}`: name one with `stamp`",
            source.host, there.file, target.host, here.file
        );
        rows.row(
            if asked {
                Outcome::Unknown
            } else {
                Outcome::Warn
            },
            &what,
            expected,
            actual,
        );
        return None;
    }
    let behind = there.at - here.at;
    let same = there.sum == here.sum || (there.serial.is_some() && there.serial == here.serial);
    // A side that has none has no older one.
    let later = there.serial.is_some() && here.serial > there.serial;
    if !same && (behind < 0 || later) {
        let (newer, older) = (&target.host, &source.host);
        let by = short(Duration::from_secs(behind.unsigned_abs()));
        let how = match behind {
            ..0 => format!("is newer than `{older}` by {by}"),
            0 => format!("has a later serial than `{older}`"),
            // It says two things at once.
            1.. => format!("has a later serial than `{older}`, and a time {by} before"),
        };
        let actual = format!("`{newer}` {how}: is this the right direction");
        rows.row(Outcome::Warn, &what, expected, actual);
        return None;
    }
    let lag = if same {
        Duration::ZERO
    } else {
        Duration::from_secs(behind.unsigned_abs())
    };
    let late = limits.max_lag.is_some_and(|max| lag > max);
    let sentence = if lag.is_zero() && same {
        format!(
            "`{}` is in step with `{}`{}",
            target.host,
            source.host,
            told(here)
        )
    } else {
        format!(
            "`{}` is {} behind `{}`{}",
            target.host,
            short(lag),
            source.host,
            told(here)
        )
    };
    rows.well.push(sentence.clone());
    rows.row(
        if late { Outcome::Fail } else { Outcome::Pass },
        &what,
        expected,
        sentence,
    );
    Some(lag + age.unwrap_or_default())
}

/// What a host says of itself now: a folder that is not there, a sync that runs.
fn live(rows: &mut Rows, stamps: &Stamps, is_target: bool) {
    let host = &stamps.host;
    if let Some(why) = &stamps.absent {
        let actual = format!("`{}` cannot be entered on `{host}`: {why}", stamps.path);
        rows.row(
            Outcome::Fail,
            &format!("the folder on {host}"),
            "is there",
            actual,
        );
    }
    for name in &stamps.odd {
        let actual = format!("`{name}` on `{host}` is no regular file, and is not read");
        let what = format!("stamp of {host}");
        rows.row(Outcome::Unknown, &what, "a file", actual);
    }
    for running in &stamps.running {
        let stuck = running.seconds >= STUCK;
        let for_how_long = short(Duration::from_secs(running.seconds));
        let outcome = if is_target && !stuck {
            Outcome::Late
        } else {
            Outcome::Warn
        };
        let actual = if stuck {
            format!(
                "`{}` on `{host}` is {for_how_long} old: a sync was cut off, or hangs",
                running.name
            )
        } else {
            format!("a sync of `{host}` has been running for {for_how_long}")
        };
        rows.row(outcome, &format!("sync of {host}"), "at rest", actual);
    }
}

fn told(stamp: &Stamp) -> String {
    let by = match stamp.by {
        By::Trace | By::Epoch => "",
        By::FileTime => "the time of ",
    };
    match stamp.serial {
        Some(serial) => format!(" by {by}`{}`, serial {serial}", stamp.file),
        None => format!(" by {by}`{}`", stamp.file),
    }
}

impl Limits {
    /// Whether how far the target is behind is asked for at all.
    fn asks_for_stamps(&self) -> bool {
        self.stamp || self.max_lag.is_some()
    }

    fn lag(&self) -> String {
        (self.max_lag).map_or(String::new(), |lag| {
            format!("at most {} behind", short(lag))
        })
    }
}
