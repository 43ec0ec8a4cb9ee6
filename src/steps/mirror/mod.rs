//! `mirror`: does the target hold what the source holds, and how far is it behind?
//!
//! Several looks for each pair of hosts. rsync, run dry on the target, says which files differ by size and time
//! (`itemize`, `stats`); the hosts' stamps say how far behind the target is (`stamps`); a walk through both folders
//! (`walk`) finds files that rsync could not read, which a dry run does not notice, and links that lead to what is not
//! compared; the target says where its way to the source leads (`ground`), which may be to itself; what the source itself holds is counted
//! (`totals`), and what is left out; and checksums of a
//! sample (`sample`), which is drawn from a list of the source (`draw`), show what size and time cannot. `judge` puts them together: whatever could hide a difference is
//! never a pass, and whatever is left out is counted and told.

mod changed;
mod command;
mod draw;
mod fields;
mod ground;
mod itemize;
mod judge;
mod leftover;
mod links;
mod looks;
mod sample;
mod stamps;
mod stats;
mod totals;
mod walk;

use std::collections::BTreeMap;
use std::time::Duration;

use globset::GlobSet;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::sync::oneshot;

use crate::event::{Cause, Finding, Unseen};
use crate::site::{Aim, Host, Site};
use crate::step::{About, Blocks, Check, Defaults, Evidence, Kind, Look, OnFail, Pulses};
use crate::world::exec::Reach;

/// The kind `mirror`.
pub(crate) static KIND: Kind = Kind {
    name: "mirror",
    summary: "the target holds the files that the source holds, and is not too far behind",
    example: r#"
[[step]]
id = "mirror"
kind = "mirror"
path = "/srv/raspbian/"
max-lag = "6h"
max-files = 1000
"#,
    fields: fields::FIELDS,
    defaults: Defaults {
        within: Duration::ZERO,
        every: Duration::from_secs(30),
        timeout: TIMEOUT,
        blocks: Blocks::Planned,
        on_fail: OnFail::Hold,
    },
    build: fields::build,
};

const TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// What a kind does about something that is not a difference that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grade {
    Inform,
    Warn,
    Fail,
}

/// A `mirror` step.
#[derive(Debug)]
struct Mirror {
    path: Option<String>,
    paths: BTreeMap<String, String>,
    from: BTreeMap<String, String>,
    ssh_options: Vec<String>,
    hosts: Vec<String>,
    stamp: Option<String>,
    limits: Limits,
    exclude: Vec<String>,
    excluded: GlobSet,
    index_only: bool,
    /// Times that differ by no more seconds are the same.
    window: u64,
    sample: u64,
    reuse: Option<Duration>,
    timeout: Duration,
}

/// What the judgement holds the looks against.
#[derive(Clone, Debug, PartialEq)]
struct Limits {
    /// Whether the playbook names a stamp.
    stamp: bool,
    max_lag: Option<Duration>,
    max_files: u64,
    max_bytes: Option<u64>,
    min_files: u64,
    shrink: u8,
    extra: Grade,
    exclude: Vec<String>,
    index_only: bool,
}

/// What a walk through the folder of one host finds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Walk {
    host: String,
    /// Files and folders that whoever reads the source for rsync cannot read.
    names: stats::Notes,
    links: links::Links,
    /// Names at the top that links of an index lead into.
    behind: Vec<String>,
}

impl Check for Mirror {
    fn looks<'a>(&'a self, site: &'a Site, aim: &'a Aim, pulse: &'a Pulses) -> Vec<Look<'a>> {
        let mut looks: Vec<Look<'a>> = Vec::new();
        let add = |looks: &mut Vec<Look<'a>>, look: Look<'a>| {
            if looks.iter().all(|other| other.key != look.key) {
                looks.push(look);
            }
        };
        for (target, source) in site.pairs(&aim.active, &aim.idle) {
            let wanted = |host: &Host| self.hosts.contains(&host.name);
            if !self.hosts.is_empty() && !wanted(target) && !wanted(source) {
                continue;
            }
            let pair = format!("{} -> {}", source.name, target.name);
            let samples = self.sample > 0 && source.reach.is_some();
            let (told, compared) = oneshot::channel();
            add(
                &mut looks,
                Look {
                    key: format!("tree {pair}"),
                    about: About::Site(aim.idle.clone()),
                    ask: Box::pin(async move {
                        let tree = json(self.tree(site, source, target, pulse).await?)?;
                        // Who does not wait for it is told nothing.
                        let _ = told.send(());
                        Ok(tree)
                    }),
                },
            );
            add(
                &mut looks,
                Look {
                    key: format!("holds {pair}"),
                    about: About::Site(target.site.clone()),
                    ask: Box::pin(async move { json(self.holds(site, target, compared).await?) }),
                },
            );
            for host in [source, target] {
                if host.reach.is_some() {
                    add(
                        &mut looks,
                        Look {
                            key: format!("stamps {}", host.name),
                            about: About::Site(host.site.clone()),
                            ask: Box::pin(async move { json(self.stamps(site, host).await?) }),
                        },
                    );
                }
            }
            add(
                &mut looks,
                Look {
                    key: format!("links {}", target.name),
                    about: About::Site(target.site.clone()),
                    ask: Box::pin(async move { json(self.walk(site, target, false).await?) }),
                },
            );
            add(
                &mut looks,
                Look {
                    key: format!("way {pair}"),
                    about: About::Site(target.site.clone()),
                    ask: Box::pin(async move { json(self.leads(site, source, target).await?) }),
                },
            );
            if source.reach.is_none() {
                continue;
            }
            if !self.by_daemon(source) {
                add(
                    &mut looks,
                    Look {
                        key: format!("readable {}", source.name),
                        about: About::Site(aim.idle.clone()),
                        ask: Box::pin(async move { json(self.walk(site, source, true).await?) }),
                    },
                );
            }
            if samples {
                add(
                    &mut looks,
                    Look {
                        key: format!("sample {pair}"),
                        about: About::Site(aim.idle.clone()),
                        ask: Box::pin(
                            async move { json(self.sample(site, source, target).await?) },
                        ),
                    },
                );
            }
        }
        looks
    }

    fn judge(&self, _aim: &Aim, evidence: &Evidence) -> Finding {
        judge::judge(&self.limits, evidence)
    }

    fn reuse(&self) -> Option<Duration> {
        self.reuse
    }

    /// A look reads two trees of files, and may take minutes.
    fn repeats(&self) -> bool {
        false
    }
}

fn json<T: Serialize>(fact: T) -> Result<Json, Unseen> {
    serde_json::to_value(fact).map_err(|error| Unseen::new(Cause::Error, error.to_string()))
}

fn reach(host: &Host) -> Result<&Reach, Unseen> {
    host.reach.as_ref().ok_or_else(|| {
        let detail = format!(
            "nothing can be run on `{0}`: add `ssh` to `[hosts.{0}]`",
            host.name
        );
        Unseen::new(Cause::Missing, detail)
    })
}

#[cfg(test)]
mod tests;
