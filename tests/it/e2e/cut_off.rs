//! Runs that are killed, stopped, or met by another one.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::scene::{Plot, Scene};
use crate::lab::relay::{Fate, Relay};
use crate::lab::{READY, wait_until};

#[test]
fn a_killed_drill_is_finished_by_a_resume() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    let before = scene.zone();
    let drill = scene.drill_there();
    drill.signal(Signal::KILL);
    let killed = drill.end();
    assert_eq!(killed.code, None, "{killed}");
    let run = scene.newest_run();
    assert_eq!(run["ending"], serde_json::Value::Null);
    assert_eq!(run["alive"], false);
    // A new run would take the middle of the old one for the state to come back to.
    let refused = scene
        .run(&["failover", "PLAYBOOK", "--yes", "--to", "new"])
        .exits(8);
    refused
        .complains(run["run"].as_str().unwrap())
        .complains("cutover resume");

    // So would one of another playbook that changes the same.
    let other = scene
        .text()
        .replacen("name = \"site\"", "name = \"other\"", 1);
    std::fs::write(scene.folder.path().join("other.toml"), other).unwrap();
    let refused = scene
        .run(&["failover", "other.toml", "--yes", "--to", "old"])
        .exits(8);
    refused
        .complains(run["run"].as_str().unwrap())
        .complains("of the playbook `site`, which changes the same,");

    // What only looks says the same of it.
    let run = run["run"].as_str().unwrap();
    let what = format!("a failover would be refused: run `{run}` of the playbook `site`");
    let told = scene.run(&["check", "other.toml"]).exits(8);
    told.complains(&what).says("another run is not finished");
    let told = scene.run(&["check", "other.toml", "--format", "nagios"]);
    told.exits(1).says(&what);

    // It is finished as it was planned, whatever the file says by now.
    scene.write_playbook("this is no playbook any more");
    let resumed = scene.run(&["resume", "--yes"]).exits(0);
    let resumed = resumed
        .says("resumed by ops@")
        .says("drill of site: done, and seen so");
    assert_eq!(scene.zone(), before, "{resumed}");
    scene.run(&["resume"]).exits(2);
}

#[test]
fn a_killed_drill_is_put_back_by_a_rollback() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let before = scene.zone();
    let drill = scene.drill_there();
    drill.signal(Signal::KILL);
    drill.end();
    let back = scene
        .run(&["rollback", "--yes"])
        .exits(0)
        .says("old serves, as before");
    assert_eq!(scene.zone(), before, "{back}");
    assert_eq!(scene.newest_run()["ending"], "undone");
}

#[test]
fn a_stopped_drill_says_how_to_go_on() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let before = scene.zone();
    let drill = scene.drill_there();
    drill.wait_for("holding 10m");
    drill.signal(Signal::TERM);
    let stopped = drill.end().exits(7);
    let stopped = stopped.says("the change stands");
    let id = scene.newest_run()["run"].as_str().unwrap().to_owned();
    let stopped = stopped.says(&format!("cutover resume {id}"));
    let stopped = stopped.says(&format!("cutover rollback {id}"));
    assert!(scene.leads_to(&scene.new), "{stopped}");
    scene.run(&["rollback", &id, "--yes"]).exits(0);
    assert_eq!(scene.zone(), before);
}

#[test]
fn a_lost_terminal_stops_nothing_and_a_second_request_waits_for_nothing() {
    let Some(mut scene) = Plot::staying().scene() else {
        return;
    };
    let before = scene.zone();
    let drill = scene.drill_there();
    drill.wait_for("holding 10m");
    drill.signal(Signal::HUP);
    // It is still there to take a message, from whoever names it.
    let id = scene.newest_run()["run"].as_str().unwrap().to_owned();
    scene
        .run(&["rollback", "--yes"])
        .exits(2)
        .complains("is alive (pid ")
        .complains(&format!("`cutover rollback {id}`"));
    scene
        .run(&["rollback", &id])
        .exits(2)
        .complains("say `--yes`");
    scene
        .run(&["rollback", &id, "--yes"])
        .exits(8)
        .complains("was told to put everything back");
    drill.end().exits(5);
    assert_eq!(scene.zone(), before);

    let _relay = says_nothing_to_an_update(&mut scene);
    once_in_time(|| {
        let drill = scene.drill_there();
        let begun = Instant::now();
        drill.signal(Signal::TERM);
        drill.wait_for("under way is finished first");
        drill.signal(Signal::INT);
        let stopped = drill.end().exits(7);
        let took = begun.elapsed();
        scene.run(&["rollback", "--yes"]).exits(0);
        assert_eq!(scene.zone(), before, "{stopped}");
        stopped.err.contains("stopping now") && took < Duration::from_secs(40)
    });
}

/// A write whose answer is missing is waited for some seconds only, and a busy machine may let them pass before
/// the next request comes: then it is tried again.
fn once_in_time(attempt: impl FnMut() -> bool) {
    let came = std::iter::repeat_with(attempt).take(5).any(|came| came);
    assert!(came, "no request was answered as it should");
}

/// Puts something before the name server that takes an update and swallows the answer: the write has happened,
/// and is waited for.
fn says_nothing_to_an_update(scene: &mut Scene) -> Relay {
    let super::scene::Dns::Bind(primary, _) = &scene.dns else {
        unreachable!("the scene has BIND");
    };
    let is_update = |piece: &[u8]| piece.get(4).is_some_and(|flags| flags & 0x78 == 5 << 3);
    let relay = Relay::start(primary.v6, is_update, Fate::Silence);
    scene.provider_at = relay.at;
    scene.write_playbook(&scene.text().replace(
        "ttl = \"1s\"\ntimeout = \"20s\"",
        "ttl = \"1s\"\ntimeout = \"60s\"",
    ));
    relay
}

#[test]
fn a_third_request_leaves_at_once() {
    let Some(mut scene) = Plot::staying().scene() else {
        return;
    };
    let before = scene.zone();
    let _relay = says_nothing_to_an_update(&mut scene);
    once_in_time(|| {
        let mut drill = scene.drill_there();
        drill.signal(Signal::TERM);
        drill.wait_for("under way is finished first");
        drill.signal(Signal::TERM);
        wait_until("stopping now, or ended with the write", READY, || {
            (drill.said().contains("stopping now") || drill.has_ended()).then_some(())
        });
        let asked = Instant::now();
        drill.signal(Signal::TERM);
        let left = drill.end().exits(7);
        let took = asked.elapsed();
        let at_once = left.err.contains("left at once") && took < Duration::from_secs(10);
        if at_once {
            assert_eq!(scene.newest_run()["ending"], serde_json::Value::Null);
        }
        scene.run(&["rollback", "--yes"]).exits(0);
        assert_eq!(scene.zone(), before, "{left}");
        at_once
    });
}

#[test]
fn a_write_that_was_in_flight_at_a_kill_is_settled_by_the_resume() {
    let Some(mut scene) = Plot::small().scene() else {
        return;
    };
    let before = scene.zone();
    let _relay = says_nothing_to_an_update(&mut scene);
    let drill = scene.drill_there();
    drill.signal(Signal::KILL);
    drill.end();
    let shown = scene.run(&["show", "--format", "json"]).exits(0);
    let last = shown.out.lines().last().unwrap();
    assert!(last.contains("\"is\":\"intended\""), "{last}");
    let resumed = scene.run(&["resume", "--yes"]).exits(0);
    let resumed = resumed.says("changed 4 record sets, and seen so");
    assert_eq!(scene.zone(), before, "{resumed}");
}

#[test]
fn two_runs_at_once_are_one_too_many() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let before = scene.zone();
    let drill = scene.drill_there();
    drill.wait_for("holding 10m");
    let id = scene.newest_run()["run"].as_str().unwrap().to_owned();
    assert_eq!(scene.newest_run()["alive"], true);
    let serial = scene.serial();
    let second = scene
        .run(&["failover", "PLAYBOOK", "--yes", "--to", "old"])
        .exits(8);
    // It is nobody's to resume or to roll back from here.
    let second = second.complains(&format!("`{id}` of this playbook is alive (pid "));
    let second = second.complains(&format!("follow it with `cutover show --follow {id}`"));
    assert_eq!(scene.serial(), serial, "{second}");
    // Whoever looks only is free to do so, and ends as a failover would.
    let plan = scene.run(&["plan", "PLAYBOOK", "--to", "old"]).exits(8);
    plan.says("a failover would be refused");

    // Whether its old side serves is looked at as for one that has ended.
    (scene.run(&["rollback", &id, "--dry-run"]).exits(0)).says("old side: ");
    // One that does not run hears nothing, and that is said.
    drill.signal(Signal::STOP);
    let cont = scene.run(&["owed"]).exits(0);
    cont.says("does not run").says("kill -CONT");
    drill.signal(Signal::CONT);

    // A rollback of a run that is alive is a message to it.
    scene
        .run(&["rollback", &id, "--yes"])
        .exits(8)
        .complains("was told to put everything back");
    let undone = drill
        .end()
        .exits(5)
        .says("at another terminal decided to go back");
    assert_eq!(scene.zone(), before, "{undone}");
}

#[test]
fn a_follower_sees_a_run_to_its_end() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let drill = scene.drill_there();
    drill.wait_for("holding 10m");
    let follower = scene.start(&["show", "--follow"]);
    follower.wait_for("holding 10m");
    let id = scene.newest_run()["run"].as_str().unwrap().to_owned();
    scene.run(&["rollback", &id, "--yes"]).exits(8);
    let drilled = drill.end().exits(5);
    let followed = follower.end().exits(0);
    assert_eq!(
        super::drill::story(&followed.out),
        super::drill::story(&drilled.out),
        "{followed}\n{drilled}"
    );
}
