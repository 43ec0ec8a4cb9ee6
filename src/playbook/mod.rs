//! A playbook: TOML text to a [`Playbook`] that is valid by construction.
//!
//! [`Playbook::read`] is the only way to get one; [`Playbook::parse`] is its short form. It does no I/O: the
//! file that a playbook includes is read by whoever calls. It reports all problems at once, each with its
//! place, so that a file is mended in one go. The steps come from [`KINDS`] and the providers from
//! [`PROVIDERS`]; their tables are checked against the fields that they declare.

mod check;
mod forms;
mod hide;
mod hosts;
mod include;
mod overrides;
mod places;
mod read;
pub mod reference;
mod render;
mod roles;
mod services;
mod set;
mod show;
mod skip;
mod sources;
mod steps;
mod tables;
#[cfg(test)]
mod tests;
mod values;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use toml::de::DeTable;

pub use include::{Included, included_by};
pub use places::Places;
pub use read::Input;
pub use render::Problems;
pub(crate) use set::outside_quotes;
pub use sources::Position;

pub use tables::{RESERVED, ROOT, TABLES, Table};

use check::Checker;
use read::Texts;
use tables::PLAYBOOK;

use crate::clock::Clock;
use crate::dns::Provider;
use crate::dns::providers::{PROVIDERS, ProviderKind};
use crate::field::Fields;
use crate::plan::{Objectives, Plan, Seconds};
use crate::problem::{Problem, did_you_mean};
use crate::site::{Host, Service, Site, Zone};
use crate::step::{Kind, Step};
use crate::steps::KINDS;
use crate::world::exec::Exec;

/// The largest file that is read, in bytes.
pub const LARGEST: usize = 1 << 20;

/// A playbook without errors.
pub struct Playbook {
    name: String,
    summary: String,
    objectives: Objectives,
    hold: Duration,
    hosts: BTreeMap<String, Host>,
    sites: (String, String),
    services: BTreeMap<String, Service>,
    zones: BTreeMap<String, ZoneSpec>,
    providers: BTreeMap<String, ProviderSpec>,
    steps: Vec<Step>,
    text: String,
    resolved: Option<String>,
    digest: String,
    folder: Option<String>,
    places: Places,
    warnings: Problems,
}

/// A zone as a playbook defines it.
#[derive(Clone, Debug, PartialEq)]
pub struct ZoneSpec {
    /// Lower case, without the last dot.
    pub name: String,
    /// The provider's id in the playbook.
    pub provider: String,
    pub servers: Vec<SocketAddr>,
    /// As the zone says it; an empty list is not the same as none.
    pub resolvers: Option<Vec<SocketAddr>>,
}

/// A provider as a playbook defines it.
#[derive(Clone)]
pub struct ProviderSpec {
    pub kind: &'static ProviderKind,
    pub fields: Fields,
    provider: Arc<dyn Provider>,
}

/// The kinds and providers that a playbook can name.
#[derive(Clone, Copy)]
pub struct Registry {
    pub kinds: &'static [&'static Kind],
    pub providers: &'static [&'static ProviderKind],
}

impl Registry {
    /// All that this program knows.
    pub fn standard() -> Registry {
        Registry {
            kinds: KINDS,
            providers: PROVIDERS,
        }
    }

    pub fn kind(&self, name: &str) -> Option<&'static Kind> {
        self.kinds.iter().copied().find(|kind| kind.name == name)
    }

    pub fn provider(&self, name: &str) -> Option<&'static ProviderKind> {
        self.providers
            .iter()
            .copied()
            .find(|kind| kind.name == name)
    }
}

impl Playbook {
    /// Reads a playbook. `file` is how problems call it; each of `sets` is a `KEY=VALUE` that is put over a
    /// value of the text.
    ///
    /// The text of an earlier playbook ([`Playbook::text`]) holds all that was put over it and gives the same
    /// playbook. A playbook that includes another file is refused: see [`Playbook::read`].
    pub fn parse(text: &str, file: &str, sets: &[String]) -> Result<Playbook, Problems> {
        Playbook::read(text.as_bytes(), &Input::alone(file, sets))
    }

    /// The playbook of a plan, as it was on that day: what it names counts from where it lay then.
    pub fn of_plan(plan: &Plan) -> Result<Playbook, Problems> {
        let folder = plan.folder.as_deref().unwrap_or("");
        let input = Input {
            folder: Path::new(folder),
            ..Input::alone(&plan.playbook, &[])
        };
        Playbook::read(plan.text.as_bytes(), &input)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its folder, from the root, where it names a file that counts from there.
    pub fn folder(&self) -> Option<&str> {
        self.folder.as_deref()
    }

    /// One sentence for people; may be empty.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    pub fn objectives(&self) -> Objectives {
        self.objectives
    }

    /// How long a drill stays on the other side.
    pub fn hold(&self) -> Duration {
        self.hold
    }

    /// The two sites, in the order of the text.
    pub fn sites(&self) -> (&str, &str) {
        (&self.sites.0, &self.sites.1)
    }

    pub fn hosts(&self) -> &BTreeMap<String, Host> {
        &self.hosts
    }

    pub fn services(&self) -> &BTreeMap<String, Service> {
        &self.services
    }

    pub fn zones(&self) -> &BTreeMap<String, ZoneSpec> {
        &self.zones
    }

    pub fn providers(&self) -> &BTreeMap<String, ProviderSpec> {
        &self.providers
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The text of the file with its overrides, or the resolved one where it includes another file; parsing
    /// it gives this playbook again and needs no other file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text with everything in its place: what was included, overridden and set, with comments that say
    /// where it came from. Parsing it gives this playbook again.
    pub fn resolved(&self) -> &str {
        self.resolved.as_deref().unwrap_or(&self.text)
    }

    /// SHA-256 of [`Playbook::text`], in hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What is not wrong, but worth a look.
    pub fn warnings(&self) -> &Problems {
        &self.warnings
    }

    /// Where its tables stand in the text.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Problems that somebody else found in this playbook, ready to be shown with their places.
    pub fn problems(&self, list: Vec<Problem>) -> Problems {
        self.warnings.with(list)
    }

    /// What the steps are given: everything that the playbook defines, ready to be asked.
    pub fn live(&self, clock: Clock, exec: Exec) -> Site {
        let zones = self.zones.values().filter_map(|zone| {
            let provider = self.providers.get(&zone.provider)?;
            let live = Zone {
                name: zone.name.clone(),
                provider_name: zone.provider.clone(),
                provider: Arc::clone(&provider.provider),
                servers: zone.servers.clone(),
                resolvers: zone.resolvers.clone(),
            };
            Some((zone.name.clone(), live))
        });
        Site {
            hosts: self.hosts.clone(),
            services: self.services.clone(),
            zones: zones.collect(),
            exec: exec.of_playbook(self.name()),
            clock,
            asking: Arc::default(),
        }
    }
}

impl Checker {
    fn playbook(
        mut self,
        root: &DeTable<'_>,
        registry: &Registry,
        texts: Texts,
    ) -> Result<(Playbook, Vec<Problem>), Vec<Problem>> {
        for key in root.keys() {
            let name: &str = key.get_ref();
            if !ROOT.contains(&name) {
                let hint = match did_you_mean(name, ROOT.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("a playbook has {}", check::list(ROOT)),
                };
                self.report(
                    Problem::error("unknown-key", key.span(), format!("unknown table `{name}`"))
                        .label("not known here")
                        .hint(hint),
                );
            }
        }
        let end = texts.body..texts.body;
        let head = self.head(root);
        let hosts::Hosts { hosts, sites } = self.hosts(root);
        let providers = self.providers(root, registry);
        let zones = self.zones(root);
        let services = self.services(root, &zones, &hosts);
        let steps = self.steps(root, registry, end);
        if self.errors() > 0 {
            return Err(self.problems);
        }
        let counts = !self.places.files.is_empty() && self.folder.is_absolute();
        let playbook = Playbook {
            folder: (self.folder.to_str().filter(|_| counts)).map(str::to_owned),
            name: head.text("name").unwrap_or_default().to_owned(),
            summary: head.text("summary").unwrap_or_default().to_owned(),
            objectives: Objectives {
                rto: head.span("rto").map(Seconds),
                rpo: head.span("rpo").map(Seconds),
            },
            hold: head.span("hold").unwrap_or_default(),
            hosts,
            sites,
            services,
            zones,
            providers,
            steps,
            digest: HEXLOWER.encode(&Sha256::digest(texts.whole.as_bytes())),
            text: texts.whole,
            resolved: texts.resolved,
            places: self.places,
            warnings: Problems::new(Arc::default(), Vec::new()),
        };
        Ok((playbook, self.problems))
    }

    /// `[playbook]`
    fn head(&mut self, root: &DeTable<'_>) -> Fields {
        let Some(value) = root.get("playbook") else {
            self.report(
                Problem::error("missing-key", 0..0, "the file has no `[playbook]`")
                    .label("`[playbook]` is missing")
                    .hint("begin with `[playbook]` and `name = \"…\"`"),
            );
            return Fields::default();
        };
        let Some(table) = value.get_ref().as_table() else {
            self.report(
                Problem::error("wrong-type", value.span(), "`playbook` must be a table")
                    .label(format!("this is {}", words::found(value.get_ref())))
                    .hint("write `[playbook]`"),
            );
            return Fields::default();
        };
        let head = self.table(table, &value.span(), &[PLAYBOOK], "`[playbook]`");
        self.places.head = head.clone();
        head
    }
}

impl fmt::Debug for Playbook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<&str> = self.steps.iter().map(|step| step.id.as_str()).collect();
        f.debug_struct("Playbook")
            .field("name", &self.name)
            .field("digest", &self.digest)
            .field("sites", &self.sites)
            .field("hosts", &self.hosts)
            .field("services", &self.services)
            .field("zones", &self.zones)
            .field("providers", &self.providers)
            .field("steps", &steps)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ProviderSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderSpec")
            .field("kind", &self.kind.name)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}
