//! A plan like the one of the first drill, and the records of runs of it. For tests only.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::clock::Stamp;
use crate::event::{
    Answer, Cause, Decision, Ending, Event, Fact, Finding, Owed, Record, Round, Sight, Unseen,
};
use crate::plan::*;

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

fn set(name: &str, rtype: &str, ttl: u32, data: &[&str]) -> (String, Json) {
    let key = json!({"name": name, "rtype": rtype});
    let set = json!({"key": key, "ttl": ttl, "data": data});
    (format!("{name}. {rtype}"), set)
}

pub(crate) fn edit() -> Edit {
    let names = ["raspbian.example", "archive.raspbian.example"];
    let value = |ttl, v4: &str, v6: &str| {
        let sets = names.iter().flat_map(|name| {
            [
                set(name, "A", ttl, &[v4]),
                set(name, "AAAA", ttl, &[v6, "2001:db8:f::1"]),
            ]
        });
        Value(sets.collect())
    };
    Edit {
        place: Place {
            step: "flip".into(),
            name: "raspbian.example".into(),
        },
        before: value(3600, "192.0.2.10", "2001:db8::10"),
        after: value(60, "198.51.100.20", "2001:db8:1::20"),
    }
}

fn entry(id: &str, kind: &str, title: &str, within: u64) -> Entry {
    Entry {
        id: id.into(),
        step: id.split('/').next().unwrap_or(id).into(),
        kind: kind.into(),
        title: title.into(),
        nature: Nature::Check,
        pace: Pace {
            within: secs(within),
            every: secs(5),
            timeout: secs(10),
        },
        rule: Rule {
            late: Then::Back,
            fail: Then::Back,
            unknown: Then::Back,
        },
        there: true,
        back: true,
        temporary: false,
        probes_old_side: false,
        after_change: false,
        needs_baseline: false,
        answers: None,
        promise: None,
    }
}

pub(crate) fn plan(mode: Mode) -> Plan {
    let after = Rule {
        late: Then::Hold,
        fail: Then::Back,
        unknown: Then::Hold,
    };
    let entries = vec![
        Entry {
            answers: Some(Question::Ready),
            ..entry("mirror", "mirror", "/srv/raspbian/ is as on the source", 0)
        },
        Entry {
            answers: Some(Question::Ready),
            probes_old_side: true,
            ..entry("works", "services", "every service works on the target", 0)
        },
        Entry {
            answers: Some(Question::Ready),
            rule: Rule::NOTE,
            ..entry("packages", "packages", "the same packages on both sides", 0)
        },
        Entry {
            nature: Nature::Change(edit()),
            promise: Some("one atomic PATCH, read again afterwards".into()),
            ..entry(
                "flip/raspbian.example",
                "dns",
                "the names lead to the target",
                0,
            )
        },
        Entry {
            answers: Some(Question::Moves),
            after_change: true,
            rule: after,
            ..entry(
                "published",
                "propagation",
                "every name server answers the new",
                600,
            )
        },
        Entry {
            answers: Some(Question::Moves),
            after_change: true,
            rule: after,
            ..entry("public", "services", "every service works by its name", 60)
        },
        Entry {
            answers: Some(Question::Moves),
            after_change: true,
            needs_baseline: true,
            rule: after,
            ..entry("traffic", "traffic", "requests arrive at the target", 900)
        },
    ];
    Plan {
        format: FORMAT,
        playbook: "raspbian".into(),
        text: String::new(),
        mode,
        direction: Direction {
            source: "dedicated".into(),
            target: "cloud".into(),
        },
        entries,
        hold: secs(600),
        objectives: Objectives {
            rto: Some(Seconds(secs(900))),
            rpo: Some(Seconds(secs(21_600))),
        },
        locks: vec![
            "raspbian".into(),
            "raspbian.example. A".into(),
            "raspbian.example. AAAA".into(),
            "archive.raspbian.example. A".into(),
            "archive.raspbian.example. AAAA".into(),
        ],
        stays: vec![Stay {
            what: "www.raspbian.example. CNAME".into(),
            why: "leads to raspbian.example, and moves with it".into(),
        }],
        left_out: Vec::new(),
        goes_back: mode != Mode::Emergency,
    }
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
        let (here, _) = super::say::ends(way);
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
        })
    }

    pub(crate) fn flip(&mut self, way: Way) -> &mut Story {
        let (_, to) = super::say::ends(way);
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

fn packages() -> Finding {
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

fn late_traffic() -> Finding {
    Finding::new(
        Outcome::Late,
        "41% of the rate arrives, and the source drains slowly",
    )
    .facts(vec![fact(
        Outcome::Late,
        "standby",
        "at least 80% of 12.5/s",
        "5.1/s",
    )])
}

pub(crate) fn happy_drill() -> Vec<Record> {
    Story::of(plan(Mode::Drill))
        .baseline()
        .ready(Round::There)
        .flip(Way::There)
        .moved(Round::There)
        .after(600)
        .says(Event::HoldOver {
            by: "the clock".into(),
        })
        .ready(Round::Return)
        .flip(Way::Back)
        .moved(Round::Return)
        .ends(Ending::Done)
}

pub(crate) fn undone() -> Vec<Record> {
    let failed = Finding::new(Outcome::Fail, "1 of 4 probes fails by name")
        .facts(vec![
            fact(
                Outcome::Fail,
                "archive standby [2001:db8:1::20]:443",
                "status 200",
                "status 502",
            ),
            fact(
                Outcome::Pass,
                "website standby 198.51.100.20:443",
                "status 200",
                "status 200",
            ),
        ])
        .mend("ssh standby sudo systemctl restart nginx");
    let mut story = Story::of(plan(Mode::Failover));
    story
        .baseline()
        .ready(Round::There)
        .flip(Way::There)
        .after(62)
        .batch(
            Round::There,
            vec![
                (PUBLISHED, pass("4 servers at 8 addresses answer the new")),
                (PUBLIC, failed),
                (TRAFFIC, late_traffic()),
            ],
        )
        .after(3)
        .batch(
            Round::Probe,
            vec![(WORKS, pass("4 probes pass at the source"))],
        )
        .flip(Way::Back)
        .after(30)
        .batch(
            Round::Verify,
            vec![
                (PUBLISHED, pass("4 servers at 8 addresses answer the old")),
                (PUBLIC, pass("4 probes pass by name")),
                (TRAFFIC, pass("99% of the rate arrives")),
            ],
        );
    story.ends(Ending::Undone)
}

pub(crate) fn held() -> Vec<Record> {
    let mut story = Story::of(plan(Mode::Failover));
    story
        .baseline()
        .ready(Round::There)
        .flip(Way::There)
        .after(900)
        .batch(
            Round::There,
            vec![
                (PUBLISHED, pass("4 servers at 8 addresses answer the new")),
                (PUBLIC, pass("4 probes pass by name")),
                (TRAFFIC, late_traffic()),
            ],
        )
        .says(Event::Owes {
            owed: Owed {
                key: "ttl raspbian.example".into(),
                what: "the TTL of 4 record sets is still 60".into(),
                how: String::new(),
            },
        });
    story.ends(Ending::Held)
}

/// A held run that somebody let go on.
pub(crate) fn accepted() -> Vec<Record> {
    let mut records = held();
    records.pop();
    let mut story = Story::following(records);
    story.after(120).says(Event::Decided {
        decision: Decision::On,
        by: "anna@ops2".into(),
    });
    story.ends(Ending::DoneUnproven)
}

pub(crate) fn emergency() -> Vec<Record> {
    let mut plan = plan(Mode::Emergency);
    for entry in &mut plan.entries {
        entry.rule.unknown = Then::Note;
        entry.rule.late = Then::Note;
    }
    let mut story = Story::of(plan);
    story
        .says(Event::BaselineTaken {
            sights: vec![Sight {
                key: "primary".into(),
                step: "traffic".into(),
                seen: Err(Unseen::new(
                    Cause::Unreachable,
                    "no answer from primary in 10s",
                )),
            }],
        })
        .after(10)
        .batch(
            Round::There,
            vec![
                (
                    MIRROR,
                    Finding::new(
                        Outcome::Warn,
                        "in sync with the source as it was 5h 10m ago, which is not seen now",
                    )
                    .facts(vec![fact(
                        Outcome::Warn,
                        "primary",
                        "seen now",
                        "recorded 5h 10m ago",
                    )])
                    .data_age(secs(18_600)),
                ),
                (WORKS, pass("4 probes pass at 2 addresses")),
                (
                    PACKAGES,
                    Finding::new(Outcome::Unknown, "the packages of primary are not seen"),
                ),
            ],
        )
        .flip(Way::There)
        .after(120)
        .batch(
            Round::There,
            vec![
                (PUBLISHED, pass("4 servers at 8 addresses answer the new")),
                (PUBLIC, pass("4 probes pass by name")),
                (
                    TRAFFIC,
                    Finding::new(Outcome::Unknown, "4.9/s arrive, compared with nothing"),
                ),
            ],
        )
        .says(Event::Owes {
            owed: Owed {
                key: "fence primary".into(),
                what: "primary was not seen, and may still write".into(),
                how: "cutover check raspbian.toml".into(),
            },
        });
    story.ends(Ending::DoneUnproven)
}

pub(crate) fn refused() -> Vec<Record> {
    let mut story = Story::of(plan(Mode::Drill));
    story.after(31).batch(
        Round::There,
        vec![
            (
                MIRROR,
                Finding::new(Outcome::Fail, "1,311 of 61,204 files differ, 2.1 GB")
                    .facts(vec![fact(
                        Outcome::Fail,
                        "/srv/raspbian/ on standby",
                        "at most 1,000 files",
                        "1,311 files: dists/stable/Release, pool/main/a/apt.deb",
                    )])
                    .mend("ssh standby sudo systemctl start mirror-sync"),
            ),
            (WORKS, pass("4 probes pass at 2 addresses")),
            (PACKAGES, packages()),
        ],
    );
    story.ends(Ending::Refused)
}

pub(crate) fn stopped() -> Vec<Record> {
    Story::of(plan(Mode::Failover))
        .baseline()
        .ready(Round::There)
        .says(Event::StopAsked {
            by: "root@ops1 (SIGINT)".into(),
        })
        .flip(Way::There)
        .ends(Ending::Stopped)
}

pub(crate) fn stale() -> Vec<Record> {
    Story::of(plan(Mode::Failover))
        .baseline()
        .ready(Round::There)
        .says(Event::Compared {
            entry: FLIP,
            way: Way::There,
            side: Some(Side::Foreign),
            detail: Some("raspbian.example. A holds 203.0.113.9".into()),
        })
        .ends(Ending::Stale)
}

/// The write is refused on the way back: the change stands although it should not.
pub(crate) fn stuck() -> Vec<Record> {
    let mut records = undone();
    let probe = records
        .iter()
        .position(|r| {
            matches!(
                &r.event,
                Event::Judged {
                    round: Round::Probe,
                    ..
                }
            )
        })
        .unwrap();
    records.truncate(probe + 1);
    let mut story = Story::following(records);
    let why = "the provider answered 403 Forbidden".to_owned();
    story
        .write(Way::Back, Answer::Refused { why })
        .settle(Way::Back, Some(Side::After));
    story.ends(Ending::Held)
}

/// A dry run.
pub(crate) fn rehearsed() -> Vec<Record> {
    Story::of(plan(Mode::Plan))
        .ready(Round::There)
        .says(Event::WouldChange { entry: FLIP })
        .ends(Ending::Done)
}
