//! A run that is alive is asked for its locks by whatever only looks, and says what it would put back.

use rustix::process::Signal;

use super::scene::Plot;
use cutover::clock::Clock;
use cutover::store::{Claim, Holder, Sqlite, Store};

#[test]
fn a_living_run_that_holds_the_same_names_is_told_by_what_only_looks() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let drill = scene.drill_there();
    drill.wait_for("holding 10m");
    let run = scene.newest_run()["run"].as_str().unwrap().to_owned();
    let other = scene
        .text()
        .replacen("name = \"site\"", "name = \"other\"", 1);
    std::fs::write(scene.folder.path().join("other.toml"), other).unwrap();
    let locked = format!("is locked by run `{run}` (pid ");
    let follow = format!("cutover show --follow {run}");
    scene
        .run(&["failover", "other.toml", "--yes"])
        .exits(8)
        .complains(&locked);
    for arguments in [
        &["check", "other.toml"][..],
        &["plan", "other.toml"],
        &["plan", "other.toml", "--emergency"],
    ] {
        let told = scene.run(arguments).exits(8);
        told.complains("a failover would be refused: `")
            .complains(&locked)
            .says(&follow)
            .says(&format!("cutover rollback {run}"));
    }
    let told = scene.run(&["check", "other.toml", "--format", "nagios"]);
    told.exits(1)
        .says("CUTOVER WARNING - other: a failover would be refused: `")
        .says(&locked);

    // It is told to go back by a rollback, which says what that would put back and that nobody looked.
    let dry = ["rollback", &run, "--dry-run"];
    let text = scene.run(&dry).exits(0);
    text.says("1 change to put back")
        .says("The run is alive (pid ");
    let json = scene.run(&[&dry[..], &["--format", "json"]].concat());
    let json: serde_json::Value = serde_json::from_str(json.exits(0).out.trim()).unwrap();
    let places = json["puts-back"].as_array().unwrap();
    assert_eq!(places.len(), 1, "{json}");
    assert_eq!(places[0]["entry"], "flip");
    assert!(places[0]["now"].is_null() && places[0]["unseen"].is_string());
    assert!(json["alive"].as_str().unwrap().starts_with("pid "));

    drill.signal(Signal::TERM);
    drill.end();
    let back = scene.run(&[&dry[..], &["--format", "json"]].concat());
    let back: serde_json::Value = serde_json::from_str(back.exits(0).out.trim()).unwrap();
    assert!(back["alive"].is_null(), "{back}");
    assert_eq!(back["puts-back"][0]["now"], "after");
    scene.run(&["rollback", "--yes"]).exits(0);
    scene.run(&["check", "other.toml"]).exits(0);
}

#[tokio::test]
async fn whoever_comes_second_tells_nothing_of_the_run() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let drill = scene.drill_there();
    drill.wait_for("holding 10m");
    let run = scene.newest_run()["run"].as_str().unwrap().to_owned();
    drill.signal(Signal::KILL);
    drill.end();
    // The first has its lock by now, and the list of runs was read before.
    let store = Sqlite::open(&scene.state()).unwrap();
    let claim = Claim {
        run: "the-first".to_owned(),
        holder: Holder::this_process(),
        at: Clock::real().now(),
    };
    let scopes = ["playbook site".to_owned()];
    store.lock(&scopes, claim).await.unwrap();
    let serial = scene.serial();
    for verb in ["resume", "rollback"] {
        let told = scene.run(&[verb, &run, "--yes"]).exits(8);
        let told = told.complains("`playbook site` is locked by run `the-first`");
        for word in ["Owed", "Next", "Now  "] {
            assert!(!told.out.contains(word), "{told}");
        }
    }
    assert_eq!(scene.serial(), serial);
}
