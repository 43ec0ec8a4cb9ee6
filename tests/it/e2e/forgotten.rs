//! What a run wrote, and a newer one that led the other way had nothing to do with any more.

use rustix::process::Signal;

use super::over::{PAUSE, id, with_file};
use super::scene::{ARCHIVE, NEW, OLD, Plot, Scene, ZONE};

const NAGIOS: [&str; 4] = ["check", "PLAYBOOK", "--format", "nagios"];

/// The playbook without what stands from `from` to the next `to`.
fn without(text: &str, from: &str, to: &str) -> String {
    let (before, rest) = text.split_once(from).unwrap();
    let (_, after) = rest.split_once(to).unwrap();
    format!("{before}{to}{after}")
}

/// How the machine of a run is named that was made here.
fn here() -> String {
    let uname = rustix::system::uname();
    format!("here ({})", uname.nodename().to_string_lossy())
}

fn goes_home(scene: &Scene) {
    let home = ["failover", "PLAYBOOK", "--to", "old", "--yes"];
    scene.run(&home).exits(0);
}

/// A table breaks lines.
pub fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `owed` says `told`, or does not.
fn owed(scene: &Scene, told: &str, is_so: bool) {
    let text = scene.run(&["owed"]).exits(0).out;
    assert_eq!(plain(&text).contains(told), is_so, "{told}: {text}");
}

/// `owed` as text and as JSON and the monitoring's line say `told`, or none of them does.
fn all_say(scene: &Scene, told: &str, is_so: bool) {
    let words = [
        scene.run(&["owed"]).exits(0).out,
        scene.run(&["owed", "--format", "json"]).exits(0).out,
        scene.run(&NAGIOS).exits(i32::from(is_so)).out,
    ];
    for text in words {
        assert_eq!(plain(&text).contains(told), is_so, "{told}: {text}");
    }
}

#[test]
fn a_name_that_left_the_playbook_is_owed_until_it_is_put_back_or_may_stay() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    let run = id(&scene);
    let text = scene.text();
    scene.write_playbook(&without(&text, "[services.archive]", "[[step]]"));
    // What goes the same way leaves nothing.
    let there = ["failover", "PLAYBOOK", "--to", "new", "--yes"];
    scene.run(&there).exits(0);
    scene.run(&["owed"]).exits(0).says("nothing is owed");
    goes_home(&scene);
    let told = |types: &str| {
        format!(
            "a newer run went over run {run} (failover), and what it wrote to {types} is not seen to be put back"
        )
    };
    let [a, aaaa] = ["A", "AAAA"].map(|of| format!("`{ARCHIVE}. {of}`"));
    let both = told(&format!("{a} {aaaa}"));
    all_say(&scene, &both, true);
    scene.run(&NAGIOS).exits(1).says("unfinished_runs=1");
    let (old, new) = (OLD[0], NEW[1]);
    // One of two families, and what leads there under another TTL and beside another address.
    scene.update_zone(&format!(
        "update delete {ARCHIVE} A\nupdate add {ARCHIVE} 300 A {old}\nupdate delete {ARCHIVE} AAAA\n\
         update add {ARCHIVE} 77 AAAA {new}\nupdate add {ARCHIVE} 77 AAAA 2001:db8::99\n"
    ));
    all_say(&scene, &both, true);
    // So does an alias, wherever it leads to that side.
    let gone = format!("update delete {ARCHIVE} A\nupdate delete {ARCHIVE} AAAA\n");
    let side = format!("side.{ZONE}");
    let alias = format!(
        "{gone}update add {side} 300 A {}\nupdate add {ARCHIVE} 300 CNAME {side}.\n",
        NEW[0]
    );
    scene.update_zone(&alias);
    owed(&scene, &both, true);
    scene.update_zone(&format!(
        "update delete {side} A\nupdate add {side} 300 A {old}\n"
    ));
    owed(&scene, &both, false);
    scene.update_zone(&format!(
        "update delete {ARCHIVE} CNAME\nupdate add {ARCHIVE} 77 AAAA {new}\n"
    ));
    let says = |what: &str| {
        let says = ["owed", "--stays", &run, what, "--reason", "it lives there"];
        scene.run(&says)
    };
    says("end").exits(2).complains("it owes `put back flip`");
    says("put back flip").exits(0);
    all_say(&scene, "went over run", false);
    let all = scene.run(&["owed", "--all"]).exits(0);
    all.says("it lives there").says(&run);
    let runs = scene.run(&["runs"]).exits(0);
    assert!(!runs.out.contains("owed"), "{runs}");
    // What is there later was not meant; and nobody is asked where it leads home.
    scene.update_zone(&format!(
        "update delete {ARCHIVE} AAAA\nupdate add {ARCHIVE} 78 AAAA {new}\n"
    ));
    all_say(&scene, &both, true);
    scene.update_zone(&format!(
        "update delete {ARCHIVE} AAAA\nupdate add {ARCHIVE} 78 AAAA {}\n",
        OLD[1]
    ));
    all_say(&scene, "went over run", false);
}

#[test]
fn steps_that_left_the_playbook_are_owed_until_they_are_put_back_or_may_stay() {
    let act = "[[step]]\nid = \"act\"\nkind = \"command\"\non = \"local\"\nrun = [\"true\"]\nundo = [\"echo\", \"back\"]\n";
    let Some((scene, file, _folder)) = with_file("", act) else {
        return;
    };
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    let run = id(&scene);
    let text = scene.text();
    // As long as the playbook has them they are its business.
    goes_home(&scene);
    scene.run(&["owed"]).exits(0).says("nothing is owed");
    scene.run(&["rollback", "--yes"]).exits(0);
    scene.write_playbook(&without(
        &text,
        "[[step]]\nid = \"file\"",
        "[[step]]\nid = \"published\"",
    ));
    goes_home(&scene);
    let told = |what: &str| {
        format!("a newer run went over run {run} (failover), and what {what} is not seen")
    };
    let read = format!("it wrote to `file` (`cat {} {}`)", file.display(), here());
    all_say(&scene, &told(&read), true);
    all_say(&scene, "before the run `printed`: `old`", true);
    all_say(&scene, &told("`act` did"), true);
    all_say(&scene, "what undoes `act`: echo back", true);
    std::fs::write(&file, "old").unwrap();
    let says = [
        "owed",
        "--stays",
        &run,
        "put back act",
        "--reason",
        "it does no harm",
    ];
    scene.run(&says).exits(0);
    all_say(&scene, "went over run", false);
}

#[test]
fn what_a_run_that_never_ended_left_can_be_said_to_stay() {
    let Some((scene, file, _folder)) = with_file("", PAUSE) else {
        return;
    };
    let run = scene.start(&["failover", "PLAYBOOK", "--yes"]);
    run.wait_for("waiting 10m");
    run.signal(Signal::KILL);
    run.end();
    let run = id(&scene);
    let text = scene.text();
    scene.write_playbook(&without(
        &text,
        "[[step]]\nid = \"file\"",
        "[[step]]\nid = \"published\"",
    ));
    scene.goes_in_an_emergency_to("old");
    let read = file.display();
    let here = here();
    let told = format!("what it wrote to `file` (`cat {read} {here}`) is not seen to be put back");
    let told = told.as_str();
    all_say(&scene, told, true);
    let says = |what: &str| {
        let says = [
            "owed",
            "--stays",
            &run,
            what,
            "--reason",
            "new suits the old side",
        ];
        scene.run(&says)
    };
    says(&format!("end {run}"))
        .exits(2)
        .complains("it owes `put back file`");
    says("put back file").exits(0);
    all_say(&scene, told, false);
    // It stays so as long as it is so.
    std::fs::write(&file, "new ").unwrap();
    all_say(&scene, told, false);
    let show = scene.run(&["show", &run]).exits(0);
    show.says("new suits the old side");
}

#[test]
fn a_setting_is_the_same_whatever_its_step_is_called_and_another_where_it_lies_elsewhere() {
    let Some((scene, file, folder)) = with_file("", "") else {
        return;
    };
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    let text = scene.text();
    // The step keeps its name, and writes another file.
    let other = folder.path().join("other");
    std::fs::write(&other, "old").unwrap();
    let [this, that] = [&file, &other].map(|path| format!("{path:?}"));
    scene.write_playbook(&text.replace(&this, &that));
    goes_home(&scene);
    let told = format!(
        "what it wrote to `file` (`cat {} {}`)",
        file.display(),
        here()
    );
    all_say(&scene, &told, true);
    // What cannot be read is owed, and the list says by its exit code that it did not see all.
    std::fs::remove_file(&file).unwrap();
    let unread = scene.run(&["owed"]).exits(9);
    assert!(plain(&unread.out).contains(&told), "{unread}");
    let said = "not all of it can be looked at now";
    assert!(plain(&unread.out).contains(said), "{unread}");
    std::fs::write(&file, "old").unwrap();
    owed(&scene, "went over run", false);
    // It is found again by a step of another name, which finds it as it shall be.
    std::fs::write(&file, "new").unwrap();
    owed(&scene, &told, true);
    scene.write_playbook(&text.replace("id = \"file\"", "id = \"setting\""));
    scene
        .run(&["failover", "PLAYBOOK", "--to", "new", "--yes"])
        .exits(0);
    goes_home(&scene);
    owed(&scene, "went over run", false);
}
