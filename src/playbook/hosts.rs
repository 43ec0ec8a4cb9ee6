//! Hosts, and the two sites that they make up.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use toml::de::DeTable;

use super::check::{Checker, Named, is_plain, list};
use super::tables::HOST;
use super::values;
use crate::field::Fields;
use crate::problem::Problem;
use crate::site::Host;
use crate::world::exec::{Reach, Via};

/// A host with its places in the source.
pub(super) struct Placed {
    pub(super) host: Host,
    pub(super) name_span: std::ops::Range<usize>,
    pub(super) fields: Fields,
}

pub(super) struct Hosts {
    pub(super) hosts: BTreeMap<String, Host>,
    /// In the order of the text.
    pub(super) sites: (String, String),
}

impl Checker {
    pub(super) fn hosts(&mut self, root: &DeTable<'_>) -> Hosts {
        let before = self.errors();
        let tables = self.named(root, "hosts");
        let mut placed: Vec<Placed> = tables.iter().map(|named| self.one_host(named)).collect();
        let mut sites = (String::new(), String::new());
        if self.errors() == before {
            let span = root.get("hosts").map_or(0..0, |value| value.span());
            if let Some(two) = self.two_sites(&placed, span) {
                sites = two;
                self.roles_make_pairs(&mut placed);
                self.addresses_are_clear(&placed);
                if self.errors() == before {
                    self.every_host_is_covered(&placed);
                }
            }
        }
        Hosts {
            hosts: placed
                .into_iter()
                .map(|placed| (placed.host.name.clone(), placed.host))
                .collect(),
            sites,
        }
    }

    fn one_host(&mut self, named: &Named<'_, '_>) -> Placed {
        self.plain_name(named, "host");
        let what = format!("host `{}`", named.name);
        let fields = self.table(named.table, &named.span, &[HOST], &what);
        self.places
            .hosts
            .insert(named.name.to_owned(), fields.clone());
        if let Some(site) = fields.text("site")
            && !is_plain(site)
        {
            self.report(
                Problem::error(
                    "bad-name",
                    fields.span_of("site"),
                    format!("`{site}` is no name for a site"),
                )
                .label("not a plain name")
                .hint("use letters, digits, `-`, `_` and `.`"),
            );
        }
        let host = Host {
            name: named.name.to_owned(),
            site: fields.text("site").unwrap_or(named.name).to_owned(),
            reach: self.reach(named.name, &fields),
            addresses: fields.addresses("addresses").to_vec(),
            proxy: fields.addresses("proxy").to_vec(),
            role: fields.text("role").map(str::to_owned),
            access_log: fields.texts("access-log").to_vec(),
            stands_in_for: fields.texts("stands-in-for").to_vec(),
            detours: self.detours(&fields),
        };
        Placed {
            host,
            name_span: named.name_span.clone(),
            fields,
        }
    }

    fn reach(&mut self, name: &str, fields: &Fields) -> Option<Reach> {
        let local = fields.bool("local") == Some(true);
        let via = match (fields.text("ssh"), local) {
            (Some(_), true) => {
                self.report(
                    Problem::error(
                        "local-and-ssh",
                        fields.span_of("ssh"),
                        format!("host `{name}` is `local` and has `ssh`"),
                    )
                    .label("which of the two?"),
                );
                return None;
            }
            (Some(destination), false) => {
                if let Some((host, port)) = with_port(destination) {
                    self.report(
                        Problem::error(
                            "bad-ssh",
                            fields.span_of("ssh"),
                            format!("`{destination}` is taken for the name of a host, as a whole"),
                        )
                        .label("ssh knows no port here")
                        .hint(format!("write `ssh = \"ssh://{host}:{port}\"`")),
                    );
                }
                if destination.starts_with('-') || destination.contains(char::is_whitespace) {
                    self.report(
                        Problem::error(
                            "bad-ssh",
                            fields.span_of("ssh"),
                            format!("`{destination}` is no destination for ssh"),
                        )
                        .label("expected a host, `user@host` or `ssh://user@host:port`")
                        .hint("options belong in the configuration that `ssh-config` names"),
                    );
                }
                Some(Via::Ssh {
                    destination: destination.to_owned(),
                    config: fields.text("ssh-config").map(PathBuf::from),
                })
            }
            (None, true) => Some(Via::Local),
            (None, false) => None,
        };
        let needs = [
            ("ssh-config", fields.text("ssh").is_none()),
            ("sudo", via.is_none() && fields.bool("sudo") == Some(true)),
            ("access-log", via.is_none()),
        ];
        for (key, missing) in needs {
            if missing && fields.has(key) {
                self.report(
                    Problem::error(
                        "no-way-in",
                        fields.span_of(key),
                        format!("`{key}` of host `{name}` needs a way to reach it"),
                    )
                    .label("nothing can run there")
                    .hint("add `ssh = \"user@host\"`, or `local = true` for this machine"),
                );
            }
        }
        via.map(|via| Reach {
            name: name.to_owned(),
            via,
            sudo: fields.bool("sudo") == Some(true),
        })
    }

    fn detours(&mut self, fields: &Fields) -> BTreeMap<SocketAddr, SocketAddr> {
        let mut detours = BTreeMap::new();
        for (from, to) in fields.map("reach").into_iter().flatten() {
            match (from.parse(), to.parse()) {
                (Ok(from), Ok(to)) => {
                    detours.insert(from, to);
                }
                (from_result, _) => {
                    let bad = if from_result.is_err() { from } else { to };
                    self.report(
                        Problem::error(
                            "bad-value",
                            fields.span_of("reach"),
                            format!("`{bad}` is no address with a port"),
                        )
                        .label("in `reach`")
                        .hint("write `reach = { \"[2001:db8::10]:443\" = \"[::1]:8443\" }`"),
                    );
                }
            }
        }
        detours
    }

    fn two_sites(
        &mut self,
        placed: &[Placed],
        span: std::ops::Range<usize>,
    ) -> Option<(String, String)> {
        let mut sites: Vec<&str> = Vec::new();
        for Placed {
            host, name_span, ..
        } in placed
        {
            if sites.contains(&host.site.as_str()) {
                continue;
            }
            sites.push(&host.site);
            if let [first, second, third] = sites.as_slice() {
                self.report(
                    Problem::error(
                        "too-many-sites",
                        name_span.clone(),
                        format!("`{third}` is a third site; a playbook has two"),
                    )
                    .label(format!("of site `{third}`"))
                    .hint(format!(
                        "the others are `{first}` and `{second}`; give the host `site = …`"
                    )),
                );
                return None;
            }
        }
        if let [first, second] = sites.as_slice() {
            return Some(((*first).to_owned(), (*second).to_owned()));
        }
        let (message, hint) = match sites.first() {
            Some(only) => (
                format!("all hosts belong to one site, `{only}`; a playbook has two"),
                "give the hosts of the other site a `site` of their own",
            ),
            None => (
                "the playbook has no hosts".to_owned(),
                "add `[hosts.NAME]` for each machine of both sites",
            ),
        };
        self.report(
            Problem::error("too-few-sites", span, message)
                .label("a second site is missing")
                .hint(hint),
        );
        None
    }

    /// Each host with public addresses stands in for somebody, or is stood in for by exactly one host.
    fn every_host_is_covered(&mut self, placed: &[Placed]) {
        let before = self.errors();
        let named_pairs = self.named_pairs(placed);
        if self.errors() > before {
            return;
        }
        let pairs = match placed {
            _ if !named_pairs.is_empty() => named_pairs,
            [one, other] => BTreeSet::from([(other.host.name.as_str(), one.host.name.as_str())]),
            _ => return self.pairs_are_needed(placed),
        };
        for Placed {
            host, name_span, ..
        } in placed
        {
            let covers = pairs.iter().any(|(stand_in, _)| *stand_in == host.name);
            let stand_ins: Vec<&str> = pairs
                .iter()
                .filter(|(_, covered)| *covered == host.name)
                .map(|(stand_in, _)| *stand_in)
                .collect();
            if stand_ins.len() > 1 {
                self.report(
                    Problem::error(
                        "covered-twice",
                        name_span.clone(),
                        format!(
                            "{} stand in for host `{}`; it must be one of them",
                            list(&stand_ins),
                            host.name
                        ),
                    )
                    .label("its names can lead to one host only"),
                );
            }
            if stand_ins.is_empty() && !covers && host.public().next().is_some() {
                self.report(
                    Problem::error(
                        "not-covered",
                        name_span.clone(),
                        format!("no host of the other site stands in for `{}`", host.name),
                    )
                    .label("where shall its names lead?")
                    .hint(format!(
                        "add `stands-in-for = [\"{}\"]` to the host that takes over its work",
                        host.name
                    )),
                );
            }
        }
        self.proxies_are_clear(placed, &pairs);
        for (stand_in, covered) in pairs {
            self.families_match(placed, stand_in, covered);
        }
    }

    fn pairs_are_needed(&mut self, placed: &[Placed]) {
        let Some(first) = placed.first() else { return };
        let of_second = placed
            .iter()
            .find(|placed| placed.host.site != first.host.site);
        let covered: Vec<&str> = placed
            .iter()
            .filter(|placed| placed.host.site == first.host.site)
            .map(|placed| placed.host.name.as_str())
            .collect();
        let Some(second) = of_second else { return };
        self.report(
            Problem::error(
                "not-covered",
                second.name_span.clone(),
                "it is not said which host stands in for which",
            )
            .label(format!("stands in for whom of {}?", list(&covered)))
            .hint(
                "a site has several hosts: add `stands-in-for = [\"HOST\"]` to those of one site, or a `role` to all",
            ),
        );
    }

    /// (stand-in, covered), as the hosts say.
    fn named_pairs<'p>(&mut self, placed: &'p [Placed]) -> BTreeSet<(&'p str, &'p str)> {
        let mut pairs = BTreeSet::new();
        for Placed { host, fields, .. } in placed {
            for name in &host.stands_in_for {
                let span = fields.span_of("stands-in-for");
                match placed.iter().find(|other| other.host.name == *name) {
                    Some(other) if other.host.site != host.site => {
                        pairs.insert((host.name.as_str(), other.host.name.as_str()));
                    }
                    Some(other) => self.report(
                        Problem::error(
                            "same-site",
                            span,
                            format!(
                                "host `{}` cannot stand in for `{name}`: both belong to `{}`",
                                host.name, other.host.site
                            ),
                        )
                        .label("must name a host of the other site"),
                    ),
                    None => {
                        let others: Vec<String> = placed
                            .iter()
                            .filter(|other| other.host.site != host.site)
                            .map(|other| other.host.name.clone())
                            .collect();
                        self.undefined("no-such-host", "host", name, span, &others);
                    }
                }
            }
        }
        pairs
    }

    fn families_match(&mut self, placed: &[Placed], stand_in: &str, covered: &str) {
        let find = |name: &str| placed.iter().find(|placed| placed.host.name == name);
        let (Some(stand_in), Some(covered)) = (find(stand_in), find(covered)) else {
            return;
        };
        for (one, other) in [(stand_in, covered), (covered, stand_in)] {
            for (family, v4) in [("IPv4", true), ("IPv6", false)] {
                let has = |placed: &Placed| placed.host.public().any(|ip| ip.is_ipv4() == v4);
                if has(other) && !has(one) {
                    self.report(
                        Problem::warning(
                            "family-missing",
                            if one.fields.has("addresses") {
                                one.fields.span_of("addresses")
                            } else {
                                one.name_span.clone()
                            },
                            format!(
                                "host `{}` has no {family} address, but its partner `{}` has one",
                                one.host.name, other.host.name
                            ),
                        )
                        .label(format!("no {family} address"))
                        .hint(format!(
                            "{family} records that lead to `{}` have nowhere to go",
                            other.host.name
                        )),
                    );
                }
            }
        }
    }

    /// The values of a key that must name hosts.
    pub(super) fn host_list(&mut self, fields: &Fields, key: &str) -> Vec<String> {
        fields
            .texts(key)
            .iter()
            .filter(|name| self.host(name, fields.span_of(key), false))
            .cloned()
            .collect()
    }
}

/// Reads a socket address that was checked before; a port that was left out is `port`.
pub(super) fn sockets(fields: &Fields, key: &str, port: u16) -> Vec<SocketAddr> {
    fields
        .texts(key)
        .iter()
        .filter_map(|text| values::socket(text, port))
        .collect()
}

/// Host and port of `user@host:port`, which only a URL may have.
fn with_port(destination: &str) -> Option<(&str, &str)> {
    let (host, port) = destination.split_once(':')?;
    let is_number = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    (is_number && !host.is_empty()).then_some((host, port))
}
