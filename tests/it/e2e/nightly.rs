//! A dry run every night, each compared with the one before.

use super::scene::{Plot, Scene, WWW, packages};
use crate::readme::blocks;

const NIGHTLY: &[&str] = &[
    "plan",
    "PLAYBOOK",
    "--compare",
    "last.json",
    "--out-world",
    "last.json",
    "--fail-on-change",
];

fn scene() -> Option<Scene> {
    let plot = Plot {
        far: true,
        ..Plot::small()
    };
    plot.scene()
}

/// What was printed below its first line, which names the time.
fn changes(out: &str) -> Vec<&str> {
    let (head, rest) = out.split_once('\n').unwrap();
    assert!(head.starts_with("site: ") && head.ends_with('Z'), "{out}");
    rest.lines().collect()
}

#[test]
fn only_what_has_changed_is_told() {
    let Some(scene) = scene() else { return };
    let serial = scene.serial();
    // The first night has nothing to compare with, and tells all.
    let first = scene.run(NIGHTLY).exits(0);
    first.says("nothing was changed").complains("last.json");
    let second = scene.run(NIGHTLY).exits(0).complains_of_nothing();
    let line = second.out.strip_prefix("site: nothing has changed since 2");
    assert!(
        line.is_some_and(|rest| rest.lines().count() == 1),
        "{second}"
    );
    assert_eq!(scene.serial(), serial);

    scene.update_zone(&format!(
        "update delete {WWW} A\nupdate add {WWW} 600 A 192.0.2.10\n\
         update add cdn.site.example 60 A 192.0.2.10\n"
    ));
    let list = |list: &[&str]| {
        let sshd = scene.new.sshd.as_ref().unwrap();
        sshd.replace_program("dpkg-query", &packages(list));
    };
    list(&["nginx 1.26-1"]);
    let third = scene.run(NIGHTLY).exits(4).complains_of_nothing();
    assert_eq!(
        changes(&third.out),
        [
            "packages",
            "  ~ outcome: fail, was pass: `new` beside `old`: 1 missing of 2 packages",
            "  + rsync on new, missing: fail: not installed (expected 3.4-1)",
            "flip",
            "  ~ TTL of www.site.example. A raised: 600s, was 2s",
            "left as it is",
            "  + cdn.site.example. A: it leads to `old` too, and this step does not name it",
        ],
        "{third}"
    );

    // It is as bad as before: nothing is told twice, and the exit code still has its reason.
    let fourth = scene.run(NIGHTLY).exits(4);
    assert!(fourth.out.contains("nothing has changed since"), "{fourth}");
    assert_eq!(
        changes(&fourth.out),
        ["as before, packages fails: `new` beside `old`: 1 missing of 2 packages"],
        "{fourth}"
    );

    list(&["nginx 1.25-9", "rsync 3.4-1"]);
    let fifth = scene.run(NIGHTLY).exits(8);
    assert_eq!(
        changes(&fifth.out),
        [
            "packages",
            "  ~ outcome: warn, was fail: `new` beside `old`: 1 older of 2 packages",
            "  + nginx on new, older: warn: 1.25-9 (expected 1.26-1)",
            "  - rsync on new, missing: fail: not installed (expected 3.4-1)",
        ],
        "{fifth}"
    );
}

#[test]
fn the_simulation_starts_from_what_a_dry_run_has_seen() {
    let Some(scene) = scene() else { return };
    (scene.run(&["plan", "PLAYBOOK", "--out-world", "world.json"])).exits(0);
    let world = crate::lab::read(&scene.folder.path().join("world.json"));
    let world: serde_json::Value = serde_json::from_str(&world).unwrap();
    let checks = world["checks"].as_array().unwrap();
    let works = checks.iter().find(|check| check["id"] == "works").unwrap();
    let measured = works["took-ms"].as_u64().unwrap();

    // How long a look takes in an emergency, where what is late holds nobody up.
    let simulated = |arguments: &[&str]| -> String {
        let mut all = vec!["simulate", "PLAYBOOK", "--mode", "emergency"];
        all.extend(["--faults", "1", "--format", "json"]);
        all.extend(arguments);
        let done = scene.run(&all);
        let found: serde_json::Value = serde_json::from_str(done.out.trim()).unwrap();
        let steps = &found["runs"][0]["times"]["steps"];
        let steps = steps.as_array().unwrap_or_else(|| panic!("{done}"));
        let works = steps.iter().find(|step| step[0] == "works").unwrap();
        works[1]["median"].as_str().unwrap().to_owned()
    };
    assert_eq!(simulated(&[]), "1s");
    // A busy machine takes more than a second.
    let measured = humantime::format_duration(std::time::Duration::from_millis(measured));
    assert_eq!(simulated(&["--world", "world.json"]), measured.to_string());
    let refused = scene.run(&["simulate", "PLAYBOOK", "--world", "PLAYBOOK"]);
    refused.exits(2).complains("cannot be used");
}

#[test]
fn the_events_of_a_dry_run_can_be_compared_with_too() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    let done = scene
        .run(&["plan", "PLAYBOOK", "--format", "json"])
        .exits(0);
    let events = scene.folder.path().join("events.json");
    std::fs::write(&events, &done.out).unwrap();
    let compare = ["plan", "PLAYBOOK", "--compare", "events.json"];
    let same = scene.run(&compare).exits(0).complains_of_nothing();
    assert_eq!(changes(&same.out), [""; 0], "{same}");

    scene.somebody_else_writes("192.0.2.10");
    let json = scene
        .run(&[&compare[..], &["--format", "json"]].concat())
        .exits(0);
    let told: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(told["ending"], "done");
    assert_eq!(
        told["changes"],
        serde_json::json!([{
            "about": "flip", "how": "changed", "what": "TTL of www.site.example. A raised",
            "was": "2s", "is": "300s"
        }])
    );

    // So can those of a dry run that was kept.
    let shown = scene.run(&["show", "--format", "json"]).exits(0);
    let kept = scene.folder.path().join("kept.json");
    std::fs::write(&kept, &shown.out).unwrap();
    let same = scene
        .run(&["plan", "PLAYBOOK", "--compare", "kept.json"])
        .exits(0);
    assert_eq!(changes(&same.out), [""; 0], "{same}");

    // Somebody failed over.
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    let turned = scene
        .run(&["plan", "PLAYBOOK", "--compare", "kept.json"])
        .exits(0);
    assert_eq!(
        changes(&turned.out),
        ["direction", "  ~ goes: new -> old, was old -> new"],
        "{turned}"
    );

    // What tells of no dry run of this playbook is a wrong argument.
    std::fs::write(
        &events,
        done.out
            .replace("\"playbook\":\"site\"", "\"playbook\":\"shop\""),
    )
    .unwrap();
    scene
        .run(&compare)
        .exits(2)
        .complains("tells of the playbook `shop`");
    let missing = ["plan", "PLAYBOOK", "--compare", "missing.json"];
    scene.run(&missing).exits(2).complains("missing.json");
    let wrong = ["plan", "PLAYBOOK", "--compare", "site.toml"];
    scene.run(&wrong).exits(2).complains("tells of no dry run");
    let alone = ["plan", "PLAYBOOK", "--fail-on-change"];
    scene.run(&alone).exits(2).complains("--compare");
}

#[test]
fn what_the_readme_types_works_as_it_says() {
    let Some(scene) = Plot::small().scene_with(&["jq"]) else {
        return;
    };
    scene.playbook();
    let blocks = blocks("bash");
    let [_, nightly, programs] = blocks.as_slice() else {
        panic!("{blocks:?}")
    };
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_cutover"))
        .parent()
        .unwrap();
    let path = format!("PATH='{}':\"$PATH\"\n", folder.display());
    let night = || scene.types_and_says(&format!("{path}{nightly}"));
    assert_eq!(night(), "");
    assert_eq!(night(), "");
    scene.somebody_else_writes("192.0.2.10");
    let told = night();
    assert!(
        told.contains("\n  ~ TTL of www.site.example. A raised: 300s, was 2s\n"),
        "{told}"
    );
    assert_eq!(night(), "");

    let told = scene.types_and_says(&format!("{path}{programs}"));
    // The steps are told as they end; which ends first is nobody's promise.
    let passed = |line: &str| line.starts_with("pass: 4 of 4 probes pass");
    assert!(told.lines().any(passed), "{told}");
    let took = told
        .lines()
        .find(|line| line.starts_with("works took"))
        .unwrap();
    let took = took
        .strip_prefix("works took ")
        .and_then(|rest| rest.strip_suffix(" ms"));
    assert!(took.is_some_and(|ms| ms.parse::<u32>().is_ok()), "{told}");
}
