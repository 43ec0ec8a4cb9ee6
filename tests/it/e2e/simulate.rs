//! `cutover simulate` with the real program: what it prints, writes and ends with.

use std::path::Path;
use std::process::Command;

use super::program::{Done, Running, cutover};
use crate::lab::read;
use crate::playbooks::{SMALL, verified_too_early};

fn simulate(folder: &Path, arguments: &[&str]) -> Done {
    let mut command: Command = cutover();
    command.current_dir(folder).arg("simulate").args(arguments);
    // Nothing of it is kept, and nothing of a network is there to be asked.
    command.env("CUTOVER_STATE", "/nowhere");
    Running::start(command, folder, Vec::new()).end()
}

fn folder(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("site.toml"), text).unwrap();
    dir
}

#[test]
fn a_playbook_that_holds_is_told_in_full() {
    let dir = folder(SMALL);
    let done = simulate(dir.path(), &["site.toml", "--faults", "2"]).exits(0);
    insta::assert_snapshot!(done.complains_of_nothing().out);
}

#[test]
fn a_playbook_that_cannot_end_well_is_a_story_with_what_to_change() {
    let dir = folder(&verified_too_early());
    let done = simulate(dir.path(), &["site.toml", "--mode", "failover"]).exits(3);
    for part in [
        "BROKEN  a success is reachable at all",
        "success-is-reachable is broken in a failover:",
        "`public` waits for a change that comes after it: move it behind",
        "cutover simulate site.toml --story 'failover:nothing'",
    ] {
        assert!(done.out.contains(part), "{part}: {done}");
    }
    // The command that it names tells the same again.
    let again = simulate(dir.path(), &["site.toml", "--story", "failover:nothing"]).exits(3);
    for part in [
        "success-is-reachable is broken: it never ends well",
        "to mend it: `public` waits for a change that comes after it: move it behind",
    ] {
        assert!(again.out.contains(part), "{part}: {again}");
    }
    // On the line of the step, for a pull request.
    let done = simulate(
        dir.path(),
        &["site.toml", "--mode", "failover", "--format", "github"],
    );
    let line = 1
        + (verified_too_early().lines())
            .position(|line| line == "id = \"public\"")
            .unwrap();
    let done = done.exits(3);
    let begins = format!("::error file=site.toml,line={}", line - 1);
    assert!(done.out.starts_with(&begins), "{begins}: {done}");
}

#[test]
fn a_story_is_told_again_by_its_name() {
    let dir = folder(SMALL);
    let story = |name: &str| simulate(dir.path(), &["site.toml", "--story", name]);
    let done = story("failover:flip/write=unsaid").exits(0);
    insta::assert_snapshot!(done.complains_of_nothing().out);
    for (name, complaint) in [
        ("flip/write=unsaid", "begins with a mode"),
        ("failover:flap/write=unsaid", "did you mean `flip`?"),
        ("failover:flip/write=unsad", "did you mean `unsaid`?"),
        ("", "like `drill:nothing`"),
        ("failover:", "`nothing` is the story in which nothing does"),
    ] {
        story(name).exits(2).complains(complaint);
    }
    // A fault that cannot strike there is no story.
    story("failover:works/write=lies")
        .exits(3)
        .says("never comes to that point");
}

#[test]
fn the_story_of_the_readme_is_told_so() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = read(&root.join("README.md"));
    let (_, shown) = readme.split_once("\n$ cutover simulate ").unwrap();
    let (command, rest) = shown.split_once('\n').unwrap();
    let (output, _) = rest.split_once("```").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut command_line: Command = cutover();
    command_line.current_dir(root).arg("simulate");
    command_line.args(command.split(' '));
    let done = Running::start(command_line, dir.path(), Vec::new()).end();
    assert_eq!(done.exits(0).out, output);
}

#[test]
fn programs_get_json_junit_and_a_page() {
    let dir = folder(SMALL);
    let done = simulate(
        dir.path(),
        &[
            "site.toml",
            "--faults",
            "1",
            "--format",
            "json",
            "--html",
            "page.html",
        ],
    );
    let done = done.exits(0).complains_of_nothing();
    let found: serde_json::Value = serde_json::from_str(done.out.trim()).unwrap();
    assert_eq!(found["playbook"], "small-site");
    let runs = found["runs"].as_array().unwrap();
    let modes: Vec<&str> = runs
        .iter()
        .map(|run| run["mode"].as_str().unwrap())
        .collect();
    assert_eq!(modes, ["plan", "drill", "failover", "emergency"]);
    for run in runs {
        assert_eq!(run["complete"], true);
        assert!(run["states"].as_u64().unwrap() > 30, "{run}");
        // A dry run has no journal on a disk, around whose lines it could be killed.
        let promised = run["mode"] == "failover" || run["mode"] == "emergency";
        assert_eq!(run["times"]["rto"] == "10m", promised, "{run}");
        let least = if run["mode"] == "plan" { 10 } else { 60 };
        assert!(run["performed"].as_u64().unwrap() > least, "{run}");
    }
    let page = read(&dir.path().join("page.html"));
    assert!(page.contains("<h3>Step by fault: emergency</h3>"));
    assert!(page.contains("Every rule holds"));

    let done = simulate(
        dir.path(),
        &["site.toml", "--faults", "1", "--format", "junit"],
    );
    let done = done.exits(0);
    assert!(done.out.starts_with("<?xml"), "{done}");
    assert!(
        done.out.contains("<testsuite name=\"small-site\""),
        "{done}"
    );
}

#[test]
fn a_folder_ends_with_one_table() {
    let dir = folder(SMALL);
    let other = SMALL.replace("name = \"small-site\"", "name = \"other-site\"");
    std::fs::write(dir.path().join("other.toml"), other).unwrap();
    std::fs::write(dir.path().join("broken.toml"), "[playbook]\n").unwrap();
    let done = simulate(dir.path(), &[".", "--faults", "1"]).exits(3);
    assert!(done.err.contains("broken.toml"), "{done}");
    let rows: Vec<&str> = done.out.lines().collect();
    assert_eq!(rows.len(), 3, "{done}");
    assert!(
        rows[1].starts_with("other-site ") && rows[1].ends_with("holds"),
        "{done}"
    );
    assert!(
        rows[2].starts_with("small-site ") && rows[2].ends_with("holds"),
        "{done}"
    );
}

#[test]
fn fewer_states_than_there_are_is_said_loudly() {
    let dir = folder(SMALL);
    let done = simulate(dir.path(), &["site.toml", "--max-states", "50"]).exits(3);
    assert!(done.out.contains("not all that can happen"), "{done}");
    // Nothing is said to be broken that was not looked at, however few they are.
    for few in ["0", "10"] {
        let few = ["site.toml", "--mode", "failover", "--max-states", few];
        let done = simulate(dir.path(), &few).exits(3);
        assert!(done.out.contains("not all that can happen"), "{done}");
        assert!(!done.out.contains("BROKEN  "), "{done}");
    }
}

#[test]
fn a_world_without_an_end_is_refused() {
    let dir = folder(SMALL);
    let endless = simulate(dir.path(), &["site.toml", "--world", "/dev/zero"]);
    let why = "`/dev/zero`: it is a device, not a regular file";
    endless.exits(2).complains(why);
}

#[test]
fn a_page_that_cannot_be_written_takes_no_result_away() {
    let dir = folder(SMALL);
    let nowhere = [
        "site.toml",
        "--mode",
        "plan",
        "--format",
        "json",
        "--html",
        "none/page.html",
    ];
    let done = simulate(dir.path(), &nowhere).exits(2);
    // What was found is the one object.
    let found: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(found["playbook"], "small-site");
    done.complains("failed to write `none/page.html`");
}

#[test]
fn twelve_playbooks_that_share_steps_are_simulated_together() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir().unwrap();
    let twelve = root.join("playbooks/twelve");
    let mut command: Command = cutover();
    command.current_dir(dir.path()).arg("simulate").arg(&twelve);
    command.args(["--faults", "1", "--mode", "failover"]);
    let done = Running::start(command, dir.path(), Vec::new()).end();
    let done = done.exits(0).complains_of_nothing();
    let rows: Vec<&str> = done.out.lines().collect();
    assert_eq!(rows.len(), 13, "{done}");
    assert!(rows[0].starts_with("PLAYBOOK"), "{done}");
    assert!(
        rows[1..].iter().all(|row| row.ends_with("  holds")),
        "{done}"
    );
}
