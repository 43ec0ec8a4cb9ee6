//! Whether this machine can send anything to an address. What it has no way to says nothing of the far side.
#![expect(
    clippy::disallowed_methods,
    reason = "the kernel is asked for a route; nothing is sent"
)]

use std::io::{Error, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::event::{Cause, Unseen};

/// A root name server (K) over each family: whoever reaches the world has a route there.
const WORLD: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(193, 0, 14, 129)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0x7fd, 0, 0, 0, 0, 0, 1)),
];

/// That this machine has no route to an address, where that is so.
pub(super) fn lacking(at: SocketAddr) -> Option<Unseen> {
    if has_route(at) {
        return None;
    }
    let mut world = WORLD
        .into_iter()
        .filter(|world| world.is_ipv4() == at.is_ipv4());
    let whole = !world.any(|ip| has_route(SocketAddr::new(ip, at.port())));
    Some(Unseen::new(Cause::NoRoute, words(at, whole)))
}

fn words(at: SocketAddr, whole: bool) -> String {
    let family = family(at.ip());
    match whole {
        true => format!("`{at}` was not asked: this machine has no route over {family}"),
        false => format!("`{at}` was not asked: this machine has no route to it"),
    }
}

/// The address family, as people call it.
fn family(ip: IpAddr) -> &'static str {
    match ip {
        IpAddr::V4(_) => "IPv4",
        IpAddr::V6(_) => "IPv6",
    }
}

/// To connect a UDP socket sends nothing: the kernel chooses a route and an address to send from, or has none.
fn has_route(at: SocketAddr) -> bool {
    let any: IpAddr = match at {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let tried = UdpSocket::bind((any, 0)).and_then(|socket| socket.connect(at));
    !tried.is_err_and(|error| shows_no_route(&error))
}

/// EAFNOSUPPORT: the kernel does not know the family.
const NO_FAMILY: i32 = 97;

fn shows_no_route(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable | ErrorKind::AddrNotAvailable
    ) || error.raw_os_error() == Some(NO_FAMILY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_itself_a_machine_has_a_route() {
        assert_eq!(lacking("127.0.0.1:80".parse().unwrap()), None);
    }

    #[test]
    fn what_the_kernel_says_of_a_route_is_told_from_other_errors() {
        const ENETUNREACH: i32 = 101;
        const EHOSTUNREACH: i32 = 113;
        const EADDRNOTAVAIL: i32 = 99;
        for code in [ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, NO_FAMILY] {
            assert!(shows_no_route(&Error::from_raw_os_error(code)), "{code}");
        }
        const EMFILE: i32 = 24;
        const EACCES: i32 = 13;
        for code in [EMFILE, EACCES] {
            assert!(!shows_no_route(&Error::from_raw_os_error(code)), "{code}");
        }
    }

    #[test]
    fn it_says_that_the_machine_lacks_it_and_of_a_family_only_where_all_of_it_lacks() {
        let at: SocketAddr = "[2001:db8::1]:443".parse().unwrap();
        assert_eq!(
            words(at, true),
            "`[2001:db8::1]:443` was not asked: this machine has no route over IPv6"
        );
        assert_eq!(
            words(at, false),
            "`[2001:db8::1]:443` was not asked: this machine has no route to it"
        );
    }
}
