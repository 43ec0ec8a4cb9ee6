//! Times in words; counts and lists come from [`crate::words`].

use std::time::Duration;

use crate::clock::{Stamp, short};
pub(super) use crate::words::some;
pub use crate::words::{count, count_of, list, thousands};

/// A span as somebody would promise it: `15m`, not `15m 00s`.
pub fn rounded(span: Duration) -> String {
    if span.is_zero() {
        return "0s".into();
    }
    let text = short(span);
    let shorter = text
        .strip_suffix(" 00s")
        .or_else(|| text.strip_suffix(" 00m"))
        .or_else(|| text.strip_suffix(" 0h"));
    match shorter {
        Some(shorter) => shorter.to_owned(),
        None => text.replace(".0s", "s"),
    }
}

/// The time of day, UTC: `03:00:04Z`.
pub fn time_of_day(at: &Stamp) -> String {
    at.wall.strftime("%H:%M:%SZ").to_string()
}

/// Date and time, UTC: `2026-11-22 03:00:04Z`.
pub fn date_time(at: &Stamp) -> String {
    at.wall.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Time since the start: `+0:04`, `+1:02:03`.
pub fn elapsed(span: Duration) -> String {
    let secs = span.as_secs();
    match secs {
        0..=3599 => format!("+{}:{:02}", secs / 60, secs % 60),
        _ => format!("+{}:{:02}:{:02}", secs / 3600, secs % 3600 / 60, secs % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        let secs = Duration::from_secs;
        let cases = [
            (0, "0s"),
            (5, "5s"),
            (60, "1m"),
            (61, "1m 01s"),
            (21_600, "6h"),
            (172_800, "2d"),
        ];
        for (n, text) in cases {
            assert_eq!(rounded(secs(n)), text);
        }
        assert_eq!(elapsed(secs(4)), "+0:04");
        assert_eq!(elapsed(secs(3_723)), "+1:02:03");
    }
}
