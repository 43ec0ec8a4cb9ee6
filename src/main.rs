//! Arguments, one verb, an exit code.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    cutover::cli::run().await.into()
}
