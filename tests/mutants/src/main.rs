//! Which changes of the sources does no test notice? See `README.md` beside it.

mod build;
mod explained;
mod list;
mod plant;
mod run;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use list::Genre;
use run::Fate;

/// What can be asked for, and its files.
const AREAS: &[(&str, &[&str])] = &[
    ("machine", &["src/machine/**"]),
    ("journal", &["src/journal/**"]),
    ("engine", &["src/engine/**"]),
    ("moves", &["src/dns/moves.rs", "src/dns/moves/**"]),
    ("judges", &["src/steps/*/judge.rs", "src/steps/*/judge/**"]),
];

const USAGE: &str =
    "mutants [--alone] [--again] [--left] [--only BEGIN] [--it BEGIN]... [--patience SECONDS] AREA...
  AREA        machine, journal, engine, moves, judges
  --alone     build the machine without the rest, held by its own tests alone
  --again     with the build and the list of the last time
  --only      only those of files whose paths begin so
  --left      only those that were not held the last time
  --it        with the tests of tests/it whose names begin so
  --patience  leave out tests that take longer (default: 3)";

struct Asked {
    globs: Vec<&'static str>,
    alone: bool,
    again: bool,
    left: bool,
    only: String,
    it: Vec<String>,
    patience: Duration,
}

fn asked() -> Option<Asked> {
    let mut asked = Asked {
        globs: Vec::new(),
        alone: false,
        again: false,
        left: false,
        only: String::new(),
        it: Vec::new(),
        patience: Duration::from_secs(3),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--alone" => asked.alone = true,
            "--again" => asked.again = true,
            "--left" => asked.left = true,
            "--only" => asked.only = words.next()?,
            "--it" => asked.it.push(words.next()?),
            "--patience" => asked.patience = Duration::from_secs(words.next()?.parse().ok()?),
            area => {
                let (_, globs) = AREAS.iter().find(|(name, _)| *name == area)?;
                asked.globs.extend(*globs);
            }
        }
    }
    (!asked.globs.is_empty()).then_some(asked)
}

fn main() -> ExitCode {
    let Some(asked) = asked() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().expect("the tree is there");
    let mutants = list::list(&root, &asked.globs);
    eprintln!("{} mutants", mutants.len());
    let it = !asked.it.is_empty();
    let build = build::build(&root, &mutants, asked.alone, it, asked.again);
    let tests = run::reach(&build, &asked.it, asked.patience, asked.again);
    let explained = explained::read(&root);
    let left = root.join("target/mutants/left");
    let last = fs::read_to_string(&left).unwrap_or_default();
    let last: Vec<&str> = last.lines().collect();
    let mut now = String::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unheld = 0;
    for mutant in &mutants {
        let name = mutant.lasting(&root);
        if asked.left && !last.contains(&&*name) || !name.starts_with(&asked.only) {
            continue;
        }
        let unplanted = build.unplanted.contains(&mutant.id);
        let word = if build.unviable.contains(&mutant.id)
            // An arm without which the rest is not complete.
            || unplanted && mutant.genre == Genre::MatchArm
        {
            "unviable"
        } else if unplanted {
            "unplanted"
        } else {
            let why = explained.iter().find(|e| e.is(&root, mutant));
            match (run::fate(&build, &tests, mutant.id), why) {
                (Fate::Caught | Fate::Endless, _) => "caught",
                (Fate::Survived | Fate::Unreached, Some(_)) => "explained",
                (Fate::Survived, None) => "survived",
                (Fate::Unreached, None) => "unreached",
            }
        };
        if matches!(word, "survived" | "unreached") {
            unheld += 1;
            now += &(name + "\n");
        }
        *counts.entry(word).or_default() += 1;
        println!("{word:9} {}", mutant.name);
    }
    fs::write(&left, now).expect("a list of what is not held");
    for (word, count) in counts {
        println!("{count:5} {word}");
    }
    let ours = |e: &&explained::Explained| mutants.iter().any(|m| Path::new(&e.file) == m.file);
    for old in explained.iter().filter(ours) {
        if !mutants.iter().any(|m| old.is(&root, m)) {
            println!(
                "explains nothing any more: {}: {} ({})",
                old.file, old.line, old.why
            );
            unheld += 1;
        }
    }
    ExitCode::from(u8::from(unheld > 0))
}
