//! `cutover explain`

use super::Exit;
use super::common::{Desk, Failure};
use crate::lint;

/// Explains what `cutover lint` finds: why each rule matters, how to mend what breaks it, how to allow it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One of them in full, by code or name: L101, unchecked-change, unknown-key
    rule: Option<String>,
}

pub(super) fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    match &args.rule {
        None => desk.print_text(&lint::index()),
        Some(rule) => {
            let page = lint::explain(rule);
            desk.print_text(&page.map_err(|error| Failure::new(Exit::Usage, error))?);
        }
    }
    Ok(Exit::Done)
}
