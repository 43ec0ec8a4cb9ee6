//! Services with their probes, providers, and zones.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::de::DeTable;

use super::check::{Checker, list};
use super::hosts::sockets;
use super::tables::{PROVIDER, SERVICE, ZONE};
use super::{ProviderSpec, Registry, ZoneSpec, values};
use crate::field::{Fields, Form};
use crate::problem::{Problem, did_you_mean};
use crate::site::{Host, HttpProbe, Probe, Service};

impl Checker {
    pub(super) fn providers(
        &mut self,
        root: &DeTable<'_>,
        registry: &Registry,
    ) -> BTreeMap<String, ProviderSpec> {
        let mut providers = BTreeMap::new();
        for named in self.named(root, "providers") {
            self.plain_name(&named, "provider");
            let what = format!("provider `{}`", named.name);
            let Some(kind) = named.table.get("kind") else {
                self.table(named.table, &named.span, &[PROVIDER], &what);
                continue;
            };
            let Some(word) = kind.get_ref().as_str() else {
                self.plain(kind, Form::Text, "kind");
                continue;
            };
            let Some(kind) = registry.provider(word) else {
                let names = || registry.providers.iter().map(|kind| kind.name);
                let near = did_you_mean(word, names());
                self.unknown_kind("provider", word, near, names().collect(), kind.span());
                continue;
            };
            let before = self.errors();
            let fields = self.table(named.table, &named.span, &[PROVIDER, kind.fields], &what);
            if self.errors() > before {
                continue;
            }
            match (kind.build)(&fields) {
                Ok(provider) => {
                    providers.insert(
                        named.name.to_owned(),
                        ProviderSpec {
                            kind,
                            fields,
                            provider,
                        },
                    );
                }
                Err(problems) => self.problems.extend(problems),
            }
        }
        providers
    }

    pub(super) fn unknown_kind(
        &mut self,
        of: &str,
        word: &str,
        near: Option<&str>,
        known: Vec<&str>,
        span: Range<usize>,
    ) {
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "the kinds are {}; `cutover kinds` explains them",
                list(&known)
            ),
        };
        self.report(
            Problem::error(
                "unknown-kind",
                span,
                format!("no kind of {of} is called `{word}`"),
            )
            .label("not known")
            .hint(hint),
        );
    }

    pub(super) fn zones(&mut self, root: &DeTable<'_>) -> BTreeMap<String, ZoneSpec> {
        let mut zones = BTreeMap::new();
        for named in self.named(root, "zones") {
            let name = match values::host_name(named.name) {
                Ok(name) => name,
                Err(why) => {
                    self.report(
                        Problem::error(
                            "bad-name",
                            named.name_span.clone(),
                            format!("`{}` {why}", named.name),
                        )
                        .label("expected the name of a zone")
                        .hint("put the name in quotes: `[zones.\"site.example\"]`"),
                    );
                    continue;
                }
            };
            let what = format!("zone `{name}`");
            let fields = self.table(named.table, &named.span, &[ZONE], &what);
            self.places.zones.insert(name.clone(), fields.clone());
            let provider = fields.text("provider").unwrap_or_default().to_owned();
            if !provider.is_empty() && !self.known.providers.contains(&provider) {
                let known = self.known.providers.clone();
                self.undefined(
                    "no-such-provider",
                    "provider",
                    &provider,
                    fields.span_of("provider"),
                    &known,
                );
            }
            let zone = ZoneSpec {
                name: name.clone(),
                provider,
                servers: sockets(&fields, "servers", 53),
                resolvers: (fields.has("resolvers")).then(|| sockets(&fields, "resolvers", 53)),
            };
            if zones.insert(name.clone(), zone).is_some() {
                self.report(
                    Problem::error(
                        "twice",
                        named.name_span.clone(),
                        format!("zone `{name}` is defined twice"),
                    )
                    .label("the same name, written otherwise"),
                );
            }
        }
        zones
    }

    pub(super) fn services(
        &mut self,
        root: &DeTable<'_>,
        zones: &BTreeMap<String, ZoneSpec>,
        hosts: &BTreeMap<String, Host>,
    ) -> BTreeMap<String, Service> {
        let mut services = BTreeMap::new();
        for named in self.named(root, "services") {
            self.plain_name(&named, "service");
            let what = format!("service `{}`", named.name);
            let before = self.problems.len();
            let fields = self.table(named.table, &named.span, &[SERVICE], &what);
            self.places
                .services
                .insert(named.name.to_owned(), fields.clone());
            let all_is_known = self.problems.len() == before;
            self.empty_assertions(before);
            for key in ["names", "probes"] {
                let empty = fields.texts(key).is_empty() && fields.tables(key).is_empty();
                if fields.has(key) && empty {
                    self.report(
                        Problem::error(
                            "empty",
                            fields.span_of(key),
                            format!("{what} has no {key}"),
                        )
                        .label("nothing stands here")
                        .hint("what has no name and no probe can never be seen to work"),
                    );
                }
            }
            let service = Service {
                name: named.name.to_owned(),
                names: fields.texts("names").to_vec(),
                probes: fields
                    .tables("probes")
                    .iter()
                    .filter(|_| all_is_known)
                    .filter_map(|probe| self.probe(probe))
                    .collect(),
                hosts: match fields.has("role") {
                    true => self.hosts_of_role(&fields, hosts),
                    false => self.host_list(&fields, "hosts"),
                },
            };
            self.names_have_a_zone(&service, &fields, zones);
            self.is_offered_at_both_sites(&service, &fields, hosts);
            services.insert(named.name.to_owned(), service);
        }
        services
    }

    /// An empty text in a probe is worse than a missing one: it looks like an assertion.
    fn empty_assertions(&mut self, from: usize) {
        for problem in self.problems.iter_mut().skip(from) {
            if problem.code == "empty"
                && ["`contains` is empty", "`expect` is empty"].contains(&problem.message.as_str())
            {
                problem.code = "asserts-nothing";
                problem.message = "this probe asserts nothing".into();
                problem.label = "every answer contains an empty text".into();
                problem.hint = Some("name some text that only a healthy answer holds".into());
            }
        }
    }

    fn probe(&mut self, fields: &Fields) -> Option<Probe> {
        let before = self.errors();
        let probe = if fields.has("http") {
            Probe::Http(self.http_probe(fields)?)
        } else if fields.has("tcp") {
            Probe::Tcp {
                port: port(fields, "tcp", 0),
                send: fields.text("send").map(str::to_owned),
                expect: fields.text("expect").map(str::to_owned),
            }
        } else {
            Probe::Rsync {
                module: self.module(fields)?,
                port: port(fields, "port", 873),
            }
        };
        (self.errors() == before).then_some(probe)
    }

    fn http_probe(&mut self, fields: &Fields) -> Option<HttpProbe> {
        let path = fields.text("http")?;
        if !path.starts_with('/') || path.contains(|c: char| c.is_whitespace() || c.is_control()) {
            self.report(
                Problem::error(
                    "bad-path",
                    fields.span_of("http"),
                    format!("`{path}` is no path"),
                )
                .label("must begin with `/`")
                .hint("the host is each name of the service; `tls` and `port` say the rest"),
            );
        }
        let header: Vec<(String, String)> = fields
            .map("header")
            .into_iter()
            .flatten()
            .map(|(name, text)| (name.to_ascii_lowercase(), text.clone()))
            .collect();
        if fields.has("header") && (header.is_empty() || header.iter().any(|(_, v)| v.is_empty())) {
            self.report(
                Problem::error(
                    "asserts-nothing",
                    fields.span_of("header"),
                    "this probe asserts nothing",
                )
                .label("every header contains an empty text")
                .hint("write `header = { content-type = \"text/html\" }`"),
            );
        }
        let tls = fields.bool("tls").unwrap_or(true);
        Some(HttpProbe {
            path: path.to_owned(),
            tls,
            port: port(fields, "port", if tls { 443 } else { 80 }),
            status: (fields.count("status")).and_then(|status| status.try_into().ok()),
            contains: fields.text("contains").map(str::to_owned),
            header,
            slower_than_ms: fields
                .span("slower-than")
                .map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
            ca: fields.text("ca").map(Into::into),
        })
    }

    fn module(&mut self, fields: &Fields) -> Option<String> {
        let module = fields.text("rsync")?;
        if module.contains(|c: char| c == '/' || c.is_control()) {
            self.report(
                Problem::error(
                    "bad-module",
                    fields.span_of("rsync"),
                    format!("`{module}` is no module of an rsync daemon"),
                )
                .label("a module's name holds no `/`"),
            );
        }
        Some(module.to_owned())
    }

    fn names_have_a_zone(
        &mut self,
        service: &Service,
        fields: &Fields,
        zones: &BTreeMap<String, ZoneSpec>,
    ) {
        let within = |name: &str, zone: &str| {
            name.strip_suffix(zone)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let homeless: Vec<&String> = service
            .names
            .iter()
            .filter(|name| !zones.keys().any(|zone| within(name, zone)))
            .collect();
        if !homeless.is_empty() {
            let (lies, it) = if homeless.len() == 1 {
                ("lies", "it")
            } else {
                ("lie", "they")
            };
            self.report(
                Problem::warning(
                    "no-zone",
                    fields.span_of("names"),
                    format!("{} {lies} in no zone of the playbook", list(&homeless)),
                )
                .label(format!(
                    "{it} will stay where {it} lead{}",
                    if it == "it" { "s" } else { "" }
                ))
                .hint("add `[zones.\"…\"]` for the zone, if the playbook shall move the name"),
            );
        }
    }

    fn is_offered_at_both_sites(
        &mut self,
        service: &Service,
        fields: &Fields,
        hosts: &BTreeMap<String, Host>,
    ) {
        let sites: BTreeSet<&str> = hosts.values().map(|host| host.site.as_str()).collect();
        for site in sites {
            let offered = service
                .hosts
                .iter()
                .any(|name| hosts.get(name).is_some_and(|host| host.site == site));
            if !service.hosts.is_empty() && !offered {
                let key = if fields.has("role") { "role" } else { "hosts" };
                self.report(
                    Problem::warning(
                        "one-sided",
                        fields.span_of(key),
                        format!("no host of site `{site}` offers service `{}`", service.name),
                    )
                    .label("it cannot move")
                    .hint("name its hosts of both sites, or leave `hosts` out"),
                );
            }
        }
    }
}

/// A port that was checked before.
fn port(fields: &Fields, key: &str, usual: u16) -> u16 {
    let port = fields.count(key).and_then(|count| count.try_into().ok());
    port.unwrap_or(usual)
}
