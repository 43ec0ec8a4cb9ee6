//! The lab: everything that a failover needs, in this process and in one folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hickory_server::Server as DnsServer;
use hickory_server::zone_handler::Catalog;
use tokio::task::JoinSet;

use super::cache::Cache;
use super::folder::{Folder, is_installed, now};
use super::playbook::{CLOUD, DEDICATED, MIRROR, Place, SHOPS, Scene, ZONE};
use super::ports::{AllSockets, Ports, Server};
use super::provider::Api;
use super::users::Users;
use super::web::{Log, Web};
use super::zone::Zone;
use super::{Break, DemoError, Options, http};
use crate::dns::{RecordKey, RecordSet, RecordType};

/// The TTL that the names begin with.
const TTL: u32 = 2;

/// A running lab. Its servers end when it is dropped; its folder stays.
pub struct Lab {
    folder: PathBuf,
    playbook: PathBuf,
    notes: Vec<String>,
    breaks: Option<Break>,
    ports: Ports,
    _name_servers: [DnsServer<Catalog>; 2],
    _cache: DnsServer<Cache>,
    _tasks: JoinSet<()>,
}

impl Lab {
    /// Where it lives.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The playbook, which may be edited.
    pub fn playbook(&self) -> &Path {
        &self.playbook
    }

    /// Where the journals of its runs belong, apart from those of real runs.
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// What is other than usual here: lowercase sentences without a full stop.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What was broken on purpose.
    pub fn breaks(&self) -> Option<Break> {
        self.breaks
    }

    /// What runs where, a line each.
    pub fn servers(&self) -> Vec<String> {
        let at = |server| {
            let at = self.ports.of(server).into_iter();
            at.map(|at| at.to_string())
                .collect::<Vec<_>>()
                .join(" and ")
        };
        [
            ("name server", Server::Primary),
            ("second name server", Server::Secondary),
            ("caching resolver", Server::Cache),
            ("provider", Server::Provider),
            ("site dedicated", Server::Dedicated),
            ("site cloud", Server::Cloud),
        ]
        .map(|(what, server)| format!("{what} at {}", at(server)))
        .to_vec()
    }
}

/// Starts a lab: a new one, or the one that an earlier demo left in the folder.
pub async fn start(options: &Options) -> Result<Lab, DemoError> {
    let dpkg = is_installed("dpkg-query");
    needed("rsync", "apt install rsync")?;
    if options.breaks == Some(Break::Packages) {
        needed("dpkg-query", "break something else on this machine")?;
    }
    let folder = Folder::open(options.folder.as_deref())?;
    let (ports, mut sockets) = match folder.ports()? {
        Some(ports) => (ports, ports.open().await?),
        None => Ports::find(&folder.text).await?,
    };
    folder.keep_ports(&ports)?;
    let key = folder.key()?;
    let zone = Zone::open(ZONE, &folder.file("zone.json"), first_records(&ports)).await?;
    let zone = Arc::new(zone);
    let target = match zone.leads_to(&CLOUD.addresses(&ports)).await {
        true => DEDICATED,
        false => CLOUD,
    };
    let now = now();
    let mut tasks = JoinSet::new();
    for place in [DEDICATED, CLOUD] {
        let flaw = options.breaks.filter(|_| place == target);
        folder.write_site(&place, flaw, &now)?;
        let web = web(&folder, &place, &ports, &zone, flaw)?;
        serve(&mut tasks, &mut sockets, place.server, move |asked| {
            web.clone().answer(asked)
        });
    }
    let api = Api {
        zone: Arc::clone(&zone),
        name: ZONE.to_owned(),
        key,
    };
    serve(&mut tasks, &mut sockets, Server::Provider, move |asked| {
        api.clone().answer(asked)
    });
    let name_servers = zone.serve(
        sockets.take(Server::Primary),
        sockets.take(Server::Secondary),
    );
    if options.breaks != Some(Break::Dns) {
        tasks.spawn(Arc::clone(&zone).follow());
    }
    let mut servers = ports.of(Server::Primary);
    servers.extend(ports.of(Server::Secondary));
    let cache = Cache::new(ZONE, servers).serve(sockets.take(Server::Cache));
    let doors = [DEDICATED, CLOUD]
        .iter()
        .flat_map(|place| place.doors(&ports))
        .collect::<BTreeMap<_, _>>();
    if let Some(resolver) = ports.of(Server::Cache).first() {
        let users = Users {
            resolver: *resolver,
            doors,
            never_ask_again: options.breaks == Some(Break::Traffic),
        };
        tasks.spawn(users.come_and_go());
    }
    // What is compared with the rate before the change is a rate: the users have been here for two intervals that are
    // over, by then.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let scene = Scene {
        folder: &folder.text,
        ports,
        dpkg,
    };
    let playbook = folder.playbook(&scene.text())?;
    let mut notes = Vec::new();
    if !ports.ipv6 {
        notes.push("this machine has no IPv6 on its loopback, so the demo has IPv4 only".into());
    }
    if !dpkg {
        notes.push("this machine has no dpkg-query, so packages are not compared".into());
    }
    Ok(Lab {
        folder: folder.path,
        playbook,
        notes,
        breaks: options.breaks,
        ports,
        _name_servers: name_servers,
        _cache: cache,
        _tasks: tasks,
    })
}

fn needed(program: &'static str, mend: &'static str) -> Result<(), DemoError> {
    match is_installed(program) {
        true => Ok(()),
        false => Err(DemoError::NoProgram { program, mend }),
    }
}

fn web(
    folder: &Folder,
    place: &Place,
    ports: &Ports,
    zone: &Arc<Zone>,
    flaw: Option<Break>,
) -> Result<Web, DemoError> {
    let root = folder.site(place);
    let fails = flaw == Some(Break::Http);
    Ok(Web {
        site: place.site.to_owned(),
        mirror: root.join("mirror"),
        log: Arc::new(Log::begin(root.join("access.log"))?),
        fails_under_load: fails.then(|| (Arc::clone(zone), place.addresses(ports))),
    })
}

/// Serves HTTP at every address of a server, until the tasks are dropped.
fn serve<F, R>(tasks: &mut JoinSet<()>, sockets: &mut AllSockets, server: Server, answer: F)
where
    F: Fn(http::Asked) -> R + Clone + Send + 'static,
    R: Future<Output = http::Answer> + Send + 'static,
{
    for listener in sockets.take(server).tcp {
        tasks.spawn(http::serve(listener, answer.clone()));
    }
}

/// The zone as it begins: every name leads to the dedicated server.
fn first_records(ports: &Ports) -> Vec<RecordSet> {
    let addresses = DEDICATED.addresses(ports);
    let names = SHOPS.into_iter().chain([MIRROR]);
    names
        .flat_map(|name| {
            addresses.iter().filter_map(move |ip| {
                let rtype = if ip.is_ipv4() {
                    RecordType::A
                } else {
                    RecordType::Aaaa
                };
                RecordSet::new(RecordKey::new(name, rtype), TTL, [ip.to_string()]).ok()
            })
        })
        .collect()
}
