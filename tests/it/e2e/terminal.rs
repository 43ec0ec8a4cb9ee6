//! What each verb leaves on a terminal, word for word: the real program's bytes, drawn as a terminal would.

use std::io::Write as _;

use regex_lite::Regex;

use super::golden::{redacted, sorted_where};
use super::program::{COLUMNS, Done, Running, on_terminal};
use super::scene::{Plot, Scene, WWW};
use super::screen::Screen;
use crate::lab::have;

/// What stands on the screen in the end, and what was scrolled off above it.
fn drawn(bytes: &str) -> String {
    let mut screen = Screen::new(COLUMNS);
    screen.write_all(bytes.as_bytes()).unwrap();
    screen.text()
}

/// Puts the findings of a batch into the order of their text.
fn in_order(text: &str) -> String {
    let finding = Regex::new("^[✓!◷?✗] [a-z]").unwrap();
    sorted_where(
        text,
        // What a change settled to comes before what is found behind it.
        |line| finding.is_match(line) && !line.ends_with(", and seen so\n"),
        // A long command goes on at the beginning of the next row.
        |line| !line.trim().is_empty() && !line.starts_with(['✓', '!', '◷', '?', '✗', '·', '→']),
    )
}

/// A sentence with the name of this machine wraps where that name lets it.
fn unwrapped(text: &str) -> String {
    let started = Regex::new(r"(?m)^· [a-z]+ of [^\n]*\n?[^\n]*\(cutover [0-9.]+\)$").unwrap();
    let one_line = |found: &regex_lite::Captures<'_>| {
        let words: Vec<&str> = found[0].split_whitespace().collect();
        words.join(" ")
    };
    started.replace_all(text, one_line).into_owned()
}

fn golden(name: &str, done: &Done) {
    let code = done.code.unwrap();
    let screen = in_order(&redacted(&unwrapped(&drawn(&done.out))));
    let text = format!("exit {code}\n{screen}");
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("terminal_{name}"), text);
    });
}

fn scene(plot: Plot) -> Option<Scene> {
    plot.scene_with(&["script"])
}

/// Types something as soon as it is asked for.
pub(super) fn answer(running: &mut Running, question: &str, text: &str) {
    running.wait_for(question);
    running.type_text(text);
}

pub(super) const NAME: &str = "Type the playbook's name (site)";

#[test]
fn every_verb_on_a_terminal() {
    let Some(scene) = scene(Plot::staying()) else {
        return;
    };
    scene.playbook();
    let verb = |name: &str, arguments: &[&str]| {
        golden(name, &scene.start_on_terminal(arguments, &[]).end());
    };
    verb("lint", &["lint", "PLAYBOOK"]);
    verb("kinds", &["kinds"]);
    verb("kinds_of_wait", &["kinds", "wait"]);
    verb("owed_nothing", &["owed"]);
    verb("check", &["check", "PLAYBOOK"]);
    verb("plan_commands", &["plan", "PLAYBOOK", "--commands"]);

    let mut drill = scene.start_on_terminal(&["drill", "PLAYBOOK"], &[]);
    answer(&mut drill, NAME, "site\n");
    // Enter ends the hold early.
    answer(&mut drill, "Enter comes back before the time is up", "\n");
    golden("drill", &drill.end());
    verb("show", &["show"]);

    let mut failover = scene.start_on_terminal(&["failover", "PLAYBOOK"], &[]);
    answer(&mut failover, NAME, "no\n");
    golden("failover_declined", &failover.end());
    let mut failover = scene.start_on_terminal(&["failover", "PLAYBOOK"], &[]);
    answer(&mut failover, NAME, "site\n");
    golden("failover", &failover.end());
    verb("runs", &["runs", "-n", "2"]);
    verb("rollback", &["rollback"]);
    verb("rollback_twice", &["rollback"]);
}

#[test]
fn a_run_that_asks_what_to_do_on_a_terminal() {
    let Some(scene) = scene(Plot {
        more: "[[step]]\nid = \"sure\"\nkind = \"approve\"\nquestion = \"Is the office told?\"\n\
               [[step]]\nid = \"smoke\"\nkind = \"http\"\nat = \"public\"\non-fail = \"hold\"\n\
               url = \"http://www.site.example/new\"\nwithin = \"0s\"\ntimeout = \"3s\"\n\
               [[step]]\nid = \"pause\"\nkind = \"wait\"\ntime = \"10ms\"\n"
            .to_owned(),
        ..Plot::small()
    }) else {
        return;
    };
    let mut failover = scene.start_on_terminal(&["failover", "PLAYBOOK"], &[]);
    answer(&mut failover, NAME, "site\n");
    answer(&mut failover, "Is the office told? [yes/no]", "yes\n");
    answer(&mut failover, "Look [a]gain", "s\n");
    golden("failover_stopped", &failover.end());
    for place in [&scene.old, &scene.new] {
        let page = place.web.as_ref().unwrap().root(WWW);
        std::fs::write(page.join("new"), "here it is").unwrap();
    }
    golden("resume", &scene.start_on_terminal(&["resume"], &[]).end());
}

#[test]
fn an_emergency_on_a_terminal() {
    let Some(scene) = scene(Plot::small()) else {
        return;
    };
    let mut emergency = scene.start_on_terminal(&["failover", "PLAYBOOK", "--emergency"], &[]);
    answer(&mut emergency, NAME, "site\n");
    golden("emergency", &emergency.end());
    golden("owed", &scene.start_on_terminal(&["owed"], &[]).end());
}

#[test]
fn the_demo_on_a_terminal() {
    if !have(&["rsync", "dpkg-query", "script"]) {
        return;
    }
    // The name of the folder is always as long as this, so that each line wraps where it always does.
    let mut folder = tempfile::Builder::new();
    let folder = folder.prefix("lab-").rand_bytes(6).tempdir_in("/tmp");
    let folder = folder.unwrap();
    let mut command = on_terminal(&["demo", "--break", "packages", "--in", "lab"]);
    command.current_dir(folder.path()).env("USER", "ops");
    let mut demo = Running::start(command, folder.path(), Vec::new()).end();
    let name = folder.path().display().to_string();
    demo.out = demo.out.replace(&name, "/tmp/lab-RANDOM");
    golden("demo", &demo);
}
