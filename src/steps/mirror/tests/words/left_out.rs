//! What is left out of a comparison, and what was not there to be compared.

use super::*;

/// What lies where a sync puts it before it is whole is not counted as a file, and named.
#[test]
fn what_is_left_out_is_counted() {
    let left = json!({
        "left": 1, "unfinished": {"items": 2, "folders": 0, "bytes": 0, "first": [".f.Xy12aB", ".g.Xy12aB"]},
    });
    let finding = of_tree(&plain(), &left);
    let sync =
        "2 that rsync leaves while a sync runs or after it was cut off: .f.Xy12aB, .g.Xy12aB";
    assert!(
        finding.headline.starts_with(&format!(
            "`standby` holds all 99 files of `primary`; left out: {sync}; "
        )),
        "{finding:#?}"
    );
    // Those of the target alone are no files of the source.
    let mut here = left.clone();
    here["left"] = json!(0);
    let finding = of_tree(&plain(), &here);
    assert!(
        finding
            .headline
            .starts_with("`standby` holds all 100 files of `primary`; `standby` is")
    );
    let comparison = "the comparison of primary and standby";
    assert_eq!(said(&finding, comparison), format!("left out: {sync}"));
    let marks = of_tree(&plain(), &json!({ "marks": 2 }));
    assert!(
        said(&marks, comparison).ends_with("(2 files on `standby`)"),
        "{marks:#?}"
    );
}

/// A warning takes the place of the sentence that says it.
#[test]
fn what_is_left_out_is_told_beside_a_warning() {
    let mut mirror = plain();
    mirror.limits.exclude = vec!["*.log".into(), "/c/".into()];
    let changes = json!({
        "marks": 1, "all": {"Ok": {"entries": 108, "bytes": 1}},
        "metadata": {"items": 1, "folders": 0, "bytes": 0, "first": ["a"]},
    });
    let finding = of_tree(&mirror, &changes);
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
    let told = "1 the same content, another mode: a; left out on `standby`: *.log, /c/ \
        (3 files, folders and links); what each mirror of a Debian archive has of its own, \
        /Archive-Update-*, /project/trace/* (1 file on `standby`)";
    assert_eq!(finding.headline, told);
}

/// Where the folder that was asked for is not there, nothing is said of the disk of another.
#[test]
fn a_source_that_is_not_there_is_named_as_it_was_asked_for() {
    let of = |why: &str| {
        of_tree(
            &plain(),
            &json!({
                "asked": "root@192.0.2.21:/srv/other/", "unentered": why, "status": 23,
                "entries": 0, "files": 0,
            }),
        )
    };
    let finding = of("No such file or directory (2)");
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");
    assert_eq!(
        finding.headline,
        "`root@192.0.2.21:/srv/other/`, which `standby` reads as `primary`, is not there: is the path right, and its disk mounted"
    );
    assert!(!says(&finding, "holds all"), "{finding:#?}");
    assert!(!says(&finding, "only 0 files"), "{finding:#?}");
    let finding = of("Permission denied (13)");
    assert_eq!(finding.outcome, Outcome::Unknown, "{finding:#?}");
    let told = "cannot be entered: Permission denied (13)";
    assert!(finding.headline.ends_with(told), "{finding:#?}");
    let few = json!({"asked": "/srv/a/", "files": 0, "entries": 1});
    let finding = of_tree(&plain(), &few);
    assert_eq!(
        finding.headline,
        "`/srv/a/`, which `standby` reads as `primary`, has only 0 files: is its disk mounted"
    );
}
