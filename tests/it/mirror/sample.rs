//! The sample, which is drawn from what rsync lists.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::process::Command;

use cutover::plan::Outcome;
use cutover::step::Pulses;

use super::trees::{Trees, age, put};
use super::{PROGRAMS, look_at, playbook, tells};
use crate::lab::have;

#[tokio::test(flavor = "multi_thread")]
async fn files_are_drawn_from_what_is_compared() {
    if !have(PROGRAMS) {
        return;
    }
    let trees = Trees::new();
    for n in 0..40 {
        trees.both(&format!("pool/n/{n}"), "some content");
    }
    let finding = trees.look("sample = 12").await;
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    // A quarter are the newest; of the rest some may be the same.
    let drawn = (9..=12).find(|n| tells(&finding, &format!("{n} files up to 64 MiB compared")));
    assert!(drawn.is_some(), "{finding:#?}");
    let finding = trees.look("sample = 1000").await;
    assert!(
        tells(&finding, "45 files up to 64 MiB compared"),
        "{finding:#?}"
    );
    let finding = trees.look("sample = 1000\nexclude = [\"/pool/n\"]").await;
    assert!(
        tells(&finding, "5 files up to 64 MiB compared"),
        "{finding:#?}"
    );

    // What size and time do not show.
    put(&trees.target(), "pool/n/7", "SOME CONTENT");
    let finding = trees.look("sample = 1000").await;
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");
    assert!(tells(&finding, "pool/n/7"), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_of_an_index_is_drawn_from_the_index() {
    if !have(PROGRAMS) {
        return;
    }
    let trees = Trees::new();
    for n in 0..5 {
        trees.both(&format!("pool/n/{n}"), "some content");
        trees.both(&format!("zzz-dists/{n}"), "some content");
    }
    // What a link of the index leads into belongs to it.
    trees.link("../zzz-dists", "dists/more");
    let fields = "index-only = true\nsample = 1000";
    let finding = trees.look(fields).await;
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    // A file of `dists`, one of the top, and five behind the link; what is in `pool` is none of it.
    let words = "7 files up to 64 MiB compared";
    assert!(tells(&finding, words), "{finding:#?}");
    put(&trees.target(), "pool/n/3", "SOME CONTENT");
    let finding = trees.look(fields).await;
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    for spoilt in ["zzz-dists/3", "dists/stable/Release"] {
        put(&trees.target(), spoilt, "SOME CONTENT");
        let finding = trees.look(fields).await;
        assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");
        assert!(tells(&finding, spoilt), "{finding:#?}");
        put(&trees.target(), spoilt, "some content");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_draws_its_own_where_the_trees_are_not_compared_anew() {
    if !have(PROGRAMS) {
        return;
    }
    let trees = Trees::new();
    put(&trees.target(), "pool/main/z", "SOME CONTENT");
    let (source, target) = (trees.source(), trees.target());
    let text = playbook("local = true", "local = true", &source, &target, "");
    let finding = look_at(&text, &Pulses::none(), |key| !key.starts_with("tree ")).await;
    assert!(tells(&finding, "pool/main/z"), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_in_place_of_a_file_keeps_what_is_in_it() {
    if !have(PROGRAMS) || !have(&["mkfifo"]) {
        return;
    }
    let trees = Trees::new();
    let pipe = trees.target().join("pool/main/z");
    fs::remove_file(&pipe).unwrap();
    for name in [&pipe, &trees.target().join("stamp")] {
        let made = Command::new("mkfifo").arg(name).status();
        assert!(made.unwrap().success());
    }
    let mut end = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    end.write_all(b"line").unwrap();
    age(&trees.source().join("pool/main/z"), 60);
    let finding = trees.look("sample = 1000\nstamp = \"stamp\"").await;
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");
    let words = "`stamp` on `standby` is no regular file, and is not read";
    assert!(tells(&finding, words), "{finding:#?}");
    let mut line = [0; 4];
    end.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"line");
}
