//! The rates of one side: what its hosts counted, added up.

use std::time::Duration;

use super::Traffic;
use super::count::{Count, Log, Reading, Tally};
use crate::steps::probe::Family;
use crate::words::{count, verb_of};

/// Fewer requests than this before the change, and any share of them is chance.
const FEW: u64 = 5;

/// One interval of one side: the sum over its hosts, in requests per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rates {
    pub(super) all: f64,
    pub(super) by: [f64; 2],
}

/// What one side logged in two intervals in a row, the newer one first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Side {
    pub(super) rates: [Rates; 2],
    /// How many requests were counted in both, and how many of them by address family.
    pub(super) requests: u64,
    pub(super) counted: [u64; 2],
    pub(super) errors: u64,
    pub(super) denied: u64,
    pub(super) led: u64,
    pub(super) odd: u64,
    pub(super) nameless: u64,
    pub(super) untimed: u64,
    pub(super) lost: bool,
    pub(super) silent: bool,
    pub(super) short: bool,
    /// How long one interval is, in seconds.
    pub(super) interval: f64,
    pub(super) lag: u64,
    /// Each log, with the host that it is on.
    pub(super) logs: Vec<(String, Log)>,
    /// The files that a program is seen to have open for writing.
    pub(super) open: Vec<String>,
    /// Logs that were named already, with their host.
    pub(super) again: Vec<(String, String)>,
    /// Why it is not known when the requests in a log came.
    pub(super) unsure: Option<String>,
}

/// By how many seconds the times in a log of a host were off when that was seen, before the change.
pub(super) type Offs<'a> = dyn Fn(&str, &Log) -> Option<i64> + 'a;

/// What may have come and is in no log yet.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    /// Requests per second, at the most.
    pub(super) rate: f64,
    /// The largest number of requests that a web server holds back.
    pub(super) most: u64,
    /// A log in place of another one, and why its web server may go on writing into the old one.
    pub(super) new_file: Option<(String, &'static str)>,
    /// A log in place of another one, into which something was written, and nobody was seen to have it open.
    pub(super) taken_over: Option<String>,
}

impl Side {
    pub(super) fn add(&mut self, host: &str, count: &Count, offs: &Offs<'_>) {
        self.interval = self.interval.max(seconds(count));
        self.sum(count, &count.now, &count.earlier);
        for log in &count.logs {
            let mut log = log.clone();
            if let Some(either) = log.either {
                let reading = self.reading(host, &log, &either, offs);
                self.sum(count, &reading.now, &reading.earlier);
                (log.newest, log.from) = (reading.newest, reading.from);
                if reading == either[0] {
                    log.off = 0;
                }
            }
            self.logs.push((host.to_owned(), log));
        }
        self.odd += count.odd;
        self.nameless += count.nameless;
        self.untimed += count.untimed;
        self.lost |= count.lost;
        self.silent |= count.silent;
        self.short |= count.short;
        self.lag = self.lag.max(count.lag);
        self.open.extend(count.open.iter().cloned());
        let of = |path: &String| (host.to_owned(), path.clone());
        self.again.extend(count.again.iter().map(of));
    }

    fn sum(&mut self, count: &Count, now: &Tally, earlier: &Tally) {
        let rate = |n: u64| n as f64 / seconds(count);
        for (rates, tally) in self.rates.iter_mut().zip([now, earlier]) {
            rates.all += rate(tally.requests);
            for (family, n) in [(Family::V4, tally.v4), (Family::V6, tally.v6)] {
                rates.by[family as usize] += rate(n);
                self.counted[family as usize] += n;
            }
            self.requests += tally.requests;
            self.errors += tally.errors;
            self.denied += tally.denied;
            self.led += tally.led;
        }
    }

    /// Which reading of a log is right: the one that is nearer to how its times were when that was seen. Where nobody
    /// saw it, both have to say the same.
    fn reading(
        &mut self,
        host: &str,
        log: &Log,
        either: &[Reading; 2],
        offs: &Offs<'_>,
    ) -> Reading {
        let [plain, shifted] = *either;
        let same = (plain.now, plain.earlier) == (shifted.now, shifted.earlier);
        match offs(host, log) {
            Some(off) if off.abs_diff(0) <= off.abs_diff(log.off) => plain,
            Some(_) => shifted,
            None if same => shifted,
            None => {
                self.unsure = Some(format!(
                    "the newest line of `{}` on {host} tells a time {}s before the log was written: its request was \
                     slow, or a clock or the zone is another",
                    log.path, log.off
                ));
                shifted
            }
        }
    }

    /// What a silent log may hide, by how it was written when requests came: what a buffer can hold, over the time
    /// for which it has been silent. A log into which none came then is not asked.
    pub(super) fn unwritten(&self, was: &Side) -> Unwritten {
        let mut unwritten = Unwritten::default();
        for (host, log) in &self.logs {
            let former = was
                .logs
                .iter()
                .find(|(of, former)| of == host && former.path == log.path);
            let Some((_, former)) = former.filter(|(_, former)| former.requests > 0) else {
                continue;
            };
            let open = |file: &String| self.open.contains(file);
            let another = former.file != log.file;
            if another && open(&former.file) {
                let why = "a new file, and a program has the old one open for writing";
                unwritten.new_file = Some((log.path.clone(), why));
            } else if another && !open(&log.file) && log.used {
                unwritten.taken_over = Some(log.path.clone());
            } else if another && !open(&log.file) {
                let why = "a new file into which nobody has written: the web server may go on with the old one";
                unwritten.new_file = Some((log.path.clone(), why));
            }
            let silent = log.newest.or(log.empty_for);
            let silent = silent.map_or(self.interval, |age| age as f64);
            if log.newest.is_some() && silent <= self.interval {
                continue;
            }
            // Several workers have a buffer each: their lines come behind each other's.
            let others = former.requests as f64 * was.lag as f64 / (2.0 * was.interval.max(1.0));
            // One that was not seen to write while it was looked at may hold all that it had.
            let holds = former
                .holds
                .unwrap_or(former.requests)
                .max(others.ceil() as u64);
            unwritten.rate += holds as f64 / silent.max(1.0);
            unwritten.most = unwritten.most.max(holds);
        }
        unwritten
    }

    /// Whether the intervals of this side and of another one are the same seconds, to one: each log's end at its newest
    /// line, as what came since may not be written yet. Logs without requests add nothing to either.
    pub(super) fn same_time(&self, other: &Side) -> bool {
        let logs = self.logs.iter().chain(&other.logs);
        let from = logs.filter(|(_, log)| log.requests > 0);
        let (mut least, mut most) = (u64::MAX, 0);
        for (_, log) in from {
            (least, most) = (least.min(log.from), most.max(log.from));
        }
        most <= least.saturating_add(1)
    }

    /// The rate over both intervals.
    pub(super) fn rate(&self) -> f64 {
        (self.rates[0].all + self.rates[1].all) / 2.0
    }

    /// The higher rate of the two intervals: what is compared with must not be too low.
    pub(super) fn most(&self) -> f64 {
        self.rates[0].all.max(self.rates[1].all)
    }

    /// Before a rate: a log without a line of an interval may hold some back.
    pub(super) fn least(&self) -> &'static str {
        match self.silent && self.requests > 0 {
            true => "at least ",
            false => "",
        }
    }

    /// What was logged in one of the two intervals.
    pub(super) fn told(&self, at: usize) -> String {
        let Rates { all, by: [v4, v6] } = self.rates[at];
        let other = (all - v4 - v6).max(0.0);
        let other = match self.unknown() > 0 {
            true => format!(", {other:.1} from addresses that the log does not tell"),
            false => String::new(),
        };
        format!("{all:.1}/s: {v4:.1} over IPv4, {v6:.1} over IPv6{other}")
    }

    pub(super) fn by(&self, family: Family) -> f64 {
        (self.rates[0].by[family as usize] + self.rates[1].by[family as usize]) / 2.0
    }

    pub(super) fn error_share(&self) -> f64 {
        self.share_of(self.errors)
    }

    /// So many of its requests, as a share.
    pub(super) fn share_of(&self, n: u64) -> f64 {
        if self.requests == 0 {
            0.0
        } else {
            n as f64 / self.requests as f64
        }
    }

    /// What came or stayed beyond what is this side's own, as shares of what was to move; none where it varies more
    /// by itself.
    pub(super) fn shares(&self, own: &Side, base: &Side) -> Option<[f64; 2]> {
        let share = |rates: &Rates| (rates.all - own.most()) / base.most();
        let [now, earlier] = &self.rates;
        (base.most() > 0.0).then(|| [share(now), share(earlier)])
    }

    /// Why this rate is too little to compare with.
    pub(super) fn too_little(&self, traffic: &Traffic) -> Option<String> {
        let seconds = self.interval * 2.0;
        if self.rate() < traffic.floor {
            Some(format!("{:.2}/s is too little to tell", self.rate()))
        } else if self.requests < FEW {
            let requests = count(self.requests, "request");
            let are = verb_of(self.requests, "is", "are");
            Some(format!("{requests} in {seconds:.0}s {are} too few to tell"))
        } else {
            None
        }
    }

    /// Why this side's own rate hides what `base` would add: what is counted varies by its square root.
    pub(super) fn too_much_for(&self, base: &Side) -> Option<String> {
        let varies = 2.0 * (self.requests as f64 * 2.0).sqrt();
        (varies > base.requests as f64 / 2.0 && self.requests > 0).then(|| {
            format!(
                "its own {:.1}/s vary by more than the {:.1}/s that shall arrive",
                self.rate(),
                base.most()
            )
        })
    }

    /// Requests that came neither over IPv4 nor over IPv6, as far as the log says.
    pub(super) fn unknown(&self) -> u64 {
        self.requests
            .saturating_sub(self.counted[0] + self.counted[1])
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (v4, v6) = (self.by(Family::V4), self.by(Family::V6));
        write!(
            f,
            "{}{:.1}/s: {v4:.1} over IPv4, {v6:.1} over IPv6",
            self.least(),
            self.rate()
        )?;
        if self.unknown() > 0 {
            let other = (self.rate() - v4 - v6).max(0.0);
            write!(f, ", {other:.1} from addresses that the log does not tell")?;
        }
        Ok(())
    }
}

/// How long one interval of a count is.
fn seconds(count: &Count) -> f64 {
    Duration::from_millis(count.millis.max(1)).as_secs_f64()
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.0}%", share.max(0.0) * 100.0)
}
