//! What a certificate says of itself, and why it is not taken, in words.

use std::net::IpAddr;

use rustls::DigitallySignedStruct;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::X509Name;

use crate::world::exec::printable;

/// How many names of a certificate are told.
const NAMES: usize = 5;
/// The least bits of an RSA key that TLS libraries take today.
const RSA: usize = 2048;

/// What a certificate is for, as Netscape had it.
const NETSCAPE: &str = "2.16.840.1.113730.1.1";
/// The extensions that OpenSSL takes for known where they are critical (`X509_supported_extension`).
const KNOWN: [&str; 14] = [
    "2.5.29.15", // key usage
    "2.5.29.17", // subject alternative name
    "2.5.29.19", // basic constraints
    "2.5.29.30", // name constraints
    "2.5.29.31", // where revoked ones are listed
    "2.5.29.32", // policies
    "2.5.29.33", // policy mappings
    "2.5.29.36", // policy constraints
    "2.5.29.37", // extended key usage
    "2.5.29.54", // inhibit any policy
    NETSCAPE,
    "1.3.6.1.5.5.7.1.7",    // addresses that somebody may announce (RFC 3779)
    "1.3.6.1.5.5.7.1.8",    // and networks
    "1.3.6.1.5.5.7.48.1.5", // OCSP need not be asked
];
/// Those of them that limit what one is for.
const RIGHTS: [&str; 4] = ["2.5.29.15", "2.5.29.19", "2.5.29.30", "2.5.29.37"];

/// Why nobody who is trusted vouches for one.
pub(super) enum Lost {
    /// One signed that has no right to, in words that follow "a certificate".
    NoRight(String),
    /// One that is known has the name of who signed it, and did not.
    Namesake,
    Unknown,
}

/// Whether a certificate may be shown for this name, now, whoever signed it. It is as curl has it: the name, the dates, and
/// that it is for servers.
pub(super) fn fits(
    leaf: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), String> {
    let Some(leaf) = parse(leaf) else {
        return Err("that cannot be read".into());
    };
    let why = wrong_dates(&leaf, now)
        .or_else(|| wrong_name(&leaf, name))
        .or_else(|| wrong_purpose(&leaf))
        .or_else(|| unknown_condition(&leaf));
    why.map_or(Ok(()), Err)
}

/// Whether a signature of a handshake of TLS 1.2 was made with the key of a certificate, of any form.
pub(super) fn has_key(
    leaf: &CertificateDer<'_>,
    message: &[u8],
    signed: &DigitallySignedStruct,
    algorithms: WebPkiSupportedAlgorithms,
) -> bool {
    let Some(leaf) = parse(leaf) else {
        return false;
    };
    let key = &leaf.public_key().subject_public_key.data;
    let mut of_scheme = algorithms.mapping.iter();
    of_scheme.any(|(scheme, several)| {
        *scheme == signed.scheme
            && (several.iter()).any(|one| {
                one.verify_signature(key, message, signed.signature())
                    .is_ok()
            })
    })
}

/// The public key as it stands in a certificate of any form.
pub(super) fn key_of(leaf: &CertificateDer<'_>) -> Option<SubjectPublicKeyInfoDer<'static>> {
    Some(parse(leaf)?.public_key().raw.to_vec().into())
}

/// Why a certificate is not taken, in words that follow "a certificate". `named` says that the playbook trusts some.
pub(super) fn why(
    lost: &Lost,
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
        .or_else(|| wrong_name(&leaf, name))
        .or_else(|| self_signed(&leaf, named))
        .or_else(|| wrong_purpose(&leaf))
        .or_else(|| unknown_condition(&leaf));
    if let Some(own) = own {
        return own;
    }
    let issuers = || chain.iter().filter(|one| one.subject() != leaf.subject());
    match lost {
        Lost::Unknown => unknown_issuer(&leaf, &chain, named),
        Lost::Namesake => {
            let short = [&leaf].into_iter().chain(issuers()).find_map(short_key);
            short.unwrap_or_else(|| {
                let issuer = full(leaf.issuer());
                format!("that the issuer {issuer} that is known here did not sign (another one has its name), or not in a way that is trusted today")
            })
        }
        Lost::NoRight(why) => why.clone(),
    }
}

/// Why a signature of the handshake does not fit.
pub(super) fn why_no_proof(leaf: &CertificateDer<'_>) -> String {
    let parsed = parse(leaf);
    let own = parsed.as_ref();
    own.and_then(short_key)
        .unwrap_or_else(|| "and did not prove that it has its key".into())
}

/// A certificate as a file holds it. OpenSSL may write behind it what it is called and what it is trusted for.
pub(super) fn of_a_file(one: &CertificateDer<'_>) -> Result<CertificateDer<'static>, Odd> {
    let (rest, _) = X509Certificate::from_der(one).map_err(|_| Odd::Damaged)?;
    match *rest {
        // A list of what is trusted or rejected comes first (`X509_CERT_AUX` of OpenSSL, x509(1), `-trustout`).
        [0x30, length, first, ..] if length > 0 && matches!(first, 0x30 | 0xa0) => {
            return Err(Odd::Limited);
        }
        [] | [0x30, ..] => {}
        _ => return Err(Odd::Damaged),
    }
    let length = one.len() - rest.len();
    Ok(one[..length].to_vec().into())
}

/// Why what a file holds is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Odd {
    Damaged,
    /// It says for what it is trusted.
    Limited,
}

pub(super) fn parse<'a>(der: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    let (rest, parsed) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(parsed)
}

pub(super) fn wrong_dates(of: &X509Certificate<'_>, now: UnixTime) -> Option<String> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let (from, to) = (of.validity().not_before, of.validity().not_after);
    if now > to.timestamp() {
        return Some(format!("that expired on {}", day(to.timestamp())));
    }
    (now < from.timestamp()).then(|| format!("that is not valid before {}", day(from.timestamp())))
}

/// What it asks of those who look at it and nobody here understands.
pub(super) fn unknown_condition(of: &X509Certificate<'_>) -> Option<String> {
    let mut all = of.extensions().iter();
    let unknown = all.find(|one| one.critical && !KNOWN.contains(&&*one.oid.to_id_string()));
    if let Some(unknown) = unknown {
        let id = unknown.oid.to_id_string();
        return Some(format!(
            "with a critical extension that is not known here ({id})"
        ));
    }
    let twice = of.basic_constraints().is_err()
        || of.key_usage().is_err()
        || of.extended_key_usage().is_err();
    let mut all = of.extensions().iter();
    let is_damaged = |one: &X509Extension<'_>| {
        matches!(one.parsed_extension(), ParsedExtension::ParseError { .. })
            && RIGHTS.contains(&&*one.oid.to_id_string())
    };
    (twice || all.any(is_damaged)).then(|| "that does not say in a sound way what it is for".into())
}

/// The names that it is for: DNS names, possibly with a wildcard, and addresses.
fn names_of(of: &X509Certificate<'_>) -> Vec<String> {
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

/// The common name counts where there are no other names, as curl and no browser has it.
fn wrong_name(of: &X509Certificate<'_>, name: &ServerName<'_>) -> Option<String> {
    let mut names = names_of(of);
    let asked = name.to_str();
    let asked = asked.trim_end_matches('.');
    let common = if names.is_empty() {
        " (its common name)"
    } else {
        ""
    };
    if names.is_empty() {
        match common_name(of) {
            Some(only) => names.push(only),
            None => return Some(format!("for no name, not for `{asked}`")),
        }
    }
    let fits = |one: &String| match name {
        ServerName::DnsName(_) => {
            let one = one.trim_end_matches('.');
            one.eq_ignore_ascii_case(asked)
                || one.strip_prefix("*.").is_some_and(|above| {
                    // As everywhere, nobody has a certificate for all of `example`.
                    let rest = asked.split_once('.').map(|(_, rest)| rest);
                    above.contains('.') && rest.is_some_and(|rest| rest.eq_ignore_ascii_case(above))
                })
        }
        _ => one == asked,
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
    Some(format!(
        "for {}{common}, not for `{asked}`",
        told.join(", ")
    ))
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
    {
        return Some("that is not for servers (its extended key usage lacks `serverAuth`)".into());
    }
    // OpenSSL still heeds it; the second bit stands for servers.
    let mut all = of.extensions().iter();
    let netscape = all.find(|one| one.oid.to_id_string() == NETSCAPE);
    if netscape.is_some_and(|one| !matches!(one.value, [3, 2, _, uses] if uses & 0x40 != 0)) {
        return Some("that is not for servers (its type of Netscape)".into());
    }
    let usage = of.key_usage().ok().flatten()?;
    let usage = usage.value;
    let fits = usage.digital_signature() || usage.key_encipherment() || usage.key_agreement();
    (!fits).then(|| "that is not for servers (its key usage allows no handshake)".into())
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
pub(super) fn full(name: &X509Name<'_>) -> String {
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
