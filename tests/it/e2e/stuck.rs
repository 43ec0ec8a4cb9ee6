//! A run that waits for a person is seen by monitoring and by `owed`; a damaged journal hides nothing else.

use std::time::Duration;

use rustix::process::Signal;

use super::forgotten::plain;
use super::program::line_of;
use super::scene::{Plot, Scene, WWW};

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
    for (signal, why) in [
        (Signal::TERM, "was stopped"),
        (Signal::KILL, "was cut off or stopped before its end"),
    ] {
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
            let told = format!("run {run} (drill) {why}, changes stand: new is active");
            assert!(plain(&owed.out).contains(&told), "{owed}");
            owed.says(&format!("cutover rollback {run}"));
        }
        scene.run(&["rollback", &run, "--yes"]).exits(0);
        scene.run(&nagios).exits(0);
        scene.run(&["owed"]).exits(0).says("nothing is owed");
    }
    let late = scene.run(&[&nagios[..], &["--within", "1ms"]].concat());
    late.exits(3).says("nothing was looked at within");
}

#[test]
fn a_run_stays_stuck_where_somebody_touched_one_of_its_record_sets() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let run = scene.killed_there();
    let nagios = ["check", "PLAYBOOK", "--format", "nagios"];
    let [v4, v6] = super::scene::NEW;
    let touches = [
        (
            "another TTL",
            format!("update delete {WWW} A\nupdate add {WWW} 60 A {v4}\n"),
        ),
        ("deleted", format!("update delete {WWW} A\n")),
        ("one name put back", {
            let old = super::scene::OLD[0];
            format!("update delete {WWW} A\nupdate add {WWW} 300 A {old}\n")
        }),
        (
            "all deleted",
            format!("update delete {WWW} A\nupdate delete {WWW} AAAA\n"),
        ),
        (
            "one is there again",
            format!("update add {WWW} 5 AAAA {v6}\n"),
        ),
    ];
    for (what, touch) in &touches {
        scene.update_zone(touch);
        let told = scene.run(&nagios).exits(2);
        let told = told.says(&format!(
            "run {run} (drill) was cut off or stopped before its end, not all is as it was before"
        ));
        let told = told.says("unfinished_runs=1;;0;0");
        assert!(!told.out.contains("new is active"), "{what}: {told}");
        let owed = scene.run(&["owed"]).exits(0);
        assert!(!owed.out.contains("nothing is owed"), "{what}: {owed}");
        // What is proposed is not refused.
        let anyway = format!("`cutover rollback {run} --anyway`");
        for told in [&told, &owed] {
            assert!(told.out.contains(&anyway), "{what}: {told}");
        }
        owed.says(&format!("run {run}"));
    }
    let told = scene.run(&["rollback", "--dry-run"]).exits(4);
    told.complains("a rollback would be held: somebody else wrote `flip` since");
}

#[test]
fn what_refuses_a_failover_is_told_by_plan_and_check_also_where_all_was_put_back_by_hand() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let before = scene.zone();
    let run = scene.killed_there();
    scene.run(&["check", "PLAYBOOK"]).complains(&run);
    let looks = [&["check", "PLAYBOOK"][..], &["plan", "PLAYBOOK"]];
    let words =
        format!("a failover would be refused: run `{run}` of this playbook has not come to an end");
    let mut updates = String::new();
    for (key, lines) in &before {
        let (name, rtype) = key.split_once(' ').unwrap();
        if !lines.is_empty() {
            updates += &format!("update delete {name} {rtype}\n");
            for line in lines {
                let (ttl, data) = line.split_once(' ').unwrap();
                updates += &format!("update add {name} {ttl} {rtype} {data}\n");
            }
        }
    }
    scene.update_zone(&updates);
    assert!(scene.leads_to(&scene.old), "{updates}");
    for look in looks {
        let told = scene.run(look).exits(8).complains(&words);
        let told = told.says(&format!("cutover resume {run}"));
        assert!(!told.out.contains("cutover failover"), "{told}");
        assert!(!told.out.contains("nothing speaks against it"), "{told}");
        let told = told.says("refused while another run is not finished");
        told.says(&format!("Owed     the end of run {run}"));
    }
    let nagios = scene
        .run(&["check", "PLAYBOOK", "--format", "nagios"])
        .exits(1);
    nagios
        .says("all that it changed is seen as it was before")
        .says("unfinished_runs=1;;0;0");
    scene.run(&["owed"]).exits(0).says(&run);
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(8);
    scene.run(&["rollback", "--yes"]).exits(0);
    for look in looks {
        scene.run(look).exits(0);
    }
}

#[test]
fn two_customers_files_of_one_name_are_two_playbooks() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let other = scene.text().replace("site.example", "other.example");
    std::fs::create_dir(scene.folder.path().join("other")).unwrap();
    std::fs::write(scene.folder.path().join("other/site.toml"), other).unwrap();
    // The copy of a colleague.
    std::fs::create_dir(scene.folder.path().join("copy")).unwrap();
    std::fs::write(scene.folder.path().join("copy/site.toml"), scene.text()).unwrap();
    let run = scene.killed_there();
    let nagios = |file: &str| scene.run(&["check", file, "--format", "nagios"]);
    nagios("PLAYBOOK").exits(2).says(&run);
    nagios("copy/site.toml").exits(2).says(&run);
    let told = nagios("other/site.toml");
    assert!(!told.out.contains(&run), "{told}");
    told.says("unfinished_runs=0;;0;0");
    scene.run(&["failover", "copy/site.toml", "--yes"]).exits(8);
}

#[test]
fn whoever_looks_waits_for_no_other_process() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let run = scene.killed_there();
    let database = rusqlite::Connection::open(scene.state().join("cutover.sqlite3")).unwrap();
    database.busy_timeout(Duration::from_secs(60)).unwrap();
    database.execute_batch("begin immediate").unwrap();
    for verb in [&["runs"][..], &["owed"]] {
        let told = scene.run(verb).exits(0).says(&run);
        assert!(told.took < Duration::from_secs(5), "{told}");
    }
    let told = scene
        .run(&["check", "PLAYBOOK", "--format", "nagios"])
        .exits(2);
    assert!(told.took < Duration::from_secs(10), "{told}");
    told.says(&run);
    let exclusively = "rollback; pragma locking_mode=exclusive; begin exclusive;";
    database.execute_batch(exclusively).unwrap();
    for verb in [&["runs"][..], &["owed"], &["show"], &["rollback", "--yes"]] {
        let told = scene
            .run(verb)
            .exits(1)
            .complains("is kept busy by another process");
        assert!(told.took < Duration::from_secs(6), "{told}");
    }
    let told = scene
        .run(&["check", "PLAYBOOK", "--format", "nagios"])
        .exits(3);
    assert!(told.took < Duration::from_secs(10), "{told}");
    told.says("is kept busy by another process")
        .says("unfinished_runs=U;;0;0");
}

#[test]
fn a_run_that_cannot_be_read_is_no_finished_run() {
    let Some(scene) = Plot::staying().scene_with(&["sqlite3"]) else {
        return;
    };
    let run = scene.killed_there();
    let database = scene.state().join("cutover.sqlite3").display().to_string();
    let spoils = |what: &str| {
        scene.types(&format!(
            "sqlite3 '{database}' \"{what} WHERE run = '{run}'\""
        ))
    };
    let refused = || {
        for verb in [
            &["failover", "PLAYBOOK", "--yes"][..],
            &["plan", "PLAYBOOK"],
            &["check", "PLAYBOOK"],
        ] {
            let told = scene.run(verb).exits(4).complains(&run);
            assert!(!told.err.contains("expected value"), "{told}");
        }
    };
    // The journal tells all that the row did.
    for row in ["meta = x'00'", "state = x'7b'"] {
        spoils(&format!("UPDATE runs SET {row}"));
        scene
            .run(&["failover", "PLAYBOOK", "--yes"])
            .exits(8)
            .complains(&run);
        let nagios = scene
            .run(&["check", "PLAYBOOK", "--format", "nagios"])
            .exits(2);
        nagios.says(&format!("run {run} (drill) was cut off"));
        scene
            .run(&["runs"])
            .exits(0)
            .says(&run)
            .complains("what is told of it is from its journal");
    }
    spoils("UPDATE records SET bytes = x'00'");
    let nagios = scene
        .run(&["check", "PLAYBOOK", "--format", "nagios"])
        .exits(3);
    nagios.says(&run).says("unfinished_runs=U;;0;0");
    refused();
}

#[test]
fn a_damaged_journal_of_a_run_that_was_cut_off_is_critical() {
    let Some(scene) = Plot::staying().scene_with(&["sqlite3"]) else {
        return;
    };
    let run = scene.killed_there();
    let database = scene.state().join("cutover.sqlite3").display().to_string();
    scene.types(&format!(
        "sqlite3 '{database}' \"UPDATE records SET bytes = x'00' WHERE run = '{run}' AND seq = 4\""
    ));
    let nagios = scene
        .run(&["check", "PLAYBOOK", "--format", "nagios"])
        .exits(2);
    nagios
        .says(&format!("run {run} began to write and came to no end"))
        .says("cannot be told")
        .says("unfinished_runs=U;;0;0");
    for verb in [
        &["failover", "PLAYBOOK", "--yes"][..],
        &["plan", "PLAYBOOK"],
        &["check", "PLAYBOOK"],
    ] {
        scene.run(verb).exits(4).complains(&run);
    }
    let listed = scene.run(&["rollback", "--yes"]);
    assert!(
        !listed.err.contains(&format!("`cutover rollback {run}`")),
        "{listed}"
    );
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
    for format in ["text", "json"] {
        let owed = scene.run(&["owed", "--format", format]).exits(9);
        owed.says(&format!("what run `{bad}` owes cannot be told"));
    }
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
    assert!(
        said.contains("not ended: was cut off or stopped before its end"),
        "{said}"
    );
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
