//! What a simulation found out, as text, and for programs.
//!
//! The types here are what a reader sees: names and sentences. The simulation itself stands above the reports,
//! and fills them in.

mod html;
mod junit;
mod text;

use std::time::Duration;

use serde::Serialize;

use crate::clock::span;
use crate::event::Ending;
use crate::plan::{Direction, Mode};
use crate::report::typed::word;

pub use html::simulations_html;
pub use junit::simulations_junit;
pub use text::{simulation, simulations_table};

/// The command that tells a story of a playbook again, as a shell takes it.
pub fn again(file: &str, story: &str) -> String {
    format!("cutover simulate {} --story '{story}'", word(file))
}

/// What was found out about one playbook.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Simulation {
    /// The file, as it was named.
    pub file: String,
    pub playbook: String,
    pub direction: Direction,
    /// How many faults one run could have.
    pub faults: u8,
    /// Whether pairs of faults went through the real loop too.
    pub pairs: bool,
    /// What must hold, and whether it does.
    pub rules: Vec<Rule>,
    pub runs: Vec<Simulated>,
}

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    pub name: String,
    pub sentence: String,
    pub holds: bool,
}

/// One kind of run, explored.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Simulated {
    pub mode: Mode,
    pub states: u64,
    pub transitions: u64,
    /// No state that can be reached was left out.
    pub complete: bool,
    /// How many runs went through the real loop.
    pub performed: u64,
    /// How the runs end, and in how many of the states.
    pub endings: Vec<(Ending, u64)>,
    pub matrix: Matrix,
    pub broken: Vec<Story>,
    pub times: Option<Times>,
}

/// Step by fault: how a run ends that has this one fault there.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Matrix {
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
}

/// A fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// As it is called in the name of a story: `refused`.
    pub name: String,
    /// What it is, in a few words.
    pub sentence: String,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub step: String,
    /// As many as there are columns; `None` where the fault cannot strike there.
    pub cells: Vec<Option<Cell>>,
}

/// The worst ending of all runs with this fault at this step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    pub ending: Ending,
    pub broken: bool,
    /// The name of the story that ends so.
    pub story: String,
}

/// Something that must hold and does not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Story {
    /// The name of what is broken: `restored-exactly`.
    pub rule: String,
    /// What it can be run again by.
    pub name: String,
    /// What happens, in order.
    pub lines: Vec<String>,
    /// What to change.
    pub mend: String,
    /// The step of the playbook where it begins, where it begins at one.
    pub step: Option<String>,
}

/// How long the run takes in the fake world.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Times {
    /// What the playbook promises of such a run.
    #[serde(with = "maybe")]
    pub rto: Option<Duration>,
    pub whole: Took,
    pub steps: Vec<(String, Took)>,
}

/// The median and the worst of all runs that arrive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Took {
    #[serde(with = "span")]
    pub median: Duration,
    #[serde(with = "span")]
    pub worst: Duration,
    /// The story of the worst; `None` where nothing goes wrong in it.
    pub story: Option<String>,
}

mod maybe {
    use std::time::Duration;

    use serde::Serializer;

    pub(super) fn serialize<S: Serializer>(
        span: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match span {
            Some(span) => crate::clock::span::serialize(span, to),
            None => to.serialize_none(),
        }
    }
}

impl Simulation {
    /// Whether everything holds, and everything was looked at.
    pub fn holds(&self) -> bool {
        self.runs
            .iter()
            .all(|run| run.broken.is_empty() && run.complete)
            && self.rules.iter().all(|rule| rule.holds)
    }
}

#[cfg(test)]
mod tests;
