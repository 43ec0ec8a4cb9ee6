//! `cutover show-playbook`

use super::Exit;
use super::common::{Desk, Failure, PlaybookArgs};

/// Prints a playbook with everything in its place: what it includes, overrides and what `--set` puts over it
///
/// It is a playbook again, which includes no other file; comments say where each part came from. Secrets stay
/// what they are in a playbook: the place where they are found.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    playbook: PlaybookArgs,
}

pub(super) fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let book = desk.playbook(&args.playbook)?;
    desk.print_text(book.resolved());
    Ok(Exit::Done)
}
