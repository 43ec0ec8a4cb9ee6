//! The loopback ports of a lab: six in a row, the same each time that a folder is started.
#![expect(
    clippy::disallowed_methods,
    reason = "the lab's servers are started here, on loopback alone"
)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_server::server::RequestHandler;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, UdpSocket};

use super::DemoError;

/// Below the range from which a kernel usually takes the ports of its own connections.
const LOWEST: u16 = 20_000;
const ROWS: u16 = 1_500;
const ROW: u16 = 8;

/// How long a connection of a client may be idle.
const IDLE: Duration = Duration::from_secs(5);

/// Where the servers of a lab listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Ports {
    first: u16,
    /// Whether they listen on `::1` too.
    pub(super) ipv6: bool,
}

/// A server of the lab, by the place of its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    Primary,
    Secondary,
    Cache,
    Provider,
    Dedicated,
    Cloud,
}

impl Server {
    const ALL: [Server; 6] = [
        Server::Primary,
        Server::Secondary,
        Server::Cache,
        Server::Provider,
        Server::Dedicated,
        Server::Cloud,
    ];

    fn speaks_dns(self) -> bool {
        matches!(self, Server::Primary | Server::Secondary | Server::Cache)
    }
}

/// The sockets of one server.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    pub(super) tcp: Vec<TcpListener>,
    pub(super) udp: Vec<UdpSocket>,
}

impl Sockets {
    /// Answers here as a name server, until what is returned is dropped.
    pub(super) fn name_server<H: RequestHandler>(self, handler: H) -> hickory_server::Server<H> {
        let mut server = hickory_server::Server::new(handler);
        for socket in self.udp {
            server.register_socket(socket);
        }
        for listener in self.tcp {
            server.register_listener(listener, IDLE, 64);
        }
        server
    }
}

/// The sockets of every server.
#[derive(Debug)]
pub(super) struct AllSockets(Vec<Sockets>);

impl AllSockets {
    /// The sockets of one server; none the second time.
    pub(super) fn take(&mut self, server: Server) -> Sockets {
        self.0
            .get_mut(server as usize)
            .map(std::mem::take)
            .unwrap_or_default()
    }
}

impl Ports {
    #[cfg(test)]
    pub(super) fn beginning(first: u16, ipv6: bool) -> Ports {
        Ports { first, ipv6 }
    }

    /// Where a server listens: IPv4 first.
    pub(super) fn of(&self, server: Server) -> Vec<SocketAddr> {
        let port = self.first + server as u16;
        let mut at = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
        if self.ipv6 {
            at.push(SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
        }
        at
    }

    /// Opens every socket, or says which one is taken.
    pub(super) async fn open(&self) -> Result<AllSockets, DemoError> {
        let mut all = Vec::new();
        for server in Server::ALL {
            let mut sockets = Sockets::default();
            for at in self.of(server) {
                let taken = |source| DemoError::Taken { at, source };
                sockets
                    .tcp
                    .push(TcpListener::bind(at).await.map_err(taken)?);
                if server.speaks_dns() {
                    sockets.udp.push(UdpSocket::bind(at).await.map_err(taken)?);
                }
            }
            all.push(sockets);
        }
        Ok(AllSockets(all))
    }

    /// Finds free ports for a folder: the search begins at a place of the folder's own.
    pub(super) async fn find(folder: &str) -> Result<(Ports, AllSockets), DemoError> {
        let ipv6 = has_ipv6().await;
        let hash = Sha256::digest(folder.as_bytes());
        let begin = u16::from_be_bytes([hash[0], hash[1]]) % ROWS;
        for row in (0..ROWS).map(|n| (begin + n) % ROWS) {
            let ports = Ports {
                first: LOWEST + row * ROW,
                ipv6,
            };
            if let Ok(sockets) = ports.open().await {
                return Ok((ports, sockets));
            }
        }
        Err(DemoError::NoPorts)
    }
}

async fn has_ipv6() -> bool {
    let any_port = SocketAddr::from((IpAddr::V6(Ipv6Addr::LOCALHOST), 0));
    TcpListener::bind(any_port).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_lab_gets_other_ports_and_the_same_ports_are_taken() {
        let (first, _sockets) = Ports::find("/a").await.unwrap();
        let (second, _others) = Ports::find("/a").await.unwrap();
        assert_ne!(first, second);
        assert!(matches!(first.open().await, Err(DemoError::Taken { .. })));
    }
}
