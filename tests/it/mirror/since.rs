//! A dead source, and a target that was changed since the two were compared.

use std::fs;
use std::time::Duration;

use cutover::event::{Cause, Unseen};
use cutover::plan::Outcome;
use cutover::step::{Known, Pulses};

use super::trees::{Trees, put};
use super::{PROGRAMS, Sights, judged, playbook, taken};
use crate::lab::have;

/// What was seen before, and the target now: nothing else answers.
fn since(before: &Sights, now: Sights) -> Sights {
    let items = before.iter().zip(now).map(|((key, then), (_, now))| {
        let known = match (then, key.starts_with("holds ")) {
            (Known::Live(fact), false) => Known::Recorded {
                fact: fact.clone(),
                age: Duration::from_secs(600),
                why: Unseen::new(Cause::Unreachable, "no route to host"),
            },
            _ => now,
        };
        (key.clone(), known)
    });
    items.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn as_much_as_before_under_other_names_is_not_the_same() {
    if !have(PROGRAMS) {
        return;
    }
    type Change = (&'static str, fn(&Trees), Option<&'static str>);
    let change: [Change; 7] = [
        ("nothing", |_| (), None),
        (
            "another name",
            |trees| {
                let at = trees.target().join("pool/main");
                fs::rename(at.join("z"), at.join("y")).unwrap();
            },
            // Which of the two is named is the file system's: both changed at the same time.
            Some("was changed since"),
        ),
        (
            "a folder with another name",
            |trees| {
                let at = trees.target().join("pool");
                fs::rename(at.join("main"), at.join("niam")).unwrap();
            },
            Some("was changed since"),
        ),
        (
            "another content, as long and as old",
            |trees| put(&trees.target(), "pool/main/z", "SOME CONTENT"),
            Some("`pool/main/z` was changed since"),
        ),
        (
            "another folder",
            |trees| {
                let (at, old) = (trees.target(), trees.target().with_extension("old"));
                fs::rename(&at, &old).unwrap();
                fs::rename(trees.source(), &at).unwrap();
            },
            Some("it is another folder"),
        ),
        (
            "what is left out",
            |trees| put(&trees.target(), "cache/z", "another"),
            None,
        ),
        (
            "a sync that came and went",
            |trees| {
                put(&trees.target(), "Archive-Update-in-Progress-standby", "");
                let lock = trees.target().join("Archive-Update-in-Progress-standby");
                fs::remove_file(lock).unwrap();
            },
            None,
        ),
    ];
    let cases = change.map(|(what, change, why)| async move {
        let trees = Trees::new();
        trees.both("cache/z", "content");
        let (source, target) = (trees.source(), trees.target());
        let fields = "exclude = [\"/cache/**\"]\nmax-lag = \"1d\"";
        let text = playbook("local = true", "local = true", &source, &target, fields);
        // The clock of a file system goes by ticks.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let before = taken(&text, &Pulses::none(), |_| true).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        change(&trees);
        let now = taken(&text, &Pulses::none(), |key| key.starts_with("holds ")).await;
        let finding = judged(&text, since(&before, now));
        let said = finding
            .facts
            .iter()
            .find(|fact| fact.what == "what standby holds");
        let said = said.unwrap();
        match why {
            None => {
                assert_eq!(said.outcome, Outcome::Pass, "{what}: {finding:#?}");
                assert_eq!(finding.outcome, Outcome::Warn, "{what}: {finding:#?}");
            }
            Some(why) => {
                assert_eq!(said.outcome, Outcome::Unknown, "{what}: {finding:#?}");
                assert!(said.actual.contains(why), "{what}: {finding:#?}");
            }
        }
    });
    futures::future::join_all(cases).await;
}
