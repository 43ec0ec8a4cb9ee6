//! Counts, lists and times in words.

use std::time::Duration;

use crate::clock::{Stamp, short};

/// `1 record set`, `4 record sets`, `12,000 files`.
pub fn count(n: usize, noun: &str) -> String {
    count_of(n, noun, &format!("{noun}s"))
}

/// A count whose plural does not end in a plain `s`.
pub fn count_of(n: usize, one: &str, many: &str) -> String {
    let noun = if n == 1 { one } else { many };
    format!("{} {noun}", thousands(n))
}

/// `12000` as `12,000`.
pub fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<S: AsRef<str>>(items: &[S]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", most.join(", "), last.as_ref())
        }
    }
}

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
    fn counts_read_well() {
        let cases = [
            (0, "0 files"),
            (1, "1 file"),
            (2, "2 files"),
            (999, "999 files"),
            (1_000, "1,000 files"),
            (1_234_567, "1,234,567 files"),
        ];
        for (n, text) in cases {
            assert_eq!(count(n, "file"), text);
        }
        assert_eq!(count_of(2, "entry", "entries"), "2 entries");
    }

    #[test]
    fn lists_read_well() {
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }

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
