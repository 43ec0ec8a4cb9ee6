//! What stays owed where a newer run goes over it, and what is said of places that a run never wrote.

use std::path::{Path, PathBuf};

use rustix::process::Signal;

use super::scene::{ARCHIVE, NEW, OLD, Plot, Scene, WWW};

/// A scene with a step behind the flip that writes a file; `more` is said of it.
pub fn with_file(more: &str, behind: &str) -> Option<(Scene, PathBuf, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "old").unwrap();
    let step = format!(
        "[[step]]\nid = \"file\"\nkind = \"command\"\non = \"local\"\nread = [\"cat\", {file:?}]\nwant = \"new\"\n\
         run = [\"tee\", {file:?}]\nundo = [\"tee\", {file:?}]\n{more}{behind}"
    );
    let plot = Plot {
        more: step,
        ..Plot::small()
    };
    Some((plot.scene()?, file, folder))
}

pub const PAUSE: &str = "[[step]]\nid = \"pause\"\nkind = \"wait\"\ntime = \"10m\"\n";

fn held(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap().trim().to_owned()
}

pub fn id(scene: &Scene) -> String {
    scene.newest_run()["run"].as_str().unwrap().to_owned()
}

#[test]
fn a_newer_run_of_the_same_direction_settles_no_fence() {
    let Some((scene, file, _folder)) = with_file("", "") else {
        return;
    };
    let fence = "`old` may come back while `new` is active";
    let emergency = ["failover", "PLAYBOOK", "--emergency", "--yes"];
    scene.run(&emergency).exits(0);
    scene.run(&["owed"]).exits(0).says(fence);
    std::fs::write(&file, "old").unwrap();
    let there = ["failover", "PLAYBOOK", "--to", "new", "--yes"];
    scene.run(&there).exits(0);
    // It moved no name, and looked at nothing of the side that was fled from.
    scene.run(&["owed"]).exits(0).says(fence);
}

#[test]
fn a_temporary_change_that_a_newer_run_went_over_is_owed_until_it_is_put_back() {
    let Some((scene, file, _folder)) = with_file("temporary = true\n", PAUSE) else {
        return;
    };
    // The names move after it.
    let text = scene.text();
    let (before, flip) = text.split_once("[[step]]\nid = \"flip\"").unwrap();
    let (flip, step) = flip.split_once("[[step]]\nid = \"file\"").unwrap();
    let (step, after) = step.split_once("[[step]]\nid = \"published\"").unwrap();
    let text = format!(
        "{before}[[step]]\nid = \"file\"{step}[[step]]\nid = \"flip\"{flip}[[step]]\nid = \"published\"{after}"
    );
    scene.write_playbook(&text);
    let run = scene.start(&["failover", "PLAYBOOK", "--yes"]);
    run.wait_for("waiting 10m");
    run.signal(Signal::KILL);
    run.end();
    let cut_off = id(&scene);
    assert_eq!(held(&file), "new");
    scene.write_playbook(&text.replace("\"10m\"", "\"100ms\""));
    scene.goes_in_an_emergency_to("new");
    assert_eq!(held(&file), "new");
    let told =
        format!("a newer run went over run {cut_off} (failover), and its temporary change `file`");
    let owed = scene.run(&["owed", "--format", "json"]).exits(0);
    owed.says(&told);
    let nagios = ["check", "PLAYBOOK", "--format", "nagios"];
    scene.run(&nagios).exits(1).says("temporary change `file`");
    std::fs::write(&file, "old").unwrap();
    let owed = scene.run(&["owed"]).exits(0);
    assert!(!owed.out.contains("temporary change"), "{owed}");
}

#[test]
fn a_run_that_moved_no_name_is_put_back_where_the_names_are() {
    let Some((scene, file, _folder)) = with_file("", "") else {
        return;
    };
    let before = scene.zone();
    let home = ["failover", "PLAYBOOK", "--to", "old", "--yes"];
    let done = scene.run(&home).exits(0);
    assert!(!done.out.contains("fail back"), "{done}");
    assert_eq!(held(&file), "new");
    scene
        .run(&["rollback", &id(&scene), "--dry-run"])
        .exits(0)
        .says("the names led to old before the run, too");
    let back = scene.run(&["rollback", &id(&scene), "--yes"]).exits(0);
    back.says("old serves, as before");
    assert_eq!(held(&file), "old");
    assert_eq!(scene.zone(), before);
    scene.run(&["owed"]).exits(0).says("nothing is owed");
}

#[test]
fn a_name_that_led_there_before_the_run_is_not_waited_for_on_the_way_back() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    let home = scene.zone();
    // Somebody moved one name by hand.
    let [v4, v6] = NEW;
    scene.update_zone(&format!(
        "update delete {WWW} A\nupdate add {WWW} 1 A {v4}\nupdate delete {WWW} AAAA\nupdate add {WWW} 1 AAAA {v6}\n"
    ));
    // What users reach by name is no question here.
    let text = scene.text();
    let (text, _) = text.split_once("[[step]]\nid = \"public\"").unwrap();
    scene.write_playbook(text);
    let mixed = scene.zone();
    assert_ne!(mixed, home);
    let there = ["failover", "PLAYBOOK", "--to", "new", "--yes"];
    scene.run(&there).exits(0);
    scene.run(&["rollback", &id(&scene), "--yes"]).exits(0);
    assert_eq!(scene.zone(), mixed);
}

#[test]
fn what_was_never_begun_and_is_not_as_before_is_no_undo() {
    let Some((scene, file, _folder)) = with_file("", "") else {
        return;
    };
    // The pause stands before the file: it is never begun.
    let text = scene.text();
    let (flip, rest) = text.split_once("[[step]]\nid = \"file\"").unwrap();
    scene.write_playbook(&format!("{flip}{PAUSE}[[step]]\nid = \"file\"{rest}"));
    let run = scene.start(&["failover", "PLAYBOOK", "--yes"]);
    run.wait_for("waiting 10m");
    run.signal(Signal::TERM);
    run.end().exits(7);
    std::fs::write(&file, "theirs").unwrap();
    let dry = scene.run(&["rollback", &id(&scene), "--dry-run"]).exits(4);
    dry.complains("`file` is not as before");
    let back = scene
        .run(&["rollback", &id(&scene), "--yes", "--anyway"])
        .exits(6);
    assert!(
        !back.out.contains("everything is as it was before"),
        "{back}"
    );
    back.says("not changed by this run, and not as before");
    assert_eq!(held(&file), "theirs");
    assert!(scene.leads_to(&scene.old), "{OLD:?}");
    std::fs::write(&file, "old").unwrap();
    scene.run(&["rollback", &id(&scene), "--yes"]).exits(0);
}

#[test]
fn two_customers_whose_playbooks_have_one_name_owe_each_for_himself() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    let text = scene.text();
    let block = |service: &str| {
        let (_, from) = text.split_once(&format!("[services.{service}]")).unwrap();
        let end = from.find("\n[").unwrap() + 1;
        let lines = &from[..end];
        format!("[services.{service}]{lines}")
    };
    let mut runs = Vec::new();
    for (file, other) in [("one.toml", "archive"), ("two.toml", "website")] {
        let mine = text.replace(&block(other), "");
        std::fs::write(scene.folder.path().join(file), mine).unwrap();
        scene
            .run(&["failover", file, "--emergency", "--yes"])
            .exits(0);
        runs.push(id(&scene));
    }
    let owed = |runs: &[String]| {
        for format in ["text", "json"] {
            let owed = scene.run(&["owed", "--format", format]).exits(0);
            let told = "`old` may come back while `new` is active";
            let json = format == "json";
            assert!(
                !json || owed.out.matches(told).count() == runs.len(),
                "{owed}"
            );
            for run in runs {
                assert!(!json || owed.out.contains(run.as_str()), "{owed}");
            }
        }
    };
    owed(&runs);
    // What one of them says of his own speaks for nobody else.
    let said = [
        "owed",
        "--stays",
        &runs[1],
        "fence old",
        "--reason",
        "it is off",
    ];
    scene.run(&said).exits(0);
    owed(&runs[..1]);
}

/// A scene whose last check reads a file, and waits so long until it says `fine`.
pub fn with_sign(within: &str) -> Option<(Scene, PathBuf, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let sign = folder.path().join("sign");
    std::fs::write(&sign, "fine").unwrap();
    let plot = Plot {
        more: format!(
            "[[step]]\nid = \"sign\"\nkind = \"command\"\non = \"local\"\nrun = [\"cat\", {sign:?}]\nlooks-only = true\n\
             expect = \"fine\"\nwithin = \"{within}\"\nevery = \"200ms\"\n"
        ),
        ..Plot::small()
    };
    Some((plot.scene()?, sign, folder))
}

#[test]
fn a_way_back_that_was_stopped_or_held_is_owed_until_it_is_ended() {
    for held in [false, true] {
        let Some((scene, sign, _folder)) = with_sign(if held { "1s" } else { "60s" }) else {
            return;
        };
        scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
        let run = id(&scene);
        std::fs::write(&sign, "broken").unwrap();
        let back = scene.start(&["rollback", &run, "--yes"]);
        if held {
            back.end().exits(6);
        } else {
            back.wait_for("put back");
            scene.wait_for_flip_to(&scene.old);
            back.signal(Signal::TERM);
            back.end().exits(7);
        }
        std::fs::write(&sign, "fine").unwrap();
        // All is seen as it was, and nobody has ended it.
        scene.run(&["owed"]).exits(0).says(&run);
        let nagios = ["check", "PLAYBOOK", "--format", "nagios"];
        scene.run(&nagios).exits(1).says("unfinished_runs=1");
        scene.run(&["resume", &run, "--yes"]).exits(5);
        scene.run(&["owed"]).exits(0).says("nothing is owed");
    }
}

/// A run that put everything back, and waits for a check that fails since.
fn held_on_its_way_back() -> Option<(Scene, PathBuf, tempfile::TempDir)> {
    let (scene, sign, folder) = with_sign("1s")?;
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    std::fs::write(&sign, "broken").unwrap();
    scene.run(&["rollback", &id(&scene), "--yes"]).exits(6);
    Some((scene, sign, folder))
}

#[test]
fn what_was_put_back_and_leads_there_again_is_no_rest() {
    let Some((scene, sign, _folder)) = held_on_its_way_back() else {
        return;
    };
    let run = id(&scene);
    let nagios = ["check", "PLAYBOOK", "--format", "nagios"];
    scene.run(&nagios).says("nothing stands");
    // The server had an old copy, or somebody led the names there once more.
    let [v4, v6] = NEW;
    let there: String = ([WWW, ARCHIVE].iter())
        .map(|name| {
            format!(
                "update delete {name} A\nupdate add {name} 1 A {v4}\nupdate delete {name} AAAA\nupdate add {name} 1 AAAA {v6}\n"
            )
        })
        .collect();
    scene.update_zone(&there);
    std::fs::write(&sign, "fine").unwrap();
    let told = "as the run wrote it, now";
    let owed = scene.run(&["owed", "--format", "json"]).exits(0);
    owed.says("all was put back, and").says(told);
    scene.run(&nagios).exits(2).says(told).says("leads home");
    let shown = scene.run(&["rollback", &run, "--dry-run"]).exits(4);
    let shown = shown.says("what was written on new since");
    shown.complains("it holds the new value");
    // What leads home ends it.
    let home = ["failover", "PLAYBOOK", "--to", "old", "--yes"];
    scene.run(&home).exits(0);
    scene.run(&["owed"]).exits(0).says("nothing is owed");
}

#[test]
fn what_was_accepted_on_the_way_back_is_a_warning_until_it_is_seen() {
    let Some((scene, sign, _folder)) = held_on_its_way_back() else {
        return;
    };
    let run = id(&scene);
    scene.run(&["resume", &run, "--accept", "--yes"]).exits(6);
    scene
        .run(&["owed"])
        .exits(0)
        .says("`sign` is not as before");
    let nagios = ["check", "PLAYBOOK", "--format", "nagios"];
    let told = scene.run(&nagios).exits(2);
    told.says("not all is seen as it was before since: `sign`");
    std::fs::write(&sign, "fine").unwrap();
    scene.run(&["owed"]).exits(0).says("nothing is owed");
    scene.run(&nagios).exits(0);
}

#[test]
fn who_stays_where_a_check_failed_is_critical_until_it_is_seen_to_pass() {
    let Some((scene, sign, _folder)) = with_sign("1s") else {
        return;
    };
    let text = scene.text();
    let warns = text.replace(
        "expect = \"fine\"\n",
        "expect = \"fine\"\non-fail = \"warn\"\n",
    );
    scene.write_playbook(&warns);
    std::fs::write(&sign, "broken").unwrap();
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(9);
    let run = id(&scene);
    scene.run(&["owed"]).exits(0).says("`sign` failed");
    let nagios = ["check", "PLAYBOOK", "--format", "nagios"];
    let told = scene.run(&nagios).exits(2);
    told.says(&format!(
        "run {run} (failover) stays at new, where `sign` failed and is not seen to pass since"
    ));
    std::fs::write(&sign, "fine").unwrap();
    scene.run(&nagios).exits(0).says("unfinished_runs=0");
    scene.run(&["owed"]).exits(0).says("nothing is owed");
}
