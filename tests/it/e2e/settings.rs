//! Runs that only set something on this machine, without a server.

use std::path::Path;

use super::program::{Done, Running, cutover};

fn run(folder: &Path, arguments: &[&str]) -> Done {
    let mut command = cutover();
    command.current_dir(folder).args(arguments);
    command.env("CUTOVER_STATE", folder.join("state"));
    Running::start(command, folder, Vec::new()).end()
}

/// A playbook with these steps, in a folder of its own.
fn folder(steps: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("state")).unwrap();
    let text = format!(
        "[playbook]\nname = \"set\"\n[hosts.o]\nsite = \"old\"\naddresses = [\"127.0.0.1\"]\n[hosts.n]\n\
         site = \"new\"\naddresses = [\"127.0.0.2\"]\n{}",
        steps.replace("DIR", &folder.path().display().to_string())
    );
    std::fs::write(folder.path().join("set.toml"), text).unwrap();
    for file in ["one", "two"] {
        std::fs::write(folder.path().join(file), "old\n").unwrap();
    }
    folder
}

/// A file that this program sets.
fn sets(file: &str, program: &str) -> String {
    format!(
        "[[step]]\nid = \"{file}\"\nkind = \"command\"\non = \"local\"\non-fail = \"hold\"\ntimeout = \"10s\"\n\
         read = [\"cat\", \"DIR/{file}\"]\nwant = \"new\"\nrun = [{program}]\nundo = [\"tee\", \"DIR/{file}\"]\n"
    )
}

const THERE: [&str; 5] = ["failover", "set.toml", "--to", "new", "--yes"];
const NAGIOS: [&str; 6] = ["check", "set.toml", "--to", "new", "--format", "nagios"];

#[test]
fn what_a_rollback_would_be_refused_is_not_proposed() {
    // It says that it is done, and is not.
    let folder = folder(&sets("one", "\"true\""));
    let folder = folder.path();
    run(folder, &THERE).exits(6);
    let accepted = run(folder, &["resume", "--accept", "--yes"]).exits(9);
    accepted.says("not known: 1 change may stand, or not");
    let writes = "writes it back, whatever it shows";
    run(folder, &NAGIOS).exits(2).says(writes);
    // What cannot be read is not written.
    std::fs::remove_file(folder.join("one")).unwrap();
    let told = run(folder, &NAGIOS).exits(2).says("cannot be read");
    assert!(!told.out.contains(writes), "{told}");
    told.says("--dry-run` shows what can be put back");
    run(folder, &["rollback", "--dry-run"]).exits(4);
}

#[test]
fn what_is_gone_in_part_goes_back_and_what_is_done_lands_no_more() {
    let colleague = "[[step]]\nid = \"colleague\"\nkind = \"command\"\non = \"local\"\n\
                     run = [\"cp\", \"DIR/former\", \"DIR/two\"]\nundo = [\"true\"]\n";
    let steps = [
        sets("one", "\"tee\", \"DIR/one\""),
        sets("two", "\"tee\", \"DIR/two\""),
        colleague.to_owned(),
    ];
    let folder = folder(&steps.concat());
    let folder = folder.path();
    std::fs::write(folder.join("former"), "old\n").unwrap();
    let held = run(folder, &THERE).exits(6);
    assert!(!held.out.contains("--anyway"), "{held}");
    let owed = run(folder, &["owed"]).exits(0);
    assert!(!owed.out.contains("may still land"), "{owed}");
    assert!(!owed.out.contains("--anyway"), "{owed}");
    run(folder, &["rollback", "--dry-run"]).exits(0);
    run(folder, &["rollback", "--yes"]).exits(0);
    for file in ["one", "two"] {
        assert_eq!(std::fs::read_to_string(folder.join(file)).unwrap(), "old\n");
    }
}
