//! What the comparison of the trees and of sampled contents shows, and whether it can be believed.

use super::covers::{links, uncovered};
use super::{Rows, Seen, seen, since, size};
use crate::event::Advice;
use crate::plan::Outcome;
use crate::step::Evidence;
use crate::steps::mirror::command::MARKS;
use crate::steps::mirror::draw::LARGEST_MIB;
use crate::steps::mirror::sample::{Sample, bad_at_most};
use crate::steps::mirror::stats::{Notes, Tally, Tree};
use crate::steps::mirror::{Grade, Limits, Walk};
use crate::words::{count, count_of, part_of, thousands, verb_of};

/// What the comparison says nothing of, however much of it is the same.
fn not_compared(tree: &Tree) -> &'static str {
    match tree.daemon {
        true => "owners, groups, ACLs, extended attributes, hard links",
        false => {
            "owners and groups that the login there does not see (all but root), ACLs, extended attributes, hard links"
        }
    }
}

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
        None => format!("at most {} differ", thousands(limits.max_files)),
        Some(bytes) => format!(
            "at most {} and {} differ",
            thousands(limits.max_files),
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
    if let Some((age, _)) = &recorded {
        since::held(rows, evidence, &tree, *age, (source, target));
    }
    rows.recorded(&what, recorded.as_ref());
    whole(rows, limits, &tree);
    if tree.unentered.is_some() {
        rows.advice = vec![Advice::Try(format!("on `{target}`: {}", tree.command))];
        return false;
    }

    let (differing, bytes) = (tree.differing(), tree.differing_bytes());
    let uncovered = uncovered(evidence, target);
    let summary = if differing == 0 {
        let but = match uncovered {
            0 => String::new(),
            n => format!(", but for what is behind {}", count(n, "link")),
        };
        let all = count(tree.source_files(), "file");
        let unfinished = (tree.left > 0).then(|| unfinished(&tree));
        let out: Vec<String> = (left_out(limits, &tree).into_iter())
            .chain(unfinished)
            .collect();
        let out = match out.is_empty() {
            true => String::new(),
            false => format!("; left out: {}", out.join("; ")),
        };
        format!("`{target}` holds all {all} of `{source}`{but}{out}")
    } else {
        let timed = match tree.timed.items {
            0 => String::new(),
            n => format!(", {} of them by the time alone", thousands(n)),
        };
        format!(
            "`{target}` lacks {} and holds {} other than `{source}`{timed}, of {} ({})",
            thousands(tree.missing.items),
            thousands(tree.other()),
            count_of(
                tree.source_entries(),
                "file, folder or link",
                "files, folders and links"
            ),
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
        (
            "the same link or folder, another time",
            &tree.aged,
            Outcome::Warn,
        ),
        ("another owner or group", &tree.owner, Outcome::Warn),
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
    rows.row(
        Outcome::Pass,
        &format!("not compared, on {target}"),
        "",
        not_compared(&tree).to_owned(),
    );
    if tree.folders.len() > 1 {
        let mut most: Vec<_> = tree.folders.iter().collect();
        most.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let most: Vec<String> = most
            .iter()
            .take(5)
            .map(|(name, n)| format!("{name} {}", thousands(**n)))
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
    entered(rows, limits, tree);
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
            count(tree.vanished.max(1), "file")
        );
        rows.row(Outcome::Warn, &what, "a source at rest", actual);
    }
    if tree.special > 0 {
        let actual = format!(
            "{} not compared: exclude {}",
            count_of(
                tree.special,
                "socket, pipe or device is",
                "sockets, pipes or devices are"
            ),
            verb_of(tree.special, "it", "them")
        );
        rows.row(Outcome::Warn, &what, "only files", actual);
    }
    if tree.daemon {
        let actual = format!(
            "read over the rsync daemon of `{source}`: files that it hides or cannot read are not seen"
        );
        rows.row(Outcome::Pass, &what, "", actual);
    }
    let left = omitted(limits, tree);
    if !left.is_empty() {
        let actual = format!("left out: {}", left.join("; "));
        rows.row(Outcome::Pass, &what, "", actual);
        let left = format!("left out on `{target}`: {}", left.join("; "));
        rows.left.push(left);
    }
}

/// Whether the folder of the source was read, and is as full as it should be.
fn entered(rows: &mut Rows, limits: &Limits, tree: &Tree) {
    let (source, target, asked) = (&tree.source, &tree.target, &tree.asked);
    let what = format!("files of {source}");
    if let Some(why) = &tree.unentered {
        let gone = why.contains("No such file or directory");
        let (outcome, actual) = match gone {
            true => (
                Outcome::Fail,
                format!(
                    "`{asked}`, which `{target}` reads as `{source}`, is not there: is the path right, and its disk mounted"
                ),
            ),
            false => (
                Outcome::Unknown,
                format!(
                    "`{asked}`, which `{target}` reads as `{source}`, cannot be entered: {why}"
                ),
            ),
        };
        return rows.row(outcome, &what, "is there", actual);
    }
    let files = tree.source_files();
    if files < limits.min_files {
        let actual = format!(
            "`{asked}`, which `{target}` reads as `{source}`, has only {}: is its disk mounted",
            count(files, "file")
        );
        let least = format!("at least {}", thousands(limits.min_files));
        rows.row(Outcome::Fail, &what, least, actual);
    }
    if tree.shrunk() > u64::from(limits.shrink) {
        let actual = format!(
            "`{asked}`, which `{target}` reads as `{source}`, has {} % fewer files than `{target}`: is all of its disk mounted",
            tree.shrunk()
        );
        let most = format!("at most {} % fewer", limits.shrink);
        rows.row(Outcome::Fail, &what, most, actual);
    }
}

/// All that is not compared of what is there, for the line that a person reads.
fn omitted(limits: &Limits, tree: &Tree) -> Vec<String> {
    let marks = tree.marks.map(|marks| {
        format!(
            "what each mirror of a Debian archive has of its own, {} ({} on `{}`)",
            MARKS.join(", "),
            count(marks, "file"),
            tree.target
        )
    });
    let unfinished = (tree.unfinished.items > 0).then(|| unfinished(tree));
    (left_out(limits, tree).into_iter())
        .chain(marks)
        .chain(unfinished)
        .collect()
}

/// What is taken for rsync's own: `1 that rsync leaves while a sync runs or after it was cut off: .f.Xy12aB`.
fn unfinished(tree: &Tree) -> String {
    examples(
        &tree.unfinished,
        "that rsync leaves while a sync runs or after it was cut off",
    )
}

/// What the playbook leaves out, and how much that is: `*.log, /up/ (4 files, folders and links)`.
fn left_out(limits: &Limits, tree: &Tree) -> Option<String> {
    let mut patterns: Vec<String> = limits.exclude.clone();
    if limits.index_only {
        let more: String = (tree.behind.iter())
            .map(|name| format!(", {name}"))
            .collect();
        patterns.push(format!(
            "`index-only`, all but dists/, project/{more} and text files at the top"
        ));
    }
    if patterns.is_empty() {
        return None;
    }
    let much = match &tree.all {
        Some(Ok(all)) => count_of(
            all.entries
                .saturating_sub(tree.entries)
                .saturating_sub(tree.marks.unwrap_or_default()),
            "file, folder or link",
            "files, folders and links",
        ),
        Some(Err(why)) => format!("not counted: {why}"),
        None => "not counted".to_owned(),
    };
    Some(format!("{} ({much})", patterns.join(", ")))
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
                    "{} of `{source}` cannot be read, so {} cannot be compared or copied: {}",
                    count_of(found.names.lines, "file or folder", "files or folders"),
                    verb_of(found.names.lines, "it", "they"),
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
            if sample.large > 0 {
                let large = count(sample.large, "file");
                let actual =
                    format!("{large} above {LARGEST_MIB} MiB compared by size and time only");
                rows.well.push(actual.clone());
                rows.row(Outcome::Pass, &what, "", actual);
            }
            if sample.other > 0 {
                let actual = format!(
                    "{} {} the same size and time and another content: {}",
                    part_of(sample.other, sample.compared, "sampled file"),
                    verb_of(sample.compared, "has", "have"),
                    sample.first.join(", ")
                );
                rows.row(Outcome::Fail, &what, expected, actual);
                rows.lasting = true;
                let again = "copy them again by content: `rsync --checksum` for these folders";
                rows.advice = vec![Advice::Mend(again.into())];
            } else if sample.chosen == 0 && sample.large > 0 {
                let actual = format!(
                    "no file was compared by checksum, since none has up to {LARGEST_MIB} MiB: contents were not \
                     seen (`sample = 0` in the step says that this will do)"
                );
                rows.row(Outcome::Warn, &what, expected, actual);
            } else if sample.chosen == 0 {
                let actual = "there is no file to compare by checksum";
                rows.row(Outcome::Pass, &what, "", actual);
            } else if sample.compared == 0 {
                let actual = format!(
                    "none of {} could be compared by checksum",
                    count(sample.chosen, "sampled file")
                );
                rows.row(Outcome::Warn, &what, expected, actual);
            } else {
                let timed = match sample.timed {
                    0 => String::new(),
                    n => format!(" ({} of them with another time)", thousands(n)),
                };
                let actual = format!(
                    "{} up to {LARGEST_MIB} MiB compared by checksum, all the same{timed}: with 95 % confidence fewer than {:.1} % are not",
                    count(sample.compared, "file"),
                    bad_at_most(sample.compared)
                );
                rows.row(Outcome::Pass, &what, expected, actual);
            }
            if sample.unread > 0 {
                let actual = format!(
                    "{} could not be read on one side",
                    count(sample.unread, "sampled file")
                );
                rows.row(Outcome::Unknown, &what, "readable", actual);
            }
        }
    }
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
        thousands(tally.items),
        tally.first.join(", ")
    )
}

pub(super) fn notes(notes: &Notes) -> String {
    let more = notes.lines - notes.first.len() as u64;
    let first = notes.first.join(" | ");
    if more > 0 {
        format!("{first} and {} more", thousands(more))
    } else {
        first
    }
}
