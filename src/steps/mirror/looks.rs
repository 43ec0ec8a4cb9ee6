//! The four looks of a mirror, each one question to one or two hosts.

use std::time::Duration;

use super::{Mirror, Unreadable, itemize, reach, sample, stamps, stats};
use crate::event::{Cause, Unseen};
use crate::site::{Host, Site};
use crate::step::Pulses;
use crate::world::exec::{Inquiry, Output, Reach, quoted};

impl Mirror {
    pub(super) async fn tree(
        &self,
        site: &Site,
        source: &Host,
        target: &Host,
        pulse: &Pulses,
    ) -> Result<stats::Tree, Unseen> {
        const PACE: Duration = Duration::from_millis(200);
        let argv = self.command(source, target)?;
        let mut reading = stats::Reading::default();
        let mut told = site.clock.now();
        let inquiry = Inquiry::looks_only(argv.iter().cloned()).niced();
        let mut line = |line: &[u8]| {
            reading.line(line);
            let now = site.clock.now();
            if now.since(&told) >= PACE {
                pulse.note(reading.so_far());
                told = now;
            }
        };
        let output = (site.exec)
            .stream(reach(target)?, &inquiry, self.timeout, &mut line)
            .await?;
        if output.truncated {
            let detail = format!("rsync on `{}` printed lines that are too long", target.name);
            return Err(Unseen::new(Cause::Garbled, detail));
        }
        let tree = reading.finish(&output)?;
        Ok(stats::Tree {
            source: source.name.clone(),
            target: target.name.clone(),
            command: quoted(&argv),
            daemon: self.by_daemon(source),
            ..tree
        })
    }

    pub(super) async fn stamps(&self, site: &Site, host: &Host) -> Result<stamps::Stamps, Unseen> {
        let path = self.path_on(host)?;
        let script = stamps::script(path, self.stamp.as_deref());
        let inquiry = Inquiry::script_that_looks_only(&script);
        let output = (site.exec)
            .ask(reach(host)?, &inquiry, self.timeout)
            .await?;
        stamps::parse(&host.name, path, complete(host, &output)?)
    }

    pub(super) async fn unreadable(&self, site: &Site, host: &Host) -> Result<Unreadable, Unseen> {
        const SEARCH: &str = r#"LC_ALL=C; export LC_ALL
cd -- "$1" || exit 3
shift
exec find "$@" \( -name .~tmp~ -o -path ./project/trace \) -prune \
  -o -type d \( ! -readable -o ! -executable \) -printf '%p/\n' -prune \
  -o -type f ! -readable -printf '%p\n'"#;
        // rsync reads the source as the user who logs in, without sudo.
        let reach = Reach {
            sudo: false,
            ..reach(host)?.clone()
        };
        let mut argv = script(&[SEARCH, "sh", self.path_on(host)?]);
        let below: &[&str] = if self.index_only {
            &["./dists", "./project"]
        } else {
            &["."]
        };
        argv.extend(below.iter().map(|name| (*name).to_owned()));
        let mut names = stats::Notes::default();
        let mut line = |line: &[u8]| {
            let name = line.strip_prefix(b"./").unwrap_or(line);
            if !self.leaves_out(name) {
                names.add(name);
            }
        };
        let inquiry = Inquiry::looks_only(argv).niced();
        let output = (site.exec)
            .stream(&reach, &inquiry, self.timeout, &mut line)
            .await?;
        if output.status != Some(0) {
            return Err(ended(host, "the search for unreadable files", &output));
        }
        Ok(Unreadable {
            host: host.name.clone(),
            names,
        })
    }

    pub(super) async fn sample(
        &self,
        site: &Site,
        source: &Host,
        target: &Host,
    ) -> Result<sample::Sample, Unseen> {
        let newest = self.sample.div_ceil(4);
        let rest = self.sample - newest;
        // The same names all day, others tomorrow: a look that is repeated cannot be luckier, and a year of
        // rehearsals sees many files.
        let day = site.clock.now().wall.strftime("%Y-%m-%d").to_string();
        let salt = format!("{day} {} {}", source.name, "cutover sample");
        let choose = format!("{}{}", sample::CHOOSE, sample::MEASURE);
        let (newest, rest) = (newest.to_string(), rest.to_string());
        let argv = script(&[&choose, "sh", self.path_on(source)?, &newest, &rest, &salt]);
        let mut there = self
            .measure(site, source, Inquiry::looks_only(argv).niced())
            .await?;
        there.retain(|name, _| !self.leaves_out(name));
        let named = format!("{}{}", sample::NAMED, sample::MEASURE);
        let argv = script(&[&named, "sh", self.path_on(target)?]);
        let inquiry = Inquiry::looks_only(argv)
            .niced()
            .stdin(sample::names(&there));
        let here = self.measure(site, target, inquiry).await?;
        Ok(sample::Sample {
            source: source.name.clone(),
            target: target.name.clone(),
            ..sample::compare(&there, &here)
        })
    }

    /// Whether a path below the folder is among what the playbook excludes.
    fn leaves_out(&self, name: &[u8]) -> bool {
        let path = String::from_utf8_lossy(name);
        self.excluded.is_match(path.trim_end_matches('/'))
    }

    async fn measure(
        &self,
        site: &Site,
        host: &Host,
        inquiry: Inquiry,
    ) -> Result<sample::Files, Unseen> {
        let output = (site.exec)
            .ask(reach(host)?, &inquiry, self.timeout)
            .await?;
        let stdout = complete(host, &output)?;
        if stdout.is_empty() && !output.stderr.is_empty() {
            return Err(ended(host, "the checksums of a sample", &output));
        }
        sample::parse(&host.name, stdout)
    }
}

/// A shell script and its arguments.
fn script(words: &[&str]) -> Vec<String> {
    let argv = ["sh", "-c"];
    argv.iter()
        .chain(words)
        .map(|word| (*word).to_owned())
        .collect()
}

/// What a script of ours printed, all of it.
fn complete<'a>(host: &Host, output: &'a Output) -> Result<&'a [u8], Unseen> {
    if output.truncated {
        let detail = format!("`{}` printed more than is read", host.name);
        return Err(Unseen::new(Cause::Garbled, detail));
    }
    if output.status != Some(0) {
        return Err(ended(host, "a script that only looks", output));
    }
    Ok(&output.stdout)
}

fn ended(host: &Host, what: &str, output: &Output) -> Unseen {
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it says nothing");
    let said = itemize::shown(said.as_bytes());
    let (cause, how) = match output.status {
        Some(3) => (Cause::Missing, "cannot enter the folder".to_owned()),
        Some(status) => (Cause::Error, format!("ended with exit {status}")),
        None => (Cause::Error, "was ended by a signal".to_owned()),
    };
    Unseen::new(cause, format!("{what} on `{}` {how}: {said}", host.name))
}
