//! The playbook of the lab, as it is written into its folder.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::ports::{Ports, Server};

/// The zone of the lab.
pub(super) const ZONE: &str = "demo.example";

/// The names of the shop.
pub(super) const SHOPS: [&str; 2] = ["shop.demo.example", "www.shop.demo.example"];

/// What the page of the shop holds.
pub(super) const SHOP_TEXT: &str = "The demo shop";

/// The name of the mirror, and a file of it.
pub(super) const MIRROR: &str = "mirror.demo.example";
pub(super) const MIRROR_FILE: &str = "/dists/stable/Release";

/// One of the two sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) site: &'static str,
    pub(super) host: &'static str,
    pub(super) server: Server,
    v4: Ipv4Addr,
    v6: Ipv6Addr,
}

pub(super) const DEDICATED: Place = Place {
    site: "dedicated",
    host: "primary",
    server: Server::Dedicated,
    v4: Ipv4Addr::new(192, 0, 2, 10),
    v6: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10),
};

pub(super) const CLOUD: Place = Place {
    site: "cloud",
    host: "standby",
    server: Server::Cloud,
    v4: Ipv4Addr::new(198, 51, 100, 20),
    v6: Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x20),
};

impl Place {
    /// Its addresses as the public sees them, IPv4 first, and where each of them is on this machine.
    pub(super) fn doors(&self, ports: &Ports) -> Vec<(IpAddr, SocketAddr)> {
        let public = [IpAddr::V4(self.v4), IpAddr::V6(self.v6)];
        public.into_iter().zip(ports.of(self.server)).collect()
    }

    pub(super) fn addresses(&self, ports: &Ports) -> Vec<IpAddr> {
        self.doors(ports).into_iter().map(|(ip, _)| ip).collect()
    }
}

/// What the text depends on.
pub(super) struct Scene<'a> {
    /// The folder of the lab, as a text without a slash at its end.
    pub(super) folder: &'a str,
    pub(super) ports: Ports,
    /// Whether this machine has dpkg, so that packages can be compared.
    pub(super) dpkg: bool,
}

impl Scene<'_> {
    /// A path below the folder, as TOML.
    fn path(&self, below: &str) -> String {
        quoted(&format!("{}/{below}", self.folder))
    }

    fn host(&self, place: &Place) -> String {
        let doors = place.doors(&self.ports);
        let addresses: Vec<String> = doors.iter().map(|(ip, _)| format!("\"{ip}\"")).collect();
        let reach: Vec<String> = (doors.iter())
            .map(|(ip, at)| format!("\"{}\" = \"{at}\"", SocketAddr::new(*ip, 80)))
            .collect();
        format!(
            "[hosts.{}]\nsite = \"{}\"\nlocal = true\naddresses = [{}]\naccess-log = [{}]\nreach = {{ {} }}\n",
            place.host,
            place.site,
            addresses.join(", "),
            self.path(&format!("{}/access.log", place.site)),
            reach.join(", "),
        )
    }

    fn sockets(&self, servers: &[Server]) -> String {
        let at = servers.iter().flat_map(|server| self.ports.of(*server));
        let at: Vec<String> = at.map(|at| format!("\"{at}\"")).collect();
        at.join(", ")
    }

    fn packages(&self) -> String {
        if !self.dpkg {
            return "# Packages are left out: this machine has no dpkg-query to compare them with.\n"
                .into();
        }
        let roots: Vec<String> = [DEDICATED, CLOUD]
            .iter()
            .map(|place| format!("{} = {}", place.host, self.path(place.site)))
            .collect();
        format!(
            r#"# Does it have the same software? Missing fails, another version warns, extra informs. Without `roots`
# the packages of the machines themselves are compared; here each site has a small database of its own.
[[step]]
id = "packages"
kind = "packages"
roots = {{ {} }}
"#,
            roots.join(", ")
        )
    }

    /// The whole playbook.
    pub(super) fn text(&self) -> String {
        let first = |server| self.ports.of(server).first().map(ToString::to_string);
        let (provider, cache) = (first(Server::Provider), first(Server::Cache));
        format!(
            r#"# The playbook of `cutover demo`: two sites on this machine, and names that move between them.
#
# Change what you like and run it again:
#
#   cutover demo --in {folder}
#
# The public addresses are from the ranges for documentation. `reach` says where on this machine each of
# them is, which a playbook for real machines does not need.

[playbook]
name = "demo"                      # typed by a person before the first change of a failover
summary = "Move the demo shop and its mirror between two sites on this machine"
rto = "30s"                        # promised: from the decision to the verified end
rpo = "6h"                         # promised: the age of the data that is served then
hold = "3s"                        # how long a drill stays on the other side
allow = [{{ rule = "no-compare-and-swap", reason = "nobody else writes to this lab" }}]

# The two sites, with one host each. A real host has `ssh = "ops@host"` instead of `local`.

{primary}
{standby}
# DNS. A playbook says where a secret is, never what it is.

[providers.lab]
kind = "powerdns"                  # the demo's own server speaks the same HTTP API
url = "http://{provider}"
api-key = {{ file = {key} }}

[zones."{ZONE}"]
provider = "lab"
servers = [{servers}]
resolvers = ["{resolvers}"]

# What users use. Every probe is made at every address, over IPv4 and IPv6.

[services.shop]
names = ["{shop}", "{www}"]
probes = [{{ http = "/", tls = false, contains = "{SHOP_TEXT}", slower-than = "2s" }}]

[services.mirror]
names = ["{MIRROR}"]
probes = [{{ http = "{MIRROR_FILE}", tls = false, contains = "Suite: stable" }}]

# The steps, from top to bottom. What stands above `flip` must be well before anything is changed; what
# stands below shows that the change arrived. A drill then comes back by the same list.

# Is the target up to date? rsync says what differs, the stamps say how far behind it is.
[[step]]
id = "mirror"
kind = "mirror"
paths = {{ {mirrors} }}
max-lag = "6h"

# Does it work? Every probe of every service, at every address of the target.
[[step]]
id = "works"
kind = "services"
at = "target"

{packages}
# The change: each record of these names that leads to the source will lead to the target.
[[step]]
id = "flip"
kind = "dns"
services = "all"
ttl = "1s"
within = "10s"

# Every name server, at every address, over UDP and TCP; then the caches.
[[step]]
id = "published"
kind = "propagation"
floor = "2s"
every = "500ms"
within = "10s"

# As users reach it, by name.
[[step]]
id = "public"
kind = "services"
at = "public"
every = "500ms"
within = "10s"

# Did everybody move? Requests arrive in the log of the target and drain from that of the source.
[[step]]
id = "traffic"
kind = "traffic"
interval = "1s"                    # counts for so long; for a real site longer
at-least = "80%"                   # of the rate that the source had before the flip
every = "500ms"
timeout = "7s"
within = "15s"
"#,
            folder = self.folder,
            primary = self.host(&DEDICATED),
            standby = self.host(&CLOUD),
            provider = provider.unwrap_or_default(),
            key = self.path("api.key"),
            servers = self.sockets(&[Server::Primary, Server::Secondary]),
            resolvers = cache.unwrap_or_default(),
            shop = SHOPS[0],
            www = SHOPS[1],
            mirrors = [DEDICATED, CLOUD]
                .map(|place| format!(
                    "{} = {}",
                    place.host,
                    self.path(&format!("{}/mirror", place.site))
                ))
                .join(", "),
            packages = self.packages(),
        )
    }
}

/// A text as TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::Playbook;

    fn scene(ipv6: bool, dpkg: bool) -> Scene<'static> {
        Scene {
            folder: "/tmp/cutover-demo",
            ports: Ports::beginning(20_000, ipv6),
            dpkg,
        }
    }

    #[test]
    fn the_playbook_that_stands_beside_the_others_is_the_one_that_the_demo_writes() {
        let shown = include_str!("../../playbooks/demo.toml");
        // The folder of a demo holds no schema.
        let shown = shown.strip_prefix("#:schema cutover.schema.json\n");
        let written = scene(true, true).text();
        assert_eq!(shown, Some(&*written), "playbooks/demo.toml is old");
    }

    #[test]
    fn every_machine_gets_a_valid_playbook() {
        for (ipv6, dpkg) in [(true, true), (true, false), (false, true), (false, false)] {
            let text = scene(ipv6, dpkg).text();
            let book = Playbook::parse(&text, "playbook.toml", &[]);
            let book = book.unwrap_or_else(|problems| panic!("{problems}"));
            assert!(book.warnings().is_empty(), "{}", book.warnings());
            assert_eq!(book.step("packages").is_some(), dpkg);
            let host = &book.hosts()["standby"];
            assert_eq!(host.addresses.len(), if ipv6 { 2 } else { 1 });
        }
    }
}
