//! Arguments, playbooks that are not valid, and readers that go away.

use std::process::{Command, Stdio};

use super::program::{Done, Running, cutover};
use crate::lab::read;
use crate::playbooks::SMALL;

fn run(folder: &std::path::Path, arguments: &[&str]) -> Done {
    let mut command = cutover();
    command.current_dir(folder).args(arguments);
    command.env("CUTOVER_STATE", folder.join("state"));
    Running::start(command, folder, Vec::new()).end()
}

#[test]
fn a_playbook_that_is_not_valid_shows_where() {
    let dir = tempfile::tempdir().unwrap();
    let text = SMALL.replacen("kind = \"services\"", "kind = \"servces\"", 1);
    std::fs::write(dir.path().join("bad.toml"), text).unwrap();
    for verb in ["lint", "check", "plan", "drill", "failover"] {
        let mut arguments = vec![verb, "bad.toml"];
        if matches!(verb, "drill" | "failover") {
            arguments.push("--yes");
        }
        let done = run(dir.path(), &arguments).exits(3);
        // What lint finds is its result; to the other verbs it is in the way.
        let (told, other) = match verb {
            "lint" => (&done.out, &done.err),
            _ => (&done.err, &done.out),
        };
        for part in ["servces", "bad.toml:", "services", "^^^^^^^"] {
            assert!(told.contains(part), "{part}: {done}");
        }
        assert!(other.is_empty(), "{done}");
    }
    std::fs::write(dir.path().join("good.toml"), SMALL).unwrap();
    run(dir.path(), &["lint", "good.toml"])
        .exits(0)
        .complains_of_nothing()
        .says("good.toml: fine");
    // One that cannot be read does not hide the others.
    run(dir.path(), &["lint", "nowhere.toml", "good.toml"])
        .exits(2)
        .complains("failed to read `nowhere.toml`")
        .says("good.toml: fine");
    // One that is fine does not hide one that is not.
    run(dir.path(), &["lint", "bad.toml", "good.toml"])
        .exits(3)
        .says("good.toml: fine");
}

#[test]
fn wrong_arguments_exit_2() {
    let dir = tempfile::tempdir().unwrap();
    for state in ["state", "my state", "other"] {
        std::fs::create_dir(dir.path().join(state)).unwrap();
    }
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["flail"], "unrecognized subcommand"),
        (&["check"], "<PLAYBOOK>"),
        (&["check", "nowhere.toml"], "failed to read `nowhere.toml`"),
        (&["lint", "nowhere.toml"], "failed to read `nowhere.toml`"),
        (&["drill", "nowhere.toml", "--hold", "soon"], "soon"),
        (&["show", "20200101-nothing"], "there is no run"),
        (&["rollback"], "cutover runs"),
        (&["resume"], "cutover runs"),
        (&["kinds", "servces"], "services"),
        (&["check", "x.toml", "--format", "xml"], "possible values"),
        (&["runs", "-n", "0"], "'0'"),
        (
            &["check", "x.toml", "--format", "junit"],
            "`--format junit` is for `cutover lint`",
        ),
        (
            &["drill", "x.toml", "--format", "github"],
            "`--format github` is for `cutover lint`",
        ),
        (
            &["lint", "x.toml", "--format", "nagios"],
            "`--format nagios` is for `cutover check`",
        ),
        (
            &["failover", "x.toml", "--plan", "p.json", "--to", "b"],
            "cannot be used with",
        ),
        (
            &["failover", "x.toml", "--plan", "p.json", "--dry-run"],
            "cannot be used with",
        ),
        // What to type next names the state folder where a command would not find it by itself.
        (&["rollback"], "see `cutover runs`\n"),
        (
            &["rollback", "--state", "my state"],
            "see `cutover runs --state 'my state'`\n",
        ),
        (
            &["show", "xyz", "--state", "other"],
            "`cutover runs --state other` lists them",
        ),
    ];
    for (arguments, complaint) in cases {
        run(dir.path(), arguments).exits(2).complains(complaint);
    }
    run(dir.path(), &["--help"])
        .exits(0)
        .says("Exit codes say what state the world is in");
    run(dir.path(), &["--version"]).exits(0).says("cutover ");
}

/// A path that was mistyped, in the line of a monitoring system for one, is not taken for a place where all is well.
#[test]
fn nobody_says_that_nothing_is_owed_who_found_no_state() {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("made");
    std::fs::create_dir_all(made.join("lost+found")).unwrap();
    std::fs::create_dir(dir.path().join("other")).unwrap();
    std::fs::write(dir.path().join("other/hosts"), "").unwrap();
    std::fs::write(dir.path().join("good.toml"), SMALL).unwrap();
    let verbs: [&[&str]; 6] = [
        &["owed"],
        &["owed", "--format", "json"],
        &["runs"],
        &["show"],
        &["resume"],
        &["rollback"],
    ];
    let nagios = [
        "check",
        "good.toml",
        "--format",
        "nagios",
        "--within",
        "100ms",
    ];
    for (named, why) in [
        ("mistyped", "there is no state folder `mistyped`: "),
        (
            "other",
            "`other` is no state folder, or its runs are gone: it holds `hosts` and no `cutover.sqlite3`",
        ),
    ] {
        for verb in verbs {
            let done = run(dir.path(), &[verb, &["--state", named]].concat());
            let done = done.exits(2).complains(why);
            for said in ["no runs", "nothing is owed"] {
                assert!(!done.out.contains(said), "{done}");
            }
        }
        let cannot = format!("what earlier runs left cannot be told: {why}");
        // Where the time is over first, too.
        for within in ["100ms", "1ms"] {
            let of = ["--within", within, "--state", named];
            let told = run(dir.path(), &[&nagios[..4], &of].concat());
            told.exits(3).says("CUTOVER UNKNOWN").says(&cannot);
        }
        assert!(!dir.path().join(named).join("cutover.sqlite3").exists());
        assert!(
            !dir.path().join("mistyped").exists(),
            "who looks makes none"
        );
    }
    // So is one that the environment names.
    run(dir.path(), &["owed"])
        .exits(2)
        .complains("there is no state folder ");
    // One that was made for the first run is named, and so is that of a user who never ran anything.
    let none = format!("no runs yet in `{}`\n", made.display());
    for verb in ["owed", "runs"] {
        let done = run(dir.path(), &[verb, "--state", made.to_str().unwrap()]).exits(0);
        assert_eq!(done.out, none, "{done}");
        let mut command = cutover();
        command.args([verb]).env_remove("CUTOVER_STATE");
        command.env("XDG_STATE_HOME", dir.path().join("home"));
        let done = Running::start(command, dir.path(), Vec::new()).end();
        let none = format!("no runs yet in `{}/home/cutover`\n", dir.path().display());
        // Where this machine has a folder for all, that one is named.
        if !std::path::Path::new("/var/lib/cutover").exists() {
            assert_eq!(done.exits(0).out, none);
        }
    }
    run(dir.path(), &["show", "--state", made.to_str().unwrap()])
        .exits(2)
        .complains(none.trim());
    run(
        dir.path(),
        &[&nagios[..], &["--state", made.to_str().unwrap()]].concat(),
    )
    .says(&format!("; {} |", none.trim()));
}

/// Whoever reads objects, or one line, gets one of them, and looks at no other stream.
#[test]
fn what_is_wrong_is_one_object_or_one_line_for_programs() {
    let dir = tempfile::tempdir().unwrap();
    let slip = SMALL.replacen("rto = \"10m\"", "rto = \"10 minuts\"", 1);
    std::fs::write(dir.path().join("slip.toml"), slip).unwrap();
    let verbs = [
        "lint",
        "simulate",
        "explain",
        "check",
        "plan",
        "drill",
        "failover",
        "rollback",
        "resume",
        "runs",
        "show",
        "show-playbook",
        "owed",
        "demo",
        "kinds",
        "schema",
    ];
    let wrong = verbs.map(|verb| vec![verb, "--format", "json", "--nonsense"]);
    let missing = [
        vec!["simulate", "nowhere.toml", "--format=json"],
        vec!["check", "nowhere.toml", "--format", "json"],
        vec!["--format", "json"],
        vec!["flail", "--format", "json"],
    ];
    for arguments in wrong.iter().chain(&missing) {
        let told = run(dir.path(), arguments).exits(2);
        let one: serde_json::Value = serde_json::from_str(&told.out).unwrap();
        let why = one["error"].as_str().unwrap();
        assert!(
            !why.is_empty() && !why.contains('\n'),
            "{arguments:?}: {told}"
        );
        assert_eq!(one["exit"], 2, "{told}");
        assert!(!told.err.is_empty(), "{told}");
    }
    for verb in ["simulate", "check", "plan", "show-playbook"] {
        let told = run(dir.path(), &[verb, "slip.toml", "--format", "json"]).exits(3);
        let one: serde_json::Value = serde_json::from_str(&told.out).unwrap();
        assert_eq!(one["error"], "1 error in slip.toml", "{told}");
        let problems = one["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{told}");
        let message = problems[0]["message"].as_str().unwrap();
        assert!(message.contains("10 minuts"), "{told}");
        assert!(problems[0]["line"].is_u64(), "{told}");
    }
    // For a monitoring system 2 means that the services are down.
    let told = run(dir.path(), &["check", "--format", "nagios", "--nonsense"]).exits(3);
    assert_eq!(told.out.lines().count(), 1, "{told}");
    told.says("CUTOVER UNKNOWN - wrong arguments: unexpected argument '--nonsense' found");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [&["kinds"][..], &["kinds", "services"], &["--help"]] {
        let err = dir.path().join("err");
        let mut child = cutover()
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&err).unwrap())
            .spawn()
            .unwrap();
        // Nobody will ever read.
        drop(child.stdout.take());
        child.wait().unwrap();
        assert_eq!(read(&err), "", "{arguments:?}");
    }
    let program = env!("CARGO_BIN_EXE_cutover");
    let piped = Command::new("sh")
        .args(["-c", &format!("'{program}' kinds | head -1")])
        .output()
        .unwrap();
    assert!(piped.status.success(), "{piped:?}");
    assert!(piped.stderr.is_empty(), "{piped:?}");
    assert_eq!(String::from_utf8_lossy(&piped.stdout).lines().count(), 1);
}

/// A playbook whose provider has its secret in a pipe that nobody writes to.
const SECRET_IN_A_PIPE: &str = r#"
[playbook]
name = "piped"
[hosts.a]
site = "one"
ssh = "a"
addresses = ["192.0.2.1"]
[hosts.b]
site = "two"
ssh = "b"
addresses = ["192.0.2.2"]
[providers.p]
kind = "rfc2136"
server = "127.0.0.1:9"
key = { name = "k", secret = { file = "pipe" } }
[zones."x.example"]
provider = "p"
servers = ["127.0.0.1:9"]
[services.w]
names = ["x.example"]
probes = [{ tcp = 9 }]
[[step]]
id = "flip"
kind = "dns"
services = "all"
"#;

#[test]
fn a_secret_in_a_pipe_is_refused_and_keeps_no_program_alive() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("piped.toml"), SECRET_IN_A_PIPE).unwrap();
    let made = Command::new("mkfifo")
        .arg(dir.path().join("pipe"))
        .status()
        .unwrap();
    assert!(made.success());
    run(dir.path(), &["plan", "piped.toml", "--to", "two"])
        .exits(4)
        .complains("it is a pipe, not a regular file");
    // A monitoring system reads one line of the output, and knows four codes.
    let done = run(dir.path(), &["check", "piped.toml", "--format", "nagios"]).exits(3);
    assert_eq!(done.out.lines().count(), 1, "{done}");
    let done = done
        .says("CUTOVER UNKNOWN - piped: which site is active cannot be read from DNS")
        .complains("it is a pipe, not a regular file");
    drop(done);
    run(dir.path(), &["check", "nowhere.toml", "--format", "nagios"])
        .exits(3)
        .says("CUTOVER UNKNOWN - nowhere: failed to read `nowhere.toml`");
}

#[test]
fn output_that_a_full_disk_does_not_take_is_said_and_is_no_success() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("site.toml"), SMALL).unwrap();
    for arguments in [
        &["lint", "site.toml", "--format", "junit"][..],
        &["show-playbook", "site.toml"],
        &["schema"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let output = cutover()
            .current_dir(dir.path())
            .args(arguments)
            .stdout(full.unwrap())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert_eq!(said.matches("failed to print").count(), 1, "{said}");
    }
}
