use std::collections::BTreeMap;

use serde_json::json;

use super::command::endpoint;
use super::fields::{build, globs};
use super::stats::{Reading, Tree};
use super::*;
use crate::field::{Datum, Fields};

use crate::plan::{Outcome, Seconds};
use crate::problem::Problem;
use crate::step::{Given, Known, Work};
use crate::world::exec::{Output, Via, quoted};

const HOSTS: &[&str] = &["primary", "standby"];

fn fields(values: &[(&'static str, Datum)]) -> Fields {
    let mut fields = Fields::new(0..0);
    for (name, datum) in values {
        fields.insert(name, datum.clone(), 0..0);
    }
    fields
}

fn text(text: &str) -> Datum {
    Datum::Text(text.into())
}

fn map(pairs: &[(&str, &str)]) -> Datum {
    let pairs = pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Datum::Map(pairs.collect())
}

fn built(values: &[(&'static str, Datum)]) -> Result<Box<dyn Check>, Vec<Problem>> {
    let hosts: Vec<String> = HOSTS.iter().map(|host| (*host).to_owned()).collect();
    let given = Given {
        id: "mirror",
        services: &[],
        hosts: &hosts,
    };
    let Work::Check(check) = build(&fields(values), &given)?.work else {
        panic!("a mirror is a check")
    };
    Ok(check)
}

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
        sample: 200,
        reuse: None,
        timeout: TIMEOUT,
    }
}

fn host(name: &str, via: Option<Via>) -> Host {
    Host {
        name: name.into(),
        site: name.into(),
        reach: via.map(|via| Reach {
            name: name.into(),
            via,
            sudo: false,
        }),
        addresses: Vec::new(),
        access_log: Vec::new(),
        stands_in_for: Vec::new(),
        role: None,
        proxy: Vec::new(),
        detours: BTreeMap::new(),
    }
}

fn ssh(destination: &str) -> Option<Via> {
    Some(Via::Ssh {
        destination: destination.into(),
        config: None,
    })
}

/// The end of what rsync prints for a source of a hundred files.
const END: &str = "\nNumber of files: 104 (reg: 100, dir: 4)\nNumber of created files: 0\nTotal file size: 4,096 bytes\n\nsent 1 bytes  received 1 bytes  4.00 bytes/sec\ntotal size is 4096  speedup is 1.00 (DRY RUN)\n";

fn tree(stdout: &str, stderr: &str, status: i32) -> Known {
    let mut reading = Reading::default();
    stdout
        .lines()
        .for_each(|line| reading.line(line.as_bytes()));
    let output = Output {
        status: Some(status),
        stdout: Vec::new(),
        stderr: stderr.as_bytes().to_vec(),
        truncated: false,
    };
    match reading.finish(&output) {
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

#[test]
fn the_same_trees_pass() {
    let finding = judge(&plain(), evidence());
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    assert_eq!(
        finding.headline,
        "`standby` holds all 100 files of `primary`; `standby` is in step with `primary` by `project/trace/master`, serial 2026112202"
    );
    assert_eq!(finding.data_age, Some(Seconds(Duration::ZERO)));
    assert!(
        finding
            .facts
            .iter()
            .any(|fact| fact.actual.contains("95 % confidence"))
    );
}

#[test]
fn nothing_that_can_hide_a_difference_passes() {
    let item = |line: &str| format!("CUT {line}\n{END}");
    let only_extras: String = (0..60)
        .map(|n| format!("CUT *deleting   0 1970/01/01-00:00:00 f{n}\n"))
        .collect();
    let empty = "\nNumber of files: 1 (dir: 1)\nTotal file size: 0 bytes\n";
    let few = "\nNumber of files: 21 (reg: 20, dir: 1)\nTotal file size: 9 bytes\n";
    let denied = "rsync: [sender] opendir \"/srv/a/x\" failed: Permission denied (13)\n\
        rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1338) [sender=3.5.0]\n";
    let vanished = "directory has vanished: \"/srv/a/x\"\nrsync warning: some files vanished before they could be transferred (code 24) at main.c(1338)\n";
    let cases = [
        (
            "a file is missing",
            tree(&item(">f+++++++++ 2 2026/11/22-15:20:01 a"), "", 0),
            Outcome::Fail,
        ),
        (
            "a file is stale",
            tree(&item(">f.st...... 2 2026/11/22-15:20:01 a"), "", 0),
            Outcome::Fail,
        ),
        (
            "a mode differs",
            tree(&item(".f...p..... 2 2026/11/22-15:20:01 a"), "", 0),
            Outcome::Warn,
        ),
        (
            "an extra file",
            tree(&item("*deleting   0 1970/01/01-00:00:00 a"), "", 0),
            Outcome::Pass,
        ),
        (
            "no deletion after an error",
            tree(
                &format!("IO error encountered -- skipping file deletion\n{END}"),
                denied,
                23,
            ),
            Outcome::Unknown,
        ),
        (
            "the note alone",
            tree(
                &format!("IO error encountered -- skipping file deletion\n{END}"),
                "",
                0,
            ),
            Outcome::Unknown,
        ),
        ("a partial run", tree(END, "", 23), Outcome::Unknown),
        (
            "an error with exit 0",
            tree(END, "rsync: something odd\n", 0),
            Outcome::Unknown,
        ),
        (
            "an unmounted source",
            tree(&format!("{only_extras}{empty}"), "", 0),
            Outcome::Fail,
        ),
        (
            "an empty source and target",
            tree(empty, "", 0),
            Outcome::Fail,
        ),
        (
            "a source that lost most of its files",
            tree(&format!("{only_extras}{few}"), "", 0),
            Outcome::Fail,
        ),
        (
            "no target folder",
            tree(&format!("created directory /srv/a\n{END}"), "", 0),
            Outcome::Fail,
        ),
        (
            "a chatty shell",
            tree(&format!("Welcome!\n{END}"), "", 0),
            Outcome::Unknown,
        ),
        (
            "an item cut in two",
            tree(&format!("CUT >f+++\n{END}"), "", 0),
            Outcome::Unknown,
        ),
        ("vanished files", tree(END, vanished, 24), Outcome::Warn),
        (
            "a socket",
            tree(&format!("skipping non-regular file \"s\"\n{END}"), "", 0),
            Outcome::Warn,
        ),
        (
            "cut off before the statistics",
            tree("", "", 0),
            Outcome::Unknown,
        ),
        (
            "ssh failed",
            tree("", "ops@p: Permission denied (publickey).", 255),
            Outcome::Unknown,
        ),
    ];
    for (name, known, outcome) in cases {
        let finding = with("tree primary -> standby", known);
        assert_eq!(finding.outcome, outcome, "{name}: {finding:#?}");
    }
}

#[test]
fn an_unreadable_source_file_and_another_content_are_seen_elsewhere() {
    let names = json!({"host": "primary", "names": {"lines": 2, "first": ["a", "b"]}});
    let finding = with("readable primary", Known::Live(names));
    assert_eq!(finding.outcome, Outcome::Unknown);
    assert!(
        finding.headline.contains("cannot be read"),
        "{}",
        finding.headline
    );

    let sample = json!({"chosen": 9, "compared": 9, "other": 1, "first": ["pool/x"]});
    let finding = with("sample primary -> standby", Known::Live(sample));
    assert_eq!(finding.outcome, Outcome::Fail);
    assert!(
        finding.final_ && finding.headline.contains("pool/x"),
        "{finding:#?}"
    );

    let finding = with(
        "sample primary -> standby",
        Known::Live(json!({"chosen": 9})),
    );
    assert_eq!(finding.outcome, Outcome::Warn);
    let finding = with(
        "sample primary -> standby",
        Known::Live(json!({"chosen": 9, "compared": 8, "unread": 1})),
    );
    assert_eq!(finding.outcome, Outcome::Unknown);

    let mut items = evidence();
    items.remove("sample primary -> standby");
    let finding = judge(&plain(), items);
    assert!(
        finding
            .facts
            .iter()
            .any(|fact| fact.actual.contains("is not seen")),
        "{finding:#?}"
    );
}

#[test]
fn limits_are_limits() {
    let stdout = format!(
        "CUT >f+++++++++ 700 2026/11/22-15:20:01 a\nCUT *deleting   0 1970/01/01-00:00:00 b\n{END}"
    );
    let outcome = |change: &dyn Fn(&mut Limits)| {
        let mut mirror = plain();
        mirror.limits.max_files = 1;
        change(&mut mirror.limits);
        let mut items = evidence();
        items.insert("tree primary -> standby", tree(&stdout, "", 0));
        judge(&mirror, items).outcome
    };
    assert_eq!(outcome(&|_| {}), Outcome::Pass);
    assert_eq!(outcome(&|limits| limits.max_files = 0), Outcome::Fail);
    assert_eq!(
        outcome(&|limits| limits.max_bytes = Some(700)),
        Outcome::Pass
    );
    assert_eq!(
        outcome(&|limits| limits.max_bytes = Some(699)),
        Outcome::Fail
    );
    assert_eq!(outcome(&|limits| limits.min_files = 101), Outcome::Fail);
    assert_eq!(outcome(&|limits| limits.extra = Grade::Warn), Outcome::Warn);
    assert_eq!(outcome(&|limits| limits.extra = Grade::Fail), Outcome::Fail);
}

#[test]
fn tells_how_far_behind_the_target_is() {
    let behind = |hours, serial| {
        with(
            "stamps standby",
            Known::Live(stamp("standby", hours, serial)),
        )
    };
    let finding = behind(4, Some(2026112201));
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    assert_eq!(
        finding.data_age,
        Some(Seconds(Duration::from_secs(3 * 3600)))
    );
    assert!(
        finding.headline.contains("3h 00m behind"),
        "{}",
        finding.headline
    );

    let finding = behind(8, Some(2026112101));
    assert_eq!(finding.outcome, Outcome::Fail);
    assert!(
        finding.headline.contains("7h 00m behind"),
        "{}",
        finding.headline
    );

    assert_eq!(
        behind(8, Some(2026112202)).outcome,
        Outcome::Pass,
        "the serial is the same"
    );
    assert_eq!(
        behind(0, Some(2026112203)).outcome,
        Outcome::Warn,
        "newer than the source"
    );

    let mut none = stamp("standby", 1, None);
    none["stamp"] = Json::Null;
    assert_eq!(
        with("stamps standby", Known::Live(none)).outcome,
        Outcome::Fail
    );

    let mut other = stamp("standby", 1, None);
    other["stamp"]["file"] = json!("lastsync");
    assert_eq!(
        with("stamps standby", Known::Live(other)).outcome,
        Outcome::Unknown
    );

    let mut absent = stamp("standby", 1, None);
    absent["absent"] = json!("No such file");
    assert_eq!(
        with("stamps standby", Known::Live(absent)).outcome,
        Outcome::Fail
    );

    let mut same = stamp("standby", 1, None);
    same["folder"] = json!("boot-primary 1:2");
    let finding = with("stamps standby", Known::Live(same));
    assert_eq!(
        finding.outcome,
        Outcome::Fail,
        "one folder, compared with itself"
    );
}

#[test]
fn a_sync_that_runs_is_late_and_one_that_hangs_warns() {
    let running = |host: &str, seconds| {
        let mut stamps = stamp(host, 1, Some(2026112202));
        stamps["running"] = json!([{"name": "Archive-Update-in-Progress-x", "seconds": seconds}]);
        Known::Live(stamps)
    };
    assert_eq!(
        with("stamps standby", running("standby", 300)).outcome,
        Outcome::Late
    );
    assert_eq!(
        with("stamps standby", running("standby", 9_000)).outcome,
        Outcome::Warn
    );
    assert_eq!(
        with("stamps primary", running("primary", 300)).outcome,
        Outcome::Warn
    );
}

#[test]
fn a_dead_source_is_unknown_and_answered_from_the_record_in_an_emergency() {
    let mut items = evidence();
    for key in [
        "tree primary -> standby",
        "readable primary",
        "sample primary -> standby",
        "stamps primary",
    ] {
        items.insert(key, Known::Unseen(gone()));
    }
    let finding = judge(&plain(), items.clone());
    assert_eq!(finding.outcome, Outcome::Unknown);
    assert!(
        finding
            .facts
            .iter()
            .any(|fact| fact.actual.contains("1h 00m ago by its own clock"))
    );

    let recorded = |known: &Known| match known {
        Known::Live(fact) => Known::Recorded {
            fact: fact.clone(),
            age: Duration::from_secs(2 * 3600),
            why: gone(),
        },
        other => other.clone(),
    };
    let mut items = evidence();
    for (key, known) in &mut items {
        if *key != "stamps standby" {
            *known = recorded(known);
        }
    }
    let finding = judge(&plain(), items.clone());
    assert_eq!(finding.outcome, Outcome::Warn);
    assert!(
        finding
            .headline
            .contains("as it was 2h 00m ago; now: no route"),
        "{}",
        finding.headline
    );
    assert_eq!(
        finding.data_age,
        Some(Seconds(Duration::from_secs(2 * 3600)))
    );

    items.insert(
        "stamps standby",
        Known::Live(stamp("standby", 9, Some(2026112001))),
    );
    assert_eq!(
        judge(&plain(), items).outcome,
        Outcome::Fail,
        "too far behind what the source last said"
    );
}

#[test]
fn without_a_pair_or_with_a_strange_record_nothing_passes() {
    assert_eq!(judge(&plain(), BTreeMap::new()).outcome, Outcome::Unknown);
    assert_eq!(
        with("tree primary -> standby", Known::Live(json!("x"))).outcome,
        Outcome::Unknown
    );
}

#[test]
fn builds_the_command_for_each_way_to_reach_the_source() {
    let words = |mirror: &Mirror, source: Option<Via>, target: Option<Via>| {
        mirror
            .command(&host("primary", source), &host("standby", target))
            .map(|argv| quoted(&argv))
            .map_err(|unseen| unseen.cause)
    };
    let line = words(&plain(), ssh("ops@primary.example"), ssh("standby")).unwrap();
    assert!(
        line.contains("rsync -rlptn -O --delete --no-motd --no-h --timeout=300 --stats"),
        "{line}"
    );
    assert!(
        line.contains("-e 'ssh -o BatchMode=yes -o ConnectTimeout=15 -o LogLevel=ERROR'"),
        "{line}"
    );
    assert!(
        line.ends_with("-- ops@primary.example:/srv/a/ /srv/a/"),
        "{line}"
    );
    assert!(!line.contains("contimeout"), "{line}");

    let mut mirror = plain();
    mirror.from.insert(
        "primary".into(),
        "rsync://[2001:db8::1]:8730/archive/".into(),
    );
    let line = words(&mirror, None, ssh("standby")).unwrap();
    assert!(
        line.contains("--contimeout=15")
            && line.ends_with("-- 'rsync://[2001:db8::1]:8730/archive/' /srv/a/"),
        "{line}"
    );

    let mut mirror = plain();
    mirror
        .from
        .insert("primary".into(), "ssh://m@2001:db8::1:2222".into());
    mirror.path = Some("/srv/a b/".into());
    mirror.ssh_options = vec!["-i".into(), "/k".into()];
    let line = words(&mirror, ssh("x"), ssh("standby")).unwrap();
    assert!(
        line.contains("-p 2222 -i /k") && line.contains(" -s "),
        "{line}"
    );
    assert!(
        line.ends_with("-- 'm@[2001:db8::1]:/srv/a b/' '/srv/a b/'"),
        "{line}"
    );

    assert_eq!(
        words(&plain(), Some(Via::Local), Some(Via::Local)),
        Err(Cause::Error)
    );
    assert_eq!(
        words(&plain(), Some(Via::Local), ssh("standby")),
        Err(Cause::Missing)
    );
    assert_eq!(words(&plain(), None, ssh("standby")), Err(Cause::Missing));
    assert_eq!(words(&plain(), ssh("p"), None), Err(Cause::Missing));

    let mut mirror = plain();
    mirror.path = None;
    mirror.paths = BTreeMap::from([
        ("primary".into(), "/".into()),
        ("standby".into(), "/b".into()),
    ]);
    mirror.index_only = true;
    let line = words(&mirror, Some(Via::Local), Some(Via::Local)).unwrap();
    assert!(line.ends_with("'--exclude=*' -- / /b/"), "{line}");
}

#[test]
fn destinations_read_as_ssh_and_rsync_take_them() {
    let cases = [
        ("standby", "standby", None),
        ("ops@standby.example", "ops@standby.example", None),
        ("ops@2001:db8::1", "ops@[2001:db8::1]", None),
        ("[2001:db8::1]", "[2001:db8::1]", None),
        ("ssh://ops@h:22", "ops@h", Some("22")),
        ("ssh://ops@[::1]", "ops@[::1]", None),
        ("ssh://ops@[::1]:2222", "ops@[::1]", Some("2222")),
    ];
    for (text, host, port) in cases {
        assert_eq!(endpoint(text), (host.to_owned(), port), "{text}");
    }
}

#[test]
fn says_what_is_wrong_with_the_fields() {
    let bad: &[&[(&'static str, Datum)]] = &[
        &[("path", text("srv/a"))],
        &[("paths", map(&[("elsewhere", "/a")]))],
        &[
            ("path", text("/a")),
            ("from", map(&[("primary", "-oProxyCommand=x")])),
        ],
        &[
            ("path", text("/a")),
            ("hosts", Datum::Texts(vec!["nobody".into()])),
        ],
        &[
            ("path", text("/a")),
            ("exclude", Datum::Texts(vec!["!".into()])),
        ],
        &[("path", text("/a")), ("stamp", text("/abs"))],
        &[
            ("path", text("/a")),
            ("ssh-options", Datum::Texts(vec!["-i /k".into()])),
        ],
    ];
    for values in bad {
        assert!(built(values).is_err(), "{values:?}");
    }
    assert!(
        built(&[
            ("path", text("/a")),
            ("reuse", Datum::Span(Duration::from_secs(60)))
        ])
        .unwrap()
        .reuse()
        .is_some()
    );
}

#[test]
fn patterns_match_what_rsync_would_leave_out() {
    let matches = |pattern: &str, path: &str| {
        globs(pattern)
            .unwrap()
            .iter()
            .any(|glob| glob.compile_matcher().is_match(path))
    };
    for (pattern, path, expected) in [
        ("/tmp/", "tmp", true),
        ("/tmp/", "tmp/a/b", true),
        ("/tmp/", "a/tmp", false),
        ("*.new", "a/b.new", true),
        ("*.new", "b.new", true),
        ("cache", "a/cache/x", true),
        ("/pool/*/x", "pool/a/x", true),
        ("/pool/*/x", "pool/a/b/x", false),
    ] {
        assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
    }
}
