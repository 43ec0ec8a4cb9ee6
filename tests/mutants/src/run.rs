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
    /// Which of the programs it belongs to.
    pub program: usize,
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

fn tests(build: &Build, program: usize) -> Command {
    let mut command = Command::new(&build.tests[program]);
    command
        .current_dir(&build.tree)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Each test alone, with no mutant alive. A test that fails so is left out and told. Of `tests/it` those count whose
/// names begin with one of `it`.
pub fn reach(build: &Build, it: &[String], patience: Duration, again: bool) -> Vec<Test> {
    let kept = build.tree.with_extension("reach");
    if again && let Ok(text) = fs::read_to_string(&kept) {
        let test = |line: &str| {
            let mut words = line.split(' ');
            let program = words.next()?.parse().ok()?;
            let name = words.next()?.to_owned();
            let took = Duration::from_millis(words.next()?.parse().ok()?);
            let reaches = words.filter_map(|id| id.parse().ok()).collect();
            Some(Test {
                program,
                name,
                took,
                reaches,
            })
        };
        return text.lines().filter_map(test).collect();
    }
    let mut found: Vec<Test> = (0..build.tests.len())
        .flat_map(|program| reached(build, program, it, patience))
        .collect();
    found.sort_by_key(|t| t.took);
    let line = |t: &Test| {
        let ids: String = t.reaches.iter().map(|id| format!(" {id}")).collect();
        format!("{} {} {}{ids}\n", t.program, t.name, t.took.as_millis())
    };
    let text: String = found.iter().map(line).collect();
    fs::write(&kept, text).expect("a file of what reaches what");
    found
}

fn reached(build: &Build, program: usize, it: &[String], patience: Duration) -> Vec<Test> {
    let out = tests(build, program)
        .args(["--list", "--format", "terse"])
        .stdout(Stdio::piped())
        .output()
        .expect("the tests start");
    let file = build.tree.join("reach");
    let name = build.tests[program].file_name();
    let of_it = name.is_some_and(|n| n.to_string_lossy().starts_with("it-"));
    let names = String::from_utf8_lossy(&out.stdout).into_owned();
    let mut found = Vec::new();
    for name in names.lines().filter_map(|l| l.strip_suffix(": test")) {
        if of_it && !it.iter().any(|begin| name.starts_with(&**begin)) {
            continue;
        }
        let _ = fs::remove_file(&file);
        let from = Instant::now();
        let mut child = tests(build, program)
            .args(["--exact", name])
            .env("MUTANTS_REACH", &file)
            .spawn()
            .expect("the tests start");
        let status = loop {
            match child.try_wait().expect("a child of ours") {
                None if from.elapsed() > patience => {
                    let _ = child.kill();
                    let _ = child.wait();
                    break None;
                }
                None => std::thread::sleep(Duration::from_millis(5)),
                Some(status) => break Some(status),
            }
        };
        match status {
            None => {
                println!("left out, it takes too long: {name}");
                continue;
            }
            Some(status) if !status.success() => {
                println!("left out, it fails without a mutant: {name}");
                continue;
            }
            Some(_) => {}
        }
        let ids = fs::read_to_string(&file).unwrap_or_default();
        found.push(Test {
            program,
            name: name.to_owned(),
            took: from.elapsed(),
            reaches: ids.lines().filter_map(|l| l.parse().ok()).collect(),
        });
    }
    found
}

/// What becomes of one mutant.
pub fn fate(build: &Build, found: &[Test], id: usize) -> Fate {
    let mine: Vec<&Test> = found.iter().filter(|t| t.reaches.contains(&id)).collect();
    if mine.is_empty() {
        return Fate::Unreached;
    }
    let mut parts: BTreeMap<(u128, usize), Vec<&Test>> = BTreeMap::new();
    for test in mine {
        // Tests of about the same length run in one process.
        let length = test.took.as_millis().checked_ilog2().unwrap_or(0);
        parts
            .entry((u128::from(length.max(6)), test.program))
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
    let mut child = tests(build, part[0].program)
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
