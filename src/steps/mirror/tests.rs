//! What a mirror's looks amount to, without any host.

mod command;
mod covers;
mod fields;
mod stamps;
mod trees;
mod words;

use std::collections::BTreeMap;

use serde_json::json;

use super::stats::{Reading, Tree};
use super::*;
use crate::step::Known;
use crate::world::exec::Output;

fn plain() -> Mirror {
    Mirror {
        path: Some("/srv/a".into()),
        paths: BTreeMap::new(),
        from: BTreeMap::new(),
        ssh_options: Vec::new(),
        hosts: Vec::new(),
        stamp: None,
        limits: Limits {
            stamp: false,
            max_lag: Some(Duration::from_secs(6 * 3600)),
            max_files: 0,
            max_bytes: None,
            min_files: 1,
            shrink: 50,
            extra: Grade::Inform,
            exclude: Vec::new(),
            index_only: false,
        },
        exclude: Vec::new(),
        excluded: GlobSet::empty(),
        index_only: false,
        window: 0,
        sample: 200,
        reuse: None,
        timeout: TIMEOUT,
    }
}

/// The end of what rsync prints for a source of a hundred files.
const END: &str = "\nNumber of files: 104 (reg: 100, dir: 4)\nNumber of created files: 0\nTotal file size: 4,096 bytes\n\nsent 1 bytes  received 1 bytes  4.00 bytes/sec\ntotal size is 4096  speedup is 1.00 (DRY RUN)\n";

fn tree(stdout: &str, stderr: &str, status: i32) -> Known {
    let mut reading = Reading::default();
    stdout
        .lines()
        .for_each(|line| reading.line(line.as_bytes()));
    let output = Output::of_a_test(Some(status), b"", stderr.as_bytes());
    match reading.finish(&[], &output) {
        Ok(tree) => Known::Live(
            serde_json::to_value(Tree {
                source: "primary".into(),
                target: "standby".into(),
                ..tree
            })
            .unwrap(),
        ),
        Err(unseen) => Known::Unseen(unseen),
    }
}

const NOW: i64 = 1_800_000_000;

fn stamp(host: &str, hours_ago: i64, serial: Option<u64>) -> Json {
    json!({
        "host": host, "path": "/srv/a", "folder": format!("boot-{host} 1:2"), "now": NOW,
        "stamp": {
            "file": "project/trace/master", "at": NOW - hours_ago * 3600, "by": "trace",
            "serial": serial, "sum": format!("sum of {hours_ago}"),
        },
        "running": [],
    })
}

fn gone() -> Unseen {
    Unseen::new(Cause::Unreachable, "no route to `primary`")
}

/// Everything as it should be; each test spoils one item.
fn evidence() -> BTreeMap<&'static str, Known> {
    BTreeMap::from([
        ("tree primary -> standby", tree(END, "", 0)),
        (
            "readable primary",
            Known::Live(json!({"host": "primary", "names": {"lines": 0, "first": []}})),
        ),
        (
            "sample primary -> standby",
            Known::Live(json!({"chosen": 100, "compared": 100})),
        ),
        (
            "stamps primary",
            Known::Live(stamp("primary", 1, Some(2026112202))),
        ),
        (
            "stamps standby",
            Known::Live(stamp("standby", 1, Some(2026112202))),
        ),
    ])
}

fn judge(mirror: &Mirror, items: BTreeMap<&'static str, Known>) -> Finding {
    let items = items
        .into_iter()
        .map(|(key, known)| (key.to_owned(), known))
        .collect();
    let aim = Aim {
        active: "standby".into(),
        idle: "primary".into(),
        moved: false,
    };
    mirror.judge(
        &aim,
        &Evidence {
            items,
            baseline: Vec::new(),
        },
    )
}

fn with(key: &'static str, known: Known) -> Finding {
    let mut items = evidence();
    items.insert(key, known);
    judge(&plain(), items)
}
