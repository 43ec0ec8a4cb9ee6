//! The playbook of a scene.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::{ARCHIVE, Dns, PATIENT, Place, Scene, WWW, ZONE};
use crate::lab::{V4, V6};

impl Scene {
    /// The playbook of this scene.
    pub fn text(&self) -> String {
        let mut text = format!(
            "[playbook]\nname = \"site\"\nsummary = \"Move the site\"\nrto = \"5m\"\nrpo = \"1h\"\n\
             hold = \"{}\"\n",
            self.plot.hold
        );
        for place in [&self.old, &self.new] {
            text += &self.host(place);
        }
        text += &self.provider();
        let resolvers = match &self.cache {
            Some(cache) if self.plot.only_v6 => format!("\"{}\"", cache.v6),
            Some(cache) => format!("\"{}\"", cache.v4),
            // No cache is watched: an authoritative server tells the same.
            None => format!("\"{}\"", self.servers()[0]),
        };
        let servers: Vec<String> = self.servers().iter().map(ToString::to_string).collect();
        write!(
            text,
            "[zones.\"{ZONE}\"]\nprovider = \"dyn\"\nservers = {servers:?}\nresolvers = [{resolvers}]\n\
             [services.website]\nnames = [\"{WWW}\"]\n\
             probes = [{{ http = \"/\", tls = false, contains = \"{WWW}\" }}]\n\
             [services.archive]\nnames = [\"{ARCHIVE}\"]\n\
             probes = [{{ http = \"/\", tls = false, status = 200 }}]\n"
        )
        .unwrap();
        if let Some(ssh) = &self.ssh {
            write!(
                text,
                "[[step]]\nid = \"mirror\"\nkind = \"mirror\"\n\
                 paths = {{ old = {:?}, new = {:?} }}\nfrom = {{ old = \"old\", new = \"new\" }}\n\
                 ssh-options = [\"-F\", {:?}]\nmax-lag = \"1h\"\ntimeout = \"60s\"\n",
                self.old.tree,
                self.new.tree,
                ssh.config()
            )
            .unwrap();
        }
        text +=
            "[[step]]\nid = \"works\"\nkind = \"services\"\nat = \"target\"\ntimeout = \"30s\"\n";
        if self.plot.far {
            text += "[[step]]\nid = \"packages\"\nkind = \"packages\"\ntimeout = \"60s\"\n";
        }
        text += "[[step]]\nid = \"flip\"\nkind = \"dns\"\nservices = \"all\"\nttl = \"1s\"\ntimeout = \"20s\"\n";
        text += &self.plot.more;
        write!(
            text,
            "[[step]]\nid = \"published\"\nkind = \"propagation\"\nfloor = \"1s\"\n{PATIENT}\
             [[step]]\nid = \"public\"\nkind = \"services\"\nat = \"public\"\n{PATIENT}"
        )
        .unwrap();
        if self.plot.users {
            text += "[[step]]\nid = \"traffic\"\nkind = \"traffic\"\ninterval = \"1s\"\nat-least = \"50%\"\n";
            text += "within = \"40s\"\nevery = \"200ms\"\ntimeout = \"8s\"\n";
        }
        text
    }

    fn host(&self, place: &Place) -> String {
        let name = place.name;
        let mut text = format!("[hosts.{name}]\naddresses = {:?}\n", place.addresses);
        match &self.ssh {
            Some(ssh) => writeln!(text, "ssh = \"{name}\"\nssh-config = {:?}", ssh.config()),
            None => writeln!(text, "local = true"),
        }
        .unwrap();
        if let Some(web) = place.web.as_ref().filter(|_| self.plot.users) {
            writeln!(text, "access-log = [{:?}]", web.access_log()).unwrap();
        }
        let reach: Vec<String> = place
            .addresses
            .iter()
            .map(|address| {
                let ip: IpAddr = address.parse().unwrap();
                let here = if ip.is_ipv6() { V6 } else { V4 };
                let (public, here) = (SocketAddr::new(ip, 80), SocketAddr::new(here, place.http));
                format!("\"{public}\" = \"{here}\"")
            })
            .collect();
        writeln!(text, "reach = {{ {} }}", reach.join(", ")).unwrap();
        text
    }

    fn provider(&self) -> String {
        let at = self.provider_at;
        match &self.dns {
            Dns::PowerDns(..) => format!(
                "[providers.dyn]\nkind = \"powerdns\"\nurl = \"http://{at}\"\napi-key = {{ env = \"PDNS_API_KEY\" }}\n"
            ),
            Dns::Bind(..) | Dns::Knot(..) => format!(
                "[providers.dyn]\nkind = \"rfc2136\"\nserver = \"{at}\"\n\
                 key = {{ name = \"{}\", secret = {{ env = \"TSIG_SECRET\" }} }}\n",
                self.key.name
            ),
        }
    }

    /// Writes the playbook of this scene, and tells where it is.
    pub fn playbook(&self) -> PathBuf {
        self.write_playbook(&self.text())
    }

    pub fn write_playbook(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("site.toml");
        std::fs::write(&path, text).unwrap();
        path
    }
}
