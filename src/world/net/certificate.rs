//! What a certificate says of itself, and why it is not taken, in words.

use std::net::IpAddr;

use rustls::CertificateError;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{X509Name, X509Version};

use crate::world::exec::printable;

/// How many names of a certificate are told.
const NAMES: usize = 5;
/// The least bits of an RSA key that TLS libraries take today.
const RSA: usize = 2048;

/// Whether a certificate that a playbook names itself may be shown for this name, now. Who signed it does not
/// matter. The rest is as curl has it: the name, the dates, and that it is for servers.
pub(super) fn fits(
    leaf: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), String> {
    let Some(leaf) = parse(leaf) else {
        return Err("that cannot be read".into());
    };
    let why = wrong_dates(&leaf, now)
        .or_else(|| wrong_name(&leaf, name, true))
        .or_else(|| wrong_purpose(&leaf));
    why.map_or(Ok(()), Err)
}

/// Why a certificate is not taken, in words that follow "a certificate". `named` says that the playbook names
/// certificates to be trusted.
pub(super) fn why(
    error: &CertificateError,
    leaf: &CertificateDer<'_>,
    chain: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    now: UnixTime,
    named: bool,
) -> String {
    let Some(leaf) = parse(leaf) else {
        return "that cannot be read".into();
    };
    let chain: Vec<X509Certificate<'_>> = chain.iter().filter_map(parse).collect();
    // What it says of itself is told first: a person can see and mend it.
    let own = wrong_dates(&leaf, now)
        .or_else(|| wrong_name(&leaf, name, false))
        .or_else(|| self_signed(&leaf, named))
        .or_else(|| wrong_purpose(&leaf))
        .or_else(|| wrong_form(&leaf));
    if let Some(own) = own {
        return own;
    }
    let issuers = || chain.iter().filter(|one| one.subject() != leaf.subject());
    match error {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            let of = issuers().find_map(|one| Some((one, wrong_dates(one, now)?)));
            match of {
                Some((one, what)) => {
                    format!("whose issuer {} has a certificate {what}", full(one.subject()))
                }
                None => "one of whose issuers has a certificate that is not valid today".into(),
            }
        }
        CertificateError::UnknownIssuer => unknown_issuer(&leaf, &chain, named),
        CertificateError::Revoked => "that was revoked".into(),
        CertificateError::BadSignature => {
            let short = [&leaf].into_iter().chain(issuers()).find_map(short_key);
            short.unwrap_or_else(|| {
                let issuer = full(leaf.issuer());
                format!("that the issuer {issuer} that is known here did not sign (another one has its name), or not in a way that is trusted today")
            })
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "that is signed in a way that is no longer trusted, or with a kind of key that is not known here".into()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "one of whose issuers is not for servers (extended key usage)".into()
        }
        CertificateError::UnhandledCriticalExtension => {
            "with a critical extension that is not known here".into()
        }
        // An authority without the right to sign, too long a chain, a constraint on names: there are many.
        _ => format!(
            "that breaks a rule of RFC 5280, or whose issuer {} does; `openssl verify` says which",
            full(leaf.issuer())
        ),
    }
}

/// Why a signature of the handshake does not fit.
pub(super) fn why_no_proof(leaf: &CertificateDer<'_>) -> String {
    let parsed = parse(leaf);
    let own = parsed.as_ref();
    own.and_then(|leaf| short_key(leaf).or_else(|| wrong_form(leaf)))
        .unwrap_or_else(|| "and did not prove that it has its key".into())
}

/// Whether it is a certificate at all.
pub(super) fn can_be_read(one: &CertificateDer<'_>) -> bool {
    parse(one).is_some()
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    let (rest, parsed) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(parsed)
}

fn wrong_dates(of: &X509Certificate<'_>, now: UnixTime) -> Option<String> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let (from, to) = (of.validity().not_before, of.validity().not_after);
    if now > to.timestamp() {
        return Some(format!("that expired on {}", day(to.timestamp())));
    }
    (now < from.timestamp()).then(|| format!("that is not valid before {}", day(from.timestamp())))
}

/// The names that it is for: DNS names, possibly with a wildcard, and addresses.
fn names(of: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = of.subject_alternative_name() else {
        return Vec::new();
    };
    let told = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|ip| ip.to_string()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(told).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

fn common_name(of: &X509Certificate<'_>) -> Option<String> {
    let first = of.subject().iter_common_name().next()?;
    first.as_str().ok().map(str::to_owned)
}

/// `common` says that the common name counts where there are no other names, as curl and no browser has it.
fn wrong_name(of: &X509Certificate<'_>, name: &ServerName<'_>, common: bool) -> Option<String> {
    let mut names = names(of);
    let asked = name.to_str();
    if names.is_empty() {
        match common_name(of) {
            Some(only) if common => names.push(only),
            Some(only) => {
                return Some(format!(
                    "that names no host but as its common name, `{}`, at which browsers do not look",
                    printable(&only)
                ));
            }
            None => return Some(format!("for no name, not for `{asked}`")),
        }
    }
    let fits = |one: &String| match name {
        ServerName::DnsName(_) => {
            let one = one.trim_end_matches('.');
            one.eq_ignore_ascii_case(&asked)
                || one.strip_prefix("*.").is_some_and(|above| {
                    let rest = asked.split_once('.').map(|(_, rest)| rest);
                    rest.is_some_and(|rest| rest.eq_ignore_ascii_case(above))
                })
        }
        _ => **one == asked,
    };
    if names.iter().any(fits) {
        return None;
    }
    let more = names.len().saturating_sub(NAMES);
    let mut told: Vec<String> = (names.iter().take(NAMES))
        .map(|name| format!("`{}`", printable(name)))
        .collect();
    if more > 0 {
        told.push(format!("{more} more"));
    }
    Some(format!("for {}, not for `{asked}`", told.join(", ")))
}

fn self_signed(of: &X509Certificate<'_>, named: bool) -> Option<String> {
    (of.subject().as_raw() == of.issuer().as_raw()).then(|| {
        let who = full(of.subject());
        match named {
            true => format!("that is self-signed ({who}) and is not one of those in `ca`"),
            false => {
                format!("that is self-signed ({who}): name its file in `ca` if it is the right one")
            }
        }
    })
}

/// Whether it is for servers (RFC 5280, 4.2.1.3 and 4.2.1.12).
fn wrong_purpose(of: &X509Certificate<'_>) -> Option<String> {
    if let Ok(Some(usage)) = of.extended_key_usage()
        && !usage.value.server_auth
        && !usage.value.any
    {
        return Some("that is not for servers (its extended key usage lacks `serverAuth`)".into());
    }
    let usage = of.key_usage().ok().flatten()?;
    let usage = usage.value;
    let fits = usage.digital_signature() || usage.key_encipherment() || usage.key_agreement();
    (!fits).then(|| "that is not for servers (its key usage allows no handshake)".into())
}

fn wrong_form(of: &X509Certificate<'_>) -> Option<String> {
    if of.version() != X509Version::V3 {
        let version = of.version().0.saturating_add(1);
        return Some(format!(
            "of the old version {version}, which has no names: one of version 3 is needed"
        ));
    }
    of.is_ca()
        .then(|| "of an authority (CA:TRUE), where that of a server belongs".into())
}

fn short_key(of: &X509Certificate<'_>) -> Option<String> {
    match of.public_key().parsed() {
        Ok(PublicKey::RSA(key)) if key.key_size() < RSA => Some(format!(
            "with an RSA key of {} bits ({}); {RSA} are the least that is trusted today",
            key.key_size(),
            full(of.subject())
        )),
        _ => None,
    }
}

fn unknown_issuer(
    leaf: &X509Certificate<'_>,
    chain: &[X509Certificate<'_>],
    named: bool,
) -> String {
    // As far as what was sent leads.
    let mut top = leaf;
    for _ in 0..chain.len() {
        let above = |one: &&X509Certificate<'_>| {
            one.subject().as_raw() == top.issuer().as_raw() && one.issuer() != top.issuer()
        };
        let Some(one) = chain.iter().find(above) else {
            break;
        };
        top = one;
    }
    let issuer = full(top.issuer());
    let trusted = match named {
        true => "is trusted neither by this machine nor by `ca`",
        false => "is not trusted by this machine",
    };
    let sent = chain
        .iter()
        .any(|one| one.subject().as_raw() == leaf.issuer().as_raw());
    match sent {
        true => format!("whose issuer {issuer} {trusted}"),
        false => {
            format!("whose issuer {issuer} {trusted} (and it sends no intermediate certificate)")
        }
    }
}

/// A name as it is written: `CN=example, O=Example`.
fn full(name: &X509Name<'_>) -> String {
    format!("`{}`", printable(&name.to_string()))
}

fn day(secs: i64) -> String {
    jiff::Timestamp::from_second(secs).map_or_else(
        |_| "an impossible day".into(),
        |at| at.strftime("%Y-%m-%d").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject;

    use super::*;

    /// Made with `openssl req -x509 -newkey rsa:1024`.
    const SHORT: &str = "
-----BEGIN CERTIFICATE-----
MIICKzCCAZSgAwIBAgIUIfn3qi1yv9DqByYDUvKmlpDEAEgwDQYJKoZIhvcNAQEL
BQAwGjEYMBYGA1UEAwwPd3d3LmxhYi5leGFtcGxlMCAXDTI2MTEyNzA5NDE1MVoY
DzIxMjYxMTAzMDk0MTUxWjAaMRgwFgYDVQQDDA93d3cubGFiLmV4YW1wbGUwgZ8w
DQYJKoZIhvcNAQEBBQADgY0AMIGJAoGBAO20/ufX6y8Wb9PtcRbRuBsyTt0RTZdY
4gyI4H3n1XSKZB4cVXY1lATlATYTx6I0mFAZW+MWxd4ggehLpkgQgqtbiSz4zwJx
YFJeD5oFGG1N/JZEtzF/mWbMl1s8NSXrIr2/E6OTGlkHSSVroucX/VMokBHmusUb
nMpuPE0IhlSXAgMBAAGjbDBqMB0GA1UdDgQWBBTSO2vg/csnf7d/CoDU4IesVezp
DjAfBgNVHSMEGDAWgBTSO2vg/csnf7d/CoDU4IesVezpDjAaBgNVHREEEzARgg93
d3cubGFiLmV4YW1wbGUwDAYDVR0TAQH/BAIwADANBgkqhkiG9w0BAQsFAAOBgQCW
rTqGwE1/GhFjcr6Mx27zquB3g9U95DMwC57pq57sqoFdpSxmZkppjST6uU3INHcD
wbsPsItpDB69S4Tp1XA//SK2kfSvu5rh+q0am7dCo2IggrTyZYZsawguoi2XW6i5
4unujHxupjIIXKgx52nXBVUg43pEbY9lbE9KmKbEwA==
-----END CERTIFICATE-----
";

    fn short() -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(SHORT.as_bytes()).unwrap()
    }

    #[test]
    fn a_short_key_is_told() {
        let words = "with an RSA key of 1024 bits (`CN=www.lab.example`); 2048 are the least that is trusted today";
        assert_eq!(why_no_proof(&short()), words);
    }

    #[test]
    fn the_name_and_the_dates_must_fit() {
        let name = |text: &str| ServerName::try_from(text.to_owned()).unwrap();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(4_000_000_000));
        assert_eq!(fits(&short(), &name("WWW.lab.example"), now), Ok(()));
        let other = fits(&short(), &name("www.www.lab.example"), now);
        let words = "for `www.lab.example`, not for `www.www.lab.example`";
        assert_eq!(other, Err(words.to_owned()));
        let early = UnixTime::since_unix_epoch(std::time::Duration::ZERO);
        let words = "that is not valid before 2026-11-27";
        assert_eq!(
            fits(&short(), &name("www.lab.example"), early),
            Err(words.to_owned())
        );
    }
}
