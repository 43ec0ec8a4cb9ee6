//! What stops a run before its first write, and what sends it back after it.

use super::program::{Running, cutover};
use super::scene::{Plot, Scene, WWW, packages};

/// A far scene in which nothing may be written.
fn refuses(mut spoil: impl FnMut(&mut Scene), because: &[&str]) {
    let plot = Plot {
        far: true,
        ..Plot::small()
    };
    let Some(mut scene) = plot.scene() else {
        return;
    };
    scene.playbook();
    spoil(&mut scene);
    let serial = scene.serial();
    let mut done = scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(4);
    assert_eq!((scene.serial(), scene.updates()), (serial, 0), "{done}");
    done = done.says("Now      nothing was changed").says("Why ");
    for text in because {
        done = done.says(text);
    }
    done.says("cutover check site.toml");
}

#[test]
fn what_is_refused_before_a_run_begins_is_one_object_for_programs() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    let lines = [
        &["failover", "PLAYBOOK", "--to", "nowhere", "--yes"][..],
        &["drill", "PLAYBOOK", "--to", "nowhere", "--yes"],
        &["rollback", "--yes"],
        &["resume", "no-such-run", "--yes"],
    ];
    for line in lines {
        let told = scene.run(&[line, &["--format", "json"]].concat());
        let one: serde_json::Value = serde_json::from_str(&told.out).unwrap();
        assert!(told.err.starts_with("cutover: "), "{told}");
        let why = one["error"].as_str().unwrap();
        assert!(told.err.contains(why.lines().next().unwrap()), "{told}");
        let exit = one["exit"].as_i64().unwrap();
        assert!(exit > 0, "{told}");
        told.exits(exit.try_into().unwrap());
    }
}

#[test]
fn a_missing_package_stops_the_run() {
    refuses(
        |scene| {
            let new = scene.new.sshd.as_ref().unwrap();
            new.replace_program("dpkg-query", &packages(&["rsync 3.4-1"]));
        },
        &["packages fail", "nginx"],
    );
}

#[test]
fn a_stale_mirror_stops_the_run() {
    refuses(
        |scene| std::fs::write(scene.old.tree.join("pool/main/new.deb"), "new").unwrap(),
        &["mirror fail", "new.deb"],
    );
}

#[test]
fn a_service_that_is_down_at_the_target_stops_the_run() {
    refuses(
        |scene| scene.new.web = None,
        &["works fail", "198.51.100.20:80", "[2001:db8:1::20]:80"],
    );
}

#[test]
fn a_failure_after_the_flip_leads_back_by_itself() {
    // What works at the addresses before the flip, and what the public sees after it, are not the same here.
    let plot = Plot {
        more: "[[step]]\nid = \"smoke\"\nkind = \"http\"\nat = \"public\"\n\
               url = \"http://www.site.example/new\"\nwithin = \"1s\"\nevery = \"200ms\"\n\
               timeout = \"3s\"\nwhen = [\"failover\", \"drill\"]\n"
            .to_owned(),
        ..Plot::small()
    };
    let Some(scene) = plot.scene() else {
        return;
    };
    let page = scene.old.web.as_ref().unwrap().root(WWW).join("new");
    std::fs::write(page, "only the old side has it").unwrap();
    let (before, serial) = (scene.zone(), scene.serial());
    let done = scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(5);
    assert_eq!(scene.zone(), before, "{done}");
    assert_eq!(scene.serial(), serial + 2, "there and back: {done}");
    let done = done
        .says("smoke fail")
        .says("404")
        .says("old serves, as before; 1 change put back");
    assert_eq!(scene.newest_run()["ending"], "undone", "{done}");
}

#[test]
fn an_edit_of_somebody_else_is_never_overwritten() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let drill = scene.drill_there();
    drill.wait_for("holding 10m");
    scene.somebody_else_writes("203.0.113.77");
    let theirs = scene.zone();
    let serial = scene.serial();
    let id = scene.newest_run()["run"].as_str().unwrap().to_owned();
    scene.run(&["rollback", &id, "--yes"]).exits(8);
    let held = drill.end().exits(6);
    assert_eq!((scene.zone(), scene.serial()), (theirs, serial), "{held}");
    let held = held
        .says("somebody else wrote here")
        .says("changed by somebody else");
    held.says(&format!("cutover show {id}"))
        .says(&format!("cutover rollback {id}"));

    // The address is as the run left it, and the TTL is not ours: it is named before anything is touched.
    scene.somebody_else_writes("198.51.100.20");
    let theirs = scene.zone();
    let still = scene.run(&["rollback", "--yes"]).exits(4);
    let still =
        still.complains("(TTL 300) instead of `198.51.100.20` (TTL 1); nothing was touched");
    assert_eq!(scene.zone(), theirs, "{still}");
    still.complains(&format!(
        "`cutover rollback {id} --anyway` puts back all the rest"
    ));
}

#[test]
fn a_playbook_that_is_not_valid_is_shown_in_colour_and_nothing_is_escaped() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("broken.toml"), "[playbook\n").unwrap();
    for verb in ["check", "plan", "failover"] {
        let mut command = cutover();
        command
            .args([verb, "broken.toml", "--color", "always"])
            .current_dir(folder.path());
        if verb == "failover" {
            command.arg("--yes");
        }
        let done = Running::start(command, folder.path(), Vec::new()).end();
        let done = done.exits(3).complains("\x1b[").complains("broken.toml:1");
        assert!(!done.err.contains("\\u{1b}"), "{done}");
    }
}

#[test]
fn who_names_no_playbook_is_told_what_may_be_meant() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("all")).unwrap();
    std::fs::write(folder.path().join("demo.toml"), "").unwrap();
    for (given, hint) in [
        ("all", "name one playbook in it"),
        ("demo", "did you mean `demo.toml`?"),
        ("dmeo", "No such file"),
    ] {
        let mut command = cutover();
        command.args(["check", given]).current_dir(folder.path());
        let done = Running::start(command, folder.path(), Vec::new()).end();
        done.exits(2).complains(hint);
    }
}

#[test]
fn where_a_person_sends_it_to_the_side_that_serves_nothing_false_is_said_of_the_other() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    let done = scene.run(&["plan", "PLAYBOOK", "--to", "old"]).exits(0);
    done.says("nothing was changed");
    std::fs::write(
        scene.old.web.as_ref().unwrap().root(WWW).join("index.html"),
        "",
    )
    .unwrap();
    let done = scene.run(&["failover", "PLAYBOOK", "--to", "old", "--yes"]);
    let done = done.exits(4).says("nothing was changed");
    assert!(!done.out.contains("new serves"), "{done}");
}

#[test]
fn a_run_that_writes_the_same_names_is_named_as_it_can_be_followed() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let state = ["--yes", "--state", "my state"];
    let drill = scene.start(&[&["drill", "PLAYBOOK"], &state[..]].concat());
    scene.wait_for_flip_to(&scene.new);
    let other = (scene.text()).replacen("name = \"site\"", "name = \"other\"", 1);
    std::fs::write(scene.folder.path().join("other.toml"), other).unwrap();
    let refused = scene.run(&[&["failover", "other.toml"], &state[..]].concat());
    refused
        .exits(8)
        .complains("`cutover show --follow ")
        .complains("-drill-")
        .complains(" --state 'my state'`");
    assert!(scene.leads_to(&scene.new));
    drop(drill);
}

#[test]
fn a_family_that_the_playbook_forgot_at_both_sides_stays_and_that_is_said() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    let mut text = scene.text();
    for place in [&scene.old, &scene.new] {
        let both = format!("addresses = {:?}", place.addresses);
        assert!(text.contains(&both), "{text}");
        text = text.replace(&both, &format!("addresses = {:?}", &place.addresses[1..]));
    }
    // The probes by name would see it here, where nobody answers at these addresses.
    let public = text.find("[[step]]\nid = \"public\"").unwrap();
    let behind = text[public + 1..].find("[[step]]");
    let end = behind.map_or(text.len(), |at| public + 1 + at);
    text.replace_range(public..end, "");
    scene.write_playbook(&text);
    let stays = "does not move: it leads to neither site";
    scene
        .run(&["plan", "PLAYBOOK", "--to", "new"])
        .exits(9)
        .says("it leads to neither site");
    let done = scene.run(&["failover", "PLAYBOOK", "--to", "new", "--yes"]);
    let done = done.exits(9).says("www.site.example. A");
    let flat = done.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("Does every service move? no: "), "{done}");
    let owed = scene.run(&["owed"]);
    assert!(owed.out.contains(stays), "{owed}");
}
