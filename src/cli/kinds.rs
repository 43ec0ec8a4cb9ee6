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
        None => desk.print_text(&reference::index(&registry)),
        Some(name) => {
            let page = reference::page(&registry, name);
            desk.print_text(&page.map_err(|error| Failure::new(Exit::Usage, error))?);
        }
    }
    Ok(Exit::Done)
}
