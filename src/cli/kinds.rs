//! `cutover kinds`

use std::io::IsTerminal;

use super::Exit;
use super::common::{Desk, Failure};
use crate::playbook::{Registry, reference};
use crate::report::Line;

/// Explains the kinds of step, the providers and the tables of a playbook
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One of them, in full
    name: Option<String>,
}

pub(super) fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let registry = Registry::standard();
    match &args.name {
        None => print(desk, &reference::index(&registry)),
        Some(name) => {
            let page = reference::page(&registry, name);
            print(
                desk,
                &page.map_err(|error| Failure::new(Exit::Usage, error))?,
            );
        }
    }
    Ok(Exit::Done)
}

/// On a terminal, long lines wrap under their last column; an example stays as it is to be typed.
fn print(desk: &Desk, text: &str) {
    if !std::io::stdout().is_terminal() {
        return desk.print_text(text);
    }
    let width = desk.style().width;
    let (prose, example) = text.split_at(text.find(EXAMPLE).unwrap_or(text.len()));
    let wrapped = (prose.lines()).flat_map(|line| Line::new().text(line).wrap(width, hang(line)));
    desk.print(&wrapped.collect::<Vec<_>>());
    desk.print_text(example);
}

/// What begins the example of a page.
const EXAMPLE: &str = "\nExample:\n";

/// The column where the last column of a line begins.
fn hang(line: &str) -> usize {
    let indent = line.len() - line.trim_start().len();
    let gap = line[indent..].rfind("  ").map(|at| indent + at + 2);
    line[..gap.unwrap_or(indent)].chars().count()
}
