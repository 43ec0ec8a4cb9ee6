//! Verbs that only read: they make nothing, wherever the state is said to be.

use std::collections::BTreeSet;
use std::path::Path;

use super::scene::{Plot, Scene};
use super::terminal::{NAME, answer};

/// What is typed for each verb that only reads; a new verb has to be put here or there.
const READ: &[(&str, &[&[&str]])] = &[
    ("lint", &[&["PLAYBOOK"]]),
    ("simulate", &[&["PLAYBOOK"]]),
    ("explain", &[&["W001"]]),
    (
        "check",
        &[
            &["PLAYBOOK"],
            &["PLAYBOOK", "--format", "nagios"],
            &["PLAYBOOK", "--format", "json"],
        ],
    ),
    (
        "plan",
        &[
            &["PLAYBOOK"],
            &["PLAYBOOK", "--emergency"],
            &["PLAYBOOK", "--to", "old"],
        ],
    ),
    ("runs", &[&[]]),
    ("show", &[&[], &["x"]]),
    ("show-playbook", &[&["PLAYBOOK"]]),
    ("owed", &[&[], &["--format", "json"]]),
    ("kinds", &[&[]]),
    ("schema", &[&[]]),
    ("help", &[&[]]),
];

/// Verbs that write, and how each is asked to write nothing.
const WRITE: &[(&str, &[&[&str]])] = &[
    ("drill", &[]),
    ("failover", &[&["PLAYBOOK", "--dry-run"]]),
    ("rollback", &[&["--yes"], &["--dry-run"]]),
    ("resume", &[&[], &["--yes"]]),
    ("demo", &[]),
];

/// Every file and folder, but what this test itself keeps of what was printed.
fn all(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all(&path, found);
        }
        if path
            .extension()
            .is_none_or(|kind| kind != "out" && kind != "err")
        {
            found.insert(path.display().to_string());
        }
    }
}

fn files(scene: &Scene) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    all(scene.folder.path(), &mut found);
    found
}

/// The verbs that the help lists.
fn verbs(scene: &Scene) -> Vec<String> {
    let help = scene.run(&["--help"]).exits(0).out;
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    (list.lines())
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

#[test]
fn a_verb_that_only_reads_makes_nothing() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    scene.playbook();
    let listed = verbs(&scene);
    assert!(listed.len() > 10, "{listed:?}");
    let before = files(&scene);
    for verb in &listed {
        let rows = READ.iter().chain(WRITE);
        let (_, ways) = (rows.clone().find(|(name, _)| name == verb))
            .unwrap_or_else(|| panic!("`{verb}` is in no list of this test"));
        for way in *ways {
            let words = [&[verb.as_str()], *way, &["--state", "none/below"]].concat();
            let done = scene.run(&words);
            assert_eq!(files(&scene), before, "{words:?}: {done}");
            assert!(!done.out.contains("cutover show"), "{done}");
        }
    }
}

#[test]
fn what_a_check_saw_is_kept_where_the_folder_is_there() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    scene
        .run(&["check", "PLAYBOOK", "--state", "none"])
        .exits(0)
        .says("kept in no history");
    std::fs::create_dir(scene.folder.path().join("none")).unwrap();
    scene
        .run(&["check", "PLAYBOOK", "--state", "none"])
        .exits(0)
        .says(", run ");
    scene
        .run(&["runs", "--state", "none"])
        .exits(0)
        .says("check");
}

#[test]
fn the_end_of_input_declines_at_once() {
    let Some(scene) = Plot::small().scene_with(&["script"]) else {
        return;
    };
    let declines = |verb: &[&str]| {
        let mut asked = scene.start_on_terminal(verb, &[]);
        answer(&mut asked, NAME, "\u{4}");
        let done = asked.end().exits(4);
        assert!(
            done.out.contains("cutover: declined; nothing was touched"),
            "{done}"
        );
    };
    declines(&["failover", "PLAYBOOK"]);
    declines(&["drill", "PLAYBOOK"]);
    assert!(scene.leads_to(&scene.old));
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    declines(&["rollback"]);
    assert!(scene.leads_to(&scene.new));
}
