//! `cutover lint`

use std::path::PathBuf;

use super::Exit;
use super::common::{Desk, Failure, PlaybookArgs, read};
use crate::playbook::Playbook;
use crate::report::count;

/// Checks playbooks, offline: everything that can be known to be wrong without a network
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The playbooks
    #[arg(required = true)]
    playbooks: Vec<PathBuf>,
    /// Puts a value over one of each playbook: hosts.standby.addresses='["192.0.2.7"]'
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

pub(super) fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    for playbook in &args.playbooks {
        let args = PlaybookArgs {
            playbook: playbook.clone(),
            set: args.set.clone(),
        };
        let bytes = match read(&args.playbook) {
            Ok(bytes) => bytes,
            // The others are looked at all the same.
            Err(failure) => {
                desk.complain(&failure.message);
                exit = failure.exit;
                continue;
            }
        };
        let file = args.playbook.display().to_string();
        let width = Some(desk.style().width);
        match Playbook::from_bytes(&bytes, &file, &args.set) {
            Ok(book) => {
                if !book.warnings().is_empty() {
                    desk.say(&book.warnings().render(desk.colour_on_stderr(), width));
                }
                desk.print_text(&format!(
                    "{file}: fine: {}, {}, {}\n",
                    count(book.hosts().len(), "host"),
                    count(book.services().len(), "service"),
                    count(book.steps().len(), "step"),
                ));
            }
            Err(problems) => {
                desk.say(&problems.render(desk.colour_on_stderr(), width));
                if exit == Exit::Done {
                    exit = Exit::Playbook;
                }
            }
        }
    }
    Ok(exit)
}
