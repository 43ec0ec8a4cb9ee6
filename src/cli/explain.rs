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
        None => desk.print_columns(&lint::index(), |_| false),
        Some(rule) => {
            let page = lint::explain(rule);
            let page = page.map_err(|error| Failure::new(Exit::Usage, error))?;
            // What is to be typed stays whole.
            desk.print_columns(&page, |line| line.starts_with("    "));
        }
    }
    Ok(Exit::Done)
}
