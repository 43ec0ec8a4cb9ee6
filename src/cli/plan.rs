//! `cutover plan`

use std::path::{Path, PathBuf};

use super::barred;
use super::check::{beside, store_or_none};
use super::common::{Desk, Failure, PlaybookArgs, read};
use super::perform::{Performance, Seen, all};
use super::unfinished;
use super::whose::Whose;
use super::{Exit, Format, compare, world};
use crate::engine::{Actual, Intention, survey, why_no_way_back};
use crate::plan::{Edit, FORMAT, Given, Mode, Nature, Plan, Way};
use crate::report::{self, Commands, MustEnd};
use crate::seen::SeenWorld;
use crate::step::Work;
use crate::world::exec::quoted;

/// The dry run: looks, and shows each change and its undo; changes nothing
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    playbook: PlaybookArgs,
    /// Goes to this site, whatever DNS says
    #[arg(long, value_name = "SITE")]
    to: Option<String>,
    /// Saves the plan, for `cutover failover --plan FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Saves all that was really seen as one document: where `cutover simulate --world FILE` begins
    #[arg(long, value_name = "FILE")]
    out_world: Option<PathBuf>,
    #[command(flatten)]
    compare: compare::Compare,
    /// Lists the exact commands for both directions, as a person would type them
    #[arg(long)]
    commands: bool,
    /// Plans an emergency: what is unseen at the source warns
    #[arg(long)]
    emergency: bool,
}

pub(super) async fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let like = match args.emergency {
        true => Mode::Emergency,
        false => Mode::Failover,
    };
    let how = DryRun {
        to: args.to.clone(),
        like,
        out: args.out.as_deref(),
        out_world: args.out_world.as_deref(),
        compare: args.compare.clone(),
        commands: args.commands,
    };
    dry_run(desk, &args.playbook, &how).await
}

/// What a dry run is asked for.
pub(super) struct DryRun<'a> {
    pub to: Option<String>,
    pub like: Mode,
    pub out: Option<&'a Path>,
    pub out_world: Option<&'a Path>,
    pub compare: compare::Compare,
    pub commands: bool,
}

/// Shows the plan, then looks at everything that can be seen before a change.
pub(super) async fn dry_run(
    desk: &Desk,
    playbook: &PlaybookArgs,
    how: &DryRun<'_>,
) -> Result<Exit, Failure> {
    let previous = how.compare.previous(desk, how.out_world)?;
    let book = desk.playbook(playbook)?;
    let actual = desk.actual(&book);
    let intention = Intention {
        mode: Mode::Plan,
        like: how.like,
        to: how.to.clone(),
        hold: None,
    };
    let (store, keep, unusable) = store_or_none(desk);
    let whose = Whose::book(&book, &playbook.playbook);
    let of_this = unfinished::of_this(desk, &*store, &whose).await?;
    let plan = match survey(&actual, &intention).await {
        Ok(plan) => plan,
        Err(why) => return Err(beside(desk, of_this, why)),
    };
    // Who compares wants to read what has changed, and nothing else.
    let shown = previous.is_none();
    if desk.format == Format::Text && shown {
        let commands = match how.commands {
            true => commands(&actual, &plan),
            false => Vec::new(),
        };
        let state = desk.state_to_type();
        desk.print(&report::plan(
            &plan,
            &commands,
            state.as_deref(),
            &desk.style(),
        ));
        desk.print_text("\n");
    }
    if let Some(out) = how.out {
        save(out, &plan)?;
        desk.say(&format!(
            "cutover: saved; carry out exactly this with {}",
            desk.to_type(&quoted(&carry_out(playbook, how, out)))
        ));
    }
    let goes = (how.like, how.to.as_deref());
    let turns = unfinished::turns_round(desk, &*store, &whose, of_this.as_ref(), goes, &plan);
    let turns = turns.await?;
    // It stops nobody who says where to go.
    let led = (of_this.as_ref().filter(|_| turns.is_some())).map(|earlier| earlier.first.clone());
    let stops = |earlier: &unfinished::Unfinished| earlier.stops(how.like);
    let earlier = match of_this.filter(stops) {
        None => unfinished::of_another(desk, &*store, &whose, &plan).await?,
        earlier => earlier,
    };
    let stops = earlier.filter(stops);
    let no_drill = match &how.to {
        Some(to) => why_no_way_back(&book, &actual.site, to).await,
        None => None,
    };
    let performance = Performance {
        desk,
        actual: &actual,
        store,
        playbook: playbook.playbook.display().to_string(),
        given: Given {
            sets: playbook.set.clone(),
            to: how.to.clone(),
            emergency: how.like == Mode::Emergency,
            plan: how.out.map(|out| out.display().to_string()),
        },
        first: MustEnd::of(
            (stops.as_ref())
                .map(|earlier| earlier.first.clone())
                .or(led),
        ),
        comes_back: no_drill.is_none(),
        yes: false,
    };
    let seen = Seen::default();
    let against: Vec<Failure> = (unusable.into_iter())
        .chain(stops.map(|earlier| earlier.failure))
        .chain(turns)
        .collect();
    let bars = async { barred::bars(&against) };
    let exit = performance.dry(plan, keep, shown, &seen, bars).await?;
    let records = all(&seen);
    let seen = SeenWorld::of(&records, world::zones(&actual))
        .map_err(|why| Failure::new(Exit::Error, format!("nothing was recorded: {why}")))?;
    let exit = match previous {
        Some(previous) => how.compare.tell(desk, &previous, &seen, exit)?,
        None => exit,
    };
    if let Some(path) = how.out_world {
        world::save(desk, path, &seen)?;
    }
    Ok(barred::tell(desk, &against, exit))
}

/// What carries out a saved plan: with the overrides and the mode that it was made with, since it is refused
/// where it would be another plan now.
fn carry_out(playbook: &PlaybookArgs, how: &DryRun<'_>, out: &Path) -> Vec<String> {
    let mut words = vec![
        "failover".to_owned(),
        playbook.playbook.display().to_string(),
        "--plan".to_owned(),
        out.display().to_string(),
    ];
    if how.like == Mode::Emergency {
        words.push("--emergency".to_owned());
    }
    for set in &playbook.set {
        words.extend(["--set".to_owned(), set.clone()]);
    }
    words
}

/// The commands of each entry that writes, for both directions.
pub(super) fn commands(actual: &Actual, plan: &Plan) -> Vec<Commands> {
    let mut list = Vec::new();
    for entry in &plan.entries {
        let (there, back) = match (
            &entry.nature,
            actual.book.step(&entry.step).map(|s| &s.work),
        ) {
            (Nature::Change(edit), Some(Work::Change(change))) => {
                let of = |way| {
                    let (from, to) = edit.along(way);
                    change.commands(&actual.site, &edit.place, from, to)
                };
                (of(Way::There), of(Way::Back))
            }
            (Nature::Act(act), _) => (vec![act.does.clone()], act.undo.iter().cloned().collect()),
            _ => continue,
        };
        list.push(Commands {
            entry: entry.id.clone(),
            there,
            back,
        });
    }
    list
}

fn save(path: &Path, plan: &Plan) -> Result<(), Failure> {
    let failed = |why: &dyn std::fmt::Display| {
        Failure::new(
            Exit::Usage,
            format!("failed to save the plan to `{}`: {why}", path.display()),
        )
    };
    let text = serde_json::to_string_pretty(plan).map_err(|e| failed(&e))?;
    world::write(path, (text + "\n").as_bytes()).map_err(|e| failed(&e))
}

/// The largest plan that is read, in bytes: that of 100,000 record sets has room in it.
const LARGEST: usize = 256 << 20;

/// Reads a plan that was saved.
pub(super) fn load(path: &Path) -> Result<Plan, Failure> {
    let bytes = read(path, LARGEST)?;
    if bytes.len() > LARGEST {
        let path = path.display();
        let message = format!(
            "`{path}` is larger than {} MiB: no saved plan",
            LARGEST >> 20
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    let plan: Plan = serde_json::from_slice(&bytes).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("`{}` is no saved plan: {error}", path.display()),
        )
    })?;
    if plan.format != FORMAT {
        return Err(Failure::new(
            Exit::Usage,
            format!(
                "`{}` has plan format {}, and this program knows {FORMAT}; make the plan anew",
                path.display(),
                plan.format
            ),
        ));
    }
    Ok(plan)
}

/// Why a plan that was made now is not the one that was reviewed; `None` where it is.
pub(super) fn differs(reviewed: &Plan, now: &Plan) -> Option<String> {
    if reviewed.playbook != now.playbook || reviewed.text != now.text {
        return Some("the playbook is another one, or was edited since".to_owned());
    }
    if reviewed.goes_back != now.goes_back {
        let asked = match reviewed.goes_back {
            true => "it was planned as a failover, not as an emergency",
            false => "it was planned as an emergency",
        };
        return Some(asked.to_owned());
    }
    if reviewed.direction != now.direction {
        return Some(format!(
            "it goes from `{}` to `{}` now, and went from `{}` to `{}`",
            now.direction.source,
            now.direction.target,
            reviewed.direction.source,
            reviewed.direction.target
        ));
    }
    let edits = |plan: &Plan| -> Vec<(String, Edit)> {
        plan.edits()
            .map(|(entry, edit)| (entry.id.clone(), edit.clone()))
            .collect()
    };
    let (then, now) = (edits(reviewed), edits(now));
    let changed: Vec<&str> = then
        .iter()
        .filter(|edit| !now.contains(edit))
        .chain(now.iter().filter(|edit| !then.contains(edit)))
        .map(|(id, _)| id.as_str())
        .collect();
    (!changed.is_empty()).then(|| {
        format!(
            "somebody else wrote in between: `{}` would be another change now",
            changed.join("`, `")
        )
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::playbook::Playbook;
    use crate::simulate::{CANARY, imagine};
    use crate::world::exec::Exec;

    #[test]
    fn a_plan_of_an_emergency_is_none_of_a_failover() {
        let emergency = crate::fake::plan(Mode::Emergency, "kc");
        let failover = crate::fake::plan(Mode::Failover, "kc");
        assert_eq!(differs(&emergency, &emergency), None);
        assert!(differs(&emergency, &failover).is_some_and(|why| why.contains("emergency")));
        assert!(
            differs(&failover, &emergency).is_some_and(|why| why.contains("not as an emergency"))
        );
    }

    /// A playbook with a provider of each kind, whose secrets are files that hold the canary.
    #[expect(
        clippy::disallowed_methods,
        reason = "the playbook has a file with a secret"
    )]
    fn with_secrets(folder: &Path) -> Playbook {
        let file = folder.join("secret");
        let coded = data_encoding::BASE64.encode(CANARY.as_bytes());
        std::fs::write(&file, format!("{coded}\n{CANARY}\n")).unwrap();
        let secret = format!("{{ file = {:?} }}", file.display().to_string());
        let text = format!(
            r#"
[playbook]
name = "site"
[hosts.primary]
site = "dedicated"
ssh = "primary"
addresses = ["192.0.2.10"]
[hosts.standby]
site = "cloud"
ssh = "standby"
addresses = ["198.51.100.20"]
[providers.one]
kind = "rfc2136"
server = "192.0.2.54:53"
key = {{ name = "k", algorithm = "hmac-sha256", secret = {secret} }}
[providers.two]
kind = "powerdns"
url = "http://192.0.2.53:8081"
api-key = {secret}
[providers.three]
kind = "mythic-beasts"
key-id = {secret}
secret = {secret}
[zones."one.example"]
provider = "one"
[zones."two.example"]
provider = "two"
[zones."three.example"]
provider = "three"
[services.website]
names = ["one.example", "two.example", "three.example"]
probes = [{{ http = "/", contains = "x" }}]
[[step]]
id = "flip"
kind = "dns"
services = "all"
[[step]]
id = "public"
kind = "services"
at = "public"
"#
        );
        match Playbook::parse(&text, "site.toml", &[]) {
            Ok(book) => book,
            Err(problems) => panic!("{}", problems.render(false, None)),
        }
    }

    #[tokio::test]
    async fn a_plan_and_its_commands_name_where_a_secret_is_and_never_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let book = Arc::new(with_secrets(folder.path()));
        let model = imagine(&book, Mode::Failover, None, None).await.unwrap();
        let actual = Actual {
            site: book.live(Clock::real(), Exec::new()),
            book,
        };
        let commands = commands(&actual, &model.plan);
        let style = report::Style {
            width: 100_000,
            ..report::Style::plain()
        };
        let text = report::render(&report::plan(&model.plan, &commands, None, &style), &style);
        for zone in ["one.example", "two.example", "three.example"] {
            assert!(text.contains(zone), "{text}");
        }
        let place = format!("head -n 1 {}", folder.path().join("secret").display());
        // Each way of each zone; Mythic Beasts has two halves of a key.
        assert!(text.matches(&place).count() >= 8, "{text}");
        let hex = data_encoding::HEXLOWER.encode(CANARY.as_bytes());
        let base64 = data_encoding::BASE64.encode(CANARY.as_bytes());
        for told in [CANARY, &hex, &base64] {
            assert!(!text.contains(told), "the plan tells a secret");
        }
    }

    #[test]
    fn what_carries_a_plan_out_names_what_it_was_made_with() {
        let playbook = PlaybookArgs {
            playbook: "site.toml".into(),
            set: vec!["playbook.hold=5s".into()],
        };
        let how = DryRun {
            to: None,
            like: Mode::Emergency,
            out: None,
            out_world: None,
            compare: compare::Compare::default(),
            commands: false,
        };
        let words = carry_out(&playbook, &how, Path::new("p.json")).join(" ");
        assert_eq!(
            words,
            "failover site.toml --plan p.json --emergency --set playbook.hold=5s"
        );
    }
}
