//! The way from the certificate of a server up to an authority that is trusted, judged as OpenSSL judges it for curl: each
//! one on the way may sign, each signed the one below, and none knows a condition that is not looked at here. Policies
//! are no condition where nobody asks for one (RFC 5280, 6.1.1), and nobody does.

use std::collections::HashMap;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name, X509Version};

use super::certificate::{Lost, full, parse, unknown_condition, wrong_dates};
use crate::words::count_of;

/// How many may stand between a server and an authority, and how many signatures are tried: whoever sends them pays
/// nothing for them.
const DEEPEST: usize = 10;
const TRIES: usize = 100;

/// Those who are trusted, by their names.
#[derive(Debug)]
pub(super) struct Roots {
    /// Where they are, in words that follow "a certificate".
    place: &'static str,
    by_name: HashMap<Vec<String>, Vec<CertificateDer<'static>>>,
}

impl Roots {
    /// What cannot be read vouches for nobody.
    pub(super) fn new(place: &'static str, all: Vec<CertificateDer<'static>>) -> Roots {
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        for one in all {
            if let Some(name) = parse(&one).map(|one| same(one.subject())) {
                by_name.entry(name).or_default().push(one);
            }
        }
        Roots { place, by_name }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub(super) fn contains(&self, one: &CertificateDer<'_>) -> bool {
        self.by_name.values().flatten().any(|known| known == one)
    }
}

/// A way that leads up.
pub(super) enum Way<'a> {
    /// All is looked at.
    Whole,
    /// All but the names that one on the way allows: these stand above the one of the server, the authority at the end.
    Constrained(Vec<&'a CertificateDer<'a>>),
}

struct One<'a> {
    der: &'a CertificateDer<'a>,
    parsed: X509Certificate<'a>,
}

/// Looks for a way from the certificate of a server.
pub(super) struct Search<'a> {
    sent: Vec<One<'a>>,
    roots: &'a Roots,
    now: UnixTime,
    algorithms: WebPkiSupportedAlgorithms,
    tries: usize,
    lost: Lost,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        sent: &'a [CertificateDer<'a>],
        roots: &'a Roots,
        now: UnixTime,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Search<'a> {
        let parsed = |der: &'a CertificateDer<'a>| parse(der).map(|parsed| One { der, parsed });
        Search {
            sent: sent.iter().filter_map(parsed).collect(),
            roots,
            now,
            algorithms,
            tries: TRIES,
            lost: Lost::Unknown,
        }
    }

    /// The way up from this one.
    pub(super) fn way(mut self, leaf: &X509Certificate<'_>) -> Result<Way<'a>, Lost> {
        let sent = std::mem::take(&mut self.sent);
        let mut way = Vec::new();
        let Some(top) = self.climb(leaf, &sent, &mut way) else {
            return Err(self.lost);
        };
        let constrained = |one: &X509Certificate<'_>| !matches!(one.name_constraints(), Ok(None));
        let on_the_way = way.iter().map(|at| &sent[*at].parsed);
        match on_the_way.chain([&top.parsed]).any(constrained) {
            true => {
                let below = way.iter().map(|at| sent[*at].der);
                Ok(Way::Constrained(below.chain([top.der]).collect()))
            }
            false => Ok(Way::Whole),
        }
    }

    /// Goes up from `from`, above which `way` leads already, and returns the authority that it comes to.
    fn climb(
        &mut self,
        from: &X509Certificate<'_>,
        sent: &[One<'a>],
        way: &mut Vec<usize>,
    ) -> Option<One<'a>> {
        let roots = self.roots;
        let issuer = same(from.issuer());
        let issued = way.iter().filter(|at| !is_self_issued(&sent[**at].parsed));
        let below = issued.count();
        for der in roots.by_name.get(&issuer).into_iter().flatten() {
            if let Some(parsed) = parse(der)
                && self.stands_above(&parsed, roots.place, from, below)
            {
                return Some(One { der, parsed });
            }
        }
        if way.len() >= DEEPEST {
            return None;
        }
        for (at, one) in sent.iter().enumerate() {
            if way.contains(&at) || same(one.parsed.subject()) != issuer {
                continue;
            }
            if self.stands_above(&one.parsed, "", from, below) {
                way.push(at);
                if let Some(top) = self.climb(&one.parsed, sent, way) {
                    return Some(top);
                }
                way.pop();
            }
        }
        None
    }

    /// Whether this one, which has the right name, signed that one and had the right to, with so many authorities below
    /// it.
    fn stands_above(
        &mut self,
        one: &X509Certificate<'_>,
        place: &str,
        from: &X509Certificate<'_>,
        below: usize,
    ) -> bool {
        if self.tries == 0 {
            return false;
        }
        self.tries -= 1;
        if !has_signed(one, from, self.algorithms) {
            if matches!(self.lost, Lost::Unknown) {
                self.lost = Lost::Namesake;
            }
            return false;
        }
        let why = may_not_sign(one, self.now).or_else(|| too_long(one, below));
        let Some(why) = why else {
            return true;
        };
        // The first one is told: it is the nearest.
        if !matches!(self.lost, Lost::NoRight(_)) {
            let who = full(one.subject());
            self.lost = Lost::NoRight(format!("whose issuer {who} has a certificate{place} {why}"));
        }
        false
    }
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
    // Old ones at the top have no such word: those of an old version, and some that speak of the use of the key alone.
    let is_authority = match of.basic_constraints() {
        Ok(Some(constraints)) => constraints.value.ca,
        _ => is_self_issued(of) && (of.version() != X509Version::V3 || signs == Some(true)),
    };
    if !is_authority {
        return Some("that is not one of an authority (it lacks CA:TRUE)".into());
    }
    if let Ok(Some(usage)) = of.extended_key_usage()
        && !usage.value.server_auth
    {
        let why = "that may not sign those of servers (its extended key usage lacks `serverAuth`)";
        return Some(why.into());
    }
    unknown_condition(of)
}

/// Why so many authorities may not stand below this one.
fn too_long(one: &X509Certificate<'_>, below: usize) -> Option<String> {
    let Ok(Some(constraints)) = one.basic_constraints() else {
        return None;
    };
    let most = constraints.value.path_len_constraint? as usize;
    let authorities = |n| count_of(n, "authority", "authorities");
    (below > most).then(|| {
        format!(
            "that allows {} below it (`pathlen`), and {below} came",
            authorities(most)
        )
    })
}

/// An authority that renews its key signs itself: that is no step of its own (RFC 5280, 6.1).
fn is_self_issued(one: &X509Certificate<'_>) -> bool {
    same(one.subject()) == same(one.issuer())
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
    algorithms.all.iter().any(fits)
}

/// A name in the form in which it is compared: the kind of its strings, capitals and spaces make no difference (RFC 5280,
/// 7.1).
fn same(name: &X509Name<'_>) -> Vec<String> {
    let part = |part: &AttributeTypeAndValue<'_>| {
        let text = match part.as_str() {
            Ok(text) => {
                let words: Vec<&str> = text.split_ascii_whitespace().collect();
                words.join(" ").to_ascii_lowercase()
            }
            Err(_) => format!("{:?}", part.as_slice()),
        };
        format!("{}={text}", part.attr_type().to_id_string())
    };
    let together = |several: &RelativeDistinguishedName<'_>| {
        let parts: Vec<String> = several.iter().map(part).collect();
        parts.join("\n")
    };
    name.iter_rdn().map(together).collect()
}
