//! Reads a journal: the runs of a state folder, and the story of one of them.
//!
//! ```text
//! cargo run --example replay -- ~/.local/state/cutover                  # lists its runs
//! cargo run --example replay -- ~/.local/state/cutover RUN              # tells one of them
//! ```
//!
//! A run is nothing but its records; every display is a fold over them. This is all that it takes to write
//! another one.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use cutover::journal;
use cutover::report::{Lines, Names, Reporter, Style, Tally, Times, date_time};
use cutover::store::Sqlite;

/// Lists the runs of a state folder, newest first.
pub async fn list(state: &Path, to: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let store = Sqlite::open(state)?;
    for run in journal::runs(&store).await? {
        let began = date_time(&run.meta.began);
        let ending = run.summary.and_then(|summary| summary.ending);
        writeln!(
            to,
            "{}  {began}  {} of {}, {} records, ended: {ending:?}",
            run.id, run.meta.mode, run.meta.playbook, run.records
        )?;
    }
    Ok(())
}

/// Tells the story of a run, as `cutover show` does in a pipe, and what it comes to.
pub async fn tell(
    state: &Path,
    run: &str,
    to: &mut (impl Write + Send),
) -> Result<(), Box<dyn Error>> {
    let store = Sqlite::open(state)?;
    // The chain of hashes is checked on the way: a journal that somebody edited is an error here.
    let records = journal::read(&store, run).await?;
    let tally = Tally::of(&records);
    let playbook = tally.plan().map_or("", |plan| plan.playbook.as_str());
    let names = Names::new(run, playbook);
    let mut lines = Lines::new(&mut *to, Style::plain(), Times::OfDay, names);
    for record in &records {
        lines.record(record)?;
    }
    lines.finish()?;
    let ending = tally.ending();
    writeln!(to, "\n{} records; ended: {ending:?}", records.len())?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stdout();
    match arguments.as_slice() {
        [state] => list(Path::new(state), &mut out).await,
        [state, run] => tell(Path::new(state), run, &mut out).await,
        _ => Err("usage: replay STATE-FOLDER [RUN]".into()),
    }
}
