//! The judgement of `traffic`: pure, over the counts of both sides.

use std::collections::BTreeMap;

use super::side::{Side, percent};
use super::{Seen, Traffic};
use crate::event::{Advice, Fact, Finding};
use crate::plan::Outcome;
use crate::site::Aim;
use crate::step::{Evidence, Known};
use crate::steps::probe::Family;
use crate::words::{count, count_of};

/// From how many requests on a share is more than chance.
pub(super) const ENOUGH: u64 = 20;

/// Where the side that is left is silent, so much of the former rate must be seen at both sides together: what is
/// not in any log is not known to have moved.
const NEAR: f64 = 0.8;

/// With more than this share of the former rate at both sides together, nobody knows whose requests arrive: the
/// visitors of the source may have stayed away, and other people may have come instead. A busier hour looks the same
/// in a log that counts, so it is no proof either.
const FAR: f64 = 1.5;

/// From how many seconds on the times in the lines are told to be off.
const OFF: u64 = 5;

/// Tells whether enough arrives at the active side and drains from the idle one, in two intervals in a row.
pub(super) fn judge(traffic: &Traffic, aim: &Aim, evidence: &Evidence) -> Finding {
    let mut judging = Judging::new(traffic);
    let before = judging.before(evidence);
    let base = before.as_ref().and_then(|before| judging.base(before));
    let active = judging.side(&aim.active, evidence, 1.0);
    // So many of them may stay: as many lines that nobody can read change nothing.
    let few = (base.as_ref()).map_or(1.0, |base| {
        traffic.drain_below * base.most() * base.interval
    });
    let idle = judging.side(&aim.idle, evidence, few);
    let mut shares = |name: &str, side: Option<&Side>| {
        let own = judging.own(name, before.as_ref()?, base.as_ref()?)?;
        side?.shares(&own, base.as_ref()?)
    };
    let arrives = shares(&aim.active, active.as_ref());
    let stays = shares(&aim.idle, idle.as_ref());
    if let (Some(base), Some(side), Some(shares)) = (&base, &active, arrives) {
        judging.arrives(&aim.active, base, side, shares);
        let own = before
            .as_ref()
            .and_then(|before| before.get(&aim.active).cloned());
        judging.families(&aim.active, base, &own.unwrap_or_default(), side);
    }
    if let Some(side) = &active {
        let own = before.as_ref().and_then(|before| before.get(&aim.active));
        judging.errors(&aim.active, [base.as_ref(), own], side);
        if let Some(base) = &base {
            judging.unserved(aim, base, own, side);
        }
        judging.names(&aim.active, side);
    }
    if let Some(side) = &idle {
        judging.names(&aim.idle, side);
    }
    let mut unsure = None;
    if let (Some(base), Some(side), Some(shares)) = (&base, &idle, stays) {
        let was = before
            .as_ref()
            .and_then(|before| before.sides.get(&aim.idle));
        unsure = judging.drains(&aim.idle, base, was, side, shares);
        if let Some(arrives) = arrives {
            // What left the one side and reached the other within the same seconds is not counted twice.
            let both = (active.as_ref()).is_some_and(|active| active.same_time(side));
            let (whose, sums) = match both {
                true => {
                    let sums = [0, 1].map(|at| arrives[at] + shares[at].max(0.0));
                    ("both sides together".to_owned(), sums)
                }
                false => (format!("{} alone", aim.active), arrives),
            };
            let taken_over = was.and_then(|was| side.unwritten(was).taken_over);
            judging.sum(&whose, base, side, taken_over, sums);
        }
    }
    let doubt = judging.doubt.take();
    let arrived = match (&active, arrives) {
        (Some(side), Some(shares)) => {
            // The worse of the two intervals: the share and the rate of one.
            let at = usize::from(shares[1] < shares[0]);
            let (share, rate) = (percent(shares[at]), side.told(at));
            match side.silent && shares[at] < traffic.at_least {
                true => format!(
                    "not known what arrives at {}: {share} is in its log ({rate}), which has no line of an interval yet",
                    aim.active
                ),
                false => format!("{share} arrives at {} ({rate})", aim.active),
            }
        }
        (Some(side), None) => format!("{side} at {}", aim.active),
        (None, _) => format!("{} was not seen", aim.active),
    };
    let left = match (&idle, stays) {
        (Some(_), Some(shares)) => {
            let share = percent(shares[0].max(shares[1]));
            match unsure {
                Some(why) => format!(
                    "not known what still goes to {}: {share} is in its log, {why}",
                    aim.idle
                ),
                None => format!("{share} still goes to {}", aim.idle),
            }
        }
        (Some(side), None) => format!("{side} at {}", aim.idle),
        (None, _) => format!("{} was not seen", aim.idle),
    };
    let doubt = doubt.map_or_else(String::new, |doubt| format!("{doubt}; "));
    judging.finding(format!("{doubt}{arrived}; {left}"))
}

pub(super) struct Judging<'a> {
    pub(super) traffic: &'a Traffic,
    facts: Vec<Fact>,
    pub(super) final_: bool,
    /// Hosts and sites that were not seen.
    pub(super) unseen: Vec<String>,
    /// Why it cannot be told whether the traffic moved, though all was seen.
    pub(super) doubt: Option<String>,
    /// Whose each log is: a file that two hosts name was counted for both.
    files: BTreeMap<String, String>,
    advice: Vec<Advice>,
}

impl Judging<'_> {
    pub(super) fn new(traffic: &Traffic) -> Judging<'_> {
        Judging {
            traffic,
            facts: Vec::new(),
            final_: false,
            unseen: Vec::new(),
            doubt: None,
            files: BTreeMap::new(),
            advice: Vec::new(),
        }
    }

    pub(super) fn row(
        &mut self,
        outcome: Outcome,
        what: impl Into<String>,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) {
        self.facts.push(Fact {
            outcome,
            what: what.into(),
            expected: expected.into(),
            actual: actual.into(),
        });
    }

    /// The rates of one side now; none where a host of it was not seen, or its logs tell too little. With no more than
    /// `few` lines in an interval, it does not matter what they are.
    pub(super) fn side(&mut self, name: &str, evidence: &Evidence, few: f64) -> Option<Side> {
        let mut side = Side::default();
        let (mut any, mut all) = (false, true);
        for (key, item) in &evidence.items {
            let Some(host) = key
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('/'))
            else {
                continue;
            };
            any = true;
            let what = if host.is_empty() {
                name.to_owned()
            } else {
                format!("{host} ({name})")
            };
            let seen = match item {
                Known::Live(fact) => serde_json::from_value::<Seen>(fact.clone())
                    .map_err(|_| "the sight cannot be read".to_owned()),
                // A rate of another day says nothing about this flip.
                Known::Recorded { why, .. } | Known::Unseen(why) => {
                    self.final_ |= why.lasting;
                    Err(why.detail.clone())
                }
            };
            let seen = seen.and_then(|seen| match self.shared(&seen, &what) {
                Some(why) => Err(why),
                None => Ok(seen),
            });
            match seen {
                Ok(seen) => side.add(&seen.host, &seen.count, &|host, log| {
                    Judging::off_before(evidence, host, log)
                }),
                Err(why) => {
                    all = false;
                    self.unseen.push(format!("{what}: {why}"));
                    self.row(Outcome::Unknown, what, "its requests", why);
                }
            }
        }
        if !any {
            self.unseen.push(name.to_owned());
            self.row(Outcome::Unknown, name, "its requests", "was not looked at");
        }
        let seen = side.requests;
        let many = (side.odd + seen) as f64 > few;
        let cannot = if many && side.odd > seen.max(1) && side.odd > side.untimed {
            let actual = count_of(
                side.odd,
                "line is no request in a known form",
                "lines are no requests in a known form",
            );
            Some(("the combined form, or JSON", actual))
        } else if (side.untimed + seen) as f64 > few && side.untimed > seen {
            let actual = count_of(side.untimed, "line tells no time", "lines tell no time");
            Some(("a time in each line", actual))
        } else if side.short {
            let actual = "they grow faster than they are read".to_owned();
            Some(("two intervals that can be read back", actual))
        } else {
            let why = side.unsure.clone();
            why.map(|why| ("times that tell when requests came", why))
        };
        if let Some((expected, actual)) = cannot {
            let what = format!("access logs of {name}");
            self.unseen.push(format!("{what}: {actual}"));
            self.row(Outcome::Unknown, what, expected, actual);
            return None;
        }
        (any && all).then_some(side)
    }

    /// Why what was counted is another host's too.
    fn shared(&mut self, seen: &Seen, what: &str) -> Option<String> {
        for log in &seen.count.logs {
            let other = self.files.insert(log.file.clone(), what.to_owned());
            if let Some(other) = other.filter(|other| other != what) {
                let path = &log.path;
                return Some(format!(
                    "its log `{path}` is the same file as one of {other}"
                ));
            }
        }
        None
    }

    /// Whether enough arrives, in both intervals.
    fn arrives(&mut self, name: &str, base: &Side, side: &Side, shares: [f64; 2]) {
        let at_least = self.traffic.at_least;
        let outcome = match shares.iter().all(|share| *share >= at_least) {
            true => Outcome::Pass,
            false => Outcome::Late,
        };
        let own = side.rate() - (shares[0] + shares[1]) / 2.0 * base.most();
        let beyond = match own > 0.05 {
            true => format!(", {own:.1}/s of it as before the change"),
            false => String::new(),
        };
        let unseen = match side.silent && outcome != Outcome::Pass {
            true => "not known, its log has no line of an interval yet; in it ",
            false => "",
        };
        let lag = match side.lag {
            0 => String::new(),
            lag => format!("; its log comes up to {lag}s late"),
        };
        self.row(
            outcome,
            format!("arrives at {name}"),
            format!(
                "{} of {:.1}/s or more, in two intervals in a row",
                percent(at_least),
                base.most()
            ),
            format!(
                "{unseen}{:.1}/s{beyond}: {}, and {} in the interval before{lag}",
                side.rates[0].all,
                percent(shares[0]),
                percent(shares[1])
            ),
        );
    }

    /// Whether enough arrives over each family that had enough to compare.
    fn families(&mut self, name: &str, base: &Side, own: &Side, side: &Side) {
        let at_least = self.traffic.at_least;
        for family in Family::BOTH {
            let at = family as usize;
            if base.counted[at] < ENOUGH || base.counted[at] >= base.requests {
                continue;
            }
            let before = base.by(family);
            let share = (side.by(family) - own.by(family)) / before;
            let outcome = match share >= at_least {
                true => Outcome::Pass,
                // It may be among those.
                false if side.unknown() > 0 => Outcome::Unknown,
                false => Outcome::Late,
            };
            self.row(
                outcome,
                format!("arrives at {name} over {family}"),
                format!("{} of {before:.1}/s or more", percent(at_least)),
                format!("{:.1}/s, {}", side.by(family), percent(share)),
            );
        }
    }

    /// Whether its lines tell what they shall: the user agent, and a time that is now.
    pub(super) fn names(&mut self, name: &str, side: &Side) {
        if side.nameless > 0 {
            self.row(
                Outcome::Warn,
                format!("access logs of {name}"),
                "user agents in every line",
                "some lines have none, so cutover's own requests may count",
            );
        }
        for (host, path) in &side.again {
            self.row(
                Outcome::Warn,
                format!("access logs of {name}"),
                "each file once",
                format!("`{path}` on {host} is the same file as another one of its logs, and was counted once"),
            );
        }
        for (host, log) in side.logs.iter().filter(|(_, log)| log.ahead > 0) {
            self.row(
                Outcome::Warn,
                format!("times in `{}` on {host}", log.path),
                "none that has not come yet",
                format!(
                    "{}, as where a clock was put back; counted with the line before",
                    count_of(log.ahead, "line tells one", "lines tell one")
                ),
            );
        }
        for (host, log) in &side.logs {
            if log.off.unsigned_abs() <= OFF {
                continue;
            }
            let off = log.off.unsigned_abs();
            let way = if log.off > 0 { "before" } else { "after" };
            self.row(
                Outcome::Warn,
                format!("times in `{}` on {host}", log.path),
                "when a line is written",
                format!(
                    "they lie {off}s {way} it: a clock is off, it is the time of another zone, or lines come late; \
                     requests were counted without this difference"
                ),
            );
        }
    }

    /// Whether little enough is left at the old side, in both intervals. Returns why what its log says is not known to be
    /// all, where that decides.
    fn drains(
        &mut self,
        name: &str,
        base: &Side,
        was: Option<&Side>,
        side: &Side,
        shares: [f64; 2],
    ) -> Option<String> {
        let below = self.traffic.drain_below;
        let at = usize::from(shares[1] > shares[0]);
        let share = shares[at];
        let unwritten = was.map(|was| side.unwritten(was)).unwrap_or_default();
        let hidden = unwritten.rate / base.most();
        let mut decides = None;
        let (outcome, lost) = if share > below {
            (Outcome::Late, String::new())
        } else if side.lost {
            decides = Some("and a part of a rotated log was not found".to_owned());
            let lost = ", and a part of a rotated log was not found";
            (Outcome::Unknown, lost.to_owned())
        } else if let Some((path, why)) = unwritten.new_file {
            let lost = format!(", and `{path}` is {why}");
            self.advice.push(Advice::Try(format!(
                "see on a host of {name} whether the web server writes into `{path}`, as after `nginx -s reopen`"
            )));
            decides = Some("which is a new file".to_owned());
            (Outcome::Unknown, lost)
        } else if share + hidden > below {
            let lost = format!(
                "; its web server writes {} at a time, so up to {} may not be in the log yet",
                count(unwritten.most, "request"),
                percent(hidden)
            );
            decides = Some(format!("and up to {} may be in none yet", percent(hidden)));
            (Outcome::Late, lost)
        } else {
            (Outcome::Pass, String::new())
        };
        self.row(
            outcome,
            format!("drains from {name}"),
            format!("{} of {:.1}/s or less", percent(below), base.most()),
            match decides.is_some() {
                true => format!(
                    "not known: {}, {} in its log{lost}",
                    side.told(at),
                    percent(share)
                ),
                false => format!("{}, {}{lost}", side.told(at), percent(share)),
            },
        );
        decides
    }

    /// Whether both sides together (the new one alone, where their logs tell of other seconds) have about what the source
    /// had: what is in no log has not been seen to move.
    fn sum(
        &mut self,
        whose: &str,
        base: &Side,
        idle: &Side,
        taken_over: Option<String>,
        sums: [f64; 2],
    ) {
        let (least, most) = (sums[0].min(sums[1]), sums[0].max(sums[1]));
        // What is counted varies by its square root.
        let varies = 3.0 / (base.requests as f64).sqrt();
        let far = FAR + varies;
        let (outcome, what) = if most > far {
            let former = base.most();
            self.doubt = Some(format!(
                "more arrives than left: {:.1}/s at {whose}, {former:.1}/s before the change; a busier \
                 hour or other people's requests, which a log that counts cannot tell apart",
                most * former
            ));
            self.advice.push(Advice::Try(
                "see in the access logs whose requests they are; where they are those of the source, \
                 `cutover resume --accept` goes on"
                    .to_owned(),
            ));
            (
                Outcome::Unknown,
                "more than the source had: it is a busier hour, or other people's requests",
            )
        } else if let Some(path) =
            taken_over.filter(|_| least < 1.0 - self.traffic.drain_below - varies)
        {
            // What is in the file may be of another program than the web server.
            self.doubt = Some(format!(
                "{} of the former rate is in no log that is known to be written",
                percent(1.0 - least)
            ));
            self.advice.push(Advice::Try(format!(
                "see on its host whether the web server writes into `{path}`, as after `nginx -s reopen`; root sees \
                 who has it open"
            )));
            (
                Outcome::Late,
                "the rest is in no log of that time, and the log of the old side is a new file that nobody is seen to have open",
            )
        } else if idle.silent && least < NEAR {
            (
                Outcome::Late,
                "the rest is in no log of that time, and a silent log proves nothing",
            )
        } else {
            return;
        };
        let share = if most > far { most } else { least };
        self.row(
            outcome,
            whose,
            format!("about the {:.1}/s before the change", base.most()),
            format!("{} of it: {what}", percent(share)),
        );
    }

    pub(super) fn finding(self, headline: String) -> Finding {
        let worst = self.facts.iter().map(|fact| fact.outcome).max();
        let outcome = worst.unwrap_or(Outcome::Unknown);
        let mut finding = Finding::new(outcome, headline).facts(self.facts);
        finding.advice = self.advice;
        if self.final_ {
            finding.is_final()
        } else {
            finding
        }
    }
}
