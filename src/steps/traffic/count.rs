//! Counting requests in access logs on a host: the script's arguments, and its answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Cause, Unseen};
use crate::world::exec::Inquiry;
use crate::world::net::USER_AGENT;

/// Runs on the far side for as long as it counts; needs `sh`, `awk`, `grep`, `stat`, `tail` and `ls`.
const SCRIPT: &str = include_str!("count.sh");

/// More lines than any host logs within two intervals: 2^40.
const MOST: u64 = 1 << 40;

/// Requests whose lines tell a time within one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Tally {
    pub(super) requests: u64,
    /// Answers with status 500 and above.
    pub(super) errors: u64,
    pub(super) v4: u64,
    pub(super) v6: u64,
}

/// One log in two intervals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Log {
    /// Its path, as the playbook has it.
    pub(super) path: String,
    /// Tells files from each other, between hosts too; another one after a rotation.
    pub(super) file: String,
    /// What was counted in it in both intervals.
    pub(super) requests: u64,
    /// The age of its newest line, in seconds; none where there is none.
    pub(super) newest: Option<u64>,
    /// For how many seconds nothing was written into it, where it has no line.
    #[serde(default)]
    pub(super) empty_for: Option<u64>,
    /// How many requests its web server may hold back before it writes them; none where it was not seen to write.
    pub(super) holds: Option<u64>,
    /// Something was written into it, or a program has it open for writing.
    pub(super) used: bool,
    /// By how many seconds the times in its lines come behind the moment at which they are written.
    pub(super) off: i64,
}

/// What the logs of one host say of two intervals in a row, by the times in their lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Count {
    /// How long each interval is.
    pub(super) millis: u64,
    /// The newer one, which ends at the newest line or now.
    pub(super) now: Tally,
    /// The one before.
    pub(super) earlier: Tally,
    /// Requests of user agents that are left out, written while it looked; the others likewise.
    pub(super) skipped: u64,
    /// Lines that are no requests in a form that is known.
    pub(super) odd: u64,
    /// Requests that were logged without a user agent, so that our own could not be left out.
    pub(super) nameless: u64,
    /// Requests whose lines tell no time.
    pub(super) untimed: u64,
    /// A part of a log was moved away and not found: the numbers are too low.
    pub(super) lost: bool,
    /// There is a log without a line of these intervals.
    pub(super) silent: bool,
    /// There is a log that grows faster than it is read back.
    pub(super) short: bool,
    /// By how many seconds lines come behind newer ones.
    pub(super) lag: u64,
    /// Each log; runs of earlier versions kept none.
    #[serde(default)]
    pub(super) logs: Vec<Log>,
    /// Logs that are the file of another log of the host: counted once.
    #[serde(default)]
    pub(super) again: Vec<String>,
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
    let strange = |line: &str| garbled(&format!("`{}`", super::super::probe::excerpt(line)));
    let too_many = || garbled("it counts more than there can be");
    let mut count = Count {
        millis: u64::try_from(interval.as_millis()).unwrap_or(u64::MAX),
        ..Count::default()
    };
    let seconds = interval.as_secs().max(1);
    // Of the log whose lines are being read: its number, and the age at which its newer interval begins; none where
    // the same file was counted already.
    let mut of: Option<(usize, Option<u64>)> = None;
    let (mut seen, mut ended) = (0, false);
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["time", _, _] => {}
            ["log", number, state, rest @ ..] => {
                let number = number.parse::<usize>().ok();
                let log = number.and_then(|number| logs.get(number.checked_sub(1)?));
                let (Some(number), Some(log)) = (number, log) else {
                    return Err(strange(line));
                };
                if let Some(why) = not_read(log, state) {
                    return Err(why);
                }
                let line = Line::parse(rest).ok_or_else(|| strange(line))?;
                seen += 1;
                if line.known == Some(0) {
                    return Err(no_log(log));
                }
                if count.logs.iter().any(|other| other.file == line.file) {
                    count.again.push(log.clone());
                    of = Some((number, None));
                    continue;
                }
                for (sum, more) in [
                    (&mut count.skipped, line.skipped),
                    (&mut count.odd, line.odd),
                    (&mut count.nameless, line.nameless),
                    (&mut count.untimed, line.untimed),
                ] {
                    add(sum, Some(more)).ok_or_else(too_many)?;
                }
                // A log that waits longer than an interval for its next line says nothing of now.
                let newest = line.newest.filter(|age| *age <= seconds);
                count.silent |= newest.is_none();
                count.lag = count.lag.max(line.lag);
                // The present second is not over yet.
                let from = newest.map_or(1, |age| age.max(1).saturating_add(line.lag));
                let reaches = line.first;
                count.short |= reaches.is_some_and(|age| age < from.saturating_add(2 * seconds));
                count.lost |= *state == "lost";
                of = Some((number, Some(from)));
                count.logs.push(line.log(log));
            }
            ["at", number, numbers @ ..] => {
                let numbers: Vec<u64> = numbers.iter().flat_map(|n| n.parse().ok()).collect();
                let (Some((log, from)), [age, v4, v6, other, errors]) = (of, numbers.as_slice())
                else {
                    return Err(strange(line));
                };
                if number.parse() != Ok(log) {
                    return Err(strange(line));
                }
                let (Some(from), Some(log)) = (from, count.logs.last_mut()) else {
                    continue;
                };
                let tally = match age.checked_sub(from) {
                    Some(age) if age < seconds => &mut count.now,
                    Some(age) if age < 2 * seconds => &mut count.earlier,
                    _ => continue,
                };
                let all = v4.checked_add(*v6).and_then(|sum| sum.checked_add(*other));
                add(&mut log.requests, all).ok_or_else(too_many)?;
                for (sum, more) in [
                    (&mut tally.requests, all),
                    (&mut tally.errors, Some(*errors)),
                    (&mut tally.v4, Some(*v4)),
                    (&mut tally.v6, Some(*v6)),
                ] {
                    add(sum, more).ok_or_else(too_many)?;
                }
            }
            ["end"] => ended = true,
            [] => {}
            _ => return Err(strange(line)),
        }
    }
    if !ended || seen != logs.len() {
        return Err(garbled("it was cut off"));
    }
    Ok(count)
}

/// What the script says of one log.
struct Line {
    skipped: u64,
    odd: u64,
    nameless: u64,
    untimed: u64,
    newest: Option<u64>,
    empty_for: Option<u64>,
    lag: u64,
    first: Option<u64>,
    off: i64,
    burst: Option<u64>,
    known: Option<u64>,
    used: bool,
    file: String,
}

impl Line {
    fn parse(words: &[&str]) -> Option<Line> {
        let (file, numbers) = words.split_last()?;
        let numbers: Vec<i64> = numbers
            .iter()
            .map(|n| n.parse().ok())
            .collect::<Option<_>>()?;
        let [
            _,
            _,
            _,
            _,
            skipped,
            odd,
            nameless,
            _,
            untimed,
            newest,
            lag,
            first,
            off,
            burst,
            known,
            used,
        ] = *numbers.as_slice()
        else {
            return None;
        };
        let some = |n: i64| u64::try_from(n).ok();
        Some(Line {
            skipped: some(skipped)?,
            odd: some(odd)?,
            nameless: some(nameless)?,
            untimed: some(untimed)?,
            newest: some(newest),
            empty_for: some(-2 - newest),
            lag: some(lag)?,
            first: some(first),
            off,
            burst: some(burst),
            known: some(known),
            used: used == 1,
            file: (*file).to_owned(),
        })
    }

    fn log(self, path: &str) -> Log {
        Log {
            path: path.to_owned(),
            file: self.file,
            requests: 0,
            newest: self.newest,
            empty_for: self.empty_for,
            holds: self.burst,
            used: self.used,
            off: self.off,
        }
    }
}

/// A file with lines of which none is a request.
fn no_log(log: &str) -> Unseen {
    let detail = format!(
        "`{log}` has lines, and not one of them is a request in a known form (the combined form, or JSON): it is no \
         access log, or a compressed one"
    );
    Unseen::new(Cause::Garbled, detail)
}

/// Why a log was not read, by the word of the script for what it is.
fn not_read(log: &str, state: &str) -> Option<Unseen> {
    let reader = "to read it would take the lines from their reader, so it is not opened";
    let detail = match state {
        "missing" => format!("the access log `{log}` is not there or cannot be read"),
        "moved" => format!(
            "the access log `{log}` was rotated, and the web server goes on writing into the old file: it was not told \
             to open the new one"
        ),
        "fifo" => format!("`{log}` is a named pipe: {reader}"),
        "socket" => format!("`{log}` is a socket, no log that can be read"),
        "device" => format!("`{log}` leads to a device or a stream: {reader}"),
        "folder" => format!("`{log}` is a folder, no log"),
        _ => return None,
    };
    let cause = match state {
        "missing" | "moved" => Cause::Missing,
        _ => Cause::Denied,
    };
    let why = Unseen::new(cause, detail);
    Some(match cause {
        // It stays what it is, whoever looks again.
        Cause::Denied => why.lasting(),
        _ => why,
    })
}

/// Adds what a far host counted; nothing where that is more than there can be.
fn add(sum: &mut u64, more: Option<u64>) -> Option<()> {
    let all = sum.checked_add(more?).filter(|all| *all <= MOST)?;
    *sum = all;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Duration = Duration::from_secs(10);

    fn logs(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("/var/log/{i}.log")).collect()
    }

    #[test]
    fn two_intervals_are_counted_by_the_times_in_the_lines() {
        // The first log is written at once; lines of the second come up to five seconds late.
        let text = "time 100.00 110.50\n\
                    log 1 kept 9 0 9 0 2 0 0 0 0 0 0 -1 0 3 9 1 b:1:1\n\
                    at 1 0 100 0 0 0\nat 1 1 3 1 0 1\nat 1 10 2 0 1 0\nat 1 11 7 0 0 0\nat 1 20 1 0 0 0\nat 1 21 50 0 0 0\n\
                    log 2 rotated 5 0 5 0 0 1 5 0 0 2 5 400 -7 -1 5 0 b:1:2\n\
                    at 2 3 100 0 0 0\nat 2 7 10 0 0 0\nat 2 16 0 10 0 0\nat 2 17 0 4 0 0\nend\n";
        let count = parse(text, TEN, &logs(2)).unwrap();
        let expected = Count {
            millis: 10_000,
            now: Tally {
                requests: 27,
                errors: 1,
                v4: 15,
                v6: 11,
            },
            earlier: Tally {
                requests: 12,
                errors: 0,
                v4: 8,
                v6: 4,
            },
            skipped: 2,
            odd: 1,
            nameless: 5,
            lag: 5,
            logs: vec![
                Log {
                    path: "/var/log/0.log".into(),
                    file: "b:1:1".into(),
                    requests: 15,
                    newest: Some(0),
                    empty_for: None,
                    holds: Some(3),
                    used: true,
                    off: 0,
                },
                Log {
                    path: "/var/log/1.log".into(),
                    file: "b:1:2".into(),
                    requests: 24,
                    newest: Some(2),
                    empty_for: None,
                    holds: None,
                    used: false,
                    off: -7,
                },
            ],
            ..Count::default()
        };
        assert_eq!(count, expected);
    }

    #[test]
    fn a_log_without_new_lines_is_silent_and_one_that_grows_too_fast_is_short() {
        let count = |numbers: &str| {
            let text =
                format!("time 1 11\nlog 1 kept 0 0 0 0 0 0 0 0 0 {numbers} 0 -1 -1 1 b:1:1\nend\n");
            parse(&text, TEN, &logs(1)).unwrap()
        };
        assert!(count("-1 0 -1").silent);
        assert!(count("11 0 -1").silent);
        assert!(!count("10 0 -1").silent);
        assert!(count("0 0 15").short);
        assert!(count("0 8 25").short);
        assert!(!count("0 0 21").short);
    }

    #[test]
    fn an_answer_that_is_cut_off_or_strange_is_no_count() {
        let good = "log 1 kept 1 0 1 0 0 0 0 0 0 0 0 -1 0 1 1 1 b:1:1\n";
        let cases = [
            String::new(),
            format!("time 1 11\n{good}"),
            "time 1 11\nend\n".to_owned(),
            "time 1 11\nlog 1 kept 1 0 1\nend\n".to_owned(),
            format!("time 1 11\n{}end\n", good.replace(" b:1:1", "")),
            format!("time 1 11\n{}end\n", good.replace("kept 1", "kept one")),
            format!("time 1 11\n{}end\n", good.replace("log 1", "log 0")),
            format!("time 1 11\n{}end\n", good.replace("log 1", "log 7")),
            format!("time 1 11\n{good}at 1 2 18446744073709551615 0 0 0\nend\n"),
            format!("time 1 11\n{good}at 1 2 18446744073709551615 1 0 0\nend\n"),
            format!("time 1 11\n{good}at 2 2 1 1 0 0\nend\n"),
            "time 1 11\nat 1 2 1 1 0 0\nend\n".to_owned(),
            format!("Welcome to standby!\ntime 1 11\n{good}end\n"),
        ];
        for text in cases {
            let unseen = parse(&text, TEN, &logs(1)).unwrap_err();
            assert_eq!(unseen.cause, Cause::Garbled, "{text}");
        }
    }

    #[test]
    fn a_file_that_is_named_twice_is_counted_once() {
        let text = "time 1 11\nlog 1 kept 4 0 4 0 2 0 0 0 0 0 0 -1 0 1 4 1 b:1:1\nat 1 2 4 0 0 0\n\
                    log 2 kept 4 0 4 0 2 0 0 0 0 0 0 -1 0 1 4 1 b:1:1\nat 2 2 4 0 0 0\nend\n";
        let count = parse(text, TEN, &logs(2)).unwrap();
        assert_eq!((count.now.requests, count.skipped), (4, 2));
        assert_eq!(count.again, ["/var/log/1.log"]);
    }

    #[test]
    fn lines_of_which_none_is_a_request_are_no_log() {
        let text = "time 1 11\nlog 1 kept 0 0 0 0 0 3 0 0 0 -1 0 -1 0 -1 0 1 b:1:1\nend\n";
        let why = parse(text, TEN, &logs(1)).unwrap_err();
        assert!(why.detail.contains("`/var/log/0.log` has lines"), "{why:?}");
    }

    #[test]
    fn what_is_no_regular_file_is_refused_by_name() {
        for (state, said) in [
            ("missing", "is not there"),
            ("moved", "was rotated"),
            ("fifo", "is a named pipe"),
            ("socket", "is a socket"),
            ("device", "leads to a device"),
            ("folder", "is a folder"),
        ] {
            let text = format!("time 0 0\nlog 1 {state}\nend\n");
            let unseen = parse(&text, TEN, &logs(1)).unwrap_err();
            assert!(unseen.detail.contains(said), "{}", unseen.detail);
            assert_eq!(unseen.lasting, !matches!(state, "missing" | "moved"));
            assert!(
                unseen.detail.contains("`/var/log/0.log`"),
                "{}",
                unseen.detail
            );
        }
    }
}
