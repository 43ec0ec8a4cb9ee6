//! Which run `rollback` and `resume` take where none is named: none that might not be meant.

use rustix::process::Signal;

use super::program::line_of;
use super::scene::{Plot, Scene};

/// A run of a copy of the playbook under another name, killed before its first write.
fn killed_before_its_first_write(scene: &Scene, name: &str) {
    let text = scene
        .text()
        .replacen("name = \"site\"", &format!("name = \"{name}\""), 1)
        .replacen(
            "[[step]]\nid = \"flip\"",
            "[[step]]\nid = \"breath\"\nkind = \"wait\"\ntime = \"60s\"\n[[step]]\nid = \"flip\"",
            1,
        );
    assert!(text.contains("breath"));
    let file = format!("{name}.toml");
    std::fs::write(scene.folder.path().join(&file), text).unwrap();
    let run = scene.start(&["failover", &file, "--yes"]);
    run.wait_for("started by");
    run.signal(Signal::KILL);
    run.end();
}

#[test]
fn another_customer_is_never_moved_for_want_of_a_name() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    let id = scene.newest_run()["run"].as_str().unwrap().to_owned();
    for name in ["other", "site"] {
        killed_before_its_first_write(&scene, name);
        let serial = scene.serial();
        for verb in [
            &["rollback", "--yes"][..],
            &["rollback", "--yes", "--anyway"],
        ] {
            let asked = scene
                .run(verb)
                .exits(2)
                .complains("wrote nothing")
                .complains(&format!(
                    "`cutover rollback {id}`  failover of site, old -> new"
                ));
            assert_eq!(scene.serial(), serial, "{asked}");
        }
        // It would go over, unasked.
        let asked = scene.run(&["resume"]).exits(2).complains("wrote nothing");
        assert_eq!(scene.serial(), serial, "{asked}");
    }
    // The looks of others are no runs that could be meant.
    scene.run(&["check", "PLAYBOOK", "--to", "old"]);
    scene.run(&["rollback", &id, "--dry-run"]).exits(0);
    scene.run(&["rollback", &id, "--yes"]).exits(0);
    assert!(scene.leads_to(&scene.old));
    scene
        .run(&["rollback", &id, "--yes"])
        .exits(4)
        .complains(&id);
}

#[test]
fn a_resume_shows_what_it_will_write_and_writes_nothing_unasked() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    killed_before_its_first_write(&scene, "site");
    let id = scene.newest_run()["run"].as_str().unwrap().to_owned();
    let serial = scene.serial();
    for more in [&[][..], &["--accept"]] {
        let asked = scene.run(&[&["resume", &id], more].concat());
        let asked = asked.exits(2).complains("say `--yes` to go on");
        assert_eq!(scene.serial(), serial, "{asked}");
    }
    let resumed = scene.start(&["resume", &id, "--yes"]);
    resumed.wait_for("resumed by");
    resumed.signal(Signal::KILL);
    let shown = resumed.end().says("goes on to new").says("  flip  ");
    assert!(
        !shown.out.contains("nothing is still to be written"),
        "{shown}"
    );
    assert_eq!(scene.serial(), serial, "{shown}");
}

#[test]
fn an_old_side_that_does_not_serve_is_not_gone_back_to() {
    let Some(mut scene) = Plot::small().scene() else {
        return;
    };
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    scene.old.web.take();
    let serial = scene.serial();
    for verb in [&["rollback", "--dry-run"][..], &["rollback", "--yes"]] {
        let refused = scene
            .run(verb)
            .exits(4)
            .says("old side: works fail")
            .complains("nothing was touched")
            .complains("--anyway");
        assert_eq!(scene.serial(), serial, "{refused}");
    }
    scene.somebody_else_writes("203.0.113.77");
    let refused = scene.run(&["rollback", "--dry-run"]).exits(4);
    refused.complains("somebody else wrote `flip` since");
}

#[test]
fn what_is_proposed_later_is_what_the_first_run_was_asked_for() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    let set = "playbook.summary=\"two words\"";
    let asked = [
        "plan",
        "PLAYBOOK",
        "--to",
        "new",
        "--set",
        set,
        "--emergency",
    ];
    let out = ["--out", "saved.plan"];
    let planned = scene.run(&[&asked[..], &out].concat()).exits(0);
    let proposed =
        format!("cutover failover site.toml --plan saved.plan --emergency --set '{set}'");
    for said in [planned, scene.run(&["show"]).exits(0)] {
        assert!(said.out.contains(&proposed), "{said}");
    }
    // From another folder the files are named from the root.
    let folder = scene.folder.path().display();
    let elsewhere = scene.types_and_says(&format!("cd /usr; {}", line_of(&["show"])));
    let proposed =
        format!("cutover failover {folder}/site.toml --plan {folder}/saved.plan --emergency");
    assert!(elsewhere.contains(&proposed), "{elsewhere}");

    let asked = ["failover", "PLAYBOOK", "--to", "new", "--set", set, "--yes"];
    let over = scene.run(&asked).exits(0);
    let home = format!("cutover failover site.toml --to old --set '{set}'");
    for said in [over, scene.run(&["show"]).exits(0)] {
        assert!(said.out.contains(&home), "{said}");
    }
}
