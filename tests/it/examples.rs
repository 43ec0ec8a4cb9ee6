//! The examples of the folder, run.

use std::io::Write;
use std::process::Command;
use std::sync::{Arc, Mutex};

use cutover::event::Ending;

#[expect(dead_code, reason = "an example has a `main` of its own")]
#[path = "../../examples/embed.rs"]
mod embed;

#[expect(dead_code, reason = "an example has a `main` of its own")]
#[path = "../../examples/replay.rs"]
mod replay;

/// A writer that can be looked at from outside.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn embed_tells_a_dry_run_and_changes_nothing() {
    let to = Shared::default();
    let (ending, pointer) = embed::run(to.clone()).await.unwrap();
    assert_eq!(ending, Ending::Done);
    assert_eq!(pointer, "old\n");
    let text = to.text();
    for part in ["alive", "point", "would change"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// A playbook of this machine alone: a file says which site is active.
fn playbook(pointer: &str) -> String {
    format!(
        r#"
[playbook]
name = "pointer"

[hosts.old]
local = true

[hosts.new]
local = true

[[step]]
id = "point"
kind = "command"
on = "local"
read = ["cat", "{pointer}"]
want = "new"
run = ["tee", "{pointer}"]
undo = ["tee", "{pointer}"]
"#
    )
}

#[tokio::test]
async fn replay_lists_and_tells_a_run_of_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let pointer = folder.path().join("active");
    let state = folder.path().join("state");
    let book = folder.path().join("pointer.toml");
    std::fs::write(&pointer, "old\n").unwrap();
    std::fs::write(&book, playbook(pointer.to_str().unwrap())).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cutover"))
        .arg("failover")
        .arg(&book)
        .args(["--to", "new", "--yes", "--state"])
        .arg(&state)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
    assert_eq!(std::fs::read_to_string(&pointer).unwrap().trim(), "new");

    let mut list = Vec::new();
    replay::list(&state, &mut list).await.unwrap();
    let list = String::from_utf8(list).unwrap();
    assert!(list.contains("failover of pointer"), "{list}");
    assert!(list.trim_end().ends_with("ended: Some(Done)"), "{list}");
    let run = list.split_whitespace().next().unwrap();

    let mut story = Vec::new();
    replay::tell(&state, run, &mut story).await.unwrap();
    let story = String::from_utf8(story).unwrap();
    // The same lines that the program printed while it happened.
    let timed = |line: &&str| line.get(8..9) == Some("Z");
    let printed: Vec<&str> = said.lines().filter(timed).collect();
    let told: Vec<&str> = story.lines().filter(timed).collect();
    assert!(printed.len() > 3, "{said}");
    assert_eq!(printed, told);
    assert!(story.contains("ended: Some(Done)"), "{story}");
    let missing = replay::tell(&state, "20260101-000000-none", &mut Vec::new()).await;
    assert!(missing.unwrap_err().to_string().contains("cutover runs"));
}
