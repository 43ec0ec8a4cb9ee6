//! A drill that remains at the other side, as a person decided.

use std::path::Path;

use rustix::process::Signal;

use super::program::Done;
use super::scene::{Plot, Scene};
use super::terminal::{NAME, answer};

const NAGIOS: [&str; 4] = ["check", "PLAYBOOK", "--format", "nagios"];

/// A drill that was stopped on the other side, and its id.
fn stopped_there(scene: &Scene) -> String {
    let drill = scene.drill_there();
    drill.wait_for("holding 10m");
    drill.signal(Signal::TERM);
    drill.end().exits(7);
    scene.newest_run()["run"].as_str().unwrap().to_owned()
}

#[test]
fn a_drill_that_remains_is_a_warning_until_it_is_settled() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let run = stopped_there(&scene);
    scene.run(&["resume", &run, "--stay", "--yes"]).exits(9);
    let words = "the drill remains at `new`, and did not come back to `old`";
    let back = format!("`cutover rollback {run}`");
    scene.run(&["owed"]).exits(0).says(words).says(&back);
    let told = scene.run(&NAGIOS).exits(1).says("CUTOVER WARNING");
    let told = told.says(words).says(&back);
    told.says(&format!("`cutover owed --stays {run} 'return old'"));
    // It is over, and came not back.
    scene
        .run(&["resume", &run, "--yes"])
        .exits(4)
        .complains("is over: remains at new, nothing was put back");
    // Somebody says that it shall stay so.
    let stays = [
        "owed",
        "--stays",
        &run,
        "return old",
        "--reason",
        "for good",
    ];
    scene.run(&stays).exits(0);
    scene.run(&NAGIOS).exits(0).says("CUTOVER OK");
    scene.run(&["owed"]).exits(0).says("nothing is owed");
    // Whoever names no run means it: it is the newest, and has something to put back.
    scene.run(&["rollback", "--yes"]).exits(0);
    assert!(scene.leads_to(&scene.old));
    scene.run(&NAGIOS).exits(0);
}

/// What is said of a drill that remains where it is, and where the names lead.
fn remained(scene: &Scene, done: Done) {
    let done = done.exits(9);
    assert!(!done.out.contains("put back 4 record sets"), "{done}");
    assert!(scene.leads_to(&scene.new), "{done}");
    let words = "the drill remains at `new`, and did not come back to `old`";
    scene.run(&["owed"]).exits(0).says(words);
}

#[test]
fn a_living_drill_in_its_hold_remains_by_a_word_from_elsewhere() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let drill = scene.drill_there();
    drill.wait_for("holding 10m");
    let run = scene.newest_run()["run"].as_str().unwrap().to_owned();
    let stay = ["resume", &run, "--stay", "--yes"];
    let told = "told to remain where it is; it hears it at once";
    scene.run(&stay).exits(8).complains(told);
    remained(&scene, drill.end());
}

#[test]
fn a_living_drill_that_has_not_come_to_its_hold_is_told_nothing() {
    let plot = Plot {
        more: "[[step]]\nid = \"pause\"\nkind = \"wait\"\ntime = \"10m\"\n".to_owned(),
        ..Plot::small()
    };
    let Some(scene) = plot.scene() else {
        return;
    };
    let drill = scene.drill_there();
    drill.wait_for("waiting 10m");
    let run = scene.newest_run()["run"].as_str().unwrap().to_owned();
    let refused = "was told nothing: only a drill that has come to its hold";
    let stay = ["resume", &run, "--stay", "--yes"];
    scene.run(&stay).exits(8).complains(refused);
    scene.run(&["rollback", &run, "--yes"]).exits(8);
    drill.end().exits(5);
}

#[test]
fn a_drill_in_its_hold_remains_by_a_word_at_its_terminal() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let mut drill = scene.start_on_terminal(&["drill", "PLAYBOOK"], &[]);
    answer(&mut drill, NAME, "site\n");
    answer(&mut drill, "`stay` lets it remain", "stay\n");
    remained(&scene, drill.end());
}

#[test]
fn a_living_drill_that_looks_whether_it_can_come_back_remains_by_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let sign = folder.path().join("sign");
    std::fs::write(&sign, "fine").unwrap();
    let plot = Plot {
        hold: "2s",
        ..Plot::small()
    };
    let Some(scene) = plot.scene() else {
        return;
    };
    let gate = format!(
        "[[step]]\nid = \"sign\"\nkind = \"command\"\non = \"local\"\nrun = [\"cat\", {sign:?}]\nlooks-only = true\n\
         expect = \"fine\"\nwithin = \"60s\"\nevery = \"200ms\"\n[[step]]\nid = \"flip\""
    );
    let text = scene.text().replace("[[step]]\nid = \"flip\"", &gate);
    scene.write_playbook(&text);
    let drill = scene.start(&["drill", "PLAYBOOK", "--yes"]);
    scene.wait_for_flip_to(&scene.new);
    let run = scene.newest_run()["run"].as_str().unwrap().to_owned();
    let stay = ["resume", &run, "--stay", "--yes"];
    std::fs::write(&sign, "broken").unwrap();
    drill.wait_for("the way back to old began");
    scene.run(&stay).exits(8).complains("remain where it is");
    remained(&scene, drill.end());
}

#[test]
fn names_that_were_led_back_settle_a_drill_that_remains() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let run = stopped_there(&scene);
    scene.run(&["resume", &run, "--stay", "--yes"]).exits(9);
    scene.run(&NAGIOS).exits(1);
    let home = ["failover", "PLAYBOOK", "--to", "old", "--yes"];
    scene.run(&home).exits(0);
    scene.run(&NAGIOS).exits(0);
    scene.run(&["owed"]).exits(0).says("nothing is owed");
}

/// A drill that stays, and writes a file too.
fn writing(file: &Path) -> Plot {
    Plot {
        more: format!(
            "[[step]]\nid = \"file\"\nkind = \"command\"\non = \"local\"\nread = [\"cat\", {file:?}]\nwant = \"new\"\n\
             run = [\"tee\", {file:?}]\nundo = [\"tee\", {file:?}]\n"
        ),
        ..Plot::staying()
    }
}

#[test]
fn what_a_drill_that_remains_left_to_others_is_to_be_as_planned() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "old").unwrap();
    let Some(scene) = writing(&file).scene() else {
        return;
    };
    let run = stopped_there(&scene);
    std::fs::write(&file, "other").unwrap();
    scene.run(&["resume", &run, "--stay", "--yes"]).exits(6);
    scene.run(&["resume", &run, "--accept", "--yes"]).exits(9);
    let left = "`file` was left as it is";
    // What the other side needs settles it, and not what was there before the drill.
    for (value, settled) in [("other", false), ("old", false), ("new", true)] {
        std::fs::write(&file, value).unwrap();
        let owed = scene.run(&["owed"]).exits(0);
        assert_eq!(!owed.out.contains(left), settled, "{value}: {owed}");
        let told = scene.run(&NAGIOS).exits(1).says("the drill remains at");
        let open = told.out.contains("left `file` to others, not as planned");
        assert_eq!(!open, settled, "{value}: {told}");
        assert!(!told.out.contains("not as before"), "{told}");
        told.says("unfinished_runs=1");
    }
}

#[test]
fn names_that_were_led_back_by_hand_settle_nothing_else_of_a_drill_that_remains() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "old").unwrap();
    let Some(scene) = writing(&file).scene() else {
        return;
    };
    let home = scene.zone();
    let run = stopped_there(&scene);
    scene.run(&["resume", &run, "--stay", "--yes"]).exits(9);
    scene.update_zone(&super::debts::all_of(&home));
    let words = "the names lead there again, and `file` is not seen to be put back";
    let owed = scene.run(&["owed", "--format", "json"]).exits(0);
    owed.says(words);
    scene.run(&NAGIOS).exits(1).says(words);
    std::fs::write(&file, "old").unwrap();
    scene.run(&["owed"]).exits(0).says("nothing is owed");
    scene.run(&NAGIOS).exits(0);
}
