//! Watches requests arrive at one side and drain from the other, in the access logs of both.
//!
//! Rates are compared with the one that the source had before the first write. What is too little to tell,
//! or was not seen, is unknown: silence in a log proves nothing.

mod count;

use std::time::Duration;

use futures::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use self::count::Count;
use super::probe::Family;
use crate::event::{Cause, Fact, Finding, Unseen};
use crate::field::{Field, Fields, Form};
use crate::plan::{Outcome, Question};
use crate::problem::Problem;
use crate::site::{Aim, Host, Site};
use crate::step::{
    About, Blocks, Built, Check, Defaults, Evidence, Given, Kind, Known, Look, OnFail, Pulses, Work,
};

pub(super) static KIND: Kind = Kind {
    name: "traffic",
    summary: "requests arrive at the target and drain from the source, by their access logs",
    example: r#"[[step]]
id = "traffic"
kind = "traffic"
at-least = "80%"
drain-below = "10%"
within = "15m"
"#,
    fields: &[
        Field::new(
            "at-least",
            Form::Percent,
            "The share of the source's former rate that must arrive; 80% by default",
        ),
        Field::new(
            "drain-below",
            Form::Percent,
            "The share that may still go to the source; 10% by default",
        ),
        Field::new(
            "max-errors",
            Form::Percent,
            "The share of answers with status 5xx above which the target fails; 5% by default",
        ),
        Field::new(
            "interval",
            Form::Span,
            "How long one look counts, in whole seconds; 10s by default",
        ),
        Field::new(
            "floor",
            Form::Text,
            "Requests per second below which nothing can be told; `0.2` by default",
        ),
        Field::new(
            "ignore-agents",
            Form::TextOrTexts,
            "Parts of user agents that do not count, as of monitors; cutover's own never does",
        ),
    ],
    defaults: Defaults {
        within: Duration::from_secs(15 * 60),
        every: Duration::from_secs(5),
        timeout: TIMEOUT,
        blocks: Blocks::Planned,
        on_fail: OnFail::Back,
    },
    build,
};

const TIMEOUT: Duration = Duration::from_secs(30);

/// What a look needs besides counting: a connection and the script's start.
const MARGIN: Duration = Duration::from_secs(5);

/// From how many requests on a share is more than chance.
const ENOUGH: u64 = 20;

fn build(fields: &Fields, _: &Given) -> Result<Built, Vec<Problem>> {
    let mut problems = Vec::new();
    let interval = fields.span("interval").unwrap_or(Duration::from_secs(10));
    let timeout = fields.span("timeout").unwrap_or(TIMEOUT);
    if interval < Duration::from_secs(1) || interval.subsec_nanos() > 0 {
        problems.push(Problem::error(
            "interval-in-seconds",
            fields.span_of("interval"),
            "`interval` must be whole seconds, one or more",
        ));
    }
    if interval + MARGIN > timeout {
        problems.push(
            Problem::error(
                "interval-too-long",
                fields.span_of("interval"),
                "a look counts for longer than its `timeout` lets it",
            )
            .hint(format!(
                "set `timeout` to {}s or more",
                (interval + MARGIN).as_secs()
            )),
        );
    }
    let floor = fields.text("floor").unwrap_or("0.2");
    let floor = match floor.trim_end_matches("/s").trim().parse::<f64>() {
        Ok(floor) if floor > 0.0 && floor.is_finite() => floor,
        _ => {
            problems.push(
                Problem::error(
                    "wrong-floor",
                    fields.span_of("floor"),
                    format!("`{floor}` is no rate above zero"),
                )
                .hint("write requests per second: `floor = \"0.2\"`"),
            );
            0.2
        }
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    let share = |name, usual: u8| f64::from(fields.percent(name).unwrap_or(usual)) / 100.0;
    let traffic = Traffic {
        at_least: share("at-least", 80),
        drain_below: share("drain-below", 10),
        max_errors: share("max-errors", 5),
        floor,
        interval,
        timeout,
        ignore: fields.texts("ignore-agents").to_vec(),
    };
    Ok(Built {
        title: "traffic arrives at the target and drains from the source".into(),
        work: Work::Check(Box::new(traffic)),
        probes_old_side: false,
        after_change: true,
        answers: Some(Question::Moves),
    })
}

#[derive(Debug)]
struct Traffic {
    at_least: f64,
    drain_below: f64,
    max_errors: f64,
    /// Requests per second.
    floor: f64,
    interval: Duration,
    timeout: Duration,
    ignore: Vec<String>,
}

/// What one look shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Seen {
    site: String,
    host: String,
    /// How many hosts of the site have logs: whether all of them were seen can be told from this.
    of: usize,
    count: Count,
}

impl Check for Traffic {
    fn looks<'a>(&'a self, site: &'a Site, aim: &'a Aim, _: &'a Pulses) -> Vec<Look<'a>> {
        let mut looks = self.looks_at(site, &aim.active);
        looks.extend(self.looks_at(site, &aim.idle));
        looks
    }

    /// The rate that the source has now, while it is the active side.
    fn baseline<'a>(&'a self, site: &'a Site, aim: &'a Aim, _: &'a Pulses) -> Vec<Look<'a>> {
        self.looks_at(site, &aim.idle)
    }

    fn judge(&self, aim: &Aim, evidence: &Evidence) -> Finding {
        let mut judging = Judging {
            traffic: self,
            facts: Vec::new(),
            final_: false,
        };
        let base = judging.base(evidence);
        let active = judging.side(&aim.active, evidence);
        let idle = judging.side(&aim.idle, evidence);
        let arrives = active
            .as_ref()
            .and_then(|side| judging.arrives(&aim.active, base.as_ref(), side));
        if let Some(side) = &active {
            judging.errors(&aim.active, base.as_ref(), side);
        }
        let stays = idle
            .as_ref()
            .and_then(|side| judging.drains(&aim.idle, base.as_ref(), side));
        let arrived = match (&active, arrives) {
            (Some(side), Some(share)) => {
                format!("{} arrives at {} ({side})", percent(share), aim.active)
            }
            (Some(side), None) => format!("{side} at {}", aim.active),
            (None, _) => format!("{} was not seen", aim.active),
        };
        let left = match (&idle, stays) {
            (_, Some(share)) => format!("{} still goes to {}", percent(share), aim.idle),
            (Some(side), None) => format!("{side} at {}", aim.idle),
            (None, None) => format!("{} was not seen", aim.idle),
        };
        judging.finding(format!("{arrived}; {left}"))
    }
}

impl Traffic {
    /// A look at each host of one site that has access logs.
    fn looks_at<'a>(&'a self, site: &'a Site, name: &'a str) -> Vec<Look<'a>> {
        let hosts: Vec<&Host> = site
            .hosts_of(name)
            .filter(|host| !host.access_log.is_empty())
            .collect();
        if hosts.is_empty() {
            let detail = format!("no host of {name} names an `access-log`");
            return vec![Look {
                key: format!("{name}/"),
                about: About::Site(name.to_owned()),
                ask: async { Err(Unseen::new(Cause::Missing, detail)) }.boxed(),
            }];
        }
        let of = hosts.len();
        hosts
            .into_iter()
            .map(|host| Look {
                key: format!("{name}/{}", host.name),
                about: About::Site(name.to_owned()),
                ask: self.count(site, host, of).boxed(),
            })
            .collect()
    }

    async fn count(&self, site: &Site, host: &Host, of: usize) -> Result<Json, Unseen> {
        let Some(reach) = &host.reach else {
            let detail = format!("nothing can be run on `{}`: it names no `ssh`", host.name);
            return Err(Unseen::new(Cause::Missing, detail));
        };
        let inquiry = count::inquiry(self.interval, &self.ignore, &host.access_log);
        let output = (site.exec)
            .ask(reach, &inquiry, self.timeout.mul_f64(0.95))
            .await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let count = count::parse(&text, self.interval, &host.access_log).map_err(|unseen| {
            let said = super::probe::excerpt(&String::from_utf8_lossy(&output.stderr));
            let said = if said.is_empty() {
                String::new()
            } else {
                format!(" (`{said}`)")
            };
            Unseen::new(
                unseen.cause,
                format!("{}: {}{said}", host.name, unseen.detail),
            )
        })?;
        let seen = Seen {
            site: host.site.clone(),
            host: host.name.clone(),
            of,
            count,
        };
        serde_json::to_value(seen).map_err(|error| Unseen::new(Cause::Garbled, error.to_string()))
    }
}

/// The rates of one side: the sum over its hosts.
#[derive(Clone, Debug, Default, PartialEq)]
struct Side {
    /// Requests per second.
    rate: f64,
    /// The same by address family.
    by: [f64; 2],
    /// How many requests were counted, by address family.
    counted: [u64; 2],
    requests: u64,
    errors: u64,
    odd: u64,
    nameless: u64,
    lost: bool,
}

impl Side {
    fn add(&mut self, count: &Count) {
        let seconds = Duration::from_millis(count.millis.max(1)).as_secs_f64();
        let rate = |n: u64| n as f64 / seconds;
        self.rate += rate(count.requests);
        for (family, n) in [(Family::V4, count.v4), (Family::V6, count.v6)] {
            self.by[family as usize] += rate(n);
            self.counted[family as usize] += n;
        }
        self.requests += count.requests;
        self.errors += count.errors;
        self.odd += count.odd;
        self.nameless += count.nameless;
        self.lost |= count.lost;
    }

    fn error_share(&self) -> f64 {
        if self.requests == 0 {
            0.0
        } else {
            self.errors as f64 / self.requests as f64
        }
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [v4, v6] = self.by;
        write!(
            f,
            "{:.1}/s: {v4:.1} over IPv4, {v6:.1} over IPv6",
            self.rate
        )
    }
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

struct Judging<'a> {
    traffic: &'a Traffic,
    facts: Vec<Fact>,
    final_: bool,
}

impl Judging<'_> {
    fn row(
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

    /// The rate from before the first write; none where it is too little to compare with, or not all of it.
    fn base(&mut self, evidence: &Evidence) -> Option<Side> {
        let seen: Vec<Seen> = evidence
            .baseline
            .iter()
            .filter_map(|(_, fact)| serde_json::from_value(fact.clone()).ok())
            .collect();
        let floor = self.traffic.floor;
        let what = "rate before the change";
        let expected = format!("{floor}/s or more");
        let Some(first) = seen.first() else {
            self.row(Outcome::Unknown, what, expected, "was not seen");
            return None;
        };
        if seen.len() < first.of {
            let actual = format!("seen on {} of {} hosts", seen.len(), first.of);
            self.row(Outcome::Unknown, what, expected, actual);
            return None;
        }
        let mut side = Side::default();
        for one in &seen {
            side.add(&one.count);
        }
        if side.rate < floor {
            let actual = format!("{:.2}/s, too little to tell", side.rate);
            self.row(Outcome::Unknown, what, expected, actual);
            return None;
        }
        self.row(Outcome::Pass, what, expected, side.to_string());
        Some(side)
    }

    /// The rates of one side now; none where a host of it was not seen.
    fn side(&mut self, name: &str, evidence: &Evidence) -> Option<Side> {
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
                Known::Recorded { why, .. } | Known::Unseen(why) => Err(why.detail.clone()),
            };
            match seen {
                Ok(seen) => side.add(&seen.count),
                Err(why) => {
                    all = false;
                    self.row(Outcome::Unknown, what, "its requests", why);
                }
            }
        }
        if !any {
            self.row(Outcome::Unknown, name, "its requests", "was not looked at");
        }
        if side.odd > side.requests {
            let actual = format!("{} lines are no requests in a known form", side.odd);
            self.row(
                Outcome::Unknown,
                format!("access logs of {name}"),
                "the combined form, or JSON",
                actual,
            );
            return None;
        }
        (any && all).then_some(side)
    }

    /// Whether enough arrives, over each family that had enough to compare.
    fn arrives(&mut self, name: &str, base: Option<&Side>, side: &Side) -> Option<f64> {
        let base = base?;
        let at_least = self.traffic.at_least;
        let mut row = |what: String, now: f64, before: f64| {
            let share = now / before;
            let outcome = if share >= at_least {
                Outcome::Pass
            } else {
                Outcome::Late
            };
            let expected = format!("{} of {before:.1}/s or more", percent(at_least));
            let actual = format!("{now:.1}/s, {}", percent(share));
            self.row(outcome, what, expected, actual);
            share
        };
        let share = row(format!("arrives at {name}"), side.rate, base.rate);
        for family in Family::BOTH {
            let at = family as usize;
            if base.counted[at] >= ENOUGH && base.counted[at] < base.requests {
                row(
                    format!("arrives at {name} over {family}"),
                    side.by[at],
                    base.by[at],
                );
            }
        }
        if side.nameless > 0 {
            self.row(
                Outcome::Warn,
                format!("access logs of {name}"),
                "user agents in every line",
                "some lines have none, so cutover's own requests may count",
            );
        }
        Some(share)
    }

    /// Whether little enough is left at the old side.
    fn drains(&mut self, name: &str, base: Option<&Side>, side: &Side) -> Option<f64> {
        let base = base?;
        let below = self.traffic.drain_below;
        let share = side.rate / base.rate;
        let outcome = match (share <= below, side.lost) {
            (true, false) => Outcome::Pass,
            (true, true) => Outcome::Unknown,
            (false, _) => Outcome::Late,
        };
        let lost = if side.lost {
            ", and a part of a rotated log was not found"
        } else {
            ""
        };
        self.row(
            outcome,
            format!("drains from {name}"),
            format!("{} of {:.1}/s or less", percent(below), base.rate),
            format!("{side}, {}{lost}", percent(share)),
        );
        Some(share)
    }

    /// Whether the new side answers with more errors than it may and than the old one did.
    fn errors(&mut self, name: &str, base: Option<&Side>, side: &Side) {
        if side.requests == 0 {
            return;
        }
        let before = base.map_or(0.0, Side::error_share);
        let most = self.traffic.max_errors.max(before);
        let share = side.error_share();
        let expected = if most > self.traffic.max_errors {
            format!("{} of answers or less, as before the change", percent(most))
        } else {
            format!("{} of answers or less", percent(most))
        };
        let outcome = if share > most {
            self.final_ |= side.requests >= ENOUGH;
            Outcome::Fail
        } else {
            Outcome::Pass
        };
        self.row(
            outcome,
            format!("errors at {name}"),
            expected,
            format!("{} of {} answers are 5xx", side.errors, side.requests),
        );
    }

    fn finding(self, headline: String) -> Finding {
        let worst = self.facts.iter().map(|fact| fact.outcome).max();
        let finding = Finding::new(worst.unwrap_or(Outcome::Unknown), headline).facts(self.facts);
        if self.final_ {
            finding.is_final()
        } else {
            finding
        }
    }
}

#[cfg(test)]
mod tests;
