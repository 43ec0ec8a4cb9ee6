//! A program that only looks, on the word of whoever wrote the playbook.

use std::time::Duration;

use futures::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{On, ran, reach, tail};
use crate::clock;
use crate::event::{Cause, Fact, Finding, Unseen};
use crate::plan::Outcome;
use crate::site::{Aim, Site};
use crate::step::{About, Check, Evidence, Known, Look, Pulses};
use crate::words::part_of;
use crate::world::exec::Inquiry;

#[derive(Debug)]
pub(super) struct Looking {
    pub(super) run: Vec<String>,
    pub(super) on: On,
    pub(super) expect: Option<String>,
    pub(super) timeout: Duration,
}

/// What one run of it showed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ran {
    pub(super) status: i32,
    /// Whether the expected text was in all that it printed.
    pub(super) holds: Option<bool>,
    /// The last lines of its output, errors last.
    pub(super) tail: Vec<String>,
}

impl Check for Looking {
    fn looks<'a>(&'a self, site: &'a Site, aim: &'a Aim, _: &'a Pulses) -> Vec<Look<'a>> {
        self.on
            .hosts(site, aim)
            .into_iter()
            .map(|host| Look {
                key: host.clone(),
                about: site
                    .hosts
                    .get(&host)
                    .map_or(About::World, |host| About::Site(host.site.clone())),
                ask: async move { self.ask(site, &host).await }.boxed(),
            })
            .collect()
    }

    fn judge(&self, _: &Aim, evidence: &Evidence) -> Finding {
        let mut facts = Vec::new();
        let mut passed = 0;
        for (host, item) in &evidence.items {
            let rows = self.rows(host, item);
            passed += usize::from(rows.iter().all(|row| row.outcome <= Outcome::Warn));
            facts.extend(rows);
        }
        let Some(outcome) = facts.iter().map(|fact| fact.outcome).max() else {
            return Finding::new(Outcome::Unknown, format!("no host to run it {}", self.on));
        };
        let headline = match evidence.items.len() {
            1 => format!("{}: {}", facts[0].what, facts[0].actual),
            all => format!("passes on {}", part_of(passed, all, "host")),
        };
        Finding::new(outcome, headline).facts(facts)
    }
}

impl Looking {
    async fn ask(&self, site: &Site, host: &str) -> Result<Json, Unseen> {
        let reach = reach(site, host)?;
        let inquiry = Inquiry::looks_only(self.run.iter().cloned());
        let output = (site.exec)
            .ask(&reach, &inquiry, self.timeout.mul_f64(0.95))
            .await?;
        let status = ran(&self.run, &output)?;
        let holds = self
            .expect
            .as_ref()
            .map(|part| String::from_utf8_lossy(&output.stdout).contains(part.as_str()));
        if holds == Some(false) && output.truncated {
            let detail = "it printed more than is read, and not the expected text in that";
            return Err(Unseen::new(Cause::Garbled, detail));
        }
        let mut lines = output.stdout;
        lines.push(b'\n');
        lines.extend(output.stderr);
        let ran = Ran {
            status,
            holds,
            tail: tail(&lines),
        };
        serde_json::to_value(ran).map_err(|error| Unseen::new(Cause::Garbled, error.to_string()))
    }

    /// The row of one host; and where it fails, what the program printed.
    fn rows(&self, host: &str, item: &Known) -> Vec<Fact> {
        let row = |outcome, actual: String| Fact {
            outcome,
            what: host.to_owned(),
            expected: match &self.expect {
                Some(part) => format!("exit status 0 and `{part}`"),
                None => "exit status 0".into(),
            },
            actual,
        };
        let (fact, recorded) = match item {
            Known::Unseen(unseen) => return vec![row(Outcome::Unknown, unseen.detail.clone())],
            Known::Live(fact) => (fact, None),
            Known::Recorded { fact, age, why } => (fact, Some((age, why))),
        };
        let Ok(ran) = serde_json::from_value::<Ran>(fact.clone()) else {
            let actual = "the recorded sight cannot be read";
            return vec![row(Outcome::Unknown, actual.into())];
        };
        let (outcome, actual) = match (ran.status, ran.holds) {
            (0, Some(false)) => (Outcome::Fail, "exit status 0, without that text".into()),
            (status, _) => {
                let outcome = if status == 0 {
                    Outcome::Pass
                } else {
                    Outcome::Fail
                };
                (outcome, format!("exit status {status}"))
            }
        };
        if let Some((age, why)) = recorded {
            let outcome = if self.on == On::Source && outcome == Outcome::Pass {
                Outcome::Warn
            } else {
                Outcome::Unknown
            };
            let age = clock::short(*age);
            let actual = format!("now: {}; {age} ago: {actual}", why.detail);
            return vec![row(outcome, actual)];
        }
        let mut rows = vec![row(outcome, actual)];
        if outcome == Outcome::Fail {
            rows.extend(ran.tail.into_iter().map(|line| Fact {
                outcome,
                what: format!("{host} said"),
                expected: String::new(),
                actual: line,
            }));
        }
        rows
    }
}
