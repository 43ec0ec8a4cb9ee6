//! The mutants: what cargo-mutants would do to the sources, by its own names.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Genre {
    FnValue,
    BinaryOperator,
    UnaryOperator,
    MatchArm,
    MatchArmGuard,
    StructField,
}

/// One change of the sources that some test should notice.
pub struct Mutant {
    /// Its number, from 1.
    pub id: usize,
    /// As cargo-mutants names it: file, place, what is replaced by what.
    pub name: String,
    pub file: PathBuf,
    pub genre: Genre,
    /// Line from 1, column from 0.
    pub start: (usize, usize),
    pub end: (usize, usize),
    pub replacement: String,
}

impl Mutant {
    /// The line of the source that it changes, without the space around it.
    pub fn line(&self, root: &Path) -> String {
        let text = fs::read_to_string(root.join(&self.file)).unwrap_or_default();
        let line = text.lines().nth(self.start.0 - 1);
        line.unwrap_or_default().trim().to_owned()
    }

    /// A name without the numbers of lines, which change every day.
    pub fn lasting(&self, root: &Path) -> String {
        let what = self.name.split_once(": ").map_or("", |(_, what)| what);
        let file = self.file.display();
        format!("{file}: {what}: {}", self.line(root))
    }
}

fn genre(word: &str) -> Genre {
    match word {
        "FnValue" => Genre::FnValue,
        "BinaryOperator" => Genre::BinaryOperator,
        "UnaryOperator" => Genre::UnaryOperator,
        "MatchArm" => Genre::MatchArm,
        "MatchArmGuard" => Genre::MatchArmGuard,
        "StructField" => Genre::StructField,
        other => panic!("cargo-mutants has a genre that is not known here: {other}"),
    }
}

/// All mutants of the files of these globs, by the list of cargo-mutants.
pub fn list(root: &Path, globs: &[&str]) -> Vec<Mutant> {
    let mut command = Command::new("cargo");
    command
        .current_dir(root)
        .args(["mutants", "--list", "--json"]);
    for glob in globs {
        command.args(["--file", glob]);
    }
    let out = command.output().expect("cargo starts");
    assert!(
        out.status.success(),
        "cargo mutants --list: {}(install it with `cargo install --locked cargo-mutants`)",
        String::from_utf8_lossy(&out.stderr)
    );
    let rows: Vec<Value> = serde_json::from_slice(&out.stdout).expect("a list");
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let place = |v: &Value| {
        let number = |v: &Value| usize::try_from(v.as_u64().unwrap_or(1)).unwrap_or(1);
        (number(&v["line"]), number(&v["column"]) - 1)
    };
    let mutant = |(at, row): (usize, &Value)| Mutant {
        id: at + 1,
        name: text(&row["name"]),
        file: text(&row["file"]).into(),
        genre: genre(row["genre"].as_str().unwrap_or_default()),
        start: place(&row["span"]["start"]),
        end: place(&row["span"]["end"]),
        replacement: text(&row["replacement"]),
    };
    rows.iter().enumerate().map(mutant).collect()
}
