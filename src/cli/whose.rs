//! Whether two runs, or a run and a playbook, are of one playbook. Its name alone does not tell: two customers' files
//! may have one name in them, and one playbook may lie in the folders of two colleagues.

use std::collections::BTreeSet;
use std::path::Path;

use super::folder::real;
use crate::event::Event;
use crate::journal::{self, Run};
use crate::plan::Plan;
use crate::playbook::Playbook;
use crate::store::Store;

/// Whether something is of one playbook with something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Same {
    Yes,
    No,
    /// They have one name and two files, or one file and two names, and what one of them moves is not known.
    CannotTell,
}

/// What tells one playbook from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Whose {
    /// `None`: it cannot be read.
    name: Option<String>,
    /// The real path of its file.
    file: Option<String>,
    /// The names that it moves; empty where it moves none, or where that is not known.
    moves: BTreeSet<String>,
}

impl Whose {
    /// A playbook that was just read from a file.
    pub(super) fn book(book: &Playbook, file: &Path) -> Whose {
        let services = book.services().values();
        let names = services.flat_map(|service| &service.names);
        Whose {
            name: Some(book.name().to_owned()),
            moves: names.map(|name| plain(name)).collect(),
            ..Whose::file(file)
        }
    }

    /// A playbook that cannot be read.
    pub(super) fn file(file: &Path) -> Whose {
        Whose {
            name: None,
            file: real(file).map(|file| file.display().to_string()),
            moves: BTreeSet::new(),
        }
    }

    /// The playbook of a run, as far as its row in the list tells.
    pub(super) fn row(run: &Run) -> Whose {
        let file = (run.meta.file.as_ref()).map(|file| match real(Path::new(file)) {
            Some(real) => real.display().to_string(),
            None => file.clone(),
        });
        Whose {
            name: Some(run.meta.playbook.clone()),
            file,
            moves: BTreeSet::new(),
        }
    }

    /// The playbook of a run, with what its journal tells of the names.
    pub(super) async fn run(store: &dyn Store, run: &Run) -> Whose {
        match journal::first(store, &run.id).await {
            Ok(Some(record)) => match &record.event {
                Event::Started { plan, .. } => Whose::plan(run, plan),
                _ => Whose::row(run),
            },
            _ => Whose::row(run),
        }
    }

    /// The playbook of a run with this plan.
    pub(super) fn plan(run: &Run, plan: &Plan) -> Whose {
        Whose {
            moves: moved(plan),
            ..Whose::row(run)
        }
    }

    /// Whether a run is of this playbook. Its journal is read only where its row does not tell.
    pub(super) async fn is_of(&self, store: &dyn Store, run: &Run) -> Same {
        match self.same(&Whose::row(run)) {
            Same::CannotTell => self.same(&Whose::run(store, run).await),
            told => told,
        }
    }

    /// One name and one file; or one of the two, and something that both move.
    pub(super) fn same(&self, other: &Whose) -> Same {
        let one_file = self.file.is_some() && self.file == other.file;
        let Some((name, other_name)) = self.name.as_ref().zip(other.name.as_ref()) else {
            return if one_file { Same::Yes } else { Same::No };
        };
        match (name == other_name, one_file) {
            (true, true) => return Same::Yes,
            (false, false) => return Same::No,
            // A copy of it; or it got another name, or another one its file.
            (true, false) | (false, true) => {}
        }
        if self.moves.is_empty() || other.moves.is_empty() {
            return Same::CannotTell;
        }
        match self.moves.is_disjoint(&other.moves) {
            true => Same::No,
            false => Same::Yes,
        }
    }
}

/// The names of the record sets that a plan locks.
fn moved(plan: &Plan) -> BTreeSet<String> {
    let locks = plan
        .locks
        .iter()
        .filter(|lock| !lock.starts_with("playbook "));
    (locks.filter_map(|lock| lock.split(' ').next()))
        .map(plain)
        .collect()
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(name: &str, file: Option<&str>, moves: &[&str]) -> Whose {
        Whose {
            name: Some(name.into()),
            file: file.map(Into::into),
            moves: moves.iter().map(|name| plain(name)).collect(),
        }
    }

    #[test]
    fn a_name_alone_does_not_tell_a_playbook() {
        use Same::{CannotTell, No, Yes};
        let a = whose("site", Some("/a/site.toml"), &["www.a.test."]);
        let cases = [
            // It got another name; or another one its file.
            (whose("other", Some("/a/site.toml"), &["www.a.test"]), Yes),
            (whose("other", Some("/a/site.toml"), &["www.b.test"]), No),
            (whose("other", Some("/a/site.toml"), &[]), CannotTell),
            (whose("other", Some("/b/site.toml"), &["www.a.test"]), No),
            (whose("site", Some("/a/site.toml"), &[]), Yes),
            // It moves other names since it was edited.
            (whose("site", Some("/a/site.toml"), &["www.b.test"]), Yes),
            // The copy of a colleague.
            (whose("site", Some("/b/site.toml"), &["WWW.a.test"]), Yes),
            // Another customer's.
            (whose("site", Some("/b/site.toml"), &["www.b.test"]), No),
            (whose("site", None, &["www.b.test"]), No),
            (whose("site", Some("/b/site.toml"), &[]), CannotTell),
            (whose("site", None, &[]), CannotTell),
        ];
        for (other, expected) in cases {
            assert_eq!(a.same(&other), expected, "{other:?}");
            assert_eq!(other.same(&a), expected, "{other:?}");
        }
    }
}
