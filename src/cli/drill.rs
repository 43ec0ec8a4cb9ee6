//! `cutover drill`

use std::time::Duration;

use super::Exit;
use super::common::{Desk, Failure, PlaybookArgs};
use super::failover::{Going, go};
use crate::clock::parse_span;
use crate::plan::Mode;

/// Fails over, holds, and comes back; measures how long it took
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    playbook: PlaybookArgs,
    /// Goes to this site, whatever DNS says
    #[arg(long, value_name = "SITE")]
    to: Option<String>,
    /// How long to stay on the other side [default: what the playbook says]
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    hold: Option<Duration>,
    /// Does not ask for the playbook's name, and approves what asks for approval
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let going = Going {
        mode: Mode::Drill,
        to: args.to.clone(),
        hold: args.hold,
        yes: args.yes,
        reviewed: None,
        saved: None,
    };
    go(desk, &args.playbook, going).await
}
