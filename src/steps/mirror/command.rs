//! The command that compares two trees: rsync, run dry on the target, with the source as it can be reached.

use super::{Mirror, itemize, reach};
use crate::event::{Cause, Unseen};
use crate::site::Host;
use crate::world::exec::{Reach, Via, quoted};

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

    /// The command that compares the two trees, to be run on the target.
    pub(super) fn command(&self, source: &Host, target: &Host) -> Result<Vec<String>, Unseen> {
        let here = reach(target)?;
        let to = self.path_on(target)?;
        let mut argv: Vec<String> = ["rsync", "-rlptn", "-O", "--delete", "--no-motd", "--no-h"]
            .into_iter()
            .chain(["--timeout=300", "--stats"])
            .map(str::to_owned)
            .collect();
        argv.push(format!("--out-format={}", itemize::FORMAT));
        let from = match (
            self.from.get(&source.name),
            source.reach.as_ref(),
            &here.via,
        ) {
            (Some(url), _, _) if url.starts_with("rsync://") => {
                argv.push("--contimeout=15".into());
                url.trim_end_matches('/').to_owned()
            }
            (Some(from), _, _) => self.over_ssh(&mut argv, from, self.path_on(source)?),
            (
                None,
                Some(Reach {
                    via: Via::Ssh { destination, .. },
                    ..
                }),
                _,
            ) => self.over_ssh(&mut argv, destination, self.path_on(source)?),
            (
                None,
                Some(Reach {
                    via: Via::Local, ..
                }),
                Via::Local,
            ) => {
                let from = self.path_on(source)?;
                if from == to {
                    let detail = format!(
                        "`{from}` would be compared with itself: `{}` and `{}` are both this machine",
                        source.name, target.name
                    );
                    return Err(Unseen::new(Cause::Error, detail));
                }
                from.to_owned()
            }
            (None, ..) => {
                let detail = format!(
                    "`{}` cannot know how to reach `{1}`: give its address as `from = {{ {1} = \"…\" }}`",
                    target.name, source.name
                );
                return Err(Unseen::new(Cause::Missing, detail));
            }
        };
        let rules = [
            "/Archive-Update-*",
            "/project/trace/*",
            ".~tmp~/",
            ".*.??????",
        ];
        let exclude = rules
            .into_iter()
            .chain(self.exclude.iter().map(String::as_str));
        argv.extend(exclude.map(|pattern| format!("--exclude={pattern}")));
        if self.index_only {
            let include = ["/dists/***", "/project/***", "/*.txt"];
            argv.extend(include.map(|pattern| format!("--include={pattern}")));
            argv.push("--exclude=*".into());
        }
        argv.extend(["--".into(), folder(&from), folder(to)]);
        Ok(argv)
    }

    /// Adds the remote shell, and returns the source as rsync takes it.
    fn over_ssh(&self, argv: &mut Vec<String>, destination: &str, path: &str) -> String {
        let mut shell = "ssh -o BatchMode=yes -o ConnectTimeout=15 -o LogLevel=ERROR".to_owned();
        let (host, port) = endpoint(destination);
        if let Some(port) = port {
            shell.push_str(&format!(" -p {port}"));
        }
        for option in &self.ssh_options {
            shell.push(' ');
            shell.push_str(option);
        }
        argv.extend(["-e".into(), shell]);
        if quoted(&[path]) != path {
            argv.push("-s".into());
        }
        format!("{host}:{path}")
    }
}

/// A path with a slash at its end: its content, not itself.
fn folder(path: &str) -> String {
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
