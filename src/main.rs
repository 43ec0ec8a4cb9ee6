//! Arguments, one verb, an exit code.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use cutover::cli::{self, Exit};

/// How long what still goes on behind the last verb may take to end.
const PATIENCE: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _gone = writeln!(std::io::stderr(), "cutover: failed to start: {error}");
            return Exit::Error.into();
        }
    };
    let exit = runtime.block_on(cli::run());
    // A file that cannot be read to its end keeps a thread for ever: nobody waits for it.
    runtime.shutdown_timeout(PATIENCE);
    exit.into()
}
