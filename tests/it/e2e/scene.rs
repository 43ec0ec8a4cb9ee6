//! A small site at two places, with everything that a playbook of it needs: web servers, name servers, a
//! cache, ssh, a mirror, users who make requests.

mod commands;
mod contents;
mod playbook;
mod users;
mod zone;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::lab::dns::{Bind, Knot, Nsd, PowerDns, Tsig, Unbound, serial};
use crate::lab::ssh::{SshLab, Sshd};
use crate::lab::web::Nginx;
use crate::lab::{READY, beginning, free_port, have, wait_until};
use contents::{NO_LISTS, mirror_into};
use users::Users;
use zone::zone_text;

pub use contents::packages;

pub const ZONE: &str = "site.example";
pub const WWW: &str = "www.site.example";
pub const ARCHIVE: &str = "archive.site.example";

/// Where the public believes the two sites to be.
pub const OLD: [&str; 2] = ["192.0.2.10", "2001:db8::10"];
pub const NEW: [&str; 2] = ["198.51.100.20", "2001:db8:1::20"];

/// A step that looks often. What it waits for takes moments, and on a busy machine longer.
const PATIENT: &str = "within = \"90s\"\nevery = \"200ms\"\ntimeout = \"30s\"\n";

/// How long an interval of the step `traffic` is.
const INTERVAL: Duration = Duration::from_secs(1);

/// What is asked of a scene.
#[derive(Clone, Debug)]
pub struct Plot {
    pub servers: Servers,
    /// Hosts behind ssh, with a mirror and packages, instead of hosts that are this machine.
    pub far: bool,
    /// Users make requests, and their traffic is watched.
    pub users: bool,
    /// A cache is watched.
    pub cache: bool,
    /// No IPv4 anywhere.
    pub only_v6: bool,
    /// How long a drill stays.
    pub hold: &'static str,
    /// More steps, put behind the flip.
    pub more: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Servers {
    Bind,
    Knot,
    PowerDns,
}

impl Plot {
    /// The least that is of use: look, flip, look.
    pub fn small() -> Plot {
        Plot {
            servers: Servers::Bind,
            far: false,
            users: false,
            cache: false,
            only_v6: false,
            hold: "100ms",
            more: String::new(),
        }
    }

    /// All of it.
    pub fn full() -> Plot {
        Plot {
            far: true,
            users: true,
            cache: true,
            ..Plot::small()
        }
    }

    /// A drill of it stays on the other side until something happens to it.
    pub fn staying() -> Plot {
        Plot {
            hold: "10m",
            ..Plot::small()
        }
    }

    /// The scene of it, where all its programs are installed.
    pub fn scene(self) -> Option<Scene> {
        self.scene_with(&[])
    }

    /// The same, where these programs are installed too.
    pub fn scene_with(self, more: &[&str]) -> Option<Scene> {
        have(&[&self.programs(), more].concat()).then(|| Scene::new(self))
    }

    fn programs(&self) -> Vec<&'static str> {
        let mut list = match self.servers {
            Servers::Bind => vec!["nginx", "named"],
            Servers::Knot => vec!["nginx", "knotd"],
            Servers::PowerDns => vec!["nginx", "pdns_server", "nsd"],
        };
        if self.far {
            list.extend(["sshd", "ssh", "rsync", "dpkg"]);
        }
        if self.users {
            list.push("awk");
        }
        if self.cache {
            list.push("unbound");
        }
        list
    }
}

/// One of the two places.
pub struct Place {
    pub name: &'static str,
    pub addresses: Vec<&'static str>,
    pub web: Option<Nginx>,
    pub sshd: Option<Sshd>,
    pub tree: PathBuf,
    http: u16,
}

/// The name servers of the zone.
#[expect(clippy::enum_variant_names, reason = "PowerDNS is called so")]
pub enum Dns {
    Bind(Bind, Bind),
    Knot(Knot),
    PowerDns(PowerDns, Nsd),
}

pub struct Scene {
    users: Option<Users>,
    pub old: Place,
    pub new: Place,
    pub dns: Dns,
    pub key: Tsig,
    cache: Option<Unbound>,
    ssh: Option<SshLab>,
    plot: Plot,
    /// Where the provider is told to be; a relay may stand in between.
    pub provider_at: SocketAddr,
    pub folder: TempDir,
}

impl Scene {
    fn new(plot: Plot) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        for part in ["home", "state"] {
            std::fs::create_dir(folder.path().join(part)).unwrap();
        }
        let key = Tsig::new("planted-tsig");
        let text = zone_text(plot.only_v6);
        let zones = [(ZONE, text.as_str())];
        let dns = match plot.servers {
            Servers::Bind => {
                let (primary, secondary) = Bind::pair(&zones, &key);
                Dns::Bind(primary, secondary)
            }
            Servers::Knot => Dns::Knot(Knot::primary(&zones, &key)),
            Servers::PowerDns => {
                let port = free_port();
                let primary = PowerDns::telling(&zones, &key, Some(port));
                let secondary = Nsd::secondary(port, &[ZONE], primary.v4, &key);
                Dns::PowerDns(primary, secondary)
            }
        };
        let provider_at = match &dns {
            Dns::Bind(primary, _) => primary.v6,
            Dns::Knot(primary) => primary.v6,
            Dns::PowerDns(primary, _) => primary.api,
        };
        let ssh = plot.far.then(SshLab::new);
        // The mirrors hold the same, to the second.
        let written = beginning() - Duration::from_secs(600);
        let place = |name, addresses: [&'static str; 2]| {
            let web = Nginx::start(&[(WWW, None), (ARCHIVE, None)]);
            let tree = folder.path().join(format!("tree-{name}"));
            let sshd = ssh.as_ref().map(|ssh| ssh.host(name));
            if let Some(sshd) = &sshd {
                sshd.replace_program("dpkg-query", &packages(&["nginx 1.26-1", "rsync 3.4-1"]));
                // What this machine's own dpkg has unpacked is none of the scene's.
                sshd.replace_program("ls", NO_LISTS);
            }
            mirror_into(&tree, written);
            Place {
                name,
                addresses: addresses[usize::from(plot.only_v6)..].to_vec(),
                http: web.http,
                web: Some(web),
                sshd,
                tree,
            }
        };
        let (old, new) = (place("old", OLD), place("new", NEW));
        let mut scene = Scene {
            cache: None,
            users: None,
            old,
            new,
            dns,
            key,
            ssh,
            plot,
            provider_at,
            folder,
        };
        let secondary = scene.secondary();
        wait_until("the secondary has the zone", READY, || {
            serial(secondary, ZONE)
        });
        if scene.plot.cache {
            scene.cache = Some(Unbound::cache(ZONE, secondary, ""));
        }
        if scene.plot.users {
            scene.users = Some(Users::start(&scene));
            // Their rate before the change is seen in two intervals that are over: they have been here for longer.
            let log = scene.old.web.as_ref().unwrap().access_log();
            wait_until("the users came", READY, || {
                std::fs::metadata(&log).ok()?.len().checked_sub(1)
            });
            std::thread::sleep(4 * INTERVAL);
        }
        scene
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // The users end before the servers that they ask.
        self.users.take();
    }
}
