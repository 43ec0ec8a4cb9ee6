//! What the source cannot read.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use cutover::plan::Outcome;

use super::PROGRAMS;
use super::trees::{Trees, put};
use crate::lab::{have, program};

/// Root reads everything, so as root this test runs itself again without that privilege.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_source_cannot_read_is_never_the_same() {
    const MARK: &str = "CUTOVER_TEST_WITHOUT_PRIVILEGE";
    if !have(PROGRAMS) {
        return;
    }
    if rustix::process::geteuid().is_root() && std::env::var_os(MARK).is_none() {
        if !have(&["setpriv"]) {
            return;
        }
        let output = Command::new(program("setpriv"))
            .arg("--bounding-set=-dac_override,-dac_read_search")
            .arg(std::env::current_exe().unwrap())
            .args([
                "mirror::access::what_the_source_cannot_read_is_never_the_same",
                "--exact",
            ])
            .env(MARK, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}"
        );
        return;
    }
    let lock = |path: PathBuf| fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();

    let trees = Trees::new();
    lock(trees.source().join("pool/main/z"));
    fs::remove_file(trees.target().join("pool/main/z")).unwrap();
    put(&trees.target(), "pool/main/z", "some content");
    lock(trees.target().join("pool/main/z"));
    let finding = trees.look("sample = 0").await;
    assert_eq!(finding.outcome, Outcome::Unknown, "a file: {finding:#?}");
    assert!(
        finding.headline.contains("cannot be read") && finding.headline.contains("pool/main/z")
    );
    assert_eq!(
        trees.look("").await.outcome,
        Outcome::Unknown,
        "a file of the sample"
    );
    let finding = trees.look("exclude = [\"/pool/main/z\"]").await;
    assert_eq!(
        finding.outcome,
        Outcome::Pass,
        "a file that is left out: {finding:#?}"
    );

    let trees = Trees::new();
    lock(trees.source().join("pool/main"));
    put(&trees.target(), "pool/extra", "x");
    let finding = trees.look("extra = \"fail\"").await;
    fs::set_permissions(
        trees.source().join("pool/main"),
        Permissions::from_mode(0o755),
    )
    .unwrap();
    assert!(
        finding.outcome >= Outcome::Unknown,
        "a folder: {finding:#?}"
    );
    assert!(
        finding
            .facts
            .iter()
            .any(|fact| fact.actual.contains("stopped looking for files")),
        "{finding:#?}"
    );
}
