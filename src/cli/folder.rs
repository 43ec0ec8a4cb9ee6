//! Several playbooks at once, and folders of them: which of the files in a folder are playbooks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Exit;
use super::common::{Failure, PlaybookArgs, read_playbook};
use crate::playbook::included_by;
use crate::words::count;

/// More files than any project has playbooks: a folder with more is not the one that was meant.
const MOST: usize = 1000;

/// How deep folders are looked into.
const DEEPEST: usize = 8;

/// Playbooks or folders of them, and what is put over each.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PlaybooksArgs {
    /// The playbooks; of a folder every one in it and below, without the files that they include
    #[arg(required = true)]
    playbooks: Vec<PathBuf>,
    /// Puts a value over one of each playbook: hosts.standby.addresses='["192.0.2.7"]'
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl PlaybooksArgs {
    /// Each playbook, as if it had been named alone.
    pub(super) fn each(&self) -> Result<Vec<PlaybookArgs>, Failure> {
        let playbooks = playbooks(&self.playbooks)?.into_iter();
        let one = |playbook| PlaybookArgs {
            playbook,
            set: self.set.clone(),
        };
        Ok(playbooks.map(one).collect())
    }
}

/// Replaces each folder by the playbooks in it, in the order of their names: every `*.toml` there and below,
/// but for those that another playbook includes. A file that was named stays, whatever it is.
#[expect(clippy::disallowed_methods, reason = "the command line is an edge")]
fn playbooks(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut all = Vec::new();
    for path in named {
        if !path.is_dir() {
            all.push(path.clone());
            continue;
        }
        let mut files = Vec::new();
        collect(path, 0, &mut files)?;
        let included: BTreeSet<PathBuf> = files.iter().filter_map(|file| includes(file)).collect();
        let playbooks: Vec<PathBuf> = files
            .into_iter()
            .filter(|file| real(file).is_none_or(|file| !included.contains(&file)))
            .collect();
        if playbooks.is_empty() {
            return Err(Failure::new(
                Exit::Usage,
                format!("`{}` holds no playbook: no file `*.toml`", path.display()),
            ));
        }
        all.extend(playbooks);
    }
    Ok(all)
}

/// What is hidden is left out, and links to folders are not followed: they may lead round in a circle.
#[expect(clippy::disallowed_methods, reason = "the command line is an edge")]
fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let message = format!("failed to read the folder `{}`: {error}", folder.display());
        Failure::new(Exit::Usage, message)
    };
    let mut entries = std::fs::read_dir(folder)
        .map_err(failed)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type().map_err(failed)?.is_dir() {
            if depth < DEEPEST {
                collect(&path, depth + 1, files)?;
            }
        } else if path.extension().is_some_and(|kind| kind == "toml") && path.is_file() {
            files.push(path);
        }
        if files.len() > MOST {
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "`{}` holds more than {} named `*.toml`; name the playbooks, or the folder \
                     that they are in",
                    folder.display(),
                    count(MOST, "file")
                ),
            ));
        }
    }
    Ok(())
}

/// The file that a playbook includes; none where it cannot be told, which is said when it is read.
fn includes(playbook: &Path) -> Option<PathBuf> {
    let bytes = read_playbook(playbook).ok()?;
    let path = included_by(&bytes)?;
    real(&playbook.with_file_name("").join(path))
}

/// The path of a file without links and dots; none where there is none.
#[expect(clippy::disallowed_methods, reason = "the command line is an edge")]
pub(super) fn real(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok()
}
