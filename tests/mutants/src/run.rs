//! Runs, for each mutant, the tests that reach it, the quick ones first, until one fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::build::Build;

/// One test, how long it takes, and which mutants it reaches.
pub struct Test {
    pub name: String,
    pub took: Duration,
    pub reaches: BTreeSet<usize>,
}

/// How it ended with a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    Caught,
    /// A test did not end: somebody would notice.
    Endless,
    Survived,
    /// No test comes there.
    Unreached,
}

fn tests(build: &Build) -> Command {
    let mut command = Command::new(&build.tests);
    command
        .current_dir(&build.tree)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Each test alone, with no mutant alive. A test that fails so is left out and told.
pub fn reach(build: &Build, again: bool) -> Vec<Test> {
    let kept = build.tree.with_extension("reach");
    if again && let Ok(text) = fs::read_to_string(&kept) {
        let test = |line: &str| {
            let mut words = line.split(' ');
            let name = words.next()?.to_owned();
            let took = Duration::from_millis(words.next()?.parse().ok()?);
            let reaches = words.filter_map(|id| id.parse().ok()).collect();
            Some(Test {
                name,
                took,
                reaches,
            })
        };
        return text.lines().filter_map(test).collect();
    }
    let out = tests(build)
        .args(["--list", "--format", "terse"])
        .stdout(Stdio::piped())
        .output()
        .expect("the tests start");
    let file = build.tree.join("reach");
    let names = String::from_utf8_lossy(&out.stdout).into_owned();
    let mut found = Vec::new();
    for name in names.lines().filter_map(|l| l.strip_suffix(": test")) {
        let _ = fs::remove_file(&file);
        let from = Instant::now();
        let status = tests(build)
            .args(["--exact", name])
            .env("MUTANTS_REACH", &file)
            .status()
            .expect("the tests start");
        if !status.success() {
            println!("left out, it fails without a mutant: {name}");
            continue;
        }
        let ids = fs::read_to_string(&file).unwrap_or_default();
        found.push(Test {
            name: name.to_owned(),
            took: from.elapsed(),
            reaches: ids.lines().filter_map(|l| l.parse().ok()).collect(),
        });
    }
    found.sort_by_key(|t| t.took);
    let line = |t: &Test| {
        let ids: String = t.reaches.iter().map(|id| format!(" {id}")).collect();
        format!("{} {}{ids}\n", t.name, t.took.as_millis())
    };
    let text: String = found.iter().map(line).collect();
    fs::write(&kept, text).expect("a file of what reaches what");
    found
}

/// What becomes of one mutant. Tests longer than `patience` are left out.
pub fn fate(build: &Build, found: &[Test], id: usize, patience: Duration) -> Fate {
    let mine: Vec<&Test> = found.iter().filter(|t| t.reaches.contains(&id)).collect();
    if mine.is_empty() {
        return Fate::Unreached;
    }
    let mut parts: BTreeMap<u128, Vec<&Test>> = BTreeMap::new();
    for test in mine.into_iter().filter(|t| t.took <= patience) {
        // Tests of about the same length run in one process.
        let length = test.took.as_millis().checked_ilog2().unwrap_or(0);
        parts
            .entry(u128::from(length.max(6)))
            .or_default()
            .push(test);
    }
    for part in parts.values() {
        match run(build, part, id) {
            Fate::Survived => {}
            other => return other,
        }
    }
    Fate::Survived
}

fn run(build: &Build, part: &[&Test], id: usize) -> Fate {
    let all: Duration = part.iter().map(|t| t.took).sum();
    let mut child = tests(build)
        .args(["--test-threads=1", "--exact"])
        .args(part.iter().map(|t| &t.name))
        .env("MUTANT", id.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the tests start");
    let lines = BufReader::new(child.stdout.take().expect("it is piped"));
    let (send, failed) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            if let Some(name) = line.strip_suffix(" ... FAILED") {
                let _ = send.send(name.to_owned());
                return;
            }
        }
    });
    let fate = match failed.recv_timeout(Duration::from_secs(20) + all * 5) {
        Ok(_) => Fate::Caught,
        Err(mpsc::RecvTimeoutError::Timeout) => Fate::Endless,
        Err(mpsc::RecvTimeoutError::Disconnected) => Fate::Survived,
    };
    if fate != Fate::Survived {
        let _ = child.kill();
    }
    let status = child.wait();
    let _ = reader.join();
    match fate {
        // It ended in another way: an abort, or a failure whose line was broken by what the test printed.
        Fate::Survived if !status.is_ok_and(|s| s.success()) => Fate::Caught,
        fate => fate,
    }
}
