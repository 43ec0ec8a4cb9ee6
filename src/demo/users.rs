//! Simulated users: they ask a resolver where a name leads, keep that for its TTL, and send requests there.
//!
//! They write nothing but their requests. What is seen of them is what the sites log.
#![expect(
    clippy::disallowed_methods,
    reason = "the users of the lab connect to its sites on loopback"
)]

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::playbook::{MIRROR, MIRROR_FILE, SHOPS};
use crate::world::names::{self, Address, Asked};

/// The time between two requests: forty in a second.
const PACE: Duration = Duration::from_millis(25);

/// How long a user waits for a page, or for an address.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many requests are under way at once; a user who finds no room goes away.
const AT_ONCE: usize = 32;

/// The shortest time for which an address is kept.
const SHORTEST: Duration = Duration::from_millis(250);

/// The largest page that is read.
const PAGE: u64 = 64 << 10;

const AGENT: &str = "Mozilla/5.0 (simulated user of the demo)";

/// Everybody who uses the sites.
pub(super) struct Users {
    pub(super) resolver: SocketAddr,
    /// Where the public addresses are on this machine.
    pub(super) doors: BTreeMap<IpAddr, SocketAddr>,
    /// They never ask for an address again: long sessions, old pages, caches that ignore the TTL.
    pub(super) never_ask_again: bool,
}

/// Where a name leads, and until when that is believed.
struct Known {
    addresses: Vec<Address>,
    until: Instant,
}

impl Users {
    /// Uses the sites until it is dropped.
    pub(super) async fn come_and_go(self) {
        let pages = [(SHOPS[0], "/"), (SHOPS[1], "/"), (MIRROR, MIRROR_FILE)];
        let mut known: BTreeMap<&str, Known> = BTreeMap::new();
        let mut requests = JoinSet::new();
        let mut pace = tokio::time::interval(PACE);
        // What a busy machine missed does not come in a burst: the traffic step would take that for the usual rate.
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for turn in 0_usize.. {
            pace.tick().await;
            while requests.try_join_next().is_some() {}
            // Each page is asked for twice in a row, so that both families get each of them.
            let (name, path) = pages[turn / 2 % pages.len()];
            self.find(name, &mut known).await;
            let Some(door) = self.door(name, turn, &known) else {
                continue;
            };
            if requests.len() < AT_ONCE {
                requests.spawn(async move {
                    // A user who gets no page is seen by the site, or by nobody.
                    let _page = tokio::time::timeout(PATIENCE, visit(door, name, path)).await;
                });
            }
        }
    }

    /// Asks for the addresses of a name, unless they are known.
    async fn find(&self, name: &'static str, known: &mut BTreeMap<&str, Known>) {
        let now = Instant::now();
        let fresh = |known: &Known| known.until > now || self.never_ask_again;
        if known.get(name).is_some_and(fresh) {
            return;
        }
        let asked = Asked::Resolver(self.resolver);
        let Ok(addresses) = names::addresses(name, &asked, PATIENCE).await else {
            return;
        };
        let ttl = addresses.iter().map(|address| address.ttl).min();
        let kept = Duration::from_secs(ttl.unwrap_or_default().into()).max(SHORTEST);
        let until = Instant::now() + kept;
        known.insert(name, Known { addresses, until });
    }

    /// Where this visit goes: the families take turns, as far as the name has both.
    fn door(&self, name: &str, turn: usize, known: &BTreeMap<&str, Known>) -> Option<SocketAddr> {
        let addresses = &known.get(name)?.addresses;
        let address = addresses.get(turn % addresses.len().max(1))?;
        self.doors.get(&address.ip).copied()
    }
}

async fn visit(door: SocketAddr, name: &str, path: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(door).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: {AGENT}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut page = Vec::new();
    stream.take(PAGE).read_to_end(&mut page).await?;
    Ok(())
}
