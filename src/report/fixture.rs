//! A plan like the one of the first drill, and the records of runs of it. For tests only.

mod plan;
mod runs;

use std::time::Duration;

use serde_json::json;

use super::say;
use crate::clock::Stamp;
use crate::event::{Answer, Ending, Event, Fact, Finding, Record, Round, Sight};
use crate::plan::{Outcome, Plan, Side, Value, Way};

pub(crate) use plan::{edit, plan};
pub(crate) use runs::{
    accepted, emergency, happy_drill, held, refused, rehearsed, stale, stopped, stuck, undone,
};

pub(crate) const MIRROR: usize = 0;
pub(crate) const WORKS: usize = 1;
pub(crate) const PACKAGES: usize = 2;
pub(crate) const FLIP: usize = 3;
pub(crate) const PUBLISHED: usize = 4;
pub(crate) const PUBLIC: usize = 5;
pub(crate) const TRAFFIC: usize = 6;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Writes records with a clock that the test moves.
pub(crate) struct Story {
    pub(crate) records: Vec<Record>,
    at: Stamp,
}

impl Story {
    pub(crate) fn of(plan: Plan) -> Story {
        let mut story = Story {
            records: Vec::new(),
            at: Stamp {
                wall: "2026-11-22T03:00:00Z".parse().unwrap(),
                boot_ms: 50_000,
                boot_id: "one".into(),
            },
        };
        story.says(Event::Started {
            plan: Box::new(plan),
            by: "root@ops1".into(),
            version: "0.1.0".into(),
        });
        story
    }

    /// What follows on records of a run; their end, if any, stays.
    pub(crate) fn following(records: Vec<Record>) -> Story {
        Story {
            at: records[records.len() - 1].at.clone(),
            records,
        }
    }

    pub(crate) fn after(&mut self, n: u64) -> &mut Story {
        self.at = self.at.plus(secs(n));
        self
    }

    pub(crate) fn says(&mut self, event: Event) -> &mut Story {
        self.records.push(Record {
            seq: self.records.len() as u64,
            at: self.at.clone(),
            event,
        });
        self
    }

    pub(crate) fn batch(&mut self, round: Round, findings: Vec<(usize, Finding)>) -> &mut Story {
        let mut outcomes = Vec::new();
        for (entry, finding) in findings {
            outcomes.push((entry, finding.outcome));
            self.says(Event::Looked {
                entry,
                round,
                finding,
            });
        }
        self.says(Event::Judged { round, outcomes })
    }

    pub(crate) fn ready(&mut self, round: Round) -> &mut Story {
        self.after(9).batch(
            round,
            vec![
                (
                    MIRROR,
                    Finding::new(Outcome::Pass, "0 of 61,204 files differ").data_age(secs(720)),
                ),
                (WORKS, pass("4 probes pass at 2 addresses")),
                (PACKAGES, packages()),
            ],
        )
    }

    pub(crate) fn baseline(&mut self) -> &mut Story {
        self.says(Event::BaselineTaken {
            sights: vec![Sight {
                key: "primary".into(),
                step: "traffic".into(),
                seen: Ok(json!({"rate": 12.5})),
            }],
        })
    }

    /// The flip up to its answer.
    pub(crate) fn write(&mut self, way: Way, answer: Answer) -> &mut Story {
        let edit = edit();
        let (from, to) = edit.along(way);
        let (here, _) = say::ends(way);
        let until = self.at.plus(secs(40));
        self.says(Event::Compared {
            entry: FLIP,
            way,
            side: Some(here),
            detail: None,
        })
        .says(Event::Intended {
            entry: FLIP,
            way,
            from: from.clone(),
            to: to.clone(),
            until,
        })
        .after(2)
        .says(Event::Answered {
            entry: FLIP,
            way,
            answer,
        })
    }

    pub(crate) fn settle(&mut self, way: Way, side: Option<Side>) -> &mut Story {
        self.after(1).says(Event::Settled {
            entry: FLIP,
            way,
            side,
            detail: None,
            stored: Value::default(),
        })
    }

    pub(crate) fn flip(&mut self, way: Way) -> &mut Story {
        let (_, to) = say::ends(way);
        let note = "4 record sets replaced".to_owned();
        self.write(way, Answer::Done { note }).settle(way, Some(to))
    }

    pub(crate) fn moved(&mut self, round: Round) -> &mut Story {
        self.after(230).batch(
            round,
            vec![
                (PUBLISHED, pass("4 servers at 8 addresses answer the new")),
                (PUBLIC, pass("4 probes pass by name")),
                (TRAFFIC, pass("97% of the rate arrives")),
            ],
        )
    }

    pub(crate) fn ends(&mut self, ending: Ending) -> Vec<Record> {
        self.says(Event::Ended { ending });
        std::mem::take(&mut self.records)
    }
}

pub(crate) fn pass(headline: &str) -> Finding {
    Finding::new(Outcome::Pass, headline)
}

pub(crate) fn packages() -> Finding {
    Finding::new(Outcome::Warn, "1 of 812 packages has another version")
        .facts(vec![
            fact(Outcome::Warn, "libc6 on standby", "2.36-9", "2.36-8, older"),
            fact(Outcome::Pass, "nginx on standby", "1.22.1-9", "1.22.1-9"),
        ])
        .mend("ssh standby sudo apt-get install libc6=2.36-9")
}

pub(crate) fn fact(outcome: Outcome, what: &str, expected: &str, actual: &str) -> Fact {
    Fact {
        outcome,
        what: what.into(),
        expected: expected.into(),
        actual: actual.into(),
    }
}
