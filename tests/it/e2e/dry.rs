//! Looking is free, and writes nothing.

use cutover::dns::{Honesty, RecordSet};
use cutover::plan::Outcome;
use cutover::seen::SeenWorld;

use super::scene::{Plot, Scene, Servers, ZONE};
use crate::lab::{READY, wait_until};

fn scene() -> Option<Scene> {
    Plot::small().scene()
}

#[test]
fn what_looks_only_writes_nothing() {
    let Some(scene) = scene() else { return };
    let serial = scene.serial();
    for arguments in [
        &["check", "PLAYBOOK"][..],
        &["plan", "PLAYBOOK"],
        &["plan", "PLAYBOOK", "--commands"],
        &["plan", "PLAYBOOK", "--emergency"],
        &["failover", "PLAYBOOK", "--dry-run"],
        &["failover", "PLAYBOOK", "--dry-run", "--emergency"],
    ] {
        let done = scene.run(arguments).exits(0).complains_of_nothing();
        let done = done.says("nothing was changed");
        assert_eq!((scene.serial(), scene.updates()), (serial, 0), "{done}");
    }
    let plan = scene.run(&["plan", "PLAYBOOK"]);
    let plan = plan.says("- www.site.example.     2 IN A    192.0.2.10");
    plan.says("+ www.site.example.     1 IN A    198.51.100.20");
    scene
        .run(&["check", "PLAYBOOK"])
        .exits(0)
        .says("If you flipped now");
}

#[test]
fn a_check_says_that_a_failover_would_be_refused_where_the_provider_takes_no_key() {
    let plot = Plot {
        servers: Servers::PowerDns,
        ..Plot::small()
    };
    let Some(scene) = plot.scene() else { return };
    scene.write_playbook(&scene.text().replace("PDNS_API_KEY", "USER"));
    let why = "a failover would be refused: failed to look at what `flip` would change";
    std::fs::create_dir_all(scene.state()).unwrap();
    let done = scene.run(&["check", "PLAYBOOK"]).exits(4);
    let done = done
        .complains(why)
        .complains("it does not take the API key");
    let done = done.says("check of site: refused").says(why);
    assert!(!done.out.contains("nothing speaks against it"), "{done}");
    let told = scene
        .run(&["check", "PLAYBOOK", "--format", "json"])
        .exits(4);
    let told = told.says(r#""is":"barred""#).says(r#""ending":"refused""#);
    assert!(!told.out.contains(r#""ending":"done""#), "{told}");
    let runs = scene.run(&["runs"]).exits(0);
    assert!(!runs.out.contains("nothing speaks against it"), "{runs}");
    let done = scene.run(&["check", "PLAYBOOK", "--format", "nagios"]);
    // The site serves, and somebody has time to mend it.
    done.exits(1).says("CUTOVER WARNING - site: ").says(why);
}

#[test]
fn the_commands_that_a_plan_lists_do_what_they_say() {
    for (servers, program) in [
        (Servers::Bind, "nsupdate"),
        (Servers::Knot, "nsupdate"),
        (Servers::PowerDns, "curl"),
    ] {
        let plot = Plot {
            servers,
            ..Plot::small()
        };
        let Some(scene) = plot.scene_with(&[program]) else {
            return;
        };
        let before = scene.zone();
        let plan = scene.run(&["plan", "PLAYBOOK", "--commands"]).exits(0);
        let commands = |way: &str| {
            let head = format!("Commands of flip, the way {way}\n");
            let (_, rest) = plan.out.split_once(&head).expect("commands of both ways");
            rest.split("\n\n").next().unwrap().to_owned()
        };
        assert!(commands("there").starts_with(program), "{plan}");
        scene.types(&commands("there"));
        assert!(scene.leads_to(&scene.new), "{plan}");
        scene.types(&commands("back"));
        assert_eq!(scene.zone(), before, "{plan}");
    }
}

#[test]
fn nobody_to_ask_is_no_permission() {
    let Some(scene) = scene() else { return };
    let serial = scene.serial();
    let done = scene
        .run(&["failover", "PLAYBOOK"])
        .exits(2)
        .complains("--yes");
    assert_eq!(scene.serial(), serial, "{done}");
}

#[test]
fn a_saved_plan_is_carried_out_exactly_or_not_at_all() {
    let Some(scene) = scene() else { return };
    let with_plan = ["failover", "PLAYBOOK", "--plan", "reviewed.json", "--yes"];
    scene
        .run(&["plan", "PLAYBOOK", "--out", "reviewed.json"])
        .exits(0);

    // Somebody edits the playbook.
    let text = scene.text();
    scene.write_playbook(&text.replace("ttl = \"1s\"", "ttl = \"30s\""));
    scene.run(&with_plan).exits(8).complains("the playbook");
    scene.write_playbook(&text);

    // Somebody edits the zone.
    scene.somebody_else_writes("203.0.113.77");
    let serial = scene.serial();
    let stale = scene.run(&with_plan);
    assert_eq!(scene.serial(), serial, "{stale}");
    stale.exits(8).complains("stale");
    scene.somebody_else_writes("192.0.2.10");
    // A secondary that has not followed yet refuses a plan.
    wait_until("a plan of the zone as it is", READY, || {
        let plan = scene.run(&["plan", "PLAYBOOK", "--out", "reviewed.json"]);
        (plan.code == Some(0)).then_some(())
    });

    let done = scene.run(&with_plan).exits(0);
    assert!(scene.leads_to(&scene.new), "{done}");
    scene
        .run(&["failover", "PLAYBOOK", "--plan", "site.toml", "--yes"])
        .exits(2);
}

#[test]
fn what_was_seen_is_saved_whole_and_without_a_secret() {
    let Some(scene) = scene() else { return };
    scene
        .run(&["plan", "PLAYBOOK", "--out-world", "seen.json"])
        .exits(0);
    let file = scene.folder.path().join("seen.json");
    let text = std::fs::read_to_string(&file).unwrap();
    for secret in scene.secrets() {
        assert!(!text.contains(&secret), "a secret was saved");
    }
    let seen = SeenWorld::read(text.as_bytes()).unwrap();
    assert_eq!(seen.plan.direction.source, "old");
    let zone = &seen.zones[0];
    assert_eq!((zone.name.as_str(), zone.kind.as_str()), (ZONE, "rfc2136"));
    assert_eq!(zone.promise, Honesty::CompareAndSwap);
    let (_, edit) = seen.plan.edits().next().expect("there is a change");
    let before = RecordSet::sets_of(&edit.before).unwrap();
    assert!(
        before.iter().all(|set| set.ttl == 2) && before.len() == 4,
        "{before:?}"
    );
    let works = seen.check("works").unwrap();
    let finding = works.finding.as_ref().expect("it was looked at");
    assert_eq!(finding.outcome, Outcome::Pass, "{text}");
    assert!(works.took_ms.is_some() && works.unseen.is_empty());
    let published = seen.check("published").unwrap();
    assert!(published.finding.is_none() && published.not_looked_at.is_some());
    assert!(published.unseen.is_empty());

    // What cannot be saved is said, and what was there before is still there.
    let nowhere = ["plan", "PLAYBOOK", "--out-world", "nowhere/seen.json"];
    scene.run(&nowhere).exits(2).complains("nowhere/seen.json");
    scene
        .run(&["plan", "PLAYBOOK", "--out-world", "/dev/stdout"])
        .exits(0)
        .says("\"zones\"");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}
