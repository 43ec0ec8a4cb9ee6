//! What a certificate says of itself, and why it is not taken, in words.

use std::net::IpAddr;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{
    CertificateDer, ServerName, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::{CertificateError, DigitallySignedStruct};
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

/// Whether it is for this name, with a dot at its end too. `common` says that its common name counts where it has no
/// other, as curl has it.
pub(super) fn names(leaf: &CertificateDer<'_>, name: &ServerName<'_>, common: bool) -> bool {
    parse(leaf).is_some_and(|leaf| wrong_name(&leaf, name, common).is_none())
}

/// Why it may not be shown by a server, where its other rights are known: TLS libraries look at it, and ours does not.
pub(super) fn wrong_use(leaf: &CertificateDer<'_>) -> Option<String> {
    wrong_purpose(&parse(leaf)?)
}

/// Whether this one may sign others today.
pub(super) fn may_sign(one: &CertificateDer<'_>, now: UnixTime) -> bool {
    parse(one).is_some_and(|one| may_not_sign(&one, now).is_none())
}

/// Whether a server may show a certificate that has an odd form and that one of these authorities signed itself: that of
/// an authority, or one of an old version.
pub(super) fn fits_though_odd(
    leaf: &CertificateDer<'_>,
    authorities: &[&CertificateDer<'_>],
    name: &ServerName<'_>,
    now: UnixTime,
    algorithms: WebPkiSupportedAlgorithms,
) -> bool {
    let Some(odd) = parse(leaf).filter(|leaf| wrong_form(leaf).is_some()) else {
        return false;
    };
    let signed = authorities.iter().any(|one| {
        parse(one).is_some_and(|one| {
            matches!(one.name_constraints(), Ok(None)) && has_signed(&one, &odd, algorithms)
        })
    });
    signed && unknown_critical(&odd).is_none() && fits(leaf, name, now).is_ok()
}

/// Whether the key of one certificate has signed another one.
fn has_signed(
    issuer: &X509Certificate<'_>,
    of: &X509Certificate<'_>,
    algorithms: WebPkiSupportedAlgorithms,
) -> bool {
    let (key, signature) = (
        &issuer.public_key().subject_public_key.data,
        &of.signature_value.data,
    );
    let fits = |one: &&dyn SignatureVerificationAlgorithm| {
        one.verify_signature(key, of.tbs_certificate.as_ref(), signature)
            .is_ok()
    };
    issuer.subject().as_raw() == of.issuer().as_raw() && algorithms.all.iter().any(fits)
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

/// Why a certificate is not taken, in words that follow "a certificate". `named` are those that the playbook trusts.
pub(super) fn why(
    error: &CertificateError,
    leaf: &CertificateDer<'_>,
    chain: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    now: UnixTime,
    named: &[CertificateDer<'_>],
) -> String {
    let Some(leaf) = parse(leaf) else {
        return "that cannot be read".into();
    };
    let chain: Vec<X509Certificate<'_>> = chain.iter().filter_map(parse).collect();
    let authorities: Vec<X509Certificate<'_>> = named.iter().filter_map(parse).collect();
    let named = !named.is_empty();
    // What it says of itself is told first: a person can see and mend it.
    let own = wrong_dates(&leaf, now)
        .or_else(|| wrong_name(&leaf, name, false))
        .or_else(|| self_signed(&leaf, named))
        .or_else(|| wrong_purpose(&leaf))
        .or_else(|| wrong_form(&leaf))
        .or_else(|| unknown_critical(&leaf))
        .or_else(|| wrong_issuer(&leaf, &chain, &authorities, now));
    if let Some(own) = own {
        return own;
    }
    let issuers = || chain.iter().filter(|one| one.subject() != leaf.subject());
    match error {
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
        // Too long a chain, a constraint on names: there are many.
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

/// Why one that others are signed by has no right to.
fn may_not_sign(of: &X509Certificate<'_>, now: UnixTime) -> Option<String> {
    if let Some(dates) = wrong_dates(of, now) {
        return Some(dates);
    }
    let usage = of.key_usage().ok().flatten();
    let signs = usage.map(|usage| usage.value.key_cert_sign());
    if signs == Some(false) {
        return Some("that may not sign others (its key usage lacks `keyCertSign`)".into());
    }
    // Those of an old version have no such word, and some of version 3 only one on the use of the key.
    let is_authority = match of.basic_constraints() {
        Ok(Some(constraints)) => constraints.value.ca,
        _ => of.version() != X509Version::V3 || signs == Some(true),
    };
    (!is_authority).then(|| "that is not one of an authority (it lacks CA:TRUE)".into())
}

/// What is wrong with a certificate above it, as far as they are known.
fn wrong_issuer(
    leaf: &X509Certificate<'_>,
    chain: &[X509Certificate<'_>],
    named: &[X509Certificate<'_>],
    now: UnixTime,
) -> Option<String> {
    let above = |one: &X509Certificate<'_>| {
        let of_file = (named.iter()).map(|issuer| (issuer, " in `ca`"));
        let known = of_file.chain(chain.iter().map(|issuer| (issuer, "")));
        let is_above =
            |issuer: &X509Certificate<'_>| issuer.subject().as_raw() == one.issuer().as_raw();
        let mut first = None;
        for (issuer, place) in known.filter(|(issuer, _)| is_above(issuer)) {
            // Another one may do in its place.
            let what = may_not_sign(issuer, now)?;
            let who = full(issuer.subject());
            first.get_or_insert_with(|| {
                format!("whose issuer {who} has a certificate{place} {what}")
            });
        }
        first
    };
    above(leaf).or_else(|| chain.iter().find_map(above))
}

fn unknown_critical(of: &X509Certificate<'_>) -> Option<String> {
    let mut all = of.extensions().iter();
    let unknown = all.find(|one| one.critical && one.parsed_extension().unsupported())?;
    Some(format!(
        "with a critical extension that is not known here ({})",
        unknown.oid.to_id_string()
    ))
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

/// `common` says that the common name counts where there are no other names, as curl and no browser has it.
fn wrong_name(of: &X509Certificate<'_>, name: &ServerName<'_>, common: bool) -> Option<String> {
    let mut names = names_of(of);
    let asked = name.to_str();
    let asked = asked.trim_end_matches('.');
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
