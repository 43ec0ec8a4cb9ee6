//! What the comparison of the trees and of sampled contents shows, and whether it can be believed.

use super::covers::{links, uncovered};
use super::{Rows, Seen, count, seen, size};
use crate::event::Advice;
use crate::plan::Outcome;
use crate::step::Evidence;
use crate::steps::mirror::command::MARKS;
use crate::steps::mirror::draw::LARGEST_MIB;
use crate::steps::mirror::sample::{Sample, bad_at_most};
use crate::steps::mirror::stats::{Notes, Tally, Tree};
use crate::steps::mirror::{Grade, Limits, Walk};

/// Judges the comparison of the trees; true where they were seen, now, to be the same.
pub(super) fn trees(
    rows: &mut Rows,
    limits: &Limits,
    evidence: &Evidence,
    source: &str,
    target: &str,
) -> bool {
    let what = format!("files of {source} on {target}");
    let allowed = match limits.max_bytes {
        None => format!("at most {} differ", count(limits.max_files)),
        Some(bytes) => format!(
            "at most {} and {} differ",
            count(limits.max_files),
            size(bytes)
        ),
    };
    let (tree, recorded) = match seen::<Tree>(evidence, &format!("tree {source} -> {target}")) {
        Some(Seen::Yes(tree, recorded)) => (tree, recorded),
        Some(Seen::No(unseen)) => {
            rows.unseen(&what, &allowed, &unseen);
            return false;
        }
        None => return false,
    };
    let live = recorded.is_none();
    rows.recorded(&what, recorded.as_ref());
    whole(rows, limits, &tree);

    let (differing, bytes) = (tree.differing(), tree.differing_bytes());
    let uncovered = uncovered(evidence, target);
    let summary = if differing == 0 {
        let but = match uncovered {
            0 => String::new(),
            n => format!(", but for what is behind {}", things(n, "link")),
        };
        let all = things(tree.source_files(), "file");
        format!("`{target}` holds all {all} of `{source}`{but}")
    } else {
        let timed = match tree.timed.items {
            0 => String::new(),
            n => format!(", {} of them by the time alone", count(n)),
        };
        format!(
            "`{target}` lacks {} and holds {} other than `{source}`{timed}, of {} files, folders and links ({})",
            count(tree.missing.items),
            count(tree.other()),
            count(tree.source_entries()),
            size(bytes)
        )
    };
    let over = differing > limits.max_files || limits.max_bytes.is_some_and(|max| bytes > max);
    let outcome = if over { Outcome::Fail } else { Outcome::Pass };
    if over {
        rows.advice = vec![
            Advice::Mend("run the sync of the mirror".into()),
            Advice::Try(format!("on `{target}`: {}", tree.command)),
        ];
    }
    rows.well.push(summary.clone());
    rows.row(outcome, &what, &allowed, summary);
    let sorts = [
        ("missing", &tree.missing, outcome),
        ("other than at the source", &tree.stale, outcome),
        ("the same size, another time", &tree.timed, outcome),
        ("a folder on one side only", &tree.retyped, outcome),
        (
            "the same content, another mode",
            &tree.metadata,
            Outcome::Warn,
        ),
        ("only on the target", &tree.extra, grade(limits.extra)),
    ];
    for (sort, tally, outcome) in sorts {
        if tally.items > 0 {
            let expected = if outcome == Outcome::Pass {
                "allowed"
            } else {
                "none"
            };
            rows.row(
                outcome,
                &format!("{sort}, on {target}"),
                expected,
                examples(tally, sort),
            );
        }
    }
    if tree.folders.len() > 1 {
        let mut most: Vec<_> = tree.folders.iter().collect();
        most.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let most: Vec<String> = most
            .iter()
            .take(5)
            .map(|(name, n)| format!("{name} {}", count(**n)))
            .collect();
        rows.row(
            Outcome::Pass,
            &format!("where it differs, on {target}"),
            "",
            most.join(", "),
        );
    }
    links(rows, evidence, source, target);
    live && differing == 0 && uncovered == 0
}

/// Whether the comparison itself can be believed: what makes rsync say that nothing differs when it does.
fn whole(rows: &mut Rows, limits: &Limits, tree: &Tree) {
    let (source, target) = (&tree.source, &tree.target);
    let what = format!("the comparison of {source} and {target}");
    let files = tree.source_files();
    if files < limits.min_files {
        let actual = format!(
            "`{source}` has only {}: is its disk mounted",
            things(files, "file")
        );
        rows.row(
            Outcome::Fail,
            &format!("files of {source}"),
            format!("at least {}", count(limits.min_files)),
            actual,
        );
    }
    if tree.shrunk() > u64::from(limits.shrink) {
        let actual = format!(
            "`{source}` has {} % fewer files than `{target}`: is all of its disk mounted",
            tree.shrunk()
        );
        rows.row(
            Outcome::Fail,
            &format!("files of {source}"),
            format!("at most {} % fewer", limits.shrink),
            actual,
        );
    }
    if tree.created {
        rows.row(
            Outcome::Fail,
            &format!("the folder on {target}"),
            "is there",
            format!("the folder is not there on `{target}`"),
        );
    }
    if tree.deletion_skipped {
        let actual = format!(
            "rsync could not read all of `{source}`, and stopped looking for files that only `{target}` has"
        );
        rows.row(Outcome::Unknown, &what, "of everything", actual);
    }
    if tree.complaints.lines > 0 {
        rows.row(
            Outcome::Unknown,
            &what,
            "without errors",
            format!("rsync complains: {}", notes(&tree.complaints)),
        );
    }
    if tree.noise.lines > 0 {
        rows.row(
            Outcome::Unknown,
            &what,
            "only what rsync prints",
            format!("lines that rsync does not print: {}", notes(&tree.noise)),
        );
    }
    if tree.status == 23 {
        rows.row(
            Outcome::Unknown,
            &what,
            "exit 0",
            "rsync compared only a part (exit 23)",
        );
    }
    if tree.status == 24 || tree.vanished > 0 {
        let actual = format!(
            "{} vanished while `{source}` was read",
            things(tree.vanished.max(1), "file")
        );
        rows.row(Outcome::Warn, &what, "a source at rest", actual);
    }
    if tree.special > 0 {
        let actual = format!(
            "{} sockets, pipes or devices are not compared: exclude them",
            count(tree.special)
        );
        rows.row(Outcome::Warn, &what, "only files", actual);
    }
    if tree.daemon {
        let actual = format!(
            "read over the rsync daemon of `{source}`: files that it hides or cannot read are not seen"
        );
        rows.row(Outcome::Pass, &what, "", actual);
    }
    let mut left: Vec<String> = limits.exclude.clone();
    if limits.index_only {
        let more: String = (tree.behind.iter())
            .map(|name| format!(", {name}"))
            .collect();
        left.push(format!(
            "all but dists/, project/{more} and text files at the top"
        ));
    }
    if let Some(marks) = tree.marks {
        left.push(format!(
            "what each mirror of a Debian archive has of its own, {} ({} on `{target}`)",
            MARKS.join(", "),
            things(marks, "file")
        ));
    }
    if tree.unfinished.items > 0 {
        left.push(examples(
            &tree.unfinished,
            "that rsync leaves while a sync runs or after it was cut off",
        ));
    }
    if !left.is_empty() {
        let actual = format!("left out: {}", left.join("; "));
        rows.row(Outcome::Pass, &what, "", actual);
    }
}

/// A dry run does not notice a file that it would not be able to read.
pub(super) fn readable(rows: &mut Rows, evidence: &Evidence, source: &str) {
    let what = format!("readable files on {source}");
    match seen::<Walk>(evidence, &format!("readable {source}")) {
        None => {}
        Some(Seen::No(unseen)) => rows.unseen(&what, "all", &unseen),
        Some(Seen::Yes(found, recorded)) => {
            rows.recorded(&what, recorded.as_ref());
            if found.names.lines > 0 {
                let actual = format!(
                    "{} of `{source}` cannot be read, so they cannot be compared or copied: {}",
                    match found.names.lines {
                        1 => "1 file or folder".to_owned(),
                        n => format!("{} files or folders", count(n)),
                    },
                    notes(&found.names)
                );
                rows.row(Outcome::Unknown, &what, "all", actual);
            }
        }
    }
}

pub(super) fn samples(rows: &mut Rows, evidence: &Evidence, source: &str, target: &str) {
    let what = format!("contents on {target}");
    let expected = "the same checksum";
    match seen::<Sample>(evidence, &format!("sample {source} -> {target}")) {
        None => {
            let actual = "compared by size and time only: the same size and time with another content is not seen";
            rows.row(Outcome::Pass, &what, "", actual);
        }
        Some(Seen::No(unseen)) => rows.unseen(&what, expected, &unseen),
        Some(Seen::Yes(sample, recorded)) => {
            rows.recorded(&what, recorded.as_ref());
            if sample.other > 0 {
                let actual = format!(
                    "{} of {} sampled files have the same size and time and another content: {}",
                    count(sample.other),
                    count(sample.compared),
                    sample.first.join(", ")
                );
                rows.row(Outcome::Fail, &what, expected, actual);
                rows.lasting = true;
                let again = "copy them again by content: `rsync --checksum` for these folders";
                rows.advice = vec![Advice::Mend(again.into())];
            } else if sample.compared == 0 {
                let actual = format!(
                    "none of {} sampled files could be compared by checksum",
                    count(sample.chosen)
                );
                rows.row(Outcome::Warn, &what, expected, actual);
            } else {
                let timed = match sample.timed {
                    0 => String::new(),
                    n => format!(" ({} of them with another time)", count(n)),
                };
                let actual = format!(
                    "{} up to {LARGEST_MIB} MiB compared by checksum, all the same{timed}: with 95 % confidence fewer than {:.1} % are not",
                    things(sample.compared, "file"),
                    bad_at_most(sample.compared)
                );
                rows.row(Outcome::Pass, &what, expected, actual);
            }
            if sample.unread > 0 {
                let actual = format!(
                    "{} sampled files could not be read on one side",
                    count(sample.unread)
                );
                rows.row(Outcome::Unknown, &what, "readable", actual);
            }
        }
    }
}

/// `1 file`, `12,345 files`.
pub(super) fn things(n: u64, thing: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {thing}{s}", count(n))
}

fn grade(grade: Grade) -> Outcome {
    match grade {
        Grade::Inform => Outcome::Pass,
        Grade::Warn => Outcome::Warn,
        Grade::Fail => Outcome::Fail,
    }
}

fn examples(tally: &Tally, sort: &str) -> String {
    let more = if tally.items > tally.first.len() as u64 {
        ", …"
    } else {
        ""
    };
    format!(
        "{} {sort}: {}{more}",
        count(tally.items),
        tally.first.join(", ")
    )
}

pub(super) fn notes(notes: &Notes) -> String {
    let more = notes.lines - notes.first.len() as u64;
    let first = notes.first.join(" | ");
    if more > 0 {
        format!("{first} and {} more", count(more))
    } else {
        first
    }
}
