//! What each verb prints in a pipe, word for word; and which terminal gets colour.

use regex_lite::Regex;

use super::program::Done;
use super::scene::{Plot, Scene};
use super::terminal::{NAME, answer};
use crate::lab::have;

/// Puts words in the place of what differs from run to run and from machine to machine.
pub(super) fn redacted(text: &str) -> String {
    let rules = [
        // Only where they have not expired by then.
        (
            r";\s+caches\s+that\s+keep\s+to\s+the\s+rules\s+(have\s+let\s+the\s+old\s+records\s+go|may\s+hold\s+the\s+old\s+records\s+until[-0-9:\s]+UTC(\s+\([^)]*\))?)",
            "",
        ),
        // As long as it was, so that columns stay where they are.
        (
            r"\d{8}-\d{6}-([a-z]+)-[0-9a-z]{3}",
            "YYYYMMDD-HHMMSS-$1-xyz",
        ),
        (
            // Where the line wraps depends on the name of this machine.
            r"\s+by\s+ops@[^\s,]+,\s+took\s+[0-9a-z. ]+",
            " by ops@HOST, took TIME",
        ),
        (r"ops@[^\s,:;]+", "ops@HOST"),
        (r"\d{4}-\d\d-\d\d", "DATE"),
        (r"\d\d:\d\d:\d\d", "HH:MM:SS"),
        (r"(127\.0\.0\.1|\[::1\]):\d+", "$1:PORT"),
        (r"server ::1 \d+", "server ::1 PORT"),
        (
            r"(?m)(RTO|way back took) \d[0-9a-z. ]*?( of|,|$)",
            "$1 TIME$2",
        ),
        (r"UTC(\s)\(\d[0-9a-z. ]*\)", "UTC$1(TIME)"),
        (r"for \d[0-9a-z. ]*\)", "for TIME)"),
        (r"serial \d+", "serial NUMBER"),
        (r"time=\d+\.\d+s", "time=TIME"),
        (r"\d+\.\d/s at dedicated", "RATE/s at dedicated"),
        (r"TOOK +", "TOOK  "),
        (r"old -> new  \d[0-9a-z. ]*?  +", "old -> new  TIME  "),
    ];
    rules.iter().fold(text.to_owned(), |text, (pattern, word)| {
        let rule = Regex::new(pattern).unwrap();
        rule.replace_all(&text, *word).into_owned()
    })
}

/// Sorts the findings of each batch by their text: they are told as they are found, and who is first differs
/// from run to run. A row belongs to the finding above it.
pub(super) fn sorted_where(
    text: &str,
    is_finding: impl Fn(&str) -> bool,
    is_row: impl Fn(&str) -> bool,
) -> String {
    let mut lines = String::new();
    let mut batch: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        if is_finding(line) {
            batch.push(line.to_owned());
        } else if let Some(finding) = batch.last_mut().filter(|_| is_row(line)) {
            finding.push_str(line);
        } else {
            batch.sort();
            lines.extend(batch.drain(..));
            lines.push_str(line);
        }
    }
    batch.sort();
    lines.extend(batch);
    lines
}

fn in_order(text: &str) -> String {
    let finding = "pass     |warn     |late     |unknown  |fail     ";
    let told = format!(r"^HH:MM:SSZ  (({finding})\S|run +\d+ baseline)");
    let told = Regex::new(&told).unwrap();
    sorted_where(
        text,
        // What a change settled to comes before what is found behind it.
        |line| told.is_match(line) && !line.ends_with(", and seen so\n"),
        |line| line.starts_with("          "),
    )
}

fn golden(name: &str, done: &Done) {
    let code = done.code.unwrap();
    let mut text = format!("exit {code}\n{}", in_order(&redacted(&done.out)));
    if !done.err.is_empty() {
        text += &format!("--- standard error\n{}", redacted(&done.err));
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

fn side_by_side(kind: &str) -> bool {
    matches!(kind, "looked" | "baseline-taken")
}

fn scene() -> Option<Scene> {
    Plot::small().scene()
}

#[test]
fn every_verb_in_a_pipe() {
    let Some(scene) = scene() else { return };
    let verbs: &[(&str, &[&str])] = &[
        ("lint", &["lint", "PLAYBOOK"]),
        ("kinds", &["kinds"]),
        ("kinds_of_services", &["kinds", "services"]),
        ("check", &["check", "PLAYBOOK"]),
        ("check_nagios", &["check", "PLAYBOOK", "--format", "nagios"]),
        ("plan_commands", &["plan", "PLAYBOOK", "--commands"]),
        ("owed_nothing", &["owed"]),
        ("drill", &["drill", "PLAYBOOK", "--yes"]),
        ("show_drill", &["show"]),
        ("runs", &["runs", "-n", "1"]),
        ("failover", &["failover", "PLAYBOOK", "--yes"]),
        ("rollback_unasked", &["rollback"]),
        ("rollback_dry_run", &["rollback", "--dry-run"]),
        ("rollback", &["rollback", "--yes"]),
        ("rollback_twice", &["rollback", "--yes"]),
    ];
    scene.playbook();
    for (name, arguments) in verbs {
        golden(name, &scene.run(arguments));
    }
    // As events: the order is the story, but for what is found side by side.
    let shown = scene.run(&["show", "--format", "json"]).exits(0);
    let records = shown
        .out
        .lines()
        .map(|line| -> serde_json::Value { serde_json::from_str(line).unwrap() });
    let records: Vec<_> = records.collect();
    assert!(
        (0..)
            .zip(&records)
            .all(|(seq, record)| record["seq"] == seq)
    );
    let kinds = records
        .iter()
        .map(|record| record["event"]["is"].as_str().unwrap());
    let mut kinds: Vec<&str> = kinds.collect();
    for batch in kinds.chunk_by_mut(|a, b| side_by_side(a) && side_by_side(b)) {
        batch.sort_unstable();
    }
    let kinds: Vec<String> = kinds.iter().map(|kind| format!("{kind}\n")).collect();
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("show_json_of_failover_and_rollback", kinds.concat());
    });
}

#[test]
fn a_run_that_is_held_and_gone_on_with_in_a_pipe() {
    let plot = Plot {
        more: "[[step]]\nid = \"smoke\"\nkind = \"http\"\nat = \"public\"\non-fail = \"hold\"\n\
               url = \"http://www.site.example/new\"\nwithin = \"0s\"\ntimeout = \"3s\"\n\
               [[step]]\nid = \"pause\"\nkind = \"wait\"\ntime = \"10ms\"\n"
            .to_owned(),
        ..Plot::small()
    };
    let Some(scene) = plot.scene() else {
        return;
    };
    golden(
        "failover_held",
        &scene.run(&["failover", "PLAYBOOK", "--yes"]),
    );
    golden("resume_held_again", &scene.run(&["resume", "--yes"]));
    for place in [&scene.old, &scene.new] {
        let page = place.web.as_ref().unwrap().root(super::scene::WWW);
        std::fs::write(page.join("new"), "here it is").unwrap();
    }
    golden("resume", &scene.run(&["resume", "--yes"]));
    golden("resume_nothing", &scene.run(&["resume"]));
}

#[test]
fn an_emergency_and_what_it_leaves_in_a_pipe() {
    let Some(scene) = scene() else { return };
    let emergency = ["failover", "PLAYBOOK", "--emergency", "--yes"];
    golden("emergency", &scene.run(&emergency));
    golden("owed", &scene.run(&["owed"]));
    golden("owed_json", &scene.run(&["owed", "--format", "json"]));
}

/// A demo is refused before it changes anything, so that only its folder differs from run to run.
#[test]
fn the_demo_in_a_pipe() {
    if !have(&["rsync", "dpkg-query"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let lab = folder.path().join("lab");
    let mut command = super::program::cutover();
    command.args(["demo", "--break", "packages", "--in"]);
    command.arg(&lab).env("USER", "ops");
    let mut demo = super::program::Running::start(command, folder.path(), Vec::new()).end();
    let at = lab.display().to_string();
    demo.out = demo.out.replace(&at, "LAB");
    demo.err = demo.err.replace(&at, "LAB");
    golden("demo", &demo);
}

#[test]
fn a_person_at_a_terminal_types_the_name() {
    let Some(scene) = Plot::small().scene_with(&["script"]) else {
        return;
    };
    let serial = scene.serial();
    let mut refused = scene.start_on_terminal(&["failover", "PLAYBOOK"], &[]);
    answer(&mut refused, NAME, "no\n");
    let refused = refused.end().exits(4).says("declined; nothing was touched");
    assert_eq!(scene.serial(), serial, "{refused}");

    let mut drill = scene.start_on_terminal(&["drill", "PLAYBOOK", "--hold", "10m"], &[]);
    answer(&mut drill, NAME, "site\n");
    scene.wait_for_flip_to(&scene.new);
    drill.wait_for("holding");
    drill.wait_for("Enter comes back now");
    // Enter ends the hold early.
    drill.type_text("\n");
    let drill = drill.end().exits(0);
    let drill = drill.says("done, and seen so").says("\u{1b}[");
    let drill = drill.says("Is it fast enough for the load?");
    if drill.out.contains("\u{1b}[?25l") {
        let (hidden, shown) = (
            drill.out.rfind("\u{1b}[?25l"),
            drill.out.rfind("\u{1b}[?25h"),
        );
        assert!(shown > hidden, "the cursor stays hidden: {drill}");
    }
    assert!(scene.leads_to(&scene.old), "{drill}");
}

#[test]
fn a_terminal_without_colour_gets_none() {
    if !have(&["script"]) {
        return;
    }
    let Some(scene) = scene() else { return };
    let colour = Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    let plain = scene
        .start_on_terminal(&["check", "PLAYBOOK"], &[("NO_COLOR", "1")])
        .end();
    assert!(!colour.is_match(&plain.exits(0).out));
    let dumb = scene
        .start_on_terminal(&["check", "PLAYBOOK"], &[("TERM", "dumb")])
        .end();
    assert!(!colour.is_match(&dumb.exits(0).out));
    let coloured = scene
        .start_on_terminal(&["check", "PLAYBOOK"], &[])
        .end()
        .exits(0);
    assert!(colour.is_match(&coloured.out), "{coloured}");
    let piped = scene.run(&["check", "PLAYBOOK"]).exits(0);
    assert!(!piped.out.contains('\u{1b}'), "{piped}");
    let forced = scene
        .run(&["check", "PLAYBOOK", "--color", "always"])
        .exits(0);
    assert!(colour.is_match(&forced.out), "{forced}");
}
