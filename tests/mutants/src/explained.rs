//! The list of mutants that no test can notice, or need not, each with the reason: `explained.toml`.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::list::Mutant;

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    mutant: Vec<Explained>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explained {
    pub file: String,
    /// The line of the source, without the space around it: numbers of lines change every day.
    pub line: String,
    /// What is done to it, as cargo-mutants says it.
    pub mutant: String,
    pub why: String,
}

pub fn read(root: &Path) -> Vec<Explained> {
    let text = fs::read_to_string(root.join("tests/mutants/explained.toml")).expect("the list");
    toml::from_str::<List>(&text)
        .expect("the list is TOML")
        .mutant
}

impl Explained {
    pub fn is(&self, root: &Path, mutant: &Mutant) -> bool {
        Path::new(&self.file) == mutant.file
            && mutant.name.ends_with(&self.mutant)
            && mutant.line(root) == self.line
    }
}
