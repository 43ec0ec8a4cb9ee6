//! README.md says what is so.

use std::path::Path;
use std::process::Command;

use cutover::lint;
use cutover::playbook::Playbook;
use cutover::problem::Severity;

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The blocks of code in one language, in their order.
pub fn blocks(language: &str) -> Vec<String> {
    let text = file("README.md");
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(tag)) => open = Some(format!("{tag}\n")),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => *block += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    let head = format!("{language}\n");
    (blocks.iter())
        .filter_map(|block| block.strip_prefix(&head))
        .map(str::to_owned)
        .collect()
}

fn help() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_cutover"))
        .arg("--help")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn its_playbook_is_valid() {
    let blocks: Vec<String> = (blocks("toml").into_iter())
        .filter(|block| !block.contains("include = "))
        .collect();
    assert_eq!(blocks.len(), 3);
    let found = |text: String| {
        let book = Playbook::parse(&text, "README.md", &[]);
        let book = book.unwrap_or_else(|problems| panic!("{problems}"));
        lint::lint(&book, jiff::civil::date(2026, 11, 22))
    };
    let book = found(blocks[..2].concat());
    assert!(book.is_empty(), "{book}");
    // The last block allows what the last step does not do.
    let allowed = found(blocks.concat());
    let codes: Vec<&str> = allowed.list.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["L902"], "{allowed}");
}

#[test]
fn its_rules_are_those_of_lint() {
    let readme = file("README.md");
    let ours: Vec<&str> = readme
        .lines()
        .filter(|line| line.starts_with("| L"))
        .collect();
    let theirs: Vec<String> = lint::rules()
        .map(|rule| {
            let level = match rule.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            format!(
                "| {} | `{}` | {level} | {} |",
                rule.code, rule.name, rule.what
            )
        })
        .collect();
    assert_eq!(ours, theirs);
}

#[test]
fn its_playbook_with_an_include_is_one_of_the_folder() {
    let blocks = blocks("toml");
    let shown = blocks.iter().filter(|block| block.contains("include = "));
    let brewery = file("playbooks/twelve/brewery.toml");
    let (_schema, brewery) = brewery.split_once('\n').unwrap();
    assert_eq!(shown.collect::<Vec<_>>(), [brewery]);
    let folder = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/twelve"));
    let playbooks = folder.unwrap().filter(|entry| {
        let path = entry.as_ref().unwrap().path();
        path.extension().is_some_and(|kind| kind == "toml")
    });
    assert_eq!(playbooks.count(), 12);
}

#[test]
fn its_exit_codes_are_those_of_the_help() {
    let row = |line: &str, mark: &str| -> Option<(u8, String)> {
        let (code, text) = line.strip_prefix(mark)?.split_once(mark)?;
        Some((code.parse().ok()?, text.trim_end_matches(" |").to_owned()))
    };
    let readme = file("README.md");
    let (_, section) = readme.split_once("\n## Exit codes\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let ours: Vec<(u8, String)> = (section.lines())
        .filter_map(|line| row(&line.replacen("| ", "|", 1).replacen(" | ", "|", 1), "|"))
        .collect();
    let theirs: Vec<(u8, String)> = help().lines().filter_map(|line| row(line, "  ")).collect();
    assert_eq!(theirs.len(), 10);
    assert_eq!(ours, theirs);
}

#[test]
fn its_verbs_are_those_of_the_help() {
    let readme = file("README.md");
    let help = help();
    let verbs = (help.lines())
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|verb| !verb.is_empty() && *verb != "help");
    let mut count = 0;
    for verb in verbs {
        assert!(readme.contains(&format!("`cutover {verb}")), "{verb}");
        count += 1;
    }
    assert!(count > 10, "{help}");
}

#[test]
fn its_two_commands_are_there() {
    let commands = blocks("sh");
    assert_eq!(commands.len(), 4);
    // Rust brings no linker, and some crates are C: a bare Debian has neither.
    assert!(
        commands[0]
            .contains("apt-get install -y rsync gcc libc6-dev && cargo run --locked -- demo")
    );
    assert_eq!(commands[2].trim(), "cargo bench --bench drill");
    assert_eq!(commands[3].trim(), "cargo bench --bench simulate");
    assert_eq!(commands[1].trim(), "tests/run");
    assert!(file(".ci/run").contains("CI=true exec tests/run"));
    for line in ["cargo fmt --check", "cargo test --locked"] {
        assert!(file("tests/run").contains(line), "{line}");
    }
}

#[test]
fn its_links_lead_somewhere() {
    let readme = file("README.md");
    let mut links = 0;
    for link in readme.split("](").skip(1) {
        let target = link.split(')').next().unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(target);
        assert!(path.exists(), "{target}");
        links += 1;
    }
    assert!(links > 5);
}

#[test]
fn its_workflow_gives_the_action_inputs_that_it_has() {
    let blocks = blocks("yaml");
    let [workflow] = blocks.as_slice() else {
        panic!("{blocks:?}")
    };
    let (_, with) = workflow.split_once("        with:\n").unwrap();
    let action = file("action.yml");
    let (_, inputs) = action.split_once("\ninputs:\n").unwrap();
    let (inputs, _) = inputs.split_once("\noutputs:\n").unwrap();
    let keys = |text: &str, indent: &str| -> Vec<String> {
        (text.lines())
            .filter_map(|line| line.strip_prefix(indent)?.split_once(':'))
            .map(|(key, _)| key.to_owned())
            .filter(|key| !key.starts_with(' '))
            .collect()
    };
    let (given, has) = (keys(with, "          "), keys(inputs, "  "));
    assert_eq!(given, ["playbooks", "faults"]);
    assert!(given.iter().all(|input| has.contains(input)), "{has:?}");
}
