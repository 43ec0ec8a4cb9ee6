//! What runs leave to be done, and what settles it.

use std::collections::BTreeMap;

use rustix::process::Signal;

use super::scene::{NEW, OLD, Plot, WWW};

/// What sets the whole zone to this.
pub fn all_of(zone: &BTreeMap<String, Vec<String>>) -> String {
    let mut updates = String::new();
    for (key, lines) in zone.iter().filter(|(_, lines)| !lines.is_empty()) {
        let (name, rtype) = key.split_once(' ').unwrap();
        updates += &format!("update delete {name} {rtype}\n");
        for line in lines {
            let (ttl, data) = line.split_once(' ').unwrap();
            updates += &format!("update add {name} {ttl} {rtype} {data}\n");
        }
    }
    updates
}

#[test]
fn a_failback_that_did_not_end_well_settles_nothing() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    let home = scene.zone();
    let fence = "`old` may come back while `new` is active";
    scene
        .run(&["failover", "PLAYBOOK", "--emergency", "--yes"])
        .exits(0);
    scene.run(&["owed"]).exits(0).says(fence);
    // What was settled by somebody else is seen to be.
    let there = scene.zone();
    scene.update_zone(&all_of(&home));
    let owed = scene.run(&["owed"]).exits(0);
    assert!(!owed.out.contains(fence), "{owed}");
    scene.update_zone(&all_of(&there));
    scene.run(&["owed"]).exits(0).says(fence);
    scene
        .run(&["failover", "PLAYBOOK", "--to", "old", "--yes"])
        .exits(0);
    let owed = scene.run(&["owed"]).exits(0);
    assert!(!owed.out.contains(fence), "{owed}");
    // All but what somebody else wrote goes back to `new`, and the run is held.
    let id = scene.newest_run()["run"].as_str().unwrap().to_owned();
    scene.somebody_else_writes("203.0.113.77");
    let back = ["rollback", &id, "--yes", "--anyway"];
    let done = scene.run(&back).exits(6);
    let owed = scene.run(&["owed"]).exits(0);
    assert!(
        scene.leads_to(&scene.new) || !scene.leads_to(&scene.old),
        "{done}"
    );
    owed.says(fence)
        .says("was left as it is: somebody else wrote there");
}

#[test]
fn what_is_left_to_others_is_owed_also_where_the_run_is_killed_before_its_end() {
    let Some(mut scene) = Plot::small().scene() else {
        return;
    };
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    let id = scene.newest_run()["run"].as_str().unwrap().to_owned();
    let [new, _] = NEW;
    scene.update_zone(&format!(
        "update delete {WWW} A\nupdate add {WWW} 60 A {new}\n"
    ));
    // The last look waits for the old side to serve.
    scene.old.web.take();
    let back = scene.start(&["rollback", &id, "--yes", "--anyway"]);
    back.wait_for("and seen so");
    back.signal(Signal::KILL);
    back.end();
    let told = "with another TTL that somebody gave it";
    let owed = scene.run(&["owed", "--format", "json"]).exits(0).says(told);
    owed.says(&format!("run {id} (failover) was cut off"));
    let nagios = ["check", "PLAYBOOK", "--format", "nagios"];
    scene.run(&nagios).says(told).says("unfinished_runs=1");
}

#[test]
fn a_run_that_a_newer_one_went_over_is_not_put_back_beside_it() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let cut_off = scene.killed_there();
    scene.update_zone(&format!(
        "update delete {WWW} A\nupdate add {WWW} 300 A {}\n",
        OLD[0]
    ));
    scene.goes_in_an_emergency_to("new");
    let newer = scene.newest_run()["run"].as_str().unwrap().to_owned();
    let owed = scene.run(&["owed"]).exits(0);
    assert!(!owed.out.contains(&cut_off), "{owed}");
    let nagios = ["check", "PLAYBOOK", "--format", "nagios"];
    scene.run(&nagios).says("unfinished_runs=0");
    // It stops no other run, which it did as long as it was open.
    let plan = scene.run(&["plan", "PLAYBOOK", "--to", "old"]).exits(0);
    assert!(!plan.out.contains(&cut_off), "{plan}");
    let there = scene.zone();
    for verb in [
        &["rollback", &cut_off, "--dry-run"][..],
        &["rollback", &cut_off, "--yes"],
        &["resume", &cut_off, "--yes"],
    ] {
        let refused = scene.run(verb).exits(4);
        refused.complains(&format!(
            "run `{newer}` went over what run `{cut_off}` wrote"
        ));
        assert_eq!(scene.zone(), there);
    }
}

#[test]
fn what_shall_stay_so_is_asked_about_no_more() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    let id = scene.newest_run()["run"].as_str().unwrap().to_owned();
    scene.somebody_else_writes("203.0.113.77");
    let back = ["rollback", &id, "--yes", "--anyway"];
    scene.run(&back).exits(6);
    let nagios = ["check", "PLAYBOOK", "--format", "nagios"];
    scene.run(&nagios).says("unfinished_runs=1");
    let words = format!("cutover owed --stays {id} 'look at flip' --reason WHY");
    let owed = scene.run(&["owed"]).exits(0);
    owed.says("was left as it is: somebody else wrote there")
        .says(&words);
    // Only what is owed, and not without a reason.
    let says = |what: &str, reason: &str| {
        let reason = ["owed", "--stays", &id, what, "--reason", reason];
        scene.run(&reason)
    };
    says("flip", "it is theirs")
        .exits(2)
        .complains("it owes `look at flip`");
    says("look at flip", " ")
        .exits(2)
        .complains("`--reason` is empty");
    let (serial, told) = (scene.serial(), "it is the other team's now");
    says("look at flip", told)
        .exits(0)
        .complains("cutover owed --all");
    assert_eq!(scene.serial(), serial);
    let owed = scene.run(&["owed"]).exits(0);
    assert!(!owed.out.contains(&id), "{owed}");
    scene.run(&nagios).says("unfinished_runs=0");
    scene
        .run(&["owed", "--all"])
        .exits(0)
        .says("said that it shall stay so")
        .says(told);
    let json = scene.run(&["owed", "--all", "--format", "json"]).exits(0);
    json.says(&format!("\"reason\":\"{told}\""));
    let show = scene
        .run(&["show", &id])
        .exits(0)
        .says("held, a person must look");
    show.says("Owed     nothing by this run")
        .says("Stays so")
        .says(told);
    let runs = scene.run(&["runs"]).exits(0);
    assert!(!runs.out.contains("owed"), "{runs}");
    says("look at flip", told).exits(2).complains("already");
    // What is written there later was not meant.
    scene.somebody_else_writes("203.0.113.78");
    let again = scene.run(&["owed"]).exits(0);
    again.says("it holds something else");
    scene.run(&nagios).says("unfinished_runs=1");
    says("look at flip", "theirs too").exits(0);
    let owed = scene.run(&["owed"]).exits(0);
    assert!(!owed.out.contains(&id), "{owed}");
}

#[test]
fn what_is_over_is_not_gone_on_with() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    scene.run(&["drill", "PLAYBOOK", "--yes"]).exits(0);
    let over = scene.newest_run()["run"].as_str().unwrap().to_owned();
    let resumed = scene.run(&["resume", &over, "--yes"]).exits(4);
    let resumed = resumed.complains("is over: done, and seen so; nothing was looked at now");
    assert!(!resumed.out.contains("serves"), "{resumed}");
}

#[test]
fn the_same_line_typed_again_does_not_turn_round() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let cut_off = scene.killed_there();
    let there = scene.zone();
    for verb in [
        &["failover", "PLAYBOOK", "--emergency", "--yes"][..],
        &["plan", "PLAYBOOK", "--emergency"],
    ] {
        let refused = scene.run(verb).exits(8);
        refused.complains(&format!(
            "run `{cut_off}` of this playbook led to new and has not come to an end"
        ));
        assert_eq!(scene.zone(), there);
    }
    scene.goes_in_an_emergency_to("old");
    assert!(scene.leads_to(&scene.old));
    // Nor where the emergency came to its end.
    for verb in [
        &["failover", "PLAYBOOK", "--emergency", "--yes"][..],
        &["plan", "PLAYBOOK", "--emergency"],
    ] {
        scene
            .run(verb)
            .exits(8)
            .complains("left new in an emergency, and this would lead back there");
        assert!(scene.leads_to(&scene.old));
    }
}
