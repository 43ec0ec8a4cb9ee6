//! What `lint` prints about several playbooks, in each of its forms.

use std::path::Path;

use super::program::{Done, Running, cutover};
use crate::playbooks::SMALL;

/// A repository with a folder of playbooks: one that is fine, one with slips, one with a warning.
fn repository() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let ops = dir.path().join("ops");
    std::fs::create_dir_all(&ops).unwrap();
    std::fs::create_dir_all(dir.path().join(".git")).unwrap();
    let bad = SMALL
        .replacen("rto = \"10m\"", "rto = \"10 minuts\"", 1)
        .replacen("kind = \"dns\"", "kind = \"dnss\"", 1);
    let warned = SMALL.replacen("names = [", "names = [\"elsewhere.example\", ", 1);
    for (name, text) in [
        ("good.toml", SMALL),
        ("bad.toml", &bad),
        ("warned.toml", &warned),
    ] {
        std::fs::write(ops.join(name), text).unwrap();
    }
    dir
}

fn lint(repository: &Path, arguments: &[&str]) -> Done {
    let mut command = cutover();
    command.current_dir(repository.join("ops")).arg("lint");
    command.args(arguments);
    Running::start(command, repository, Vec::new()).end()
}

fn golden(name: &str, done: &Done) {
    let code = done.code.unwrap();
    let text = format!("exit {code}\n{}--- standard error\n{}", done.out, done.err);
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn each_format_of_lint() {
    let dir = repository();
    let all = ["bad.toml", "good.toml", "warned.toml", "nowhere.toml"];
    for format in ["text", "json", "junit", "github"] {
        let mut arguments = all.to_vec();
        arguments.extend(["--format", format]);
        golden(&format!("lint_{format}"), &lint(dir.path(), &arguments));
    }
}

#[test]
fn only_errors_make_lint_fail_and_a_file_holds_what_would_be_printed() {
    let dir = repository();
    for format in ["text", "json", "junit", "github"] {
        let told = lint(dir.path(), &["warned.toml", "--format", format]).exits(0);
        let kept = lint(
            dir.path(),
            &["warned.toml", "--format", format, "--out", "result"],
        );
        let kept = kept.exits(0).complains("1 warning in warned.toml");
        assert!(kept.out.is_empty(), "{kept}");
        let file = std::fs::read_to_string(dir.path().join("ops/result")).unwrap();
        assert_eq!(file, told.out, "{format}");
        assert!(told.out.contains("elsewhere.example"), "{told}");
    }
    let fine = lint(dir.path(), &["good.toml", "--format", "json"]).exits(0);
    assert!(fine.out.is_empty(), "{fine}");
    fine.complains("1 playbook, fine");
    lint(dir.path(), &["good.toml", "--out", "no/such/folder"])
        .exits(2)
        .complains("failed to write `no/such/folder`");
}

/// On the machines of GitHub, its own word for the root of the repository counts; the form is still asked for.
#[test]
fn the_environment_of_github_changes_paths_and_no_forms() {
    let dir = repository();
    let root = dir.path().canonicalize().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = cutover();
        command.current_dir(root.join("ops")).arg("lint");
        command.args(arguments).env("GITHUB_ACTIONS", "true");
        command.env("GITHUB_WORKSPACE", root.join("ops"));
        Running::start(command, &root, Vec::new()).end().exits(3)
    };
    let text = run(&["bad.toml"]);
    assert!(!text.out.contains("::error"), "{text}");
    run(&["./bad.toml", "--format", "github"]).says("::error file=bad.toml,line=");
}
