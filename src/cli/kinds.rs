//! `cutover kinds`

use super::Exit;
use super::common::{Desk, Failure};
use crate::playbook::{Registry, reference};

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

/// An example stays as it is to be typed.
fn print(desk: &Desk, text: &str) {
    let (prose, example) = text.split_at(text.find(EXAMPLE).unwrap_or(text.len()));
    desk.print_columns(prose, |_| false);
    desk.print_text(example);
}

/// What begins the example of a page.
const EXAMPLE: &str = "\nExample:\n";
