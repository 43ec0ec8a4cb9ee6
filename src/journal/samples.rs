//! A made-up run that states every fact once: what the golden journal holds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::{Meta, Run, Summary};
use crate::clock::Stamp;
use crate::event::{
    Answer, Cause, Decision, Ending, Event, Fact, Finding, Owed, Record, Round, Sight, Unseen,
};
use crate::plan::{
    Act, Direction, Edit, Entry, FORMAT, IfInterrupted, Mode, Nature, Objectives, Outcome, Pace,
    Place, Plan, Question, Rule, Seconds, Side, Stay, Then, Value, Way,
};

pub(crate) fn stamp(seconds: u64) -> Stamp {
    let start = Stamp {
        wall: "2026-11-22T03:05:00Z".parse().unwrap(),
        boot_ms: 86_400_000,
        boot_id: "5f0c1c3e-7d3b-4a55-9d1e-0a6a1d2f3b4c".into(),
    };
    start.plus(Duration::from_secs(seconds))
}

pub(crate) fn meta() -> Meta {
    Meta {
        playbook: "raspbian".into(),
        file: None,
        mode: Mode::Drill,
        direction: direction(),
        by: "root@ops1".into(),
        version: "0.1.0".into(),
        began: stamp(0),
        given: crate::plan::Given::default(),
    }
}

/// How a list shows a failover that wrote, and ended so.
pub(crate) fn row(id: &str, ending: Option<Ending>) -> Run {
    Run {
        id: id.into(),
        meta: Meta {
            mode: Mode::Failover,
            ..meta()
        },
        summary: Some(Summary {
            last: stamp(0),
            wrote: true,
            ending,
            owed: Some(0),
            remains: false,
            wanted_back: false,
        }),
        records: 1,
        writer: None,
        row_damage: None,
    }
}

fn direction() -> Direction {
    Direction {
        source: "dedicated".into(),
        target: "cloud".into(),
    }
}

pub(crate) fn value(address: &str, ttl: u32) -> Value {
    let set = json!({ "ttl": ttl, "members": [address] });
    Value(BTreeMap::from([(
        "www.example.org. AAAA".to_owned(),
        set.into(),
    )]))
}

pub(crate) fn edit() -> Edit {
    Edit {
        place: Place {
            step: "flip".into(),
            name: "example.org".into(),
        },
        before: value("2001:db8::10", 3600),
        after: value("2001:db8:1::20", 60),
    }
}

fn entry(id: &str, kind: &str, nature: Nature) -> Entry {
    Entry {
        id: id.into(),
        step: id.split('/').next().unwrap_or(id).into(),
        kind: kind.into(),
        title: format!("a step of kind {kind}"),
        nature,
        pace: Pace {
            within: Duration::from_secs(600),
            every: Duration::from_secs(5),
            timeout: Duration::from_millis(7500),
        },
        rule: Rule {
            late: Then::Hold,
            fail: Then::Back,
            unknown: Then::Note,
        },
        there: true,
        back: false,
        temporary: false,
        probes_old_side: true,
        after_change: false,
        needs_baseline: true,
        foresees: false,
        by_hand: false,
        holds: None,
        blind: false,
        ttls_untold: false,
        answers: Some(Question::Moves),
        promise: None,
    }
}

pub(crate) fn plan() -> Plan {
    let act = Act {
        does: "systemctl stop uploads".into(),
        undo: Some("systemctl start uploads".into()),
        if_interrupted: IfInterrupted::Again,
    };
    Plan {
        format: FORMAT,
        playbook: "raspbian".into(),
        text: "[playbook]\nname = \"raspbian\"\n".into(),
        folder: None,
        mode: Mode::Drill,
        direction: direction(),
        entries: vec![
            entry("works", "services", Nature::Check),
            entry("freeze", "command", Nature::Act(act)),
            Entry {
                promise: Some("compare-and-swap in one message".into()),
                ..entry("flip/example.org", "dns", Nature::Change(edit()))
            },
            entry(
                "sure",
                "approve",
                Nature::Ask {
                    question: "go on?".into(),
                },
            ),
            entry(
                "settle",
                "wait",
                Nature::Wait {
                    time: Duration::from_secs(60),
                },
            ),
        ],
        hold: Duration::from_secs(1800),
        objectives: Objectives {
            rto: Some(Seconds(Duration::from_secs(900))),
            rpo: None,
        },
        locks: vec!["playbook raspbian".into(), "www.example.org. AAAA".into()],
        stays: vec![Stay {
            what: "ftp.example.org. CNAME".into(),
            why: "it is an alias".into(),
        }],
        behind: Vec::new(),
        astray: Vec::new(),
        left_out: Vec::new(),
        led_there: false,
        apart: Vec::new(),
        goes_back: true,
    }
}

pub(crate) fn events() -> Vec<Event> {
    let by = || "root@ops1".to_owned();
    let Edit { before, after, .. } = edit();
    let unseen = Unseen::new(Cause::Frozen, "it accepted the connection and said nothing");
    let finding = Finding::new(Outcome::Warn, "one of two serves")
        .facts(vec![Fact {
            outcome: Outcome::Unknown,
            what: "website standby [2001:db8:1::20]:443".into(),
            expected: "200".into(),
            actual: "nothing within 5s — gave up".into(),
        }])
        .mend("systemctl status nginx")
        .data_age(Duration::from_secs(5400))
        .is_final();
    vec![
        Event::Started {
            plan: Box::new(plan()),
            by: by(),
            version: "0.1.0".into(),
        },
        Event::Looked {
            entry: 0,
            round: Round::There,
            finding,
        },
        Event::Judged {
            round: Round::There,
            outcomes: vec![(0, Outcome::Warn)],
        },
        Event::BaselineTaken {
            sights: vec![
                Sight {
                    key: "standby [2001:db8:1::20]:443".into(),
                    step: "works".into(),
                    seen: Ok(json!({ "status": 200, "millis": 12 })),
                },
                Sight {
                    key: "standby 198.51.100.20:443".into(),
                    step: "works".into(),
                    seen: Err(unseen),
                },
            ],
        },
        Event::Compared {
            entry: 2,
            way: Way::There,
            side: Some(Side::Before),
            detail: None,
        },
        Event::Intended {
            entry: 2,
            way: Way::There,
            from: before,
            to: after,
            until: stamp(40),
        },
        Event::Answered {
            entry: 2,
            way: Way::There,
            answer: Answer::Unclear {
                why: "no answer within 10s".into(),
            },
        },
        Event::Settled {
            entry: 2,
            way: Way::There,
            side: None,
            detail: Some("the server did not answer".into()),
            stored: Value::default(),
        },
        Event::WouldChange { entry: 2 },
        Event::Waited { entry: 4 },
        Event::Approved {
            entry: 3,
            yes: true,
            by: by(),
        },
        Event::HoldOver { by: by() },
        Event::Decided {
            decision: Decision::Back,
            by: by(),
            parts: false,
        },
        Event::StopAsked { by: by() },
        Event::Resumed {
            by: by(),
            version: "0.2.0".into(),
            anew: false,
        },
        Event::Owes {
            owed: Owed {
                key: "fence primary".into(),
                what: "the old primary may still take uploads".into(),
                how: "ssh primary systemctl stop uploads".into(),
            },
        },
        Event::Ended {
            ending: Ending::Undone,
        },
        Event::Barred {
            ending: Ending::Stale,
            why: "run `r1` of this playbook has not come to an end".into(),
        },
        Event::StaysSo {
            key: "fence primary".into(),
            by: by(),
            reason: "it was given back to its owner".into(),
            holds: None,
            what: None,
        },
        Event::Overtaken {
            entry: 2,
            side: Side::After,
            detail: None,
        },
    ]
}

pub(crate) fn records() -> Vec<Record> {
    let numbered = (0..).zip(events());
    numbered
        .map(|(seq, event)| Record {
            seq,
            at: stamp(seq),
            event,
        })
        .collect()
}
