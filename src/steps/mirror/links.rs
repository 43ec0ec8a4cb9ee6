//! Symbolic links: rsync compares where they point to, and never what is there.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::itemize::shown;
use super::stats::{EXAMPLES, Notes};

/// How many links that lead nowhere are remembered by name, to be held against those of the other host.
const REMEMBERED: usize = 1000;

/// The links of one host that make a comparison cover less than it seems to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Links {
    /// Links to what is there, and outside of what is compared.
    pub(super) outside: Notes,
    /// Links to what is not there.
    pub(super) dangling: u64,
    /// The first of those.
    pub(super) names: Vec<String>,
}

/// One link, as `find` tells it.
pub(super) struct Link<'a> {
    /// Its path below the folder.
    pub(super) path: &'a str,
    pub(super) aim: &'a str,
    /// The type of what it leads to: `N` for nothing, `L` for a circle, `?` for what cannot be looked at.
    pub(super) leads_to: &'a [u8],
}

impl Links {
    /// Counts a link; `compared` tells whether a path below the folder is compared.
    pub(super) fn add(&mut self, root: &Root, link: &Link<'_>, compared: impl Fn(&Path) -> bool) {
        if matches!(link.leads_to, b"N" | b"L" | b"?") {
            self.dangling += 1;
            if self.names.len() < REMEMBERED {
                self.names.push(shown(link.path.as_bytes()));
            }
            return;
        }
        let aim = root.below(link);
        if !aim.is_some_and(|aim| compared(&aim)) {
            let text = format!("{} -> {}", link.path, link.aim);
            self.outside.add(text.as_bytes());
        }
    }

    /// How many links lead nowhere here and somewhere on `other`, with the first few; none where that cannot be told.
    pub(super) fn lost(&self, other: &Links) -> Option<(u64, Vec<String>)> {
        if other.dangling > other.names.len() as u64 {
            return None;
        }
        let lost: Vec<&String> = (self.names.iter())
            .filter(|name| !other.names.contains(name))
            .collect();
        let first = lost.iter().take(EXAMPLES).map(|name| (*name).clone());
        Some((lost.len() as u64, first.collect()))
    }
}

/// The names of a folder: as it was entered, and without links.
#[derive(Debug, Default)]
pub(super) struct Root {
    pub(super) named: String,
    pub(super) real: String,
}

impl Root {
    /// Where a link leads to, as a path below the folder; none where it leads out.
    pub(super) fn below(&self, link: &Link<'_>) -> Option<PathBuf> {
        let aim = Path::new(link.aim);
        let path = if aim.is_absolute() {
            let names = [&self.named, &self.real];
            let below = names
                .into_iter()
                .find_map(|name| aim.strip_prefix(name).ok());
            below?.to_owned()
        } else {
            Path::new(link.path).parent()?.join(aim)
        };
        let mut below = PathBuf::new();
        for part in path.components() {
            match part {
                Component::Normal(name) => below.push(name),
                Component::CurDir => {}
                Component::ParentDir if below.pop() => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
            }
        }
        Some(below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_where_a_link_leads_to() {
        let root = Root {
            named: "/srv/a".into(),
            real: "/data/a".into(),
        };
        let cases = [
            ("l", "f", Some("f")),
            ("d/l", "../f", Some("f")),
            ("d/l", "./e//f/", Some("d/e/f")),
            ("d/l", "../../f", None),
            ("l", "..", None),
            ("l", "/srv/a/f", Some("f")),
            ("l", "/data/a/d/../f", Some("f")),
            ("l", "/srv/ab", None),
            ("l", "/mnt/disk2/pool", None),
            ("l", "/srv/a/../b", None),
        ];
        for (path, aim, below) in cases {
            let leads_to = b"f";
            let found = root.below(&Link {
                path,
                aim,
                leads_to,
            });
            assert_eq!(found.as_deref(), below.map(Path::new), "{path} -> {aim}");
        }
    }

    #[test]
    fn a_link_is_outside_or_leads_nowhere_or_is_no_matter() {
        let root = Root {
            named: "/srv/a".into(),
            real: "/srv/a".into(),
        };
        let mut links = Links::default();
        for (path, aim, leads_to) in [
            ("in", "f", "f"),
            ("out", "/mnt", "d"),
            ("gone", "/mnt/x", "N"),
            ("circle", "circle", "L"),
            ("left-out", "tmp/f", "f"),
        ] {
            let leads_to = leads_to.as_bytes();
            let link = Link {
                path,
                aim,
                leads_to,
            };
            links.add(&root, &link, |path| !path.starts_with("tmp"));
        }
        assert_eq!(links.outside.first, ["out -> /mnt", "left-out -> tmp/f"]);
        assert_eq!((links.dangling, links.names.len()), (2, 2));
        let mut there = Links::default();
        assert_eq!(links.lost(&there).unwrap().0, 2);
        there.names = vec!["gone".into()];
        there.dangling = 1;
        assert_eq!(links.lost(&there), Some((1, vec!["circle".to_owned()])));
        there.dangling = 5000;
        assert_eq!(links.lost(&there), None);
    }
}
