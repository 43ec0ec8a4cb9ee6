//! What is so already when a run begins, and is changed by somebody while its last checks wait.

use std::path::PathBuf;

use super::forgotten::plain;
use super::over::{id, with_sign};
use super::scene::{NEW, Scene, WWW};

const ELSEWHERE: &str = "192.0.2.77";

fn www_leads_to(scene: &Scene, v4: &str, v6: &str) {
    scene.update_zone(&format!(
        "update delete {WWW} A\nupdate add {WWW} 1 A {v4}\nupdate delete {WWW} AAAA\nupdate add {WWW} 1 AAAA {v6}\n"
    ));
}

/// One name leads to the target already; nobody but the last check, which waits for its sign, looks at the names.
fn mixed(within: &str) -> Option<(Scene, PathBuf, tempfile::TempDir)> {
    let (scene, sign, folder) = with_sign(within)?;
    let text = scene.text();
    let (text, _) = text.split_once("[[step]]\nid = \"published\"").unwrap();
    scene.write_playbook(&format!("{text}on-fail = \"hold\"\n"));
    let [v4, v6] = NEW;
    www_leads_to(&scene, v4, v6);
    Some((scene, sign, folder))
}

const THERE: [&str; 5] = ["failover", "PLAYBOOK", "--to", "new", "--yes"];

#[test]
fn a_name_that_led_there_already_and_is_moved_away_while_the_last_checks_wait_holds_the_run() {
    let Some((scene, sign, _folder)) = mixed("60s") else {
        return;
    };
    std::fs::write(&sign, "not yet").unwrap();
    let run = scene.start(&THERE);
    run.wait_for("and seen so");
    // The last check looks, and waits.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let [_, v6] = NEW;
    www_leads_to(&scene, ELSEWHERE, v6);
    std::fs::write(&sign, "fine").unwrap();
    let held = run.end().exits(6);
    let held = held.says("/as-found/").says(ELSEWHERE);
    // No yes over a name that leads elsewhere, and no site that is said to be active.
    let moves = (held.out.lines()).find(|line| line.starts_with("Does every service move?"));
    assert!(moves.is_some_and(|line| !line.contains(" yes: ")), "{held}");
    let differs = "was so already, and is something else now";
    let nagios = ["check", "PLAYBOOK", "--to", "new", "--format", "nagios"];
    for (told, code) in [(scene.run(&["owed"]), 0), (scene.run(&nagios), 2)] {
        let told = told.exits(code);
        assert!(plain(&told.out).contains(differs), "{told}");
        assert!(!told.out.contains("is active"), "{told}");
    }
    // What is proposed is not refused.
    let run = id(&scene);
    let anyway = format!("cutover rollback {run} --anyway");
    held.says(&anyway);
    scene.run(&["owed", "--format", "json"]).says(&anyway);
    // What was shown can be accepted, and is owed.
    let accepted = scene.run(&["resume", &run, "--accept", "--yes"]).exits(9);
    accepted.says("was left as it is");
    let left = "/as-found/";
    scene.run(&["owed"]).exits(0).says(left);
    www_leads_to(&scene, NEW[0], v6);
    let owed = scene.run(&["owed"]).exits(0);
    assert!(!owed.out.contains(left), "{owed}");
    www_leads_to(&scene, ELSEWHERE, v6);
    // Nobody puts it back, and nobody says that it is as before.
    let dry = scene.run(&["rollback", &run, "--dry-run"]).exits(4);
    let dry = dry.says("was left to others: the run ends with 6");
    dry.complains("and end with 6: ").complains(left);
    let back = scene.run(&["rollback", &run, "--yes"]).exits(6);
    let back = back.says("was left to others: the run ends with 6");
    assert!(!back.out.contains("where it led before"), "{back}");
}

#[test]
fn what_was_accepted_of_a_check_and_then_of_such_a_name_ends_the_run() {
    let Some((scene, sign, _folder)) = mixed("1s") else {
        return;
    };
    std::fs::write(&sign, "not yet").unwrap();
    scene.run(&THERE).exits(6).says("sign");
    let [_, v6] = NEW;
    www_leads_to(&scene, ELSEWHERE, v6);
    let run = id(&scene);
    let accept = ["resume", &run, "--accept", "--yes"];
    // The check is accepted, and behind it the name is asked of; then nothing is left to ask.
    scene.run(&accept).exits(6).says("/as-found/");
    scene.run(&accept).exits(9).says("was left as it is");
}

#[test]
fn a_name_that_led_there_already_and_is_moved_away_behind_the_way_back_is_no_undo() {
    let Some((scene, sign, _folder)) = mixed("60s") else {
        return;
    };
    scene.run(&THERE).exits(0);
    let run = id(&scene);
    let dry = ["rollback", &run, "--dry-run"];
    scene.run(&dry).exits(0);
    std::fs::write(&sign, "not yet").unwrap();
    let back = scene.start(&["rollback", &run, "--yes"]);
    back.wait_for("and seen so");
    std::thread::sleep(std::time::Duration::from_secs(2));
    let [v4, v6] = NEW;
    www_leads_to(&scene, ELSEWHERE, v6);
    std::fs::write(&sign, "fine").unwrap();
    let held = back.end().exits(6);
    let held = held.says("/as-found/");
    assert!(!held.out.contains("where it led before"), "{held}");
    // Once it leads there again, the way back is ended.
    www_leads_to(&scene, v4, v6);
    scene.run(&["resume", &run, "--yes"]).exits(5);
}

#[test]
fn a_rollback_asks_beforehand_what_it_says_at_its_end() {
    let Some((scene, _sign, _folder)) = mixed("60s") else {
        return;
    };
    scene.run(&THERE).exits(0);
    let run = id(&scene);
    let [_, v6] = NEW;
    www_leads_to(&scene, ELSEWHERE, v6);
    let there = scene.zone();
    for how in ["--dry-run", "--yes"] {
        let told = scene.run(&["rollback", &run, how]).exits(4);
        told.complains("is not as before: somebody else wrote there");
        assert_eq!(scene.zone(), there, "{how}");
    }
}
