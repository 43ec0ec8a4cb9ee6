//! Looking never consumes: a pipe that somebody names, by whatever way, is refused by name, and keeps what is in it.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::program::{Done, Running, cutover};
use super::scene::Plot;

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
    // Long lines are broken anywhere.
    let said = format!("{}{}", done.out, done.err);
    said.split_whitespace().collect::<Vec<_>>().join(" ")
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
    let page = "url = \"https://127.0.0.1:9/\"\n";
    write(
        "trusts.toml",
        &PLAYBOOK.replace(page, &format!("{page}ca = \"pipe\"\n")),
    );
    std::os::unix::fs::symlink("pipe", dir.path().join("link.toml")).unwrap();
    for args in [
        &["check", "pipe"][..],
        &["check", "link.toml"],
        &["lint", "pipe"],
        &["plan", "includes.toml"],
        &["lint", "trusts.toml"],
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

#[test]
fn what_a_playbook_names_counts_from_its_folder_on_the_way_back_too() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    let (here, beside) = (
        "secret = { env = \"TSIG_SECRET\" }",
        "secret = { file = \"keys/tsig\" }",
    );
    let text = scene.text();
    assert!(text.contains(here), "{text}");
    scene.write_playbook(&text.replace(here, beside));
    let folder = scene.folder.path();
    std::fs::create_dir(folder.join("keys")).unwrap();
    let book = folder.join("site.toml").display().to_string();
    let cutover = env!("CARGO_BIN_EXE_cutover");
    let lint = scene.types_and_says(&format!("cd /; {cutover} lint '{book}' || true"));
    let path = format!("`{}/keys/tsig` cannot be used", folder.display());
    assert!(lint.contains(&path), "{lint}");
    std::fs::write(folder.join("keys/tsig"), &scene.secrets()[0]).unwrap();
    scene.types(&format!(
        "unset TSIG_SECRET; cd /; {cutover} failover '{book}' --yes; {cutover} rollback --yes"
    ));
}
