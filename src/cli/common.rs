//! What the verbs share: where to print, where journals live, how a playbook is read.

mod stores;

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::lint::all_found;
use super::{Color, Exit, Format, Global};
use crate::clock::Clock;
use crate::engine::{Actual, SurveyError};
use crate::journal::{self, JournalError};
use crate::plan::Given;
use crate::playbook::{Included, Input, LARGEST, Playbook, Problems};
use crate::report::{Dropped, Found, Line, Names, Style, clean, render, to_type};
use crate::store::{StoreError, state_dir};
use crate::world::exec::Exec;
use crate::world::files;

/// Why a verb ended without doing what was asked.
pub(super) struct Failure {
    pub exit: Exit,
    pub message: String,
    /// What is wrong with the playbook, each at its place.
    pub problems: Vec<Found>,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Display) -> Failure {
        Failure {
            exit,
            message: message.to_string(),
            problems: Vec::new(),
        }
    }

    /// For whoever reads objects, and looks at no other stream.
    pub(super) fn object(&self) -> String {
        let mut object = serde_json::json!({ "error": self.message, "exit": self.exit as u8 });
        if !self.problems.is_empty() {
            object["problems"] = serde_json::json!(self.problems);
        }
        format!("{object}\n")
    }

    /// The same, with its commands as a person at this desk would type them.
    pub(super) fn at(self, desk: &Desk) -> Failure {
        // A playbook that is not valid is quoted as it is.
        if self.exit == Exit::Playbook {
            return self;
        }
        let message = to_type(&self.message, desk.state_to_type().as_deref());
        Failure { message, ..self }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Failure {
        let exit = match &error {
            JournalError::Locked(_) => Exit::Busy,
            JournalError::Store(StoreError::NoSuchRun(_)) => Exit::Usage,
            _ => Exit::Error,
        };
        Failure::new(exit, error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        JournalError::from(error).into()
    }
}

impl From<SurveyError> for Failure {
    fn from(error: SurveyError) -> Failure {
        let exit = match error {
            SurveyError::NoSuchSite { .. } => Exit::Usage,
            SurveyError::Moved(_) => Exit::Busy,
            _ => Exit::Refused,
        };
        Failure::new(exit, error)
    }
}

/// Where a verb works: its streams, its clock, its state folder.
pub(super) struct Desk {
    pub clock: Clock,
    pub format: Format,
    color: Color,
    state: Option<PathBuf>,
    lost_output: Arc<AtomicBool>,
}

impl Desk {
    pub(super) fn new(global: &Global) -> Desk {
        Desk {
            clock: Clock::real(),
            format: global.format,
            color: global.color,
            state: global.state.clone(),
            lost_output: Arc::default(),
        }
    }

    /// The state folder, where a command that is typed here would not find it by itself.
    pub(super) fn state_to_type(&self) -> Option<String> {
        let given = self.state.as_ref()?;
        let found = std::env::var_os("CUTOVER_STATE").is_some_and(|found| *given == *found);
        (!found).then(|| given.display().to_string())
    }

    /// A command of this program, as a person here would type it.
    pub(super) fn to_type(&self, command: &str) -> String {
        to_type(
            &format!("`cutover {command}`"),
            self.state_to_type().as_deref(),
        )
    }

    /// The playbook of a past run, as a person here would type it.
    pub(super) fn playbook_to_type(&self, run: &journal::Run) -> String {
        let Some(file) = &run.meta.file else {
            return run.meta.playbook.clone();
        };
        below_here(file)
    }

    /// A past run, and what it was asked for, as a person here would type it.
    pub(super) fn names(&self, run: &journal::Run) -> Names {
        Names::new(&run.id, self.playbook_to_type(run))
            .with_state(self.state_to_type())
            .with_given(self.given_to_type(run))
    }

    /// What a past run was asked for beside its playbook.
    pub(super) fn given_to_type(&self, run: &journal::Run) -> Given {
        let given = run.meta.given.clone();
        let plan = given.plan.as_deref().map(below_here);
        Given { plan, ..given }
    }

    /// The same desk, with another state folder.
    pub(super) fn with_state(&self, state: PathBuf) -> Desk {
        Desk {
            clock: self.clock.clone(),
            format: self.format,
            color: self.color,
            state: Some(state),
            lost_output: Arc::clone(&self.lost_output),
        }
    }

    fn colour(&self, terminal: bool) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let asked_not_to = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
                terminal && !asked_not_to && !dumb()
            }
        }
    }

    /// The day, in UTC.
    pub(super) fn today(&self) -> Date {
        let now = self.clock.now().wall;
        now.to_zoned(TimeZone::UTC).date()
    }

    /// How standard output is written.
    pub(super) fn style(&self) -> Style {
        let terminal = std::io::stdout().is_terminal();
        if terminal && utf8() {
            Style::terminal(self.colour(true), usize::from(size().0))
        } else {
            Style {
                colour: self.colour(terminal),
                ..Style::plain()
            }
        }
    }

    /// The same for tables: in a pipe each row is one line, however long, which `grep` finds whole.
    pub(super) fn style_of_tables(&self) -> Style {
        let style = self.style();
        match std::io::stdout().is_terminal() {
            true => style,
            false => Style {
                width: usize::from(u16::MAX),
                ..style
            },
        }
    }

    /// Whether lines can move on standard output.
    pub(super) fn moves(&self) -> bool {
        std::io::stdout().is_terminal() && !dumb()
    }

    pub(super) fn colour_on_stderr(&self) -> bool {
        self.colour(std::io::stderr().is_terminal())
    }

    /// Prints lines to standard output. A reader that has gone away is not an error.
    pub(super) fn print(&self, lines: &[Line]) {
        self.print_text(&render(lines, &self.style()));
    }

    /// Prints text in columns: on a terminal, long lines wrap under their last one. Lines that are `whole` stay so.
    pub(super) fn print_columns(&self, text: &str, whole: impl Fn(&str) -> bool) {
        if !std::io::stdout().is_terminal() {
            return self.print_text(text);
        }
        let width = self.style().width;
        let wrapped = text.lines().flat_map(|line| match whole(line) {
            true => vec![Line::new().text(line)],
            false => Line::new().text(line).wrap(width, hang(line)),
        });
        self.print(&wrapped.collect::<Vec<_>>());
    }

    /// Prints to standard output. Whoever stops reading has seen enough; a full disk is said, once.
    pub(super) fn print_text(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        if let Err(why) = printed
            && why.kind() != std::io::ErrorKind::BrokenPipe
        {
            lose_output(&self.lost_output, &why.to_string());
        }
    }

    /// What a display does that could not print: the same as whoever prints without one.
    pub(super) fn on_lost_display(&self) -> impl FnMut(&Dropped) + Send + 'static {
        let lost = Arc::clone(&self.lost_output);
        move |dropped| {
            if !dropped.unread {
                lose_output(&lost, &dropped.error);
            }
        }
    }

    /// Whether something could not be printed although somebody reads it.
    pub(super) fn has_lost_output(&self) -> bool {
        self.lost_output.load(Ordering::Relaxed)
    }

    /// Says something to the person, on standard error.
    pub(super) fn say(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        let _gone = writeln!(err, "{text}");
    }

    pub(super) fn complain(&self, message: &str) {
        let lines: Vec<String> = message.lines().map(clean).collect();
        self.say(&format!("cutover: {}", lines.join("\n")));
    }

    /// That there are no runs, and where: whoever meant another state folder sees it.
    pub(super) fn no_runs_yet(&self) -> String {
        match state_dir(self.state.clone()) {
            Ok(dir) => format!("no runs yet in `{}`", dir.display()),
            Err(why) => why.to_string(),
        }
    }

    /// Reads and checks a playbook; prints what is worth a look.
    pub(super) fn playbook(&self, args: &PlaybookArgs) -> Result<Arc<Playbook>, Failure> {
        match self.parse(args)? {
            Ok(book) => {
                self.show_warnings(&book);
                Ok(Arc::new(book))
            }
            Err(problems) => Err(self.not_valid(&problems)),
        }
    }

    /// Prints what is worth a look in a playbook that is valid.
    pub(super) fn show_warnings(&self, book: &Playbook) {
        let warnings = book.warnings();
        if !warnings.is_empty() {
            self.show(warnings);
            self.say(&warnings.count());
        }
    }

    /// Prints what is wrong with a playbook, which so cannot be used.
    pub(super) fn not_valid(&self, problems: &Problems) -> Failure {
        self.show(problems);
        Failure {
            problems: all_found(problems),
            ..Failure::new(Exit::Playbook, problems.count())
        }
    }

    /// Shows lines of a playbook with what is to be said of them, on standard error.
    fn show(&self, problems: &Problems) {
        let width = Some(self.style().width);
        let snippets = problems.snippets(self.colour_on_stderr(), width);
        self.say(snippets.trim_end_matches('\n'));
        self.say("");
    }

    /// Reads a playbook with the file that it includes, and says what is wrong with it.
    pub(super) fn parse(&self, args: &PlaybookArgs) -> Result<Result<Playbook, Problems>, Failure> {
        let bytes = read_playbook(&args.playbook).map_err(|failure| Failure {
            message: failure.message + &instead_of(&args.playbook),
            ..failure
        })?;
        let file = args.playbook.display().to_string();
        let folder = folder_of(&args.playbook);
        let input = Input {
            file: &file,
            folder: &folder,
            sets: &args.set,
            today: Some(self.today()),
            read: &|included| {
                Ok(Included {
                    file: Input::beside(&file, included),
                    bytes: read_beside(&args.playbook, included)?,
                })
            },
        };
        Ok(Playbook::read(&bytes, &input))
    }

    /// The real world of a playbook.
    pub(super) fn actual(&self, book: &Arc<Playbook>) -> Actual {
        Actual {
            book: Arc::clone(book),
            site: book.live(self.clock.clone(), Exec::new()),
        }
    }

    /// Who asks, and where: `root@ops1`.
    pub(super) fn by(&self) -> String {
        let user = ["SUDO_USER", "USER", "LOGNAME"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
            .unwrap_or_else(|| match rustix::process::getuid() {
                root if root.is_root() => "root".to_owned(),
                user => format!("uid-{}", user.as_raw()),
            });
        let uname = rustix::system::uname();
        format!("{user}@{}", uname.nodename().to_string_lossy())
    }
}

/// Says once that somebody does not get all that is printed.
pub(super) fn lose_output(lost: &AtomicBool, why: &str) {
    if !lost.swap(true, Ordering::Relaxed) {
        let mut err = std::io::stderr().lock();
        let _gone = writeln!(err, "cutover: failed to print all of it: {}", clean(why));
    }
}

/// The column where the last column of a line begins.
fn hang(line: &str) -> usize {
    let indent = line.len() - line.trim_start().len();
    let gap = line[indent..].rfind("  ").map(|at| indent + at + 2);
    line[..gap.unwrap_or(indent)].chars().count()
}

/// A playbook, and what is put over it.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PlaybookArgs {
    /// The playbook
    pub playbook: PathBuf,
    /// Puts a value over one of the playbook: hosts.standby.addresses='["192.0.2.7"]'
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Reads at most so many bytes of a file that somebody named; one that cannot be read is a wrong argument. One byte
/// more than is allowed shows that it is too large.
pub(super) fn read(path: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    files::beginning_of_argument(path, most.saturating_add(1)).map_err(|why| {
        let message = format!("failed to read `{}`: {why}", path.display());
        Failure::new(Exit::Usage, message)
    })
}

/// Reads a playbook, and no more of it than shows that it is too large.
pub(super) fn read_playbook(path: &Path) -> Result<Vec<u8>, Failure> {
    read(path, LARGEST)
}

/// What somebody may have meant who named a playbook that cannot be read.
#[expect(clippy::disallowed_methods, reason = "the command line is an edge")]
fn instead_of(path: &Path) -> String {
    if path == Path::new("-") {
        return "; to read what comes in by a pipe, name `/dev/stdin`".to_owned();
    }
    if path.is_dir() {
        return "; name one playbook in it, or look at all of them with `cutover lint`".to_owned();
    }
    let file = path.with_added_extension("toml");
    match !path.exists() && file.is_file() {
        true => format!("; did you mean `{}`?", file.display()),
        false => String::new(),
    }
}

/// Reads what a playbook includes, and no more than shows that it is too large.
fn read_beside(playbook: &Path, included: &str) -> Result<Vec<u8>, String> {
    let path = playbook.with_file_name("").join(included);
    let most = u64::try_from(LARGEST).map_or(u64::MAX, |most| most + 1);
    files::beginning(&path, most).map_err(|why| why.to_string())
}

/// Columns and rows of the terminal.
pub(super) fn size() -> (u16, u16) {
    let size = rustix::termios::tcgetwinsize(std::io::stdout())
        .or_else(|_| rustix::termios::tcgetwinsize(std::io::stderr()));
    match size {
        Ok(size) if size.ws_col > 0 => (size.ws_col, size.ws_row.max(1)),
        _ => (80, 24),
    }
}

/// Whether the terminal says that it can do nothing but take lines.
fn dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Whether the terminal says that it shows UTF-8.
fn utf8() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        })
}

/// The path of a file that was typed here, wherever it is typed again.
pub(super) fn from_the_root(file: &str) -> String {
    std::path::absolute(file).map_or_else(|_| file.to_owned(), |file| file.display().to_string())
}

/// The folder that the paths in a playbook count from: for what comes out of a pipe, the one that we run in.
fn folder_of(playbook: &Path) -> PathBuf {
    let pipe = ["/dev", "/proc"]
        .iter()
        .any(|part| playbook.starts_with(part));
    let file = if pipe {
        Path::new("playbook")
    } else {
        playbook
    };
    let whole = std::path::absolute(file).unwrap_or_default();
    whole.parent().unwrap_or(Path::new("")).to_owned()
}

/// The same the other way round: as short as it can be typed here.
fn below_here(file: &str) -> String {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| Path::new(file).strip_prefix(here).ok());
    below.map_or_else(|| file.to_owned(), |below| below.display().to_string())
}
