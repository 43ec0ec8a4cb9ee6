//! The action for GitHub, run for real as its runner runs it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::lab::put_program;
use crate::playbooks::{SMALL, verified_too_early};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A project that uses the action, and the files of the runner.
struct Project {
    folder: TempDir,
}

/// What a run of the action came to.
#[derive(Debug)]
struct Done {
    code: Option<i32>,
    /// Both streams, as the log of the runner.
    log: String,
    summary: String,
    outputs: String,
}

impl Project {
    fn with(playbooks: &[(&str, &str)]) -> Project {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in playbooks {
            let path = folder.path().join("project").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Project { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program that is found before all others.
    fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.path("bin").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        put_program(&path, script);
        path
    }

    fn run(&self, inputs: &[(&str, &str)]) -> Done {
        std::fs::create_dir_all(self.path("project")).unwrap();
        std::fs::create_dir_all(self.path("temp")).unwrap();
        let log = std::fs::File::create(self.path("log")).unwrap();
        let mut command = Command::new(root().join(".github/action/run.sh"));
        command
            .current_dir(self.path("project"))
            .env_clear()
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.path("bin").display()),
            )
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_WORKSPACE", self.path("project"))
            .env("GITHUB_ACTION_PATH", root())
            .env("GITHUB_STEP_SUMMARY", self.path("summary"))
            .env("GITHUB_OUTPUT", self.path("outputs"))
            .env("RUNNER_TEMP", self.path("temp"))
            .env("INPUT_CUTOVER", env!("CARGO_BIN_EXE_cutover"))
            .env("INPUT_SIMULATE", "false")
            .envs(inputs.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let status = command.status().unwrap();
        let read = |name| std::fs::read_to_string(self.path(name)).unwrap_or_default();
        Done {
            code: status.code(),
            log: read("log"),
            summary: read("summary"),
            outputs: read("outputs"),
        }
    }
}

/// A stand-in for the program, which says what it is told to.
fn stand_in(project: &Project, says: &str) -> String {
    let script = format!("#!/bin/sh\n{says}\n");
    project.program("stand-in", &script).display().to_string()
}

impl Done {
    #[track_caller]
    fn is_fine(&self) {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert_eq!(self.annotations(), [""; 0], "{self:?}");
    }

    /// The lines that the runner takes for annotations: those outside of what is printed as plain text.
    fn annotations(&self) -> Vec<&str> {
        let mut found = Vec::new();
        let mut until: Option<String> = None;
        for line in self.log.lines() {
            match &until {
                Some(end) if line == end => until = None,
                Some(_) => {}
                None => match line.strip_prefix("::stop-commands::") {
                    Some(token) => until = Some(format!("::{token}::")),
                    None if line.starts_with("::error") => found.push(line),
                    None => {}
                },
            }
        }
        assert!(until.is_none(), "{self:?}");
        found
    }
}

#[test]
fn good_playbooks_are_fine() {
    let project = Project::with(&[("playbooks/a.toml", SMALL), ("playbooks/b.toml", SMALL)]);
    let done = project.run(&[]);
    done.is_fine();
    assert!(done.summary.contains("2 playbooks, all fine"), "{done:?}");
    assert!(
        done.summary.contains("| `cutover lint` | fine |"),
        "{done:?}"
    );
    assert!(!done.summary.contains("simulate"), "{done:?}");
}

#[test]
fn a_broken_playbook_fails_on_its_line() {
    let broken = SMALL.replacen("kind = \"dns\"", "kind = \"dsn\"", 1);
    let line = 1 + broken
        .lines()
        .position(|line| line.contains("\"dsn\""))
        .unwrap();
    let project = Project::with(&[("sites/good.toml", SMALL), ("sites/bro ken.toml", &broken)]);
    let done = project.run(&[
        ("INPUT_PLAYBOOKS", "\n  sites/*.toml  \n"),
        ("INPUT_SIMULATE", "true"),
    ]);
    assert_eq!(done.code, Some(3), "{done:?}");
    let annotations = done.annotations();
    let here = format!("file=sites/bro ken.toml,line={line},");
    assert!(
        annotations.iter().any(|one| one.contains(&here)),
        "{done:?}"
    );
    assert!(
        annotations.iter().all(|one| !one.contains("good.toml")),
        "{done:?}"
    );
    assert!(
        done.summary
            .contains("| `cutover lint` | **fails** (exit 3) |"),
        "{done:?}"
    );
    assert!(
        done.summary.contains("| `cutover simulate` | not begun"),
        "{done:?}"
    );
    assert!(done.summary.contains("dsn"), "{done:?}");
}

#[test]
fn a_folder_is_what_it_is_for_the_program() {
    let (head, steps) = SMALL.split_once("[[step]]").unwrap();
    let include = "name = \"small-site\"\ninclude = \"shared.toml\"";
    let head = head.replacen("name = \"small-site\"", include, 1);
    let project = Project::with(&[
        ("playbooks/a.toml", &head),
        ("playbooks/shared.toml", &format!("[[step]]{steps}")),
        (
            "playbooks/customers/b.toml",
            &SMALL.replacen("ttl", "tll", 1),
        ),
    ]);
    let done = project.run(&[]);
    assert_eq!(done.code, Some(3), "{done:?}");
    let [one] = done.annotations()[..] else {
        panic!("{done:?}")
    };
    assert!(one.contains("file=playbooks/customers/b.toml,"), "{one}");
    assert!(
        done.summary.contains("1 error in 1 of 2 playbooks"),
        "{done:?}"
    );
}

#[test]
fn each_verb_runs_once() {
    let project = Project::with(&[("playbooks/a.toml", SMALL)]);
    let calls = project.path("calls");
    let binary = env!("CARGO_BIN_EXE_cutover");
    let says = format!(
        "echo \"$1\" >>'{}'\nexec '{binary}' \"$@\"",
        calls.display()
    );
    let cutover = stand_in(&project, &says);
    let done = project.run(&[
        ("INPUT_CUTOVER", &cutover),
        ("INPUT_SIMULATE", "true"),
        ("INPUT_FAULTS", "1"),
    ]);
    done.is_fine();
    assert_eq!(std::fs::read_to_string(calls).unwrap(), "lint\nsimulate\n");
}

#[test]
fn good_playbooks_are_simulated_and_the_page_is_an_output() {
    let project = Project::with(&[("playbooks/a.toml", SMALL), ("playbooks/-b.toml", SMALL)]);
    let done = project.run(&[
        ("INPUT_PLAYBOOKS", "playbooks/a.toml\nplaybooks/-b.toml"),
        ("INPUT_SIMULATE", "true"),
        ("INPUT_FAULTS", "1"),
    ]);
    done.is_fine();
    for row in ["lint", "simulate"] {
        let row = format!("| `cutover {row}` | fine |");
        assert!(done.summary.contains(&row), "{done:?}");
    }
    // What it says to people, and on the page.
    assert_eq!(done.summary.matches("holds").count(), 2, "{done:?}");
    let page = done.outputs.trim().strip_prefix("html=").unwrap();
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("small-site") && page.contains("Every rule holds"));
}

#[test]
fn a_playbook_that_cannot_end_well_fails_on_the_line_of_the_step() {
    let broken = verified_too_early();
    let line = (broken.lines())
        .position(|line| line == "id = \"public\"")
        .unwrap();
    let project = Project::with(&[("sites/good.toml", SMALL), ("sites/bro ken.toml", &broken)]);
    let done = project.run(&[
        ("INPUT_PLAYBOOKS", "sites"),
        ("INPUT_SIMULATE", "true"),
        ("INPUT_FAULTS", "1"),
    ]);
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(
        done.summary
            .contains("| `cutover simulate` | **fails** (exit 3) |"),
        "{done:?}"
    );
    let annotations = done.annotations();
    let here = format!("file=sites/bro ken.toml,line={line},");
    let told =
        |one: &&str| one.contains(&here) && one.contains("simulate 'sites/bro ken.toml' --story '");
    assert!(annotations.iter().any(told), "{done:?}");
    assert!(
        annotations.iter().all(|one| one.contains("bro ken.toml")),
        "{done:?}"
    );
    for said in ["success-is-reachable", "up to 1 fault in one run"] {
        assert!(done.summary.contains(said), "{done:?}");
    }
    let page = done.outputs.trim().strip_prefix("html=").unwrap();
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("failover:nothing"), "{page}");
}

#[test]
fn more_faults_than_the_program_takes_are_its_complaint() {
    let project = Project::with(&[("playbooks/a.toml", SMALL)]);
    let done = project.run(&[("INPUT_SIMULATE", "true"), ("INPUT_FAULTS", "77")]);
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.log.contains("77"), "{done:?}");
    assert!(
        done.summary
            .contains("| `cutover simulate` | **fails** (exit 2) |"),
        "{done:?}"
    );
    assert_eq!(done.outputs, "", "{done:?}");
}

#[test]
fn inputs_are_values_and_never_commands() {
    let project = Project::with(&[("playbooks/$(touch owned).toml", SMALL)]);
    for inputs in [
        &[("INPUT_PLAYBOOKS", "playbooks/$(touch owned).toml")][..],
        &[("INPUT_PLAYBOOKS", "playbooks")],
        &[("INPUT_FAULTS", "1; touch owned")],
        &[("INPUT_SIMULATE", "$(touch owned)")],
        &[("INPUT_WORKING_DIRECTORY", "`touch owned`")],
        &[("INPUT_CUTOVER", "touch owned")],
        &[("INPUT_PLAYBOOKS", "--help")],
        &[("INPUT_PLAYBOOKS", "no\u{25}0A::error::planted")],
    ] {
        let done = project.run(inputs);
        let good = inputs[0].1.starts_with("playbooks");
        assert_eq!(
            done.code,
            Some(if good { 0 } else { 2 }),
            "{inputs:?} {done:?}"
        );
        assert_eq!(
            done.annotations().len(),
            usize::from(!good),
            "{inputs:?} {done:?}"
        );
        assert!(!project.path("project/owned").exists(), "{inputs:?}");
    }
}

#[test]
fn what_the_program_says_besides_is_no_command_of_the_runner() {
    let project = Project::with(&[("playbooks/a.toml", SMALL)]);
    let says = "echo '::error::planted' >&2; echo '</pre><script>' >&2";
    let cutover = stand_in(&project, says);
    let done = project.run(&[("INPUT_CUTOVER", &cutover)]);
    done.is_fine();
    assert!(done.log.contains("::error::planted"), "{done:?}");
    assert!(
        done.summary.contains("&lt;/pre&gt;&lt;script&gt;"),
        "{done:?}"
    );
    assert!(!done.summary.contains("<script>"), "{done:?}");
}

#[test]
fn without_a_program_the_one_of_the_action_is_built() {
    let project = Project::with(&[("playbooks/a.toml", SMALL)]);
    let binary = env!("CARGO_BIN_EXE_cutover");
    let cargo = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$*\" >'{}'\nwhile [ \"$1\" != --target-dir ]; do shift; done\n\
         mkdir -p \"$2/release\"\nln -s '{binary}' \"$2/release/cutover\"\n",
        project.path("calls").display()
    );
    project.program("cargo", &cargo);
    let done = project.run(&[("INPUT_CUTOVER", "")]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let call = std::fs::read_to_string(project.path("calls")).unwrap();
    let manifest = root().join("Cargo.toml");
    let begins = format!(
        "build --release --locked --manifest-path {} ",
        manifest.display()
    );
    assert!(call.starts_with(&begins), "{call}");

    project.program("cargo", "#!/bin/sh\nexit 101\n");
    let done = project.run(&[("INPUT_CUTOVER", "")]);
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(
        done.annotations()[0].contains("could not be built"),
        "{done:?}"
    );
}

/// The keys below one key of a YAML file that is written plainly: two spaces for each level.
fn keys_below<'a>(text: &'a str, key: &str) -> BTreeSet<&'a str> {
    let head = text.lines().position(|line| line.trim_start() == key);
    let mut lines = text.lines().skip(head.expect(key));
    let depth = |line: &str| line.len() - line.trim_start().len();
    let own = depth(lines.next().unwrap());
    lines
        .take_while(|line| depth(line) > own)
        .filter(|line| depth(line) == own + 2)
        .filter_map(|line| line.trim_start().split_once(':'))
        .map(|(key, _)| key)
        .collect()
}

#[test]
fn the_action_passes_each_input_and_nothing_into_its_script() {
    let action = std::fs::read_to_string(root().join("action.yml")).unwrap();
    let script = std::fs::read_to_string(root().join(".github/action/run.sh")).unwrap();
    let inputs = keys_below(&action, "inputs:");
    let passed = keys_below(&action, "env:");
    assert_eq!(inputs.len(), 5);
    assert_eq!(passed.len(), inputs.len());
    for input in inputs {
        let name = format!("INPUT_{}", input.to_uppercase().replace('-', "_"));
        let line = format!("{name}: ${{{{ inputs.{input} }}}}");
        assert!(action.lines().any(|one| one.trim() == line), "{line}");
        assert!(script.contains(&name), "{name}");
        let keys = keys_below(&action, &format!("{input}:"));
        assert_eq!(
            keys,
            BTreeSet::from(["default", "description", "required"]),
            "{input}"
        );
    }
    let expressions: Vec<&str> = action.lines().filter(|line| line.contains("${{")).collect();
    for line in &expressions {
        let line = line.trim();
        assert!(
            line.starts_with("INPUT_") || line.starts_with("value: "),
            "{line}"
        );
    }
    assert!(!script.contains("${{"));
    for line in ["  using: composite", "      shell: bash"] {
        assert!(action.lines().any(|one| one == line), "{line}");
    }
    let run = "      run: exec \"$GITHUB_ACTION_PATH/.github/action/run.sh\"";
    assert!(action.lines().any(|line| line == run), "{run}");
    assert!(!action.contains('\t'));
}
