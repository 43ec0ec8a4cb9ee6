//! Embeds the library: a playbook from a text, a dry run of it, its story as plain lines.
//!
//! ```text
//! cargo run --example embed
//! ```
//!
//! Both sites of this playbook are this machine, and what would be changed is a file; so it runs anywhere.
//! With another text and the same few lines it is a dry run of your own servers.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cutover::clock::Clock;
use cutover::engine::{Actual, Intention, NoMemory, Nobody, Outfit, StopSwitch, drive, survey};
use cutover::event::Ending;
use cutover::journal::Dry;
use cutover::plan::Mode;
use cutover::playbook::Playbook;
use cutover::report::{Fanout, Lines, Names, Style, Times};
use cutover::step::Pulses;
use cutover::world::exec::Exec;

/// A file says which site is active; the step reads it, and would write the name of the target into it.
fn text(pointer: &Path) -> String {
    let pointer = pointer.display();
    format!(
        r#"
[playbook]
name = "embedded"
summary = "Move a pointer from one place of this machine to another"

[hosts.old]
local = true

[hosts.new]
local = true

[[step]]
id = "alive"
kind = "command"
on = "target"
looks-only = true
run = ["uname", "-s"]

[[step]]
id = "point"
kind = "command"
on = "local"
read = ["cat", "{pointer}"]
want = "new"
run = ["tee", "{pointer}"]
undo = ["tee", "{pointer}"]
"#
    )
}

/// Looks at the world, and tells what a failover would do; changes nothing.
async fn dry_run(
    text: &str,
    to: impl Write + Send + 'static,
) -> Result<Ending, Box<dyn Error + Send + Sync>> {
    let book = Playbook::parse(text, "embedded.toml", &[])
        .map_err(|problems| problems.render(false, None))?;
    let book = Arc::new(book);
    let clock = Clock::real();
    let actual = Actual {
        site: book.live(clock.clone(), Exec::new()),
        book,
    };

    // The survey only looks. There is no DNS here that would tell which site is active, so it is told.
    let intention = Intention {
        mode: Mode::Plan,
        like: Mode::Failover,
        to: Some("new".to_owned()),
        hold: None,
    };
    let plan = survey(&actual, &intention).await?;

    // Whoever shows a run is handed each record once it is durable, on a thread of its own.
    let names = Names::new("embedded-1", "embedded.toml");
    let lines = Lines::new(to, Style::plain(), Times::Elapsed, names);
    let shown = Fanout::start(vec![("the lines".to_owned(), Box::new(lines))], |_| {})?;

    // A dry journal cannot issue a permit: with it, nothing below this line can write.
    let mut journal = Dry::shown(clock, shown.publisher());
    let (_switch, stop) = StopSwitch::new();
    let outfit = Outfit {
        world: &actual,
        memory: &NoMemory,
        people: &Nobody,
        stop,
        pulses: Pulses::none(),
        by: "an example".to_owned(),
    };
    let ending = drive(plan, &mut journal, outfit).await?;
    shown.close(Duration::from_secs(2));
    Ok(ending)
}

/// The whole example: a folder of its own, a pointer, the dry run. Returns what the pointer says afterwards.
#[expect(clippy::disallowed_methods, reason = "an example is an edge")]
pub async fn run(
    to: impl Write + Send + 'static,
) -> Result<(Ending, String), Box<dyn Error + Send + Sync>> {
    let folder = tempfile::tempdir()?;
    let pointer = folder.path().join("active");
    tokio::fs::write(&pointer, "old\n").await?;
    let ending = dry_run(&text(&pointer), to).await?;
    Ok((ending, tokio::fs::read_to_string(&pointer).await?))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let (ending, pointer) = run(std::io::stdout()).await?;
    writeln!(
        std::io::stdout(),
        "\nended as {ending:?}; the pointer still says {}",
        pointer.trim()
    )?;
    Ok(())
}
