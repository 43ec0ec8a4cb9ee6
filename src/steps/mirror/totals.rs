//! How much there is, counted apart from the comparison: what the source itself shows, and what is left out.
//!
//! A module of an rsync daemon, or a way over the loopback, may lead to another folder than the one that is meant, and
//! to the target's own. rsync does not say how much a pattern leaves out.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use tokio::sync::oneshot;

use super::changed::Holding;
use super::ground::Ground;
use super::itemize::{self, Line};
use super::stats::Tree;
use super::{Mirror, looks, reach};
use crate::event::{Cause, Unseen};
use crate::site::{Host, Site};
use crate::world::exec::{Inquiry, Reach};

/// A folder into which nothing is ever written: a dry run against it counts, and compares nothing.
const NOWHERE: &str = "/nonexistent/cutover/";

/// What there is in a folder: its entries (files, folders, links, and itself), and the bytes of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Total {
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

impl Total {
    pub(super) fn of(tree: &Tree) -> Total {
        Total {
            entries: tree.entries,
            bytes: tree.bytes,
        }
    }

    /// By the number of entries, then by the bytes.
    pub(super) fn cmp_size(self, other: Total) -> Ordering {
        (self.entries, self.bytes).cmp(&(other.entries, other.bytes))
    }
}

/// What the source itself shows in its folder, with the same patterns; counted again where it is not what the way shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Own {
    Same,
    /// It is another amount, twice.
    Other(Total),
    /// It changes while it is counted.
    Moving,
    /// Why it was not counted.
    Unseen(String),
}

impl Mirror {
    /// What the source shows in its own folder, where the target reads it over a daemon.
    pub(super) async fn own(
        &self,
        site: &Site,
        source: &Host,
        ground: &Ground,
    ) -> Option<Result<Total, Unseen>> {
        let of = source.reach.as_ref().filter(|_| self.by_daemon(source))?;
        let path = match self.path_on(source) {
            Ok(path) => path,
            Err(why) => return Some(Err(why)),
        };
        let mut argv = self.counting();
        argv.extend(self.patterns(ground));
        argv.extend(["--".into(), super::command::folder(path), NOWHERE.into()]);
        Some(self.total(site, source, of, argv).await)
    }

    /// Holds what the source shows against what its way shows.
    pub(super) async fn hold(
        &self,
        site: &Site,
        source: &Host,
        ground: &Ground,
        tree: &Tree,
        own: Option<Result<Total, Unseen>>,
    ) -> Option<Own> {
        Some(match own? {
            Err(why) => Own::Unseen(why.detail),
            Ok(total) if total == Total::of(tree) => Own::Same,
            Ok(total) => match self.own(site, source, ground).await? {
                Ok(again) if again == total => Own::Other(total),
                Ok(_) => Own::Moving,
                Err(why) => Own::Unseen(why.detail),
            },
        })
    }

    /// What the target holds beside a comparison of the trees: what the source does, where nothing differs; else it is
    /// counted.
    pub(super) async fn held_then(
        &self,
        site: &Site,
        target: &Host,
        ground: &Ground,
        tree: &Tree,
    ) -> Option<Total> {
        let alike = tree.differing() == 0 && tree.extra.items == 0 && tree.unfinished.items == 0;
        match alike && tree.status == 0 {
            true => Some(Total::of(tree)),
            false => self.held(site, target, ground).await.ok(),
        }
    }

    /// What the target holds in its own folder, with the same patterns.
    pub(super) async fn held(
        &self,
        site: &Site,
        target: &Host,
        ground: &Ground,
    ) -> Result<Total, Unseen> {
        let mut argv = self.counting();
        argv.extend(self.patterns(ground));
        let path = super::command::folder(self.path_on(target)?);
        argv.extend(["--".into(), path, NOWHERE.into()]);
        self.total(site, target, reach(target)?, argv).await
    }

    /// What the target holds now, where the trees cannot be compared: nobody counts beside a comparison that ended well.
    pub(super) async fn holds(
        &self,
        site: &Site,
        target: &Host,
        compared: oneshot::Receiver<()>,
    ) -> Result<Option<Holding>, Unseen> {
        if compared.await.is_ok() {
            return Ok(None);
        }
        self.holding(site, target).await.map(Some)
    }

    /// All that the way shows, without the patterns that leave something out; none where none does.
    pub(super) async fn all(
        &self,
        site: &Site,
        source: &Host,
        target: &Host,
    ) -> Option<Result<Total, Unseen>> {
        if self.exclude.is_empty() && !self.index_only {
            return None;
        }
        let all = async {
            let mut argv = self.counting();
            let from = self.origin(&self.way(source, target)?, &mut argv);
            argv.extend(["--".into(), super::command::folder(&from), NOWHERE.into()]);
            self.total(site, target, reach(target)?, argv).await
        };
        Some(all.await)
    }

    fn counting(&self) -> Vec<String> {
        let argv = [
            "rsync",
            "-rlptn",
            "-O",
            "--no-motd",
            "--no-h",
            "--timeout=300",
            "--stats",
        ];
        argv.map(str::to_owned).to_vec()
    }

    async fn total(
        &self,
        site: &Site,
        host: &Host,
        at: &Reach,
        argv: Vec<String>,
    ) -> Result<Total, Unseen> {
        let inquiry = Inquiry::looks_only(argv).niced();
        let output = site.exec.ask(at, &inquiry, self.timeout).await?;
        let (mut total, mut told) = (Total::default(), false);
        for line in output.stdout.split(|c| *c == b'\n') {
            match itemize::line(line) {
                Line::Files { all, .. } => (total.entries, told) = (all, true),
                Line::Bytes(bytes) => total.bytes = bytes,
                _ => {}
            }
        }
        // What it may not read is told by the comparison.
        match (told, output.status) {
            (true, Some(0 | 23 | 24)) => Ok(total),
            (true, _) => Err(Unseen::new(Cause::Garbled, "the count was cut off")),
            (false, _) => Err(looks::ended(host, "a count by rsync", &output)),
        }
    }
}
