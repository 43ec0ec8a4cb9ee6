//! What single texts must look like: names, addresses, URLs.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Whether the text can be the name of an environment variable.
pub(super) fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn authority(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let known = ["http", "https"]
        .iter()
        .any(|one| scheme.eq_ignore_ascii_case(one));
    rest.split(['/', '?', '#']).next().filter(|_| known)
}

/// Whether a URL may hold a user or a password; a password with a `/` in it breaks the rules of URLs, and
/// must not be shown either.
pub(super) fn url_has_password(url: &str) -> bool {
    url.contains('@')
}

pub(super) fn is_url(url: &str) -> bool {
    let Some(authority) = authority(url) else {
        return false;
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let host_is_good = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        }
    };
    host_is_good
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
        && !url.contains(|c: char| c.is_whitespace() || c.is_control())
}

pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text.parse().map_err(|_| "is no IP address".to_owned())?;
    let mapped = matches!(address, IpAddr::V6(six) if six.to_ipv4_mapped().is_some());
    if address.is_unspecified() || address.is_multicast() || mapped {
        return Err("is no address of one machine".into());
    }
    Ok(address)
}

/// `192.0.2.53:53`, `[2001:db8::54]:53`, and both without a port.
pub(super) fn socket(text: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address).filter(|address| address.port() > 0);
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse::<IpAddr>()
        .ok()
        .map(|address| SocketAddr::new(address, port))
}

pub(super) fn socket_text(text: &str) -> Result<(), String> {
    match socket(text, 53) {
        Some(_) => Ok(()),
        None => Err("is no address with a port".into()),
    }
}

/// A fully qualified host name in lower case, without the last dot.
pub(super) fn host_name(text: &str) -> Result<String, String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let label_is_good = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    if name.contains("://") || name.contains('/') {
        Err("is no host name: leave out everything but the name".into())
    } else if !name.is_ascii() {
        Err("is no host name in DNS: write it in its `xn--` form".into())
    } else if name.len() > 253 || !name.split('.').all(label_is_good) {
        Err("is no host name".into())
    } else if !name.contains('.') {
        Err("is not fully qualified".into())
    } else {
        Ok(name)
    }
}

/// Lower-case words of letters and digits with single hyphens between them.
pub(super) fn is_kebab(text: &str) -> bool {
    text.split('-').all(|word| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}
