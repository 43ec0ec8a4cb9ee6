//! `cutover simulate`

mod displays;
mod found;
mod progress;
mod tell;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;

use self::progress::Progress;
use super::common::{Desk, Failure, PlaybookArgs};
use super::folder::PlaybooksArgs;
use super::lint::{self, write};
use super::{Exit, Format};
use crate::plan::Mode;
use crate::playbook::Playbook;
use crate::problem::Severity;
use crate::report::simulation::{
    Simulation, again, simulation, simulations_html, simulations_junit, simulations_table,
};
use crate::report::{Found, Linted, junit, lint_junit, render};
use crate::seen::SeenWorld;
use crate::simulate::{
    Limits, Machine, Model, Rehearsal, Script, Space, Watch, explore, imagine, rehearse, split_mode,
};

/// Explores, offline, all that can happen to playbooks: every fault at every point, in every combination
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    playbooks: PlaybooksArgs,
    /// How many faults one run can have at most
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(..=6))]
    faults: u8,
    /// Puts every pair of faults through the real loop as well
    #[arg(long)]
    pairs: bool,
    /// Only this kind of run; may be given several times
    #[arg(long = "mode", value_name = "MODE", value_enum)]
    modes: Vec<Kind>,
    /// Goes to this site [default: the second of the playbook]
    #[arg(long, value_name = "SITE")]
    to: Option<String>,
    /// Starts from what a dry run has really seen, as `cutover plan --out-world FILE` has saved it
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Tells one story again, by its name: drill:flip/write=lies
    #[arg(long, value_name = "NAME", conflicts_with_all = ["html", "pairs"])]
    story: Option<String>,
    /// Writes a page that stands alone, with the table of each kind of run
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Writes the result to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Writes annotations of GitHub to a file as well
    #[arg(long, value_name = "FILE", conflicts_with = "story")]
    annotations: Option<PathBuf>,
    /// The most states that are kept; each takes about 60 bytes
    #[arg(long, value_name = "N", default_value_t = Limits::default().states)]
    max_states: usize,
}

/// A kind of run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The dry run.
    Plan,
    Drill,
    Failover,
    Emergency,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Plan, Kind::Drill, Kind::Failover, Kind::Emergency];

    fn mode(self) -> Mode {
        match self {
            Kind::Plan => Mode::Plan,
            Kind::Drill => Mode::Drill,
            Kind::Failover => Mode::Failover,
            Kind::Emergency => Mode::Emergency,
        }
    }
}

/// One kind of run of one playbook, explored.
struct Explored {
    model: Arc<Model>,
    space: Space,
    rehearsal: Rehearsal,
}

pub(super) async fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let playbooks = args.playbooks.each()?;
    let world = args.world.as_deref().map(seen).transpose()?;
    if let Some(name) = &args.story {
        let [playbook] = playbooks.as_slice() else {
            let why = "a story is told of one playbook; name that one alone";
            return Err(Failure::new(Exit::Usage, why));
        };
        return story(desk, args, playbook, world.as_ref(), name).await;
    }
    let mut exit = Exit::Done;
    let mut results = Results::default();
    for playbook in &playbooks {
        match simulated(desk, args, playbook, world.as_ref()).await {
            Ok((found, broken)) => {
                if !found.holds() && exit == Exit::Done {
                    exit = Exit::Playbook;
                }
                if desk.format == Format::Text && args.out.is_none() && playbooks.len() == 1 {
                    desk.print(&simulation(&found, &desk.style()));
                }
                results.found.push(found);
                results.broken.push(broken);
            }
            // The others are looked at all the same.
            Err((failure, refused)) => {
                desk.complain(&failure.message);
                // A playbook that cannot be read is the worst, as for `lint`.
                if exit != Exit::Usage {
                    exit = failure.exit;
                }
                results.objects += &failure.object();
                results.refused.push(refused);
            }
        }
    }
    match publish(desk, args, playbooks.len() == 1, &results)? {
        None => Ok(exit),
        // The result was printed: an object behind it would be a second one.
        Some(failure) => {
            desk.complain(&failure.message);
            Ok(failure.exit)
        }
    }
}

/// What came of all playbooks.
#[derive(Default)]
struct Results {
    found: Vec<Simulation>,
    /// What is broken in each of them, at its lines.
    broken: Vec<Linted>,
    /// Those that could not be simulated, and why.
    refused: Vec<Linted>,
    /// The same, for whoever reads objects: one in the place of each result.
    objects: String,
}

impl Results {
    fn annotations(&self) -> String {
        lint::annotations(&[&self.broken[..], &self.refused].concat())
    }
}

/// One playbook; where it cannot be simulated, why, at its lines as far as it has any to do with it.
async fn simulated(
    desk: &Desk,
    args: &Args,
    playbook: &PlaybookArgs,
    world: Option<&SeenWorld>,
) -> Result<(Simulation, Linted), (Failure, Linted)> {
    let refused = |code, failure: Failure| {
        let message = failure.message.clone();
        (failure, lint::refused(&playbook.playbook, code, message))
    };
    let book = match desk.parse(playbook) {
        Ok(Ok(book)) => Arc::new(book),
        Ok(Err(problems)) => {
            let failure = desk.not_valid(&problems);
            let linted = Linted {
                file: playbook.playbook.display().to_string(),
                found: lint::all_found(&problems),
                ..Linted::default()
            };
            return Err((failure, linted));
        }
        Err(failure) => return Err(refused(lint::UNREADABLE, failure)),
    };
    desk.show_warnings(&book);
    match one(desk, args, &playbook.playbook, &book, world).await {
        Ok(found) => {
            let broken = annotations(&book, &found);
            Ok((found, broken))
        }
        Err(failure) => {
            let (failure, linted) = refused("not-simulated", failure);
            Err((
                failure,
                Linted {
                    valid: true,
                    ..linted
                },
            ))
        }
    }
}

/// Prints, or writes, what was found in the form that was asked for. Returns what could not be written beside it.
fn publish(
    desk: &Desk,
    args: &Args,
    one: bool,
    results: &Results,
) -> Result<Option<Failure>, Failure> {
    let all = results.found.as_slice();
    let failed = |why: &dyn std::fmt::Display| {
        Failure::new(Exit::Error, format!("failed to print the result: {why}"))
    };
    let style = desk.style();
    let result = match desk.format {
        Format::Json => {
            let mut lines = String::new();
            for found in all {
                lines += &serde_json::to_string(found).map_err(|why| failed(&why))?;
                lines.push('\n');
            }
            lines + &results.objects
        }
        Format::Junit => {
            let mut suites = simulations_junit(all);
            suites.extend(lint_junit(&results.refused));
            junit::document("cutover simulate", &suites).map_err(|why| failed(&why))?
        }
        Format::Github => results.annotations(),
        // One playbook was told in full when it was done.
        Format::Text | Format::Nagios if one && args.out.is_none() => String::new(),
        Format::Text | Format::Nagios if one => {
            let lines = all.iter().flat_map(|found| simulation(found, &style));
            render(&lines.collect::<Vec<_>>(), &style)
        }
        Format::Text | Format::Nagios => {
            let mut lines = Vec::new();
            for found in all.iter().filter(|found| !found.holds()) {
                lines.extend(simulation(found, &style));
                lines.push(crate::report::Line::new());
            }
            lines.extend(simulations_table(all, &style));
            render(&lines, &style)
        }
    };
    // What cannot be written takes nothing away from the others.
    let annotations =
        (args.annotations.as_ref()).map_or(Ok(()), |file| write(file, &results.annotations()));
    let page = (args.html.as_ref()).map_or(Ok(()), |page| write(page, &simulations_html(all)));
    match &args.out {
        Some(out) => write(out, &result)?,
        None => desk.print_text(&result),
    }
    Ok(annotations.and(page).err())
}

fn seen(file: &Path) -> Result<SeenWorld, Failure> {
    SeenWorld::read(&super::world::bytes(file)?).map_err(|why| {
        let message = format!("`{}` cannot be used: {why}", file.display());
        Failure::new(Exit::Usage, message)
    })
}

/// Everything about one playbook, each kind of run beside the others.
async fn one(
    desk: &Desk,
    args: &Args,
    playbook: &Path,
    book: &Arc<Playbook>,
    world: Option<&SeenWorld>,
) -> Result<Simulation, Failure> {
    let file = playbook.display().to_string();
    let kinds: &[Kind] = match args.modes.as_slice() {
        [] => &Kind::ALL,
        some => some,
    };
    // Single faults take a moment; of pairs people want to know how long they have to wait.
    let progress = (args.pairs).then(|| Arc::new(Progress::new(desk, &file, kinds.len())));
    let explored = kinds
        .iter()
        .map(|kind| explored(args, &file, book, kind.mode(), world, progress.clone()));
    let explored = futures::future::try_join_all(explored).await;
    if let Some(progress) = progress {
        progress.ends();
    }
    Ok(found::simulation(&file, args, explored?))
}

fn limits(args: &Args) -> Limits {
    Limits {
        faults: args.faults,
        states: args.max_states,
        ..Limits::default()
    }
}

/// Both layers of one kind of run.
async fn explored(
    args: &Args,
    file: &str,
    book: &Arc<Playbook>,
    mode: Mode,
    world: Option<&SeenWorld>,
    progress: Option<Arc<Progress>>,
) -> Result<Explored, Failure> {
    let model = model(args, file, book, mode, world).await?;
    let limits = limits(args);
    let pairs = args.pairs;
    // It computes for seconds, and the second layer has a clock of its own.
    let job = tokio::task::spawn_blocking(move || {
        let space = explore(&model, &Machine, limits);
        let watch: &dyn Watch = match &progress {
            Some(progress) => progress.as_ref(),
            None => &(),
        };
        let rehearsal = rehearse(&model, pairs, displays::print, watch)?;
        Ok::<_, std::io::Error>(Explored {
            model,
            space,
            rehearsal,
        })
    });
    let failed = |why: &dyn std::fmt::Display| {
        Failure::new(Exit::Error, format!("failed to simulate `{file}`: {why}"))
    };
    let done = job.await.map_err(|why| failed(&why))?;
    done.map_err(|why| failed(&why))
}

async fn model(
    args: &Args,
    file: &str,
    book: &Arc<Playbook>,
    mode: Mode,
    world: Option<&SeenWorld>,
) -> Result<Arc<Model>, Failure> {
    let imagined = imagine(book, mode, args.to.as_deref(), world).await;
    imagined.map(Arc::new).map_err(|why| {
        let exit = match why {
            crate::simulate::Unimaginable::Survey(crate::engine::SurveyError::Refused {
                ..
            }) => Exit::Playbook,
            _ => Exit::Usage,
        };
        Failure::new(
            exit,
            format!("`{file}`: there is no {mode} to simulate: {why}"),
        )
    })
}

/// One life of a run, told from its beginning to its end.
async fn story(
    desk: &Desk,
    args: &Args,
    playbook: &PlaybookArgs,
    world: Option<&SeenWorld>,
    name: &str,
) -> Result<Exit, Failure> {
    let book = desk.playbook(playbook)?;
    let wrong = |why: crate::simulate::BadName| Failure::new(Exit::Usage, why);
    let (mode, rest) = split_mode(name).map_err(wrong)?;
    let file = playbook.playbook.display().to_string();
    let model = model(args, &file, &book, mode, world).await?;
    let script = Script::parse(rest, &model.plan).map_err(wrong)?;
    let limits = limits(args);
    let told = tokio::task::spawn_blocking(move || tell::story(&model, &script, limits)).await;
    let told = told.map_err(|_| Failure::new(Exit::Error, "failed to tell the story"))?;
    let told = told.map_err(|why| {
        Failure::new(
            Exit::Error,
            format!("failed to put it through the real loop: {why}"),
        )
    })?;
    desk.print(&told.lines(&desk.style()));
    Ok(match told.holds() {
        true => Exit::Done,
        false => Exit::Playbook,
    })
}

/// What is broken, at the lines of the playbook where it begins.
fn annotations(book: &Playbook, found: &Simulation) -> Linted {
    let broken = found.runs.iter().flat_map(|run| {
        let mode = run.mode;
        run.broken.iter().map(move |story| (mode, story))
    });
    let found_at = broken.map(|(mode, story)| {
        let step = story
            .step
            .as_deref()
            .and_then(|step| book.places().step(step));
        let span = step.map_or(0..0, |fields| fields.span.clone());
        let problems = book.problems(Vec::new());
        let (at, end) = (problems.at(span.start), problems.at(span.end));
        Found {
            file: at.map_or(found.file.as_str(), |at| at.file).to_owned(),
            line: at.map(|at| at.line),
            column: at.map(|at| at.column),
            end_line: end.or(at).map(|at| at.line),
            end_column: end.or(at).map(|at| at.column),
            code: story.rule.clone(),
            severity: Severity::Error,
            message: format!("in a {mode}: {}", story.lines.join("; ")),
            label: None,
            related: Vec::new(),
            hint: Some(again(&found.file, &story.name)),
        }
    });
    Linted {
        file: found.file.clone(),
        valid: true,
        found: found_at.collect(),
        rules: Vec::new(),
    }
}
