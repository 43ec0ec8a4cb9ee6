//! What "holds all" covers: each thing that is left out has its reason and is told.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cutover::plan::Outcome;

use super::trees::{Trees, age, put};
use super::{PROGRAMS, look, playbook, tells};
use crate::lab::have;

/// An index whose one file is a link to what lies beside it.
fn index_of_links(trees: &Trees) {
    trees.both("zzz-dists/stable/InRelease", "new");
    trees.link("../../zzz-dists/stable/InRelease", "dists/stable/InRelease");
}

fn two_seconds_older(trees: &Trees) {
    age(&trees.target().join("pool/main/z"), 3602);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_case_is_told_as_it_is() {
    if !have(PROGRAMS) {
        return;
    }
    type Spoil = fn(&Trees);
    let cases: &[(&str, Spoil, &str, Outcome, &[&str])] = &[
        (
            "names like those of temporary files",
            |t| {
                put(&t.source(), ".env.docker", "x");
                put(&t.source(), ".htaccess.backup", "x");
                put(&t.source(), ".github.config/ci.yml", "x");
            },
            "",
            Outcome::Fail,
            &["lacks 4 and holds 0 other"],
        ),
        (
            "temporary files on both sides",
            |t| {
                put(&t.source(), "pool/main/.z.Xy12aB", "x");
                put(&t.target(), "pool/main/.z.aB12cd", "x");
                put(&t.source(), "pool/main/.~tmp~/z", "x");
            },
            "extra = \"fail\"",
            Outcome::Pass,
            &["holds all 5 files", "while a sync runs", ".z.Xy12aB"],
        ),
        (
            "a name at the source that somebody chose",
            |t| put(&t.source(), "pool/main/.z.secret", "x"),
            "",
            Outcome::Fail,
            &["lacks 1"],
        ),
        (
            "the same form, and nothing beside it",
            |t| put(&t.source(), "pool/main/.new.Xy12aB", "x"),
            "",
            Outcome::Fail,
            &["lacks 1"],
        ),
        (
            "what each mirror of an archive has of its own",
            |t| put(&t.target(), "project/trace/standby.example", "x"),
            "extra = \"fail\"",
            Outcome::Pass,
            &["project/trace/* (2 files on `standby`)"],
        ),
        (
            "the same names where it is no archive",
            |t| {
                for side in [t.source(), t.target()] {
                    fs::remove_dir_all(side.join("dists")).unwrap();
                }
                put(&t.source(), "project/trace/report.html", "x");
                put(&t.source(), "Archive-Update-notes", "x");
            },
            "",
            Outcome::Fail,
            &["lacks 2"],
        ),
        (
            "a link that leads out",
            |t| t.link("/usr", "usr"),
            "",
            Outcome::Warn,
            &[
                "1 link on `standby`",
                "usr -> /usr",
                "but for what is behind 1 link",
            ],
        ),
        (
            "a link that leads out, left out",
            |t| t.link("/usr", "usr"),
            "exclude = [\"/usr\"]",
            Outcome::Pass,
            &["left out: /usr"],
        ),
        (
            "a link to nothing on both",
            |t| t.link("nothing", "pool/l"),
            "",
            Outcome::Warn,
            &["on neither host: pool/l"],
        ),
        (
            "a disk that is not there on the target",
            |t| {
                let disk = t.source().parent().unwrap().join("disk");
                fs::create_dir(&disk).unwrap();
                t.link("../disk", "pool/disk");
                // Each has its own: below the folder of the source `../disk` is another place.
                fs::create_dir(t.source().join("disk")).unwrap();
            },
            "exclude = [\"/disk\"]",
            Outcome::Fail,
            &["on `primary` it is: pool/disk"],
        ),
        (
            "an index whose files are links",
            |t| {
                index_of_links(t);
                put(&t.target(), "zzz-dists/stable/InRelease", "older");
            },
            "index-only = true",
            Outcome::Fail,
            &["holds 1 other", "zzz-dists/stable/InRelease"],
        ),
        (
            "an index whose files are links, all the same",
            index_of_links,
            "index-only = true",
            Outcome::Pass,
            &["holds all", "dists/, project/, zzz-dists"],
        ),
        (
            "another time alone",
            two_seconds_older,
            "",
            Outcome::Fail,
            &[
                "holds 1 other than `primary`, 1 of them by the time alone",
                "with another time",
            ],
        ),
        (
            "another time within the window",
            two_seconds_older,
            "modify-window = \"2s\"",
            Outcome::Pass,
            &["holds all 5 files"],
        ),
    ];
    for (name, spoil, fields, outcome, words) in cases {
        let trees = Trees::new();
        spoil(&trees);
        let finding = trees.look(fields).await;
        assert_eq!(finding.outcome, *outcome, "{name}: {finding:#?}");
        for words in *words {
            let told = finding.headline.contains(words) || tells(&finding, words);
            assert!(told, "{name}, {words}: {finding:#?}");
        }
        let whole = finding.headline.contains("holds all");
        assert!(
            !whole || finding.outcome == Outcome::Pass,
            "{name}: {finding:#?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_folder_under_two_names_is_not_compared_with_itself() {
    if !have(PROGRAMS) {
        return;
    }
    let trees = Trees::new();
    let alias = trees.source().parent().unwrap().join("alias");
    symlink(trees.source(), &alias).unwrap();
    let text = playbook("local = true", "local = true", &trees.source(), &alias, "");
    let finding = look(&text).await;
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");
    assert!(tells(&finding, "one and the same folder"), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_and_goes_at_the_source_is_not_unreadable() {
    if !have(PROGRAMS) {
        return;
    }
    let trees = Trees::new();
    for n in 0..500 {
        trees.both(&format!("pool/many/f{n}"), "x");
    }
    let ended = Arc::new(AtomicBool::new(false));
    let busy = std::thread::spawn({
        let (ended, folder) = (Arc::clone(&ended), trees.source().join("pool/many"));
        move || {
            let mut n = 0u64;
            while !ended.load(Ordering::Relaxed) {
                let (file, dir) = (folder.join(format!("t{n}")), folder.join(format!("d{n}")));
                let _ = (fs::write(&file, "x"), fs::create_dir(&dir));
                let _ = (fs::remove_file(&file), fs::remove_dir(&dir));
                n += 1;
            }
        }
    });
    let mut findings = Vec::new();
    for _ in 0..5 {
        findings.push(trees.look("max-files = 1000\nsample = 0").await);
    }
    ended.store(true, Ordering::Relaxed);
    busy.join().unwrap();
    for finding in findings {
        assert!(finding.outcome <= Outcome::Warn, "{finding:#?}");
    }
}
