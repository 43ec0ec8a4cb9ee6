//! What the lines of a run amount to.

use super::*;

fn read(stdout: &str, stderr: &str, status: i32) -> Result<Tree, Unseen> {
    let mut reading = Reading::default();
    for line in stdout.lines() {
        reading.line(line.as_bytes());
    }
    let all = vec![true; reading.held().count()];
    reading.finish(
        &all,
        &Output::of_a_test(Some(status), b"", stderr.as_bytes()),
    )
}

const END: &str = "\nNumber of files: 9 (reg: 3, dir: 4, link: 2)\nTotal file size: 10 bytes\n";

#[test]
fn counts_every_sort() {
    let stdout = format!(
        "cannot delete non-empty directory: p/ed\n\
         CUT *deleting   0 p/z/in/f\n\
         CUT *deleting   0 p/z/in/\n\
         CUT cL+++++++++ 3 p/l\n\
         CUT cLc........ 1 p/n\n\
         CUT >f+++++++++ 2 p/z\n\
         CUT cd+++++++++ 4096 p/q/\n\
         CUT >f..t...... 5 top\n\
         CUT .f...p..... 2 p/mode\n\
         CUT .f....o.... 4 p/owner\n\
         CUT .d.....g... 0 p/group/\n{END}"
    );
    let tree = read(&stdout, "", 0).unwrap();
    let items = |tally: &Tally| (tally.items, tally.folders, tally.bytes);
    assert_eq!(items(&tree.missing), (2, 1, 3));
    assert_eq!(items(&tree.stale), (1, 0, 1));
    assert_eq!(items(&tree.timed), (1, 0, 5));
    assert_eq!(items(&tree.retyped), (1, 0, 2));
    assert_eq!(items(&tree.metadata), (1, 0, 2));
    assert_eq!(items(&tree.owner), (2, 1, 4));
    assert_eq!(items(&tree.extra), (2, 1, 0));
    assert_eq!(tree.folders["p/"], 6);
    assert_eq!(tree.folders["./"], 1);
    assert_eq!((tree.entries, tree.files, tree.bytes), (9, Some(3), 10));
    assert_eq!(tree.noise, Notes::default());
}

#[test]
fn what_rsync_leaves_lying_about_is_counted_apart() {
    let stdout = format!(
        "CUT *deleting   0 p/.y.a1B2c3\n\
         CUT cd+++++++++ 4096 .~tmp~/\n\
         CUT >f+++++++++ 9 .~tmp~/z\n\
         CUT >f+++++++++ 9 .index.html.Xy12aB\n\
         CUT >f+++++++++ 9 .env.docker\n\
         CUT cd+++++++++ 4096 .github.config/\n{END}"
    );
    let mut reading = Reading::default();
    for line in stdout.lines() {
        reading.line(line.as_bytes());
    }
    // What looks chosen is a file of the source: somebody's secret, perhaps.
    let held: Vec<_> = reading.held().collect();
    assert_eq!(held, [&b"p/.y.a1B2c3"[..], b".index.html.Xy12aB"]);
    let output = Output::of_a_test(Some(0), b"", b"");
    let tree = reading.finish(&[true, true], &output).unwrap();
    assert_eq!((tree.missing.items, tree.extra.items), (2, 0));
    assert_eq!((tree.unfinished.items, tree.left), (4, 2));
    assert_eq!(tree.source_files(), 1);
    assert_eq!(tree.missing.first, [".env.docker", ".github.config/"]);
}

#[test]
fn memory_stays_bounded() {
    let mut reading = Reading::default();
    for n in 0..20_000 {
        reading.line(format!("CUT >f+++++++++ 1 d{n}/f").as_bytes());
        reading.line(format!("CUT *deleting   0 e/{n}/f").as_bytes());
        reading.line(format!("CUT *deleting   0 .f{n}.abcdef").as_bytes());
        reading.line(b"noise");
    }
    assert!(reading.tree.folders.len() <= FOLDERS + 1);
    assert!(reading.deleted.len() <= REMEMBERED);
    assert_eq!(reading.held.len(), HELD);
    assert_eq!(reading.tree.missing.first.len(), EXAMPLES);
    assert_eq!(reading.tree.noise.first.len(), EXAMPLES);
    assert_eq!(reading.tree.noise.lines, 20_000);
}

#[test]
fn a_run_that_did_not_end_well_shows_nothing() {
    let cases = [
        (
            10,
            "rsync: failed to connect to x: Connection refused (111)",
            Cause::Refused,
        ),
        (
            10,
            "rsync: failed to connect to x: No route to host (113)",
            Cause::Unreachable,
        ),
        (255, "ops@p: Permission denied (publickey).", Cause::Denied),
        (255, "Host key verification failed.", Cause::Denied),
        (
            255,
            "ssh: Could not resolve hostname p: Name or service not known",
            Cause::NoName,
        ),
        (5, "@ERROR: Unknown module 'x'", Cause::Missing),
        (
            2,
            "protocol version mismatch -- is your shell clean?",
            Cause::Garbled,
        ),
        (127, "sh: rsync: not found", Cause::Missing),
        (
            30,
            "rsync error: timeout in data send/receive",
            Cause::Frozen,
        ),
        (
            1,
            "The --contimeout option may only be used when",
            Cause::Error,
        ),
        (25, "", Cause::Error),
    ];
    for (status, stderr, cause) in cases {
        let unseen = read(END, stderr, status).unwrap_err();
        assert_eq!(unseen.cause, cause, "{status} {stderr}");
    }
    assert_eq!(read("", "", 0).unwrap_err().cause, Cause::Garbled);
}

#[test]
fn vanished_files_are_no_complaint() {
    let stderr = "file has vanished: \"/srv/a\"\n\
        rsync warning: some files vanished before they could be transferred (code 24) at main.c(1)\n";
    let tree = read(END, stderr, 24).unwrap();
    assert_eq!((tree.vanished, tree.complaints.lines), (1, 0));
}

#[test]
fn a_folder_that_the_sender_cannot_enter_is_told_apart() {
    const NONE: &str = "\nNumber of files: 0\nTotal file size: 0 bytes\n";
    let of = |line: &str| read(NONE, line, 23).unwrap().unentered;
    let gone = "No such file or directory (2)";
    for line in [
        "rsync: [sender] change_dir \"/srv/a\" failed: No such file or directory (2)\n",
        "rsync: [sender] change_dir \"/a\" (in m) failed: No such file or directory (2)\n",
        "rsync: change_dir \"/srv/a\" failed: No such file or directory (2)\n",
    ] {
        assert_eq!(of(line).as_deref(), Some(gone), "{line}");
    }
    for line in [
        "rsync: [Receiver] change_dir#3 \"/srv/a\" failed: No such file or directory (2)\n",
        "rsync: [sender] opendir \"/srv/a/x\" failed: Permission denied (13)\n",
    ] {
        assert_eq!(of(line), None, "{line}");
    }
}

#[test]
fn tells_how_much_smaller_the_source_is() {
    let tree = |files, missing, extra| Tree {
        files: Some(files),
        missing: Tally {
            items: missing,
            ..Tally::default()
        },
        extra: Tally {
            items: extra,
            ..Tally::default()
        },
        ..Tree::default()
    };
    assert_eq!(tree(100, 0, 0).shrunk(), 0);
    assert_eq!(tree(0, 0, 50).shrunk(), 100);
    assert_eq!(tree(50, 0, 50).shrunk(), 50);
    assert_eq!(tree(100, 60, 40).shrunk(), 0);
}
