//! Counting requests in access logs on a host: the script's arguments, and its answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Cause, Unseen};
use crate::world::exec::Inquiry;
use crate::world::net::USER_AGENT;

/// Runs on the far side for as long as it counts; needs `sh`, `awk`, `stat`, `tail`, `ls`, `find` and `xargs`.
const SCRIPT: &str = concat!(
    "lines_awk='\n",
    include_str!("lines.awk"),
    "'\n",
    include_str!("count.sh")
);

/// More lines than any host logs within two intervals: 2^40.
const MOST: u64 = 1 << 40;

/// Requests whose lines tell a time within one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Tally {
    pub(super) requests: u64,
    /// Answers with status 500 and above.
    pub(super) errors: u64,
    /// Answers with status 4xx.
    #[serde(default)]
    pub(super) denied: u64,
    /// Answers that lead elsewhere: 301, 302, 303, 307, 308.
    #[serde(default)]
    pub(super) led: u64,
    pub(super) v4: u64,
    pub(super) v6: u64,
}

impl Tally {
    fn add(&mut self, more: &Tally) -> Option<()> {
        let sums = [
            (&mut self.requests, more.requests),
            (&mut self.errors, more.errors),
            (&mut self.denied, more.denied),
            (&mut self.led, more.led),
            (&mut self.v4, more.v4),
            (&mut self.v6, more.v6),
        ];
        (sums.into_iter()).try_for_each(|(sum, more)| add(sum, Some(more)))
    }
}

/// What a log says of two intervals, by one reading of the times in its lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Reading {
    /// The age of its newest line, in seconds.
    pub(super) newest: Option<u64>,
    /// At which age its newer interval begins.
    #[serde(default)]
    pub(super) from: u64,
    pub(super) now: Tally,
    pub(super) earlier: Tally,
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
    /// At which age its newer interval begins.
    #[serde(default)]
    pub(super) from: u64,
    /// For how many seconds nothing was written into it, where it has no line.
    #[serde(default)]
    pub(super) empty_for: Option<u64>,
    /// How many requests its web server may hold back before it writes them; none where it was not seen to write.
    pub(super) holds: Option<u64>,
    /// Something was written into it.
    pub(super) used: bool,
    /// Lines whose time had not come yet, while most others tell the present one.
    #[serde(default)]
    pub(super) ahead: u64,
    /// By how many seconds the times in its lines come behind the moment at which they are written.
    pub(super) off: i64,
    /// Where nobody knows whether the times are off by `off`, or its last request was a slow one: what it says with
    /// the times as they are, and with `off` taken from them. The sums of the host are without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) either: Option<[Reading; 2]>,
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
    /// The files, as `Log::file` names them, that are called as a log of the host is, and that a program has open for
    /// writing, as far as the account may see that.
    #[serde(default)]
    pub(super) open: Vec<String>,
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
    // Of the log whose lines are being read: its number, and how its times are read; not at all where the same file
    // was counted already.
    let mut of: Option<(usize, Vec<Window>)> = None;
    let (mut seen, mut ended) = (0, false);
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["time", _, _] => {}
            ["open", file] => count.open.push((*file).to_owned()),
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
                    of = Some((number, Vec::new()));
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
                let windows = line.windows(seconds);
                for window in &windows {
                    count.silent |= window.silent;
                    count.short |= (line.first.map(|age| age.saturating_sub(window.off)))
                        .is_some_and(|age| age < window.from.saturating_add(2 * seconds));
                }
                count.lag = count.lag.max(line.lag);
                count.lost |= *state == "lost";
                count.logs.push(line.log(log, &windows));
                of = Some((number, windows));
            }
            ["at", number, numbers @ ..] => {
                let numbers: Vec<u64> = numbers.iter().flat_map(|n| n.parse().ok()).collect();
                let (Some((log, windows)), [age, v4, v6, other, errors, denied, led]) =
                    (&of, numbers.as_slice())
                else {
                    return Err(strange(line));
                };
                if number.parse() != Ok(*log) {
                    return Err(strange(line));
                }
                let all = v4.checked_add(*v6).and_then(|sum| sum.checked_add(*other));
                let all = all.ok_or_else(too_many)?;
                let more = Tally {
                    requests: all,
                    errors: *errors,
                    denied: *denied,
                    led: *led,
                    v4: *v4,
                    v6: *v6,
                };
                for (at, window) in windows.iter().enumerate() {
                    let Some(log) = count.logs.last_mut() else {
                        continue;
                    };
                    let (now, earlier) = match &mut log.either {
                        Some(either) => (&mut either[at].now, &mut either[at].earlier),
                        None => (&mut count.now, &mut count.earlier),
                    };
                    let since = age.checked_sub(window.off);
                    let tally = match since.and_then(|age| age.checked_sub(window.from)) {
                        Some(age) if age < seconds => now,
                        Some(age) if age < 2 * seconds => earlier,
                        _ => continue,
                    };
                    tally.add(&more).ok_or_else(too_many)?;
                    // Of two readings the second one holds more: it begins at the last write.
                    if at + 1 == windows.len() {
                        add(&mut log.requests, Some(all)).ok_or_else(too_many)?;
                    }
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
    // A file that was moved to another device is another one: what is open there was none of these logs.
    let device = |file: &str| file.rsplit_once(':').map(|(device, _)| device.to_owned());
    let devices: Vec<_> = count.logs.iter().map(|log| device(&log.file)).collect();
    count.open.retain(|file| devices.contains(&device(file)));
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
    unsure: bool,
    ahead: u64,
    file: String,
}

/// How the times in a log are read: so many seconds are taken from their ages, and the newer interval begins at an age.
struct Window {
    off: u64,
    from: u64,
    newest: Option<u64>,
    /// No line is of these intervals.
    silent: bool,
}

impl Line {
    fn parse(words: &[&str]) -> Option<Line> {
        let (file, numbers) = words.split_last()?;
        let numbers: Vec<i64> = numbers
            .iter()
            .map(|n| n.parse().ok())
            .collect::<Option<_>>()?;
        let [
            skipped,
            odd,
            nameless,
            untimed,
            newest,
            lag,
            first,
            off,
            burst,
            known,
            used,
            unsure,
            ahead,
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
            unsure: unsure == 1,
            ahead: some(ahead)?,
            file: (*file).to_owned(),
        })
    }

    /// One, or two where nobody knows whether the times are off.
    fn windows(&self, seconds: u64) -> Vec<Window> {
        let off = u64::try_from(self.off).unwrap_or_default();
        let offs = if self.unsure { vec![0, off] } else { vec![0] };
        let window = |off| {
            let newest = self.newest.map(|age| age.saturating_sub(off));
            // A log that waits longer than an interval for its next line says nothing of now.
            let recent = newest.filter(|age| *age <= seconds);
            Window {
                off,
                // The present second is not over yet.
                from: recent.map_or(1, |age| age.max(1).saturating_add(self.lag)),
                newest,
                silent: recent.is_none(),
            }
        };
        offs.into_iter().map(window).collect()
    }

    fn log(self, path: &str, windows: &[Window]) -> Log {
        let reading = |window: &Window| Reading {
            newest: window.newest,
            from: window.from,
            ..Reading::default()
        };
        Log {
            path: path.to_owned(),
            file: self.file,
            requests: 0,
            newest: windows.iter().filter_map(|window| window.newest).min(),
            from: windows.iter().map(|window| window.from).max().unwrap_or(0),
            empty_for: self.empty_for,
            holds: self.burst,
            used: self.used,
            ahead: self.ahead,
            off: self.off,
            either: match windows {
                [plain, shifted] => Some([reading(plain), reading(shifted)]),
                _ => None,
            },
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
            "the access log `{log}` was rotated, and a web server goes on writing into the old file: it was not told \
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
mod tests;
