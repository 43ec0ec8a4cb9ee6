//! `cutover schema`

use super::Exit;
use super::common::{Desk, Failure};
use crate::playbook::Registry;
use crate::schema::schema;

/// Prints the JSON Schema of playbooks, by which editors complete and check them as they are typed
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(desk: &Desk, _: &Args) -> Result<Exit, Failure> {
    let schema = schema(&Registry::standard());
    let text = serde_json::to_string_pretty(&schema).map_err(|error| {
        Failure::new(Exit::Error, format!("failed to print the schema: {error}"))
    })?;
    desk.print_text(&format!("{text}\n"));
    Ok(Exit::Done)
}
