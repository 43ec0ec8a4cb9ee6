//! A program whose effect cannot be read back.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{LANDING, On, machine, reach, too_short};
use crate::event::{Answer, Unseen};
use crate::journal::Permit;
use crate::plan::{IfInterrupted, Way};
use crate::site::{Aim, Site};
use crate::step::Act;
use crate::words::count;
use crate::world::exec::{Command, quoted};

/// How long a look whether it could be run may take.
const LOOK: Duration = Duration::from_secs(25);

#[derive(Debug)]
pub(super) struct Acting {
    pub(super) run: Vec<String>,
    pub(super) undo: Option<Vec<String>>,
    pub(super) on: On,
    pub(super) if_interrupted: IfInterrupted,
    pub(super) timeout: Duration,
}

impl Acting {
    fn program(&self, way: Way) -> Option<&[String]> {
        match way {
            Way::There => Some(&self.run),
            Way::Back => self.undo.as_deref(),
        }
    }

    /// The one host; an act on several could be done by half and nobody could tell.
    pub(super) fn host(&self, site: &Site, aim: &Aim, way: Way) -> Result<String, String> {
        // On the way back the aim is the other way round, and what was done is undone where it was done.
        let on = match (&self.on, way) {
            (On::Source, Way::Back) => &On::Target,
            (On::Target, Way::Back) => &On::Source,
            (on, _) => on,
        };
        match on.hosts(site, aim).as_slice() {
            [host] => Ok(host.clone()),
            [] => Err(format!("there is no host to run it {}", self.on)),
            many => Err(format!(
                "there are {} to run it {} ({}); name one in `on`",
                count(many.len(), "host"),
                self.on,
                many.join(", ")
            )),
        }
    }
}

impl Act for Acting {
    fn act<'a>(
        &'a self,
        site: &'a Site,
        aim: &'a Aim,
        permit: Permit<'a>,
    ) -> BoxFuture<'a, Answer> {
        async move {
            let Some(argv) = self.program(permit.way()) else {
                let why = "the step names no `undo`".to_owned();
                return Answer::Refused { why };
            };
            let found = self
                .host(site, aim, permit.way())
                .and_then(|host| reach(site, &host).map_err(|unseen| unseen.detail));
            let reach = match found {
                Ok(reach) => reach,
                Err(why) => return Answer::Refused { why },
            };
            let command = Command {
                argv: argv.to_vec(),
                stdin: Vec::new(),
            };
            site.exec.run(&reach, &command, permit).await
        }
        .boxed()
    }

    fn could<'a>(
        &'a self,
        site: &'a Site,
        aim: &'a Aim,
        first: bool,
    ) -> BoxFuture<'a, Result<Option<String>, Unseen>> {
        async move {
            let host = match self.host(site, aim, Way::There) {
                Ok(host) => host,
                Err(why) => return Ok(Some(why)),
            };
            if let Some(why) = too_short(self.timeout) {
                return Ok(Some(why));
            }
            let reach = reach(site, &host)?;
            let programs: Vec<&str> = [Some(&self.run), self.undo.as_ref()]
                .into_iter()
                .flatten()
                .filter_map(|argv| argv.first().map(String::as_str))
                .filter(|_| first)
                .collect();
            let why = site.exec.could_run(&reach, &programs, LOOK).await?;
            Ok(why.map(|why| format!("nothing can be run on {host}: {why}")))
        }
        .boxed()
    }

    fn command(&self, way: Way) -> Option<String> {
        Some(format!("{}  # {}", quoted(self.program(way)?), self.on))
    }

    fn thing(&self, site: &Site, aim: &Aim, here: &str) -> Option<String> {
        let host = self.host(site, aim, Way::There).ok()?;
        Some(format!(
            "{} {}",
            quoted(&self.run),
            machine(site, &host, here)
        ))
    }

    fn if_interrupted(&self) -> IfInterrupted {
        self.if_interrupted
    }

    fn landing(&self) -> Duration {
        LANDING
    }
}
