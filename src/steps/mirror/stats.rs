//! What a dry run of rsync says in all: counters and a few examples, however many lines it prints.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::changed::Moment;
use super::itemize::{self, Line, What, decode, shown};
use super::leftover;
use super::totals::{Own, Total};
use crate::event::{Cause, Unseen};
use crate::world::exec::Output;

/// How many examples are kept of each sort.
pub(super) const EXAMPLES: usize = 5;

/// How many top-level folders are counted apart; what lies in others is counted as `…`.
const FOLDERS: usize = 50;

/// How many files that look like temporary files of rsync are asked about; more of them count as what they seem.
const HELD: usize = 200;

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
    /// What was read as the source, as rsync is told it.
    pub(super) asked: String,
    /// Why rsync could not enter the folder of the source.
    pub(super) unentered: Option<String>,
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
    /// The same size and another time: the content may be the same.
    pub(super) timed: Tally,
    /// A folder on one side, something else on the other.
    pub(super) retyped: Tally,
    pub(super) metadata: Tally,
    pub(super) aged: Tally,
    /// Another owner or group, as far as the login on the target sees that.
    pub(super) owner: Tally,
    pub(super) extra: Tally,
    /// What rsync leaves lying about while it works, on either side.
    pub(super) unfinished: Tally,
    /// How many of those are files of the source.
    pub(super) left: u64,
    /// How many files of its own the target has, where it is a Debian archive: they are left out.
    pub(super) marks: Option<u64>,
    /// What the source itself shows, where it was asked.
    pub(super) own: Option<Own>,
    /// What the target held, counted as what the source itself shows.
    pub(super) held: Option<Total>,
    /// When the comparison was begun, by the target: what is changed there later was not compared.
    pub(super) moment: Option<Moment>,
    /// How much there is without the patterns that leave something out, where there are any; or why nobody knows.
    pub(super) all: Option<Result<Total, String>>,
    /// Names at the top that links of an index lead into: they are compared as well.
    pub(super) behind: Vec<String>,
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
    /// The regular files of the source that are compared; an old rsync does not tell them from folders.
    pub(super) fn source_files(&self) -> u64 {
        let all = self.files.unwrap_or_else(|| self.entries.saturating_sub(1));
        all.saturating_sub(self.left)
    }

    /// Everything at the source that is compared, but for the folder itself: files, folders, links.
    pub(super) fn source_entries(&self) -> u64 {
        self.entries.saturating_sub(1).saturating_sub(self.left)
    }

    /// What would have to be sent for the target to hold all that the source has.
    pub(super) fn differing(&self) -> u64 {
        self.missing.items + self.other()
    }

    /// As a folder that is compared with itself shows it: not even what does not count.
    pub(super) fn nothing_differs(&self) -> bool {
        let rest = [
            &self.extra,
            &self.metadata,
            &self.aged,
            &self.owner,
            &self.unfinished,
        ];
        self.differing() == 0 && rest.iter().all(|tally| tally.items == 0)
    }

    pub(super) fn differing_bytes(&self) -> u64 {
        [&self.missing, &self.stale, &self.timed, &self.retyped]
            .map(|tally| tally.bytes)
            .iter()
            .sum()
    }

    /// What the target holds other than the source.
    pub(super) fn other(&self) -> u64 {
        self.stale.items + self.timed.items + self.retyped.items
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
    held: Vec<Held>,
}

/// A file that only one side has, and that looks like a temporary file of rsync.
#[derive(Debug)]
struct Held {
    what: What,
    bytes: u64,
    name: Vec<u8>,
}

impl Reading {
    pub(super) fn line(&mut self, text: &[u8]) {
        match itemize::line(text) {
            Line::Item(item) => self.sort(&item),
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

    /// Sets aside what rsync leaves lying about, and what may be that. A file of the source is lost where it is taken for
    /// that, so its name must look as if nobody had chosen it.
    fn sort(&mut self, item: &itemize::Item<'_>) {
        if leftover::delayed(item.name) {
            self.unfinished(item);
        } else if (item.what == What::Extra
            || item.what == What::Missing && leftover::looks_random(item.name))
            && !item.directory
            && self.held.len() < HELD
            && leftover::becomes(&decode(item.name)).is_some()
        {
            self.held.push(Held {
                what: item.what,
                bytes: item.bytes,
                name: item.name.to_vec(),
            });
        } else {
            self.item(item);
        }
    }

    fn unfinished(&mut self, item: &itemize::Item<'_>) {
        self.tree.unfinished.add(item);
        self.tree.left += u64::from(item.what != What::Extra && !item.directory);
    }

    /// The paths that look like temporary files of rsync; [`Reading::finish`] is told which of them are.
    pub(super) fn held(&self) -> impl Iterator<Item = Vec<u8>> {
        self.held.iter().map(|held| decode(&held.name))
    }

    fn item(&mut self, item: &itemize::Item<'_>) {
        let tree = &mut self.tree;
        if item.owner {
            tree.owner.add(item);
        }
        match item.what {
            What::Missing if self.deleted.iter().any(|folder| folder == item.name) => {
                tree.retyped.add(item);
            }
            What::Missing => tree.missing.add(item),
            What::Stale => tree.stale.add(item),
            What::Timed => tree.timed.add(item),
            What::Metadata => tree.metadata.add(item),
            What::Aged => tree.aged.add(item),
            What::Owner => {}
            What::Extra => {
                tree.extra.add(item);
                self.remember(item.name);
            }
        }
        if !matches!(item.what, What::Metadata | What::Aged | What::Owner) {
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

    /// A few words on how far it is.
    pub(super) fn so_far(&self) -> String {
        let tree = &self.tree;
        format!(
            "comparing: {} missing, {} other than at the source, {} extra so far",
            tree.missing.items,
            tree.other(),
            tree.extra.items
        )
    }

    /// The end of the run: what it said in all, or why that cannot be used. `leftovers` tells for each path that was
    /// held whether it is a temporary file of rsync.
    pub(super) fn finish(mut self, leftovers: &[bool], output: &Output) -> Result<Tree, Unseen> {
        let held = std::mem::take(&mut self.held);
        for (at, held) in held.iter().enumerate() {
            let item = itemize::Item {
                what: held.what,
                directory: false,
                owner: false,
                bytes: held.bytes,
                name: &held.name,
            };
            match leftovers.get(at) {
                Some(true) => self.unfinished(&item),
                _ => self.item(&item),
            }
        }
        let mut complaints = Notes::default();
        for line in output.stderr.split(|c| *c == b'\n') {
            let text = String::from_utf8_lossy(line);
            if let Some(why) = unentered(&text) {
                self.tree.unentered.get_or_insert(why);
            }
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

/// Why the sender cannot enter its folder: `rsync: [sender] change_dir "/srv/a" (in module) failed: No such file …`. The
/// receiver's own calls have a number behind their names.
fn unentered(line: &str) -> Option<String> {
    let rest = line.strip_prefix("rsync: ")?;
    let rest = rest.strip_prefix("[sender] ").unwrap_or(rest);
    let (_, why) = rest
        .strip_prefix("change_dir \"")?
        .split_once(" failed: ")?;
    Some(shown(why.trim_end().as_bytes()))
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
mod tests;
