//! The command that compares two trees: rsync, run dry on the target, with the source as it can be reached.

use super::ground::Ground;
use super::{Mirror, itemize, reach};
use crate::event::{Cause, Unseen};
use crate::site::Host;
use crate::world::exec::{Via, quoted};

impl Mirror {
    /// The folder on one host, without a slash at its end.
    pub(super) fn path_on(&self, host: &Host) -> Result<&str, Unseen> {
        let path = self.paths.get(&host.name).or(self.path.as_ref());
        let path = path.ok_or_else(|| {
            let detail = format!(
                "no folder is given for `{0}`: add `{0}` to `paths`",
                host.name
            );
            Unseen::new(Cause::Missing, detail)
        })?;
        let short = path.trim_end_matches('/');
        Ok(if short.is_empty() { "/" } else { short })
    }

    pub(super) fn by_daemon(&self, source: &Host) -> bool {
        (self.from.get(&source.name)).is_some_and(|from| from.starts_with("rsync://"))
    }

    /// How rsync on the target reaches the folder of the source.
    pub(super) fn way<'a>(&'a self, source: &'a Host, target: &Host) -> Result<Way<'a>, Unseen> {
        let here = reach(target)?;
        let from = self.from.get(&source.name);
        if let Some(url) = from.filter(|_| self.by_daemon(source)) {
            return Ok(Way::Daemon(url.trim_end_matches('/')));
        }
        let path = self.path_on(source)?;
        let destination = match (from, source.reach.as_ref().map(|reach| &reach.via)) {
            (Some(from), _) => from,
            (None, Some(Via::Ssh { destination, .. })) => destination,
            (None, Some(Via::Local)) if here.via == Via::Local => {
                if path == self.path_on(target)? {
                    let detail = format!(
                        "`{path}` would be compared with itself: `{}` and `{}` are both this machine",
                        source.name, target.name
                    );
                    return Err(Unseen::new(Cause::Error, detail));
                }
                return Ok(Way::Local(path));
            }
            (None, _) => {
                let detail = format!(
                    "`{}` cannot know how to reach `{1}`: give its address as `from = {{ {1} = \"…\" }}`",
                    target.name, source.name
                );
                return Err(Unseen::new(Cause::Missing, detail));
            }
        };
        Ok(Way::Ssh { destination, path })
    }

    /// The command that compares the two trees, to be run on the target. What it leaves out is told in the finding.
    pub(super) fn command(
        &self,
        source: &Host,
        target: &Host,
        ground: &Ground,
    ) -> Result<Vec<String>, Unseen> {
        let to = self.path_on(target)?;
        let mut argv: Vec<String> = ["rsync", "-rlptn", "-O", "--delete", "--no-motd", "--no-h"]
            .into_iter()
            .chain(["--timeout=300", "--stats"])
            .map(str::to_owned)
            .collect();
        argv.push(format!("--out-format={}", itemize::FORMAT));
        if self.window > 0 {
            argv.push(format!("--modify-window={}", self.window));
        }
        let way = self.way(source, target)?;
        // A daemon tells the numbers of owners, which are other people here. Whoever is not root sees no owners, and
        // only those groups that it is in.
        if !matches!(way, Way::Daemon(_)) {
            argv.push("-og".into());
        }
        let from = self.origin(&way, &mut argv);
        argv.extend(self.patterns(ground));
        argv.extend(["--".into(), folder(&from), folder(to)]);
        Ok(argv)
    }

    /// What rsync on the target reads, as it is written; the options that it needs for that are added.
    pub(super) fn origin(&self, way: &Way<'_>, argv: &mut Vec<String>) -> String {
        match *way {
            Way::Daemon(url) => {
                argv.push("--contimeout=15".into());
                url.to_owned()
            }
            Way::Ssh { destination, path } => {
                argv.extend(["-e".into(), self.shell(destination).join(" ")]);
                if quoted(&[path]) != path {
                    argv.push("-s".into());
                }
                format!("{}:{path}", endpoint(destination).0)
            }
            Way::Local(path) => path.to_owned(),
        }
    }

    /// What is compared and what is left out.
    pub(super) fn patterns(&self, ground: &Ground) -> Vec<String> {
        let mut argv = Vec::new();
        let marks = MARKS.iter().copied().filter(|_| ground.archive);
        let exclude = marks.chain(self.exclude.iter().map(String::as_str));
        argv.extend(exclude.map(|pattern| format!("--exclude={pattern}")));
        if self.index_only {
            let include = ["/dists/***", "/project/***", "/*.txt"];
            argv.extend(include.map(|pattern| format!("--include={pattern}")));
            for name in &ground.behind {
                argv.push(format!("--include=/{name}"));
                argv.push(format!("--include=/{name}/***"));
            }
            argv.push("--exclude=*".into());
        }
        argv
    }

    /// The remote shell that takes the target to `destination`, without the host.
    pub(super) fn shell(&self, destination: &str) -> Vec<String> {
        let mut words: Vec<String> = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15"]
            .into_iter()
            .chain(["-o", "LogLevel=ERROR"])
            .map(str::to_owned)
            .collect();
        if let (_, Some(port)) = endpoint(destination) {
            words.extend(["-p".into(), port.to_owned()]);
        }
        words.extend(self.ssh_options.iter().cloned());
        words
    }
}

/// How rsync on the target reaches the source.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way<'a> {
    /// The URL of a module, without a slash at its end.
    Daemon(&'a str),
    Ssh {
        destination: &'a str,
        path: &'a str,
    },
    /// A folder of the target itself: both hosts are this machine.
    Local(&'a str),
}

/// What each mirror of a Debian archive has of its own: the traces of itself, and the mark of a sync that runs.
pub(super) const MARKS: &[&str] = &["/Archive-Update-*", "/project/trace/*"];

/// A path with a slash at its end: its content, not itself.
pub(super) fn folder(path: &str) -> String {
    format!("{}/", path.trim_end_matches('/'))
}

/// A destination of ssh as rsync takes it, and its port: `ssh://ops@[2001:db8::1]:2222`.
pub(super) fn endpoint(destination: &str) -> (String, Option<&str>) {
    let (rest, port) = match destination.strip_prefix("ssh://") {
        None => (destination, None),
        Some(rest) => match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') && !port.is_empty() => (host, Some(port)),
            _ => (rest, None),
        },
    };
    let (user, host) = match rest.rsplit_once('@') {
        Some((user, host)) => (format!("{user}@"), host),
        None => (String::new(), rest),
    };
    if host.contains(':') && !host.starts_with('[') {
        (format!("{user}[{host}]"), port)
    } else {
        (format!("{user}{host}"), port)
    }
}
