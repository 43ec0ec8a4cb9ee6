//! Which hosts do the same work, and which addresses tell which of them is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::check::{Checker, list};
use super::hosts::Placed;
use crate::field::Fields;
use crate::problem::{Problem, did_you_mean};
use crate::site::Host;

impl Checker {
    /// Hosts of one role at both sites stand in for each other, where nobody says more.
    pub(super) fn roles_make_pairs(&mut self, placed: &mut [Placed]) {
        let named: BTreeSet<String> = (placed.iter())
            .flat_map(|placed| placed.host.stands_in_for.iter().cloned())
            .collect();
        let is_free = |host: &Host| host.stands_in_for.is_empty() && !named.contains(&host.name);
        let free: Vec<usize> = (0..placed.len())
            .filter(|i| is_free(&placed[*i].host))
            .collect();
        let mut paired = BTreeSet::new();
        let mut told = BTreeSet::new();
        for i in free {
            let host = &placed[i].host;
            let Some(role) = host.role.clone() else {
                continue;
            };
            let of = |here: bool| -> Vec<usize> {
                (0..placed.len())
                    .filter(|i| placed[*i].host.role.as_ref() == Some(&role))
                    .filter(|i| (placed[*i].host.site == host.site) == here)
                    .collect()
            };
            let (here, there) = (of(true), of(false));
            match (here.as_slice(), there.as_slice()) {
                (_, []) => self.nobody_has(&placed[i], &role),
                (_, [one]) if !paired.contains(&i) => {
                    paired.extend([i, *one]);
                    let name = host.name.clone();
                    placed[*one].host.stands_in_for.push(name);
                }
                ([_], several) if !paired.contains(&i) => {
                    paired.insert(i);
                    paired.extend(several);
                    let names = several.iter().map(|i| placed[*i].host.name.clone());
                    let names: Vec<String> = names.collect();
                    placed[i].host.stands_in_for = names;
                }
                ([_] | [], _) | (_, [_]) => {}
                (_, several) if told.insert(role.clone()) => {
                    let names = several.iter().map(|i| placed[*i].host.name.as_str());
                    let names: Vec<&str> = names.collect();
                    self.report(
                        Problem::error(
                            "role-of-several",
                            placed[i].fields.span_of("role"),
                            format!("several hosts of both sites have the role `{role}`"),
                        )
                        .label(format!("which of {} is meant?", list(&names)))
                        .hint("say so with `stands-in-for = [\"HOST\"]` at the hosts of one site"),
                    );
                }
                _ => {}
            }
        }
    }

    /// A host with addresses is told of by whoever looks after its names.
    fn nobody_has(&mut self, placed: &Placed, role: &str) {
        if placed.host.public().next().is_none() {
            self.report(
                Problem::warning(
                    "role-alone",
                    placed.fields.span_of("role"),
                    format!("no host of the other site has the role `{role}`"),
                )
                .label("who takes over its work?")
                .hint("give a host of the other site this role, or `stands-in-for`"),
            );
        }
    }

    /// The hosts that offer a service, by their role.
    pub(super) fn hosts_of_role(
        &mut self,
        fields: &Fields,
        hosts: &BTreeMap<String, Host>,
    ) -> Vec<String> {
        let role = fields.text("role").unwrap_or_default();
        if fields.has("hosts") {
            self.report(
                Problem::error(
                    "hosts-and-role",
                    fields.span_of("role"),
                    "a service is offered by `hosts` or by the hosts of a `role`, not by both",
                )
                .label("which of the two?"),
            );
        }
        let of_role = |host: &&Host| host.role.as_deref() == Some(role);
        let names: Vec<String> = (hosts.values().filter(of_role))
            .map(|host| host.name.clone())
            .collect();
        // Where hosts have errors of their own, their roles are not known.
        if names.is_empty() && fields.has("role") {
            let known: BTreeSet<&str> = (hosts.values())
                .filter_map(|host| host.role.as_deref())
                .collect();
            let hint = match did_you_mean(role, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => format!("give the hosts `role = \"{role}\"`"),
                None => format!("the roles are {}", list(&known.iter().collect::<Vec<_>>())),
            };
            self.report(
                Problem::error(
                    "no-such-role",
                    fields.span_of("role"),
                    format!("no host has the role `{role}`"),
                )
                .label("nobody would offer it")
                .hint(hint),
            );
        }
        names
    }

    /// From an address of a host it must be clear which host it leads to.
    pub(super) fn addresses_are_clear(&mut self, placed: &[Placed]) {
        let mut owners: BTreeMap<IpAddr, &Host> = BTreeMap::new();
        for Placed { host, fields, .. } in placed {
            for address in &host.addresses {
                let Some(owner) = owners.insert(*address, host) else {
                    continue;
                };
                let message = if owner.name == host.name {
                    format!("`{address}` is listed twice for host `{}`", host.name)
                } else {
                    format!(
                        "`{address}` belongs to host `{}` and to host `{}`",
                        owner.name, host.name
                    )
                };
                self.report(
                    Problem::error("ambiguous-address", fields.span_of("addresses"), message)
                        .label(format!("`{address}` again"))
                        .hint("each address must tell which host it leads to"),
                );
            }
        }
        for Placed { host, fields, .. } in placed {
            let mut seen = BTreeSet::new();
            for address in &host.proxy {
                let message = match owners.get(address) {
                    Some(owner) => format!(
                        "`{address}` is a proxy of host `{}` and an address of host `{}` itself",
                        host.name, owner.name
                    ),
                    None if !seen.insert(address) => {
                        format!(
                            "`{address}` is listed twice as a proxy of host `{}`",
                            host.name
                        )
                    }
                    None => continue,
                };
                self.report(
                    Problem::error("ambiguous-address", fields.span_of("proxy"), message)
                        .label(format!("`{address}` again"))
                        .hint("an address is a host's own, or that of a proxy before it"),
                );
            }
        }
    }

    /// Hosts of one site behind one proxy move together: from its address nobody can tell them apart.
    pub(super) fn proxies_are_clear(&mut self, placed: &[Placed], pairs: &BTreeSet<(&str, &str)>) {
        let partners = |host: &Host, v4: bool| -> BTreeSet<IpAddr> {
            let is_one = |other: &&Placed| {
                let (one, other) = (host.name.as_str(), other.host.name.as_str());
                pairs.contains(&(one, other)) || pairs.contains(&(other, one))
            };
            let addresses = placed.iter().filter(is_one).flat_map(|p| p.host.public());
            addresses.filter(|ip| ip.is_ipv4() == v4).collect()
        };
        for (i, one) in placed.iter().enumerate() {
            for address in &one.host.proxy {
                let of_both = placed
                    .iter()
                    .any(|p| p.host.site != one.host.site && p.host.proxy.contains(address));
                let other = placed[..i]
                    .iter()
                    .filter(|p| p.host.site == one.host.site && p.host.proxy.contains(address))
                    .find(|p| {
                        let v4 = address.is_ipv4();
                        partners(&p.host, v4) != partners(&one.host, v4)
                    });
                if let Some(other) = other.filter(|_| !of_both) {
                    self.report(
                        Problem::error(
                            "ambiguous-address",
                            one.fields.span_of("proxy"),
                            format!(
                                "`{address}` leads to host `{}` and to host `{}`, and other addresses \
                                 stand in for each",
                                other.host.name, one.host.name
                            ),
                        )
                        .label("where shall names go that lead here?")
                        .related(other.fields.span_of("proxy"), "the same proxy")
                        .hint("hosts behind one proxy need stand-ins behind one proxy"),
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
