//! Runs that go well.

use super::scene::{Plot, Servers};

/// The lines of a run without its times of day, up to its end.
pub fn story(text: &str) -> String {
    text.lines()
        .filter(|line| line.get(8..9) == Some("Z"))
        .map(|line| &line[9..])
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_drill_goes_there_and_comes_back() {
    let Some(scene) = Plot::full().scene() else {
        return;
    };
    let before = scene.zone();
    let serial = scene.serial();
    let done = scene.run(&["drill", "PLAYBOOK", "--yes"]).exits(0);
    assert_eq!(scene.zone(), before, "{done}");
    assert!(scene.serial() > serial, "something was written: {done}");
    let done = done
        .complains_of_nothing()
        .says("drill of site: done, and seen so")
        .says("Is the target up to date, and does it work?  yes")
        .says("Is it fast enough for the load?              not proven: no load step")
        .says("Does every service move?                     yes: published, public and traffic")
        .says("old serves again; 1 change made, seen, and put back")
        .says("Owed     nothing by this run");

    let run = scene.newest_run();
    assert_eq!(run["mode"], "drill");
    assert_eq!(run["ending"], "done");
    assert_eq!(run["alive"], false);
    let id = run["run"].as_str().unwrap();
    let shown = scene.run(&["show", id]).exits(0).complains_of_nothing();
    assert_eq!(story(&shown.out), story(&done.out), "{shown}\n{done}");
    scene.run(&["runs"]).exits(0).says(id).says("drill");
    scene.run(&["owed"]).exits(0).says("nothing");
}

#[test]
fn a_failover_stays_and_a_rollback_puts_it_back() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    let before = scene.zone();
    let done = scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    let done = done
        .says("new serves; 1 change made and seen")
        .says("cutover rollback");
    assert!(scene.leads_to(&scene.new), "{done}");
    let done = scene
        .run(&["rollback", "--yes"])
        .exits(0)
        .says("old serves, as before");
    assert_eq!(scene.zone(), before, "{done}");
    let again = scene
        .run(&["rollback", "--yes"])
        .exits(4)
        .complains("nothing");
    assert_eq!(scene.zone(), before, "{again}");
    scene.run(&["resume"]).exits(2).complains("cutover runs");
}

#[test]
fn a_failback_is_a_failover_with_the_roles_swapped() {
    let plot = Plot {
        servers: Servers::Knot,
        cache: true,
        ..Plot::small()
    };
    let Some(scene) = plot.scene() else {
        return;
    };
    scene
        .run(&["failover", "PLAYBOOK", "--yes"])
        .exits(0)
        .says("old -> new");
    let done = scene
        .run(&["failover", "PLAYBOOK", "--yes"])
        .exits(0)
        .says("new -> old");
    assert!(scene.leads_to(&scene.old), "{done}");
    // To where it is already is no journey.
    let serial = scene.serial();
    let done = scene.run(&["failover", "PLAYBOOK", "--yes", "--to", "old"]);
    assert_eq!(scene.serial(), serial, "{done}");
}

#[test]
fn a_drill_with_powerdns_and_a_secondary_of_another_make() {
    let plot = Plot {
        servers: Servers::PowerDns,
        ..Plot::small()
    };
    let Some(scene) = plot.scene() else {
        return;
    };
    let before = scene.zone();
    let done = scene.run(&["drill", "PLAYBOOK", "--yes"]).exits(0);
    assert_eq!(scene.zone(), before, "{done}");
}

#[test]
fn a_site_without_any_ipv4_drills_all_the_same() {
    let plot = Plot {
        only_v6: true,
        ..Plot::full()
    };
    let Some(scene) = plot.scene() else {
        return;
    };
    assert!(!scene.text().contains("127.0.0.1"), "{}", scene.text());
    let before = scene.zone();
    let done = scene.run(&["drill", "PLAYBOOK", "--yes"]).exits(0);
    assert_eq!(scene.zone(), before, "{done}");
}

#[test]
fn what_was_written_on_the_other_side_is_not_lost_by_a_rollback_of_a_run_that_stopped_there() {
    let plot = Plot {
        far: true,
        ..Plot::staying()
    };
    let Some(scene) = plot.scene() else {
        return;
    };
    let before = scene.zone();
    let drill = scene.drill_there();
    drill.wait_for("holding 10m");
    drill.signal(rustix::process::Signal::TERM);
    drill.end().exits(7);
    let moved = scene.zone();
    std::fs::write(scene.new.tree.join("pool/main/order"), "an order\n").unwrap();
    for verb in ["--dry-run", "--yes"] {
        scene
            .run(&["rollback", verb])
            .exits(4)
            .complains("the old side is not ready: `mirror` fail")
            .complains("--anyway` goes back all the same");
        assert_eq!(scene.zone(), moved);
    }
    scene.run(&["rollback", "--dry-run", "--anyway"]).exits(0);
    let done = scene.run(&["rollback", "--yes", "--anyway"]).exits(0);
    assert_eq!(scene.zone(), before, "{done}");
}
