//! Probes services at the addresses of a site, or by name as the public reaches them.
//!
//! Each probe at each address is a look of its own, so that an address that is silent holds up no other and
//! the address families are reported apart. The public is looked at by name: the addresses are those that
//! DNS gives now.

mod judge;
mod looks;
mod often;
mod phase;
mod said;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use self::judge::{judge_direct, judge_public};
use self::often::Answer;
use self::phase::Phase;
use super::probe::Spot;
use crate::event::{Cause, Finding, Unseen};
use crate::field::{Field, Fields, Form};
use crate::plan::Question;
use crate::problem::Problem;
use crate::site::{Aim, Probe, Service, Site};
use crate::step::{
    Blocks, Built, Check, Defaults, Evidence, Given, Kind, Look, OnFail, Pulses, Work,
};
use crate::world::names::Address;

pub(super) static KIND: Kind = Kind {
    name: "services",
    summary: "every probe of every service, at every address of a site or by public name",
    example: r#"[[step]]
id = "works"
kind = "services"
at = "target"
services = "all"
"#,
    fields: &[
        AT,
        Field::new(
            "services",
            Form::Services,
            "Which services; `all` where it is left out",
        ),
    ],
    defaults: DEFAULTS,
    build,
};

pub(super) const AT: Field = Field::new(
    "at",
    Form::Where,
    "Where to ask: `target` (default), `source`, `public` (by name, as users do), or a host",
);

pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) const DEFAULTS: Defaults = Defaults {
    within: Duration::ZERO,
    every: Duration::from_secs(5),
    timeout: TIMEOUT,
    blocks: Blocks::Always,
    on_fail: OnFail::Back,
};

/// How long names may take until they lead to the right side, where the playbook does not say.
const PUBLIC_WITHIN: Duration = Duration::from_secs(360);

fn build(fields: &Fields, given: &Given) -> Result<Built, Vec<Problem>> {
    let at = At::of(fields);
    let chosen = chosen(fields, given);
    let title = match fields.texts("services") {
        [] => format!("probe every service {at}"),
        [all] if all == "all" => format!("probe every service {at}"),
        some => format!("probe {} {at}", some.join(", ")),
    };
    Ok(Probing::new(at, What::Services(chosen), fields).built(title))
}

/// The ids of the services that a step names; all of them where it names none.
fn chosen(fields: &Fields, given: &Given) -> Vec<String> {
    match fields.texts("services") {
        [] => given.services.to_vec(),
        some if some.iter().any(|id| id == "all") => given.services.to_vec(),
        some => some.to_vec(),
    }
}

/// Where a step asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    Source,
    Target,
    Public,
    Host(String),
}

impl At {
    pub(super) fn of(fields: &Fields) -> At {
        match fields.text("at") {
            None | Some("target") => At::Target,
            Some("source") => At::Source,
            Some("public") => At::Public,
            Some(host) => At::Host(host.to_owned()),
        }
    }

    /// The site whose hosts are asked; none for the public and for one host.
    fn site<'a>(&self, aim: &'a Aim) -> Option<&'a str> {
        match self {
            At::Target => Some(&aim.active),
            At::Source => Some(&aim.idle),
            At::Public | At::Host(_) => None,
        }
    }
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            At::Source => f.write_str("at the source"),
            At::Target => f.write_str("at the target"),
            At::Public => f.write_str("by public name"),
            At::Host(host) => write!(f, "at {host}"),
        }
    }
}

/// What a step asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// Services of the playbook with their own probes.
    Services(Vec<String>),
    /// One probe, for the names and on the hosts of these services.
    OneFor(Vec<String>, Probe),
    /// One probe of the step's own, for these names and on every host.
    Own(Service),
}

impl What {
    /// A probe that stands in a step: for the services or the names that the step gives.
    pub(super) fn one(fields: &Fields, given: &Given, probe: Probe) -> What {
        if fields.has("services") {
            return What::OneFor(chosen(fields, given), probe);
        }
        What::Own(Service {
            name: given.id.to_owned(),
            names: fields
                .texts("names")
                .iter()
                .map(|name| name.trim_end_matches('.').to_ascii_lowercase())
                .collect(),
            probes: vec![probe],
            hosts: Vec::new(),
        })
    }

    fn services(&self, site: &Site) -> Vec<Service> {
        let of = |ids: &[String]| -> Vec<Service> {
            ids.iter()
                .filter_map(|id| site.services.get(id).cloned())
                .collect()
        };
        match self {
            What::Services(ids) => of(ids),
            What::OneFor(ids, probe) => {
                let mut services = of(ids);
                for service in &mut services {
                    service.probes = vec![probe.clone()];
                }
                services
            }
            What::Own(service) => vec![service.clone()],
        }
    }
}

/// A check that probes: the kinds `services`, `http`, `tcp` and `rsync`.
#[derive(Debug)]
pub(super) struct Probing {
    pub(super) at: At,
    pub(super) what: What,
    /// The time-out of one look. A probe ends a little earlier, so that it can say how it ended.
    pub(super) timeout: Duration,
    phase: Phase,
}

impl Probing {
    pub(super) fn new(at: At, what: What, fields: &Fields) -> Probing {
        Probing {
            at,
            what,
            timeout: fields.span("timeout").unwrap_or(TIMEOUT),
            phase: Phase::default(),
        }
    }

    pub(super) fn built(self, title: String) -> Built {
        Built {
            title,
            probes_old_side: self.at == At::Target,
            after_change: self.at == At::Public,
            answers: match self.at {
                At::Target => Some(Question::Ready),
                At::Public => Some(Question::Moves),
                At::Source | At::Host(_) => None,
            },
            work: Work::Check(Box::new(self)),
        }
    }
}

/// What one look of this check shows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
enum Shown {
    /// One probe at one address of a host.
    Probe {
        spot: Box<Spot>,
        #[serde(flatten)]
        answer: Answer,
    },
    /// One side can be reached over an address family and the other cannot.
    Lacks {
        service: String,
        family: String,
        here: String,
        there: String,
    },
    /// Where a name leads, and what answers there.
    Public {
        service: String,
        name: String,
        asked: String,
        leads: Vec<Lead>,
    },
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn json(shown: &Shown) -> Result<Json, Unseen> {
    serde_json::to_value(shown).map_err(|error| Unseen::new(Cause::Garbled, error.to_string()))
}

/// One address that a name leads to.
#[derive(Debug, Serialize, Deserialize)]
struct Lead {
    address: Address,
    site: Option<String>,
    /// It is a proxy of both sides: either of them may have answered.
    #[serde(default, skip_serializing_if = "is_false")]
    shared: bool,
    /// Empty where it leads to the side that shall be idle: what answers there says nothing.
    probes: Vec<(Spot, Answer)>,
}

impl Check for Probing {
    fn looks<'a>(&'a self, site: &'a Site, aim: &'a Aim, _: &'a Pulses) -> Vec<Look<'a>> {
        let mut looks = match self.at {
            At::Public => self.public(site, aim),
            _ => self.direct(site, aim),
        };
        let mut seen = BTreeMap::<String, usize>::new();
        for look in &mut looks {
            let count = seen.entry(look.key.clone()).or_default();
            *count += 1;
            if *count > 1 {
                look.key += &format!(" #{count}");
            }
        }
        looks
    }

    fn judge(&self, aim: &Aim, evidence: &Evidence) -> Finding {
        match self.at {
            At::Public => judge_public(aim, evidence),
            _ => judge_direct(self.at == At::Source, evidence),
        }
    }

    fn within(&self) -> Option<Duration> {
        (self.at == At::Public).then_some(PUBLIC_WITHIN)
    }

    /// A target that does not serve stops every run; what the others show is for a person to weigh.
    fn blocks(&self) -> Option<Blocks> {
        (self.at != At::Target).then_some(Blocks::Planned)
    }
}
#[cfg(test)]
mod tests;
