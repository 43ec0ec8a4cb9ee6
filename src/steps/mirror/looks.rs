//! The looks of a mirror, each one question to one or two hosts.

use std::time::Duration;

use super::draw::{self, Draw, Names};
use super::ground::Ground;
use super::{Mirror, command, itemize, leftover, reach, sample, stamps, stats};
use crate::event::{Cause, Unseen};
use crate::site::{Host, Site};
use crate::step::Pulses;
use crate::world::exec::{Inquiry, Output, quoted};

impl Mirror {
    /// Compares the trees.
    pub(super) async fn tree(
        &self,
        site: &Site,
        source: &Host,
        target: &Host,
        pulse: &Pulses,
    ) -> Result<stats::Tree, Unseen> {
        let ground = self.ground(site, target).await?;
        let list = self.list(site, source, target, &ground, pulse);
        let own = self.own(site, source, &ground);
        let (listed, own, all) = futures::join!(list, own, self.all(site, source, target));
        let (reading, output) = listed?;
        let leftovers = self.leftovers(site, target, &reading).await?;
        let tree = reading.finish(&leftovers, &output)?;
        let own = self.hold(site, source, &ground, &tree, own).await;
        let held = self.held_then(site, target, &ground, &tree).await;
        let asked = self.origin(&self.way(source, target)?, &mut Vec::new());
        Ok(stats::Tree {
            asked: itemize::shown(command::folder(&asked).as_bytes()),
            source: source.name.clone(),
            target: target.name.clone(),
            command: quoted(&self.command(source, target, &ground)?),
            daemon: self.by_daemon(source),
            own,
            held,
            all: all.map(|all| all.map_err(|why| why.detail)),
            marks: ground.archive.then_some(ground.marks),
            behind: ground.behind,
            moment: ground.moment,
            ..tree
        })
    }

    /// Runs rsync dry on the target, and reads what it prints as it comes.
    async fn list(
        &self,
        site: &Site,
        source: &Host,
        target: &Host,
        ground: &Ground,
        pulse: &Pulses,
    ) -> Result<(stats::Reading, Output), Unseen> {
        const PACE: Duration = Duration::from_millis(200);
        let mut reading = stats::Reading::default();
        let mut told = site.clock.now();
        let inquiry = Inquiry::looks_only(self.command(source, target, ground)?).niced();
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
        Ok((reading, output))
    }

    /// Lists the files of the source, and draws some. A walk costs far less than to let the comparison list what is the
    /// same. They are the same names all day, others tomorrow: a look that is repeated cannot be luckier, and a year of
    /// rehearsals sees many files. With them comes how many are too large to be drawn.
    async fn drawn(
        &self,
        site: &Site,
        source: &Host,
        ground: &Ground,
    ) -> Result<(Names, u64), Unseen> {
        let newest = self.sample.div_ceil(4);
        let day = site.clock.now().wall.strftime("%Y-%m-%d").to_string();
        let salt = format!("{day} {}", source.name);
        let mut draw = Draw::new(newest, self.sample - newest, salt);
        let mut argv = script(&[draw::LIST, "sh", self.path_on(source)?]);
        match self.index_only {
            true => {
                argv.extend(["./dists".to_owned(), "./project".to_owned()]);
                argv.extend(ground.behind.iter().map(|name| format!("./{name}")));
            }
            false => argv.push(".".to_owned()),
        }
        let mut whole = false;
        let mut line = |line: &[u8]| match draw::listed(line) {
            Some(file) if self.counts(&file.name, ground) => draw.see(&file),
            Some(_) => {}
            None => whole |= line == b"end",
        };
        let inquiry = Inquiry::looks_only(argv).niced();
        let output = (site.exec)
            .stream(reach(source)?, &inquiry, self.timeout, &mut line)
            .await?;
        match whole && output.status == Some(0) {
            true => Ok((draw.names(), draw.large())),
            false => Err(ended(source, "the list of files for a sample", &output)),
        }
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

    /// Which of the files that look like temporary files of rsync are: what they would become is beside them.
    async fn leftovers(
        &self,
        site: &Site,
        target: &Host,
        reading: &stats::Reading,
    ) -> Result<Vec<bool>, Unseen> {
        const BESIDE: &str = r#"cd -- "$1" 2>/dev/null || exit 0
xargs -0 -r sh -c 'for name; do if [ -e "$name" ]; then echo yes; else echo no; fi; done' sh
"#;
        let mut names = Vec::new();
        for path in reading.held().filter_map(|path| leftover::becomes(&path)) {
            names.extend_from_slice(b"./");
            names.extend_from_slice(&path);
            names.push(0);
        }
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let inquiry = Inquiry::looks_only(script(&[BESIDE, "sh", self.path_on(target)?]));
        let inquiry = inquiry.stdin(names);
        let output = (site.exec)
            .ask(reach(target)?, &inquiry, self.timeout)
            .await?;
        let text = String::from_utf8_lossy(complete(target, &output)?).into_owned();
        Ok(text.lines().map(|line| line == "yes").collect())
    }

    /// Compares the checksums of files that are drawn at the source.
    pub(super) async fn sample(
        &self,
        site: &Site,
        source: &Host,
        target: &Host,
    ) -> Result<sample::Sample, Unseen> {
        let ground = self.ground(site, target).await?;
        let (names, large) = self.drawn(site, source, &ground).await?;
        let there = self.measure(site, source, sample::asked(&names)).await?;
        let here = (self.measure(site, target, sample::asked(there.keys()))).await?;
        Ok(sample::Sample {
            source: source.name.clone(),
            target: target.name.clone(),
            large,
            ..sample::compare(names.len(), &there, &here, self.window)
        })
    }

    /// Whether a path below the folder is among what the playbook excludes.
    pub(super) fn leaves_out(&self, name: &[u8]) -> bool {
        let path = String::from_utf8_lossy(name);
        self.excluded.is_match(path.trim_end_matches('/'))
    }

    async fn measure(
        &self,
        site: &Site,
        host: &Host,
        names: Vec<u8>,
    ) -> Result<sample::Files, Unseen> {
        let argv = script(&[sample::MEASURE, "sh", self.path_on(host)?]);
        let inquiry = Inquiry::looks_only(argv).niced().stdin(names);
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
pub(super) fn script(words: &[&str]) -> Vec<String> {
    let argv = ["sh", "-c"];
    argv.iter()
        .chain(words)
        .map(|word| (*word).to_owned())
        .collect()
}

/// What a script of ours printed, all of it.
pub(super) fn complete<'a>(host: &Host, output: &'a Output) -> Result<&'a [u8], Unseen> {
    if output.truncated {
        let detail = format!("`{}` printed more than is read", host.name);
        return Err(Unseen::new(Cause::Garbled, detail));
    }
    if output.status != Some(0) {
        return Err(ended(host, "a script that only looks", output));
    }
    Ok(&output.stdout)
}

pub(super) fn ended(host: &Host, what: &str, output: &Output) -> Unseen {
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
