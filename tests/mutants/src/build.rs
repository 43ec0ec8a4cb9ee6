//! One build for all mutants: a copy of the tree, the mutants planted in it, and those that do not compile taken
//! out again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::list::Mutant;
use crate::plant::{Planted, plant};

/// What the planted code asks. It also writes down, once for each mutant, that it was asked.
const ASKED: &str = r#"
use std::io::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];
static LIVES: OnceLock<(usize, Option<std::path::PathBuf>)> = OnceLock::new();

#[allow(clippy::all)]
pub(crate) fn lives(id: usize) -> bool {
    let (alive, reach) = LIVES.get_or_init(|| {
        let id = std::env::var("MUTANT").ok().and_then(|v| v.parse().ok());
        (id.unwrap_or(0), std::env::var_os("MUTANTS_REACH").map(Into::into))
    });
    if let Some(file) = reach {
        if !ASKED[id].swap(true, Ordering::Relaxed) {
            let mut open = std::fs::OpenOptions::new();
            let file = open.create(true).append(true).open(file);
            let _ = file.unwrap().write_all(format!("{id}\n").as_bytes());
        }
    }
    *alive == id
}
"#;

pub struct Build {
    /// The programs of tests: the unit tests, and those of `tests/it` where they are asked for.
    pub tests: Vec<PathBuf>,
    /// Where they run.
    pub tree: PathBuf,
    /// What does not compile.
    pub unviable: BTreeSet<usize>,
    /// What could not be planted.
    pub unplanted: BTreeSet<usize>,
}

/// Copies what git knows of the tree, and what it does not ignore.
fn copy(root: &Path, tree: &Path) {
    let _ = fs::remove_dir_all(tree);
    let out = Command::new("git")
        .current_dir(root)
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output()
        .expect("git starts");
    let names = String::from_utf8(out.stdout).expect("names of files are UTF-8");
    for name in names.split('\0').filter(|n| !n.is_empty()) {
        let to = tree.join(name);
        fs::create_dir_all(to.parent().expect("a file has a folder")).expect("a folder");
        if root.join(name).is_file() {
            fs::copy(root.join(name), to).expect("a copy");
        }
    }
}

/// The machine and what it needs, without the rest: a build of seconds.
const MACHINE_ALONE: &str = r#"
pub mod clock;
pub mod plan;
pub mod event;
pub mod machine;
pub mod words;
pub mod fake {
    #[path = "sketch.rs"]
    mod sketch;
    pub use sketch::{edit_of, plan};
}
"#;

/// With `alone`, only the machine is built, and held by its own tests; with `it` the tests of `tests/it` as well.
pub fn build(root: &Path, mutants: &[Mutant], alone: bool, it: bool, again: bool) -> Build {
    let tree = root
        .join("target/mutants")
        .join(if alone { "alone" } else { "tree" });
    let program = tree.with_extension("program");
    if !again {
        copy(root, &tree);
    }
    let library = tree.join("src/lib.rs");
    if alone && !again {
        // Two packages of one name are one for cargo.
        for file in ["Cargo.toml", "Cargo.lock"] {
            let text = fs::read_to_string(tree.join(file)).expect("a manifest");
            let text = text.replacen("name = \"cutover\"", "name = \"machine-alone\"", 1);
            fs::write(tree.join(file), text).expect("a manifest");
        }
    }
    let text = match alone {
        true => MACHINE_ALONE.to_owned(),
        false => fs::read_to_string(&library).expect("src/lib.rs"),
    };
    let count = mutants.len() + 1;
    let asked = format!("const COUNT: usize = {count};\n{ASKED}");
    if !again {
        fs::write(&library, text + "\nmod mutants;\n").expect("src/lib.rs");
        fs::write(tree.join("src/mutants.rs"), asked).expect("src/mutants.rs");
    }

    // What did not compile the last time is not tried again: each try is a build.
    let known = root.join("target/mutants/unviable");
    let last = fs::read_to_string(&known).unwrap_or_default();
    let last: BTreeSet<&str> = last.lines().collect();
    let of_last = mutants.iter().filter(|m| last.contains(&*m.lasting(root)));
    let mut unviable: BTreeSet<usize> = of_last.map(|m| m.id).collect();

    loop {
        let mut files: BTreeMap<&Path, Vec<&Mutant>> = BTreeMap::new();
        for mutant in mutants {
            let of = files.entry(&mutant.file).or_default();
            if !unviable.contains(&mutant.id) {
                of.push(mutant);
            }
        }
        let mut planted: BTreeMap<PathBuf, Vec<Planted>> = BTreeMap::new();
        let mut unplanted: BTreeSet<usize> = mutants
            .iter()
            .map(|m| m.id)
            .filter(|id| !unviable.contains(id))
            .collect();
        for (file, of) in files {
            let source = fs::read_to_string(root.join(file)).expect("a source");
            let (text, places) = plant(&source, of);
            for place in &places {
                unplanted.remove(&place.id);
            }
            if !again {
                fs::write(tree.join(file), text).expect("a source");
            }
            planted.insert(file.to_owned(), places);
        }
        let compiled = match again {
            true => Ok(fs::read_to_string(&program)
                .expect("a build of before")
                .lines()
                .map(PathBuf::from)
                .collect()),
            false => compile(root, &tree, alone, it),
        };
        match compiled {
            Ok(tests) => {
                let names = tests.iter().map(|t| t.to_str().expect("a path of ours"));
                let names: Vec<&str> = names.collect();
                fs::write(&program, names.join("\n")).expect("a file that says where");
                return Build {
                    tests,
                    tree,
                    unviable,
                    unplanted,
                };
            }
            Err((errors, rendered)) => {
                let before = unviable.len();
                for (file, from, to) in &errors {
                    let places = planted.get(Path::new(file)).into_iter().flatten();
                    let hit = places.filter(|p| p.from < *to && *from < p.to);
                    unviable.extend(hit.map(|p| p.id));
                }
                let more = unviable.len() - before;
                let names = mutants.iter().filter(|m| unviable.contains(&m.id));
                let names: String = names.map(|m| m.lasting(root) + "\n").collect();
                fs::write(&known, names).expect("a list of what does not compile");
                eprintln!("{} errors, {more} mutants do not compile", errors.len());
                assert!(more > 0, "the planted tree does not compile: {rendered}");
            }
        }
    }
}

/// The programs with the tests, or the places of what does not compile.
fn compile(
    root: &Path,
    tree: &Path,
    alone: bool,
    it: bool,
) -> Result<Vec<PathBuf>, (Vec<(String, usize, usize)>, String)> {
    let package = if alone { "machine-alone" } else { "cutover" };
    let target =
        std::env::var_os("MUTANTS_TARGET").map_or_else(|| root.join("target"), PathBuf::from);
    let jobs = std::env::var("MUTANTS_JOBS").map(|n| format!("-j{n}"));
    let out = Command::new("cargo")
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", target)
        .args(["test", "--lib", "--no-run", "--message-format=json"])
        .args(it.then_some(["--test", "it"]).into_iter().flatten())
        .args(jobs)
        // The searches of the simulation are long without.
        .args([
            "--config",
            &format!("profile.test.package.{package}.opt-level=1"),
        ])
        .args([
            "--config",
            &format!("profile.test.package.{package}.debug=0"),
        ])
        .stderr(Stdio::null())
        .output()
        .expect("cargo starts");
    let mut errors = Vec::new();
    let mut tests = Vec::new();
    let mut rendered = String::new();
    for line in String::from_utf8_lossy(&out.stdout).lines() {
        let Ok(row) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        if let (Some(program), Some(true)) =
            (row["executable"].as_str(), row["profile"]["test"].as_bool())
        {
            tests.push(PathBuf::from(program));
        }
        if row["message"]["level"] == "error" {
            for span in row["message"]["spans"].as_array().into_iter().flatten() {
                let number = |v: &Value| usize::try_from(v.as_u64().unwrap_or(0)).unwrap_or(0);
                let file = span["file_name"].as_str().unwrap_or_default().to_owned();
                errors.push((file, number(&span["byte_start"]), number(&span["byte_end"])));
            }
            rendered += row["message"]["rendered"].as_str().unwrap_or_default();
        }
    }
    match out.status.success() {
        true => Ok(tests),
        false => Err((errors, rendered)),
    }
}
