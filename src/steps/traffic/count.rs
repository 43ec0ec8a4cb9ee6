//! Counting requests in access logs on a host: the script's arguments, and its answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Cause, Unseen};
use crate::world::exec::Inquiry;
use crate::world::net::USER_AGENT;

/// Runs on the far side for as long as it counts; needs `sh`, `awk`, `stat`, `tail` and `ls`.
const SCRIPT: &str = include_str!("count.sh");

/// More lines than any host logs within one look: 2^40.
const MOST: u64 = 1 << 40;

/// What the logs of one host gained within a while.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Count {
    pub(super) millis: u64,
    pub(super) requests: u64,
    /// Answers with status 500 and above.
    pub(super) errors: u64,
    pub(super) v4: u64,
    pub(super) v6: u64,
    /// Requests of user agents that are left out.
    pub(super) skipped: u64,
    /// Lines that are no requests in a form that is known.
    pub(super) odd: u64,
    /// Requests that were logged without a user agent, so that our own could not be left out.
    pub(super) nameless: u64,
    /// A part of a log was moved away and not found: the numbers are too low.
    pub(super) lost: bool,
}

/// Counts for `interval` (whole seconds) in `logs`, without the requests of user agents that contain one of
/// `ignore`, and without our own.
pub(super) fn inquiry(interval: Duration, ignore: &[String], logs: &[String]) -> Inquiry {
    let ours = USER_AGENT.split('/').next().unwrap_or(USER_AGENT);
    let mut agents = vec![format!("{ours}/")];
    agents.extend(ignore.iter().cloned());
    let mut argv = vec![
        "sh".to_owned(),
        "-s".into(),
        "--".into(),
        interval.as_secs().max(1).to_string(),
        agents.join("\n"),
    ];
    argv.extend(logs.iter().cloned());
    Inquiry::looks_only(argv).stdin(SCRIPT.as_bytes().to_vec())
}

/// Reads what the script printed; `logs` are its logs in the order of its arguments.
pub(super) fn parse(text: &str, interval: Duration, logs: &[String]) -> Result<Count, Unseen> {
    let garbled = |what: &str| {
        let detail = format!("the count of the access logs cannot be read: {what}");
        Unseen::new(Cause::Garbled, detail)
    };
    let mut count = Count::default();
    let (mut seen, mut ended) = (0, false);
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["time", start, end] => count.millis = millis(start, end, interval),
            ["log", number, state, numbers @ ..] => {
                let numbers: Vec<u64> = numbers.iter().flat_map(|n| n.parse().ok()).collect();
                let ([requests, errors, v4, v6, skipped, odd, nameless], Some(log)) = (
                    numbers.as_slice(),
                    (number.parse::<usize>().ok())
                        .and_then(|number| logs.get(number.checked_sub(1)?)),
                ) else {
                    return Err(garbled(&format!("`{line}`")));
                };
                if *state == "missing" {
                    let detail = format!("the access log `{log}` is not there or cannot be read");
                    return Err(Unseen::new(Cause::Missing, detail));
                }
                for (sum, more) in [
                    (&mut count.requests, requests),
                    (&mut count.errors, errors),
                    (&mut count.v4, v4),
                    (&mut count.v6, v6),
                    (&mut count.skipped, skipped),
                    (&mut count.odd, odd),
                    (&mut count.nameless, nameless),
                ] {
                    let all = sum.checked_add(*more).filter(|all| *all <= MOST);
                    *sum = all.ok_or_else(|| garbled("it counts more than there can be"))?;
                }
                count.lost |= *state == "lost";
                seen += 1;
            }
            ["end"] => ended = true,
            [] => {}
            _ => {
                return Err(garbled(&format!(
                    "`{}`",
                    super::super::probe::excerpt(line)
                )));
            }
        }
    }
    if !ended || seen != logs.len() {
        return Err(garbled("it was cut off"));
    }
    Ok(count)
}

/// The time between two readings of the far clock; the nominal one where they make no sense.
fn millis(start: &str, end: &str, interval: Duration) -> u64 {
    let nominal = interval.as_secs_f64();
    let measured = match (start.parse::<f64>(), end.parse::<f64>()) {
        (Ok(start), Ok(end)) => end - start,
        _ => nominal,
    };
    // A look that took a hundred times as long has run out of its time.
    let span = match (nominal * 0.5..nominal * 100.0).contains(&measured) {
        true => Duration::try_from_secs_f64(measured).unwrap_or(interval),
        false => interval,
    };
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Duration = Duration::from_secs(10);

    fn logs(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("/var/log/{i}.log")).collect()
    }

    #[test]
    fn the_logs_of_a_host_are_added_up() {
        let text =
            "time 100.00 110.50\nlog 1 kept 10 1 6 4 2 0 0\nlog 2 rotated 5 0 5 0 0 1 5\nend\n";
        let count = parse(text, TEN, &logs(2)).unwrap();
        let expected = Count {
            millis: 10_500,
            requests: 15,
            errors: 1,
            v4: 11,
            v6: 4,
            skipped: 2,
            odd: 1,
            nameless: 5,
            lost: false,
        };
        assert_eq!(count, expected);
    }

    #[test]
    fn an_answer_that_is_cut_off_or_strange_is_no_count() {
        let cases = [
            "",
            "time 1 11\nlog 1 kept 1 0 1 0 0 0 0\n",
            "time 1 11\nend\n",
            "time 1 11\nlog 1 kept 1 0 1\nend\n",
            "time 1 11\nlog 0 kept 1 0 1 0 0 0 0\nend\n",
            "time 1 11\nlog 7 kept 1 0 1 0 0 0 0\nend\n",
            "time 1 11\nlog 1 kept 18446744073709551615 0 1 0 0 0 0\nend\n",
            "Welcome to standby!\ntime 1 11\nlog 1 kept 1 0 1 0 0 0 0\nend\n",
        ];
        for text in cases {
            let unseen = parse(text, TEN, &logs(1)).unwrap_err();
            assert_eq!(unseen.cause, Cause::Garbled, "{text}");
        }
        let text = "time 1 11\nlog 1 missing 0 0 0 0 0 0 0\nend\n";
        assert_eq!(
            parse(text, TEN, &logs(1)).unwrap_err().cause,
            Cause::Missing
        );
    }

    #[test]
    fn a_clock_that_makes_no_sense_is_not_believed() {
        assert_eq!(millis("5", "4", TEN), 10_000);
        assert_eq!(millis("x", "4", TEN), 10_000);
        assert_eq!(millis("0", "inf", TEN), 10_000);
        assert_eq!(millis("0", "1e300", TEN), 10_000);
        assert_eq!(millis("nan", "4", TEN), 10_000);
        assert_eq!(millis("1.25", "11.5", TEN), 10_250);
    }
}
