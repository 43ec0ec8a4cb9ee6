//! What a dry run of rsync says in all: counters and a few examples, however many lines it prints.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::itemize::{self, Line, What, decode, shown};
use crate::event::{Cause, Unseen};
use crate::world::exec::Output;

/// How many examples are kept of each sort.
pub(super) const EXAMPLES: usize = 5;

/// How many top-level folders are counted apart; what lies in others is counted as `…`.
const FOLDERS: usize = 50;

/// How many deleted folders are remembered to tell that a folder became a file.
const REMEMBERED: usize = 64;

/// How the two trees differ, by size and time of each file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Tree {
    pub(super) source: String,
    pub(super) target: String,
    /// The command, as a person would type it on the target.
    pub(super) command: String,
    /// The source was read over an rsync daemon, whose own rules may hide files.
    pub(super) daemon: bool,
    /// rsync's exit status: 0, 23 or 24; others leave nothing to judge.
    pub(super) status: i32,
    /// All entries of the source: files, folders, links.
    pub(super) entries: u64,
    /// Its regular files, where rsync tells them apart.
    pub(super) files: Option<u64>,
    pub(super) bytes: u64,
    pub(super) missing: Tally,
    pub(super) stale: Tally,
    /// A folder on one side, something else on the other.
    pub(super) retyped: Tally,
    pub(super) metadata: Tally,
    pub(super) extra: Tally,
    /// The target folder is not there.
    pub(super) created: bool,
    /// rsync stopped looking for extras, because it could not read all of the source.
    pub(super) deletion_skipped: bool,
    pub(super) vanished: u64,
    /// Sockets, pipes and devices, which are not compared.
    pub(super) special: u64,
    /// Lines that nobody expects on standard output.
    pub(super) noise: Notes,
    /// Lines of standard error, but for files that vanished.
    pub(super) complaints: Notes,
    /// Differences by top-level folder.
    pub(super) folders: BTreeMap<String, u64>,
}

/// How many, and the first few names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Tally {
    /// Files, folders and links.
    pub(super) items: u64,
    pub(super) folders: u64,
    pub(super) bytes: u64,
    pub(super) first: Vec<String>,
}

impl Tally {
    fn add(&mut self, item: &itemize::Item<'_>) {
        self.items += 1;
        if item.directory {
            self.folders += 1;
        } else {
            self.bytes += item.bytes;
        }
        if self.first.len() < EXAMPLES {
            self.first.push(shown(&decode(item.name)));
        }
    }
}

/// How many lines, and the first few.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Notes {
    pub(super) lines: u64,
    pub(super) first: Vec<String>,
}

impl Notes {
    pub(super) fn add(&mut self, line: &[u8]) {
        self.lines += 1;
        if self.first.len() < EXAMPLES {
            self.first.push(shown(line));
        }
    }
}

impl Tree {
    /// The regular files of the source; an old rsync does not tell them from folders.
    pub(super) fn source_files(&self) -> u64 {
        self.files.unwrap_or_else(|| self.entries.saturating_sub(1))
    }

    /// What would have to be sent for the target to hold all that the source has.
    pub(super) fn differing(&self) -> u64 {
        self.missing.items + self.stale.items + self.retyped.items
    }

    pub(super) fn differing_bytes(&self) -> u64 {
        self.missing.bytes + self.stale.bytes + self.retyped.bytes
    }

    /// How much smaller the source is than the target, in percent.
    pub(super) fn shrunk(&self) -> u64 {
        let missing = self.missing.items - self.missing.folders;
        let extra = self.extra.items - self.extra.folders;
        let target = self.source_files().saturating_sub(missing) + extra;
        (extra.saturating_sub(missing) * 100)
            .checked_div(target)
            .unwrap_or(0)
    }
}

/// Reads the lines of a run as they come.
#[derive(Debug, Default)]
pub(super) struct Reading {
    tree: Tree,
    told: bool,
    deleted: VecDeque<Vec<u8>>,
}

impl Reading {
    pub(super) fn line(&mut self, text: &[u8]) {
        match itemize::line(text) {
            Line::Item(item) => self.item(&item),
            Line::Files { all, regular } => {
                self.tree.entries = all;
                self.tree.files = regular;
                self.told = true;
            }
            Line::Bytes(bytes) => self.tree.bytes = bytes,
            Line::Summary | Line::KeptDirectory => {}
            Line::Created => self.tree.created = true,
            Line::DeletionSkipped => self.tree.deletion_skipped = true,
            Line::Special => self.tree.special += 1,
            Line::Strange => self.tree.noise.add(text),
        }
    }

    fn item(&mut self, item: &itemize::Item<'_>) {
        let tree = &mut self.tree;
        match item.what {
            What::Missing if self.deleted.iter().any(|folder| folder == item.name) => {
                tree.retyped.add(item);
            }
            What::Missing => tree.missing.add(item),
            What::Stale => tree.stale.add(item),
            What::Metadata => tree.metadata.add(item),
            What::Extra => {
                tree.extra.add(item);
                self.remember(item.name);
            }
        }
        if item.what != What::Metadata {
            self.count_folder(item.name);
        }
    }

    /// A folder whose content is deleted, and whose own name then comes as a new file, changed its type.
    fn remember(&mut self, name: &[u8]) {
        let name = name.strip_suffix(b"/").unwrap_or(name);
        let Some(at) = name.iter().rposition(|c| *c == b'/') else {
            return;
        };
        let parent = &name[..at];
        if self.deleted.back().is_some_and(|last| last == parent) {
            return;
        }
        if self.deleted.len() == REMEMBERED {
            self.deleted.pop_front();
        }
        self.deleted.push_back(parent.to_vec());
    }

    fn count_folder(&mut self, name: &[u8]) {
        let top = match name.iter().position(|c| *c == b'/') {
            Some(at) => shown(&decode(&name[..=at])),
            None => "./".to_owned(),
        };
        let folders = &mut self.tree.folders;
        if folders.contains_key(&top) || folders.len() < FOLDERS {
            *folders.entry(top).or_default() += 1;
        } else {
            *folders.entry("…".to_owned()).or_default() += 1;
        }
    }

    /// A few words on how far it is: only differences are printed, so only they can be counted.
    pub(super) fn so_far(&self) -> String {
        let tree = &self.tree;
        format!(
            "comparing: {} missing, {} other than at the source, {} extra so far",
            tree.missing.items,
            tree.stale.items + tree.retyped.items,
            tree.extra.items
        )
    }

    /// The end of the run: what it said in all, or why that cannot be used.
    pub(super) fn finish(mut self, output: &Output) -> Result<Tree, Unseen> {
        let mut complaints = Notes::default();
        for line in output.stderr.split(|c| *c == b'\n') {
            let text = String::from_utf8_lossy(line);
            if text.contains(" has vanished: ") {
                self.tree.vanished += 1;
            } else if !text.trim().is_empty() && !text.contains("(code 24)") {
                complaints.add(line);
            }
        }
        let status = match output.status {
            Some(status @ (0 | 23 | 24)) => status,
            status => return Err(refused(status, &output.stderr)),
        };
        if !self.told {
            let detail = "rsync ended without its statistics: its output was cut off";
            return Err(Unseen::new(Cause::Garbled, detail));
        }
        self.tree.status = status;
        self.tree.complaints = complaints;
        Ok(self.tree)
    }
}

/// Why a run that ended with `status` shows nothing.
fn refused(status: Option<i32>, stderr: &[u8]) -> Unseen {
    let text = String::from_utf8_lossy(stderr);
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let cause = if says(&["Connection refused"]) {
        Cause::Refused
    } else if says(&[
        "Could not resolve",
        "Name or service not known",
        "name resolution",
    ]) {
        Cause::NoName
    } else if says(&[
        "No route to host",
        "Network is unreachable",
        "Connection timed out",
    ]) {
        Cause::Unreachable
    } else if says(&[
        "Permission denied (",
        "Host key verification failed",
        "auth failed",
        "REMOTE HOST IDENTIFICATION",
    ]) {
        Cause::Denied
    } else if says(&["Unknown module", "command not found", "rsync: not found"]) {
        Cause::Missing
    } else {
        match status {
            Some(2 | 12) => Cause::Garbled,
            Some(30) => Cause::Frozen,
            Some(35) => Cause::Unreachable,
            Some(124 | 137) => Cause::TimedOut,
            Some(127) => Cause::Missing,
            _ => Cause::Error,
        }
    };
    let how = match status {
        Some(1) => "exit 1: this rsync does not take these options".to_owned(),
        Some(2) => {
            "exit 2: the far shell prints something of its own, or speaks another protocol".into()
        }
        Some(30) => "exit 30: nothing came for five minutes".into(),
        Some(127) => "exit 127: rsync is not installed there".into(),
        Some(status) => format!("exit {status}"),
        None => "ended by a signal".into(),
    };
    let first = text.lines().map(str::trim).find(|line| !line.is_empty());
    let said = first.map_or(String::new(), |line| {
        format!(": {}", shown(line.as_bytes()))
    });
    Unseen::new(cause, format!("rsync compared nothing ({how}){said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stdout: &str, stderr: &str, status: i32) -> Result<Tree, Unseen> {
        let mut reading = Reading::default();
        for line in stdout.lines() {
            reading.line(line.as_bytes());
        }
        reading.finish(&Output::of_a_test(Some(status), b"", stderr.as_bytes()))
    }

    const END: &str = "\nNumber of files: 9 (reg: 3, dir: 4, link: 2)\nTotal file size: 10 bytes\n";

    #[test]
    fn counts_every_sort() {
        let stdout = format!(
            "cannot delete non-empty directory: p/ed\n\
             CUT *deleting   0 1970/01/01-00:00:00 p/z/in/f\n\
             CUT *deleting   0 1970/01/01-00:00:00 p/z/in/\n\
             CUT cL+++++++++ 3 2026/11/22-15:24:56 p/l\n\
             CUT cLc........ 1 2026/11/22-15:24:56 p/n\n\
             CUT >f+++++++++ 2 2026/11/22-15:24:56 p/z\n\
             CUT cd+++++++++ 4096 2026/11/22-15:24:56 p/q/\n\
             CUT >f..t...... 5 2026/11/22-15:24:56 top\n\
             CUT .f...p..... 2 2026/11/22-15:24:56 p/mode\n{END}"
        );
        let tree = read(&stdout, "", 0).unwrap();
        let items = |tally: &Tally| (tally.items, tally.folders, tally.bytes);
        assert_eq!(items(&tree.missing), (2, 1, 3));
        assert_eq!(items(&tree.stale), (2, 0, 6));
        assert_eq!(items(&tree.retyped), (1, 0, 2));
        assert_eq!(items(&tree.metadata), (1, 0, 2));
        assert_eq!(items(&tree.extra), (2, 1, 0));
        assert_eq!(tree.folders["p/"], 6);
        assert_eq!(tree.folders["./"], 1);
        assert_eq!((tree.entries, tree.files, tree.bytes), (9, Some(3), 10));
        assert_eq!(tree.noise, Notes::default());
    }

    #[test]
    fn memory_stays_bounded() {
        let mut reading = Reading::default();
        for n in 0..20_000 {
            reading.line(format!("CUT >f+++++++++ 1 2026/11/22-15:24:56 d{n}/f").as_bytes());
            reading.line(format!("CUT *deleting   0 1970/01/01-00:00:00 e/{n}/f").as_bytes());
            reading.line(b"noise");
        }
        assert!(reading.tree.folders.len() <= FOLDERS + 1);
        assert!(reading.deleted.len() <= REMEMBERED);
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
}
