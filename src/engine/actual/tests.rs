use super::*;
use crate::dns::Honesty;
use crate::engine::survey::tests::BOOK;
use crate::fake::plan;
use crate::journal::{Intent, Journal, Live, Meta};
use crate::plan::{Direction, Edit, Mode, Place, Way};
use crate::steps::testing::{Book, site};

/// A step that looks at data, and one that only does something, before the first one of the survey's playbook.
const DATA: &str = r#"[[step]]
id = "data"
kind = "mirror"
path = "/srv/www/"
max-files = 10
reuse = "1h"
[[step]]
id = "timer"
kind = "command"
on = "local"
run = ["true"]
[[step]]
"#;

fn actual() -> Actual {
    let text = BOOK.replacen("[[step]]\n", DATA, 1);
    let book = match Playbook::parse(&text, "site.toml", &[]) {
        Ok(book) => Arc::new(book),
        Err(problems) => panic!("{}", problems.render(false, None)),
    };
    let mut site = site(Book::new(Honesty::Atomic, &[]));
    for service in site.services.values_mut() {
        service.names.retain(|name| name == "example.org");
    }
    Actual { book, site }
}

/// An entry of this step.
fn entry(step: &str) -> Entry {
    let mut entry = plan(Mode::Failover, "k").entries.remove(0);
    (entry.id, entry.step) = (step.to_owned(), step.to_owned());
    entry
}

fn aim() -> Aim {
    let direction = Direction {
        source: "dedicated".into(),
        target: "cloud".into(),
    };
    Aim::there(&direction, false)
}

#[tokio::test]
async fn an_entry_whose_step_the_playbook_lacks_is_told_so_and_does_nothing() {
    let (world, entry, pulses) = (actual(), entry("gone"), Pulses::none());
    let said = "the playbook has no step `gone` that could do this";
    assert!(world.looks(&entry, &aim(), &pulses).is_empty());
    assert!(world.baseline(&entry, &aim(), &pulses).is_empty());
    let finding = world.judge(&entry, &aim(), &Evidence::default());
    assert_eq!(finding.outcome, Outcome::Unknown);
    assert_eq!(finding.headline, said);
    assert_eq!(world.reuse(&entry), None);
    assert_eq!(world.landing(&entry), Duration::ZERO);
    let unseen = world.read(&entry, &Edit::default()).await.unwrap_err();
    assert_eq!(
        (unseen.cause, unseen.detail.as_str()),
        (Cause::Missing, said)
    );
    let Answer::Refused { why } = refused(&entry).await else {
        panic!("what nothing could do was not refused");
    };
    assert_eq!(why, said);
}

#[tokio::test]
async fn each_entry_is_looked_at_as_its_step_says() {
    let (world, pulses) = (actual(), Pulses::none());
    let count = |entry: &Entry| world.looks(entry, &aim(), &pulses).len();
    assert!(count(&entry("works")) > 0);
    assert!(world.baseline(&entry("works"), &aim(), &pulses).is_empty());
    // What writes is no check, but for what a person moves.
    let mut flip = entry("flip");
    assert_eq!(count(&flip), 0);
    assert!(world.landing(&flip) > Duration::ZERO);
    flip.by_hand = true;
    assert!(count(&flip) > 0);
    assert_eq!(
        world.baseline(&flip, &aim(), &pulses).len(),
        count(&flip),
        "what a person moves is looked at before the first write as well"
    );
    // Of what only foresees, the sights before the first write are looked at.
    let mut foresees = entry("works");
    foresees.foresees = true;
    assert_eq!(count(&foresees), 0);
    let hour = Duration::from_secs(3600);
    assert_eq!(world.reuse(&entry("data")), Some(hour));
    assert_eq!(world.reuse(&entry("works")), None);
    assert_eq!(world.landing(&entry("works")), Duration::ZERO);
    assert!(world.landing(&entry("timer")) > Duration::ZERO);
    // What asks each server several times itself is not asked several times more.
    assert!(world.repeats(&entry("works")) && !world.repeats(&entry("published")));
}

#[tokio::test]
async fn what_only_does_something_is_done_by_its_step() {
    let (world, clock) = (actual(), Clock::real());
    let plan = plan(Mode::Failover, "k");
    let meta = Meta::of(&plan, "test", clock.now());
    let store = Arc::new(crate::store::Memory::new());
    let begun = Live::begin(store, "run", &meta, &[], clock.clone(), Arc::new(|_| {}));
    let mut live = begun.await.unwrap();
    let intent = Intent {
        entry: 0,
        place: Place::default(),
        way: Way::There,
        from: Value::default(),
        to: Value::default(),
        until: clock.now().plus(Duration::from_secs(30)),
    };
    let permit = live.intend(intent).await.unwrap().unwrap();
    let answer = world.act(&entry("timer"), &aim(), permit).await;
    assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
}

#[tokio::test]
async fn a_check_behind_the_writes_looks_for_what_the_plan_moves() {
    let (mut world, pulses) = (actual(), Pulses::none());
    world.site.services.clear();
    let count = |world: &Actual| world.looks(&entry("published"), &aim(), &pulses).len();
    assert_eq!(count(&world), 0);
    let moved = "www.example.org. A".to_owned();
    let moves = Moving {
        target: "cloud",
        changed: vec![&moved],
        already: Vec::new(),
    };
    world.expect(&entry("published"), &moves);
    assert!(count(&world) > 0);
}

#[tokio::test]
async fn what_was_seen_is_remembered_with_its_time() {
    let store: Arc<dyn Store> = Arc::new(crate::store::Memory::new());
    let memory = Remembered(Arc::clone(&store));
    assert_eq!(memory.recall("works/primary").await, None);
    let (fact, at) = (serde_json::json!({ "rate": 12.5 }), Stamp::at(7));
    memory.keep("works/primary", &fact, &at).await;
    assert_eq!(
        memory.recall("works/primary").await,
        Some((fact, at.clone()))
    );
    assert_eq!(memory.recall("works/standby").await, None);
    // What cannot be read is nothing that was seen.
    let memo = Memo {
        key: "works/primary".to_owned(),
        bytes: b"{".to_vec(),
        at,
    };
    store.remember(vec![memo]).await.unwrap();
    assert_eq!(memory.recall("works/primary").await, None);
}
