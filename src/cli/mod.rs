//! The command line: one file per verb, and the table of exit codes.

mod check;
mod common;
mod demo;
mod drill;
mod exit;
mod failover;
mod kinds;
mod lint;
mod owed;
mod people;
mod perform;
mod plan;
mod resume;
mod rollback;
mod runs;
mod show;
mod signals;
mod world;

use clap::{Parser, Subcommand, ValueEnum};

use common::{Desk, Failure};
pub use exit::Exit;

/// Moves live services from one site to another, proves that they moved, and can always go back.
#[derive(Debug, Parser)]
#[command(name = "cutover", version, after_help = exit::TABLE, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    global: Global,
}

/// What every verb takes.
#[derive(Clone, Debug, clap::Args)]
struct Global {
    /// The folder of journals, history and baselines
    /// [default: /var/lib/cutover where it can be written, else the state folder of the user]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "CUTOVER_STATE",
        hide_env_values = true
    )]
    state: Option<std::path::PathBuf>,
    /// How results are printed
    #[arg(long, global = true, value_enum, default_value_t)]
    format: Format,
    /// When to use colour; `NO_COLOR` is heeded
    #[arg(long, global = true, value_enum, default_value_t)]
    color: Color,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Bars on a terminal, plain lines in a pipe.
    #[default]
    Text,
    /// One event per line.
    Json,
    /// One line for a monitoring system, with its exit codes (`check` only).
    Nagios,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Lint(lint::Args),
    Check(check::Args),
    Plan(plan::Args),
    Drill(drill::Args),
    Failover(failover::Args),
    Rollback(rollback::Args),
    Resume(resume::Args),
    Runs(runs::Args),
    Show(show::Args),
    Owed(owed::Args),
    Demo(demo::Args),
    Kinds(kinds::Args),
}

/// The whole life of the program: arguments, one verb, an exit code.
pub async fn run() -> Exit {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let help = !error.use_stderr();
            let _printed = error.print();
            return if help { Exit::Done } else { Exit::Usage };
        }
    };
    let desk = Desk::new(&arguments.global);
    let result = match arguments.verb {
        Verb::Lint(args) => lint::run(&desk, &args),
        Verb::Check(args) => check::run(&desk, &args).await,
        Verb::Plan(args) => plan::run(&desk, &args).await,
        Verb::Drill(args) => drill::run(&desk, &args).await,
        Verb::Failover(args) => failover::run(&desk, &args).await,
        Verb::Rollback(args) => rollback::run(&desk, &args).await,
        Verb::Resume(args) => resume::run(&desk, &args).await,
        Verb::Runs(args) => runs::run(&desk, &args).await,
        Verb::Show(args) => show::run(&desk, &args).await,
        Verb::Owed(args) => owed::run(&desk, &args).await,
        Verb::Demo(args) => demo::run(&desk, &args).await,
        Verb::Kinds(args) => kinds::run(&desk, &args),
    };
    match result {
        Ok(exit) => exit,
        Err(Failure { exit, message }) => {
            desk.complain(&message);
            exit
        }
    }
}
