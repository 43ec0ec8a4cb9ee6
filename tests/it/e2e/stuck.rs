//! A run that waits for a person is seen by monitoring and by `owed`; a damaged journal hides nothing else.

use rustix::process::Signal;

use super::program::line_of;
use super::scene::{Plot, Scene};

fn id(scene: &Scene) -> String {
    scene.newest_run()["run"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_that_is_stopped_or_cut_off_with_changes_standing_is_critical_until_they_are_gone() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let nagios = ["check", "PLAYBOOK", "--format", "nagios"];
    let fine = scene.run(&nagios).exits(0).says("CUTOVER OK - site: ");
    fine.says(" | checks=2;;;0 passed=2;;;0 ")
        .says("unfinished_runs=0;;0;0");
    for (signal, why) in [(Signal::TERM, "was stopped"), (Signal::KILL, "was cut off")] {
        let drill = scene.drill_there();
        drill.wait_for("holding 10m");
        // It stays on the other side as it should.
        scene.run(&nagios).exits(0);
        drill.signal(signal);
        drill.end();
        let run = id(&scene);
        let run = match run.contains("drill") {
            true => run,
            false => {
                let runs = scene.run(&["runs"]).exits(0).out;
                let line = runs.lines().find(|line| line.contains("drill")).unwrap();
                line.split_whitespace().next().unwrap().to_owned()
            }
        };
        for arguments in [&nagios[..], &[&nagios[..], &["--within", "1ms"]].concat()] {
            let told = scene.run(arguments).exits(2);
            assert_eq!(told.out.lines().count(), 1, "{told}");
            told.says(&format!("CUTOVER CRITICAL - site: run {run} (drill) {why}"))
                .says("new is active")
                .says(&format!(
                    "`cutover resume {run}` or `cutover rollback {run}`"
                ))
                .says("unfinished_runs=1;;0;0");
        }
        for format in ["text", "json"] {
            let owed = scene.run(&["owed", "--format", format]).exits(0);
            owed.says(&format!(
                "run {run} (drill) {why}, changes stand: new is active"
            ))
            .says(&format!("cutover rollback {run}"));
        }
        scene.run(&["rollback", &run, "--yes"]).exits(0);
        scene.run(&nagios).exits(0);
        scene.run(&["owed"]).exits(0).says("nothing is owed");
    }
    let late = scene.run(&[&nagios[..], &["--within", "1ms"]].concat());
    late.exits(3).says("not all was looked at within");
}

#[test]
fn a_damaged_journal_is_named_and_hides_nothing_else() {
    let Some(scene) = Plot::small().scene_with(&["sqlite3"]) else {
        return;
    };
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    let good = id(&scene);
    let database = scene.state().join("cutover.sqlite3").display().to_string();
    scene.run(&["rollback", "--yes"]).exits(0);
    scene.run(&["drill", "PLAYBOOK", "--yes"]).exits(0);
    let bad = id(&scene);
    scene.types(&format!(
        "sqlite3 '{database}' \"UPDATE records SET bytes = x'00' WHERE run = '{bad}' AND seq = 2\""
    ));
    for format in ["text", "json"] {
        let runs = scene.run(&["runs", "--format", format]).exits(0);
        runs.says(&good)
            .says(&bad)
            .complains(&bad)
            .complains("record 2");
    }
    let owed = scene.run(&["owed"]).exits(0);
    owed.complains(&format!("what run `{bad}` owes cannot be told"));
    scene.run(&["show", &good]).exits(0);
    // Not even its row in the list can be read.
    scene.types(&format!(
        "sqlite3 '{database}' \"UPDATE runs SET meta = x'00' WHERE run = '{bad}'\""
    ));
    let runs = scene.run(&["runs"]).exits(0);
    runs.says(&good)
        .complains(&format!("run `{bad}` is damaged"));
    scene
        .run(&["rollback", "--yes"])
        .exits(2)
        .complains("is damaged");
}

#[test]
fn what_a_full_disk_does_not_take_is_said_in_every_format() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    scene.run(&["drill", "PLAYBOOK", "--yes"]).exits(0);
    for arguments in [
        &["check", "site.toml"][..],
        &["plan", "site.toml"],
        &["runs"],
        &["show"],
    ] {
        for format in ["text", "json"] {
            let line = line_of(&[arguments, &["--format", format]].concat());
            let said = scene.types_and_says(&format!(
                "{line} > /dev/full 2> said && exit 9; echo $?; grep -c 'failed to print' said"
            ));
            assert_eq!(said, "1\n1\n", "{arguments:?} {format}");
        }
    }
    let line = line_of(&["drill", "site.toml", "--yes", "--format", "json"]);
    let said = scene.types_and_says(&format!(
        "{line} > /dev/full 2> said; echo $?; grep -c 'failed to print' said"
    ));
    assert_eq!(said, "0\n1\n", "a drill that is done is done");
}

/// Several people of one group share a state folder.
#[test]
fn a_team_shares_a_state_folder() {
    let Some(scene) = Plot::staying().scene_with(&["setpriv"]) else {
        return;
    };
    if !rustix::process::getuid().is_root() {
        return;
    }
    scene.playbook();
    let state = scene.state();
    let folder = scene.folder.path().display().to_string();
    scene.types(&format!(
        "chmod 755 '{folder}'; chmod 644 '{folder}/site.toml'; chgrp 4242 '{0}'; chmod 2770 '{0}'",
        state.display()
    ));
    let by = |user: u32, arguments: &[&str]| {
        format!(
            "umask 077; setpriv --reuid {user} --regid {user} --groups 4242 {}",
            line_of(arguments)
        )
    };
    let reaches = scene.types_and_says(&format!(
        "{} > /dev/null && echo yes || echo no",
        by(4001, &["--version"])
    ));
    // The program may be built where others cannot run it.
    if reaches != "yes\n" {
        return;
    }
    let said = scene.types_and_says(&format!(
        "{} > drilled & p=$!; until grep -q 'holding 10m' drilled; do sleep 0.1; done; {}; \
         {} 2> refused || echo $?; cat refused; kill -9 $p; wait $p || true; \
         {}; {}; ls -l '{}'",
        by(4001, &["drill", "site.toml", "--yes"]),
        by(4002, &["runs"]),
        by(4002, &["failover", "site.toml", "--yes"]),
        by(4002, &["runs"]),
        by(4002, &["rollback", "--yes"]),
        state.display(),
    ));
    assert!(said.contains("not ended: alive, pid "), "{said}");
    assert!(said.contains("8\ncutover: run `"), "{said}");
    assert!(said.contains("not ended: was cut off"), "{said}");
    assert!(scene.leads_to(&scene.old), "{said}");
    let files = said.lines().filter(|line| line.contains("cutover.sqlite3"));
    assert!(files.clone().count() >= 1, "{said}");
    for file in files {
        assert!(
            file.starts_with("-rw-rw----") && file.contains(" 4242 "),
            "{said}"
        );
    }
}
