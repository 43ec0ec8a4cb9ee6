//! The command line: one file per verb, and the table of exit codes.

mod barred;
mod came_back;
mod check;
mod common;
mod compare;
mod demo;
mod drill;
mod exit;
mod explain;
mod failover;
mod folder;
mod forgotten;
mod inbox;
mod keyboard;
mod keys;
mod kinds;
mod lint;
mod looked;
mod nagios;
mod over;
mod owed;
mod people;
mod perform;
mod plan;
#[cfg(test)]
mod proposed;
mod resume;
mod rollback;
mod runs;
mod schema;
mod show;
mod show_playbook;
mod signals;
mod simulate;
mod stays;
mod stuck;
mod unfinished;
mod which;
mod whose;
mod world;
mod wrong;

use std::io::ErrorKind;
use std::sync::atomic::AtomicBool;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use common::{Desk, lose_output};
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
    /// [default: /var/lib/cutover where it is there, else the state folder of the user]
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
    /// One event per line; of `lint` one problem per line.
    Json,
    /// One line for a monitoring system, with its exit codes (`check` only).
    Nagios,
    /// XML for the test report of a CI (`lint` and `simulate` only).
    Junit,
    /// Annotations on the lines of a pull request, for GitHub Actions (`lint` and `simulate` only).
    Github,
}

/// The forms that only some verbs have.
const OF_SOME_VERBS: &[(Format, &str, &[&str])] = &[
    (Format::Nagios, "nagios", &["check"]),
    (Format::Junit, "junit", &["lint", "simulate"]),
    (Format::Github, "github", &["lint", "simulate"]),
];

impl Format {
    /// Why a verb does not print its results this way; `None` where it does.
    fn is_none_of(self, verb: &str) -> Option<String> {
        let (_, name, verbs) = OF_SOME_VERBS.iter().find(|(one, _, _)| *one == self)?;
        let theirs: Vec<String> = verbs.iter().map(|v| format!("`cutover {v}`")).collect();
        (!verbs.contains(&verb))
            .then(|| format!("`--format {name}` is for {}", theirs.join(" and ")))
    }
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
    Simulate(simulate::Args),
    Explain(explain::Args),
    Check(check::Args),
    Plan(plan::Args),
    Drill(drill::Args),
    Failover(failover::Args),
    Rollback(rollback::Args),
    Resume(resume::Args),
    Runs(runs::Args),
    Show(show::Args),
    ShowPlaybook(show_playbook::Args),
    Owed(owed::Args),
    Demo(demo::Args),
    Kinds(kinds::Args),
    Schema(schema::Args),
}

impl Verb {
    /// Whether what it prints is all that it does.
    fn only_tells(&self) -> bool {
        match self {
            Verb::Failover(args) => args.dry_run,
            Verb::Rollback(args) => args.dry_run,
            Verb::Owed(args) => !args.says(),
            Verb::Drill(_) | Verb::Resume(_) | Verb::Demo(_) => false,
            Verb::Lint(_)
            | Verb::Simulate(_)
            | Verb::Explain(_)
            | Verb::Check(_)
            | Verb::Plan(_)
            | Verb::Runs(_)
            | Verb::Show(_)
            | Verb::ShowPlaybook(_)
            | Verb::Kinds(_)
            | Verb::Schema(_) => true,
        }
    }
}

/// The whole life of the program: arguments, one verb, an exit code.
pub async fn run() -> Exit {
    let parsed = Arguments::command().try_get_matches().and_then(|found| {
        let verb = found.subcommand_name().unwrap_or_default().to_owned();
        Arguments::from_arg_matches(&found).map(|arguments| (arguments, verb))
    });
    let (arguments, verb) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let printed = error.print();
            return match (error.use_stderr(), printed) {
                (true, _) => wrong::tell(&error, std::env::args_os().skip(1)),
                (false, Err(why)) if why.kind() != ErrorKind::BrokenPipe => {
                    lose_output(&AtomicBool::new(false), &why.to_string());
                    Exit::Error
                }
                (false, _) => Exit::Done,
            };
        }
    };
    let desk = Desk::new(&arguments.global);
    if let Some(why) = desk.format.is_none_of(&verb) {
        desk.complain(&why);
        return Exit::Usage;
    }
    let only_tells = arguments.verb.only_tells();
    let result = match arguments.verb {
        Verb::Lint(args) => lint::run(&desk, &args),
        Verb::Simulate(args) => simulate::run(&desk, &args).await,
        Verb::Explain(args) => explain::run(&desk, &args),
        Verb::Check(args) => check::run(&desk, &args).await,
        Verb::Plan(args) => plan::run(&desk, &args).await,
        Verb::Drill(args) => drill::run(&desk, &args).await,
        Verb::Failover(args) => failover::run(&desk, &args).await,
        Verb::Rollback(args) => rollback::run(&desk, &args).await,
        Verb::Resume(args) => resume::run(&desk, &args).await,
        Verb::Runs(args) => runs::run(&desk, &args).await,
        Verb::Show(args) => show::run(&desk, &args).await,
        Verb::ShowPlaybook(args) => show_playbook::run(&desk, &args),
        Verb::Owed(args) => owed::run(&desk, &args).await,
        Verb::Demo(args) => demo::run(&desk, &args).await,
        Verb::Kinds(args) => kinds::run(&desk, &args),
        Verb::Schema(args) => schema::run(&desk, &args),
    };
    match result {
        Ok(Exit::Done) if only_tells && desk.has_lost_output() => Exit::Error,
        Ok(exit) => exit,
        Err(failure) => {
            let failure = failure.at(&desk);
            if desk.format == Format::Json {
                desk.print_text(&failure.object());
            }
            desk.complain(&failure.message);
            failure.exit
        }
    }
}
