//! The state folder is taken away under a run: it stops before its next write, and says how to go back.

use std::path::Path;

use rustix::process::Signal;

use super::scene::{Plot, Scene};

/// What somebody does to a state folder.
type Blow = fn(&Path);

const BLOWS: &[(&str, Blow)] = &[
    ("removed", |state| std::fs::remove_dir_all(state).unwrap()),
    ("moved", |state| {
        std::fs::rename(state, state.with_extension("moved")).unwrap();
    }),
    ("cut to nothing", |state| {
        std::fs::write(state.join("cutover.sqlite3"), "").unwrap();
    }),
    ("without its log", |state| {
        std::fs::remove_file(state.join("cutover.sqlite3-wal")).unwrap();
    }),
    ("replaced by a copy", |state| {
        let file = state.join("cutover.sqlite3");
        let copy = state.join("copy");
        std::fs::copy(&file, &copy).unwrap();
        std::fs::rename(&copy, &file).unwrap();
    }),
];

/// A playbook that waits before its first write.
fn waits_first(scene: &Scene) {
    let text = scene.text().replacen(
        "[[step]]\nid = \"flip\"",
        "[[step]]\nid = \"breath\"\nkind = \"wait\"\ntime = \"4s\"\n[[step]]\nid = \"flip\"",
        1,
    );
    assert!(text.contains("breath"));
    scene.write_playbook(&text);
}

#[test]
fn nothing_is_written_by_a_run_whose_journal_is_gone() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    waits_first(&scene);
    let (before, serial) = (scene.zone(), scene.serial());
    for (what, blow) in BLOWS {
        let failover = scene.start(&["failover", "PLAYBOOK", "--yes"]);
        failover.wait_for("started by");
        blow(&scene.state());
        let stopped = failover.end();
        assert_eq!(stopped.code, Some(1), "{what}: {stopped}");
        let stopped = stopped.complains("the journal is not under the run any more");
        let stopped = stopped.complains("Nothing of this run stands");
        assert_eq!(
            (scene.zone(), scene.serial()),
            (before.clone(), serial),
            "{what}: {stopped}"
        );
        let _gone = std::fs::remove_dir_all(scene.state());
    }
}

#[test]
fn a_run_whose_journal_is_lost_behind_its_write_says_what_puts_it_back() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    for (what, blow) in BLOWS {
        let before = scene.zone();
        let drill = scene.drill_there();
        drill.wait_for("holding 10m");
        blow(&scene.state());
        drill.signal(Signal::TERM);
        let lost = drill.end();
        assert_eq!(lost.code, Some(6), "{what}: {lost}");
        let lost = lost
            .complains("the journal is not under the run any more")
            .complains("+ www.site.example. ")
            .complains("nsupdate");
        assert!(scene.leads_to(&scene.new), "{lost}");
        // Where the journal is somewhere else, the way back is still there; else it is typed by hand.
        let moved = scene.state().with_extension("moved");
        if *what == "moved" {
            let state = moved.display().to_string();
            scene
                .run(&["rollback", "--yes", "--state", &state])
                .exits(0);
            std::fs::remove_dir_all(moved).unwrap();
        } else {
            scene.run(&[
                "failover", "PLAYBOOK", "--yes", "--to", "old", "--state", "other",
            ]);
            let _gone = std::fs::remove_dir_all(scene.state());
        }
        assert!(scene.leads_to(&scene.old), "{what}: {before:?}");
    }
}
