//! Plan and events as text: for a terminal, a pipe, a program.
//!
//! A reporter reads records and nothing else, so that a past run is shown exactly as a live one. Nothing
//! here writes to the process's own output: each writer is given.
//!
//! - [`say`] turns an event into sentences; all displays share it.
//! - [`Lines`] and [`JsonLines`] write to a pipe, [`Bars`] draws on a terminal.
//! - [`Tally`] is what a run comes to, a fold over its records; [`card`] prints it.
//! - [`junit`] and [`github`] are forms that continuous integration takes; [`Linted`] is printed in them.
//! - [`Fanout`] keeps the displays on a thread of their own, where they may block or fail.

mod again;
mod back;
mod bars;
mod card;
mod ended;
mod fanout;
pub mod github;
mod json;
pub mod junit;
mod lines;
mod lint;
mod now;
mod numbers;
mod plan;
mod proof;
mod runs;
mod say;
pub mod simulation;
mod tally;
mod terminal;
mod text;
mod typed;
mod zone;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod screen;
#[cfg(test)]
mod tests;

use std::io;

use crate::event::{Pulse, Record};

pub use again::resume;
pub use back::{SeenNow, SeenPlace, by_hand, rollback};
pub use bars::{Bars, TypedLines};
pub use card::{First, JournalLost, MustEnd, Names, card};
pub use ended::{CUT_OFF, ending_phrase, phrase};
pub use fanout::{Closed, Dropped, Fanout, Patience};
pub use json::{JsonLines, line as json_line};
pub use lines::{Lines, Times};
pub use lint::{
    Elsewhere, Found, LintRule, Linted, lint_github, lint_json, lint_junit, lint_summary,
};
pub use now::{Cursor, ENDS_A_HOLD, Now};
pub use numbers::{count, count_of, date_time, elapsed, list, rounded, thousands, time_of_day};
pub use plan::{Commands, plan};
pub use proof::Proof;
pub use runs::{OwedRow, RunRow, owed_table, runs_table};
pub use say::{Sentence, Tone, Weight, say, would_be_refused};
pub use tally::{Because, Origin, REFUSED_AND_SO, Standing, Stays, Tally};
pub use terminal::Size;
pub use text::{Line, Role, Style, clean, render};
pub use typed::to_type;

/// Shows a run to somebody. An error ends this reporter and never the run.
pub trait Reporter: Send {
    /// A fact, in the order of the journal, after it became durable.
    fn record(&mut self, record: &Record) -> io::Result<()>;

    /// Passing news. Any of them may be lost.
    fn pulse(&mut self, pulse: &Pulse) -> io::Result<()> {
        let _ = pulse;
        Ok(())
    }

    /// Something that who is there shall read now, and that is no fact of the run. Only who draws on the whole
    /// screen shows it; beside the others it is written to standard error.
    fn notice(&mut self, text: &str) -> io::Result<()> {
        let _ = text;
        Ok(())
    }

    /// Some time has passed; called a few times a second, for what moves on the screen.
    fn tick(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Nothing more will come.
    fn finish(&mut self) -> io::Result<()>;
}
