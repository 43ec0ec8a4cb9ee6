//! Looking never consumes: a pipe that somebody names, by whatever way, is refused by name, and keeps what is in it.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::program::{Done, Running, cutover};

fn run(folder: &Path, arguments: &[&str]) -> Done {
    let mut command = cutover();
    command.current_dir(folder).args(arguments);
    command.env("CUTOVER_STATE", folder.join("state"));
    Running::start(command, folder, Vec::new()).end()
}

const PLAYBOOK: &str = r#"
[playbook]
name = "named"
[hosts.a]
site = "one"
local = true
addresses = ["192.0.2.1"]
[hosts.b]
site = "two"
local = true
addresses = ["192.0.2.2"]
[services.w]
names = ["x.example"]
probes = [{ tcp = 9 }]
[[step]]
id = "page"
kind = "http"
at = "target"
url = "https://127.0.0.1:9/"
"#;

/// Runs it beside a pipe that holds a line, and says what it printed; the line must still be there.
fn beside_a_pipe(folder: &Path, args: &[&str]) -> String {
    let pipe = folder.join("pipe");
    if !pipe.exists() {
        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
    }
    assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
    let mut end = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    end.write_all(b"line\n").unwrap();
    let done = run(folder, args);
    let mut line = [0; 5];
    end.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"line\n", "{args:?}");
    format!("{}{}", done.out, done.err)
}

#[test]
fn a_pipe_is_refused_by_name_wherever_a_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("good.toml", PLAYBOOK);
    let head = "name = \"named\"\n";
    write(
        "includes.toml",
        &PLAYBOOK.replace(head, &format!("{head}include = \"pipe\"\n")),
    );
    std::os::unix::fs::symlink("pipe", dir.path().join("link.toml")).unwrap();
    for args in [
        &["check", "pipe"][..],
        &["check", "link.toml"],
        &["lint", "pipe"],
        &["plan", "includes.toml"],
        &["plan", "good.toml", "--compare", "pipe"],
        &["failover", "good.toml", "--plan", "pipe", "--yes"],
        &["simulate", "good.toml", "--world", "pipe"],
    ] {
        let said = beside_a_pipe(dir.path(), args);
        assert!(
            said.contains("it is a pipe, not a regular file"),
            "{args:?}: {said}"
        );
    }
}

#[test]
fn a_playbook_comes_by_a_pipe_that_the_shell_made() {
    let dir = tempfile::tempdir().unwrap();
    let mut lint = cutover()
        .args(["lint", "/dev/stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = lint.stdin.take().unwrap();
    stdin
        .write_all(PLAYBOOK.replace("kind", "knid").as_bytes())
        .unwrap();
    drop(stdin);
    let done = lint.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(3), "{said}");
    assert!(said.contains("step `page` has no `kind`"), "{said}");
    run(dir.path(), &["check", "-"])
        .exits(2)
        .complains("to read what comes in by a pipe, name `/dev/stdin`");
}
