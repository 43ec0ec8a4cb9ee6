//! `cutover demo`

use std::path::{Path, PathBuf};

use super::common::{Desk, Failure, PlaybookArgs};
use super::failover::{Going, go};
use super::{Exit, Format};
use crate::demo::{self, Break, DemoError, Lab, Options};
use crate::plan::Mode;
use crate::world::exec::quoted;

/// A whole drill on this machine: two sites, name servers, a provider, users
///
/// Everything runs in this process, on loopback, and in one folder. The playbook that it writes there can be
/// edited and run again with --in. Nothing else on this machine is touched.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder of the lab; one that an earlier demo left is used again, with its playbook
    /// [default: a new one under the temporary directory]
    #[arg(long = "in", value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Makes it fail there, and shows what happens then: packages, mirror, http, dns or traffic
    #[arg(long = "break", value_name = "WHAT")]
    breaks: Option<Break>,
    /// Only keeps the lab running, until Ctrl-C, for other commands to be tried on it
    #[arg(long)]
    lab: bool,
}

pub(super) async fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let options = Options {
        folder: args.folder.clone(),
        breaks: args.breaks,
    };
    let lab = demo::start(&options).await.map_err(|error| {
        let exit = match &error {
            DemoError::NotALab { .. } | DemoError::BadPath { .. } => Exit::Usage,
            DemoError::Taken { .. } => Exit::Busy,
            DemoError::NoProgram { .. } => Exit::Refused,
            _ => Exit::Error,
        };
        Failure::new(exit, error)
    })?;
    let desk = desk.with_state(lab.state());
    for note in lab.notes() {
        desk.say(&format!("cutover: {note}"));
    }
    if args.lab {
        return keep(&desk, &lab).await;
    }
    if desk.format == Format::Text {
        desk.print_text(&format!("The lab is in {}\n", lab.folder().display()));
        if let Some(breaks) = args.breaks {
            desk.print_text(&format!("Broken: {}\n", breaks.about()));
        }
        desk.print_text("\n");
    }
    let playbook = PlaybookArgs {
        playbook: lab.playbook().to_owned(),
        set: Vec::new(),
    };
    let going = Going {
        mode: Mode::Drill,
        to: None,
        hold: None,
        yes: true,
        reviewed: None,
        saved: None,
    };
    let result = (go(&desk, &playbook, going).await).map_err(|failure| failure.at(&desk));
    if desk.format == Format::Text {
        desk.print_text(&afterwards(&lab, &result));
    }
    result
}

/// Keeps the lab running until somebody ends it.
async fn keep(desk: &Desk, lab: &Lab) -> Result<Exit, Failure> {
    let servers = lab.servers().join("\n  ");
    let playbook = word(lab.playbook());
    let state = word(&lab.state());
    desk.print_text(&format!(
        "The lab runs until Ctrl-C:\n  {servers}\n\nTry, at another terminal:\n  \
         cutover check {playbook} --state {state}\n  \
         cutover plan {playbook} --state {state}\n  \
         cutover failover {playbook} --state {state}\n  \
         cutover rollback --state {state}\n"
    ));
    tokio::signal::ctrl_c().await.map_err(|error| {
        Failure::new(Exit::Error, format!("failed to wait for Ctrl-C: {error}"))
    })?;
    Ok(Exit::Done)
}

/// What there is to do next, besides what the card of the run says.
fn afterwards(lab: &Lab, result: &Result<Exit, Failure>) -> String {
    let folder = word(lab.folder());
    let playbook = lab.playbook().display();
    let state = word(&lab.state());
    let unfinished = match result {
        Ok(exit) => matches!(exit, Exit::Held | Exit::Stopped),
        Err(failure) => matches!(failure.exit, Exit::Stopped | Exit::Busy),
    };
    let mut text = format!("\nThe playbook is {playbook}\n");
    if unfinished {
        text += &format!(
            "The lab ended with this command. To go on with the run, start it again, healed:\n  \
             cutover demo --in {folder} --lab\nand at another terminal:\n  \
             cutover resume --state {state}\n  cutover rollback --state {state}\n"
        );
    } else {
        let again = match lab.breaks() {
            Some(_) => "Run it again with nothing broken",
            None => "Edit it and run it again",
        };
        text += &format!(
            "{again}:\n  cutover demo --in {folder}\n\
             Keep its servers running, to try the other verbs at another terminal:\n  \
             cutover demo --in {folder} --lab\n"
        );
        let names = Break::ALL.map(Break::name);
        if let [first, others @ .., last] = names.as_slice() {
            text += &format!(
                "See it fail; or with {} or {last}:\n  cutover demo --in {folder} --break {first}\n",
                others.join(", ")
            );
        }
    }
    text + &format!("The folder stays until it is removed:\n  rm -r {folder}\n")
}

/// A path as one word of a shell.
fn word(path: &Path) -> String {
    quoted(&[path.display().to_string()])
}
