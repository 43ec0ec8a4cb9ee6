//! The demo: a whole drill on its lab, and each way in which it can be made to fail.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cutover::clock::Clock;
use cutover::demo::{self, Break, DemoError, Lab, Options};
use cutover::engine::{
    Actual, GoOn, Intention, Nobody, Outfit, Remembered, StopSwitch, drive, resume, survey,
};
use cutover::event::{Ending, Event, Record, Round};
use cutover::journal::{Live, Meta, Publisher, read};
use cutover::plan::{Mode, Outcome, Plan, Side, Way};
use cutover::playbook::Playbook;
use cutover::step::Pulses;
use cutover::store::{Memory, Store};
use cutover::world::exec::Exec;

use crate::lab::{READY, have};

const RUN: &str = "20261122-030500-demo";

/// A drill or failover of a lab, and the journal that it leaves.
struct Show {
    lab: Lab,
    folder: tempfile::TempDir,
    store: Arc<dyn Store>,
    world: Actual,
}

/// The playbook of a lab with the patience of a busy machine, but for what is broken: its end is waited for.
fn world_of(playbook: &Path, breaks: Option<Break>) -> Actual {
    let text = std::fs::read_to_string(playbook).unwrap();
    let text = text.replace("slower-than = \"2s\"", "slower-than = \"1m\"");
    let broken = match breaks {
        Some(Break::Dns) => "published",
        Some(Break::Http) => "public",
        Some(Break::Traffic) => "traffic",
        _ => "",
    };
    let steps = ["published", "public", "traffic"].into_iter();
    let mut sets: Vec<String> = (steps.filter(|step| *step != broken))
        .map(|step| format!("step.{step}.within=2m"))
        .collect();
    for step in ["works", "public", "traffic"] {
        sets.push(format!("step.{step}.timeout=30s"));
    }
    let book = Playbook::parse(&text, "playbook.toml", &sets).unwrap_or_else(|p| panic!("{p}"));
    assert!(book.warnings().is_empty(), "{}", book.warnings());
    let site = book.live(Clock::real(), Exec::new());
    let book = Arc::new(book);
    Actual { book, site }
}

impl Show {
    async fn begin(breaks: Option<Break>) -> Show {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            folder: Some(folder.path().into()),
            breaks,
        };
        let lab = demo::start(&options).await.unwrap();
        let world = world_of(lab.playbook(), breaks);
        Show {
            lab,
            folder,
            store: Arc::new(Memory::new()),
            world,
        }
    }

    async fn plan(&self, mode: Mode) -> Plan {
        let intention = Intention {
            mode,
            like: mode,
            to: None,
            hold: Some(Duration::from_millis(500)),
        };
        survey(&self.world, &intention).await.unwrap()
    }

    async fn run(&self, mode: Mode) -> Ending {
        let plan = self.plan(mode).await;
        assert_eq!(plan.direction.source, "dedicated");
        let meta = Meta::of(&plan, "test", Clock::real().now());
        let publish: Publisher = Arc::new(|_| {});
        let store = Arc::clone(&self.store);
        let begun = Live::begin(store, RUN, &meta, &plan.locks, Clock::real(), publish).await;
        let mut live = begun.unwrap();
        let memory = Remembered(Arc::clone(&self.store));
        let (_switch, outfit) = outfit(&self.world, &memory);
        let ending = drive(plan, &mut live, outfit).await.unwrap();
        live.close().await;
        ending
    }

    async fn go_on(&self, how: GoOn) -> Ending {
        let publish: Publisher = Arc::new(|_| {});
        let store = Arc::clone(&self.store);
        let (mut live, records) = Live::reopen(store, RUN, Clock::real(), publish)
            .await
            .unwrap();
        let memory = Remembered(Arc::clone(&self.store));
        let (_switch, outfit) = outfit(&self.world, &memory);
        let ending = resume(&records, &mut live, outfit, how).await.unwrap();
        live.close().await;
        ending
    }

    async fn story(&self) -> Story {
        Story(read(&*self.store, RUN).await.unwrap())
    }

    /// Where the names lead at the provider.
    async fn active(&self) -> String {
        self.plan(Mode::Check).await.direction.source
    }

    /// The same lab, started anew with nothing broken, as `cutover demo --lab` would.
    async fn restart(self) -> Show {
        let Show {
            lab, folder, store, ..
        } = self;
        let options = Options {
            folder: Some(lab.folder().into()),
            breaks: None,
        };
        drop(lab);
        // The sockets of the old lab are closed when its tasks are seen to have ended.
        let mut lab = demo::start(&options).await;
        let begun = Instant::now();
        while matches!(lab, Err(DemoError::Taken { .. })) && begun.elapsed() < READY {
            tokio::time::sleep(Duration::from_millis(50)).await;
            lab = demo::start(&options).await;
        }
        let lab = lab.unwrap();
        let world = world_of(lab.playbook(), None);
        Show {
            lab,
            folder,
            store,
            world,
        }
    }
}

fn outfit<'r>(
    world: &'r Actual,
    memory: &'r Remembered,
) -> (StopSwitch, Outfit<'r, Actual, Remembered, Nobody>) {
    let (switch, stop) = StopSwitch::new();
    let outfit = Outfit {
        world,
        memory,
        people: &Nobody,
        stop,
        pulses: Pulses::none(),
        by: "test".into(),
    };
    (switch, outfit)
}

/// What a run recorded.
struct Story(Vec<Record>);

impl Story {
    fn plan(&self) -> &Plan {
        let started = self.0.iter().find_map(|record| match &record.event {
            Event::Started { plan, .. } => Some(plan),
            _ => None,
        });
        started.unwrap()
    }

    /// The sequence, a word for each thing that counts: `mirror`, `flip there`, `public again`, … The checks
    /// of a batch come in the order of the plan, whichever of them was found first.
    fn sequence(&self) -> Vec<String> {
        let id = |entry: usize| self.plan().entries[entry].id.clone();
        let mut sequence = Vec::new();
        let mut batch = Vec::new();
        for record in &self.0 {
            match &record.event {
                Event::Looked {
                    entry,
                    round,
                    finding,
                } => {
                    let round = match round {
                        Round::There => "there",
                        Round::Return => "return",
                        Round::Probe => "probe",
                        Round::Verify => "verify",
                    };
                    let text = format!("{} {round} {:?}", id(*entry), finding.outcome);
                    batch.push((*entry, text));
                }
                Event::Judged { .. } => {
                    batch.sort();
                    sequence.extend(batch.drain(..).map(|(_, text)| text));
                }
                Event::Settled {
                    entry, way, side, ..
                } => {
                    let way = if *way == Way::There { "there" } else { "back" };
                    sequence.push(format!("{} {way} {side:?}", id(*entry)));
                }
                Event::HoldOver { .. } => sequence.push("hold over".into()),
                Event::Ended { ending } => sequence.push(format!("{ending:?}")),
                _ => {}
            }
        }
        sequence
    }

    fn outcome_of(&self, id: &str) -> (Outcome, String) {
        let entry = self.plan().entries.iter().position(|entry| entry.id == id);
        let found = self.0.iter().find_map(|record| match &record.event {
            Event::Looked {
                entry: at, finding, ..
            } if Some(*at) == entry => Some((finding.outcome, finding.headline.clone())),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("`{id}` was never looked at: {self}"))
    }

    fn writes(&self) -> usize {
        let written = |record: &&Record| matches!(record.event, Event::Intended { .. });
        self.0.iter().filter(written).count()
    }
}

impl std::fmt::Display for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .iter()
            .skip(1)
            .try_for_each(|record| writeln!(f, "{:?}", record.event))
    }
}

fn side(side: Side) -> String {
    format!("{:?}", Some(side))
}

fn can() -> bool {
    have(&["rsync", "dpkg-query", "awk"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_goes_there_and_comes_back() {
    if !can() {
        return;
    }
    let show = Show::begin(None).await;
    let began = Instant::now();
    let ending = show.run(Mode::Drill).await;
    let took = began.elapsed();
    let story = show.story().await;
    assert_eq!(ending, Ending::Done, "{story}");
    let checks = |round: &str| -> Vec<String> {
        let gates = ["mirror", "works", "packages"];
        gates.map(|id| format!("{id} {round} Pass")).to_vec()
    };
    let after = |round: &str| -> Vec<String> {
        let after = ["published", "public", "traffic"];
        after.map(|id| format!("{id} {round} Pass")).to_vec()
    };
    let before = ["published", "traffic"].map(|id| format!("{id}/before there Pass"));
    let expected = [
        checks("there"),
        before.to_vec(),
        vec![format!("flip there {}", side(Side::After))],
        after("there"),
        vec!["hold over".into()],
        checks("return"),
        vec![format!("flip back {}", side(Side::Before))],
        after("return"),
        vec!["Done".into()],
    ]
    .concat();
    assert_eq!(story.sequence(), expected, "{story}");
    assert_eq!(show.active().await, "dedicated");
    // It is a show: on an idle machine it takes about 15 seconds. This bound only finds a wait gone wrong.
    assert!(took < Duration::from_secs(180), "{took:?}");
    eprintln!("the drill took {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_lacks_packages_or_is_stale_is_refused_before_any_change() {
    if !can() {
        return;
    }
    for (breaks, id, says) in [
        (Break::Packages, "packages", "2 missing of 12 packages"),
        (Break::Mirror, "mirror", "lacks 4"),
    ] {
        let show = Show::begin(Some(breaks)).await;
        let ending = show.run(Mode::Drill).await;
        let story = show.story().await;
        assert_eq!(ending, Ending::Refused, "{story}");
        let (outcome, headline) = story.outcome_of(id);
        assert_eq!(outcome, Outcome::Fail, "{headline}");
        assert!(headline.contains(says), "{headline}");
        let others = ["mirror", "works", "packages"].into_iter();
        for other in others.filter(|other| *other != id) {
            assert_eq!(story.outcome_of(other).0, Outcome::Pass, "{story}");
        }
        assert_eq!(story.writes(), 0);
        assert_eq!(show.active().await, "dedicated");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_fails_once_users_come_is_left_again() {
    if !can() {
        return;
    }
    let show = Show::begin(Some(Break::Http)).await;
    let ending = show.run(Mode::Drill).await;
    let story = show.story().await;
    assert_eq!(ending, Ending::Undone, "{story}");
    let sequence = story.sequence();
    assert!(sequence.contains(&"works there Pass".into()), "{story}");
    assert!(sequence.contains(&"public there Fail".into()), "{story}");
    let tail = [
        "works probe Pass".to_owned(),
        format!("flip back {}", side(Side::Before)),
        "published verify Pass".into(),
        "public verify Pass".into(),
        "traffic verify Pass".into(),
        "Undone".into(),
    ];
    assert!(sequence.ends_with(&tail), "{sequence:?}\n{story}");
    assert_eq!(show.active().await, "dedicated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_server_that_does_not_follow_holds_the_run_and_a_healed_lab_lets_it_finish() {
    if !can() {
        return;
    }
    let mut times = 0;
    let (show, headline) = loop {
        times += 1;
        let show = Show::begin(Some(Break::Dns)).await;
        let ending = show.run(Mode::Failover).await;
        let story = show.story().await;
        assert_eq!(ending, Ending::Held, "{story}");
        let (outcome, headline) = story.outcome_of("published");
        // On a busy machine the last question may come back too late.
        if outcome == Outcome::Unknown && times < 3 {
            continue;
        }
        assert_eq!(outcome, Outcome::Late, "{story}");
        break (show, headline);
    };
    assert!(headline.contains("still old"), "{headline}");
    assert_eq!(show.active().await, "cloud");

    let show = show.restart().await;
    assert_eq!(show.active().await, "cloud", "what stood still stands");
    let ending = show.go_on(GoOn::Finish).await;
    let story = show.story().await;
    assert_eq!(ending, Ending::Done, "{story}");
    assert_eq!(show.active().await, "cloud");
    let ending = show.go_on(GoOn::Back).await;
    assert_eq!(ending, Ending::Undone, "{}", show.story().await);
    assert_eq!(show.active().await, "dedicated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_who_never_ask_again_hold_the_run() {
    if !can() {
        return;
    }
    let show = Show::begin(Some(Break::Traffic)).await;
    let ending = show.run(Mode::Drill).await;
    let story = show.story().await;
    assert_eq!(ending, Ending::Held, "{story}");
    assert_eq!(story.outcome_of("published").0, Outcome::Pass, "{story}");
    assert_eq!(story.outcome_of("public").0, Outcome::Pass, "{story}");
    let (outcome, headline) = story.outcome_of("traffic");
    assert_eq!(outcome, Outcome::Late, "{story}");
    assert!(headline.contains("100% still goes to dedicated") || headline.contains("still goes"));
    let ending = show.go_on(GoOn::Back).await;
    let story = show.story().await;
    assert_eq!(ending, Ending::Undone, "{story}");
    assert_eq!(show.active().await, "dedicated");
}

#[tokio::test]
async fn a_folder_is_a_lab_or_is_refused_and_the_playbook_stays_its_owners() {
    if !can() {
        return;
    }
    let show = Show::begin(None).await;
    let playbook = show.lab.playbook().to_owned();
    let edited = std::fs::read_to_string(&playbook).unwrap() + "# mine\n";
    std::fs::write(&playbook, &edited).unwrap();
    let ports = show.lab.servers();
    assert_eq!(ports.len(), 6);
    // Two labs in one folder would write one zone.
    let again = Options {
        folder: Some(show.folder.path().into()),
        breaks: None,
    };
    let taken = demo::start(&again).await.err().unwrap();
    assert!(matches!(taken, DemoError::Taken { .. }), "{taken}");
    let show = show.restart().await;
    assert_eq!(show.lab.servers(), ports);
    assert_eq!(std::fs::read_to_string(&playbook).unwrap(), edited);

    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("thesis.tex"), "x").unwrap();
    let options = Options {
        folder: Some(other.path().into()),
        breaks: None,
    };
    let refused = demo::start(&options).await.err().unwrap();
    assert!(matches!(refused, DemoError::NotALab { .. }), "{refused}");
}

/// The program itself, on a lab of this test, as on a machine where no certificate authority is installed: the
/// demo needs none.
fn program(folder: &Path, words: &[&str]) -> std::process::Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_cutover"))
        .args(words)
        .stdin(std::process::Stdio::null())
        .env("CUTOVER_STATE", folder.join("elsewhere"))
        .env("SSL_CERT_FILE", "/nowhere/certificates.crt")
        .env("SSL_CERT_DIR", "/nowhere")
        .output()
        .unwrap()
}

#[test]
fn the_verb_says_what_is_broken_and_what_to_type_next() {
    if !can() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let lab = folder.path().join("the lab");
    let path = lab.to_str().unwrap();
    let output = program(
        folder.path(),
        &["demo", "--in", path, "--break", "packages"],
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{text}\n{said}");
    let lab = lab.canonicalize().unwrap();
    let lab = lab.display();
    for part in [
        "Broken: the target lacks packages".to_owned(),
        "2 missing of 12 packages".into(),
        format!("--state '{lab}/state'"),
        format!("cutover demo --in '{lab}'\n"),
    ] {
        assert!(
            text.contains(&part),
            "`{part}` is missing in\n{text}\n{said}"
        );
    }
    // The runs of the demo stay with the demo.
    assert!(!folder.path().join("elsewhere").exists());

    let wrong = program(folder.path(), &["demo", "--break", "disk"]);
    assert_eq!(wrong.status.code(), Some(2));
}
