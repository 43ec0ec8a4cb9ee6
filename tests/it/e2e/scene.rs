//! A small site at two places, with everything that a playbook of it needs: web servers, name servers, a
//! cache, ssh, a mirror, users who make requests.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hickory_resolver::proto::rr::RecordType;
use tempfile::TempDir;

use super::program::{Done, Running};
use crate::lab::dns::{Bind, Knot, Nsd, PowerDns, Tsig, Unbound, answers, serial};
use crate::lab::ssh::{SshLab, Sshd};
use crate::lab::web::Nginx;
use crate::lab::{READY, V4, V6, free_port, wait_until};

pub const ZONE: &str = "site.example";
pub const WWW: &str = "www.site.example";
pub const ARCHIVE: &str = "archive.site.example";

/// Where the public believes the two sites to be.
pub const OLD: [&str; 2] = ["192.0.2.10", "2001:db8::10"];
pub const NEW: [&str; 2] = ["198.51.100.20", "2001:db8:1::20"];

/// A step that looks often and gives up soon.
pub const QUICK: &str = "within = \"30s\"\nevery = \"200ms\"\ntimeout = \"8s\"\n";

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

    pub fn programs(&self) -> Vec<&'static str> {
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
    pub fn new(plot: Plot) -> Scene {
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
        let place = |name, addresses: [&'static str; 2]| {
            let web = Nginx::start(&[(WWW, None), (ARCHIVE, None)]);
            let tree = folder.path().join(format!("tree-{name}"));
            let sshd = ssh.as_ref().map(|ssh| ssh.host(name));
            if let Some(sshd) = &sshd {
                sshd.replace_program("dpkg-query", &packages(&["nginx 1.26-1", "rsync 3.4-1"]));
            }
            mirror_into(&tree);
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
        }
        scene
    }

    pub fn primary(&self) -> SocketAddr {
        match &self.dns {
            Dns::Bind(primary, _) => primary.v4,
            Dns::Knot(primary) => primary.v4,
            Dns::PowerDns(primary, _) => primary.v4,
        }
    }

    fn secondary(&self) -> SocketAddr {
        match &self.dns {
            Dns::Bind(_, secondary) => secondary.v4,
            Dns::Knot(primary) => primary.v4,
            Dns::PowerDns(_, secondary) => secondary.v4,
        }
    }

    /// Every authoritative server, at both families.
    fn servers(&self) -> Vec<SocketAddr> {
        let all = match &self.dns {
            Dns::Bind(one, two) => vec![one.v4, one.v6, two.v4, two.v6],
            Dns::Knot(one) => vec![one.v4, one.v6],
            Dns::PowerDns(one, two) => vec![one.v4, one.v6, two.v4, two.v6],
        };
        let six = |at: &SocketAddr| !self.plot.only_v6 || at.is_ipv6();
        all.into_iter().filter(six).collect()
    }

    /// What the zone holds at its primary, with TTLs.
    pub fn zone(&self) -> BTreeMap<String, Vec<String>> {
        let names = [WWW, ARCHIVE, "mail.site.example"];
        let asked = names
            .iter()
            .flat_map(|name| [RecordType::A, RecordType::AAAA].map(|rtype| (name, rtype)));
        asked
            .map(|(name, rtype)| {
                let key = format!("{name} {rtype}");
                (key, answers(self.primary(), name, rtype))
            })
            .collect()
    }

    pub fn serial(&self) -> u32 {
        serial(self.primary(), ZONE).expect("the primary has the zone")
    }

    /// Whether a name leads to this place, over the family that the scene has.
    pub fn leads_to(&self, place: &Place) -> bool {
        let zone = self.zone();
        place.addresses.iter().all(|address| {
            let family = match address.contains(':') {
                true => "AAAA",
                false => "A",
            };
            let lines = &zone[&format!("{WWW} {family}")];
            lines.len() == 1 && lines[0].ends_with(&format!(" {address}"))
        })
    }

    pub fn wait_for_flip_to(&self, place: &Place) {
        wait_until(&format!("the names lead to {}", place.name), READY, || {
            self.leads_to(place).then_some(())
        });
    }

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
                 ssh-options = [\"-F\", {:?}]\nmax-lag = \"1h\"\ntimeout = \"20s\"\n",
                self.old.tree,
                self.new.tree,
                ssh.config()
            )
            .unwrap();
        }
        text +=
            "[[step]]\nid = \"works\"\nkind = \"services\"\nat = \"target\"\ntimeout = \"5s\"\n";
        if self.plot.far {
            text += "[[step]]\nid = \"packages\"\nkind = \"packages\"\ntimeout = \"15s\"\n";
        }
        text += "[[step]]\nid = \"flip\"\nkind = \"dns\"\nservices = \"all\"\nttl = \"1s\"\ntimeout = \"4s\"\n";
        text += &self.plot.more;
        write!(
            text,
            "[[step]]\nid = \"published\"\nkind = \"propagation\"\nfloor = \"1s\"\n{QUICK}\
             [[step]]\nid = \"public\"\nkind = \"services\"\nat = \"public\"\n\
             within = \"6s\"\nevery = \"200ms\"\ntimeout = \"4s\"\n"
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

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// What no output may show.
    pub fn secrets(&self) -> Vec<String> {
        let mut list = vec![self.key.secret.clone()];
        if let Dns::PowerDns(primary, _) = &self.dns {
            list.push(primary.api_key.clone());
        }
        list
    }

    /// The program with these arguments, in a clean environment; `PLAYBOOK` stands for the scene's own.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut command = super::program::cutover();
        command.args(self.arguments(arguments));
        self.start_in_place(command)
    }

    /// The same on a terminal, with more in its environment.
    pub fn start_on_terminal(&self, arguments: &[&str], more: &[(&str, &str)]) -> Running {
        let mut command = super::program::on_terminal(&self.arguments(arguments));
        command.envs(more.iter().copied());
        self.start_in_place(command)
    }

    fn arguments<'a>(&self, arguments: &[&'a str]) -> Vec<&'a str> {
        if !self.folder.path().join("site.toml").exists() {
            self.playbook();
        }
        let word = |argument: &&'a str| match *argument {
            "PLAYBOOK" => "site.toml",
            other => other,
        };
        arguments.iter().map(word).collect()
    }

    fn start_in_place(&self, mut command: Command) -> Running {
        command
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path().join("home"))
            .env("CUTOVER_STATE", self.state())
            .env("USER", "ops")
            .env("TSIG_SECRET", &self.key.secret);
        if let Dns::PowerDns(primary, _) = &self.dns {
            command.env("PDNS_API_KEY", &primary.api_key);
        }
        Running::start(command, self.folder.path(), self.secrets())
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Done {
        self.start(arguments).end()
    }

    /// Somebody else changes the A (or, without IPv4, AAAA) record of www, past the program.
    pub fn somebody_else_writes(&self, address: &str) {
        let rtype = if address.contains(':') { "AAAA" } else { "A" };
        self.update_zone(&format!(
            "update delete {WWW} {rtype}\nupdate add {WWW} 300 {rtype} {address}\n"
        ));
    }

    /// Somebody else changes the zone, past the program.
    pub fn update_zone(&self, updates: &str) {
        let at = self.primary();
        let script = format!(
            "server {} {}\nzone {ZONE}\n{updates}send\n",
            at.ip(),
            at.port()
        );
        let key = self.folder.path().join("somebody.key");
        let text = format!(
            "key \"{}\" {{ algorithm hmac-sha256; secret \"{}\"; }};\n",
            self.key.name, self.key.secret
        );
        std::fs::write(&key, text).unwrap();
        let file = self.folder.path().join("somebody.update");
        std::fs::write(&file, script).unwrap();
        let done = Command::new(crate::lab::program("nsupdate"))
            .arg("-k")
            .args([&key, &file])
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    /// Somebody types this at a shell, with the secrets in the environment.
    pub fn types(&self, commands: &str) {
        self.types_and_says(commands);
    }

    /// The same, and what it printed.
    pub fn types_and_says(&self, commands: &str) -> String {
        let mut shell = super::program::clean("sh");
        shell.args(["-e", "-c", commands]);
        self.start_in_place(shell).end().exits(0).out
    }

    /// The newest run of this scene, as `cutover runs` names it.
    pub fn newest_run(&self) -> serde_json::Value {
        let runs = self.run(&["runs", "--format", "json", "-n", "1"]).exits(0);
        serde_json::from_str(runs.out.lines().next().expect("there is a run")).unwrap()
    }

    /// How many lines of updates the primary has logged.
    pub fn updates(&self) -> usize {
        match &self.dns {
            Dns::Bind(primary, _) => primary.guard.said().matches(": updating zone").count(),
            _ => panic!("only BIND's log is read"),
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // The users end before the servers that they ask.
        self.users.take();
    }
}

fn zone_text(only_v6: bool) -> String {
    let mut text = "$ORIGIN site.example.\n$TTL 300\n\
         @ IN SOA ns.site.example. hostmaster.site.example. 1 3600 600 86400 1\n\
         @ IN NS ns.site.example.\nns IN AAAA ::1\nmail IN AAAA 2001:db8:9::25\n"
        .to_owned();
    for name in ["www", "archive"] {
        if !only_v6 {
            writeln!(text, "{name} 2 IN A {}", OLD[0]).unwrap();
        }
        writeln!(text, "{name} 2 IN AAAA {}", OLD[1]).unwrap();
    }
    text
}

/// A `dpkg-query` that knows these packages.
pub fn packages(list: &[&str]) -> String {
    let mut script = "#!/bin/sh\n".to_owned();
    for package in list {
        let (name, version) = package.split_once(' ').unwrap();
        writeln!(
            script,
            "printf 'ii \\t{name}\\tamd64\\t{version}\\t{name}\\t{version}\\tno\\n'"
        )
        .unwrap();
    }
    script
}

fn mirror_into(tree: &std::path::Path) {
    let time = std::time::SystemTime::now() - Duration::from_secs(600);
    for (name, text) in [
        ("dists/stable/Release", "Suite: stable\n"),
        ("pool/main/z", "content\n"),
        ("lastsync", "the day\n"),
    ] {
        let path = tree.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        let seconds = time
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let whole = std::time::UNIX_EPOCH + Duration::from_secs(seconds / 1000 * 1000);
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(whole).unwrap();
    }
}

/// People who look the name up and make requests where it leads, at a steady pace.
struct Users {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How often they look the name up, and how many requests they make then.
const BEAT: Duration = Duration::from_millis(100);
const REQUESTS: usize = 4;

impl Users {
    fn start(scene: &Scene) -> Users {
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let at = scene.primary();
        let ways: BTreeMap<String, SocketAddr> = [&scene.old, &scene.new]
            .into_iter()
            .map(|place| {
                let address = place.addresses[0];
                let here = if address.contains(':') { V6 } else { V4 };
                (address.to_owned(), SocketAddr::new(here, place.http))
            })
            .collect();
        let six = scene.plot.only_v6;
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::SeqCst) {
                let rtype = if six { RecordType::AAAA } else { RecordType::A };
                for line in answers(at, WWW, rtype) {
                    if let Some(to) = line.split(' ').nth(1).and_then(|ip| ways.get(ip)) {
                        (0..REQUESTS).for_each(|_| request(*to));
                    }
                }
                std::thread::sleep(BEAT);
            }
        });
        Users {
            over,
            thread: Some(thread),
        }
    }
}

fn request(to: SocketAddr) {
    let Ok(mut stream) = TcpStream::connect_timeout(&to, Duration::from_millis(500)) else {
        return;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let asked = write!(
        stream,
        "GET / HTTP/1.1\r\nHost: {WWW}\r\nUser-Agent: Mozilla/5.0\r\nConnection: close\r\n\r\n"
    );
    let mut answer = Vec::new();
    let _ = asked.and_then(|()| stream.read_to_end(&mut answer));
}

impl Drop for Users {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
