//! A walk through the folder of one host: what cannot be read, and where links lead to.

use std::path::Path;

use super::ground::Ground;
use super::links::{Link, Root};
use super::{Mirror, Walk, looks, reach};
use crate::event::Unseen;
use crate::site::{Host, Site};
use crate::world::exec::{Inquiry, Reach};

/// Prints records of four fields, each ended by NUL: `here`, the folder as it is named, and without links; for each
/// link what it leads to, its path and its aim; what cannot be read; and how the search ended. A name that cannot be
/// read is asked for again, since what is gone a moment later can be read. At last NUL becomes the end of a line,
/// and an end of a line in a name becomes `?`.
const SEARCH: &str = r#"LC_ALL=C; export LC_ALL
cd -- "$1" || exit 3
unread=$2
shift 2
{
  printf 'here\0%s\0%s\0\0' "$(pwd)" "$(pwd -P)"
  if [ "$unread" = yes ]; then
    find "$@" -ignore_readdir_race \
      \( -type d \( ! -readable -o ! -executable \) -prune -o -type f ! -readable \) -exec sh -c 'for name; do
        if [ -d "$name" ]; then [ -r "$name" ] && [ -x "$name" ] && continue; name=$name/
        else [ -r "$name" ] && continue; fi
        if [ -e "$name" ]; then printf "unread\0%s\0\0\0" "$name"; fi
      done' sh {} + -o -type l -printf '%Y\0%p\0%l\0\0'
  else
    find "$@" -ignore_readdir_race -type l -printf '%Y\0%p\0%l\0\0'
  fi
  printf 'end\0%s\0\0\0' "$?"
} | tr '\n\0' '?\n'
"#;

/// How many names at the top an index may lead to; links to others count as leading out.
const TOPS: usize = 50;

impl Mirror {
    /// Walks through the folder of `host`; `unread` tells whether to look for what rsync cannot read there.
    pub(super) async fn walk(
        &self,
        site: &Site,
        host: &Host,
        unread: bool,
    ) -> Result<Walk, Unseen> {
        let mut all = Walk {
            host: host.name.clone(),
            ..Walk::default()
        };
        let mut below = match self.index_only {
            true => vec!["./dists".to_owned(), "./project".to_owned()],
            false => vec![".".to_owned()],
        };
        // What the links of an index lead into belongs to it, and may hold links as well.
        while !below.is_empty() {
            let known = all.behind.len();
            self.search(site, host, unread, &below, &mut all).await?;
            let more = all.behind[known..].iter();
            below = more.map(|name| format!("./{name}")).collect();
        }
        Ok(all)
    }

    async fn search(
        &self,
        site: &Site,
        host: &Host,
        unread: bool,
        below: &[String],
        found: &mut Walk,
    ) -> Result<(), Unseen> {
        // rsync reads the source as the user who logs in, without sudo.
        let reach = Reach {
            sudo: reach(host)?.sudo && !unread,
            ..reach(host)?.clone()
        };
        let path = self.path_on(host)?;
        let which = if unread { "yes" } else { "no" };
        let mut argv = looks::script(&[SEARCH, "sh", path, which]);
        argv.extend(below.iter().cloned());
        let mut root = Root::default();
        let mut fields: Vec<Vec<u8>> = Vec::new();
        let mut status = None;
        let mut line = |line: &[u8]| {
            fields.push(line.to_vec());
            if fields.len() < 4 {
                return;
            }
            let record = std::mem::take(&mut fields);
            let [word, raw, aim, _] = record.as_slice() else {
                return;
            };
            let raw = raw.strip_prefix(b"./").unwrap_or(raw);
            let (name, aim) = (String::from_utf8_lossy(raw), String::from_utf8_lossy(aim));
            match word.as_slice() {
                b"here" => {
                    root = Root {
                        named: name.into_owned(),
                        real: aim.into_owned(),
                    };
                }
                b"end" => status = name.parse().ok(),
                _ if self.leaves_out(raw) => {}
                b"unread" => found.names.add(raw),
                leads_to => {
                    let link = Link {
                        path: &name,
                        aim: &aim,
                        leads_to,
                    };
                    if self.index_only && found.behind.len() < TOPS {
                        let top = root.below(&link).and_then(|aim| behind(&aim));
                        found
                            .behind
                            .extend(top.filter(|top| !found.behind.contains(top)));
                    }
                    let compared = |path: &Path| self.compares(path, &found.behind);
                    found.links.add(&root, &link, compared);
                }
            }
        };
        let inquiry = Inquiry::looks_only(argv).niced();
        let mut output = (site.exec)
            .stream(&reach, &inquiry, self.timeout, &mut line)
            .await?;
        let said = String::from_utf8_lossy(&output.stderr);
        let is_gone = |line: &str| line.contains("No such file or directory");
        let only_gone = status == Some(1) && said.lines().all(is_gone);
        if output.status == Some(0) && (status == Some(0) || only_gone) {
            return Ok(());
        }
        output.status = output.status.filter(|status| *status != 0).or(status);
        Err(looks::ended(
            host,
            "the search for files and links",
            &output,
        ))
    }

    /// Whether the comparison covers a name below the folder, and nothing leaves it out.
    pub(super) fn counts(&self, name: &[u8], ground: &Ground) -> bool {
        let path = String::from_utf8_lossy(name);
        let mark = ground.archive
            && (path.starts_with("Archive-Update-") || path.starts_with("project/trace/"));
        !mark && !self.leaves_out(name) && self.compares(Path::new(&*path), &ground.behind)
    }

    /// Whether the comparison covers a path below the folder.
    fn compares(&self, path: &Path, behind: &[String]) -> bool {
        let top = path.iter().next().and_then(|top| top.to_str());
        let text = |top: &str| path.iter().count() == 1 && top.ends_with(".txt");
        !self.index_only
            || top.is_some_and(|top| {
                INDEX.contains(&top) || text(top) || behind.iter().any(|name| name == top)
            })
    }
}

/// The folders of an index.
const INDEX: &[&str] = &["dists", "project"];

/// The name at the top that a link of an index leads to, where it is not compared anyway, and rsync can be told it
/// as it is.
fn behind(aim: &Path) -> Option<String> {
    let top = aim.iter().next()?.to_str()?;
    let plain = !top.contains(['*', '?', '[', '\\']) && !top.contains(char::is_control);
    (plain && !INDEX.contains(&top)).then(|| top.to_owned())
}
