//! Watches requests arrive at one side and drain from the other, in the access logs of both.
//!
//! What arrives is what the target has beyond its own former rate; it is compared with the rate that the source had
//! before the first write. Requests count when their lines say that they came, not when the log was written: one
//! with a buffer is written in bursts. Two intervals in a row must agree. What is too little to tell, or was not seen,
//! is unknown: silence in a log proves nothing, unless what is gone there is seen on the other side, the file is the one
//! that is written into, and it lasts for longer than a buffer could hold back what comes.

mod answers;
mod before;
mod count;
mod judge;
mod side;

use std::time::Duration;

use futures::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use self::count::Count;
use crate::event::{Cause, Finding, Unseen};
use crate::field::{Field, Fields, Form};
use crate::plan::Question;
use crate::problem::Problem;
use crate::site::{Aim, Host, Site};
use crate::step::{
    About, Before, Blocks, Built, Check, Defaults, Evidence, Given, Kind, Look, OnFail, Pulses,
    Work,
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
            "The share of the source's former rate that must arrive, beyond what the target had of its own; 80% by default. Where both sides together have more than 1.5 times the former rate, whose requests arrive is unknown: a busier hour, or other people's",
        ),
        Field::new(
            "drain-below",
            Form::Percent,
            "The share that may still go to the source; 10% by default",
        ),
        Field::new(
            "max-errors",
            Form::Percent,
            "The share of answers with status 5xx above which the target fails; 5% by default. Where the source had as many before the change, that is a warning; where most answers are errors, whether the target works is unknown. It also fails where the share of 4xx is above the source's former one by more than this and what is chance; with so many more redirects, whether it serves is unknown",
        ),
        Field::new(
            "interval",
            Form::Span,
            "How long an interval is, in whole seconds; two in a row must agree, by the times in the lines; 10s by default",
        ),
        Field::new(
            "floor",
            Form::Text,
            "Requests per second, at the source before the change, below which nothing can be told; `0.2` by default",
        ),
        Field::new(
            "below-floor",
            Form::Choice(BelowFloor::WORDS),
            "Where the source has less than `floor` before the change, or too few requests to compare: `refuse` stops a planned run before its first write; with `note` the run goes on, what this step cannot tell after the change holds nothing, and the run ends with exit 9; `refuse` by default",
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
        below_floor: match fields.text("below-floor") {
            Some("note") => BelowFloor::Note,
            _ => BelowFloor::Refuse,
        },
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
    below_floor: BelowFloor,
    interval: Duration,
    timeout: Duration,
    ignore: Vec<String>,
}

/// What follows from a rate before the change that is too low to tell anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BelowFloor {
    Refuse,
    Note,
}

impl BelowFloor {
    /// As a playbook names them.
    const WORDS: &[&str] = &["refuse", "note"];
}

/// What one look shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Seen {
    site: String,
    host: String,
    /// How many hosts of the site have logs: whether all of them were seen can be told from this.
    of: usize,
    count: Count,
    /// Whether the site was the active one when the rates before the change were taken.
    #[serde(default = "yes")]
    served: bool,
}

/// Earlier runs took the rate of the site that served only.
fn yes() -> bool {
    true
}

impl Check for Traffic {
    fn looks<'a>(&'a self, site: &'a Site, aim: &'a Aim, _: &'a Pulses) -> Vec<Look<'a>> {
        let mut looks = self.looks_at(site, &aim.active, false);
        looks.extend(self.looks_at(site, &aim.idle, true));
        looks
    }

    fn judge(&self, aim: &Aim, evidence: &Evidence) -> Finding {
        judge::judge(self, aim, evidence)
    }

    fn before(&self) -> Option<&dyn Before> {
        Some(self)
    }

    fn notes_unknown(&self) -> bool {
        self.below_floor == BelowFloor::Note
    }

    fn takes(&self) -> Duration {
        // The script counts for one interval, and then for what remains of a second.
        self.interval + Duration::from_secs(1)
    }

    /// A look counts over two intervals.
    fn repeats(&self) -> bool {
        false
    }
}

/// The rates that both sides have now, while the source is the active one.
impl Before for Traffic {
    fn foresee(&self, aim: &Aim, evidence: &Evidence) -> Finding {
        before::foresee(self, aim, evidence)
    }
}

impl Traffic {
    /// A look at each host of one site that has access logs.
    fn looks_at<'a>(&'a self, site: &'a Site, name: &'a str, served: bool) -> Vec<Look<'a>> {
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
                ask: self.count(site, host, of, served).boxed(),
            })
            .collect()
    }

    async fn count(
        &self,
        site: &Site,
        host: &Host,
        of: usize,
        served: bool,
    ) -> Result<Json, Unseen> {
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
            Unseen {
                detail: format!("{}: {}{said}", host.name, unseen.detail),
                ..unseen
            }
        })?;
        let seen = Seen {
            site: host.site.clone(),
            host: host.name.clone(),
            of,
            count,
            served,
        };
        serde_json::to_value(seen).map_err(|error| Unseen::new(Cause::Garbled, error.to_string()))
    }
}

#[cfg(test)]
mod tests;
