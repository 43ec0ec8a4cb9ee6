//! The judgement of a mirror: pure, and never a pass where something could hide a difference.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::sample::{LARGEST, Sample, bad_at_most};
use super::stamps::{By, Stamp, Stamps};
use super::stats::{Notes, Tally, Tree};
use super::{Grade, Limits, Unreadable};
use crate::clock::short;
use crate::event::{Cause, Fact, Finding, Unseen};
use crate::plan::Outcome;
use crate::step::{Evidence, Known};

/// A sync that has run for longer than this was cut off, and left its mark behind.
const STUCK: u64 = 2 * 3600;

/// What is known of one look, in the words of this kind.
enum Seen<T> {
    /// Live, or recorded with its age and why it could not be seen now.
    Yes(T, Option<(Duration, Unseen)>),
    No(Unseen),
}

fn seen<T: DeserializeOwned>(evidence: &Evidence, key: &str) -> Option<Seen<T>> {
    let (json, recorded) = match evidence.get(key)? {
        Known::Live(json) => (json, None),
        Known::Recorded { fact, age, why } => (fact, Some((*age, why.clone()))),
        Known::Unseen(unseen) => return Some(Seen::No(unseen.clone())),
    };
    Some(match serde_json::from_value(json.clone()) {
        Ok(fact) => Seen::Yes(fact, recorded),
        Err(error) => Seen::No(Unseen::new(
            Cause::Garbled,
            format!("the record of an earlier run cannot be read: {error}"),
        )),
    })
}

/// The rows of a finding, and what its head is made of.
#[derive(Default)]
struct Rows {
    facts: Vec<Fact>,
    /// The sentence of the worst row so far.
    worst: Option<(Outcome, String)>,
    mend: Option<String>,
    /// Sentences of what is well, for the head of a pass.
    well: Vec<String>,
    data_age: Option<Duration>,
    /// Repeating the look cannot mend it.
    lasting: bool,
}

impl Rows {
    fn row(
        &mut self,
        outcome: Outcome,
        what: &str,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) {
        let actual = actual.into();
        if self
            .worst
            .as_ref()
            .is_none_or(|(worst, _)| outcome > *worst)
        {
            self.worst = Some((outcome, actual.clone()));
        }
        self.facts.push(Fact {
            outcome,
            what: what.to_owned(),
            expected: expected.into(),
            actual,
        });
    }

    fn unseen(&mut self, what: &str, expected: &str, unseen: &Unseen) {
        self.row(
            Outcome::Unknown,
            what,
            expected,
            format!("{what} could not be told: {}", unseen.detail),
        );
    }

    /// Says that what follows was answered from an earlier run.
    fn recorded(&mut self, what: &str, recorded: Option<&(Duration, Unseen)>) {
        if let Some((age, why)) = recorded {
            let actual = format!("{what} as it was {} ago; now: {}", short(*age), why.detail);
            self.row(Outcome::Warn, what, "a look now", actual);
        }
    }

    /// The oldest of what was measured is what would be served.
    fn data_age(&mut self, age: Duration) {
        self.data_age = Some(self.data_age.map_or(age, |other| other.max(age)));
    }
}

pub(super) fn judge(limits: &Limits, evidence: &Evidence) -> Finding {
    let mut rows = Rows::default();
    let pairs: Vec<(&str, &str)> = (evidence.items.iter())
        .filter_map(|(key, _)| key.strip_prefix("tree ")?.split_once(" -> "))
        .collect();
    if pairs.is_empty() {
        return Finding::new(Outcome::Unknown, "no two hosts hold a mirror of each other")
            .mend("name the host that it takes over from in `stands-in-for` of a host")
            .is_final();
    }
    for (source, target) in pairs {
        let same = trees(&mut rows, limits, evidence, source, target);
        readable(&mut rows, evidence, source);
        samples(&mut rows, evidence, source, target);
        let lag = stamps(&mut rows, limits, evidence, source, target);
        if let Some(age) = lag.or(same.then_some(Duration::ZERO)) {
            rows.data_age(age);
        }
    }
    let (outcome, sentence) = match rows.worst {
        Some((Outcome::Pass, _)) | None => (Outcome::Pass, rows.well.join("; ")),
        Some((outcome, sentence)) => (outcome, sentence),
    };
    let mut finding = Finding::new(outcome, sentence).facts(rows.facts);
    finding.mend = rows.mend.filter(|_| outcome != Outcome::Pass);
    finding.final_ = rows.lasting;
    if let Some(age) = rows.data_age {
        finding = finding.data_age(age);
    }
    finding
}

/// Judges the comparison of the trees; true where they were seen, now, to be the same.
fn trees(
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
    let total = count(tree.source_files());
    let summary = if differing == 0 {
        format!("`{target}` holds all {total} files of `{source}`")
    } else {
        format!(
            "`{target}` lacks {} and holds {} other than `{source}`, of {total} files ({})",
            count(tree.missing.items),
            count(tree.stale.items + tree.retyped.items),
            size(bytes)
        )
    };
    let over = differing > limits.max_files || limits.max_bytes.is_some_and(|max| bytes > max);
    let outcome = if over { Outcome::Fail } else { Outcome::Pass };
    if over {
        rows.mend = Some(format!(
            "run the sync of the mirror; to see each file, on `{target}`: {}",
            tree.command
        ));
    }
    rows.well.push(summary.clone());
    rows.row(outcome, &what, &allowed, summary);
    let sorts = [
        ("missing", &tree.missing, outcome),
        ("other than at the source", &tree.stale, outcome),
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
    live && differing == 0
}

/// Whether the comparison itself can be believed: what makes rsync say that nothing differs when it does.
fn whole(rows: &mut Rows, limits: &Limits, tree: &Tree) {
    let (source, target) = (&tree.source, &tree.target);
    let what = format!("the comparison of {source} and {target}");
    let files = tree.source_files();
    if files < limits.min_files {
        let actual = format!(
            "`{source}` has only {} files: is its disk mounted",
            count(files)
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
            "{} files vanished while `{source}` was read",
            count(tree.vanished.max(1))
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
    if limits.index_only || !limits.exclude.is_empty() {
        let mut left = limits.exclude.clone();
        if limits.index_only {
            left.push("all but dists/, project/ and text files at the top".into());
        }
        rows.row(
            Outcome::Pass,
            &what,
            "",
            format!("left out: {}", left.join(", ")),
        );
    }
}

/// A dry run does not notice a file that it would not be able to read.
fn readable(rows: &mut Rows, evidence: &Evidence, source: &str) {
    let what = format!("readable files on {source}");
    match seen::<Unreadable>(evidence, &format!("readable {source}")) {
        None => {}
        Some(Seen::No(unseen)) => rows.unseen(&what, "all", &unseen),
        Some(Seen::Yes(found, recorded)) => {
            rows.recorded(&what, recorded.as_ref());
            if found.names.lines > 0 {
                let actual = format!(
                    "{} files or folders of `{source}` cannot be read, so they cannot be compared or copied: {}",
                    count(found.names.lines),
                    found.names.first.join(", ")
                );
                rows.row(Outcome::Unknown, &what, "all", actual);
            }
        }
    }
}

fn samples(rows: &mut Rows, evidence: &Evidence, source: &str, target: &str) {
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
                rows.mend =
                    Some("copy them again by content: `rsync --checksum` for these folders".into());
            } else if sample.compared == 0 {
                let actual = format!(
                    "none of {} sampled files could be compared by checksum",
                    count(sample.chosen)
                );
                rows.row(Outcome::Warn, &what, expected, actual);
            } else {
                let actual = format!(
                    "{} files up to {LARGEST} compared by checksum, all the same: with 95 % confidence fewer than {:.1} % are not",
                    count(sample.compared),
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

/// Judges the stamps; how old the target's data is, where that can be told.
fn stamps(
    rows: &mut Rows,
    limits: &Limits,
    evidence: &Evidence,
    source: &str,
    target: &str,
) -> Option<Duration> {
    let asked = limits.stamp || limits.max_lag.is_some();
    let expected = limits.max_lag.map_or(String::new(), |lag| {
        format!("at most {} behind", short(lag))
    });
    let mut sides = Vec::new();
    for (host, is_target) in [(source, false), (target, true)] {
        let what = format!("stamp of {host}");
        match seen::<Stamps>(evidence, &format!("stamps {host}")) {
            None if asked => {
                let why = Unseen::new(Cause::Missing, format!("nothing can be run on `{host}`"));
                rows.unseen(&what, &expected, &why);
            }
            None => {}
            Some(Seen::No(unseen)) => rows.unseen(&what, &expected, &unseen),
            Some(Seen::Yes(stamps, recorded)) => {
                rows.recorded(&what, recorded.as_ref());
                if recorded.is_none() {
                    live(rows, &stamps, is_target);
                }
                sides.push((is_target, stamps, recorded.map(|(age, _)| age)));
            }
        }
    }
    let [(_, source, age), (_, target, None)] = sides.as_slice() else {
        if asked
            && let [(true, target, None)] = sides.as_slice()
            && let Some(stamp) = &target.stamp
        {
            let old = Duration::from_secs(u64::try_from(target.now - stamp.at).unwrap_or(0));
            let actual = format!(
                "`{}` was last in step {} ago by its own clock",
                target.host,
                short(old)
            );
            rows.row(
                Outcome::Pass,
                &format!("stamp of {}", target.host),
                "",
                actual,
            );
        }
        return None;
    };
    if age.is_none()
        && source.folder == target.folder
        && source.folder.contains(' ')
        && !source.folder.starts_with(' ')
    {
        let actual = format!(
            "`{}` and `{}` are looking at one and the same folder",
            source.host, target.host
        );
        rows.row(Outcome::Fail, "the two folders", "two", actual);
        rows.lasting = true;
    }
    if source.absent.is_some() || target.absent.is_some() {
        return None;
    }
    let what = format!("stamp of {}", target.host);
    let (there, here) = match (&source.stamp, &target.stamp) {
        (Some(there), Some(here)) => (there, here),
        (None, None) if !asked => return None,
        (None, _) => {
            let actual = format!(
                "`{}` has no stamp, so how far `{}` is behind cannot be told: name one with `stamp`",
                source.host, target.host
            );
            rows.row(
                if asked {
                    Outcome::Unknown
                } else {
                    Outcome::Pass
                },
                &what,
                expected,
                actual,
            );
            return None;
        }
        (Some(there), None) => {
            let actual = format!(
                "`{}` has no `{}`: it was never in step with `{}`",
                target.host, there.file, source.host
            );
            rows.row(
                if asked { Outcome::Fail } else { Outcome::Warn },
                &what,
                expected,
                actual,
            );
            return None;
        }
    };
    if there.file != here.file {
        let actual = format!(
            "`{}` has `{}` and `{}` has `{}`: name one with `stamp`",
            source.host, there.file, target.host, here.file
        );
        rows.row(
            if asked {
                Outcome::Unknown
            } else {
                Outcome::Warn
            },
            &what,
            expected,
            actual,
        );
        return None;
    }
    let behind = there.at - here.at;
    let same = there.sum == here.sum || (there.serial.is_some() && there.serial == here.serial);
    if !same && (behind < 0 || here.serial > there.serial) {
        let actual = format!(
            "`{}` is newer than `{}` by {}: is this the right direction",
            target.host,
            source.host,
            short(Duration::from_secs(behind.unsigned_abs()))
        );
        rows.row(Outcome::Warn, &what, expected, actual);
        return None;
    }
    let lag = if same {
        Duration::ZERO
    } else {
        Duration::from_secs(behind.unsigned_abs())
    };
    let late = limits.max_lag.is_some_and(|max| lag > max);
    let sentence = if lag.is_zero() && same {
        format!(
            "`{}` is in step with `{}`{}",
            target.host,
            source.host,
            told(here)
        )
    } else {
        format!(
            "`{}` is {} behind `{}`{}",
            target.host,
            short(lag),
            source.host,
            told(here)
        )
    };
    rows.well.push(sentence.clone());
    rows.row(
        if late { Outcome::Fail } else { Outcome::Pass },
        &what,
        expected,
        sentence,
    );
    Some(lag + age.unwrap_or_default())
}

/// What a host says of itself now: a folder that is not there, a sync that runs.
fn live(rows: &mut Rows, stamps: &Stamps, is_target: bool) {
    let host = &stamps.host;
    if let Some(why) = &stamps.absent {
        let actual = format!("`{}` cannot be entered on `{host}`: {why}", stamps.path);
        rows.row(
            Outcome::Fail,
            &format!("the folder on {host}"),
            "is there",
            actual,
        );
    }
    for running in &stamps.running {
        let stuck = running.seconds >= STUCK;
        let for_how_long = short(Duration::from_secs(running.seconds));
        let outcome = if is_target && !stuck {
            Outcome::Late
        } else {
            Outcome::Warn
        };
        let actual = if stuck {
            format!(
                "`{}` on `{host}` is {for_how_long} old: a sync was cut off, or hangs",
                running.name
            )
        } else {
            format!("a sync of `{host}` has been running for {for_how_long}")
        };
        rows.row(outcome, &format!("sync of {host}"), "at rest", actual);
    }
}

fn told(stamp: &Stamp) -> String {
    let by = match stamp.by {
        By::Trace | By::Epoch => "",
        By::FileTime => "the time of ",
    };
    match stamp.serial {
        Some(serial) => format!(" by {by}`{}`, serial {serial}", stamp.file),
        None => format!(" by {by}`{}`", stamp.file),
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
        count(tally.items),
        tally.first.join(", ")
    )
}

fn notes(notes: &Notes) -> String {
    let more = notes.lines - notes.first.len() as u64;
    let first = notes.first.join(" | ");
    if more > 0 {
        format!("{first} and {} more", count(more))
    } else {
        first
    }
}

/// `12,345`.
fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1.5 GiB`.
fn size(bytes: u64) -> String {
    const UNITS: &[&str] = &["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}
