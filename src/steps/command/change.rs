//! A program that changes what another one reads.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{LANDING, On, machine, ran, reach, tail, too_short};
use crate::event::{Answer, Cause, Unseen};
use crate::journal::Permit;
use crate::plan::{Edit, Place, Stay, Value, Way};
use crate::site::{Aim, Site};
use crate::step::{Change, Found, SURVEY_TIME, Survey};
use crate::words::count;
use crate::world::exec::{Command, Inquiry, quoted};

/// The one part of a value: what `read` prints, byte by byte. Where it holds `want` and blanks around it, it is
/// `want`: programs end what they print as they like.
const PART: &str = "printed";

/// The same without the blanks at both ends, in plans of version 0.1.0.
const TRIMMED: &str = "output";

/// The longest value, in bytes: it is a word or a short file, and it is shown and journaled.
const LONGEST: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Changing {
    /// The step's id.
    pub(super) step: String,
    pub(super) read: Vec<String>,
    pub(super) want: String,
    pub(super) run: Vec<String>,
    pub(super) undo: Vec<String>,
    pub(super) on: On,
    pub(super) timeout: Duration,
}

/// A value that holds this.
pub(super) fn value(text: &str) -> Value {
    Value(BTreeMap::from([(PART.to_owned(), text.into())]))
}

/// What a program gets on its standard input to make this the value.
fn input(value: &Value, want: &str) -> String {
    let text = |part| value.0.get(part)?.read::<String>().ok();
    match (text(PART), text(TRIMMED)) {
        (Some(exact), _) if exact != want => exact,
        (line, trimmed) => format!("{}\n", line.or(trimmed).unwrap_or_default()),
    }
}

impl Changing {
    async fn now(&self, site: &Site, host: &str, most: Duration) -> Result<String, Unseen> {
        let reach = reach(site, host)?;
        let inquiry = Inquiry::looks_only(self.read.iter().cloned());
        let time = self.timeout.min(most).mul_f64(0.95);
        let output = site.exec.ask(&reach, &inquiry, time).await?;
        let status = ran(&self.read, &output)?;
        let line = quoted(&self.read);
        if output.truncated || output.stdout.len() > LONGEST {
            let detail = format!("`{line}` printed more than {}", count(LONGEST, "byte"));
            return Err(Unseen::new(Cause::Garbled, detail));
        }
        let printed = String::from_utf8(output.stdout).map_err(|_| {
            Unseen::new(
                Cause::Garbled,
                format!("`{line}` printed something that is no UTF-8"),
            )
        })?;
        // A status other than 0 may be part of the answer (`systemctl is-active`); without one it is an error.
        if printed.trim().is_empty() && status != 0 {
            let said = tail(&output.stderr).pop().unwrap_or_default();
            let detail = format!("`{line}` printed nothing and ended with status {status}: {said}");
            return Err(Unseen::new(Cause::Error, detail));
        }
        Ok(match printed.trim() == self.want {
            true => self.want.clone(),
            false => printed,
        })
    }

    /// Why neither of its programs could be run, or one of them.
    async fn could(&self, site: &Site, host: &str) -> Result<Option<String>, Unseen> {
        let reach = reach(site, host)?;
        let programs: Vec<&str> = [&self.run, &self.undo]
            .into_iter()
            .filter_map(|argv| argv.first().map(String::as_str))
            .collect();
        let time = self.timeout.min(SURVEY_TIME).mul_f64(0.95);
        site.exec.could_run(&reach, &programs, time).await
    }

    /// The program that leads one way. Each gets the value that shall be held on its standard input.
    fn program(&self, way: Way) -> &[String] {
        match way {
            Way::There => &self.run,
            Way::Back => &self.undo,
        }
    }
}

impl Change for Changing {
    fn survey<'a>(&'a self, site: &'a Site, aim: &'a Aim) -> BoxFuture<'a, Result<Survey, Unseen>> {
        async move {
            let mut survey = Survey {
                promise: "the value is read just before the program runs".into(),
                ..Survey::default()
            };
            let hosts = self.on.hosts(site, aim);
            if hosts.is_empty() {
                survey
                    .refusals
                    .push(format!("there is no host to run it {}", self.on));
            }
            for host in hosts {
                let (now, could) =
                    tokio::join!(self.now(site, &host, SURVEY_TIME), self.could(site, &host));
                let now = now?;
                if now == self.want {
                    survey.stays.push(Stay {
                        what: format!("{} on {host}", quoted(&self.read)),
                        why: format!("it prints `{now}` already"),
                    });
                    survey.found.push(Found {
                        of: format!("{} on {host}", quoted(&self.read)),
                        edit: Edit {
                            place: Place {
                                step: self.step.clone(),
                                name: host,
                            },
                            before: value(&now),
                            after: value(&now),
                        },
                    });
                    continue;
                }
                (survey.writes).push(format!("{} on {host}", quoted(&self.read)));
                if let Some(why) = could? {
                    survey
                        .refusals
                        .push(format!("nothing can be written on {host}: {why}"));
                }
                if survey.edits.is_empty() {
                    survey.refusals.extend(too_short(self.timeout));
                }
                survey.edits.push(Edit {
                    place: Place {
                        step: self.step.clone(),
                        name: host,
                    },
                    before: value(&now),
                    after: value(&self.want),
                });
            }
            Ok(survey)
        }
        .boxed()
    }

    fn read<'a>(
        &'a self,
        site: &'a Site,
        place: &'a Place,
        parts: &'a [String],
    ) -> BoxFuture<'a, Result<Value, Unseen>> {
        async move {
            let now = self.now(site, &place.name, self.timeout).await?;
            let mut value = value(&now);
            value.0.insert(TRIMMED.to_owned(), now.trim().into());
            value.0.retain(|part, _| parts.contains(part));
            Ok(value)
        }
        .boxed()
    }

    fn write<'a>(&'a self, site: &'a Site, permit: Permit<'a>) -> BoxFuture<'a, Answer> {
        async move {
            let reach = match reach(site, &permit.place().name) {
                Ok(reach) => reach,
                Err(unseen) => return Answer::Refused { why: unseen.detail },
            };
            let command = Command {
                argv: self.program(permit.way()).to_vec(),
                stdin: input(permit.to(), &self.want).into_bytes(),
            };
            site.exec.run(&reach, &command, permit).await
        }
        .boxed()
    }

    fn landing(&self) -> Duration {
        LANDING
    }

    fn only_where_it_leaves(&self, site: &Site, aim: &Aim) -> bool {
        let hosts = self.on.hosts(site, aim);
        !hosts.is_empty()
            && (hosts.iter()).all(|name| {
                site.hosts
                    .get(name)
                    .is_some_and(|host| host.site == aim.idle)
            })
    }

    fn things(&self, site: &Site, aim: &Aim, here: &str) -> Vec<(String, String)> {
        let read = quoted(&self.read);
        let thing = |host: String| {
            let at = machine(site, &host, here);
            (host, format!("{read} {at}"))
        };
        self.on.hosts(site, aim).into_iter().map(thing).collect()
    }

    fn commands(&self, site: &Site, place: &Place, _: &Value, to: &Value) -> Vec<String> {
        let input = input(to, &self.want);
        let way = match input.strip_suffix('\n') == Some(&self.want) {
            true => Way::There,
            false => Way::Back,
        };
        let Ok(reach) = reach(site, &place.name) else {
            return Vec::new();
        };
        let line = reach.by_hand(self.program(way));
        let typed = match input.strip_suffix('\n') {
            Some(text) => format!("printf '%s\\n' {}", quoted(&[text])),
            None => format!("printf %s {}", quoted(&[&input])),
        };
        vec![format!("{typed} | {line}")]
    }

    fn describe(&self, value: &Value) -> Vec<String> {
        let read = quoted(&self.read);
        (input(value, &self.want).lines())
            .map(|line| format!("{read}: {line}"))
            .collect()
    }
}
