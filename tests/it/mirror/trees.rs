//! Two folders that hold the same, and what a test spoils in them.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cutover::event::{Finding, Pulse};
use cutover::plan::Outcome;
use cutover::step::Pulses;
use tempfile::TempDir;

use super::{PROGRAMS, look, look_with, playbook};
use crate::lab::{beginning, have};

/// Two folders that hold the same.
pub struct Trees {
    folder: TempDir,
}

impl Trees {
    pub fn new() -> Trees {
        let trees = Trees {
            folder: tempfile::tempdir().unwrap(),
        };
        for name in [
            "dists/stable/Release",
            "pool/a b/ü.deb",
            "pool/x\ny",
            "pool/main/z",
            "index.txt",
        ] {
            trees.both(name, "some content");
        }
        trees.both(
            "project/trace/master",
            "Sun Nov 22 10:33:00 UTC 2026\nArchive serial: 2026112202\n",
        );
        trees.link("z", "pool/main/link");
        trees
    }

    pub fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    pub fn target(&self) -> PathBuf {
        self.folder.path().join("target")
    }

    pub fn both(&self, name: &str, text: &str) {
        put(&self.source(), name, text);
        put(&self.target(), name, text);
    }

    /// A link to `aim` on both sides.
    pub fn link(&self, aim: &str, name: &str) {
        for side in [self.source(), self.target()] {
            let link = side.join(name);
            symlink(aim, &link).unwrap();
            // Made in two different seconds they would differ.
            let touched = std::process::Command::new("touch")
                .args(["--no-dereference", "--date=2026-11-22 03:00:00Z"])
                .arg(&link)
                .status();
            assert!(touched.unwrap().success());
        }
    }

    /// What the step finds, with these further fields.
    pub async fn look(&self, fields: &str) -> Finding {
        look(&playbook(
            "local = true",
            "local = true",
            &self.source(),
            &self.target(),
            fields,
        ))
        .await
    }
}

/// Writes a file that is an hour old to the second, and that everybody may read, whatever the umask.
pub fn put(side: &Path, name: &str, text: &str) {
    let path = side.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    age(&path, 3600);
}

pub fn age(path: &Path, seconds: u64) {
    let time = beginning() - Duration::from_secs(seconds);
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_trees_pass_and_each_difference_is_found() {
    if !have(PROGRAMS) {
        return;
    }
    type Spoil = fn(&Trees);
    let cases: &[(&str, Spoil, &str, Outcome, &str)] = &[
        (
            "the same",
            |_| {},
            "max-lag = \"6h\"",
            Outcome::Pass,
            "holds all 5 files",
        ),
        (
            "missing",
            |t| fs::remove_file(t.target().join("pool/x\ny")).unwrap(),
            "",
            Outcome::Fail,
            "lacks 1",
        ),
        (
            "missing, allowed",
            |t| fs::remove_file(t.target().join("pool/x\ny")).unwrap(),
            "max-files = 1",
            Outcome::Pass,
            "lacks 1",
        ),
        (
            "another size",
            |t| put(&t.target(), "pool/main/z", "other"),
            "",
            Outcome::Fail,
            "holds 1 other",
        ),
        (
            "another time",
            |t| age(&t.target().join("pool/main/z"), 9000),
            "",
            Outcome::Fail,
            "holds 1 other",
        ),
        (
            "newer at the target",
            |t| age(&t.target().join("pool/main/z"), 60),
            "",
            Outcome::Fail,
            "holds 1 other",
        ),
        (
            "another content only",
            |t| put(&t.target(), "pool/main/z", "SOME content"),
            "",
            Outcome::Fail,
            "another content: pool/main/z",
        ),
        (
            "another content without a sample",
            |t| put(&t.target(), "pool/main/z", "SOME content"),
            "sample = 0",
            Outcome::Pass,
            "holds all",
        ),
        (
            "another mode",
            |t| {
                fs::set_permissions(t.target().join("index.txt"), Permissions::from_mode(0o600))
                    .unwrap()
            },
            "",
            Outcome::Warn,
            "another mode: index.txt",
        ),
        (
            "another link",
            |t| {
                fs::remove_file(t.target().join("pool/main/link")).unwrap();
                symlink("y", t.target().join("pool/main/link")).unwrap();
            },
            "",
            Outcome::Fail,
            "holds 1 other",
        ),
        (
            "a folder where a file should be",
            |t| {
                fs::remove_file(t.target().join("pool/main/z")).unwrap();
                put(&t.target(), "pool/main/z/in/f", "x");
            },
            "",
            Outcome::Fail,
            "holds 1 other",
        ),
        (
            "extra",
            |t| put(&t.target(), "pool/more", "x"),
            "",
            Outcome::Pass,
            "holds all",
        ),
        (
            "extra, refused",
            |t| put(&t.target(), "pool/more", "x"),
            "extra = \"fail\"",
            Outcome::Fail,
            "1 only on the target: pool/more",
        ),
        (
            "no target",
            |t| fs::remove_dir_all(t.target()).unwrap(),
            "",
            Outcome::Fail,
            "not there on `standby`",
        ),
        (
            "an unmounted source",
            |t| {
                fs::remove_dir_all(t.source()).unwrap();
                fs::create_dir(t.source()).unwrap();
            },
            "",
            Outcome::Fail,
            "only 0 files",
        ),
        (
            "no source",
            |t| fs::remove_dir_all(t.source()).unwrap(),
            "",
            Outcome::Fail,
            ", which `standby` reads as `primary`, is not there",
        ),
        (
            "a source that lost a disk",
            |t| {
                fs::remove_dir_all(t.source().join("pool")).unwrap();
                fs::remove_dir_all(t.source().join("dists")).unwrap();
            },
            "shrink-limit = \"40%\"",
            Outcome::Fail,
            "fewer files than",
        ),
        (
            "too few files",
            |_| {},
            "min-files = 6",
            Outcome::Fail,
            "only 5 files",
        ),
        (
            "behind",
            |t| {
                put(
                    &t.target(),
                    "project/trace/master",
                    "Sun Nov 22 01:33:00 UTC 2026\nArchive serial: 2026112201\n",
                )
            },
            "max-lag = \"6h\"",
            Outcome::Fail,
            "9h 00m behind",
        ),
        (
            "a stamp of its own",
            |_| {},
            "stamp = \"index.txt\"",
            Outcome::Pass,
            "in step",
        ),
        (
            "no such stamp",
            |_| {},
            "stamp = \"never\"",
            Outcome::Unknown,
            "has no stamp",
        ),
        (
            "a sync is running",
            |t| fs::write(t.target().join("Archive-Update-in-Progress-x"), "1").unwrap(),
            "",
            Outcome::Late,
            "has been running",
        ),
        (
            "left out",
            |t| put(&t.source(), "pool/tmp/a.new", "x"),
            "exclude = [\"*.new\", \"/pool/tmp/\"]",
            Outcome::Pass,
            "holds all",
        ),
        (
            "an index that is the same",
            |t| put(&t.source(), "pool/new", "x"),
            "index-only = true",
            Outcome::Pass,
            "holds all",
        ),
        (
            "an index that is not",
            |t| put(&t.source(), "dists/new", "x"),
            "index-only = true",
            Outcome::Fail,
            "lacks 1",
        ),
    ];
    for (name, spoil, fields, outcome, words) in cases {
        let trees = Trees::new();
        spoil(&trees);
        let finding = trees.look(fields).await;
        assert_eq!(finding.outcome, *outcome, "{name}: {finding:#?}");
        assert!(finding.headline.contains(words), "{name}: {finding:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_no_file_and_is_said() {
    if !have(PROGRAMS) {
        return;
    }
    let trees = Trees::new();
    let _socket = UnixListener::bind(trees.source().join("socket")).unwrap();
    let finding = trees.look("").await;
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_differences_leave_a_short_finding() {
    const FILES: usize = 20_000;
    if !have(PROGRAMS) {
        return;
    }
    let trees = Trees::new();
    for n in 0..FILES {
        let folder = trees.source().join(format!("d{}", n / 100));
        if n % 100 == 0 {
            fs::create_dir(&folder).unwrap();
        }
        fs::write(folder.join(format!("f{n}")), "").unwrap();
    }
    let notes = Arc::new(Mutex::new(Vec::new()));
    let pulses = Pulses::new({
        let notes = Arc::clone(&notes);
        move |pulse: Pulse| notes.lock().unwrap().push(pulse.note)
    });
    let text = playbook(
        "local = true",
        "local = true",
        &trees.source(),
        &trees.target(),
        "",
    );
    let finding = look_with(&text, &pulses).await;
    assert_eq!(finding.outcome, Outcome::Fail);
    assert!(finding.headline.contains("lacks 20,200"), "{finding:#?}");
    assert!(
        serde_json::to_string(&finding).unwrap().len() < 10_000,
        "{finding:#?}"
    );
    assert!(
        notes
            .lock()
            .unwrap()
            .iter()
            .all(|note| note.starts_with("comparing: "))
    );
}

#[tokio::test]
async fn a_source_that_is_not_there_is_said_to_be_so() {
    if !have(PROGRAMS) {
        return;
    }
    let trees = Trees::new();
    fs::remove_dir_all(trees.source()).unwrap();
    let finding = trees.look("").await;
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");
    let told = format!(
        "`{}/`, which `standby` reads as `primary`, is not there",
        trees.source().display()
    );
    assert!(finding.headline.starts_with(&told), "{finding:#?}");
}
