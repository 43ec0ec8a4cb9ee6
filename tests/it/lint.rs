//! `cutover lint` and `cutover explain`, as they are typed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cutover::lint;

use crate::playbooks::SMALL;

fn cutover(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cutover"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The small site, with one text of it replaced.
fn changed(folder: &Path, from: &str, to: &str) -> PathBuf {
    assert!(SMALL.contains(from), "{from}");
    let path = folder.join("changed.toml");
    std::fs::write(&path, SMALL.replacen(from, to, 1)).unwrap();
    path
}

#[test]
fn an_error_is_exit_code_3_and_a_warning_only_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let fine = "playbooks/small-site.toml";
    assert_eq!(cutover(&["lint", fine]).status.code(), Some(0));
    assert_eq!(cutover(&["lint", "--strict", fine]).status.code(), Some(0));

    let path = changed(folder.path(), "rto = \"10m\"\n", "");
    let path = path.to_str().unwrap();
    let warned = cutover(&["lint", path]);
    assert_eq!(warned.status.code(), Some(0));
    let shown = text(&warned.stdout);
    assert!(shown.contains("warning[L301]"), "{shown}");
    assert_eq!(cutover(&["lint", "--strict", path]).status.code(), Some(3));

    let path = changed(folder.path(), "ttl = \"60s\"", "ttl = \"1d\"");
    let path = path.to_str().unwrap();
    let wrong = cutover(&["lint", path]);
    assert_eq!(wrong.status.code(), Some(3));
    let shown = text(&wrong.stdout);
    assert!(shown.contains("error[L304]"), "{shown}");
}

#[test]
fn a_warning_that_counts_is_an_error_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = changed(folder.path(), "rto = \"10m\"\n", "");
    let path = path.to_str().unwrap();
    let forms = [
        ("text", "warning[L301]", "error[L301]"),
        ("json", r#""severity":"warning""#, r#""severity":"error""#),
        ("github", "::warning ", "::error "),
        ("junit", r#"failures="0""#, r#"failures="1""#),
    ];
    for (form, warns, fails) in forms {
        let said = text(&cutover(&["lint", "--format", form, path]).stdout);
        assert!(said.contains(warns) && !said.contains(fails), "{said}");
        let strict = cutover(&["lint", "--strict", "--format", form, path]);
        assert_eq!(strict.status.code(), Some(3));
        let said = text(&strict.stdout);
        assert!(said.contains(fails) && !said.contains("arning"), "{said}");
    }
}

#[test]
fn what_is_wrong_is_shown_in_colour_by_other_verbs_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = changed(folder.path(), "kind = \"dns\"", "kind = \"dsn\"");
    let path = path.to_str().unwrap();
    for verb in ["lint", "plan", "simulate", "show-playbook"] {
        let done = cutover(&["--color", "always", verb, path]);
        assert_eq!(done.status.code(), Some(3), "{verb}");
        let said = text(&done.stdout) + &text(&done.stderr);
        let coloured = said.contains("\u{1b}[") && !said.contains("\\u{1b}");
        assert!(coloured, "{verb}: {said}");
        assert!(
            said.ends_with(&format!("1 error in {path}\n")),
            "{verb}: {said}"
        );
    }
}

#[test]
fn annotations_can_stand_beside_the_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = changed(folder.path(), "kind = \"dns\"", "kind = \"dsn\"");
    let beside = folder.path().join("annotations");
    for verb in ["lint", "simulate"] {
        let beside = beside.to_str().unwrap();
        let path = path.to_str().unwrap();
        let done = cutover(&[verb, "--annotations", beside, path]);
        assert_eq!(done.status.code(), Some(3), "{verb}");
        let said = text(&done.stdout) + &text(&done.stderr);
        assert!(said.contains("did you mean `dns`?"), "{verb}: {said}");
        let alone = cutover(&[verb, "--format", "github", path]).stdout;
        assert!(alone.starts_with(b"::error "), "{}", text(&alone));
        assert_eq!(std::fs::read(beside).unwrap(), alone, "{verb}");
    }
}

#[test]
fn a_playbook_that_cannot_be_simulated_fails_in_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let broken = changed(folder.path(), "kind = \"dns\"", "kind = \"dsn\"");
    let absent = folder.path().join("absent.toml");
    for (file, code, case) in [(&broken, 3, "unknown-kind"), (&absent, 2, "unreadable")] {
        assert_eq!(cutover(&["explain", case]).status.code(), Some(0));
        let file = file.to_str().unwrap();
        let done = cutover(&["simulate", "--format", "junit", "--faults", "0", file]);
        assert_eq!(done.status.code(), Some(code), "{file}");
        let xml = text(&done.stdout);
        let begins = format!("<testcase name=\"{case}\" classname=\"{file}\"");
        assert!(
            xml.contains(&begins) && !xml.contains("failures=\"0\""),
            "{xml}"
        );
    }
}

#[test]
fn a_file_without_an_end_is_too_large() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.toml");
    let file = std::fs::File::create(&large).unwrap();
    file.set_len(8 << 40).unwrap();
    for (file, code, words) in [
        (large.to_str().unwrap(), 3, "larger than 1 MiB"),
        ("/dev/zero", 2, "it is a device, not a regular file"),
    ] {
        let done = cutover(&["lint", file]);
        assert_eq!(done.status.code(), Some(code));
        let said = text(&done.stdout) + &text(&done.stderr);
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn the_playbooks_that_come_with_the_program_keep_every_rule() {
    let all = cutover(&["lint", "--strict", "playbooks"]);
    assert_eq!(
        all.status.code(),
        Some(0),
        "{}{}",
        text(&all.stdout),
        text(&all.stderr)
    );
}

#[test]
fn explain_lists_the_rules_and_tells_more_of_one() {
    let all = cutover(&["explain"]);
    assert_eq!(all.status.code(), Some(0));
    let all = text(&all.stdout);
    let one = cutover(&["explain", "ttl-above-rto"]);
    assert_eq!(one.status.code(), Some(0));
    let one = text(&one.stdout);
    assert!(one.contains("L304 ttl-above-rto (error)"), "{one}");
    assert!(one.contains("allow = [{ rule = \"ttl-above-rto\""), "{one}");
    for rule in lint::rules() {
        let page = lint::explain(rule.name).unwrap();
        let prose = page
            .lines()
            .filter(|line| line.starts_with("  ") && !line.starts_with("    "));
        let widest = prose.max_by_key(|line| line.chars().count()).unwrap();
        assert!(widest.chars().count() < 80, "{widest}");
        assert!(
            all.contains(rule.code) && all.contains(rule.name),
            "{}",
            rule.name
        );
    }
    let none = cutover(&["explain", "ttl-above-rta"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(text(&none.stderr).contains("did you mean `ttl-above-rto`?"));
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        // A file of tests, or a folder of them.
        if name == "tests" || name == "testing" {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The codes of problems that a source names: what stands in quotes behind the words that make one.
fn codes(source: &str) -> BTreeSet<String> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let makers = [
        "Problem::error(",
        "Problem::warning(",
        "undefined(",
        "problem.code =",
        "refuse(",
        "warn_of(",
    ];
    let mut codes = BTreeSet::new();
    for maker in makers {
        for rest in source.split(maker).skip(1) {
            let quoted = match maker {
                // The code is the third argument.
                "warn_of(" => rest.split_once('"').map(|(_, quoted)| quoted),
                _ => rest.trim_start().strip_prefix('"'),
            };
            let code = quoted.and_then(|quoted| quoted.split('"').next());
            let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            codes.extend(
                code.filter(|code| code.bytes().all(is_plain))
                    .map(str::to_owned),
            );
        }
    }
    codes
}

#[test]
fn every_problem_of_the_parser_is_explained_and_no_other() {
    let mut files = Vec::new();
    for folder in ["src/playbook", "src/steps", "src/dns", "src/cli"] {
        sources(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
            &mut files,
        );
    }
    let texts: Vec<String> = (files.iter())
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    let made: BTreeSet<String> = texts.iter().flat_map(|text| codes(text)).collect();
    assert!(made.len() > 60, "{made:?}");
    let unexplained: Vec<&String> = made
        .iter()
        .filter(|code| lint::explain(code).is_err())
        .collect();
    assert!(
        unexplained.is_empty(),
        "add these to src/lint/codes.rs: {unexplained:?}"
    );
    let index = lint::index();
    let (_, problems) = index.split_once("where they are errors:\n").unwrap();
    for line in problems.lines().take_while(|line| !line.is_empty()) {
        let code = line.split_whitespace().next().unwrap();
        assert!(
            texts
                .iter()
                .any(|text| text.contains(&format!("\"{code}\""))),
            "nothing reports `{code}`: take it out of src/lint/codes.rs"
        );
    }
}
